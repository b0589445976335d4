// SPDX-License-Identifier: GPL-2.0-only
/* klab read, klab write: bytes through the channel that all openers share. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define CHUNK		(64 * 1024)

static char chunk[CHUNK];
/* Only there to be called: what matters is that ppoll() then ends with EINTR. */
static void interrupt(int number)
{
	(void)number;
}

/*
 * SIGINT and SIGTERM end a read between two chunks and lose no byte: they are let in
 * only while ppoll() waits. The mask to wait with comes back in @during_poll.
 */
static void catch_interrupts(sigset_t *during_poll)
{
	struct sigaction action = { .sa_handler = interrupt };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, during_poll);
	sigdelset(during_poll, SIGINT);
	sigdelset(during_poll, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Returns 0, or why there is nothing to read: -ETIMEDOUT, -EINTR. */
static int wait_readable(const struct call *call, int timeout_ms, const sigset_t *mask)
{
	struct timespec limit = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000L,
	};
	struct pollfd ready = { .fd = call->fd, .events = POLLIN };
	int got = ppoll(&ready, 1, timeout_ms < 0 ? NULL : &limit, mask);

	if (got < 0 && errno != EINTR)
		refuse(call, errno);
	if (got < 0)
		return -EINTR;
	return got ? 0 : -ETIMEDOUT;
}

static void put_out(const struct call *call, const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(STDOUT_FILENO, data, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			refuse_because(call, errno, "standard output took not all of it");
		data += done;
		size -= done;
	}
}

/* Without --count any end is a good one; with it only the end of the count is. */
static int end_of_read(const struct call *call, __u64 left, int reason)
{
	__u64 wanted = number_option(call, OPT_COUNT, 1, LLONG_MAX, 0);

	if (!wanted || !left)
		return DONE;
	if (reason == -ETIMEDOUT && call->option[OPT_NONBLOCK])
		reason = -EAGAIN;
	refuse_because(call, -reason, "%llu of %llu bytes came", wanted - left, wanted);
}

int read_run(struct call *call)
{
	__u64 left = number_option(call, OPT_COUNT, 1, LLONG_MAX, LLONG_MAX);
	int timeout = number_option(call, OPT_TIMEOUT, 0, INT_MAX, -1);
	int reason = 0;
	sigset_t mask;

	if (call->option[OPT_NONBLOCK] && call->option[OPT_TIMEOUT])
		misuse(call, "--nonblock waits for nothing, so it goes without --timeout");
	if (call->option[OPT_NONBLOCK])
		timeout = 0;
	device_open(call, O_NONBLOCK);
	catch_interrupts(&mask);

	while (left && !(reason = wait_readable(call, timeout, &mask))) {
		ssize_t got = read(call->fd, chunk, left < CHUNK ? left : CHUNK);

		/* Another reader may have been quicker. */
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got < 0)
			refuse(call, errno);
		put_out(call, chunk, got);
		left -= got;
	}
	return end_of_read(call, left, reason);
}

static void put_in(const struct call *call, const char *data, size_t size, __u64 *went)
{
	while (size) {
		ssize_t done = write(call->fd, data, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN)
			refuse_because(call, EAGAIN,
				       "the channel is full (%llu bytes) after %llu of these: klab read makes room",
				       call->info.channel_capacity, *went);
		if (done < 0)
			refuse(call, errno);
		data += done;
		size -= done;
		*went += done;
	}
}

/* The words with a space between, and a newline: one write as long as they fit. */
static void write_words(const struct call *call)
{
	size_t used = 0;
	__u64 went = 0;
	int i;

	for (i = 0; i < call->operands; i++) {
		size_t length = strlen(call->operand[i]);

		if (used + length + 1 > sizeof(chunk)) {
			put_in(call, chunk, used, &went);
			used = 0;
		}
		if (length + 1 > sizeof(chunk)) {
			put_in(call, call->operand[i], length, &went);
		} else {
			memcpy(chunk + used, call->operand[i], length);
			used += length;
		}
		chunk[used++] = i + 1 < call->operands ? ' ' : '\n';
	}
	put_in(call, chunk, used, &went);
}

int write_run(struct call *call)
{
	__u64 went = 0;
	ssize_t got;

	device_open(call, call->option[OPT_NONBLOCK] ? O_NONBLOCK : 0);
	if (call->operands) {
		write_words(call);
		return DONE;
	}
	while ((got = read(STDIN_FILENO, chunk, sizeof(chunk)))) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			refuse_because(call, errno, "standard input could not be read");
		put_in(call, chunk, got, &went);
	}
	return DONE;
}
