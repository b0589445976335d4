// SPDX-License-Identifier: GPL-2.0-only
/* An address space: its numbers and its areas, beside what /proc says of them. */
#include <sys/prctl.h>

#include "task_test.h"

#define AREAS	1500		/* more than fit into one chunk of anything */

FIXTURE(task_areas)
{
	int task;
	pid_t child;
	struct areas areas;
};

static const char * const odd_name = "/tmp/a name\nof two lines";

/* One area of each kind there is; anonymous ones many, and of different kinds by turns. */
static void make_areas(void)
{
	char *file, *memory;
	int fd, i;

	sbrk(5 * PAGE);
	for (i = 0; i < AREAS; i++)
		mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = open(odd_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (ftruncate(fd, 8 * PAGE))
		_exit(1);
	file = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 2 * PAGE);
	madvise(file, PAGE, MADV_SEQUENTIAL);
	madvise(file + 2 * PAGE, PAGE, MADV_RANDOM);
	mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	unlink(odd_name);
	memory = map_pages(24, MAP_PRIVATE);
	madvise(memory, PAGE, MADV_DONTFORK);
	madvise(memory + 2 * PAGE, PAGE, MADV_WIPEONFORK);
	madvise(memory + 4 * PAGE, PAGE, MADV_DONTDUMP);
	madvise(memory + 6 * PAGE, PAGE, MADV_HUGEPAGE);
	madvise(memory + 8 * PAGE, PAGE, MADV_MERGEABLE);
	mlock(memory + 10 * PAGE, PAGE);
	syscall(SYS_mlock2, memory + 12 * PAGE, PAGE, 1 /* MLOCK_ONFAULT */);
	mprotect(memory + 14 * PAGE, PAGE, PROT_NONE);
	mprotect(memory + 16 * PAGE, PAGE, PROT_READ | PROT_EXEC);
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, memory + 18 * PAGE, PAGE, "a given name");
	mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN,
	     -1, 0);
	if (write_text("/proc/sys/vm/nr_hugepages", "2"))
		mmap(NULL, HUGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
}

FIXTURE_SETUP(task_areas)
{
	self->child = fork();
	if (!self->child) {
		make_areas();
		raise(SIGSTOP);
		while (1)
			pause();
	}
	ASSERT_TRUE(eventually(proc_stat(self->child, 3) == 'T'));
	self->task = handle_on(self->child);
	ASSERT_LE(0, self->task);
}

FIXTURE_TEARDOWN(task_areas)
{
	end_child(self->child);
	close(self->task);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

static unsigned long long kilobytes(pid_t pid, const char *key)
{
	return proc_number(pid, key, 10) * 1024;
}

TEST_F(task_areas, numbers)
{
	struct klab_task_space space = task_space(self->task);
	pid_t pid = self->child;

	EXPECT_EQ(kilobytes(pid, "VmPeak"), space.pages_most * PAGE);
	EXPECT_EQ(kilobytes(pid, "VmSize"), space.pages * PAGE);
	EXPECT_EQ(kilobytes(pid, "VmLck"), space.locked * PAGE);
	EXPECT_EQ(2, space.locked);
	EXPECT_EQ(kilobytes(pid, "VmPin"), space.pinned * PAGE);
	EXPECT_EQ(kilobytes(pid, "VmData"), space.data * PAGE);
	EXPECT_EQ(kilobytes(pid, "VmStk"), space.stack * PAGE);
	EXPECT_EQ(kilobytes(pid, "VmExe") + kilobytes(pid, "VmLib"), space.executable * PAGE);
	EXPECT_EQ(kilobytes(pid, "VmPTE"), space.table_bytes);
	EXPECT_EQ(kilobytes(pid, "VmSwap"), space.swapped * PAGE);
	/* Per-CPU counters, which /proc adds up roughly on some kernels. */
	EXPECT_LE(llabs((long long)(kilobytes(pid, "RssAnon") / PAGE - space.anonymous)), 64);
	EXPECT_LE(llabs((long long)(kilobytes(pid, "RssFile") / PAGE - space.file)), 64);
	EXPECT_LE(llabs((long long)(kilobytes(pid, "RssShmem") / PAGE - space.shmem)), 64);
	EXPECT_LE(space.anonymous + space.file + space.shmem, space.resident_most);

	EXPECT_EQ(proc_stat(pid, 26), space.code_start);
	EXPECT_EQ(proc_stat(pid, 27), space.code_end);
	EXPECT_EQ(proc_stat(pid, 28), space.stack_start);
	EXPECT_EQ(proc_stat(pid, 45), space.data_start);
	EXPECT_EQ(proc_stat(pid, 46), space.data_end);
	EXPECT_EQ(proc_stat(pid, 47), space.brk_start);
	EXPECT_EQ(proc_stat(pid, 48), space.arguments_start);
	EXPECT_EQ(proc_stat(pid, 49), space.arguments_end);
	EXPECT_EQ(proc_stat(pid, 50), space.environment_start);
	EXPECT_EQ(proc_stat(pid, 51), space.environment_end);
	EXPECT_EQ(1, space.users);
	ASSERT_EQ(0, read_areas(self->task, &self->areas));
	EXPECT_EQ(self->areas.count, space.areas);
	EXPECT_LT((uintptr_t)&space, space.end);
}

/* The two letters of each flag in smaps. */
static const struct {
	__u64 flag;
	const char *letters;
} smaps_flags[] = {
	{ KLAB_AREA_READ, "rd" }, { KLAB_AREA_WRITE, "wr" }, { KLAB_AREA_EXEC, "ex" },
	{ KLAB_AREA_SHARED, "sh" }, { KLAB_AREA_MAY_READ, "mr" }, { KLAB_AREA_MAY_WRITE, "mw" },
	{ KLAB_AREA_MAY_EXEC, "me" }, { KLAB_AREA_MAY_SHARE, "ms" },
	{ KLAB_AREA_GROWS_DOWN, "gd" }, { KLAB_AREA_LOCKED, "lo" },
	/* "lf" came later than 6.1, and has a test of its own. */
	{ KLAB_AREA_SEQUENTIAL, "sr" },
	{ KLAB_AREA_RANDOM, "rr" }, { KLAB_AREA_DONT_FORK, "dc" },
	{ KLAB_AREA_WIPE_ON_FORK, "wf" }, { KLAB_AREA_DONT_DUMP, "dd" },
	{ KLAB_AREA_DONT_EXPAND, "de" }, { KLAB_AREA_ACCOUNTED, "ac" },
	{ KLAB_AREA_NO_RESERVE, "nr" }, { KLAB_AREA_HUGE, "hg" }, { KLAB_AREA_NO_HUGE, "nh" },
	{ KLAB_AREA_HUGETLB, "ht" }, { KLAB_AREA_MERGEABLE, "mg" },
	{ KLAB_AREA_SOFT_DIRTY, "sd" }, { KLAB_AREA_IO, "io" },
	{ KLAB_AREA_FRAMES_ONLY, "pf" }, { KLAB_AREA_FRAMES_TOO, "mm" },
	{ KLAB_AREA_SYNC, "sf" }, { KLAB_AREA_USERFAULT_MISSING, "um" },
	{ KLAB_AREA_USERFAULT_WRITE, "uw" }, { KLAB_AREA_USERFAULT_MINOR, "ui" },
};

/* "rd wr mr ": those that klab knows, in the order of the table above. */
static void letters_of(const char *line, char *known)
{
	char word[8];
	size_t i;

	*known = '\0';
	for (i = 0; i < ARRAY_SIZE(smaps_flags); i++) {
		snprintf(word, sizeof(word), " %s ", smaps_flags[i].letters);
		if (strstr(line, word))
			strcat(known, word + 1);
	}
}

static void letters_of_flags(__u64 flags, char *letters)
{
	size_t i;

	*letters = '\0';
	for (i = 0; i < ARRAY_SIZE(smaps_flags); i++) {
		if (flags & smaps_flags[i].flag)
			strcat(strcat(letters, smaps_flags[i].letters), " ");
	}
}

/* A line of maps, as it is made from what klab says. A newline in a name is escaped there. */
static void maps_line(const struct areas *areas, const struct klab_area *area, char *line)
{
	const char *name = area->name_bytes ? areas->names + area->name_offset : "";
	int length = sprintf(line, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ",
			     area->start, area->end,
			     area->flags & KLAB_AREA_READ ? 'r' : '-',
			     area->flags & KLAB_AREA_WRITE ? 'w' : '-',
			     area->flags & KLAB_AREA_EXEC ? 'x' : '-',
			     area->flags & KLAB_AREA_MAY_SHARE ? 's' : 'p',
			     area->offset, area->major, area->minor, area->inode);

	if (*name)
		length += sprintf(line + length, "%*s", length < 73 ? 73 - length : 0, "");
	for (; *name; name++)
		length += sprintf(line + length, *name == '\n' ? "\\012" : "%c", *name);
	sprintf(line + length, "\n");
}

/* Every line of smaps that says what an area is, and every flag. */
TEST_F(task_areas, as_smaps_says)
{
	char path[64], line[8192], expected[8192], letters[256], ours[256];
	__u32 at = 0, named = 0, on_fault = 0;
	FILE *smaps;

	ASSERT_EQ(0, read_areas(self->task, &self->areas));
	EXPECT_LT(AREAS, self->areas.count);
	snprintf(path, sizeof(path), "/proc/%d/smaps", self->child);
	smaps = fopen(path, "re");
	ASSERT_NE(NULL, smaps);
	while (fgets(line, sizeof(line), smaps)) {
		/* This page is the kernel's, and in nobody's address space. */
		if (strstr(line, "[vsyscall]"))
			break;
		if (line[8] == '-' || line[12] == '-') {
			ASSERT_LT(at, self->areas.count);
			maps_line(&self->areas, &self->areas.area[at], expected);
			ASSERT_STREQ(line, expected);
			named += self->areas.area[at].name_bytes > 0;
		} else if (!strncmp(line, "VmFlags: ", 9)) {
			letters_of(line + 8, letters);
			letters_of_flags(self->areas.area[at].flags, ours);
			ASSERT_STREQ(letters, ours)
				TH_LOG("area %u: %s", at, line);
			on_fault += !!(self->areas.area[at].flags & KLAB_AREA_LOCK_ON_FAULT);
			at++;
		}
	}
	fclose(smaps);
	EXPECT_EQ(self->areas.count, at);
	EXPECT_LT(6, named);
	EXPECT_EQ(1, on_fault);
}

/* Any room is right: what fits is there and the same, and the counts are of all. */
TEST_F(task_areas, room)
{
	static struct klab_area some[AREAS * 2];
	static char names[sizeof(self->areas.names)];
	static const __u32 rooms[] = { 0, 1, 2, 127, 128, 129, 255, 256, 1000 };
	__u32 i, all, names_all = 0;

	ASSERT_EQ(0, read_areas(self->task, &self->areas));
	all = self->areas.count;
	for (i = 0; i < all; i++)
		names_all += self->areas.area[i].name_bytes;
	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		struct klab_task_areas ask = {
			.areas = { (uintptr_t)some, rooms[i], sizeof(some[0]) },
			.names = (uintptr_t)names, .names_bytes = 10 * i + 1,
		};

		memset(some, 0xa5, sizeof(some));
		memset(names, 0xa5, sizeof(names));
		ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_AREAS, &ask));
		EXPECT_EQ(all, ask.areas.count);
		EXPECT_EQ(names_all, ask.names_bytes);
		EXPECT_EQ(0, memcmp(some, self->areas.area, rooms[i] * sizeof(some[0])));
		EXPECT_EQ(0xa5, ((unsigned char *)&some[rooms[i]])[0]);
		EXPECT_EQ(0, memcmp(names, self->areas.names, 10 * i + 1));
		EXPECT_EQ((char)0xa5, names[10 * i + 1]);
	}
}

/* A caller who knows more of a record than the kernel gets zeroes for the rest. */
TEST_F(task_areas, longer_records)
{
	static struct {
		struct klab_area area;
		__u64 more[2];
	} some[200];
	struct klab_task_areas ask = {
		.areas = { (uintptr_t)some, ARRAY_SIZE(some), sizeof(some[0]) },
	};
	size_t i;

	ASSERT_EQ(0, read_areas(self->task, &self->areas));
	memset(some, 0xa5, sizeof(some));
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_AREAS, &ask));
	for (i = 0; i < ARRAY_SIZE(some); i++) {
		EXPECT_EQ(self->areas.area[i].start, some[i].area.start);
		/* Without room for names nobody looks for them. */
		EXPECT_EQ(0, some[i].area.name_bytes);
		EXPECT_EQ(0, some[i].more[0] | some[i].more[1]);
	}
}

/* Some addresses only: the areas that have any of them, whole. */
TEST_F(task_areas, part)
{
	struct klab_area some[8];
	struct klab_task_areas ask = { 0 };

	ASSERT_EQ(0, read_areas(self->task, &self->areas));
	ask.start = self->areas.area[3].start + PAGE - 1;
	ask.end = self->areas.area[5].start + 1;
	ask.areas = (struct klab_array){ (uintptr_t)some, 8, sizeof(some[0]) };
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_AREAS, &ask));
	EXPECT_EQ(3, ask.areas.count);
	EXPECT_EQ(self->areas.area[3].start, some[0].start);
	EXPECT_EQ(self->areas.area[5].end, some[2].end);
	ask.end = self->areas.area[5].start;
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_AREAS, &ask));
	EXPECT_EQ(2, ask.areas.count);
}

/* Nothing of what has no address space, and nothing stale after the end. */
TEST_F(task_areas, without_memory)
{
	struct klab_task_areas ask = { 0 };
	struct klab_task_space space;
	struct klab_task_walk walk = { .address = PAGE };
	struct klab_task_pages pages = { .start = PAGE, .bytes = PAGE };
	int kernel = handle_on(2);

	EXPECT_EQ(ESRCH, klab(kernel, KLAB_IOC_TASK_AREAS, &ask));
	EXPECT_EQ(ESRCH, klab(kernel, KLAB_IOC_TASK_SPACE, &space));
	EXPECT_EQ(ESRCH, klab(kernel, KLAB_IOC_TASK_PAGES, &pages));
	EXPECT_EQ(ESRCH, klab(kernel, KLAB_IOC_TASK_WALK, &walk));
	close(kernel);
	kill(self->child, SIGKILL);
	ASSERT_TRUE(eventually(proc_stat(self->child, 3) == 'Z'));
	EXPECT_EQ(ESRCH, klab(self->task, KLAB_IOC_TASK_AREAS, &ask));
	EXPECT_EQ(ESRCH, klab(self->task, KLAB_IOC_TASK_SPACE, &space));
	EXPECT_EQ(ESRCH, klab(self->task, KLAB_IOC_TASK_PAGES, &pages));
	EXPECT_EQ(ESRCH, klab(self->task, KLAB_IOC_TASK_WALK, &walk));
}

TEST_HARNESS_MAIN
