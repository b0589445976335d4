// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command table. Everything that all commands have in common happens here:
 * which numbers exist, how long a struct may be, copying in and out.
 */
#include <linux/nospec.h>

#include <asm/ioctls.h>

#include "bare.h"
#include "compat.h"
#include "klab.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* A kind of event is there when all that it takes is. */
static u64 recorder_features(void)
{
	static const struct {
		u32 kinds;
		u64 feature;
	} list[] = {
		{ KLAB_RECORD_SYSCALLS, KLAB_FEATURE_SYSCALLS },
		{ KLAB_RECORD_FAULTS, KLAB_FEATURE_FAULTS },
		{ KLAB_RECORD_TRAPS, KLAB_FEATURE_TRAPS },
		{ KLAB_RECORD_SIGNALS, KLAB_FEATURE_SIGNALS },
		{ KLAB_RECORD_TASKS, KLAB_FEATURE_TASKS },
		{ KLAB_RECORD_SWITCHES, KLAB_FEATURE_SWITCHES },
	};
	u32 kinds = klab_probes_kinds();
	u64 features = KLAB_CAN_MAP && kinds ? KLAB_FEATURE_RECORDER : 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(list) && features; i++)
		if (!(list[i].kinds & ~kinds))
			features |= list[i].feature;
	return features;
}

static int klab_info(struct klab_context *context, void *arg)
{
	struct klab_info *info = arg;

	*info = (struct klab_info) {
		.version = KLAB_VERSION,
		.page_size = PAGE_SIZE,
		.features = KLAB_FEATURE_PAGES | KLAB_FEATURE_SIGNAL | KLAB_FEATURE_CHANNEL |
			    KLAB_FEATURE_TASK | KLAB_FEATURE_NOTIFY | KLAB_FEATURE_ERROR |
			    KLAB_FEATURE_FILE,
		.order_max = KLAB_ORDER_MAX,
		.fire_max = KLAB_FIRE_MAX,
		.pages_max = klab_pages_max(),
		.blocks_max = KLAB_BLOCKS_MAX,
		.channel_capacity = klab_channel_capacity(context->channel),
		.channel_atomic = KLAB_CHANNEL_ATOMIC,
		.channel_capacity_max = klab_channel_capacity_max(),
		.pages_max_user = klab_pages_max_user(),
	};
	if (IS_ENABLED(CONFIG_EVENTFD))
		info->features |= KLAB_FEATURE_EVENTFD;
	if (IS_ENABLED(CONFIG_COMPAT))
		info->features |= KLAB_FEATURE_COMPAT;
	if (IS_ENABLED(CONFIG_NUMA))
		info->features |= KLAB_FEATURE_NUMA;
	if (KLAB_CAN_READ_TYPES)
		info->features |= KLAB_FEATURE_TYPES;
	if (KLAB_CAN_MAP)
		info->features |= KLAB_FEATURE_MAP;
	if (KLAB_CAN_READ_PAGES)
		info->features |= KLAB_FEATURE_TASK_PAGES;
	if (KLAB_CAN_WALK_TABLES)
		info->features |= KLAB_FEATURE_TASK_WALK;
	if (IS_ENABLED(CONFIG_X86_64))
		info->features |= KLAB_FEATURE_CPU;
	info->features |= recorder_features();
	return 0;
}

struct klab_command {
	klab_command_fn *run;
	unsigned int number;
	unsigned int first_size;	/* of its struct when it was first published */
	unsigned int on;		/* the kinds of descriptor that take it */
};

/* The kernel's copy of any command's struct. */
union klab_arg {
	struct klab_info info;
	struct klab_channel_create channel_create;
	struct klab_channel_stat channel_stat;
	struct klab_channel_resize channel_resize;
	struct klab_channel_end channel_end;
	struct klab_channel_wait channel_wait;
	struct klab_channel_wake channel_wake;
	struct klab_pages_alloc pages_alloc;
	struct klab_pages_free pages_free;
	struct klab_pages_zones pages_zones;
	struct klab_pages_books pages_books;
	struct klab_pages_list pages_list;
	struct klab_signal_send signal_send;
	struct klab_eventfd_fire eventfd_fire;
	struct klab_error error;
	struct klab_notifier_create notifier_create;
	struct klab_notify_set notify_set;
	struct klab_notify_query notify_query;
	struct klab_notify_list notify_list;
	struct klab_notify_cancel notify_cancel;
	struct klab_notify_fire notify_fire;
	struct klab_notify_wait notify_wait;
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
};

/*
 * A command's function and its struct have the same name. @_last is the last
 * field that the struct had when it was first published: that never changes,
 * however the struct grows. One that does not fit stops the build.
 */
#define COMMAND(_number, _name, _last, _on)					\
	[_IOC_NR(_number)] = {							\
		.run = _name,							\
		.number = _number +						\
			BUILD_BUG_ON_ZERO(_IOC_SIZE(_number) != sizeof(struct _name)) + \
			BUILD_BUG_ON_ZERO(sizeof(struct _name) > sizeof(union klab_arg)) + \
			BUILD_BUG_ON_ZERO(sizeof(struct _name) % 8),		\
		.first_size = offsetofend(struct _name, _last),			\
		.on = _on,							\
	}

#define ANY_CHANNEL	(KLAB_ON_DEVICE | KLAB_ON_CHANNEL)

static const struct klab_command commands[] = {
	COMMAND(KLAB_IOC_INFO, klab_info, channel_atomic, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_CHANNEL_CREATE, klab_channel_create, reserved, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_CHANNEL_STAT, klab_channel_stat, read, ANY_CHANNEL),
	COMMAND(KLAB_IOC_CHANNEL_RESIZE, klab_channel_resize, capacity, ANY_CHANNEL),
	COMMAND(KLAB_IOC_CHANNEL_END, klab_channel_end, reserved, ANY_CHANNEL),
	COMMAND(KLAB_IOC_CHANNEL_WAIT, klab_channel_wait, bytes, ANY_CHANNEL),
	COMMAND(KLAB_IOC_CHANNEL_WAKE, klab_channel_wake, flags, ANY_CHANNEL),
	COMMAND(KLAB_IOC_PAGES_ALLOC, klab_pages_alloc, free, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_PAGES_FREE, klab_pages_free, free, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_PAGES_ZONES, klab_pages_zones, zones, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_PAGES_BOOKS, klab_pages_books, slab_reclaimable, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_PAGES_LIST, klab_pages_list, pages_user, KLAB_ON_DEVICE),
#ifdef KLAB_BENCH
	COMMAND(KLAB_IOC_BARE_LOOP, klab_bare_loop, count, KLAB_ON_DEVICE),
#endif
	COMMAND(KLAB_IOC_SIGNAL_SEND, klab_signal_send, sent_ns, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_EVENTFD_FIRE, klab_eventfd_fire, last_ns, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_ERROR, klab_error, signal, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_NOTIFIER_CREATE, klab_notifier_create, interval_min_ns, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_NOTIFY_SET, klab_notify_set, deliveries, KLAB_ON_NOTIFIER),
	COMMAND(KLAB_IOC_NOTIFY_QUERY, klab_notify_query, deliveries, KLAB_ON_NOTIFIER),
	COMMAND(KLAB_IOC_NOTIFY_LIST, klab_notify_list, entries, KLAB_ON_NOTIFIER),
	COMMAND(KLAB_IOC_NOTIFY_CANCEL, klab_notify_cancel, fired, KLAB_ON_NOTIFIER),
	COMMAND(KLAB_IOC_NOTIFY_FIRE, klab_notify_fire, last_ns, KLAB_ON_NOTIFIER),
	COMMAND(KLAB_IOC_NOTIFY_WAIT, klab_notify_wait, value, KLAB_ON_NOTIFIER),
	COMMAND(KLAB_IOC_TASK_OPEN, klab_task_open, flags, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_TASK_WHO, klab_task_who, process, KLAB_ON_TASK),
	COMMAND(KLAB_IOC_TASK_COMPARE, klab_task_compare, different, KLAB_ON_TASK),
	COMMAND(KLAB_IOC_TASK_SPACE, klab_task_space, users, KLAB_ON_TASK),
	COMMAND(KLAB_IOC_TASK_AREAS, klab_task_areas, flags, KLAB_ON_TASK),
	COMMAND(KLAB_IOC_TASK_PAGES, klab_task_pages, counts, KLAB_ON_TASK),
	COMMAND(KLAB_IOC_TASK_WALK, klab_task_walk, entries, KLAB_ON_TASK),
	COMMAND(KLAB_IOC_FILE_STAT, klab_file_stat, runs, KLAB_ON_DEVICE),
	COMMAND(KLAB_IOC_RECORDER_CREATE, klab_recorder_create, reserved, KLAB_ON_TASK),
	COMMAND(KLAB_IOC_RECORDER_STAT, klab_recorder_stat, missed, KLAB_ON_RECORDER),
	COMMAND(KLAB_IOC_RECORDER_STOP, klab_recorder_stop, reserved, KLAB_ON_RECORDER),
	COMMAND(KLAB_IOC_CPU, klab_cpu, gates, KLAB_ON_DEVICE),
};

static const struct klab_command *find_command(struct klab_context *context, unsigned int number)
{
	const struct klab_command *command;
	unsigned int index = _IOC_NR(number);

	if (_IOC_TYPE(number) != KLAB_IOC_MAGIC || index >= ARRAY_SIZE(commands))
		return NULL;

	command = &commands[array_index_nospec(index, ARRAY_SIZE(commands))];
	if (!(command->on & context->kind) || _IOC_DIR(number) != _IOC_DIR(command->number))
		return NULL;
	return command;
}

/* Take the caller's struct, and make sure that the answer can be written to it. */
static int get_arg(union klab_arg *arg, size_t known, void __user *from, size_t size,
		   unsigned int direction)
{
	int error;

	if (!(direction & _IOC_WRITE)) {
		memset(arg, 0, known);
		return 0;
	}

	/* What the caller does not know of it becomes zero. */
	error = copy_struct_from_user(arg, known, from, size);
	if (error)
		return error;

	/*
	 * A command cannot be undone once it has run. Writing the caller's own
	 * bytes back finds a bad pointer while there is still nothing to undo.
	 */
	return direction & _IOC_READ ? klab_put_struct(from, min(size, known), arg, known) : 0;
}

/* Where the kernel has the compiler clear all variables: get_arg() clears what is used of this. */
#if __has_attribute(uninitialized)
#define klab_uninitialized	__attribute__((uninitialized))
#else
#define klab_uninitialized
#endif

static long run_command(struct klab_context *context, unsigned int number, void __user *user)
{
	const struct klab_command *command = find_command(context, number);
	size_t size = _IOC_SIZE(number), known;
	union klab_arg arg klab_uninitialized;
	int result;

	if (!command)
		return -ENOTTY;
	if (size < command->first_size)
		return -EINVAL;

	known = _IOC_SIZE(command->number);
	result = get_arg(&arg, known, user, size, _IOC_DIR(number));
	if (result)
		return result;

	result = command->run(context, &arg);
	if (result < 0)
		return result;

	/* Past what is known, a struct that was taken is zero already. */
	if (_IOC_DIR(number) & _IOC_WRITE)
		size = min(size, known);
	if ((_IOC_DIR(number) & _IOC_READ) && klab_put_struct(user, size, &arg, known))
		return -EFAULT;
	return result;
}

long klab_ioctl(struct file *file, unsigned int number, unsigned long arg)
{
	struct klab_context *context = file->private_data;
	void __user *user = (void __user *)arg;
	long result;

	/* Of every stream, and older than the rules of our own commands. */
	if (number == FIONREAD && context->kind & ANY_CHANNEL)
		return put_user((int)klab_channel_bytes(context->channel), (int __user *)user);

	result = run_command(context, number, user);
	trace_klab_ioctl(number, result);
	return result;
}
