// SPDX-License-Identifier: GPL-2.0-only
/* klab task pages: a range of pages as a map, one cell a page; of one task, or of two sides. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define CELLS	64		/* to a line */

/* The area that is meant: "heap", "stack", or the one that an address lies in. */
static struct klab_area find_area(struct call *call, int task)
{
	const char *which = call->option[OPT_AREA] ? call->option[OPT_AREA] : "heap";
	bool named = *which < '0' || *which > '9';
	__u64 address = named ? 0 : number_option(call, OPT_AREA, 0, ~0ULL, 0);
	struct klab_task_areas areas = { 0 };
	struct klab_area *area, found = { 0 };
	__u32 i;

	areas_read(call, task, &areas);
	area = (struct klab_area *)(uintptr_t)areas.areas.records;
	for (i = 0; i < areas.areas.count && !found.end; i++, area++) {
		const char *name = area_name(&areas, area);
		size_t length = strlen(which);

		if (named && (*name != '[' || strncmp(name + 1, which, length) ||
			      name[length + 1] != ']'))
			continue;
		if (named || (area->start <= address && address < area->end))
			found = *area;
	}
	areas_free(&areas);
	if (!found.end)
		fail(call, "there is no area %s", which);
	return found;
}

static struct klab_page *pages_read(const struct call *call, int task,
				    const struct klab_area *area, __u64 count)
{
	struct klab_page *pages = zeroed(call, count, sizeof(*pages));
	__u64 done = 0;

	while (done < count) {
		struct klab_task_pages ask = {
			.start = area->start + done * call->info.page_size,
			.bytes = (count - done) * call->info.page_size,
			.pages = { (uintptr_t)(pages + done), count - done, sizeof(*pages) },
		};

		if (klab_task_pages(task, &ask) < 0)
			refuse(call, errno);
		done += ask.walked / call->info.page_size;
	}
	return pages;
}

/* One letter a page; the first that is true. */
char page_letter(const struct klab_page *page)
{
	if (page->flags & (KLAB_PAGE_UNKNOWN | KLAB_PAGE_NO_AREA))
		return '?';
	if (!(page->flags & KLAB_PAGE_PRESENT))
		return '.';
	if (page->flags & KLAB_PAGE_ZERO)
		return '0';
	if (page->flags & KLAB_PAGE_MLOCKED)
		return 'L';
	return page->flags & KLAB_PAGE_WRITABLE ? 'W' : 'r';
}

/* Beside the page of the same address on the other side: = same, C copied, + new, - gone. */
char page_letter_beside(const struct klab_page *page, const struct klab_page *other)
{
	bool here = page->flags & KLAB_PAGE_PRESENT, there = other->flags & KLAB_PAGE_PRESENT;

	if ((page->flags | other->flags) & KLAB_PAGE_UNKNOWN)
		return '?';
	if (!here && !there)
		return '.';
	if (here != there)
		return here ? '-' : '+';
	return page->frame == other->frame ? '=' : 'C';
}

static enum paint paint_of(char letter)
{
	if (letter == '.' || letter == '?')
		return ABSENT;
	return letter == 'C' || letter == '+' || letter == '-' ? CHANGED : PLAIN;
}

/* The other side: another task, or this one later; NULL if none is wanted. */
static struct klab_page *other_side(struct call *call, int task, const struct klab_area *area,
				    __u64 count)
{
	if (call->option[OPT_DIFF])
		return pages_read(call, task_of(call, call->option[OPT_DIFF]), area, count);
	if (!call->option[OPT_INTERVAL])
		return NULL;
	wait_interrupted(number_option(call, OPT_INTERVAL, 0, INT_MAX, 0));
	return pages_read(call, task, area, count);
}

/* What the letters mean, each as it is painted below. */
static void print_legend(struct call *call, const char * const *meanings)
{
	for (; *meanings; meanings++) {
		char letter[2] = { **meanings };

		more(call, "%s%s%s", painted(call, paint_of(*letter), letter).s, *meanings + 1,
		     meanings[1] ? "   " : "\n");
	}
}

int task_pages_run(struct call *call)
{
	static const char * const alone[] = {
		". absent", "W writable", "r read-only", "L locked", "0 zeroes", "? unknown", NULL,
	};
	static const char * const beside[] = {
		". absent in both", "= the same page", "C copied", "+ new", "- gone", "? unknown",
		NULL,
	};
	int task = task_of(call, call->operand[0]);
	struct klab_area area = find_area(call, task);
	__u64 count = (area.end - area.start) / call->info.page_size, i, tally[128] = { 0 };
	struct klab_page *pages, *other;
	json_object *top, *list;

	if (call->option[OPT_DIFF] && call->option[OPT_INTERVAL])
		misuse(call, "--diff is beside another task, --interval beside this one");
	pages = pages_read(call, task, &area, count);
	other = other_side(call, task, &area, count);
	top = json_start(call);
	list = json_object_new_array();
	row(call, KERNEL_SIDE, "area", "0x%llx-0x%llx   %llu pages", area.start, area.end, count);
	print_legend(call, other ? beside : alone);
	for (i = 0; i < count; i++) {
		char letter[2] = { other ? page_letter_beside(&pages[i], &other[i]) :
				   page_letter(&pages[i]) };
		json_object *json = record_json("TASK_PAGES", "pages", &pages[i]);

		tally[(unsigned char)*letter]++;
		more(call, "%s%s", painted(call, paint_of(*letter), letter).s,
		     i % CELLS == CELLS - 1 || i == count - 1 ? "\n" : "");
		json_string(json, "cell", letter);
		if (other)
			json_object_object_add(json, "other",
					       record_json("TASK_PAGES", "pages", &other[i]));
		json_object_array_add(list, json);
	}
	if (other)
		row(call, KERNEL_SIDE, "sum",
		    "same %llu   copied %llu   new %llu   gone %llu   absent %llu",
		    tally['='], tally['C'], tally['+'], tally['-'], tally['.']);
	else
		row(call, KERNEL_SIDE, "sum", "present %llu of %llu",
		    count - tally['.'] - tally['?'], count);
	json_number(top, "start", area.start);
	json_object_object_add(top, "pages", list);
	json_finish(call, top);
	free(pages);
	free(other);
	return DONE;
}
