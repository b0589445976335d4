// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page allocator: have it give out blocks, hold them, read its books.
 *
 * A batch is what one call obtained and holds. Whoever takes its handle out of
 * context->batches owns it alone, so that two calls that free the same handle
 * cannot both do so.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "compat.h"
#include "klab.h"

static unsigned long pages_max = SZ_64M >> PAGE_SHIFT;
module_param(pages_max, ulong, 0644);
MODULE_PARM_DESC(pages_max, "Pages that one descriptor may hold (default: 64 MiB of them)");

struct klab_batch {
	unsigned int order;
	unsigned long count;
	struct page *blocks[];
};

unsigned long klab_pages_max(void)
{
	return READ_ONCE(pages_max);
}

void klab_pages_init(struct klab_context *context)
{
	xa_init_flags(&context->batches, XA_FLAGS_ALLOC1);
}

unsigned long klab_pages_batches(struct klab_context *context)
{
	unsigned long handle, count = 0;
	void *batch;

	/* Counted only: a batch that is being freed may still be found. */
	xa_for_each(&context->batches, handle, batch)
		count++;
	return count;
}

static void timing_add(struct klab_timing *timing, u64 start)
{
	u64 ns = ktime_get_ns() - start;

	timing->min_ns = timing->count ? min(timing->min_ns, ns) : ns;
	timing->max_ns = max(timing->max_ns, ns);
	timing->total_ns += ns;
	timing->count++;
}

/*
 * __GFP_NORETRY: where a first reclaim does not help, give up, and have nobody
 * killed. No flag here reaches into the reserves for emergencies.
 */
static struct page *alloc_block(int node, unsigned int order, struct klab_timing *timing)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN;
	u64 start = ktime_get_ns();
	struct page *block;

	if (node == KLAB_NODE_ANY)
		block = alloc_pages(gfp, order);
	else
		block = alloc_pages_node(node, gfp | __GFP_THISNODE, order);
	if (block)
		timing_add(timing, start);
	return block;
}

static void free_block(struct page *block, unsigned int order, struct klab_timing *timing)
{
	u64 start = ktime_get_ns();

	__free_pages(block, order);
	timing_add(timing, start);
}

static void free_batch(struct klab_batch *batch, struct klab_timing *timing)
{
	unsigned long i;

	for (i = 0; i < batch->count; i++) {
		free_block(batch->blocks[i], batch->order, timing);
		cond_resched();
	}
	kvfree(batch);
}

/* Set @pages of what the descriptor may hold apart, before they are obtained. */
static int reserve(struct klab_context *context, unsigned long pages)
{
	int error = -ENOMEM;

	xa_lock(&context->batches);
	if (context->pages_held + pages <= klab_pages_max()) {
		context->pages_held += pages;
		error = 0;
	}
	xa_unlock(&context->batches);
	return error;
}

static void unreserve(struct klab_context *context, unsigned long pages)
{
	xa_lock(&context->batches);
	context->pages_held -= pages;
	xa_unlock(&context->batches);
}

/*
 * How many blocks each zone gave goes into an array with a place for every zone
 * that the machine could have, so that nothing has to be looked up while the
 * clock runs.
 */
static unsigned int source_index(struct page *block)
{
	return page_to_nid(block) * MAX_NR_ZONES + page_zonenum(block);
}

static int put_sources(struct klab_array *sources, const u64 *blocks)
{
	unsigned int i, room = sources->count;
	int error = 0;

	sources->count = 0;
	for (i = 0; i < nr_node_ids * MAX_NR_ZONES && !error; i++) {
		struct klab_pages_source source = {
			.node = i / MAX_NR_ZONES,
			.zone = i % MAX_NR_ZONES,
			.blocks = blocks[i],
		};

		if (!source.blocks)
			continue;
		strscpy(source.name, NODE_DATA(source.node)->node_zones[source.zone].name,
			sizeof(source.name));
		error = klab_put_record(sources, room, &source, sizeof(source));
	}
	return error;
}

/*
 * Obtain what is asked for, one block after the other. Without a batch each goes
 * back at once.
 */
static int obtain(struct klab_pages_alloc *ask, struct klab_batch *batch, u64 *sources)
{
	while (ask->obtained < ask->count) {
		struct page *block = alloc_block(ask->node, ask->order, &ask->alloc);

		if (!block)
			break;
		sources[source_index(block)]++;
		if (batch)
			batch->blocks[batch->count++] = block;
		else
			free_block(block, ask->order, &ask->free);
		ask->obtained++;

		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}

	if (ask->obtained == ask->count)
		return 0;
	return ask->obtained && (ask->flags & KLAB_PAGES_PARTIAL) ? 0 : -ENOMEM;
}

/* The blocks get their handle last: from then on another thread may free them. */
static int hold(struct klab_context *context, struct klab_pages_alloc *ask, u64 *sources)
{
	unsigned long pages = ask->count << ask->order;
	struct klab_timing undone = {};
	struct klab_batch *batch;
	int error;

	error = reserve(context, pages);
	if (error)
		return error;

	error = -ENOMEM;
	batch = kvzalloc(struct_size(batch, blocks, ask->count), KLAB_GFP);
	if (!batch)
		goto out_unreserve;
	batch->order = ask->order;

	error = obtain(ask, batch, sources);
	if (!error)
		error = put_sources(&ask->sources, sources);
	if (!error)
		error = xa_alloc(&context->batches, &ask->handle, batch,
				 XA_LIMIT(1, INT_MAX), KLAB_GFP);
	if (error)
		goto out_free;

	unreserve(context, pages - (ask->obtained << ask->order));
	return 0;

out_free:
	free_batch(batch, &undone);
out_unreserve:
	unreserve(context, pages);
	return error;
}

static int check_alloc(const struct klab_pages_alloc *ask)
{
	if (ask->order > KLAB_ORDER_MAX || !ask->count || ask->count > KLAB_BLOCKS_MAX)
		return -EINVAL;
	if (ask->flags & ~(KLAB_PAGES_HOLD | KLAB_PAGES_PARTIAL))
		return -EINVAL;
	if (ask->node != KLAB_NODE_ANY &&
	    (ask->node < 0 || ask->node >= MAX_NUMNODES || !node_online(ask->node)))
		return -EINVAL;
	return klab_check_array(&ask->sources, offsetofend(struct klab_pages_source, blocks));
}

int klab_pages_alloc(struct klab_context *context, void *arg)
{
	struct klab_pages_alloc *ask = arg;
	unsigned long at_a_time;
	u64 *sources;
	int error;

	error = check_alloc(ask);
	if (error)
		return error;

	ask->handle = 0;
	ask->obtained = 0;
	ask->alloc = (struct klab_timing) {};
	ask->free = (struct klab_timing) {};

	at_a_time = (ask->flags & KLAB_PAGES_HOLD ? ask->count : 1) << ask->order;
	if (!klab_affordable(at_a_time))
		return -ENOMEM;

	sources = kcalloc(nr_node_ids, MAX_NR_ZONES * sizeof(*sources), KLAB_GFP);
	if (!sources)
		return -ENOMEM;

	if (ask->flags & KLAB_PAGES_HOLD) {
		error = hold(context, ask, sources);
	} else {
		error = obtain(ask, NULL, sources);
		if (!error)
			error = put_sources(&ask->sources, sources);
	}
	kfree(sources);
	return error;
}

int klab_pages_free(struct klab_context *context, void *arg)
{
	struct klab_pages_free *ask = arg;
	struct klab_batch *batch;

	if (ask->flags || ask->reserved)
		return -EINVAL;

	batch = xa_erase(&context->batches, ask->handle);
	if (!batch)
		return -ENOENT;

	ask->order = batch->order;
	ask->count = batch->count;
	ask->free = (struct klab_timing) {};
	free_batch(batch, &ask->free);
	unreserve(context, ask->count << ask->order);
	return 0;
}

void klab_pages_release(struct klab_context *context)
{
	struct klab_timing unseen = {};
	struct klab_batch *batch;
	unsigned long handle;

	xa_for_each(&context->batches, handle, batch)
		free_batch(batch, &unseen);
	xa_destroy(&context->batches);
}

static void read_zone(struct klab_zone *record, struct zone *zone)
{
	unsigned long flags;
	unsigned int order;

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

	spin_lock_irqsave(&zone->lock, flags);
	for (order = 0; order < ARRAY_SIZE(zone->free_area); order++)
		record->free_blocks[order] = zone->free_area[order].nr_free;
	spin_unlock_irqrestore(&zone->lock, flags);
}

int klab_pages_zones(struct klab_context *context, void *arg)
{
	struct klab_pages_zones *ask = arg;
	unsigned int room = ask->zones.count;
	struct klab_zone record;
	int node, i, error;

	error = klab_check_array(&ask->zones, offsetofend(struct klab_zone, free_blocks));
	if (error)
		return error;

	ask->zones.count = 0;
	for_each_online_node(node) {
		for (i = 0; i < MAX_NR_ZONES; i++) {
			struct zone *zone = &NODE_DATA(node)->node_zones[i];

			if (!populated_zone(zone))
				continue;
			read_zone(&record, zone);
			error = klab_put_record(&ask->zones, room, &record, sizeof(record));
			if (error)
				return error;
		}
	}
	return 0;
}
