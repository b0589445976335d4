// SPDX-License-Identifier: GPL-2.0-only
/*
 * Advice about a file is kept with the open file: how far the kernel reads ahead. Some of
 * it brings pages in or drops them, as far as nobody else has a use for them. The file is
 * a disk in memory, which is only read.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lesson.h"

#define DISK	"/dev/ram0"
#define PAGES	64

static int device, file;

/* The open file, and of its first pages those in memory. */
static struct klab_file_stat state_of(int fd)
{
	struct klab_file_stat stat = { .fd = fd, .pages = PAGES };

	must(klab_file_stat(device, &stat), "the state of the file");
	return stat;
}

static bool is_cached(__u64 page)
{
	struct klab_file_stat stat = { .fd = file, .start = page, .pages = 1 };

	must(klab_file_stat(device, &stat), "the state of the file");
	return stat.cached;
}

/* Which of the first pages are in memory: # is there. */
static void show_cache(const char *label)
{
	char map[PAGES + 1] = "";
	int i;

	for (i = 0; i < PAGES; i++)
		map[i] = is_cached(i) ? '#' : '.';
	show(label, "%s", map);
}

static void advise(off_t start, off_t bytes, int advice, const char *name)
{
	if (!doing("posix_fadvise(%ld, %ld, %s)", (long)start, (long)bytes, name))
		return;
	errno = posix_fadvise(file, start, bytes, advice);
	must(errno ? -1 : 0, name);
}

/* Have nothing of it in memory. */
static void drop_all(void)
{
	errno = posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
	must(errno ? -1 : 0, "POSIX_FADV_DONTNEED");
	claim_quietly(!state_of(file).cached, "nothing of the file is in memory");
}

static void read_page(off_t page)
{
	char byte;

	must(pread(file, &byte, 1, page * PAGE), "pread");
}

static void teach(int klab)
{
	struct klab_file_stat normal, now;
	char *mapped;
	int other;

	device = klab;
	file = disk(DISK, O_RDONLY);
	if (file < 0 || lseek(file, 0, SEEK_END) < (off_t)(PAGES * PAGE))
		cannot("it reads " DISK ", a disk in memory: as root, modprobe brd");
	normal = state_of(file);
	if (!(normal.state & KLAB_FILE_CACHE))
		cannot("not permitted to see what is in memory of " DISK);

	say("One byte is read of a file of which nothing is in memory. # is in memory.");
	drop_all();
	show_cache("before");
	if (doing("pread(1 byte) at page 0"))
		read_page(0);
	now = state_of(file);
	show_cache("after");
	kernel("normal", now.cached, "%llu pages of the file are in memory, at most %u at a time",
	       now.cached, now.ahead_most);
	claim(now.cached > 1, "one byte was asked for: the kernel reads ahead");

	say("Advice that is remembered, with the open file.");
	drop_all();
	advise(0, 0, POSIX_FADV_RANDOM, "RANDOM");
	read_page(0);
	now = state_of(file);
	show_cache("after");
	kernel("random", now.cached, "a bit of the open file, and %llu page", now.cached);
	claim(now.state & KLAB_FILE_RANDOM && now.cached == 1, "RANDOM: what was read, no more");
	advise(0, 0, POSIX_FADV_SEQUENTIAL, "SEQUENTIAL");
	now = state_of(file);
	kernel("sequential", now.ahead_most, "at most %u pages ahead, the device says %u",
	       now.ahead_most, now.device_most);
	claim(now.ahead_most == 2 * now.device_most && !(now.state & KLAB_FILE_RANDOM),
	      "SEQUENTIAL: twice as far, and not RANDOM any more");
	other = must(open(DISK, O_RDONLY | O_CLOEXEC), "open");
	claim(state_of(other).ahead_most == now.device_most,
	      "opened once more, the same file knows nothing of it");
	advise(0, 0, POSIX_FADV_NORMAL, "NORMAL");
	claim(state_of(file).ahead_most == now.device_most, "NORMAL: as it was");

	say("Advice that the kernel acts on, now.");
	drop_all();
	advise(16 * PAGE, 32 * PAGE, POSIX_FADV_WILLNEED, "WILLNEED");
	show_cache("after");
	kernel("willneed", state_of(file).cached, "%llu pages, and nobody has read a byte",
	       state_of(file).cached);
	claim(state_of(file).cached == 32 && is_cached(16) && is_cached(47),
	      "WILLNEED: these pages, no others; and the call has not waited for them");
	advise(32 * PAGE, 8 * PAGE, POSIX_FADV_DONTNEED, "DONTNEED");
	show_cache("after");
	claim(state_of(file).cached == 24 && !is_cached(32), "DONTNEED: they are dropped");

	say("And it is advice: who has a use for a page keeps it.");
	mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 16 * PAGE);
	must(mapped == MAP_FAILED ? -1 : 0, "mmap");
	if (doing("map page 16, and read a byte there"))
		peek(mapped);
	posix_fadvise(file, 16 * PAGE, PAGE, POSIX_FADV_DONTNEED);
	claim(is_cached(16), "DONTNEED: it is still there, and the call succeeded: 0, no errno");
	must(munmap(mapped, PAGE), "munmap");
	if (doing("unmap it"))
		posix_fadvise(file, 16 * PAGE, PAGE, POSIX_FADV_DONTNEED);
	claim(!is_cached(16), "asked again when nobody maps it: gone");
	posix_fadvise(file, 20 * PAGE, PAGE - 1, POSIX_FADV_DONTNEED);
	claim(is_cached(20), "and of a page that is named in part nothing is dropped");

	seen("RANDOM and SEQUENTIAL are two fields of the open file. WILLNEED and DONTNEED act\n"
	     "on the page cache, which all share, and promise nothing.\n");
	now_try("  klab file stat --help          the same of any file\n"
		"  klab lesson run madvise        advice about memory, which can destroy\n");
}

const struct lesson lesson_fadvise = {
	"fadvise", "what the kernel does with advice about a file", teach,
};
