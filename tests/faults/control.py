"""The file by which fault-preload is told which call fails, and tells what was called: see fault.h,
which has the same layout."""

import collections
import errno
import mmap
import os
import struct
import subprocess

ROLES = ("command", "daemon", "session", "discovery")
CALLS = ("memory", "map", "open", "close", "read", "pread", "write", "pwrite", "copy", "seek",
         "sync", "rename", "link", "unlink", "mkdir", "truncate", "allocate", "mode", "times",
         "setxattr", "getxattr", "stat", "readlink", "readdir", "lock", "dup", "socket",
         "socketpair", "events", "watch", "accept", "connect", "bind", "option", "send", "receive",
         "poll", "wait", "thread", "fork", "exec")
SHORT = "short"

_HEAD = struct.Struct("=IIQiI")
_COUNTS = struct.Struct(f"={len(ROLES) * len(CALLS)}Q")
_FRAME = struct.Struct("=Q104s")
_FRAMES = 24
_RECORDING = _HEAD.size + _COUNTS.size + _FRAMES * _FRAME.size
_RECORD = struct.Struct("=IIQ")
_RECORDS = 65536
_BEFORE_RECORDS = _RECORDING + 8
_SIZE = _BEFORE_RECORDS + _RECORDS * _RECORD.size

# One call of one role that fails: "session", "sync", 3, "EIO".
Place = collections.namedtuple("Place", "role call n error")


class Control:
    """The control file of one node. `environment` is for its daemon and its commands."""

    def __init__(self, path, preload):
        with open(path, "wb") as file:
            file.truncate(_SIZE)
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self.environment = {"FXNODE_FAULT_FILE": path, "LD_PRELOAD": preload}

    def arm(self, place=None, recording=False):
        """Counts from 0; with a Place that one call will fail."""
        self._map[:_BEFORE_RECORDS] = bytes(_BEFORE_RECORDS)
        struct.pack_into("=I", self._map, _RECORDING, recording)
        if place is not None:
            error = -1 if place.error == SHORT else getattr(errno, place.error)
            _HEAD.pack_into(self._map, 0, ROLES.index(place.role), CALLS.index(place.call), place.n,
                            error, 0)

    def disarm(self):
        """Nothing fails or is recorded from now on; what was counted stays."""
        struct.pack_into("=Q", self._map, 8, 0)
        struct.pack_into("=I", self._map, _RECORDING, False)

    def fired(self):
        return _HEAD.unpack_from(self._map, 0)[4] != 0

    def counts(self):
        """{(role, call): how many} of what was called at all."""
        numbers = iter(_COUNTS.unpack_from(self._map, _HEAD.size))
        return {(role, call): count for role in ROLES for call in CALLS if (count := next(numbers))}

    def callers(self):
        """[((role, call), n, a number for those who made it)] of all that was recorded."""
        count = struct.unpack_from("=I", self._map, _RECORDING + 4)[0]
        if count > _RECORDS:
            raise ValueError(f"{count} calls, and room for {_RECORDS} records")
        result = []
        for number in range(count):
            which, n, callers = _RECORD.unpack_from(
                self._map, _BEFORE_RECORDS + number * _RECORD.size)
            result.append(((ROLES[which >> 8], CALLS[which & 255]), n, callers))
        return result

    def caller(self, role):
        """Who made the call that failed, the innermost first, by the program's line numbers."""
        program = os.environ["FXNODE_PROGRAM"] + ("" if role == "command" else f"-{role}")
        lines = []
        for number in range(_FRAMES):
            offset, name = _FRAME.unpack_from(
                self._map, _HEAD.size + _COUNTS.size + number * _FRAME.size)
            name = os.fsdecode(name.split(b"\0")[0])
            if offset == 0 or "fault-preload" in name:
                continue
            lines.append(_line(name if ".so" in name else program, offset - 1))
        return " < ".join(lines)


def _line(name, address):
    if "fxnode" not in os.path.basename(name):
        return os.path.basename(name)
    done = subprocess.run(["addr2line", "-fse", name, hex(address)], capture_output=True, text=True,
                          check=False)
    function, line = (done.stdout.split("\n") + ["", ""])[:2]
    return f"{function} ({line})"
