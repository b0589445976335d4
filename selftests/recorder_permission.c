// SPDX-License-Identifier: GPL-2.0-only
/* Who may record whom, what becomes of it when a program gains privileges, whose pids are told. */
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "people.h"
#include "recorder_test.h"

static int try_record(pid_t pid)
{
	return record(pid, KLAB_RECORD_ALL, 0) < 0 ? errno : 0;
}

/* Oneself always; another only with the capability, be he of the same user or not. */
TEST(who_may)
{
	pid_t root = fork(), child;

	while (!root)
		pause();
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0666));
	EXPECT_EQ(0, try_record(root));
	child = fork();
	if (!child) {
		if (!become(ALICE, ALICE))
			_exit(255);
		_exit(try_record(0) ? 1 : try_record(root) != EPERM ? 2 :
		      try_record(getppid()) != EPERM ? 3 : 0);
	}
	EXPECT_EQ(0, child_status(child));
	kill(root, SIGKILL);
	waitpid(root, NULL, 0);
	EXPECT_EQ(ESRCH, try_record(root));
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0660));
}

/* Copies a program of root's to where it may be set-user-ID, or have capabilities. */
static bool copy_program(const char *path, mode_t mode)
{
	char command[128];

	snprintf(command, sizeof(command), "cp /bin/busybox %s", path);
	return !system(command) && !chown(path, 0, 0) && !chmod(path, mode);
}

/* What gain() found, and what its processes say to each other. */
struct report {
	__u32 flags;		/* of the exec */
	__u32 after;		/* events after it */
	pid_t inside;		/* is in a user namespace of its own, */
	bool mapped;		/* which has been given its ids */
};

/*
 * Alice records herself, and runs a program of root's: the stream ends with the exec. The same
 * for root goes on. Before it the child can @change who it is.
 */
static int gain(uid_t uid, const char *path, bool (*change)(struct report *report),
		struct report *report)
{
	struct events events;
	ssize_t exec;
	int recorder;
	pid_t child;
	size_t i;

	*report = (struct report) { 0 };
	child = fork();
	if (child)
		return child_status(child);
	if (!become(uid, uid))
		_exit(255);
	recorder = record(0, KLAB_RECORD_ALL, FAMILY);
	if (recorder < 0)
		_exit(254);
	/* The descriptor stays here; the program is run by a child that is recorded too. */
	if (!fork()) {
		if (!change || change(report))
			execl(path, "true", NULL);
		_exit(253);
	}
	wait(NULL);
	record_stop(recorder);
	events = read_events(recorder);
	exec = find_kind(&events, KLAB_EVENT_EXEC, 0);
	if (exec < 0)
		_exit(252);
	for (i = exec + 1; i < events.count; i++)
		report->after += events.event[i]->tid == events.event[exec]->tid;
	report->flags = BODY(events.event[exec], exec)->flags;
	_exit(0);
}

TEST(program_that_gains_privileges)
{
	static const char path[] = "/tmp/klab-setuid";
	struct report *report = shared_memory(sizeof(*report));

	ASSERT_TRUE(copy_program(path, 04755));
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0666));
	EXPECT_EQ(0, gain(ALICE, path, NULL, report));
	EXPECT_EQ(KLAB_EVENT_PRIVILEGED, report->flags);
	EXPECT_EQ(0, report->after);

	/* One that may be run but not read. */
	ASSERT_EQ(0, chmod(path, 0711));
	EXPECT_EQ(0, gain(ALICE, path, NULL, report));
	EXPECT_EQ(KLAB_EVENT_PRIVILEGED, report->flags);
	EXPECT_EQ(0, report->after);

	/* A plain one. */
	ASSERT_EQ(0, chmod(path, 0755));
	EXPECT_EQ(0, gain(ALICE, path, NULL, report));
	EXPECT_EQ(0, report->flags);
	EXPECT_LT(5, report->after);

	/* Root could have traced it. */
	ASSERT_EQ(0, chmod(path, 04755));
	EXPECT_EQ(0, gain(0, path, NULL, report));
	EXPECT_EQ(0, report->flags);
	EXPECT_LT(5, report->after);
	unlink(path);
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0660));
}

/*
 * Its ids stay, and with the debugging setting of core dumps it is dumpable: all that
 * it gains are its capabilities.
 */
TEST(program_with_capabilities)
{
	static const char path[] = "/tmp/klab-capable", setting[] = "/proc/sys/fs/suid_dumpable";
	static const struct vfs_cap_data capable = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1 << CAP_NET_RAW,
	};
	struct report *report = shared_memory(sizeof(*report));

	ASSERT_TRUE(copy_program(path, 0755));
	if (setxattr(path, "security.capability", &capable, sizeof(capable), 0)) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		unlink(path);
		SKIP(return, "a file system whose files have no capabilities");
	}
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0666));
	ASSERT_TRUE(write_text(setting, "1"));
	EXPECT_EQ(0, gain(ALICE, path, NULL, report));
	EXPECT_EQ(KLAB_EVENT_PRIVILEGED, report->flags);
	EXPECT_EQ(0, report->after);

	EXPECT_EQ(0, gain(0, path, NULL, report));
	EXPECT_EQ(0, report->flags);

	/* Without them the setting alone is nothing. */
	ASSERT_EQ(0, removexattr(path, "security.capability"));
	EXPECT_EQ(0, gain(ALICE, path, NULL, report));
	EXPECT_EQ(0, report->flags);
	EXPECT_LT(5, report->after);
	ASSERT_TRUE(write_text(setting, "0"));
	unlink(path);
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0660));
}

/* Bob by name, in a namespace that Alice has made: she has every capability in there. */
static bool become_bob_inside(struct report *report)
{
	if (unshare(CLONE_NEWUSER))
		return false;
	__atomic_store_n(&report->inside, getpid(), __ATOMIC_RELEASE);
	return eventually(__atomic_load_n(&report->mapped, __ATOMIC_ACQUIRE)) &&
	       !setresuid(1, 1, 1);
}

static bool map_ids(struct report *report)
{
	if (!eventually(__atomic_load_n(&report->inside, __ATOMIC_ACQUIRE)) ||
	    !map_alice_and_bob(report->inside))
		return false;
	__atomic_store_n(&report->mapped, true, __ATOMIC_RELEASE);
	return true;
}

TEST(program_in_a_namespace_of_ones_own)
{
	struct report *report = shared_memory(sizeof(*report));
	pid_t helper;

	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0666));
	helper = fork();
	if (!helper)
		_exit(!map_ids(report));
	EXPECT_EQ(0, gain(ALICE, "/bin/busybox", become_bob_inside, report));
	EXPECT_EQ(0, child_status(helper));
	EXPECT_EQ(0, report->flags);
	EXPECT_LT(5, report->after);
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0660));
}

/* Pids as whoever made the recorder sees them. */
TEST(pid_namespace)
{
	struct events events;
	int recorder, ends[2], status;
	size_t i;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	child = fork();
	if (!child) {
		if (unshare(CLONE_NEWPID) || read(ends[0], &byte, 1) != 1)
			_exit(255);
		if (!fork()) {
			/* Pid 1 in there, with a recorder of its own. */
			recorder = record(0, KLAB_RECORD_SYSCALLS, 0);
			syscall(SYS_getppid);
			record_stop(recorder);
			events = read_events(recorder);
			for (i = 0; i < events.count; i++)
				if (events.event[i]->pid != 1 || events.event[i]->tid != 1)
					_exit(1);
			_exit(events.count ? 0 : 2);
		}
		wait(&status);
		_exit(WEXITSTATUS(status));
	}
	recorder = record(child, KLAB_RECORD_ALL, FAMILY);
	ASSERT_LE(0, recorder);
	ASSERT_EQ(1, write(ends[1], "x", 1));
	EXPECT_EQ(0, child_status(child));
	events = read_events(recorder);
	EXPECT_LT(0, count_kind(&events, KLAB_EVENT_FORK, 0));
	for (i = 0; i < events.count; i++)
		EXPECT_LT(1, events.event[i]->pid);
	free_events(&events);
	close(recorder);
}

TEST_HARNESS_MAIN
