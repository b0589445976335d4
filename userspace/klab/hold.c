// SPDX-License-Identifier: GPL-2.0-only
/* klab notify hold, set, list, query, cancel: a notifier that a shell keeps, and what is in it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define NOTIFIER	9	/* the descriptor, unless --fd says another */
#define DELIVERIES_MAX	16
#define ENTRIES_MAX	64

static const char * const triggers[] = { "call", "timer", "data", "space", "pages" };
static const char * const way_names[] = { "", "record", "eventfd", "signal", "sysfs" };

static int notifier_of(const struct call *call)
{
	return number_option(call, OPT_FD, 0, INT_MAX, NOTIFIER);
}

static __u32 handle_of(const struct call *call)
{
	return number_of(call, "HANDLE", call->operand[0], 1, UINT_MAX);
}

static noreturn void refuse_notifier(const struct call *call)
{
	if (errno == EBADF || errno == ENOTTY)
		refuse_because(call, errno, "%d is no notifier: klab notify hold has one",
			       notifier_of(call));
	refuse(call, errno);
}

static const char *trigger_name(__u32 trigger)
{
	return trigger < sizeof(triggers) / sizeof(*triggers) ? triggers[trigger] : "?";
}

/* It goes with the last process that has it. */
int notify_hold_run(struct call *call)
{
	int made, fd = notifier_of(call);

	device_open(call, 0);
	made = klab_notifier_create(call->fd, 0, NULL);
	if (made < 0 || (made != fd && dup2(made, fd) < 0) || fcntl(fd, F_SETFD, 0) < 0)
		refuse(call, errno);
	execvp(call->operand[0], call->operand);
	refuse_because(call, errno, "'%s' could not be started", call->operand[0]);
}

/* One word of --tell: record, sysfs, event:FD, SIGNAL:PID. */
static struct klab_delivery delivery_of(const struct call *call, char *word)
{
	struct klab_delivery delivery = { 0 };
	char *target = strchr(word, ':');

	if (!target) {
		if (strcmp(word, "record") && strcmp(word, "sysfs"))
			misuse(call, "--tell has record, sysfs, event:FD, SIGNAL:PID, not '%s'",
			       word);
		delivery.way = *word == 'r' ? KLAB_WAY_RECORD : KLAB_WAY_SYSFS;
		return delivery;
	}
	*target++ = '\0';
	delivery.target = number_of(call, "what stands behind the colon", target, 0, INT_MAX);
	delivery.way = strcmp(word, "event") ? KLAB_WAY_SIGNAL : KLAB_WAY_EVENTFD;
	if (delivery.way == KLAB_WAY_SIGNAL) {
		delivery.signal = signal_of(call, word);
		delivery.flags = KLAB_SIGNAL_VALUE;
	}
	return delivery;
}

int notify_set_run(struct call *call)
{
	struct klab_notify_set set = {
		.handle = call->operands ? handle_of(call) : 0,
		.trigger = KLAB_TRIGGER_TIMER,
		.value = number_option(call, OPT_VALUE, 0, ULLONG_MAX, 0),
		.first_ns = number_option(call, OPT_DELAY, 0, 3600000, 0) * 1000000,
		.interval_ns = number_option(call, OPT_INTERVAL, 1, 3600000000, 0) * 1000,
		.count = number_option(call, OPT_COUNT, 0, ULLONG_MAX, 0),
	};
	const char *verb = set.handle ? "changed" : "set";
	struct klab_delivery deliveries[DELIVERIES_MAX];
	char words[1024], *word, *rest;
	json_object *top;
	__u32 count = 0;

	snprintf(words, sizeof(words), "%s", call->option[OPT_TELL] ? call->option[OPT_TELL] : "");
	for (word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (count == DELIVERIES_MAX)
			misuse(call, "--tell takes at most %d", DELIVERIES_MAX);
		deliveries[count++] = delivery_of(call, word);
	}
	if (klab_notify_set(notifier_of(call), &set, deliveries, count) < 0)
		refuse_notifier(call);
	row(call, KERNEL_SIDE, verb, "handle %u, by a timer, ways %u", set.handle, count);
	top = json_start(call);
	json_number(top, "handle", set.handle);
	json_finish(call, top);
	return DONE;
}

int notify_list_run(struct call *call)
{
	struct klab_notify_entry entries[ENTRIES_MAX];
	json_object *top, *list = json_object_new_array();
	__u32 count = ENTRIES_MAX, i;

	if (klab_notify_list(notifier_of(call), entries, &count) < 0)
		refuse_notifier(call);
	more(call, "%10s  %-7s  %-9s  %4s  %10s  %20s\n", "handle", "trigger", "is", "ways",
	     "fired", "value");
	for (i = 0; i < count && i < ENTRIES_MAX; i++) {
		const struct klab_notify_entry *entry = &entries[i];
		json_object *one = record_json("NOTIFY_LIST", "entries", entry);

		more(call, "%10u  %-7s  %-9s  %4u  %10llu  %20llu\n", entry->handle,
		     trigger_name(entry->trigger), entry->armed ? "armed" : "not armed",
		     entry->deliveries, entry->fired, entry->value);
		json_string(one, "trigger", trigger_name(entry->trigger));
		json_flag(one, "armed", entry->armed);
		json_object_array_add(list, one);
	}
	top = json_start(call);
	json_object_object_add(top, "notifications", list);
	json_finish(call, top);
	return DONE;
}

static void print_delivery(const struct call *call, const struct klab_delivery *delivery,
			   json_object *list)
{
	const char *way = way_names[delivery->way <= KLAB_WAY_SYSFS ? delivery->way : 0];
	json_object *one = record_json("NOTIFY_QUERY", "deliveries", delivery);

	more(call, "%-7s  %8d  %10llu  %8llu  %8llu  %8llu  %9llu\n", way, delivery->target,
	     delivery->delivered, delivery->refused, delivery->gone, delivery->full,
	     delivery->coalesced);
	json_string(one, "way", way);
	json_object_array_add(list, one);
}

int notify_query_run(struct call *call)
{
	struct klab_delivery deliveries[DELIVERIES_MAX];
	json_object *top, *list = json_object_new_array();
	__u32 count = DELIVERIES_MAX, i;
	struct klab_notify_query query;

	if (klab_notify_query(notifier_of(call), handle_of(call), &query, NULL, deliveries,
			      &count) < 0)
		refuse_notifier(call);
	row(call, KERNEL_SIDE, "fired", "%llu times by %s, value %llu; skipped %llu", query.fired,
	    trigger_name(query.trigger), query.value, query.skipped);
	if (query.last_ns)
		row(call, KERNEL_SIDE, "last", "at %s", text_moment(query.last_ns).s);
	if (query.due_ns)
		row(call, KERNEL_SIDE, "due", "at %s", text_moment(query.due_ns).s);
	if (query.lateness.count)
		row(call, KERNEL_SIDE, "late", "min %s   mean %s   max %s",
		    text_time(query.lateness.min_ns).s,
		    text_time(query.lateness.total_ns / query.lateness.count).s,
		    text_time(query.lateness.max_ns).s);
	if (count)
		more(call, "\n%-7s  %8s  %10s  %8s  %8s  %8s  %9s\n", "way", "target", "delivered",
		     "refused", "gone", "full", "coalesced");
	for (i = 0; i < count && i < DELIVERIES_MAX; i++)
		print_delivery(call, &deliveries[i], list);

	top = json_start(call);
	answer_json(top, "NOTIFY_QUERY", &query);
	json_string(top, "trigger", trigger_name(query.trigger));
	json_flag(top, "armed", query.armed);
	json_object_object_add(top, "deliveries", list);
	json_finish(call, top);
	return DONE;
}

int notify_cancel_run(struct call *call)
{
	json_object *top;
	__u64 fired;

	if (klab_notify_cancel(notifier_of(call), handle_of(call), &fired) < 0)
		refuse_notifier(call);
	row(call, KERNEL_SIDE, "gone", "after %llu firings", fired);
	top = json_start(call);
	json_number(top, "fired", fired);
	json_finish(call, top);
	return DONE;
}
