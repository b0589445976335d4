// SPDX-License-Identifier: GPL-2.0-only
/* klab file: an open file as the kernel has it: advice, read-ahead, page cache. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "tool.h"

int file_show_run(struct call *call)
{
	const char *what = call->operand[0];
	struct klab_file_run run[256];
	struct klab_file_stat stat = {
		.fd = *what >= '0' && *what <= '9' ?
		      (__s32)number_of(call, "FD", what, 0, INT_MAX) :
		      open(what, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
		.runs = { (uintptr_t)run, sizeof(run) / sizeof(*run), sizeof(*run) },
	};
	json_object *top, *list = json_object_new_array();
	__u32 i;

	if (stat.fd < 0)
		refuse_because(call, errno, "%s cannot be opened", what);
	device_open(call, 0);
	if (klab_file_stat(call->fd, &stat) < 0)
		refuse(call, errno);
	top = json_start(call);
	row(call, KERNEL_SIDE, "file", "%s   %s", what, text_bytes(stat.size).s);
	row(call, KERNEL_SIDE, "advice", "%s%s%s", stat.state & KLAB_FILE_RANDOM ? "random   " : "",
	    stat.state & KLAB_FILE_NO_REUSE ? "no-reuse   " : "",
	    stat.ahead_most > stat.device_most ? "sequential" :
	    stat.state & (KLAB_FILE_RANDOM | KLAB_FILE_NO_REUSE) ? "" : "normal");
	row(call, KERNEL_SIDE, "ahead", "%u pages from page %llu on, %u ahead; at most %u of %u",
	    stat.ahead_pages, stat.ahead_start, stat.ahead_async, stat.ahead_most,
	    stat.device_most);
	if (stat.state & KLAB_FILE_CACHE)
		row(call, KERNEL_SIDE, "cached", "%llu pages   dirty %llu   being written %llu",
		    stat.cached, stat.dirty, stat.writeback);
	else
		row(call, KERNEL_SIDE, "cached", "not told: the file is not yours to write");
	for (i = 0; i < stat.runs.count && i < sizeof(run) / sizeof(*run); i++) {
		json_object *json = json_object_new_object();

		row(call, KERNEL_SIDE, "", "pages %llu to %llu%s%s", run[i].start,
		    run[i].start + run[i].pages - 1,
		    run[i].flags & KLAB_CACHE_DIRTY ? "   dirty" : "",
		    run[i].flags & KLAB_CACHE_WRITEBACK ? "   being written" : "");
		json_number(json, "start", run[i].start);
		json_number(json, "pages", run[i].pages);
		json_number(json, "flags", run[i].flags);
		json_object_array_add(list, json);
	}
	if (stat.runs.count > i)
		row(call, KERNEL_SIDE, "", "and %u more", stat.runs.count - i);
	answer_json(top, "FILE_STAT", &stat);
	json_flag(top, "random", stat.state & KLAB_FILE_RANDOM);
	json_flag(top, "no_reuse", stat.state & KLAB_FILE_NO_REUSE);
	json_flag(top, "cache_told", stat.state & KLAB_FILE_CACHE);
	json_number(top, "runs_count", stat.runs.count);
	json_object_object_add(top, "runs", list);
	json_finish(call, top);
	return DONE;
}
