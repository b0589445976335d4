// SPDX-License-Identifier: GPL-2.0-only
/*
 * Task handles: a descriptor that stands for one process or thread, who that is, and
 * what two of them share.
 *
 * A handle keeps the struct pid, which follows a process through exec and is never
 * used twice. Whether it still may be looked at is asked anew by every call, with
 * exec held off meanwhile: see may_look().
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/ptrace.h>
#include <linux/sched/coredump.h>
#include <linux/sched/cputime.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "compat.h"
#include "klab.h"

/* Set when the handle is made, and never changed. */
struct klab_task {
	struct pid *pid;
	const struct cred *then;	/* of the task, when the handle was made */
};

/* Is it as whom it was when the handle was made, or less? */
static bool no_more_than(const struct cred *now, const struct cred *then)
{
	return now == then ||
	       (uid_eq(now->uid, then->uid) && uid_eq(now->euid, then->euid) &&
		uid_eq(now->suid, then->suid) && gid_eq(now->gid, then->gid) &&
		gid_eq(now->egid, then->egid) && gid_eq(now->sgid, then->sgid) &&
		now->user_ns == then->user_ns &&
		cap_issubset(now->cap_permitted, then->cap_permitted));
}

static bool dumpable(struct mm_struct *mm)
{
	return !mm || get_dumpable(mm) == SUID_DUMP_USER;
}

/* Without an address space it is the kernel's own, or it has exited. */
static struct user_namespace *owner(struct mm_struct *mm)
{
	return mm ? mm->user_ns : &init_user_ns;
}

/* Its tracer may look where PTRACE_PEEKDATA would. */
static bool is_tracer(struct task_struct *task)
{
	struct task_struct *tracer;
	bool is;

	rcu_read_lock();
	tracer = ptrace_parent(task);
	is = tracer && same_thread_group(tracer, current);
	rcu_read_unlock();
	return is;
}

static bool may_open(struct task_struct *task, struct mm_struct *mm)
{
	return same_thread_group(task, current) || (is_tracer(task) && dumpable(mm)) ||
	       ns_capable(owner(mm), CAP_SYS_PTRACE);
}

/*
 * Whoever holds the handle may look as whoever made it might. By now that may be a
 * set-uid program, or one that is not dumpable: those only a maker with
 * CAP_SYS_PTRACE gave away, or they look at themselves.
 */
static bool may_look(struct klab_context *context, struct task_struct *task,
		     struct mm_struct *mm)
{
	bool may;

	if (same_thread_group(task, current))
		return true;
	rcu_read_lock();
	may = dumpable(mm) && no_more_than(__task_cred(task), context->task->then);
	rcu_read_unlock();
	return may || file_ns_capable(context->file, owner(mm), CAP_SYS_PTRACE);
}

/* The address space of @task, or NULL; until end_view() it does not exec. */
static int begin_view(struct task_struct *task, struct mm_struct **mm)
{
	int error = down_read_killable(&task->signal->exec_update_lock);

	if (!error)
		*mm = get_task_mm(task);
	return error;
}

static void end_view(struct task_struct *task)
{
	up_read(&task->signal->exec_update_lock);
}

static void put_mm(struct mm_struct *mm)
{
	if (mm)
		mmput(mm);
}

/* The task with a reference, and in @mm its address space with one, or NULL. */
static struct task_struct *look(struct klab_context *context, struct mm_struct **mm)
{
	struct task_struct *task = get_pid_task(context->task->pid, PIDTYPE_PID);
	int error;

	if (!task)
		return ERR_PTR(-ESRCH);
	error = begin_view(task, mm);
	if (!error) {
		error = may_look(context, task, *mm) ? 0 : -ESRCH;
		end_view(task);
		if (error)
			put_mm(*mm);
	}
	if (!error)
		return task;
	put_task_struct(task);
	return ERR_PTR(error);
}

struct task_struct *klab_task_get(struct klab_context *context)
{
	struct mm_struct *mm;
	struct task_struct *task = look(context, &mm);

	if (!IS_ERR(task))
		put_mm(mm);
	return task;
}

struct mm_struct *klab_task_mm(struct klab_context *context)
{
	struct mm_struct *mm;
	struct task_struct *task = look(context, &mm);

	if (IS_ERR(task))
		return ERR_CAST(task);
	put_task_struct(task);
	return mm ?: ERR_PTR(-ESRCH);
}

static void klab_task_free(struct klab_task *task)
{
	put_pid(task->pid);
	put_cred(task->then);
	kfree(task);
}

static int klab_task_release(struct inode *inode, struct file *file)
{
	struct klab_context *context = file->private_data;

	klab_task_free(context->task);
	kfree(context);
	return 0;
}

static void klab_task_show_fdinfo(struct seq_file *out, struct file *file)
{
	struct klab_context *context = file->private_data;
	struct task_struct *task = klab_task_get(context);

	seq_printf(out, "task:\t%d\n",
		   pid_nr_ns(context->task->pid, task_active_pid_ns(current)));
	seq_printf(out, "task_answers:\t%d\n", !IS_ERR(task));
	if (!IS_ERR(task))
		put_task_struct(task);
}

static const struct file_operations klab_task_fops = {
	.owner		= THIS_MODULE,
	.release	= klab_task_release,
	.unlocked_ioctl	= klab_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= klab_task_show_fdinfo,
};

static struct klab_task *klab_task_new(s32 nr)
{
	struct klab_task *made = kzalloc(sizeof(*made), KLAB_GFP);
	struct task_struct *task = NULL;
	struct mm_struct *mm;
	int error = -ESRCH;

	if (!made)
		return ERR_PTR(-ENOMEM);
	made->pid = nr ? find_get_pid(nr) : get_pid(task_tgid(current));
	if (made->pid)
		task = get_pid_task(made->pid, PIDTYPE_PID);
	if (task) {
		error = begin_view(task, &mm);
		if (!error) {
			error = may_open(task, mm) ? 0 : -EPERM;
			made->then = get_task_cred(task);
			end_view(task);
			put_mm(mm);
		}
		put_task_struct(task);
	}
	if (!error)
		return made;
	klab_task_free(made);
	return ERR_PTR(error);
}

int klab_task_open(struct klab_context *context, void *arg)
{
	struct klab_task_open *ask = arg;
	struct klab_context *made;
	struct klab_task *task;
	int fd = -ENOMEM;

	if (ask->pid < 0 || ask->flags)
		return -EINVAL;
	task = klab_task_new(ask->pid);
	if (IS_ERR(task))
		return PTR_ERR(task);
	made = klab_context_new(KLAB_ON_TASK);
	if (made) {
		made->task = task;
		fd = klab_context_install(made, "[klab-task]", &klab_task_fops, O_RDWR, NULL);
	}
	if (fd < 0) {
		kfree(made);
		klab_task_free(task);
	}
	return fd;
}

static const struct {
	u32 flag;
	u32 kernel;
} task_flags[] = {
	{ KLAB_TASK_EXITING, PF_EXITING },
	{ KLAB_TASK_FORKED_NO_EXEC, PF_FORKNOEXEC },
	{ KLAB_TASK_USED_PRIVILEGE, PF_SUPERPRIV },
	{ KLAB_TASK_DUMPED_CORE, PF_DUMPCORE },
	{ KLAB_TASK_KILLED, PF_SIGNALED },
	{ KLAB_TASK_KERNEL, PF_KTHREAD },
	{ KLAB_TASK_RANDOMIZED, PF_RANDOMIZE },
	{ KLAB_TASK_FREES_MEMORY, PF_MEMALLOC },
};

static u32 flags_of(struct task_struct *task, struct mm_struct *mm)
{
	u32 flags = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(task_flags); i++)
		if (READ_ONCE(task->flags) & task_flags[i].kernel)
			flags |= task_flags[i].flag;
	if (task_no_new_privs(task))
		flags |= KLAB_TASK_NO_NEW_PRIVS;
	if (mm && dumpable(mm))
		flags |= KLAB_TASK_DUMPABLE;
	if (mm)
		flags |= KLAB_TASK_MEMORY;
	return flags;
}

/* The task goes on counting while it is looked at, on its own processor and without a lock. */
static void add_usage(struct klab_task_usage *usage, struct task_struct *task)
{
	u64 user, system;

	task_cputime_adjusted(task, &user, &system);
	usage->user_ns += user;
	usage->system_ns += system;
	usage->minor_faults += READ_ONCE(task->min_flt);
	usage->major_faults += READ_ONCE(task->maj_flt);
	usage->voluntary_switches += READ_ONCE(task->nvcsw);
	usage->involuntary_switches += READ_ONCE(task->nivcsw);
}

static u64 signal_set(const sigset_t *set)
{
	u64 signals = 0;
	int i;

	for (i = _NSIG_WORDS - 1; i >= 0; i--)
		signals = (_NSIG_BPW < 64 ? signals << (_NSIG_BPW % 64) : 0) | set->sig[i];
	return signals;
}

/*
 * What the lock of the signal handlers guards. A task that has gone has none of them
 * any more, and then nothing is added.
 */
static void who_signals(struct task_struct *task, struct klab_task_who *who)
{
	struct sighand_struct *handlers;
	struct signal_struct *all = task->signal;
	struct task_struct *thread;
	unsigned long irq;
	int i;

	rcu_read_lock();
	handlers = rcu_dereference(task->sighand);
	if (!handlers)
		goto gone;
	spin_lock_irqsave(&handlers->siglock, irq);
	/* exec and exit change it, with the lock held. */
	if (handlers == rcu_access_pointer(task->sighand)) {
		who->pending = signal_set(&task->pending.signal);
		who->pending_process = signal_set(&all->shared_pending.signal);
		who->blocked = signal_set(&task->blocked);
		for (i = 0; i < _NSIG; i++) {
			__sighandler_t handler = handlers->action[i].sa.sa_handler;

			if (handler == SIG_IGN)
				who->ignored |= 1ULL << i;
			else if (handler != SIG_DFL)
				who->caught |= 1ULL << i;
		}
		who->process.user_ns = all->utime;
		who->process.system_ns = all->stime;
		who->process.minor_faults = all->min_flt;
		who->process.major_faults = all->maj_flt;
		who->process.voluntary_switches = all->nvcsw;
		who->process.involuntary_switches = all->nivcsw;
		for_each_thread(task, thread)
			add_usage(&who->process, thread);
		who->threads = get_nr_threads(task);
	}
	spin_unlock_irqrestore(&handlers->siglock, irq);
gone:
	rcu_read_unlock();
}

/* Ids as the caller's namespaces know them; 0 where they know none. */
static void who_ids(struct task_struct *task, struct klab_task_who *who)
{
	struct pid_namespace *pids = task_active_pid_ns(current);
	struct user_namespace *users = current_user_ns();
	const struct cred *cred = get_task_cred(task);
	struct task_struct *tracer;

	who->uid = from_kuid_munged(users, cred->uid);
	who->euid = from_kuid_munged(users, cred->euid);
	who->suid = from_kuid_munged(users, cred->suid);
	who->gid = from_kgid_munged(users, cred->gid);
	who->egid = from_kgid_munged(users, cred->egid);
	who->sgid = from_kgid_munged(users, cred->sgid);
	put_cred(cred);

	who->pid = task_tgid_nr_ns(task, pids);
	who->tid = task_pid_nr_ns(task, pids);
	who->group = task_pgrp_nr_ns(task, pids);
	who->session = task_session_nr_ns(task, pids);
	rcu_read_lock();
	if (pid_alive(task)) {
		who->parent = task_tgid_nr_ns(rcu_dereference(task->real_parent), pids);
		tracer = ptrace_parent(task);
		who->tracer = tracer ? task_pid_nr_ns(tracer, pids) : 0;
	}
	rcu_read_unlock();
}

int klab_task_who(struct klab_context *context, void *arg)
{
	struct klab_task_who *who = arg;
	struct mm_struct *mm;
	struct task_struct *task = look(context, &mm);

	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_comm(who->comm, task);
	who->state = task_state_to_char(task);
	who->flags = flags_of(task, mm);
	who->policy = READ_ONCE(task->policy);
	who->nice = task_nice(task);
	who->realtime_priority = READ_ONCE(task->rt_priority);
	who->started_ns = task->start_time;
	add_usage(&who->thread, task);
	who_ids(task, who);
	who_signals(task, who);
	put_mm(mm);
	put_task_struct(task);
	return 0;
}

/* One thing that two tasks have, NULL where one has none. */
static void compare(struct klab_task_compare *ask, u64 what, const void *one, const void *other)
{
	if (!one && !other)
		return;
	*(one == other ? &ask->same : &ask->different) |= what;
}

/*
 * What a task holds on to, copied under its lock. The pointers are only ever compared:
 * what they lead to may be gone by then.
 */
struct held {
	const void *files, *fs, *io;
	struct nsproxy spaces;
};

static void get_held(struct task_struct *task, struct held *held)
{
	task_lock(task);
	held->files = task->files;
	held->fs = task->fs;
	held->io = task->io_context;
	if (task->nsproxy)
		held->spaces = *task->nsproxy;
	else
		memset(&held->spaces, 0, sizeof(held->spaces));
	task_unlock(task);
}

static void compare_held(struct klab_task_compare *ask, const struct held *one,
			 const struct held *other)
{
	compare(ask, KLAB_SAME_FILES, one->files, other->files);
	compare(ask, KLAB_SAME_FS, one->fs, other->fs);
	compare(ask, KLAB_SAME_IO, one->io, other->io);
	compare(ask, KLAB_SAME_UTS_NS, one->spaces.uts_ns, other->spaces.uts_ns);
	compare(ask, KLAB_SAME_IPC_NS, one->spaces.ipc_ns, other->spaces.ipc_ns);
	compare(ask, KLAB_SAME_MOUNT_NS, one->spaces.mnt_ns, other->spaces.mnt_ns);
	compare(ask, KLAB_SAME_CHILD_PID_NS, one->spaces.pid_ns_for_children,
		other->spaces.pid_ns_for_children);
	compare(ask, KLAB_SAME_NET_NS, one->spaces.net_ns, other->spaces.net_ns);
	compare(ask, KLAB_SAME_CGROUP_NS, one->spaces.cgroup_ns, other->spaces.cgroup_ns);
	compare(ask, KLAB_SAME_TIME_NS, one->spaces.time_ns, other->spaces.time_ns);
}

static void compare_rest(struct klab_task_compare *ask, struct task_struct *one,
			 struct task_struct *other)
{
	compare(ask, KLAB_SAME_PROCESS, one->signal, other->signal);
	rcu_read_lock();
	compare(ask, KLAB_SAME_HANDLERS, rcu_access_pointer(one->sighand),
		rcu_access_pointer(other->sighand));
	compare(ask, KLAB_SAME_CREDENTIALS, __task_cred(one), __task_cred(other));
	compare(ask, KLAB_SAME_USER_NS, __task_cred(one)->user_ns, __task_cred(other)->user_ns);
	compare(ask, KLAB_SAME_PID_NS, task_active_pid_ns(one), task_active_pid_ns(other));
	rcu_read_unlock();
#ifdef CONFIG_SYSVIPC
	compare(ask, KLAB_SAME_UNDO, READ_ONCE(one->sysvsem.undo_list),
		READ_ONCE(other->sysvsem.undo_list));
#endif
}

/* The context of the caller's descriptor @fd, which @file keeps until it is put. */
static struct klab_context *other_context(int fd, struct file **file)
{
	*file = fget(fd);
	if (!*file)
		return ERR_PTR(-EBADF);
	if ((*file)->f_op == &klab_task_fops)
		return (*file)->private_data;
	fput(*file);
	return ERR_PTR(-EINVAL);
}

int klab_task_compare(struct klab_context *context, void *arg)
{
	struct klab_task_compare *ask = arg;
	struct mm_struct *mm, *other_mm;
	struct task_struct *task, *other;
	struct held held, other_held;
	struct klab_context *with;
	struct file *file;

	if (ask->flags)
		return -EINVAL;
	with = other_context(ask->other, &file);
	if (IS_ERR(with))
		return PTR_ERR(with);
	other = look(with, &other_mm);
	fput(file);
	if (IS_ERR(other))
		return PTR_ERR(other);
	task = look(context, &mm);
	if (!IS_ERR(task)) {
		ask->same = 0;
		ask->different = 0;
		compare(ask, KLAB_SAME_MEMORY, mm, other_mm);
		get_held(task, &held);
		get_held(other, &other_held);
		compare_held(ask, &held, &other_held);
		compare_rest(ask, task, other);
		put_mm(mm);
		put_task_struct(task);
	}
	put_mm(other_mm);
	put_task_struct(other);
	return PTR_ERR_OR_ZERO(task);
}

int klab_task_walk(struct klab_context *context, void *arg)
{
	struct klab_task_walk *ask = arg;
	struct mm_struct *mm;
	int error;

	if (ask->flags & ~KLAB_FRAMES)
		return -EINVAL;
	if (!klab_frames_permitted(ask->flags))
		return -EPERM;
	mm = klab_task_mm(context);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	ask->levels = 0;
	memset(ask->entries, 0, sizeof(ask->entries));
	error = klab_tables_walk(ask, mm);
	mmput(mm);
	return error;
}
