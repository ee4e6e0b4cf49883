"""Harm that is meant by a peer whose offer was accepted: manifests (tests/peer/manifests.py), of
which each is refused in a line that says why and nothing is written, and more than it may have.
Others are served."""

import os
import signal
import sys

from lab import check, check_equal, hostile
from lab.data import compare, make_file

sys.path.insert(0, hostile.PEERS)

from manifests import KINDS  # noqa: E402

REFUSED = {"ERROR", "NO_SPACE"}


def _heard(peer):
    """{kind: what the peer heard, for each that it tried}"""
    result = {}
    for line in peer.out:
        if line.startswith("harm "):
            heard = result.setdefault(line.removeprefix("harm "), [])
        elif line.startswith("heard "):
            heard.append(line)
    check_equal(list(result), list(KINDS), "what was tried")
    return result


def _everything(root):
    """All that there is below a directory, but for the database, which goes on."""
    return sorted(os.path.join(directory, name) for directory, names, files in os.walk(root)
                  for name in names + files if "/state/" not in directory + "/")


def each_is_refused(lab):
    """One kind after the other, by one peer."""
    lan = lab.lan(3)
    node = lab.node(lan[0], config={"discovery": "off"})
    before = _everything(node.home)
    peer = hostile.call(lan[1], node, *(f"harm={kind}" for kind in KINDS))
    check_equal(peer.wait(120), 0, f"status of the hostile peer\n{peer.said()}")
    for kind, heard in _heard(peer).items():
        check(REFUSED & {word for line in heard for word in line.split()}, f"{kind}: {heard}")
        check("heard Holding" not in heard, f"{kind} was agreed to")
    agreed = sum("heard ACCEPT" in heard for heard in _heard(peer).values())
    check(agreed > len(KINDS) // 2, f"only {agreed} got beyond their offer")
    said = [line for line in node.daemon.err if "manifest" in line or "offer" in line]
    check(all(line.isprintable() for line in said), f"not escaped: {said}")
    for transfer in node.transfers():
        node.run("cancel", str(transfer["transfer"]))
    node.check_tidy()
    check_equal(_everything(node.home), before, "what there is")
    check(not os.path.lexists("/run/escaped"), "something was written elsewhere")
    sender = lab.node(lan[2], config={"discovery": "off"})
    source = make_file(lab.path("honest"), 1000)
    sender.send(node, source)
    compare(source, node.received("honest"))
    node.check_listed("honest")


def lanes_without_end(lab):
    """Lanes that its session does not take, because it is busy, are not kept open for it."""
    lan = lab.lan(2)
    node = lab.node(lan[0], config={"discovery": "off"})
    peer = hostile.call(lan[1], node, "open", "offer", "until=ACCEPT", "manifest", "until=Holding", "wait",
                        "lanes=48/16", "wait", "data", "until=Durable")
    peer.wait_line("heard Holding", lines=peer.out)
    session, = node.helpers("session")
    os.kill(session, signal.SIGSTOP)
    peer.type("\n")
    peer.wait_line("closed lanes", lines=peer.out)
    os.kill(session, signal.SIGCONT)
    peer.type("\n")
    check_equal(peer.wait(60), 0, f"status of the hostile peer\n{peer.said()}")
    node.run("cancel", "1")
    node.check_tidy()
