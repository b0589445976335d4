// SPDX-License-Identifier: GPL-2.0-only
/* The pages of an area of each kind, counted by klab, beside the sums of /proc/self/smaps. */
#include "task_test.h"

#define COUNT	32

/* What is compared: pages for which all of @all and none of @none is set. */
static const struct {
	const char *keys[2];		/* in smaps, to be added up */
	__u32 all, none;
} sums[] = {
	{ { "Rss" }, KLAB_PAGE_PRESENT, KLAB_PAGE_ZERO | KLAB_PAGE_HUGETLB },
	{ { "Anonymous" }, KLAB_PAGE_ANON, KLAB_PAGE_HUGETLB },
	{ { "Private_Clean", "Private_Dirty" }, KLAB_PAGE_PRESENT,
	  KLAB_PAGE_SHARED | KLAB_PAGE_ZERO | KLAB_PAGE_HUGETLB },
	{ { "Shared_Clean", "Shared_Dirty" }, KLAB_PAGE_SHARED, KLAB_PAGE_HUGETLB },
	{ { "LazyFree" }, KLAB_PAGE_LAZY_FREE, KLAB_PAGE_DIRTY },
	{ { "Private_Hugetlb" }, KLAB_PAGE_HUGETLB, KLAB_PAGE_SHARED },
	{ { "KSM" }, KLAB_PAGE_KSM, 0 },
};

FIXTURE(task_smaps)
{
	int task;
};

FIXTURE_SETUP(task_smaps)
{
	self->task = handle_on(0);
	ASSERT_LE(0, self->task);
}

FIXTURE_TEARDOWN(task_smaps)
{
	close(self->task);
}

/* An area of its own, that nothing can be merged with. */
static char *map_alone(size_t bytes, int flags, int fd)
{
	char *memory = mmap(NULL, bytes + 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memory = (char *)(((uintptr_t)memory + HUGE - 1) & -HUGE);
	return mmap(memory, bytes, PROT_READ | PROT_WRITE,
		    MAP_FIXED | flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
}

/* Pages that smaps counts under @key in the area that begins at @start; -1: no such key. */
static long smaps_pages(const char *start, const char *key)
{
	char line[512];
	bool here = false;
	long pages = -1;
	FILE *smaps = fopen("/proc/self/smaps", "re");

	while (smaps && pages < 0 && fgets(line, sizeof(line), smaps)) {
		if (*line < 'A' || *line > 'Z')
			here = strtoull(line, NULL, 16) == (uintptr_t)start;
		else if (here && !strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			pages = strtol(line + strlen(key) + 1, NULL, 10) * 1024 / PAGE;
	}
	fclose(smaps);
	return pages;
}

static bool sums_agree(int task, const char *start, size_t count, bool say)
{
	static struct klab_page pages[512];
	long here, there, second;
	size_t sum, i;
	bool agree = true;

	if (read_pages(task, start, count, 0, pages))
		return false;
	for (sum = 0; sum < ARRAY_SIZE(sums); sum++) {
		there = smaps_pages(start, sums[sum].keys[0]);
		/* Some came later than 6.1. */
		if (there < 0)
			continue;
		second = sums[sum].keys[1] ? smaps_pages(start, sums[sum].keys[1]) : 0;
		for (i = 0, here = 0; i < count; i++)
			here += (pages[i].flags & sums[sum].all) == sums[sum].all &&
				!(pages[i].flags & sums[sum].none);
		if (here == there + second)
			continue;
		if (say)
			printf("# %s: klab %ld, smaps %ld\n", sums[sum].keys[0], here,
			       there + second);
		agree = false;
	}
	return agree;
}

/* What the machine does by itself may come between the two; not every time. */
static bool agree(int task, const char *start, size_t count)
{
	int i;

	for (i = 0; i < 50; i++) {
		if (sums_agree(task, start, count, i == 49))
			return true;
		usleep(10000);
	}
	return false;
}

/* Half of it written, a few read, the rest not touched. */
static void touch(char *memory)
{
	int i;

	for (i = 0; i < COUNT / 2; i++)
		memory[i * PAGE] = i + 1;
	for (; i < COUNT / 2 + 5; i++)
		glance(memory + i * PAGE);
}

TEST_F(task_smaps, anonymous)
{
	char *private = map_alone(COUNT * PAGE, MAP_PRIVATE, -1);
	char *shared = map_alone(COUNT * PAGE, MAP_SHARED, -1);
	pid_t child;

	madvise(private, COUNT * PAGE, MADV_NOHUGEPAGE);
	EXPECT_TRUE(agree(self->task, private, COUNT));
	touch(private);
	touch(shared);
	EXPECT_TRUE(agree(self->task, private, COUNT));
	EXPECT_TRUE(agree(self->task, shared, COUNT));
	EXPECT_EQ(COUNT / 2, smaps_pages(private, "Rss"));
	child = start_sleeper();
	private[0] = 9;
	EXPECT_TRUE(agree(self->task, private, COUNT));
	EXPECT_EQ(COUNT / 2 - 1, count_pages(self->task, private, COUNT, KLAB_PAGE_SHARED));
	end_child(child);
	EXPECT_TRUE(agree(self->task, private, COUNT));
	ASSERT_EQ(0, mlock(private, COUNT * PAGE));
	EXPECT_TRUE(agree(self->task, private, COUNT));
	EXPECT_TRUE(eventually(count_pages(self->task, private, COUNT, KLAB_PAGE_MLOCKED) ==
			       smaps_pages(private, "Locked")));
	EXPECT_EQ(COUNT, smaps_pages(private, "Locked"));
}

TEST_F(task_smaps, file)
{
	int fd = open(disk_directory() ? "/tmp/klab-disk/smaps" : "/tmp/smaps",
		      O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char *private, *shared;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, COUNT * PAGE));
	private = map_alone(COUNT * PAGE, MAP_PRIVATE, fd);
	shared = map_alone(COUNT * PAGE, MAP_SHARED, fd);
	touch(private);
	EXPECT_TRUE(agree(self->task, private, COUNT));
	touch(shared);
	EXPECT_TRUE(agree(self->task, private, COUNT));
	EXPECT_TRUE(agree(self->task, shared, COUNT));
	unlink("/tmp/klab-disk/smaps");
	unlink("/tmp/smaps");
	close(fd);
}

TEST_F(task_smaps, huge)
{
	char *memory = map_alone(HUGE, MAP_PRIVATE, -1);

	if (madvise(memory, HUGE, MADV_HUGEPAGE))
		SKIP(return, "no huge pages here");
	*memory = 1;
	EXPECT_TRUE(agree(self->task, memory, HUGE / PAGE));
	/* One of it gone, and the rest is in small entries. */
	ASSERT_EQ(0, madvise(memory + 7 * PAGE, PAGE, MADV_DONTNEED));
	EXPECT_TRUE(agree(self->task, memory, HUGE / PAGE));
}

TEST_F(task_smaps, hugetlb)
{
	char *memory;

	if (!write_text("/proc/sys/vm/nr_hugepages", "2"))
		SKIP(return, "no hugetlb here");
	memory = map_alone(HUGE, MAP_PRIVATE | MAP_HUGETLB, -1);
	if (memory == MAP_FAILED)
		SKIP(return, "no hugetlb page was to be had");
	*memory = 1;
	EXPECT_TRUE(agree(self->task, memory, HUGE / PAGE));
	munmap(memory, HUGE);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

TEST_F(task_smaps, free)
{
	char *memory = map_alone(COUNT * PAGE, MAP_PRIVATE, -1);

	madvise(memory, COUNT * PAGE, MADV_NOHUGEPAGE);
	touch(memory);
	ASSERT_EQ(0, madvise(memory, COUNT * PAGE, MADV_FREE));
	EXPECT_TRUE(agree(self->task, memory, COUNT));
}

TEST_F(task_smaps, swapped_out)
{
	char *memory = map_alone(COUNT * PAGE, MAP_PRIVATE, -1);
	__u64 before = task_space(self->task).swapped;

	if (!have_swap())
		SKIP(return, "no disk in memory to swap to");
	madvise(memory, COUNT * PAGE, MADV_NOHUGEPAGE);
	touch(memory);
	ASSERT_TRUE(eventually(!madvise(memory, COUNT * PAGE, 21 /* MADV_PAGEOUT */) &&
			       smaps_pages(memory, "Swap") == COUNT / 2));
	EXPECT_TRUE(agree(self->task, memory, COUNT));
	EXPECT_EQ(before + COUNT / 2, task_space(self->task).swapped);
}

/* Equal pages become one; how many this process has of such, it is told elsewhere, too. */
TEST_F(task_smaps, merged)
{
	char *memory = map_alone(COUNT * PAGE, MAP_PRIVATE, -1), text[32] = "";
	int fd;

	madvise(memory, COUNT * PAGE, MADV_NOHUGEPAGE);
	memset(memory, 0x5a, COUNT * PAGE);
	if (!begin_merging(memory, COUNT * PAGE))
		SKIP(return, "no KSM here");
	EXPECT_TRUE(eventually(count_pages(self->task, memory, COUNT, KLAB_PAGE_KSM) == COUNT));
	write_text("/sys/kernel/mm/ksm/run", "0");
	EXPECT_TRUE(agree(self->task, memory, COUNT));
	fd = open("/proc/self/ksm_merging_pages", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		EXPECT_EQ(COUNT, strtol(text, NULL, 10));
	close(fd);
}

TEST_HARNESS_MAIN
