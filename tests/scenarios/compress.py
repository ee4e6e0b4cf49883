"""Content is compressed where the network is what everything waits for, as counted on it."""

from lab import check, check_equal
from lab.data import MIB, compare, make_file

# What is compressed goes over a line that a busy processor keeps up with; of what is not, less is
# needed.
SIZE = 48 * MIB
LINE = "50mbit"
PLAIN = 16 * MIB
PLAIN_LINE = "100mbit"

# With headers of packets, handshakes, manifest, messages, and what TCP sends twice.
MOST = 1.25


def _make_text(path, size=SIZE):
    """Lines that no two files have in common, so much alike that zstd makes a fifth of them."""
    with open(path, "w", encoding="ascii") as file:
        written = number = 0
        while written < size:
            number += 1
            written += file.write(f"{number:09d} {number * 7919 % 100003:06d} GET /static/page "
                                  f"status=200 host=www.example.org agent=somebody\n")
    return path


def _pair(lab, line, **compress):
    """Two nodes whose line is slow; compress={"sender" or "receiver": setting}."""
    sender, receiver = lab.pair(*({"config": {"compress": compress.get(side, "auto")}}
                                  for side in ("sender", "receiver")))
    sender.host.limit_rate(line)
    return sender, receiver


def _send(sender, receiver, source):
    """Sends; how many bytes for each of the file left the host."""
    before = sender.host.bytes_sent()
    sender.send(receiver, source)
    name = source.rsplit("/", 1)[1]
    compare(source, receiver.received(name))
    with open(source, "rb") as file:
        size = file.seek(0, 2)
    return (sender.host.bytes_sent() - before) / size


def text(lab):
    """Text takes less than half of its bytes."""
    sender, receiver = _pair(lab, LINE)
    share = _send(sender, receiver, _make_text(lab.path("text")))
    check(share < 0.5, f"{share:.2f} of the file's bytes were sent")


def random(lab):
    """What cannot be made smaller is sent as it is."""
    sender, receiver = _pair(lab, PLAIN_LINE)
    share = _send(sender, receiver, make_file(lab.path("random"), PLAIN))
    check(1 <= share < MOST, f"{share:.2f} of the file's bytes were sent")


def _off(lab, side):
    sender, receiver = _pair(lab, PLAIN_LINE, **{side: "off"})
    share = _send(sender, receiver, _make_text(lab.path("text"), PLAIN))
    check(1 <= share < MOST, f"{share:.2f} of the file's bytes were sent")


def off_at_receiver(lab):
    """The receiver does not want it, so the sender does not do it."""
    _off(lab, "receiver")


def off_at_sender(lab):
    """The sender does not want it."""
    _off(lab, "sender")


def resumed(lab):
    """What was cut goes on compressed, from what is durable."""
    crash = {"FXNODE_CRASH": "batch-synced:3"}
    sender, receiver = lab.pair({"config": {}}, {"config": {"batch": "8M"}, "env": crash})
    sender.host.limit_rate(LINE)
    source = _make_text(lab.path("text"))
    command = sender.command("send", receiver.at, source)
    receiver.wait_crash()
    receiver.recover()
    check_equal(command.wait(), 0, f"status\n{command.said()}")
    compare(source, receiver.received("text"))
    receiver.check_tidy()
    sent = sender.host.bytes_sent()
    check(sent < SIZE / 2, f"{sent} bytes were sent for {SIZE}")
