// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notifications: what fires, when, how often.
 *
 * A firing happens under notifier->wait.lock with interrupts off, wherever it comes
 * from: a call, a timer, the waker of a channel. So it does what may be done there
 * (number it, put a record, ring eventfds, wake) and owes the rest, signals and
 * sysfs, to a work item. Who set a notification and fires it pays at once instead.
 *
 * The end of a notification: disarmed under the lock, so that nothing owes any more;
 * then its place in the queue, its timer, its work are taken away, each waiting for
 * who is in there. None of them needs change, and the lock is not held.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "notify.h"

/* Firings that may wait for the work item before further ones are told with them. */
#define OWED_MAX	64

/* Timers everywhere that fire again and again. */
static atomic_t periodic;

static void count(struct klab_way *way, int error)
{
	switch (error) {
	case 0:
		way->is.delivered++;
		break;
	case -ESRCH:
		way->is.gone++;
		break;
	case -EAGAIN:
		way->is.full++;
		break;
	default:
		way->is.refused++;
		break;
	}
}

static void owe(struct klab_notification *n)
{
	unsigned int i;

	if (n->owed < OWED_MAX) {
		n->owed++;
		queue_work(system_highpri_wq, &n->work);
		return;
	}
	for (i = 0; i < n->ways; i++) {
		if (n->way[i].is.way == KLAB_WAY_SIGNAL || n->way[i].is.way == KLAB_WAY_SYSFS)
			n->way[i].is.coalesced++;
	}
}

/* Returns whether there are ways that were not told yet, and not owed. */
bool klab_notification_fire(struct klab_notification *n, u64 now, u64 due, bool pays_itself)
{
	struct klab_notifier *notifier = n->notifier;
	unsigned int i;

	lockdep_assert_held(&notifier->wait.lock);
	n->fired++;
	n->last_ns = now;
	for (i = 0; i < n->ways; i++) {
		struct klab_way *way = &n->way[i];

		if (way->is.way == KLAB_WAY_EVENTFD)
			count(way, klab_way_ring(way));
		else if (way->is.way == KLAB_WAY_RECORD)
			count(way, klab_notifier_put(n, due));
	}
	/* Who is about to sleep looks at n->fired under the lock, after he queued. */
	if (waitqueue_active(&notifier->sleepers))
		wake_up(&notifier->sleepers);
	if (n->pays && !pays_itself)
		owe(n);
	return n->pays && pays_itself;
}

/* One firing by the trigger. */
static void fire_armed(struct klab_notification *n, u64 now, u64 due)
{
	if (n->left && !--n->left)
		n->armed = false;
	klab_notification_fire(n, now, due, false);
}

/* Signals and sysfs, of one firing. In no way under the lock. */
static void pay(struct klab_notification *n)
{
	struct klab_notifier *notifier = n->notifier;
	struct klab_record record;
	unsigned int i;
	int error;

	spin_lock_irq(&notifier->wait.lock);
	record = klab_record_of(n, 0);
	spin_unlock_irq(&notifier->wait.lock);

	for (i = 0; i < n->ways; i++) {
		struct klab_way *way = &n->way[i];

		if (way->is.way != KLAB_WAY_SIGNAL && way->is.way != KLAB_WAY_SYSFS)
			continue;
		error = klab_way_tell(way, &n->asker, &record);
		spin_lock_irq(&notifier->wait.lock);
		count(way, error);
		spin_unlock_irq(&notifier->wait.lock);
	}
}

static void pay_owed(struct work_struct *work)
{
	struct klab_notification *n = container_of(work, struct klab_notification, work);
	bool owed = true;

	while (owed) {
		spin_lock_irq(&n->notifier->wait.lock);
		owed = n->owed;
		if (owed)
			n->owed--;
		spin_unlock_irq(&n->notifier->wait.lock);
		if (owed)
			pay(n);
		cond_resched();
	}
}

static void note_lateness(struct klab_notification *n, u64 late)
{
	struct klab_timing *timing = &n->lateness;

	timing->min_ns = timing->count ? min(timing->min_ns, late) : late;
	timing->max_ns = max(timing->max_ns, late);
	timing->total_ns += late;
	timing->count++;
	n->histogram[late ? min(ilog2(late), KLAB_LATENESS_BUCKETS - 1) : 0]++;
}

/*
 * Firing again and again must not take a processor away. So the next time is at the
 * earliest after a pause of twice what this took, for each timer that there is: half
 * of one processor, at most, is spent in here.
 */
static ktime_t after_pause(u64 began)
{
	u64 now = ktime_get_ns();

	return ns_to_ktime(now + 2 * (now - began) * atomic_read(&periodic));
}

static enum hrtimer_restart on_time(struct hrtimer *timer)
{
	struct klab_notification *n = container_of(timer, struct klab_notification, timer);
	enum hrtimer_restart next = HRTIMER_NORESTART;
	u64 due = ktime_to_ns(hrtimer_get_expires(timer)), now = ktime_get_ns();
	unsigned long flags;

	spin_lock_irqsave(&n->notifier->wait.lock, flags);
	if (n->armed) {
		note_lateness(n, now - due);
		fire_armed(n, now, due);
		n->armed = n->armed && n->interval;
	}
	if (n->armed) {
		n->skipped += hrtimer_forward(timer, after_pause(now), n->interval) - 1;
		next = HRTIMER_RESTART;
	}
	spin_unlock_irqrestore(&n->notifier->wait.lock, flags);
	return next;
}

static u32 side_of(const struct klab_notification *n)
{
	return n->trigger == KLAB_TRIGGER_DATA ? KLAB_CHANNEL_READERS : KLAB_CHANNEL_WRITERS;
}

/* Who has mapped a channel tells of what he does only if somebody waits. */
static void expect_next(struct klab_notification *n)
{
	if (n->trigger == KLAB_TRIGGER_DATA || n->trigger == KLAB_TRIGGER_SPACE)
		klab_channel_expect(n->source->channel, side_of(n));
}

/* Whoever wakes a queue calls this, with the queue's lock. */
static int on_event(struct wait_queue_entry *entry, unsigned int mode, int sync, void *key)
{
	struct klab_notification *n = container_of(entry, struct klab_notification, entry);
	unsigned long flags;

	if (!(key_to_poll(key) & n->events))
		return 0;
	spin_lock_irqsave(&n->notifier->wait.lock, flags);
	if (n->armed) {
		/* First: who is told may look at once, and then wait for what comes next. */
		expect_next(n);
		fire_armed(n, ktime_get_ns(), 0);
	}
	spin_unlock_irqrestore(&n->notifier->wait.lock, flags);
	return 0;
}

/* Nobody finds it any more, or ever did. */
void klab_notification_end(struct klab_notification *n)
{
	unsigned int i;

	spin_lock_irq(&n->notifier->wait.lock);
	n->armed = false;
	n->owed = 0;
	spin_unlock_irq(&n->notifier->wait.lock);
	if (n->queue)
		remove_wait_queue(n->queue, &n->entry);
	hrtimer_cancel(&n->timer);
	cancel_work_sync(&n->work);

	if (n->interval)
		atomic_dec(&periodic);
	if (n->source)
		klab_context_put(n->source);
	for (i = 0; i < n->ways; i++)
		klab_way_release(&n->way[i]);
	klab_asker_release(&n->asker);
	kfree(n);
}

static int watch(struct klab_notification *n, int source)
{
	unsigned int on = n->trigger == KLAB_TRIGGER_PAGES ? KLAB_ON_DEVICE :
							     KLAB_ON_DEVICE | KLAB_ON_CHANNEL;
	struct klab_context *context = klab_context_get(source, on);

	if (IS_ERR(context))
		return PTR_ERR(context);
	n->source = context;
	if (n->trigger == KLAB_TRIGGER_PAGES) {
		n->queue = &context->pages_changed;
		n->events = EPOLLPRI;
	} else {
		n->queue = klab_channel_queue(context->channel, side_of(n));
		n->events = n->trigger == KLAB_TRIGGER_DATA ? EPOLLIN | EPOLLHUP : EPOLLOUT;
	}
	add_wait_queue(n->queue, &n->entry);
	return 0;
}

static int init_ways(struct klab_notification *n, const struct klab_array *deliveries)
{
	int error;
	u32 i;

	for (i = 0; i < deliveries->count; i++) {
		struct klab_way *way = &n->way[i];

		error = copy_struct_from_user(&way->is, sizeof(way->is),
					      u64_to_user_ptr(deliveries->records) +
					      (size_t)i * deliveries->size, deliveries->size);
		if (error)
			return error;
		n->ways++;
		error = klab_way_init(way);
		if (error)
			return error;
		n->pays |= way->is.way == KLAB_WAY_SIGNAL || way->is.way == KLAB_WAY_SYSFS;
	}
	return 0;
}

static int check_set(const struct klab_notify_set *ask)
{
	const struct klab_array *deliveries = &ask->deliveries;

	if (ask->trigger > KLAB_TRIGGER_PAGES || deliveries->count > WAYS)
		return -EINVAL;
	if (ask->trigger == KLAB_TRIGGER_TIMER) {
		if (ask->flags & ~KLAB_NOTIFY_ABSOLUTE || ask->first_ns > KTIME_MAX)
			return -EINVAL;
		if (ask->interval_ns > KTIME_MAX ||
		    (ask->interval_ns && ask->interval_ns < INTERVAL_MIN_NS))
			return -EINVAL;
		if (!ask->interval_ns && ask->count > 1)
			return -EINVAL;
	} else if (ask->flags || ask->first_ns || ask->interval_ns) {
		return -EINVAL;
	}
	if (ask->source && ask->trigger < KLAB_TRIGGER_DATA)
		return -EINVAL;
	if (ask->count && ask->trigger == KLAB_TRIGGER_CALL)
		return -EINVAL;
	return klab_check_array(deliveries, offsetofend(struct klab_delivery, coalesced));
}

/* Not armed yet. On its queue already, if it has one: only so can nothing be missed later. */
struct klab_notification *klab_notification_make(struct klab_notifier *notifier,
						 const struct klab_notify_set *ask)
{
	struct klab_notification *n;
	int error = check_set(ask);

	if (error)
		return ERR_PTR(error);
	n = kzalloc(struct_size(n, way, ask->deliveries.count), KLAB_GFP);
	if (!n)
		return ERR_PTR(-ENOMEM);
	n->notifier = notifier;
	n->trigger = ask->trigger;
	n->value = ask->value;
	n->interval = ask->interval_ns;
	n->left = ask->count;
	klab_asker_init(&n->asker);
	klab_hrtimer_setup(&n->timer, on_time);
	init_waitqueue_func_entry(&n->entry, on_event);
	INIT_WORK(&n->work, pay_owed);
	if (n->interval)
		atomic_inc(&periodic);

	error = init_ways(n, &ask->deliveries);
	if (!error && n->trigger >= KLAB_TRIGGER_DATA)
		error = watch(n, ask->source);
	if (error) {
		klab_notification_end(n);
		return ERR_PTR(error);
	}
	return n;
}

void klab_notification_start(struct klab_notification *n, const struct klab_notify_set *ask)
{
	ktime_t due = ns_to_ktime(ask->first_ns);

	n->armed = n->trigger != KLAB_TRIGGER_CALL;
	/* Not before: an event that finds it not armed takes the flag down, and raises none. */
	expect_next(n);
	if (n->trigger != KLAB_TRIGGER_TIMER)
		return;
	if (!(ask->flags & KLAB_NOTIFY_ABSOLUTE))
		due = ktime_add_safe(ktime_get(), due);
	hrtimer_start(&n->timer, due, HRTIMER_MODE_ABS);
}

void klab_notification_fire_some(struct klab_notification *n, struct klab_notify_fire *ask)
{
	bool pays_itself = klab_is_asker(&n->asker), unpaid;
	u32 wanted = ask->count;
	u64 now;

	ask->count = 0;
	while (ask->count < wanted && !fatal_signal_pending(current)) {
		spin_lock_irq(&n->notifier->wait.lock);
		now = ktime_get_ns();
		unpaid = klab_notification_fire(n, now, 0, pays_itself);
		ask->sequence = n->fired;
		spin_unlock_irq(&n->notifier->wait.lock);
		if (unpaid)
			pay(n);
		if (!ask->count++)
			ask->first_ns = now;
		ask->last_ns = now;
		cond_resched();
	}
	if (n->pays && !pays_itself)
		flush_work(&n->work);
}
