// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same calls to a pipe and to a private channel, one by one: what comes back must
 * be the same, down to the errno. Where it is not, it is in the table of differences,
 * with its reason; and what is in that table must still differ.
 */
#include "channel_test.h"

#define CAPACITY	65536

/* The two ends: of a channel they are the same descriptor. */
struct stream {
	int in, out;
	bool is_channel;
};

static unsigned char data[2 * CAPACITY], sink[2 * CAPACITY];
/* Where no access is allowed. */
static void *nowhere;

static struct stream make(bool is_channel, int flags)
{
	struct stream stream = { .is_channel = is_channel };
	int fds[2] = { -1, -1 }, klab;

	if (is_channel) {
		klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
		stream.in = create_channel(klab, CAPACITY, 0);
		close(klab);
		fcntl(stream.in, F_SETFL, flags);
		stream.out = dup(stream.in);
	} else {
		/* As large as the channel, so that both are full at the same byte. */
		pipe2(fds, O_CLOEXEC | flags);
		stream.out = fds[0];
		stream.in = fds[1];
		fcntl(stream.in, F_SETPIPE_SZ, CAPACITY);
	}
	return stream;
}

/* No more will be written: of a pipe when the last writer closes it. */
static void end(struct stream *stream)
{
	if (stream->is_channel)
		end_channel(stream->in);
	else
		close(stream->in);
}

/* A pipe breaks when its last reader is gone, a channel when somebody ends it. */
static void break_off(struct stream *stream)
{
	if (stream->is_channel)
		end_channel(stream->in);
	else
		close(stream->out);
}

static void unmake(struct stream *stream)
{
	close(stream->in);
	close(stream->out);
}

/* What came back, call by call: the result, or the errno as a negative number. */
struct record {
	int count;
	long long results[40];
	const char *calls[40];
};

static long long outcome(long long result)
{
	return result < 0 ? -errno : result;
}

#define DO(call) do {							\
	record->calls[record->count] = #call;				\
	record->results[record->count++] = outcome(call);		\
} while (0)

#define PUT(size) write(s->in, data, size)
#define GET(size) read(s->out, sink, size)

static int pending_bytes(int fd)
{
	int bytes = -1;

	return ioctl(fd, FIONREAD, &bytes) ? -1 : bytes;
}

static int polled(int fd, short events)
{
	struct pollfd poller = { .fd = fd, .events = events };

	poll(&poller, 1, 0);
	return poller.revents;
}

#define READABLE() polled(s->out, POLLIN | POLLRDNORM)
#define WRITABLE() polled(s->in, POLLOUT | POLLWRNORM)

static void empty(struct stream *s, struct record *record)
{
	DO(GET(1));
	DO(GET(0));
	DO(PUT(0));
	DO(pending_bytes(s->out));
	DO(pending_bytes(s->in));
	DO(READABLE());
	DO(WRITABLE());
	DO(preadv2(s->out, &(struct iovec) { sink, 1 }, 1, -1, RWF_NOWAIT));
	DO(lseek(s->out, 0, SEEK_SET));
	DO(pread(s->out, sink, 1, 0));
	DO(pwrite(s->in, data, 1, 0));
	DO(ioctl(s->out, FIONREAD, NULL));
}

static void partial(struct stream *s, struct record *record)
{
	DO(PUT(1000));
	DO(pending_bytes(s->out));
	DO(READABLE());
	DO(GET(300));
	DO(memcmp(sink, data, 300));
	DO(pending_bytes(s->out));
	DO(GET(5000));
	DO(memcmp(sink, data + 300, 700));
	DO(GET(1));
	DO(writev(s->in, (struct iovec[]) { { data, 3 }, { NULL, 0 }, { data + 3, 4 } }, 3));
	DO(readv(s->out, (struct iovec[]) { { sink, 5 }, { sink + 5, 5 } }, 2));
	DO(memcmp(sink, data, 7));
	DO(PUT(10));
	DO(read(s->out, nowhere, 10));
	DO(pending_bytes(s->out));
	DO(write(s->in, nowhere, 10));
	DO(GET(100));
}

/* An atomic write does not go in by halves; a longer one takes the room that there is. */
static void full(struct stream *s, struct record *record)
{
	DO(PUT(CAPACITY));
	DO(PUT(1));
	DO(PUT(0));
	DO(WRITABLE());
	DO(pwritev2(s->in, &(struct iovec) { data, 1 }, 1, -1, RWF_NOWAIT));
	DO(GET(4096));
	DO(WRITABLE());
	DO(PUT(CAPACITY));
	DO(PUT(1));
	DO(GET(CAPACITY));
	DO(memcmp(sink, data + 4096, CAPACITY - 4096));
	DO(PUT(2 * CAPACITY));
	DO(pending_bytes(s->out));
	DO(GET(2 * CAPACITY));
}

static void ended(struct stream *s, struct record *record)
{
	DO(PUT(100));
	end(s);
	DO(polled(s->out, POLLIN));
	DO(pending_bytes(s->out));
	DO(GET(60));
	DO(GET(60));
	DO(polled(s->out, POLLIN));
	DO(polled(s->out, 0));
	DO(GET(60));
	DO(GET(60));
	DO(GET(0));
	DO(pending_bytes(s->out));
}

static int pipes;

static void count_pipes(int number)
{
	pipes += number == SIGPIPE;
}

static void broken(struct stream *s, struct record *record)
{
	pipes = 0;
	break_off(s);
	DO(PUT(1));
	DO(PUT(2 * CAPACITY));
	DO(pipes);
	DO(PUT(0));
	DO(pipes);
}

static int handled;

static void handler(int number)
{
	__atomic_add_fetch(&handled, number == SIGUSR1, __ATOMIC_SEQ_CST);
}

static void interrupt(struct stream *s, struct record *record, bool writes, size_t size, int flags)
{
	struct call call = {
		.fd = writes ? s->in : s->out, .data = writes ? data : sink, .size = size,
		.writes = writes,
	};
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
	bool asleep;

	sigaction(SIGUSR1, &action, NULL);
	__atomic_store_n(&handled, 0, __ATOMIC_SEQ_CST);
	call_start(&call);
	asleep = eventually(call_asleep(&call));
	pthread_kill(call.thread, SIGUSR1);
	DO(asleep && eventually(__atomic_load_n(&handled, __ATOMIC_SEQ_CST) == 1));
	if (flags & SA_RESTART) {
		DO(eventually(call_asleep(&call)));
		if (writes)
			DO(GET(CAPACITY));
		else
			DO(PUT(7));
	}
	call_end(&call);
	DO(call.result < 0 ? -call.error : call.result);
}

static void interrupted(struct stream *s, struct record *record)
{
	interrupt(s, record, false, 100, 0);
	interrupt(s, record, false, 100, SA_RESTART);
	DO(PUT(CAPACITY));
	interrupt(s, record, true, 4096, 0);
	interrupt(s, record, true, 4096, SA_RESTART);
	DO(GET(CAPACITY));
	/* What went in cannot be taken back, so it is the answer. */
	interrupt(s, record, true, CAPACITY + 4096, 0);
	DO(pending_bytes(s->out));
}

FIXTURE(pipe_same)
{
	struct record pipe, channel;
};

FIXTURE_VARIANT(pipe_same)
{
	void (*script)(struct stream *s, struct record *record);
	int flags;
};

FIXTURE_VARIANT_ADD(pipe_same, empty) { .script = empty, .flags = O_NONBLOCK };
FIXTURE_VARIANT_ADD(pipe_same, partial) { .script = partial, .flags = O_NONBLOCK };
FIXTURE_VARIANT_ADD(pipe_same, full) { .script = full, .flags = O_NONBLOCK };
FIXTURE_VARIANT_ADD(pipe_same, ended) { .script = ended, .flags = O_NONBLOCK };
FIXTURE_VARIANT_ADD(pipe_same, ended_blocking) { .script = ended };
FIXTURE_VARIANT_ADD(pipe_same, broken) { .script = broken, .flags = O_NONBLOCK };
FIXTURE_VARIANT_ADD(pipe_same, broken_blocking) { .script = broken };
FIXTURE_VARIANT_ADD(pipe_same, interrupted) { .script = interrupted };

static void run(struct record *record, bool is_channel, int flags,
		void (*script)(struct stream *s, struct record *record))
{
	struct stream stream = make(is_channel, flags);

	record->count = 0;
	script(&stream, record);
	unmake(&stream);
}

static void prepare(void)
{
	size_t i;

	nowhere = fenced_memory(1);

	for (i = 0; i < sizeof(data); i++)
		data[i] = i % 251 + 1;
	signal(SIGPIPE, count_pipes);
}

FIXTURE_SETUP(pipe_same)
{
	prepare();
	run(&self->pipe, false, variant->flags, variant->script);
	run(&self->channel, true, variant->flags, variant->script);
}

FIXTURE_TEARDOWN(pipe_same)
{
}

TEST_F(pipe_same, call_by_call)
{
	int i;

	ASSERT_LT(0, self->pipe.count);
	ASSERT_EQ(self->pipe.count, self->channel.count);
	for (i = 0; i < self->pipe.count; i++) {
		/* Before 6.4 a pipe did not know of it; what it says since is what counts. */
		if (strstr(self->pipe.calls[i], "RWF_NOWAIT") &&
		    self->pipe.results[i] == -EOPNOTSUPP)
			self->pipe.results[i] = -EAGAIN;
		EXPECT_EQ(self->pipe.results[i], self->channel.results[i])
			TH_LOG("%s", self->pipe.calls[i]);
	}
}

#include "pipe_differences.h"

TEST_HARNESS_MAIN
