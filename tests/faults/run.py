#!/usr/bin/env python3
"""Kills a node at its system calls, one in each round, and looks whether anything is lost.

    tests/faults/run.py --program build/dev/node/fxnode list        name the places
    tests/faults/run.py --program ... sample COUNT DURABLE [TWICE]  some: COUNT of all, DURABLE of
                                                                    those that matter most, TWICE
                                                                    with a second kill
    tests/faults/run.py --program ... all
    tests/faults/run.py --program ... replay PLACE...

A PLACE is KIND/SIDE/PROCESS:CALL:N, as in file/sender/session.2:fdatasync:1: in a transfer of that
kind (kinds.py) the process is killed on that side before the N-th of these calls of it is made
(trace.c). The node is started again, the transfer has to end well, and what it leaves has to be what
it always leaves. The places are those of a round that was recorded before; the one or other is not
met again, because a loop turned once less.

With PLACE/PROCESS:CALL:N the node that is started again is killed, too, at that call, before it may
finish: file/sender/daemon.1:fdatasync:3/daemon.1:pwrite64:7. PLACE/? draws such a call.

Exit status: 0 all is well, 77 skipped, else failed."""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../scenarios")]

from lab import Failure, Skip, isolate, process, trace  # noqa: E402
from lab.laboratory import Laboratory  # noqa: E402
from lab.node import PROGRAM  # noqa: E402

import places as all_places  # noqa: E402
from bench import Bench  # noqa: E402
from places import DRAWN, Place  # noqa: E402

SURVIVED, MISSED, FAILED = "survived", "missed", "failed"
PROGRESS = 500


def _record(bench, path, kinds):
    with tempfile.TemporaryDirectory(dir=bench.directory) as directory:
        found = all_places.record(bench, directory, kinds)
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{place}\n" for place in found)
    return 0


def _try(bench, place, seed):
    """The place as it was tried, its outcome and why."""
    try:
        if place.then == DRAWN:
            calls = bench.recovery(*place[:3])
            if not calls:
                return place, MISSED, ""
            place = all_places.draw(place, calls, seed)
        met = bench.try_faults(place.kind, place.side, place.faults)
        return place, SURVIVED if met else MISSED, ""
    except (Failure, OSError) as failure:
        return place, FAILED, str(failure)


def _work(bench, path, seed):
    """Tries the places named in a file; tells of each, and ends with the first that fails, as who
    knows what that leaves behind."""
    with open(path, encoding="ascii") as file:
        wanted = [Place.read(line.strip()) for line in file]
    for place in wanted:
        tried, outcome, text = _try(bench, place, seed)
        print(json.dumps([str(tried), outcome, text]), flush=True)
        if outcome == FAILED:
            break
    return 0


def _inside(arguments):
    isolate.prepare_inside()
    try:
        trace.probe()
        bench = Bench(Laboratory(isolate.work_directory()))
        if arguments.what == "record":
            return _record(bench, arguments.rest[0], arguments.kind or bench.kinds)
        return _work(bench, arguments.rest[0], arguments.seed)
    except Skip as skip:
        print(f"SKIPPED: {skip}")
        return isolate.SKIPPED
    finally:
        process.stop_all()


def _again(arguments, *words):
    """The command line that does a part of what this one has to."""
    kinds = [word for kind in arguments.kind for word in ("--kind", kind)]
    return [sys.executable, "-S", "-B", os.path.abspath(__file__), "--program", arguments.program,
            "--seed", str(arguments.seed), *kinds, *words]


class Sweep:
    """Places that are tried, by several workers in namespaces of their own."""

    def __init__(self, arguments, directory):
        self.arguments = arguments
        self.directory = directory
        self.outcomes = collections.Counter()  # of (kind, side, program, outcome)
        self._told = 0  # how many of them were
        self._lock = threading.Lock()

    def places(self):
        """Those of a round that is recorded for it."""
        path = os.path.join(self.directory, "places")
        status = subprocess.call(_again(self.arguments, "record", path))
        if status != 0:
            raise SystemExit(status)
        with open(path, encoding="ascii") as file:
            return [Place.read(line.strip()) for line in file]

    def run(self, places):
        jobs = self.arguments.jobs
        workers = [threading.Thread(target=self._work, args=(number, places[number::jobs]))
                   for number in range(jobs)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _work(self, number, share):
        path = os.path.join(self.directory, f"share-{number}")
        while share:
            with open(path, "w", encoding="ascii") as file:
                file.writelines(f"{place}\n" for place in share)
            before = len(share)
            for place, outcome, text in self._results(path):
                share.pop(0)
                self._count(Place.read(place), outcome, text)
            if len(share) == before:
                self._count(share.pop(0), FAILED, "the worker ended without a word")

    def _results(self, path):
        """What a worker tells of the places in a file, one after the other."""
        with subprocess.Popen(_again(self.arguments, "work", path), stdout=subprocess.PIPE,
                              text=True) as popen:
            for line in popen.stdout:
                if line.startswith("["):
                    yield json.loads(line)
                else:
                    print(line, end="", flush=True)

    def _count(self, place, outcome, text):
        with self._lock:
            self.outcomes[place.kind, place.side, place.program, outcome] += 1
            self._told += 1
            if self._told % PROGRESS == 0:
                print(f"{self._told} tried", flush=True)
            if outcome == FAILED:
                print(f"FAILED: {place}\n{text}\n  again: {' '.join(_again(self.arguments))} "
                      f"replay {place}", flush=True)

    def show(self):
        """A table of what was tried; returns the number of failures."""
        rows = sorted({key[:3] for key in self.outcomes})
        print(f"{'kind':10}{'side':10}{'process':12}{'tried':>8}{'missed':>8}{'failed':>8}")
        for row in rows:
            counts = [self.outcomes[*row, outcome] for outcome in (SURVIVED, MISSED, FAILED)]
            print("{:10}{:10}{:12}{:8}{:8}{:8}".format(*row, sum(counts), *counts[1:]))
        total = collections.Counter()
        for key, count in self.outcomes.items():
            total[key[3]] += count
        print(f"{sum(total.values())} tried, {total[MISSED]} not met again, {total[FAILED]} failed")
        return total[FAILED]


def _chosen(arguments, sweep):
    if arguments.what == "replay":
        return [Place.read(text) for text in arguments.rest]
    found = sweep.places()
    if arguments.what == "sample":
        numbers = [*map(int, arguments.rest), 0][:3]
        print(f"seed {arguments.seed}, of {len(found)} places", flush=True)
        return all_places.sample(found, *numbers, arguments.seed)
    return found


def _outside(arguments):
    if os.access("/dev/shm", os.W_OK):
        os.environ.setdefault("FXNODE_LAB_DIR", "/dev/shm")
    if arguments.what in ("record", "work"):
        return isolate.run_outside(sys.argv, keep=False)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        sweep = Sweep(arguments, directory)
        places = _chosen(arguments, sweep)
        if arguments.what == "list":
            print("\n".join(map(str, places)))
            return 0
        sweep.run(places)
    failed = sweep.show()
    print(f"{time.monotonic() - began:.0f} s with {arguments.jobs} at a time")
    return 1 if failed else 0


def _check_rest(parser, arguments):
    """Usage errors, before anything is started."""
    rest = arguments.rest
    numbers = all(text.isdigit() for text in rest)
    if arguments.what == "sample" and not (numbers and len(rest) in (2, 3)):
        parser.error("sample takes two or three numbers: how many of all, how many more that are "
                     "durable, and how many with a second kill")
    if arguments.what == "replay" and not rest:
        parser.error("which place?")
    for text in rest if arguments.what == "replay" else ():
        try:
            Place.read(text)
        except ValueError:
            parser.error(f"{text} is no place: KIND/SIDE/PROCESS:CALL:N[/PROCESS:CALL:N]")


def main():
    parser = argparse.ArgumentParser(description="Kills a node at its system calls.")
    parser.add_argument("--program", default=os.environ.get(PROGRAM, "fxnode"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", default=[], help="only this kind; several times")
    parser.add_argument("what", choices=("list", "sample", "all", "replay", "record", "work"))
    parser.add_argument("rest", nargs="*")
    arguments = parser.parse_args()
    _check_rest(parser, arguments)
    arguments.program = os.path.abspath(arguments.program)
    os.environ[PROGRAM] = arguments.program
    try:
        return _inside(arguments) if isolate.inside() else _outside(arguments)
    except Skip as skip:
        print(f"SKIPPED: {skip}")
        return isolate.SKIPPED


if __name__ == "__main__":
    sys.exit(main())
