#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# list.sh DIR NAME...: the table of lessons as C, each with its source as a string. What is too long to be read at
# one go is refused: about 150 lines.
set -euo pipefail
dir=$1
shift

echo '#include "run.h"'
for name; do
	(($(wc -l <"$dir/$name.c") <= 165)) || { echo "$name.c is too long for a lesson" >&2; exit 1; }
	printf '\nextern const struct lesson lesson_%s;\nstatic const char source_%s[] =\n' "$name" "$name"
	sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/\\t/g; s/.*/\t"&\\n"/' "$dir/$name.c"
	echo ';'
done
printf '\nconst struct listed_lesson lessons[] = {\n'
for name; do printf '\t{ &lesson_%s, source_%s },\n' "$name" "$name"; done
printf '\t{ 0 }\n};\n'
