#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# list.sh DIR NAME...: the table of lessons as C, each with its source as a string.
set -euo pipefail
dir=$1
shift

echo '#include "run.h"'
for name; do
	printf '\nextern const struct lesson lesson_%s;\nstatic const char source_%s[] =\n' "$name" "$name"
	sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/\\t/g; s/.*/\t"&\\n"/' "$dir/$name.c"
	echo ';'
done
printf '\nconst struct listed_lesson lessons[] = {\n'
for name; do printf '\t{ &lesson_%s, source_%s },\n' "$name" "$name"; done
printf '\t{ 0 }\n};\n'
