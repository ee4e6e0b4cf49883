"""What a scenario is given: makes the LAN, the nodes and a place for test data."""

import os

from .errors import check
from .mdns import Avahi
from .network import Lan
from .node import Node


class Laboratory:
    """`directory` holds everything that the scenario writes."""

    def __init__(self, directory):
        self.directory = directory
        self.nodes = []

    def lan(self, hosts=2):
        return Lan(hosts)

    def path(self, name):
        """A place for test data."""
        data = os.path.join(self.directory, "data")
        os.makedirs(data, exist_ok=True)
        return os.path.join(data, name)

    def node(self, host, start=True, **options):
        """A node on a host (Node tells the options), started unless told otherwise."""
        node = Node(host, self.directory, **options)
        self.nodes.append(node)
        return node.start() if start else node

    def pair(self, sender=None, receiver=None):
        """The usual two: a sender and a receiver on hosts of their own that know nothing of each
        other and do without discovery. Options are those of Node."""
        lan = self.lan(2)
        quiet = {"discovery": "off"}
        nodes = []
        for host, options in zip(lan.hosts, (sender or {}, receiver or {})):
            config = {**quiet, **options.pop("config", {})}
            nodes.append(self.node(host, config=config, **options))
        return nodes

    @staticmethod
    def avahi(host):
        return Avahi(host)

    def close(self):
        """Ends all nodes the friendly way: each must still be alive and end well."""
        for node in self.nodes:
            if node.daemon is None:
                continue
            check(not node.daemon.ended(), f"{node.name}: the daemon is gone\n{node.daemon.said()}")
            node.stop()
