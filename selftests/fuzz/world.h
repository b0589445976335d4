/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program of the fuzzer runs in. world.c makes it, and makes each call out
 * of one number; fuzz.c decides which numbers, and watches.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <stdbool.h>

#include <linux/types.h>

#define THREADS		4
#define GENES		1024		/* calls of a program, at most */
#define LAST_CALLS	16
#define COMMANDS_MAX	256		/* the numbers that an ioctl may have */
#define OTHERS_MAX	32		/* kinds of calls that are no ioctl */
#define EDGES		65536

/* The generator of a number and of all that is drawn from it: splitmix64. */
struct dice {
	__u64 state;
};

static inline __u64 roll(struct dice *dice)
{
	__u64 z = dice->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* From 0 to @below - 1. */
static inline unsigned int pick(struct dice *dice, unsigned int below)
{
	return (roll(dice) >> 32) % below;
}

static inline bool chance(struct dice *dice, unsigned int in)
{
	return !pick(dice, in);
}

/* A call as it is told when something goes wrong. */
struct told {
	__u64 gene;
	char text[120];
	long result;
	int error;
	bool ended;
};

/* What all rounds share with who watches them. */
struct watch {
	__u64 calls;
	struct { __u64 calls, done; } command[COMMANDS_MAX], other[OTHERS_MAX];
	__u64 covered;			/* of what follows */
	unsigned char edge[EDGES];		/* places of the driver that were reached */
	bool found;				/* by this round, one that is new */
	unsigned int next[THREADS];
	struct told last[THREADS][LAST_CALLS];
	bool trace;				/* say each call to the kernel's log */
};

extern struct watch *watch;

/* Say @text to the kernel's log, where it is kept when the machine is lost. */
void say_to_log(const char *text);
bool world_init(void);
/* One call by one thread. The same genes in the same world make the same calls. */
void world_call(unsigned int thread, __u64 gene);
void world_thread(void);
const char *world_other(unsigned int code);

#endif /* FUZZ_WORLD_H */
