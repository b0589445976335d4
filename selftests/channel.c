// SPDX-License-Identifier: GPL-2.0-only
/*
 * The byte channel as one caller sees it who never has to wait: order, room,
 * partial transfers, bad memory, and the promise that a write of up to
 * channel_atomic bytes is never split. Nothing here may block: a call that does
 * is ended by the harness, as a failure.
 */
#include "klab_test.h"

FIXTURE(channel)
{
	int fd;			/* blocking */
	int nonblock;
	size_t capacity;
	size_t atomic;
	unsigned char *in;	/* twice the capacity, filled with a pattern */
	unsigned char *out;	/* as much, zero */
};

FIXTURE_SETUP(channel)
{
	struct klab_info info;
	size_t i;

	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->nonblock = open(KLAB_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->nonblock);
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_INFO, &info));
	self->capacity = info.channel_capacity;
	self->atomic = info.channel_atomic;
	self->in = malloc(2 * self->capacity);
	self->out = calloc(2, self->capacity);
	/* A period that no power of two is a multiple of: each place looks different. */
	for (i = 0; i < 2 * self->capacity; i++)
		self->in[i] = i % 251 + 1;
	ASSERT_LE(0, channel_drain());
}

FIXTURE_TEARDOWN(channel)
{
	channel_drain();
	close(self->fd);
	close(self->nonblock);
}

/* Fill the channel until only @room bytes are left. */
#define FILL(room) do {							\
	size_t _bytes = self->capacity - (room);			\
									\
	ASSERT_EQ(_bytes, write(self->nonblock, self->in, _bytes));	\
} while (0)

/* What comes out in the end, and all of it, is @bytes of the pattern from @at on. */
#define EXPECT_CONTENT(at, bytes) do {					\
	size_t _got = 0;						\
	ssize_t _more;							\
									\
	while ((_more = read(self->nonblock, self->out + _got,		\
			     2 * self->capacity - _got)) > 0)		\
		_got += _more;						\
	EXPECT_EQ(EAGAIN, errno);					\
	EXPECT_EQ(bytes, _got);						\
	EXPECT_EQ(0, memcmp(self->out, self->in + (at), bytes));	\
} while (0)

#define EXPECT_EMPTY() EXPECT_EQ(0, channel_bytes(self->fd))

TEST_F(channel, bytes_come_out_in_order)
{
	/* Pieces whose sizes share no factor, over the ring's end several times. */
	static const size_t writes[] = { 1, 977, 4096, 3, 20011 }, reads[] = { 1013, 7, 8191 };
	size_t in = 0, out = 0, wrote = 0, got = 0, turn, room;
	ssize_t done;

	for (turn = 0; got < 4 * self->capacity; turn++) {
		room = self->capacity - (wrote - got);
		if (writes[turn % 5] <= room) {
			done = write(self->fd, self->in + in, writes[turn % 5]);
			ASSERT_EQ(writes[turn % 5], done);
			wrote += done;
			in = (in + done) % 251;
		}
		done = read(self->fd, self->out, reads[turn % 3]);
		ASSERT_LT(0, done);
		ASSERT_EQ(0, memcmp(self->out, self->in + out, done));
		got += done;
		out = (out + done) % 251;
		ASSERT_EQ(wrote - got, channel_bytes(self->fd));
		if (wrote == got) {
			ASSERT_EQ(10, write(self->fd, self->in + in, 10));
			wrote += 10;
			in = (in + 10) % 251;
		}
	}
}

TEST_F(channel, all_openers_share_it)
{
	int reader = open(KLAB_DEVICE, O_RDONLY | O_CLOEXEC);
	int writer = open(KLAB_DEVICE, O_WRONLY | O_CLOEXEC);
	char text[8] = "";

	EXPECT_EQ(5, write(writer, "hello", 5));
	EXPECT_EQ(5, channel_bytes(reader));
	EXPECT_EQ(5, channel_bytes(self->fd));
	EXPECT_EQ(5, read(reader, text, sizeof(text)));
	EXPECT_STREQ("hello", text);
	EXPECT_EMPTY();
	EXPECT_EQ(-1, write(reader, "x", 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, read(writer, text, 1));
	EXPECT_EQ(EBADF, errno);
	close(reader);
	close(writer);
}

/* RWF_NOWAIT asks for one call what O_NONBLOCK asks for all. */
TEST_F(channel, empty_is_EAGAIN)
{
	struct iovec all = { self->out, 100 };

	EXPECT_EQ(-1, read(self->nonblock, self->out, 1));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, preadv2(self->fd, &all, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);

	ASSERT_EQ(10, write(self->fd, self->in, 10));
	EXPECT_EQ(10, preadv2(self->fd, &all, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(0, memcmp(self->out, self->in, 10));
}

TEST_F(channel, full_is_EAGAIN)
{
	struct iovec one = { self->in, 1 };

	FILL(0);
	EXPECT_EQ(self->capacity, channel_bytes(self->fd));
	EXPECT_EQ(-1, write(self->nonblock, self->in, 1));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, pwritev2(self->fd, &one, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_CONTENT(0, self->capacity);

	EXPECT_EQ(1, pwritev2(self->fd, &one, 1, -1, RWF_NOWAIT));
	EXPECT_CONTENT(0, 1);
}

/* No bytes asked for: no bytes, no error, and no wait on a blocking descriptor. */
TEST_F(channel, zero_bytes)
{
	EXPECT_EQ(0, read(self->fd, self->out, 0));
	EXPECT_EQ(0, write(self->fd, self->in, 0));
	EXPECT_EMPTY();
	FILL(0);
	EXPECT_EQ(0, write(self->fd, self->in, 0));
	EXPECT_EQ(0, read(self->fd, self->out, 0));
	EXPECT_EQ(self->capacity, channel_bytes(self->fd));
}

/* A read takes what is there: it does not wait for all that it could hold. */
TEST_F(channel, short_read)
{
	ASSERT_EQ(10, write(self->fd, self->in, 10));
	EXPECT_EQ(10, read(self->fd, self->out, 1000));
	EXPECT_EQ(0, memcmp(self->out, self->in, 10));
	EXPECT_EMPTY();
}

TEST_F(channel, atomic_write_is_whole_or_not)
{
	size_t rooms[] = { 1, self->atomic / 2, self->atomic - 1 }, i, room;

	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		room = rooms[i];
		FILL(room);
		EXPECT_EQ(-1, write(self->nonblock, self->in, self->atomic));
		EXPECT_EQ(EAGAIN, errno);
		EXPECT_EQ(-1, write(self->nonblock, self->in, room + 1));
		EXPECT_EQ(EAGAIN, errno);
		EXPECT_EQ(self->capacity - room, channel_bytes(self->fd));

		/* What does fit goes in. */
		EXPECT_EQ(room, write(self->nonblock, self->in + self->capacity - room, room));
		EXPECT_CONTENT(0, self->capacity);
	}
}

/* A longer one takes the room that there is, as long as it is worth it. */
TEST_F(channel, longer_write_is_partial)
{
	EXPECT_EQ(self->capacity, write(self->nonblock, self->in, 2 * self->capacity));
	EXPECT_CONTENT(0, self->capacity);

	FILL(self->atomic);
	EXPECT_EQ(self->atomic, write(self->nonblock, self->in + self->capacity - self->atomic,
				      self->atomic + 1));
	EXPECT_CONTENT(0, self->capacity);
}

TEST_F(channel, vectors)
{
	struct iovec in[] = { { self->in, 3 }, { NULL, 0 }, { self->in + 3, 4000 } };
	struct iovec out[] = { { self->out, 2000 }, { NULL, 0 }, { self->out + 2000, 1 },
			       { self->out + 2001, 5000 } };

	EXPECT_EQ(4003, writev(self->fd, in, 3));
	EXPECT_EQ(4003, readv(self->fd, out, 4));
	EXPECT_EQ(0, memcmp(self->out, self->in, 4003));
	EXPECT_EMPTY();

	/* The promise is for the sum: half of this would fit. */
	FILL(4002);
	EXPECT_EQ(-1, writev(self->nonblock, in, 3));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(self->capacity - 4002, channel_bytes(self->fd));
}

/* What could not be handed over is still there for who reads next. */
TEST_F(channel, bad_memory_loses_nothing)
{
	unsigned char *end = fenced_memory(4096);
	ssize_t got;

	ASSERT_NE(NULL, end);
	ASSERT_EQ(1000, write(self->fd, self->in, 1000));
	EXPECT_EQ(-1, read(self->fd, end, 1000));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1000, channel_bytes(self->fd));

	/* Room for 400 only: whatever the call says it has read is there and right. */
	got = read(self->fd, end - 400, 1000);
	if (got < 0) {
		EXPECT_EQ(EFAULT, errno);
		got = 0;
	}
	EXPECT_LE(got, 400);
	EXPECT_EQ(0, memcmp(end - 400, self->in, got));
	EXPECT_EQ(1000 - got, channel_bytes(self->fd));
	EXPECT_CONTENT(got, 1000 - got);
}

TEST_F(channel, bad_memory_writes_nothing)
{
	unsigned char *end = fenced_memory(4096);
	struct iovec parts[] = { { self->in, 100 }, { end, 100 } };

	ASSERT_NE(NULL, end);
	EXPECT_EQ(-1, write(self->fd, end, 1));
	EXPECT_EQ(EFAULT, errno);

	/* Never split means not by bad memory either. */
	EXPECT_EQ(-1, write(self->fd, end - 99, 100));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, write(self->fd, end - self->atomic + 1, self->atomic));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, writev(self->fd, parts, 2));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EMPTY();
}

/* A long write into a quick reader's hands may have gone in for its good part. */
TEST_F(channel, bad_memory_in_a_long_write)
{
	size_t good = self->capacity + self->capacity / 2, size = 2 * self->capacity;
	unsigned char *end = fenced_memory(good);
	ssize_t wrote;

	ASSERT_NE(NULL, end);
	memcpy(end - good, self->in, good);
	wrote = write(self->nonblock, end - good, size);
	if (wrote < 0) {
		EXPECT_EQ(EFAULT, errno);
		wrote = 0;
	}
	EXPECT_LE(wrote, self->capacity);
	EXPECT_CONTENT(0, wrote);

	wrote = write(self->nonblock, end - 5000, 5001);
	if (wrote < 0) {
		EXPECT_EQ(EFAULT, errno);
		wrote = 0;
	}
	EXPECT_LE(wrote, 5000);
	EXPECT_CONTENT(good - 5000, wrote);
}

/* A stream: it has no positions. */
TEST_F(channel, no_positions)
{
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->fd, self->out, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwrite(self->fd, self->in, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EMPTY();
}

/* O_NONBLOCK is a matter of the descriptor and can change while it is open. */
TEST_F(channel, nonblock_can_be_switched_on)
{
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(self->fd, self->out, 1));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_HARNESS_MAIN
