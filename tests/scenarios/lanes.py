"""Connections beside the control connection get lost: the transfer goes on without a stop."""

import re

from lab import check, check_equal
from lab.data import MIB, compare, make_file

SIZE = 40 * MIB

# Five seconds and more for the rest, on a busy machine too, while a lane is lost and another comes.
RATE = "50mbit"

# Nothing that is sent from a port arrives any more; nobody is told.
DROP = """table netdev lanes {{ chain lanes {{
type filter hook ingress device "eth0" priority 0;
tcp sport {} drop
}}
}}"""


class Transfer:
    """A file on its way over two lanes, with some of it over there already."""

    def __init__(self, lab):
        nodes = {"config": {"lanes": 2, "batch": "2M"}, "env": {"FXNODE_LOG": "debug"}}
        self.sender, self.receiver = lab.pair(nodes, nodes)
        self.source = make_file(lab.path("data"), SIZE)
        self.sender.host.limit_rate(RATE)
        self.command = self.sender.command("send", "--json", self.receiver.at, self.source)
        self.sender.daemon.wait_line("lane 1 is there")
        self.command.wait_event(lambda event: event.get("done", 0) >= SIZE // 4, "a quarter")

    def ports(self):
        """The ports of its connections at the sender; the session was given the control connection
        first."""
        shown = self.sender.host.run(["ss", "-Htnp", "state", "established",
                                      "dport", "=", str(self.receiver.port)])
        found = re.findall(r":(\d+) +\S+:\d+ +users:\(\(.*?fd=(\d+)\)", shown)
        return [port for port, _ in sorted(found, key=lambda one: int(one[1]))]

    def replaced(self):
        """The lane that was lost has a successor beside the same control connection."""
        said = self.sender.daemon.err
        self.sender.daemon.wait_line("lane 1 is lost")
        lost = next(i for i, line in enumerate(said) if "lane 1 is lost" in line)
        self.sender.daemon.wait_line("lane 1 is there", after=lost)
        return self.ports()

    def finish(self):
        self.sender.host.limit_rate(None)
        check_equal(self.command.wait(), 0, f"status\n{self.command.said()}")
        states = [event["state"] for event in self.command.events() if "state" in event]
        check("waiting" not in states, f"it was interrupted: {states}")
        compare(self.source, self.receiver.received("data"))
        self.receiver.check_tidy()


def killed(lab):
    """A lane is reset at the sender; the receiver hears of it."""
    transfer = Transfer(lab)
    control, lane = transfer.ports()
    transfer.sender.host.run(["ss", "-K", "sport", "=", lane])
    after = transfer.replaced()
    check_equal(after[0], control, "control connection")
    check(lane not in after and len(after) == 2, f"lane {lane}, afterwards {after}")
    transfer.finish()


def cut_off(lab):
    """What a lane sends does not arrive any more: the receiver holds the old one for alive when the
    new one comes, and closes it because that is one more than there can be."""
    transfer = Transfer(lab)
    control, lane = transfer.ports()
    transfer.receiver.host.run(["nft", DROP.format(lane)])
    transfer.receiver.daemon.wait_line("lane 1 (makes room for|gives way to) a newer one")
    check_equal(transfer.replaced()[0], control, "control connection")
    transfer.finish()
