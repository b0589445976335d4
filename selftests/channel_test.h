/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of private channels have in common. */
#ifndef CHANNEL_TEST_H
#define CHANNEL_TEST_H

#include "klab_test.h"

/* A private channel's descriptor, or -1 and errno. */
static inline int create_channel(int fd, __u64 capacity, __u32 flags)
{
	struct klab_channel_create create = { .capacity = capacity, .flags = flags };

	return ioctl(fd, KLAB_IOC_CHANNEL_CREATE, &create);
}

static inline int end_channel(int fd)
{
	struct klab_channel_end end = { 0 };

	return klab(fd, KLAB_IOC_CHANNEL_END, &end);
}

static inline int resize_channel(int fd, __u64 capacity)
{
	struct klab_channel_resize resize = { .capacity = capacity };

	return klab(fd, KLAB_IOC_CHANNEL_RESIZE, &resize);
}

static inline struct klab_channel_stat channel_stat(int fd)
{
	struct klab_channel_stat stat;

	memset(&stat, 0xff, sizeof(stat));
	klab(fd, KLAB_IOC_CHANNEL_STAT, &stat);
	return stat;
}

#endif /* CHANNEL_TEST_H */
