"""Disks that are taken out in the middle of a transfer and put in again: what is in their place gets
nothing, nothing is taken for lost, and the transfer goes on once they are back."""

import os
import signal

from lab import check, check_equal
from lab.data import MIB, compare, make_file
from lab.disk import Disk

LONG = 120
SIZE = 24 * MIB
CONFIG = {"batch": "1M", "lanes": 2}


def _receiver_with_disk(lab, **env):
    """A sender, and a receiver whose files go to a disk."""
    disk = Disk(lab, "disk")
    sender, receiver = lab.pair({"config": dict(CONFIG)},
                                {"config": dict(CONFIG), "start": False, "env": env})
    receiver.files = os.path.join(disk.path, "in")
    receiver.configure()
    receiver.start()
    sender.host.limit_rate("200mbit")
    return sender, receiver, disk


def _kill_sessions(node):
    for pid in node.helpers("session"):
        os.kill(pid, signal.SIGKILL)


def _wait_until_told(command):
    """The sender's user hears that it waits for the other machine's disk."""
    event = command.wait_event(lambda event: "does not find" in event.get("reason", ""),
                               "it waits for the disk", LONG)
    check_equal(event["state"], "waiting", "state")


def _go_on(sender):
    """What would happen by itself within 15 seconds."""
    sender.run("resume", str(sender.transfers()[0]["transfer"]))


def _check_nothing_seen(disk, receiver):
    check(disk.seen(receiver) in ([], ["in"]), f"in its place: {disk.seen(receiver)}")
    if disk.seen(receiver):
        check_equal(disk.seen(receiver, "in"), [], "in its place")


def destination_taken_out(lab):
    """The disk for received files is taken out while a transfer is interrupted: the directory that
    it was mounted on gets nothing, and what was received counts when it is back."""
    sender, receiver, disk = _receiver_with_disk(lab)
    source = make_file(lab.path("data"), SIZE)
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("done", 0) > SIZE // 3, "a part", LONG)
    disk.take_out(receiver)
    _kill_sessions(receiver)
    _wait_until_told(command)
    receiver.daemon.wait_line("does not hold what has arrived of this transfer")
    _check_nothing_seen(disk, receiver)
    disk.put_in(receiver)
    _go_on(sender)
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    compare(source, disk.stored("in/data"))
    check_equal(os.listdir(disk.stored("in")), ["data"], "on the disk")
    check(sender.host.bytes_sent() < 1.5 * SIZE, "it began anew")


def destination_taken_out_while_written(lab):
    """The same while a session writes: it has the disk open, and delivers onto it."""
    sender, receiver, disk = _receiver_with_disk(lab)
    source = make_file(lab.path("data"), SIZE)
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("done", 0) > SIZE // 3, "a part", LONG)
    disk.take_out(receiver)
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    check_equal(disk.seen(receiver), [], "in its place")
    compare(source, disk.stored("in/data"))


def destination_taken_out_while_placed(lab):
    """It is away when the node starts that had recorded the final name and not renamed yet: that is
    not taken for done."""
    sender, receiver, disk = _receiver_with_disk(lab, FXNODE_CRASH="placing-committed")
    source = make_file(lab.path("data"), SIZE)
    command = sender.command("send", "--json", receiver.at, source)
    receiver.wait_crash(LONG)
    disk.take_out()
    receiver.recover()
    _wait_until_told(command)
    _check_nothing_seen(disk, receiver)
    check_equal(os.listdir(disk.stored("in")), [".fxnode"], "on the disk")
    disk.put_in(receiver)
    _go_on(sender)
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    compare(source, disk.stored("in/data"))
    check_equal(os.listdir(disk.stored("in")), ["data"], "on the disk")
