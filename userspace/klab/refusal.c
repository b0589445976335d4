// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way to say no: who refuses, which errno, the likely cause. It goes to
 * standard error, with --json as an object with the member "error".
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct cause {
	const char *command;		/* or an object; NULL: whichever */
	int error;
	const char *text;
};

static const struct cause causes[] = {
	{ STEP_OPEN, ENOENT, "the module is not loaded: insmod klab.ko, or modprobe klab" },
	{ STEP_OPEN, ENXIO, "the file is there, but no module answers: load klab" },
	{ STEP_OPEN, ENODEV, "the file is there, but no module answers: load klab" },
	{ STEP_OPEN, EACCES, "the device is for root and the group klab" },
	{ STEP_OPEN, EPERM, "a sandbox or a device cgroup forbids the device" },
	{ STEP_HANDSHAKE, ENOTTY, "the device of this name is not klab's" },
	{ "page alloc", ENOMEM, "no such blocks, or a limit: the memory cgroup's, the machine's" },
	{ "page alloc", EINVAL, "klab info shows the limits of order and count" },
	{ "signal send", ESRCH, "no such process in this pid namespace, or it has exited" },
	{ "signal send", EAGAIN, "the receiver's RLIMIT_SIGPENDING is used up" },
	{ "signal send", EINVAL, "the kernel knows no signal of this number" },
	{ "signal send", EPERM, "kill(2) would refuse it too" },
	{ "signal send", ECHILD, "sent, but it never arrived" },
	{ "signal wait", ETIMEDOUT, "no such signal came" },
	{ "task", EPERM, "not your own process, and you are without CAP_SYS_PTRACE" },
	{ "task", ESRCH, "no such task, no memory of its own, or not what it was" },
	{ "file show", EBADF, "no descriptor of this number was inherited" },
	{ "file show", EOPNOTSUPP, "hugetlbfs and DAX keep their pages elsewhere" },
	{ "eventfd fire", EBADF, "no descriptor of this number was inherited" },
	{ "notify wait", EINVAL, "the interval is shorter than the kernel takes: 20 us" },
	{ "notify set", EINVAL, "the interval is shorter than 20 us, or a count has none" },
	{ "notify set", EBADF, "no descriptor of this number was inherited" },
	{ "notify set", ESRCH, "no process of this number is there to be signalled" },
	{ "notify set", ENOENT, "no such handle: klab notify list has those that there are" },
	{ "notify query", ENOENT, "no such handle: klab notify list has those that there are" },
	{ "notify cancel", ENOENT, "no such handle: klab notify list has those that there are" },
	{ "notify tick", EINVAL, "the interval is shorter than the kernel takes: 20 us" },
	{ "eventfd fire", EINVAL, "the descriptor is no eventfd, or the count above fire_max" },
	{ "record", EPERM, "only one's own command, what one traces, or with CAP_SYS_PTRACE" },
	{ "record", ESRCH, "no such process in this pid namespace, or it has exited" },
	{ "cpu", EINVAL, "no such processor, or it is offline" },
	{ "read", EAGAIN, "the channel is empty: klab write fills it" },
	{ NULL, ENOTTY, "the module is older than this klab and lacks the command" },
	{ NULL, E2BIG, "the module is older than this klab and lacks the request" },
	{ NULL, EOPNOTSUPP, "not on this kernel or machine: klab info shows what is" },
	{ NULL, ECHILD, "the child that waited ended and reported nothing" },
	{ NULL, ENOMEM, "memory is short" },
	{ NULL, EMFILE, "too many open descriptors: ulimit -n" },
};

/* "task" stands for "task show" as well. */
static bool is_about(const struct cause *cause, const char *command)
{
	size_t length = cause->command ? strlen(cause->command) : 0;

	return !length || (!strncmp(cause->command, command, length) &&
			   (!command[length] || command[length] == ' '));
}

const char *likely_cause(const char *command, int error)
{
	size_t i;

	for (i = 0; i < sizeof(causes) / sizeof(*causes); i++)
		if (causes[i].error == error && is_about(&causes[i], command))
			return causes[i].text;
	return NULL;
}

static int status_of(const struct call *call, int error)
{
	bool opening = call->step && !strcmp(call->step, STEP_OPEN);
	bool handshake = call->step && !strcmp(call->step, STEP_HANDSHAKE);

	if (opening && (error == ENOENT || error == ENXIO || error == ENODEV))
		return NO_DEVICE;
	if (handshake)
		return error == EPROTO ? NOT_PERMITTED : NO_DEVICE;
	return error == EPERM || error == EACCES ? NOT_PERMITTED : FAILED;
}

static void say_json(const struct call *call, int status, int error, const char *what,
		     const char *why)
{
	json_object *top = json_start(call);
	json_object *object = json_object_new_object();

	json_string(object, "step", call->step);
	json_number(object, "status", status);
	json_string(object, "errno", error ? strerrorname_np(error) : NULL);
	json_string(object, "message", what);
	json_string(object, "cause", why);
	json_object_object_add(top, "error", object);
	fprintf(stderr, "%s\n", json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_SPACED |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(top);
}

static noreturn void say(const struct call *call, int status, int error, const char *what,
			 const char *why)
{
	fflush(stdout);
	/* Who closed the pipe has seen enough. */
	if (error == EPIPE)
		exit(status);
	if (call->json) {
		say_json(call, status, error, what, why);
		exit(status);
	}
	fputs("klab: ", stderr);
	if (*call->name)
		fprintf(stderr, "%s: ", call->name);
	if (call->step)
		fprintf(stderr, "%s: ", call->step);
	if (error)
		fprintf(stderr, "%s: ", strerrorname_np(error));
	fprintf(stderr, "%s\n", what);
	if (why)
		fprintf(stderr, "  %s\n", why);
	exit(status);
}

void misuse(const struct call *call, const char *fmt, ...)
{
	char what[256], more_at[96];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(more_at, sizeof(more_at), "klab %s%s--help tells more", call->name,
		 *call->name ? " " : "");
	say(call, MISUSED, 0, what, more_at);
}

/* The C library says "Connection timed out", and here is no connection. */
static const char *words_of(int error)
{
	return error == ETIMEDOUT ? "Timed out" : strerror(error);
}

void refuse(const struct call *call, int error)
{
	say(call, status_of(call, error), error, words_of(error),
	    likely_cause(call->step ? call->step : call->name, error));
}

void refuse_because(const struct call *call, int error, const char *fmt, ...)
{
	char why[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	say(call, status_of(call, error), error, words_of(error), why);
}

/* Memory, or a refusal. */
void *zeroed(const struct call *call, size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		refuse(call, errno);
	return memory;
}

void fail(const struct call *call, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	say(call, FAILED, 0, what, NULL);
}
