"""An opened connection: frames in sealed records, as fxnode-protocol(7) has them."""

import socket
import struct

from opening import read_exactly

CONTROL, DATA = 1, 2
MESSAGE, FINAL = 0, 3


class Unexpected(Exception):
    """The node did not say what it should."""


class Sealed:
    """A connection after its opening, and what is said on it."""

    def __init__(self, connection, opened):
        self.connection = connection
        self.opened = opened
        self._opener = None
        self._header = opened.sealer.header  # goes before the first record

    def say(self, body, kind=CONTROL, tag=MESSAGE):
        plain = b"" if tag == FINAL else bytes((kind,)) + body
        sealed = self.opened.sealer.seal(tag, plain)
        self.connection.sendall(self._header + struct.pack(">I", len(sealed)) + sealed)
        self._header = b""

    def hear(self):
        """(tag, plaintext) of the next record"""
        if self._opener is None:
            self._opener = self.opened.make_opener(read_exactly(self.connection, 24))
        length, = struct.unpack(">I", read_exactly(self.connection, 4))
        return self._opener.open(read_exactly(self.connection, length))

    def expect(self, body, what):
        heard = self.hear()
        if heard != (MESSAGE, bytes((CONTROL,)) + body):
            raise Unexpected(f"{what}: {heard!r} instead of {body!r}")

    def end(self):
        """FINAL both ways, and nothing after it."""
        self.say(b"", tag=FINAL)
        self.connection.shutdown(socket.SHUT_WR)
        heard = self.hear()
        if heard != (FINAL, b""):
            raise Unexpected(f"the end of the stream: {heard!r}")
        if self.connection.recv(1) != b"":
            raise Unexpected("something follows the end")
        self.connection.close()
