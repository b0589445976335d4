/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A loop around the page allocator and nothing else, for bench/ to hold klab
 * against. Only a module built with KLAB_BENCH=y has it: no part of the contract.
 */
#ifndef KLAB_BARE_H
#define KLAB_BARE_H

#include <linux/klab.h>

/* Allocate and free a page of order 0, @count times. */
struct klab_bare_loop {
	__u64 count;
};

#define KLAB_IOC_BARE_LOOP	_IOW(KLAB_IOC_MAGIC, 0x1f, struct klab_bare_loop)

#endif /* KLAB_BARE_H */
