#!/usr/bin/env python3
"""The manual pages are sound: mandoc has nothing to say about them, not even about style, and what
they quote is what stands in the file that is quoted.

    tests/manual/pages.py SOURCE_DIRECTORY

A quotation is a comment `.\\" Quotes the end of FILE` before a literal block. Where there is no
mandoc only the quotations are checked."""

import glob
import os
import re
import shutil
import subprocess
import sys

# Whether a page that is referred to is installed, and mandoc has heard of it, says nothing about ours.
ELSEWHERE = "referenced manual not found"
STALE = "outdated mandoc.db"
QUOTATION = re.compile(r'^\.\\" Quotes the end of (\S+)\n\.Bd -literal\n(.*?)^\.Ed$', re.M | re.S)
LEAST = 1000  # bytes of a quotation: less would hold anywhere


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def lint(page):
    done = subprocess.run(["mandoc", "-Tlint", "-Wstyle", page], capture_output=True, text=True)
    return [line for line in (done.stdout + done.stderr).splitlines()
            if ELSEWHERE not in line and STALE not in line]


def quotations(page, top):
    """[(quoted file, fault or None)]"""
    found = []
    for path, text in QUOTATION.findall(read(page)):
        holds = len(text) >= LEAST and read(os.path.join(top, path)).endswith(text)
        found.append((path, None if holds else f"{page}: differs from {path}"))
    return found


def main():
    top = sys.argv[1]
    pages = sorted(glob.glob(f"{top}/man/*.[1-8]"))
    quoted = [row for page in pages for row in quotations(page, top)]
    faults = [fault for _, fault in quoted if fault]
    wanted = {"proto/transfer.proto", "tests/vectors/protocol-example.txt",
              "tests/vectors/pairing-example.txt"}
    faults += [f"{path}: quoted nowhere" for path in sorted(wanted - {path for path, _ in quoted})]
    if shutil.which("mandoc"):
        faults += [line for page in pages for line in lint(page)]
    else:
        print("there is no mandoc: pages were not linted")
    print("\n".join(faults) or f"{len(pages)} pages and {len(quoted)} quotations are sound")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
