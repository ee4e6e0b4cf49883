"""Where faults are tried: two hosts, and rounds on them, each with nodes that have nothing left of
the rounds before."""

import contextlib
import os
import shutil

from lab import Failure, check_equal, isolate, process
from lab.data import MIB, make_file
from lab.node import Node

import remembered
from kinds import kinds
from service import MARK, Service, read_log

SIDES = ("sender", "receiver")

# What a start has to tidy up is found and done by so many jobs of the database, each submitted when
# the one before is done. A list of transfers is such a job: it is answered when the one before is.
CLEANING_JOBS = 4


def _make_tree(root):
    """A bit of everything, small."""
    os.makedirs(f"{root}/one/two")
    os.mkdir(f"{root}/empty")
    for number, (name, size) in enumerate((("a", 0), ("one/b", 1), ("one/two/c", 5000),
                                           ("one/d", 300_000))):
        make_file(f"{root}/{name}", size, seed=number)
    os.link(f"{root}/one/two/c", f"{root}/hard")
    os.symlink("one/b", f"{root}/soft")
    os.chmod(f"{root}/one", 0o555)
    return root


class Bench:
    """`kinds`: what can be played, by name (kinds.py)."""

    def __init__(self, lab):
        self.hosts = lab.lan(2).hosts
        self.directory = lab.directory
        self.kinds = kinds(make_file(lab.path("file"), MIB), _make_tree(lab.path("tree")))
        self._known = None  # homes of two nodes that have met
        self.known_id = None  # of the receiver among them
        self._usual = {}    # {kind: what two nodes remember after a round without a fault}

    def _round(self, kind, faults=None, logs=None):
        """`faults`: {side: those of its first starts}; `logs`: {side: path}."""
        return Round(self, self.kinds[kind], faults or {}, logs or {})

    def known(self):
        """Where the homes of a sender and a receiver are that have met."""
        if self._known is None:
            with self._round("file") as met:
                met.play()
                self.known_id = met.receiver.node.id
                self._known = os.path.join(self.directory, "known")
                shutil.copytree(met.home, self._known, symlinks=True)
        return self._known

    def usual(self, kind):
        """What is remembered after a round in which nothing goes wrong."""
        if kind not in self._usual:
            with self._round(kind) as round_:
                round_.play()
                self._usual[kind] = round_.remembered()
        return self._usual[kind]

    def record(self, kind, logs):
        """Plays a round with all calls of a side written down; logs={side: path}."""
        with self._round(kind, logs=logs) as round_:
            round_.play()

    def recovery(self, kind, side, fault):
        """The calls of the node that is started again after this fault, [] where it is not."""
        log = os.path.join(self.directory, "recovery")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(log)
        with self._round(kind, {side: [fault]}, {side: log}) as round_:
            round_.play()
        return [call for call in read_log(log) if call is not MARK] if os.path.exists(log) else []

    def try_faults(self, kind, side, faults):
        """Plays a round with faults on one side, one in each of its first starts, and checks what is
        left. Whether all came to pass; raises Failure."""
        usual = self.usual(kind)
        with self._round(kind, {side: faults}) as round_:
            round_.play()
            left = round_.remembered()
            if left != usual:
                # What is not done at the end is done after the next start.
                left = round_.remembered_after_restart(usual)
            check_equal(left, usual, "what is left")
            return round_.services[side].struck() == len(faults)


class Round:
    """`services`: {side: Service}, none of them started. Whatever goes wrong in it becomes a Failure
    that tells what every process of it said."""

    def __init__(self, bench, kind, faults, logs):
        self.bench = bench
        self.kind = kind
        self.faults = faults
        self.logs = logs
        self.home = os.path.join(bench.directory, "round")
        self.services = {}

    def __enter__(self):
        known = self.bench.known() if self.kind.knows else None
        os.mkdir(self.home)
        for side, host in zip(SIDES, self.bench.hosts):
            node = Node(host, self.home, name=side, config={"batch": "256K",
                                                            **self.kind.config})
            if known:
                shutil.copytree(f"{known}/{side}/state", f"{node.home}/state")
            self.services[side] = self._service(node, side)
        return self

    def __exit__(self, kind, value, trace):
        said = process.said_by_all()
        for service in self.services.values():
            service.abandon()
            isolate.remove(service.node.runtime)
        process.stop_all()
        isolate.remove(self.home)
        if isinstance(value, Exception):
            raise Failure(f"{kind.__name__}: {value}\nwhat all said:\n{said}") from value

    def _service(self, node, side):
        return Service(node, self.faults.get(side, ()), self.logs.get(side))

    @property
    def sender(self):
        return self.services["sender"]

    @property
    def receiver(self):
        return self.services["receiver"]

    def up(self):
        """Both, and the marks are where all that follows is."""
        for service in self.services.values():
            service.start()
        for service in self.services.values():
            service.ready()
            service.mark()

    def play(self):
        self.kind.play(self)
        for service in self.services.values():
            service.mark()
            service.down()

    def remembered(self):
        return {side: remembered.of(service.node) for side, service in self.services.items()}

    def remembered_after_restart(self, usual):
        """The same once those that have something left to do were started again and did it."""
        for side, service in self.services.items():
            if remembered.of(service.node) == usual[side]:
                continue
            again = Service(service.node).up()
            for _ in range(CLEANING_JOBS):
                again.node.transfers("--all")
            again.down()
        return self.remembered()
