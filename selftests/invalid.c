// SPDX-License-Identifier: GPL-2.0-only
/*
 * One fault at a time: each field of each command with each kind of value that it
 * may not have. The errno is the documented one, nothing was done, and no byte of
 * the caller's struct was written.
 */
#include "scene.h"

FIXTURE(invalid)
{
	struct scene scene;
	__u64 records;		/* address of memory that an array may use */
};

FIXTURE_SETUP(invalid)
{
	ASSERT_TRUE(scene_open(&self->scene));
	self->records = (uintptr_t)calloc(16, 4096);
	ASSERT_NE(0, self->records);
}

FIXTURE_TEARDOWN(invalid)
{
	free((void *)(uintptr_t)self->records);
	scene_close(&self->scene);
}

TEST_F(invalid, pages_alloc_order)
{
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.order = self->scene.info.order_max + 1);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.order = 31);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.order = 32);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.order = 63);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.order = 64);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.order = 256);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.order = INT_MAX);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.order = UINT_MAX);
}

TEST_F(invalid, pages_alloc_flags)
{
	__u32 bit;

	/* What flags exclude each other is in pages_invalid.c. */
	FLAGS_REFUSED(PAGES_ALLOC, alloc.flags, 2 * KLAB_PAGES_BARE - 1);
	for (bit = 2 * KLAB_PAGES_BARE; bit; bit <<= 1)
		REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.flags |= bit);
}

TEST_F(invalid, pages_alloc_count)
{
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.count = 0);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.count = self->scene.info.blocks_max + 1);
	/* Numbers that a cast, a shift or a multiplication would make small again. */
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.count = 1ULL << 32 | 1);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.count = 1ULL << 52 | 1);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.count = 1ULL << 61 | 1);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.count = 1ULL << 63);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.count = 1ULL << 63 | 1);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.count = ~0ULL);
	/* The same without holding them: no limit but that of one call stands in the way. */
	REFUSED(EINVAL, PAGES_ALLOC, (arg.alloc.flags = 0, arg.alloc.count = 0));
	REFUSED(EINVAL, PAGES_ALLOC,
		(arg.alloc.flags = 0, arg.alloc.count = self->scene.info.blocks_max + 1));
}

TEST_F(invalid, pages_alloc_node)
{
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.node = -2);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.node = INT_MIN);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.node = INT_MAX);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.node = 100000);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.node = 1024);
	REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.node = 64);
	if (access("/sys/devices/system/node/node1", F_OK))
		REFUSED(EINVAL, PAGES_ALLOC, arg.alloc.node = 1);
}

TEST_F(invalid, pages_alloc_too_many)
{
	/* The one page that the scene holds counts as well. */
	REFUSED(ENOMEM, PAGES_ALLOC, arg.alloc.count = self->scene.info.pages_max);
	REFUSED(ENOMEM, PAGES_ALLOC, arg.alloc.count = self->scene.info.blocks_max);
	REFUSED(ENOMEM, PAGES_ALLOC, (arg.alloc.count = self->scene.info.blocks_max,
				      arg.alloc.order = self->scene.info.order_max));
	/* A limit is not the allocator's want: "partial" does not soften it. */
	REFUSED(ENOMEM, PAGES_ALLOC, (arg.alloc.count = self->scene.info.pages_max,
				      arg.alloc.flags |= KLAB_PAGES_PARTIAL));
}

TEST_F(invalid, pages_alloc_sources)
{
	SIZES_REFUSED(PAGES_ALLOC, alloc.sources, 32);
	RECORDS_REFUSED(PAGES_ALLOC, alloc.sources, sizeof(struct klab_pages_source));
}

TEST_F(invalid, pages_zones)
{
	SIZES_REFUSED(PAGES_ZONES, zones.zones, 200);
	RECORDS_REFUSED(PAGES_ZONES, zones.zones, sizeof(struct klab_zone));
}

TEST_F(invalid, pages_free)
{
	int other = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	__u32 foreign = 0, freed, held = 0;
	union argument arg;

	/* A handle that another descriptor has, and this one has not. */
	ASSERT_LE(0, other);
	while (foreign <= self->scene.handle) {
		scene_argument(&self->scene, PAGES_ALLOC, &arg);
		ASSERT_EQ(0, klab(other, KLAB_IOC_PAGES_ALLOC, &arg));
		foreign = arg.alloc.handle;
		ASSERT_GT(100, ++held);
	}

	/* A handle that was one. */
	scene_argument(&self->scene, PAGES_ALLOC, &arg);
	ASSERT_EQ(0, klab(self->scene.klab, KLAB_IOC_PAGES_ALLOC, &arg));
	freed = arg.alloc.handle;
	scene_argument(&self->scene, PAGES_FREE, &arg);
	arg.free.handle = freed;
	ASSERT_EQ(0, klab(self->scene.klab, KLAB_IOC_PAGES_FREE, &arg));

	REFUSED(ENOENT, PAGES_FREE, arg.free.handle = 0);
	REFUSED(ENOENT, PAGES_FREE, arg.free.handle = foreign);
	REFUSED(ENOENT, PAGES_FREE, arg.free.handle = freed);
	REFUSED(ENOENT, PAGES_FREE, arg.free.handle = INT_MAX);
	REFUSED(ENOENT, PAGES_FREE, arg.free.handle = 1U << 31);
	REFUSED(ENOENT, PAGES_FREE, arg.free.handle = UINT_MAX);
	FLAGS_REFUSED(PAGES_FREE, free.flags, 0);
	FLAGS_REFUSED(PAGES_FREE, free.reserved, 0);

	EXPECT_EQ(held, pages_held(other));
	close(other);
}

TEST_F(invalid, signal_pid)
{
	pid_t gone = fork();

	if (!gone)
		_exit(0);
	ASSERT_EQ(0, child_status(gone));

	REFUSED(EINVAL, SIGNAL_SEND, arg.signal.pid = 0);
	REFUSED(EINVAL, SIGNAL_SEND, arg.signal.pid = -1);
	REFUSED(EINVAL, SIGNAL_SEND, arg.signal.pid = -getpid());
	REFUSED(EINVAL, SIGNAL_SEND, arg.signal.pid = INT_MIN);
	REFUSED(ESRCH, SIGNAL_SEND, arg.signal.pid = gone);
	REFUSED(ESRCH, SIGNAL_SEND, arg.signal.pid = INT_MAX);
	REFUSED(EINVAL, SIGNAL_SEND, (arg.signal.pid = 0, arg.signal.flags = KLAB_SIGNAL_VALUE));
	REFUSED(EINVAL, SIGNAL_SEND, (arg.signal.pid = -1, arg.signal.flags = KLAB_SIGNAL_VALUE));
	REFUSED(ESRCH, SIGNAL_SEND, (arg.signal.pid = gone, arg.signal.flags = KLAB_SIGNAL_VALUE));
}

TEST_F(invalid, signal_number)
{
	__u32 wrong[] = { 65, 66, 127, 128, 256 + SCENE_SIGNAL, INT_MAX, 1U << 31,
			  1U << 31 | SCENE_SIGNAL, UINT_MAX };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		REFUSED(EINVAL, SIGNAL_SEND, arg.signal.signal = wrong[i]);
		REFUSED(EINVAL, SIGNAL_SEND, (arg.signal.signal = wrong[i],
					      arg.signal.flags = KLAB_SIGNAL_VALUE));
	}
}

TEST_F(invalid, signal_flags)
{
	FLAGS_REFUSED(SIGNAL_SEND, signal.flags, KLAB_SIGNAL_VALUE);
	FLAGS_REFUSED(SIGNAL_SEND, signal.reserved, 0);
	REFUSED(EINVAL, SIGNAL_SEND, arg.signal.value = 1);
	REFUSED(EINVAL, SIGNAL_SEND, arg.signal.value = 1ULL << 63);
}

TEST_F(invalid, eventfd)
{
	int pipes[2], closed, path = open("/", O_PATH | O_CLOEXEC);

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	closed = dup(pipes[0]);
	close(closed);

	REFUSED(EBADF, EVENTFD_FIRE, arg.fire.fd = -1);
	REFUSED(EBADF, EVENTFD_FIRE, arg.fire.fd = INT_MIN);
	REFUSED(EBADF, EVENTFD_FIRE, arg.fire.fd = INT_MAX);
	REFUSED(EBADF, EVENTFD_FIRE, arg.fire.fd = closed);
	REFUSED(EBADF, EVENTFD_FIRE, arg.fire.fd = path);
	REFUSED(EINVAL, EVENTFD_FIRE, arg.fire.fd = pipes[1]);
	REFUSED(EINVAL, EVENTFD_FIRE, arg.fire.fd = self->scene.klab);
	REFUSED(EINVAL, EVENTFD_FIRE, arg.fire.count = 0);
	REFUSED(EINVAL, EVENTFD_FIRE, arg.fire.count = self->scene.info.fire_max + 1);
	REFUSED(EINVAL, EVENTFD_FIRE, arg.fire.count = 1U << 31);
	REFUSED(EINVAL, EVENTFD_FIRE, arg.fire.count = UINT_MAX);
	FLAGS_REFUSED(EVENTFD_FIRE, fire.flags, 0);
	FLAGS_REFUSED(EVENTFD_FIRE, fire.reserved, 0);
}

TEST_F(invalid, task_open)
{
	pid_t gone = fork();

	if (!gone)
		_exit(0);
	ASSERT_EQ(0, child_status(gone));

	REFUSED(EINVAL, TASK_OPEN, arg.task_open.pid = -1);
	REFUSED(EINVAL, TASK_OPEN, arg.task_open.pid = -getpid());
	REFUSED(EINVAL, TASK_OPEN, arg.task_open.pid = INT_MIN);
	REFUSED(ESRCH, TASK_OPEN, arg.task_open.pid = gone);
	REFUSED(ESRCH, TASK_OPEN, arg.task_open.pid = INT_MAX);
	FLAGS_REFUSED(TASK_OPEN, task_open.flags, 0);
}

TEST_F(invalid, task_compare)
{
	REFUSED(EBADF, TASK_COMPARE, arg.task_compare.other = -1);
	REFUSED(EBADF, TASK_COMPARE, arg.task_compare.other = INT_MAX);
	REFUSED(EINVAL, TASK_COMPARE, arg.task_compare.other = self->scene.klab);
	REFUSED(EINVAL, TASK_COMPARE, arg.task_compare.other = self->scene.channel);
	REFUSED(EINVAL, TASK_COMPARE, arg.task_compare.other = self->scene.file);
	FLAGS_REFUSED(TASK_COMPARE, task_compare.flags, 0);
}

TEST_F(invalid, task_areas)
{
	SIZES_REFUSED(TASK_AREAS, task_areas.areas, sizeof(struct klab_area));
	RECORDS_REFUSED(TASK_AREAS, task_areas.areas, sizeof(struct klab_area));
	FLAGS_REFUSED(TASK_AREAS, task_areas.flags, 0);
	REFUSED(EINVAL, TASK_AREAS, (arg.task_areas.start = 4096, arg.task_areas.end = 4096));
	REFUSED(EINVAL, TASK_AREAS, (arg.task_areas.start = 8192, arg.task_areas.end = 4096));
	REFUSED(EFAULT, TASK_AREAS, (arg.task_areas.names_bytes = 1));
	REFUSED(EFAULT, TASK_AREAS, (arg.task_areas.names_bytes = 4096,
				     arg.task_areas.names = 1ULL << 63));
}

TEST_F(invalid, task_pages)
{
	__u64 far = 1ULL << 56, page = sysconf(_SC_PAGESIZE);

	SIZES_REFUSED(TASK_PAGES, task_pages.pages, sizeof(struct klab_page));
	RECORDS_REFUSED(TASK_PAGES, task_pages.pages, sizeof(struct klab_page));
	SIZES_REFUSED(TASK_PAGES, task_pages.runs, sizeof(struct klab_page_run));
	RECORDS_REFUSED(TASK_PAGES, task_pages.runs, sizeof(struct klab_page_run));
	FLAGS_REFUSED(TASK_PAGES, task_pages.flags, KLAB_FRAMES);
	FLAGS_REFUSED(TASK_PAGES, task_pages.mask, 0x7fffff);
	REFUSED(EINVAL, TASK_PAGES, arg.task_pages.start++);
	REFUSED(EINVAL, TASK_PAGES, arg.task_pages.start = far);
	REFUSED(EINVAL, TASK_PAGES, arg.task_pages.start = -page);
	REFUSED(EINVAL, TASK_PAGES, arg.task_pages.bytes = 0);
	REFUSED(EINVAL, TASK_PAGES, arg.task_pages.bytes = page + 1);
	REFUSED(EINVAL, TASK_PAGES, arg.task_pages.bytes = far);
	REFUSED(EINVAL, TASK_PAGES, arg.task_pages.bytes = -arg.task_pages.start);
	REFUSED(EINVAL, TASK_PAGES, arg.task_pages.bytes = -page);
	REFUSED(EINVAL, TASK_PAGES, (arg.task_pages.start = 0, arg.task_pages.bytes = page << 32));
}

TEST_F(invalid, task_walk)
{
	REFUSED(EINVAL, TASK_WALK, arg.task_walk.address = 1ULL << 63);
	REFUSED(EINVAL, TASK_WALK, arg.task_walk.address = 1ULL << 56);
	REFUSED(EINVAL, TASK_WALK, arg.task_walk.address = ~0ULL);
	REFUSED(EINVAL, TASK_WALK, arg.task_walk.address = 0xffffffff81000000);
	FLAGS_REFUSED(TASK_WALK, task_walk.flags, KLAB_FRAMES);
}

TEST_F(invalid, file_stat)
{
	int path = open("/", O_PATH | O_CLOEXEC);

	SIZES_REFUSED(FILE_STAT, file_stat.runs, sizeof(struct klab_file_run));
	RECORDS_REFUSED(FILE_STAT, file_stat.runs, sizeof(struct klab_file_run));
	FLAGS_REFUSED(FILE_STAT, file_stat.flags, 0);
	REFUSED(EBADF, FILE_STAT, arg.file_stat.fd = -1);
	REFUSED(EBADF, FILE_STAT, arg.file_stat.fd = INT_MAX);
	REFUSED(EBADF, FILE_STAT, arg.file_stat.fd = path);
	REFUSED(EINVAL, FILE_STAT, (arg.file_stat.start = ~0ULL, arg.file_stat.pages = 2));
	close(path);
}

TEST_HARNESS_MAIN
