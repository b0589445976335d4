// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread is a task that shares nearly everything. What is left as its own: an id, a
 * stack, a set of blocked signals, some registers; among them the one that leads to its
 * thread-local variables.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "lesson.h"

static int global;
static __thread int local;

struct found {
	pthread_barrier_t ready, looked;
	pid_t tid;
	int *local;
	int *on_stack;
	int global_seen;
};

static void *second(void *argument)
{
	struct found *found = argument;
	sigset_t set;
	int here = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	if (doing("make a thread: it blocks SIGUSR2, and writes 2 into both variables")) {
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		global = 2;
		local = 2;
	}
	found->tid = gettid();
	found->local = &local;
	found->on_stack = &here;
	pthread_barrier_wait(&found->ready);
	pthread_barrier_wait(&found->looked);
	return NULL;
}

#define SHARED	(KLAB_SAME_MEMORY | KLAB_SAME_FILES | KLAB_SAME_FS | KLAB_SAME_HANDLERS | \
		 KLAB_SAME_PROCESS)

static void teach(int klab)
{
	struct klab_task_who me, it;
	struct klab_task_space before, during;
	struct klab_area mine, its;
	struct found found = { .tid = 0 };
	int self = look_at(klab, 0), other, here = 0;
	pthread_t id;
	__u64 same;

	say("One variable of the program, one of each thread. Both are 1.");
	global = 1;
	local = 1;
	before = space_of(self);
	pthread_barrier_init(&found.ready, NULL, 2);
	pthread_barrier_init(&found.looked, NULL, 2);
	must(-pthread_create(&id, NULL, second, &found), "pthread_create");
	pthread_barrier_wait(&found.ready);
	other = look_at(klab, found.tid);
	same = common(self, other);
	me = who_is(self);
	it = who_is(other);
	during = space_of(self);

	show("", "%-12s%-14s%-14s%s", "", "process", "thread", "blocks SIGUSR2");
	kernel("pid", me.pid, "%-12s%-14d%-14d%s", "first", me.pid, me.tid,
	       me.blocked >> (SIGUSR2 - 1) & 1 ? "yes" : "no");
	kernel("tid", it.tid, "%-12s%-14d%-14d%s", "second", it.pid, it.tid,
	       it.blocked >> (SIGUSR2 - 1) & 1 ? "yes" : "no");
	claim(it.pid == me.pid && it.tid != me.tid && it.threads == 2,
	      "one process, two tasks: getpid(2) is the same for both, gettid(2) is not");
	claim(!(me.blocked >> (SIGUSR2 - 1) & 1) && it.blocked >> (SIGUSR2 - 1) & 1,
	      "blocked signals are each thread's own");
	kernel("shared", same & SHARED,
	       "the same memory, descriptors, directory, handlers, process");
	claim((same & SHARED) == SHARED, "which are five flags of clone, all set");

	say("And the variables?");
	user("global", global, "the program's is %d; the first thread's own is %d, the second's %d",
	     global, local, *found.local);
	claim(global == 2, "what one thread writes is there for the other");
	claim(local == 1 && *found.local == 2,
	      "but each has a variable of this name of its own, at an address of its own");
	mine = area_at(self, &here);
	its = area_at(self, found.on_stack);
	kernel("first_stack", mine.start, "stack of the first   0x%llx-0x%llx%s", mine.start,
	       mine.end, mine.flags & KLAB_AREA_GROWS_DOWN ? "  grows down" : "");
	kernel("second_stack", its.start, "stack of the second  0x%llx-0x%llx%s", its.start,
	       its.end, its.flags & KLAB_AREA_GROWS_DOWN ? "  grows down" : "");
	claim(mine.flags & KLAB_AREA_GROWS_DOWN && !(its.flags & KLAB_AREA_GROWS_DOWN),
	      "the first stack grows by itself; the other is a mapping of a fixed size");
	claim((uintptr_t)found.local >= its.start && (uintptr_t)found.local < its.end,
	      "at whose top lie the thread's own variables, too");
	if (doing("the first thread writes 3 to the second's stack, by its address"))
		*found.on_stack = 3;
	claim(*found.on_stack == 3 && area_at(other, found.on_stack).flags & KLAB_AREA_WRITE,
	      "nothing protects it: only the address was a secret");

	kernel("users", during.users - before.users,
	       "users of the address space: %u before, %u now", before.users, during.users);
	pthread_barrier_wait(&found.looked);
	pthread_join(id, NULL);

	seen("A thread is cheap since it brings next to nothing: a stack, and what the\n"
	     "kernel needs to run it. It is fragile for the same reason.\n");
	now_try("  klab lesson run clone          the flags, one by one\n"
		"  klab lesson run fork           the opposite\n");
}

const struct lesson lesson_threads = {
	"threads", "two tasks in one process: what they share, what each has", teach,
};
