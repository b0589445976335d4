// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notifications: fired by hand and by timers, and what the ways tell. What else fires
 * them is in notify_triggers.c, who may be sent a signal in notify_permission.c, many at
 * once in notify_load.c, SIGIO and sysfs and the sleeping call in notify_ways.c.
 */
#include <sys/epoll.h>

#include "channel_test.h"
#include "notify_test.h"

FIXTURE(notify)
{
	int klab;
	int notifier;		/* waits for no record */
	int event;
	struct klab_delivery record, ring;
};

FIXTURE_SETUP(notify)
{
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->klab);
	self->notifier = create_notifier(self->klab, 8);
	ASSERT_LE(0, self->notifier);
	ASSERT_EQ(0, fcntl(self->notifier, F_SETFL, O_NONBLOCK));
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	self->record = (struct klab_delivery) { .way = KLAB_WAY_RECORD };
	self->ring = (struct klab_delivery) {
		.way = KLAB_WAY_EVENTFD, .target = self->event,
	};
	block_signals();
}

FIXTURE_TEARDOWN(notify)
{
	close(self->notifier);
	close(self->klab);
	close(self->event);
}

TEST_F(notify, descriptor)
{
	struct klab_notifier_create create = { .record_size = sizeof(struct klab_record) };
	int fd = ioctl(self->klab, KLAB_IOC_NOTIFIER_CREATE, &create);
	char bytes[8] = { 0 };

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(64, create.records);
	EXPECT_EQ(64, create.notifications_max);
	EXPECT_EQ(16, create.deliveries_max);
	EXPECT_EQ(20000, create.interval_min_ns);
	EXPECT_EQ(-1, write(fd, bytes, 3));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, bytes, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, bytes, 8));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, write(fd, fenced_memory(4), 4));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, fdinfo_value(fd, "records", 10));
	EXPECT_EQ(0, fdinfo_value(fd, "missed", 10));
	close(fd);
}

/* One clock and one number for all that a firing tells. */
TEST_F(notify, by_hand)
{
	__u32 handle = set_by_call(self->notifier, 7, &self->record, 1);
	struct klab_notify_fire fire = { .handle = handle, .count = 1 };
	struct klab_record record;
	struct klab_notify_query all;
	__u64 before = now_ns();

	ASSERT_NE(0, handle);
	EXPECT_EQ(EAGAIN, take_record(self->notifier, &record));
	ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_FIRE, &fire));
	EXPECT_EQ(1, fire.count);
	EXPECT_EQ(1, fire.sequence);
	EXPECT_LE(before, fire.first_ns);
	EXPECT_GE(now_ns(), fire.last_ns);
	EXPECT_EQ(fire.first_ns, fire.last_ns);

	ASSERT_EQ(0, take_record(self->notifier, &record));
	EXPECT_EQ(1, record.sequence);
	EXPECT_EQ(fire.last_ns, record.time_ns);
	EXPECT_EQ(0, record.due_ns);
	EXPECT_EQ(7, record.value);
	EXPECT_EQ(0, record.missed);
	EXPECT_EQ(handle, record.handle);
	EXPECT_EQ(0, record.reserved);

	all = query(self->notifier, handle, NULL);
	EXPECT_EQ(KLAB_TRIGGER_CALL, all.trigger);
	EXPECT_EQ(0, all.armed);
	EXPECT_EQ(7, all.value);
	EXPECT_EQ(1, all.fired);
	EXPECT_EQ(fire.last_ns, all.last_ns);
	EXPECT_EQ(1, all.deliveries.count);

	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(0, take_record(self->notifier, &record));
	EXPECT_EQ(2, record.sequence);
	EXPECT_EQ(ENOENT, ring(self->notifier, handle + 1));
	EXPECT_EQ(ENOENT, ring(self->notifier, 0));
	EXPECT_EQ(ENOENT, fire_times(self->notifier, handle + 64, 1));
}

/* Handles that are written are fired in turn, up to the first that is none. */
TEST_F(notify, write_fires)
{
	__u32 one = set_by_call(self->notifier, 1, &self->record, 1);
	__u32 two = set_by_call(self->notifier, 2, &self->record, 1);
	__u32 handles[] = { two, one, two, 12345, one };
	struct klab_record records[8];

	EXPECT_EQ(12, write(self->notifier, handles, sizeof(handles)));
	ASSERT_EQ(3 * sizeof(records[0]), read(self->notifier, records, sizeof(records)));
	EXPECT_EQ(two, records[0].handle);
	EXPECT_EQ(one, records[1].handle);
	EXPECT_EQ(two, records[2].handle);
	EXPECT_EQ(1, records[1].sequence);
	EXPECT_EQ(2, records[2].sequence);
}

/* N firings in one call, each of them told. */
TEST_F(notify, batch)
{
	struct klab_delivery both[] = { self->ring, self->record }, came[2];
	__u32 handle = set_by_call(self->notifier, 1, both, 2);
	struct klab_notify_fire fire = { .handle = handle, .count = 65536 };
	struct klab_notify_query ask = {
		.handle = handle, .deliveries = { (uintptr_t)came, 2, sizeof(came[0]) },
	};
	struct klab_record record;
	int i;

	ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_FIRE, &fire));
	EXPECT_EQ(65536, fire.count);
	EXPECT_EQ(65536, fire.sequence);
	EXPECT_LT(fire.first_ns, fire.last_ns);
	EXPECT_EQ(65536, take_count(self->event));
	ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_QUERY, &ask));
	EXPECT_EQ(65536, ask.fired);
	EXPECT_EQ(65536, came[0].delivered);
	EXPECT_EQ(8, came[1].delivered);
	EXPECT_EQ(65528, came[1].full);

	/* The first ones were kept. What came after is in the next that finds room. */
	EXPECT_EQ(8, fdinfo_value(self->notifier, "records", 10));
	EXPECT_EQ(65528, fdinfo_value(self->notifier, "missed", 10));
	for (i = 1; i <= 8; i++) {
		ASSERT_EQ(0, take_record(self->notifier, &record));
		EXPECT_EQ(i, record.sequence);
		EXPECT_EQ(0, record.missed);
	}
	EXPECT_EQ(EAGAIN, take_record(self->notifier, &record));
	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(0, take_record(self->notifier, &record));
	EXPECT_EQ(65537, record.sequence);
	EXPECT_EQ(65528, record.missed);
}

TEST_F(notify, read_sizes)
{
	__u32 handle = set_by_call(self->notifier, 1, &self->record, 1);
	struct klab_record records[4];
	unsigned char *end;

	EXPECT_EQ(0, fire_times(self->notifier, handle, 3));
	EXPECT_EQ(-1, read(self->notifier, records, sizeof(records[0]) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->notifier, records, 0));
	EXPECT_EQ(EINVAL, errno);
	/* What cannot be handed over stays. */
	EXPECT_EQ(-1, read(self->notifier, fenced_memory(8), sizeof(records)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(2 * sizeof(records[0]),
		  read(self->notifier, records, 3 * sizeof(records[0]) - 1));
	EXPECT_EQ(2, records[1].sequence);
	EXPECT_EQ(sizeof(records[0]), read(self->notifier, records, sizeof(records)));
	EXPECT_EQ(3, records[0].sequence);
	EXPECT_EQ(-1, read(self->notifier, records, sizeof(records)));
	EXPECT_EQ(EAGAIN, errno);

	/* As many as could be handed over. */
	EXPECT_EQ(0, fire_times(self->notifier, handle, 3));
	end = fenced_memory(64) - sizeof(records[0]) - 8;
	EXPECT_EQ(sizeof(records[0]), read(self->notifier, end, sizeof(records)));
	EXPECT_EQ(2, fdinfo_value(self->notifier, "records", 10));
}

/* A program that knows a longer record gets zeroes for what the module does not know. */
TEST_F(notify, longer_records)
{
	struct klab_notifier_create create = { .record_size = sizeof(struct klab_record) + 16 };
	int fd = ioctl(self->klab, KLAB_IOC_NOTIFIER_CREATE, &create);
	__u32 handle = set_by_call(fd, 9, &self->record, 1);
	__u64 words[2 * (sizeof(struct klab_record) / 8 + 2)];

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fire_times(fd, handle, 2));
	memset(words, 0x5a, sizeof(words));
	ASSERT_EQ(sizeof(words), read(fd, words, sizeof(words)));
	EXPECT_EQ(1, words[0]);
	EXPECT_EQ(0, words[6] | words[7]);
	EXPECT_EQ(2, words[8]);
	EXPECT_EQ(0, words[14] | words[15]);
	close(fd);
}

/* A read without O_NONBLOCK waits for the first record. */
TEST_F(notify, read_waits)
{
	__u32 handle = set_by_call(self->notifier, 1, &self->record, 1);
	struct klab_record record = { 0 };
	struct call call = { .fd = self->notifier, .data = &record, .size = sizeof(record) };

	ASSERT_EQ(0, fcntl(self->notifier, F_SETFL, 0));
	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	EXPECT_EQ(0, ring(self->notifier, handle));
	EXPECT_EQ(sizeof(record), call_end(&call));
	EXPECT_EQ(1, record.sequence);
}

TEST_F(notify, timer_once)
{
	struct klab_delivery both[] = { self->ring, self->record };
	__u64 before = now_ns(), histogram[KLAB_LATENESS_BUCKETS], sum = 0;
	__u32 handle = set_by_timer(self->notifier, 5 * MS, 0, 0, both, 2);
	struct klab_notify_query ask = {
		.handle = handle,
		.histogram = { (uintptr_t)histogram, KLAB_LATENESS_BUCKETS, 8 },
	};
	struct klab_record record;
	__u64 late;
	int i;

	ASSERT_NE(0, handle);
	ASSERT_TRUE(eventually(take_count(self->event)));
	ASSERT_EQ(0, take_record(self->notifier, &record));
	EXPECT_LE(before + 5 * MS, record.due_ns);
	EXPECT_LE(record.due_ns, record.time_ns);
	EXPECT_EQ(42, record.value);
	late = record.time_ns - record.due_ns;

	ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_QUERY, &ask));
	EXPECT_EQ(KLAB_TRIGGER_TIMER, ask.trigger);
	EXPECT_EQ(0, ask.armed);
	EXPECT_EQ(0, ask.due_ns);
	EXPECT_EQ(1, ask.fired);
	EXPECT_EQ(1, ask.lateness.count);
	EXPECT_EQ(late, ask.lateness.min_ns);
	EXPECT_EQ(late, ask.lateness.max_ns);
	EXPECT_EQ(late, ask.lateness.total_ns);
	ASSERT_EQ(KLAB_LATENESS_BUCKETS, ask.histogram.count);
	for (i = 0; i < KLAB_LATENESS_BUCKETS; i++) {
		sum += histogram[i];
		if (histogram[i]) {
			EXPECT_TRUE(i == 0 || late >= 1ULL << i);
			EXPECT_TRUE(i == 31 || late < 2ULL << i);
		}
	}
	EXPECT_EQ(1, sum);
	EXPECT_EQ(EAGAIN, take_record(self->notifier, &record));
}

/* At a moment; at once, when there is no delay or the moment has passed. */
TEST_F(notify, timer_absolute_and_at_once)
{
	struct klab_notify_set set = {
		.trigger = KLAB_TRIGGER_TIMER, .flags = KLAB_NOTIFY_ABSOLUTE,
		.first_ns = now_ns() + 10 * MS,
	};
	struct klab_record record;

	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->record, 1));
	ASSERT_TRUE(eventually(!take_record(self->notifier, &record)));
	EXPECT_EQ(set.first_ns, record.due_ns);
	EXPECT_LE(set.first_ns, record.time_ns);

	set.handle = 0;
	set.first_ns = 1;
	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->record, 1));
	ASSERT_TRUE(eventually(!take_record(self->notifier, &record)));
	EXPECT_EQ(1, record.due_ns);
	ASSERT_NE(0, set_by_timer(self->notifier, 0, 0, 1, &self->record, 1));
	ASSERT_TRUE(eventually(!take_record(self->notifier, &record)));

	/* Far away is not at once. */
	set.handle = 0;
	set.first_ns = INT64_MAX;
	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->record, 1));
	ASSERT_NE(0, set_by_timer(self->notifier, INT64_MAX, INT64_MAX, 0, &self->record, 1));
	usleep(20000);
	EXPECT_EQ(EAGAIN, take_record(self->notifier, &record));
	EXPECT_EQ(1, query(self->notifier, set.handle, NULL).armed);
	EXPECT_EQ(INT64_MAX, query(self->notifier, set.handle, NULL).due_ns);
}

/* N times and no more; and whoever looks late finds each of them counted. */
TEST_F(notify, timer_again_and_again)
{
	__u32 handle = set_by_timer(self->notifier, MS, MS, 5, &self->record, 1);
	__u64 histogram[KLAB_LATENESS_BUCKETS], late, bucket;
	struct klab_record record, last = { 0 }, first = { 0 };
	struct klab_timing lateness = { .min_ns = ~0ULL };
	struct klab_notify_query all = {
		.handle = handle,
		.histogram = { (uintptr_t)histogram, KLAB_LATENESS_BUCKETS, 8 },
	};
	int i;

	ASSERT_TRUE(eventually(query(self->notifier, handle, NULL).fired == 5));
	usleep(5000);
	ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_QUERY, &all));
	EXPECT_EQ(5, all.fired);
	EXPECT_EQ(0, all.armed);
	EXPECT_EQ(0, all.left);
	EXPECT_EQ(5, all.lateness.count);
	for (i = 1; i <= 5; i++) {
		ASSERT_EQ(0, take_record(self->notifier, &record));
		EXPECT_EQ(i, record.sequence);
		/* On the grid that the first one began. */
		first = i == 1 ? record : first;
		EXPECT_EQ(0, (record.due_ns - first.due_ns) % MS);
		EXPECT_LT(last.due_ns, record.due_ns);
		last = record;

		late = record.time_ns - record.due_ns;
		lateness.count++;
		lateness.total_ns += late;
		lateness.min_ns = late < lateness.min_ns ? late : lateness.min_ns;
		lateness.max_ns = late > lateness.max_ns ? late : lateness.max_ns;
		for (bucket = 0; bucket < KLAB_LATENESS_BUCKETS - 1 && late >> bucket > 1; bucket++)
			;
		EXPECT_LT(0, histogram[bucket]--);
	}
	EXPECT_EQ(EAGAIN, take_record(self->notifier, &record));

	/* What the query says is of these five, and every bar of the histogram is used up. */
	EXPECT_EQ(0, memcmp(&lateness, &all.lateness, sizeof(lateness)));
	for (i = 0; i < KLAB_LATENESS_BUCKETS; i++)
		EXPECT_EQ(0, histogram[i]);
	/* A time on the grid was one of the five, or it was skipped. */
	EXPECT_EQ((last.due_ns - first.due_ns) / MS, 4 + all.skipped);
}

/* A change keeps handle and number, and what it replaces fires no more. */
TEST_F(notify, change)
{
	__u32 handle = set_by_timer(self->notifier, MS, MS, 0, &self->ring, 1);
	struct klab_notify_set set = { .handle = handle, .value = 99 };
	struct klab_record record;
	__u64 fired;

	ASSERT_TRUE(eventually(take_count(self->event)));
	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->record, 1));
	EXPECT_EQ(handle, set.handle);
	EXPECT_EQ(1, count_notifications(self->notifier));
	take_count(self->event);
	fired = query(self->notifier, handle, NULL).fired;
	EXPECT_LT(0, fired);
	usleep(5000);
	EXPECT_EQ(0, take_count(self->event));
	EXPECT_EQ(fired, query(self->notifier, handle, NULL).fired);

	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(0, take_record(self->notifier, &record));
	EXPECT_EQ(fired + 1, record.sequence);
	EXPECT_EQ(99, record.value);
	set.handle = handle + 1;
	EXPECT_EQ(ENOENT, set_notification(self->notifier, &set, NULL, 0));
	EXPECT_EQ(1, count_notifications(self->notifier));
}

TEST_F(notify, list_and_cancel)
{
	__u32 first = set_by_call(self->notifier, 1, NULL, 0);
	__u32 second = set_by_timer(self->notifier, INT64_MAX, 0, 0, &self->record, 1), again;
	struct klab_notify_entry entries[3];
	struct klab_notify_list list = {
		.entries = { (uintptr_t)entries, 3, sizeof(entries[0]) },
	};
	struct klab_notify_cancel away = { .handle = first };

	EXPECT_EQ(0, fire_times(self->notifier, first, 3));
	ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_LIST, &list));
	ASSERT_EQ(2, list.entries.count);
	EXPECT_EQ(first, entries[0].handle);
	EXPECT_EQ(3, entries[0].fired);
	EXPECT_EQ(0, entries[0].armed);
	EXPECT_EQ(0, entries[0].deliveries);
	EXPECT_EQ(second, entries[1].handle);
	EXPECT_EQ(KLAB_TRIGGER_TIMER, entries[1].trigger);
	EXPECT_EQ(1, entries[1].armed);
	EXPECT_EQ(1, entries[1].deliveries);
	EXPECT_EQ(42, entries[1].value);

	/* The count says how many there are, however few there is room for. */
	list.entries.count = 1;
	entries[1].handle = 0;
	ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_LIST, &list));
	EXPECT_EQ(2, list.entries.count);
	EXPECT_EQ(0, entries[1].handle);

	ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_CANCEL, &away));
	EXPECT_EQ(3, away.fired);
	EXPECT_EQ(ENOENT, cancel(self->notifier, first));
	EXPECT_EQ(ENOENT, ring(self->notifier, first));
	/* Its handle is not the next one's. */
	again = set_by_call(self->notifier, 1, NULL, 0);
	EXPECT_NE(first, again);
	EXPECT_EQ(0, cancel(self->notifier, again));
	EXPECT_EQ(0, cancel(self->notifier, second));
	EXPECT_EQ(0, count_notifications(self->notifier));
}

/* Whatever it fires at that moment: what cancel says is what was told, and that was all. */
TEST_F(notify, cancel_in_flight)
{
	struct klab_notify_cancel away;
	int i;

	for (i = 0; i < 1000; i++) {
		away = (struct klab_notify_cancel) {
			.handle = set_by_timer(self->notifier, 0, 20000, 0, &self->ring, 1),
		};
		ASSERT_NE(0, away.handle);
		usleep(i % 100);
		ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_CANCEL, &away));
		ASSERT_EQ(away.fired, take_count(self->event));
	}
	usleep(1000);
	EXPECT_EQ(0, take_count(self->event));
}

/* A change takes over the number at which it was: the next firing has the next one. */
TEST_F(notify, change_in_flight)
{
	__u32 handle = set_by_timer(self->notifier, 0, 20000, 0, &self->record, 1);
	struct klab_record record;
	__u64 last = 0;
	int i;

	ASSERT_NE(0, handle);
	for (i = 0; i < 1000; i++) {
		struct klab_notify_set set = {
			.handle = handle, .trigger = KLAB_TRIGGER_TIMER, .interval_ns = 20000,
		};

		ASSERT_EQ(0, set_notification(self->notifier, &set, &self->record, 1));
		while (!take_record(self->notifier, &record)) {
			ASSERT_EQ(last + record.missed + 1, record.sequence);
			last = record.sequence;
		}
	}
}

/* So many and no more; and another notifier has its own. */
TEST_F(notify, limit)
{
	struct klab_notify_set set = { 0 };
	struct klab_delivery many[17];
	int i, other = create_notifier(self->klab, 1);
	__u32 handle;

	for (i = 0; i < 17; i++)
		many[i] = self->ring;
	EXPECT_EQ(EINVAL, set_notification(self->notifier, &set, many, 17));
	for (i = 0; i < 64; i++)
		ASSERT_NE(0, handle = set_by_call(self->notifier, i, many, 16));
	EXPECT_EQ(ENOMEM, set_notification(self->notifier, &set, NULL, 0));
	EXPECT_EQ(0, ring(self->notifier, handle));
	EXPECT_EQ(16, take_count(self->event));
	EXPECT_NE(0, set_by_call(other, 0, NULL, 0));
	EXPECT_EQ(ENOENT, ring(other, handle + 1));
	EXPECT_EQ(0, cancel(self->notifier, handle));
	EXPECT_EQ(0, set_notification(self->notifier, &set, NULL, 0));
	close(other);
}

/* A counter that takes no more is counted, and nobody waits for it. */
TEST_F(notify, eventfd_overflow)
{
	__u32 handle = set_by_call(self->notifier, 0, &self->ring, 1);
	__u64 nearly = ~0ULL - 2;
	struct klab_delivery delivery;

	ASSERT_EQ(sizeof(nearly), write(self->event, &nearly, sizeof(nearly)));
	EXPECT_EQ(0, fire_times(self->notifier, handle, 5));
	query(self->notifier, handle, &delivery);
	EXPECT_EQ(2, delivery.delivered);
	EXPECT_EQ(3, delivery.full);
	EXPECT_EQ(~0ULL, take_count(self->event));
	EXPECT_EQ(0, ring(self->notifier, handle));
	query(self->notifier, handle, &delivery);
	EXPECT_EQ(3, delivery.delivered);
}

TEST_F(notify, eventfd_semaphore)
{
	int semaphore = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE), i;
	struct klab_delivery way = { .way = KLAB_WAY_EVENTFD, .target = semaphore };
	__u32 handle = set_by_call(self->notifier, 0, &way, 1);

	EXPECT_EQ(0, fire_times(self->notifier, handle, 3));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, take_count(semaphore));
	EXPECT_EQ(0, take_count(semaphore));
	/* It is held, whatever the number stands for later. */
	EXPECT_EQ(semaphore, dup2(self->klab, semaphore));
	EXPECT_EQ(0, ring(self->notifier, handle));
	close(semaphore);
}

/* Edge-triggered: each record is news, also to who has not read the one before. */
TEST_F(notify, epoll_edge)
{
	__u32 handle = set_by_call(self->notifier, 0, &self->record, 1);
	struct epoll_event event = { .events = EPOLLPRI | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC), i;
	struct klab_record record;

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->notifier, &event));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, ring(self->notifier, handle));
		EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 0));
		EXPECT_EQ(EPOLLPRI, event.events);
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, take_record(self->notifier, &record));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	close(epoll);
}

TEST_F(notify, poll)
{
	__u32 handle = set_by_call(self->notifier, 0, &self->record, 1);
	struct pollfd ready = { self->notifier, POLLIN | POLLPRI | POLLOUT, 0 };
	struct klab_record record;

	EXPECT_EQ(0, poll(&ready, 1, 0));
	EXPECT_EQ(0, ring(self->notifier, handle));
	EXPECT_EQ(1, poll(&ready, 1, 0));
	EXPECT_EQ(POLLIN | POLLPRI, ready.revents);
	EXPECT_EQ(0, take_record(self->notifier, &record));
	EXPECT_EQ(0, poll(&ready, 1, 0));
}

/* All gone with the last copy, with timers in flight. */
TEST_F(notify, close_in_flight)
{
	struct klab_delivery both[] = { self->ring, self->record };
	int channel = create_channel(self->klab, 4096, 0), i, j, copy;

	for (i = 0; i < 20; i++) {
		struct klab_notify_set set = { .trigger = KLAB_TRIGGER_DATA, .source = channel };

		int fd = create_notifier(self->klab, 4);

		for (j = 0; j < 16; j++)
			ASSERT_NE(0, set_by_timer(fd, 0, 20000 + j, 0, both, 2));
		ASSERT_EQ(0, set_notification(fd, &set, both, 2));
		EXPECT_EQ(1, write(channel, "x", 1));
		copy = dup(fd);
		close(fd);
		take_count(self->event);
		ASSERT_TRUE(eventually(take_count(self->event)));
		close(copy);
		take_count(self->event);
		EXPECT_EQ(1, write(channel, "x", 1));
		usleep(1000);
		EXPECT_EQ(0, take_count(self->event));
	}
	close(channel);
}

TEST_HARNESS_MAIN
