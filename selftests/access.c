// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may use the device at all, and what the caller's own namespaces mean to it.
 * The permission to send signals is a matter of its own: permission.c.
 */
#include <sched.h>
#include <sys/stat.h>

#include "people.h"

FIXTURE(access)
{
	int fd;
	struct stat node;
};

FIXTURE_SETUP(access)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fstat(self->fd, &self->node));
	block_signals();
}

FIXTURE_TEARDOWN(access)
{
	chmod(KLAB_DEVICE, self->node.st_mode & 07777);
	close(self->fd);
}

/* The errno of opening the device, by a process that is @uid and @gid. */
static int try_open(uid_t uid, gid_t gid)
{
	pid_t child = fork();

	if (!child) {
		if (!become(uid, gid))
			_exit(255);
		_exit(open(KLAB_DEVICE, O_RDWR | O_CLOEXEC) < 0 ? errno : 0);
	}
	return child_status(child);
}

/* The file's permission is all that guards the door. */
TEST_F(access, door)
{
	EXPECT_EQ(0, self->node.st_uid);
	EXPECT_EQ(0, self->node.st_mode & 07117);
	EXPECT_EQ(EACCES, try_open(BOB, BOB));
	EXPECT_EQ(0, try_open(0, 0));

	/* In the VM the group is klab. */
	if (self->node.st_gid && self->node.st_mode & 0060)
		EXPECT_EQ(0, try_open(ALICE, self->node.st_gid));
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0600));
	EXPECT_EQ(EACCES, try_open(ALICE, self->node.st_gid));
}

/* Inside, no command and no transfer asks for a capability. */
static int use_everything(int fd)
{
	struct klab_pages_alloc alloc = {
		.flags = KLAB_PAGES_HOLD, .count = 10, .node = KLAB_NODE_ANY,
	};
	struct klab_pages_free release = { 0 };
	struct klab_pages_zones zones = { 0 };
	struct klab_eventfd_fire fire = { .fd = eventfd(0, EFD_CLOEXEC), .count = 1 };
	struct klab_info info;
	char byte;

	if (klab(fd, KLAB_IOC_INFO, &info) || klab(fd, KLAB_IOC_PAGES_ALLOC, &alloc))
		return 1;
	release.handle = alloc.handle;
	if (klab(fd, KLAB_IOC_PAGES_FREE, &release) || klab(fd, KLAB_IOC_PAGES_ZONES, &zones))
		return 2;
	if (klab(fd, KLAB_IOC_EVENTFD_FIRE, &fire) || send_signal(fd, getpid(), SIGUSR1) ||
	    send_value(fd, getpid(), SIGUSR1, 1))
		return 3;
	return write(fd, "x", 1) != 1 || read(fd, &byte, 1) != 1;
}

TEST_F(access, no_capability_is_needed)
{
	pid_t child;

	ASSERT_LE(0, channel_drain());
	child = fork();
	if (!child)
		_exit(become(BOB, BOB) ? use_everything(self->fd) : 255);
	EXPECT_EQ(0, child_status(child));
	EXPECT_EQ(0, channel_drain());
}

/* A process that waits for a signal and shows it. */
static pid_t start_receiver(uid_t uid, siginfo_t *seen)
{
	pid_t child = fork();
	sigset_t all;

	if (!child) {
		sigfillset(&all);
		if (setresuid(uid, uid, uid))
			_exit(1);
		while (1) {
			siginfo_t info = { 0 };

			sigwaitinfo(&all, &info);
			memcpy(seen, &info, sizeof(info));
			__atomic_store_n(&seen->si_errno, 1, __ATOMIC_RELEASE);
		}
	}
	return child;
}

static bool received(siginfo_t *seen)
{
	return eventually(__atomic_load_n(&seen->si_errno, __ATOMIC_ACQUIRE));
}

/* Root asks with a descriptor that alice has opened, and alice with one that root has. */
TEST_F(access, who_asks_counts_and_not_who_opened)
{
	siginfo_t *seen = shared_memory(sizeof(*seen));
	pid_t bob = start_receiver(BOB, seen), child;

	ASSERT_LT(0, bob);
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0666));
	child = fork();
	if (!child) {
		int fd;

		if (seteuid(ALICE))
			_exit(255);
		fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
		if (fd < 0 || seteuid(0))
			_exit(255);
		_exit(send_signal(fd, bob, SIGUSR1));
	}
	EXPECT_EQ(0, child_status(child));
	/* It shows itself as soon as it is bob's. */
	ASSERT_TRUE(received(seen));

	child = fork();
	if (!child)
		_exit(become(ALICE, ALICE) ? send_signal(self->fd, bob, SIGUSR1) : 255);
	EXPECT_EQ(EPERM, child_status(child));
	kill(bob, SIGKILL);
}

/* What a new namespace's first process and the tests' parent tell each other. */
struct inside {
	int go;
	int errors[4];
	siginfo_t seen;
	pid_t outer;		/* a pid of the parent's namespace */
};

/*
 * CAP_KILL in a namespace is good for who lives in it: root of a namespace where
 * it is alice may signal bob there, and only there.
 */
TEST_F(access, capability_in_a_user_namespace)
{
	struct inside *inside = shared_memory(sizeof(*inside));
	siginfo_t *outer_seen = shared_memory(sizeof(*outer_seen));
	pid_t child, outer_bob = start_receiver(BOB, outer_seen);

	/* It shows that it is bob by taking a signal. */
	ASSERT_EQ(0, kill(outer_bob, SIGUSR1));
	ASSERT_TRUE(received(outer_seen));

	child = fork();
	if (!child) {
		pid_t bob;

		if (unshare(CLONE_NEWUSER))
			_exit(KSFT_SKIP);
		__atomic_store_n(&inside->go, 1, __ATOMIC_RELEASE);
		if (!eventually(__atomic_load_n(&inside->go, __ATOMIC_ACQUIRE) == 2))
			_exit(254);
		bob = start_receiver(1, &inside->seen);
		if (setresuid(0, 0, 0) || kill(bob, SIGUSR1) || !received(&inside->seen))
			_exit(255);
		inside->errors[0] = send_signal(self->fd, bob, SIGUSR1);
		inside->errors[1] = send_value(self->fd, bob, SIGUSR1, 1);
		inside->errors[2] = send_signal(self->fd, outer_bob, SIGUSR1);
		inside->errors[3] = send_value(self->fd, outer_bob, SIGUSR1, 1);
		kill(bob, SIGKILL);
		_exit(0);
	}
	if (!eventually(__atomic_load_n(&inside->go, __ATOMIC_ACQUIRE) == 1 ||
			waitpid(child, NULL, WNOHANG) == child) || !inside->go)
		SKIP(return, "no user namespaces here");
	ASSERT_TRUE(map_alice_and_bob(child));
	__atomic_store_n(&inside->go, 2, __ATOMIC_RELEASE);
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(0, inside->errors[0]);
	EXPECT_EQ(0, inside->errors[1]);
	EXPECT_EQ(EPERM, inside->errors[2]);
	EXPECT_EQ(EPERM, inside->errors[3]);
	kill(outer_bob, SIGKILL);
}

/* A new namespace's process 1 and 2: one sends to the other by its number there. */
static int first_process(int fd, struct inside *inside)
{
	pid_t second = start_receiver(0, &inside->seen);

	if (getpid() != 1 || second != 2)
		return 255;
	inside->errors[0] = send_value(fd, 2, SIGUSR1, 77);
	if (!received(&inside->seen))
		return 254;
	inside->errors[1] = send_signal(fd, inside->outer, 0);
	inside->errors[2] = kill(inside->outer, 0) ? errno : 0;
	return 0;
}

TEST_F(access, pids_are_the_callers)
{
	struct inside *inside = shared_memory(sizeof(*inside));
	pid_t child, first;

	inside->outer = getpid();
	/* The number must mean something here only. */
	ASSERT_LT(10, inside->outer);
	child = fork();
	if (!child) {
		if (unshare(CLONE_NEWPID))
			_exit(255);
		first = fork();
		if (!first)
			_exit(first_process(self->fd, inside));
		_exit(child_status(first));
	}
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(0, inside->errors[0]);
	EXPECT_EQ(SIGUSR1, inside->seen.si_signo);
	EXPECT_EQ(SI_QUEUE, inside->seen.si_code);
	EXPECT_EQ(1, inside->seen.si_pid);
	EXPECT_EQ(77, inside->seen.si_int);
	EXPECT_EQ(ESRCH, inside->errors[1]);
	EXPECT_EQ(ESRCH, inside->errors[2]);
}

/* From outside, a receiver sees what it would see of sigqueue(3): no pid that means anything. */
TEST_F(access, value_into_a_pid_namespace)
{
	siginfo_t *seen = shared_memory(sizeof(*seen)), theirs;
	union sigval value = { .sival_int = 4711 };
	pid_t child;

	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	child = start_receiver(0, seen);
	ASSERT_LT(0, child);
	ASSERT_EQ(0, sigqueue(child, SIGUSR1, value));
	ASSERT_TRUE(received(seen));
	theirs = *seen;
	memset(seen, 0, sizeof(*seen));

	ASSERT_EQ(0, send_value(self->fd, child, SIGUSR1, (uintptr_t)value.sival_ptr));
	ASSERT_TRUE(received(seen));
	EXPECT_EQ(0, memcmp(&theirs, seen, sizeof(theirs)));
	EXPECT_EQ(4711, seen->si_int);
	kill(child, SIGKILL);
}

TEST_HARNESS_MAIN
