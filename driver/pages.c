// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page allocator: have it give out blocks, see how long that takes and where
 * they come from.
 *
 * Blocks are obtained in chunks. Within one nothing happens but the calls of the
 * allocator, and of the clock between them: a time ends where the next one begins.
 * What the stamps and the blocks tell is worked out after each chunk.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "pages.h"

struct source {
	u64 blocks;
	u64 types[KLAB_TYPES];
};

/* One call of KLAB_IOC_PAGES_ALLOC. */
struct work {
	struct klab_pages_alloc *ask;
	gfp_t gfp;
	struct klab_measure *measure;
	struct klab_batch *batch;		/* NULL: nothing is held */
	struct page *passing[KLAB_CHUNK];	/* blocks that are not */

	/* The last block that was looked at, and the rows of neighbours. */
	struct page *last;
	unsigned long run;
	const struct per_cpu_pages *list;
	int on_list;

	/*
	 * With a place for every zone that the machine could have, so that nothing
	 * has to be looked up.
	 */
	struct source sources[];
};

struct klab_measure *klab_measure_new(bool bare)
{
	struct klab_measure *measure = kzalloc(sizeof(*measure), KLAB_GFP);
	u64 last, now;
	int i;

	if (!measure)
		return NULL;
	measure->bare = bare;
	if (bare)
		return measure;

	measure->clock_ns = U64_MAX;
	last = ktime_get_ns();
	for (i = 0; i < 8; i++) {
		now = ktime_get_ns();
		measure->clock_ns = min(measure->clock_ns, now - last);
		last = now;
	}
	return measure;
}

/* Take @count times, each from a stamp to the next; from one to another are @step of them. */
static void take_times(const struct klab_measure *measure, struct klab_stopwatch *watch,
		       const u64 *stamps, unsigned int count, unsigned int step)
{
	struct klab_timing *timing = &watch->timing;

	if (measure->bare)
		return;
	if (!timing->count && count)
		timing->min_ns = U64_MAX;
	timing->count += count;
	for (; count; count--, stamps += step) {
		u64 ns = stamps[1] - stamps[0];

		ns -= min(ns, measure->clock_ns);
		timing->min_ns = min(timing->min_ns, ns);
		timing->max_ns = max(timing->max_ns, ns);
		timing->total_ns += ns;
		watch->buckets[min(ns ? __fls(ns) : 0UL, KLAB_BUCKETS - 1UL)]++;
	}
}

void klab_measure_frees(struct klab_measure *measure, unsigned int count)
{
	take_times(measure, &measure->free, measure->stamps, count, 1);
}

int klab_put_histogram(struct klab_array *histogram, const struct klab_measure *measure)
{
	unsigned int i, room = histogram->count;
	int error = 0;

	histogram->count = 0;
	for (i = 0; i < KLAB_BUCKETS && !error; i++) {
		struct klab_bucket bucket = {
			.allocs = measure->alloc.buckets[i],
			.frees = measure->free.buckets[i],
		};

		error = klab_put_record(histogram, room, &bucket, sizeof(bucket));
	}
	return error;
}

/*
 * Whatever is asked for: nobody is killed for it (__GFP_NORETRY and
 * __GFP_RETRY_MAYFAIL see to that), and nothing comes from the reserves, not even
 * for a task that may use them (__GFP_NOMEMALLOC).
 */
static gfp_t gfp_of(u32 flags)
{
	gfp_t gfp = __GFP_ACCOUNT | __GFP_NOWARN | __GFP_NOMEMALLOC;

	if (flags & KLAB_PAGES_ATOMIC)
		gfp |= GFP_NOWAIT;
	else if (flags & KLAB_PAGES_RETRY_HARD)
		gfp |= GFP_KERNEL | __GFP_RETRY_MAYFAIL;
	else
		gfp |= GFP_KERNEL | __GFP_NORETRY;
	if (flags & KLAB_PAGES_HIGH)
		gfp |= __GFP_HIGHMEM;
	if (flags & KLAB_PAGES_MOVABLE)
		gfp |= __GFP_MOVABLE;
	if (flags & KLAB_PAGES_ZEROED)
		gfp |= __GFP_ZERO;
	if (flags & KLAB_PAGES_COMPOUND)
		gfp |= __GFP_COMP;
	return gfp;
}

static struct page *alloc_block(const struct klab_pages_alloc *ask, gfp_t gfp)
{
	if (ask->node == KLAB_NODE_ANY)
		return alloc_pages(gfp, ask->order);
	return alloc_pages_node(ask->node, gfp | __GFP_THISNODE, ask->order);
}

/* @blocks is zeroed: what is not would be taken as there already. */
static unsigned int alloc_bulk(const struct klab_pages_alloc *ask, gfp_t gfp,
			       struct page **blocks, unsigned int count)
{
	if (ask->node == KLAB_NODE_ANY)
		return klab_alloc_pages_bulk(gfp, count, blocks);
	return klab_alloc_pages_bulk_node(gfp | __GFP_THISNODE, ask->node, count, blocks);
}

/* Where a block came from. It must still be ours: memory may be unplugged. */
static void look_at(struct work *work, struct page *block)
{
	struct source *source;
	int type;

	if (work->measure->bare)
		return;
	type = klab_pageblock_type(block);
	source = &work->sources[page_to_nid(block) * MAX_NR_ZONES + page_zonenum(block)];
	source->blocks++;
	if (type >= 0)
		source->types[type]++;
}

/* Where it lies, seen from the one before, and what became of the list that it came from. */
static void look_around(struct work *work, struct page *block)
{
	struct klab_pages_alloc *ask = work->ask;
	long size = 1L << ask->order, distance;

	distance = (long)page_to_pfn(block) - (long)(work->last ? page_to_pfn(work->last) : 0);
	if (work->last && abs(distance) == size) {
		work->run++;
	} else {
		ask->runs++;
		work->run = 1;
	}
	ask->longest_run = max_t(u64, ask->longest_run, work->run);
	work->last = block;
}

/*
 * The list is that of this CPU, if the task is still there; that is not made sure of,
 * and the number is read without its lock: a guess, but nearly always a good one.
 */
static void look_at_list(struct work *work, struct page *block)
{
	const struct per_cpu_pages *list = raw_cpu_ptr(page_zone(block)->per_cpu_pageset);
	int on_list = READ_ONCE(list->count);

	if (list == work->list && on_list > work->on_list)
		work->ask->refills++;
	work->list = list;
	work->on_list = on_list;
}

/* One after the other, each freed before the next: returns how many there were. */
static unsigned int pass_through(struct work *work, unsigned int count)
{
	const struct klab_pages_alloc *ask = work->ask;
	struct klab_measure *measure = work->measure;
	u64 *stamps = measure->stamps;
	unsigned int i;

	stamps[0] = klab_measure_stamp(measure);
	for (i = 0; i < count; i++) {
		struct page *block = alloc_block(ask, work->gfp);

		if (!block)
			break;
		stamps[2 * i + 1] = klab_measure_stamp(measure);
		look_at(work, block);
		__free_pages(block, ask->order);
		stamps[2 * i + 2] = klab_measure_stamp(measure);
	}
	take_times(measure, &measure->alloc, stamps, i, 2);
	take_times(measure, &measure->free, stamps + 1, i, 2);
	return i;
}

/* Up to @count blocks into @blocks, in one call or in as many. */
static unsigned int fill(struct work *work, struct page **blocks, unsigned int count)
{
	struct klab_measure *measure = work->measure;
	unsigned int i, calls;

	measure->stamps[0] = klab_measure_stamp(measure);
	if (work->ask->flags & KLAB_PAGES_BULK) {
		count = alloc_bulk(work->ask, work->gfp, blocks, count);
		measure->stamps[1] = klab_measure_stamp(measure);
		calls = count > 0;
	} else {
		for (i = 0; i < count; i++) {
			blocks[i] = alloc_block(work->ask, work->gfp);
			if (!blocks[i])
				break;
			measure->stamps[i + 1] = klab_measure_stamp(measure);
			if (!measure->bare)
				look_at_list(work, blocks[i]);
		}
		count = i;
		calls = i;
	}
	take_times(measure, &measure->alloc, measure->stamps, calls, 1);
	for (i = 0; i < count; i++)
		look_at(work, blocks[i]);
	return count;
}

/* In bulk both ways: the kernel frees many more quickly as well. */
static unsigned int fill_and_free(struct work *work, unsigned int count)
{
	struct klab_measure *measure = work->measure;

	memset(work->passing, 0, count * sizeof(*work->passing));
	count = fill(work, work->passing, count);
	measure->stamps[0] = klab_measure_stamp(measure);
	release_pages(work->passing, count);
	measure->stamps[1] = klab_measure_stamp(measure);
	klab_measure_frees(measure, count > 0);
	return count;
}

static unsigned int fill_batch(struct work *work, unsigned int count)
{
	struct klab_batch *batch = work->batch;
	struct page **blocks = batch->blocks + batch->count;
	unsigned int i;

	count = fill(work, blocks, count);
	for (i = 0; i < count && !work->measure->bare; i++)
		look_around(work, blocks[i]);
	batch->count += count;
	batch->left += count;
	return count;
}

/* If the same without charging it is to be had, it was the cgroup that has no more. */
static u32 why_none(struct work *work)
{
	struct page *block = alloc_block(work->ask, work->gfp & ~(__GFP_ACCOUNT | __GFP_ZERO));

	if (!block)
		return KLAB_SHORT_NO_BLOCK;
	__free_pages(block, work->ask->order);
	return KLAB_SHORT_CGROUP;
}

static int obtain(struct work *work)
{
	struct klab_pages_alloc *ask = work->ask;
	unsigned int most = max(1, KLAB_CHUNK >> ask->order), count, got;

	while (ask->obtained < ask->count) {
		count = min_t(u64, ask->count - ask->obtained, most);
		if (work->batch && !klab_affordable((unsigned long)count << ask->order)) {
			ask->reason = KLAB_SHORT_MACHINE;
			break;
		}
		if (work->batch)
			got = fill_batch(work, count);
		else if (ask->flags & KLAB_PAGES_BULK)
			got = fill_and_free(work, count);
		else
			got = pass_through(work, count);
		ask->obtained += got;
		/* In bulk there may be fewer for no reason. */
		if (!got || (got < count && !(ask->flags & KLAB_PAGES_BULK))) {
			ask->reason = why_none(work);
			break;
		}

		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}

	if (ask->obtained == ask->count || ask->flags & KLAB_PAGES_RETURN)
		return 0;
	return ask->obtained && (ask->flags & KLAB_PAGES_PARTIAL) ? 0 : -ENOMEM;
}

static int put_sources(struct klab_array *sources, const struct source *source)
{
	unsigned int i, room = sources->count;
	int error = 0;

	sources->count = 0;
	for (i = 0; i < nr_node_ids * MAX_NR_ZONES && !error; i++, source++) {
		struct klab_pages_source record = {
			.node = i / MAX_NR_ZONES,
			.zone = i % MAX_NR_ZONES,
			.blocks = source->blocks,
		};

		if (!record.blocks)
			continue;
		strscpy(record.name, NODE_DATA(record.node)->node_zones[record.zone].name,
			sizeof(record.name));
		memcpy(record.types, source->types, sizeof(record.types));
		error = klab_put_record(sources, room, &record, sizeof(record));
	}
	return error;
}

static int put_findings(struct work *work)
{
	struct klab_pages_alloc *ask = work->ask;
	int error = put_sources(&ask->sources, work->sources);

	if (!error)
		error = klab_put_histogram(&ask->histogram, work->measure);
	ask->alloc = work->measure->alloc.timing;
	ask->free = work->measure->free.timing;
	ask->clock_ns = work->measure->clock_ns;
	return error;
}

/* The blocks get their handle last: from then on another thread may free them. */
static int hold(struct klab_context *context, struct work *work)
{
	struct klab_pages_alloc *ask = work->ask;
	unsigned long pages = ask->count << ask->order, kept;
	struct klab_batch *batch;
	int error;

	error = klab_pages_reserve(context, pages);
	if (error)
		return error;

	error = -ENOMEM;
	batch = kvzalloc(struct_size(batch, blocks, ask->count), KLAB_GFP);
	if (!batch)
		goto out_unreserve;
	batch->order = ask->order;
	batch->flags = ask->flags;
	work->batch = batch;

	error = obtain(work);
	if (!error)
		error = put_findings(work);
	if (error || (ask->obtained < ask->count && ask->flags & KLAB_PAGES_RETURN))
		goto out_free;
	kept = ask->obtained << ask->order;
	error = klab_batch_publish(context, batch, &ask->handle);
	if (error)
		goto out_free;

	klab_pages_unreserve(context, pages - kept);
	klab_pages_tell(context);
	return 0;

out_free:
	klab_batch_free(batch, NULL, NULL);
	kvfree(batch);
out_unreserve:
	klab_pages_unreserve(context, pages);
	return error;
}

#define KNOWN_FLAGS	(KLAB_PAGES_HOLD | KLAB_PAGES_PARTIAL | KLAB_PAGES_RETURN |	\
			 KLAB_PAGES_ATOMIC | KLAB_PAGES_RETRY_HARD | KLAB_PAGES_HIGH |	\
			 KLAB_PAGES_MOVABLE | KLAB_PAGES_ZEROED | KLAB_PAGES_COMPOUND |	\
			 KLAB_PAGES_BULK | KLAB_PAGES_BARE)

static bool flags_fit(u32 flags, u32 order)
{
	static const u32 apart[] = {
		KLAB_PAGES_PARTIAL | KLAB_PAGES_RETURN,
		KLAB_PAGES_ATOMIC | KLAB_PAGES_RETRY_HARD,
		KLAB_PAGES_MOVABLE | KLAB_PAGES_HOLD,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(apart); i++) {
		if ((flags & apart[i]) == apart[i])
			return false;
	}
	if (flags & ~KNOWN_FLAGS)
		return false;
	if (flags & KLAB_PAGES_RETURN && !(flags & KLAB_PAGES_HOLD))
		return false;
	return !(flags & (order ? KLAB_PAGES_BULK : KLAB_PAGES_COMPOUND));
}

static int check_alloc(const struct klab_pages_alloc *ask)
{
	if (ask->order > KLAB_ORDER_MAX || !ask->count || ask->count > KLAB_BLOCKS_MAX)
		return -EINVAL;
	if (!flags_fit(ask->flags, ask->order) || ask->reserved)
		return -EINVAL;
	if (ask->node != KLAB_NODE_ANY &&
	    (ask->node < 0 || ask->node >= MAX_NUMNODES || !node_online(ask->node)))
		return -EINVAL;
	return klab_check_array(&ask->sources, offsetofend(struct klab_pages_source, blocks)) ?:
	       klab_check_array(&ask->histogram, offsetofend(struct klab_bucket, frees));
}

int klab_pages_alloc(struct klab_context *context, void *arg)
{
	struct klab_pages_alloc *ask = arg;
	struct work *work;
	int error;

	error = check_alloc(ask);
	if (error)
		return error;

	ask->handle = 0;
	ask->obtained = 0;
	ask->runs = 0;
	ask->longest_run = 0;
	ask->refills = 0;
	ask->reason = KLAB_SHORT_NOT;

	if (!klab_affordable((ask->flags & KLAB_PAGES_HOLD ? ask->count : 1) << ask->order))
		return -ENOMEM;

	work = kzalloc(struct_size(work, sources, nr_node_ids * MAX_NR_ZONES), KLAB_GFP);
	if (!work)
		return -ENOMEM;
	work->ask = ask;
	work->gfp = gfp_of(ask->flags);

	error = -ENOMEM;
	work->measure = klab_measure_new(ask->flags & KLAB_PAGES_BARE);
	if (work->measure && ask->flags & KLAB_PAGES_HOLD) {
		error = hold(context, work);
	} else if (work->measure) {
		error = obtain(work);
		if (!error)
			error = put_findings(work);
	}
	kfree(work->measure);
	kfree(work);
	return error;
}
