#!/usr/bin/env python3
"""Runs one scenario, or a whole file of them:

    tests/scenarios/run.py --program build/dev/node/fxnode [--keep] FILE [SCENARIO...]
    tests/scenarios/run.py --list FILE

FILE is the name of a Python file in this directory, or in --directory, without its ending; its scenarios are the
functions that take the laboratory as their only argument and have a line that describes them. Exit
status: 0 all passed, 77 skipped with the reason, else failed."""

import argparse
import importlib
import inspect
import os
import sys
import time
import traceback

sys.dont_write_bytecode = True

from lab import Failure, Skip, isolate, process  # noqa: E402
from lab.laboratory import Laboratory  # noqa: E402
from lab.node import PROGRAM  # noqa: E402


def scenarios_of(file):
    module = importlib.import_module(file)
    return {name: function for name, function in inspect.getmembers(module, inspect.isfunction)
            if function.__module__ == file and not name.startswith("_")
            and list(inspect.signature(function).parameters) == ["lab"]}


def _import_from(directory):
    """What is in another directory may use what is here, and the other way round it may not."""
    directory = os.path.abspath(directory)
    if directory not in map(os.path.abspath, sys.path):
        sys.path.append(directory)
    return directory


def run_inside(function):
    isolate.prepare_inside()
    laboratory = Laboratory(isolate.work_directory())
    try:
        function(laboratory)
        laboratory.close()
    except Failure as failure:
        print(f"FAILED: {failure}\n{process.said_by_all()}")
        return 1
    except Skip as skip:
        print(f"SKIPPED: {skip}")
        return isolate.SKIPPED
    except Exception:
        traceback.print_exc(file=sys.stdout)
        print(process.said_by_all())
        return 1
    finally:
        process.stop_all()
    return 0


def run_outside(arguments, names):
    """Each scenario in namespaces of its own; the worst status of all."""
    worst = 0
    for name in names:
        began = time.monotonic()
        try:
            status = isolate.run_outside(
                [__file__, "--program", arguments.program, "--directory", arguments.directory,
                 arguments.file, name], arguments.keep)
        except Skip as skip:
            print(f"SKIPPED: {skip}")
            status = isolate.SKIPPED
        word = {0: "passed", isolate.SKIPPED: "skipped"}.get(status, "FAILED")
        print(f"{word}: {arguments.file}/{name} ({time.monotonic() - began:.1f} s)", flush=True)
        if status == 130:
            return status
        if status not in (0, isolate.SKIPPED) or worst == 0:
            worst = status
    return worst


def main():
    parser = argparse.ArgumentParser(description="Runs scenarios of fxnode on a LAN of namespaces.")
    parser.add_argument("--program", default=os.environ.get(PROGRAM, "fxnode"))
    parser.add_argument("--directory", default=os.path.dirname(__file__), help="where FILE is")
    parser.add_argument("--keep", action="store_true", help="leave the working directory")
    parser.add_argument("--list", action="store_true", help="only name the scenarios")
    parser.add_argument("file")
    parser.add_argument("scenario", nargs="*")
    arguments = parser.parse_args()
    arguments.directory = _import_from(arguments.directory)
    scenarios = scenarios_of(arguments.file)
    names = arguments.scenario or list(scenarios)
    unknown = [name for name in names if name not in scenarios]
    if unknown:
        parser.error(f"{arguments.file} has no scenario {unknown[0]!r}")
    if arguments.list:
        print("\n".join(names))
        return 0
    arguments.program = os.path.abspath(arguments.program)
    os.environ[PROGRAM] = arguments.program
    if isolate.inside():
        return run_inside(scenarios[names[0]])
    return run_outside(arguments, names)


if __name__ == "__main__":
    sys.exit(main())
