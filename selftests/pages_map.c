// SPDX-License-Identifier: GPL-2.0-only
/*
 * Held pages, mapped: the very pages, cleared, shared by all who map them, and
 * there for as long as anybody does.
 */
#include <setjmp.h>

#include "klab_test.h"

FIXTURE(pages_map)
{
	int fd;
	size_t page;
};

FIXTURE_SETUP(pages_map)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	self->page = sysconf(_SC_PAGESIZE);
}

FIXTURE_TEARDOWN(pages_map)
{
	close(self->fd);
}

/* Hold cleared blocks: what came of it, with the handle 0 if nothing did. */
static struct klab_pages_alloc hold_zeroed(int fd, __u32 order, __u64 count)
{
	struct klab_pages_alloc alloc = {
		.order = order, .flags = KLAB_PAGES_HOLD | KLAB_PAGES_ZEROED, .count = count,
		.node = KLAB_NODE_ANY,
	};

	if (klab(fd, KLAB_IOC_PAGES_ALLOC, &alloc))
		alloc.handle = 0;
	return alloc;
}

static unsigned char *map_batch(int fd, __u32 handle, size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    (off_t)handle * sysconf(_SC_PAGESIZE));
}

static __u32 maps_of(int fd)
{
	struct klab_batch_info info = { 0 };
	struct klab_pages_list list = { .batches = { (uintptr_t)&info, 1, sizeof(info) } };

	return klab(fd, KLAB_IOC_PAGES_LIST, &list) ? ~0U : info.maps;
}

/* The frame behind an address that has been touched: root may know. */
static __u64 frame_of(const void *address)
{
	__u64 entry = 0, at = (uintptr_t)address / sysconf(_SC_PAGESIZE) * sizeof(entry);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (pread(fd, &entry, sizeof(entry), at) != sizeof(entry) || !(entry >> 63))
		entry = 0;
	close(fd);
	return entry & ((1ULL << 55) - 1);
}

static bool all_zero(const unsigned char *bytes, size_t size)
{
	while (size--)
		if (*bytes++)
			return false;
	return true;
}

TEST_F(pages_map, cleared_and_shared)
{
	__u32 order;

	for (order = 0; order <= 5; order += 5) {
		struct klab_pages_alloc alloc = hold_zeroed(self->fd, order, 10);
		size_t size = (10 << order) * self->page, at;
		unsigned char *one, *two;
		pid_t child;

		ASSERT_NE(0, alloc.handle);
		one = map_batch(self->fd, alloc.handle, size);
		two = map_batch(self->fd, alloc.handle, size);
		ASSERT_NE(MAP_FAILED, one);
		ASSERT_NE(MAP_FAILED, two);
		EXPECT_TRUE(all_zero(one, size));
		EXPECT_EQ(2, maps_of(self->fd));

		for (at = 0; at < size; at += self->page)
			one[at] = at / self->page + 1;
		child = fork();
		if (!child) {
			/* The child's own two count as well. */
			if (maps_of(self->fd) != 4)
				_exit(2);
			for (at = 0; at < size; at += self->page)
				if (two[at]++ != (unsigned char)(at / self->page + 1))
					_exit(1);
			_exit(0);
		}
		EXPECT_EQ(0, child_status(child));
		for (at = 0; at < size; at += self->page)
			EXPECT_EQ((unsigned char)(at / self->page + 2), one[at]);
		EXPECT_EQ(2, maps_of(self->fd));

		EXPECT_EQ(EBUSY, give_back(self->fd, alloc.handle));
		munmap(one, size);
		EXPECT_EQ(EBUSY, give_back(self->fd, alloc.handle));
		munmap(two, size);
		EXPECT_EQ(0, maps_of(self->fd));
		EXPECT_EQ(10 << order, pages_held(self->fd));
		EXPECT_EQ(0, give_back(self->fd, alloc.handle));
		EXPECT_EQ(0, pages_held(self->fd));
	}
}

/* What klab said of how the blocks lie is so: seen from /proc/self/pagemap. */
TEST_F(pages_map, how_the_blocks_lie)
{
	__u32 order;

	for (order = 0; order <= 4; order += 2) {
		struct klab_pages_alloc alloc = hold_zeroed(self->fd, order, 300);
		size_t block = self->page << order, i;
		__u64 frame, last = 0, runs = 0, run = 0, longest = 0;
		unsigned char *map = map_batch(self->fd, alloc.handle, 300 * block);

		ASSERT_NE(MAP_FAILED, map);
		for (i = 0; i < 300; i++) {
			ASSERT_EQ(0, map[i * block] | map[(i + 1) * block - 1]);
			frame = frame_of(map + i * block);
			ASSERT_NE(0, frame);
			EXPECT_EQ(0, frame & ((1 << order) - 1));
			EXPECT_EQ(frame + (1 << order) - 1, frame_of(map + (i + 1) * block - 1));
			if (frame != last + (1 << order) && last != frame + (1 << order)) {
				runs++;
				run = 0;
			}
			run++;
			longest = run > longest ? run : longest;
			last = frame;
		}
		EXPECT_EQ(runs, alloc.runs);
		EXPECT_EQ(longest, alloc.longest_run);
		munmap(map, 300 * block);
		EXPECT_EQ(0, give_back(self->fd, alloc.handle));
	}
}

/* A mapping keeps what it needs, though the descriptor is closed. */
TEST_F(pages_map, outlives_the_descriptor)
{
	struct klab_pages_alloc alloc = hold_zeroed(self->fd, BATCH_ORDER, BATCH_BLOCKS);
	int other = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	size_t size = BATCH_PAGES * self->page;
	long long held = free_pages(other);
	unsigned char *map = map_batch(self->fd, alloc.handle, size);

	ASSERT_NE(MAP_FAILED, map);
	memset(map, 0x5a, size);
	close(self->fd);
	/* Tables and the like are far less than half of it. */
	EXPECT_GT(held + BATCH_PAGES / 2, free_pages(other));
	EXPECT_EQ(0x5a, map[0]);
	EXPECT_EQ(0x5a, map[size - 1]);
	munmap(map, size);
	EXPECT_TRUE(eventually(free_pages(other) > held + BATCH_PAGES / 2));
	close(other);
	self->fd = -1;
}

static sigjmp_buf jump;

static void on_bus(int signal)
{
	siglongjmp(jump, signal);
}

/* The byte there, or -1 where there is none. */
static int byte_at(const unsigned char *at)
{
	return sigsetjmp(jump, 1) ? -1 : *at;
}

/* Blocks that are gone are holes, and the rest is where it was. */
TEST_F(pages_map, holes)
{
	struct klab_pages_alloc alloc = hold_zeroed(self->fd, 1, 8);
	struct klab_pages_free odd = { .handle = alloc.handle, .first = 1, .stride = 2 };
	unsigned char *map;
	size_t i;

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_FREE, &odd));
	EXPECT_EQ(4, odd.count);
	map = map_batch(self->fd, alloc.handle, 16 * self->page);
	ASSERT_NE(MAP_FAILED, map);
	signal(SIGBUS, on_bus);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(i / 2 % 2 ? -1 : 0, byte_at(map + i * self->page));
	munmap(map, 16 * self->page);
}

/* The offset is a name: beside one mapping lies another, and not the rest of the first. */
TEST_F(pages_map, neighbours)
{
	struct klab_pages_alloc one = hold_zeroed(self->fd, 0, 2);
	struct klab_pages_alloc two = hold_zeroed(self->fd, 0, 2);
	unsigned char *room, *map;

	ASSERT_EQ(1, one.handle);
	ASSERT_EQ(2, two.handle);
	room = mmap(NULL, 8 * self->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map = mmap(room, 2 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   self->fd, one.handle * self->page);
	ASSERT_EQ(room, map);
	map = mmap(room + 2 * self->page, 2 * self->page, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, self->fd, two.handle * self->page);
	ASSERT_EQ(room + 2 * self->page, map);
	memset(room, 1, 2 * self->page);
	EXPECT_TRUE(all_zero(map, 2 * self->page));
	memset(map, 2, 2 * self->page);
	EXPECT_EQ(1, room[2 * self->page - 1]);

	/* It does not grow into what is not there, but it may move, and be cut. */
	EXPECT_EQ(MAP_FAILED, mremap(map, 2 * self->page, 3 * self->page, MREMAP_MAYMOVE));
	map = mremap(map, 2 * self->page, 2 * self->page, MREMAP_MAYMOVE | MREMAP_FIXED,
		     room + 5 * self->page);
	ASSERT_EQ(room + 5 * self->page, map);
	EXPECT_EQ(2, map[0]);
	EXPECT_EQ(2, map[2 * self->page - 1]);
	munmap(map, self->page);
	EXPECT_EQ(2, map[self->page]);
	EXPECT_EQ(EBUSY, give_back(self->fd, two.handle));
	munmap(map + self->page, self->page);
	EXPECT_EQ(0, give_back(self->fd, two.handle));
	munmap(room, 8 * self->page);
}

/*
 * Pages that somebody else holds as well, here a pipe, are given back by klab but
 * live on with what is in them, of whatever order the block was.
 */
TEST_F(pages_map, pinned)
{
	struct klab_pages_alloc alloc = hold_zeroed(self->fd, 3, 1);
	unsigned char *map = map_batch(self->fd, alloc.handle, 8 * self->page);
	unsigned char *copy = calloc(8, self->page);
	struct iovec pages = { map, 8 * self->page };
	__u32 more;
	int pipes[2];
	size_t i;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	for (i = 0; i < 8; i++)
		map[i * self->page] = 100 + i;
	ASSERT_EQ(8 * self->page, vmsplice(pipes[1], &pages, 1, 0));
	munmap(map, 8 * self->page);
	EXPECT_EQ(0, give_back(self->fd, alloc.handle));
	EXPECT_EQ(0, pages_held(self->fd));

	/* Whoever got one of these pages now would clear it. */
	for (i = 0; i < 20; i++)
		hold_zeroed(self->fd, 0, 100);
	EXPECT_EQ(0, hold(self->fd, 3, 100, &more));
	ASSERT_EQ(8 * self->page, read(pipes[0], copy, 8 * self->page));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(100 + i, copy[i * self->page]);
	close(pipes[0]);
	close(pipes[1]);
	free(copy);
}

struct race {
	int fd;
	int stop;
	int surprises;
};

static void *map_any(void *argument)
{
	struct race *race = argument;
	size_t page = sysconf(_SC_PAGESIZE);
	__u32 handle = 0;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		unsigned char *map = map_batch(race->fd, handle++ % 4 + 1, 2 * page);

		if (map != MAP_FAILED) {
			/* Somebody else's marks, or none yet; and then ours. */
			if (map[page] && map[page] != 7)
				__atomic_store_n(&race->surprises, 1, __ATOMIC_RELAXED);
			map[page] = 7;
			munmap(map, 2 * page);
		}
	}
	return NULL;
}

/* Mapped, split and given back at the same time. */
TEST_F(pages_map, mapped_while_freed)
{
	struct race race = { .fd = self->fd };
	pthread_t threads[2];
	int i, freed = 0, busy = 0;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_any, &race));
	for (i = 0; i < 2000; i++) {
		struct klab_pages_alloc alloc = hold_zeroed(self->fd, i % 3, 2);
		int error;

		ASSERT_NE(0, alloc.handle);
		while ((error = give_back(self->fd, alloc.handle)) == EBUSY)
			busy++;
		EXPECT_EQ(0, error);
		freed += !error;
	}
	__atomic_store_n(&race.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(2000, freed);
	EXPECT_EQ(0, race.surprises);
	EXPECT_EQ(0, pages_held(self->fd));
}

TEST_HARNESS_MAIN
