// SPDX-License-Identifier: GPL-2.0-only
/*
 * A command that fails as it is asked to: every errno, and what becomes of the codes
 * that ask for the call to be made again. The handler, or whoever continues the
 * stopped child, changes the argument: so a call that is made again shows it.
 */
#include <sys/wait.h>

#include "klab_test.h"

#define RESTARTSYS	512
#define RESTARTNOINTR	513
#define RESTARTNOHAND	514
#define NOIOCTLCMD	515
#define RESTARTBLOCK	516

#define AGAIN		EDOM	/* what the call fails with when it is made again */

static int device = -1;

static int fails(int fd, __u32 error, __u32 signal)
{
	struct klab_error ask = { error, signal };

	return klab(fd, KLAB_IOC_ERROR, &ask);
}

FIXTURE(errors)
{
	int fd;
};

FIXTURE_SETUP(errors)
{
	device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->fd = device;
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(errors)
{
	close(self->fd);
}

TEST_F(errors, every_one)
{
	__u32 error;

	for (error = 1; error <= 4095; error++)
		EXPECT_EQ(error == NOIOCTLCMD ? ENOTTY : (int)error, fails(self->fd, error, 0));
}

TEST_F(errors, out_of_range)
{
	static const __u32 wrong[] = { 0, 4096, 65536, INT_MAX, UINT_MAX, -EPERM, 1U << 31 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_EQ(EINVAL, fails(self->fd, wrong[i], 0));
	EXPECT_EQ(EINVAL, fails(self->fd, EDOM, 65));
	EXPECT_EQ(EINVAL, fails(self->fd, EDOM, UINT_MAX));
}

static struct klab_error *ask;
static int handled;

static void handler(int number)
{
	handled += number == SIGUSR1;
	ask->error = AGAIN;
	ask->signal = 0;
}

/* What a caller sees of @error when a signal with a handler comes with it. */
static int with_handler(__u32 error, int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
	struct klab_error here = { error, SIGUSR1 };

	ask = &here;
	handled = 0;
	if (sigaction(SIGUSR1, &action, NULL))
		return -1;
	return klab(device, KLAB_IOC_ERROR, &here);
}

TEST_F(errors, restart_with_handler)
{
	static const struct {
		__u32 error;
		int without, with;	/* SA_RESTART */
	} cases[] = {
		{ RESTARTSYS,	 EINTR, AGAIN },
		{ RESTARTNOINTR, AGAIN, AGAIN },
		{ RESTARTNOHAND, EINTR, EINTR },
		{ RESTARTBLOCK,	 EINTR, EINTR },
		{ EINTR,	 EINTR, EINTR },
		{ ENOENT,	 ENOENT, ENOENT },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].without, with_handler(cases[i].error, 0))
			TH_LOG("%u without SA_RESTART", cases[i].error);
		EXPECT_EQ(1, handled);
		EXPECT_EQ(cases[i].with, with_handler(cases[i].error, SA_RESTART))
			TH_LOG("%u with SA_RESTART", cases[i].error);
		EXPECT_EQ(1, handled);
	}
}

/* A signal that is blocked, or that nobody cares for, is none. */
TEST_F(errors, restart_with_none_pending)
{
	__u32 error;

	for (error = RESTARTSYS; error <= RESTARTBLOCK; error++) {
		if (error == NOIOCTLCMD)
			continue;
		signal(SIGUSR1, SIG_IGN);
		EXPECT_EQ((int)error, fails(self->fd, error, SIGUSR1));
		EXPECT_EQ((int)error, fails(self->fd, error, SIGURG));
		block_signals();
		EXPECT_EQ((int)error, fails(self->fd, error, SIGUSR2));
	}
}

/* A child stops as its call ends, and finds another argument when it goes on. */
static int across_a_stop(__u32 error)
{
	struct klab_error *shared = shared_memory(sizeof(*shared));
	int status;
	pid_t child;

	*shared = (struct klab_error) { error, SIGSTOP };
	child = fork();
	if (!child)
		_exit(klab(device, KLAB_IOC_ERROR, shared) & 0xff);
	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		return -1;
	*shared = (struct klab_error) { AGAIN, 0 };
	kill(child, SIGCONT);
	status = child_status(child);
	munmap(shared, sizeof(*shared));
	return status;
}

TEST_F(errors, restart_without_handler)
{
	EXPECT_EQ(AGAIN, across_a_stop(RESTARTSYS));
	EXPECT_EQ(AGAIN, across_a_stop(RESTARTNOINTR));
	EXPECT_EQ(AGAIN, across_a_stop(RESTARTNOHAND));
	EXPECT_EQ(EINTR, across_a_stop(RESTARTBLOCK));
	EXPECT_EQ(EINTR, across_a_stop(EINTR));
	EXPECT_EQ(ENOENT, across_a_stop(ENOENT));
}

/* The signal is as from raise(3), and comes also with errors that ask for nothing. */
TEST_F(errors, signal)
{
	sigset_t all;
	siginfo_t info;

	block_signals();
	sigfillset(&all);
	EXPECT_EQ(ENODATA, fails(self->fd, ENODATA, SIGRTMIN));
	ASSERT_EQ(SIGRTMIN, sigtimedwait(&all, &info, &(struct timespec) { 0 }));
	EXPECT_EQ(SI_USER, info.si_code);
	EXPECT_EQ(getpid(), info.si_pid);
	EXPECT_EQ(getuid(), info.si_uid);
}

TEST_HARNESS_MAIN
