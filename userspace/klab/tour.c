// SPDX-License-Identifier: GPL-2.0-only
/*
 * klab tour: four crossings of the border between user and kernel. Each says what was
 * asked, what the kernel did, and how one knows; a part that fails says so and the
 * tour goes on, but then it is no success.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sha2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tool.h"

struct part {
	const char *name;
	const char *title;
	const char *command;	/* whose refusals it may meet */
	bool (*run)(struct call *call, const struct part *part, json_object *facts);
};

static __printf(3, 4) bool failed(const struct call *call, json_object *facts,
				  const char *fmt, ...)
{
	char why[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	row(call, STRONG, "failed", "%s", why);
	json_string(facts, "failed", why);
	return false;
}

/* A call failed: say which errno and why, as a refusal would. */
static bool failed_call(const struct call *call, const struct part *part,
			json_object *facts)
{
	int error = errno;
	const char *cause = likely_cause(part->command, error);

	return failed(call, facts, "%s: %s: %s%s%s", part->command, strerrorname_np(error),
		      strerror(error), cause ? ": " : "", cause ? cause : "");
}

/* One: bytes */

struct file {
	const char *data;
	size_t size;
};

struct sent {
	__u64 started_ns;
	__u64 bytes;
	__u64 writes;
	int error;
	char digest[SHA256_DIGEST_STRING_LENGTH];
};

static int map_file(const char *path, struct file *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -1;
	}
	file->size = st.st_size;
	data = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return -1;
	file->data = data;
	return 0;
}

/* The child: hashes the file, writes all of it through a descriptor of its own. */
static void send_file(int report, const void *arg)
{
	const struct file *file = arg;
	struct sent sent = { 0 };
	int fd = klab_open(0);

	SHA256Data((const uint8_t *)file->data, file->size, sent.digest);
	sent.started_ns = now();
	while (fd >= 0 && sent.bytes < file->size) {
		ssize_t done = write(fd, file->data + sent.bytes, file->size - sent.bytes);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			break;
		sent.bytes += done;
		sent.writes++;
	}
	sent.error = sent.bytes < file->size ? errno : 0;
	if (write(report, &sent, sizeof(sent)) < 0)
		_exit(1);
}

/* Returns the bytes that came; fewer than @size when nothing came for too long. */
static size_t receive(const struct call *call, char *data, size_t size, __u64 *reads)
{
	struct pollfd ready = { .fd = call->fd, .events = POLLIN };
	size_t came = 0;

	while (came < size) {
		ssize_t got = read(call->fd, data + came, size - came);

		if (got > 0) {
			came += got;
			++*reads;
		} else if (!got || (errno != EAGAIN && errno != EINTR) ||
			   poll(&ready, 1, PATIENCE_MS) == 0) {
			break;
		}
	}
	return came;
}

static bool compare_bytes(const struct call *call, json_object *facts,
			  const struct sent *sent, const char *data, size_t came)
{
	char digest[SHA256_DIGEST_STRING_LENGTH];

	SHA256Data((const uint8_t *)data, came, digest);
	json_string(facts, "sha256_written", sent->digest);
	json_string(facts, "sha256_read", digest);
	row(call, USER_SIDE, "known by", "SHA-256 written %.32s...", sent->digest);
	row(call, USER_SIDE, "", "SHA-256 read    %.32s...", digest);
	if (strcmp(digest, sent->digest))
		return failed(call, facts,
			      "the bytes differ: did somebody else use the device meanwhile?");
	return true;
}

static bool pass_file(const struct call *call, const struct part *part, json_object *facts,
		      const struct file *file, char *data)
{
	struct sent sent;
	struct child child;
	__u64 reads = 0, ns;
	size_t came;
	int ret;

	if (child_start(&child, send_file, file) < 0)
		return failed_call(call, part, facts);
	came = receive(call, data, file->size, &reads);
	ns = now();
	/* A writer that still waits for room would never report: there is no reader. */
	ret = came == file->size ? child_collect(&child, &sent, sizeof(sent)) : -1;
	child_end(&child);
	if (ret < 0)
		return failed(call, facts,
			      "%zu of %zu bytes came back: does somebody else read the device?",
			      came, file->size);

	ns -= sent.started_ns;
	json_number(facts, "bytes", came);
	json_number(facts, "writes", sent.writes);
	json_number(facts, "reads", reads);
	json_number(facts, "ns", ns);
	row(call, KERNEL_SIDE, "passed", "%zu bytes, calls of write %llu, of read %llu",
	    came, sent.writes, reads);
	row(call, KERNEL_SIDE, "", "in %s, %s a second", text_time(ns).s,
	    text_bytes((double)came * 1e9 / (double)ns).s);
	return compare_bytes(call, facts, &sent, data, came);
}

static bool tour_bytes(struct call *call, const struct part *part, json_object *facts)
{
	struct pollfd ready = { .fd = call->fd, .events = POLLIN };
	struct file file;
	char *data;
	bool ok;

	if (map_file("/proc/self/exe", &file) < 0)
		return failed_call(call, part, facts);
	row(call, USER_SIDE, "asked", "a child writes the file klab, %s; its parent reads",
	    text_bytes(file.size).s);
	/* All openers share the channel. What is in it is somebody's, and stays. */
	if (poll(&ready, 1, 0) > 0)
		return failed(call, facts,
			      "somebody's bytes are in the channel; klab read --nonblock takes them");
	data = malloc(file.size);
	if (!data)
		return failed_call(call, part, facts);
	ok = pass_file(call, part, facts, &file, data);
	free(data);
	return ok;
}

/* Two: pages */

static bool hold_pages(const struct call *call, const struct part *part,
		       json_object *facts, struct grab *grab)
{
	const struct klab_pages_alloc *alloc = &grab->alloc;

	row(call, USER_SIDE, "asked", "%llu blocks of order %u (%s each), to hold",
	    alloc->count, alloc->order,
	    text_bytes((__u64)call->info.page_size << alloc->order).s);
	if (grab_take(call, grab) < 0)
		return failed_call(call, part, facts);
	grab_print_taken(call, grab);
	return true;
}

static bool return_pages(const struct call *call, const struct part *part,
			 json_object *facts, struct grab *grab)
{
	if (!grab->alloc.handle)
		return false;
	if (grab_return(call, grab) < 0)
		return failed_call(call, part, facts);
	json_object_object_add(facts, grab->alloc.order ? "large" : "small",
			       grab_json(call, grab));
	if (grab->release.count != grab->alloc.count)
		return failed(call, facts, "%llu of %llu blocks of order %u came back",
			      grab->release.count, grab->alloc.count, grab->alloc.order);
	return true;
}

static bool tour_pages(struct call *call, const struct part *part, json_object *facts)
{
	struct grab small = { .alloc = { .order = 0, .count = 256 } };
	struct grab large = { .alloc = { .order = 3, .count = 64 } };
	bool ok;

	small.alloc.node = KLAB_NODE_ANY;
	small.alloc.flags = KLAB_PAGES_HOLD;
	large.alloc.node = KLAB_NODE_ANY;
	large.alloc.flags = KLAB_PAGES_HOLD;

	ok = hold_pages(call, part, facts, &small);
	ok &= hold_pages(call, part, facts, &large);
	if (ok)
		books_print_moved(call, &small.before, &large.taken);
	ok &= return_pages(call, part, facts, &large);
	ok &= return_pages(call, part, facts, &small);
	if (ok) {
		row(call, KERNEL_SIDE, "freed", "%llu and %llu blocks", small.release.count,
		    large.release.count);
		books_print_moved(call, &large.taken, &small.after);
		row(call, KERNEL_SIDE, "free", "%llu pages before, %llu while held, %llu after",
		    books_free(&small.before), books_free(&large.taken),
		    books_free(&small.after));
		row(call, USER_SIDE, "known by", "as many given back as were asked for");
	}
	grab_end(&small);
	grab_end(&large);
	return ok;
}

/* Three: a signal */

#define TOUR_SIGNAL	SIGUSR1
#define TOUR_VALUE	42

struct awaited {
	const struct way *way;
	sigset_t set;
};

/* The child inherits the signal blocked, so it cannot come too early. */
static void await_signal(int report, const void *arg)
{
	const struct awaited *awaited = arg;
	struct arrival arrival = { 0 };

	if (awaited->way->arrival(&awaited->set, PATIENCE_MS, &arrival) < 0)
		return;
	if (write(report, &arrival, sizeof(arrival)) < 0)
		_exit(1);
}

static int send_signal(const struct call *call, struct klab_signal_send *send,
		       struct arrival *arrival)
{
	struct awaited awaited = { .way = way_of(call, "sigwaitinfo", "signal") };
	struct child child;
	sigset_t old;
	int ret, error;

	sigemptyset(&awaited.set);
	sigaddset(&awaited.set, TOUR_SIGNAL);
	sigprocmask(SIG_BLOCK, &awaited.set, &old);
	ret = child_start(&child, await_signal, &awaited);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (ret < 0)
		return -1;
	child_settle(&child);
	send->pid = child.pid;
	ret = klab_signal_send(call->fd, send);
	if (!ret)
		ret = child_collect(&child, arrival, sizeof(*arrival));
	error = errno;
	child_end(&child);
	errno = error;
	return ret;
}

static bool tour_signal(struct call *call, const struct part *part, json_object *facts)
{
	struct klab_signal_send send = {
		.signal = TOUR_SIGNAL,
		.flags = KLAB_SIGNAL_VALUE,
		.value = TOUR_VALUE,
	};
	struct arrival arrival;

	row(call, USER_SIDE, "asked", "%s with value %d to a child asleep in sigtimedwait",
	    text_signal(TOUR_SIGNAL).s, TOUR_VALUE);
	if (send_signal(call, &send, &arrival))
		return failed_call(call, part, facts);
	row(call, KERNEL_SIDE, "sent", "at %s, by the ioctl of pid %d",
	    text_moment(send.sent_ns).s, getpid());
	row(call, USER_SIDE, "arrived", "%s with value %llu, %s later",
	    text_signal(arrival.signal).s, arrival.value,
	    text_time(arrival.at - send.sent_ns).s);
	row(call, USER_SIDE, "known by", "the child's siginfo: %s from pid %d uid %u",
	    signal_code_name(arrival.code), arrival.pid, arrival.uid);
	json_number(facts, "sent_ns", send.sent_ns);
	json_number(facts, "latency_ns", arrival.at - send.sent_ns);
	json_object_object_add(facts, "arrival", arrival_json(&arrival));
	if (arrival.signal != TOUR_SIGNAL || arrival.value != TOUR_VALUE ||
	    arrival.code != SI_QUEUE || arrival.pid != getpid() || arrival.uid != getuid())
		return failed(call, facts, "that is not what was sent");
	return true;
}

/* Four: an eventfd */

static bool tour_eventfd(struct call *call, const struct part *part, json_object *facts)
{
	struct firing firing = { .fire = { .count = 5 } };

	row(call, USER_SIDE, "asked", "to fire an eventfd %u times", firing.fire.count);
	if (firing_watch(call, way_of(call, "epoll", "eventfd"), false, &firing) < 0)
		return failed_call(call, part, facts);
	firing_print(call, &firing);
	firing_json(facts, &firing);
	if (firing.counted != firing.fire.count)
		return failed(call, facts, "%llu of %u firings arrived", firing.counted,
			      firing.fire.count);
	row(call, USER_SIDE, "known by", "the counter, as high as there were firings");
	return true;
}

static const struct part parts[] = {
	{ "bytes", "a file goes into the kernel and comes out again", "write", tour_bytes },
	{ "pages", "the kernel gives out memory and takes it back", "page alloc", tour_pages },
	{ "signal", "the kernel sends a signal for us", "signal send", tour_signal },
	{ "eventfd", "the kernel rings, epoll wakes", "eventfd fire", tour_eventfd },
};

#define PARTS	(sizeof(parts) / sizeof(*parts))

static void now_try(const struct call *call)
{
	more(call, "\nnow try\n"
	     "  klab page stat               every zone's free lists\n"
	     "  klab page alloc --order 4 --count 100 --hold 5\n"
	     "  klab write hello; klab read --nonblock\n"
	     "  klab lesson list             one idea each, from the first\n"
	     "  klab help                    what else there is\n");
}

int tour_run(struct call *call)
{
	json_object *list, *top;
	struct utsname host;
	size_t i, done = 0;

	device_open(call, O_NONBLOCK);
	top = json_start(call);
	list = json_object_new_array();
	uname(&host);
	more(call, "four crossings between user and kernel, on Linux %s\n",
	     host.release);
	for (i = 0; i < PARTS; i++) {
		json_object *facts = json_object_new_object();
		char title[80];
		bool ok;

		snprintf(title, sizeof(title), "%zu  %s", i + 1, parts[i].title);
		more(call, "\n%s\n", painted(call, STRONG, title).s);
		json_string(facts, "part", parts[i].name);
		ok = parts[i].run(call, &parts[i], facts);
		json_flag(facts, "ok", ok);
		json_object_array_add(list, facts);
		done += ok;
		fflush(stdout);
	}
	json_flag(top, "ok", done == PARTS);
	json_object_object_add(top, "parts", list);
	if (done == PARTS)
		now_try(call);
	json_finish(call, top);
	if (done < PARTS)
		fail(call, "%zu of %zu parts failed", PARTS - done, PARTS);
	return DONE;
}
