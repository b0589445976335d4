// SPDX-License-Identifier: GPL-2.0-only
/*
 * What two tasks share: for each flag of clone(2), beside kcmp(2) and the links in
 * /proc/PID/ns.
 */
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "task_test.h"

static const struct {
	__u64 same;
	int type;
} kcmp_types[] = {
	{ KLAB_SAME_MEMORY, KCMP_VM }, { KLAB_SAME_FILES, KCMP_FILES },
	{ KLAB_SAME_FS, KCMP_FS }, { KLAB_SAME_HANDLERS, KCMP_SIGHAND },
	{ KLAB_SAME_IO, KCMP_IO }, { KLAB_SAME_UNDO, KCMP_SYSVSEM },
};

static const struct {
	__u64 same;
	const char *link;
} namespaces[] = {
	{ KLAB_SAME_UTS_NS, "uts" }, { KLAB_SAME_IPC_NS, "ipc" }, { KLAB_SAME_MOUNT_NS, "mnt" },
	{ KLAB_SAME_PID_NS, "pid" }, { KLAB_SAME_CHILD_PID_NS, "pid_for_children" },
	{ KLAB_SAME_NET_NS, "net" }, { KLAB_SAME_CGROUP_NS, "cgroup" },
	{ KLAB_SAME_TIME_NS, "time" }, { KLAB_SAME_USER_NS, "user" },
};

FIXTURE(task_compare)
{
	int task;
	int semaphore;
	char *stack;
};

static const struct {
	const char *name;
	int flags;		/* of clone(2) */
	__u64 same;		/* because of them */
	__u64 different;
} clones[] = {
	{ "plain", 0, KLAB_SAME_UTS_NS, KLAB_SAME_MEMORY | KLAB_SAME_FILES | KLAB_SAME_FS |
	  KLAB_SAME_HANDLERS | KLAB_SAME_IO | KLAB_SAME_UNDO | KLAB_SAME_PROCESS |
	  KLAB_SAME_CREDENTIALS },
	{ "vm", CLONE_VM, KLAB_SAME_MEMORY, KLAB_SAME_HANDLERS },
	{ "files", CLONE_FILES, KLAB_SAME_FILES, KLAB_SAME_FS },
	{ "fs", CLONE_FS, KLAB_SAME_FS, KLAB_SAME_FILES },
	{ "handlers", CLONE_VM | CLONE_SIGHAND, KLAB_SAME_HANDLERS | KLAB_SAME_MEMORY,
	  KLAB_SAME_PROCESS },
	{ "io", CLONE_IO, KLAB_SAME_IO, KLAB_SAME_UNDO },
	{ "undo", CLONE_SYSVSEM, KLAB_SAME_UNDO, KLAB_SAME_IO },
	{ "uts", CLONE_NEWUTS, KLAB_SAME_NET_NS, KLAB_SAME_UTS_NS },
	{ "ipc", CLONE_NEWIPC, KLAB_SAME_UTS_NS, KLAB_SAME_IPC_NS },
	{ "mount", CLONE_NEWNS, KLAB_SAME_UTS_NS, KLAB_SAME_MOUNT_NS },
	{ "pid", CLONE_NEWPID, KLAB_SAME_UTS_NS, KLAB_SAME_PID_NS | KLAB_SAME_CHILD_PID_NS },
	{ "net", CLONE_NEWNET, KLAB_SAME_UTS_NS, KLAB_SAME_NET_NS },
	{ "cgroup", CLONE_NEWCGROUP, KLAB_SAME_UTS_NS, KLAB_SAME_CGROUP_NS },
	{ "user", CLONE_NEWUSER, KLAB_SAME_UTS_NS, KLAB_SAME_USER_NS | KLAB_SAME_CREDENTIALS },
};

/* An io context and an undo list, which a task has only once it has needed one. */
FIXTURE_SETUP(task_compare)
{
	struct sembuf up = { 0, 1, SEM_UNDO };

	self->task = handle_on(0);
	ASSERT_LE(0, self->task);
	self->stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	self->semaphore = semget(IPC_PRIVATE, 1, 0600);
	semop(self->semaphore, &up, 1);
	syscall(SYS_ioprio_set, 1 /* a process */, 0, 2 << 13 | 4 /* best effort */);
}

FIXTURE_TEARDOWN(task_compare)
{
	semctl(self->semaphore, 0, IPC_RMID);
	close(self->task);
}

static int sleeper(void *unused)
{
	(void)unused;
	while (1)
		syscall(SYS_pause);
	return 0;
}

static void compare_with_kernel(struct __test_metadata *_metadata, pid_t one, pid_t other,
				const struct klab_task_compare *found)
{
	char path[64], link[64], other_link[64];
	size_t i;
	long answer;

	EXPECT_EQ(0, found->same & found->different);
	for (i = 0; i < ARRAY_SIZE(kcmp_types); i++) {
		answer = syscall(SYS_kcmp, one, other, kcmp_types[i].type, 0, 0);
		if (answer < 0)
			continue;
		/* Nothing and nothing are equal there, and here not told. */
		EXPECT_EQ(answer != 0, !!(found->different & kcmp_types[i].same))
			TH_LOG("kcmp type %d", kcmp_types[i].type);
		EXPECT_TRUE(answer == 0 || !(found->same & kcmp_types[i].same));
	}
	for (i = 0; i < ARRAY_SIZE(namespaces); i++) {
		memset(link, 0, sizeof(link));
		memset(other_link, 0, sizeof(other_link));
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", one, namespaces[i].link);
		if (readlink(path, link, sizeof(link) - 1) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", other, namespaces[i].link);
		if (readlink(path, other_link, sizeof(other_link) - 1) < 0)
			continue;
		EXPECT_EQ(!strcmp(link, other_link), !!(found->same & namespaces[i].same))
			TH_LOG("%s: %s and %s", namespaces[i].link, link, other_link);
		EXPECT_EQ(!!strcmp(link, other_link), !!(found->different & namespaces[i].same));
	}
}

/* Each flag makes what it says, and the kernel's own answers are the same. */
TEST_F(task_compare, clone)
{
	struct klab_task_compare found;
	size_t i, skipped = 0;
	pid_t child;

	for (i = 0; i < ARRAY_SIZE(clones); i++) {
		child = clone(sleeper, self->stack + 65536, clones[i].flags | SIGCHLD, NULL);
		/* A kernel may be without a namespace. */
		if (child < 0) {
			skipped++;
			continue;
		}
		found = (struct klab_task_compare) { .other = handle_on(child) };
		ASSERT_LE(0, found.other);
		ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_COMPARE, &found));
		EXPECT_EQ(clones[i].same, found.same & clones[i].same)
			TH_LOG("%s", clones[i].name);
		EXPECT_EQ(clones[i].different, found.different & clones[i].different)
			TH_LOG("%s", clones[i].name);
		compare_with_kernel(_metadata, getpid(), child, &found);
		close(found.other);
		end_child(child);
	}
	EXPECT_GT(ARRAY_SIZE(clones) / 2, skipped);
}

/* Who asks for another time namespace is not in it, and his children are. */
TEST_F(task_compare, time_namespace)
{
	struct klab_task_compare found;
	int ends[2];
	pid_t child, grandchild = 0;

	ASSERT_EQ(0, pipe(ends));
	child = fork();
	if (!child) {
		grandchild = unshare(0x80 /* CLONE_NEWTIME */) ? -1 : start_sleeper();
		if (write(ends[1], &grandchild, sizeof(grandchild)) < 0)
			_exit(1);
		while (1)
			pause();
	}
	ASSERT_EQ(sizeof(grandchild), read(ends[0], &grandchild, sizeof(grandchild)));
	if (grandchild < 0) {
		end_child(child);
		SKIP(return, "no time namespaces here");
	}
	found = (struct klab_task_compare) { .other = handle_on(child) };
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_COMPARE, &found));
	EXPECT_NE(0, found.same & KLAB_SAME_TIME_NS);
	compare_with_kernel(_metadata, getpid(), child, &found);
	close(found.other);
	found = (struct klab_task_compare) { .other = handle_on(grandchild) };
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_COMPARE, &found));
	EXPECT_NE(0, found.different & KLAB_SAME_TIME_NS);
	compare_with_kernel(_metadata, getpid(), grandchild, &found);
	close(found.other);
	kill(grandchild, SIGKILL);
	end_child(child);
}

FIXTURE(threads)
{
	int task;
};

FIXTURE_SETUP(threads)
{
	self->task = handle_on(0);
	ASSERT_LE(0, self->task);
}

FIXTURE_TEARDOWN(threads)
{
	close(self->task);
}

struct thread {
	pid_t tid;
	bool alone;		/* unshares what it can */
	bool end;
};

static void *run(void *argument)
{
	struct thread *thread = argument;

	if (thread->alone)
		unshare(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM);
	__atomic_store_n(&thread->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	while (!__atomic_load_n(&thread->end, __ATOMIC_ACQUIRE))
		usleep(1000);
	return NULL;
}

TEST_F(threads, share)
{
	const __u64 always = KLAB_SAME_MEMORY | KLAB_SAME_HANDLERS | KLAB_SAME_PROCESS |
			     KLAB_SAME_CREDENTIALS;
	const __u64 apart = KLAB_SAME_FILES | KLAB_SAME_FS;
	int alone;

	for (alone = 0; alone < 2; alone++) {
		struct thread thread = { .alone = alone };
		struct klab_task_compare found = { 0 };
		pthread_t id;

		ASSERT_EQ(0, pthread_create(&id, NULL, run, &thread));
		ASSERT_TRUE(eventually(__atomic_load_n(&thread.tid, __ATOMIC_ACQUIRE)));
		found.other = handle_on(thread.tid);
		ASSERT_LE(0, found.other);
		ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_COMPARE, &found));
		EXPECT_EQ(always, found.same & always);
		EXPECT_EQ(apart, (alone ? found.different : found.same) & apart);
		compare_with_kernel(_metadata, getpid(), thread.tid, &found);
		close(found.other);
		__atomic_store_n(&thread.end, true, __ATOMIC_RELEASE);
		pthread_join(id, NULL);
	}
}

/* A task is the same as itself in everything; who has ended has next to nothing. */
TEST_F(threads, oneself_and_nobody)
{
	struct klab_task_compare found = { .other = self->task };
	pid_t child;

	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_COMPARE, &found));
	EXPECT_EQ(0, found.different);
	EXPECT_NE(0, found.same & KLAB_SAME_MEMORY);
	child = fork();
	if (!child)
		_exit(0);
	found.other = handle_on(child);
	ASSERT_TRUE(eventually(proc_stat(child, 3) == 'Z'));
	ASSERT_EQ(0, klab(self->task, KLAB_IOC_TASK_COMPARE, &found));
	EXPECT_NE(0, found.different & KLAB_SAME_MEMORY);
	EXPECT_NE(0, found.different & KLAB_SAME_FILES);
	waitpid(child, NULL, 0);
	EXPECT_EQ(ESRCH, klab(self->task, KLAB_IOC_TASK_COMPARE, &found));
	close(found.other);
	found.other = -1;
	EXPECT_EQ(EBADF, klab(self->task, KLAB_IOC_TASK_COMPARE, &found));
	found.other = 0;
	EXPECT_EQ(EINVAL, klab(self->task, KLAB_IOC_TASK_COMPARE, &found));
}

TEST_HARNESS_MAIN
