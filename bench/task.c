// SPDX-License-Identifier: GPL-2.0-only
/* What a process has: its areas and its pages, beside the files and calls that tell it. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "libklab.h"

#define PAGE		4096UL
#define NAMES		1048576
#define AREAS_ROOM	(AREAS + 512)

/* As in <linux/fs.h> of 6.7 and of 6.11, which the one here may be older than. */
struct page_region {
	__u64 start, end, categories;
};

struct pm_scan_arg {
	__u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	__u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define PAGEMAP_SCAN		_IOWR('f', 16, struct pm_scan_arg)
#define PAGE_IS_PRESENT		8

struct procmap_query {
	__u64 size, query_flags, query_addr, vma_start, vma_end, vma_flags, vma_page_size;
	__u64 vma_offset, inode;
	__u32 dev_major, dev_minor, vma_name_size, build_id_size;
	__u64 vma_name_addr, build_id_addr;
};

#define PROCMAP_QUERY		_IOWR('f', 17, struct procmap_query)
#define PROCMAP_QUERY_NEXT	0x10

struct task {
	int klab;			/* a handle on this process */
	int maps, pagemap, kpageflags;
	unsigned char *memory;		/* PAGES of it, each present */
	__u32 count;			/* areas that were found */
	__u64 present;			/* pages that were */
	struct klab_area areas[AREAS_ROOM];
	char names[NAMES];
	struct klab_page records[PAGES];
	struct klab_page_run runs[64];
	struct page_region regions[64];
	__u64 map[PAGES], flags[PAGES];
	unsigned char resident[PAGES];
};

/* They stay until the end: both sides of a row look at the same process. */
static void make_areas(void)
{
	static bool made;
	int i;

	for (i = 0; i < AREAS && !made; i++)
		if (mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			fail(errno, "mmap");
	made = true;
}

/*
 * As many before them take up the small free blocks, of which there are more or fewer
 * in each boot: what is read by frames in a row would cost more or less with them.
 */
static unsigned char *make_pages(void)
{
	const size_t size = 2 * PAGES * PAGE;
	static unsigned char *memory;

	if (memory)
		return memory + PAGES * PAGE;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail(errno, "mmap");
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	return memory + PAGES * PAGE;
}

static void *task_open(size_t bytes)
{
	struct task *task = pages(sizeof(*task));

	task->klab = klab_task_open(device(), 0);
	task->maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	task->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	task->kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (task->klab < 0 || task->maps < 0 || task->pagemap < 0 || task->kpageflags < 0)
		fail(errno, "a task, and its files in /proc");
	make_areas();
	task->memory = make_pages();
	return task;
}

static void task_close(void *state)
{
	struct task *task = state;

	close(task->klab);
	close(task->maps);
	close(task->pagemap);
	close(task->kpageflags);
	free(task);
}

/* @task, or NULL where the kernel does not have what it is for. */
static void *task_if(struct task *task, bool offered)
{
	if (offered)
		return task;
	task_close(task);
	return NULL;
}

static void areas_run(void *state, unsigned long times)
{
	struct task *task = state;

	while (times--) {
		struct klab_task_areas ask = {
			.areas = { (uintptr_t)task->areas, AREAS_ROOM, sizeof(task->areas[0]) },
			.names = (uintptr_t)task->names, .names_bytes = NAMES,
		};

		if (klab_task_areas(task->klab, &ask))
			fail(errno, "KLAB_IOC_TASK_AREAS");
		task->count = ask.areas.count;
	}
}

/* Only read, not understood: the kernel hands out a page or so at a time. */
static void maps_run(void *state, unsigned long times)
{
	struct task *task = state;
	size_t done;
	ssize_t n;
	char *at;

	while (times--) {
		done = 0;
		if (lseek(task->maps, 0, SEEK_SET))
			fail(errno, "lseek");
		do {
			n = read(task->maps, task->names + done, NAMES - 1 - done);
			if (n < 0)
				fail(errno, "read of /proc/self/maps");
			done += n;
		} while (n);
		task->names[done] = 0;
	}
	/* Once a batch, and next to nothing. */
	for (task->count = 0, at = task->names; *at; at++)
		task->count += *at == '\n';
	/* That of vsyscall is nobody's own. */
	if (strstr(task->names, "[vsyscall]"))
		task->count--;
}

static bool next_area(struct task *task, __u64 address, struct procmap_query *ask)
{
	*ask = (struct procmap_query) {
		.size = sizeof(*ask), .query_flags = PROCMAP_QUERY_NEXT, .query_addr = address,
		.vma_name_addr = (uintptr_t)task->names, .vma_name_size = 4096,
	};
	if (!ioctl(task->maps, PROCMAP_QUERY, ask))
		return true;
	if (errno != ENOENT)
		fail(errno, "PROCMAP_QUERY");
	return false;
}

static void *query_open(size_t bytes)
{
	struct procmap_query ask = { .size = sizeof(ask), .query_flags = PROCMAP_QUERY_NEXT };
	struct task *task = task_open(bytes);

	return task_if(task, !ioctl(task->maps, PROCMAP_QUERY, &ask));
}

static void query_run(void *state, unsigned long times)
{
	struct task *task = state;
	struct procmap_query ask;
	__u64 at;

	while (times--) {
		task->count = 0;
		for (at = 0; next_area(task, at, &ask); at = ask.vma_end)
			task->count++;
	}
}

/* The same number in the other way, and as many as have been made. */
static void areas_check(void *state, unsigned long times)
{
	struct task *task = state;
	__u32 count = task->count;

	areas_run(task, 1);
	if (task->count != count || count < AREAS || count > AREAS_ROOM)
		fail(0, "%u areas here, %u there", count, task->count);
	task->count = 0;
}

const struct side klab_areas = {
	"klab", task_open, areas_run, areas_check, task_close
};

const struct side maps_text = {
	"maps, unparsed", task_open, maps_run, areas_check, task_close
};

const struct side procmap_query_loop = {
	"PROCMAP_QUERY", query_open, query_run, areas_check, task_close
};

static void ask_pages(struct task *task, struct klab_task_pages *ask)
{
	ask->start = (uintptr_t)task->memory;
	ask->bytes = PAGES * PAGE;
	if (klab_task_pages(task->klab, ask))
		fail(errno, "KLAB_IOC_TASK_PAGES");
	if (ask->walked != PAGES * PAGE)
		fail(0, "%llu bytes of %lu", (unsigned long long)ask->walked, PAGES * PAGE);
}

static void read_records(struct task *task, unsigned long times, __u32 flags)
{
	while (times--) {
		struct klab_task_pages ask = {
			.flags = flags,
			.pages = { (uintptr_t)task->records, PAGES, sizeof(task->records[0]) },
		};

		ask_pages(task, &ask);
	}
}

static void records_run(void *state, unsigned long times)
{
	read_records(state, times, KLAB_FRAMES);
}

static void tokens_run(void *state, unsigned long times)
{
	read_records(state, times, 0);
}

static void read_map(struct task *task)
{
	off_t at = (uintptr_t)task->memory / PAGE * sizeof(task->map[0]);

	if (pread(task->pagemap, task->map, sizeof(task->map), at) != sizeof(task->map))
		fail(errno, "read of /proc/self/pagemap");
}

#define FRAME(entry)	((entry) & 0x7fffffffffffff)

/* Frames that lie in a row are read in one call. */
static void pagemap_run(void *state, unsigned long times)
{
	struct task *task = state;
	size_t i, end;

	while (times--) {
		read_map(task);
		for (i = 0; i < PAGES; i = end) {
			for (end = i + 1; end < PAGES; end++)
				if (FRAME(task->map[end]) != FRAME(task->map[end - 1]) + 1)
					break;
			if (pread(task->kpageflags, &task->flags[i], (end - i) * 8,
				  FRAME(task->map[i]) * 8) != (ssize_t)(end - i) * 8)
				fail(errno, "read of /proc/kpageflags");
		}
	}
}

static void records_check(void *state, unsigned long times)
{
	struct task *task = state;
	size_t i;

	read_map(task);
	for (i = 0; i < PAGES; i++) {
		if (!(task->records[i].flags & KLAB_PAGE_PRESENT) ||
		    !(task->records[i].flags & KLAB_PAGE_ANON))
			fail(0, "page %zu is not as it was made", i);
		if (task->records[i].frame >> 40 == 0 &&
		    task->records[i].frame != FRAME(task->map[i]))
			fail(0, "page %zu has another frame in pagemap", i);
	}
	memset(task->records, 0, sizeof(task->records));
}

/* KPF_ANON, of every page. */
static void pagemap_check(void *state, unsigned long times)
{
	struct task *task = state;
	size_t i;

	for (i = 0; i < PAGES; i++)
		if (!(task->flags[i] >> 12 & 1))
			fail(0, "page %zu is not as it was made", i);
	memset(task->flags, 0, sizeof(task->flags));
}

const struct side klab_records = {
	"klab", task_open, records_run, records_check, task_close
};

const struct side klab_tokens = {
	"klab", task_open, tokens_run, records_check, task_close
};

const struct side pagemap_flags = {
	"pagemap, kpageflags", task_open, pagemap_run, pagemap_check, task_close
};

static void runs_run(void *state, unsigned long times)
{
	struct task *task = state;

	while (times--) {
		struct klab_task_pages ask = {
			.mask = KLAB_PAGE_PRESENT,
			.runs = { (uintptr_t)task->runs, ARRAY_SIZE(task->runs),
				  sizeof(task->runs[0]) },
		};

		ask_pages(task, &ask);
		task->present = ask.runs.count == 1 ? task->runs[0].pages : 0;
	}
}

static bool scan(struct task *task, struct pm_scan_arg *ask)
{
	*ask = (struct pm_scan_arg) {
		.size = sizeof(*ask), .start = (uintptr_t)task->memory,
		.end = (uintptr_t)task->memory + PAGES * PAGE,
		.vec = (uintptr_t)task->regions, .vec_len = ARRAY_SIZE(task->regions),
		.category_mask = PAGE_IS_PRESENT, .return_mask = PAGE_IS_PRESENT,
	};
	return ioctl(task->pagemap, PAGEMAP_SCAN, ask) == 1;
}

static void *scan_open(size_t bytes)
{
	struct task *task = task_open(bytes);
	struct pm_scan_arg ask;

	return task_if(task, scan(task, &ask));
}

static void scan_run(void *state, unsigned long times)
{
	struct task *task = state;
	struct pm_scan_arg ask;

	while (times--) {
		if (!scan(task, &ask))
			fail(errno, "PAGEMAP_SCAN");
		task->present = (task->regions[0].end - task->regions[0].start) / PAGE;
	}
}

static void mincore_run(void *state, unsigned long times)
{
	struct task *task = state;

	while (times--)
		if (mincore(task->memory, PAGES * PAGE, task->resident))
			fail(errno, "mincore");
	task->present = PAGES;
}

static void mincore_check(void *state, unsigned long times)
{
	struct task *task = state;

	if (memchr(task->resident, 0, PAGES))
		fail(0, "a page is absent");
	memset(task->resident, 0, PAGES);
}

static void present_check(void *state, unsigned long times)
{
	struct task *task = state;

	if (task->present != PAGES)
		fail(0, "%llu pages are present", (unsigned long long)task->present);
	task->present = 0;
}

const struct side klab_runs = {
	"klab", task_open, runs_run, present_check, task_close
};

const struct side pagemap_scan = {
	"PAGEMAP_SCAN", scan_open, scan_run, present_check, task_close
};

const struct side mincore_call = {
	"mincore", task_open, mincore_run, mincore_check, task_close
};
