// SPDX-License-Identifier: GPL-2.0-only
/*
 * An eventfd is a counter with a descriptor. The kernel adds to it, a read takes all of
 * it, and in between every way of waiting for a descriptor says that there is something.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <unistd.h>

#include "lesson.h"

static void fire(int klab, int fd, unsigned int count)
{
	struct klab_eventfd_fire ask = { .fd = fd, .count = count };

	must(klab_eventfd_fire(klab, &ask), "to have an eventfd fired");
}

/* What a read takes; 0 when there was nothing. */
static __u64 take(int fd)
{
	__u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static int new_eventfd(int flags)
{
	return must(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | flags), "eventfd");
}

static int watch(int fd, unsigned int how)
{
	struct epoll_event event = { .events = EPOLLIN | how };
	int set = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");

	must(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
	return set;
}

/* What each way says at this moment, without waiting. */
static bool epoll_says(int set)
{
	struct epoll_event event;

	return epoll_wait(set, &event, 1, 0) == 1;
}

static int poll_says(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	must(poll(&ready, 1, 0), "poll");
	return ready.revents;
}

static bool select_says(int fd)
{
	struct timeval at_once = { 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return must(select(fd + 1, &set, NULL, NULL, &at_once), "select") == 1;
}

static void ask_all(const char *when, int fd, int level, int edge, bool answer[4])
{
	answer[0] = poll_says(fd) & POLLIN;
	answer[1] = select_says(fd);
	answer[2] = epoll_says(level);
	answer[3] = epoll_says(edge);
	show("", "%-22s %-7s%-9s%-9s%s", when, answer[0] ? "yes" : "no", answer[1] ? "yes" : "no",
	     answer[2] ? "yes" : "no", answer[3] ? "yes" : "no");
}

static bool all_are(const bool answer[4], bool level, bool edge)
{
	return answer[0] == level && answer[1] == level && answer[2] == level &&
	       answer[3] == edge;
}

static void teach(int klab)
{
	int fd = new_eventfd(0), level = watch(fd, 0), edge = watch(fd, EPOLLET), single;
	__u64 count, most = ~0ULL - 1;
	bool answer[4];
	int i, reads = 0;

	say("One counter, four ways to wait for it. Is there something to read?");
	show("", "%-22s %-7s%-9s%-9s%s", "", "poll", "select", "epoll", "epoll, edge");
	ask_all("new", fd, level, edge, answer);
	claim(all_are(answer, false, false), "all agree that there is nothing");
	if (doing("have the kernel fire it 5 times"))
		fire(klab, fd, 5);
	ask_all("fired", fd, level, edge, answer);
	claim(all_are(answer, true, true), "all agree that there is something");
	ask_all("asked again", fd, level, edge, answer);
	claim(all_are(answer, true, false),
	      "a level says what is; an edge told it once, and waits for the next firing");
	if (doing("have it fired once more"))
		fire(klab, fd, 1);
	ask_all("fired once more", fd, level, edge, answer);
	claim(all_are(answer, true, true), "there it is, though nobody has read meanwhile");

	count = take(fd);
	user("counted", count, "one read gave %llu", count);
	claim(count == 6 && !take(fd), "a read takes it all: 6 firings, 1 read, then EAGAIN");

	say("With EFD_SEMAPHORE a read takes one.");
	single = new_eventfd(EFD_SEMAPHORE);
	if (doing("have that kind fired 3 times, and read until it is empty"))
		fire(klab, single, 3);
	while (take(single) == 1)
		reads++;
	user("reads", reads, "%d reads of 1 each", reads);
	claim(reads == 3, "as many reads as firings: each wakes one who takes one");

	say("What if nobody reads? Even 64 bits end.");
	if (doing("write %llu, the most that write(2) can do", most))
		must(write(fd, &most, sizeof(most)), "write");
	count = 1;
	i = write(fd, &count, sizeof(count));
	claim(i < 0 && errno == EAGAIN, "a program that writes 1 more has to wait: EAGAIN");
	if (doing("have the kernel fire it once, and once more"))
		fire(klab, fd, 2);
	claim(poll_says(fd) & POLLERR,
	      "the kernel cannot wait: it goes one further, and poll says POLLERR, overflow");
	count = take(fd);
	user("overflow", count, "the read gives %llu, which no write could have made", count);
	claim(count == (~0ULL), "the last firing is lost, and that is how one knows");

	seen("An eventfd counts, so firings merge but none is lost, up to 2^64-2. With an\n"
	     "edge one is told of the firing, with a level of what is there: after an edge,\n"
	     "read it all.\n");
	now_try("  klab eventfd fire --count 5\n"
		"  klab notify compare            what each way of waiting costs, beside others\n");
}

const struct lesson lesson_eventfd = {
	"eventfd", "a counter to wait for: level, edge, semaphore, overflow", teach,
};
