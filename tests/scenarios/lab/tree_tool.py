"""Trees for tests that are not written in Python:

    python3 -m lab.tree_tool make DIRECTORY SEED [readable]
    python3 -m lab.tree_tool check DIRECTORY COPY

The first makes a tree, see tree.py; the second removes two that are the same, or says how they
differ, with status 1."""

import sys

from .errors import Failure
from .isolate import remove
from .tree import make
from .tree_compare import compare_trees


def _check(source, copy):
    try:
        compare_trees(source, copy)
    except Failure as failure:
        print(failure)
        return 1
    remove(source)
    remove(copy)
    return 0


def main(kind, directory, other, *options):
    if kind == "check":
        return _check(directory, other)
    make(directory, int(other), readable="readable" in options)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
