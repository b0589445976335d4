/* SPDX-License-Identifier: GPL-2.0-only */
/* Two users who are not root, and processes that belong to somebody. */
#ifndef PEOPLE_H
#define PEOPLE_H

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>

#include "klab_test.h"

#define ALICE	1000
#define BOB	1001

/* To be one user and member of one group, and nothing else. */
static inline bool become(uid_t uid, gid_t gid)
{
	return !setgroups(0, NULL) && !setresgid(gid, gid, gid) && !setresuid(uid, uid, uid);
}

/* Real, effective and saved user id: kill(2) looks at different ones on either side. */
struct ids {
	uid_t real, effective, saved;
};

/*
 * A process that takes no signal but SIGKILL, and lives until it is killed. Returns its
 * pid once it is who it shall be, or -1.
 */
static inline pid_t start_as(struct ids ids, bool own_session)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		if ((own_session && setsid() < 0) ||
		    setresuid(ids.real, ids.effective, ids.saved) || write(ready[1], "", 1) != 1)
			_exit(1);
		while (1)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

/* Root within, and no more than @outside for everybody who is not. */
static inline bool enter_user_namespace(uid_t outside)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", outside);
	/* Who has changed its ids may not write its own map before this. */
	return !prctl(PR_SET_DUMPABLE, 1) && !unshare(CLONE_NEWUSER) &&
	       write_text("/proc/self/uid_map", map) && !getuid();
}

/*
 * Within the namespace of @pid Alice is root, and Bob is 1. As the helper of a rootless
 * container does it, for only root outside may hand out ids of others.
 */
static inline bool map_alice_and_bob(pid_t pid)
{
	char path[64], map[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	snprintf(map, sizeof(map), "0 %d 1\n1 %d 1\n", ALICE, BOB);
	return write_text(path, map);
}

#endif /* PEOPLE_H */
