// SPDX-License-Identifier: GPL-2.0-only
/*
 * The byte channel under load: several processes on either side, writes that are
 * larger than the channel, readers that are killed. Whatever the interleaving,
 * every byte arrives, once, and in its writer's order.
 */
#include "klab_test.h"

#define WRITERS	4
#define READERS	4

FIXTURE(channel_load)
{
	int fd;
	size_t capacity;
	size_t atomic;
};

FIXTURE_SETUP(channel_load)
{
	struct klab_info info;

	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_INFO, &info));
	self->capacity = info.channel_capacity;
	self->atomic = info.channel_atomic;
	ASSERT_LE(0, channel_drain());
}

FIXTURE_TEARDOWN(channel_load)
{
	channel_drain();
	close(self->fd);
}

/* A fork that does not run the rest of the test: use it as "if (child_of(&pid))". */
static bool child_of(pid_t *pid)
{
	*pid = fork();
	return *pid == 0;
}

/* A small generator of its own for each process, the same in every run. */
static unsigned int chance(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 8;
}

/* One write that is many times the channel is one write all the same. */
TEST_F(channel_load, larger_than_the_channel)
{
	size_t size = 20 * self->capacity + 12345, i, got = 0, wrong = 0;
	unsigned char *data = malloc(size), buffer[10007];
	ssize_t more;
	pid_t writer;

	for (i = 0; i < size; i++)
		data[i] = i % 251;
	if (child_of(&writer))
		_exit(write(self->fd, data, size) != (ssize_t)size);

	while (got < size) {
		more = read(self->fd, buffer, sizeof(buffer));
		ASSERT_LT(0, more);
		wrong += !!memcmp(buffer, data + got, more);
		got += more;
	}
	EXPECT_EQ(size, got);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, child_status(writer));
	EXPECT_EQ(0, channel_bytes(self->fd));
}

/* Records of channel_atomic bytes from several writers are never mixed. */
TEST_F(channel_load, records_stay_whole)
{
	unsigned int rounds = 300, writer, i, seen[WRITERS] = { 0 };
	__u32 record[self->atomic / 4], words = self->atomic / 4;
	pid_t pids[WRITERS];
	int broken = 0;

	for (writer = 0; writer < WRITERS; writer++) {
		if (!child_of(&pids[writer]))
			continue;
		for (i = 0; i < rounds; i++) {
			__u32 word;

			for (word = 0; word < words; word++)
				record[word] = writer << 16 | i;
			if (write(self->fd, record, self->atomic) != (ssize_t)self->atomic)
				_exit(1);
		}
		_exit(0);
	}

	for (i = 0; i < WRITERS * rounds; i++) {
		ASSERT_EQ(self->atomic, read(self->fd, record, self->atomic));
		broken += !!memcmp(record, record + 1, self->atomic - 4);
		writer = record[0] >> 16;
		ASSERT_GT(WRITERS, writer);
		EXPECT_EQ(seen[writer], record[0] & 0xffff);
		seen[writer]++;
	}
	EXPECT_EQ(0, broken);
	for (writer = 0; writer < WRITERS; writer++) {
		EXPECT_EQ(0, child_status(pids[writer]));
		EXPECT_EQ(rounds, seen[writer]);
	}
	EXPECT_EQ(0, channel_bytes(self->fd));
}

/*
 * Writes of any size: a long one may be mixed with others, but each writer's bytes
 * keep their order. A byte tells its writer (2 bits) and its place (6 bits).
 */
TEST_F(channel_load, each_writer_keeps_its_order)
{
	unsigned int writer, place[WRITERS] = { 0 }, wrong = 0;
	ssize_t bytes = 400000, total = 0, got, i;
	unsigned char buffer[3 * self->atomic];
	pid_t pids[WRITERS];

	for (writer = 0; writer < WRITERS; writer++) {
		unsigned int state = writer;
		ssize_t done = 0, size;

		if (!child_of(&pids[writer]))
			continue;
		while (done < bytes) {
			size = chance(&state) % sizeof(buffer) + 1;
			size = size < bytes - done ? size : bytes - done;
			for (i = 0; i < size; i++)
				buffer[i] = writer << 6 | ((done + i) & 63);
			if (write(self->fd, buffer, size) != size)
				_exit(1);
			done += size;
		}
		_exit(0);
	}

	while (total < WRITERS * bytes) {
		got = read(self->fd, buffer, sizeof(buffer));
		ASSERT_LT(0, got);
		for (i = 0; i < got; i++) {
			writer = buffer[i] >> 6;
			wrong += (buffer[i] & 63) != (place[writer]++ & 63);
		}
		total += got;
	}
	EXPECT_EQ(0, wrong);
	for (writer = 0; writer < WRITERS; writer++) {
		EXPECT_EQ(0, child_status(pids[writer]));
		EXPECT_EQ(bytes, place[writer]);
	}
	EXPECT_EQ(0, channel_bytes(self->fd));
}

/* What a reader got: the bytes, which are never zero, and how many it says there are. */
#define HARVEST_SIZE	1048576

struct harvest {
	size_t used;
	unsigned char bytes[HARVEST_SIZE];
};

/* Read into @harvest until killed. There is room for all that the writers write. */
static void reap(int fd, struct harvest *harvest, unsigned int state)
{
	ssize_t got;

	while (harvest->used < HARVEST_SIZE - 9000) {
		got = read(fd, harvest->bytes + harvest->used, chance(&state) % 9000 + 1);
		if (got > 0)
			__atomic_add_fetch(&harvest->used, got, __ATOMIC_RELAXED);
	}
}

static size_t reaped(const struct harvest *harvests)
{
	size_t i, sum = 0;

	for (i = 0; i < 2 * READERS; i++)
		sum += __atomic_load_n(&harvests[i].used, __ATOMIC_RELAXED);
	return sum;
}

/* Bytes of each tag that came to lie in the harvest, whatever its reader lived to say. */
static void count_tags(const struct harvest *harvest, size_t *tags)
{
	size_t i;

	for (i = 0; i < HARVEST_SIZE; i++)
		tags[harvest->bytes[i]]++;
}

/*
 * Several on either side, and readers killed in the middle of it: each byte went
 * to exactly one reader, dead or alive, or is still in the channel.
 */
TEST_F(channel_load, killed_readers_take_nothing_along)
{
	struct harvest *harvests = shared_memory(2 * READERS * sizeof(*harvests));
	size_t bytes = 200000, tags[256] = { 0 }, i, left;
	pid_t writers[WRITERS], readers[READERS], late[READERS];
	unsigned char *rest = malloc(self->capacity);
	int nonblock, status;

	ASSERT_NE(NULL, harvests);
	for (i = 0; i < READERS; i++) {
		if (child_of(&readers[i])) {
			reap(self->fd, &harvests[i], i);
			_exit(0);
		}
	}
	for (i = 0; i < WRITERS; i++) {
		unsigned int state = i + 100;
		size_t done = 0, size;

		if (!child_of(&writers[i]))
			continue;
		memset(rest, i + 1, self->capacity);
		while (done < bytes) {
			size = chance(&state) % (2 * self->atomic) + 1;
			size = size < bytes - done ? size : bytes - done;
			if (write(self->fd, rest, size) != (ssize_t)size)
				_exit(1);
			done += size;
		}
		_exit(0);
	}

	/* In the first half of it all, one reader after the other gives way to a new one. */
	for (i = 0; i < READERS; i++) {
		ASSERT_TRUE(eventually(reaped(harvests) >= (i + 1) * WRITERS * bytes / 8));
		kill(readers[i], SIGKILL);
		ASSERT_EQ(readers[i], waitpid(readers[i], &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		if (child_of(&late[i])) {
			reap(self->fd, &harvests[READERS + i], i);
			_exit(0);
		}
	}
	for (i = 0; i < WRITERS; i++)
		EXPECT_EQ(0, child_status(writers[i]));
	for (i = 0; i < READERS; i++) {
		kill(late[i], SIGKILL);
		waitpid(late[i], NULL, 0);
	}

	for (i = 0; i < 2 * READERS; i++)
		count_tags(&harvests[i], tags);
	nonblock = open(KLAB_DEVICE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	left = channel_bytes(self->fd);
	EXPECT_EQ(left ? (ssize_t)left : -1, read(nonblock, rest, self->capacity));
	for (i = 0; i < left; i++)
		tags[rest[i]]++;
	for (i = 1; i <= WRITERS; i++)
		EXPECT_EQ(bytes, tags[i]);
	close(nonblock);
}

/* A reader that dies waiting has taken nothing, and has kept nobody's turn. */
TEST_F(channel_load, killed_while_waiting)
{
	pid_t reader, writer;
	char byte, *full = calloc(1, self->capacity);
	int status;

	if (child_of(&reader))
		_exit(read(self->fd, &byte, 1));
	ASSERT_TRUE(eventually(asleep_in(reader, SYS_read, self->fd)));
	kill(reader, SIGKILL);
	ASSERT_EQ(reader, waitpid(reader, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ASSERT_EQ(3, write(self->fd, "abc", 3));
	EXPECT_EQ(3, channel_bytes(self->fd));
	EXPECT_EQ(1, read(self->fd, &byte, 1));
	EXPECT_EQ('a', byte);
	ASSERT_EQ(2, channel_drain());

	ASSERT_EQ(self->capacity, write(self->fd, full, self->capacity));
	if (child_of(&writer))
		_exit(write(self->fd, "x", 1));
	ASSERT_TRUE(eventually(asleep_in(writer, SYS_write, self->fd)));
	kill(writer, SIGKILL);
	ASSERT_EQ(writer, waitpid(writer, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_EQ(self->capacity, channel_drain());
}

TEST_HARNESS_MAIN
