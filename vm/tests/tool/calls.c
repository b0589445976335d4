// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each line of standard input is the words of a call of klab, which is all here: a
 * child for each, without the time that exec takes. Behind what it says to either of
 * its outputs there is a line of ours, with its exit status.
 */
#include <sys/wait.h>

#define main klab_main
#include "../../../userspace/klab/main.c"
#undef main

#define WORDS	64

static int run_line(char *line)
{
	char *argv[WORDS] = { "klab" }, *rest, *word;
	int argc = 1, status;
	pid_t child;

	line[strcspn(line, "\n")] = '\0';
	for (word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (argc < WORDS - 1)
			argv[argc++] = word;
	child = fork();
	if (!child) {
		/* Our input is not its own: exit() would set back how far it was read. */
		close(STDIN_FILENO);
		open("/dev/null", O_RDONLY);
		exit(klab_main(argc, argv));
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	static char line[4096];
	int number, status;

	for (number = 0; fgets(line, sizeof(line), stdin); number++) {
		status = run_line(line);
		printf("\001%d %d\n", number, status);
		fprintf(stderr, "\001%d %d\n", number, status);
		fflush(stdout);
	}
	return 0;
}
