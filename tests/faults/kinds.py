"""What is done in a round: transfers of each kind, with checks that hold whatever process was killed
at whatever call. A round has services (service.py), which outlive what is killed in them."""

import os

from lab import Failure, Late, check, check_equal
from lab.data import compare
from lab.watch import wait_until

TRIES_AFTER_FAULT = 2  # of pairing
NOT_REACHABLE = 3


class Kind:
    """`config` is of both nodes; `knows`: they have met before; `programs`: those whose calls are
    tried in it, where not all are."""
    config = {"discovery": "off"}
    knows = False
    programs = None

    def play(self, round_):
        raise NotImplementedError


def _check_delivered(receiver, *sources):
    """They are there once, whole, and nothing else."""
    for source in sources:
        compare(source, receiver.node.received(os.path.basename(source)))
    receiver.node.check_listed(*map(os.path.basename, sources))
    receiver.node.check_tidy()


def _excused(service, act):
    """What act() returns, called once the node is ready; again where it fails because the node died
    meanwhile, as often as it has faults to die of."""
    for struck in range(1, len(service.faults) + 1):
        service.ready()
        try:
            return act()
        except Late:
            raise
        except Failure:
            service.wait_struck(struck)
    service.ready()
    return act()


class Send(Kind):
    """One `fxnode send` to a peer that is there: it has to end well without anybody's help. Only
    where a peer that nobody knows dies before it has said who it is, it is not there."""

    def __init__(self, source):
        self.source = source

    def play(self, round_):
        round_.up()
        sender, receiver = round_.sender, round_.receiver
        status = _excused(receiver, lambda: self._send(sender, receiver.node.at))
        check_equal(status, 0, "status of send")
        _check_delivered(receiver, self.source)

    def _send(self, sender, peer):
        command = sender.node.command("send", peer, self.source)
        status = command.wait()
        check(status != NOT_REACHABLE or command.out, "nobody is there")
        return status


class Queue(Kind):
    """`fxnode send --detach` to a peer that is away and comes back later."""
    knows = True

    def __init__(self, source):
        self.source = source

    def _send(self, sender, peer):
        command = sender.node.command("send", "--detach", peer, self.source)
        check_equal(command.wait(), 0, "status of send")

    def play(self, round_):
        sender, receiver = round_.sender, round_.receiver
        peer = round_.bench.known_id[:12]
        sender.up()
        sender.mark()
        _excused(sender, lambda: self._send(sender, peer))
        waiting = _excused(sender, sender.node.transfers)
        check_equal(len(waiting), 1, "transfers of the sender while it waits")
        receiver.up()
        receiver.mark()
        outgoing = os.path.join(sender.node.state, "outgoing")
        wait_until(outgoing, lambda: not os.listdir(outgoing), "the sender is told")
        _check_delivered(receiver, self.source)


class Find(Send):
    """`fxnode send` to a peer by its name, which discovery has to find."""
    config = {"discovery": "on"}
    programs = ("daemon", "discovery")

    def play(self, round_):
        round_.up()
        sender, receiver = round_.sender, round_.receiver
        faulty = sender if sender.faults else receiver
        status = _excused(faulty, lambda: self._find_and_send(sender, receiver))
        check_equal(status, 0, "status of send")
        _check_delivered(receiver, self.source)

    def _find_and_send(self, sender, receiver):
        for service, other in ((sender, receiver), (receiver, sender)):
            service.ready()
            _see(service.node, other.node.name)
        return self._send(sender, receiver.node.name)


def _see(node, name):
    """Waits until a node lists another one as announced."""
    watch = node.command("peers", "--watch", "--json")
    watch.wait_event(lambda event: event["event"] == "peer" and event["name"] == name
                     and event["online"], f"{name} is seen")
    watch.stop()


class Pair(Kind):
    """`fxnode pair` on both; what fails because a node died is done again by the person."""

    def play(self, round_):
        round_.up()
        typist, shower = round_.sender, round_.receiver
        tries = 1 + TRIES_AFTER_FAULT * (len(typist.faults) + len(shower.faults))
        if not any(self._try(typist, shower) for _ in range(tries)):
            raise Failure("pairing fails again and again")
        for service, other in ((typist, shower), (shower, typist)):
            paired = _excused(service, service.node.paired)
            check_equal(list(paired), [other.node.name], f"the peers of {service.node.name}")

    def _try(self, typist, shower):
        """Whether both said that it was done; each that says so has to know the other."""
        for service in (typist, shower):
            service.ready()
        window = shower.node.command("pair")
        try:
            shown = window.wait_line(r"^(\d{4}) (\d{4})$", lines=window.out)
        except Late:
            raise
        except Failure:
            return False
        command = typist.node.command("pair", shower.node.at, typed=True)
        command.type(f"{shown[1]}{shown[2]}\n", last=True)
        done = [command.wait() == 0]
        if not done[0]:
            window.stop()
        done.append(window.wait() == 0)
        for service, said, other in ((typist, done[0], shower), (shower, done[1], typist)):
            check(not said or other.node.name in _excused(service, service.node.paired),
                  f"{service.node.name}: said to be paired and is not")
        return all(done)


def kinds(file, tree):
    return {"file": Send(file), "tree": Send(tree), "queue": Queue(file), "pair": Pair(),
            "find": Find(file)}
