#!/usr/bin/env python3
"""Whether --limit holds, and how transfers between two nodes on this machine share:

    tests/bench/sharing.py [--program build/release/node/fxnode] [--directory DIR] [--seconds 10]
                           [--size 1024] [RATE...]

For each RATE (default 1M 10M 100M 1G): one transfer that takes SECONDS at that rate, and two of
them at once, by what arrived and how long each took without its start, which is that of a file of
one byte. Then without a limit: two files of SIZE MiB at once, and a file of one byte beside them.
Where the machine cannot reach a rate, that says something about the machine."""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))

from lab import process  # noqa: E402
from lab.data import MIB, make_file  # noqa: E402
from lab.network import Loopback  # noqa: E402
from lab.node import PROGRAM, Node  # noqa: E402

UNITS = {"k": 10 ** 3, "M": 10 ** 6, "G": 10 ** 9}


class Pair:
    """A sender and a receiver; files are made of different bytes and go once."""

    def __init__(self, directory):
        self.directory = directory
        self.made = 0
        self.nodes = []
        for end in ("from", "to"):
            host = Loopback(end, os.path.join(directory, f"run-{end}"))
            config = {"discovery": "off", "listen": host.listen}
            self.nodes.append(Node(host, directory, name=end, config=config).start())

    def file(self, size):
        self.made += 1
        path = os.path.join(self.directory, f"file-{self.made}")
        make_file(path, size, seed=self.made)
        return path

    def run(self, sizes, *options):
        """Sends files of these sizes at once. [(seconds when each was delivered)]"""
        sender, receiver = self.nodes
        paths = [self.file(size) for size in sizes]
        began = time.monotonic()
        commands = [sender.command("send", *options, receiver.at, path) for path in paths]
        ends = [None] * len(commands)
        while None in ends:
            for i, command in enumerate(commands):
                if ends[i] is None and command.popen.poll() is not None:
                    ends[i] = time.monotonic() - began
            time.sleep(0.001)
        for command, path in zip(commands, paths):
            if command.wait() != 0:
                raise RuntimeError(command.said())
            os.unlink(path)
            os.unlink(receiver.received(os.path.basename(path)))
        return ends


def bytes_a_second(text):
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def show_limit(pair, text, seconds, start):
    rate = bytes_a_second(text)
    for count in (1, 2):
        ends = pair.run([rate * seconds] * count, "--limit", text)
        off = ", ".join(f"{100 * (seconds / (end - start) - 1):+.2f} %" for end in ends)
        print(f"--limit {text}, {count} at once, {seconds} s: {off}", flush=True)


def show_sharing(pair, size):
    ends = sorted(pair.run([size * MIB] * 2))
    # What the slower still lacked when the faster had all, of its own bytes: it went on alone, at
    # the speed of both.
    lacked = (ends[1] - ends[0]) / ends[1] * 2
    print(f"two of {size} MiB without a limit: {ends[0]:.2f} s and {ends[1]:.2f} s, "
          f"the faster got {1 / max(0.01, 1 - lacked):.2f} times as much meanwhile")
    ends = pair.run([2 * size * MIB, 1])
    print(f"a file of 1 byte beside one of {2 * size} MiB: {ends[1] * 1000:.0f} ms")


def main():
    parser = argparse.ArgumentParser(description="Limits, and how transfers share.")
    parser.add_argument("--program", default="build/release/node/fxnode")
    parser.add_argument("--directory", help="where to work (default: the temporary directory)")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("rate", nargs="*", default=["1M", "10M", "100M", "1G"])
    arguments = parser.parse_args()
    os.environ[PROGRAM] = os.path.abspath(arguments.program)
    directory = tempfile.mkdtemp(prefix="fxnode-sharing-", dir=arguments.directory)
    try:
        pair = Pair(directory)
        start = statistics.median(pair.run([1])[0] for _ in range(5))
        print(f"a file of 1 byte alone: {start * 1000:.0f} ms")
        for text in arguments.rate:
            show_limit(pair, text, arguments.seconds, start)
        show_sharing(pair, arguments.size)
    finally:
        process.stop_all()
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
