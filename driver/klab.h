/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the driver say to each other. Calls run downwards:
 * main -> ioctl -> notifier -> notify -> deliver, pages, books, channel, file,
 *      aspace, apages -> task -> pagetable, held, ring, context.
 */
#ifndef KLAB_H
#define KLAB_H

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/xarray.h>

#include <linux/klab.h>

struct eventfd_ctx;
struct klab_channel;
struct klab_notifier;
struct miscdevice;
struct klab_task;
struct klab_user;
struct klab_recorder;

/*
 * Memory for a caller: its cgroup pays, and when there is no more the answer is
 * ENOMEM, and never that somebody is killed.
 */
#define KLAB_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/*
 * The limit that callers with many descriptors meet: an eighth of the machine's
 * memory stays available, whatever klab hands out.
 */
static inline bool klab_affordable(unsigned long pages)
{
	return pages + totalram_pages() / 8 <= si_mem_available();
}

/* What a descriptor is for. A command says which kinds of descriptor take it. */
enum klab_kind {
	KLAB_ON_DEVICE	= BIT(0),
	KLAB_ON_CHANNEL	= BIT(1),	/* a private one */
	KLAB_ON_TASK	= BIT(2),
	KLAB_ON_NOTIFIER = BIT(4),
	KLAB_ON_RECORDER = BIT(6),
};

/* What one open descriptor stands for. */
struct klab_context {
	struct file *file;		/* set once, like the kind and what it is for */
	enum klab_kind kind;
	struct klab_channel *channel;	/* of the device, the shared one */
	struct klab_task *task;
	struct klab_recorder *recorder;

	/* Of the device, see held.c: held blocks by handle. */
	struct mutex pages_lock;	/* who frees or maps takes it */
	struct xarray batches;
	struct klab_user *user;		/* who opened it; set once */
	unsigned long pages_held;	/* under users_lock */
	wait_queue_head_t pages_changed;

	struct klab_notifier *notifier;

	refcount_t users;		/* the file, and notifications that watch it */
};

/*
 * A command: @arg is the kernel's copy of its struct. It fills the "out" fields
 * and returns 0, or it returns an errno and has changed nothing.
 */
typedef int klab_command_fn(struct klab_context *context, void *arg);

/* context.c */
struct klab_context *klab_context_new(enum klab_kind kind);
struct klab_context *klab_context_get(int fd, unsigned int kinds);
void klab_context_put(struct klab_context *context);
void klab_context_attach(struct klab_context *context, struct file *file);
int klab_context_install(struct klab_context *context, const char *name,
			 const struct file_operations *operations, int flags,
			 void (*prepare)(struct file *file));

/* ioctl.c; every kind of descriptor has it among its file operations */
long klab_ioctl(struct file *file, unsigned int number, unsigned long arg);

/* deliver.c */
klab_command_fn klab_signal_send;
klab_command_fn klab_eventfd_fire;
klab_command_fn klab_error;
int klab_fail(u32 error);
#define KLAB_FIRE_MAX	65536

/* Who asked for something that comes about later. */
struct klab_asker {
	struct pid *process;
	const struct cred *cred;
	u64 exec_id;			/* of the program that it ran */
};

void klab_asker_init(struct klab_asker *asker);
void klab_asker_release(struct klab_asker *asker);
bool klab_is_asker(const struct klab_asker *asker);

/* One way to tell of a firing. Nothing changes but the counts. */
struct klab_way {
	struct klab_delivery is;	/* what was asked, and the counts */
	struct pid *pid;		/* of the receiver of a signal */
	struct eventfd_ctx *eventfd;
	struct file *file;		/* the eventfd's */
};

void klab_deliver_init(struct miscdevice *device);
int klab_way_init(struct klab_way *way);
void klab_way_release(struct klab_way *way);
int klab_way_ring(struct klab_way *way);
int klab_way_tell(struct klab_way *way, const struct klab_asker *asker,
		  const struct klab_record *record);

/* notifier.c */
klab_command_fn klab_notifier_create;
klab_command_fn klab_notify_set;
klab_command_fn klab_notify_query;
klab_command_fn klab_notify_list;
klab_command_fn klab_notify_cancel;
klab_command_fn klab_notify_fire;
klab_command_fn klab_notify_wait;

/* pages.c */
klab_command_fn klab_pages_alloc;
#define KLAB_BLOCKS_MAX	1048576

/* held.c */
klab_command_fn klab_pages_free;
klab_command_fn klab_pages_list;
unsigned long klab_pages_max(void);
unsigned long klab_pages_max_user(void);
unsigned long klab_pages_batches(struct klab_context *context);
int klab_pages_init(struct klab_context *context);
void klab_pages_release(struct klab_context *context);
int klab_pages_mmap(struct klab_context *context, struct vm_area_struct *vma);

/* books.c */
klab_command_fn klab_pages_zones;
klab_command_fn klab_pages_books;

/* bare.c, if there is one */
klab_command_fn klab_bare_loop;

/* coverage.c, if there is one */
#ifdef KLAB_COVERAGE
void klab_coverage_init(void);
void klab_coverage_exit(void);
void __gcov_merge_add(s64 *values, unsigned int count);
#else
static inline void klab_coverage_init(void) { }
static inline void klab_coverage_exit(void) { }
#endif

/* ring.c */
struct klab_ring {
	u8 *bytes;
	size_t capacity;			/* a power of two */
	struct klab_channel_map *shared;	/* NULL where userspace may not map it */
	struct page **pages;			/* of shared, then of bytes; likewise */
};

int klab_ring_init(struct klab_ring *ring, size_t capacity, bool mappable);
void klab_ring_free(struct klab_ring *ring);
void klab_ring_move(struct klab_ring *to, const struct klab_ring *from, size_t index, size_t bytes);
int klab_ring_mmap(struct klab_ring *ring, struct vm_area_struct *vma);

/*
 * The underlined copies leave out the question whether the source, or target, is
 * one object of the kernel's heap. It takes longer than a small copy, and start
 * and length are bounded right here.
 */
static inline size_t klab_ring_get(const struct klab_ring *ring, size_t index,
				   struct iov_iter *to, size_t bytes)
{
	size_t start = index & (ring->capacity - 1);
	size_t straight = min(bytes, ring->capacity - start);
	size_t copied = _copy_to_iter(ring->bytes + start, straight, to);

	if (copied == straight && bytes > straight)
		copied += _copy_to_iter(ring->bytes, bytes - straight, to);
	return copied;
}

static inline size_t klab_ring_put(struct klab_ring *ring, size_t index,
				   struct iov_iter *from, size_t bytes)
{
	size_t start = index & (ring->capacity - 1);
	size_t straight = min(bytes, ring->capacity - start);
	size_t copied = _copy_from_iter(ring->bytes + start, straight, from);

	if (copied == straight && bytes > straight)
		copied += _copy_from_iter(ring->bytes, bytes - straight, from);
	return copied;
}

/* channel.c */
/*
 * How long a call may take. O_NONBLOCK means not to wait for the other side, which
 * may never come; it does wait for a call of the own side to end its copy, as
 * EAGAIN would tell an edge-triggered caller that the data is gone. RWF_NOWAIT
 * waits for nothing.
 */
enum klab_wait { KLAB_WAIT_FOREVER, KLAB_WAIT_OWN_SIDE, KLAB_WAIT_NOTHING };

klab_command_fn klab_channel_wait;
klab_command_fn klab_channel_wake;
klab_command_fn klab_channel_stat;
klab_command_fn klab_channel_resize;
klab_command_fn klab_channel_end;
#define KLAB_CHANNEL_ATOMIC	4096
/* Mapped indices are 64 bits wide, and the kernel must load them at once. */
#define KLAB_CAN_MAP		IS_ENABLED(CONFIG_64BIT)
struct klab_channel *klab_channel_shared(void);
struct klab_channel *klab_channel_private(u64 capacity, bool mappable);
void klab_channel_get(struct klab_channel *channel);
void klab_channel_put(struct klab_channel *channel);
ssize_t klab_channel_read(struct klab_channel *channel, struct iov_iter *to, enum klab_wait wait);
ssize_t klab_channel_write(struct klab_channel *channel, struct iov_iter *from,
			   enum klab_wait wait);
__poll_t klab_channel_poll(struct klab_channel *channel, struct file *file, poll_table *wait);
int klab_channel_fasync(struct klab_channel *channel, int fd, struct file *file, int on);
int klab_channel_mmap(struct klab_channel *channel, struct vm_area_struct *vma);
wait_queue_head_t *klab_channel_queue(struct klab_channel *channel, u32 side);
void klab_channel_expect(struct klab_channel *channel, u32 side);
size_t klab_channel_bytes(struct klab_channel *channel);
size_t klab_channel_capacity(struct klab_channel *channel);
size_t klab_channel_capacity_max(void);

/* task.c */
klab_command_fn klab_task_open;
klab_command_fn klab_task_who;
klab_command_fn klab_task_compare;
klab_command_fn klab_task_walk;
/*
 * What a task handle stands for, with a reference, if it may be looked at now; the
 * address space only if it has one. Otherwise ERR_PTR: -ESRCH, -EINTR.
 */
struct task_struct *klab_task_get(struct klab_context *context);
struct mm_struct *klab_task_mm(struct klab_context *context);

/* aspace.c */
klab_command_fn klab_task_space;
klab_command_fn klab_task_areas;

/* apages.c */
klab_command_fn klab_task_pages;
#define KLAB_CAN_READ_PAGES	IS_ENABLED(CONFIG_HMM_MIRROR)

/* pagetable.c */
#define KLAB_CAN_WALK_TABLES	IS_ENABLED(CONFIG_X86_64)
void klab_frames_init(void);
bool klab_frames_permitted(u32 flags);
u64 klab_frame_token(unsigned long pfn);

/* What a caller with KLAB_FRAMES or without it is told of a page frame. */
static inline u64 klab_frame(unsigned long pfn, u32 flags)
{
	return flags & KLAB_FRAMES ? pfn : klab_frame_token(pfn);
}

int klab_tables_walk(struct klab_task_walk *walk, struct mm_struct *mm);

/* file.c */
klab_command_fn klab_file_stat;

/* main.c */
klab_command_fn klab_channel_create;

/*
 * Hand a struct to a caller that knows @size bytes of it, which may be fewer or
 * more than the @known ones; more are zeroed.
 */
static inline int klab_put_struct(void __user *to, size_t size, const void *from, size_t known)
{
	if (copy_to_user(to, from, min(size, known)) ||
	    (size > known && clear_user(to + known, size - known)))
		return -EFAULT;
	return 0;
}

/*
 * Records for a caller's array. A command checks the array first, notes the room
 * (array->count), sets the count to 0, and then puts one record after the other.
 */
static inline int klab_check_array(const struct klab_array *array, size_t first_size)
{
	if (!array->count && !array->size)
		return 0;
	return array->size < first_size || array->size > PAGE_SIZE || array->size % 8 ? -EINVAL : 0;
}

static inline int klab_put_record(struct klab_array *array, u32 room, const void *record,
				  size_t known)
{
	u32 index = array->count++;

	if (index >= room)
		return 0;
	return klab_put_struct(u64_to_user_ptr(array->records) + (size_t)index * array->size,
			       array->size, record, known);
}

/* recorder.c */
klab_command_fn klab_recorder_create;
klab_command_fn klab_recorder_stat;
klab_command_fn klab_recorder_stop;

/* probes.c */
void klab_probes_find(void);
u32 klab_probes_kinds(void);

/* cpu.c */
klab_command_fn klab_cpu;

#endif /* KLAB_H */
