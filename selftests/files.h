/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that are a setting, or say a number. */
#ifndef FILES_H
#define FILES_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All of it, in one call. */
static inline bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* The number behind "@key:" in a file, or with "" of a file that is a number; or -1. */
static inline long long number_in(const char *path, const char *key, int base)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(key);
	long long number = -1;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		const char *text = line + strspn(line, " ");

		if (!strncmp(text, key, length) && (!length || text[length] == ':')) {
			number = strtoll(text + length + !!length, NULL, base);
			break;
		}
	}
	if (file)
		fclose(file);
	return number;
}

#endif /* FILES_H */
