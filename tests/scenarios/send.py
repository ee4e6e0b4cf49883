"""One sender, one receiver, nothing in the way: what is sent arrives as it was."""

import os
import re
import stat

from lab import check, check_equal
from lab.data import MIB, compare, make_file, make_many, make_tree, snapshot
from lab.process import run


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


def _says_what_encrypts(node):
    """The sessions of its daemon use what the node says that it uses."""
    said = node.run("--version", "--verbose").out
    name = re.match(r"record layer: (\S+ \S+) \(", said[1])[1]
    node.daemon.wait_line(re.escape(f"{name} encrypts: "))
    return name


def record_layers(lab):
    """What encrypts is each node's own affair: both kinds understand each other, confined as they
    are, in both directions."""
    layers = [{"record-layer": "libsodium"}, {"record-layer": "libcrypto"}]
    one, other = lab.pair(*({"config": layer, "env": {"FXNODE_LOG": "debug"}} for layer in layers))
    source = make_file(lab.path("large"), 9 * MIB + 5)
    one.send(other, source)
    other.send(one, source)
    for node in (one, other):
        compare(source, node.received("large"))
    check(_says_what_encrypts(one).startswith("libsodium"), "libsodium is not used as configured")
    said = one.run("--version", "--verbose", "--config",
                   f"{other.home}/config/fxnode/fxnode.conf").out
    check(_says_what_encrypts(other) in said[1], f"another configuration is not looked at: {said}")


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
    """A link that is named is followed, to a file or a tree; one inside the tree stays a link."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("real"), 4000)
    directory = make_tree(lab.path("album"), files=8)
    os.symlink(source, lab.path("alias"))
    os.symlink("album", lab.path("pictures"))
    sender.send(receiver, lab.path("alias"), lab.path("pictures") + "/")
    arrived = receiver.received("alias")
    check(stat.S_ISREG(os.lstat(arrived).st_mode), "the link arrived instead of its file")
    compare(source, arrived)
    compare(directory, receiver.received("pictures"))
    receiver.check_listed("alias", "pictures")


def odd_types_are_named(lab):
    """A fifo in a tree is skipped by name, the rest arrives, and the status says so."""
    sender, receiver = lab.pair()
    source = make_tree(lab.path("odd"), files=8)
    os.mkfifo(f"{source}/deep/pipe")
    command = sender.send(receiver, source, status=1)
    check(any("deep/pipe" in line for line in command.out + command.err), command.said())
    check("1 entry was not sent" in command.said(), f"what was not offered:\n{command.said()}")
    os.unlink(f"{source}/deep/pipe")
    arrived = receiver.received("odd")
    wanted, got = snapshot(source), snapshot(arrived)
    for directory in ("", "deep"):  # the fifo left its mark on their times
        wanted.pop(directory), got.pop(directory)
    check_equal(got, wanted, "the rest of the tree")


def _without(wanted, *left_out):
    """A snapshot without some paths and what is below them."""
    return {path: what for path, what in wanted.items()
            if not any(path == out or path.startswith(f"{out}/") for out in left_out)}


def excluded(lab):
    """Names, directories, paths and bytes that patterns match are left out, silently."""
    sender, receiver = lab.pair()
    source = make_tree(lab.path("album"), files=8)
    odd = os.fsdecode(b"not\xffutf8")
    for name in (".hidden", "raw", "deep/raw", "deep/er/raw", "deep/er/cache", "deep/x.tmp",
                 f"{odd}/x", f"{odd}/caf\xe9"):
        make_file(f"{source}/{name}", 100)
    for name in ("cache", "deep/cache/in/it"):
        os.makedirs(f"{source}/{name}")
    wanted = _without(snapshot(source), "deep/cache", "cache", "deep/raw", "deep/x.tmp", f"{odd}/x",
                      ".hidden", "deep/er/and")
    os.mkfifo(f"{source}/deep/cache/pipe")  # it would be named
    command = sender.send(receiver, "--exclude", "cache/", "--exclude=/album/deep/raw",
                          "--exclude", "*.tmp", "--exclude", os.fsdecode(b"*\xff*/[w-y]"),
                          "--exclude", ".*", source, "--exclude", "er/and")
    check(not any("not sent" in line for line in command.err), command.said())
    check_equal(snapshot(receiver.received("album")), wanted, "what is left of the tree")
    check("deep/er/cache" in wanted and "raw" in wanted, "the test left out too much itself")


def all_excluded(lab):
    """One PATH of two may be left out; of all of them nothing is sent, which is an error."""
    sender, receiver = lab.pair()
    sources = [make_file(lab.path(name), 10) for name in ("kept", "a.o")]
    sender.send(receiver, "--exclude", "*.o", *sources)
    receiver.check_listed("kept")
    command = sender.send(receiver, "--exclude", "*.o", sources[1], status=1)
    check_equal(command.err[-1:], ["fxnode: there is nothing to send: all of it is excluded"],
                "what is said")
    check_equal(sender.transfers(), [], "transfers")


def malformed_patterns(lab):
    """Patterns that could match nothing, or too many, are wrong usage; nothing is sent."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("file"), 10)
    for pattern in ("", "/", "./file", "a//b", "[a", "a\\", "x" * 4096):
        command = sender.send(receiver, "--exclude", pattern, source, status=2)
        check(any("--exclude" in line for line in command.err), command.said())
    sender.send(receiver, *(["--exclude", "x"] * 65), source, status=2)
    sender.send(receiver, *(["--exclude", "x" * 1000] * 33), source, status=2)
    receiver.check_listed()
    sender.send(receiver, *(["--exclude", "x" * 500] * 64), source)
    receiver.check_listed("file")


def one_file_system(lab):
    """Without the option mounts are crossed; with it they arrive as empty directories."""
    source = make_tree(lab.path("album"), files=8)
    mounted = f"{source}/deep/mounted"
    os.mkdir(mounted)
    run(["mount", "-t", "tmpfs", "-o", "mode=0750", "tmpfs", mounted])
    make_file(f"{mounted}/inside", 1000)
    sender, receiver = lab.pair()  # its hosts see the mounts of before
    sender.send(receiver, source)
    compare(source, receiver.received("album"))
    sender.send(receiver, "--one-file-system", source)
    check_equal(snapshot(receiver.received("album (2)")),
                _without(snapshot(source), "deep/mounted/inside"), "the tree without the mount")
    sender.send(receiver, "--one-file-system", mounted)
    compare(mounted, receiver.received("mounted"))


def another_selection(lab):
    """Queued, a transfer is what was selected: the same patterns go on with it, others replace it,
    also after restarts."""
    sender, receiver = lab.pair()
    source = make_tree(lab.path("album"), files=8)
    make_file(f"{source}/notes", 10)
    sender.send(receiver, make_file(lab.path("first"), 10))
    receiver.stop()

    def queue(*patterns):
        sender.run("send", "--detach", *patterns, receiver.at, source)
        numbers = [transfer["transfer"] for transfer in sender.transfers()]
        check_equal(len(numbers), 1, "unfinished transfers")
        return numbers[0]

    whole = queue()
    selected = queue("--exclude", "notes")
    check(selected != whole, "other patterns have gone on with the transfer")
    check_equal(queue("--exclude", "notes"), selected, "transfer")
    sender.restart()
    receiver.start()
    sender.send(receiver, "--exclude", "notes", source)
    check_equal(snapshot(receiver.received("album")), _without(snapshot(source), "notes"), "tree")
    receiver.check_listed("first", "album")
