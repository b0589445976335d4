// SPDX-License-Identifier: GPL-2.0-only
/* klab cpu: the doors of a processor into the kernel, and what stands between the sides. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define GATES	256

static const struct {
	__u64 bit;
	const char *name;
	const char *meaning;
} protections[] = {
	{ KLAB_CPU_WP, "WP", "the kernel keeps to read-only pages too" },
	{ KLAB_CPU_NX, "NX", "pages that hold no code" },
	{ KLAB_CPU_SMEP, "SMEP", "the kernel runs no code of a program's pages" },
	{ KLAB_CPU_SMAP, "SMAP", "nor touches them by mistake" },
	{ KLAB_CPU_UMIP, "UMIP", "programs cannot read where the tables are" },
	{ KLAB_CPU_PKU, "PKU", "protection keys for a program's pages" },
	{ KLAB_CPU_CET, "CET", "shadow stacks, branch targets" },
	{ KLAB_CPU_PTI, "PTI", "programs run without the kernel's page tables" },
	{ KLAB_CPU_LA57, "LA57", "five levels of page tables" },
	{ KLAB_CPU_FRED, "FRED", "events do not go by the table below" },
};

static struct text door_text(const struct klab_cpu_door *door)
{
	struct text text = { "nowhere" };

	if (door->address)
		snprintf(text.s, sizeof(text.s), "%.40s 0x%llx", door->symbol, door->address);
	else if (*door->symbol)
		snprintf(text.s, sizeof(text.s), "%.55s", door->symbol);
	return text;
}

static const char *type_name(__u8 type)
{
	return type == KLAB_GATE_INTERRUPT ? "interrupt" : type == KLAB_GATE_TRAP ? "trap" :
	       type == KLAB_GATE_TASK ? "task" : "unknown";
}

static const char *gate_name(const struct klab_cpu_gate *gate)
{
	if (gate->vector < 32)
		return trap_name(gate->vector);
	return gate->vector == 0x80 ? "32-bit system call" : "interrupt";
}

/* Most lead to one place, or to stubs in a row there: one line, with the first address. */
static bool alike(const struct klab_cpu_gate *a, const struct klab_cpu_gate *b)
{
	return a->vector >= 32 && a->type == b->type && a->present == b->present &&
	       a->privilege == b->privilege && a->stack == b->stack &&
	       !strcmp(a->handler.symbol, b->handler.symbol);
}

static void print_gates(const struct call *call, const struct klab_cpu_gate *gates, __u32 count)
{
	__u32 first, last;

	more(call, "\nvector   name                    gate       from   stack  handler\n");
	for (first = 0; first < count; first = last + 1) {
		const struct klab_cpu_gate *gate = &gates[first];
		char range[16];

		for (last = first; last + 1 < count && alike(gate, &gates[last + 1]); last++)
			;
		snprintf(range, sizeof(range), first == last ? "%u" : "%u-%u", first, last);
		if (!gate->present) {
			more(call, "%-8s %s\n", range, painted(call, ABSENT, "absent").s);
			continue;
		}
		more(call, "%-8s %-23s %-9s  ring %u  %-5s  %s\n", range, gate_name(gate),
		     type_name(gate->type), gate->privilege,
		     gate->stack ? (const char[]){ '0' + gate->stack, 0 } : "-",
		     door_text(&gate->handler).s);
	}
}

static void json_door(json_object *top, const char *key, const struct klab_cpu_door *door)
{
	json_object *object = json_object_new_object();

	json_string(object, "symbol", *door->symbol ? door->symbol : NULL);
	json_number(object, "address", door->address);
	json_object_object_add(top, key, object);
}

static void add_gates(json_object *top, const struct klab_cpu_gate *gates, __u32 count)
{
	json_object *array = json_object_new_array();
	__u32 i;

	for (i = 0; i < count; i++) {
		json_object *object = json_object_new_object();

		json_number(object, "vector", gates[i].vector);
		json_string(object, "name", gate_name(&gates[i]));
		json_flag(object, "present", gates[i].present);
		json_string(object, "type", type_name(gates[i].type));
		json_number(object, "privilege", gates[i].privilege);
		json_number(object, "stack", gates[i].stack);
		json_number(object, "selector", gates[i].selector);
		json_door(object, "handler", &gates[i].handler);
		json_object_array_add(array, object);
	}
	json_object_object_add(top, "gates", array);
}

static void add_protections(const struct call *call, json_object *top, const struct klab_cpu *cpu)
{
	json_object *object = json_object_new_object();
	size_t i;

	for (i = 0; i < sizeof(protections) / sizeof(*protections); i++) {
		bool active = cpu->active & protections[i].bit;
		bool present = cpu->present & protections[i].bit;
		char state[24];

		snprintf(state, sizeof(state), "%-4s %-6s", protections[i].name,
			 active ? "on" : present ? "off" : "absent");
		row(call, KERNEL_SIDE, i ? "" : "between", "%s  %s",
		    painted(call, active ? STRONG : ABSENT, state).s, protections[i].meaning);
		json_string(object, protections[i].name,
			    active ? "on" : present ? "off" : "absent");
	}
	json_object_object_add(top, "protections", object);
}

int cpu_run(struct call *call)
{
	struct klab_cpu_gate *gates = zeroed(call, GATES, sizeof(*gates));
	struct klab_cpu cpu = {
		.cpu = number_option(call, OPT_CPU, 0, UINT32_MAX, 0),
		.gates = { (__u64)(uintptr_t)gates, GATES, sizeof(*gates) },
	};
	json_object *top;

	device_open(call, 0);
	if (klab_cpu(call->fd, &cpu) < 0)
		refuse(call, errno);
	top = json_start(call);
	row(call, KERNEL_SIDE, "processor", "%u", cpu.cpu);
	row(call, KERNEL_SIDE, "level",
	    "%u in the kernel, where this was read; %u in klab, which asked", cpu.level,
	    cpu.caller_level);
	row(call, KERNEL_SIDE, "doors", "SYSCALL  %s", door_text(&cpu.syscall).s);
	row(call, KERNEL_SIDE, "", "         %s, from a 32-bit program",
	    door_text(&cpu.syscall32).s);
	row(call, KERNEL_SIDE, "", "SYSENTER %s", door_text(&cpu.sysenter).s);
	row(call, KERNEL_SIDE, "registers", "CR0 0x%llx   CR4 0x%llx   EFER 0x%llx", cpu.cr0,
	    cpu.cr4, cpu.efer);
	json_number(top, "cpu", cpu.cpu);
	json_number(top, "level", cpu.level);
	json_number(top, "caller_level", cpu.caller_level);
	json_number(top, "cr0", cpu.cr0);
	json_number(top, "cr4", cpu.cr4);
	json_number(top, "efer", cpu.efer);
	json_door(top, "syscall", &cpu.syscall);
	json_door(top, "syscall32", &cpu.syscall32);
	json_door(top, "sysenter", &cpu.sysenter);
	add_protections(call, top, &cpu);
	if (cpu.gates.count > GATES)
		cpu.gates.count = GATES;
	print_gates(call, gates, cpu.gates.count);
	add_gates(top, gates, cpu.gates.count);
	json_finish(call, top);
	free(gates);
	return DONE;
}
