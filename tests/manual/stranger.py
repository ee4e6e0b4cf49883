#!/usr/bin/env python3
"""Another program that speaks the protocol, written from fxnode-protocol(7) and not from its code,
delivers to a real node and receives from one: fresh transfers, the same again, one that was cut
off, content that differs, and what must fail.

    tests/manual/stranger.py PROGRAM EXAMPLE

It says what the worked example of the manual says, with keys of its own."""

import os
import socket
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "peer"), os.path.join(HERE, "..", "scenarios")]

from lab import Failure, check, check_equal  # noqa: E402
from lab import process  # noqa: E402
from lab.network import Loopback  # noqa: E402
from lab.node import PROGRAM, Node  # noqa: E402
from opening import (Closed, node_id, open_as_initiator, open_as_responder,  # noqa: E402
                     read_exactly)
from primitives import BASE, x25519  # noqa: E402
from sealed import CONTROL, DATA, MESSAGE, Sealed, Unexpected  # noqa: E402
from second_opinion import read_example  # noqa: E402

EXACT = b"\x20\x01"  # of Delivered
ID_AT = 4  # where the 16 bytes of transfer_id stand in the Offer of the example
AGAIN = bytes.fromhex("42040a021001")  # the unit of the example
NOTHING = bytes.fromhex("99aa06d3014798d86001c324468d497f")  # the hash of no bytes
ASKED = bytes.fromhex("12020804")
BUSY = bytes.fromhex("0803")
OFFERS_OF_ADDRESS = 4
PATIENCE = 30


def _stranger(node, connection, opened):
    check_equal(node_id(opened.peer), node.id.replace("-", ""), "the key of the node")
    return Sealed(connection, opened)


def call(node, secret):
    connection = socket.create_connection(("127.0.0.1", node.port), PATIENCE)
    return _stranger(node, connection, open_as_initiator(connection, secret, b"stranger"))


def answer(node, listening, secret):
    connection, _ = listening.accept()
    connection.settimeout(PATIENCE)
    return _stranger(node, connection, open_as_responder(connection, secret))


def offer_of(example, transfer):
    offer = example["Offer"]
    return offer[:ID_AT] + transfer + offer[ID_AT + 16:]


def deliver(stranger, example, names):
    """From Confirm on; `names` are those that things arrive under."""
    stranger.say(example["Confirm"])
    stranger.say(example["Sent"])
    delivered = b"".join(b"\x0a" + bytes((len(name),)) + name for name in names) + EXACT
    stranger.expect(b"\x52" + bytes((len(delivered),)) + delivered, "Delivered")
    stranger.say(example["Finish"])
    stranger.end()


def send_until_durable(stranger, example, transfer):
    stranger.say(offer_of(example, transfer))
    stranger.expect(example["Verdict"], "Verdict")
    stranger.say(example["Manifest"])
    stranger.expect(example["Holding"], "Holding")
    stranger.say(example["data"], DATA)
    stranger.expect(example["Durable"], "Durable")


def check_arrived(node, name):
    directory, file = node.received(name), node.received(f"{name}/a")
    with open(file, "rb") as content:
        check_equal(content.read(), b"hello\n", "the content")
    check_equal(os.stat(directory).st_mode & 0o7777, 0o755, "the mode of the directory")
    check_equal(os.stat(file).st_mode & 0o7777, 0o640, "the mode of the file")
    check_equal(os.stat(file).st_mtime_ns, 1700000001500000000, "the time of the file")
    check_equal(os.stat(directory).st_mtime_ns, 1700000000000000000, "the time of the directory")


def fresh_and_again(node, secret, example):
    transfer = os.urandom(16)
    stranger = call(node, secret)
    send_until_durable(stranger, example, transfer)
    deliver(stranger, example, [b"d"])
    check_arrived(node, "d")
    stranger = call(node, secret)
    stranger.say(offer_of(example, transfer))
    stranger.expect(bytes.fromhex("120908052a050a01642001"), "the verdict DELIVERED with the name")
    stranger.say(example["Finish"])
    stranger.end()
    node.check_listed("d")


def cut_off(node, secret, example):
    transfer = os.urandom(16)
    stranger = call(node, secret)
    send_until_durable(stranger, example, transfer)
    stranger.connection.close()
    stranger = call(node, secret)
    stranger.say(offer_of(example, transfer))
    stranger.expect(bytes.fromhex("1206080118012001"), "ACCEPT with the manifest held")
    stranger.expect(bytes.fromhex("22060a0210011001"), "Holding of the unit")
    deliver(stranger, example, [b"d (2)"])
    check_arrived(node, "d (2)")


def out_of_turn(node, secret, example):
    """Data before the verdict is answered by Stop with ERROR, and the transfer is over."""
    stranger = call(node, secret)
    stranger.say(example["data"], DATA)
    tag, plain = stranger.hear()
    check(tag == MESSAGE and plain[:2] == b"\x01\x62" and plain[3:5] == b"\x08\x04",
          f"no Stop with ERROR: {plain!r}")
    stranger.end()


def verdict_on_new(node, example):
    """The answer to one more offer of somebody who was never here and does not stay."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            stranger = call(node, os.urandom(32))
            stranger.say(offer_of(example, os.urandom(16)))
            verdict = stranger.hear()[1]
            stranger.connection.close()
            return verdict
        except (Closed, ConnectionError):  # the sessions before have not ended
            check(time.monotonic() < deadline, "the node takes no more connections")


def too_many_offers(node, example):
    """Keys cost nothing: what is counted is where they come from, also after they went."""
    for number in range(OFFERS_OF_ADDRESS):
        check_equal(verdict_on_new(node, example), bytes((CONTROL,)) + ASKED, f"offer {number}")
    verdict = verdict_on_new(node, example)
    check_equal(verdict[3:5], BUSY, "the answer to one offer too many")
    check_equal(len(node.transfers()), OFFERS_OF_ADDRESS, "offers that wait")


def another_version(node):
    with socket.create_connection(("127.0.0.1", node.port), PATIENCE) as connection:
        connection.sendall(b"FXNODE\0" + bytes((9, 1, 0, 0)))
        check_equal(read_exactly(connection, 9), b"FXNODE\0\1\1", "the versions that are known")
        check_equal(connection.recv(1), b"", "what follows the versions")


def make_source(directory):
    """The tree of the example."""
    os.mkdir(directory)
    with open(f"{directory}/a", "wb") as file:
        file.write(b"hello\n")
    os.chmod(f"{directory}/a", 0o640)
    os.utime(f"{directory}/a", ns=(0, 1700000001500000000))
    os.chmod(directory, 0o755)
    os.utime(directory, ns=(0, 1700000000000000000))


def take_content(stranger, example):
    """The file, and Confirm of it; that of the directory comes with it, before, or came before."""
    directory = b"\x32\x14\x10\x01\x1a\x10" + NOTHING
    file = b"\x32\x16\x08\x01\x10\x01\x1a\x10" + example["digest"]
    heard = []
    while heard[-1:] != [bytes((CONTROL,)) + example["Sent"]]:
        tag, plain = stranger.hear()
        check_equal(tag, MESSAGE, "the tag of a record")
        heard.append(plain)
        if plain[0] == DATA:
            stranger.say(example["Durable"])
    controls = [plain[1:] for plain in heard if plain[0] == CONTROL]
    check_equal([plain[1:] for plain in heard if plain[0] == DATA], [example["data"]], "data")
    check(set(controls) <= {directory, file, example["Confirm"], example["Sent"]}
          and {file, example["Confirm"]} & set(controls), f"strange Confirm: {controls}")


def receive(node, secret, example, directory):
    """As the receiver, which says once that the content is not what was confirmed."""
    make_source(f"{directory}/d")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        command = node.command("send", f"127.0.0.1:{listening.getsockname()[1]}", f"{directory}/d")
        stranger = answer(node, listening, secret)
    tag, plain = stranger.hear()
    check_equal((tag, plain[1:]), (MESSAGE, offer_of(example, plain[1 + ID_AT:][:16])), "Offer")
    stranger.say(example["Verdict"])
    stranger.expect(example["Manifest"], "Manifest")
    stranger.say(example["Holding"])
    take_content(stranger, example)
    stranger.say(AGAIN)
    take_content(stranger, example)
    stranger.say(example["Delivered"])
    stranger.expect(example["Finish"], "Finish")
    stranger.end()
    check_equal(command.wait(), 0, f"the status of fxnode send\n{command.said()}")
    check(any(node_id(x25519(secret, BASE))[:8] in line for line in command.out + command.err),
          f"the stranger's id is not named\n{command.said()}")


def start(directory, name, **config):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Node(Loopback(name, os.path.join(directory, "run-" + name)), directory,
                config={"discovery": "off", "listen": f"127.0.0.1:{port}", **config}).start()


def main():
    os.environ[PROGRAM] = os.path.abspath(sys.argv[1])
    example = read_example(sys.argv[2])
    secret = os.urandom(32)
    with tempfile.TemporaryDirectory(prefix="fxnode-stranger-") as directory:
        try:
            node = start(directory, "attic")
            fresh_and_again(node, secret, example)
            cut_off(node, secret, example)
            out_of_turn(node, secret, example)
            another_version(node)
            receive(node, secret, example, directory)
            node.stop()
            asking = start(directory, "cellar", accept="ask")
            too_many_offers(asking, example)
            asking.stop()
        except (Failure, Closed, Unexpected, OSError) as failure:
            print(f"FAILED: {failure!r}\n{process.said_by_all()}")
            return 1
        finally:
            process.stop_all()
    print("sent, sent before, went on after a cut, received, was told what it did wrong, "
          "and could not fill the list of offers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
