"""The programs that are measured. Each sends a source to this machine and says where it arrived."""

import filecmp
import getpass
import os
import shutil
import socket
import subprocess
import threading
import time

from lab import Failure
from lab.data import compare, snapshot
from lab.network import Loopback
from lab.node import PROGRAM, Node
from lab.process import Process, run
from meter import Cost, Meter, Rest
from sources import CASES


class Contender:
    """`name` is what the table calls it; `place` is the Place where it works."""

    name = ""
    cases = CASES

    def __init__(self, place):
        self.place = place

    def can(self, case):
        return case in self.cases

    def close(self):
        pass

    def compare(self, source, arrived):
        """Fails where something did not arrive as it is in `source`, a Source."""
        if snapshot(arrived) != source.snapshot():
            compare(source.path, arrived)

    @staticmethod
    def run_measured(argv, roots, env=None):
        """Runs a command to its end; the cost of it and of the processes in `roots`."""
        meter = Meter(roots)
        child = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        meter.watch_also(child.pid)
        _, status, usage = os.wait4(child.pid, 0)
        cost = meter.stop(usage)
        child.returncode = os.waitstatus_to_exitcode(status)
        with child.stderr:
            said = child.stderr.read().decode("utf-8", "replace")
        if child.returncode != 0:
            raise Failure(f"{' '.join(argv)}: status {child.returncode}\n{said}")
        return cost


class Fxnode(Contender):
    """Two daemons that run already, as they would; `send` returns when it is durable over there."""

    name = "fxnode"
    record_layer = "auto"

    def __init__(self, place, arguments):
        super().__init__(place)
        os.environ[PROGRAM] = os.path.abspath(arguments.program)
        self.nodes = []
        for end in ("from", "to"):
            name = f"{end}-{self.record_layer}"
            host = Loopback(name, os.path.join(place.directory, f"run-{name}"))
            config = {"discovery": "off", "listen": host.listen,
                      "record-layer": self.record_layer}
            if arguments.lanes is not None:
                config["lanes"] = arguments.lanes
            self.nodes.append(Node(host, place.directory, name=name, config=config).start())

    def send(self, source, _):
        sender, receiver = self.nodes
        return self.run_measured([os.environ[PROGRAM], "send", receiver.at, source],
                                 [node.daemon.popen.pid for node in self.nodes],
                                 env=sender.environment())

    def arrived(self, case, number):
        plain = number == 0 or not self.place.keeps(case)
        return self.nodes[1].received(case if plain else f"{case} ({number + 1})")


class FxnodeSodium(Fxnode):
    """The same without OpenSSL's libcrypto."""

    name = "fxnode by libsodium"
    record_layer = "libsodium"
    cases = ("file", "byte")


class _OverSsh(Contender):
    """A private sshd on loopback with keys of its own, default ciphers."""

    def __init__(self, place, arguments):
        super().__init__(place)
        del arguments
        self.directory = os.path.join(place.directory, self.name.replace(" ", "-"))
        os.mkdir(self.directory, 0o700)
        self.made_run = os.geteuid() == 0 and not os.path.isdir("/run/sshd")
        if self.made_run:
            os.mkdir("/run/sshd", 0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        for key in ("host", "user"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.directory}/{key}"])
        shutil.copy(f"{self.directory}/user.pub", f"{self.directory}/allowed")
        self._write("sshd", f"Port {port}", "ListenAddress 127.0.0.1", "UsePAM no",
                    "StrictModes no", f"HostKey {self.directory}/host", "PidFile none",
                    "PasswordAuthentication no",
                    f"AuthorizedKeysFile {self.directory}/allowed",
                    "PermitRootLogin prohibit-password", "Subsystem sftp internal-sftp")
        self._write("ssh", f"Port {port}", f"User {getpass.getuser()}", "StrictHostKeyChecking no",
                    f"IdentityFile {self.directory}/user", "IdentitiesOnly yes", "LogLevel ERROR",
                    f"UserKnownHostsFile {self.directory}/known")
        self.daemon = Process(["/usr/sbin/sshd", "-D", "-e", "-f", f"{self.directory}/sshd"])
        self.daemon.wait_line("Server listening")

    def _write(self, name, *lines):
        with open(os.path.join(self.directory, name), "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")

    def target(self, number):
        path = os.path.join(self.directory, f"round-{number}")
        os.makedirs(path, exist_ok=True)
        return path

    def send(self, source, number):
        return self.run_measured(self.command(source, f"127.0.0.1:{self.target(number)}/"),
                                 [self.daemon.popen.pid])

    def arrived(self, case, number):
        return os.path.join(self.target(number), case)

    def close(self):
        self.daemon.stop()
        if self.made_run:
            os.rmdir("/run/sshd")


class Rsync(_OverSsh):
    name = "rsync over ssh"
    cases = ("file", "tree", "byte")
    options = ()
    cipher = ""

    def command(self, source, target):
        return ["rsync", "-a", *self.options, "-e", f"ssh -F {self.directory}/ssh {self.cipher}",
                source, target]


class RsyncAes(Rsync):
    """With the cipher that processors have instructions for."""

    name = "rsync aes128-gcm"
    cases = CASES
    cipher = "-c aes128-gcm@openssh.com"


class RsyncFsync(RsyncAes):
    """Promises what fxnode promises: what is reported is on the disk."""

    name = "rsync aes128-gcm --fsync"
    options = ("--fsync",)

    def can(self, case):
        return super().can(case) and not self.place.in_memory


class Scp(_OverSsh):
    """Waits for an answer to each file: minutes for the greater trees."""

    name = "scp"
    cases = ("file", "tree", "byte")

    def command(self, source, target):
        return ["scp", "-F", f"{self.directory}/ssh", "-q", "-r", "-p", source, target]

    def compare(self, source, arrived):
        """scp keeps no nanoseconds: contents only."""
        if os.path.isfile(source.path):
            same = filecmp.cmp(source.path, arrived, shallow=False)
        else:
            same = subprocess.call(["diff", "-r", source.path, arrived]) == 0
        if not same:
            raise Failure(f"{arrived} differs from {source.path}")


class Tcp(Contender):
    """sendfile on one side, recv and write on the other: no encryption, no names, no sync."""

    name = "bare TCP"
    cases = ("file", "byte")

    def __init__(self, place, arguments):
        super().__init__(place)
        del arguments
        self.path = os.path.join(place.directory, "tcp")

    def send(self, source, _):
        server = socket.create_server(("127.0.0.1", 0))
        rest, before, began = Rest(), os.times(), time.monotonic()
        receiver = threading.Thread(target=self._receive, args=(server,))
        receiver.start()
        with socket.create_connection(server.getsockname()) as out, open(source, "rb") as file:
            out.sendfile(file)
        receiver.join()
        wall, after = time.monotonic() - began, os.times()
        server.close()
        cpu = after.user + after.system - before.user - before.system
        return Cost(wall, cpu, 0, rest.cores(wall, cpu))

    def _receive(self, server):
        buffer = memoryview(bytearray(1 << 20))
        connection, _ = server.accept()
        with connection, open(self.path, "wb", buffering=0) as file:
            while count := connection.recv_into(buffer):
                file.write(buffer[:count])

    def arrived(self, case, number):
        return self.path

    def compare(self, source, arrived):
        if not filecmp.cmp(source.path, arrived, shallow=False):
            raise Failure(f"{arrived} differs from {source.path}")
