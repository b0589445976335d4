# SPDX-License-Identifier: GPL-2.0-only
"""ready.py write|read select|poll|epoll [SIZE]: standard input into /dev/klab, or SIZE
bytes of it to standard output, by a descriptor that never waits: only select does."""
import os
import select
import sys

FD = os.open("/dev/klab", os.O_RDWR | os.O_NONBLOCK)


def wait(writes, how):
    """Return when FD can go on, as select, poll or epoll tell."""
    if how == "select":
        inputs, outputs, _ = select.select([] if writes else [FD], [FD] if writes else [], [])
        assert inputs + outputs == [FD]
        return
    poller = select.poll() if how == "poll" else select.epoll()
    poller.register(FD, select.POLLOUT if writes else select.POLLIN)
    (fd, events), = poller.poll()
    assert fd == FD and events == (select.POLLOUT if writes else select.POLLIN)


def write(how):
    data = sys.stdin.buffer.read()
    while data:
        wait(True, how)
        data = data[os.write(FD, data):]


def read(how, size):
    while size:
        wait(False, how)
        data = os.read(FD, min(size, 30011))
        sys.stdout.buffer.write(data)
        size -= len(data)


if sys.argv[1] == "write":
    write(sys.argv[2])
else:
    read(sys.argv[2], int(sys.argv[3]))
