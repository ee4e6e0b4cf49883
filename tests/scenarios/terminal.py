"""The daemon on a terminal of its own: offers are answered by a key, and the terminal is left as it
was."""

import os
import pty
import signal
import termios
import time

from lab import Failure, check, check_equal, hostile
from lab.data import compare, make_file
from lab.node import READY, program

QUESTION = "press y to accept transfer {}, n to reject it"
TRIES = 5


class _Terminal:
    """A pseudo terminal; `inner` is the end for programs."""

    def __init__(self):
        self._outer, self.inner = pty.openpty()

    def type(self, keys):
        os.write(self._outer, keys)

    def waits_for_lines(self):
        flags = termios.tcgetattr(self.inner)[3]
        return flags & termios.ICANON != 0 and flags & termios.ECHO != 0


def _pair(lab):
    lan = lab.lan(2)
    quiet = {"discovery": "off"}
    receiver = lab.node(lan[1], start=False, config={**quiet, "accept": "ask"})
    return lab.node(lan[0], config=quiet), receiver


def _start(receiver, terminal, *argv):
    """Starts a program that has the terminal; it is the leader of a session of its own."""
    return receiver.host.start(["setsid", "--ctty", *argv], name="terminal",
                               env={**receiver.environment(), "PS1": ""}, terminal=terminal.inner)


def _is_ready(receiver, process, after=0):
    receiver.port = int(process.wait_line(READY, after=after)["port"])


def _offer(lab, sender, receiver, name):
    source = make_file(lab.path(name), 1000)
    return source, sender.command("send", receiver.at, source)


def answered_by_a_key(lab):
    """y and n answer an offer without Enter; other keys do not, nor what was typed before."""
    sender, receiver = _pair(lab)
    terminal = _Terminal()
    daemon = _start(receiver, terminal, program(), "daemon")
    _is_ready(receiver, daemon)
    terminal.type(b"y\n")
    check(terminal.waits_for_lines(), "the terminal is not left alone without a question")
    source, command = _offer(lab, sender, receiver, "wanted")
    daemon.wait_line(QUESTION.format(1))
    check(not terminal.waits_for_lines(), "keys have to wait for Enter")
    check_equal([offer["state"] for offer in receiver.transfers()], ["offered"], "states")
    terminal.type(b"xy")
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    compare(source, receiver.received("wanted"))
    check(terminal.waits_for_lines(), "the terminal is not as it was after an answer")
    _, command = _offer(lab, sender, receiver, "unwanted")
    daemon.wait_line(QUESTION.format(2))
    terminal.type(b"N")
    check_equal(command.wait(), 4, f"status of send\n{command.said()}")
    check(terminal.waits_for_lines(), "the terminal is not as it was after a no")


def asked_in_a_crowd(lab):
    """Whatever crowd of offers it came in: an offer that is asked about has been described before.
    """
    lan = lab.lan(9)
    receiver = lab.node(lan[0], start=False, config={"discovery": "off", "accept": "ask"})
    daemon = _start(receiver, _Terminal(), program(), "daemon")
    _is_ready(receiver, daemon)
    crowd = [hostile.call(host, receiver, *["stranger", "ask"] * 4) for host in lan.hosts[1:]]
    for peer in crowd:
        check_equal(peer.wait(60), 0, peer.said())
    # A line a second is for them, after the first ten: on a machine that takes so long all have theirs.
    silent = [offer["transfer"] for offer in receiver.transfers()
              if not _described(daemon, offer["transfer"])] or [len(crowd) * 4]
    for number in range(1, silent[0]):
        receiver.run("reject", str(number))
    daemon.wait_line(QUESTION.format(silent[0]))
    check(_described(daemon, silent[0]), f"asked about what was not described\n{daemon.said()}")


def _described(daemon, number):
    return any(f"(`fxnode accept {number}` takes it" in line for line in list(daemon.err))


def _key_between_questions(terminal, daemon, second):
    """Types y between a question that has just gone and the next one. False where that was asked
    already: a second lies between, in which a busy machine may do other things."""
    while not terminal.waits_for_lines():
        if any(QUESTION.format(second) in line for line in list(daemon.err)):
            return False
        time.sleep(0.01)
    terminal.type(b"y")
    return terminal.waits_for_lines()


def taken_back(lab):
    """A key that comes just after its question has gone is no answer to the next one."""
    sender, receiver = _pair(lab)
    terminal = _Terminal()
    daemon = _start(receiver, terminal, program(), "daemon")
    _is_ready(receiver, daemon)
    for first in range(1, 2 * TRIES, 2):
        for number in (first, first + 1):
            _offer(lab, sender, receiver, f"number {number}")
            daemon.wait_line(f'offers .*"number {number}"')
        daemon.wait_line(QUESTION.format(first))
        sender.run("cancel", str(first))
        if _key_between_questions(terminal, daemon, first + 1):
            daemon.wait_line(QUESTION.format(first + 1))
            check_equal([offer["state"] for offer in receiver.transfers()], ["offered"],
                        "the other offer")
            return
        sender.command("cancel", str(first + 1)).wait()
        receiver.wait_transfers(lambda open_ones: not open_ones, "free of offers")
    raise Failure("asked at once, each time")


def always_by_a_key(lab):
    """`a` is an answer to offers of a paired peer that is asked about, and to no others."""
    sender, receiver = _pair(lab)
    terminal = _Terminal()
    daemon = _start(receiver, terminal, program(), "daemon")
    _is_ready(receiver, daemon)
    source, command = _offer(lab, sender, receiver, "one")
    check("to accept all" not in daemon.wait_line(QUESTION.format(1)).string, daemon.said())
    terminal.type(b"ay")
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    receiver.knows(sender, "friend")
    receiver.run("set", "friend", "accept=ask")
    _, command = _offer(lab, sender, receiver, "two")
    daemon.wait_line("paired peer friend .* offers 1 entry, 1.0 kB, for .*\"two\"")
    daemon.wait_line(QUESTION.format(2) + ", a to accept all that this peer offers")
    terminal.type(b"a")
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    sender.send(receiver, make_file(lab.path("three"), 1000))
    receiver.check_listed("one", "two", "three")
    compare(source, receiver.received("one"))


def restored_at_the_end(lab):
    """A question that is open when the daemon ends, or that is answered elsewhere, leaves the
    terminal as it was."""
    sender, receiver = _pair(lab)
    terminal = _Terminal()
    daemon = _start(receiver, terminal, program(), "daemon")
    _is_ready(receiver, daemon)
    source, command = _offer(lab, sender, receiver, "elsewhere")
    daemon.wait_line(QUESTION.format(1))
    receiver.run("accept", "1")
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    check(terminal.waits_for_lines(), "the terminal is not as it was after an answer elsewhere")
    compare(source, receiver.received("elsewhere"))
    _offer(lab, sender, receiver, "open")
    daemon.wait_line(QUESTION.format(2))
    check_equal(daemon.stop(), 0, "status of the daemon")
    check(terminal.waits_for_lines(), "the terminal is not as it was after the end")


def _state(pid):
    """State of a process as the kernel names it."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def in_the_background(lab):
    """`daemon &` is never stopped by its terminal; fg and bg do what they do elsewhere."""
    sender, receiver = _pair(lab)
    terminal = _Terminal()
    shell = _start(receiver, terminal, "bash", "--noediting", "--norc", "--noprofile", "-i")
    terminal.type(f"{program()} daemon & echo its number is $! >&2\n".encode())
    pid = int(shell.wait_line(r"^its number is (\d+)")[1])
    _is_ready(receiver, shell)
    _, command = _offer(lab, sender, receiver, "first")
    shell.wait_line("offers")
    check(_state(pid) != "T", "an offer stopped the daemon in the background")
    terminal.type(b"fg\n")
    shell.wait_line(QUESTION.format(1))
    terminal.type(b"\x1a")  # Ctrl-Z
    shell.wait_line("Stopped")
    check_equal(_state(pid), "T", "state after Ctrl-Z")
    asked = len(shell.err)
    terminal.type(b"fg\n")
    shell.wait_line(QUESTION.format(1), after=asked)
    terminal.type(b"y")
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    terminal.type(b"\x1a")
    shell.wait_line("Stopped", after=asked)
    terminal.type(b"bg\n")
    _, command = _offer(lab, sender, receiver, "second")
    shell.wait_line("fxnode accept 2")
    check(_state(pid) != "T", "bg did not let it go on")
    receiver.run("accept", "2")
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    os.kill(pid, signal.SIGTERM)
    terminal.type(b"wait; exit\n")
    shell.wait()
