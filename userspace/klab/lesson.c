// SPDX-License-Identifier: GPL-2.0-only
/*
 * klab lesson: the lessons of ../lessons. Each runs in a process of its own, so that
 * whatever it does to itself ends with it, and so that one which dies is one failure.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lessons/run.h"
#include "tool.h"

/* Seconds after which a lesson hangs, on the slowest of machines. */
#define LIMIT	120

static const struct listed_lesson *lesson_of(const struct call *call, const char *name)
{
	const struct listed_lesson *lesson;

	for (lesson = lessons; lesson->is; lesson++)
		if (!strcmp(lesson->is->name, name))
			return lesson;
	misuse(call, "no lesson is called '%s': klab lesson list", name);
}

int lesson_list_run(struct call *call)
{
	json_object *top = json_start(call), *list = json_object_new_array();
	const struct listed_lesson *lesson;

	for (lesson = lessons; lesson->is; lesson++) {
		json_object *one = json_object_new_object();

		row(call, STRONG, lesson->is->name, "%s", lesson->is->idea);
		json_string(one, "name", lesson->is->name);
		json_string(one, "idea", lesson->is->idea);
		json_object_array_add(list, one);
	}
	json_object_object_add(top, "lessons", list);
	json_finish(call, top);
	return DONE;
}

int lesson_show_run(struct call *call)
{
	const struct listed_lesson *lesson = lesson_of(call, call->operand[0]);
	json_object *top = json_start(call);

	more(call, "%s", lesson->source);
	json_string(top, "source", lesson->source);
	json_finish(call, top);
	return DONE;
}

/* In the lesson's process: what it found, and where its parent reads that. */
static json_object *told;
static int report;

void lesson_report(void)
{
	const char *text = json_object_to_json_string(told);
	size_t left = strlen(text);

	while (left) {
		ssize_t done = write(report, text, left);

		if (done < 0)
			_exit(LESSON_FAILED);
		text += done;
		left -= done;
	}
}

/*
 * What the kernel keeps for each processor, pages that are on their way into a list for
 * one, is the same for all that a lesson does if it stays where it is.
 */
static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
}

static noreturn void run_here(struct call *call, const struct lesson *lesson)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	alarm(LIMIT);
	stay_here();
	told = json_object_new_object();
	json_string(told, "name", lesson->name);
	lesson_begin(call, told);
	lesson->run(call->fd);
	lesson_undo();
	if (!lesson_changed()) {
		puts("there is no such claim or deed");
		fflush(stdout);
		_exit(LESSON_FAILED);
	}
	fflush(stdout);
	lesson_report();
	_exit(LESSON_PASSED);
}

/* All that comes, until the last writer is gone. */
static json_object *read_report(int fd)
{
	json_tokener *parser = json_tokener_new();
	json_object *object = NULL;
	char buffer[4096];
	ssize_t got;

	while (!object && (got = read(fd, buffer, sizeof(buffer))) > 0)
		object = json_tokener_parse_ex(parser, buffer, got);
	json_tokener_free(parser);
	return object ? object : json_object_new_object();
}

/* Returns its enum lesson_end. */
static int run_lesson(struct call *call, const struct lesson *lesson, json_object *list)
{
	int ends[2], status, ended;
	json_object *object;
	pid_t pid;

	more(call, "%s: %s\n", painted(call, STRONG, lesson->name).s, lesson->idea);
	fflush(stdout);
	if (pipe(ends) < 0)
		refuse(call, errno);
	pid = fork();
	if (pid < 0)
		refuse(call, errno);
	if (!pid) {
		close(ends[0]);
		report = ends[1];
		run_here(call, lesson);
	}
	close(ends[1]);
	object = read_report(ends[0]);
	close(ends[0]);
	waitpid(pid, &status, 0);
	ended = WIFEXITED(status) ? WEXITSTATUS(status) : LESSON_FAILED;
	if (WIFSIGNALED(status))
		row(call, CHANGED, "FAILED", "ended by %s", text_signal(WTERMSIG(status)).s);
	json_flag(object, "passed", ended == LESSON_PASSED);
	json_flag(object, "skipped", ended == LESSON_SKIPPED);
	json_object_array_add(list, object);
	return ended;
}

int lesson_run_run(struct call *call)
{
	bool all = !strcmp(call->operand[0], "all");
	const struct listed_lesson *lesson = all ? lessons : lesson_of(call, call->operand[0]);
	json_object *top = json_start(call), *list = json_object_new_array();
	unsigned int count[3] = { 0 };
	struct utsname host;

	device_open(call, 0);
	for (; lesson->is; lesson++) {
		int ended = run_lesson(call, lesson->is, list);

		count[ended == LESSON_PASSED ? 0 : ended == LESSON_SKIPPED ? 2 : 1]++;
		if (!all)
			break;
		more(call, "\n");
	}
	uname(&host);
	if (all)
		more(call, "%u passed, %u failed, %u skipped, on Linux %s\n", count[0], count[1],
		     count[2], host.release);
	json_string(top, "kernel", host.release);
	json_object_object_add(top, "lessons", list);
	json_flag(top, "ok", !count[1]);
	json_finish(call, top);
	if (count[1])
		fail(call, "%u failed", count[1]);
	return DONE;
}
