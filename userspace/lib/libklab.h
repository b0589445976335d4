/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libklab: one typed function for each command of /dev/klab.
 *
 * Nothing is kept between calls, so every function may be called from any
 * thread. Each returns 0, or -1 with errno set as <linux/klab.h> says; structs
 * and their fields are described there.
 */
#ifndef LIBKLAB_H
#define LIBKLAB_H

#include <linux/klab.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KLAB_DEVICE	"/dev/klab"

/*
 * Open the device with O_RDWR, O_CLOEXEC and @flags (O_NONBLOCK, say). Returns
 * a descriptor for the functions below, for read(2), write(2) and poll(2), or -1:
 * ENOENT the module is not loaded, EACCES the file's permissions forbid it.
 */
int klab_open(int flags);

/* KLAB_IOC_INFO: version, limits, features. */
int klab_info(int fd, struct klab_info *info);

/* KLAB_IOC_PAGES_ALLOC: the caller fills the "in" fields and zeroes the rest. */
int klab_pages_alloc(int fd, struct klab_pages_alloc *alloc);

/* KLAB_IOC_PAGES_FREE: the caller sets the handle and zeroes the rest. */
int klab_pages_free(int fd, struct klab_pages_free *release);

/*
 * KLAB_IOC_PAGES_ZONES: @count says how many records @zones has room for, and
 * on return how many zones there are, which may be more.
 */
int klab_pages_zones(int fd, struct klab_zone *zones, __u32 *count);

/* KLAB_IOC_SIGNAL_SEND: the caller fills the "in" fields and zeroes the rest. */
int klab_signal_send(int fd, struct klab_signal_send *send);

/* KLAB_IOC_EVENTFD_FIRE: the caller fills the "in" fields and zeroes the rest. */
int klab_eventfd_fire(int fd, struct klab_eventfd_fire *fire);

#ifdef __cplusplus
}
#endif

#endif /* LIBKLAB_H */
