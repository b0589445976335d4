/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What record.bpf.c writes and record.c reads: an entry or an exit, which of the two its
 * length says.
 */
#ifndef RECORD_H
#define RECORD_H

#include <linux/types.h>

struct bpf_event {
	__u64 time;
	__u64 process_thread;		/* a pid, and below it a tid */
	__u32 cpu;
	__s32 number;
};

struct bpf_enter {
	struct bpf_event event;
	__u64 args[6];
};

struct bpf_leave {
	struct bpf_event event;
	__s64 result;
};

/* record.bpf.c, compiled, as it lies in record.c. */
extern const char record_bpf[], record_bpf_end[];

#endif /* RECORD_H */
