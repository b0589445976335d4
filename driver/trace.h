/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a caller does goes to whoever traces it, never to the kernel log:
 * echo 1 > /sys/kernel/tracing/events/klab/enable
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM klab

#if !defined(KLAB_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KLAB_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(klab_ioctl,
	TP_PROTO(unsigned int number, long result),
	TP_ARGS(number, result),
	TP_STRUCT__entry(
		__field(unsigned int, number)
		__field(long, result)
	),
	TP_fast_assign(
		__entry->number = number;
		__entry->result = result;
	),
	TP_printk("number=0x%08x result=%ld", __entry->number, __entry->result)
);

#endif /* KLAB_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
