// SPDX-License-Identifier: GPL-2.0-only
/* klab task: what the kernel holds for a process, and what two of them share. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct named {
	__u64 flag;
	const char *name;
};

#define NAMES_END	{ 0, NULL }

static const struct named task_names[] = {
	{ KLAB_TASK_EXITING, "exiting" }, { KLAB_TASK_FORKED_NO_EXEC, "forked, no exec yet" },
	{ KLAB_TASK_USED_PRIVILEGE, "used a capability" },
	{ KLAB_TASK_DUMPED_CORE, "dumped core" }, { KLAB_TASK_KILLED, "killed by a signal" },
	{ KLAB_TASK_KERNEL, "of the kernel" }, { KLAB_TASK_RANDOMIZED, "randomized" },
	{ KLAB_TASK_FREES_MEMORY, "freeing memory" },
	{ KLAB_TASK_NO_NEW_PRIVS, "no new privileges" }, { KLAB_TASK_DUMPABLE, "dumpable" },
	{ KLAB_TASK_MEMORY, "has memory" }, NAMES_END
};

static const struct named area_names[] = {
	{ KLAB_AREA_LOCKED, "locked" }, { KLAB_AREA_LOCK_ON_FAULT, "on-fault" },
	{ KLAB_AREA_GROWS_DOWN, "grows-down" }, { KLAB_AREA_SEQUENTIAL, "sequential" },
	{ KLAB_AREA_RANDOM, "random" }, { KLAB_AREA_DONT_FORK, "dont-fork" },
	{ KLAB_AREA_WIPE_ON_FORK, "wipe-on-fork" }, { KLAB_AREA_DONT_DUMP, "dont-dump" },
	{ KLAB_AREA_NO_RESERVE, "no-reserve" }, { KLAB_AREA_HUGE, "huge" },
	{ KLAB_AREA_NO_HUGE, "no-huge" }, { KLAB_AREA_HUGETLB, "hugetlb" },
	{ KLAB_AREA_MERGEABLE, "mergeable" }, { KLAB_AREA_IO, "io" },
	{ KLAB_AREA_FRAMES_ONLY, "frames-only" }, { KLAB_AREA_SYNC, "sync" },
	{ KLAB_AREA_USERFAULT_MISSING, "userfault-missing" },
	{ KLAB_AREA_USERFAULT_WRITE, "userfault-write" },
	{ KLAB_AREA_USERFAULT_MINOR, "userfault-minor" }, NAMES_END
};

static const struct named entry_names[] = {
	{ KLAB_ENTRY_PAGE, "page" }, { KLAB_ENTRY_NOTE, "kernel's note" },
	{ KLAB_ENTRY_NO_ACCESS, "no access" }, { KLAB_ENTRY_WRITABLE, "writable" },
	{ KLAB_ENTRY_USER, "user" }, { KLAB_ENTRY_WRITE_THROUGH, "write-through" },
	{ KLAB_ENTRY_NO_CACHE, "no cache" }, { KLAB_ENTRY_ACCESSED, "accessed" },
	{ KLAB_ENTRY_DIRTY, "dirty" }, { KLAB_ENTRY_NO_EXEC, "no exec" },
	{ KLAB_ENTRY_SOFT_DIRTY, "soft-dirty" }, { KLAB_ENTRY_USERFAULT, "userfault" },
	NAMES_END
};

static const struct named shared_names[] = {
	{ KLAB_SAME_MEMORY, "memory            CLONE_VM" },
	{ KLAB_SAME_FILES, "descriptors       CLONE_FILES" },
	{ KLAB_SAME_FS, "directory, umask  CLONE_FS" },
	{ KLAB_SAME_HANDLERS, "signal handlers   CLONE_SIGHAND" },
	{ KLAB_SAME_PROCESS, "process           CLONE_THREAD" },
	{ KLAB_SAME_IO, "io context        CLONE_IO" },
	{ KLAB_SAME_UNDO, "semaphore undo    CLONE_SYSVSEM" },
	{ KLAB_SAME_CREDENTIALS, "credentials" },
	{ KLAB_SAME_UTS_NS, "uts namespace     not with CLONE_NEWUTS" },
	{ KLAB_SAME_IPC_NS, "ipc namespace     not with CLONE_NEWIPC" },
	{ KLAB_SAME_MOUNT_NS, "mount namespace   not with CLONE_NEWNS" },
	{ KLAB_SAME_PID_NS, "pid namespace     not with CLONE_NEWPID" },
	{ KLAB_SAME_CHILD_PID_NS, "children's pids   not after unshare(CLONE_NEWPID)" },
	{ KLAB_SAME_NET_NS, "net namespace     not with CLONE_NEWNET" },
	{ KLAB_SAME_CGROUP_NS, "cgroup namespace  not with CLONE_NEWCGROUP" },
	{ KLAB_SAME_TIME_NS, "time namespace    not with CLONE_NEWTIME" },
	{ KLAB_SAME_USER_NS, "user namespace    not with CLONE_NEWUSER" }, NAMES_END
};

/* The names of all flags, between commas; "-" for none. */
static const char *flag_text(const struct named *names, __u64 flags)
{
	static char text[512];
	size_t used = 0;

	snprintf(text, sizeof(text), "-");
	for (; names->name; names++)
		if (flags & names->flag)
			used += snprintf(text + used, sizeof(text) - used, "%s%s",
					 used ? ", " : "", names->name);
	return text;
}

static json_object *flags_json(const struct named *names, __u64 flags)
{
	json_object *list = json_object_new_array();

	for (; names->name; names++)
		if (flags & names->flag)
			json_object_array_add(list, json_object_new_string(names->name));
	return list;
}

/* Opens the device, too, unless it is open. */
int task_of(struct call *call, const char *pid)
{
	__s32 number = number_of(call, "PID", pid, 0, INT_MAX);
	int task;

	if (call->fd < 0)
		device_open(call, 0);
	task = klab_task_open(call->fd, number);
	if (task < 0)
		refuse(call, errno);
	return task;
}

static void print_usage(const struct call *call, const char *label,
			const struct klab_task_usage *usage)
{
	row(call, KERNEL_SIDE, label,
	    "user %s   system %s   faults %llu minor, %llu major   switches %llu + %llu forced",
	    text_time(usage->user_ns).s, text_time(usage->system_ns).s, usage->minor_faults,
	    usage->major_faults, usage->voluntary_switches, usage->involuntary_switches);
}

static void show_who(const struct call *call, json_object *top, const struct klab_task_who *who)
{
	json_object *json = json_object_new_object();
	char state[2] = { (char)who->state, '\0' };

	row(call, KERNEL_SIDE, "task", "%s   pid %d   tid %d   parent %d   tracer %d",
	    who->comm, who->pid, who->tid, who->parent, who->tracer);
	row(call, KERNEL_SIDE, "state", "%s   threads %u   policy %u   nice %d   realtime %u",
	    state, who->threads, who->policy, who->nice, who->realtime_priority);
	row(call, KERNEL_SIDE, "ids", "uid %u, %u, %u   gid %u, %u, %u   group %d   session %d",
	    who->uid, who->euid, who->suid, who->gid, who->egid, who->sgid, who->group,
	    who->session);
	row(call, KERNEL_SIDE, "flags", "%s", flag_text(task_names, who->flags));
	row(call, KERNEL_SIDE, "signals",
	    "pending 0x%llx, process 0x%llx   blocked 0x%llx   ignored 0x%llx   caught 0x%llx",
	    who->pending, who->pending_process, who->blocked, who->ignored, who->caught);
	print_usage(call, "thread", &who->thread);
	print_usage(call, "process", &who->process);

	answer_json(json, "TASK_WHO", who);
	json_string(json, "state", state);
	json_object_object_add(json, "flags", flags_json(task_names, who->flags));
	json_object_object_add(top, "who", json);
}

static void show_space(const struct call *call, json_object *top,
		       const struct klab_task_space *space)
{
	json_object *json = json_object_new_object();
	__u64 page = call->info.page_size;

	row(call, KERNEL_SIDE, "heap", "0x%llx-0x%llx   %s", space->brk_start, space->brk,
	    text_bytes(space->brk - space->brk_start).s);
	row(call, KERNEL_SIDE, "layout", "code 0x%llx   stack 0x%llx   mmap 0x%llx",
	    space->code_start, space->stack_start, space->mmap_base);
	row(call, KERNEL_SIDE, "pages", "mapped %llu (%s)   locked %llu   pinned %llu",
	    space->pages, text_bytes(space->pages * page).s, space->locked, space->pinned);
	row(call, KERNEL_SIDE, "present", "anonymous %llu   file %llu   shmem %llu   swapped %llu",
	    space->anonymous, space->file, space->shmem, space->swapped);
	row(call, KERNEL_SIDE, "tables", "%s   areas %u   users %u",
	    text_bytes(space->table_bytes).s, space->areas, space->users);

	answer_json(json, "TASK_SPACE", space);
	json_object_object_add(top, "space", json);
}

int task_show_run(struct call *call)
{
	int task = task_of(call, call->operand[0]);
	struct klab_task_space space;
	struct klab_task_who who;
	json_object *top;

	if (klab_task_who(task, &who) < 0)
		refuse(call, errno);
	top = json_start(call);
	show_who(call, top, &who);
	if (!klab_task_space(task, &space))
		show_space(call, top, &space);
	else
		row(call, KERNEL_SIDE, "memory", "none");
	json_finish(call, top);
	return DONE;
}

/* All areas and their names; both are to be freed. */
void areas_read(const struct call *call, int task, struct klab_task_areas *areas)
{
	__u32 room = 0, bytes = 0;

	for (;;) {
		areas->areas.records = (uintptr_t)zeroed(call, room + 1, sizeof(struct klab_area));
		areas->names = (uintptr_t)zeroed(call, bytes + 1, 1);
		areas->areas.count = room;
		areas->areas.size = sizeof(struct klab_area);
		areas->names_bytes = bytes + 1;
		if (klab_task_areas(task, areas) < 0)
			refuse(call, errno);
		if (areas->areas.count <= room && areas->names_bytes <= bytes + 1)
			return;
		room = areas->areas.count + 16;
		bytes = areas->names_bytes + 4096;
		areas_free(areas);
	}
}

void areas_free(struct klab_task_areas *areas)
{
	free((void *)(uintptr_t)areas->areas.records);
	free((void *)(uintptr_t)areas->names);
}

const char *area_name(const struct klab_task_areas *areas, const struct klab_area *area)
{
	return area->name_bytes ? (const char *)(uintptr_t)areas->names + area->name_offset : "";
}

int task_areas_run(struct call *call)
{
	struct klab_task_areas areas = { 0 };
	json_object *top, *list = json_object_new_array();
	const struct klab_area *area;
	__u32 i;

	areas_read(call, task_of(call, call->operand[0]), &areas);
	top = json_start(call);
	area = (const struct klab_area *)(uintptr_t)areas.areas.records;
	for (i = 0; i < areas.areas.count; i++, area++) {
		json_object *json = json_object_new_object();
		__u64 pages = (area->end - area->start) / call->info.page_size;

		more(call, "%012llx-%012llx %c%c%c%c %7llu  %s%s%s\n", area->start, area->end,
		     area->flags & KLAB_AREA_READ ? 'r' : '-',
		     area->flags & KLAB_AREA_WRITE ? 'w' : '-',
		     area->flags & KLAB_AREA_EXEC ? 'x' : '-',
		     area->flags & KLAB_AREA_MAY_SHARE ? 's' : 'p', pages,
		     area->name_bytes ? area_name(&areas, area) : "anonymous",
		     strcmp(flag_text(area_names, area->flags), "-") ? "   " : "",
		     strcmp(flag_text(area_names, area->flags), "-") ?
		     flag_text(area_names, area->flags) : "");
		json_number(json, "start", area->start);
		json_number(json, "end", area->end);
		json_flag(json, "read", area->flags & KLAB_AREA_READ);
		json_flag(json, "write", area->flags & KLAB_AREA_WRITE);
		json_flag(json, "exec", area->flags & KLAB_AREA_EXEC);
		json_flag(json, "shared", area->flags & KLAB_AREA_MAY_SHARE);
		json_number(json, "offset", area->offset);
		json_number(json, "inode", area->inode);
		json_number(json, "major", area->major);
		json_number(json, "minor", area->minor);
		json_string(json, "name", area->name_bytes ? area_name(&areas, area) : NULL);
		json_object_object_add(json, "flags", flags_json(area_names, area->flags));
		json_object_array_add(list, json);
	}
	json_object_object_add(top, "areas", list);
	json_finish(call, top);
	areas_free(&areas);
	return DONE;
}

int task_walk_run(struct call *call)
{
	static const char * const levels[] = { "", "pte", "pmd", "pud", "p4d", "pgd" };
	struct klab_task_walk walk = {
		.address = number_of(call, "ADDRESS", call->operand[1], 0, ULLONG_MAX),
	};
	json_object *top, *list = json_object_new_array();
	const struct klab_table_entry *entry;

	if (klab_task_walk(task_of(call, call->operand[0]), &walk) < 0)
		refuse(call, errno);
	top = json_start(call);
	for (entry = walk.entries; entry < walk.entries + walk.levels; entry++) {
		json_object *json = json_object_new_object();

		row(call, KERNEL_SIDE, levels[entry->level], "[%3u] %016llx  %s", entry->index,
		    entry->raw, entry->flags ? flag_text(entry_names, entry->flags) : "empty");
		json_number(json, "level", entry->level);
		json_number(json, "index", entry->index);
		json_number(json, "raw", entry->raw);
		json_number(json, "frame", entry->frame);
		json_flag(json, "present", entry->flags & KLAB_ENTRY_PRESENT);
		json_object_object_add(json, "flags", flags_json(entry_names, entry->flags));
		json_object_array_add(list, json);
	}
	json_object_object_add(top, "entries", list);
	json_finish(call, top);
	return DONE;
}

int task_compare_run(struct call *call)
{
	int one = task_of(call, call->operand[0]), other = task_of(call, call->operand[1]);
	json_object *top, *json = json_object_new_object();
	struct klab_task_compare compare;
	const struct named *name;

	if (klab_task_compare(one, other, &compare) < 0)
		refuse(call, errno);
	top = json_start(call);
	for (name = shared_names; name->name; name++) {
		bool same = compare.same & name->flag, different = compare.different & name->flag;
		const char *answer = same ? "same" : different ? "different" : "neither";
		char key[32];

		row(call, same ? PLAIN : different ? CHANGED : ABSENT, answer, "%s", name->name);
		snprintf(key, sizeof(key), "%.*s", (int)(strstr(name->name, "  ") ?
			 (size_t)(strstr(name->name, "  ") - name->name) : strlen(name->name)),
			 name->name);
		json_string(json, key, answer);
	}
	json_object_object_add(top, "compare", json);
	json_finish(call, top);
	return DONE;
}
