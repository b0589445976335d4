/* SPDX-License-Identifier: GPL-2.0-only */
/* What runs the lessons and what tells them say to each other. No lesson includes this. */
#ifndef KLAB_LESSON_RUN_H
#define KLAB_LESSON_RUN_H

#include "../klab/tool.h"
#include "lesson.h"

/* The exit status of a lesson's process. */
enum lesson_end {
	LESSON_PASSED = 0,
	LESSON_FAILED = 1,
	LESSON_SKIPPED = 4,
};

/* Made by list.sh, in the order of the course; ends with an empty one. */
struct listed_lesson {
	const struct lesson *is;
	const char *source;
};

extern const struct listed_lesson lessons[];

void lesson_begin(const struct call *of, json_object *top);
bool lesson_changed(void);
void lesson_undo(void);
void lesson_report(void);		/* in klab/lesson.c */

#endif /* KLAB_LESSON_RUN_H */
