#!/usr/bin/env python3
"""A second opinion on CPace: the implementation in tests/peer, which pairs with a real node in
pairs.py, computes the draft's vectors.

    tests/manual/cpace_opinion.py VECTORS"""

import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))

import cpace  # noqa: E402
import ristretto  # noqa: E402

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
    print("\n".join(faults) or "the draft's vectors are computed as they stand there")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
