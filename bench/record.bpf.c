// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system calls of one thread into a BPF ring: what record.c sets beside klab's
 * recorder. It is as cheap as one can be: registers are read through BTF, which takes
 * no helper, and nobody is woken.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "record.h"

__u64 recorded;		/* a process and a thread */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 0x200000);
} ring SEC(".maps");

static __always_inline void *reserve(__u64 size, __s64 number)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct bpf_event *event;

	if (id != recorded)
		return NULL;
	event = bpf_ringbuf_reserve(&ring, size, 0);
	if (!event)
		return NULL;
	event->time = bpf_ktime_get_ns();
	event->process_thread = id;
	event->cpu = bpf_get_smp_processor_id();
	event->number = number;
	return event;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(enter, struct pt_regs *regs, long id)
{
	struct bpf_enter *enter = reserve(sizeof(*enter), id);

	if (!enter)
		return 0;
	enter->args[0] = regs->rdi;
	enter->args[1] = regs->rsi;
	enter->args[2] = regs->rdx;
	enter->args[3] = regs->r10;
	enter->args[4] = regs->r8;
	enter->args[5] = regs->r9;
	bpf_ringbuf_submit(enter, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(leave, struct pt_regs *regs, long result)
{
	struct bpf_leave *leave = reserve(sizeof(*leave), regs->orig_rax);

	if (!leave)
		return 0;
	leave->result = result;
	bpf_ringbuf_submit(leave, BPF_RB_NO_WAKEUP);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
