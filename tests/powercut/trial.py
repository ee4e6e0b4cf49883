"""One state after a cut: made, looked at, recovered from, looked at again."""

import os
import pickle
import zlib
from dataclasses import dataclass, field

import checks
import stations
import workloads
from disklog import EVERYTHING, FLUSH, MARK, Choice, Image
from lab import check, check_equal
from recording import Logged, Plain, image_paths

SIDES = {"receiver": ("receiver", "files"), "sender": ("sender", "source"),
         "both": ("sender", "source", "receiver", "files")}
HOWS = [("none", 0), ("all", 0), ("torn", 512), ("torn", 4096)]

# What a recovery may say beside content that was not promised: handshakes, manifest, headers.
TALK = 300_000
ON_THE_WIRE = 1.05


@dataclass
class Recording:
    """A log, what its disks were before, and what had been promised before it."""

    base: object  # its file system, and whether files are apart
    images: dict
    workload: str
    log: object
    earlier: object = field(default_factory=lambda: checks.Promises([]))

    def promises(self, position):
        promises = checks.Promises(self.log.marks(position))
        promises.add(self.earlier)
        return promises


@dataclass
class Cut:
    """Where, and what was left on each disk of what had not been flushed."""

    position: int
    choices: dict

    def __str__(self):
        return f"cut at {self.position}"

    @classmethod
    def drawn(cls, source, recording, side):
        """One of all cuts; a third just after something was said or has arrived, and a third after a
        flush."""
        log = recording.log
        position = source.choice(source.choice([log.after(MARK), log.after(FLUSH),
                                                range(len(log) + 1)]))
        return cls(position, choices(source, recording.images, side))


def choices(source, disks, side):
    """What is left on each of `disks` when the power of a side fails."""
    return {disk: Choice(*source.choice(HOWS), source.getrandbits(32)) if disk in SIDES[side]
            else EVERYTHING for disk in disks}


def _bytes_on_the_wire():
    with open("/proc/net/dev", encoding="ascii") as file:
        line, = (line for line in file if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[0])


def _content(workload):
    return sum(os.path.getsize(os.path.join(directory, name))
               for path in map(stations.source, workload.sends)
               for directory, name in _files(path))


def _files(path):
    if not os.path.isdir(path):
        yield os.path.split(path)
    for directory, _, names in os.walk(path):
        for name in names:
            if not os.path.islink(os.path.join(directory, name)):
                yield directory, name


def finish(run, workload):
    """Starts both nodes and lets them do what is left of the workload, as their users would."""
    for node in (run.receiver, run.sender):
        run.start(node)
    if workload.origin == "strangers" and not (run.sender.paired() and run.receiver.paired()):
        run.pair()
    complete(run, workload)


def complete(run, workload):
    """What the user of a sender that was started again does, to the end."""
    mine = [transfer for transfer in run.sender.transfers("--all") if transfer["transfer"] > workload.before]
    check(len(mine) < 2, f"the sender has several transfers: {mine}")
    if mine and mine[0]["state"] != "delivered":
        run.wait_said(run.sender, r"fxnode: transfer \d+ to .*: delivered$")
    elif not mine:
        workload.send(run)
    if workload.moves:
        run.sender.wait_transfers(lambda listed: listed[-1].get("moving") == "over", "moved", "--all")
    run.receiver.check_tidy()


def _recover(run, recording, cut):
    """Fails where something does not hold; returns what was found, for what is left to check."""
    bench = run.bench
    workload = workloads.ALL[recording.workload]
    promises = recording.promises(cut.position)
    found = checks.Found(bench, workload, promises)
    found.check()
    before = _bytes_on_the_wire()
    finish(run, workload)
    sent = _bytes_on_the_wire() - before
    rest = 0 if found.held is None else _content(workload) - found.held
    most = int(rest * ON_THE_WIRE) + TALK
    check(sent <= most, f"{sent} bytes were sent after the cut, of {rest} that were not held")
    for node in bench.nodes:
        check_equal(node.id, promises.ids.get(node.name, node.id), f"id of the {node.name}")
    checks.check_end(bench, workload, [bench.nodes[cut.position // 2 % 2]])
    return found


def _prepare(recording, cut):
    """The disks as they are after the cut; half of the times they get other device numbers."""
    bench = recording.base.bench(workloads.ALL[recording.workload].config)
    paths = image_paths(bench.disks if cut.position % 2 else reversed(bench.disks))
    for disk, path in paths.items():
        recording.log.state(recording.images[disk], disk, cut.position, cut.choices[disk], path)
    return bench, paths


def try_cut(recording, cut):
    """Fails where something does not hold."""
    bench, paths = _prepare(recording, cut)
    try:
        run = Plain(bench, paths)
        found = _recover(run, recording, cut)
        receiver = bench.receiver.daemon
        bench.stop()
        found.check_again(found.promises.arrived, checks.arrivals(receiver.err))
        checks.check_stopped(bench)
    finally:
        bench.clear()


def record_recovery(recording, cut, logdisk):
    """The recovery from a cut, checked in the same way, as a recording of its own."""
    bench, paths = _prepare(recording, cut)
    images = {disk: Image.of(path) for disk, path in paths.items()}
    run = None
    try:
        run = Logged(bench, paths, logdisk)
        found = _recover(run, recording, cut)
        log = run.whole_log()
        found.check_again(found.promises.arrived, checks.Promises(log.marks()).arrived)
        return Recording(recording.base, images, recording.workload, log, found.promises)
    finally:
        if run is not None:
            run.close()
        bench.clear()


def keep(path, recording, cut):
    """Writes all that try_cut() needs."""
    with open(path, "wb") as file:
        file.write(zlib.compress(pickle.dumps((recording, cut)), 1))


def kept(path):
    with open(path, "rb") as file:
        return pickle.loads(zlib.decompress(file.read()))
