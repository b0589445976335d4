// SPDX-License-Identifier: GPL-2.0-only
/* klab report for other programs: NDJSON, Chrome trace events, a picture as SVG. */
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define COMPACT	(JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static void print_json(json_object *object, const char *after)
{
	printf("%s%s", json_object_to_json_string_ext(object, COMPACT), after);
	json_object_put(object);
}

static void json_signed(json_object *object, const char *key, __s64 value)
{
	json_object_object_add(object, key, json_object_new_int64(value));
}

/* The facts of a body, as far as numbers and names go. */
static void add_body(json_object *top, const struct item *item)
{
	json_object *args, *value;
	int i;

	switch (item->event->kind) {
	case KLAB_EVENT_ENTER:
		json_string(top, "name", syscall_name(item));
		json_signed(top, "number", BODY(item, enter)->number);
		json_flag(top, "compat", BODY(item, enter)->flags & KLAB_EVENT_COMPAT);
		args = json_object_new_array();
		for (i = 0; i < 6; i++) {
			value = json_object_new_uint64(BODY(item, enter)->args[i]);
			json_object_array_add(args, value);
		}
		json_object_object_add(top, "args", args);
		break;
	case KLAB_EVENT_LEAVE:
		json_string(top, "name", syscall_name(item));
		json_signed(top, "result", BODY(item, leave)->result);
		break;
	case KLAB_EVENT_FAULT:
		json_number(top, "address", BODY(item, fault)->address);
		json_number(top, "ip", BODY(item, fault)->ip);
		json_number(top, "error", BODY(item, fault)->error);
		json_string(top, "outcome", item->outcome == END_UNSEEN ? "unseen" :
			    item->outcome == KLAB_EVENT_WAS_MAJOR ? "major" :
			    item->outcome == KLAB_EVENT_WAS_MINOR ? "minor" : NULL);
		break;
	case KLAB_EVENT_TRAP:
		json_string(top, "name", trap_name(BODY(item, trap)->vector));
		json_number(top, "vector", BODY(item, trap)->vector);
		json_number(top, "error", BODY(item, trap)->error);
		json_number(top, "ip", BODY(item, trap)->ip);
		break;
	case KLAB_EVENT_SIGNAL:
		json_signed(top, "signal", BODY(item, signal)->signal);
		json_signed(top, "code", BODY(item, signal)->code);
		json_signed(top, "sender", BODY(item, signal)->pid);
		json_number(top, "outcome", BODY(item, signal)->outcome);
		json_flag(top, "group", BODY(item, signal)->flags & KLAB_EVENT_GROUP);
		break;
	case KLAB_EVENT_DELIVER:
		json_signed(top, "signal", BODY(item, deliver)->signal);
		json_signed(top, "code", BODY(item, deliver)->code);
		json_number(top, "handler", BODY(item, deliver)->handler);
		break;
	case KLAB_EVENT_FORK:
		json_signed(top, "new_pid", BODY(item, fork)->pid);
		json_signed(top, "new_tid", BODY(item, fork)->tid);
		break;
	case KLAB_EVENT_EXEC:
		json_string(top, "path", BODY(item, exec)->path);
		json_flag(top, "privileged", BODY(item, exec)->flags & KLAB_EVENT_PRIVILEGED);
		break;
	case KLAB_EVENT_EXIT:
		json_signed(top, "status", BODY(item, exit)->status);
		json_number(top, "minor", BODY(item, exit)->minor);
		json_number(top, "major", BODY(item, exit)->major);
		json_number(top, "runtime_ns", BODY(item, exit)->runtime);
		break;
	case KLAB_EVENT_OUT:
		json_number(top, "reason", BODY(item, switch)->reason);
		break;
	}
}

/* A line each: what this is, and then the events. */
void report_json(const struct call *call, const struct recording *recording)
{
	const struct recording_head *head = &recording->head;
	const struct item *item = recording->items, *end = item + recording->count;
	json_object *first = json_start(call);

	json_string(first, "recorded", *head->command ? head->command : NULL);
	json_signed(first, "pid", head->pid);
	json_string(first, "clock", "CLOCK_MONOTONIC");
	json_string(first, "unit", "ns");
	json_number(first, "events", recording->count);
	json_number(first, "lost", head->dropped);
	json_number(first, "threads_missed", head->missed);
	print_json(first, "\n");
	for (; item < end; item++) {
		json_object *top = json_object_new_object();

		json_string(top, "kind", kind_name(item->event->kind));
		json_number(top, "time_ns", item->event->time);
		json_signed(top, "pid", item->event->pid);
		json_signed(top, "tid", item->event->tid);
		json_number(top, "cpu", item->event->cpu);
		json_number(top, "sequence", item->event->sequence);
		json_number(top, "lost_before", item->lost);
		add_body(top, item);
		print_json(top, "\n");
	}
}

/* A call is a slice with two ends; all else is a moment. */
void report_trace_events(const struct recording *recording)
{
	const struct item *item = recording->items, *end = item + recording->count;
	char text[DETAIL];
	double us;

	printf("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
	for (; item < end; item++) {
		bool enter = item->event->kind == KLAB_EVENT_ENTER;
		bool leave = item->event->kind == KLAB_EVENT_LEAVE && item->partner;
		json_object *top = json_object_new_object(), *args = json_object_new_object();

		item_text(item, text);
		json_string(top, "name", enter || leave ? syscall_name(item) : text);
		json_string(top, "cat", kind_name(item->event->kind));
		json_string(top, "ph", enter && item->partner ? "B" : leave ? "E" : "i");
		if (!leave && !(enter && item->partner))
			json_string(top, "s", "t");
		us = (double)(item->event->time - recording->start) / 1e3;
		json_object_object_add(top, "ts", json_object_new_double(us));
		json_signed(top, "pid", item->event->pid);
		json_signed(top, "tid", item->event->tid);
		json_string(args, "text", text);
		add_body(args, item);
		json_object_object_add(top, "args", args);
		print_json(top, item + 1 < end ? ",\n" : "\n");
	}
	printf("]}\n");
}

#define WIDTH	960
#define LEFT	90
#define LANE	46

static double place(const struct recording *recording, __u64 time)
{
	double whole = (double)(recording->end - recording->start);
	double part = whole > 0 ? (double)(time - recording->start) / whole : 0;

	return LEFT + part * (WIDTH - LEFT - 10);
}

static void bar(const struct recording *recording, const struct item *item, char class,
		__u64 from, const char *title)
{
	double x = place(recording, from), width = place(recording, item->event->time) - x;
	long y = 40 + (item->lane - recording->lanes) * LANE + (class == 'u' ? 18 : 0);

	printf("<rect class=\"%c\" x=\"%.2f\" y=\"%ld\" width=\"%.2f\" height=\"18\"><title>",
	       class, x, y, width < 0.4 ? 0.4 : width);
	for (; *title; title++)
		if (*title == '<' || *title == '>' || *title == '&')
			printf("&#%d;", *title);
		else
			putchar(*title);
	printf("</title></rect>\n");
}

/* One lane for each thread: above the kernel, below the program, and where it went through. */
void report_svg(const struct call *call, const struct recording *recording)
{
	const struct item *item, *end = recording->items + recording->count;
	size_t lanes = recording->lane_count, i;
	__u64 *since = zeroed(call, lanes + 1, sizeof(*since));
	char text[DETAIL];

	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %zu\"", WIDTH,
	       60 + lanes * LANE);
	printf(" font-family=\"sans-serif\" font-size=\"11\">\n");
	printf("<style>.u{fill:#7aa6da}.k{fill:#e6c547}.a{fill:#bbb}.f{fill:#555}.s{fill:#d54e53}");
	printf("</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n");
	printf("<text x=\"%d\" y=\"16\">%s; %s; %s</text>\n", LEFT,
	       "above the kernel in a system call (yellow), off the processor (grey)",
	       "page fault (dark), trap or signal (red)", "below the program (blue)");
	printf("<text x=\"%d\" y=\"31\">from begin to end: %s</text>\n", LEFT,
	       text_time(recording->end - recording->start).s);
	for (i = 0; i < lanes; i++)
		printf("<text x=\"4\" y=\"%zu\">%d</text>\n", 62 + i * LANE,
		       recording->lanes[i].tid);
	for (item = recording->items; item < end; item++) {
		__u64 *from = &since[item->lane - recording->lanes];
		__u8 kind = item->event->kind;

		if (!*from)
			*from = item->event->time;
		if (kind == KLAB_EVENT_ENTER || kind == KLAB_EVENT_EXIT) {
			if (!item->depth)
				bar(recording, item, 'u', *from, "the program");
			*from = item->event->time;
		} else if (kind == KLAB_EVENT_LEAVE) {
			bar(recording, item, 'k', *from, syscall_name(item));
			*from = item->event->time;
		}
	}
	memset(since, 0, lanes * sizeof(*since));
	for (item = recording->items; item < end; item++) {
		__u64 *out = &since[item->lane - recording->lanes];
		__u8 kind = item->event->kind;

		if (kind == KLAB_EVENT_OUT)
			*out = item->event->time;
		if (kind == KLAB_EVENT_IN && *out)
			bar(recording, item, 'a', *out, "off the processor");
		if (kind < KLAB_EVENT_FAULT || kind > KLAB_EVENT_DELIVER)
			continue;
		item_text(item, text);
		bar(recording, item, kind == KLAB_EVENT_FAULT ? 'f' : 's', item->event->time, text);
	}
	printf("</svg>\n");
	free(since);
}
