# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sourced: starts the machine. Four serial ports, for every kernel has a driver for those:
#
#	ttyS0	kernel log	-> DIR/console.log
#	ttyS1	terminal, or the command's standard output; and the keyboard
#	ttyS2	the command's standard error
#	ttyS3	status		-> the descriptor $qemu_status, at its end when the machine is gone

# More arguments for QEMU. They come last: of two -cpu the second counts.
qemu_more=()

# qemu_start ACCEL IMAGE INITRAMFS CPUS MEMORY DIR APPEND: run it on our standard input, output and error; sets
# qemu_pid, qemu_status and qemu_cats. QEMU's own complaints go to DIR/qemu.log.
qemu_start() {
	local accel=$1 image=$2 initramfs=$3 cpus=$4 memory=$5 dir=$6 append=$7
	# brd: a disk in memory is for who loads it, two of 64 MiB
	# A busy host makes the counters of an emulated machine drift apart. A kernel that sees it patches its own code, and
	# QEMU may run what was there for a moment (selftests/klab_test.h, keep_tracepoints_on()).
	local kernel_args="tsc=reliable console=ttyS0 loglevel=6 oops=panic panic=-1 random.trust_cpu=on brd.rd_nr=2 brd.rd_size=65536 $append"
	# Pipes that we hand over, because QEMU makes what it writes to non-blocking, and the terminal is not its own;
	# and because our end of the status pipe ends exactly when QEMU does.
	exec {qemu_out}> >(exec cat)
	qemu_cats=($!)
	exec {qemu_err}> >(exec cat >&2)
	qemu_cats+=($!)
	exec {qemu_status}< <(
		exec 3>&1 4>&"$qemu_err" >&"$qemu_out" 2>"$dir/qemu.log" {qemu_out}>&- {qemu_err}>&- 9>&-
		exec setpriv --pdeathsig KILL qemu-system-x86_64 \
			-nodefaults -no-user-config -display none -no-reboot \
			-machine pc,accel="$accel" -cpu max -smp "$cpus" -m "$memory" \
			-serial "file:$dir/console.log" \
			-chardev stdio,id=terminal,signal=off -serial chardev:terminal \
			-serial file:/dev/fd/4 -serial file:/dev/fd/3 \
			-kernel "$image" -initrd "$initramfs" -append "$kernel_args" "${qemu_more[@]}"
	)
	qemu_pid=$!
	exec {qemu_out}>&- {qemu_err}>&-
}
