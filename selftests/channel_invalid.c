// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of channels, one fault at a time as in invalid.c, and the limits of
 * a channel's capacity from both sides.
 */
#include <linux/capability.h>
#include <sched.h>

#include "scene.h"

#define LIMIT	((__u64)KLAB_CHANNEL_CAPACITY_LIMIT)

FIXTURE(channel_invalid)
{
	struct scene scene;
	__u64 max;		/* capacity for those without CAP_SYS_RESOURCE */
};

FIXTURE_SETUP(channel_invalid)
{
	ASSERT_TRUE(scene_open(&self->scene));
	self->max = self->scene.info.channel_capacity_max;
	ASSERT_LT(self->max, LIMIT);
}

FIXTURE_TEARDOWN(channel_invalid)
{
	scene_close(&self->scene);
}

/* Capacities that nobody may ask for, among them those that a cast would make small. */
#define CAPACITIES_REFUSED(command, field) do {				\
	__u64 _wrong[] = {						\
		LIMIT + 1, 2 * LIMIT, 1ULL << 31, 1ULL << 32, 1ULL << 32 | 4096, \
		1ULL << 63, 1ULL << 63 | 4096, ~0ULL,			\
	};								\
	size_t i;							\
									\
	for (i = 0; i < ARRAY_SIZE(_wrong); i++)			\
		REFUSED(EINVAL, command, arg.field.capacity = _wrong[i]); \
} while (0)

TEST_F(channel_invalid, create)
{
	CAPACITIES_REFUSED(CHANNEL_CREATE, create);
	FLAGS_REFUSED(CHANNEL_CREATE, create.flags, KLAB_CHANNEL_MAPPABLE);
	FLAGS_REFUSED(CHANNEL_CREATE, create.reserved, 0);
}

TEST_F(channel_invalid, resize)
{
	CAPACITIES_REFUSED(CHANNEL_RESIZE, resize);
}

static bool set_cap_sys_resource(bool on)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective &= ~(1U << CAP_SYS_RESOURCE);
	data[0].effective |= (unsigned int)on << CAP_SYS_RESOURCE;
	return !syscall(SYS_capset, &header, data);
}

/* The unprivileged stop at channel_capacity_max, and nobody goes beyond the limit. */
TEST_F(channel_invalid, capacity_without_capability)
{
	int made;

	ASSERT_TRUE(set_cap_sys_resource(false));
	REFUSED(EPERM, CHANNEL_CREATE, arg.create.capacity = self->max + 1);
	REFUSED(EPERM, CHANNEL_CREATE, arg.create.capacity = LIMIT);
	REFUSED(EPERM, CHANNEL_CREATE, (arg.create.capacity = self->max + 1,
					arg.create.flags = KLAB_CHANNEL_MAPPABLE));
	REFUSED(EPERM, CHANNEL_RESIZE, arg.resize.capacity = self->max + 1);
	REFUSED(EPERM, CHANNEL_RESIZE, arg.resize.capacity = LIMIT);
	REFUSED(EINVAL, CHANNEL_CREATE, arg.create.capacity = LIMIT + 1);
	REFUSED(EINVAL, CHANNEL_RESIZE, arg.resize.capacity = LIMIT + 1);

	made = create_channel(self->scene.klab, self->max, 0);
	ASSERT_LE(0, made);
	EXPECT_EQ(self->max, channel_stat(made).capacity);
	EXPECT_EQ(0, resize_channel(made, 4096));
	EXPECT_EQ(0, resize_channel(made, self->max));

	/* It is a matter of the moment of asking: what is larger already goes on working. */
	ASSERT_TRUE(set_cap_sys_resource(true));
	EXPECT_EQ(0, resize_channel(made, 2 * self->max));
	ASSERT_TRUE(set_cap_sys_resource(false));
	EXPECT_EQ(2 * self->max, channel_stat(made).capacity);
	EXPECT_EQ(1, write(made, "x", 1));
	EXPECT_EQ(EPERM, resize_channel(made, 2 * self->max));
	EXPECT_EQ(2 * self->max, channel_stat(made).capacity);
	close(made);
}

/* Whoever is root in a user namespace of his own has no right to more of the machine. */
TEST_F(channel_invalid, capacity_in_user_namespace)
{
	pid_t child = fork();
	int status;

	if (!child) {
		if (unshare(CLONE_NEWUSER))
			_exit(KSFT_SKIP);
		_exit(create_channel(self->scene.klab, self->max + 1, 0) < 0 ? errno : 0);
	}
	status = child_status(child);
	if (status == KSFT_SKIP)
		SKIP(return, "no user namespaces here");
	EXPECT_EQ(EPERM, status);
}

TEST_F(channel_invalid, capacity_with_capability)
{
	int made = create_channel(self->scene.klab, self->max + 1, 0);

	ASSERT_LE(0, made);
	EXPECT_EQ(2 * self->max, channel_stat(made).capacity);
	EXPECT_EQ(0, resize_channel(made, LIMIT));
	EXPECT_EQ(LIMIT, channel_stat(made).capacity);
	close(made);
	made = create_channel(self->scene.klab, LIMIT, 0);
	ASSERT_LE(0, made);
	EXPECT_EQ(LIMIT, channel_stat(made).capacity);
	close(made);
}

/* More in it than would fit: it stays as it is, and so does what is in it. */
TEST_F(channel_invalid, resize_below_content)
{
	unsigned char in[SCENE_CAPACITY + 1], out[2 * SCENE_CAPACITY];
	int channel = create_channel(self->scene.klab, 2 * SCENE_CAPACITY, 0);
	struct klab_channel_stat before, after;
	size_t i;

	ASSERT_LE(0, channel);
	for (i = 0; i < sizeof(in); i++)
		in[i] = i % 251;
	ASSERT_EQ(sizeof(in), write(channel, in, sizeof(in)));
	before = channel_stat(channel);
	EXPECT_EQ(EBUSY, resize_channel(channel, SCENE_CAPACITY));
	EXPECT_EQ(EBUSY, resize_channel(channel, 0));
	after = channel_stat(channel);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));

	/* One byte less, and it fits to the brim. */
	EXPECT_EQ(1, read(channel, out, 1));
	EXPECT_EQ(0, resize_channel(channel, SCENE_CAPACITY));
	EXPECT_EQ(SCENE_CAPACITY, channel_stat(channel).capacity);
	EXPECT_EQ(SCENE_CAPACITY, read(channel, out, sizeof(out)));
	EXPECT_EQ(0, memcmp(out, in + 1, SCENE_CAPACITY));
	close(channel);
}

/* What is shared can be resized, and cannot be ended: others are not to be surprised. */
TEST_F(channel_invalid, shared)
{
	int device = self->scene.klab, i;
	__u64 capacity;
	char byte;

	ASSERT_LE(0, channel_drain());
	capacity = channel_stat(device).capacity;
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(EOPNOTSUPP, end_channel(device));
		EXPECT_EQ(KLAB_CHANNEL_SHARED, channel_stat(device).state);
		ASSERT_EQ(1, write(device, "s", 1));
		EXPECT_EQ(1, read(device, &byte, 1));
	}
	EXPECT_EQ(0, resize_channel(device, 2 * capacity));
	EXPECT_EQ(2 * capacity, channel_stat(device).capacity);
	EXPECT_EQ(0, resize_channel(device, capacity));
	EXPECT_EQ(capacity, channel_stat(device).capacity);
}

/* Bad flags are bad flags, also where the command itself would be refused. */
TEST_F(channel_invalid, end)
{
	struct klab_channel_end end = { .flags = 1 };

	FLAGS_REFUSED(CHANNEL_END, end.flags, 0);
	FLAGS_REFUSED(CHANNEL_END, end.reserved, 0);
	EXPECT_EQ(EINVAL, klab(self->scene.klab, KLAB_IOC_CHANNEL_END, &end));
}

TEST_F(channel_invalid, wait)
{
	__u32 sides[] = { 2, 3, 0x100, 1U << 31, 1U << 31 | 1, ~0U };
	__u64 bytes[] = { 0, SCENE_CAPACITY + 1, 1ULL << 32, 1ULL << 32 | 1, 1ULL << 63, ~0ULL };
	size_t i;

	FLAGS_REFUSED(CHANNEL_WAIT, wait.flags, 0);
	for (i = 0; i < ARRAY_SIZE(sides); i++)
		REFUSED(EINVAL, CHANNEL_WAIT, arg.wait.side = sides[i]);
	for (i = 0; i < ARRAY_SIZE(bytes); i++) {
		REFUSED(EINVAL, CHANNEL_WAIT, arg.wait.bytes = bytes[i]);
		REFUSED(EINVAL, CHANNEL_WAIT, (arg.wait.side = KLAB_CHANNEL_READERS,
					       arg.wait.bytes = bytes[i]));
	}

	/* Not yet: and who must not wait does not. */
	ASSERT_EQ(0, fcntl(self->scene.channel, F_SETFL, O_NONBLOCK));
	REFUSED(EAGAIN, CHANNEL_WAIT, (arg.wait.side = KLAB_CHANNEL_READERS, arg.wait.bytes = 1));
	REFUSED(EAGAIN, CHANNEL_WAIT, (arg.wait.side = KLAB_CHANNEL_READERS,
				       arg.wait.bytes = SCENE_CAPACITY));
}

/* How far off it is makes the difference, to the byte. */
TEST_F(channel_invalid, wait_nonblocking)
{
	struct klab_channel_wait data = { .side = KLAB_CHANNEL_READERS, .bytes = 10 };
	struct klab_channel_wait room = { .side = KLAB_CHANNEL_WRITERS };
	int channel = self->scene.channel;

	ASSERT_EQ(0, fcntl(channel, F_SETFL, O_NONBLOCK));
	room.bytes = SCENE_CAPACITY - 9;
	ASSERT_EQ(9, write(channel, "123456789", 9));
	EXPECT_EQ(EAGAIN, klab(channel, KLAB_IOC_CHANNEL_WAIT, &data));
	EXPECT_EQ(0, klab(channel, KLAB_IOC_CHANNEL_WAIT, &room));
	ASSERT_EQ(1, write(channel, "0", 1));
	EXPECT_EQ(0, klab(channel, KLAB_IOC_CHANNEL_WAIT, &data));
	EXPECT_EQ(EAGAIN, klab(channel, KLAB_IOC_CHANNEL_WAIT, &room));
	ASSERT_EQ(0, end_channel(channel));
	data.bytes = SCENE_CAPACITY;
	EXPECT_EQ(0, klab(channel, KLAB_IOC_CHANNEL_WAIT, &data));
	EXPECT_EQ(0, klab(channel, KLAB_IOC_CHANNEL_WAIT, &room));
}

TEST_F(channel_invalid, wake)
{
	__u32 sides[] = { 2, 3, 0x100, 1U << 31, 1U << 31 | 1, ~0U };
	size_t i;

	FLAGS_REFUSED(CHANNEL_WAKE, wake.flags, 0);
	for (i = 0; i < ARRAY_SIZE(sides); i++)
		REFUSED(EINVAL, CHANNEL_WAKE, arg.wake.side = sides[i]);
}

/* Somebody may have mapped it as it is. */
TEST_F(channel_invalid, resize_of_a_mappable_one)
{
	int channel = create_channel(self->scene.klab, 8192, KLAB_CHANNEL_MAPPABLE);

	if (channel < 0 && errno == EOPNOTSUPP)
		SKIP(return, "no mappable channels here");
	ASSERT_LE(0, channel);
	EXPECT_EQ(EOPNOTSUPP, resize_channel(channel, 4096));
	EXPECT_EQ(EOPNOTSUPP, resize_channel(channel, 8192));
	EXPECT_EQ(EOPNOTSUPP, resize_channel(channel, 16384));
	EXPECT_EQ(EINVAL, resize_channel(channel, LIMIT + 1));
	EXPECT_EQ(8192, channel_stat(channel).capacity);
	EXPECT_EQ(KLAB_CHANNEL_MAPPABLE, channel_stat(channel).state);
	close(channel);
}

TEST_HARNESS_MAIN
