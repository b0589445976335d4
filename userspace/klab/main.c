// SPDX-License-Identifier: GPL-2.0-only
/* klab: reads the command line, finds the command, runs it. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/*
 * The device must never become descriptor 0, 1 or 2, where printf() would write to
 * it. What takes the place of a closed one refuses what is done to it.
 */
static void guard_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

/* At the place of its number, so that one of several commands is there once. */
static void list_options(struct option *list, const struct option_use *option)
{
	for (; option->id; option++) {
		list[option->id] = (struct option){
			.name = option_name(option->id),
			.has_arg = option->argument ? required_argument : no_argument,
			.val = option->id,
		};
	}
}

/*
 * Options may stand anywhere, also before the words that say which command it is, so
 * all of them are known at first; check_options() then asks whether they fit.
 */
static const struct option *all_options(void)
{
	static struct option list[OPT_IDS + 1];
	const struct command *command;
	int id, kept = 0;

	list_options(list, common_options);
	for (command = commands; command->object; command++)
		list_options(list, command->options);
	for (id = 0; id < OPT_IDS; id++)
		if (list[id].name)
			list[kept++] = list[id];
	list[kept] = (struct option){ NULL, 0, NULL, 0 };
	return list;
}

/* As getopt() wants them. They mean what the long ones mean. */
static const char *all_letters(void)
{
	static char letters[2 * OPT_IDS + 2] = ":";
	const struct option *option = all_options();
	size_t used = 1;

	for (; option->name; option++) {
		if (!option_letter(option->val))
			continue;
		letters[used++] = option_letter(option->val);
		if (option->has_arg == required_argument)
			letters[used++] = ':';
	}
	letters[used] = '\0';
	return letters;
}

static int option_of_letter(int letter)
{
	int id;

	for (id = 0; id < OPT_IDS; id++)
		if (option_letter(id) == letter)
			return id;
	return letter;
}

static void choose_color(struct call *call)
{
	const char *when = call->option[OPT_COLOR];
	const char *forbidden = getenv("NO_COLOR");

	if (!when || !strcmp(when, "auto"))
		call->color = isatty(STDOUT_FILENO) && !(forbidden && *forbidden);
	else if (!strcmp(when, "always"))
		call->color = true;
	else if (strcmp(when, "never"))
		misuse(call, "--color is auto, always or never, not '%s'", when);
}

static void parse_options(struct call *call, int argc, char **argv)
{
	const char *letters = all_letters();
	const struct option *list = all_options();
	char letter[] = "-?";
	const char *wrong = NULL;
	bool lacks_value = false;
	int id;

	opterr = 0;
	while ((id = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		if (id == '?' || id == ':') {
			/* Reported below: whether as JSON may be said later on the line. */
			if (!wrong) {
				letter[1] = optopt;
				wrong = optopt >= OPT_IDS ? letter : argv[optind - 1];
				lacks_value = id == ':';
			}
			continue;
		}
		call->option[id < OPT_IDS ? id : option_of_letter(id)] = optarg ? optarg : "";
	}
	call->operand = argv + optind;
	call->operands = argc - optind;
	call->dashes = !strcmp(argv[optind - 1], "--");
	call->json = call->option[OPT_JSON];
	if (wrong && lacks_value)
		misuse(call, "%s needs a value", wrong);
	if (wrong)
		misuse(call, "no option is called %s, or it takes no value", wrong);
	choose_color(call);
}

static const struct command *find_object(const char *object)
{
	const struct command *command;

	for (command = commands; command->object; command++)
		if (!strcmp(command->object, object))
			return command;
	return NULL;
}

static const struct command *find_verb(const struct command *command, const char *verb)
{
	const char *object = command->object;

	for (; command->object && !strcmp(command->object, object); command++)
		if (!strcmp(command->verb, verb))
			return command;
	return NULL;
}

static const char *next_word(struct call *call)
{
	if (!call->operands)
		return NULL;
	call->operands--;
	return *call->operand++;
}

static void check_options(const struct call *call)
{
	bool fits[OPT_IDS] = { false };
	const struct option_use *option;
	int id;

	for (option = common_options; option->id; option++)
		fits[option->id] = true;
	for (option = call->command->options; option->id; option++)
		fits[option->id] = true;
	for (id = 0; id < OPT_IDS; id++)
		if (call->option[id] && !fits[id])
			misuse(call, "--%s is an option of another command",
			       option_name(id));
	if (call->json && call->command->raw)
		misuse(call, "it passes raw bytes, so --json has nothing to say");
}

static void check_operands(const struct call *call)
{
	if (call->operands > call->command->operands_max)
		misuse(call, "'%s' is one word too many",
		       call->operand[call->command->operands_max]);
	if (call->operands < call->command->operands_min)
		misuse(call, "it needs %s", call->command->operands);
}

/* "help" in place of what the command takes, unless that may be any text. */
static bool asks_for_help(const struct call *call)
{
	bool text = call->command->raw && call->command->operands;

	return !text && !call->dashes && call->operands && !strcmp(call->operand[0], "help");
}

/* The words say which command to run, or on what help is wanted. */
static int dispatch(struct call *call)
{
	const char *object = next_word(call);
	const char *verb = NULL;
	bool help = call->option[OPT_HELP];

	if (!object && help)
		return help_show(call, NULL, NULL);
	if (!object)
		misuse(call, "an object is missing");
	call->command = find_object(object);
	if (!call->command)
		misuse(call, "there is no object '%s'", object);
	snprintf(call->name, sizeof(call->name), "%s", object);

	if (call->command->verb) {
		verb = next_word(call);
		if (verb ? !strcmp(verb, "help") : help)
			return help_show(call, object, NULL);
		if (!verb)
			misuse(call, "a verb is missing");
		call->command = find_verb(call->command, verb);
		if (!call->command)
			misuse(call, "there is no verb '%s'", verb);
		snprintf(call->name, sizeof(call->name), "%s %s", object, verb);
	}
	if (help || asks_for_help(call))
		return help_show(call, object, verb);

	check_options(call);
	check_operands(call);
	return call->command->run(call);
}

int main(int argc, char **argv)
{
	struct call call = { .fd = -1 };

	guard_descriptors();
	/* A reader that goes away is an error like any other: EPIPE, exit status 1. */
	signal(SIGPIPE, SIG_IGN);

	parse_options(&call, argc, argv);
	return output_finish(&call, call.option[OPT_VERSION] ? version_run(&call) :
							       dispatch(&call));
}
