"""One sender, one receiver, nothing in the way: what is sent arrives as it was."""

import os
import stat

from lab import check, check_equal
from lab.data import MIB, compare, make_file, make_many, make_tree, snapshot


def one_file(lab):
    """A file by host:port, without discovery."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("picture.raw"), 5 * MIB + 77)
    sender.send(receiver, source)
    compare(source, receiver.received("picture.raw"))
    receiver.check_listed("picture.raw")
    receiver.check_tidy()


def small_files(lab):
    """An empty file, one byte, exactly a chunk and one more, each with mode and time."""
    sender, receiver = lab.pair()
    sizes = (0, 1, MIB - 1, MIB, MIB + 1)
    sources = [make_file(lab.path(f"of {size}"), size, seed=size) for size in sizes]
    for number, source in enumerate(sources):
        os.chmod(source, (0o600, 0o644, 0o755, 0o400, 0o664)[number])
    sender.send(receiver, *sources)
    for source in sources:
        compare(source, receiver.received(os.path.basename(source)))
    receiver.check_listed(*map(os.path.basename, sources))


def tree(lab):
    """A tree with empty directories, modes, times, odd names and a link, over two lanes."""
    sender, receiver = lab.pair({"config": {"lanes": 2}}, {"config": {"lanes": 2}})
    source = make_tree(lab.path("album"))
    sender.send(receiver, source)
    compare(source, receiver.received("album"))
    receiver.check_listed("album")
    receiver.check_tidy()


def many_small(lab):
    """3,000 files of 4 KiB."""
    sender, receiver = lab.pair()
    source = make_many(lab.path("many"), 3000)
    sender.send(receiver, source)
    compare(source, receiver.received("many"))


def two_lanes(lab):
    """A file of many chunks over two connections."""
    sender, receiver = lab.pair({"config": {"lanes": 2}}, {"config": {"lanes": 2}})
    source = make_file(lab.path("big"), 96 * MIB + 5)
    sender.send(receiver, source)
    compare(source, receiver.received("big"))


def name_is_taken(lab):
    """What has the name already is left alone: the second one is called `name (2).ending`."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("report.pdf"), 1000, seed=1)
    sender.send(receiver, source)
    other = make_file(lab.path("report.pdf"), 2000, seed=2)
    sender.send(receiver, other)
    compare(other, receiver.received("report (2).pdf"))
    check_equal(os.stat(receiver.received("report.pdf")).st_size, 1000, "size of the first")
    receiver.check_listed("report.pdf", "report (2).pdf")


def over_ipv6(lab):
    """A literal IPv6 address in brackets."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("six"), 100)
    sender.send(f"[{receiver.host.address6}]:{receiver.port}", source)
    compare(source, receiver.received("six"))


def default_port(lab):
    """An address without a port means the program's own."""
    sender, receiver = lab.pair()
    check_equal(receiver.port, 42420, "port")
    source = make_file(lab.path("plain"), 100)
    sender.send(receiver.host.address, source)
    compare(source, receiver.received("plain"))


def without_daemon(lab):
    """`send` with no daemon running starts one for itself, which is gone afterwards."""
    lan = lab.lan(2)
    sender = lab.node(lan[0], start=False, config={"discovery": "off"})
    receiver = lab.node(lan[1], config={"discovery": "off"})
    source = make_file(lab.path("lonely"), 3 * MIB)
    sender.send(receiver, source)
    compare(source, receiver.received("lonely"))


def link_on_the_command_line(lab):
    """A link that is named is followed, one inside a tree stays a link."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("real"), 4000)
    os.symlink(source, lab.path("alias"))
    sender.send(receiver, lab.path("alias"))
    arrived = receiver.received("alias")
    check(stat.S_ISREG(os.lstat(arrived).st_mode), "the link arrived instead of its file")
    compare(source, arrived)


def odd_types_are_named(lab):
    """A fifo in a tree is skipped by name, the rest arrives, and the status says so."""
    sender, receiver = lab.pair()
    source = make_tree(lab.path("odd"), files=8)
    os.mkfifo(f"{source}/deep/pipe")
    command = sender.send(receiver, source, status=1)
    check(any("deep/pipe" in line for line in command.out + command.err), command.said())
    os.unlink(f"{source}/deep/pipe")
    arrived = receiver.received("odd")
    wanted, got = snapshot(source), snapshot(arrived)
    for directory in ("", "deep"):  # the fifo left its mark on their times
        wanted.pop(directory), got.pop(directory)
    check_equal(got, wanted, "the rest of the tree")
