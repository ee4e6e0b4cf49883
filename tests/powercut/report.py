#!/usr/bin/env python3
"""Adds up what runs of run.py have printed: tests/powercut/report.py FILE... prints one table, states and
what was lost of them by file system and by what was cut."""

import collections
import re
import sys

ROW = re.compile(r"^\| (\w+) \| (\w+) \| (\d+) \| (\d+) \|$")
SIDES = ("receiver", "sender", "both", "recovery", "live")


def add_up(paths):
    tried, lost = collections.Counter(), collections.Counter()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for row in filter(None, map(ROW.match, file)):
                tried[row[1], row[2]] += int(row[3])
                lost[row[1], row[2]] += int(row[4])
    return tried, lost


def main():
    tried, lost = add_up(sys.argv[1:])
    print(f"| | {' | '.join(SIDES)} | lost |")
    print(f"|---|{'---|' * len(SIDES)}---|")
    for kind in sorted({kind for kind, _ in tried}):
        cells = [str(tried[kind, side]) for side in SIDES]
        print(f"| {kind} | {' | '.join(cells)} | {sum(lost[kind, side] for side in SIDES)} |")
    print(f"\n{sum(tried.values())} states, {sum(lost.values())} lost")


if __name__ == "__main__":
    main()
