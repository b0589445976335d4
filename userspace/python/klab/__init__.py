# SPDX-License-Identifier: LGPL-2.1-or-later
"""
/dev/klab from Python, with the names of the contract.

    with klab.open() as device:
        print(device.info())
        with device.pages(order=3, count=64) as pages:
            print(pages.sources)

What takes commands is a Descriptor: the device, and whatever a command of it makes. Each command
is a method of those that take it, in lower case: device.pages_zones(), channel.stat() for
CHANNEL_STAT, task.who() for TASK_WHO. Fields are keyword arguments, flags are klab.contract's.
What comes back is a namespace with the fields of the struct, an array in it as a list; or a
Descriptor, where the command makes one. A refusal is the exception Refused.
"""
import builtins
import contextlib
import ctypes
import errno
import fcntl
import os
from types import SimpleNamespace

from klab import contract

DEVICE = "/dev/klab"
RECORD = ctypes.sizeof(contract.Record)
ROOM = 64       # records that an array has room for, when it is not said


class Refused(OSError):
    """A call that was refused: errno as ever, the command, and which rule of the contract it was."""

    def __init__(self, command, number):
        self.command = command
        self.name = errno.errorcode.get(number, str(number))
        own = contract.COMMANDS[command][4].get(self.name)
        self.rule = own or contract.ERRORS.get(self.name) or os.strerror(number)
        super().__init__(number, self.rule)

    def __str__(self):
        return f"{self.command}: {self.name}: {self.rule}"


def _plain(value):
    """What ctypes has, as Python's own: numbers, str, lists, namespaces."""
    if isinstance(value, ctypes.Structure):
        return SimpleNamespace(**{name: _plain(getattr(value, name)) for name, _ in value._fields_})
    if isinstance(value, ctypes.Array):
        return [_plain(one) for one in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _set(struct, name, value):
    """A field; one within another is outer=dict(inner=value)."""
    if name not in struct._places_:
        raise TypeError(f"{type(struct).__name__} has no field {name}: it has "
                        + ", ".join(struct._places_))
    if isinstance(value, dict):
        for inner, one in value.items():
            _set(getattr(struct, name), inner, one)
    else:
        setattr(struct, name, value)


class Descriptor:
    """A file descriptor that takes commands. Closed at the end of its "with"."""
    kind = prefix = None        # of which kind it is, and how the names of its commands begin

    def __init__(self, fd):
        self._fd = fd

    def fileno(self):
        """For os, select, poll, mmap."""
        if self._fd < 0:
            raise ValueError(f"this {self.kind} is closed")
        return self._fd

    def close(self):
        """Gives back all that is behind it. May be called twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        self.close()

    def call(self, command, **fields):
        """
        Any command: call("PAGES_ALLOC", order=3, count=4); array=N makes room for N records, and
        array=[dict(field=value)] brings them along.
        """
        number, struct_type, _, makes, _ = contract.COMMANDS[command]
        struct, memory = struct_type(), {}
        for name, record in struct_type._records_.items():
            brought = fields.pop(name, ROOM)
            if isinstance(brought, int):
                brought = [{}] * brought
            memory[name] = (record * len(brought))()
            for place, values in enumerate(brought):
                for field, value in values.items():
                    _set(memory[name][place], field, value)
            setattr(struct, name, contract.Array(ctypes.addressof(memory[name]), len(brought),
                                                 ctypes.sizeof(record)))
        for name, value in fields.items():
            _set(struct, name, value)
        try:
            result = fcntl.ioctl(self.fileno(), number, struct, True)
        except OSError as error:
            raise Refused(command, error.errno) from None
        if makes:
            plain = {"kind": makes, "prefix": makes}
            return KINDS.get(makes, type(makes.title(), (Descriptor,), plain))(result)
        answer = _plain(struct)
        for name, records in memory.items():
            count = getattr(struct, name).count
            setattr(answer, name, [_plain(one) for one in records[:count]])
        return answer

    def __getattr__(self, name):
        for command in (f"{self.prefix}_{name}".upper(), name.upper()):
            if command in contract.COMMANDS and self.kind in contract.COMMANDS[command][2]:
                return lambda **fields: self.call(command, **fields)
        raise AttributeError(f"a {self.kind} has no {name}")

    def __dir__(self):
        mine = [name for name, row in contract.COMMANDS.items() if self.kind in row[2]]
        return [*super().__dir__(), *(name.lower().removeprefix(f"{self.prefix}_") for name in mine)]


class Stream(Descriptor):
    """One that bytes pass through."""

    def read(self, size=65536):
        """What there is, at most so much; b"" at the end."""
        return os.read(self.fileno(), size)

    def write(self, data):
        """All of it; waits for room."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.fileno(), view):]


class Channel(Stream):
    """A private channel of bytes."""
    kind = prefix = "channel"

    def __iter__(self):
        return iter(self.read, b"")


class Task(Descriptor):
    """A handle on a process or a thread."""
    kind = prefix = "task"

    def record(self, kinds=contract.RECORD_ALL, flags=contract.RECORD_THREADS, size=1 << 16):
        """A recorder of what the process does from now on, with rings of so many bytes."""
        return self.call("RECORDER_CREATE", kinds=kinds, flags=flags, bytes=size, wakeup=1,
                         threads=contract.RECORDER_THREADS_LIMIT)


class Recorder(Descriptor):
    """What a process does at the border to the kernel, as it does it."""
    kind = prefix = "recorder"

    def __iter__(self):
        """Every event until the end: its header, with its kind as a word, and its body."""
        header = ctypes.sizeof(contract.Recorded)
        while data := os.read(self.fileno(), 65536):
            at = 0
            while at < len(data):
                event = _plain(contract.Recorded.from_buffer_copy(data, at))
                event.kind, body = EVENTS[event.kind]
                event.body = _plain(body.from_buffer_copy(data, at + header))
                at += event.length
                yield event


class Notifier(Descriptor):
    """Notifications: what fires, when, and who is told in which ways."""
    kind, prefix = "notifier", "notify"

    def set(self, *deliveries, **fields):
        """One more: each delivery as dict(way=contract.WAY_EVENTFD, target=fd). Returns its handle."""
        return self.call("NOTIFY_SET", deliveries=deliveries, **fields).handle

    def read(self):
        """Records of the firings that were not read yet: one at least, unless it may not wait."""
        data = os.read(self.fileno(), ROOM * RECORD)
        return [_plain(contract.Record.from_buffer_copy(data, at))
                for at in range(0, len(data), RECORD)]


class Device(Stream):
    """/dev/klab itself: makes everything else. Reads and writes go to the shared channel."""
    kind = prefix = "device"

    def channel(self, capacity=0, flags=0):
        """A private channel that holds so many bytes."""
        return self.call("CHANNEL_CREATE", capacity=capacity, flags=flags)

    def task(self, pid=0):
        """A handle on a process; 0 is this one."""
        return self.call("TASK_OPEN", pid=pid)

    def notifier(self, records=0):
        """A notifier that keeps so many records, or 64."""
        return self.call("NOTIFIER_CREATE", records=records, record_size=RECORD)

    @contextlib.contextmanager
    def pages(self, order=0, count=1, node=contract.NODE_ANY, flags=0):
        """Blocks of pages, held as long as the "with" lasts."""
        held = self.call("PAGES_ALLOC", order=order, count=count, node=node,
                         flags=flags | contract.PAGES_HOLD)
        try:
            yield held
        finally:
            held.freed = self.call("PAGES_FREE", handle=held.handle)

    def signal(self, pid, number, value=None):
        """Has the kernel send a signal; with a value it is queued, as by sigqueue(3)."""
        flags = 0 if value is None else contract.SIGNAL_VALUE
        return self.call("SIGNAL_SEND", pid=pid, signal=int(number), flags=flags, value=value or 0)

    def fire(self, eventfd, count=1):
        """Has the kernel signal an eventfd so often."""
        return self.call("EVENTFD_FIRE", fd=eventfd, count=count)


KINDS = {"channel": Channel, "task": Task, "notifier": Notifier, "recorder": Recorder}
# in the order of KLAB_EVENT_*: the word, and the struct that is its body
EVENTS = [(word, getattr(contract, "Event" + word.title(), contract.EventSwitch)) for word in
          "enter leave fault trap signal deliver fork exec exit out in".split()]


def open(flags=0):      # pylint: disable=redefined-builtin
    """The device; os.O_NONBLOCK is a flag that it takes."""
    device = Device(os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC | flags))
    version = device.info().version
    if version != contract.VERSION:
        device.close()
        raise builtins.RuntimeError(f"the module speaks version {version} of the contract, this "
                                    f"package {contract.VERSION}")
    return device
