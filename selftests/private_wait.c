// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting at a private channel: who is woken by its end, by a resize, by a signal, by
 * KLAB_IOC_CHANNEL_WAKE, and what the counters say of a scripted sequence, to the last one.
 */
#include <linux/userfaultfd.h>
#include <sys/epoll.h>

#include "channel_test.h"

#define CAPACITY	8192

FIXTURE(private_wait)
{
	int klab;
	int fd;			/* the channel, blocking */
	struct klab_channel_stat stat;	/* what the counters ought to say */
	unsigned char bytes[CAPACITY];
};

FIXTURE_SETUP(private_wait)
{
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->fd = create_channel(self->klab, CAPACITY, 0);
	ASSERT_LE(0, self->fd);
	self->stat.capacity = CAPACITY;
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(private_wait)
{
	close(self->fd);
	close(self->klab);
}

#define PUT(size) ASSERT_EQ(size, write(self->fd, self->bytes, size))
#define TAKE(size) ASSERT_EQ(size, read(self->fd, self->bytes, size))

#define EXPECT_SIDE(side) do {						\
	EXPECT_EQ(self->stat.side.bytes, _now.side.bytes);		\
	EXPECT_EQ(self->stat.side.calls, _now.side.calls);		\
	EXPECT_EQ(self->stat.side.sleeps, _now.side.sleeps);		\
	EXPECT_EQ(self->stat.side.wakeups, _now.side.wakeups);		\
} while (0)

/* The ioctl says what the test expects, and fdinfo says the same. */
#define EXPECT_COUNTERS() do {						\
	struct klab_channel_stat _now = channel_stat(self->fd);		\
									\
	EXPECT_EQ(self->stat.capacity, _now.capacity);			\
	EXPECT_EQ(self->stat.bytes, _now.bytes);			\
	EXPECT_EQ(0, _now.reserved);					\
	EXPECT_SIDE(write);						\
	EXPECT_SIDE(read);						\
	EXPECT_TRUE(fdinfo_agrees(self->fd, "channel_write", &_now.write)); \
	EXPECT_TRUE(fdinfo_agrees(self->fd, "channel_read", &_now.read)); \
	EXPECT_EQ(_now.bytes, channel_bytes(self->fd));			\
} while (0)

static bool fdinfo_agrees(int fd, const char *key, const struct klab_channel_side *side)
{
	char path[64], line[256], wanted[256];
	bool found = false;
	FILE *file;

	snprintf(wanted, sizeof(wanted), "%s:\tbytes %llu calls %llu sleeps %llu wakeups %llu\n",
		 key, (unsigned long long)side->bytes, (unsigned long long)side->calls,
		 (unsigned long long)side->sleeps, (unsigned long long)side->wakeups);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = !strcmp(line, wanted);
	if (file)
		fclose(file);
	return found;
}

TEST_F(private_wait, counters_without_waiting)
{
	EXPECT_COUNTERS();
	PUT(1000);
	self->stat.write.bytes = 1000;
	self->stat.bytes = 1000;
	self->stat.write.calls = 1;
	EXPECT_COUNTERS();
	TAKE(400);
	TAKE(500);
	self->stat.read.bytes = 900;
	self->stat.read.calls = 2;
	self->stat.bytes = 100;
	EXPECT_COUNTERS();

	/* Refused, or about nothing: no call in this sense. */
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, read(self->fd, self->bytes, 0));
	EXPECT_EQ(0, write(self->fd, self->bytes, 0));
	TAKE(100);
	EXPECT_EQ(-1, read(self->fd, self->bytes, 1));
	self->stat.read.bytes = 1000;
	self->stat.read.calls = 3;
	self->stat.bytes = 0;
	EXPECT_COUNTERS();
}

TEST_F(private_wait, counters_of_a_reader_that_waits)
{
	struct call call = { .fd = self->fd, .data = self->bytes, .size = 100 };

	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	self->stat.read.sleeps = 1;
	EXPECT_COUNTERS();
	ASSERT_EQ(10, write(self->fd, "0123456789", 10));
	ASSERT_EQ(10, call_end(&call));
	self->stat.read.wakeups = 1;
	self->stat.write.bytes = 10;
	self->stat.read.bytes = 10;
	self->stat.write.calls = 1;
	self->stat.read.calls = 1;
	EXPECT_COUNTERS();
}

/* A long write is one call, in however many pieces it goes. */
TEST_F(private_wait, counters_of_a_writer_that_waits)
{
	static unsigned char data[CAPACITY + 5000];
	struct call call = {
		.fd = self->fd, .data = data, .size = sizeof(data), .writes = true,
	};

	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	self->stat.write.sleeps = 1;
	self->stat.write.bytes = CAPACITY;
	self->stat.bytes = CAPACITY;
	EXPECT_COUNTERS();
	TAKE(CAPACITY);
	ASSERT_EQ(sizeof(data), call_end(&call));
	self->stat.write.wakeups = 1;
	self->stat.write.calls = 1;
	self->stat.read.calls = 1;
	self->stat.write.bytes = sizeof(data);
	self->stat.read.bytes = CAPACITY;
	self->stat.bytes = 5000;
	EXPECT_COUNTERS();

	/* The end is something that a reader gets, and so is a call. */
	TAKE(5000);
	ASSERT_EQ(0, end_channel(self->fd));
	ASSERT_EQ(0, read(self->fd, data, 1));
	EXPECT_EQ(-1, write(self->fd, data, 1));
	self->stat.read.calls += 2;
	self->stat.read.bytes += 5000;
	self->stat.bytes = 0;
	EXPECT_COUNTERS();
}

#define SLEEPERS	4

/* The end is for everybody who waits. */
TEST_F(private_wait, end_wakes_readers)
{
	struct call calls[SLEEPERS];
	char bytes[SLEEPERS];
	int i;

	for (i = 0; i < SLEEPERS; i++) {
		calls[i] = (struct call) { .fd = self->fd, .data = &bytes[i], .size = 1 };
		ASSERT_TRUE(call_start(&calls[i]));
	}
	for (i = 0; i < SLEEPERS; i++)
		ASSERT_TRUE(eventually(call_asleep(&calls[i])));
	ASSERT_EQ(0, end_channel(self->fd));
	for (i = 0; i < SLEEPERS; i++)
		EXPECT_EQ(0, call_end(&calls[i]));
	EXPECT_EQ(SLEEPERS, channel_stat(self->fd).read.calls);
}

TEST_F(private_wait, end_wakes_writers)
{
	struct call calls[SLEEPERS];
	int i;

	PUT(CAPACITY);
	for (i = 0; i < SLEEPERS; i++) {
		calls[i] = (struct call) {
			.fd = self->fd, .data = "x", .size = 1, .writes = true,
		};
		ASSERT_TRUE(call_start(&calls[i]));
	}
	for (i = 0; i < SLEEPERS; i++)
		ASSERT_TRUE(eventually(call_asleep(&calls[i])));
	ASSERT_EQ(0, end_channel(self->fd));
	for (i = 0; i < SLEEPERS; i++) {
		EXPECT_EQ(-1, call_end(&calls[i]));
		EXPECT_EQ(EPIPE, calls[i].error);
	}
	TAKE(CAPACITY);
	EXPECT_EQ(0, read(self->fd, self->bytes, 1));
}

/* What had gone in before the end came is what a long write answers. */
TEST_F(private_wait, end_in_a_long_write)
{
	static unsigned char data[2 * CAPACITY];
	struct call call = {
		.fd = self->fd, .data = data, .size = sizeof(data), .writes = true,
	};

	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	ASSERT_EQ(0, end_channel(self->fd));
	EXPECT_EQ(CAPACITY, call_end(&call));
	TAKE(CAPACITY);
}

static short polled(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN | POLLOUT };

	poll(&poller, 1, 0);
	return poller.revents;
}

TEST_F(private_wait, end_in_poll)
{
	struct pollfd none = { .fd = self->fd };
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	EXPECT_EQ(POLLOUT, polled(self->fd));
	PUT(1);
	ASSERT_EQ(0, end_channel(self->fd));
	EXPECT_EQ(POLLIN | POLLHUP, polled(self->fd));
	TAKE(1);
	EXPECT_EQ(POLLHUP, polled(self->fd));
	/* Told to who asked for nothing, too. */
	EXPECT_EQ(1, poll(&none, 1, 0));
	EXPECT_EQ(POLLHUP, none.revents);
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 0));
	EXPECT_EQ(EPOLLHUP, event.events);
	close(epoll);
}

/* Who waits for nothing but the end sleeps until then, and no longer. */
TEST_F(private_wait, end_wakes_who_asked_for_nothing)
{
	struct epoll_event event = { .events = 0 };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	pid_t child;

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	child = fork();
	if (!child)
		_exit(epoll_wait(epoll, &event, 1, -1) != 1 || event.events != EPOLLHUP);
	ASSERT_TRUE(eventually(asleep_in(child, SYS_epoll_wait, epoll)));
	ASSERT_EQ(0, end_channel(self->fd));
	EXPECT_EQ(0, child_status(child));
	close(epoll);
}

/* More room is room, whoever made it. */
TEST_F(private_wait, resize_wakes_writers)
{
	struct call calls[SLEEPERS];
	int i;

	PUT(CAPACITY);
	for (i = 0; i < SLEEPERS; i++) {
		calls[i] = (struct call) {
			.fd = self->fd, .data = self->bytes, .size = 2000, .writes = true,
		};
		ASSERT_TRUE(call_start(&calls[i]));
	}
	for (i = 0; i < SLEEPERS; i++)
		ASSERT_TRUE(eventually(call_asleep(&calls[i])));
	ASSERT_EQ(0, resize_channel(self->fd, 2 * CAPACITY));
	for (i = 0; i < SLEEPERS; i++)
		EXPECT_EQ(2000, call_end(&calls[i]));
	EXPECT_EQ(CAPACITY + SLEEPERS * 2000, channel_stat(self->fd).bytes);
}

static int *handled;

static void handle(int number)
{
	__atomic_add_fetch(handled, number == SIGUSR1, __ATOMIC_SEQ_CST);
}

/* A child that asks to be told of @bytes of data and exits with what it is told. */
static pid_t wait_for_data(int fd, __u64 bytes, int flags)
{
	struct klab_channel_wait wait = { .side = KLAB_CHANNEL_READERS, .bytes = bytes };
	struct sigaction action = { .sa_handler = handle, .sa_flags = flags };
	pid_t child;

	handled = shared_memory(sizeof(*handled));
	sigaction(SIGUSR1, &action, NULL);
	child = fork();
	if (!child)
		_exit(klab(fd, KLAB_IOC_CHANNEL_WAIT, &wait));
	return child;
}

#define EXPECT_INTERRUPTED(child) do {					\
	ASSERT_TRUE(eventually(asleep_in(child, SYS_ioctl, self->fd)));	\
	ASSERT_EQ(0, kill(child, SIGUSR1));				\
	EXPECT_TRUE(eventually(__atomic_load_n(handled, __ATOMIC_SEQ_CST) == 1)); \
} while (0)

TEST_F(private_wait, signal_ends_a_wait)
{
	pid_t child = wait_for_data(self->fd, 1, 0);

	EXPECT_INTERRUPTED(child);
	EXPECT_EQ(EINTR, child_status(child));
	EXPECT_EQ(1, channel_stat(self->fd).read.sleeps);
}

TEST_F(private_wait, signal_restarts_a_wait)
{
	pid_t child = wait_for_data(self->fd, 1, SA_RESTART);

	EXPECT_INTERRUPTED(child);
	EXPECT_TRUE(eventually(asleep_in(child, SYS_ioctl, self->fd)));
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	PUT(1);
	EXPECT_EQ(0, child_status(child));
	EXPECT_EQ(2, channel_stat(self->fd).read.sleeps);
}

/* For more than there can be any longer, nobody has to wait for ever. */
TEST_F(private_wait, resize_ends_a_wait)
{
	pid_t child = wait_for_data(self->fd, CAPACITY, 0);

	ASSERT_TRUE(eventually(asleep_in(child, SYS_ioctl, self->fd)));
	ASSERT_EQ(0, resize_channel(self->fd, CAPACITY / 2));
	EXPECT_EQ(EINVAL, child_status(child));
}

TEST_F(private_wait, kill_ends_a_wait)
{
	pid_t child = wait_for_data(self->fd, 1, 0);
	int status;

	ASSERT_TRUE(eventually(asleep_in(child, SYS_ioctl, self->fd)));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	PUT(1);
	TAKE(1);
}

/* Memory that nobody gets at: who copies to or from it is stuck there until it is filled. */
struct sticky {
	int fd;
	struct uffdio_zeropage page;
};

static bool make_sticky(struct sticky *sticky)
{
	size_t size = sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register all = {
		.range = { (uintptr_t)memory, size }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	sticky->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	sticky->page = (struct uffdio_zeropage) { .range = all.range };
	return sticky->fd >= 0 &&
	       !ioctl(sticky->fd, UFFDIO_API, &(struct uffdio_api) { .api = UFFD_API }) &&
	       !ioctl(sticky->fd, UFFDIO_REGISTER, &all);
}

static void *sticky_memory(const struct sticky *sticky)
{
	return (void *)(uintptr_t)sticky->page.range.start;
}

static bool somebody_sticks(const struct sticky *sticky)
{
	struct pollfd fault = { .fd = sticky->fd, .events = POLLIN };

	return poll(&fault, 1, 0) == 1 && fault.revents == POLLIN;
}

/*
 * A reader is stuck in the middle of it, and the one who was woken after him waits for
 * his turn. A signal ends that wait, and with it his share goes to the third.
 */
TEST_F(private_wait, signal_behind_a_stuck_reader)
{
	unsigned char byte;
	struct iovec one = { &byte, 1 };
	struct call calls[3];
	struct sticky sticky;
	int i;

	if (!make_sticky(&sticky))
		SKIP(return, "no userfaultfd here");
	sigaction(SIGUSR1, &(struct sigaction) { .sa_handler = handle }, NULL);
	handled = shared_memory(sizeof(*handled));
	for (i = 0; i < 3; i++) {
		calls[i] = (struct call) {
			.fd = self->fd, .data = i ? self->bytes : sticky_memory(&sticky), .size = 1,
		};
		ASSERT_TRUE(call_start(&calls[i]));
		ASSERT_TRUE(eventually(call_asleep(&calls[i])));
	}
	PUT(1);
	ASSERT_TRUE(eventually(somebody_sticks(&sticky)));
	PUT(1);
	ASSERT_TRUE(eventually(call_asleep(&calls[1])));
	/* There are two bytes; but who waits for nothing does not wait for this either. */
	EXPECT_EQ(-1, preadv2(self->fd, &one, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);

	ASSERT_EQ(0, pthread_kill(calls[1].thread, SIGUSR1));
	EXPECT_EQ(-1, call_end(&calls[1]));
	EXPECT_EQ(EINTR, calls[1].error);
	ASSERT_EQ(0, ioctl(sticky.fd, UFFDIO_ZEROPAGE, &sticky.page));
	EXPECT_EQ(1, call_end(&calls[0]));
	EXPECT_EQ(1, call_end(&calls[2]));
	EXPECT_EQ(0, channel_stat(self->fd).bytes);
}

/* Killed in the middle of it, a reader has taken nothing, and a writer has put nothing. */
TEST_F(private_wait, killed_while_stuck)
{
	int writes, status;
	pid_t child;

	for (writes = 0; writes < 2; writes++) {
		PUT(10);
		child = fork();
		if (!child) {
			struct sticky sticky;

			if (!make_sticky(&sticky))
				_exit(KSFT_SKIP);
			if (writes)
				write(self->fd, sticky_memory(&sticky), 10);
			else
				read(self->fd, sticky_memory(&sticky), 10);
			_exit(0);
		}
		if (!eventually(asleep_in(child, writes ? SYS_write : SYS_read, self->fd) ||
				waitpid(child, NULL, WNOHANG)))
			SKIP(return, "no userfaultfd here");
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		ASSERT_EQ(10, channel_stat(self->fd).bytes);
		TAKE(10);
	}
	PUT(1);
	TAKE(1);
}

/* Woken for nothing, a sleeper sleeps on. */
TEST_F(private_wait, wake_without_reason)
{
	struct klab_channel_wake wake = { .side = KLAB_CHANNEL_READERS };
	struct call call = { .fd = self->fd, .data = self->bytes, .size = 1 };

	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	EXPECT_EQ(0, klab(self->fd, KLAB_IOC_CHANNEL_WAKE, &wake));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	EXPECT_EQ(1, channel_stat(self->fd).read.wakeups);
	PUT(1);
	EXPECT_EQ(1, call_end(&call));
}

TEST_HARNESS_MAIN
