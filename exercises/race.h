/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands before every other line of the driver when this exercise is graded: after the first few times, whoever is
 * about to get into a queue is slow. Where that comes before the look nobody notices; where it comes after, the other
 * side comes by in between.
 */
#include <linux/delay.h>
#include <linux/wait.h>

static inline void be_slow(void)
{
	static atomic_t times;

	/* the tests of one who sleeps come first: they act as soon as he is counted */
	if (atomic_inc_return(&times) > 10)
		usleep_range(2000, 4000);
}

/* a macro is not expanded again inside itself: these are the functions' own names */
#define add_wait_queue(...)		({ be_slow(); add_wait_queue(__VA_ARGS__); })
#define add_wait_queue_exclusive(...)	({ be_slow(); add_wait_queue_exclusive(__VA_ARGS__); })
#define prepare_to_wait(...)		({ be_slow(); prepare_to_wait(__VA_ARGS__); })
#define prepare_to_wait_event(...)	({ be_slow(); prepare_to_wait_event(__VA_ARGS__); })
#define prepare_to_wait_exclusive(...)	({ be_slow(); prepare_to_wait_exclusive(__VA_ARGS__); })
