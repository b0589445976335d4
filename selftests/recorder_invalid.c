// SPDX-License-Identifier: GPL-2.0-only
/* One fault at a time, as invalid.c does: the commands of recorders, and KLAB_IOC_CPU. */
#include "scene.h"

FIXTURE(recorder_invalid)
{
	struct scene scene;
};

FIXTURE_SETUP(recorder_invalid)
{
	ASSERT_TRUE(scene_open(&self->scene));
}

FIXTURE_TEARDOWN(recorder_invalid)
{
	scene_close(&self->scene);
}

TEST_F(recorder_invalid, create)
{
	unsigned int bit;

	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.kinds = 0);
	for (bit = 11; bit < 32; bit++)
		REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.kinds |= 1U << bit);
	FLAGS_REFUSED(RECORDER_CREATE, recorder_create.flags,
		      KLAB_RECORD_THREADS | KLAB_RECORD_CHILDREN);
	FLAGS_REFUSED(RECORDER_CREATE, recorder_create.reserved, 0);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.bytes = 0);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.bytes = KLAB_RECORDER_BYTES_MIN - 1);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.bytes = KLAB_RECORDER_BYTES_LIMIT + 1);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.bytes = 1ULL << 32);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.bytes = 1ULL << 63);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.bytes = ~0ULL);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.wakeup = 0);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.wakeup = 4097);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.wakeup = ~0ULL);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.threads = 0);
	REFUSED(EINVAL, RECORDER_CREATE,
		arg.recorder_create.threads = KLAB_RECORDER_THREADS_LIMIT + 1);
	REFUSED(EINVAL, RECORDER_CREATE, arg.recorder_create.threads = ~0U);
}

TEST_F(recorder_invalid, stop)
{
	FLAGS_REFUSED(RECORDER_STOP, recorder_stop.flags, 0);
	FLAGS_REFUSED(RECORDER_STOP, recorder_stop.reserved, 0);
}

TEST_F(recorder_invalid, cpu)
{
	void *records = calloc(16, 4096);

	REFUSED(EINVAL, CPU, arg.cpu.cpu = 100000);
	REFUSED(EINVAL, CPU, arg.cpu.cpu = ~0U);
	FLAGS_REFUSED(CPU, cpu.reserved, 0);
	REFUSED(EINVAL, CPU, (arg.cpu.gates.records = (uintptr_t)records, arg.cpu.gates.count = 1));
	REFUSED(EINVAL, CPU, arg.cpu.gates.size = 8);
	REFUSED(EINVAL, CPU, arg.cpu.gates.size = sizeof(struct klab_cpu_gate) + 1);
	REFUSED(EFAULT, CPU, (arg.cpu.gates.count = 1,
			      arg.cpu.gates.size = sizeof(struct klab_cpu_gate)));
	free(records);
}

TEST_HARNESS_MAIN
