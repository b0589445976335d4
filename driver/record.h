/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording, as its two halves share it: probes.c writes, in whatever context an
 * event happens, and recorder.c makes, reads and ends it.
 */
#ifndef KLAB_RECORD_H
#define KLAB_RECORD_H

#include <linux/cache.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>

#include "klab.h"

struct die_args;
struct klab_log;

/*
 * One processor's ring. Only that processor writes it, with interrupts off. All but
 * @shared is the kernel's own: what userspace may write there is never read back, but
 * for the reader's index.
 */
struct klab_log_ring {
	u64 written;
	u64 made;
	u64 dropped;
	u8 *bytes;				/* twice in a row */
	struct klab_recorder_map *shared;
} ____cacheline_aligned_in_smp;

/* A recorded thread. */
struct klab_thread {
	struct hlist_node node;			/* by task; under the table's lock */
	struct task_struct *task;		/* only to compare with; likewise */
	struct klab_log *log;
	pid_t pid, tid;				/* in the namespace of the log's maker */

	/* Its last page fault, while its end has not been told; its own processor's. */
	bool fault;
	unsigned long minor, major;

	struct klab_thread *next_free;		/* under the table's lock */
	struct rcu_head rcu;
};

struct klab_log {
	u32 kinds;				/* of these, as of flags, nothing changes */
	u32 flags;
	size_t bytes;				/* of each ring, a power of two */
	size_t wakeup;
	struct klab_log_ring *rings;		/* by processor, nr_cpu_ids of them */

	/* Whose it is: who may be recorded after an exec, and how pids are told. */
	struct pid_namespace *pid_ns;
	const struct cred *maker;
	bool powerful;				/* has CAP_SYS_PTRACE in its user namespace */

	struct klab_thread *pool;		/* all there may be at a time */
	u32 pool_size;
	/* Under the table's lock. */
	struct klab_thread *free;
	u32 threads;
	u64 missed;
	bool stopped;

	bool waiting;				/* somebody sleeps: see log_commit() */
	wait_queue_head_t readers;
	struct irq_work wake;			/* as a probe may run under any lock */
};

/* probes.c */
int klab_probes_get(u32 kinds);
void klab_probes_put(u32 kinds);
bool klab_log_add(struct klab_log *log, struct task_struct *task);
void klab_log_stop(struct klab_log *log);

/* cpu.c */
bool klab_cpu_trap(unsigned long event, const struct die_args *args,
		   struct klab_event_trap *trap);
bool klab_cpu_trap_behind(int signal, int code, struct klab_event_trap *trap);
bool klab_cpu_kernel_address(unsigned long address);

#endif /* KLAB_RECORD_H */
