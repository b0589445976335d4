// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are held: how many that may be, by whom; under which handle; mapped,
 * listed, given back.
 *
 * Lock order: mmap_lock of a task that maps, context->pages_lock, the lock of
 * context->batches, users_lock. Nothing is copied to or from a caller under any of
 * ours, for that may take the first.
 */
#include <linux/cred.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

#include "compat.h"
#include "pages.h"

static unsigned long pages_max = SZ_64M >> PAGE_SHIFT;
module_param(pages_max, ulong, 0644);
MODULE_PARM_DESC(pages_max, "Pages that one descriptor may hold (default: 64 MiB of them)");

static unsigned long pages_max_user = SZ_256M >> PAGE_SHIFT;
module_param(pages_max_user, ulong, 0644);
MODULE_PARM_DESC(pages_max_user,
		 "Pages that one user may hold by all descriptors (default: 256 MiB of them)");

/* Whoever has a descriptor open; there are few at a time. */
struct klab_user {
	struct list_head entry;		/* the rest under users_lock as well */
	kuid_t uid;
	unsigned long descriptors;
	unsigned long pages;
};

static LIST_HEAD(users);
static DEFINE_SPINLOCK(users_lock);

unsigned long klab_pages_max(void)
{
	return READ_ONCE(pages_max);
}

unsigned long klab_pages_max_user(void)
{
	return READ_ONCE(pages_max_user);
}

static struct klab_user *user_get(kuid_t uid)
{
	struct klab_user *user, *fresh = kzalloc(sizeof(*fresh), KLAB_GFP);

	if (!fresh)
		return NULL;
	spin_lock(&users_lock);
	list_for_each_entry(user, &users, entry) {
		if (uid_eq(user->uid, uid))
			goto out;
	}
	user = fresh;
	user->uid = uid;
	list_add(&user->entry, &users);
	fresh = NULL;
out:
	user->descriptors++;
	spin_unlock(&users_lock);
	kfree(fresh);
	return user;
}

static void user_put(struct klab_user *user)
{
	spin_lock(&users_lock);
	if (--user->descriptors)
		user = NULL;
	else
		list_del(&user->entry);
	spin_unlock(&users_lock);
	kfree(user);
}

int klab_pages_init(struct klab_context *context)
{
	context->user = user_get(current_uid());
	if (!context->user)
		return -ENOMEM;
	mutex_init(&context->pages_lock);
	xa_init_flags(&context->batches, XA_FLAGS_ALLOC1);
	return 0;
}

/* Set @pages of what descriptor and user may hold apart, before they are obtained. */
int klab_pages_reserve(struct klab_context *context, unsigned long pages)
{
	struct klab_user *user = context->user;
	int error = -ENOMEM;

	spin_lock(&users_lock);
	if (context->pages_held + pages <= klab_pages_max() &&
	    user->pages + pages <= klab_pages_max_user()) {
		WRITE_ONCE(context->pages_held, context->pages_held + pages);
		WRITE_ONCE(user->pages, user->pages + pages);
		error = 0;
	}
	spin_unlock(&users_lock);
	return error;
}

void klab_pages_unreserve(struct klab_context *context, unsigned long pages)
{
	spin_lock(&users_lock);
	WRITE_ONCE(context->pages_held, context->pages_held - pages);
	WRITE_ONCE(context->user->pages, context->user->pages - pages);
	spin_unlock(&users_lock);
}

/* For notifications: there are more or fewer now. */
void klab_pages_tell(struct klab_context *context)
{
	if (wq_has_sleeper(&context->pages_changed))
		wake_up_poll(&context->pages_changed, EPOLLPRI);
}

/* From here on it is everybody's who uses the descriptor. */
int klab_batch_publish(struct klab_context *context, struct klab_batch *batch, u32 *handle)
{
	return xa_alloc(&context->batches, handle, batch, XA_LIMIT(1, INT_MAX), KLAB_GFP);
}

static void free_block(struct klab_batch *batch, unsigned long index)
{
	struct page *block = batch->blocks[index];
	unsigned int i;

	batch->blocks[index] = NULL;
	batch->left--;
	if (!batch->split) {
		__free_pages(block, batch->order);
		return;
	}
	for (i = 0; i < 1U << batch->order; i++)
		__free_page(block + i);
}

/*
 * Give back the blocks that are asked for, or with no @which all, and take the time
 * of each if there is a @measure. Returns how many there were.
 */
unsigned long klab_batch_free(struct klab_batch *batch, const struct klab_pages_free *which,
			      struct klab_measure *measure)
{
	unsigned long end = batch->count, i = 0, stride = 1, freed = 0;
	unsigned int chunk = 0;

	if (which) {
		i = which->first;
		end = which->span ? which->first + which->span : end;
		stride = which->stride ?: 1;
	}
	for (; i < end; i += min(stride, end - i)) {
		bool there = batch->blocks[i];

		if (there && measure && !chunk)
			measure->stamps[0] = klab_measure_stamp(measure);
		if (there) {
			free_block(batch, i);
			freed++;
			chunk++;
			if (measure)
				measure->stamps[chunk] = klab_measure_stamp(measure);
		}
		/* Nothing but frees may lie between two stamps. */
		if (!there || chunk == KLAB_CHUNK) {
			if (measure)
				klab_measure_frees(measure, chunk);
			chunk = 0;
			cond_resched();
		}
	}
	if (measure)
		klab_measure_frees(measure, chunk);
	return freed;
}

static int free_under_lock(struct klab_context *context, struct klab_pages_free *ask,
			   struct klab_measure *measure)
{
	struct klab_batch *batch = xa_load(&context->batches, ask->handle);

	lockdep_assert_held(&context->pages_lock);
	if (!batch)
		return -ENOENT;
	if (ask->first >= batch->count || ask->span > batch->count - ask->first)
		return -EINVAL;
	if (atomic_read(&batch->maps))
		return -EBUSY;

	ask->order = batch->order;
	ask->count = klab_batch_free(batch, ask, measure);
	ask->left = batch->left;
	if (!batch->left) {
		xa_erase(&context->batches, ask->handle);
		kvfree(batch);
	}
	klab_pages_unreserve(context, ask->count << ask->order);
	return 0;
}

int klab_pages_free(struct klab_context *context, void *arg)
{
	struct klab_pages_free *ask = arg;
	struct klab_measure *measure;
	int error;

	if (ask->flags || ask->reserved)
		return -EINVAL;
	error = klab_check_array(&ask->histogram, offsetofend(struct klab_bucket, frees));
	if (error)
		return error;
	measure = klab_measure_new(false);
	if (!measure)
		return -ENOMEM;

	/* What is freed cannot be taken back: so first see whether it can be told. */
	error = klab_put_histogram(&(struct klab_array) { ask->histogram.records,
				   ask->histogram.count, ask->histogram.size }, measure);
	if (!error)
		error = mutex_lock_killable(&context->pages_lock);
	if (!error) {
		error = free_under_lock(context, ask, measure);
		mutex_unlock(&context->pages_lock);
	}
	if (!error) {
		klab_pages_tell(context);
		error = klab_put_histogram(&ask->histogram, measure);
	}
	ask->free = measure->free.timing;
	ask->clock_ns = measure->clock_ns;
	kfree(measure);
	return error;
}

/* Runs alone: every mapping holds the file, and so does every call. */
void klab_pages_release(struct klab_context *context)
{
	struct klab_batch *batch;
	unsigned long handle;

	xa_for_each(&context->batches, handle, batch) {
		klab_batch_free(batch, NULL, NULL);
		kvfree(batch);
	}
	xa_destroy(&context->batches);
	klab_pages_unreserve(context, context->pages_held);
	user_put(context->user);
}

unsigned long klab_pages_batches(struct klab_context *context)
{
	unsigned long handle, count = 0;
	void *batch;

	/* Counted only: a batch that is being freed may still be found. */
	xa_for_each(&context->batches, handle, batch)
		count++;
	return count;
}

/* The next batch from *@handle on, as it is now. */
static int next_batch(struct klab_context *context, unsigned long *handle,
		      struct klab_batch_info *info)
{
	int error = mutex_lock_killable(&context->pages_lock);
	struct klab_batch *batch;

	if (error)
		return error;
	batch = xa_find(&context->batches, handle, ULONG_MAX, XA_PRESENT);
	if (batch)
		*info = (struct klab_batch_info) {
			.handle = *handle,
			.order = batch->order,
			.flags = batch->flags,
			.maps = atomic_read(&batch->maps),
			.count = batch->count,
			.left = batch->left,
		};
	mutex_unlock(&context->pages_lock);
	return batch ? 0 : -ENOENT;
}

int klab_pages_list(struct klab_context *context, void *arg)
{
	struct klab_pages_list *ask = arg;
	unsigned int room = ask->batches.count;
	struct klab_batch_info info;
	unsigned long handle = 0;
	int error;

	error = klab_check_array(&ask->batches, offsetofend(struct klab_batch_info, left));
	if (error)
		return error;

	ask->batches.count = 0;
	while (!(error = next_batch(context, &handle, &info))) {
		error = klab_put_record(&ask->batches, room, &info, sizeof(info));
		if (error)
			return error;
		handle++;
		cond_resched();
	}
	ask->pages = READ_ONCE(context->pages_held);
	ask->pages_user = READ_ONCE(context->user->pages);
	return error == -ENOENT ? 0 : error;
}

static vm_fault_t held_fault(struct vm_fault *fault)
{
	const struct klab_batch *batch = fault->vma->vm_private_data;
	unsigned long block = fault->pgoff >> batch->order;

	/* While it is mapped, no block comes or goes. */
	if (block >= batch->count || !batch->blocks[block])
		return VM_FAULT_SIGBUS;
	fault->page = batch->blocks[block] + (fault->pgoff & ((1UL << batch->order) - 1));
	get_page(fault->page);
	return 0;
}

static void held_open(struct vm_area_struct *vma)
{
	struct klab_batch *batch = vma->vm_private_data;

	atomic_inc(&batch->maps);
}

static void held_close(struct vm_area_struct *vma)
{
	struct klab_batch *batch = vma->vm_private_data;

	atomic_dec(&batch->maps);
}

static const struct vm_operations_struct held_vm_ops = {
	.open	= held_open,
	.close	= held_close,
	.fault	= held_fault,
};

/* A fault takes a reference to one page: so each page needs its own. */
static void split_blocks(struct klab_batch *batch)
{
	unsigned long i;

	for (i = 0; i < batch->count && batch->order && !batch->split; i++) {
		if (batch->blocks[i])
			split_page(batch->blocks[i], batch->order);
	}
	batch->split = true;
}

static int map_under_lock(struct klab_context *context, struct vm_area_struct *vma)
{
	struct klab_batch *batch = xa_load(&context->batches, vma->vm_pgoff);

	lockdep_assert_held(&context->pages_lock);
	if (!batch)
		return -ENOENT;
	/* What was in other memory before must not be seen. */
	if (!(batch->flags & KLAB_PAGES_ZEROED) || batch->flags & KLAB_PAGES_COMPOUND)
		return -EINVAL;
	if (vma_pages(vma) > batch->count << batch->order)
		return -EINVAL;

	split_blocks(batch);
	atomic_inc(&batch->maps);
	vma->vm_private_data = batch;
	vma->vm_ops = &held_vm_ops;
	/* The offset was a name. It is none that the next mapping could go on from. */
	vma->vm_pgoff = 0;
	klab_vm_flags_set(vma, VM_DONTEXPAND);
	return 0;
}

int klab_pages_mmap(struct klab_context *context, struct vm_area_struct *vma)
{
	int error;

	if (!vma->vm_pgoff)
		return -ENODEV;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	error = mutex_lock_killable(&context->pages_lock);
	if (error)
		return error;
	error = map_under_lock(context, vma);
	mutex_unlock(&context->pages_lock);
	return error;
}
