// SPDX-License-Identifier: GPL-2.0-only
/*
 * A system call that is recorded: by klab, by the kernel's own trace events, by a tracer
 * that stops it twice. What reads the records later is not measured, but counts them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "bench.h"
#include "libklab.h"

#define TRACING		"/sys/kernel/tracing/"
#define RING		0x200000

struct record {
	int klab, recorder;
	pid_t other;			/* who is recorded, or traced; 0 is this process */
	char bytes[RING];
};

static void nothing_run(void)
{
	while (true)
		pause();
}

static void traced_run(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	while (true)
		syscall(SYS_getppid);
}

static struct record *record_open(void (*other)(void))
{
	struct record *record = pages(sizeof(*record));

	record->klab = device();
	record->recorder = -1;
	record->other = other ? fork() : 0;
	if (record->other < 0)
		fail(errno, "fork");
	if (other && !record->other)
		other();
	return record;
}

static void *self_open(size_t bytes)
{
	return record_open(NULL);
}

static void *other_open(size_t bytes)
{
	return record_open(nothing_run);
}

static void record_close(void *state)
{
	struct record *record = state;

	if (record->other) {
		kill(record->other, SIGKILL);
		waitpid(record->other, NULL, 0);
	}
	close(record->klab);
	free(record);
}

/* It is made before each run and closed after it: the peer is not to run under it. */
static void record_begin(void *state)
{
	struct record *record = state;
	struct klab_recorder_create ask = {
		.kinds = KLAB_RECORD_SYSCALLS, .bytes = RING, .wakeup = RING, .threads = 1,
	};
	int task = klab_task_open(record->klab, record->other);

	if (task < 0)
		fail(errno, "klab_task_open");
	record->recorder = klab_recorder_create(task, &ask);
	if (record->recorder < 0)
		fail(errno, "klab_recorder_create");
	close(task);
}

static void record_end(struct record *record)
{
	close(record->recorder);
	record->recorder = -1;
}

/* Made and closed again: what of it stays? */
static void record_begin_end(void *state)
{
	record_begin(state);
	record_end(state);
}

static void self_check(void *state, unsigned long times)
{
	struct record *record = state;
	unsigned long enters = 0, leaves = 0;
	ssize_t got, at;

	if (klab_recorder_stop(record->recorder) < 0)
		fail(errno, "klab_recorder_stop");
	while ((got = read(record->recorder, record->bytes, sizeof(record->bytes))) > 0) {
		const struct klab_recorded *event;

		for (at = 0; at < got; at += event->length) {
			const struct klab_event_enter *call;

			event = (const void *)(record->bytes + at);
			/* Both begin with the number. */
			call = (const void *)(event + 1);
			enters += event->kind == KLAB_EVENT_ENTER && call->number == SYS_getppid;
			leaves += event->kind == KLAB_EVENT_LEAVE && call->number == SYS_getppid;
		}
	}
	record_end(record);
	if (enters != times || leaves != times)
		fail(0, "%lu calls: %lu recorded, %lu returns", times, enters, leaves);
}

static void other_check(void *state, unsigned long times)
{
	record_end(state);
}

const struct side klab_recorded = {
	.name = "recorded", .open = self_open, .ready = record_begin, .run = getppid_run,
	.check = self_check, .close = record_close,
};

const struct side klab_another = {
	.name = "another recorded", .open = other_open, .ready = record_begin,
	.run = getppid_run, .check = other_check, .close = record_close,
};

const struct side klab_recorder_gone = {
	.name = "recorder gone", .open = self_open, .ready = record_begin_end,
	.run = getppid_run, .close = record_close,
};

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(errno, "%s", path);
	close(fd);
}

static void *events_open(size_t bytes)
{
	char pid[16];

	if (access(TRACING "events/raw_syscalls/enable", W_OK))
		return NULL;
	snprintf(pid, sizeof(pid), "%d", getpid());
	put(TRACING "buffer_size_kb", "4096");
	put(TRACING "set_event_pid", pid);
	return pages(1);
}

static void events_begin(void *state)
{
	put(TRACING "trace", "");
	put(TRACING "events/raw_syscalls/enable", "1");
}

/* Some are of the calls that switch it off. */
static void events_check(void *state, unsigned long times)
{
	unsigned long entries = 0;
	char line[80];
	FILE *file;

	put(TRACING "events/raw_syscalls/enable", "0");
	file = fopen(TRACING "per_cpu/cpu0/stats", "re");
	if (!file || !fgets(line, sizeof(line), file) ||
	    sscanf(line, "entries: %lu", &entries) != 1)
		fail(errno, "per_cpu/cpu0/stats");
	fclose(file);
	if (entries < 2 * times || entries > 2 * times + 20)
		fail(0, "%lu calls, and %lu events of them", times, entries);
}

static void events_close(void *state)
{
	put(TRACING "set_event_pid", "");
	free(state);
}

const struct side trace_events = {
	.name = "raw_syscalls events", .open = events_open, .ready = events_begin,
	.run = getppid_run, .check = events_check, .close = events_close,
};

static void *tracer_open(size_t bytes)
{
	struct record *record = record_open(traced_run);
	int status;

	if (waitpid(record->other, &status, 0) != record->other || !WIFSTOPPED(status))
		fail(errno, "waitpid");
	ptrace(PTRACE_SETOPTIONS, record->other, 0, PTRACE_O_TRACESYSGOOD);
	return record;
}

/* The least that strace does: two stops, and a look at each. */
static void tracer_run(void *state, unsigned long times)
{
	pid_t pid = ((struct record *)state)->other;
	struct ptrace_syscall_info info;
	int status;

	for (times *= 2; times--;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) || waitpid(pid, &status, 0) != pid ||
		    WSTOPSIG(status) != (SIGTRAP | 0x80))
			fail(errno, "a stop that is of no system call");
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
			fail(errno, "PTRACE_GET_SYSCALL_INFO");
	}
}

const struct side tracer = {
	.name = "ptrace, as strace", .open = tracer_open, .run = tracer_run, .close = record_close,
};
