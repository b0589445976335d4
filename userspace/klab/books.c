// SPDX-License-Identifier: GPL-2.0-only
/* The page allocator's books: read, compared, shown; klab page stat and watch. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define PART_PER_MILLE	1000

/* Room for @count in place of what is in @records; NULL if there is none. */
static void *make_room(void *records, __u32 *room, __u32 count, size_t size)
{
	if (records && count <= *room)
		return records;
	free(records);
	*room = count;
	return calloc(count, size);
}

/* All there are: ask how many, make room, ask again until the room is enough. */
int books_read(int fd, struct books *books)
{
	__u32 zones = 0, events = 0;

	for (;;) {
		books->ask = (struct klab_pages_books){
			.zones = { (uintptr_t)books->zone, zones, sizeof(*books->zone) },
			.events = { (uintptr_t)books->event, events, sizeof(*books->event) },
		};
		if (klab_pages_books(fd, &books->ask) < 0)
			return -1;
		books->zones = books->ask.zones.count;
		books->events = books->ask.events.count;
		if (books->zones <= zones && books->events <= events)
			return 0;
		books->zone = make_room(books->zone, &zones, books->zones, sizeof(*books->zone));
		books->event = make_room(books->event, &events, books->events,
					 sizeof(*books->event));
		if (!books->zone || !books->event)
			return -1;
	}
}

void books_end(struct books *books)
{
	free(books->zone);
	free(books->event);
}

__u64 books_free(const struct books *books)
{
	__u64 pages = 0;
	__u32 i;

	for (i = 0; i < books->zones; i++)
		pages += books->zone[i].free + books->zone[i].per_cpu;
	return pages;
}

static json_object *zones_json(const struct books *books, unsigned int highest)
{
	json_object *list = json_object_new_array();
	const struct klab_zone *zone;
	unsigned int order;

	for (zone = books->zone; zone < books->zone + books->zones; zone++) {
		json_object *one = record_json("PAGES_ZONES", "zones", zone);
		json_object *index = json_object_new_array();

		json_string(one, "zone", zone->name);
		for (order = 0; order <= highest && order < KLAB_ORDERS; order++) {
			int mille = klab_zone_fragmentation(zone, order);

			json_object_array_add(index, json_object_new_int(mille));
		}
		json_object_object_add(one, "fragmentation", index);
		json_object_array_add(list, one);
	}
	return list;
}

static json_object *events_json(const struct books *books)
{
	json_object *object = json_object_new_object();
	__u32 i;

	for (i = 0; i < books->events; i++)
		json_number(object, books->event[i].name, books->event[i].count);
	return object;
}

void books_json(const struct call *call, json_object *object, const struct books *books)
{
	answer_json(object, "PAGES_BOOKS", &books->ask);
	json_object_object_add(object, "zones", zones_json(books, call->info.order_max));
	json_object_object_add(object, "events", events_json(books));
}

/*
 * Words in columns of a label's lines: as many to a line as fit. Counted and not padded
 * by printf(), for a colour fills no column.
 */
struct columns {
	const char *label;
	const char *name;		/* of the first line; may be "" */
	int column;
	int next;
	int count;
};

static void print_item(const struct call *call, struct columns *at, const char *item)
{
	const int left = 18, cell = 21, width = 80;
	int length = strlen(item);
	char label[16];

	if (!at->count++) {
		snprintf(label, sizeof(label), "%-9s", at->label);
		more(call, "%s %-7s ", painted(call, KERNEL_SIDE, label).s, at->name);
		at->column = left;
		at->next = left;
	} else if (at->next + length > width) {
		more(call, "\n%*s", left, "");
		at->column = left;
		at->next = left;
	}
	more(call, "%*s%s", at->next - at->column, "", painted(call, CHANGED, item).s);
	at->column = at->next + length;
	at->next += length < cell ? cell : (length / cell + 1) * cell;
}

static const struct klab_zone *same_zone(const struct books *books, const struct klab_zone *like)
{
	const struct klab_zone *zone;

	for (zone = books->zone; zone < books->zone + books->zones; zone++)
		if (zone->node == like->node && zone->zone == like->zone)
			return zone;
	return NULL;
}

/* Such as "order 3: 212 -> 156"; returns how many there were. */
static int print_moved_zone(const struct call *call, const struct klab_zone *from,
			    const struct klab_zone *to)
{
	char name[32], item[56];
	struct columns at = { .label = "moved", .name = name };
	int order;

	/* The other nodes have zones of the same names: "1:Normal". */
	if (to->node)
		snprintf(name, sizeof(name), "%u:%s", to->node, to->name);
	else
		snprintf(name, sizeof(name), "%s", to->name);

	for (order = 0; order < KLAB_ORDERS; order++) {
		if (from->free_blocks[order] == to->free_blocks[order])
			continue;
		snprintf(item, sizeof(item), "order %d: %llu -> %llu", order,
			 from->free_blocks[order], to->free_blocks[order]);
		print_item(call, &at, item);
	}
	if (from->per_cpu != to->per_cpu) {
		snprintf(item, sizeof(item), "per CPU: %llu -> %llu", from->per_cpu, to->per_cpu);
		print_item(call, &at, item);
	}
	if (from->watermark_low != to->watermark_low) {
		snprintf(item, sizeof(item), "mark low: %llu -> %llu", from->watermark_low,
			 to->watermark_low);
		print_item(call, &at, item);
	}
	if (at.count)
		more(call, "\n");
	return at.count;
}

static void print_events(const struct call *call, const struct books *from,
			 const struct books *to)
{
	struct columns at = { .label = "events", .name = "" };
	char item[56];
	__u32 i;

	/* One kernel, one list: the same events in the same places. */
	for (i = 0; i < to->events && i < from->events; i++) {
		if (to->event[i].count == from->event[i].count)
			continue;
		snprintf(item, sizeof(item), "%s +%llu", to->event[i].name,
			 to->event[i].count - from->event[i].count);
		print_item(call, &at, item);
	}
	if (at.count)
		more(call, "\n");
}

/* Where the books differ. All that runs moves them, not klab alone. */
void books_print_moved(const struct call *call, const struct books *from,
		       const struct books *to)
{
	int moved = 0;
	__u32 i;

	for (i = 0; i < to->zones; i++) {
		const struct klab_zone *old = same_zone(from, &to->zone[i]);

		if (old)
			moved += print_moved_zone(call, old, &to->zone[i]);
	}
	if (!moved)
		row(call, KERNEL_SIDE, "moved", "no list of free blocks");
	print_events(call, from, to);
}

static void print_zone(const struct call *call, const struct klab_zone *zone)
{
	__u64 page = call->info.page_size;
	__u32 order, highest = call->info.order_max;

	row(call, KERNEL_SIDE, "zone", "node %u %s", zone->node, zone->name);
	row(call, KERNEL_SIDE, "pages", "present %llu   managed %llu   free %llu (%s)",
	    zone->present, zone->managed, zone->free, text_bytes(zone->free * page).s);
	row(call, KERNEL_SIDE, "marks", "min %llu   low %llu   high %llu",
	    zone->watermark_min, zone->watermark_low, zone->watermark_high);
	row(call, KERNEL_SIDE, "per CPU", "%llu pages, at most %llu", zone->per_cpu,
	    zone->per_cpu_high);
	row(call, KERNEL_SIDE, "free",
	    "order      block    blocks  index  share of the free pages");
	for (order = 0; order <= highest && order < KLAB_ORDERS; order++) {
		__u64 blocks = zone->free_blocks[order];
		int index = klab_zone_fragmentation(zone, order);
		char text[16] = "-";

		if (index >= 0)
			snprintf(text, sizeof(text), "%.3f", (double)index / PART_PER_MILLE);
		row(call, KERNEL_SIDE, "", "%5u %10s %9llu  %5s%s%s", order,
		    text_bytes(page << order).s, blocks, text, blocks ? "  " : "",
		    text_bar(blocks << order, zone->free).s);
	}
}

static void print_books(const struct call *call, const struct books *books)
{
	const struct klab_pages_books *totals = &books->ask;
	__u64 page = call->info.page_size;
	__u32 i;

	row(call, KERNEL_SIDE, "memory", "total %s   free %s   available %s",
	    text_bytes(totals->total * page).s, text_bytes(totals->free * page).s,
	    text_bytes(totals->available * page).s);
	row(call, KERNEL_SIDE, "", "files %s   anonymous %s   slab %s",
	    text_bytes(totals->file * page).s, text_bytes(totals->anon * page).s,
	    text_bytes(totals->slab * page).s);
	for (i = 0; i < books->zones; i++) {
		more(call, "\n");
		print_zone(call, &books->zone[i]);
	}
}

int page_stat_run(struct call *call)
{
	struct books books = { 0 };
	json_object *top;

	device_open(call, 0);
	if (books_read(call->fd, &books) < 0)
		refuse(call, errno);
	top = json_start(call);
	print_books(call, &books);
	json_number(top, "page_size", call->info.page_size);
	books_json(call, top, &books);
	json_finish(call, top);
	books_end(&books);
	return DONE;
}

/* Each time one screen, with what moved since the last; ends when interrupted. */
int page_watch_run(struct call *call)
{
	__u64 interval = number_option(call, OPT_INTERVAL, 10, INT_MAX, 1000);
	__u64 left = number_option(call, OPT_COUNT, 1, ULLONG_MAX, ULLONG_MAX);
	struct books books[2] = { 0 };
	int turn;

	device_open(call, 0);
	for (turn = 0; ; turn++) {
		struct books *now = &books[turn % 2], *before = &books[(turn + 1) % 2];
		json_object *top;

		if (books_read(call->fd, now) < 0)
			refuse(call, errno);
		top = json_start(call);
		if (isatty(STDOUT_FILENO))
			more(call, "\033[H\033[J");
		else if (turn)
			more(call, "\n");
		print_books(call, now);
		if (turn) {
			more(call, "\n");
			books_print_moved(call, before, now);
		}
		books_json(call, top, now);
		json_finish(call, top);
		fflush(stdout);
		if (!--left || wait_interrupted(interval))
			break;
	}
	books_end(&books[0]);
	books_end(&books[1]);
	return DONE;
}
