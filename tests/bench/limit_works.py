#!/usr/bin/env python3
"""limit_works.py LIMIT: the limit program moves a file right, by each cipher and in each way, and
says so where it cannot. A figure is worth nothing beside a program that does less than it says."""

import filecmp
import os
import socket
import subprocess
import sys
import tempfile

SIZE = 1_234_567  # no multiple of a frame


def run(*argv):
    return subprocess.run(argv, check=False, stderr=subprocess.DEVNULL, timeout=30).returncode


def expect(holds, what):
    if not holds:
        sys.exit(f"not so: {what}")


def send_and_receive(limit, source, target):
    with socket.create_server(("127.0.0.1", 0)) as free:
        at = f"127.0.0.1:{free.getsockname()[1]}"
    with subprocess.Popen([limit, "receive", at, target], stderr=subprocess.PIPE) as receiver:
        expect(receiver.stderr.readline() == b"listening\n", "a receiver says that it listens")
        expect(run(limit, "send", at, source) == 0, "send")
        expect(receiver.wait(30) == 0, "receive")


def main():
    limit = sys.argv[1]
    with tempfile.TemporaryDirectory() as directory:
        source = os.path.join(directory, "source")
        with open(source, "wb") as file:
            file.write(os.urandom(SIZE))
        for cipher in ("auto", "libsodium", "none"):
            target = os.path.join(directory, cipher)
            expect(run(limit, "--cipher", cipher, "--lanes", "3", "copy", source, target) == 0,
                   cipher)
            expect(filecmp.cmp(source, target, shallow=False), f"{cipher}: arrived the same")
        target = os.path.join(directory, "apart")
        send_and_receive(limit, source, target)
        expect(filecmp.cmp(source, target, shallow=False), "apart: arrived the same")
        expect(run(limit, "copy", source, target) == 1, "nothing is written over")
        expect(run(limit, "copy", f"{source}-none", f"{target}-2") == 1, "no source, no copy")
        expect(run(limit, "--lanes", "9", "copy", source, f"{target}-3") == 2, "9 lanes: usage")


if __name__ == "__main__":
    main()
