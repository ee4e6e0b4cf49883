"""What must hold after a cut, whatever was lost."""

import json
import os
import re
import shutil
import sqlite3
import struct
from contextlib import closing

import stations
import workloads
from lab import Failure, check, check_equal
from lab.data import MIB, compare
from lab.node import READY as READY_LINE

CHUNK = MIB
FILE = 1
INCOMING, OUTGOING = 2, 1
PLACING, DELIVERED = 5, 6
STATE_NAMES = {"fxnode.db", "identity", "lock", "outgoing"}
SCRATCH = f"{stations.ROOT}/scratch"
READY = re.compile(READY_LINE)
DURABLE = re.compile(r"^fxnode: durable at the peer:((?: \d+\+\d+)*)$")
ARRIVED = re.compile(r"^fxnode: arrived: (\d+) (\d+)$")


def arrivals(lines):
    """[(unit, bytes)] of what a receiver got, by what its daemon said."""
    return [(int(match[1]), int(match[2])) for match in filter(None, map(ARRIVED.match, lines))]


class Promises:
    """What the marks say was promised."""

    def __init__(self, marks):
        self.units = set()
        self.delivered = False
        self.moved = False
        self.queued = False
        self.paired = set()
        self.ids = {}
        self.arrived = []  # no promise: what the receiver got since it was started for the last time
        for name, line in marks:
            self._take(name, line)

    def _take(self, name, line):
        durable, ready = DURABLE.match(line), READY.match(line)
        if ready:
            self.ids[name] = ready["id"]
            self.arrived = [] if name == "receiver" else self.arrived
        elif name == "receiver":
            self.arrived += arrivals([line])
        elif durable:
            for extent in durable[1].split():
                first, count = map(int, extent.split("+"))
                self.units.update(range(first, first + count))
        elif name == "client" and line.startswith("{"):
            event = json.loads(line)
            self.queued = self.queued or event.get("transfer", 0) > 0
            self.delivered = self.delivered or event.get("state") == "delivered"
            self.moved = self.moved or event.get("moving") == "over"
        elif line.startswith("paired with"):
            self.paired.add({"client": "sender", "window": "receiver"}[name])

    def add(self, earlier):
        """Promises are never taken back."""
        self.units |= earlier.units
        self.delivered |= earlier.delivered
        self.moved |= earlier.moved
        self.queued |= earlier.queued
        self.paired |= earlier.paired
        self.ids.update(earlier.ids)


def _varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def _fields(data):
    """(number, value) of each field of a message of protocol buffers."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value, at = _varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        yield key >> 3, value


def units_of(manifest):
    """[(path, offset, length)] of the units of a manifest as it lies in the staging."""
    units = []
    at = 0
    while at < len(manifest):
        length, = struct.unpack_from(">I", manifest, at)
        for number, entry in _fields(manifest[at + 4:at + 4 + length]):
            fields = dict(_fields(entry)) if number == 1 else {}
            if fields.get(1) == FILE:
                size = fields.get(4, 0)
                units += [(os.fsdecode(fields[2]), offset, min(CHUNK, size - offset))
                          for offset in range(0, max(size, 1), CHUNK)]
        at += 4 + length
    return units


class Database:
    """A copy of a node's database as it was found, opened by SQLite itself."""

    def __init__(self, node):
        shutil.rmtree(SCRATCH, ignore_errors=True)
        os.makedirs(SCRATCH)
        for suffix in ("", "-wal"):
            path = f"{node.state}/fxnode.db{suffix}"
            if os.path.exists(path):
                shutil.copyfile(path, f"{SCRATCH}/fxnode.db{suffix}")
        self.node = node
        self.exists = os.path.exists(f"{SCRATCH}/fxnode.db")

    def ask(self, question, *arguments):
        if not self.exists:
            return []
        try:
            with closing(sqlite3.connect(f"{SCRATCH}/fxnode.db")) as database:
                return database.execute(question, arguments).fetchall()
        except sqlite3.Error as error:
            raise Failure(f"{self.node.name}: its database: {error}") from error

    def check(self):
        if self.exists:
            check_equal(self.ask("PRAGMA integrity_check"), [("ok",)], f"{self.node.name}: database")


class Found:
    """What lies on the disks after a cut, before those that were cut (`nodes`; none other is looked
    at) are started. check() sets `held` to how many bytes of content need not be sent again; None:
    all that there are; and `units` to the units that those are."""

    def __init__(self, bench, workload, promises, nodes=None):
        self.bench = bench
        self.workload = workload
        self.promises = promises
        self.nodes = nodes or bench.nodes
        self.held = 0
        self.units = set()

    def check(self):
        for node in self.nodes:
            database = Database(node)
            database.check()
            if node is self.bench.sender:
                self._check_sender(database)
            else:
                self._check_receiver(database)
        self._check_names()
        if self.workload.moves:
            self._check_sources()

    def _check_sender(self, database):
        promised = self.promises.queued or self.promises.units or self.promises.delivered
        rows = database.ask("SELECT state FROM transfer WHERE direction = ? AND number > ?", OUTGOING,
                            self.workload.before)
        check(rows or not promised, "the sender has forgotten its transfer")
        if self.promises.delivered:
            check_equal(rows, [(DELIVERED,)], "what the sender remembers of what was delivered")
        check(all(state <= DELIVERED for state, in rows), f"states of transfers: {rows}")
        self._check_paired(database)

    def _check_paired(self, database):
        role = database.node.name
        if role in self.promises.paired or self.workload.origin in ("paired", "moving"):
            rows = database.ask("SELECT 1 FROM peer WHERE paired_at <> 0")
            check(rows, f"the {role} has forgotten that it is paired")

    def _check_receiver(self, database):
        self._check_paired(database)
        rows = database.ask("SELECT number, state FROM transfer WHERE direction = ? AND number > ?",
                            INCOMING, self.workload.before)
        check(rows or not (self.promises.units or self.promises.delivered),
              "the receiver has forgotten the transfer")
        for number, state in rows:
            held = set()
            for first, count in database.ask("SELECT first, count FROM extent WHERE transfer = ?",
                                             number):
                held.update(range(first, first + count))
            if state < PLACING:
                missing = self.promises.units - held
                check(not missing, f"units that were promised durable are not recorded: {missing}")
            if state < DELIVERED:
                self.held = self._check_units(number, held)
                self.units = held
            if state >= PLACING:
                self.held = None
        if self.promises.delivered:
            check_equal([state for _, state in rows], [DELIVERED], "what was promised delivered")
            self.check_delivered()

    def _check_units(self, number, held):
        """What is recorded as durable can be read, in the staging or where it was placed. How many
        bytes that are."""
        staging = self.bench.receiver.received(f".fxnode/{number}")
        if not held:
            return 0
        try:
            with open(f"{staging}/manifest", "rb") as file:
                units = units_of(file.read())
        except OSError as error:
            raise Failure(f"units are recorded, but there is no manifest: {error}") from error
        for unit in sorted(held):
            self._check_unit(staging, unit, *units[unit])
        return sum(units[unit][2] for unit in held)

    def _check_unit(self, staging, unit, path, offset, length):
        name, _, below = path.partition("/")
        source = stations.source(self.workload.names[name]) + ("/" + below if below else "")
        wanted = _piece(source, offset, length)
        places = [f"{staging}/tree/{path}", self.bench.receiver.received(path)]
        check(any(_piece(place, offset, length) == wanted for place in places),
              f"unit {unit} is recorded as durable, and is not: {path} from {offset} on")

    def check_delivered(self):
        for name, source in self.workload.names.items():
            _compare(source, self.bench.receiver.received(name))

    def check_again(self, before, after):
        """Of the units that arrived before the cut, and after it, no more than allowed came twice, and
        none that was held."""
        arrived = before + after
        again = [arrival for number, arrival in enumerate(arrived) if arrival in arrived[:number]]
        sent = sum(size for _, size in again)
        most = 0 if self.held is None else self.workload.most_again
        check(sent <= most, f"{sent} bytes were sent again of at most {most}: {again}")
        held = [unit for unit, _ in after if unit in self.units]
        check(not held, f"units were sent again that were held: {held}")

    def _check_sources(self):
        """What was to be removed is there, or else delivered; and gone for good once that was said."""
        for name, source in self.workload.names.items():
            path = self.bench.source(source)
            if self.promises.moved:
                check(not os.path.lexists(path), f"{path} was said to be removed, and is there")
            if os.path.lexists(self.bench.receiver.received(name)):
                _compare(source, self.bench.receiver.received(name))
            else:
                _compare(source, path)

    def _check_names(self):
        """Nothing but what is whole stands under a final name."""
        for name in os.listdir(self.bench.receiver.files):
            if name == ".fxnode":
                continue
            wholes = [path for path in (name if name in self.workload.there else None,
                                        self.workload.names.get(name)) if path]
            check(wholes, f"a name that nobody sent: {name!r}")
            _check_one_of(self.bench.receiver.received(name), wholes)


def _compare(source, path):
    check(os.path.lexists(path), f"{path} is not there")
    compare(stations.source(source), path)


def _check_one_of(path, wholes):
    for number, whole in enumerate(wholes):
        try:
            _compare(whole, path)
            return
        except Failure:
            if number == len(wholes) - 1:
                raise


def _piece(path, offset, length):
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(length)
    except OSError:
        return None


def check_end(bench, workload, verifying):
    """The transfer has ended: everything is there once, and nothing else is left. `verifying`: the nodes
    that are to say so, too."""
    Found(bench, workload, Promises([])).check_delivered()
    bench.receiver.check_listed(*sorted({*workload.names, *workload.there}))
    for name in set(workload.there) - set(workload.names):
        _compare(name, bench.receiver.received(name))
    bench.receiver.check_tidy()
    if workload.moves:
        left = [name for name in workload.sends if os.path.lexists(bench.source(name))]
        check(not left, f"{left} was delivered and is still there: {bench.sender.transfers('--all')}")
    for node in verifying:
        _check_verified(node, workload)


def _check_verified(node, workload):
    """What is kept of the transfer is there, and is what was sent."""
    number = max(transfer["transfer"] for transfer in node.transfers("--all"))
    checked, result = node.run("verify", "--json", str(number)).events()[-2:]
    removed = checked["entries"] if workload.moves and node.name == "sender" else 0
    check_equal(checked["removed"], removed, f"removed, by verify at the {node.name}")


def check_stopped(bench):
    """Both have ended: the state holds what it always holds, and nothing of the transfer."""
    for node in bench.nodes:
        Database(node).check()
        litter = set(os.listdir(node.state)) - STATE_NAMES
        check(not litter, f"{node.name}: left in its state directory: {litter}")
        work = f"{node.state}/outgoing"
        check(not os.path.exists(work) or not os.listdir(work), f"{node.name}: left in {work}")
