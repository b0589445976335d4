// SPDX-License-Identifier: GPL-2.0-only
/*
 * mlock(2) keeps pages in memory. It does not keep them where they are; and who only
 * wants a program to stay out of swap has a cgroup for that, which asks no program.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "lesson.h"

#define PAGES	16
#define DISK	"/dev/ram1"
#define GROUP	"/sys/fs/cgroup/klab-lesson"
#define LOCKED	(KLAB_PAGE_PRESENT | KLAB_PAGE_MLOCKED)

static int self;

static void fill(char *start)
{
	int i;

	for (i = 0; i < PAGES; i++)
		start[i * PAGE] = 1;
}

static void undo(void)
{
	write_text("/sys/fs/cgroup/cgroup.procs", "0");
	rmdir(GROUP);
	swapoff(DISK);
}

/* Ask that these pages go to swap. Returns how many are still in memory. */
static unsigned int page_out(char *start)
{
	int tries;

	for (tries = 0; tries < 100 && pages_with(self, start, PAGES, KLAB_PAGE_PRESENT); tries++)
		if (madvise(start, PAGES * PAGE, MADV_PAGEOUT))
			break;
	return pages_with(self, start, PAGES, KLAB_PAGE_PRESENT);
}

static void in_swap(void)
{
	char *free = memory(PAGES, MAP_PRIVATE), *kept = memory(PAGES, MAP_PRIVATE), *group;

	say("Where there is swap. The kernel is asked to put pages there.");
	fill(free);
	fill(kept);
	if (doing("mlock one of two ranges"))
		must(mlock(kept, PAGES * PAGE), "mlock");
	page_out(free);
	page_out(kept);
	map_of("plain", self, free, PAGES);
	map_of("locked", self, kept, PAGES);
	claim(!pages_with(self, free, PAGES, KLAB_PAGE_PRESENT), "the plain ones are in swap");
	claim(pages_with(self, kept, PAGES, KLAB_PAGE_PRESENT) == PAGES, "the locked ones are not");
	claim(peek(free) == 1 && page_at(self, free).flags & KLAB_PAGE_PRESENT,
	      "read again, a page comes back with what was in it: that is the wait to avoid");

	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) || !write_text(GROUP "/memory.swap.max", "0"))
		return show("", "there is no cgroup with memory.swap.max here");
	if (doing("go into a cgroup with memory.swap.max = 0"))
		claim_quietly(write_text(GROUP "/cgroup.procs", "0"), "the way into the cgroup");
	group = memory(PAGES, MAP_PRIVATE);
	fill(group);
	page_out(group);
	map_of("cgroup", self, group, PAGES);
	claim(pages_with(self, group, PAGES, KLAB_PAGE_PRESENT) == PAGES,
	      "not one in swap, and no program had to be changed, or trusted with a limit");
}

/* What a user without privilege gets, in a process of its own. */
static void the_limit(char *start)
{
	struct rlimit limit = { 4 * PAGE, 4 * PAGE };
	int *answer = (int *)memory(1, MAP_SHARED);
	struct partner child = begin_partner();

	if (!child.pid) {
		setrlimit(RLIMIT_MEMLOCK, &limit);
		if (!geteuid() && doing("become nobody"))
			must(setuid(65534), "setuid");
		answer[0] = mlock(start, 4 * PAGE) ? errno : 0;
		answer[1] = mlock(start, 5 * PAGE) ? errno : 0;
		take_turn(&child);
		_exit(0);
	}
	end_partner(&child);
	user("limit", answer[1], "RLIMIT_MEMLOCK is 4 pages: 4 %s, 5 %s",
	     answer[0] ? strerrorname_np(answer[0]) : "are locked",
	     answer[1] ? strerrorname_np(answer[1]) : "are locked");
	claim(!answer[0] && answer[1] == ENOMEM,
	      "what is locked is taken from all: so it is limited");
}

static void teach(int klab)
{
	char *start = memory(PAGES, MAP_PRIVATE);
	struct klab_page before;
	struct partner child;
	int other;

	self = look_at(klab, 0);
	say("Memory that nobody has touched.");
	map_of("before", self, start, PAGES);
	if (doing("mlock 16 pages"))
		must(mlock(start, PAGES * PAGE), "mlock: is RLIMIT_MEMLOCK that low?");
	map_of("after", self, start, PAGES);
	kernel("locked", space_of(self).locked, "%llu pages of this process are locked",
	       space_of(self).locked);
	claim(pages_with(self, start, PAGES, LOCKED) == PAGES,
	      "all are there, at once: that is what it costs, wanted or not");
	claim(area_at(self, start).flags & KLAB_AREA_LOCKED && space_of(self).locked == PAGES,
	      "the area has a bit, every page is marked, and it is counted");
	the_limit(start);

	say("Locked is not: where it is. A fork, and a write.");
	before = page_at(self, start);
	child = begin_partner();
	if (!child.pid) {
		take_turn(&child);
		return;
	}
	other = look_at(klab, child.pid);
	claim(!(area_at(other, start).flags & KLAB_AREA_LOCKED),
	      "the child's memory is not locked");
	if (doing("write to page 0, in the parent"))
		start[0] = 1;
	kernel("moved", page_at(self, start).frame != before.frame, "page 0 is %s as before",
	       page_at(self, start).frame == before.frame ? "the same page" : "not the same page");
	claim(page_at(self, start).frame != before.frame && pages_with(self, start, 1, LOCKED),
	      "the write had to copy: the parent, who had locked it, has another page now");
	end_partner(&child);
	must(munlock(start, PAGES * PAGE), "munlock");

	at_end(undo);
	if (swap_on(DISK))
		in_swap();
	else
		show("", "without root and " DISK " (modprobe brd) there is no swap to look at");
	seen("mlock makes pages present and keeps them so. They may be copied, and the kernel\n"
	     "may move them when it makes room for large blocks. For a whole service that must\n"
	     "not be swapped, set memory.swap.max of its cgroup.\n");
	now_try("  klab task areas $$             which are locked\n"
		"  klab lesson show mlock\n");
}

const struct lesson lesson_mlock = {
	"mlock", "present, but not unmoved; and the cgroup that does it better", teach,
};
