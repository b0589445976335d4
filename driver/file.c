// SPDX-License-Identifier: GPL-2.0-only
/*
 * An open file of the caller: the advice it was given, its read-ahead, and what of it
 * is in the page cache.
 *
 * Pages are taken from the cache with a reference, a few at a time, and so are what
 * they are while they are counted.
 */
#include <linux/backing-dev.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "klab.h"

/* The question mincore(2) and cachestat(2) ask: what others read is not for everybody. */
static bool may_see_cache(struct file *file)
{
	return file->f_mode & FMODE_WRITE ||
	       file_owner_or_capable(file) || !file_permission(file, MAY_WRITE);
}

static int put_run(struct klab_file_stat *ask, u32 room, struct klab_file_run *run)
{
	int error = run->pages ? klab_put_record(&ask->runs, room, run, sizeof(*run)) : 0;

	run->pages = 0;
	return error;
}

static int add_folio(struct klab_file_stat *ask, u32 room, struct klab_file_run *run,
		     struct folio *folio, u64 first, u64 last)
{
	u64 start = max_t(u64, first, folio->index);
	u64 pages = min_t(u64, last, folio_next_index(folio) - 1) - start + 1;
	u32 flags = 0;
	int error = 0;

	if (folio_test_dirty(folio))
		flags |= KLAB_CACHE_DIRTY;
	if (folio_test_writeback(folio))
		flags |= KLAB_CACHE_WRITEBACK;
	if (!folio_test_uptodate(folio))
		flags |= KLAB_CACHE_READING;
	ask->cached += pages;
	ask->dirty += flags & KLAB_CACHE_DIRTY ? pages : 0;
	ask->writeback += flags & KLAB_CACHE_WRITEBACK ? pages : 0;
	if (run->start + run->pages != start || run->flags != flags) {
		error = put_run(ask, room, run);
		run->start = start;
		run->flags = flags;
	}
	run->pages += pages;
	return error;
}

/* The pages from @first to @last, both of them included. */
static int walk_cache(struct klab_file_stat *ask, struct address_space *mapping, pgoff_t first,
		      pgoff_t last)
{
	struct klab_file_run run = { 0 };
	u32 room = ask->runs.count, i;
	struct folio_batch batch;
	pgoff_t next = first;
	int error = 0;

	ask->runs.count = 0;
	folio_batch_init(&batch);
	while (!error && filemap_get_folios(mapping, &next, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch) && !error; i++)
			error = add_folio(ask, room, &run, batch.folios[i], first, last);
		folio_batch_release(&batch);
		if (fatal_signal_pending(current))
			error = -EINTR;
		cond_resched();
	}
	return error ?: put_run(ask, room, &run);
}

static void read_ahead(struct klab_file_stat *ask, struct file *file)
{
	const struct file_ra_state *ahead = &file->f_ra;

	ask->ahead_start = READ_ONCE(ahead->start);
	ask->ahead_pages = READ_ONCE(ahead->size);
	ask->ahead_async = READ_ONCE(ahead->async_size);
	ask->ahead_most = READ_ONCE(ahead->ra_pages);
	ask->map_misses = READ_ONCE(ahead->mmap_miss);
	ask->read_last = READ_ONCE(ahead->prev_pos);
	ask->device_most = inode_to_bdi(file->f_mapping->host)->ra_pages;
	ask->state = 0;
	if (file->f_mode & FMODE_RANDOM)
		ask->state |= KLAB_FILE_RANDOM;
	if (file->f_mode & KLAB_FMODE_NOREUSE)
		ask->state |= KLAB_FILE_NO_REUSE;
}

int klab_file_stat(struct klab_context *context, void *arg)
{
	struct klab_file_stat *ask = arg;
	struct file *file;
	u64 last;
	int error = klab_check_array(&ask->runs, offsetofend(struct klab_file_run, reserved));

	if (!error && (ask->flags || check_add_overflow(ask->start, ask->pages, &last) ||
		       last > ULONG_MAX))
		error = -EINVAL;
	if (error)
		return error;
	/* An O_PATH descriptor is not an open file, and is not found. */
	file = fget(ask->fd);
	if (!file)
		return -EBADF;
	if (!file->f_mapping || IS_DAX(file->f_mapping->host) ||
	    file_inode(file)->i_sb->s_magic == HUGETLBFS_MAGIC) {
		error = -EOPNOTSUPP;
		goto out;
	}
	read_ahead(ask, file);
	ask->size = i_size_read(file_inode(file));
	ask->cached = 0;
	ask->dirty = 0;
	ask->writeback = 0;
	if (may_see_cache(file)) {
		ask->state |= KLAB_FILE_CACHE;
		error = walk_cache(ask, file->f_mapping, ask->start,
				   ask->pages ? last - 1 : ULONG_MAX);
	} else {
		ask->runs.count = 0;
	}
out:
	fput(file);
	return error;
}
