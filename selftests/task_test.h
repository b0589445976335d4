/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of task handles have in common, the kernel's own files among it. */
#ifndef TASK_TEST_H
#define TASK_TEST_H

#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "klab_test.h"

static inline int task_who(int task, struct klab_task_who *who)
{
	memset(who, 0xa5, sizeof(*who));
	return klab(task, KLAB_IOC_TASK_WHO, who);
}

/* Opens the device and a handle on @pid; for where nothing else is needed of it. */
static inline int handle_on(pid_t pid)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), task = open_task(fd, pid);
	int error = errno;

	close(fd);
	errno = error;
	return task;
}

/* A child that does nothing until it is killed. */
static inline pid_t start_sleeper(void)
{
	pid_t child = fork();

	while (!child)
		pause();
	return child;
}

static inline void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* The text behind "@key:" of /proc/@pid/@file, without leading blanks; "" if none. */
static inline const char *proc_text(pid_t pid, const char *file, const char *key)
{
	static char line[256];
	size_t length = strlen(key);
	char path[64];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	in = fopen(path, "re");
	if (!in)
		return "";
	while (fgets(line, sizeof(line), in)) {
		if (!strncmp(line, key, length) && line[length] == ':') {
			fclose(in);
			line[strcspn(line, "\n")] = '\0';
			return line + length + 1 + strspn(line + length + 1, " \t");
		}
	}
	fclose(in);
	return "";
}

static inline unsigned long long proc_number(pid_t pid, const char *key, int base)
{
	return strtoull(proc_text(pid, "status", key), NULL, base);
}

/* Field number @field of /proc/@pid/stat, counted from 1 as proc(5) does; 3 is the state. */
static inline long long proc_stat(pid_t pid, int field)
{
	char path[64], text[1024], *word = NULL;
	size_t length = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	in = fopen(path, "re");
	if (in) {
		length = fread(text, 1, sizeof(text) - 1, in);
		fclose(in);
	}
	text[length] = '\0';
	/* The name may hold blanks and brackets, and ends with the last of these. */
	word = strrchr(text, ')');
	for (field -= 3, word = word ? strtok(word + 1, " ") : NULL; word && field > 0; field--)
		word = strtok(NULL, " ");
	if (!word)
		return -1;
	return *word >= 'A' ? *word : strtoll(word, NULL, 10);
}

#endif /* TASK_TEST_H */
