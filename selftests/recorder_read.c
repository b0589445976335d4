// SPDX-License-Identifier: GPL-2.0-only
/* The stream itself: reading, polling, mapping, and what happens when nobody reads. */
#include <stddef.h>

#include "recorder_test.h"

/* A child that makes system calls as long as @go says so, and counts them. */
struct caller {
	int go;
	long calls;
	pid_t pid;
};

static struct caller *start_caller(void)
{
	struct caller *caller = shared_memory(sizeof(*caller));
	pid_t child;

	/* Shared: the child must not say that it is 0. */
	child = fork();
	if (child)
		caller->pid = child;
	if (!child) {
		while (!__atomic_load_n(&caller->go, __ATOMIC_ACQUIRE))
			usleep(100);
		while (__atomic_load_n(&caller->go, __ATOMIC_ACQUIRE) == 1) {
			syscall(SYS_getppid);
			caller->calls++;
		}
		_exit(0);
	}
	return caller;
}

static void end_caller(struct caller *caller)
{
	kill(caller->pid, SIGKILL);
	waitpid(caller->pid, NULL, 0);
}

static int small_recorder(pid_t pid, __u64 bytes, __u64 wakeup)
{
	struct klab_recorder_create ask = {
		.kinds = KLAB_RECORD_SYSCALLS | KLAB_RECORD_TASKS, .bytes = bytes,
		.wakeup = wakeup, .threads = 1,
	};

	return record_with(pid, &ask);
}

/* Every gap in the numbers is an event that was dropped, and every drop is counted. */
static __u64 gaps(const struct events *events)
{
	static __u64 next[4096];
	__u64 missing = 0;
	size_t i;

	memset(next, 0, sizeof(next));
	for (i = 0; i < events->count; i++) {
		const struct klab_recorded *event = events->event[i];

		missing += event->sequence - next[event->cpu];
		next[event->cpu] = event->sequence + 1;
	}
	return missing;
}

TEST(nobody_reads)
{
	struct caller *caller = start_caller();
	int recorder = small_recorder(caller->pid, 4096, 4096);
	struct klab_recorder_stat stat;
	struct events events;

	ASSERT_LE(0, recorder);
	__atomic_store_n(&caller->go, 1, __ATOMIC_RELEASE);
	EXPECT_TRUE(eventually(record_stat(recorder).dropped > 1000));
	__atomic_store_n(&caller->go, 2, __ATOMIC_RELEASE);
	waitpid(caller->pid, NULL, 0);
	stat = record_stat(recorder);
	EXPECT_EQ(0, stat.threads);
	EXPECT_EQ(4096, stat.bytes);
	EXPECT_EQ((long long)stat.made, fdinfo_value(recorder, "recorder_made", 10));
	EXPECT_EQ((long long)stat.dropped, fdinfo_value(recorder, "recorder_dropped", 10));
	EXPECT_EQ((long long)stat.missed, fdinfo_value(recorder, "recorder_missed", 10));
	EXPECT_EQ(0, fdinfo_value(recorder, "recorder_threads", 10));
	events = read_events(recorder);
	EXPECT_EQ(stat.made, events.count + stat.dropped);
	EXPECT_LE(2 * (__u64)caller->calls, stat.made);
	EXPECT_GE(stat.dropped, gaps(&events));
	EXPECT_LT(0, events.count);
	free_events(&events);
	/* The end stays the end. */
	events = read_events(recorder);
	EXPECT_EQ(0, events.count);
	close(recorder);
}

TEST(gap_in_the_stream)
{
	struct caller *caller = start_caller();
	int recorder = small_recorder(caller->pid, 4096, 1);
	struct events first, second;
	struct klab_recorder_stat stat;

	ASSERT_LE(0, recorder);
	ASSERT_EQ(0, fcntl(recorder, F_SETFL, O_NONBLOCK));
	__atomic_store_n(&caller->go, 1, __ATOMIC_RELEASE);
	EXPECT_TRUE(eventually(record_stat(recorder).dropped > 100));
	__atomic_store_n(&caller->go, 2, __ATOMIC_RELEASE);
	first = read_events(recorder);
	/* It makes a few more, and they fit again. */
	waitpid(caller->pid, NULL, 0);
	second = read_events(recorder);
	stat = record_stat(recorder);
	EXPECT_EQ(stat.made, first.count + second.count + stat.dropped);
	EXPECT_LT(0, first.count);
	free_events(&first);
	free_events(&second);
	close(recorder);
}

/* @faults page faults, one after the other is over. */
static void touch(char *page, int faults)
{
	size_t size = sysconf(_SC_PAGESIZE);

	while (faults--) {
		madvise(page, size, MADV_DONTNEED);
		__atomic_store_n(page, 1, __ATOMIC_RELAXED);
	}
}

/* On one processor, and so from one ring: enough faults to fill it, then some more. */
static pid_t start_toucher(int ready, int go)
{
	size_t size = sysconf(_SC_PAGESIZE);
	pid_t child = fork();
	char *page, byte;

	if (child)
		return child;
	stay_on(0);
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	while (read(go, &byte, 1) == 1) {
		touch(page, 300);
		byte = write(ready, &byte, 1);
	}
	_exit(0);
}

/* How a fault ended that was dropped must not be told of another one. */
TEST(ends_of_faults_after_a_gap)
{
	struct klab_recorder_create ask = {
		.kinds = KLAB_RECORD_FAULTS, .bytes = 4096, .wakeup = 1, .threads = 1,
	};
	size_t i, after_gap = 0, ends = 0, in[2] = { 0 };
	int ready[2], go[2], recorder, round;
	struct events events;
	__u64 next = 0;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	child = start_toucher(ready[1], go[0]);
	recorder = record_with(child, &ask);
	ASSERT_LE(0, recorder);
	ASSERT_EQ(0, fcntl(recorder, F_SETFL, O_NONBLOCK));
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(1, write(go[1], "x", 1));
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		events = read_events(recorder);
		for (i = 0; i < events.count; i++) {
			const struct klab_recorded *event = events.event[i];

			if (event->sequence != next && round) {
				EXPECT_EQ(0, event->flags);
				after_gap++;
			}
			ends += event->flags == KLAB_EVENT_WAS_MINOR;
			next = event->sequence + 1;
		}
		in[round] = events.count;
		free_events(&events);
	}
	EXPECT_LT(0, record_stat(recorder).dropped);
	EXPECT_EQ(1, after_gap);
	/* The next one tells how one ended; for the last of a round there is none. */
	EXPECT_LE(in[0] + in[1] - 4, ends);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(recorder);
}

TEST(reading)
{
	struct caller *caller = start_caller();
	int recorder = small_recorder(caller->pid, 65536, 1);
	char buffer[KLAB_EVENT_LENGTH_MAX];
	struct klab_recorded *event = (void *)buffer;
	struct call call = { .fd = recorder, .data = buffer, .size = sizeof(buffer) };
	ssize_t got;

	ASSERT_LE(0, recorder);
	/* Asleep until something happens. The caller polls its flag with system calls. */
	kill(caller->pid, SIGSTOP);
	EXPECT_TRUE(eventually(record_stat(recorder).made ==
			       (usleep(20000), record_stat(recorder).made)));
	ASSERT_EQ(0, fcntl(recorder, F_SETFL, O_NONBLOCK));
	while (read(recorder, buffer, sizeof(buffer)) > 0)
		;
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(recorder, F_SETFL, 0));
	ASSERT_TRUE(call_start(&call));
	EXPECT_TRUE(eventually(call_asleep(&call)));
	kill(caller->pid, SIGCONT);
	EXPECT_LT(0, call_end(&call));

	/* Whole events only, and as many as fit; none fits in this. */
	EXPECT_EQ(-1, read(recorder, buffer, 8));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(recorder, buffer, sizeof(*event)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, read(recorder, buffer, 0));
	got = read(recorder, buffer, sizeof(*event) + sizeof(struct klab_event_enter));
	EXPECT_LT(0, got);
	EXPECT_EQ(event->length, got);
	EXPECT_EQ(-1, syscall(SYS_read, recorder, 8, 4096));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, write(recorder, buffer, 8));
	end_caller(caller);
	close(recorder);
}

static short polled(int fd, int timeout)
{
	struct pollfd poll_fd = { fd, POLLIN, 0 };

	return poll(&poll_fd, 1, timeout) > 0 ? poll_fd.revents : 0;
}

/* While one processor writes, another reads: nothing is lost between the two. */
TEST(read_while_written)
{
	struct caller *caller = start_caller();
	int recorder = small_recorder(caller->pid, 65536, 1), rounds = 0;
	struct klab_recorder_stat stat;
	char buffer[65536];
	__u64 taken = 0;
	ssize_t got, at;

	ASSERT_LE(0, recorder);
	ASSERT_EQ(0, fcntl(recorder, F_SETFL, O_NONBLOCK));
	__atomic_store_n(&caller->go, 1, __ATOMIC_RELEASE);
	while ((got = read(recorder, buffer, sizeof(buffer)))) {
		if (rounds++ == 50000)
			__atomic_store_n(&caller->go, 2, __ATOMIC_RELEASE);
		if (got < 0)
			ASSERT_EQ(EAGAIN, errno);
		for (at = 0; at < got; taken++)
			at += ((struct klab_recorded *)(buffer + at))->length;
	}
	waitpid(caller->pid, NULL, 0);
	stat = record_stat(recorder);
	EXPECT_EQ(stat.made, taken + stat.dropped);
	EXPECT_LT(1000, taken);
	close(recorder);
}

TEST(poll_with_a_threshold)
{
	struct caller *caller = start_caller();
	int recorder = small_recorder(caller->pid, 65536, 32768);
	struct events events;

	ASSERT_LE(0, recorder);
	/* A few events are no reason to wake. */
	EXPECT_TRUE(eventually(record_stat(recorder).made > 4));
	kill(caller->pid, SIGSTOP);
	if (record_stat(recorder).made < 200)
		EXPECT_EQ(0, polled(recorder, 20));
	kill(caller->pid, SIGCONT);
	/* Wakes it out of its sleep, as the ring fills. */
	__atomic_store_n(&caller->go, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(POLLIN, polled(recorder, 60000));
	/* The end is a reason, whatever there is. */
	__atomic_store_n(&caller->go, 2, __ATOMIC_RELEASE);
	waitpid(caller->pid, NULL, 0);
	EXPECT_EQ(POLLIN | POLLHUP, polled(recorder, 60000));
	events = read_events(recorder);
	EXPECT_LT(0, events.count);
	EXPECT_EQ(POLLHUP, polled(recorder, 60000));
	free_events(&events);
	close(recorder);
}

TEST(end_wakes)
{
	struct caller *caller = start_caller();
	int recorder = small_recorder(caller->pid, 65536, 65536);
	char buffer[65536];
	struct call call = { .fd = recorder, .data = buffer, .size = sizeof(buffer) };

	ASSERT_LE(0, recorder);
	ASSERT_TRUE(call_start(&call));
	EXPECT_TRUE(eventually(call_asleep(&call)));
	EXPECT_EQ(0, record_stop(recorder));
	EXPECT_LE(0, call_end(&call));
	EXPECT_EQ(0, record_stat(recorder).threads);
	end_caller(caller);
	close(recorder);
}

/* A mapped ring, as the header says it is read. */
struct view {
	struct klab_recorder_map *map;
	const char *bytes;
};

static struct view view_of(char *mapping, __u64 bytes, int ring)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *start = mapping + ring * (page + 2 * bytes);

	return (struct view) { (void *)start, start + page };
}

TEST(mapped)
{
	struct caller *caller = start_caller();
	int recorder = small_recorder(caller->pid, 65536, 1024), ring;
	struct klab_recorder_stat stat = record_stat(recorder);
	size_t size = stat.rings * (sysconf(_SC_PAGESIZE) + 2 * stat.bytes);
	__u64 taken = 0, next[64] = { 0 }, missing = 0, rounds = 0;
	char *mapping;

	ASSERT_LE(0, recorder);
	ASSERT_GE(64, stat.rings);
	mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, recorder, 0);
	ASSERT_NE(MAP_FAILED, mapping);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, size, PROT_READ, MAP_PRIVATE, recorder, 0));
	__atomic_store_n(&caller->go, 1, __ATOMIC_RELEASE);
	do {
		/* Enough to go round each ring several times. */
		if (rounds++ == 300)
			__atomic_store_n(&caller->go, 2, __ATOMIC_RELEASE);
		if (!polled(recorder, 60000))
			break;
		for (ring = 0; ring < (int)stat.rings; ring++) {
			struct view view = view_of(mapping, stat.bytes, ring);
			__u64 read = view.map->read;
			__u64 end = __atomic_load_n(&view.map->written, __ATOMIC_ACQUIRE);

			while (read < end) {
				const struct klab_recorded *event;

				event = (void *)(view.bytes + read % stat.bytes);

				ASSERT_EQ(ring, (int)event->cpu);
				ASSERT_EQ(caller->pid, event->tid);
				ASSERT_LE(next[ring], event->sequence);
				missing += event->sequence - next[ring];
				next[ring] = event->sequence + 1;
				read += event->length;
				taken++;
			}
			ASSERT_EQ(end, read);
			__atomic_store_n(&view.map->read, end, __ATOMIC_RELEASE);
		}
	} while (polled(recorder, 0) != POLLHUP);
	waitpid(caller->pid, NULL, 0);
	stat = record_stat(recorder);
	EXPECT_EQ(stat.made, taken + stat.dropped);
	EXPECT_GE(stat.dropped, missing);
	EXPECT_LT(1000, taken);
	munmap(mapping, size);
	close(recorder);
}

/* Nothing that is written into the mapping reaches any memory but that of the ring. */
TEST(hostile_mapping)
{
	struct caller *caller = start_caller();
	int recorder = small_recorder(caller->pid, 4096, 1), i;
	struct klab_recorder_stat stat = record_stat(recorder);
	size_t page = sysconf(_SC_PAGESIZE), each = page + 2 * stat.bytes, at;
	size_t size = stat.rings * each;
	char buffer[4096];
	char *mapping;

	mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, recorder, 0);
	ASSERT_NE(MAP_FAILED, mapping);
	ASSERT_EQ(0, fcntl(recorder, F_SETFL, O_NONBLOCK));
	__atomic_store_n(&caller->go, 1, __ATOMIC_RELEASE);
	srand(1);
	for (i = 0; i < 2000; i++) {
		struct klab_recorder_map *map = (void *)(mapping + (rand() % stat.rings) * each);

		for (at = 0; at < sizeof(*map) / 8; at++)
			((__u64 *)map)[at] = rand() % 3 ? (__u64)rand() << (rand() % 40) :
					     -(__u64)(rand() % 64);
		for (at = 0; at < 64; at++)
			((__u16 *)((char *)map + page))[rand() % 2048] = rand();
		if (read(recorder, buffer, sizeof(buffer)) < 0)
			ASSERT_TRUE(errno == EIO || errno == EAGAIN || errno == EINVAL);
	}
	kill(caller->pid, SIGKILL);
	waitpid(caller->pid, NULL, 0);
	munmap(mapping, size);
	close(recorder);
}

/*
 * Calls on processor @cpu, told of in @map, until the next event would begin at @place of the ring.
 * False if the processor is not there, or leaves before: they may come and go beside the tests.
 */
static bool calls_reach(int cpu, struct klab_recorder_map *map, __u64 place)
{
	__u64 i;

	if (!stay_on(cpu))
		return false;
	/* The two events of a call are 17 times eight bytes: every place has its turn. */
	for (i = 0; i < map->bytes / 8; i++) {
		__atomic_store_n(&map->read, map->written, __ATOMIC_RELEASE);
		syscall(SYS_getppid);
		if (map->written % map->bytes == place)
			return true;
	}
	return false;
}

/*
 * Events of which the last is eight bytes at the very end of the last ring: what would be the
 * rest of its header lies behind all that the recorder has.
 */
TEST(no_room_for_a_header)
{
	const size_t header = sizeof(struct klab_recorded);
	const size_t length = offsetof(struct klab_recorded, length);
	struct klab_recorder_create ask = {
		.kinds = KLAB_RECORD_SYSCALLS, .bytes = 4096, .wakeup = 1, .threads = 1,
	};
	struct klab_recorder_stat stat;
	struct klab_recorder_map *map;
	size_t page = sysconf(_SC_PAGESIZE), each, at;
	char *mapping, *ring, buffer[4096];
	ssize_t got;
	int recorder;

	recorder = record_with(0, &ask);
	stat = record_stat(recorder);
	each = page + 2 * stat.bytes;
	mapping = mmap(NULL, stat.rings * each, PROT_READ | PROT_WRITE, MAP_SHARED, recorder, 0);
	ASSERT_NE(MAP_FAILED, mapping);
	/* What was there before, of other processors too. */
	ASSERT_LT(0, read(recorder, buffer, sizeof(buffer)));
	map = (void *)(mapping + (stat.rings - 1) * each);
	ring = (char *)map + page;
	if (!eventually(calls_reach(stat.rings - 1, map, 4080)) && !map->written)
		SKIP(return, "the last processor is not there");
	ASSERT_EQ(4080, map->written % 4096);

	/* Too full for more: a longer header, others, and eight bytes. */
	__atomic_store_n(&map->read, map->written - 4088, __ATOMIC_RELEASE);
	for (at = 0; at < 4096; at += 2)
		*(__u16 *)(ring + at) = header;
	*(__u16 *)(ring + (map->read + length) % 4096) = header + 16;
	/* Events of other rings come first, if any. */
	do
		got = read(recorder, buffer, sizeof(buffer));
	while (got > 0);
	EXPECT_EQ(-1, got);
	EXPECT_EQ(EIO, errno);
	munmap(mapping, stat.rings * each);
	close(recorder);
}

/* The mapping keeps all of it, when the descriptor is gone. */
TEST(mapping_outlives_descriptor)
{
	struct caller *caller = start_caller();
	int recorder = small_recorder(caller->pid, 4096, 1);
	struct klab_recorder_map *map;

	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, recorder, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(recorder);
	__atomic_store_n(&caller->go, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(4096, map->bytes);
	end_caller(caller);
	munmap(map, 4096);
}

TEST_HARNESS_MAIN
