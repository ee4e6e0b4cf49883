"""CPACE-RISTR255-SHA512 of draft-irtf-cfrg-cpace-21, as section PAIRING of fxnode-protocol(7) uses
it. Slow, and not for secrets: nothing here takes constant time."""

import hashlib
import hmac
import os

import ristretto

DSI = b"CPaceRistretto255"
BLOCK = 128  # of SHA-512
NEUTRAL = bytes(32)


class Abort(Exception):
    """The other's share is no point, or the neutral one."""


def sha512(data):
    return hashlib.sha512(data).digest()


def prepend_len(data):
    length, digits = len(data), b""
    while length >= 128:
        digits, length = digits + bytes((length & 127 | 128,)), length >> 7
    return digits + bytes((length,)) + data


def lv_cat(*strings):
    return b"".join(map(prepend_len, strings))


def o_cat(a, b):
    return b"oc" + max(a, b) + min(a, b)


def transcript_ir(ya, ada, yb, adb):
    return lv_cat(ya, ada) + lv_cat(yb, adb)


def transcript_oc(ya, ada, yb, adb):
    return o_cat(lv_cat(ya, ada), lv_cat(yb, adb))


def generator_string(prs, ci, sid):
    padding = max(0, BLOCK - 1 - len(prepend_len(prs)) - len(prepend_len(DSI)))
    return lv_cat(DSI, prs, bytes(padding), ci, sid)


def generator(prs, ci, sid):
    return ristretto.derive(sha512(generator_string(prs, ci, sid)))


def random_scalar():
    return (int.from_bytes(os.urandom(64), "little") % ristretto.ORDER).to_bytes(32, "little")


def scalar_mult(scalar, point):
    return ristretto.encode(ristretto.multiply(scalar, point))


def scalar_mult_vfy(scalar, share):
    try:
        product = scalar_mult(scalar, ristretto.decode(share))
    except ristretto.Invalid as invalid:
        raise Abort(str(invalid)) from invalid
    if product == NEUTRAL:
        raise Abort("the neutral element")
    return product


def isk(sid, k, transcript):
    return sha512(lv_cat(DSI + b"_ISK", sid, k) + transcript)


def tags(sid, key, ya, yb):
    """(Ta, Tb) without associated data"""
    mac_key = sha512(b"CPaceMac" + sid + key)
    return tuple(hmac.new(mac_key, lv_cat(share, b""), hashlib.sha512).digest()
                 for share in (ya, yb))
