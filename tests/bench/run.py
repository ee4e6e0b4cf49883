#!/usr/bin/env python3
"""Measures fxnode beside rsync over ssh, scp and a bare TCP connection, and beside itself without
libcrypto, all on this machine's loopback and in one run:

    tests/bench/run.py [--program build/release/node/fxnode] [--rounds 5] [--size 2048]
                       [--directory DIR]... [--without NAME]... [CASE...]

CASE is of file (SIZE MiB), tree (20,000 files of 4 KiB), byte (a file of 1 byte), empty (100,000
empty files), source (80,000 files in 5,000 directories, like the source of Linux) and resume (only
fxnode: 100,000 files that are cut in the middle, and how soon it goes on). With several
directories, such as one in memory and one on a disk, all of it is done in each.

The programs take turns (A B C A B C), the source is read through before each run, what arrived is
compared each time, and small files that arrived on a disk stay until the end, because deleting them
slows down the next to be made. Prints medians with least and greatest: wall seconds, how many times
as long as fxnode each took, CPU seconds of both ends (user and system), the greatest resident size
of any one process, and how many processors the rest of the machine kept busy. Exit status 0 only
where everything arrived whole; a goal that is missed is only said."""

import argparse
import os
import shutil
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))

import cutting  # noqa: E402
from contenders import Fxnode, FxnodeSodium, Rsync, RsyncAes, RsyncFsync, Scp, Tcp  # noqa: E402
from lab import process  # noqa: E402
from lab.data import MIB  # noqa: E402
from meter import warm  # noqa: E402
from sources import CASES, TITLES, Place, Source, remove  # noqa: E402

KINDS = (Fxnode, FxnodeSodium, Rsync, RsyncAes, RsyncFsync, Scp, Tcp)
GOAL = 2.0  # times as fast with trees as the peer that promises the same


def measure(case, contenders, arguments, place):
    """{contender's name: [Cost of each round]}"""
    source = Source(case, place, arguments.size)
    able = [contender for contender in contenders if contender.can(case)]
    costs = {contender.name: [] for contender in able}
    for number in range(arguments.rounds):
        for contender in able:
            warm(source.path)
            costs[contender.name].append(contender.send(source.path, number))
            arrived = contender.arrived(case, number)
            contender.compare(source, arrived)
            if not place.keeps(case):
                remove(arrived)
            print(".", end="", flush=True)
    print()
    if not place.keeps(case):
        source.remove()
    return costs


def spread(values, form):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:{form}} ({low:{form}}-{high:{form}})"


def middle_wall(rows):
    return statistics.median(cost.wall for cost in rows)


def show(case, costs, size, place):
    base = middle_wall(costs[Fxnode.name])
    print(f"\n{TITLES[case].format(size=size)}, on {place.kind}: median (least-greatest)\n"
          f"{'':26}{'wall s':>24}{'wall ratio':>12}{'CPU s, both ends':>24}{'peak MiB':>10}"
          f"{'rest of machine':>20}")
    for name, rows in costs.items():
        peak = max(cost.peak for cost in rows)
        print(f"{name:26}{spread([cost.wall for cost in rows], '.3f'):>24}"
              f"{middle_wall(rows) / base:>12.2f}"
              f"{spread([cost.cpu for cost in rows], '.2f'):>24}"
              f"{f'{peak / MIB:.1f}' if peak else '-':>10}"
              f"{spread([cost.rest for cost in rows], '.1f'):>20}")
    print("Only fxnode, and rsync with --fsync, have synced what arrived when they return.")
    show_goal(case, costs, base, place)


def show_goal(case, costs, base, place):
    peer = (RsyncAes if place.in_memory else RsyncFsync).name
    if case in ("tree", "empty", "source") and peer in costs:
        ratio = middle_wall(costs[peer]) / base
        print(f"Goal, {GOAL} times as fast as {peer}: {ratio:.2f}, "
              f"{'met' if ratio >= GOAL else 'missed'}")


def measure_in(parent, arguments):
    """All cases, in a directory made for them in `parent`."""
    directory = tempfile.mkdtemp(prefix="fxnode-bench-", dir=parent)
    place = Place(directory)
    contenders = []
    try:
        for kind in KINDS:
            if kind.name not in arguments.without:
                contenders.append(kind(place, arguments))
        for case in arguments.case or (*CASES, "resume"):
            print(f"{case} ", end="", flush=True)
            if case == "resume":
                cut = cutting.CutTransfer(place, arguments)
                cutting.show([cut.run(number) for number in range(arguments.rounds)], place)
            else:
                show(case, measure(case, contenders, arguments, place), arguments.size, place)
    finally:
        for contender in contenders:
            contender.close()
        process.stop_all()
        shutil.rmtree(directory)


def read_arguments():
    parser = argparse.ArgumentParser(description="fxnode beside rsync, scp and bare TCP.")
    parser.add_argument("--program", default="build/release/node/fxnode")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=2048, help="MiB of the one file")
    parser.add_argument("--lanes", type=int, help="of fxnode (default: its own)")
    parser.add_argument("--directory", action="append",
                        help="where to work (default: the temporary directory)")
    parser.add_argument("--without", action="append", default=[], metavar="NAME",
                        choices=[kind.name for kind in KINDS[1:]],
                        help="leaves out %(choices)s")
    parser.add_argument("case", nargs="*", help=f"of {', '.join(CASES)}, resume; all by default")
    arguments = parser.parse_args()
    for case in arguments.case:
        if case not in (*CASES, "resume"):
            parser.error(f"no case {case!r}")
    return arguments


def main():
    arguments = read_arguments()
    for parent in arguments.directory or [None]:
        measure_in(parent, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
