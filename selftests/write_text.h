/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WRITE_TEXT_H
#define WRITE_TEXT_H

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* For files that are settings: all of it, in one call. */
static inline bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

#endif /* WRITE_TEXT_H */
