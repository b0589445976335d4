// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where events come from: the kernel's tracepoints, found by name, and its notifier
 * of exceptions. Each is registered while a recorder wants it, and costs nothing at
 * other times.
 *
 * A probe runs wherever the kernel does, with preemption off: in an interrupt, under
 * the run-queue lock. So it takes no lock but for the table below when threads come and
 * go, allocates nothing, and wakes nobody: it queues irq_work.
 *
 * The table of recorded threads is read under RCU and changed under table_lock. A
 * thread enters when a recording begins, or when a recorded one makes it, and leaves
 * before its task_struct can go, in its exit.
 */
#include <linux/binfmts.h>
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/kdebug.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched/coredump.h>
#include <linux/sched/signal.h>
#include <linux/tracepoint.h>
#include <linux/user_namespace.h>

#include <asm/syscall.h>

#include "compat.h"
#include "record.h"

#define TABLE_BITS	10

static struct hlist_head table[1 << TABLE_BITS];
static DEFINE_RAW_SPINLOCK(table_lock);

static struct hlist_head *bucket_of(const struct task_struct *task)
{
	return &table[hash_ptr(task, TABLE_BITS)];
}

/* The tracepoints take care of it with preemption, the notifier with an RCU lock. */
#define node_dereference(pointer)					\
	rcu_dereference_check(pointer, rcu_read_lock_any_held())

static __always_inline struct klab_thread *recording_from(struct hlist_node *node,
							  const struct task_struct *task)
{
	while (node && hlist_entry(node, struct klab_thread, node)->task != task)
		node = node_dereference(hlist_next_rcu(node));
	return hlist_entry_safe(node, struct klab_thread, node);
}

static __always_inline struct klab_thread *first_recording(const struct task_struct *task)
{
	return recording_from(node_dereference(hlist_first_rcu(bucket_of(task))), task);
}

static __always_inline struct klab_thread *next_recording(const struct klab_thread *thread,
							  const struct task_struct *task)
{
	return recording_from(node_dereference(hlist_next_rcu(&thread->node)), task);
}

/* All recordings of @task. Most tasks have none, and are asked this the most. */
#define for_each_recording(_thread, _task)				\
	for (_thread = first_recording(_task); _thread;			\
	     _thread = next_recording(_thread, _task))

/* How did the thread's last page fault end? Not yet, as long as the kernel counts no other. */
static u8 fault_end(struct klab_thread *thread)
{
	if (!thread->fault)
		return 0;
	if (current->maj_flt != thread->major) {
		thread->fault = false;
		return KLAB_EVENT_WAS_MAJOR;
	}
	if (current->min_flt != thread->minor) {
		thread->fault = false;
		return KLAB_EVENT_WAS_MINOR;
	}
	return 0;
}

/*
 * Room for an event, its header filled in, or NULL and it is counted as dropped.
 * Interrupts are off from here to log_commit(): nothing comes between.
 */
static __always_inline void *log_reserve(struct klab_thread *thread, u8 kind, size_t body)
{
	struct klab_log *log = thread->log;
	struct klab_log_ring *ring = &log->rings[raw_smp_processor_id()];
	size_t length = sizeof(struct klab_recorded) + body;
	struct klab_recorded *event;

	BUILD_BUG_ON(length > KLAB_EVENT_LENGTH_MAX || length % 8);

	WRITE_ONCE(ring->made, ring->made + 1);
	WRITE_ONCE(ring->shared->made, ring->made);
	/* What was read may be written over: pairs with the release of the reader. */
	if (ring->written + length - smp_load_acquire(&ring->shared->read) > log->bytes) {
		WRITE_ONCE(ring->dropped, ring->dropped + 1);
		WRITE_ONCE(ring->shared->dropped, ring->dropped);
		return NULL;
	}

	event = (void *)ring->bytes + (ring->written & (log->bytes - 1));
	event->time = ktime_get_mono_fast_ns();
	event->sequence = ring->made - 1;
	event->pid = thread->pid;
	event->tid = thread->tid;
	event->cpu = raw_smp_processor_id();
	event->kind = kind;
	event->flags = thread->task == current ? fault_end(thread) : 0;
	event->length = length;
	return event + 1;
}

/*
 * The event is complete. A reader who is about to sleep sets @waiting, and then looks
 * into the rings; here it is the other way round, so one of them sees the other.
 */
static __always_inline void log_commit(struct klab_thread *thread, size_t body)
{
	struct klab_log *log = thread->log;
	struct klab_log_ring *ring = &log->rings[raw_smp_processor_id()];
	u64 written = ring->written + sizeof(struct klab_recorded) + body;

	/* The bytes before the index that leads to them: pairs with the readers' acquire. */
	smp_store_release(&ring->written, written);
	smp_store_release(&ring->shared->written, written);	/* likewise */
	if (written - READ_ONCE(ring->shared->read) < log->wakeup)
		return;
	/* Pairs with the barrier in recorder.c, ready(). */
	smp_mb();
	if (READ_ONCE(log->waiting))
		irq_work_queue(&log->wake);
}

/*
 * Record one event, if it is wanted: the fields of its body follow. @_and is done to
 * it before it is complete.
 */
#define LOG_AND(_thread, _kind, _type, _and, ...) do {			\
	struct klab_thread *_who = (_thread);				\
	struct klab_event_##_type *_body;				\
	unsigned long _irq;						\
									\
	if (!(_who->log->kinds & 1 << (_kind)))				\
		break;							\
	local_irq_save(_irq);						\
	_body = log_reserve(_who, _kind, sizeof(*_body));		\
	if (_body) {							\
		*_body = (typeof(*_body)) { __VA_ARGS__ };		\
		_and;							\
		log_commit(_who, sizeof(*_body));			\
	}								\
	local_irq_restore(_irq);					\
} while (0)

#define LOG(_thread, _kind, _type, ...)					\
	LOG_AND(_thread, _kind, _type, (void)0, __VA_ARGS__)

/* Take @thread out of the table; the last one ends the recording. */
static void unlink(struct klab_thread *thread)
{
	lockdep_assert_held(&table_lock);

	hlist_del_init_rcu(&thread->node);
	if (!--thread->log->threads)
		irq_work_queue(&thread->log->wake);
}

static void give_back(struct rcu_head *rcu)
{
	struct klab_thread *thread = container_of(rcu, struct klab_thread, rcu);
	struct klab_log *log = thread->log;
	unsigned long irq;

	raw_spin_lock_irqsave(&table_lock, irq);
	thread->next_free = log->free;
	log->free = thread;
	raw_spin_unlock_irqrestore(&table_lock, irq);
}

static void remove(struct klab_thread *thread)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&table_lock, irq);
	/* Unless klab_log_stop() was first. */
	if (!hlist_unhashed(&thread->node)) {
		unlink(thread);
		/* Somebody may still be passing through it on his way down the list. */
		call_rcu(&thread->rcu, give_back);
	}
	raw_spin_unlock_irqrestore(&table_lock, irq);
}

static bool is_recorded(struct klab_log *log, struct task_struct *task)
{
	struct klab_thread *thread;

	hlist_for_each_entry(thread, bucket_of(task), node)
		if (thread->task == task && thread->log == log)
			return true;
	return false;
}

/* From now on @log has what @task does. Is it so? */
bool klab_log_add(struct klab_log *log, struct task_struct *task)
{
	pid_t pid = task_tgid_nr_ns(task, log->pid_ns), tid = task_pid_nr_ns(task, log->pid_ns);
	struct klab_thread *thread = NULL;
	unsigned long irq;
	bool is;

	raw_spin_lock_irqsave(&table_lock, irq);
	is = is_recorded(log, task);
	/* The flag is set before probe_exit() would remove it from the table again. */
	if (!is && !log->stopped && !(READ_ONCE(task->flags) & PF_EXITING)) {
		thread = log->free;
		if (!thread)
			log->missed++;
	}
	if (thread) {
		log->free = thread->next_free;
		log->threads++;
		*thread = (struct klab_thread) {
			.task = task, .log = log, .pid = pid, .tid = tid,
		};
		hlist_add_head_rcu(&thread->node, bucket_of(task));
		is = true;
	}
	raw_spin_unlock_irqrestore(&table_lock, irq);
	return is;
}

/* When this returns, no probe has the log in its hands any more. */
void klab_log_stop(struct klab_log *log)
{
	unsigned long irq;
	u32 i;

	raw_spin_lock_irqsave(&table_lock, irq);
	log->stopped = true;
	for (i = 0; i < log->pool_size; i++)
		if (!hlist_unhashed(&log->pool[i].node))
			unlink(&log->pool[i]);
	raw_spin_unlock_irqrestore(&table_lock, irq);
	tracepoint_synchronize_unregister();
	synchronize_rcu();
}

static void probe_sys_enter(void *data, struct pt_regs *regs, long id)
{
	struct klab_thread *thread;
	unsigned long args[6];

	klab_syscall_probe_begin();
	for_each_recording(thread, current) {
		syscall_get_arguments(current, regs, args);
		LOG(thread, KLAB_EVENT_ENTER, enter,
		    .number = id, .flags = in_compat_syscall() ? KLAB_EVENT_COMPAT : 0,
		    .args = { args[0], args[1], args[2], args[3], args[4], args[5] });
	}
	klab_syscall_probe_end();
}

static void probe_sys_exit(void *data, struct pt_regs *regs, long result)
{
	struct klab_thread *thread;

	klab_syscall_probe_begin();
	for_each_recording(thread, current)
		LOG(thread, KLAB_EVENT_LEAVE, leave,
		    .number = syscall_get_nr(current, regs),
		    .flags = in_compat_syscall() ? KLAB_EVENT_COMPAT : 0,
		    .result = result);
	klab_syscall_probe_end();
}

static void log_fault(unsigned long address, unsigned long ip, unsigned long error)
{
	struct klab_thread *thread;

	for_each_recording(thread, current) {
		bool told = false;

		LOG_AND(thread, KLAB_EVENT_FAULT, fault, told = true,
			.address = address, .ip = ip, .error = error);
		/* The end of one that nobody was told of would pass for another's. */
		thread->fault = told;
		thread->minor = current->min_flt;
		thread->major = current->maj_flt;
	}
}

static void probe_fault_user(void *data, unsigned long address, struct pt_regs *regs,
			     unsigned long error)
{
	log_fault(address, instruction_pointer(regs), error);
}

/* An NMI can fault on a program's stack, and it would come between a reserve and its commit. */
static void probe_fault_kernel(void *data, unsigned long address, struct pt_regs *regs,
			       unsigned long error)
{
	if (!in_nmi() && !klab_cpu_kernel_address(address))
		log_fault(address, 0, error);
}

static void log_trap(const struct klab_event_trap *trap)
{
	struct klab_thread *thread;

	for_each_recording(thread, current)
		LOG(thread, KLAB_EVENT_TRAP, trap,
		    .vector = trap->vector, .error = trap->error, .ip = trap->ip);
}

static int notify_trap(struct notifier_block *block, unsigned long event, void *args)
{
	struct klab_event_trap trap;

	if (klab_cpu_trap(event, args, &trap))
		log_trap(&trap);
	return NOTIFY_DONE;
}

/* Before the others, of whom some swallow what is meant for them. */
static struct notifier_block trap_notifier = {
	.notifier_call	= notify_trap,
	.priority	= INT_MAX,
};

/* Some signals come with a mark in place of what belongs to them. */
static int code_of(struct kernel_siginfo *info, int without)
{
	if (info == SEND_SIG_NOINFO)
		return without;
	return info == SEND_SIG_PRIV ? SI_KERNEL : info->si_code;
}

/* Sent by a task, this one, rather than by the kernel of its own accord. */
static bool sent_by_current(int signal, int code)
{
	return in_task() && (code == SI_USER || code == SI_QUEUE || code == SI_TKILL ||
			     (signal == SIGCHLD && code > 0));
}

static void probe_signal_generate(void *data, int signal, struct kernel_siginfo *info,
				  struct task_struct *task, int group, int result)
{
	int code = code_of(info, SI_USER);
	bool sent = sent_by_current(signal, code);
	struct klab_event_trap trap;
	struct klab_thread *thread;

	if (task == current && klab_cpu_trap_behind(signal, code, &trap))
		log_trap(&trap);
	for_each_recording(thread, task)
		LOG(thread, KLAB_EVENT_SIGNAL, signal,
		    .signal = signal, .code = code,
		    .pid = sent ? task_tgid_nr_ns(current, thread->log->pid_ns) : 0,
		    .tid = sent ? task_pid_nr_ns(current, thread->log->pid_ns) : 0,
		    .outcome = result, .flags = group ? KLAB_EVENT_GROUP : 0);
}

static void probe_signal_deliver(void *data, int signal, struct kernel_siginfo *info,
				 struct k_sigaction *action)
{
	struct klab_thread *thread;

	for_each_recording(thread, current)
		LOG(thread, KLAB_EVENT_DELIVER, deliver,
		    .signal = signal, .code = code_of(info, SI_KERNEL),
		    .handler = (unsigned long)action->sa.sa_handler);
}

static void probe_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	bool same = child->tgid == parent->tgid;
	struct klab_thread *thread;

	for_each_recording(thread, parent) {
		struct klab_log *log = thread->log;
		bool follow = log->flags & (same ? KLAB_RECORD_THREADS : KLAB_RECORD_CHILDREN);

		follow = follow && klab_log_add(log, child);
		LOG(thread, KLAB_EVENT_FORK, fork,
		    .pid = task_tgid_nr_ns(child, log->pid_ns),
		    .tid = task_pid_nr_ns(child, log->pid_ns),
		    .flags = (same ? KLAB_EVENT_THREAD : 0) |
			     (follow ? KLAB_EVENT_RECORDED : 0));
	}
}

/* Has whoever made the recorder CAP_SYS_PTRACE in @ns: in its own, or as an owner? */
static bool has_power(const struct klab_log *log, struct user_namespace *ns)
{
	const struct cred *maker = log->maker;

	for (; ns; ns = ns->parent) {
		if (ns == maker->user_ns)
			return log->powerful;
		if (ns->parent == maker->user_ns && uid_eq(ns->owner, maker->euid))
			return true;
	}
	return false;
}

/*
 * Might he still look at @task, which is current and has just run a new program? The
 * rule is ptrace's, part by part: ids, dumpability, capabilities.
 */
static bool may_go_on(const struct klab_log *log, struct task_struct *task)
{
	const struct cred *cred = current_cred(), *maker = log->maker;

	if (!has_power(log, task->mm->user_ns) && get_dumpable(task->mm) != SUID_DUMP_USER)
		return false;
	if (has_power(log, cred->user_ns))
		return true;
	return uid_eq(cred->uid, maker->uid) && uid_eq(cred->euid, maker->uid) &&
	       uid_eq(cred->suid, maker->uid) && gid_eq(cred->gid, maker->gid) &&
	       gid_eq(cred->egid, maker->gid) && gid_eq(cred->sgid, maker->gid) &&
	       cred->user_ns == maker->user_ns &&
	       cap_issubset(cred->cap_permitted, maker->cap_permitted);
}

static void probe_exec(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	struct klab_thread *thread;

	for_each_recording(thread, task) {
		bool may = may_go_on(thread->log, task);
		pid_t old_tid = thread->tid;

		/* A thread that execs becomes the main one, and its id that of the process. */
		thread->tid = thread->pid;
		LOG_AND(thread, KLAB_EVENT_EXEC, exec,
			strscpy(_body->path, bprm->filename, sizeof(_body->path)),
			.old_tid = old_tid, .flags = may ? 0 : KLAB_EVENT_PRIVILEGED);
		if (!may)
			remove(thread);
	}
}

static void probe_exit(void *data, struct task_struct *task)
{
	struct klab_thread *thread;

	for_each_recording(thread, task) {
		LOG(thread, KLAB_EVENT_EXIT, exit,
		    .status = task->exit_code, .minor = task->min_flt,
		    .major = task->maj_flt, .runtime = task->se.sum_exec_runtime);
		remove(thread);
	}
}

static u32 switch_reason(bool preempt, unsigned int state)
{
	if (preempt || !state)
		return KLAB_SWITCH_PREEMPTED;
	if (state & (TASK_STOPPED | TASK_TRACED) & ~TASK_WAKEKILL)
		return KLAB_SWITCH_STOPPED;
	if (state & TASK_INTERRUPTIBLE)
		return KLAB_SWITCH_SLEEPS;
	return state & TASK_UNINTERRUPTIBLE ? KLAB_SWITCH_WAITS : KLAB_SWITCH_OTHER;
}

static void probe_switch(void *data, bool preempt, struct task_struct *prev,
			 struct task_struct *next, unsigned int state)
{
	struct klab_thread *thread;

	for_each_recording(thread, prev)
		LOG(thread, KLAB_EVENT_OUT, switch,
		    .reason = switch_reason(preempt, state));
	for_each_recording(thread, next)
		LOG(thread, KLAB_EVENT_IN, switch, .reason = 0);
}

/* A source of events. One that this kernel has not, takes its kinds with it. */
struct source {
	const char *name;		/* of the tracepoint; NULL: the die notifier */
	void *probe;
	u32 kinds;			/* that need it */
	struct tracepoint *tracepoint;
	unsigned int users;		/* under sources_lock */
};

static DEFINE_MUTEX(sources_lock);

/* Threads come and go whatever is recorded of them. */
#define ANY_KIND	(~0U)

static struct source sources[] = {
	{ "sched_process_exit", probe_exit, ANY_KIND },
	{ "sched_process_exec", probe_exec, ANY_KIND },
	{ "sched_process_fork", probe_fork, ANY_KIND },
	{ "sys_enter", probe_sys_enter, 1 << KLAB_EVENT_ENTER },
	{ "sys_exit", probe_sys_exit, 1 << KLAB_EVENT_LEAVE },
	{ "page_fault_user", probe_fault_user, 1 << KLAB_EVENT_FAULT },
	{ "page_fault_kernel", probe_fault_kernel, 1 << KLAB_EVENT_FAULT },
	{ NULL, NULL, 1 << KLAB_EVENT_TRAP },
	{ "signal_generate", probe_signal_generate,
	  1 << KLAB_EVENT_SIGNAL | 1 << KLAB_EVENT_TRAP },
	{ "signal_deliver", probe_signal_deliver, 1 << KLAB_EVENT_DELIVER },
	{ "sched_switch", probe_switch, KLAB_RECORD_SWITCHES },
};

static void find_source(struct tracepoint *tracepoint, void *data)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sources); i++)
		if (sources[i].name && !strcmp(sources[i].name, tracepoint->name))
			sources[i].tracepoint = tracepoint;
}

/* Those of the kernel itself, not of modules: they stay. */
void klab_probes_find(void)
{
	for_each_kernel_tracepoint(find_source, NULL);
}

u32 klab_probes_kinds(void)
{
	u32 kinds = IS_ENABLED(CONFIG_X86_64) ? KLAB_RECORD_ALL :
						KLAB_RECORD_ALL & ~KLAB_RECORD_TRAPS;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sources); i++)
		if (sources[i].name && !sources[i].tracepoint)
			kinds &= ~sources[i].kinds;
	return kinds;
}

static int attach(struct source *source)
{
	if (!source->name)
		return register_die_notifier(&trap_notifier);
	return tracepoint_probe_register(source->tracepoint, source->probe, NULL);
}

static void detach(struct source *source)
{
	if (!source->name)
		unregister_die_notifier(&trap_notifier);
	else
		tracepoint_probe_unregister(source->tracepoint, source->probe, NULL);
}

/* Give back the first @count sources of @kinds. */
static void put_sources(u32 kinds, size_t count)
{
	lockdep_assert_held(&sources_lock);

	while (count--)
		if (sources[count].kinds & kinds && !--sources[count].users)
			detach(&sources[count]);
}

int klab_probes_get(u32 kinds)
{
	int error = 0;
	size_t i;

	mutex_lock(&sources_lock);
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!(sources[i].kinds & kinds))
			continue;
		if (!sources[i].users)
			error = attach(&sources[i]);
		if (error)
			break;
		sources[i].users++;
	}
	if (error)
		put_sources(kinds, i);
	mutex_unlock(&sources_lock);
	return error;
}

/* When this returns, none of those that nobody uses any more is running. */
void klab_probes_put(u32 kinds)
{
	mutex_lock(&sources_lock);
	put_sources(kinds, ARRAY_SIZE(sources));
	mutex_unlock(&sources_lock);
	tracepoint_synchronize_unregister();
}
