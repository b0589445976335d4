/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scene for the tests that put the same question to every command: what the
 * commands act upon, a valid argument for each, and a look at what was done.
 *
 * A command that refuses must have done nothing. So each argument here is one
 * whose effect, if it came about, could be seen.
 */
#ifndef KLAB_SCENE_H
#define KLAB_SCENE_H

#include "klab_test.h"

#define SCENE_SIGNAL	SIGUSR1

struct scene {
	int klab;
	int eventfd;
	__u32 handle;		/* of one page that is held */
	struct klab_info info;
};

/* Any command's struct, and what a newer one might have behind it. */
union argument {
	struct klab_info info;
	struct klab_pages_alloc alloc;
	struct klab_pages_free free;
	struct klab_pages_zones zones;
	struct klab_signal_send signal;
	struct klab_eventfd_fire fire;
	unsigned char bytes[1 << _IOC_SIZEBITS];
};

/* What the commands can change. */
struct traces {
	long long pages;
	long long batches;
	long long count;	/* of the eventfd */
	bool signal;		/* is it pending? */
};

static inline bool scene_open(struct scene *scene)
{
	struct klab_pages_alloc alloc = {
		.flags = KLAB_PAGES_HOLD, .count = 1, .node = KLAB_NODE_ANY,
	};
	sigset_t blocked;

	/* A blocked signal stays pending, where it can be seen. Take away an old one. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SCENE_SIGNAL);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigtimedwait(&blocked, NULL, &(struct timespec){ 0 });

	scene->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	scene->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	if (klab(scene->klab, KLAB_IOC_INFO, &scene->info) ||
	    klab(scene->klab, KLAB_IOC_PAGES_ALLOC, &alloc))
		return false;
	scene->handle = alloc.handle;
	return true;
}

static inline void scene_close(struct scene *scene)
{
	close(scene->klab);
	close(scene->eventfd);
}

static inline struct traces scene_traces(const struct scene *scene)
{
	sigset_t pending;

	sigpending(&pending);
	return (struct traces) {
		.pages = pages_held(scene->klab),
		.batches = fdinfo_value(scene->klab, "batches", 10),
		.count = fdinfo_value(scene->eventfd, "eventfd-count", 16),
		.signal = sigismember(&pending, SCENE_SIGNAL),
	};
}

/* Nothing done since scene_open(): one page held, and no more. */
static inline bool scene_untouched(const struct scene *scene)
{
	struct traces traces = scene_traces(scene);

	return traces.pages == 1 && traces.batches == 1 && !traces.count && !traces.signal;
}

/* A valid argument for @command, all of the rest of it zero. */
static inline void scene_argument(const struct scene *scene, int command, union argument *arg)
{
	memset(arg, 0, sizeof(*arg));
	switch (command) {
	case PAGES_ALLOC:
		arg->alloc.flags = KLAB_PAGES_HOLD;
		arg->alloc.count = 1;
		arg->alloc.node = KLAB_NODE_ANY;
		break;
	case PAGES_FREE:
		arg->free.handle = scene->handle;
		break;
	case SIGNAL_SEND:
		arg->signal.pid = getpid();
		arg->signal.signal = SCENE_SIGNAL;
		break;
	case EVENTFD_FIRE:
		arg->fire.fd = scene->eventfd;
		arg->fire.count = 1;
		break;
	}
}

/* Has @command answered, and has come about what its argument asked for? */
static inline bool scene_done(const struct scene *scene, int command, const union argument *arg)
{
	struct traces traces = scene_traces(scene);

	switch (command) {
	case INFO:
		return arg->info.version == KLAB_VERSION && arg->info.channel_atomic;
	case PAGES_ALLOC:
		return traces.pages == 2 && traces.batches == 2 && arg->alloc.obtained == 1;
	case PAGES_FREE:
		return traces.pages == 0 && traces.batches == 0 && arg->free.count == 1;
	case PAGES_ZONES:
		return arg->zones.zones.count > 0;
	case SIGNAL_SEND:
		return traces.signal && arg->signal.sent_ns;
	case EVENTFD_FIRE:
		return traces.count == 1 && arg->fire.last_ns;
	}
	return false;
}

#endif /* KLAB_SCENE_H */
