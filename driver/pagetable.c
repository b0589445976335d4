// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page frames, and one address level by level: all of the driver that knows how an
 * architecture's page tables look. (Ranges are the business of aspace.c.)
 */
#include <linux/capability.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/siphash.h>

#include "compat.h"
#include "klab.h"

/* Set when the module is loaded. */
static siphash_key_t frame_key __ro_after_init;

void __init klab_frames_init(void)
{
	get_random_bytes(&frame_key, sizeof(frame_key));
}

bool klab_frames_permitted(u32 flags)
{
	return !(flags & KLAB_FRAMES) || capable(CAP_SYS_ADMIN);
}

/* Two frames have the same token if they are the same, and it says nothing more. */
u64 klab_frame_token(unsigned long pfn)
{
	return siphash_1u64(pfn, &frame_key);
}

#ifdef CONFIG_X86_64

static const struct {
	u32 flag;
	u64 bit;
} entry_bits[] = {
	{ KLAB_ENTRY_WRITABLE, _PAGE_RW },
	{ KLAB_ENTRY_USER, _PAGE_USER },
	{ KLAB_ENTRY_WRITE_THROUGH, _PAGE_PWT },
	{ KLAB_ENTRY_NO_CACHE, _PAGE_PCD },
	{ KLAB_ENTRY_ACCESSED, _PAGE_ACCESSED },
	{ KLAB_ENTRY_DIRTY, _PAGE_DIRTY },
	{ KLAB_ENTRY_NO_EXEC, _PAGE_NX },
	{ KLAB_ENTRY_SOFT_DIRTY, _PAGE_SOFT_DIRTY },
	{ KLAB_ENTRY_USERFAULT, _PAGE_UFFD_WP },
};

/*
 * Adds what one table says. An entry that is not present is the kernel's own note,
 * of where in swap the page is, for instance.
 */
static void add_entry(struct klab_task_walk *walk, u32 level, u32 index, u64 raw,
		      unsigned long pfn, bool leaf)
{
	struct klab_table_entry *entry = &walk->entries[walk->levels++];
	bool present = raw & (_PAGE_PRESENT | _PAGE_PROTNONE);
	size_t i;

	entry->level = level;
	entry->index = index;
	if (walk->flags & KLAB_FRAMES)
		entry->raw = raw;
	else if (present)
		entry->raw = raw & ~PTE_PFN_MASK;
	if (!present) {
		entry->flags = raw ? KLAB_ENTRY_NOTE : 0;
		return;
	}
	entry->frame = klab_frame(pfn, walk->flags);
	entry->flags = KLAB_ENTRY_PRESENT | (leaf ? KLAB_ENTRY_PAGE : 0);
	if (!(raw & _PAGE_PRESENT))
		entry->flags |= KLAB_ENTRY_NO_ACCESS;
	for (i = 0; i < ARRAY_SIZE(entry_bits); i++)
		if (raw & entry_bits[i].bit)
			entry->flags |= entry_bits[i].flag;
}

/*
 * The caller has the address space to itself, so that no table goes away under a
 * mapping. Two do not ask for that: who makes a huge page of a file's small ones, and
 * who leaves a table of hugetlb pages to those that share it. Both wait for processors
 * that have their interrupts off, as get_user_pages_fast() has. The entry that leads to
 * the last table is a copy.
 */
static void walk_tables(struct klab_task_walk *walk, struct mm_struct *mm)
{
	unsigned long address = walk->address;
	pgd_t *pgdp = pgd_offset(mm, address);
	pgd_t pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;
	pte_t pte;

	/* With four levels the kernel's p4d is its pgd. */
	if (pgtable_l5_enabled()) {
		add_entry(walk, 5, pgd_index(address), pgd_val(pgd), pgd_pfn(pgd), false);
		if (!pgd_present(pgd))
			return;
	}
	p4dp = p4d_offset(pgdp, address);
	p4d = READ_ONCE(*p4dp);
	add_entry(walk, 4, pgtable_l5_enabled() ? p4d_index(address) : pgd_index(address),
		  p4d_val(p4d), p4d_pfn(p4d), false);
	if (!p4d_present(p4d))
		return;
	pudp = pud_offset(p4dp, address);
	pud = READ_ONCE(*pudp);
	add_entry(walk, 3, pud_index(address), pud_val(pud), pud_pfn(pud), pud_leaf(pud));
	if (!pud_present(pud) || pud_leaf(pud))
		return;
	pmdp = pmd_offset(pudp, address);
	pmd = READ_ONCE(*pmdp);
	add_entry(walk, 2, pmd_index(address), pmd_val(pmd), pmd_pfn(pmd), pmd_leaf(pmd));
	if (!pmd_present(pmd) || pmd_leaf(pmd) || pmd_bad(pmd))
		return;
	pte = READ_ONCE(*pte_offset_kernel(&pmd, address));
	add_entry(walk, 1, pte_index(address), pte_val(pte), pte_pfn(pte), true);
}

int klab_tables_walk(struct klab_task_walk *walk, struct mm_struct *mm)
{
	unsigned long irq;

	if (walk->address >= mm->task_size)
		return -EINVAL;
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	local_irq_save(irq);
	walk_tables(walk, mm);
	local_irq_restore(irq);
	mmap_write_unlock(mm);
	return 0;
}

#else

int klab_tables_walk(struct klab_task_walk *walk, struct mm_struct *mm)
{
	return -EOPNOTSUPP;
}

#endif
