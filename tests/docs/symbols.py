#!/usr/bin/env python3
"""No two libraries of the program export the same name: the linker would take one of them for both
without a word where they come from archives.

    tests/docs/symbols.py NM LIBRARY..."""

import os
import subprocess
import sys


def exported(nm, library):
    done = subprocess.run([nm, "--defined-only", "--extern-only", "--format=posix", library],
                          check=True, capture_output=True, text=True)
    return {line.split()[0] for line in done.stdout.splitlines()
            if len(line.split()) >= 2 and line.split()[1] in "TDBRC"}


def main():
    nm, *libraries = sys.argv[1:]
    owner, faults = {}, []
    for library in libraries:
        for name in sorted(exported(nm, library)):
            if name in owner:
                faults.append(f"{name}: in {owner[name]} and {os.path.basename(library)}")
            owner[name] = os.path.basename(library)
    print("\n".join(faults) or f"{len(owner)} names in {len(libraries)} libraries, each once")
    return 1 if faults or not owner else 0


if __name__ == "__main__":
    sys.exit(main())
