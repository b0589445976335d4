// SPDX-License-Identifier: GPL-2.0-only
/*
 * klab complete: what may stand where the last word is. The completions of the shells
 * ask this, so they know what commands.c and the contract know, and nothing else.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../lessons/run.h"
#include "contract.h"
#include "tool.h"

struct line {
	const char *word[3];		/* the first words that are no options */
	int words;
	const struct option_use *open;	/* the option whose value comes next */
	const char *last;		/* the word to be completed */
};

static void offer(const struct line *line, const char *prefix, const char *word,
		  const char *suffix, const char *meaning)
{
	char candidate[96];

	snprintf(candidate, sizeof(candidate), "%s%s%s", prefix, word, suffix);
	if (!strncmp(candidate, line->last, strlen(line->last)))
		printf("%s\t%s\n", candidate, meaning);
}

static const struct option_use *find_option(const struct option_use *option, const char *name)
{
	for (; option->id; option++)
		if (!strcmp(option_name(option->id), name))
			return option;
	return NULL;
}

/* An option means the same wherever it stands, so the first command that has it tells. */
static const struct option_use *option_of(const char *word)
{
	const struct option_use *option;
	const struct command *command;

	if (strncmp(word, "--", 2))
		return NULL;
	option = find_option(common_options, word + 2);
	for (command = commands; !option && command->object; command++)
		option = find_option(command->options, word + 2);
	return option;
}

static struct line take_line(const struct call *call)
{
	struct line line = { .last = "" };
	int i;

	for (i = 0; i + 1 < call->operands; i++) {
		const char *word = call->operand[i];

		/* bash makes a word of each = */
		if (!strcmp(word, "="))
			continue;
		if (line.open) {
			line.open = NULL;
		} else if (*word == '-') {
			line.open = option_of(word);
			if (line.open && !line.open->argument)
				line.open = NULL;
		} else {
			if (line.words < 3)
				line.word[line.words] = word;
			line.words++;
		}
	}
	if (call->operands && strcmp(call->operand[i], "="))
		line.last = call->operand[i];
	return line;
}

static void offer_values(const struct line *line)
{
	if (line->open->id != OPT_COLOR)
		return;
	offer(line, "", "auto", "", "on a terminal");
	offer(line, "", "always", "", "");
	offer(line, "", "never", "", "");
}

static void offer_options(const struct line *line, const struct option_use *option)
{
	for (; option->id; option++)
		offer(line, "--", option_name(option->id), "", option->meaning);
}

/* Objects, or the verbs of one. */
static void offer_words(const struct line *line, const char *object)
{
	const struct command *command;
	const char *before = "";

	for (command = commands; command->object; command++) {
		if (object && command->verb && !strcmp(command->object, object))
			offer(line, "", command->verb, "", command->summary);
		if (!object && strcmp(command->object, before))
			offer(line, "", command->object, "",
			      command->verb ? "" : command->summary);
		before = command->object;
	}
}

static void offer_fields(const struct line *line, const char *name)
{
	const struct contract_command *command = contract_find(name);
	size_t i;

	for (i = 0; command && i < command->argument->fields; i++) {
		const struct contract_field *field = &command->argument->field[i];

		if (strcmp(field->role, "out"))
			offer(line, "", field->name, "=", field->what);
	}
}

/* What the synopsis says of the operand in this place. */
static void offer_operand(const struct line *line, const struct command *command, int place)
{
	const struct contract_command *ioctl;
	const struct listed_lesson *lesson;
	const char *what = command->operands;
	const struct way *way;
	int number;

	if (!what)
		return;
	/* The last one may be there more than once. */
	for (; place && strchr(what, ' '); place--)
		what = strchr(what, ' ') + 1;
	if (!strncmp(what, "SIGNAL", 6))
		for (number = 1; number < NSIG; number++)
			if (sigabbrev_np(number))
				offer(line, "SIG", sigabbrev_np(number), "", sigdescr_np(number));
	if (!strncmp(what + (*what == '['), "NAME", 4))
		for (ioctl = contract_commands; ioctl->name; ioctl++)
			offer(line, "", ioctl->name, "", ioctl->argument->summary);
	if (!strcmp(what, "WAY"))
		for (way = ways; way->name; way++)
			offer(line, "", way->name, "", way->on);
	if (!strncmp(what, "LESSON", 6))
		for (lesson = lessons; lesson->is; lesson++)
			offer(line, "", lesson->is->name, "", lesson->is->idea);
	if (!strncmp(what, "LESSON|all", 10))
		offer(line, "", "all", "", "one after the other");
	if (!strncmp(what, "[FIELD=", 7))
		offer_fields(line, line->word[2]);
}

/* The command that the first words name, and how many of them that takes. */
static const struct command *command_of(const struct line *line, int *taken)
{
	const struct command *command;

	for (command = commands; command->object; command++) {
		if (!line->words || strcmp(line->word[0], command->object))
			continue;
		*taken = command->verb ? 2 : 1;
		if (!command->verb || (line->words > 1 && !strcmp(line->word[1], command->verb)))
			return command;
	}
	return NULL;
}

int complete_run(struct call *call)
{
	struct line line = take_line(call);
	int taken = 0;
	const struct command *command = command_of(&line, &taken);

	if (line.open) {
		offer_values(&line);
	} else if (*line.last == '-') {
		offer_options(&line, common_options);
		if (command)
			offer_options(&line, command->options);
	} else if (!line.words) {
		offer_words(&line, NULL);
	} else if (!strcmp(line.word[0], "help")) {
		if (line.words < 3)
			offer_words(&line, line.words > 1 ? line.word[1] : NULL);
	} else if (command) {
		offer_operand(&line, command, line.words - taken);
	} else if (taken && line.words == 1) {
		offer_words(&line, line.word[0]);
		offer(&line, "", "help", "", "this object's commands");
	}
	return DONE;
}
