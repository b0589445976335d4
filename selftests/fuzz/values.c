// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the fuzzer's calls are given. Of a struct, the contract's own description says what
 * each field may be; of descriptors and handles, those that there are.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "values.h"

#define RECORDS		16	/* in an array, at most */
#define NAMES		8

struct slot slots[SLOTS];
static struct name names[NAMES];
static unsigned int next_name;

unsigned char *arena;
void *maps[MAPS];
pid_t victim;
long page;

__thread struct dice dice;

static bool is_kind(const char *kind, const char *words)
{
	const char *at = strstr(words, kind);

	return at && strchr(" ,", at[strlen(kind)]);	/* or at the end */
}

void slot_put(const char *kind, int fd)
{
	struct slot *slot = &slots[any(SLOTS)];
	int old;

	if (fd < 0)
		return;
	/* The device itself stays, most times: all the others come from it. */
	if (slot->kind && !strcmp(slot->kind, "device") && !one_in(8))
		slot = &slots[2 + any(SLOTS - 2)];
	old = __atomic_exchange_n(&slot->fd, fd, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->kind, kind, __ATOMIC_RELAXED);
	if (old > 0)
		close(old);
}

int slot_get(const char *words)
{
	unsigned int first = any(SLOTS), i;
	bool whichever = !words || one_in(24);

	for (i = 0; i < SLOTS; i++) {
		const struct slot *slot = &slots[(first + i) % SLOTS];
		const char *kind = __atomic_load_n(&slot->kind, __ATOMIC_RELAXED);

		if (kind && (whichever || is_kind(kind, words)))
			return slot->fd;
	}
	return one_in(2) ? -1 : (int)any(HIGH);
}

const struct name *name_get(const char *on)
{
	unsigned int first = any(NAMES), i;

	for (i = 0; i < NAMES; i++) {
		const struct name *name = &names[(first + i) % NAMES];
		const char *of = __atomic_load_n(&name->on, __ATOMIC_ACQUIRE);

		if (of && !strcmp(of, on))
			return name;
	}
	return NULL;
}

static void name_put(const char *on, int fd, __u32 handle)
{
	unsigned int at = __atomic_fetch_add(&next_name, 1, __ATOMIC_RELAXED) % NAMES;

	names[at].fd = fd;
	names[at].handle = handle;
	__atomic_store_n(&names[at].on, on, __ATOMIC_RELEASE);
}

__u64 number(void)
{
	static const __u64 edges[] = {
		0, 1, 2, 7, 8, 63, 64, 65, 4095, 4096, 4097, 65535, 65536, 1 << 20, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xfffffffffffff000, 0xffffffffffffffff,
	};

	switch (any(8)) {
	case 0:
		return edges[any(sizeof(edges) / sizeof(*edges))];
	case 1:
		return draw() >> any(64);
	case 2:
		return 1ULL << any(64);
	case 3:
		return any(256);
	default:
		return any(9);
	}
}

__u64 address(void)
{
	switch (any(8)) {
	case 0:
		return number();
	case 1:
		return (uintptr_t)&slots & -page;
	case 2:
		return (uintptr_t)maps[any(MAPS)] & -page;
	case 3:
		return (uintptr_t)arena + ARENA - page + any(2) * page;
	default:
		return (uintptr_t)arena + any(ARENA / page) * page;
	}
}

static pid_t some_pid(void)
{
	switch (any(6)) {
	case 0:
		return number();
	case 1:
		return 0;
	case 2:
		return getpid();
	case 3:
		return syscall(SYS_gettid);
	default:
		return victim;
	}
}

static void fill_array(unsigned char *to, const struct contract_struct *record, int depth)
{
	struct klab_array array = { .count = any(one_in(2) ? 3 : RECORDS), .size = record->size };
	size_t bytes, i;

	if (one_in(8))
		array.size = one_in(2) ? (__u32)number() : record->size + 8 * any(4);
	if (one_in(3))
		array = (struct klab_array){ 0 };
	if (one_in(24))
		array.count = number();
	bytes = (size_t)array.count * array.size;
	if (bytes > ARENA / 2)
		bytes = ARENA / 4;
	/* Up to the fence, or somewhere before it. */
	array.records = (uintptr_t)arena + ARENA - bytes - (one_in(2) ? 0 : any(ARENA / 4) & -8U);
	if (one_in(24))
		array.records = address();
	else if (depth < 2 && array.size >= record->size)
		for (i = 0; i < array.count && (i + 1) * array.size <= bytes; i++)
			fill_struct((unsigned char *)(uintptr_t)array.records + i * array.size,
				    record->size, record, depth + 1);
	memcpy(to, &array, sizeof(array));
}

static bool unit_is(const struct contract_field *field, const char *unit)
{
	return field->unit && !strcmp(field->unit, unit);
}

static __u64 value_of(const struct contract_field *field)
{
	static const int signals[] = { 0, SIGUSR1, SIGUSR2, SIGURG, SIGIO, 40, 65 };
	const char *name = field->name;
	__u64 value = 0;
	unsigned int n;

	if (!strcmp(field->role, "zero") || !strcmp(field->role, "out") ||
	    !strncmp(field->what, "zero", 4))
		return one_in(64) ? number() : 0;
	if (one_in(40))
		return number();
	/* The contract says of a field where the rest of the struct has no use for it. */
	if (strstr(field->what, "else 0") ? !one_in(4) : strstr(field->what, "0 for ") && one_in(2))
		return 0;
	if (field->values && field->bits) {
		for (n = any(4); n; n--)
			value |= field->value[any(field->values)].value;
		return value;
	}
	if (strstr(name, "pid"))
		return some_pid();
	if (!strcmp(name, "target") && !one_in(3))
		return one_in(2) ? some_pid() : slot_get(EVENTFD);
	if (!strcmp(name, "signal"))
		return signals[any(sizeof(signals) / sizeof(*signals))];
	if (!strcmp(name, "fd"))
		return slot_get(one_in(2) ? EVENTFD : NULL);
	if (!strcmp(name, "other") || !strcmp(name, "source"))
		return slot_get(!strcmp(name, "other") ? "task" : "device channel");
	if (strstr(name, "handle"))
		return one_in(2) ? 1 + any(4) : 64 * (1 + any(4)) + any(4);
	if (strstr(field->what, "address") && field->size == 8)
		return address();
	if (field->values && !one_in(field->values > 1 ? 8 : 2))
		return field->value[any(field->values)].value;
	if (!strcmp(name, "bytes") && one_in(2))
		return (1 + any(64)) * page;
	if (strstr(name, "size"))
		return 8 * any(33);
	/* Such a call takes as long as it is told to. */
	if (unit_is(field, "blocks") || unit_is(field, "firings"))
		return one_in(8) ? number() % 5000 : any(66);
	if (!strcmp(name, "order") || !strcmp(name, "node"))
		return one_in(3) ? any(12) : -(__u64)(field->type[0] == 's');
	if (unit_is(field, "ns"))
		return one_in(2) ? 0 : 1000 * any(20000);
	return number();
}

void fill_struct(unsigned char *to, size_t size, const struct contract_struct *of, int depth)
{
	unsigned char bytes[LONGEST] = { 0 };
	size_t i;

	for (i = 0; i < of->fields; i++) {
		const struct contract_field *field = &of->field[i];
		unsigned char *at = bytes + field->offset;
		__u64 value;

		if (field->record) {
			fill_array(at, field->record, depth);
		} else if (field->of) {
			if (one_in(64))
				fill_struct(at, field->size, field->of, depth);
		} else if (!field->count) {
			value = value_of(field);
			memcpy(at, &value, field->size);
		}
	}
	memcpy(to, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
}

/* A command's handle, as it goes in or as it has come out. */
static const struct contract_field *handle_field(const struct contract_struct *of, const char *way)
{
	size_t i;

	for (i = 0; i < of->fields; i++)
		if (!strcmp(of->field[i].name, "handle") && strstr(of->field[i].role, way))
			return &of->field[i];
	return NULL;
}

int fill_handle(unsigned char *arg, const struct contract_struct *of, int fd)
{
	const struct contract_field *field = handle_field(of, "in");
	const struct name *name = field ? name_get(of->on) : NULL;

	/* Who gives one too makes a new one, half of the time. */
	if (!name || one_in(strstr(field->role, "out") ? 2 : 8))
		return fd;
	memcpy(arg + field->offset, &name->handle, sizeof(name->handle));
	return name->fd;
}

void note_handle(const unsigned char *arg, const struct contract_struct *of, int fd)
{
	const struct contract_field *field = handle_field(of, "out");
	__u32 handle = 0;

	if (field)
		memcpy(&handle, arg + field->offset, sizeof(handle));
	if (handle)
		name_put(of->on, fd, handle);
}
