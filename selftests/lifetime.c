// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a descriptor holds lives exactly as long as the descriptor: as long as
 * anybody has it, or is in a call that came in by it, and not a moment longer.
 */
#include "channel_test.h"
#include "pass.h"

FIXTURE(lifetime)
{
	int other;		/* holds nothing; to look and to write with */
	int fd;			/* holds a batch */
	__u32 handle;
	long long before;	/* free pages without the batch */
	long long accounted;	/* and all that are not lost */
};

FIXTURE_SETUP(lifetime)
{
	self->other = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->other);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, channel_drain());
	self->before = free_pages(self->other);
	self->accounted = accounted_pages(self->other);
	ASSERT_EQ(0, hold(self->fd, BATCH_ORDER, BATCH_BLOCKS, &self->handle));
	ASSERT_TRUE(batch_is_held(self->other, self->before));
}

FIXTURE_TEARDOWN(lifetime)
{
	channel_drain();
	close(self->other);
}

#define EXPECT_HELD() EXPECT_TRUE(batch_is_held(self->other, self->before))
/* The last reference may go a moment after the call that gave it up. */
#define EXPECT_RELEASED() EXPECT_TRUE(eventually(!batch_is_held(self->other, self->before)))

TEST_F(lifetime, close_releases)
{
	ASSERT_EQ(0, close(self->fd));
	EXPECT_RELEASED();
}

TEST_F(lifetime, exit_releases)
{
	pid_t child = fork();

	if (!child) {
		__u32 handle;

		_exit(hold(open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), BATCH_ORDER, 1, &handle));
	}
	ASSERT_EQ(0, child_status(child));
	/* The child's own is gone, and the one that it had inherited is not. */
	EXPECT_HELD();
	EXPECT_EQ(BATCH_PAGES, pages_held(self->fd));
	close(self->fd);
	EXPECT_RELEASED();
}

TEST_F(lifetime, duplicates_are_one)
{
	int copy = dup(self->fd);

	ASSERT_EQ(0, close(self->fd));
	EXPECT_HELD();
	EXPECT_EQ(BATCH_PAGES, pages_held(copy));
	EXPECT_EQ(0, give_back(copy, self->handle));
	EXPECT_RELEASED();
	close(copy);
}

TEST_F(lifetime, killed_owner)
{
	pid_t child = fork();

	if (!child) {
		while (1)
			pause();
	}
	ASSERT_EQ(0, close(self->fd));
	EXPECT_HELD();
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_RELEASED();
}

/* On its way in a socket a descriptor belongs to nobody, and is not lost. */
TEST_F(lifetime, passed_over_a_socket)
{
	int sockets[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	ASSERT_TRUE(send_descriptor(sockets[0], self->fd));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_HELD();

	fd = receive_descriptor(sockets[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(BATCH_PAGES, pages_held(fd));
	EXPECT_EQ(0, give_back(fd, self->handle));
	EXPECT_EQ(0, hold(fd, BATCH_ORDER, BATCH_BLOCKS, &self->handle));
	EXPECT_HELD();

	/* And one that nobody ever takes out goes with the socket. */
	ASSERT_TRUE(send_descriptor(sockets[0], fd));
	close(fd);
	EXPECT_HELD();
	close(sockets[0]);
	close(sockets[1]);
	EXPECT_RELEASED();
}

/* A call that sleeps keeps what it came in by, though its number is closed. */
TEST_F(lifetime, closed_under_a_reader)
{
	char byte = 0;
	struct call call = { .fd = self->fd, .data = &byte, .size = 1 };

	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_TRUE(call_asleep(&call));
	EXPECT_HELD();

	ASSERT_EQ(1, write(self->other, "x", 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ('x', byte);
	EXPECT_RELEASED();
}

TEST_F(lifetime, closed_under_a_writer)
{
	struct call call = { .fd = self->fd, .data = "y", .size = 1, .writes = true };
	struct klab_info info;
	char *full;

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_INFO, &info));
	full = calloc(1, info.channel_capacity);
	ASSERT_EQ(info.channel_capacity, write(self->other, full, info.channel_capacity));
	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_TRUE(call_asleep(&call));
	EXPECT_HELD();

	ASSERT_EQ(1, read(self->other, full, 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ(info.channel_capacity, channel_drain());
	EXPECT_RELEASED();
}

/* A kill ends a sleeper at once, and all that it had goes with it. */
TEST_F(lifetime, killed_in_a_call)
{
	pid_t child = fork();
	int status;
	char byte;

	if (!child)
		_exit(read(self->fd, &byte, 1));
	ASSERT_EQ(0, close(self->fd));
	ASSERT_TRUE(eventually(asleep_in(child, SYS_read, self->fd)));
	EXPECT_HELD();
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_RELEASED();
}

/* Since the beginning, beside those that are held. */
static long long lost_pages(const struct _test_data_lifetime *self)
{
	return self->accounted - accounted_pages(self->other) - BATCH_PAGES;
}

/* Killed anywhere, again and again: nothing may be left over, or it would add up. */
TEST_F(lifetime, killed_anywhere)
{
	unsigned int *turns = shared_memory(sizeof(*turns)), round;
	__u32 handle;
	pid_t child;
	int fd;

	for (round = 1; round <= 40; round++) {
		child = fork();
		while (!child) {
			fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
			if (hold(fd, 0, 1000, &handle) || hold(fd, 5, 8, &handle) ||
			    give_back(fd, handle))
				_exit(1);
			close(fd);
			__atomic_add_fetch(turns, 1, __ATOMIC_RELAXED);
		}
		/* Kills fall where they fall; that they fall at work is what matters. */
		ASSERT_TRUE(eventually(__atomic_load_n(turns, __ATOMIC_RELAXED) > 3 * round));
		kill(child, SIGKILL);
		EXPECT_EQ(-1, child_status(child));
	}
	/* Each round that lost its pages would have cost 1000 of them and more. */
	EXPECT_HELD();
	EXPECT_TRUE(eventually(lost_pages(self) < 800))
		TH_LOG("%lld pages are lost", lost_pages(self));
	close(self->fd);
	EXPECT_RELEASED();
}

struct shared {
	int fd;			/* what it is changes all the time */
	int stop;
	int surprises;
};

static void *use_it(void *argument)
{
	struct shared *shared = argument;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		int fd = __atomic_load_n(&shared->fd, __ATOMIC_RELAXED), error;
		__u32 handle;

		error = hold(fd, 2, 20, &handle);
		if (!error)
			error = give_back(fd, handle);
		/* Closed in between, or another one by now: both are to be expected. */
		if (error && error != EBADF && error != ENOENT)
			__atomic_store_n(&shared->surprises, error, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Threads go on using a number that is closed and opened under them. */
TEST_F(lifetime, closed_in_use)
{
	struct shared shared = { .fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC) };
	pthread_t threads[3];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, use_it, &shared));
	for (i = 0; i < 500; i++) {
		close(shared.fd);
		sched_yield();
		ASSERT_EQ(shared.fd, open(KLAB_DEVICE, O_RDWR | O_CLOEXEC));
		sched_yield();
	}
	__atomic_store_n(&shared.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, shared.surprises);
	/* With the threads every call is over: what is held now would be held for ever. */
	EXPECT_LE(0, pages_held(shared.fd));
	close(shared.fd);
	EXPECT_TRUE(eventually(lost_pages(self) < 200))
		TH_LOG("%lld pages are lost", lost_pages(self));
}

TEST_HARNESS_MAIN
