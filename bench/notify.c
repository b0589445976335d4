// SPDX-License-Identifier: GPL-2.0-only
/* The empty call, and ways to tell a task that something happened. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "libklab.h"

/* A call and what it works on. */
struct call {
	int fd, event, notifier;
	__u32 handle;
	pid_t self;
	char byte;
};

static void *call_open(int fd)
{
	struct call *call = pages(sizeof(*call));

	if (fd < 0)
		fail(errno, "open");
	call->fd = fd;
	call->event = -1;
	call->notifier = -1;
	call->self = getpid();	/* of the process and of its one thread */
	return call;
}

static void *open_klab(size_t bytes)
{
	return call_open(device());
}

static void *open_null(size_t bytes)
{
	return call_open(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static void *open_zero(size_t bytes)
{
	return call_open(open("/dev/zero", O_RDWR | O_CLOEXEC));
}

static void call_close(void *state)
{
	struct call *call = state;

	close(call->fd);
	if (call->event >= 0)
		close(call->event);
	if (call->notifier >= 0)
		close(call->notifier);
	free(call);
}

static void klab_ioctl_run(void *state, unsigned long times)
{
	struct call *call = state;
	struct klab_info info;

	while (times--) {
		info.version = 0;
		if (ioctl(call->fd, KLAB_IOC_INFO, &info) || info.version != KLAB_VERSION)
			fail(errno, "KLAB_IOC_INFO");
	}
}

/* A number that neither the device nor /dev/null has. */
static void refused_run(void *state, unsigned long times)
{
	struct call *call = state;

	while (times--) {
		if (ioctl(call->fd, _IO(KLAB_IOC_MAGIC, 0xff), 0) != -1 || errno != ENOTTY)
			fail(errno, "ioctl: not ENOTTY");
	}
}

void getppid_run(void *state, unsigned long times)
{
	while (times--) {
		if (syscall(SYS_getppid) < 0)
			fail(errno, "getppid");
	}
}

static void write_run(void *state, unsigned long times)
{
	struct call *call = state;

	while (times--) {
		if (write(call->fd, &call->byte, 1) != 1)
			fail(errno, "write");
	}
}

static void read_run(void *state, unsigned long times)
{
	struct call *call = state;

	while (times--) {
		if (read(call->fd, &call->byte, 1) != 1)
			fail(errno, "read");
	}
}

const struct side klab_ioctl = {
	"KLAB_IOC_INFO", open_klab, klab_ioctl_run, NULL, call_close
};

const struct side klab_ioctl_refused = {
	"klab, refused", open_klab, refused_run, NULL, call_close
};

const struct side null_ioctl = {
	"/dev/null, refused", open_null, refused_run, NULL, call_close
};

const struct side getppid_call = {
	"getppid", open_null, getppid_run, NULL, call_close
};

const struct side null_write = {
	"/dev/null", open_null, write_run, NULL, call_close
};

const struct side zero_read = {
	"/dev/zero", open_zero, read_run, NULL, call_close
};

/* A notification that is fired by hand, with one way. */
static void *prepare(struct call *call, const struct klab_delivery *way)
{
	struct klab_notify_set set = { 0 };

	call->notifier = klab_notifier_create(call->fd, 0, NULL);
	if (call->notifier < 0 || klab_notify_set(call->notifier, &set, way, 1))
		fail(errno, "KLAB_IOC_NOTIFY_SET");
	call->handle = set.handle;
	return call;
}

static void *open_event(size_t bytes)
{
	struct call *call = call_open(device());

	call->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (call->event < 0)
		fail(errno, "eventfd");
	return call;
}

static void fire(struct call *call, __u32 count)
{
	struct klab_eventfd_fire fire = { .fd = call->event, .count = count };

	if (klab_eventfd_fire(call->fd, &fire))
		fail(errno, "KLAB_IOC_EVENTFD_FIRE");
}

static void fire_run(void *state, unsigned long times)
{
	while (times--)
		fire(state, 1);
}

static void fire_batch_run(void *state, unsigned long times)
{
	while (times--)
		fire(state, BATCH);
}

static void add_run(void *state, unsigned long times)
{
	struct call *call = state;
	__u64 one = 1;

	while (times--) {
		if (write(call->event, &one, sizeof(one)) != sizeof(one))
			fail(errno, "write to an eventfd");
	}
}

static void add_batch_run(void *state, unsigned long times)
{
	add_run(state, times * BATCH);
}

static void event_check(void *state, unsigned long times)
{
	struct call *call = state;
	__u64 arrived = 0;

	if (read(call->event, &arrived, sizeof(arrived)) != sizeof(arrived) || arrived != times)
		fail(0, "%llu firings arrived of %lu", (unsigned long long)arrived, times);
}

static void event_batch_check(void *state, unsigned long times)
{
	event_check(state, times * BATCH);
}

/* The same, prepared: a notification that rings the eventfd. */
static void *open_notification(size_t bytes)
{
	struct call *call = open_event(bytes);
	struct klab_delivery way = { .way = KLAB_WAY_EVENTFD, .target = call->event };

	return prepare(call, &way);
}

static void ring_run(void *state, unsigned long times)
{
	struct call *call = state;

	while (times--) {
		if (klab_notify_ring(call->notifier, call->handle))
			fail(errno, "write to a notifier");
	}
}

static void ring_batch_run(void *state, unsigned long times)
{
	struct call *call = state;
	struct klab_notify_fire ask;

	while (times--) {
		ask = (struct klab_notify_fire){ .handle = call->handle, .count = BATCH };
		if (klab_notify_fire(call->notifier, &ask) || ask.count != BATCH)
			fail(errno, "KLAB_IOC_NOTIFY_FIRE");
	}
}

const struct side notify_eventfd = {
	"klab", open_notification, ring_run, event_check, call_close
};

const struct side notify_eventfd_batch = {
	"klab", open_notification, ring_batch_run, event_batch_check, call_close
};

const struct side klab_eventfd = {
	"klab", open_event, fire_run, event_check, call_close
};

const struct side write_eventfd = {
	"write", open_event, add_run, event_check, call_close
};

const struct side klab_eventfd_batch = {
	"klab, one call", open_event, fire_batch_run, event_batch_check, call_close
};

const struct side write_eventfd_batch = {
	"64 writes", open_event, add_batch_run, event_batch_check, call_close
};

/*
 * Only sending is measured: the signal is blocked and stays queued, and the
 * check takes what there is. A real-time signal, of which none is merged.
 */
static void *open_signal(size_t bytes)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return open_klab(bytes);
}

/* One value for all: it is the notification's. */
static void *open_signalled(size_t bytes)
{
	struct klab_delivery way = {
		.way = KLAB_WAY_SIGNAL, .signal = SIGRTMIN, .flags = KLAB_SIGNAL_VALUE,
	};

	return prepare(open_signal(bytes), &way);
}

static void klab_signal_run(void *state, unsigned long times)
{
	struct call *call = state;
	struct klab_signal_send send = {
		.pid = call->self,
		.signal = SIGRTMIN,
		.flags = KLAB_SIGNAL_VALUE,
	};

	while (times--) {
		send.value = times;
		if (klab_signal_send(call->fd, &send))
			fail(errno, "KLAB_IOC_SIGNAL_SEND");
	}
}

static void queue_signal_run(void *state, unsigned long times)
{
	siginfo_t info = { .si_signo = SIGRTMIN, .si_code = SI_QUEUE };
	struct call *call = state;

	info.si_pid = call->self;
	while (times--) {
		info.si_value.sival_ptr = (void *)times;
		if (syscall(SYS_rt_tgsigqueueinfo, call->self, call->self, SIGRTMIN, &info))
			fail(errno, "rt_tgsigqueueinfo");
	}
}

/* All of them, each with its value: how many were left to send, or 0. */
static void take_signals(const struct call *call, unsigned long times, bool numbered)
{
	struct timespec now = { 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	while (times--) {
		if (sigtimedwait(&set, &info, &now) < 0)
			fail(errno, "a signal did not arrive");
		if (info.si_code != SI_QUEUE || info.si_pid != call->self ||
		    info.si_value.sival_ptr != (void *)(numbered ? times : 0))
			fail(0, "a signal arrived with a wrong value or sender");
	}
}

static void numbers_check(void *state, unsigned long times)
{
	take_signals(state, times, true);
}

static void zeroes_check(void *state, unsigned long times)
{
	take_signals(state, times, false);
}

const struct side klab_signal = {
	"klab", open_signal, klab_signal_run, numbers_check, call_close
};

const struct side queue_signal = {
	"rt_tgsigqueueinfo", open_signal, queue_signal_run, numbers_check, call_close
};

const struct side notify_signal = {
	"klab", open_signalled, ring_run, zeroes_check, call_close
};

/*
 * How late a timer is, told to one who sleeps in read(2): from when it was due until
 * it is known here.
 */
#define AHEAD_NS	100000

static __u64 monotonic(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void *open_timer(size_t bytes)
{
	struct klab_delivery way = { .way = KLAB_WAY_RECORD };

	return prepare(open_klab(bytes), &way);
}

static void notify_timer_run(void *state, unsigned long times)
{
	struct klab_delivery way = { .way = KLAB_WAY_RECORD };
	struct klab_notify_set set = {
		.trigger = KLAB_TRIGGER_TIMER, .flags = KLAB_NOTIFY_ABSOLUTE,
	};
	struct call *call = state;
	struct klab_record record;

	set.handle = call->handle;
	while (times--) {
		set.first_ns = monotonic() + AHEAD_NS;
		if (klab_notify_set(call->notifier, &set, &way, 1) ||
		    read(call->notifier, &record, sizeof(record)) != sizeof(record))
			fail(errno, "a notification by a timer");
		run_cost += monotonic() - set.first_ns;
		if (record.due_ns != set.first_ns || record.missed)
			fail(0, "another firing than the one that was due");
	}
}

static void *open_timerfd(size_t bytes)
{
	return call_open(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
}

static void timerfd_timer_run(void *state, unsigned long times)
{
	struct itimerspec when = { 0 };
	struct call *call = state;
	__u64 due, count;

	while (times--) {
		due = monotonic() + AHEAD_NS;
		when.it_value = (struct timespec){ due / 1000000000, due % 1000000000 };
		if (timerfd_settime(call->fd, TFD_TIMER_ABSTIME, &when, NULL) ||
		    read(call->fd, &count, sizeof(count)) != sizeof(count))
			fail(errno, "timerfd");
		run_cost += monotonic() - due;
		if (count != 1)
			fail(0, "a timerfd that expired %llu times", (unsigned long long)count);
	}
}

const struct side notify_timer = {
	"klab", open_timer, notify_timer_run, NULL, call_close
};

const struct side timerfd_timer = {
	"timerfd", open_timerfd, timerfd_timer_run, NULL, call_close
};
