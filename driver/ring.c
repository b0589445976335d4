// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of a channel: a ring of bytes, and for one that userspace may map, a
 * page of shared indices before it (struct klab_channel_map).
 *
 * An index counts bytes without end; where it leads in the ring is its remainder.
 * Nothing here trusts one: whatever it is, only bytes of this ring are reached.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "klab.h"

static void free_pages_of(struct klab_ring *ring, size_t count)
{
	while (count--)
		__free_page(ring->pages[count]);
	kvfree(ring->pages);
}

static size_t count_pages(const struct klab_ring *ring)
{
	return 1 + (ring->capacity >> PAGE_SHIFT);
}

/* Single pages, as a fault hands them out one by one; the kernel sees them in a row. */
static int init_mappable(struct klab_ring *ring)
{
	size_t count = count_pages(ring), i;
	void *start;

	ring->pages = kvcalloc(count, sizeof(*ring->pages), KLAB_GFP);
	if (!ring->pages)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		ring->pages[i] = alloc_page(KLAB_GFP | __GFP_ZERO);
		if (!ring->pages[i])
			goto out_free;
	}
	start = vmap(ring->pages, count, VM_MAP, PAGE_KERNEL);
	if (!start)
		goto out_free;

	ring->shared = start;
	ring->shared->capacity = ring->capacity;
	ring->bytes = start + PAGE_SIZE;
	return 0;

out_free:
	free_pages_of(ring, i);
	return -ENOMEM;
}

int klab_ring_init(struct klab_ring *ring, size_t capacity, bool mappable)
{
	*ring = (struct klab_ring) { .capacity = capacity };
	if (!klab_affordable(capacity >> PAGE_SHIFT))
		return -ENOMEM;
	if (mappable)
		return init_mappable(ring);

	ring->bytes = kvmalloc(capacity, KLAB_GFP);
	return ring->bytes ? 0 : -ENOMEM;
}

void klab_ring_free(struct klab_ring *ring)
{
	if (!ring->shared) {
		kvfree(ring->bytes);
		return;
	}
	vunmap(ring->shared);
	free_pages_of(ring, count_pages(ring));
}

/* Every byte goes where its index leads in the other ring. */
void klab_ring_move(struct klab_ring *to, const struct klab_ring *from, size_t index, size_t bytes)
{
	while (bytes) {
		size_t source = index & (from->capacity - 1), target = index & (to->capacity - 1);
		size_t straight = min3(bytes, from->capacity - source, to->capacity - target);

		memcpy(to->bytes + target, from->bytes + source, straight);
		index += straight;
		bytes -= straight;
	}
}

/*
 * The shared page, then the ring, then the ring again: what wraps around lies in a
 * row for the caller.
 */
static vm_fault_t ring_fault(struct vm_fault *fault)
{
	const struct klab_ring *ring = fault->vma->vm_private_data;
	size_t in_ring = ring->capacity >> PAGE_SHIFT, page = fault->pgoff;

	if (page > 2 * in_ring)
		return VM_FAULT_SIGBUS;
	if (page > in_ring)
		page -= in_ring;
	fault->page = ring->pages[page];
	get_page(fault->page);
	return 0;
}

static const struct vm_operations_struct ring_vm_ops = {
	.fault	= ring_fault,
};

int klab_ring_mmap(struct klab_ring *ring, struct vm_area_struct *vma)
{
	if (!ring->shared)
		return -ENODEV;
	/* A private mapping would copy what is meant to be shared. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;

	/* The area holds the file, the file its channel, and that the ring. */
	vma->vm_private_data = ring;
	vma->vm_ops = &ring_vm_ops;
	return 0;
}
