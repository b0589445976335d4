# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sourced by the tests of the VM's half: each case is a function, and says by its status whether it passed (4: skipped). What it
# printed is shown when it did not. $here is a directory of its own.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/klab-test.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-~/.cache}
# what the caller chose for the VMs is not what these tests are about
unset ACCEL SMP MEM EXTRA TIMEOUT CMD V

# expect STATUS COMMAND...: run it; sets `out` and `err`
expect() {
	local want=$1 got=0
	shift
	"$@" >"$here/out" 2>"$here/err" </dev/null || got=$?
	out=$(<"$here/out")
	err=$(<"$here/err")
	((got == want)) && return
	echo "exit status $got, not $want: $*"
	printf '%s\n' "$out" "$err"
	return 1
}

# says TEXT PATTERN...: every pattern is in the text
says() {
	local text=$1 pattern
	shift
	for pattern; do
		grep -qE -- "$pattern" <<<"$text" || { printf 'nothing like "%s" in: %s\n' "$pattern" "$text"; return 1; }
	done
}

# bring DIR PROGRAM...: copies of this host's programs, with all that they are linked to, as DIR/bin and DIR/lib
bring() {
	local dir=$1 program
	shift
	mkdir -p "$dir"/{bin,lib}
	for program; do
		cp -L "$program" "$dir/bin/"
		ldd "$program" | grep -o '/[^ ]*' | xargs cp -L -t "$dir/lib"
	done
}

one_case() {
	local status=0 here=$scratch/$1
	mkdir "$here"
	# a command of its own, for `set -e` to hold in it
	(set -e; "test_$1") >"$here/log" 2>&1 &
	wait $! || status=$?
	if ((status == 0)); then
		echo "ok    ${1//_/ }"
	elif ((status == 4)); then
		echo "skip  ${1//_/ }"
	else
		echo "FAIL  ${1//_/ }"
		sed 's/^/      /' "$here/log"
	fi
}

# run_cases AT_ONCE: every function test_…, and the counts in the last line
run_cases() {
	local name passed skipped all=0
	for name in $(declare -F | sed -n 's/^declare -f test_//p'); do
		while (($(jobs -rp | wc -l) >= $1)); do wait -n || true; done
		one_case "$name" | tee -a "$scratch/results" &
		all=$((all + 1))
	done
	wait
	passed=$(grep -c '^ok ' "$scratch/results" || true)
	skipped=$(grep -c '^skip ' "$scratch/results" || true)
	echo "$passed passed, $((all - passed - skipped)) failed, $skipped skipped"
	((passed > 0 && passed + skipped == all))
}
