// SPDX-License-Identifier: GPL-2.0-only
/* The doors of the processor, held against what the processor and the kernel say elsewhere. */
#include "klab_test.h"

static struct klab_cpu_gate gates[256];

static int ask(int fd, struct klab_cpu *cpu)
{
	*cpu = (struct klab_cpu) { .gates = { (uintptr_t)gates, 256, sizeof(gates[0]) } };
	memset(gates, 0xa5, sizeof(gates));
	return klab(fd, KLAB_IOC_CPU, cpu);
}

/* Is @word among the flags of /proc/cpuinfo? */
static bool cpuinfo_has(const char *word)
{
	char line[16384], padded[32];
	FILE *file = fopen("/proc/cpuinfo", "re");
	bool has = false;

	snprintf(padded, sizeof(padded), " %s ", word);
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "flags", 5))
			continue;
		line[strcspn(line, "\n")] = ' ';
		has = strstr(line, padded);
		break;
	}
	if (file)
		fclose(file);
	return has;
}

/* The address of a symbol, from /proc/kallsyms, or 0. */
static unsigned long long symbol_address(const char *symbol)
{
	char line[512], name[256];
	unsigned long long address, found = 0;
	FILE *file = fopen("/proc/kallsyms", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%llx %*c %255s", &address, name) == 2 && !strcmp(name, symbol))
			found = address;
	if (file)
		fclose(file);
	return found;
}

TEST(table)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC), i;
	struct klab_cpu cpu;

	ASSERT_EQ(0, ask(fd, &cpu));
	ASSERT_EQ(256, cpu.gates.count);
	for (i = 0; i < 256; i++)
		ASSERT_EQ(i, gates[i].vector);
	EXPECT_STREQ("asm_exc_divide_error", gates[0].handler.symbol);
	EXPECT_STREQ("asm_exc_page_fault", gates[14].handler.symbol);
	/* Any program may come by INT3 and INT 0x80, by INT 14 only the processor. */
	EXPECT_EQ(3, gates[3].privilege);
	EXPECT_EQ(3, gates[0x80].privilege);
	EXPECT_EQ(0, gates[14].privilege);
	EXPECT_EQ(KLAB_GATE_INTERRUPT, gates[14].type);
	/* What may come at any moment has a stack of its own. */
	EXPECT_NE(0, gates[2].stack);
	EXPECT_NE(0, gates[8].stack);
	EXPECT_EQ(0, gates[14].stack);
	EXPECT_EQ(symbol_address("asm_exc_page_fault"), gates[14].handler.address);
	EXPECT_STREQ("entry_SYSCALL_64", cpu.syscall.symbol);
	EXPECT_EQ(symbol_address("entry_SYSCALL_64"), cpu.syscall.address);
	EXPECT_EQ(0, cpu.level);
	EXPECT_EQ(3, cpu.caller_level);
	close(fd);
}

TEST(protections)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	struct klab_cpu cpu;

	ASSERT_EQ(0, ask(fd, &cpu));
	EXPECT_EQ(cpuinfo_has("smep"), !!(cpu.present & KLAB_CPU_SMEP));
	EXPECT_EQ(cpuinfo_has("smap"), !!(cpu.present & KLAB_CPU_SMAP));
	EXPECT_EQ(cpuinfo_has("umip"), !!(cpu.present & KLAB_CPU_UMIP));
	EXPECT_EQ(cpuinfo_has("nx"), !!(cpu.present & KLAB_CPU_NX));
	EXPECT_EQ(cpuinfo_has("pti"), !!(cpu.active & KLAB_CPU_PTI));
	EXPECT_EQ(0, cpu.active & ~cpu.present);
	EXPECT_NE(0, cpu.active & KLAB_CPU_WP);
	EXPECT_EQ(!!(cpu.active & KLAB_CPU_SMEP), cpu.cr4 >> 20 & 1);
	EXPECT_EQ(!!(cpu.active & KLAB_CPU_NX), cpu.efer >> 11 & 1);
	close(fd);
}

/* Without CAP_SYSLOG: names, and no address. */
TEST(no_address_leaves)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	pid_t child = fork();
	struct klab_cpu cpu;
	int i;

	if (!child) {
		if (setresuid(1000, 1000, 1000) || ask(fd, &cpu))
			_exit(255);
		for (i = 0; i < 256; i++)
			if (gates[i].handler.address || strstr(gates[i].handler.symbol, "0x"))
				_exit(1);
		_exit(cpu.syscall.address || cpu.syscall32.address || cpu.sysenter.address ||
		      strcmp(cpu.syscall.symbol, "entry_SYSCALL_64"));
	}
	EXPECT_EQ(0, child_status(child));
	close(fd);
}

/* Each processor has its own, and one that is not there has none. They may come and go. */
TEST(every_processor)
{
	int fd = open(KLAB_DEVICE, O_RDWR | O_CLOEXEC);
	long i, count = sysconf(_SC_NPROCESSORS_ONLN);
	struct klab_cpu cpu = { 0 };

	for (i = 0; i < count; i++) {
		cpu = (struct klab_cpu) { .cpu = i };
		EXPECT_TRUE(eventually(!klab(fd, KLAB_IOC_CPU, &cpu)));
		EXPECT_EQ(256, cpu.gates.count);
	}
	cpu = (struct klab_cpu) { .cpu = 8191 };
	EXPECT_EQ(EINVAL, klab(fd, KLAB_IOC_CPU, &cpu));
	close(fd);
}

TEST_HARNESS_MAIN
