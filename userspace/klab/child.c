// SPDX-License-Identifier: GPL-2.0-only
/* A child that does one thing and reports it through a pipe; and the clock of both. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

/* CLOCK_MONOTONIC, as all times of the kernel's half are. */
__u64 now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000 + at.tv_nsec;
}

/* The child runs @run, which writes what it has to say to @report. */
int child_start(struct child *child, void (*run)(int report, const void *arg),
		const void *arg)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	child->pid = fork();
	if (child->pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		run(ends[1], arg);
		_exit(0);
	}
	close(ends[1]);
	child->report = ends[0];
	return 0;
}

static char state_of(pid_t pid)
{
	char path[32], stat[256] = "";
	const char *name_end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return '?';
	if (!fgets(stat, sizeof(stat), file))
		stat[0] = '\0';
	fclose(file);
	name_end = strrchr(stat, ')');
	return name_end && name_end[1] ? name_end[2] : '?';
}

/* Until the child sleeps, so that what is measured is a wake-up and not its start. */
void child_settle(const struct child *child)
{
	__u64 end = now() + PATIENCE_MS * 1000000ULL;

	while (state_of(child->pid) != 'S' && now() < end)
		usleep(1000);
}

/* The child's report; -1 with errno when it ended without one. */
int child_collect(const struct child *child, void *report, size_t size)
{
	char *next = report;

	while (size) {
		ssize_t got = read(child->report, next, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (!got)
			errno = ECHILD;
		if (got <= 0)
			return -1;
		next += got;
		size -= got;
	}
	return 0;
}

/* Reaps it; one that still waits for something will not get it any more. */
void child_end(struct child *child)
{
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(child->report);
}
