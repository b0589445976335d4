// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frozen part of the contract: every number of it written out, so that a
 * change of the header that would break a program which exists turns this red.
 * A 32-bit program reads the very same numbers.
 */
#include <stddef.h>

#include "klab_test.h"

#define FIELD(type, field, at, length) do {				\
	EXPECT_EQ(at, offsetof(struct type, field))			\
		TH_LOG("offset of " #type "." #field);			\
	EXPECT_EQ(length, sizeof(((struct type *)0)->field))		\
		TH_LOG("size of " #type "." #field);			\
} while (0)

TEST(command_numbers)
{
	EXPECT_EQ(0x8048bb00, KLAB_IOC_INFO);
	EXPECT_EQ(0x4010bb08, KLAB_IOC_CHANNEL_CREATE);
	EXPECT_EQ(0x8058bb09, KLAB_IOC_CHANNEL_STAT);
	EXPECT_EQ(0xc008bb0a, KLAB_IOC_CHANNEL_RESIZE);
	EXPECT_EQ(0x4008bb0b, KLAB_IOC_CHANNEL_END);
	EXPECT_EQ(0x4010bb0c, KLAB_IOC_CHANNEL_WAIT);
	EXPECT_EQ(0x4008bb0d, KLAB_IOC_CHANNEL_WAKE);
	EXPECT_EQ(0xc0a8bb10, KLAB_IOC_PAGES_ALLOC);
	EXPECT_EQ(0xc070bb11, KLAB_IOC_PAGES_FREE);
	EXPECT_EQ(0xc010bb12, KLAB_IOC_PAGES_ZONES);
	EXPECT_EQ(0xc088bb13, KLAB_IOC_PAGES_BOOKS);
	EXPECT_EQ(0xc020bb14, KLAB_IOC_PAGES_LIST);
	EXPECT_EQ(0xc020bb20, KLAB_IOC_SIGNAL_SEND);
	EXPECT_EQ(0xc020bb28, KLAB_IOC_EVENTFD_FIRE);
	EXPECT_EQ(0x4008bb29, KLAB_IOC_ERROR);
	EXPECT_EQ(0xc018bb30, KLAB_IOC_NOTIFIER_CREATE);
	EXPECT_EQ(0xc040bb31, KLAB_IOC_NOTIFY_SET);
	EXPECT_EQ(0xc088bb32, KLAB_IOC_NOTIFY_QUERY);
	EXPECT_EQ(0xc010bb33, KLAB_IOC_NOTIFY_LIST);
	EXPECT_EQ(0xc010bb34, KLAB_IOC_NOTIFY_CANCEL);
	EXPECT_EQ(0xc020bb35, KLAB_IOC_NOTIFY_FIRE);
	EXPECT_EQ(0xc020bb36, KLAB_IOC_NOTIFY_WAIT);
	EXPECT_EQ(0x4008bb40, KLAB_IOC_TASK_OPEN);
	EXPECT_EQ(0x80e8bb41, KLAB_IOC_TASK_WHO);
	EXPECT_EQ(0xc018bb42, KLAB_IOC_TASK_COMPARE);
	EXPECT_EQ(0x80d8bb43, KLAB_IOC_TASK_SPACE);
	EXPECT_EQ(0xc030bb44, KLAB_IOC_TASK_AREAS);
	EXPECT_EQ(0xc140bb45, KLAB_IOC_TASK_PAGES);
	EXPECT_EQ(0xc0b0bb46, KLAB_IOC_TASK_WALK);
	EXPECT_EQ(0xc070bb50, KLAB_IOC_FILE_STAT);
	EXPECT_EQ(0x4020bb58, KLAB_IOC_RECORDER_CREATE);
	EXPECT_EQ(0x8028bb59, KLAB_IOC_RECORDER_STAT);
	EXPECT_EQ(0x4008bb5a, KLAB_IOC_RECORDER_STOP);
	EXPECT_EQ(0xc108bb5b, KLAB_IOC_CPU);
}

TEST(constants)
{
	EXPECT_EQ(1, KLAB_VERSION);
	EXPECT_EQ(0xbb, KLAB_IOC_MAGIC);
	EXPECT_EQ(1, KLAB_FEATURE_PAGES);
	EXPECT_EQ(2, KLAB_FEATURE_SIGNAL);
	EXPECT_EQ(4, KLAB_FEATURE_EVENTFD);
	EXPECT_EQ(8, KLAB_FEATURE_COMPAT);
	EXPECT_EQ(16, KLAB_FEATURE_NUMA);
	EXPECT_EQ(32, KLAB_FEATURE_CHANNEL);
	EXPECT_EQ(64, KLAB_FEATURE_MAP);
	EXPECT_EQ(128, KLAB_FEATURE_TYPES);
	EXPECT_EQ(4096, KLAB_FEATURE_NOTIFY);
	EXPECT_EQ(8192, KLAB_FEATURE_ERROR);
	EXPECT_EQ(67108864, KLAB_CHANNEL_CAPACITY_LIMIT);
	EXPECT_EQ(1, KLAB_CHANNEL_ENDED);
	EXPECT_EQ(2, KLAB_CHANNEL_SHARED);
	EXPECT_EQ(4, KLAB_CHANNEL_MAPPABLE);
	EXPECT_EQ(0, KLAB_CHANNEL_WRITERS);
	EXPECT_EQ(1, KLAB_CHANNEL_READERS);
	EXPECT_EQ(-1, KLAB_NODE_ANY);
	EXPECT_EQ(1, KLAB_PAGES_HOLD);
	EXPECT_EQ(2, KLAB_PAGES_PARTIAL);
	EXPECT_EQ(4, KLAB_PAGES_RETURN);
	EXPECT_EQ(8, KLAB_PAGES_ATOMIC);
	EXPECT_EQ(16, KLAB_PAGES_RETRY_HARD);
	EXPECT_EQ(32, KLAB_PAGES_HIGH);
	EXPECT_EQ(64, KLAB_PAGES_MOVABLE);
	EXPECT_EQ(128, KLAB_PAGES_ZEROED);
	EXPECT_EQ(256, KLAB_PAGES_COMPOUND);
	EXPECT_EQ(512, KLAB_PAGES_BULK);
	EXPECT_EQ(1024, KLAB_PAGES_BARE);
	EXPECT_EQ(64, KLAB_BULK_BLOCKS);
	EXPECT_EQ(0, KLAB_SHORT_NOT);
	EXPECT_EQ(1, KLAB_SHORT_NO_BLOCK);
	EXPECT_EQ(2, KLAB_SHORT_CGROUP);
	EXPECT_EQ(3, KLAB_SHORT_MACHINE);
	EXPECT_EQ(0, KLAB_TYPE_UNMOVABLE);
	EXPECT_EQ(1, KLAB_TYPE_MOVABLE);
	EXPECT_EQ(2, KLAB_TYPE_RECLAIMABLE);
	EXPECT_EQ(3, KLAB_TYPE_HIGHATOMIC);
	EXPECT_EQ(4, KLAB_TYPE_CMA);
	EXPECT_EQ(5, KLAB_TYPE_ISOLATE);
	EXPECT_EQ(8, KLAB_TYPES);
	EXPECT_EQ(1024, KLAB_LIST_BLOCKS_MAX);
	EXPECT_EQ(32, KLAB_BUCKETS);
	EXPECT_EQ(16, KLAB_ORDERS);
	EXPECT_EQ(1, KLAB_SIGNAL_VALUE);
	EXPECT_EQ(1, KLAB_WAY_RECORD);
	EXPECT_EQ(2, KLAB_WAY_EVENTFD);
	EXPECT_EQ(3, KLAB_WAY_SIGNAL);
	EXPECT_EQ(4, KLAB_WAY_SYSFS);
	EXPECT_EQ(0, KLAB_TRIGGER_CALL);
	EXPECT_EQ(1, KLAB_TRIGGER_TIMER);
	EXPECT_EQ(2, KLAB_TRIGGER_DATA);
	EXPECT_EQ(3, KLAB_TRIGGER_SPACE);
	EXPECT_EQ(4, KLAB_TRIGGER_PAGES);
	EXPECT_EQ(1, KLAB_NOTIFY_ABSOLUTE);
	EXPECT_EQ(32, KLAB_LATENESS_BUCKETS);
	EXPECT_EQ(0x10000, KLAB_FEATURE_TASK);
	EXPECT_EQ(1, KLAB_TASK_EXITING);
	EXPECT_EQ(2, KLAB_TASK_FORKED_NO_EXEC);
	EXPECT_EQ(4, KLAB_TASK_USED_PRIVILEGE);
	EXPECT_EQ(8, KLAB_TASK_DUMPED_CORE);
	EXPECT_EQ(0x10, KLAB_TASK_KILLED);
	EXPECT_EQ(0x20, KLAB_TASK_KERNEL);
	EXPECT_EQ(0x40, KLAB_TASK_RANDOMIZED);
	EXPECT_EQ(0x80, KLAB_TASK_FREES_MEMORY);
	EXPECT_EQ(0x100, KLAB_TASK_NO_NEW_PRIVS);
	EXPECT_EQ(0x200, KLAB_TASK_DUMPABLE);
	EXPECT_EQ(0x400, KLAB_TASK_MEMORY);
	EXPECT_EQ(0x20000, KLAB_FEATURE_TASK_PAGES);
	EXPECT_EQ(0x40000, KLAB_FEATURE_TASK_WALK);
	EXPECT_EQ(0x80000, KLAB_FEATURE_FILE);
	EXPECT_EQ(0x1, KLAB_SAME_MEMORY);
	EXPECT_EQ(0x2, KLAB_SAME_FILES);
	EXPECT_EQ(0x4, KLAB_SAME_FS);
	EXPECT_EQ(0x8, KLAB_SAME_HANDLERS);
	EXPECT_EQ(0x10, KLAB_SAME_PROCESS);
	EXPECT_EQ(0x20, KLAB_SAME_IO);
	EXPECT_EQ(0x40, KLAB_SAME_UNDO);
	EXPECT_EQ(0x80, KLAB_SAME_CREDENTIALS);
	EXPECT_EQ(0x100, KLAB_SAME_UTS_NS);
	EXPECT_EQ(0x200, KLAB_SAME_IPC_NS);
	EXPECT_EQ(0x400, KLAB_SAME_MOUNT_NS);
	EXPECT_EQ(0x800, KLAB_SAME_PID_NS);
	EXPECT_EQ(0x1000, KLAB_SAME_CHILD_PID_NS);
	EXPECT_EQ(0x2000, KLAB_SAME_NET_NS);
	EXPECT_EQ(0x4000, KLAB_SAME_CGROUP_NS);
	EXPECT_EQ(0x8000, KLAB_SAME_TIME_NS);
	EXPECT_EQ(0x10000, KLAB_SAME_USER_NS);
	EXPECT_EQ(0x1, KLAB_AREA_READ);
	EXPECT_EQ(0x2, KLAB_AREA_WRITE);
	EXPECT_EQ(0x4, KLAB_AREA_EXEC);
	EXPECT_EQ(0x8, KLAB_AREA_SHARED);
	EXPECT_EQ(0x10, KLAB_AREA_MAY_READ);
	EXPECT_EQ(0x20, KLAB_AREA_MAY_WRITE);
	EXPECT_EQ(0x40, KLAB_AREA_MAY_EXEC);
	EXPECT_EQ(0x80, KLAB_AREA_MAY_SHARE);
	EXPECT_EQ(0x100, KLAB_AREA_GROWS_DOWN);
	EXPECT_EQ(0x200, KLAB_AREA_LOCKED);
	EXPECT_EQ(0x400, KLAB_AREA_LOCK_ON_FAULT);
	EXPECT_EQ(0x800, KLAB_AREA_SEQUENTIAL);
	EXPECT_EQ(0x1000, KLAB_AREA_RANDOM);
	EXPECT_EQ(0x2000, KLAB_AREA_DONT_FORK);
	EXPECT_EQ(0x4000, KLAB_AREA_WIPE_ON_FORK);
	EXPECT_EQ(0x8000, KLAB_AREA_DONT_DUMP);
	EXPECT_EQ(0x10000, KLAB_AREA_DONT_EXPAND);
	EXPECT_EQ(0x20000, KLAB_AREA_ACCOUNTED);
	EXPECT_EQ(0x40000, KLAB_AREA_NO_RESERVE);
	EXPECT_EQ(0x80000, KLAB_AREA_HUGE);
	EXPECT_EQ(0x100000, KLAB_AREA_NO_HUGE);
	EXPECT_EQ(0x200000, KLAB_AREA_HUGETLB);
	EXPECT_EQ(0x400000, KLAB_AREA_MERGEABLE);
	EXPECT_EQ(0x800000, KLAB_AREA_SOFT_DIRTY);
	EXPECT_EQ(0x1000000, KLAB_AREA_IO);
	EXPECT_EQ(0x2000000, KLAB_AREA_FRAMES_ONLY);
	EXPECT_EQ(0x4000000, KLAB_AREA_FRAMES_TOO);
	EXPECT_EQ(0x8000000, KLAB_AREA_SYNC);
	EXPECT_EQ(0x10000000, KLAB_AREA_USERFAULT_MISSING);
	EXPECT_EQ(0x20000000, KLAB_AREA_USERFAULT_WRITE);
	EXPECT_EQ(0x40000000, KLAB_AREA_USERFAULT_MINOR);
	EXPECT_EQ(0x1, KLAB_FRAMES);
	EXPECT_EQ(0x1, KLAB_PAGE_PRESENT);
	EXPECT_EQ(0x2, KLAB_PAGE_WRITABLE);
	EXPECT_EQ(0x4, KLAB_PAGE_NO_AREA);
	EXPECT_EQ(0x8, KLAB_PAGE_UNKNOWN);
	EXPECT_EQ(0x10, KLAB_PAGE_ANON);
	EXPECT_EQ(0x20, KLAB_PAGE_FILE);
	EXPECT_EQ(0x40, KLAB_PAGE_SHMEM);
	EXPECT_EQ(0x80, KLAB_PAGE_ZERO);
	EXPECT_EQ(0x100, KLAB_PAGE_SHARED);
	EXPECT_EQ(0x200, KLAB_PAGE_LARGE);
	EXPECT_EQ(0x400, KLAB_PAGE_HUGETLB);
	EXPECT_EQ(0x800, KLAB_PAGE_WITHHELD);
	EXPECT_EQ(0x1000, KLAB_PAGE_KSM);
	EXPECT_EQ(0x2000, KLAB_PAGE_EXCLUSIVE);
	EXPECT_EQ(0x4000, KLAB_PAGE_LAZY_FREE);
	EXPECT_EQ(0x8000, KLAB_PAGE_DIRTY);
	EXPECT_EQ(0x10000, KLAB_PAGE_REFERENCED);
	EXPECT_EQ(0x20000, KLAB_PAGE_LRU);
	EXPECT_EQ(0x40000, KLAB_PAGE_ACTIVE);
	EXPECT_EQ(0x80000, KLAB_PAGE_UNEVICTABLE);
	EXPECT_EQ(0x100000, KLAB_PAGE_MLOCKED);
	EXPECT_EQ(0x200000, KLAB_PAGE_WRITEBACK);
	EXPECT_EQ(0x400000, KLAB_PAGE_SWAP_CACHE);
	EXPECT_EQ(0x1, KLAB_ENTRY_PRESENT);
	EXPECT_EQ(0x2, KLAB_ENTRY_PAGE);
	EXPECT_EQ(0x4, KLAB_ENTRY_NOTE);
	EXPECT_EQ(0x8, KLAB_ENTRY_NO_ACCESS);
	EXPECT_EQ(0x10, KLAB_ENTRY_WRITABLE);
	EXPECT_EQ(0x20, KLAB_ENTRY_USER);
	EXPECT_EQ(0x40, KLAB_ENTRY_WRITE_THROUGH);
	EXPECT_EQ(0x80, KLAB_ENTRY_NO_CACHE);
	EXPECT_EQ(0x100, KLAB_ENTRY_ACCESSED);
	EXPECT_EQ(0x200, KLAB_ENTRY_DIRTY);
	EXPECT_EQ(0x400, KLAB_ENTRY_NO_EXEC);
	EXPECT_EQ(0x800, KLAB_ENTRY_SOFT_DIRTY);
	EXPECT_EQ(0x1000, KLAB_ENTRY_USERFAULT);
	EXPECT_EQ(0x1, KLAB_CACHE_DIRTY);
	EXPECT_EQ(0x2, KLAB_CACHE_WRITEBACK);
	EXPECT_EQ(0x4, KLAB_CACHE_READING);
	EXPECT_EQ(0x1, KLAB_FILE_RANDOM);
	EXPECT_EQ(0x2, KLAB_FILE_NO_REUSE);
	EXPECT_EQ(0x4, KLAB_FILE_CACHE);
}

TEST(struct_info)
{
	EXPECT_EQ(72, sizeof(struct klab_info));
	FIELD(klab_info, version, 0, 4);
	FIELD(klab_info, page_size, 4, 4);
	FIELD(klab_info, features, 8, 8);
	FIELD(klab_info, order_max, 16, 4);
	FIELD(klab_info, fire_max, 20, 4);
	FIELD(klab_info, pages_max, 24, 8);
	FIELD(klab_info, blocks_max, 32, 8);
	FIELD(klab_info, channel_capacity, 40, 8);
	FIELD(klab_info, channel_atomic, 48, 8);
	FIELD(klab_info, channel_capacity_max, 56, 8);
	FIELD(klab_info, pages_max_user, 64, 8);
}

TEST(struct_channel_create)
{
	EXPECT_EQ(16, sizeof(struct klab_channel_create));
	FIELD(klab_channel_create, capacity, 0, 8);
	FIELD(klab_channel_create, flags, 8, 4);
	FIELD(klab_channel_create, reserved, 12, 4);
}

TEST(struct_channel_stat)
{
	EXPECT_EQ(88, sizeof(struct klab_channel_stat));
	FIELD(klab_channel_stat, capacity, 0, 8);
	FIELD(klab_channel_stat, bytes, 8, 8);
	FIELD(klab_channel_stat, state, 16, 4);
	FIELD(klab_channel_stat, reserved, 20, 4);
	FIELD(klab_channel_stat, write, 24, 32);
	FIELD(klab_channel_stat, read, 56, 32);
	EXPECT_EQ(32, sizeof(struct klab_channel_side));
	FIELD(klab_channel_side, bytes, 0, 8);
	FIELD(klab_channel_side, calls, 8, 8);
	FIELD(klab_channel_side, sleeps, 16, 8);
	FIELD(klab_channel_side, wakeups, 24, 8);
}

TEST(struct_channel_requests)
{
	EXPECT_EQ(8, sizeof(struct klab_channel_resize));
	FIELD(klab_channel_resize, capacity, 0, 8);
	EXPECT_EQ(8, sizeof(struct klab_channel_end));
	FIELD(klab_channel_end, flags, 0, 4);
	FIELD(klab_channel_end, reserved, 4, 4);
	EXPECT_EQ(16, sizeof(struct klab_channel_wait));
	FIELD(klab_channel_wait, side, 0, 4);
	FIELD(klab_channel_wait, flags, 4, 4);
	FIELD(klab_channel_wait, bytes, 8, 8);
	EXPECT_EQ(8, sizeof(struct klab_channel_wake));
	FIELD(klab_channel_wake, side, 0, 4);
	FIELD(klab_channel_wake, flags, 4, 4);
}

/* Not of a command, but of the page that both sides map. */
TEST(struct_channel_map)
{
	EXPECT_EQ(192, sizeof(struct klab_channel_map));
	FIELD(klab_channel_map, capacity, 0, 8);
	FIELD(klab_channel_map, ended, 8, 4);
	FIELD(klab_channel_map, reserved0, 12, 52);
	FIELD(klab_channel_map, written, 64, 8);
	FIELD(klab_channel_map, writer_sleeps, 72, 4);
	FIELD(klab_channel_map, reserved1, 76, 52);
	FIELD(klab_channel_map, read, 128, 8);
	FIELD(klab_channel_map, reader_sleeps, 136, 4);
	FIELD(klab_channel_map, reserved2, 140, 52);
}

TEST(struct_pages_alloc)
{
	EXPECT_EQ(168, sizeof(struct klab_pages_alloc));
	FIELD(klab_pages_alloc, order, 0, 4);
	FIELD(klab_pages_alloc, flags, 4, 4);
	FIELD(klab_pages_alloc, count, 8, 8);
	FIELD(klab_pages_alloc, node, 16, 4);
	FIELD(klab_pages_alloc, handle, 20, 4);
	FIELD(klab_pages_alloc, obtained, 24, 8);
	FIELD(klab_pages_alloc, sources, 32, 16);
	FIELD(klab_pages_alloc, alloc, 48, 32);
	FIELD(klab_pages_alloc, free, 80, 32);
	FIELD(klab_pages_alloc, histogram, 112, 16);
	FIELD(klab_pages_alloc, clock_ns, 128, 8);
	FIELD(klab_pages_alloc, runs, 136, 8);
	FIELD(klab_pages_alloc, longest_run, 144, 8);
	FIELD(klab_pages_alloc, refills, 152, 8);
	FIELD(klab_pages_alloc, reason, 160, 4);
	FIELD(klab_pages_alloc, reserved, 164, 4);
}

TEST(struct_array)
{
	EXPECT_EQ(16, sizeof(struct klab_array));
	FIELD(klab_array, records, 0, 8);
	FIELD(klab_array, count, 8, 4);
	FIELD(klab_array, size, 12, 4);
}

TEST(struct_timing)
{
	EXPECT_EQ(32, sizeof(struct klab_timing));
	FIELD(klab_timing, count, 0, 8);
	FIELD(klab_timing, total_ns, 8, 8);
	FIELD(klab_timing, min_ns, 16, 8);
	FIELD(klab_timing, max_ns, 24, 8);
}

TEST(struct_pages_source)
{
	EXPECT_EQ(96, sizeof(struct klab_pages_source));
	FIELD(klab_pages_source, node, 0, 4);
	FIELD(klab_pages_source, zone, 4, 4);
	FIELD(klab_pages_source, name, 8, 16);
	FIELD(klab_pages_source, blocks, 24, 8);
	FIELD(klab_pages_source, types, 32, 64);
	EXPECT_EQ(16, sizeof(struct klab_bucket));
	FIELD(klab_bucket, allocs, 0, 8);
	FIELD(klab_bucket, frees, 8, 8);
}

TEST(struct_pages_free)
{
	EXPECT_EQ(112, sizeof(struct klab_pages_free));
	FIELD(klab_pages_free, handle, 0, 4);
	FIELD(klab_pages_free, flags, 4, 4);
	FIELD(klab_pages_free, order, 8, 4);
	FIELD(klab_pages_free, reserved, 12, 4);
	FIELD(klab_pages_free, count, 16, 8);
	FIELD(klab_pages_free, free, 24, 32);
	FIELD(klab_pages_free, first, 56, 8);
	FIELD(klab_pages_free, span, 64, 8);
	FIELD(klab_pages_free, stride, 72, 8);
	FIELD(klab_pages_free, left, 80, 8);
	FIELD(klab_pages_free, histogram, 88, 16);
	FIELD(klab_pages_free, clock_ns, 104, 8);
}

TEST(struct_pages_zones)
{
	EXPECT_EQ(16, sizeof(struct klab_pages_zones));
	FIELD(klab_pages_zones, zones, 0, 16);
}

TEST(struct_zone)
{
	EXPECT_EQ(216, sizeof(struct klab_zone));
	FIELD(klab_zone, node, 0, 4);
	FIELD(klab_zone, zone, 4, 4);
	FIELD(klab_zone, name, 8, 16);
	FIELD(klab_zone, present, 24, 8);
	FIELD(klab_zone, managed, 32, 8);
	FIELD(klab_zone, free, 40, 8);
	FIELD(klab_zone, watermark_min, 48, 8);
	FIELD(klab_zone, watermark_low, 56, 8);
	FIELD(klab_zone, watermark_high, 64, 8);
	FIELD(klab_zone, free_blocks, 72, 128);
	FIELD(klab_zone, per_cpu, 200, 8);
	FIELD(klab_zone, per_cpu_high, 208, 8);
}

TEST(struct_pages_books)
{
	EXPECT_EQ(136, sizeof(struct klab_pages_books));
	FIELD(klab_pages_books, flags, 0, 4);
	FIELD(klab_pages_books, reserved, 4, 4);
	FIELD(klab_pages_books, time_ns, 8, 8);
	FIELD(klab_pages_books, zones, 16, 16);
	FIELD(klab_pages_books, types, 32, 16);
	FIELD(klab_pages_books, cpus, 48, 16);
	FIELD(klab_pages_books, events, 64, 16);
	FIELD(klab_pages_books, total, 80, 8);
	FIELD(klab_pages_books, free, 88, 8);
	FIELD(klab_pages_books, available, 96, 8);
	FIELD(klab_pages_books, file, 104, 8);
	FIELD(klab_pages_books, anon, 112, 8);
	FIELD(klab_pages_books, slab, 120, 8);
	FIELD(klab_pages_books, slab_reclaimable, 128, 8);
}

TEST(structs_of_the_books)
{
	EXPECT_EQ(144, sizeof(struct klab_zone_type));
	FIELD(klab_zone_type, node, 0, 4);
	FIELD(klab_zone_type, zone, 4, 4);
	FIELD(klab_zone_type, type, 8, 4);
	FIELD(klab_zone_type, reserved, 12, 4);
	FIELD(klab_zone_type, free_blocks, 16, 128);
	EXPECT_EQ(32, sizeof(struct klab_zone_cpu));
	FIELD(klab_zone_cpu, node, 0, 4);
	FIELD(klab_zone_cpu, zone, 4, 4);
	FIELD(klab_zone_cpu, cpu, 8, 4);
	FIELD(klab_zone_cpu, batch, 12, 4);
	FIELD(klab_zone_cpu, count, 16, 8);
	FIELD(klab_zone_cpu, high, 24, 8);
	EXPECT_EQ(32, sizeof(struct klab_event));
	FIELD(klab_event, name, 0, 24);
	FIELD(klab_event, count, 24, 8);
}

TEST(struct_pages_list)
{
	EXPECT_EQ(32, sizeof(struct klab_pages_list));
	FIELD(klab_pages_list, batches, 0, 16);
	FIELD(klab_pages_list, pages, 16, 8);
	FIELD(klab_pages_list, pages_user, 24, 8);
	EXPECT_EQ(32, sizeof(struct klab_batch_info));
	FIELD(klab_batch_info, handle, 0, 4);
	FIELD(klab_batch_info, order, 4, 4);
	FIELD(klab_batch_info, flags, 8, 4);
	FIELD(klab_batch_info, maps, 12, 4);
	FIELD(klab_batch_info, count, 16, 8);
	FIELD(klab_batch_info, left, 24, 8);
}

TEST(struct_signal_send)
{
	EXPECT_EQ(32, sizeof(struct klab_signal_send));
	FIELD(klab_signal_send, pid, 0, 4);
	FIELD(klab_signal_send, signal, 4, 4);
	FIELD(klab_signal_send, flags, 8, 4);
	FIELD(klab_signal_send, reserved, 12, 4);
	FIELD(klab_signal_send, value, 16, 8);
	FIELD(klab_signal_send, sent_ns, 24, 8);
}

TEST(struct_eventfd_fire)
{
	EXPECT_EQ(32, sizeof(struct klab_eventfd_fire));
	FIELD(klab_eventfd_fire, fd, 0, 4);
	FIELD(klab_eventfd_fire, flags, 4, 4);
	FIELD(klab_eventfd_fire, count, 8, 4);
	FIELD(klab_eventfd_fire, reserved, 12, 4);
	FIELD(klab_eventfd_fire, first_ns, 16, 8);
	FIELD(klab_eventfd_fire, last_ns, 24, 8);
}

TEST(struct_error)
{
	EXPECT_EQ(8, sizeof(struct klab_error));
	FIELD(klab_error, error, 0, 4);
	FIELD(klab_error, signal, 4, 4);
}

TEST(struct_notifier_create)
{
	EXPECT_EQ(24, sizeof(struct klab_notifier_create));
	FIELD(klab_notifier_create, records, 0, 4);
	FIELD(klab_notifier_create, record_size, 4, 4);
	FIELD(klab_notifier_create, notifications_max, 8, 4);
	FIELD(klab_notifier_create, deliveries_max, 12, 4);
	FIELD(klab_notifier_create, interval_min_ns, 16, 8);
}

TEST(struct_record)
{
	EXPECT_EQ(48, sizeof(struct klab_record));
	FIELD(klab_record, sequence, 0, 8);
	FIELD(klab_record, time_ns, 8, 8);
	FIELD(klab_record, due_ns, 16, 8);
	FIELD(klab_record, value, 24, 8);
	FIELD(klab_record, missed, 32, 8);
	FIELD(klab_record, handle, 40, 4);
	FIELD(klab_record, reserved, 44, 4);
}

TEST(struct_delivery)
{
	EXPECT_EQ(56, sizeof(struct klab_delivery));
	FIELD(klab_delivery, way, 0, 4);
	FIELD(klab_delivery, target, 4, 4);
	FIELD(klab_delivery, signal, 8, 4);
	FIELD(klab_delivery, flags, 12, 4);
	FIELD(klab_delivery, delivered, 16, 8);
	FIELD(klab_delivery, refused, 24, 8);
	FIELD(klab_delivery, gone, 32, 8);
	FIELD(klab_delivery, full, 40, 8);
	FIELD(klab_delivery, coalesced, 48, 8);
}

TEST(struct_notify_set)
{
	EXPECT_EQ(64, sizeof(struct klab_notify_set));
	FIELD(klab_notify_set, handle, 0, 4);
	FIELD(klab_notify_set, trigger, 4, 4);
	FIELD(klab_notify_set, flags, 8, 4);
	FIELD(klab_notify_set, source, 12, 4);
	FIELD(klab_notify_set, value, 16, 8);
	FIELD(klab_notify_set, first_ns, 24, 8);
	FIELD(klab_notify_set, interval_ns, 32, 8);
	FIELD(klab_notify_set, count, 40, 8);
	FIELD(klab_notify_set, deliveries, 48, 16);
}

TEST(struct_lateness)
{
	EXPECT_EQ(8, sizeof(struct klab_lateness));
	FIELD(klab_lateness, firings, 0, 8);
}

TEST(struct_notify_query)
{
	EXPECT_EQ(136, sizeof(struct klab_notify_query));
	FIELD(klab_notify_query, handle, 0, 4);
	FIELD(klab_notify_query, trigger, 4, 4);
	FIELD(klab_notify_query, armed, 8, 4);
	FIELD(klab_notify_query, reserved, 12, 4);
	FIELD(klab_notify_query, value, 16, 8);
	FIELD(klab_notify_query, due_ns, 24, 8);
	FIELD(klab_notify_query, interval_ns, 32, 8);
	FIELD(klab_notify_query, left, 40, 8);
	FIELD(klab_notify_query, fired, 48, 8);
	FIELD(klab_notify_query, last_ns, 56, 8);
	FIELD(klab_notify_query, skipped, 64, 8);
	FIELD(klab_notify_query, lateness, 72, 32);
	FIELD(klab_notify_query, histogram, 104, 16);
	FIELD(klab_notify_query, deliveries, 120, 16);
}

TEST(struct_notify_entry)
{
	EXPECT_EQ(32, sizeof(struct klab_notify_entry));
	FIELD(klab_notify_entry, handle, 0, 4);
	FIELD(klab_notify_entry, trigger, 4, 4);
	FIELD(klab_notify_entry, armed, 8, 4);
	FIELD(klab_notify_entry, deliveries, 12, 4);
	FIELD(klab_notify_entry, value, 16, 8);
	FIELD(klab_notify_entry, fired, 24, 8);
}

TEST(struct_notify_list)
{
	EXPECT_EQ(16, sizeof(struct klab_notify_list));
	FIELD(klab_notify_list, entries, 0, 16);
}

TEST(struct_notify_cancel)
{
	EXPECT_EQ(16, sizeof(struct klab_notify_cancel));
	FIELD(klab_notify_cancel, handle, 0, 4);
	FIELD(klab_notify_cancel, flags, 4, 4);
	FIELD(klab_notify_cancel, fired, 8, 8);
}

TEST(struct_notify_fire)
{
	EXPECT_EQ(32, sizeof(struct klab_notify_fire));
	FIELD(klab_notify_fire, handle, 0, 4);
	FIELD(klab_notify_fire, count, 4, 4);
	FIELD(klab_notify_fire, sequence, 8, 8);
	FIELD(klab_notify_fire, first_ns, 16, 8);
	FIELD(klab_notify_fire, last_ns, 24, 8);
}

TEST(struct_notify_wait)
{
	EXPECT_EQ(32, sizeof(struct klab_notify_wait));
	FIELD(klab_notify_wait, handle, 0, 4);
	FIELD(klab_notify_wait, error, 4, 4);
	FIELD(klab_notify_wait, sequence, 8, 8);
	FIELD(klab_notify_wait, time_ns, 16, 8);
	FIELD(klab_notify_wait, value, 24, 8);
}

TEST(struct_task_open)
{
	EXPECT_EQ(8, sizeof(struct klab_task_open));
	FIELD(klab_task_open, pid, 0, 4);
	FIELD(klab_task_open, flags, 4, 4);
}

TEST(struct_task_who)
{
	EXPECT_EQ(232, sizeof(struct klab_task_who));
	FIELD(klab_task_who, pid, 0, 4);
	FIELD(klab_task_who, tid, 4, 4);
	FIELD(klab_task_who, parent, 8, 4);
	FIELD(klab_task_who, tracer, 12, 4);
	FIELD(klab_task_who, group, 16, 4);
	FIELD(klab_task_who, session, 20, 4);
	FIELD(klab_task_who, threads, 24, 4);
	FIELD(klab_task_who, flags, 28, 4);
	FIELD(klab_task_who, state, 32, 4);
	FIELD(klab_task_who, policy, 36, 4);
	FIELD(klab_task_who, nice, 40, 4);
	FIELD(klab_task_who, realtime_priority, 44, 4);
	FIELD(klab_task_who, uid, 48, 4);
	FIELD(klab_task_who, euid, 52, 4);
	FIELD(klab_task_who, suid, 56, 4);
	FIELD(klab_task_who, gid, 60, 4);
	FIELD(klab_task_who, egid, 64, 4);
	FIELD(klab_task_who, sgid, 68, 4);
	FIELD(klab_task_who, comm, 72, 16);
	FIELD(klab_task_who, started_ns, 88, 8);
	FIELD(klab_task_who, pending, 96, 8);
	FIELD(klab_task_who, pending_process, 104, 8);
	FIELD(klab_task_who, blocked, 112, 8);
	FIELD(klab_task_who, ignored, 120, 8);
	FIELD(klab_task_who, caught, 128, 8);
	FIELD(klab_task_who, thread, 136, 48);
	FIELD(klab_task_who, process, 184, 48);
	EXPECT_EQ(48, sizeof(struct klab_task_usage));
	FIELD(klab_task_usage, user_ns, 0, 8);
	FIELD(klab_task_usage, system_ns, 8, 8);
	FIELD(klab_task_usage, minor_faults, 16, 8);
	FIELD(klab_task_usage, major_faults, 24, 8);
	FIELD(klab_task_usage, voluntary_switches, 32, 8);
	FIELD(klab_task_usage, involuntary_switches, 40, 8);
}

TEST(struct_task_compare)
{
	EXPECT_EQ(24, sizeof(struct klab_task_compare));
	FIELD(klab_task_compare, other, 0, 4);
	FIELD(klab_task_compare, flags, 4, 4);
	FIELD(klab_task_compare, same, 8, 8);
	FIELD(klab_task_compare, different, 16, 8);
}

TEST(struct_task_space)
{
	EXPECT_EQ(216, sizeof(struct klab_task_space));
	FIELD(klab_task_space, code_start, 0, 8);
	FIELD(klab_task_space, code_end, 8, 8);
	FIELD(klab_task_space, data_start, 16, 8);
	FIELD(klab_task_space, data_end, 24, 8);
	FIELD(klab_task_space, brk_start, 32, 8);
	FIELD(klab_task_space, brk, 40, 8);
	FIELD(klab_task_space, stack_start, 48, 8);
	FIELD(klab_task_space, arguments_start, 56, 8);
	FIELD(klab_task_space, arguments_end, 64, 8);
	FIELD(klab_task_space, environment_start, 72, 8);
	FIELD(klab_task_space, environment_end, 80, 8);
	FIELD(klab_task_space, mmap_base, 88, 8);
	FIELD(klab_task_space, end, 96, 8);
	FIELD(klab_task_space, pages, 104, 8);
	FIELD(klab_task_space, pages_most, 112, 8);
	FIELD(klab_task_space, locked, 120, 8);
	FIELD(klab_task_space, pinned, 128, 8);
	FIELD(klab_task_space, data, 136, 8);
	FIELD(klab_task_space, executable, 144, 8);
	FIELD(klab_task_space, stack, 152, 8);
	FIELD(klab_task_space, anonymous, 160, 8);
	FIELD(klab_task_space, file, 168, 8);
	FIELD(klab_task_space, shmem, 176, 8);
	FIELD(klab_task_space, swapped, 184, 8);
	FIELD(klab_task_space, resident_most, 192, 8);
	FIELD(klab_task_space, table_bytes, 200, 8);
	FIELD(klab_task_space, areas, 208, 4);
	FIELD(klab_task_space, users, 212, 4);
}

TEST(struct_area)
{
	EXPECT_EQ(56, sizeof(struct klab_area));
	FIELD(klab_area, start, 0, 8);
	FIELD(klab_area, end, 8, 8);
	FIELD(klab_area, flags, 16, 8);
	FIELD(klab_area, offset, 24, 8);
	FIELD(klab_area, inode, 32, 8);
	FIELD(klab_area, major, 40, 4);
	FIELD(klab_area, minor, 44, 4);
	FIELD(klab_area, name_offset, 48, 4);
	FIELD(klab_area, name_bytes, 52, 4);
}

TEST(struct_task_areas)
{
	EXPECT_EQ(48, sizeof(struct klab_task_areas));
	FIELD(klab_task_areas, start, 0, 8);
	FIELD(klab_task_areas, end, 8, 8);
	FIELD(klab_task_areas, areas, 16, 16);
	FIELD(klab_task_areas, names, 32, 8);
	FIELD(klab_task_areas, names_bytes, 40, 4);
	FIELD(klab_task_areas, flags, 44, 4);
}

TEST(struct_page)
{
	EXPECT_EQ(24, sizeof(struct klab_page));
	FIELD(klab_page, frame, 0, 8);
	FIELD(klab_page, flags, 8, 4);
	FIELD(klab_page, references, 12, 4);
	FIELD(klab_page, mappings, 16, 4);
	FIELD(klab_page, order, 20, 4);
}

TEST(struct_page_run)
{
	EXPECT_EQ(24, sizeof(struct klab_page_run));
	FIELD(klab_page_run, start, 0, 8);
	FIELD(klab_page_run, pages, 8, 8);
	FIELD(klab_page_run, flags, 16, 4);
	FIELD(klab_page_run, reserved, 20, 4);
}

TEST(struct_task_pages)
{
	EXPECT_EQ(320, sizeof(struct klab_task_pages));
	FIELD(klab_task_pages, start, 0, 8);
	FIELD(klab_task_pages, bytes, 8, 8);
	FIELD(klab_task_pages, flags, 16, 4);
	FIELD(klab_task_pages, mask, 20, 4);
	FIELD(klab_task_pages, walked, 24, 8);
	FIELD(klab_task_pages, pages, 32, 16);
	FIELD(klab_task_pages, runs, 48, 16);
	FIELD(klab_task_pages, counts, 64, 256);
}

TEST(struct_table_entry)
{
	EXPECT_EQ(32, sizeof(struct klab_table_entry));
	FIELD(klab_table_entry, raw, 0, 8);
	FIELD(klab_table_entry, frame, 8, 8);
	FIELD(klab_table_entry, level, 16, 4);
	FIELD(klab_table_entry, index, 20, 4);
	FIELD(klab_table_entry, flags, 24, 4);
	FIELD(klab_table_entry, reserved, 28, 4);
}

TEST(struct_task_walk)
{
	EXPECT_EQ(176, sizeof(struct klab_task_walk));
	FIELD(klab_task_walk, address, 0, 8);
	FIELD(klab_task_walk, flags, 8, 4);
	FIELD(klab_task_walk, levels, 12, 4);
	FIELD(klab_task_walk, entries, 16, 160);
}

TEST(struct_file_run)
{
	EXPECT_EQ(24, sizeof(struct klab_file_run));
	FIELD(klab_file_run, start, 0, 8);
	FIELD(klab_file_run, pages, 8, 8);
	FIELD(klab_file_run, flags, 16, 4);
	FIELD(klab_file_run, reserved, 20, 4);
}

TEST(struct_file_stat)
{
	EXPECT_EQ(112, sizeof(struct klab_file_stat));
	FIELD(klab_file_stat, fd, 0, 4);
	FIELD(klab_file_stat, flags, 4, 4);
	FIELD(klab_file_stat, start, 8, 8);
	FIELD(klab_file_stat, pages, 16, 8);
	FIELD(klab_file_stat, size, 24, 8);
	FIELD(klab_file_stat, state, 32, 4);
	FIELD(klab_file_stat, ahead_pages, 36, 4);
	FIELD(klab_file_stat, ahead_start, 40, 8);
	FIELD(klab_file_stat, ahead_async, 48, 4);
	FIELD(klab_file_stat, ahead_most, 52, 4);
	FIELD(klab_file_stat, device_most, 56, 4);
	FIELD(klab_file_stat, map_misses, 60, 4);
	FIELD(klab_file_stat, read_last, 64, 8);
	FIELD(klab_file_stat, cached, 72, 8);
	FIELD(klab_file_stat, dirty, 80, 8);
	FIELD(klab_file_stat, writeback, 88, 8);
	FIELD(klab_file_stat, runs, 96, 16);
}

TEST(recorder_constants)
{
	EXPECT_EQ(1 << 24, KLAB_FEATURE_RECORDER);
	EXPECT_EQ(1 << 25, KLAB_FEATURE_SYSCALLS);
	EXPECT_EQ(1 << 26, KLAB_FEATURE_FAULTS);
	EXPECT_EQ(1 << 27, KLAB_FEATURE_TRAPS);
	EXPECT_EQ(1 << 28, KLAB_FEATURE_SIGNALS);
	EXPECT_EQ(1 << 29, KLAB_FEATURE_TASKS);
	EXPECT_EQ(1 << 30, KLAB_FEATURE_SWITCHES);
	EXPECT_EQ(1ULL << 31, KLAB_FEATURE_CPU);
	EXPECT_EQ(0, KLAB_EVENT_ENTER);
	EXPECT_EQ(1, KLAB_EVENT_LEAVE);
	EXPECT_EQ(2, KLAB_EVENT_FAULT);
	EXPECT_EQ(3, KLAB_EVENT_TRAP);
	EXPECT_EQ(4, KLAB_EVENT_SIGNAL);
	EXPECT_EQ(5, KLAB_EVENT_DELIVER);
	EXPECT_EQ(6, KLAB_EVENT_FORK);
	EXPECT_EQ(7, KLAB_EVENT_EXEC);
	EXPECT_EQ(8, KLAB_EVENT_EXIT);
	EXPECT_EQ(9, KLAB_EVENT_OUT);
	EXPECT_EQ(10, KLAB_EVENT_IN);
	EXPECT_EQ(0x003, KLAB_RECORD_SYSCALLS);
	EXPECT_EQ(0x004, KLAB_RECORD_FAULTS);
	EXPECT_EQ(0x008, KLAB_RECORD_TRAPS);
	EXPECT_EQ(0x030, KLAB_RECORD_SIGNALS);
	EXPECT_EQ(0x1c0, KLAB_RECORD_TASKS);
	EXPECT_EQ(0x600, KLAB_RECORD_SWITCHES);
	EXPECT_EQ(0x7ff, KLAB_RECORD_ALL);
	EXPECT_EQ(1, KLAB_RECORD_THREADS);
	EXPECT_EQ(2, KLAB_RECORD_CHILDREN);
	EXPECT_EQ(1, KLAB_EVENT_WAS_MINOR);
	EXPECT_EQ(2, KLAB_EVENT_WAS_MAJOR);
	EXPECT_EQ(128, KLAB_EVENT_LENGTH_MAX);
	EXPECT_EQ(4096, KLAB_RECORDER_BYTES_MIN);
	EXPECT_EQ(67108864, KLAB_RECORDER_BYTES_LIMIT);
	EXPECT_EQ(4096, KLAB_RECORDER_THREADS_LIMIT);
	EXPECT_EQ(1, KLAB_EVENT_COMPAT);
	EXPECT_EQ(0x01, KLAB_FAULT_PROTECTION);
	EXPECT_EQ(0x02, KLAB_FAULT_WRITE);
	EXPECT_EQ(0x04, KLAB_FAULT_USER);
	EXPECT_EQ(0x08, KLAB_FAULT_RESERVED);
	EXPECT_EQ(0x10, KLAB_FAULT_FETCH);
	EXPECT_EQ(0x20, KLAB_FAULT_KEY);
	EXPECT_EQ(0, KLAB_SIGNAL_QUEUED);
	EXPECT_EQ(1, KLAB_SIGNAL_IGNORED);
	EXPECT_EQ(2, KLAB_SIGNAL_PENDING);
	EXPECT_EQ(3, KLAB_SIGNAL_OVERFLOW);
	EXPECT_EQ(4, KLAB_SIGNAL_BARE);
	EXPECT_EQ(1, KLAB_EVENT_GROUP);
	EXPECT_EQ(1, KLAB_EVENT_THREAD);
	EXPECT_EQ(2, KLAB_EVENT_RECORDED);
	EXPECT_EQ(1, KLAB_EVENT_PRIVILEGED);
	EXPECT_EQ(0, KLAB_SWITCH_PREEMPTED);
	EXPECT_EQ(1, KLAB_SWITCH_SLEEPS);
	EXPECT_EQ(2, KLAB_SWITCH_WAITS);
	EXPECT_EQ(3, KLAB_SWITCH_STOPPED);
	EXPECT_EQ(4, KLAB_SWITCH_OTHER);
}

TEST(cpu_constants)
{
	EXPECT_EQ(56, KLAB_SYMBOL_LENGTH);
	EXPECT_EQ(0x5, KLAB_GATE_TASK);
	EXPECT_EQ(0xe, KLAB_GATE_INTERRUPT);
	EXPECT_EQ(0xf, KLAB_GATE_TRAP);
	EXPECT_EQ(0x001, KLAB_CPU_WP);
	EXPECT_EQ(0x002, KLAB_CPU_NX);
	EXPECT_EQ(0x004, KLAB_CPU_SMEP);
	EXPECT_EQ(0x008, KLAB_CPU_SMAP);
	EXPECT_EQ(0x010, KLAB_CPU_UMIP);
	EXPECT_EQ(0x020, KLAB_CPU_PKU);
	EXPECT_EQ(0x040, KLAB_CPU_CET);
	EXPECT_EQ(0x080, KLAB_CPU_PTI);
	EXPECT_EQ(0x100, KLAB_CPU_LA57);
	EXPECT_EQ(0x200, KLAB_CPU_FRED);
}

TEST(struct_events)
{
	EXPECT_EQ(32, sizeof(struct klab_recorded));
	FIELD(klab_recorded, time, 0, 8);
	FIELD(klab_recorded, sequence, 8, 8);
	FIELD(klab_recorded, pid, 16, 4);
	FIELD(klab_recorded, tid, 20, 4);
	FIELD(klab_recorded, cpu, 24, 4);
	FIELD(klab_recorded, kind, 28, 1);
	FIELD(klab_recorded, flags, 29, 1);
	FIELD(klab_recorded, length, 30, 2);
	EXPECT_EQ(56, sizeof(struct klab_event_enter));
	FIELD(klab_event_enter, number, 0, 4);
	FIELD(klab_event_enter, flags, 4, 4);
	FIELD(klab_event_enter, args, 8, 48);
	EXPECT_EQ(16, sizeof(struct klab_event_leave));
	FIELD(klab_event_leave, number, 0, 4);
	FIELD(klab_event_leave, flags, 4, 4);
	FIELD(klab_event_leave, result, 8, 8);
	EXPECT_EQ(24, sizeof(struct klab_event_fault));
	FIELD(klab_event_fault, address, 0, 8);
	FIELD(klab_event_fault, ip, 8, 8);
	FIELD(klab_event_fault, error, 16, 8);
	EXPECT_EQ(24, sizeof(struct klab_event_trap));
	FIELD(klab_event_trap, vector, 0, 4);
	FIELD(klab_event_trap, reserved, 4, 4);
	FIELD(klab_event_trap, error, 8, 8);
	FIELD(klab_event_trap, ip, 16, 8);
	EXPECT_EQ(24, sizeof(struct klab_event_signal));
	FIELD(klab_event_signal, signal, 0, 4);
	FIELD(klab_event_signal, code, 4, 4);
	FIELD(klab_event_signal, pid, 8, 4);
	FIELD(klab_event_signal, tid, 12, 4);
	FIELD(klab_event_signal, outcome, 16, 4);
	FIELD(klab_event_signal, flags, 20, 4);
	EXPECT_EQ(16, sizeof(struct klab_event_deliver));
	FIELD(klab_event_deliver, signal, 0, 4);
	FIELD(klab_event_deliver, code, 4, 4);
	FIELD(klab_event_deliver, handler, 8, 8);
	EXPECT_EQ(16, sizeof(struct klab_event_fork));
	FIELD(klab_event_fork, pid, 0, 4);
	FIELD(klab_event_fork, tid, 4, 4);
	FIELD(klab_event_fork, flags, 8, 4);
	FIELD(klab_event_fork, reserved, 12, 4);
	EXPECT_EQ(88, sizeof(struct klab_event_exec));
	FIELD(klab_event_exec, old_tid, 0, 4);
	FIELD(klab_event_exec, flags, 4, 4);
	FIELD(klab_event_exec, path, 8, 80);
	EXPECT_EQ(32, sizeof(struct klab_event_exit));
	FIELD(klab_event_exit, status, 0, 4);
	FIELD(klab_event_exit, reserved, 4, 4);
	FIELD(klab_event_exit, minor, 8, 8);
	FIELD(klab_event_exit, major, 16, 8);
	FIELD(klab_event_exit, runtime, 24, 8);
	EXPECT_EQ(8, sizeof(struct klab_event_switch));
	FIELD(klab_event_switch, reason, 0, 4);
	FIELD(klab_event_switch, reserved, 4, 4);
}

TEST(struct_recorder)
{
	EXPECT_EQ(32, sizeof(struct klab_recorder_create));
	FIELD(klab_recorder_create, kinds, 0, 4);
	FIELD(klab_recorder_create, flags, 4, 4);
	FIELD(klab_recorder_create, bytes, 8, 8);
	FIELD(klab_recorder_create, wakeup, 16, 8);
	FIELD(klab_recorder_create, threads, 24, 4);
	FIELD(klab_recorder_create, reserved, 28, 4);
	EXPECT_EQ(40, sizeof(struct klab_recorder_stat));
	FIELD(klab_recorder_stat, made, 0, 8);
	FIELD(klab_recorder_stat, dropped, 8, 8);
	FIELD(klab_recorder_stat, bytes, 16, 8);
	FIELD(klab_recorder_stat, rings, 24, 4);
	FIELD(klab_recorder_stat, threads, 28, 4);
	FIELD(klab_recorder_stat, missed, 32, 8);
	EXPECT_EQ(8, sizeof(struct klab_recorder_stop));
	FIELD(klab_recorder_stop, flags, 0, 4);
	FIELD(klab_recorder_stop, reserved, 4, 4);
	EXPECT_EQ(192, sizeof(struct klab_recorder_map));
	FIELD(klab_recorder_map, bytes, 0, 8);
	FIELD(klab_recorder_map, made, 8, 8);
	FIELD(klab_recorder_map, dropped, 16, 8);
	FIELD(klab_recorder_map, reserved0, 24, 40);
	FIELD(klab_recorder_map, written, 64, 8);
	FIELD(klab_recorder_map, reserved1, 72, 56);
	FIELD(klab_recorder_map, read, 128, 8);
	FIELD(klab_recorder_map, reserved2, 136, 56);
}

TEST(struct_cpu)
{
	EXPECT_EQ(64, sizeof(struct klab_cpu_door));
	FIELD(klab_cpu_door, address, 0, 8);
	FIELD(klab_cpu_door, symbol, 8, 56);
	EXPECT_EQ(80, sizeof(struct klab_cpu_gate));
	FIELD(klab_cpu_gate, vector, 0, 4);
	FIELD(klab_cpu_gate, type, 4, 1);
	FIELD(klab_cpu_gate, present, 5, 1);
	FIELD(klab_cpu_gate, privilege, 6, 1);
	FIELD(klab_cpu_gate, stack, 7, 1);
	FIELD(klab_cpu_gate, selector, 8, 4);
	FIELD(klab_cpu_gate, reserved, 12, 4);
	FIELD(klab_cpu_gate, handler, 16, 64);
	EXPECT_EQ(264, sizeof(struct klab_cpu));
	FIELD(klab_cpu, cpu, 0, 4);
	FIELD(klab_cpu, level, 4, 4);
	FIELD(klab_cpu, caller_level, 8, 4);
	FIELD(klab_cpu, reserved, 12, 4);
	FIELD(klab_cpu, present, 16, 8);
	FIELD(klab_cpu, active, 24, 8);
	FIELD(klab_cpu, cr0, 32, 8);
	FIELD(klab_cpu, cr4, 40, 8);
	FIELD(klab_cpu, efer, 48, 8);
	FIELD(klab_cpu, syscall, 56, 64);
	FIELD(klab_cpu, syscall32, 120, 64);
	FIELD(klab_cpu, sysenter, 184, 64);
	FIELD(klab_cpu, gates, 248, 16);
}

/* The table that the other tests go by knows every command as the header has it. */
TEST(command_table)
{
	int i;

	for (i = 0; i < COMMANDS; i++) {
		EXPECT_EQ(commands[i].size, _IOC_SIZE(commands[i].number))
			TH_LOG("%s", commands[i].name);
		EXPECT_LE(commands[i].first, commands[i].size)
			TH_LOG("%s", commands[i].name);
		EXPECT_EQ(0, commands[i].size % 8)
			TH_LOG("%s", commands[i].name);
	}
}

/* The handshake: what it says must be so. */
TEST(handshake)
{
	__u64 known = KLAB_FEATURE_PAGES | KLAB_FEATURE_SIGNAL | KLAB_FEATURE_EVENTFD |
		      KLAB_FEATURE_COMPAT | KLAB_FEATURE_NUMA | KLAB_FEATURE_CHANNEL |
		      KLAB_FEATURE_MAP | KLAB_FEATURE_TYPES | KLAB_FEATURE_NOTIFY |
		      KLAB_FEATURE_ERROR | KLAB_FEATURE_TASK | KLAB_FEATURE_TASK_PAGES |
		      KLAB_FEATURE_TASK_WALK | KLAB_FEATURE_FILE | 0xff000000;
	int fd = open(KLAB_DEVICE, O_RDONLY | O_CLOEXEC);
	struct klab_info info;

	ASSERT_LE(0, fd);
	memset(&info, 0xa5, sizeof(info));
	ASSERT_EQ(0, klab(fd, KLAB_IOC_INFO, &info));

	EXPECT_EQ(KLAB_VERSION, info.version);
	EXPECT_EQ(sysconf(_SC_PAGESIZE), info.page_size);
	EXPECT_EQ(0, info.features & ~known);
	EXPECT_NE(0, info.features & KLAB_FEATURE_PAGES);
	EXPECT_NE(0, info.features & KLAB_FEATURE_SIGNAL);
	EXPECT_NE(0, info.features & KLAB_FEATURE_CHANNEL);
	EXPECT_NE(0, info.features & KLAB_FEATURE_TASK);
	EXPECT_EQ(syscall(SYS_eventfd2, 0, EFD_CLOEXEC) >= 0,
		  !!(info.features & KLAB_FEATURE_EVENTFD));
	if (sizeof(long) == 4)
		EXPECT_NE(0, info.features & KLAB_FEATURE_COMPAT);
	EXPECT_EQ(access("/sys/devices/system/node/node0", F_OK) == 0,
		  !!(info.features & KLAB_FEATURE_NUMA));
	EXPECT_LT(info.order_max, KLAB_ORDERS);
	EXPECT_LT(0, info.fire_max);
	EXPECT_LT(0, info.pages_max);
	EXPECT_LT(0, info.blocks_max);

	/* POSIX asks at least this much of a pipe, and nobody should have to do with less. */
	EXPECT_LE(512, info.channel_atomic);
	EXPECT_LE(info.channel_atomic, info.channel_capacity);
	EXPECT_LE(info.channel_atomic, info.channel_capacity_max);
	close(fd);
}

/* A program from before channel_capacity_max: its number, its 56 bytes, and no more of them. */
TEST(handshake_of_an_old_program)
{
	int fd = open(KLAB_DEVICE, O_RDONLY | O_CLOEXEC);
	struct klab_info now, then;

	ASSERT_EQ(0, klab(fd, KLAB_IOC_INFO, &now));
	memset(&then, 0xa5, sizeof(then));
	EXPECT_EQ(0, klab(fd, 0x8038bb00, &then));
	EXPECT_EQ(0, memcmp(&then, &now, 56));
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5, then.channel_capacity_max);
	close(fd);
}

TEST_HARNESS_MAIN
