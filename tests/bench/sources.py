"""What is sent: the same bytes, names and times in each run."""

import os
import random
import shutil
import subprocess

from lab.data import MIB, SOME_TIME_NS, make_file, make_many, snapshot

RATIO = (7.5, 8.5)  # of text, by zstd -1


class Place:
    """A directory to work in. Trees that arrived stay there until the end, because a disk's file
    system makes files more slowly after many were deleted; in memory they would only take room."""

    def __init__(self, directory):
        self.directory = directory
        kind = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", directory], check=True,
                              text=True, capture_output=True)
        self.kind = kind.stdout.splitlines()[-1]  # of several mounts in one place, the uppermost
        self.in_memory = self.kind in ("tmpfs", "ramfs")

    def keeps(self, case):
        return not case.is_large and not self.in_memory

    def settle(self):
        """Nobody pays for what another has left to be written."""
        if not self.in_memory:
            subprocess.run(["sync", "-f", self.directory], check=True)


class Source:
    """A case's file or tree, made in a Place."""

    def __init__(self, case, place, size):
        self.path = os.path.join(place.directory, case.name)
        self._snapshot = None
        {"file": lambda path: make_file(path, size * MIB),
         "text": lambda path: make_text(path, size),
         "byte": lambda path: make_file(path, 1),
         "tree": lambda path: make_many(path, 20_000),
         "empty": lambda path: make_many(path, 100_000, size=0),
         "source": make_like_source}[case.content](self.path)

    def snapshot(self):
        if self._snapshot is None:
            self._snapshot = snapshot(self.path)
        return self._snapshot

    def remove(self):
        remove(self.path)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _lines(size, source):
    """At least so many bytes of a log of a web service."""
    made = number = 0
    while made < size:
        line = (f"2026-03-01T{number // 360000 % 24:02d}:{number // 6000 % 60:02d}:"
                f"{number // 100 % 60:02d}.{number % 100:02d}0Z node-{source.choice('123')} INFO  "
                f"{source.choice(('cache', 'index', 'order', 'payment', 'search'))}.worker: "
                f"request {source.getrandbits(32):08x} from client 10.0.0.{source.randrange(256)} "
                f"was answered with status {source.choice((200, 200, 200, 404))} in "
                f"{source.randrange(1000)} ms, {source.randrange(16) * 4096} bytes sent\n").encode()
        made += len(line)
        number += 1
        yield line


def make_text(path, size, seed=1):
    """`size` MiB of text that zstd -1 makes an eighth of. It repeats after 16 MiB, where no usual
    window reaches, and no chunk is like another."""
    pool = b"".join(_lines(16 * MIB, random.Random(seed)))
    with open(path, "wb") as file:
        for number in range(size):
            start = number % 16 * MIB
            file.write(f"chunk {number:9d}\n".encode() + pool[start:start + MIB - 16])
    os.utime(path, ns=(SOME_TIME_NS, SOME_TIME_NS))
    _check_ratio(path)
    return path


def _check_ratio(path):
    if shutil.which("zstd") is None:
        return
    with open(path, "rb") as file:
        sample = file.read(16 * MIB)
    packed = subprocess.run(["zstd", "-1", "-c"], input=sample, capture_output=True, check=True)
    ratio = len(sample) / len(packed.stdout)
    if len(sample) == 16 * MIB and not RATIO[0] <= ratio <= RATIO[1]:
        raise RuntimeError(f"text is packed {ratio:.2f}:1 by zstd -1")


def _directories(root, count, source):
    """A tree of directories: most grow from the young branches, seldom below the seventh level."""
    made = [(root, 0)]
    while len(made) < count:
        parent, depth = made[int(len(made) * source.random() ** 1.5)]
        if depth < 7:
            made.append((f"{parent}/{source.choice('abcdefgh')}{len(made)}", depth + 1))
    return [path for path, _ in made]


def _size(source):
    """Bytes of a file: half of them below 5 KiB, 11 KiB on average, a few of more than 1 MiB."""
    return min(int(source.lognormvariate(8.54, 1.3)), 4 * MIB)


def make_like_source(root, files=80_000, directories=5_000, seed=1):
    """Many sizes, uneven directories, a few programs among the files: 0.9 GiB."""
    source = random.Random(seed)
    pool = source.randbytes(8 * MIB)
    paths = _directories(root, directories, source)
    weights = [source.paretovariate(1.2) for _ in paths]
    for path in paths:
        os.makedirs(path)
    for number, path in enumerate(source.choices(paths, weights, k=files)):
        name = f"{path}/{source.choice(('driver', 'core', 'test', 'x'))}-{number}.c"
        start = source.randrange(4 * MIB)
        with open(name, "wb") as file:
            file.write(pool[start:start + _size(source)])
        os.chmod(name, 0o755 if number % 100 == 0 else 0o644)
        os.utime(name, ns=(SOME_TIME_NS + number, SOME_TIME_NS + number))
    return root
