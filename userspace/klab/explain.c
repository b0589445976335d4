// SPDX-License-Identifier: GPL-2.0-only
/* Which rule of the contract was it that refused a call? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "contract.h"
#include "tool.h"

static const unsigned char *first_set(const unsigned char *from, const unsigned char *end)
{
	while (from < end && !*from)
		from++;
	return from < end ? from : NULL;
}

static bool any_set(const unsigned char *at, size_t size)
{
	return first_set(at, at + size);
}

/* "1 to klab_info.blocks_max": is @value outside? */
static bool out_of_range(const struct call *call, const struct contract_field *field, __u64 value,
			 char *why, size_t room)
{
	const struct contract_struct *info = contract_find("INFO")->argument;
	const char *to = strstr(field->what, " to klab_info.");
	__u64 lowest, highest = 0;
	char name[32];
	size_t i;

	if (!to || to == field->what || !call->info.version ||
	    sscanf(to - 1, "%llu to klab_info.%31[a-z_]", &lowest, name) != 2)
		return false;
	for (i = 0; i < info->fields; i++)
		if (!strcmp(info->field[i].name, name))
			memcpy(&highest, (const char *)&call->info + info->field[i].offset,
			       info->field[i].size);
	if (value >= lowest && value <= highest)
		return false;
	snprintf(why, room, "%s is %llu, and may be %llu to %llu (klab_info.%s)", field->name,
		 value, lowest, highest, name);
	return true;
}

/* A field with what none of its kind may have: not zero, bits without a name, too much. */
static bool bad_field(const struct call *call, const struct contract_struct *of,
		      const unsigned char *arg, char *why, size_t room)
{
	const struct contract_field *field;

	for (field = of->field; field < of->field + of->fields; field++) {
		__u64 value = 0, known = 0;
		size_t i;

		if (!strcmp(field->role, "zero") || !strcmp(field->what, "zero")) {
			if (!any_set(arg + field->offset, field->size * (field->count ?: 1)))
				continue;
			snprintf(why, room, "%s has to be zero", field->name);
			return true;
		}
		if (field->of || field->count || !strstr(field->role, "in"))
			continue;
		memcpy(&value, arg + field->offset, field->size);
		for (i = 0; i < field->values; i++)
			known |= field->value[i].value;
		if ((field->bits || !strcmp(field->name, "flags")) && value & ~known) {
			snprintf(why, room, "%s has 0x%llx, which no flag of this command is",
				 field->name, value & ~known);
			return true;
		}
		if (out_of_range(call, field, value, why, room))
			return true;
	}
	return false;
}

/* What the command says of this errno, or what the contract says of it everywhere. */
static void told_rule(const struct contract_struct *of, int error, char *why, size_t room)
{
	const struct contract_error *known;
	const char *own = NULL, *all = NULL;

	for (known = of->error; known < of->error + of->errors; known++)
		if (known->error == error)
			own = known->why;
	for (known = contract_errors; known->error; known++)
		if (known->error == error)
			all = known->why;
	if (own && !*own)
		own = all ? all : strerror(error);
	if (own)
		snprintf(why, room, "%s", own);
	else if (all)
		snprintf(why, room, "%s", all);
	else
		*why = '\0';
}

/* Some commands can be told how to fail. */
static bool asked_for(const struct contract_struct *of, const unsigned char *arg, int error)
{
	const struct contract_field *field;
	__u64 value = 0;

	for (field = of->field; field < of->field + of->fields; field++)
		if (!strcmp(field->name, "error"))
			memcpy(&value, arg + field->offset, field->size);
	return value == (__u64)error;
}

/* A size that will do is refused for the address alone, before anything is done. */
static bool too_short(const struct call *call, unsigned int number)
{
	return ioctl(call->fd, number, NULL) < 0 && errno == EINVAL;
}

/*
 * @arg is what was passed, as far as the tool knows it, with the command's @number as it
 * was called. Returns false when the contract has no rule for this refusal.
 */
bool explain(const struct call *call, const struct contract_command *command,
	     unsigned int number, const unsigned char *arg, int error, char *why, size_t room)
{
	const struct contract_struct *of = command->argument;
	size_t size = _IOC_SIZE(number), known = of->size;
	unsigned char seen[LONGEST] = { 0 };
	const unsigned char *news;

	if (asked_for(of, arg, error)) {
		snprintf(why, room, "that is the error that it was asked for");
		return true;
	}
	switch (error) {
	case ENOTTY:
		if (_IOC_DIR(number) != _IOC_DIR(command->number))
			snprintf(why, room, "the direction in the number is not the command's");
		else
			snprintf(why, room, "the command is for these kinds of descriptor: %s",
				 of->on);
		return true;
	case E2BIG:
		news = first_set(arg + known, arg + size);
		if (!news)
			break;
		snprintf(why, room, "byte %zu is not zero, and the struct has %zu bytes",
			 (size_t)(news - arg), known);
		return true;
	case EINVAL:
		if (size < known && too_short(call, number)) {
			snprintf(why, room, "%zu bytes are fewer than the struct ever had, now %zu",
				 size, known);
			return true;
		}
		memcpy(seen, arg, size < known ? size : known);
		if (bad_field(call, of, seen, why, room))
			return true;
		break;
	case EINTR:
		snprintf(why, room, "a signal came while it waited");
		return true;
	}
	told_rule(of, error, why, room);
	return *why;
}
