"""A transfer of many small files that is cut in the middle, and how it goes on."""

import os
import statistics
import time
from dataclasses import dataclass

from lab.data import MIB, compare, make_many
from lab.network import Loopback
from lab.node import PROGRAM, Node
from relay import Relay
from sources import remove

FILES = 100_000
SIZE = 4096
TITLE = f"{FILES:,} files of {SIZE // 1024} KiB, cut in the middle by the end of the receiver"
DATA = 16 * 1024  # more than is said before the first data when the manifest is there already


@dataclass
class Resumed:
    first: float  # seconds from the new connection to its first data
    rest: float   # seconds from there to the end of the command
    twice: int    # bytes that went over in both attempts together, beyond those of the files


class CutTransfer:
    """Two nodes with a relay between them. The receiver's daemon is killed where half of the bytes
    went over, and is started again at once."""

    def __init__(self, place, arguments):
        os.environ[PROGRAM] = os.path.abspath(arguments.program)
        self.place = place
        self.source = os.path.join(place.directory, "resume")
        make_many(self.source, FILES, size=SIZE)

    def run(self, number):
        sender, receiver = (self._node(f"{end}-{number}") for end in ("leaver", "stayer"))
        receiver.configure(listen=receiver.at)
        relay = Relay((receiver.host.address, receiver.port))
        command = sender.command("send", f"127.0.0.1:{relay.port}", self.source)
        relay.wait_for(FILES * SIZE // 2)
        receiver.kill()
        before = len(relay.calls)
        receiver.start()
        if command.wait(300) != 0:
            raise RuntimeError(command.said())
        ended = time.monotonic()
        arrived = receiver.received("resume")
        compare(self.source, arrived)
        first = min(call.reached(DATA) for call in relay.calls[before:])
        called = relay.calls[before].made
        result = Resumed(first - called, ended - first, relay.sent() - FILES * SIZE)
        relay.close()
        for node in (sender, receiver):
            node.stop()
        if self.place.in_memory:
            remove(arrived)
        return result

    def _node(self, name):
        host = Loopback(name, os.path.join(self.place.directory, f"run-{name}"))
        config = {"discovery": "off", "listen": host.listen}
        return Node(host, self.place.directory, name=name, config=config).start()


def show(results, place):
    """Prints the medians of some Resumed."""
    first, rest, twice = (statistics.median(getattr(result, field) for result in results)
                          for field in ("first", "rest", "twice"))
    print(f"\n{TITLE}, on {place.kind}: median\n"
          f"{first:.3f} s from the new connection to its first data, {rest:.3f} s for the rest, "
          f"{twice / MIB:.1f} MiB more than the files have")
