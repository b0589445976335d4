// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the page allocator is asked, and what is told about it: flags, times, where
 * blocks came from, and giving them back in any order.
 */
#include "klab_test.h"

FIXTURE(pages_flags)
{
	int fd;
	struct klab_info info;
	struct klab_bucket buckets[KLAB_BUCKETS];
};

FIXTURE_SETUP(pages_flags)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_INFO, &self->info));
}

FIXTURE_TEARDOWN(pages_flags)
{
	close(self->fd);
}

/* Every way to ask that is allowed gives what was asked for, held or not, and gives it back. */
TEST_F(pages_flags, every_way)
{
	__u32 free_flags = KLAB_PAGES_ATOMIC | KLAB_PAGES_RETRY_HARD | KLAB_PAGES_HIGH |
			   KLAB_PAGES_ZEROED | KLAB_PAGES_COMPOUND | KLAB_PAGES_BULK |
			   KLAB_PAGES_BARE | KLAB_PAGES_HOLD | KLAB_PAGES_PARTIAL;
	__u32 both = KLAB_PAGES_ATOMIC | KLAB_PAGES_RETRY_HARD, flags, order, tried = 0;

	for (flags = 0; flags <= free_flags; flags++) {
		for (order = 0; order <= 3; order += 3) {
			struct klab_pages_alloc alloc = {
				.flags = flags, .order = order, .count = 70,
				.node = KLAB_NODE_ANY,
			};

			if (flags & ~free_flags || (flags & both) == both ||
			    flags & (order ? KLAB_PAGES_BULK : KLAB_PAGES_COMPOUND))
				continue;
			tried++;
			ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc))
				TH_LOG("flags %#x order %u", flags, order);
			EXPECT_EQ(70, alloc.obtained);
			EXPECT_EQ(KLAB_SHORT_NOT, alloc.reason);
			EXPECT_EQ(flags & KLAB_PAGES_HOLD ? 70 << order : 0, pages_held(self->fd));
			if (alloc.handle)
				ASSERT_EQ(0, give_back(self->fd, alloc.handle));
			EXPECT_EQ(0, pages_held(self->fd));
		}
	}
	EXPECT_EQ(384, tried);
}

/* The histogram has each operation once, and begins and ends where min and max lie. */
static bool histogram_fits(const struct klab_bucket *buckets, bool frees,
			   const struct klab_timing *timing)
{
	__u64 sum = 0;
	int i, first = -1, last = -1;

	for (i = 0; i < KLAB_BUCKETS; i++) {
		__u64 count = frees ? buckets[i].frees : buckets[i].allocs;

		sum += count;
		if (count && first < 0)
			first = i;
		if (count)
			last = i;
	}
	if (sum != timing->count)
		return false;
	if (!sum)
		return true;
	return timing->min_ns >> first <= 1 && (!first || timing->min_ns >> first == 1) &&
	       (last == KLAB_BUCKETS - 1 || timing->max_ns >> last <= 1) &&
	       (!last || timing->max_ns >> last >= 1);
}

TEST_F(pages_flags, histogram)
{
	struct klab_array histogram = {
		(uintptr_t)self->buckets, KLAB_BUCKETS, sizeof(self->buckets[0]),
	};
	struct klab_pages_alloc alloc = {
		.count = 1000, .node = KLAB_NODE_ANY, .histogram = histogram,
	};
	struct klab_pages_free release = { .histogram = histogram };

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc));
	EXPECT_EQ(KLAB_BUCKETS, alloc.histogram.count);
	EXPECT_EQ(1000, alloc.alloc.count);
	EXPECT_EQ(1000, alloc.free.count);
	EXPECT_TRUE(histogram_fits(self->buckets, false, &alloc.alloc));
	EXPECT_TRUE(histogram_fits(self->buckets, true, &alloc.free));
	EXPECT_LT(0, alloc.clock_ns);

	alloc.flags = KLAB_PAGES_HOLD;
	alloc.sources.count = 0;
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc));
	EXPECT_TRUE(histogram_fits(self->buckets, false, &alloc.alloc));
	EXPECT_TRUE(histogram_fits(self->buckets, true, &alloc.free));
	EXPECT_EQ(0, alloc.free.count);

	release.handle = alloc.handle;
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_FREE, &release));
	EXPECT_EQ(KLAB_BUCKETS, release.histogram.count);
	EXPECT_EQ(1000, release.free.count);
	EXPECT_TRUE(histogram_fits(self->buckets, true, &release.free));
	EXPECT_TRUE(histogram_fits(self->buckets, false, &(struct klab_timing) { 0 }));
}

TEST_F(pages_flags, bare)
{
	struct klab_pages_alloc alloc = {
		.count = 1000, .node = KLAB_NODE_ANY, .flags = KLAB_PAGES_BARE | KLAB_PAGES_HOLD,
	};

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc));
	EXPECT_EQ(1000, alloc.obtained);
	EXPECT_EQ(0, alloc.sources.count);
	EXPECT_EQ(0, alloc.alloc.count | alloc.alloc.total_ns | alloc.clock_ns | alloc.runs |
		     alloc.longest_run | alloc.refills);
	EXPECT_EQ(1000, pages_held(self->fd));
}

/* In bulk one call gives many: as many as the kernel's bulk allocator is in the mood for. */
TEST_F(pages_flags, bulk)
{
	struct klab_pages_alloc alloc = {
		.count = 1000, .node = KLAB_NODE_ANY, .flags = KLAB_PAGES_BULK,
	};

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc));
	EXPECT_EQ(1000, alloc.obtained);
	EXPECT_LE(1000 / KLAB_BULK_BLOCKS, alloc.alloc.count);
	EXPECT_GE(1000, alloc.alloc.count);
	EXPECT_EQ(alloc.alloc.count, alloc.free.count);
}

TEST_F(pages_flags, migrate_types)
{
	struct klab_pages_source sources[64];
	struct klab_pages_alloc alloc = {
		.count = 500, .node = KLAB_NODE_ANY,
		.sources = { (uintptr_t)sources, ARRAY_SIZE(sources), sizeof(sources[0]) },
	};
	__u64 types[KLAB_TYPES], sum;
	__u32 turn, i, type;

	if (!(self->info.features & KLAB_FEATURE_TYPES))
		SKIP(return, "this kernel does not let a module read them");
	for (turn = 0; turn < 2; turn++) {
		alloc.flags = turn ? KLAB_PAGES_MOVABLE : 0;
		alloc.sources.count = ARRAY_SIZE(sources);
		alloc.histogram.count = 0;
		ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC, &alloc));
		memset(types, 0, sizeof(types));
		for (i = 0; i < alloc.sources.count; i++) {
			for (sum = 0, type = 0; type < KLAB_TYPES; type++) {
				sum += sources[i].types[type];
				types[type] += sources[i].types[type];
			}
			EXPECT_EQ(sources[i].blocks, sum);
		}
		/* Where there is none of a type, the kernel takes of another: seldom, here. */
		EXPECT_LT(250, types[turn ? KLAB_TYPE_MOVABLE : KLAB_TYPE_UNMOVABLE]);
		EXPECT_EQ(0, types[KLAB_TYPE_ISOLATE] | types[6] | types[7]);
	}
}

static struct klab_batch_info info_of(int fd, __u32 handle)
{
	struct klab_batch_info infos[16] = { };
	struct klab_pages_list list = {
		.batches = { (uintptr_t)infos, ARRAY_SIZE(infos), sizeof(infos[0]) },
	};
	__u32 i;

	if (klab(fd, KLAB_IOC_PAGES_LIST, &list))
		return (struct klab_batch_info) { .handle = ~0U };
	for (i = 0; i < list.batches.count && i < ARRAY_SIZE(infos); i++)
		if (infos[i].handle == handle)
			return infos[i];
	return (struct klab_batch_info) { 0 };
}

TEST_F(pages_flags, list)
{
	struct klab_batch_info infos[4];
	struct klab_pages_list list = {
		.batches = { (uintptr_t)infos, 2, sizeof(infos[0]) },
	};
	__u32 handles[3], i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, hold(self->fd, i, 10 + i, &handles[i]));
	memset(infos, 0xff, sizeof(infos));
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_LIST, &list));
	EXPECT_EQ(3, list.batches.count);
	EXPECT_EQ(10 + 2 * 11 + 4 * 12, list.pages);
	EXPECT_LE(list.pages, list.pages_user);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(handles[i], infos[i].handle);
		EXPECT_EQ(i, infos[i].order);
		EXPECT_EQ(KLAB_PAGES_HOLD, infos[i].flags);
		EXPECT_EQ(0, infos[i].maps);
		EXPECT_EQ(10 + i, infos[i].count);
		EXPECT_EQ(10 + i, infos[i].left);
	}
	EXPECT_EQ(~0U, infos[2].handle);
}

static int release(int fd, struct klab_pages_free *ask)
{
	ask->order = 0;
	ask->count = 0;
	ask->histogram.count = 0;
	return klab(fd, KLAB_IOC_PAGES_FREE, ask);
}

/* Every second one, some in the middle, what is left: the handle goes with the last. */
TEST_F(pages_flags, given_back_in_parts)
{
	struct klab_pages_free part = { 0 };
	__u32 handle;

	ASSERT_EQ(0, hold(self->fd, 1, 1000, &handle));
	part.handle = handle;
	part.stride = 2;
	ASSERT_EQ(0, release(self->fd, &part));
	EXPECT_EQ(500, part.count);
	EXPECT_EQ(500, part.left);
	EXPECT_EQ(500, part.free.count);
	EXPECT_EQ(1, part.order);
	EXPECT_EQ(1000, pages_held(self->fd));
	EXPECT_EQ(500, info_of(self->fd, handle).left);
	EXPECT_EQ(1000, info_of(self->fd, handle).count);

	/* Those that are gone are passed over. */
	ASSERT_EQ(0, release(self->fd, &part));
	EXPECT_EQ(0, part.count);
	EXPECT_EQ(500, part.left);
	part = (struct klab_pages_free) { .handle = handle, .first = 10, .span = 11 };
	ASSERT_EQ(0, release(self->fd, &part));
	EXPECT_EQ(5, part.count);
	EXPECT_EQ(495, part.left);
	part = (struct klab_pages_free) { .handle = handle, .first = 999, .span = 1,
					  .stride = ~0ULL };
	ASSERT_EQ(0, release(self->fd, &part));
	EXPECT_EQ(1, part.count);
	EXPECT_EQ(EINVAL, klab(self->fd, KLAB_IOC_PAGES_FREE,
			       &(struct klab_pages_free) { .handle = handle, .first = 1000 }));
	EXPECT_EQ(EINVAL, klab(self->fd, KLAB_IOC_PAGES_FREE,
			       &(struct klab_pages_free) { .handle = handle, .first = 999,
							   .span = 2 }));

	part = (struct klab_pages_free) { .handle = handle };
	ASSERT_EQ(0, release(self->fd, &part));
	EXPECT_EQ(494, part.count);
	EXPECT_EQ(0, part.left);
	EXPECT_EQ(0, pages_held(self->fd));
	EXPECT_EQ(0, info_of(self->fd, handle).handle);
	EXPECT_EQ(ENOENT, release(self->fd, &part));
}

#define THREADS	4

struct share {
	int fd;
	__u32 handle;
	__u64 first;
	__u64 freed;
	int error;
};

static void *free_share(void *argument)
{
	struct share *share = argument;
	int round;

	for (round = 0; round < 50; round++) {
		struct klab_pages_free part = {
			.handle = share->handle, .first = share->first, .span = 500 - share->first,
			.stride = THREADS - 1,
		};

		share->error = klab(share->fd, KLAB_IOC_PAGES_FREE, &part);
		if (share->error)
			break;
		share->freed += part.count;
	}
	return NULL;
}

/* Threads free overlapping parts of one batch: each block goes once. */
TEST_F(pages_flags, parts_by_threads)
{
	struct share shares[THREADS];
	pthread_t threads[THREADS];
	__u64 freed = 0;
	__u32 handle, i;
	int round;

	for (round = 0; round < 20; round++) {
		freed = 0;
		ASSERT_EQ(0, hold(self->fd, 0, 501, &handle));
		for (i = 0; i < THREADS; i++) {
			shares[i] = (struct share) { self->fd, handle, i, 0, 0 };
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, free_share, &shares[i]));
		}
		for (i = 0; i < THREADS; i++) {
			pthread_join(threads[i], NULL);
			EXPECT_EQ(0, shares[i].error);
			freed += shares[i].freed;
		}
		EXPECT_EQ(500, freed);
		EXPECT_EQ(1, pages_held(self->fd));
		EXPECT_EQ(0, give_back(self->fd, handle));
	}
}

TEST_HARNESS_MAIN
