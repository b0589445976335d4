// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a recorder sees of programs that do known things, held against other witnesses:
 * what the program itself counted, getrusage(2), wait(2), strace.
 */
#include <sched.h>

#include "recorder_test.h"

static int do_calls(void *arg)
{
	int i;

	for (i = 0; i < 1000; i++)
		syscall(SYS_getppid);
	syscall(SYS_close, -1);
	syscall(SYS_lseek, 0x1234567, 0x11223344, 3);
	return 7;
}

TEST(system_calls)
{
	struct subject subject;
	struct events events;
	size_t i, enters = 0, leaves = 0, errors = 0, args = 0;

	ASSERT_TRUE(subject_start(&subject, do_calls, NULL, KLAB_RECORD_ALL, 0));
	events = subject_finish(&subject);
	for (i = 0; i < events.count; i++) {
		const struct klab_recorded *event = events.event[i];

		EXPECT_EQ(subject.pid, event->pid);
		EXPECT_EQ(subject.pid, event->tid);
		if (i)
			EXPECT_LE(events.event[i - 1]->time, event->time);
		if (event->kind == KLAB_EVENT_ENTER) {
			EXPECT_EQ(sizeof(long) == 4 ? KLAB_EVENT_COMPAT : 0,
				  BODY(event, enter)->flags);
			enters += BODY(event, enter)->number == SYS_getppid;
			args += BODY(event, enter)->number == SYS_lseek &&
				BODY(event, enter)->args[0] == 0x1234567 &&
				BODY(event, enter)->args[1] == 0x11223344 &&
				BODY(event, enter)->args[2] == 3;
		}
		if (event->kind == KLAB_EVENT_LEAVE) {
			leaves += BODY(event, leave)->number == SYS_getppid &&
				  BODY(event, leave)->result == getpid();
			errors += BODY(event, leave)->result == -EBADF;
		}
	}
	EXPECT_EQ(1000, enters);
	EXPECT_EQ(1000, leaves);
	EXPECT_EQ(2, errors);
	EXPECT_EQ(1, args);
	/* The last that comes, and it says what wait(2) says. */
	ASSERT_LT(0, events.count);
	EXPECT_EQ(KLAB_EVENT_EXIT, events.event[events.count - 1]->kind);
	EXPECT_EQ(subject.status, BODY(events.event[events.count - 1], exit)->status);
	EXPECT_EQ(7, WEXITSTATUS(subject.status));
	free_events(&events);
	close(subject.recorder);
}

#define PAGES	300

/* How many faults getrusage() sees while a program touches pages for the first time. */
static int do_faults(void *arg)
{
	size_t page = sysconf(_SC_PAGESIZE), i;
	struct rusage before, after;
	long *seen = arg;
	char *memory;

	memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	madvise(memory, PAGES * page, MADV_NOHUGEPAGE);
	getrusage(RUSAGE_SELF, &before);
	syscall(SYS_getppid);
	for (i = 0; i < PAGES; i++)
		memory[i * page] = 1;
	/* The kernel touches one on the program's behalf. */
	munmap(memory, page);
	syscall(SYS_getppid);
	getrusage(RUSAGE_SELF, &after);
	seen[0] = (long)memory;
	seen[1] = after.ru_minflt - before.ru_minflt;
	seen[2] = after.ru_majflt - before.ru_majflt;
	return 0;
}

static bool is_getppid(const struct klab_recorded *event)
{
	return event->kind == KLAB_EVENT_ENTER && BODY(event, enter)->number == SYS_getppid;
}

TEST(page_faults)
{
	long *seen = shared_memory(4096);
	size_t page = sysconf(_SC_PAGESIZE), i, between = 0, ours = 0, minor = 0, major = 0;
	struct subject subject;
	struct events events;
	int marks = 0;

	ASSERT_TRUE(subject_start(&subject, do_faults, seen, KLAB_RECORD_ALL, 0));
	events = subject_finish(&subject);
	for (i = 0; i < events.count; i++) {
		const struct klab_recorded *event = events.event[i];

		if (marks == 1) {
			minor += !!(event->flags & KLAB_EVENT_WAS_MINOR);
			major += !!(event->flags & KLAB_EVENT_WAS_MAJOR);
		}
		marks += is_getppid(event);
		if (event->kind != KLAB_EVENT_FAULT || marks != 1)
			continue;
		between++;
		if (BODY(event, fault)->address - (unsigned long)seen[0] >= PAGES * page)
			continue;
		ours++;
		EXPECT_EQ(KLAB_FAULT_WRITE | KLAB_FAULT_USER, BODY(event, fault)->error);
		EXPECT_NE(0, BODY(event, fault)->ip);
	}
	EXPECT_EQ(2, marks);
	EXPECT_EQ(PAGES, ours);
	EXPECT_EQ(seen[1] + seen[2], between);
	EXPECT_EQ(seen[1], minor);
	EXPECT_EQ(seen[2], major);
	ASSERT_LT(0, events.count);
	EXPECT_EQ(subject.usage.ru_minflt, BODY(events.event[events.count - 1], exit)->minor);
	EXPECT_EQ(subject.usage.ru_majflt, BODY(events.event[events.count - 1], exit)->major);
	free_events(&events);
	close(subject.recorder);
}

/* Somebody else records them at the same time: that must not show. */
TEST(page_faults_that_were_not_asked_for)
{
	long *seen = shared_memory(4096);
	struct subject subject;
	struct events events;
	size_t i, ends = 0;
	int other;

	ASSERT_TRUE(subject_start(&subject, do_faults, seen, KLAB_RECORD_SYSCALLS, 0));
	other = record(subject.pid, KLAB_RECORD_FAULTS, 0);
	ASSERT_LE(0, other);
	events = subject_finish(&subject);
	EXPECT_LT(0, events.count);
	for (i = 0; i < events.count; i++)
		EXPECT_EQ(0, events.event[i]->flags);
	free_events(&events);
	events = read_events(other);
	for (i = 0; i < events.count; i++)
		ends += events.event[i]->flags == KLAB_EVENT_WAS_MINOR;
	EXPECT_LE(PAGES - 1, ends);
	free_events(&events);
	close(other);
	close(subject.recorder);
}

/* A fault of the kernel on the program's memory: its address, and no instruction of the kernel. */
static int do_kernel_fault(void *arg)
{
	long *seen = arg;
	char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	seen[0] = (long)memory;
	return syscall(SYS_getcwd, memory, 4096) < 0;
}

TEST(page_fault_in_the_kernel)
{
	long *seen = shared_memory(4096);
	struct subject subject;
	struct events events;
	size_t i, found = 0;

	ASSERT_TRUE(subject_start(&subject, do_kernel_fault, seen, KLAB_RECORD_ALL, 0));
	events = subject_finish(&subject);
	for (i = 0; i < events.count; i++) {
		const struct klab_recorded *event = events.event[i];

		if (event->kind != KLAB_EVENT_FAULT ||
		    BODY(event, fault)->address != (unsigned long)seen[0])
			continue;
		found++;
		EXPECT_EQ(KLAB_FAULT_WRITE, BODY(event, fault)->error);
		EXPECT_EQ(0, BODY(event, fault)->ip);
	}
	EXPECT_EQ(1, found);
	free_events(&events);
	close(subject.recorder);
}

static void handler(int signal)
{
}

static int do_signals(void *arg)
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(SIGUSR1, &action, NULL);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	kill(getpid(), SIGTERM);
	return 0;
}

TEST(signals)
{
	struct subject subject;
	struct events events;
	ssize_t at = -1;

	ASSERT_TRUE(subject_start(&subject, do_signals, NULL, KLAB_RECORD_SIGNALS, 0));
	events = subject_finish(&subject);
	EXPECT_TRUE(WIFSIGNALED(subject.status));
	EXPECT_EQ(4, count_kind(&events, KLAB_EVENT_SIGNAL, 0));
	EXPECT_EQ(3, count_kind(&events, KLAB_EVENT_DELIVER, 0));

	at = find_kind(&events, KLAB_EVENT_SIGNAL, 0);
	ASSERT_EQ(0, at);
	EXPECT_EQ(SIGUSR1, BODY(events.event[0], signal)->signal);
	EXPECT_EQ(SI_USER, BODY(events.event[0], signal)->code);
	EXPECT_EQ(subject.pid, BODY(events.event[0], signal)->pid);
	EXPECT_EQ(KLAB_SIGNAL_QUEUED, BODY(events.event[0], signal)->outcome);
	EXPECT_EQ(KLAB_EVENT_GROUP, BODY(events.event[0], signal)->flags);
	ASSERT_EQ(KLAB_EVENT_DELIVER, events.event[1]->kind);
	EXPECT_EQ((unsigned long)handler, BODY(events.event[1], deliver)->handler);

	ASSERT_EQ(KLAB_EVENT_SIGNAL, events.event[2]->kind);
	EXPECT_EQ(SIGUSR2, BODY(events.event[2], signal)->signal);
	EXPECT_EQ(KLAB_SIGNAL_IGNORED, BODY(events.event[2], signal)->outcome);

	ASSERT_EQ(KLAB_EVENT_SIGNAL, events.event[3]->kind);
	EXPECT_EQ(SI_TKILL, BODY(events.event[3], signal)->code);
	EXPECT_EQ(0, BODY(events.event[3], signal)->flags);

	EXPECT_EQ(SIGTERM, BODY(events.event[5], signal)->signal);
	/* How the kernel ends each thread of a process that a signal ends. */
	ASSERT_EQ(KLAB_EVENT_DELIVER, events.event[6]->kind);
	EXPECT_EQ(SIGKILL, BODY(events.event[6], deliver)->signal);
	EXPECT_EQ(SI_KERNEL, BODY(events.event[6], deliver)->code);
	EXPECT_EQ(0, BODY(events.event[6], deliver)->handler);
	free_events(&events);
	close(subject.recorder);
}

/* A thread, a child that execs, a grandchild: 1 + 1 + 2 tasks, and each exits. */
static void *do_nothing(void *arg)
{
	syscall(SYS_getppid);
	return NULL;
}

static int do_family(void *arg)
{
	pthread_t thread;
	pid_t child;

	pthread_create(&thread, NULL, do_nothing, NULL);
	pthread_join(thread, NULL);
	child = fork();
	if (!child) {
		if (!fork())
			_exit(3);
		wait(NULL);
		execl("/bin/busybox", "true", NULL);
		_exit(4);
	}
	return child_status(child);
}

static void count_family(struct __test_metadata *_metadata, __u32 flags, int forks, int exits,
			 int execs)
{
	struct subject subject;
	struct events events;
	size_t i;

	ASSERT_TRUE(subject_start(&subject, do_family, NULL, KLAB_RECORD_TASKS, flags));
	events = subject_finish(&subject);
	EXPECT_EQ(0, subject.status);
	EXPECT_EQ(forks, count_kind(&events, KLAB_EVENT_FORK, 0));
	EXPECT_EQ(exits, count_kind(&events, KLAB_EVENT_EXIT, 0));
	EXPECT_EQ(execs, count_kind(&events, KLAB_EVENT_EXEC, 0));
	for (i = 0; i < events.count; i++) {
		const struct klab_recorded *event = events.event[i];

		if (event->kind == KLAB_EVENT_FORK) {
			bool same = BODY(event, fork)->flags & KLAB_EVENT_THREAD;
			bool in = BODY(event, fork)->flags & KLAB_EVENT_RECORDED;

			EXPECT_EQ(same, BODY(event, fork)->pid == event->pid);
			EXPECT_EQ(in, !!(flags & (same ? KLAB_RECORD_THREADS :
						  KLAB_RECORD_CHILDREN)));
			EXPECT_EQ(in, count_kind(&events, KLAB_EVENT_EXIT, BODY(event, fork)->tid));
		}
		if (event->kind == KLAB_EVENT_EXEC) {
			EXPECT_STREQ("/bin/busybox", BODY(event, exec)->path);
			EXPECT_EQ(0, BODY(event, exec)->flags);
		}
	}
	free_events(&events);
	close(subject.recorder);
}

TEST(family)
{
	count_family(_metadata, FAMILY, 3, 4, 1);
	count_family(_metadata, KLAB_RECORD_THREADS, 2, 2, 0);
	count_family(_metadata, KLAB_RECORD_CHILDREN, 3, 3, 1);
	count_family(_metadata, 0, 2, 1, 0);
}

/* Where there is no room for a child, its parent tells of it, and it is counted. */
TEST(more_than_so_many_threads)
{
	struct klab_recorder_create ask = {
		.kinds = KLAB_RECORD_ALL, .flags = FAMILY, .bytes = RING_BYTES,
		.wakeup = RING_BYTES / 4, .threads = 1,
	};
	int recorder = record_with(0, &ask);
	struct events events;
	size_t i;

	ASSERT_LE(0, recorder);
	for (i = 0; i < 3; i++) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
	ASSERT_EQ(0, record_stop(recorder));
	EXPECT_EQ(3, record_stat(recorder).missed);
	EXPECT_EQ(3, fdinfo_value(recorder, "recorder_missed", 10));
	events = read_events(recorder);
	EXPECT_EQ(3, count_kind(&events, KLAB_EVENT_FORK, 0));
	for (i = 0; i < events.count; i++) {
		EXPECT_EQ(getpid(), events.event[i]->tid);
		if (events.event[i]->kind == KLAB_EVENT_FORK)
			EXPECT_EQ(0, BODY(events.event[i], fork)->flags);
	}
	free_events(&events);
	close(recorder);
}

/* A thread that runs a new program becomes the main thread: the ids follow. */
static void *do_exec(void *arg)
{
	execl("/bin/busybox", "true", NULL);
	return NULL;
}

static int do_exec_in_thread(void *arg)
{
	pthread_t thread;

	pthread_create(&thread, NULL, do_exec, NULL);
	pthread_join(thread, NULL);
	return 9;
}

TEST(exec_by_a_thread)
{
	struct subject subject;
	struct events events;
	ssize_t forked, exec;

	ASSERT_TRUE(subject_start(&subject, do_exec_in_thread, NULL, KLAB_RECORD_TASKS, FAMILY));
	events = subject_finish(&subject);
	EXPECT_EQ(0, subject.status);
	forked = find_kind(&events, KLAB_EVENT_FORK, 0);
	exec = find_kind(&events, KLAB_EVENT_EXEC, 0);
	ASSERT_LE(0, forked);
	ASSERT_LE(0, exec);
	EXPECT_EQ(BODY(events.event[forked], fork)->tid, BODY(events.event[exec], exec)->old_tid);
	EXPECT_EQ(subject.pid, events.event[exec]->tid);
	EXPECT_EQ(subject.pid, events.event[events.count - 1]->tid);
	EXPECT_EQ(KLAB_EVENT_EXIT, events.event[events.count - 1]->kind);
	free_events(&events);
	close(subject.recorder);
}

/* What the kernel counts itself. */
struct switches {
	size_t voluntary, involuntary;
};

/* Off and on again: a sleep, a yield to somebody, and each time it comes back. */
static int do_switches(void *arg)
{
	struct timespec a_while = { 0, 2000000 };
	struct rusage before, after;
	struct switches *seen = arg;

	/* On a busy machine a nap may be over before it has begun: then it is no switch. */
	getrusage(RUSAGE_SELF, &before);
	do {
		nanosleep(&a_while, NULL);
		getrusage(RUSAGE_SELF, &after);
	} while (after.ru_nvcsw - before.ru_nvcsw < 20);
	seen->voluntary = after.ru_nvcsw - before.ru_nvcsw;
	seen->involuntary = after.ru_nivcsw - before.ru_nivcsw;
	return 0;
}

TEST(switches)
{
	size_t i, preempted = 0, sleeps = 0, outs = 0, ins = 0;
	struct switches *seen = shared_memory(sizeof(*seen));
	struct subject subject;
	struct events events;

	ASSERT_TRUE(subject_start(&subject, do_switches, seen, KLAB_RECORD_SWITCHES, 0));
	events = subject_finish(&subject);
	for (i = 0; i < events.count; i++) {
		const struct klab_recorded *event = events.event[i];

		outs += event->kind == KLAB_EVENT_OUT;
		ins += event->kind == KLAB_EVENT_IN;
		if (event->kind != KLAB_EVENT_OUT)
			continue;
		sleeps += BODY(event, switch)->reason == KLAB_SWITCH_SLEEPS;
		preempted += BODY(event, switch)->reason == KLAB_SWITCH_PREEMPTED;
	}
	/* Of those twenty: a lock may be waited for, too. */
	EXPECT_LE(10, sleeps);
	EXPECT_LE(seen->voluntary, outs - preempted);
	EXPECT_LE(seen->involuntary, preempted);
	/* The first event says whether it had a processor when recording began. */
	ASSERT_LT(0, events.count);
	EXPECT_EQ(outs + (events.event[0]->kind == KLAB_EVENT_IN), ins);
	free_events(&events);
	close(subject.recorder);
}

/* The calls of a program, its children's included, by number. */
#define NUMBERS	512

struct calls {
	unsigned int made[NUMBERS];
};

#define PROGRAM	"/bin/busybox", "xargs", "-n1", "busybox", "echo", NULL

static int do_program(void *arg)
{
	int words = memfd_create("words", 0), null = open("/dev/null", O_WRONLY);

	if (write(words, "a\nb\nc\n", 6) != 6 || lseek(words, 0, SEEK_SET) ||
	    dup2(words, STDIN_FILENO) || dup2(null, STDOUT_FILENO) != STDOUT_FILENO)
		return 1;
	if (arg)
		execl("/bin/strace", "strace", "-f", "-n", "-o", (char *)arg, PROGRAM);
	execl("/bin/busybox", PROGRAM);
	return 2;
}

/* From the first program on: what leads to it differs. */
static struct calls calls_recorded(const struct events *events)
{
	struct calls calls = { { 0 } };
	ssize_t i = find_kind(events, KLAB_EVENT_EXEC, 0);

	for (; i >= 0 && i < (ssize_t)events->count; i++) {
		const struct klab_recorded *event = events->event[i];

		if (event->kind == KLAB_EVENT_ENTER)
			calls.made[BODY(event, enter)->number % NUMBERS]++;
	}
	return calls;
}

/* A line is "PID [NUMBER] NAME(...", and the first one is the execve of the program. */
static struct calls calls_of_strace(const char *path)
{
	struct calls calls = { { 0 } };
	FILE *file = fopen(path, "re");
	bool first = true;
	unsigned int call;
	char line[4096];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*u [ %u ]", &call) != 1 || strstr(line, " resumed>") ||
		    strstr(line, "] +++") || strstr(line, "] ---"))
			continue;
		if (!first)
			calls.made[call % NUMBERS]++;
		first = false;
	}
	if (file)
		fclose(file);
	return calls;
}

TEST(as_strace_counts)
{
	char path[] = "/tmp/klab-strace-XXXXXX";
	struct calls recorded, traced;
	unsigned int i, sum = 0;
	struct subject subject;
	struct events events;
	pid_t child;

	if (access("/bin/strace", X_OK))
		SKIP(return, "there is no strace");
	close(mkstemp(path));
	child = fork();
	if (!child)
		_exit(do_program(path));
	ASSERT_EQ(0, child_status(child));
	traced = calls_of_strace(path);
	unlink(path);

	ASSERT_TRUE(subject_start(&subject, do_program, NULL,
				  KLAB_RECORD_SYSCALLS | KLAB_RECORD_TASKS, FAMILY));
	events = subject_finish(&subject);
	EXPECT_EQ(0, subject.status);
	EXPECT_EQ(4, count_kind(&events, KLAB_EVENT_EXEC, 0));
	recorded = calls_recorded(&events);
	for (i = 0; i < NUMBERS; i++) {
		EXPECT_EQ(traced.made[i], recorded.made[i]) {
			TH_LOG("call number %u", i);
		}
		sum += recorded.made[i];
	}
	EXPECT_LT(50, sum);
	free_events(&events);
	close(subject.recorder);
}

TEST_HARNESS_MAIN
