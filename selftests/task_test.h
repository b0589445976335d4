/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of task handles have in common, the kernel's own files among it. */
#ifndef TASK_TEST_H
#define TASK_TEST_H

#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "klab_test.h"

static inline int task_who(int task, struct klab_task_who *who)
{
	memset(who, 0xa5, sizeof(*who));
	return klab(task, KLAB_IOC_TASK_WHO, who);
}

/* Opens the device and a handle on @pid; for where nothing else is needed of it. */
static inline int handle_on(pid_t pid)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), task = open_task(fd, pid);
	int error = errno;

	close(fd);
	errno = error;
	return task;
}

/* A child that does nothing until it is killed. */
static inline pid_t start_sleeper(void)
{
	pid_t child = fork();

	while (!child)
		pause();
	return child;
}

static inline void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* The text behind "@key:" of /proc/@pid/@file, without leading blanks; "" if none. */
static inline const char *proc_text(pid_t pid, const char *file, const char *key)
{
	static char line[256];
	size_t length = strlen(key);
	char path[64];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	in = fopen(path, "re");
	if (!in)
		return "";
	while (fgets(line, sizeof(line), in)) {
		if (!strncmp(line, key, length) && line[length] == ':') {
			fclose(in);
			line[strcspn(line, "\n")] = '\0';
			return line + length + 1 + strspn(line + length + 1, " \t");
		}
	}
	fclose(in);
	return "";
}

static inline unsigned long long proc_number(pid_t pid, const char *key, int base)
{
	return strtoull(proc_text(pid, "status", key), NULL, base);
}

/* Field number @field of /proc/@pid/stat, counted from 1 as proc(5) does; 3 is the state. */
static inline long long proc_stat(pid_t pid, int field)
{
	char path[64], text[1024], *word = NULL;
	size_t length = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	in = fopen(path, "re");
	if (in) {
		length = fread(text, 1, sizeof(text) - 1, in);
		fclose(in);
	}
	text[length] = '\0';
	/* The name may hold blanks and brackets, and ends with the last of these. */
	word = strrchr(text, ')');
	for (field -= 3, word = word ? strtok(word + 1, " ") : NULL; word && field > 0; field--)
		word = strtok(NULL, " ");
	if (!word)
		return -1;
	return *word >= 'A' ? *word : strtoll(word, NULL, 10);
}

#define PAGE	((unsigned long)sysconf(_SC_PAGESIZE))
#define HUGE	(2UL << 20)

/* All areas of a task and their names; the room is enough for any test. */
struct areas {
	struct klab_area area[4096];
	char names[1 << 18];
	__u32 count;
};

static inline int read_areas(int task, struct areas *areas)
{
	struct klab_task_areas ask = {
		.areas = { (uintptr_t)areas->area, ARRAY_SIZE(areas->area),
			   sizeof(areas->area[0]) },
		.names = (uintptr_t)areas->names, .names_bytes = sizeof(areas->names),
	};
	int error = klab(task, KLAB_IOC_TASK_AREAS, &ask);

	areas->count = ask.areas.count;
	if (!error && (areas->count > ARRAY_SIZE(areas->area) ||
		       ask.names_bytes > sizeof(areas->names)))
		error = E2BIG;
	return error;
}

/* The flags of the area that @address is in, or 0. */
static inline __u64 area_flags(int task, const void *address)
{
	struct klab_area area = { 0 };
	struct klab_task_areas ask = {
		.start = (uintptr_t)address, .end = (uintptr_t)address + 1,
		.areas = { (uintptr_t)&area, 1, sizeof(area) },
	};

	if (klab(task, KLAB_IOC_TASK_AREAS, &ask) || ask.areas.count != 1)
		return 0;
	return area.flags;
}

/* Records of @count pages from @start on. */
static inline int read_pages(int task, const void *start, size_t count, __u32 flags,
			     struct klab_page *pages)
{
	struct klab_task_pages ask = {
		.start = (uintptr_t)start, .bytes = count * PAGE, .flags = flags,
		.pages = { (uintptr_t)pages, count, sizeof(*pages) },
	};
	int error = klab(task, KLAB_IOC_TASK_PAGES, &ask);

	if (!error && (ask.walked != count * PAGE || ask.pages.count != count))
		error = EAGAIN;
	return error;
}

/* How many of @count pages have @flag; -1 if they cannot be read. */
static inline long count_pages(int task, const void *start, size_t count, __u32 flag)
{
	struct klab_task_pages ask = {
		.start = (uintptr_t)start, .bytes = count * PAGE, .mask = flag,
	};

	if (klab(task, KLAB_IOC_TASK_PAGES, &ask))
		return -1;
	return ask.counts[__builtin_ctz(flag)];
}

static inline struct klab_task_space task_space(int task)
{
	struct klab_task_space space;

	memset(&space, 0xff, sizeof(space));
	klab(task, KLAB_IOC_TASK_SPACE, &space);
	return space;
}

static inline char *map_pages(size_t count, int flags)
{
	char *memory = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
			    MAP_ANONYMOUS | flags, -1, 0);

	/* Of small pages, whatever the machine does with large ones. */
	madvise(memory, count * PAGE, MADV_NOHUGEPAGE);
	return memory;
}

/* A read, which the compiler must not leave out. */
static inline char glance(const char *memory)
{
	char byte = __atomic_load_n(memory, __ATOMIC_RELAXED);

	asm volatile ("" : : "r" (byte));
	return byte;
}

/* Equal pages of it are to become one, soon; false where there is no KSM. */
static inline bool begin_merging(char *memory, size_t bytes)
{
	if (madvise(memory, bytes, MADV_MERGEABLE) || !write_text("/sys/kernel/mm/ksm/run", "1"))
		return false;
	write_text("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	write_text("/sys/kernel/mm/ksm/pages_to_scan", "10000");
	return true;
}

/* A disk in memory to swap to; false where there is none. Left behind for the next one. */
static inline bool have_swap(void)
{
	char line[256];
	FILE *swaps;
	int lines = 0;

	/* A kernel may have the disk built in, and then no module of that name. */
	if (system("grep -q ram0 /proc/swaps"))
		system("{ modprobe brd; mkswap /dev/ram0; swapon /dev/ram0; } >/dev/null 2>&1");
	swaps = fopen("/proc/swaps", "re");
	while (swaps && fgets(line, sizeof(line), swaps))
		lines++;
	if (swaps)
		fclose(swaps);
	return lines > 1;
}

/* A file system on a disk in memory, with a page cache worth the name; NULL if none. */
static inline const char *disk_directory(void)
{
	if (system("grep -q /tmp/klab-disk /proc/mounts") &&
	    (system("modprobe brd 2>/dev/null; mkdir -p /tmp/klab-disk") ||
	     system("mke2fs /dev/ram1 >/dev/null 2>&1") ||
	     system("mount -t ext4 /dev/ram1 /tmp/klab-disk 2>/dev/null")))
		return NULL;
	return "/tmp/klab-disk";
}

#endif /* TASK_TEST_H */
