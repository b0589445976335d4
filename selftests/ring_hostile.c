// SPDX-License-Identifier: GPL-2.0-only
/*
 * How far a mapping reaches, how long it lasts, and what a peer can do who writes
 * anything he likes into the shared page: spoil the bytes of this ring, and no more.
 */
#include "ring_test.h"

FIXTURE(ring_hostile)
{
	int klab;
	int fd;
	struct klab_ring ring;
};

FIXTURE_SETUP(ring_hostile)
{
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->klab);
	self->fd = create_channel(self->klab, CAPACITY, KLAB_CHANNEL_MAPPABLE);
	if (self->fd < 0 && errno == EOPNOTSUPP)
		SKIP(return, "no mappable channels on this kernel");
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(map_ring(&self->ring, self->fd));
}

FIXTURE_TEARDOWN(ring_hostile)
{
	close(self->fd);
	close(self->klab);
}

static int map_errno(int fd, size_t size, int flags)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (map == MAP_FAILED)
		return errno;
	munmap(map, size);
	return 0;
}

TEST_F(ring_hostile, who_may_be_mapped)
{
	int plain = create_channel(self->klab, CAPACITY, 0);

	EXPECT_EQ(0, map_errno(self->fd, mapped_size(), MAP_SHARED));
	EXPECT_EQ(EINVAL, map_errno(self->fd, mapped_size(), MAP_PRIVATE));
	EXPECT_EQ(ENODEV, map_errno(plain, mapped_size(), MAP_SHARED));
	EXPECT_EQ(ENODEV, map_errno(self->klab, mapped_size(), MAP_SHARED));
	close(plain);
}

/* The signal that a child dies of who touches one byte, or 0. */
static int touch(const unsigned char *byte)
{
	pid_t child = fork();
	int status;

	if (!child) {
		signal(SIGBUS, SIG_DFL);
		_exit(__atomic_load_n(byte, __ATOMIC_RELAXED) & 0);
	}
	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

TEST_F(ring_hostile, beyond_the_end)
{
	size_t page = sysconf(_SC_PAGESIZE), i;
	unsigned char *map = mmap(NULL, mapped_size() + 16 * page, PROT_READ | PROT_WRITE,
				  MAP_SHARED, self->fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, touch(map + mapped_size() - 1));
	for (i = 0; i < 16; i++)
		EXPECT_EQ(SIGBUS, touch(map + mapped_size() + i * page));
}

/* The last to go keeps it, be it a descriptor or a mapping. */
TEST_F(ring_hostile, any_order_of_leaving)
{
	struct klab_ring second;

	ASSERT_TRUE(map_ring(&second, self->fd));
	ASSERT_EQ(4, write(self->fd, "left", 4));
	ASSERT_EQ(0, munmap(self->ring.map, mapped_size()));
	EXPECT_EQ(4, klab_ring_bytes(&second));
	close(self->fd);
	close(self->klab);
	EXPECT_EQ(0, memcmp(klab_ring_data(&second), "left", 4));
	__atomic_store_n(&second.bytes[CAPACITY - 1], 'x', __ATOMIC_SEQ_CST);
	EXPECT_EQ('x', __atomic_load_n(&second.bytes[2 * CAPACITY - 1], __ATOMIC_SEQ_CST));
	EXPECT_EQ(0, munmap(second.map, mapped_size()));
}

TEST_F(ring_hostile, descriptor_outlives_mapping)
{
	char text[8];

	memcpy(klab_ring_space(&self->ring), "left", 4);
	EXPECT_EQ(0, klab_ring_give(&self->ring, 4));
	ASSERT_EQ(0, munmap(self->ring.map, mapped_size()));
	EXPECT_EQ(4, read(self->fd, text, sizeof(text)));
	ASSERT_TRUE(map_ring(&self->ring, self->fd));
	EXPECT_EQ(4, self->ring.map->read);
}

TEST_F(ring_hostile, inherited_mapping)
{
	pid_t child = fork();

	if (!child) {
		close(self->klab);
		memcpy(klab_ring_space(&self->ring), "child", 5);
		_exit(klab_ring_give(&self->ring, 5));
	}
	ASSERT_EQ(0, child_status(child));
	EXPECT_EQ(5, klab_ring_bytes(&self->ring));
	EXPECT_EQ(0, memcmp(klab_ring_data(&self->ring), "child", 5));
}

/*
 * More than the ring holds, as the page has it, by a little or beyond all reason: still
 * there are never more bytes, or room, than the ring has. No neighbour's memory comes
 * out, and none is written to: a call that reached for it would end at the guard behind
 * the ring, with an error or with less.
 */
TEST_F(ring_hostile, more_than_there_can_be)
{
	static const __u64 lies[] = {
		CAPACITY + 1, CAPACITY + 4096, 2 * CAPACITY, 1ULL << 31, 1ULL << 32, 1ULL << 63,
		-1ULL, -4096ULL, -(__u64)CAPACITY,
	};
	static unsigned char bytes[4 * CAPACITY];
	struct klab_channel_map *map = self->ring.map;
	size_t i, at;
	int there;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		for (at = 0; at < CAPACITY; at += 1365) {
			map->read = at;
			map->written = at + lies[i];
			EXPECT_EQ(0, ioctl(self->fd, FIONREAD, &there));
			EXPECT_EQ(CAPACITY, there);
			EXPECT_EQ(CAPACITY, channel_stat(self->fd).bytes);
			EXPECT_EQ(CAPACITY, read(self->fd, bytes, sizeof(bytes)))
				TH_LOG("%llx bytes at %zu", lies[i], at);
			EXPECT_EQ(at + CAPACITY, map->read);

			/* Read what was never written; a little below none, it makes sense. */
			if (CAPACITY + lies[i] <= CAPACITY)
				continue;
			map->written = at;
			map->read = at + lies[i];
			EXPECT_EQ(2 * CAPACITY, write(self->fd, bytes, 2 * CAPACITY))
				TH_LOG("%llx of room at %zu", lies[i], at);
			EXPECT_EQ(at + 2 * CAPACITY, map->written);
		}
	}
}

#define PATTERN	0xc5
#define ROLES	6

struct findings {
	unsigned int turns[ROLES];
	unsigned int foreign;		/* bytes read that were never in this ring */
	unsigned int nonsense;		/* answers that cannot be */
};

/* Anything at all, and often what is just at the edge. */
static __u64 junk(unsigned int *state)
{
	static const __u64 edges[] = {
		0, 1, CAPACITY - 1, CAPACITY, CAPACITY + 1, -1ULL, -(__u64)CAPACITY, 1ULL << 32,
		1ULL << 63, 0xffffffff,
	};
	unsigned int which = chance(state) % 16;

	if (which < ARRAY_SIZE(edges))
		return edges[which];
	return (__u64)chance(state) << 40 ^ (__u64)chance(state) << 20 ^ chance(state);
}

static void scribble(struct klab_ring *ring, unsigned int *state)
{
	struct klab_channel_map *map = ring->map;

	__atomic_store_n(&map->capacity, junk(state), __ATOMIC_RELAXED);
	__atomic_store_n(&map->written, junk(state), __ATOMIC_RELAXED);
	__atomic_store_n(&map->read, junk(state), __ATOMIC_RELAXED);
	__atomic_store_n(&map->ended, junk(state), __ATOMIC_RELAXED);
	__atomic_store_n(&map->writer_sleeps, junk(state), __ATOMIC_RELAXED);
	__atomic_store_n(&map->reader_sleeps, junk(state), __ATOMIC_RELAXED);
	klab_channel_wake(ring->fd, KLAB_CHANNEL_WRITERS);
	klab_channel_wake(ring->fd, KLAB_CHANNEL_READERS);
}

static void read_some(int fd, struct findings *found, unsigned char *bytes, size_t size)
{
	ssize_t got = read(fd, bytes, size), i;

	if (got < 1 || got > (ssize_t)size || got > CAPACITY)
		__atomic_add_fetch(&found->nonsense, 1, __ATOMIC_RELAXED);
	for (i = 0; i < got; i++)
		if (bytes[i] != PATTERN)
			__atomic_add_fetch(&found->foreign, 1, __ATOMIC_RELAXED);
}

static void look(int fd, struct findings *found)
{
	struct klab_channel_stat stat = channel_stat(fd);
	int bytes = -1;

	if (ioctl(fd, FIONREAD, &bytes) || bytes < 0 || bytes > CAPACITY ||
	    stat.capacity != CAPACITY || stat.bytes > CAPACITY ||
	    stat.state != KLAB_CHANNEL_MAPPABLE)
		__atomic_add_fetch(&found->nonsense, 1, __ATOMIC_RELAXED);
}

static void play(struct klab_ring *ring, struct findings *found, int role)
{
	unsigned char bytes[2 * CAPACITY];
	unsigned int state = role;
	size_t size;

	while (true) {
		size = chance(&state) % sizeof(bytes) + 1;
		memset(bytes, role == 2 ? PATTERN : 0, sizeof(bytes));
		switch (role) {
		case 0:
			scribble(ring, &state);
			break;
		case 1:
			read_some(ring->fd, found, bytes, size);
			break;
		case 2:
			if (write(ring->fd, bytes, size) < 1)
				__atomic_add_fetch(&found->nonsense, 1, __ATOMIC_RELAXED);
			break;
		case 3:
			wait_for(ring, size % 2, true);
			break;
		case 4:
			klab_channel_wait(ring->fd, size % 2, size % CAPACITY + 1);
			break;
		case 5:
			look(ring->fd, found);
			break;
		}
		__atomic_add_fetch(&found->turns[role], 1, __ATOMIC_RELAXED);
	}
}

/* Everybody gets on, nobody gets anything that is not his, and a kill ends them all. */
TEST_F(ring_hostile, scribbling_peer)
{
	struct findings *found = shared_memory(sizeof(*found));
	pid_t players[ROLES];
	int role, status;
	char text[8];

	ASSERT_NE(NULL, found);
	memset(self->ring.bytes, PATTERN, CAPACITY);
	for (role = 0; role < ROLES; role++) {
		players[role] = fork();
		if (!players[role])
			play(&self->ring, found, role);
	}
	for (role = 0; role < ROLES; role++)
		EXPECT_TRUE(eventually(__atomic_load_n(&found->turns[role],
						       __ATOMIC_RELAXED) > 500))
			TH_LOG("role %d", role);
	for (role = 0; role < ROLES; role++) {
		kill(players[role], SIGKILL);
		ASSERT_EQ(players[role], waitpid(players[role], &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
	}
	EXPECT_EQ(0, found->foreign);
	EXPECT_EQ(0, found->nonsense);

	/* With sense in the page again, it is a channel as before. */
	self->ring.map->written = 0;
	self->ring.map->read = 0;
	EXPECT_EQ(5, write(self->fd, "again", 5));
	EXPECT_EQ(5, read(self->fd, text, sizeof(text)));
	EXPECT_EQ(0, memcmp(text, "again", 5));
}

TEST_HARNESS_MAIN
