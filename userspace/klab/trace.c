// SPDX-License-Identifier: GPL-2.0-only
/*
 * klab trace: runs a program and prints its calls of klab, decoded, as strace would.
 * It follows forks and threads, and ends as the program ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/ptrace.h>

#include "contract.h"
#include "tool.h"

#define IOCTL_OF_I386	54

#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | \
		 PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

/* A thread that is in a call of klab. */
struct tracee {
	struct tracee *next;
	pid_t pid;
	int fd;
	unsigned int number;
	__u64 pointer;
	__u64 entered;
	char in[1024];
};

static struct tracee *tracees;

static struct tracee **find(pid_t pid)
{
	struct tracee **at = &tracees;

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

/* Is it a descriptor of klab's, in that process? */
static bool is_klab(pid_t pid, int fd)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "klab");
}

/* The fields of the struct that @role has a part in; its address when it cannot be read. */
static void read_struct(const struct tracee *tracee, const char *role, char *text, size_t room)
{
	const struct contract_command *command = contract_of_number(tracee->number);
	size_t size = _IOC_SIZE(tracee->number);
	static unsigned char arg[LONGEST];
	struct iovec to = { arg, size };
	struct iovec from = { (void *)(uintptr_t)tracee->pointer, size };

	memset(arg, 0, sizeof(arg));
	if (!command || process_vm_readv(tracee->pid, &to, 1, &from, 1, 0) != (ssize_t)size)
		snprintf(text, room, "0x%llx", tracee->pointer);
	else
		struct_text(text, room, command->argument, arg, role);
}

static void enter(pid_t pid, const struct ptrace_syscall_info *info)
{
	bool ioctl = info->arch == AUDIT_ARCH_I386 ? info->entry.nr == IOCTL_OF_I386 :
						     info->entry.nr == SYS_ioctl;
	struct tracee *tracee;

	if (!ioctl || _IOC_TYPE(info->entry.args[1]) != KLAB_IOC_MAGIC ||
	    !is_klab(pid, info->entry.args[0]))
		return;
	tracee = calloc(1, sizeof(*tracee));
	if (!tracee)
		return;
	tracee->pid = pid;
	tracee->fd = info->entry.args[0];
	tracee->number = info->entry.args[1];
	tracee->pointer = info->entry.args[2];
	if (_IOC_DIR(tracee->number) & _IOC_WRITE)
		read_struct(tracee, "in", tracee->in, sizeof(tracee->in));
	tracee->next = tracees;
	tracees = tracee;
	tracee->entered = now();
}

/* The thread has come back, or is no more; @info says what it got, NULL nothing. */
static void leave(FILE *out, pid_t pid, const struct ptrace_syscall_info *info)
{
	struct tracee **at = find(pid), *tracee = *at;
	const struct contract_command *command;
	char after[1024] = "", name[48];

	if (!tracee)
		return;
	*at = tracee->next;
	command = contract_of_number(tracee->number);
	if (command)
		snprintf(name, sizeof(name), "KLAB_IOC_%s", command->name);
	else
		snprintf(name, sizeof(name), "0x%x", tracee->number);
	fprintf(out, "[%d] ioctl(%d, %s, {%s}) = ", pid, tracee->fd, name, tracee->in);
	if (!info) {
		fprintf(out, "? (it ended)\n");
	} else if (info->exit.is_error) {
		fprintf(out, "-1 %s", strerrorname_np(-info->exit.rval) ?: "and restarts");
	} else {
		if (_IOC_DIR(tracee->number) & _IOC_READ)
			read_struct(tracee, "out", after, sizeof(after));
		fprintf(out, "%lld", (long long)info->exit.rval);
		if (*after)
			fprintf(out, " {%s}", after);
	}
	if (info)
		fprintf(out, "   %s\n", text_time(now() - tracee->entered).s);
	fflush(out);
	free(tracee);
}

static void at_syscall(FILE *out, pid_t pid)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter(pid, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave(out, pid, &info);
}

/* Lets a stopped thread go on; a signal that stopped it goes on to it. */
static void go_on(FILE *out, pid_t pid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (signal == (SIGTRAP | 0x80)) {
		at_syscall(out, pid);
		signal = 0;
	} else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
		/* Stopped as a job is: it stays so until somebody continues it. */
		ptrace(PTRACE_LISTEN, pid, NULL, NULL);
		return;
	} else if (event) {
		signal = 0;
	}
	ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)signal);
}

/* Waits until it is watched, and becomes the program. */
static noreturn void become(const struct call *call, int go)
{
	char byte;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	if (read(go, &byte, 1) == 1)
		execvp(call->operand[0], call->operand);
	refuse_because(call, errno, "'%s' could not be started", call->operand[0]);
}

static pid_t start(const struct call *call)
{
	int go[2];
	pid_t child;

	if (pipe2(go, O_CLOEXEC) < 0)
		refuse(call, errno);
	/* What a terminal sends is meant for the program. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	child = fork();
	if (child < 0)
		refuse(call, errno);
	if (!child)
		become(call, go[0]);
	if (ptrace(PTRACE_SEIZE, child, NULL, (void *)(uintptr_t)OPTIONS) < 0) {
		int error = errno;

		kill(child, SIGKILL);
		refuse_because(call, error, "a sandbox forbids it, or somebody else traces");
	}
	/* In a system call it is not stopped in, so the first stop is one on the way out. */
	ptrace(PTRACE_INTERRUPT, child, NULL, NULL);
	if (write(go[1], "", 1) != 1)
		refuse(call, errno);
	close(go[0]);
	close(go[1]);
	return child;
}

int trace_run(struct call *call)
{
	const char *path = call->option[OPT_OUTPUT];
	FILE *out = path ? fopen(path, "we") : stderr;
	int status, result = DONE;
	pid_t child, pid;

	if (!out)
		refuse_because(call, errno, "%s cannot be written", path);
	child = start(call);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid > 0 && WIFSTOPPED(status)) {
			go_on(out, pid, status);
		} else if (pid > 0) {
			leave(out, pid, NULL);
			if (pid == child)
				result = WIFEXITED(status) ? WEXITSTATUS(status) :
							     128 + WTERMSIG(status);
		}
	}
	if (path && fclose(out))
		refuse_because(call, errno, "%s took not all of it", path);
	return result;
}
