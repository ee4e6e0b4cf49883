"""Peers that misbehave on command (tests/peer/hostile.py), on a host of the laboratory."""

import os
import sys

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peer/hostile.py")


def call(host, node, *steps, **options):
    """A hostile peer on `host` that calls a node. Its `out` says what it met; `wait()` is 0 where it
    got to the end of its steps."""
    return _start(host, f"{node.host.address}:{node.port}", steps, options)


def answer(host, port, *steps, **options):
    """One that waits on a port of `host` for a node to call."""
    return _start(host, f":{port}", steps, options)


def _start(host, address, steps, options):
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return host.start([sys.executable, "-B", PROGRAM, *words, address, *steps],
                      name=f"hostile-{host.name}")
