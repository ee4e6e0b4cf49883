#!/usr/bin/env python3
"""run_works.py FXNODE: run.py measures a file over loopback and one over a bad link, beside the
limit, and report.py can read what it keeps. Its figures mean nothing here."""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
PLAN = {"file": ("fxnode", "limit", "plain TCP"), "lossy": ("fxnode", "plain TCP")}


def run(script, *arguments):
    done = subprocess.run([sys.executable, "-B", f"{HERE}/{script}", *arguments], check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{script}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main():
    with tempfile.TemporaryDirectory() as directory:
        kept = os.path.join(directory, "kept.tsv")
        said = run("run.py", "--program", sys.argv[1], "--rounds", "1", "--size", "4",
                   "--directory", directory, "--tsv", kept, "--only=fxnode",
                   "--only=limit", "--only=plain TCP", *PLAN)
        with open(kept, encoding="utf-8") as file:
            rows = [line.split("\t") for line in file if not line.startswith("#")][1:]
        measured = {(row[0], row[3]) for row in rows if float(row[5]) > 0}
        plan = {name: PLAN[name] for name in PLAN if f"without {name}" not in said}
        wanted = {(case, name) for case, names in plan.items() for name in names}
        if measured != wanted:
            sys.exit(f"measured {measured} instead of {wanted}\n{said}")
        if "of the limit" not in said or "| fxnode |" not in run("report.py", kept):
            sys.exit(f"the report lacks something\n{said}")


if __name__ == "__main__":
    main()
