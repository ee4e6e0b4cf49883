"""What is cut: transfers of every kind. Each workload says what it sends (names in the directory of
sources), with which configuration, how it is driven to its end, and what it replaces."""

import os

from lab import check_equal
from lab.data import MIB, make_file

# There before, and nobody's business.
HELLO, PRESENT = "hello", "present"
BASE = {HELLO: 1000, PRESENT: MIB + 5}
LARGE = 5 * MIB + 12_345
SMALL_FILES = 24


def make_base(directory):
    for name, size in BASE.items():
        make_file(f"{directory}/{name}", size, f"base {name}")


def make_sources(directory):
    os.makedirs(directory)
    make_base(directory)
    for name in ("large", "away", "resumed", "lanes"):
        make_file(f"{directory}/{name}", LARGE, name)
    os.mkdir(f"{directory}/new")
    make_file(f"{directory}/new/{PRESENT}", 2 * MIB + 99, "new")
    make_file(f"{directory}/pair", 70_000, "pair")
    _make_tree(f"{directory}/tree")


def _make_tree(root):
    """Small files, one of two chunks, links, nothing at all, and names far down."""
    deep = f"{root}/" + "/".join(["down"] * 12)
    for directory in (deep, f"{root}/empty", f"{root}/some", f"{root}/with space"):
        os.makedirs(directory)
    for number in range(SMALL_FILES):
        place = (root, f"{root}/some", f"{root}/with space", deep)[number % 4]
        make_file(f"{place}/{number:02}", number * 1789 % 30_000, f"small {number}")
    make_file(f"{root}/some/two chunks", MIB + 77, "two")
    make_file(f"{root}/some/nothing", 0)
    os.symlink("../some/00", f"{root}/with space/link")
    os.link(f"{root}/some/two chunks", f"{root}/other name")
    os.chmod(f"{root}/some/01", 0o600)


def _send(run, *names):
    client = run.client("send", "--json", run.receiver.at, *map(run.source, names))
    check_equal(client.wait(90), 0, "status of send")


def large(run):
    """One file of several batches."""
    _send(run, "large")


def tree(run):
    """Many small things."""
    _send(run, "tree")


def overwrite(run):
    """A file that takes the place of another one."""
    _send(run, f"new/{PRESENT}")


def lanes(run):
    """Several files over several lanes."""
    _send(run, "lanes", "tree")


def away(run):
    """Queued for a peer that is away, and sent when it is back."""
    run.receiver.kill()
    client = run.client("send", "--json", "--detach", run.receiver.id[:12], run.source("away"))
    check_equal(client.wait(), 0, "status of send --detach")
    run.start(run.receiver)
    _send(run, "away")


def resumed(run):
    """Interrupted once before: the receiver is killed when something is durable."""
    client = run.client("send", "--json", run.receiver.at, run.source("resumed"))
    run.wait_said(run.sender, "fxnode: durable at the peer")
    run.receiver.kill()
    run.start(run.receiver)
    check_equal(client.wait(90), 0, "status of send")


def first(run):
    """Two nodes that are started for the first time."""
    _send(run, "pair")


def pair(run):
    """Two strangers get to know each other, and use it."""
    run.pair()
    _send(run, "pair")


class Workload:
    """`origin` is what the disks are before: "paired", "strangers" or "empty"."""

    def __init__(self, drive, sends, origin="paired", **config):
        self.name = drive.__name__
        self.drive = drive
        self.sends = sends  # paths in the directory of sources
        self.origin = origin
        self.config = {key: str(value) for key, value in config.items()}

    @property
    def there(self):
        """Names that were received before."""
        return [] if self.origin == "empty" else list(BASE)

    @property
    def before(self):
        """How many transfers there were before."""
        return 0 if self.origin == "empty" else 1

    @property
    def names(self):
        """Final names of what it sends, with their sources."""
        return {os.path.basename(path): path for path in self.sends}


ALL = {workload.name: workload for workload in (
    Workload(large, ["large"], batch="1M"),
    Workload(tree, ["tree"], batch="256K"),
    Workload(overwrite, [f"new/{PRESENT}"], batch="1M", exists="overwrite"),
    Workload(lanes, ["lanes", "tree"], batch="2M", lanes=4),
    Workload(away, ["away"], batch="2M"),
    Workload(resumed, ["resumed"], batch="1M"),
    Workload(first, ["pair"], "empty"),
    Workload(pair, ["pair"], "strangers"),
)}
