/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the driver say to each other. Calls run downwards:
 * main -> ioctl -> deliver, pages, channel.
 */
#ifndef KLAB_H
#define KLAB_H

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include <linux/klab.h>

struct klab_channel;

/*
 * Memory for a caller: its cgroup pays, and when there is no more the answer is
 * ENOMEM, and never that somebody is killed.
 */
#define KLAB_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/*
 * The limit that callers with many descriptors meet: an eighth of the machine's
 * memory stays available, whatever klab hands out.
 */
static inline bool klab_affordable(unsigned long pages)
{
	return pages + totalram_pages() / 8 <= si_mem_available();
}

/* What one open descriptor of the device stands for. */
struct klab_context {
	struct klab_channel *channel;	/* the shared one; set once */

	/* Held blocks by handle. Its lock also guards pages_held. */
	struct xarray batches;
	unsigned long pages_held;
};

/*
 * A command: @arg is the kernel's copy of its struct. It fills the "out" fields
 * and returns 0, or it returns an errno and has changed nothing.
 */
typedef int klab_command_fn(struct klab_context *context, void *arg);

/* ioctl.c */
long klab_ioctl(struct file *file, unsigned int number, unsigned long arg);

/* deliver.c */
klab_command_fn klab_signal_send;
klab_command_fn klab_eventfd_fire;
#define KLAB_FIRE_MAX	65536

/* pages.c */
klab_command_fn klab_pages_alloc;
klab_command_fn klab_pages_free;
klab_command_fn klab_pages_zones;
#define KLAB_BLOCKS_MAX	1048576
unsigned long klab_pages_max(void);
unsigned long klab_pages_batches(struct klab_context *context);
void klab_pages_init(struct klab_context *context);
void klab_pages_release(struct klab_context *context);

/* channel.c */
#define KLAB_CHANNEL_ATOMIC	4096
struct klab_channel *klab_channel_create(void);
void klab_channel_destroy(struct klab_channel *channel);
ssize_t klab_channel_read(struct klab_channel *channel, struct kiocb *iocb, struct iov_iter *to);
ssize_t klab_channel_write(struct klab_channel *channel, struct kiocb *iocb, struct iov_iter *from);
__poll_t klab_channel_poll(struct klab_channel *channel, struct file *file, poll_table *wait);
size_t klab_channel_bytes(struct klab_channel *channel);
size_t klab_channel_capacity(struct klab_channel *channel);

/*
 * Hand a struct to a caller that knows @size bytes of it, which may be fewer or
 * more than the @known ones; more are zeroed.
 */
static inline int klab_put_struct(void __user *to, size_t size, const void *from, size_t known)
{
	size_t common = min(size, known);

	if (copy_to_user(to, from, common) || clear_user(to + common, size - common))
		return -EFAULT;
	return 0;
}

/*
 * Records for a caller's array. A command checks the array first, notes the room
 * (array->count), sets the count to 0, and then puts one record after the other.
 */
static inline int klab_check_array(const struct klab_array *array, size_t first_size)
{
	if (!array->count && !array->size)
		return 0;
	return array->size < first_size || array->size > PAGE_SIZE || array->size % 8 ? -EINVAL : 0;
}

static inline int klab_put_record(struct klab_array *array, u32 room, const void *record,
				  size_t known)
{
	u32 index = array->count++;

	if (index >= room)
		return 0;
	return klab_put_struct(u64_to_user_ptr(array->records) + (size_t)index * array->size,
			       array->size, record, known);
}

#endif /* KLAB_H */
