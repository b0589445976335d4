// SPDX-License-Identifier: GPL-2.0-only
/*
 * Advice about memory is of two kinds. Some is stored in the area and changes what the
 * kernel guesses; and some is no advice at all but an order, and data are gone after it.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lesson.h"

#define PAGES	16

static int self;

static void fill(char *start, char with)
{
	int i;

	for (i = 0; i < PAGES; i++)
		start[i * PAGE] = with;
}

static bool advise(void *start, int advice, const char *name)
{
	if (!doing("madvise(%s)", name))
		return false;
	must(madvise(start, PAGES * PAGE, advice), name);
	return true;
}

/* The kind that is stored: a bit of the area, and nothing else. */
static void stored(char *start, int advice, const char *name, __u64 bit, const char *why)
{
	unsigned int present = pages_with(self, start, PAGES, KLAB_PAGE_PRESENT);
	__u64 before = area_at(self, start).flags, after;

	advise(start, advice, name);
	after = area_at(self, start).flags;
	kernel(name, after, "flags of the area 0x%llx -> 0x%llx", before, after);
	claim(after & bit && pages_with(self, start, PAGES, KLAB_PAGE_PRESENT) == present, "%s",
	      why);
}

static int file_of_pages(void)
{
	int fd = must(memfd_create("lesson", MFD_CLOEXEC), "memfd_create");
	char page[PAGE];
	int i;

	for (i = 0; i < (int)PAGE; i++)
		page[i] = 'f';
	for (i = 0; i < PAGES; i++)
		must(write(fd, page, PAGE), "write");
	return fd;
}

static void teach(int klab)
{
	/* Fenced off, so that no other area becomes one with it. */
	char *room = memory(PAGES + 2, MAP_PRIVATE), *start = room + PAGE, *mapped;
	int other, fd;
	struct partner child;

	self = look_at(klab, 0);
	must(mprotect(room, PAGE, PROT_NONE), "mprotect");
	must(mprotect(start + PAGES * PAGE, PAGE, PROT_NONE), "mprotect");
	fill(start, 1);
	say("Advice that is remembered.");
	stored(start, MADV_RANDOM, "MADV_RANDOM", KLAB_AREA_RANDOM,
	       "one bit: around a page that is missing, no other is read");
	stored(start, MADV_SEQUENTIAL, "MADV_SEQUENTIAL", KLAB_AREA_SEQUENTIAL,
	       "the contrary, and it replaces it");
	claim(!(area_at(self, start).flags & KLAB_AREA_RANDOM), "RANDOM is gone again");

	say("Advice that a fork obeys.");
	stored(start, MADV_WIPEONFORK, "MADV_WIPEONFORK", KLAB_AREA_WIPE_ON_FORK,
	       "a bit again; and then");
	child = begin_partner();
	if (!child.pid) {
		take_turn(&child);
		return;
	}
	other = look_at(klab, child.pid);
	map_of("parent", self, start, PAGES);
	map_of("child", other, start, PAGES);
	claim(area_at(other, start).end && !pages_with(other, start, PAGES, KLAB_PAGE_PRESENT),
	      "the child has the area, and no page of it: for keys that it must not know");
	end_partner(&child);
	madvise(start, PAGES * PAGE, MADV_KEEPONFORK);
	advise(start, MADV_DONTFORK, "MADV_DONTFORK");
	child = begin_partner();
	if (!child.pid) {
		take_turn(&child);
		return;
	}
	other = look_at(klab, child.pid);
	claim(!area_at(other, start).end, "with DONTFORK the child does not even have the area");
	end_partner(&child);

	say("And what is called advice, and is none.");
	fill(start, 1);
	map_of("before", self, start, PAGES);
	advise(start, MADV_DONTNEED, "MADV_DONTNEED");
	map_of("after", self, start, PAGES);
	claim(!pages_with(self, start, PAGES, KLAB_PAGE_PRESENT), "the pages are gone, at once");
	claim(!peek(start), "what was in them too: it reads as zero");

	fill(start, 1);
	advise(start, MADV_FREE, "MADV_FREE");
	map_of("free", self, start, PAGES);
	kernel("dirty", entry_at(self, start).flags, "the first one's entry: present, %s",
	       entry_at(self, start).flags & KLAB_ENTRY_DIRTY ? "dirty" : "clean");
	claim(pages_with(self, start, PAGES, KLAB_PAGE_PRESENT) == PAGES &&
	      !(entry_at(self, start).flags & KLAB_ENTRY_DIRTY),
	      "MADV_FREE leaves them, marked as clean: to be dropped when memory is short");
	if (doing("write to it again"))
		start[0] = 2;
	claim(entry_at(self, start).flags & KLAB_ENTRY_DIRTY && peek(start) == 2,
	      "written, it is wanted again: dirty, and it stays");

	say("A file, mapped privately, and changed.");
	fd = file_of_pages();
	mapped = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	must(mapped == MAP_FAILED ? -1 : 0, "mmap");
	fill(mapped, 'm');
	claim(pages_with(self, mapped, PAGES, KLAB_PAGE_ANON) == PAGES,
	      "the changed pages are copies, no longer the file's");
	advise(mapped, MADV_DONTNEED, "MADV_DONTNEED");
	user("reads", peek(mapped), "it was 'f', became 'm', and reads '%c'", peek(mapped));
	claim(peek(mapped) == 'f', "the changes are thrown away: the file shows through again");
	/* Reading one page of a file has brought its neighbours along. */
	must(madvise(mapped, PAGES * PAGE, MADV_DONTNEED), "MADV_DONTNEED");
	if (doing("MADV_POPULATE_READ: have all pages there, without touching them"))
		must(madvise(mapped, PAGES * PAGE, MADV_POPULATE_READ), "MADV_POPULATE_READ");
	map_of("populated", self, mapped, PAGES);
	claim(pages_with(self, mapped, PAGES, KLAB_PAGE_PRESENT) == PAGES,
	      "present, every one of them, and read-only until written");

	seen("RANDOM and SEQUENTIAL set a bit. DONTNEED destroys, on private memory without\n"
	     "asking and without a way back; other systems mean something harmless by it.\n");
	now_try("  klab task areas $$             the flags of every area of your shell\n"
		"  klab lesson run fadvise        the same for files\n");
}

const struct lesson lesson_madvise = {
	"madvise", "advice that is stored, and advice that destroys", teach,
};
