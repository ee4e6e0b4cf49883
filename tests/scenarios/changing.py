"""Sources that change once they were offered and while they are read: the rest arrives, what could not
be sent whole is named, the status is 1, and nothing of it is delivered."""

import os

from lab import check, check_equal
from lab.data import MIB, SOME_TIME_NS, compare, make_file, snapshot

LONG = 120


def _grow(path):
    with open(path, "ab") as file:
        file.write(b"more")


def _rewrite(path):
    """Other bytes, as many."""
    with open(path, "r+b") as file:
        file.write(b"others")


def _instead(make):
    """Something else under the name of a file, or of a directory with all that was in it."""
    def change(path):
        if os.path.isdir(path):
            for name in os.listdir(path):
                os.unlink(os.path.join(path, name))
            os.rmdir(path)
        else:
            os.unlink(path)
        make(path)
    return change


def _nothing(_):
    pass


def _file(path):
    make_file(path, 5000, seed="another")
    os.utime(path)


def _link(path):
    os.symlink("stays", path)


FILES = {
    "grown": _grow,
    "shrunk": lambda path: os.truncate(path, 4000),
    "emptied": lambda path: os.truncate(path, 0),
    "rewritten": _rewrite,
    "replaced": _instead(_file),
    "deleted": _instead(_nothing),
    "now a directory": _instead(os.mkdir),
    "now a link": _instead(_link),
    "now a pipe": _instead(os.mkfifo),
    "unreadable": lambda path: os.chmod(path, 0),
}
DIRECTORIES = {
    "directory deleted": _instead(_nothing),
    "directory now a file": _instead(_file),
    "directory now a link": _instead(_link),
    "directory now a pipe": _instead(os.mkfifo),
}


def _make(root):
    """One of each, and as much that stays."""
    os.mkdir(root)
    for name in (*FILES, "stays", "zz stays"):
        make_file(f"{root}/{name}", 5000, seed=name)
    for name in (*DIRECTORIES, "directory stays"):
        os.mkdir(f"{root}/{name}")
        make_file(f"{root}/{name}/in it", 5000, seed=name)
    os.symlink("stays", f"{root}/link retargeted")
    os.symlink("stays", f"{root}/link stays")


def _change(root):
    for name, change in {**FILES, **DIRECTORIES}.items():
        change(f"{root}/{name}")
    _instead(lambda path: os.symlink("elsewhere", path))(f"{root}/link retargeted")


def _named(command):
    """{path: line} of the notes about entries."""
    return {event["path"]: event["text"] for event in command.events()
            if event["event"] == "note" and "path" in event}


def _check_named(command, wanted):
    """Each of them, and nothing else; in a line that says what it is about and why."""
    named = _named(command)
    check_equal(sorted(named), sorted(wanted), "what is named")
    for path, line in named.items():
        check(path in line and len(line) > len(path) + 10, f"no clear line: {line!r}")
        check("/in it" in path or " now " not in path or "type" in line or "no longer" in line,
              f"not that it is something else: {line!r}")


def _offer(sender, *sources):
    """`send` of sources for which somebody is asked at the receiver."""
    command = sender.command("send", "--json", *sources)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    return command


def _accept(receiver, command, status):
    receiver.run("accept", str(receiver.transfers()[0]["transfer"]))
    check_equal(command.wait(LONG), status, f"status of send\n{command.said()}")


def after_the_offer(lab):
    """Every way to change, of files, directories and links in one tree."""
    sender, receiver = lab.pair({"bounded": True}, {"config": {"accept": "ask"}})
    source = lab.path("tree")
    _make(source)
    before = snapshot(source)
    command = _offer(sender, receiver.at, source)
    _change(source)
    _accept(receiver, command, 1)
    gone = [*FILES, *DIRECTORIES, "link retargeted",
            *(f"{name}/in it" for name in DIRECTORIES)]
    _check_named(command, [f"tree/{name}" for name in gone])
    got = snapshot(receiver.received("tree"))
    wanted = {path: what for path, what in before.items() if path not in gone}
    check_equal(got, wanted, "the rest")
    receiver.check_listed("tree")
    receiver.check_tidy()
    check_equal(sender.transfers("--all")[0]["failed"], len(gone), "how many failed")


def whole_items(lab):
    """Top-level items that are gone or something else, beside one that stays."""
    sender, receiver = lab.pair({}, {"config": {"accept": "ask"}})
    names = ("deleted", "pipe", "stays", "tree deleted", "tree pipe")
    sources = [lab.path(name) for name in names]
    for source in sources[:3]:
        make_file(source, 5000, seed=source)
    for source in sources[3:]:
        os.mkdir(source)
        make_file(f"{source}/in it", 5000, seed=source)
    command = _offer(sender, receiver.at, *sources)
    for source, change in zip(sources, (_nothing, os.mkfifo, None, _nothing, os.mkfifo)):
        if change is not None:
            _instead(change)(source)
    _accept(receiver, command, 1)
    _check_named(command, ["deleted", "pipe", "tree deleted", "tree deleted/in it", "tree pipe",
                           "tree pipe/in it"])
    compare(sources[2], receiver.received("stays"))
    receiver.check_listed("stays")
    receiver.check_tidy()


def _while_read(lab, change, failed=True):
    """`change` happens to a large file when a part of it has arrived; beside it is a small one."""
    sender, receiver = lab.pair({"config": {"lanes": 1}}, {"config": {"lanes": 1, "batch": "1M"}})
    source = lab.path("tree")
    os.mkdir(source)
    large = make_file(f"{source}/large", 48 * MIB)
    make_file(f"{source}/small", 1000)
    os.utime(source, ns=(SOME_TIME_NS, SOME_TIME_NS))
    wanted = snapshot(source)
    sender.host.limit_rate("40mbit")  # ten seconds, for a change that takes its time
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("done", 0) > 0, "a part has arrived", LONG)
    change(large)
    sender.host.limit_rate(None)
    check_equal(command.wait(LONG), 1 if failed else 0, f"status of send\n{command.said()}")
    if failed:
        _check_named(command, ["tree/large"])
        wanted.pop("large")
    check_equal(snapshot(receiver.received("tree")), wanted, "what arrived")
    receiver.check_tidy()


def rewritten_while_read(lab):
    """Other bytes, as many, and the time put back: nothing mixed arrives."""
    def change(path):
        with open(path, "r+b") as file:
            file.write(b"old and new")
        os.utime(path, ns=(SOME_TIME_NS, SOME_TIME_NS))
    _while_read(lab, change)


def replaced_while_read(lab):
    """Another file of the same size and time under its name."""
    def change(path):
        make_file(f"{path}.new", 48 * MIB, seed=2)
        os.replace(f"{path}.new", path)
        os.utime(os.path.dirname(path), ns=(SOME_TIME_NS, SOME_TIME_NS))
    _while_read(lab, change)


def copied_while_read(lab):
    """A copy with the same bytes and time under its name: that is no change."""
    def change(path):
        make_file(f"{path}.new", 48 * MIB)
        os.replace(f"{path}.new", path)
        os.utime(os.path.dirname(path), ns=(SOME_TIME_NS, SOME_TIME_NS))
    _while_read(lab, change, failed=False)


def a_pipe_while_read(lab):
    """A named pipe under its name, which nobody writes to."""
    _while_read(lab, _instead(os.mkfifo))
