"""Where a case is run: a place on a disk or in memory, and the two hosts that play the ends."""

import os
import socket
import time

from lab import Failure
from lab.network import Lan, Loopback
from lab.process import PATIENCE, Process, run

SHORT = 0.005  # seconds between two looks at what the kernel does not announce


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _listens(pid, port):
    """Whether there is a listener on a port, in the network of a process."""
    for name in ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{name}", encoding="ascii") as file:
            rows = [line.split() for line in file]
        if any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows[1:]):
            return True
    return False


def wait_listening(popen, port):
    """Until a started program, which need not say so, listens."""
    deadline = time.monotonic() + PATIENCE
    while not _listens(popen.pid, port):
        if popen.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"{popen.args}: does not listen on port {port}")
        time.sleep(SHORT)


class Field:
    """Both ends on this machine."""

    link = None

    def __init__(self, place):
        self.place = place
        self.sender, self.receiver = self.hosts("ends")

    def hosts(self, name):
        """The hosts of sender and receiver, for whoever calls itself so."""
        return [Loopback(f"{end}-{name}", os.path.join(self.place.directory, f"run-{end}-{name}"))
                for end in ("from", "to")]

    def close(self):
        pass


class LinkedField(Field):
    """Both ends on hosts of the laboratory, with a Link between them. Only inside of it."""

    def __init__(self, place, link, lan, hub):
        self.link = link
        self._lan = lan
        super().__init__(place)
        for host in lan.hosts:
            run(["ip", "link", "set", host.port, "nomaster"])
            host.limit_rate("1gbit", free=128 << 10)
        self._hub = Process([hub, *(host.port for host in lan.hosts), str(link.delay),
                             str(link.loss)])
        self._hub.wait_line("^connected")

    def hosts(self, name):
        return self._lan.hosts

    def close(self):
        self._hub.kill()


def new_lan():
    return Lan(2)
