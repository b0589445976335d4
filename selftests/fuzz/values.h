/* SPDX-License-Identifier: GPL-2.0-only */
/* What there is in a program's world, and values for its calls. All of it is drawn from dice. */
#ifndef FUZZ_VALUES_H
#define FUZZ_VALUES_H

#include <sys/types.h>

#include "contract.h"
#include "world.h"

#define SLOTS		24
#define MAPS		4
#define ARENA		0x40000
#define HIGH		512	/* descriptors of our own are above: see slot_put() */

/* Descriptors, by what they are: a name of the contract's, or one of these. */
#define EVENTFD		"eventfd"
#define EPOLL		"epoll"
#define PIPE		"pipe"
#define MEMFD		"file"

struct slot {
	int fd;
	const char *kind;
};

/* A handle that a command gave: it is worth something at its descriptor only. */
struct name {
	const char *on;		/* what kind takes it; NULL: there is none here yet */
	int fd;
	__u32 handle;
};

extern struct slot slots[SLOTS];
extern unsigned char *arena;	/* ends where nothing may be touched */
extern void *maps[MAPS];
extern pid_t victim;		/* somebody to look at and to signal */
extern long page;
extern __thread struct dice dice;

static inline __u64 draw(void)
{
	return roll(&dice);
}

/* From 0 to @below - 1. */
static inline unsigned int any(unsigned int below)
{
	return pick(&dice, below);
}

static inline bool one_in(unsigned int times)
{
	return chance(&dice, times);
}

/*
 * What was in the slot is closed, whoever is in a call on it. Two threads may close one
 * number twice: it is that of another slot then, as those of our own are higher.
 */
void slot_put(const char *kind, int fd);
/* A descriptor of a kind that is among @words, or any; most times. */
int slot_get(const char *words);
/* A handle that such a descriptor takes, or NULL. */
const struct name *name_get(const char *on);

/* Numbers at which something may change. */
__u64 number(void);
__u64 address(void);

void fill_struct(unsigned char *to, size_t size, const struct contract_struct *of, int depth);
/* What there is a handle of, and the descriptor that it is for; or @fd. */
int fill_handle(unsigned char *arg, const struct contract_struct *of, int fd);
/* What a command that was done at @fd has named, if anything. */
void note_handle(const unsigned char *arg, const struct contract_struct *of, int fd);

#endif /* FUZZ_VALUES_H */
