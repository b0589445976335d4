// SPDX-License-Identifier: GPL-2.0-only
/* klab notify: the kernel fires, and those who wait in every way say what they were told. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool.h"

#define VALUE		42
#define DELAY_MS	50
#define WAYS_MAX	16

/* A notifier with one notification that nothing fires yet: who waits has to know it. */
static int prepare(struct call *call, __u32 records, struct klab_notify_set *set)
{
	int notifier;

	device_open(call, 0);
	notifier = klab_notifier_create(call->fd, records, NULL);
	if (notifier < 0 || klab_notify_set(notifier, set, NULL, 0) < 0)
		refuse(call, errno);
	return notifier;
}

/* So many, of which the first is due at first_ns. */
static void repeat(struct klab_notify_set *set, __u64 count, __u64 interval_us)
{
	set->count = count;
	set->interval_ns = count > 1 ? interval_us * 1000 : 0;
}

static void begin(const struct call *call, int notifier, struct klab_notify_set *set,
		  const struct klab_delivery *deliveries, __u32 count)
{
	set->trigger = KLAB_TRIGGER_TIMER;
	if (klab_notify_set(notifier, set, deliveries, count) < 0)
		refuse(call, errno);
}

/* What became of it; @histogram: of how late each firing was, unless that is NULL. */
static struct klab_notify_query query_of(const struct call *call, int notifier, __u32 handle,
					 struct histogram *histogram)
{
	struct klab_lateness buckets[KLAB_LATENESS_BUCKETS] = { 0 };
	struct klab_notify_query query;
	int i;

	if (klab_notify_query(notifier, handle, &query, histogram ? buckets : NULL, NULL,
			      NULL) < 0)
		refuse(call, errno);
	for (i = 0; histogram && i < KLAB_LATENESS_BUCKETS; i++)
		histogram->count[i] = buckets[i].firings;
	return query;
}

static void told_json(json_object *object, const struct told *told)
{
	json_number(object, "sequence", told->sequence);
	json_number(object, "value", told->value);
	json_flag(object, "asked", told->asked);
	json_number(object, "fired_ns", told->fired_ns);
	json_number(object, "after_ns", told->at - told->fired_ns);
}

struct compared {
	struct waiter waiter;
	bool came;
	struct told told;
};

/* Those that never came last. */
static int by_arrival(const void *a, const void *b)
{
	const struct compared *x = a, *y = b;

	if (x->came != y->came)
		return y->came - x->came;
	return (x->told.at > y->told.at) - (x->told.at < y->told.at);
}

static bool agrees(const struct compared *one, const struct klab_notify_query *query)
{
	return one->came && one->told.sequence == query->fired &&
	       one->told.value == query->value && one->told.fired_ns == query->last_ns;
}

static void print_compared(const struct call *call, const struct compared *one,
			   unsigned int rank, const struct klab_notify_query *query,
			   json_object *list)
{
	const struct told *told = &one->told;
	const struct way *way = one->waiter.way;
	json_object *object = json_object_new_object();

	json_string(object, "way", way->name);
	json_string(object, "on", way->on);
	json_flag(object, "came", one->came);
	if (one->came) {
		told_json(object, told);
		json_number(object, "arrived", rank);
		more(call, "%-12s %-9s %8llu %7llu   %-6s %8u   %s%s\n", way->name, way->on,
		     told->sequence, told->value, told->asked ? "asked" : "told", rank,
		     text_time(told->at - told->fired_ns).s,
		     agrees(one, query) ? "" : "   disagrees");
	} else {
		more(call, "%-12s %-9s %8s\n", way->name, way->on, "missing");
	}
	json_object_array_add(list, object);
}

static void report(const struct call *call, struct compared *all, unsigned int count,
		   const struct klab_notify_query *query)
{
	json_object *top = json_start(call), *list = json_object_new_array();
	unsigned int i, agree = 0;

	qsort(all, count, sizeof(*all), by_arrival);
	row(call, KERNEL_SIDE, "fired", "sequence %llu at %s, by a timer due %s earlier",
	    query->fired, text_moment(query->last_ns).s, text_time(query->lateness.max_ns).s);
	more(call, "\n%-12s %-9s %8s %7s   %-6s %8s   %s\n", "way", "on", "sequence", "value",
	     "by it", "arrived", "after");
	for (i = 0; i < count; i++) {
		print_compared(call, &all[i], i + 1, query, list);
		agree += agrees(&all[i], query);
	}
	more(call, "%u of %u ways agree\n", agree, count);
	more(call, "told: all of it by the way; asked: some of it, after waking\n");
	json_number(top, "sequence", query->fired);
	json_number(top, "value", query->value);
	json_number(top, "fired_ns", query->last_ns);
	json_number(top, "late_ns", query->lateness.max_ns);
	json_object_object_add(top, "ways", list);
	json_finish(call, top);
	if (agree != count)
		fail(call, "%u of %u ways are missing or disagree", count - agree, count);
}

int notify_compare_run(struct call *call)
{
	struct klab_notify_set set = { .value = VALUE };
	struct klab_delivery deliveries[WAYS_MAX];
	struct compared all[WAYS_MAX] = { 0 };
	unsigned int count = 0, needed = 0, i;
	struct klab_notify_query query;
	int notifier = prepare(call, 0, &set);

	for (; ways[count].name; count++) {
		all[count].waiter = (struct waiter){
			.way = &ways[count], .notifier = notifier, .handle = set.handle,
			.until = 1,
		};
		waiter_start(call, &all[count].waiter, &deliveries[needed]);
		needed += !!ways[count].way;
	}
	for (i = 0; i < count; i++)
		child_settle(&all[i].waiter.child);

	set.first_ns = DELAY_MS * 1000000ULL;
	begin(call, notifier, &set, deliveries, needed);
	row(call, USER_SIDE, "asked", "one firing with value %d, for %u who wait", VALUE, count);
	for (i = 0; i < count; i++) {
		all[i].came = waiter_next(&all[i].waiter, PATIENCE_MS, &all[i].told);
		waiter_end(&all[i].waiter);
	}
	query = query_of(call, notifier, set.handle, NULL);
	report(call, all, count, &query);
	return DONE;
}

/* One row for one who was woken; what he slept through is missing from the numbers. */
int notify_wait_run(struct call *call)
{
	__u64 count = number_option(call, OPT_COUNT, 1, 1000, 1);
	__u64 delay_ms = number_option(call, OPT_DELAY, 0, 3600000, DELAY_MS), last = 0, woken = 0;
	__u64 interval_us = number_option(call, OPT_INTERVAL, 0, 3600000000, 10000);
	struct waiter waiter = { .way = way_of(call, call->operand[0], NULL), .until = count };
	int patience_ms = delay_ms + interval_us / 1000 + PATIENCE_MS;
	struct klab_notify_set set = {
		.value = number_option(call, OPT_VALUE, 0, ULLONG_MAX, VALUE),
	};
	struct klab_delivery delivery;
	json_object *top, *list = json_object_new_array(), *object;
	struct told told;

	waiter.notifier = prepare(call, count, &set);
	waiter.handle = set.handle;
	waiter_start(call, &waiter, &delivery);
	child_settle(&waiter.child);
	set.first_ns = delay_ms * 1000000;
	repeat(&set, count, interval_us);
	begin(call, waiter.notifier, &set, &delivery, !!waiter.way->way);

	row(call, USER_SIDE, "asked", "%llu x value %llu, for a child that waits: %s, %s", count,
	    set.value, waiter.way->on, waiter.way->name);
	more(call, "\n%8s %20s   %-6s %s\n", "sequence", "value", "by it", "after");
	while (last < count && waiter_next(&waiter, patience_ms, &told)) {
		more(call, "%8llu %20llu   %-6s %s\n", told.sequence, told.value,
		     told.asked ? "asked" : "told", text_time(told.at - told.fired_ns).s);
		fflush(stdout);
		object = json_object_new_object();
		told_json(object, &told);
		json_object_array_add(list, object);
		last = told.sequence;
		woken++;
	}
	waiter_end(&waiter);
	more(call, "woken %llu times for %llu firings\n", woken, last);
	top = json_start(call);
	json_string(top, "way", waiter.way->name);
	json_string(top, "on", waiter.way->on);
	json_number(top, "firings", count);
	json_object_object_add(top, "told", list);
	json_finish(call, top);
	if (last != count)
		fail(call, "told of firing %llu, not of %llu", last, count);
	return DONE;
}

int notify_tick_run(struct call *call)
{
	struct klab_notify_set set = { 0 };
	__u64 count = number_option(call, OPT_COUNT, 1, 1000000, 1000);
	__u64 interval_us = number_option(call, OPT_INTERVAL, 0, 3600000000, 1000);
	struct klab_notify_wait wait = { .sequence = count - 1 };
	struct klab_notify_query query;
	struct histogram histogram;
	json_object *top;
	int notifier = prepare(call, 0, &set);

	set.first_ns = interval_us * 1000;
	repeat(&set, count, interval_us);
	begin(call, notifier, &set, NULL, 0);
	row(call, USER_SIDE, "asked", "%llu firings, one every %s", count,
	    text_time(interval_us * 1000).s);
	wait.handle = set.handle;
	if (klab_notify_wait(notifier, &wait) < 0)
		refuse(call, errno);
	query = query_of(call, notifier, set.handle, &histogram);
	row(call, KERNEL_SIDE, "fired", "%llu times; %llu times skipped, for it could not keep up",
	    query.fired, query.skipped);
	row(call, KERNEL_SIDE, "late", "min %s   mean %s   max %s",
	    text_time(query.lateness.min_ns).s,
	    text_time(query.lateness.total_ns / query.lateness.count).s,
	    text_time(query.lateness.max_ns).s);
	histogram_rows(call, &histogram, query.fired);

	top = json_start(call);
	json_number(top, "interval_ns", interval_us * 1000);
	json_number(top, "fired", query.fired);
	json_number(top, "skipped", query.skipped);
	json_number(top, "min_ns", query.lateness.min_ns);
	json_number(top, "total_ns", query.lateness.total_ns);
	json_number(top, "max_ns", query.lateness.max_ns);
	json_object_object_add(top, "late_log2_ns", histogram_json(&histogram));
	json_finish(call, top);
	return DONE;
}
