// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many recorders, threads and processes at once, closed at any moment. How long it goes on may
 * be said in KLAB_SECONDS.
 */
#include <sched.h>
#include <sys/resource.h>

#include "recorder_test.h"

#define MANY	100

/* Nothing but a name: only a case of a fixture may be told how long it may take. */
FIXTURE(recorder_load)
{
};

FIXTURE_SETUP(recorder_load)
{
}

FIXTURE_TEARDOWN(recorder_load)
{
}

static int seconds(void)
{
	return asked_for("KLAB_SECONDS", 2);
}

static void *call_once(void *arg)
{
	syscall(SYS_getppid);
	return NULL;
}

/* Does a bit of everything, for ever. */
static void busy(void)
{
	pthread_t thread;
	pid_t child;

	signal(SIGUSR1, SIG_IGN);
	/* a hundred of these leave no processor to who is to read them all */
	setpriority(PRIO_PROCESS, 0, 19);
	while (1) {
		syscall(SYS_getppid);
		raise(SIGUSR1);
		if (!pthread_create(&thread, NULL, call_once, NULL))
			pthread_join(thread, NULL);
		child = fork();
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
		sched_yield();
	}
}

static int recorder_of(pid_t pid, __u64 bytes)
{
	struct klab_recorder_create ask = {
		.kinds = KLAB_RECORD_ALL, .flags = FAMILY, .bytes = bytes, .wakeup = 1024,
		.threads = 4,
	};

	return record_with(pid, &ask);
}

/* Reads all there is; does not look into it. Returns events. */
static __u64 read_count(int recorder)
{
	char buffer[65536];
	__u64 count = 0;
	ssize_t got, at;

	while ((got = read(recorder, buffer, sizeof(buffer))) > 0)
		for (at = 0; at < got; count++)
			at += ((struct klab_recorded *)(buffer + at))->length;
	return count;
}

/* All of them recorded at once, die in the middle of it: not one event unaccounted for. */
TEST_F_TIMEOUT(recorder_load, hundred_processes, LONG_TIMEOUT)
{
	struct klab_recorder_stat stat;
	int recorders[MANY], i;
	pid_t pids[MANY];
	__u64 read[MANY] = { 0 }, end;

	for (i = 0; i < MANY; i++) {
		pids[i] = fork();
		if (!pids[i])
			busy();
		recorders[i] = recorder_of(pids[i], 16384);
		ASSERT_LE(0, recorders[i]);
		ASSERT_EQ(0, fcntl(recorders[i], F_SETFL, O_NONBLOCK));
	}
	end = now_ns() + seconds() * 1000000000ULL;
	do {
		for (i = 0; i < MANY; i++)
			read[i] += read_count(recorders[i]);
	} while (now_ns() < end);
	/* Half are killed, half are closed under their feet. */
	for (i = 0; i < MANY; i += 2)
		kill(pids[i], SIGKILL);
	for (i = 0; i < MANY; i += 2) {
		struct pollfd poll_fd = { recorders[i], POLLIN, 0 };

		ASSERT_EQ(0, fcntl(recorders[i], F_SETFL, 0));
		waitpid(pids[i], NULL, 0);
		/* A child of his may live on; it ends at once, and wakes who waits for that. */
		read[i] += read_count(recorders[i]);
		EXPECT_EQ(1, poll(&poll_fd, 1, 0));
		EXPECT_EQ(POLLHUP, poll_fd.revents);
		stat = record_stat(recorders[i]);
		EXPECT_EQ(0, stat.threads);
		EXPECT_LT(0, read[i]);
		EXPECT_EQ(stat.made, read[i] + stat.dropped);
		close(recorders[i]);
	}
	for (i = 1; i < MANY; i += 2) {
		close(recorders[i]);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

/* Recorders of the same process come and go, in several threads. */
static pid_t victim;
static int stop_now;

static void *come_and_go(void *arg)
{
	unsigned int seed = (unsigned long)arg;
	char buffer[4096];
	int recorder;

	while (!__atomic_load_n(&stop_now, __ATOMIC_RELAXED)) {
		recorder = recorder_of(victim, 4096);
		if (recorder < 0)
			return (void *)(long)errno;
		usleep(rand_r(&seed) % 3000);
		if (rand_r(&seed) % 2)
			record_stop(recorder);
		if (rand_r(&seed) % 2) {
			fcntl(recorder, F_SETFL, O_NONBLOCK);
			if (read(recorder, buffer, sizeof(buffer)) < 0 && errno != EAGAIN)
				return (void *)(long)errno;
		}
		close(recorder);
	}
	return NULL;
}

TEST_F_TIMEOUT(recorder_load, closed_at_any_moment, LONG_TIMEOUT)
{
	pthread_t threads[4];
	void *error;
	long i;

	victim = fork();
	if (!victim)
		busy();
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, come_and_go, (void *)i);
	sleep(seconds());
	__atomic_store_n(&stop_now, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &error);
		EXPECT_EQ(NULL, error);
	}
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}

/* The module stays as long as a recorder does, and no longer. */
TEST_F(recorder_load, module_is_held)
{
	pid_t child = fork();
	int recorder;

	if (!child)
		busy();
	recorder = record(child, KLAB_RECORD_ALL, FAMILY);
	ASSERT_LE(0, recorder);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "klab", O_NONBLOCK));
	EXPECT_EQ(EBUSY, errno == EWOULDBLOCK ? EBUSY : errno);
	close(recorder);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

TEST_HARNESS_MAIN
