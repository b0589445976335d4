// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one list of objects, verbs and options. Dispatch and help both read it, and
 * test-help.sh holds the man page and the completion against it.
 */
#include "tool.h"

static const char * const option_names[OPT_IDS] = {
	[OPT_AREA] = "area",
	[OPT_BY] = "by",
	[OPT_COLOR] = "color",
	[OPT_COUNT] = "count",
	[OPT_CPU] = "cpu",
	[OPT_DELAY] = "delay",
	[OPT_DIFF] = "diff",
	[OPT_EVENTS] = "events",
	[OPT_FD] = "fd",
	[OPT_FIRST] = "first",
	[OPT_FOLLOW] = "follow",
	[OPT_HELP] = "help",
	[OPT_HOLD] = "hold",
	[OPT_HOW] = "how",
	[OPT_INTERVAL] = "interval",
	[OPT_JSON] = "json",
	[OPT_NODE] = "node",
	[OPT_NONBLOCK] = "nonblock",
	[OPT_ON] = "on",
	[OPT_ORDER] = "order",
	[OPT_OUTPUT] = "output",
	[OPT_PARTIAL] = "partial",
	[OPT_PID] = "pid",
	[OPT_RAW] = "raw",
	[OPT_SEMAPHORE] = "semaphore",
	[OPT_STRIDE] = "stride",
	[OPT_SUMMARY] = "summary",
	[OPT_SVG] = "svg",
	[OPT_TELL] = "tell",
	[OPT_TIMEOUT] = "timeout",
	[OPT_TRACE_EVENTS] = "trace-events",
	[OPT_VALUE] = "value",
	[OPT_VERSION] = "version",
};

const char *option_name(enum option_id id)
{
	return option_names[id];
}

/* Those that are known by a letter from other tracers. */
char option_letter(enum option_id id)
{
	static const char letters[OPT_IDS] = {
		[OPT_EVENTS] = 'e', [OPT_FOLLOW] = 'f', [OPT_OUTPUT] = 'o', [OPT_PID] = 'p',
	};

	return letters[id];
}

const struct option_use common_options[] = {
	{ OPT_JSON, NULL, "the facts as JSON; what goes wrong too, on standard error" },
	{ OPT_COLOR, "WHEN", "auto, always or never (default auto: on a terminal)" },
	{ OPT_HELP, NULL, "this text for klab, an object or a command" },
	{ OPT_VERSION, NULL, "the version of klab" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use none[] = {
	{ OPT_END, NULL, NULL }
};

static const struct option_use read_options[] = {
	{ OPT_COUNT, "BYTES", "end after so many; fewer is a failure (default no end)" },
	{ OPT_NONBLOCK, NULL, "take what is there and end" },
	{ OPT_TIMEOUT, "MS", "end when nothing comes for MS milliseconds (default never)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use write_options[] = {
	{ OPT_NONBLOCK, NULL, "fail when the channel is full, rather than wait" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use page_alloc_options[] = {
	{ OPT_ORDER, "N", "blocks of 2^N pages, 0 to order_max (default 0)" },
	{ OPT_COUNT, "N", "blocks, 1 to blocks_max (default 1)" },
	{ OPT_NODE, "N", "from this NUMA node only (default any)" },
	{ OPT_HOW, "WORDS", "atomic,retry-hard,high,movable,zeroed,compound,bulk,bare" },
	{ OPT_HOLD, "SECONDS", "keep them so long (default: each is freed at once)" },
	{ OPT_FD, "N", "keep them with this inherited descriptor of the device" },
	{ OPT_PARTIAL, NULL, "be content with fewer" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use page_free_options[] = {
	{ OPT_FD, "N", "the inherited descriptor of the device that holds them" },
	{ OPT_FIRST, "N", "from this block on (default 0, the first)" },
	{ OPT_COUNT, "N", "go through so many (default all)" },
	{ OPT_STRIDE, "N", "every N-th of them (default 1)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use page_list_options[] = {
	{ OPT_FD, "N", "the inherited descriptor of the device" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use page_watch_options[] = {
	{ OPT_INTERVAL, "MS", "milliseconds from one to the next (default 1000)" },
	{ OPT_COUNT, "N", "end after so many (default when interrupted)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use page_fragment_options[] = {
	{ OPT_COUNT, "N", "pages, 2 to pages_max (default pages_max)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use signal_send_options[] = {
	{ OPT_VALUE, "N", "queue it with a value, 0 to 2^64-1 (default no value)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use signal_wait_options[] = {
	{ OPT_BY, "WAY", "sigwaitinfo, signalfd or handler (default sigwaitinfo)" },
	{ OPT_COUNT, "N", "end after so many signals (default 1)" },
	{ OPT_TIMEOUT, "MS", "fail when none comes for MS milliseconds (default never)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use eventfd_fire_options[] = {
	{ OPT_COUNT, "N", "firings, 1 to fire_max (default 1)" },
	{ OPT_BY, "WAY", "wait by epoll, poll, select or read (default epoll)" },
	{ OPT_SEMAPHORE, NULL, "an eventfd whose reads take 1 each" },
	{ OPT_FD, "N", "fire this inherited descriptor (default one of klab's own)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use ioctl_call_options[] = {
	{ OPT_ON, "CALLS", "after NAME[:FIELD=VALUE,...][/NAME...], on what they made" },
	{ OPT_FD, "N", "on this inherited descriptor" },
	{ OPT_RAW, "LIST", "size=N,direction=none|r|w|rw,pointer=ADDRESS, as said" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use notify_wait_options[] = {
	{ OPT_COUNT, "N", "firings, 1 to 1000 (default 1)" },
	{ OPT_INTERVAL, "US", "microseconds from one to the next (default 10000)" },
	{ OPT_DELAY, "MS", "milliseconds until the first (default 50)" },
	{ OPT_VALUE, "N", "the value that goes with each (default 42)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use notify_tick_options[] = {
	{ OPT_COUNT, "N", "firings, 1 to 1000000 (default 1000)" },
	{ OPT_INTERVAL, "US", "microseconds from one to the next (default 1000)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use notifier_options[] = {
	{ OPT_FD, "N", "the descriptor of the notifier (default 9)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use notify_set_options[] = {
	{ OPT_FD, "N", "the descriptor of the notifier (default 9)" },
	{ OPT_DELAY, "MS", "milliseconds until the first firing (default 0)" },
	{ OPT_INTERVAL, "US", "microseconds from one to the next (default once)" },
	{ OPT_COUNT, "N", "firings, 0 for no end (default 0)" },
	{ OPT_VALUE, "N", "the value that goes with each (default 0)" },
	{ OPT_TELL, "WAYS", "record,sysfs,event:FD,SIGNAL:PID (default nobody)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use task_pages_options[] = {
	{ OPT_AREA, "AREA", "heap, stack, or an address in it (default heap)" },
	{ OPT_DIFF, "PID", "beside it the same addresses of another task" },
	{ OPT_INTERVAL, "MS", "beside it the same addresses, so many milliseconds later" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use trace_options[] = {
	{ OPT_OUTPUT, "FILE", "the calls go there (default standard error)" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use record_options[] = {
	{ OPT_EVENTS, "KINDS", "-e: syscalls,faults,traps,signals,tasks,switches (or all)" },
	{ OPT_FOLLOW, NULL, "-f: the processes that it makes, too" },
	{ OPT_OUTPUT, "FILE", "-o: keep it for klab report (default: show it at the end)" },
	{ OPT_PID, "PID", "-p: a process that is there, until it ends or SIGINT" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use report_options[] = {
	{ OPT_SUMMARY, NULL, "only the sums: crossings, time, addresses" },
	{ OPT_TRACE_EVENTS, NULL, "in Chrome's trace-event format, for Perfetto and others" },
	{ OPT_SVG, NULL, "a picture" },
	{ OPT_END, NULL, NULL }
};

static const struct option_use cpu_options[] = {
	{ OPT_CPU, "N", "of this processor (default 0)" },
	{ OPT_END, NULL, NULL }
};

const struct command commands[] = {
	{
		.object = "info", .options = none,
		.summary = "version, limits and features of module, kernel and machine",
		.example = "klab info",
		.run = info_run,
	}, {
		.object = "read", .raw = true, .options = read_options,
		.summary = "copy from the device to standard output",
		.example = "klab read --nonblock",
		.run = read_run,
	}, {
		.object = "write", .raw = true, .options = write_options,
		.operands = "[TEXT...]", .operands_max = 1 << 20,
		.summary = "write TEXT and a newline, or else standard input",
		.example = "klab write hello",
		.run = write_run,
	}, {
		.object = "page", .verb = "alloc", .options = page_alloc_options,
		.summary = "have the kernel allocate pages; how long, whence, what moved",
		.example = "klab page alloc --order 3 --count 64 --hold 5",
		.run = page_alloc_run,
	}, {
		.object = "page", .verb = "free", .options = page_free_options,
		.operands = "HANDLE", .operands_min = 1, .operands_max = 1,
		.summary = "give back what a descriptor holds, all or some of it",
		.example = "exec 5<>/dev/klab; klab page alloc --fd 5; klab page free --fd 5 1",
		.run = page_free_run,
	}, {
		.object = "page", .verb = "list", .options = page_list_options,
		.summary = "what a descriptor holds",
		.example = "klab page list --fd 5 5<>/dev/klab",
		.run = page_list_run,
	}, {
		.object = "page", .verb = "stat", .options = none,
		.summary = "every zone of memory: sizes, watermarks, free lists",
		.example = "klab page stat",
		.run = page_stat_run,
	}, {
		.object = "page", .verb = "watch", .options = page_watch_options,
		.summary = "the same again and again, and what moved",
		.example = "klab page watch --interval 500 --count 2",
		.run = page_watch_run,
	}, {
		.object = "page", .verb = "fragment", .options = page_fragment_options,
		.summary = "a checkerboard of pages, and how large blocks come back",
		.example = "klab page fragment --count 8192",
		.run = page_fragment_run,
	}, {
		.object = "signal", .verb = "send", .options = signal_send_options,
		.operands = "PID SIGNAL", .operands_min = 2, .operands_max = 2,
		.summary = "have the kernel send a signal, where kill(2) might",
		.example = "klab signal send 1 SIGTERM",
		.run = signal_send_run,
	}, {
		.object = "signal", .verb = "wait", .options = signal_wait_options,
		.operands = "SIGNAL...", .operands_min = 1, .operands_max = 64,
		.summary = "wait for signals; who sent them, how, with what value",
		.example = "klab signal wait USR1 & sleep 1; klab signal send $! USR1 --value 42",
		.run = signal_wait_run,
	}, {
		.object = "signal", .verb = "restart", .options = none,
		.summary = "restart codes, and what a handler makes of them",
		.example = "klab signal restart",
		.run = signal_restart_run,
	}, {
		.object = "eventfd", .verb = "fire", .options = eventfd_fire_options,
		.summary = "have the kernel fire an eventfd, and wait for it",
		.example = "klab eventfd fire --count 5",
		.run = eventfd_fire_run,
	}, {
		.object = "ioctl", .verb = "list", .options = none,
		.summary = "every command of the contract",
		.example = "klab ioctl list",
		.run = ioctl_list_run,
	}, {
		.object = "ioctl", .verb = "show", .options = none,
		.operands = "NAME", .operands_min = 1, .operands_max = 1,
		.summary = "one command: its struct field by field, what it refuses",
		.example = "klab ioctl show PAGES_ALLOC",
		.run = ioctl_show_run,
	}, {
		.object = "ioctl", .verb = "call", .options = ioctl_call_options,
		.operands = "NAME [FIELD=VALUE...]", .operands_min = 1, .operands_max = 256,
		.summary = "call one exactly as said; the struct before and after",
		.example = "klab ioctl call PAGES_ALLOC count=4 flags=HOLD node=ANY",
		.run = ioctl_call_run,
	}, {
		.object = "ioctl", .verb = "probe", .options = none,
		.operands = "[NAME...]", .operands_max = 256,
		.summary = "call rightly, then wrongly: sizes, pointers, zeroes, flags",
		.example = "klab ioctl probe EVENTFD_FIRE",
		.run = ioctl_probe_run,
	}, {
		.object = "ioctl", .verb = "decode", .options = none,
		.operands = "NUMBER", .operands_min = 1, .operands_max = 1,
		.summary = "take any ioctl's number apart, also a stranger's",
		.example = "klab ioctl decode 0x5421",
		.run = ioctl_decode_run,
	}, {
		.object = "notify", .verb = "compare", .options = none,
		.summary = "one firing, and every way to wait for it, side by side",
		.example = "klab notify compare",
		.run = notify_compare_run,
	}, {
		.object = "notify", .verb = "wait", .options = notify_wait_options,
		.operands = "WAY", .operands_min = 1, .operands_max = 1,
		.summary = "wait in one way; number, value, latency of what came",
		.example = "klab notify wait signalfd --count 5",
		.run = notify_wait_run,
	}, {
		.object = "notify", .verb = "tick", .options = notify_tick_options,
		.summary = "a timer fires again and again; how late each time",
		.example = "klab notify tick --interval 100",
		.run = notify_tick_run,
	}, {
		.object = "notify", .verb = "hold", .raw = true, .options = notifier_options,
		.operands = "-- PROGRAM [WORD...]", .operands_min = 1, .operands_max = 1 << 20,
		.summary = "run a program, such as a shell, that has a notifier",
		.example = "klab notify hold -- sh -c 'klab notify set; klab notify list'",
		.run = notify_hold_run,
	}, {
		.object = "notify", .verb = "set", .options = notify_set_options,
		.operands = "[HANDLE]", .operands_max = 1,
		.summary = "a notification by a timer: a new one, or change one",
		.example = "klab notify hold -- klab notify set --interval 500 --tell sysfs",
		.run = notify_set_run,
	}, {
		.object = "notify", .verb = "list", .options = notifier_options,
		.summary = "the notifications of a notifier",
		.example = "klab notify hold -- klab notify list",
		.run = notify_list_run,
	}, {
		.object = "notify", .verb = "query", .options = notifier_options,
		.operands = "HANDLE", .operands_min = 1, .operands_max = 1,
		.summary = "one: fired, due, how late, what came of each delivery",
		.example = "klab notify hold -- sh -c 'klab notify set; klab notify query 64'",
		.run = notify_query_run,
	}, {
		.object = "notify", .verb = "cancel", .options = notifier_options,
		.operands = "HANDLE", .operands_min = 1, .operands_max = 1,
		.summary = "take one away; how often it fired",
		.example = "klab notify hold -- sh -c 'klab notify set; klab notify cancel 64'",
		.run = notify_cancel_run,
	}, {
		.object = "task", .verb = "show", .options = none,
		.operands = "PID", .operands_min = 1, .operands_max = 1,
		.summary = "who it is, what it has used, its address space in numbers",
		.example = "klab task show $$",
		.run = task_show_run,
	}, {
		.object = "task", .verb = "areas", .options = none,
		.operands = "PID", .operands_min = 1, .operands_max = 1,
		.summary = "the areas of its address space: pages, names, advice",
		.example = "klab task areas $$",
		.run = task_areas_run,
	}, {
		.object = "task", .verb = "pages", .options = task_pages_options,
		.operands = "PID", .operands_min = 1, .operands_max = 1,
		.summary = "the pages of an area as a map, one cell a page",
		.example = "klab task pages $$ --area stack",
		.run = task_pages_run,
	}, {
		.object = "task", .verb = "walk", .options = none,
		.operands = "PID ADDRESS", .operands_min = 2, .operands_max = 2,
		.summary = "one address, page table by page table",
		.example = "klab task walk 1 0x400000",
		.run = task_walk_run,
	}, {
		.object = "task", .verb = "compare", .options = none,
		.operands = "PID PID", .operands_min = 2, .operands_max = 2,
		.summary = "what two tasks share, and by which flag of clone",
		.example = "klab task compare 1 $$",
		.run = task_compare_run,
	}, {
		.object = "file", .verb = "show", .options = none,
		.operands = "PATH|FD", .operands_min = 1, .operands_max = 1,
		.summary = "an open file: advice, read-ahead, pages in memory",
		.example = "klab file show /bin/sh",
		.run = file_show_run,
	}, {
		.object = "lesson", .verb = "list", .options = none,
		.summary = "the lessons, in the order of the course",
		.example = "klab lesson list",
		.run = lesson_list_run,
	}, {
		.object = "lesson", .verb = "run", .options = none,
		.operands = "LESSON|all", .operands_min = 1, .operands_max = 1,
		.summary = "one idea: done, looked at in the kernel, claimed, checked",
		.example = "klab lesson run fork",
		.run = lesson_run_run,
	}, {
		.object = "lesson", .verb = "show", .options = none,
		.operands = "LESSON", .operands_min = 1, .operands_max = 1,
		.summary = "the source of a lesson",
		.example = "klab lesson show fork",
		.run = lesson_show_run,
	}, {
		.object = "trace", .raw = true, .options = trace_options,
		.operands = "-- PROGRAM [WORD...]", .operands_min = 1, .operands_max = 1 << 20,
		.summary = "run a program, print its calls of klab, end as it does",
		.example = "klab trace -- klab page stat",
		.run = trace_run,
	}, {
		.object = "doctor", .options = none,
		.summary = "is klab there, may I use it, what is missing and why",
		.example = "klab doctor",
		.run = doctor_run,
	}, {
		.object = "record", .options = record_options,
		.operands = "[-- PROGRAM [WORD...]]", .operands_max = 1 << 20,
		.summary = "record how a process crosses the border, as it runs",
		.example = "klab record -f -- cat /etc/passwd",
		.run = record_run,
	}, {
		.object = "report", .options = report_options,
		.operands = "FILE", .operands_min = 1, .operands_max = 1,
		.summary = "show a recording: crossing by crossing, sums, a picture",
		.example = "klab record -o cat.klab -- cat /etc/passwd; klab report cat.klab",
		.run = report_run,
	}, {
		.object = "cpu", .options = cpu_options,
		.summary = "a processor's doors into the kernel, and what guards them",
		.example = "klab cpu",
		.run = cpu_run,
	}, {
		.object = "tour", .options = none,
		.summary = "bytes, pages, a signal, an eventfd: one page, checked",
		.example = "klab tour",
		.run = tour_run,
	}, {
		.object = "help", .options = none,
		.operands = "[OBJECT [VERB]]", .operands_max = 2,
		.summary = "this list, or more about one object or command",
		.example = "klab help page alloc",
		.run = help_run,
	}, {
		.object = "complete", .raw = true, .options = none,
		.operands = "-- [WORD...]", .operands_max = 1 << 20,
		.summary = "what may stand where the last WORD is; for shells",
		.example = "klab complete -- page al",
		.run = complete_run,
	}, {
		.object = "version", .options = none,
		.summary = "the versions of klab and of the contract it speaks",
		.example = "klab version",
		.run = version_run,
	},
	{ }
};
