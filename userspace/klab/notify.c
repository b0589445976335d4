// SPDX-License-Identifier: GPL-2.0-only
/*
 * klab notify: one firing, and everybody who can wait for it. Each way of waiting has
 * a child of its own, which arms it, is told, and reports what it was told and when.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tool.h"

#define ATTRIBUTE	"/sys/class/misc/klab/notification"
#define COMPARE_SIGNAL	SIGUSR1
#define VALUE		42
#define DELAY_NS	50000000

/* What a child was told. Where the way tells no number, it asked for it afterwards. */
struct told {
	__u64 at;
	__u64 sequence;
	__u64 value;
	bool asked;
};

/* What the children get: the notification is there only after they are. */
struct stage {
	int notifier;
	int event;
	__u32 *handle;
};

static bool ask(const struct stage *stage, struct told *told)
{
	struct klab_notify_query query;

	if (klab_notify_query(stage->notifier, *stage->handle, &query, NULL, NULL, NULL) < 0)
		return false;
	told->asked = true;
	told->sequence = query.fired;
	told->value = query.value;
	return true;
}

static bool wait_call(const struct stage *stage, struct told *told)
{
	struct klab_notify_wait wait = { .handle = *stage->handle };

	if (klab_notify_wait(stage->notifier, &wait) < 0)
		return false;
	told->at = now();
	told->sequence = wait.sequence;
	told->value = wait.value;
	return true;
}

static bool wait_read(const struct stage *stage, struct told *told)
{
	struct klab_record record;

	if (read(stage->notifier, &record, sizeof(record)) != sizeof(record))
		return false;
	told->at = now();
	told->sequence = record.sequence;
	told->value = record.value;
	return true;
}

static bool epoll_for(int fd, __u32 events, struct told *told)
{
	struct epoll_event event = { .events = events | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ||
	    epoll_wait(epoll, &event, 1, -1) != 1)
		return false;
	told->at = now();
	return true;
}

static bool wait_epoll_notifier(const struct stage *stage, struct told *told)
{
	return epoll_for(stage->notifier, EPOLLPRI, told) && ask(stage, told);
}

/* The counter says how often, and that is all. */
static bool take_one(const struct stage *stage)
{
	__u64 count;

	return read(stage->event, &count, sizeof(count)) == sizeof(count) && count == 1;
}

static bool wait_epoll(const struct stage *stage, struct told *told)
{
	return epoll_for(stage->event, EPOLLIN, told) && take_one(stage) && ask(stage, told);
}

static bool wait_poll(const struct stage *stage, struct told *told)
{
	struct pollfd ready = { .fd = stage->event, .events = POLLIN };

	if (poll(&ready, 1, -1) != 1)
		return false;
	told->at = now();
	return take_one(stage) && ask(stage, told);
}

static bool wait_select(const struct stage *stage, struct told *told)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(stage->event, &in);
	if (select(stage->event + 1, &in, NULL, NULL, NULL) != 1)
		return false;
	told->at = now();
	return take_one(stage) && ask(stage, told);
}

static struct told handled;

static void handler(int number, siginfo_t *info, void *context)
{
	handled.at = now();
	if (number == COMPARE_SIGNAL && context)
		handled.value = (uintptr_t)info->si_value.sival_ptr;
}

/* The signal is blocked until here, so it cannot come too early. */
static bool wait_handler(const struct stage *stage, struct told *told)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigset_t none;

	sigemptyset(&none);
	sigaction(COMPARE_SIGNAL, &action, NULL);
	sigsuspend(&none);
	if (!handled.at || !ask(stage, told) || told->value != handled.value)
		return false;
	told->at = handled.at;
	return true;
}

static bool wait_sigio(const struct stage *stage, struct told *told)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigset_t none;

	sigemptyset(&none);
	sigaction(SIGIO, &action, NULL);
	if (fcntl(stage->notifier, F_SETOWN, getpid()) < 0 ||
	    fcntl(stage->notifier, F_SETFL, O_ASYNC) < 0)
		return false;
	sigsuspend(&none);
	told->at = handled.at;
	return handled.at && ask(stage, told);
}

static bool wait_sigwaitinfo(const struct stage *stage, struct told *told)
{
	struct arrival arrival;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, COMPARE_SIGNAL);
	if (arrival_wait(&set, -1, &arrival) < 0)
		return false;
	told->at = arrival.at;
	return ask(stage, told) && told->value == arrival.value;
}

static bool wait_signalfd(const struct stage *stage, struct told *told)
{
	struct signalfd_siginfo info;
	struct pollfd ready = { .events = POLLIN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, COMPARE_SIGNAL);
	ready.fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (ready.fd < 0 || poll(&ready, 1, -1) != 1)
		return false;
	told->at = now();
	return read(ready.fd, &info, sizeof(info)) == sizeof(info) && ask(stage, told) &&
	       told->value == info.ssi_ptr;
}

static bool read_attribute(int fd, struct told *told)
{
	unsigned long long sequence, value;
	char text[128];
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

	if (got <= 0)
		return false;
	text[got] = '\0';
	if (sscanf(text, "%llu %*u %llu", &sequence, &value) != 2)
		return false;
	told->sequence = sequence;
	told->value = value;
	return true;
}

/* A first read is what arms it. */
static bool wait_sysfs(const struct stage *stage, struct told *told)
{
	struct pollfd ready = { .fd = open(ATTRIBUTE, O_RDONLY | O_CLOEXEC), .events = POLLPRI };

	if (!stage->handle || ready.fd < 0 || !read_attribute(ready.fd, told) ||
	    poll(&ready, 1, -1) != 1)
		return false;
	told->at = now();
	return read_attribute(ready.fd, told);
}

static bool wait_inotify(const struct stage *stage, struct told *told)
{
	int file = open(ATTRIBUTE, O_RDONLY | O_CLOEXEC), fd = inotify_init1(IN_CLOEXEC);
	struct inotify_event event;

	if (!stage->handle || file < 0 || fd < 0 ||
	    inotify_add_watch(fd, ATTRIBUTE, IN_MODIFY) < 0 ||
	    read(fd, &event, sizeof(event)) < (ssize_t)sizeof(event) || event.mask != IN_MODIFY)
		return false;
	told->at = now();
	return read_attribute(file, told);
}

static const struct way {
	const char *name;
	bool (*wait)(const struct stage *stage, struct told *told);
	__u32 way;		/* KLAB_WAY_*, or 0 where none is needed */
} ways[] = {
	{ "sleeping ioctl", wait_call, 0 },
	{ "notifier, blocking read", wait_read, KLAB_WAY_RECORD },
	/* A record of its own, for a reader takes the other. */
	{ "notifier, epoll EPOLLPRI", wait_epoll_notifier, KLAB_WAY_RECORD },
	{ "notifier, SIGIO", wait_sigio, 0 },
	{ "eventfd, epoll", wait_epoll, KLAB_WAY_EVENTFD },
	{ "eventfd, poll", wait_poll, KLAB_WAY_EVENTFD },
	{ "eventfd, select", wait_select, KLAB_WAY_EVENTFD },
	{ "signal, handler", wait_handler, KLAB_WAY_SIGNAL },
	{ "signal, sigwaitinfo", wait_sigwaitinfo, KLAB_WAY_SIGNAL },
	{ "signal, signalfd", wait_signalfd, KLAB_WAY_SIGNAL },
	{ "sysfs, POLLPRI", wait_sysfs, KLAB_WAY_SYSFS },
	{ "sysfs, inotify", wait_inotify, 0 },
};

#define WAYS	(sizeof(ways) / sizeof(*ways))

struct waiter {
	const struct way *way;
	struct stage stage;
	struct child child;
	bool came;
	struct told told;
};

static void run_waiter(int report, const void *arg)
{
	const struct waiter *waiter = arg;
	struct told told = { 0 };

	if (!waiter->way->wait(&waiter->stage, &told))
		return;
	if (write(report, &told, sizeof(told)) < 0)
		_exit(1);
}

static void start(const struct call *call, struct waiter *waiter, struct klab_delivery *delivery)
{
	waiter->stage.event = -1;
	if (waiter->way->way == KLAB_WAY_EVENTFD) {
		waiter->stage.event = eventfd(0, EFD_CLOEXEC);
		delivery->target = waiter->stage.event;
	}
	if (child_start(&waiter->child, run_waiter, waiter) < 0)
		refuse(call, errno);
	if (waiter->way->way == KLAB_WAY_SIGNAL) {
		delivery->target = waiter->child.pid;
		delivery->signal = COMPARE_SIGNAL;
		delivery->flags = KLAB_SIGNAL_VALUE;
	}
	delivery->way = waiter->way->way;
}

static void collect(struct waiter *waiter)
{
	struct pollfd report = { .fd = waiter->child.report, .events = POLLIN };

	waiter->came = poll(&report, 1, PATIENCE_MS) == 1 &&
		       !child_collect(&waiter->child, &waiter->told, sizeof(waiter->told));
	child_end(&waiter->child);
	if (waiter->stage.event >= 0)
		close(waiter->stage.event);
}

/* Those that never came last. */
static int by_arrival(const void *a, const void *b)
{
	const struct waiter *x = a, *y = b;

	if (x->came != y->came)
		return y->came - x->came;
	return (x->told.at > y->told.at) - (x->told.at < y->told.at);
}

static bool agrees(const struct waiter *waiter, const struct klab_notify_query *query)
{
	return waiter->came && waiter->told.sequence == query->fired &&
	       waiter->told.value == query->value;
}

static void print_waiter(const struct call *call, const struct waiter *waiter, unsigned int rank,
			 const struct klab_notify_query *query, json_object *list)
{
	const struct told *told = &waiter->told;
	json_object *object = json_object_new_object();

	json_string(object, "way", waiter->way->name);
	json_flag(object, "came", waiter->came);
	if (waiter->came) {
		json_number(object, "sequence", told->sequence);
		json_number(object, "value", told->value);
		json_flag(object, "asked", told->asked);
		json_number(object, "arrived", rank);
		json_number(object, "after_ns", told->at - query->last_ns);
		more(call, "%-26s %8llu %7llu   %-6s %8u   %s%s\n", waiter->way->name,
		     told->sequence, told->value, told->asked ? "asked" : "told", rank,
		     text_time(told->at - query->last_ns).s,
		     agrees(waiter, query) ? "" : "   disagrees");
	} else {
		more(call, "%-26s %8s\n", waiter->way->name, "missing");
	}
	json_object_array_add(list, object);
}

static void report(const struct call *call, struct waiter *waiters,
		   const struct klab_notify_query *query)
{
	json_object *top = json_start(call), *list = json_object_new_array();
	unsigned int i, agree = 0;

	qsort(waiters, WAYS, sizeof(*waiters), by_arrival);
	row(call, KERNEL_SIDE, "fired", "sequence %llu at %s, by a timer due %s earlier",
	    query->fired, text_moment(query->last_ns).s, text_time(query->lateness.max_ns).s);
	more(call, "\n%-26s %8s %7s   %-6s %8s   %s\n", "way of waiting", "sequence", "value",
	     "by it", "arrived", "after");
	for (i = 0; i < WAYS; i++) {
		print_waiter(call, &waiters[i], i + 1, query, list);
		agree += agrees(&waiters[i], query);
	}
	more(call, "%u of %zu ways agree\n", agree, WAYS);
	more(call, "told: by the way itself; asked: of the notification, after waking\n");
	json_number(top, "sequence", query->fired);
	json_number(top, "value", query->value);
	json_number(top, "fired_ns", query->last_ns);
	json_number(top, "late_ns", query->lateness.max_ns);
	json_object_object_add(top, "ways", list);
	json_finish(call, top);
	if (agree != WAYS)
		fail(call, "%zu of %zu ways are missing or disagree", WAYS - agree, WAYS);
}

int notify_compare_run(struct call *call)
{
	struct klab_notify_set set = { .value = VALUE };
	struct klab_delivery deliveries[WAYS] = { 0 };
	struct waiter waiters[WAYS] = { 0 };
	struct klab_notify_query query;
	__u32 *handle, count = 0;
	sigset_t signals;
	int notifier;
	size_t i;

	device_open(call, 0);
	handle = mmap(NULL, sizeof(*handle), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	notifier = klab_notifier_create(call->fd, 0, NULL);
	if (handle == MAP_FAILED || notifier < 0 || klab_notify_set(notifier, &set, NULL, 0) < 0)
		refuse(call, errno);
	*handle = set.handle;
	sigemptyset(&signals);
	sigaddset(&signals, COMPARE_SIGNAL);
	sigaddset(&signals, SIGIO);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	for (i = 0; i < WAYS; i++) {
		waiters[i].way = &ways[i];
		waiters[i].stage.notifier = notifier;
		waiters[i].stage.handle = handle;
		start(call, &waiters[i], &deliveries[count]);
		count += !!ways[i].way;
	}
	for (i = 0; i < WAYS; i++)
		child_settle(&waiters[i].child);

	set.trigger = KLAB_TRIGGER_TIMER;
	set.first_ns = DELAY_NS;
	if (klab_notify_set(notifier, &set, deliveries, count) < 0)
		refuse(call, errno);
	row(call, USER_SIDE, "asked", "one firing with value %d, for %zu who wait", VALUE, WAYS);
	for (i = 0; i < WAYS; i++)
		collect(&waiters[i]);
	if (klab_notify_query(notifier, *handle, &query, NULL, NULL, NULL) < 0)
		refuse(call, errno);
	report(call, waiters, &query);
	return DONE;
}
