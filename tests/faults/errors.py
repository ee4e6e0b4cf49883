#!/usr/bin/env python3
"""Every call of every process fails once.

    tests/faults/errors.py --program build/dev/node/fxnode            everything, which takes hours
    tests/faults/errors.py --program ... --journal FILE               the same, in several runs
    tests/faults/errors.py --program ... --sample 300 --seed 7        some of it, drawn by a seed
    tests/faults/errors.py --program ... file:receiver:session:sync   a part
    tests/faults/errors.py --program ... file:receiver:session:sync:3:EIO

Two daemons run on; between them a thing of one kind is done again and again (errors_kinds.py), and each
time one call fails that one process of one node makes, with one of the errors it may return
(plausible.py). fault-preload makes it fail. After each the command has said what it has to, the
thing is done, by itself or by the same command once more, and nothing is damaged, doubled, left
behind or leaked; the daemons still run, do not spin, and do the next thing. Where memory runs out a
process may end, and is started again."""

import argparse
import collections
import contextlib
import itertools
import os
import random
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "scenarios")]
sys.dont_write_bytecode = True

from control import CALLS, Control, Place  # noqa: E402
from errors_kinds import KINDS, check_refusal  # noqa: E402
from lab import Failure, Skip, check, isolate, process  # noqa: E402
from lab.laboratory import Laboratory  # noqa: E402
from lab.node import PROGRAM, Node  # noqa: E402
from plausible import ERRORS, FATAL  # noqa: E402

# What "durable" and "delivered" rest on: always tried.
DURABLE = ("file:receiver:session:sync", "file:receiver:session:rename", "file:receiver:daemon:sync")
# What fxnode once got wrong, a source that cannot be read in its middle, times that cannot be set:
# always tried, too.
FOUND = ("file:receiver:session:map", "file:sender:session:pread", "file:receiver:session:times")
POLLS = 20_000  # of a daemon in one round; one that spins makes hundreds of thousands
LOG = {key: os.environ[key] for key in ("FXNODE_LOG",) if key in os.environ}
PORTS = itertools.count(20_000)  # one that is away comes back to its own
CONFIG = {"discovery": "off", "batch": "256K", "accept": "all"}


def preload():
    """Beside the program in the build."""
    build = os.path.dirname(os.path.dirname(os.path.abspath(os.environ[PROGRAM])))
    return os.path.join(build, "tests/faults/libfault-preload.so")


def descriptors(node):
    """What the daemon has open, sorted."""
    directory = f"/proc/{node.daemon.popen.pid}/fd"
    found = []
    for name in os.listdir(directory):
        try:
            found.append(os.readlink(f"{directory}/{name}").split(":")[0])
        except FileNotFoundError:
            pass
    return sorted(found)


def wait_for(holds, what, patience=process.PATIENCE):
    """For what nothing tells of."""
    deadline = time.monotonic() + patience
    while not holds():
        check(time.monotonic() < deadline, what())
        time.sleep(0.01)


class Pair:
    """A sender and a receiver, each with its control file."""

    def __init__(self, lan, directory):
        self.controls = {}
        self.nodes = {}
        for side, host in zip(("sender", "receiver"), lan.hosts):
            self.controls[side] = Control(os.path.join(directory, f"{side}.control"), preload())
            self.nodes[side] = Node(host, directory, name=f"{side}-{os.path.basename(directory)}",
                                    config={**CONFIG, "listen": f"0.0.0.0:{next(PORTS)}"},
                                    env={**self.controls[side].environment, **LOG})
            self.nodes[side].start()
        self.open = {}  # what each daemon has open while it rests
        self.managing = {side: threading.Lock() for side in self.nodes}
        self.fatal = False  # whether the daemon may end
        self.told = []

    @property
    def sender(self):
        return self.nodes["sender"]

    @property
    def receiver(self):
        return self.nodes["receiver"]

    def command(self, side, *arguments, **options):
        return self.nodes[side].command(*arguments, env=self.controls[side].environment, **options)

    def resume(self):
        """Lets what waits at the sender go on at once."""
        listing = self.sender.command("transfers", "--json")
        listing.wait()
        for event in listing.events():
            if event["event"] == "transfer":
                self.sender.command("resume", str(event["transfer"])).wait()

    def arm(self, side=None, place=None):
        for each, control in self.controls.items():
            control.arm(place if each == side else None)

    def disarm(self):
        for control in self.controls.values():
            control.disarm()

    def look_after(self, side, over):
        """Starts the daemon of a side again when it ends, as systemd would, until that is over."""
        node = self.nodes[side]
        while not over.is_set():
            with self.managing[side]:
                if node.daemon.ended():
                    self.begin(side)
            over.wait(0.05)

    def begin(self, side):
        """Starts a daemon; one that cannot says why, and is started again."""
        node = self.nodes[side]
        self.open.pop(side, None)
        try:
            node.start()
        except Failure:
            check_refusal(node.daemon, self.fatal)
            node.start()

    @contextlib.contextmanager
    def away(self, side):
        """The daemon of a side is not there meanwhile."""
        daemon = self.nodes[side].daemon
        with self.managing[side]:
            status = daemon.stop()
            check(status == 0 or self.fatal, f"it ends with {status}\n{daemon.said()}")
            yield
            self.begin(side)

    def revive(self, side):
        """A daemon in which a call has failed that may be the end of it answers, or has ended: then
        the command has failed, or was a node for itself."""
        node = self.nodes[side]
        if self.command(side, "transfers").wait() != 0:
            node.daemon.wait()
        if node.daemon.ended():
            self.begin(side)

    def check_alive(self):
        for node in self.nodes.values():
            check(not node.daemon.ended(), f"{node.name}: the daemon has ended with "
                  f"{node.daemon.popen.poll()}\n{node.daemon.said()}")

    def quiet(self):
        """No session is left, and no descriptor that was not there before."""
        for node in self.nodes.values():
            wait_for(lambda node=node: not node.helpers("session"),
                     lambda node=node: f"{node.name}: a session stays\n{node.daemon.said()}")
        for side, node in self.nodes.items():
            self.open.setdefault(side, descriptors(node))
            wait_for(lambda side=side, node=node: len(descriptors(node)) <= len(self.open[side]),
                     lambda side=side, node=node: f"{node.name}: descriptors leak: before "
                     f"{self.open[side]}, now {descriptors(node)}\n{node.daemon.said()}", 10)
        for side, control in self.controls.items():
            polls = control.counts().get(("daemon", "wait"), 0)
            check(polls < POLLS, f"{side}: the daemon spins: it polled {polls} times")

    def said(self):
        return "\n".join(node.daemon.said() for node in self.nodes.values())

    def end(self):
        for node in self.nodes.values():
            node.stop()

    def kill(self):
        for node in self.nodes.values():
            node.kill()


class Round:
    """One kind of thing, over and over on one pair, which is replaced when something was wrong."""

    def __init__(self, lab, lan, name, worker):
        self.lab, self.lan, self.name, self.worker = lab, lan, name, worker
        self.kind = None
        self.pair = None
        self.number = 0
        self.told = []

    def ready(self):
        """A pair that has done the thing once."""
        if self.pair is None:
            self.number += 1
            if self.kind is None:
                self.kind = KINDS[self.name](self.lab.path(f"{self.name}-{self.worker}"))
            directory = self.lab.path(f"{self.name}-{self.worker}-{self.number}")
            os.mkdir(directory)
            self.pair = Pair(self.lan, directory)
            for _ in range(2):
                self.pair.arm()
                check(self.kind.run(self.pair) == 0, f"it fails by itself\n{self.pair.said()}")
                self.kind.settle(self.pair, 0, None)
                self.pair.quiet()
        return self.pair

    def calls(self):
        """[(side, role, call, n)] of the calls that are made: the first one of each chain of
        callers, then of those chains the second and the last one."""
        pair = self.ready()
        for control in pair.controls.values():
            control.arm(recording=True)
        self.kind.run(pair)
        pair.disarm()
        by_callers = {}
        for side, control in pair.controls.items():
            for which, n, callers in control.callers():
                by_callers.setdefault((side, *which, callers), []).append(n)
        self.kind.settle(pair, 0, None)
        pair.quiet()
        first = {(*key[:3], min(numbers)) for key, numbers in by_callers.items()}
        more = {(*key[:3], n) for key, numbers in by_callers.items()
                for n in (*sorted(numbers)[:2], max(numbers))}
        return [*sorted(first), *sorted(more - first)]

    def attempt(self, side, place):
        """Whether the call was made at all."""
        pair = self.ready()
        over = threading.Event()
        manager = threading.Thread(target=pair.look_after, args=(side, over))
        pair.fatal = place.role == "daemon" and place.call in FATAL
        pair.arm(side, place)
        if pair.fatal:
            manager.start()
        try:
            status = self.kind.run(pair)
            self.told = pair.told
        finally:
            pair.disarm()
            over.set()
            if manager.ident is not None:
                manager.join()
        if manager.ident is not None:
            pair.revive(side)
        self.kind.settle(pair, status, place.role)
        pair.check_alive()
        pair.quiet()
        process.forget_ended()
        return pair.controls[side].fired()

    def fails(self, side, place):
        """Why, or None; with whether the call was made."""
        try:
            return None, self.attempt(side, place)
        except Failure as failure:
            pair, self.pair = self.pair, None
            told = "".join(f"\n  told: {line}" for line in pair.told)
            why = (f"{failure}\n  call: {pair.controls[side].caller(place.role)}{told}\n"
                   f"{pair.said()}")
            pair.kill()
            return why, True

    def end(self):
        if self.pair is not None:
            self.pair.end()


def places(calls):
    for side, role, call, n in calls:
        for error in ERRORS[call]:
            yield side, Place(role, call, n, error)


def wanted(patterns, words):
    return any(all(want in ("", word) for want, word in zip(pattern, words))
               for pattern in patterns)


class Worker:
    """Does one case after another, with a pair of its own for each kind."""

    def __init__(self, lab, lan, number):
        self.rounds = {name: Round(lab, lan, name, number) for name in KINDS}

    def cases(self, arguments):
        """[(name of the kind, side, place)] of what was asked for."""
        patterns = [(text.split(":") + [""] * 6)[:6] for text in arguments.places] or [[""] * 6]
        result = []
        for name, each in self.rounds.items():
            if not wanted([pattern[:1] for pattern in patterns], (name,)):
                continue
            result += [(name, side, place) for side, place in places(each.calls()) if wanted(
                patterns, (name, side, place.role, place.call, str(place.n), place.error))]
        return result

    def run(self, cases, tally):
        while True:
            try:
                name, side, place = cases.popleft()
            except IndexError:
                break
            began = time.monotonic()
            why, fired = self.rounds[name].fails(side, place)
            tally.add(text_of((name, side, place)), self.rounds[name].told, why, fired,
                      time.monotonic() - began)
        for each in self.rounds.values():
            each.end()


def draw(cases, arguments):
    """Some, and DURABLE and FOUND with one error each."""
    kept = {}
    patterns = [text.split(":") for text in DURABLE + FOUND]
    for case in cases:
        if wanted(patterns, (*case[:2], *case[2][:2])):
            kept.setdefault((*case[:2], *case[2][:3]), case)
    sample = random.Random(arguments.seed).sample(cases, arguments.sample)
    return list(kept.values()) + [case for case in sample if case not in kept.values()]


def text_of(case):
    name, side, place = case
    return ":".join(map(str, (name, side, *place)))


class Journal:
    """What was tried by the runs that have written this file. A case that failed is tried again."""

    def __init__(self, path):
        self.passed = set()
        self.file = path and open(path, "a+", encoding="ascii")
        if path:
            self.file.seek(0)
            self.passed = {line.split()[1] for line in self.file if line.startswith("passed ")}

    def add(self, case, passed):
        if self.file:
            self.file.write(f"{'passed' if passed else 'FAILED'} {case}\n")
            self.file.flush()


class Tally:
    def __init__(self, verbose, journal):
        self.verbose, self.journal = verbose, journal
        self.tried, self.missed, self.failed = 0, 0, 0
        self.lock = threading.Lock()

    def add(self, case, told, why, fired, seconds):
        with self.lock:
            self.journal.add(case, why is None)
            self.tried += 1
            self.missed += not fired
            self.failed += why is not None
            if why is not None:
                print(f"FAILED: {case} ({seconds:.1f} s)\n{why}", flush=True)
            elif self.verbose:
                print(f"passed: {case} ({seconds:.1f} s){'' if fired else ' not called'}",
                      *told, sep="\n    ", flush=True)


def run_inside(arguments):
    isolate.prepare_inside()
    lab = Laboratory(isolate.work_directory())
    journal = Journal(arguments.journal)
    tally = Tally(arguments.verbose, journal)
    try:
        lan = lab.lan(2)
        workers = [Worker(lab, lan, number) for number in range(arguments.jobs)]
        cases = workers[0].cases(arguments)
        print(f"{len(cases)} calls to fail, seed {arguments.seed}", flush=True)
        if arguments.sample is not None and arguments.sample < len(cases):
            cases = draw(cases, arguments)
        cases = collections.deque(case for case in cases if text_of(case) not in journal.passed)
        threads = [threading.Thread(target=worker.run, args=(cases, tally)) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        process.stop_all()
    print(f"{tally.tried} tried, {tally.missed} of them not called, {tally.failed} failed",
          flush=True)
    return 1 if tally.failed else 0


def main():
    parser = argparse.ArgumentParser(description="Lets every call of fxnode fail once.")
    parser.add_argument("--program", default=os.environ.get(PROGRAM, "fxnode"))
    parser.add_argument("--keep", action="store_true", help="leave the working directory")
    parser.add_argument("--jobs", type=int, default=4, help="so many at the same time")
    parser.add_argument("--verbose", action="store_true", help="tell of each one")
    parser.add_argument("--sample", type=int, help="only so many, drawn, and DURABLE, FOUND")
    parser.add_argument("--journal", help="a file of what is done, to go on another time")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("places", nargs="*", metavar="KIND[:SIDE[:ROLE[:CALL[:N[:ERROR]]]]]")
    arguments = parser.parse_args()
    os.environ[PROGRAM] = os.path.abspath(arguments.program)
    if isolate.inside():
        return run_inside(arguments)
    try:
        return isolate.run_outside([__file__, *sys.argv[1:]], arguments.keep)
    except Skip as skip:
        print(f"SKIPPED: {skip}")
        return isolate.SKIPPED


if __name__ == "__main__":
    sys.exit(main())
