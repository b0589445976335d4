/* SPDX-License-Identifier: GPL-2.0-only */
/* A recording as klab record leaves it, and as the forms of klab report see it. */
#ifndef KLAB_REPORT_H
#define KLAB_REPORT_H

#include <stdio.h>

#include "tool.h"

#define RECORDING_MAGIC	"klabrec1"

/* A file begins with this; the events follow as the kernel gave them. */
struct recording_head {
	char magic[8];
	__u64 made;
	__u64 dropped;
	__u64 missed;			/* threads */
	__s32 pid;			/* of the command, or of what was recorded */
	__s32 status;			/* of the command, as wait(2) has it; or -1 */
	char command[256];		/* "" for a process that was there before */
};

/* Where it would be told how a fault ended, events are missing, or nothing comes any more. */
#define END_UNSEEN	0x80

/* An event in its place. */
struct item {
	const struct klab_recorded *event;
	const void *body;
	struct lane *lane;
	struct item *partner;		/* the other end of a system call, if it is there */
	__u64 away;			/* at the end of a call: ns of it off the processor */
	__u8 outcome;			/* of a page fault: KLAB_EVENT_WAS_*, 0, END_UNSEEN */
	__u8 depth;			/* doors that the thread has behind it */
	__u64 lost;			/* events that this processor dropped right before it */
};

/* A thread. */
struct lane {
	pid_t pid, tid;
	struct item *call;		/* that it is in; what follows is for who walks the items */
	struct item *fault;
	struct item *out;
	__u64 away;
};

struct recording {
	struct recording_head head;
	char *bytes;
	struct item *items;		/* by time */
	size_t count;
	struct lane *lanes;
	size_t lane_count;
	__u64 start, end;
};

/* The body of an item, by the name of its struct. */
#define BODY(item, type)	((const struct klab_event_##type *)(item)->body)

/* report.c */
void recording_load(const struct call *call, FILE *file, struct recording *recording);
int report_show(const struct call *call, struct recording *recording);

/* report_text.c */
#define DETAIL	256
const char *syscall_name(const struct item *item);
const char *kind_name(__u8 kind);
const char *trap_name(__u32 vector);
void item_text(const struct item *item, char *text);
void result_text(__s64 result, char *text);
void report_timeline(const struct call *call, const struct recording *recording);
void report_summary(const struct call *call, const struct recording *recording);

/* report_export.c */
void report_json(const struct call *call, const struct recording *recording);
void report_trace_events(const struct recording *recording);
void report_svg(const struct call *call, const struct recording *recording);

#endif /* KLAB_REPORT_H */
