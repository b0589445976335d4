// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals from the kernel: what arrives, at whom, and as what. Where the contract
 * says "as from sigqueue(3)", it is sigqueue that the test asks. Who may send what
 * to whom is in permission.c.
 */
#include <sys/resource.h>

#include "klab_test.h"

FIXTURE(signal)
{
	int fd;
};

FIXTURE_SETUP(signal)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	block_signals();
}

FIXTURE_TEARDOWN(signal)
{
	close(self->fd);
}

/* The number of a signal that is pending already, or -1. */
static int take(siginfo_t *info)
{
	sigset_t all;

	sigfillset(&all);
	memset(info, 0, sizeof(*info));
	return sigtimedwait(&all, info, &(struct timespec){ 0 });
}

static siginfo_t *seen;		/* by the child that start_child() made */

/* A child that shows the first signal it gets, and exits with 0. */
static pid_t start_child(void)
{
	pid_t child;

	seen = shared_memory(sizeof(*seen));
	child = fork();
	if (!child) {
		sigset_t all;

		sigfillset(&all);
		/* A stop that ends interrupts it. */
		while (sigwaitinfo(&all, seen) < 0)
			if (errno != EINTR)
				_exit(1);
		_exit(0);
	}
	return child;
}

TEST_F(signal, plain_to_oneself)
{
	siginfo_t info;

	EXPECT_EQ(0, send_signal(self->fd, getpid(), SIGUSR1));
	ASSERT_EQ(SIGUSR1, take(&info));
	EXPECT_EQ(SI_USER, info.si_code);
	EXPECT_EQ(getpid(), info.si_pid);
	EXPECT_EQ(getuid(), info.si_uid);
	EXPECT_EQ(-1, take(&info));
}

TEST_F(signal, plain_to_a_child)
{
	pid_t child = start_child();

	EXPECT_EQ(0, send_signal(self->fd, child, SIGUSR2));
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(SIGUSR2, seen->si_signo);
	EXPECT_EQ(SI_USER, seen->si_code);
	EXPECT_EQ(getpid(), seen->si_pid);
	EXPECT_EQ(getuid(), seen->si_uid);
}

/* Every signal that can be blocked, but for the two that glibc keeps to itself. */
TEST_F(signal, every_number)
{
	siginfo_t info;
	int number;

	for (number = 1; number <= SIGRTMAX; number++) {
		if (number == SIGKILL || number == SIGSTOP || (number > 31 && number < SIGRTMIN))
			continue;
		EXPECT_EQ(0, send_signal(self->fd, getpid(), number))
			TH_LOG("signal %d", number);
		EXPECT_EQ(number, take(&info));
		EXPECT_EQ(0, send_value(self->fd, getpid(), number, 5))
			TH_LOG("signal %d with a value", number);
		EXPECT_EQ(number, take(&info));
		EXPECT_EQ(SI_QUEUE, info.si_code);
	}
}

TEST_F(signal, kills_and_stops)
{
	pid_t child = start_child();
	int status;

	EXPECT_EQ(0, send_signal(self->fd, child, SIGSTOP));
	ASSERT_EQ(child, waitpid(child, &status, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(0, send_signal(self->fd, child, SIGCONT));
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(SIGCONT, seen->si_signo);

	child = start_child();
	EXPECT_EQ(0, send_value(self->fd, child, SIGKILL, 9));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Signal 0 asks and sends nothing. */
TEST_F(signal, zero_only_asks)
{
	siginfo_t info;

	EXPECT_EQ(0, send_signal(self->fd, getpid(), 0));
	EXPECT_EQ(0, send_value(self->fd, getpid(), 0, 7));
	EXPECT_EQ(0, send_signal(self->fd, 1, 0));
	EXPECT_EQ(-1, take(&info));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(signal, value_arrives)
{
	static const __u64 values[] = {
		0, 1, 42, INT_MAX, UINT_MAX, 0x0123456789abcdef, 1ULL << 63, ~0ULL,
	};
	siginfo_t info;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		ASSERT_EQ(0, send_value(self->fd, getpid(), SIGRTMIN, values[i]));
		ASSERT_EQ(SIGRTMIN, take(&info));
		EXPECT_EQ(SI_QUEUE, info.si_code);
		EXPECT_EQ(getpid(), info.si_pid);
		EXPECT_EQ(getuid(), info.si_uid);
		/* All of it for a 64-bit receiver, its low half for a 32-bit one. */
		EXPECT_EQ((uintptr_t)values[i], (uintptr_t)info.si_ptr);
		EXPECT_EQ((int)values[i], info.si_int);
	}
}

/* Side by side with sigqueue(3): the receiver cannot tell which of them it was. */
TEST_F(signal, value_as_from_sigqueue)
{
	siginfo_t theirs, ours;
	int numbers[] = { SIGUSR1, SIGCHLD, SIGRTMIN, SIGRTMAX }, i;
	union sigval value = { .sival_int = 12345 };

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, sigqueue(getpid(), numbers[i], value));
		ASSERT_EQ(numbers[i], take(&theirs));
		ASSERT_EQ(0, send_value(self->fd, getpid(), numbers[i],
					(uintptr_t)value.sival_ptr));
		ASSERT_EQ(numbers[i], take(&ours));
		EXPECT_EQ(0, memcmp(&theirs, &ours, sizeof(ours)));
	}
}

/* And side by side with kill(2). */
TEST_F(signal, plain_as_from_kill)
{
	siginfo_t theirs, ours;
	int numbers[] = { SIGUSR1, SIGCHLD, SIGRTMIN, SIGRTMAX }, i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, kill(getpid(), numbers[i]));
		ASSERT_EQ(numbers[i], take(&theirs));
		ASSERT_EQ(0, send_signal(self->fd, getpid(), numbers[i]));
		ASSERT_EQ(numbers[i], take(&ours));
		EXPECT_EQ(0, memcmp(&theirs, &ours, sizeof(ours)));
	}
}

/* A standard signal that is pending already is not queued again; a real-time one is. */
TEST_F(signal, blocked)
{
	siginfo_t info;
	int i;

	for (i = 1; i <= 3; i++) {
		EXPECT_EQ(0, send_value(self->fd, getpid(), SIGUSR1, i));
		EXPECT_EQ(0, send_value(self->fd, getpid(), SIGRTMIN, i));
	}
	ASSERT_EQ(SIGUSR1, take(&info));
	EXPECT_EQ(1, info.si_int);
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(SIGRTMIN, take(&info));
		EXPECT_EQ(i, info.si_int);
	}
	EXPECT_EQ(-1, take(&info));
}

struct thread {
	pthread_t thread;
	pid_t tid;
	int number;		/* of the signal that it was sent */
	siginfo_t info;
};

static void *thread_run(void *argument)
{
	struct thread *thread = argument;
	sigset_t all;

	sigfillset(&all);
	__atomic_store_n(&thread->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	thread->number = sigwaitinfo(&all, &thread->info);
	return NULL;
}

/* With a value it goes to the thread that is named, and to no other. */
TEST_F(signal, value_to_a_thread)
{
	struct thread thread = { 0 };
	siginfo_t info;

	ASSERT_EQ(0, pthread_create(&thread.thread, NULL, thread_run, &thread));
	ASSERT_TRUE(eventually(__atomic_load_n(&thread.tid, __ATOMIC_ACQUIRE)));

	/* To the process is to its main thread: the other one, which waits, does not get it. */
	ASSERT_EQ(0, send_value(self->fd, getpid(), SIGRTMIN, 1));
	ASSERT_EQ(0, send_value(self->fd, thread.tid, SIGRTMIN, 2));
	pthread_join(thread.thread, NULL);
	EXPECT_EQ(SIGRTMIN, thread.number);
	EXPECT_EQ(2, thread.info.si_int);
	ASSERT_EQ(SIGRTMIN, take(&info));
	EXPECT_EQ(1, info.si_int);

	/* The thread is gone. The process is not. */
	ASSERT_TRUE(eventually(kill(thread.tid, 0)));
	EXPECT_EQ(ESRCH, send_value(self->fd, thread.tid, SIGRTMIN, 3));
	EXPECT_EQ(ESRCH, send_signal(self->fd, thread.tid, SIGRTMIN));
}

/* Without a value it goes to the process, by whichever of its threads it is named. */
TEST_F(signal, plain_by_a_thread_id)
{
	struct thread thread = { 0 };

	ASSERT_EQ(0, pthread_create(&thread.thread, NULL, thread_run, &thread));
	ASSERT_TRUE(eventually(__atomic_load_n(&thread.tid, __ATOMIC_ACQUIRE)));
	ASSERT_EQ(0, send_signal(self->fd, getpid(), SIGUSR1));
	pthread_join(thread.thread, NULL);
	EXPECT_EQ(SIGUSR1, thread.number);
	EXPECT_EQ(SI_USER, thread.info.si_code);

	thread.tid = 0;
	ASSERT_EQ(0, pthread_create(&thread.thread, NULL, thread_run, &thread));
	ASSERT_TRUE(eventually(__atomic_load_n(&thread.tid, __ATOMIC_ACQUIRE)));
	ASSERT_EQ(0, send_signal(self->fd, thread.tid, SIGUSR2));
	pthread_join(thread.thread, NULL);
	EXPECT_EQ(SIGUSR2, thread.number);
}

TEST_F(signal, time)
{
	struct klab_signal_send send = { .pid = getpid(), .signal = SIGUSR1 };
	__u64 before = now_ns();

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_SIGNAL_SEND, &send));
	EXPECT_LE(before, send.sent_ns);
	EXPECT_GE(now_ns(), send.sent_ns);
	EXPECT_EQ(getpid(), send.pid);
	EXPECT_EQ(SIGUSR1, send.signal);
}

/* No room in the receiver's queue: a value that would be lost is refused. */
TEST_F(signal, queue_is_full)
{
	struct rlimit none = { 0, RLIM_INFINITY };
	siginfo_t info;

	ASSERT_EQ(0, setrlimit(RLIMIT_SIGPENDING, &none));
	EXPECT_EQ(EAGAIN, send_value(self->fd, getpid(), SIGRTMIN, 1));
	EXPECT_EQ(-1, take(&info));

	/* A plain signal needs no memory: kill(2) does it as well. */
	EXPECT_EQ(0, send_signal(self->fd, getpid(), SIGRTMIN));
	EXPECT_EQ(SIGRTMIN, take(&info));
}

/* A process that has exited but is not waited for: kill(2) finds it, a value finds no thread. */
TEST_F(signal, zombie)
{
	siginfo_t info;
	pid_t child = fork();

	if (!child)
		_exit(0);
	ASSERT_EQ(0, waitid(P_PID, child, &info, WEXITED | WNOWAIT));
	EXPECT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(0, send_signal(self->fd, child, SIGUSR1));
	EXPECT_EQ(ESRCH, send_value(self->fd, child, SIGUSR1, 1));
	ASSERT_EQ(0, child_status(child));

	EXPECT_EQ(ESRCH, send_signal(self->fd, child, SIGUSR1));
	EXPECT_EQ(ESRCH, send_value(self->fd, child, SIGUSR1, 1));
}

TEST_HARNESS_MAIN
