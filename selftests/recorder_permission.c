// SPDX-License-Identifier: GPL-2.0-only
/* Who may record whom, what becomes of it when a program gains privileges, whose pids are told. */
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "people.h"
#include "recorder_test.h"

static bool become(uid_t uid)
{
	return !setgroups(0, NULL) && !setresgid(uid, uid, uid) && !setresuid(uid, uid, uid);
}

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
		if (!become(ALICE))
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

/*
 * Alice records herself, and runs a program of root's: the stream ends with the exec. The same
 * for root goes on.
 */
static int gain(uid_t uid, const char *path, int *report)
{
	size_t i, after = 0;
	struct events events;
	ssize_t exec;
	int recorder;
	pid_t child;

	child = fork();
	if (child)
		return child_status(child);
	if (!become(uid))
		_exit(255);
	recorder = record(0, KLAB_RECORD_ALL, FAMILY);
	if (recorder < 0)
		_exit(254);
	/* The descriptor stays here; the program is run by a child that is recorded too. */
	if (!fork()) {
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
		after += events.event[i]->tid == events.event[exec]->tid;
	report[0] = BODY(events.event[exec], exec)->flags;
	report[1] = after;
	_exit(0);
}

TEST(program_that_gains_privileges)
{
	static const char path[] = "/tmp/klab-setuid";
	int *report = shared_memory(4096);

	ASSERT_TRUE(copy_program(path, 04755));
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0666));
	EXPECT_EQ(0, gain(ALICE, path, report));
	EXPECT_EQ(KLAB_EVENT_PRIVILEGED, report[0]);
	EXPECT_EQ(0, report[1]);

	/* One that may be run but not read. */
	ASSERT_EQ(0, chmod(path, 0711));
	EXPECT_EQ(0, gain(ALICE, path, report));
	EXPECT_EQ(KLAB_EVENT_PRIVILEGED, report[0]);
	EXPECT_EQ(0, report[1]);

	/* A plain one. */
	ASSERT_EQ(0, chmod(path, 0755));
	EXPECT_EQ(0, gain(ALICE, path, report));
	EXPECT_EQ(0, report[0]);
	EXPECT_LT(5, report[1]);

	/* Root could have traced it. */
	ASSERT_EQ(0, chmod(path, 04755));
	EXPECT_EQ(0, gain(0, path, report));
	EXPECT_EQ(0, report[0]);
	EXPECT_LT(5, report[1]);
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
	int *report = shared_memory(4096);

	ASSERT_TRUE(copy_program(path, 0755));
	if (setxattr(path, "security.capability", &capable, sizeof(capable), 0)) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		unlink(path);
		SKIP(return, "a file system whose files have no capabilities");
	}
	ASSERT_EQ(0, chmod(KLAB_DEVICE, 0666));
	ASSERT_TRUE(write_text(setting, "1"));
	EXPECT_EQ(0, gain(ALICE, path, report));
	EXPECT_EQ(KLAB_EVENT_PRIVILEGED, report[0]);
	EXPECT_EQ(0, report[1]);

	EXPECT_EQ(0, gain(0, path, report));
	EXPECT_EQ(0, report[0]);

	/* Without them the setting alone is nothing. */
	ASSERT_EQ(0, removexattr(path, "security.capability"));
	EXPECT_EQ(0, gain(ALICE, path, report));
	EXPECT_EQ(0, report[0]);
	EXPECT_LT(5, report[1]);
	ASSERT_TRUE(write_text(setting, "0"));
	unlink(path);
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
