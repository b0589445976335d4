// SPDX-License-Identifier: GPL-2.0-only
/*
 * How klab speaks: rows with a label, units, bars, colours, JSON. A row says nothing
 * with --json and json_finish() nothing without, so that a command need not ask which
 * of the two it is. No setlocale() anywhere: numbers look the same for everyone.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

/* One thing has one colour: blue the user's side, yellow the kernel's, red changed. */
static const char * const paints[] = {
	[PLAIN] = "",
	[USER_SIDE] = "\033[34m",
	[KERNEL_SIDE] = "\033[33m",
	[CHANGED] = "\033[31m",
	[ABSENT] = "\033[2m",
	[STRONG] = "\033[1m",
};

static __printf(1, 2) struct text text_of(const char *fmt, ...)
{
	struct text text;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text.s, sizeof(text.s), fmt, args);
	va_end(args);
	return text;
}

struct text painted(const struct call *call, enum paint paint, const char *text)
{
	if (!call->color || paint == PLAIN)
		return text_of("%s", text);
	return text_of("%s%s\033[0m", paints[paint], text);
}

void row(const struct call *call, enum paint paint, const char *label,
	 const char *fmt, ...)
{
	char padded[16];
	va_list args;

	if (call->json)
		return;
	snprintf(padded, sizeof(padded), "%-9s", label);
	printf("%s ", painted(call, paint, padded).s);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* Words that belong to no row. */
void more(const struct call *call, const char *fmt, ...)
{
	va_list args;

	if (call->json)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

struct text text_time(__u64 ns)
{
	if (ns < 1000)
		return text_of("%llu ns", ns);
	if (ns < 1000000)
		return text_of("%.1f us", (double)ns / 1e3);
	if (ns < 1000000000)
		return text_of("%.1f ms", (double)ns / 1e6);
	return text_of("%.1f s", (double)ns / 1e9);
}

/* A moment of CLOCK_MONOTONIC, to the nanosecond. */
struct text text_moment(__u64 ns)
{
	return text_of("%llu.%09llu s", ns / 1000000000, ns % 1000000000);
}

struct text text_bytes(__u64 bytes)
{
	static const char * const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double scaled = (double)bytes;
	size_t unit = 0;

	while (scaled >= 1024 && unit + 1 < sizeof(units) / sizeof(*units)) {
		scaled /= 1024;
		unit++;
	}
	if (scaled >= 100 || scaled == (double)(__u64)scaled)
		return text_of("%.0f %s", scaled, units[unit]);
	return text_of("%.1f %s", scaled, units[unit]);
}

struct text text_bar(__u64 part, __u64 whole)
{
	const int width = 32;
	int filled = whole ? ((double)part / (double)whole * width + 0.5) : 0;

	if (part && !filled)
		filled = 1;
	return text_of("%.*s", filled, "################################");
}

struct text text_signal(int number)
{
	const char *name = sigabbrev_np(number);

	if (name)
		return text_of("SIG%s (%d)", name, number);
	if (number == SIGRTMIN)
		return text_of("SIGRTMIN (%d)", number);
	if (number > SIGRTMIN && number <= SIGRTMAX)
		return text_of("SIGRTMIN+%d (%d)", number - SIGRTMIN, number);
	return text_of("signal %d", number);
}

/* From the first bucket that has any to the last. */
void histogram_rows(const struct call *call, const struct histogram *histogram, __u64 whole)
{
	int first = 0, last = HISTOGRAM_BUCKETS - 1, i;

	while (first < last && !histogram->count[first])
		first++;
	while (last > first && !histogram->count[last])
		last--;
	for (i = first; i <= last; i++) {
		__u64 count = histogram->count[i];

		row(call, KERNEL_SIDE, "", "from %8s  %8llu%s%s", text_time(1ULL << i).s, count,
		    count ? "  " : "", text_bar(count, whole).s);
	}
}

json_object *histogram_json(const struct histogram *histogram)
{
	json_object *list = json_object_new_array();
	int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		json_object_array_add(list, json_object_new_uint64(histogram->count[i]));
	return list;
}

json_object *json_start(const struct call *call)
{
	json_object *object = json_object_new_object();

	json_number(object, "schema", JSON_SCHEMA);
	json_string(object, "command", call->name);
	return object;
}

void json_number(json_object *object, const char *key, __u64 value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

void json_string(json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value ? json_object_new_string(value) : NULL);
}

void json_flag(json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

void json_finish(const struct call *call, json_object *object)
{
	if (call->json)
		puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							    JSON_C_TO_STRING_SPACED |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* What could not be written was not done, however well the rest went. */
int output_finish(const struct call *call, int status)
{
	bool lost = ferror(stdout);

	errno = 0;
	if (fclose(stdout) || lost)
		refuse_because(call, errno ? errno : EIO, "standard output took not all of it");
	return status;
}
