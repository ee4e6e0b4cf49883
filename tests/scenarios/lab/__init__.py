"""A laboratory of hosts on one machine: network namespaces, nodes on them, bad links, test data.

    isolate   runs a scenario in namespaces of its own, so that nothing of it reaches the machine
    process   started programs, their output as lines to wait for
    network   the LAN: hosts, cuts, rates, loss, byte counters
    mdns      a real avahi-daemon on a host
    node      an fxnode daemon and its commands
    trace     programs of which one system call goes wrong
    hostile   peers that misbehave on command
    data      files and trees from a seed, and how to compare them
    tree      random trees of everything that arrives as it was; tree_compare tells two apart
"""

from .errors import Failure, Late, Skip, check, check_equal

__all__ = ["Failure", "Late", "Skip", "check", "check_equal"]
