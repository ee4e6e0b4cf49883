#!/usr/bin/env python3
"""A second opinion on the worked example of fxnode-protocol(7): handshake, stream keys, records and
the hash of the manifest, computed from what the manual says, with nothing of fxnode's code.

    tests/manual/second_opinion.py EXAMPLE"""

import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))

from opening import (CONTROL_CONNECTION, LABEL, Noise, blake2b_256, clear_part,  # noqa: E402
                     node_id, with_length)
from primitives import BASE, StreamOpener, x25519  # noqa: E402
from sealed import CONTROL, DATA, FINAL, MESSAGE  # noqa: E402


def read_example(path):
    """{name: value}: bytes, and text for ids"""
    values, name = {}, None
    with open(path, encoding="ascii") as file:
        for line in file.read().splitlines():
            if line.startswith("    "):
                values[name] += line.strip()
            elif not line.startswith("#"):
                name = line
                values[name] = ""
    return {name: value if name.endswith("-id") and name != "session-id" else bytes.fromhex(value)
            for name, value in values.items()}


def shake(example, purpose=CONTROL_CONNECTION):
    """{name: value} of what the opening has to look like"""
    initiator, e1 = example["initiator-secret"], example["initiator-ephemeral"]
    responder, e2 = example["responder-secret"], example["responder-ephemeral"]
    initiator_public, responder_public = x25519(initiator, BASE), x25519(responder, BASE)
    public1, public2 = x25519(e1, BASE), x25519(e2, BASE)
    clear = clear_part(purpose)
    noise = Noise(clear)
    noise.mix_hash(public1)
    first = public1 + noise.seal(b"")
    noise.mix_hash(public2)
    noise.mix_key(x25519(e2, public1))
    second = public2 + noise.seal(responder_public)
    noise.mix_key(x25519(responder, public1))
    second += noise.seal(bytes((1, 1)) + bytes(14))
    third = noise.seal(initiator_public)
    noise.mix_key(x25519(initiator, public2))
    third += noise.seal(bytes((1,)) + bytes(23) + b"attic".ljust(64, b"\0"))
    forth, back = (key[:32] for key in noise.derive(b""))
    return {
        "initiator-public": initiator_public, "initiator-id": node_id(initiator_public),
        "responder-public": responder_public, "responder-id": node_id(responder_public),
        "clear": clear, "message-1": with_length(first), "message-2": with_length(second),
        "message-3": with_length(third), "handshake-hash": noise.hash,
        "session-id": noise.hash[:16],
        "key-forth": blake2b_256(LABEL + bytes((purpose, 0)) + noise.hash, forth),
        "key-back": blake2b_256(LABEL + bytes((purpose, 1)) + noise.hash, back)}


def open_record(stream, record):
    if struct.unpack(">I", record[:4])[0] != len(record) - 4:
        raise ValueError("the length before a record is wrong")
    return stream.open(record[4:])


def open_all(example):
    """{name: (tag, plaintext)} of all records"""
    streams = {way: StreamOpener(example[f"key-{way}"], example[f"header-{way}"])
               for way in ("forth", "back")}
    back = ("Verdict", "Holding", "Durable", "Delivered", "final-back")
    return {name: open_record(streams["back" if name.split(",")[0] in back else "forth"], value)
            for name, value in example.items()
            if name.endswith(", sealed") or name.startswith("final-")}


def main():
    example = read_example(sys.argv[1])
    expected = {**shake(example), "manifest-hash": blake2b_256(example["manifest"])}
    faults = [name for name, value in expected.items() if example[name] != value]
    records = open_all(example)
    for name, opened in records.items():
        plain = name.removesuffix(", sealed")
        kind = bytes((DATA if plain == "data" else CONTROL,))
        wanted = (FINAL, b"") if name.startswith("final-") else (MESSAGE, kind + example[plain])
        if opened != wanted:
            faults.append(name)
    print("\n".join(f"{name}: differs" for name in faults)
          or f"{len(expected)} values and {len(records)} records are as the manual says")
    return 1 if faults or not records else 0


if __name__ == "__main__":
    sys.exit(main())
