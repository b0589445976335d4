// SPDX-License-Identifier: GPL-2.0-only
/*
 * A system call that is recorded: by klab, by a BPF program, by the kernel's own trace
 * events, by a tracer that stops it twice. What reads the records later is not measured,
 * but counts them.
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

#include <bpf/libbpf.h>

#include "bench.h"
#include "libklab.h"
#include "record.h"

#define TRACING		"/sys/kernel/tracing/"
#define JIT		"/proc/sys/net/core/bpf_jit_enable"
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

asm(".pushsection .rodata\n"
	".balign 8\n"
	"record_bpf: .incbin \"record.bpf.o\"\n"
	"record_bpf_end:\n"
	".popsection");

struct bpf {
	struct bpf_object *object;
	struct bpf_link *links[2];
	struct ring_buffer *ring;
	unsigned long enters, leaves;
};

static int bpf_take(void *state, void *data, size_t size)
{
	const struct bpf_event *event = data;
	struct bpf *bpf = state;

	if (event->number == SYS_getppid)
		++*(size == sizeof(struct bpf_enter) ? &bpf->enters : &bpf->leaves);
	return 0;
}

static void *left_out(const char *what)
{
	fprintf(stderr, "\nbench: left out: %s: %s\n", what, strerror(errno));
	return NULL;
}

/* Under an interpreter it would be no measure of BPF. */
static void *bpf_open(size_t bytes)
{
	__u64 id = (__u64)getpid() << 32 | gettid();
	struct bpf *bpf;

	if (access(JIT, W_OK))
		return left_out(JIT);
	put(JIT, "1");
	bpf = pages(sizeof(*bpf));
	bpf->object = bpf_object__open_mem(record_bpf, record_bpf_end - record_bpf, NULL);
	if (!bpf->object ||
	    bpf_map__set_initial_value(bpf_object__find_map_by_name(bpf->object, ".bss"),
				       &id, sizeof(id)))
		fail(errno, "record.bpf.o");
	if (bpf_object__load(bpf->object))
		return left_out("record.bpf.c");
	bpf->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(bpf->object, "ring"),
				     bpf_take, bpf, NULL);
	if (!bpf->ring)
		fail(errno, "ring_buffer__new");
	return bpf;
}

static void bpf_begin(void *state)
{
	struct bpf *bpf = state;
	struct bpf_program *one;
	int i = 0;

	bpf->enters = 0;
	bpf->leaves = 0;
	bpf_object__for_each_program(one, bpf->object) {
		bpf->links[i] = bpf_program__attach(one);
		if (!bpf->links[i++])
			fail(errno, "%s", bpf_program__name(one));
	}
}

static void bpf_check(void *state, unsigned long times)
{
	struct bpf *bpf = state;
	int i;

	for (i = 0; i < 2; i++)
		bpf_link__destroy(bpf->links[i]);
	if (ring_buffer__consume(bpf->ring) < 0)
		fail(errno, "ring_buffer__consume");
	if (bpf->enters != times || bpf->leaves != times)
		fail(0, "%lu calls: %lu recorded, %lu returns", times, bpf->enters, bpf->leaves);
}

static void bpf_close(void *state)
{
	struct bpf *bpf = state;

	ring_buffer__free(bpf->ring);
	bpf_object__close(bpf->object);
	free(bpf);
}

const struct side bpf_ring = {
	.name = "BPF ring", .open = bpf_open, .ready = bpf_begin, .run = getppid_run,
	.check = bpf_check, .close = bpf_close,
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
