"""Clocks that are set, by hours and by decades: nothing that is alive is taken for old, and what
waits waits for spans of time, not for a time of day."""

import json

from lab import check, check_equal
from lab.clock import DAY, HOUR, YEAR, Clock
from lab.data import MIB, compare, make_file

LONG = 120
RATE = "60mbit"

# Seconds by which the clock of a machine is wrong: hours, a month, years and generations, both ways.
# The one before the last is before 1970; with the last one it is right again.
WRONG = (3 * HOUR, -2 * HOUR, 40 * DAY, -5 * YEAR, 40 * YEAR, -100 * YEAR, 0)


class _Pair:
    """A sender and a receiver, each with a clock of its own."""

    def __init__(self, lab, **config):
        self.clocks = [Clock(lab.path(f"clock-{side}")) for side in ("sender", "receiver")]
        config = {"batch": "1M", "lanes": 2, **config}
        self.sender, self.receiver = lab.pair(
            {"config": dict(config), "env": self.clocks[0].env},
            {"config": dict(config), "env": self.clocks[1].env})

    @property
    def sides(self):
        return list(zip(self.clocks, (self.sender, self.receiver)))

    def set(self, ahead):
        for clock in self.clocks:
            clock.set_ahead(ahead)

    def let_hours_pass(self):
        for clock, node in self.sides:
            clock.let_pass(node, HOUR + 1)

    def send(self, source, *options):
        return self.sender.command("send", "--json", *options, self.receiver.at, source,
                                   env=self.clocks[0].env)


def _states(node):
    return [transfer["state"] for transfer in node.transfers("--all")]


def set_during_a_transfer(lab):
    """Both clocks go back and forth while a transfer runs, and an hour passes at each: it is
    neither interrupted nor given up, and arrives whole."""
    pair = _Pair(lab)
    source = make_file(lab.path("data"), len(WRONG) * 5 * MIB)
    pair.sender.host.limit_rate(RATE)
    command = pair.send(source)
    for number, ahead in enumerate(WRONG):
        command.wait_event(lambda event, part=number * 2 * MIB: event.get("done", 0) > part,
                           f"part {number}", LONG)
        # It is not to end meanwhile, however long this takes.
        pair.sender.host.limit_rate("1mbit")
        pair.set(ahead)
        pair.let_hours_pass()
        pair.sender.host.limit_rate(RATE)
    pair.sender.host.limit_rate(None)
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    compare(source, pair.receiver.received("data"))
    states = {event["state"] for event in command.events() if event["event"] == "transfer"}
    check("waiting" not in states, f"it was interrupted: {states}")
    for _, node in pair.sides:
        check_equal(_states(node), ["delivered"], f"transfers of {node.name}")
    pair.receiver.check_tidy()


def kept_through_every_clock(lab):
    """What waits, at both sides, waits on whatever the clock says, in a running node and over a
    restart; then it goes on from where it was."""
    pair = _Pair(lab)
    source = make_file(lab.path("data"), 12 * MIB)
    pair.sender.host.limit_rate("10mbit")
    command = pair.send(source)
    command.wait_event(lambda event: event.get("done", 0) > 0, "a part", LONG)
    number = str(pair.sender.transfers()[0]["transfer"])
    pair.sender.run("pause", number)
    check_equal(command.wait(LONG), 5, "status of the paused send")
    for restarts, ahead in enumerate(WRONG):
        pair.set(ahead)
        if restarts % 2:
            pair.sender.restart()
            pair.receiver.restart()
        pair.let_hours_pass()
    for _, node in pair.sides:
        check_equal(len(node.transfers()), 1, f"open transfers of {node.name}")
    pair.sender.host.limit_rate(None)
    before = pair.sender.host.bytes_sent()
    check_equal(pair.send(source).wait(LONG), 0, "status of send")
    check(pair.sender.host.bytes_sent() - before < 12 * MIB, "it began anew")
    compare(source, pair.receiver.received("data"))
    pair.receiver.check_tidy()


def delivered_before_1970(lab):
    """What was delivered under a clock that was wrong by so much is not old when it is set right."""
    pair = _Pair(lab)
    pair.set(-100 * YEAR)
    pair.let_hours_pass()
    check_equal(pair.send(make_file(lab.path("data"), 100)).wait(LONG), 0, "status of send")
    pair.set(0)
    pair.let_hours_pass()
    for _, node in pair.sides:
        check_equal(_states(node), ["delivered"], f"transfers of {node.name}")


def begun_in_1970(lab):
    """A machine that is told the time only after it was started: what was queued before waits on,
    even if the node ends before it has looked at the clock again."""
    pair = _Pair(lab)
    first = make_file(lab.path("first"), 100)
    check_equal(pair.send(first).wait(LONG), 0, "status of send")
    pair.receiver.stop()
    pair.sender.stop()
    for clock in pair.clocks:
        clock.set_to(1000)
    pair.sender.start()
    source = make_file(lab.path("data"), MIB)
    check_equal(pair.send(source, "--detach").wait(LONG), 0, "status of send --detach")
    pair.sender.kill()
    pair.set(0)
    pair.sender.start()
    pair.clocks[0].let_pass(pair.sender, HOUR + 1)
    check_equal(len(pair.sender.transfers()), 1, "open transfers")
    pair.receiver.start()
    number = pair.sender.transfers()[0]["transfer"]
    pair.sender.daemon.wait_line(f"transfer {number} to .*: delivered$", patience=LONG)
    compare(source, pair.receiver.received("data"))


def offer_waits_its_day(lab):
    """An offer waits for its answer for 24 hours of which the node saw at least half pass."""
    pair = _Pair(lab, accept="ask")
    source = make_file(lab.path("gift"), MIB)
    command = pair.send(source)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked", LONG)
    pair.set(3 * DAY)
    pair.let_hours_pass()
    pair.receiver.daemon.wait_line("the clock was set ahead")
    offer = pair.receiver.transfers()[0]
    check_equal(offer["state"], "offered", f"the offer {json.dumps(offer)}")
    pair.receiver.run("accept", str(offer["transfer"]))
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    compare(source, pair.receiver.received("gift"))
