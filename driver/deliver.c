// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways to tell userland that something happened: error codes, signals, eventfds,
 * a sysfs attribute.
 *
 * Sent by the caller, a signal is what kill(2) from there would be. Sent later it is
 * a thread of the kernel that does it, and three things that the kernel asks its
 * current task for have another answer, which would be a power gained:
 *
 *  - whose credentials count. They are those of who asked, kept since then.
 *  - whether it is the sender's own process, which may always be signalled, or one
 *    of its session, for SIGCONT. The first is decided here. The second is given
 *    up: signal 0, which knows no such rule, is asked for first. (Threads of the
 *    kernel are in a session with the first processes of a boot.)
 *  - whether the sender is outside the receiver's pid namespace, and so may kill or
 *    stop its process 1. Here that is decided by where the asker is.
 */
#include <linux/cred.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>

#include "compat.h"
#include "klab.h"

/*
 * As sigqueue(3) from @sender would send it, to the one thread that @task is. The
 * permission was asked for: send_sig_info() does not ask.
 */
static int queue_signal(struct task_struct *task, struct pid *sender, int signal, u64 value)
{
	struct kernel_siginfo info;

	clear_siginfo(&info);
	info.si_signo = signal;
	info.si_code = SI_QUEUE;
	info.si_uid = from_kuid_munged(current_user_ns(), current_uid());
	info.si_value.sival_ptr = u64_to_user_ptr(value);
	rcu_read_lock();
	info.si_pid = pid_nr_ns(sender, task_active_pid_ns(task));
	rcu_read_unlock();

	/* A thread that has exited may keep its pid for long, but takes no signal. */
	if (READ_ONCE(task->exit_state))
		return -ESRCH;
	return send_sig_info(signal, &info, task);
}

static int queue_by_caller(struct pid *pid, int signal, u64 value)
{
	struct task_struct *task;
	/* Signal 0 only asks for the permission. */
	int error = kill_pid(pid, 0, 0);

	if (error || !signal)
		return error;
	task = get_pid_task(pid, PIDTYPE_PID);
	if (!task)
		return -ESRCH;
	error = queue_signal(task, task_tgid(current), signal, value);
	put_task_struct(task);
	return error;
}

int klab_signal_send(struct klab_context *context, void *arg)
{
	struct klab_signal_send *send = arg;
	bool with_value = send->flags & KLAB_SIGNAL_VALUE;
	struct pid *pid;
	int error;

	if (send->pid <= 0 || !valid_signal(send->signal))
		return -EINVAL;
	if (send->flags & ~KLAB_SIGNAL_VALUE || send->reserved)
		return -EINVAL;
	if (send->value && !with_value)
		return -EINVAL;

	pid = find_get_pid(send->pid);
	if (!pid)
		return -ESRCH;

	send->sent_ns = ktime_get_ns();
	/*
	 * The last argument of kill_pid() is 0, "not from the kernel": only then
	 * does it ask whether the caller may do this.
	 */
	error = with_value ? queue_by_caller(pid, send->signal, send->value) :
			     kill_pid(pid, send->signal, 0);
	put_pid(pid);
	return error;
}

int klab_eventfd_fire(struct klab_context *context, void *arg)
{
	struct klab_eventfd_fire *fire = arg;
	struct eventfd_ctx *eventfd;
	unsigned int i;

	if (fire->flags || fire->reserved)
		return -EINVAL;
	if (!fire->count || fire->count > KLAB_FIRE_MAX)
		return -EINVAL;
	if (!IS_ENABLED(CONFIG_EVENTFD))
		return -EOPNOTSUPP;

	eventfd = eventfd_ctx_fdget(fire->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);

	fire->first_ns = ktime_get_ns();
	for (i = 0; i < fire->count; i++) {
		klab_eventfd_signal(eventfd);
		cond_resched();
	}
	fire->last_ns = ktime_get_ns();

	eventfd_ctx_put(eventfd);
	return 0;
}

/*
 * To be returned where the caller chose how to fail. What goes on as another call,
 * restart_syscall(2), has to know whether that is one of a 32-bit program.
 */
int klab_fail(u32 error)
{
	struct restart_block *block = &current->restart_block;

	if (error == ERESTART_RESTARTBLOCK)
		arch_set_restart_data(block);
	return -(int)error;
}

int klab_error(struct klab_context *context, void *arg)
{
	struct klab_error *ask = arg;

	if (!ask->error || ask->error > MAX_ERRNO || !valid_signal(ask->signal))
		return -EINVAL;
	/* To oneself, as raise(3): that is always allowed. */
	if (ask->signal)
		send_sig(ask->signal, current, 0);
	return klab_fail(ask->error);
}

void klab_asker_init(struct klab_asker *asker)
{
	asker->process = get_pid(task_tgid(current));
	asker->cred = get_current_cred();
	asker->exec_id = current->self_exec_id;
}

void klab_asker_release(struct klab_asker *asker)
{
	put_pid(asker->process);
	put_cred(asker->cred);
}

/* Of the process that asked, and that still runs the program with which it did? */
static bool is_of(const struct klab_asker *asker, struct task_struct *task)
{
	return task_tgid(task) == asker->process &&
	       READ_ONCE(task->self_exec_id) == asker->exec_id;
}

bool klab_is_asker(const struct klab_asker *asker)
{
	return is_of(asker, current);
}

/* Process 1 of a namespace takes no SIGKILL or SIGSTOP from within, and kill(2) tells nobody. */
static bool shielded(struct task_struct *task, const struct klab_asker *asker, int signal)
{
	bool within;

	if ((signal != SIGKILL && signal != SIGSTOP) ||
	    !(READ_ONCE(task->signal->flags) & SIGNAL_UNKILLABLE))
		return false;
	rcu_read_lock();
	within = pid_nr_ns(asker->process, task_active_pid_ns(task));
	rcu_read_unlock();
	return within;
}

/* With the credentials that count in place of the current ones. */
static int signal_as(struct klab_way *way, struct task_struct *task,
		     const struct klab_asker *asker, u64 value)
{
	bool with_value = way->is.flags & KLAB_SIGNAL_VALUE;
	int error = 0, signal = way->is.signal;

	if (with_value || !klab_is_asker(asker))
		error = kill_pid(way->pid, 0, 0);
	if (error || shielded(task, asker, signal))
		return error;
	return with_value ? queue_signal(task, asker->process, signal, value) :
			    kill_pid(way->pid, signal, 0);
}

static int send_later(struct klab_way *way, const struct klab_asker *asker, u64 value)
{
	struct task_struct *task = get_pid_task(way->pid, PIDTYPE_PID);
	const struct cred *cred, *own;
	int error;

	if (!task)
		return -ESRCH;
	if (klab_is_asker(asker) && current_cred() == asker->cred) {
		error = signal_as(way, task, asker, value);
	} else {
		/* One's own process may always be signalled, whoever it has become. */
		cred = is_of(asker, task) ? get_task_cred(task) : get_cred(asker->cred);
		own = override_creds(cred);
		error = signal_as(way, task, asker, value);
		revert_creds(own);
		put_cred(cred);
	}
	put_task_struct(task);
	return error;
}

/* What the attribute shows: the firing that anybody told it last. */
static struct klab_record last;
static DEFINE_SPINLOCK(last_lock);
static struct miscdevice *device;

static ssize_t notification_show(struct device *dev, struct device_attribute *attribute, char *text)
{
	struct klab_record record;

	spin_lock(&last_lock);
	record = last;
	spin_unlock(&last_lock);
	return sysfs_emit(text, "%llu %llu %llu\n", record.sequence, record.time_ns, record.value);
}

static DEVICE_ATTR_RO(notification);

static struct attribute *attributes[] = {
	&dev_attr_notification.attr,
	NULL
};

static const struct attribute_group group = { .attrs = attributes };

static const struct attribute_group *groups[] = { &group, NULL };

void klab_deliver_init(struct miscdevice *to)
{
	to->groups = groups;
	device = to;
}

static int tell_sysfs(const struct klab_record *record)
{
	spin_lock(&last_lock);
	last = *record;
	spin_unlock(&last_lock);
	/* Who could ask for this has the device open, so it is there. */
	sysfs_notify(&device->this_device->kobj, NULL, "notification");
	return 0;
}

static int init_eventfd(struct klab_way *way)
{
	if (way->is.signal || way->is.flags)
		return -EINVAL;
	if (!IS_ENABLED(CONFIG_EVENTFD))
		return -EOPNOTSUPP;
	way->file = fget(way->is.target);
	if (!way->file)
		return -EBADF;
	way->eventfd = eventfd_ctx_fileget(way->file);
	if (!IS_ERR(way->eventfd))
		return 0;
	fput(way->file);
	way->file = NULL;
	return PTR_ERR(way->eventfd);
}

static int init_signal(struct klab_way *way)
{
	if (way->is.target < 0 || !way->is.signal || !valid_signal(way->is.signal) ||
	    way->is.flags & ~KLAB_SIGNAL_VALUE)
		return -EINVAL;
	way->pid = way->is.target ? find_get_pid(way->is.target) : get_pid(task_pid(current));
	return way->pid ? 0 : -ESRCH;
}

/* @way->is holds what was asked for; its counts become zero. */
int klab_way_init(struct klab_way *way)
{
	way->is = (struct klab_delivery) {
		.way = way->is.way,
		.target = way->is.target,
		.signal = way->is.signal,
		.flags = way->is.flags,
	};
	switch (way->is.way) {
	case KLAB_WAY_EVENTFD:
		return init_eventfd(way);
	case KLAB_WAY_SIGNAL:
		return init_signal(way);
	case KLAB_WAY_RECORD:
	case KLAB_WAY_SYSFS:
		return way->is.target || way->is.signal || way->is.flags ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

void klab_way_release(struct klab_way *way)
{
	if (way->file) {
		eventfd_ctx_put(way->eventfd);
		fput(way->file);
	}
	put_pid(way->pid);
}

/* In any context. A counter that is full stays full: EPOLLERR is how an eventfd says so. */
int klab_way_ring(struct klab_way *way)
{
	if (unlikely(!eventfd_signal_allowed() || vfs_poll(way->file, NULL) & EPOLLERR))
		return -EAGAIN;
	klab_eventfd_signal(way->eventfd);
	return 0;
}

/* The ways for which one may have to sleep. */
int klab_way_tell(struct klab_way *way, const struct klab_asker *asker,
		  const struct klab_record *record)
{
	if (way->is.way == KLAB_WAY_SYSFS)
		return tell_sysfs(record);
	return send_later(way, asker, record->value);
}
