// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page allocator gives blocks of 2^n pages. A block that is wanted is cut out of a
 * larger one, and two halves that are both free, buddies, become one again. Whatever lies
 * between prevents it, unless it can be moved.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lesson.h"

#define COMPACT		"/proc/sys/vm/compact_memory"
#define PER_CPU		"/proc/sys/vm/percpu_pagelist_high_fraction"
#define SMALL		4		/* blocks that no CPU keeps in a list of its own */
#define BLOCKS		512		/* of them */
#define QUARTER		(BLOCKS << SMALL >> 2)
#define PAGES		(3 << 12)	/* of this process: the holes exceed what else could move */

/* Pages that are free in blocks of @order and more. */
static __u64 free_from(int klab, const char *label, unsigned int order)
{
	struct klab_zone zone[16];
	__u64 blocks[KLAB_ORDERS] = { 0 }, pages = 0;
	__u32 zones = 16, i, j;
	char line[100] = "";

	must(klab_pages_zones(klab, zone, &zones), "the zones");
	for (i = 0; i < zones && i < 16; i++)
		for (j = 0; j < KLAB_ORDERS; j++) {
			blocks[j] += zone[i].free_blocks[j];
			pages += j < order ? 0 : zone[i].free_blocks[j] << j;
		}
	for (j = 0; j <= 10; j++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%6llu", blocks[j]);
	if (label)
		show(label, "%s", line);
	return pages;
}

static __u32 hold(int klab, unsigned int order, __u64 count)
{
	struct klab_pages_alloc alloc = {
		.order = order, .count = count, .node = KLAB_NODE_ANY, .flags = KLAB_PAGES_HOLD,
	};

	must(klab_pages_alloc(klab, &alloc), "pages");
	return alloc.handle;
}

static void give_back(int klab, __u32 handle, __u64 stride)
{
	struct klab_pages_free part = { .handle = handle, .stride = stride };

	must(klab_pages_free(klab, &part), "to give pages back");
}

/*
 * All of it is there, then of three pages two are dropped. Not every other one: who has
 * looked for a free page in vain goes on in steps of 32, and would only see those in use.
 */
static void make_holes(char *own)
{
	int i;

	/* of a huge page none is free before all are dropped */
	madvise(own, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (i = 0; i < PAGES; i++)
		memcpy(own + i * PAGE, &i, sizeof(i));
	/* else a CPU may keep all of them in its own list, where nothing can move to */
	write_text(PER_CPU, "1000000");
	for (i = 0; i < PAGES; i += 3)
		must(madvise(own + i * PAGE, 2 * PAGE, MADV_DONTNEED), "MADV_DONTNEED");
	write_text(PER_CPU, "0");
}

/* How many of those kept are no longer in @frame, each still with what was in it. */
static int moved_from(int task, const char *own, const __u64 *frame)
{
	int i, moved = 0;

	for (i = 2; i < PAGES; i += 3) {
		moved += page_at(task, own + i * PAGE).frame != frame[i];
		claim_quietly(!memcmp(own + i * PAGE, &i, sizeof(i)), "what is in a page stays");
	}
	return moved;
}

static void teach(int klab)
{
	static __u64 frame[PAGES];
	__u64 all, large, then, more;
	int task = look_at(klab, 0), i, moved;
	__u32 handle;
	char *own;

	if (access(COMPACT, W_OK))
		cannot("it writes to " COMPACT ", for which one must be root");
	say("Free blocks, by order: of 1 page, of 2, of 4 ... of 1024.");
	all = free_from(klab, "before", 0);
	handle = doing("allocate 32 blocks of order 6: 2^6 pages each") ? hold(klab, 6, 32) : 0;
	then = free_from(klab, "after", 0);
	kernel("taken", all - then, "%lld pages fewer are free", (long long)(all - then));
	claim(all - then > 1500 && all - then < 4000,
	      "32 times 64 pages, cut out of larger blocks");
	if (handle)
		give_back(klab, handle, 1);
	claim(free_from(klab, "given back", 0) + 1000 > all, "and back again");

	say("%d blocks of order %d that the kernel holds, and every other one given back.", BLOCKS,
	    SMALL);
	handle = hold(klab, SMALL, BLOCKS);
	all = free_from(klab, "taken", 0);
	large = free_from(klab, NULL, SMALL + 1);
	if (doing("give back every second"))
		give_back(klab, handle, 2);
	then = free_from(klab, "half free", SMALL + 1);
	more = free_from(klab, NULL, 0) - all;
	kernel("holes", more, "%lld pages more are free, in larger blocks %+lld", (long long)more,
	       (long long)(then - large));
	claim((long long)more > QUARTER && (long long)(then - large) < QUARTER / 2,
	      "half are free, and of no use to who wants a larger block");
	write_text(COMPACT, "1");
	large = free_from(klab, "compacted", SMALL + 1);
	if (doing("give back the other half"))
		give_back(klab, handle, 1);
	then = free_from(klab, "all free", SMALL + 1);
	claim((long long)(then - large) > QUARTER,
	      "now every block finds its buddy, and they find theirs: large ones again");

	say("Pages of this process, of three two dropped: those left the kernel may move.");
	own = memory(PAGES, MAP_PRIVATE);
	make_holes(own);
	for (i = 2; i < PAGES; i += 3)
		frame[i] = page_at(task, own + i * PAGE).frame;
	free_from(klab, "dropped", 0);
	if (doing("write 1 to " COMPACT))
		write_text(COMPACT, "1");
	moved = moved_from(task, own, frame);
	free_from(klab, "compacted", 0);
	kernel("moved", moved, "%d of %d pages are elsewhere now", moved, PAGES / 3);
	claim(moved > 0, "moved under the feet of who uses them, who sees the same bytes there");

	seen("Memory is not short when a large block is refused, it lies badly. That is why the\n"
	     "kernel keeps what can be moved apart from what cannot.\n");
	now_try("  klab page stat                 the books\n"
		"  klab page fragment             the same with all that may be had\n");
}

const struct lesson lesson_pages = {
	"pages", "orders, buddies, fragmentation, and moving pages together", teach,
};
