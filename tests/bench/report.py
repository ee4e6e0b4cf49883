#!/usr/bin/env python3
"""Shows what run.py has measured:

    tests/bench/report.py [--readme README.md] [--chart FILE.svg] RESULTS.tsv

prints the table of the README, or puts it there; --chart draws its picture, with gnuplot."""

import argparse
import os
import statistics
import subprocess
import sys
import textwrap

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))

from cases import CASES, LINE  # noqa: E402
from lab.data import MIB  # noqa: E402
from results import Results, cpu, wall  # noqa: E402

FXNODE, LIMIT, PLAIN = "fxnode", "limit", "plain TCP"
SHARE = {FXNODE: LIMIT, "fxnode by libsodium": "limit by libsodium"}


def spread(values, form):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:{form}} ({low:{form}}-{high:{form}})"


def _headline(case, place, size):
    link = f", {case.link.title}" if case.link else ""
    return f"{case.title.format(size=size)}{link}, on {place}"


def show(case, place, found):
    """Prints one case with everything that is known of it."""
    size = next(iter(found.values()))[0].size
    base = wall(found.get(FXNODE) or next(iter(found.values())))
    print(f"\n{_headline(case, place, size)}: median (least-greatest)\n"
          f"{'':26}{'wall s':>24}{'ratio':>8}{'CPU s, both ends':>24}{'peak MiB':>10}"
          f"{'rest of machine':>20}")
    for name, runs in found.items():
        print(f"{name:26}{spread([run.wall for run in runs], '.3f'):>24}{wall(runs) / base:>8.2f}"
              f"{spread([run.cpu for run in runs], '.2f'):>24}"
              f"{max(run.peak for run in runs) / MIB:>10.1f}"
              f"{spread([run.rest for run in runs], '.1f'):>20}")
    for line in _shares(case, place, size, found):
        print(line)


def _shares(case, place, size, found):
    synced = "" if place == "tmpfs" else " with a sync after it"
    for name, limit in SHARE.items():
        if name in found and limit in found:
            yield f"{name}: {wall(found[limit]) / wall(found[name]):.1%} of the {limit}{synced}"
    if case.link is None:
        return
    for name, runs in found.items():
        line = f"{name}: {size * MIB / wall(runs) / LINE:.1%} of the line"
        if name != PLAIN and PLAIN in found:
            line += f", {wall(found[PLAIN]) / wall(runs):.1%} of {PLAIN}"
        yield line


def _amount(mib):
    return f"{mib // 1024} GiB" if mib % 1024 == 0 else f"{mib} MiB"


def _column(case, place, size):
    head = case.column.format(size=_amount(size))
    return head if case.link else f"{head}, {place}"


def markdown(results):
    """A line for each contender, a column for each case: median seconds of wall time, for one large
    file also those of processors."""
    groups = [(CASES[name], results.of(name, place)) for name, place in results.groups()]
    heads = [_column(case, *next((runs[0].place, runs[0].size) for runs in found.values()))
             for case, found in groups]
    yield "| | " + " | ".join(heads) + " |"
    yield "|---" * (len(groups) + 1) + "|"
    for name in dict.fromkeys(run.contender for run in results.runs):
        cells = [_cell(case, found[name]) if name in found else "" for case, found in groups]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _caption(results):
    """Where and how that was measured, as run.py noted it, in lines that are not too long."""
    rounds = 1 + max(run.round for run in results.runs)
    text = f"Median of {rounds} on this machine: " + "; ".join(results.notes) + "."
    return textwrap.wrap(text, 99)


def _cell(case, runs):
    seconds = wall(runs)
    text = f"{seconds:.{3 if seconds < 0.1 else 2 if seconds < 10 else 1}f}"
    return f"{text} ({cpu(runs):.1f} CPU)" if case.name == "file" else text


_SCRIPT = """
set terminal svg size 720,{height} font "sans-serif,13" background "white"
set output "{path}"
set title "{title}"
set style fill solid 0.9 noborder
set xrange [0:*]
set yrange [-0.7:{top}]
set xlabel "GB/s (more is better)"
set grid xtics
set key {key}
set ytics out nomirror ({labels})
set boxwidth 0.5
plot {plots}
"""
COLOURS = ("#2b6ca3", "#d98324", "#6aa84f")


def _chart_script(results, path, case="file"):
    """Bars of one case: for each contender one for each place."""
    places = [place for name, place in results.groups() if name == case]
    found = {place: results.of(case, place) for place in places}
    first = found[places[0]]
    names = sorted(first, key=lambda name: wall(first[name]), reverse=True)
    thick = 0.8 / len(places)
    blocks, plots = [], []
    for index, place in enumerate(places):
        rows = [(height - index * thick + 0.4 - thick / 2, run[0].size * MIB / wall(run) / 1e9)
                for height, run in ((names.index(name), runs)
                                    for name, runs in found[place].items() if name in names)]
        blocks.append(f"$place{index} << EOD\n" + "".join(
            f"{height:.3f} {speed:.3f}\n" for height, speed in rows) + "EOD\n")
        plots.append(f'$place{index} using (0):1:(0):2:($1-{thick / 2:.3f}):($1+{thick / 2:.3f}) '
                     f'with boxxyerror lc rgb "{COLOURS[index]}" title "{place}"')
    size = first[names[0]][0].size
    return "".join(blocks) + _SCRIPT.format(
        height=110 + 34 * len(names), path=path, top=len(names) - 0.3,
        title=f"One file of {_amount(size)} over loopback",
        key="bottom right" if len(places) > 1 else "off",
        labels=", ".join(f'"{name}" {height}' for height, name in enumerate(names)),
        plots=", ".join(plots))


def chart(results, path):
    """Draws it; False where gnuplot is not installed."""
    try:
        subprocess.run(["gnuplot"], input=_chart_script(results, path), text=True, check=True)
    except FileNotFoundError:
        return False
    return True


BEGIN, END = "<!-- tests/bench/report.py --readme -->", "<!-- end -->"


def put_into(path, lines):
    """Replaces what is between the two marks in a file."""
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    after = rest.split(END, 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join((before + BEGIN, *lines, END + after)))


def main():
    parser = argparse.ArgumentParser(description="Shows what tests/bench/run.py has measured.")
    parser.add_argument("--readme", metavar="FILE.md")
    parser.add_argument("--chart", metavar="FILE.svg")
    parser.add_argument("results", metavar="RESULTS.tsv")
    arguments = parser.parse_args()
    results = Results(arguments.results)
    if arguments.chart and not chart(results, arguments.chart):
        sys.exit("gnuplot is not installed")
    lines = [*markdown(results), "", *_caption(results)]
    if arguments.readme:
        put_into(arguments.readme, lines)
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
