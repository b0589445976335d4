// SPDX-License-Identifier: GPL-2.0-only
/*
 * The byte channel: a ring between any number of writers and readers.
 *
 * Each side has an index that counts the bytes that ever passed it; their
 * difference is what the ring holds. Writers move only theirs, readers only
 * theirs, each side under a mutex of its own, so that a reader and a writer copy
 * at the same time:
 *
 *	writer				reader
 *	  load-acquire read.index	  load-acquire write.index
 *	  fill what is free		  drain what is there
 *	  store-release write.index	  store-release read.index
 *
 * The acquire pairs with the other side's release: whoever sees the index moved
 * sees the bytes behind it, filled or free again.
 *
 * Sleeping and waking. Who finds nothing to do lets the mutex go and sleeps; the
 * other side moves its index, then looks whether somebody sleeps. Both put a full
 * barrier between the two steps (wait_event() by setting the task's state,
 * wq_has_sleeper() itself), so one of them sees the other. One sleeper is woken
 * at a time. He may leave something for the next, so he wakes him in turn, and
 * also when a signal keeps him from taking his share: no wake-up is lost.
 *
 * Lock order: write.lock, read.lock. What both guard (the ring, its capacity, the
 * end) is changed under both, and used under either. poll and the sleepers look
 * without: what they see may be out of date, but then they are woken again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/kref.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "klab.h"

struct klab_side {
	struct mutex lock;		/* serialises the side's calls */
	size_t *index;			/* moved under lock, or by who has mapped it */
	u32 *sleeps_flag;		/* tells the other side's mapped user; or NULL */
	wait_queue_head_t sleepers;
	unsigned long calls;		/* under lock */
	atomic_long_t sleeps;
	atomic_long_t wakeups;
	size_t own_index;		/* where index points, unless userspace may map it */
} ____cacheline_aligned_in_smp;

struct klab_channel {
	struct kref users;
	struct klab_ring ring;		/* both locks, like the next */
	bool ended;
	struct fasync_struct *fasync;

	struct klab_side write;
	struct klab_side read;
};

static unsigned int channel_capacity = SZ_64K;
module_param(channel_capacity, uint, 0444);
MODULE_PARM_DESC(channel_capacity,
		 "Bytes that the shared channel holds, a power of two from 4096 to 1048576 (default 65536)");

static unsigned int channel_capacity_max = SZ_1M;
module_param(channel_capacity_max, uint, 0644);
MODULE_PARM_DESC(channel_capacity_max,
		 "Bytes that a channel may hold without CAP_SYS_RESOURCE (default 1048576)");

size_t klab_channel_capacity_max(void)
{
	return READ_ONCE(channel_capacity_max);
}

static struct klab_channel *channel_new(size_t capacity, bool mappable)
{
	struct klab_channel *channel;
	int error;

	channel = kzalloc(sizeof(*channel), KLAB_GFP);
	if (!channel)
		return ERR_PTR(-ENOMEM);

	error = klab_ring_init(&channel->ring, capacity, mappable);
	if (error) {
		kfree(channel);
		return ERR_PTR(error);
	}

	kref_init(&channel->users);
	mutex_init(&channel->write.lock);
	mutex_init(&channel->read.lock);
	init_waitqueue_head(&channel->write.sleepers);
	init_waitqueue_head(&channel->read.sleepers);

	channel->write.index = &channel->write.own_index;
	channel->read.index = &channel->read.own_index;
	if (mappable) {
		struct klab_channel_map *shared = channel->ring.shared;

		channel->write.index = (size_t *)&shared->written;
		channel->write.sleeps_flag = &shared->writer_sleeps;
		channel->read.index = (size_t *)&shared->read;
		channel->read.sleeps_flag = &shared->reader_sleeps;
	}
	return channel;
}

struct klab_channel *klab_channel_shared(void)
{
	if (!is_power_of_2(channel_capacity) ||
	    channel_capacity < KLAB_CHANNEL_ATOMIC || channel_capacity > SZ_1M) {
		pr_err("channel_capacity=%u: must be a power of two from %d to %d\n",
		       channel_capacity, KLAB_CHANNEL_ATOMIC, SZ_1M);
		return ERR_PTR(-EINVAL);
	}
	return channel_new(channel_capacity, false);
}

/* The capacity that a caller gets who asks for @bytes, or an error. */
static long capacity_for(u64 bytes)
{
	if (bytes > KLAB_CHANNEL_CAPACITY_LIMIT)
		return -EINVAL;
	if (bytes > klab_channel_capacity_max() && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return roundup_pow_of_two(max_t(unsigned long, bytes, KLAB_CHANNEL_ATOMIC));
}

struct klab_channel *klab_channel_private(u64 bytes, bool mappable)
{
	long capacity;

	if (mappable && !KLAB_CAN_MAP)
		return ERR_PTR(-EOPNOTSUPP);
	/* What is mapped is whole pages. */
	capacity = capacity_for(mappable ? max_t(u64, bytes, PAGE_SIZE) : bytes);
	return capacity < 0 ? ERR_PTR(capacity) : channel_new(capacity, mappable);
}

void klab_channel_get(struct klab_channel *channel)
{
	kref_get(&channel->users);
}

static void channel_free(struct kref *users)
{
	struct klab_channel *channel = container_of(users, struct klab_channel, users);

	klab_ring_free(&channel->ring);
	kfree(channel);
}

size_t klab_channel_capacity(struct klab_channel *channel)
{
	return READ_ONCE(channel->ring.capacity);
}

void klab_channel_put(struct klab_channel *channel)
{
	kref_put(&channel->users, channel_free);
}

/*
 * What the ring holds, or the room that is left: what the side's calls live on.
 * Exact under the side's lock. Without it, of a moment ago; as the index that is
 * taken from is loaded first, never less than nothing.
 */
static size_t available(struct klab_channel *channel, struct klab_side *side)
{
	size_t capacity = READ_ONCE(channel->ring.capacity);
	size_t written, read, bytes;

	if (side == &channel->read) {
		/* Ordered before the next; pairs with the release in drain(). */
		read = smp_load_acquire(channel->read.index);
		/* Pairs with the release in fill(): the bytes are there. */
		written = smp_load_acquire(channel->write.index);
		bytes = written - read;
	} else {
		/* Ordered before the next; pairs with the release in fill(). */
		written = smp_load_acquire(channel->write.index);
		/* Pairs with the release in drain(): the room is free. */
		read = smp_load_acquire(channel->read.index);
		bytes = capacity - (written - read);
	}
	/* More than there can be: both moved on in between, or userspace lies. */
	return min(bytes, capacity);
}

size_t klab_channel_bytes(struct klab_channel *channel)
{
	return available(channel, &channel->read);
}

/* Can @side go on, as far as it needs @bytes of data or room? */
static bool ready(struct klab_channel *channel, struct klab_side *side, size_t bytes)
{
	return available(channel, side) >= bytes || READ_ONCE(channel->ended);
}

/*
 * For who is about to wait. A mapped user of the other side moves his index, and
 * then looks at the flag; here it is the other way round.
 */
static void raise_flag(struct klab_side *side)
{
	if (!side->sleeps_flag)
		return;
	WRITE_ONCE(*side->sleeps_flag, 1);
	/* Pairs with the full barrier in userspace: struct klab_channel_map. */
	smp_mb();
}

static bool ready_or_flagged(struct klab_channel *channel, struct klab_side *side, size_t bytes)
{
	raise_flag(side);
	return ready(channel, side, bytes);
}

#define ONE_SLEEPER	1
#define ALL_SLEEPERS	0

/*
 * Pollers are woken in any case, and tasks asleep in a call as many as said. To say what
 * for is to say that it happened now; a share that is handed on is no news.
 */
static void wake(struct klab_channel *channel, struct klab_side *side, int sleepers, bool news)
{
	__poll_t events = 0;

	if (!wq_has_sleeper(&side->sleepers))
		return;
	if (news) {
		events = side == &channel->read ? EPOLLIN | EPOLLRDNORM : EPOLLOUT | EPOLLWRNORM;
		/* Some poll for nothing but the end. */
		if (READ_ONCE(channel->ended))
			events |= EPOLLHUP;
	}
	atomic_long_inc(&side->wakeups);
	__wake_up(&side->sleepers, TASK_INTERRUPTIBLE, sleepers, poll_to_key(events));
}

/*
 * Any writer can go on with the room of an atomic write, so one will do. With
 * less, only they themselves know who fits.
 */
static void wake_writers(struct klab_channel *channel, bool news)
{
	size_t room = available(channel, &channel->write);

	wake(channel, &channel->write, room >= KLAB_CHANNEL_ATOMIC ? ONE_SLEEPER : ALL_SLEEPERS,
	     news);
}

static int lock_side(struct klab_side *side, enum klab_wait wait)
{
	if (likely(mutex_trylock(&side->lock)))
		return 0;
	if (wait == KLAB_WAIT_NOTHING)
		return -EAGAIN;
	return mutex_lock_interruptible(&side->lock) ? -ERESTARTSYS : 0;
}

/*
 * The rest of lock_when_ready(), apart, so that who need not sleep has a short way.
 * As wait_event_interruptible_exclusive(), but that whoever is awake again looks once,
 * with the lock.
 */
static noinline ssize_t sleep_and_lock(struct klab_channel *channel, struct klab_side *side,
				       size_t bytes)
{
	DEFINE_WAIT(sleeper);
	ssize_t there;

	while (true) {
		atomic_long_inc(&side->sleeps);
		prepare_to_wait_exclusive(&side->sleepers, &sleeper, TASK_INTERRUPTIBLE);
		if (!ready_or_flagged(channel, side, bytes) && !signal_pending(current))
			schedule();
		finish_wait(&side->sleepers, &sleeper);

		if ((signal_pending(current) && !ready(channel, side, bytes)) ||
		    mutex_lock_interruptible(&side->lock)) {
			wake(channel, side, ONE_SLEEPER, false);
			return -ERESTARTSYS;
		}
		there = available(channel, side);
		if (there >= bytes || channel->ended)
			return there;
		mutex_unlock(&side->lock);
	}
}

/*
 * Take the side's lock once there are @bytes of data or room, or the channel has
 * ended. Returns how many there are, or an error. @slept tells whether this task
 * did, and so was perhaps the only one woken.
 */
static __always_inline ssize_t lock_when_ready(struct klab_channel *channel,
					       struct klab_side *side, size_t bytes,
					       enum klab_wait wait, bool *slept)
{
	size_t there;
	int error;

	*slept = false;
	error = lock_side(side, wait);
	if (error)
		return error;
	there = available(channel, side);
	if (likely(there >= bytes) || channel->ended)
		return there;

	mutex_unlock(&side->lock);
	if (wait != KLAB_WAIT_FOREVER)
		return -EAGAIN;
	*slept = true;
	return sleep_and_lock(channel, side, bytes);
}

/* Returns the bytes that went out: fewer where the caller's memory ends. */
static size_t drain(struct klab_channel *channel, struct iov_iter *to, size_t bytes)
{
	struct klab_side *side = &channel->read;
	size_t index = READ_ONCE(*side->index), copied;

	lockdep_assert_held(&side->lock);

	copied = klab_ring_get(&channel->ring, index, to, bytes);
	/* Room only after it was copied out: pairs with available(). */
	smp_store_release(side->index, index + copied);
	return copied;
}

/* All @bytes or none: what cannot be read in full from the caller was never written. */
static bool fill(struct klab_channel *channel, struct iov_iter *from, size_t bytes)
{
	struct klab_side *side = &channel->write;
	size_t index = READ_ONCE(*side->index);

	lockdep_assert_held(&side->lock);

	if (klab_ring_put(&channel->ring, index, from, bytes) != bytes)
		return false;
	/* Bytes only after they are all there: pairs with available(). */
	smp_store_release(side->index, index + bytes);
	return true;
}

ssize_t klab_channel_read(struct klab_channel *channel, struct iov_iter *to, enum klab_wait wait)
{
	struct klab_side *side = &channel->read;
	ssize_t there;
	size_t copied;
	bool slept;

	if (!iov_iter_count(to))
		return 0;

	there = lock_when_ready(channel, side, 1, wait, &slept);
	if (there < 0)
		return there;
	WRITE_ONCE(side->calls, side->calls + 1);
	copied = drain(channel, to, min_t(size_t, iov_iter_count(to), there));
	mutex_unlock(&side->lock);

	if (slept && copied < there)
		wake(channel, side, ONE_SLEEPER, false);
	if (!copied)
		return there ? -EFAULT : 0;
	if (wq_has_sleeper(&channel->write.sleepers))
		wake_writers(channel, true);
	if (READ_ONCE(channel->fasync))
		kill_fasync(&channel->fasync, SIGIO, POLL_OUT);
	return copied;
}

/* As much of a write as fits at once: its bytes, or an error. */
static ssize_t write_piece(struct klab_channel *channel, struct iov_iter *from,
			   enum klab_wait wait)
{
	size_t left = iov_iter_count(from), atomic = min_t(size_t, left, KLAB_CHANNEL_ATOMIC);
	struct klab_side *side = &channel->write;
	ssize_t bytes;
	bool slept;

	bytes = lock_when_ready(channel, side, atomic, wait, &slept);
	if (bytes < 0)
		return bytes;
	bytes = min_t(size_t, left, bytes);
	if (channel->ended)
		bytes = -EPIPE;
	else if (!fill(channel, from, bytes))
		bytes = -EFAULT;
	if (bytes == left)
		WRITE_ONCE(side->calls, side->calls + 1);
	mutex_unlock(&side->lock);

	if (slept)
		wake_writers(channel, false);
	if (bytes > 0) {
		wake(channel, &channel->read, ONE_SLEEPER, true);
		if (READ_ONCE(channel->fasync))
			kill_fasync(&channel->fasync, SIGIO, POLL_IN);
	}
	return bytes;
}

/*
 * A write of up to KLAB_CHANNEL_ATOMIC bytes waits until all of it fits and goes
 * in at once. A longer one goes in as room appears, and other writers may come
 * between its pieces.
 */
ssize_t klab_channel_write(struct klab_channel *channel, struct iov_iter *from,
			   enum klab_wait wait)
{
	size_t size = iov_iter_count(from);
	ssize_t written = 0, piece;

	while (written < size) {
		piece = write_piece(channel, from, wait);
		if (piece < 0) {
			if (piece == -EPIPE)
				send_sig(SIGPIPE, current, 0);
			return written ? written : piece;
		}
		written += piece;

		/* With a quick reader this loop never sleeps: let a kill end it. */
		if (written < size && signal_pending(current))
			break;
	}
	return written;
}

__poll_t klab_channel_poll(struct klab_channel *channel, struct file *file, poll_table *wait)
{
	__poll_t events = 0;

	poll_wait(file, &channel->read.sleepers, wait);
	poll_wait(file, &channel->write.sleepers, wait);
	if (channel->ring.shared) {
		ready_or_flagged(channel, &channel->read, 1);
		ready_or_flagged(channel, &channel->write, 1);
	}

	if (klab_channel_bytes(channel))
		events |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(channel->ended))
		return events | EPOLLHUP;
	/* Only where a write of the atomic size would go in without waiting. */
	if (available(channel, &channel->write) >= KLAB_CHANNEL_ATOMIC)
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

int klab_channel_fasync(struct klab_channel *channel, int fd, struct file *file, int on)
{
	return fasync_helper(fd, file, on, &channel->fasync);
}

static int lock_both(struct klab_channel *channel)
{
	if (mutex_lock_interruptible(&channel->write.lock))
		return -ERESTARTSYS;
	if (!mutex_lock_interruptible(&channel->read.lock))
		return 0;
	mutex_unlock(&channel->write.lock);
	return -ERESTARTSYS;
}

/* With the end there is news for readers, with a larger capacity for writers. */
static void unlock_both_and_wake(struct klab_channel *channel, bool end, bool room)
{
	mutex_unlock(&channel->read.lock);
	mutex_unlock(&channel->write.lock);
	wake(channel, &channel->read, ALL_SLEEPERS, end);
	wake(channel, &channel->write, ALL_SLEEPERS, room);
}

int klab_channel_resize(struct klab_context *context, void *arg)
{
	struct klab_channel *channel = context->channel;
	struct klab_channel_resize *ask = arg;
	long capacity = capacity_for(ask->capacity);
	struct klab_ring ring;
	bool room = false;
	size_t bytes;
	int error;

	if (capacity < 0)
		return capacity;
	if (channel->ring.shared)
		return -EOPNOTSUPP;
	error = klab_ring_init(&ring, capacity, false);
	if (error)
		return error;

	error = lock_both(channel);
	if (error)
		goto out_free;
	bytes = klab_channel_bytes(channel);
	if (bytes <= capacity) {
		klab_ring_move(&ring, &channel->ring, *channel->read.index, bytes);
		/* How much it holds is looked up without a lock. */
		swap(ring.bytes, channel->ring.bytes);
		room = capacity > channel->ring.capacity;
		WRITE_ONCE(channel->ring.capacity, ring.capacity);
		ask->capacity = capacity;
	} else {
		error = -EBUSY;
	}
	unlock_both_and_wake(channel, false, room);

out_free:
	klab_ring_free(&ring);
	return error;
}

int klab_channel_end(struct klab_context *context, void *arg)
{
	struct klab_channel_end *ask = arg;
	int error;

	if (ask->flags || ask->reserved)
		return -EINVAL;
	if (context->kind == KLAB_ON_DEVICE)
		return -EOPNOTSUPP;

	error = lock_both(context->channel);
	if (error)
		return error;
	WRITE_ONCE(context->channel->ended, true);
	if (context->channel->ring.shared)
		WRITE_ONCE(context->channel->ring.shared->ended, 1);
	unlock_both_and_wake(context->channel, true, false);
	kill_fasync(&context->channel->fasync, SIGIO, POLL_HUP);
	return 0;
}

static struct klab_side *find_side(struct klab_channel *channel, u32 side)
{
	switch (side) {
	case KLAB_CHANNEL_WRITERS:
		return &channel->write;
	case KLAB_CHANNEL_READERS:
		return &channel->read;
	default:
		return NULL;
	}
}

/* Woken with EPOLLIN for data, EPOLLOUT for room. */
wait_queue_head_t *klab_channel_queue(struct klab_channel *channel, u32 side)
{
	return &find_side(channel, side)->sleepers;
}

/* For who is in that queue: has a mapped user of the other side tell of what comes next. */
void klab_channel_expect(struct klab_channel *channel, u32 side)
{
	raise_flag(find_side(channel, side));
}

static bool never_ready(struct klab_channel *channel, u64 bytes)
{
	return bytes > klab_channel_capacity(channel);
}

int klab_channel_wait(struct klab_context *context, void *arg)
{
	struct klab_channel *channel = context->channel;
	struct klab_channel_wait *ask = arg;
	struct klab_side *side = find_side(channel, ask->side);
	int error;

	if (!side || ask->flags)
		return -EINVAL;
	if (!ask->bytes || never_ready(channel, ask->bytes))
		return -EINVAL;
	if (ready(channel, side, ask->bytes))
		return 0;
	if (context->file->f_flags & O_NONBLOCK)
		return -EAGAIN;
	atomic_long_inc(&side->sleeps);
	error = wait_event_interruptible(side->sleepers,
					 ready_or_flagged(channel, side, ask->bytes) ||
					 never_ready(channel, ask->bytes));
	/* The capacity may have become less. */
	if (!error && never_ready(channel, ask->bytes) && !READ_ONCE(channel->ended))
		error = -EINVAL;
	return error;
}

int klab_channel_wake(struct klab_context *context, void *arg)
{
	struct klab_channel *channel = context->channel;
	struct klab_channel_wake *ask = arg;
	struct klab_side *side = find_side(channel, ask->side);

	if (!side || ask->flags)
		return -EINVAL;
	/* Before they look again: who sleeps on sets it anew. */
	if (side->sleeps_flag)
		WRITE_ONCE(*side->sleeps_flag, 0);
	/* What a mapped user did, the kernel learns by this. */
	wake(channel, side, ALL_SLEEPERS, side->sleeps_flag);
	return 0;
}

int klab_channel_mmap(struct klab_channel *channel, struct vm_area_struct *vma)
{
	return klab_ring_mmap(&channel->ring, vma);
}

static struct klab_channel_side side_stat(struct klab_side *side)
{
	return (struct klab_channel_side) {
		.bytes = READ_ONCE(*side->index),
		.calls = READ_ONCE(side->calls),
		.sleeps = atomic_long_read(&side->sleeps),
		.wakeups = atomic_long_read(&side->wakeups),
	};
}

int klab_channel_stat(struct klab_context *context, void *arg)
{
	struct klab_channel *channel = context->channel;
	struct klab_channel_stat *stat = arg;

	*stat = (struct klab_channel_stat) {
		.capacity = READ_ONCE(channel->ring.capacity),
		.bytes = klab_channel_bytes(channel),
		.state = (READ_ONCE(channel->ended) ? KLAB_CHANNEL_ENDED : 0) |
			 (context->kind == KLAB_ON_DEVICE ? KLAB_CHANNEL_SHARED : 0) |
			 (channel->ring.shared ? KLAB_CHANNEL_MAPPABLE : 0),
		.write = side_stat(&channel->write),
		.read = side_stat(&channel->read),
	};
	return 0;
}
