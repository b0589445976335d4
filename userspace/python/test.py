# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Python module, in a guest with klab loaded: layout, every command, refusals, lifetimes."""
import ctypes
import errno
import gc
import os
import threading
import unittest

import klab
from klab import contract

STRUCTS = [one for one in vars(contract).values()
           if isinstance(one, type) and issubclass(one, ctypes.Structure)]


def descriptors():
    """How many are open."""
    return len(os.listdir("/proc/self/fd"))


class Layout(unittest.TestCase):
    """Where ctypes puts a field is where the contract has it."""

    def test_structs(self):
        self.assertGreater(len(STRUCTS), 15)
        for struct in STRUCTS:
            self.assertEqual(ctypes.sizeof(struct), struct._bytes_, struct)
            for name, place in struct._places_.items():
                self.assertEqual(getattr(struct, name).offset, place, (struct, name))

    def test_numbers(self):
        for name, (number, struct, kinds, _, _) in contract.COMMANDS.items():
            self.assertEqual(number >> 16 & 0x3fff, ctypes.sizeof(struct), name)
            self.assertEqual(number >> 8 & 0xff, contract.IOC_MAGIC, name)
            self.assertTrue(kinds, name)


class Device(unittest.TestCase):
    """What the device is asked."""

    def setUp(self):
        self.before = descriptors()
        self.device = klab.open()

    def tearDown(self):
        self.device.close()
        gc.collect()
        self.assertEqual(descriptors(), self.before)

    def test_info(self):
        info = self.device.info()
        self.assertEqual(info.version, contract.VERSION)
        self.assertEqual(info.page_size, os.sysconf("SC_PAGESIZE"))

    def test_each_command_is_a_method(self):
        for name, (_, _, kinds, _, _) in contract.COMMANDS.items():
            if "device" in kinds:
                self.assertTrue(callable(getattr(self.device, name.lower())), name)
        with self.assertRaises(AttributeError):
            self.device.nonsense()
        with self.device.channel() as channel, self.assertRaises(AttributeError):
            channel.pages_zones()

    def test_refusal(self):
        with self.assertRaises(klab.Refused) as caught:
            self.device.eventfd_fire(fd=-1, count=1)
        self.assertEqual(caught.exception.errno, errno.EBADF)
        self.assertEqual(caught.exception.name, "EBADF")
        self.assertEqual(caught.exception.command, "EVENTFD_FIRE")
        self.assertIn(caught.exception.rule, str(caught.exception))
        with self.assertRaises(TypeError):
            self.device.eventfd_fire(nothing=1)

    def test_channel(self):
        with self.device.channel(capacity=4096) as channel:
            writer = threading.Thread(target=lambda: (channel.write(b"x" * 100000), channel.end()))
            writer.start()
            self.assertEqual(b"".join(channel), b"x" * 100000)
            writer.join()
            self.assertEqual(channel.stat().write.bytes, 100000)
            self.assertTrue(channel.stat().state & contract.CHANNEL_ENDED)
        with self.assertRaises(ValueError):
            channel.read()

    def test_pages_are_given_back(self):
        with self.assertRaises(ZeroDivisionError), self.device.pages(count=3) as pages:
            self.assertEqual(pages.obtained, 3)
            self.assertEqual(sum(source.blocks for source in pages.sources), 3)
            raise ZeroDivisionError
        self.assertEqual(pages.freed.count, 3)

    def test_arrays(self):
        zones = self.device.pages_zones().zones
        self.assertTrue(any(zone.free for zone in zones))
        self.assertEqual(len(self.device.pages_zones(zones=1).zones), 1)
        self.assertEqual(self.device.pages_zones(zones=0).zones, [])

    def test_task(self):
        with self.device.task() as task:
            self.assertEqual(task.who().pid, os.getpid())
        with self.device.task(os.getppid()) as task:
            self.assertEqual(task.who().pid, os.getppid())

    def test_notifier(self):
        bell = os.eventfd(0)
        with self.device.notifier(records=4) as notifier:
            handle = notifier.set(dict(way=contract.WAY_RECORD),
                                  dict(way=contract.WAY_EVENTFD, target=bell), value=42)
            notifier.fire(handle=handle, count=3)
            self.assertEqual([(one.handle, one.sequence, one.value) for one in notifier.read()],
                             [(handle, sequence, 42) for sequence in (1, 2, 3)])
            self.assertEqual(os.eventfd_read(bell), 3)
            told = notifier.query(handle=handle).deliveries
            self.assertEqual([one.delivered for one in told], [3, 3])
            timer = notifier.set(dict(way=contract.WAY_RECORD), trigger=contract.TRIGGER_TIMER, count=1)
            self.assertEqual([one.handle for one in notifier.read()], [timer])
            self.assertEqual([one.handle for one in notifier.list().entries], [handle, timer])
            notifier.cancel(handle=timer)
            self.assertEqual(len(notifier.list().entries), 1)
            with self.assertRaises(klab.Refused) as caught:
                notifier.set(dict(way=99))
            self.assertEqual(caught.exception.name, "EINVAL")
        os.close(bell)

    def test_recorder(self):
        come, go = os.pipe()
        child = os.fork()
        if not child:
            os.close(go)
            os.read(come, 1)
            os.getppid()
            os._exit(3)
        with self.device.task(child) as task, \
                task.record(contract.RECORD_SYSCALLS | contract.RECORD_TASKS) as recorder:
            os.close(go)
            events = list(recorder)
            self.assertEqual(recorder.stat().made, len(events))
        os.close(come)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 3)
        self.assertEqual({event.pid for event in events}, {child})
        last = [event for event in events if event.kind == "exit"]
        self.assertEqual([os.waitstatus_to_exitcode(event.body.status) for event in last], [3])
        results = [event.body.result for event in events if event.kind == "leave"]
        self.assertIn(os.getpid(), results)

    def test_cpu(self):
        cpu = self.device.cpu(cpu=0, gates=256)
        self.assertEqual(cpu.level, 0)
        self.assertEqual(cpu.caller_level, 3)
        self.assertIn("page_fault", cpu.gates[14].handler.symbol)


if __name__ == "__main__":
    unittest.main(verbosity=2)
