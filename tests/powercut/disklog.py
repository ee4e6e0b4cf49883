"""The log of logdisk.c, and what may be on a disk after its power was cut at some place in it: all that
was written before its last flush, and of what came after nothing, everything, or any pieces."""

import os
import random
import re
import struct
from collections import namedtuple

WRITE, EMPTY, FLUSH, MARK = 1, 2, 3, 4
ENTRY = struct.Struct("=QQII")
PAGE = 4096
ZEROS = bytes(PAGE)

# Where the file systems keep their superblocks, which they trust the disk to write whole.
SUPERBLOCKS = (0, 1024, 65536)

Record = namedtuple("Record", "kind file offset length at")
Choice = namedtuple("Choice", "how piece seed")
NOTHING, EVERYTHING = Choice("none", 0, 0), Choice("all", 0, 0)


class Image:
    """What is on a disk, without the pages that hold zeros."""

    def __init__(self, size, extents):
        self.size = size
        self.extents = extents

    @classmethod
    def of(cls, path):
        """That of a sparse file."""
        extents = []
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            at = 0
            while at < size:
                try:
                    at = os.lseek(file.fileno(), at, os.SEEK_DATA)
                except OSError:
                    break
                end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
                extents += _pages(os.pread(file.fileno(), end - at, at), at)
                at = end
        return cls(size, extents)

    def put(self, path):
        """Makes a sparse file of it; returns its descriptor."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.ftruncate(fd, self.size)
        for offset, data in self.extents:
            os.pwrite(fd, data, offset)
        return fd


def _pages(data, offset):
    """The runs of pages of `data` that are not zeros."""
    runs = []
    begin = None
    for at in range(0, len(data) + PAGE, PAGE):
        empty = at >= len(data) or data[at:at + PAGE] == ZEROS
        if empty and begin is not None:
            runs.append((offset + begin, data[begin:at]))
            begin = None
        elif not empty and begin is None:
            begin = at
    return runs


class Log:
    """`names` are those of the files, in the order that logdisk was given them."""

    def __init__(self, data, names):
        self.data = data
        self.names = list(names)
        self.records = []
        at = 0
        while at + ENTRY.size <= len(data):
            offset, length, kind, file = ENTRY.unpack_from(data, at)
            at += ENTRY.size
            stored = length if kind in (WRITE, MARK) else 0
            if at + stored > len(data):  # it is being written
                break
            self.records.append(Record(kind, file, offset, length, at))
            at += stored

    def __len__(self):
        return len(self.records)

    def content(self, record):
        return self.data[record.at:record.at + record.length]

    def text(self, record):
        return self.content(record).decode("utf-8", "replace")

    def marks(self, end=None, begin=0):
        """(name, line) of all that was noted from position `begin` to `end`."""
        return [(self.names[record.file], line) for record in self.records[begin:end]
                if record.kind == MARK for line in self.text(record).splitlines()]

    def after(self, kind, pattern=""):
        """Positions just after a mark like this: a promise is young; or after a flush: nothing is in a
        cache."""
        return [number + 1 for number, record in enumerate(self.records) if record.kind == kind and
                (kind != MARK or re.search(pattern, self.text(record), re.MULTILINE))]

    def state(self, image, disk, position, choice, path):
        """Makes a file of what `disk`, which began as `image`, holds after a cut at `position`."""
        number = self.names.index(disk)
        done = [record for record in self.records[:position] if record.file == number]
        flushed = max((place + 1 for place, record in enumerate(done) if record.kind == FLUSH),
                      default=0)
        fd = image.put(path)
        try:
            for record in done[:flushed]:
                self._do(fd, record)
            if choice.how != "none":
                source = random.Random(choice.seed) if choice.how == "torn" else None
                for record in done[flushed:]:
                    self._maybe_do(fd, record, source, choice.piece)
        finally:
            os.close(fd)

    def _do(self, fd, record):
        if record.kind == WRITE:
            os.pwrite(fd, self.content(record), record.offset)
        elif record.kind == EMPTY:
            _empty(fd, record.offset, record.length)

    def _maybe_do(self, fd, record, source, piece):
        """Does each piece of it with a chance of one half; all of it without a source."""
        whole = record.kind != WRITE or record.length <= PAGE and record.offset in SUPERBLOCKS
        if source is None or whole:
            if source is None or source.random() < 0.5:
                self._do(fd, record)
            return
        for at in range(0, record.length, piece):
            if source.random() < 0.5:
                begin = record.at + at
                end = min(begin + piece, record.at + record.length)
                os.pwrite(fd, self.data[begin:end], record.offset + at)


def _empty(fd, offset, length):
    zeros = bytes(1 << 20)
    for at in range(offset, offset + length, len(zeros)):
        part = os.pread(fd, min(len(zeros), offset + length - at), at)
        if part.count(0) != len(part):
            os.pwrite(fd, zeros[:len(part)], at)
