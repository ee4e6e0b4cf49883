"""What people do with the commands, and what they do wrong: a clear line and the right status."""

import os
import re
import signal

from lab import check, check_equal
from lab.data import MIB, compare, make_file, make_tree
from lab.node import program
from lab.process import run
from lab.watch import wait_for

# 48 MiB take ten seconds: what is done as soon as the first of it has gone is done in the middle, on
# a busy machine too. Whoever waits for the end takes the limit away.
SLOW = "40mbit"


def _complains(command, *words):
    """One clear line on standard error that holds all of `words`."""
    said = "\n".join(command.err)
    check(any(line.startswith(("fxnode", "usage: fxnode")) for line in command.err),
          f"no clear line: {command.said()}")
    for word in words:
        check(word in said, f"{word!r} is not in what was said: {command.said()}")


def wrong_arguments(lab):
    """Wrong usage is status 2 and says what is wrong; help and version are not wrong."""
    lan = lab.lan(1)
    node = lab.node(lan[0], config={"discovery": "off"})
    path = make_file(lab.path("file"), 10)
    os.mkdir(lab.path("other"))
    twin = make_file(lab.path("other/file"), 10)
    for arguments in ((), ("banana",), ("send",), ("send", "peer"), ("send", "--banana", "a", path),
                      ("send", "--limit", "banana", "a", path), ("send", "--wait", "-1", "a", path),
                      ("send", "10.77.0.9", path, twin), ("accept",), ("accept", "banana"),
                      ("pause", "0"), ("peers", "--wait", "x"), ("transfers", "extra"),
                      ("daemon", "--accept", "banana"), ("daemon", "--listen", "not an address"),
                      ("--version", "banana"), ("--version", "--config", "/dev/null"),
                      ("--version", "--verbose", "--config")):
        _complains(node.run(*arguments, status=2))
    for arguments in (("--help",), ("--version",), ("--version", "--verbose"), ("send", "--help"),
                      ("daemon", "--help")):
        check(node.run(*arguments).out, f"{arguments}: nothing on standard output")


def full_output(lab):
    """What cannot be printed is an error, as it is where nothing takes it; what was asked for beside
    is done."""
    desk, attic = lab.pair()
    path = make_file(lab.path("file"), 10)
    for target in ("/dev/full", "&-"):
        for arguments in (("--help",), ("--version",), ("--version", "--verbose"), ("id",),
                          ("send", "--help"), ("daemon", "--help"), ("export",), ("id", "--json"),
                          ("transfers", "--json"), ("send", attic.at, path)):
            command = desk.host.start(["sh", "-c", f'exec "$0" "$@" >{target}', program(),
                                       *arguments], env=desk.environment())
            check_equal(command.wait(), 1, f"status of {arguments} > {target}")
            _complains(command, "cannot write to standard output")
    for name in ("file", "file (2)"):
        compare(path, attic.received(name))


def wrong_transfer(lab):
    """A number that no transfer has is wrong usage; one that is over is not, but nothing can be done
    with it, by a node that was started again either."""
    sender, receiver = lab.pair()
    acts = ("accept", "reject", "pause", "resume", "cancel")
    for command in (*acts, "verify"):
        _complains(sender.run(command, "4711", status=2), "there is no transfer 4711")
    sender.send(receiver, make_file(lab.path("file"), 10))
    number = str(sender.transfers("--all")[0]["transfer"])
    for command in acts:
        _complains(sender.run(command, number, status=1), f"transfer {number} is over")
    sender.restart()
    _complains(sender.run("resume", number, status=1), f"transfer {number} is over")


def unknown_peer(lab):
    """An unknown name, a silent address and a closed port are status 3 and keep nothing."""
    lan = lab.lan(2)
    node = lab.node(lan[0], config={"discovery": "off"})
    path = make_file(lab.path("file"), 10)
    for peer in ("nobody", "10.77.0.99", f"{lan[1].address}:9", "nobody.invalid:7"):
        _complains(node.run("send", peer, path, status=3, patience=60), peer.split(":")[0])
    check_equal(node.transfers("--all"), [], "transfers kept")


def source_is_missing(lab):
    """A path that is not there."""
    sender, receiver = lab.pair()
    command = sender.send(receiver, lab.path("not there"), status=1)
    _complains(command, "not there", "No such file")
    receiver.check_listed()


def source_is_unreadable(lab):
    """A file without permission in a tree is named, the rest arrives, status 1."""
    sender, receiver = lab.pair({"bounded": True})
    source = make_tree(lab.path("tree"), files=8)
    os.chmod(make_file(f"{source}/secret", 100), 0)
    command = sender.send(receiver, source, status=1)
    _complains(command, "secret", "Permission denied")
    again = [line for line in command.err if "secret" in line][-1]
    check(again.startswith("  "), f"it is not named again at the end: {command.said()}")
    check(not os.path.lexists(receiver.received("tree/secret")), "the unreadable file arrived")
    check(os.path.isdir(receiver.received("tree/empty")), "the rest did not arrive")


def destination_is_unwritable(lab):
    """The receiver may not write where it should: the sender is told so, not just cut off, and the
    transfer goes on once the receiver may."""
    sender, receiver = lab.pair(receiver={"bounded": True})
    source = make_file(lab.path("file"), 100)
    os.chmod(receiver.files, 0o555)
    command = sender.command("send", "--json", receiver.at, source)
    waiting = command.wait_event(lambda event: event.get("state") == "waiting", "it waits")
    check("lost" not in waiting["reason"], f"no clear reason: {waiting}")
    os.chmod(receiver.files, 0o755)
    check_equal(command.wait(60), 0, f"status of send\n{command.said()}")
    compare(source, receiver.received("file"))


def receiver_disk_full(lab):
    """The transfer waits with a reason while there is no room and goes on when there is."""
    sender, receiver = lab.pair({}, {})
    receiver.stop()
    run(["mount", "-t", "tmpfs", "-o", "size=24M", "tmpfs", receiver.files])
    receiver.start()
    source = make_file(lab.path("large"), 64 * MIB)
    command = sender.command("send", "--json", receiver.at, source)
    waiting = command.wait_event(lambda event: event.get("state") == "waiting", "it waits")
    check(re.search("room|space|full", waiting.get("reason", "")), f"no clear reason: {waiting}")
    run(["mount", "-o", "remount,size=256M", receiver.files])
    check_equal(command.wait(90), 0, f"status of send\n{command.said()}")
    compare(source, receiver.received("large"))


def _change_under_way(lab, change):
    """A file is changed by `change` while it is being sent: never delivered, status 1, named."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("restless"), 48 * MIB)
    sender.host.limit_rate(SLOW)
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("state") == "running", "it runs")
    change(source)
    sender.host.limit_rate(None)
    check_equal(command.wait(60), 1, f"status of send\n{command.said()}")
    check("restless" in "\n".join(command.out), f"the file is not named: {command.said()}")
    receiver.check_listed()
    receiver.check_tidy()
    sender.send(receiver, source)
    compare(source, receiver.received("restless"))


def source_grows(lab):
    """A file that grows while it is read."""
    def grow(path):
        with open(path, "ab") as file:
            file.write(b"more")
    _change_under_way(lab, grow)


def source_shrinks(lab):
    """A file that shrinks while it is read."""
    _change_under_way(lab, lambda path: os.truncate(path, 40 * MIB))


def source_vanishes(lab):
    """A file that is deleted before it is read to its end."""
    sender, receiver = lab.pair()
    source = make_tree(lab.path("tree"), files=8)
    gone = make_file(f"{source}/gone", 48 * MIB)
    sender.host.limit_rate(SLOW)
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("state") == "running", "it runs")
    os.unlink(gone)
    sender.host.limit_rate(None)
    check_equal(command.wait(60), 1, f"status of send\n{command.said()}")
    check("gone" in "\n".join(command.out), f"the file is not named: {command.said()}")
    check(os.path.isdir(receiver.received("tree/empty")), "the rest did not arrive")
    check(not os.path.lexists(receiver.received("tree/gone")), "half of the file arrived")


def asked_and_accepted(lab):
    """The default: an offer waits until somebody says yes."""
    sender, receiver = lab.pair(receiver={"config": {"accept": "ask"}})
    source = make_file(lab.path("gift"), MIB)
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    offer = receiver.transfers()[0]
    check_equal((offer["state"], offer["bytes"], offer["names"][0]["name"]),
                ("offered", MIB, "gift"), "the offer")
    receiver.check_listed()
    receiver.run("accept", str(offer["transfer"]))
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    compare(source, receiver.received("gift"))


def asked_and_rejected(lab):
    """A no is status 4, and nothing of the offer is written."""
    sender, receiver = lab.pair(receiver={"config": {"accept": "ask"}})
    source = make_file(lab.path("gift"), MIB)
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    receiver.run("reject", str(receiver.transfers()[0]["transfer"]))
    check_equal(command.wait(), 4, f"status of send\n{command.said()}")
    receiver.check_listed()
    receiver.check_tidy()


def offered_and_taken_back(lab):
    """Offers that are taken back before anybody answers leave nothing in the receiver's database."""
    sender, receiver = lab.pair(receiver={"config": {"accept": "ask"}})
    source = make_file(lab.path("gift"), MIB)
    for _ in range(6):
        command = sender.command("send", "--json", receiver.at, source)
        command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
        # What came before it is forgotten, by now or in a moment.
        receiver.wait_transfers(lambda known: len(known) == 1, "the one offer", "--all")
        sender.run("cancel", str(sender.transfers()[0]["transfer"]))
        check(command.wait() != 0, "a cancelled send reported success")
    receiver.wait_transfers(lambda known: not known, "none", "--all")
    receiver.check_tidy()


def _cancelled(lab, by_receiver):
    sender, receiver = lab.pair()
    source = make_file(lab.path("unwanted"), 48 * MIB)
    sender.host.limit_rate(SLOW)
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("state") == "running", "it runs")
    side = receiver if by_receiver else sender
    side.run("cancel", str(side.transfers()[0]["transfer"]))
    sender.host.limit_rate(None)
    status = command.wait()
    check_equal(status, 4 if by_receiver else 1, "status of send")
    receiver.check_listed()
    receiver.check_tidy()
    check_equal(sender.transfers(), [], "open transfers")


def cancelled_by_sender(lab):
    """`cancel` at the sender: nothing of it stays at the receiver."""
    _cancelled(lab, by_receiver=False)


def cancelled_by_receiver(lab):
    """`cancel` at the receiver: the sender is told and does not try again."""
    _cancelled(lab, by_receiver=True)


def detached(lab):
    """--detach returns once it is queued; without a daemon it is an error."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("later"), MIB)
    sender.send(receiver, source)
    other = make_file(lab.path("aside"), MIB)
    sender.run("send", "--detach", receiver.at, other)
    wait_for(receiver.received("aside"))
    compare(other, receiver.received("aside"))
    sender.stop()
    _complains(sender.run("send", "--detach", receiver.at, source, status=2), "daemon")
    sender.start()


def limited(lab):
    """--limit holds the rate: a file that else is one batch, and there all at once, is there in part
    for a while."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("slow"), 40 * MIB)
    command = sender.command("send", "--json", "--limit", "4M", receiver.at, source)
    command.wait_event(lambda event: 0 < event.get("done", 0) < 40 * MIB, "a part is there")
    command.signal(signal.SIGINT)
    check_equal(command.wait(), 5, "status of what was stopped")
    sender.send(receiver, source)
    compare(source, receiver.received("slow"))


def same_identity(lab):
    """The id is the same in `id`, in the daemon's line, and after a restart."""
    lan = lab.lan(1)
    node = lab.node(lan[0], config={"discovery": "off"})
    shown = node.run("id").out[0]
    check(node.id in shown and node.name in shown, f"{shown!r} is not {node.name} {node.id}")
    node.restart()
    event = next(event for event in node.run("id", "--json").events() if "id" in event)
    check_equal(event["id"], node.id.replace("-", ""), "id")
    check_equal(os.stat(node.state).st_mode & 0o077, 0, "others' rights to the state directory")


def interrupted_twice(lab):
    """Ctrl-C pauses, and the transfer is there to be resumed."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("data"), 48 * MIB)
    sender.host.limit_rate(SLOW)
    command = sender.command("send", receiver.at, source)
    command.wait_line("transfer 1:", lines=command.out)
    command.signal(signal.SIGINT)
    check_equal(command.wait(), 5, f"status of send\n{command.said()}")
    check_equal([transfer["state"] for transfer in sender.transfers()], ["paused"], "states")
    # After a restart only the receiver knows how much it has; nobody says that it is nothing.
    sender.restart()
    check("done" not in sender.transfers()[0], f"done: {sender.transfers()}")
    sender.host.limit_rate(None)
    sender.send(receiver, source)
    compare(source, receiver.received("data"))


def progress_on_a_terminal(lab):
    """One line that is drawn over and over on a terminal; plain lines elsewhere."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("data"), 32 * MIB)
    sender.host.limit_rate("200mbit")
    words = f"{program()} send {receiver.at} {source}"
    shown = sender.host.start(["script", "-qec", words, "/dev/null"], env=sender.environment(),
                              name="terminal")
    check_equal(shown.wait(), 0, f"status of send\n{shown.said()}")
    text = "\n".join(shown.out)
    check(re.search(r"\r *\d+ %  .* of 34 MB  .*/s  .* left", text), f"no progress: {text!r}")
    plain = sender.run("send", receiver.at, make_file(lab.path("more"), 100))
    check("\r" not in "".join(plain.out) and "\x1b" not in "".join(plain.out), plain.said())


def foreign_names_are_escaped(lab):
    """A name that would steer a terminal is shown escaped, and arrives as it is."""
    sender, receiver = lab.pair(receiver={"config": {"accept": "ask"}})
    name = "evil\x1b[2J\u202ename"
    source = make_file(lab.path(name), 100)
    command = sender.command("send", receiver.at, source)
    command.wait_line("yes", lines=command.out)
    listed = receiver.run("transfers")
    check("evil\\e[2J\\u{202e}name" in "\n".join(listed.out), listed.said())
    offer = receiver.transfers()[0]
    check_equal(offer["names"][0]["name"], name, "name in JSON")
    receiver.run("accept", str(offer["transfer"]))
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    check("\x1b" not in "".join(command.out + command.err), command.said())
    compare(source, receiver.received(name))


def json_everywhere(lab):
    """--json on each command: an object with version and kind on each line, a result last."""
    sender, receiver = lab.pair()
    source = make_file(lab.path("file"), 100)
    for arguments in (("send", receiver.at, source), ("peers", "--wait", "0"), ("transfers",),
                      ("transfers", "--all"), ("id",)):
        events = sender.run(arguments[0], "--json", *arguments[1:]).events()
        check(all(event["v"] == 1 and event["event"] for event in events), f"{events}")
        check_equal((events[-1]["event"], events[-1]["status"]), ("result", 0), f"{arguments}")
    failed = sender.run("send", "--json", "10.77.0.99:1", source, status=3, patience=60).events()
    check_equal((failed[-1]["event"], failed[-1]["status"]), ("result", 3), "a failure")
