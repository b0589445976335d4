// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which lines of the driver have run, how often: /sys/kernel/debug/klab-coverage. Only
 * a module built with KLAB_COVERAGE=y has it. gcc counts (-fprofile-arcs), and what
 * libgcov does for a program is done here, as the kernel that klab is loaded into need
 * not know of it (CONFIG_GCOV_KERNEL). Said as text; vm/coverage makes files for gcov.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "klab.h"

#if !IS_ENABLED(CONFIG_CC_IS_GCC) || __GNUC__ < 12 || __GNUC__ > 13
#error "what gcc leaves behind is only known of gcc 12 and 13"
#endif

/* gcc's own structs: gcc/coverage.cc builds them. */
#define KINDS	8	/* of counters; merge tells which there are */

struct gcov_function {
	const void *key;
	unsigned int ident;
	unsigned int line_checksum;
	unsigned int flow_checksum;
	struct {
		unsigned int count;
		s64 *values;
	} counters[];
};

struct gcov_object {
	unsigned int version;
	void *next;
	unsigned int stamp;
	unsigned int checksum;
	const char *name;
	void *merge[KINDS];
	unsigned int functions;
	const struct gcov_function *const *function;
};

/* This object is linked before all that are counted: theirs follow in the section. */
static const struct gcov_object *const objects[] __used __section(".gcov_info") = { NULL };

/* What programs use to add up their runs. Only its address is asked for. */
void __gcov_merge_add(s64 *values, unsigned int count)
{
}

static void show_function(struct seq_file *out, const struct gcov_object *object,
			  const struct gcov_function *function)
{
	unsigned int kind, active = 0, i;

	seq_printf(out, "function %u %u %u\n", function->ident, function->line_checksum,
		   function->flow_checksum);
	for (kind = 0; kind < KINDS; kind++) {
		if (!object->merge[kind])
			continue;
		seq_printf(out, "counters %u", kind);
		for (i = 0; i < function->counters[active].count; i++)
			seq_printf(out, " %lld", READ_ONCE(function->counters[active].values[i]));
		seq_putc(out, '\n');
		active++;
	}
}

static int coverage_show(struct seq_file *out, void *unused)
{
	const struct gcov_object *object, *const *at = objects;
	unsigned int i, j;

	/* Not an array's end for the compiler. */
	OPTIMIZER_HIDE_VAR(at);
	for (i = 1; i <= KLAB_COVERAGE; i++) {
		object = at[i];
		seq_printf(out, "object %u %u %u %s\n", object->version, object->stamp,
			   object->checksum, object->name);
		for (j = 0; j < object->functions; j++) {
			/* One that was merged with another's belongs to that. */
			if (object->function[j] && object->function[j]->key == object)
				show_function(out, object, object->function[j]);
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(coverage);

static struct dentry *file;

void klab_coverage_init(void)
{
	file = debugfs_create_file("klab-coverage", 0400, NULL, NULL, &coverage_fops);
}

void klab_coverage_exit(void)
{
	debugfs_remove(file);
}
