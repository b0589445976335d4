// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private channels: made, kept apart, handed on, resized, counted, and gone with
 * their last descriptor. Nothing here has to wait but where it says so.
 */
#include "channel_test.h"
#include "pass.h"

#define CAPACITY	8192

FIXTURE(private)
{
	int klab;
	int fd;			/* the channel, O_NONBLOCK */
	unsigned char in[4 * CAPACITY];
	unsigned char out[4 * CAPACITY];
};

FIXTURE_SETUP(private)
{
	size_t i;

	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->klab);
	self->fd = create_channel(self->klab, CAPACITY, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	for (i = 0; i < sizeof(self->in); i++)
		self->in[i] = i % 251 + 1;
}

FIXTURE_TEARDOWN(private)
{
	close(self->fd);
	close(self->klab);
}

/* All that is in the channel is @size bytes of the pattern from @at on. */
#define EXPECT_CONTENT(channel, at, size) do {				\
	EXPECT_EQ(size, channel_stat(channel).bytes);			\
	EXPECT_EQ(size, read(channel, self->out, sizeof(self->out)));	\
	EXPECT_EQ(0, memcmp(self->out, self->in + (at), size));		\
	EXPECT_EQ(0, channel_stat(channel).bytes);			\
} while (0)

TEST_F(private, descriptor)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(self->fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->fd, self->out, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(0, channel_stat(self->fd).state);
}

TEST_F(private, capacity_is_rounded_up)
{
	static const unsigned int wanted[][2] = {
		{ 0, 4096 }, { 1, 4096 }, { 4095, 4096 }, { 4096, 4096 }, { 4097, 8192 },
		{ 8191, 8192 }, { 12288, 16384 }, { 65536, 65536 }, { 65537, 131072 },
	};
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct klab_channel_resize resize = { .capacity = wanted[i][0] };

		fd = create_channel(self->klab, wanted[i][0], 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(wanted[i][1], channel_stat(fd).capacity);
		EXPECT_EQ(wanted[i][1], fdinfo_value(fd, "channel_capacity", 10));
		close(fd);
		EXPECT_EQ(0, klab(self->fd, KLAB_IOC_CHANNEL_RESIZE, &resize));
		EXPECT_EQ(wanted[i][1], resize.capacity);
		EXPECT_EQ(wanted[i][1], channel_stat(self->fd).capacity);
	}
	/* And it is what really goes in. */
	ASSERT_EQ(0, resize_channel(self->fd, 4097));
	EXPECT_EQ(8192, write(self->fd, self->in, sizeof(self->in)));
	EXPECT_CONTENT(self->fd, 0, 8192);
}

TEST_F(private, apart_from_all_others)
{
	int other = create_channel(self->klab, CAPACITY, 0), nonblock;

	ASSERT_LE(0, other);
	ASSERT_LE(0, channel_drain());
	ASSERT_EQ(0, fcntl(other, F_SETFL, O_NONBLOCK));
	nonblock = open(KLAB_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ASSERT_EQ(10, write(self->fd, self->in, 10));
	EXPECT_EQ(-1, read(other, self->out, 1));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, read(nonblock, self->out, 1));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(20, write(nonblock, self->in + 100, 20));
	ASSERT_EQ(30, write(other, self->in + 200, 30));
	ASSERT_EQ(0, end_channel(other));
	ASSERT_EQ(0, resize_channel(other, 4 * CAPACITY));

	EXPECT_EQ(CAPACITY, channel_stat(self->fd).capacity);
	EXPECT_EQ(0, channel_stat(self->fd).state);
	EXPECT_CONTENT(self->fd, 0, 10);
	EXPECT_CONTENT(nonblock, 100, 20);
	EXPECT_CONTENT(other, 200, 30);
	close(other);
	close(nonblock);
}

TEST_F(private, inherited)
{
	pid_t child = fork();

	if (!child)
		_exit(write(self->fd, self->in, 1000) != 1000 || end_channel(self->fd));
	ASSERT_EQ(0, child_status(child));
	/* The child's copy is closed, and what it did is done. */
	EXPECT_EQ(KLAB_CHANNEL_ENDED, channel_stat(self->fd).state);
	EXPECT_CONTENT(self->fd, 0, 1000);
}

TEST_F(private, passed_over_a_socket)
{
	int sockets[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(1000, write(self->fd, self->in, 1000));
	ASSERT_TRUE(send_descriptor(sockets[0], self->fd));
	/* What is on its way is the channel itself: what is done to it meanwhile is done. */
	ASSERT_EQ(0, resize_channel(self->fd, 2 * CAPACITY));
	ASSERT_EQ(2000, write(self->fd, self->in + 1000, 2000));
	close(self->fd);
	fd = receive_descriptor(sockets[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(2 * CAPACITY, channel_stat(fd).capacity);
	EXPECT_CONTENT(fd, 0, 3000);
	self->fd = fd;
}

/* It lives as long as anybody has it, whatever else is closed. */
TEST_F(private, lives_until_the_last_close)
{
	int copy = dup(self->fd);
	pid_t child;

	ASSERT_EQ(500, write(self->fd, self->in, 500));
	close(self->klab);
	close(self->fd);
	child = fork();
	if (!child)
		_exit(write(copy, self->in + 500, 500) != 500);
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(0, channel_stat(copy).state);
	EXPECT_CONTENT(copy, 0, 1000);
	self->fd = copy;
}

TEST_F(private, end_of_stream)
{
	int turn;

	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(300, write(self->fd, self->in, 300));
	ASSERT_EQ(0, end_channel(self->fd));
	for (turn = 0; turn < 2; turn++) {
		EXPECT_EQ(-1, write(self->fd, self->in, 1));
		EXPECT_EQ(EPIPE, errno);
		EXPECT_EQ(-1, write(self->fd, self->in, sizeof(self->in)));
		EXPECT_EQ(EPIPE, errno);
		EXPECT_EQ(KLAB_CHANNEL_ENDED, channel_stat(self->fd).state);
		EXPECT_EQ(1, fdinfo_value(self->fd, "channel_ended", 10));
		EXPECT_EQ(300, channel_stat(self->fd).bytes);
		/* Once more changes nothing. */
		EXPECT_EQ(0, end_channel(self->fd));
	}
	EXPECT_EQ(100, read(self->fd, self->out, 100));
	EXPECT_EQ(200, read(self->fd, self->out + 100, sizeof(self->out) - 100));
	EXPECT_EQ(0, memcmp(self->out, self->in, 300));
	EXPECT_EQ(0, read(self->fd, self->out, 1));
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	EXPECT_EQ(0, read(self->fd, self->out, 1));
	EXPECT_EQ(-1, write(self->fd, self->in, 1));
	EXPECT_EQ(EPIPE, errno);
	/* Of nothing there is nothing to refuse. */
	EXPECT_EQ(0, write(self->fd, self->in, 0));
}

TEST_F(private, sigpipe)
{
	pid_t child;
	int status;

	ASSERT_EQ(0, end_channel(self->fd));
	child = fork();
	if (!child) {
		write(self->fd, self->in, 1);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGPIPE, WTERMSIG(status));
}

/*
 * Up and down, with all that is in it, wherever in the ring it lies: the first byte
 * begins in each of 16 places, and 5000 bytes wrap around from most of them.
 */
TEST_F(private, resize_keeps_what_is_in_it)
{
	static const unsigned int sizes[] = { 16384, 8192, 65536, 8192, 32768, 16384, 8192 };
	size_t i, place, at = 0;

	for (place = 0; place < 16; place++) {
		ASSERT_EQ(5000, write(self->fd, self->in + at, 5000));
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			ASSERT_EQ(0, resize_channel(self->fd, sizes[i]));
			ASSERT_EQ(5000, channel_stat(self->fd).bytes);
			ASSERT_EQ(i + 1, write(self->fd, self->in + at + 5000, i + 1));
			ASSERT_EQ(i + 1, read(self->fd, self->out, i + 1));
			ASSERT_EQ(0, memcmp(self->out, self->in + at, i + 1));
			at = (at + i + 1) % 251;
		}
		EXPECT_EQ(CAPACITY, channel_stat(self->fd).capacity);
		EXPECT_CONTENT(self->fd, at, 5000);
		at = (at + 5000 + 511) % 251;
		ASSERT_EQ(511, write(self->fd, self->in, 511));
		ASSERT_EQ(511, read(self->fd, self->out, 511));
	}

	/* To the brim, and after that with room to the new brim. */
	ASSERT_EQ(CAPACITY, write(self->fd, self->in, sizeof(self->in)));
	ASSERT_EQ(0, resize_channel(self->fd, CAPACITY));
	ASSERT_EQ(0, resize_channel(self->fd, 2 * CAPACITY));
	EXPECT_EQ(CAPACITY, write(self->fd, self->in + CAPACITY, sizeof(self->in) - CAPACITY));
	EXPECT_CONTENT(self->fd, 0, 2 * CAPACITY);
}

TEST_F(private, fionread)
{
	int nonblock = open(KLAB_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC), bytes, i;
	int fds[] = { self->fd, nonblock };

	ASSERT_LE(0, channel_drain());
	for (i = 0; i < 2; i++) {
		bytes = -1;
		EXPECT_EQ(0, ioctl(fds[i], FIONREAD, &bytes));
		EXPECT_EQ(0, bytes);
		ASSERT_EQ(1234, write(fds[i], self->in, 1234));
		EXPECT_EQ(0, ioctl(fds[i], FIONREAD, &bytes));
		EXPECT_EQ(1234, bytes);
		ASSERT_EQ(1000, read(fds[i], self->out, 1000));
		EXPECT_EQ(0, ioctl(fds[i], FIONREAD, &bytes));
		EXPECT_EQ(234, bytes);
		EXPECT_EQ(-1, ioctl(fds[i], FIONREAD, NULL));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_EQ(0, end_channel(self->fd));
	EXPECT_EQ(0, ioctl(self->fd, FIONREAD, &bytes));
	EXPECT_EQ(234, bytes);
	ASSERT_EQ(234, channel_drain());
	close(nonblock);
}

/* One that nobody has any more leaves no memory behind: this would be 1 GiB. */
TEST_F(private, memory_goes_with_it)
{
	long long before = free_pages(self->klab);
	int i, fd;

	for (i = 0; i < 64; i++) {
		fd = create_channel(self->klab, 16 << 20, 0);
		ASSERT_LE(0, fd);
		close(fd);
		fd = create_channel(self->klab, 1 << 20, i % 2 ? KLAB_CHANNEL_MAPPABLE : 0);
		ASSERT_LE(0, fd);
		close(fd);
	}
	EXPECT_TRUE(eventually(before - free_pages(self->klab) < 16384));
}

TEST_HARNESS_MAIN
