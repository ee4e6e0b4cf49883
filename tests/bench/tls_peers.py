"""What people put together with TLS, each with a certificate that is made for the run."""

import os

from contenders import Contender
from field import free_port, wait_listening
from lab.process import run


class _OverTls(Contender):
    cases = ("file",)
    keeps_times = False

    def __init__(self, field, arguments):
        super().__init__(field, arguments)
        self.key, self.certificate = (f"{self.directory}/{name}" for name in ("key", "certificate"))
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-keyout", self.key, "-out", self.certificate,
             "-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{field.receiver.address}"])


class Socat(_OverTls):
    """A stream through a pipe of TLS: no name, no end that is told from a break."""

    name = "socat with TLS"
    needs = ("socat", "openssl")
    block = "262144"

    def send(self, source, number):
        port, address = free_port(), self.field.receiver.address
        target = os.path.join(self.target(number), os.path.basename(source))
        receiver = self.start_receiver(
            port, "socat", "-u", "-b", self.block,
            f"OPENSSL-LISTEN:{port},bind={address},verify=0,cert={self.certificate},key={self.key}",
            f"OPEN:{target},creat,excl,wronly")
        return self.measure(
            self.from_sender("socat", "-u", "-b", self.block, f"FILE:{source}",
                             f"OPENSSL:{address}:{port},cafile={self.certificate}"),
            receiver=receiver)


class Rclone(_OverTls):
    """The receiver fetches by https from a server at the sender, in several streams, which is
    rclone's faster way. Loopback, where it does not matter whose address that is."""

    name = "rclone over https"
    needs = ("rclone", "openssl")
    plain = ("rclone", "--config", "/dev/null")

    def __init__(self, field, arguments):
        super().__init__(field, arguments)
        self.port = free_port()
        self.server = field.sender.start([
            *self.plain, "serve", "http", field.place.directory, "--cert", self.certificate,
            "--key", self.key, "--addr", f"{field.sender.address}:{self.port}"])
        wait_listening(self.server.popen, self.port)

    def send(self, source, number):
        name = os.path.basename(source)
        url = f":http,url='https://{self.field.sender.address}:{self.port}':{name}"
        target = os.path.join(self.target(number), name)
        return self.measure([*self.plain, "--ca-cert", self.certificate, "copyto", url, target],
                            [self.server.popen.pid])

    def close(self):
        self.server.stop()


KINDS = (Socat, Rclone)
