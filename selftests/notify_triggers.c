// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notifications that something else fires: what happens to a channel, mapped or not,
 * and to pages that are held.
 */
#include "notify_test.h"
#include "ring_test.h"

FIXTURE(notify_triggers)
{
	int klab;
	int notifier;
	int event;
	struct klab_delivery ring;
};

FIXTURE_SETUP(notify_triggers)
{
	self->klab = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->klab);
	self->notifier = create_notifier(self->klab, 8);
	ASSERT_LE(0, self->notifier);
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	self->ring = (struct klab_delivery) {
		.way = KLAB_WAY_EVENTFD, .target = self->event,
	};
}

FIXTURE_TEARDOWN(notify_triggers)
{
	close(self->notifier);
	close(self->klab);
	close(self->event);
}

TEST_F(notify_triggers, data_arrives)
{
	int channel = create_channel(self->klab, 4096, 0);
	struct klab_notify_set set = { .trigger = KLAB_TRIGGER_DATA, .source = channel };
	struct klab_notify_query all;
	char bytes[4096] = { 0 };

	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->ring, 1));
	EXPECT_EQ(0, take_count(self->event));
	EXPECT_EQ(2, write(channel, bytes, 2));
	EXPECT_EQ(1, take_count(self->event));
	EXPECT_EQ(100, write(channel, bytes, 100));
	EXPECT_EQ(1, take_count(self->event));
	EXPECT_EQ(102, read(channel, bytes, sizeof(bytes)));
	EXPECT_EQ(0, take_count(self->event));

	/* The channel's end is news for its readers as well. */
	EXPECT_EQ(0, klab(channel, KLAB_IOC_CHANNEL_END, &(struct klab_channel_end) { 0 }));
	EXPECT_EQ(1, take_count(self->event));
	all = query(self->notifier, set.handle, NULL);
	EXPECT_EQ(3, all.fired);
	EXPECT_EQ(1, all.armed);
	EXPECT_EQ(0, all.due_ns);

	/* What is watched may be closed, and the watch taken away after. */
	close(channel);
	EXPECT_EQ(0, cancel(self->notifier, set.handle));
}

/* What was written once has arrived once, in however many hands it goes; so has room. */
TEST_F(notify_triggers, handed_on)
{
	int channel = create_channel(self->klab, CAPACITY, 0), writes, i;
	struct klab_channel_wake wake = { .side = KLAB_CHANNEL_READERS };
	struct klab_notify_set set = { .source = channel };
	unsigned char bytes[CAPACITY] = { 0 };
	struct call calls[2];

	for (writes = 0; writes < 2; writes++) {
		for (i = 0; i < 2; i++) {
			calls[i] = (struct call) {
				.fd = channel, .data = bytes, .size = writes ? CAPACITY / 2 : 1,
				.writes = writes,
			};
			ASSERT_TRUE(call_start(&calls[i]));
			ASSERT_TRUE(eventually(call_asleep(&calls[i])));
		}
		set.trigger = writes ? KLAB_TRIGGER_SPACE : KLAB_TRIGGER_DATA;
		ASSERT_EQ(0, set_notification(self->notifier, &set, &self->ring, 1));
		/* This is for one of the two, who then wakes the other. */
		ASSERT_EQ(writes ? CAPACITY : 2, writes ? read(channel, bytes, CAPACITY) :
							  write(channel, bytes, 2));
		for (i = 0; i < 2; i++)
			EXPECT_EQ(calls[i].size, call_end(&calls[i]));
		EXPECT_EQ(1, take_count(self->event));

		/* Another capacity is no data, and more of it is room. */
		EXPECT_EQ(0, resize_channel(channel, 2 * CAPACITY));
		EXPECT_EQ(writes, take_count(self->event));
		EXPECT_EQ(0, resize_channel(channel, CAPACITY));
		EXPECT_EQ(0, klab(channel, KLAB_IOC_CHANNEL_WAKE, &wake));
		EXPECT_EQ(0, take_count(self->event));
		if (!writes) {
			ASSERT_EQ(CAPACITY, write(channel, bytes, CAPACITY));
			EXPECT_EQ(1, take_count(self->event));
			EXPECT_EQ(0, cancel(self->notifier, set.handle));
			set.handle = 0;
		}
		wake.side = KLAB_CHANNEL_WRITERS;
	}
	close(channel);
}

/* Who has mapped a channel makes no system call, but where somebody waits for what he does. */
TEST_F(notify_triggers, mapped_channel)
{
	int channel = create_channel(self->klab, CAPACITY, KLAB_CHANNEL_MAPPABLE), i;
	struct klab_notify_set set = { .trigger = KLAB_TRIGGER_DATA, .source = channel };
	struct klab_ring map;

	if (channel < 0 && errno == EOPNOTSUPP)
		SKIP(return, "no mappable channels on this kernel");
	ASSERT_TRUE(map_ring(&map, channel));
	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->ring, 1));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, klab_ring_give(&map, 1));
		EXPECT_EQ(1, take_count(self->event));
	}
	EXPECT_EQ(0, klab_ring_take(&map, 1));
	EXPECT_EQ(0, take_count(self->event));

	set.trigger = KLAB_TRIGGER_SPACE;
	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->ring, 1));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, klab_ring_take(&map, 1));
		EXPECT_EQ(1, take_count(self->event));
	}
	close(channel);
}

struct waker {
	pthread_barrier_t now;
	int channel;
	unsigned int late;	/* at a moment that is another one each time */
};

static void *wake_once(void *argument)
{
	struct klab_channel_wake wake = { .side = KLAB_CHANNEL_READERS };
	struct waker *waker = argument;
	unsigned int i;

	pthread_barrier_wait(&waker->now);
	for (i = 0; i < waker->late; i++)
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	klab(waker->channel, KLAB_IOC_CHANNEL_WAKE, &wake);
	return NULL;
}

/* News that come while it is being set may be missed, but none that come afterwards. */
TEST_F(notify_triggers, mapped_channel_set_under_way)
{
	struct waker waker = { .channel = create_channel(self->klab, CAPACITY,
							 KLAB_CHANNEL_MAPPABLE) };
	struct klab_ring map;
	pthread_t thread;
	int i;

	if (waker.channel < 0 && errno == EOPNOTSUPP)
		SKIP(return, "no mappable channels on this kernel");
	ASSERT_TRUE(map_ring(&map, waker.channel));
	pthread_barrier_init(&waker.now, NULL, 2);
	for (i = 0; i < 1000; i++) {
		struct klab_notify_set set = {
			.trigger = KLAB_TRIGGER_DATA, .source = waker.channel,
		};

		waker.late = i * 20;
		ASSERT_EQ(0, pthread_create(&thread, NULL, wake_once, &waker));
		pthread_barrier_wait(&waker.now);
		ASSERT_EQ(0, set_notification(self->notifier, &set, &self->ring, 1));
		pthread_join(thread, NULL);
		take_count(self->event);
		ASSERT_EQ(0, klab_ring_give(&map, 1));
		ASSERT_EQ(1, take_count(self->event))
			TH_LOG("the time number %d", i);
		ASSERT_EQ(0, klab_ring_take(&map, 1));
		ASSERT_EQ(0, cancel(self->notifier, set.handle));
	}
	close(waker.channel);
}

/* So many times, then no more. */
TEST_F(notify_triggers, data_arrives_twice)
{
	int channel = create_channel(self->klab, 4096, 0);
	struct klab_notify_set set = {
		.trigger = KLAB_TRIGGER_DATA, .source = channel, .count = 2,
	};
	int i;

	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->ring, 1));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(1, write(channel, "x", 1));
	EXPECT_EQ(2, take_count(self->event));
	EXPECT_EQ(0, query(self->notifier, set.handle, NULL).armed);
	/* By hand it still can. */
	EXPECT_EQ(0, ring(self->notifier, set.handle));
	EXPECT_EQ(1, take_count(self->event));
	close(channel);
}

TEST_F(notify_triggers, space_appears)
{
	int channel = create_channel(self->klab, 4096, 0);
	struct klab_notify_set set = { .trigger = KLAB_TRIGGER_SPACE, .source = channel };
	char bytes[4096] = { 0 };

	EXPECT_EQ(4096, write(channel, bytes, 4096));
	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->ring, 1));
	EXPECT_EQ(0, take_count(self->event));
	EXPECT_EQ(1, read(channel, bytes, 1));
	EXPECT_EQ(1, take_count(self->event));
	EXPECT_EQ(1, write(channel, bytes, 1));
	EXPECT_EQ(0, take_count(self->event));
	close(channel);
}

/* The shared channel, by the device's descriptor. */
TEST_F(notify_triggers, data_of_the_device)
{
	struct klab_notify_set set = { .trigger = KLAB_TRIGGER_DATA, .source = self->klab };

	ASSERT_LE(0, channel_drain());
	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->ring, 1));
	EXPECT_EQ(1, write(self->klab, "x", 1));
	EXPECT_EQ(1, take_count(self->event));
	EXPECT_EQ(1, channel_drain());
	EXPECT_EQ(0, take_count(self->event));
}

TEST_F(notify_triggers, held_pages_change)
{
	struct klab_notify_set set = { .trigger = KLAB_TRIGGER_PAGES, .source = self->klab };
	int other = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	__u32 handle, others;

	ASSERT_EQ(0, set_notification(self->notifier, &set, &self->ring, 1));
	ASSERT_EQ(0, hold(self->klab, 0, 3, &handle));
	EXPECT_EQ(1, take_count(self->event));
	EXPECT_EQ(0, give_back(self->klab, handle));
	EXPECT_EQ(1, take_count(self->event));

	/* Neither a refusal nor somebody else's pages. */
	EXPECT_EQ(ENOENT, give_back(self->klab, handle));
	ASSERT_EQ(0, hold(other, 0, 1, &others));
	EXPECT_EQ(0, take_count(self->event));
	close(other);

	/* The descriptor closes, and its pages are gone, although it is watched. */
	ASSERT_EQ(0, hold(self->klab, 0, 1, &handle));
	EXPECT_EQ(1, take_count(self->event));
	close(self->klab);
	self->klab = -1;
	EXPECT_EQ(1, query(self->notifier, set.handle, NULL).armed);
}

TEST_HARNESS_MAIN
