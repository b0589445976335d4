// SPDX-License-Identifier: GPL-2.0-only
/* klab info: what there is to work with. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "tool.h"

struct feature {
	__u64 bit;
	const char *name;
};

static const struct feature features[] = {
	{ KLAB_FEATURE_PAGES, "pages" },
	{ KLAB_FEATURE_SIGNAL, "signal" },
	{ KLAB_FEATURE_EVENTFD, "eventfd" },
	{ KLAB_FEATURE_COMPAT, "compat" },
	{ KLAB_FEATURE_NUMA, "numa" },
	{ KLAB_FEATURE_CHANNEL, "channel" },
	{ KLAB_FEATURE_MAP, "map" },
	{ KLAB_FEATURE_TYPES, "types" },
	{ KLAB_FEATURE_NOTIFY, "notify" },
	{ KLAB_FEATURE_ERROR, "error" },
	{ KLAB_FEATURE_RECORDER, "recorder" },
	{ KLAB_FEATURE_SYSCALLS, "syscalls" },
	{ KLAB_FEATURE_FAULTS, "faults" },
	{ KLAB_FEATURE_TRAPS, "traps" },
	{ KLAB_FEATURE_SIGNALS, "signals" },
	{ KLAB_FEATURE_TASKS, "tasks" },
	{ KLAB_FEATURE_SWITCHES, "switches" },
	{ KLAB_FEATURE_CPU, "cpu" },
	{ KLAB_FEATURE_TASK, "task" },
	{ KLAB_FEATURE_TASK_PAGES, "task_pages" },
	{ KLAB_FEATURE_TASK_WALK, "task_walk" },
	{ KLAB_FEATURE_FILE, "file" },
};

/* The version that the module states, or "unknown". */
const char *module_version(char *buf, size_t size)
{
	FILE *file = fopen("/sys/module/klab/version", "re");

	if (!file || !fgets(buf, size, file))
		snprintf(buf, size, "unknown");
	buf[strcspn(buf, "\n")] = '\0';
	if (file)
		fclose(file);
	return buf;
}

static void print_features(const struct call *call, json_object *top)
{
	json_object *object = json_object_new_object();
	__u64 unknown = call->info.features;
	char line[256] = "";
	size_t i, used = 0;

	for (i = 0; i < sizeof(features) / sizeof(*features); i++) {
		bool there = call->info.features & features[i].bit;
		char word[32];

		snprintf(word, sizeof(word), "%s%s", features[i].name,
			 there ? "" : " (absent)");
		used += snprintf(line + used, sizeof(line) - used, "%s   ",
					 painted(call, there ? PLAIN : ABSENT, word).s);
		json_flag(object, features[i].name, there);
		unknown &= ~features[i].bit;
	}
	line[strlen(line) - 3] = '\0';
	row(call, KERNEL_SIDE, "features", "%s", line);
	if (unknown)
		row(call, KERNEL_SIDE, "", "0x%llx, of which this klab knows nothing", unknown);
	json_object_object_add(top, "features", object);
	json_number(top, "features_unknown", unknown);
}

static void print_limits(const struct call *call, json_object *top)
{
	const struct klab_info *info = &call->info;

	row(call, KERNEL_SIDE, "pages", "of %s, in blocks of order 0 to %u",
	    text_bytes(info->page_size).s, info->order_max);
	row(call, KERNEL_SIDE, "", "at most %llu blocks in a call, %llu pages (%s) held",
	    info->blocks_max, info->pages_max,
	    text_bytes(info->pages_max * info->page_size).s);
	row(call, KERNEL_SIDE, "", "%llu pages (%s) held by one user", info->pages_max_user,
	    text_bytes(info->pages_max_user * info->page_size).s);
	row(call, KERNEL_SIDE, "eventfd", "at most %u firings in a call", info->fire_max);
	row(call, KERNEL_SIDE, "channel", "holds %s, splits no write of up to %s",
	    text_bytes(info->channel_capacity).s, text_bytes(info->channel_atomic).s);
	row(call, KERNEL_SIDE, "", "up to %s without privilege",
	    text_bytes(info->channel_capacity_max).s);
	answer_json(top, "INFO", info);
}

int info_run(struct call *call)
{
	struct utsname host;
	char version[64];
	json_object *top;

	device_open(call, 0);
	top = json_start(call);
	uname(&host);
	row(call, KERNEL_SIDE, "module", "klab %s, contract %u",
	    module_version(version, sizeof(version)), call->info.version);
	row(call, KERNEL_SIDE, "kernel", "%s, %s", host.release, host.machine);
	json_number(top, "contract", call->info.version);
	json_string(top, "module", version);
	json_string(top, "kernel", host.release);
	json_string(top, "machine", host.machine);
	print_limits(call, top);
	print_features(call, top);
	json_finish(call, top);
	return DONE;
}
