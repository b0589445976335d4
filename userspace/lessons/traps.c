// SPDX-License-Identifier: GPL-2.0-only
/*
 * The third door: an instruction that is finished, and reports. What the processor saves
 * is where to go on, so that a return leads past it. Debuggers live on this.
 */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "lesson.h"

#define BREAKPOINT	0xcc		/* INT3, in one byte */
#define NOP		0x90
#define RET		0xc3
#define SINGLE_STEP	0x4000		/* in klab_event_trap.error */
#define STEPS		6
#define KINDS		(KLAB_RECORD_TRAPS | KLAB_RECORD_SIGNALS)

static unsigned char *code;
static int handled, went_on, plant;
static __u64 saved_ip;

static void on_trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *frame = context;

	(void)signal;
	(void)info;
	handled++;
	saved_ip = frame->uc_mcontext.gregs[REG_RIP];
	if (!plant)
		return;
	/* As a debugger does: the true byte back, and one step back to make it. */
	code[0] = NOP;
	frame->uc_mcontext.gregs[REG_RIP]--;
}

static void breakpoint(void)
{
	__asm__ volatile("int3" : : : "memory");
	went_on++;
}

/* The trap flag is on for three NOPs and what switches it off. */
static void single_step(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"	/* the compiler's red zone */
			 "pushf\n\torl $0x100, (%%rsp)\n\tpopf\n\t"
			 "nop\n\tnop\n\tnop\n\t"
			 "pushf\n\tandl $~0x100, (%%rsp)\n\tpopf\n\t"
			 "lea 128(%%rsp), %%rsp" : : : "memory", "cc");
}

static void call_code(void)
{
	((void (*)(void))(uintptr_t)code)();
	went_on++;
}

/* How many traps of this vector there were, and the last of them. */
static unsigned int traps(__u32 vector, const struct event **last)
{
	unsigned int i, count = 0;

	*last = event_of(KLAB_EVENT_TRAP, 0);
	for (i = 0; i < events_of(KLAB_EVENT_TRAP); i++) {
		if (event_of(KLAB_EVENT_TRAP, i)->trap.vector != vector)
			continue;
		*last = event_of(KLAB_EVENT_TRAP, i);
		count++;
	}
	return count;
}

static void teach(int klab)
{
	static struct klab_cpu_gate gate[256];
	struct klab_cpu cpu = doors_of(klab, gate);
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	const struct event *trap;
	int doors = 0, i;
	unsigned int count;

	must(sigaction(SIGTRAP, &action, NULL), "sigaction");
	say("The doors that a program may open by an INT instruction:");
	for (i = 0; i < 256; i++) {
		if (!gate[i].present || gate[i].privilege != 3)
			continue;
		show("kernel", "vector %-3d %s", i, gate[i].handler.symbol);
		doors++;
	}
	kernel("doors", doors, "%d of %u", doors, cpu.gates.count);
	claim(gate[3].privilege == 3 && doors < 8, "a breakpoint is one of them, of few");

	say("A breakpoint.");
	record(klab, KINDS, doing("INT3"), breakpoint);
	count = traps(3, &trap);
	kernel("breakpoint", count, "vector 3, and the signal handler ran %d time", handled);
	claim(count == 1 && handled == 1, "one trap, one signal: SIGTRAP");
	claim(trap->trap.ip == saved_ip && ((unsigned char *)saved_ip)[-1] == BREAKPOINT && went_on,
	      "what was saved lies behind it: the handler returned, and the program went on");

	say("A trap after each instruction: the trap flag.");
	handled = 0;
	record(klab, KINDS, doing("set the flag, 3 NOPs, clear the flag"), single_step);
	count = traps(1, &trap);
	kernel("steps", count, "%u times vector 1, and the processor says: a single step", count);
	claim(count == STEPS && handled == STEPS && trap->trap.error & SINGLE_STEP,
	      "3 NOPs, and 3 instructions that clear it: %d", STEPS);

	say("How a debugger stops a program: it writes a breakpoint over the code.");
	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	must(code == MAP_FAILED ? -1 : 0, "mmap");
	code[0] = NOP;
	code[1] = RET;
	plant = 1;
	if (doing("put 0x%x in place of a function's first byte", BREAKPOINT))
		code[0] = BREAKPOINT;
	went_on = 0;
	record(klab, KINDS, doing("call it"), call_code);
	count = traps(3, &trap);
	kernel("planted", count, "%u trap at 0x%llx", count, trap->trap.ip);
	claim(count == 1 && trap->trap.ip == (uintptr_t)code + 1,
	      "it stops there, one byte too far");
	claim(went_on == 1 && code[0] == NOP,
	      "with the byte put back and one step back it runs as if nothing had been");

	seen("A fault leads back to its instruction, a trap past it. Both come in by the same\n"
	     "table, and leave as a signal.\n");
	now_try("  klab cpu                       the table\n"
		"  klab lesson run exceptions     the doors that lead back\n");
}

const struct lesson lesson_traps = {
	"traps", "the third door: what reports, and goes on", teach,
};
