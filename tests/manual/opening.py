"""The opening of a connection as fxnode-protocol(7) describes it: Noise XX, and both sides of it
on a socket."""

import hashlib
import hmac
import struct

from primitives import BASE, StreamOpener, StreamSealer, aead_open, aead_seal, x25519

NAME = b"Noise_XX_25519_ChaChaPoly_BLAKE2b"
CLEAR = b"FXNODE\0" + bytes((1, 1, 0, 0))
LABEL = b"fxnode stream v1"


def blake2b_256(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def with_length(message):
    return struct.pack(">H", len(message)) + message


class Noise:
    """The symmetric state of Noise (section 5.2)."""

    def __init__(self, prologue):
        self.hash = self.chaining = NAME.ljust(64, b"\0")
        self.key = None
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.hash = hashlib.blake2b(self.hash + data).digest()

    def derive(self, data):
        def mac(key, text):
            return hmac.new(key, text, hashlib.blake2b).digest()
        key = mac(self.chaining, data)
        first = mac(key, b"\1")
        return first, mac(key, first + b"\2")

    def mix_key(self, data):
        self.chaining, key = self.derive(data)
        self.key, self.counter = key[:32], 0

    def seal(self, plain):
        sealed = plain
        if self.key is not None:
            sealed = aead_seal(self.key, self.counter, self.hash, plain)
            self.counter += 1
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed):
        plain = aead_open(self.key, self.counter, self.hash, sealed)
        self.counter += 1
        self.mix_hash(sealed)
        return plain


class Closed(Exception):
    """The connection ended."""


def read_exactly(connection, length):
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise Closed(f"{len(data)} of {length} bytes came")
        data += part
    return data


def stream_keys(noise):
    return [blake2b_256(LABEL + bytes((1, direction)) + noise.hash, key[:32])
            for direction, key in enumerate(noise.derive(b""))]


def open_as_initiator(connection, secret, ephemeral, name):
    """(responder's public key, sealer of our records, function that opens the peer's)"""
    noise = Noise(CLEAR)
    noise.mix_hash(x25519(ephemeral, BASE))
    connection.sendall(CLEAR + with_length(x25519(ephemeral, BASE) + noise.seal(b"")))
    message = read_exactly(connection, 114)
    if message[:2] != bytes((0, 112)):
        raise ValueError("this is no message 2")
    theirs = message[2:34]
    noise.mix_hash(theirs)
    noise.mix_key(x25519(ephemeral, theirs))
    peer = noise.open(message[34:82])
    noise.mix_key(x25519(ephemeral, peer))
    payload = noise.open(message[82:])
    if not payload[0] <= 1 <= payload[1]:
        raise ValueError(f"version 1 is not among {payload[0]} to {payload[1]}")
    third = noise.seal(x25519(secret, BASE))
    noise.mix_key(x25519(secret, theirs))
    third += noise.seal(bytes((1,)) + bytes(23) + name.ljust(64, b"\0"))
    connection.sendall(with_length(third))
    forth, back = stream_keys(noise)
    return peer, StreamSealer(forth), lambda header: StreamOpener(back, header)


def open_as_responder(connection, secret, ephemeral):
    """(initiator's public key, sealer of our records, function that opens the peer's)"""
    clear = read_exactly(connection, 11)
    if clear != CLEAR:
        raise ValueError(f"this is no control connection: {clear.hex()}")
    noise = Noise(clear)
    message = read_exactly(connection, 34)
    if message[:2] != bytes((0, 32)):
        raise ValueError("this is no message 1")
    theirs = message[2:]
    noise.mix_hash(theirs)
    noise.mix_hash(b"")
    second = x25519(ephemeral, BASE)
    noise.mix_hash(second)
    noise.mix_key(x25519(ephemeral, theirs))
    second += noise.seal(x25519(secret, BASE))
    noise.mix_key(x25519(secret, theirs))
    second += noise.seal(bytes((1, 1)) + bytes(14))
    connection.sendall(with_length(second))
    message = read_exactly(connection, 154)
    if message[:2] != bytes((0, 152)):
        raise ValueError("this is no message 3")
    peer = noise.open(message[2:50])
    noise.mix_key(x25519(ephemeral, peer))
    if noise.open(message[50:])[0] != 1:
        raise ValueError("the initiator chose another version")
    forth, back = stream_keys(noise)
    return peer, StreamSealer(back), lambda header: StreamOpener(forth, header)
