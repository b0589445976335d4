// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the page allocator's commands refuse beyond what invalid.c asks: flags that
 * exclude each other, parts of a batch that there are not, mappings of what may not
 * be mapped. The errno is the documented one, and nothing was done.
 */
#include "scene.h"

FIXTURE(pages_invalid)
{
	struct scene scene;
	__u64 records;		/* address of memory that an array may use */
};

FIXTURE_SETUP(pages_invalid)
{
	ASSERT_TRUE(scene_open(&self->scene));
	self->records = (uintptr_t)calloc(64, 4096);
	ASSERT_NE(0, self->records);
}

FIXTURE_TEARDOWN(pages_invalid)
{
	free((void *)(uintptr_t)self->records);
	scene_close(&self->scene);
}

TEST_F(pages_invalid, flags_that_exclude_each_other)
{
	REFUSED(EINVAL, PAGES_ALLOC,
		arg.alloc.flags |= KLAB_PAGES_ATOMIC | KLAB_PAGES_RETRY_HARD);
	REFUSED(EINVAL, PAGES_ALLOC,
		arg.alloc.flags |= KLAB_PAGES_PARTIAL | KLAB_PAGES_RETURN);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.flags = KLAB_PAGES_RETURN);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.flags |= KLAB_PAGES_COMPOUND);
	REFUSED(EINVAL, PAGES_ALLOC,
		(arg.alloc.flags |= KLAB_PAGES_BULK, arg.alloc.order = 1));
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.reserved = 1);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.reserved = 1U << 31);
}

TEST_F(pages_invalid, histogram)
{
	SIZES_REFUSED(PAGES_ALLOC, alloc.histogram, sizeof(struct klab_bucket));
	RECORDS_REFUSED(PAGES_ALLOC, alloc.histogram, sizeof(struct klab_bucket));
	/* Here it must be told before, for what is freed does not come back. */
	SIZES_REFUSED(PAGES_FREE, free.histogram, sizeof(struct klab_bucket));
	RECORDS_REFUSED(PAGES_FREE, free.histogram, sizeof(struct klab_bucket));
}

TEST_F(pages_invalid, parts_that_there_are_not)
{
	REFUSED(EINVAL, PAGES_FREE, arg.free.first = 1);
	REFUSED(EINVAL, PAGES_FREE, arg.free.first = 1ULL << 63);
	REFUSED(EINVAL, PAGES_FREE, arg.free.first = ~0ULL);
	REFUSED(EINVAL, PAGES_FREE, arg.free.span = 2);
	REFUSED(EINVAL, PAGES_FREE, arg.free.span = 1ULL << 63);
	REFUSED(EINVAL, PAGES_FREE, arg.free.span = ~0ULL);
	REFUSED(EINVAL, PAGES_FREE, (arg.free.first = ~0ULL, arg.free.span = 2));
}

TEST_F(pages_invalid, books_flags_and_sizes)
{
	FLAGS_REFUSED(PAGES_BOOKS, books.flags, 0);
	FLAGS_REFUSED(PAGES_BOOKS, books.reserved, 0);
	SIZES_REFUSED(PAGES_BOOKS, books.zones, 200);
	SIZES_REFUSED(PAGES_BOOKS, books.types, sizeof(struct klab_zone_type));
	SIZES_REFUSED(PAGES_BOOKS, books.cpus, sizeof(struct klab_zone_cpu));
	SIZES_REFUSED(PAGES_BOOKS, books.events, sizeof(struct klab_event));
}

TEST_F(pages_invalid, books_records)
{
	RECORDS_REFUSED(PAGES_BOOKS, books.zones, sizeof(struct klab_zone));
	RECORDS_REFUSED(PAGES_BOOKS, books.types, sizeof(struct klab_zone_type));
	RECORDS_REFUSED(PAGES_BOOKS, books.cpus, sizeof(struct klab_zone_cpu));
	if (counts_events(self->scene.klab))
		RECORDS_REFUSED(PAGES_BOOKS, books.events, sizeof(struct klab_event));
}

TEST_F(pages_invalid, list)
{
	SIZES_REFUSED(PAGES_LIST, list.batches, sizeof(struct klab_batch_info));
	RECORDS_REFUSED(PAGES_LIST, list.batches, sizeof(struct klab_batch_info));
}

/* Try to map @pages of what @flags ask for: an errno, or 0. */
static int try_map(int fd, __u32 order, __u32 flags, size_t bytes, int how)
{
	struct klab_pages_alloc alloc = {
		.order = order, .flags = KLAB_PAGES_HOLD | flags, .count = 2,
		.node = KLAB_NODE_ANY,
	};
	size_t page = sysconf(_SC_PAGESIZE);
	int error = klab(fd, KLAB_IOC_PAGES_ALLOC, &alloc);
	void *map;

	if (error)
		return error;
	map = mmap(NULL, bytes, PROT_READ, how, fd, alloc.handle * page);
	error = map == MAP_FAILED ? errno : 0;
	if (!error)
		munmap(map, bytes);
	return give_back(fd, alloc.handle) ?: error;
}

TEST_F(pages_invalid, mappings)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int fd = self->scene.klab;

	EXPECT_EQ(0, try_map(fd, 0, KLAB_PAGES_ZEROED, 2 * page, MAP_SHARED));
	EXPECT_EQ(0, try_map(fd, 3, KLAB_PAGES_ZEROED, 16 * page, MAP_SHARED));
	EXPECT_EQ(0, try_map(fd, 3, KLAB_PAGES_ZEROED, page, MAP_SHARED));
	/* Memory that was not cleared holds what others left there. */
	EXPECT_EQ(EINVAL, try_map(fd, 0, 0, page, MAP_SHARED));
	EXPECT_EQ(EINVAL, try_map(fd, 3, KLAB_PAGES_COMPOUND | KLAB_PAGES_ZEROED, page,
				  MAP_SHARED));
	EXPECT_EQ(EINVAL, try_map(fd, 0, KLAB_PAGES_ZEROED, 2 * page, MAP_PRIVATE));
	EXPECT_EQ(EINVAL, try_map(fd, 0, KLAB_PAGES_ZEROED, 3 * page, MAP_SHARED));
	EXPECT_EQ(EINVAL, try_map(fd, 3, KLAB_PAGES_ZEROED, 17 * page, MAP_SHARED));

	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 999 * page));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_TRUE(scene_untouched(&self->scene));
}

TEST_HARNESS_MAIN
