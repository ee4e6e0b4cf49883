"""Two nodes whose files are on disks that can be cut: a sender and a receiver. What is received is on
the disk of the receiver's state, or on one of its own ("apart"); so is what is sent where that is to
be moved. They are on one host, without a network that would cost time: what a cut does is the same."""

import contextlib
import os
import select
import shutil
import signal

import volumes
from lab.network import Loopback
from lab.node import READY, Node

ROOT = "/run/power"
SOURCES = f"{ROOT}/sources"
LOGGED_FILES = f"{ROOT}/logged"
DEVICES = f"{ROOT}/devices"
HOLD = "hold"  # where logdisk hears at which record it is to stop
OURS = "test"
LOGGED = ("sender", "receiver", "client", "window", OURS, HOLD)  # who puts marks into the log
READY = READY.removeprefix("^")
KEYS = {"discovery": "off", "accept": "all", "lanes": "2"}

# Runs a program with an output of its own in the place of `1` or `2`.
REDIRECTED = 'to=$1; which=$2; shift 2; [ "$which" = 1 ] && exec "$@" >>"$to"; exec "$@" 2>>"$to"'


def disks(apart, moving):
    more = ["files", "source"] if moving else ["files"]
    return ["sender", "receiver", *(more if apart else [])]


def source(name):
    return f"{SOURCES}/{name}"


def place(disk):
    return f"{ROOT}/mnt/{disk}"


class Host(Loopback):
    """One of the two, at a port that stays the same."""

    def __init__(self, name, port):
        self.name = name
        self.address = "127.0.0.1"
        self.run_directory = f"{ROOT}/run/{name}"
        self.bus = None
        self.listen = f"{self.address}:{port}"
        os.makedirs(self.run_directory, 0o700, exist_ok=True)


class Station(Node):
    """A node of which the state is on a disk. With `marks` what its daemon and its commands say goes
    into the log, too."""

    def __init__(self, name, port, files, config):
        shutil.rmtree(f"{ROOT}/homes/{name}", ignore_errors=True)
        shutil.rmtree(f"{ROOT}/run/{name}", ignore_errors=True)
        host = Host(name, port)
        super().__init__(host, f"{ROOT}/homes", name=name, env={"FXNODE_WITNESS": "1"},
                         config={**KEYS, "listen": host.listen, **config})
        self.marks = False
        self.files = files
        self._write_config()

    @property
    def state(self):
        return f"{place(self.name)}/fxnode"

    def environment(self):
        return {**super().environment(), "XDG_STATE_HOME": place(self.name)}

    def logged(self, name, which, argv, **options):
        """Starts a program whose standard output (1) or error (2) goes into the log, as `name`."""
        return self.host.start(["sh", "-c", REDIRECTED, "sh", f"{LOGGED_FILES}/{name}", str(which), *argv],
                               env={**self.environment(), **self.env}, name=name, **options)


    def processes(self):
        """Process ids of the daemon and its helpers, while there are any."""
        with contextlib.suppress(OSError):
            return [self.daemon.popen.pid, *self.helpers()]
        return [self.daemon.popen.pid]

    def kill(self):
        end([self])

    def forget_running(self):
        """What no machine has any more that was without power."""
        shutil.rmtree(self.runtime)
        os.mkdir(self.runtime, 0o700)


def end(nodes, meanwhile=lambda: None):
    """Kills nodes and all of their helpers, does `meanwhile`, and waits until they are gone, and with
    them what they had open."""
    gone = []
    for pid in [pid for node in nodes if not node.daemon.ended() for pid in node.processes()]:
        with contextlib.suppress(ProcessLookupError):
            gone.append(os.pidfd_open(pid))
            os.kill(pid, signal.SIGKILL)
    meanwhile()
    for fd in gone:
        select.select([fd], [], [])
        os.close(fd)
    for node in nodes:
        node.daemon.popen.wait()


class Bench:
    """The two nodes, and the disks under them once they are mounted."""

    def __init__(self, kind, apart, config, moving=False):
        self.kind = kind
        self.disks = disks(apart, moving)
        self.sources = f"{place('source' if apart else 'sender')}/sources" if moving else SOURCES
        os.makedirs(DEVICES, exist_ok=True)
        files = f"{place('files' if apart else 'receiver')}/files"
        self.sender = Station("sender", 42421, f"{place('sender')}/files", config)
        self.receiver = Station("receiver", 42422, files, config)
        self.volumes = {}

    @property
    def nodes(self):
        return (self.sender, self.receiver)

    def source(self, name):
        """Where what is sent is read."""
        return f"{self.sources}/{name}"

    def mount(self, paths):
        """`paths`: {disk: its file}."""
        for disk, path in paths.items():
            self.volumes[disk] = volumes.Volume(self.kind, path, place(disk), DEVICES)

    def unmount(self, names):
        for disk in names:
            self.volumes.pop(disk).unmount()

    def sync(self):
        for volume in self.volumes.values():
            volume.sync()

    def stop(self):
        for node in self.nodes:
            if node.daemon is not None:
                node.stop()
                node.daemon = None

    def clear(self):
        """Whatever happened before: nothing runs, nothing is mounted."""
        end([node for node in self.nodes if node.daemon is not None])
        for node in self.nodes:
            node.daemon = None
        self.unmount(list(self.volumes))
