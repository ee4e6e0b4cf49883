#!/usr/bin/env python3
"""Cuts the power of real nodes on real file systems, and looks whether a promise was broken:

    tests/powercut/run.py (--states N | --minutes M) [--seed S] [--fs ext4,xfs,btrfs]
        [--side receiver,sender,both,recovery,live] [--workload NAME,...] [--keep DIR] [--weaken NAME]
    tests/powercut/run.py --replay FILE

The programs are those of build/dev, or --program FILE and --logdisk FILE.

Transfers run on disks that log every write and flush (logdisk.c), and the promises that were heard in
between. Then the disks are set to what they may have held if the power had failed at some place in
that log, the nodes are started again, and everything that was promised must hold. Sides: the power of
"both" fails at the same instant, and of "receiver" and "sender" only their disks lose something, while
the other is killed; "recovery": again while they recover from that; "live": one fails, and the other
one lives on with what it has in memory (live.py).

Exit status: 0 nothing was lost, 1 something was (each case is kept in a file for --replay), 77
skipped with the reason. With --weaken the nodes break a rule (base/weaken.h), it ends with the first
state that shows this, and 0 means that there was one."""

import argparse
import collections
import os
import random
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))

from lab import Failure, Skip, isolate, process  # noqa: E402
from lab.node import PROGRAM  # noqa: E402

import live  # noqa: E402
import recording as recordings  # noqa: E402
import stations  # noqa: E402
import trial  # noqa: E402
import volumes  # noqa: E402
import workloads  # noqa: E402

# States from one recording, and from one recovery of it; and how many recordings are followed by a
# run like it in which one side fails. A recording or such a run takes the time of several states.
STATES = 14
RECOVERY_STATES = 5
LIVE_SHARE = 0.5
RECOVERY, LIVE = "recovery", "live"
BUILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "dev")


class Tally:
    """What was tried and what was lost, by file system and side."""

    def __init__(self, goal, seconds, first):
        self.goal = goal
        self.first = first  # what is lost is what is looked for, and once is enough
        self.deadline = time.monotonic() + seconds if seconds else None
        self.tried = collections.Counter()
        self.lost = collections.Counter()

    @property
    def total(self):
        return sum(self.tried.values())

    @property
    def done(self):
        if self.first and self.lost:
            return True
        late = self.deadline is not None and time.monotonic() > self.deadline
        return late and self.total > 0 or self.goal is not None and self.total >= self.goal

    def table(self, seed):
        lines = ["| file system | side | states | lost |", "|---|---|---|---|"]
        lines += [f"| {kind} | {side} | {count} | {self.lost[kind, side]} |"
                  for (kind, side), count in sorted(self.tried.items())]
        lines.append(f"| all | | {self.total} | {sum(self.lost.values())} |")
        return "\n".join([*lines, f"seed {seed}"])


class Session:
    def __init__(self, arguments, tally):
        self.arguments = arguments
        self.tally = tally
        self.source = random.Random(arguments.seed)
        self.bases = {}
        self.can_be_silent = LIVE in arguments.side and live.probe_silence()
        self.weaken = {"FXNODE_WEAKEN": arguments.weaken} if arguments.weaken else {}

    def base(self, *key):
        if key not in self.bases:
            self.bases[key] = recordings.Base(*key)
        return self.bases[key]

    def run(self):
        """Every workload on every file system, again and again, until it is enough."""
        while True:
            plan = [(kind, name) for name in self.arguments.workload for kind in self.arguments.fs]
            self.source.shuffle(plan)
            for kind, name in plan:
                if self.tally.done:
                    return
                self._record(kind, name, self.source.random() < 0.5)

    def _record(self, kind, name, apart):
        workload = workloads.ALL[name]
        base = self.base(kind, apart, workload.origin)
        restless = random.Random(self.source.getrandbits(32))
        log = recordings.record(base, workload, self.arguments.logdisk,
                                restless if self.source.random() < 0.4 else None, **self.weaken)
        recording = trial.Recording(base, base.images, name, log)
        sides = [side for side in self.arguments.side if side in trial.SIDES]
        for number in range(STATES if sides else 0):
            if self.tally.done:
                return
            side = sides[number % len(sides)]
            self._try(recording, trial.Cut.drawn(self.source, recording, side), side)
        if RECOVERY in self.arguments.side and not self.tally.done:
            self._recover(recording)
        if LIVE in self.arguments.side and workload.plain:
            self._live(recording)

    def _live(self, recording):
        """Of a run in which nothing else is looked for there are as many as there would be states."""
        among = self.arguments.side != [LIVE]
        for _ in range(self.source.random() < LIVE_SHARE if among else STATES):
            if self.tally.done:
                return
            plan = live.Plan.drawn(self.source, recording, self.can_be_silent)
            self._attempt(recording, plan, LIVE, lambda plan=plan: live.Live(
                recording, plan, self.arguments.logdisk, self.weaken).try_it())

    def _recover(self, recording):
        """Cuts the recovery from a cut."""
        cut = trial.Cut.drawn(self.source, recording, "both")
        again = []
        self._attempt(recording, cut, RECOVERY, lambda: again.append(
            trial.record_recovery(recording, cut, self.arguments.logdisk)))
        for _ in range(RECOVERY_STATES if again else 0):
            if self.tally.done:
                return
            self._try(again[0], trial.Cut.drawn(self.source, again[0], "both"), RECOVERY)

    def _try(self, recording, cut, side):
        self._attempt(recording, cut, side, lambda: trial.try_cut(recording, cut))

    def _attempt(self, recording, cut, side, attempt):
        kind = recording.base.kind
        self.tally.tried[kind, side] += 1
        try:
            attempt()
        except (Failure, OSError) as failure:
            self.tally.lost[kind, side] += 1
            self._tell(recording, cut, side, failure)
        finally:
            process.stop_all()

    def _tell(self, recording, cut, side, failure):
        where = f"{recording.base.kind}{', files apart' if recording.base.apart else ''}"
        said = "" if self.arguments.weaken else f"\n{process.said_by_all()}"
        print(f"LOST: {recording.workload} on {where}, {side} {cut} of {len(recording.log)}: "
              f"{failure}{said}", flush=True)
        if self.arguments.keep and side != LIVE:
            path = os.path.join(self.arguments.keep,
                                f"{self.arguments.seed}-{self.tally.total}.state")
            trial.keep(path, recording, cut)
            print(f"to try it again: --replay {path}", flush=True)


def replay(arguments):
    recording, cut = trial.kept(arguments.replay)
    print(f"{recording.workload} on {recording.base.kind}, cut at {cut.position} of "
          f"{len(recording.log)}: {cut.choices}")
    try:
        trial.try_cut(recording, cut)
    except Failure as failure:
        print(f"LOST: {failure}\n{process.said_by_all()}")
        return 1
    print("nothing was lost")
    return 0


def prepare():
    isolate.prepare_inside()
    process.run(["ip", "link", "set", "lo", "up"])
    os.makedirs(stations.ROOT)
    workloads.make_sources(stations.SOURCES)


def usable(kinds):
    """Those that this machine can mount; skips where that is none."""
    volumes.probe_fuse()
    good, lacking = [], []
    for kind in kinds:
        try:
            volumes.probe(kind, stations.ROOT)
            good.append(kind)
        except Skip as skip:
            lacking.append(str(skip))
            print(f"without {kind}: {skip}", flush=True)
    if not good:
        raise Skip(lacking[0])
    return good


def run_inside(arguments):
    try:
        prepare()
        arguments.fs = usable(arguments.fs)
        if arguments.replay:
            return replay(arguments)
        tally = Tally(arguments.states, arguments.minutes and arguments.minutes * 60,
                      arguments.weaken is not None)
        began = time.monotonic()
        Session(arguments, tally).run()
        print(tally.table(arguments.seed))
        print(f"{tally.total} states in {time.monotonic() - began:.0f} s")
        lost = sum(tally.lost.values()) > 0
        return int(not lost if arguments.weaken else lost)
    except Skip as skip:
        print(f"SKIPPED: {skip}")
        return isolate.SKIPPED
    except Failure as failure:
        print(f"FAILED before anything was cut: {failure}\n{process.said_by_all()}")
        return 1
    finally:
        process.stop_all()


def _list(kinds):
    def parse(text):
        names = text.split(",")
        unknown = set(names) - set(kinds)
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
        return names
    return parse


def main():
    parser = argparse.ArgumentParser(description="Cuts the power of nodes, and looks what is lost.")
    for option, path in (("--program", "node/fxnode"), ("--logdisk", "tests/powercut/logdisk")):
        parser.add_argument(option, type=os.path.abspath, default=os.path.join(BUILD, path))
    parser.add_argument("--states", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    for option, kinds in (("--fs", volumes.KINDS), ("--side", [*trial.SIDES, RECOVERY, LIVE]),
                          ("--workload", workloads.ALL)):
        parser.add_argument(option, type=_list(kinds), default=list(kinds))
    parser.add_argument("--keep", type=os.path.abspath, default=os.getcwd())
    parser.add_argument("--weaken")
    parser.add_argument("--replay", type=os.path.abspath)
    arguments = parser.parse_args()
    if not (arguments.states or arguments.minutes or arguments.replay):
        parser.error("--states, --minutes or --replay?")
    os.environ[PROGRAM] = arguments.program
    if isolate.inside():
        return run_inside(arguments)
    try:
        seed = [] if "--seed" in sys.argv else ["--seed", str(arguments.seed)]
        return isolate.run_outside([__file__, *sys.argv[1:], *seed], False)
    except Skip as skip:
        print(f"SKIPPED: {skip}")
        return isolate.SKIPPED


if __name__ == "__main__":
    sys.exit(main())
