// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may open a handle on whom, and what a handle is still good for when the task
 * has become somebody else. All callers use a descriptor of the device that root has
 * opened: what counts is who asks.
 */
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>

#include "pass.h"
#include "people.h"
#include "task_test.h"

/* Who has changed its ids is not dumpable unless it asks for it. */
static bool become_dumpable(uid_t uid)
{
	return become(uid, uid) && !prctl(PR_SET_DUMPABLE, 1);
}

static bool keep_only(int capability)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (capability >= 0) {
		data[0].effective = 1U << capability;
		data[0].permitted = 1U << capability;
	}
	return !syscall(SYS_capset, &header, data);
}

enum { ROOT, ROOTS_CHILD, USER_ALICE, ALICE_HIDDEN, USER_BOB, NAMESPACED, KTHREAD, TARGETS };

static const char * const target_names[TARGETS] = {
	"root", "the caller's own child", "alice", "alice, not dumpable", "bob",
	"alice in a user namespace", "a thread of the kernel",
};

/* Stops itself once it is what it is to be. */
static pid_t start_target(int target)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if ((target == USER_ALICE && !become_dumpable(ALICE)) ||
	    (target == USER_BOB && !become_dumpable(BOB)) ||
	    (target == ALICE_HIDDEN && (!become_dumpable(ALICE) || prctl(PR_SET_DUMPABLE, 0))) ||
	    (target == NAMESPACED && (!become_dumpable(ALICE) || !enter_user_namespace(ALICE))))
		_exit(1);
	raise(SIGSTOP);
	while (1)
		pause();
}

FIXTURE(task_permission)
{
	int fd;
	pid_t pids[TARGETS];
	bool namespaces;
};

FIXTURE_VARIANT(task_permission)
{
	uid_t uid;
	int capability;		/* the only one that is kept; -1: none, -2: all that uid has */
	bool in_user_namespace;
	int may[TARGETS];	/* the errno of opening a handle on each */
};

#define NO EPERM
/*					root child alice hidden bob spaced kernel */
FIXTURE_VARIANT_ADD(task_permission, root) {
	.uid = 0, .capability = -2,
	.may =				{ 0,  0,  0,  0,  0,  0,  0 },
};

/* Being root is nothing by itself. */
FIXTURE_VARIANT_ADD(task_permission, root_without_capabilities) {
	.uid = 0, .capability = -1,
	.may =				{ NO, NO, NO, NO, NO, NO, NO },
};

FIXTURE_VARIANT_ADD(task_permission, root_with_another_capability) {
	.uid = 0, .capability = CAP_KILL,
	.may =				{ NO, NO, NO, NO, NO, NO, NO },
};

FIXTURE_VARIANT_ADD(task_permission, root_with_that_capability) {
	.uid = 0, .capability = CAP_SYS_PTRACE,
	.may =				{ 0,  0,  0,  0,  0,  0,  0 },
};

/* The same user is nothing either: that is what a tracer, or a passed handle, is for. */
FIXTURE_VARIANT_ADD(task_permission, alice) {
	.uid = ALICE, .capability = -2,
	.may =				{ NO, NO, NO, NO, NO, NO, NO },
};

/* Whoever has made a user namespace has all capabilities in it, and in no other. */
FIXTURE_VARIANT_ADD(task_permission, alice_in_user_namespace) {
	.uid = ALICE, .capability = -2, .in_user_namespace = true,
	.may =				{ NO, NO, NO, NO, NO, NO, NO },
};

FIXTURE_SETUP(task_permission)
{
	int i;

	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	self->namespaces = !access("/proc/self/ns/user", F_OK);
	self->pids[KTHREAD] = 2;
	for (i = 0; i < KTHREAD; i++) {
		if (i == ROOTS_CHILD || (i == NAMESPACED && !self->namespaces))
			continue;
		self->pids[i] = start_target(i);
		ASSERT_TRUE(eventually(proc_stat(self->pids[i], 3) == 'T'));
	}
}

FIXTURE_TEARDOWN(task_permission)
{
	int i;

	for (i = 0; i < KTHREAD; i++)
		if (self->pids[i] > 0)
			kill(self->pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	close(self->fd);
}

/* Its own child, made before it gave anything up, is no more its own than others. */
TEST_F(task_permission, open)
{
	int *found = shared_memory(sizeof(*found) * (TARGETS + 1)), i, status;
	pid_t caller = fork();

	if (!caller) {
		if (variant->uid && !become_dumpable(variant->uid))
			_exit(1);
		if (variant->capability != -2 && !keep_only(variant->capability))
			_exit(2);
		if (variant->in_user_namespace && !enter_user_namespace(variant->uid))
			_exit(KSFT_SKIP);
		/* This one counts as in the namespace of the caller's parent would. */
		self->pids[ROOTS_CHILD] = getppid();
		for (i = 0; i < TARGETS; i++) {
			if (!self->pids[i])
				continue;
			found[i] = open_task(self->fd, self->pids[i]) < 0 ? errno : 0;
		}
		found[TARGETS] = open_task(self->fd, 0) < 0 ? errno : 0;
		_exit(0);
	}
	status = child_status(caller);
	if (status == KSFT_SKIP)
		SKIP(return, "no user namespaces here");
	ASSERT_EQ(0, status);
	for (i = 0; i < TARGETS; i++) {
		if (i == NAMESPACED && !self->namespaces)
			continue;
		EXPECT_EQ(variant->may[i], found[i])
			TH_LOG("on %s", target_names[i]);
	}
	EXPECT_EQ(0, found[TARGETS]);
}

FIXTURE(change)
{
	int fd;
	int sockets[2];
};

FIXTURE_SETUP(change)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->sockets));
}

FIXTURE_TEARDOWN(change)
{
	close(self->fd);
	close(self->sockets[0]);
	close(self->sockets[1]);
	while (wait(NULL) > 0)
		;
}

/* One byte each way: the child has done a step, the parent has looked. */
static void step(int socket)
{
	char byte = 0;

	if (write(socket, &byte, 1) != 1 || read(socket, &byte, 1) != 1)
		_exit(99);
}

static bool stepped(int socket)
{
	char byte;

	return read(socket, &byte, 1) == 1;
}

static void go_on(int socket)
{
	char byte = 0;

	if (write(socket, &byte, 1) != 1)
		abort();
}

/*
 * A child that is @uid makes a handle on itself, passes it on, and changes in the way
 * that @change does; what the holder is told before and after.
 */
struct outcome {
	int before, after;
	int status;
};

static struct outcome pass_and_change(int fd, const int *sockets, uid_t uid,
				      void (*change)(void))
{
	struct outcome outcome = { 0 };
	struct klab_task_who who;
	pid_t child = fork();
	int task;

	if (!child) {
		if (uid && !become_dumpable(uid))
			_exit(98);
		send_descriptor(sockets[1], open_task(fd, 0));
		step(sockets[1]);
		dup2(sockets[1], 100);
		change();
		step(sockets[1]);
		_exit(0);
	}
	task = receive_descriptor(sockets[0]);
	if (!stepped(sockets[0]))
		abort();
	outcome.before = task_who(task, &who);
	go_on(sockets[0]);
	if (!stepped(sockets[0]))
		abort();
	outcome.after = task_who(task, &who);
	go_on(sockets[0]);
	outcome.status = child_status(child);
	close(task);
	return outcome;
}

static void nothing(void)
{
}

static void hide(void)
{
	prctl(PR_SET_DUMPABLE, 0);
}

static void hide_and_show(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_DUMPABLE, 1);
}

static void drop_to_bob(void)
{
	if (setresuid(BOB, BOB, BOB) || prctl(PR_SET_DUMPABLE, 1))
		_exit(97);
}

static void own_namespace(void)
{
	if (unshare(CLONE_NEWUSER) || prctl(PR_SET_DUMPABLE, 1))
		_exit(97);
}

/* Another program, which steps in place of this one: over descriptor 100. */
static void run_program(const char *path)
{
	execl(path, "sh", "-c", "printf x >&100; read -n 1 x <&100; exit 0", NULL);
	_exit(96);
}

static void plain_program(void)
{
	run_program("/tmp/klab-plain/busybox");
}

static void set_uid_program(void)
{
	run_program("/tmp/klab-setuid/busybox");
}

static void unreadable_program(void)
{
	run_program("/tmp/klab-unreadable/busybox");
}

/* A copy of the shell, with @mode. */
static bool make_program(const char *dir, mode_t mode)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "mkdir -p %s && cp /bin/busybox %s/busybox && chmod %o %s/busybox",
		 dir, dir, mode, dir);
	return !system(command);
}

#define EXPECT_CHANGE(uid, change, expected) do {			\
	struct outcome _outcome = pass_and_change(self->fd, self->sockets, uid, change); \
									\
	EXPECT_EQ(0, _outcome.status);					\
	EXPECT_EQ(0, _outcome.before);					\
	EXPECT_EQ(expected, _outcome.after);				\
} while (0)

/* The holder here is root, and it makes no difference: the maker is who counts. */
TEST_F(change, by_alice)
{
	umask(022);
	ASSERT_TRUE(make_program("/tmp/klab-plain", 0755));
	ASSERT_TRUE(make_program("/tmp/klab-setuid", 04755));
	ASSERT_TRUE(make_program("/tmp/klab-unreadable", 0711));
	EXPECT_CHANGE(ALICE, nothing, 0);
	EXPECT_CHANGE(ALICE, hide, ESRCH);
	EXPECT_CHANGE(ALICE, hide_and_show, 0);
	EXPECT_CHANGE(ALICE, plain_program, 0);
	EXPECT_CHANGE(ALICE, set_uid_program, ESRCH);
	EXPECT_CHANGE(ALICE, unreadable_program, ESRCH);
	if (!access("/proc/self/ns/user", F_OK))
		EXPECT_CHANGE(ALICE, own_namespace, ESRCH);
}

/* Who has CAP_SYS_PTRACE gives it away with the handle. */
TEST_F(change, by_root)
{
	umask(022);
	ASSERT_TRUE(make_program("/tmp/klab-setuid", 04755));
	EXPECT_CHANGE(0, hide, 0);
	EXPECT_CHANGE(0, drop_to_bob, 0);
	EXPECT_CHANGE(0, set_uid_program, 0);
}

/* A process that cannot be dumped still sees itself; whoever it handed the handle to does not. */
TEST_F(change, hidden_sees_itself)
{
	pid_t child = fork();

	if (!child) {
		struct klab_task_who who;
		int task;

		if (!become_dumpable(ALICE) || prctl(PR_SET_DUMPABLE, 0))
			_exit(1);
		task = open_task(self->fd, 0);
		if (task < 0 || task_who(task, &who) || who.flags & KLAB_TASK_DUMPABLE)
			_exit(2);
		child = fork();
		if (!child)
			_exit(task_who(task, &who) == ESRCH ? 0 : 3);
		_exit(child_status(child));
	}
	EXPECT_EQ(0, child_status(child));
}

/* A tracer may, and what it hands on stays good when it has let go. */
TEST_F(change, tracer)
{
	pid_t caller = fork();

	if (!caller) {
		struct klab_task_who who;
		pid_t child;
		int task;

		if (!become_dumpable(ALICE))
			_exit(1);
		child = start_sleeper();
		if (open_task(self->fd, child) >= 0 || errno != EPERM)
			_exit(2);
		if (ptrace(PTRACE_SEIZE, child, NULL, NULL))
			_exit(3);
		task = open_task(self->fd, child);
		if (task < 0 || task_who(task, &who) || who.tracer != getpid())
			_exit(4);
		if (ptrace(PTRACE_INTERRUPT, child, NULL, NULL) ||
		    waitpid(child, NULL, __WALL) != child ||
		    ptrace(PTRACE_DETACH, child, NULL, NULL))
			_exit(5);
		if (task_who(task, &who) || who.tracer)
			_exit(6);
		if (open_task(self->fd, child) >= 0 || errno != EPERM)
			_exit(7);
		end_child(child);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(caller));
}

/* What hides while it is traced is hidden from its tracer too, and from the handle he has. */
TEST_F(change, tracer_of_who_hides)
{
	pid_t caller = fork();

	if (!caller) {
		struct klab_task_who who;
		pid_t child;
		int task;

		if (!become_dumpable(ALICE))
			_exit(1);
		child = fork();
		if (!child) {
			step(self->sockets[1]);
			hide();
			step(self->sockets[1]);
			_exit(0);
		}
		if (!stepped(self->sockets[0]) || ptrace(PTRACE_SEIZE, child, NULL, NULL))
			_exit(2);
		task = open_task(self->fd, child);
		if (task < 0 || task_who(task, &who))
			_exit(3);
		go_on(self->sockets[0]);
		if (!stepped(self->sockets[0]))
			_exit(4);
		if (task_who(task, &who) != ESRCH)
			_exit(5);
		if (open_task(self->fd, child) >= 0 || errno != EPERM)
			_exit(6);
		end_child(child);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(caller));
}

/* Inside a user namespace its root may look at what runs in it, though not outside. */
TEST_F(change, namespace_root)
{
	pid_t caller = fork();
	int status;

	if (!caller) {
		pid_t child;

		if (!become_dumpable(ALICE))
			_exit(1);
		if (!enter_user_namespace(ALICE))
			_exit(KSFT_SKIP);
		child = start_sleeper();
		/* A fork has its parent's memory, and so its parent's namespace: exec. */
		if (open_task(self->fd, child) >= 0 || errno != EPERM)
			_exit(2);
		end_child(child);
		child = fork();
		if (!child) {
			execl("/bin/busybox", "sleep", "1000", NULL);
			_exit(1);
		}
		if (!eventually(open_task(self->fd, child) >= 0))
			_exit(3);
		end_child(child);
		_exit(0);
	}
	status = child_status(caller);
	if (status == KSFT_SKIP)
		SKIP(return, "no user namespaces here");
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
