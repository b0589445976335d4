// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first door into the kernel: a program asks. What crosses is a number and six
 * registers, and what comes back is one. Each lesson of a door lets klab record what this
 * process does there.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lesson.h"

#define NO_SUCH_CALL	100000
#define NO_CALL_THERE	38		/* the errno for that, and for nothing else */
#define OLD_GETPID	20		/* what getpid is called behind the old door */

static int ends[2];
static const char text[] = "hello";
static struct timespec now;
static long answer;

static long by_syscall(long number, long argument)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(argument)
			 : "rcx", "r11", "memory");
	return result;
}

static long by_int80(int number)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"((long)number)
			 : "r8", "r9", "r10", "r11", "memory");
	return result;
}

static void write_hello(void)
{
	answer = write(ends[1], text, 5);
}

static void close_nothing(void)
{
	answer = by_syscall(SYS_close, -1);
}

static void call_nothing(void)
{
	answer = by_syscall(NO_SUCH_CALL, 0);
}

static void old_getpid(void)
{
	answer = by_int80(OLD_GETPID);
}

static void ask_the_time(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
}

/* The beginning or the end of system call @number; all zero: there was none. */
static const struct event *find(int kind, int number)
{
	const struct event *event;
	unsigned int i = 0;

	do
		event = event_of(kind, i++);
	while (event->head.length && event->enter.number != number);
	return event;
}

static void teach(int klab)
{
	static struct klab_cpu_gate gate[256];
	struct klab_cpu cpu = doors_of(klab, gate);
	const struct event *enter, *leave;
	__u64 begin, out, in;
	unsigned int count;
	int i;

	must(pipe(ends), "pipe");
	say("The door itself: where the SYSCALL instruction leads, as the processor has it.");
	kernel("level", cpu.level, "to %s; the kernel runs at level %u, this program at %u",
	       cpu.syscall.symbol, cpu.level, cpu.caller_level);
	claim(cpu.level == 0 && cpu.caller_level == 3 && cpu.syscall.symbol[0],
	      "one place for all calls: nobody comes in anywhere else by asking");

	say("What crosses.");
	record(klab, KLAB_RECORD_SYSCALLS, doing("write(%d, %p, 5)", ends[1], text), write_hello);
	enter = find(KLAB_EVENT_ENTER, SYS_write);
	leave = find(KLAB_EVENT_LEAVE, SYS_write);
	kernel("write", enter->enter.number, "in: number %d, %lld, 0x%llx, %lld; out: %lld",
	       enter->enter.number, enter->enter.args[0], enter->enter.args[1],
	       enter->enter.args[2], leave->leave.result);
	claim(enter->enter.args[0] == (__u64)ends[1] && enter->enter.args[2] == 5 &&
	      enter->enter.args[1] == (uintptr_t)text && leave->leave.result == 5,
	      "numbers: that the second is an address, only the call behind the door knows");
	kernel("took", leave->head.time - enter->head.time, "between the two: %s",
	       time_text(leave->head.time - enter->head.time));

	say("What comes back.");
	record(klab, KLAB_RECORD_SYSCALLS, doing("close(-1), without the C library"),
	       close_nothing);
	leave = find(KLAB_EVENT_LEAVE, SYS_close);
	kernel("close", -leave->leave.result, "out: %lld", leave->leave.result);
	claim(leave->leave.result == -EBADF && answer == -EBADF,
	      "an error is -EBADF in the same register: -1 and errno are made by the library");
	record(klab, KLAB_RECORD_SYSCALLS, doing("call number %d", NO_SUCH_CALL), call_nothing);
	leave = find(KLAB_EVENT_LEAVE, NO_SUCH_CALL);
	kernel("nothing", -leave->leave.result, "out: %lld", leave->leave.result);
	claim(leave->leave.result == -NO_CALL_THERE, "any number gets in, and %s is the answer",
	      strerrorname_np(NO_CALL_THERE));

	say("An older door, and none.");
	if (gate[0x80].present && gate[0x80].privilege == 3) {
		record(klab, KLAB_RECORD_SYSCALLS, doing("INT 0x80 with number %d", OLD_GETPID),
		       old_getpid);
		enter = find(KLAB_EVENT_ENTER, OLD_GETPID);
		kernel("int80", enter->enter.number, "by %s: number %d",
		       gate[0x80].handler.symbol, enter->enter.number);
		claim(enter->enter.flags & KLAB_EVENT_COMPAT && answer == getpid(),
		      "behind it the calls have other numbers: 20 is getpid, and here write is 4");
	}
	record(klab, KLAB_RECORD_SYSCALLS, doing("clock_gettime, 1000 times"), ask_the_time);
	/* The one is what ends the recording. */
	count = events_of(KLAB_EVENT_ENTER) - 1;
	kernel("time", count, "%u system calls", count);
	claim(!count && now.tv_sec, "the time is read from a page that the kernel keeps for all");

	begin = now_ns();
	for (i = 0; i < 1000; i++)
		by_syscall(SYS_getppid, 0);
	in = now_ns() - begin;
	begin = now_ns();
	ask_the_time();
	out = now_ns() - begin;
	user("in", in / 1000, "getppid %s each", time_text(in / 1000));
	user("out", out / 1000, "that page %s each", time_text(out / 1000));

	seen("A call is a number and six registers, and its answer one register.\n");
	now_try("  klab record -- true            every crossing of a small program\n"
		"  klab cpu                       all the doors\n"
		"  klab lesson run exceptions     when nobody asked\n");
}

const struct lesson lesson_syscalls = {
	"syscalls", "the first door: a program asks", teach,
};
