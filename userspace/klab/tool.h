/* SPDX-License-Identifier: GPL-2.0-only */
/* klab, the command: what its files share. Calls run from the top of this file down. */
#ifndef KLAB_TOOL_H
#define KLAB_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#include <json-c/json.h>

#include "libklab.h"

#define __printf(text, arguments) \
	__attribute__((format(printf, \
			      text, arguments)))

/* Raised when a reader of the JSON could be misled; a new field is no reason. */
#define JSON_SCHEMA	1

/* How long a part waits for something that ought to happen at once. */
#define PATIENCE_MS	5000

enum exit_status {
	DONE = 0,
	FAILED = 1,
	MISUSED = 2,
	NO_DEVICE = 3,
	NOT_PERMITTED = 5,	/* or the module speaks another version of the contract */
};

enum option_id {
	OPT_END,		/* ends a list of options */
	OPT_AREA,
	OPT_BY,
	OPT_COLOR,
	OPT_COUNT,
	OPT_CPU,
	OPT_DELAY,
	OPT_DIFF,
	OPT_EVENTS,
	OPT_FD,
	OPT_FIRST,
	OPT_FOLLOW,
	OPT_HELP,
	OPT_HOLD,
	OPT_HOW,
	OPT_INTERVAL,
	OPT_JSON,
	OPT_NODE,
	OPT_NONBLOCK,
	OPT_ON,
	OPT_ORDER,
	OPT_OUTPUT,
	OPT_PARTIAL,
	OPT_PID,
	OPT_RAW,
	OPT_SEMAPHORE,
	OPT_STRIDE,
	OPT_SUMMARY,
	OPT_SVG,
	OPT_TELL,
	OPT_TIMEOUT,
	OPT_TRACE_EVENTS,
	OPT_VALUE,
	OPT_VERSION,
	OPT_IDS
};

struct call;
struct contract_command;
struct contract_struct;
struct contract_field;
struct shot;

/* An option as one command takes it. */
struct option_use {
	enum option_id id;
	const char *argument;		/* NULL: a switch */
	const char *meaning;
};

struct command {
	const char *object;
	const char *verb;		/* NULL: the object stands alone */
	const char *operands;		/* as the synopsis shows them; NULL: none */
	int operands_min;
	int operands_max;
	bool raw;			/* passes bytes as they are; no --json */
	const struct option_use *options;
	const char *summary;
	const char *example;
	int (*run)(struct call *call);
};

/* One call of klab: what was asked for, how to answer, and the device. */
struct call {
	const struct command *command;
	char name[32];			/* "page alloc" */
	const char *step;		/* what it is at, when that has a name of its own */
	const char *option[OPT_IDS];	/* as given, "" for a switch; NULL: not given */
	char **operand;
	int operands;
	bool dashes;			/* they stood behind "--" */
	bool json;
	bool color;
	int fd;				/* the device, once it is open */
	struct klab_info info;		/* its limits */
};

/* commands.c: the one list of what there is */
extern const struct command commands[];
extern const struct option_use common_options[];
const char *option_name(enum option_id id);
char option_letter(enum option_id id);

/* help.c */
int help_run(struct call *call);
int help_show(const struct call *call, const char *object, const char *verb);
int version_run(struct call *call);

/* complete.c */
int complete_run(struct call *call);

/* info.c */
int info_run(struct call *call);
const char *module_version(char *buf, size_t size);

/* channel.c */
int read_run(struct call *call);
int write_run(struct call *call);

/* fragment.c */
int page_fragment_run(struct call *call);

/* page.c */
struct books {
	struct klab_pages_books ask;	/* the totals, and when */
	struct klab_zone *zone;
	__u32 zones;
	struct klab_event *event;
	__u32 events;
};

/* One allocation, and what the books said around it. */
struct grab {
	struct klab_pages_alloc alloc;
	struct klab_pages_source *source;
	struct klab_bucket taking[KLAB_BUCKETS];
	struct klab_pages_free release;
	struct klab_bucket giving[KLAB_BUCKETS];
	struct books before;
	struct books taken;
	struct books after;
};

int page_alloc_run(struct call *call);
int page_free_run(struct call *call);
int page_list_run(struct call *call);
int grab_take(const struct call *call, struct grab *grab);
int grab_return(const struct call *call, struct grab *grab);
void grab_print_taken(const struct call *call, const struct grab *grab);
json_object *grab_json(const struct call *call, const struct grab *grab);
void grab_end(struct grab *grab);
bool wait_interrupted(__u64 ms);

/* books.c */
int page_stat_run(struct call *call);
int page_watch_run(struct call *call);
int books_read(int fd, struct books *books);
void books_end(struct books *books);
__u64 books_free(const struct books *books);
void books_json(const struct call *call, json_object *object, const struct books *books);
void books_print_moved(const struct call *call, const struct books *from,
		       const struct books *to);

/* child.c: a child that does one thing and reports it */
struct child {
	pid_t pid;
	int report;
};

int child_start(struct child *child, void (*run)(int report, const void *arg),
		const void *arg);
void child_settle(const struct child *child);
int child_collect(const struct child *child, void *report, size_t size);
void child_end(struct child *child);
__u64 now(void);

/* ways.c: the ways of waiting */
struct arrival {
	int signal;
	int code;
	pid_t pid;
	uid_t uid;
	__u64 value;
	__u64 at;
};

/* What one who waits was told of a firing. Where the way did not tell all, he asked. */
struct told {
	__u64 at;
	__u64 fired_ns;
	__u64 sequence;
	__u64 value;
	bool asked;
};

struct waiter;

struct way {
	const char *name;
	const char *on;
	__u32 way;			/* KLAB_WAY_*, or 0 where none is needed */
	bool (*wait)(struct waiter *waiter, struct told *told);
	/* As poll(2), for an eventfd; and 0 or -1 with errno, for a signal. */
	int (*ready)(int fd, __u32 events, int timeout_ms);
	int (*arrival)(const sigset_t *set, int timeout_ms, struct arrival *arrival);
};

/* A child in one of them. It has a copy of this. */
struct waiter {
	const struct way *way;
	int notifier;
	__u32 handle;
	__u64 until;			/* the number of the last firing */
	__u64 known;			/* of the last that it was told of */
	int event;			/* an eventfd, or what the way has opened */
	struct child child;
};

extern const struct way ways[];
const struct way *way_of(const struct call *call, const char *name, const char *on);
void waiter_start(const struct call *call, struct waiter *waiter, struct klab_delivery *delivery);
bool waiter_next(const struct waiter *waiter, int patience_ms, struct told *told);
void waiter_end(struct waiter *waiter);

/* signal.c */
int signal_send_run(struct call *call);
int signal_wait_run(struct call *call);
int signal_restart_run(struct call *call);
int signal_of(const struct call *call, const char *word);
json_object *arrival_json(const struct arrival *arrival);
const char *signal_code_name(int code);

/* eventfd.c */
struct firing {
	struct klab_eventfd_fire fire;
	const struct way *way;		/* in which a child waited; or NULL */
	__u64 woke_ns;
	__u64 counted;
	__u64 reads;
};

int eventfd_fire_run(struct call *call);
int firing_watch(const struct call *call, const struct way *way, bool semaphore,
		 struct firing *firing);
void firing_print(const struct call *call, const struct firing *firing);
void firing_json(json_object *object, const struct firing *firing);

/* ioctl.c; contract.h has what it speaks of */
const struct contract_command *contract_find(const char *name);
const struct contract_command *contract_of_number(unsigned int number);
int ioctl_list_run(struct call *call);
int ioctl_show_run(struct call *call);
int ioctl_decode_run(struct call *call);
void print_words(const struct call *call, int column, const char *words);

/* call.c */
void shot_load(const struct call *call, struct shot *shot, const char *name);
void shot_set(const struct call *call, struct shot *shot, const char *word);
void shot_room(const struct call *call, struct shot *shot);
void make_descriptor(struct call *call, const char *makers);
int ioctl_call_run(struct call *call);

/* probe.c */
int ioctl_probe_run(struct call *call);

/* fields.c */
void struct_text(char *text, size_t room, const struct contract_struct *of,
		 const unsigned char *base, const char *role);
void field_text(char *text, size_t room, const struct contract_field *field,
		const unsigned char *at, const char *role);
json_object *struct_json(const struct contract_struct *of, const unsigned char *base);
json_object *field_json(const struct contract_field *field, const unsigned char *at);
void answer_json(json_object *object, const char *ioctl, const void *argument);
json_object *record_json(const char *ioctl, const char *array, const void *record);
bool field_set(const struct call *call, const struct contract_struct *of, unsigned char *base,
	       const char *name, const char *text);

/* explain.c */
bool explain(const struct call *call, const struct contract_command *command,
	     unsigned int number, const unsigned char *arg, int error, char *why, size_t room);

/* notify.c */
int notify_compare_run(struct call *call);
int notify_wait_run(struct call *call);
int notify_tick_run(struct call *call);

/* hold.c */
int notify_hold_run(struct call *call);
int notify_set_run(struct call *call);
int notify_list_run(struct call *call);
int notify_query_run(struct call *call);
int notify_cancel_run(struct call *call);

/* task.c */
int task_show_run(struct call *call);
int task_areas_run(struct call *call);
int task_walk_run(struct call *call);
int task_compare_run(struct call *call);
int task_of(struct call *call, const char *pid);
void areas_read(const struct call *call, int task, struct klab_task_areas *areas);
void areas_free(struct klab_task_areas *areas);
const char *area_name(const struct klab_task_areas *areas, const struct klab_area *area);

/* task_pages.c */
int task_pages_run(struct call *call);
char page_letter(const struct klab_page *page);
char page_letter_beside(const struct klab_page *page, const struct klab_page *other);

/* file.c */
int file_show_run(struct call *call);

/* trace.c */
int trace_run(struct call *call);

/* doctor.c */
int doctor_run(struct call *call);

/* record.c, report.c, cpu.c */
int record_run(struct call *call);
int report_run(struct call *call);
int cpu_run(struct call *call);

/* lesson.c; ../lessons has the lessons */
int lesson_list_run(struct call *call);
int lesson_run_run(struct call *call);
int lesson_show_run(struct call *call);

/* tour.c */
int tour_run(struct call *call);

/* device.c: the arguments of a command, and the device that it speaks to */
__u64 number_option(const struct call *call, enum option_id id, __u64 min, __u64 max,
		    __u64 otherwise);
__u64 number_of(const struct call *call, const char *what, const char *text, __u64 min,
		__u64 max);
#define STEP_OPEN	"open " KLAB_DEVICE
#define STEP_HANDSHAKE	"handshake"
void device_open(struct call *call, int flags);

/* refusal.c: every way to say no */
noreturn void misuse(const struct call *call, const char *fmt, ...) __printf(2, 3);
noreturn void refuse(const struct call *call, int error);
noreturn void refuse_because(const struct call *call, int error, const char *fmt, ...)
	__printf(3, 4);
void *zeroed(const struct call *call, size_t count, size_t size);
noreturn void fail(const struct call *call, const char *fmt, ...) __printf(2, 3);
const char *likely_cause(const char *command, int error);

/* output.c */
enum paint {
	PLAIN,
	USER_SIDE,
	KERNEL_SIDE,
	CHANGED,
	ABSENT,
	STRONG,
};

struct text {
	char s[64];
};

void row(const struct call *call, enum paint paint, const char *label,
	 const char *fmt, ...) __printf(4, 5);
void more(const struct call *call, const char *fmt, ...) __printf(2, 3);
struct text painted(const struct call *call, enum paint paint, const char *text);
struct text text_time(__u64 ns);
struct text text_moment(__u64 ns);
struct text text_bytes(__u64 bytes);
struct text text_bar(__u64 part, __u64 whole);
struct text text_signal(int number);

/* How many times took from 2^i ns to less than twice that; of pages, and of lateness. */
#define HISTOGRAM_BUCKETS	32

struct histogram {
	__u64 count[HISTOGRAM_BUCKETS];
};

_Static_assert(KLAB_BUCKETS == HISTOGRAM_BUCKETS, "times of pages");
_Static_assert(KLAB_LATENESS_BUCKETS == HISTOGRAM_BUCKETS, "lateness");

void histogram_rows(const struct call *call, const struct histogram *histogram, __u64 whole);
json_object *histogram_json(const struct histogram *histogram);

json_object *json_start(const struct call *call);
void json_number(json_object *object, const char *key, __u64 value);
void json_string(json_object *object, const char *key, const char *value);
void json_flag(json_object *object, const char *key, bool value);
void json_finish(const struct call *call, json_object *object);
int output_finish(const struct call *call, int status);

#endif /* KLAB_TOOL_H */
