// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz: programs of calls that nobody would write, as the contract's description allows
 * them and as it does not. A program is named by the numbers that it is made from: the
 * first makes it, each further one changes it. Where the kernel tells which places of
 * the driver a call reached (KCOV), a program that reached a new one is kept, and others
 * are made from it.
 *
 * A program runs in a pid namespace of its own, and nothing of it is left after it. What
 * is wrong then is its doing: a warning in the kernel's log, a lock that lockdep no longer
 * trusts, a reference on the module, a page that is still held, a call that cannot be
 * killed. If the machine is lost, its log names the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/klab.h>

#include "../fault.h"
#include "contract.h"
#include "world.h"

#define NAME_SIZE	160
#define CORPUS_MAX	4096
#define SECONDS_MAX	30	/* of a program, before it is killed */
#define PATIENCE	300	/* until it must be dead then */

struct watch *watch;

/* Programs to make others from; the first are those that the run was given. */
static char corpus[CORPUS_MAX][NAME_SIZE];
static bool idle[CORPUS_MAX];	/* it was given, run, and reached nothing new */
static unsigned int kept, given, given_run;
static struct dice dice;

/* What a name stands for: its genes, and how they are run. */
struct program {
	__u64 gene[GENES];
	unsigned int genes, threads;
	bool unprivileged;
	unsigned int killed_us;		/* after so many; 0: it is not */
};

static void insert(struct program *program, struct dice *from)
{
	unsigned int at = pick(from, program->genes + 1), n = 1 + pick(from, 32);

	if (n > GENES - program->genes)
		n = GENES - program->genes;
	memmove(&program->gene[at + n], &program->gene[at],
		(program->genes - at) * sizeof(*program->gene));
	program->genes += n;
	while (n--)
		program->gene[at + n] = roll(from);
}

static void change(struct program *program, struct dice *from)
{
	unsigned int at = pick(from, program->genes), n;

	switch (pick(from, 4)) {
	case 0:
		program->gene[at] = roll(from);
		break;
	case 1:		/* once more, later */
		if (program->genes < GENES)
			program->gene[program->genes++] = program->gene[at];
		break;
	case 2:
		n = 1 + pick(from, 4);
		if (at + n < program->genes) {
			memmove(&program->gene[at], &program->gene[at + n],
				(program->genes - at - n) * sizeof(*program->gene));
			program->genes -= n;
		}
		break;
	default:
		insert(program, from);
	}
}

static void make_program(const char *name, struct program *program)
{
	struct dice from = { 0 };
	unsigned int n;
	char *end;

	from.state = strtoull(name, &end, 16);
	*program = (struct program) {
		.threads = pick(&from, 2) ? 1 : 2 + pick(&from, THREADS - 1),
		.unprivileged = chance(&from, 4),
		.killed_us = chance(&from, 8) ? 1 + pick(&from, 500000) : 0,
	};
	for (n = 100 + pick(&from, 500); n; n--)
		program->gene[program->genes++] = roll(&from);
	while (*end == '/') {
		from.state = strtoull(end + 1, &end, 16);
		for (n = 1 + pick(&from, 8); n; n--)
			change(program, &from);
	}
}

struct thread {
	const struct program *program;
	unsigned int number;
};

static void *run_thread(void *argument)
{
	const struct thread *thread = argument;
	unsigned int i;

	if (thread->number)
		world_thread();
	for (i = thread->number; i < thread->program->genes; i += thread->program->threads)
		world_call(thread->number, thread->program->gene[i]);
	return NULL;
}

static void run_program(const struct program *program)
{
	struct thread thread[THREADS];
	pthread_t id[THREADS];
	unsigned int i;

	if (!world_init())
		_exit(1);
	world_thread();
	if (program->unprivileged && setresuid(65534, 65534, 65534))
		_exit(1);
	for (i = 0; i < program->threads; i++) {
		thread[i] = (struct thread){ program, i };
		if (i && pthread_create(&id[i], NULL, run_thread, &thread[i]))
			_exit(1);
	}
	run_thread(&thread[0]);
	for (i = 1; i < program->threads; i++)
		pthread_join(id[i], NULL);
	_exit(0);
}

/* The first process of its namespace: with it all others go. */
static void run_init(const struct program *program)
{
	pid_t child = fork();
	int status;

	if (!child)
		run_program(program);
	if (program->killed_us) {
		usleep(program->killed_us);
		_exit(0);
	}
	while (waitpid(child, &status, 0) != child && errno != ECHILD)
		;
	/* It may well have killed itself. */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 0);
}

static bool ends_within(pid_t child, int seconds, int *status)
{
	struct timespec limit = { .tv_sec = seconds };
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	while (waitpid(child, status, WNOHANG) != child) {
		if (sigtimedwait(&ends, NULL, &limit) < 0 && errno == EAGAIN)
			return waitpid(child, status, WNOHANG) == child;
	}
	return true;
}

/* What no program may change, and what all give back. */
struct state {
	long tainted, locks, references;
	__u64 pages;
};

static struct state look(void)
{
	struct klab_pages_list list = { .pages = 0 };
	int fd = open("/dev/klab", O_RDWR | O_CLOEXEC);
	struct state state;

	if (fd < 0 || ioctl(fd, KLAB_IOC_PAGES_LIST, &list))
		list.pages_user = ~0ULL;
	close(fd);
	state = (struct state) {
		.tainted = number_in("/proc/sys/kernel/tainted", "", 10),
		.locks = number_in("/proc/lockdep_stats", "debug_locks", 10),
		.references = number_in("/sys/module/klab/refcnt", "", 10),
		.pages = list.pages_user,
	};
	return state;
}

static const char *wrong(const struct state *before)
{
	struct state now;
	int tries = 0;

	do {
		now = look();
		if (now.tainted != before->tainted)
			return "the kernel has warned";
		if (now.locks != before->locks)
			return "lockdep has found something";
		if (now.references == before->references && now.pages == before->pages)
			return NULL;
		/* What was sent to work queues ends a moment later. */
		usleep(10000);
	} while (tries++ < 3000);
	return now.pages != before->pages ? "pages are still held" : "the module is still in use";
}

/* The shared channel outlives a program. */
static void tidy(void)
{
	static char buffer[65536];
	struct klab_channel_resize resize = { .capacity = sizeof(buffer) };
	int fd = open("/dev/klab", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	ioctl(fd, KLAB_IOC_CHANNEL_RESIZE, &resize);
	close(fd);
	memset(watch->next, 0, sizeof(watch->next));
	watch->found = false;
}

static void tell_last_calls(void)
{
	unsigned int thread, i;

	for (thread = 0; thread < THREADS; thread++) {
		for (i = 0; i < LAST_CALLS && i < watch->next[thread]; i++) {
			unsigned int at = watch->next[thread] - 1 - i;
			const struct told *told = &watch->last[thread][at % LAST_CALLS];

			printf("# thread %u, call %u: %s = ", thread, at, told->text);
			if (!told->ended)
				printf("(has not ended)\n");
			else if (told->result < 0)
				printf("%s\n", strerror(told->error));
			else
				printf("%ld\n", told->result);
		}
	}
}

static bool run(const char *name, const struct state *before)
{
	static struct program program;
	char line[NAME_SIZE + 32];
	const char *why = NULL;
	int status = 0;
	pid_t child;

	make_program(name, &program);
	snprintf(line, sizeof(line), "klab fuzz: program %s", name);
	say_to_log(line);
	tidy();
	/* fork() in a new pid namespace. */
	child = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (!child)
		run_init(&program);
	if (child < 0) {
		why = "no process can be made";
	} else if (!ends_within(child, SECONDS_MAX, &status)) {
		kill(child, SIGKILL);
		if (!ends_within(child, PATIENCE, &status))
			why = "it cannot be killed";
	}
	if (!why && WIFEXITED(status) && WEXITSTATUS(status))
		why = "its world could not be made";
	if (!why)
		why = wrong(before);
	if (!why)
		return true;
	printf("not ok: %s: program %s\n", why, name);
	tell_last_calls();
	return false;
}

static void keep(const char *name)
{
	if (kept < CORPUS_MAX && strlen(name) < NAME_SIZE)
		snprintf(corpus[kept++], NAME_SIZE, "%s", name);
}

/* One that is new, or one made from one that was worth keeping. */
static void next_name(char *name)
{
	const char *from = kept && pick(&dice, 3) ? corpus[pick(&dice, kept)] : "";
	unsigned int more = roll(&dice) >> 32;

	if (strlen(from) > NAME_SIZE - 12)
		from = "";
	sprintf(name, "%s%s%x", from, *from ? "/" : "", more);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void tell_counts(void)
{
	const struct contract_command *command;
	unsigned int i;

	for (command = contract_commands; command->name; command++) {
		i = _IOC_NR(command->number);
		printf("# %-16s %8llu calls, %8llu done\n", command->name,
		       (unsigned long long)watch->command[i].calls,
		       (unsigned long long)watch->command[i].done);
	}
	for (i = 0; world_other(i); i++)
		printf("# %-16s %8llu calls, %8llu done\n", world_other(i),
		       (unsigned long long)watch->other[i].calls,
		       (unsigned long long)watch->other[i].done);
}

/* Memory that nobody refers to shows after five seconds. */
static bool leaks(void)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	int fd = open(path, O_RDWR | O_CLOEXEC), got;
	char text[2000];

	if (fd < 0)
		return false;
	sleep(6);
	got = write(fd, "scan", 4) == 4 ? read(fd, text, sizeof(text) - 1) : -1;
	close(fd);
	if (got <= 0)
		return false;
	text[got] = 0;
	printf("not ok: a leak:\n%s", text);
	return true;
}

static void load_corpus(const char *path)
{
	char name[NAME_SIZE];
	FILE *file = fopen(path, "re");

	while (file && fscanf(file, "%159s", name) == 1)
		keep(name);
	if (file)
		fclose(file);
	given = kept;
}

static void tell_corpus(void)
{
	unsigned int i;

	for (i = 0; i < kept; i++)
		if (!idle[i])
			printf("keep %s\n", corpus[i]);
}

static const char usage[] =
"usage: fuzz [--seed N] [--calls N] [--seconds N] [--corpus FILE] [--keep]\n"
"       fuzz --program NAME [--trace]\n"
"\n"
"  --seed N      where to begin; the time, if not said\n"
"  --calls N, --seconds N    when to stop; 100000 calls, if neither is said\n"
"  --corpus FILE programs to begin with\n"
"  --keep        say at the end which to begin with another time\n"
"  --program NAME    run this one\n"
"  --trace       say each call to the kernel's log before it is made\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "calls", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 't' },
		{ "corpus", required_argument, NULL, 'f' }, { "keep", no_argument, NULL, 'k' },
		{ "program", required_argument, NULL, 'p' }, { "trace", no_argument, NULL, 'r' },
		{ }
	};
	unsigned long long calls = 0, programs = 0, seed = time(NULL);
	double started = seconds(), limit = 0, told = 0;
	const char *program = NULL;
	char name[NAME_SIZE];
	struct state before;
	bool good = true, show = false, old;
	sigset_t ends;
	int option;

	watch = mmap(NULL, sizeof(*watch), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			calls = strtoull(optarg, NULL, 0);
			break;
		case 't':
			limit = strtod(optarg, NULL);
			break;
		case 'f':
			load_corpus(optarg);
			break;
		case 'k':
			show = true;
			break;
		case 'p':
			program = optarg;
			break;
		case 'r':
			watch->trace = true;
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (!calls && !limit)
		calls = 100000;
	/* Whatever the kernel's log is told, it keeps; and what shall fail, fails quietly. */
	write_text("/proc/sys/kernel/printk_devkmsg", "on\n");
	(void)set_faults();	/* not every kernel has them */
	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	dice.state = seed;
	tidy();
	before = look();
	setvbuf(stdout, NULL, _IOLBF, 0);

	while (good) {
		old = !program && given_run < given;
		if (program)
			snprintf(name, sizeof(name), "%s", program);
		else if (old)
			snprintf(name, sizeof(name), "%s", corpus[given_run]);
		else
			next_name(name);
		good = run(name, &before);
		programs++;
		/* Without KCOV nothing is known of any. */
		if (old)
			idle[given_run++] = watch->covered && !watch->found;
		else if (watch->found && !program)
			keep(name);
		if (seconds() - started > told + 60) {
			told = seconds() - started;
			printf("# %.0f s: %llu calls, %llu programs, %llu places reached\n", told,
			       (unsigned long long)watch->calls, programs,
			       (unsigned long long)watch->covered);
		}
		if (program || (calls && watch->calls >= calls) ||
		    (limit && seconds() - started > limit))
			break;
	}
	good = !leaks() && good;
	if (show)
		tell_corpus();
	tell_counts();
	printf("%s: seed %llu: %llu calls in %.0f s, ", good ? "ok" : "not ok", seed,
	       (unsigned long long)watch->calls, seconds() - started);
	printf("%llu programs, %llu places of the driver reached, %u programs kept\n",
	       programs, (unsigned long long)watch->covered, kept);
	return !good;
}
