// SPDX-License-Identifier: GPL-2.0-only
/* klab ioctl call: one call exactly as said, and what became of the struct. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "contract.h"
#include "tool.h"

#define ROOM		64		/* records, when it is not said how many */
#define RECORDS_MAX	(256 << 20)	/* bytes */

static struct klab_array *array_at(struct shot *shot, int i)
{
	return (void *)(shot->arg + shot->array[i].field->offset);
}

void shot_load(const struct call *call, struct shot *shot, const char *name)
{
	const struct contract_struct *of;
	size_t i;

	memset(shot, 0, sizeof(*shot));
	shot->command = contract_find(name);
	if (!shot->command)
		misuse(call, "there is no command '%s': klab ioctl list has all", name);
	shot->number = shot->command->number;
	shot->pointer = shot->arg;
	of = shot->command->argument;
	for (i = 0; i < of->fields && shot->arrays < ARRAYS; i++) {
		if (!of->field[i].record)
			continue;
		shot->array[shot->arrays].field = &of->field[i];
		*array_at(shot, shot->arrays++) = (struct klab_array) {
			.count = ROOM, .size = of->field[i].record->size,
		};
	}
}

/* "field=value", "array=RECORDS", or "byte[N]=value" for any byte there is. */
void shot_set(const struct call *call, struct shot *shot, const char *word)
{
	const char *equals = strchr(word, '=');
	char name[64];
	unsigned int place;
	int i, end = 0;

	if (!equals || (size_t)(equals - word) >= sizeof(name))
		misuse(call, "'%s' is no FIELD=VALUE", word);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - word), word);
	for (i = 0; i < shot->arrays; i++) {
		if (!strcmp(shot->array[i].field->name, name)) {
			array_at(shot, i)->count = number_of(call, name, equals + 1, 0, ~0U);
			return;
		}
	}
	if (sscanf(name, "byte[%u]%n", &place, &end) == 1 && !name[end] && place < LONGEST)
		shot->arg[place] = number_of(call, name, equals + 1, 0, 255);
	else if (!field_set(call, shot->command->argument, shot->arg, name, equals + 1))
		misuse(call, "%s has no field %s: klab ioctl show has them",
		       shot->command->name, name);
}

static void set_raw(const struct call *call, struct shot *shot, const char *list)
{
	static const char * const directions[] = { "none", "w", "r", "rw" };
	unsigned int direction = _IOC_DIR(shot->number), size = _IOC_SIZE(shot->number);
	char words[128], *word, *rest;

	snprintf(words, sizeof(words), "%s", list);
	for (word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (!strncmp(word, "size=", 5)) {
			size = number_of(call, "size", word + 5, 0, LONGEST - 1);
		} else if (!strncmp(word, "pointer=", 8)) {
			shot->pointer = (void *)(uintptr_t)
				number_of(call, "pointer", word + 8, 0, ~0ULL);
		} else if (!strncmp(word, "direction=", 10)) {
			for (direction = 0; direction < 4; direction++)
				if (!strcmp(word + 10, directions[direction]))
					break;
			if (direction == 4)
				misuse(call, "a direction is none, r, w or rw");
		} else {
			misuse(call, "--raw takes size=, direction= and pointer=, not '%s'", word);
		}
	}
	shot->number = _IOC(direction, _IOC_TYPE(shot->number), _IOC_NR(shot->number), size);
}

/* Memory for as many records as the struct now promises, unless it says where they go. */
void shot_room(const struct call *call, struct shot *shot)
{
	int i;

	for (i = 0; i < shot->arrays; i++) {
		struct klab_array *array = array_at(shot, i);
		size_t bytes = (size_t)array->count * array->size;

		if (array->records)
			continue;
		if (bytes > RECORDS_MAX)
			misuse(call, "%s: %u records of %u bytes are too many for klab",
			       shot->array[i].field->name, array->count, array->size);
		shot->array[i].room = array->count;
		shot->array[i].memory = zeroed(call, 1, bytes + shot->array[i].field->record->size);
		array->records = (uintptr_t)shot->array[i].memory;
	}
}

/* Returns what ioctl(2) did: -1 with errno, 0, or a descriptor. */
static int fire(struct shot *shot, int fd)
{
	memcpy(shot->before, shot->arg, sizeof(shot->arg));
	return ioctl(fd, shot->number, shot->pointer);
}

static noreturn void refuse_shot(const struct call *call, const struct shot *shot, int error)
{
	char why[512];

	if (error == EFAULT && shot->pointer != shot->arg)
		refuse_because(call, error, "the address of the struct, 0x%lx, leads nowhere%s",
			       (unsigned long)shot->pointer,
			       _IOC_DIR(shot->number) & _IOC_READ ? " that can be written" : "");
	if (explain(call, shot->command, shot->number, shot->before, error, why, sizeof(why)))
		refuse_because(call, error, "%s", why);
	refuse(call, error);
}

/*
 * "NAME:field=value,.../NAME:...": the first called on the device, and each of the others
 * on the descriptor that the last one made, if it did.
 */
void make_descriptor(struct call *call, const char *makers)
{
	char words[512], *maker, *rest, *fields, *field;
	struct shot *shot = zeroed(call, 1, sizeof(*shot));
	int made;

	snprintf(words, sizeof(words), "%s", makers);
	for (maker = strtok_r(words, "/", &rest); maker; maker = strtok_r(NULL, "/", &rest)) {
		fields = maker + strcspn(maker, ":");
		if (*fields)
			*fields++ = '\0';
		shot_load(call, shot, maker);
		while ((field = strsep(&fields, ",")) && *field)
			shot_set(call, shot, field);
		shot_room(call, shot);
		made = fire(shot, call->fd);
		call->step = shot->command->name;
		if (made < 0)
			refuse_shot(call, shot, errno);
		call->step = NULL;
		if (!*shot->command->argument->returns)
			continue;
		close(call->fd);
		call->fd = made;
	}
	free(shot);
}

static void print_field(const struct call *call, const struct shot *shot,
			const struct contract_field *field, const char *prefix, size_t base,
			json_object *list)
{
	size_t offset = base + field->offset, size = field->size * (field->count ?: 1);
	bool changed = memcmp(shot->before + offset, shot->arg + offset, size);
	json_object *one = json_object_new_object();
	char name[64], was[512], is[512];

	snprintf(name, sizeof(name), "%s%s", prefix, field->name);
	field_text(was, sizeof(was), field, shot->before + offset, "");
	field_text(is, sizeof(is), field, shot->arg + offset, "");
	if (changed)
		more(call, "  %-20s  %-24s  %s %s\n", name, was,
		     painted(call, CHANGED, "*").s, is);
	else
		more(call, "  %-20s  %s\n", name, was);
	json_string(one, "field", name);
	json_object_object_add(one, "before", field_json(field, shot->before + offset));
	json_object_object_add(one, "after", field_json(field, shot->arg + offset));
	json_flag(one, "changed", changed);
	json_object_array_add(list, one);
}

static void print_fields(const struct call *call, const struct shot *shot,
			 const struct contract_struct *of, const char *prefix, size_t base,
			 json_object *list)
{
	const struct contract_field *field;

	for (field = of->field; field < of->field + of->fields; field++) {
		char inner[64];

		snprintf(inner, sizeof(inner), "%s%s.", prefix, field->name);
		if (field->of)
			print_fields(call, shot, field->of, inner, base + field->offset, list);
		else
			print_field(call, shot, field, prefix, base, list);
	}
}

/* The records that were written: as many as there are and there was room for. */
static json_object *print_records(const struct call *call, struct shot *shot)
{
	json_object *arrays = json_object_new_object();
	char text[2048];
	int i;

	for (i = 0; i < shot->arrays; i++) {
		const struct contract_struct *record = shot->array[i].field->record;
		const struct klab_array *array = array_at(shot, i);
		json_object *list = json_object_new_array();
		size_t n, count = array->count < shot->array[i].room ? array->count :
								       shot->array[i].room;

		for (n = 0; n < count && array->size >= record->size; n++) {
			const unsigned char *at = shot->array[i].memory + n * array->size;

			struct_text(text, sizeof(text), record, at, "");
			more(call, "  %s[%zu]  ", shot->array[i].field->name, n);
			print_words(call, 14, text);
			json_object_array_add(list, struct_json(record, at));
		}
		if (array->count > shot->array[i].room)
			more(call, "  %s: %u records, and room for %zu\n",
			     shot->array[i].field->name, array->count, shot->array[i].room);
		json_object_object_add(arrays, shot->array[i].field->name, list);
	}
	return arrays;
}

static void take_aim(struct call *call, struct shot *shot)
{
	int i;

	shot_load(call, shot, call->operand[0]);
	for (i = 1; i < call->operands; i++)
		shot_set(call, shot, call->operand[i]);
	if (call->option[OPT_RAW])
		set_raw(call, shot, call->option[OPT_RAW]);
	shot_room(call, shot);
	if (call->option[OPT_FD]) {
		call->fd = number_option(call, OPT_FD, 0, INT_MAX, 0);
		return;
	}
	device_open(call, 0);
	if (call->option[OPT_ON])
		make_descriptor(call, call->option[OPT_ON]);
}

int ioctl_call_run(struct call *call)
{
	struct shot *shot = zeroed(call, 1, sizeof(*shot));
	json_object *top, *list = json_object_new_array(), *records;
	int result, error, i;

	take_aim(call, shot);
	result = fire(shot, call->fd);
	error = result < 0 ? errno : 0;

	row(call, USER_SIDE, "called", "KLAB_IOC_%s, 0x%08x, with %u bytes", shot->command->name,
	    shot->number, _IOC_SIZE(shot->number));
	more(call, "  %-20s  %-24s  %s\n", "field", "before", "after, where changed");
	print_fields(call, shot, shot->command->argument, "", 0, list);
	records = error ? NULL : print_records(call, shot);
	if (error)
		row(call, KERNEL_SIDE, "result", "-1, %s", strerrorname_np(error));
	else
		row(call, KERNEL_SIDE, "result", "%d%s%s", result, result ? ", of a " : "",
		    result ? shot->command->argument->returns : "");

	top = json_start(call);
	json_string(top, "ioctl", shot->command->name);
	json_number(top, "number", shot->number);
	json_object_object_add(top, "fields", list);
	json_object_object_add(top, "records", records);
	json_object_object_add(top, "result", json_object_new_int(result));
	json_string(top, "errno", error ? strerrorname_np(error) : NULL);
	json_finish(call, top);
	if (error)
		refuse_shot(call, shot, error);
	for (i = 0; i < shot->arrays; i++)
		free(shot->array[i].memory);
	free(shot);
	return DONE;
}
