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
		      KLAB_FEATURE_ERROR | KLAB_FEATURE_TASK;
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
