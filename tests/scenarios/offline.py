"""Peers that are away: what is sent to them waits, through restarts, until they are back."""

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


def starts_when_it_appears(lab):
    """Queued for a peer that is away; it starts by itself when discovery sees the peer."""
    sender, receiver, source = _known_and_away(lab)
    sender.run("send", "--detach", receiver.id[:12], source)
    check_equal(_states(sender), ["queued"], "states")
    receiver.start()
    wait_for(receiver.received("second"))
    compare(source, receiver.received("second"))


def survives_restarts(lab):
    """The queue is there after a restart and after kill -9."""
    sender, receiver, source = _known_and_away(lab)
    sender.run("send", "--detach", receiver.id[:12], source)
    sender.restart()
    check_equal(_states(sender), ["queued"], "states after a restart")
    sender.kill()
    sender.start()
    check_equal(_states(sender), ["queued"], "states after kill -9")
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


def waits_so_long(lab):
    """--wait gives up waiting with status 5 and leaves it queued."""
    sender, receiver, source = _known_and_away(lab)
    sender.run("send", "--wait", "1", receiver.id[:12], source, status=5)
    check_equal(_states(sender), ["queued"], "states")
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
