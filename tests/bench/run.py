#!/usr/bin/env python3
"""Measures fxnode beside what people use instead, beside the limit of the machine, and beside
itself without libcrypto, all in one run on this machine. From the top of the project:

    cmake --preset release && cmake --build --preset release
    tests/bench/run.py --directory /dev/shm --directory /var/tmp --tsv tests/bench/measured.tsv \\
        file tree byte gigabit gigabit-text lossy
    tests/bench/report.py --readme README.md --chart tests/bench/measured.svg \\
        tests/bench/measured.tsv

which takes three quarters of an hour, writes the figures of the README anew. All of it:

    tests/bench/run.py [--directory DIR]... [--tsv FILE.tsv] [--chart FILE.svg]
    [--program build/release/node/fxnode] [--rounds 5] [--size 2048] [--lanes N]
    [--without NAME]... [--only NAME]... [CASE...]

CASE is of file (SIZE MiB of random bytes), text (SIZE MiB that zstd -1 makes an eighth of), tree
(20,000 files of 4 KiB), byte (a file of 1 byte), empty (100,000 empty files), source (80,000 files
in 5,000 directories, like the source of Linux), and resume (only fxnode: 100,000 files that are cut
in the middle, and how soon it goes on), all over loopback; and of gigabit, gigabit-text and lossy,
between two hosts in network namespaces with a cable of 1 Gbit/s between them: a file or a text with
a round trip of 1 ms, a fourth of a file with 40 ms and a loss of 0.1 %. With several directories,
such as one in memory and one on a disk, all of it is done in each, but those between hosts only in
the first. Peers that are not installed are left out, with a line that says so; nothing is
installed.

The programs take turns (A B C A B C), the source is read through before each run, what arrived is
compared each time, and small files that arrived on a disk stay until the end, because deleting them
slows down the next to be made. On a disk, each run of a program that does not sync ends with
`sync -f`: fxnode's and that of rsync with --fsync are durable when they return. Prints medians with
least and greatest: wall seconds, how many times as long as fxnode each took, CPU seconds of both
ends (user and system), the greatest resident size of any one process, and how many processors the
rest of the machine kept busy. --tsv keeps each run; report.py makes the table and the chart of the
README of that. Exit status 0 only where everything arrived whole; a goal that is missed is only
said."""

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))

import cutting  # noqa: E402
import goals  # noqa: E402
import report  # noqa: E402
import ssh_peers  # noqa: E402
import tls_peers  # noqa: E402
from cases import CASES, LINKED, LOOPBACK  # noqa: E402
from contenders import Fxnode, FxnodeSodium, Limit, LimitSodium, PlainTcp  # noqa: E402
from field import Field, LinkedField, new_lan  # noqa: E402
from lab import Failure, Skip, isolate, process  # noqa: E402
from meter import warm  # noqa: E402
from results import Results, Run  # noqa: E402
from sources import Place, Source, remove  # noqa: E402

KINDS = (Fxnode, FxnodeSodium, Limit, LimitSodium, *ssh_peers.KINDS, *tls_peers.KINDS, PlainTcp)
OURS = (Fxnode, FxnodeSodium, Limit, LimitSodium)
RESUME = "resume"


def one_round(case, contender, source, number):
    """Its cost, once what arrived is known to be right."""
    place = contender.field.place
    place.settle()
    warm(source.path)
    cost = contender.send(source.path, number)
    arrived = contender.arrived(case, number)
    contender.compare(source, arrived)
    if not place.keeps(case):
        remove(arrived)
    print(".", end="", flush=True)
    return cost


def measure(case, contenders, arguments, results):
    """All rounds of one case."""
    able = [contender for contender in contenders if contender.can(case)]
    place = able[0].field.place
    size = max(1, arguments.size // case.part)
    source = Source(case, place, size)
    print(f"{case.name} ", end="", flush=True)
    for number in range(arguments.rounds):
        for contender in able:
            cost = one_round(case, contender, source, number)
            results.add(Run.of(case.name, place.kind, size, contender.name, number, cost))
    print()
    if not place.keeps(case):
        source.remove()
    found = results.of(case.name, place.kind)
    report.show(case, place.kind, found)
    secret = [kind.name for kind in KINDS if kind.secret and kind not in OURS]
    for goal, figure, met in goals.check(case.name, place.in_memory, found, secret):
        print(f"Goal, {goal}: {figure}, {'met' if met else 'missed'}")


def is_wanted(name, arguments):
    return name not in arguments.without and (not arguments.only or name in arguments.only)


def start_contenders(field, cases, arguments):
    """Those that have something to do and are not left out."""
    started = []
    for kind in KINDS:
        if not is_wanted(kind.name, arguments) or not set(kind.cases) & set(cases):
            continue
        if lacking := kind.lacks():
            print(f"without {kind.name}: {lacking} is not installed")
        else:
            started.append(kind(field, arguments))
    return started


def measure_on(field, cases, arguments, results):
    contenders = start_contenders(field, cases, arguments)
    try:
        for name in cases:
            if name == RESUME:
                cut = cutting.CutTransfer(field.place, arguments)
                cutting.show([cut.run(number) for number in range(arguments.rounds)], field.place)
            else:
                measure(CASES[name], contenders, arguments, results)
    finally:
        for contender in contenders:
            contender.close()
        field.close()


def measure_in(parent, cases, arguments, results):
    """Cases over loopback, in a directory made for them in `parent`."""
    directory = tempfile.mkdtemp(prefix="fxnode-bench-", dir=parent)
    try:
        measure_on(Field(Place(directory)), cases, arguments, results)
    finally:
        process.stop_all()
        shutil.rmtree(directory)


def measure_inside(cases, arguments, results):
    """Cases between hosts, those of one link together; only in namespaces of their own. 0."""
    isolate.prepare_inside()
    lan = new_lan()
    try:
        for link in dict.fromkeys(CASES[name].link for name in cases):
            directory = os.path.join(isolate.work_directory(), link.name)
            os.mkdir(directory)
            measure_on(LinkedField(Place(directory), link, lan, arguments.hub),
                       [name for name in cases if CASES[name].link is link], arguments, results)
            shutil.rmtree(directory)
    finally:
        process.stop_all()
    return 0


def measure_linked(cases, arguments):
    """The same, from outside. The exit status."""
    if arguments.directory:
        os.environ["FXNODE_LAB_DIR"] = arguments.directory[0]
    options = [f"--{name}={getattr(arguments, name)}"
               for name in ("program", "rounds", "size", "tsv")]
    options += [f"--without={name}" for name in arguments.without]
    options += [f"--only={name}" for name in arguments.only]
    if arguments.lanes is not None:
        options.append(f"--lanes={arguments.lanes}")
    try:
        return isolate.run_outside([__file__, *options, *cases], False)
    except Skip as skip:
        print(f"without {', '.join(cases)}: {skip}")
        return 0


def notes(arguments):
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="ascii") as file:
        congestion = file.read().strip()
    version = subprocess.run([arguments.program, "--version", "--verbose"], check=True, text=True,
                             capture_output=True).stdout
    return [f"{os.cpu_count()} processors", f"Linux {platform.release()}",
            f"congestion control of TCP by default: {congestion}", *version.splitlines()]


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/node/fxnode")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=2048, help="MiB of the one file")
    parser.add_argument("--lanes", type=int, help="of fxnode (default: its own)")
    parser.add_argument("--directory", action="append",
                        help="where to work (default: the temporary directory)")
    parser.add_argument("--without", action="append", default=[], metavar="NAME",
                        choices=[kind.name for kind in KINDS], help="leaves out %(choices)s")
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        choices=[kind.name for kind in KINDS], help="leaves out all others")
    parser.add_argument("--tsv", metavar="FILE", help="keeps each run")
    parser.add_argument("--chart", metavar="FILE.svg", help="draws the case file (with gnuplot)")
    parser.add_argument("case", nargs="*",
                        help=f"of {', '.join((*CASES, RESUME))}; all by default")
    arguments = parser.parse_args()
    for case in arguments.case:
        if case not in (*CASES, RESUME):
            parser.error(f"no case {case!r}")
    # Both are built with the program.
    beside = os.path.join(os.path.dirname(os.path.abspath(arguments.program)), "../tests/bench")
    arguments.limit, arguments.hub = (os.path.join(beside, name) for name in ("limit", "hub"))
    for path in (arguments.program, arguments.limit, arguments.hub):
        if not os.access(path, os.X_OK):
            parser.error(f"{os.path.relpath(path)} is not there: "
                         "cmake --preset release && cmake --build --preset release")
    return arguments


def measure_all(arguments):
    wanted = arguments.case or (*CASES, RESUME)
    results = Results.begin(arguments.tsv, notes(arguments))
    print("\n".join(results.notes))
    for parent in arguments.directory or [None]:
        cases = [name for name in wanted if name in (*LOOPBACK, RESUME)]
        if cases:
            measure_in(parent, cases, arguments, results)
    linked = [name for name in wanted if name in LINKED]
    status = measure_linked(linked, arguments) if linked else 0
    if arguments.chart and not report.chart(Results(arguments.tsv), arguments.chart):
        print("no chart: gnuplot is not installed")
    return status


def stop(number, _):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    arguments = read_arguments()
    for number in (signal.SIGINT, signal.SIGTERM):  # what was made is removed in any case
        signal.signal(number, stop)
    try:
        if isolate.inside():
            return measure_inside(arguments.case, arguments, Results(arguments.tsv))
        with tempfile.NamedTemporaryFile(suffix=".tsv") as file:
            arguments.tsv = arguments.tsv or file.name
            return measure_all(arguments)
    except Failure as failure:
        print(f"{failure}\n{process.said_by_all()}")
        return 1
    except KeyboardInterrupt as interrupt:
        print(f"interrupted ({interrupt})")
        return 130


if __name__ == "__main__":
    sys.exit(main())
