"""A LAN: a bridge in the scenario's own network namespace and a namespace for each host, with
`eth0` at 10.77.0.N and fd77::N. No address of the machine, and no way out."""

import json
import os
import re
import socket
import subprocess

from .errors import Failure, Skip
from .process import Process, run

PREFIX4 = "10.77.0."
PREFIX6 = "fd77::"
SECOND4 = "10.78.0."

LACKING = re.compile("not supported|No such file or directory|kind is unknown|not permitted")


def _ask_kernel(argv, feature):
    """Runs a command that needs something that not every kernel has."""
    try:
        run(argv)
    except Failure as failure:
        if LACKING.search(str(failure)):
            raise Skip(f"probe: {feature}: {failure}") from failure
        raise


def _batch(arguments, lines):
    done = subprocess.run(["ip", *arguments, "-batch", "-"], input="\n".join(lines) + "\n",
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"ip -batch: {done.stderr.strip()}")


class Host:
    """One machine of the LAN. `number` is the last part of its addresses."""

    def __init__(self, number):
        self.number = number
        self.name = f"h{number}"
        self.port = f"p{number}"
        self.address = PREFIX4 + str(number)
        self.address6 = PREFIX6 + format(number, "x")
        self.run_directory = f"/run/lab/{self.name}"
        self.second_address = None  # in the second network, where there is one
        self.bus = None  # address of a system bus of its own, where it has one
        os.mkdir(self.run_directory, 0o700)
        self._connect()

    def _connect(self):
        run(["ip", "netns", "add", self.name])
        # A link-local address is there at once, not after a second of duplicate detection.
        run(self.inside("sh", "-c", "for f in all default; do echo 0 >"
                        "/proc/sys/net/ipv6/conf/$f/accept_dad; done"))
        _batch([], [f"link add {self.port} type veth peer name eth0 netns {self.name}",
                    f"link set {self.port} master br0 up"])
        _batch(["-n", self.name], [
            "link set lo up", f"addr add {self.address}/24 dev eth0",
            f"addr add {self.address6}/64 dev eth0 nodad", "link set eth0 up"])

    def join_second(self):
        """Connects `eth1` to the second network."""
        self.second_address = SECOND4 + str(self.number)
        _batch([], [f"link add q{self.number} type veth peer name eth1 netns {self.name}",
                    f"link set q{self.number} master br1 up"])
        _batch(["-n", self.name], [f"addr add {self.second_address}/24 dev eth1",
                                   "link set eth1 up"])

    def inside(self, *argv):
        return ["ip", "netns", "exec", self.name, *argv]

    def start(self, argv, **options):
        """Starts a program on the host; options are those of Process."""
        return Process(self.inside(*argv), **options)

    def run(self, argv, env=None, accept=(0,)):
        return run(self.inside(*argv), env=env, accept=accept)

    def cut(self):
        """Takes the cable out; both ends keep their connections and hear nothing."""
        run(["ip", "link", "set", self.port, "down"])

    def restore(self):
        run(["ip", "link", "set", self.port, "up"])

    def readdress(self, number):
        """Gives the host other addresses, as a new lease would."""
        old4, old6 = self.address, self.address6
        self.address, self.address6 = PREFIX4 + str(number), PREFIX6 + format(number, "x")
        _batch(["-n", self.name], [
            f"addr del {old4}/24 dev eth0", f"addr del {old6}/64 dev eth0",
            f"addr add {self.address}/24 dev eth0", f"addr add {self.address6}/64 dev eth0 nodad"])

    def limit_rate(self, rate, free=64 << 10):
        """Limits what the host sends, as in "100mbit", but not the first `free` bytes; None takes
        the limit away. What is longer than `free` is sent in pieces, which costs time."""
        run(["tc", "-n", self.name, "qdisc", "del", "dev", "eth0", "root"], accept=(0, 2))
        if rate is None:
            return
        _ask_kernel(["tc", "-n", self.name, "qdisc", "add", "dev", "eth0", "root", "tbf", "rate",
                     rate, "burst", str(free), "latency", "50ms"], "token bucket filter")

    def lose(self, percent):
        """Loses some of what the host receives, but not questions and answers about who has an
        address: a host is unreachable for seconds where three of them are lost in a row."""
        rules = ("table netdev lab { chain lose {\n"
                 'type filter hook ingress device "eth0" priority 0;\n'
                 "meta protocol arp accept\n"
                 "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
                 f"numgen random mod 100 < {percent} drop\n}}\n}}")
        _ask_kernel(self.inside("nft", rules), "dropping at random with nftables")

    def kill_connections(self, port):
        """Resets the host's TCP connections to `port` of others."""
        _ask_kernel(self.inside("ss", "-K", "dport", "=", str(port)), "killing sockets")

    def bytes_sent(self):
        """Bytes that left the host since it was made, counted on its port of the bridge."""
        shown = json.loads(run(["ip", "-j", "-s", "link", "show", "dev", self.port]))
        return shown[0]["stats64"]["rx"]["bytes"]


class Lan:
    """The bridge and its hosts, numbered from 1."""

    def __init__(self, hosts=2):
        _batch([], ["link set lo up", "link add name br0 type bridge mcast_snooping 0",
                    "link set br0 up"])
        self.hosts = [Host(number + 1) for number in range(hosts)]

    def __getitem__(self, index):
        return self.hosts[index]

    def join_second(self):
        """A second network that the same hosts are on, by radio as it were."""
        _batch([], ["link add name br1 type bridge mcast_snooping 0", "link set br1 up"])
        for host in self.hosts:
            host.join_second()


class Loopback:
    """The machine itself in the place of a host, for where namespaces cannot be had."""

    def __init__(self, name, run_directory):
        self.name = name
        self.address = "127.0.0.1"
        self.run_directory = run_directory
        self.bus = None
        os.makedirs(run_directory, 0o700)
        # Nodes share the address here, so each needs a port of its own.
        with socket.create_server((self.address, 0)) as free:
            self.listen = f"{self.address}:{free.getsockname()[1]}"

    @staticmethod
    def inside(*argv):
        return list(argv)

    @staticmethod
    def start(argv, **options):
        return Process(argv, **options)
