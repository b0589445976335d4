// SPDX-License-Identifier: GPL-2.0-only
/*
 * To start a program is to fork and to exec; and what fork copied was for nothing then.
 * vfork(2) copies nothing and lends its memory instead, and posix_spawn(3) does as well.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lesson.h"

#define PROGRAM	"/bin/true"
#define BYTES	(64UL << 20)
#define TIMES	5

/* What the child saw before its exec; in memory that both have, however it was made. */
static struct sight {
	struct klab_task_compare beside;
	struct klab_task_space space;
	bool failed;
} *sight;

/* In the child: itself beside its parent. Calls only system calls, as a vfork child must. */
static void look_around(int klab, int parent)
{
	int self = klab_task_open(klab, 0);

	sight->failed = self < 0 || klab_task_compare(parent, self, &sight->beside) < 0 ||
			klab_task_space(self, &sight->space) < 0;
}

/* Start the program with fork or vfork. Returns whether it ended well. */
static bool start(bool borrow, int klab, int parent)
{
	pid_t pid = borrow ? vfork() : fork();
	int status;

	if (!pid) {
		look_around(klab, parent);
		execl(PROGRAM, "true", NULL);
		_exit(127);
	}
	must(pid, borrow ? "vfork" : "fork");
	must(waitpid(pid, &status, 0), "waitpid");
	return !sight->failed && !status;
}

static bool spawn(void)
{
	char name[] = "true", *arguments[] = { name, NULL };
	pid_t pid;
	int status;

	if (posix_spawn(&pid, PROGRAM, NULL, NULL, arguments, environ))
		return false;
	must(waitpid(pid, &status, 0), "waitpid");
	return !status;
}

enum { FORK, VFORK, SPAWN, WAYS };

static const char *const ways[] = { "fork", "vfork", "posix_spawn" };

/* The quickest of several, in ns. */
static __u64 cost(int way, int klab, int parent)
{
	__u64 best = ~0ULL, begin, took;
	int i;

	for (i = 0; i < TIMES; i++) {
		begin = now_ns();
		claim_quietly(way == SPAWN ? spawn() : start(way == VFORK, klab, parent),
			      "the program ran");
		took = now_ns() - begin;
		if (took < best)
			best = took;
	}
	return best;
}

static void teach(int klab)
{
	char *large = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int self = look_at(klab, 0);
	struct klab_task_space space;
	__u64 took[WAYS], most = 0, i, faults;
	struct sight forked, borrowed;

	if (access(PROGRAM, X_OK))
		cannot("there is no " PROGRAM);
	must(large == MAP_FAILED ? -1 : 0, "mmap");
	madvise(large, BYTES, MADV_NOHUGEPAGE);
	sight = (struct sight *)memory(1, MAP_SHARED);

	say("A parent with a lot of memory starts a program that does nothing.");
	if (doing("touch %lu MiB", BYTES >> 20))
		for (i = 0; i < BYTES; i += PAGE)
			large[i] = 1;
	space = space_of(self);
	kernel("tables", space.table_bytes, "%llu KiB of page tables", space.table_bytes >> 10);
	claim(space.table_bytes >= BYTES / PAGE * sizeof(__u64),
	      "a page table entry is 8 bytes, and there is one for each of the %lu pages",
	      BYTES / PAGE);

	say("fork, and a look from the child, before its exec.");
	start(false, klab, self);
	forked = *sight;
	kernel("forked", forked.space.table_bytes, "the child's page tables: %llu KiB",
	       forked.space.table_bytes >> 10);
	claim(!(forked.beside.same & KLAB_SAME_MEMORY) &&
	      forked.space.table_bytes * 10 > space.table_bytes * 9,
	      "its own, all copied; the next thing it does is to throw them away");

	say("vfork, and the same look.");
	start(doing("vfork in place of fork"), klab, self);
	borrowed = *sight;
	kernel("borrowed", borrowed.beside.same, "the child's memory: %s",
	       borrowed.beside.same & KLAB_SAME_MEMORY ? "the parent's" : "its own");
	claim(borrowed.beside.same & KLAB_SAME_MEMORY,
	      "nothing was copied: child and parent have one memory, and the parent must wait");
	claim(!(borrowed.beside.same & (KLAB_SAME_FILES | KLAB_SAME_HANDLERS)),
	      "its descriptors and handlers are its own already, so it may prepare them");

	say("What the parent pays afterwards: fork took the right to write from all its pages.");
	start(false, klab, self);
	faults = who_is(self).thread.minor_faults;
	if (doing("write one byte into each of 1000 pages"))
		for (i = 0; i < 1000; i++)
			large[i * PAGE] = 2;
	faults = who_is(self).thread.minor_faults - faults;
	kernel("faults", faults, "%llu page faults", faults);
	claim(faults >= 1000, "a fault for each, though the child was gone before the first write");
	start(true, klab, self);
	faults = who_is(self).thread.minor_faults;
	for (i = 0; i < 1000; i++)
		large[i * PAGE] = 3;
	faults = who_is(self).thread.minor_faults - faults;
	claim(faults < 100, "after vfork it is as before: no faults");

	say("The time from start to end, the best of %d.", TIMES);
	for (i = 0; i < WAYS; i++) {
		took[i] = cost(i, klab, self);
		if (took[i] > most)
			most = took[i];
	}
	for (i = 0; i < WAYS; i++)
		user(ways[i], took[i], "%-12s %-9s %s", ways[i], time_text(took[i]),
		     bar(took[i], most));
	show("", "no claim here: a time depends on the machine");

	seen("What exec throws away, fork has copied, page table by page table; and the\n"
	     "parent goes on paying. posix_spawn is vfork made safe: use it to start\n"
	     "programs.\n");
	now_try("  klab lesson run fork           what it is good for\n"
		"  klab lesson show spawn         why a vfork child may do so little\n");
}

const struct lesson lesson_spawn = {
	"spawn", "fork, vfork, posix_spawn: what each copies, and what it costs", teach,
};
