// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the commands of notifications refuse: one fault at a time, the documented errno,
 * nothing done, no byte of the caller's changed.
 */
#include "scene.h"

#define TOO_LATE	(INT64_MAX + 1ULL)

FIXTURE(notify_invalid)
{
	struct scene scene;
	__u64 records;		/* address of memory that an array may use */
	struct klab_delivery *delivery;		/* the same */
};

FIXTURE_SETUP(notify_invalid)
{
	ASSERT_TRUE(scene_open(&self->scene));
	self->delivery = calloc(16, 4096);
	self->records = (uintptr_t)self->delivery;
	ASSERT_NE(0, self->records);
}

FIXTURE_TEARDOWN(notify_invalid)
{
	free(self->delivery);
	scene_close(&self->scene);
}

TEST_F(notify_invalid, create)
{
	REFUSED(EINVAL, NOTIFIER_CREATE, arg.notifier.records = 65537);
	REFUSED(EINVAL, NOTIFIER_CREATE, arg.notifier.records = UINT_MAX);
	REFUSED(EINVAL, NOTIFIER_CREATE, arg.notifier.record_size = 0);
	REFUSED(EINVAL, NOTIFIER_CREATE, arg.notifier.record_size = 40);
	REFUSED(EINVAL, NOTIFIER_CREATE, arg.notifier.record_size = 52);
	REFUSED(EINVAL, NOTIFIER_CREATE,
		arg.notifier.record_size = sysconf(_SC_PAGESIZE) + 8);
	REFUSED(EINVAL, NOTIFIER_CREATE, arg.notifier.record_size = UINT_MAX - 7);
}

TEST_F(notify_invalid, trigger)
{
	static const __u32 untimed[] = {
		KLAB_TRIGGER_CALL, KLAB_TRIGGER_DATA, KLAB_TRIGGER_SPACE, KLAB_TRIGGER_PAGES,
	};
	size_t i;

	REFUSED(EINVAL, NOTIFY_SET, arg.set.trigger = KLAB_TRIGGER_PAGES + 1);
	REFUSED(EINVAL, NOTIFY_SET, arg.set.trigger = UINT_MAX);
	REFUSED(ENOENT, NOTIFY_SET, arg.set.handle = self->scene.notification + 64);
	REFUSED(ENOENT, NOTIFY_SET, arg.set.handle = UINT_MAX);
	REFUSED(EINVAL, NOTIFY_SET, arg.set.count = 1);
	for (i = 0; i < ARRAY_SIZE(untimed); i++) {
		__s32 source = untimed[i] ? self->scene.klab : 0;

		REFUSED(EINVAL, NOTIFY_SET, (arg.set.trigger = untimed[i],
					     arg.set.source = source,
					     arg.set.flags = KLAB_NOTIFY_ABSOLUTE));
		REFUSED(EINVAL, NOTIFY_SET, (arg.set.trigger = untimed[i],
					     arg.set.source = source, arg.set.first_ns = 1));
		REFUSED(EINVAL, NOTIFY_SET, (arg.set.trigger = untimed[i],
					     arg.set.source = source, arg.set.interval_ns = MS));
	}
}

#define TIMER(spoil) \
	REFUSED(EINVAL, NOTIFY_SET, (arg.set.trigger = KLAB_TRIGGER_TIMER, spoil))

TEST_F(notify_invalid, timer)
{
	unsigned int bit;

	for (bit = 1; bit < 32; bit++)
		TIMER(arg.set.flags = 1U << bit);
	TIMER(arg.set.first_ns = TOO_LATE);
	TIMER(arg.set.first_ns = ~0ULL);
	TIMER((arg.set.flags = KLAB_NOTIFY_ABSOLUTE, arg.set.first_ns = TOO_LATE));
	TIMER(arg.set.interval_ns = TOO_LATE);
	TIMER(arg.set.interval_ns = 1);
	TIMER(arg.set.interval_ns = 19999);
	TIMER(arg.set.count = 2);
	TIMER(arg.set.count = ~0ULL);
	TIMER(arg.set.source = self->scene.klab);
}

#define SOURCE(error, what, fd)							\
	REFUSED(error, NOTIFY_SET, (arg.set.trigger = KLAB_TRIGGER_##what, arg.set.source = fd))

TEST_F(notify_invalid, source)
{
	REFUSED(EINVAL, NOTIFY_SET, arg.set.source = self->scene.klab);
	SOURCE(EBADF, DATA, -1);
	SOURCE(EBADF, SPACE, INT_MAX);
	SOURCE(EBADF, PAGES, INT_MIN);
	SOURCE(EINVAL, DATA, self->scene.file);
	SOURCE(EINVAL, SPACE, self->scene.eventfd);
	SOURCE(EINVAL, DATA, self->scene.task);
	SOURCE(EINVAL, DATA, self->scene.notifier);
	SOURCE(EINVAL, PAGES, self->scene.notifier);
	/* A channel holds no pages. */
	SOURCE(EINVAL, PAGES, self->scene.channel);
}

TEST_F(notify_invalid, arrays)
{
	static const __u32 sizes[] = { 1, 4, 7, 9, 12, ~0U };	/* 8 is right */
	size_t i;

	SIZES_REFUSED(NOTIFY_SET, set.deliveries, sizeof(struct klab_delivery));
	RECORDS_REFUSED(NOTIFY_SET, set.deliveries, sizeof(struct klab_delivery));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		REFUSED(EINVAL, NOTIFY_QUERY, arg.query.histogram.size = sizes[i]);
	RECORDS_REFUSED(NOTIFY_QUERY, query.histogram, sizeof(struct klab_lateness));
	SIZES_REFUSED(NOTIFY_QUERY, query.deliveries, sizeof(struct klab_delivery));
	RECORDS_REFUSED(NOTIFY_QUERY, query.deliveries, sizeof(struct klab_delivery));
	SIZES_REFUSED(NOTIFY_LIST, notify_list.entries, sizeof(struct klab_notify_entry));
	RECORDS_REFUSED(NOTIFY_LIST, notify_list.entries, sizeof(struct klab_notify_entry));
	REFUSED(EINVAL, NOTIFY_SET, (arg.set.deliveries.records = self->records,
				     arg.set.deliveries.count = 17,
				     arg.set.deliveries.size = sizeof(struct klab_delivery)));
	/* What is known of it is zero, and what is not is not. */
	((char *)self->delivery)[sizeof(struct klab_delivery)] = 1;
	self->delivery->way = KLAB_WAY_RECORD;
	REFUSED(E2BIG, NOTIFY_SET, (arg.set.deliveries.records = self->records,
				    arg.set.deliveries.count = 1,
				    arg.set.deliveries.size = sizeof(struct klab_delivery) + 8));
}

/* One way that is spoiled, after one that is not: that one has to go as well. */
#define WAY(error, ...) do {							\
	self->delivery[0] = (struct klab_delivery) {				\
		.way = KLAB_WAY_EVENTFD, .target = self->scene.eventfd,		\
	};									\
	self->delivery[1] = (struct klab_delivery) { __VA_ARGS__ };		\
	REFUSED(error, NOTIFY_SET, (arg.set.deliveries.records = self->records,	\
				    arg.set.deliveries.count = 2,		\
				    arg.set.deliveries.size = sizeof(struct klab_delivery))); \
} while (0)

TEST_F(notify_invalid, ways)
{
	static const __u32 plain[] = { KLAB_WAY_RECORD, KLAB_WAY_SYSFS };
	pid_t gone = fork();
	size_t i;

	if (!gone)
		_exit(0);
	ASSERT_EQ(0, child_status(gone));
	WAY(EINVAL, .way = 0);
	WAY(EINVAL, .way = KLAB_WAY_SYSFS + 1);
	WAY(EINVAL, .way = UINT_MAX);
	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		WAY(EINVAL, .way = plain[i], .target = 1);
		WAY(EINVAL, .way = plain[i], .target = -1);
		WAY(EINVAL, .way = plain[i], .signal = SIGUSR1);
		WAY(EINVAL, .way = plain[i], .flags = KLAB_SIGNAL_VALUE);
	}
	WAY(EINVAL, .way = KLAB_WAY_EVENTFD, .target = self->scene.eventfd, .signal = SIGUSR1);
	WAY(EINVAL, .way = KLAB_WAY_EVENTFD, .target = self->scene.eventfd, .flags = 1);
	WAY(EINVAL, .way = KLAB_WAY_EVENTFD, .target = self->scene.klab);
	WAY(EINVAL, .way = KLAB_WAY_EVENTFD, .target = self->scene.file);
	WAY(EBADF, .way = KLAB_WAY_EVENTFD, .target = -1);
	WAY(EBADF, .way = KLAB_WAY_EVENTFD, .target = INT_MAX);
	WAY(EINVAL, .way = KLAB_WAY_SIGNAL, .signal = 0);
	WAY(EINVAL, .way = KLAB_WAY_SIGNAL, .signal = 65);
	WAY(EINVAL, .way = KLAB_WAY_SIGNAL, .signal = UINT_MAX);
	WAY(EINVAL, .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1, .flags = 2);
	WAY(EINVAL, .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1, .flags = 1U << 31);
	WAY(EINVAL, .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1, .target = -1);
	WAY(EINVAL, .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1, .target = INT_MIN);
	WAY(ESRCH, .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1, .target = gone);
	WAY(ESRCH, .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1, .target = INT_MAX);
}

TEST_F(notify_invalid, the_rest)
{
	__u32 none = self->scene.notification + 64;

	FLAGS_REFUSED(NOTIFY_QUERY, query.reserved, 0);
	FLAGS_REFUSED(NOTIFY_CANCEL, cancel.flags, 0);
	REFUSED(EINVAL, NOTIFY_FIRE, arg.notify.count = 0);
	REFUSED(EINVAL, NOTIFY_FIRE, arg.notify.count = self->scene.info.fire_max + 1);
	REFUSED(EINVAL, NOTIFY_FIRE, arg.notify.count = UINT_MAX);
	REFUSED(EINVAL, NOTIFY_WAIT, arg.sleep.error = 4096);
	REFUSED(EINVAL, NOTIFY_WAIT, arg.sleep.error = UINT_MAX);
	REFUSED(ENOENT, NOTIFY_QUERY, arg.query.handle = none);
	REFUSED(ENOENT, NOTIFY_CANCEL, arg.cancel.handle = none);
	REFUSED(ENOENT, NOTIFY_FIRE, arg.notify.handle = none);
	REFUSED(ENOENT, NOTIFY_WAIT, arg.sleep.handle = none);
	REFUSED(ENOENT, NOTIFY_QUERY, arg.query.handle = 0);
	REFUSED(ENOENT, NOTIFY_FIRE, arg.notify.handle = UINT_MAX);
}

TEST_HARNESS_MAIN
