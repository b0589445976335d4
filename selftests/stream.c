// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways to move bytes and to hear of them that callers know from other streams:
 * vectors, splice, sendfile, SIGIO, select, and the kinds of epoll. Each is put to
 * the shared channel and to a private one.
 */
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>

#include "channel_test.h"

FIXTURE(stream)
{
	int klab;
	int fd;			/* the channel, O_NONBLOCK */
	size_t capacity;
	unsigned char *in, *out;	/* of the capacity */
	int pipe[2];		/* O_NONBLOCK too */
};

FIXTURE_VARIANT(stream)
{
	bool private;
};

FIXTURE_VARIANT_ADD(stream, shared) { .private = false };
FIXTURE_VARIANT_ADD(stream, private) { .private = true };

FIXTURE_SETUP(stream)
{
	size_t i;

	self->klab = open(KLAB_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	self->fd = variant->private ? create_channel(self->klab, 65536, 0) :
				      open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	ASSERT_LE(0, channel_drain());
	self->capacity = channel_stat(self->fd).capacity;
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK));
	self->in = malloc(self->capacity);
	self->out = calloc(1, self->capacity);
	for (i = 0; i < self->capacity; i++)
		self->in[i] = i % 251 + 1;
}

FIXTURE_TEARDOWN(stream)
{
	close(self->fd);
	close(self->klab);
	channel_drain();
}

#define PUT(size) ASSERT_EQ(size, write(self->fd, self->in, size))
#define TAKE(size) ASSERT_EQ(size, read(self->fd, self->out, size))
#define EXPECT_SAME(size) EXPECT_EQ(0, memcmp(self->out, self->in, size))

TEST_F(stream, vectors)
{
	struct iovec in[] = { { self->in, 1 }, { self->in + 1, 5000 }, { self->in + 5001, 999 } };
	struct iovec out[] = { { self->out, 3000 }, { NULL, 0 }, { self->out + 3000, 5000 } };

	EXPECT_EQ(6000, writev(self->fd, in, 3));
	EXPECT_EQ(6000, readv(self->fd, out, 3));
	EXPECT_SAME(6000);
	EXPECT_EQ(-1, readv(self->fd, out, 3));
	EXPECT_EQ(EAGAIN, errno);
}

/* RWF_NOWAIT on a descriptor that would wait: a call that came back at all did not. */
TEST_F(stream, nowait)
{
	struct iovec in = { self->in, self->capacity }, out = { self->out, self->capacity };
	struct iovec one = { self->in, 1 };

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	EXPECT_EQ(-1, preadv2(self->fd, &out, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(self->capacity, pwritev2(self->fd, &in, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(-1, pwritev2(self->fd, &one, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(self->capacity, preadv2(self->fd, &out, 1, -1, RWF_NOWAIT));
	EXPECT_SAME(self->capacity);
}

TEST_F(stream, splice_out)
{
	size_t got = 0;
	ssize_t more;

	PUT(10000);
	while (got < 10000) {
		more = splice(self->fd, NULL, self->pipe[1], NULL, 65536, 0);
		ASSERT_LT(0, more);
		ASSERT_EQ(more, read(self->pipe[0], self->out + got, 65536));
		got += more;
	}
	EXPECT_EQ(10000, got);
	EXPECT_SAME(10000);
	EXPECT_EQ(-1, splice(self->fd, NULL, self->pipe[1], NULL, 65536, 0));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(stream, splice_in)
{
	ASSERT_EQ(10000, write(self->pipe[1], self->in, 10000));
	EXPECT_EQ(4000, splice(self->pipe[0], NULL, self->fd, NULL, 4000, 0));
	EXPECT_EQ(4000, channel_stat(self->fd).bytes);
	EXPECT_EQ(6000, splice(self->pipe[0], NULL, self->fd, NULL, 65536, 0));
	TAKE(10000);
	EXPECT_SAME(10000);
}

/* What a full channel does not take stays in the pipe. */
TEST_F(stream, splice_into_a_full_one)
{
	PUT(self->capacity);
	ASSERT_EQ(100, write(self->pipe[1], self->in, 100));
	EXPECT_EQ(-1, splice(self->pipe[0], NULL, self->fd, NULL, 100, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(100, read(self->pipe[0], self->out, self->capacity));
	EXPECT_SAME(100);
	TAKE(self->capacity);
	EXPECT_SAME(self->capacity);
}

TEST_F(stream, sendfile)
{
	char name[] = "/tmp/klab-stream-XXXXXX";
	int file = mkostemp(name, O_CLOEXEC);
	off_t offset = 100;

	ASSERT_LE(0, file);
	unlink(name);
	ASSERT_EQ(20000, write(file, self->in, 20000));
	EXPECT_EQ(5000, sendfile(self->fd, file, &offset, 5000));
	EXPECT_EQ(5100, offset);
	EXPECT_EQ(5000, read(self->fd, self->out, self->capacity));
	EXPECT_EQ(0, memcmp(self->out, self->in + 100, 5000));

	/* From a stream it is refused, as from a FIFO, and nothing is gone for it. */
	PUT(100);
	EXPECT_EQ(-1, sendfile(file, self->fd, NULL, 100));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(100, channel_stat(self->fd).bytes);
	close(file);

	/* But for a pipe. */
	EXPECT_EQ(100, sendfile(self->pipe[1], self->fd, NULL, 100));
	EXPECT_EQ(100, read(self->pipe[0], self->out, self->capacity));
	EXPECT_SAME(100);
}

TEST_F(stream, select)
{
	struct timeval now = { 0 };
	fd_set in, out, except;
	int full;

	for (full = 0; full < 2; full++) {
		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_ZERO(&except);
		FD_SET(self->fd, &in);
		FD_SET(self->fd, &out);
		FD_SET(self->fd, &except);
		EXPECT_EQ(1, select(self->fd + 1, &in, &out, &except, &now));
		EXPECT_EQ(full, !!FD_ISSET(self->fd, &in));
		EXPECT_EQ(!full, !!FD_ISSET(self->fd, &out));
		if (!full)
			PUT(self->capacity);
	}
}

/* The next signal that is pending, or 0. SIGIO is sent before the call that causes it ends. */
static int next_signal(siginfo_t *info)
{
	sigset_t all;
	int number;

	sigfillset(&all);
	memset(info, 0, sizeof(*info));
	number = sigtimedwait(&all, info, &(struct timespec){ 0 });
	return number < 0 ? 0 : number;
}

TEST_F(stream, sigio)
{
	siginfo_t info;

	block_signals();
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	PUT(1);
	EXPECT_EQ(0, next_signal(&info));
	TAKE(1);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK | O_ASYNC));
	PUT(1);
	EXPECT_EQ(SIGIO, next_signal(&info));
	TAKE(1);
	EXPECT_EQ(SIGIO, next_signal(&info));
	EXPECT_EQ(0, next_signal(&info));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	PUT(1);
	EXPECT_EQ(0, next_signal(&info));
}

/* With a signal of the caller's choosing comes what has happened, and where. */
TEST_F(stream, sigio_tells_which)
{
	siginfo_t info;

	block_signals();
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETSIG, SIGRTMIN));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK | O_ASYNC));
	PUT(1);
	EXPECT_EQ(SIGRTMIN, next_signal(&info));
	EXPECT_EQ(self->fd, info.si_fd);
	EXPECT_EQ(POLL_IN, info.si_code);
	EXPECT_EQ(POLLIN | POLLRDNORM, info.si_band);
	TAKE(1);
	EXPECT_EQ(SIGRTMIN, next_signal(&info));
	EXPECT_EQ(self->fd, info.si_fd);
	EXPECT_EQ(POLL_OUT, info.si_code);
	EXPECT_EQ(POLLOUT | POLLWRNORM | POLLWRBAND, info.si_band);
	EXPECT_EQ(0, next_signal(&info));
	if (variant->private) {
		ASSERT_EQ(0, end_channel(self->fd));
		EXPECT_EQ(SIGRTMIN, next_signal(&info));
		EXPECT_EQ(self->fd, info.si_fd);
		EXPECT_EQ(POLL_HUP, info.si_code);
		EXPECT_EQ(POLLHUP | POLLERR, info.si_band);
		EXPECT_EQ(0, next_signal(&info));
	}

	/* Who has closed it hears no more of it. */
	close(self->fd);
	self->fd = -1;
	if (!variant->private) {
		ASSERT_EQ(1, write(self->klab, "x", 1));
		EXPECT_EQ(0, next_signal(&info));
	}
}

static int watch(int fd, __u32 events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -1 : epoll;
}

static __u32 told(int epoll)
{
	struct epoll_event event = { 0 };

	return epoll_wait(epoll, &event, 1, 0) == 1 ? event.events : 0;
}

TEST_F(stream, epoll_level)
{
	int epoll = watch(self->fd, EPOLLIN);

	EXPECT_EQ(0, told(epoll));
	PUT(2);
	EXPECT_EQ(EPOLLIN, told(epoll));
	EXPECT_EQ(EPOLLIN, told(epoll));
	TAKE(2);
	EXPECT_EQ(0, told(epoll));
	close(epoll);
}

TEST_F(stream, epoll_edge)
{
	int in = watch(self->fd, EPOLLIN | EPOLLET), out = watch(self->fd, EPOLLOUT | EPOLLET);

	EXPECT_EQ(0, told(in));
	EXPECT_EQ(EPOLLOUT, told(out));
	EXPECT_EQ(0, told(out));
	PUT(self->capacity);
	EXPECT_EQ(EPOLLIN, told(in));
	EXPECT_EQ(0, told(in));
	EXPECT_EQ(0, told(out));
	TAKE(self->capacity);
	EXPECT_EQ(EPOLLOUT, told(out));
	EXPECT_EQ(0, told(out));
	PUT(1);
	EXPECT_EQ(EPOLLIN, told(in));
	close(in);
	close(out);
}

TEST_F(stream, epoll_oneshot)
{
	struct epoll_event again = { .events = EPOLLIN | EPOLLONESHOT };
	int epoll = watch(self->fd, EPOLLIN | EPOLLONESHOT);

	PUT(1);
	EXPECT_EQ(EPOLLIN, told(epoll));
	PUT(1);
	EXPECT_EQ(0, told(epoll));
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_MOD, self->fd, &again));
	EXPECT_EQ(EPOLLIN, told(epoll));
	EXPECT_EQ(0, told(epoll));
	close(epoll);
}

struct waiter {
	pthread_t thread;
	pid_t tid;
	int epoll, fd, *served;
};

/* Told of something, take a byte: as long as there are any, until the end. */
static void *serve(void *argument)
{
	struct waiter *waiter = argument;
	struct epoll_event event;
	char byte;

	while (epoll_wait(waiter->epoll, &event, 1, -1) == 1 && !(event.events & EPOLLERR)) {
		if (read(waiter->fd, &byte, 1) != 1)
			continue;
		__atomic_add_fetch(waiter->served, 1, __ATOMIC_SEQ_CST);
		if (!byte)
			break;
	}
	return NULL;
}

/*
 * Several wait at one channel, each by an epoll of his own. Not all need hear of each
 * byte; at least one does, so that each byte finds its taker, and so does the last.
 */
TEST_F(stream, epoll_exclusive)
{
	struct waiter waiters[4];
	int served = 0, i;

	for (i = 0; i < 4; i++) {
		waiters[i] = (struct waiter) {
			.epoll = watch(self->fd, EPOLLIN | EPOLLEXCLUSIVE),
			.fd = self->fd, .served = &served,
		};
		ASSERT_LE(0, waiters[i].epoll);
		ASSERT_EQ(0, pthread_create(&waiters[i].thread, NULL, serve, &waiters[i]));
	}
	for (i = 0; i < 200; i++) {
		PUT(1);
		ASSERT_TRUE(eventually(__atomic_load_n(&served, __ATOMIC_SEQ_CST) == i + 1));
	}
	/* A zero for each of them: who has got his goes. */
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(1, write(self->fd, "", 1));
		ASSERT_TRUE(eventually(__atomic_load_n(&served, __ATOMIC_SEQ_CST) == 201 + i));
	}
	for (i = 0; i < 4; i++)
		pthread_join(waiters[i].thread, NULL);
	EXPECT_EQ(0, channel_stat(self->fd).bytes);
}

static void *hear_once(void *argument)
{
	struct waiter *waiter = argument;
	struct epoll_event event;

	__atomic_store_n(&waiter->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	if (epoll_wait(waiter->epoll, &event, 1, -1) == 1)
		__atomic_add_fetch(waiter->served, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool waits(struct waiter *waiter)
{
	pid_t tid = __atomic_load_n(&waiter->tid, __ATOMIC_SEQ_CST);

	return tid && asleep_in(tid, SYS_epoll_wait, waiter->epoll);
}

/* Nobody takes the bytes, so whoever is woken hears of them: one for each, and no more. */
TEST_F(stream, epoll_exclusive_wakes_one)
{
	struct waiter waiters[4];
	int heard = 0, i, j;

	for (i = 0; i < 4; i++) {
		waiters[i] = (struct waiter) {
			.epoll = watch(self->fd, EPOLLIN | EPOLLEXCLUSIVE), .served = &heard,
		};
		ASSERT_EQ(0, pthread_create(&waiters[i].thread, NULL, hear_once, &waiters[i]));
	}
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(eventually(waits(&waiters[i])));
	for (i = 1; i <= 4; i++) {
		int asleep = 0;

		PUT(1);
		ASSERT_TRUE(eventually(__atomic_load_n(&heard, __ATOMIC_SEQ_CST) >= i));
		for (j = 0; j < 4; j++)
			asleep += waits(&waiters[j]);
		EXPECT_EQ(4 - i, asleep);
	}
	for (i = 0; i < 4; i++)
		pthread_join(waiters[i].thread, NULL);
}

TEST_HARNESS_MAIN
