/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The contract of /dev/klab: what userspace may ask, and what comes back.
 *
 * Read and write pass bytes through one channel that all openers share. All
 * else is an ioctl of this file: a number, a struct, and the rules below.
 *
 * Growing. A struct only ever grows at its end. A command is its type and its
 * number; the size within _IOC() is the struct as the caller knows it. A
 * shorter struct is taken as if zeroes followed, a longer one as long as
 * everything past what the module knows is zero, and no more is written back
 * than the caller has room for. A struct that is only written (_IOR) is not
 * looked at: past what the module knows it becomes zero. So old programs run on
 * new modules, and new programs on old modules as long as they ask for nothing
 * new. Records of an array do the same: the caller says how large one record is
 * for it.
 *
 * Results. 0 is success; a command that makes a file descriptor returns it.
 * Fields marked "out" are written on success only. Reserved fields and unknown
 * flags must be zero. Times are nanoseconds of CLOCK_MONOTONIC.
 *
 * Arrays. On return the count of struct klab_array is how many records there
 * are; as many of them as there was room for have been written.
 *
 * Errors have one meaning each, the same for every command:
 *
 *   ENOTTY      no such command on this kind of descriptor, or its direction is
 *               wrong
 *   E2BIG       a field that this module does not know is not zero; never where
 *               the struct is only written (_IOR)
 *   EINVAL      a field, flag or reserved word has a value it may not have, or
 *               the struct is shorter than the command ever was
 *   EOPNOTSUPP  a valid request, but not on this kernel or machine
 *   EFAULT      a pointer leads nowhere. What can be told before anything is
 *               done is told then; a caller that unmaps its own arguments
 *               during the call gets EFAULT although it was done
 *   ENOENT      no such handle at this descriptor
 *   ENOMEM      a limit of klab, of the memory cgroup, or of the machine
 *   EBUSY       not while it is in use as it is
 *   EPERM, ESRCH, EBADF, EAGAIN, EINTR   as everywhere else
 *
 * No command here needs a capability to be called. Opening the device takes
 * the permission of its file, and each command says what else it looks at.
 *
 * The comments below have a form, for the tool, the manual and the Python module
 * are made from them. userspace/description/describe tells it, and refuses what
 * does not follow it. In short, a command's struct is described like this:
 *
 *   struct klab_thing_make - one line
 *   @size: in: bytes of it, 1 to klab_info.thing_max; out: what they became
 *   @flags: in: KLAB_THING_* bits, or zero
 *   @reserved: zero
 *   @parts: struct klab_thing_part, one for each part
 *
 *   On the device or a channel.
 *
 *   Returns a descriptor of a thing, O_CLOEXEC.
 *
 *   Whatever else there is to say.
 *
 *   Try: size=4096 flags=NEW
 *
 *   EINVAL: size, flags. EPERM: more than so many bytes without CAP_SOMETHING.
 *   EMFILE, ENFILE.
 */
#ifndef _UAPI_LINUX_KLAB_H
#define _UAPI_LINUX_KLAB_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised when an old program could not work with a new module; never for growth. */
#define KLAB_VERSION		1

#define KLAB_IOC_MAGIC		0xBB

/* What this module, on this kernel and this machine, can do (klab_info.features). */
#define KLAB_FEATURE_PAGES	_BITULL(0)	/* KLAB_IOC_PAGES_* */
#define KLAB_FEATURE_SIGNAL	_BITULL(1)	/* KLAB_IOC_SIGNAL_SEND */
#define KLAB_FEATURE_EVENTFD	_BITULL(2)	/* KLAB_IOC_EVENTFD_FIRE */
#define KLAB_FEATURE_COMPAT	_BITULL(3)	/* 32-bit programs may call */
#define KLAB_FEATURE_NUMA	_BITULL(4)	/* memory may lie on several nodes */
#define KLAB_FEATURE_CHANNEL	_BITULL(5)	/* KLAB_IOC_CHANNEL_* */
#define KLAB_FEATURE_MAP	_BITULL(6)	/* KLAB_CHANNEL_MAPPABLE */
#define KLAB_FEATURE_TYPES	_BITULL(7)	/* klab_pages_source.types */
#define KLAB_FEATURE_NOTIFY	_BITULL(12)	/* KLAB_IOC_NOTIFIER_CREATE */
#define KLAB_FEATURE_ERROR	_BITULL(13)	/* KLAB_IOC_ERROR */
#define KLAB_FEATURE_TASK	_BITULL(16)	/* KLAB_IOC_TASK_* but for the next two */
#define KLAB_FEATURE_TASK_PAGES	_BITULL(17)	/* KLAB_IOC_TASK_PAGES */
#define KLAB_FEATURE_TASK_WALK	_BITULL(18)	/* KLAB_IOC_TASK_WALK */
#define KLAB_FEATURE_FILE	_BITULL(19)	/* KLAB_IOC_FILE_STAT */
#define KLAB_FEATURE_RECORDER	_BITULL(24)	/* KLAB_IOC_RECORDER_* */
#define KLAB_FEATURE_SYSCALLS	_BITULL(25)	/* KLAB_RECORD_SYSCALLS */
#define KLAB_FEATURE_FAULTS	_BITULL(26)	/* KLAB_RECORD_FAULTS */
#define KLAB_FEATURE_TRAPS	_BITULL(27)	/* KLAB_RECORD_TRAPS */
#define KLAB_FEATURE_SIGNALS	_BITULL(28)	/* KLAB_RECORD_SIGNALS */
#define KLAB_FEATURE_TASKS	_BITULL(29)	/* KLAB_RECORD_TASKS */
#define KLAB_FEATURE_SWITCHES	_BITULL(30)	/* KLAB_RECORD_SWITCHES */
#define KLAB_FEATURE_CPU	_BITULL(31)	/* KLAB_IOC_CPU */

/**
 * struct klab_info - the handshake: version, limits, features
 * @version: out: KLAB_VERSION of the module
 * @page_size: out: bytes in a page
 * @features: out: KLAB_FEATURE_* bits
 * @order_max: out: the highest order that the page allocator serves
 * @fire_max: out: the most firings that one call may ask for
 * @pages_max: out: the most pages that one descriptor may hold
 * @blocks_max: out: the most blocks that one call may ask for
 * @channel_capacity: out: bytes that the channel holds before a writer waits
 * @channel_atomic: out: a write of up to this many bytes is never split and
 *                  never mixed with another
 * @channel_capacity_max: out: the largest capacity without CAP_SYS_RESOURCE
 * @pages_max_user: out: the most pages that one user may hold, by all descriptors
 *                  that this user has opened
 *
 * On the device.
 *
 * Ask for this first; it cannot fail with a good pointer.
 *
 * Try:
 */
struct klab_info {
	__u32 version;
	__u32 page_size;
	__u64 features;
	__u32 order_max;
	__u32 fire_max;
	__u64 pages_max;
	__u64 blocks_max;
	__u64 channel_capacity;
	__u64 channel_atomic;
	__u64 channel_capacity_max;
	__u64 pages_max_user;
};

#define KLAB_IOC_INFO		_IOR(KLAB_IOC_MAGIC, 0x00, struct klab_info)

/*
 * Channels. The device's own is shared by all who open it and never ends. A
 * private one is a descriptor to inherit or to pass on: read, write, poll, and
 * the KLAB_IOC_CHANNEL_ commands but for the first. Both answer FIONREAD.
 */
#define KLAB_CHANNEL_CAPACITY_LIMIT	(64 << 20)	/* with CAP_SYS_RESOURCE */

#define KLAB_CHANNEL_MAPPABLE	0x4	/* see struct klab_channel_map */

/**
 * struct klab_channel_create - make a private channel
 * @capacity: in: bytes it holds before a writer waits; rounded up to a power of
 *            two, and to klab_info.channel_atomic at least
 * @flags: in: KLAB_CHANNEL_MAPPABLE or zero
 * @reserved: zero
 *
 * On the device.
 *
 * Returns a descriptor of a channel, open for reading and writing, O_CLOEXEC. The
 * channel lives until the last copy of it is closed. Its memory is charged to the
 * memory cgroup of the caller.
 *
 * Try: capacity=4096
 *
 * EINVAL: capacity above KLAB_CHANNEL_CAPACITY_LIMIT, flags. EPERM: capacity
 * above klab_info.channel_capacity_max without CAP_SYS_RESOURCE. EOPNOTSUPP:
 * KLAB_CHANNEL_MAPPABLE without KLAB_FEATURE_MAP. EMFILE, ENFILE, ENOMEM.
 */
struct klab_channel_create {
	__u64 capacity;
	__u32 flags;
	__u32 reserved;
};

#define KLAB_IOC_CHANNEL_CREATE	_IOW(KLAB_IOC_MAGIC, 0x08, struct klab_channel_create)

/**
 * struct klab_channel_side - what one side of a channel has done so far
 * @bytes: that passed
 * @calls: writes whose last byte went in; reads that got bytes or found the end
 * @sleeps: times that such a call had to wait for the other side
 * @wakeups: times that somebody who waited or polled was woken
 *
 * On a 32-bit kernel they begin anew after 2^32.
 */
struct klab_channel_side {
	__u64 bytes;
	__u64 calls;
	__u64 sleeps;
	__u64 wakeups;
};

#define KLAB_CHANNEL_ENDED	0x1	/* no more will be written */
#define KLAB_CHANNEL_SHARED	0x2	/* the device's own */

/**
 * struct klab_channel_stat - a channel's numbers
 * @capacity: out: bytes it holds before a writer waits
 * @bytes: out: bytes that wait to be read
 * @state: out: KLAB_CHANNEL_ENDED and KLAB_CHANNEL_SHARED bits
 * @reserved: out: zero
 * @write: out: the writers
 * @read: out: the readers
 *
 * On the device or a channel.
 *
 * Try: --on CHANNEL_CREATE
 */
struct klab_channel_stat {
	__u64 capacity;
	__u64 bytes;
	__u32 state;
	__u32 reserved;
	struct klab_channel_side write;
	struct klab_channel_side read;
};

#define KLAB_IOC_CHANNEL_STAT	_IOR(KLAB_IOC_MAGIC, 0x09, struct klab_channel_stat)

/**
 * struct klab_channel_resize - change a channel's capacity, and keep what is in it
 * @capacity: in: bytes, as for struct klab_channel_create; out: what it is now
 *
 * On the device or a channel.
 *
 * Try: --on CHANNEL_CREATE capacity=8192
 *
 * EINVAL: capacity above KLAB_CHANNEL_CAPACITY_LIMIT. EPERM: capacity above
 * klab_info.channel_capacity_max without CAP_SYS_RESOURCE. EBUSY: more bytes wait
 * to be read than would fit; nothing has changed. EOPNOTSUPP: a mappable channel,
 * which somebody may have mapped as it is. ENOMEM.
 */
struct klab_channel_resize {
	__u64 capacity;
};

#define KLAB_IOC_CHANNEL_RESIZE	_IOWR(KLAB_IOC_MAGIC, 0x0a, struct klab_channel_resize)

/**
 * struct klab_channel_end - say that no more will be written
 * @flags: in: zero
 * @reserved: zero
 *
 * On the device or a channel.
 *
 * Readers get what is left and then 0; writers get EPIPE and SIGPIPE, as with a
 * pipe; poll reports EPOLLHUP. An end cannot be taken back; to say it again
 * changes nothing.
 *
 * Try: --on CHANNEL_CREATE
 *
 * EINVAL: flags. EOPNOTSUPP: the shared channel, which is there for others too.
 */
struct klab_channel_end {
	__u32 flags;
	__u32 reserved;
};

#define KLAB_IOC_CHANNEL_END	_IOW(KLAB_IOC_MAGIC, 0x0b, struct klab_channel_end)

/**
 * struct klab_channel_map - the first page of a mapped channel
 * @capacity: bytes in the ring, for information
 * @ended: not zero when no more will be written
 * @reserved0: zero
 * @written: bytes that were ever written; moved by whoever writes
 * @writer_sleeps: set before a writer sleeps in the kernel
 * @reserved1: zero
 * @read: bytes that were ever read; moved by whoever reads
 * @reader_sleeps: set before a reader sleeps in the kernel
 * @reserved2: zero
 *
 * A channel made with KLAB_CHANNEL_MAPPABLE may be mapped, MAP_SHARED. From
 * offset 0 on: one page with this struct (a page is klab_info.page_size), the ring,
 * and the ring once more, so that bytes that wrap around lie in a row. Whoever
 * writes or reads the mapping then needs no system call; read(2) and write(2),
 * poll(2) and so on go on working beside it. At any time one side may have one
 * user with the mapping, or any number with system calls, not both.
 *
 * Byte number n is at n % capacity of the ring. To write:
 *
 *	room = capacity - (written - load_acquire(read))
 *	copy up to room bytes to number written and on
 *	store_release(written, written + bytes)
 *	full barrier
 *	if (reader_sleeps) KLAB_IOC_CHANNEL_WAKE the readers
 *
 * To read, likewise: bytes = load_acquire(written) - read. With nothing to do,
 * KLAB_IOC_CHANNEL_WAIT; poll(2) serves as well. libklab has it all as a few
 * inline functions.
 *
 * The kernel believes nothing in this page. Indices that make no sense spoil the
 * bytes of this channel, and nothing else.
 */
struct klab_channel_map {
	__u64 capacity;
	__u32 ended;
	__u32 reserved0[13];
	__u64 written;
	__u32 writer_sleeps;
	__u32 reserved1[13];
	__u64 read;
	__u32 reader_sleeps;
	__u32 reserved2[13];
};

#define KLAB_CHANNEL_WRITERS	0
#define KLAB_CHANNEL_READERS	1

/**
 * struct klab_channel_wait - sleep until one side of a channel can go on
 * @side: in: KLAB_CHANNEL_WRITERS to wait for room, KLAB_CHANNEL_READERS for data
 * @flags: in: zero
 * @bytes: in: bytes of room or data, 1 to the channel's capacity
 *
 * On the device or a channel.
 *
 * Returns too when the channel has ended. For a mapped channel, where nothing
 * else has to be asked of the kernel.
 *
 * Try: side=WRITERS bytes=1
 *
 * EINVAL: side, flags, bytes, also where the channel became smaller meanwhile.
 * EAGAIN: not yet, and the descriptor is O_NONBLOCK. EINTR: a signal came, and its
 * handler does not restart calls.
 */
struct klab_channel_wait {
	__u32 side;
	__u32 flags;
	__u64 bytes;
};

#define KLAB_IOC_CHANNEL_WAIT	_IOW(KLAB_IOC_MAGIC, 0x0c, struct klab_channel_wait)

/**
 * struct klab_channel_wake - wake who sleeps at one side of a channel
 * @side: in: KLAB_CHANNEL_WRITERS or KLAB_CHANNEL_READERS
 * @flags: in: zero
 *
 * On the device or a channel.
 *
 * Whoever finds nothing to do goes on sleeping.
 *
 * Try: side=READERS
 *
 * EINVAL: side, flags.
 */
struct klab_channel_wake {
	__u32 side;
	__u32 flags;
};

#define KLAB_IOC_CHANNEL_WAKE	_IOW(KLAB_IOC_MAGIC, 0x0d, struct klab_channel_wake)

/**
 * struct klab_timing - how long each of several operations took
 * @count: how many there were
 * @total_ns: all of them together, in ns
 * @min_ns: the shortest, in ns
 * @max_ns: the longest, in ns
 *
 * What reading the clock costs has been subtracted from each. All zero when there
 * were none.
 */
struct klab_timing {
	__u64 count;
	__u64 total_ns;
	__u64 min_ns;
	__u64 max_ns;
};

#define KLAB_BUCKETS		32

/**
 * struct klab_bucket - one bar of a histogram of allocations and releases
 * @allocs: out: allocations
 * @frees: out: releases
 *
 * Record number n is about those that took 2^n ns or more and less than 2^(n+1);
 * number 0 has also those below 1 ns, the last one all that took longer.
 */
struct klab_bucket {
	__u64 allocs;
	__u64 frees;
};

/**
 * struct klab_array - where a command writes records, or where it reads them
 * @records: in: address of an array of the struct that the command names
 * @count: in: records there is room for, may be 0; out: records there are
 * @size: in: bytes of one record as the caller knows it, a multiple of 8; may
 *        be 0 when @count is 0
 */
struct klab_array {
	__u64 records;
	__u32 count;
	__u32 size;
};

/*
 * Migrate types: the kernel sorts memory, in pieces of some hundred pages, by
 * whether what is in it can be moved elsewhere, so that large blocks form again.
 */
#define KLAB_TYPE_UNMOVABLE	0
#define KLAB_TYPE_MOVABLE	1
#define KLAB_TYPE_RECLAIMABLE	2
#define KLAB_TYPE_HIGHATOMIC	3	/* kept for who may not sleep */
#define KLAB_TYPE_CMA		4
#define KLAB_TYPE_ISOLATE	5	/* nothing is given out of it */
#define KLAB_TYPES		8	/* places for them; the last two are zero */

/**
 * struct klab_pages_source - how many blocks one zone gave
 * @node: out: NUMA node
 * @zone: out: the zone's index within its node
 * @name: out: the kernel's name of the zone, such as "DMA32"; ends in NUL
 * @blocks: out: blocks that came from it
 * @types: out: how many of them came from memory of each migrate type; all zero
 *         without KLAB_FEATURE_TYPES
 */
struct klab_pages_source {
	__u32 node;
	__u32 zone;
	char name[16];
	__u64 blocks;
	__u64 types[KLAB_TYPES];
};

#define KLAB_NODE_ANY		(-1)

#define KLAB_PAGES_HOLD		0x1	/* keep the blocks under a handle */
#define KLAB_PAGES_PARTIAL	0x2	/* fewer than asked is a success */
#define KLAB_PAGES_RETURN	0x4	/* so it is, but then they go back at once */
#define KLAB_PAGES_ATOMIC	0x8	/* neither sleep nor reclaim: what is free now */
#define KLAB_PAGES_RETRY_HARD	0x10	/* reclaim and compact as long as it helps */
#define KLAB_PAGES_HIGH		0x20	/* from high memory too, where there is any */
#define KLAB_PAGES_MOVABLE	0x40	/* from where pages lie that can be moved */
#define KLAB_PAGES_ZEROED	0x80	/* cleared; only such pages can be mapped */
#define KLAB_PAGES_COMPOUND	0x100	/* the pages of a block are one compound page */
#define KLAB_PAGES_BULK		0x200	/* up to KLAB_BULK_BLOCKS by one call, order 0 */
#define KLAB_PAGES_BARE		0x400	/* read no clock and look at no block */

#define KLAB_BULK_BLOCKS	64

/* Why a batch fell short (klab_pages_alloc.reason) */
#define KLAB_SHORT_NOT		0	/* it did not */
#define KLAB_SHORT_NO_BLOCK	1	/* the allocator had none that would do */
#define KLAB_SHORT_CGROUP	2	/* it had, but the memory cgroup is full */
#define KLAB_SHORT_MACHINE	3	/* an eighth of the machine's memory stays free */

/**
 * struct klab_pages_alloc - have the kernel's page allocator give out blocks
 * @order: in: log2 of the pages in a block, 0 to klab_info.order_max
 * @flags: in: KLAB_PAGES_* bits
 * @count: in: blocks, 1 to klab_info.blocks_max
 * @node: in: the NUMA node to take them from, or KLAB_NODE_ANY
 * @handle: out: names the blocks until they are freed; 0 when none are held
 * @obtained: out: blocks that the allocator gave
 * @sources: struct klab_pages_source, one for each zone that gave any
 * @alloc: out: time of each call of the allocator, which is an allocation, or with
 *         KLAB_PAGES_BULK several
 * @free: out: time of each release, likewise; zero when blocks are held
 * @histogram: struct klab_bucket, KLAB_BUCKETS of them: the same times
 * @clock_ns: out: what reading the clock costs, and was subtracted from each time
 * @runs: out: rows of blocks that were given one after the other and lie next to
 *        each other; as many as blocks if no two did. 0 unless blocks are held
 * @longest_run: out: blocks in the longest of them
 * @refills: out: how often the list of a CPU, from which small blocks come, was seen
 *           to be longer after an allocation than before: it had been refilled. 0
 *           unless blocks are held
 * @reason: out: why there are fewer than asked: KLAB_SHORT_NOT, KLAB_SHORT_NO_BLOCK,
 *          KLAB_SHORT_CGROUP or KLAB_SHORT_MACHINE
 * @reserved: zero
 *
 * On the device.
 *
 * Without KLAB_PAGES_HOLD each block is released right after it was obtained,
 * so that only one call's worth is out at a time. With it they stay until
 * KLAB_IOC_PAGES_FREE or the last close of the descriptor.
 *
 * When the allocator has no more, all that this call got goes back and it fails
 * with ENOMEM. With KLAB_PAGES_PARTIAL it succeeds with what there was, unless
 * that is nothing; with KLAB_PAGES_RETURN it succeeds even then, says how far it
 * came and why, and holds nothing. A request that is over a limit from the start is
 * refused whole in any case.
 *
 * Unless flags say otherwise the allocator may sleep and reclaim clean memory, but
 * gives up when that did not help at once. No flag has anything killed, and none
 * reaches into the reserves for emergencies. Pages are charged to the memory cgroup
 * of the caller, but for the root cgroup, which nobody is charged to. While there
 * are memory cgroups the kernel's bulk allocator gives charged pages one by one.
 *
 * KLAB_PAGES_MOVABLE is for blocks that are not held: a block that klab holds stays
 * where it is, and would be in the way where everything else can be moved.
 *
 * Flags that exclude each other: ATOMIC and RETRY_HARD; MOVABLE and HOLD; PARTIAL and
 * RETURN; RETURN without HOLD; COMPOUND with order 0, and BULK with any other.
 *
 * Try: count=1 node=ANY
 *
 * EINVAL: order, flags, count, node, sources.size or histogram.size. ENOMEM: more
 * than the descriptor or its user may hold, more than would leave an eighth of the
 * machine's memory available, the cgroup's limit, or no such block to be had.
 * EFAULT: sources or histogram, after all was given back.
 */
struct klab_pages_alloc {
	__u32 order;
	__u32 flags;
	__u64 count;
	__s32 node;
	__u32 handle;
	__u64 obtained;
	struct klab_array sources;
	struct klab_timing alloc;
	struct klab_timing free;
	struct klab_array histogram;
	__u64 clock_ns;
	__u64 runs;
	__u64 longest_run;
	__u64 refills;
	__u32 reason;
	__u32 reserved;
};

#define KLAB_IOC_PAGES_ALLOC	_IOWR(KLAB_IOC_MAGIC, 0x10, struct klab_pages_alloc)

/*
 * Held pages can be mapped: mmap(2) of the device, MAP_SHARED, from offset @handle
 * times klab_info.page_size on, at most as long as the blocks together. The first
 * page of the mapping is the first of the first block; a block that was given back
 * earlier is a hole (SIGBUS). Only blocks allocated with KLAB_PAGES_ZEROED, and not
 * KLAB_PAGES_COMPOUND: the kernel splits them into single pages for it. While they
 * are mapped they cannot be given back.
 *
 * ENODEV: offset 0. ENOENT: no such handle. EINVAL: not such blocks, or not so many;
 * or MAP_PRIVATE.
 */

/**
 * struct klab_pages_free - give held blocks back
 * @handle: in: from KLAB_IOC_PAGES_ALLOC, of the same descriptor
 * @flags: in: zero
 * @order: out: their order
 * @reserved: zero
 * @count: out: blocks given back
 * @free: out: time of each release
 * @first: in: the first block to give back, in the order in which they were obtained
 * @span: in: how many to go through, from there; 0 for all
 * @stride: in: give each of them back (1, or 0), or every second one (2) ...
 * @left: out: blocks that are still held; with the last one the handle goes
 * @histogram: struct klab_bucket, KLAB_BUCKETS of them: the same times
 * @clock_ns: out: as for struct klab_pages_alloc
 *
 * On the device.
 *
 * Blocks that were given back earlier are passed over.
 *
 * Try: --on PAGES_ALLOC:count=1,node=ANY,flags=HOLD handle=1
 *
 * EINVAL: flags, reserved, first, span, histogram.size. ENOENT: no such handle.
 * EBUSY: the blocks are mapped. EINTR: killed while another call is at it.
 */
struct klab_pages_free {
	__u32 handle;
	__u32 flags;
	__u32 order;
	__u32 reserved;
	__u64 count;
	struct klab_timing free;
	__u64 first;
	__u64 span;
	__u64 stride;
	__u64 left;
	struct klab_array histogram;
	__u64 clock_ns;
};

#define KLAB_IOC_PAGES_FREE	_IOWR(KLAB_IOC_MAGIC, 0x11, struct klab_pages_free)

#define KLAB_ORDERS		16

/**
 * struct klab_zone - the books of one zone of memory, in pages but for free_blocks
 * @node: out: NUMA node
 * @zone: out: the zone's index within its node
 * @name: out: the kernel's name of the zone; ends in NUL
 * @present: out: pages that exist
 * @managed: out: pages that the allocator looks after
 * @free: out: pages that are free, those in per-CPU lists left out
 * @watermark_min: out: below this only the most urgent are served
 * @watermark_low: out: below this the kernel starts to reclaim in the background
 * @watermark_high: out: above this it stops
 * @free_blocks: out: free blocks by order; zero above klab_info.order_max
 * @per_cpu: out: pages in the lists of all CPUs, which stand before the free lists
 * @per_cpu_high: out: what they may hold together before they give some back
 *
 * The free lists of a zone are read in one moment, under its lock; the other
 * fields, and other zones, a moment before or after.
 */
struct klab_zone {
	__u32 node;
	__u32 zone;
	char name[16];
	__u64 present;
	__u64 managed;
	__u64 free;
	__u64 watermark_min;
	__u64 watermark_low;
	__u64 watermark_high;
	__u64 free_blocks[KLAB_ORDERS];
	__u64 per_cpu;
	__u64 per_cpu_high;
};

/**
 * struct klab_pages_zones - read the books of every zone that has memory
 * @zones: struct klab_zone, one for each zone
 *
 * On the device.
 *
 * Try:
 *
 * EINVAL: zones.size.
 */
struct klab_pages_zones {
	struct klab_array zones;
};

#define KLAB_IOC_PAGES_ZONES	_IOWR(KLAB_IOC_MAGIC, 0x12, struct klab_pages_zones)

#define KLAB_LIST_BLOCKS_MAX	1024

/**
 * struct klab_zone_type - the free blocks of one zone that have one migrate type
 * @node: out: NUMA node
 * @zone: out: the zone's index within its node
 * @type: out: which, such as KLAB_TYPE_MOVABLE
 * @reserved: out: zero
 * @free_blocks: out: free blocks by order; KLAB_LIST_BLOCKS_MAX: so many or more
 *
 * The kernel keeps no such count. Each list is walked, one after the other.
 */
struct klab_zone_type {
	__u32 node;
	__u32 zone;
	__u32 type;
	__u32 reserved;
	__u64 free_blocks[KLAB_ORDERS];
};

/**
 * struct klab_zone_cpu - the lists of one CPU that stand before a zone's free lists
 * @node: out: NUMA node
 * @zone: out: the zone's index within its node
 * @cpu: out: CPU
 * @batch: out: pages by which they are refilled, or more as they are used more
 * @count: out: pages in them
 * @high: out: what they may hold before they give some back
 */
struct klab_zone_cpu {
	__u32 node;
	__u32 zone;
	__u32 cpu;
	__u32 batch;
	__u64 count;
	__u64 high;
};

/**
 * struct klab_event - how often something happened since the machine was started
 * @name: out: as in /proc/vmstat; ends in NUL
 * @count: out: how often
 */
struct klab_event {
	char name[24];
	__u64 count;
};

/**
 * struct klab_pages_books - all of the page allocator's books in one call
 * @flags: in: zero
 * @reserved: zero
 * @time_ns: out: when
 * @zones: struct klab_zone, one for each zone that has memory
 * @types: struct klab_zone_type, for each of them and each migrate type
 * @cpus: struct klab_zone_cpu, for each of them and each CPU that is online
 * @events: struct klab_event, those that tell of pages allocated, freed, reclaimed
 *          and moved
 * @total: out: pages of the machine
 * @free: out: pages that are free
 * @available: out: pages to be had without swapping, by the kernel's estimate
 * @file: out: pages of the page cache
 * @anon: out: mapped pages that belong to no file
 * @slab: out: pages of the kernel's own objects
 * @slab_reclaimable: out: those of them that can be had back
 *
 * On the device.
 *
 * Records for which there is no room are counted and cost nothing more.
 *
 * Try:
 *
 * EINVAL: flags, or the size of an array's records.
 */
struct klab_pages_books {
	__u32 flags;
	__u32 reserved;
	__u64 time_ns;
	struct klab_array zones;
	struct klab_array types;
	struct klab_array cpus;
	struct klab_array events;
	__u64 total;
	__u64 free;
	__u64 available;
	__u64 file;
	__u64 anon;
	__u64 slab;
	__u64 slab_reclaimable;
};

#define KLAB_IOC_PAGES_BOOKS	_IOWR(KLAB_IOC_MAGIC, 0x13, struct klab_pages_books)

/**
 * struct klab_batch_info - the blocks of one handle
 * @handle: out: its name
 * @order: out: log2 of the pages in a block
 * @flags: out: KLAB_PAGES_* bits that they were allocated with
 * @maps: out: mappings of them
 * @count: out: blocks that were obtained
 * @left: out: those that are still held
 */
struct klab_batch_info {
	__u32 handle;
	__u32 order;
	__u32 flags;
	__u32 maps;
	__u64 count;
	__u64 left;
};

/**
 * struct klab_pages_list - what the descriptor holds
 * @batches: struct klab_batch_info, one for each handle
 * @pages: out: pages held by this descriptor
 * @pages_user: out: pages held by all descriptors of the user who opened it
 *
 * On the device.
 *
 * Try: --on PAGES_ALLOC:count=1,node=ANY,flags=HOLD
 *
 * EINVAL: batches.size. EINTR: killed while another call frees.
 */
struct klab_pages_list {
	struct klab_array batches;
	__u64 pages;
	__u64 pages_user;
};

#define KLAB_IOC_PAGES_LIST	_IOWR(KLAB_IOC_MAGIC, 0x14, struct klab_pages_list)

#define KLAB_SIGNAL_VALUE	0x1	/* queue it with klab_signal_send.value */

/**
 * struct klab_signal_send - have the kernel send a signal
 * @pid: in: a process, or one of its threads, in the caller's pid namespace;
 *       above 0, so never a group
 * @signal: in: a number that kill(2) takes; 0 only asks whether one might
 * @flags: in: KLAB_SIGNAL_VALUE or 0
 * @reserved: zero
 * @value: in: the value, as sigqueue(3) takes it in sival_ptr; zero without
 *         KLAB_SIGNAL_VALUE
 * @sent_ns: out: when, just before it was sent
 *
 * On the device.
 *
 * Without a value this is kill(2), in permission and in effect: sent to the
 * process, with si_code SI_USER.
 *
 * With a value it arrives as from sigqueue(3): si_code SI_QUEUE, the caller's
 * pid and uid, and the value. It goes to the one thread that @pid names (the
 * main thread, for a process): the kernel exports no way for a module to queue
 * to a whole process. The permission is that of kill(2) asked with signal 0.
 * That is stricter in one case: SIGCONT to a process of another user in the
 * same session needs CAP_KILL here. A security module that tells
 * signals apart sees signal 0.
 *
 * Try: pid=SELF signal=0
 *
 * EINVAL: pid, signal, flags. ESRCH: no such process, or with a value a thread
 * that has exited. EPERM: kill(2) would refuse it. EAGAIN: with a value,
 * RLIMIT_SIGPENDING of the receiver is used up.
 */
struct klab_signal_send {
	__s32 pid;
	__u32 signal;
	__u32 flags;
	__u32 reserved;
	__u64 value;
	__u64 sent_ns;
};

#define KLAB_IOC_SIGNAL_SEND	_IOWR(KLAB_IOC_MAGIC, 0x20, struct klab_signal_send)

/**
 * struct klab_eventfd_fire - have the kernel signal an eventfd
 * @fd: in: an eventfd of the caller
 * @flags: in: zero
 * @count: in: firings, 1 to klab_info.fire_max; each adds 1 and wakes who waits
 * @reserved: zero
 * @first_ns: out: just before the first
 * @last_ns: out: just after the last
 *
 * On the device.
 *
 * A counter that is full stays full, and nobody waits: such firings are lost,
 * as the kernel's own are.
 *
 * Try: fd=EVENTFD count=3
 *
 * EINVAL: flags, count, or a descriptor that is no eventfd. EBADF: no
 * descriptor. EOPNOTSUPP: a kernel without eventfds.
 */
struct klab_eventfd_fire {
	__s32 fd;
	__u32 flags;
	__u32 count;
	__u32 reserved;
	__u64 first_ns;
	__u64 last_ns;
};

#define KLAB_IOC_EVENTFD_FIRE	_IOWR(KLAB_IOC_MAGIC, 0x28, struct klab_eventfd_fire)

/**
 * struct klab_error - fail
 * @error: in: the errno to fail with, 1 to 4095
 * @signal: in: a signal that the calling thread is sent before, as by raise(3), so
 *          that it is pending when the call ends; 0 for none
 *
 * On the device.
 *
 * What a system call returns is not always what userspace sees:
 *
 *   512 ERESTARTSYS, 513 ERESTARTNOINTR, 514 ERESTARTNOHAND, 516
 *   ERESTART_RESTARTBLOCK  are seen as they are while no signal is pending. With a
 *	signal that has a handler, the call ends with EINTR or is made again after
 *	it: 512 again with SA_RESTART, 513 always, 514 and 516 never. With a signal
 *	that has none (one that stops, and SIGCONT then), 512, 513 and 514 are made
 *	again; 516 goes on as restart_syscall(2), which is EINTR for a task that was
 *	not interrupted in another call.
 *   515 ENOIOCTLCMD  is always seen as ENOTTY.
 *
 * So 513 is never seen when a signal is pending, and 515 never. Made again, the
 * call reads this struct anew. Above 4095 nothing is an errno.
 *
 * Try: error=33 -> EDOM
 *
 * EINVAL: also for @error or @signal out of range.
 */
struct klab_error {
	__u32 error;
	__u32 signal;
};

#define KLAB_IOC_ERROR		_IOW(KLAB_IOC_MAGIC, 0x29, struct klab_error)

/*
 * Notifications. A notifier is a descriptor that holds them, by handle. Each is
 * fired by its trigger, and by whoever asks; each firing has a number, the first is
 * 1, and a time, and is told in every way that the notification has. All are gone
 * when the last copy of the descriptor is closed.
 *
 * The notifier takes the KLAB_IOC_NOTIFY_ commands. read(2) gives records
 * (KLAB_WAY_RECORD), as many as fit, and waits for the first; poll(2) says EPOLLIN
 * and EPOLLPRI when there are any, and O_ASYNC sends SIGIO for each. write(2) is the
 * short way to fire: of handles, a __u32 each, which are fired one after the other,
 * up to one that is none. (ENOENT, EINVAL where the size is no multiple of 4.)
 */

/**
 * struct klab_notifier_create - make a notifier
 * @records: in: records that it keeps until they are read, 1 to 65536; 0 is 64
 * @record_size: in: bytes of struct klab_record as the caller knows it, a multiple
 *               of 8: what read(2) gives
 * @notifications_max: out: notifications that it can hold
 * @deliveries_max: out: ways that one of them can have
 * @interval_min_ns: out: the shortest interval that one can have
 *
 * On the device.
 *
 * Returns a descriptor of a notifier, O_CLOEXEC. Its memory is charged to the memory cgroup of the
 * caller.
 *
 * Try: record_size=48
 *
 * EINVAL: records, record_size. EMFILE, ENFILE, ENOMEM.
 */
struct klab_notifier_create {
	__u32 records;
	__u32 record_size;
	__u32 notifications_max;
	__u32 deliveries_max;
	__u64 interval_min_ns;
};

#define KLAB_IOC_NOTIFIER_CREATE _IOWR(KLAB_IOC_MAGIC, 0x30, struct klab_notifier_create)

/**
 * struct klab_record - one firing, as read(2) of a notifier gives it
 * @sequence: its number, of its notification
 * @time_ns: when it was fired
 * @due_ns: when it should have been, by a timer; else 0
 * @value: of the notification
 * @missed: firings before it, of any notification here, that found no room
 * @handle: of the notification
 * @reserved: zero
 *
 * A read of fewer bytes than one record is EINVAL.
 */
struct klab_record {
	__u64 sequence;
	__u64 time_ns;
	__u64 due_ns;
	__u64 value;
	__u64 missed;
	__u32 handle;
	__u32 reserved;
};

#define KLAB_WAY_RECORD		1	/* a record of the notifier */
#define KLAB_WAY_EVENTFD	2	/* adds 1 to an eventfd */
#define KLAB_WAY_SIGNAL		3
#define KLAB_WAY_SYSFS		4	/* the attribute "notification" of the device */

/**
 * struct klab_delivery - one way to tell of a firing, and what came of it
 * @way: in: KLAB_WAY_*
 * @target: in: for an eventfd its descriptor; for a signal a process or thread in
 *          the caller's pid namespace, or 0 for the calling thread; else 0. out: the
 *          same, but 0 for a process or thread that is gone
 * @signal: in: for a signal, its number, not 0; else 0
 * @flags: in: for a signal, KLAB_SIGNAL_VALUE or 0; else 0
 * @delivered: out: firings that were told
 * @refused: out: that kill(2) would have refused
 * @gone: out: for which the receiver was no more
 * @full: out: that found no room: for a record, in the eventfd's counter, in the
 *        receiver's queue of signals
 * @coalesced: out: that came while too many were still to be told, and were told
 *             with those before them
 *
 * Every firing is counted in one of the five, but for those still on their way. As
 * a 32-bit number of a descriptor, an eventfd's is that of who asked.
 *
 * The sysfs attribute belongs to the device: its text, "SEQUENCE TIME VALUE", is the
 * firing that any notifier told it last. poll(2) there says POLLPRI, and inotify
 * that it was modified.
 *
 * A signal is KLAB_IOC_SIGNAL_SEND's, with the notification's value. The permission
 * is that of who set the notification, with the credentials of then, checked anew
 * each time; and one's own process may be signalled until it executes another
 * program. It goes to the process or thread that was meant: where that is gone, and
 * its pid used again, it goes nowhere. With a value si_pid and si_uid are of who
 * set it. Without, si_uid is; si_pid too when it fires the notification itself,
 * and else names a thread of the kernel. Where it is not of the first pid namespace,
 * and somebody else or a trigger fires, the receiver finds 0 as si_pid. SIGCONT to
 * another user's process of the same session needs CAP_KILL then.
 */
struct klab_delivery {
	__u32 way;
	__s32 target;
	__u32 signal;
	__u32 flags;
	__u64 delivered;
	__u64 refused;
	__u64 gone;
	__u64 full;
	__u64 coalesced;
};

#define KLAB_TRIGGER_CALL	0	/* none: it is fired by hand */
#define KLAB_TRIGGER_TIMER	1	/* at a time, perhaps again and again */
#define KLAB_TRIGGER_DATA	2	/* bytes were written to a channel, or it ended */
#define KLAB_TRIGGER_SPACE	3	/* bytes were read from a channel, or it grew */
#define KLAB_TRIGGER_PAGES	4	/* a descriptor came to hold more or fewer pages */

#define KLAB_NOTIFY_ABSOLUTE	0x1	/* first_ns is a moment, not a delay */

/**
 * struct klab_notify_set - set a notification, or change one
 * @handle: in: 0 for a new one, or the one to change; out: its handle
 * @trigger: in: KLAB_TRIGGER_*
 * @flags: in: for a timer, KLAB_NOTIFY_ABSOLUTE or 0; else 0
 * @source: in: for data and space, a private channel or the device for the shared
 *          one; for pages, the device; else 0
 * @value: in: goes with each firing
 * @first_ns: in: for a timer, how long from now it fires first, 0 at once; else 0
 * @interval_ns: in: for a timer, how often from then on, or 0 for once; else 0
 * @count: in: firings by the trigger until it stops, 0 for no end
 * @deliveries: struct klab_delivery, the ways, which are read; may be none
 *
 * On a notifier.
 *
 * A change replaces everything but the number of firings so far. A firing of before
 * that was still on its way to a signal or to sysfs may be lost by it, uncounted.
 *
 * A timer whose firings take longer than its interval, or the machine's other
 * notifications, skips those that it cannot keep up with, and counts them
 * (klab_notify_query.skipped).
 *
 * A notification of data or pages keeps what it watches known, but not open.
 *
 * Try: --on NOTIFIER_CREATE:record_size=48 deliveries=0
 *
 * EINVAL: trigger, flags, a time above 2^63-1, interval, deliveries.count above
 * klab_notifier_create.deliveries_max or .size, any field of a delivery, a source
 * that is none. EBADF: source or target. ESRCH: target. ENOENT: handle. ENOMEM: too
 * many notifications, or memory.
 */
struct klab_notify_set {
	__u32 handle;
	__u32 trigger;
	__u32 flags;
	__s32 source;
	__u64 value;
	__u64 first_ns;
	__u64 interval_ns;
	__u64 count;
	struct klab_array deliveries;
};

#define KLAB_IOC_NOTIFY_SET	_IOWR(KLAB_IOC_MAGIC, 0x31, struct klab_notify_set)

#define KLAB_LATENESS_BUCKETS	32

/**
 * struct klab_lateness - how many firings were late by so much
 * @firings: out: in the array's record number n, those with a lateness of 2^n ns or
 *           more, and less than twice that; the first has 0, the last all beyond
 */
struct klab_lateness {
	__u64 firings;
};

/**
 * struct klab_notify_query - all about one notification
 * @handle: in: which
 * @trigger: out: KLAB_TRIGGER_*
 * @armed: out: 1 while its trigger will fire it (again)
 * @reserved: zero
 * @value: out: as it was set
 * @due_ns: out: for a timer that is armed, when; else 0
 * @interval_ns: out: as it was set
 * @left: out: firings by the trigger until it stops, 0 for no end
 * @fired: out: firings so far, the last one's number
 * @last_ns: out: when that was, 0 for never
 * @skipped: out: times at which a timer should have fired and could not keep up
 * @lateness: out: of a timer, when it fired minus when it should have
 * @histogram: struct klab_lateness, KLAB_LATENESS_BUCKETS of them, see there
 * @deliveries: struct klab_delivery, in the order in which they were set
 *
 * On a notifier.
 *
 * Try: --on NOTIFIER_CREATE:record_size=48/NOTIFY_SET:deliveries=0 handle=64
 *
 * ENOENT: handle. EINVAL: reserved, the size of either array's records.
 */
struct klab_notify_query {
	__u32 handle;
	__u32 trigger;
	__u32 armed;
	__u32 reserved;
	__u64 value;
	__u64 due_ns;
	__u64 interval_ns;
	__u64 left;
	__u64 fired;
	__u64 last_ns;
	__u64 skipped;
	struct klab_timing lateness;
	struct klab_array histogram;
	struct klab_array deliveries;
};

#define KLAB_IOC_NOTIFY_QUERY	_IOWR(KLAB_IOC_MAGIC, 0x32, struct klab_notify_query)

/**
 * struct klab_notify_entry - one notification of a list
 * @handle: out: which
 * @trigger: out: KLAB_TRIGGER_*
 * @armed: out: 1 while its trigger will fire it (again)
 * @deliveries: out: how many ways it has
 * @value: out: as it was set
 * @fired: out: firings so far
 */
struct klab_notify_entry {
	__u32 handle;
	__u32 trigger;
	__u32 armed;
	__u32 deliveries;
	__u64 value;
	__u64 fired;
};

/**
 * struct klab_notify_list - which notifications there are
 * @entries: struct klab_notify_entry, one for each
 *
 * On a notifier.
 *
 * Try: --on NOTIFIER_CREATE:record_size=48
 *
 * EINVAL: entries.size.
 */
struct klab_notify_list {
	struct klab_array entries;
};

#define KLAB_IOC_NOTIFY_LIST	_IOWR(KLAB_IOC_MAGIC, 0x33, struct klab_notify_list)

/**
 * struct klab_notify_cancel - take a notification away
 * @handle: in: which
 * @flags: in: zero
 * @fired: out: firings that there were
 *
 * On a notifier.
 *
 * When this returns it fires no more, and no delivery is on its way.
 *
 * Try: --on NOTIFIER_CREATE:record_size=48/NOTIFY_SET:deliveries=0 handle=64
 *
 * ENOENT: handle. EINVAL: flags.
 */
struct klab_notify_cancel {
	__u32 handle;
	__u32 flags;
	__u64 fired;
};

#define KLAB_IOC_NOTIFY_CANCEL	_IOWR(KLAB_IOC_MAGIC, 0x34, struct klab_notify_cancel)

/**
 * struct klab_notify_fire - fire a notification now
 * @handle: in: which
 * @count: in: firings, 1 to klab_info.fire_max; out: how many there were: fewer when
 *         the caller was killed
 * @sequence: out: number of the last
 * @first_ns: out: time of the first
 * @last_ns: out: time of the last
 *
 * On a notifier.
 *
 * When this returns all has been told that could be. Does not count as one of
 * klab_notify_set.count.
 *
 * Try: --on NOTIFIER_CREATE:record_size=48/NOTIFY_SET:deliveries=0 handle=64 count=1
 *
 * ENOENT: handle. EINVAL: count.
 */
struct klab_notify_fire {
	__u32 handle;
	__u32 count;
	__u64 sequence;
	__u64 first_ns;
	__u64 last_ns;
};

#define KLAB_IOC_NOTIFY_FIRE	_IOWR(KLAB_IOC_MAGIC, 0x35, struct klab_notify_fire)

/**
 * struct klab_notify_wait - sleep until a notification was fired, and end as asked
 * @handle: in: which
 * @error: in: the errno to fail with then, 1 to 4095, or 0 to succeed
 * @sequence: in: returns at once when there was a firing of a higher number; out: the
 *            number of the last
 * @time_ns: out: of the last firing
 * @value: out: of the notification
 *
 * On a notifier.
 *
 * Made again after a signal, the call waits for the same firing still. What becomes
 * of the restart codes as @error: struct klab_error.
 *
 * Try: --on NOTIFIER_CREATE:record_size=48/NOTIFY_SET:deliveries=0/NOTIFY_FIRE:handle=64,count=1
 *      handle=64
 *
 * ENOENT: handle, or it was cancelled meanwhile. EINVAL: error. EAGAIN: not yet, and
 * the descriptor is O_NONBLOCK. EINTR: a signal came, and its handler does not
 * restart calls.
 */
struct klab_notify_wait {
	__u32 handle;
	__u32 error;
	__u64 sequence;
	__u64 time_ns;
	__u64 value;
};

#define KLAB_IOC_NOTIFY_WAIT	_IOWR(KLAB_IOC_MAGIC, 0x36, struct klab_notify_wait)

/*
 * Tasks. A descriptor from KLAB_IOC_TASK_OPEN stands for one process, or one of its
 * threads, and takes the other KLAB_IOC_TASK_ commands. It follows the process
 * through exec; a thread that execs takes over the process's id, and its own is gone.
 *
 * Every one of those commands answers ESRCH when there is nothing to look at any
 * more: the task has been waited for, or it is not what it was when the descriptor
 * was made. That is so as soon as one of its user and group ids (real, effective,
 * saved) differs, it has a capability that it had not, another user namespace, or
 * it is not dumpable. It goes on answering the process itself, and everybody if
 * whoever made the descriptor had CAP_SYS_PTRACE in the user namespace of what it
 * runs now. Where the answer is about memory, ESRCH too from a task that has none:
 * the kernel's own threads, and what has exited.
 */

/**
 * struct klab_task_open - make a descriptor for a process or a thread
 * @pid: in: its id in the caller's pid namespace; 0 is the calling process
 * @flags: in: zero
 *
 * On the device.
 *
 * Returns a descriptor of a task, O_CLOEXEC. It may be inherited or passed on, and
 * is then the permission.
 *
 * Made for oneself, without more; by the tracer of a dumpable process; and with
 * CAP_SYS_PTRACE in the user namespace of the program that the process runs (the
 * initial one for a task without memory). Security modules are not asked: that a
 * module cannot.
 *
 * Try: pid=SELF
 *
 * EINVAL: pid, flags. ESRCH: no such process. EPERM: none of the three. EINTR: the
 * caller was killed while the process was in exec. EMFILE, ENFILE. ENOMEM.
 */
struct klab_task_open {
	__s32 pid;
	__u32 flags;
};

#define KLAB_IOC_TASK_OPEN	_IOW(KLAB_IOC_MAGIC, 0x40, struct klab_task_open)

/**
 * struct klab_task_usage - what it has used since it began
 * @user_ns: processor time in user mode
 * @system_ns: processor time in the kernel
 * @minor_faults: page faults that needed no input
 * @major_faults: page faults that did
 * @voluntary_switches: times it gave the processor up, to wait
 * @involuntary_switches: times it was taken away
 */
struct klab_task_usage {
	__u64 user_ns;
	__u64 system_ns;
	__u64 minor_faults;
	__u64 major_faults;
	__u64 voluntary_switches;
	__u64 involuntary_switches;
};

#define KLAB_TASK_EXITING		0x1
#define KLAB_TASK_FORKED_NO_EXEC	0x2
#define KLAB_TASK_USED_PRIVILEGE	0x4	/* a capability served it at least once */
#define KLAB_TASK_DUMPED_CORE		0x8
#define KLAB_TASK_KILLED		0x10	/* by a signal */
#define KLAB_TASK_KERNEL		0x20	/* a thread of the kernel */
#define KLAB_TASK_RANDOMIZED		0x40	/* its addresses are */
#define KLAB_TASK_FREES_MEMORY		0x80	/* at this moment; may use the reserves */
#define KLAB_TASK_NO_NEW_PRIVS		0x100
#define KLAB_TASK_DUMPABLE		0x200
#define KLAB_TASK_MEMORY		0x400	/* it has an address space of its own or shared */

/**
 * struct klab_task_who - who it is and what it is doing
 * @pid: out: of the process; this and the next five in the caller's pid namespace,
 *       0 when it is not known there
 * @tid: out: of the thread; the same as @pid for the main thread
 * @parent: out: process that will be told of its end
 * @tracer: out: thread that traces it; 0 if none does
 * @group: out: process group
 * @session: out: session
 * @threads: out: of the process; 0 once it has been waited for
 * @flags: out: KLAB_TASK_* bits
 * @state: out: a letter, as in /proc/PID/stat
 * @policy: out: SCHED_*
 * @nice: out: -20 to 19
 * @realtime_priority: out: 1 to 99 under SCHED_FIFO and SCHED_RR, else 0
 * @uid: out: real user; this and the next five in the caller's user namespace
 * @euid: out: effective user
 * @suid: out: saved user
 * @gid: out: real group
 * @egid: out: effective group
 * @sgid: out: saved group
 * @comm: out: its name; ends in NUL
 * @started_ns: out: when it began
 * @pending: out: signals that wait for the thread; bit 0 is signal 1
 * @pending_process: out: signals that wait for any thread of the process
 * @blocked: out: signals that the thread blocks
 * @ignored: out: signals that the process ignores
 * @caught: out: signals that the process has a handler for
 * @thread: out: what this thread has used
 * @process: out: what all threads have, those that have ended too
 *
 * On a task.
 *
 * Try: --on TASK_OPEN:pid=SELF
 *
 * ESRCH: there is nothing to look at any more, see above. EINTR: as for struct klab_task_open.
 */
struct klab_task_who {
	__s32 pid;
	__s32 tid;
	__s32 parent;
	__s32 tracer;
	__s32 group;
	__s32 session;
	__u32 threads;
	__u32 flags;
	__u32 state;
	__u32 policy;
	__s32 nice;
	__u32 realtime_priority;
	__u32 uid;
	__u32 euid;
	__u32 suid;
	__u32 gid;
	__u32 egid;
	__u32 sgid;
	char comm[16];
	__u64 started_ns;
	__u64 pending;
	__u64 pending_process;
	__u64 blocked;
	__u64 ignored;
	__u64 caught;
	struct klab_task_usage thread;
	struct klab_task_usage process;
};

#define KLAB_IOC_TASK_WHO	_IOR(KLAB_IOC_MAGIC, 0x41, struct klab_task_who)

#define KLAB_SAME_MEMORY	0x1	/* address space: CLONE_VM */
#define KLAB_SAME_FILES		0x2	/* table of descriptors: CLONE_FILES */
#define KLAB_SAME_FS		0x4	/* root, working directory, umask: CLONE_FS */
#define KLAB_SAME_HANDLERS	0x8	/* signal handlers: CLONE_SIGHAND */
#define KLAB_SAME_PROCESS	0x10	/* threads of one process: CLONE_THREAD */
#define KLAB_SAME_IO		0x20	/* io context: CLONE_IO */
#define KLAB_SAME_UNDO		0x40	/* System V semaphore undo list: CLONE_SYSVSEM */
#define KLAB_SAME_CREDENTIALS	0x80	/* one struct cred, until either changes */
#define KLAB_SAME_UTS_NS	0x100	/* host name: not with CLONE_NEWUTS */
#define KLAB_SAME_IPC_NS	0x200	/* not with CLONE_NEWIPC */
#define KLAB_SAME_MOUNT_NS	0x400	/* not with CLONE_NEWNS */
#define KLAB_SAME_PID_NS	0x800	/* not with CLONE_NEWPID */
#define KLAB_SAME_CHILD_PID_NS	0x1000	/* that of their children, as unshare(2) set it */
#define KLAB_SAME_NET_NS	0x2000	/* not with CLONE_NEWNET */
#define KLAB_SAME_CGROUP_NS	0x4000	/* not with CLONE_NEWCGROUP */
#define KLAB_SAME_TIME_NS	0x8000	/* not with CLONE_NEWTIME */
#define KLAB_SAME_USER_NS	0x10000	/* not with CLONE_NEWUSER */

/**
 * struct klab_task_compare - what two tasks share
 * @other: in: a descriptor from KLAB_IOC_TASK_OPEN, for the other task
 * @flags: in: zero
 * @same: out: KLAB_SAME_* bits of what both have, and it is one and the same
 * @different: out: KLAB_SAME_* bits of what at least one has, and it is not the same
 *
 * On a task.
 *
 * What neither of them has is in neither: a task has its io context and its
 * semaphore undo list only from their first use on, and no more than its credentials
 * once it has exited.
 *
 * Try: --on TASK_OPEN:pid=SELF other=4
 *
 * EINVAL: flags, or other is not a task's descriptor. EBADF. ESRCH: see above, of
 * either. EINTR: as for struct klab_task_open.
 */
struct klab_task_compare {
	__s32 other;
	__u32 flags;
	__u64 same;
	__u64 different;
};

#define KLAB_IOC_TASK_COMPARE	_IOWR(KLAB_IOC_MAGIC, 0x42, struct klab_task_compare)

/**
 * struct klab_task_space - the numbers of an address space
 * @code_start: out: address of the program's code
 * @code_end: out: end of it
 * @data_start: out: address of its initialised data
 * @data_end: out: end of it
 * @brk_start: out: where the heap begins
 * @brk: out: where it ends now, as brk(2) last set it
 * @stack_start: out: where the main thread's stack began to grow down from
 * @arguments_start: out: address of the arguments
 * @arguments_end: out: end of them
 * @environment_start: out: address of the environment
 * @environment_end: out: end of it
 * @mmap_base: out: where mmap(2) begins to look for room
 * @end: out: where addresses of the user end
 * @pages: out: pages of all areas, present or not
 * @pages_most: out: the most that it ever was
 * @locked: out: pages of areas that are locked
 * @pinned: out: pages that somebody pinned for input and output, for long
 * @data: out: pages of private writable areas that are no stack
 * @executable: out: pages of executable areas that nobody may write
 * @stack: out: pages of areas that grow down
 * @anonymous: out: pages present that are anonymous
 * @file: out: pages present that are a file's
 * @shmem: out: pages present that are shared memory
 * @swapped: out: pages that are in swap
 * @resident_most: out: the most pages that were ever present
 * @table_bytes: out: bytes of its page tables
 * @areas: out: how many areas there are
 * @users: out: tasks that share it, and other users in the kernel at this moment
 *
 * On a task.
 *
 * All from @code_start to @environment_end are read in one moment. Before Linux 6.2
 * the four counts of pages present and in swap lag behind by up to 64 a thread.
 *
 * Try: --on TASK_OPEN:pid=SELF
 *
 * ESRCH: see above. EINTR: as for struct klab_task_open.
 */
struct klab_task_space {
	__u64 code_start;
	__u64 code_end;
	__u64 data_start;
	__u64 data_end;
	__u64 brk_start;
	__u64 brk;
	__u64 stack_start;
	__u64 arguments_start;
	__u64 arguments_end;
	__u64 environment_start;
	__u64 environment_end;
	__u64 mmap_base;
	__u64 end;
	__u64 pages;
	__u64 pages_most;
	__u64 locked;
	__u64 pinned;
	__u64 data;
	__u64 executable;
	__u64 stack;
	__u64 anonymous;
	__u64 file;
	__u64 shmem;
	__u64 swapped;
	__u64 resident_most;
	__u64 table_bytes;
	__u32 areas;
	__u32 users;
};

#define KLAB_IOC_TASK_SPACE	_IOR(KLAB_IOC_MAGIC, 0x43, struct klab_task_space)

#define KLAB_AREA_READ			0x1
#define KLAB_AREA_WRITE			0x2
#define KLAB_AREA_EXEC			0x4
#define KLAB_AREA_SHARED		0x8
#define KLAB_AREA_MAY_READ		0x10	/* this and the next two: mprotect(2) may */
#define KLAB_AREA_MAY_WRITE		0x20
#define KLAB_AREA_MAY_EXEC		0x40
#define KLAB_AREA_MAY_SHARE		0x80	/* MAP_SHARED, be the file writable or not */
#define KLAB_AREA_GROWS_DOWN		0x100	/* a stack */
#define KLAB_AREA_LOCKED		0x200	/* mlock(2) */
#define KLAB_AREA_LOCK_ON_FAULT		0x400	/* mlock2(2) with MLOCK_ONFAULT */
#define KLAB_AREA_SEQUENTIAL		0x800	/* MADV_SEQUENTIAL */
#define KLAB_AREA_RANDOM		0x1000	/* MADV_RANDOM */
#define KLAB_AREA_DONT_FORK		0x2000	/* MADV_DONTFORK: a child does not get it */
#define KLAB_AREA_WIPE_ON_FORK		0x4000	/* MADV_WIPEONFORK: a child gets zeroes */
#define KLAB_AREA_DONT_DUMP		0x8000	/* MADV_DONTDUMP: not in a core dump */
#define KLAB_AREA_DONT_EXPAND		0x10000	/* mremap(2) may not make it larger */
#define KLAB_AREA_ACCOUNTED		0x20000	/* counts as committed memory */
#define KLAB_AREA_NO_RESERVE		0x40000	/* MAP_NORESERVE */
#define KLAB_AREA_HUGE			0x80000	/* MADV_HUGEPAGE */
#define KLAB_AREA_NO_HUGE		0x100000	/* MADV_NOHUGEPAGE */
#define KLAB_AREA_HUGETLB		0x200000	/* MAP_HUGETLB, or of a hugetlbfs */
#define KLAB_AREA_MERGEABLE		0x400000	/* MADV_MERGEABLE: equal pages become one */
#define KLAB_AREA_SOFT_DIRTY		0x800000	/* new since these bits were cleared */
#define KLAB_AREA_IO			0x1000000	/* a device's memory */
#define KLAB_AREA_FRAMES_ONLY		0x2000000	/* bare frames, not managed as pages */
#define KLAB_AREA_FRAMES_TOO		0x4000000	/* it may have both */
#define KLAB_AREA_SYNC			0x8000000	/* MAP_SYNC */
#define KLAB_AREA_USERFAULT_MISSING	0x10000000	/* a userfaultfd hears of absent pages */
#define KLAB_AREA_USERFAULT_WRITE	0x20000000	/* of writes */
#define KLAB_AREA_USERFAULT_MINOR	0x40000000	/* of pages that only a mapping misses */

/**
 * struct klab_area - one area of an address space
 * @start: out: its first address
 * @end: out: the first one behind it
 * @flags: out: KLAB_AREA_* bits
 * @offset: out: bytes into the file; 0 without a file, as the next three
 * @inode: out: the file's inode number
 * @major: out: the file system's device
 * @minor: out: the same
 * @name_offset: out: bytes into the names, where the name begins
 * @name_bytes: out: bytes of the name with its NUL; 0 if it has none
 *
 * The name is that of /proc/PID/maps, for the caller's root directory, and nothing
 * in it is escaped. One that is too long for the kernel to tell is missing.
 */
struct klab_area {
	__u64 start;
	__u64 end;
	__u64 flags;
	__u64 offset;
	__u64 inode;
	__u32 major;
	__u32 minor;
	__u32 name_offset;
	__u32 name_bytes;
};

/**
 * struct klab_task_areas - the areas of an address space, by address
 * @start: in: leave out those that end at this address or before
 * @end: in: leave out those that begin at this address or behind it; 0 is no end
 * @areas: struct klab_area, one for each
 * @names: in: address of bytes where the names go
 * @names_bytes: in: bytes of room there, 0 if no name is wanted; out: bytes that
 *               all names have, of which as many as there was room for are there
 * @flags: in: zero
 *
 * On a task.
 *
 * They are read a hundred at a time. What changes meanwhile behind the place that
 * has been come to is told as it is then.
 *
 * Try: --on TASK_OPEN:pid=SELF
 *
 * EINVAL: start not below end, an address that no pointer can hold, areas.size,
 * flags. ESRCH: see above. EINTR: the caller was killed. ENOMEM.
 */
struct klab_task_areas {
	__u64 start;
	__u64 end;
	struct klab_array areas;
	__u64 names;
	__u32 names_bytes;
	__u32 flags;
};

#define KLAB_IOC_TASK_AREAS	_IOWR(KLAB_IOC_MAGIC, 0x44, struct klab_task_areas)

#define KLAB_FRAMES		0x1	/* frame numbers, not tokens */

#define KLAB_PAGE_PRESENT	0x1
#define KLAB_PAGE_WRITABLE	0x2	/* a write does not fault */
#define KLAB_PAGE_NO_AREA	0x4	/* no area there */
#define KLAB_PAGE_UNKNOWN	0x8	/* a device's, or not to be read */
#define KLAB_PAGE_ANON		0x10	/* anonymous */
#define KLAB_PAGE_FILE		0x20	/* in the page cache, of a file */
#define KLAB_PAGE_SHMEM		0x40	/* in the page cache, of shared memory or tmpfs */
#define KLAB_PAGE_ZERO		0x80	/* the kernel's one page of zeroes, or its large one */
#define KLAB_PAGE_SHARED	0x100	/* mapped more than once */
#define KLAB_PAGE_LARGE		0x200	/* part of a larger one */
#define KLAB_PAGE_HUGETLB	0x400	/* part of one of hugetlbfs */
#define KLAB_PAGE_WITHHELD	0x800	/* the flags that follow, and the counts, are not told */
#define KLAB_PAGE_KSM		0x1000	/* one page for many equal ones */
#define KLAB_PAGE_EXCLUSIVE	0x2000	/* anonymous: a write needs no copy */
#define KLAB_PAGE_LAZY_FREE	0x4000	/* MADV_FREE: may be dropped as long as it is clean */
#define KLAB_PAGE_DIRTY		0x8000	/* as far as the page knows */
#define KLAB_PAGE_REFERENCED	0x10000	/* used of late; likewise */
#define KLAB_PAGE_LRU		0x20000	/* in a list that reclaim looks at */
#define KLAB_PAGE_ACTIVE	0x40000	/* in one of those it looks at last */
#define KLAB_PAGE_UNEVICTABLE	0x80000	/* reclaim leaves it alone */
#define KLAB_PAGE_MLOCKED	0x100000	/* because of mlock(2) */
#define KLAB_PAGE_WRITEBACK	0x200000	/* being written */
#define KLAB_PAGE_SWAP_CACHE	0x400000	/* its place in swap is known */

/**
 * struct klab_page - one page of a range
 * @frame: out: its token, or frame number with KLAB_FRAMES; 0 if it is not present
 * @flags: out: KLAB_PAGE_* bits
 * @references: out: users of the page, or of the whole larger one; 0 if withheld
 * @mappings: out: page table entries that map it; 0 if withheld
 * @order: out: log2 of the pages that its page table entry maps
 */
struct klab_page {
	__u64 frame;
	__u32 flags;
	__u32 references;
	__u32 mappings;
	__u32 order;
};

/**
 * struct klab_page_run - pages in a row that are alike
 * @start: out: address of the first
 * @pages: out: pages there are
 * @flags: out: their flags, of those in klab_task_pages.mask
 * @reserved: out: zero
 */
struct klab_page_run {
	__u64 start;
	__u64 pages;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct klab_task_pages - the pages of a range of addresses
 * @start: in: its first address, at a page's beginning
 * @bytes: in: bytes of it, whole pages, fewer than 2^32 of them
 * @flags: in: KLAB_FRAMES or zero
 * @mask: in: KLAB_PAGE_* bits that are counted, and in which the pages of a run are
 *        alike
 * @walked: out: bytes that were looked at
 * @pages: struct klab_page, one for each page
 * @runs: struct klab_page_run, one for each run
 * @counts: out: pages that have each flag of @mask, bit 0 first
 *
 * On a task.
 *
 * Looks and does nothing: no page is faulted in or copied for it. What it tells of
 * 32 pages was so at one moment. A range with a long way to go is left early when a
 * signal comes, or when somebody unmaps the pages faster than they can be looked at;
 * @walked then says how far the answer goes, and is at least one page.
 *
 * Of the processors' page tables it tells what the kernel lets a module know: not
 * what an entry holds that is not present (in swap, or nothing at all), not the
 * dirty and accessed bits, which reach the page later, and nothing about memory that
 * may not be read. A page set apart to find out which node uses it (NUMA balancing)
 * is told as absent until somebody touches it.
 *
 * Quick with no room for pages and nothing in the mask beyond
 * KLAB_PAGE_PRESENT, WRITABLE, NO_AREA and UNKNOWN: then no page is looked at.
 *
 * A token is the same for the same page, in every process, as long as the module is
 * loaded, and tells nothing else. Frame numbers, and what is KLAB_PAGE_WITHHELD of
 * pages of files, which anybody may use, are for CAP_SYS_ADMIN in the initial user
 * namespace.
 *
 * Try: --on TASK_OPEN:pid=SELF start=4096 bytes=4096 mask=PRESENT
 *
 * EINVAL: start, bytes, flags, mask, pages.size, runs.size, or past the end of the
 * addresses. EPERM: KLAB_FRAMES without CAP_SYS_ADMIN. ESRCH: see above. EAGAIN: not
 * even the first page held still. EINTR: the caller was killed. ENOMEM. EOPNOTSUPP:
 * a kernel without KLAB_FEATURE_TASK_PAGES.
 */
struct klab_task_pages {
	__u64 start;
	__u64 bytes;
	__u32 flags;
	__u32 mask;
	__u64 walked;
	struct klab_array pages;
	struct klab_array runs;
	__u64 counts[32];
};

#define KLAB_IOC_TASK_PAGES	_IOWR(KLAB_IOC_MAGIC, 0x45, struct klab_task_pages)

#define KLAB_ENTRY_PRESENT	0x1	/* leads to a table or a page */
#define KLAB_ENTRY_PAGE		0x2	/* to a page, whose size the level tells */
#define KLAB_ENTRY_NOTE		0x4	/* not present: the kernel's note, of swap say */
#define KLAB_ENTRY_NO_ACCESS	0x8	/* there, but the processor may not know: PROT_NONE */
#define KLAB_ENTRY_WRITABLE	0x10
#define KLAB_ENTRY_USER		0x20	/* not for the kernel alone */
#define KLAB_ENTRY_WRITE_THROUGH	0x40
#define KLAB_ENTRY_NO_CACHE	0x80
#define KLAB_ENTRY_ACCESSED	0x100	/* the processor has used it */
#define KLAB_ENTRY_DIRTY	0x200	/* the processor has written to the page */
#define KLAB_ENTRY_NO_EXEC	0x400
#define KLAB_ENTRY_SOFT_DIRTY	0x800	/* written since the soft-dirty bits were cleared */
#define KLAB_ENTRY_USERFAULT	0x1000	/* a userfaultfd hears of the next write */

/**
 * struct klab_table_entry - what one page table says of an address
 * @raw: out: the entry as it is. Its frame number is zero without KLAB_FRAMES, and so
 *       is all of one that is not present
 * @frame: out: of the table or page it leads to: token, or number with KLAB_FRAMES
 * @level: out: 5 or 4 for the top, 1 for the last table
 * @index: out: of the entry in its table
 * @flags: out: KLAB_ENTRY_* bits
 * @reserved: out: zero
 */
struct klab_table_entry {
	__u64 raw;
	__u64 frame;
	__u32 level;
	__u32 index;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct klab_task_walk - one address, page table by page table
 * @address: in: any address of the user
 * @flags: in: KLAB_FRAMES or zero
 * @levels: out: entries that there are, from the top down to the one that ends it
 * @entries: out: those entries
 *
 * On a task.
 *
 * The address space is held still for a moment, as by mmap(2). For one address, to
 * learn from; KLAB_IOC_TASK_PAGES is for many.
 *
 * Try: --on TASK_OPEN:pid=SELF address=4096
 *
 * EINVAL: address, flags. EPERM: KLAB_FRAMES without CAP_SYS_ADMIN in the initial
 * user namespace. ESRCH: see above. EINTR: the caller was killed. EOPNOTSUPP: no
 * KLAB_FEATURE_TASK_WALK, which only x86-64 has.
 */
struct klab_task_walk {
	__u64 address;
	__u32 flags;
	__u32 levels;
	struct klab_table_entry entries[5];
};

#define KLAB_IOC_TASK_WALK	_IOWR(KLAB_IOC_MAGIC, 0x46, struct klab_task_walk)

#define KLAB_CACHE_DIRTY	0x1	/* to be written */
#define KLAB_CACHE_WRITEBACK	0x2	/* being written */
#define KLAB_CACHE_READING	0x4	/* not read yet, or not all of it */

/**
 * struct klab_file_run - pages in a row of a file that are in memory
 * @start: out: pages of the file before the first
 * @pages: out: pages there are
 * @flags: out: KLAB_CACHE_* bits, the same for all
 * @reserved: out: zero
 */
struct klab_file_run {
	__u64 start;
	__u64 pages;
	__u32 flags;
	__u32 reserved;
};

#define KLAB_FILE_RANDOM	0x1	/* POSIX_FADV_RANDOM: no read-ahead */
#define KLAB_FILE_NO_REUSE	0x2	/* POSIX_FADV_NOREUSE, from Linux 6.3 on */
#define KLAB_FILE_CACHE		0x4	/* the caller may know what is in memory */

/**
 * struct klab_file_stat - an open file of the caller: advice, read-ahead, page cache
 * @fd: in: a descriptor
 * @flags: in: zero
 * @start: in: pages of the file to pass over
 * @pages: in: pages to look at behind them; 0 is all
 * @size: out: bytes of the file
 * @state: out: KLAB_FILE_* bits
 * @ahead_pages: out: pages of the last read-ahead
 * @ahead_start: out: pages of the file before its first
 * @ahead_async: out: pages of it that were left when the next was begun
 * @ahead_most: out: the most pages of one; POSIX_FADV_SEQUENTIAL doubles it
 * @device_most: out: the same for the file's device, as it is set up
 * @map_misses: out: times of late that a mapping found a page missing
 * @read_last: out: where in the file read(2) last ended; negative: it has not yet
 * @cached: out: pages in memory; this and the next two of those looked at
 * @dirty: out: pages of them to be written
 * @writeback: out: pages of them being written
 * @runs: struct klab_file_run, one for each run of pages in memory
 *
 * On the device.
 *
 * Whoever may neither write to the file nor owns it does not learn what is in memory,
 * as with mincore(2) and cachestat(2): then KLAB_FILE_CACHE is missing, and all of
 * that is zero.
 *
 * Try: fd=0
 *
 * EINVAL: flags, start and pages too large, runs.size. EBADF: no descriptor, or one
 * that was opened with O_PATH. EOPNOTSUPP: hugetlbfs, or memory that a file system
 * gives out directly. EINTR: the caller was killed.
 */
struct klab_file_stat {
	__s32 fd;
	__u32 flags;
	__u64 start;
	__u64 pages;
	__u64 size;
	__u32 state;
	__u32 ahead_pages;
	__u64 ahead_start;
	__u32 ahead_async;
	__u32 ahead_most;
	__u32 device_most;
	__u32 map_misses;
	__s64 read_last;
	__u64 cached;
	__u64 dirty;
	__u64 writeback;
	struct klab_array runs;
};

#define KLAB_IOC_FILE_STAT	_IOWR(KLAB_IOC_MAGIC, 0x50, struct klab_file_stat)

/*
 * Recording. A recorder is a stream of events: how the threads of a process came
 * into the kernel, and what came of it. It is made on a task handle, and is a
 * descriptor of its own: read, poll, mmap.
 *
 * Every processor writes a ring of its own, without a lock. So the events of one
 * processor are in order, and those of several are to be merged by their time. When
 * a ring is full, an event is dropped and counted: the next one's sequence number
 * tells how many are missing before it.
 */

/**
 * struct klab_recorded - what every event begins with
 * @time: when, in ns
 * @sequence: events that this processor had made before, those that were dropped
 *            included
 * @pid: of the recorded process, in the pid namespace of whoever made the recorder;
 *       0 if it is not visible there
 * @tid: of the recorded thread, likewise
 * @cpu: the processor, and so the ring
 * @kind: KLAB_EVENT_*; it says what follows
 * @flags: KLAB_EVENT_WAS_*
 * @length: of header and body, in bytes, a multiple of 8
 *
 * A body may grow at its end, and kinds may be added: go by @length.
 */
struct klab_recorded {
	__u64 time;
	__u64 sequence;
	__s32 pid;
	__s32 tid;
	__u32 cpu;
	__u8 kind;
	__u8 flags;
	__u16 length;
};

#define KLAB_EVENT_LENGTH_MAX	128

/*
 * How the last page fault of this thread that is an event here ended, told by the
 * first event after its end. With neither, it did not end in a page: a signal followed,
 * or the kernel got an error; or an event in between was dropped.
 */
#define KLAB_EVENT_WAS_MINOR	0x1	/* the page was in memory, or made on the spot */
#define KLAB_EVENT_WAS_MAJOR	0x2	/* it took I/O */

/* Kinds of event, and after each the struct that is its body. */
#define KLAB_EVENT_ENTER	0	/* klab_event_enter */
#define KLAB_EVENT_LEAVE	1	/* klab_event_leave */
#define KLAB_EVENT_FAULT	2	/* klab_event_fault */
#define KLAB_EVENT_TRAP		3	/* klab_event_trap */
#define KLAB_EVENT_SIGNAL	4	/* klab_event_signal */
#define KLAB_EVENT_DELIVER	5	/* klab_event_deliver */
#define KLAB_EVENT_FORK		6	/* klab_event_fork */
#define KLAB_EVENT_EXEC		7	/* klab_event_exec */
#define KLAB_EVENT_EXIT		8	/* klab_event_exit */
#define KLAB_EVENT_OUT		9	/* klab_event_switch */
#define KLAB_EVENT_IN		10	/* klab_event_switch */

/* What to record: bits of klab_recorder_create.kinds. */
#define KLAB_RECORD_SYSCALLS	0x003	/* ENTER, LEAVE */
#define KLAB_RECORD_FAULTS	0x004	/* FAULT */
#define KLAB_RECORD_TRAPS	0x008	/* TRAP */
#define KLAB_RECORD_SIGNALS	0x030	/* SIGNAL, DELIVER */
#define KLAB_RECORD_TASKS	0x1c0	/* FORK, EXEC, EXIT */
#define KLAB_RECORD_SWITCHES	0x600	/* OUT, IN */
#define KLAB_RECORD_ALL		0x7ff

#define KLAB_EVENT_COMPAT	0x1	/* a 32-bit call, with its own numbers */

/**
 * struct klab_event_enter - a system call begins
 * @number: of the call
 * @flags: KLAB_EVENT_COMPAT or zero
 * @args: as the caller's registers have them, be they used or not
 */
struct klab_event_enter {
	__s32 number;
	__u32 flags;
	__u64 args[6];
};

/**
 * struct klab_event_leave - a system call ends
 * @number: of the call; -1 when it has replaced all registers (rt_sigreturn)
 * @flags: KLAB_EVENT_COMPAT or zero
 * @result: what it returns, a negative errno when it failed. Those above 511 are the
 *          kernel's own: the call will be restarted, or a handler sees EINTR
 */
struct klab_event_leave {
	__s32 number;
	__u32 flags;
	__s64 result;
};

#define KLAB_FAULT_PROTECTION	0x01	/* there is a page, but not for this; else: none */
#define KLAB_FAULT_WRITE	0x02	/* a write; else: a read */
#define KLAB_FAULT_USER		0x04	/* by the program; else: by the kernel for it */
#define KLAB_FAULT_RESERVED	0x08	/* a reserved bit in a table */
#define KLAB_FAULT_FETCH	0x10	/* of an instruction */
#define KLAB_FAULT_KEY		0x20	/* a protection key forbids it */

/**
 * struct klab_event_fault - a page fault begins
 * @address: that was touched
 * @ip: the program's instruction; 0 for one of the kernel
 * @error: the processor's error bits, KLAB_FAULT_* and others
 *
 * Of the faults in the kernel only those on a program's memory are recorded, and none
 * that was met in an NMI. KLAB_EVENT_WAS_* of a later event says how it ended.
 */
struct klab_event_fault {
	__u64 address;
	__u64 ip;
	__u64 error;
};

/**
 * struct klab_event_trap - another exception or trap of the program
 * @vector: the processor's number of it: 0 is a divide error, 3 a breakpoint, ...
 * @reserved: zero
 * @error: the processor's error code; of a debug exception (1) what DR6 says, with
 *         0x4000 for a single step
 * @ip: the program's instruction, or the one after it: what the processor saved
 *
 * Of some (general protection is one) the kernel tells nobody; they are known by the
 * signal that they cause, and stand right before it.
 */
struct klab_event_trap {
	__u32 vector;
	__u32 reserved;
	__u64 error;
	__u64 ip;
};

#define KLAB_SIGNAL_QUEUED	0	/* it will be delivered */
#define KLAB_SIGNAL_IGNORED	1	/* nobody wants it */
#define KLAB_SIGNAL_PENDING	2	/* one like it waits already */
#define KLAB_SIGNAL_OVERFLOW	3	/* lost: RLIMIT_SIGPENDING */
#define KLAB_SIGNAL_BARE	4	/* queued, but without what belongs to it */

#define KLAB_EVENT_GROUP	0x1	/* for the process, not for this thread */

/**
 * struct klab_event_signal - a signal for this thread, or its process, is generated
 * @signal: its number
 * @code: si_code
 * @pid: of the sender, in the same namespace as klab_recorded.pid; 0 for the kernel
 * @tid: of the sending thread, likewise
 * @outcome: KLAB_SIGNAL_QUEUED to _BARE
 * @flags: KLAB_EVENT_GROUP or zero
 */
struct klab_event_signal {
	__s32 signal;
	__s32 code;
	__s32 pid;
	__s32 tid;
	__u32 outcome;
	__u32 flags;
};

/**
 * struct klab_event_deliver - a signal is delivered to this thread
 * @signal: its number
 * @code: si_code
 * @handler: the program's handler; 0 (SIG_DFL) for what the kernel does by default
 *
 * When a signal ends a process without a core dump, each of its threads gets SIGKILL
 * (SI_KERNEL) in its place.
 */
struct klab_event_deliver {
	__s32 signal;
	__s32 code;
	__u64 handler;
};

#define KLAB_EVENT_THREAD	0x1	/* a thread of the same process */
#define KLAB_EVENT_RECORDED	0x2	/* it is recorded as well */

/**
 * struct klab_event_fork - this thread made another task
 * @pid: of the new one, as klab_recorded.pid
 * @tid: likewise
 * @flags: KLAB_EVENT_THREAD, KLAB_EVENT_RECORDED
 * @reserved: zero
 */
struct klab_event_fork {
	__s32 pid;
	__s32 tid;
	__u32 flags;
	__u32 reserved;
};

#define KLAB_EVENT_PRIVILEGED	0x1	/* see below */

/**
 * struct klab_event_exec - this thread runs another program
 * @old_tid: the thread's id before; it has taken that of its process
 * @flags: KLAB_EVENT_PRIVILEGED or zero
 * @path: of the program as it was asked for, cut off where it is too long; ends in NUL
 *
 * With KLAB_EVENT_PRIVILEGED the program has gained what whoever made the recorder
 * has not (it is set-user-ID, has capabilities, or may not be read): recording this
 * thread ends here.
 */
struct klab_event_exec {
	__s32 old_tid;
	__u32 flags;
	char path[80];
};

/**
 * struct klab_event_exit - this thread ends
 * @status: as wait(2) would see it
 * @reserved: zero
 * @minor: page faults without I/O that this thread ever had, by the kernel's count
 * @major: page faults with I/O, likewise
 * @runtime: ns that it ran, likewise
 */
struct klab_event_exit {
	__s32 status;
	__u32 reserved;
	__u64 minor;
	__u64 major;
	__u64 runtime;
};

#define KLAB_SWITCH_PREEMPTED	0	/* it could go on, but another comes first */
#define KLAB_SWITCH_SLEEPS	1	/* until an event or a signal */
#define KLAB_SWITCH_WAITS	2	/* until an event, whatever is signalled */
#define KLAB_SWITCH_STOPPED	3	/* by a signal or a tracer */
#define KLAB_SWITCH_OTHER	4

/**
 * struct klab_event_switch - this thread leaves or gets a processor
 * @reason: KLAB_SWITCH_* why it leaves; zero when it gets one
 * @reserved: zero
 */
struct klab_event_switch {
	__u32 reason;
	__u32 reserved;
};

#define KLAB_RECORD_THREADS	0x1	/* all threads of the process, also later ones */
#define KLAB_RECORD_CHILDREN	0x2	/* processes that recorded threads make */

#define KLAB_RECORDER_BYTES_MIN	4096
#define KLAB_RECORDER_BYTES_LIMIT (64 << 20)	/* all rings together */
#define KLAB_RECORDER_THREADS_LIMIT 4096

/**
 * struct klab_recorder_create - record what a process does
 * @kinds: in: what to record, KLAB_RECORD_SYSCALLS, KLAB_RECORD_FAULTS,
 *         KLAB_RECORD_TRAPS, KLAB_RECORD_SIGNALS, KLAB_RECORD_TASKS and
 *         KLAB_RECORD_SWITCHES bits, or single ones of them
 * @flags: in: KLAB_RECORD_THREADS and KLAB_RECORD_CHILDREN bits, or zero
 * @bytes: in: bytes of each ring, KLAB_RECORDER_BYTES_MIN at least; rounded up to a
 *         power of two, and to a page. All rings together: KLAB_RECORDER_BYTES_LIMIT
 * @wakeup: in: bytes in one ring that wake a reader, 1 to @bytes
 * @threads: in: the most threads that are recorded at a time, up to
 *           KLAB_RECORDER_THREADS_LIMIT; further ones are counted
 * @reserved: zero
 *
 * On a task.
 *
 * Try: --on TASK_OPEN:pid=SELF kinds=TASKS bytes=4096 wakeup=1 threads=1
 *
 * Returns a descriptor of a recorder, O_CLOEXEC: whoever has it may read what is
 * recorded. Recording begins at once and ends with the last thread, with
 * KLAB_IOC_RECORDER_STOP, or when the last copy of the descriptor is closed; the
 * threads notice nothing. The task that it was made on may be closed.
 *
 * read(2) gives whole events, as many as fit: those of one ring, then those of the
 * next. read(2) and poll(2) wait until a ring holds @wakeup bytes, or recording has
 * ended; O_NONBLOCK reads what there is. After the end, and the last event, read(2)
 * gives 0, and poll(2) reports EPOLLHUP. A read that no event fits in is refused with
 * EINVAL, one from a ring that was written over in its mapping with EIO.
 *
 * The permission is that of the task handle. It is asked for again when a recorded
 * thread runs a new program: see struct klab_event_exec.
 *
 * Memory is charged to the memory cgroup of the caller.
 *
 * EINVAL: kinds, flags, bytes, wakeup, threads. EOPNOTSUPP: kinds without their
 * KLAB_FEATURE_*. ESRCH: the process has ended, or the task handle does not answer
 * any more. EINTR: killed meanwhile. EMFILE, ENFILE, ENOMEM.
 */
struct klab_recorder_create {
	__u32 kinds;
	__u32 flags;
	__u64 bytes;
	__u64 wakeup;
	__u32 threads;
	__u32 reserved;
};

#define KLAB_IOC_RECORDER_CREATE _IOW(KLAB_IOC_MAGIC, 0x58, struct klab_recorder_create)

/**
 * struct klab_recorder_stat - a recorder's numbers
 * @made: out: events that there were; as many have been written or dropped
 * @dropped: out: those for which there was no room
 * @bytes: out: of each ring
 * @rings: out: how many there are; a processor's number is that of its ring
 * @threads: out: that are recorded now; 0 when recording has ended
 * @missed: out: threads that were not recorded, as there were too many
 *
 * On a recorder.
 *
 * Try: --on TASK_OPEN:pid=SELF/RECORDER_CREATE:kinds=TASKS,bytes=4096,wakeup=1,threads=1
 *
 * The sums are exact once recording has ended.
 */
struct klab_recorder_stat {
	__u64 made;
	__u64 dropped;
	__u64 bytes;
	__u32 rings;
	__u32 threads;
	__u64 missed;
};

#define KLAB_IOC_RECORDER_STAT	_IOR(KLAB_IOC_MAGIC, 0x59, struct klab_recorder_stat)

/**
 * struct klab_recorder_stop - end a recording
 * @flags: in: zero
 * @reserved: zero
 *
 * On a recorder.
 *
 * Try: --on TASK_OPEN:pid=SELF/RECORDER_CREATE:kinds=TASKS,bytes=4096,wakeup=1,threads=1
 *
 * Nothing is recorded after it has returned; what there is can still be read.
 *
 * EINVAL: flags.
 */
struct klab_recorder_stop {
	__u32 flags;
	__u32 reserved;
};

#define KLAB_IOC_RECORDER_STOP	_IOW(KLAB_IOC_MAGIC, 0x5a, struct klab_recorder_stop)

/**
 * struct klab_recorder_map - the first page of a mapped ring
 * @bytes: in the ring, for information
 * @made: events that there were, likewise
 * @dropped: those for which there was no room, likewise
 * @reserved0: zero
 * @written: bytes that were ever written; moved by the kernel
 * @reserved1: zero
 * @read: bytes that were ever read; moved by the reader
 * @reserved2: zero
 *
 * A recorder may be mapped, MAP_SHARED, from offset 0 on. For each ring, one after
 * the other: a page with this struct, the ring, and the ring once more, so that an
 * event that wraps around lies in a row. Byte number n is at n % bytes of the ring. To
 * read:
 *
 *	end = load_acquire(written)
 *	take the events from byte number read up to end
 *	store_release(read, end)
 *
 * With nothing to do, poll(2). The kernel believes nothing that a reader writes here;
 * an index that makes no sense spoils this recording and nothing else.
 */
struct klab_recorder_map {
	__u64 bytes;
	__u64 made;
	__u64 dropped;
	__u64 reserved0[5];
	__u64 written;
	__u64 reserved1[7];
	__u64 read;
	__u64 reserved2[7];
};

#define KLAB_SYMBOL_LENGTH	56

/**
 * struct klab_cpu_door - where the processor goes when it comes into the kernel
 * @address: out: of the code; 0 unless the caller has CAP_SYSLOG, or there is none
 * @symbol: out: the kernel's name of it, cut off where it is too long; ends in NUL
 */
struct klab_cpu_door {
	__u64 address;
	char symbol[KLAB_SYMBOL_LENGTH];
};

#define KLAB_GATE_TASK		0x5
#define KLAB_GATE_INTERRUPT	0xe	/* interrupts are off behind it */
#define KLAB_GATE_TRAP		0xf	/* they stay as they were */

/**
 * struct klab_cpu_gate - one entry of the interrupt descriptor table
 * @vector: out: its number
 * @type: out: KLAB_GATE_TASK, KLAB_GATE_INTERRUPT or KLAB_GATE_TRAP
 * @present: out: 1 if it leads anywhere
 * @privilege: out: the level from which a program may come this way by an INT
 *             instruction: 3 any program, 0 the kernel alone
 * @stack: out: number of the extra stack that it switches to, 1 to 7; 0 for none
 * @selector: out: the code segment
 * @reserved: out: zero
 * @handler: out: where it leads
 */
struct klab_cpu_gate {
	__u32 vector;
	__u8 type;
	__u8 present;
	__u8 privilege;
	__u8 stack;
	__u32 selector;
	__u32 reserved;
	struct klab_cpu_door handler;
};

#define KLAB_CPU_WP	_BITULL(0)	/* the kernel keeps to read-only pages too */
#define KLAB_CPU_NX	_BITULL(1)	/* pages that hold no code */
#define KLAB_CPU_SMEP	_BITULL(2)	/* the kernel runs no code of a program's pages */
#define KLAB_CPU_SMAP	_BITULL(3)	/* nor touches them by mistake */
#define KLAB_CPU_UMIP	_BITULL(4)	/* programs cannot read where the tables are */
#define KLAB_CPU_PKU	_BITULL(5)	/* protection keys for a program's pages */
#define KLAB_CPU_CET	_BITULL(6)	/* shadow stacks, branch targets */
#define KLAB_CPU_PTI	_BITULL(7)	/* programs run without the kernel's page tables */
#define KLAB_CPU_LA57	_BITULL(8)	/* five levels of page tables */
#define KLAB_CPU_FRED	_BITULL(9)	/* events do not go by the table below */

/**
 * struct klab_cpu - the doors of one processor into the kernel
 * @cpu: in: its number
 * @level: out: the privilege level of the code that read this: 0 is the kernel
 * @caller_level: out: that of the program that asked
 * @reserved: zero
 * @present: out: KLAB_CPU_* bits that the processor has, or the kernel where it is
 *           the kernel's
 * @active: out: KLAB_CPU_* bits that are switched on
 * @cr0: out: control register 0
 * @cr4: out: control register 4
 * @efer: out: the extended feature enable register
 * @syscall: out: where the SYSCALL instruction leads
 * @syscall32: out: where it leads from a 32-bit program, if the processor does that
 * @sysenter: out: where the SYSENTER instruction leads
 * @gates: struct klab_cpu_gate, one for each entry of the table
 *
 * On the device.
 *
 * Try: cpu=0
 *
 * Symbols are for everyone, addresses for callers with CAP_SYSLOG.
 *
 * EINVAL: cpu, which is to be online; gates.size. EOPNOTSUPP: not an x86-64 kernel.
 */
struct klab_cpu {
	__u32 cpu;
	__u32 level;
	__u32 caller_level;
	__u32 reserved;
	__u64 present;
	__u64 active;
	__u64 cr0;
	__u64 cr4;
	__u64 efer;
	struct klab_cpu_door syscall;
	struct klab_cpu_door syscall32;
	struct klab_cpu_door sysenter;
	struct klab_array gates;
};

#define KLAB_IOC_CPU		_IOWR(KLAB_IOC_MAGIC, 0x5b, struct klab_cpu)

#endif /* _UAPI_LINUX_KLAB_H */
