// SPDX-License-Identifier: GPL-2.0-only
/* The empty call, and ways to tell a task that something happened. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "libklab.h"

/* A call and what it works on. */
struct call {
	int fd, event;
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

static void getppid_run(void *state, unsigned long times)
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

static void signal_check(void *state, unsigned long times)
{
	struct timespec now = { 0 };
	struct call *call = state;
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	while (times--) {
		if (sigtimedwait(&set, &info, &now) < 0)
			fail(errno, "a signal did not arrive");
		if (info.si_code != SI_QUEUE || info.si_pid != call->self ||
		    info.si_value.sival_ptr != (void *)times)
			fail(0, "a signal arrived with a wrong value or sender");
	}
}

const struct side klab_signal = {
	"klab", open_signal, klab_signal_run, signal_check, call_close
};

const struct side queue_signal = {
	"rt_tgsigqueueinfo", open_signal, queue_signal_run, signal_check, call_close
};
