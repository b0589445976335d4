// SPDX-License-Identifier: GPL-2.0-only
/*
 * clone(2) is fork(2) with a question for each thing that a task has: the same one for
 * both, or a copy? klab compares the kernel's own pointers, and tells which it was.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lesson.h"

static const struct {
	const char *name;
	__u64 bit;
} things[] = {
	{ "memory", KLAB_SAME_MEMORY },
	{ "descriptors", KLAB_SAME_FILES },
	{ "directory", KLAB_SAME_FS },
	{ "handlers", KLAB_SAME_HANDLERS },
	{ "host name", KLAB_SAME_UTS_NS },
	{ "pids", KLAB_SAME_CHILD_PID_NS },
};

#define THINGS	(sizeof(things) / sizeof(*things))

static const struct trial {
	const char *flags;
	int bits;
	__u64 shared;		/* of the things above, beside the name spaces */
	bool needs_root;
} trials[] = {
	{ "none", 0, 0, false },
	{ "CLONE_FILES", CLONE_FILES, KLAB_SAME_FILES, false },
	{ "CLONE_FS", CLONE_FS, KLAB_SAME_FS, false },
	{ "CLONE_VM", CLONE_VM, KLAB_SAME_MEMORY, false },
	{ "CLONE_VM|SIGHAND", CLONE_VM | CLONE_SIGHAND, KLAB_SAME_MEMORY | KLAB_SAME_HANDLERS,
	  false },
	{ "CLONE_NEWUTS", CLONE_NEWUTS, 0, true },
	{ "CLONE_NEWPID", CLONE_NEWPID, 0, true },
};

#define SPACES	(KLAB_SAME_UTS_NS | KLAB_SAME_CHILD_PID_NS)

static __u64 expected(const struct trial *trial)
{
	__u64 spaces = SPACES;

	if (trial->bits & CLONE_NEWUTS)
		spaces &= ~KLAB_SAME_UTS_NS;
	if (trial->bits & CLONE_NEWPID)
		spaces &= ~KLAB_SAME_CHILD_PID_NS;
	return trial->shared | spaces;
}

/* The child only has to be there. */
static int child(void *nothing)
{
	(void)nothing;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pause();
}

static char stack[64 << 10];

/* What a child that was made with these flags has in common with us. */
static __u64 shared_by(int klab, int self, int flags)
{
	pid_t pid = must(clone(child, stack + sizeof(stack), flags | SIGCHLD, NULL), "clone");
	int other = look_at(klab, pid);
	__u64 same = common(self, other);

	close(other);
	kill(pid, SIGKILL);
	must(waitpid(pid, NULL, 0), "waitpid");
	return same;
}

static void teach(int klab)
{
	int self = look_at(klab, 0);
	const struct trial *trial;
	__u64 mask = 0, same;
	char line[100];
	size_t i;

	for (i = 0; i < THINGS; i++)
		mask |= things[i].bit;
	say("A child for each flag, compared with its parent: S the same one, c a copy or new.");
	line[0] = '\0';
	for (i = 0; i < THINGS; i++)
		strcat(strcat(line, " "), things[i].name);
	show("", "%-16s%s", "", line);

	for (trial = trials; trial < trials + sizeof(trials) / sizeof(*trials); trial++) {
		if (trial->needs_root && geteuid())
			continue;
		same = shared_by(klab, self, doing("clone(%s)", trial->flags) ? trial->bits :
				 CLONE_FILES | CLONE_FS);
		line[0] = '\0';
		for (i = 0; i < THINGS; i++) {
			size_t end = strlen(line);

			line[end] = ' ';
			line[end + 1] = same & things[i].bit ? 'S' : 'c';
			memset(line + end + 2, ' ', strlen(things[i].name) - 1);
			line[end + 1 + strlen(things[i].name)] = '\0';
		}
		for (i = strlen(line); i && line[i - 1] == ' '; i--)
			line[i - 1] = '\0';
		kernel(trial->flags, same & mask, "%-16s%s", trial->flags, line);
		claim((same & mask) == expected(trial), "what the flag says, and nothing else");
	}

	say("Some flags cannot go alone.");
	claim(clone(child, stack + sizeof(stack), CLONE_SIGHAND | SIGCHLD, NULL) < 0 &&
	      errno == EINVAL, "handlers without memory: EINVAL, they are addresses in it");
	claim(clone(child, stack + sizeof(stack), CLONE_THREAD | CLONE_VM, NULL) < 0 &&
	      errno == EINVAL, "a thread without shared handlers: EINVAL");

	seen("There is one way to make a task. A process is a task for which every answer is\n"
	     "\"a copy\", a thread one for which it is \"the same\", and a container\n"
	     "something else again: its name spaces are new.\n");
	now_try("  klab lesson run threads\n"
		"  klab task compare 1 $$\n");
}

const struct lesson lesson_clone = {
	"clone", "one flag after the other: what is shared, what is copied", teach,
};
