// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls made out of numbers. Commands, their structs, what a field may be, and what
 * kinds of descriptors there are come from the contract's own description, so a new
 * command is fuzzed as soon as it is in the header.
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

#include "contract.h"
#include "world.h"

#define ARENA		0x40000
#define RECORDS		16	/* in an array, at most */
#define COVER		0x4000
#define NAMES		8
#define HIGH		512	/* descriptors of our own are above: see slot_put() */

/* Descriptors, by what they are: a name of the contract's, or one of these. */
static const char EVENTFD[] = "eventfd", EPOLL[] = "epoll", PIPE[] = "pipe", FILE_[] = "file";

static struct slot {
	int fd;
	const char *kind;
} slots[SLOTS];

/* Handles that commands gave of late: each is worth something at its descriptor only. */
static struct name {
	const char *on;		/* what kind takes it; NULL: there is none here yet */
	int fd;
	__u32 handle;
} names[NAMES];
static unsigned int next_name;

static unsigned char *arena;	/* ends where nothing may be touched */
static void *maps[4];
static size_t map_size[4];
static pid_t victim;		/* somebody to look at and to signal */
static long page;

static __thread struct dice dice;
static __thread __u64 *cover;
static __thread int fail_nth = -1;

static __u64 draw(void)
{
	return roll(&dice);
}

/* From 0 to @below - 1. */
static unsigned int any(unsigned int below)
{
	return pick(&dice, below);
}

static bool one_in(unsigned int times)
{
	return chance(&dice, times);
}

void say_to_log(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		perror("/dev/kmsg");
	close(fd);
}

static bool is_kind(const char *kind, const char *words)
{
	const char *at = strstr(words, kind);

	return at && strchr(" ,", at[strlen(kind)]);	/* or at the end */
}

/*
 * What was in the slot is closed, whoever is in a call on it. Two threads may close one
 * number twice: it is that of another slot then, as those of our own are higher.
 */
static void slot_put(const char *kind, int fd)
{
	struct slot *slot = &slots[any(SLOTS)];
	int old;

	if (fd < 0)
		return;
	/* The device itself stays, most times: all the others come from it. */
	if (slot->kind && !strcmp(slot->kind, "device") && !one_in(8))
		slot = &slots[2 + any(SLOTS - 2)];
	old = __atomic_exchange_n(&slot->fd, fd, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->kind, kind, __ATOMIC_RELAXED);
	if (old > 0)
		close(old);
}

/* A descriptor of a kind that is among @words, or any; most times. */
static int slot_get(const char *words)
{
	unsigned int first = any(SLOTS), i;
	bool whichever = !words || one_in(24);

	for (i = 0; i < SLOTS; i++) {
		const struct slot *slot = &slots[(first + i) % SLOTS];
		const char *kind = __atomic_load_n(&slot->kind, __ATOMIC_RELAXED);

		if (kind && (whichever || is_kind(kind, words)))
			return slot->fd;
	}
	return one_in(2) ? -1 : (int)any(HIGH);
}

/* One that such a descriptor takes, or NULL. */
static const struct name *name_get(const char *on)
{
	unsigned int first = any(NAMES), i;

	for (i = 0; i < NAMES; i++) {
		const struct name *name = &names[(first + i) % NAMES];
		const char *of = __atomic_load_n(&name->on, __ATOMIC_ACQUIRE);

		if (of && !strcmp(of, on))
			return name;
	}
	return NULL;
}

static void name_put(const char *on, int fd, __u32 handle)
{
	unsigned int at = __atomic_fetch_add(&next_name, 1, __ATOMIC_RELAXED) % NAMES;

	names[at].fd = fd;
	names[at].handle = handle;
	__atomic_store_n(&names[at].on, on, __ATOMIC_RELEASE);
}

/* Numbers at which something may change. */
static __u64 number(void)
{
	static const __u64 edges[] = {
		0, 1, 2, 7, 8, 63, 64, 65, 4095, 4096, 4097, 65535, 65536, 1 << 20, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xfffffffffffff000, 0xffffffffffffffff,
	};

	switch (any(8)) {
	case 0:
		return edges[any(sizeof(edges) / sizeof(*edges))];
	case 1:
		return draw() >> any(64);
	case 2:
		return 1ULL << any(64);
	case 3:
		return any(256);
	default:
		return any(9);
	}
}

static __u64 address(void)
{
	switch (any(8)) {
	case 0:
		return number();
	case 1:
		return (uintptr_t)&slots & -page;
	case 2:
		return (uintptr_t)maps[any(4)] & -page;
	case 3:
		return (uintptr_t)arena + ARENA - page + any(2) * page;
	default:
		return (uintptr_t)arena + any(ARENA / page) * page;
	}
}

static pid_t some_pid(void)
{
	switch (any(6)) {
	case 0:
		return number();
	case 1:
		return 0;
	case 2:
		return getpid();
	case 3:
		return syscall(SYS_gettid);
	default:
		return victim;
	}
}

static void fill_struct(unsigned char *to, size_t size, const struct contract_struct *of,
			int depth);

static void fill_array(unsigned char *to, const struct contract_struct *record, int depth)
{
	struct klab_array array = { .count = any(one_in(2) ? 3 : RECORDS), .size = record->size };
	size_t bytes, i;

	if (one_in(8))
		array.size = one_in(2) ? (__u32)number() : record->size + 8 * any(4);
	if (one_in(3))
		array = (struct klab_array){ 0 };
	if (one_in(24))
		array.count = number();
	bytes = (size_t)array.count * array.size;
	if (bytes > ARENA / 2)
		bytes = ARENA / 4;
	/* Up to the fence, or somewhere before it. */
	array.records = (uintptr_t)arena + ARENA - bytes - (one_in(2) ? 0 : any(ARENA / 4) & -8U);
	if (one_in(24))
		array.records = address();
	else if (depth < 2 && array.size >= record->size)
		for (i = 0; i < array.count && (i + 1) * array.size <= bytes; i++)
			fill_struct((unsigned char *)(uintptr_t)array.records + i * array.size,
				    record->size, record, depth + 1);
	memcpy(to, &array, sizeof(array));
}

static bool unit_is(const struct contract_field *field, const char *unit)
{
	return field->unit && !strcmp(field->unit, unit);
}

static __u64 value_of(const struct contract_field *field)
{
	static const int signals[] = { 0, SIGUSR1, SIGUSR2, SIGURG, SIGIO, 40, 65 };
	const char *name = field->name;
	__u64 value = 0;
	unsigned int n;

	if (!strcmp(field->role, "zero") || !strcmp(field->role, "out") ||
	    !strncmp(field->what, "zero", 4))
		return one_in(64) ? number() : 0;
	if (one_in(40))
		return number();
	/* The contract says of a field where the rest of the struct has no use for it. */
	if (strstr(field->what, "else 0") ? !one_in(4) : strstr(field->what, "0 for ") && one_in(2))
		return 0;
	if (field->values && field->bits) {
		for (n = any(4); n; n--)
			value |= field->value[any(field->values)].value;
		return value;
	}
	if (strstr(name, "pid"))
		return some_pid();
	if (!strcmp(name, "target") && !one_in(3))
		return one_in(2) ? some_pid() : slot_get(EVENTFD);
	if (!strcmp(name, "signal"))
		return signals[any(sizeof(signals) / sizeof(*signals))];
	if (!strcmp(name, "fd"))
		return slot_get(one_in(2) ? EVENTFD : NULL);
	if (!strcmp(name, "other") || !strcmp(name, "source"))
		return slot_get(!strcmp(name, "other") ? "task" : "device channel");
	if (strstr(name, "handle"))
		return one_in(2) ? 1 + any(4) : 64 * (1 + any(4)) + any(4);
	if (strstr(field->what, "address") && field->size == 8)
		return address();
	if (field->values && !one_in(field->values > 1 ? 8 : 2))
		return field->value[any(field->values)].value;
	if (!strcmp(name, "bytes") && one_in(2))
		return (1 + any(64)) * page;
	if (strstr(name, "size"))
		return 8 * any(33);
	/* Such a call takes as long as it is told to. */
	if (unit_is(field, "blocks") || unit_is(field, "firings"))
		return one_in(8) ? number() % 5000 : any(66);
	if (!strcmp(name, "order") || !strcmp(name, "node"))
		return one_in(3) ? any(12) : -(__u64)(field->type[0] == 's');
	if (unit_is(field, "ns"))
		return one_in(2) ? 0 : 1000 * any(20000);
	return number();
}

static void fill_struct(unsigned char *to, size_t size, const struct contract_struct *of,
			int depth)
{
	unsigned char bytes[LONGEST] = { 0 };
	size_t i;

	for (i = 0; i < of->fields; i++) {
		const struct contract_field *field = &of->field[i];
		unsigned char *at = bytes + field->offset;
		__u64 value;

		if (field->record) {
			fill_array(at, field->record, depth);
		} else if (field->of) {
			if (one_in(64))
				fill_struct(at, field->size, field->of, depth);
		} else if (!field->count) {
			value = value_of(field);
			memcpy(at, &value, field->size);
		}
	}
	memcpy(to, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
}

/* A command's handle, as it goes in or as it has come out. */
static const struct contract_field *handle_field(const struct contract_struct *of, const char *way)
{
	size_t i;

	for (i = 0; i < of->fields; i++)
		if (!strcmp(of->field[i].name, "handle") && strstr(of->field[i].role, way))
			return &of->field[i];
	return NULL;
}

/* What there is a handle of, and the descriptor that it is for; or @fd. */
static int fill_handle(unsigned char *arg, const struct contract_struct *of, int fd)
{
	const struct contract_field *field = handle_field(of, "in");
	const struct name *name = field ? name_get(of->on) : NULL;

	/* Who gives one too makes a new one, half of the time. */
	if (!name || one_in(strstr(field->role, "out") ? 2 : 8))
		return fd;
	memcpy(arg + field->offset, &name->handle, sizeof(name->handle));
	return name->fd;
}

static void note_handle(const unsigned char *arg, const struct contract_struct *of, int fd)
{
	const struct contract_field *field = handle_field(of, "out");
	__u32 handle = 0;

	if (field)
		memcpy(&handle, arg + field->offset, sizeof(handle));
	if (handle)
		name_put(of->on, fd, handle);
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
	unsigned int which = any(4);
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
	char *at = maps[any(4)];
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
	slot_put(FILE_, fd);
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
	bool faults;
	char nth[16];

	dice.state = gene;
	told->gene = gene;
	told->ended = false;
	while (contract_commands[commands].name)
		commands++;
	faults = one_in(8) && fail_nth >= 0;
	snprintf(nth, sizeof(nth), "%u", 1 + any(30));
	if (cover)
		__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
	if (any(4)) {
		code = any(commands);
		if (faults && pwrite(fail_nth, nth, strlen(nth), 0) < 0)
			faults = false;
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
		if (faults && pwrite(fail_nth, nth, strlen(nth), 0) < 0)
			faults = false;
		told->result = others[code].run();
		__atomic_fetch_add(&watch->other[code].calls, 1, __ATOMIC_RELAXED);
		if (told->result >= 0)
			__atomic_fetch_add(&watch->other[code].done, 1, __ATOMIC_RELAXED);
	}
	told->error = errno;
	told->ended = true;
	if (faults && pwrite(fail_nth, "0", 1, 0) < 0)
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
	fail_nth = out_of_reach(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
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
