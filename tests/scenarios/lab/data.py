"""Files and trees from a seed, and how to compare them. The same seed gives the same bytes."""

import hashlib
import os
import random
import stat

from .errors import Failure

MIB = 1 << 20
GIB = 1 << 30

# Times on disk are compared to the nanosecond; this one has all its digits.
SOME_TIME_NS = 1_600_000_000_123_456_789


def _chunks(size, seed):
    """Pieces of 1 MiB, each different, none compressible, and cheap: 1 GiB takes a second."""
    source = random.Random(seed)
    pool = source.randbytes(4 * MIB)
    for start in range(0, size, MIB):
        stamp = hashlib.sha256(f"{seed}/{start}".encode()).digest()
        offset = source.randrange(3 * MIB)
        chunk = stamp + pool[offset:offset + MIB - len(stamp)]
        yield chunk[:min(MIB, size - start)]


def make_file(path, size, seed=1):
    with open(path, "wb") as file:
        for chunk in _chunks(size, seed):
            file.write(chunk)
    os.utime(path, ns=(SOME_TIME_NS, SOME_TIME_NS))
    return path


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_tree(root, seed=1, files=60):
    """Files of many sizes, an empty file, empty directories, modes, times, odd names and a link."""
    source = random.Random(seed)
    sizes = [0, 1, 4096, MIB - 1, MIB, MIB + 1, 3 * MIB + 17]
    directories = [root, f"{root}/empty", f"{root}/deep/er/and/empty", f"{root}/deep/er",
                   f"{root}/with space", os.path.join(os.fsencode(root), b"not\xffutf8").decode(
                       "utf-8", "surrogateescape"), f"{root}/-rf", f"{root}/new\nline\x1b[31m"]
    for directory in directories:
        os.makedirs(directory, exist_ok=True)
    for number in range(files):
        size = sizes[number] if number < len(sizes) else source.randrange(20_000)
        path = make_file(f"{source.choice(directories)}/file {number}", size, f"{seed}/{number}")
        os.chmod(path, source.choice([0o644, 0o600, 0o755, 0o444, 0o640]))
    os.symlink("../with space", f"{root}/deep/link")
    # From the leaves up: what is made in a directory changes its time.
    for number, (directory, _, _) in enumerate(os.walk(root, topdown=False)):
        os.chmod(directory, 0o750 if number % 2 else 0o755)
        os.utime(directory, ns=(SOME_TIME_NS + number, SOME_TIME_NS + number))
    return root


def make_many(root, files, size=4096, seed=1):
    """`files` files of `size` bytes, a hundred in a directory."""
    pool = random.Random(seed).randbytes(size + files)
    for number in range(files):
        if number % 100 == 0:
            os.makedirs(f"{root}/{number // 100:04d}")
        with open(f"{root}/{number // 100:04d}/{number:06d}", "wb") as file:
            file.write(pool[number:number + size])
    return root


def _nothing(_):
    """In the place of digest(), for where contents do not matter or are looked at in another way."""


def _describe(path, name, tell=digest):
    found = os.lstat(path)
    kind = stat.S_IFMT(found.st_mode)
    if stat.S_ISLNK(kind):
        return ("link", os.readlink(path))
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISDIR(kind):
        return ("directory", oct(mode), found.st_mtime_ns, attributes(path))
    if not stat.S_ISREG(kind):
        raise Failure(f"{name!r} is neither a file, a directory nor a link")
    return ("file", oct(mode), found.st_mtime_ns, found.st_size, tell(path), attributes(path))


def attributes(path):
    """The extended attributes of users that a file or directory has, {name: value}."""
    return {name: os.getxattr(path, name) for name in sorted(os.listxattr(path))
            if name.startswith("user.")}


def snapshot(root, tell=digest):
    """{relative path: what it is} of everything at and below `root`; "" is the root itself. A file's
    content is what `tell` says of its path."""
    result = {"": _describe(root, root, tell)}
    for directory, names, files in os.walk(root):
        for name in names + files:
            path = os.path.join(directory, name)
            relative = os.path.relpath(path, root)
            result[relative] = _describe(path, relative, tell)
    return result


def same_files(*roots):
    """The hard links in these files and trees: groups of names that are one file, sorted. A name is
    the number of its root and the path below it."""
    names = {}
    for number, root in enumerate(roots):
        for relative in snapshot(root, tell=_nothing):
            found = os.lstat(os.path.join(root, relative) if relative else root)
            if stat.S_ISREG(found.st_mode):
                names.setdefault((found.st_dev, found.st_ino), []).append((number, relative))
    return sorted(sorted(group) for group in names.values() if len(group) > 1)


def _same_content(path, other):
    """Side by side: a digest of 1 GiB takes twenty times as long."""
    with open(path, "rb") as first, open(other, "rb") as second:
        while True:
            piece = first.read(MIB)
            if piece != second.read(MIB):
                return False
            if not piece:
                return True


def _differ_in_content(source, copy, things):
    """The files among `things`, which have equal descriptions, whose contents differ."""
    return [path for path, thing in things.items() if thing[0] == "file" and not _same_content(
        os.path.join(source, path) if path else source, os.path.join(copy, path) if path else copy)]


def compare(source, copy):
    """Fails where two files or trees differ in names, kinds, modes, times, attributes, contents."""
    wanted, got = snapshot(source, tell=_nothing), snapshot(copy, tell=_nothing)
    if wanted == got:
        different = _differ_in_content(source, copy, wanted)
        if different:
            raise Failure(f"{copy}: other content than {source}: {different[:20]}")
        return
    lines = [f"  {path!r}: {got.get(path, 'missing')} instead of {wanted.get(path, 'nothing')}"
             for path in sorted(wanted.keys() | got.keys()) if wanted.get(path) != got.get(path)]
    raise Failure(f"{copy} differs from {source}:\n" + "\n".join(lines[:20]))
