// SPDX-License-Identifier: GPL-2.0-only
/* klab page: the page allocator, asked and watched. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool.h"

/* All zones there are: ask how many, make room, ask again until the room is enough. */
static int zones_read(int fd, struct zones *zones)
{
	__u32 room = 0;

	for (;;) {
		struct klab_zone *bigger;

		zones->count = room;
		if (klab_pages_zones(fd, zones->zone, &zones->count) < 0)
			return -1;
		if (zones->count <= room)
			return 0;
		room = zones->count;
		bigger = reallocarray(zones->zone, room, sizeof(*bigger));
		if (!bigger)
			return -1;
		zones->zone = bigger;
	}
}

static json_object *zones_json(const struct zones *zones)
{
	json_object *list = json_object_new_array();
	const struct klab_zone *zone;
	int order;

	for (zone = zones->zone; zone < zones->zone + zones->count; zone++) {
		json_object *one = json_object_new_object();
		json_object *blocks = json_object_new_array();

		json_number(one, "node", zone->node);
		json_string(one, "zone", zone->name);
		json_number(one, "present", zone->present);
		json_number(one, "managed", zone->managed);
		json_number(one, "free", zone->free);
		json_number(one, "watermark_min", zone->watermark_min);
		json_number(one, "watermark_low", zone->watermark_low);
		json_number(one, "watermark_high", zone->watermark_high);
		for (order = 0; order < KLAB_ORDERS; order++)
			json_object_array_add(blocks,
					      json_object_new_uint64(zone->free_blocks[order]));
		json_object_object_add(one, "free_blocks", blocks);
		json_object_array_add(list, one);
	}
	return list;
}

static json_object *timing_json(const struct klab_timing *timing)
{
	json_object *object = json_object_new_object();

	json_number(object, "count", timing->count);
	json_number(object, "total_ns", timing->total_ns);
	json_number(object, "min_ns", timing->min_ns);
	json_number(object, "max_ns", timing->max_ns);
	return object;
}

static void print_timing(const struct call *call, const char *label,
			 const struct klab_timing *timing, const char *what)
{
	__u64 average = timing->count ? timing->total_ns / timing->count : 0;

	row(call, KERNEL_SIDE, label, "min %s   average %s   max %s   %s",
	    text_time(timing->min_ns).s, text_time(average).s,
	    text_time(timing->max_ns).s, what);
}

/*
 * Has the kernel allocate as grab->alloc says, and reads the books on both sides of
 * it. Returns 0 or, with errno, -1; grab_end() in either case.
 */
int grab_take(const struct call *call, struct grab *grab)
{
	struct klab_array *sources = &grab->alloc.sources;

	if (zones_read(call->fd, &grab->before) < 0)
		return -1;
	/* A block comes from a zone, so there are no more sources than zones. */
	grab->source = calloc(grab->before.count, sizeof(*grab->source));
	if (!grab->source)
		return -1;
	sources->records = (uintptr_t)grab->source;
	sources->count = grab->before.count;
	sources->size = sizeof(*grab->source);
	if (klab_pages_alloc(call->fd, &grab->alloc) < 0)
		return -1;
	if (sources->count > grab->before.count)
		sources->count = grab->before.count;
	return zones_read(call->fd, &grab->taken);
}

int grab_return(const struct call *call, struct grab *grab)
{
	grab->release = (struct klab_pages_free){ .handle = grab->alloc.handle };
	if (klab_pages_free(call->fd, &grab->release) < 0)
		return -1;
	return zones_read(call->fd, &grab->after);
}

void grab_end(struct grab *grab)
{
	free(grab->source);
	free(grab->before.zone);
	free(grab->taken.zone);
	free(grab->after.zone);
}

void grab_print_taken(const struct call *call, const struct grab *grab)
{
	const struct klab_pages_alloc *alloc = &grab->alloc;
	char from[256] = "", short_of[32] = "";
	size_t used = 0;
	__u32 i;

	if (alloc->obtained < alloc->count)
		snprintf(short_of, sizeof(short_of), " of %llu", alloc->count);
	for (i = 0; i < alloc->sources.count && used < sizeof(from); i++)
		used += snprintf(from + used, sizeof(from) - used,
					 "%s%llu from node %u zone %s", i ? ", " : "",
					 grab->source[i].blocks, grab->source[i].node,
					 grab->source[i].name);
	if (alloc->handle)
		row(call, KERNEL_SIDE, "got", "%llu%s, handle %u: %s", alloc->obtained,
		    short_of, alloc->handle, from);
	else
		row(call, KERNEL_SIDE, "got", "%llu%s: %s", alloc->obtained, short_of, from);
	print_timing(call, "time", &alloc->alloc, "a block");
}

static const struct klab_zone *same_zone(const struct zones *zones,
					 const struct klab_zone *like)
{
	const struct klab_zone *zone;

	for (zone = zones->zone; zone < zones->zone + zones->count; zone++)
		if (zone->node == like->node && zone->zone == like->zone)
			return zone;
	return NULL;
}

/* As many "order 3: 212 -> 156" to a line as fit; returns how many there were. */
static int print_moved_zone(const struct call *call, const struct klab_zone *from,
			    const struct klab_zone *to)
{
	const int left = 18, cell = 21, width = 80;
	int order, column = left, next = left, moved = 0;
	char name[32];

	/* The other nodes have zones of the same names: "1:Normal". */
	if (to->node)
		snprintf(name, sizeof(name), "%u:%s", to->node, to->name);
	else
		snprintf(name, sizeof(name), "%s", to->name);

	for (order = 0; order < KLAB_ORDERS; order++) {
		char item[56];
		int length;

		if (from->free_blocks[order] == to->free_blocks[order])
			continue;
		length = snprintf(item, sizeof(item), "order %d: %llu -> %llu", order,
				  from->free_blocks[order], to->free_blocks[order]);
		/* Counted and not padded by printf(): a colour fills no column. */
		if (!moved++) {
			more(call, "%s %-7s ", painted(call, KERNEL_SIDE, "moved    ").s, name);
		} else if (next + length > width) {
			more(call, "\n%*s", left, "");
			next = left;
		} else {
			more(call, "%*s", next - column, "");
		}
		more(call, "%s", painted(call, CHANGED, item).s);
		column = next + length;
		next += length < cell ? cell : length + 1;
	}
	if (moved)
		more(call, "\n");
	return moved;
}

__u64 zones_free(const struct zones *zones)
{
	__u64 pages = 0;
	__u32 i;

	for (i = 0; i < zones->count; i++)
		pages += zones->zone[i].free;
	return pages;
}

/* Free blocks by order, where the books differ. All that runs moves them, not klab alone. */
void grab_print_moved(const struct call *call, const struct zones *from,
		      const struct zones *to)
{
	int moved = 0;
	__u32 i;

	for (i = 0; i < to->count; i++) {
		const struct klab_zone *old = same_zone(from, &to->zone[i]);

		if (old)
			moved += print_moved_zone(call, old, &to->zone[i]);
	}
	if (!moved)
		row(call, KERNEL_SIDE, "moved", "no free list; per-CPU lists stand before them");
}

json_object *grab_json(const struct grab *grab)
{
	const struct klab_pages_alloc *alloc = &grab->alloc;
	json_object *object = json_object_new_object();
	json_object *sources = json_object_new_array();
	json_object *zones = json_object_new_object();
	bool held = alloc->flags & KLAB_PAGES_HOLD;
	__u32 i;

	json_number(object, "order", alloc->order);
	json_number(object, "count", alloc->count);
	json_object_object_add(object, "node", json_object_new_int(alloc->node));
	json_flag(object, "partial", alloc->flags & KLAB_PAGES_PARTIAL);
	json_flag(object, "hold", held);
	json_number(object, "obtained", alloc->obtained);
	for (i = 0; i < alloc->sources.count; i++) {
		json_object *one = json_object_new_object();

		json_number(one, "node", grab->source[i].node);
		json_string(one, "zone", grab->source[i].name);
		json_number(one, "blocks", grab->source[i].blocks);
		json_object_array_add(sources, one);
	}
	json_object_object_add(object, "sources", sources);
	json_object_object_add(object, "alloc", timing_json(&alloc->alloc));
	json_number(object, "freed", held ? grab->release.count : alloc->obtained);
	json_object_object_add(object, "free",
			       timing_json(held ? &grab->release.free : &alloc->free));
	json_object_object_add(zones, "before", zones_json(&grab->before));
	json_object_object_add(zones, held ? "held" : "after", zones_json(&grab->taken));
	if (held)
		json_object_object_add(zones, "after", zones_json(&grab->after));
	json_object_object_add(object, "zones", zones);
	return object;
}

/* The limit that was met, where the answer to the handshake tells. */
static noreturn void refuse_alloc(const struct call *call, const struct klab_pages_alloc *alloc)
{
	const struct klab_info *info = &call->info;
	int error = errno;

	if (error == EINVAL && alloc->order > info->order_max)
		refuse_because(call, error, "order %u: this kernel serves 0 to %u",
			       alloc->order, info->order_max);
	if (error == EINVAL && (!alloc->count || alloc->count > info->blocks_max))
		refuse_because(call, error, "%llu blocks: one call may ask for 1 to %llu",
			       alloc->count, info->blocks_max);
	if (error == EINVAL && alloc->node != KLAB_NODE_ANY)
		refuse_because(call, error, "there is no node %d: klab page stat shows which are",
			       alloc->node);
	if (error == ENOMEM && alloc->flags & KLAB_PAGES_HOLD &&
	    alloc->count > info->pages_max >> alloc->order)
		refuse_because(call, error,
			       "%llu blocks of order %u: a descriptor holds %llu pages",
			       alloc->count, alloc->order, info->pages_max);
	refuse(call, error);
}

/* Until the time is up or somebody interrupts; returns whether somebody did. */
static bool hold(int seconds)
{
	struct timespec left = { .tv_sec = seconds };
	__u64 end = now() + (__u64)seconds * 1000000000;
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while ((got = sigtimedwait(&set, NULL, &left)) < 0 && errno == EINTR) {
		__u64 at = now(), ns = at < end ? end - at : 0;

		left.tv_sec = ns / 1000000000;
		left.tv_nsec = ns % 1000000000;
	}
	return got > 0;
}

static void hold_and_return(const struct call *call, struct grab *grab)
{
	int seconds = number_option(call, OPT_HOLD, 0, INT_MAX, 0);
	bool interrupted;

	row(call, USER_SIDE, "hold", "%d s, or until interrupted", seconds);
	fflush(stdout);
	interrupted = hold(seconds);
	if (grab_return(call, grab) < 0)
		refuse_because(call, errno, "giving handle %u back failed",
			       grab->alloc.handle);
	row(call, KERNEL_SIDE, "freed", "%llu%s", grab->release.count,
	    interrupted ? ", interrupted" : "");
	print_timing(call, "time", &grab->release.free, "a block");
	grab_print_moved(call, &grab->taken, &grab->after);
}

static void print_asked(const struct call *call, const struct klab_pages_alloc *alloc)
{
	__u64 page = call->info.page_size;
	char node[24] = "any node";

	if (alloc->node != KLAB_NODE_ANY)
		snprintf(node, sizeof(node), "node %d", alloc->node);
	row(call, USER_SIDE, "asked", "%llu x order %u (2^%u pages, %s each): %s, from %s",
	    alloc->count, alloc->order, alloc->order,
	    text_bytes(page << alloc->order).s,
	    text_bytes(alloc->count * (page << alloc->order)).s, node);
}

int page_alloc_run(struct call *call)
{
	struct grab grab = {
		.alloc = {
			.order = number_option(call, OPT_ORDER, 0, UINT_MAX, 0),
			.count = number_option(call, OPT_COUNT, 0, ULLONG_MAX, 1),
			.node = number_option(call, OPT_NODE, 0, INT_MAX,
						     KLAB_NODE_ANY),
		},
	};
	json_object *top;

	number_option(call, OPT_HOLD, 0, INT_MAX, 0);
	if (call->option[OPT_HOLD])
		grab.alloc.flags |= KLAB_PAGES_HOLD;
	if (call->option[OPT_PARTIAL])
		grab.alloc.flags |= KLAB_PAGES_PARTIAL;
	device_open(call, 0);
	if (grab_take(call, &grab) < 0)
		refuse_alloc(call, &grab.alloc);

	top = json_start(call);
	print_asked(call, &grab.alloc);
	grab_print_taken(call, &grab);
	if (grab.alloc.handle) {
		grab_print_moved(call, &grab.before, &grab.taken);
		hold_and_return(call, &grab);
	} else {
		print_timing(call, "freed", &grab.alloc.free, "a block, each at once");
		grab_print_moved(call, &grab.before, &grab.taken);
	}
	json_object_object_add(top, "grab", grab_json(&grab));
	json_finish(call, top);
	grab_end(&grab);
	return DONE;
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
	row(call, KERNEL_SIDE, "free", "order      block    blocks  share of the free pages");
	for (order = 0; order <= highest && order < KLAB_ORDERS; order++) {
		__u64 blocks = zone->free_blocks[order];

		row(call, KERNEL_SIDE, "", "%5u %10s %9llu%s%s", order,
		    text_bytes(page << order).s, blocks, blocks ? "  " : "",
		    text_bar(blocks << order, zone->free).s);
	}
}

int page_stat_run(struct call *call)
{
	struct zones zones = { 0 };
	json_object *top;
	__u32 i;

	device_open(call, 0);
	if (zones_read(call->fd, &zones) < 0)
		refuse(call, errno);
	top = json_start(call);
	for (i = 0; i < zones.count; i++) {
		if (i)
			more(call, "\n");
		print_zone(call, &zones.zone[i]);
	}
	json_number(top, "page_size", call->info.page_size);
	json_object_object_add(top, "zones", zones_json(&zones));
	json_finish(call, top);
	free(zones.zone);
	return DONE;
}
