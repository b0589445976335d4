// SPDX-License-Identifier: GPL-2.0-only
/*
 * klab page fragment: a checkerboard of memory, every other page free, and what it
 * takes to get large blocks back. Twice: with pages that klab holds, which cannot
 * be moved, and with pages of this process, which can.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tool.h"

#define COMPACT		"/proc/sys/vm/compact_memory"
#define FRACTION	"/proc/sys/vm/percpu_pagelist_high_fraction"

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/*
 * Single pages that are freed go to the list of a CPU first, thousands of them, and
 * would not be seen. With a tiny fraction of memory as their limit (root may set that)
 * they go on to the free lists. Returns what the setting was, "" if it stays.
 */
static struct text shorten_lists(void)
{
	struct text old = { "" };
	FILE *file = fopen(FRACTION, "re");
	sigset_t set;

	if (!file || !fgets(old.s, sizeof(old.s), file))
		*old.s = '\0';
	if (file)
		fclose(file);
	/* Who interrupts must not keep us from setting it back. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (*old.s && !write_text(FRACTION, "1000000"))
		*old.s = '\0';
	return old;
}

/* Free blocks of all zones by order, and the index of the largest. */
static void step(const struct call *call, json_object *steps, const char *name)
{
	json_object *one = json_object_new_object(), *blocks = json_object_new_array();
	__u32 order, highest = call->info.order_max, i;
	struct klab_zone all = { 0 };
	struct books books = { 0 };
	char line[128] = "";
	size_t used = 0;

	/* What could not be read is shown as nothing free. */
	if (books_read(call->fd, &books) < 0)
		books.zones = 0;
	for (i = 0; i < books.zones; i++)
		for (order = 0; order < KLAB_ORDERS; order++)
			all.free_blocks[order] += books.zone[i].free_blocks[order];
	for (order = 0; order <= highest && order < KLAB_ORDERS; order++) {
		used += snprintf(line + used, sizeof(line) - used, "%6llu",
				 all.free_blocks[order]);
		json_object_array_add(blocks, json_object_new_uint64(all.free_blocks[order]));
	}
	row(call, KERNEL_SIDE, name, "%s", line);
	json_string(one, "step", name);
	json_number(one, "free", books_free(&books));
	json_object_object_add(one, "free_blocks", blocks);
	json_object_array_add(steps, one);
	books_end(&books);
}

static void head(const struct call *call, const char *what)
{
	char line[128] = "";
	size_t used = 0;
	__u32 order;

	for (order = 0; order <= call->info.order_max && order < KLAB_ORDERS; order++)
		used += snprintf(line + used, sizeof(line) - used, "%6u", order);
	row(call, USER_SIDE, "who", "%s", what);
	row(call, KERNEL_SIDE, "order", "%s", line);
}

static void compact_step(const struct call *call, json_object *steps)
{
	if (write_text(COMPACT, "1"))
		step(call, steps, "compacted");
	else
		row(call, ABSENT, "", "%s: %s", COMPACT, strerror(errno));
}

static bool with_klab(const struct call *call, json_object *steps, __u64 pages)
{
	struct klab_pages_alloc alloc = {
		.count = pages, .node = KLAB_NODE_ANY, .flags = KLAB_PAGES_HOLD,
	};
	struct klab_pages_free part = { 0 };

	head(call, "pages that klab holds: nothing can move them");
	step(call, steps, "before");
	if (klab_pages_alloc(call->fd, &alloc) < 0)
		return false;
	step(call, steps, "taken");
	part.handle = alloc.handle;
	part.stride = 2;
	if (klab_pages_free(call->fd, &part) < 0)
		return false;
	step(call, steps, "half free");
	compact_step(call, steps);
	part = (struct klab_pages_free){ .handle = alloc.handle };
	if (klab_pages_free(call->fd, &part) < 0)
		return false;
	step(call, steps, "all free");
	return true;
}

static bool with_own(const struct call *call, json_object *steps, __u64 pages)
{
	size_t page = call->info.page_size, at, size = pages * page;
	char *memory;

	head(call, "pages of this process: the kernel may move them");
	step(call, steps, "before");
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return false;
	/* One huge page would be a poor checkerboard. It need not be supported. */
	madvise(memory, size, MADV_NOHUGEPAGE);
	for (at = 0; at < size; at += page)
		memory[at] = 1;
	step(call, steps, "taken");
	for (at = 0; at < size; at += 2 * page)
		madvise(memory + at, page, MADV_DONTNEED);
	step(call, steps, "half free");
	compact_step(call, steps);
	munmap(memory, size);
	step(call, steps, "all free");
	return true;
}

int page_fragment_run(struct call *call)
{
	json_object *top, *klab = json_object_new_array(), *own = json_object_new_array();
	struct text fraction;
	__u64 pages;
	int error;
	bool done;

	number_option(call, OPT_COUNT, 2, INT_MAX, 0);
	device_open(call, 0);
	pages = number_option(call, OPT_COUNT, 2, INT_MAX, call->info.pages_max);
	/* klab refuses what is too much; of our own we must not take more either. */
	if (pages > call->info.pages_max)
		refuse_because(call, ENOMEM, "%llu pages: a descriptor holds %llu", pages,
			       call->info.pages_max);
	top = json_start(call);
	row(call, USER_SIDE, "asked", "%llu pages (%s), one by one, then every other one back",
	    pages, text_bytes(pages * call->info.page_size).s);
	fraction = shorten_lists();
	done = with_klab(call, klab, pages);
	if (done)
		more(call, "\n");
	done = done && with_own(call, own, pages);
	error = errno;
	if (*fraction.s && !write_text(FRACTION, fraction.s))
		refuse_because(call, errno, "%s is 1000000 now, and was %s", FRACTION, fraction.s);
	if (!done)
		refuse(call, error);
	json_number(top, "pages", pages);
	json_object_object_add(top, "klab", klab);
	json_object_object_add(top, "own", own);
	json_finish(call, top);
	return DONE;
}
