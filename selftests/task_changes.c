// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fork, brk, mlock, madvise and exec do to a process, as the kernel has it before
 * and after.
 */
#include "task_test.h"

#define COUNT	16

FIXTURE(task_changes)
{
	int task;
};

FIXTURE_SETUP(task_changes)
{
	self->task = handle_on(0);
	ASSERT_LE(0, self->task);
}

FIXTURE_TEARDOWN(task_changes)
{
	close(self->task);
}

static long count_of(int task, const char *start, __u32 flag)
{
	return count_pages(task, start, COUNT, flag);
}

static bool has_stopped(pid_t pid)
{
	return eventually(proc_stat(pid, 3) == 'T');
}

/* Pages wait in lists of a processor before they are in those of the machine. */
static void empty_lists(void)
{
	write_text("/proc/sys/vm/compact_memory", "1");
}

/* How many of them are the same in both, page by page? */
static int same_pages(const struct klab_page *some, const struct klab_page *others)
{
	int i, same = 0;

	for (i = 0; i < COUNT; i++)
		same += some[i].flags & others[i].flags & KLAB_PAGE_PRESENT &&
			some[i].frame == others[i].frame;
	return same;
}

TEST_F(task_changes, fork)
{
	char *private = map_pages(COUNT, MAP_PRIVATE), *shared = map_pages(COUNT, MAP_SHARED);
	struct klab_page before[COUNT], ours[COUNT], theirs[COUNT];
	int child_task, i;
	pid_t child;

	memset(private, 1, COUNT * PAGE);
	memset(shared, 1, COUNT * PAGE);
	ASSERT_EQ(0, read_pages(self->task, private, COUNT, 0, before));
	EXPECT_EQ(COUNT, count_of(self->task, private, KLAB_PAGE_WRITABLE));
	EXPECT_EQ(COUNT, count_of(self->task, private, KLAB_PAGE_EXCLUSIVE));
	child = fork();
	if (!child) {
		/* The tables of what is shared are filled by the child's own faults. */
		memset(shared, 2, COUNT * PAGE);
		raise(SIGSTOP);
		private[5 * PAGE] = 2;
		shared[5 * PAGE] = 3;
		raise(SIGSTOP);
		_exit(0);
	}
	ASSERT_TRUE(has_stopped(child));
	child_task = handle_on(child);
	ASSERT_LE(0, child_task);

	/* No page was copied, and nobody may write. */
	ASSERT_EQ(0, read_pages(self->task, private, COUNT, 0, ours));
	ASSERT_EQ(0, read_pages(child_task, private, COUNT, 0, theirs));
	EXPECT_EQ(COUNT, same_pages(before, ours));
	EXPECT_EQ(COUNT, same_pages(ours, theirs));
	for (i = 0; i < COUNT; i++) {
		EXPECT_EQ(0, (ours[i].flags | theirs[i].flags) & KLAB_PAGE_WRITABLE);
		EXPECT_EQ(0, (ours[i].flags | theirs[i].flags) & KLAB_PAGE_EXCLUSIVE);
		EXPECT_NE(0, ours[i].flags & theirs[i].flags & KLAB_PAGE_SHARED);
		EXPECT_EQ(2, ours[i].mappings);
	}

	/* One write, one copy, in the child; here it is the same page as ever. */
	kill(child, SIGCONT);
	ASSERT_TRUE(eventually(shared[5 * PAGE] == 3));
	ASSERT_TRUE(has_stopped(child));
	ASSERT_EQ(0, read_pages(self->task, private, COUNT, 0, ours));
	ASSERT_EQ(0, read_pages(child_task, private, COUNT, 0, theirs));
	EXPECT_EQ(COUNT, same_pages(before, ours));
	EXPECT_EQ(COUNT - 1, same_pages(ours, theirs));
	EXPECT_NE(ours[5].frame, theirs[5].frame);
	EXPECT_EQ(1, count_of(child_task, private, KLAB_PAGE_WRITABLE));
	EXPECT_NE(0, theirs[5].flags & KLAB_PAGE_WRITABLE);
	EXPECT_EQ(0, count_of(self->task, private, KLAB_PAGE_WRITABLE));
	EXPECT_EQ(1, ours[5].mappings);

	/* Beside it nothing was copied, and both may write. */
	ASSERT_EQ(0, read_pages(self->task, shared, COUNT, 0, ours));
	ASSERT_EQ(0, read_pages(child_task, shared, COUNT, 0, theirs));
	EXPECT_EQ(COUNT, same_pages(ours, theirs));
	EXPECT_EQ(COUNT, count_of(self->task, shared, KLAB_PAGE_WRITABLE));
	EXPECT_EQ(COUNT, count_of(child_task, shared, KLAB_PAGE_WRITABLE));

	/* Alone again, whoever writes to a page keeps it. */
	end_child(child);
	close(child_task);
	memset(private, 3, COUNT * PAGE);
	ASSERT_EQ(0, read_pages(self->task, private, COUNT, 0, ours));
	EXPECT_EQ(COUNT, same_pages(before, ours));
	EXPECT_EQ(COUNT, count_of(self->task, private, KLAB_PAGE_WRITABLE));
}

TEST_F(task_changes, not_for_the_child)
{
	char *memory = map_pages(3 * COUNT, MAP_PRIVATE);
	int child_task;
	pid_t child;

	memset(memory, 1, 3 * COUNT * PAGE);
	ASSERT_EQ(0, madvise(memory, COUNT * PAGE, MADV_DONTFORK));
	ASSERT_EQ(0, madvise(memory + COUNT * PAGE, COUNT * PAGE, MADV_WIPEONFORK));
	child = fork();
	if (!child) {
		raise(SIGSTOP);
		_exit(0);
	}
	ASSERT_TRUE(has_stopped(child));
	child_task = handle_on(child);
	EXPECT_EQ(COUNT, count_of(child_task, memory, KLAB_PAGE_NO_AREA));
	EXPECT_EQ(0, count_of(child_task, memory + COUNT * PAGE, KLAB_PAGE_PRESENT));
	EXPECT_EQ(0, count_of(child_task, memory + COUNT * PAGE, KLAB_PAGE_NO_AREA));
	EXPECT_EQ(COUNT, count_of(child_task, memory + 2 * COUNT * PAGE, KLAB_PAGE_PRESENT));
	EXPECT_EQ(3 * COUNT, count_pages(self->task, memory, 3 * COUNT, KLAB_PAGE_PRESENT));
	close(child_task);
	end_child(child);
}

TEST_F(task_changes, brk)
{
	struct klab_task_space before, after;
	char *heap = sbrk(-(uintptr_t)sbrk(0) & (PAGE - 1));

	heap = sbrk(0);
	ASSERT_EQ(0, (uintptr_t)heap % PAGE);
	before = task_space(self->task);
	EXPECT_EQ((uintptr_t)heap, before.brk);
	ASSERT_EQ(heap, sbrk(COUNT * PAGE));
	madvise(heap, COUNT * PAGE, MADV_NOHUGEPAGE);
	after = task_space(self->task);
	EXPECT_EQ(before.brk + COUNT * PAGE, after.brk);
	EXPECT_EQ(before.brk_start, after.brk_start);
	EXPECT_EQ(before.pages + COUNT, after.pages);
	EXPECT_EQ(before.data + COUNT, after.data);
	EXPECT_EQ(0, count_of(self->task, heap, KLAB_PAGE_PRESENT));
	EXPECT_EQ(0, count_of(self->task, heap, KLAB_PAGE_NO_AREA));
	heap[0] = 1;
	heap[7 * PAGE] = 1;
	EXPECT_EQ(2, count_of(self->task, heap, KLAB_PAGE_PRESENT));
	ASSERT_EQ(heap + COUNT * PAGE, sbrk(-(intptr_t)(COUNT * PAGE)));
	EXPECT_EQ(COUNT, count_of(self->task, heap, KLAB_PAGE_NO_AREA));
	EXPECT_EQ(before.brk, task_space(self->task).brk);
}

TEST_F(task_changes, mlock)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);
	__u64 before = task_space(self->task).locked;

	EXPECT_EQ(0, count_of(self->task, memory, KLAB_PAGE_PRESENT));
	ASSERT_EQ(0, mlock(memory, COUNT * PAGE));
	EXPECT_EQ(COUNT, count_of(self->task, memory, KLAB_PAGE_PRESENT));
	EXPECT_TRUE(eventually((empty_lists(),
				count_of(self->task, memory, KLAB_PAGE_UNEVICTABLE) == COUNT)));
	EXPECT_EQ(COUNT, count_of(self->task, memory, KLAB_PAGE_MLOCKED));
	EXPECT_EQ(before + COUNT, task_space(self->task).locked);
	EXPECT_EQ(KLAB_AREA_LOCKED, area_flags(self->task, memory) &
		  (KLAB_AREA_LOCKED | KLAB_AREA_LOCK_ON_FAULT));
	ASSERT_EQ(0, munlock(memory, COUNT * PAGE));
	EXPECT_TRUE(eventually((empty_lists(),
				!count_of(self->task, memory, KLAB_PAGE_MLOCKED))));
	EXPECT_EQ(COUNT, count_of(self->task, memory, KLAB_PAGE_PRESENT));
	EXPECT_EQ(before, task_space(self->task).locked);
	EXPECT_EQ(0, area_flags(self->task, memory) & KLAB_AREA_LOCKED);
}

TEST_F(task_changes, mlock_on_fault)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);
	__u64 before = task_space(self->task).locked;

	ASSERT_EQ(0, syscall(SYS_mlock2, memory, COUNT * PAGE, 1 /* MLOCK_ONFAULT */));
	EXPECT_EQ(before + COUNT, task_space(self->task).locked);
	EXPECT_EQ(KLAB_AREA_LOCKED | KLAB_AREA_LOCK_ON_FAULT, area_flags(self->task, memory) &
		  (KLAB_AREA_LOCKED | KLAB_AREA_LOCK_ON_FAULT));
	EXPECT_EQ(0, count_of(self->task, memory, KLAB_PAGE_PRESENT));
	memset(memory, 1, 3 * PAGE);
	EXPECT_EQ(3, count_of(self->task, memory, KLAB_PAGE_PRESENT));
	EXPECT_TRUE(eventually((empty_lists(),
				count_of(self->task, memory, KLAB_PAGE_MLOCKED) == 3)));
}

TEST_F(task_changes, madvise_dontneed)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);

	memset(memory, 1, COUNT * PAGE);
	ASSERT_EQ(0, madvise(memory, 4 * PAGE, MADV_DONTNEED));
	EXPECT_EQ(COUNT - 4, count_of(self->task, memory, KLAB_PAGE_PRESENT));
	EXPECT_EQ(0, glance(memory));
	/* What comes back is nothing, and all share it. */
	EXPECT_EQ(1, count_of(self->task, memory, KLAB_PAGE_ZERO));
}

/* The pages stay until memory is short, and say that they need not. */
TEST_F(task_changes, madvise_free)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);

	memset(memory, 1, COUNT * PAGE);
	EXPECT_EQ(0, count_of(self->task, memory, KLAB_PAGE_LAZY_FREE));
	EXPECT_TRUE(eventually(!madvise(memory, COUNT * PAGE, MADV_FREE) &&
			       (empty_lists(), true) &&
			       count_of(self->task, memory, KLAB_PAGE_LAZY_FREE) == COUNT));
	EXPECT_EQ(COUNT, count_of(self->task, memory, KLAB_PAGE_PRESENT));
}

TEST_F(task_changes, madvise_pageout)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);
	__u64 before = task_space(self->task).swapped;

	if (!have_swap())
		SKIP(return, "no disk in memory to swap to");
	memset(memory, 9, COUNT * PAGE);
	ASSERT_TRUE(eventually(!madvise(memory, COUNT * PAGE, 21 /* MADV_PAGEOUT */) &&
			       !count_of(self->task, memory, KLAB_PAGE_PRESENT)));
	EXPECT_EQ(before + COUNT, task_space(self->task).swapped);
	EXPECT_EQ(9, glance(memory));
	EXPECT_LE(1, count_of(self->task, memory, KLAB_PAGE_PRESENT));
}

static __u32 last_entry(int task, const char *address)
{
	struct klab_task_walk walk = { .address = (uintptr_t)address };

	return klab(task, KLAB_IOC_TASK_WALK, &walk) ? 0 : walk.entries[walk.levels - 1].flags;
}

/* Nothing goes, but that it was used is forgotten, in the page's entry. */
TEST_F(task_changes, madvise_cold)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);

	memset(memory, 1, COUNT * PAGE);
	if (!last_entry(self->task, memory))
		SKIP(return, "nothing is known of entries here");
	EXPECT_NE(0, last_entry(self->task, memory) & KLAB_ENTRY_ACCESSED);
	EXPECT_TRUE(eventually(!madvise(memory, COUNT * PAGE, 20 /* MADV_COLD */) &&
			       !(last_entry(self->task, memory) & KLAB_ENTRY_ACCESSED)));
	EXPECT_EQ(COUNT, count_of(self->task, memory, KLAB_PAGE_PRESENT));
	EXPECT_EQ(0, count_of(self->task, memory, KLAB_PAGE_ACTIVE));
	memory[0] = 2;
	EXPECT_NE(0, last_entry(self->task, memory) & KLAB_ENTRY_ACCESSED);
}

TEST_F(task_changes, madvise_huge)
{
	char *memory = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	memory = (char *)(((uintptr_t)memory + HUGE - 1) & -HUGE);
	if (madvise(memory, HUGE, MADV_HUGEPAGE))
		SKIP(return, "no huge pages here");
	EXPECT_NE(0, area_flags(self->task, memory) & KLAB_AREA_HUGE);
	EXPECT_EQ(0, count_pages(self->task, memory, HUGE / PAGE, KLAB_PAGE_PRESENT));
	*memory = 1;
	if (count_pages(self->task, memory, HUGE / PAGE, KLAB_PAGE_PRESENT) == 1)
		SKIP(return, "no huge page was to be had");
	EXPECT_EQ(HUGE / PAGE, count_pages(self->task, memory, HUGE / PAGE, KLAB_PAGE_LARGE));
	ASSERT_EQ(0, madvise(memory, HUGE, MADV_NOHUGEPAGE));
	EXPECT_EQ(KLAB_AREA_NO_HUGE, area_flags(self->task, memory) &
		  (KLAB_AREA_HUGE | KLAB_AREA_NO_HUGE));
	/* The advice is about pages to come. */
	EXPECT_EQ(HUGE / PAGE, count_pages(self->task, memory, HUGE / PAGE, KLAB_PAGE_LARGE));
}

static void handler(int number)
{
	(void)number;
}

/* The address space, the handlers and the name are new; ids, signals and what was used stay. */
TEST_F(task_changes, exec)
{
	char *memory = map_pages(COUNT, MAP_PRIVATE);
	struct klab_task_space space, new_space;
	struct klab_task_who before, after;
	sigset_t set;
	int task;
	pid_t child;

	memset(memory, 1, COUNT * PAGE);
	child = fork();
	if (!child) {
		signal(SIGUSR1, handler);
		signal(SIGPIPE, SIG_IGN);
		sigemptyset(&set);
		sigaddset(&set, SIGHUP);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGHUP);
		mlock(memory, PAGE);
		raise(SIGSTOP);
		execl("/bin/busybox", "sleep", "1000", NULL);
		_exit(1);
	}
	ASSERT_TRUE(has_stopped(child));
	task = handle_on(child);
	ASSERT_EQ(0, task_who(task, &before));
	space = task_space(task);
	EXPECT_EQ(COUNT, count_of(task, memory, KLAB_PAGE_PRESENT));
	EXPECT_NE(0, before.caught & 1ULL << (SIGUSR1 - 1));
	kill(child, SIGCONT);
	ASSERT_TRUE(eventually(proc_stat(child, 3) == 'S' && !task_who(task, &after) &&
			       !strcmp(after.comm, "busybox")));
	new_space = task_space(task);

	/* What goes. (Where it was, the new program may have something else by chance.) */
	EXPECT_EQ(0, after.caught);
	EXPECT_GT(COUNT, count_of(task, memory, KLAB_PAGE_PRESENT));
	EXPECT_EQ(1, space.locked);
	EXPECT_EQ(0, new_space.locked);
	EXPECT_NE(space.code_end - space.code_start, new_space.code_end - new_space.code_start);
	EXPECT_EQ(0, after.flags & KLAB_TASK_FORKED_NO_EXEC);

	/* What stays. */
	EXPECT_EQ(before.pid, after.pid);
	EXPECT_EQ(before.parent, after.parent);
	EXPECT_EQ(before.group, after.group);
	EXPECT_EQ(before.session, after.session);
	EXPECT_EQ(before.started_ns, after.started_ns);
	EXPECT_EQ(before.blocked, after.blocked);
	EXPECT_EQ(before.pending, after.pending);
	EXPECT_EQ(1ULL << (SIGHUP - 1), after.pending);
	EXPECT_EQ(before.ignored, after.ignored);
	EXPECT_NE(0, after.ignored & 1ULL << (SIGPIPE - 1));
	EXPECT_LT(before.process.minor_faults, after.process.minor_faults);
	close(task);
	end_child(child);
}

TEST_HARNESS_MAIN
