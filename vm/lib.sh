# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sourced by the scripts here: where things are, and how they speak.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
# what is compared, sorted and computed here does not follow the language of the one who types
export LC_ALL=C
cache=${XDG_CACHE_HOME:-~/.cache}/klab
# what a module or a tool has beside the usual is in the name of its directory
user=$build/user${KLAB_SANITIZE:+.sanitized}
variant=${KLAB_BENCH:+.bench}${KLAB_COVERAGE:+.coverage}

# say WHAT WORDS...: one line about what is going on, in two columns
say() {
	[[ ${QUIET:-} ]] || printf '%-9s %s\n' "$1" "${*:2}" >&2
}

# steadily FILE WORDS...: vm/run with these words, its output to FILE; once more where QEMU's emulation lost the machine
steadily() {
	local status=0
	"$root/vm/run" "${@:2}" >"$1" || status=$?
	((status == 129)) || return "$status"
	say machine "lost to the emulator, once more"
	"$root/vm/run" "${@:2}" >"$1"
}

# die STATUS WORDS...: one sentence, and out
die() {
	printf '%s: %s\n' "${0##*/}" "${*:2}" >&2
	exit "$1"
}
