// SPDX-License-Identifier: GPL-2.0-only
/*
 * The books of the zones, against what the kernel itself shows of them in
 * /proc/buddyinfo and /proc/zoneinfo.
 */
#include "klab_test.h"

#define ZONES	64

struct books {
	__u32 count;
	struct klab_zone zones[ZONES];
};

FIXTURE(zones)
{
	int fd;
	struct klab_info info;
};

FIXTURE_SETUP(zones)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_INFO, &self->info));
}

FIXTURE_TEARDOWN(zones)
{
	close(self->fd);
}

static bool klab_books(int fd, struct books *books)
{
	struct klab_pages_zones ask = {
		.zones = { (uintptr_t)books->zones, ZONES, sizeof(books->zones[0]) },
	};

	memset(books, 0, sizeof(*books));
	if (klab(fd, KLAB_IOC_PAGES_ZONES, &ask) || ask.zones.count > ZONES)
		return false;
	books->count = ask.zones.count;
	return true;
}

/* Lines like "Node 0, zone    DMA32   759   572   791 ..." Returns the orders, or -1. */
static int read_buddyinfo(struct books *books)
{
	FILE *file = fopen("/proc/buddyinfo", "re");
	int orders = -1, used, order;
	char line[512], *at;

	memset(books, 0, sizeof(*books));
	while (file && books->count < ZONES && fgets(line, sizeof(line), file)) {
		struct klab_zone *zone = &books->zones[books->count++];

		if (sscanf(line, "Node %u, zone %15s%n", &zone->node, zone->name, &used) != 2)
			break;
		at = line + used;
		for (order = 0; order < KLAB_ORDERS; order++, at += used)
			if (sscanf(at, "%llu%n", &zone->free_blocks[order], &used) != 1)
				break;
		orders = order;
	}
	if (file)
		fclose(file);
	return orders;
}

/* The number behind @key, in a line that has little else. */
static void take(const char *line, const char *key, __u64 *number)
{
	line += strspn(line, " ");
	if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ' ')
		*number = strtoull(line + strlen(key), NULL, 10);
}

/* Paragraphs that begin with "Node 0, zone DMA32"; zones without memory are left out. */
static bool read_zoneinfo(struct books *books)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	struct klab_zone *zone = books->zones - 1;
	char line[512], name[16] = "";
	unsigned int node;

	memset(books, 0, sizeof(*books));
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %u, zone %15s", &node, name) == 2) {
			if (zone < books->zones || zone->present)
				zone++;
			if (zone == books->zones + ZONES)
				break;
			*zone = (struct klab_zone) { .node = node };
			memcpy(zone->name, name, sizeof(name));
		} else if (zone >= books->zones) {
			take(line, "pages free", &zone->free);
			take(line, "min", &zone->watermark_min);
			take(line, "low", &zone->watermark_low);
			take(line, "high", &zone->watermark_high);
			take(line, "present", &zone->present);
			take(line, "managed", &zone->managed);
		}
	}
	if (file)
		fclose(file);
	if (zone >= books->zones)
		books->count = zone - books->zones + !!zone->present;
	return books->count;
}

TEST_F(zones, same_zones_as_the_kernel_shows)
{
	struct books ours, buddy;
	__u32 i, order;

	ASSERT_TRUE(klab_books(self->fd, &ours));
	ASSERT_EQ(self->info.order_max + 1, read_buddyinfo(&buddy));
	ASSERT_LT(0, ours.count);
	ASSERT_EQ(buddy.count, ours.count);
	for (i = 0; i < ours.count; i++) {
		EXPECT_EQ(buddy.zones[i].node, ours.zones[i].node);
		EXPECT_STREQ(buddy.zones[i].name, ours.zones[i].name);
		for (order = self->info.order_max + 1; order < KLAB_ORDERS; order++)
			EXPECT_EQ(0, ours.zones[i].free_blocks[order]);
	}
}

/*
 * The lists change all the time. But sooner or later the kernel shows the same
 * before and after klab has looked, and then klab must have seen just that.
 */
TEST_F(zones, free_blocks_as_in_buddyinfo)
{
	struct books before, ours, after;
	__u32 i;

	ASSERT_TRUE(eventually(read_buddyinfo(&before) > 0 && klab_books(self->fd, &ours) &&
			       read_buddyinfo(&after) > 0 &&
			       !memcmp(&before, &after, sizeof(after))));
	for (i = 0; i < ours.count; i++)
		EXPECT_EQ(0, memcmp(before.zones[i].free_blocks, ours.zones[i].free_blocks,
				    sizeof(ours.zones[i].free_blocks)))
			TH_LOG("zone %s", ours.zones[i].name);
}

TEST_F(zones, numbers_as_in_zoneinfo)
{
	struct books before, ours, after;
	__u32 i;

	ASSERT_TRUE(eventually(read_zoneinfo(&before) && klab_books(self->fd, &ours) &&
			       read_zoneinfo(&after) && !memcmp(&before, &after, sizeof(after))));
	ASSERT_EQ(before.count, ours.count);
	for (i = 0; i < ours.count; i++) {
		const struct klab_zone *zone = &before.zones[i], *our = &ours.zones[i];

		EXPECT_STREQ(zone->name, our->name);
		EXPECT_EQ(zone->node, our->node);
		EXPECT_EQ(zone->present, our->present);
		EXPECT_EQ(zone->managed, our->managed);
		EXPECT_EQ(zone->free, our->free);
		EXPECT_EQ(zone->watermark_min, our->watermark_min);
		EXPECT_EQ(zone->watermark_low, our->watermark_low);
		EXPECT_EQ(zone->watermark_high, our->watermark_high);
	}
}

/* The two ways to count free pages agree: the lists, and the counter next to them. */
TEST_F(zones, lists_sum_to_free)
{
	struct books ours;
	__u32 i, order;

	ASSERT_TRUE(klab_books(self->fd, &ours));
	for (i = 0; i < ours.count; i++) {
		__u64 sum = 0, slack = ours.zones[i].free / 16 + 512;

		for (order = 0; order < KLAB_ORDERS; order++)
			sum += ours.zones[i].free_blocks[order] << order;
		EXPECT_LE(ours.zones[i].free, sum + slack);
		EXPECT_GE(ours.zones[i].free + slack, sum);
		EXPECT_LE(sum, ours.zones[i].managed);
		EXPECT_LE(ours.zones[i].managed, ours.zones[i].present);
	}
}

/* The array's rules: how many there are is told, as many as there is room for are written. */
TEST_F(zones, room)
{
	struct klab_pages_zones ask = { 0 };
	struct klab_zone zones[ZONES];
	__u32 all, room;

	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ZONES, &ask));
	all = ask.zones.count;
	ASSERT_LT(0, all);
	ASSERT_GT(ZONES, all);

	for (room = 0; room <= all + 1; room++) {
		memset(zones, 0xff, sizeof(zones));
		ask.zones = (struct klab_array) { (uintptr_t)zones, room, sizeof(zones[0]) };
		ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ZONES, &ask));
		EXPECT_EQ(all, ask.zones.count);
		if (room)
			EXPECT_NE(~0ULL, zones[room < all ? room - 1 : all - 1].present);
		EXPECT_EQ(~0U, zones[room < all ? room : all].node);
		EXPECT_EQ(~0ULL, zones[room < all ? room : all].free_blocks[KLAB_ORDERS - 1]);
	}
}

/* A newer program's records: the part that the module does not know is zero. */
TEST_F(zones, longer_records)
{
	struct {
		struct klab_zone known;
		__u64 news[3];
	} longer[ZONES];
	struct klab_pages_zones ask = {
		.zones = { (uintptr_t)longer, ZONES, sizeof(longer[0]) },
	};
	struct books ours;
	__u32 i;

	ASSERT_TRUE(klab_books(self->fd, &ours));
	memset(longer, 0xff, sizeof(longer));
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ZONES, &ask));
	ASSERT_EQ(ours.count, ask.zones.count);
	for (i = 0; i < ask.zones.count; i++) {
		EXPECT_STREQ(ours.zones[i].name, longer[i].known.name);
		EXPECT_EQ(ours.zones[i].present, longer[i].known.present);
		EXPECT_EQ(0, longer[i].news[0] | longer[i].news[1] | longer[i].news[2]);
	}
	EXPECT_EQ(~0ULL, longer[i].news[2]);
}

/* Records up to where the memory ends, and the last of them reaching over it. */
TEST_F(zones, end_of_memory)
{
	unsigned char *end = fenced_memory(sizeof(struct books));
	struct klab_pages_zones ask = { 0 };
	__u64 start;
	__u32 all;

	ASSERT_NE(NULL, end);
	ASSERT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ZONES, &ask));
	all = ask.zones.count;
	start = (uintptr_t)end - all * sizeof(struct klab_zone);

	ask.zones = (struct klab_array) { start, ZONES, sizeof(struct klab_zone) };
	EXPECT_EQ(0, klab(self->fd, KLAB_IOC_PAGES_ZONES, &ask));
	EXPECT_EQ(all, ask.zones.count);
	ask.zones = (struct klab_array) { start + 8, ZONES, sizeof(struct klab_zone) };
	EXPECT_EQ(EFAULT, klab(self->fd, KLAB_IOC_PAGES_ZONES, &ask));
	EXPECT_EQ(ZONES, ask.zones.count);
}

TEST_HARNESS_MAIN
