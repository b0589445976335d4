// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork(2) copies page tables and no page. Both processes go on with the same pages,
 * which neither may write: the first who tries gets a copy of that one page.
 */
#include <sys/mman.h>

#include "lesson.h"

#define PAGES	16
#define TOUCHED	10

static void teach(int klab)
{
	char *private = memory(PAGES, MAP_PRIVATE), *shared = memory(PAGES, MAP_SHARED);
	struct klab_page before, after;
	struct klab_task_who faults;
	int self = look_at(klab, 0), other;
	struct partner child;
	unsigned int i;

	say("A parent with two pieces of memory, and a child that it makes.");
	if (doing("map %u pages, private; write into the first %u", PAGES, TOUCHED))
		for (i = 0; i < TOUCHED; i++)
			private[i * PAGE] = 1;
	if (doing("map %u pages, MAP_SHARED; write into the first %u", PAGES, TOUCHED))
		for (i = 0; i < TOUCHED; i++)
			shared[i * PAGE] = 1;
	map_of("parent", self, private, PAGES);
	show("", "W may be written   r read-only   . not there");
	claim(pages_with(self, private, PAGES, KLAB_PAGE_WRITABLE) == TOUCHED,
	      "memory exists from the first touch on: %u pages of %u", TOUCHED, PAGES);

	show("do", "fork");
	child = begin_partner();
	if (!child.pid) {
		take_turn(&child);
		if (doing("the child writes one byte into page 5 of each")) {
			private[5 * PAGE] = 2;
			shared[5 * PAGE] = 2;
		}
		take_turn(&child);
		return;
	}
	other = look_at(klab, child.pid);
	map_of("parent", self, private, PAGES);
	map_of("child", other, private, PAGES);
	map_beside("beside", self, other, private, PAGES);
	show("", "= the same page in both   C a copy   - only in the parent");
	claim(!pages_with(self, private, PAGES, KLAB_PAGE_WRITABLE),
	      "fork took the right to write away, from the parent too");
	claim(pages_with(other, private, PAGES, KLAB_PAGE_SHARED) == TOUCHED,
	      "and copied no page: the %u are mapped twice", TOUCHED);
	map_beside("shared", self, other, shared, PAGES);
	claim(pages_with(self, shared, PAGES, KLAB_PAGE_PRESENT) == TOUCHED &&
	      !pages_with(other, shared, PAGES, KLAB_PAGE_PRESENT),
	      "of MAP_SHARED memory not even the page tables were copied");

	before = page_at(other, private + 5 * PAGE);
	faults = who_is(other);
	give_turn(&child);
	after = page_at(other, private + 5 * PAGE);
	map_beside("beside", self, other, private, PAGES);
	map_beside("shared", self, other, shared, PAGES);
	kernel("child_faults", who_is(other).thread.minor_faults - faults.thread.minor_faults,
	       "the child's write was a page fault, and the kernel copied one page");
	claim(before.frame != after.frame && after.flags & KLAB_PAGE_WRITABLE,
	      "page 5 of the child is another page now, and it may write it");
	claim(private[5 * PAGE] == 1, "the parent does not see that write");
	claim(pages_with(other, private, PAGES, KLAB_PAGE_SHARED) == TOUCHED - 1,
	      "the other %u are still one page for both", TOUCHED - 1);
	claim(shared[5 * PAGE] == 2 &&
	      page_at(self, shared + 5 * PAGE).frame == page_at(other, shared + 5 * PAGE).frame,
	      "MAP_SHARED: the child found the parent's page, and the parent sees the write");

	before = page_at(self, private + 3 * PAGE);
	if (doing("now the parent writes into page 3, which both have"))
		private[3 * PAGE] = 3;
	after = page_at(self, private + 3 * PAGE);
	claim(after.frame != before.frame, "it is the writer who gets the copy, here the parent");
	end_partner(&child);

	before = page_at(self, private);
	if (doing("the child has gone; the parent writes into page 0"))
		private[0] = 3;
	after = page_at(self, private);
	map_of("parent", self, private, PAGES);
	claim(after.frame == before.frame && after.flags & KLAB_PAGE_WRITABLE,
	      "who is the only one left writes into the page itself: no copy");

	seen("fork copied page tables. The first write copied one page of ten, for whoever\n"
	     "wrote. MAP_SHARED memory is never copied.\n");
	now_try("  klab lesson show fork          the program that did this\n"
		"  klab lesson run spawn          what it costs, and who does without\n");
}

const struct lesson lesson_fork = {
	"fork", "page tables are copied, pages are not, until somebody writes", teach,
};
