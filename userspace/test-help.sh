#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test-help.sh KLAB: do help, man page and completion name the same commands and options?
# Help is made from the tables that dispatch uses, so it is what the others are held against.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
klab=${1:?usage: test-help.sh KLAB}
# klab(1) has the commands that stand alone, and klab-OBJECT(1) those of an object
man=(../packaging/man/klab.1 ../packaging/man/klab-*.1)
failures=0

# what is in help and in the other, sorted, has to be the same
same() {
	local what=$1 there
	there=$(sort -u <<<"$3")
	if [[ $(sort -u <<<"$2") != "$there" ]]; then
		echo "not ok: $what"
		diff <(sort -u <<<"$2") <(sort -u <<<"$3") | sed -n 's/^</  only in help:  /p; s/^>/  only in there: /p' || true
		failures=$((failures + 1))
	fi
}

# the part of a help text between this heading and the next empty line: its left column
left_column() { sed -n "/^$1\$/,/^\$/s/^  \\([^ ].*[^ ]\\)  .*/\\1/p" | sed 's/ *$//; s/  .*//'; }

# the options of a subsection of the man page: .It Fl -name
man_options() { sed -n "/^\\.S[sh] $1\$/,/^\\.S[sh]/s/^\\.It Fl \\(-[a-z-]*\\).*/-\\1/p" "${man[@]}"; }

# bash's completion asks the klab of the path
klab() { "$klab" "$@"; }
compopt() { :; }
offers() {
	COMP_WORDS=(klab "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_klab
	printf '%s\n' "${COMPREPLY[@]}"
}

# shellcheck source=/dev/null
. ../packaging/completions/klab

commands=$("$klab" help | left_column commands)
common=$("$klab" help | left_column 'options everywhere' | sed 's/ .*//')
objects=$(cut -d' ' -f1 <<<"$commands" | sort -u)
[[ $(wc -l <<<"$commands") -ge 8 ]] || { echo "not ok: help lists too little: $commands"; exit 1; }

same 'commands of the man page' "$commands" "$(sed -n 's/^\.Ss //p' "${man[@]}")"
same 'objects of the man pages' "$(sed -n 's/ .*//p' <<<"$commands")" \
	"$(sed -n 's/^\.Ss \(.*\) .*/\1/p' ../packaging/man/klab-*.1)"
same 'common options of the man page' "$common" "$(man_options OPTIONS)"
same 'objects of the completion' "$objects" "$(offers '')"
same 'objects after help' "$objects" "$(offers help '')"
same 'values of --color' $'auto\nalways\nnever' "$(offers --color '')"

while read -r command; do
	read -ra words <<<"$command"
	help=$("$klab" "${words[@]}" --help)
	options=$(left_column options <<<"$help" | sed 's/ .*//')
	same "options of $command in the man page" "$options" "$(man_options "$command")"
	same "options of $command in the completion" "$common${options:+$'\n'$options}" \
		"$(offers "${words[@]}" --)"
	for option in $options; do
		takes_value=$(grep -cE "^  $option [A-Z]" <<<"$help" || true)
		offered=$(offers "$option" '')
		if ((takes_value)); then
			same "nothing offered for the value of $option" '' "$offered"
		fi
	done
	same "klab help $command" "$help" "$("$klab" help "${words[@]}")"
	if ((${#words[@]} == 2)); then
		verbs=$("$klab" "${words[0]}" help | left_column commands | sed 's/.* //')
		same "verbs of ${words[0]} in the completion" "$verbs"$'\nhelp' "$(offers "${words[0]}" '')"
		same "verbs of ${words[0]} after help" "$verbs" "$(offers help "${words[0]}" '')"
	fi
done <<<"$commands"

# the other shells offer what bash does; $1 is the last word
elsewhere() {
	local bash words=("${@:2}" "$1")
	bash=$(offers "${words[@]}")
	[[ $bash ]] || { echo "not ok: nothing offered for ${words[*]}"; failures=$((failures + 1)); }
	if type -P fish >/dev/null; then
		same "fish: ${words[*]}" "$bash" "$(PATH=$bin:$PATH fish -c 'source ../packaging/completions/klab.fish
			complete -C "$argv"' klab "${words[@]}" | cut -f1)"
	fi
	if type -P zsh >/dev/null; then
		same "zsh: ${words[*]}" "$bash" "$(PATH=$bin:$PATH zsh -fc 'setopt extendedglob
			_describe() { (( ! ${#${(@P)2}} )) || print -rl -- "${(@)${(@P)2}%%:*}" }
			words=(klab "$@") CURRENT=$(($# + 1))
			set --; source ../packaging/completions/_klab' zsh "${words[@]}")"
	fi
}
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
ln -s "$(readlink -f "$klab")" "$bin/klab"
elsewhere p
elsewhere al page
elsewhere --o page alloc
elsewhere CHANNEL_ ioctl show
elsewhere SIGT signal send 1

((failures)) && exit 1
echo "ok: help, man page and completion agree"
