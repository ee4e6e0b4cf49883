"""Disks that are full and freed again, time after time during one transfer: each time it is said why
it waits, and nothing is lost by it."""

import os
import re

from lab import check, check_equal
from lab.data import MIB, compare, make_file, make_many
from lab.process import run

LONG = 180
SIZE = 24 * MIB
FILE = 256 << 10
CONFIG = {"batch": "1M", "lanes": 2}
ROUNDS = 3

# What is to come while a transfer runs has seconds for it, on a busy machine too.
RATE, SLOW = "60mbit", "10mbit"
FULL = re.compile("full|space|room")


def _mount(path, size):
    os.makedirs(path, exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path])


def _fill(path):
    """Leaves nothing; returns the file that has it all."""
    filler = os.path.join(path, "filler")
    with open(filler, "wb", buffering=0) as file:
        for block in (MIB, 4096):
            try:
                while file.write(bytes(block)) == block:
                    pass
            except OSError:
                pass
    return filler


def _pair(lab, on_small_disk, size):
    """Two nodes, one of which has its files or its state directory (an attribute of Node) on a disk
    of its own: (sender, receiver, where that is)."""
    side, attribute = on_small_disk
    nodes = lab.pair({"config": dict(CONFIG), "start": False},
                     {"config": dict(CONFIG), "start": False})
    directory = getattr(nodes[side], attribute)
    _mount(directory, size)
    for node in nodes:
        node.start()
    nodes[0].host.limit_rate(RATE)
    return (*nodes, directory)


def _go_on(sender, command, number=1):
    """What would happen by itself within 15 seconds; it may have happened already."""
    if not command.ended():
        sender.command("resume", str(number)).wait()


def _often(laboratory, on_small_disk, size, rounds, told):
    """Fills the disk `rounds` times; `told` waits until that is said."""
    sender, receiver, directory = _pair(laboratory, on_small_disk, size)
    # What is begun has its room; what is not begun has none yet.
    size = rounds * SIZE // ROUNDS
    source = make_many(laboratory.path("data"), size // FILE, FILE)
    command = sender.command("send", "--json", receiver.at, source)
    filler = os.path.join(directory, "filler")
    for number in range(rounds):
        part = number * (size // (rounds + 1))
        command.wait_event(lambda event, part=part: event.get("done", 0) > part, f"part {number}",
                           LONG)
        heard, logged = len(command.out), [len(node.daemon.err) for node in (sender, receiver)]
        _fill(directory)
        told(command, heard, (sender, receiver), logged)
        os.unlink(filler)
        _go_on(sender, command)
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    compare(source, receiver.received("data"))
    receiver.check_listed("data")
    receiver.check_tidy()
    check_equal([transfer["state"] for transfer in receiver.transfers("--all")], ["delivered"],
                "transfers of the receiver")
    sent = sender.host.bytes_sent()
    check(sent < 1.05 * size + (rounds + 1) * 8 * MIB, f"sent {sent}")


def _sender_is_told(command, heard, *_):
    event = command.wait_event(lambda event: event.get("state") == "waiting", "it waits", LONG,
                               after=heard)
    check(FULL.search(event.get("reason", "")), f"no clear reason: {event}")


def _receiver_logs(_, __, nodes, logged):
    nodes[1].daemon.wait_line("transfer 1.*full", patience=LONG, after=logged[1])


def fill_destination(laboratory, rounds):
    size = rounds * SIZE // ROUNDS
    _often(laboratory, (1, "files"), size * 3 // 2, rounds, _sender_is_told)


def fill_state_of_receiver(laboratory, rounds):
    _often(laboratory, (1, "state"), "6M", rounds, _receiver_logs)


def fill_state_of_sender(laboratory, rounds):
    """A transfer for each time: a sender has little to record before the end."""
    sender, receiver, directory = _pair(laboratory, (0, "state"), "6M")
    for number in range(rounds):
        source = make_file(laboratory.path(f"data {number}"), 6 * MIB, number)
        sender.host.limit_rate(SLOW)
        command = sender.command("send", "--json", receiver.at, source)
        command.wait_event(lambda event: event.get("done", 0) > 0, "a part", LONG)
        heard = len(command.out)
        filler = _fill(directory)
        _sender_is_told(command, heard)
        sender.host.limit_rate(None)
        os.unlink(filler)
        _go_on(sender, command, number + 1)
        check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
        compare(source, receiver.received(f"data {number}"))
    receiver.check_listed(*(f"data {number}" for number in range(rounds)))


def destination(lab):
    """The disk for received files."""
    fill_destination(lab, ROUNDS)


def state_of_receiver(lab):
    """The disk that the receiver's database is on."""
    fill_state_of_receiver(lab, ROUNDS)


def state_of_sender(lab):
    """The disk that the sender's database is on."""
    fill_state_of_sender(lab, ROUNDS)
