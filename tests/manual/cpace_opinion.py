#!/usr/bin/env python3
"""A second opinion on CPace and pairing: the implementation in tests/peer, which pairs with a real
node in pairs.py, computes the draft's vectors and the worked example of fxnode-protocol(7).

    tests/manual/cpace_opinion.py VECTORS EXAMPLE"""

import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))

import cpace  # noqa: E402
import ristretto  # noqa: E402
from opening import PAIR_CONNECTION  # noqa: E402
from primitives import StreamOpener  # noqa: E402
from sealed import CONTROL, MESSAGE  # noqa: E402
from second_opinion import open_record, read_example, shake  # noqa: E402

STRINGS = ("prepend_len", "lv_cat", "o_cat", "transcript_ir", "transcript_oc")


def inputs(part, *names):
    return tuple(bytes.fromhex(part[name]) for name in names)


def run(part):
    """{name: value} of a whole run"""
    prs, ci, sid, ya, yb, ada, adb = inputs(part, "PRS", "CI", "sid", "ya", "yb", "ADa", "ADb")
    g = cpace.generator(prs, ci, sid)
    shares = [cpace.scalar_mult(scalar, g) for scalar in (ya, yb)]
    k = cpace.scalar_mult_vfy(ya, shares[1])
    if cpace.scalar_mult_vfy(yb, shares[0]) != k:
        raise ValueError("the two sides differ")
    ir, oc = (make(shares[0], ada, shares[1], adb)
              for make in (cpace.transcript_ir, cpace.transcript_oc))
    return {"g": ristretto.encode(g), "Ya": shares[0], "Yb": shares[1], "K": k,
            "ISK_IR": cpace.isk(sid, k, ir), "ISK_SY": cpace.isk(sid, k, oc),
            "sid_output_ir": cpace.sha512(b"CPaceSidOutput" + ir),
            "sid_output_oc": cpace.sha512(b"CPaceSidOutput" + oc)}


def generator(part):
    prs, ci, sid = inputs(part, "PRS", "CI", "sid")
    string = cpace.generator_string(prs, ci, sid)
    return {"generator_string(G.DSI,PRS,CI,sid,H.s_in_bytes)": string,
            "hash result": cpace.sha512(string), "DSI": cpace.DSI,
            "encoded generator g": ristretto.encode(cpace.generator(prs, ci, sid))}


def strings(part):
    """The names of these vectors are expressions, which Python can read."""
    functions = {name: getattr(cpace, name) for name in STRINGS}
    return {name: eval(name, functions) for name in part}


def aborts(share):
    try:
        cpace.scalar_mult_vfy((8).to_bytes(32, "little"), share)
        return False
    except cpace.Abort:
        return True


def compare(where, computed, part):
    return [f"{where}: {name} differs" for name, value in computed.items()
            if value != bytes.fromhex(part[name])]


def pairing(example):
    """{name: value} of what is computed in the worked example"""
    prs, sid, ya, yb = (example[name] for name in ("code", "handshake-hash", "ya", "yb"))
    ci = cpace.lv_cat(example["initiator-public"], example["responder-public"])
    g = cpace.generator(prs, ci, sid)
    shares = [cpace.scalar_mult(scalar, g) for scalar in (ya, yb)]
    k = cpace.scalar_mult_vfy(ya, shares[1])
    key = cpace.isk(sid, k, cpace.transcript_ir(shares[0], b"", shares[1], b""))
    ta, tb = cpace.tags(sid, key, *shares)
    return {**shake(example, PAIR_CONNECTION), "g": ristretto.encode(g), "Ya": shares[0],
            "Yb": shares[1], "K": k, "ISK": key, "Ta": ta, "Tb": tb}


def sent(example):
    """{name: body} of what is sent in it"""
    streams, bodies = {}, {}
    for name, way in (("Ya", "forth"), ("Yb", "back"), ("Ta", "forth"), ("Tb", "back")):
        message = example[f"{name}, sent"]
        if way not in streams:
            streams[way], message = StreamOpener(example[f"key-{way}"], message[:24]), message[24:]
        tag, plain = open_record(streams[way], message)
        bodies[name] = plain[1:] if (tag, plain[0]) == (MESSAGE, CONTROL) else None
    return bodies


def check_example(example):
    computed = pairing(example)
    bodies = {name: computed[name] for name in ("Ya", "Yb", "Ta", "Tb")}
    bodies["Yb"] += b"cellar".ljust(64, b"\0")
    return ([f"example: {name} differs" for name, value in computed.items()
             if value != example[name]]
            + [f"example: {name} is not what is sent" for name, body in sent(example).items()
               if body != bodies[name]])


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        vectors = json.load(file)
    points = vectors["points"]
    scalar, point = inputs(points["Valid"], "s", "X")
    faults = compare("calculate_generator", generator(vectors["calculate_generator"]),
                     vectors["calculate_generator"])
    faults += compare("protocol", run(vectors["protocol"]), vectors["protocol"])
    faults += compare("points", {"G.scalar_mult_vfy(s,X)": cpace.scalar_mult_vfy(scalar, point)},
                      points["Valid"])
    faults += [f"points: {name} is not refused" for name in points
               if name.startswith("Invalid") and not aborts(bytes.fromhex(points[name]))]
    for name, part in vectors["strings"].items():
        faults += compare(name, strings(part), part)
    faults += check_example(read_example(sys.argv[2]))
    print("\n".join(faults) or "the draft's vectors and the example are what the manual says")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
