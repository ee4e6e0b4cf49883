"""Many interrupted transfers in a row on one pair of daemons: nothing grows that is not meant to."""

import os
import shutil
import signal

from lab import check, check_equal
from lab.data import MIB, compare, make_file, make_many
from lab.growth import Growth

LONG = 180

# What is interrupted: more than the batches of both lanes, so that there is a middle.
SIZE = 16 * MIB
FILES = 100
CONFIG = {"lanes": 2, "batch": "1M"}

# Six seconds for it to be interrupted, on a busy machine too; then nothing has to last any more.
RATE = "20mbit"


class Round:
    """One transfer, to be interrupted once a part of it is durable."""

    def __init__(self, lab, sender, receiver, number):
        self.sender, self.receiver = sender, receiver
        self.name = f"round-{number}"
        path = lab.path(self.name)
        sender.host.limit_rate(RATE)
        # A file, or a tree of small ones: each interruption meets both.
        self.source = (make_many(path, FILES, SIZE // FILES, number) if number % 2
                       else make_file(path, SIZE, number))
        self.command = self.start()
        self.command.wait_event(lambda event: event.get("done", 0) > 0, "a part", LONG)
        self.number = self.open_at(sender)

    def start(self):
        """A command that sends it, or goes on with it."""
        return self.sender.command("send", "--json", self.receiver.at, self.source)

    @staticmethod
    def open_at(node):
        numbers = [transfer["transfer"] for transfer in node.transfers()]
        check_equal(len(numbers), 1, f"open transfers of {node.name}")
        return str(numbers[0])

    def wait_delivered(self):
        """Where no command follows it."""
        self.sender.host.limit_rate(None)
        self.sender.daemon.wait_line(f"transfer {self.number} to .*: delivered$", patience=LONG)

    def finish(self):
        self.sender.host.limit_rate(None)
        check_equal(self.command.wait(LONG), 0, f"status of send\n{self.command.said()}")

    def check_arrived(self):
        compare(self.source, self.receiver.received(self.name))

    def check_gone(self):
        self.receiver.check_listed()

    def clear(self):
        for path in (self.source, self.receiver.received(self.name)):
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
        self.receiver.check_tidy()


def _kill_sessions(node):
    for pid in node.helpers("session"):
        os.kill(pid, signal.SIGKILL)


def _sender_session(this):
    _kill_sessions(this.sender)
    this.finish()


def _receiver_session(this):
    _kill_sessions(this.receiver)
    this.finish()


def _connection(this):
    this.sender.host.kill_connections(this.receiver.port)
    this.finish()


def _paused(this):
    this.sender.run("pause", this.number)
    check_equal(this.command.wait(LONG), 5, "status of the paused send")
    this.sender.run("resume", this.number)
    this.wait_delivered()


def _paused_there(this):
    number = this.open_at(this.receiver)
    this.receiver.run("pause", number)
    this.command.wait_event(lambda event: event.get("state") == "waiting", "it waits", LONG)
    this.receiver.run("resume", number)
    this.sender.run("resume", this.number)
    this.finish()


def _repeated(this):
    this.command.signal(signal.SIGINT)
    check_equal(this.command.wait(LONG), 5, "status after Ctrl-C")
    this.command = this.start()
    this.finish()


def _client(this):
    this.command.kill()
    this.wait_delivered()


def _sender_daemon(this):
    this.sender.kill()
    this.sender.start()
    this.finish()


def _receiver_daemon(this):
    this.receiver.kill()
    this.receiver.start()
    this.finish()


def _cancelled(this):
    this.sender.run("cancel", this.number)
    check_equal(this.command.wait(LONG), 1, "status of the cancelled send")
    this.check_gone()


def _cancelled_there(this):
    this.receiver.run("cancel", this.open_at(this.receiver))
    check_equal(this.command.wait(LONG), 4, "status of the send that was cancelled there")
    this.check_gone()


# Those that both daemons live through, and the others.
SURVIVED = (_sender_session, _receiver_session, _connection, _paused, _paused_there, _repeated,
            _client, _cancelled, _cancelled_there)
KILLS_SENDER = (_sender_daemon,)
KILLS_RECEIVER = (_receiver_daemon,)


def run_rounds(lab, pair, rounds, interruptions, first=0):
    """`rounds` transfers, interrupted in turn in these ways."""
    for number in range(first, first + rounds):
        interrupt = interruptions[number % len(interruptions)]
        this = Round(lab, *pair, number)
        interrupt(this)
        if interrupt not in (_cancelled, _cancelled_there):
            this.check_arrived()
        this.clear()
    for node in pair:
        check_equal(node.transfers(), [], f"open transfers of {node.name}")


def make_pair(laboratory):
    return laboratory.pair({"config": dict(CONFIG)}, {"config": dict(CONFIG)})


def every_interruption(lab):
    """Some to warm up and then each kind: neither descriptors nor files grow, the database by what
    is kept for 30 days, and memory by no more than chance."""
    pair = make_pair(lab)
    run_rounds(lab, pair, 3, SURVIVED)
    growth = Growth(pair)
    run_rounds(lab, pair, len(SURVIVED), SURVIVED, first=3)
    growth.check(len(SURVIVED), memory=MIB)
    run_rounds(lab, pair, 2, KILLS_SENDER + KILLS_RECEIVER, first=100)
