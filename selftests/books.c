// SPDX-License-Identifier: GPL-2.0-only
/*
 * All books in one call, against what the kernel shows of them: /proc/vmstat,
 * /proc/zoneinfo, /proc/pagetypeinfo, /proc/meminfo, and the fragmentation index.
 *
 * They change all the time. But sooner or later the kernel shows the same before and
 * after klab has looked, and then klab must have seen just that: nothing is tolerated.
 */
#include "klab_test.h"
#include "libklab.h"

#define ZONES	16
#define RECORDS	256
#define EVENTS	64

struct books {
	struct klab_pages_books ask;
	struct klab_zone zones[ZONES];
	struct klab_zone_type types[RECORDS];
	struct klab_zone_cpu cpus[RECORDS];
	struct klab_event events[EVENTS];
};

FIXTURE(books)
{
	int fd;
	int proc;
	struct books books;
	struct books again;
	char before[65536];
	char after[65536];
};

FIXTURE_SETUP(books)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->proc = -1;
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(books)
{
	close(self->proc);
	close(self->fd);
}

#define ROOM(array)	{ (uintptr_t)(array), ARRAY_SIZE(array), sizeof((array)[0]) }

static bool read_books(int fd, struct books *books, bool types)
{
	books->ask = (struct klab_pages_books) {
		.zones = ROOM(books->zones), .types = ROOM(books->types),
		.cpus = ROOM(books->cpus), .events = ROOM(books->events),
	};
	if (!types)
		books->ask.types = (struct klab_array) { 0 };
	return !klab(fd, KLAB_IOC_PAGES_BOOKS, &books->ask) &&
	       books->ask.zones.count <= ZONES && books->ask.types.count <= RECORDS &&
	       books->ask.cpus.count <= RECORDS && books->ask.events.count <= EVENTS;
}

static bool read_text(int fd, char *text, size_t room)
{
	size_t done = 0;
	ssize_t n;

	memset(text, 0, room);
	while ((n = pread(fd, text + done, room - 1 - done, done)) > 0)
		done += n;
	return !n && done;
}

static bool same_books(const struct books *a, const struct books *b)
{
	return !memcmp(a->zones, b->zones, sizeof(a->zones)) &&
	       !memcmp(a->types, b->types, sizeof(a->types)) &&
	       !memcmp(a->cpus, b->cpus, sizeof(a->cpus)) &&
	       !memcmp(a->events, b->events, sizeof(a->events));
}

/*
 * Has the kernel shown the same of @self->proc before and after klab looked? It looks
 * twice, as what was taken in between may have been given back before the end.
 */
#define QUIET(types)							\
	(read_text(self->proc, self->before, sizeof(self->before)) &&	\
	 read_books(self->fd, &self->books, types) &&			\
	 read_books(self->fd, &self->again, types) &&			\
	 read_text(self->proc, self->after, sizeof(self->after)) &&	\
	 !strcmp(self->before, self->after) && same_books(&self->books, &self->again))

/* The number behind "@name " at the beginning of a line, or -1. */
static long long number_of(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, name, length) && text[length] == ' ')
			return atoll(text + length);
	}
	return -1;
}

TEST_F(books, events_as_in_vmstat)
{
	__u32 i, some = 0;

	if (!counts_events(self->fd))
		SKIP(return, "this kernel counts no events");
	self->proc = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	ASSERT_TRUE(eventually(QUIET(false)));
	ASSERT_LT(10, self->books.ask.events.count);
	for (i = 0; i < self->books.ask.events.count; i++) {
		const struct klab_event *event = &self->books.events[i];

		EXPECT_EQ(number_of(self->before, event->name), event->count)
			TH_LOG("%s", event->name);
		some += !!event->count;
	}
	EXPECT_LT(2, some);
}

static const struct klab_zone *find_zone(const struct books *books, __u32 node, const char *name)
{
	__u32 i;

	for (i = 0; i < books->ask.zones.count; i++)
		if (books->zones[i].node == node && !strcmp(books->zones[i].name, name))
			return &books->zones[i];
	return NULL;
}

TEST_F(books, cpus_as_in_zoneinfo)
{
	const struct klab_zone *zone = NULL;
	struct klab_zone_cpu seen = { 0 };
	__u64 count = 0, high = 0, sum;
	__u32 node, i, matches = 0;
	char name[16], *line, *rest;

	self->proc = open("/proc/zoneinfo", O_RDONLY | O_CLOEXEC);
	ASSERT_TRUE(eventually(QUIET(false)));
	for (line = strtok_r(self->before, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		line += strspn(line, " ");
		if (sscanf(line, "Node %u, zone %15s", &node, name) == 2)
			zone = find_zone(&self->books, node, name);
		if (!zone)
			continue;
		if (sscanf(line, "cpu: %u", &seen.cpu) == 1)
			continue;
		if (sscanf(line, "count: %llu", &count) == 1)
			seen.count = count;
		if (sscanf(line, "high: %llu", &high) == 1)
			seen.high = high;
		if (sscanf(line, "batch: %u", &seen.batch) != 1)
			continue;
		for (i = 0; i < self->books.ask.cpus.count; i++) {
			const struct klab_zone_cpu *cpu = &self->books.cpus[i];

			if (cpu->node != zone->node || cpu->zone != zone->zone ||
			    cpu->cpu != seen.cpu)
				continue;
			matches++;
			EXPECT_EQ(seen.count, cpu->count);
			EXPECT_EQ(seen.high, cpu->high);
			EXPECT_EQ(seen.batch, cpu->batch);
		}
	}
	EXPECT_LT(0, matches);
	EXPECT_EQ(self->books.ask.cpus.count, matches);

	/* And the sums that stand with the zones are of these. */
	for (zone = self->books.zones; zone < self->books.zones + self->books.ask.zones.count;
	     zone++) {
		for (sum = 0, high = 0, i = 0; i < self->books.ask.cpus.count; i++) {
			if (self->books.cpus[i].node != zone->node ||
			    self->books.cpus[i].zone != zone->zone)
				continue;
			sum += self->books.cpus[i].count;
			high += self->books.cpus[i].high;
		}
		EXPECT_EQ(sum, zone->per_cpu);
		EXPECT_EQ(high, zone->per_cpu_high);
	}
}

TEST_F(books, types_as_in_pagetypeinfo)
{
	static const char * const names[] = {
		"Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate",
	};
	__u32 node, i, type, order, matches = 0;
	char zone_name[16], type_name[16], *line, *rest, *at;
	const struct klab_zone *zone;
	__u64 blocks;
	int used;

	self->proc = open("/proc/pagetypeinfo", O_RDONLY | O_CLOEXEC);
	if (self->proc < 0)
		SKIP(return, "no /proc/pagetypeinfo");
	ASSERT_TRUE(eventually(QUIET(true)));
	for (line = strtok_r(self->before, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "Node %u, zone %15[^,], type %15s%n", &node, zone_name, type_name,
			   &used) != 3)
			continue;
		zone = find_zone(&self->books, node, zone_name + strspn(zone_name, " "));
		for (type = 0; type < ARRAY_SIZE(names) && strcmp(names[type], type_name); type++)
			;
		ASSERT_NE(NULL, zone);
		ASSERT_GT(ARRAY_SIZE(names), type);
		for (i = 0; i < self->books.ask.types.count; i++) {
			const struct klab_zone_type *ours = &self->books.types[i];

			if (ours->node != node || ours->zone != zone->zone || ours->type != type)
				continue;
			matches++;
			for (at = line + used, order = 0; order < KLAB_ORDERS; order++) {
				blocks = strtoull(at, &at, 10);
				if (blocks > KLAB_LIST_BLOCKS_MAX)
					blocks = KLAB_LIST_BLOCKS_MAX;
				EXPECT_EQ(blocks, ours->free_blocks[order])
					TH_LOG("zone %s type %s", zone_name, type_name);
			}
		}
	}
	EXPECT_LT(3, matches);
	EXPECT_EQ(self->books.ask.types.count, matches);
}

TEST_F(books, fragmentation_as_in_extfrag)
{
	const struct klab_zone *zone;
	char name[16], *line, *rest, *at;
	__u32 node, order, seen = 0;
	int used;

	self->proc = open("/sys/kernel/debug/extfrag/extfrag_index", O_RDONLY | O_CLOEXEC);
	if (self->proc < 0)
		SKIP(return, "no extfrag_index here");
	ASSERT_TRUE(eventually(QUIET(false)));
	for (line = strtok_r(self->before, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "Node %u, zone %15s%n", &node, name, &used) != 2)
			continue;
		zone = find_zone(&self->books, node, name);
		ASSERT_NE(NULL, zone);
		for (at = line + used, order = 0; order < KLAB_ORDERS; order++) {
			double index = strtod(at, &at);

			if (!*at && at[-1] == ' ')
				break;
			EXPECT_EQ((int)(index * 1000 + (index < 0 ? -0.5 : 0.5)),
				  klab_zone_fragmentation(zone, order))
				TH_LOG("zone %s order %u", name, order);
			seen++;
			if (at[strspn(at, " ")] == '\0')
				break;
		}
	}
	EXPECT_LT(5, seen);
}

TEST_F(books, totals_as_in_meminfo)
{
	__u64 kib = sysconf(_SC_PAGESIZE) / 1024;

	self->proc = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	ASSERT_TRUE(eventually(QUIET(false)));
	EXPECT_EQ(number_of(self->before, "MemTotal:"), self->books.ask.total * kib);
	EXPECT_EQ(number_of(self->before, "MemFree:"), self->books.ask.free * kib);
	EXPECT_EQ(number_of(self->before, "MemAvailable:"), self->books.ask.available * kib);
	EXPECT_EQ(number_of(self->before, "AnonPages:"), self->books.ask.anon * kib);
	EXPECT_EQ(number_of(self->before, "Slab:"), self->books.ask.slab * kib);
	EXPECT_EQ(number_of(self->before, "SReclaimable:"),
		  self->books.ask.slab_reclaimable * kib);
	EXPECT_LE(number_of(self->before, "Cached:"), (long long)(self->books.ask.file * kib));
}

static bool read_zones(int fd, struct klab_zone *zones)
{
	struct klab_pages_zones ask = { .zones = { (uintptr_t)zones, ZONES, sizeof(*zones) } };

	memset(zones, 0, ZONES * sizeof(*zones));
	return !klab(fd, KLAB_IOC_PAGES_ZONES, &ask);
}

/* The records that PAGES_ZONES gives as well are the same ones, at a quiet moment. */
TEST_F(books, zones_as_in_pages_zones)
{
	struct klab_zone zones[ZONES];

	EXPECT_TRUE(eventually(read_zones(self->fd, zones) &&
			       read_books(self->fd, &self->books, false) &&
			       !memcmp(zones, self->books.zones,
				       self->books.ask.zones.count * sizeof(zones[0]))));
}

static __u64 event_sum(const struct books *books, const char *prefix)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < books->ask.events.count; i++)
		if (!strncmp(books->events[i].name, prefix, strlen(prefix)))
			sum += books->events[i].count;
	return sum;
}

static __u64 free_sum(const struct books *books)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < books->ask.zones.count; i++)
		sum += books->zones[i].free + books->zones[i].per_cpu;
	return sum;
}

/*
 * A thousand pages move the events by a thousand. What else happens to be allocated
 * meanwhile adds to it, so the least of many tries is what counts: at least those
 * thousand and the memory that remembers them, and next to nothing besides.
 */
TEST_F(books, a_thousand_pages)
{
	static struct books before, held, after;
	__u64 allocated = ~0ULL, freed = ~0ULL, delta;
	bool counts = counts_events(self->fd);
	long long taken, missing = 1000, least_taken = LLONG_MAX;
	int i;

	for (i = 0; i < 50; i++) {
		__u32 handle;

		ASSERT_TRUE(read_books(self->fd, &before, false));
		ASSERT_EQ(0, hold(self->fd, 0, 1000, &handle));
		ASSERT_TRUE(read_books(self->fd, &held, false));
		ASSERT_EQ(0, give_back(self->fd, handle));
		ASSERT_TRUE(read_books(self->fd, &after, false));

		delta = event_sum(&held, "pgalloc_") - event_sum(&before, "pgalloc_");
		ASSERT_LE(counts ? 1000 : 0, delta);
		allocated = delta < allocated ? delta : allocated;
		delta = event_sum(&after, "pgfree") - event_sum(&held, "pgfree");
		ASSERT_LE(counts ? 1000 : 0, delta);
		freed = delta < freed ? delta : freed;
		taken = free_sum(&before) - free_sum(&held);
		least_taken = llabs(taken - 1000) < llabs(least_taken - 1000) ? taken : least_taken;
		taken = free_sum(&before) - free_sum(&after);
		missing = llabs(taken) < llabs(missing) ? taken : missing;
	}
	EXPECT_GE(1016, allocated);
	EXPECT_GE(1016, freed);
	/* The zones' counters are each CPU's own until they differ by some hundred. */
	EXPECT_LE(1000 - 256, least_taken);
	EXPECT_GE(1000 + 256, least_taken);
	EXPECT_LE(-256, missing);
	EXPECT_GE(256, missing);
}

/* Room for some only: they are written, all are counted, and no more is touched. */
TEST_F(books, room)
{
	struct klab_pages_books none = { 0 }, some;
	struct klab_zone_type type[2];
	struct klab_event event[2];
	struct klab_zone_cpu cpu[2];

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_BOOKS, &none));
	EXPECT_LT(0, none.zones.count);
	EXPECT_EQ(0, none.types.count % none.zones.count);
	EXPECT_EQ(0, none.cpus.count % none.zones.count);
	EXPECT_EQ(counts_events(self->fd), none.events.count > 10);
	EXPECT_LT(0, none.time_ns);

	memset(type, 0xff, sizeof(type));
	memset(event, 0xff, sizeof(event));
	memset(cpu, 0xff, sizeof(cpu));
	some = (struct klab_pages_books) {
		.types = { (uintptr_t)type, 1, sizeof(type[0]) },
		.events = { (uintptr_t)event, 1, sizeof(event[0]) },
		.cpus = { (uintptr_t)cpu, 1, sizeof(cpu[0]) },
	};
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_BOOKS, &some));
	EXPECT_EQ(none.types.count, some.types.count);
	EXPECT_EQ(none.events.count, some.events.count);
	EXPECT_EQ(none.cpus.count, some.cpus.count);
	EXPECT_NE(~0U, type[0].node);
	EXPECT_EQ(!none.events.count, event[0].count == ~0ULL);
	EXPECT_NE(~0U, cpu[0].node);
	EXPECT_EQ(~0U, type[1].node);
	EXPECT_EQ(~0ULL, event[1].count);
	EXPECT_EQ(~0U, cpu[1].node);
}

TEST_HARNESS_MAIN
