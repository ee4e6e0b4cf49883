"""What is done while a call fails: a class for each kind of thing. Each has

    make(directory)         what is sent, once
    run(pair, faulty)       does it; the status of the command, of the one on the side that is named
    settle(pair, status)    finishes what did not, by what the message said; fails where that fails

A pair is two nodes that know each other; see errors.py."""

import os
import re
import shutil
import subprocess
import time

from lab import Failure, check
from lab.data import MIB, compare, make_file, snapshot
from lab.node import Node
from lab.process import PATIENCE


def said_why(command):
    """A command that fails says so in a line of its own."""
    check(any(line.startswith("fxnode: ") for line in command.err),
          f"it ends with {command.popen.returncode} and says nothing\n{command.said()}")


def check_refusal(daemon, fatal):
    """A daemon that cannot start has ended and says why; where it may abort, it need not."""
    status = daemon.wait()
    check(fatal or status == 1 and any(line.startswith("fxnode: ") for line in daemon.err),
          f"the daemon ends with {status}\n{daemon.said()}")


MOMENT = 5.0  # seconds, for what is as good as done


def follow(pair, command):
    """The status of `fxnode send`; whenever it waits it is told to go on, as a person may."""
    seen = 0
    while not command.ended():
        try:
            command.wait_line("^(waiting|queued): ", lines=command.out, after=seen)
        except Failure:
            break
        seen = len(command.out)
        pair.resume()
    return command.wait(MOMENT)


def _is_same_file(path, other):
    """Whether they are names of one file."""
    return os.path.samestat(os.lstat(path), os.lstat(other))


class Excuses:
    """What a send has said that it could not do: so much may be missing in what was delivered."""

    NOT_SENT = re.compile(
        r"^fxnode: (?:cannot read (.*): |(/.*) is (?:not sent|sent without its attributes?\b.*): "
        r"|(.*) is another name of .*, which was not sent)")

    def __init__(self, command, directory):
        found = filter(None, map(self.NOT_SENT.search, command.err))
        self._paths = [os.path.join(directory, "".join(filter(None, line.groups())))
                       for line in found]
        self._attributes = any("arrived without some of" in line for line in command.err)

    def _hold_for(self, path):
        return any(f"{path}/".startswith(f"{named}/") or _is_same_file(path, named)
                   for named in self._paths)

    def _reduced(self, thing):
        return thing and [part for part in thing if not (self._attributes and type(part) is dict)]

    def compare(self, source, copy):
        if not self._paths and not self._attributes:
            compare(source, copy)
            return
        wanted, got = snapshot(source), snapshot(copy)
        for path in wanted.keys() | got.keys():
            check(self._reduced(wanted.get(path)) == self._reduced(got.get(path))
                  or self._hold_for(os.path.join(source, path).rstrip("/")),
                  f"{path!r} is {got.get(path)} instead of {wanted.get(path)}")


class Sending:
    """Something of one name is sent, and awaited."""
    sides = ("sender", "receiver")

    def __init__(self, directory):
        os.mkdir(directory)
        self.source = self.make(directory)
        self.name = os.path.basename(self.source)
        self.excuses = None

    def run(self, pair):
        return self._send(pair)

    def _send(self, pair, *options):
        command = pair.command("sender", "send", *options, pair.receiver.at, self.source)
        status = follow(pair, command)
        pair.told = [status, *command.out, *command.err]
        self.excuses = Excuses(command, os.path.dirname(self.source))
        if status != 0:
            check(status in (1, 3, 4, 5), f"it ends with {status}\n{command.said()}")
            said_why(command)
        return status

    def settle(self, pair, status, role):
        partly = status == 1 and os.path.exists(pair.receiver.received(self.name))
        if status != 0:
            again = pair.command("sender", "send", pair.receiver.at, self.source)
            check(follow(pair, again) == 0, f"the same command again fails\n{again.said()}")
        pair.receiver.check_tidy()
        names = [self.name]
        # A command that was told too late of what was delivered has asked for it twice, as has who
        # wants the rest of what was delivered in part.
        if status != 0 and (partly or role == "command") and os.path.exists(
                pair.receiver.received(self.second())):
            names.append(self.second())
        pair.receiver.check_listed(*names)
        for name in names:
            excused = name == self.name and (status == 0 or partly)
            self.same(pair.receiver.received(name), self.excuses if excused else None)
            self.remove(pair.receiver.received(name))

    def second(self):
        stem, dot, ending = self.name.partition(".")
        return f"{stem} (2){dot}{ending}"

    def same(self, received, excuses):
        if excuses is not None:
            excuses.compare(self.source, received)
        else:
            compare(self.source, received)

    @staticmethod
    def remove(path):
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


class File(Sending):
    """One file of several batches."""

    @staticmethod
    def make(directory):
        return make_file(f"{directory}/data", MIB)


class Tree(Sending):
    """A small tree with one of each kind of thing."""

    @staticmethod
    def make(directory):
        root = f"{directory}/tree"
        os.makedirs(f"{root}/deep/empty")
        make_file(f"{root}/one", 1)
        make_file(f"{root}/none", 0)
        make_file(f"{root}/deep/large", 300_000)
        os.link(f"{root}/one", f"{root}/deep/other")
        os.symlink("../one", f"{root}/deep/link")
        with open(f"{root}/sparse", "wb") as file:
            file.write(bytes([7]) * 4096)
            file.truncate(400_000)
        os.setxattr(f"{root}/one", "user.some", b"attribute")
        return root


class Moved(Tree):
    """The tree goes from here to there."""

    def __init__(self, directory):
        super().__init__(directory)
        self.kept = f"{directory}/kept"
        os.rename(self.source, self.kept)

    def run(self, pair):
        if os.path.lexists(self.source):  # of what has failed
            shutil.rmtree(self.source)
        subprocess.run(["cp", "-a", self.kept, self.source], check=True)
        return self._send(pair, "--move")

    def settle(self, pair, status, role):
        received = pair.receiver.received(self.name)
        if os.path.lexists(self.source):
            check(status != 0, f"it stays, and nobody says so\n{pair.told}")
            self._check_nothing_lost(received)
            shutil.rmtree(self.source)
            if os.path.lexists(received):
                self.remove(received)
            again = self.run(pair)
            check(again == 0, f"the same command again ends with {again}\n{pair.told}")
        check(not os.path.lexists(self.source), "it is still there")
        pair.receiver.check_tidy()
        pair.receiver.check_listed(self.name)
        compare(self.kept, received)
        self.remove(received)

    def _check_nothing_lost(self, received):
        """All of it is here or there."""
        here, there = (snapshot(path) if os.path.lexists(path) else {}
                       for path in (self.source, received))
        for path, thing in snapshot(self.kept).items():
            kept = path in here if thing[0] == "directory" else here.get(path) == thing
            check(kept or there.get(path) == thing, f"{path!r} is neither here nor there")


class Queued(File):
    """It waits for a peer that is away, and goes when that is back."""

    def __init__(self, directory):
        super().__init__(directory)
        self.acquainted = None  # the pair of which the sender knows the receiver

    def _queue(self, pair):
        command = pair.command("sender", "send", "--detach", pair.receiver.id, self.source)
        status = command.wait()
        pair.told = [status, *command.out, *command.err]
        if status != 0:
            said_why(command)
        return status

    def run(self, pair):
        if pair is not self.acquainted:
            self.acquainted = pair
            self.settle(pair, super().run(pair), None)
        with pair.away("receiver"):
            return self._queue(pair)

    @staticmethod
    def _await(pair):
        deadline = time.monotonic() + PATIENCE
        while pair.sender.transfers():
            check(time.monotonic() < deadline, f"it is not delivered\n{pair.said()}")
            pair.resume()

    def settle(self, pair, status, role):
        self._await(pair)
        if status != 0 and not os.path.exists(pair.receiver.received(self.name)):
            check(self._queue(pair) == 0, f"the same command again fails\n{pair.told}")
            self._await(pair)
        super().settle(pair, 0, role)


class First:
    """A node starts for the first time: of what it keeps nothing is there."""
    sides = ("sender",)

    def __init__(self, directory):
        os.mkdir(directory)
        self.directory = directory
        self.number = 0
        self.usual = None  # what is in a state directory

    @staticmethod
    def _start(node, fatal):
        try:
            node.start()
        except Failure:
            check_refusal(node.daemon, fatal)
            node.start()

    def run(self, pair):
        self.number += 1
        node = Node(pair.sender.host, self.directory,
                    name=f"{os.path.basename(self.directory)}-{self.number}",
                    config={**pair.sender.config, "listen": "0.0.0.0"}, env=pair.sender.env)
        self._start(node, pair.fatal)
        pair.disarm()
        pair.told = []
        check(node.id in node.run("id").out[0], f"not the id that it said\n{node.daemon.said()}")
        node.restart()
        node.stop()
        left = sorted(os.listdir(node.state))
        self.usual = self.usual or left
        check(left == self.usual, f"{node.state} holds {left}, not {self.usual}")
        shutil.rmtree(node.home)
        shutil.rmtree(node.runtime)
        return 0

    def settle(self, pair, status, role):
        pass


class Pairing:
    """Two people pair their nodes with a code."""
    sides = ("sender", "receiver")

    def __init__(self, directory):
        del directory

    @staticmethod
    def _once(pair):
        """(status of the one who types, of the one who shows)"""
        window = pair.command("receiver", "pair")
        try:
            shown = window.wait_line(r"^(\d{4}) (\d{4})$", lines=window.out)
        except Failure:
            check(window.wait(MOMENT) != 0, f"it shows no code and is content\n{window.said()}")
            said_why(window)
            return None, window.wait()
        typing = pair.command("sender", "pair", pair.receiver.at, typed=True)
        typing.type(shown[1] + shown[2] + "\n", last=True)
        typed = typing.wait()
        if typed != 0:
            said_why(typing)
            window.stop()
        status = window.wait()
        return typed, status

    def run(self, pair):
        typed, shown = self._once(pair)
        return typed if typed != 0 else shown

    def settle(self, pair, status, role):
        del role
        if status != 0:
            check(self._once(pair) == (0, 0), "pairing again fails")
        for node, other in ((pair.sender, pair.receiver), (pair.receiver, pair.sender)):
            known = other.id.replace("-", "")
            check(list(node.paired().values()) == [known], f"{node.name}: not paired")
            node.run("unpair", known)


KINDS = {"file": File, "tree": Tree, "pair": Pairing, "move": Moved, "queue": Queued,
         "first": First}
