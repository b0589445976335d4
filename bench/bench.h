/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the benchmark say to each other.
 *
 * A side is one way to do a job: klab's, or that of a peer, which is a few
 * lines of ours around another facility of the kernel. A row sets a side of
 * klab beside a peer. measure.c runs the two by turns; rows.c has the list.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdnoreturn.h>
#include <linux/types.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define __printf(text, arguments) \
	__attribute__((format(printf, \
			      text, arguments)))

struct side {
	const char *name;
	/*
	 * Make ready, and return what the other functions get as @state. NULL: this
	 * kernel has nothing of the kind, and the side is left out.
	 */
	void *(*open)(size_t bytes);
	/* What is measured: the job, @times over. */
	void (*run)(void *state, unsigned long times);
	/*
	 * After each run, not measured: did all of it really happen? NULL: the
	 * run itself looks at each result.
	 */
	void (*check)(void *state, unsigned long times);
	void (*close)(void *state);
	/* Before each run, not measured either; NULL: there is nothing to do. */
	void (*ready)(void *state);
	/* The scheduler has a say: it takes more batches to find one without its whims. */
	bool uneven;
};

struct row {
	const char *name;
	const struct side *klab;	/* NULL: shown for comparison only */
	const struct side *peer;	/* NULL: nothing to compare with */
	size_t bytes;			/* for open() */
	unsigned int parts;		/* of one job, and the cost is of each; 0 as 1 */
	double goal;			/* peer over klab, icount; 0 there is none */
	double wall_goal;		/* the same, wall on a real machine */
};

extern const struct row rows[];
extern const size_t row_count;

/* notify.c: the cheapest system call, for those that are told of it. */
void getppid_run(void *state, unsigned long times);

/* Where bench/profile stops counting; not in measure.c, which would inline it. */
void profile_end(void);

/* stream.c: bytes by system calls, in one task. */
extern const struct side klab_stream, klab_private, pipe_stream, unix_stream;
extern const struct side vmsplice_stream, process_vm_stream;

/* ring.c: bytes through mapped memory, likewise. */
extern const struct side klab_mapped, klab_in_place, bare_ring;

/* round.c: a number to a second task, and back. */
extern const struct side klab_round, klab_round_mapped, klab_round_yields, eventfd_round;

/* notify.c: empty calls, eventfds, signals. */
extern const struct side klab_ioctl, klab_ioctl_refused, null_ioctl;
extern const struct side klab_eventfd, klab_eventfd_batch;
extern const struct side write_eventfd, write_eventfd_batch;
extern const struct side klab_signal, queue_signal;
extern const struct side notify_eventfd, notify_eventfd_batch, notify_signal;
extern const struct side notify_timer, timerfd_timer;
extern const struct side getppid_call, null_write, zero_read;
#define BATCH	64	/* firings in one call */

/* record.c: a system call that is recorded. */
extern const struct side klab_recorded, klab_another, klab_recorder_gone;
extern const struct side trace_events, bpf_ring, tracer;

/* pages.c: the page allocator and its books. */
extern const struct side klab_alloc, klab_alloc_bare, klab_bulk, klab_hold, bare_loop;
extern const struct side klab_zones, proc_zones;
#define BLOCKS	1000	/* in one call */

/* task.c: the areas and the pages of a process. */
extern const struct side klab_areas, maps_text, procmap_query_loop;
extern const struct side klab_records, klab_tokens, pagemap_flags;
extern const struct side klab_runs, pagemap_scan, mincore_call;
#define AREAS	1024	/* and some more, of the program's own */
#define PAGES	16384

/* measure.c */

/* Print the words and, unless 0, what @error stands for; and exit with status 1. */
noreturn void __printf(2, 3) fail(int error, const char *format, ...);

/* For a run to set: what it cost, in ns, where that is not how long it took. */
extern __u64 run_cost;

/* malloc() that is zeroed, begins at a page, and does not return without memory. */
void *pages(size_t bytes);

/* The device; each part that wants a descriptor opens its own. */
int device(void);

/* A private channel, made with @flags. */
int private_channel(__u32 flags);
/* Bytes that it holds, as the pipes and rings beside it do. */
#define CAPACITY	65536

/*
 * A new payload in @sent, so that the one that arrived before cannot pass for it; and
 * in @got something that differs from it in every byte.
 */
void renew(unsigned char *sent, unsigned char *got, size_t bytes);

#endif /* BENCH_H */
