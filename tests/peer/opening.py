"""The opening of a connection as fxnode-protocol(7) describes it: Noise XX, and both sides of it
on a socket."""

import base64
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass
from typing import Callable

from primitives import BASE, StreamOpener, StreamSealer, aead_open, aead_seal, x25519

NAME = b"Noise_XX_25519_ChaChaPoly_BLAKE2b"
CONTROL_CONNECTION, LANE_CONNECTION, PAIR_CONNECTION = 1, 2, 3
LABEL = b"fxnode stream v1"


def blake2b_256(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def node_id(public):
    return base64.b32encode(public + blake2b_256(public)[:3]).decode().lower()


def clear_part(purpose):
    return b"FXNODE\0" + bytes((1, purpose, 0, 0))


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


@dataclass
class Opened:
    """What a handshake leads to."""

    peer: bytes  # the other side's static public key
    hash: bytes  # the handshake hash
    sealer: StreamSealer  # of our records
    make_opener: Callable  # takes the header of the peer's records


def stream_keys(noise, purpose):
    return [blake2b_256(LABEL + bytes((purpose, direction)) + noise.hash, key[:32])
            for direction, key in enumerate(noise.derive(b""))]


def _message(connection, length, number):
    """What follows the length, which has to be this one."""
    message = read_exactly(connection, length + 2)
    if message[:2] != struct.pack(">H", length):
        raise ValueError(f"this is no message {number}")
    return message[2:]


def open_as_initiator(connection, secret, name, purpose=CONTROL_CONNECTION, session=bytes(16)):
    ephemeral = os.urandom(32)
    noise = Noise(clear_part(purpose))
    noise.mix_hash(x25519(ephemeral, BASE))
    connection.sendall(clear_part(purpose)
                       + with_length(x25519(ephemeral, BASE) + noise.seal(b"")))
    second = _message(connection, 112, 2)
    theirs = second[:32]
    noise.mix_hash(theirs)
    noise.mix_key(x25519(ephemeral, theirs))
    peer = noise.open(second[32:80])
    noise.mix_key(x25519(ephemeral, peer))
    payload = noise.open(second[80:])
    if not payload[0] <= 1 <= payload[1]:
        raise ValueError(f"version 1 is not among {payload[0]} to {payload[1]}")
    third = noise.seal(x25519(secret, BASE))
    noise.mix_key(x25519(secret, theirs))
    third += noise.seal(bytes((1,)) + bytes(7) + session + name.ljust(64, b"\0"))
    connection.sendall(with_length(third))
    forth, back = stream_keys(noise, purpose)
    return Opened(peer, noise.hash, StreamSealer(forth), lambda header: StreamOpener(back, header))


def open_as_responder(connection, secret, purpose=CONTROL_CONNECTION):
    ephemeral = os.urandom(32)
    clear = read_exactly(connection, 11)
    if clear != clear_part(purpose):
        raise ValueError(f"this is no connection for purpose {purpose}: {clear.hex()}")
    noise = Noise(clear)
    theirs = _message(connection, 32, 1)
    noise.mix_hash(theirs)
    noise.mix_hash(b"")
    second = x25519(ephemeral, BASE)
    noise.mix_hash(second)
    noise.mix_key(x25519(ephemeral, theirs))
    second += noise.seal(x25519(secret, BASE))
    noise.mix_key(x25519(secret, theirs))
    second += noise.seal(bytes((1, 1)) + bytes(14))
    connection.sendall(with_length(second))
    third = _message(connection, 152, 3)
    peer = noise.open(third[:48])
    noise.mix_key(x25519(ephemeral, peer))
    if noise.open(third[48:])[0] != 1:
        raise ValueError("the initiator chose another version")
    forth, back = stream_keys(noise, purpose)
    return Opened(peer, noise.hash, StreamSealer(back), lambda header: StreamOpener(forth, header))
