// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a range of addresses, as the page tables have them and as the pages
 * themselves say. Nothing is faulted in for it, and nothing is changed.
 *
 * hmm_range_fault() reads the page tables. From then on the pages might be unmapped
 * and go to somebody else; but before that the kernel tells pages_invalidate(),
 * which takes the lock. So whoever holds the lock, and has found that it was not told
 * anything, knows that each page is mapped still; and what is mapped has a reference.
 */
#include <linux/hmm.h>
#include <linux/ksm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "compat.h"
#include "klab.h"

#if IS_ENABLED(CONFIG_HMM_MIRROR)

#define CHUNK_PAGES	512	/* read in one go, under mmap_lock */
#define LOCKED_PAGES	32	/* looked at in one go, under the lock */
#define TRIES_MAX	64

/* What the page tables say; for the rest each page has to be looked at. */
#define FROM_TABLES	(KLAB_PAGE_PRESENT | KLAB_PAGE_WRITABLE | KLAB_PAGE_NO_AREA | \
			 KLAB_PAGE_UNKNOWN)
#define ALL_FLAGS	((KLAB_PAGE_SWAP_CACHE << 1) - 1)
#define TABLE_BITS	(HMM_PFN_VALID | HMM_PFN_WRITE | HMM_PFN_ERROR)

/* What decides the flags of a page that is present: as it was at one moment. */
struct looks {
	unsigned long entry;		/* what of it is no frame number */
	unsigned long page;		/* page->flags */
	unsigned long folio;		/* folio->flags, the same if it is of one page */
	unsigned long mapping;
	unsigned long mappings;
};

struct walk {
	struct klab_task_pages *ask;
	struct mm_struct *mm;
	unsigned long at;		/* of ask->start and so many bytes */
	unsigned long end;
	u32 page_room;
	u32 run_room;
	bool detail;
	bool all;			/* of pages that others may use too */
	struct looks looks;		/* of the last page, */
	struct klab_page like;		/* and what is said of all that look like it */
	struct klab_page_run run;	/* the last one, which may go on */
	struct mmu_interval_notifier notifier;
	spinlock_t lock;		/* guards the notifier's sequence number */
	unsigned long pfns[CHUNK_PAGES];
	struct klab_page pages[CHUNK_PAGES];
};

static bool pages_invalidate(struct mmu_interval_notifier *notifier,
			     const struct mmu_notifier_range *range, unsigned long sequence)
{
	struct walk *walk = container_of(notifier, struct walk, notifier);

	spin_lock(&walk->lock);
	mmu_interval_set_seq(notifier, sequence);
	spin_unlock(&walk->lock);
	return true;
}

static const struct mmu_interval_notifier_ops pages_ops = {
	.invalidate = pages_invalidate,
};

static u32 table_flags(unsigned long entry)
{
	if (entry & HMM_PFN_ERROR)
		return KLAB_PAGE_UNKNOWN;
	if (!(entry & HMM_PFN_VALID))
		return 0;
	return KLAB_PAGE_PRESENT | (entry & HMM_PFN_WRITE ? KLAB_PAGE_WRITABLE : 0);
}

static const struct {
	u32 flag;
	unsigned int bit;
} folio_bits[] = {
	{ KLAB_PAGE_DIRTY, PG_dirty },
	{ KLAB_PAGE_REFERENCED, PG_referenced },
	{ KLAB_PAGE_LRU, PG_lru },
	{ KLAB_PAGE_ACTIVE, PG_active },
	{ KLAB_PAGE_UNEVICTABLE, PG_unevictable },
	{ KLAB_PAGE_MLOCKED, PG_mlocked },
	{ KLAB_PAGE_WRITEBACK, PG_writeback },
};

/* What else the page says about itself. */
static u32 own_flags(const struct looks *looks, bool anon, bool hugetlb)
{
	bool backed = looks->folio & BIT(PG_swapbacked);
	u32 flags = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(folio_bits); i++)
		if (looks->folio & BIT(folio_bits[i].bit))
			flags |= folio_bits[i].flag;
	if ((looks->mapping & PAGE_MAPPING_FLAGS) == PAGE_MAPPING_KSM)
		flags |= KLAB_PAGE_KSM;
	else if (anon && (hugetlb ? looks->folio : looks->page) & BIT(PG_anon_exclusive))
		flags |= KLAB_PAGE_EXCLUSIVE;
	if (anon && !backed && !hugetlb)
		flags |= KLAB_PAGE_LAZY_FREE;
	if (backed && looks->folio & BIT(PG_swapcache))
		flags |= KLAB_PAGE_SWAP_CACHE;
	return flags;
}

/* The first half is what everybody sees of a page who has it mapped. */
static u32 page_flags(const struct looks *looks, struct folio *folio, bool all)
{
	bool anon = looks->mapping & PAGE_MAPPING_ANON, hugetlb = folio_test_hugetlb(folio);
	u32 flags = table_flags(looks->entry);

	/* The kernel's two pages of nothing but zeroes: nobody counts who maps them. */
	if (!looks->mapping && !looks->mappings)
		return flags | KLAB_PAGE_ZERO;
	if (anon)
		flags |= KLAB_PAGE_ANON;
	else if (looks->folio & BIT(PG_swapbacked))
		flags |= KLAB_PAGE_SHMEM;
	else if (looks->mapping)
		flags |= KLAB_PAGE_FILE;
	if (looks->mappings > 1)
		flags |= KLAB_PAGE_SHARED;
	if (hugetlb)
		flags |= KLAB_PAGE_HUGETLB;
	else if (looks->folio & BIT(PG_head))
		flags |= KLAB_PAGE_LARGE;
	return flags | (all || anon ? own_flags(looks, anon, hugetlb) : KLAB_PAGE_WITHHELD);
}

static bool alike(const struct looks *a, const struct looks *b)
{
	return a->entry == b->entry && a->page == b->page && a->folio == b->folio &&
	       a->mapping == b->mapping && a->mappings == b->mappings;
}

static void look_at_page(struct walk *walk, unsigned long entry, struct klab_page *record)
{
	unsigned long pfn = entry & ~HMM_PFN_FLAGS;
	struct page *page = pfn_to_page(pfn);
	struct folio *folio = page_folio(page);
	struct looks looks = {
		.entry = entry & HMM_PFN_FLAGS,
		.page = READ_ONCE(page->flags),
		.folio = READ_ONCE(folio->flags),
		.mapping = (unsigned long)READ_ONCE(folio->mapping),
		.mappings = klab_page_mapcount(folio, page),
	};

	/* Pages in a row mostly look like the one before. */
	if (!alike(&looks, &walk->looks)) {
		walk->looks = looks;
		walk->like = (struct klab_page) {
			.flags = page_flags(&looks, folio, walk->all),
			.order = hmm_pfn_to_map_order(entry),
		};
		if (!(walk->like.flags & KLAB_PAGE_WITHHELD))
			walk->like.mappings = looks.mappings;
	}
	*record = walk->like;
	record->frame = klab_frame(pfn, walk->ask->flags);
	if (!(record->flags & (KLAB_PAGE_ZERO | KLAB_PAGE_WITHHELD)))
		record->references = folio_ref_count(folio);
}

static bool look_at_pages(struct walk *walk, unsigned long sequence, size_t count)
{
	size_t i = 0, stop;
	bool valid = true;

	while (i < count && valid) {
		stop = min_t(size_t, count, i + LOCKED_PAGES);
		spin_lock(&walk->lock);
		valid = !mmu_interval_read_retry(&walk->notifier, sequence);
		for (; i < stop && valid; i++)
			if (walk->pfns[i] & HMM_PFN_VALID)
				look_at_page(walk, walk->pfns[i], &walk->pages[i]);
			else
				walk->pages[i] = (struct klab_page) {
					.flags = table_flags(walk->pfns[i]),
				};
		spin_unlock(&walk->lock);
	}
	return valid;
}

static int put_run(struct walk *walk)
{
	int error = 0;

	if (walk->run.pages)
		error = klab_put_record(&walk->ask->runs, walk->run_room, &walk->run,
					sizeof(walk->run));
	walk->run.pages = 0;
	return error;
}

/* So many pages more that are alike: to the counts, and to the run or a new one. */
static int add_run(struct walk *walk, u32 flags, u64 pages)
{
	unsigned long bits = flags & walk->ask->mask;
	unsigned int bit;
	int error = 0;

	for_each_set_bit(bit, &bits, ARRAY_SIZE(walk->ask->counts))
		walk->ask->counts[bit] += pages;
	if (walk->run.flags != bits || !walk->run.pages) {
		error = put_run(walk);
		walk->run.start = walk->at;
		walk->run.flags = bits;
	}
	walk->run.pages += pages;
	walk->at += pages << PAGE_SHIFT;
	return error;
}

/* The next @count pages, which have been read into the chunk. */
static int add_runs(struct walk *walk, size_t count)
{
	u32 mask = walk->ask->mask;
	size_t i, end;
	int error = 0;

	for (i = 0; i < count && !error; i = end) {
		if (walk->detail) {
			for (end = i + 1; end < count; end++)
				if ((walk->pages[i].flags ^ walk->pages[end].flags) & mask)
					break;
			error = add_run(walk, walk->pages[i].flags, end - i);
		} else {
			for (end = i + 1; end < count; end++)
				if ((walk->pfns[i] ^ walk->pfns[end]) & TABLE_BITS)
					break;
			error = add_run(walk, table_flags(walk->pfns[i]), end - i);
		}
	}
	return error;
}

static int put_pages(struct walk *walk, size_t count)
{
	struct klab_array *array = &walk->ask->pages;
	size_t known = sizeof(struct klab_page), i = 0;
	int error = 0;

	if (array->count >= walk->page_room) {
		array->count += count;
		return 0;
	}
	if (array->size == known) {
		i = min_t(size_t, count, walk->page_room - array->count);
		if (copy_to_user(u64_to_user_ptr(array->records + array->count * known),
				 walk->pages, i * known))
			return -EFAULT;
		array->count += i;
	}
	for (; i < count && !error; i++)
		error = klab_put_record(array, walk->page_room, &walk->pages[i], known);
	return error;
}

/* @count pages that have no entry that could be read, for the reason in @flags. */
static int add_nothing(struct walk *walk, u32 flags, u64 count)
{
	u64 i, written = min_t(u64, count, CHUNK_PAGES);
	int error;

	/* As long as records are wanted, no more than there is room for in the chunk. */
	if (walk->ask->pages.count < walk->page_room) {
		count = written;
		for (i = 0; i < count; i++)
			walk->pages[i] = (struct klab_page) { .flags = flags };
		error = put_pages(walk, count);
		if (error)
			return error;
	} else {
		walk->ask->pages.count += count;
	}
	return add_run(walk, flags, count);
}

/*
 * Reads up to *@count pages of one area into walk->pfns, or says in *@flags why they
 * cannot be read; how many they are in *@count in either case.
 */
static int read_tables(struct walk *walk, unsigned long sequence, u64 *count, u32 *flags)
{
	struct hmm_range range = {
		.notifier = &walk->notifier,
		.notifier_seq = sequence,
		.start = walk->at,
		.hmm_pfns = walk->pfns,
	};
	unsigned long end = walk->end;
	struct vm_area_struct *vma;
	int error = 0;

	if (mmap_read_lock_killable(walk->mm))
		return -EINTR;
	vma = find_vma(walk->mm, walk->at);
	if (!vma || vma->vm_start > walk->at) {
		end = vma ? min(end, vma->vm_start) : end;
		*flags = KLAB_PAGE_NO_AREA;
	} else {
		end = min(end, vma->vm_end);
		/* There hmm_range_fault() only says that it does not say. */
		if (vma->vm_flags & (VM_IO | VM_PFNMAP) || !(vma->vm_flags & VM_READ))
			*flags = KLAB_PAGE_UNKNOWN;
		else
			end = min(end, walk->at + (*count << PAGE_SHIFT));
	}
	*count = (end - walk->at) >> PAGE_SHIFT;
	range.end = end;
	if (!*flags)
		error = hmm_range_fault(&range);
	mmap_read_unlock(walk->mm);
	return error;
}

/* Some pages from walk->at on, and walk->at is behind them. -EBUSY: try again. */
static int walk_chunk(struct walk *walk, u64 count)
{
	unsigned long sequence = mmu_interval_read_begin(&walk->notifier);
	u32 flags = 0;
	int error = read_tables(walk, sequence, &count, &flags);

	if (error)
		return error;
	if (flags)
		return add_nothing(walk, flags, count);
	if (walk->detail && !look_at_pages(walk, sequence, count))
		return -EBUSY;
	if (walk->detail)
		error = put_pages(walk, count);
	else
		walk->ask->pages.count += count;
	return error ?: add_runs(walk, count);
}

static int walk_range(struct walk *walk)
{
	unsigned long start = walk->at;
	unsigned int tries = 0;
	int error = 0;

	while (!error && walk->at < walk->end) {
		if (fatal_signal_pending(current))
			return -EINTR;
		/* What there is so far is an answer; the caller may ask for the rest. */
		if (walk->at > start && (signal_pending(current) || tries > TRIES_MAX))
			break;
		error = walk_chunk(walk, max(CHUNK_PAGES >> tries / 4, 1));
		tries = error == -EBUSY ? tries + 1 : 0;
		if (error == -EBUSY)
			error = tries > TRIES_MAX && walk->at == start ? -EAGAIN : 0;
		cond_resched();
	}
	walk->ask->walked = walk->at - start;
	return error ?: put_run(walk);
}

static int check(const struct klab_task_pages *ask, unsigned long size)
{
	if (ask->flags & ~KLAB_FRAMES || ask->mask & ~ALL_FLAGS ||
	    !PAGE_ALIGNED(ask->start) || !PAGE_ALIGNED(ask->bytes) || !ask->bytes ||
	    ask->start >= size || ask->bytes > size - ask->start ||
	    ask->bytes >> PAGE_SHIFT > U32_MAX)
		return -EINVAL;
	return 0;
}

int klab_task_pages(struct klab_context *context, void *arg)
{
	struct klab_task_pages *ask = arg;
	struct mm_struct *mm;
	struct walk *walk;
	int error = klab_check_array(&ask->pages, offsetofend(struct klab_page, order));

	if (!error)
		error = klab_check_array(&ask->runs, offsetofend(struct klab_page_run, reserved));
	if (!error)
		error = check(ask, TASK_SIZE_MAX);
	if (error)
		return error;
	if (!klab_frames_permitted(ask->flags))
		return -EPERM;
	mm = klab_task_mm(context);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	walk = kvmalloc(sizeof(*walk), KLAB_GFP);
	if (!walk) {
		error = -ENOMEM;
		goto out;
	}
	walk->ask = ask;
	walk->mm = mm;
	walk->at = ask->start;
	walk->end = ask->start + ask->bytes;
	walk->page_room = ask->pages.count;
	walk->run_room = ask->runs.count;
	walk->detail = walk->page_room || ask->mask & ~FROM_TABLES;
	walk->all = ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
	walk->run.pages = 0;
	walk->run.reserved = 0;
	walk->looks = (struct looks) { 0 };	/* no page that is present */
	spin_lock_init(&walk->lock);
	ask->pages.count = 0;
	ask->runs.count = 0;
	memset(ask->counts, 0, sizeof(ask->counts));
	error = mmu_interval_notifier_insert(&walk->notifier, mm, ask->start, ask->bytes,
					     &pages_ops);
	/* The first one for an address space takes all its locks, and gives way to signals. */
	if (error == -EINTR)
		error = -ERESTARTNOINTR;
	if (!error) {
		error = walk_range(walk);
		mmu_interval_notifier_remove(&walk->notifier);
	}
	kvfree(walk);
out:
	mmput(mm);
	return error;
}

#else

int klab_task_pages(struct klab_context *context, void *arg)
{
	return -EOPNOTSUPP;
}

#endif
