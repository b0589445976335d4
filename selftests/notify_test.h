/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of notifications have in common. */
#ifndef NOTIFY_TEST_H
#define NOTIFY_TEST_H

#include "klab_test.h"

#define MS	1000000ULL

/* A notifier that keeps @records, or -1. */
static inline int create_notifier(int fd, __u32 records)
{
	struct klab_notifier_create create = {
		.records = records, .record_size = sizeof(struct klab_record),
	};

	return ioctl(fd, KLAB_IOC_NOTIFIER_CREATE, &create);
}

/* Set what @set says, with these deliveries: an errno, or 0 and a handle. */
static inline int set_notification(int notifier, struct klab_notify_set *set,
				   const struct klab_delivery *deliveries, __u32 count)
{
	set->deliveries = (struct klab_array) {
		(uintptr_t)deliveries, count, sizeof(*deliveries),
	};
	return klab(notifier, KLAB_IOC_NOTIFY_SET, set);
}

/* One that is fired by hand. Its handle, or 0. */
static inline __u32 set_by_call(int notifier, __u64 value, const struct klab_delivery *deliveries,
				__u32 count)
{
	struct klab_notify_set set = { .value = value };

	return set_notification(notifier, &set, deliveries, count) ? 0 : set.handle;
}

/* One that is fired by a timer, @first from now and then each @interval, @count times. */
static inline __u32 set_by_timer(int notifier, __u64 first, __u64 interval, __u64 count,
				 const struct klab_delivery *deliveries, __u32 ways)
{
	struct klab_notify_set set = {
		.trigger = KLAB_TRIGGER_TIMER, .first_ns = first, .interval_ns = interval,
		.count = count, .value = 42,
	};

	return set_notification(notifier, &set, deliveries, ways) ? 0 : set.handle;
}

/* Fire it once, the short way. */
static inline int ring(int notifier, __u32 handle)
{
	ssize_t wrote = write(notifier, &handle, sizeof(handle));

	return wrote < 0 ? errno : wrote == sizeof(handle) ? 0 : -1;
}

static inline int cancel(int notifier, __u32 handle)
{
	struct klab_notify_cancel ask = { .handle = handle };

	return klab(notifier, KLAB_IOC_NOTIFY_CANCEL, &ask);
}

static inline int fire_times(int notifier, __u32 handle, __u32 count)
{
	struct klab_notify_fire ask = { .handle = handle, .count = count };

	return klab(notifier, KLAB_IOC_NOTIFY_FIRE, &ask);
}

/* All about one; where it has one way, @delivery (or NULL) is that. */
static inline struct klab_notify_query query(int notifier, __u32 handle,
					     struct klab_delivery *delivery)
{
	struct klab_notify_query ask = {
		.handle = handle,
		.deliveries = { (uintptr_t)delivery, !!delivery, sizeof(*delivery) },
	};

	if (klab(notifier, KLAB_IOC_NOTIFY_QUERY, &ask))
		ask.fired = ~0ULL;
	return ask;
}

static inline __u32 count_notifications(int notifier)
{
	struct klab_notify_list list = { 0 };

	return klab(notifier, KLAB_IOC_NOTIFY_LIST, &list) ? ~0U : list.entries.count;
}

/* What an eventfd that does not block has counted, or 0. */
static inline __u64 take_count(int fd)
{
	__u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* One record: an errno, or 0. */
static inline int take_record(int notifier, struct klab_record *record)
{
	ssize_t got = read(notifier, record, sizeof(*record));

	return got < 0 ? errno : got == sizeof(*record) ? 0 : -1;
}

#endif /* NOTIFY_TEST_H */
