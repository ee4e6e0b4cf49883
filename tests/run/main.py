#!/usr/bin/env python3
"""Every test of the project: `./setup.sh test` runs this.

    tests/run/main.py [--jobs N] [STEP...]

Builds in several ways, runs CTest in each and the checks of style and documents. Prints what each
step does, then the failures and the skips with their reasons, and ends with a line
`N passed, N failed, N skipped`. Exit status 0 only where nothing failed."""

import argparse
import os
import resource
import sys
import time

sys.dont_write_bytecode = True

import builds  # noqa: E402
import style  # noqa: E402
from results import Results  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

STEPS = {
    "dev": builds.dev,
    "plain": builds.plain,
    "asan": builds.asan,
    "tsan": builds.tsan,
    "install": builds.install,
    "format": style.format_check,
    "tidy": style.clang_tidy,
    "cppcheck": style.cppcheck,
    "scripts": style.scripts,
}


def _processor_seconds():
    """What everything that was run and has ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description="Runs every test of fxnode.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("step", nargs="*", help=f"of {', '.join(STEPS)}; all of them by default")
    arguments = parser.parse_args()
    for step in arguments.step:
        if step not in STEPS:
            parser.error(f"no step {step!r}")
    os.chdir(TOP)
    results = Results(arguments.jobs)
    for name in arguments.step or STEPS:
        print(f"== {name}", flush=True)
        began, worked = time.monotonic(), _processor_seconds()
        STEPS[name](results)
        print(f"   {time.monotonic() - began:.0f} s, {_processor_seconds() - worked:.0f} s of "
              "processors", flush=True)
    return results.conclude()


if __name__ == "__main__":
    sys.exit(main())
