// SPDX-License-Identifier: GPL-2.0-only
/* An eventfd that the kernel fires: counted, waited for, overflowing. */
#include <sys/epoll.h>

#include "klab_test.h"

FIXTURE(eventfd)
{
	int klab;
	int fd;
	struct klab_info info;
};

FIXTURE_SETUP(eventfd)
{
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, self->klab);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, klab(self->klab, KLAB_IOC_INFO, &self->info));
	if (!(self->info.features & KLAB_FEATURE_EVENTFD))
		SKIP(return, "this kernel has no eventfds");
}

FIXTURE_TEARDOWN(eventfd)
{
	close(self->fd);
	close(self->klab);
}

static int fire(int klab_fd, int fd, __u32 count)
{
	struct klab_eventfd_fire fire = { .fd = fd, .count = count };

	return klab(klab_fd, KLAB_IOC_EVENTFD_FIRE, &fire);
}

static long long counter(int fd)
{
	return fdinfo_value(fd, "eventfd-count", 16);
}

TEST_F(eventfd, adds_to_the_counter)
{
	eventfd_t value;

	EXPECT_EQ(0, fire(self->klab, self->fd, 1));
	EXPECT_EQ(1, counter(self->fd));
	EXPECT_EQ(0, fire(self->klab, self->fd, 41));
	ASSERT_EQ(0, eventfd_read(self->fd, &value));
	EXPECT_EQ(42, value);
	EXPECT_EQ(-1, eventfd_read(self->fd, &value));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(eventfd, adds_to_what_is_there)
{
	eventfd_t value;
	int fd = eventfd(1000, EFD_CLOEXEC);

	EXPECT_EQ(0, fire(self->klab, fd, 5));
	ASSERT_EQ(0, eventfd_read(fd, &value));
	EXPECT_EQ(1005, value);
	close(fd);
}

/* As a semaphore it gives one at a time. */
TEST_F(eventfd, semaphore)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE), i;
	eventfd_t value;

	EXPECT_EQ(0, fire(self->klab, fd, 3));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, eventfd_read(fd, &value));
		EXPECT_EQ(1, value);
	}
	EXPECT_EQ(-1, eventfd_read(fd, &value));
	EXPECT_EQ(EAGAIN, errno);
	close(fd);
}

TEST_F(eventfd, as_often_as_allowed)
{
	EXPECT_EQ(0, fire(self->klab, self->fd, self->info.fire_max));
	EXPECT_EQ(self->info.fire_max, counter(self->fd));
}

TEST_F(eventfd, times_are_in_order)
{
	struct klab_eventfd_fire one = { .fd = self->fd, .count = 1 };
	struct klab_eventfd_fire many = { .fd = self->fd, .count = 1000 };
	__u64 before = now_ns(), after;

	ASSERT_EQ(0, klab(self->klab, KLAB_IOC_EVENTFD_FIRE, &one));
	ASSERT_EQ(0, klab(self->klab, KLAB_IOC_EVENTFD_FIRE, &many));
	after = now_ns();
	EXPECT_LE(before, one.first_ns);
	EXPECT_LE(one.first_ns, one.last_ns);
	EXPECT_LE(one.last_ns, many.first_ns);
	EXPECT_LT(many.first_ns, many.last_ns);
	EXPECT_LE(many.last_ns, after);
}

/* What was asked is left as it was, so that the struct can be used again. */
TEST_F(eventfd, question_is_kept)
{
	struct klab_eventfd_fire fire = { .fd = self->fd, .count = 7 };

	ASSERT_EQ(0, klab(self->klab, KLAB_IOC_EVENTFD_FIRE, &fire));
	ASSERT_EQ(0, klab(self->klab, KLAB_IOC_EVENTFD_FIRE, &fire));
	EXPECT_EQ(self->fd, fire.fd);
	EXPECT_EQ(7, fire.count);
	EXPECT_EQ(14, counter(self->fd));
}

/* The most that a counter holds is 2^64 - 2 by write(2); 2^64 - 1 says it has overflowed. */
TEST_F(eventfd, full_counter)
{
	eventfd_t value;

	/* Were it to wait for room, as write(2) does here, the harness would end it. */
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, eventfd_write(self->fd, 0xfffffffffffffffe));
	EXPECT_EQ(0, fire(self->klab, self->fd, 1));
	EXPECT_EQ(0, fire(self->klab, self->fd, 100));
	ASSERT_EQ(0, eventfd_read(self->fd, &value));
	EXPECT_EQ(0xffffffffffffffff, value);

	/* Read empty, it counts again. */
	EXPECT_EQ(0, fire(self->klab, self->fd, 2));
	EXPECT_EQ(2, counter(self->fd));
}

TEST_F(eventfd, wakes_a_reader)
{
	eventfd_t value = 0;
	struct call call = { .data = &value, .size = sizeof(value) };

	call.fd = eventfd(0, EFD_CLOEXEC);
	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	EXPECT_EQ(0, fire(self->klab, call.fd, 1));
	EXPECT_EQ(sizeof(value), call_end(&call));
	EXPECT_EQ(1, value);
	close(call.fd);
}

TEST_F(eventfd, wakes_an_epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 4711 };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	pid_t child;

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	ASSERT_EQ(0, epoll_wait(epoll, &event, 1, 0));

	child = fork();
	if (!child) {
		event = (struct epoll_event) { 0 };
		_exit(epoll_wait(epoll, &event, 1, -1) != 1 || event.events != EPOLLIN ||
		      event.data.u32 != 4711);
	}
	ASSERT_TRUE(eventually(asleep_in(child, SYS_epoll_wait, epoll)));
	EXPECT_EQ(0, fire(self->klab, self->fd, 1));
	EXPECT_EQ(0, child_status(child));
	close(epoll);
}

/*
 * It is fired, not kept. The kernel numbers all eventfds, each with the lowest
 * number that is free: were a reference left over, the numbers would go up.
 */
TEST_F(eventfd, closed_afterwards)
{
	long long first = -1, last = -1;
	int pipes[2], i;

	for (i = 0; i < 100; i++) {
		int fd = eventfd(0, EFD_CLOEXEC);

		ASSERT_LE(0, fd);
		last = fdinfo_value(fd, "eventfd-id", 10);
		first = first < 0 ? last : first;
		EXPECT_EQ(0, fire(self->klab, fd, 3));
		EXPECT_EQ(3, counter(fd));
		close(fd);
		EXPECT_EQ(EBADF, fire(self->klab, fd, 1));
		/* The descriptor's number may be something else by now. */
		ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
		ASSERT_EQ(fd, pipes[0]);
		EXPECT_EQ(EINVAL, fire(self->klab, fd, 1));
		close(pipes[0]);
		close(pipes[1]);
	}
	ASSERT_LE(0, first);
	/* Others may have some: far fewer than there were rounds. */
	EXPECT_GT(first + 50, last);
}

TEST_HARNESS_MAIN
