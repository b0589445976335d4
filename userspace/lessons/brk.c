// SPDX-License-Identifier: GPL-2.0-only
/*
 * The heap is an area with one movable end. brk(2) sets the end, sbrk(3) adds to it,
 * and neither of them makes memory: a page exists once it is touched.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lesson.h"

#define PAGES	16

static const int written[] = { 0, 1, 7 };

/* The heap's end as the kernel keeps it. */
static char *kernels_brk(int task)
{
	return (char *)(uintptr_t)space_of(task).brk;
}

static void teach(int klab)
{
	int self = look_at(klab, 0);
	char *heap, *end, *page, *small, *large;
	struct klab_area area;
	char byte;
	int i;

	/*
	 * malloc moves the heap's end too, and what prints this calls malloc. So let it
	 * have some room beforehand.
	 */
	free(malloc(100000));

	say("Where the heap ends, as the C library and as the kernel know it.");
	end = sbrk(0);
	kernel("brk", (uintptr_t)end, "the heap ends at %p", end);
	claim(end == kernels_brk(self), "sbrk(0) and the kernel agree");
	if (doing("sbrk(100): 100 bytes more"))
		must(sbrk(100) == (void *)-1 ? -1 : 0, "sbrk");
	area = area_at(self, end + 99);
	kernel("area_end", area.end, "brk %+ld, and the area ends at 0x%llx",
	       kernels_brk(self) - end, area.end);
	claim(kernels_brk(self) == end + 100 && area.end % PAGE == 0 &&
	      area.end - (uintptr_t)end - 100 < PAGE,
	      "the end is kept to the byte; the memory behind it comes in whole pages");

	/* To the page, so that the maps below begin with one. */
	must(brk((void *)((uintptr_t)(end + 100 + PAGE - 1) & -PAGE)), "brk");
	heap = sbrk(0);
	say("And now %u pages.", PAGES);
	if (doing("sbrk(%lu)", PAGES * PAGE))
		must(sbrk(PAGES * PAGE) == (void *)-1 ? -1 : 0, "sbrk");
	claim(kernels_brk(self) == heap + PAGES * PAGE, "the kernel moved the end by 0x%lx",
	      PAGES * PAGE);
	map_of("heap", self, heap, PAGES);
	show("", ". not there   W may be written   0 the one page of zeroes");
	claim(!pages_with(self, heap, PAGES, KLAB_PAGE_PRESENT), "and there is not one page");
	if (doing("write one byte into pages 0, 1 and 7"))
		for (i = 0; i < 3; i++)
			heap[written[i] * PAGE] = 1;
	if (doing("read one byte of page 4"))
		byte = peek(heap + 4 * PAGE);
	else
		byte = 1;
	map_of("heap", self, heap, PAGES);
	claim(pages_with(self, heap, PAGES, KLAB_PAGE_WRITABLE) == 3 &&
	      pages_with(self, heap, PAGES, KLAB_PAGE_ZERO) == 1 && !byte,
	      "a write brings a page; a read only the kernel's one page of zeroes");

	page = heap + 7 * PAGE;
	if (doing("sbrk(-%lu), and the same forward again", PAGES * PAGE)) {
		sbrk(-(intptr_t)(PAGES * PAGE));
		sbrk(PAGES * PAGE);
	}
	map_of("heap", self, heap, PAGES);
	claim(!pages_with(self, heap, PAGES, KLAB_PAGE_PRESENT) && *page == 0,
	      "what was given back is gone: the heap that comes again is all zeroes");
	sbrk(-(intptr_t)(PAGES * PAGE));

	say("malloc lives there, until it is asked for much.");
	small = malloc(1000);
	large = doing("malloc(1000) and malloc(1000000)") ? malloc(1000000) : small;
	kernel("small", area_at(self, small).start, "%p, in the heap", small);
	kernel("large", area_at(self, large).start, "%p, in an area of its own", large);
	claim((uintptr_t)small >= space_of(self).brk_start && small < kernels_brk(self),
	      "1000 bytes come from below the heap's end");
	claim(area_at(self, large).start != area_at(self, small).start &&
	      space_of(self).brk < (uintptr_t)large,
	      "from 128 KiB on malloc calls mmap(2) instead: that can be given back alone");
	if (doing("free the large one"))
		free(large);
	claim(!area_at(self, (char *)((uintptr_t)large & -PAGE)).end || large == small,
	      "free gave it back to the kernel: there is no area there any more");
	if (large != small)
		free(small);

	seen("brk moves a number. Pages come with the first touch, and go when the end moves\n"
	     "back. malloc takes the heap for what is small, and mmap for what is large.\n");
	now_try("  klab task pages $$             the heap of your shell, page by page\n"
		"  klab task areas $$             and what else it has\n");
}

const struct lesson lesson_brk = {
	"brk", "the heap's end is a number, and memory what was touched", teach,
};
