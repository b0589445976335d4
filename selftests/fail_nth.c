// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every point where the kernel could fail us, one after the other: an allocation that
 * finds no memory, a copy that meets a bad page. /proc/self/fail-nth has the N-th of
 * them fail in one call of this task. Each call must fail cleanly or not at all: with
 * an errno that fits, and with nothing changed, so that the same call made once more
 * does all that it should. N goes up until the call has no N-th point.
 *
 * Which memory is then lost tells kmemleak, when the program is over.
 */
#include <sys/epoll.h>

#include "fault.h"
#include "scene.h"

FIXTURE(fail_nth)
{
	int nth;
	struct scene scene;
};

FIXTURE_SETUP(fail_nth)
{
	self->nth = open_fail_nth();
	if (self->nth < 0)
		SKIP(return, "no fault injection in this kernel");
	ASSERT_TRUE(set_faults());
}

FIXTURE_TEARDOWN(fail_nth)
{
	close(self->nth);
}

/* A call that has more points than this does not end, or does too much. */
#define POINTS_MAX	400

static bool fits(int error)
{
	return error == ENOMEM || error == EFAULT;
}

/* 0: what this argument is to be answered with. */
static int call(int fd, int command, union argument *arg)
{
	int error = klab(fd, commands[command].number, arg);

	return error == scene_answer(command) ? 0 : error;
}

/*
 * All commands, by their argument in scene.h. One case is the exception that the
 * contract has: the answer could not be written any more, and so it is EFAULT although
 * it was done.
 */
TEST_F(fail_nth, commands)
{
	int command, nth, fd, error, struck_at;
	static union argument arg;
	bool hit, late;

	for (command = 0; command < COMMANDS; command++) {
		const char *name = commands[command].name;
		unsigned long number = commands[command].number;

		struck_at = 0;
		for (nth = 1; nth < POINTS_MAX; nth++) {
			ASSERT_TRUE(scene_open(&self->scene));
			scene_argument(&self->scene, command, &arg);
			/* To make a recorder to ask is not what is to fail. */
			fd = scene_fd(&self->scene, command);
			ASSERT_TRUE(arm(self->nth, nth));
			error = call(fd, command, &arg);
			hit = struck(self->nth);
			struck_at += hit;
			late = error && !scene_untouched(&self->scene);
			if (late) {
				EXPECT_TRUE(error == EFAULT && _IOC_DIR(number) & _IOC_READ)
					TH_LOG("%s, point %d left something: %s", name, nth,
					       strerror(error));
			} else if (error) {
				EXPECT_TRUE(hit && fits(error))
					TH_LOG("%s, point %d: %s", name, nth, strerror(error));
				scene_argument(&self->scene, command, &arg);
				EXPECT_EQ(0, call(fd, command, &arg))
					TH_LOG("%s, again after point %d", name, nth);
			}
			if (!late)
				EXPECT_TRUE(scene_done(&self->scene, command, &arg))
					TH_LOG("%s is not done, point %d", name, nth);
			scene_close(&self->scene);
			if (!hit)
				break;
		}
		EXPECT_GT(POINTS_MAX, nth)
			TH_LOG("%s has no end", name);
		/* The struct at least is copied in or out. */
		EXPECT_LT(0, struck_at)
			TH_LOG("%s", name);
		printf("# %s: %d points\n", name, struck_at);
		fflush(stdout);
	}
}

/* What a call on a stream acts upon. Its bytes are the state that must not change. */
struct stage {
	int klab, channel, epoll, eventfd, pipe[2];
	char bytes[64];
};

#define HELD	100		/* bytes in the channel, of a known kind */
#define PIPED	10		/* and in the pipe */

static bool stage_open(struct stage *stage)
{
	static const char held[HELD] = "held";

	stage->klab = open(KLAB_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	stage->channel = create_channel(stage->klab, 4096, 0);
	stage->epoll = epoll_create1(EPOLL_CLOEXEC);
	return !fcntl(stage->channel, F_SETFL, O_NONBLOCK) && !pipe(stage->pipe) &&
	       write(stage->channel, held, HELD) == HELD &&
	       write(stage->pipe[1], "0123456789", PIPED) == PIPED;
}

static void stage_close(struct stage *stage)
{
	close(stage->pipe[0]);
	close(stage->pipe[1]);
	close(stage->epoll);
	close(stage->channel);
	close(stage->klab);
}

/* Each is one system call, or two of which one cannot fail: its result as read(2) has it. */
static long open_device(struct stage *stage)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);

	(void)stage;
	return fd < 0 ? fd : close(fd);
}

static long read_bytes(struct stage *stage)
{
	return read(stage->channel, stage->bytes, 40);
}

static long write_bytes(struct stage *stage)
{
	return write(stage->channel, stage->bytes, 30);
}

static long read_vector(struct stage *stage)
{
	struct iovec to[] = { { stage->bytes, 20 }, { stage->bytes + 20, 20 } };

	return readv(stage->channel, to, 2);
}

static long write_vector(struct stage *stage)
{
	struct iovec from[] = { { stage->bytes, 20 }, { stage->bytes + 20, 10 } };

	return writev(stage->channel, from, 2);
}

static long splice_out(struct stage *stage)
{
	return splice(stage->channel, NULL, stage->pipe[1], NULL, 40, 0);
}

static long splice_in(struct stage *stage)
{
	return splice(stage->pipe[0], NULL, stage->channel, NULL, PIPED, 0);
}

static long poll_it(struct stage *stage)
{
	struct pollfd poller = { .fd = stage->channel, .events = POLLIN };

	return poll(&poller, 1, 0);
}

static long epoll_it(struct stage *stage)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(stage->epoll, EPOLL_CTL_ADD, stage->channel, &event);
}

static long signal_it(struct stage *stage)
{
	return fcntl(stage->channel, F_SETFL, O_NONBLOCK | O_ASYNC);
}

static long count_it(struct stage *stage)
{
	int bytes;

	return ioctl(stage->channel, FIONREAD, &bytes);
}

static long look_at_it(struct stage *stage)
{
	return fdinfo_value(stage->channel, "channel_bytes", 10);
}

static long map_it(struct stage *stage)
{
	int fd = create_channel(stage->klab, 4096, KLAB_CHANNEL_MAPPABLE);
	void *map;

	if (fd < 0)
		return errno == EOPNOTSUPP ? 0 : -1;
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	close(fd);
	return map == MAP_FAILED ? -1 : munmap(map, 8192);
}

static const struct operation {
	const char *name;
	long (*run)(struct stage *stage);
	long result;
	int in_channel, in_pipe;	/* bytes, afterwards */
} operations[] = {
	{ "open", open_device, 0, HELD, PIPED },
	{ "read", read_bytes, 40, HELD - 40, PIPED },
	{ "write", write_bytes, 30, HELD + 30, PIPED },
	{ "readv", read_vector, 40, HELD - 40, PIPED },
	{ "writev", write_vector, 30, HELD + 30, PIPED },
	{ "splice out", splice_out, 40, HELD - 40, PIPED + 40 },
	{ "splice in", splice_in, PIPED, HELD + PIPED, 0 },
	{ "poll", poll_it, 1, HELD, PIPED },
	{ "epoll", epoll_it, 0, HELD, PIPED },
	{ "SIGIO", signal_it, 0, HELD, PIPED },
	{ "FIONREAD", count_it, 0, HELD, PIPED },
	{ "fdinfo", look_at_it, HELD, HELD, PIPED },
	{ "mmap", map_it, 0, HELD, PIPED },
};

static int count_bytes(int fd)
{
	int bytes = -1;

	return ioctl(fd, FIONREAD, &bytes) ? -1 : bytes;
}

/* A transfer may be short where a vector ends: what it says must be what went. */
TEST_F(fail_nth, file_operations)
{
	const struct operation *operation;
	int nth, struck_at, moved;
	struct stage stage;
	long result;
	bool hit;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		operation = &operations[i];
		struck_at = 0;
		for (nth = 1; nth < POINTS_MAX; nth++) {
			ASSERT_TRUE(stage_open(&stage));
			ASSERT_TRUE(arm(self->nth, nth));
			result = operation->run(&stage);
			hit = struck(self->nth);
			struck_at += hit;
			moved = HELD - count_bytes(stage.channel);
			if (result < 0) {
				EXPECT_TRUE(hit)
					TH_LOG("%s, point %d", operation->name, nth);
				EXPECT_EQ(0, moved)
					TH_LOG("%s, point %d", operation->name, nth);
				EXPECT_EQ(PIPED, count_bytes(stage.pipe[0]));
				result = operation->run(&stage);
				moved = HELD - count_bytes(stage.channel);
			}
			if (result == operation->result) {
				EXPECT_EQ(HELD - operation->in_channel, moved)
					TH_LOG("%s, point %d", operation->name, nth);
				EXPECT_EQ(operation->in_pipe, count_bytes(stage.pipe[0]))
					TH_LOG("%s, point %d", operation->name, nth);
			} else {
				EXPECT_TRUE(hit && result > 0 && result < operation->result)
					TH_LOG("%s, point %d: %ld", operation->name, nth, result);
				EXPECT_EQ(result, moved < 0 ? -moved : moved)
					TH_LOG("%s, point %d", operation->name, nth);
			}
			stage_close(&stage);
			if (!hit)
				break;
		}
		EXPECT_GT(POINTS_MAX, nth)
			TH_LOG("%s has no end", operation->name);
		printf("# %s: %d points\n", operation->name, struck_at);
		fflush(stdout);
	}
}

TEST_HARNESS_MAIN
