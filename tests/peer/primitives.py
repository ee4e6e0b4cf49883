"""What fxnode-protocol(7) is built from and Python does not have: X25519 (RFC 7748), ChaCha20 and
Poly1305 (RFC 8439), and libsodium's secretstream as the manual describes it. Written to be
compared with those texts; slow, and not for secrets: nothing here takes constant time."""

import os
import struct

FIELD = 2**255 - 19
PRIME = 2**130 - 5
WORD = 2**32 - 1
SIGMA = struct.unpack("<4I", b"expand 32-byte k")
BASE = (9).to_bytes(32, "little")


class Forged(Exception):
    """A message that does not authenticate."""


def x25519(secret, public):
    """RFC 7748, section 5."""
    scalar = int.from_bytes(secret, "little") & ~7 & (2**254 - 1) | 2**254
    x1 = int.from_bytes(public, "little") & (2**255 - 1)
    x2, z2, x3, z3 = 1, 0, x1, 1
    for at in range(254, -1, -1):
        bit = scalar >> at & 1
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        x3, z3 = (da + cb) ** 2 % FIELD, x1 * (da - cb) ** 2 % FIELD
        x2, z2 = aa * bb % FIELD, (aa - bb) * (aa + 121665 * (aa - bb)) % FIELD
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, FIELD - 2, FIELD) % FIELD).to_bytes(32, "little")


def _quarter(s, a, b, c, d):
    for first, second, third, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[first] = s[first] + s[second] & WORD
        mixed = s[third] ^ s[first]
        s[third] = (mixed << turn | mixed >> 32 - turn) & WORD


def _rounds(state):
    s = list(state)
    for _ in range(10):
        for i in range(4):
            _quarter(s, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            _quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return s


def hchacha20(key, data):
    s = _rounds((*SIGMA, *struct.unpack("<8I", key), *struct.unpack("<4I", data)))
    return struct.pack("<8I", *s[:4], *s[12:])


def chacha20(key, nonce, block, data):
    """`data` combined with the key stream from block number `block` on."""
    out = bytearray()
    for at in range(0, len(data), 64):
        state = (*SIGMA, *struct.unpack("<8I", key), block + at // 64, *struct.unpack("<3I", nonce))
        stream = struct.pack("<16I", *(a + b & WORD for a, b in zip(state, _rounds(state))))
        out += bytes(a ^ b for a, b in zip(data[at:at + 64], stream))
    return bytes(out)


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at:at + 16] + b"\1", "little")) * r % PRIME
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def _padded(data):
    return data + bytes(-len(data) % 16)


def _check(key, nonce, extra, sealed):
    one_time = chacha20(key, nonce, 0, bytes(32))
    lengths = struct.pack("<QQ", len(extra), len(sealed))
    return poly1305(one_time, _padded(extra) + _padded(sealed) + lengths)


def aead_seal(key, counter, extra, plain):
    """ChaChaPoly of Noise: the nonce is 4 zero bytes and the counter, little-endian."""
    nonce = struct.pack("<IQ", 0, counter)
    sealed = chacha20(key, nonce, 1, plain)
    return sealed + _check(key, nonce, extra, sealed)


def aead_open(key, counter, extra, sealed):
    nonce = struct.pack("<IQ", 0, counter)
    if _check(key, nonce, extra, sealed[:-16]) != sealed[-16:]:
        raise Forged("a handshake message does not authenticate")
    return chacha20(key, nonce, 1, sealed[:-16])


class _Stream:
    """secretstream, as `Records` in the manual has it."""

    def __init__(self, key, header):
        self.key = hchacha20(key, header[:16])
        self.counter = 1
        self.rest = header[16:]

    def _crypt(self, block, data):
        return chacha20(self.key, struct.pack("<I", self.counter) + self.rest, block, data)

    def _check(self, block, middle):
        lengths = struct.pack("<QQ", 0, 64 + len(middle))
        return poly1305(self._crypt(0, bytes(32)),
                        block + middle + bytes(len(middle) % 16) + lengths)

    def _advance(self, check):
        self.rest = bytes(a ^ b for a, b in zip(self.rest, check))
        self.counter += 1


class StreamOpener(_Stream):
    def open(self, sealed):
        """(tag, plaintext)"""
        first, middle, check = sealed[:1], sealed[1:-16], sealed[-16:]
        tag = self._crypt(1, first)
        block = first + self._crypt(1, tag + bytes(63))[1:]
        if self._check(block, middle) != check:
            raise Forged("a record does not authenticate")
        plain = self._crypt(2, middle)
        self._advance(check)
        return tag[0], plain


class StreamSealer(_Stream):
    """Its `header` goes before the first record."""

    def __init__(self, key):
        self.header = os.urandom(24)
        super().__init__(key, self.header)

    def seal(self, tag, plain):
        block = self._crypt(1, bytes((tag,)) + bytes(63))
        middle = self._crypt(2, plain)
        check = self._check(block, middle)
        self._advance(check)
        return block[:1] + middle + check
