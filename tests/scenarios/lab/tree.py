"""Random trees of everything that arrives as it was, from a seed: one seed makes one tree.

make() fills a new directory. Everything is made by name within an open directory, so that no path
is too long. A variety is a function of a maker, an open directory and a name in it that is free; a
new one is a line of VARIETIES."""

import errno
import os
import random

MIB = 1 << 20
BLOCK = 4096

# What the protocol allows (base/limits.h), top-level name included.
PATH = 4095
COMPONENT = 255
DEPTH = 128

NAMES = (
    b"plain", b"Case", b"cASE", b"two words", b" leading space", b"trailing space ", b"...",
    b"trailing dot.", b".hidden", b"-rf", b"--", b"new\nline", b"return\r", b"tab\t",
    b"\x1b[31mred\x1b[0m", b"bell\x07", b"delete\x7f", b"it's", b'"quoted"', b"`id`", b"$HOME",
    b"$(id)", b"a;b|c&d", b"*?[a]", b"back\\slash", b"C:", b"nul", b"%s%n", b"~", b"#", b"name (2)",
    b"\xff\xfe", b"\xc3(", b"\xed\xa0\x80", b"\xc0\xaf", "composed \u00e9".encode(),
    "decomposed e\u0301".encode(), "\u202etxt.exe".encode(), "\u200bzero width".encode(),
    "\U0001f40d".encode(), "\u0085 C1".encode(),
)
NO_SLASH = bytes(byte if byte not in b"\0/" else 1 for byte in range(256))
FILE_MODES = (0o644, 0o600, 0o755, 0o444, 0o400, 0o640, 0o666, 0o777, 0o000, 0o111, 0o4755, 0o2755)
DIRECTORY_MODES = (0o755, 0o700, 0o750, 0o711, 0o777, 0o555, 0o500, 0o1777, 0o2755, 0o000, 0o311,
                   0o444)
TIMES = (0, 1, -1, 999_999_999, -999_999_999, 1_600_000_000_123_456_789, 2**31 * 10**9 + 1,
         -2**31 * 10**9, 2**32 * 10**9 + 123_456_789)
SIZES = (0, 0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, MIB - 1, MIB, MIB + 1)


class Maker:
    """What is made next, as the seed has it."""

    def __init__(self, seed, readable):
        self.random = random.Random(seed)
        self.file_modes, self.directory_modes = FILE_MODES, DIRECTORY_MODES
        if readable:
            self.file_modes = [mode for mode in FILE_MODES if mode & 0o400]
            self.directory_modes = [mode for mode in DIRECTORY_MODES if mode & 0o500 == 0o500]
        self.pool = self.random.randbytes(MIB)
        self.left = self.random.randrange(20, 90)  # things still to be made
        self.files = []  # descriptors of some, for other names of theirs

    def time(self):
        if self.random.random() < 0.3:
            return self.random.choice(TIMES)
        return self.random.randrange(2 * 10**18)

    def content(self, size):
        start = self.random.randrange(MIB)
        return (self.pool[start:] + self.pool * (size // MIB + 1))[:size]

    def name(self, used):
        """One that is free in a directory; `used` is what is not, and learns it."""
        name = self.random.choice(NAMES)
        kind = self.random.randrange(8)
        if kind == 0:
            length = self.random.randrange(1, COMPONENT + 1)
            name = self.random.randbytes(length).translate(NO_SLASH)
        elif kind == 1:
            name += b"x" * (COMPONENT - len(name))
        while name in used or name in (b".", b".."):
            name = name[:COMPONENT - 4] + b"%04x" % self.random.randrange(1 << 16)
        used.add(name)
        return name


ATTRIBUTES = ("user.mime", "user.\u00e9\n", "user." + "x" * 250)


def _tag(maker, descriptor):
    """Attributes for one thing in four, where the file system has any."""
    if maker.random.random() < 0.75:
        return
    for name in maker.random.sample(ATTRIBUTES, maker.random.randrange(1, len(ATTRIBUTES) + 1)):
        value = maker.random.randbytes(maker.random.choice((0, 1, 10, 500)))
        try:
            os.setxattr(descriptor, name, value)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.ENOSPC):
                raise


def _finish(maker, descriptor, modes):
    """Attributes, mode and time of what is open, and closes it. The time is last."""
    _tag(maker, descriptor)
    os.fchmod(descriptor, maker.random.choice(modes))
    os.utime(descriptor, ns=(0, maker.time()))
    os.close(descriptor)


def _create(directory, name):
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)


def _enter(directory, name):
    os.mkdir(name, 0o700, dir_fd=directory)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)


def _put(descriptor, offset, content):
    while content:
        written = os.pwrite(descriptor, content, offset)
        offset, content = offset + written, content[written:]


def file(maker, directory, name, _):
    """One without holes."""
    size = maker.random.choice(SIZES + (maker.random.randrange(50_000),
                                        maker.random.randrange(3 * MIB)))
    descriptor = _create(directory, name)
    _put(descriptor, 0, maker.content(size))
    _finish(maker, descriptor, maker.file_modes)


def sparse_file(maker, directory, name, _):
    """Holes before, between and behind data, and files that are nothing else."""
    size = maker.random.choice((1, BLOCK, MIB, 5 * MIB + 1, 40 * MIB, 3 * MIB - BLOCK))
    descriptor = _create(directory, name)
    os.ftruncate(descriptor, size)
    for _ in range(maker.random.randrange(5)):
        offset = maker.random.randrange(size) // BLOCK * BLOCK
        _put(descriptor, offset, maker.content(min(maker.random.choice((1, BLOCK, 300_000)),
                                                   size - offset)))
    _finish(maker, descriptor, maker.file_modes)


def striped_file(maker, directory, name, _):
    """Data in every other block: as many holes as a chunk can have."""
    descriptor = _create(directory, name)
    size = maker.random.randrange(1, 2 * MIB)
    os.ftruncate(descriptor, size)
    for offset in range(maker.random.randrange(2) * BLOCK, size, 2 * BLOCK):
        _put(descriptor, offset, maker.content(min(BLOCK, size - offset)))
    _finish(maker, descriptor, maker.file_modes)


def other_name(maker, directory, name, _):
    """A hard link to a file anywhere in the tree."""
    if not maker.files or maker.random.random() < 0.3:
        descriptor = _create(directory, name)
        _put(descriptor, 0, maker.content(maker.random.choice(SIZES)))
        maker.files.append(os.dup(descriptor))
        _finish(maker, descriptor, maker.file_modes)
        return
    os.link(f"/proc/self/fd/{maker.random.choice(maker.files)}", name, dst_dir_fd=directory,
            follow_symlinks=True)


def link(maker, directory, name, depth):
    """One that stays inside the tree, whether or not there is anything where it points."""
    up = b"../" * maker.random.randrange(depth)
    target = maker.random.choice((b".", b"nothing here", up + maker.random.choice(NAMES[:-1]),
                                  up + b"a/b/" + maker.random.choice(NAMES)))
    os.symlink(target, name, dir_fd=directory)
    os.utime(name, ns=(0, maker.time()), dir_fd=directory, follow_symlinks=False)


def empty_directory(maker, directory, name, _):
    _finish(maker, _enter(directory, name), maker.directory_modes)


def directory_of_things(maker, directory, name, depth):
    """Some of everything, also of itself."""
    inner = _enter(directory, name)
    if depth < 12:
        _fill(maker, inner, depth + 1, maker.random.randrange(12))
    _finish(maker, inner, maker.directory_modes)


VARIETIES = {file: 8, sparse_file: 3, striped_file: 1, other_name: 4, link: 3, empty_directory: 2,
             directory_of_things: 4}


def _fill(maker, directory, depth, count):
    """`count` things in a directory, which is the `depth`th from the top; the top itself is 1."""
    used = set(os.listdir(os.fsencode(f"/proc/self/fd/{directory}")))
    for _ in range(count):
        if maker.left <= 0:
            return
        maker.left -= 1
        make_one = maker.random.choices(list(VARIETIES), list(VARIETIES.values()))[0]
        make_one(maker, directory, maker.name(used), depth)


def _chain(maker, directory, names):
    """Directories in each other, a file in the last one. From the leaf up, so that times stay."""
    open_ones = []
    for name in names[:-1]:
        open_ones.append(_enter(open_ones[-1] if open_ones else directory, name))
    file(maker, open_ones[-1], names[-1], len(names))
    for descriptor in reversed(open_ones):
        _finish(maker, descriptor, (0o755, 0o700))


def _longest(length):
    """Names that with slashes before them have `length` bytes."""
    names = []
    while length > COMPONENT + 1:
        # What is left over has to be a slash and a name too.
        step = min(COMPONENT + 1, length - 2)
        names.append(bytes([ord("a") + len(names)]) * (step - 1))
        length -= step
    return [*names, b"z" * (length - 1)]


def make(root, seed, readable=False):
    """Makes the tree `root`, which is not there yet, and returns it. One tree in two has the
    longest path that there can be, and one in two has the deepest. A `readable` one has no modes
    that keep out an owner who is not root."""
    maker = Maker(seed, readable)
    os.mkdir(root, 0o700)
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    if maker.random.random() < 0.5:
        _chain(maker, top, _longest(PATH - len(os.path.basename(root))))
    if maker.random.random() < 0.5:
        _chain(maker, top, [b"%d" % level for level in range(2, DEPTH + 1)])
    while maker.left > 0:
        _fill(maker, top, 1, maker.left)
    _finish(maker, top, (0o755, 0o700))
    for descriptor in maker.files:
        os.close(descriptor)
    return root
