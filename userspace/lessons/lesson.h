/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a lesson is made of: it says what it does, does it, shows what the kernel holds
 * then, and claims what must be so. A claim that is not true ends the lesson, as failed.
 */
#ifndef KLAB_LESSON_H
#define KLAB_LESSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#include "libklab.h"

#define __printf(text, arguments) \
	__attribute__((format(printf, \
			      text, arguments)))

/* What NAME.c defines, as lesson_NAME. */
struct lesson {
	const char *name;
	const char *idea;		/* in one line */
	void (*run)(int klab);		/* @klab: the device, open */
};

/* Telling. Each line has a label in front, and without --json is all there is to see. */
void say(const char *fmt, ...) __printf(1, 2);
void show(const char *label, const char *fmt, ...) __printf(2, 3);
void seen(const char *text);		/* lines that end with \n */
void now_try(const char *text);

/*
 * Say what is done next. Returns true, for this to stand before it:
 *
 *	if (doing("write one byte into page 5"))
 *		page[5][0] = 1;
 *
 * A test leaves out one such deed after the other, and expects a claim to notice.
 */
bool doing(const char *fmt, ...) __printf(1, 2);

/* A number that the kernel's side gave, and one of this side, with its name for --json. */
void kernel(const char *name, __u64 number, const char *fmt, ...) __printf(3, 4);
void user(const char *name, __u64 number, const char *fmt, ...) __printf(3, 4);

/* The sentence, and that it holds; or the end. Quietly: only if it does not. */
void claim(bool holds, const char *fmt, ...) __printf(2, 3);
void claim_quietly(bool holds, const char *sentence);

/* A call that every claim rests on: unless it succeeded, end, and say why. Returns @result. */
long must(long result, const char *what);

/* End the lesson, without a failure: this machine or this user cannot have it. */
noreturn void cannot(const char *why);

/* Call @undo when the lesson ends, be it as failed, for what would outlive its process. */
void at_end(void (*undo)(void));

/* Nanoseconds as people read them; those of CLOCK_MONOTONIC; a part of a whole as #s. */
const char *time_text(__u64 ns);
const char *bar(__u64 part, __u64 whole);
__u64 now_ns(void);

/*
 * A child that takes turns with its parent, so that each of them can look while the
 * other one stands still. It ends at the latest with its parent.
 */
struct partner {
	pid_t pid;			/* 0 in the child */
	int turns;
};

/* fork(2). The parent goes on when the child has come to its first take_turn(). */
struct partner begin_partner(void);
void take_turn(const struct partner *self);	/* in the child: wait for the next one */
void give_turn(const struct partner *child);	/* in the parent: begin and finish */
void begin_turn(const struct partner *child);	/* let it go on */
void finish_turn(const struct partner *child);	/* until it waits for a turn again */
void end_partner(struct partner *child);	/* it ends instead of its next turn */

/* Looking, through a handle of a task. */
#define PAGE		4096UL
int look_at(int klab, pid_t pid);
struct klab_task_space space_of(int task);
struct klab_task_who who_is(int task);
struct klab_page page_at(int task, const void *address);
struct klab_area area_at(int task, const void *address);	/* all zero: there is none */
__u64 common(int task, int other);				/* KLAB_SAME_* bits */

/* The pages of a range: how many of them have all these flags. */
unsigned int pages_with(int task, const void *start, unsigned int pages, __u32 flags);
/* As a map, one letter a page, below its label; @other: beside the same range there. */
void map_of(const char *label, int task, const void *start, unsigned int pages);
void map_beside(const char *label, int task, int other, const void *start, unsigned int pages);

/* What the last page table says of an address; all zero: nothing. */
struct klab_table_entry entry_at(int task, const void *address);

/*
 * What this process does at the border of the kernel while it does @deed, or nothing
 * unless @done: the events of these KLAB_RECORD_* @kinds, in their order.
 */
struct event {
	struct klab_recorded head;
	union {				/* as head.kind says */
		struct klab_event_enter enter;
		struct klab_event_leave leave;
		struct klab_event_fault fault;
		struct klab_event_trap trap;
		struct klab_event_signal signal;
		struct klab_event_deliver deliver;
		char body[KLAB_EVENT_LENGTH_MAX - sizeof(struct klab_recorded)];
	};
};

void record(int klab, __u32 kinds, bool done, void (*deed)(void));
unsigned int events_of(int kind);
/* The @at'th of them, from 0 on; all zero: there are not so many. */
const struct event *event_of(int kind, unsigned int at);

/* The doors of a processor; @gate: room for 256. */
struct klab_cpu doors_of(int klab, struct klab_cpu_gate *gate);

/* New memory of so many pages, none of them a large one, or the end of the lesson. */
char *memory(unsigned int pages, int flags);

/* Open a disk in memory, after loading its driver if need be; -1: there is none. */
int disk(const char *path, int flags);
/* Make one on which there is nothing swap, as mkswap(8) and swapon(8) do it. */
bool swap_on(const char *path);

/* Write @text into a file of the kernel's. Returns whether it took it. */
bool write_text(const char *path, const char *text);

/* Read one byte, which no compiler knows to be of no use. */
char peek(const void *address);

#endif /* KLAB_LESSON_H */
