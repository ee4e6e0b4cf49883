#!/usr/bin/env python3
"""Runs what takes too long, or too much room, for every day; without a NAME it lists them:

    tests/long/run.py --program build/release/node/fxnode [--keep] [NAME...]

FXNODE_LAB_DIR says where the data goes. Each is a scenario of tests/scenarios, whose short form runs
with all other tests, on a larger scale, and prints what it measured."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SCENARIOS = os.path.join(HERE, "..", "scenarios", "run.py")


def main():
    words = sys.argv[1:]
    where = ["--directory", HERE]
    names = [word for number, word in enumerate(words) if not word.startswith("-")
             and words[number - 1:number] != ["--program"]]
    options = [word for word in words if word not in names]
    if not names and "-h" not in words and "--help" not in words:
        options.append("--list")
    os.execv(sys.executable, [sys.executable, "-B", SCENARIOS, *where, *options, "long", *names])


if __name__ == "__main__":
    main()
