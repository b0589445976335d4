// SPDX-License-Identifier: GPL-2.0-only
/*
 * More than anybody can take: firings at the shortest interval, readers too slow,
 * cancelled at any moment. Nothing is lost that is not counted.
 */
#include "notify_test.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	LONG_TIMEOUT

#define FINEST	20000

/* Firings of one run. */
static __u64 firings(void)
{
	return asked_for("KLAB_FIRINGS", 10000);
}

static __u64 accounted(const struct klab_delivery *way)
{
	return way->delivered + way->refused + way->gone + way->full + way->coalesced;
}

TEST(readers_too_slow)
{
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), notifier = create_notifier(device, 16);
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct klab_delivery ways[] = {
		{ .way = KLAB_WAY_RECORD }, { .way = KLAB_WAY_EVENTFD, .target = event },
		{ .way = KLAB_WAY_SYSFS }, { .way = KLAB_WAY_SIGNAL, .signal = SIGRTMIN,
					     .flags = KLAB_SIGNAL_VALUE },
	};
	__u64 counted = 0, records = 0, missed = 0, sequence = 0, calls = 0, signals = 0;
	struct klab_notify_query ask = { 0 };
	struct klab_record record;
	__u64 histogram[KLAB_LATENESS_BUCKETS], sum = 0;
	sigset_t all;
	size_t i;
	__u32 handle;

	block_signals();
	sigfillset(&all);
	ASSERT_EQ(0, fcntl(notifier, F_SETFL, O_NONBLOCK));
	handle = set_by_timer(notifier, 0, FINEST, firings(), ways, ARRAY_SIZE(ways));
	ASSERT_NE(0, handle);
	/* Slow: a look now and then. That there are looks at all says the machine lives. */
	do {
		usleep(1000);
		calls++;
		counted += take_count(event);
		if (!take_record(notifier, &record)) {
			EXPECT_LT(sequence, record.sequence);
			missed += record.missed;
			EXPECT_EQ(record.sequence - sequence - 1, record.missed);
			sequence = record.sequence;
			records++;
		}
		ask = query(notifier, handle, NULL);
		ASSERT_NE(~0ULL, ask.fired);
	} while (ask.armed);
	EXPECT_EQ(firings(), ask.fired);
	EXPECT_LT(10, calls);

	while (!take_record(notifier, &record)) {
		EXPECT_EQ(record.sequence - sequence - 1, record.missed);
		missed += record.missed;
		sequence = record.sequence;
		records++;
	}
	counted += take_count(event);
	EXPECT_EQ(firings(), counted);
	ask = (struct klab_notify_query) {
		.handle = handle,
		.histogram = { (uintptr_t)histogram, KLAB_LATENESS_BUCKETS, 8 },
		.deliveries = { (uintptr_t)ways, ARRAY_SIZE(ways), sizeof(ways[0]) },
	};
	/* What is owed is paid in the end, and each way accounts for every firing. */
	ASSERT_TRUE(eventually(!klab(notifier, KLAB_IOC_NOTIFY_QUERY, &ask) &&
			       accounted(&ways[2]) == firings() &&
			       accounted(&ways[3]) == firings()));
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		EXPECT_EQ(firings(), accounted(&ways[i]));
	EXPECT_EQ(records, ways[0].delivered);
	EXPECT_EQ(firings() - records, ways[0].full);
	EXPECT_EQ(firings(), sequence + ways[0].full - missed);
	EXPECT_EQ(firings(), ways[1].delivered);
	while (sigtimedwait(&all, NULL, &(struct timespec) { 0 }) == SIGRTMIN)
		signals++;
	EXPECT_EQ(signals, ways[3].delivered);
	EXPECT_EQ(firings(), ask.lateness.count);
	for (i = 0; i < KLAB_LATENESS_BUCKETS; i++)
		sum += histogram[i];
	EXPECT_EQ(firings(), sum);
	TH_LOG("%llu firings, %llu skipped; %llu records, %llu signals, %llu coalesced",
	       ask.fired, ask.skipped, records, signals, ways[3].coalesced);
	TH_LOG("late by %llu to %llu ns", ask.lateness.min_ns, ask.lateness.max_ns);
	close(notifier);
	close(device);
	close(event);
}

#define SHARERS	4
#define SHARED	10000

struct sharer {
	pthread_t thread;
	int notifier;
	unsigned char *pages;		/* two, and a record lies across */
	unsigned int *seen;		/* how often, by sequence number */
	bool in_order;
};

static void *shares(void *argument)
{
	struct sharer *sharer = argument;
	long page = sysconf(_SC_PAGESIZE);
	struct klab_record *record;
	__u64 last = 0;

	record = (struct klab_record *)(sharer->pages + page - sizeof(*record) / 2);
	sharer->in_order = true;
	for (;;) {
		madvise(sharer->pages, 2 * page, MADV_DONTNEED);
		if (read(sharer->notifier, record, sizeof(*record)) != sizeof(*record) ||
		    !record->value)
			return NULL;
		if (record->sequence <= last)
			sharer->in_order = false;
		last = record->sequence;
		__atomic_add_fetch(&sharer->seen[last], 1, __ATOMIC_RELAXED);
	}
}

/* A firing reaches one of all who read, also where the page for it has yet to be found. */
TEST(readers_share)
{
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), i;
	int notifier = create_notifier(device, SHARED + SHARERS);
	struct klab_delivery record = { .way = KLAB_WAY_RECORD };
	long page = sysconf(_SC_PAGESIZE);
	struct sharer sharers[SHARERS];
	unsigned int seen[SHARED + 1] = { 0 }, sequence, wrong = 0;
	__u32 handle, end;

	ASSERT_LE(0, notifier);
	handle = set_by_call(notifier, 1, &record, 1);
	end = set_by_call(notifier, 0, &record, 1);
	for (i = 0; i < SHARERS; i++) {
		sharers[i] = (struct sharer){ .notifier = notifier, .seen = seen };
		sharers[i].pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, sharers[i].pages);
		ASSERT_EQ(0, pthread_create(&sharers[i].thread, NULL, shares, &sharers[i]));
	}
	for (sequence = 0; sequence < SHARED; sequence += 10)
		ASSERT_EQ(0, fire_times(notifier, handle, 10));
	ASSERT_EQ(0, fire_times(notifier, end, SHARERS));
	for (i = 0; i < SHARERS; i++) {
		pthread_join(sharers[i].thread, NULL);
		EXPECT_TRUE(sharers[i].in_order);
	}
	for (sequence = 1; sequence <= SHARED; sequence++)
		wrong += seen[sequence] != 1;
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, fdinfo_value(notifier, "missed", 10));
	close(notifier);
	close(device);
}

/* How long a program takes for what is always the same. */
static __u64 work(void)
{
	__u64 start = now_ns();
	int i;

	for (i = 0; i < 50000; i++)
		syscall(SYS_getppid);
	return now_ns() - start;
}

/*
 * All the timers there can be, with all they can ring, on the processor that works. It has
 * to come to an end; how long it takes is said, for it depends on what else the host does.
 */
TEST(leaves_time_for_others)
{
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), notifier = create_notifier(device, 1);
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), i;
	struct klab_delivery ways[16];
	__u64 alone, beside;

	ASSERT_TRUE(stay_on(0));
	for (i = 0; i < 16; i++)
		ways[i] = (struct klab_delivery) { .way = KLAB_WAY_EVENTFD, .target = event };
	alone = work();
	for (i = 0; i < 64; i++)
		ASSERT_NE(0, set_by_timer(notifier, 0, FINEST, 0, ways, ARRAY_SIZE(ways)));
	beside = work();
	TH_LOG("%llu us alone, %llu us beside them", alone / 1000, beside / 1000);
	close(notifier);
	close(device);
	close(event);
}

/* Times that could not be kept are skipped, and each is counted. */
TEST(skipped)
{
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), notifier = create_notifier(device, 1);
	struct klab_notify_set set = {
		.trigger = KLAB_TRIGGER_TIMER, .flags = KLAB_NOTIFY_ABSOLUTE,
		.first_ns = now_ns() - 1000 * MS, .interval_ns = 10 * MS, .count = 3,
	};
	struct klab_notify_query ask;

	/* A second late from the start: a hundred times have passed. */
	ASSERT_EQ(0, set_notification(notifier, &set, NULL, 0));
	ASSERT_TRUE(eventually(!query(notifier, set.handle, NULL).armed));
	ask = query(notifier, set.handle, NULL);
	EXPECT_EQ(3, ask.fired);
	EXPECT_LE(99, ask.skipped);
	EXPECT_LE(1000 * MS, ask.lateness.max_ns);
	close(notifier);
	close(device);
}

struct everybody {
	int notifier;
	bool stop;
	struct klab_delivery ways[4];
	__u64 done[4];
};

static bool stopped(struct everybody *all)
{
	return __atomic_load_n(&all->stop, __ATOMIC_RELAXED);
}

static __u64 how_often(struct everybody *all, int role)
{
	return __atomic_load_n(&all->done[role], __ATOMIC_RELAXED);
}

static void *sets(void *argument)
{
	struct everybody *all = argument;
	__u32 handle;

	while (!stopped(all)) {
		handle = set_by_timer(all->notifier, 0, FINEST, 0, all->ways, 4);
		if (handle && cancel(all->notifier, handle) && errno != ENOENT)
			break;
		__atomic_add_fetch(&all->done[0], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *fires(void *argument)
{
	struct everybody *all = argument;
	struct klab_notify_entry entries[64];
	struct klab_notify_list list = { { (uintptr_t)entries, 64, sizeof(entries[0]) } };
	__u32 i;

	while (!stopped(all)) {
		list.entries.count = 64;
		if (klab(all->notifier, KLAB_IOC_NOTIFY_LIST, &list))
			break;
		for (i = 0; i < list.entries.count; i++) {
			ring(all->notifier, entries[i].handle);
			fire_times(all->notifier, entries[i].handle, 3);
			query(all->notifier, entries[i].handle, NULL);
		}
		__atomic_add_fetch(&all->done[1], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *changes(void *argument)
{
	struct everybody *all = argument;
	struct klab_notify_set set;

	while (!stopped(all)) {
		set = (struct klab_notify_set) { .trigger = KLAB_TRIGGER_TIMER, .interval_ns = MS };
		if (set_notification(all->notifier, &set, all->ways, 4) == 0) {
			set.interval_ns = FINEST;
			set_notification(all->notifier, &set, all->ways, 2);
			cancel(all->notifier, set.handle);
		}
		__atomic_add_fetch(&all->done[2], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *reads(void *argument)
{
	struct everybody *all = argument;
	struct klab_record records[3];

	while (!stopped(all)) {
		read(all->notifier, records, sizeof(records));
		__atomic_add_fetch(&all->done[3], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Set, changed, fired, read, cancelled by everybody at once, and closed under them. */
TEST(cancelled_at_any_moment)
{
	void *(*const roles[])(void *) = { sets, fires, changes, reads };
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), i;
	__u64 rounds = asked_for("KLAB_ROUNDS", 3), round;
	struct everybody all = { .notifier = -1 };
	pthread_t threads[4];

	block_signals();
	all.ways[0] = (struct klab_delivery) { .way = KLAB_WAY_RECORD };
	all.ways[1] = (struct klab_delivery) { .way = KLAB_WAY_EVENTFD, .target = event };
	all.ways[2] = (struct klab_delivery) { .way = KLAB_WAY_SYSFS };
	all.ways[3] = (struct klab_delivery) { .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1 };
	for (round = 0; round < rounds; round++) {
		all.notifier = create_notifier(device, 4);
		ASSERT_LE(0, all.notifier);
		ASSERT_EQ(0, fcntl(all.notifier, F_SETFL, O_NONBLOCK));
		all.stop = false;
		for (i = 0; i < 4; i++) {
			all.done[i] = 0;
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, roles[i], &all));
		}
		for (i = 0; i < 4; i++)
			EXPECT_TRUE(eventually(how_often(&all, i) > 20))
				TH_LOG("role %d", i);
		__atomic_store_n(&all.stop, true, __ATOMIC_RELAXED);
		set_by_timer(all.notifier, 0, FINEST, 0, all.ways, 4);
		for (i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		close(all.notifier);
	}
	close(event);
	close(device);
}

TEST_HARNESS_MAIN
