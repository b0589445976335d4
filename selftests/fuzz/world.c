// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls made out of numbers. Commands, their structs, what a field may be, and what
 * kinds of descriptors there are come from the contract's own description, so a new
 * command is fuzzed as soon as it is in the header. What the calls are given is made
 * in values.c.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/kcov.h>

#include "../fault.h"
#include "values.h"

#define COVER		0x4000

static size_t map_size[MAPS];

static __thread __u64 *cover;
static __thread int fail_nth = -1;

void say_to_log(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		perror("/dev/kmsg");
	close(fd);
}

static struct told *tell(unsigned int thread)
{
	return &watch->last[thread][watch->next[thread]++ % LAST_CALLS];
}

static long call_command(struct told *told, const struct contract_command *command)
{
	const struct contract_struct *of = command->argument;
	size_t size = _IOC_SIZE(command->number);
	unsigned int direction = _IOC_DIR(command->number), nr = _IOC_NR(command->number), i;
	int fd = slot_get(of->on);
	unsigned char *arg, *to;
	long result;
	int n;

	if (one_in(16))
		size = one_in(2) ? size + 8 * any(8) : any(size + 1);
	if (one_in(64))
		direction = any(4);
	arg = arena + ARENA / 4 - size;
	memset(arg, 0, size);
	if (!one_in(64))
		fill_struct(arg, size, of, 0);
	if (size >= of->size)
		fd = fill_handle(arg, of, fd);
	n = snprintf(told->text, sizeof(told->text), "%s fd %d size %zu:", command->name, fd, size);
	for (i = 0; i + 4 <= size && n < (int)sizeof(told->text) - 12; i += 4)
		n += snprintf(told->text + n, sizeof(told->text) - n, " %x",
			      *(__u32 *)(arg + i));
	if (watch->trace)
		say_to_log(told->text);
	to = one_in(64) ? (unsigned char *)(uintptr_t)address() : arg;
	result = ioctl(fd, _IOC(direction, KLAB_IOC_MAGIC, nr, size), to);
	__atomic_fetch_add(&watch->command[nr].calls, 1, __ATOMIC_RELAXED);
	if (result >= 0) {
		__atomic_fetch_add(&watch->command[nr].done, 1, __ATOMIC_RELAXED);
		if (size >= of->size && to == arg)
			note_handle(arg, of, fd);
	}
	if (result > 0 && *of->returns) {
		if (!one_in(4))
			fcntl(result, F_SETFL, O_NONBLOCK);
		slot_put(of->returns, result);
	}
	return result;
}

static long do_open(void)
{
	int fd = open("/dev/klab", O_RDWR | O_CLOEXEC | (one_in(4) ? 0 : O_NONBLOCK));

	slot_put("device", fd);
	return fd;
}

static long do_read(void)
{
	return read(slot_get(NULL), arena + any(4096), one_in(8) ? number() % ARENA : any(256));
}

static long do_write(void)
{
	const struct name *name = name_get("notifier");
	int fd = slot_get(NULL);

	if (name && one_in(2))
		return write(name->fd, &name->handle, sizeof(name->handle));
	return write(fd, arena + ARENA / 2, one_in(8) ? number() % ARENA : any(256));
}

static long do_vector(void)
{
	struct iovec to[] = {
		{ arena, any(100) }, { (void *)(uintptr_t)address(), any(100) },
		{ arena + 200, any(9000) },
	};
	int fd = slot_get("device channel");

	return one_in(2) ? preadv2(fd, to, 3, -1, one_in(2) ? RWF_NOWAIT : 0) :
			   pwritev2(fd, to, 3, -1, one_in(2) ? RWF_NOWAIT : 0);
}

static long do_poll(void)
{
	struct pollfd poller[] = {
		{ .fd = slot_get(NULL), .events = POLLIN | POLLOUT | POLLPRI },
		{ .fd = slot_get(NULL), .events = POLLIN },
	};

	return poll(poller, 2, any(2));
}

static long do_close(void)
{
	struct slot *slot = &slots[2 + any(SLOTS - 2)];
	int fd = __atomic_exchange_n(&slot->fd, -1, __ATOMIC_RELAXED);

	__atomic_store_n(&slot->kind, NULL, __ATOMIC_RELAXED);
	return fd > 0 ? close(fd) : 0;
}

static long do_dup(void)
{
	const struct slot *slot = &slots[any(SLOTS)];
	const char *kind = __atomic_load_n(&slot->kind, __ATOMIC_RELAXED);
	int fd = kind ? fcntl(slot->fd, F_DUPFD_CLOEXEC, 0) : -1;

	slot_put(kind, fd);
	return fd;
}

static long do_flags(void)
{
	int fd = slot_get(NULL);

	if (one_in(3))
		return fcntl(fd, F_SETOWN, getpid());
	return fcntl(fd, F_SETFL, (one_in(4) ? 0 : O_NONBLOCK) | (one_in(2) ? O_ASYNC : 0));
}

static long do_map(void)
{
	unsigned int which = any(MAPS);
	size_t size = (1 + any(9)) * page;
	void *map, *old;

	map = mmap(NULL, size, PROT_READ | (one_in(4) ? 0 : PROT_WRITE),
		   one_in(16) ? MAP_PRIVATE : MAP_SHARED, slot_get("device channel"),
		   one_in(8) ? (off_t)number() * page : (off_t)any(4) * page);
	if (map == MAP_FAILED)
		return -1;
	old = __atomic_exchange_n(&maps[which], map, __ATOMIC_RELAXED);
	if (old)
		munmap(old, map_size[which]);
	map_size[which] = size;
	return 0;
}

/* By the kernel, so that what is not there is an error. */
static long do_touch(void)
{
	struct iovec ours = { arena, 64 }, map;
	char *at = maps[any(MAPS)];
	pid_t self = getpid();

	map = (struct iovec){ at + any(3 * page), 64 };
	if (one_in(8))
		return munmap(at, page);
	if (one_in(8))
		return mprotect(at, page, PROT_READ);
	return one_in(2) ? process_vm_readv(self, &ours, 1, &map, 1, 0) :
			   process_vm_writev(self, &ours, 1, &map, 1, 0);
}

static long do_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	slot_put(EVENTFD, fd);
	return fd;
}

static long do_epoll(void)
{
	struct epoll_event event = { .events = draw() & (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLET) };
	int fd = slot_get(EPOLL);

	if (one_in(4)) {
		fd = epoll_create1(EPOLL_CLOEXEC);
		slot_put(EPOLL, fd);
		return fd;
	}
	if (one_in(4))
		return epoll_wait(fd, &event, 1, 0);
	return epoll_ctl(fd, one_in(4) ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, slot_get(NULL), &event);
}

static long do_pipe(void)
{
	int ends[2];

	if (one_in(2) && !pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		slot_put(PIPE, ends[0]);
		slot_put(PIPE, ends[1]);
		return 0;
	}
	return one_in(2) ? splice(slot_get("channel"), NULL, slot_get(PIPE), NULL, any(9000), 0) :
			   splice(slot_get(PIPE), NULL, slot_get("channel"), NULL, any(9000), 0);
}

static long do_fdinfo(void)
{
	char path[40];
	long got;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", slot_get(NULL));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, arena, 4096);
	if (fd >= 0)
		close(fd);
	return got;
}

/* What there is to see of this process changes. */
static long do_memory(void)
{
	unsigned char *at = arena + ARENA / 2 + any(ARENA / 4 / page) * page;

	switch (any(4)) {
	case 0:
		return madvise(at, page, MADV_DONTNEED);
	case 1:
		return mprotect(at, page, one_in(2) ? PROT_NONE : PROT_READ | PROT_WRITE);
	case 2:
		return mlock(at, page);
	default:
		return munlock(at, page);
	}
}

static long do_file(void)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (ftruncate(fd, any(9) * page) || pwrite(fd, "x", 1, any(9) * page) != 1)
		return -1;
	slot_put(MEMFD, fd);
	return fd;
}

/* A new victim; the old one goes in whatever it is doing, with copies of all there is. */
static long do_fork(void)
{
	pid_t child = fork(), old;

	if (!child) {
		__u64 gene = draw();
		unsigned int n;

		/* Those are the parent's. */
		cover = NULL;
		fail_nth = -1;
		for (n = any(8); n; n--)
			world_call(0, gene++);
		while (1)
			pause();
	}
	if (child < 0)
		return -1;
	old = __atomic_exchange_n(&victim, child, __ATOMIC_RELAXED);
	if (old > 0)
		kill(old, one_in(4) ? SIGTERM : SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return child;
}

static const struct {
	const char *name;
	long (*run)(void);
} others[] = {
	{ "open", do_open }, { "read", do_read }, { "write", do_write }, { "readv", do_vector },
	{ "poll", do_poll }, { "close", do_close }, { "dup", do_dup }, { "fcntl", do_flags },
	{ "mmap", do_map }, { "touch", do_touch }, { "eventfd", do_eventfd },
	{ "epoll", do_epoll }, { "splice", do_pipe }, { "fdinfo", do_fdinfo },
	{ "memory", do_memory }, { "memfd", do_file }, { "fork", do_fork },
};

#define OTHERS	(sizeof(others) / sizeof(*others))

const char *world_other(unsigned int code)
{
	return code < OTHERS ? others[code].name : NULL;
}

static void note_places(void)
{
	__u64 count, i, before = 0, edge;

	count = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
	for (i = 1; i <= count && i < COVER; i++) {
		/* From where to where, relative to the driver's text. */
		edge = (cover[i] * 0x9e3779b97f4a7c15 ^ before) >> 48;
		before = cover[i] * 0x9e3779b97f4a7c15 >> 1;
		if (__atomic_exchange_n(&watch->edge[edge], 1, __ATOMIC_RELAXED))
			continue;
		__atomic_fetch_add(&watch->covered, 1, __ATOMIC_RELAXED);
		watch->found = true;
	}
}

/* Three of four are ioctls. Some meet a fault: no memory, or memory that is not there. */
void world_call(unsigned int thread, __u64 gene)
{
	struct told *told = tell(thread);
	unsigned int code, commands = 0;
	unsigned int nth;
	bool faults;

	dice.state = gene;
	told->gene = gene;
	told->ended = false;
	while (contract_commands[commands].name)
		commands++;
	faults = one_in(8) && fail_nth >= 0;
	nth = 1 + any(30);
	if (cover)
		__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
	if (any(4)) {
		code = any(commands);
		faults = faults && arm(fail_nth, nth);
		told->result = call_command(told, &contract_commands[code]);
	} else {
		code = any(OTHERS);
		/* What takes long is done less often. */
		if (others[code].run == do_fork && !one_in(8))
			code = 0;
		/* The kernel itself complains of a stack that it finds no room for. */
		faults &= others[code].run != do_fork;
		snprintf(told->text, sizeof(told->text), "%s", others[code].name);
		if (watch->trace)
			say_to_log(told->text);
		faults = faults && arm(fail_nth, nth);
		told->result = others[code].run();
		__atomic_fetch_add(&watch->other[code].calls, 1, __ATOMIC_RELAXED);
		if (told->result >= 0)
			__atomic_fetch_add(&watch->other[code].done, 1, __ATOMIC_RELAXED);
	}
	told->error = errno;
	told->ended = true;
	if (faults && !arm(fail_nth, 0))
		fail_nth = -1;
	if (cover)
		note_places();
	__atomic_fetch_add(&watch->calls, 1, __ATOMIC_RELAXED);
}

static int out_of_reach(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, HIGH);

	if (fd >= 0)
		close(fd);
	return high;
}

/* Each thread is woken from whatever it sleeps in, and hears what it runs through. */
void world_thread(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
	struct itimerspec often = { .it_interval.tv_nsec = 5000000, .it_value.tv_nsec = 5000000 };
	timer_t timer;
	int fd;

	event._sigev_un._tid = syscall(SYS_gettid);
	if (!timer_create(CLOCK_MONOTONIC, &event, &timer))
		timer_settime(timer, 0, &often, NULL);
	fail_nth = out_of_reach(open_fail_nth());
	fd = out_of_reach(open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC));
	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, COVER))
		return;
	cover = mmap(NULL, COVER * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cover == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		cover = NULL;
}

static void nothing(int signal)
{
	(void)signal;
}

bool world_init(void)
{
	static const int caught[] = { SIGALRM, SIGUSR1, SIGUSR2, SIGURG, SIGIO, SIGPIPE };
	struct sigaction action = { .sa_handler = nothing };
	unsigned int i;

	page = sysconf(_SC_PAGESIZE);
	for (i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigaction(caught[i], &action, NULL);
	sigaction(SIGRTMIN, &action, NULL);
	arena = mmap(NULL, ARENA + page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || mprotect(arena + ARENA, page, PROT_NONE))
		return false;
	for (i = 0; i < 2; i++) {
		slots[i].fd = open("/dev/klab", O_RDWR | O_CLOEXEC | O_NONBLOCK);
		slots[i].kind = "device";
		if (slots[i].fd < 0)
			return false;
	}
	return true;
}
