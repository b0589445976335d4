// SPDX-License-Identifier: GPL-2.0-only
/* Load and unload, /dev/klab, private channels, the file operations of both. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "compat.h"
#include "klab.h"

/* The channel that all openers share; it lives as long as the module. */
static struct klab_channel *shared_channel;

static void make_stream(struct file *file)
{
	file->f_mode |= FMODE_NOWAIT;
	stream_open(file_inode(file), file);
}

static int klab_open(struct inode *inode, struct file *file)
{
	struct klab_context *context = klab_context_new(KLAB_ON_DEVICE);

	if (!context)
		return -ENOMEM;
	if (klab_pages_init(context)) {
		kfree(context);
		return -ENOMEM;
	}
	klab_channel_get(shared_channel);
	context->channel = shared_channel;
	klab_context_attach(context, file);
	make_stream(file);
	return 0;
}

/*
 * Runs once, after the last descriptor is closed and the last call that came in
 * by one has returned: nobody else sees the context any more.
 */
static int klab_release(struct inode *inode, struct file *file)
{
	struct klab_context *context = file->private_data;

	if (context->kind == KLAB_ON_DEVICE)
		klab_pages_release(context);
	klab_context_put(context);
	return 0;
}

static enum klab_wait may_wait(struct file *file, int iocb_flags)
{
	if (iocb_flags & IOCB_NOWAIT)
		return KLAB_WAIT_NOTHING;
	return file->f_flags & O_NONBLOCK ? KLAB_WAIT_OWN_SIDE : KLAB_WAIT_FOREVER;
}

static ssize_t klab_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct klab_context *context = iocb->ki_filp->private_data;

	return klab_channel_read(context->channel, to, may_wait(iocb->ki_filp, iocb->ki_flags));
}

static ssize_t klab_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct klab_context *context = iocb->ki_filp->private_data;

	return klab_channel_write(context->channel, from, may_wait(iocb->ki_filp, iocb->ki_flags));
}

/*
 * The two above would do for read(2) and write(2) as well; without the kiocb, of
 * which nothing is needed, a call is a tenth shorter.
 */
static ssize_t klab_read(struct file *file, char __user *data, size_t size, loff_t *position)
{
	struct klab_context *context = file->private_data;
	struct iov_iter to;

	iov_iter_ubuf(&to, ITER_DEST, data, size);
	return klab_channel_read(context->channel, &to, may_wait(file, 0));
}

static ssize_t klab_write(struct file *file, const char __user *data, size_t size,
			  loff_t *position)
{
	struct klab_context *context = file->private_data;
	struct iov_iter from;

	iov_iter_ubuf(&from, ITER_SOURCE, (char __user *)data, size);
	return klab_channel_write(context->channel, &from, may_wait(file, 0));
}

static __poll_t klab_poll(struct file *file, poll_table *wait)
{
	struct klab_context *context = file->private_data;

	return klab_channel_poll(context->channel, file, wait);
}

static int klab_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct klab_context *context = file->private_data;

	if (context->kind == KLAB_ON_DEVICE)
		return klab_pages_mmap(context, vma);
	return klab_channel_mmap(context->channel, vma);
}

static int klab_fasync(int fd, struct file *file, int on)
{
	struct klab_context *context = file->private_data;

	return klab_channel_fasync(context->channel, fd, file, on);
}

static void show_side(struct seq_file *out, const char *name, const struct klab_channel_side *side)
{
	seq_printf(out, "channel_%s:\tbytes %llu calls %llu sleeps %llu wakeups %llu\n",
		   name, side->bytes, side->calls, side->sleeps, side->wakeups);
}

static void klab_show_fdinfo(struct seq_file *out, struct file *file)
{
	struct klab_context *context = file->private_data;
	struct klab_channel_stat channel;

	klab_channel_stat(context, &channel);
	seq_printf(out, "channel_bytes:\t%llu\n", channel.bytes);
	seq_printf(out, "channel_capacity:\t%llu\n", channel.capacity);
	seq_printf(out, "channel_ended:\t%d\n", !!(channel.state & KLAB_CHANNEL_ENDED));
	show_side(out, "write", &channel.write);
	show_side(out, "read", &channel.read);
	if (context->kind != KLAB_ON_DEVICE)
		return;
	seq_printf(out, "batches:\t%lu\n", klab_pages_batches(context));
	seq_printf(out, "pages_held:\t%lu\n", READ_ONCE(context->pages_held));
}

static const struct file_operations klab_fops = {
	.owner		= THIS_MODULE,
	.open		= klab_open,
	.release	= klab_release,
	.read		= klab_read,
	.write		= klab_write,
	.read_iter	= klab_read_iter,
	.write_iter	= klab_write_iter,
	.splice_read	= klab_splice_read,
	.splice_write	= iter_file_splice_write,
	.poll		= klab_poll,
	.fasync		= klab_fasync,
	.mmap		= klab_mmap,
	.unlocked_ioctl	= klab_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= klab_show_fdinfo,
};

int klab_channel_create(struct klab_context *context, void *arg)
{
	struct klab_channel_create *ask = arg;
	struct klab_channel *channel;
	struct klab_context *made;
	int fd = -ENOMEM;

	if (ask->flags & ~KLAB_CHANNEL_MAPPABLE || ask->reserved)
		return -EINVAL;
	channel = klab_channel_private(ask->capacity, ask->flags & KLAB_CHANNEL_MAPPABLE);
	if (IS_ERR(channel))
		return PTR_ERR(channel);

	made = klab_context_new(KLAB_ON_CHANNEL);
	if (made) {
		made->channel = channel;
		fd = klab_context_install(made, "[klab-channel]", &klab_fops, O_RDWR, make_stream);
	}
	if (fd < 0) {
		kfree(made);
		klab_channel_put(channel);
	}
	return fd;
}

static struct miscdevice klab_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "klab",
	.fops	= &klab_fops,
	.mode	= 0660,
};

static int __init klab_init(void)
{
	int error;

	klab_frames_init();
	klab_probes_find();
	shared_channel = klab_channel_shared();
	if (IS_ERR(shared_channel))
		return PTR_ERR(shared_channel);

	klab_deliver_init(&klab_device);
	/* From here on /dev/klab can be opened, so this comes last. */
	error = misc_register(&klab_device);
	if (error)
		klab_channel_put(shared_channel);
	else
		klab_coverage_init();
	return error;
}

static void __exit klab_exit(void)
{
	misc_deregister(&klab_device);
	klab_coverage_exit();
	klab_channel_put(shared_channel);
}

module_init(klab_init);
module_exit(klab_exit);

MODULE_DESCRIPTION("A laboratory for the border between kernel and userland");
MODULE_AUTHOR("The klab authors");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
