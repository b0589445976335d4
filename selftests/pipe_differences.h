/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a channel is not like a pipe: the rest of pipe_same.c, which includes this. */

/* The one call of each whose answer is not the same, and what a pipe and a channel say. */
struct difference {
	const char *name, *reason;
	void (*script)(struct stream *s, struct record *record);
	int flags;
	long long pipe, channel;
};

static void room_by_the_byte(struct stream *s, struct record *record)
{
	PUT(CAPACITY);
	GET(100);
	DO(PUT(100));
}

static void small_writes(struct stream *s, struct record *record)
{
	int writes;

	for (writes = 0; writes < CAPACITY && PUT(2049) == 2049; writes++)
		;
	DO(writes);
}

static void one_descriptor(struct stream *s, struct record *record)
{
	DO(fcntl(s->out, F_GETFL) & O_ACCMODE);
}

static void hang_up_for_writers(struct stream *s, struct record *record)
{
	break_off(s);
	DO(polled(s->in, 0));
}

static void writable_after_the_end(struct stream *s, struct record *record)
{
	break_off(s);
	DO(polled(s->in, POLLOUT) & POLLOUT);
}

static void set_pipe_size(struct stream *s, struct record *record)
{
	DO(fcntl(s->in, F_SETPIPE_SZ, CAPACITY));
}

static void send_from_it(struct stream *s, struct record *record)
{
	int file = memfd_create("to", MFD_CLOEXEC);

	PUT(10);
	DO(splice(s->out, NULL, file, NULL, 10, 0));
	close(file);
}

static void bad_memory_in_a_write(struct stream *s, struct record *record)
{
	unsigned char *fence = fenced_memory(8192);

	DO(write(s->in, fence - 6000, 8000));
}

static void bad_memory_in_a_read(struct stream *s, struct record *record)
{
	unsigned char *fence = fenced_memory(4096);

	PUT(1000);
	DO(read(s->out, fence - 400, 1000));
}

static const struct difference differences[] = {
	{ "room_by_the_byte", "a pipe frees room by whole pages, a channel by the byte",
	  room_by_the_byte, O_NONBLOCK, -EAGAIN, 100 },
	{ "small_writes", "a pipe of 64 KiB has 16 pages; of these one goes in each",
	  small_writes, O_NONBLOCK, 16, 31 },
	{ "one_descriptor", "a channel is one descriptor, for both directions",
	  one_descriptor, 0, O_RDONLY, O_RDWR },
	{ "hang_up_for_writers", "a channel has one end for all; no reader is an error",
	  hang_up_for_writers, 0, POLLERR, POLLHUP },
	{ "writable_after_the_end", "with POLLHUP there is no POLLOUT, with POLLERR there is",
	  writable_after_the_end, 0, POLLOUT, 0 },
	{ "set_pipe_size", "fcntl() asks for a pipe; of a channel KLAB_IOC_CHANNEL_RESIZE",
	  set_pipe_size, 0, CAPACITY, -EBADF },
	{ "splice_to_a_file", "splice needs a pipe on one side, and a channel is none",
	  send_from_it, O_NONBLOCK, 10, -EINVAL },
	{ "bad_memory_in_a_write", "a pipe takes page by page, a channel piece by piece",
	  bad_memory_in_a_write, O_NONBLOCK, 4096, -EFAULT },
	{ "bad_memory_in_a_read", "a pipe hands over a page or not, a channel what it can",
	  bad_memory_in_a_read, O_NONBLOCK, -EFAULT, 400 },
};

TEST(known_differences)
{
	struct record pipe, channel;
	size_t i;

	prepare();
	for (i = 0; i < ARRAY_SIZE(differences); i++) {
		const struct difference *known = &differences[i];

		run(&pipe, false, known->flags, known->script);
		run(&channel, true, known->flags, known->script);
		ASSERT_EQ(1, pipe.count);
		ASSERT_EQ(1, channel.count);
		printf("# %s: pipe %lld, channel %lld: %s\n", known->name, pipe.results[0],
		       channel.results[0], known->reason);
		fflush(stdout);
		EXPECT_EQ(known->pipe, pipe.results[0])
			TH_LOG("pipe, %s", known->name);
		EXPECT_EQ(known->channel, channel.results[0])
			TH_LOG("channel, %s", known->name);
		EXPECT_NE(pipe.results[0], channel.results[0])
			TH_LOG("no difference any more: %s", known->name);
	}
}
