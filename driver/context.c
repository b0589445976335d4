// SPDX-License-Identifier: GPL-2.0-only
/* What all descriptors have in common: a context, and how they come about. */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/slab.h>

#include "klab.h"

struct klab_context *klab_context_new(enum klab_kind kind)
{
	struct klab_context *context = kzalloc(sizeof(*context), KLAB_GFP);

	if (context)
		context->kind = kind;
	return context;
}

void klab_context_attach(struct klab_context *context, struct file *file)
{
	context->file = file;
	file->private_data = context;
}

/*
 * Returns a new descriptor for @context, or an error, and then the context is still
 * the caller's. From the moment it is installed another thread may use it, or close
 * it: nothing may follow. @prepare, if there is one, sees the file before that.
 */
int klab_context_install(struct klab_context *context, const char *name,
			 const struct file_operations *operations, int flags,
			 void (*prepare)(struct file *file))
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, operations, context, flags);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	klab_context_attach(context, file);
	if (prepare)
		prepare(file);
	fd_install(fd, file);
	return fd;
}
