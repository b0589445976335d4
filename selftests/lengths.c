// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a struct may be, and where it may lie: the rules that all commands
 * share, put to each of them. Whoever is refused must find that nothing was done
 * and no byte of theirs was changed.
 */
#include "scene.h"

#define POISON	0x5a
#define LONGEST	((1 << _IOC_SIZEBITS) - 1)

FIXTURE(lengths)
{
	const struct command *command;
	struct scene scene;
	union argument arg;	/* what is passed */
	union argument before;	/* what it was */
};

FIXTURE_VARIANT(lengths)
{
	int command;
};

FIXTURE_VARIANT_ADD(lengths, info) { .command = INFO };
FIXTURE_VARIANT_ADD(lengths, channel_create) { .command = CHANNEL_CREATE };
FIXTURE_VARIANT_ADD(lengths, channel_stat) { .command = CHANNEL_STAT };
FIXTURE_VARIANT_ADD(lengths, channel_resize) { .command = CHANNEL_RESIZE };
FIXTURE_VARIANT_ADD(lengths, channel_end) { .command = CHANNEL_END };
FIXTURE_VARIANT_ADD(lengths, channel_wait) { .command = CHANNEL_WAIT };
FIXTURE_VARIANT_ADD(lengths, channel_wake) { .command = CHANNEL_WAKE };
FIXTURE_VARIANT_ADD(lengths, pages_alloc) { .command = PAGES_ALLOC };
FIXTURE_VARIANT_ADD(lengths, pages_free) { .command = PAGES_FREE };
FIXTURE_VARIANT_ADD(lengths, pages_zones) { .command = PAGES_ZONES };
FIXTURE_VARIANT_ADD(lengths, pages_books) { .command = PAGES_BOOKS };
FIXTURE_VARIANT_ADD(lengths, pages_list) { .command = PAGES_LIST };
FIXTURE_VARIANT_ADD(lengths, signal_send) { .command = SIGNAL_SEND };
FIXTURE_VARIANT_ADD(lengths, eventfd_fire) { .command = EVENTFD_FIRE };
FIXTURE_VARIANT_ADD(lengths, error) { .command = ERROR };
FIXTURE_VARIANT_ADD(lengths, notifier_create) { .command = NOTIFIER_CREATE };
FIXTURE_VARIANT_ADD(lengths, notify_set) { .command = NOTIFY_SET };
FIXTURE_VARIANT_ADD(lengths, notify_query) { .command = NOTIFY_QUERY };
FIXTURE_VARIANT_ADD(lengths, notify_list) { .command = NOTIFY_LIST };
FIXTURE_VARIANT_ADD(lengths, notify_cancel) { .command = NOTIFY_CANCEL };
FIXTURE_VARIANT_ADD(lengths, notify_fire) { .command = NOTIFY_FIRE };
FIXTURE_VARIANT_ADD(lengths, notify_wait) { .command = NOTIFY_WAIT };
FIXTURE_VARIANT_ADD(lengths, task_open) { .command = TASK_OPEN };
FIXTURE_VARIANT_ADD(lengths, task_who) { .command = TASK_WHO };
FIXTURE_VARIANT_ADD(lengths, task_compare) { .command = TASK_COMPARE };
FIXTURE_VARIANT_ADD(lengths, task_space) { .command = TASK_SPACE };
FIXTURE_VARIANT_ADD(lengths, task_areas) { .command = TASK_AREAS };
FIXTURE_VARIANT_ADD(lengths, task_pages) { .command = TASK_PAGES };
FIXTURE_VARIANT_ADD(lengths, task_walk) { .command = TASK_WALK };
FIXTURE_VARIANT_ADD(lengths, file_stat) { .command = FILE_STAT };
FIXTURE_VARIANT_ADD(lengths, recorder_create) { .command = RECORDER_CREATE };
FIXTURE_VARIANT_ADD(lengths, recorder_stat) { .command = RECORDER_STAT };
FIXTURE_VARIANT_ADD(lengths, recorder_stop) { .command = RECORDER_STOP };
FIXTURE_VARIANT_ADD(lengths, cpu) { .command = CPU };

FIXTURE_SETUP(lengths)
{
	self->command = &commands[variant->command];
	ASSERT_TRUE(scene_open(&self->scene));
	scene_argument(&self->scene, variant->command, &self->arg);
	self->before = self->arg;
}

FIXTURE_TEARDOWN(lengths)
{
	scene_close(&self->scene);
}

/* Ask as a caller who knows @size bytes of the struct. */
#define ASK(size, arg)							\
	klab(scene_fd(&self->scene, variant->command),			\
	     with_size(self->command->number, size), arg)

/* After one refusal or many: what any of them did would still be seen. */
#define EXPECT_UNTOUCHED() do {						\
	EXPECT_TRUE(scene_untouched(&self->scene));			\
	EXPECT_EQ(0, memcmp(&self->arg, &self->before, sizeof(self->arg))); \
} while (0)

/*
 * Programs of any age up to today's get what they ask for, and not a byte more
 * than they have room for. This is also the proof that the scene tells "done" from
 * "not done", without which none of the tests below could fail.
 */
TEST_F(lengths, known)
{
	size_t size;

	for (size = self->command->first; size <= self->command->size; size += 8) {
		scene_close(&self->scene);
		ASSERT_TRUE(scene_open(&self->scene));
		scene_argument(&self->scene, variant->command, &self->arg);
		memset(self->arg.bytes + size, POISON, sizeof(self->arg) - size);
		self->before = self->arg;
		ASSERT_TRUE(scene_untouched(&self->scene));
		ASSERT_EQ(!scene_shows(variant->command),
			  scene_done(&self->scene, variant->command, &self->arg));

		EXPECT_EQ(scene_answer(variant->command), ASK(size, &self->arg));
		EXPECT_TRUE(scene_done(&self->scene, variant->command, &self->arg))
			TH_LOG("size %zu", size);
		EXPECT_EQ(0, memcmp(self->arg.bytes + size, self->before.bytes + size,
				    sizeof(self->arg) - size))
			TH_LOG("written past the end with size %zu", size);
	}
}

TEST_F(lengths, shorter_than_ever)
{
	size_t size;

	for (size = 0; size < self->command->first; size++)
		EXPECT_EQ(EINVAL, ASK(size, &self->arg))
			TH_LOG("size %zu", size);
	EXPECT_UNTOUCHED();
}

/* A newer program that asks for nothing new. What it gets no answer for is zero. */
TEST_F(lengths, longer_with_zeroes)
{
	static const size_t sizes[] = { 1, 4, 7, 8, 9, 64, 4096, LONGEST };
	static const unsigned char zeroes[LONGEST];
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = sizes[i] == LONGEST ? LONGEST : self->command->size + sizes[i];
		scene_close(&self->scene);
		ASSERT_TRUE(scene_open(&self->scene));
		scene_argument(&self->scene, variant->command, &self->arg);
		/* A struct that is only read back may hold anything before. */
		if (!(_IOC_DIR(self->command->number) & _IOC_WRITE))
			memset(self->arg.bytes, POISON, size);
		memset(self->arg.bytes + size, POISON, sizeof(self->arg) - size);
		self->before = self->arg;

		EXPECT_EQ(scene_answer(variant->command), ASK(size, &self->arg))
			TH_LOG("size %zu", size);
		EXPECT_TRUE(scene_done(&self->scene, variant->command, &self->arg))
			TH_LOG("size %zu", size);
		EXPECT_EQ(0, memcmp(self->arg.bytes + self->command->size, zeroes,
				    size - self->command->size))
			TH_LOG("tail not zero with size %zu", size);
		EXPECT_EQ(0, memcmp(self->arg.bytes + size, self->before.bytes + size,
				    sizeof(self->arg) - size))
			TH_LOG("written past the end with size %zu", size);
	}
}

/* A newer program that asks for something new, in each byte that may say so. */
TEST_F(lengths, longer_with_news)
{
	size_t at, known = self->command->size;

	if (!(_IOC_DIR(self->command->number) & _IOC_WRITE))
		return;		/* it has no way to ask */

	for (at = known; at < LONGEST; at = at < known + 64 ? at + 1 : at * 2) {
		self->arg.bytes[at] = 1;
		self->before = self->arg;
		EXPECT_EQ(E2BIG, ASK(LONGEST, &self->arg))
			TH_LOG("byte %zu", at);
		EXPECT_EQ(E2BIG, ASK(at + 1, &self->arg))
			TH_LOG("byte %zu, the last", at);
		EXPECT_EQ(0, memcmp(&self->arg, &self->before, sizeof(self->arg)));
		self->arg.bytes[at] = 0;
		self->before = self->arg;
	}
	EXPECT_UNTOUCHED();
}

TEST_F(lengths, wrong_direction)
{
	unsigned int direction, size = self->command->size;

	for (direction = 0; direction < 4; direction++) {
		if (direction == _IOC_DIR(self->command->number))
			continue;
		EXPECT_EQ(ENOTTY, klab(scene_fd(&self->scene, variant->command),
				       _IOC(direction, KLAB_IOC_MAGIC,
					    _IOC_NR(self->command->number), size), &self->arg))
			TH_LOG("direction %u", direction);
	}
	EXPECT_UNTOUCHED();
}

TEST_F(lengths, wrong_magic)
{
	unsigned long number = self->command->number;
	unsigned int magic;

	for (magic = 0; magic < 256; magic++) {
		if (magic == KLAB_IOC_MAGIC)
			continue;
		EXPECT_EQ(ENOTTY, klab(scene_fd(&self->scene, variant->command),
				       _IOC(_IOC_DIR(number), magic, _IOC_NR(number),
					    _IOC_SIZE(number)), &self->arg))
			TH_LOG("magic %#x", magic);
	}
	EXPECT_UNTOUCHED();
}

/* Memory that ends with the struct is enough; one byte less is not. */
TEST_F(lengths, end_of_memory)
{
	unsigned char *end = fenced_memory(sizeof(self->arg));
	size_t size = self->command->size, missing;

	ASSERT_NE(NULL, end);
	for (missing = 1; missing <= size; missing++) {
		memcpy(end - (size - missing), &self->before, size - missing);
		EXPECT_EQ(EFAULT, ASK(size, end - (size - missing)))
			TH_LOG("%zu bytes missing", missing);
	}
	EXPECT_UNTOUCHED();

	/* The part that the module knows is there, the rest is not. */
	memcpy(end - size, &self->before, size);
	EXPECT_EQ(EFAULT, ASK(size + 8, end - size));
	EXPECT_EQ(EFAULT, ASK(LONGEST, end - size));
	EXPECT_UNTOUCHED();

	EXPECT_EQ(scene_answer(variant->command), ASK(size, end - size));
	memcpy(&self->arg, end - size, size);
	EXPECT_TRUE(scene_done(&self->scene, variant->command, &self->arg));
}

TEST_F(lengths, no_memory_at_all)
{
	static const unsigned long nowhere[] = {
		0, 1, 4095, -1UL, -4096UL,
#if ULONG_MAX > UINT_MAX
		0x00007ffffffff000,	/* the last page below the gap, never mapped */
		0x0000800000000000,	/* in the gap of non-canonical addresses */
		0x8000000000000000,
		0xffff888000000000,	/* the kernel's */
		0xffffffff81000000,
#endif
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nowhere); i++)
		EXPECT_EQ(EFAULT, ASK(self->command->size, (void *)nowhere[i]))
			TH_LOG("address %#lx", nowhere[i]);
	EXPECT_UNTOUCHED();
}

/*
 * The answer could not be written: so the question must not be acted upon. Where
 * there is no answer, there is no need to write.
 */
TEST_F(lengths, read_only_memory)
{
	void *memory = mmap(NULL, sizeof(self->arg), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, memory);
	memcpy(memory, &self->arg, sizeof(self->arg));
	ASSERT_EQ(0, mprotect(memory, sizeof(self->arg), PROT_READ));
	if (_IOC_DIR(self->command->number) & _IOC_READ) {
		EXPECT_EQ(EFAULT, ASK(self->command->size, memory));
		EXPECT_UNTOUCHED();
	} else {
		EXPECT_EQ(scene_answer(variant->command), ASK(self->command->size, memory));
		EXPECT_TRUE(scene_done(&self->scene, variant->command, memory));
	}
	EXPECT_EQ(0, memcmp(memory, &self->before, sizeof(self->arg)));
}

/* A fault does not wear off, and does not stick: the next good call is as if it were the first. */
TEST_F(lengths, refusals_leave_no_mark)
{
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(EFAULT, ASK(self->command->size, NULL));
		ASSERT_EQ(EINVAL, ASK(self->command->first - 1, &self->arg));
	}
	EXPECT_EQ(scene_answer(variant->command), ASK(self->command->size, &self->arg));
	EXPECT_TRUE(scene_done(&self->scene, variant->command, &self->arg));
}

/* Is there such a command? One that is, is refused for its pointer, and does nothing. */
static bool takes(int fd, unsigned int number)
{
	return ioctl(fd, number, NULL) < 0 && errno != ENOTTY;
}

/* A descriptor for one thing takes the commands about that, and knows no other. */
TEST(kinds_take)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), channel = create_channel(fd, 0, 0), i;
	int task = open_task(fd, 0), notifier = create_notifier(fd, 0);
	int recorder = scene_recorder(task);

	ASSERT_LE(0, channel);
	ASSERT_LE(0, notifier);
	ASSERT_LE(0, task);
	ASSERT_LE(0, recorder);
	for (i = 0; i < COMMANDS; i++) {
		EXPECT_EQ(!is_about_task(i) && !is_about_notification(i) &&
			  !is_about_recorder(i),
			  takes(fd, commands[i].number))
			TH_LOG("device, %s", commands[i].name);
		EXPECT_EQ(is_about_channel(i), takes(channel, commands[i].number))
			TH_LOG("channel, %s", commands[i].name);
		EXPECT_EQ(is_about_task(i), takes(task, commands[i].number))
			TH_LOG("task, %s", commands[i].name);
		EXPECT_EQ(is_about_notification(i), takes(notifier, commands[i].number))
			TH_LOG("notifier, %s", commands[i].name);
		EXPECT_EQ(is_about_recorder(i), takes(recorder, commands[i].number))
			TH_LOG("recorder, %s", commands[i].name);
	}
	close(recorder);
	close(notifier);
	close(task);
	close(channel);
	close(fd);
}

/* Every number that no command has, in every direction, with a size that would do. */
TEST(unknown_numbers)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), channel = create_channel(fd, 0, 0);
	int i, known = 0;
	static union argument arg, before;
	unsigned int number, direction;

	ASSERT_LE(0, fd);
	for (number = 0; number < 256; number++) {
		for (i = 0; i < COMMANDS && _IOC_NR(commands[i].number) != number; i++)
			;
		if (i < COMMANDS) {
			known++;
			continue;
		}
		for (direction = 0; direction < 4; direction++) {
			unsigned long unknown = _IOC(direction, KLAB_IOC_MAGIC, number, 64);

			EXPECT_EQ(ENOTTY, klab(fd, unknown, &arg))
				TH_LOG("number %#x, direction %u", number, direction);
			EXPECT_EQ(ENOTTY, klab(channel, unknown, &arg))
				TH_LOG("channel, number %#x, direction %u", number, direction);
		}
	}
	EXPECT_EQ(COMMANDS, known);
	EXPECT_EQ(0, memcmp(&arg, &before, sizeof(arg)));
	close(channel);
	close(fd);
}

TEST_HARNESS_MAIN
