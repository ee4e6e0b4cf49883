"""Random trees of every variety, undisturbed and cut off at random points, and very sparse files.

FXNODE_TREES says how many trees, FXNODE_TREES_SEED which is the first; a failure names its seed."""

import contextlib
import os
import random
import signal

from lab import Failure, check
from lab.data import GIB, MIB
from lab.isolate import remove
from lab.process import run
from lab.tree import make
from lab.tree_compare import compare_trees, describe, size

LONG = 120

# Of those in the program (base/crash.h), the ones that every transfer of a tree comes by.
SENDER_POINTS = ("offered", "accepted")
RECEIVER_POINTS = ("offered", "accepted", "manifest-synced", "batch-written", "batch-synced",
                   "extents-committed", "finished", "placing-committed", "renamed",
                   "done-committed")


def _seeds(count):
    first = int(os.environ.get("FXNODE_TREES_SEED", "1"))
    return range(first, first + int(os.environ.get("FXNODE_TREES", str(count))))


@contextlib.contextmanager
def _tree(lab, receiver, seed):
    """A tree of its own for each seed, gone afterwards at both ends."""
    source = make(lab.path(f"tree {seed}"), seed)
    try:
        yield source
        copy = receiver.received(os.path.basename(source))
        compare_trees(source, copy)
        receiver.check_listed(os.path.basename(source))
        receiver.check_tidy()
        remove(copy)
    except Failure as failure:
        raise Failure(f"seed {seed} (FXNODE_TREES=1 FXNODE_TREES_SEED={seed} makes only that): "
                      f"{failure}") from failure
    remove(source)


def _change(path, change):
    """Changes something without changing its directory's time, or its own."""
    before = os.lstat(path)
    above = os.stat(os.path.dirname(path))
    change(path)
    os.utime(path, ns=(0, before.st_mtime_ns), follow_symlinks=False)
    os.utime(os.path.dirname(path), ns=(0, above.st_mtime_ns))


def _flip(path):
    with open(path, "r+b") as file:
        file.seek(3000)
        file.write(b"!")


def _fill_hole(path):
    with open(path, "r+b") as file:
        file.seek(5 * MIB)
        file.write(bytes(4096))


def _point_elsewhere(path):
    os.unlink(path)
    os.symlink("elsewhere", path)


DAMAGE = {
    "content": ("dense", _flip),
    "data": ("sparse", _fill_hole),
    "size": ("sparse", lambda path: os.truncate(path, 10 * MIB - 1)),
    "mode": ("dense", lambda path: os.chmod(path, 0o640)),
    "attributes": ("dense", lambda path: os.setxattr(path, "user.x", b"1")),
    "links": ("dense", lambda path: os.link(path, f"{path} (2)")),
    "target": ("link", _point_elsewhere),
    "kind": ("link", lambda path: (os.unlink(path), os.mkdir(path))),
    "missing": ("empty", os.rmdir),
}


def _make_plain(root):
    """A tree with one of each, to be damaged."""
    os.makedirs(f"{root}/empty")
    with open(f"{root}/dense", "wb") as file:
        file.write(bytes(range(1, 251)) * 100)
    with open(f"{root}/sparse", "wb") as file:
        file.truncate(10 * MIB)
    os.symlink("dense", f"{root}/link")
    for name in ("empty", "dense", "sparse", "link", ""):
        os.utime(os.path.join(root, name), ns=(0, 10**18), follow_symlinks=False)
    return root


def _expect_seen(source, copy, what):
    try:
        compare_trees(source, copy)
    except Failure as failure:
        check(what in str(failure), f"another {what} is told as {failure}")
        return
    raise Failure(f"another {what} was not noticed")


def differences(lab):
    """The comparer sees whatever is not as it was, down to a nanosecond and a hole; a seed makes
    the same tree each time."""
    source = _make_plain(lab.path("plain"))
    for number, (what, (name, change)) in enumerate(DAMAGE.items()):
        copy = _make_plain(lab.path(f"damaged {number}"))
        compare_trees(source, copy)
        if what == "missing":
            change(f"{copy}/{name}")
        else:
            _change(f"{copy}/{name}", change)
        _expect_seen(source, copy, what)
    os.utime(f"{source}/dense", ns=(0, 10**18 + 1))
    _expect_seen(source, lab.path("damaged 1"), "mtime")
    one, two = (describe(make(lab.path(name), 4)) for name in ("one", "two"))
    check(one == two, "one seed has made two trees")


def whole(lab):
    """Whatever is in a tree arrives as it is."""
    sender, receiver = lab.pair({"config": {"lanes": 3}}, {"config": {"lanes": 3}})
    for seed in _seeds(10):
        with _tree(lab, receiver, seed) as source:
            sender.send(receiver, source, patience=LONG)


def crashed(lab):
    """A process dies at a random one of its crash points: the tree arrives all the same."""
    sender, receiver = lab.pair({"config": {"lanes": 2, "batch": "4M"}},
                                {"config": {"lanes": 2, "batch": "4M"}})
    for seed in _seeds(16):
        source_of_chance = random.Random(seed)
        victim, points = source_of_chance.choice(((sender, SENDER_POINTS),
                                                  (receiver, RECEIVER_POINTS)))
        with _tree(lab, receiver, seed) as source:
            point = source_of_chance.choice(points)
            victim.restart(FXNODE_CRASH=point)
            command = sender.command("send", receiver.at, source)
            victim.wait_crash(LONG)
            victim.recover()
            status = command.wait(LONG)
            check(status == 0, f"after {point} of {victim.name}: status {status}\n{command.said()}")


def _kill_session(node):
    for pid in node.helpers("session"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _kill_node(node):
    node.kill()
    node.start()


def _await_share(command, least):
    """Until that much is durable. False where the transfer has come to its end before."""
    try:
        command.wait_event(lambda event: event.get("done", 0) >= least, f"{least} bytes", LONG)
    except Failure:
        command.wait(LONG)
    return not command.ended()


def killed(lab):
    """kill -9 of sessions and nodes, on both sides, in the middle of the data: up to three times
    for a tree."""
    sender, receiver = lab.pair({"config": {"lanes": 2, "batch": "4M"}},
                                {"config": {"lanes": 2, "batch": "4M"}})
    sender.host.limit_rate("200mbit")
    cuts = 0
    for seed in _seeds(14):
        source_of_chance = random.Random(seed)
        with _tree(lab, receiver, seed) as source:
            bytes_in_all = size(source)
            command = sender.command("send", "--json", receiver.at, source)
            for share in sorted(source_of_chance.random() for _ in range(3)):
                if _await_share(command, share * bytes_in_all):
                    cuts += 1
                    source_of_chance.choice((_kill_session, _kill_node))(
                        source_of_chance.choice((sender, receiver)))
            status = command.wait(LONG)
            check(status == 0, f"status {status}\n{command.said()}")
    check(cuts > 0, "every transfer was over before it could be cut off")


def _make_vast(lab):
    """100 GiB with 1 MiB of data in the middle."""
    path = lab.path("vast")
    with open(path, "wb") as file:
        file.truncate(100 * GIB)
        file.seek(50 * GIB)
        file.write(random.Random(1).randbytes(MIB))
    return path


def _check_vast(sender, receiver, source, most):
    copy = receiver.received("vast")
    compare_trees(source, copy)
    receiver.check_tidy()
    check(os.stat(copy).st_blocks * 512 < 2 * MIB, "holes are stored as data")
    sent = sender.host.bytes_sent()
    check(sent < most, f"{sent} bytes were sent for 1 MiB of data")


def vast_and_sparse(lab):
    """A file of 100 GiB that is nearly all holes goes to a disk of 64 MiB: what travels is its data
    and a few bytes for each MiB."""
    sender, receiver = lab.pair(receiver={"start": False})
    run(["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", receiver.files])
    receiver.start()
    source = _make_vast(lab)
    sender.send(receiver, source, patience=LONG)
    _check_vast(sender, receiver, source, 6 * MIB)


def vast_and_cut(lab):
    """The same, with the receiver dying once it has recorded a part: only the rest is repeated."""
    sender, receiver = lab.pair(receiver={"env": {"FXNODE_CRASH": "extents-committed"}})
    source = _make_vast(lab)
    command = sender.command("send", receiver.at, source)
    receiver.wait_crash(LONG)
    receiver.recover()
    status = command.wait(LONG)
    check(status == 0, f"status {status}\n{command.said()}")
    _check_vast(sender, receiver, source, 11 * MIB)
