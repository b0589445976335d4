// SPDX-License-Identifier: GPL-2.0-only
/*
 * A signal that goes out later, by a thread of the kernel, must go where kill(2) of
 * who asked would go, and nowhere else. In each cell of this matrix the asker forks
 * a twin, who keeps what the asker was when it asked: its kill(2), at the moment of
 * the firing, is what klab has to agree with. What arrived is read off the target.
 */
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>

#include "notify_test.h"
#include "people.h"

enum { ROOT, USER_ALICE, USER_BOB, FORMER, GONE, NAMESPACED, ASKER, TARGETS };

static const char * const names[TARGETS] = {
	"root", "alice", "bob", "bob who can become alice", "gone", "first of a namespace",
	"the asker itself",
};

/* What asker, twin and the test tell each other. */
struct stage {
	pid_t targets[TARGETS];
	__u32 handles[TARGETS][2];	/* plain, with a value */
	int set_errors[TARGETS];
	int by_kill[TARGETS];
	int step;
	int end;
};

FIXTURE(matrix)
{
	int klab, notifier;
	struct stage *stage;
	pid_t asker;
};

FIXTURE_VARIANT(matrix)
{
	struct ids ids;			/* of the asker, as it asks */
	bool cap_kill;			/* its effective capability, if it is not root's */
	bool no_cap_kill;
	bool user_namespace;
	bool becomes;			/* somebody else, before the firing */
	struct ids then;
};

FIXTURE_VARIANT_ADD(matrix, root) { .ids = { 0, 0, 0 } };
FIXTURE_VARIANT_ADD(matrix, alice) { .ids = { ALICE, ALICE, ALICE } };
FIXTURE_VARIANT_ADD(matrix, bob) { .ids = { BOB, BOB, BOB } };
FIXTURE_VARIANT_ADD(matrix, alice_as_bob) { .ids = { ALICE, BOB, ALICE } };
FIXTURE_VARIANT_ADD(matrix, root_without_cap_kill) { .ids = { 0, 0, 0 }, .no_cap_kill = true };
FIXTURE_VARIANT_ADD(matrix, alice_with_cap_kill) {
	.ids = { ALICE, ALICE, ALICE }, .cap_kill = true,
};

FIXTURE_VARIANT_ADD(matrix, alice_in_user_namespace) {
	.ids = { ALICE, ALICE, ALICE }, .user_namespace = true,
};

FIXTURE_VARIANT_ADD(matrix, root_then_alice) {
	.ids = { 0, 0, 0 }, .becomes = true, .then = { ALICE, ALICE, ALICE },
};

FIXTURE_VARIANT_ADD(matrix, alice_then_root) {
	.ids = { ALICE, ALICE, 0 }, .becomes = true, .then = { 0, 0, 0 },
};

FIXTURE_VARIANT_ADD(matrix, set_uid_then_bob) {
	.ids = { ALICE, 0, 0 }, .becomes = true, .then = { BOB, BOB, BOB },
};

static void wait_forever(void)
{
	while (1)
		pause();
}

static pid_t start_in_namespace(void)
{
	pid_t pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		wait_forever();
	return pid;
}

/* Which signals wait for @pid, for the process and for its thread. */
static __u64 pending(pid_t pid)
{
	char path[64], line[128];
	__u64 all = 0;
	unsigned long long some;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "SigPnd: %llx", &some) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &some) == 1)
			all |= some;
	}
	fclose(file);
	return all;
}

static bool waits_for(pid_t pid, int signal)
{
	return pending(pid) & 1ULL << (signal - 1);
}

static bool set_cap_kill(bool have)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return false;
	if (have) {
		data[0].permitted &= 1U << CAP_KILL;
		data[0].effective = data[0].permitted;
	} else {
		data[0].permitted &= ~(1U << CAP_KILL);
		data[0].effective &= ~(1U << CAP_KILL);
	}
	return !syscall(SYS_capset, &header, data);
}

static bool take_ids(const struct ids *ids)
{
	return !setresuid(ids->real, ids->effective, ids->saved);
}

static void step_up(struct stage *stage, int step)
{
	__atomic_store_n(&stage->step, step, __ATOMIC_RELEASE);
}

static bool at_step(struct stage *stage, int step)
{
	return eventually(__atomic_load_n(&stage->step, __ATOMIC_ACQUIRE) >= step);
}

#define PLAIN	SIGUSR1
#define VALUE	SIGUSR2
#define KILLED	SIGALRM

static void ask(int notifier, struct stage *stage)
{
	struct klab_delivery plain = { .way = KLAB_WAY_SIGNAL, .signal = PLAIN };
	struct klab_delivery value = {
		.way = KLAB_WAY_SIGNAL, .signal = VALUE, .flags = KLAB_SIGNAL_VALUE,
	};
	int i;

	for (i = 0; i < TARGETS; i++) {
		plain.target = stage->targets[i];
		value.target = stage->targets[i];
		stage->handles[i][0] = set_by_call(notifier, 1, &plain, 1);
		stage->handles[i][1] = set_by_call(notifier, 2, &value, 1);
	}
}

/* kill(2) as the asker was when it asked. */
static void twin(struct stage *stage)
{
	int i;

	if (!at_step(stage, 2))
		_exit(1);
	for (i = 0; i < TARGETS; i++)
		stage->by_kill[i] = kill(stage->targets[i], KILLED) ? errno : 0;
	_exit(0);
}

FIXTURE_SETUP(matrix)
{
	int i;

	self->stage = shared_memory(sizeof(*self->stage));
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	self->notifier = create_notifier(self->klab, 1);
	ASSERT_LE(0, self->notifier);
	block_signals();
	self->stage->targets[ROOT] = start_as((struct ids) { 0, 0, 0 }, false);
	self->stage->targets[USER_ALICE] = start_as((struct ids) { ALICE, ALICE, ALICE }, false);
	self->stage->targets[USER_BOB] = start_as((struct ids) { BOB, BOB, BOB }, false);
	self->stage->targets[FORMER] = start_as((struct ids) { BOB, BOB, ALICE }, false);
	self->stage->targets[GONE] = start_as((struct ids) { ALICE, ALICE, ALICE }, false);
	self->stage->targets[NAMESPACED] = start_in_namespace();
	for (i = 0; i < ASKER; i++)
		ASSERT_LT(0, self->stage->targets[i]);
}

FIXTURE_TEARDOWN(matrix)
{
	int i;

	for (i = 0; i < TARGETS; i++)
		if (i != GONE && self->stage->targets[i] > 0)
			kill(self->stage->targets[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	close(self->notifier);
	close(self->klab);
}

TEST_F(matrix, equals_kill)
{
	struct stage *stage = self->stage;
	int i, kind, by_itself;

	self->asker = fork();
	if (!self->asker) {
		pid_t other;

		stage->targets[ASKER] = getpid();
		if (variant->cap_kill && prctl(PR_SET_KEEPCAPS, 1))
			_exit(1);
		if (!take_ids(&variant->ids) || (variant->cap_kill && !set_cap_kill(true)) ||
		    (variant->no_cap_kill && !set_cap_kill(false)))
			_exit(1);
		if (variant->user_namespace && !enter_user_namespace(variant->ids.real))
			_exit(KSFT_SKIP);
		ask(self->notifier, stage);
		other = fork();
		if (!other)
			twin(stage);
		/* Its own process may always be signalled: kill(2) by itself would be. */
		if (variant->becomes && !take_ids(&variant->then))
			_exit(1);
		step_up(stage, 1);
		__atomic_store_n(&stage->end, child_status(other), __ATOMIC_RELEASE);
		wait_forever();
	}
	if (!eventually(__atomic_load_n(&stage->step, __ATOMIC_ACQUIRE) ||
			waitpid(self->asker, NULL, WNOHANG)) || !stage->step)
		SKIP(return, "no user namespaces here");

	/* One target goes after it was named. */
	kill(stage->targets[GONE], SIGKILL);
	ASSERT_EQ(stage->targets[GONE], waitpid(stage->targets[GONE], NULL, 0));

	/* The test fires: not the asker, so it is a thread of the kernel that sends. */
	for (i = 0; i < TARGETS; i++)
		for (kind = 0; kind < 2; kind++) {
			ASSERT_NE(0, stage->handles[i][kind]) TH_LOG("%s", names[i]);
			EXPECT_EQ(0, fire_times(self->notifier, stage->handles[i][kind], 1));
		}
	stage->end = -1;
	step_up(stage, 2);
	ASSERT_TRUE(eventually(!__atomic_load_n(&stage->end, __ATOMIC_ACQUIRE)));
	by_itself = 0;

	for (i = 0; i < TARGETS; i++) {
		int expected = i == ASKER ? by_itself : stage->by_kill[i];

		for (kind = 0; kind < 2; kind++) {
			struct klab_delivery way;

			query(self->notifier, stage->handles[i][kind], &way);
			EXPECT_EQ(expected == 0, way.delivered)
				TH_LOG("%s: kill(2) says %d", names[i], expected);
			EXPECT_EQ(expected == EPERM, way.refused)
				TH_LOG("%s: kill(2) says %d", names[i], expected);
			EXPECT_EQ(expected == ESRCH, way.gone)
				TH_LOG("%s: kill(2) says %d", names[i], expected);
			EXPECT_EQ(expected == 0,
				  waits_for(stage->targets[i], kind ? VALUE : PLAIN))
				TH_LOG("%s, signal %d", names[i], kind ? VALUE : PLAIN);
		}
		if (i != ASKER)
			EXPECT_EQ(expected == 0, waits_for(stage->targets[i], KILLED));
	}
	/* That the matrix has both kinds of cell is what makes it one. */
	EXPECT_EQ(ESRCH, stage->by_kill[GONE]);
	EXPECT_EQ(variant->ids.effective == ALICE || variant->ids.real == ALICE ||
		  (!variant->ids.effective && !variant->no_cap_kill) ? 0 : EPERM,
		  stage->by_kill[USER_ALICE]);
}

/* What the asker might do when it asked is asked again each time: here the target changes. */
TEST(asked_each_time)
{
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), notifier = create_notifier(device, 1);
	struct klab_delivery way = { .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1 };
	struct stage *stage = shared_memory(sizeof(*stage));
	__u32 *handles = stage->handles[0];
	pid_t target, asker;
	int changed, i;

	block_signals();
	target = fork();
	if (!target) {
		/* alice, who may become bob */
		if (setresuid(ALICE, ALICE, BOB))
			_exit(1);
		step_up(stage, 1);
		if (!at_step(stage, 2) || setresuid(BOB, BOB, BOB))
			_exit(1);
		step_up(stage, 3);
		wait_forever();
	}
	ASSERT_TRUE(at_step(stage, 1));
	way.target = target;
	for (changed = 0; changed < 2; changed++) {
		asker = fork();
		if (!asker) {
			if (setresuid(ALICE, ALICE, ALICE))
				_exit(1);
			for (i = 0; i < 2 && !changed; i++) {
				way.flags = i ? KLAB_SIGNAL_VALUE : 0;
				handles[i] = set_by_call(notifier, 1, &way, 1);
			}
			stage->by_kill[changed] = kill(target, 0) ? errno : 0;
			_exit(0);
		}
		ASSERT_EQ(0, child_status(asker));
		for (i = 0; i < 2; i++)
			EXPECT_EQ(0, ring(notifier, handles[i]));
		if (!changed)
			step_up(stage, 2);
		ASSERT_TRUE(at_step(stage, 3));
	}
	EXPECT_EQ(0, stage->by_kill[0]);
	EXPECT_EQ(EPERM, stage->by_kill[1]);
	for (i = 0; i < 2; i++) {
		query(notifier, handles[i], &way);
		EXPECT_EQ(1, way.delivered);
		EXPECT_EQ(1, way.refused);
	}
	kill(target, SIGKILL);
	close(notifier);
	close(device);
}

/* A number that means another process now is not what was asked for. */
TEST(pid_used_again)
{
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	int notifier = create_notifier(device, 1), i;
	struct klab_delivery way = { .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1 };
	struct clone_args again = { .exit_signal = SIGCHLD };
	pid_t victim, impostor;
	__u32 handles[2];
	int pidfd;

	block_signals();
	victim = start_as((struct ids) { 0, 0, 0 }, false);
	way.target = victim;
	handles[0] = set_by_call(notifier, 1, &way, 1);
	way.flags = KLAB_SIGNAL_VALUE;
	handles[1] = set_by_call(notifier, 1, &way, 1);
	pidfd = syscall(SYS_pidfd_open, victim, 0);
	kill(victim, SIGKILL);
	ASSERT_EQ(victim, waitpid(victim, NULL, 0));

	again.set_tid = (uintptr_t)&victim;
	again.set_tid_size = 1;
	impostor = syscall(SYS_clone3, &again, sizeof(again));
	if (!impostor)
		wait_forever();
	ASSERT_EQ(victim, impostor);
	EXPECT_EQ(0, kill(impostor, 0));
	EXPECT_EQ(-1, syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
	EXPECT_EQ(ESRCH, errno);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, ring(notifier, handles[i]));
		query(notifier, handles[i], &way);
		EXPECT_EQ(1, way.gone);
		EXPECT_EQ(0, way.delivered);
		/* The number stands for nobody any more. */
		EXPECT_EQ(0, way.target);
	}
	EXPECT_FALSE(waits_for(impostor, SIGUSR1));
	kill(impostor, SIGKILL);
	close(notifier);
	close(device);
}

/* What the processes of a pid namespace and the test tell each other. */
struct inside {
	__u32 handles[3];
	int errors[3];
	int step;
	siginfo_t seen;
};

/* Process 1 of a namespace, and of it process 2, who asks. */
static void first_process(int notifier, struct inside *inside, pid_t outside)
{
	struct klab_delivery way = { .way = KLAB_WAY_SIGNAL, .target = 1, .signal = SIGKILL };
	pid_t asker = fork();

	if (!asker) {
		inside->errors[0] = kill(1, SIGKILL) ? errno : 0;
		inside->handles[0] = set_by_call(notifier, 0, &way, 1);
		way.flags = KLAB_SIGNAL_VALUE;
		inside->handles[1] = set_by_call(notifier, 0, &way, 1);
		way = (struct klab_delivery) {
			.way = KLAB_WAY_SIGNAL, .target = 1, .signal = SIGUSR1,
			.flags = KLAB_SIGNAL_VALUE,
		};
		inside->handles[2] = set_by_call(notifier, 55, &way, 1);
		way.target = outside;
		inside->errors[1] = set_notification(notifier, &(struct klab_notify_set) { 0 },
						     &way, 1);
		inside->errors[2] = kill(outside, 0) ? errno : 0;
		__atomic_store_n(&inside->step, 1, __ATOMIC_RELEASE);
		wait_forever();
	}
	while (1) {
		siginfo_t info = { 0 };
		sigset_t usr1;

		sigemptyset(&usr1);
		sigaddset(&usr1, SIGUSR1);
		if (sigwaitinfo(&usr1, &info) > 0) {
			inside->seen = info;
			__atomic_store_n(&inside->step, 2, __ATOMIC_RELEASE);
		}
	}
}

/*
 * From within, nothing kills the first process of a pid namespace, and kill(2) does
 * as if it had. Nor does a thread of the kernel that acts for somebody within.
 */
TEST(pid_namespace)
{
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	int notifier = create_notifier(device, 1), i;
	struct inside *inside = shared_memory(sizeof(*inside));
	struct klab_delivery way = { .way = KLAB_WAY_SIGNAL, .signal = SIGKILL };
	pid_t outside = getpid(), first;
	int status;

	ASSERT_LT(10, outside);
	block_signals();
	first = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (!first)
		first_process(notifier, inside, outside);
	ASSERT_TRUE(eventually(__atomic_load_n(&inside->step, __ATOMIC_ACQUIRE) == 1));
	/* Numbers are those of who asks. */
	EXPECT_EQ(ESRCH, inside->errors[1]);
	EXPECT_EQ(ESRCH, inside->errors[2]);

	EXPECT_EQ(0, inside->errors[0]);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, ring(notifier, inside->handles[i]));
	EXPECT_EQ(0, ring(notifier, inside->handles[2]));
	ASSERT_TRUE(eventually(__atomic_load_n(&inside->step, __ATOMIC_ACQUIRE) == 2));
	EXPECT_EQ(55, inside->seen.si_int);
	EXPECT_EQ(0, inside->seen.si_pid);
	EXPECT_EQ(0, waitpid(first, NULL, WNOHANG));
	/* Whom it names is told to who looks. */
	query(notifier, inside->handles[2], &way);
	EXPECT_EQ(first, way.target);

	/* From outside it can be killed. */
	way = (struct klab_delivery) {
		.way = KLAB_WAY_SIGNAL, .signal = SIGKILL, .target = first,
	};
	ASSERT_NE(0, set_by_timer(notifier, 0, 0, 0, &way, 1));
	ASSERT_EQ(first, waitpid(first, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(notifier);
	close(device);
}

/*
 * kill(2) sends SIGCONT to everybody of the same session. A thread of the kernel is
 * in a session as well, and that must not count: refused, where kill(2) is stricter
 * or not.
 */
TEST(session)
{
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), notifier = create_notifier(device, 1);
	struct klab_delivery way = { .way = KLAB_WAY_SIGNAL, .signal = SIGCONT };
	pid_t targets[2], asker;
	int i;

	block_signals();
	targets[0] = start_as((struct ids) { 0, 0, 0 }, false);
	/* Process 1 and the threads of the kernel share a session after a boot. */
	targets[1] = 1;
	for (i = 0; i < 2; i++) {
		struct stage *stage = shared_memory(sizeof(*stage));
		__u32 handle;

		asker = fork();
		if (!asker) {
			if (setresuid(ALICE, ALICE, ALICE))
				_exit(1);
			way.target = targets[i];
			stage->handles[0][0] = set_by_call(notifier, 0, &way, 1);
			_exit(0);
		}
		ASSERT_EQ(0, child_status(asker));
		handle = stage->handles[0][0];
		/* By an asker that is no more, too. */
		EXPECT_EQ(0, ring(notifier, handle));
		query(notifier, handle, &way);
		EXPECT_EQ(1, way.refused);
		EXPECT_EQ(0, way.delivered);
	}
	kill(targets[0], SIGKILL);
	close(notifier);
	close(device);
}

/* Whoever has executed another program is no longer who asked: no privilege, no exception. */
TEST(own_process_after_exec)
{
	int device = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), notifier = create_notifier(device, 1);
	struct klab_delivery way = { .way = KLAB_WAY_SIGNAL, .signal = SIGUSR1 };
	struct stage *stage = shared_memory(sizeof(*stage));
	char self[64];
	pid_t asker;

	block_signals();
	ASSERT_LT(0, readlink("/proc/self/exe", self, sizeof(self) - 1));
	asker = fork();
	if (!asker) {
		/* alice, who may become root: and root is then what kill(2) may not reach. */
		if (setresuid(ALICE, ALICE, 0))
			_exit(1);
		stage->handles[0][0] = set_by_call(notifier, 0, &way, 1);
		if (setresuid(0, 0, 0))
			_exit(1);
		step_up(stage, 1);
		if (!at_step(stage, 2))
			_exit(1);
		execl("/bin/busybox", "sleep", "1000", NULL);
		_exit(1);
	}
	ASSERT_TRUE(at_step(stage, 1));
	EXPECT_EQ(0, ring(notifier, stage->handles[0][0]));
	EXPECT_TRUE(waits_for(asker, SIGUSR1));
	query(notifier, stage->handles[0][0], &way);
	EXPECT_EQ(1, way.delivered);

	step_up(stage, 2);
	ASSERT_TRUE(eventually(({
		char name[32] = "", path[32];
		FILE *file;

		/* It has its name earlier than it is another program to signals. */
		snprintf(path, sizeof(path), "/proc/%d/cmdline", asker);
		file = fopen(path, "re");
		if (file) {
			if (!fgets(name, sizeof(name), file))
				name[0] = 0;
			fclose(file);
		}
		!strcmp(name, "sleep");
	})));
	EXPECT_EQ(0, ring(notifier, stage->handles[0][0]));
	query(notifier, stage->handles[0][0], &way);
	EXPECT_EQ(1, way.delivered);
	EXPECT_EQ(1, way.refused);
	kill(asker, SIGKILL);
	close(notifier);
	close(device);
}

TEST_HARNESS_MAIN
