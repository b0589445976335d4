// SPDX-License-Identifier: GPL-2.0-only
/*
 * inotify tells what is done to files by those who go through the file system. Whoever
 * writes by another way is not seen: a mapping, and the kernel itself, unless it tells.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lesson.h"

#define ATTRIBUTE	"/sys/class/misc/klab/notification"

static int watcher;

static const struct {
	__u32 bit;
	const char *name;
} kinds[] = {
	{ IN_CREATE, "CREATE" }, { IN_OPEN, "OPEN" }, { IN_ACCESS, "ACCESS" },
	{ IN_MODIFY, "MODIFY" }, { IN_CLOSE_WRITE, "CLOSE_WRITE" }, { IN_ATTRIB, "ATTRIB" },
	{ IN_MOVED_FROM, "MOVED_FROM" }, { IN_MOVED_TO, "MOVED_TO" }, { IN_DELETE, "DELETE" },
};

/* All that has been told since the last time, as words; returns how many they are. */
static unsigned int events(const char *what, char *words, size_t room)
{
	union {
		struct inotify_event first;
		char bytes[4096];
	} buffer;
	ssize_t got = read(watcher, &buffer, sizeof(buffer));
	char *next = buffer.bytes;
	unsigned int count = 0, i;

	words[0] = '\0';
	for (; got > 0 && next < buffer.bytes + got; count++) {
		const struct inotify_event *event = (const struct inotify_event *)next;

		for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (event->mask & kinds[i].bit)
				snprintf(words + strlen(words), room - strlen(words), "%s%s",
					 count ? " " : "", kinds[i].name);
		next += sizeof(*event) + event->len;
	}
	kernel(what, count, "%s", count ? words : "no event");
	return count;
}

static void teach(int klab)
{
	struct klab_notify_fire fire = { .count = 1 };
	struct klab_delivery way = { .way = KLAB_WAY_SYSFS };
	struct klab_notify_set set = { .trigger = KLAB_TRIGGER_CALL };
	char dir[] = "/tmp/klab-lesson-XXXXXX", path[64], moved[64], words[256], *mapped;
	struct pollfd ready = { .events = POLLIN };
	int file, notifier;
	ssize_t got;

	watcher = must(inotify_init1(IN_NONBLOCK | IN_CLOEXEC), "inotify_init1");
	ready.fd = watcher;
	must(mkdtemp(dir) ? 0 : -1, "mkdtemp");
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(moved, sizeof(moved), "%s/moved", dir);
	must(inotify_add_watch(watcher, dir, IN_ALL_EVENTS), "inotify_add_watch");

	say("A directory is watched, and something is done to a file in it.");
	file = must(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open");
	if (doing("make a file, write to it, close it"))
		must(write(file, "text", 4), "write");
	close(file);
	events("made", words, sizeof(words));
	claim(!strncmp(words, "CREATE OPEN MODIFY", 18) && strstr(words, "CLOSE_WRITE"),
	      "each step is told, in order");

	file = must(open(path, O_RDWR | O_CLOEXEC), "open");
	events("opened", words, sizeof(words));
	if (doing("write to it 100 times"))
		for (got = 0; got < 100; got++)
			must(pwrite(file, "t", 1, 0), "pwrite");
	claim(events("merged", words, sizeof(words)) == 1 && !strcmp(words, "MODIFY"),
	      "one event: an event like the last one is left out. Never count them");

	if (doing("rename it"))
		must(rename(path, moved), "rename");
	events("moved", words, sizeof(words));
	claim(!strcmp(words, "MOVED_FROM MOVED_TO"), "a rename is two events, with one cookie");

	say("Now what it does not see.");
	mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	must(mapped == MAP_FAILED ? -1 : 0, "mmap");
	events("mapped", words, sizeof(words));
	if (doing("write to the file through a mapping, and msync"))
		mapped[0] = 'M';
	must(msync(mapped, PAGE, MS_SYNC), "msync");
	must(pread(file, words, 1, 0), "pread");
	claim(words[0] == 'M', "the file has changed, as a read shows");
	events("unseen", words, sizeof(words));
	claim(!strstr(words, "MODIFY"), "and nobody was told that it was modified");
	munmap(mapped, PAGE);
	close(file);
	unlink(moved);
	rmdir(dir);
	while (read(watcher, words, sizeof(words)) > 0)
		;

	say("A file whose text the kernel makes: the attribute of klab's notifications.");
	must(inotify_add_watch(watcher, ATTRIBUTE, IN_MODIFY), "inotify_add_watch " ATTRIBUTE);
	notifier = must(klab_notifier_create(klab, 0, NULL), "a notifier");
	set.value = 42;
	must(klab_notify_set(notifier, &set, &way, 1), "a notification");
	fire.handle = set.handle;
	/* sysfs leaves it to a thread of the kernel to tell inotify, so it may take a moment. */
	if (doing("have a notification fired that tells it there"))
		must(klab_notify_fire(notifier, &fire), "to fire");
	poll(&ready, 1, 10000);
	claim(events("sysfs", words, sizeof(words)) == 1 && !strcmp(words, "MODIFY"),
	      "MODIFY, though no process wrote: the driver called sysfs_notify()");
	file = must(open(ATTRIBUTE, O_RDONLY | O_CLOEXEC), "open " ATTRIBUTE);
	got = must(read(file, words, sizeof(words) - 1), "read");
	words[got > 0 ? got - 1 : 0] = '\0';
	user("text", got, "it reads: %s", words);
	claim(strstr(words, " 42"), "and there stands what was told: number, time, value");

	seen("inotify sees operations on names and descriptors, not memory. It merges, and\n"
	     "it overflows: take an event as a hint to look, not as the news itself.\n");
	now_try("  klab notify compare            inotify beside six other ways\n"
		"  cat " ATTRIBUTE "\n");
}

const struct lesson lesson_inotify = {
	"inotify", "what is told of a file, what is merged, what goes unseen", teach,
};
