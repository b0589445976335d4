// SPDX-License-Identifier: GPL-2.0-only
/*
 * A system call has one number to answer with, and the last 4095 of them are errors.
 * Some errnos are orders to the kernel itself, which a program never ought to see.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lesson.h"

/* Those of the kernel that <errno.h> does not have: include/linux/errno.h. */
#define ERESTARTSYS	512
#define ERESTARTNOINTR	513
#define ERESTARTNOHAND	514
#define ENOIOCTLCMD	515

/* What the kernel is asked to fail with, and how often it was asked. */
static struct klab_error ask;
static int handled;

/* When the call is made again it is to fail with something else: so one sees that it was. */
static void handler(int signal)
{
	(void)signal;
	handled++;
	ask.error = EDOM;
}

/* The errno of a call that the kernel ended with @error, while SIGUSR1 was pending. */
static int interrupted(int klab, int error, int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	must(sigaction(SIGUSR1, &action, NULL), "sigaction");
	ask = (struct klab_error){ .error = error, .signal = SIGUSR1 };
	handled = 0;
	return ioctl(klab, KLAB_IOC_ERROR, &ask) < 0 ? errno : 0;
}

static void restart(int klab, int error, const char *name, bool plain, bool restarts)
{
	int one = interrupted(klab, error, 0), two = interrupted(klab, error, SA_RESTART);

	show("", "%-15s %-20s %s", name, one == EDOM ? "made again" : strerrorname_np(one),
	     two == EDOM ? "made again" : strerrorname_np(two));
	claim((one == (plain ? EDOM : EINTR)) && (two == (restarts ? EDOM : EINTR)),
	      "%s: %s", name,
	      plain ? "always made again" : restarts ? "made again if the handler allows it" :
	      "never made again after a handler");
}

static void teach(int klab)
{
	long raw;

	say("klab has a command that does nothing but fail, as it is told to.");
	errno = 0;
	raw = doing("ask the kernel to fail with EDOM") ? klab_error(klab, EDOM, 0) : 0;
	user("edom", errno, "the C function returned %ld, errno is %s", raw,
	     strerrorname_np(errno));
	claim(raw == -1 && errno == EDOM, "the driver returned -EDOM, and here is -1 and errno");

	/* What the C library gets is in the register; it alone makes -1 and errno of it. */
	ask = (struct klab_error){ .error = EDOM };
#ifdef __x86_64__
	if (doing("the same, and look at the register with the answer"))
		__asm__("syscall" : "=a"(raw) : "0"(SYS_ioctl), "D"(klab),
			"S"(KLAB_IOC_ERROR), "d"(&ask) : "rcx", "r11", "memory");
	kernel("register", -raw, "rax = %ld", raw);
	claim(raw == -EDOM, "errno is the C library's idea: the kernel answers %d", -EDOM);
#endif
	raw = klab_error(klab, 4095, 0);
	claim(raw == -1 && errno == 4095, "4095 is an errno, though it has no name (%s)",
	      strerror(4095));
	raw = klab_error(klab, 4096, 0);
	claim(raw == -1 && errno == EINVAL,
	      "4096 is none: -4096 and below are results, as addresses are");

	say("The kernel has errnos for itself. Here one escapes.");
	errno = 0;
	if (doing("ask it to fail with ERESTARTSYS, 512, while no signal is pending"))
		klab_error(klab, ERESTARTSYS, 0);
	user("escaped", errno, "errno is %d: %s", errno, strerror(errno));
	claim(errno == ERESTARTSYS, "returned without a signal it escapes: a driver's bug");
	klab_error(klab, ENOIOCTLCMD, 0);
	claim(errno == ENOTTY, "ENOIOCTLCMD, 515, is always turned into ENOTTY");

	say("With a signal pending it is an order: run the handler, and then?");
	show("", "%-15s %-20s %s", "ends with", "plain handler", "with SA_RESTART");
	restart(klab, ERESTARTSYS, "ERESTARTSYS", false, true);
	restart(klab, ERESTARTNOINTR, "ERESTARTNOINTR", true, true);
	restart(klab, ERESTARTNOHAND, "ERESTARTNOHAND", false, false);
	handled = 0;
	if (doing("once more: how often did the handler run, how often the call?"))
		raw = interrupted(klab, ERESTARTSYS, SA_RESTART);
	user("handled", handled, "the call ended with %s, for it was made a second time",
	     strerrorname_np(raw));
	claim(handled == 2, "each time it was made it found its signal: the handler ran %d times",
	      handled);

	seen("An error is a small negative number in a register. EINTR is what is left of\n"
	     "ERESTARTSYS when the handler was installed without SA_RESTART.\n");
	now_try("  klab ioctl call ERROR error=513\n"
		"  klab ioctl call ERROR error=4096\n");
}

const struct lesson lesson_errors = {
	"errors", "errno across the border, and the errnos that nobody should see", teach,
};
