// SPDX-License-Identifier: GPL-2.0-only
/*
 * A number to a second task, and back. Both tasks inherit the one processor that
 * measure.c chose, so each waits for the other: what is measured is how they wait, and
 * how the one makes the other go on.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "libklab.h"

/* One direction. */
struct way {
	int fd;
	struct klab_ring ring;
	int yields;	/* how often to let others run before one sleeps */
	bool (*send)(struct way *way, __u64 number);
	bool (*receive)(struct way *way, __u64 *number);
};

static bool call_send(struct way *way, __u64 number)
{
	return write(way->fd, &number, sizeof(number)) == sizeof(number);
}

static bool call_receive(struct way *way, __u64 *number)
{
	return read(way->fd, number, sizeof(*number)) == sizeof(*number);
}

static bool ring_send(struct way *way, __u64 number)
{
	struct klab_ring *ring = &way->ring;

	/* One number at a time is under way, so there is room. */
	memcpy(klab_ring_space(ring), &number, sizeof(number));
	return !klab_ring_give(ring, sizeof(number));
}

static bool ring_receive(struct way *way, __u64 *number)
{
	struct klab_ring *ring = &way->ring;
	int tries = 0;

	while (klab_ring_bytes(ring) < sizeof(*number)) {
		if (tries++ < way->yields)
			sched_yield();
		else if (klab_channel_wait(way->fd, KLAB_CHANNEL_READERS, sizeof(*number)))
			return false;
	}
	memcpy(number, klab_ring_data(ring), sizeof(*number));
	return !klab_ring_take(ring, sizeof(*number));
}

static void eventfd_way(struct way *way)
{
	*way = (struct way) {
		.fd = eventfd(0, EFD_CLOEXEC), .send = call_send, .receive = call_receive,
	};
	if (way->fd < 0)
		fail(errno, "eventfd");
}

static void channel_way(struct way *way)
{
	*way = (struct way) {
		.fd = private_channel(0), .send = call_send, .receive = call_receive,
	};
}

static void ring_way(struct way *way)
{
	*way = (struct way) {
		.fd = private_channel(KLAB_CHANNEL_MAPPABLE),
		.send = ring_send, .receive = ring_receive,
	};
	if (klab_ring_map(&way->ring, way->fd))
		fail(errno, "klab_ring_map");
}

static void yielding_way(struct way *way)
{
	ring_way(way);
	way->yields = 3;
}

struct round {
	pid_t partner;
	struct way there, back;
	__u64 number;
};

static struct round *start(void (*make)(struct way *way))
{
	struct round *round = pages(sizeof(*round));
	__u64 number;

	make(&round->there);
	make(&round->back);
	round->number = 1;
	round->partner = fork();
	if (round->partner < 0)
		fail(errno, "fork");
	if (round->partner)
		return round;

	/* The second task sends back each number plus one. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (round->there.receive(&round->there, &number) &&
	       round->back.send(&round->back, number + 1))
		;
	_exit(1);
}

static void *eventfd_open(size_t bytes)
{
	return start(eventfd_way);
}

static void *channel_open(size_t bytes)
{
	return start(channel_way);
}

static void *ring_open(size_t bytes)
{
	return start(ring_way);
}

static void *yielding_open(size_t bytes)
{
	return start(yielding_way);
}

static void round_run(void *state, unsigned long times)
{
	struct round *round = state;
	__u64 answer;

	while (times--) {
		if (!round->there.send(&round->there, round->number))
			fail(errno, "send");
		if (!round->back.receive(&round->back, &answer))
			fail(errno, "receive");
		if (answer != round->number + 1)
			fail(0, "the partner's answer is wrong");
		round->number = answer;
	}
}

static void way_close(struct way *way)
{
	if (way->ring.map)
		klab_ring_unmap(&way->ring);
	close(way->fd);
}

static void round_close(void *state)
{
	struct round *round = state;

	kill(round->partner, SIGKILL);
	waitpid(round->partner, NULL, 0);
	way_close(&round->there);
	way_close(&round->back);
	free(round);
}

const struct side klab_round = {
	"klab", channel_open, round_run, NULL, round_close, .uneven = true
};

const struct side klab_round_mapped = {
	"klab", ring_open, round_run, NULL, round_close, .uneven = true
};

const struct side klab_round_yields = {
	"klab", yielding_open, round_run, NULL, round_close, .uneven = true
};

const struct side eventfd_round = {
	"eventfd pair", eventfd_open, round_run, NULL, round_close, .uneven = true
};
