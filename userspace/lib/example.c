// SPDX-License-Identifier: LGPL-2.1-or-later
/* What libklab looks like: cc example.c $(pkg-config --cflags --libs libklab) */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libklab.h>

int main(void)
{
	struct klab_pages_source sources[8] = { 0 };
	struct klab_pages_alloc alloc = {
		.order = 3, .count = 64, .node = KLAB_NODE_ANY,
		.sources = {
			.records = (uintptr_t)sources, .count = 8, .size = sizeof(*sources),
		},
	};
	struct klab_info info;
	int klab = klab_open(0);

	if (klab < 0 || klab_info(klab, &info) < 0) {
		fprintf(stderr, "%s: %s\n", KLAB_DEVICE, strerror(errno));
		return 3;
	}
	if (klab_pages_alloc(klab, &alloc) < 0) {
		perror("KLAB_IOC_PAGES_ALLOC");
		return 1;
	}
	printf("contract %u: %llu blocks of 8 pages, the first from zone %s\n", info.version,
	       (unsigned long long)alloc.obtained, sources[0].name);
	close(klab);
	return 0;
}
