// SPDX-License-Identifier: GPL-2.0-only
/* klab report: reads a recording, finds what belongs together, shows it in one of its forms. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static int by_time(const void *a, const void *b)
{
	const struct klab_recorded *x = ((const struct item *)a)->event;
	const struct klab_recorded *y = ((const struct item *)b)->event;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static struct lane *lane_of(struct recording *recording, const struct klab_recorded *event)
{
	struct lane *lane = recording->lanes;

	for (; lane < recording->lanes + recording->lane_count; lane++)
		if (lane->tid == event->tid && lane->pid == event->pid)
			return lane;
	*lane = (struct lane){ .pid = event->pid, .tid = event->tid };
	recording->lane_count++;
	return lane;
}

/* Is there all that is known of its kind? The file may be anybody's. */
static bool is_whole(const struct klab_recorded *event)
{
	static const size_t bodies[] = {
		[KLAB_EVENT_ENTER] = sizeof(struct klab_event_enter),
		[KLAB_EVENT_LEAVE] = sizeof(struct klab_event_leave),
		[KLAB_EVENT_FAULT] = sizeof(struct klab_event_fault),
		[KLAB_EVENT_TRAP] = sizeof(struct klab_event_trap),
		[KLAB_EVENT_SIGNAL] = sizeof(struct klab_event_signal),
		[KLAB_EVENT_DELIVER] = sizeof(struct klab_event_deliver),
		[KLAB_EVENT_FORK] = sizeof(struct klab_event_fork),
		[KLAB_EVENT_EXEC] = sizeof(struct klab_event_exec),
		[KLAB_EVENT_EXIT] = sizeof(struct klab_event_exit),
		[KLAB_EVENT_OUT] = sizeof(struct klab_event_switch),
		[KLAB_EVENT_IN] = sizeof(struct klab_event_switch),
	};
	const struct klab_event_exec *exec = (const void *)(event + 1);
	size_t body = event->kind < sizeof(bodies) / sizeof(*bodies) ? bodies[event->kind] : 0;

	return event->length >= sizeof(*event) + body &&
	       (event->kind != KLAB_EVENT_EXEC || memchr(exec->path, '\0', sizeof(exec->path)));
}

/* All events of the file as items, in the order of time. */
static void read_items(const struct call *call, FILE *file, struct recording *recording)
{
	size_t size = 0, room = 1 << 16, at, got;
	const struct klab_recorded *event;
	char *more;

	recording->bytes = zeroed(call, room, 1);
	while ((got = fread(recording->bytes + size, 1, room - size, file))) {
		size += got;
		if (size < room)
			continue;
		more = realloc(recording->bytes, room *= 2);
		if (!more)
			refuse(call, errno);
		recording->bytes = more;
	}
	recording->items = zeroed(call, size / sizeof(*event) + 1, sizeof(*recording->items));
	for (at = 0; at + sizeof(*event) <= size; at += event->length) {
		event = (const void *)(recording->bytes + at);
		if (event->length % 8 || event->length > size - at || !is_whole(event))
			break;
		recording->items[recording->count++] = (struct item){
			.event = event, .body = event + 1,
		};
	}
	if (at != size)
		fail(call, "the recording is damaged at byte %zu", sizeof(recording->head) + at);
	qsort(recording->items, recording->count, sizeof(*recording->items), by_time);
}

/* How much of a system call's time the thread was off the processor; switches say so. */
static void count_away(struct lane *lane, struct item *item)
{
	if (item->event->kind == KLAB_EVENT_OUT)
		lane->out = item;
	if (item->event->kind == KLAB_EVENT_IN && lane->out) {
		lane->away += item->event->time - lane->out->event->time;
		lane->out = NULL;
	}
}

/* How the last fault before this event ended, if that can be said by now. */
static void end_fault(struct lane *lane, const struct item *item)
{
	__u8 told = item->event->flags & (KLAB_EVENT_WAS_MINOR | KLAB_EVENT_WAS_MAJOR);
	int kind = item->event->kind;

	if (!lane->fault)
		return;
	if (told)
		lane->fault->outcome = told;
	else if (item->lost)
		lane->fault->outcome = END_UNSEEN;
	/* Until then the thread may sleep for the page, and be sent signals. */
	else if (kind == KLAB_EVENT_OUT || kind == KLAB_EVENT_IN || kind == KLAB_EVENT_SIGNAL)
		return;
	lane->fault = NULL;
}

/* What belongs together: the ends of a call, a fault and its outcome, a gap and what follows. */
static void resolve(const struct call *call, struct recording *recording)
{
	__u64 *next = zeroed(call, 1 << 16, sizeof(*next));
	struct item *item;
	size_t i;

	for (item = recording->items; item < recording->items + recording->count; item++) {
		const struct klab_recorded *event = item->event;
		struct lane *lane = item->lane = lane_of(recording, event);
		__u64 *sequence = &next[event->cpu & 0xffff];

		item->lost = event->sequence - *sequence;
		*sequence = event->sequence + 1;
		end_fault(lane, item);
		if (event->kind == KLAB_EVENT_FAULT)
			lane->fault = item;
		/* The end of what was under way may be missing, and so what began since. */
		if (item->lost) {
			lane->call = NULL;
			lane->out = NULL;
		}
		count_away(lane, item);
		if (event->kind == KLAB_EVENT_LEAVE && lane->call) {
			item->partner = lane->call;
			lane->call->partner = item;
			item->away = lane->away;
		}
		if (event->kind == KLAB_EVENT_LEAVE)
			lane->call = NULL;
		item->depth = !!lane->call;
		if (event->kind == KLAB_EVENT_ENTER) {
			lane->call = item;
			lane->away = 0;
		}
	}
	for (i = 0; i < recording->lane_count; i++)
		if (recording->lanes[i].fault)
			recording->lanes[i].fault->outcome = END_UNSEEN;
	free(next);
}

/* What klab itself did in the command's process, before it was the command: not of interest. */
static void skip_start(struct recording *recording)
{
	struct item *item, *end = recording->items + recording->count, *first = NULL;

	if (!*recording->head.command)
		return;
	for (item = recording->items; item < end && item->event->kind != KLAB_EVENT_EXEC; item++)
		if (item->event->kind == KLAB_EVENT_ENTER)
			first = item;
	if (item == end)
		return;
	if (!first)
		first = item;
	recording->count = end - first;
	recording->items = first;
}

void recording_load(const struct call *call, FILE *file, struct recording *recording)
{
	if (fread(&recording->head, sizeof(recording->head), 1, file) != 1 ||
	    memcmp(recording->head.magic, RECORDING_MAGIC, sizeof(recording->head.magic)))
		fail(call, "this is no recording of klab's");
	read_items(call, file, recording);
	recording->lanes = zeroed(call, recording->count + 1, sizeof(*recording->lanes));
	resolve(call, recording);
	skip_start(recording);
	if (recording->count) {
		recording->start = recording->items[0].event->time;
		recording->end = recording->items[recording->count - 1].event->time;
	}
}

int report_show(const struct call *call, struct recording *recording)
{
	if (call->json)
		report_json(call, recording);
	else if (call->option[OPT_TRACE_EVENTS])
		report_trace_events(recording);
	else if (call->option[OPT_SVG])
		report_svg(call, recording);
	else if (call->option[OPT_SUMMARY])
		report_summary(call, recording);
	else
		report_timeline(call, recording);
	return DONE;
}

int report_run(struct call *call)
{
	struct recording recording = { 0 };
	FILE *file = fopen(call->operand[0], "re");

	if (!!call->option[OPT_TRACE_EVENTS] + !!call->option[OPT_SVG] +
	    !!call->option[OPT_SUMMARY] + call->json > 1)
		misuse(call, "one form at a time: --summary, --json, --trace-events or --svg");
	if (!file) {
		call->step = call->operand[0];
		refuse_because(call, errno, "the recording cannot be read");
	}
	recording_load(call, file, &recording);
	fclose(file);
	return report_show(call, &recording);
}
