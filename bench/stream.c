// SPDX-License-Identifier: GPL-2.0-only
/* Bytes from one buffer to another, in one task. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"

struct stream {
	int in, out;
	pid_t self;
	size_t bytes;
	unsigned char *sent, *got;
};

static void *stream_open(size_t bytes, const int fd[2])
{
	struct stream *stream = pages(sizeof(*stream));

	stream->out = fd[0];
	stream->in = fd[1];
	stream->self = getpid();
	stream->bytes = bytes;
	stream->sent = pages(bytes);
	stream->got = pages(bytes);
	renew(stream->sent, stream->got, bytes);
	return stream;
}

/* The one that all who open the device share: nobody else is here. */
static void *shared_open(size_t bytes)
{
	int fd[2] = { device(), device() };

	return stream_open(bytes, fd);
}

static void *private_open(size_t bytes)
{
	int fd[2] = { private_channel(0) };

	fd[1] = dup(fd[0]);
	if (fd[1] < 0)
		fail(errno, "dup");
	return stream_open(bytes, fd);
}

static void *pipe_open(size_t bytes)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		fail(errno, "pipe");
	/* The same room as klab's channels have. */
	if (fcntl(fd[0], F_GETPIPE_SZ) != CAPACITY)
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
	renew(stream->sent, stream->got, stream->bytes);
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
	"klab", shared_open, stream_run, stream_check, stream_close
};

const struct side klab_private = {
	"klab", private_open, stream_run, stream_check, stream_close
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
