"""Peers that are away: what is sent to them waits, through restarts, until they are back."""

import os

from lab import check, check_equal, isolate
from lab.data import MIB, compare, make_file
from lab.watch import wait_for


def _known_and_away(lab, **config):
    """A sender that knows the receiver, which has been stopped."""
    lan = lab.lan(2)
    sender, receiver = lab.node(lan[0], config=config), lab.node(lan[1], config=config)
    sender.send(receiver, make_file(lab.path("first"), 100))
    receiver.stop()
    return sender, receiver, make_file(lab.path("second"), 3 * MIB)


def _states(node):
    return [transfer["state"] for transfer in node.transfers()]


def _check_waiting(node, when):
    """One transfer waits: it is queued, or just now looks whether its peer is back."""
    states = _states(node)
    check(states in (["queued"], ["connecting"]), f"states {when}: {states}")


def starts_when_it_appears(lab):
    """Queued for a peer that is away; it starts by itself when discovery sees the peer."""
    sender, receiver, source = _known_and_away(lab)
    sender.run("send", "--detach", receiver.id[:12], source)
    _check_waiting(sender, "after it was sent")
    receiver.start()
    wait_for(receiver.received("second"))
    compare(source, receiver.received("second"))


def survives_restarts(lab):
    """The queue is there after a restart and after kill -9."""
    sender, receiver, source = _known_and_away(lab)
    sender.run("send", "--detach", receiver.id[:12], source)
    sender.restart()
    _check_waiting(sender, "after a restart")
    sender.kill()
    sender.start()
    _check_waiting(sender, "after kill -9")
    receiver.start()
    wait_for(receiver.received("second"))
    compare(source, receiver.received("second"))


def without_discovery(lab):
    """With no discovery the last address is tried now and then."""
    sender, receiver, source = _known_and_away(lab, discovery="off")
    sender.run("send", "--detach", receiver.id[:12], source)
    receiver.start()
    wait_for(receiver.received("second"), patience=60)
    compare(source, receiver.received("second"))


def waits_for_a_disk(lab):
    """The peer is there, but its files belong on a disk that is not mounted, on a directory that others
    own: it waits, says what for, and goes on."""
    sender, receiver = lab.pair({}, {"start": False, "bounded": True})
    mounted = lab.path("mounted")
    os.mkdir(mounted, 0o555)
    receiver.configure(files=f"{mounted}/files")
    receiver.start()
    source = make_file(lab.path("file"), 1000)
    command = sender.send(receiver, "--wait", "1", source, status=5)
    check("cannot write into its directory for received files" in command.said(), command.said())
    check_equal(command.err[-1], "fxnode: transfer 1 is queued: it goes on by itself",
                "what is said at the end")
    os.chmod(mounted, 0o755)
    sender.run("resume", "1")  # as would happen within 15 seconds
    sender.wait_transfers(lambda listed: not listed, "delivered")
    compare(source, f"{mounted}/files/file")


def waits_so_long(lab):
    """--wait gives up waiting with status 5 and leaves it queued."""
    sender, receiver, source = _known_and_away(lab)
    sender.run("send", "--wait", "1", receiver.id[:12], source, status=5)
    _check_waiting(sender, "after --wait")
    receiver.start()
    wait_for(receiver.received("second"))


def several_in_order(lab):
    """Several transfers to one peer all arrive."""
    sender, receiver, source = _known_and_away(lab)
    sources = [source] + [make_file(lab.path(f"more {number}"), MIB, seed=number)
                          for number in range(4)]
    for path in sources:
        sender.run("send", "--detach", receiver.id[:12], path)
    receiver.start()
    for path in sources:
        arrived = receiver.received(path.rsplit("/", 1)[1])
        wait_for(arrived)
        compare(path, arrived)
    receiver.check_listed("first", *(path.rsplit("/", 1)[1] for path in sources))


def follows_the_command(lab):
    """A `send` that waits in the foreground ends with 0 once the peer came back."""
    sender, receiver, source = _known_and_away(lab)
    command = sender.command("send", "--json", receiver.id[:12], source)
    command.wait_event(lambda event: event.get("state") == "queued", "it is queued")
    check(not command.ended(), "it did not wait")
    receiver.start()
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    compare(source, receiver.received("second"))


def a_stranger_in_its_place(lab):
    """Where only a key that nobody knows answers for a known peer: status 6, and nothing is kept."""
    sender, receiver, source = _known_and_away(lab, discovery="off")
    known, receiver.id = receiver.id[:12], None
    isolate.remove(receiver.state)
    receiver.start()
    check(not receiver.id.startswith(known), "the identity did not change")
    command = sender.run("send", known, source, status=6)
    check("unpair" in "".join(command.err), command.said())
    check_equal(_states(sender), [], "states")
    receiver.check_listed("first")


def another_key_in_its_place(lab):
    """What waits for a peer in whose place another key answers says so, and what can be done; it
    starts when the right one is back."""
    sender, receiver, source = _known_and_away(lab, discovery="off")
    awaited, kept = receiver.id, receiver.state + "-kept"
    command = sender.command("send", "--json", awaited[:12], source)
    command.wait_event(lambda event: event.get("state") == "queued", "it is queued")
    os.rename(receiver.state, kept)
    receiver.id = None
    receiver.start()
    said = command.wait_event(lambda event: "another key" in event.get("reason", ""), "why it waits")
    for words in (awaited[:8], receiver.id[:8], receiver.host.address, "fxnode unpair"):
        check(words in said["reason"], f"{words!r} is not in {said}")
    check("another key" in "".join(sender.run("transfers").out), "not in the list")
    receiver.stop()
    isolate.remove(receiver.state)
    os.rename(kept, receiver.state)
    receiver.id = None
    receiver.start()
    check_equal(command.wait(60), 0, f"status of send\n{command.said()}")
    compare(source, receiver.received("second"))


def its_name_is_announced_with_another_key(lab):
    """The same where nobody answers at its place, and another key announces its name elsewhere."""
    lan = lab.lan(2)
    sender, receiver = lab.node(lan[0]), lab.node(lan[1], name="attic")
    sender.send("attic", make_file(lab.path("first"), 100))
    receiver.stop()
    command = sender.command("send", "--json", "attic", make_file(lab.path("second"), 100))
    command.wait_event(lambda event: event.get("state") == "queued", "it is queued")
    isolate.remove(receiver.state)
    receiver.arguments = ["--listen", f"{receiver.host.address}:4242"]
    receiver.id = None
    receiver.start()
    said = command.wait_event(lambda event: "another key" in event.get("reason", ""), "why it waits")
    check(receiver.id[:8] in said["reason"], f"the other key: {said}")
    _check_waiting(sender, "after another key was seen")


def forgotten_and_found_again(lab):
    """What waits for a peer whose addresses were forgotten says how it is found again, and goes on
    once something is sent to where it is."""
    sender, receiver, source = _known_and_away(lab, discovery="off")
    sender.run("send", "--detach", receiver.id[:12], source)
    waiting, = sender.transfers()
    sender.run("unpair", receiver.id[:12])
    sender.run("resume", str(waiting["transfer"]))
    sender.wait_transfers(lambda listed: "host:port" in listed[0].get("reason", ""),
                          "told how its peer is found")
    receiver.start()
    sender.send(receiver, make_file(lab.path("third"), 100))
    wait_for(receiver.received("second"))
    compare(source, receiver.received("second"))


def known_by_what_it_sent(lab):
    """Where a peer that has only sent can be called is not known: what is sent to it waits, says
    so, and starts once it was named by its address."""
    lan = lab.lan(2)
    first, second = (lab.node(host, config={"discovery": "off", "accept": "ask"})
                     for host in lan.hosts)
    command = first.command("send", "--json", second.at, make_file(lab.path("there"), 100))
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    second.run("accept", str(second.transfers()[0]["transfer"]))
    check_equal(command.wait(60), 0, f"status of send\n{command.said()}")
    first.configure(accept="all")
    first.restart()
    waiting = second.command("send", "--json", first.id[:12], make_file(lab.path("back"), 100))
    waiting.wait_event(lambda event: "host:port" in event.get("reason", ""), "why it waits")
    second.send(first, make_file(lab.path("again"), 100))
    check_equal(waiting.wait(60), 0, f"status of send\n{waiting.said()}")
    first.check_listed("back", "again")
