#!/usr/bin/env python3
"""A peer that misbehaves on command: it speaks the protocol of fxnode-protocol(7) and does what the
steps say, one after the other.

    tests/peer/hostile.py [OPTION...] HOST:PORT STEP...    calls a node and offers it a file
    tests/peer/hostile.py [OPTION...] :PORT STEP...        waits for a node that calls

Each line on standard output is something that happened: `heard` and what the node said (its
verdict, or the name of a message), `closed` when it has hung up.

Steps of one that calls:
    ask             makes an honest offer, on one connection after the other as long as the node
                    closes them without a word (which means "later"), and hears the verdict
    offer[=LIE]     offers: fewer bytes than the manifest has (`bytes`), a shorter manifest
                    (`length`), another name (`name`), one file of two (`entries`)
    manifest[=LIE]  sends the manifest; or `another` of the same length, or one with `more` in it
    data[=LIE]      sends the content; or one byte `more`, or that of an entry `outside`
    same, stranger  connects again, with the same key or with another
Steps of both:
    until=WORD      hears messages until one begins with WORD
    closed          hears whatever comes until the node has hung up"""

import argparse
import os
import socket
import sys
import time

sys.dont_write_bytecode = True

from messages import Gift, control, describe, piece  # noqa: E402
from opening import Closed, node_id, open_as_initiator, open_as_responder  # noqa: E402
from primitives import BASE, x25519  # noqa: E402
from sealed import CONTROL, DATA, FINAL, Sealed  # noqa: E402

PATIENCE = 60
LATER = 0.05  # seconds to a new try where the node closed the connection without a word
TROJAN = b"trojan"


def say(*words):
    print(*words, flush=True)


class Hostile:
    def __init__(self, arguments):
        host, _, port = arguments.address.rpartition(":")
        self.address = (host, int(port))
        self.listening = None if host else socket.create_server(self.address)
        self.secret = bytes.fromhex(arguments.key) if arguments.key else os.urandom(32)
        self.name = arguments.name.encode()
        self.file = arguments.file.encode()
        self.content = arguments.content.encode()
        self.transfer = bytes.fromhex(arguments.transfer) if arguments.transfer else None
        self.gift = None
        self.sealed = None
        say("id", node_id(x25519(self.secret, BASE)))

    def connect(self):
        if self.sealed is not None:
            self.sealed.connection.close()
        if self.listening is None:
            connection = socket.create_connection(self.address, PATIENCE)
            opened = open_as_initiator(connection, self.secret, self.name)
        else:
            connection, _ = self.listening.accept()
            connection.settimeout(PATIENCE)
            opened = open_as_responder(connection, self.secret)
        say("met", node_id(opened.peer))
        self.sealed = Sealed(connection, opened)

    def hear(self):
        """The next message but Ping, which is answered."""
        while True:
            tag, plain = self.sealed.hear()
            if tag == FINAL:
                heard = "FINAL"
            else:
                heard = describe(plain[1:]) if plain[0] == CONTROL else "data"
            if heard != "Ping":
                say("heard", heard)
                return heard
            self.sealed.say(control("Pong"))

    def ask(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.connect()
                self.offer()
                self.hear()
                return
            except (Closed, ConnectionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(LATER)

    def offer(self, lie=None):
        files = {self.file: self.content}
        if lie == "entries":
            files[TROJAN] = b"horse"
        self.gift = Gift(files, self.transfer or os.urandom(16))
        claims = self.gift.claims()
        lies = {None: {}, "bytes": {"bytes": claims["bytes"] - 1},
                "length": {"length": claims["length"] - 1}, "name": {"names": [b"harmless"]},
                "entries": {"entries": 1, "names": [self.file], "bytes": len(self.content)}}
        self.sealed.say(self.gift.offer(**lies[lie]))

    def manifest(self, lie=None):
        other = {None: self.gift.files, "another": {self.file[::-1]: self.content},
                 "more": {**self.gift.files, TROJAN: b"horse"}}
        self.sealed.say(control("Manifest", (1, Gift(other[lie], self.gift.transfer).batch())))

    def data(self, lie=None):
        content = self.content + b"!" if lie == "more" else self.content
        self.sealed.say(piece(1 if lie == "outside" else 0, content), DATA)

    def same(self):
        self.connect()

    def stranger(self):
        self.secret = os.urandom(32)
        self.connect()

    def until(self, word):
        while not self.hear().startswith(word):
            pass

    def closed(self):
        try:
            while True:
                self.hear()
        except (Closed, ConnectionError):
            say("closed")


STEPS = ("ask", "offer", "manifest", "data", "same", "stranger", "until", "closed")


def main():
    parser = argparse.ArgumentParser(description="A peer that misbehaves on command.")
    parser.add_argument("--key", help="secret key in hexadecimal; random without it")
    parser.add_argument("--name", default="hostile", help="what it calls itself")
    parser.add_argument("--file", default="gift")
    parser.add_argument("--content", default="hello\n")
    parser.add_argument("--transfer", help="id of what is offered; each time another without it")
    parser.add_argument("address")
    parser.add_argument("step", nargs="+")
    arguments = parser.parse_args()
    hostile = Hostile(arguments)
    if arguments.step[0] != "ask":
        hostile.connect()
    for step in arguments.step:
        name, _, value = step.partition("=")
        if name not in STEPS:
            parser.error(f"there is no step {name!r}")
        getattr(hostile, name)(*([value] if value else []))
    return 0


if __name__ == "__main__":
    sys.exit(main())
