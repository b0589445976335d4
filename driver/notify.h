/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What notify.c, a notification, and notifier.c, the descriptor, know of each other.
 *
 * notifier->wait.lock guards all that is not said to be set once. notifier->change
 * is held by whoever sets, cancels or looks at notifications at leisure: with it one
 * that was found does not go away. Calls that only fire do without it. Lock order:
 * change, the queue of a channel or of pages_changed, wait.lock, an eventfd's.
 */
#ifndef KLAB_NOTIFY_H
#define KLAB_NOTIFY_H

#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "klab.h"

#define NOTIFICATIONS	64
#define WAYS		16
#define INTERVAL_MIN_NS	20000
struct klab_notification {
	/* Set once. */
	struct klab_notifier *notifier;
	struct klab_asker asker;
	struct klab_context *source;	/* what is watched; or NULL */
	wait_queue_head_t *queue;	/* where; or NULL */
	__poll_t events;
	u32 handle, trigger;
	u64 value, interval;
	bool pays;			/* has ways that are owed */

	bool armed;			/* the trigger fires; false for ever at the end */
	u64 left;			/* firings by the trigger, if there is an end */
	u64 fired, last_ns, skipped;
	unsigned int owed;
	struct klab_timing lateness;
	u64 histogram[KLAB_LATENESS_BUCKETS];

	struct hrtimer timer;
	struct wait_queue_entry entry;
	struct work_struct work;
	unsigned int ways;
	struct klab_way way[];
};

struct klab_notifier {
	wait_queue_head_t wait;		/* readers and pollers; its lock is the lock */
	wait_queue_head_t sleepers;	/* in KLAB_IOC_NOTIFY_WAIT */
	struct mutex change;
	struct klab_notification *slot[NOTIFICATIONS];
	u32 generation;			/* so that a handle is not soon used again */

	/* Records: from read to written, which count without end. */
	u32 read, written, capacity, record_size;
	u64 missed;			/* since the last one that was put */
	u64 missed_ever;
	struct fasync_struct *fasync;
	struct klab_record record[];
};

/* Its last firing. */
static inline struct klab_record klab_record_of(const struct klab_notification *n, u64 due)
{
	return (struct klab_record) {
		.sequence = n->fired,
		.time_ns = n->last_ns,
		.due_ns = due,
		.value = n->value,
		.handle = n->handle,
	};
}

/* notify.c */
struct klab_notification *klab_notification_make(struct klab_notifier *notifier,
						 const struct klab_notify_set *ask);
void klab_notification_start(struct klab_notification *n, const struct klab_notify_set *ask);
bool klab_notification_fire(struct klab_notification *n, u64 now, u64 due, bool pays_itself);
void klab_notification_fire_some(struct klab_notification *n, struct klab_notify_fire *ask);
void klab_notification_end(struct klab_notification *n);

/* notifier.c */
int klab_notifier_put(struct klab_notification *n, u64 due);

#endif /* KLAB_NOTIFY_H */
