#!/usr/bin/env python3
"""Shows the main job for real: two nodes that share nothing but a network find each other by mDNS,
one sends a file, it arrives whole. Runs in network namespaces; where the system forbids those, over
loopback with two state directories and host:port. Exit status 0 only where the file arrived."""

import argparse
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True

from lab import Failure, Skip, check, isolate, process  # noqa: E402
from lab.data import MIB, digest, make_file  # noqa: E402
from lab.laboratory import Laboratory  # noqa: E402
from lab.network import Loopback  # noqa: E402
from lab.node import PROGRAM, READY, Node  # noqa: E402

SIZE = 64 * MIB


def say(text=""):
    print(text, flush=True)


def run_command(node, *arguments):
    """Runs a command in view of the reader, as one would type it."""
    say(f"\n{node.name}$ fxnode {' '.join(arguments)}")
    command = node.run(*arguments)
    for line in command.out + command.err:
        say(f"    {line}")
    return command


def start_in_view(node):
    say(f"{node.name}$ fxnode daemon &")
    say(f"    {node.start().daemon.wait_line(READY)[0]}")


def send_and_compare(anna, bert, peer, directory):
    source = make_file(os.path.join(directory, "holiday.tar"), SIZE, seed=7)
    run_command(anna, "send", peer, source)
    arrived = bert.received("holiday.tar")
    sums = digest(source), digest(arrived)
    say(f"\n{sums[0]}  sent by anna ({SIZE // MIB} MiB)\n{sums[1]}  received by bert")
    check(sums[0] == sums[1], "what arrived differs from what was sent")
    say("The same. Encrypted and authenticated all the way, and durable on bert's disk.")


def on_a_lan(directory):
    say("Two hosts on a LAN of network namespaces: 10.77.0.1 (anna) and 10.77.0.2 (bert).")
    laboratory = Laboratory(directory)
    lan = laboratory.lan(2)
    anna, bert = (laboratory.node(host, start=False, name=name)
                  for host, name in zip(lan.hosts, ("anna", "bert")))
    for node in (anna, bert):
        start_in_view(node)
    watch = anna.command("peers", "--watch", "--json")
    watch.wait_event(lambda event: event.get("name") == "bert", "bert is seen")
    watch.stop()
    run_command(anna, "peers")
    send_and_compare(anna, bert, "bert", directory)
    laboratory.close()


def on_loopback(directory, why):
    say(f"No network namespaces here ({why}).\n"
        "So: two nodes on loopback, named by host:port, without discovery.")
    nodes = []
    for name in ("anna", "bert"):
        host = Loopback(name, os.path.join(directory, f"run-{name}"))
        node = Node(host, directory, name=name,
                    config={"discovery": "off", "listen": host.listen})
        start_in_view(node)
        nodes.append(node)
    send_and_compare(*nodes, nodes[1].at, directory)
    for node in nodes:
        node.stop()


def shown(function, *arguments):
    """Runs one form of the demonstration; its exit status."""
    try:
        function(*arguments)
    except Failure as failure:
        say(f"\nThe demonstration failed: {failure}\n{process.said_by_all()}")
        return 1
    finally:
        process.stop_all()
    return 0


def main():
    parser = argparse.ArgumentParser(description="Two nodes find each other; one sends a file.")
    parser.add_argument("--program", required=True)
    parser.add_argument("--loopback", action="store_true", help="without namespaces")
    arguments = parser.parse_args()
    os.environ[PROGRAM] = os.path.abspath(arguments.program)
    if isolate.inside():
        isolate.prepare_inside()
        return shown(on_a_lan, isolate.work_directory())
    try:
        if arguments.loopback:
            raise Skip("as asked")
        return isolate.run_outside([__file__, *sys.argv[1:]], keep=False)
    except Skip as skip:
        directory = tempfile.mkdtemp(prefix="fxnode-demo-")
        try:
            return shown(on_loopback, directory, skip)
        finally:
            shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
