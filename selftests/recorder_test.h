/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of recorders have in common: making one, reading it all, walking it. */
#ifndef RECORDER_TEST_H
#define RECORDER_TEST_H

#include <sys/resource.h>

#include "klab_test.h"

#define RING_BYTES	0x100000
#define FAMILY		(KLAB_RECORD_THREADS | KLAB_RECORD_CHILDREN)

static __attribute__((constructor)) void keep_on(void)
{
	keep_tracepoints_on();
}

/* A recorder of the process @pid (0: this one), or -1. */
static inline int record_with(pid_t pid, const struct klab_recorder_create *ask)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), task = open_task(fd, pid);
	int recorder = task < 0 ? -1 : ioctl(task, KLAB_IOC_RECORDER_CREATE, ask);
	int error = errno;

	if (task >= 0)
		close(task);
	close(fd);
	errno = error;
	return recorder;
}

static inline int record(pid_t pid, __u32 kinds, __u32 flags)
{
	struct klab_recorder_create ask = {
		.kinds = kinds, .flags = flags, .bytes = RING_BYTES, .wakeup = RING_BYTES / 4,
		.threads = 64,
	};

	return record_with(pid, &ask);
}

static inline int record_stop(int recorder)
{
	struct klab_recorder_stop stop = { 0 };

	return klab(recorder, KLAB_IOC_RECORDER_STOP, &stop);
}

static inline struct klab_recorder_stat record_stat(int recorder)
{
	struct klab_recorder_stat stat;

	memset(&stat, 0xa5, sizeof(stat));
	if (klab(recorder, KLAB_IOC_RECORDER_STAT, &stat))
		memset(&stat, 0xff, sizeof(stat));
	return stat;
}

/* Events, sorted by time. */
struct events {
	size_t count;
	const struct klab_recorded **event;
	void *bytes;
	size_t size;
};

static inline int by_time(const void *a, const void *b)
{
	const struct klab_recorded *x = *(const struct klab_recorded * const *)a;
	const struct klab_recorded *y = *(const struct klab_recorded * const *)b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->cpu == y->cpu && x->sequence < y->sequence ? -1 : 1;
}

/* Reads until the end, or until nothing is there if the descriptor does not block. */
static inline struct events read_events(int recorder)
{
	struct events events = { .bytes = malloc(4096) };
	size_t room = 4096, at, i;
	ssize_t got;

	while ((got = read(recorder, (char *)events.bytes + events.size, room - events.size)) > 0) {
		events.size += got;
		if (room - events.size < 4096)
			events.bytes = realloc(events.bytes, room *= 2);
	}
	for (at = 0; at < events.size; events.count++)
		at += ((struct klab_recorded *)((char *)events.bytes + at))->length;
	events.event = malloc((events.count + 1) * sizeof(*events.event));
	for (at = 0, i = 0; i < events.count; i++) {
		events.event[i] = (void *)((char *)events.bytes + at);
		at += events.event[i]->length;
	}
	qsort(events.event, events.count, sizeof(*events.event), by_time);
	return events;
}

static inline void free_events(struct events *events)
{
	free(events->bytes);
	free(events->event);
}

/* A body, by the name of its struct. */
#define BODY(event, type)	((const struct klab_event_##type *)((event) + 1))

/* How many there are of @kind, of thread @tid or of all (0). */
static inline size_t count_kind(const struct events *events, int kind, pid_t tid)
{
	size_t i, count = 0;

	for (i = 0; i < events->count; i++)
		count += events->event[i]->kind == kind && (!tid || events->event[i]->tid == tid);
	return count;
}

/* The index of the first of @kind from @from on, or -1. */
static inline ssize_t find_kind(const struct events *events, int kind, size_t from)
{
	for (; from < events->count; from++)
		if (events->event[from]->kind == kind)
			return from;
	return -1;
}

/*
 * A child that waits until it is told to go, does @run, and exits with what that
 * returns. Recording begins in between.
 */
struct subject {
	pid_t pid;
	int go;
	int recorder;
	int status;		/* as wait(2) gives it */
	struct rusage usage;
};

static inline bool subject_start(struct subject *subject, int (*run)(void *), void *arg,
				 __u32 kinds, __u32 flags)
{
	int pipes[2];
	char byte;

	if (pipe2(pipes, O_CLOEXEC))
		return false;
	subject->pid = fork();
	if (!subject->pid) {
		close(pipes[1]);
		if (read(pipes[0], &byte, 1) != 1)
			_exit(255);
		_exit(run(arg));
	}
	close(pipes[0]);
	subject->go = pipes[1];
	subject->recorder = record(subject->pid, kinds, flags);
	return subject->recorder >= 0;
}

/* Lets it run to its end, and reads all there is. */
static inline struct events subject_finish(struct subject *subject)
{
	struct events events;

	if (write(subject->go, "x", 1) != 1)
		subject->status = -1;
	close(subject->go);
	wait4(subject->pid, &subject->status, 0, &subject->usage);
	events = read_events(subject->recorder);
	return events;
}

#endif /* RECORDER_TEST_H */
