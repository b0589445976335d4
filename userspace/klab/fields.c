// SPDX-License-Identifier: GPL-2.0-only
/* The fields of a struct of the contract: found by name, read as text, set from text. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "contract.h"
#include "tool.h"

static __u64 load(const struct contract_field *field, const unsigned char *at)
{
	bool is_signed = *field->type == 's';
	__u64 value = 0;

	/* Little end first, as on every machine that klab runs on. */
	memcpy(&value, at, field->size);
	if (is_signed && field->size < 8 && value >> (8 * field->size - 1))
		value |= ~0ULL << 8 * field->size;
	return value;
}

static void add(char **text, size_t *room, const char *what)
{
	int length = snprintf(*text, *room, "%s", what);

	if ((size_t)length >= *room)
		length = *room - 1;
	*text += length;
	*room -= length;
}

/* Names joined with |, and what is left over in hexadecimal. */
static void add_value(char **text, size_t *room, const struct contract_field *field, __u64 value)
{
	const struct contract_value *named;
	const char *between = "";
	char number[32];

	for (named = field->value; named < field->value + field->values; named++) {
		if (field->bits ? !named->value || (value & named->value) != named->value :
				  value != named->value)
			continue;
		add(text, room, between);
		add(text, room, named->name);
		between = "|";
		value &= field->bits ? ~named->value : 0;
	}
	if (*between && !value)
		return;
	snprintf(number, sizeof(number),
		 (field->bits || strstr(field->what, "address")) && value ? "0x%llx" :
		 *field->type == 's' ? "%lld" : "%llu", value);
	add(text, room, between);
	add(text, room, number);
}

/* The fields of a struct at @base as "name=value, ...", those that @role has a part in. */
void struct_text(char *text, size_t room, const struct contract_struct *of,
		 const unsigned char *base, const char *role)
{
	const struct contract_field *field;
	const char *between = "";

	*text = '\0';
	for (field = of->field; field < of->field + of->fields; field++) {
		char value[512];

		if (*field->role && !strstr(field->role, role))
			continue;
		field_text(value, sizeof(value), field, base + field->offset, role);
		add(&text, &room, between);
		add(&text, &room, field->name);
		add(&text, &room, "=");
		add(&text, &room, value);
		between = ", ";
	}
}

void field_text(char *text, size_t room, const struct contract_field *field,
		const unsigned char *at, const char *role)
{
	const char *between = "";
	size_t i;

	*text = '\0';
	if (field->of) {
		add(&text, &room, "{");
		struct_text(text, room - 1, field->of, at, role);
		room -= strlen(text);
		text += strlen(text);
		add(&text, &room, "}");
	} else if (!strcmp(field->type, "char")) {
		snprintf(text, room, "\"%.*s\"", (int)field->count, (const char *)at);
	} else if (!field->count) {
		add_value(&text, &room, field, load(field, at));
	} else {
		for (i = 0; i < field->count; i++, between = " ") {
			add(&text, &room, between);
			add_value(&text, &room, field, load(field, at + i * field->size));
		}
	}
}

json_object *struct_json(const struct contract_struct *of, const unsigned char *base)
{
	json_object *object = json_object_new_object();
	const struct contract_field *field;

	for (field = of->field; field < of->field + of->fields; field++)
		json_object_object_add(object, field->name,
				       field_json(field, base + field->offset));
	return object;
}

/* What the kernel answered, with the names of the contract; arrays are left to the caller. */
void answer_json(json_object *object, const char *ioctl, const void *argument)
{
	const struct contract_struct *of = contract_find(ioctl)->argument;
	const struct contract_field *field;

	for (field = of->field; field < of->field + of->fields; field++)
		if (!strcmp(field->role, "out") && strcmp(field->what, "zero"))
			json_object_object_add(object, field->name,
					       field_json(field, (const unsigned char *)argument +
								 field->offset));
}

/* A record of one of the arrays. */
json_object *record_json(const char *ioctl, const char *array, const void *record)
{
	const struct contract_field *field = contract_find(ioctl)->argument->field;

	while (strcmp(field->name, array))
		field++;
	return struct_json(field->record, record);
}

json_object *field_json(const struct contract_field *field, const unsigned char *at)
{
	json_object *object;
	size_t i;

	if (field->of)
		return struct_json(field->of, at);
	if (!strcmp(field->type, "char"))
		return json_object_new_string_len((const char *)at,
						  strnlen((const char *)at, field->count));
	if (!field->count)
		return *field->type == 's' ? json_object_new_int64(load(field, at)) :
					     json_object_new_uint64(load(field, at));
	object = json_object_new_array();
	for (i = 0; i < field->count; i++)
		json_object_array_add(object,
				      json_object_new_uint64(load(field, at + i * field->size)));
	return object;
}

/* "outer.inner" and "name[3]": the field, and in @offset where it is; NULL: there is none. */
static const struct contract_field *find_field(const struct contract_struct *within,
					       const char *path, size_t *offset, bool *indexed)
{
	const struct contract_field *field;
	size_t length = strcspn(path, ".["), index;
	char *end;

	for (field = within->field; field < within->field + within->fields; field++)
		if (strlen(field->name) == length && !strncmp(field->name, path, length))
			break;
	if (field == within->field + within->fields)
		return NULL;
	*offset += field->offset;
	path += length;
	if (*path == '[') {
		index = strtoul(path + 1, &end, 10);
		if (strcmp(end, "]") || index >= field->count)
			return NULL;
		*offset += index * field->size;
		*indexed = true;
		return field;
	}
	if (!*path)
		return field;
	return field->of ? find_field(field->of, path + 1, offset, indexed) : NULL;
}

/* A name of the field's: whole, without KLAB_, or only what is its own in it. */
static bool named_value(const struct contract_field *field, const char *word, __u64 *value)
{
	size_t i, length = strlen(word);

	for (i = 0; i < field->values; i++) {
		const char *name = field->value[i].name;
		size_t more = strlen(name);

		if (more < length || strcasecmp(name + more - length, word) ||
		    (more > length && name[more - length - 1] != '_'))
			continue;
		*value = field->value[i].value;
		return true;
	}
	return false;
}

static __u64 value_of(const struct call *call, const struct contract_field *field,
		      const char *text)
{
	__u64 most = field->size < 8 ? (1ULL << 8 * field->size) - 1 : ~0ULL, all = 0, one;
	char words[256], *word, *rest;

	if (*text == '-' && *field->type == 's')
		return -number_of(call, field->name, text + 1, 0, most / 2 + 1);
	snprintf(words, sizeof(words), "%s", text);
	for (word = strtok_r(words, "|", &rest); word; word = strtok_r(NULL, "|", &rest)) {
		if (!strcasecmp(word, "SELF")) {
			one = getpid();
		} else if (!strcasecmp(word, "EVENTFD")) {
			one = eventfd(0, EFD_NONBLOCK);
		} else if (!named_value(field, word, &one)) {
			if (!isdigit((unsigned char)*word))
				misuse(call, "%s has no value '%s': klab ioctl show has them",
				       field->name, word);
			one = number_of(call, field->name, word, 0, most);
		}
		all |= one;
	}
	return all;
}

/* One "field=value" of a struct at @base; false when there is no such field. */
bool field_set(const struct call *call, const struct contract_struct *of, unsigned char *base,
	       const char *name, const char *text)
{
	size_t offset = 0;
	bool indexed = false;
	const struct contract_field *field = find_field(of, name, &offset, &indexed);
	__u64 value;

	if (!field)
		return false;
	if (!strcmp(field->type, "char")) {
		if (strlen(text) > field->count)
			misuse(call, "%s takes %zu characters", name, field->count);
		memcpy(base + offset, text, strlen(text));
		return true;
	}
	if (field->of)
		misuse(call, "%s is a struct: say %s.%s=, and so on", name, name,
		       field->of->field->name);
	if (field->count && !indexed)
		misuse(call, "%s has %zu places: say %s[0]=, and so on", name, field->count, name);
	value = value_of(call, field, text);
	memcpy(base + offset, &value, field->size);
	return true;
}
