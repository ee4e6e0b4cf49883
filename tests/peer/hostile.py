#!/usr/bin/env python3
"""A peer that misbehaves on command: it speaks the protocol of fxnode-protocol(7) and does what the
steps say, one after the other.

    tests/peer/hostile.py [OPTION...] HOST:PORT STEP...    calls a node and offers it a file
    tests/peer/hostile.py [OPTION...] :PORT STEP...        waits for a node that calls

Steps are those of steps.py and:
    ask             makes an honest offer, on one connection after the other as long as the node
                    closes them without a word (which means "later"), and hears the verdict
    offer[=LIE]     offers: fewer bytes than the manifest has (`bytes`), a shorter manifest
                    (`length`), another name (`name`), one file of two (`entries`)
    manifest[=LIE]  sends the manifest; or `another` of the same length, or one with `more` in it
    data[=LIE]      sends the content; or one byte `more`, or that of an entry `outside`
    harm=KIND       on a connection of its own, offers a manifest that means harm (manifests.py),
                    sends it where the offer was accepted, and hears the rest
    until=WORD      hears messages until one begins with WORD
    lanes=N/CLOSED  opens N lanes and waits until the node has closed CLOSED of them

It says `heard` and what the node said: its verdict, or the name of a message."""

import os
import select
import socket
import sys

sys.dont_write_bytecode = True

import steps  # noqa: E402
from manifests import Harm  # noqa: E402
from messages import Gift, control, describe, piece  # noqa: E402
from opening import LANE_CONNECTION, open_as_initiator  # noqa: E402
from sealed import CONTROL, DATA, FINAL  # noqa: E402
from steps import PATIENCE, say  # noqa: E402

TROJAN = b"trojan"


class Hostile(steps.Steps):
    steps = ("ask", "offer", "manifest", "harm", "data", "until", "lanes")

    def __init__(self, arguments):
        super().__init__(arguments)
        self.file = arguments.file.encode()
        self.content = arguments.content.encode()
        self.transfer = bytes.fromhex(arguments.transfer) if arguments.transfer else None
        self.gift = None
        self.open_lanes = []

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
        self.until_let_in(self.open, self.offer, self.hear)

    def offer(self, lie=None):
        files = {self.file: self.content}
        if lie == "entries":
            files[TROJAN] = b"horse"
        self.gift = Gift(files, self.transfer or os.urandom(16))
        claims = self.gift.claims()
        lies = {None: {}, "bytes": {"bytes": claims["bytes"] - 1},
                "length": {"length": claims["length"] - 1}, "name": {"names": [b"harmless"]},
                "entries": {"entries": 1, "units": 1, "names": [self.file],
                            "bytes": len(self.content)}}
        self.sealed.say(self.gift.offer(**lies[lie]))

    def manifest(self, lie=None):
        if lie is None:
            self.sealed.say(control("Manifest", (1, self.gift.batch())))
            return
        other = {"another": {self.file[::-1]: self.content},
                 "more": {**self.gift.files, TROJAN: b"horse"}}
        self.sealed.say(control("Manifest", (1, Gift(other[lie], self.gift.transfer).batch())))

    def harm(self, kind):
        self.open()
        self.gift = Harm(kind, self.transfer or os.urandom(16))
        say("harm", kind)
        self.sealed.say(self.gift.offer())
        if self.hear() == "ACCEPT":
            self.manifest()
        self.closed()

    def data(self, lie=None):
        content = self.content + b"!" if lie == "more" else self.content
        self.sealed.say(piece(1 if lie == "outside" else 0, content), DATA)

    def until(self, word):
        while not self.hear().startswith(word):
            pass

    def lanes(self, numbers):
        count, to_close = map(int, numbers.split("/"))
        for _ in range(count):
            lane = socket.create_connection(self.address, PATIENCE)
            open_as_initiator(lane, self.secret, self.name, LANE_CONNECTION, self.sealed.opened.hash[:16])
            self.open_lanes.append(lane)
        while len(self.open_lanes) > count - to_close:
            closed = select.select(self.open_lanes, [], [], PATIENCE)[0]
            if not closed:
                raise TimeoutError(f"{len(self.open_lanes)} of {count} lanes are open")
            self.open_lanes = [lane for lane in self.open_lanes if lane not in closed]
        say("closed lanes")


def main():
    parser = steps.arguments("A peer that misbehaves on command.")
    parser.add_argument("--file", default="gift")
    parser.add_argument("--content", default="hello\n")
    parser.add_argument("--transfer", help="id of what is offered; each time another without it")
    arguments = parser.parse_args()
    Hostile(arguments).run(arguments.step)


if __name__ == "__main__":
    main()
