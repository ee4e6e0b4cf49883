#!/usr/bin/env python3
"""A peer that pairs by a code, as section PAIRING of fxnode-protocol(7) has it, honestly or not.

    tests/peer/pairing.py [OPTION...] HOST:PORT STEP...    calls a node that shows a code
    tests/peer/pairing.py [OPTION...] :PORT STEP...        waits for a node whose user types one

Steps are those of steps.py and:
    code[=DIGITS]   the code from now on; a line of standard input without DIGITS
    share[=LIE]     sends Ya, or Yb and the name; or no point (`invalid`), the neutral element
                    (`neutral`), what the node sent (`reflect`), what was sent on the connection
                    before (`again`)
    tag[=LIE]       sends Ta or Tb; or 64 zero bytes (`zeros`), others that are none (`wrong`), what
                    the node sent (`reflect`), what was sent on the connection before (`again`)
    hold            works out its tag and does not send it, for `tag=again` on the next connection
    hear            hears one message
    enter           does `open share hear`, on one connection after the other as long as the node
                    closes them without a word (which means that others are in the way)
    middle=HOST:PORT  calls another node with the key that it has, and passes on what both say in
                    their connections, until one of them hangs up

An honest run that calls is `open share hear tag hear`, one that is called `open hear share hear
tag`. What is heard it says as `heard share`, with the node's name behind Yb, `heard invalid`, and
`heard right`, `heard zeros` or `heard wrong` for a tag; `passed` for each message in the middle."""

import socket
import sys

sys.dont_write_bytecode = True

import cpace  # noqa: E402
import steps  # noqa: E402
from opening import PAIR_CONNECTION, Closed, open_as_initiator  # noqa: E402
from primitives import Forged  # noqa: E402
from sealed import CONTROL, MESSAGE, Sealed, Unexpected  # noqa: E402
from steps import PATIENCE, say  # noqa: E402

SHARE, NAME, TAG = 32, 64, 64
INVALID = b"\x2b" + bytes(30) + b"\x7f"  # of no group element
ZEROS = bytes(TAG)


class Side:
    """One side of a run in an opened connection: its share, and both tags once the other's is
    known."""

    def __init__(self, opened, public, calls, code):
        keys = (public, opened.peer) if calls else (opened.peer, public)
        self.calls = calls
        self.sid = opened.hash
        self.scalar = cpace.random_scalar()
        self.share = cpace.scalar_mult(
            self.scalar, cpace.generator(code, cpace.lv_cat(*keys), self.sid))

    def tags(self, theirs):
        """(our tag, the tag that the other has to send)"""
        shares = (self.share, theirs) if self.calls else (theirs, self.share)
        k = cpace.scalar_mult_vfy(self.scalar, theirs)
        key = cpace.isk(self.sid, k, cpace.transcript_ir(shares[0], b"", shares[1], b""))
        ta, tb = cpace.tags(self.sid, key, *shares)
        return (ta, tb) if self.calls else (tb, ta)


def hear_body(sealed):
    tag, plain = sealed.hear()
    if tag != MESSAGE or plain[0] != CONTROL:
        raise Unexpected(f"tag {tag} with a frame of type {plain[:1].hex()}")
    return plain[1:]


class Pairing(steps.Steps):
    purpose = PAIR_CONNECTION
    steps = ("code", "share", "tag", "hold", "hear", "enter", "middle")

    def __init__(self, arguments):
        super().__init__(arguments)
        self.digits = b"00000000"
        self.side = None
        self.sent, self.before = {}, {}
        self.heard = []

    def open(self):
        super().open()
        self.side = Side(self.sealed.opened, self.public, self.calls, self.digits)
        self.sent, self.before = {}, self.sent
        self.heard = []

    def code(self, digits=None):
        self.digits = (digits or sys.stdin.readline().replace(" ", "").strip()).encode()

    def _say(self, what, body, rest=b""):
        self.sent[what] = body
        self.sealed.say(body + rest)

    def share(self, lie=None):
        lies = {None: lambda: self.side.share, "invalid": lambda: INVALID,
                "neutral": lambda: cpace.NEUTRAL, "reflect": lambda: self.heard[0],
                "again": lambda: self.before["share"]}
        self._say("share", lies[lie](), b"" if self.calls else self.name.ljust(NAME, b"\0"))

    def tag(self, lie=None):
        lies = {None: lambda: self.side.tags(self.heard[0])[0], "zeros": lambda: ZEROS,
                "wrong": lambda: b"\xa5" * TAG, "reflect": lambda: self.heard[1],
                "again": lambda: self.before["tag"]}
        self._say("tag", lies[lie]())

    def hold(self):
        self.sent["tag"] = self.side.tags(self.heard[0])[0]

    def hear(self):
        body = hear_body(self.sealed)
        if self.heard:
            self._hear_tag(body)
        else:
            self._hear_share(body)

    def enter(self):
        self.until_let_in(self.open, self.share, self.hear)

    def _hear_share(self, body):
        if len(body) != SHARE + (NAME if self.calls else 0):
            raise Unexpected(f"a first message of {len(body)} bytes")
        share, name = body[:SHARE], body[SHARE:].rstrip(b"\0").decode("utf-8", "replace")
        self.heard.append(share)
        try:
            self.side.tags(share)
            say("heard share", *([name] if name else []))
        except cpace.Abort:
            say("heard invalid")

    def _hear_tag(self, body):
        if len(body) != TAG:
            raise Unexpected(f"a tag of {len(body)} bytes")
        self.heard.append(body)
        right = self.side.tags(self.heard[0])[1]
        say("heard", "right" if body == right else "zeros" if body == ZEROS else "wrong")

    def middle(self, address):
        host, _, port = address.rpartition(":")
        connection = socket.create_connection((host, int(port)), PATIENCE)
        ends = (self.sealed, Sealed(connection, open_as_initiator(
            connection, self.secret, self.name, self.purpose)))
        try:
            for number in range(4):
                body = hear_body(ends[number % 2])
                ends[1 - number % 2].say(body)
                say("passed", "zeros" if body == ZEROS else str(len(body)))
        except (Closed, ConnectionError, Forged):
            say("closed")


def main():
    arguments = steps.arguments("A peer that pairs, honestly or not.").parse_args()
    Pairing(arguments).run(arguments.step)


if __name__ == "__main__":
    main()
