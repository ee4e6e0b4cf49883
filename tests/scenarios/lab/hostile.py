"""Peers that misbehave on command (tests/peer), on a host of the laboratory. Their `out` says what
they met; `wait()` is 0 where they got to the end of their steps."""

import os
import sys

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peer")


def call(host, node, *steps, **options):
    """One that calls a node."""
    return _start("hostile", host, node.at, steps, options)


def answer(host, port, *steps, **options):
    """One that waits on a port of `host` for a node to call."""
    return _start("hostile", host, f":{port}", steps, options)


def guess(host, node, *steps, **options):
    """One that calls a node that shows a code for pairing."""
    return _start("pairing", host, node.at, steps, options)


def show(host, port, *steps, **options):
    """One that waits for a node whose user types a code; it has begun to when this returns."""
    peer = _start("pairing", host, f":{port}", steps, options)
    peer.wait_line("^id ", lines=peer.out)
    return peer


def _start(program, host, address, steps, options):
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return host.start([sys.executable, "-S", "-B", os.path.join(PEERS, f"{program}.py"), *words, address,
                       *steps], name=f"{program}-{host.name}", typed=True)
