"""Checks that need no run of the program: form and static analysis."""

import glob
import json
import os
import subprocess

DATABASE = "build/asan/compile_commands.json"
FOLDERS = ("base", "proto", "store", "discovery", "files", "node", "tests")


def _sources(*endings):
    return sorted(path for folder in FOLDERS for ending in endings
                  for path in glob.glob(f"{folder}/**/*{ending}", recursive=True))


def format_check(results):
    results.command("format", ["clang-format", "--dry-run", "--Werror", *_sources(".c", ".h")])


def clang_tidy(results):
    """Over every C file of the program; .clang-tidy says what it looks for."""
    if not os.path.exists(DATABASE):
        subprocess.run(["cmake", "--preset", "asan", "-DCMAKE_C_COMPILER=clang"], check=False,
                       stdout=subprocess.DEVNULL)
    # What protoc-c generates has to be there; after the build it is.
    subprocess.run(["cmake", "--build", "build/asan", "--target", "fxnode_proto"], check=False,
                   stdout=subprocess.DEVNULL)
    with open(DATABASE, encoding="utf-8") as file:
        known = {os.path.relpath(entry["file"]) for entry in json.load(file)}
    files = [path for path in sorted(known) if not path.startswith(("build", "tests"))]
    # One file at a time: its analyzer forgets what a va_list is from the second file on.
    script = ('printf "%s\\0" "$@" | '
              'xargs -0 -n 1 -P "$0" clang-tidy -p build/asan --quiet 2>/dev/null')
    results.command("clang-tidy", ["sh", "-c", script, str(results.jobs), *files])


def cppcheck(results):
    results.command("cppcheck", [
        "cppcheck", "--quiet", "--std=c11", "--enable=warning,performance,portability",
        "--error-exitcode=1", "--inline-suppr", "--suppressions-list=tests/run/cppcheck.txt",
        "-D_GNU_SOURCE", "-DFXNODE_CRASH_POINTS", "-I.", "-j", str(results.jobs),
        *[path for path in _sources(".c") if not path.startswith("tests/")]])


def scripts(results):
    """What is run by its name can be: it says how in its first line and has the right."""
    for path in sorted(glob.glob("tests/**/*.py", recursive=True)):
        with open(path, "rb") as file:
            if (file.read(2) == b"#!") != os.access(path, os.X_OK):
                results.add(f"{path} has #! and may be executed, or neither", False)
    results.command("shellcheck", ["shellcheck", "setup.sh", ".ci/run",
                                   *sorted(glob.glob("tests/**/*.sh", recursive=True))])
