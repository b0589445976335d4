// SPDX-License-Identifier: GPL-2.0-only
/* klab page: the page allocator, asked; what is held, listed and given back. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static const struct {
	const char *word;
	__u32 flag;
} hows[] = {
	{ "atomic", KLAB_PAGES_ATOMIC },
	{ "retry-hard", KLAB_PAGES_RETRY_HARD },
	{ "high", KLAB_PAGES_HIGH },
	{ "movable", KLAB_PAGES_MOVABLE },
	{ "zeroed", KLAB_PAGES_ZEROED },
	{ "compound", KLAB_PAGES_COMPOUND },
	{ "bulk", KLAB_PAGES_BULK },
	{ "bare", KLAB_PAGES_BARE },
};

#define HOWS	(sizeof(hows) / sizeof(*hows))

static const char * const types[KLAB_TYPES] = {
	"unmovable", "movable", "reclaimable", "highatomic", "cma", "isolate", "", "",
};

/* Why a batch fell short, by its reason. */
static const char * const shortages[] = {
	"", "no such block was to be had", "the memory cgroup is full",
	"an eighth of the machine's memory stays free",
};

/* The device, by the descriptor that was inherited if one is named. */
static void open_or_inherit(struct call *call)
{
	int fd = number_option(call, OPT_FD, 0, INT_MAX, 0);

	device_open(call, 0);
	if (!call->option[OPT_FD])
		return;
	close(call->fd);
	call->fd = fd;
	if (klab_info(fd, &call->info) < 0)
		refuse_because(call, errno, "descriptor %d was not inherited, or is not %s", fd,
			       KLAB_DEVICE);
}

static __u32 how_flags(const struct call *call)
{
	char words[96], *word, *rest;
	__u32 flags = 0;
	size_t i;

	if (!call->option[OPT_HOW])
		return 0;
	snprintf(words, sizeof(words), "%s", call->option[OPT_HOW]);
	for (word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		for (i = 0; i < HOWS && strcmp(word, hows[i].word); i++)
			;
		if (i == HOWS)
			misuse(call, "--how knows no '%s'", word);
		flags |= hows[i].flag;
	}
	return flags;
}

static struct text text_how(__u32 flags)
{
	struct text text;
	size_t i, used;

	used = snprintf(text.s, sizeof(text.s), "%s%s",
			flags & KLAB_PAGES_ATOMIC ? "may not block" : "may block",
			flags & (KLAB_PAGES_ATOMIC | KLAB_PAGES_RETRY_HARD) ? "" : ", no retry");
	for (i = 1; i < HOWS && used < sizeof(text.s); i++)
		if (flags & hows[i].flag)
			used += snprintf(text.s + used, sizeof(text.s) - used, ", %s",
						 hows[i].word);
	return text;
}

static struct histogram histogram_of(const struct klab_bucket *buckets, bool frees)
{
	struct histogram histogram;
	int i;

	for (i = 0; i < KLAB_BUCKETS; i++)
		histogram.count[i] = frees ? buckets[i].frees : buckets[i].allocs;
	return histogram;
}

static json_object *timing_json(const struct klab_timing *timing,
				const struct klab_bucket *buckets, bool frees)
{
	struct histogram histogram = histogram_of(buckets, frees);
	json_object *object = json_object_new_object();

	json_number(object, "count", timing->count);
	json_number(object, "total_ns", timing->total_ns);
	json_number(object, "min_ns", timing->min_ns);
	json_number(object, "max_ns", timing->max_ns);
	json_object_object_add(object, "log2_ns", histogram_json(&histogram));
	return object;
}

/* Where half of them are quicker and half are slower, as well as a histogram can tell. */
static int median_bucket(const struct histogram *histogram, __u64 count)
{
	__u64 seen = 0;
	int i;

	for (i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += histogram->count[i];
		if (2 * seen >= count)
			break;
	}
	return i;
}

static void print_timing(const struct call *call, const char *label,
			 const struct klab_timing *timing, const struct klab_bucket *buckets,
			 bool frees)
{
	struct histogram histogram = histogram_of(buckets, frees);
	int median = median_bucket(&histogram, timing->count);

	if (!timing->count)
		return;
	row(call, KERNEL_SIDE, label, "min %s   median %s to %s   max %s   %llu times",
	    text_time(timing->min_ns).s, text_time(1ULL << median).s,
	    text_time(2ULL << median).s, text_time(timing->max_ns).s, timing->count);
	histogram_rows(call, &histogram, timing->count);
}

/*
 * Has the kernel allocate as grab->alloc says, and reads the books on both sides of
 * it. Returns 0 or, with errno, -1; grab_end() in either case.
 */
int grab_take(const struct call *call, struct grab *grab)
{
	struct klab_pages_alloc *alloc = &grab->alloc;

	if (books_read(call->fd, &grab->before) < 0)
		return -1;
	/* A block comes from a zone, so there are no more sources than zones. */
	grab->source = calloc(grab->before.zones, sizeof(*grab->source));
	if (!grab->source)
		return -1;
	alloc->sources = (struct klab_array){ (uintptr_t)grab->source, grab->before.zones,
					      sizeof(*grab->source) };
	alloc->histogram = (struct klab_array){ (uintptr_t)grab->taking, KLAB_BUCKETS,
						sizeof(*grab->taking) };
	if (klab_pages_alloc(call->fd, alloc) < 0)
		return -1;
	if (alloc->sources.count > grab->before.zones)
		alloc->sources.count = grab->before.zones;
	return books_read(call->fd, &grab->taken);
}

int grab_return(const struct call *call, struct grab *grab)
{
	grab->release = (struct klab_pages_free){
		.handle = grab->alloc.handle,
		.histogram = { (uintptr_t)grab->giving, KLAB_BUCKETS, sizeof(*grab->giving) },
	};
	if (klab_pages_free(call->fd, &grab->release) < 0)
		return -1;
	return books_read(call->fd, &grab->after);
}

void grab_end(struct grab *grab)
{
	free(grab->source);
	books_end(&grab->before);
	books_end(&grab->taken);
	books_end(&grab->after);
}

/* "(unmovable 60, movable 4)" */
static struct text text_types(const struct klab_pages_source *source)
{
	struct text text = { "" };
	size_t used = 0;
	int type;

	for (type = 0; type < KLAB_TYPES && used < sizeof(text.s); type++)
		if (source->types[type])
			used += snprintf(text.s + used, sizeof(text.s) - used, "%s%s %llu",
						 used ? ", " : " (", types[type],
						 source->types[type]);
	if (used && used < sizeof(text.s))
		snprintf(text.s + used, sizeof(text.s) - used, ")");
	return text;
}

void grab_print_taken(const struct call *call, const struct grab *grab)
{
	const struct klab_pages_alloc *alloc = &grab->alloc;
	char handle[24] = "", short_of[32] = "";
	__u32 i;

	if (alloc->obtained < alloc->count)
		snprintf(short_of, sizeof(short_of), " of %llu", alloc->count);
	if (alloc->handle)
		snprintf(handle, sizeof(handle), ", handle %u", alloc->handle);
	row(call, KERNEL_SIDE, "got", "%llu%s%s", alloc->obtained, short_of, handle);
	if (alloc->reason && alloc->reason < sizeof(shortages) / sizeof(*shortages))
		row(call, CHANGED, "short", "%s", shortages[alloc->reason]);
	for (i = 0; i < alloc->sources.count; i++)
		row(call, KERNEL_SIDE, i ? "" : "from", "node %u zone %s: %llu%s",
		    grab->source[i].node, grab->source[i].name, grab->source[i].blocks,
		    text_types(&grab->source[i]).s);
	if (alloc->runs)
		row(call, KERNEL_SIDE, "lie", "in %llu rows of neighbours, the longest of %llu",
		    alloc->runs, alloc->longest_run);
	if (alloc->refills)
		row(call, KERNEL_SIDE, "refilled", "the list of a CPU, %llu times",
		    alloc->refills);
	print_timing(call, "time", &alloc->alloc, grab->taking, false);
}

static json_object *sources_json(const struct grab *grab)
{
	json_object *sources = json_object_new_array();
	__u32 i;
	int type;

	for (i = 0; i < grab->alloc.sources.count; i++) {
		json_object *one = json_object_new_object();
		json_object *by_type = json_object_new_object();

		json_number(one, "node", grab->source[i].node);
		json_string(one, "zone", grab->source[i].name);
		json_number(one, "blocks", grab->source[i].blocks);
		for (type = 0; type < KLAB_TYPES; type++)
			if (*types[type])
				json_number(by_type, types[type], grab->source[i].types[type]);
		json_object_object_add(one, "types", by_type);
		json_object_array_add(sources, one);
	}
	return sources;
}

static void books_member(const struct call *call, json_object *object, const char *name,
			 const struct books *books)
{
	json_object *member = json_object_new_object();

	books_json(call, member, books);
	json_object_object_add(object, name, member);
}

json_object *grab_json(const struct call *call, const struct grab *grab)
{
	const struct klab_pages_alloc *alloc = &grab->alloc;
	json_object *object = json_object_new_object();
	json_object *books = json_object_new_object();
	bool released = grab->release.handle;

	json_number(object, "order", alloc->order);
	json_number(object, "count", alloc->count);
	json_object_object_add(object, "node", json_object_new_int(alloc->node));
	json_flag(object, "partial", alloc->flags & KLAB_PAGES_PARTIAL);
	json_flag(object, "hold", alloc->flags & KLAB_PAGES_HOLD);
	json_string(object, "how", text_how(alloc->flags).s);
	json_number(object, "handle", alloc->handle);
	json_number(object, "obtained", alloc->obtained);
	json_string(object, "short", alloc->reason && alloc->reason < 4 ?
		    shortages[alloc->reason] : NULL);
	json_object_object_add(object, "sources", sources_json(grab));
	json_number(object, "runs", alloc->runs);
	json_number(object, "longest_run", alloc->longest_run);
	json_number(object, "refills", alloc->refills);
	json_number(object, "clock_ns", alloc->clock_ns);
	json_object_object_add(object, "alloc",
			       timing_json(&alloc->alloc, grab->taking, false));
	json_number(object, "freed", released ? grab->release.count :
		    alloc->handle ? 0 : alloc->obtained);
	json_object_object_add(object, "free", released ?
			       timing_json(&grab->release.free, grab->giving, true) :
			       timing_json(&alloc->free, grab->taking, true));
	books_member(call, books, "before", &grab->before);
	books_member(call, books, alloc->handle ? "held" : "after", &grab->taken);
	if (released)
		books_member(call, books, "after", &grab->after);
	json_object_object_add(object, "books", books);
	return object;
}

/* The limit that was met, where the answer to the handshake tells. */
static noreturn void refuse_alloc(const struct call *call, const struct klab_pages_alloc *alloc)
{
	const struct klab_info *info = &call->info;
	int error = errno;

	if (error == EINVAL && alloc->order > info->order_max)
		refuse_because(call, error, "order %u: this kernel serves 0 to %u",
			       alloc->order, info->order_max);
	if (error == EINVAL && (!alloc->count || alloc->count > info->blocks_max))
		refuse_because(call, error, "%llu blocks: one call may ask for 1 to %llu",
			       alloc->count, info->blocks_max);
	if (error == EINVAL && call->option[OPT_HOW])
		refuse_because(call, error, "'%s' do not go together, or not like this",
			       call->option[OPT_HOW]);
	if (error == EINVAL && alloc->node != KLAB_NODE_ANY)
		refuse_because(call, error, "there is no node %d: klab page stat shows which are",
			       alloc->node);
	if (error == ENOMEM && alloc->flags & KLAB_PAGES_HOLD &&
	    alloc->count > info->pages_max >> alloc->order)
		refuse_because(call, error,
			       "%llu blocks of order %u: a descriptor holds %llu pages",
			       alloc->count, alloc->order, info->pages_max);
	refuse(call, error);
}

/* Until the time is up or somebody interrupts; returns whether somebody did. */
bool wait_interrupted(__u64 ms)
{
	__u64 end = now() + ms * 1000000;
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while ((got = sigtimedwait(&set, NULL, &left)) < 0 && errno == EINTR) {
		__u64 at = now(), ns = at < end ? end - at : 0;

		left.tv_sec = ns / 1000000000;
		left.tv_nsec = ns % 1000000000;
	}
	return got > 0;
}

static void hold_and_return(const struct call *call, struct grab *grab)
{
	int seconds = number_option(call, OPT_HOLD, 0, INT_MAX, 0);
	bool interrupted;

	row(call, USER_SIDE, "hold", "%d s, or until interrupted", seconds);
	fflush(stdout);
	interrupted = wait_interrupted(seconds * 1000ULL);
	if (grab_return(call, grab) < 0)
		refuse_because(call, errno, "giving handle %u back failed",
			       grab->alloc.handle);
	row(call, KERNEL_SIDE, "freed", "%llu%s", grab->release.count,
	    interrupted ? ", interrupted" : "");
	print_timing(call, "time", &grab->release.free, grab->giving, true);
	books_print_moved(call, &grab->taken, &grab->after);
}

static void print_asked(const struct call *call, const struct klab_pages_alloc *alloc)
{
	__u64 page = call->info.page_size;
	char node[24] = "any node";

	if (alloc->node != KLAB_NODE_ANY)
		snprintf(node, sizeof(node), "node %d", alloc->node);
	row(call, USER_SIDE, "asked", "%llu x order %u (2^%u pages, %s each): %s, from %s",
	    alloc->count, alloc->order, alloc->order,
	    text_bytes(page << alloc->order).s,
	    text_bytes(alloc->count * (page << alloc->order)).s, node);
	row(call, USER_SIDE, "how", "%s", text_how(alloc->flags).s);
}

/*
 * To hold is to hold all, or with --partial what there is. For the sake of how far it
 * came klab is asked for a success in any case, and it is judged here.
 */
static __u32 alloc_flags(const struct call *call)
{
	bool partial = call->option[OPT_PARTIAL];

	if (!call->option[OPT_HOLD] && !call->option[OPT_FD])
		return how_flags(call) | KLAB_PAGES_PARTIAL;
	return how_flags(call) | KLAB_PAGES_HOLD |
	       (partial ? KLAB_PAGES_PARTIAL : KLAB_PAGES_RETURN);
}

int page_alloc_run(struct call *call)
{
	struct grab grab = {
		.alloc = {
			.order = number_option(call, OPT_ORDER, 0, UINT_MAX, 0),
			.count = number_option(call, OPT_COUNT, 0, ULLONG_MAX, 1),
			.node = number_option(call, OPT_NODE, 0, INT_MAX,
						     KLAB_NODE_ANY),
			.flags = alloc_flags(call),
		},
	};
	const struct klab_pages_alloc *alloc = &grab.alloc;
	json_object *top;

	number_option(call, OPT_HOLD, 0, INT_MAX, 0);
	if (call->option[OPT_HOLD] && call->option[OPT_FD])
		misuse(call, "--fd keeps them for as long as the descriptor is open");
	open_or_inherit(call);
	if (grab_take(call, &grab) < 0)
		refuse_alloc(call, alloc);
	if (alloc->obtained < alloc->count && !call->option[OPT_PARTIAL])
		refuse_because(call, ENOMEM, "got %llu of %llu, then %s; all went back",
			       alloc->obtained, alloc->count,
			       shortages[alloc->reason < 4 ? alloc->reason : 0]);

	top = json_start(call);
	print_asked(call, alloc);
	grab_print_taken(call, &grab);
	if (!alloc->handle)
		print_timing(call, "freed", &alloc->free, grab.taking, true);
	books_print_moved(call, &grab.before, &grab.taken);
	if (alloc->handle && !call->option[OPT_FD])
		hold_and_return(call, &grab);
	json_object_object_add(top, "grab", grab_json(call, &grab));
	json_finish(call, top);
	grab_end(&grab);
	return DONE;
}

/* Free and list are about a descriptor that somebody has, such as the shell. */
static void need_fd(const struct call *call)
{
	if (!call->option[OPT_FD])
		misuse(call, "--fd says which descriptor: exec 5<>%s opens one", KLAB_DEVICE);
}

int page_free_run(struct call *call)
{
	struct klab_bucket buckets[KLAB_BUCKETS] = { 0 };
	struct klab_pages_free ask = {
		.handle = number_of(call, "HANDLE", call->operand[0], 1, UINT_MAX),
		.first = number_option(call, OPT_FIRST, 0, ULLONG_MAX, 0),
		.span = number_option(call, OPT_COUNT, 1, ULLONG_MAX, 0),
		.stride = number_option(call, OPT_STRIDE, 1, ULLONG_MAX, 1),
		.histogram = { (uintptr_t)buckets, KLAB_BUCKETS, sizeof(*buckets) },
	};
	struct books before = { 0 }, after = { 0 };
	json_object *top;

	need_fd(call);
	open_or_inherit(call);
	if (books_read(call->fd, &before) < 0 || klab_pages_free(call->fd, &ask) < 0 ||
	    books_read(call->fd, &after) < 0)
		refuse(call, errno);
	top = json_start(call);
	row(call, KERNEL_SIDE, "freed", "%llu of order %u, %llu left", ask.count, ask.order,
	    ask.left);
	print_timing(call, "time", &ask.free, buckets, true);
	books_print_moved(call, &before, &after);
	json_number(top, "handle", ask.handle);
	json_number(top, "order", ask.order);
	json_number(top, "freed", ask.count);
	json_number(top, "left", ask.left);
	json_object_object_add(top, "free", timing_json(&ask.free, buckets, true));
	json_finish(call, top);
	books_end(&before);
	books_end(&after);
	return DONE;
}

int page_list_run(struct call *call)
{
	struct klab_batch_info *batch = NULL;
	json_object *top, *list = json_object_new_array();
	struct klab_pages_list ask;
	__u32 room = 0, i;

	need_fd(call);
	open_or_inherit(call);
	/* Another process may hold more meanwhile: again, until the room is enough. */
	do {
		ask = (struct klab_pages_list){
			.batches = { (uintptr_t)batch, room, sizeof(*batch) },
		};
		if (klab_pages_list(call->fd, &ask) < 0)
			refuse(call, errno);
		i = room;
		room = ask.batches.count;
		if (room > i) {
			free(batch);
			batch = zeroed(call, room, sizeof(*batch));
		}
	} while (room > i);

	top = json_start(call);
	row(call, KERNEL_SIDE, "holds", "%llu pages (%s); its user by all descriptors %llu",
	    ask.pages, text_bytes(ask.pages * call->info.page_size).s, ask.pages_user);
	if (room)
		row(call, KERNEL_SIDE, "handle", " order    blocks      left  maps  how");
	for (i = 0; i < room; i++) {
		json_object *one = json_object_new_object();
		char handle[12];

		snprintf(handle, sizeof(handle), "%u", batch[i].handle);
		row(call, KERNEL_SIDE, handle, "%6u %9llu %9llu %5u  %s", batch[i].order,
		    batch[i].count, batch[i].left, batch[i].maps, text_how(batch[i].flags).s);
		json_number(one, "handle", batch[i].handle);
		json_number(one, "order", batch[i].order);
		json_number(one, "blocks", batch[i].count);
		json_number(one, "left", batch[i].left);
		json_number(one, "maps", batch[i].maps);
		json_string(one, "how", text_how(batch[i].flags).s);
		json_object_array_add(list, one);
	}
	json_number(top, "pages", ask.pages);
	json_number(top, "pages_user", ask.pages_user);
	json_object_object_add(top, "batches", list);
	json_finish(call, top);
	free(batch);
	return DONE;
}
