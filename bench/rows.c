// SPDX-License-Identifier: GPL-2.0-only
/* What is measured, beside what, and how much is wanted. */
#include "bench.h"

#define KIB	1024

const struct row rows[] = {
	{ "write, read 1 B",		&klab_stream, &pipe_stream, 1, 0, 1.4, 1.4 },
	{ "write, read 512 B",		&klab_stream, &pipe_stream, 512, 0, 0, 0 },
	{ "write, read 4 KiB",		&klab_stream, &pipe_stream, 4 * KIB, 0, 1.25, 1.35 },
	{ "write, read 64 KiB",		&klab_stream, &pipe_stream, 64 * KIB, 0, 3.5, 3 },
	{ "write, read 64 KiB",		&klab_stream, &unix_stream, 64 * KIB, 0, 1.8, 0 },
	{ "write, read 64 KiB",		&klab_stream, &process_vm_stream, 64 * KIB, 0, 1.2, 0 },
	{ "write, read 64 KiB",		&klab_stream, &vmsplice_stream, 64 * KIB, 0, 0.9, 1 },
	{ "private, 1 B",		&klab_private, &pipe_stream, 1, 0, 1.4, 1.4 },
	{ "private, 64 KiB",		&klab_private, &pipe_stream, 64 * KIB, 0, 3.5, 3 },
	{ "mapped ring, 1 B",		&klab_mapped, &bare_ring, 1, 0, 0, 0 },
	{ "mapped ring, 64 KiB",	&klab_mapped, &pipe_stream, 64 * KIB, 0, 5, 8 },
	{ "mapped ring, 64 KiB",	&klab_mapped, &bare_ring, 64 * KIB, 0, 0.95, 0 },
	{ "in place, 64 KiB",		&klab_in_place, &pipe_stream, 64 * KIB, 0, 5, 8 },
	{ "round trip",			&klab_round, &eventfd_round, 0, 0, 1, 0 },
	{ "round trip, mapped",		&klab_round_mapped, &eventfd_round, 0, 0, 0, 0 },
	{ "round trip, yields",	&klab_round_yields, &eventfd_round, 0, 0, 1, 0 },
	{ "ioctl",			&klab_ioctl, &null_ioctl, 0, 0, 0.9, 0 },
	{ "ioctl, unknown",		&klab_ioctl_refused, &null_ioctl, 0, 0, 0, 0 },
	{ "eventfd, 1 firing",		&klab_eventfd, &write_eventfd, 0, 0, 0.95, 0 },
	{ "eventfd, 64 firings",	&klab_eventfd_batch, &write_eventfd_batch, 0, 0, 4, 0 },
	{ "notify, 1 firing",		&notify_eventfd, &write_eventfd, 0, 0, 0.95, 0 },
	{ "notify, 64 firings",		&notify_eventfd_batch, &write_eventfd_batch, 0, 0, 0, 0 },
	{ "notify, signal",		&notify_signal, &queue_signal, 0, 0, 0.95, 0 },
	{ "notify, lateness",		&notify_timer, &timerfd_timer, 0, 0, 0.95, 0 },
	{ "signal with a value",	&klab_signal, &queue_signal, 0, 0, 0.95, 0 },
	{ "page, histogram",		&klab_alloc, &bare_loop, 0, BLOCKS, 0.8, 0.8 },
	{ "page, got, freed",		&klab_alloc_bare, &bare_loop, 0, BLOCKS, 0.95, 0.95 },
	{ "page, in bulk",		&klab_bulk, &klab_alloc_bare, 0, BLOCKS, 1.8, 1.8 },
	{ "page, held, freed",		&klab_hold, NULL, 0, BLOCKS, 0, 0 },
	{ "all free lists",		&klab_zones, &proc_zones, 0, 0, 0, 0 },
	{ "area, of 1024",		&klab_areas, &maps_text, 0, AREAS, 4, 0 },
	{ "area, of 1024",		&klab_areas, &procmap_query_loop, 0, AREAS, 4, 0 },
	{ "page, its record",		&klab_records, &pagemap_flags, 0, PAGES, 2, 0 },
	{ "page, with a token",	&klab_tokens, &pagemap_flags, 0, PAGES, 0, 0 },
	{ "page, as runs",		&klab_runs, &pagemap_scan, 0, PAGES, 0.8, 0 },
	{ "page, as runs",		&klab_runs, &mincore_call, 0, PAGES, 0, 0 },
	{ "recorded getppid",		&klab_recorded, &tracer, 0, 0, 1, 0 },
	{ "recorded getppid",		&klab_recorded, &trace_events, 0, 0, 1, 0 },
	{ "recorded getppid",		&klab_recorded, &bpf_ring, 0, 0, 1, 0 },
	{ "another is recorded",	&klab_another, &getppid_call, 0, 0, 0.87, 0 },
	{ "recorder gone",		&klab_recorder_gone, &getppid_call, 0, 0, 1, 0 },
	/* What any system call costs: no klab here, but what it can be held against. */
	{ "getppid",			NULL, &getppid_call, 0, 0, 0, 0 },
	{ "write 1 B",			NULL, &null_write, 0, 0, 0, 0 },
	{ "read 1 B",			NULL, &zero_read, 0, 0, 0, 0 },
};

const size_t row_count = ARRAY_SIZE(rows);

void profile_end(void)
{
}
