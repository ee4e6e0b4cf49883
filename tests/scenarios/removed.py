"""Disks that are taken out in the middle of a transfer and put in again: what is in their place gets
nothing, nothing is taken for lost, and the transfer goes on once they are back."""

import os
import signal

from lab import check, check_equal
from lab.data import MIB, compare, make_file, make_many
from lab.disk import Disk
from lab.watch import wait_gone

LONG = 120
SIZE = 24 * MIB
CONFIG = {"batch": "1M", "lanes": 2}

# Four seconds after the first third, on a busy machine too, for a disk to be taken out.
RATE = "30mbit"


def _receiver_with_disk(lab, **env):
    """A sender, and a receiver whose files go to a disk."""
    disk = Disk(lab, "disk")
    sender, receiver = lab.pair({"config": dict(CONFIG)},
                                {"config": dict(CONFIG), "start": False, "env": env})
    receiver.files = os.path.join(disk.path, "in")
    receiver.configure()
    receiver.start()
    sender.host.limit_rate(RATE)
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
    """What would happen by itself within 15 seconds; it may have happened already."""
    sender.host.limit_rate(None)
    sender.command("resume", "1").wait()


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


def destination_guarded(lab):
    """A disk that is not mounted, on a directory where the node may not write: a new transfer waits
    for it."""
    sender, receiver, disk = _receiver_with_disk(lab)
    receiver.stop()
    receiver.bounded = True
    disk.take_out()
    os.chmod(disk.path, 0o555)
    receiver.start()
    sender.host.limit_rate(None)
    source = make_file(lab.path("data"), MIB)
    command = sender.command("send", "--json", receiver.at, source)
    event = command.wait_event(lambda event: event.get("state") == "waiting", "it waits", LONG)
    check("lost" not in event["reason"], f"no clear reason: {event}")
    check_equal(disk.seen(receiver), [], "in its place")
    disk.put_in(receiver)
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    compare(source, disk.stored("in/data"))


def cancelled_while_destination_is_out(lab):
    """A transfer is cancelled while its disk is taken out: what it has left there goes when the disk
    is back."""
    sender, receiver, disk = _receiver_with_disk(lab)
    source = make_file(lab.path("data"), SIZE)
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("done", 0) > SIZE // 3, "a part", LONG)
    disk.take_out(receiver)
    _kill_sessions(receiver)
    _wait_until_told(command)
    receiver.run("cancel", "1")
    receiver.daemon.wait_line("what transfer 1 has left is not there")
    _check_nothing_seen(disk, receiver)
    receiver.restart()  # which sees the disk
    wait_gone(disk.stored("in/.fxnode"))
    check_equal(os.listdir(disk.stored("in")), [], "on the disk")


def _sender_with_disk(lab):
    """The same with a disk at the sender, on which is what it sends."""
    disk = Disk(lab, "disk")
    sender, receiver = lab.pair({"config": dict(CONFIG)}, {"config": dict(CONFIG)})
    sender.host.limit_rate(RATE)
    return sender, receiver, disk


def _wait_for_disk(command):
    event = command.wait_event(lambda event: "the disk that" in event.get("reason", ""),
                               "it waits for the disk", LONG)
    check_equal(event["state"], "waiting", "state")


def _source_taken_out(lab, make, what, interrupt):
    """Takes out the disk that `what` is on, which is in what make() made there."""
    sender, receiver, disk = _sender_with_disk(lab)
    make(disk.stored("tree"))
    command = sender.command("send", "--json", receiver.at, os.path.join(disk.path, what))
    command.wait_event(lambda event: event.get("done", 0) > SIZE // 3, "a part", LONG)
    disk.take_out(sender)
    interrupt(sender)
    _wait_for_disk(command)
    receiver.check_listed()
    disk.put_in(sender)
    _go_on(sender)
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    compare(disk.stored(what), receiver.received(os.path.basename(what) or "disk"))
    check(sender.host.bytes_sent() < 1.5 * SIZE, "it began anew")
    receiver.check_tidy()


def _tree(path):
    make_many(path, 96, SIZE // 96)


def source_taken_out(lab):
    """The disk with a tree that is being sent is taken out while it is interrupted: nothing of it
    is taken for deleted."""
    _source_taken_out(lab, _tree, "tree", _kill_sessions)


def source_taken_out_itself(lab):
    """The same where all of the disk is sent."""
    _source_taken_out(lab, _tree, "", _kill_sessions)


def source_taken_out_while_read(lab):
    """The same with a session that reads it, which has open what it reads just now."""
    _source_taken_out(lab, _tree, "tree", lambda _: None)


def source_file_taken_out_while_read(lab):
    """The same with one file, which is open: only at the end it is looked for again."""
    _source_taken_out(lab, lambda path: make_file(path, SIZE), "tree", lambda _: None)


def source_deleted_from_disk(lab):
    """What is deleted from a disk that is there fails by its name, as everywhere."""
    sender, receiver, disk = _sender_with_disk(lab)
    _tree(disk.stored("tree"))
    command = sender.command("send", "--json", receiver.at, os.path.join(disk.path, "tree"))
    command.wait_event(lambda event: event.get("done", 0) > SIZE // 3, "a part", LONG)
    os.unlink(disk.stored("tree/0000/000095"))
    check_equal(command.wait(LONG), 1, f"status of send\n{command.said()}")
    check("000095" in "\n".join(command.out), f"it is not named: {command.said()}")
    check_equal(len(os.listdir(receiver.received("tree/0000"))), 95, "files that arrived")
