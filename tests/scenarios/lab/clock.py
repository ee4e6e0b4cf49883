"""The clocks of a node, to be set like those of a machine: see tests/scenarios/clock.c."""

import os
import struct
import time

from .errors import check
from .node import program

HOUR = 3600
DAY = 24 * HOUR
YEAR = 365 * DAY


class Clock:
    """What one machine's programs hold for the time. `env` is for its nodes."""

    def __init__(self, path):
        built = os.path.dirname(os.path.dirname(program()))
        library = os.path.join(built, "tests", "scenarios", "libscenario-clock.so")
        check(os.path.exists(library), f"{library} is not built")
        self.path = path
        self.ahead = 0
        self.passed = 0
        self._write()
        self.env = {"LD_PRELOAD": library, "FXNODE_LAB_CLOCK": path}

    def _write(self):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("=qq", self.ahead, self.passed))

    def set_ahead(self, seconds):
        """By so much of the machine's own clock; behind it where that is negative."""
        self.ahead = seconds
        self._write()

    def set_to(self, seconds):
        """To so many seconds since 1970."""
        self.set_ahead(seconds - int(time.time()))

    def let_pass(self, node, seconds):
        """Time really passes for the node's daemon: what it does every hour is done. Any command
        makes it look at the clock."""
        self.ahead += seconds
        self.passed += seconds
        self._write()
        node.run("transfers")
        node.run("transfers")
