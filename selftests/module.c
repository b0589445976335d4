// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module itself: refused while in use, gone without a trace, and its
 * parameters. This takes the device away from everybody else, so it runs last.
 */
#include <sys/stat.h>

#include "channel_test.h"

/* Where the VM has it. */
#define MODULE_FILE	"/lib/klab.ko"
#define PARAMETERS	"/sys/module/klab/parameters/"

/* finit_module(2) and delete_module(2), which glibc does not know: an errno, or 0. */
static int load(const char *parameters)
{
	int file = open(MODULE_FILE, O_RDONLY | O_CLOEXEC), error;

	error = syscall(SYS_finit_module, file, parameters, 0) ? errno : 0;
	close(file);
	return error;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "klab", O_NONBLOCK) ? errno : 0;
}

static long long parameter(const char *name)
{
	char path[128], text[32] = "";
	long long value = -1;
	int fd;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (read(fd, text, sizeof(text) - 1) > 0)
		value = atoll(text);
	close(fd);
	return value;
}

FIXTURE(module)
{
	struct stat node;
	char as_it_was[128];
};

/* Whatever a test does: at its end the module is there as it was, with its node. */
static bool restore(const char *parameters, const struct stat *node)
{
	int error = unload();

	if ((error && error != ENOENT) || load(parameters))
		return false;
	return !chown(KLAB_DEVICE, node->st_uid, node->st_gid) &&
	       !chmod(KLAB_DEVICE, node->st_mode & 07777);
}

FIXTURE_SETUP(module)
{
	if (access(MODULE_FILE, R_OK))
		SKIP(return, "no " MODULE_FILE);
	ASSERT_EQ(0, stat(KLAB_DEVICE, &self->node));
	snprintf(self->as_it_was, sizeof(self->as_it_was), "channel_capacity=%lld pages_max=%lld",
		 parameter("channel_capacity"), parameter("pages_max"));
}

FIXTURE_TEARDOWN(module)
{
	if (self->node.st_rdev)
		EXPECT_TRUE(restore(self->as_it_was, &self->node));
}

/* In use is who has it open, or sleeps in a call though nobody has it open any more. */
TEST_F(module, in_use)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), other;
	char byte = 0;
	struct call call = { .fd = fd, .data = &byte, .size = 1 };
	struct klab_info info;

	ASSERT_LE(0, fd);
	EXPECT_EQ(EWOULDBLOCK, unload());
	EXPECT_EQ(0, klab(fd, KLAB_IOC_INFO, &info));

	ASSERT_LE(0, channel_drain());
	ASSERT_TRUE(call_start(&call));
	ASSERT_TRUE(eventually(call_asleep(&call)));
	close(fd);
	EXPECT_EQ(EWOULDBLOCK, unload());
	other = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(1, write(other, "x", 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ('x', byte);
	EXPECT_EQ(EWOULDBLOCK, unload());
	close(other);

	/* The reader's own reference may go a moment after its read is done. */
	EXPECT_TRUE(eventually(unload() == 0));
}

/* So is who has a private channel, though nobody has the device open any more. */
TEST_F(module, in_use_by_a_channel)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), channel, copy;
	char text[8] = "";

	channel = create_channel(fd, 0, 0);
	ASSERT_LE(0, channel);
	close(fd);
	EXPECT_EQ(EWOULDBLOCK, unload());
	copy = dup(channel);
	ASSERT_EQ(5, write(channel, "still", 5));
	close(channel);
	EXPECT_EQ(EWOULDBLOCK, unload());
	EXPECT_EQ(5, read(copy, text, sizeof(text)));
	EXPECT_STREQ("still", text);
	close(copy);
	EXPECT_EQ(0, unload());
}

/* And who has nothing but the mapping of one. */
TEST_F(module, in_use_by_a_mapping)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	int channel = create_channel(fd, 4096, KLAB_CHANNEL_MAPPABLE);
	unsigned char *map;

	close(fd);
	if (channel < 0 && errno == EOPNOTSUPP)
		SKIP(return, "no mappable channels on this kernel");
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, channel, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(channel);
	EXPECT_EQ(EWOULDBLOCK, unload());
	map[4096] = 1;
	EXPECT_EQ(0, munmap(map, 8192));
	EXPECT_EQ(0, unload());
}

static bool in_file(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, word);
	if (file)
		fclose(file);
	return found;
}

/* Every place where a module shows; false for each of them that is not as @loaded says. */
static bool traces_are(bool loaded)
{
	static const char *const paths[] = {
		KLAB_DEVICE, "/sys/class/misc/klab", "/sys/devices/virtual/misc/klab",
		"/sys/module/klab",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (!access(paths[i], F_OK) != loaded)
			return false;
	return in_file("/proc/misc", " klab\n") == loaded &&
	       in_file("/proc/modules", "klab ") == loaded;
}

TEST_F(module, leaves_nothing)
{
	EXPECT_TRUE(traces_are(true));
	EXPECT_EQ(EEXIST, load(""));
	ASSERT_EQ(0, unload());
	EXPECT_TRUE(traces_are(false));
	EXPECT_EQ(ENOENT, unload());
	ASSERT_EQ(0, load(""));
	EXPECT_TRUE(traces_are(true));
}

/* What was in the channel went with the module. */
TEST_F(module, starts_empty)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);

	ASSERT_EQ(5, write(fd, "stale", 5));
	close(fd);
	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load(""));
	EXPECT_EQ(0, channel_drain());
}

/* Without any setting: 64 KiB, 64 MiB, and a node that is not for everybody. */
TEST_F(module, defaults)
{
	struct klab_info info;
	struct stat node;
	int fd;

	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load(""));
	ASSERT_EQ(0, stat(KLAB_DEVICE, &node));
	EXPECT_TRUE(S_ISCHR(node.st_mode));
	EXPECT_EQ(0, node.st_uid);
	EXPECT_EQ(0, node.st_mode & 0007);
	fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, klab(fd, KLAB_IOC_INFO, &info));
	EXPECT_EQ(65536, info.channel_capacity);
	EXPECT_EQ(16384, info.pages_max);
	EXPECT_EQ(65536, parameter("channel_capacity"));
	EXPECT_EQ(16384, parameter("pages_max"));
	close(fd);
}

TEST_F(module, bad_capacity)
{
	static const char *const bad[] = {
		"channel_capacity=0", "channel_capacity=1", "channel_capacity=2048",
		"channel_capacity=4095", "channel_capacity=5000", "channel_capacity=12288",
		"channel_capacity=65535", "channel_capacity=65537", "channel_capacity=2097152",
		"channel_capacity=2147483648", "channel_capacity=-4096", "channel_capacity=much",
		"channel_capacity=", "channel_capacity", "pages_max=many", "pages_max=-1",
	};
	size_t i;

	ASSERT_EQ(0, unload());
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(EINVAL, load(bad[i]))
			TH_LOG("%s", bad[i]);
		EXPECT_TRUE(traces_are(false))
			TH_LOG("%s left something", bad[i]);
	}
	ASSERT_EQ(0, load(""));
}

TEST_F(module, good_capacity)
{
	static const unsigned int good[] = { 4096, 8192, 131072, 1048576 };
	char parameters[64], *bytes = calloc(1, 1048577);
	struct klab_info info;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ASSERT_EQ(0, unload());
		snprintf(parameters, sizeof(parameters), "channel_capacity=%u", good[i]);
		ASSERT_EQ(0, load(parameters));
		fd = open(KLAB_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		ASSERT_EQ(0, klab(fd, KLAB_IOC_INFO, &info));
		EXPECT_EQ(good[i], info.channel_capacity);
		EXPECT_GE(good[i], info.channel_atomic);
		EXPECT_EQ(good[i], parameter("channel_capacity"));
		EXPECT_EQ(good[i], write(fd, bytes, 1048577));
		EXPECT_EQ(good[i], channel_drain());
		close(fd);
	}
}

TEST_F(module, pages_max)
{
	struct klab_info info;
	__u32 handle;
	int fd;

	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load("pages_max=10"));
	fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, klab(fd, KLAB_IOC_INFO, &info));
	EXPECT_EQ(10, info.pages_max);
	EXPECT_EQ(ENOMEM, hold(fd, 0, 11, &handle));
	EXPECT_EQ(0, hold(fd, 1, 5, &handle));
	EXPECT_EQ(ENOMEM, hold(fd, 0, 1, &handle));
	close(fd);
}

/* Once and again, each time used a little, and left with something still held. */
TEST_F_TIMEOUT(module, many_rounds, LONG_TIMEOUT)
{
	int all = asked_for("KLAB_ROUNDS", 50), round, fd, event = eventfd(0, EFD_CLOEXEC);
	struct klab_eventfd_fire fire = { .fd = event, .count = 1 };
	__u32 handle;

	for (round = 0; round < all; round++) {
		ASSERT_EQ(0, unload());
		ASSERT_EQ(0, load(""));
		fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, hold(fd, 0, 100, &handle));
		ASSERT_EQ(0, klab(fd, KLAB_IOC_EVENTFD_FIRE, &fire));
		ASSERT_EQ(3, write(fd, "abc", 3));
		ASSERT_EQ(0, close(fd));
	}
	EXPECT_EQ(all, fdinfo_value(event, "eventfd-count", 16));
}

/* Opens it whenever it is there, counts that, and leaves something behind in there. */
static void use_it(unsigned int *opened)
{
	char byte;

	while (1) {
		int fd = open(KLAB_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC), channel;
		__u32 handle;

		if (fd >= 0) {
			__atomic_add_fetch(opened, 1, __ATOMIC_RELAXED);
			hold(fd, 1, 8, &handle);
			channel = create_channel(fd, 4096, 0);
			if (write(channel, "x", 1) == 1)
				byte = read(channel, &byte, 1);
			close(channel);
			close(fd);
		}
		usleep(rand() % 3000);
	}
}

/* The same while others open it, use it, and are killed in whatever they do. */
TEST_F_TIMEOUT(module, many_rounds_in_use, LONG_TIMEOUT)
{
	unsigned int *opened = shared_memory(sizeof(*opened)), before;
	int all = asked_for("KLAB_ROUNDS", 10), round, i;
	pid_t user[3] = { 0 };

	ASSERT_NE(NULL, opened);
	for (round = 0; round < all; round++) {
		for (i = 0; i < 3; i++) {
			if (user[i] && (round + i) % 3)
				continue;
			if (user[i]) {
				kill(user[i], SIGKILL);
				waitpid(user[i], NULL, 0);
			}
			user[i] = fork();
			if (!user[i]) {
				srand(3 * round + i);
				use_it(opened);
			}
		}
		before = __atomic_load_n(opened, __ATOMIC_RELAXED);
		EXPECT_TRUE(eventually(__atomic_load_n(opened, __ATOMIC_RELAXED) - before > 3));
		ASSERT_TRUE(eventually(unload() == 0));
		EXPECT_TRUE(traces_are(false));
		ASSERT_EQ(0, load(""));
	}
	for (i = 0; i < 3; i++) {
		kill(user[i], SIGKILL);
		waitpid(user[i], NULL, 0);
	}
}

TEST_HARNESS_MAIN
