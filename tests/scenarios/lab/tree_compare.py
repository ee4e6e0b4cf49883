"""What is in a tree, to the byte and to the bit, and how two of them differ. Paths are bytes, and
may be longer than a system call takes."""

import hashlib
import os
import stat

from .errors import Failure

PIECE = 1 << 20
SHOWN = 20


def _segments(descriptor, size):
    """[(from, to)] of the data of an open file; the rest is holes."""
    result, at = [], 0
    while at < size:
        try:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError:  # ENXIO: no more data
            break
        at = os.lseek(descriptor, start, os.SEEK_HOLE)
        result.append((start, at))
    return result


def _digest(descriptor, segments):
    """Of the data and where it is: holes are compared as holes, so they need not be read."""
    result = hashlib.sha256()
    for start, end in segments:
        result.update(b"%d " % start)
        while start < end:
            piece = os.pread(descriptor, min(PIECE, end - start), start)
            if not piece:
                break
            result.update(piece)
            start += len(piece)
    return result.hexdigest()


def _attributes(descriptor):
    try:
        names = [name for name in os.listxattr(descriptor) if name.startswith("user.")]
    except OSError:  # not on this file system
        return {}
    return {name: os.getxattr(descriptor, name) for name in names}


def _describe(directory, name, found):
    """What there is to be compared of one thing, by name."""
    result = {"kind": stat.filemode(found.st_mode)[0], "mtime": found.st_mtime_ns}
    if stat.S_ISLNK(found.st_mode):
        return {**result, "target": os.readlink(name, dir_fd=directory)}
    result["mode"] = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        return result
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
    try:
        result["attributes"] = _attributes(descriptor)
        if stat.S_ISREG(found.st_mode):
            segments = _segments(descriptor, found.st_size)
            result.update(size=found.st_size, data=segments, links=found.st_nlink,
                          content=_digest(descriptor, segments))
    finally:
        os.close(descriptor)
    return result


class _Walk:
    def __init__(self):
        self.things = {}
        self.inodes = {}  # paths of each file that has several

    def enter(self, directory, name, path):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        self.things[path] = _describe(directory, name, found)
        if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
            self.inodes.setdefault((found.st_dev, found.st_ino), []).append(path)
        if not stat.S_ISDIR(found.st_mode):
            return
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        try:
            for child in sorted(os.listdir(os.fsencode(f"/proc/self/fd/{inner}"))):
                self.enter(inner, child, path + b"/" + child)
        finally:
            os.close(inner)

    def end(self):
        """Hard links are the same where the same paths are one file."""
        for paths in self.inodes.values():
            for path in paths:
                self.things[path]["links"] = sorted(paths)
        return self.things


def describe(root):
    """{path below `root`: {what: value}}; b"" is the root itself."""
    walk = _Walk()
    walk.enter(None, os.fsencode(root), b"")
    return walk.end()


def _as_sent(thing):
    """Bits that give rights to others than its user do not travel."""
    return {**thing, "mode": thing["mode"] & 0o777} if "mode" in thing else thing


def _short(value):
    text = repr(value)
    return text if len(text) <= 120 else text[:100] + f"... ({len(text)} characters)"


def _differences(path, wanted, got):
    shown = _short(path)
    if wanted is None or got is None:
        return [f"  {shown} {'is missing' if got is None else 'should not be there'}"]
    return [f"  {shown}: {what} is {_short(got.get(what))}, not {_short(wanted.get(what))}"
            for what in sorted(wanted.keys() | got.keys()) if wanted.get(what) != got.get(what)]


def compare_trees(source, copy):
    """Fails where `copy` is not what `source` has to arrive as: names, kinds, content, holes,
    modes, times, targets, hard links, attributes of users."""
    wanted = {path: _as_sent(thing) for path, thing in describe(source).items()}
    got = describe(copy)
    lines = [line for path in sorted(wanted.keys() | got.keys())
             for line in _differences(path, wanted.get(path), got.get(path))]
    if lines:
        more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        raise Failure("\n".join([f"{copy} differs from {source}:", *lines[:SHOWN], *more]))


def size(root):
    """Bytes of all files, holes included."""
    return sum(thing.get("size", 0) for thing in describe(root).values())
