// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a range, beside pagemap, kpageflags, kpagecount and mincore: on areas
 * of every kind, made for it.
 */
#include <linux/capability.h>

#include "task_test.h"

#define COUNT	16		/* pages of each area */

/* Bits of /proc/PID/pagemap and of /proc/kpageflags. */
#define PM_PRESENT	0x8000000000000000ULL
#define PM_FILE		0x2000000000000000ULL
#define PM_EXCLUSIVE	0x0100000000000000ULL
#define PM_FRAME	0x007fffffffffffffULL
#define KPF_COMPOUND_TAIL	16

static const struct {
	__u32 flag;
	int bit;
} page_flags[] = {
	{ KLAB_PAGE_REFERENCED, 2 }, { KLAB_PAGE_DIRTY, 4 }, { KLAB_PAGE_LRU, 5 },
	{ KLAB_PAGE_ACTIVE, 6 }, { KLAB_PAGE_WRITEBACK, 8 }, { KLAB_PAGE_ANON, 12 },
	{ KLAB_PAGE_SWAP_CACHE, 13 }, { KLAB_PAGE_HUGETLB, 17 }, { KLAB_PAGE_UNEVICTABLE, 18 },
	{ KLAB_PAGE_MLOCKED, 33 },
	/* Not the one of KSM: some kernels of 6.12 set it for every anonymous page. */
};

FIXTURE(task_pages)
{
	int task;
	int pagemap, flags, counts;
};

FIXTURE_SETUP(task_pages)
{
	self->task = handle_on(0);
	ASSERT_LE(0, self->task);
	self->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	self->flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	self->counts = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->pagemap);
	ASSERT_LE(0, self->flags);
	ASSERT_LE(0, self->counts);
}

FIXTURE_TEARDOWN(task_pages)
{
	close(self->task);
	close(self->pagemap);
	close(self->flags);
	close(self->counts);
}

static __u64 word_at(int fd, __u64 index)
{
	__u64 word = ~0ULL;

	if (pread(fd, &word, sizeof(word), index * sizeof(word)) != sizeof(word))
		return ~0ULL;
	return word;
}

/* Does one page say the same everywhere? Prints what does not, if @say. */
static bool page_agrees(const struct _test_data_task_pages *self, const char *address,
			const struct klab_page *page, bool say)
{
	__u64 map = word_at(self->pagemap, (uintptr_t)address / PAGE), flags, expected = 0, got = 0;
	bool present = page->flags & KLAB_PAGE_PRESENT, agree;
	size_t i;

	agree = present == !!(map & PM_PRESENT);
	if (agree && present) {
		flags = word_at(self->flags, page->frame);
		agree = page->frame == (map & PM_FRAME) &&
			!!(page->flags & KLAB_PAGE_ZERO) == !!(flags >> 24 & 1);
		if (agree && !(page->flags & KLAB_PAGE_ZERO)) {
			/* Of the large page of zeroes pagemap says that it is a file's. */
			agree = !!(page->flags & (KLAB_PAGE_FILE | KLAB_PAGE_SHMEM)) ==
					!!(map & PM_FILE) &&
				!(page->flags & KLAB_PAGE_SHARED) == !!(map & PM_EXCLUSIVE) &&
				page->mappings == word_at(self->counts, page->frame);
			/* Of a larger page only the first part tells everything, on 6.1. */
			for (i = 0; i < ARRAY_SIZE(page_flags); i++) {
				if (flags >> KPF_COMPOUND_TAIL & 1)
					break;
				if (flags >> page_flags[i].bit & 1)
					expected |= page_flags[i].flag;
				got |= page->flags & page_flags[i].flag;
			}
			agree = agree && expected == got;
		}
		if (!agree && say)
			printf("# %p: klab flags %#x frame %#llx mappings %u; %s %#llx, %s %#llx\n",
			       address, page->flags, page->frame, page->mappings,
			       "pagemap", map, "kpageflags", flags);
	} else if (!agree && say) {
		printf("# %p: klab flags %#x; pagemap %#llx\n", address, page->flags, map);
	}
	return agree;
}

/*
 * Do klab and /proc agree about all of them? Pages move between lists at any time, so
 * a disagreement must last to count.
 */
static bool pages_agree(const struct _test_data_task_pages *self, const char *start, size_t count)
{
	static struct klab_page pages[1024];
	size_t i, tries;
	bool agree = false;

	for (tries = 0; tries < 20 && !agree; tries++) {
		if (read_pages(self->task, start, count, KLAB_FRAMES, pages))
			return false;
		for (i = 0, agree = true; i < count && agree; i++)
			agree = page_agrees(self, start + i * PAGE, &pages[i], tries == 19);
		if (!agree)
			usleep(20000);
	}
	return agree;
}

static long count_of(const struct _test_data_task_pages *self, const char *start, __u32 flag)
{
	return count_pages(self->task, start, COUNT, flag);
}

/* Touched by a write, by a read, not at all. */
static void touch(char *memory)
{
	int i;

	for (i = 0; i < COUNT / 2; i++)
		memory[i * PAGE] = 1;
	for (; i < COUNT / 2 + 4; i++)
		glance(&memory[i * PAGE]);
}

TEST_F(task_pages, anonymous_private)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);

	EXPECT_TRUE(pages_agree(self, memory, COUNT));
	EXPECT_EQ(0, count_of(self, memory, KLAB_PAGE_PRESENT));
	touch(memory);
	EXPECT_TRUE(pages_agree(self, memory, COUNT));
	EXPECT_EQ(COUNT / 2 + 4, count_of(self, memory, KLAB_PAGE_PRESENT));
	EXPECT_EQ(COUNT / 2, count_of(self, memory, KLAB_PAGE_ANON));
	EXPECT_EQ(COUNT / 2, count_of(self, memory, KLAB_PAGE_WRITABLE));
	EXPECT_EQ(COUNT / 2, count_of(self, memory, KLAB_PAGE_EXCLUSIVE));
	EXPECT_EQ(4, count_of(self, memory, KLAB_PAGE_ZERO));
	EXPECT_EQ(0, count_of(self, memory, KLAB_PAGE_SHARED));
}

TEST_F(task_pages, heap)
{
	char *memory = sbrk(0);

	memory = sbrk(COUNT * PAGE + (-(uintptr_t)memory & (PAGE - 1)));
	memory = (char *)(((uintptr_t)memory + PAGE - 1) & -PAGE);
	madvise(memory, COUNT * PAGE, MADV_NOHUGEPAGE);
	EXPECT_EQ(0, count_of(self, memory, KLAB_PAGE_PRESENT));
	touch(memory);
	EXPECT_TRUE(pages_agree(self, memory, COUNT));
	EXPECT_EQ(COUNT / 2, count_of(self, memory, KLAB_PAGE_ANON));
}

TEST_F(task_pages, anonymous_shared)
{
	char *memory = map_pages(COUNT, MAP_SHARED);

	touch(memory);
	EXPECT_TRUE(pages_agree(self, memory, COUNT));
	EXPECT_LE(COUNT / 2 + 4, count_of(self, memory, KLAB_PAGE_SHMEM));
	EXPECT_EQ(0, count_of(self, memory, KLAB_PAGE_ANON));
}

static int make_file(const char *directory)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), i;
	char page[65536] = "x";

	if (fd < 0) {
		char path[128];

		snprintf(path, sizeof(path), "%s/pages", directory);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		unlink(path);
	}
	for (i = 0; i < COUNT; i++)
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			return -1;
	fsync(fd);
	return fd;
}

TEST_F(task_pages, file)
{
	const char *disk = disk_directory();
	int fd = make_file(disk ?: "/tmp");
	char *shared, *private;

	ASSERT_LE(0, fd);
	shared = mmap(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	EXPECT_EQ(0, count_of(self, shared, KLAB_PAGE_PRESENT));
	touch(shared);
	touch(private);
	EXPECT_TRUE(pages_agree(self, shared, COUNT));
	EXPECT_TRUE(pages_agree(self, private, COUNT));
	EXPECT_EQ(COUNT / 2, count_of(self, private, KLAB_PAGE_ANON));
	EXPECT_LE(4, count_of(self, private, KLAB_PAGE_SHARED));
	EXPECT_LE(COUNT / 2 + 4, count_of(self, shared, KLAB_PAGE_FILE) +
				 count_of(self, shared, KLAB_PAGE_SHMEM));
	munmap(shared, COUNT * PAGE);
	munmap(private, COUNT * PAGE);
	close(fd);
}

TEST_F(task_pages, shmem)
{
	int fd = memfd_create("pages", MFD_CLOEXEC);
	char *memory;

	ASSERT_EQ(0, ftruncate(fd, COUNT * PAGE));
	memory = mmap(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	touch(memory);
	EXPECT_TRUE(pages_agree(self, memory, COUNT));
	EXPECT_LE(COUNT / 2, count_of(self, memory, KLAB_PAGE_SHMEM));
	close(fd);
}

TEST_F(task_pages, locked)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE), *late = map_pages(COUNT, MAP_PRIVATE);

	ASSERT_EQ(0, mlock(memory, COUNT * PAGE));
	ASSERT_EQ(0, syscall(SYS_mlock2, late, COUNT * PAGE, 1 /* MLOCK_ONFAULT */));
	EXPECT_TRUE(pages_agree(self, memory, COUNT));
	EXPECT_EQ(COUNT, count_of(self, memory, KLAB_PAGE_PRESENT));
	EXPECT_TRUE(eventually(count_of(self, memory, KLAB_PAGE_MLOCKED) == COUNT));
	EXPECT_EQ(0, count_of(self, late, KLAB_PAGE_PRESENT));
	touch(late);
	EXPECT_TRUE(pages_agree(self, late, COUNT));
	EXPECT_LE(COUNT / 2, count_of(self, late, KLAB_PAGE_PRESENT));
}

/* Nobody may read it, so a module is not told, and says so; /proc says more. */
TEST_F(task_pages, guard)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);

	touch(memory);
	ASSERT_EQ(0, mprotect(memory + 4 * PAGE, 4 * PAGE, PROT_NONE));
	EXPECT_EQ(4, count_of(self, memory, KLAB_PAGE_UNKNOWN));
	EXPECT_EQ(COUNT / 2, count_of(self, memory, KLAB_PAGE_PRESENT));
	ASSERT_EQ(0, munmap(memory + 4 * PAGE, 4 * PAGE));
	EXPECT_EQ(4, count_of(self, memory, KLAB_PAGE_NO_AREA));
	EXPECT_EQ(0, count_of(self, memory, KLAB_PAGE_UNKNOWN));
	EXPECT_TRUE(pages_agree(self, memory, COUNT));
}

static char *aligned_area(void)
{
	char *memory = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return (char *)(((uintptr_t)memory + HUGE - 1) & -HUGE);
}

TEST_F(task_pages, huge)
{
	char *memory = aligned_area(), *zero = aligned_area();
	struct klab_page page;

	if (madvise(memory, HUGE, MADV_HUGEPAGE))
		SKIP(return, "no huge pages here");
	memory[5] = 1;
	ASSERT_EQ(0, read_pages(self->task, memory + PAGE, 1, 0, &page));
	if (!(page.flags & KLAB_PAGE_LARGE))
		SKIP(return, "no huge page was to be had");
	EXPECT_TRUE(pages_agree(self, memory, HUGE / PAGE));
	EXPECT_EQ(9, page.order);
	EXPECT_EQ(HUGE / PAGE, count_pages(self->task, memory, HUGE / PAGE, KLAB_PAGE_PRESENT));
	/* Half of it in small entries, and the page is as large as it was. */
	ASSERT_EQ(0, mprotect(memory, 4 * PAGE, PROT_READ));
	EXPECT_TRUE(pages_agree(self, memory, HUGE / PAGE));
	ASSERT_EQ(0, read_pages(self->task, memory + PAGE, 1, 0, &page));
	EXPECT_EQ(0, page.order);
	EXPECT_NE(0, page.flags & KLAB_PAGE_LARGE);
	EXPECT_EQ(0, page.flags & KLAB_PAGE_WRITABLE);

	madvise(zero, HUGE, MADV_HUGEPAGE);
	glance(zero);
	EXPECT_TRUE(pages_agree(self, zero, HUGE / PAGE));
	EXPECT_LE(1, count_pages(self->task, zero, HUGE / PAGE, KLAB_PAGE_ZERO));
}

TEST_F(task_pages, hugetlb)
{
	char *memory;

	if (!write_text("/proc/sys/vm/nr_hugepages", "2"))
		SKIP(return, "no hugetlb here");
	memory = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED)
		SKIP(return, "no hugetlb page was to be had");
	EXPECT_EQ(0, count_pages(self->task, memory, HUGE / PAGE, KLAB_PAGE_PRESENT));
	memory[HUGE / 2] = 1;
	EXPECT_TRUE(pages_agree(self, memory, HUGE / PAGE));
	EXPECT_EQ(HUGE / PAGE, count_pages(self->task, memory, HUGE / PAGE, KLAB_PAGE_HUGETLB));
	munmap(memory, HUGE);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

TEST_F(task_pages, merged)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);
	struct klab_page pages[COUNT];
	int i;

	memset(memory, 0x5a, COUNT * PAGE);
	if (!begin_merging(memory, COUNT * PAGE))
		SKIP(return, "no KSM here");
	EXPECT_TRUE(eventually(count_of(self, memory, KLAB_PAGE_KSM) == COUNT));
	write_text("/sys/kernel/mm/ksm/run", "0");
	EXPECT_TRUE(pages_agree(self, memory, COUNT));
	ASSERT_EQ(0, read_pages(self->task, memory, COUNT, 0, pages));
	for (i = 1; i < COUNT; i++)
		EXPECT_EQ(pages[0].frame, pages[i].frame);
	EXPECT_EQ(0, count_of(self, memory, KLAB_PAGE_WRITABLE));
	memory[0] = 1;
	EXPECT_EQ(COUNT - 1, count_of(self, memory, KLAB_PAGE_KSM));
	EXPECT_EQ(1, count_of(self, memory, KLAB_PAGE_WRITABLE));
	madvise(memory, COUNT * PAGE, MADV_UNMERGEABLE);
}

TEST_F(task_pages, swapped_out)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);

	if (!have_swap())
		SKIP(return, "no disk in memory to swap to");
	memset(memory, 7, COUNT * PAGE);
	EXPECT_TRUE(eventually(!madvise(memory, COUNT * PAGE, 21 /* MADV_PAGEOUT */) &&
			       count_of(self, memory, KLAB_PAGE_PRESENT) == 0));
	EXPECT_TRUE(pages_agree(self, memory, COUNT));
	EXPECT_LE(COUNT, task_space(self->task).swapped);
	EXPECT_EQ(7, memory[3 * PAGE]);
	EXPECT_TRUE(pages_agree(self, memory, COUNT));
	EXPECT_LE(1, count_of(self, memory, KLAB_PAGE_PRESENT));
}

/* mincore(2) tells of anonymous memory what is present or in the swap cache. */
TEST_F(task_pages, as_mincore_says)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);
	unsigned char resident[COUNT];
	struct klab_page pages[COUNT];
	int i;

	touch(memory);
	ASSERT_EQ(0, mincore(memory, COUNT * PAGE, resident));
	ASSERT_EQ(0, read_pages(self->task, memory, COUNT, 0, pages));
	for (i = 0; i < COUNT; i++)
		EXPECT_EQ(resident[i] & 1, pages[i].flags & KLAB_PAGE_PRESENT);
}

/* To look changes nothing: no page comes, none is copied, and none is marked. */
TEST_F(task_pages, nothing_is_touched)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);
	static struct klab_page before[COUNT], after[COUNT];
	int i;

	touch(memory);
	ASSERT_EQ(0, read_pages(self->task, memory, COUNT, KLAB_FRAMES, before));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, read_pages(self->task, memory, COUNT, KLAB_FRAMES, after));
	for (i = 0; i < COUNT; i++) {
		EXPECT_EQ(before[i].frame, after[i].frame);
		EXPECT_EQ(before[i].references, after[i].references);
	}
}

/* Runs and counts, made of the records; with any mask, over holes and many areas. */
TEST_F(task_pages, runs)
{
	static const __u32 masks[] = {
		KLAB_PAGE_PRESENT, KLAB_PAGE_PRESENT | KLAB_PAGE_WRITABLE, KLAB_PAGE_ANON, 0,
		KLAB_PAGE_NO_AREA | KLAB_PAGE_UNKNOWN, 0x7fffff & ~KLAB_PAGE_LRU,
	};
	static struct klab_page pages[2048];
	static struct klab_page_run runs[2048];
	char *memory = map_pages(2048, MAP_PRIVATE);
	size_t i, at, mask, count;
	int bit;

	for (i = 0; i < 2048; i += 1 + i % 7)
		memory[i * PAGE] = 1;
	for (i = 300; i < 1300; i += 97)
		munmap(memory + i * PAGE, (i % 5 + 1) * PAGE);
	mprotect(memory + 1400 * PAGE, 3 * PAGE, PROT_NONE);
	mprotect(memory + 1500 * PAGE, 30 * PAGE, PROT_READ);
	for (mask = 0; mask < ARRAY_SIZE(masks); mask++) {
		struct klab_task_pages ask = {
			.start = (uintptr_t)memory, .bytes = 2048 * PAGE, .mask = masks[mask],
			.runs = { (uintptr_t)runs, ARRAY_SIZE(runs), sizeof(runs[0]) },
		};
		__u64 counts[32] = { 0 };

		ASSERT_EQ(0, read_pages(self->task, memory, 2048, 0, pages));
		ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_PAGES, &ask));
		ASSERT_EQ(2048 * PAGE, ask.walked);
		ASSERT_EQ(2048, ask.pages.count);
		ASSERT_GE(ARRAY_SIZE(runs), ask.runs.count);
		for (i = 0, at = 0; i < ask.runs.count; i++) {
			EXPECT_EQ((uintptr_t)memory + at * PAGE, runs[i].start);
			EXPECT_LT(0, runs[i].pages);
			if (i)
				EXPECT_NE(runs[i - 1].flags, runs[i].flags);
			for (count = 0; count < runs[i].pages && at < 2048; count++, at++)
				ASSERT_EQ(pages[at].flags & masks[mask], runs[i].flags)
					TH_LOG("page %zu, mask %#x", at, masks[mask]);
		}
		EXPECT_EQ(2048, at);
		for (i = 0; i < 2048; i++)
			for (bit = 0; bit < 32; bit++)
				counts[bit] += pages[i].flags & masks[mask] & 1U << bit ? 1 : 0;
		EXPECT_EQ(0, memcmp(counts, ask.counts, sizeof(counts)));
	}
}

/* Room for fewer: what fits is there, and all there are have been counted. */
TEST_F(task_pages, room)
{
	static struct klab_page pages[600], some[600];
	char *memory = map_pages(1200, MAP_PRIVATE);
	size_t room;

	memset(memory, 1, 1200 * PAGE);
	munmap(memory + 580 * PAGE, 10 * PAGE);
	ASSERT_EQ(0, read_pages(self->task, memory, 600, 0, pages));
	for (room = 0; room < 600; room += 37) {
		struct klab_task_pages ask = {
			.start = (uintptr_t)memory, .bytes = 1200 * PAGE,
			.mask = KLAB_PAGE_PRESENT,
			.pages = { (uintptr_t)some, room, sizeof(some[0]) },
		};
		size_t i;

		memset(some, 0xa5, sizeof(some));
		ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_PAGES, &ask));
		EXPECT_EQ(1200, ask.pages.count);
		EXPECT_EQ(1190, ask.counts[0]);
		for (i = 0; i < room; i++)
			EXPECT_EQ(pages[i].frame, some[i].frame);
		EXPECT_EQ(0xa5a5a5a5, some[room].flags);
	}
}

/* All addresses that a 32-bit number of pages reaches, almost all of it nothing. */
TEST_F(task_pages, far_and_wide)
{
	struct klab_task_pages ask = {
		.bytes = (1ULL << 32) - 2 * PAGE, .mask = KLAB_PAGE_NO_AREA | KLAB_PAGE_PRESENT,
	};

	if (sizeof(long) > 4)
		ask.bytes = ((1ULL << 32) - 1) * PAGE;
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_PAGES, &ask));
	EXPECT_EQ(ask.bytes, ask.walked);
	EXPECT_LT(ask.bytes / PAGE / 2, ask.counts[2]);
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	return !syscall(SYS_capset, &header, data);
}

/* Without CAP_SYS_ADMIN: tokens that tell sameness and no number, and less of files. */
TEST_F(task_pages, tokens)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE), *shared = map_pages(COUNT, MAP_SHARED);
	struct klab_page *pages = shared_memory(3 * COUNT * sizeof(*pages));
	pid_t child;
	int i, j;

	memset(memory, 1, COUNT * PAGE);
	memset(shared, 1, COUNT * PAGE);
	ASSERT_EQ(0, read_pages(self->task, memory, COUNT, KLAB_FRAMES, pages));
	child = fork();
	if (!child) {
		int task = handle_on(0);

		if (!drop_capabilities())
			_exit(1);
		if (read_pages(task, memory, COUNT, KLAB_FRAMES, pages) != EPERM)
			_exit(2);
		/* fork has not copied what page tables say of files and of shared memory. */
		memset(shared, 1, COUNT * PAGE);
		if (read_pages(task, memory, COUNT, 0, pages + COUNT) ||
		    read_pages(task, shared, COUNT, 0, pages + 2 * COUNT))
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(child));
	for (i = 0; i < COUNT; i++) {
		EXPECT_NE(pages[i].frame, pages[COUNT + i].frame);
		/* A frame number is small. */
		EXPECT_EQ(0, pages[i].frame >> 40);
		for (j = 0; j < i; j++)
			EXPECT_NE(pages[COUNT + i].frame, pages[COUNT + j].frame);
		EXPECT_EQ(0, pages[COUNT + i].flags & KLAB_PAGE_WITHHELD);
		EXPECT_NE(0, pages[COUNT + i].flags & KLAB_PAGE_SHARED);
		EXPECT_NE(0, pages[2 * COUNT + i].flags & KLAB_PAGE_WITHHELD);
		EXPECT_EQ(0, pages[2 * COUNT + i].flags & ~(KLAB_PAGE_WITHHELD * 2 - 1));
		EXPECT_EQ(0, pages[2 * COUNT + i].references | pages[2 * COUNT + i].mappings);
	}
	/* By now they are this process's alone again, and the token has stayed. */
	ASSERT_EQ(0, read_pages(self->task, memory, COUNT, 0, pages));
	for (i = 0; i < COUNT; i++)
		EXPECT_EQ(pages[i].frame, pages[COUNT + i].frame);
}

/* Level by level, to the page that the range knows. */
TEST_F(task_pages, walk)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);
	struct klab_task_walk walk = { .address = (uintptr_t)memory, .flags = KLAB_FRAMES };
	struct klab_table_entry *last;
	struct klab_page page;
	__u32 i;

	*memory = 1;
	if (klab(self->task, KLAB_IOC_TASK_WALK, &walk) == EOPNOTSUPP)
		SKIP(return, "not on this machine");
	ASSERT_EQ(0, read_pages(self->task, memory, 1, KLAB_FRAMES, &page));
	ASSERT_TRUE(walk.levels == 4 || walk.levels == 5);
	for (i = 0; i < walk.levels; i++) {
		EXPECT_EQ(walk.levels - i, walk.entries[i].level);
		EXPECT_EQ((__u64)(uintptr_t)memory >> (9 * (walk.levels - i - 1) + 12) & 511,
			  walk.entries[i].index);
		EXPECT_NE(0, walk.entries[i].flags & KLAB_ENTRY_PRESENT);
		EXPECT_NE(0, walk.entries[i].flags & KLAB_ENTRY_USER);
		EXPECT_EQ(walk.entries[i].frame, (walk.entries[i].raw & 0xffffffffff000) >> 12);
	}
	last = &walk.entries[walk.levels - 1];
	EXPECT_EQ(page.frame, last->frame);
	EXPECT_EQ(KLAB_ENTRY_PRESENT | KLAB_ENTRY_PAGE | KLAB_ENTRY_USER | KLAB_ENTRY_WRITABLE |
		  KLAB_ENTRY_ACCESSED | KLAB_ENTRY_DIRTY | KLAB_ENTRY_NO_EXEC |
		  KLAB_ENTRY_SOFT_DIRTY, last->flags | KLAB_ENTRY_SOFT_DIRTY);

	walk.flags = 0;
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_WALK, &walk));
	EXPECT_EQ(0, last->raw & 0xffffffffff000);
	EXPECT_NE(page.frame, last->frame);
	ASSERT_EQ(0, read_pages(self->task, memory, 1, 0, &page));
	EXPECT_EQ(page.frame, last->frame);

	/* Never touched: the table is there, for its neighbour, and the entry is empty. */
	walk.address += PAGE;
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_WALK, &walk));
	last = &walk.entries[walk.levels - 1];
	if (last->level == 1) {
		EXPECT_EQ(0, last->flags);
		EXPECT_EQ(0, last->raw | last->frame);
	}

	/* Only the processor does not know it any more. */
	walk.address -= PAGE;
	ASSERT_EQ(0, mprotect(memory, PAGE, PROT_NONE));
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_WALK, &walk));
	last = &walk.entries[walk.levels - 1];
	EXPECT_NE(0, last->flags & KLAB_ENTRY_NO_ACCESS);
	EXPECT_EQ(page.frame, last->frame);
}

TEST_F(task_pages, walk_huge)
{
	char *memory = aligned_area();
	struct klab_task_walk walk = { .address = (uintptr_t)memory + 5 * PAGE };
	struct klab_page page;

	if (madvise(memory, HUGE, MADV_HUGEPAGE))
		SKIP(return, "no huge pages here");
	*memory = 1;
	ASSERT_EQ(0, read_pages(self->task, memory, 1, 0, &page));
	if (page.order != 9)
		SKIP(return, "no huge page was to be had");
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_WALK, &walk));
	EXPECT_EQ(2, walk.entries[walk.levels - 1].level);
	EXPECT_NE(0, walk.entries[walk.levels - 1].flags & KLAB_ENTRY_PAGE);
	EXPECT_EQ(page.frame, walk.entries[walk.levels - 1].frame);
}

TEST_F(task_pages, walk_swapped)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);
	struct klab_task_walk walk = { .address = (uintptr_t)memory };

	if (!have_swap())
		SKIP(return, "no disk in memory to swap to");
	memset(memory, 7, COUNT * PAGE);
	ASSERT_TRUE(eventually(!madvise(memory, COUNT * PAGE, 21 /* MADV_PAGEOUT */) &&
			       count_of(self, memory, KLAB_PAGE_PRESENT) == 0));
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_WALK, &walk));
	EXPECT_EQ(KLAB_ENTRY_NOTE, walk.entries[walk.levels - 1].flags);
	EXPECT_EQ(0, walk.entries[walk.levels - 1].raw);
	EXPECT_EQ(0, walk.entries[walk.levels - 1].frame);
}

TEST_HARNESS_MAIN
