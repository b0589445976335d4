// SPDX-License-Identifier: GPL-2.0-only
/*
 * The byte channel: a ring between any number of writers and readers.
 *
 * Two indices count the bytes that ever went in (head) and out (tail); they
 * wrap around together, and their difference is what the ring holds. Writers
 * move only the head, readers only the tail, each side under a mutex of its
 * own, so that a reader and a writer copy at the same time:
 *
 *	writer				reader
 *	  tail = load-acquire		  head = load-acquire
 *	  fill [head, tail + capacity)	  drain [tail, head)
 *	  store-release head		  store-release tail
 *
 * The acquire pairs with the other side's release: whoever sees the index moved
 * sees the bytes behind it, filled or free again.
 *
 * Sleeping and waking. A side that finds nothing to do lets its mutex go and
 * waits; the other side moves its index, then looks whether somebody waits.
 * Both put a full barrier between the two steps (wait_event() by setting the
 * task's state, wq_has_sleeper() itself), so one of them sees the other.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "klab.h"

struct klab_channel {
	u8 *ring;
	size_t capacity;		/* a power of two; set once, like ring */

	/* The two sides do not share a cache line. */
	struct mutex write_lock ____cacheline_aligned_in_smp;
	size_t head;			/* moved under write_lock */
	wait_queue_head_t writers;

	struct mutex read_lock ____cacheline_aligned_in_smp;
	size_t tail;			/* moved under read_lock */
	wait_queue_head_t readers;
};

static unsigned int channel_capacity = SZ_64K;
module_param(channel_capacity, uint, 0444);
MODULE_PARM_DESC(channel_capacity,
		 "Bytes that the shared channel holds, a power of two from 4096 to 1048576 (default 65536)");

struct klab_channel *klab_channel_create(void)
{
	struct klab_channel *channel;

	if (!is_power_of_2(channel_capacity) ||
	    channel_capacity < KLAB_CHANNEL_ATOMIC || channel_capacity > SZ_1M) {
		pr_err("channel_capacity=%u: must be a power of two from %d to %d\n",
		       channel_capacity, KLAB_CHANNEL_ATOMIC, SZ_1M);
		return ERR_PTR(-EINVAL);
	}

	channel = kzalloc(sizeof(*channel), GFP_KERNEL);
	if (!channel)
		return ERR_PTR(-ENOMEM);

	channel->capacity = channel_capacity;
	channel->ring = kvmalloc(channel->capacity, GFP_KERNEL);
	if (!channel->ring) {
		kfree(channel);
		return ERR_PTR(-ENOMEM);
	}

	mutex_init(&channel->write_lock);
	mutex_init(&channel->read_lock);
	init_waitqueue_head(&channel->writers);
	init_waitqueue_head(&channel->readers);
	return channel;
}

void klab_channel_destroy(struct klab_channel *channel)
{
	kvfree(channel->ring);
	kfree(channel);
}

size_t klab_channel_capacity(struct klab_channel *channel)
{
	return channel->capacity;
}

/*
 * What the ring holds. Exact for a reader under the read lock. Without it, of a
 * moment ago; as the tail is loaded first, never less than nothing.
 */
size_t klab_channel_bytes(struct klab_channel *channel)
{
	/* Ordered before the head's load; pairs with the release in drain(). */
	size_t tail = smp_load_acquire(&channel->tail);
	/* Pairs with the release in fill(): the bytes are there. */
	size_t head = smp_load_acquire(&channel->head);

	/* More than the ring has: both sides went on between the two loads. */
	return min(head - tail, channel->capacity);
}

/* The room that is left: the same for writers, with the sides exchanged. */
static size_t channel_room(struct klab_channel *channel)
{
	/* Ordered before the tail's load; pairs with the release in fill(). */
	size_t head = smp_load_acquire(&channel->head);
	/* Pairs with the release in drain(): the room is free. */
	size_t tail = smp_load_acquire(&channel->tail);

	return min(channel->capacity - (head - tail), channel->capacity);
}

static bool must_not_wait(struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) || (iocb->ki_filp->f_flags & O_NONBLOCK);
}

/*
 * O_NONBLOCK means not to wait for the other side, which may never come. It
 * does wait for a call of the own side to end its copy: EAGAIN then would tell
 * an edge-triggered caller that the data is gone. IOCB_NOWAIT waits for nothing.
 */
static int lock_side(struct mutex *lock, struct kiocb *iocb)
{
	if (iocb->ki_flags & IOCB_NOWAIT)
		return mutex_trylock(lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(lock) ? -ERESTARTSYS : 0;
}

static void wake(wait_queue_head_t *side, __poll_t events)
{
	if (wq_has_sleeper(side))
		wake_up_interruptible_poll(side, events);
}

/* Take the read lock once there is something to read. */
static int lock_readable(struct klab_channel *channel, struct kiocb *iocb)
{
	int error;

	while (true) {
		error = lock_side(&channel->read_lock, iocb);
		if (error)
			return error;
		if (klab_channel_bytes(channel))
			return 0;
		mutex_unlock(&channel->read_lock);

		if (must_not_wait(iocb))
			return -EAGAIN;
		error = wait_event_interruptible(channel->readers, klab_channel_bytes(channel));
		if (error)
			return error;
	}
}

/* Take the write lock once there is room for @bytes. */
static int lock_writable(struct klab_channel *channel, struct kiocb *iocb, size_t bytes)
{
	int error;

	while (true) {
		error = lock_side(&channel->write_lock, iocb);
		if (error)
			return error;
		if (channel_room(channel) >= bytes)
			return 0;
		mutex_unlock(&channel->write_lock);

		if (must_not_wait(iocb))
			return -EAGAIN;
		error = wait_event_interruptible(channel->writers,
						 channel_room(channel) >= bytes);
		if (error)
			return error;
	}
}

/* Returns the bytes that went out: fewer where the caller's memory ends. */
static size_t drain(struct klab_channel *channel, struct iov_iter *to, size_t bytes)
{
	size_t start = channel->tail & (channel->capacity - 1);
	size_t straight = min(bytes, channel->capacity - start);
	size_t copied;

	lockdep_assert_held(&channel->read_lock);

	copied = copy_to_iter(channel->ring + start, straight, to);
	if (copied == straight)
		copied += copy_to_iter(channel->ring, bytes - straight, to);

	/* Room only after it was copied out: pairs with channel_room(). */
	smp_store_release(&channel->tail, channel->tail + copied);
	return copied;
}

/* All @bytes or none: what cannot be read in full from the caller was never written. */
static bool fill(struct klab_channel *channel, struct iov_iter *from, size_t bytes)
{
	size_t start = channel->head & (channel->capacity - 1);
	size_t straight = min(bytes, channel->capacity - start);

	lockdep_assert_held(&channel->write_lock);

	if (copy_from_iter(channel->ring + start, straight, from) != straight ||
	    copy_from_iter(channel->ring, bytes - straight, from) != bytes - straight)
		return false;

	/* Bytes only after they are all there: pairs with klab_channel_bytes(). */
	smp_store_release(&channel->head, channel->head + bytes);
	return true;
}

ssize_t klab_channel_read(struct klab_channel *channel, struct kiocb *iocb, struct iov_iter *to)
{
	size_t copied;
	int error;

	if (!iov_iter_count(to))
		return 0;

	error = lock_readable(channel, iocb);
	if (error)
		return error;
	copied = drain(channel, to, min(iov_iter_count(to), klab_channel_bytes(channel)));
	mutex_unlock(&channel->read_lock);

	if (!copied)
		return -EFAULT;
	wake(&channel->writers, EPOLLOUT | EPOLLWRNORM);
	return copied;
}

/*
 * A write of up to KLAB_CHANNEL_ATOMIC bytes waits until all of it fits and goes
 * in at once. A longer one goes in as room appears, and other writers may come
 * between its pieces.
 */
ssize_t klab_channel_write(struct klab_channel *channel, struct kiocb *iocb, struct iov_iter *from)
{
	ssize_t written = 0;
	int error = 0;

	while (iov_iter_count(from) && !error) {
		size_t left = iov_iter_count(from), bytes;

		error = lock_writable(channel, iocb, min_t(size_t, left, KLAB_CHANNEL_ATOMIC));
		if (error)
			break;
		bytes = min(left, channel_room(channel));
		if (fill(channel, from, bytes))
			written += bytes;
		else
			error = -EFAULT;
		mutex_unlock(&channel->write_lock);
		wake(&channel->readers, EPOLLIN | EPOLLRDNORM);

		/* With a quick reader this loop never sleeps: let a kill end it. */
		if (iov_iter_count(from) && signal_pending(current))
			error = -ERESTARTSYS;
	}
	return written ? written : error;
}

__poll_t klab_channel_poll(struct klab_channel *channel, struct file *file, poll_table *wait)
{
	__poll_t events = 0;

	poll_wait(file, &channel->readers, wait);
	poll_wait(file, &channel->writers, wait);

	if (klab_channel_bytes(channel))
		events |= EPOLLIN | EPOLLRDNORM;
	/* Only where a write of the atomic size would go in without waiting. */
	if (channel_room(channel) >= KLAB_CHANNEL_ATOMIC)
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}
