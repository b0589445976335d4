/* SPDX-License-Identifier: GPL-2.0-only */
/* Every difference between kernel versions, named after the feature. */
#ifndef KLAB_COMPAT_H
#define KLAB_COMPAT_H

#include <linux/compat.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/version.h>

#include <linux/klab.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "klab needs Linux 6.1 or later"
#endif

/* 6.4 made MAX_ORDER the highest order instead of one above; 6.8 renamed it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define KLAB_ORDER_MAX	MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define KLAB_ORDER_MAX	MAX_ORDER
#else
#define KLAB_ORDER_MAX	(MAX_ORDER - 1)
#endif

/* 6.8 dropped the count: a call adds one. */
static inline void klab_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd);
#else
	eventfd_signal(eventfd, 1);
#endif
}

/* 6.13 sets the function along with the rest. */
static inline void klab_hrtimer_setup(struct hrtimer *timer,
				      enum hrtimer_restart (*run)(struct hrtimer *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, run, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	timer->function = run;
#endif
}

/* 6.5 replaced the splice of files that have no pages to give away. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define klab_splice_read	copy_splice_read
#else
#define klab_splice_read	generic_file_splice_read
#endif

/* 6.3 made the flags of an area read-only to whoever does not ask like this. */
static inline void klab_vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

/* 6.14 took the list away, and with it the array out of the name. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define klab_alloc_pages_bulk(gfp, count, pages)	alloc_pages_bulk(gfp, count, pages)
#define klab_alloc_pages_bulk_node(gfp, node, count, pages)	\
	alloc_pages_bulk_node(gfp, node, count, pages)
#else
#define klab_alloc_pages_bulk(gfp, count, pages)	alloc_pages_bulk_array(gfp, count, pages)
#define klab_alloc_pages_bulk_node(gfp, node, count, pages)	\
	alloc_pages_bulk_array_node(gfp, node, count, pages)
#endif

/* Which migrate types there are depends on the configuration; ours have fixed numbers. */
static inline u32 klab_migrate_type(int type)
{
	static const u8 types[MIGRATE_TYPES] = {
		[MIGRATE_UNMOVABLE] = KLAB_TYPE_UNMOVABLE,
		[MIGRATE_MOVABLE] = KLAB_TYPE_MOVABLE,
		[MIGRATE_RECLAIMABLE] = KLAB_TYPE_RECLAIMABLE,
		[MIGRATE_HIGHATOMIC] = KLAB_TYPE_HIGHATOMIC,
#ifdef CONFIG_CMA
		[MIGRATE_CMA] = KLAB_TYPE_CMA,
#endif
#ifdef CONFIG_MEMORY_ISOLATION
		[MIGRATE_ISOLATE] = KLAB_TYPE_ISOLATE,
#endif
	};

	return types[type];
}

/*
 * The type of the memory around a page. The kernel's function for it is not exported;
 * where sections keep it, it can be read. From 6.17 on it is stored otherwise.
 */
#if defined(CONFIG_SPARSEMEM) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define KLAB_CAN_READ_TYPES	1
static inline int klab_pageblock_type(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	const unsigned long *map = section_to_usemap(__pfn_to_section(pfn));
	unsigned long bit = (pfn % PAGES_PER_SECTION >> pageblock_order) * NR_PAGEBLOCK_BITS;
	unsigned long type = map[BIT_WORD(bit)] >> bit % BITS_PER_LONG & MIGRATETYPE_MASK;

	return type < MIGRATE_TYPES ? klab_migrate_type(type) : -1;
}
#else
#define KLAB_CAN_READ_TYPES	0
static inline int klab_pageblock_type(struct page *page)
{
	return -1;
}
#endif

/* 6.2 made the counters of an address space per-CPU; and this is their exact sum. */
static inline unsigned long klab_mm_counter(struct mm_struct *mm, int counter)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	return percpu_counter_sum_positive(&mm->rss_stat[counter]);
#else
	return get_mm_counter(mm, counter);
#endif
}

/* 6.8: the file that was mapped, when a file system has another one do the work. */
static inline const struct path *klab_file_path(const struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return file_user_path(file);
#else
	return &file->f_path;
#endif
}

static inline const struct inode *klab_file_inode(const struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return file_user_inode(file);
#else
	return file_inode(file);
#endif
}

/* The name that PR_SET_VMA_ANON_NAME gave; a kernel may be without. */
static inline const char *klab_area_given_name(const struct vm_area_struct *vma)
{
#ifdef CONFIG_ANON_VMA_NAME
	/* In a file's area of old kernels its place holds something else. */
	if (LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0) && vma->vm_file)
		return NULL;
	return vma->anon_name ? vma->anon_name->name : NULL;
#else
	return NULL;
#endif
}

/* 6.11 took page_mapcount() away: how often is this very page mapped? */
static inline u32 klab_page_mapcount(struct folio *folio, struct page *page)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	int mapped = atomic_read(&page->_mapcount) + 1;

	if (page_mapcount_is_type(mapped))
		mapped = 0;
	return folio_test_large(folio) ? mapped + folio_entire_mapcount(folio) : mapped;
#else
	return page_mapcount(page);
#endif
}

/* 6.3 has POSIX_FADV_NOREUSE do something. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define KLAB_FMODE_NOREUSE	FMODE_NOREUSE
#else
#define KLAB_FMODE_NOREUSE	0
#endif

/* 6.13 lets the probes of system calls sleep; ours rely on preemption being off. */
static inline void klab_syscall_probe_begin(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	preempt_disable_notrace();
#endif
}

static inline void klab_syscall_probe_end(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	preempt_enable_notrace();
#endif
}

/* 6.16 renamed it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define klab_rdmsr(number, value)	rdmsrq(number, value)
#else
#define klab_rdmsr(number, value)	rdmsrl(number, value)
#endif

/* 6.9 brought the other way for a processor to come into the kernel. */
#ifdef X86_CR4_FRED
#define KLAB_CR4_FRED	X86_CR4_FRED
#else
#define KLAB_CR4_FRED	0
#endif

#endif /* KLAB_COMPAT_H */
