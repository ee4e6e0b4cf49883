"""The long forms: see run.py."""

import os
import random
import time

import enduring
import full
from lab import Skip, check, check_equal
from lab.data import GIB, MIB, compare, make_file
from lab.growth import Growth

PATIENT = 3600


def interrupted_200(lab):
    """200 interrupted transfers in a row on one pair of daemons: 120 that both live through, then 40
    in each of which one of them is killed, while the other one may not grow."""
    pair = enduring.make_pair(lab)
    enduring.run_rounds(lab, pair, 20, enduring.SURVIVED)
    phases = ((120, enduring.SURVIVED), (40, enduring.KILLS_RECEIVER), (40, enduring.KILLS_SENDER))
    first = 1000
    for rounds, interruptions in phases:
        growth = Growth(pair)
        enduring.run_rounds(lab, pair, rounds, interruptions, first)
        growth.check(rounds, memory=MIB // 4)
        first += 1000


def destination_full_10(lab):
    """The disk for received files is full and freed again ten times during one transfer."""
    full.fill_destination(lab, 10)


def state_of_receiver_full_10(lab):
    """The disk of the receiver's database, ten times during one transfer."""
    full.fill_state_of_receiver(lab, 10)


def state_of_sender_full_10(lab):
    """The disk of the sender's database, in ten transfers."""
    full.fill_state_of_sender(lab, 10)


def _segments(path):
    """The stretches of a file that are not holes, as (from, to)."""
    found = []
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        at = 0
        while at < size:
            try:
                first = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), first, os.SEEK_HOLE)
            found.append((first, at))
    return found


def _same_segments(source, copy):
    """Equal where either has data; everywhere else both are holes."""
    with open(source, "rb") as first, open(copy, "rb") as second:
        for start, end in _segments(source) + _segments(copy):
            for at in range(start, end, MIB):
                length = min(MIB, end - at)
                check(os.pread(first.fileno(), length, at) == os.pread(second.fileno(), length, at),
                      f"different at {at}")


def _make_sparse(path, size):
    """Data of many lengths here and there, in one place many small ones, and a hole at the end."""
    source = random.Random(50)
    pool = source.randbytes(4 * MIB)
    with open(path, "wb") as file:
        file.truncate(size)
        spots = [(source.randrange(size - 8 * MIB) & ~4095, source.choice((1, 4096, 70_000, 3 * MIB)))
                 for _ in range(300)]
        spots += [(20 * GIB + number * 8192, 4096) for number in range(1000)]
        for offset, length in spots:
            os.pwrite(file.fileno(), pool[:length], offset)
    return path


def _interrupted_by_kill(sender, receiver, source, share):
    """Sends it, kills the receiver when `share` of it is durable, and waits for the end. Returns the
    seconds that it took."""
    size = os.path.getsize(source)
    began = time.monotonic()
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("done", 0) > share * size, "the middle", PATIENT)
    receiver.kill()
    receiver.start()
    check_equal(command.wait(PATIENT), 0, f"status of send\n{command.said()}")
    return time.monotonic() - began


def sparse_50_gib(lab):
    """A file of 50 GiB with little in it, interrupted in the middle: holes stay holes, and cost
    next to nothing on the way."""
    sender, receiver = lab.pair()
    source = _make_sparse(lab.path("sparse"), 50 * GIB)
    sender.host.limit_rate("200mbit")
    seconds = _interrupted_by_kill(sender, receiver, source, 0.4)
    copy = receiver.received("sparse")
    check_equal(os.path.getsize(copy), 50 * GIB, "size")
    _same_segments(source, copy)
    used = [os.stat(path).st_blocks * 512 for path in (source, copy)]
    sent = sender.host.bytes_sent()
    print(f"{seconds:.1f} s; used {used[0]} -> {used[1]} bytes; sent {sent} bytes")
    check(used[1] <= used[0] * 1.05 + MIB, "holes were filled")
    check(sent < 2 * used[0] + 64 * MIB, "holes were sent")
    receiver.check_tidy()


def real_20_gib(lab):
    """20 GiB that cannot be compressed, interrupted in the middle by kill -9."""
    space = os.statvfs(lab.directory)
    if space.f_bavail * space.f_frsize < 44 * GIB:
        raise Skip(f"probe: 44 GiB of room in {lab.directory}: set FXNODE_LAB_DIR")
    sender, receiver = lab.pair()
    source = make_file(lab.path("real"), 20 * GIB)
    seconds = _interrupted_by_kill(sender, receiver, source, 0.5)
    sent = sender.host.bytes_sent()
    print(f"{seconds:.1f} s, {20 * GIB / seconds / 1e6:.0f} MB/s; sent {sent} bytes", flush=True)
    check(sent < 20 * GIB * 1.05 + 256 * MIB, "much was sent twice")
    compare(source, receiver.received("real"))
    receiver.check_tidy()
