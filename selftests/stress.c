// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a machine goes through while others call: processors that come and go, memory that
 * runs short, for KLAB_SECONDS; and many descriptors.
 */
#include <sys/resource.h>

#include "channel_test.h"
#include "notify_test.h"

#define CALLERS	3

/* What callers and who watches them share. */
struct shared {
	bool stop;
	unsigned int rounds[CALLERS];
	int error;		/* the first that may not be */
};

/* Of a soak, if this is one. */
static int seconds(void)
{
	return asked_for("KLAB_SECONDS", 0);
}

static bool stopped(const struct shared *shared)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static void may_be(struct shared *shared, int error)
{
	if (error && error != ENOMEM && error != EAGAIN)
		__atomic_store_n(&shared->error, error, __ATOMIC_RELAXED);
}

/* Something of everything that takes memory, time, or another processor. */
static void one_round(struct shared *shared)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), error = fd < 0 ? errno : 0;
	struct klab_delivery by_record = { .way = KLAB_WAY_RECORD };
	struct klab_pages_books books = { 0 };
	struct klab_notify_wait wait = { 0 };
	int notifier, channel;
	char bytes[4096] = "";
	__u32 handle;

	may_be(shared, error);
	if (error)
		return;
	may_be(shared, hold(fd, 0, 256, &handle));
	may_be(shared, hold(fd, 4, 4, &handle));
	may_be(shared, klab(fd, KLAB_IOC_PAGES_BOOKS, &books));
	channel = create_channel(fd, 1 << 17, 0);
	may_be(shared, channel < 0 ? errno : 0);
	if (channel >= 0 && (write(channel, bytes, sizeof(bytes)) != sizeof(bytes) ||
			     read(channel, bytes, sizeof(bytes)) != sizeof(bytes)))
		may_be(shared, EIO);
	notifier = create_notifier(fd, 8);
	may_be(shared, notifier < 0 ? errno : 0);
	if (notifier >= 0) {
		/* It comes, also when the processor that was to bring it has gone. */
		wait.handle = set_by_timer(notifier, MS, MS, 0, &by_record, 1);
		if (wait.handle)
			may_be(shared, klab(notifier, KLAB_IOC_NOTIFY_WAIT, &wait));
		close(notifier);
	}
	close(channel);
	close(fd);
}

/* Those who call. */
struct crowd {
	struct shared *shared;
	pid_t caller[CALLERS];
	int fd;
	long long held;			/* by root, before */
};

FIXTURE(stress)
{
	struct crowd crowd;
};

static long long held_by_user(int fd)
{
	struct klab_pages_list list = { .pages = 0 };

	return klab(fd, KLAB_IOC_PAGES_LIST, &list) ? -1 : (long long)list.pages_user;
}

FIXTURE_SETUP(stress)
{
	self->crowd.shared = shared_memory(sizeof(*self->crowd.shared));
	ASSERT_NE(NULL, self->crowd.shared);
	self->crowd.fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->crowd.fd);
	self->crowd.held = held_by_user(self->crowd.fd);
}

FIXTURE_TEARDOWN(stress)
{
	close(self->crowd.fd);
}

static bool start_callers(struct crowd *crowd)
{
	int i;

	for (i = 0; i < CALLERS; i++) {
		crowd->caller[i] = fork();
		if (crowd->caller[i] < 0)
			return false;
		if (crowd->caller[i])
			continue;
		while (!stopped(crowd->shared)) {
			one_round(crowd->shared);
			__atomic_add_fetch(&crowd->shared->rounds[i], 1, __ATOMIC_RELAXED);
		}
		_exit(0);
	}
	return true;
}

/* Have all callers come round since? */
static bool all_go_on(const struct shared *shared, unsigned int *before)
{
	int i;

	for (i = 0; i < CALLERS; i++) {
		if (__atomic_load_n(&shared->rounds[i], __ATOMIC_RELAXED) - before[i] < 2)
			return false;
	}
	memcpy(before, shared->rounds, sizeof(shared->rounds));
	return true;
}

/* Nobody was lost, nothing failed as it may not, and nothing is held. */
static bool all_is_well(struct crowd *crowd)
{
	bool well = true;
	int i;

	__atomic_store_n(&crowd->shared->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < CALLERS; i++)
		well = !child_status(crowd->caller[i]) && well;
	return well && !crowd->shared->error &&
	       eventually(held_by_user(crowd->fd) == crowd->held);
}

#define PROCESSOR	"/sys/devices/system/cpu/cpu1/online"

static bool set_online(bool online)
{
	return write_text(PROCESSOR, online ? "1" : "0");
}

TEST_F_TIMEOUT(stress, processors_come_and_go, LONG_TIMEOUT)
{
	__u64 end = now_ns() + seconds() * 1000 * MS;
	unsigned int before[CALLERS] = { 0 };

	if (!seconds())
		SKIP(return, "a soak: KLAB_SECONDS says how long");
	if (access(PROCESSOR, W_OK))
		SKIP(return, "no processor that could go");
	ASSERT_TRUE(start_callers(&self->crowd));
	do {
		ASSERT_TRUE(set_online(false));
		EXPECT_TRUE(eventually(all_go_on(self->crowd.shared, before)));
		ASSERT_TRUE(set_online(true));
		EXPECT_TRUE(eventually(all_go_on(self->crowd.shared, before)));
	} while (now_ns() < end);
	EXPECT_TRUE(all_is_well(&self->crowd));
}

static long long available_kib(void)
{
	return number_in("/proc/meminfo", "MemAvailable", 10);
}

#define LEFT_KIB	(48 << 10)

/* Takes what is available but for a little, well below what klab leaves to others. */
static void eat_memory(void)
{
	size_t size = 1 << 20;

	while (available_kib() > LEFT_KIB) {
		void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (memory == MAP_FAILED)
			break;
		memset(memory, 1, size);
	}
	while (1)
		pause();
}

TEST_F_TIMEOUT(stress, memory_runs_short, LONG_TIMEOUT)
{
	__u64 end = now_ns() + seconds() * 1000 * MS;
	unsigned int before[CALLERS] = { 0 };
	pid_t eater;

	if (!seconds())
		SKIP(return, "a soak: KLAB_SECONDS says how long");
	ASSERT_TRUE(start_callers(&self->crowd));
	do {
		eater = fork();
		if (!eater)
			eat_memory();
		/* What the callers hold comes and goes. */
		EXPECT_TRUE(eventually(available_kib() < 2 * LEFT_KIB));
		EXPECT_TRUE(eventually(all_go_on(self->crowd.shared, before)));
		kill(eater, SIGKILL);
		waitpid(eater, NULL, 0);
		EXPECT_TRUE(eventually(all_go_on(self->crowd.shared, before)));
	} while (now_ns() < end);
	EXPECT_TRUE(all_is_well(&self->crowd));
}

/* Each with a page and half of them with a channel: KLAB_DESCRIPTORS of them, or 1000. */
TEST_F_TIMEOUT(stress, many_descriptors, LONG_TIMEOUT)
{
	int count = asked_for("KLAB_DESCRIPTORS", 1000), i, *fds = calloc(count, sizeof(*fds));
	struct rlimit old, limit = { count + 100, count + 100 };
	__u32 handle;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < count; i++) {
		fds[i] = i % 2 ? create_channel(fds[i - 1], 4096, 0) :
				 open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fds[i])
			TH_LOG("number %d: %s", i, strerror(errno));
		ASSERT_TRUE(i % 2 ? write(fds[i], "x", 1) == 1 : !hold(fds[i], 0, 1, &handle));
	}
	EXPECT_EQ(self->crowd.held + (count + 1) / 2, held_by_user(self->crowd.fd));
	for (i = 1; i < count; i += 2)
		ASSERT_EQ(1, channel_bytes(fds[i]));
	for (i = 0; i < count; i++)
		close(fds[i]);
	EXPECT_TRUE(eventually(held_by_user(self->crowd.fd) == self->crowd.held));
	EXPECT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
}

TEST_HARNESS_MAIN
