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

#include <stddef.h>

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

/*
 * KLAB_IOC_CHANNEL_CREATE: a private channel of @capacity bytes, with @flags (0 or
 * KLAB_CHANNEL_MAPPABLE). Returns its descriptor, or -1.
 */
int klab_channel_create(int fd, __u64 capacity, __u32 flags);

/*
 * KLAB_IOC_CHANNEL_STAT, _RESIZE, _END, _WAIT, _WAKE. Here @fd is a private
 * channel, or the device for the shared one.
 */
int klab_channel_stat(int fd, struct klab_channel_stat *stat);
int klab_channel_resize(int fd, __u64 *capacity);
int klab_channel_end(int fd);
int klab_channel_wait(int fd, __u32 side, __u64 bytes);
int klab_channel_wake(int fd, __u32 side);

/* KLAB_IOC_PAGES_ALLOC: the caller fills the "in" fields and zeroes the rest. */
int klab_pages_alloc(int fd, struct klab_pages_alloc *alloc);

/* KLAB_IOC_PAGES_FREE: the caller sets the handle and zeroes the rest. */
int klab_pages_free(int fd, struct klab_pages_free *release);

/*
 * KLAB_IOC_PAGES_ZONES: @count says how many records @zones has room for, and
 * on return how many zones there are, which may be more.
 */
int klab_pages_zones(int fd, struct klab_zone *zones, __u32 *count);

/* KLAB_IOC_PAGES_BOOKS: the caller sets the arrays and zeroes the rest. */
int klab_pages_books(int fd, struct klab_pages_books *books);

/* KLAB_IOC_PAGES_LIST: the caller sets the array and zeroes the rest. */
int klab_pages_list(int fd, struct klab_pages_list *list);

/*
 * Map the blocks of @handle, @bytes of them from the first on, to read and to write.
 * Returns where, or MAP_FAILED; munmap(2) ends it.
 */
void *klab_pages_map(int fd, __u32 handle, size_t bytes);

/*
 * The fragmentation index of a zone for blocks of @order, in 1/1000, as the kernel
 * defines it: would an allocation fail, then towards 0 for want of memory, towards
 * 1000 because what is free is in pieces. -1000: it would not fail.
 */
static inline int klab_zone_fragmentation(const struct klab_zone *zone, unsigned int order)
{
	__u64 blocks = 0, pages = 0, fit = 0;
	unsigned int i;

	for (i = 0; i < KLAB_ORDERS; i++) {
		blocks += zone->free_blocks[i];
		pages += zone->free_blocks[i] << i;
		if (i >= order)
			fit += zone->free_blocks[i];
	}
	if (!blocks)
		return 0;
	if (fit)
		return -1000;
	return 1000 - (int)((1000 + (pages * 1000 >> order)) / blocks);
}

/* KLAB_IOC_SIGNAL_SEND: the caller fills the "in" fields and zeroes the rest. */
int klab_signal_send(int fd, struct klab_signal_send *send);

/* KLAB_IOC_EVENTFD_FIRE: the caller fills the "in" fields and zeroes the rest. */
int klab_eventfd_fire(int fd, struct klab_eventfd_fire *fire);

/* KLAB_IOC_ERROR: fails with @error, after @signal (0 for none) was sent to this thread. */
int klab_error(int fd, __u32 error, __u32 signal);

/*
 * KLAB_IOC_NOTIFIER_CREATE: a notifier that keeps @records records (0 for a default),
 * each a struct klab_record. Returns its descriptor, which is @fd below, or -1.
 * @limits, unless NULL, gets what it can hold.
 */
int klab_notifier_create(int fd, __u32 records, struct klab_notifier_create *limits);

/*
 * KLAB_IOC_NOTIFY_SET: @set but for its array, which is @count @deliveries; the
 * handle comes back in @set.
 */
int klab_notify_set(int fd, struct klab_notify_set *set, const struct klab_delivery *deliveries,
		    __u32 count);

/*
 * KLAB_IOC_NOTIFY_QUERY: @histogram is NULL or has room for KLAB_LATENESS_BUCKETS;
 * @count says how many @deliveries there is room for, and on return how many there are.
 */
int klab_notify_query(int fd, __u32 handle, struct klab_notify_query *query,
		      struct klab_lateness *histogram, struct klab_delivery *deliveries,
		      __u32 *count);

/* KLAB_IOC_NOTIFY_LIST: @count as above. */
int klab_notify_list(int fd, struct klab_notify_entry *entries, __u32 *count);

/* KLAB_IOC_NOTIFY_CANCEL: @fired, unless NULL, gets how often it was fired. */
int klab_notify_cancel(int fd, __u32 handle, __u64 *fired);

/* KLAB_IOC_NOTIFY_FIRE, _WAIT: the caller fills the "in" fields and zeroes the rest. */
int klab_notify_fire(int fd, struct klab_notify_fire *fire);
int klab_notify_wait(int fd, struct klab_notify_wait *wait);

/* The short way to fire once: by write(2). */
int klab_notify_ring(int fd, __u32 handle);
/* KLAB_IOC_TASK_OPEN: a handle on process or thread @pid, 0 for oneself; or -1. */
int klab_task_open(int fd, __s32 pid);

/* KLAB_IOC_TASK_WHO. Here @task is a handle from klab_task_open(). */
int klab_task_who(int task, struct klab_task_who *who);

/* KLAB_IOC_TASK_COMPARE: with the task of handle @other. */
int klab_task_compare(int task, int other, struct klab_task_compare *compare);

/* KLAB_IOC_TASK_SPACE. */
int klab_task_space(int task, struct klab_task_space *space);

/*
 * KLAB_IOC_TASK_AREAS, _PAGES, _WALK; KLAB_IOC_FILE_STAT of the device: the caller
 * fills the "in" fields and zeroes the rest.
 */
int klab_task_areas(int task, struct klab_task_areas *areas);
int klab_task_pages(int task, struct klab_task_pages *pages);
int klab_task_walk(int task, struct klab_task_walk *walk);
int klab_file_stat(int fd, struct klab_file_stat *stat);

/*
 * KLAB_IOC_RECORDER_CREATE: record what the process behind @task does. Returns the
 * recorder's descriptor, for read(2), poll(2), mmap(2) and the next two, or -1.
 */
int klab_recorder_create(int task, const struct klab_recorder_create *create);
int klab_recorder_stat(int recorder, struct klab_recorder_stat *stat);
int klab_recorder_stop(int recorder);

/* KLAB_IOC_CPU: the caller sets the processor and the array, and zeroes the rest. */
int klab_cpu(int fd, struct klab_cpu *cpu);

/*
 * A mapped channel (struct klab_channel_map), as one process sees it. One thread
 * at a time may write through it, and one read.
 */
struct klab_ring {
	int fd;
	size_t capacity;		/* of the ring, in bytes, a power of two */
	struct klab_channel_map *map;
	unsigned char *bytes;		/* the ring, twice in a row */
};

/* Map the channel @fd, made with KLAB_CHANNEL_MAPPABLE. @fd must stay open. */
int klab_ring_map(struct klab_ring *ring, int fd);
int klab_ring_unmap(struct klab_ring *ring);

/* For the reader: how many bytes there are, and where they begin, in a row. */
static inline size_t klab_ring_bytes(const struct klab_ring *ring)
{
	return __atomic_load_n(&ring->map->written, __ATOMIC_ACQUIRE) - ring->map->read;
}

static inline const void *klab_ring_data(const struct klab_ring *ring)
{
	return ring->bytes + (ring->map->read & (ring->capacity - 1));
}

/* The reader has taken @bytes; a writer who sleeps is woken. */
static inline int klab_ring_take(struct klab_ring *ring, size_t bytes)
{
	struct klab_channel_map *map = ring->map;

	__atomic_store_n(&map->read, map->read + bytes, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&map->writer_sleeps, __ATOMIC_RELAXED))
		return 0;
	return klab_channel_wake(ring->fd, KLAB_CHANNEL_WRITERS);
}

/* For the writer: how many bytes fit, and where they go, in a row. */
static inline size_t klab_ring_room(const struct klab_ring *ring)
{
	struct klab_channel_map *map = ring->map;

	return ring->capacity - (map->written - __atomic_load_n(&map->read, __ATOMIC_ACQUIRE));
}

static inline void *klab_ring_space(const struct klab_ring *ring)
{
	return ring->bytes + (ring->map->written & (ring->capacity - 1));
}

/* The writer has filled in @bytes; a reader who sleeps is woken. */
static inline int klab_ring_give(struct klab_ring *ring, size_t bytes)
{
	struct klab_channel_map *map = ring->map;

	__atomic_store_n(&map->written, map->written + bytes, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&map->reader_sleeps, __ATOMIC_RELAXED))
		return 0;
	return klab_channel_wake(ring->fd, KLAB_CHANNEL_READERS);
}

#ifdef __cplusplus
}
#endif

#endif /* LIBKLAB_H */
