#!/usr/bin/env python3
"""Measures fxnode beside rsync over ssh, scp and a bare TCP connection, all on this machine's
loopback and in one run:

    tests/bench/run.py [--program build/release/node/fxnode] [--rounds 5] [--size 2048] [CASE...]

CASE is of file (SIZE MiB), tree (20,000 files of 4 KiB) and byte (a file of 1 byte). The programs
take turns (A B C A B C), the source is read through before each run, what arrived is compared each
time, and small files that arrived stay until the end, because deleting them slows down the next to
be made. Prints medians with least and greatest: wall seconds, CPU seconds of both ends (user and
system), and the greatest resident size of any one process. Exit status 0 only where everything
arrived whole."""

import argparse
import os
import shutil
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))

from contenders import Fxnode, Rsync, Scp, Tcp  # noqa: E402
from lab import process  # noqa: E402
from lab.data import MIB, make_file, make_many  # noqa: E402
from meter import warm  # noqa: E402

CASES = ("file", "tree", "byte")


def make_source(case, directory, size):
    path = os.path.join(directory, case)
    if case == "tree":
        return make_many(path, 20_000)
    return make_file(path, size * MIB if case == "file" else 1)


def measure(case, contenders, arguments, directory):
    """{contender's name: [Cost of each round]}"""
    source = make_source(case, directory, arguments.size)
    costs = {contender.name: [] for contender in contenders}
    for number in range(arguments.rounds):
        for contender in contenders:
            if not contender.can(case):
                continue
            warm(source)
            costs[contender.name].append(contender.send(source, number))
            arrived = contender.arrived(case, number)
            contender.compare(source, arrived)
            if case == "file":
                os.unlink(arrived)
            print(".", end="", flush=True)
    print()
    return costs


def spread(values, form):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:{form}} ({low:{form}}-{high:{form}})"


def show(case, costs, size):
    title = {"file": f"one file of {size} MiB", "tree": "20,000 files of 4 KiB",
             "byte": "a file of 1 byte"}[case]
    print(f"\n{title}: median (least-greatest)\n"
          f"{'':24}{'wall s':>22}{'CPU s, both ends':>24}{'peak MiB':>12}{'wall ratio':>12}")
    base = statistics.median(cost.wall for cost in costs["fxnode"])
    for name, rows in costs.items():
        if not rows:
            continue
        wall = [cost.wall for cost in rows]
        peak = max(cost.peak for cost in rows)
        print(f"{name:24}{spread(wall, '.3f'):>22}{spread([cost.cpu for cost in rows], '.2f'):>24}"
              f"{f'{peak / MIB:.1f}' if peak else '-':>12}"
              f"{statistics.median(wall) / base:>12.2f}")
    print("Only fxnode has synced what arrived to the disk when it returns.")


def main():
    parser = argparse.ArgumentParser(description="fxnode beside rsync, scp and bare TCP.")
    parser.add_argument("--program", default="build/release/node/fxnode")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=2048, help="MiB of the one file")
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--directory", help="where to work (default: the temporary directory)")
    parser.add_argument("case", nargs="*", help=f"of {', '.join(CASES)}; all by default")
    arguments = parser.parse_args()
    for case in arguments.case:
        if case not in CASES:
            parser.error(f"no case {case!r}")
    directory = tempfile.mkdtemp(prefix="fxnode-bench-", dir=arguments.directory)
    contenders = []
    try:
        for kind in (Fxnode, Rsync, Scp, Tcp):
            contenders.append(kind(directory, arguments))
        for case in arguments.case or CASES:
            print(f"{case} ", end="", flush=True)
            show(case, measure(case, contenders, arguments, directory), arguments.size)
    finally:
        for contender in contenders:
            contender.close()
        process.stop_all()
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
