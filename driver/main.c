// SPDX-License-Identifier: GPL-2.0-only
/* Load and unload, /dev/klab, its file operations. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "klab.h"

/* The channel that all openers share; it lives as long as the module. */
static struct klab_channel *shared_channel;

static int klab_open(struct inode *inode, struct file *file)
{
	struct klab_context *context;

	context = kzalloc(sizeof(*context), KLAB_GFP);
	if (!context)
		return -ENOMEM;

	context->channel = shared_channel;
	klab_pages_init(context);
	file->private_data = context;
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

/*
 * Runs once, after the last descriptor is closed and the last call that came in
 * by one has returned: nobody else sees the context any more.
 */
static int klab_release(struct inode *inode, struct file *file)
{
	struct klab_context *context = file->private_data;

	klab_pages_release(context);
	kfree(context);
	return 0;
}

static ssize_t klab_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct klab_context *context = iocb->ki_filp->private_data;

	return klab_channel_read(context->channel, iocb, to);
}

static ssize_t klab_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct klab_context *context = iocb->ki_filp->private_data;

	return klab_channel_write(context->channel, iocb, from);
}

static __poll_t klab_poll(struct file *file, poll_table *wait)
{
	struct klab_context *context = file->private_data;

	return klab_channel_poll(context->channel, file, wait);
}

static void klab_show_fdinfo(struct seq_file *out, struct file *file)
{
	struct klab_context *context = file->private_data;

	seq_printf(out, "channel_bytes:\t%zu\n", klab_channel_bytes(context->channel));
	seq_printf(out, "batches:\t%lu\n", klab_pages_batches(context));
	seq_printf(out, "pages_held:\t%lu\n", READ_ONCE(context->pages_held));
}

static const struct file_operations klab_fops = {
	.owner		= THIS_MODULE,
	.open		= klab_open,
	.release	= klab_release,
	.read_iter	= klab_read_iter,
	.write_iter	= klab_write_iter,
	.poll		= klab_poll,
	.unlocked_ioctl	= klab_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= klab_show_fdinfo,
};

static struct miscdevice klab_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "klab",
	.fops	= &klab_fops,
	.mode	= 0660,
};

static int __init klab_init(void)
{
	int error;

	shared_channel = klab_channel_create();
	if (IS_ERR(shared_channel))
		return PTR_ERR(shared_channel);

	/* From here on /dev/klab can be opened, so this comes last. */
	error = misc_register(&klab_device);
	if (error)
		klab_channel_destroy(shared_channel);
	return error;
}

static void __exit klab_exit(void)
{
	misc_deregister(&klab_device);
	klab_channel_destroy(shared_channel);
}

module_init(klab_init);
module_exit(klab_exit);

MODULE_DESCRIPTION("A laboratory for the border between kernel and userland");
MODULE_AUTHOR("The klab authors");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
