"""rsync and scp over a private sshd with keys of its own, and rsync's own daemon."""

import getpass
import os
import shutil
import subprocess

from contenders import Contender
from field import free_port, wait_listening
from lab import Failure
from lab.process import run

SSHD = "/usr/sbin/sshd"


class _WithServer(Contender):
    """Something that listens at the receiving end all the time."""

    def __init__(self, field, arguments):
        super().__init__(field, arguments)
        self.port = free_port()
        self.server = None

    def serve(self, *argv):
        self.server = self.field.receiver.start(argv)
        wait_listening(self.server.popen, self.port)

    def write(self, name, *lines):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def send(self, source, number):
        return self.measure(self.from_sender(*self.command(source, number)),
                            [self.server.popen.pid])

    def close(self):
        self.server.stop()


class _OverSsh(_WithServer):
    needs = ("ssh", "sshd", "ssh-keygen")

    def __init__(self, field, arguments):
        super().__init__(field, arguments)
        self.made_run = os.geteuid() == 0 and not os.path.isdir("/run/sshd")
        if self.made_run:
            os.mkdir("/run/sshd", 0o755)
        for key in ("host", "user"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.directory}/{key}"])
        shutil.copy(f"{self.directory}/user.pub", f"{self.directory}/allowed")
        self.write("sshd", f"Port {self.port}", f"ListenAddress {field.receiver.address}",
                   "UsePAM no", "StrictModes no", f"HostKey {self.directory}/host", "PidFile none",
                   "PasswordAuthentication no", f"AuthorizedKeysFile {self.directory}/allowed",
                   "PermitRootLogin prohibit-password", "Subsystem sftp internal-sftp")
        self.write("ssh", f"Port {self.port}", f"User {getpass.getuser()}", "LogLevel ERROR",
                   f"IdentityFile {self.directory}/user", "IdentitiesOnly yes",
                   "StrictHostKeyChecking no", f"UserKnownHostsFile {self.directory}/known")
        self.serve(SSHD, "-D", "-e", "-f", f"{self.directory}/sshd")

    def over_there(self, number):
        return f"{self.field.receiver.address}:{self.target(number)}/"

    def close(self):
        super().close()
        if self.made_run:
            os.rmdir("/run/sshd")


class Rsync(_OverSsh):
    name = "rsync over ssh"
    needs = ("rsync", *_OverSsh.needs)
    cases = ("file", "tree", "byte")
    options = ()
    cipher = ""

    def command(self, source, number):
        return ["rsync", "-a", *self.options, "-e", f"ssh -F {self.directory}/ssh {self.cipher}",
                source, self.over_there(number)]


class RsyncAes(Rsync):
    """With the cipher that processors have instructions for."""

    name = "rsync aes128-gcm"
    cases = Contender.cases
    cipher = "-c aes128-gcm@openssh.com"


class RsyncFsync(RsyncAes):
    """Promises what fxnode promises: what is reported is on the disk. For one large file that is
    the same as a sync at the end."""

    name = "rsync aes128-gcm --fsync"
    cases = ("tree", "byte", "empty", "source")
    options = ("--fsync",)
    durable = True

    def can(self, case):
        return super().can(case) and not self.field.place.in_memory


class RsyncZstd(RsyncAes):
    """For what packs well."""

    name = "rsync aes128-gcm -z"
    cases = ("text", "gigabit-text")
    options = ("-z", "--compress-choice=zstd", "--compress-level=1")


class Scp(_OverSsh):
    """Waits for an answer to each file: minutes for the greater trees."""

    name = "scp"
    needs = ("scp", *_OverSsh.needs)
    cases = ("file", "tree", "byte")
    keeps_times = False  # no nanoseconds

    def command(self, source, number):
        return ["scp", "-F", f"{self.directory}/ssh", "-q", "-r", "-p", source,
                self.over_there(number)]

    def compare(self, source, arrived):
        if not os.path.isdir(source.path):
            super().compare(source, arrived)
        elif subprocess.call(["diff", "-r", source.path, arrived]) != 0:
            raise Failure(f"{arrived} differs from {source.path}")


class RsyncDaemon(_WithServer):
    name = "rsync daemon"
    needs = ("rsync",)
    cases = ("file", "tree", "byte")
    secret = False

    def __init__(self, field, arguments):
        super().__init__(field, arguments)
        user = [f"uid = {os.geteuid()}", f"gid = {os.getegid()}"] if os.geteuid() == 0 else []
        config = self.write("rsyncd", f"port = {self.port}", *user,
                            f"address = {field.receiver.address}", "use chroot = no",
                            f"log file = {self.directory}/log", f"[here]\npath = {self.directory}",
                            "read only = no")
        self.serve("rsync", "--daemon", "--no-detach", f"--config={config}")

    def command(self, source, number):
        self.target(number)
        return ["rsync", "-a", source,
                f"rsync://{self.field.receiver.address}:{self.port}/here/round-{number}/"]


KINDS = (Rsync, RsyncAes, RsyncFsync, RsyncZstd, Scp, RsyncDaemon)
