// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lessons of the tool klab: what each of them claims is so on this kernel. That
 * they notice when it is not, vm/tests/lessons asks.
 */
#include "klab_test.h"

TEST(lessons)
{
	int status;

	if (sizeof(long) == 4)
		SKIP(return, "the tool is one and the same for this program");
	if (system("klab version >/dev/null 2>&1"))
		SKIP(return, "no klab in the path");
	status = system("klab lesson run all >/tmp/lessons 2>&1");
	EXPECT_EQ(0, status) {
		/* All that it said, for there is no other way to learn which claim it was. */
		EXPECT_NE(-1, system("sed 's/^/# /' /tmp/lessons"));
	}
}

TEST_HARNESS_MAIN
