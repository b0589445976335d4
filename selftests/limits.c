// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing is unbounded: the limit of a descriptor, that of a user, that of the
 * caller's memory cgroup, and that of the machine, each met from both sides.
 */
#include <sys/stat.h>

#include "klab_test.h"

#define CGROUPS	"/sys/fs/cgroup/"
#define CGROUP	CGROUPS "klab-test/"

FIXTURE(limits)
{
	int fd;
	struct klab_info info;
};

FIXTURE_SETUP(limits)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_INFO, &self->info));
	ASSERT_EQ(0, pages_held(self->fd));
}

FIXTURE_TEARDOWN(limits)
{
	close(self->fd);
}

TEST_F(limits, exact)
{
	__u32 first, second, none;
	__u64 half = self->info.pages_max / 2;

	ASSERT_EQ(0, hold(self->fd, 0, half, &first));
	EXPECT_EQ(ENOMEM, hold(self->fd, 0, self->info.pages_max - half + 1, &none));
	EXPECT_EQ(half, pages_held(self->fd));
	ASSERT_EQ(0, hold(self->fd, 0, self->info.pages_max - half, &second));
	EXPECT_EQ(self->info.pages_max, pages_held(self->fd));

	EXPECT_EQ(ENOMEM, hold(self->fd, 0, 1, &none));
	EXPECT_EQ(self->info.pages_max, pages_held(self->fd));
	EXPECT_EQ(2, fdinfo_value(self->fd, "batches", 10));

	/* It is about what is held: to take one and let go of it is still fine. */
	EXPECT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ALLOC,
			  &(struct klab_pages_alloc) { .count = 1, .node = KLAB_NODE_ANY }));
	EXPECT_EQ(0, give_back(self->fd, first));
	EXPECT_EQ(0, hold(self->fd, 0, half, &first));
}

#define THREADS	4

struct race {
	pthread_barrier_t start;
	int fd;
	__u64 count;
	int succeeded;
};

static void *hold_it(void *argument)
{
	struct race *race = argument;
	__u32 handle;

	pthread_barrier_wait(&race->start);
	if (!hold(race->fd, 0, race->count, &handle))
		__atomic_add_fetch(&race->succeeded, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Against many at once: each wants more than a third of what there is for all. */
TEST_F(limits, shared_by_threads)
{
	struct race race = { .count = self->info.pages_max / 3 + 1 };
	pthread_t threads[THREADS];
	int round, i;

	pthread_barrier_init(&race.start, NULL, THREADS);
	for (round = 0; round < 5; round++) {
		race.fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
		race.succeeded = 0;
		for (i = 0; i < THREADS; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, hold_it, &race));
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		EXPECT_LT(0, race.succeeded);
		EXPECT_GE(2, race.succeeded);
		EXPECT_EQ(race.succeeded * race.count, pages_held(race.fd));
		close(race.fd);
	}
}

#define PAGES_MAX_USER	"/sys/module/klab/parameters/pages_max_user"

static bool set_pages_max_user(__u64 pages)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)pages);
	return write_text(PAGES_MAX_USER, text);
}

/* What one user holds by two descriptors, and another user beside him. */
TEST_F(limits, of_the_user)
{
	struct klab_pages_list list = { 0 };
	int other = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), strange;
	__u32 handle, more;

	ASSERT_TRUE(set_pages_max_user(1000));
	EXPECT_EQ(0, hold(self->fd, 0, 600, &handle));
	EXPECT_EQ(ENOMEM, hold(other, 0, 401, &more));
	EXPECT_EQ(0, pages_held(other));
	EXPECT_EQ(0, hold(other, 0, 400, &more));
	EXPECT_EQ(ENOMEM, hold(self->fd, 0, 1, &more));

	/* Who has opened the descriptor counts, not who uses it now. */
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, setresuid(1000, 0, 0));
	strange = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(ENOMEM, hold(other, 0, 1, &more));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_LE(0, strange);
	EXPECT_EQ(0, hold(strange, 0, 1000, &more));
	EXPECT_EQ(ENOMEM, hold(strange, 0, 1, &more));
	EXPECT_EQ(0, klab(strange, KLAB_IOC_PAGES_LIST, &list));
	EXPECT_EQ(1000, list.pages_user);
	list = (struct klab_pages_list) { 0 };
	EXPECT_EQ(0, klab(other, KLAB_IOC_PAGES_LIST, &list));
	EXPECT_EQ(400, list.pages);
	EXPECT_EQ(1000, list.pages_user);

	/* What is given back, by whichever way, may be held again. */
	EXPECT_EQ(0, close(other));
	EXPECT_EQ(0, hold(self->fd, 0, 400, &more));
	EXPECT_EQ(ENOMEM, hold(self->fd, 0, 1, &more));
	EXPECT_EQ(0, give_back(self->fd, handle));
	EXPECT_EQ(0, hold(self->fd, 0, 600, &more));
	EXPECT_TRUE(set_pages_max_user(self->info.pages_max_user));
	close(strange);
}

/*
 * Who opens one descriptor after the other, and asks for less when he is refused,
 * gets all that klab hands out; and then an eighth of the memory is still there.
 */
TEST_F(limits, of_the_machine)
{
	long long total = number_in("/proc/meminfo", "MemTotal", 10), left;
	__u64 pages = self->info.pages_max;
	int fds[1000], count = 0, error;
	__u32 handle;

	ASSERT_TRUE(set_pages_max_user(UINT_MAX));
	while (pages && count < 1000) {
		fds[count] = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fds[count]);
		error = hold(fds[count++], 0, pages, &handle);
		if (error) {
			ASSERT_EQ(ENOMEM, error);
			pages /= 2;
		}
	}
	left = number_in("/proc/meminfo", "MemAvailable", 10);
	while (count--)
		close(fds[count]);
	EXPECT_TRUE(set_pages_max_user(self->info.pages_max_user));
	EXPECT_EQ(0, pages);
	/* What is available is the kernel's estimate, and others live here: a quarter off. */
	EXPECT_LT(total / 8 * 3 / 4, left);
	EXPECT_GT(total / 8 * 5 / 4, left);
}

/* What a process finds out in a cgroup of 8 MiB, which it fills to the brim. */
struct findings {
	int some, too_many, partial, full;	/* errnos */
	long long charged;			/* bytes, with 4 MiB held */
	struct klab_pages_alloc ask, returned;
};

/*
 * The last three find no memory at all left to this process. It must not touch a new
 * page then, or the kernel would end it for that: so only shared memory, which is
 * there and was paid for by the parent.
 */
static void find_out(int fd, struct findings *found)
{
	__u32 handle;

	found->some = hold(fd, 0, 1024, &handle);
	found->charged = number_in(CGROUP "memory.current", "", 10);
	found->too_many = hold(fd, 0, 4096, &handle);

	found->ask = (struct klab_pages_alloc) {
		.flags = KLAB_PAGES_HOLD | KLAB_PAGES_PARTIAL, .count = 4096,
		.node = KLAB_NODE_ANY,
	};
	found->returned = found->ask;
	found->returned.flags = KLAB_PAGES_HOLD | KLAB_PAGES_RETURN;
	if (klab(fd, KLAB_IOC_PAGES_ALLOC, &found->returned))
		found->returned.obtained = ~0ULL;
	found->partial = klab(fd, KLAB_IOC_PAGES_ALLOC, &found->ask);
	found->full = hold(fd, 0, 4096, &handle);
}

/*
 * The caller's cgroup pays, whoever has opened the descriptor, and when it has
 * run out the answer is ENOMEM: nobody is killed for it. This is also the way to
 * see an allocator that has no more: it is all or nothing, or with
 * KLAB_PAGES_PARTIAL what there was.
 */
TEST_F(limits, of_the_memory_cgroup)
{
	struct findings *found = shared_memory(sizeof(*found));
	pid_t child;

	write_text(CGROUPS "cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) || !write_text(CGROUP "memory.max", "8388608")) {
		rmdir(CGROUP);
		SKIP(return, "no memory cgroups here");
	}

	child = fork();
	if (!child) {
		if (!write_text(CGROUP "cgroup.procs", "0"))
			_exit(1);
		find_out(self->fd, found);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(child))
		TH_LOG("killed, and so were the answers: see the kernel's log");
	EXPECT_EQ(0, found->some);
	EXPECT_LE(1024 * 4096, found->charged);
	EXPECT_EQ(ENOMEM, found->too_many);
	EXPECT_EQ(0, found->partial);
	EXPECT_LT(0, found->ask.obtained);
	EXPECT_GT(1024, found->ask.obtained);
	EXPECT_EQ(KLAB_SHORT_CGROUP, found->ask.reason);
	EXPECT_LT(0, found->returned.obtained);
	EXPECT_GT(1024, found->returned.obtained);
	EXPECT_EQ(KLAB_SHORT_CGROUP, found->returned.reason);
	EXPECT_EQ(0, found->returned.handle);
	EXPECT_EQ(ENOMEM, found->full);
	EXPECT_EQ(1024 + found->ask.obtained, pages_held(self->fd));
	EXPECT_EQ(2, fdinfo_value(self->fd, "batches", 10));

	/* The bill is open for as long as the pages are held, and no longer. */
	EXPECT_LE(1024 * 4096, number_in(CGROUP "memory.current", "", 10));
	close(self->fd);
	EXPECT_TRUE(eventually(number_in(CGROUP "memory.current", "", 10) < 1024 * 4096));
	EXPECT_TRUE(eventually(rmdir(CGROUP) == 0));
}

/* Whoever is killed with pages of every kind in his hands leaves nothing on the bill. */
TEST_F(limits, killed_in_a_memory_cgroup)
{
	int *ready = shared_memory(sizeof(*ready));
	pid_t child;

	write_text(CGROUPS "cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) || !write_text(CGROUP "memory.max", "33554432")) {
		rmdir(CGROUP);
		SKIP(return, "no memory cgroups here");
	}
	child = fork();
	if (!child) {
		struct klab_pages_alloc alloc = {
			.order = 3, .count = 128, .node = KLAB_NODE_ANY,
			.flags = KLAB_PAGES_HOLD | KLAB_PAGES_ZEROED,
		};
		size_t page = sysconf(_SC_PAGESIZE);
		unsigned char *map;
		__u32 handle;
		int fd;

		if (!write_text(CGROUP "cgroup.procs", "0"))
			_exit(1);
		fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
		if (hold(fd, 0, 1024, &handle) || klab(fd, KLAB_IOC_PAGES_ALLOC, &alloc))
			_exit(2);
		map = mmap(NULL, 1024 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   alloc.handle * page);
		if (map == MAP_FAILED)
			_exit(3);
		memset(map, 1, 1024 * page);
		__atomic_store_n(ready, 1, __ATOMIC_RELEASE);
		while (1)
			pause();
	}
	ASSERT_TRUE(eventually(__atomic_load_n(ready, __ATOMIC_ACQUIRE)));
	EXPECT_LE(2048 * 4096, number_in(CGROUP "memory.current", "", 10));
	kill(child, SIGKILL);
	EXPECT_EQ(-1, child_status(child));
	EXPECT_TRUE(eventually(number_in(CGROUP "memory.current", "", 10) < 1024 * 4096));
	EXPECT_TRUE(eventually(rmdir(CGROUP) == 0));
}

TEST_HARNESS_MAIN
