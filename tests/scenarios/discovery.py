"""Nodes that find each other by mDNS, with a real avahi-daemon as the witness and without one."""

import glob
import re
import time

from lab import check, check_equal, isolate
from lab.data import MIB, compare, make_file
from lab.process import PATIENCE

DROP_MULTICAST = """table inet lab { chain in { type filter hook input priority 0;
udp dport 5353 drop
}
}"""


def _sees(node, name, address=""):
    """Waits until the node lists `name` as online, at an address that has this in it; addresses may
    come one after the other. Returns the event."""
    watch = node.command("peers", "--watch", "--json")
    event = watch.wait_event(lambda event: event["event"] == "peer" and event["name"] == name
                             and event["online"] and any(address in at for at in event["addresses"]),
                             f"{name} is seen at {address or 'any address'}")
    watch.stop()
    return event


def _send_by_name(lab, sender, receiver):
    source = make_file(lab.path("found"), MIB)
    sender.send(receiver.name, source)
    compare(source, receiver.received("found"))


def found_by_name(lab):
    """Two nodes that share nothing but a network."""
    lan = lab.lan(2)
    first, second = lab.node(lan[0]), lab.node(lan[1])
    event = _sees(first, "h2", lan[1].address)
    check_equal(event["id"], second.id.replace("-", ""), "id")
    _sees(second, "h1")
    _send_by_name(lab, first, second)


def found_by_prefix(lab):
    """A prefix of the id stands for the peer."""
    lan = lab.lan(2)
    first, second = lab.node(lan[0]), lab.node(lan[1])
    _sees(first, "h2")
    source = make_file(lab.path("found"), 1000)
    first.send(second.id[:10], source)
    compare(source, second.received("found"))


def through_avahi_daemons(lab):
    """Both hosts have an avahi-daemon: the nodes use it."""
    lan = lab.lan(2)
    lab.avahi(lan[0])
    lab.avahi(lan[1])
    first, second = lab.node(lan[0]), lab.node(lan[1])
    _sees(first, "h2")
    _send_by_name(lab, first, second)


def witnessed(lab):
    """avahi-browse on another host sees what a node with avahi-core publishes, and its goodbye."""
    lan = lab.lan(2)
    witness = lab.avahi(lan[1])
    browse = witness.browse()
    node = lab.node(lan[0])
    line = browse.wait_line(r"^=;eth0;IPv4;h1;_fxnode\._tcp;.*", lines=browse.out)[0]
    for part in (lan[0].address, str(node.port), "v=1", f"id={node.id.replace('-', '')}"):
        check(part in line, f"{part!r} is not in {line!r}")
    node.stop()
    browse.wait_line(r"^-;eth0;IPv4;h1;", lines=browse.out)
    node.start()


def witnessed_through_a_daemon(lab):
    """The same for a node that publishes through its host's avahi-daemon."""
    lan = lab.lan(2)
    lab.avahi(lan[0])
    witness = lab.avahi(lan[1])
    browse = witness.browse()
    node = lab.node(lan[0])
    browse.wait_line(rf"^=;eth0;IPv4;h1;.*;{re.escape(lan[0].address)};{node.port};",
                     lines=browse.out)
    node.stop()
    browse.wait_line(r"^-;eth0;IPv4;h1;", lines=browse.out)
    node.start()


def avahi_comes_and_goes(lab):
    """The node moves over when an avahi-daemon appears, dies and comes back."""
    lan = lab.lan(3)
    local = lab.avahi(lan[0])
    local.stop()
    witness = lab.avahi(lan[1])
    node, other = lab.node(lan[0]), lab.node(lan[2])
    _sees(other, "h1")
    browse = witness.browse()
    browse.wait_line(r"^=;eth0;IPv4;h1;", lines=browse.out)
    local.start()
    _sees(node, "h3")
    local.daemon.kill()
    _sees(node, "h3")
    local.start()
    _sees(node, "h3")
    _send_by_name(lab, node, other)
    _sees(other, "h1")


def _wait_published_by(witness, host):
    """Waits until `witness` resolves the service of `host` to the name that its avahi-daemon gives
    to the host; avahi-core has another one. avahi-browse is patient in itself, and for ever where what
    it resolves is withdrawn meanwhile: then it is asked anew."""
    deadline = time.monotonic() + PATIENCE
    wanted = f";{host.name};_fxnode._tcp;local;{host.name}.local;"
    while wanted not in witness.host.run(
            ["timeout", "8", "avahi-browse", "-rpt", "_fxnode._tcp"],
            env=witness.environment(), accept=(0, 124)):
        check(time.monotonic() < deadline, f"{host.name} is not published by its avahi-daemon")


def bus_comes_later(lab):
    """A node that began without a message bus finds the avahi-daemon on one that appears."""
    lan = lab.lan(2)
    witness = lab.avahi(lan[1])
    lan[0].bus = f"unix:path={lan[0].run_directory}/avahi/bus"  # its directory comes with it
    browse = witness.browse()
    lab.node(lan[0])
    browse.wait_line(r"^=;eth0;IPv4;h1;_fxnode\._tcp;local;fxnode-\w+\.local;", lines=browse.out)
    lab.avahi(lan[0])
    _wait_published_by(witness, lan[0])


def goodbye_of_a_killed_node(lab):
    """A node that dies at once is taken from the network all the same, by its helper."""
    lan = lab.lan(2)
    browse = lab.avahi(lan[1]).browse()
    node = lab.node(lan[0])
    browse.wait_line(r"^=;eth0;IPv4;h1;", lines=browse.out)
    node.kill()
    browse.wait_line(r"^-;eth0;IPv4;h1;", lines=browse.out)
    node.start()


def one_name_for_two(lab):
    """Two nodes of one name are both listed; to send to the name is ambiguous."""
    lan = lab.lan(3)
    sender = lab.node(lan[0])
    twins = [lab.node(host, name=f"twin-{host.number}", config={"name": "twin"})
             for host in lan.hosts[1:]]
    watch = sender.command("peers", "--watch", "--json")
    seen = set()
    for twin in twins:
        wanted = twin.id.replace("-", "")
        watch.wait_event(lambda event, wanted=wanted: event.get("id") == wanted, "a twin is seen")
        seen.add(wanted)
    watch.stop()
    check_equal(len(seen), 2, "ids")
    source = make_file(lab.path("file"), 100)
    command = sender.send("twin", source, status=2)
    check("ambiguous" in "\n".join(command.err), command.said())
    sender.send(twins[1].id[:12], source)
    compare(source, twins[1].received("file"))


def quiet_node(lab):
    """`discovery = quiet` looks and is not seen; `off` does neither."""
    lan = lab.lan(4)
    loud = lab.node(lan[0])
    quiet = lab.node(lan[1], config={"discovery": "quiet"})
    deaf = lab.node(lan[2], config={"discovery": "off"})
    later = lab.node(lan[3])
    _sees(quiet, "h1")
    _sees(loud, "h4")
    names = {event.get("name") for event in loud.run("peers", "--json").events()}
    check_equal(names & {"h2", "h3"}, set(), "names that should not be seen")
    check_equal([event for event in deaf.run("peers", "--json").events()
                 if event["event"] == "peer"], [], "what a deaf node sees")
    _send_by_name(lab, quiet, later)


def without_a_daemon(lab):
    """`peers` and `send` by name work with no daemon running."""
    lan = lab.lan(2)
    receiver = lab.node(lan[1])
    sender = lab.node(lan[0], start=False)
    deadline = time.monotonic() + PATIENCE
    # Each looks around for a few seconds, in which a busy machine may do other things.
    while not any(event.get("name") == "h2" for event in sender.run("peers", "--json").events()):
        check(time.monotonic() < deadline, "h2 is not listed")
    source = make_file(lab.path("found"), MIB)
    while (status := sender.command("send", "h2", source).wait()) == 3:
        check(time.monotonic() < deadline, "h2 is not found")
    check_equal(status, 0, "status of send")
    compare(source, receiver.received("found"))


def new_address(lab):
    """A peer whose address changes is found under its new one."""
    lan = lab.lan(2)
    first, second = lab.node(lan[0]), lab.node(lan[1])
    _sees(first, "h2")
    watch = first.command("peers", "--watch", "--json")
    lan[1].readdress(77)
    watch.wait_event(lambda event: event.get("name") == "h2" and any(
        lan[1].address in address for address in event.get("addresses", ())), "the new address")
    watch.stop()
    _send_by_name(lab, first, second)


def link_local_only(lab):
    """Hosts that nobody gave an address find and reach each other by those they made themselves."""
    lan = lab.lan(2)
    for host in lan.hosts:
        host.run(["ip", "addr", "flush", "dev", "eth0", "scope", "global"])
    first, second = lab.node(lan[0]), lab.node(lan[1])
    event = _sees(first, "h2")
    for address in event["addresses"]:
        check(address.startswith("[fe80::") and "%eth0]" in address, f"addresses: {event}")
    _send_by_name(lab, first, second)


def two_networks(lab):
    """A peer on two networks is listed with both and reached when one of them is cut."""
    lan = lab.lan(2)
    lan.join_second()
    first, second = lab.node(lan[0]), lab.node(lan[1])
    watch = first.command("peers", "--watch", "--json")
    watch.wait_event(lambda event: event.get("name") == "h2" and all(
        any(part in address for address in event.get("addresses", ()))
        for part in (lan[1].address, lan[1].second_address)), "both addresses")
    watch.stop()
    lan[1].cut()
    _send_by_name(lab, first, second)


def _reached_by_name_and_id(lab, sender, receiver, name):
    for number, peer in enumerate((receiver.name, receiver.id[:12])):
        source = make_file(lab.path(f"{name}{number}"), 1000)
        sender.send(peer, source)
        compare(source, receiver.received(f"{name}{number}"))


def multicast_blocked(lab):
    """A peer once reached is tried at its last addresses when mDNS is blocked, by both its names."""
    lan = lab.lan(2)
    first, second = lab.node(lan[0]), lab.node(lan[1])
    _sees(first, "h2")
    _send_by_name(lab, first, second)
    first.stop()
    for host in lan.hosts:
        host.run(["nft", DROP_MULTICAST])
    first.start()
    _reached_by_name_and_id(lab, first, second, "blocked")
    first.stop()
    first.arguments = ["--no-discovery"]
    first.start()
    _reached_by_name_and_id(lab, first, second, "off")


def _wakeups(node):
    """How often each thread of the node's processes has gone to sleep, by its id."""
    counts = {}
    for pid in (node.daemon.popen.pid, *node.helpers()):
        for status in glob.glob(f"/proc/{pid}/task/*/status"):
            with open(status, encoding="utf-8", errors="replace") as file:
                counts[status] = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(),
                                           re.MULTILINE)[1]
    return counts


def _wait_silent(node, seconds):
    """Waits until no thread of the node was awake for so long."""
    deadline = time.monotonic() + 4 * PATIENCE
    counts, since = None, 0.0
    while counts is None or time.monotonic() - since < seconds:
        check(time.monotonic() < deadline, f"{node.name} never sleeps for {seconds} s")
        now = _wakeups(node)
        if now != counts:
            counts, since = now, time.monotonic()
        time.sleep(0.5)


def idle_is_silent(lab):
    """A node with no peers about sleeps: one without discovery, one with an avahi-daemon."""
    lan = lab.lan(2)
    lab.avahi(lan[1])
    nodes = [lab.node(lan[0], arguments=["--no-discovery"]), lab.node(lan[1])]
    for node in nodes:
        _wait_silent(node, 15)


def idle_is_silent_without_a_bus(lab):
    """A node with avahi-core sleeps between its questions, after a while for half a minute and more
    (RFC 6762 5.2), and looks for nothing else meanwhile."""
    node = lab.node(lab.lan(1)[0])
    _wait_silent(node, 20)


def odd_announcements(lab):
    """What others announce is a hint: no id, a wrong id, escapes in a name. All is shown safely."""
    lan = lab.lan(2)
    node = lab.node(lan[0])
    liar = lab.avahi(lan[1])
    liar.publish("no id", 4000)
    liar.publish("bad\x1b[31m\u202ename", 4001, "v=1", "id=short")
    liar.publish("stranger", 4002, "v=1", f"id={'a' * 56}")
    liar.publish("last", 4003, "v=1", f"id={'a' * 500}"[:200])
    _sees(node, "last")
    listed = node.run("peers")
    check("\x1b" not in "".join(listed.out) and "\u202e" not in "".join(listed.out), listed.said())
    source = make_file(lab.path("file"), 100)
    node.send("stranger", source, status=3)


def key_changed(lab):
    """Another key behind a remembered name is refused with status 6, and gets nothing."""
    lan = lab.lan(2)
    sender, receiver = lab.node(lan[0]), lab.node(lan[1])
    _sees(sender, "h2")
    _send_by_name(lab, sender, receiver)
    receiver.stop()
    isolate.remove(receiver.state)
    old, receiver.id = receiver.id, None
    receiver.start()
    check(receiver.id != old, "the identity did not change")
    watch = sender.command("peers", "--watch", "--json")
    watch.wait_event(lambda event: event.get("id") == receiver.id.replace("-", "")
                     and event["online"], "the stranger is seen")
    watch.stop()
    source = make_file(lab.path("secret"), 100)
    command = sender.send("h2", source, status=6)
    check(command.err, "no line says why")
    receiver.check_listed("found")
