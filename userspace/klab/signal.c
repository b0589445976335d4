// SPDX-License-Identifier: GPL-2.0-only
/* klab signal: the kernel sends one; another klab waits for one; one meets a restart code. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static int offset_signal(const char *name, const char *base, int number, int sign)
{
	size_t length = strlen(base);
	int offset;

	if (strncasecmp(name, base, length))
		return -1;
	name += length;
	if (!*name)
		return number;
	if (*name != (sign > 0 ? '+' : '-') || !isdigit((unsigned char)name[1]) ||
	    strlen(name + 1) > 2 || sscanf(name + 1, "%2d", &offset) != 1)
		return -1;
	number += sign * offset;
	return number >= SIGRTMIN && number <= SIGRTMAX ? number : -1;
}

/* A name with or without SIG, RTMIN+n, RTMAX-n, or a number. */
int signal_of(const struct call *call, const char *word)
{
	const char *name = strncasecmp(word, "SIG", 3) ? word : word + 3;
	int number;

	if (isdigit((unsigned char)*word))
		return number_of(call, "a signal", word, 0, 64);
	for (number = 1; number < NSIG; number++)
		if (sigabbrev_np(number) && !strcasecmp(sigabbrev_np(number), name))
			return number;
	if (!strcasecmp(name, "IO"))
		return SIGIO;
	number = offset_signal(name, "RTMIN", SIGRTMIN, 1);
	if (number < 0)
		number = offset_signal(name, "RTMAX", SIGRTMAX, -1);
	if (number < 0)
		misuse(call, "no signal is called '%s'", word);
	return number;
}

/* How it was sent, as the receiver sees it. */
const char *signal_code_name(int code)
{
	switch (code) {
	case SI_USER:
		return "SI_USER";
	case SI_QUEUE:
		return "SI_QUEUE";
	case SI_TKILL:
		return "SI_TKILL";
	case SI_KERNEL:
		return "SI_KERNEL";
	case SI_TIMER:
		return "SI_TIMER";
	case SI_SIGIO:
		return "SI_SIGIO";
	default:
		return "another";
	}
}

json_object *arrival_json(const struct arrival *arrival)
{
	json_object *object = json_object_new_object();

	json_number(object, "signal", arrival->signal);
	json_string(object, "code", signal_code_name(arrival->code));
	json_object_object_add(object, "code_number", json_object_new_int(arrival->code));
	json_number(object, "pid", arrival->pid);
	json_number(object, "uid", arrival->uid);
	if (arrival->code == SI_QUEUE)
		json_number(object, "value", arrival->value);
	json_number(object, "arrived_ns", arrival->at);
	return object;
}

/* The real uid of a process; false when /proc does not tell. */
static bool uid_of(int pid, uid_t *uid)
{
	char path[32], line[128];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "Uid: %u", uid) == 1;
	fclose(file);
	return found;
}

static noreturn void refuse_send(const struct call *call, const struct klab_signal_send *send)
{
	int error = errno;
	uid_t uid;

	if (error == EPERM && geteuid() && uid_of(send->pid, &uid))
		refuse_because(call, error,
			       "kill(2) would refuse it too: pid %d belongs to uid %u, you are uid %u without CAP_KILL",
			       send->pid, uid, geteuid());
	refuse(call, error);
}

int signal_send_run(struct call *call)
{
	struct klab_signal_send send = {
		.pid = number_of(call, "a pid", call->operand[0], 1, INT_MAX),
		.signal = signal_of(call, call->operand[1]),
		.value = number_option(call, OPT_VALUE, 0, ULLONG_MAX, 0),
	};
	struct text name = text_signal(send.signal);
	json_object *top;

	if (call->option[OPT_VALUE])
		send.flags |= KLAB_SIGNAL_VALUE;
	device_open(call, 0);
	if (klab_signal_send(call->fd, &send) < 0)
		refuse_send(call, &send);

	if (call->option[OPT_VALUE])
		row(call, USER_SIDE, "asked", "%s with value %llu to pid %d", name.s,
		    send.value, send.pid);
	else
		row(call, USER_SIDE, "asked", "%s to pid %d", name.s, send.pid);
	row(call, KERNEL_SIDE, send.signal ? "sent" : "allowed", "at %s of CLOCK_MONOTONIC",
	    text_moment(send.sent_ns).s);

	top = json_start(call);
	json_number(top, "pid", send.pid);
	json_number(top, "signal", send.signal);
	if (call->option[OPT_VALUE])
		json_number(top, "value", send.value);
	json_number(top, "sent_ns", send.sent_ns);
	json_finish(call, top);
	return DONE;
}

static void print_arrival(const struct call *call, const struct arrival *arrival)
{
	char value[40] = "";

	if (arrival->code == SI_QUEUE)
		snprintf(value, sizeof(value), " with value %llu", arrival->value);
	row(call, KERNEL_SIDE, "arrived", "%s%s", text_signal(arrival->signal).s, value);
	row(call, KERNEL_SIDE, "", "%s from pid %d uid %u, at %s of CLOCK_MONOTONIC",
	    signal_code_name(arrival->code), arrival->pid, arrival->uid,
	    text_moment(arrival->at).s);
	fflush(stdout);
}

int signal_wait_run(struct call *call)
{
	__u64 count = number_option(call, OPT_COUNT, 1, LLONG_MAX, 1);
	int timeout = number_option(call, OPT_TIMEOUT, 0, INT_MAX, -1);
	const struct way *way = way_of(call, call->option[OPT_BY] ?: "sigwaitinfo", "signal");
	json_object *list, *top;
	struct arrival arrival;
	sigset_t set;
	int i;

	sigemptyset(&set);
	for (i = 0; i < call->operands; i++) {
		int number = signal_of(call, call->operand[i]);

		if (number == SIGKILL || number == SIGSTOP || sigaddset(&set, number) < 0)
			misuse(call, "nobody can wait for %s", text_signal(number).s);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	row(call, USER_SIDE, "waiting", "by %s, as pid %d", way->name, getpid());
	fflush(stdout);

	top = json_start(call);
	json_string(top, "by", way->name);
	list = json_object_new_array();
	for (; count; count--) {
		if (way->arrival(&set, timeout, &arrival) < 0)
			refuse(call, errno == EAGAIN ? ETIMEDOUT : errno);
		print_arrival(call, &arrival);
		json_object_array_add(list, arrival_json(&arrival));
	}
	json_object_object_add(top, "arrivals", list);
	json_finish(call, top);
	return DONE;
}

/* What include/linux/errno.h has beyond what userspace should ever see. */
static const struct {
	__u32 code;
	const char *name;
} restart_codes[] = {
	{ 512, "ERESTARTSYS" }, { 513, "ERESTARTNOINTR" }, { 514, "ERESTARTNOHAND" },
	{ 515, "ENOIOCTLCMD" }, { 516, "ERESTART_RESTARTBLOCK" }, { EINTR, "EINTR" },
};

static int handled;

/* A second time, the call was made again. Ignored, the signal asks for that no more. */
static void count_restart(int number)
{
	if (++handled == 2)
		signal(number, SIG_IGN);
}

/* What a caller sees when the kernel's half of a call ends with @code and @signal_number. */
static struct text outcome(const struct call *call, __u32 code, int signal_number, int flags)
{
	struct sigaction action = { .sa_handler = count_restart, .sa_flags = flags };
	struct text text;
	int error;

	handled = 0;
	sigaction(SIGUSR1, &action, NULL);
	if (!klab_error(call->fd, code, signal_number))
		refuse_because(call, EPROTO, "it was asked to fail, and did not");
	error = errno;
	if (handled > 1)
		snprintf(text.s, sizeof(text.s), "again");
	else if (strerrorname_np(error))
		snprintf(text.s, sizeof(text.s), "%s", strerrorname_np(error));
	else
		snprintf(text.s, sizeof(text.s), "%d", error);
	return text;
}

int signal_restart_run(struct call *call)
{
	json_object *top, *list = json_object_new_array(), *object;
	struct text none, plain, restart;
	size_t i;

	device_open(call, 0);
	more(call, "%-26s %-10s %-10s %s\n", "the call ends with", "no signal", "handler",
	     "with SA_RESTART");
	for (i = 0; i < sizeof(restart_codes) / sizeof(*restart_codes); i++) {
		__u32 code = restart_codes[i].code;

		none = outcome(call, code, 0, 0);
		plain = outcome(call, code, SIGUSR1, 0);
		restart = outcome(call, code, SIGUSR1, SA_RESTART);
		more(call, "%3u %-22s %-10s %-10s %s\n", code, restart_codes[i].name, none.s,
		     plain.s, restart.s);
		object = json_object_new_object();
		json_number(object, "code", code);
		json_string(object, "name", restart_codes[i].name);
		json_string(object, "no_signal", none.s);
		json_string(object, "handler", plain.s);
		json_string(object, "handler_sa_restart", restart.s);
		json_object_array_add(list, object);
	}
	more(call, "again: the handler ran, and then the same call was made once more\n");
	top = json_start(call);
	json_object_object_add(top, "codes", list);
	json_finish(call, top);
	return DONE;
}
