// SPDX-License-Identifier: GPL-2.0-only
/*
 * An address space: its numbers and its areas. Its pages are in apages.c.
 *
 * The address space may change all the time. mmap_lock, for reading, guards the
 * areas; it is held for one chunk of a long walk and let go before anything is copied
 * to the caller, which may fault, and in this very address space.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "klab.h"

int klab_task_space(struct klab_context *context, void *arg)
{
	struct mm_struct *mm = klab_task_mm(context);
	struct klab_task_space *space = arg;

	if (IS_ERR(mm))
		return PTR_ERR(mm);
	/* The numbers under this lock belong together; of the others each is right. */
	spin_lock(&mm->arg_lock);
	space->code_start = mm->start_code;
	space->code_end = mm->end_code;
	space->data_start = mm->start_data;
	space->data_end = mm->end_data;
	space->brk_start = mm->start_brk;
	space->brk = mm->brk;
	space->stack_start = mm->start_stack;
	space->arguments_start = mm->arg_start;
	space->arguments_end = mm->arg_end;
	space->environment_start = mm->env_start;
	space->environment_end = mm->env_end;
	spin_unlock(&mm->arg_lock);

	space->mmap_base = mm->mmap_base;
	space->end = mm->task_size;
	space->pages = READ_ONCE(mm->total_vm);
	space->locked = READ_ONCE(mm->locked_vm);
	space->pinned = atomic64_read(&mm->pinned_vm);
	space->data = READ_ONCE(mm->data_vm);
	space->executable = READ_ONCE(mm->exec_vm);
	space->stack = READ_ONCE(mm->stack_vm);
	space->anonymous = klab_mm_counter(mm, MM_ANONPAGES);
	space->file = klab_mm_counter(mm, MM_FILEPAGES);
	space->shmem = klab_mm_counter(mm, MM_SHMEMPAGES);
	space->swapped = klab_mm_counter(mm, MM_SWAPENTS);
	space->pages_most = max_t(u64, space->pages, READ_ONCE(mm->hiwater_vm));
	space->resident_most = max_t(u64, space->anonymous + space->file + space->shmem,
				     READ_ONCE(mm->hiwater_rss));
	space->table_bytes = mm_pgtables_bytes(mm);
	space->areas = READ_ONCE(mm->map_count);
	/* Without the one that this call is. */
	space->users = atomic_read(&mm->mm_users) - 1;
	mmput(mm);
	return 0;
}

/* The lowest eight are the kernel's own, in its own order. */
#define SAME_BITS	(KLAB_AREA_READ | KLAB_AREA_WRITE | KLAB_AREA_EXEC | KLAB_AREA_SHARED | \
			 KLAB_AREA_MAY_READ | KLAB_AREA_MAY_WRITE | KLAB_AREA_MAY_EXEC |	\
			 KLAB_AREA_MAY_SHARE)
static_assert(SAME_BITS == (VM_READ | VM_WRITE | VM_EXEC | VM_SHARED | VM_MAYREAD | VM_MAYWRITE |
			    VM_MAYEXEC | VM_MAYSHARE));
static_assert(KLAB_AREA_READ == VM_READ && KLAB_AREA_WRITE == VM_WRITE &&
	      KLAB_AREA_EXEC == VM_EXEC && KLAB_AREA_SHARED == VM_SHARED &&
	      KLAB_AREA_MAY_READ == VM_MAYREAD && KLAB_AREA_MAY_WRITE == VM_MAYWRITE &&
	      KLAB_AREA_MAY_EXEC == VM_MAYEXEC);

/* What a kernel has no bit for is VM_NONE there, and so never set. */
static const struct {
	unsigned long kernel;
	u64 flag;
} area_flags[] = {
	{ VM_GROWSDOWN, KLAB_AREA_GROWS_DOWN },
	{ VM_LOCKED, KLAB_AREA_LOCKED },
	{ VM_LOCKONFAULT, KLAB_AREA_LOCK_ON_FAULT },
	{ VM_SEQ_READ, KLAB_AREA_SEQUENTIAL },
	{ VM_RAND_READ, KLAB_AREA_RANDOM },
	{ VM_DONTCOPY, KLAB_AREA_DONT_FORK },
	{ VM_WIPEONFORK, KLAB_AREA_WIPE_ON_FORK },
	{ VM_DONTDUMP, KLAB_AREA_DONT_DUMP },
	{ VM_DONTEXPAND, KLAB_AREA_DONT_EXPAND },
	{ VM_ACCOUNT, KLAB_AREA_ACCOUNTED },
	{ VM_NORESERVE, KLAB_AREA_NO_RESERVE },
	{ VM_HUGEPAGE, KLAB_AREA_HUGE },
	{ VM_NOHUGEPAGE, KLAB_AREA_NO_HUGE },
	{ VM_HUGETLB, KLAB_AREA_HUGETLB },
	{ VM_MERGEABLE, KLAB_AREA_MERGEABLE },
	{ VM_SOFTDIRTY, KLAB_AREA_SOFT_DIRTY },
	{ VM_IO, KLAB_AREA_IO },
	{ VM_PFNMAP, KLAB_AREA_FRAMES_ONLY },
	{ VM_MIXEDMAP, KLAB_AREA_FRAMES_TOO },
	{ VM_SYNC, KLAB_AREA_SYNC },
	{ VM_UFFD_MISSING, KLAB_AREA_USERFAULT_MISSING },
	{ VM_UFFD_WP, KLAB_AREA_USERFAULT_WRITE },
	{ VM_UFFD_MINOR, KLAB_AREA_USERFAULT_MINOR },
};

static u64 flags_of(unsigned long kernel)
{
	u64 flags = kernel & SAME_BITS;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(area_flags); i++)
		if (kernel & area_flags[i].kernel)
			flags |= area_flags[i].flag;
	return flags;
}

#define CHUNK_AREAS	128
#define CHUNK_NAMES	(2 * PATH_MAX)

struct chunk {
	unsigned long next;		/* where to go on */
	bool last;
	u32 areas;
	u32 names;			/* bytes */
	struct klab_area area[CHUNK_AREAS];
	char name[CHUNK_NAMES];
};

/*
 * The name that /proc/PID/maps has, put at @to, where there is room for PATH_MAX.
 * Returns its length with the NUL, or 0 when there is none.
 */
static size_t area_name(struct vm_area_struct *vma, char *to)
{
	const char *given = klab_area_given_name(vma), *name = NULL;
	char *path;

	if (vma->vm_file && !given) {
		path = d_path(klab_file_path(vma->vm_file), to, PATH_MAX);
		if (IS_ERR(path))
			return 0;
		memmove(to, path, strlen(path) + 1);
		return strlen(to) + 1;
	}
	if (vma->vm_file)
		return scnprintf(to, PATH_MAX, "[anon_shmem:%s]", given) + 1;
	if (vma->vm_ops && vma->vm_ops->name)
		name = vma->vm_ops->name(vma);
	if (!name && vma->vm_start <= vma->vm_mm->brk && vma->vm_end >= vma->vm_mm->start_brk)
		name = "[heap]";
	if (!name && vma->vm_start <= vma->vm_mm->start_stack &&
	    vma->vm_end >= vma->vm_mm->start_stack)
		name = "[stack]";
	if (name)
		return strscpy(to, name, PATH_MAX) + 1;
	return given ? scnprintf(to, PATH_MAX, "[anon:%s]", given) + 1 : 0;
}

static void add_area(struct chunk *chunk, struct vm_area_struct *vma, bool name)
{
	struct klab_area *area = &chunk->area[chunk->areas++];
	const struct inode *inode;

	*area = (struct klab_area) {
		.start = vma->vm_start,
		.end = vma->vm_end,
		.flags = flags_of(vma->vm_flags),
	};
	if (vma->vm_file) {
		inode = klab_file_inode(vma->vm_file);
		area->offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
		area->inode = inode->i_ino;
		area->major = MAJOR(inode->i_sb->s_dev);
		area->minor = MINOR(inode->i_sb->s_dev);
	}
	if (name) {
		area->name_offset = chunk->names;
		area->name_bytes = area_name(vma, chunk->name + chunk->names);
		chunk->names += area->name_bytes;
	}
}

/* The areas from chunk->next to @end, as many as there is room for. */
static int fill_chunk(struct mm_struct *mm, struct chunk *chunk, unsigned long end, bool names)
{
	VMA_ITERATOR(vmi, mm, chunk->next);
	struct vm_area_struct *vma;

	chunk->areas = 0;
	chunk->names = 0;
	chunk->last = true;
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for_each_vma(vmi, vma) {
		if (vma->vm_start >= end)
			break;
		if (chunk->areas == CHUNK_AREAS || chunk->names > CHUNK_NAMES - PATH_MAX) {
			chunk->last = false;
			break;
		}
		add_area(chunk, vma, names);
		chunk->next = vma->vm_end;
	}
	mmap_read_unlock(mm);
	return 0;
}

/* Hand a chunk out, its names behind those that went before. */
static int put_chunk(struct klab_task_areas *ask, struct chunk *chunk, u32 room, u32 names_room)
{
	u32 before = ask->names_bytes, fit, i;
	size_t known = sizeof(struct klab_area);
	int error;

	for (i = 0; i < chunk->areas; i++)
		chunk->area[i].name_offset += before;
	if (before < names_room) {
		fit = min(chunk->names, names_room - before);
		if (copy_to_user(u64_to_user_ptr(ask->names + before), chunk->name, fit))
			return -EFAULT;
	}
	ask->names_bytes += chunk->names;

	/* All of them at once, when the caller's records are like ours. */
	if (ask->areas.size == known && ask->areas.count < room) {
		fit = min(chunk->areas, room - ask->areas.count);
		if (copy_to_user(u64_to_user_ptr(ask->areas.records + ask->areas.count * known),
				 chunk->area, fit * known))
			return -EFAULT;
		ask->areas.count += chunk->areas;
		return 0;
	}
	for (i = 0, error = 0; i < chunk->areas && !error; i++)
		error = klab_put_record(&ask->areas, room, &chunk->area[i], known);
	return error;
}

int klab_task_areas(struct klab_context *context, void *arg)
{
	struct klab_task_areas *ask = arg;
	u32 room = ask->areas.count, names_room = ask->names_bytes;
	unsigned long end = ask->end ?: ULONG_MAX;
	struct mm_struct *mm;
	struct chunk *chunk;
	int error;

	if (ask->flags || ask->start > ULONG_MAX || ask->end > ULONG_MAX || ask->start >= end)
		return -EINVAL;
	error = klab_check_array(&ask->areas, offsetofend(struct klab_area, name_bytes));
	if (error)
		return error;
	mm = klab_task_mm(context);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	chunk = kvmalloc(sizeof(*chunk), KLAB_GFP);
	if (!chunk) {
		error = -ENOMEM;
		goto out;
	}
	ask->areas.count = 0;
	ask->names_bytes = 0;
	chunk->next = ask->start;
	do {
		error = fatal_signal_pending(current) ? -EINTR :
			fill_chunk(mm, chunk, end, names_room);
		if (!error)
			error = put_chunk(ask, chunk, room, names_room);
		cond_resched();
	} while (!error && !chunk->last);
	kvfree(chunk);
out:
	mmput(mm);
	return error;
}
