"""The messages of fxnode-protocol(7) as far as a peer needs them that sends one small file, or
pretends to: protocol buffers by hand."""

import struct

from opening import blake2b_256

VERDICTS = ("NONE", "ACCEPT", "REFUSE", "BUSY", "ASKED", "DELIVERED", "CONFLICT", "NO_SPACE")
STOPS = ("NONE", "PAUSED", "CANCELLED", "NO_SPACE", "ERROR", "BUSY")
BODIES = ("", "Offer", "Verdict", "Manifest", "Holding", "Durable", "Confirm", "Failed", "Again",
          "Sent", "Delivered", "Finish", "Stop", "Ping", "Pong")
FILE = 1


def _varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes((number,))


def encode(*fields):
    """(number, value) pairs; a value is a number or bytes."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            out += _varint(number << 3 | 2) + _varint(len(value)) + value
    return out


def _take_varint(data):
    number = shift = 0
    for at, byte in enumerate(data):
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, data[at + 1:]
    raise ValueError("a number without an end")


def decode(data):
    """{number: its last value}, 0 for what is missing is left to the reader"""
    fields = {}
    while data:
        key, data = _take_varint(data)
        value, data = _take_varint(data)
        if key & 7 == 2:
            value, data = data[:value], data[value:]
        fields[key >> 3] = value
    return fields


def control(name, *fields):
    return encode((BODIES.index(name), encode(*fields)))


def describe(body):
    """A control message as words: its name, and what a Verdict or a Stop says."""
    (number, content), = decode(body).items()
    fields = decode(content)
    if BODIES[number] == "Verdict":
        return VERDICTS[fields[1]]
    if BODIES[number] == "Stop":
        return f"Stop {STOPS[fields[1]]} {fields.get(2, b'').decode()}".rstrip()
    return BODIES[number]


class Gift:
    """What is sent: files without directories, {name: content}."""

    def __init__(self, files, transfer):
        self.files = dict(sorted(files.items()))
        self.transfer = transfer

    def batch(self):
        return encode(*((1, encode((1, FILE), (2, name), (3, 0o644), (4, len(content))))
                        for name, content in self.files.items()))

    def manifest(self):
        return struct.pack(">I", len(self.batch())) + self.batch()

    def claims(self):
        """What an honest offer of it says."""
        return {"hash": blake2b_256(self.manifest()), "length": len(self.manifest()),
                "entries": len(self.files), "bytes": sum(map(len, self.files.values())),
                "units": len(self.files), "names": list(self.files)}

    def offer(self, **lies):
        said = {**self.claims(), **lies}
        return control("Offer", (1, self.transfer), (2, said["hash"]), (3, said["length"]),
                       (4, said["entries"]), (5, said["bytes"]), (6, said["units"]),
                       *((7, name) for name in said["names"]), (8, len(said["names"])), (9, 1))


def piece(entry, content):
    """A piece of content at the beginning of an entry, as a data frame has it."""
    return struct.pack(">B3xIQQ", 0, entry, 0, len(content)) + content
