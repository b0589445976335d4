// SPDX-License-Identifier: GPL-2.0-only
/*
 * A private channel under all that may happen at once: eight writers and eight
 * readers, sizes by chance, signals that interrupt and signals that restart, its
 * capacity changed under way, readers and writers killed, its descriptor closed and
 * passed on. No byte is lost, doubled, or out of its writer's order, and no write is split.
 *
 * What passes are cells of one size, so that whoever reads gets whole ones. A reader
 * reads straight into memory that it shares with the test: what it took is there, also
 * when it did not live to say so. A killed writer has written whole writes: those that
 * it knew of, or one more.
 */
#include "channel_test.h"
#include "pass.h"

#define WRITERS		8
#define READERS		8
#define KILLED		4		/* of either kind; readers are replaced */
#define CELLS		1500		/* of each writer */
#define ALL_CELLS	(WRITERS * CELLS)

struct cell {
	__u32 writer;			/* from 1 on, so that no cell is all zeroes */
	__u32 number;
	__u16 place, of;		/* within its write */
	__u32 filler[13];
};

#define WRITE_MAX	(4096 / sizeof(struct cell))

struct field {
	__u32 done[WRITERS];		/* cells that a writer knows to be in */
	__u32 trying[WRITERS];		/* the same after the write that it is in */
	__u32 split;			/* writes that somebody else came between */
	__u32 errors;
	struct cell taken[READERS + KILLED][ALL_CELLS];
};

_Static_assert(sizeof(struct cell) == 64, "a cell is a power of two");

static unsigned int chance(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 8;
}

static void nothing(int number)
{
	(void)number;
}

/* Every second process has its calls restarted, the others have to do it themselves. */
static void handle(int who)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = who % 2 ? SA_RESTART : 0 };

	sigaction(SIGUSR1, &action, NULL);
}

static void count(__u32 *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void write_cells(int fd, struct field *field, int writer)
{
	struct cell cells[WRITE_MAX];
	unsigned int state = writer + 1, number = 0, size, i, word;
	ssize_t wrote;

	while (number < CELLS) {
		size = chance(&state) % WRITE_MAX + 1;
		size = size < CELLS - number ? size : CELLS - number;
		for (i = 0; i < size; i++) {
			cells[i] = (struct cell) {
				.writer = writer + 1, .number = number + i, .place = i, .of = size,
			};
			for (word = 0; word < ARRAY_SIZE(cells[i].filler); word++)
				cells[i].filler[word] = (number + i) * 31 + word;
		}
		__atomic_store_n(&field->trying[writer], number + size, __ATOMIC_SEQ_CST);
		do
			wrote = write(fd, cells, size * sizeof(*cells));
		while (wrote < 0 && errno == EINTR);
		if (wrote != (ssize_t)(size * sizeof(*cells)))
			count(&field->errors);
		number += size;
		__atomic_store_n(&field->done[writer], number, __ATOMIC_SEQ_CST);
	}
}

/* Between the cells of one write there is never another, as far as one read can see. */
static bool is_split(const struct cell *cells, unsigned int size)
{
	const struct cell *cell, *before;

	for (cell = cells + 1; cell < cells + size; cell++) {
		before = cell - 1;
		if (!cell->place != (before->place + 1 == before->of))
			return true;
		if (cell->place && (cell->writer != before->writer ||
				    cell->number != before->number + 1))
			return true;
	}
	return false;
}

static void read_cells(int fd, struct field *field, int reader)
{
	struct cell *cells = field->taken[reader];
	unsigned int state = reader + 100, used = 0, size;
	ssize_t got;

	while (used < ALL_CELLS) {
		size = chance(&state) % (3 * WRITE_MAX) + 1;
		size = size < ALL_CELLS - used ? size : ALL_CELLS - used;
		got = read(fd, cells + used, size * sizeof(*cells));
		if (!got)
			return;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || got % sizeof(*cells)) {
			count(&field->errors);
			return;
		}
		if (is_split(cells + used, got / sizeof(*cells)))
			count(&field->split);
		used += got / sizeof(*cells);
	}
}

static pid_t start(void (*run)(int fd, struct field *field, int who), int fd,
		   struct field *field, int who)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	handle(who);
	run(fd, field, who);
	_exit(0);
}

static unsigned int all_done(const struct field *field)
{
	unsigned int sum = 0, i;

	for (i = 0; i < WRITERS; i++)
		sum += __atomic_load_n(&field->done[i], __ATOMIC_RELAXED);
	return sum;
}

/* How many of the cells in this memory are wrong in themselves or out of order. */
static unsigned int tally(const struct cell *cells, unsigned char (*seen)[CELLS])
{
	int last[WRITERS + 1], wrong = 0;
	unsigned int i, word;

	memset(last, 0xff, sizeof(last));
	for (i = 0; i < ALL_CELLS && cells[i].writer; i++) {
		if (cells[i].writer > WRITERS || cells[i].number >= CELLS) {
			wrong++;
			continue;
		}
		for (word = 0; word < ARRAY_SIZE(cells[i].filler); word++)
			wrong += cells[i].filler[word] != cells[i].number * 31 + word;
		wrong += last[cells[i].writer] >= (int)cells[i].number;
		last[cells[i].writer] = cells[i].number;
		seen[cells[i].writer - 1][cells[i].number]++;
	}
	return wrong;
}

TEST(all_at_once)
{
	static const unsigned int capacities[] = { 16384, 4096, 65536, 8192 };
	static unsigned char seen[WRITERS][CELLS];
	int klab_fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), status, error;
	struct field *field = shared_memory(sizeof(*field));
	pid_t writers[WRITERS], readers[READERS + KILLED];
	unsigned int state = 1, i, number, killed = 0, resized = 0, goal, got;
	int fd = create_channel(klab_fd, 16384, 0), sockets[2];

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, field);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	/* Inherited, so that no signal comes too early for them. */
	handle(0);
	for (i = 0; i < READERS; i++)
		readers[i] = start(read_cells, fd, field, i);
	for (i = 0; i < WRITERS; i++)
		writers[i] = start(write_cells, fd, field, i);

	/* As the work goes on, one after the other is killed; until then they are disturbed. */
	while (killed < KILLED) {
		goal = (killed + 1) * ALL_CELLS / (2 * KILLED + 2);
		kill(writers[chance(&state) % (WRITERS - KILLED) + KILLED], SIGUSR1);
		kill(readers[READERS - 1], SIGUSR1);
		kill(readers[killed + chance(&state) % (READERS - killed)], SIGUSR1);
		error = resize_channel(fd, capacities[chance(&state) % ARRAY_SIZE(capacities)]);
		ASSERT_TRUE(!error || error == EBUSY);
		resized += !error;
		if (all_done(field) < goal)
			continue;
		kill(readers[killed], SIGKILL);
		kill(writers[killed], SIGKILL);
		ASSERT_EQ(readers[killed], waitpid(readers[killed], &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		ASSERT_EQ(writers[killed], waitpid(writers[killed], &status, 0));
		/* Closed here on its way: whoever is started from now on has what comes out. */
		ASSERT_TRUE(send_descriptor(sockets[0], fd));
		close(fd);
		fd = receive_descriptor(sockets[1]);
		ASSERT_LE(0, fd);
		readers[READERS + killed] = start(read_cells, fd, field, READERS + killed);
		killed++;
	}
	for (i = KILLED; i < WRITERS; i++)
		EXPECT_EQ(0, child_status(writers[i]));
	ASSERT_EQ(0, end_channel(fd));
	for (i = KILLED; i < READERS + KILLED; i++)
		EXPECT_EQ(0, child_status(readers[i]));

	EXPECT_LT(0, resized);
	EXPECT_EQ(0, field->split);
	EXPECT_EQ(0, field->errors);
	for (i = 0; i < READERS + KILLED; i++)
		EXPECT_EQ(0, tally(field->taken[i], seen))
			TH_LOG("reader %u", i);
	for (i = 0; i < WRITERS; i++) {
		for (got = 0; got < CELLS && seen[i][got]; got++)
			EXPECT_EQ(1, seen[i][got]);
		for (number = got; number < CELLS; number++)
			ASSERT_EQ(0, seen[i][number])
				TH_LOG("writer %u: cell %u is lost", i, got);
		EXPECT_TRUE(got == field->done[i] || (i < KILLED && got == field->trying[i]))
			TH_LOG("writer %u: %u of %u", i, got, field->done[i]);
		if (i >= KILLED)
			EXPECT_EQ(CELLS, got);
	}
	EXPECT_EQ(0, channel_stat(fd).bytes);
	EXPECT_EQ(channel_stat(fd).write.bytes, channel_stat(fd).read.bytes);
}

TEST_HARNESS_MAIN
