/* SPDX-License-Identifier: GPL-2.0-only */
/* Mapped channels as the tests use them: by the inline functions of libklab. */
#ifndef RING_TEST_H
#define RING_TEST_H

#include "channel_test.h"
#include "libklab.h"

#define CAPACITY	8192

/* The two functions of libklab that the inline ones call. */
int klab_channel_wait(int fd, __u32 side, __u64 bytes)
{
	struct klab_channel_wait wait = { .side = side, .bytes = bytes };

	return ioctl(fd, KLAB_IOC_CHANNEL_WAIT, &wait);
}

int klab_channel_wake(int fd, __u32 side)
{
	struct klab_channel_wake wake = { .side = side };

	return ioctl(fd, KLAB_IOC_CHANNEL_WAKE, &wake);
}

static inline size_t mapped_size(void)
{
	return sysconf(_SC_PAGESIZE) + 2 * CAPACITY;
}

static inline bool map_ring(struct klab_ring *ring, int fd)
{
	void *map = mmap(NULL, mapped_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	*ring = (struct klab_ring) {
		.fd = fd, .capacity = CAPACITY, .map = map,
		.bytes = (unsigned char *)map + sysconf(_SC_PAGESIZE),
	};
	return map != MAP_FAILED;
}

/* A small generator of its own for each process, the same in every run. */
static inline unsigned int chance(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 8;
}

static inline void wait_for(struct klab_ring *ring, __u32 side, bool by_poll)
{
	struct pollfd poller = {
		.fd = ring->fd, .events = side == KLAB_CHANNEL_READERS ? POLLIN : POLLOUT,
	};

	if (by_poll)
		poll(&poller, 1, -1);
	else
		klab_channel_wait(ring->fd, side, 1);
}

static inline bool send_all(struct klab_ring *ring, bool mapped, bool by_poll,
			    const unsigned char *bytes, size_t size)
{
	size_t room;

	if (!mapped)
		return write(ring->fd, bytes, size) == (ssize_t)size;
	while (size) {
		room = klab_ring_room(ring);
		if (!room) {
			wait_for(ring, KLAB_CHANNEL_WRITERS, by_poll);
			continue;
		}
		room = room < size ? room : size;
		memcpy(klab_ring_space(ring), bytes, room);
		klab_ring_give(ring, room);
		bytes += room;
		size -= room;
	}
	return true;
}

/* As read(2): some bytes, or none when there will be no more. */
static inline size_t receive(struct klab_ring *ring, bool mapped, bool by_poll,
			     unsigned char *bytes, size_t size)
{
	size_t there;
	ssize_t got;

	if (!mapped) {
		got = read(ring->fd, bytes, size);
		return got < 0 ? 0 : got;
	}
	while (!(there = klab_ring_bytes(ring))) {
		if (__atomic_load_n(&ring->map->ended, __ATOMIC_ACQUIRE) && !klab_ring_bytes(ring))
			return 0;
		wait_for(ring, KLAB_CHANNEL_READERS, by_poll);
	}
	there = there < size ? there : size;
	memcpy(bytes, klab_ring_data(ring), there);
	klab_ring_take(ring, there);
	return there;
}

#endif /* RING_TEST_H */
