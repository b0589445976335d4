// SPDX-License-Identifier: GPL-2.0-only
/* A task handle: what it follows, how long it answers, and who it says the task is. */
#include <sched.h>
#include <sys/resource.h>

#include "pass.h"
#include "task_test.h"

FIXTURE(task)
{
	int fd;
};

FIXTURE_SETUP(task)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(task)
{
	close(self->fd);
}

/* Everything that /proc tells as well, about a process that stands still. */
static void compare_with_proc(struct __test_metadata *_metadata, int task, pid_t pid)
{
	struct klab_task_who who;
	long tick = sysconf(_SC_CLK_TCK);
	long long ticks;
	char ids[64];

	ASSERT_EQ(0, task_who(task, &who));
	EXPECT_EQ(proc_number(pid, "Tgid", 10), who.pid);
	EXPECT_EQ(proc_number(pid, "Pid", 10), who.tid);
	EXPECT_EQ(proc_number(pid, "PPid", 10), who.parent);
	EXPECT_EQ(proc_number(pid, "TracerPid", 10), who.tracer);
	EXPECT_EQ(proc_number(pid, "Threads", 10), who.threads);
	EXPECT_EQ(proc_stat(pid, 5), who.group);
	EXPECT_EQ(proc_stat(pid, 6), who.session);
	EXPECT_STREQ(proc_text(pid, "status", "Name"), who.comm);
	EXPECT_EQ(*proc_text(pid, "status", "State"), who.state);
	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t", who.uid, who.euid, who.suid);
	EXPECT_EQ(0, strncmp(proc_text(pid, "status", "Uid"), ids, strlen(ids)));
	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t", who.gid, who.egid, who.sgid);
	EXPECT_EQ(0, strncmp(proc_text(pid, "status", "Gid"), ids, strlen(ids)));
	EXPECT_EQ(proc_number(pid, "SigPnd", 16), who.pending);
	EXPECT_EQ(proc_number(pid, "ShdPnd", 16), who.pending_process);
	EXPECT_EQ(proc_number(pid, "SigBlk", 16), who.blocked);
	EXPECT_EQ(proc_number(pid, "SigIgn", 16), who.ignored);
	EXPECT_EQ(proc_number(pid, "SigCgt", 16), who.caught);
	EXPECT_EQ(proc_number(pid, "voluntary_ctxt_switches", 10), who.thread.voluntary_switches);
	EXPECT_EQ(proc_number(pid, "nonvoluntary_ctxt_switches", 10),
		  who.thread.involuntary_switches);
	EXPECT_EQ(proc_number(pid, "NoNewPrivs", 10), !!(who.flags & KLAB_TASK_NO_NEW_PRIVS));
	EXPECT_EQ(proc_stat(pid, 10), who.process.minor_faults);
	EXPECT_EQ(proc_stat(pid, 12), who.process.major_faults);
	/* In ticks there, and how the kernel divides it into the two varies a little. */
	ticks = (who.process.user_ns + who.process.system_ns) / (1000000000 / tick);
	EXPECT_LE(llabs(ticks - proc_stat(pid, 14) - proc_stat(pid, 15)), 2);
	EXPECT_LE(proc_stat(pid, 14) / 2, (long long)who.process.user_ns / (1000000000 / tick));
	EXPECT_EQ(proc_stat(pid, 19), who.nice);
	EXPECT_EQ(proc_stat(pid, 40), who.realtime_priority);
	EXPECT_EQ(proc_stat(pid, 41), who.policy);
	/* The bits that /proc shows raw, in the order of the header: PF_EXITING, ... */
	EXPECT_EQ(!!(proc_stat(pid, 9) & 0x4), !!(who.flags & KLAB_TASK_EXITING));
	EXPECT_EQ(!!(proc_stat(pid, 9) & 0x40), !!(who.flags & KLAB_TASK_FORKED_NO_EXEC));
	EXPECT_EQ(!!(proc_stat(pid, 9) & 0x100), !!(who.flags & KLAB_TASK_USED_PRIVILEGE));
	EXPECT_EQ(!!(proc_stat(pid, 9) & 0x200000), !!(who.flags & KLAB_TASK_KERNEL));
	EXPECT_EQ(!!(proc_stat(pid, 9) & 0x400000), !!(who.flags & KLAB_TASK_RANDOMIZED));
}

static void handler(int number)
{
	(void)number;
}

/* In pause(2) and off the processor. That it sleeps, its state says a moment before it does. */
static bool stands_still(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	return number_in(path, "", 10) == SYS_pause;
}

TEST_F(task, as_proc_says)
{
	pid_t child = fork();
	sigset_t set;
	int task;

	if (!child) {
		struct sched_param real = { .sched_priority = 7 };
		__u64 end = now_ns() + 50000000;

		setresgid(12, 13, 14);
		if (setresuid(0, 0, 17) || prctl(PR_SET_NAME, "odd) name") || setsid() < 0 ||
		    setpriority(PRIO_PROCESS, 0, -3))
			_exit(1);
		sched_setscheduler(0, SCHED_RR, &real);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		signal(SIGUSR1, handler);
		signal(SIGRTMAX, handler);
		signal(SIGPIPE, SIG_IGN);
		sigemptyset(&set);
		sigaddset(&set, SIGHUP);
		sigaddset(&set, SIGRTMAX - 1);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGHUP);
		kill(getpid(), SIGRTMAX - 1);
		while (now_ns() < end)
			;
		while (1)
			pause();
	}
	ASSERT_TRUE(eventually(proc_number(child, "ShdPnd", 16) && stands_still(child)));
	task = open_task(self->fd, child);
	ASSERT_LE(0, task);
	compare_with_proc(_metadata, task, child);
	close(task);
	end_child(child);
}

TEST_F(task, oneself)
{
	int task = open_task(self->fd, 0), copy = open_task(self->fd, getpid());
	struct klab_task_who who, other;
	struct timespec before;

	ASSERT_LE(0, task);
	ASSERT_LE(0, copy);
	ASSERT_EQ(0, task_who(task, &who));
	ASSERT_EQ(0, task_who(copy, &other));
	EXPECT_EQ(getpid(), who.pid);
	EXPECT_EQ(getppid(), who.parent);
	EXPECT_EQ('R', who.state);
	EXPECT_EQ(who.pid, other.pid);
	EXPECT_NE(0, who.flags & KLAB_TASK_MEMORY);
	EXPECT_NE(0, who.flags & KLAB_TASK_DUMPABLE);
	EXPECT_EQ(0, who.flags & KLAB_TASK_EXITING);
	clock_gettime(CLOCK_MONOTONIC, &before);
	EXPECT_LT(who.started_ns, before.tv_sec * 1000000000ULL + before.tv_nsec);
	EXPECT_EQ(FD_CLOEXEC, fcntl(task, F_GETFD));
	EXPECT_EQ(getpid(), fdinfo_value(task, "task", 10));
	EXPECT_EQ(1, fdinfo_value(task, "task_answers", 10));
	close(task);
	close(copy);
}

struct thread {
	pthread_t thread;
	pid_t tid;
	int stop;
};

static void *touch(void *argument)
{
	struct thread *thread = argument;
	char *memory = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	for (i = 0; i < 64; i++)
		memory[i * 4096] = 1;
	prctl(PR_SET_NAME, "second");
	__atomic_store_n(&thread->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	while (!__atomic_load_n(&thread->stop, __ATOMIC_ACQUIRE))
		usleep(1000);
	return NULL;
}

/* A thread has an id, a name and counters of its own, and shares those of the process. */
TEST_F(task, thread)
{
	struct thread thread = { 0 };
	struct klab_task_who main, second;
	int task, whole;

	ASSERT_EQ(0, pthread_create(&thread.thread, NULL, touch, &thread));
	ASSERT_TRUE(eventually(__atomic_load_n(&thread.tid, __ATOMIC_ACQUIRE)));
	task = open_task(self->fd, thread.tid);
	whole = open_task(self->fd, 0);
	ASSERT_LE(0, task);
	ASSERT_EQ(0, task_who(task, &second));
	ASSERT_EQ(0, task_who(whole, &main));
	EXPECT_EQ(thread.tid, second.tid);
	EXPECT_EQ(getpid(), second.pid);
	EXPECT_EQ(2, second.threads);
	EXPECT_STREQ("second", second.comm);
	EXPECT_LE(64, second.thread.minor_faults);
	EXPECT_GT(1000, second.thread.minor_faults);
	EXPECT_LE(main.thread.minor_faults + second.thread.minor_faults,
		  main.process.minor_faults);
	__atomic_store_n(&thread.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread.thread, NULL);
	EXPECT_TRUE(eventually(task_who(task, &second) == ESRCH));
	/* What it has used is not forgotten. */
	ASSERT_EQ(0, task_who(whole, &main));
	EXPECT_LE(64, main.process.minor_faults - main.thread.minor_faults);
	close(task);
	close(whole);
}

/* Alive, a zombie, waited for: the state, the end, and never another process. */
TEST_F(task, end)
{
	pid_t child = start_sleeper(), reused;
	int task = open_task(self->fd, child), i;
	struct klab_task_who who;

	ASSERT_LE(0, task);
	ASSERT_EQ(0, task_who(task, &who));
	EXPECT_NE(0, who.flags & KLAB_TASK_MEMORY);
	kill(child, SIGKILL);
	ASSERT_TRUE(eventually(proc_stat(child, 3) == 'Z'));
	ASSERT_EQ(0, task_who(task, &who));
	EXPECT_EQ('Z', who.state);
	EXPECT_EQ(0, who.flags & KLAB_TASK_MEMORY);
	EXPECT_NE(0, who.flags & KLAB_TASK_KILLED);
	waitpid(child, NULL, 0);
	EXPECT_EQ(ESRCH, task_who(task, &who));
	EXPECT_EQ(0, fdinfo_value(task, "task_answers", 10));

	/* Now the number comes back, for somebody else. */
	for (i = 0; i < 10; i++) {
		FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "we");

		if (!last)
			SKIP(goto out, "this kernel gives no number out on request");
		fprintf(last, "%d", child - 1);
		fclose(last);
		reused = start_sleeper();
		if (reused == child)
			break;
		end_child(reused);
	}
	ASSERT_EQ(child, reused);
	EXPECT_EQ(ESRCH, task_who(task, &who));
	close(task);
	task = open_task(self->fd, child);
	EXPECT_EQ(0, task_who(task, &who));
	close(task);
	end_child(reused);
	return;
out:
	close(task);
}

/* The same process before and after, with nothing of it gained. */
TEST_F(task, follows_exec)
{
	pid_t child = fork();
	struct klab_task_who who;
	int task;

	if (!child) {
		raise(SIGSTOP);
		execl("/bin/busybox", "sleep", "1000", NULL);
		_exit(1);
	}
	ASSERT_TRUE(eventually(proc_stat(child, 3) == 'T'));
	task = open_task(self->fd, child);
	ASSERT_EQ(0, task_who(task, &who));
	EXPECT_NE(0, who.flags & KLAB_TASK_FORKED_NO_EXEC);
	kill(child, SIGCONT);
	ASSERT_TRUE(eventually(!task_who(task, &who) && !strcmp(who.comm, "busybox")));
	EXPECT_EQ(child, who.pid);
	EXPECT_EQ(0, who.flags & KLAB_TASK_FORKED_NO_EXEC);
	close(task);
	end_child(child);
}

/* A thread of the kernel can be named, and has nothing else. */
TEST_F(task, kernel_thread)
{
	int task = open_task(self->fd, 2);
	struct klab_task_who who;

	ASSERT_LE(0, task);
	ASSERT_EQ(0, task_who(task, &who));
	EXPECT_STREQ("kthreadd", who.comm);
	EXPECT_NE(0, who.flags & KLAB_TASK_KERNEL);
	EXPECT_EQ(0, who.flags & KLAB_TASK_MEMORY);
	close(task);
}

/* Ids are those of whoever asks. */
TEST_F(task, pid_namespace)
{
	int task = open_task(self->fd, 0);
	pid_t child;

	ASSERT_LE(0, task);
	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	child = fork();
	if (!child) {
		struct klab_task_who who;
		int own = open_task(self->fd, 1);

		/* Inside, the outside has no number; and 1 is not init. */
		if (task_who(task, &who) || who.pid || who.tid || who.parent)
			_exit(1);
		if (task_who(own, &who) || who.pid != 1 || getpid() != 1 || who.parent)
			_exit(2);
		if (open_task(self->fd, 2) >= 0 || errno != ESRCH)
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(child));
	close(task);
}

/* A handle may go to somebody else over a socket, and outlives its maker's copy. */
TEST_F(task, passed)
{
	struct klab_task_who who;
	int sockets[2], task;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	child = fork();
	if (!child) {
		send_descriptor(sockets[1], open_task(self->fd, 0));
		while (1)
			pause();
	}
	task = receive_descriptor(sockets[0]);
	ASSERT_LE(0, task);
	ASSERT_EQ(0, task_who(task, &who));
	EXPECT_EQ(child, who.pid);
	close(task);
	end_child(child);
}

TEST_HARNESS_MAIN
