// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ioctl is a system call that a driver defines: a number and a pointer. The number
 * says which way data go, how much, whose it is and which. All else is the driver's duty.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lesson.h"

/* As a newer program may know it: the kernel's module does not have the last field. */
struct newer_info {
	struct klab_info known;
	__u64 invented;
};

/* As an old program knows it: so it was first published. */
#define FIRST_SIZE	56

static int answer_of(int fd, unsigned long number, const void *argument)
{
	return ioctl(fd, number, argument) < 0 ? errno : 0;
}

static const char *words(int error)
{
	return error ? strerrorname_np(error) : "done";
}

static unsigned long with(unsigned long number, unsigned int direction, unsigned int size)
{
	return _IOC(direction, _IOC_TYPE(number), _IOC_NR(number), size);
}

/* Try it, show what came, and claim that it is what it should be. */
static void expect(int fd, unsigned long number, const void *argument, int error, const char *why)
{
	int answer = answer_of(fd, number, argument);

	show("", "0x%08lx  %s", number, words(answer));
	claim(answer == error, "%s", why);
}

static void teach(int klab)
{
	const unsigned long info = KLAB_IOC_INFO, create = KLAB_IOC_CHANNEL_CREATE;
	unsigned char untouched[sizeof(struct klab_info)];
	struct klab_channel_create channel = { .capacity = 4096 };
	struct newer_info newer = { .invented = 0 };
	struct klab_info know;
	int null, size, i;

	say("The number of KLAB_IOC_INFO, taken apart.");
	show("", "0x%08lx  =  direction %lu (to the user)  size %lu  type 0x%lx  number %lu", info,
	     (unsigned long)_IOC_DIR(info), (unsigned long)_IOC_SIZE(info),
	     (unsigned long)_IOC_TYPE(info), (unsigned long)_IOC_NR(info));
	claim(_IOC_DIR(info) == _IOC_READ && _IOC_SIZE(info) == sizeof(struct klab_info) &&
	      _IOC_TYPE(info) == KLAB_IOC_MAGIC && _IOC_NR(info) == 0,
	      "_IOR(0xbb, 0, struct klab_info): 2 bits, 14 bits, 8 bits, 8 bits");
	expect(klab, info, &know, 0, "klab's device knows it");
	null = must(open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null");
	expect(null, info, &know, ENOTTY, "/dev/null does not: ENOTTY is no such command, here");

	say("The kernel passes the number on unseen. A driver that looks at it can see more.");
	expect(klab, with(info, _IOC_WRITE, sizeof(know)), &know, ENOTTY,
	       "the direction is wrong: another number, so another command");
	expect(klab, info, NULL, EFAULT, "a pointer to nowhere");
	channel.reserved = 1;
	expect(klab, create, &channel, EINVAL,
	       "a reserved field that is not zero: who ignores it can never use it");

	say("How a struct grows. A program of yesterday knows %d bytes of it, one of tomorrow %zu.",
	    FIRST_SIZE, sizeof(newer));
	memset(untouched, 0xaa, sizeof(untouched));
	size = FIRST_SIZE;
	if (!doing("call it as the old program does, with a buffer full of 0xaa"))
		size = sizeof(untouched);
	must(ioctl(klab, with(info, _IOC_READ, size), untouched), "INFO of an old program");
	for (i = 0; i < (int)sizeof(untouched) && (i < FIRST_SIZE || untouched[i] == 0xaa); i++)
		;
	kernel("written", i == sizeof(untouched) ? FIRST_SIZE : i,
	       "it wrote %d bytes of its %zu", i == sizeof(untouched) ? FIRST_SIZE : i,
	       sizeof(untouched));
	claim(i == sizeof(untouched) && untouched[0] == KLAB_VERSION,
	      "the old program gets its part, and nothing behind it is touched");
	expect(klab, with(info, _IOC_READ, FIRST_SIZE - 8), &know, EINVAL,
	       "shorter than it ever was: no such program exists");
	expect(klab, with(info, _IOC_READ, sizeof(newer)), &newer, 0,
	       "longer than the module knows it is no error: the new program asks nothing new");

	say("The same for what goes in. Here is something that the module has never heard of.");
	channel.reserved = 0;
	memset(&newer, 0, sizeof(newer));
	memcpy(&newer, &channel, sizeof(channel));
	size = sizeof(channel) + 8;
	i = ioctl(klab, with(create, _IOC_WRITE, size), &newer);
	claim(i >= 0, "8 unknown bytes, all zero: done, a channel is made");
	close(i);
	if (doing("set one of the unknown bytes to 1"))
		((char *)&newer)[sizeof(channel)] = 1;
	i = ioctl(klab, with(create, _IOC_WRITE, size), &newer);
	user("e2big", i < 0 ? errno : 0, "%s", i < 0 ? words(errno) : "done");
	claim(i < 0 && errno == E2BIG,
	      "E2BIG: better no answer than one that left out what was asked");

	seen("One number, checked from all sides: who, which way, how much. Zero means\n"
	     "\"nothing asked\" for ever, so old and new fit together in both directions.\n");
	now_try("  klab ioctl show CHANNEL_CREATE\n"
		"  klab ioctl decode 0x5421           a stranger's number\n"
		"  klab ioctl probe CHANNEL_CREATE    every wrong way to call it\n");
}

const struct lesson lesson_ioctl = {
	"ioctl", "what is in the number, what a driver checks, how a struct grows", teach,
};
