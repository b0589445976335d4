// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pointer that comes from userspace is a number that somebody made up. The kernel
 * copies through it with care: what would end a program is an errno here.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lesson.h"

static sigjmp_buf back;
static siginfo_t fault;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	fault = *info;
	siglongjmp(back, 1);
}

/* What happens to a program that writes there itself: the signal, or 0. */
static int write_oneself(char *address)
{
	if (sigsetjmp(back, 1))
		return fault.si_signo;
	*address = 1;
	__asm__ volatile("" : : : "memory");
	return 0;
}

/* What the kernel answers when it is to write there: an errno, or 0. */
static int have_written(int channel, void *address)
{
	must(write(channel, "x", 1), "write");
	if (read(channel, address, 1) == 1)
		return 0;
	return errno;
}

/* And when it is to read there. */
static int have_read(int channel, const void *address)
{
	char byte;

	if (write(channel, address, 1) != 1)
		return errno;
	must(read(channel, &byte, 1), "read");
	return 0;
}

static void try_it(int channel, const char *what, void *address, int reads, int writes, int signal)
{
	int r = have_read(channel, address), w = have_written(channel, address), s;
	char byte;

	/* What could not be delivered is still there: nothing is lost by a bad pointer. */
	if (w)
		must(read(channel, &byte, 1), "read");
	s = write_oneself(address);
	show("", "%-24s %-10s %-10s %s", what, r ? strerrorname_np(r) : "done",
	     w ? strerrorname_np(w) : "done", s ? sigabbrev_np(s) : "done");
	claim(r == reads && w == writes && s == signal,
	      "%s", signal ? "the same place: an errno from the kernel, and a signal for oneself" :
	      "here all is well");
}

static bool processor_has(const char *flag)
{
	char line[8192], word[16];
	bool found = false;
	FILE *file = fopen("/proc/cpuinfo", "re");

	snprintf(word, sizeof(word), " %s ", flag);
	while (file && fgets(line, sizeof(line), file) && !found)
		found = !strncmp(line, "flags", 5) && strstr(line, word);
	if (file)
		fclose(file);
	return found;
}

static void teach(int klab)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	char *good = memory(2, MAP_PRIVATE), *end = good + PAGE;
	int channel = must(klab_channel_create(klab, 65536, 0), "a channel");
	int ends[2], error;
	ssize_t got;

	must(fcntl(channel, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	must(sigaction(SIGSEGV, &action, NULL), "sigaction");

	say("Some addresses. The kernel reads there, and writes; then one writes oneself.");
	show("", "%-24s %-10s %-10s %s", "", "it reads", "it writes", "oneself");
	try_it(channel, "memory", end, 0, 0, 0);
	if (doing("mprotect(PROT_READ)"))
		must(mprotect(end, PAGE, PROT_READ), "mprotect");
	try_it(channel, "the same, read-only", end, 0, EFAULT, SIGSEGV);
	if (doing("mprotect(PROT_NONE)"))
		must(mprotect(end, PAGE, PROT_NONE), "mprotect");
	try_it(channel, "the same, PROT_NONE", end, EFAULT, EFAULT, SIGSEGV);
	try_it(channel, "nothing: address 1", (void *)1, EFAULT, EFAULT, SIGSEGV);
	try_it(channel, "the kernel's own", (void *)(~0UL << 47 | 0x1000), EFAULT, EFAULT, SIGSEGV);
	claim(fault.si_code == SI_KERNEL || fault.si_code == SEGV_MAPERR,
	      "an address of the kernel's is refused by its value, before anybody looks there");

	say("A buffer that ends well before the count does.");
	memset(good, 'g', PAGE);
	must(pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe");
	got = write(ends[1], doing("write(2) 100 bytes, of which 60 can be read") ? end - 60 :
		    end - 100, 100);
	error = got < 0 ? errno : 0;
	user("pipe", error, "%ld, errno %s", got, error ? strerrorname_np(error) : "none");
	claim(error == EFAULT, "a few bytes go whole or not at all: the pipe took none of them");
	got = write(ends[1], good, 2 * PAGE);
	user("partial", got, "2 pages, the second one bad: %ld", got);
	claim(got == PAGE, "many go as far as it goes, and no errno tells: look at the result");

	say("What keeps the kernel from following such a pointer by mistake?");
	kernel("smap", processor_has("smap"), "SMAP, no access to user memory but when meant: %s",
	       processor_has("smap") ? "this processor has it" : "not here");
	kernel("smep", processor_has("smep"), "SMEP, no execution of it, ever: %s",
	       processor_has("smep") ? "this processor has it" : "not here");

	seen("copy_to_user and copy_from_user check the range, allow access for the moment\n"
	     "of the copy, and expect it to fail. Any other way to touch a user's pointer is\n"
	     "a bug.\n");
	now_try("  klab ioctl call INFO --raw pointer=0x1\n"
		"  klab ioctl probe               bad pointers to every command\n");
}

const struct lesson lesson_boundary = {
	"boundary", "copying across it: why the kernel never trusts a pointer", teach,
};
