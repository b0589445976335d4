/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's fault injection: /proc/thread-self/fail-nth has the N-th point at which
 * it could fail this thread do so.
 */
#ifndef FAULT_H
#define FAULT_H

#include "files.h"

#define FAULTS	"/sys/kernel/debug/"

/* fail-nth, open all the time: to open it could fail as well. -1: no faults here. */
static inline int open_fail_nth(void)
{
	return access(FAULTS "failslab", F_OK) ? -1 :
	       open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

/*
 * Allocations of any order are to fail, also those that may wait and reclaim, which are
 * passed over unless one says so; and without a word in the log, where it would look
 * like a fault of klab.
 */
static inline bool set_faults(void)
{
	return write_text(FAULTS "failslab/ignore-gfp-wait", "N") &&
	       write_text(FAULTS "failslab/verbose", "0") &&
	       write_text(FAULTS "fail_page_alloc/ignore-gfp-wait", "N") &&
	       write_text(FAULTS "fail_page_alloc/ignore-gfp-highmem", "N") &&
	       write_text(FAULTS "fail_page_alloc/min-order", "0") &&
	       write_text(FAULTS "fail_page_alloc/verbose", "0") &&
	       write_text(FAULTS "fail_usercopy/verbose", "0");
}

/* Have the @nth point of failure fail in what this thread does next; 0: none. */
static inline bool arm(int fail_nth, unsigned int nth)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%u", nth);

	/* the write itself may be the point that was armed before */
	return pwrite(fail_nth, text, size, 0) == size || pwrite(fail_nth, text, size, 0) == size;
}

/* Disarm, and tell whether it came to that point. If not, to read that can be it. */
static inline bool struck(int fail_nth)
{
	char text[16] = "";
	bool hit = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	return arm(fail_nth, 0) && hit;
}

#endif /* FAULT_H */
