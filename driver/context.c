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

	if (!context)
		return NULL;
	context->kind = kind;
	init_waitqueue_head(&context->pages_changed);
	refcount_set(&context->users, 1);
	return context;
}

/* The context of a descriptor of one of these kinds. It may outlive the file. */
struct klab_context *klab_context_get(int fd, unsigned int kinds)
{
	struct klab_context *context = NULL;
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (file->f_op->unlocked_ioctl == klab_ioctl)
		context = file->private_data;
	if (context && context->kind & kinds)
		refcount_inc(&context->users);
	else
		context = ERR_PTR(-EINVAL);
	fput(file);
	return context;
}

/* What it holds may have been given back long before. */
void klab_context_put(struct klab_context *context)
{
	if (!refcount_dec_and_test(&context->users))
		return;
	if (context->channel)
		klab_channel_put(context->channel);
	kvfree(context->notifier);
	kfree(context);
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
