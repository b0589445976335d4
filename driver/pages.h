/* SPDX-License-Identifier: GPL-2.0-only */
/* What pages.c, which obtains blocks, and held.c, which keeps them, have in common. */
#ifndef KLAB_PAGES_H
#define KLAB_PAGES_H

#include "klab.h"

/*
 * What one call obtained and holds. From when it has its handle on it is looked up
 * and changed under context->pages_lock; but for maps, to which a fork adds.
 */
struct klab_batch {
	unsigned int order;
	unsigned int flags;		/* KLAB_PAGES_* */
	unsigned long count;		/* blocks that were obtained */
	unsigned long left;		/* of them, those that are still held */
	atomic_t maps;			/* while there are any, no block goes */
	bool split;			/* into pages with a reference each */
	struct page *blocks[];		/* NULL: given back */
};

/* Blocks between two looks whether to stop; what the allocator gives in one call. */
#define KLAB_CHUNK	KLAB_BULK_BLOCKS

/* The times of many operations of one kind. */
struct klab_stopwatch {
	struct klab_timing timing;
	u64 buckets[KLAB_BUCKETS];
};

/* What a call measures; too much for the stack. */
struct klab_measure {
	bool bare;			/* read no clock */
	u64 clock_ns;			/* what reading it costs */
	struct klab_stopwatch alloc;
	struct klab_stopwatch free;
	u64 stamps[2 * KLAB_CHUNK + 1];	/* of the chunk that is under way */
};

/* pages.c */
struct klab_measure *klab_measure_new(bool bare);
void klab_measure_frees(struct klab_measure *measure, unsigned int count);
int klab_put_histogram(struct klab_array *histogram, const struct klab_measure *measure);

static inline u64 klab_measure_stamp(const struct klab_measure *measure)
{
	return measure->bare ? 0 : ktime_get_ns();
}

/* held.c */
int klab_pages_reserve(struct klab_context *context, unsigned long pages);
void klab_pages_unreserve(struct klab_context *context, unsigned long pages);
void klab_pages_tell(struct klab_context *context);
int klab_batch_publish(struct klab_context *context, struct klab_batch *batch, u32 *handle);
unsigned long klab_batch_free(struct klab_batch *batch, const struct klab_pages_free *which,
			      struct klab_measure *measure);

#endif /* KLAB_PAGES_H */
