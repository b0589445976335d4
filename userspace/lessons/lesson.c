// SPDX-License-Identifier: GPL-2.0-only
/* How a lesson tells, and how it looks: lesson.h says what each of these is for. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lesson.h"
#include "run.h"

/* Of the lesson that this process runs. */
static const struct call *call;
static json_object *facts, *claims;
static int claim_number;
static int *deed_number;		/* counted together with the lesson's children */
static int flipped, omitted;		/* by the test; 0: none */

static int number_in(const char *variable)
{
	const char *text = getenv(variable);

	return text ? atoi(text) : 0;
}

void lesson_begin(const struct call *of, json_object *top)
{
	call = of;
	facts = json_object_new_object();
	claims = json_object_new_array();
	json_object_object_add(top, "facts", facts);
	json_object_object_add(top, "claims", claims);
	deed_number = (int *)memory(1, MAP_SHARED);
	flipped = number_in("KLAB_LESSON_FLIP");
	omitted = number_in("KLAB_LESSON_OMIT");
}

/* Was there what the test wanted to change? */
bool lesson_changed(void)
{
	return flipped <= claim_number && omitted <= *deed_number;
}

static void (*undo_all)(void);

void at_end(void (*undo)(void))
{
	undo_all = undo;
}

void lesson_undo(void)
{
	if (undo_all)
		undo_all();
}

static noreturn void end(enum lesson_end how)
{
	lesson_undo();
	fflush(stdout);
	lesson_report();
	_exit(how);
}

struct sentence {
	char s[200];
};

static __printf(1, 0) struct sentence sentence_of(const char *fmt, va_list args)
{
	struct sentence sentence;

	vsnprintf(sentence.s, sizeof(sentence.s), fmt, args);
	return sentence;
}

#define SENTENCE(fmt) ({						\
	va_list _args;							\
	struct sentence _sentence;					\
									\
	va_start(_args, fmt);						\
	_sentence = sentence_of(fmt, _args);				\
	va_end(_args);							\
	_sentence;							\
})

#define COLUMNS		80

/* The next line of a text, at most so wide; moves on to what follows it. */
static const char *line_of(const char **text, int columns)
{
	static char line[COLUMNS + 1];
	int length = strlen(*text);

	if (length > columns)
		for (length = columns; length > 1 && (*text)[length] != ' '; length--)
			;
	snprintf(line, sizeof(line), "%.*s", length, *text);
	*text += length + ((*text)[length] == ' ');
	return line;
}

/* A row that goes on below itself when it is too long. */
static void tell(enum paint paint, const char *label, struct sentence sentence)
{
	const char *text = sentence.s;

	do {
		row(call, paint, label, "%s", line_of(&text, COLUMNS - 10));
		label = "";
	} while (*text);
}

void say(const char *fmt, ...)
{
	struct sentence sentence = SENTENCE(fmt);
	const char *text = sentence.s;

	more(call, "\n");
	do {
		more(call, "%s\n", line_of(&text, COLUMNS));
	} while (*text);
}

void show(const char *label, const char *fmt, ...)
{
	row(call, PLAIN, label, "%s", SENTENCE(fmt).s);
}

void seen(const char *text)
{
	more(call, "\nwhat you saw\n");
	for (; *text; text = strchr(text, '\n') + 1)
		more(call, "  %.*s", (int)(strchr(text, '\n') + 1 - text), text);
}

void now_try(const char *text)
{
	more(call, "now try\n%s", text);
}

bool doing(const char *fmt, ...)
{
	bool leave_out = ++*deed_number == omitted;

	tell(STRONG, leave_out ? "left out" : "do", SENTENCE(fmt));
	return !leave_out;
}

void kernel(const char *name, __u64 number, const char *fmt, ...)
{
	json_number(facts, name, number);
	tell(KERNEL_SIDE, "kernel", SENTENCE(fmt));
}

void user(const char *name, __u64 number, const char *fmt, ...)
{
	json_number(facts, name, number);
	tell(USER_SIDE, "user", SENTENCE(fmt));
}

void claim(bool holds, const char *fmt, ...)
{
	struct sentence sentence = SENTENCE(fmt);
	json_object *one = json_object_new_object();

	if (++claim_number == flipped)
		holds = !holds;
	json_string(one, "claim", sentence.s);
	json_flag(one, "holds", holds);
	json_object_array_add(claims, one);
	tell(holds ? STRONG : CHANGED, holds ? "so" : "NOT SO", sentence);
	if (!holds)
		end(LESSON_FAILED);
}

void claim_quietly(bool holds, const char *sentence)
{
	if (!holds)
		claim(false, "%s", sentence);
}

long must(long result, const char *what)
{
	if (result >= 0)
		return result;
	row(call, CHANGED, "FAILED", "%s: %s: %s", what, strerrorname_np(errno), strerror(errno));
	end(LESSON_FAILED);
}

void cannot(const char *why)
{
	row(call, ABSENT, "skipped", "%s", why);
	end(LESSON_SKIPPED);
}

const char *time_text(__u64 ns)
{
	static struct text text;

	text = text_time(ns);
	return text.s;
}

const char *bar(__u64 part, __u64 whole)
{
	static struct text text;

	text = text_bar(part, whole);
	return text.s;
}

__u64 now_ns(void)
{
	return now();
}

/* Partners */

void take_turn(const struct partner *self)
{
	char turn = 0;

	fflush(stdout);
	if (write(self->turns, &turn, 1) != 1 || read(self->turns, &turn, 1) != 1)
		_exit(0);
}

void finish_turn(const struct partner *child)
{
	char turn;

	must(read(child->turns, &turn, 1), "to wait for the child");
}

struct partner begin_partner(void)
{
	struct partner partner;
	int ends[2];

	fflush(stdout);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
	partner.pid = must(fork(), "fork");
	partner.turns = ends[!partner.pid];
	close(ends[!!partner.pid]);
	if (!partner.pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	else
		finish_turn(&partner);
	return partner;
}

void begin_turn(const struct partner *child)
{
	char turn = 0;

	fflush(stdout);
	must(send(child->turns, &turn, 1, MSG_NOSIGNAL), "to let the child go on");
}

void give_turn(const struct partner *child)
{
	begin_turn(child);
	finish_turn(child);
}

void end_partner(struct partner *child)
{
	fflush(stdout);
	close(child->turns);
	must(waitpid(child->pid, NULL, 0), "waitpid");
}

/* Looking */

int look_at(int klab, pid_t pid)
{
	int task = klab_task_open(klab, pid);

	if (task < 0 && errno == EPERM)
		cannot("it looks at a process that it made, which takes CAP_SYS_PTRACE");
	return must(task, "a handle of the task");
}

struct klab_task_space space_of(int task)
{
	struct klab_task_space space;

	must(klab_task_space(task, &space), "the numbers of the address space");
	return space;
}

struct klab_task_who who_is(int task)
{
	struct klab_task_who who;

	must(klab_task_who(task, &who), "who it is");
	return who;
}

__u64 common(int task, int other)
{
	struct klab_task_compare compare;

	must(klab_task_compare(task, other, &compare), "to compare two tasks");
	return compare.same;
}

#define MAP_PAGES	64

static void pages_of(int task, const void *start, unsigned int pages, struct klab_page *page)
{
	struct klab_task_pages ask = {
		.start = (uintptr_t)start,
		.bytes = pages * PAGE,
		.pages = { (uintptr_t)page, pages, sizeof(*page) },
	};

	must(klab_task_pages(task, &ask), "to look at pages");
}

struct klab_page page_at(int task, const void *address)
{
	struct klab_page page = { 0 };

	pages_of(task, (const void *)((uintptr_t)address & -PAGE), 1, &page);
	return page;
}

unsigned int pages_with(int task, const void *start, unsigned int pages, __u32 flags)
{
	struct klab_page page[MAP_PAGES] = { 0 };
	unsigned int i, count = 0;

	pages_of(task, start, pages, page);
	for (i = 0; i < pages; i++)
		count += (page[i].flags & flags) == flags;
	return count;
}

struct klab_area area_at(int task, const void *address)
{
	struct klab_area area = { 0 };
	struct klab_task_areas ask = {
		.start = (uintptr_t)address,
		.end = (uintptr_t)address + 1,
		.areas = { (uintptr_t)&area, 1, sizeof(area) },
	};

	must(klab_task_areas(task, &ask), "to look at an area");
	return area;
}

struct klab_table_entry entry_at(int task, const void *address)
{
	struct klab_task_walk walk = { .address = (uintptr_t)address };

	must(klab_task_walk(task, &walk), "to walk the page tables");
	if (!walk.levels || walk.entries[walk.levels - 1].level != 1)
		return (struct klab_table_entry){ 0 };
	return walk.entries[walk.levels - 1];
}

static void print_map(const char *label, const char *letters)
{
	char map[2 * MAP_PAGES + 1] = "";
	size_t i;

	for (i = 0; letters[i]; i++) {
		map[2 * i] = letters[i];
		map[2 * i + 1] = ' ';
	}
	map[i ? 2 * i - 1 : 0] = '\0';
	row(call, KERNEL_SIDE, label, "%s", map);
}

void map_of(const char *label, int task, const void *start, unsigned int pages)
{
	struct klab_page page[MAP_PAGES] = { 0 };
	char letters[MAP_PAGES + 1] = "";
	unsigned int i;

	pages_of(task, start, pages, page);
	for (i = 0; i < pages; i++)
		letters[i] = page_letter(&page[i]);
	print_map(label, letters);
}

void map_beside(const char *label, int task, int other, const void *start, unsigned int pages)
{
	struct klab_page here[MAP_PAGES] = { 0 }, there[MAP_PAGES] = { 0 };
	char letters[MAP_PAGES + 1] = "";
	unsigned int i;

	pages_of(task, start, pages, here);
	pages_of(other, start, pages, there);
	for (i = 0; i < pages; i++)
		letters[i] = page_letter_beside(&here[i], &there[i]);
	print_map(label, letters);
}

char *memory(unsigned int pages, int flags)
{
	char *start = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags,
			   -1, 0);

	must(start == MAP_FAILED ? -1 : 0, "mmap");
	madvise(start, pages * PAGE, MADV_NOHUGEPAGE);
	return start;
}

/* Watching */

#define EVENTS		256
static struct event event[EVENTS];
static unsigned int events;

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->head.time != y->head.time)
		return x->head.time < y->head.time ? -1 : 1;
	return x->head.sequence < y->head.sequence ? -1 : 1;
}

void record(int klab, __u32 kinds, bool done, void (*deed)(void))
{
	struct klab_recorder_create ask = {
		.kinds = kinds, .bytes = 65536, .wakeup = 1, .threads = 1,
	};
	int task = look_at(klab, 0), recorder = must(klab_recorder_create(task, &ask), "recorder");
	const struct klab_recorded *one;
	static char buffer[65536];
	ssize_t got, at;

	if (done)
		deed();
	must(klab_recorder_stop(recorder), "to end the recording");
	for (events = 0; (got = must(read(recorder, buffer, sizeof(buffer)), "to read it")) > 0;)
		for (at = 0; at < got && events < EVENTS; at += one->length) {
			one = (const struct klab_recorded *)(buffer + at);
			event[events] = (struct event){ 0 };
			memcpy(&event[events++], one, one->length);
		}
	qsort(event, events, sizeof(event[0]), by_time);
	close(recorder);
	close(task);
}

unsigned int events_of(int kind)
{
	unsigned int i, count = 0;

	for (i = 0; i < events; i++)
		count += event[i].head.kind == kind;
	return count;
}

const struct event *event_of(int kind, unsigned int at)
{
	static const struct event none;
	unsigned int i;

	for (i = 0; i < events; i++)
		if (event[i].head.kind == kind && !at--)
			return &event[i];
	return &none;
}

struct klab_cpu doors_of(int klab, struct klab_cpu_gate *gate)
{
	struct klab_cpu cpu = { .gates = { (uintptr_t)gate, 256, sizeof(*gate) } };

	must(klab_cpu(klab, &cpu), "the doors of a processor");
	return cpu;
}

int disk(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && !system("modprobe brd 2>/dev/null"))
		fd = open(path, flags | O_CLOEXEC);
	return fd;
}

bool swap_on(const char *path)
{
	static const char label[] = "SWAPSPACE2", nothing[PAGE];
	__u32 version[2] = { 1, 4095 };		/* and the number of its last page */
	int fd = disk(path, O_RDWR | O_EXCL);
	char head[PAGE];

	if (fd < 0 || read(fd, head, PAGE) != (ssize_t)PAGE ||
	    (memcmp(head, nothing, PAGE) && memcmp(head + PAGE - 10, label, 10)))
		return false;
	memcpy(head + PAGE - 10, label, 10);
	memcpy(head + 1024, version, sizeof(version));
	if (pwrite(fd, head, PAGE, 0) != (ssize_t)PAGE || fsync(fd) || close(fd))
		return false;
	return !swapon(path, 0);
}

bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

char peek(const void *address)
{
	return *(const char *)address;
}
