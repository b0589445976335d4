// SPDX-License-Identifier: LGPL-2.1-or-later
/* libklab: one typed function for each command of /dev/klab. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libklab.h"

int klab_open(int flags)
{
	return open(KLAB_DEVICE, O_RDWR | O_CLOEXEC | flags);
}

int klab_info(int fd, struct klab_info *info)
{
	return ioctl(fd, KLAB_IOC_INFO, info);
}

int klab_channel_create(int fd, __u64 capacity, __u32 flags)
{
	struct klab_channel_create arg = { .capacity = capacity, .flags = flags };

	return ioctl(fd, KLAB_IOC_CHANNEL_CREATE, &arg);
}

int klab_channel_stat(int fd, struct klab_channel_stat *stat)
{
	return ioctl(fd, KLAB_IOC_CHANNEL_STAT, stat);
}

int klab_channel_resize(int fd, __u64 *capacity)
{
	struct klab_channel_resize arg = { .capacity = *capacity };

	if (ioctl(fd, KLAB_IOC_CHANNEL_RESIZE, &arg) < 0)
		return -1;
	*capacity = arg.capacity;
	return 0;
}

int klab_channel_end(int fd)
{
	struct klab_channel_end arg = { 0 };

	return ioctl(fd, KLAB_IOC_CHANNEL_END, &arg);
}

int klab_channel_wait(int fd, __u32 side, __u64 bytes)
{
	struct klab_channel_wait arg = { .side = side, .bytes = bytes };

	return ioctl(fd, KLAB_IOC_CHANNEL_WAIT, &arg);
}

int klab_channel_wake(int fd, __u32 side)
{
	struct klab_channel_wake arg = { .side = side };

	return ioctl(fd, KLAB_IOC_CHANNEL_WAKE, &arg);
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

int klab_pages_books(int fd, struct klab_pages_books *books)
{
	return ioctl(fd, KLAB_IOC_PAGES_BOOKS, books);
}

int klab_pages_list(int fd, struct klab_pages_list *list)
{
	return ioctl(fd, KLAB_IOC_PAGES_LIST, list);
}

void *klab_pages_map(int fd, __u32 handle, size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    (off_t)handle * sysconf(_SC_PAGESIZE));
}

int klab_signal_send(int fd, struct klab_signal_send *send)
{
	return ioctl(fd, KLAB_IOC_SIGNAL_SEND, send);
}

int klab_eventfd_fire(int fd, struct klab_eventfd_fire *fire)
{
	return ioctl(fd, KLAB_IOC_EVENTFD_FIRE, fire);
}

int klab_error(int fd, __u32 error, __u32 signal)
{
	struct klab_error arg = { .error = error, .signal = signal };

	return ioctl(fd, KLAB_IOC_ERROR, &arg);
}

int klab_notifier_create(int fd, __u32 records, struct klab_notifier_create *limits)
{
	struct klab_notifier_create arg = {
		.records = records, .record_size = sizeof(struct klab_record),
	};
	int made = ioctl(fd, KLAB_IOC_NOTIFIER_CREATE, &arg);

	if (made >= 0 && limits)
		*limits = arg;
	return made;
}

int klab_notify_set(int fd, struct klab_notify_set *set, const struct klab_delivery *deliveries,
		    __u32 count)
{
	set->deliveries = (struct klab_array){
		.records = (uintptr_t)deliveries,
		.count = count,
		.size = sizeof(*deliveries),
	};
	return ioctl(fd, KLAB_IOC_NOTIFY_SET, set);
}

int klab_notify_query(int fd, __u32 handle, struct klab_notify_query *query,
		      struct klab_lateness *histogram, struct klab_delivery *deliveries,
		      __u32 *count)
{
	*query = (struct klab_notify_query){
		.handle = handle,
		.histogram = {
			.records = (uintptr_t)histogram,
			.count = histogram ? KLAB_LATENESS_BUCKETS : 0,
			.size = sizeof(*histogram),
		},
		.deliveries = {
			.records = (uintptr_t)deliveries,
			.count = count ? *count : 0,
			.size = sizeof(*deliveries),
		},
	};
	if (ioctl(fd, KLAB_IOC_NOTIFY_QUERY, query) < 0)
		return -1;
	if (count)
		*count = query->deliveries.count;
	return 0;
}

int klab_notify_list(int fd, struct klab_notify_entry *entries, __u32 *count)
{
	struct klab_notify_list arg = {
		.entries = {
			.records = (uintptr_t)entries,
			.count = *count,
			.size = sizeof(*entries),
		},
	};

	if (ioctl(fd, KLAB_IOC_NOTIFY_LIST, &arg) < 0)
		return -1;
	*count = arg.entries.count;
	return 0;
}

int klab_notify_cancel(int fd, __u32 handle, __u64 *fired)
{
	struct klab_notify_cancel arg = { .handle = handle };

	if (ioctl(fd, KLAB_IOC_NOTIFY_CANCEL, &arg) < 0)
		return -1;
	if (fired)
		*fired = arg.fired;
	return 0;
}

int klab_notify_fire(int fd, struct klab_notify_fire *fire)
{
	return ioctl(fd, KLAB_IOC_NOTIFY_FIRE, fire);
}

int klab_notify_wait(int fd, struct klab_notify_wait *wait)
{
	return ioctl(fd, KLAB_IOC_NOTIFY_WAIT, wait);
}

int klab_notify_ring(int fd, __u32 handle)
{
	return write(fd, &handle, sizeof(handle)) < 0 ? -1 : 0;
}

int klab_task_open(int fd, __s32 pid)
{
	struct klab_task_open arg = { .pid = pid };

	return ioctl(fd, KLAB_IOC_TASK_OPEN, &arg);
}

int klab_task_who(int task, struct klab_task_who *who)
{
	return ioctl(task, KLAB_IOC_TASK_WHO, who);
}

int klab_task_compare(int task, int other, struct klab_task_compare *compare)
{
	*compare = (struct klab_task_compare){ .other = other };
	return ioctl(task, KLAB_IOC_TASK_COMPARE, compare);
}

int klab_task_space(int task, struct klab_task_space *space)
{
	return ioctl(task, KLAB_IOC_TASK_SPACE, space);
}

int klab_task_areas(int task, struct klab_task_areas *areas)
{
	return ioctl(task, KLAB_IOC_TASK_AREAS, areas);
}

int klab_task_pages(int task, struct klab_task_pages *pages)
{
	return ioctl(task, KLAB_IOC_TASK_PAGES, pages);
}

int klab_task_walk(int task, struct klab_task_walk *walk)
{
	return ioctl(task, KLAB_IOC_TASK_WALK, walk);
}

int klab_file_stat(int fd, struct klab_file_stat *stat)
{
	return ioctl(fd, KLAB_IOC_FILE_STAT, stat);
}

int klab_recorder_create(int task, const struct klab_recorder_create *create)
{
	return ioctl(task, KLAB_IOC_RECORDER_CREATE, create);
}

int klab_recorder_stat(int recorder, struct klab_recorder_stat *stat)
{
	return ioctl(recorder, KLAB_IOC_RECORDER_STAT, stat);
}

int klab_recorder_stop(int recorder)
{
	struct klab_recorder_stop arg = { 0 };

	return ioctl(recorder, KLAB_IOC_RECORDER_STOP, &arg);
}

int klab_cpu(int fd, struct klab_cpu *cpu)
{
	return ioctl(fd, KLAB_IOC_CPU, cpu);
}

/* One page of indices, and the ring twice. */
static size_t map_size(const struct klab_ring *ring)
{
	return sysconf(_SC_PAGESIZE) + 2 * ring->capacity;
}

int klab_ring_map(struct klab_ring *ring, int fd)
{
	struct klab_channel_stat stat;
	void *map;

	if (klab_channel_stat(fd, &stat) < 0)
		return -1;
	ring->fd = fd;
	ring->capacity = stat.capacity;
	map = mmap(NULL, map_size(ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -1;
	ring->map = map;
	ring->bytes = (unsigned char *)map + sysconf(_SC_PAGESIZE);
	return 0;
}

int klab_ring_unmap(struct klab_ring *ring)
{
	return munmap(ring->map, map_size(ring));
}
