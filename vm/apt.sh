# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sourced: packages as files. Nothing is installed and nothing needs root: what the archive offers is read from apt's
# lists, a package is fetched and unpacked below the cache.

# Without an option of ours apt reads the host's lists. With them it keeps lists of its own: for a host that has never
# run `apt-get update`, or not since the archive moved on.
apt_options=(-qq -o APT::Sandbox::User=)
own_lists=

# apt_own_lists: from here on lists of our own, brought up to date
apt_own_lists() {
	local dir=$cache/apt
	own_lists=yes
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	apt_options+=(-o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir")
	apt-get "${apt_options[@]}" -o APT::Update::Error-Mode=any update >&2
}

# apt_stanzas PACKAGE[=VERSION]...: what the archive says about them
apt_stanzas() {
	apt-cache "${apt_options[@]}" show --no-all-versions "$@" 2>/dev/null
}

# What the guest may load: a disk in memory and a file system for it, where the kernel has them not built in.
guest_modules='brd|ext4|jbd2|mbcache|crc16|crc32c_generic|libcrc32c'
# unpack_image DIR DEB: what boots the kernel and what the guest may load; all of its modules are 100 MB
unpack_image() {
	dpkg-deb --fsys-tarfile "$2" >"$2.tar" || return
	tar -t -f "$2.tar" | grep -E "^\./boot/.|/($guest_modules)\.ko(\.xz)?$|/modules\.(order|builtin)$" >"$2.list"
	tar -x -f "$2.tar" -C "$1" -T "$2.list" && rm "$2.tar" && find "$1" -name '*.ko.xz' -exec xz -d {} +
}

# apt_unpack DIR PACKAGE[=VERSION]...: fetch and unpack them all into DIR
apt_unpack() {
	local dir=$1 deb
	shift
	mkdir -p "$dir/.debs"
	(cd "$dir/.debs" && apt-get "${apt_options[@]}" download "$@") >&2 || return
	for deb in "$dir"/.debs/*.deb; do
		case ${deb##*/} in
		linux-image-*) unpack_image "$dir" "$deb" ;;
		*) dpkg -x "$deb" "$dir" ;;
		esac || return
	done
	rm -r "$dir/.debs"
}

# newest_source: sets `source_package` to the newest kernel source that there is
newest_source() {
	source_package=$(apt-cache "${apt_options[@]}" pkgnames linux-source- | grep -E '^linux-source-[0-9.]+$' | sort -V | tail -1)
	[[ $source_package || $own_lists ]] || { apt_own_lists && newest_source; }
	[[ $source_package ]]
}

# A cache entry is a directory with a seal beside it: the size of each file, in one checksum. It notices what happens
# to caches (a full disk, a cleaner, a cut download) in a fraction of a second.
entry_sum() {
	(cd "$1" 2>/dev/null && find . -printf '%y %s %p\n' | LC_ALL=C sort | cksum)
}
entry_ok() {
	[[ -d $1 && -f $1.seal ]] && [[ $(<"$1.seal") == "$(entry_sum "$1")" ]]
}

# entry_make DIR COMMAND...: make DIR by running COMMAND with the name of an empty directory, all or nothing
entry_make() {
	local dir=$1 part=$1.part
	shift
	rm -rf "$dir" "$dir.seal" "$part"
	mkdir -p "$part"
	if ! "$@" "$part"; then
		rm -rf "$part"
		return 1
	fi
	mv "$part" "$dir"
	entry_sum "$dir" >"$dir.seal"
}
