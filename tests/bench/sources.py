"""What is sent: the same bytes, names and times in each run."""

import os
import random
import shutil
import subprocess

from lab.data import MIB, SOME_TIME_NS, make_file, make_many, snapshot

TITLES = {"file": "one file of {size} MiB",
          "tree": "20,000 files of 4 KiB",
          "byte": "a file of 1 byte",
          "empty": "100,000 empty files",
          "source": "80,000 files in 5,000 directories, like the source of Linux"}
CASES = tuple(TITLES)


class Place:
    """A directory to work in. Trees that arrived stay there until the end, because a disk's file
    system makes files more slowly after many were deleted; in memory they would only take room."""

    def __init__(self, directory):
        self.directory = directory
        kind = subprocess.run(["stat", "-f", "-c", "%T", directory], check=True, text=True,
                              capture_output=True)
        self.kind = kind.stdout.strip()
        self.in_memory = self.kind in ("tmpfs", "ramfs")

    def keeps(self, case):
        return case != "file" and not self.in_memory


class Source:
    """One case's file or tree, made in a Place; `size` in MiB is for "file"."""

    def __init__(self, case, place, size):
        self.path = os.path.join(place.directory, case)
        self._snapshot = None
        if case == "tree":
            make_many(self.path, 20_000)
        elif case == "empty":
            make_many(self.path, 100_000, size=0)
        elif case == "source":
            make_like_source(self.path)
        else:
            make_file(self.path, size * MIB if case == "file" else 1)

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
