// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways of waiting to be told: by signals, by an eventfd, by what a notifier has.
 * Each has a name, which --by and klab notify take. A child waits in one of them for
 * as many firings as there are, and reports each that it was told of, and when.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define ATTRIBUTE	"/sys/class/misc/klab/notification"
#define WAY_SIGNAL	SIGUSR1

/* Until @fd has @events, at most so long. As poll(2): 1, 0, or -1 with errno. */
typedef int ready_function(int fd, __u32 events, int timeout_ms);

static int ready_by_poll(int fd, __u32 events, int timeout_ms)
{
	struct pollfd ready = { .fd = fd, .events = (short)events };

	return poll(&ready, 1, timeout_ms);
}

static int ready_by_select(int fd, __u32 events, int timeout_ms)
{
	struct timeval limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	fd_set in;

	if (fd >= FD_SETSIZE || events != POLLIN) {
		errno = EINVAL;
		return -1;
	}
	FD_ZERO(&in);
	FD_SET(fd, &in);
	return select(fd + 1, &in, NULL, NULL, timeout_ms < 0 ? NULL : &limit);
}

/* What was ready before it was added is told as well, edge-triggered or not. */
static int ready_by_epoll(int fd, __u32 events, int timeout_ms)
{
	struct epoll_event event = { .events = events | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC), ready, error;

	if (epoll < 0)
		return -1;
	ready = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	if (!ready)
		ready = epoll_wait(epoll, &event, 1, timeout_ms);
	error = errno;
	close(epoll);
	errno = error;
	return ready;
}

/* A read that blocks says itself when it is ready. */
static int ready_by_read(int fd, __u32 events, int timeout_ms)
{
	(void)fd;
	(void)events;
	(void)timeout_ms;
	return 1;
}

static void arrived(struct arrival *arrival, const siginfo_t *info)
{
	arrival->at = now();
	arrival->signal = info->si_signo;
	arrival->code = info->si_code;
	arrival->pid = info->si_pid;
	arrival->uid = info->si_uid;
	arrival->value = (uintptr_t)info->si_value.sival_ptr;
}

/* The next of @set, which is blocked: 0, or -1 with errno. */
typedef int arrival_function(const sigset_t *set, int timeout_ms, struct arrival *arrival);

static int arrival_by_sigwaitinfo(const sigset_t *set, int timeout_ms, struct arrival *arrival)
{
	struct timespec limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	siginfo_t info = { 0 };

	while (sigtimedwait(set, &info, timeout_ms < 0 ? NULL : &limit) < 0)
		if (errno != EINTR)
			return -1;
	arrived(arrival, &info);
	return 0;
}

static int arrival_by_signalfd(const sigset_t *set, int timeout_ms, struct arrival *arrival)
{
	int fd = signalfd(-1, set, SFD_CLOEXEC), ready;
	struct signalfd_siginfo info = { 0 };

	if (fd < 0)
		return -1;
	ready = ready_by_poll(fd, POLLIN, timeout_ms);
	arrival->at = now();
	if (ready == 1 && read(fd, &info, sizeof(info)) != sizeof(info))
		ready = -1;
	if (!ready)
		errno = EAGAIN;
	close(fd);
	arrival->signal = (int)info.ssi_signo;
	arrival->code = info.ssi_code;
	arrival->pid = (pid_t)info.ssi_pid;
	arrival->uid = info.ssi_uid;
	arrival->value = info.ssi_ptr;
	return ready == 1 ? 0 : -1;
}

static struct arrival handled;

static void handler(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	arrived(&handled, info);
}

/* Everything else stays blocked meanwhile: one signal for one call. */
static int arrival_by_handler(const sigset_t *set, int timeout_ms, struct arrival *arrival)
{
	struct timespec limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigset_t others;
	int number;

	sigfillset(&action.sa_mask);
	sigfillset(&others);
	for (number = 1; number < NSIG; number++) {
		if (sigismember(set, number) == 1) {
			sigaction(number, &action, NULL);
			sigdelset(&others, number);
		}
	}
	if (!ppoll(NULL, 0, timeout_ms < 0 ? NULL : &limit, &others)) {
		errno = EAGAIN;
		return -1;
	}
	*arrival = handled;
	return 0;
}

/* Not every way tells all: then the child asks, after it was woken. */
static bool ask(const struct waiter *waiter, struct told *told)
{
	struct klab_notify_query query;

	if (klab_notify_query(waiter->notifier, waiter->handle, &query, NULL, NULL, NULL) < 0)
		return false;
	told->asked = true;
	if (!told->sequence)
		told->sequence = query.fired;
	told->value = query.value;
	told->fired_ns = query.last_ns;
	/* One more came in between, and is what it learned of. */
	if (told->at < told->fired_ns)
		told->at = now();
	return true;
}

static bool wait_call(struct waiter *waiter, struct told *told)
{
	struct klab_notify_wait wait = { .handle = waiter->handle, .sequence = waiter->known };

	if (klab_notify_wait(waiter->notifier, &wait) < 0)
		return false;
	*told = (struct told){ now(), wait.time_ns, wait.sequence, wait.value, false };
	return true;
}

static bool take_record(struct waiter *waiter, struct told *told)
{
	struct klab_record record;

	if (read(waiter->notifier, &record, sizeof(record)) != sizeof(record))
		return false;
	if (!told->at)
		told->at = now();
	told->fired_ns = record.time_ns;
	told->sequence = record.sequence;
	told->value = record.value;
	return true;
}

static bool wait_pri(struct waiter *waiter, struct told *told)
{
	if (ready_by_epoll(waiter->notifier, EPOLLPRI, -1) != 1)
		return false;
	told->at = now();
	return take_record(waiter, told);
}

/* All firings so far, each of which was counted, is the number of the last. */
static bool wait_event(struct waiter *waiter, struct told *told)
{
	__u64 count;

	if (waiter->way->ready(waiter->event, POLLIN, -1) != 1)
		return false;
	if (read(waiter->event, &count, sizeof(count)) != sizeof(count))
		return false;
	told->at = now();
	told->sequence = waiter->known + count;
	return ask(waiter, told);
}

static bool wait_signal(struct waiter *waiter, struct told *told)
{
	struct arrival arrival;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, WAY_SIGNAL);
	if (waiter->way->arrival(&set, -1, &arrival) < 0)
		return false;
	told->at = arrival.at;
	return ask(waiter, told) && told->value == arrival.value;
}

static bool wait_sigio(struct waiter *waiter, struct told *told)
{
	struct arrival arrival;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	if ((!waiter->known && (fcntl(waiter->notifier, F_SETOWN, getpid()) < 0 ||
				fcntl(waiter->notifier, F_SETFL, O_ASYNC) < 0)) ||
	    waiter->way->arrival(&set, -1, &arrival) < 0)
		return false;
	told->at = arrival.at;
	return ask(waiter, told);
}

static bool read_attribute(int fd, struct told *told)
{
	unsigned long long sequence, at, value;
	char text[128];
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

	if (got <= 0)
		return false;
	text[got] = '\0';
	if (sscanf(text, "%llu %llu %llu", &sequence, &at, &value) != 3)
		return false;
	told->fired_ns = at;
	told->sequence = sequence;
	told->value = value;
	return true;
}

/* Each read arms it for the next. */
static bool wait_sysfs(struct waiter *waiter, struct told *told)
{
	if (!waiter->known) {
		waiter->event = open(ATTRIBUTE, O_RDONLY | O_CLOEXEC);
		if (!read_attribute(waiter->event, told))
			return false;
	}
	if (ready_by_poll(waiter->event, POLLPRI, -1) != 1)
		return false;
	told->at = now();
	return read_attribute(waiter->event, told);
}

static bool wait_inotify(struct waiter *waiter, struct told *told)
{
	int file = open(ATTRIBUTE, O_RDONLY | O_CLOEXEC);
	struct inotify_event event;
	bool came;

	if (!waiter->known) {
		waiter->event = inotify_init1(IN_CLOEXEC);
		if (inotify_add_watch(waiter->event, ATTRIBUTE, IN_MODIFY) < 0)
			return false;
	}
	if (read(waiter->event, &event, sizeof(event)) < (ssize_t)sizeof(event) ||
	    event.mask != IN_MODIFY)
		return false;
	told->at = now();
	came = read_attribute(file, told);
	close(file);
	return came;
}

const struct way ways[] = {
	{ "ioctl", "notifier", 0, wait_call, NULL, NULL },
	{ "read", "notifier", KLAB_WAY_RECORD, take_record, NULL, NULL },
	{ "epollpri", "notifier", KLAB_WAY_RECORD, wait_pri, NULL, NULL },
	{ "sigio", "notifier", KLAB_WAY_RECORD, wait_sigio, NULL, arrival_by_handler },
	{ "epoll", "eventfd", KLAB_WAY_EVENTFD, wait_event, ready_by_epoll, NULL },
	{ "poll", "eventfd", KLAB_WAY_EVENTFD, wait_event, ready_by_poll, NULL },
	{ "select", "eventfd", KLAB_WAY_EVENTFD, wait_event, ready_by_select, NULL },
	{ "read", "eventfd", KLAB_WAY_EVENTFD, wait_event, ready_by_read, NULL },
	{ "handler", "signal", KLAB_WAY_SIGNAL, wait_signal, NULL, arrival_by_handler },
	{ "sigwaitinfo", "signal", KLAB_WAY_SIGNAL, wait_signal, NULL, arrival_by_sigwaitinfo },
	{ "signalfd", "signal", KLAB_WAY_SIGNAL, wait_signal, NULL, arrival_by_signalfd },
	{ "sysfs", "sysfs", KLAB_WAY_SYSFS, wait_sysfs, NULL, NULL },
	{ "inotify", "sysfs", KLAB_WAY_SYSFS, wait_inotify, NULL, NULL },
	{ NULL, NULL, 0, NULL, NULL, NULL }
};

/* The one of that name; on @on, unless that is NULL. */
const struct way *way_of(const struct call *call, const char *name, const char *on)
{
	char names[128] = "";
	const struct way *way;
	size_t used = 0;

	for (way = ways; way->name; way++) {
		if (on && strcmp(way->on, on))
			continue;
		if (!strcmp(way->name, name))
			return way;
		used += snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
				 way->name);
	}
	misuse(call, "no way to wait is called '%s': %s", name, names);
}

static void run_waiter(int report, const void *arg)
{
	struct waiter waiter = *(const struct waiter *)arg;

	while (waiter.known < waiter.until) {
		struct told told = { 0 };

		if (!waiter.way->wait(&waiter, &told))
			_exit(1);
		/* Woken once more for what it knows. */
		if (told.sequence <= waiter.known)
			continue;
		waiter.known = told.sequence;
		if (write(report, &told, sizeof(told)) < 0)
			_exit(1);
	}
}

/* A child that waits for firings of @handle up to number @until. @delivery is what it needs. */
void waiter_start(const struct call *call, struct waiter *waiter, struct klab_delivery *delivery)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, WAY_SIGNAL);
	sigaddset(&signals, SIGIO);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	*delivery = (struct klab_delivery){ .way = waiter->way->way };
	waiter->event = -1;
	if (waiter->way->way == KLAB_WAY_EVENTFD) {
		waiter->event = eventfd(0, EFD_CLOEXEC);
		delivery->target = waiter->event;
	}
	if (child_start(&waiter->child, run_waiter, waiter) < 0)
		refuse(call, errno);
	if (waiter->way->way == KLAB_WAY_SIGNAL) {
		delivery->target = waiter->child.pid;
		delivery->signal = WAY_SIGNAL;
		delivery->flags = KLAB_SIGNAL_VALUE;
	}
}

/* What it was told next; false when it ended, or nothing came for so long. */
bool waiter_next(const struct waiter *waiter, int patience_ms, struct told *told)
{
	return ready_by_poll(waiter->child.report, POLLIN, patience_ms) == 1 &&
	       !child_collect(&waiter->child, told, sizeof(*told));
}

void waiter_end(struct waiter *waiter)
{
	child_end(&waiter->child);
	if (waiter->event >= 0)
		close(waiter->event);
}
