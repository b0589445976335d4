// SPDX-License-Identifier: GPL-2.0-only
/* The ways to tell userland that something happened: signals, eventfds. */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "klab.h"

/* As sigqueue(3) would send it, to the one thread that @pid names. */
static int queue_signal(struct pid *pid, const struct klab_signal_send *send)
{
	struct kernel_siginfo info;
	struct task_struct *task;
	int error;

	/* send_sig_info() checks no permission; signal 0 only asks for it. */
	error = kill_pid(pid, 0, 0);
	if (error || !send->signal)
		return error;

	task = get_pid_task(pid, PIDTYPE_PID);
	if (!task)
		return -ESRCH;

	clear_siginfo(&info);
	info.si_signo = send->signal;
	info.si_code = SI_QUEUE;
	info.si_uid = from_kuid_munged(current_user_ns(), current_uid());
	info.si_value.sival_ptr = u64_to_user_ptr(send->value);
	rcu_read_lock();
	info.si_pid = task_tgid_nr_ns(current, task_active_pid_ns(task));
	rcu_read_unlock();

	/* A thread that has exited may keep its pid for long, but takes no signal. */
	error = -ESRCH;
	if (!READ_ONCE(task->exit_state))
		error = send_sig_info(send->signal, &info, task);
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
	error = with_value ? queue_signal(pid, send) : kill_pid(pid, send->signal, 0);
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
