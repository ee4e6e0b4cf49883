"""The programs that are measured. Each sends a source from one end to the other and says where it
arrived. This file has what all have in common, fxnode, and the limit program."""

import filecmp
import os
import shutil
import subprocess

from cases import CASES, LINKED
from field import free_port, wait_listening
from lab import Failure
from lab.data import compare, snapshot
from lab.isolate import search_path
from lab.node import PROGRAM, Node
from meter import Meter


class Contender:
    """`name` is what the tables call it; `needs` names programs that it is made of. `durable`: what
    it has reported is on the disk. `secret`: nobody on the way can read it."""

    name = ""
    cases = tuple(CASES)
    needs = ()
    durable = False
    secret = True
    keeps_times = True

    def __init__(self, field, arguments):
        self.field = field
        self.directory = os.path.join(field.place.directory, self.name.replace(" ", "-"))
        self.arguments = arguments
        os.mkdir(self.directory, 0o700)

    @classmethod
    def lacks(cls):
        """What is not installed, or None."""
        return next((name for name in cls.needs
                     if shutil.which(name, path=search_path()) is None), None)

    def can(self, case):
        return case.name in self.cases

    def close(self):
        pass

    def target(self, number):
        """A directory for what arrives in one round."""
        path = os.path.join(self.directory, f"round-{number}")
        os.makedirs(path, exist_ok=True)
        return path

    def arrived(self, case, number):
        return os.path.join(self.target(number), case.name)

    def compare(self, source, arrived):
        """Fails where something did not arrive as it is in `source`, a Source."""
        if not os.path.isfile(source.path):
            if snapshot(arrived) != source.snapshot():
                compare(source.path, arrived)
            return
        if not filecmp.cmp(source.path, arrived, shallow=False):
            raise Failure(f"{arrived} differs from {source.path}")
        was, got = os.stat(source.path), os.stat(arrived)
        if self.keeps_times and (was.st_mode, was.st_mtime_ns) != (got.st_mode, got.st_mtime_ns):
            raise Failure(f"{arrived} has another mode or time than {source.path}")

    def from_sender(self, *argv):
        return self.field.sender.inside(*argv)

    def start_receiver(self, port, *argv):
        """Starts a program at the receiving end, for measure(), and waits until it listens."""
        started = _start(self.field.receiver.inside(*argv))
        wait_listening(started, port)
        return started

    def measure(self, argv, roots=(), receiver=None, env=None):
        """Runs a command to its end, and to its end a program from start_receiver(); what nobody
        has put on the disk by then is. The cost of all that and of the processes in `roots`."""
        meter = Meter(roots)
        children = [_start(argv, env), *filter(None, (receiver,))]
        for child in children:
            meter.watch_also(child.pid)
        usages = _end_all(children)
        if not self.durable and not self.field.place.in_memory:
            usages += _end_all([_start(["sync", "-f", self.directory])])
        return meter.stop(usages)


def _start(argv, env=None):
    return subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)


def _end_all(children):
    """What they have used when all have ended well; where one fails the others are ended."""
    usages = []
    for child in children:
        with child.stderr:
            said = child.stderr.read().decode("utf-8", "replace")
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        usages.append(usage)
        if child.returncode != 0:
            for other in children[len(usages):]:
                other.kill()
                other.wait()
            raise Failure(f"{' '.join(child.args)}: status {child.returncode}\n{said}")
    return usages


class Fxnode(Contender):
    """Two daemons that run already, as they would; `send` returns when it is durable over there."""

    name = "fxnode"
    durable = True
    record_layer = "auto"

    def __init__(self, field, arguments):
        super().__init__(field, arguments)
        os.environ[PROGRAM] = os.path.abspath(arguments.program)
        config = {"discovery": "off", "record-layer": self.record_layer}
        if arguments.lanes is not None:
            config["lanes"] = arguments.lanes
        self.nodes = []
        for end, host in zip(("from", "to"), field.hosts(self.record_layer)):
            if field.link is None:
                config["listen"] = host.listen
            name = f"{end}-{field.link.name if field.link else self.record_layer}"
            self.nodes.append(Node(host, self.directory, name=name, config=config).start())

    def send(self, source, _):
        sender, receiver = self.nodes
        return self.measure(self.from_sender(os.environ[PROGRAM], "send", receiver.at, source),
                            [node.daemon.popen.pid for node in self.nodes],
                            env=sender.environment())

    def arrived(self, case, number):
        plain = number == 0 or not self.field.place.keeps(case)
        return self.nodes[1].received(case.name if plain else f"{case.name} ({number + 1})")

    def close(self):
        for node in self.nodes:
            node.stop()


class FxnodeSodium(Fxnode):
    """The same without OpenSSL's libcrypto."""

    name = "fxnode by libsodium"
    record_layer = "libsodium"
    cases = ("file", "byte")


class Limit(Contender):
    """Nothing but the path of a large file, in its best circumstances: limit.c. TCP without pacing,
    which costs time where there is no link."""

    name = "limit"
    cases = ("file",)
    keeps_times = False
    cipher = "auto"

    def send(self, source, number):
        target = os.path.join(self.target(number), os.path.basename(source))
        return self.measure([self.arguments.limit, "--cipher", self.cipher, "--congestion", "reno",
                             "copy", source, target])


class LimitSodium(Limit):
    name = "limit by libsodium"
    cipher = "libsodium"


class PlainTcp(Limit):
    """One connection, read and written as it comes, by the system's congestion control."""

    name = "plain TCP"
    cases = ("file", "text", "byte", *LINKED)
    secret = False

    def send(self, source, number):
        limit = [self.arguments.limit, "--cipher", "none", "--lanes", "1"]
        port = free_port()
        at = f"{self.field.receiver.address}:{port}"
        target = os.path.join(self.target(number), os.path.basename(source))
        receiver = self.start_receiver(port, *limit, "receive", at, target)
        return self.measure(self.from_sender(*limit, "send", at, source), receiver=receiver)
