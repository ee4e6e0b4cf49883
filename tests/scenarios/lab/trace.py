"""Programs of which one system call goes wrong (tests/faults/trace.c)."""

import os

from .errors import Failure, Skip
from .node import PROGRAM
from .process import run

TRACER = "FXNODE_FAULT_TRACE"


def tracer():
    """Beside the program in the build, or what FXNODE_FAULT_TRACE says."""
    build = os.path.dirname(os.path.dirname(os.path.abspath(os.environ[PROGRAM])))
    return os.environ.get(TRACER) or os.path.join(build, "tests/faults/fault-trace")


def probe():
    """Skips where programs cannot be traced."""
    try:
        run([tracer(), "true"])
    except Failure as failure:
        raise Skip(f"probe: ptrace: {failure}") from failure


def struck(process, call, n, action="kill"):
    """For Node.through: the `n`th `call` of a process ("session.1") of the node goes wrong."""
    probe()
    return [tracer(), "-a", f"{process}:{call}:{n}", "-d", action]
