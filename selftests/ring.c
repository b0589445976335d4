// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel that both sides map: its layout in memory, every combination of mapped
 * calls and system calls, waking, and its end. A wake-up that is lost leaves a test
 * asleep, until the harness ends it as a failure.
 */
#include "ring_test.h"

FIXTURE(ring)
{
	int klab;
	int fd;			/* of CAPACITY, blocking */
	struct klab_ring ring;
};

FIXTURE_SETUP(ring)
{
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->klab);
	self->fd = create_channel(self->klab, CAPACITY, KLAB_CHANNEL_MAPPABLE);
	if (self->fd < 0 && errno == EOPNOTSUPP)
		SKIP(return, "no mappable channels on this kernel");
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(map_ring(&self->ring, self->fd));
}

FIXTURE_TEARDOWN(ring)
{
	close(self->fd);
	close(self->klab);
}

TEST_F(ring, first_page)
{
	const struct klab_channel_map *map = self->ring.map;
	size_t page = sysconf(_SC_PAGESIZE), i;

	EXPECT_EQ(CAPACITY, map->capacity);
	for (i = 8; i < page; i++)
		EXPECT_EQ(0, ((const unsigned char *)map)[i]);
	EXPECT_EQ(KLAB_CHANNEL_MAPPABLE, channel_stat(self->fd).state);
	EXPECT_EQ(CAPACITY, channel_stat(self->fd).capacity);
	/* New memory: nothing of anybody else's. */
	for (i = 0; i < 2 * CAPACITY; i++)
		ASSERT_EQ(0, self->ring.bytes[i]);
}

TEST_F(ring, lies_there_twice)
{
	size_t i;

	/* The compiler takes them for two places: only these make it look. */
	for (i = 0; i < CAPACITY; i += 61) {
		__atomic_store_n(&self->ring.bytes[i], i % 251 + 1, __ATOMIC_SEQ_CST);
		ASSERT_EQ(i % 251 + 1, __atomic_load_n(&self->ring.bytes[CAPACITY + i],
						       __ATOMIC_SEQ_CST));
		__atomic_store_n(&self->ring.bytes[CAPACITY + i], i % 249 + 2, __ATOMIC_SEQ_CST);
		ASSERT_EQ(i % 249 + 2, __atomic_load_n(&self->ring.bytes[i], __ATOMIC_SEQ_CST));
	}
}

/* What one side does, the other side's system calls see, and the other way round. */
TEST_F(ring, same_bytes_either_way)
{
	char text[16] = "";
	int bytes;

	ASSERT_EQ(5, write(self->fd, "hello", 5));
	EXPECT_EQ(5, self->ring.map->written);
	EXPECT_EQ(5, klab_ring_bytes(&self->ring));
	EXPECT_EQ(0, memcmp(klab_ring_data(&self->ring), "hello", 5));
	EXPECT_EQ(0, klab_ring_take(&self->ring, 2));
	EXPECT_EQ(0, ioctl(self->fd, FIONREAD, &bytes));
	EXPECT_EQ(3, bytes);
	memcpy(klab_ring_space(&self->ring), " there", 6);
	EXPECT_EQ(0, klab_ring_give(&self->ring, 6));
	EXPECT_EQ(9, channel_stat(self->fd).bytes);
	EXPECT_EQ(11, channel_stat(self->fd).write.bytes);
	EXPECT_EQ(2, channel_stat(self->fd).read.bytes);
	EXPECT_EQ(9, read(self->fd, text, sizeof(text)));
	EXPECT_STREQ("llo there", text);
	EXPECT_EQ(0, klab_ring_bytes(&self->ring));
	EXPECT_EQ(CAPACITY, klab_ring_room(&self->ring));
}

/* Both sides by each way, in pieces of any size, long enough to sleep often. */
FIXTURE(ways)
{
	int klab, fd;
	struct klab_ring ring;
};

FIXTURE_VARIANT(ways)
{
	bool mapped_writer, mapped_reader;
	bool poll;		/* wait by poll(2), not by KLAB_IOC_CHANNEL_WAIT */
};

FIXTURE_VARIANT_ADD(ways, calls_calls) { };
FIXTURE_VARIANT_ADD(ways, calls_mapped) { .mapped_reader = true };
FIXTURE_VARIANT_ADD(ways, mapped_calls) { .mapped_writer = true };
FIXTURE_VARIANT_ADD(ways, mapped_mapped) { .mapped_writer = true, .mapped_reader = true };
FIXTURE_VARIANT_ADD(ways, poll) { .mapped_writer = true, .mapped_reader = true, .poll = true };

FIXTURE_SETUP(ways)
{
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->fd = create_channel(self->klab, CAPACITY, KLAB_CHANNEL_MAPPABLE);
	if (self->fd < 0 && errno == EOPNOTSUPP)
		SKIP(return, "no mappable channels on this kernel");
	ASSERT_TRUE(map_ring(&self->ring, self->fd));
}

FIXTURE_TEARDOWN(ways)
{
	close(self->fd);
	close(self->klab);
}

#define TOTAL	800000

/* An FNV hash: of bytes and of their order. */
static __u32 digest(__u32 hash, const unsigned char *bytes, size_t size)
{
	while (size--)
		hash = (hash ^ *bytes++) * 16777619;
	return hash;
}

TEST_F(ways, all_arrive_in_order)
{
	static unsigned char buffer[2 * CAPACITY];
	unsigned int state = 7, seen = 0, sent = 0;
	size_t done = 0, size, i;
	pid_t writer = fork();

	if (!writer) {
		while (done < TOTAL) {
			size = chance(&state) % (2 * CAPACITY) + 1;
			size = size < TOTAL - done ? size : TOTAL - done;
			for (i = 0; i < size; i++)
				buffer[i] = (done + i) % 251;
			if (!send_all(&self->ring, variant->mapped_writer, variant->poll, buffer,
				      size))
				_exit(1);
			done += size;
		}
		_exit(end_channel(self->fd));
	}
	while ((size = receive(&self->ring, variant->mapped_reader, variant->poll, buffer,
			       chance(&state) % sizeof(buffer) + 1))) {
		seen = digest(seen, buffer, size);
		for (i = 0; i < size; i++)
			buffer[i] = (done + i) % 251;
		sent = digest(sent, buffer, size);
		done += size;
		ASSERT_GE(TOTAL, done);
	}
	EXPECT_EQ(TOTAL, done);
	EXPECT_EQ(sent, seen);
	EXPECT_EQ(0, child_status(writer));
	EXPECT_EQ(1, self->ring.map->ended);
	EXPECT_EQ(KLAB_CHANNEL_ENDED | KLAB_CHANNEL_MAPPABLE, channel_stat(self->fd).state);
	EXPECT_EQ(TOTAL, channel_stat(self->fd).read.bytes);
}

/* A byte there and a byte back, each of them waited for: thousands of wake-ups in turn. */
TEST_F(ways, ping_pong)
{
	int back_fd = create_channel(self->klab, CAPACITY, KLAB_CHANNEL_MAPPABLE), i;
	struct klab_ring back;
	unsigned char byte = 0;
	pid_t other;

	ASSERT_TRUE(map_ring(&back, back_fd));
	other = fork();
	if (!other) {
		while (receive(&self->ring, variant->mapped_reader, variant->poll, &byte, 1))
			send_all(&back, variant->mapped_writer, variant->poll, &byte, 1);
		_exit(0);
	}
	for (i = 0; i < 1000; i++) {
		byte = i;
		ASSERT_TRUE(send_all(&self->ring, variant->mapped_writer, variant->poll, &byte, 1));
		byte = ~i;
		ASSERT_EQ(1, receive(&back, variant->mapped_reader, variant->poll, &byte, 1));
		ASSERT_EQ(i & 0xff, byte);
	}
	ASSERT_EQ(0, end_channel(self->fd));
	EXPECT_EQ(0, child_status(other));
	close(back_fd);
}

TEST_F(ring, poll_tells)
{
	struct pollfd poller = { .fd = self->fd, .events = POLLIN | POLLOUT };

	EXPECT_EQ(1, poll(&poller, 1, 0));
	EXPECT_EQ(POLLOUT, poller.revents);
	EXPECT_EQ(0, klab_ring_give(&self->ring, 1));
	EXPECT_EQ(1, poll(&poller, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, poller.revents);
	EXPECT_EQ(0, klab_ring_give(&self->ring, CAPACITY - 1));
	EXPECT_EQ(1, poll(&poller, 1, 0));
	EXPECT_EQ(POLLIN, poller.revents);
	EXPECT_EQ(0, klab_ring_take(&self->ring, CAPACITY));
	EXPECT_EQ(1, poll(&poller, 1, 0));
	EXPECT_EQ(POLLOUT, poller.revents);
	ASSERT_EQ(0, end_channel(self->fd));
	EXPECT_EQ(1, poll(&poller, 1, 0));
	EXPECT_EQ(POLLHUP, poller.revents);
}

/* Set before a sleeper sleeps, so that the other side knows to wake him. */
TEST_F(ring, flags_of_sleepers)
{
	struct klab_channel_wake wake = { .side = KLAB_CHANNEL_READERS };
	unsigned char byte = 0;
	struct call call = { .fd = self->fd, .data = &byte, .size = 1 };

	EXPECT_EQ(0, self->ring.map->reader_sleeps);
	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	EXPECT_EQ(1, self->ring.map->reader_sleeps);
	EXPECT_EQ(0, self->ring.map->writer_sleeps);
	/* Woken for nothing he sets it anew. */
	EXPECT_EQ(0, klab(self->fd, KLAB_IOC_CHANNEL_WAKE, &wake));
	EXPECT_TRUE(eventually(call_asleep(&call) && self->ring.map->reader_sleeps == 1));
	*(unsigned char *)klab_ring_space(&self->ring) = 'r';
	EXPECT_EQ(0, klab_ring_give(&self->ring, 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ('r', byte);
}

TEST_F(ring, end_wakes_who_waits)
{
	pid_t reader = fork();
	struct klab_channel_wait wait = { .side = KLAB_CHANNEL_READERS, .bytes = 1 };

	if (!reader)
		_exit(klab(self->fd, KLAB_IOC_CHANNEL_WAIT, &wait) ||
		      klab_ring_bytes(&self->ring) || !self->ring.map->ended);
	ASSERT_TRUE(eventually(asleep_in(reader, SYS_ioctl, self->fd)));
	ASSERT_EQ(0, end_channel(self->fd));
	EXPECT_EQ(0, child_status(reader));
}

TEST_HARNESS_MAIN
