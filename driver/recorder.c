// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recorders: a descriptor from which the events of a process are read. Their memory,
 * read, poll and mmap; the events are written by probes.c.
 *
 * Ending one: first its threads leave the table and every probe that saw them there
 * returns, then nobody queues irq_work any more, then the memory goes.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "record.h"

struct klab_recorder {
	struct klab_log log;
	struct mutex lock;		/* serialises read(2) */
	unsigned int next_ring;		/* for read(2), under the lock */
	void *memory;			/* what @pages look like to the kernel */
	struct page **pages;		/* for each ring: the shared one, its bytes, and again */
	size_t page_count;
};

static size_t pages_per_ring(const struct klab_log *log)
{
	return 1 + 2 * (log->bytes >> PAGE_SHIFT);
}

/* All single pages, the bytes of each ring twice in a row, for both sides. */
static int alloc_pages_of(struct klab_recorder *recorder)
{
	size_t in_ring = recorder->log.bytes >> PAGE_SHIFT, each = pages_per_ring(&recorder->log);
	size_t count = nr_cpu_ids * each, i;
	struct page **pages;

	if (!klab_affordable(nr_cpu_ids * (1 + in_ring)))
		return -ENOMEM;
	pages = kvcalloc(count, sizeof(*pages), KLAB_GFP);
	if (!pages)
		return -ENOMEM;
	recorder->pages = pages;
	recorder->page_count = count;
	for (i = 0; i < count; i++) {
		if (i % each > in_ring) {
			pages[i] = pages[i - in_ring];
			continue;
		}
		pages[i] = alloc_page(KLAB_GFP | __GFP_ZERO);
		if (!pages[i])
			return -ENOMEM;
	}
	recorder->memory = vmap(pages, count, VM_MAP, PAGE_KERNEL);
	return recorder->memory ? 0 : -ENOMEM;
}

static void free_pages_of(struct klab_recorder *recorder)
{
	size_t in_ring = recorder->log.bytes >> PAGE_SHIFT, each = pages_per_ring(&recorder->log);
	size_t i;

	vunmap(recorder->memory);
	for (i = 0; i < recorder->page_count; i++)
		if (i % each <= in_ring && recorder->pages[i])
			__free_page(recorder->pages[i]);
	kvfree(recorder->pages);
}

static int init_rings(struct klab_recorder *recorder)
{
	struct klab_log *log = &recorder->log;
	size_t each = pages_per_ring(log) << PAGE_SHIFT;
	unsigned int cpu;
	int error;

	error = alloc_pages_of(recorder);
	if (error)
		return error;
	log->rings = kvcalloc(nr_cpu_ids, sizeof(*log->rings), KLAB_GFP);
	if (!log->rings)
		return -ENOMEM;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		struct klab_log_ring *ring = &log->rings[cpu];

		ring->shared = recorder->memory + cpu * each;
		ring->shared->bytes = log->bytes;
		ring->bytes = (u8 *)ring->shared + PAGE_SIZE;
	}
	return 0;
}

static int init_pool(struct klab_log *log)
{
	u32 i;

	log->pool = kvcalloc(log->pool_size, sizeof(*log->pool), KLAB_GFP);
	if (!log->pool)
		return -ENOMEM;
	for (i = 0; i < log->pool_size; i++) {
		log->pool[i].log = log;
		log->pool[i].next_free = log->free;
		log->free = &log->pool[i];
	}
	return 0;
}

static void wake_readers(struct irq_work *work)
{
	struct klab_log *log = container_of(work, struct klab_log, wake);

	WRITE_ONCE(log->waiting, false);
	wake_up_interruptible_all(&log->readers);
}

static void recorder_free(struct klab_recorder *recorder)
{
	struct klab_log *log = &recorder->log;

	/* Threads that have left on their own are given back to the pool by RCU. */
	rcu_barrier();
	irq_work_sync(&log->wake);
	free_pages_of(recorder);
	kvfree(log->rings);
	kvfree(log->pool);
	put_pid_ns(log->pid_ns);
	put_cred(log->maker);
	kfree(recorder);
}

/* @file is the task handle: what its maker may look at, may be recorded. */
static struct klab_recorder *recorder_new(const struct klab_recorder_create *ask,
					  struct file *file)
{
	struct klab_recorder *recorder = kzalloc(sizeof(*recorder), KLAB_GFP);
	struct klab_log *log;
	int error;

	if (!recorder)
		return ERR_PTR(-ENOMEM);
	mutex_init(&recorder->lock);
	log = &recorder->log;
	init_waitqueue_head(&log->readers);
	init_irq_work(&log->wake, wake_readers);
	log->kinds = ask->kinds;
	log->flags = ask->flags;
	log->bytes = roundup_pow_of_two(max_t(u64, ask->bytes, PAGE_SIZE));
	log->wakeup = ask->wakeup;
	log->pool_size = ask->threads;
	log->pid_ns = get_pid_ns(task_active_pid_ns(current));
	log->maker = get_cred(file->f_cred);
	log->powerful = file_ns_capable(file, log->maker->user_ns, CAP_SYS_PTRACE);

	error = init_rings(recorder);
	if (!error)
		error = init_pool(log);
	if (!error)
		return recorder;
	recorder_free(recorder);
	return ERR_PTR(error);
}

static bool has_ended(const struct klab_log *log)
{
	return !READ_ONCE(log->threads);
}

/* Bytes from @read on; more than the ring holds when userspace lies about what it has read. */
static u64 bytes_from(struct klab_log_ring *ring, u64 read)
{
	/* Whoever sees the index sees the events before it: pairs with log_commit(). */
	return smp_load_acquire(&ring->written) - read;
}

static bool any_holds(struct klab_log *log, u64 bytes)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		struct klab_log_ring *ring = &log->rings[cpu];

		if (bytes_from(ring, READ_ONCE(ring->shared->read)) >= bytes)
			return true;
	}
	return false;
}

/* For who is about to sleep: is there a reason not to? */
static bool ready(struct klab_log *log)
{
	WRITE_ONCE(log->waiting, true);
	/* Pairs with the barrier in log_commit(). */
	smp_mb();
	return has_ended(log) || any_holds(log, log->wakeup);
}

/*
 * How many of the @bytes at @events are whole events that fit into @room. Userspace
 * may have written over them: then what is left of this ring is not worth reading.
 */
static ssize_t whole_events(const u8 *events, u64 bytes, size_t room)
{
	const struct klab_recorded *event;
	size_t size = 0, length;

	while (size < bytes) {
		if (bytes - size < sizeof(*event))
			return -EIO;
		event = (const void *)events + size;
		length = READ_ONCE(event->length);
		if (length < sizeof(*event) || length % 8 || length > bytes - size)
			return -EIO;
		if (length > room - size)
			break;
		size += length;
	}
	return size;
}

/* Copies from one ring. Returns bytes, 0 for an empty ring, or an error. */
static ssize_t read_ring(struct klab_log *log, struct klab_log_ring *ring, char __user *to,
			 size_t room)
{
	/* Once each: events go on being written, and what was read can be changed meanwhile. */
	u64 read = READ_ONCE(ring->shared->read), bytes = bytes_from(ring, read);
	const u8 *events = ring->bytes + (read & (log->bytes - 1));
	ssize_t size;

	if (!bytes)
		return 0;
	size = bytes <= log->bytes ? whole_events(events, bytes, room) : -EIO;
	if (size < 0) {
		WRITE_ONCE(ring->shared->read, read + bytes);
		return size;
	}
	if (!size)
		return -EINVAL;
	if (copy_to_user(to, events, size))
		return -EFAULT;
	/* Room only after it was copied out: pairs with log_reserve(). */
	smp_store_release(&ring->shared->read, read + size);
	return size;
}

static ssize_t read_rings(struct klab_recorder *recorder, char __user *to, size_t room)
{
	struct klab_log *log = &recorder->log;
	size_t done = 0;
	ssize_t size;
	unsigned int i;

	for (i = 0; i < nr_cpu_ids && done < room; i++) {
		unsigned int cpu = (recorder->next_ring + i) % nr_cpu_ids;

		size = read_ring(log, &log->rings[cpu], to + done, room - done);
		if (size < 0) {
			/* The next call begins with this ring, and says so then. */
			recorder->next_ring = cpu;
			return done ? done : size;
		}
		done += size;
	}
	/* The rest of a ring that was not read to its end comes first next time, too. */
	recorder->next_ring = (recorder->next_ring + i + nr_cpu_ids - 1) % nr_cpu_ids;
	return done;
}

static ssize_t klab_recorder_read(struct file *file, char __user *to, size_t room,
				  loff_t *position)
{
	struct klab_context *context = file->private_data;
	struct klab_recorder *recorder = context->recorder;
	struct klab_log *log = &recorder->log;
	bool ended;
	ssize_t size;

	if (!room)
		return 0;
	while (true) {
		if (mutex_lock_interruptible(&recorder->lock))
			return -ERESTARTSYS;
		ended = has_ended(log);
		/* In this order: what came before the end is still read. */
		smp_rmb();
		size = any_holds(log, file->f_flags & O_NONBLOCK || ended ? 1 : log->wakeup) ?
		       read_rings(recorder, to, room) : 0;
		mutex_unlock(&recorder->lock);
		if (size || ended)
			return size;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(log->readers, ready(log)))
			return -ERESTARTSYS;
	}
}

static __poll_t klab_recorder_poll(struct file *file, poll_table *wait)
{
	struct klab_context *context = file->private_data;
	struct klab_log *log = &context->recorder->log;
	__poll_t events = 0;

	poll_wait(file, &log->readers, wait);
	ready(log);
	if (has_ended(log))
		events |= EPOLLHUP;
	/* Pairs with the lock under which the last thread leaves. */
	smp_rmb();
	if (any_holds(log, events ? 1 : log->wakeup))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

static vm_fault_t recorder_fault(struct vm_fault *fault)
{
	const struct klab_recorder *recorder = fault->vma->vm_private_data;

	if (fault->pgoff >= recorder->page_count)
		return VM_FAULT_SIGBUS;
	fault->page = recorder->pages[fault->pgoff];
	get_page(fault->page);
	return 0;
}

static const struct vm_operations_struct recorder_vm_ops = {
	.fault	= recorder_fault,
};

static int klab_recorder_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct klab_context *context = file->private_data;

	/* A private mapping would copy what is meant to be shared. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	/* The area holds the file, and that the recorder. */
	vma->vm_private_data = context->recorder;
	vma->vm_ops = &recorder_vm_ops;
	return 0;
}

static int klab_recorder_release(struct inode *inode, struct file *file)
{
	struct klab_context *context = file->private_data;
	struct klab_recorder *recorder = context->recorder;

	klab_log_stop(&recorder->log);
	klab_probes_put(recorder->log.kinds);
	recorder_free(recorder);
	klab_context_put(context);
	return 0;
}

int klab_recorder_stat(struct klab_context *context, void *arg)
{
	struct klab_log *log = &context->recorder->log;
	struct klab_recorder_stat *stat = arg;
	unsigned int cpu;

	stat->bytes = log->bytes;
	stat->rings = nr_cpu_ids;
	stat->threads = READ_ONCE(log->threads);
	stat->missed = READ_ONCE(log->missed);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		stat->dropped += READ_ONCE(log->rings[cpu].dropped);
		stat->made += READ_ONCE(log->rings[cpu].made);
	}
	return 0;
}

int klab_recorder_stop(struct klab_context *context, void *arg)
{
	struct klab_recorder_stop *stop = arg;

	if (stop->flags || stop->reserved)
		return -EINVAL;
	klab_log_stop(&context->recorder->log);
	return 0;
}

static void klab_recorder_show_fdinfo(struct seq_file *out, struct file *file)
{
	struct klab_recorder_stat stat = { 0 };

	klab_recorder_stat(file->private_data, &stat);
	seq_printf(out, "recorder_made:\t%llu\n", stat.made);
	seq_printf(out, "recorder_dropped:\t%llu\n", stat.dropped);
	seq_printf(out, "recorder_threads:\t%u\n", stat.threads);
	seq_printf(out, "recorder_missed:\t%llu\n", stat.missed);
}

static const struct file_operations klab_recorder_fops = {
	.owner		= THIS_MODULE,
	.release	= klab_recorder_release,
	.read		= klab_recorder_read,
	.poll		= klab_recorder_poll,
	.mmap		= klab_recorder_mmap,
	.unlocked_ioctl	= klab_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= klab_recorder_show_fdinfo,
};

/*
 * The task, and on request the other threads that it has now; later ones add
 * themselves. Between the question whether it may be looked at and its place in the
 * table it may have run another program, so the question is put again.
 */
static int add_threads(struct klab_context *context, struct klab_log *log)
{
	struct task_struct *task = klab_task_get(context), *thread, *still;

	if (IS_ERR(task))
		return PTR_ERR(task);
	if (log->flags & KLAB_RECORD_THREADS) {
		rcu_read_lock();
		for_each_thread(task, thread)
			klab_log_add(log, thread);
		rcu_read_unlock();
	} else {
		klab_log_add(log, task);
	}
	put_task_struct(task);

	still = klab_task_get(context);
	if (IS_ERR(still))
		return PTR_ERR(still);
	put_task_struct(still);
	return has_ended(log) ? -ESRCH : 0;
}

static int check(const struct klab_recorder_create *ask)
{
	if (!ask->kinds || ask->kinds & ~KLAB_RECORD_ALL)
		return -EINVAL;
	if (ask->flags & ~(KLAB_RECORD_THREADS | KLAB_RECORD_CHILDREN) || ask->reserved)
		return -EINVAL;
	if (ask->bytes < KLAB_RECORDER_BYTES_MIN ||
	    ask->bytes > KLAB_RECORDER_BYTES_LIMIT / nr_cpu_ids)
		return -EINVAL;
	if (!ask->wakeup || ask->wakeup > ask->bytes)
		return -EINVAL;
	if (!ask->threads || ask->threads > KLAB_RECORDER_THREADS_LIMIT)
		return -EINVAL;
	/* Mapped indices are 64 bits wide, and the kernel must load them at once. */
	return KLAB_CAN_MAP && !(ask->kinds & ~klab_probes_kinds()) ? 0 : -EOPNOTSUPP;
}

int klab_recorder_create(struct klab_context *context, void *arg)
{
	const struct klab_recorder_create *ask = arg;
	struct klab_recorder *recorder;
	struct klab_context *made;
	int fd = check(ask);

	if (fd)
		return fd;
	recorder = recorder_new(ask, context->file);
	if (IS_ERR(recorder))
		return PTR_ERR(recorder);
	fd = klab_probes_get(ask->kinds);
	if (fd)
		goto out_free;
	fd = add_threads(context, &recorder->log);
	if (fd)
		goto out_stop;
	fd = -ENOMEM;
	made = klab_context_new(KLAB_ON_RECORDER);
	if (!made)
		goto out_stop;
	made->recorder = recorder;
	fd = klab_context_install(made, "[klab-recorder]", &klab_recorder_fops, O_RDWR, NULL);
	if (fd >= 0)
		return fd;
	klab_context_put(made);
out_stop:
	klab_log_stop(&recorder->log);
	klab_probes_put(ask->kinds);
out_free:
	recorder_free(recorder);
	return fd;
}
