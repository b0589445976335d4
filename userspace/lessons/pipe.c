// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pipe, and klab's channel beside it: bytes in a row, with room for so many. Who finds
 * no byte or no room sleeps, and the other side wakes him. The kernel counts the sleeps.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lesson.h"

#define ROOM	65536

/* Either of the two: a pipe has two ends, a channel one descriptor for both. */
struct line {
	const char *name;
	int in, out;
};

static char block[ROOM];

static void set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/* Wait until the task has slept once more than @slept times, and sleeps now. */
static void falls_asleep(int task, __u64 slept)
{
	struct klab_task_who who = who_is(task);
	int tries;

	for (tries = 0; tries < 10000; tries++) {
		if (who.state == 'S' && who.thread.voluntary_switches > slept)
			return;
		usleep(1000);
		who = who_is(task);
	}
	claim_quietly(false, "the reader falls asleep");
}

static void of_line(int klab, const struct line *line)
{
	struct klab_task_who before, asleep, after;
	struct partner reader;
	char text[16] = "";
	int task, i;
	ssize_t got;

	say("The %s: what is in it, and how much.", line->name);
	if (doing("write \"ab\", then \"cd\", and read"))
		must(write(line->in, "ab", 2) + write(line->in, "cd", 2), "write");
	set_nonblocking(line->out, true);
	got = read(line->out, text, sizeof(text));
	user("read", got > 0 ? got : 0, "one read: \"%s\"", text);
	claim(got == 4 && !memcmp(text, "abcd", 4), "bytes, not messages: two writes, one read");
	got = read(line->out, text, sizeof(text));
	claim(got < 0 && errno == EAGAIN, "empty, and O_NONBLOCK: EAGAIN");

	set_nonblocking(line->in, true);
	got = doing("write %d bytes into it", ROOM) ? write(line->in, block, ROOM) : 0;
	claim(got == ROOM, "it takes %d at once, and nobody has read", ROOM);
	got = write(line->in, block, 1);
	claim(got < 0 && errno == EAGAIN, "and not one more");
	must(read(line->out, block, ROOM), "read");

	say("Somebody waits for it.");
	set_nonblocking(line->out, false);
	set_nonblocking(line->in, false);
	reader = begin_partner();
	if (!reader.pid) {
		take_turn(&reader);
		/* 1 to begin with, then what comes until a '!'. */
		do {
			i = read(line->out, text, 1);
		} while (i == 1 && text[0] != '!');
		take_turn(&reader);
		return;
	}
	task = look_at(klab, reader.pid);
	before = who_is(task);
	begin_turn(&reader);
	falls_asleep(task, before.thread.voluntary_switches);
	asleep = who_is(task);
	kernel("asleep", asleep.state, "the reader's state: %c, and it gave the processor up",
	       (char)asleep.state);
	claim(asleep.state == 'S' && asleep.thread.voluntary_switches >
	      before.thread.voluntary_switches, "a read of nothing: it sleeps, and takes no time");
	if (doing("write 3 times, and let it fall asleep each time"))
		for (i = 0; i < 3; i++) {
			__u64 slept = who_is(task).thread.voluntary_switches;

			must(write(line->in, "x", 1), "write");
			falls_asleep(task, slept);
		}
	after = who_is(task);
	kernel("switches", after.thread.voluntary_switches - asleep.thread.voluntary_switches,
	       "%llu sleeps", after.thread.voluntary_switches - asleep.thread.voluntary_switches);
	claim(after.thread.voluntary_switches - asleep.thread.voluntary_switches >= 3,
	      "a context switch for each: that is what small writes cost");
	must(write(line->in, "!", 1), "write");
	finish_turn(&reader);
	end_partner(&reader);
}

static void teach(int klab)
{
	struct klab_channel_stat stat;
	struct line line = { .name = "pipe" };
	int ends[2];
	ssize_t got;

	must(pipe2(ends, O_CLOEXEC), "pipe");
	line.in = ends[1];
	line.out = ends[0];
	of_line(klab, &line);
	signal(SIGPIPE, SIG_IGN);
	if (doing("close the end that reads"))
		close(ends[0]);
	else
		set_nonblocking(ends[1], true);
	got = write(ends[1], "x", 1);
	claim(got < 0 && errno == EPIPE,
	      "who writes where nobody can read gets EPIPE, and SIGPIPE unless it is ignored");
	close(ends[1]);

	line.name = "channel";
	line.in = must(klab_channel_create(klab, ROOM, 0), "a channel");
	line.out = line.in;
	of_line(klab, &line);
	must(klab_channel_stat(line.in, &stat), "the channel's numbers");
	say("A channel keeps books of it, which a pipe does not.");
	kernel("writes", stat.write.calls, "writers   %5llu bytes in %3llu calls, slept %llu times",
	       stat.write.bytes, stat.write.calls, stat.write.sleeps);
	kernel("reads", stat.read.calls, "readers   %5llu bytes in %3llu calls, slept %llu times",
	       stat.read.bytes, stat.read.calls, stat.read.sleeps);
	claim(stat.read.bytes == stat.write.bytes && stat.read.sleeps >= 4 && !stat.write.sleeps,
	      "what went in came out; only the reader ever had to sleep");

	seen("A pipe is room for 64 KiB and two queues of sleepers. Blocking costs two\n"
	     "context switches, which is more than the copying of a few thousand bytes.\n");
	now_try("  klab write hello; klab read --nonblock\n"
		"  klab lesson run eventfd        to wait without bytes\n");
}

const struct lesson lesson_pipe = {
	"pipe", "bytes in a row, and who sleeps for want of them", teach,
};
