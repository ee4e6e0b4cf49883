"""What the commands say can be done about something can be done, as it stands there."""

import re
import shlex
import shutil
import time

from lab import check, check_equal
from lab.data import compare, make_file
from lab.process import PATIENCE
from lab.watch import wait_for

QUIET = {"discovery": "off"}


def _says(command, *words):
    text = "\n".join(command.out + command.err)
    for word in words:
        check(word in text, f"{word!r} is not in what was said:\n{text}")
    return text


def _set_up_anew(node):
    """The same machine with another key."""
    node.stop()
    shutil.rmtree(node.state)
    node.id = None
    node.start()


def key_behind_an_alias_changed(lab):
    """The two commands that are advised forget the old key and pair with the new one, also where
    nobody announces the name that the alias was."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("file"), 1000)
    sender.knows(receiver, "cellar")
    sender.send(receiver, source)
    _set_up_anew(receiver)
    text = _says(sender.send("cellar", source, status=6), "another key", receiver.id)
    unpair, pair = re.findall(r"`fxnode ([^`]+)`", text)
    sender.run(*shlex.split(unpair))
    shown = receiver.command("pair", "--json")
    code = shown.wait_event(lambda event: event["event"] == "pair-code", "a code")["code"]
    sender.run(*shlex.split(pair), typed=f"{code}\n")
    check_equal(shown.wait(), 0, f"status of pair\n{shown.said()}")
    check_equal(list(sender.paired().values()), [receiver.id.replace("-", "")], "paired peers")


def names_of_nobody(lab):
    """What is said names what was typed, and does not send people to another machine in vain."""
    sender, receiver = lab.pair()
    for command in (("unpair", "box"), ("set", "box"), ("rename", "box", "crate"),
                    ("export", "box")):
        said = sender.run(*command, status=3)
        _says(said, "box", "fxnode peers")
        check_equal(len(said.err), 1, f"lines of {command}")
    for own in (sender.name, sender.at):
        for command in (("send", own, "/etc/hostname"), ("pair", own)):
            said = sender.run(*command, status=3, typed="12345678\n")
            _says(said, own, "itself", "fxnode peers")
            check_equal(len(said.err), 1, f"lines of {command}")
    _says(sender.run("send", "box", "/etc/hostname", status=3), "no peer is called box",
          "fxnode daemon")
    sender.send(receiver, make_file(lab.path("file"), 1000))
    _says(sender.run("set", receiver.at, "limit=5G", status=1), "not paired", "fxnode pair")


def settings_can_be_given_back(lab):
    """The lines that set prints set the same again; what no line could say is not taken."""
    sender, receiver = lab.pair()
    sender.knows(receiver, "attic")
    for directory in ("", "von attic/\u00fcber/'x'", " $HOME"):
        shown = sender.run("set", "attic", f"directory={directory}", "limit=1500", "accept=ask").out
        check_equal(shown[1], f"directory={directory}", "what is shown")
        check_equal(sender.run("set", "attic", *shown).out, shown, "what is set again")
    for directory in ("a\nb", "a\\b", "\x1b[2J", "x\u202e"):
        _says(sender.run("set", "attic", f"directory={directory}", status=2), "directory")
    check_equal(sender.run("set", "attic").out, shown, "what is set after refusals")


def imports_that_are_refused(lab):
    """Each says that nothing was taken, and why."""
    sender, receiver = lab.pair()
    line = receiver.run("export").out[0]
    sender.knows(receiver, "attic")
    other = sender.run("export").out[0].split(" ")
    _says(sender.run("import", status=1, typed=" ".join(other) + "\n"), "itself",
          "no peer was imported")
    third = lab.node(sender.host, name="third", config={**QUIET, "listen": f"{sender.host.address}"
                                                        ":4711"})
    other = third.run("export").out[0].split(" ")
    _says(sender.run("import", status=1, typed=f"{other[0]} {other[1]} attic\n"), "attic",
          "fxnode rename", "no peer was imported")
    _says(sender.run("import", status=1, typed=f"{line}\n{line}\n"), "line 2",
          "no peer was imported")
    check_equal(list(sender.paired()), ["attic"], "paired peers")


def _await_listed(node, ending):
    """Asks until the one line of the list has this ending."""
    deadline = time.monotonic() + PATIENCE
    while not (listed := node.run("transfers").out)[1].endswith(ending):
        check(time.monotonic() < deadline, f"{ending!r} did not come: {listed}")


def offer_of_a_sender_that_left(lab):
    """An offer stays when its sender goes; the list says so, until the sender is back."""
    sender, receiver = lab.pair(receiver={"config": {"accept": "ask"}})
    source = make_file(lab.path("file"), 1000)
    sender.run("send", "--detach", receiver.at, source)
    receiver.daemon.wait_line("fxnode accept 1")
    _await_listed(receiver, "  file")
    sender.run("unpair", receiver.id)
    _await_listed(receiver, "  file (paused by the sender)")
    receiver.restart()
    _await_listed(receiver, "  file (the sender is away)")
    sender.run("send", "--detach", receiver.at, source)
    _await_listed(receiver, "  file")
    receiver.run("accept", "1")
    wait_for(receiver.received("file"))
    compare(source, receiver.received("file"))


def offer_beyond_a_limit(lab):
    """Why an offer of a peer whose offers are taken unasked waits stands in the list and the log."""
    sender, receiver = lab.pair(receiver={"config": {"accept": "ask"}})
    receiver.knows(sender, "desk")
    for limit, other, says in (("limit", "day-limit", "more than its limit"),
                               ("day-limit", "limit", "more than its day-limit")):
        receiver.run("set", "desk", f"{limit}=999", f"{other}=none")
        sender.run("send", "--detach", receiver.at, make_file(lab.path(limit), 1000))
        receiver.daemon.wait_line(f"offers 1 entry, 1.0 kB, {says}, for ")
        offer, = receiver.transfers()
        check_equal(offer.get("reason"), says, "reason")
        receiver.run("reject", str(offer["transfer"]))
