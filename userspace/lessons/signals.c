// SPDX-License-Identifier: GPL-2.0-only
/*
 * A signal is a bit in a set, and a queue for those that have more to say. It is taken
 * when its receiver comes back from the kernel, onto a frame on the receiver's stack.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "lesson.h"

#define VALUE	7

static int handled;
static uintptr_t handler_stack, handler_frame;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	handled++;
	handler_stack = (uintptr_t)__builtin_frame_address(0);
	handler_frame = (uintptr_t)info;
}

static void send_signal(int klab, int signal, __u64 value)
{
	struct klab_signal_send send = {
		.pid = getpid(), .signal = signal, .value = value,
		.flags = value ? KLAB_SIGNAL_VALUE : 0,
	};

	must(klab_signal_send(klab, &send), "to have a signal sent");
}

/* The next one that is pending, of those in @set: its number, or 0. */
static int take(const sigset_t *set, siginfo_t *info)
{
	struct timespec at_once = { 0 };
	int signal = sigtimedwait(set, info, &at_once);

	return signal < 0 ? 0 : signal;
}

static bool in(__u64 set, int signal)
{
	return set >> (signal - 1) & 1;
}

static void teach(int klab)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	int self = look_at(klab, 0), i, order[3], values[3] = { 0 };
	char here[1];
	siginfo_t info = { 0 };
	struct klab_task_who who;
	sigset_t set;

	say("A blocked signal waits. How many of them?");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN);
	must(sigprocmask(SIG_BLOCK, &set, NULL), "sigprocmask");
	if (doing("block SIGUSR1, then have the kernel send it 3 times"))
		for (i = 0; i < 3; i++)
			send_signal(klab, SIGUSR1, 0);
	who = who_is(self);
	kernel("pending", who.pending_process, "pending in the process: 0x%llx, SIGUSR1 is bit %d",
	       who.pending_process, SIGUSR1 - 1);
	claim(in(who.pending_process, SIGUSR1) && in(who.blocked, SIGUSR1) && !who.pending,
	      "it is pending for the process: any of its threads may take it");
	must(sigaction(SIGUSR1, &action, NULL), "sigaction");
	sigdelset(&set, SIGUSR1);
	if (doing("install a handler, and unblock it"))
		must(sigprocmask(SIG_SETMASK, &set, NULL), "sigprocmask");
	user("handled", handled, "the handler has run %d time%s", handled, handled == 1 ? "" : "s");
	claim(handled == 1, "3 were sent and 1 arrived: a standard signal is a bit, not a count");

	say("The handler ran on this stack, above whatever was there.");
	user("frame", (uintptr_t)here - handler_stack,
	     "%lu bytes below the function it interrupted", (uintptr_t)here - handler_stack);
	claim(handler_frame < (uintptr_t)here && handler_frame > handler_stack &&
	      (uintptr_t)here - handler_frame > sizeof(ucontext_t),
	      "between lies what the kernel pushed: siginfo, all registers, the way back");

	say("Real-time signals queue, and have a value.");
	if (doing("have SIGRTMIN sent 3 times, with the values %d, %d, %d", VALUE, VALUE + 1,
		  VALUE + 2))
		for (i = 0; i < 3; i++)
			send_signal(klab, SIGRTMIN, VALUE + i);
	who = who_is(self);
	claim(in(who.pending, SIGRTMIN) && !in(who.pending_process, SIGRTMIN),
	      "these are pending for one thread: with a value klab names a thread");
	for (i = 0; i < 3; i++)
		if (take(&set, &info) == SIGRTMIN)
			values[i] = info.si_value.sival_int;
	user("values", values[2], "taken with sigtimedwait: %d, %d, %d", values[0], values[1],
	     values[2]);
	claim(values[0] == VALUE && values[1] == VALUE + 1 && values[2] == VALUE + 2,
	      "3 were sent and 3 arrived, in order");
	claim(info.si_code == SI_QUEUE && info.si_pid == getpid(),
	      "and each says who sent it: si_code SI_QUEUE, and the pid");
	claim(!take(&set, &info), "nothing is left");

	say("Which one is first, when several wait?");
	if (doing("have SIGRTMIN sent, then SIGUSR2, with a value each")) {
		send_signal(klab, SIGRTMIN, VALUE);
		send_signal(klab, SIGUSR2, VALUE);
	}
	for (i = 0; i < 2; i++)
		order[i] = take(&set, &info);
	user("first", order[0], "first came signal %d, then %d", order[0], order[1]);
	claim(order[0] == SIGUSR2 && order[1] == SIGRTMIN,
	      "the lowest number is first, whatever was sent first");

	seen("A standard signal can get lost in the crowd, a real-time signal cannot. A\n"
	     "handler comes between any two instructions: it may call what is\n"
	     "async-signal-safe, as write(2) is and printf(3) is not.\n");
	now_try("  klab signal wait USR1 & klab signal send $! USR1 --value 42\n"
		"  klab task show $$              what your shell blocks, ignores, catches\n"
		"  klab notify compare            a signal beside other ways to be told\n");
}

const struct lesson lesson_signals = {
	"signals", "pending, blocked, merged or queued; and where the handler runs", teach,
};
