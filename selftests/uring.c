// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring, by raw system calls: reads and writes that find what they need, and such
 * that the kernel has to bring to an end later.
 */
#include <linux/io_uring.h>

#include "channel_test.h"

struct ring {
	int fd;
	struct io_uring_params params;
	unsigned char *rings;	/* both, with IORING_FEAT_SINGLE_MMAP */
	struct io_uring_sqe *entries;
};

#define U32(ring, offset) ((unsigned int *)((ring)->rings + (ring)->params.offset))

/* An errno, or 0. */
static int ring_open(struct ring *ring)
{
	size_t size;

	memset(&ring->params, 0, sizeof(ring->params));
	ring->fd = syscall(__NR_io_uring_setup, 8, &ring->params);
	if (ring->fd < 0)
		return errno;
	size = ring->params.cq_off.cqes +
	       ring->params.cq_entries * sizeof(struct io_uring_cqe);
	if (size < ring->params.sq_off.array + 8 * sizeof(unsigned int))
		size = ring->params.sq_off.array + 8 * sizeof(unsigned int);
	ring->rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			   ring->fd, IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, 8 * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	return (void *)ring->rings == MAP_FAILED || ring->entries == MAP_FAILED ? ENOMEM : 0;
}

/* Hand one request to the kernel. @tag comes back with its result. */
static int submit(struct ring *ring, int operation, int fd, void *data, unsigned int size,
		  __u64 tag, int flags)
{
	unsigned int tail = *U32(ring, sq_off.tail), slot = tail & *U32(ring, sq_off.ring_mask);

	memset(&ring->entries[slot], 0, sizeof(ring->entries[slot]));
	ring->entries[slot].opcode = operation;
	ring->entries[slot].fd = fd;
	ring->entries[slot].off = -1;
	ring->entries[slot].addr = (uintptr_t)data;
	ring->entries[slot].len = size;
	ring->entries[slot].rw_flags = flags;
	ring->entries[slot].user_data = tag;
	U32(ring, sq_off.array)[slot] = slot;
	__atomic_store_n(U32(ring, sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	return syscall(__NR_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0);
}

static unsigned int completed(struct ring *ring)
{
	return __atomic_load_n(U32(ring, cq_off.tail), __ATOMIC_ACQUIRE) -
	       *U32(ring, cq_off.head);
}

/* The next result, which may take its time. */
static struct io_uring_cqe result(struct ring *ring)
{
	struct io_uring_cqe *done, copy;
	unsigned int head = *U32(ring, cq_off.head);

	while (!completed(ring))
		syscall(__NR_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	done = (void *)(ring->rings + ring->params.cq_off.cqes);
	copy = done[head & *U32(ring, cq_off.ring_mask)];
	__atomic_store_n(U32(ring, cq_off.head), head + 1, __ATOMIC_RELEASE);
	return copy;
}

FIXTURE(uring)
{
	struct ring ring;
	int klab;
	int fd;			/* a private channel, blocking */
	unsigned char in[8192], out[8192];
};

FIXTURE_SETUP(uring)
{
	int error = ring_open(&self->ring);
	size_t i;

	if (error)
		SKIP(return, "no io_uring on this kernel: %s", strerror(error));
	if (!(self->ring.params.features & IORING_FEAT_SINGLE_MMAP))
		SKIP(return, "io_uring older than 5.4");
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->fd = create_channel(self->klab, 8192, 0);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < sizeof(self->in); i++)
		self->in[i] = i % 251 + 1;
}

FIXTURE_TEARDOWN(uring)
{
	close(self->ring.fd);
	close(self->fd);
	close(self->klab);
}

#define EXPECT_RESULT(wanted, tag) do {					\
	struct io_uring_cqe _done = result(&self->ring);		\
									\
	EXPECT_EQ(wanted, _done.res);					\
	EXPECT_EQ(tag, _done.user_data);				\
} while (0)

TEST_F(uring, what_is_there)
{
	ASSERT_EQ(1, submit(&self->ring, IORING_OP_WRITE, self->fd, self->in, 5000, 1, 0));
	EXPECT_RESULT(5000, 1);
	EXPECT_EQ(5000, channel_stat(self->fd).bytes);
	ASSERT_EQ(1, submit(&self->ring, IORING_OP_READ, self->fd, self->out, 8192, 2, 0));
	EXPECT_RESULT(5000, 2);
	EXPECT_EQ(0, memcmp(self->out, self->in, 5000));
}

/* Nothing comes back before there is something, and then it does. */
TEST_F(uring, data_that_comes_later)
{
	ASSERT_EQ(1, submit(&self->ring, IORING_OP_READ, self->fd, self->out, 8192, 3, 0));
	EXPECT_EQ(0, completed(&self->ring));
	ASSERT_EQ(100, write(self->fd, self->in, 100));
	EXPECT_RESULT(100, 3);
	EXPECT_EQ(0, memcmp(self->out, self->in, 100));
}

TEST_F(uring, room_that_comes_later)
{
	ASSERT_EQ(8192, write(self->fd, self->in, 8192));
	ASSERT_EQ(1, submit(&self->ring, IORING_OP_WRITE, self->fd, self->in, 4096, 4, 0));
	EXPECT_EQ(0, completed(&self->ring));
	ASSERT_EQ(4096, read(self->fd, self->out, 4096));
	EXPECT_RESULT(4096, 4);
	EXPECT_EQ(8192, channel_stat(self->fd).bytes);
}

/* Who asks for that is told at once. (O_NONBLOCK is not that: here it changes nothing.) */
TEST_F(uring, nowait)
{
	ASSERT_EQ(1, submit(&self->ring, IORING_OP_READ, self->fd, self->out, 1, 5, RWF_NOWAIT));
	EXPECT_RESULT(-EAGAIN, 5);
	ASSERT_EQ(100, write(self->fd, self->in, 100));
	ASSERT_EQ(1, submit(&self->ring, IORING_OP_READ, self->fd, self->out, 100, 6,
			    RWF_NOWAIT));
	EXPECT_RESULT(100, 6);
}

TEST_F(uring, nonblocking)
{
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(1, submit(&self->ring, IORING_OP_READ, self->fd, self->out, 8192, 3, 0));
	EXPECT_EQ(0, completed(&self->ring));
	ASSERT_EQ(100, write(self->fd, self->in, 100));
	EXPECT_RESULT(100, 3);
}

TEST_F(uring, end)
{
	ASSERT_EQ(1, submit(&self->ring, IORING_OP_READ, self->fd, self->out, 1, 6, 0));
	ASSERT_EQ(0, end_channel(self->fd));
	EXPECT_RESULT(0, 6);
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(1, submit(&self->ring, IORING_OP_WRITE, self->fd, self->in, 1, 7, 0));
	EXPECT_RESULT(-EPIPE, 7);
}

/* Several at once, and each byte goes to one of them. */
TEST_F(uring, several_wait)
{
	unsigned int sum = 0, i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, submit(&self->ring, IORING_OP_READ, self->fd, self->out + i, 1, 1, 0));
	EXPECT_EQ(0, completed(&self->ring));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, write(self->fd, self->in + i, 1));
	for (i = 0; i < 4; i++)
		EXPECT_RESULT(1, 1);
	for (i = 0; i < 4; i++)
		sum += self->out[i];
	EXPECT_EQ(1 + 2 + 3 + 4, sum);
	EXPECT_EQ(0, channel_stat(self->fd).bytes);
}

TEST_HARNESS_MAIN
