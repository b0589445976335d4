// SPDX-License-Identifier: GPL-2.0-only
/* klab record: what a process does at the border, into a file or onto the screen. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

#define RING_BYTES	0x100000
#define THREADS		1024
#define PROGRESS_MS	500

static int interrupted;

static void interrupt(int signal)
{
	__atomic_store_n(&interrupted, signal, __ATOMIC_RELAXED);
}

static __u32 kinds_option(const struct call *call)
{
	static const struct {
		const char *name;
		__u32 kinds;
	} list[] = {
		{ "all", KLAB_RECORD_ALL }, { "syscalls", KLAB_RECORD_SYSCALLS },
		{ "faults", KLAB_RECORD_FAULTS }, { "traps", KLAB_RECORD_TRAPS },
		{ "signals", KLAB_RECORD_SIGNALS }, { "tasks", KLAB_RECORD_TASKS },
		{ "switches", KLAB_RECORD_SWITCHES },
	};
	const size_t count = sizeof(list) / sizeof(*list);
	char *text, *word, *rest;
	__u32 kinds = 0;
	size_t i;

	if (!call->option[OPT_EVENTS])
		return KLAB_RECORD_ALL;
	text = strdup(call->option[OPT_EVENTS]);
	if (!text)
		refuse(call, errno);
	for (word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		for (i = 0; i < count && strcmp(word, list[i].name); i++)
			;
		if (i == count)
			misuse(call, "there are no events '%s'", word);
		kinds |= list[i].kinds;
	}
	free(text);
	if (!kinds)
		misuse(call, "--events names none");
	return kinds;
}

/* A recorder of @pid (0: this process), or -1. Needs the device, and keeps it no longer. */
static int make_recorder(const struct call *call, pid_t pid, __u32 kinds)
{
	struct klab_recorder_create ask = {
		.kinds = kinds, .bytes = RING_BYTES, .wakeup = RING_BYTES / 4, .threads = THREADS,
		.flags = KLAB_RECORD_THREADS,
	};
	int task = klab_task_open(call->fd, pid), recorder;

	if (call->option[OPT_FOLLOW])
		ask.flags |= KLAB_RECORD_CHILDREN;
	if (task < 0)
		return -1;
	recorder = klab_recorder_create(task, &ask);
	close(task);
	return recorder;
}

/* One descriptor and an errno through a socket. */
static void pass(int socket, int fd, int error)
{
	char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec data = { &error, sizeof(error) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	struct cmsghdr *part = (struct cmsghdr *)control;

	if (fd >= 0) {
		*part = (struct cmsghdr){ CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(part), &fd, sizeof(fd));
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
	}
	sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* Returns the descriptor, or -1 and an errno; errno 0 when the other side is gone. */
static int take(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	int fd = -1, error = 0;
	struct iovec data = { &error, sizeof(error) };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) > 0 && message.msg_controllen)
		memcpy(&fd, CMSG_DATA((struct cmsghdr *)control), sizeof(fd));
	errno = error;
	return fd;
}

/*
 * The command's process makes the recorder itself, for which nobody needs a privilege, and
 * hands it over; then it runs the command, or says why not.
 */
static pid_t start_command(struct call *call, __u32 kinds, int *recorder)
{
	int ends[2], error;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		refuse(call, errno);
	pid = fork();
	if (pid < 0)
		refuse(call, errno);
	if (!pid) {
		*recorder = make_recorder(call, 0, kinds);
		pass(ends[1], *recorder, errno);
		if (*recorder < 0)
			_exit(1);
		close(*recorder);
		signal(SIGPIPE, SIG_DFL);
		execvp(call->operand[0], call->operand);
		pass(ends[1], -1, errno);
		_exit(errno == ENOENT ? 127 : 126);
	}
	close(ends[1]);
	*recorder = take(ends[0]);
	if (*recorder < 0) {
		error = errno;
		waitpid(pid, NULL, 0);
		refuse(call, error);
	}
	take(ends[0]);
	error = errno;
	close(ends[0]);
	if (error) {
		waitpid(pid, NULL, 0);
		call->step = call->operand[0];
		refuse_because(call, error, "the command could not be run");
	}
	return pid;
}

static void show_progress(const struct call *call, const struct klab_recorder_stat *stat,
			  bool last)
{
	static __u64 shown;

	if (!isatty(STDERR_FILENO) || (!last && now() < shown + PROGRESS_MS * 1000000ULL))
		return;
	shown = now();
	fprintf(stderr, "\r\033[K");
	if (!last)
		fprintf(stderr, "klab: %s: %llu events, %llu lost, %u threads", call->name,
			stat->made, stat->dropped, stat->threads);
}

/* Until the last recorded thread has ended, or somebody does not want any more. */
static void drain(const struct call *call, int recorder, FILE *file, pid_t command, int *status)
{
	static char buffer[1 << 20];
	struct klab_recorder_stat stat;
	bool gone = !command, stopped = false;
	ssize_t got;

	fcntl(recorder, F_SETFL, O_NONBLOCK);
	while ((got = read(recorder, buffer, sizeof(buffer)))) {
		if (got > 0 && fwrite(buffer, 1, got, file) != (size_t)got)
			refuse(call, errno);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			refuse(call, errno);
		if (!gone)
			gone = waitpid(command, status, WNOHANG) == command;
		/* What the terminal sends goes to the command as well: it ends as it likes. */
		if (__atomic_load_n(&interrupted, __ATOMIC_RELAXED) && gone && !stopped)
			stopped = !klab_recorder_stop(recorder);
		if (got < 0)
			poll(&(struct pollfd){ recorder, POLLIN, 0 }, 1, PROGRESS_MS / 5);
		klab_recorder_stat(recorder, &stat);
		show_progress(call, &stat, false);
	}
	show_progress(call, NULL, true);
	if (!gone)
		while (waitpid(command, status, 0) < 0 && errno == EINTR)
			;
}

static void join_words(char *to, size_t room, char **words, int count)
{
	size_t used = 0;
	int i;

	for (i = 0; i < count && used < room - 1; i++)
		used += snprintf(to + used, room - used, "%s%s", i ? " " : "", words[i]);
}

int record_run(struct call *call)
{
	const char *path = call->option[OPT_OUTPUT];
	struct recording recording = { .head = { .magic = RECORDING_MAGIC, .status = -1 } };
	struct recording_head *head = &recording.head;
	struct klab_recorder_stat stat;
	__u32 kinds = kinds_option(call);
	pid_t pid = number_option(call, OPT_PID, 1, INT32_MAX, 0), command = 0;
	json_object *top;
	FILE *file;
	int recorder;

	if (!pid == !call->operands)
		misuse(call, "it takes -- PROGRAM, or --pid");
	file = path ? fopen(path, "w+e") : tmpfile();
	if (!file) {
		call->step = path;
		refuse_because(call, errno, "the recording cannot be written");
	}
	device_open(call, 0);
	if (pid) {
		recorder = make_recorder(call, pid, kinds);
		if (recorder < 0)
			refuse(call, errno);
	} else {
		command = start_command(call, kinds, &recorder);
		join_words(head->command, sizeof(head->command), call->operand, call->operands);
	}
	sigaction(SIGINT, &(struct sigaction){ .sa_handler = interrupt }, NULL);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = interrupt }, NULL);
	head->pid = pid ? pid : command;
	fwrite(head, sizeof(*head), 1, file);
	drain(call, recorder, file, command, &head->status);
	if (klab_recorder_stat(recorder, &stat) < 0)
		refuse(call, errno);
	head->made = stat.made;
	head->dropped = stat.dropped;
	head->missed = stat.missed;
	rewind(file);
	if (fwrite(head, sizeof(*head), 1, file) != 1 || fflush(file))
		refuse(call, errno);

	if (!path) {
		rewind(file);
		recording_load(call, file, &recording);
		report_show(call, &recording);
	} else if (call->json) {
		top = json_start(call);
		json_string(top, "file", path);
		json_number(top, "events", head->made);
		json_number(top, "lost", head->dropped);
		json_number(top, "threads_missed", head->missed);
		json_finish(call, top);
	} else {
		fprintf(stderr, "klab: record: %llu events in %s, %llu lost; klab report %s\n",
			head->made - head->dropped, path, head->dropped, path);
	}
	fclose(file);
	if (!command)
		return DONE;
	return WIFSIGNALED(head->status) ? 128 + WTERMSIG(head->status) : WEXITSTATUS(head->status);
}
