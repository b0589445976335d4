// SPDX-License-Identifier: GPL-2.0-only
/* The bare loop that klab's allocations are measured against; see bare.h. */
#include <linux/gfp.h>

#include "bare.h"
#include "klab.h"

int klab_bare_loop(struct klab_context *context, void *arg)
{
	const struct klab_bare_loop *ask = arg;
	u64 i;

	/* As pages.c asks when nothing is said; no more than a benchmark wants. */
	for (i = 0; i < ask->count && i < KLAB_BLOCKS_MAX; i++) {
		struct page *page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_NORETRY |
						__GFP_NOWARN | __GFP_NOMEMALLOC, 0);

		if (!page)
			return -ENOMEM;
		__free_pages(page, 0);
	}
	return 0;
}
