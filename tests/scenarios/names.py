"""Names and paths of every kind: what arrives, what is shown, what scripts read."""

import os

from lab import check, check_equal
from lab.data import make_file
from lab.tree import COMPONENT, NAMES, NO_SLASH, PATH, make
from lab.tree_compare import compare_trees

LONG = 120


def _told(value, key):
    """The bytes that a member of an event stands for, as fxnode(1) has it."""
    if f"{key}_hex" in value:
        return bytes.fromhex(value[f"{key}_hex"])
    return value[key].encode()


def _told_names(transfer):
    return [_told(name, "name") for name in transfer["names"]]


def _told_paths(command):
    return sorted(_told(event, "path") for event in command.events()
                  if event["event"] == "note" and "path" in event)


def _check_shown(command):
    """What was written for people can be shown: no byte of it steers a terminal."""
    for line in command.out + command.err:
        check(line.isprintable() and "\ufffd" not in line, f"not escaped: {line!r}")


# Of each variety that a name can have, more than fit into one line.
ODD = [*NAMES[:-1], NO_SLASH[:COMPONENT], bytes(reversed(NO_SLASH))[:COMPONENT], b"\xff" * COMPONENT,
       b"\n" * COMPONENT, b"trailing space ", b"-"]


def at_the_top(lab):
    """Top-level items of all such names, twice: what scripts read of them at both ends, in events of
    the command and in lists, is what they are called, and people are shown them escaped."""
    sender, receiver = lab.pair()
    os.mkdir(lab.path("items"))
    items = [os.path.join(os.fsencode(lab.path("items")), name) for name in sorted(set(ODD))]
    for item in items:
        make_file(item, 10)
    names = sorted(map(os.path.basename, items))
    check(len(names) < 64, f"{len(names)} do not fit into a list")
    for number in (1, 2):
        command = sender.run("send", "--json", receiver.at, *map(os.fsdecode, items),
                             patience=LONG)
        transfers = [event for event in command.events() if event["event"] == "transfer"]
        check(any(_told_names(told) == names for told in transfers), f"names: {command.said()}")
        final = _told_names(transfers[-1])
        for node in (sender, receiver):
            check_equal(_told_names(node.transfers("--all")[-1]), final, f"names at {node.name}")
        listed = set(os.listdir(os.fsencode(receiver.files))) - {b".fxnode"}
        check_equal(len(listed), number * len(names), "how many have arrived")
        check(set(final) <= listed, f"told and not there: {set(final) - listed}")
    check(not set(final) & set(names), "the second ones have the names of the first")
    for node in (sender, receiver):
        _check_shown(node.run("transfers", "--all"))


def _make_odd_pipes(root):
    """Pipes of all such names, in directories of such names; their paths from the top."""
    top = os.fsencode(root)
    name = os.path.basename(top)
    directory = os.path.join(top, b"\x1b[2J\xff", b"-x" + b"y" * 200)
    os.makedirs(directory)
    paths = []
    for odd in sorted(set(ODD)):
        os.mkfifo(os.path.join(directory, odd))
        paths.append(os.path.join(name, os.path.relpath(directory, top), odd))
    return paths


def of_what_is_left_out(lab):
    """What is not sent is named: for scripts as it is called, in full; for people escaped."""
    sender, receiver = lab.pair()
    source = lab.path("tree")
    paths = _make_odd_pipes(source)
    make_file(f"{source}/plain", 10)
    command = sender.run("send", "--json", receiver.at, source, status=1)
    check_equal(_told_paths(command), sorted(paths), "what was left out")
    command = sender.send(receiver, source, status=1)
    _check_shown(command)
    lines = [line for line in command.err if "it is a named pipe" in line]
    check_equal(sum(line.startswith("fxnode: ") for line in lines), len(paths), "lines")


def of_what_fails(lab):
    """The same of what has gone meanwhile, at both ends: by the sender's command, and in the log of
    the receiver."""
    sender, receiver = lab.pair({}, {"config": {"accept": "ask"}})
    source = os.fsencode(lab.path("tree"))
    directory = os.path.join(source, b"\x1b[2J\xff", b"-x" + b"y" * 200)
    os.makedirs(directory)
    odd = sorted(set(ODD))
    for name in odd:
        make_file(os.path.join(directory, name), 100)
    make_file(os.path.join(source, b"plain"), 10)
    command = sender.command("send", "--json", receiver.at, os.fsdecode(source))
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    for name in odd:
        os.unlink(os.path.join(directory, name))
    receiver.run("accept", str(receiver.transfers()[0]["transfer"]))
    check_equal(command.wait(LONG), 1, f"status of send\n{command.said()}")
    wanted = [os.path.join(b"tree", os.path.relpath(directory, source), name) for name in odd]
    check_equal(_told_paths(command), sorted(wanted), "what failed")
    _check_shown(receiver.daemon)
    check_equal(sender.transfers("--all")[0]["failed"], len(odd), "how many failed")


def below_long_paths(lab):
    """A tree with the longest paths, in a directory whose own path is nearly as long as can be, sent
    to one such: together they are longer than any system call takes."""
    sender, receiver = lab.pair()
    far = lab.path("far")
    while len(far) < PATH - 1 - 300:
        far = f"{far}/{'d' * 200}"
    os.makedirs(far)
    for seed in (3, 4):
        source = make(f"{far}/tree {seed}", seed)
        sender.send(receiver, source, patience=LONG)
        compare_trees(source, receiver.received(f"tree {seed}"))
    receiver.stop()
    receiver.files = f"{receiver.files}/{'f' * 200}"
    while len(receiver.files) < 3000:
        receiver.files = f"{receiver.files}/{'f' * 200}"
    os.makedirs(receiver.files)
    receiver.arguments = ["--files", receiver.files]
    receiver.start()
    for seed in (3, 4):
        source = f"{far}/tree {seed}"
        sender.send(receiver, source, patience=LONG)
        compare_trees(source, receiver.received(f"tree {seed}"))
    receiver.check_tidy()
