// SPDX-License-Identifier: LGPL-2.1-or-later
/* libklab: one typed function for each command of /dev/klab. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "libklab.h"

int klab_open(int flags)
{
	return open(KLAB_DEVICE, O_RDWR | O_CLOEXEC | flags);
}

int klab_info(int fd, struct klab_info *info)
{
	return ioctl(fd, KLAB_IOC_INFO, info);
}

int klab_pages_alloc(int fd, struct klab_pages_alloc *alloc)
{
	return ioctl(fd, KLAB_IOC_PAGES_ALLOC, alloc);
}

int klab_pages_free(int fd, struct klab_pages_free *release)
{
	return ioctl(fd, KLAB_IOC_PAGES_FREE, release);
}

int klab_pages_zones(int fd, struct klab_zone *zones, __u32 *count)
{
	struct klab_pages_zones arg = {
		.zones = {
			.records = (uintptr_t)zones,
			.count = *count,
			.size = sizeof(*zones),
		},
	};

	if (ioctl(fd, KLAB_IOC_PAGES_ZONES, &arg) < 0)
		return -1;
	*count = arg.zones.count;
	return 0;
}

int klab_signal_send(int fd, struct klab_signal_send *send)
{
	return ioctl(fd, KLAB_IOC_SIGNAL_SEND, send);
}

int klab_eventfd_fire(int fd, struct klab_eventfd_fire *fire)
{
	return ioctl(fd, KLAB_IOC_EVENTFD_FIRE, fire);
}
