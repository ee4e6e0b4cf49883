"""Manifests of a peer that means harm, each offered with a hash, figures and as far as an offer takes
them names that fit: what is wrong is wrong in the manifest itself. Fields are those of Entry in fxnode-protocol(7)."""

from messages import FILE, Gift, encode

DIRECTORY, SYMLINK, HARDLINK = 2, 3, 4
MOST = 2**64
CHUNK = 1 << 20


def _file(path, size=0):
    return {1: FILE, 2: path, 3: 0o644, 4: size}


def _directory(path):
    return {1: DIRECTORY, 2: path, 3: 0o755}


def _link(path, target):
    return {1: SYMLINK, 2: path, 3: 0o777, 7: target}


def _other_name(path, original):
    return {1: HARDLINK, 2: path, 8: original}


TREE = _directory(b"d")
KINDS = {
    "twice": [_file(b"a"), _file(b"a")],
    "twice-below": [TREE, _file(b"d/a"), _file(b"d/a")],
    "below-a-file": [_file(b"a"), _file(b"a/b")],
    "upwards": [_file(b"../escaped")],
    "upwards-below": [TREE, _file(b"d/../../escaped")],
    "dot": [TREE, _file(b"d/./a")],
    "absolute": [_file(b"/run/escaped")],
    "empty-component": [TREE, _file(b"d//a")],
    "no-path": [_file(b"")],
    "nul": [_file(b"a\0b")],
    "through-a-link": [TREE, _link(b"d/l", b"."), _file(b"d/l/a")],
    "through-a-link-outside": [TREE, _link(b"d/l", b"/run"), _file(b"d/l/escaped")],
    "link-at-the-top": [_link(b"l", b"/run")],
    "staging-area": [_directory(b".fxnode"), _file(b".fxnode/a")],
    "out-of-order": [_file(b"b"), _file(b"a")],
    "no-directory": [_file(b"d/a")],
    "case-out-of-order": [_file(b"a"), _file(b"A")],
    "vast": [_file(b"a", 2**63)],
    "sum": [_file(b"a", 2**63 - 1), _file(b"b", 2**63 - 1), _file(b"c", 7)],
    "of-itself": [_other_name(b"a", 0)],
    "of-a-later-one": [_file(b"a"), _other_name(b"b", 2), _file(b"c")],
    "of-a-directory": [TREE, _other_name(b"e", 0)],
    "of-another-name": [_file(b"a"), _other_name(b"b", 0), _other_name(b"c", 1)],
    "of-nothing": [_file(b"a"), _other_name(b"b", 2**32 - 1)],
    "long-component": [_file(b"x" * 256)],
    "deep": [_directory(b"/".join([b"x"] * level)) for level in range(1, 130)],
    "many-components": [_file(b"/".join([b"x"] * 120_000))],
    "setuid": [_file(b"a") | {3: 0o4755}],
    "type": [_file(b"a") | {1: 9}],
    "time": [_file(b"a") | {6: 10**9}],
}


class Harm(Gift):
    """One of these kinds, as an offer and a batch."""

    def __init__(self, kind, transfer):
        super().__init__({}, transfer)
        self.entries = KINDS[kind]

    def batch(self):
        return encode(*((1, encode(*entry.items())) for entry in self.entries))

    def claims(self):
        sizes = [entry.get(4, 0) for entry in self.entries]
        units = sum(max(1, (size + CHUNK - 1) // CHUNK)
                    for entry, size in zip(self.entries, sizes) if entry[1] == FILE)
        names = sorted({entry[2] for entry in self.entries
                        if not {b"/"[0], 0} & set(entry[2]) and 0 < len(entry[2]) < 256})
        return {**super().claims(), "entries": len(self.entries), "bytes": sum(sizes) % MOST,
                "units": units % MOST, "names": names[:64]}
