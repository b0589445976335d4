// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench klab|peer [REGEX]: do what that side of the first such row does for ever,
 * for bench/profile.
 *
 * bench icount|wall [REGEX]: measure the rows whose "NAME / PEER" has REGEX in
 * it, and print them for bench/run, one line each, with tabs between fields.
 *
 * What comes out is only as good as the clock. Under QEMU's -icount shift=0 the
 * time-stamp counter is the number of executed instructions, exactly; every
 * clock of the kernel is derived from it by a rate that the kernel only
 * estimated at boot. So icount reads the counter itself, and proves it first.
 *
 * A batch is a job many times over; batches of klab and of the peer take turns,
 * so that whatever changes meanwhile changes both. All disturbances (ticks,
 * other tasks) add and none subtracts, so the shortest batch is the figure.
 * Batches are kept shorter than a tick of the kernel, and many miss it.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "libklab.h"

#define BATCHES		201	/* at most */
#define UNEVEN		10	/* times as many */
/* A batch: instructions or ns. The tick comes every 1 to 4 million of either. */
#define BATCH_COST	300000
#define LOOP		100000

static bool icount;
static int batches;	/* that are measured of each side */
static const char *current;	/* the row, for messages */

void fail(int error, const char *format, ...)
{
	va_list list;

	fprintf(stderr, "\nbench: %s%s", current ? current : "", current ? ": " : "");
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, "%s%s\n", error ? ": " : "", error ? strerror(error) : "");
	exit(1);
}

void *pages(size_t bytes)
{
	size_t size = (bytes + 4095) & ~(size_t)4095;
	void *memory = aligned_alloc(4096, size);

	if (!memory)
		fail(ENOMEM, "malloc");
	/* Touched, too: no page fault is part of any row. */
	return memset(memory, 0, size);
}

int device(void)
{
	int fd = klab_open(0);

	if (fd < 0)
		fail(errno, KLAB_DEVICE);
	return fd;
}

int private_channel(__u32 flags)
{
	int klab = device(), fd = klab_channel_create(klab, CAPACITY, flags);

	if (fd < 0)
		fail(errno, "klab_channel_create");
	close(klab);
	return fd;
}

void renew(unsigned char *sent, unsigned char *got, size_t bytes)
{
	static __u32 x = 2463534242;
	size_t i;

	for (i = 0; i < bytes; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		sent[i] = x;
	}
	for (i = 0; i < bytes; i++)
		got[i] = ~sent[i];
}

static __u64 now(void)
{
	struct timespec time;

	/* Under -icount the counter cannot run ahead of what came before it. */
	if (icount)
		return __builtin_ia32_rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What reading the clock adds to whatever is measured. */
static double clock_cost(void)
{
	__u64 start, cost, min = ~0ULL;
	int i;

	for (i = 0; i < 1000; i++) {
		start = now();
		cost = now() - start;
		if (cost < min)
			min = cost;
	}
	return min;
}

/* Two loops of known length, in instructions by the clock. */
static __u64 known_loop(bool string)
{
	__u64 start, cost, min = ~0ULL;
	static char from[LOOP], to[LOOP];
	int i;

	for (i = 0; i < 20; i++) {
		unsigned long count = LOOP;
		const char *source = from;
		char *target = to;

		start = now();
		if (string)
			asm volatile("rep movsb" : "+c"(count), "+S"(source), "+D"(target)
				     : : "memory");
		else
			asm volatile("1: dec %0; jnz 1b" : "+r"(count));
		cost = now() - start;
		if (cost < min)
			min = cost;
	}
	return min;
}

/*
 * Print what the loops took; under icount refuse a clock that does not count,
 * and a processor that lets the kernel copy by one instruction: that one would
 * count as many as there are bytes, where other copies count words.
 */
static void prove_clock(double overhead)
{
	double loop = known_loop(false) - overhead;
	double string = known_loop(true) - overhead;
	unsigned int a, b, c, d;

	printf("clock\t%.0f\t%d\t%.0f\t%d\t%.0f\n", overhead, 2 * LOOP, loop, LOOP, string);
	if (!icount)
		return;
	/* A few more, to load the register. */
	if (loop < 2 * LOOP || loop > 2 * LOOP + 20)
		fail(0, "the time-stamp counter does not count instructions: %.0f for %d", loop,
		     2 * LOOP);
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1 << 9) || d & (1 << 4)))
		fail(0, "the processor has erms or fsrm");
}

/* Which hypervisor there is, by its own word. */
static const char *accelerator(void)
{
	unsigned int a, id[3] = { 0 };

	__cpuid(1, a, id[0], id[1], id[2]);
	if (!(id[1] & (1U << 31)))
		return "none";
	__cpuid(0x40000000, a, id[0], id[1], id[2]);
	return !memcmp(id, "KVMK", 4) ? "kvm" : !memcmp(id, "TCGT", 4) ? "tcg" : "other";
}

/* What makes a kernel so slow, and so unevenly slow, that ratios mean nothing. */
static void refuse_debug_kernel(void)
{
	static const char * const files[] = {
		"/proc/lockdep", "/sys/kernel/debug/kmemleak", "/sys/kernel/debug/kcov",
		"/sys/kernel/debug/kcsan",
	};
	static const char * const symbols[] = {
		" __asan_load8\n", " __asan_load8_noabort\n", " kasan_report\n",
		" lock_acquire\n", " __sanitizer_cov_trace_pc\n", " __tsan_read8\n",
		" __msan_poison_alloca\n", " debug_check_no_obj_freed\n",
	};
	char line[512];
	FILE *file;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		if (!access(files[i], F_OK))
			fail(0, "a debug kernel (it has %s): nothing is measured", files[i]);
	}
	file = fopen("/proc/kallsyms", "re");
	if (!file)
		fail(errno, "cannot tell whether this is a debug kernel: /proc/kallsyms");
	while (fgets(line, sizeof(line), file)) {
		for (i = 0; i < ARRAY_SIZE(symbols); i++) {
			if (strstr(line, symbols[i]))
				fail(0, "a debug kernel (it has%.*s): nothing is measured",
				     (int)strcspn(symbols[i], "\n"), symbols[i]);
		}
	}
	fclose(file);
}

/* The sides of a row while it is measured. */
struct run {
	const struct side *side;
	void *state;
	unsigned long times;
	int batches;
	double cost[BATCHES * UNEVEN];
};

__u64 run_cost;

static double batch(struct run *run, double overhead)
{
	__u64 start, end;

	if (run->side->ready)
		run->side->ready(run->state);
	run_cost = 0;
	start = now();
	run->side->run(run->state, run->times);
	end = now();
	if (run->side->check)
		run->side->check(run->state, run->times);
	return run_cost ?: end - start - overhead;
}

/*
 * Warm up, and find how many times make a batch. Rounded to a power of two, so
 * that it is the same in every run although the first costs never are.
 */
static void begin(struct run *run, const struct row *row, double overhead)
{
	double cost, least = BATCH_COST;
	int i;

	run->batches = run->side->uneven ? UNEVEN * batches : batches;
	run->state = run->side->open(row->bytes);
	if (!run->state) {
		run->side = NULL;
		return;
	}
	run->times = 1;
	for (i = 0; i < 20; i++) {
		cost = batch(run, overhead);
		if (cost < least)
			least = cost;
	}
	while (2 * run->times * least <= BATCH_COST && run->times < 4096)
		run->times *= 2;
	batch(run, overhead);
}

static void print_side(struct run *run, unsigned int parts)
{
	double scale = 1.0 / run->times / (parts ? parts : 1);
	double *cost = run->cost;

	if (!run->side) {
		printf("\t\t\t\t");
		return;
	}
	qsort(cost, run->batches, sizeof(*cost), compare);
	/* name, min, median, and the middle half of the batches in per cent of that */
	printf("\t%s\t%.1f\t%.1f\t%.2f", run->side->name, cost[0] * scale,
	       cost[run->batches / 2] * scale,
	       100 * (cost[run->batches * 3 / 4] - cost[run->batches / 4]) /
		       cost[run->batches / 2]);
}

static void measure(const struct row *row, double overhead)
{
	struct run run[2] = { { .side = row->klab }, { .side = row->peer } };
	int i, turn;

	for (turn = 0; turn < 2; turn++) {
		if (run[turn].side)
			begin(&run[turn], row, overhead);
	}
	for (i = 0; i < BATCHES * UNEVEN; i++) {
		for (turn = 0; turn < 2; turn++) {
			if (run[turn].side && i < run[turn].batches)
				run[turn].cost[i] = batch(&run[turn], overhead);
		}
	}
	printf("row\t%s\t%g\t%g", row->name, row->goal, row->wall_goal);
	for (turn = 0; turn < 2; turn++) {
		print_side(&run[turn], row->parts);
		if (run[turn].side)
			run[turn].side->close(run[turn].state);
	}
	printf("\n");
}

/* Keep to one processor: two tasks of ours then wait for each other, not for luck. */
static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail(errno, "sched_setaffinity");
}

/* How long all processors were not idle, in the hundredths of /proc/stat. */
static unsigned long long busy(void)
{
	unsigned long long user, nice, system, idle, wait, hard, soft;
	FILE *file = fopen("/proc/stat", "re");

	if (!file || fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
			    &idle, &wait, &hard, &soft) != 7)
		fail(0, "cannot read /proc/stat");
	fclose(file);
	return user + nice + system + hard + soft;
}

/*
 * For a second or more after boot the kernel tests its ciphers, and takes every
 * other time slice from us: begin when nobody else has anything to do.
 */
static void wait_for_rest(void)
{
	unsigned long long before;
	int i;

	for (i = 0; i < 30; i++) {
		before = busy();
		sleep(1);
		if (busy() - before <= 2)
			return;
	}
	fail(0, "this machine does not come to rest: nothing is measured");
}

/* What ONLY= is compared with, and people are shown. */
static const char *full_name(const struct row *row)
{
	static char name[80];

	snprintf(name, sizeof(name), "%s / %s", row->name, row->peer ? row->peer->name : "-");
	return name;
}

/* For bench/profile: do it again and again, and say which addresses are around it. */
static noreturn void profile(const struct row *row, const struct side *side)
{
	struct run run = { .side = side };

	if (!side)
		fail(0, "%s has no such side", full_name(row));
	begin(&run, row, 0);
	if (!run.side)
		fail(0, "this kernel has nothing of the kind");
	/* Only now: a side may have brought a BPF program. */
	if (system("cat /proc/kallsyms"))
		fail(0, "cannot read /proc/kallsyms");
	wait_for_rest();
	fprintf(stderr, "%lu from %lx to %lx\n", run.times, (unsigned long)side->run,
		(unsigned long)profile_end);
	while (true) {
		if (side->ready)
			side->ready(run.state);
		side->run(run.state, run.times);
		profile_end();
		if (side->check)
			side->check(run.state, run.times);
	}
}

static bool is_one_of(const char *word, const char * const list[])
{
	for (; *list; list++) {
		if (!strcmp(word, *list))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static const char * const modes[] = { "icount", "wall", "klab", "peer", NULL };
	size_t i, chosen = 0, done = 0;
	struct utsname name;
	double overhead;
	regex_t only;

	if (argc < 2 || argc > 3 || !is_one_of(argv[1], modes)) {
		fprintf(stderr, "usage: bench icount|wall|klab|peer [REGEX]\n");
		return 2;
	}
	icount = !strcmp(argv[1], "icount");
	batches = icount ? 41 : BATCHES;
	if (regcomp(&only, argc > 2 ? argv[2] : "", REG_EXTENDED | REG_NOSUB)) {
		fprintf(stderr, "bench: '%s' is no regular expression\n", argv[2]);
		return 2;
	}
	for (i = 0; i < row_count; i++)
		chosen += !regexec(&only, full_name(&rows[i]), 0, NULL, 0);
	if (!chosen) {
		fprintf(stderr, "bench: no row's name has '%s' in it\n", argv[2]);
		return 2;
	}

	refuse_debug_kernel();
	pin();
	wait_for_rest();
	overhead = clock_cost();
	uname(&name);
	printf("guest\t%s\t%s\n", name.release, accelerator());
	prove_clock(overhead);
	for (i = 0; i < row_count; i++) {
		current = full_name(&rows[i]);
		if (regexec(&only, current, 0, NULL, 0))
			continue;
		if (!icount && strcmp(argv[1], "wall"))
			profile(&rows[i], strcmp(argv[1], "klab") ? rows[i].peer : rows[i].klab);
		fprintf(stderr, isatty(2) ? "\r\033[K%s  %zu/%zu  %s" : "%s  %zu/%zu  %s\n",
			argv[1], ++done, chosen, current);
		/* Whoever carries that out of the guest shall be done with it. */
		usleep(20000);
		measure(&rows[i], overhead);
		fflush(stdout);
	}
	if (isatty(2))
		fprintf(stderr, "\r\033[K");
	return 0;
}
