// SPDX-License-Identifier: GPL-2.0-only
/* The notifier: the descriptor that holds notifications, and has records to read. */
#include <linux/err.h>
#include <linux/pagemap.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "notify.h"

#define RECORDS_MAX	65536

static struct klab_notification *find(struct klab_notifier *notifier, unsigned long handle)
{
	struct klab_notification *found = notifier->slot[handle % NOTIFICATIONS];

	lockdep_assert_held(&notifier->wait.lock);
	return found && found->handle == handle ? found : NULL;
}

/* With change held it stays. */
static struct klab_notification *find_to_keep(struct klab_notifier *notifier, u32 handle)
{
	struct klab_notification *found;

	lockdep_assert_held(&notifier->change);
	spin_lock_irq(&notifier->wait.lock);
	found = find(notifier, handle);
	spin_unlock_irq(&notifier->wait.lock);
	return found;
}

/* A record of its own, or counted by the next one. */
int klab_notifier_put(struct klab_notification *n, u64 due)
{
	struct klab_notifier *notifier = n->notifier;
	struct klab_record *to = &notifier->record[notifier->written % notifier->capacity];

	lockdep_assert_held(&notifier->wait.lock);
	if (notifier->written - notifier->read == notifier->capacity) {
		notifier->missed++;
		WRITE_ONCE(notifier->missed_ever, notifier->missed_ever + 1);
		return -EAGAIN;
	}
	*to = klab_record_of(n, due);
	to->missed = notifier->missed;
	notifier->missed = 0;
	WRITE_ONCE(notifier->written, notifier->written + 1);
	/* Its lock is held: fs/eventfd.c tells why that is enough. */
	if (waitqueue_active(&notifier->wait))
		wake_up_locked_poll(&notifier->wait, EPOLLIN | EPOLLRDNORM | EPOLLPRI);
	if (READ_ONCE(notifier->fasync))
		kill_fasync(&notifier->fasync, SIGIO, POLL_PRI);
	return 0;
}

/* Where a new one goes, or the one that it replaces is. */
static int find_slot(struct klab_notifier *notifier, u32 handle)
{
	unsigned int i;

	if (handle)
		return find(notifier, handle) ? handle % NOTIFICATIONS : -ENOENT;
	for (i = 0; i < NOTIFICATIONS; i++) {
		if (!notifier->slot[i])
			return i;
	}
	return -ENOMEM;
}

int klab_notify_set(struct klab_context *context, void *arg)
{
	struct klab_notifier *notifier = context->notifier;
	struct klab_notification *n, *old = NULL;
	struct klab_notify_set *ask = arg;
	int slot;

	if (mutex_lock_interruptible(&notifier->change))
		return -ERESTARTSYS;
	n = klab_notification_make(notifier, ask);
	if (IS_ERR(n)) {
		mutex_unlock(&notifier->change);
		return PTR_ERR(n);
	}

	spin_lock_irq(&notifier->wait.lock);
	slot = find_slot(notifier, ask->handle);
	if (slot >= 0) {
		old = notifier->slot[slot];
		if (old) {
			old->armed = false;
			n->handle = old->handle;
			n->fired = old->fired;
			n->last_ns = old->last_ns;
		} else {
			/* Never 0. */
			notifier->generation = notifier->generation % (INT_MAX / NOTIFICATIONS) + 1;
			n->handle = notifier->generation * NOTIFICATIONS + slot;
		}
		notifier->slot[slot] = n;
		ask->handle = n->handle;
		klab_notification_start(n, ask);
	}
	spin_unlock_irq(&notifier->wait.lock);

	if (slot < 0)
		klab_notification_end(n);
	if (old)
		klab_notification_end(old);
	mutex_unlock(&notifier->change);
	return min(slot, 0);
}

int klab_notify_cancel(struct klab_context *context, void *arg)
{
	struct klab_notifier *notifier = context->notifier;
	struct klab_notify_cancel *ask = arg;
	struct klab_notification *n;

	if (ask->flags)
		return -EINVAL;
	if (mutex_lock_interruptible(&notifier->change))
		return -ERESTARTSYS;
	spin_lock_irq(&notifier->wait.lock);
	n = find(notifier, ask->handle);
	if (n) {
		notifier->slot[ask->handle % NOTIFICATIONS] = NULL;
		n->armed = false;
		ask->fired = n->fired;
		wake_up(&notifier->sleepers);
	}
	spin_unlock_irq(&notifier->wait.lock);
	if (n)
		klab_notification_end(n);
	mutex_unlock(&notifier->change);
	return n ? 0 : -ENOENT;
}

int klab_notify_fire(struct klab_context *context, void *arg)
{
	struct klab_notifier *notifier = context->notifier;
	struct klab_notify_fire *ask = arg;
	struct klab_notification *n;

	if (!ask->count || ask->count > KLAB_FIRE_MAX)
		return -EINVAL;
	if (mutex_lock_interruptible(&notifier->change))
		return -ERESTARTSYS;
	n = find_to_keep(notifier, ask->handle);
	if (n)
		klab_notification_fire_some(n, ask);
	mutex_unlock(&notifier->change);
	return n ? 0 : -ENOENT;
}

static int put_all(struct klab_notification *n, struct klab_notify_query *ask, const u64 *histogram)
{
	u32 room = ask->histogram.count, i;
	struct klab_delivery delivery;
	int error = 0;

	ask->histogram.count = 0;
	for (i = 0; i < KLAB_LATENESS_BUCKETS && !error; i++)
		error = klab_put_record(&ask->histogram, room, &histogram[i], sizeof(histogram[i]));

	room = ask->deliveries.count;
	ask->deliveries.count = 0;
	for (i = 0; i < n->ways && !error; i++) {
		spin_lock_irq(&n->notifier->wait.lock);
		delivery = n->way[i].is;
		spin_unlock_irq(&n->notifier->wait.lock);
		/* A pid as the caller's namespace has it, while it stands for somebody. */
		if (delivery.way == KLAB_WAY_SIGNAL)
			delivery.target = pid_has_task(n->way[i].pid, PIDTYPE_PID) ?
					  pid_vnr(n->way[i].pid) : 0;
		error = klab_put_record(&ask->deliveries, room, &delivery, sizeof(delivery));
	}
	return error;
}

int klab_notify_query(struct klab_context *context, void *arg)
{
	struct klab_notifier *notifier = context->notifier;
	struct klab_notify_query *ask = arg;
	u64 histogram[KLAB_LATENESS_BUCKETS];
	struct klab_notification *n;
	int error;

	error = klab_check_array(&ask->histogram, sizeof(u64));
	if (!error)
		error = klab_check_array(&ask->deliveries,
					 offsetofend(struct klab_delivery, coalesced));
	if (error || ask->reserved)
		return error ?: -EINVAL;
	if (mutex_lock_interruptible(&notifier->change))
		return -ERESTARTSYS;
	n = find_to_keep(notifier, ask->handle);
	error = -ENOENT;
	if (!n)
		goto out_unlock;

	spin_lock_irq(&notifier->wait.lock);
	ask->trigger = n->trigger;
	ask->armed = n->armed;
	ask->value = n->value;
	ask->due_ns = n->armed ? ktime_to_ns(hrtimer_get_expires(&n->timer)) : 0;
	ask->interval_ns = n->interval;
	ask->left = n->left;
	ask->fired = n->fired;
	ask->last_ns = n->last_ns;
	ask->skipped = n->skipped;
	ask->lateness = n->lateness;
	memcpy(histogram, n->histogram, sizeof(histogram));
	spin_unlock_irq(&notifier->wait.lock);
	error = put_all(n, ask, histogram);

out_unlock:
	mutex_unlock(&notifier->change);
	return error;
}

/* As it is now; with change held it stays. */
static struct klab_notify_entry entry_of(struct klab_notification *n)
{
	struct klab_notify_entry entry;

	spin_lock_irq(&n->notifier->wait.lock);
	entry = (struct klab_notify_entry) {
		.handle = n->handle,
		.trigger = n->trigger,
		.armed = n->armed,
		.deliveries = n->ways,
		.value = n->value,
		.fired = n->fired,
	};
	spin_unlock_irq(&n->notifier->wait.lock);
	return entry;
}

int klab_notify_list(struct klab_context *context, void *arg)
{
	struct klab_notifier *notifier = context->notifier;
	struct klab_notify_list *ask = arg;
	u32 room = ask->entries.count, i;
	int error;

	error = klab_check_array(&ask->entries, offsetofend(struct klab_notify_entry, fired));
	if (error)
		return error;
	if (mutex_lock_interruptible(&notifier->change))
		return -ERESTARTSYS;
	ask->entries.count = 0;
	for (i = 0; i < NOTIFICATIONS && !error; i++) {
		struct klab_notify_entry entry;

		if (!notifier->slot[i])
			continue;
		entry = entry_of(notifier->slot[i]);
		error = klab_put_record(&ask->entries, room, &entry, sizeof(entry));
	}
	mutex_unlock(&notifier->change);
	return error;
}

/* Has it been fired since, or is it gone? Then @ask is what the caller gets. */
static bool fired_since(struct klab_notifier *notifier, struct klab_notify_wait *ask, int *error)
{
	struct klab_notification *n;
	bool ends = true;

	spin_lock_irq(&notifier->wait.lock);
	n = find(notifier, ask->handle);
	*error = n ? 0 : -ENOENT;
	if (n) {
		ends = n->fired > ask->sequence;
		if (ends) {
			ask->sequence = n->fired;
			ask->time_ns = n->last_ns;
			ask->value = n->value;
		}
	}
	spin_unlock_irq(&notifier->wait.lock);
	return ends;
}

int klab_notify_wait(struct klab_context *context, void *arg)
{
	struct klab_notifier *notifier = context->notifier;
	struct klab_notify_wait *ask = arg;
	int error, told;

	if (ask->error > MAX_ERRNO)
		return -EINVAL;
	if (context->file->f_flags & O_NONBLOCK)
		error = fired_since(notifier, ask, &told) ? told : -EAGAIN;
	else
		error = wait_event_interruptible(notifier->sleepers,
						 fired_since(notifier, ask, &told)) ?: told;
	return error ?: klab_fail(ask->error);
}

static bool readable(struct klab_notifier *notifier)
{
	return READ_ONCE(notifier->read) != READ_ONCE(notifier->written);
}

/*
 * The next record, handed over under the lock: it goes when it has arrived, and no other
 * reader comes between. A page that is not there is fetched without the lock; then it is
 * tried again.
 */
static int read_one(struct klab_notifier *notifier, char __user *to, bool waits)
{
	size_t size = notifier->record_size;
	struct klab_record record;
	int error;

	/* Once a record has more than this, older callers have room for less. */
	static_assert(sizeof(record) == offsetofend(struct klab_record, reserved));
	if (size > sizeof(record) && clear_user(to + sizeof(record), size - sizeof(record)))
		return -EFAULT;
	do {
		spin_lock_irq(&notifier->wait.lock);
		if (waits)
			error = wait_event_interruptible_locked_irq(notifier->wait,
								    readable(notifier));
		else
			error = readable(notifier) ? 0 : -EAGAIN;
		if (!error) {
			record = notifier->record[notifier->read % notifier->capacity];
			pagefault_disable();
			if (__copy_to_user_inatomic(to, &record, sizeof(record)))
				error = -EFAULT;
			else
				WRITE_ONCE(notifier->read, notifier->read + 1);
			pagefault_enable();
		}
		spin_unlock_irq(&notifier->wait.lock);
	} while (error == -EFAULT && !fault_in_writeable(to, sizeof(record)));
	return error;
}

static ssize_t notifier_read(struct file *file, char __user *to, size_t size, loff_t *position)
{
	struct klab_context *context = file->private_data;
	struct klab_notifier *notifier = context->notifier;
	bool waits = !(file->f_flags & O_NONBLOCK);
	size_t done = 0;
	int error = 0;

	if (size < notifier->record_size)
		return -EINVAL;
	while (!error && done + notifier->record_size <= size) {
		error = read_one(notifier, to + done, waits && !done);
		if (!error)
			done += notifier->record_size;
	}
	return done ?: error;
}

/* One firing, the short way, if nobody has to be told at leisure. */
static int fire_one(struct klab_context *context, u32 handle)
{
	struct klab_notify_fire once = { .handle = handle, .count = 1 };
	struct klab_notifier *notifier = context->notifier;
	struct klab_notification *n;
	bool pays = false;

	spin_lock_irq(&notifier->wait.lock);
	n = find(notifier, handle);
	if (n) {
		pays = n->pays;
		if (!pays)
			klab_notification_fire(n, ktime_get_ns(), 0, false);
	}
	spin_unlock_irq(&notifier->wait.lock);
	if (!n)
		return -ENOENT;
	return pays ? klab_notify_fire(context, &once) : 0;
}

static ssize_t notifier_write(struct file *file, const char __user *from, size_t size,
			      loff_t *position)
{
	const u32 __user *handles = (const u32 __user *)from;
	size_t count = size / sizeof(*handles), i;
	int error = 0;
	u32 handle;

	if (!count || size % sizeof(*handles))
		return -EINVAL;
	for (i = 0; i < count; i++) {
		error = get_user(handle, &handles[i]);
		if (!error)
			error = fire_one(file->private_data, handle);
		if (error)
			break;
		if (i % 64 == 63 && fatal_signal_pending(current))
			return (i + 1) * sizeof(*handles);
		cond_resched();
	}
	return i ? i * sizeof(*handles) : error;
}

static __poll_t notifier_poll(struct file *file, poll_table *wait)
{
	struct klab_context *context = file->private_data;

	/* Takes the lock under which records are put. */
	poll_wait(file, &context->notifier->wait, wait);
	return readable(context->notifier) ? EPOLLIN | EPOLLRDNORM | EPOLLPRI : 0;
}

static int notifier_fasync(int fd, struct file *file, int on)
{
	struct klab_context *context = file->private_data;

	return fasync_helper(fd, file, on, &context->notifier->fasync);
}

static void notifier_show_fdinfo(struct seq_file *out, struct file *file)
{
	static const char * const triggers[] = { "call", "timer", "data", "space", "pages" };
	struct klab_context *context = file->private_data;
	struct klab_notifier *notifier = context->notifier;
	unsigned int i;

	seq_printf(out, "records:\t%u\n", READ_ONCE(notifier->written) - READ_ONCE(notifier->read));
	seq_printf(out, "missed:\t%llu\n", READ_ONCE(notifier->missed_ever));
	if (mutex_lock_killable(&notifier->change))
		return;
	for (i = 0; i < NOTIFICATIONS; i++) {
		struct klab_notify_entry entry;

		if (!notifier->slot[i])
			continue;
		entry = entry_of(notifier->slot[i]);
		seq_printf(out, "notification:\t%u by %s, %s, value %llu, ways %u, fired %llu\n",
			   entry.handle, triggers[entry.trigger],
			   entry.armed ? "armed" : "not armed", entry.value, entry.deliveries,
			   entry.fired);
	}
	mutex_unlock(&notifier->change);
}

/* No call is in here any more: what is left are timers, wakers and work. */
static int notifier_release(struct inode *inode, struct file *file)
{
	struct klab_context *context = file->private_data;
	unsigned int i;

	for (i = 0; i < NOTIFICATIONS; i++) {
		if (context->notifier->slot[i])
			klab_notification_end(context->notifier->slot[i]);
	}
	klab_context_put(context);
	return 0;
}

static const struct file_operations notifier_fops = {
	.owner		= THIS_MODULE,
	.release	= notifier_release,
	.read		= notifier_read,
	.write		= notifier_write,
	.poll		= notifier_poll,
	.fasync		= notifier_fasync,
	.unlocked_ioctl	= klab_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= notifier_show_fdinfo,
};

int klab_notifier_create(struct klab_context *context, void *arg)
{
	struct klab_notifier_create *ask = arg;
	struct klab_notifier *notifier;
	struct klab_context *made;
	int fd = -ENOMEM;

	if (!ask->records)
		ask->records = 64;
	if (ask->records > RECORDS_MAX || ask->record_size % 8 || ask->record_size > PAGE_SIZE ||
	    ask->record_size < offsetofend(struct klab_record, reserved))
		return -EINVAL;

	made = klab_context_new(KLAB_ON_NOTIFIER);
	if (!made)
		return -ENOMEM;
	notifier = kvzalloc(struct_size(notifier, record, ask->records), KLAB_GFP);
	made->notifier = notifier;
	if (notifier) {
		init_waitqueue_head(&notifier->wait);
		init_waitqueue_head(&notifier->sleepers);
		mutex_init(&notifier->change);
		notifier->capacity = ask->records;
		notifier->record_size = ask->record_size;
		ask->notifications_max = NOTIFICATIONS;
		ask->deliveries_max = WAYS;
		ask->interval_min_ns = INTERVAL_MIN_NS;
		fd = klab_context_install(made, "[klab-notifier]", &notifier_fops, O_RDWR, NULL);
	}
	if (fd < 0)
		klab_context_put(made);
	return fd;
}
