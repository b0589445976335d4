// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program for each exception: it is seen with its vector and its error bits, then the
 * signal that comes of it, then the end, in this order.
 */
#include <sys/ucontext.h>

#include "recorder_test.h"

#if defined(REG_RIP) || defined(REG_EIP)

static int divide(void *arg)
{
	*(unsigned long *)arg = 0;
	asm volatile("xor %%edx, %%edx\n xor %%ecx, %%ecx\n mov $1, %%eax\n div %%ecx"
		     : : : "eax", "ecx", "edx");
	return 0;
}

static int invalid_opcode(void *arg)
{
	asm volatile("ud2");
	return 0;
}

static int breakpoint(void *arg)
{
	asm volatile("int3");
	return 0;
}

static int privileged(void *arg)
{
	asm volatile("hlt");
	return 0;
}

/* As wide as the stack's words are. */
static void set_flags(unsigned long more)
{
	unsigned long flags;

	asm volatile("pushf\n pop %0\n or %1, %0\n push %0\n popf\n nop"
		     : "=&r" (flags) : "r" (more) : "memory", "cc");
}

/* The trap flag: the next instruction is the last. */
static int single_step(void *arg)
{
	set_flags(0x100);
	return 0;
}

static int misaligned(void *arg)
{
	static char bytes[16];

	set_flags(0x40000);
	asm volatile("movl %0, %%eax" : : "m" (*(int *)(bytes + 1)) : "eax", "memory");
	return 0;
}

static int overflow(void *arg)
{
	/* Of the 32-bit instruction set alone, but the gate is there for INT too. */
	asm volatile("int $4");
	return 0;
}

static int read_nothing(void *arg)
{
	int *nothing = NULL;

	asm volatile("" : "+r" (nothing));
	return *nothing;
}

static int write_read_only(void *arg)
{
	char *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
			    -1, 0);

	*(unsigned long *)arg = (unsigned long)memory;
	__atomic_store_n(memory, 1, __ATOMIC_RELAXED);
	return 0;
}

static int execute_data(void *arg)
{
	unsigned char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memory[0] = 0xc3;
	*(unsigned long *)arg = (unsigned long)memory;
	((void (*)(void))memory)();
	return 0;
}

static __attribute__((noipa)) int deeper(int depth)
{
	char room[4096], *written = room;

	asm volatile("" : "+r" (written) : : "memory");
	*written = depth;
	return depth ? deeper(depth + 1) + *written : 0;
}

static int overflow_stack(void *arg)
{
	struct rlimit limit = { 256 << 10, 256 << 10 };

	setrlimit(RLIMIT_STACK, &limit);
	return deeper(1);
}

FIXTURE(trap)
{
	struct subject subject;
	struct events events;
	unsigned long *seen;
};

FIXTURE_VARIANT(trap)
{
	int (*run)(void *arg);
	int vector;		/* 14: a page fault */
	unsigned int error;
	unsigned int error_mask;
	int signal;
	int code;
};

FIXTURE_VARIANT_ADD(trap, divide) {
	.run = divide, .vector = 0, .error_mask = ~0U, .signal = SIGFPE, .code = FPE_INTDIV,
};

FIXTURE_VARIANT_ADD(trap, invalid_opcode) {
	.run = invalid_opcode, .vector = 6, .error_mask = ~0U, .signal = SIGILL,
	.code = ILL_ILLOPN,
};

FIXTURE_VARIANT_ADD(trap, breakpoint) {
	.run = breakpoint, .vector = 3, .error_mask = ~0U, .signal = SIGTRAP, .code = SI_KERNEL,
};

FIXTURE_VARIANT_ADD(trap, privileged) {
	.run = privileged, .vector = 13, .error_mask = ~0U, .signal = SIGSEGV, .code = SI_KERNEL,
};

FIXTURE_VARIANT_ADD(trap, single_step) {
	.run = single_step, .vector = 1, .error = 0x4000, .error_mask = 0x4000, .signal = SIGTRAP,
	.code = TRAP_TRACE,
};

FIXTURE_VARIANT_ADD(trap, overflow) {
	.run = overflow, .vector = 4, .error_mask = ~0U, .signal = SIGSEGV, .code = SI_KERNEL,
};

FIXTURE_VARIANT_ADD(trap, misaligned) {
	.run = misaligned, .vector = 17, .error_mask = ~0U, .signal = SIGBUS, .code = BUS_ADRALN,
};

FIXTURE_VARIANT_ADD(trap, read_nothing) {
	.run = read_nothing, .vector = 14, .error = KLAB_FAULT_USER, .error_mask = ~0U,
	.signal = SIGSEGV, .code = SEGV_MAPERR,
};

FIXTURE_VARIANT_ADD(trap, write_read_only) {
	.run = write_read_only, .vector = 14,
	.error = KLAB_FAULT_USER | KLAB_FAULT_WRITE | KLAB_FAULT_PROTECTION, .error_mask = ~0U,
	.signal = SIGSEGV, .code = SEGV_ACCERR,
};

FIXTURE_VARIANT_ADD(trap, execute_data) {
	.run = execute_data, .vector = 14,
	.error = KLAB_FAULT_USER | KLAB_FAULT_FETCH | KLAB_FAULT_PROTECTION, .error_mask = ~0U,
	.signal = SIGSEGV, .code = SEGV_ACCERR,
};

FIXTURE_VARIANT_ADD(trap, overflow_stack) {
	.run = overflow_stack, .vector = 14, .error = KLAB_FAULT_USER | KLAB_FAULT_WRITE,
	.error_mask = ~0U, .signal = SIGSEGV, .code = SEGV_MAPERR,
};

FIXTURE_SETUP(trap)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	self->seen = shared_memory(4096);
	ASSERT_TRUE(subject_start(&self->subject, variant->run, self->seen,
				  KLAB_RECORD_FAULTS | KLAB_RECORD_TRAPS | KLAB_RECORD_SIGNALS |
				  KLAB_RECORD_TASKS, 0));
	self->events = subject_finish(&self->subject);
}

FIXTURE_TEARDOWN(trap)
{
	free_events(&self->events);
	close(self->subject.recorder);
}

TEST_F(trap, then_signal_then_end)
{
	const struct events *events = &self->events;
	ssize_t signal = find_kind(events, KLAB_EVENT_SIGNAL, 0);
	const struct klab_recorded *event;
	ssize_t i;

	if (variant->vector == 17 && !self->subject.status)
		SKIP(return, "this machine checks no alignment");
	EXPECT_TRUE(WIFSIGNALED(self->subject.status));
	EXPECT_EQ(variant->signal, WTERMSIG(self->subject.status));

	/* The signal, and before it what it comes of. */
	ASSERT_LT(0, signal);
	event = events->event[signal];
	EXPECT_EQ(variant->signal, BODY(event, signal)->signal);
	EXPECT_EQ(variant->code, BODY(event, signal)->code);
	EXPECT_EQ(0, BODY(event, signal)->pid);

	/* On its way to a signal the kernel may read the program's code, and fault as well. */
	for (i = signal - 1; i > 0 && events->event[i]->kind == KLAB_EVENT_FAULT &&
	     !(BODY(events->event[i], fault)->error & KLAB_FAULT_USER); i--)
		;
	event = events->event[i];
	if (variant->vector == 14) {
		ASSERT_EQ(KLAB_EVENT_FAULT, event->kind);
		EXPECT_EQ(variant->error, BODY(event, fault)->error & variant->error_mask);
		EXPECT_NE(0, BODY(event, fault)->ip);
		if (*self->seen || variant->run == read_nothing)
			EXPECT_EQ(*self->seen, BODY(event, fault)->address);
		EXPECT_EQ(0, count_kind(events, KLAB_EVENT_TRAP, 0));
		/* It did not end in a page. */
		EXPECT_EQ(0, events->event[signal]->flags);
	} else {
		ASSERT_EQ(KLAB_EVENT_TRAP, event->kind);
		EXPECT_EQ(variant->vector, BODY(event, trap)->vector);
		EXPECT_EQ(variant->error, BODY(event, trap)->error & variant->error_mask);
		EXPECT_NE(0, BODY(event, trap)->ip);
		EXPECT_EQ(1, count_kind(events, KLAB_EVENT_TRAP, 0));
	}

	/* What follows is its delivery, and then the end. */
	EXPECT_LT(signal, find_kind(events, KLAB_EVENT_DELIVER, 0));
	EXPECT_LT(find_kind(events, KLAB_EVENT_DELIVER, 0), find_kind(events, KLAB_EVENT_EXIT, 0));
	EXPECT_EQ(self->subject.status,
		  BODY(events->event[find_kind(events, KLAB_EVENT_EXIT, 0)], exit)->status);
}

/* Caught and come back from, again and again: each is one exception. */
static void step_over(int signal, siginfo_t *info, void *context)
{
	ucontext_t *frame = context;

	if (info->si_code != SI_KERNEL)
		return;
#ifdef REG_RIP
	frame->uc_mcontext.gregs[REG_RIP]++;
#else
	frame->uc_mcontext.gregs[REG_EIP]++;
#endif
}

static int privileged_again(void *arg)
{
	struct sigaction action = { .sa_sigaction = step_over, .sa_flags = SA_SIGINFO };
	int i;

	sigaction(SIGSEGV, &action, NULL);
	for (i = 0; i < 10; i++)
		asm volatile("hlt");
	/* A signal of the same number that comes of no exception. */
	kill(getpid(), SIGSEGV);
	return 0;
}

TEST(each_once)
{
	struct subject subject;
	struct events events;

	ASSERT_TRUE(subject_start(&subject, privileged_again, NULL,
				  KLAB_RECORD_TRAPS | KLAB_RECORD_SIGNALS, 0));
	events = subject_finish(&subject);
	EXPECT_EQ(10, count_kind(&events, KLAB_EVENT_TRAP, 0));
	EXPECT_EQ(11, count_kind(&events, KLAB_EVENT_SIGNAL, 0));
	free_events(&events);
	close(subject.recorder);
}

#endif /* x86 */

TEST_HARNESS_MAIN
