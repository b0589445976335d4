// SPDX-License-Identifier: GPL-2.0-only
/* Bytes through memory that both sides map, in one task: no system call moves them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "libklab.h"

struct mapped {
	struct klab_ring ring;
	struct bare *bare;
	size_t bytes;
	unsigned char *sent, *got;
};

static struct mapped *mapped_open(size_t bytes)
{
	struct mapped *mapped = pages(sizeof(*mapped));

	mapped->bytes = bytes;
	mapped->sent = pages(bytes);
	mapped->got = pages(bytes);
	renew(mapped->sent, mapped->got, bytes);
	return mapped;
}

static void mapped_check(void *state, unsigned long times)
{
	struct mapped *mapped = state;

	if (memcmp(mapped->sent, mapped->got, mapped->bytes))
		fail(0, "what arrived is not what was sent");
	renew(mapped->sent, mapped->got, mapped->bytes);
}

static void *klab_ring_open(size_t bytes)
{
	struct mapped *mapped = mapped_open(bytes);

	if (klab_ring_map(&mapped->ring, private_channel(KLAB_CHANNEL_MAPPABLE)))
		fail(errno, "klab_ring_map");
	return mapped;
}

/* As two tasks would do it, each asking first whether it can go on. */
static void put(struct klab_ring *ring, const void *from, size_t bytes)
{
	if (klab_ring_room(ring) < bytes)
		fail(0, "no room");
	memcpy(klab_ring_space(ring), from, bytes);
	if (klab_ring_give(ring, bytes))
		fail(errno, "klab_ring_give");
}

static void klab_ring_run(void *state, unsigned long times)
{
	struct mapped *mapped = state;
	struct klab_ring *ring = &mapped->ring;

	while (times--) {
		put(ring, mapped->sent, mapped->bytes);
		if (klab_ring_bytes(ring) != mapped->bytes)
			fail(0, "no bytes");
		memcpy(mapped->got, klab_ring_data(ring), mapped->bytes);
		if (klab_ring_take(ring, mapped->bytes))
			fail(errno, "klab_ring_take");
	}
}

/* What a read(2) cannot do: the reader has the bytes where they lie. */
static void in_place_run(void *state, unsigned long times)
{
	struct mapped *mapped = state;
	struct klab_ring *ring = &mapped->ring;

	while (times--) {
		put(ring, mapped->sent, mapped->bytes);
		if (klab_ring_bytes(ring) != mapped->bytes)
			fail(0, "no bytes");
		if (klab_ring_take(ring, mapped->bytes))
			fail(errno, "klab_ring_take");
	}
}

/* Nothing was written since the last were taken, so they still lie there. */
static void in_place_check(void *state, unsigned long times)
{
	struct mapped *mapped = state;
	struct klab_ring *ring = &mapped->ring;
	size_t at = (ring->map->read - mapped->bytes) & (ring->capacity - 1);

	memcpy(mapped->got, ring->bytes + at, mapped->bytes);
	mapped_check(state, times);
}

static void klab_ring_end(void *state)
{
	struct mapped *mapped = state;
	int fd = mapped->ring.fd;

	klab_ring_unmap(&mapped->ring);
	close(fd);
	free(mapped->sent);
	free(mapped->got);
	free(mapped);
}

/* What a ring in shared memory needs at the very least: nobody can sleep at this one. */
struct bare {
	__u64 written;
	__u64 apart[7];		/* each index has a cache line to itself */
	__u64 read;
	__u64 apart_too[7];
	unsigned char bytes[CAPACITY];
};

static void *bare_open(size_t bytes)
{
	struct mapped *mapped = mapped_open(bytes);

	mapped->bare = mmap(NULL, sizeof(struct bare), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (mapped->bare == MAP_FAILED)
		fail(errno, "mmap");
	return mapped;
}

/* The bytes of a row are a power of two: they never wrap around. */
static void bare_run(void *state, unsigned long times)
{
	struct mapped *mapped = state;
	struct bare *bare = mapped->bare;
	size_t bytes = mapped->bytes;
	__u64 written, read;

	while (times--) {
		read = __atomic_load_n(&bare->read, __ATOMIC_ACQUIRE);
		if (CAPACITY - (bare->written - read) < bytes)
			fail(0, "no room");
		memcpy(bare->bytes + bare->written % CAPACITY, mapped->sent, bytes);
		__atomic_store_n(&bare->written, bare->written + bytes, __ATOMIC_RELEASE);

		written = __atomic_load_n(&bare->written, __ATOMIC_ACQUIRE);
		if (written - bare->read != bytes)
			fail(0, "no bytes");
		memcpy(mapped->got, bare->bytes + bare->read % CAPACITY, bytes);
		__atomic_store_n(&bare->read, bare->read + bytes, __ATOMIC_RELEASE);
	}
}

static void bare_close(void *state)
{
	struct mapped *mapped = state;

	munmap(mapped->bare, sizeof(struct bare));
	free(mapped->sent);
	free(mapped->got);
	free(mapped);
}

const struct side klab_mapped = {
	"klab", klab_ring_open, klab_ring_run, mapped_check, klab_ring_end
};

const struct side klab_in_place = {
	"klab", klab_ring_open, in_place_run, in_place_check, klab_ring_end
};

const struct side bare_ring = {
	"bare ring", bare_open, bare_run, mapped_check, bare_close
};
