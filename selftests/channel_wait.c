// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting at the byte channel: in read and write, interrupted and restarted, and
 * in poll, select and epoll. A test knows that a call waits because the kernel
 * says so (/proc/TID/syscall), not because some time went by.
 */
#include <sys/epoll.h>
#include <sys/select.h>

#include "klab_test.h"

FIXTURE(channel_wait)
{
	int fd;			/* blocking */
	int nonblock;
	size_t capacity;
	size_t atomic;
	unsigned char *bytes;	/* of the capacity */
	struct call call;
};

FIXTURE_SETUP(channel_wait)
{
	struct klab_info info;

	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->nonblock = open(KLAB_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->nonblock);
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_INFO, &info));
	self->capacity = info.channel_capacity;
	self->atomic = info.channel_atomic;
	self->bytes = calloc(1, self->capacity);
	self->call = (struct call) { .fd = self->fd, .data = self->bytes, .size = 100 };
	ASSERT_LE(0, channel_drain());
}

FIXTURE_TEARDOWN(channel_wait)
{
	channel_drain();
	close(self->fd);
	close(self->nonblock);
}

#define PUT(size) ASSERT_EQ(size, write(self->nonblock, self->bytes, size))
#define TAKE(size) ASSERT_EQ(size, read(self->nonblock, self->bytes, size))

TEST_F(channel_wait, read_waits_for_a_write)
{
	ASSERT_TRUE(call_start(&self->call));
	ASSERT_TRUE(eventually(call_asleep(&self->call)));
	ASSERT_EQ(5, write(self->nonblock, "hello", 5));
	EXPECT_EQ(5, call_end(&self->call));
	EXPECT_EQ(0, memcmp(self->bytes, "hello", 5));
}

TEST_F(channel_wait, write_waits_for_a_read)
{
	PUT(self->capacity);
	self->call.writes = true;
	ASSERT_TRUE(call_start(&self->call));
	ASSERT_TRUE(eventually(call_asleep(&self->call)));
	EXPECT_EQ(self->capacity, channel_bytes(self->fd));
	TAKE(100);
	EXPECT_EQ(100, call_end(&self->call));
	EXPECT_EQ(self->capacity, channel_bytes(self->fd));
}

/* Room for a part of it is no reason to go: an atomic write waits for all of its room. */
TEST_F(channel_wait, atomic_write_waits_for_all_its_room)
{
	PUT(self->capacity);
	self->call.writes = true;
	self->call.size = self->atomic;
	ASSERT_TRUE(call_start(&self->call));
	ASSERT_TRUE(eventually(call_asleep(&self->call)));
	TAKE(self->atomic - 1);
	ASSERT_TRUE(eventually(call_asleep(&self->call)));
	EXPECT_EQ(self->capacity - self->atomic + 1, channel_bytes(self->fd));
	TAKE(1);
	EXPECT_EQ(self->atomic, call_end(&self->call));
	EXPECT_EQ(self->capacity, channel_bytes(self->fd));
}

#define SLEEPERS	8

/* Many who do the same, all of them asleep in it, or all of them done. */
#define ALL_ASLEEP(calls) do {						\
	size_t _i;							\
									\
	for (_i = 0; _i < SLEEPERS; _i++)				\
		ASSERT_TRUE(call_start(&(calls)[_i]));			\
	for (_i = 0; _i < SLEEPERS; _i++)				\
		ASSERT_TRUE(eventually(call_asleep(&(calls)[_i])));	\
} while (0)

#define ALL_DONE(calls) do {						\
	size_t _i;							\
									\
	for (_i = 0; _i < SLEEPERS; _i++)				\
		EXPECT_EQ((calls)[_i].size, call_end(&(calls)[_i]));	\
} while (0)

/* One byte each, in as many writes or in one: nobody is forgotten. */
TEST_F(channel_wait, every_reader_is_woken)
{
	struct call calls[SLEEPERS];
	unsigned char byte[SLEEPERS];
	size_t i;

	for (i = 0; i < SLEEPERS; i++)
		calls[i] = (struct call) { .fd = self->fd, .data = &byte[i], .size = 1 };
	ALL_ASLEEP(calls);
	for (i = 0; i < SLEEPERS; i++)
		PUT(1);
	ALL_DONE(calls);
	EXPECT_EQ(0, channel_bytes(self->fd));

	ALL_ASLEEP(calls);
	PUT(SLEEPERS);
	ALL_DONE(calls);
	EXPECT_EQ(0, channel_bytes(self->fd));
}

/* One read makes room for all of them, be it scarce or plenty. */
TEST_F(channel_wait, every_writer_is_woken)
{
	struct call calls[SLEEPERS];
	size_t i;

	for (i = 0; i < SLEEPERS; i++)
		calls[i] = (struct call) {
			.fd = self->fd, .data = self->bytes, .size = 1, .writes = true,
		};
	PUT(self->capacity);
	ALL_ASLEEP(calls);
	TAKE(100);
	ALL_DONE(calls);

	ASSERT_LE(SLEEPERS * self->atomic, self->capacity);
	PUT(100 - SLEEPERS);
	for (i = 0; i < SLEEPERS; i++)
		calls[i].size = self->atomic;
	ALL_ASLEEP(calls);
	TAKE(self->capacity);
	ALL_DONE(calls);
}

static int handled;

static void handler(int number)
{
	__atomic_add_fetch(&handled, number == SIGUSR1, __ATOMIC_SEQ_CST);
}

static int times_handled(void)
{
	return __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
}

static void handle(int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(SIGUSR1, &action, NULL);
}

TEST_F(channel_wait, signal_interrupts)
{
	handle(0);
	ASSERT_TRUE(call_start(&self->call));
	ASSERT_TRUE(eventually(call_asleep(&self->call)));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(-1, call_end(&self->call));
	EXPECT_EQ(EINTR, self->call.error);

	PUT(self->capacity);
	self->call.writes = true;
	ASSERT_TRUE(call_start(&self->call));
	ASSERT_TRUE(eventually(call_asleep(&self->call)));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(-1, call_end(&self->call));
	EXPECT_EQ(EINTR, self->call.error);
	EXPECT_EQ(2, times_handled());
	EXPECT_EQ(self->capacity, channel_bytes(self->fd));
}

/* With SA_RESTART the handler runs, and then the call waits on as if nothing had been. */
TEST_F(channel_wait, signal_restarts)
{
	handle(SA_RESTART);
	ASSERT_TRUE(call_start(&self->call));
	ASSERT_TRUE(eventually(call_asleep(&self->call)));
	pthread_kill(self->call.thread, SIGUSR1);
	ASSERT_TRUE(eventually(times_handled() == 1 && call_asleep(&self->call)));
	PUT(7);
	EXPECT_EQ(7, call_end(&self->call));

	PUT(self->capacity);
	self->call.writes = true;
	ASSERT_TRUE(call_start(&self->call));
	ASSERT_TRUE(eventually(call_asleep(&self->call)));
	pthread_kill(self->call.thread, SIGUSR1);
	ASSERT_TRUE(eventually(times_handled() == 2 && call_asleep(&self->call)));
	TAKE(100);
	EXPECT_EQ(100, call_end(&self->call));
}

/* What has gone in cannot be taken back: then the count is the answer, not EINTR. */
TEST_F(channel_wait, signal_in_a_long_write)
{
	handle(0);
	self->call.writes = true;
	self->call.size = self->capacity + self->atomic;
	self->call.data = calloc(1, self->call.size);
	ASSERT_TRUE(call_start(&self->call));
	ASSERT_TRUE(eventually(call_asleep(&self->call)));
	EXPECT_EQ(self->capacity, channel_bytes(self->fd));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(self->capacity, call_end(&self->call));
	EXPECT_EQ(self->capacity, channel_bytes(self->fd));
}

static short ready(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN | POLLOUT };

	poll(&poller, 1, 0);
	return poller.revents;
}

/* Readable: a read gives a byte. Writable: a write of channel_atomic bytes goes in. */
TEST_F(channel_wait, poll_tells_what_would_not_wait)
{
	EXPECT_EQ(POLLOUT, ready(self->fd));
	PUT(1);
	EXPECT_EQ(POLLIN | POLLOUT, ready(self->fd));
	PUT(self->capacity - self->atomic - 1);
	EXPECT_EQ(POLLIN | POLLOUT, ready(self->fd));
	PUT(1);
	EXPECT_EQ(POLLIN, ready(self->fd));
	PUT(self->atomic - 1);
	EXPECT_EQ(POLLIN, ready(self->fd));
	TAKE(self->atomic - 1);
	EXPECT_EQ(POLLIN, ready(self->fd));
	TAKE(1);
	EXPECT_EQ(POLLIN | POLLOUT, ready(self->fd));
	PUT(self->atomic);
	EXPECT_EQ(POLLIN, ready(self->fd));
	TAKE(self->capacity);
	EXPECT_EQ(POLLOUT, ready(self->fd));
}

TEST_F(channel_wait, select_tells_the_same)
{
	struct timeval now = { 0 };
	fd_set in, out;
	int full;

	for (full = 0; full < 2; full++) {
		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_SET(self->fd, &in);
		FD_SET(self->fd, &out);
		EXPECT_EQ(1, select(self->fd + 1, &in, &out, NULL, &now));
		EXPECT_EQ(full, !!FD_ISSET(self->fd, &in));
		EXPECT_EQ(!full, !!FD_ISSET(self->fd, &out));
		if (!full)
			PUT(self->capacity);
	}
}

struct poller {
	pthread_t thread;
	pid_t tid;
	struct pollfd poll;
};

static void *poll_run(void *argument)
{
	struct poller *poller = argument;

	__atomic_store_n(&poller->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	poll(&poller->poll, 1, -1);
	return NULL;
}

/* poll()'s first argument is an address, of which asleep_in() compares the low half. */
#define POLLER_ASLEEP(poller) ({					\
	pid_t _tid = __atomic_load_n(&(poller)->tid, __ATOMIC_ACQUIRE);	\
									\
	_tid && asleep_in(_tid, SYS_poll, (int)(uintptr_t)&(poller)->poll); \
})

TEST_F(channel_wait, poll_wakes)
{
	struct poller reader = { .poll = { .fd = self->fd, .events = POLLIN } };
	struct poller writer = { .poll = { .fd = self->fd, .events = POLLOUT } };

	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, poll_run, &reader));
	ASSERT_TRUE(eventually(POLLER_ASLEEP(&reader)));
	PUT(1);
	pthread_join(reader.thread, NULL);
	EXPECT_EQ(POLLIN, reader.poll.revents);

	PUT(self->capacity - 1);
	ASSERT_EQ(0, pthread_create(&writer.thread, NULL, poll_run, &writer));
	ASSERT_TRUE(eventually(POLLER_ASLEEP(&writer)));
	TAKE(self->atomic - 1);
	ASSERT_TRUE(eventually(POLLER_ASLEEP(&writer)));
	TAKE(1);
	pthread_join(writer.thread, NULL);
	EXPECT_EQ(POLLOUT, writer.poll.revents);
}

static int epoll_watch(int fd, __u32 events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -1 : epoll;
}

static __u32 epoll_now(int epoll)
{
	struct epoll_event event = { 0 };

	return epoll_wait(epoll, &event, 1, 0) == 1 ? event.events : 0;
}

/* Level-triggered: it is told for as long as it is so. */
TEST_F(channel_wait, epoll_level)
{
	int epoll = epoll_watch(self->fd, EPOLLIN);

	ASSERT_LE(0, epoll);
	EXPECT_EQ(0, epoll_now(epoll));
	PUT(2);
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	TAKE(1);
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	TAKE(1);
	EXPECT_EQ(0, epoll_now(epoll));
}

/*
 * Edge-triggered: it is told once, and again after something new has come. Who
 * reads or writes until EAGAIN and then waits misses nothing.
 */
TEST_F(channel_wait, epoll_edge)
{
	int in = epoll_watch(self->fd, EPOLLIN | EPOLLET);
	int out = epoll_watch(self->fd, EPOLLOUT | EPOLLET);

	ASSERT_LE(0, in);
	ASSERT_LE(0, out);
	EXPECT_EQ(EPOLLOUT, epoll_now(out));
	EXPECT_EQ(0, epoll_now(out));
	EXPECT_EQ(0, epoll_now(in));

	PUT(1);
	EXPECT_EQ(EPOLLIN, epoll_now(in));
	EXPECT_EQ(0, epoll_now(in));
	PUT(self->capacity - 1);
	EXPECT_EQ(-1, write(self->nonblock, self->bytes, 1));
	epoll_now(out);
	EXPECT_EQ(0, epoll_now(out));
	TAKE(self->capacity);
	EXPECT_EQ(EPOLLOUT, epoll_now(out));
	EXPECT_EQ(0, epoll_now(out));

	EXPECT_EQ(-1, read(self->nonblock, self->bytes, 1));
	epoll_now(in);
	EXPECT_EQ(0, epoll_now(in));
	PUT(1);
	EXPECT_EQ(EPOLLIN, epoll_now(in));
}

TEST_HARNESS_MAIN
