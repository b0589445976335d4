/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scene for the tests that put the same question to every command: what the
 * commands act upon, a valid argument for each, and a look at what was done.
 *
 * A command that refuses must have done nothing. So each argument here is one
 * whose effect, if it came about, could be seen.
 */
#ifndef KLAB_SCENE_H
#define KLAB_SCENE_H

#include <sys/epoll.h>

#include "channel_test.h"
#include "notify_test.h"

#define SCENE_SIGNAL	SIGUSR1
#define SCENE_CAPACITY	4096

/* How many of klab's own descriptors this process has. */
struct descriptors {
	int channels;		/* private ones */
	int notifiers;
	int tasks;		/* handles on them */
	int recorders;
};

struct scene {
	int klab;
	int channel;		/* a private one of SCENE_CAPACITY, empty */
	int epoll;		/* watches it, and so is somebody to be woken */
	int eventfd;
	int notifier;
	__u32 notification;	/* rings the eventfd; was fired once */
	int task;		/* a handle on this process */
	int file;		/* of one page, in memory */
	__u64 page;		/* address of one that is present */
	__u32 handle;		/* of one page that is held */
	struct descriptors before;
	struct klab_info info;
};

/* Any command's struct, and what a newer one might have behind it. */
union argument {
	struct klab_info info;
	struct klab_channel_create create;
	struct klab_channel_stat stat;
	struct klab_channel_resize resize;
	struct klab_channel_end end;
	struct klab_channel_wait wait;
	struct klab_channel_wake wake;
	struct klab_pages_alloc alloc;
	struct klab_pages_free free;
	struct klab_pages_zones zones;
	struct klab_pages_books books;
	struct klab_pages_list list;
	struct klab_signal_send signal;
	struct klab_eventfd_fire fire;
	struct klab_error error;
	struct klab_notifier_create notifier;
	struct klab_notify_set set;
	struct klab_notify_query query;
	struct klab_notify_list notify_list;
	struct klab_notify_cancel cancel;
	struct klab_notify_fire notify;
	struct klab_notify_wait sleep;
	struct klab_task_open task_open;
	struct klab_task_who task_who;
	struct klab_task_compare task_compare;
	struct klab_task_space task_space;
	struct klab_task_areas task_areas;
	struct klab_task_pages task_pages;
	struct klab_task_walk task_walk;
	struct klab_file_stat file_stat;
	struct klab_recorder_create recorder_create;
	struct klab_recorder_stat recorder_stat;
	struct klab_recorder_stop recorder_stop;
	struct klab_cpu cpu;
	unsigned char bytes[1 << _IOC_SIZEBITS];
};

/* What the commands can change. */
struct traces {
	long long pages;
	long long batches;
	long long count;	/* of the eventfd */
	bool signal;		/* is it pending? */
	struct descriptors more;	/* than before */
	__u32 notifications;
	int recorded;		/* threads that the scene's own has, if there is one; or 1 */
	struct klab_channel_stat channel;
};

/* The tests use few, and ask often. */
static inline struct descriptors count_descriptors(void)
{
	struct descriptors count = { 0 };
	char path[32], target[32];
	int fd;

	for (fd = 0; fd < 32; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		memset(target, 0, sizeof(target));
		if (readlink(path, target, sizeof(target) - 1) < 0)
			continue;
		count.channels += !strcmp(target, "anon_inode:[klab-channel]");
		count.notifiers += !strcmp(target, "anon_inode:[klab-notifier]");
		count.tasks += !strcmp(target, "anon_inode:[klab-task]");
		count.recorders += !strcmp(target, "anon_inode:[klab-recorder]");
	}
	return count;
}

static inline void scene_recorder_ask(struct klab_recorder_create *ask)
{
	*ask = (struct klab_recorder_create) {
		.kinds = KLAB_RECORD_TASKS, .bytes = 4096, .wakeup = 1, .threads = 1,
	};
}

/* A recorder of this process. It takes a while to make one, and few commands are about it. */
static int scene_recorder_fd = -1;

static __attribute__((constructor)) void keep_on(void)
{
	keep_tracepoints_on();
}

static inline int scene_recorder(int task)
{
	struct klab_recorder_create ask;

	scene_recorder_ask(&ask);
	if (scene_recorder_fd < 0)
		scene_recorder_fd = ioctl(task, KLAB_IOC_RECORDER_CREATE, &ask);
	return scene_recorder_fd;
}

static inline int scene_recorded(void)
{
	struct klab_recorder_stat stat;

	if (scene_recorder_fd < 0 || klab(scene_recorder_fd, KLAB_IOC_RECORDER_STAT, &stat))
		return 1;
	return stat.threads;
}

static inline bool scene_open(struct scene *scene)
{
	struct klab_pages_alloc alloc = {
		.flags = KLAB_PAGES_HOLD, .count = 1, .node = KLAB_NODE_ANY,
	};
	struct epoll_event readable = { .events = EPOLLIN | EPOLLET };
	sigset_t blocked;

	/* A blocked signal stays pending, where it can be seen. Take away an old one. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SCENE_SIGNAL);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigtimedwait(&blocked, NULL, &(struct timespec){ 0 });

	scene->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	scene->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	if (klab(scene->klab, KLAB_IOC_INFO, &scene->info) ||
	    klab(scene->klab, KLAB_IOC_PAGES_ALLOC, &alloc))
		return false;
	scene->handle = alloc.handle;
	scene->before = count_descriptors();
	scene->task = open_task(scene->klab, 0);
	scene->file = memfd_create("scene", MFD_CLOEXEC);
	scene->page = ((uintptr_t)&blocked) & -sysconf(_SC_PAGESIZE);
	if (write(scene->file, "x", 1) != 1)
		return false;
	scene->channel = create_channel(scene->klab, SCENE_CAPACITY, 0);
	scene->epoll = epoll_create1(EPOLL_CLOEXEC);

	scene->notifier = create_notifier(scene->klab, 1);
	scene->notification = set_by_call(scene->notifier, 0, &(struct klab_delivery) {
		.way = KLAB_WAY_EVENTFD, .target = scene->eventfd,
	}, 1);
	if (ring(scene->notifier, scene->notification) || take_count(scene->eventfd) != 1)
		return false;
	return !epoll_ctl(scene->epoll, EPOLL_CTL_ADD, scene->channel, &readable);
}

/* The first of its descriptors, and all that came later: what a command has made, too. */
static inline void scene_close(struct scene *scene)
{
	close_range(scene->eventfd, ~0U, 0);
	scene_recorder_fd = -1;
}

static inline struct traces scene_traces(const struct scene *scene)
{
	struct descriptors now = count_descriptors();
	sigset_t pending;

	sigpending(&pending);
	return (struct traces) {
		.pages = pages_held(scene->klab),
		.batches = fdinfo_value(scene->klab, "batches", 10),
		.count = fdinfo_value(scene->eventfd, "eventfd-count", 16),
		.signal = sigismember(&pending, SCENE_SIGNAL),
		.more = {
			.channels = now.channels - scene->before.channels,
			.notifiers = now.notifiers - scene->before.notifiers,
			.tasks = now.tasks - scene->before.tasks,
			.recorders = now.recorders - scene->before.recorders -
				     (scene_recorder_fd >= 0),
		},
		.notifications = count_notifications(scene->notifier),
		.recorded = scene_recorded(),
		.channel = channel_stat(scene->channel),
	};
}

/* Nothing done since scene_open(): one page held, one channel, and no more. */
static inline bool scene_untouched(const struct scene *scene)
{
	struct traces traces = scene_traces(scene);

	return traces.pages == 1 && traces.batches == 1 && !traces.count && !traces.signal &&
	       traces.more.notifiers == 1 && traces.notifications == 1 &&
	       traces.more.channels == 1 && traces.more.tasks == 1 &&
	       !traces.more.recorders && traces.recorded == 1 &&
	       traces.channel.capacity == SCENE_CAPACITY &&
	       !traces.channel.state && !traces.channel.write.wakeups &&
	       !traces.channel.read.wakeups && !traces.channel.write.sleeps &&
	       !traces.channel.read.sleeps;
}

static inline bool is_about_channel(int command)
{
	return command >= CHANNEL_STAT && command <= CHANNEL_WAKE;
}

static inline bool is_about_task(int command)
{
	return (command > TASK_OPEN && command <= TASK_WALK) || command == RECORDER_CREATE;
}

static inline bool is_about_recorder(int command)
{
	return command == RECORDER_STAT || command == RECORDER_STOP;
}

static inline bool is_about_notification(int command)
{
	return command >= NOTIFY_SET && command <= NOTIFY_WAIT;
}

/* Where to ask for it: what acts on a channel acts on the private one. */
static inline int scene_fd(const struct scene *scene, int command)
{
	if (is_about_notification(command))
		return scene->notifier;
	if (is_about_task(command))
		return scene->task;
	if (is_about_recorder(command))
		return scene_recorder(scene->task);
	return is_about_channel(command) ? scene->channel : scene->klab;
}

/* What a valid argument is answered with. */
static inline int scene_answer(int command)
{
	return command == ERROR ? EDOM : 0;
}

/* One that waits for what is there already comes back, and that is all there is to see. */
static inline bool scene_shows(int command)
{
	return command != CHANNEL_WAIT;
}

/* A valid argument for @command, all of the rest of it zero. */
static inline void scene_argument(const struct scene *scene, int command, union argument *arg)
{
	memset(arg, 0, sizeof(*arg));
	switch (command) {
	case CHANNEL_CREATE:
		arg->create.capacity = SCENE_CAPACITY;
		break;
	case CHANNEL_RESIZE:
		arg->resize.capacity = 2 * SCENE_CAPACITY;
		break;
	case CHANNEL_WAIT:
		arg->wait.side = KLAB_CHANNEL_WRITERS;
		arg->wait.bytes = SCENE_CAPACITY;
		break;
	case CHANNEL_WAKE:
		arg->wake.side = KLAB_CHANNEL_READERS;
		break;
	case PAGES_ALLOC:
		arg->alloc.flags = KLAB_PAGES_HOLD;
		arg->alloc.count = 1;
		arg->alloc.node = KLAB_NODE_ANY;
		break;
	case PAGES_FREE:
		arg->free.handle = scene->handle;
		break;
	case SIGNAL_SEND:
		arg->signal.pid = getpid();
		arg->signal.signal = SCENE_SIGNAL;
		break;
	case EVENTFD_FIRE:
		arg->fire.fd = scene->eventfd;
		arg->fire.count = 1;
		break;
	case ERROR:
		arg->error.error = EDOM;
		arg->error.signal = SCENE_SIGNAL;
		break;
	case NOTIFIER_CREATE:
		arg->notifier.record_size = sizeof(struct klab_record);
		break;
	case NOTIFY_QUERY:
		arg->query.handle = scene->notification;
		break;
	case NOTIFY_CANCEL:
		arg->cancel.handle = scene->notification;
		break;
	case NOTIFY_FIRE:
		arg->notify.handle = scene->notification;
		arg->notify.count = 1;
		break;
	case NOTIFY_WAIT:
		arg->sleep.handle = scene->notification;
		break;
	case TASK_COMPARE:
		arg->task_compare.other = scene->task;
		break;
	case TASK_PAGES:
		arg->task_pages.start = scene->page;
		arg->task_pages.bytes = sysconf(_SC_PAGESIZE);
		arg->task_pages.mask = KLAB_PAGE_PRESENT;
		break;
	case TASK_WALK:
		arg->task_walk.address = scene->page;
		break;
	case FILE_STAT:
		arg->file_stat.fd = scene->file;
		break;
	case RECORDER_CREATE:
		scene_recorder_ask(&arg->recorder_create);
		break;
	}
}

/* Has @command answered, and has come about what its argument asked for? */
static inline bool scene_done(const struct scene *scene, int command, const union argument *arg)
{
	struct traces traces = scene_traces(scene);

	switch (command) {
	case INFO:
		return arg->info.version == KLAB_VERSION && arg->info.channel_atomic;
	case CHANNEL_CREATE:
		return traces.more.channels == 2;
	case CHANNEL_STAT:
		return arg->stat.capacity == SCENE_CAPACITY && !arg->stat.bytes;
	case CHANNEL_RESIZE:
		return traces.channel.capacity == 2 * SCENE_CAPACITY &&
		       arg->resize.capacity == 2 * SCENE_CAPACITY;
	case CHANNEL_END:
		return traces.channel.state == KLAB_CHANNEL_ENDED;
	case CHANNEL_WAIT:
		return scene_untouched(scene);
	case CHANNEL_WAKE:
		return traces.channel.read.wakeups == 1 && !traces.channel.write.wakeups;
	case PAGES_ALLOC:
		return traces.pages == 2 && traces.batches == 2 && arg->alloc.obtained == 1;
	case PAGES_FREE:
		return traces.pages == 0 && traces.batches == 0 && arg->free.count == 1;
	case PAGES_ZONES:
		return arg->zones.zones.count > 0;
	case PAGES_BOOKS:
		return arg->books.zones.count && arg->books.cpus.count && arg->books.total;
	case PAGES_LIST:
		return arg->list.batches.count == 1 && arg->list.pages == 1;
	case SIGNAL_SEND:
		return traces.signal && arg->signal.sent_ns;
	case EVENTFD_FIRE:
		return traces.count == 1 && arg->fire.last_ns;
	case ERROR:
		return traces.signal;
	case NOTIFIER_CREATE:
		return traces.more.notifiers == 2 && arg->notifier.interval_min_ns;
	case NOTIFY_SET:
		return traces.notifications == 2 && arg->set.handle;
	case NOTIFY_QUERY:
		return arg->query.fired == 1 && arg->query.deliveries.count == 1;
	case NOTIFY_LIST:
		return arg->notify_list.entries.count == 1;
	case NOTIFY_CANCEL:
		return traces.notifications == 0 && arg->cancel.fired == 1;
	case NOTIFY_FIRE:
		return traces.count == 1 && arg->notify.sequence == 2;
	case NOTIFY_WAIT:
		return arg->sleep.sequence == 1 && arg->sleep.time_ns;
	case TASK_OPEN:
		return traces.more.tasks == 2;
	case TASK_WHO:
		return arg->task_who.pid == getpid() && arg->task_who.threads == 1;
	case TASK_COMPARE:
		return arg->task_compare.same & KLAB_SAME_MEMORY && !arg->task_compare.different;
	case TASK_SPACE:
		return arg->task_space.brk == (uintptr_t)sbrk(0) && arg->task_space.users == 1;
	case TASK_AREAS:
		return arg->task_areas.areas.count > 4 && !arg->task_areas.names_bytes;
	case TASK_PAGES:
		return arg->task_pages.walked == (__u64)sysconf(_SC_PAGESIZE) &&
		       arg->task_pages.counts[0] == 1 && arg->task_pages.runs.count == 1;
	case TASK_WALK:
		return arg->task_walk.levels >= 3 &&
		       arg->task_walk.entries[0].flags & KLAB_ENTRY_PRESENT;
	case FILE_STAT:
		return arg->file_stat.state & KLAB_FILE_CACHE && arg->file_stat.cached == 1;
	case RECORDER_CREATE:
		return traces.more.recorders == 1;
	case RECORDER_STAT:
		return arg->recorder_stat.bytes == 4096 && arg->recorder_stat.threads == 1;
	case RECORDER_STOP:
		return !traces.recorded;
	case CPU:
		return arg->cpu.gates.count == 256 && arg->cpu.active && *arg->cpu.syscall.symbol;
	}
	return false;
}

/* Make one valid argument of @command, spoil it, and see it refused with @error. */
#define REFUSED(error, command, spoil) do {				\
	static union argument arg, before;				\
									\
	scene_argument(&self->scene, command, &arg);			\
	spoil;								\
	before = arg;							\
	EXPECT_EQ(error, klab(scene_fd(&self->scene, command),		\
			      commands[command].number, &arg))		\
		TH_LOG("%s, %s", commands[command].name, #spoil);	\
	EXPECT_EQ(0, memcmp(&arg, &before, sizeof(arg)))		\
		TH_LOG("bytes were changed: %s, %s", commands[command].name, #spoil); \
	EXPECT_TRUE(scene_untouched(&self->scene))			\
		TH_LOG("something was done: %s, %s", commands[command].name, #spoil); \
} while (0)

/* Each bit of a word of flags that is not @known, alone and next to those that are. */
#define FLAGS_REFUSED(command, field, known) do {			\
	unsigned int bit;						\
									\
	for (bit = 0; bit < 32; bit++) {				\
		if ((known) & 1U << bit)				\
			continue;					\
		REFUSED(EINVAL, command, arg.field = 1U << bit);	\
		REFUSED(EINVAL, command, arg.field = 1U << bit | (known)); \
	}								\
	REFUSED(EINVAL, command, arg.field = ~0U);			\
} while (0)

/* The next two want memory that an array may use, at the address self->records. */

/* Record sizes that no caller can mean, be it that there is room for records or not. */
#define SIZES_REFUSED(command, array, first) do {			\
	__u32 _wrong[] = { 1, 4, 8, (first) - 8, (first) - 1, (first) + 1, (first) + 4, ~0U }; \
	size_t i;							\
									\
	for (i = 0; i < ARRAY_SIZE(_wrong); i++) {			\
		REFUSED(EINVAL, command, (arg.array.records = self->records, \
					  arg.array.count = 1, arg.array.size = _wrong[i])); \
		REFUSED(EINVAL, command, arg.array.size = _wrong[i]);	\
	}								\
	REFUSED(EINVAL, command, (arg.array.records = self->records, arg.array.count = 1)); \
} while (0)

/* Addresses where no record can be written. */
#define RECORDS_REFUSED(command, array, first) do {			\
	__u64 _nowhere[] = {						\
		0, self->records | 1ULL << 63, ~0ULL, ~0ULL - (first),	\
		(uintptr_t)fenced_memory(8), (uintptr_t)fenced_memory(8) - (first) + 8, \
	};								\
	size_t i;							\
									\
	for (i = 0; i < ARRAY_SIZE(_nowhere); i++)			\
		REFUSED(EFAULT, command, (arg.array.records = _nowhere[i], \
					  arg.array.count = 1, arg.array.size = (first))); \
} while (0)

#endif /* KLAB_SCENE_H */
