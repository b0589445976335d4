// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looked at from everywhere while everything changes: walkers of every kind beside
 * processes that map, unmap, protect, lock, swap, merge, migrate, fork, exec, cut files
 * off, make huge pages and split them, and are killed at any moment. What a walker is
 * told must make sense in itself, and each error be one that was announced; the rest
 * is for the kernel's own checkers to say. KLAB_SECONDS makes it longer.
 */
#include <sys/time.h>

#include "task_test.h"

#define VICTIMS		4
#define ARENA_PAGES	4096UL		/* that all of this happens in, in every victim */
#define FILE_PAGES	256
#define ALL_FLAGS	(KLAB_PAGE_SWAP_CACHE * 2 - 1)
#define NONSENSE	-1		/* beside the errnos: the answer cannot be right */

enum { AREAS, RECORDS, RUNS, COUNTS, TABLES, WHO, COMPARE, STAT, WALKERS };

static const char * const walker_names[WALKERS] = {
	"areas", "records", "runs", "counts", "tables", "who", "compare", "file",
};

struct field {
	pid_t victims[VICTIMS];
	bool stop;
	__u64 answered[WALKERS];
	int wrong[WALKERS];		/* what was answered that must not be */
};

static struct field *field;
static char *arena;
static int device, file;

static unsigned int chance(unsigned int *state, unsigned int below)
{
	*state = *state * 1103515245 + 12345;
	return (*state >> 8) % below;
}

/* A range of the arena, mostly a short one. */
static char *some(unsigned int *state, size_t *bytes)
{
	size_t first = chance(state, ARENA_PAGES);
	size_t count = 1 + chance(state, chance(state, 8) ? 64 : ARENA_PAGES);

	*bytes = (count < ARENA_PAGES - first ? count : ARENA_PAGES - first) * PAGE;
	return arena + first * PAGE;
}

static int some_protection(unsigned int *state)
{
	static const int protections[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };

	return protections[chance(state, 3)];
}

/* A write to each page, which leads to no signal where there is nothing to write to. */
static void populate(char *at, size_t bytes)
{
	madvise(at, bytes, 23 /* MADV_POPULATE_WRITE */);
}

static void map_some(unsigned int *state)
{
	size_t bytes;
	char *at = some(state, &bytes);

	mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_FIXED |
	     (chance(state, 3) ? MAP_PRIVATE : MAP_SHARED), -1, 0);
	populate(at, bytes);
}

static void map_file(unsigned int *state)
{
	size_t bytes;
	char *at = some(state, &bytes);

	mmap(at, bytes, PROT_READ | PROT_WRITE,
	     MAP_FIXED | (chance(state, 2) ? MAP_PRIVATE : MAP_SHARED), file, 0);
	populate(at, bytes);
}

static void cut_file(unsigned int *state)
{
	if (ftruncate(file, chance(state, FILE_PAGES) * PAGE) ||
	    ftruncate(file, FILE_PAGES * PAGE))
		_exit(1);
	posix_fadvise(file, 0, 0, chance(state, 6));
}

static void map_huge(unsigned int *state)
{
	char *at = arena + chance(state, ARENA_PAGES * PAGE / HUGE) * HUGE;
	int hugetlb = chance(state, 4) ? 0 : MAP_HUGETLB;

	mmap(at, HUGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_FIXED | hugetlb |
	     (chance(state, 3) ? MAP_PRIVATE : MAP_SHARED), -1, 0);
	/* Huge at once, or made of small ones. */
	if (chance(state, 3)) {
		madvise(at, HUGE, MADV_HUGEPAGE);
		populate(at, HUGE);
	} else {
		populate(at, HUGE);
		madvise(at, HUGE, MADV_HUGEPAGE);
		madvise(at, HUGE, 25 /* MADV_COLLAPSE */);
	}
}

/* Out, and in again. Nobody else has these pages, so they can go. */
static void swap_some(unsigned int *state)
{
	size_t bytes;
	char *at = some(state, &bytes);

	mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_FIXED | MAP_PRIVATE, -1, 0);
	populate(at, bytes);
	madvise(at, bytes, 21 /* MADV_PAGEOUT */);
	populate(at, bytes);
}

static void unmap_some(unsigned int *state)
{
	size_t bytes;
	char *at = some(state, &bytes);

	munmap(at, bytes);
}

static void protect_some(unsigned int *state)
{
	size_t bytes;
	char *at = some(state, &bytes);

	mprotect(at, bytes, some_protection(state));
}

static void move_some(unsigned int *state)
{
	size_t bytes, room;
	char *at = some(state, &bytes), *to = some(state, &room);

	bytes = bytes < room ? bytes : room;
	mremap(at, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static void lock_some(unsigned int *state)
{
	size_t bytes;
	char *at = some(state, &bytes);

	if (chance(state, 3))
		syscall(SYS_mlock2, at, bytes, chance(state, 2));
	else
		munlock(at, bytes);
}

static void advise_some(unsigned int *state)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED,
		MADV_FREE, MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_WIPEONFORK, 20 /* MADV_COLD */, 21 /* MADV_PAGEOUT */,
		25 /* MADV_COLLAPSE */,
	};
	size_t bytes;
	char *at = some(state, &bytes);

	madvise(at, bytes, advice[chance(state, ARRAY_SIZE(advice))]);
}

/* From node to node, where there is another; and together, to make room. */
static void migrate_some(unsigned int *state)
{
	void *pages[64];
	int nodes[64], status[64], node = chance(state, 2), i;

	for (i = 0; i < 64; i++) {
		pages[i] = arena + chance(state, ARENA_PAGES) * PAGE;
		nodes[i] = node;
	}
	syscall(SYS_move_pages, 0, 64, pages, nodes, status, 0);
	if (!chance(state, 16))
		write_text("/proc/sys/vm/compact_memory", "1");
}

static void grow_heap(unsigned int *state)
{
	static long grown;
	long by = grown ? -grown : (long)((1 + chance(state, 64)) * PAGE);
	char *end = sbrk(by);

	grown += by;
	if (by > 0 && end != (void *)-1)
		memset(end, 1, by);
}

/* What the child writes to is copied. Without waiting for it, it may outlive the parent. */
static void fork_some(unsigned int *state)
{
	size_t bytes;
	char *at = some(state, &bytes);
	pid_t child = fork();

	if (!child) {
		populate(at, bytes);
		_exit(0);
	}
	populate(at, bytes);
	if (chance(state, 4))
		waitpid(child, NULL, 0);
	else
		signal(SIGCHLD, SIG_IGN);
}

static void end_some(unsigned int *state)
{
	pid_t child;

	switch (chance(state, 16)) {
	case 0:
		_exit(0);
	case 1:
		execl("/bin/busybox", "true", NULL);
		_exit(1);
	case 2:
		/* Memory shared until the exec. */
		child = vfork();
		if (!child) {
			execl("/bin/busybox", "true", NULL);
			_exit(1);
		}
		waitpid(child, NULL, 0);
	}
}

static void (*const troubles[])(unsigned int *state) = {
	map_some, map_some, map_file, cut_file, map_huge, map_huge, unmap_some, protect_some,
	move_some, lock_some, advise_some, swap_some, migrate_some, grow_heap, fork_some,
	end_some,
};

static pid_t start_victim(unsigned int state)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (1)
		troubles[chance(&state, ARRAY_SIZE(troubles))](&state);
}

static int look_at_areas(int task, unsigned int *state)
{
	static struct areas areas;
	__u64 end = 0;
	__u32 i;
	int error = read_areas(task, &areas);

	(void)state;
	for (i = 0; !error && i < areas.count; i++) {
		if (areas.area[i].start < end || areas.area[i].end <= areas.area[i].start)
			return NONSENSE;
		end = areas.area[i].end;
	}
	return error;
}

static bool page_makes_sense(const struct klab_page *page)
{
	__u32 place = page->flags & (KLAB_PAGE_PRESENT | KLAB_PAGE_NO_AREA | KLAB_PAGE_UNKNOWN);
	__u32 kind = page->flags & (KLAB_PAGE_ANON | KLAB_PAGE_FILE | KLAB_PAGE_SHMEM |
				    KLAB_PAGE_ZERO);

	if (place & (place - 1) || kind & (kind - 1) || page->flags & ~ALL_FLAGS)
		return false;
	if (place != KLAB_PAGE_PRESENT)
		return page->flags == place && !page->frame && !page->mappings;
	if (kind == KLAB_PAGE_ZERO)
		return true;
	/* It is mapped here, and what is mapped is held. */
	return page->mappings && page->references && page->order <= 9;
}

static int check_records(int task, const char *start, size_t bytes, __u32 flags)
{
	static struct klab_page pages[ARENA_PAGES];
	struct klab_task_pages ask = {
		.start = (uintptr_t)start, .bytes = bytes, .mask = ALL_FLAGS, .flags = flags,
		.pages = { (uintptr_t)pages, ARENA_PAGES, sizeof(pages[0]) },
	};
	int error = klab(task, KLAB_IOC_TASK_PAGES, &ask), bit;
	size_t i;

	if (error)
		return error;
	if (ask.pages.count != ask.walked / PAGE || !ask.walked || ask.walked > ask.bytes)
		return NONSENSE;
	for (i = 0; i < ask.pages.count; i++) {
		if (!page_makes_sense(&pages[i]))
			return NONSENSE;
		for (bit = 0; bit < 32; bit++)
			ask.counts[bit] -= pages[i].flags >> bit & 1;
	}
	for (bit = 0; bit < 32; bit++)
		if (ask.counts[bit])
			return NONSENSE;
	return 0;
}

static int look_at_records(int task, unsigned int *state)
{
	size_t bytes;
	char *start = some(state, &bytes);

	return check_records(task, start, bytes, chance(state, 2));
}

static int look_at_runs(int task, unsigned int *state)
{
	static struct klab_page_run runs[ARENA_PAGES];
	size_t bytes, i;
	struct klab_task_pages ask = {
		.start = (uintptr_t)some(state, &bytes), .bytes = bytes,
		.mask = 1U << chance(state, 23) | 1U << chance(state, 4),
		.runs = { (uintptr_t)runs, ARENA_PAGES, sizeof(runs[0]) },
	};
	__u64 at = ask.start;
	int error = klab(task, KLAB_IOC_TASK_PAGES, &ask);

	for (i = 0; !error && i < ask.runs.count; i++) {
		if (runs[i].start != at || !runs[i].pages || runs[i].flags & ~ask.mask)
			return NONSENSE;
		at += runs[i].pages * PAGE;
	}
	return error ?: at - ask.start == ask.walked ? 0 : NONSENSE;
}

static int look_at_counts(int task, unsigned int *state)
{
	struct klab_task_pages ask = {
		.start = (uintptr_t)arena, .bytes = ARENA_PAGES * PAGE,
		.mask = KLAB_PAGE_PRESENT | KLAB_PAGE_NO_AREA,
	};
	int error = klab(task, KLAB_IOC_TASK_PAGES, &ask);

	(void)state;
	return error ?: ask.counts[0] + ask.counts[2] <= ask.walked / PAGE ? 0 : NONSENSE;
}

static int look_at_tables(int task, unsigned int *state)
{
	struct klab_task_walk walk = {
		.address = (uintptr_t)arena + chance(state, ARENA_PAGES) * PAGE,
	};
	int error = klab(task, KLAB_IOC_TASK_WALK, &walk);
	__u32 i;

	if (error == EOPNOTSUPP)
		return 0;
	if (!error && (!walk.levels || walk.levels > 5))
		return NONSENSE;
	for (i = 1; !error && i < walk.levels; i++)
		if (walk.entries[i].level != walk.entries[i - 1].level - 1 ||
		    !(walk.entries[i - 1].flags & KLAB_ENTRY_PRESENT))
			return NONSENSE;
	return error;
}

static int look_at_who(int task, unsigned int *state)
{
	struct klab_task_space space;
	struct klab_task_who who;
	int error = task_who(task, &who);

	(void)state;
	if (!error && (!who.comm[0] || who.threads > 1))
		return NONSENSE;
	error = error ?: klab(task, KLAB_IOC_TASK_SPACE, &space);
	return error ?: space.brk >= space.brk_start ? 0 : NONSENSE;
}

static int look_beside(int task, unsigned int *state)
{
	struct klab_task_compare ask = { .other = handle_on(0) };
	int error = klab(task, KLAB_IOC_TASK_COMPARE, &ask);

	(void)state;
	close(ask.other);
	return error ?: ask.same & ask.different ? NONSENSE : 0;
}

static int look_at_file(int task, unsigned int *state)
{
	static struct klab_file_run runs[2 * FILE_PAGES];
	struct klab_file_stat ask = {
		.fd = file, .start = chance(state, 8), .pages = chance(state, FILE_PAGES),
		.runs = { (uintptr_t)runs, ARRAY_SIZE(runs), sizeof(runs[0]) },
	};
	int error = klab(device, KLAB_IOC_FILE_STAT, &ask);
	__u32 i;

	(void)task;
	for (i = 0; !error && i < ask.runs.count; i++)
		ask.cached -= runs[i].pages;
	return error ?: ask.cached ? NONSENSE : 0;
}

static int (*const looks[WALKERS])(int task, unsigned int *state) = {
	look_at_areas, look_at_records, look_at_runs, look_at_counts, look_at_tables, look_at_who,
	look_beside, look_at_file,
};

static void nothing(int number)
{
	(void)number;
}

/* Signals come, with a handler that restarts nothing, and no call may fail for them. */
static void disturb_oneself(void)
{
	struct itimerval often = { { 0, 50000 }, { 0, 50000 } };
	struct sigaction action = { .sa_handler = nothing };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

/* The last one it looks at is itself. */
static pid_t start_walker(int kind)
{
	int tasks[VICTIMS + 1] = { -1, -1, -1, -1, -1 }, i, error;
	pid_t pids[VICTIMS + 1] = { 0 }, pid = fork();
	unsigned int state = kind;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	disturb_oneself();
	while (!__atomic_load_n(&field->stop, __ATOMIC_RELAXED)) {
		i = chance(&state, VICTIMS + 1);
		pid = i < VICTIMS ? __atomic_load_n(&field->victims[i], __ATOMIC_RELAXED) :
				    getpid();
		if (pid != pids[i]) {
			close(tasks[i]);
			tasks[i] = open_task(device, pid);
			pids[i] = tasks[i] < 0 ? 0 : pid;
		}
		error = tasks[i] < 0 ? errno : looks[kind](tasks[i], &state);
		if (!error)
			__atomic_add_fetch(&field->answered[kind], 1, __ATOMIC_RELAXED);
		else if (error != ESRCH &&
			 (error != EAGAIN || kind < RECORDS || kind > COUNTS))
			field->wrong[kind] = error;
	}
	_exit(0);
}

static int open_file(void)
{
	const char *disk = disk_directory();
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/load", disk ?: "/tmp");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	unlink(path);
	return fd < 0 || ftruncate(fd, FILE_PAGES * PAGE) ? -1 : fd;
}

/* Now and then one is killed; whoever has ended gets a successor. */
static void tend_victims(unsigned int *state)
{
	int i;

	for (i = 0; i < VICTIMS; i++) {
		if (!chance(state, 8))
			kill(field->victims[i], SIGKILL);
		if (waitpid(field->victims[i], NULL, WNOHANG))
			__atomic_store_n(&field->victims[i], start_victim(chance(state, ~0U)),
					 __ATOMIC_RELAXED);
	}
	usleep(20000);
}

static bool all_answered(void)
{
	int i;

	for (i = 0; i < WALKERS; i++)
		if (__atomic_load_n(&field->answered[i], __ATOMIC_RELAXED) <= 10)
			return false;
	return true;
}

FIXTURE(task_load)
{
	pid_t walkers[WALKERS];
};

FIXTURE_SETUP(task_load)
{
	int i;

	field = shared_memory(sizeof(*field));
	ASSERT_NE(NULL, field);
	device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, device);
	file = open_file();
	ASSERT_LE(0, file);
	arena = mmap(NULL, ARENA_PAGES * PAGE + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	ASSERT_NE(MAP_FAILED, arena);
	arena = (char *)(((uintptr_t)arena + HUGE - 1) & -HUGE);
	have_swap();
	write_text("/sys/kernel/mm/ksm/run", "1");
	write_text("/proc/sys/vm/nr_hugepages", "8");
	for (i = 0; i < VICTIMS; i++)
		field->victims[i] = start_victim(i);
	for (i = 0; i < WALKERS; i++)
		self->walkers[i] = start_walker(i);
}

FIXTURE_TEARDOWN(task_load)
{
	int i;

	for (i = 0; i < VICTIMS; i++)
		end_child(field->victims[i]);
	write_text("/sys/kernel/mm/ksm/run", "0");
	write_text("/proc/sys/vm/nr_hugepages", "0");
	close(file);
	close(device);
}

TEST_F_TIMEOUT(task_load, everything_at_once, LONG_TIMEOUT)
{
	__u64 until = now_ns() + asked_for("KLAB_SECONDS", 2) * 1000000000;
	unsigned int state = 1;
	int i;

	while (now_ns() < until)
		tend_victims(&state);
	EXPECT_TRUE(eventually((tend_victims(&state), all_answered())));
	__atomic_store_n(&field->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < WALKERS; i++) {
		EXPECT_EQ(0, child_status(self->walkers[i]));
		EXPECT_EQ(0, field->wrong[i]);
		TH_LOG("%-8s %llu times", walker_names[i], field->answered[i]);
	}
}

/*
 * Pages that are taken away again and again: many of them after the tables were read, and
 * before they themselves are looked at.
 */
TEST(pages_that_go)
{
	char *memory = map_pages(512, MAP_PRIVATE);
	int task, looks, answered = 0, error;
	pid_t child = fork();

	while (!child) {
		populate(memory, 512 * PAGE);
		madvise(memory, 512 * PAGE, MADV_DONTNEED);
	}
	task = handle_on(child);
	ASSERT_LE(0, task);
	for (looks = 0; looks < 1000; looks++) {
		error = check_records(task, memory, 512 * PAGE, 0);
		answered += !error;
		if (error != EAGAIN)
			ASSERT_EQ(0, error);
	}
	EXPECT_LT(0, answered);
	close(task);
	end_child(child);
}

TEST_HARNESS_MAIN
