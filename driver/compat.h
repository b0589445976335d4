/* SPDX-License-Identifier: GPL-2.0-only */
/* Every difference between kernel versions, named after the feature. */
#ifndef KLAB_COMPAT_H
#define KLAB_COMPAT_H

#include <linux/eventfd.h>
#include <linux/mmzone.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "klab needs Linux 6.1 or later"
#endif

/* 6.4 made MAX_ORDER the highest order instead of one above; 6.8 renamed it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define KLAB_ORDER_MAX	MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define KLAB_ORDER_MAX	MAX_ORDER
#else
#define KLAB_ORDER_MAX	(MAX_ORDER - 1)
#endif

/* 6.8 dropped the count: a call adds one. */
static inline void klab_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd);
#else
	eventfd_signal(eventfd, 1);
#endif
}

/* 6.5 replaced the splice of files that have no pages to give away. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define klab_splice_read	copy_splice_read
#else
#define klab_splice_read	generic_file_splice_read
#endif

#endif /* KLAB_COMPAT_H */
