# SPDX-License-Identifier: GPL-2.0-only
# fish completion for klab, which itself knows what may follow.

complete -c klab -f -a '(klab complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
