// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody gains a power by klab. Who may signal whom is a matrix here, and in each
 * cell three must agree: what kill(2)'s manual says (the table below), kill(2)
 * itself, and klab, asked by the same process right after it. All senders use a
 * descriptor that root has opened: who opened it must not count.
 */
#include <linux/capability.h>

#include "people.h"

enum { ROOT, USER_ALICE, USER_BOB, SETUID, FORMER, ELSEWHERE, SELF, CHILD, TARGETS };

static const struct target {
	const char *name;
	struct ids ids;
} targets[TARGETS] = {
	[ROOT]		= { "root", { 0, 0, 0 } },
	[USER_ALICE]	= { "alice", { ALICE, ALICE, ALICE } },
	[USER_BOB]	= { "bob", { BOB, BOB, BOB } },
	[SETUID]	= { "alice in a set-uid-root program", { ALICE, 0, 0 } },
	[FORMER]	= { "bob who can become alice again", { BOB, BOB, ALICE } },
	[ELSEWHERE]	= { "root in a session of its own", { 0, 0, 0 } },
	[SELF]		= { "oneself", { 0, 0, 0 } },
	[CHILD]		= { "the own child", { 0, 0, 0 } },
};

static int by_kill(pid_t pid, int signal)
{
	return kill(pid, signal) ? errno : 0;
}

FIXTURE(permission)
{
	int fd;
	pid_t pids[TARGETS];
};

FIXTURE_VARIANT(permission)
{
	struct ids ids;
	bool without_cap_kill;
	bool in_user_namespace;
	int may[TARGETS];	/* the errno of SIGUSR1 to each target */
};

#define NO EPERM
/*					root alice bob setuid former elsewhere self child */
FIXTURE_VARIANT_ADD(permission, root) {
	.ids = { 0, 0, 0 },
	.may =				{ 0,  0,  0,  0,  0,  0,  0, 0 },
};

FIXTURE_VARIANT_ADD(permission, root_without_cap_kill) {
	.ids = { 0, 0, 0 }, .without_cap_kill = true,
	.may =				{ 0,  NO, NO, 0,  NO, 0,  0, 0 },
};

FIXTURE_VARIANT_ADD(permission, alice) {
	.ids = { ALICE, ALICE, ALICE },
	.may =				{ NO, 0,  NO, 0,  0,  NO, 0, 0 },
};

FIXTURE_VARIANT_ADD(permission, bob) {
	.ids = { BOB, BOB, BOB },
	.may =				{ NO, NO, 0,  NO, 0,  NO, 0, 0 },
};

FIXTURE_VARIANT_ADD(permission, alice_as_bob) {
	.ids = { ALICE, BOB, ALICE },
	.may =				{ NO, 0,  0,  0,  0,  NO, 0, 0 },
};

FIXTURE_VARIANT_ADD(permission, bob_who_was_alice) {
	.ids = { BOB, BOB, ALICE },
	.may =				{ NO, NO, 0,  NO, 0,  NO, 0, 0 },
};

FIXTURE_VARIANT_ADD(permission, set_uid_root) {
	.ids = { ALICE, 0, 0 },
	.may =				{ 0,  0,  0,  0,  0,  0,  0, 0 },
};

FIXTURE_VARIANT_ADD(permission, alice_in_user_namespace) {
	.ids = { ALICE, ALICE, ALICE }, .in_user_namespace = true,
	.may =				{ NO, 0,  NO, 0,  0,  NO, 0, 0 },
};

FIXTURE_SETUP(permission)
{
	int i;

	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	block_signals();
	for (i = 0; i < SELF; i++) {
		self->pids[i] = start_as(targets[i].ids, i == ELSEWHERE);
		ASSERT_LT(0, self->pids[i]);
	}
}

FIXTURE_TEARDOWN(permission)
{
	int i;

	for (i = 0; i < SELF; i++)
		kill(self->pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	close(self->fd);
}

static bool drop_cap_kill(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective &= ~(1U << CAP_KILL);
	data[0].permitted &= ~(1U << CAP_KILL);
	return !syscall(SYS_capset, &header, data);
}

/* What a sender found out about one target and one signal. */
struct cell {
	int kill, klab;			/* the signal itself */
	int probe, value;		/* signal 0 by kill(2); the signal with a value */
};

static const int signals[] = { SIGUSR1, SIGCONT, SIGTERM, 0 };

#define SIGNALS ARRAY_SIZE(signals)

struct findings {
	bool complete;
	struct cell cells[TARGETS][SIGNALS];
};

static void find_out(int fd, const pid_t *pids, struct findings *findings)
{
	size_t target, i;

	for (target = 0; target < TARGETS; target++) {
		for (i = 0; i < SIGNALS; i++) {
			struct cell *cell = &findings->cells[target][i];
			pid_t pid = pids[target];

			cell->kill = by_kill(pid, signals[i]);
			cell->klab = send_signal(fd, pid, signals[i]);
			cell->probe = by_kill(pid, 0);
			cell->value = send_value(fd, pid, signals[i], 1);
		}
	}
	findings->complete = true;
}

TEST_F(permission, matrix)
{
	struct findings *findings = shared_memory(sizeof(*findings));
	size_t target, i;
	int status;
	pid_t sender;

	ASSERT_NE(NULL, findings);
	sender = fork();
	if (!sender) {
		const struct ids *ids = &variant->ids;

		if (setresuid(ids->real, ids->effective, ids->saved) ||
		    (variant->without_cap_kill && !drop_cap_kill()))
			_exit(1);
		if (variant->in_user_namespace && !enter_user_namespace(ids->real))
			_exit(KSFT_SKIP);
		self->pids[SELF] = getpid();
		self->pids[CHILD] = fork();
		while (!self->pids[CHILD])
			pause();
		find_out(self->fd, self->pids, findings);
		kill(self->pids[CHILD], SIGKILL);
		_exit(0);
	}
	status = child_status(sender);
	if (status == KSFT_SKIP)
		SKIP(return, "no user namespaces here");
	ASSERT_EQ(0, status);
	ASSERT_TRUE(findings->complete);

	for (target = 0; target < TARGETS; target++) {
		EXPECT_EQ(variant->may[target], findings->cells[target][0].kill)
			TH_LOG("kill(2) to %s", targets[target].name);
		for (i = 0; i < SIGNALS; i++) {
			const struct cell *cell = &findings->cells[target][i];

			EXPECT_EQ(cell->kill, cell->klab)
				TH_LOG("signal %d to %s", signals[i], targets[target].name);
			EXPECT_EQ(cell->probe, cell->value)
				TH_LOG("signal %d with a value to %s", signals[i],
				       targets[target].name);
		}
	}
	/* kill(2)'s own exception: SIGCONT within a session. A value does not share it. */
	EXPECT_EQ(0, findings->cells[ROOT][1].kill);
	EXPECT_EQ(variant->may[ELSEWHERE], findings->cells[ELSEWHERE][1].kill);
	EXPECT_EQ(variant->may[ROOT], findings->cells[ROOT][1].value);
}

TEST_HARNESS_MAIN
