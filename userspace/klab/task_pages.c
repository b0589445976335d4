// SPDX-License-Identifier: GPL-2.0-only
/* klab task pages: a range of pages as a map, one cell a page; of one task or of two. */
#include <errno.h>
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
	struct klab_page *pages = calloc(count, sizeof(*pages));
	__u64 done = 0;

	while (pages && done < count) {
		struct klab_task_pages ask = {
			.start = area->start + done * call->info.page_size,
			.bytes = (count - done) * call->info.page_size,
			.pages = { (uintptr_t)(pages + done), count - done, sizeof(*pages) },
		};

		if (klab_task_pages(task, &ask) < 0)
			refuse(call, errno);
		done += ask.walked / call->info.page_size;
	}
	if (!pages)
		refuse(call, ENOMEM);
	return pages;
}

/* One letter a page; the first that is true. */
static char letter_of(const struct klab_page *page)
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

/* Beside the page of the same address in the other: = same, C copied, + new, - gone. */
static char letter_beside(const struct klab_page *page, const struct klab_page *other)
{
	bool here = page->flags & KLAB_PAGE_PRESENT, there = other->flags & KLAB_PAGE_PRESENT;

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

int task_pages_run(struct call *call)
{
	int task = task_of(call, call->operand[0]);
	const char *diff = call->option[OPT_DIFF];
	struct klab_area area = find_area(call, task);
	__u64 count = (area.end - area.start) / call->info.page_size, i, tally[128] = { 0 };
	struct klab_page *pages = pages_read(call, task, &area, count), *other = NULL;
	json_object *top = json_start(call), *list = json_object_new_array();

	if (diff)
		other = pages_read(call, task_of(call, diff), &area, count);
	row(call, KERNEL_SIDE, "area", "0x%llx-0x%llx   %llu pages", area.start, area.end, count);
	row(call, KERNEL_SIDE, "legend", "%s", diff ?
	    ". absent in both   = the same page   C copied   + new   - gone" :
	    ". absent   W writable   r read-only   L locked   0 zeroes   ? unknown");
	for (i = 0; i < count; i++) {
		char letter[2] = { diff ? letter_beside(&pages[i], &other[i]) :
				   letter_of(&pages[i]) };
		json_object *json = json_object_new_object();

		tally[(unsigned char)*letter]++;
		more(call, "%s%s", painted(call, paint_of(*letter), letter).s,
		     i % CELLS == CELLS - 1 || i == count - 1 ? "\n" : "");
		json_number(json, "flags", pages[i].flags);
		json_number(json, "frame", pages[i].frame);
		json_number(json, "references", pages[i].references);
		json_number(json, "mappings", pages[i].mappings);
		json_number(json, "order", pages[i].order);
		json_string(json, "cell", letter);
		json_object_array_add(list, json);
	}
	if (diff)
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
