"""What a run costs: wall time, and from the outside the CPU time and peak memory of every process
that belongs to either end."""

import os
import threading
import time
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY = 0.05


@dataclass
class Cost:
    wall: float  # seconds
    cpu: float   # seconds, user and system, both ends
    peak: int    # bytes, greatest resident size of one process
    rest: float  # processors kept busy by the rest of the machine meanwhile


class Rest:
    """What the machine does beside: a figure from a busy machine can be told from a quiet one's.
    What the kernel does on its own account (writing to the disk) is in it too."""

    def __init__(self):
        self._before = self._busy()

    @staticmethod
    def _busy():
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _, _, interrupts, soft = map(int, file.readline().split()[1:8])
        return (user + nice + system + interrupts + soft) / TICKS

    def cores(self, wall, cpu):
        """Of `wall` seconds since the start, with `cpu` seconds that are ours."""
        return max(0.0, (self._busy() - self._before - cpu) / wall)


def warm(path):
    """Reads a file or tree through, so that no run pays for the disk."""
    paths = [path] if os.path.isfile(path) else [
        os.path.join(directory, name) for directory, _, names in os.walk(path) for name in names]
    for name in paths:
        with open(name, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def _stat(pid):
    """(parent, CPU seconds of the process and of its children that it has waited for), or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), sum(map(int, fields[11:15])) / TICKS


def family(roots):
    """{pid: CPU seconds} of processes and all that descend from them."""
    found = {int(name): _stat(name) for name in os.listdir("/proc") if name.isdigit()}
    members = set(roots)
    grew = True
    while grew:
        more = {pid for pid, row in found.items() if row and row[0] in members} - members
        grew = bool(more)
        members |= more
    return {pid: found[pid][1] for pid in members if found.get(pid)}


def used(roots):
    """CPU seconds of processes and all that descend from them. Who ends while they are read may be
    found neither by itself nor in what its parent has waited for: then they are read again."""
    members, before = family(roots), None
    while members.keys() != before:
        before = members.keys()
        members = family(roots)
    return sum(members.values())


def _peak(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class Meter:
    """Measures from its making to stop(): the processes in `roots` with all their descendants, both
    those that run on and, through their parents, those that end."""

    def __init__(self, roots):
        self.roots = list(roots)
        self._watched = list(roots)
        self._before = used(roots)
        self._peak = 0
        self._rest = Rest()
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._began = time.monotonic()
        self._watcher.start()

    def watch_also(self, pid):
        """Counts a command's memory too. (Its ru_maxrss would hold that of the interpreter, from
        which it was forked.)"""
        self._watched.append(pid)

    def _watch(self):
        """Peaks have to be read while a process lives; VmHWM keeps what came between the looks."""
        while True:
            self._peak = max([self._peak, *map(_peak, family(self._watched))])
            if self._done.wait(EVERY):
                return

    def stop(self, ended):
        """The cost, with `ended`, what commands that ended meanwhile have used (os.wait4)."""
        wall = time.monotonic() - self._began
        self._done.set()
        self._watcher.join()
        cpu = used(self.roots) - self._before
        cpu += sum(usage.ru_utime + usage.ru_stime for usage in ended)
        return Cost(wall, cpu, self._peak, self._rest.cores(wall, cpu))
