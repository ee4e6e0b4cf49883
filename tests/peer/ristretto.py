"""The group ristretto255 as RFC 9496 has it. Slow, and not for secrets: nothing here takes constant
time."""

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493


def _inverse(value):
    return pow(value, FIELD - 2, FIELD)


D = -121665 * _inverse(121666) % FIELD
SQRT_M1 = pow(2, (FIELD - 1) // 4, FIELD)
NEUTRAL = (0, 1, 1, 0)


class Invalid(Exception):
    """What is no encoding of a group element."""


def _negative(value):
    return value % FIELD % 2 == 1


def _absolute(value):
    return (-value if _negative(value) else value) % FIELD


def _sqrt_ratio(u, v):
    """SQRT_RATIO_M1 of section 4.2: whether u / v is a square, and a root."""
    r = u * v**3 * pow(u * v**7, (FIELD - 5) // 8, FIELD) % FIELD
    check = v * r * r % FIELD
    correct, flipped = (check - u) % FIELD == 0, (check + u) % FIELD == 0
    if flipped or (check + u * SQRT_M1) % FIELD == 0:
        r = r * SQRT_M1
    return correct or flipped, _absolute(r)


INVSQRT_A_MINUS_D = _sqrt_ratio(1, (-1 - D) % FIELD)[1]
# The odd one of the two roots, as section 4.1 has it.
SQRT_AD_MINUS_ONE = -_sqrt_ratio((-D - 1) % FIELD, 1)[1] % FIELD


def decode(encoded):
    """Section 4.3.1: a point in extended coordinates."""
    s = int.from_bytes(encoded, "little")
    if len(encoded) != 32 or s >= FIELD or _negative(s):
        raise Invalid("not canonical, or negative")
    u1, u2 = (1 - s * s) % FIELD, (1 + s * s) % FIELD
    v = (-D * u1 * u1 - u2 * u2) % FIELD
    square, root = _sqrt_ratio(1, v * u2 * u2 % FIELD)
    den_x = root * u2 % FIELD
    x = _absolute(2 * s * den_x)
    y = u1 * root * den_x * v % FIELD
    if not square or _negative(x * y) or y == 0:
        raise Invalid("no group element")
    return x, y, 1, x * y % FIELD


def encode(point):
    """Section 4.3.2."""
    x, y, z, t = point
    u1, u2 = (z + y) * (z - y) % FIELD, x * y % FIELD
    _, root = _sqrt_ratio(1, u1 * u2 * u2 % FIELD)
    den1, den2 = root * u1, root * u2
    z_inverse = den1 * den2 * t % FIELD
    den = den2
    if _negative(t * z_inverse):
        x, y, den = y * SQRT_M1, x * SQRT_M1, den1 * INVSQRT_A_MINUS_D
    if _negative(x * z_inverse):
        y = -y
    return _absolute(den * (z - y)).to_bytes(32, "little")


def add(p, q):
    """Of points with extended coordinates on the twisted Edwards curve."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * D * p[3] * q[3], 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD


def multiply(scalar, point):
    """`scalar` in 32 bytes, little-endian"""
    number, result = int.from_bytes(scalar, "little"), NEUTRAL
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def _map(data):
    """MAP of section 4.3.4."""
    t = int.from_bytes(data, "little") & (2**255 - 1)
    r = SQRT_M1 * t * t % FIELD
    u, v = (r + 1) * (1 - D * D) % FIELD, (-1 - r * D) * (r + D) % FIELD
    square, s = _sqrt_ratio(u, v)
    c = -1
    if not square:
        s, c = -_absolute(s * t), r
    n = c * (r - 1) * (D - 1)**2 - v
    w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return w0 * w3 % FIELD, w2 * w1 % FIELD, w1 * w3 % FIELD, w0 * w2 % FIELD


def derive(data):
    """Element derivation of section 4.3.4, from 64 bytes."""
    return add(_map(data[:32]), _map(data[32:]))
