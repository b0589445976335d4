// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page allocator fails at each place where it can, one after the other: the
 * kernel's fault injection has the n-th allocation of a call fail, for every n. The
 * errno is the documented one, and nothing is lost.
 */
#include "fault.h"
#include "klab_test.h"

FIXTURE(pages_fault)
{
	int fd;
	int nth;	/* /proc/thread-self/fail-nth */
	struct klab_bucket buckets[KLAB_BUCKETS];
};

FIXTURE_SETUP(pages_fault)
{
	self->fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	self->nth = open_fail_nth();
	if (self->nth < 0)
		SKIP(return, "no fault injection in this kernel");
	ASSERT_TRUE(set_faults());
}

FIXTURE_TEARDOWN(pages_fault)
{
	close(self->nth);
	close(self->fd);
}

/*
 * @ask once, by a descriptor of its own, and have the @n-th place fail: 1 when there was
 * one, 0 when there is none, and -1 for what may not be. EFAULT: it was a copy to or from
 * us. If that was the answer, it is done all the same, and goes with the descriptor.
 */
static int try_place(int nth, unsigned int n, const struct klab_pages_alloc *ask, int *short_ones)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), error;
	struct klab_pages_alloc alloc = *ask;
	long long held;
	bool failed;

	if (fd < 0 || !arm(nth, n))
		return -1;
	error = klab(fd, KLAB_IOC_PAGES_ALLOC, &alloc);
	failed = struck(nth);
	held = pages_held(fd);
	close(fd);
	if (error == EFAULT)
		return failed ? 1 : -1;
	*short_ones += !error && alloc.obtained < alloc.count;
	if ((!error || (failed && error == ENOMEM)) &&
	    held == (error || !alloc.handle ? 0 : (long long)alloc.obtained << alloc.order))
		return failed;
	printf("# place %u: errno %d, %lld pages held, %llu blocks\n", n, error, held,
	       (unsigned long long)alloc.obtained);
	return -1;
}

/* Every place, until there is no such one: how many there were, or -1. */
static int sweep(int nth, const struct klab_pages_alloc *ask, int *short_ones)
{
	unsigned int n;
	int result;

	for (n = 1; n < 2000; n++) {
		result = try_place(nth, n, ask, short_ones);
		if (result <= 0)
			return result ? -1 : (int)n - 1;
	}
	return -1;
}

TEST_F(pages_fault, every_place)
{
	static const struct {
		__u32 flags, order, count;
	} asks[] = {
		{ 0, 0, 20 }, { KLAB_PAGES_HOLD, 0, 20 },
		{ KLAB_PAGES_HOLD | KLAB_PAGES_BULK, 0, 300 }, { KLAB_PAGES_BULK, 0, 300 },
		{ KLAB_PAGES_HOLD | KLAB_PAGES_BULK | KLAB_PAGES_PARTIAL, 0, 300 },
		{ KLAB_PAGES_HOLD | KLAB_PAGES_RETURN | KLAB_PAGES_ZEROED, 2, 20 },
		{ KLAB_PAGES_HOLD | KLAB_PAGES_PARTIAL | KLAB_PAGES_ATOMIC, 1, 20 },
	};
	long long before = accounted_pages(self->fd);
	int places, short_ones;
	size_t i;

	/* Several times: what is lost is to add up to more than what else goes on. */
	for (i = 0; i < 5 * ARRAY_SIZE(asks); i++) {
		const typeof(asks[0]) *one = &asks[i % ARRAY_SIZE(asks)];
		struct klab_pages_alloc ask = {
			.flags = one->flags, .order = one->order, .count = one->count,
			.node = KLAB_NODE_ANY,
			.histogram = {
				(uintptr_t)self->buckets, KLAB_BUCKETS, sizeof(self->buckets[0]),
			},
		};

		short_ones = 0;
		places = sweep(self->nth, &ask, &short_ones);
		EXPECT_LT(4, places)
			TH_LOG("flags %#x", one->flags);
		/* A page that fails in the middle is told, and not hidden. */
		if (one->flags & (KLAB_PAGES_PARTIAL | KLAB_PAGES_RETURN))
			EXPECT_LT(0, short_ones)
				TH_LOG("flags %#x", one->flags);
	}
	/* A page for each failure would make nine hundred. */
	EXPECT_TRUE(eventually(accounted_pages(self->fd) > before - 500))
		TH_LOG("%lld pages are lost", before - accounted_pages(self->fd));
}

/* A release that cannot be measured is refused, and has released nothing. */
TEST_F(pages_fault, giving_back)
{
	__u32 handle;
	unsigned int n;
	int error;

	ASSERT_EQ(0, hold(self->fd, 0, 100, &handle));
	for (n = 1; n < 100; n++) {
		struct klab_pages_free release = { .handle = handle };

		ASSERT_TRUE(arm(self->nth, n));
		error = klab(self->fd, KLAB_IOC_PAGES_FREE, &release);
		if (!struck(self->nth))
			break;
		if (error == ENOMEM)
			EXPECT_EQ(100, pages_held(self->fd));
		if (!pages_held(self->fd))
			ASSERT_EQ(0, hold(self->fd, 0, 100, &handle));
	}
	EXPECT_LT(1, n);
	EXPECT_EQ(0, error);
	EXPECT_EQ(0, pages_held(self->fd));
}

/* The books are only read, so there is nothing to lose; but there is memory to want. */
TEST_F(pages_fault, books)
{
	struct klab_event events[64];
	unsigned int n;
	int error = 0;

	for (n = 1; n < 100; n++) {
		struct klab_pages_books books = {
			.events = { (uintptr_t)events, ARRAY_SIZE(events), sizeof(events[0]) },
		};

		ASSERT_TRUE(arm(self->nth, n));
		error = klab(self->fd, KLAB_IOC_PAGES_BOOKS, &books);
		if (!struck(self->nth))
			break;
		EXPECT_TRUE(!error || error == ENOMEM || error == EFAULT);
	}
	EXPECT_LT(counts_events(self->fd) ? 1 : 0, n);
	EXPECT_EQ(0, error);
}

TEST_HARNESS_MAIN
