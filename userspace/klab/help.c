// SPDX-License-Identifier: GPL-2.0-only
/* Help, made from the list that dispatch uses. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

/* Does it belong to what is asked about? NULL is whichever. */
static bool chosen(const struct command *command, const char *object, const char *verb)
{
	if (object && strcmp(command->object, object))
		return false;
	return !verb || (command->verb && !strcmp(command->verb, verb));
}

static void full_name(const struct command *command, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s", command->object, command->verb ? " " : "",
		 command->verb ? command->verb : "");
}

static void print_options(const struct option_use *option)
{
	char left[32];

	for (; option->id; option++) {
		snprintf(left, sizeof(left), "--%s%s%s", option_name(option->id),
			 option->argument ? " " : "",
			 option->argument ? option->argument : "");
		printf("  %-16s  %s\n", left, option->meaning);
	}
}

static void print_list(const char *object)
{
	const struct command *command;
	char name[32];

	printf("usage: klab [--json] [--color=WHEN] %s [options]\n\ncommands\n",
	       object ? object : "OBJECT [VERB]");
	for (command = commands; command->object; command++) {
		if (!chosen(command, object, NULL))
			continue;
		full_name(command, name, sizeof(name));
		printf("  %-16s  %s\n", name, command->summary);
	}
	printf("\noptions everywhere\n");
	print_options(common_options);
	printf("\nmore       klab COMMAND --help\n");
	printf("status     0 done, 1 the operation failed, 2 wrong usage, 3 no device or module,\n"
	       "           5 not permitted or another version of the contract\n");
}

/* The next word of a usage that has come to @column; on a line of its own where 80 would not do. */
static int next_word(int column, const char *word)
{
	if (column + 1 + strlen(word) > 80)
		column = printf("\n           ") - 1;
	return column + printf(" %s", word);
}

static void print_command(const struct command *command)
{
	const struct option_use *option;
	char name[32], word[80];
	int column;

	full_name(command, name, sizeof(name));
	column = printf("usage: klab %s", name);
	for (option = command->options; option->id; option++) {
		snprintf(word, sizeof(word), "[--%s%s%s]", option_name(option->id),
			 option->argument ? " " : "", option->argument ? option->argument : "");
		column = next_word(column, word);
	}
	if (command->operands)
		next_word(column, command->operands);
	printf("\n\n%s\n", command->summary);
	if (command->options->id) {
		printf("\noptions\n");
		print_options(command->options);
	}
	printf("\nexample\n  %s\n", command->example);
}

int help_show(const struct call *call, const char *object, const char *verb)
{
	const struct command *command = commands;

	while (command->object && !chosen(command, object, verb))
		command++;
	if (!command->object)
		misuse(call, "there is no '%s%s%s'", object, verb ? " " : "",
		       verb ? verb : "");

	if (call->json)
		misuse(call, "help is for people: --json has nothing to say");
	if (object && (verb || !command->verb))
		print_command(command);
	else
		print_list(object);
	return DONE;
}

int help_run(struct call *call)
{
	return help_show(call, call->operands > 0 ? call->operand[0] : NULL,
			 call->operands > 1 ? call->operand[1] : NULL);
}

int version_run(struct call *call)
{
	json_object *top = json_start(call);

	if (!call->json)
		printf("klab %s, contract %d\n", KLAB_TOOL_VERSION, KLAB_VERSION);
	json_string(top, "version", KLAB_TOOL_VERSION);
	json_number(top, "contract", KLAB_VERSION);
	json_finish(call, top);
	return DONE;
}
