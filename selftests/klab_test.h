/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of klab have in common: the device, its commands in one table,
 * and ways to wait for a state rather than for some time.
 *
 * Every helper only does and tells; what is right is asserted in the tests.
 */
#ifndef KLAB_TEST_H
#define KLAB_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/klab.h>

#include "files.h"
#include "kselftest_harness.h"

/*
 * Seconds until a test that hangs is ended. The harness's 30 are too few for a
 * kernel with every checker on, under an emulator, on a machine that does more.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	240
/* Of tests whose length the environment may say (asked_for). */
#define LONG_TIMEOUT		86400

#define KLAB_DEVICE	"/dev/klab"

/* How long, or how many, says the environment, or else @few (docs/proof.md). */
static inline __u64 asked_for(const char *name, __u64 few)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : few;
}

/* The programs change ids, limits and modules: without root there is nothing to test. */
static __attribute__((constructor)) void needs_root(void)
{
	if (!geteuid())
		return;
	printf("1..0 # SKIP needs root\n");
	exit(KSFT_SKIP);
}

/*
 * QEMU's emulation of several processors may keep a piece of code as it was for a moment while
 * the kernel patched it, and run into the breakpoint there: the machine is lost, and nobody in it
 * to blame. Each first recorder and each last one patches the kernel's tracepoints. So under
 * emulation a program that makes many keeps one of its own all along, made while nothing runs.
 */
static inline void keep_tracepoints_on(void)
{
	struct klab_recorder_create ask = {
		.kinds = KLAB_RECORD_ALL, .bytes = 4096, .wakeup = 4096, .threads = 1,
	};
	struct klab_task_open self = { 0 };
	unsigned int id[3] = { 0 };
	int fd, task;

#if defined(REG_RIP) || defined(REG_EIP)
	__asm__ volatile("cpuid" : "=b" (id[0]), "=c" (id[1]), "=d" (id[2]) : "a" (0x40000000));
#endif
	if (memcmp(id, "TCGTCGTCGTCG", 12))
		return;
	fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	task = ioctl(fd, KLAB_IOC_TASK_OPEN, &self);
	ioctl(task, KLAB_IOC_RECORDER_CREATE, &ask);
	close(task);
	close(fd);
}

/* One row for each command. A new command gets a row here, and scene.h an argument for it. */
struct command {
	const char *name;
	unsigned long number;
	size_t size;		/* of its struct today */
	size_t first;		/* of its struct when it was first published; never changes */
};

enum {
	INFO, CHANNEL_CREATE, CHANNEL_STAT, CHANNEL_RESIZE, CHANNEL_END, CHANNEL_WAIT,
	CHANNEL_WAKE, PAGES_ALLOC, PAGES_FREE, PAGES_ZONES, PAGES_BOOKS, PAGES_LIST,
	SIGNAL_SEND, EVENTFD_FIRE, ERROR,
	NOTIFIER_CREATE, NOTIFY_SET, NOTIFY_QUERY, NOTIFY_LIST, NOTIFY_CANCEL, NOTIFY_FIRE,
	NOTIFY_WAIT, TASK_OPEN, TASK_WHO, TASK_COMPARE, TASK_SPACE, TASK_AREAS, TASK_PAGES,
	TASK_WALK, FILE_STAT, RECORDER_CREATE, RECORDER_STAT, RECORDER_STOP, CPU, COMMANDS
};

static const struct command commands[COMMANDS] = {
	[INFO]		= { "INFO", KLAB_IOC_INFO, sizeof(struct klab_info), 56 },
	[CHANNEL_CREATE] = { "CHANNEL_CREATE", KLAB_IOC_CHANNEL_CREATE,
			     sizeof(struct klab_channel_create), 16 },
	[CHANNEL_STAT]	= { "CHANNEL_STAT", KLAB_IOC_CHANNEL_STAT,
			    sizeof(struct klab_channel_stat), 88 },
	[CHANNEL_RESIZE] = { "CHANNEL_RESIZE", KLAB_IOC_CHANNEL_RESIZE,
			     sizeof(struct klab_channel_resize), 8 },
	[CHANNEL_END]	= { "CHANNEL_END", KLAB_IOC_CHANNEL_END,
			    sizeof(struct klab_channel_end), 8 },
	[CHANNEL_WAIT]	= { "CHANNEL_WAIT", KLAB_IOC_CHANNEL_WAIT,
			    sizeof(struct klab_channel_wait), 16 },
	[CHANNEL_WAKE]	= { "CHANNEL_WAKE", KLAB_IOC_CHANNEL_WAKE,
			    sizeof(struct klab_channel_wake), 8 },
	[PAGES_ALLOC]	= { "PAGES_ALLOC", KLAB_IOC_PAGES_ALLOC,
			    sizeof(struct klab_pages_alloc), 112 },
	[PAGES_FREE]	= { "PAGES_FREE", KLAB_IOC_PAGES_FREE, sizeof(struct klab_pages_free), 56 },
	[PAGES_ZONES]	= { "PAGES_ZONES", KLAB_IOC_PAGES_ZONES,
			    sizeof(struct klab_pages_zones), 16 },
	[PAGES_BOOKS]	= { "PAGES_BOOKS", KLAB_IOC_PAGES_BOOKS,
			    sizeof(struct klab_pages_books), 136 },
	[PAGES_LIST]	= { "PAGES_LIST", KLAB_IOC_PAGES_LIST, sizeof(struct klab_pages_list), 32 },
	[SIGNAL_SEND]	= { "SIGNAL_SEND", KLAB_IOC_SIGNAL_SEND,
			    sizeof(struct klab_signal_send), 32 },
	[EVENTFD_FIRE]	= { "EVENTFD_FIRE", KLAB_IOC_EVENTFD_FIRE,
			    sizeof(struct klab_eventfd_fire), 32 },
	[ERROR]		= { "ERROR", KLAB_IOC_ERROR, sizeof(struct klab_error), 8 },
	[NOTIFIER_CREATE] = { "NOTIFIER_CREATE", KLAB_IOC_NOTIFIER_CREATE,
			      sizeof(struct klab_notifier_create), 24 },
	[NOTIFY_SET]	= { "NOTIFY_SET", KLAB_IOC_NOTIFY_SET, sizeof(struct klab_notify_set), 64 },
	[NOTIFY_QUERY]	= { "NOTIFY_QUERY", KLAB_IOC_NOTIFY_QUERY,
			    sizeof(struct klab_notify_query), 136 },
	[NOTIFY_LIST]	= { "NOTIFY_LIST", KLAB_IOC_NOTIFY_LIST,
			    sizeof(struct klab_notify_list), 16 },
	[NOTIFY_CANCEL]	= { "NOTIFY_CANCEL", KLAB_IOC_NOTIFY_CANCEL,
			    sizeof(struct klab_notify_cancel), 16 },
	[NOTIFY_FIRE]	= { "NOTIFY_FIRE", KLAB_IOC_NOTIFY_FIRE,
			    sizeof(struct klab_notify_fire), 32 },
	[NOTIFY_WAIT]	= { "NOTIFY_WAIT", KLAB_IOC_NOTIFY_WAIT,
			    sizeof(struct klab_notify_wait), 32 },
	[TASK_OPEN]	= { "TASK_OPEN", KLAB_IOC_TASK_OPEN, sizeof(struct klab_task_open), 8 },
	[TASK_WHO]	= { "TASK_WHO", KLAB_IOC_TASK_WHO, sizeof(struct klab_task_who), 232 },
	[TASK_COMPARE]	= { "TASK_COMPARE", KLAB_IOC_TASK_COMPARE,
			    sizeof(struct klab_task_compare), 24 },
	[TASK_SPACE]	= { "TASK_SPACE", KLAB_IOC_TASK_SPACE,
			    sizeof(struct klab_task_space), 216 },
	[TASK_AREAS]	= { "TASK_AREAS", KLAB_IOC_TASK_AREAS,
			    sizeof(struct klab_task_areas), 48 },
	[TASK_PAGES]	= { "TASK_PAGES", KLAB_IOC_TASK_PAGES,
			    sizeof(struct klab_task_pages), 320 },
	[TASK_WALK]	= { "TASK_WALK", KLAB_IOC_TASK_WALK, sizeof(struct klab_task_walk), 176 },
	[FILE_STAT]	= { "FILE_STAT", KLAB_IOC_FILE_STAT, sizeof(struct klab_file_stat), 112 },
	[RECORDER_CREATE] = { "RECORDER_CREATE", KLAB_IOC_RECORDER_CREATE,
			      sizeof(struct klab_recorder_create), 32 },
	[RECORDER_STAT]	= { "RECORDER_STAT", KLAB_IOC_RECORDER_STAT,
			    sizeof(struct klab_recorder_stat), 40 },
	[RECORDER_STOP]	= { "RECORDER_STOP", KLAB_IOC_RECORDER_STOP,
			    sizeof(struct klab_recorder_stop), 8 },
	[CPU]		= { "CPU", KLAB_IOC_CPU, sizeof(struct klab_cpu), 264 },
};

/* An ioctl that answers with its errno, or 0. */
static inline int klab(int fd, unsigned long number, void *arg)
{
	return ioctl(fd, number, arg) < 0 ? errno : 0;
}

/* The same command from a caller who knows @size bytes of its struct. */
static inline unsigned long with_size(unsigned long number, size_t size)
{
	return _IOC(_IOC_DIR(number), _IOC_TYPE(number), _IOC_NR(number), size);
}

static inline __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static inline long long fdinfo_value(int fd, const char *key, int base)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return number_in(path, key, base);
}

static inline long long pages_held(int fd)
{
	return fdinfo_value(fd, "pages_held", 10);
}

static inline long long channel_bytes(int fd)
{
	return fdinfo_value(fd, "channel_bytes", 10);
}

/*
 * All openers share the one channel, so each test that uses it begins by emptying
 * it, and empties it when it ends. Returns the bytes that were in it, or -1.
 */
static inline ssize_t channel_drain(void)
{
	int fd = open(KLAB_DEVICE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t got, total = 0;
	char buffer[65536];

	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		total += got;
	if (got == 0 || errno != EAGAIN)
		total = -1;
	if (fd >= 0)
		close(fd);
	return total;
}

/*
 * Wait until @condition holds, and tell whether it ever did. The limit is only
 * there to end a test that has failed.
 */
#define eventually(condition) ({					\
	bool _holds;							\
	int _tries;							\
									\
	for (_tries = 0; !(_holds = (condition)) && _tries < 10000; _tries++) \
		usleep(1000);						\
	_holds;								\
})

/* From now on this thread runs on @processor, if that is there. 0 never leaves. */
static inline bool stay_on(int processor)
{
	cpu_set_t only;

	CPU_ZERO(&only);
	CPU_SET(processor, &only);
	return !sched_setaffinity(0, sizeof(only), &only);
}

/* Is thread @tid asleep in system call @number, which has @fd as its first argument? */
static inline bool asleep_in(pid_t tid, long number, int fd)
{
	unsigned long long argument;
	char path[64], line[256];
	long current = -1;
	bool asleep;
	FILE *file;

	/* The kernel writes "running" here unless the thread is off the processor. */
	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	asleep = fgets(line, sizeof(line), file) &&
		 sscanf(line, "%ld %llx", &current, &argument) == 2 &&
		 current == number && (int)argument == fd;
	fclose(file);
	return asleep;
}

/* One read or write by a thread of its own, so that it may block. */
struct call {
	pthread_t thread;
	pid_t tid;		/* 0 until the thread runs */
	bool writes;
	int fd;
	void *data;
	size_t size;
	ssize_t result;
	int error;		/* errno, when the result is -1 */
};

static inline void *call_run(void *argument)
{
	struct call *call = argument;

	__atomic_store_n(&call->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	call->result = call->writes ? write(call->fd, call->data, call->size) :
				      read(call->fd, call->data, call->size);
	call->error = call->result < 0 ? errno : 0;
	return NULL;
}

static inline bool call_start(struct call *call)
{
	call->tid = 0;
	return !pthread_create(&call->thread, NULL, call_run, call);
}

static inline bool call_asleep(struct call *call)
{
	pid_t tid = __atomic_load_n(&call->tid, __ATOMIC_ACQUIRE);

	return tid && asleep_in(tid, call->writes ? SYS_write : SYS_read, call->fd);
}

static inline ssize_t call_end(struct call *call)
{
	pthread_join(call->thread, NULL);
	return call->result;
}

/* A handle on a process or thread, 0 for this process: a descriptor, or -1 and errno. */
static inline int open_task(int fd, pid_t pid)
{
	struct klab_task_open ask = { .pid = pid };

	return ioctl(fd, KLAB_IOC_TASK_OPEN, &ask);
}

/* Hold @count blocks: an errno, or 0 and a handle. */
static inline int hold(int fd, __u32 order, __u64 count, __u32 *handle)
{
	struct klab_pages_alloc alloc = {
		.order = order, .flags = KLAB_PAGES_HOLD, .count = count, .node = KLAB_NODE_ANY,
	};
	int error = klab(fd, KLAB_IOC_PAGES_ALLOC, &alloc);

	*handle = alloc.handle;
	return error;
}

static inline int give_back(int fd, __u32 handle)
{
	struct klab_pages_free release = { .handle = handle };

	return klab(fd, KLAB_IOC_PAGES_FREE, &release);
}

/*
 * Free pages of the whole machine, as klab reads them (and zones.c checks it), or -1.
 * Those that wait in the list of a CPU are as free as the others.
 */
static inline long long free_pages(int fd)
{
	struct klab_zone zones[64];
	struct klab_pages_zones ask = {
		.zones = { (uintptr_t)zones, ARRAY_SIZE(zones), sizeof(zones[0]) },
	};
	long long sum = 0;
	__u32 i;

	if (klab(fd, KLAB_IOC_PAGES_ZONES, &ask))
		return -1;
	for (i = 0; i < ask.zones.count; i++)
		sum += zones[i].free + zones[i].per_cpu;
	return sum;
}

/*
 * Pages that are not lost: free, or the slab allocator's, of whose memory KASAN keeps
 * back for a while what was freed, up to a 32nd of the machine's.
 */
static inline long long accounted_pages(int fd)
{
	return free_pages(fd) + (number_in("/proc/meminfo", "Slab", 10) << 10) / getpagesize();
}

/* A kernel may be built without counting its events. */
static inline bool counts_events(int fd)
{
	struct klab_pages_books books = { 0 };

	return !klab(fd, KLAB_IOC_PAGES_BOOKS, &books) && books.events.count;
}

/*
 * A batch that shows in the free memory of the whole machine. Blocks of this order
 * do not pass through the per-CPU lists, so all that blurs the count is what else
 * goes on: far less than half of it, on a machine that does nothing else.
 */
#define BATCH_ORDER	8
#define BATCH_BLOCKS	32
#define BATCH_PAGES	((long long)BATCH_BLOCKS << BATCH_ORDER)

/* Is a batch held now, when there were @before free pages without it? */
static inline bool batch_is_held(int fd, long long before)
{
	return before - free_pages(fd) > BATCH_PAGES / 2;
}

/* A signal, as kill(2) and as sigqueue(3) would send it: an errno, or 0. */
static inline int send_signal(int fd, pid_t pid, int signal)
{
	struct klab_signal_send send = { .pid = pid, .signal = signal };

	return klab(fd, KLAB_IOC_SIGNAL_SEND, &send);
}

static inline int send_value(int fd, pid_t pid, int signal, __u64 value)
{
	struct klab_signal_send send = {
		.pid = pid, .signal = signal, .flags = KLAB_SIGNAL_VALUE, .value = value,
	};

	return klab(fd, KLAB_IOC_SIGNAL_SEND, &send);
}

/* Blocked signals can be waited for and looked at. Children inherit it. */
static inline void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
}

/* Memory that parent and children share. */
static inline void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/*
 * Memory that ends where something without any access begins: @size bytes before
 * the end that is returned may be used, and not one more.
 */
static inline unsigned char *fenced_memory(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
	unsigned char *memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory + room, page, PROT_NONE))
		return NULL;
	return memory + room;
}

/* The exit status of a child, or -1 when it did not exit of its own accord. */
static inline int child_status(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#endif /* KLAB_TEST_H */
