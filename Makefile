# SPDX-License-Identifier: GPL-2.0-only
#
# Everything that a person types. `make help` lists it. The work is done by the scripts in vm/.

# what is said on the command line reaches the scripts in the environment, with its dollars as they were typed
override CMD := $(value CMD)
override EXTRA := $(value EXTRA)
export NAME ONLY READING CMD EXTRA KERNEL KERNELS ACCEL SMP MEM TIMEOUT NATIVE MINUTES SEED PROGRAM CORPUS NO_INSTALL V W C

PREFIX ?= /usr/local
DESTDIR ?=

# one thing at a time: what runs in parallel is decided below
.NOTPARALLEL:
.PHONY: all run exercise grade check check-exercises check-all check-debug fuzz coverage bench lint doctor clean install help

all:
	@vm/doctor --install run
	@vm/build module user

run:
	@if [ -n "$$CMD" ]; then exec vm/run -- "$$CMD"; else exec vm/run --shell klab tour; fi

# a piece of the driver to write oneself: docs/exercises.md
exercise:
	@vm/doctor --install run
	@exercises/exercise start "$$NAME"

grade:
	@vm/doctor --install check
	@exercises/exercise grade "$$NAME"

check-exercises:
	@vm/doctor --install check
	@exercises/exercise check

check:
	@vm/doctor --install check
	@vm/check

# every stock kernel, with one processor and with several
check-all:
	@vm/doctor --install check
	@KERNELS="$$(for kernel in 6.1 6.1-cloud 6.1-rt 6.12 6.12-cloud 6.12-rt; do echo $$kernel:1 $$kernel:2; done)" vm/check

check-debug:
	@vm/doctor --install check
	@vm/doctor --install debug
	@KERNELS=$${KERNELS:-sanitizers pressure debug race rt} TIMEOUT=$${TIMEOUT:-5400} vm/check

# programs of calls that nobody would write, for MINUTES
fuzz:
	@vm/doctor --install check
	@vm/doctor --install debug
	@vm/fuzz

coverage:
	@vm/doctor --install check
	@vm/coverage

bench:
	@vm/doctor --install bench
	@bench/run

lint:
	@vm/doctor --install lint
	@vm/lint

doctor:
	@vm/doctor

clean:
	rm -rf build

install:
	@$(MAKE) --no-print-directory -C userspace O="$(CURDIR)/build/user" DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" install

help:
	@echo 'make           build the module and the tool'
	@echo 'make run       boot a VM with klab in it, take the tour, stay for a shell'
	@echo 'make exercise  a piece of the driver to write oneself (NAME=, without it their list)'
	@echo 'make grade     build it, boot it, test it; a score and a hint (NAME=)'
	@echo 'make check     test everything, in VMs'
	@echo 'make check-exercises   that each one fails as it is handed out, passes when solved, and gives the right hint'
	@echo 'make check-all     the selftests on every stock kernel, with one processor and with two'
	@echo 'make check-debug   the tool with ASan and UBSan; the selftests under pressure; on kernels with KASAN, lockdep and more, with KCSAN, and real-time'
	@echo 'make fuzz      calls that nobody would write, on that kernel (MINUTES=, SEED=, PROGRAM=, CORPUS=)'
	@echo 'make coverage  which lines of the driver the selftests run, and why not the others'
	@echo 'make bench     measure klab beside its peers, in a VM (ONLY=REGEX, READING=icount|wall)'
	@echo 'make lint      compiler warnings, -fanalyzer, clang-tidy, sparse, coccicheck, checkpatch, cppcheck, shellcheck'
	@echo 'make doctor    what is missing on this host, which kernels there are, what KVM is worth'
	@echo 'make install   the tool and the library, on this host (DESTDIR=, PREFIX=)'
	@echo 'make clean     delete build/'
	@echo
	@echo 'KERNEL=NAME    6.12-cloud, 6.12, 6.12-rt, 6.1-cloud, 6.1, 6.1-rt, debug, race, rt, or a built kernel tree'
	@echo 'KERNELS=NAMES  check: the selftests on each of these; 6.12-rt:1 with one processor; sanitizers: the tool with them; pressure: beside stress-ng'
	@echo 'NATIVE=1       check: the selftests without those of 32-bit callers'
	@echo "CMD='LINE'     run: this instead of the tour and the shell"
	@echo 'ACCEL=HOW      auto, kvm or tcg'
	@echo 'SMP=N MEM=SIZE processors and memory of the VM'
	@echo 'EXTRA=DIR      the files of DIR appear as /extra in the VM'
	@echo 'TIMEOUT=SECS   a limit for boot and command'
	@echo 'NO_INSTALL=1   say which packages are missing, install none'
	@echo 'V=1 W=1 C=1    what the builds say; more warnings; sparse'
