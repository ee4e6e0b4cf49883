"""What is cut: transfers of every kind. Each workload says what it sends (names in the directory of
sources), with which configuration, and how it is driven to its end."""

import os

import stations
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
    make_file(f"{directory}/moved", 2 * MIB + 4321, "moved")
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


def _away(run, workload):
    """Queued for a peer that is away, and sent when it is back."""
    run.receiver.kill()
    client = run.client("send", "--json", "--detach", run.receiver.id[:12], run.source("away"))
    check_equal(client.wait(), 0, "status of send --detach")
    run.start(run.receiver)
    workload.send(run)


def _resumed(run, workload):
    """Interrupted once before: the receiver is killed when something is durable."""
    client = workload.begin(run)
    run.wait_said(run.sender, "fxnode: durable at the peer")
    run.receiver.kill()
    run.start(run.receiver)
    check_equal(client.wait(90), 0, "status of send")


def _pair(run, workload):
    """Two strangers get to know each other, and use it."""
    run.pair()
    workload.send(run)


class Workload:
    """`origin` is what the disks are before: "paired", "strangers", "empty", or "moving" where what is
    sent is on them, and is removed when it is delivered. Without `drive` it is one plain send."""

    def __init__(self, sends, origin="paired", drive=None, **config):
        self.sends = sends  # paths in the directory of sources
        self.origin = origin
        self.plain = drive is None
        self._drive = drive
        self.config = {key: str(value) for key, value in config.items()}

    @property
    def moves(self):
        return self.origin == "moving"

    @property
    def most_again(self):
        """How many bytes may be sent again after a cut, by fxnode.conf(5), "batch"."""
        number, unit = int(self.config["batch"][:-1]), self.config["batch"][-1]
        lanes = int(self.config.get("lanes", stations.KEYS["lanes"]))
        return max(number * {"K": MIB >> 10, "M": MIB}[unit], lanes * MIB)

    def begin(self, run):
        """The command that sends it."""
        options = ["--move"] if self.moves else []
        return run.client("send", "--json", *options, run.receiver.at, *map(run.source, self.sends))

    def send(self, run):
        client = self.begin(run)
        check_equal(client.wait(90), 0, f"status of send\n{client.said()}")

    def drive(self, run):
        """From two running nodes to the end."""
        if self.plain:
            self.send(run)
        else:
            self._drive(run, self)

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


ALL = {
    "large": Workload(["large"], batch="1M", lanes=1),
    "tree": Workload(["tree"], batch="256K"),
    "overwrite": Workload([f"new/{PRESENT}"], batch="1M", exists="overwrite"),
    "lanes": Workload(["lanes", "tree"], batch="2M", lanes=4),
    "move": Workload(["moved", "tree"], "moving", batch="1M"),
    "away": Workload(["away"], drive=_away, batch="2M"),
    "resumed": Workload(["resumed"], drive=_resumed, batch="1M"),
    "first": Workload(["pair"], "empty", batch="1M"),
    "pair": Workload(["pair"], "strangers", drive=_pair, batch="1M"),
}
