// SPDX-License-Identifier: GPL-2.0-only
/*
 * klab ioctl probe: one command asked wrongly in every way that all commands have in
 * common. Whatever is refused has to have a rule of the contract, and what no caller
 * may do has to be refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "contract.h"
#include "tool.h"

#define SIZE_MAX_ASKED	4096
#define ERRNOS		134

struct probe {
	struct shot *shot;
	unsigned char valid[LONGEST];
	int fd;
	int asked;
	int refused[ERRNOS];
	int meant;			/* the errno that the example is made for, or 0 */
	int wrong;
};

/* Only there to be called: it ends a call that waits. */
static void tick(int number)
{
	(void)number;
}

static __printf(3, 4) void wrong(const struct call *call, struct probe *probe,
				 const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	/* One fault may show in every size. */
	if (probe->wrong++ < 5)
		row(call, CHANGED, "wrong", "%s", what);
}

/* Asks with what is in the shot; returns the errno, or 0. */
static int ask(const struct call *call, struct probe *probe, const char *what, size_t which)
{
	struct shot *shot = probe->shot;
	char why[512];
	int result, error;

	memcpy(shot->before, shot->arg, sizeof(shot->arg));
	result = ioctl(probe->fd, shot->number, shot->pointer);
	error = result < 0 ? errno : 0;
	probe->asked++;
	if (result > 0)
		close(result);
	if (!error)
		return 0;
	probe->refused[error]++;
	if (error != probe->meant &&
	    !explain(call, shot->command, shot->number, shot->before, error, why, sizeof(why)))
		wrong(call, probe, "%s %zu: %s, and no rule says so", what, which,
		      strerrorname_np(error));
	if (memcmp(shot->arg, shot->before, sizeof(shot->arg)))
		wrong(call, probe, "%s %zu: refused, and the struct has changed", what, which);
	return error;
}

static void restore(struct probe *probe)
{
	struct shot *shot = probe->shot;

	memcpy(shot->arg, probe->valid, sizeof(shot->arg));
	shot->number = shot->command->number;
	shot->pointer = shot->arg;
}

static void probe_directions(const struct call *call, struct probe *probe)
{
	unsigned int direction;

	for (direction = 0; direction < 4; direction++) {
		restore(probe);
		if (direction == _IOC_DIR(probe->shot->number))
			continue;
		probe->shot->number &= ~(3U << _IOC_DIRSHIFT);
		probe->shot->number |= direction << _IOC_DIRSHIFT;
		if (ask(call, probe, "direction", direction) != ENOTTY)
			wrong(call, probe, "direction %u is not refused with ENOTTY", direction);
	}
}

static void probe_sizes(const struct call *call, struct probe *probe)
{
	struct shot *shot = probe->shot;
	size_t size;

	for (size = 0; size <= SIZE_MAX_ASKED; size++) {
		restore(probe);
		shot->number = _IOC(_IOC_DIR(shot->number), _IOC_TYPE(shot->number),
				    _IOC_NR(shot->number), size);
		ask(call, probe, "size", size);
	}
}

/* Nowhere, the kernel's half, and where a struct begins well and ends in nothing. */
static void probe_pointers(const struct call *call, struct probe *probe)
{
	size_t page = call->info.page_size, size = _IOC_SIZE(probe->shot->number), i;
	unsigned char *edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t nowhere[] = {
		0, 1, page - 1, UINTPTR_MAX, UINTPTR_MAX - size, (uintptr_t)1 << 63,
		(uintptr_t)1 << 47, ((uintptr_t)1 << 47) - 8, (uintptr_t)edge + page - size + 8,
		(uintptr_t)edge + page - 1, (uintptr_t)edge + page,
	};

	if (edge == MAP_FAILED)
		refuse(call, errno);
	memcpy(edge + page - size, probe->valid, size);
	mprotect(edge + page, page, PROT_NONE);
	/* What lies at the edge may be short by 8 bytes, so they are those of a valid struct. */
	memmove(edge + page - size + 8, probe->valid, size - 8);
	for (i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
		restore(probe);
		probe->shot->pointer = (void *)nowhere[i];
		if (!ask(call, probe, "pointer", i))
			wrong(call, probe, "the struct at %p was taken", probe->shot->pointer);
	}
	munmap(edge, 2 * page);
}

/* Each byte that has to be zero, and each flag that has no name. */
static void probe_fields(const struct call *call, struct probe *probe)
{
	const struct contract_struct *of = probe->shot->command->argument;
	const struct contract_field *field;
	size_t bit, v;

	for (field = of->field; field < of->field + of->fields; field++) {
		bool zero = !strcmp(field->what, "zero") && strcmp(field->role, "out");
		bool flags = field->bits && strcmp(field->role, "out");
		size_t bits = 8 * field->size * (field->count ?: 1);
		__u64 known = 0;

		for (v = 0; v < field->values; v++)
			known |= field->value[v].value;
		for (bit = 0; (zero || flags) && bit < bits; bit++) {
			if (flags && known >> bit & 1)
				continue;
			restore(probe);
			probe->shot->arg[field->offset + bit / 8] |= 1 << bit % 8;
			if (!ask(call, probe, field->name, bit))
				wrong(call, probe, "bit %zu of %s was taken", bit, field->name);
		}
	}
}

static json_object *report(const struct call *call, const struct probe *probe)
{
	json_object *one = json_object_new_object(), *errors = json_object_new_object();
	char line[256] = "";
	size_t used = 0;
	int done = probe->asked, i;

	for (i = 0; i < ERRNOS; i++) {
		if (!probe->refused[i])
			continue;
		done -= probe->refused[i];
		json_number(errors, strerrorname_np(i), probe->refused[i]);
		if (used < sizeof(line))
			used += snprintf(line + used, sizeof(line) - used, "  %s %d",
					 strerrorname_np(i), probe->refused[i]);
	}
	more(call, "%-24s %5d  done %d%s\n", probe->shot->command->name, probe->asked, done, line);
	json_string(one, "ioctl", probe->shot->command->name);
	json_number(one, "asked", probe->asked);
	json_number(one, "done", done);
	json_object_object_add(one, "refused", errors);
	json_number(one, "wrong", probe->wrong);
	return one;
}

/* "-> EDOM" in an example: that is what it is for. */
static int errno_of(const char *name)
{
	int error = 1;

	while (error < ERRNOS && strcmp(strerrorname_np(error) ?: "", name))
		error++;
	return error;
}

/* As the description's example says: descriptor and struct. */
static void take_example(struct call *call, struct probe *probe, const char *name)
{
	char words[256], *word, *rest = words;

	shot_load(call, probe->shot, name);
	snprintf(words, sizeof(words), "%s", probe->shot->command->argument->example);
	device_open(call, 0);
	while ((word = strsep(&rest, " "))) {
		if (!strcmp(word, "--on"))
			make_descriptor(call, strsep(&rest, " "));
		else if (!strcmp(word, "->"))
			probe->meant = errno_of(strsep(&rest, " "));
		else if (*word)
			shot_set(call, probe->shot, word);
	}
	shot_room(call, probe->shot);
	memcpy(probe->valid, probe->shot->arg, sizeof(probe->valid));
	probe->fd = call->fd;
}

static void every(long us)
{
	struct itimerval often = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &often, NULL);
}

static int probe_command(struct call *call, struct probe *probe, const char *name,
			 json_object *list)
{
	struct shot *shot = probe->shot;
	int error, i;

	memset(probe, 0, sizeof(*probe));
	probe->shot = shot;
	/* An example may name a descriptor, so each begins with none but the first three. */
	close_range(STDERR_FILENO + 1, ~0U, 0);
	take_example(call, probe, name);
	error = ask(call, probe, "its example", 0);
	if (error != probe->meant)
		wrong(call, probe, "%s: its example ends with %s", name,
		      error ? strerrorname_np(error) : "success");
	/* From here on a call that waits is one of many, and is given no time for it. */
	fcntl(probe->fd, F_SETFL, O_RDWR | O_NONBLOCK);
	every(2000);
	probe_directions(call, probe);
	probe_fields(call, probe);
	probe_pointers(call, probe);
	probe_sizes(call, probe);
	every(0);
	json_object_array_add(list, report(call, probe));
	for (i = 0; i < shot->arrays; i++)
		free(shot->array[i].memory);
	return probe->wrong;
}

int ioctl_probe_run(struct call *call)
{
	struct sigaction action = { .sa_handler = tick };
	struct probe *probe = zeroed(call, 1, sizeof(*probe));
	const struct contract_command *command;
	json_object *top, *list = json_object_new_array();
	int i, bad = 0;

	probe->shot = zeroed(call, 1, sizeof(*probe->shot));
	top = json_start(call);
	sigaction(SIGALRM, &action, NULL);
	more(call, "%-24s %5s  answers\n", "command", "calls");
	for (i = 0; i < call->operands; i++)
		bad += probe_command(call, probe, call->operand[i], list);
	for (command = contract_commands; !call->operands && command->name; command++)
		bad += probe_command(call, probe, command->name, list);
	json_object_object_add(top, "commands", list);
	json_finish(call, top);
	if (bad)
		fail(call, "%d answers are not as the contract says", bad);
	free(probe->shot);
	free(probe);
	return DONE;
}
