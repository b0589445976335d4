// SPDX-License-Identifier: GPL-2.0-only
/* The books of the page allocator: zones, lists, events. Read and never changed. */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "compat.h"
#include "klab.h"

/* The next populated zone; the kernel's own way to get there is not exported. */
static struct zone *next_zone_from(int *node, int *index)
{
	for (; *node < MAX_NUMNODES; *node = next_online_node(*node), *index = 0) {
		for (; *index < MAX_NR_ZONES; ++*index) {
			struct zone *zone = &NODE_DATA(*node)->node_zones[*index];

			if (populated_zone(zone))
				return zone;
		}
	}
	return NULL;
}

#define for_each_zone_with_memory(zone, node, index)			\
	for (node = first_online_node, index = 0;			\
	     (zone = next_zone_from(&node, &index)); index++)

static void read_zone(struct klab_zone *record, struct zone *zone)
{
	unsigned long flags;
	unsigned int order;
	int cpu;

	BUILD_BUG_ON(ARRAY_SIZE(zone->free_area) > KLAB_ORDERS);

	*record = (struct klab_zone) {
		.node = zone_to_nid(zone),
		.zone = zone_idx(zone),
		.present = zone->present_pages,
		.managed = zone_managed_pages(zone),
		.free = zone_page_state(zone, NR_FREE_PAGES),
		.watermark_min = min_wmark_pages(zone),
		.watermark_low = low_wmark_pages(zone),
		.watermark_high = high_wmark_pages(zone),
	};
	strscpy(record->name, zone->name, sizeof(record->name));
	for_each_online_cpu(cpu) {
		const struct per_cpu_pages *list = per_cpu_ptr(zone->per_cpu_pageset, cpu);

		record->per_cpu += READ_ONCE(list->count);
		record->per_cpu_high += READ_ONCE(list->high);
	}

	spin_lock_irqsave(&zone->lock, flags);
	for (order = 0; order < ARRAY_SIZE(zone->free_area); order++)
		record->free_blocks[order] = zone->free_area[order].nr_free;
	spin_unlock_irqrestore(&zone->lock, flags);
}

static int put_zones(struct klab_array *zones)
{
	unsigned int room = zones->count;
	struct klab_zone record;
	int node, index, error;
	struct zone *zone;

	zones->count = 0;
	for_each_zone_with_memory(zone, node, index) {
		read_zone(&record, zone);
		error = klab_put_record(zones, room, &record, sizeof(record));
		if (error)
			return error;
	}
	return 0;
}

int klab_pages_zones(struct klab_context *context, void *arg)
{
	struct klab_pages_zones *ask = arg;

	return klab_check_array(&ask->zones, offsetofend(struct klab_zone, free_blocks)) ?:
	       put_zones(&ask->zones);
}

/* Interrupts are off and everybody who wants memory waits: so not to the end of a long one. */
static u64 count_list(struct zone *zone, unsigned int order, int type)
{
	struct list_head *entry;
	unsigned long flags;
	u64 count = 0;

	spin_lock_irqsave(&zone->lock, flags);
	list_for_each(entry, &zone->free_area[order].free_list[type]) {
		if (++count == KLAB_LIST_BLOCKS_MAX)
			break;
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return count;
}

static int put_types(struct klab_array *types)
{
	unsigned int order, room = types->count;
	int node, index, type, error;
	struct zone *zone;

	types->count = 0;
	for_each_zone_with_memory(zone, node, index) {
		for (type = 0; type < MIGRATE_TYPES; type++) {
			struct klab_zone_type record = {
				.node = node,
				.zone = index,
				.type = klab_migrate_type(type),
			};

			for (order = 0; order < ARRAY_SIZE(zone->free_area); order++) {
				if (types->count >= room)
					break;
				record.free_blocks[order] = count_list(zone, order, type);
				cond_resched();
			}
			error = klab_put_record(types, room, &record, sizeof(record));
			if (error)
				return error;
		}
	}
	return 0;
}

static int put_cpus(struct klab_array *cpus)
{
	int node, index, cpu, error;
	unsigned int room = cpus->count;
	struct zone *zone;

	cpus->count = 0;
	for_each_zone_with_memory(zone, node, index) {
		for_each_online_cpu(cpu) {
			const struct per_cpu_pages *list = per_cpu_ptr(zone->per_cpu_pageset, cpu);
			struct klab_zone_cpu record = {
				.node = node,
				.zone = index,
				.cpu = cpu,
				.batch = READ_ONCE(list->batch),
				.count = READ_ONCE(list->count),
				.high = READ_ONCE(list->high),
			};

			error = klab_put_record(cpus, room, &record, sizeof(record));
			if (error)
				return error;
		}
	}
	return 0;
}

#define EVENT(_item, _name)	{ .item = _item, .name = _name }

static const struct {
	enum vm_event_item item;
	char name[sizeof_field(struct klab_event, name)];
} events[] = {
#ifdef CONFIG_ZONE_DMA
	EVENT(PGALLOC_DMA, "pgalloc_dma"),
	EVENT(ALLOCSTALL_DMA, "allocstall_dma"),
#endif
#ifdef CONFIG_ZONE_DMA32
	EVENT(PGALLOC_DMA32, "pgalloc_dma32"),
	EVENT(ALLOCSTALL_DMA32, "allocstall_dma32"),
#endif
	EVENT(PGALLOC_NORMAL, "pgalloc_normal"),
	EVENT(ALLOCSTALL_NORMAL, "allocstall_normal"),
#ifdef CONFIG_HIGHMEM
	EVENT(PGALLOC_HIGH, "pgalloc_high"),
	EVENT(ALLOCSTALL_HIGH, "allocstall_high"),
#endif
	EVENT(PGALLOC_MOVABLE, "pgalloc_movable"),
	EVENT(ALLOCSTALL_MOVABLE, "allocstall_movable"),
	EVENT(PGFREE, "pgfree"),
	EVENT(PGSCAN_DIRECT, "pgscan_direct"),
	EVENT(PGSTEAL_DIRECT, "pgsteal_direct"),
	EVENT(PGSCAN_KSWAPD, "pgscan_kswapd"),
	EVENT(PGSTEAL_KSWAPD, "pgsteal_kswapd"),
	EVENT(OOM_KILL, "oom_kill"),
#ifdef CONFIG_MIGRATION
	EVENT(PGMIGRATE_SUCCESS, "pgmigrate_success"),
	EVENT(PGMIGRATE_FAIL, "pgmigrate_fail"),
#endif
#ifdef CONFIG_COMPACTION
	EVENT(COMPACTSTALL, "compact_stall"),
	EVENT(COMPACTFAIL, "compact_fail"),
	EVENT(COMPACTSUCCESS, "compact_success"),
	EVENT(COMPACTMIGRATE_SCANNED, "compact_migrate_scanned"),
	EVENT(COMPACTFREE_SCANNED, "compact_free_scanned"),
	EVENT(COMPACTISOLATED, "compact_isolated"),
#endif
};

static int put_events(struct klab_array *array)
{
	unsigned int i, room = array->count;
	unsigned long *counts;
	int error = 0;

	array->count = 0;
	if (!IS_ENABLED(CONFIG_VM_EVENT_COUNTERS))
		return 0;
	if (!room) {
		array->count = ARRAY_SIZE(events);
		return 0;
	}
	counts = kcalloc(NR_VM_EVENT_ITEMS, sizeof(*counts), KLAB_GFP);
	if (!counts)
		return -ENOMEM;
	all_vm_events(counts);
	for (i = 0; i < ARRAY_SIZE(events) && !error; i++) {
		struct klab_event record = { .count = counts[events[i].item] };

		memcpy(record.name, events[i].name, sizeof(record.name));
		error = klab_put_record(array, room, &record, sizeof(record));
	}
	kfree(counts);
	return error;
}

static void read_totals(struct klab_pages_books *books)
{
	struct sysinfo info;

	si_meminfo(&info);
	books->total = info.totalram;
	books->free = info.freeram;
	books->available = si_mem_available();
	books->file = global_node_page_state(NR_FILE_PAGES);
	books->anon = global_node_page_state(NR_ANON_MAPPED);
	books->slab_reclaimable = global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B);
	books->slab = books->slab_reclaimable +
		      global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);
}

int klab_pages_books(struct klab_context *context, void *arg)
{
	struct klab_pages_books *ask = arg;
	int error;

	if (ask->flags || ask->reserved)
		return -EINVAL;
	error = klab_check_array(&ask->zones, offsetofend(struct klab_zone, free_blocks)) ?:
		klab_check_array(&ask->types, offsetofend(struct klab_zone_type, free_blocks)) ?:
		klab_check_array(&ask->cpus, offsetofend(struct klab_zone_cpu, high)) ?:
		klab_check_array(&ask->events, offsetofend(struct klab_event, count));
	if (error)
		return error;

	ask->time_ns = ktime_get_ns();
	read_totals(ask);
	return put_events(&ask->events) ?: put_zones(&ask->zones) ?: put_cpus(&ask->cpus) ?:
	       put_types(&ask->types);
}
