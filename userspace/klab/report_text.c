// SPDX-License-Identifier: GPL-2.0-only
/* What an event is called, and klab report for people: the timeline, the summary. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "report.h"

/* Made from the C library's headers: [0] = "read", ... */
static const char * const names_64[] = {
#include "syscalls_64.h"
};

static const char * const names_32[] = {
#include "syscalls_32.h"
};

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

const char *syscall_name(const struct item *item)
{
	/* Both ends of a call begin alike. At its end the number may be gone. */
	const struct item *known = item->event->kind == KLAB_EVENT_LEAVE && item->partner ?
				   item->partner : item;
	const struct klab_event_leave *call = known->body;
	bool compat = call->flags & KLAB_EVENT_COMPAT;
	size_t count = compat ? COUNT(names_32) : COUNT(names_64);
	const char *name = NULL;

	if (call->number >= 0 && (size_t)call->number < count)
		name = compat ? names_32[call->number] : names_64[call->number];
	return name ? name : "unknown call";
}

/* How many of the six registers a call looks at; the others it is not asked to show. */
static int arguments_of(const char *name)
{
	static const struct {
		int count;
		const char *names;
	} known[] = {
		{ 0, " getpid getppid gettid getuid geteuid getgid getegid sched_yield pause " },
		{ 0, " sync fork vfork rt_sigreturn getpgrp setsid munlockall " },
		{ 1, " close brk exit exit_group fchdir chdir unlink rmdir dup pipe uname " },
		{ 1, " umask alarm set_tid_address epoll_create1 mlockall getpgid times " },
		{ 2, " munmap fstat stat lstat dup2 kill access getcwd listen nanosleep " },
		{ 2, " gettimeofday arch_prctl ftruncate truncate rename mkdir fchmod flock " },
		{ 2, " getrusage pipe2 clone3 clock_gettime set_robust_list memfd_create mlock " },
		{ 2, " munlock setpgid eventfd2 " },
		{ 3, " read write open lseek mprotect ioctl readv writev poll execve socket " },
		{ 3, " connect accept bind fcntl getdents64 tgkill madvise getrandom mincore " },
		{ 3, " sched_setaffinity sched_getaffinity readlink faccessat unlinkat msync " },
		{ 3, " sendmsg recvmsg dup3 mlock2 " },
		{ 4, " openat pread64 pwrite64 newfstatat rt_sigaction rt_sigprocmask wait4 " },
		{ 4, " sendfile prlimit64 rseq rt_sigtimedwait readlinkat epoll_ctl epoll_wait " },
		{ 4, " fadvise64 clock_nanosleep socketpair accept4 faccessat2 " },
		{ 5, " clone mremap prctl select waitid statx setsockopt " },
	};
	char word[40];
	size_t i;

	snprintf(word, sizeof(word), " %.36s ", name);
	for (i = 0; i < COUNT(known); i++)
		if (strstr(known[i].names, word))
			return known[i].count;
	return 6;
}

static void arguments_text(const struct item *item, char *text)
{
	int count = arguments_of(syscall_name(item)), i;
	size_t used = 0;

	text[0] = '\0';
	for (i = 0; i < count; i++) {
		__u64 value = BODY(item, enter)->args[i];
		__s32 small = value;
		bool fits = value >> 32 == 0 || ~value >> 32 == 0;
		bool is_small = fits && small > -4096 && small < 65536;

		used += snprintf(text + used, DETAIL - used, is_small ? "%s%lld" : "%s0x%llx",
				 i ? ", " : "", is_small ? (__u64)small : value);
	}
}

void result_text(__s64 result, char *text)
{
	static const char * const restart[] = { "ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND",
						NULL, "ERESTART_RESTARTBLOCK" };
	const char *name = NULL;

	if (result <= -512 && result >= -516)
		name = restart[-result - 512];
	else if (result < 0 && result > -4096)
		name = strerrorname_np(-result);
	if (name)
		snprintf(text, DETAIL, "-%s", name);
	else if (result > -4096 && result < 65536)
		snprintf(text, DETAIL, "%lld", result);
	else
		snprintf(text, DETAIL, "0x%llx", result);
}

const char *kind_name(__u8 kind)
{
	static const char * const names[] = {
		"enter", "leave", "fault", "trap", "signal", "deliver", "fork", "exec", "exit",
		"out", "in",
	};

	return kind < COUNT(names) ? names[kind] : "unknown";
}

const char *trap_name(__u32 vector)
{
	static const char * const names[32] = {
		"divide error", "debug", "non-maskable interrupt", "breakpoint", "overflow",
		"bound range", "invalid opcode", "device not available", "double fault",
		"coprocessor overrun", "invalid TSS", "segment not present", "stack segment",
		"general protection", "page fault", "reserved", "x87 error", "alignment check",
		"machine check", "SIMD error", "virtualization", "control protection",
		[28] = "hypervisor injection", [29] = "VMM communication", [30] = "security",
	};

	return vector < COUNT(names) && names[vector] ? names[vector] : "unknown";
}

static const char *outcome_text(const struct item *item)
{
	switch (item->outcome) {
	case END_UNSEEN:
		return "   end unseen";
	case KLAB_EVENT_WAS_MAJOR:
		return "   major";
	case KLAB_EVENT_WAS_MINOR:
		return "   minor";
	default:
		return "   no page";
	}
}

static void signal_text(const struct item *item, char *text)
{
	static const char * const outcomes[] = { "", ", ignored", ", one waits already", ", lost",
						 ", without its details" };
	const struct klab_event_signal *body = BODY(item, signal);
	const char *code = signal_code_name(body->code);
	char from[32] = "the kernel", number[24];

	if (body->pid)
		snprintf(from, sizeof(from), "pid %d", body->pid);
	snprintf(number, sizeof(number), "code %d", body->code);
	snprintf(text, DETAIL, "signal %s, %s, from %s%s", text_signal(body->signal).s,
		 code ? code : number, from,
		 body->outcome < COUNT(outcomes) ? outcomes[body->outcome] : "");
}

static void exit_text(const struct item *item, char *text)
{
	int status = BODY(item, exit)->status;

	if (WIFSIGNALED(status))
		snprintf(text, DETAIL, "exit, killed by %s%s", text_signal(WTERMSIG(status)).s,
			 WCOREDUMP(status) ? ", core dumped" : "");
	else
		snprintf(text, DETAIL, "exit, status %d", WEXITSTATUS(status));
}

static void fault_text(const struct item *item, char *text)
{
	const struct klab_event_fault *body = BODY(item, fault);

	snprintf(text, DETAIL, "page fault at 0x%llx: %s, %s%s", body->address,
		 body->error & KLAB_FAULT_PROTECTION ? "protection" : "absent",
		 body->error & KLAB_FAULT_FETCH ? "fetch" :
		 body->error & KLAB_FAULT_WRITE ? "write" : "read", outcome_text(item));
}

static void deliver_text(const struct item *item, char *text)
{
	const struct klab_event_deliver *body = BODY(item, deliver);
	struct text name = text_signal(body->signal);

	if (body->handler)
		snprintf(text, DETAIL, "%s delivered to the handler at 0x%llx", name.s,
			 body->handler);
	else
		snprintf(text, DETAIL, "%s delivered by default", name.s);
}

static const char *reason_text(__u32 reason)
{
	static const char * const reasons[] = {
		"preempted", "sleeps", "waits", "stopped", "leaves",
	};

	return reason < COUNT(reasons) ? reasons[reason] : "leaves";
}

/* What happened, on the kernel's side, in DETAIL bytes. */
void item_text(const struct item *item, char *text)
{
	char part[DETAIL];
	__u32 flags;

	switch (item->event->kind) {
	case KLAB_EVENT_ENTER:
		arguments_text(item, part);
		snprintf(text, DETAIL, "%s(%.200s)", syscall_name(item), part);
		break;
	case KLAB_EVENT_LEAVE:
		result_text(BODY(item, leave)->result, part);
		snprintf(text, DETAIL, "= %.200s", part);
		break;
	case KLAB_EVENT_FAULT:
		fault_text(item, text);
		break;
	case KLAB_EVENT_TRAP:
		snprintf(text, DETAIL, "%s, vector %u, error 0x%llx",
			 trap_name(BODY(item, trap)->vector), BODY(item, trap)->vector,
			 BODY(item, trap)->error);
		break;
	case KLAB_EVENT_SIGNAL:
		signal_text(item, text);
		break;
	case KLAB_EVENT_DELIVER:
		deliver_text(item, text);
		break;
	case KLAB_EVENT_FORK:
		flags = BODY(item, fork)->flags;
		snprintf(text, DETAIL, "new %s %d%s",
			 flags & KLAB_EVENT_THREAD ? "thread" : "process", BODY(item, fork)->tid,
			 flags & KLAB_EVENT_RECORDED ? "" : ", not recorded");
		break;
	case KLAB_EVENT_EXEC:
		flags = BODY(item, exec)->flags;
		snprintf(text, DETAIL, "now runs %.80s%s", BODY(item, exec)->path,
			 flags & KLAB_EVENT_PRIVILEGED ? ", privileged: not recorded" : "");
		break;
	case KLAB_EVENT_EXIT:
		exit_text(item, text);
		break;
	case KLAB_EVENT_OUT:
		snprintf(text, DETAIL, "off the processor: %s",
			 reason_text(BODY(item, switch)->reason));
		break;
	case KLAB_EVENT_IN:
		snprintf(text, DETAIL, "on processor %u", item->event->cpu);
		break;
	default:
		snprintf(text, DETAIL, "event of kind %u", item->event->kind);
	}
}

/* What the program did, and which way it goes; for what the kernel does by itself, nothing. */
static const char *user_word(const struct item *item, const char **arrow)
{
	*arrow = "";
	switch (item->event->kind) {
	case KLAB_EVENT_ENTER:
		*arrow = "----->";
		return "syscall";
	case KLAB_EVENT_LEAVE:
		*arrow = "<-----";
		return "";
	case KLAB_EVENT_FAULT:
		if (!(BODY(item, fault)->error & KLAB_FAULT_USER))
			return "";
		*arrow = "fault>";
		return "touches";
	case KLAB_EVENT_TRAP:
		*arrow = "-trap>";
		return "executes";
	case KLAB_EVENT_DELIVER:
		*arrow = BODY(item, deliver)->handler ? "<-----" : "";
		return "";
	}
	return "";
}

static enum paint paint_of(__u8 kind)
{
	if (kind == KLAB_EVENT_OUT || kind == KLAB_EVENT_IN)
		return ABSENT;
	return kind == KLAB_EVENT_TRAP || kind == KLAB_EVENT_SIGNAL || kind == KLAB_EVENT_DELIVER ?
	       CHANGED : KERNEL_SIDE;
}

static void print_item(const struct call *call, const struct recording *recording,
		       const struct item *item)
{
	bool whole = item->event->kind == KLAB_EVENT_ENTER && item->partner == item + 1;
	const struct item *end = item->event->kind == KLAB_EVENT_LEAVE ? item :
				 whole ? item->partner : NULL;
	char text[DETAIL], result[DETAIL], tid[16] = "";
	const char *arrow, *word = user_word(item, &arrow);

	if (item->lost)
		printf("%11s  %s\n", "", painted(call, CHANGED, "here events are missing").s);
	if (item->lost)
		printf("%11s  %llu were lost on processor %u: the reader was too slow\n", "",
		       item->lost, item->event->cpu);
	if (recording->lane_count > 1)
		snprintf(tid, sizeof(tid), "%-7d ", item->event->tid);
	item_text(item, text);
	printf("%11.3f  %s%s %s  ", (double)(item->event->time - recording->start) / 1e6, tid,
	       painted(call, USER_SIDE, whole ? "syscall " : *word ? word : "        ").s,
	       whole ? "<---->" : *arrow ? arrow : "      ");
	printf("%*s", item->depth * 2, "");
	/* A painted text has a limit that these would pass. */
	if (call->color)
		fputs(paint_of(item->event->kind) == CHANGED ? "\033[31m" :
		      paint_of(item->event->kind) == ABSENT ? "\033[2m" : "\033[33m", stdout);
	fputs(text, stdout);
	if (whole) {
		result_text(BODY(end, leave)->result, result);
		printf(" = %s", result);
	}
	if (call->color)
		fputs("\033[0m", stdout);
	if (end && end->partner) {
		printf("   %s", text_time(end->event->time - end->partner->event->time).s);
		if (end->away)
			printf(", %s of it off the processor", text_time(end->away).s);
	}
	putchar('\n');
}

void report_timeline(const struct call *call, const struct recording *recording)
{
	const struct item *item = recording->items, *end = item + recording->count;

	printf("%11s  %s%-8s         %s\n", "time ms", recording->lane_count > 1 ? "thread  " : "",
	       "user", "kernel");
	for (; item < end; item++) {
		print_item(call, recording, item);
		if (item->event->kind == KLAB_EVENT_ENTER && item->partner == item + 1)
			item++;
	}
	putchar('\n');
	report_summary(call, recording);
}

/* Something that is counted, by a key. */
struct tally {
	__u64 key;
	const char *name;
	__u64 count, errors, ns;
};

static struct tally *tally_of(struct tally *tallies, size_t *count, __u64 key, const char *name)
{
	size_t i;

	for (i = 0; i < *count; i++)
		if (tallies[i].key == key && tallies[i].name == name)
			return &tallies[i];
	tallies[*count] = (struct tally){ .key = key, .name = name };
	return &tallies[(*count)++];
}

static int by_count(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

#define SHOWN	10

static void print_calls(const struct call *call, const struct recording *recording)
{
	struct tally *calls = zeroed(call, recording->count + 1, sizeof(*calls)), *tally;
	const struct item *item = recording->items, *end = item + recording->count;
	__u64 total = 0, ns = 0;
	size_t count = 0, i;

	for (; item < end; item++) {
		/* A new task comes out of a call that it has not made. */
		if (item->event->kind != KLAB_EVENT_LEAVE || !item->partner)
			continue;
		tally = tally_of(calls, &count, 0, syscall_name(item));
		tally->count++;
		tally->errors += BODY(item, leave)->result < 0 && BODY(item, leave)->result > -4096;
		tally->ns += item->event->time - item->partner->event->time - item->away;
	}
	qsort(calls, count, sizeof(*calls), by_count);
	for (i = 0; i < count; i++) {
		total += calls[i].count;
		ns += calls[i].ns;
	}
	row(call, KERNEL_SIDE, "syscalls", "%llu that came back, %s of it on a processor", total,
	    text_time(ns).s);
	for (i = 0; i < count && i < SHOWN; i++)
		more(call, "          %-20s %8llu   %4llu failed   %s\n", calls[i].name,
		     calls[i].count, calls[i].errors, text_time(calls[i].ns).s);
	if (count > SHOWN)
		more(call, "          and %zu others\n", count - SHOWN);
	free(calls);
}

static void print_faults(const struct call *call, const struct recording *recording)
{
	struct tally *places = zeroed(call, recording->count + 1, sizeof(*places));
	const struct item *item = recording->items, *end = item + recording->count;
	__u64 minor = 0, major = 0, all = 0, kernel = 0, unseen = 0;
	size_t count = 0, i;
	char ends[40] = "";

	for (; item < end; item++) {
		if (item->event->kind != KLAB_EVENT_FAULT)
			continue;
		all++;
		minor += item->outcome == KLAB_EVENT_WAS_MINOR;
		major += item->outcome == KLAB_EVENT_WAS_MAJOR;
		unseen += item->outcome == END_UNSEEN;
		kernel += !(BODY(item, fault)->error & KLAB_FAULT_USER);
		tally_of(places, &count, BODY(item, fault)->address & ~0xfffULL, NULL)->count++;
	}
	qsort(places, count, sizeof(*places), by_count);
	if (unseen)
		snprintf(ends, sizeof(ends), ", end unseen %llu", unseen);
	row(call, KERNEL_SIDE, "faults",
	    "%llu: minor %llu, major %llu, no page %llu%s; by the kernel %llu", all, minor,
	    major, all - minor - major - unseen, ends, kernel);
	for (i = 0; i < count && i < SHOWN && places[i].count > 1; i++)
		more(call, "          page 0x%-14llx %8llu\n", places[i].key, places[i].count);
	free(places);
}

static __u64 count_kind(const struct recording *recording, __u8 kind)
{
	__u64 count = 0;
	size_t i;

	for (i = 0; i < recording->count; i++)
		count += recording->items[i].event->kind == kind;
	return count;
}

void report_summary(const struct call *call, const struct recording *recording)
{
	const struct recording_head *head = &recording->head;

	row(call, USER_SIDE, "recorded", "%.200s, %s, threads %zu",
	    *head->command ? head->command : "a process",
	    text_time(recording->end - recording->start).s, recording->lane_count);
	print_calls(call, recording);
	print_faults(call, recording);
	row(call, KERNEL_SIDE, "traps", "%llu", count_kind(recording, KLAB_EVENT_TRAP));
	row(call, KERNEL_SIDE, "signals", "%llu, delivered %llu",
	    count_kind(recording, KLAB_EVENT_SIGNAL), count_kind(recording, KLAB_EVENT_DELIVER));
	row(call, KERNEL_SIDE, "tasks", "made %llu, exec %llu, exit %llu",
	    count_kind(recording, KLAB_EVENT_FORK), count_kind(recording, KLAB_EVENT_EXEC),
	    count_kind(recording, KLAB_EVENT_EXIT));
	row(call, KERNEL_SIDE, "switches", "off a processor %llu",
	    count_kind(recording, KLAB_EVENT_OUT));
	row(call, head->dropped ? CHANGED : ABSENT, "lost", "%llu of %llu events, %llu threads",
	    head->dropped, head->made, head->missed);
}
