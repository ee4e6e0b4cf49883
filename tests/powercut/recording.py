"""Runs on logged disks: what they held before, and the log of what was done to them."""

import os
import shutil
import threading

import stations
import volumes
import workloads
from disklog import Image, Log
from lab import check_equal
from lab.node import program
from lab.process import Process
from lab.process import run as run_command

READY = f"^{stations.READY}"
IMAGES = f"{stations.ROOT}/images"
LOG = f"{stations.ROOT}/log"


def image_paths(disks):
    """Where the files of disks are put; there is one of each at a time."""
    os.makedirs(IMAGES, exist_ok=True)
    return {disk: f"{IMAGES}/{disk}" for disk in disks}


class Base:
    """The disks of two nodes: "empty", or of "strangers" of which one has sent the other some files, or
    of the same, "paired"; "moving" if what is sent is on them, too."""

    def __init__(self, kind, apart, origin):
        self.kind = kind
        self.apart = apart
        self.moving = origin == "moving"
        self.images = {}
        bench = self.bench({})
        try:
            self._make(bench, origin)
        finally:
            bench.clear()
            shutil.rmtree(IMAGES, ignore_errors=True)

    def bench(self, config):
        """Nodes for disks like these."""
        return stations.Bench(self.kind, self.apart, config, self.moving)

    def put(self):
        """Makes the disks; returns their files, {disk: path}."""
        paths = image_paths(self.images)
        for disk, path in paths.items():
            os.close(self.images[disk].put(path))
        return paths

    def _make(self, bench, origin):
        paths = image_paths(bench.disks)
        for path in paths.values():
            volumes.make(self.kind, path)
        bench.mount(paths)
        for node in bench.nodes:
            os.mkdir(node.files)
        if origin != "empty":
            self._meet(bench, origin != "strangers")
        if self.moving:
            run_command(["cp", "-a", stations.SOURCES, bench.sources])
        bench.clear()
        self.images = {disk: Image.of(path) for disk, path in paths.items()}

    @staticmethod
    def _meet(bench, paired):
        for node in bench.nodes:
            node.start()
        if paired:
            bench.sender.knows(bench.receiver)
            bench.receiver.knows(bench.sender)
        bench.sender.send(bench.receiver, *map(stations.source, workloads.BASE))
        bench.receiver.check_tidy()
        bench.stop()


class Plain:
    """A bench on plain disks while it runs, until close()."""

    def __init__(self, bench, paths):
        self.bench = bench
        self.sender = bench.sender
        self.receiver = bench.receiver
        bench.mount(paths)

    def source(self, name):
        return self.bench.source(name)

    def start(self, node):
        node.start()

    @staticmethod
    def wait_said(node, pattern, patience=None):
        """The match of the first line like this that the daemon has said since it was started."""
        return node.daemon.wait_line(f"^{pattern}", patience=patience)

    def client(self, *arguments):
        return self.sender.command(*arguments)

    def pair(self):
        """Pairs the two with a code."""
        window = self.receiver.command("pair")
        code = window.wait_line(r"^(\d{4}) (\d{4})$", window.out)
        self.sender.run("pair", self.receiver.at, typed=code[1] + code[2] + "\n")
        check_equal(window.wait(), 0, "status of pair")

    def close(self):
        self.bench.clear()


class Logged(Plain):
    """The same on logged disks: all that is said goes into the log."""

    def __init__(self, bench, paths, logdisk):
        self.names = [*bench.disks, *stations.LOGGED]
        self.started = {}  # how many lines there were when a daemon was started
        os.makedirs(stations.LOGGED_FILES, exist_ok=True)
        self.logdisk = Process([logdisk, stations.LOGGED_FILES, LOG,
                                *(f"{disk}-disk={paths[disk]}" for disk in bench.disks),
                                *stations.LOGGED], name="logdisk", typed=True)
        self.logdisk.wait_line("^logdisk: ready$", lines=self.logdisk.out)
        super().__init__(bench, {disk: f"{stations.LOGGED_FILES}/{disk}-disk"
                                 for disk in bench.disks})

    def _wait_mark(self, pattern, after, patience=None):
        """The match of the first line from `after` on that went into the log, "NAME: LINE"."""
        return self.logdisk.wait_line(pattern, self.logdisk.out, patience, after)

    def wait_said(self, node, pattern, patience=None):
        return self._wait_mark(f"^{node.name}: {pattern}", self.started[node.name], patience)

    def start(self, node):
        """Starts a daemon that speaks into the log, and waits until it is ready."""
        self.started[node.name] = len(self.logdisk.out)
        node.daemon = node.logged(node.name, 2, [program(), "daemon"])
        ready = self.wait_said(node, stations.READY)
        node.id, node.port = ready["id"], int(ready["port"])

    def client(self, *arguments):
        """A command of the sender that speaks into the log."""
        return self.sender.logged("client", 1, [program(), *arguments])

    def pair(self):
        after = len(self.logdisk.out)
        window = self.receiver.logged("window", 1, [program(), "pair"])
        code = self._wait_mark(r"^window: (\d{4}) (\d{4})$", after)
        typist = self.sender.logged("client", 1, [program(), "pair", self.receiver.at], typed=True)
        typist.type(code[1] + code[2] + "\n", last=True)
        for process in (typist, window):
            check_equal(process.wait(), 0, "status of pair")

    def hold(self, kind, count):
        """Has the log stop at the `count`-th record of a kind (0: any) from now on; once."""
        with open(f"{stations.LOGGED_FILES}/{stations.HOLD}", "w", encoding="ascii") as file:
            file.write(f"{kind} {count}")

    def wait_held(self):
        """How many records there are, when it has stopped."""
        return int(self.logdisk.wait_line(r"^logdisk: held at (\d+)$", self.logdisk.out)[1])

    def go_on(self):
        self.logdisk.type("\n")

    @staticmethod
    def mark(text):
        """Puts a line of our own into the log."""
        with open(f"{stations.LOGGED_FILES}/{stations.OURS}", "w", encoding="ascii") as file:
            file.write(f"{text}\n")

    def log(self):
        """What was logged until now."""
        with open(LOG, "rb") as file:
            return Log(file.read(), self.names)

    def whole_log(self):
        """With all that was still to be written out."""
        self.bench.sync()
        return self.log()

    def close(self):
        super().close()
        self.logdisk.stop()


class Restless(threading.Thread):
    """Somebody else on the same disks, who has them written now and then: what nobody has asked to be
    durable may be so, in part."""

    LONGEST = 0.03  # seconds between two of them; what is tried is how it happens to fall

    def __init__(self, bench, source):
        super().__init__(daemon=True)
        self.volumes = list(bench.volumes.values())
        self.source = source
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(self.source.random() * self.LONGEST):
            self.source.choice(self.volumes).sync()

    def stop(self):
        self.over.set()
        self.join()


def record(base, workload, logdisk, restless=None, **env):
    """Runs a workload on disks like those of `base`, with `env` for its daemons; beside somebody who
    is restless where there is randomness for it. Returns the log."""
    bench = base.bench(workload.config)
    for node in bench.nodes:
        node.env.update(env)
    run = Logged(bench, base.put(), logdisk)
    other = Restless(bench, restless) if restless is not None else None
    try:
        for node in (bench.receiver, bench.sender):
            run.start(node)
        workload.drive(run)
        bench.receiver.check_tidy()
        return run.whole_log()
    finally:
        if other is not None:
            other.stop()
        run.close()
