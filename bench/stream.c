// SPDX-License-Identifier: GPL-2.0-only
/* Bytes from one buffer to another: in one task, or to a second task and back. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

struct stream {
	int in, out;
	pid_t self;
	size_t bytes;
	unsigned char *sent, *got;
};

/*
 * A channel of its own, as two descriptors: what goes into one comes out of the
 * other. For now it is the one that all openers of the device share, which
 * comes to the same as long as a row needs only one.
 */
static void klab_channel(int fd[2])
{
	fd[0] = device();
	fd[1] = device();
}

/* A new payload, so that the one that arrived before cannot pass for it. */
static void renew(struct stream *stream)
{
	static __u32 x = 2463534242;
	size_t i;

	for (i = 0; i < stream->bytes; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		stream->sent[i] = x;
	}
	/* Different from what is expected in every byte. */
	for (i = 0; i < stream->bytes; i++)
		stream->got[i] = ~stream->sent[i];
}

static void *stream_open(size_t bytes, const int fd[2])
{
	struct stream *stream = pages(sizeof(*stream));

	stream->out = fd[0];
	stream->in = fd[1];
	stream->self = getpid();
	stream->bytes = bytes;
	stream->sent = pages(bytes);
	stream->got = pages(bytes);
	renew(stream);
	return stream;
}

static void *klab_open_stream(size_t bytes)
{
	int fd[2];

	klab_channel(fd);
	return stream_open(bytes, fd);
}

static void *pipe_open(size_t bytes)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		fail(errno, "pipe");
	/* The same room as klab's channel has. */
	if (fcntl(fd[0], F_GETPIPE_SZ) != 65536)
		fail(0, "the pipe does not hold 64 KiB");
	return stream_open(bytes, fd);
}

static void *unix_open(size_t bytes)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		fail(errno, "socketpair");
	return stream_open(bytes, fd);
}

/* Not every facility gives all bytes at once. */
static void take(struct stream *stream)
{
	size_t done = 0;
	ssize_t n;

	do {
		n = read(stream->out, stream->got + done, stream->bytes - done);
		if (n <= 0)
			fail(n ? errno : 0, "read: %zd of %zu bytes", n, stream->bytes - done);
		done += n;
	} while (done < stream->bytes);
}

static void stream_run(void *state, unsigned long times)
{
	struct stream *stream = state;
	ssize_t n;

	while (times--) {
		n = write(stream->in, stream->sent, stream->bytes);
		if (n != (ssize_t)stream->bytes)
			fail(errno, "write: %zd of %zu bytes", n, stream->bytes);
		take(stream);
	}
}

/* The pipe gets the pages themselves, and the reader copies out of them. */
static void vmsplice_run(void *state, unsigned long times)
{
	struct stream *stream = state;
	struct iovec iov = { stream->sent, stream->bytes };
	ssize_t n;

	while (times--) {
		n = vmsplice(stream->in, &iov, 1, 0);
		if (n != (ssize_t)stream->bytes)
			fail(errno, "vmsplice: %zd of %zu bytes", n, stream->bytes);
		take(stream);
	}
}

/* One copy and no channel: the reader must know where the bytes are. */
static void process_vm_run(void *state, unsigned long times)
{
	struct stream *stream = state;
	struct iovec to = { stream->got, stream->bytes };
	struct iovec from = { stream->sent, stream->bytes };
	ssize_t n;

	while (times--) {
		n = process_vm_readv(stream->self, &to, 1, &from, 1, 0);
		if (n != (ssize_t)stream->bytes)
			fail(errno, "process_vm_readv: %zd of %zu bytes", n, stream->bytes);
	}
}

static void stream_check(void *state, unsigned long times)
{
	struct stream *stream = state;

	if (memcmp(stream->sent, stream->got, stream->bytes))
		fail(0, "what arrived is not what was sent");
	renew(stream);
}

static void stream_close(void *state)
{
	struct stream *stream = state;

	close(stream->in);
	close(stream->out);
	free(stream->sent);
	free(stream->got);
	free(stream);
}

const struct side klab_stream = {
	"klab", klab_open_stream, stream_run, stream_check, stream_close
};

const struct side pipe_stream = {
	"pipe", pipe_open, stream_run, stream_check, stream_close
};

const struct side unix_stream = {
	"unix socket", unix_open, stream_run, stream_check, stream_close
};

const struct side vmsplice_stream = {
	"vmsplice, read", pipe_open, vmsplice_run, stream_check, stream_close
};

const struct side process_vm_stream = {
	"process_vm_readv", pipe_open, process_vm_run, stream_check, stream_close
};

/* A second task that sends back each number plus one. */
struct partner {
	pid_t pid;
	int there, back;	/* our ends */
	__u64 number;
};

/*
 * Both tasks inherit the one processor that measure.c chose, so each waits for
 * the other in the kernel: what is measured is sleeping and waking.
 */
static void *partner_start(const int there[2], const int back[2])
{
	struct partner *partner = pages(sizeof(*partner));
	__u64 number;

	partner->there = there[1];
	partner->back = back[0];
	partner->number = 1;
	partner->pid = fork();
	if (partner->pid < 0)
		fail(errno, "fork");
	if (partner->pid)
		return partner;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(there[0], &number, sizeof(number)) == sizeof(number)) {
		number++;
		if (write(back[1], &number, sizeof(number)) != sizeof(number))
			break;
	}
	_exit(1);
}

static void eventfd_both(int fd[2])
{
	fd[0] = eventfd(0, EFD_CLOEXEC);
	if (fd[0] < 0)
		fail(errno, "eventfd");
	fd[1] = fd[0];
}

/*
 * There is one shared channel, and whoever writes to it and then reads would
 * take his own bytes back: so there by klab, and back by an eventfd.
 */
static void *klab_round_open(size_t bytes)
{
	int there[2], back[2];

	klab_channel(there);
	eventfd_both(back);
	return partner_start(there, back);
}

static void *eventfd_round_open(size_t bytes)
{
	int there[2], back[2];

	eventfd_both(there);
	eventfd_both(back);
	return partner_start(there, back);
}

static void round_run(void *state, unsigned long times)
{
	struct partner *partner = state;
	__u64 answer;

	while (times--) {
		if (write(partner->there, &partner->number, sizeof(answer)) != sizeof(answer))
			fail(errno, "write");
		if (read(partner->back, &answer, sizeof(answer)) != sizeof(answer))
			fail(errno, "read");
		if (answer != partner->number + 1)
			fail(0, "the partner's answer is wrong");
		partner->number = answer;
	}
}

static void round_close(void *state)
{
	struct partner *partner = state;

	kill(partner->pid, SIGKILL);
	waitpid(partner->pid, NULL, 0);
	close(partner->there);
	close(partner->back);
	free(partner);
}

const struct side klab_round = {
	"klab there, eventfd back", klab_round_open, round_run, NULL, round_close
};

const struct side eventfd_round = {
	"eventfd pair", eventfd_round_open, round_run, NULL, round_close
};
