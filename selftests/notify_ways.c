// SPDX-License-Identifier: GPL-2.0-only
/* Every way to be told: each alone, as a program would wait for it; and all at once. */
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>

#include "notify_test.h"
#include "people.h"

#define ATTRIBUTE	"/sys/class/misc/klab/notification"

FIXTURE(ways)
{
	int klab, notifier;
	sigset_t all;
};

FIXTURE_SETUP(ways)
{
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->klab);
	self->notifier = create_notifier(self->klab, 8);
	ASSERT_LE(0, self->notifier);
	sigfillset(&self->all);
	block_signals();
}

FIXTURE_TEARDOWN(ways)
{
	close(self->notifier);
	close(self->klab);
}

static const struct klab_delivery record_way = { .way = KLAB_WAY_RECORD };
static const struct klab_delivery sysfs_way = { .way = KLAB_WAY_SYSFS };

/* The next signal, which is on its way or there already. */
static int take_signal(siginfo_t *info)
{
	sigset_t all;

	sigfillset(&all);
	memset(info, 0, sizeof(*info));
	return sigtimedwait(&all, info, &(struct timespec) { 20, 0 });
}

static bool no_signal(void)
{
	sigset_t all;

	sigfillset(&all);
	return sigtimedwait(&all, NULL, &(struct timespec) { 0, 0 }) < 0;
}

TEST_F(ways, sigio)
{
	__u32 handle = set_by_call(self->notifier, 0, &record_way, 1);
	siginfo_t info;

	ASSERT_EQ(0, fcntl(self->notifier, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->notifier, F_SETFL, O_ASYNC | O_NONBLOCK));
	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(SIGIO, take_signal(&info));

	/* With F_SETSIG it says which descriptor, and what for. */
	ASSERT_EQ(0, fcntl(self->notifier, F_SETSIG, SIGRTMIN));
	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(SIGRTMIN, take_signal(&info));
	EXPECT_EQ(self->notifier, info.si_fd);
	EXPECT_EQ(POLL_PRI, info.si_code);
	EXPECT_TRUE(info.si_band & POLLPRI);

	ASSERT_EQ(0, fcntl(self->notifier, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, ring(self->notifier, handle));
	EXPECT_TRUE(no_signal());
}

/* A timer's firing is told from an interrupt. */
TEST_F(ways, sigio_by_timer)
{
	siginfo_t info;

	ASSERT_EQ(0, fcntl(self->notifier, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->notifier, F_SETFL, O_ASYNC));
	ASSERT_NE(0, set_by_timer(self->notifier, MS, 0, 0, &record_way, 1));
	ASSERT_EQ(SIGIO, take_signal(&info));
}

TEST_F(ways, select)
{
	__u32 handle = set_by_call(self->notifier, 0, &record_way, 1);
	struct timeval now = { 0 };
	fd_set in, pri;

	FD_ZERO(&in);
	FD_ZERO(&pri);
	FD_SET(self->notifier, &in);
	FD_SET(self->notifier, &pri);
	EXPECT_EQ(0, select(self->notifier + 1, &in, NULL, &pri, &now));
	EXPECT_EQ(0, ring(self->notifier, handle));
	FD_SET(self->notifier, &in);
	FD_SET(self->notifier, &pri);
	EXPECT_EQ(2, select(self->notifier + 1, &in, NULL, &pri, &now));
}

/* The attribute, read from its beginning. */
static bool read_attribute(int fd, unsigned long long *numbers)
{
	char text[128] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 &&
	       sscanf(text, "%llu %llu %llu", &numbers[0], &numbers[1], &numbers[2]) == 3;
}

TEST_F(ways, sysfs_poll)
{
	__u32 handle = set_by_call(self->notifier, 1234, &sysfs_way, 1);
	int fd = open(ATTRIBUTE, O_RDONLY | O_CLOEXEC);
	struct pollfd ready = { fd, POLLPRI, 0 };
	unsigned long long numbers[3];
	struct klab_delivery delivery;

	ASSERT_LE(0, fd);
	ASSERT_TRUE(read_attribute(fd, numbers));
	EXPECT_EQ(0, poll(&ready, 1, 0));
	EXPECT_EQ(0, fire_times(self->notifier, handle, 3));
	EXPECT_EQ(1, poll(&ready, 1, 20000));
	EXPECT_TRUE(ready.revents & POLLPRI);
	ASSERT_TRUE(read_attribute(fd, numbers));
	EXPECT_EQ(3, numbers[0]);
	EXPECT_EQ(query(self->notifier, handle, &delivery).last_ns, numbers[1]);
	EXPECT_EQ(1234, numbers[2]);
	EXPECT_EQ(3, delivery.delivered);
	EXPECT_EQ(0, poll(&ready, 1, 0));

	/* By a timer it is as good. */
	ASSERT_NE(0, set_by_timer(self->notifier, 0, 0, 0, &sysfs_way, 1));
	EXPECT_EQ(1, poll(&ready, 1, 20000));
	ASSERT_TRUE(read_attribute(fd, numbers));
	EXPECT_EQ(42, numbers[2]);
	close(fd);
}

TEST_F(ways, sysfs_inotify)
{
	__u32 handle = set_by_call(self->notifier, 0, &sysfs_way, 1);
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd ready = { fd, POLLIN, 0 };
	struct inotify_event event[8];
	int watch = inotify_add_watch(fd, ATTRIBUTE, IN_MODIFY);

	ASSERT_LE(0, watch);
	EXPECT_EQ(0, poll(&ready, 1, 0));
	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(1, poll(&ready, 1, 20000));
	ASSERT_LE(sizeof(event[0]), read(fd, event, sizeof(event)));
	EXPECT_EQ(watch, event[0].wd);
	EXPECT_EQ(IN_MODIFY, event[0].mask);
	close(fd);
}

TEST_F(ways, attribute_is_read_only)
{
	EXPECT_EQ(-1, open(ATTRIBUTE "/x", O_RDONLY));
	EXPECT_NE(0, access(ATTRIBUTE, X_OK));
}

/* By hand and by timer, plain and with a value; not as root, who a thread of the kernel is. */
TEST_F(ways, signal_to_oneself)
{
	struct klab_delivery plain = { .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1 };
	struct klab_delivery value = {
		.way = KLAB_WAY_SIGNAL, .signal = SIGUSR2, .flags = KLAB_SIGNAL_VALUE,
	};
	siginfo_t info;
	__u32 handle;

	ASSERT_EQ(0, setresuid(ALICE, ALICE, ALICE));
	handle = set_by_call(self->notifier, 77, &plain, 1);
	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(SIGUSR1, take_signal(&info));
	EXPECT_EQ(SI_USER, info.si_code);
	EXPECT_EQ(getpid(), info.si_pid);

	handle = set_by_call(self->notifier, 0x0123456789abcdef, &value, 1);
	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(SIGUSR2, take_signal(&info));
	EXPECT_EQ(SI_QUEUE, info.si_code);
	EXPECT_EQ(getpid(), info.si_pid);
	EXPECT_EQ(getuid(), info.si_uid);
	EXPECT_EQ((uintptr_t)0x0123456789abcdef, (uintptr_t)info.si_ptr);

	ASSERT_NE(0, set_by_timer(self->notifier, MS, 0, 0, &value, 1));
	ASSERT_EQ(SIGUSR2, take_signal(&info));
	EXPECT_EQ(SI_QUEUE, info.si_code);
	EXPECT_EQ(getpid(), info.si_pid);
	EXPECT_EQ(getuid(), info.si_uid);
	EXPECT_EQ(42, info.si_int);

	/* The sender of this one is a thread of the kernel. */
	ASSERT_NE(0, set_by_timer(self->notifier, MS, 0, 0, &plain, 1));
	ASSERT_EQ(SIGUSR1, take_signal(&info));
	EXPECT_EQ(SI_USER, info.si_code);
	EXPECT_NE(getpid(), info.si_pid);
	EXPECT_EQ(getuid(), info.si_uid);
	EXPECT_TRUE(no_signal());
}

struct thread {
	pthread_barrier_t there, look;
	pid_t tid;
	siginfo_t info;
};

static void *thread_run(void *argument)
{
	struct thread *thread = argument;

	thread->tid = syscall(SYS_gettid);
	pthread_barrier_wait(&thread->there);
	pthread_barrier_wait(&thread->look);
	take_signal(&thread->info);
	return NULL;
}

/* With a value it waits for the thread that is named; without, for whoever of the process looks. */
TEST_F(ways, signal_to_a_thread)
{
	struct klab_delivery value = {
		.way = KLAB_WAY_SIGNAL, .signal = SIGUSR2, .flags = KLAB_SIGNAL_VALUE,
	};
	struct klab_delivery plain = { .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1 };
	struct thread thread = { 0 };
	pthread_t id;
	siginfo_t info;

	pthread_barrier_init(&thread.there, NULL, 2);
	pthread_barrier_init(&thread.look, NULL, 2);
	ASSERT_EQ(0, pthread_create(&id, NULL, thread_run, &thread));
	pthread_barrier_wait(&thread.there);
	value.target = thread.tid;
	plain.target = thread.tid;
	EXPECT_EQ(0, ring(self->notifier, set_by_call(self->notifier, 8, &value, 1)));
	EXPECT_TRUE(no_signal());
	EXPECT_EQ(0, ring(self->notifier, set_by_call(self->notifier, 0, &plain, 1)));
	EXPECT_EQ(SIGUSR1, take_signal(&info));
	pthread_barrier_wait(&thread.look);
	pthread_join(id, NULL);
	EXPECT_EQ(SIGUSR2, thread.info.si_signo);
	EXPECT_EQ(8, thread.info.si_int);
}

TEST_F(ways, signal_queue_is_full)
{
	struct klab_delivery way = {
		.way = KLAB_WAY_SIGNAL, .signal = SIGRTMIN, .flags = KLAB_SIGNAL_VALUE,
	};
	__u32 handle = set_by_call(self->notifier, 1, &way, 1);
	siginfo_t info;
	int i;

	ASSERT_EQ(0, fire_times(self->notifier, handle, 65536));
	query(self->notifier, handle, &way);
	EXPECT_LT(0, way.full);
	EXPECT_EQ(65536, way.delivered + way.full);
	for (i = 0; i < (int)way.delivered; i++)
		ASSERT_EQ(SIGRTMIN, take_signal(&info));
	EXPECT_TRUE(no_signal());
}

TEST_F(ways, signalfd)
{
	struct klab_delivery way = {
		.way = KLAB_WAY_SIGNAL, .signal = SIGRTMAX, .flags = KLAB_SIGNAL_VALUE,
	};
	int fd = signalfd(-1, &self->all, SFD_CLOEXEC);
	struct pollfd ready = { fd, POLLIN, 0 };
	struct signalfd_siginfo info;

	ASSERT_NE(0, set_by_timer(self->notifier, MS, 0, 0, &way, 1));
	ASSERT_EQ(1, poll(&ready, 1, 20000));
	ASSERT_EQ(sizeof(info), read(fd, &info, sizeof(info)));
	EXPECT_EQ(SIGRTMAX, info.ssi_signo);
	EXPECT_EQ(42, info.ssi_int);
	close(fd);
}

/* A call that sleeps until the notification is fired, in a process of its own. */
struct sleeper {
	struct klab_notify_wait ask;
	int error;
};

static void on_signal(int number)
{
	(void)number;
}

static pid_t start_sleeper(int notifier, struct sleeper *sleeper, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	pid_t child = fork();

	if (!child) {
		sigset_t none;

		sigaction(SIGUSR1, &action, NULL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		sleeper->error = klab(notifier, KLAB_IOC_NOTIFY_WAIT, &sleeper->ask);
		_exit(0);
	}
	return child;
}

#define START(flags) start_sleeper(self->notifier, sleeper, flags)
#define ASLEEP(child) eventually(asleep_in(child, SYS_ioctl, self->notifier))

TEST_F(ways, sleeping_call)
{
	struct sleeper *sleeper = shared_memory(sizeof(*sleeper));
	__u32 handle = set_by_call(self->notifier, 5, NULL, 0);
	pid_t child;

	/* With what it is told. */
	sleeper->ask = (struct klab_notify_wait) { .handle = handle };
	child = START(0);
	ASSERT_TRUE(ASLEEP(child));
	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(0, sleeper->error);
	EXPECT_EQ(1, sleeper->ask.sequence);
	EXPECT_EQ(query(self->notifier, handle, NULL).last_ns, sleeper->ask.time_ns);
	EXPECT_EQ(5, sleeper->ask.value);

	/* With the errno that it chose, by a timer. */
	sleeper->ask = (struct klab_notify_wait) { .handle = handle, .error = 4095, .sequence = 1 };
	child = START(0);
	ASSERT_TRUE(ASLEEP(child));
	EXPECT_EQ(0, set_notification(self->notifier, &(struct klab_notify_set) {
		.handle = handle, .trigger = KLAB_TRIGGER_TIMER }, NULL, 0));
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(4095, sleeper->error);
	EXPECT_EQ(1, sleeper->ask.sequence);

	/* A restart code with no signal is as good as any. */
	sleeper->ask.error = 512;
	child = START(0);
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(512, sleeper->error);

	/* What was fired before is not waited for; what is none, neither. */
	sleeper->ask = (struct klab_notify_wait) { .handle = handle, .sequence = 1 };
	EXPECT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_WAIT, &sleeper->ask));
	EXPECT_EQ(2, sleeper->ask.sequence);
	ASSERT_EQ(0, fcntl(self->notifier, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(EAGAIN, klab(self->notifier, KLAB_IOC_NOTIFY_WAIT, &sleeper->ask));
	ASSERT_EQ(0, fcntl(self->notifier, F_SETFL, 0));

	/* Cancelled under it. */
	child = START(0);
	ASSERT_TRUE(ASLEEP(child));
	EXPECT_EQ(0, cancel(self->notifier, handle));
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(ENOENT, sleeper->error);
}

TEST_F(ways, sleeping_call_and_signals)
{
	struct sleeper *sleeper = shared_memory(sizeof(*sleeper));
	__u32 handle = set_by_call(self->notifier, 5, NULL, 0);
	pid_t child;

	sleeper->ask = (struct klab_notify_wait) { .handle = handle };
	child = START(0);
	ASSERT_TRUE(ASLEEP(child));
	EXPECT_EQ(0, kill(child, SIGUSR1));
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(EINTR, sleeper->error);

	/* With SA_RESTART it sleeps on, for the same firing. */
	child = START(SA_RESTART);
	ASSERT_TRUE(ASLEEP(child));
	EXPECT_EQ(0, kill(child, SIGUSR1));
	usleep(20000);
	ASSERT_TRUE(ASLEEP(child));
	EXPECT_EQ(0, ring(self->notifier, handle));
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(0, sleeper->error);
	EXPECT_EQ(1, sleeper->ask.sequence);

	sleeper->ask = (struct klab_notify_wait) { .handle = handle, .sequence = 1 };
	child = START(0);
	ASSERT_TRUE(ASLEEP(child));
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(-1, child_status(child));
}

/* One firing by a timer, all ways at once: one number, one time, one value. */
TEST_F(ways, all_at_once)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct klab_delivery ways[] = {
		record_way, sysfs_way, { .way = KLAB_WAY_EVENTFD, .target = event },
		{ .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1 },
		{ .way = KLAB_WAY_SIGNAL, .signal = SIGUSR2, .flags = KLAB_SIGNAL_VALUE },
	}, came[ARRAY_SIZE(ways)];
	struct klab_notify_wait sleep = { 0 };
	struct klab_notify_query ask;
	struct klab_record record;
	unsigned long long numbers[3];
	int fd = open(ATTRIBUTE, O_RDONLY | O_CLOEXEC);
	siginfo_t info;
	size_t i;

	sleep.handle = set_by_timer(self->notifier, MS, 0, 0, ways, ARRAY_SIZE(ways));
	ASSERT_NE(0, sleep.handle);
	ASSERT_EQ(0, klab(self->notifier, KLAB_IOC_NOTIFY_WAIT, &sleep));
	ASSERT_EQ(0, take_record(self->notifier, &record));
	EXPECT_EQ(1, take_count(event));
	/* Of a thread's signals and its process's, those of the thread come first. */
	for (i = 0; i < 2; i++) {
		int number = take_signal(&info);

		ASSERT_TRUE(number == SIGUSR1 || (number == SIGUSR2 && info.si_int == 42));
	}
	ask = (struct klab_notify_query) {
		.handle = sleep.handle,
		.deliveries = { (uintptr_t)came, ARRAY_SIZE(came), sizeof(came[0]) },
	};
	/* sysfs is told before the signals are counted. */
	ASSERT_TRUE(eventually(!klab(self->notifier, KLAB_IOC_NOTIFY_QUERY, &ask) &&
			       came[4].delivered));
	ASSERT_TRUE(read_attribute(fd, numbers));

	EXPECT_EQ(1, sleep.sequence);
	EXPECT_EQ(1, record.sequence);
	EXPECT_EQ(1, numbers[0]);
	EXPECT_EQ(1, ask.fired);
	EXPECT_EQ(sleep.time_ns, record.time_ns);
	EXPECT_EQ(sleep.time_ns, numbers[1]);
	EXPECT_EQ(sleep.time_ns, ask.last_ns);
	EXPECT_EQ(42, sleep.value);
	EXPECT_EQ(42, record.value);
	EXPECT_EQ(42, numbers[2]);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		EXPECT_EQ(ways[i].way, came[i].way);
		EXPECT_EQ(1, came[i].delivered);
		EXPECT_EQ(0, came[i].refused + came[i].gone + came[i].full + came[i].coalesced);
	}
	/* Who is named is named to the caller: here by oneself. */
	EXPECT_EQ(getpid(), came[3].target);
	close(fd);
	close(event);
}

TEST_HARNESS_MAIN
