// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page allocator through klab: what is given, held, counted and given back. How
 * much that may be at most is in limits.c.
 */
#include <stddef.h>

#include "klab_test.h"

FIXTURE(pages)
{
	int fd;
	struct klab_info info;
};

FIXTURE_SETUP(pages)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_INFO, &self->info));
	ASSERT_EQ(0, pages_held(self->fd));
}

FIXTURE_TEARDOWN(pages)
{
	close(self->fd);
}

/* @timing is one of @operations, none of which took no time or a day. */
#define EXPECT_TIMING(timing, operations) do {				\
	EXPECT_EQ(operations, (timing).count);				\
	EXPECT_LE((timing).min_ns, (timing).max_ns);			\
	EXPECT_LE((timing).max_ns, (timing).total_ns);			\
	EXPECT_LE((timing).min_ns * (operations), (timing).total_ns);	\
	EXPECT_GE((timing).max_ns * (operations), (timing).total_ns);	\
	EXPECT_EQ(!(operations), !(timing).total_ns);			\
} while (0)

TEST_F(pages, every_order_released_at_once)
{
	__u32 order;
	__u64 start;

	for (order = 0; order <= self->info.order_max; order++) {
		struct klab_pages_alloc alloc = {
			.order = order, .count = 5, .node = KLAB_NODE_ANY,
			.handle = 1234, .obtained = 1234,
		};

		start = now_ns();
		ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc))
			TH_LOG("order %u", order);
		EXPECT_GE(now_ns() - start, alloc.alloc.total_ns + alloc.free.total_ns);
		EXPECT_EQ(0, alloc.handle);
		EXPECT_EQ(5, alloc.obtained);
		EXPECT_TIMING(alloc.alloc, 5);
		EXPECT_TIMING(alloc.free, 5);
		EXPECT_EQ(0, pages_held(self->fd));
		EXPECT_EQ(0, fdinfo_value(self->fd, "batches", 10));
	}
}

TEST_F(pages, every_order_held)
{
	__u32 order;

	for (order = 0; order <= self->info.order_max; order++) {
		struct klab_pages_alloc alloc = {
			.order = order, .flags = KLAB_PAGES_HOLD, .count = 3, .node = 0,
		};
		struct klab_pages_free release = { .order = 1234, .count = 1234 };

		ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc))
			TH_LOG("order %u", order);
		EXPECT_NE(0, alloc.handle);
		EXPECT_EQ(3, alloc.obtained);
		EXPECT_TIMING(alloc.alloc, 3);
		EXPECT_TIMING(alloc.free, 0);
		EXPECT_EQ(3 << order, pages_held(self->fd));
		EXPECT_EQ(1, fdinfo_value(self->fd, "batches", 10));

		release.handle = alloc.handle;
		ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_FREE, &release));
		EXPECT_EQ(order, release.order);
		EXPECT_EQ(3, release.count);
		EXPECT_TIMING(release.free, 3);
		EXPECT_EQ(0, pages_held(self->fd));
	}
}

/* Where they came from: every block is accounted for, and the zones are those there are. */
TEST_F(pages, sources)
{
	struct klab_zone zones[64];
	struct klab_pages_zones books = {
		.zones = { (uintptr_t)zones, ARRAY_SIZE(zones), sizeof(zones[0]) },
	};
	struct klab_pages_source sources[64];
	struct klab_pages_alloc alloc = {
		.count = 1000, .node = KLAB_NODE_ANY,
		.sources = { (uintptr_t)sources, ARRAY_SIZE(sources), sizeof(sources[0]) },
	};
	__u64 sum = 0;
	__u32 i, j;

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ZONES, &books));
	memset(sources, 0xff, sizeof(sources));
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc));
	ASSERT_LT(0, alloc.sources.count);
	ASSERT_GE(books.zones.count, alloc.sources.count);
	for (i = 0; i < alloc.sources.count; i++) {
		for (j = 0; j < books.zones.count; j++)
			if (zones[j].node == sources[i].node && zones[j].zone == sources[i].zone)
				break;
		ASSERT_LT(j, books.zones.count);
		EXPECT_STREQ(zones[j].name, sources[i].name);
		EXPECT_LT(0, sources[i].blocks);
		sum += sources[i].blocks;
	}
	EXPECT_EQ(1000, sum);
	EXPECT_EQ(~0ULL, sources[i].blocks);
}

/* The array's own rules: no room is no error, and a longer record gets zeroes. */
TEST_F(pages, sources_of_other_sizes)
{
	struct longer {
		struct klab_pages_source known;
		__u64 news;
		__u64 beyond;
	} longer;
	struct klab_pages_alloc alloc = { .count = 1, .node = KLAB_NODE_ANY };

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc));
	EXPECT_EQ(1, alloc.sources.count);

	memset(&longer, 0xff, sizeof(longer));
	alloc.histogram = (struct klab_array) { 0 };
	alloc.sources.records = (uintptr_t)&longer;
	alloc.sources.count = 1;
	alloc.sources.size = offsetof(struct longer, beyond);
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc));
	EXPECT_EQ(1, longer.known.blocks);
	EXPECT_EQ(0, longer.news);
	EXPECT_EQ(~0ULL, longer.beyond);
}

/* Blocks that are held are gone from the free ones, and come back, to the last. */
TEST_F(pages, free_memory_shows_it)
{
	long long slack = BATCH_PAGES / 8, before = free_pages(self->fd), now;
	__u32 handle;

	ASSERT_EQ(0, hold(self->fd, BATCH_ORDER, BATCH_BLOCKS, &handle));
	now = free_pages(self->fd);
	EXPECT_LT(BATCH_PAGES - slack, before - now);
	EXPECT_GT(BATCH_PAGES + slack, before - now);
	ASSERT_EQ(0, give_back(self->fd, handle));
	now = free_pages(self->fd);
	EXPECT_LT(before - slack, now);
	EXPECT_GT(before + slack, now);
}

TEST_F(pages, descriptors_are_independent)
{
	int other = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	__u32 here, there;

	ASSERT_EQ(0, hold(self->fd, 0, 100, &here));
	ASSERT_EQ(0, hold(other, 0, 200, &there));
	EXPECT_EQ(100, pages_held(self->fd));
	EXPECT_EQ(200, pages_held(other));
	close(other);
	EXPECT_EQ(100, pages_held(self->fd));
	EXPECT_EQ(0, give_back(self->fd, here));
}

/* Handles name their batch and no other, in whatever order they go. */
TEST_F(pages, handles)
{
	__u32 handles[100], i, j;

	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		ASSERT_EQ(0, hold(self->fd, 0, i + 1, &handles[i]));
		for (j = 0; j < i; j++)
			EXPECT_NE(handles[j], handles[i]);
	}
	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		struct klab_pages_free release = { .handle = handles[i * 37 % 100] };

		EXPECT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_FREE, &release));
		EXPECT_EQ(i * 37 % 100 + 1, release.count);
	}
	EXPECT_EQ(0, pages_held(self->fd));
}

#define THREADS	4

struct race {
	pthread_barrier_t start;
	int fd;
	__u32 handle;
	int succeeded;
	int enoent;
};

static void *free_it(void *argument)
{
	struct race *race = argument;
	int error;

	pthread_barrier_wait(&race->start);
	error = give_back(race->fd, race->handle);
	__atomic_add_fetch(error ? &race->enoent : &race->succeeded, error == 0 || error == ENOENT,
			   __ATOMIC_RELAXED);
	return NULL;
}

/* Many free one handle at the same time: one does, the others are told that it is gone. */
TEST_F(pages, freed_once)
{
	struct race race = { .fd = self->fd };
	pthread_t threads[THREADS];
	int round, i;

	pthread_barrier_init(&race.start, NULL, THREADS);
	for (round = 0; round < 100; round++) {
		race.succeeded = 0;
		race.enoent = 0;
		ASSERT_EQ(0, hold(self->fd, 0, 50, &race.handle));
		for (i = 0; i < THREADS; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, free_it, &race));
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		ASSERT_EQ(1, race.succeeded);
		ASSERT_EQ(THREADS - 1, race.enoent);
		ASSERT_EQ(0, pages_held(self->fd));
	}
}

TEST_HARNESS_MAIN
