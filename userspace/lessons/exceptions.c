// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second door: an instruction that the processor cannot finish. It saves where that
 * one is and calls the kernel, which repairs what is missing or sends a signal; and then
 * the same instruction is made again.
 */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "lesson.h"

#define WROTE	(KLAB_FAULT_USER | KLAB_FAULT_WRITE)
#define TIMES	3
#define KINDS	(KLAB_RECORD_FAULTS | KLAB_RECORD_TRAPS | KLAB_RECORD_SIGNALS)

static char *page;
static int ends[2], handled;
static __u64 saved_ip;

static void write_byte(void)
{
	page[0] = 1;
}

static void read_then_write(void)
{
	peek(page + PAGE);
	page[PAGE] = 1;
}

static void have_it_read(void)
{
	must(read(ends[0], page + 2 * PAGE, 1), "read");
}

static void divide(void)
{
	__asm__ volatile("xor %%edx, %%edx\n\txor %%ecx, %%ecx\n\tdiv %%ecx"
			 : : "a"(1) : "ecx", "edx", "cc");
}

static void on_division(int signal, siginfo_t *info, void *context)
{
	ucontext_t *frame = context;

	(void)signal;
	(void)info;
	saved_ip = frame->uc_mcontext.gregs[REG_RIP];
	/* Twice back to it as if something had been repaired, then past its two bytes. */
	if (++handled == TIMES)
		frame->uc_mcontext.gregs[REG_RIP] += 2;
}

/* A fault in this page of ours, or an empty one; the @at'th there. */
static const struct event *fault_in(const char *where, int at)
{
	static const struct event none;
	const struct event *one;
	unsigned int i;

	for (i = 0; (one = event_of(KLAB_EVENT_FAULT, i))->head.length; i++)
		if ((one->fault.address & -PAGE) == (uintptr_t)where && !at--)
			return one;
	return &none;
}

static void teach(int klab)
{
	static struct klab_cpu_gate gate[256];
	struct klab_cpu cpu = doors_of(klab, gate);
	struct sigaction action = { .sa_sigaction = on_division, .sa_flags = SA_SIGINFO };
	const struct event *fault, *next;

	page = memory(3, MAP_PRIVATE);
	must(sigaction(SIGFPE, &action, NULL), "sigaction");
	must(pipe(ends), "pipe");
	must(write(ends[1], "x", 1), "write");
	say("A table has a door for each kind. Some of them:");
	show("kernel", "vector 0   division       %s", gate[0].handler.symbol);
	show("kernel", "vector 14  page fault     %s", gate[14].handler.symbol);
	kernel("privilege", gate[14].privilege, "needed to come in by INT 14: level %u",
	       gate[14].privilege);
	claim(gate[14].present && gate[14].privilege == 0 && cpu.caller_level == 3,
	      "no program can claim a page fault: only the processor opens this door");

	say("A page that nobody has touched.");
	record(klab, KINDS, doing("write a byte there"), write_byte);
	fault = fault_in(page, 0);
	kernel("write", fault->fault.error, "fault at 0x%llx, error bits 0x%llx",
	       fault->fault.address, fault->fault.error);
	claim(fault->head.length && fault->fault.error == WROTE && page[0] == 1,
	      "the kernel brought a page, and the instruction was made again");
	claim(!events_of(KLAB_EVENT_SIGNAL), "the program was told nothing: no signal");

	record(klab, KINDS, doing("read another page, then write there"), read_then_write);
	fault = fault_in(page + PAGE, 0);
	next = fault_in(page + PAGE, 1);
	kernel("second", next->fault.error, "error bits 0x%llx, then 0x%llx", fault->fault.error,
	       next->fault.error);
	claim(fault->fault.error == KLAB_FAULT_USER &&
	      next->fault.error == (WROTE | KLAB_FAULT_PROTECTION),
	      "twice: no page; then a page, the one of zeroes, that may not be written");

	record(klab, KINDS, doing("read(2) from a pipe into the third page"), have_it_read);
	fault = fault_in(page + 2 * PAGE, 0);
	kernel("kernels", fault->fault.error, "fault at 0x%llx, by %s", fault->fault.address,
	       fault->fault.error & KLAB_FAULT_USER ? "the program" : "the kernel for it");
	claim(fault->head.length && !(fault->fault.error & KLAB_FAULT_USER) &&
	      page[2 * PAGE] == 'x', "the kernel touches a program's memory, and faults as well");

	say("What cannot be repaired: 1 / 0.");
	record(klab, KINDS, doing("divide; the handler returns to it twice, then past it"), divide);
	fault = event_of(KLAB_EVENT_TRAP, 0);
	next = event_of(KLAB_EVENT_SIGNAL, 0);
	kernel("vector", fault->trap.vector, "vector %u, and signal %d with code %d",
	       fault->trap.vector, next->signal.signal, next->signal.code);
	claim(fault->head.length && fault->trap.vector == 0 && next->signal.signal == SIGFPE &&
	      next->signal.code == FPE_INTDIV, "an exception, and the signal that comes of it");
	claim(fault->trap.ip == saved_ip && !memcmp((void *)saved_ip, "\xf7\xf1", 2),
	      "what was saved is the address of the division itself, not of what follows");
	kernel("divisions", events_of(KLAB_EVENT_TRAP), "%u exceptions, of one division",
	       events_of(KLAB_EVENT_TRAP));
	claim(events_of(KLAB_EVENT_TRAP) == TIMES,
	      "it was made again whenever the handler returned");

	seen("A fault goes back to the instruction that met it. Most are repaired, and no\n"
	     "program knows; the rest become signals.\n");
	now_try("  klab record -- true            the faults of a small program\n"
		"  klab lesson run traps          doors that lead on, not back\n");
}

const struct lesson lesson_exceptions = {
	"exceptions", "the second door: what an instruction could not finish", teach,
};
