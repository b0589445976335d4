/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract as data. userspace/description/describe makes the tables from the
 * comments of <linux/klab.h>, and the compiler proves that they agree with it.
 */
#ifndef KLAB_CONTRACT_H
#define KLAB_CONTRACT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <sys/ioctl.h>

#include <linux/klab.h>

struct contract_value {
	const char *name;
	__u64 value;
	const char *meaning;
};

struct contract_field {
	const char *name;
	const char *type;		/* "u32", "s64", "char", "struct klab_..." */
	size_t offset;
	size_t size;			/* of one */
	size_t count;			/* of an array; 0: it is none */
	const char *role;		/* "in", "out", "in, out", "zero" */
	const char *unit;
	const char *what;
	const struct contract_value *value;
	size_t values;
	bool bits;			/* they may be joined */
	const struct contract_struct *of;	/* its own struct */
	const struct contract_struct *record;	/* what struct klab_array leads to */
};

struct contract_error {
	int error;
	const char *why;
};

struct contract_struct {
	const char *name;
	size_t size;
	const char *summary;
	const char *prose;		/* paragraphs, each a line */
	const char *on;			/* kinds of descriptor that take the command */
	const char *returns;		/* the kind that it makes, or "" */
	const char *capabilities;	/* that are asked for in some case, or "" */
	const char *example;		/* for "klab ioctl call NAME" to succeed */
	const struct contract_field *field;
	size_t fields;
	const struct contract_error *error;
	size_t errors;
};

struct contract_command {
	const char *name;		/* without KLAB_IOC_ */
	unsigned int number;
	const struct contract_struct *argument;
};

/* Each ends with an entry of zeroes. */
extern const struct contract_command contract_commands[];
extern const struct contract_error contract_errors[];

/* A call to be made: its number, its struct, and memory for the arrays in it. */
#define LONGEST	(_IOC_SIZEMASK + 1)
#define ARRAYS	4

struct shot {
	const struct contract_command *command;
	void *pointer;
	unsigned char arg[LONGEST];		/* behind a pointer: aligned for any struct */
	unsigned char before[LONGEST];
	unsigned int number;
	struct {
		const struct contract_field *field;
		unsigned char *memory;
		size_t room;			/* records */
	} array[ARRAYS];
	int arrays;
};

#define CONTRACT_FIELD(type, field, offset, size)				\
	_Static_assert(offsetof(struct type, field) == (offset) &&		\
		       sizeof(((struct type *)0)->field) == (size), #type "." #field)

#endif /* KLAB_CONTRACT_H */
