// SPDX-License-Identifier: GPL-2.0-only
/*
 * execve(2) makes no process: it is the same one, with another program in it. All of its
 * memory goes, and the arguments and the environment are carried over into a new stack.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lesson.h"

/* A program that ends when its input does, and until then says what it is told. */
#define PROGRAM	"/bin/cat"

#define VARIABLE "LESSON=exec"

/* Where no program has anything by itself, wherever its addresses begin. */
#define NOWHERE	0x200000000000UL

/* The C library's descriptor 0 and 1 of the child, from and to its parent. */
struct pipes {
	int to[2], from[2];
};

static bool answers(const struct pipes *pipes)
{
	char byte = 'x', back = 0;

	return write(pipes->to[1], &byte, 1) == 1 && read(pipes->from[0], &back, 1) == 1 &&
	       back == byte;
}

static noreturn void run_program(const struct pipes *pipes)
{
	char variable[] = VARIABLE, *environment[] = { variable, NULL };

	fflush(stdout);
	dup2(pipes->to[0], STDIN_FILENO);
	dup2(pipes->from[1], STDOUT_FILENO);
	execle(PROGRAM, "cat", "-", NULL, environment);
	_exit(127);
}

/* Without exec: the child itself does as the program would. */
static noreturn void do_without(const struct pipes *pipes)
{
	char byte;

	while (read(pipes->to[0], &byte, 1) == 1 && write(pipes->from[1], &byte, 1) == 1)
		;
	_exit(0);
}

static void show_space(const char *label, const struct klab_task_space *space)
{
	show(label, "code 0x%llx  heap 0x%llx  stack 0x%llx", space->code_start, space->brk_start,
	     space->stack_start);
	show("", "%u areas, %llu pages of them present, %llu bytes of page tables", space->areas,
	     space->anonymous + space->file + space->shmem, space->table_bytes);
}

static void teach(int klab)
{
	char *mine = (char *)NOWHERE, path[64], link[64] = "", text[16] = "";
	struct klab_task_space before, after;
	struct klab_task_who was, is;
	struct partner child;
	struct pipes pipes;
	int task, i, inherited;
	ssize_t length;

	if (access(PROGRAM, X_OK))
		cannot("there is no " PROGRAM);
	must(pipe2(pipes.to, O_CLOEXEC), "pipe");
	must(pipe2(pipes.from, O_CLOEXEC), "pipe");
	/* One descriptor that stays, and klab's own, which does not. */
	inherited = must(dup(pipes.to[0]), "dup");
	mine = mmap(mine, 16 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	must(mine == MAP_FAILED ? -1 : 0, "mmap");
	for (i = 0; i < 16; i++)
		mine[i * PAGE] = 1;

	say("A child as fork made it, which then becomes another program.");
	child = begin_partner();
	if (!child.pid) {
		take_turn(&child);
		if (doing("execve(\"" PROGRAM "\", {\"cat\", \"-\"}, {\"" VARIABLE "\"})"))
			run_program(&pipes);
		do_without(&pipes);
	}
	close(pipes.to[0]);
	close(pipes.from[1]);
	task = look_at(klab, child.pid);
	before = space_of(task);
	was = who_is(task);
	show_space("before", &before);
	claim(pages_with(task, mine, 16, KLAB_PAGE_PRESENT) == 16,
	      "it has the parent's memory: 16 pages of it here");

	begin_turn(&child);
	must(answers(&pipes) ? 0 : -1, "to hear from the program");
	after = space_of(task);
	is = who_is(task);
	show_space("after", &after);
	claim(strcmp(was.comm, is.comm) && !strcmp(is.comm, "cat"),
	      "it was %s, it is %s, and all its addresses are new", was.comm, is.comm);
	claim(pages_with(task, mine, 16, KLAB_PAGE_PRESENT) == 0,
	      "of those 16 pages none is there any more, and nothing else of the old");
	claim(is.pid == was.pid && is.started_ns == was.started_ns && is.parent == was.parent,
	      "the same process: pid, parent, time of birth");
	claim(was.flags & KLAB_TASK_FORKED_NO_EXEC && !(is.flags & KLAB_TASK_FORKED_NO_EXEC),
	      "though the kernel remembers that it has done exec since fork");

	say("What came along.");
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", child.pid, inherited);
	length = readlink(path, link, sizeof(link) - 1);
	kernel("descriptor", length > 0, "descriptor %d: %s", inherited,
	       length > 0 ? link : "closed");
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", child.pid, klab);
	i = access(path, F_OK);
	kernel("cloexec", i < 0, "descriptor %d, klab's: %s", klab, i < 0 ? "closed" : "open");
	claim(length > 0 && i < 0, "descriptors stay open, but for those that are O_CLOEXEC");
	snprintf(path, sizeof(path), "/proc/%d/environ", child.pid);
	i = open(path, O_RDONLY | O_CLOEXEC);
	must(read(i, text, sizeof(text) - 1), "to read its environment");
	close(i);
	kernel("environment", after.environment_end - after.environment_start,
	       "arguments %llu bytes, environment %llu bytes: %s",
	       after.arguments_end - after.arguments_start,
	       after.environment_end - after.environment_start, text);
	claim(after.arguments_end - after.arguments_start == sizeof("cat") + sizeof("-") &&
	      after.environment_end - after.environment_start == sizeof(VARIABLE) &&
	      !strcmp(text, VARIABLE),
	      "the environment is what execve was given, nothing inherited by itself");
	claim(after.environment_end > after.stack_start &&
	      after.arguments_end <= after.environment_start,
	      "both lie above where the new stack began, for main to find");
	close(pipes.to[1]);
	end_partner(&child);

	seen("exec kept the process and replaced its memory. Environment variables are an\n"
	     "argument that every program passes on; the kernel only copies the strings.\n");
	now_try("  klab task areas $$\n"
		"  klab lesson run spawn          fork and exec, and what lies between\n");
}

const struct lesson lesson_exec = {
	"exec", "the memory is replaced, the process stays", teach,
};
