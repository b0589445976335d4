// SPDX-License-Identifier: GPL-2.0-only
/* The page allocator, and two ways to read its books. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../driver/bare.h"
#include "bench.h"
#include "libklab.h"

#define ZONES	64

struct books {
	int klab, buddyinfo, zoneinfo;
	__u32 count;
	struct klab_zone zones[ZONES];
	struct klab_bucket buckets[KLAB_BUCKETS];
	char text[65536];
};

static void *books_open(size_t bytes)
{
	struct books *books = pages(sizeof(*books));

	books->klab = device();
	books->buddyinfo = open("/proc/buddyinfo", O_RDONLY | O_CLOEXEC);
	books->zoneinfo = open("/proc/zoneinfo", O_RDONLY | O_CLOEXEC);
	if (books->buddyinfo < 0 || books->zoneinfo < 0)
		fail(errno, "/proc/buddyinfo, /proc/zoneinfo");
	return books;
}

static void books_close(void *state)
{
	struct books *books = state;

	close(books->klab);
	close(books->buddyinfo);
	close(books->zoneinfo);
	free(books);
}

static void alloc(struct books *books, __u32 flags)
{
	struct klab_pages_alloc ask = {
		.count = BLOCKS,
		.node = KLAB_NODE_ANY,
		.flags = flags,
		.histogram = { (uintptr_t)books->buckets, KLAB_BUCKETS, sizeof(books->buckets[0]) },
	};
	struct klab_pages_free release = { 0 };

	if (klab_pages_alloc(books->klab, &ask))
		fail(errno, "KLAB_IOC_PAGES_ALLOC");
	if (ask.obtained != BLOCKS)
		fail(0, "%llu of %u pages", (unsigned long long)ask.obtained, BLOCKS);
	if (!(flags & KLAB_PAGES_BARE) && ask.alloc.count != BLOCKS)
		fail(0, "%llu of %u times", (unsigned long long)ask.alloc.count, BLOCKS);
	if (!(flags & KLAB_PAGES_HOLD))
		return;

	release.handle = ask.handle;
	if (klab_pages_free(books->klab, &release))
		fail(errno, "KLAB_IOC_PAGES_FREE");
	if (release.count != BLOCKS)
		fail(0, "%llu of %u pages freed", (unsigned long long)release.count, BLOCKS);
}

static void alloc_run(void *state, unsigned long times)
{
	while (times--)
		alloc(state, 0);
}

static void alloc_bare_run(void *state, unsigned long times)
{
	while (times--)
		alloc(state, KLAB_PAGES_BARE);
}

static void bulk_run(void *state, unsigned long times)
{
	while (times--)
		alloc(state, KLAB_PAGES_BARE | KLAB_PAGES_BULK);
}

static void hold_run(void *state, unsigned long times)
{
	while (times--)
		alloc(state, KLAB_PAGES_HOLD);
}

static void bare_loop_run(void *state, unsigned long times)
{
	struct klab_bare_loop ask = { .count = BLOCKS };
	struct books *books = state;

	while (times--) {
		if (ioctl(books->klab, KLAB_IOC_BARE_LOOP, &ask))
			fail(errno, "KLAB_IOC_BARE_LOOP");
	}
}

const struct side klab_alloc = {
	"klab", books_open, alloc_run, NULL, books_close
};

const struct side klab_alloc_bare = {
	"one by one", books_open, alloc_bare_run, NULL, books_close
};

const struct side klab_bulk = {
	"klab", books_open, bulk_run, NULL, books_close
};

const struct side klab_hold = {
	"klab", books_open, hold_run, NULL, books_close
};

const struct side bare_loop = {
	"bare loop", books_open, bare_loop_run, NULL, books_close
};

static void klab_zones_read(struct books *books)
{
	books->count = ZONES;
	if (klab_pages_zones(books->klab, books->zones, &books->count))
		fail(errno, "KLAB_IOC_PAGES_ZONES");
}

static void klab_zones_run(void *state, unsigned long times)
{
	while (times--)
		klab_zones_read(state);
}

static void read_text(struct books *books, int fd)
{
	size_t done = 0;
	ssize_t n;

	/* The kernel hands out a page or so at a time. */
	do {
		n = pread(fd, books->text + done, sizeof(books->text) - 1 - done, done);
		if (n < 0)
			fail(errno, "read of /proc");
		done += n;
	} while (n && done < sizeof(books->text) - 1);
	books->text[done] = 0;
}

/* The number at *@at, and *@at moves past it. Quicker than strtoul(): be fair. */
static __u64 number(char **at)
{
	__u64 value = 0;
	char *p = *at;

	while (*p == ' ')
		p++;
	for (; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (*p - '0');
	*at = p;
	return value;
}

/* "Node 0, zone   Normal": the zone's record, made when it is the first time. */
static struct klab_zone *zone_of(struct books *books, char **at, bool make)
{
	struct klab_zone *zone;
	__u32 node, length;
	char *name;

	*at += strlen("Node");
	node = number(at);
	*at += strlen(", zone");
	while (**at == ' ')
		(*at)++;
	name = *at;
	*at = name + strcspn(name, "\n ");
	length = *at - name;

	for (zone = books->zones; zone < books->zones + books->count; zone++) {
		if (zone->node == node && !strncmp(zone->name, name, length) &&
		    !zone->name[length])
			return zone;
	}
	if (!make)
		return NULL;
	if (books->count == ZONES || length >= sizeof(zone->name))
		fail(0, "a zone too many in /proc/buddyinfo");
	books->count++;
	memset(zone, 0, sizeof(*zone));
	zone->node = node;
	memcpy(zone->name, name, length);
	return zone;
}

static char *next_line(char *at)
{
	at += strcspn(at, "\n");
	return *at ? at + 1 : at;
}

/* One line for each zone that has memory: its free blocks by order. */
static void parse_buddyinfo(struct books *books)
{
	struct klab_zone *zone;
	unsigned int order;
	char *at;

	for (at = books->text; *at; at = next_line(at)) {
		zone = zone_of(books, &at, true);
		for (order = 0; *at != '\n' && order < KLAB_ORDERS; order++) {
			zone->free_blocks[order] = number(&at);
			while (*at == ' ')
				at++;
		}
	}
}

/* The rest, for each zone in a paragraph of lines "  word  number". */
static void parse_zoneinfo(struct books *books)
{
	static const struct {
		const char *word;
		size_t offset;
	} fields[] = {
		{ "pages free ", offsetof(struct klab_zone, free) },
		{ "min ", offsetof(struct klab_zone, watermark_min) },
		{ "low ", offsetof(struct klab_zone, watermark_low) },
		{ "high ", offsetof(struct klab_zone, watermark_high) },
		{ "present ", offsetof(struct klab_zone, present) },
		{ "managed ", offsetof(struct klab_zone, managed) },
	};
	struct klab_zone *zone = NULL;
	size_t i, length;
	char *at;

	for (at = books->text; *at; at = next_line(at)) {
		if (*at == 'N') {
			zone = zone_of(books, &at, false);
			continue;
		}
		at += strspn(at, " ");
		for (i = 0; zone && i < ARRAY_SIZE(fields); i++) {
			length = strlen(fields[i].word);
			if (strncmp(at, fields[i].word, length))
				continue;
			at += length;
			*(__u64 *)((char *)zone + fields[i].offset) = number(&at);
			break;
		}
		/* Statistics and per-CPU lists follow, with some of the same words. */
		if (!strncmp(at, "nr_free_pages", 13))
			zone = NULL;
	}
}

static void proc_zones_run(void *state, unsigned long times)
{
	struct books *books = state;

	while (times--) {
		books->count = 0;
		read_text(books, books->buddyinfo);
		parse_buddyinfo(books);
		read_text(books, books->zoneinfo);
		parse_zoneinfo(books);
	}
}

/* What never moves is the same the other way round; free pages nearly so. */
static void zones_check(void *state, unsigned long times)
{
	struct books *books = state, *other = books_open(0);
	const struct klab_zone *a, *b;
	long long difference;
	unsigned int order;
	__u32 i;

	proc_zones_run(other, 1);
	if (books->count != other->count)
		fail(0, "klab sees %u zones, /proc %u", books->count, other->count);
	for (i = 0; i < other->count; i++) {
		a = &books->zones[i];
		b = &other->zones[i];
		if (strcmp(a->name, b->name) || a->present != b->present ||
		    a->managed != b->managed || a->watermark_min != b->watermark_min ||
		    a->watermark_low != b->watermark_low ||
		    a->watermark_high != b->watermark_high)
			fail(0, "klab and /proc disagree about zone %s", a->name);
		for (order = 0, difference = 0; order < KLAB_ORDERS; order++)
			difference += ((long long)a->free_blocks[order] -
				       (long long)b->free_blocks[order]) << order;
		/* Per-CPU lists take and give back blocks at any time. */
		if (llabs(difference) > 4096)
			fail(0, "the free lists of zone %s differ by %lld pages", a->name,
			     difference);
	}
	books_close(other);
	/* The next run has to find them all again. */
	books->count = 0;
}

const struct side klab_zones = {
	"klab", books_open, klab_zones_run, zones_check, books_close
};

const struct side proc_zones = {
	"/proc, parsed", books_open, proc_zones_run, zones_check, books_close
};
