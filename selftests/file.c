// SPDX-License-Identifier: GPL-2.0-only
/* An open file on a real file system: what advice does to it, and its page cache beside mincore. */
#include <sys/stat.h>
#include <sys/utsname.h>

#include "task_test.h"

#define PAGES	256

FIXTURE(file)
{
	int device;
	int fd;
	const char *disk;
	char path[64];
};

static bool all_written(int fd)
{
	static char page[65536];
	int i;

	for (i = 0; i < PAGES; i++)
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			return false;
	return !fsync(fd);
}

FIXTURE_SETUP(file)
{
	self->device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->device);
	self->disk = disk_directory();
	snprintf(self->path, sizeof(self->path), "%s/file", self->disk ?: "/tmp");
	self->fd = open(self->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(all_written(self->fd));
}

FIXTURE_TEARDOWN(file)
{
	unlink(self->path);
	close(self->fd);
	close(self->device);
}

static struct klab_file_stat stat_of(int device, int fd)
{
	struct klab_file_stat ask = { .fd = fd };

	if (klab(device, KLAB_IOC_FILE_STAT, &ask))
		ask.state = ~0U;
	return ask;
}

static __u64 cached(int device, int fd)
{
	return stat_of(device, fd).cached;
}

/* None of it in memory: what is in use at this moment is tried again. */
static bool forgotten(int device, int fd)
{
	return eventually(!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) && !cached(device, fd));
}

TEST_F(file, advice_is_kept)
{
	const __u32 bits = KLAB_FILE_RANDOM | KLAB_FILE_NO_REUSE;
	struct klab_file_stat stat = stat_of(self->device, self->fd);
	struct utsname kernel;
	long major, minor;
	char *dot;

	if (!self->disk)
		SKIP(return, "no disk in memory");
	EXPECT_EQ(PAGES * PAGE, stat.size);
	EXPECT_EQ(0, stat.state & bits);
	EXPECT_LT(0, stat.device_most);
	EXPECT_EQ(stat.device_most, stat.ahead_most);
	ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	EXPECT_EQ(2 * stat.device_most, stat_of(self->device, self->fd).ahead_most);
	ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_RANDOM));
	EXPECT_EQ(KLAB_FILE_RANDOM, stat_of(self->device, self->fd).state & bits);
	ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_NORMAL));
	EXPECT_EQ(0, stat_of(self->device, self->fd).state & bits);
	EXPECT_EQ(stat.device_most, stat_of(self->device, self->fd).ahead_most);
	ASSERT_EQ(0, uname(&kernel));
	major = strtol(kernel.release, &dot, 10);
	minor = strtol(dot + 1, NULL, 10);
	ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_NOREUSE));
	EXPECT_EQ(major > 6 || minor >= 3 ? KLAB_FILE_NO_REUSE : 0,
		  stat_of(self->device, self->fd).state & bits);
}

/* Advice is the open file's; another one of the same file knows nothing of it. */
TEST_F(file, advice_is_of_one_open)
{
	int other = open(self->path, O_RDONLY | O_CLOEXEC), copy = dup(self->fd);

	ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_RANDOM));
	EXPECT_NE(0, stat_of(self->device, copy).state & KLAB_FILE_RANDOM);
	EXPECT_EQ(0, stat_of(self->device, other).state & KLAB_FILE_RANDOM);
	close(other);
	close(copy);
}

TEST_F(file, wanted_and_not)
{
	int i;

	if (!self->disk)
		SKIP(return, "no disk in memory");
	EXPECT_EQ(PAGES, cached(self->device, self->fd));
	EXPECT_TRUE(forgotten(self->device, self->fd));
	ASSERT_EQ(0, posix_fadvise(self->fd, 16 * PAGE, 32 * PAGE, POSIX_FADV_WILLNEED));
	EXPECT_TRUE(eventually(cached(self->device, self->fd) == 32));
	/* The kernel takes no more than the device's own limit of it at a time. */
	for (i = 0; i < PAGES; i += 32)
		ASSERT_EQ(0, posix_fadvise(self->fd, i * PAGE, 32 * PAGE, POSIX_FADV_WILLNEED));
	EXPECT_TRUE(eventually(cached(self->device, self->fd) == PAGES));
	EXPECT_TRUE(forgotten(self->device, self->fd));
}

/* One page read: so many more come along, or none. */
TEST_F(file, read_ahead)
{
	struct klab_file_stat stat;
	char byte;

	if (!self->disk)
		SKIP(return, "no disk in memory");
	ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_RANDOM));
	EXPECT_TRUE(forgotten(self->device, self->fd));
	ASSERT_EQ(1, pread(self->fd, &byte, 1, 100 * PAGE));
	EXPECT_EQ(1, cached(self->device, self->fd));
	ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_NORMAL));
	EXPECT_TRUE(forgotten(self->device, self->fd));
	ASSERT_EQ(1, pread(self->fd, &byte, 1, 0));
	stat = stat_of(self->device, self->fd);
	EXPECT_LT(1, stat.cached);
	EXPECT_EQ(0, stat.ahead_start);
	EXPECT_LE(stat.cached, stat.ahead_pages);
	EXPECT_EQ(1, stat.read_last);
}

/* Runs, of part of the file and of all of it, dirty and clean, beside mincore(2). */
TEST_F(file, runs_as_mincore_says)
{
	char *map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	struct klab_file_run runs[PAGES];
	unsigned char resident[PAGES];
	struct klab_file_stat ask = {
		.fd = self->fd, .runs = { (uintptr_t)runs, PAGES, sizeof(runs[0]) },
	};
	__u64 at = 0, dirty = 0, sum = 0;
	__u32 i;

	if (!self->disk)
		SKIP(return, "no disk in memory");
	ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_RANDOM));
	EXPECT_TRUE(forgotten(self->device, self->fd));
	for (i = 0; i < PAGES; i += 7)
		ASSERT_EQ(4, pread(self->fd, resident, 4, i * PAGE));
	for (i = 3; i < PAGES; i += 31)
		ASSERT_EQ(4, pwrite(self->fd, "xxxx", 4, i * PAGE));
	ASSERT_EQ(0, klab(self->device, KLAB_IOC_FILE_STAT, &ask));
	ASSERT_EQ(0, mincore(map, PAGES * PAGE, resident));
	for (i = 0; i < ask.runs.count; i++) {
		EXPECT_LE(at, runs[i].start);
		for (; at < runs[i].start; at++)
			EXPECT_EQ(0, resident[at] & 1);
		/* Of a page that was written to in part there is no more than that. */
		for (; at < runs[i].start + runs[i].pages; at++)
			EXPECT_EQ(!(runs[i].flags & KLAB_CACHE_READING), resident[at] & 1);
		sum += runs[i].pages;
		dirty += runs[i].flags & KLAB_CACHE_DIRTY ? runs[i].pages : 0;
	}
	for (; at < PAGES; at++)
		EXPECT_EQ(0, resident[at] & 1);
	EXPECT_EQ(sum, ask.cached);
	EXPECT_EQ(dirty, ask.dirty);
	ask.runs.count = 2;
	ask.start = 7;
	ask.pages = 28;
	ASSERT_EQ(0, klab(self->device, KLAB_IOC_FILE_STAT, &ask));
	EXPECT_LE(4, ask.cached);
	EXPECT_GE(6, ask.cached);
	EXPECT_EQ(7, runs[0].start);
	EXPECT_LT(2, ask.runs.count);
	ASSERT_EQ(0, fsync(self->fd));
	EXPECT_EQ(0, stat_of(self->device, self->fd).dirty);
	munmap(map, PAGES * PAGE);
}

/* What others read is not for everybody; one's own advice and read-ahead is. */
TEST_F(file, not_yours)
{
	pid_t child;

	ASSERT_EQ(0, chmod(self->path, 0644));
	child = fork();
	if (!child) {
		struct klab_file_run run;
		struct klab_file_stat ask = { .runs = { (uintptr_t)&run, 1, sizeof(run) } };

		if (setgid(1000) || setuid(1000))
			_exit(1);
		ask.fd = open(self->path, O_RDONLY | O_CLOEXEC);
		if (klab(self->device, KLAB_IOC_FILE_STAT, &ask))
			_exit(2);
		if (ask.state & KLAB_FILE_CACHE || ask.cached || ask.runs.count ||
		    ask.size != PAGES * PAGE)
			_exit(3);
		/* A descriptor to write with, from whoever it has it, is enough. */
		_exit(stat_of(self->device, self->fd).cached == PAGES ? 0 : 4);
	}
	EXPECT_EQ(0, child_status(child));
}

TEST_F(file, refused)
{
	struct klab_file_stat ask = { .fd = open(self->path, O_PATH | O_CLOEXEC) };

	EXPECT_EQ(EBADF, klab(self->device, KLAB_IOC_FILE_STAT, &ask));
	close(ask.fd);
	EXPECT_EQ(EBADF, klab(self->device, KLAB_IOC_FILE_STAT, &ask));
	ask.fd = self->fd;
	ask.start = ~0ULL;
	ask.pages = 2;
	EXPECT_EQ(EINVAL, klab(self->device, KLAB_IOC_FILE_STAT, &ask));
}

TEST_HARNESS_MAIN
