// SPDX-License-Identifier: GPL-2.0-only
/*
 * The doors of this processor: its interrupt descriptor table, where its system calls
 * begin, what stands between the two sides; and what it says of an exception. With
 * pagetable.c the one file that knows the architecture.
 */
#include <linux/capability.h>
#include <linux/kallsyms.h>
#include <linux/kdebug.h>
#include <linux/ptrace.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "compat.h"
#include "klab.h"
#include "record.h"

#ifdef CONFIG_X86_64

#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/msr.h>
#include <asm/trapnr.h>

/* An exception of the program that was interrupted: is it one, and which? */
bool klab_cpu_trap(unsigned long event, const struct die_args *args, struct klab_event_trap *trap)
{
	if (!args->regs || !user_mode(args->regs))
		return false;

	*trap = (struct klab_event_trap) {
		.vector = args->trapnr,
		.error = args->err,
		.ip = args->regs->ip,
	};
	switch (event) {
	case DIE_TRAP:
	case DIE_INT3:
		return true;
	case DIE_DEBUG:
		trap->vector = X86_TRAP_DB;
		trap->error = *(unsigned long *)args->err;
		return true;
	}
	return false;
}

/* The die notifier never hears of these, but they leave their mark, and then comes a signal. */
bool klab_cpu_trap_behind(int signal, int code, struct klab_event_trap *trap)
{
	struct pt_regs *regs = current_pt_regs();
	unsigned long vector = current->thread.trap_nr;

	switch (vector) {
	case X86_TRAP_GP:
		if (signal != SIGSEGV || code != SI_KERNEL)
			return false;
		break;
	case X86_TRAP_MF:
	case X86_TRAP_XF:
		if (signal != SIGFPE || code <= 0)
			return false;
		break;
	default:
		return false;
	}
	/* The mark stays there, also when a system call causes the next signal. */
	if (!user_mode(regs) || regs->orig_ax != -1)
		return false;

	*trap = (struct klab_event_trap) {
		.vector = vector,
		.error = current->thread.error_code,
		.ip = regs->ip,
	};
	return true;
}

/* Does this address belong to the kernel? */
bool klab_cpu_kernel_address(unsigned long address)
{
	return address >= TASK_SIZE_MAX;
}

/* What a processor tells about itself, and only it can. */
struct cpu_state {
	gate_desc gates[IDT_ENTRIES];
	unsigned int count;
	u16 code_segment;
	u64 cr0, cr4, efer, lstar, cstar, sysenter;
};

static void read_state(void *arg)
{
	struct cpu_state *state = arg;
	struct desc_ptr table;

	store_idt(&table);
	state->count = min_t(unsigned int, (table.size + 1) / sizeof(gate_desc), IDT_ENTRIES);
	memcpy(state->gates, (void *)table.address, state->count * sizeof(gate_desc));

	asm("mov %%cs, %0" : "=r" (state->code_segment));
	state->cr0 = read_cr0();
	state->cr4 = __read_cr4();
	klab_rdmsr(MSR_EFER, state->efer);
	klab_rdmsr(MSR_LSTAR, state->lstar);
	klab_rdmsr(MSR_CSTAR, state->cstar);
	klab_rdmsr(MSR_IA32_SYSENTER_EIP, state->sysenter);
}

/* A protection, how one knows that it is there, and that it is switched on. */
static void set_protections(struct klab_cpu *ask, const struct cpu_state *state)
{
	const struct {
		u64 bit;
		bool present;
		bool active;
	} list[] = {
		{ KLAB_CPU_WP, true, state->cr0 & X86_CR0_WP },
		{ KLAB_CPU_NX, boot_cpu_has(X86_FEATURE_NX), state->efer & EFER_NX },
		{ KLAB_CPU_SMEP, boot_cpu_has(X86_FEATURE_SMEP), state->cr4 & X86_CR4_SMEP },
		{ KLAB_CPU_SMAP, boot_cpu_has(X86_FEATURE_SMAP), state->cr4 & X86_CR4_SMAP },
		{ KLAB_CPU_UMIP, boot_cpu_has(X86_FEATURE_UMIP), state->cr4 & X86_CR4_UMIP },
		{ KLAB_CPU_PKU, boot_cpu_has(X86_FEATURE_PKU), state->cr4 & X86_CR4_PKE },
		{ KLAB_CPU_CET, state->cr4 & X86_CR4_CET, state->cr4 & X86_CR4_CET },
		{ KLAB_CPU_PTI, boot_cpu_has(X86_FEATURE_PTI), boot_cpu_has(X86_FEATURE_PTI) },
		{ KLAB_CPU_LA57, boot_cpu_has(X86_FEATURE_LA57), state->cr4 & X86_CR4_LA57 },
		{ KLAB_CPU_FRED, state->cr4 & KLAB_CR4_FRED, state->cr4 & KLAB_CR4_FRED },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		if (list[i].present)
			ask->present |= list[i].bit;
		if (list[i].active)
			ask->active |= list[i].bit;
	}
}

/* @text is scratch space, as a symbol may be longer than there is room for on the stack. */
static void set_door(struct klab_cpu_door *door, unsigned long address, char *text)
{
	*door = (struct klab_cpu_door) { 0 };
	if (!address)
		return;
	sprint_symbol_no_offset(text, address);
	/* Without a name it would say the address. */
	if (strncmp(text, "0x", 2))
		strscpy(door->symbol, text, sizeof(door->symbol));
	if (capable(CAP_SYSLOG))
		door->address = address;
}

static int put_gates(struct klab_cpu *ask, const struct cpu_state *state, char *text)
{
	u32 room = ask->gates.count, vector;
	int error;

	ask->gates.count = 0;
	for (vector = 0; vector < state->count; vector++) {
		const gate_desc *gate = &state->gates[vector];
		struct klab_cpu_gate record = {
			.vector = vector,
			.type = gate->bits.type,
			.present = gate->bits.p,
			.privilege = gate->bits.dpl,
			.stack = gate->bits.ist,
			.selector = gate->segment,
		};

		if (gate->bits.p)
			set_door(&record.handler, gate_offset(gate), text);
		error = klab_put_record(&ask->gates, room, &record, sizeof(record));
		if (error)
			return error;
	}
	return 0;
}

int klab_cpu(struct klab_context *context, void *arg)
{
	struct klab_cpu *ask = arg;
	struct cpu_state *state;
	char *text;
	int error;

	if (klab_check_array(&ask->gates, sizeof(struct klab_cpu_gate)))
		return -EINVAL;
	if (ask->cpu >= nr_cpu_ids || ask->level || ask->caller_level || ask->reserved)
		return -EINVAL;

	state = kzalloc(sizeof(*state), KLAB_GFP);
	text = kzalloc(KSYM_SYMBOL_LEN, KLAB_GFP);
	error = -ENOMEM;
	if (!state || !text)
		goto out;
	/* It answers ENXIO when that processor is not online. */
	error = -EINVAL;
	if (smp_call_function_single(ask->cpu, read_state, state, true))
		goto out;

	ask->present = 0;
	ask->active = 0;
	ask->level = state->code_segment & SEGMENT_RPL_MASK;
	ask->caller_level = current_pt_regs()->cs & SEGMENT_RPL_MASK;
	ask->cr0 = state->cr0;
	ask->cr4 = state->cr4;
	ask->efer = state->efer;
	set_protections(ask, state);
	set_door(&ask->syscall, state->lstar, text);
	set_door(&ask->syscall32, state->cstar, text);
	set_door(&ask->sysenter, state->sysenter, text);
	error = put_gates(ask, state, text);
out:
	kfree(text);
	kfree(state);
	return error;
}

#else /* !CONFIG_X86_64 */

bool klab_cpu_trap(unsigned long event, const struct die_args *args, struct klab_event_trap *trap)
{
	return false;
}

bool klab_cpu_trap_behind(int signal, int code, struct klab_event_trap *trap)
{
	return false;
}

bool klab_cpu_kernel_address(unsigned long address)
{
	return address >= TASK_SIZE;
}

int klab_cpu(struct klab_context *context, void *arg)
{
	return -EOPNOTSUPP;
}

#endif /* CONFIG_X86_64 */
