// SPDX-License-Identifier: GPL-2.0-only
/* klab eventfd: the kernel fires one; a child waits for it, in one of the ways. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tool.h"

struct watch {
	const struct way *way;
	int fd;
	__u64 count;
};

struct watched {
	__u64 woke_ns;
	__u64 counted;
	__u64 reads;
};

/* The child: sleeps, reads the counter as often as it takes, adds up. */
static void watch(int report, const void *arg)
{
	const struct watch *watch = arg;
	struct watched watched = { 0 };
	__u64 value;

	/* A read that blocks has no time limit of its own. */
	alarm(2 * PATIENCE_MS / 1000);
	while (watched.counted < watch->count) {
		int ready = watch->way->ready(watch->fd, POLLIN, PATIENCE_MS);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready != 1 || read(watch->fd, &value, sizeof(value)) != sizeof(value))
			break;
		if (!watched.reads)
			watched.woke_ns = now();
		watched.counted += value;
		watched.reads++;
	}
	if (write(report, &watched, sizeof(watched)) < 0)
		_exit(1);
}

static int fire_and_collect(const struct call *call, const struct way *way, int fd,
			    struct firing *firing)
{
	struct watch arg = { .way = way, .fd = fd, .count = firing->fire.count };
	struct watched watched;
	struct child child;
	int ret, error;

	if (child_start(&child, watch, &arg) < 0)
		return -1;
	child_settle(&child);
	firing->fire.fd = fd;
	ret = klab_eventfd_fire(call->fd, &firing->fire);
	if (!ret)
		ret = child_collect(&child, &watched, sizeof(watched));
	error = errno;
	child_end(&child);
	errno = error;
	if (ret)
		return -1;
	firing->woke_ns = watched.woke_ns;
	firing->counted = watched.counted;
	firing->reads = watched.reads;
	return 0;
}

/* An eventfd of our own, fired as firing->fire.count says, with a child that waits. */
int firing_watch(const struct call *call, const struct way *way, bool semaphore,
		 struct firing *firing)
{
	int fd = eventfd(0, EFD_CLOEXEC | (semaphore ? EFD_SEMAPHORE : 0));
	int ret, error;

	if (fd < 0)
		return -1;
	ret = fire_and_collect(call, way, fd, firing);
	firing->way = way;
	error = errno;
	close(fd);
	errno = error;
	return ret;
}

void firing_print(const struct call *call, const struct firing *firing)
{
	const struct klab_eventfd_fire *fire = &firing->fire;

	row(call, KERNEL_SIDE, "fired", "%u x in %s, from %s of CLOCK_MONOTONIC on",
	    fire->count, text_time(fire->last_ns - fire->first_ns).s,
	    text_moment(fire->first_ns).s);
	if (firing->woke_ns)
		row(call, USER_SIDE, "woke", "a child asleep in %s, %s after that",
		    firing->way->name, text_time(firing->woke_ns - fire->first_ns).s);
	if (firing->reads)
		row(call, USER_SIDE, "read", "counter %llu in %llu %s", firing->counted,
		    firing->reads, firing->reads == 1 ? "read" : "reads");
}

void firing_json(json_object *object, const struct firing *firing)
{
	json_number(object, "asked", firing->fire.count);
	json_number(object, "first_ns", firing->fire.first_ns);
	json_number(object, "last_ns", firing->fire.last_ns);
	if (firing->way)
		json_string(object, "by", firing->way->name);
	if (firing->woke_ns)
		json_number(object, "woke_after_ns",
			    firing->woke_ns - firing->fire.first_ns);
	if (firing->reads) {
		json_number(object, "counted", firing->counted);
		json_number(object, "reads", firing->reads);
	}
}

static noreturn void refuse_fire(const struct call *call, const struct klab_eventfd_fire *fire)
{
	int error = errno;

	if (error == EINVAL && (!fire->count || fire->count > call->info.fire_max))
		refuse_because(call, error, "%u firings: one call may ask for 1 to %u",
			       fire->count, call->info.fire_max);
	refuse(call, error);
}

/* A number that nobody passed on must stay free: the device moves out of its way. */
static void step_aside(struct call *call, int fd)
{
	int other;

	if (call->fd != fd)
		return;
	other = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (other < 0)
		refuse(call, errno);
	close(fd);
	call->fd = other;
}

int eventfd_fire_run(struct call *call)
{
	struct firing firing = {
		.fire = {
			.count = number_option(call, OPT_COUNT, 0, UINT_MAX, 1),
			.fd = number_option(call, OPT_FD, 0, INT_MAX, 0),
		},
	};
	const struct way *way = way_of(call, call->option[OPT_BY] ?: "epoll", "eventfd");
	bool own = !call->option[OPT_FD];
	json_object *top;
	int ret;

	if (!own && (call->option[OPT_SEMAPHORE] || call->option[OPT_BY]))
		misuse(call, "--%s is for an eventfd of klab's own, not for --fd",
		       call->option[OPT_BY] ? "by" : "semaphore");
	device_open(call, 0);
	if (own) {
		ret = firing_watch(call, way, call->option[OPT_SEMAPHORE], &firing);
	} else {
		step_aside(call, firing.fire.fd);
		ret = klab_eventfd_fire(call->fd, &firing.fire);
	}
	if (ret < 0)
		refuse_fire(call, &firing.fire);

	if (own)
		row(call, USER_SIDE, "asked", "%u x an eventfd of klab's own%s",
		    firing.fire.count, call->option[OPT_SEMAPHORE] ? ", a semaphore" : "");
	else
		row(call, USER_SIDE, "asked", "%u x descriptor %d",
		    firing.fire.count, firing.fire.fd);
	firing_print(call, &firing);
	top = json_start(call);
	firing_json(top, &firing);
	json_finish(call, top);
	if (own && firing.counted != firing.fire.count)
		fail(call, "%llu of %u firings arrived", firing.counted, firing.fire.count);
	return DONE;
}
