"""What strangers may do before and after the yes: they offer, and what was shown is what gets
written. The hostile ones are tests/peer/hostile.py."""

import contextlib
import os
import re
import sqlite3
import time

from lab import check, check_equal, hostile
from lab.data import compare, make_file

ASK = {"discovery": "off", "accept": "ask"}
OFFERS_OF_PEER = OFFERS_OF_ADDRESS = 4
OFFERS = 32
DAY = 24 * 3600


def _receiver(lab, hosts=2):
    lan = lab.lan(hosts)
    return lan, lab.node(lan[0], config=ASK)


def _on_disk(node):
    """Every name below the directory for received files, the staging area included."""
    return sorted(os.path.relpath(os.path.join(directory, name), node.files)
                  for directory, names, files in os.walk(node.files) for name in names + files)


# What a receiver keeps of a transfer that it was told to take, and that may yet be gone on with.
OWN = re.compile(r"\.fxnode(/\d+(/(lock|hashes|manifest|tree))?)?")


def _taken(node):
    """What is on the disk of things that were sent, whole or not."""
    return [name for name in _on_disk(node) if not OWN.fullmatch(name)]


def _heard(peer, pattern):
    return peer.wait_line(f"^heard {pattern}", lines=peer.out)


def _done(peer):
    check_equal(peer.wait(), 0, f"status of the hostile peer\n{peer.said()}")


def _a_good_peer_is_served(lab, node, host):
    """Another peer's file still arrives."""
    source = make_file(lab.path("honest"), 1000)
    sender = lab.node(host, name="good", config={"discovery": "off"})
    command = sender.command("send", "--json", node.at, source)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    mine, = [offer for offer in node.transfers()
             if offer["state"] == "offered" and offer["names"][0]["name"] == "honest"]
    node.run("accept", str(mine["transfer"]))
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    compare(source, node.received("honest"))


def shown_before_the_yes(lab):
    """An offer says who, what, where to and how long it waits, and nothing steers the terminal."""
    lan, node = _receiver(lab)
    peer = hostile.call(lan[1], node, "ask", "closed", name="\x1b[2Jevil", file="a\nb",
                        content="twelve bytes")
    _heard(peer, "ASKED")
    key = peer.wait_line("^id (.*)", lines=peer.out)[1]
    before = int(time.time())
    offer, = node.transfers()
    check_equal((offer["state"], offer["direction"], offer["peer"], offer["peer_name"]),
                ("offered", "in", key, "\x1b[2Jevil"), "who")
    check_equal((offer["bytes"], offer["entries"], offer["names"], offer["name_count"]),
                (12, 1, [{"name": "a\nb"}], 1), "what")
    check_equal(offer["destination"], node.files, "where to")
    check(before + DAY - 60 <= offer["expires"] <= before + DAY + 60, f"how long: {offer}")
    said = node.daemon.wait_line("offers").string
    listed = "\n".join(node.run("transfers").out)
    for shown in (said, listed):
        for words in ("\\e[2Jevil", "a\\nb", "12 B", "1 entry", node.files, key[:8]):
            check(words in shown, f"no {words}: {shown}")
        check("\x1b" not in shown, f"not escaped: {shown!r}")
    check(re.search(r"within (24:00:00|23:59:\d\d)", listed), f"not how long: {listed}")
    check("not paired" in listed and "unpaired" in said, "not what it is to us")
    check_equal(_taken(node), [], "on the disk before the yes")


def _cut_off(lab, offer, *after):
    """A hostile peer gets its yes, does what the steps `after` say, and is hung up on: nothing that
    it sent is on the disk, others are served, and the transfer can be thrown away."""
    lan, node = _receiver(lab, hosts=3)
    peer = hostile.call(lan[1], node, "open", offer, "until=ACCEPT", *after, "closed")
    _heard(peer, "ASKED")
    node.run("accept", "1")
    _heard(peer, "Stop ERROR")
    _done(peer)
    check(peer.out[-1] == "closed", peer.said())
    check_equal(_taken(node), [], "on the disk afterwards")
    _a_good_peer_is_served(lab, node, lan[2])
    check_equal(_taken(node), ["honest"], "on the disk in the end")
    node.run("cancel", "1")
    node.check_tidy()


def another_manifest(lab):
    """A manifest of the same length that is not the one whose hash was offered."""
    _cut_off(lab, "offer", "manifest=another")


def more_in_the_manifest(lab):
    """A manifest with a file more than was offered."""
    _cut_off(lab, "offer", "manifest=more")


def longer_manifest(lab):
    """A manifest that is a byte longer than was offered."""
    _cut_off(lab, "offer=length", "manifest")


def more_bytes_than_shown(lab):
    """A manifest whose files have a byte more than was shown, the hash being right."""
    _cut_off(lab, "offer=bytes", "manifest")


def another_name_than_shown(lab):
    """A manifest with another name than was shown, the hash being right."""
    _cut_off(lab, "offer=name", "manifest")


def another_file_than_shown(lab):
    """A manifest with a file that was not shown, the hash being right."""
    _cut_off(lab, "offer=entries", "manifest")


def one_byte_more(lab):
    """Content that is a byte longer than the file of the manifest."""
    _cut_off(lab, "offer", "manifest", "until=Holding", "data=more")


def outside_the_manifest(lab):
    """Content of a file that the manifest does not have."""
    _cut_off(lab, "offer", "manifest", "until=Holding", "data=outside")


def data_instead_of_the_manifest(lab):
    """Content after the yes, but before the manifest."""
    _cut_off(lab, "offer", "data")


def other_names_the_second_time(lab):
    """What was shown at first is not made good by an offer of the same manifest with the names that
    it really has."""
    lan, node = _receiver(lab)
    same = {"key": os.urandom(32).hex(), "transfer": os.urandom(16).hex(), "file": "trojan"}
    first = hostile.call(lan[1], node, "open", "offer=name", "until=ASKED", **same)
    _heard(first, "ASKED")
    _done(first)
    second = hostile.call(lan[1], node, "open", "offer", "until=CONFLICT", "closed", **same)
    _heard(second, "CONFLICT")
    node.run("accept", "1")
    third = hostile.call(lan[1], node, "open", "offer", "until=CONFLICT", "manifest", "closed", **same)
    _heard(third, "CONFLICT")
    check_equal([name["name"] for name in node.transfers()[0]["names"]], ["harmless"], "names")
    check_equal(_taken(node), [], "on the disk")


def once_is_once(lab):
    """A yes to one offer of a stranger is none to the next, also when the node knows its key."""
    lan, node = _receiver(lab, hosts=3)
    sender = lab.node(lan[1], name="sender", config={"discovery": "off"})
    for name in ("one", "two"):
        command = sender.command("send", "--json", node.at, make_file(lab.path(name), 1000))
        command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
        offer, = node.transfers()
        check_equal((offer["state"], offer["paired"]), ("offered", False), "the offer")
        check_equal(_taken(node), ["one"] if name == "two" else [], "on the disk before the yes")
        node.run("accept", str(offer["transfer"]))
        check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    node.check_listed("one", "two")


def _before_the_yes(lab, *steps):
    """Whoever does not wait for the answer is hung up on, and accepting it brings nothing."""
    lan, node = _receiver(lab, hosts=3)
    peer = hostile.call(lan[1], node, "open", "offer", "until=ASKED", *steps, "closed")
    _heard(peer, "Stop ERROR")
    _done(peer)
    check_equal(_on_disk(node), [], "on the disk")
    _a_good_peer_is_served(lab, node, lan[2])
    node.check_listed("honest")


def manifest_before_the_yes(lab):
    """The manifest while somebody is being asked."""
    _before_the_yes(lab, "manifest")


def data_before_the_yes(lab):
    """Content while somebody is being asked."""
    _before_the_yes(lab, "data")


def refused(lab):
    """A no is final, also for what is sent in spite of it, and leaves nothing on the disk."""
    lan, node = _receiver(lab)
    peer = hostile.call(lan[1], node, "open", "offer", "until=REFUSE", "manifest", "data", "closed")
    _heard(peer, "ASKED")
    node.run("reject", "1")
    _heard(peer, "REFUSE")
    check_equal(peer.wait_line("^closed", lines=peer.out)[0], "closed", "the end")
    check_equal(_on_disk(node), [], "on the disk")
    check_equal(node.transfers(), [], "open transfers")


def _verdicts(peer):
    _done(peer)
    return [line.removeprefix("heard ") for line in peer.out if line.startswith("heard ")]


def _strangers(count):
    """Steps: an offer of each of so many keys."""
    return ["stranger", "ask"] * count


def four_of_one_peer(lab):
    """One peer has four offers waiting at most, wherever it calls from."""
    lan, node = _receiver(lab, hosts=4)
    key = os.urandom(32).hex()
    for host, wanted in ((lan[1], ["ASKED"] * 3), (lan[2], ["ASKED", "BUSY"])):
        peer = hostile.call(host, node, *["ask"] * len(wanted), key=key)
        check_equal(_verdicts(peer), wanted, f"what is said to {host.name}")
    check_equal(len(node.transfers()), OFFERS_OF_PEER, "offers that wait")
    _a_good_peer_is_served(lab, node, lan[3])


def four_of_one_address(lab):
    """Keys cost nothing: one address has four offers waiting at most, whoever made them."""
    lan, node = _receiver(lab, hosts=3)
    peer = hostile.call(lan[1], node, *_strangers(OFFERS_OF_ADDRESS + 1))
    check_equal(_verdicts(peer), ["ASKED"] * OFFERS_OF_ADDRESS + ["BUSY"], "what is said")
    check_equal(len(node.transfers()), OFFERS_OF_ADDRESS, "offers that wait")
    _a_good_peer_is_served(lab, node, lan[2])


def all_of_them(lab):
    """Of all strangers together 32 offers wait; whoever is rejected makes room for one more."""
    crowd = OFFERS // OFFERS_OF_ADDRESS
    lan, node = _receiver(lab, hosts=crowd + 2)
    for host in lan.hosts[1:crowd + 1]:
        peer = hostile.call(host, node, *_strangers(OFFERS_OF_ADDRESS))
        check_equal(_verdicts(peer), ["ASKED"] * OFFERS_OF_ADDRESS, f"what is said to {host.name}")
    late = hostile.call(lan[crowd + 1], node, "ask")
    check_equal(_verdicts(late), ["BUSY"], "what is said to one more")
    offers = node.transfers()
    check_equal(len(offers), OFFERS, "offers that wait")
    node.run("reject", str(offers[0]["transfer"]))
    late = hostile.call(lan[crowd + 1], node, "ask")
    check_equal(_verdicts(late), ["ASKED"], "what is said once there is room")


def lapses(lab):
    """An offer that nobody answers for a day is refused, and leaves nothing."""
    lan, node = _receiver(lab)
    same = {"key": os.urandom(32).hex(), "transfer": os.urandom(16).hex()}
    check_equal(_verdicts(hostile.call(lan[1], node, "ask", **same)), ["ASKED"], "at first")
    _grow_older(node, DAY - 600)
    check_equal(_verdicts(hostile.call(lan[1], node, "ask", **same)), ["ASKED"], "in time")
    check_equal(len(node.transfers()), 1, "offers that wait")
    _grow_older(node, 1200)
    check_equal(_verdicts(hostile.call(lan[1], node, "ask", **same)), ["REFUSE"], "too late")
    check_equal(node.transfers(), [], "offers that wait")
    check_equal(_on_disk(node), [], "on the disk")


def _grow_older(node, seconds):
    """Restarts a node with all that it knows of transfers made older."""
    node.stop()
    with contextlib.closing(sqlite3.connect(os.path.join(node.state, "fxnode.db"))) as database:
        database.execute("UPDATE transfer SET created_at = created_at - ?1,"
                         " changed_at = changed_at - ?1", (seconds,))
        database.commit()
    node.start()
