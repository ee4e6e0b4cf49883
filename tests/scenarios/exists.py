"""What becomes of names that exist where received files go, as the receiver wants it: for all, for
one peer, for one offer."""

import os
import shutil

from lab import check, check_equal
from lab.data import compare

QUIET = {"discovery": "off"}


def _pair(lab, **config):
    lan = lab.lan(2)
    attic = lab.node(lan[0], name="attic", config={**QUIET, **config})
    desk = lab.node(lan[1], name="desk", config=QUIET)
    return attic, desk


def _write(path, text, seconds=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if seconds is not None:
        os.utime(path, (seconds, seconds))
    return path


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def _tree(lab, attic):
    """A tree that is there in another version: one file is the same, one differs, one is new."""
    for name, text, seconds in (("same", "as it is", 1000), ("sub/differs.txt", "new", 2000),
                                ("sub/new", "new", 3000)):
        _write(lab.path(f"tree/{name}"), text, seconds)
    _write(attic.received("tree/same"), "as it was"[:8], 1000)
    _write(attic.received("tree/sub/differs.txt"), "older", 500)
    _write(attic.received("tree/mine"), "mine", 600)
    return lab.path("tree")


def _offer(node):
    offer, = [transfer for transfer in node.transfers() if transfer["state"] == "offered"]
    return offer


def _names(command):
    delivered = [event for event in command.events() if event.get("state") == "delivered"]
    return [name["name"] for name in delivered[-1]["names"]]


def skip(lab):
    """The same file is left out, what differs goes beside, and the sender hears the true name."""
    attic, desk = _pair(lab, exists="skip")
    tree = _tree(lab, attic)
    done = desk.run("send", "--json", attic.at, tree)
    check_equal(_names(done), ["tree"], "the name it has there")
    check_equal(_read(attic.received("tree/same")), "as it wa", "what is the same by size and time")
    check_equal(_read(attic.received("tree/sub/differs.txt")), "older", "what differs")
    check_equal(_read(attic.received("tree/sub/differs (2).txt")), "new", "what came beside it")
    check_equal(_read(attic.received("tree/sub/new")), "new", "what is new")
    check_equal(_read(attic.received("tree/mine")), "mine", "what was not sent")
    attic.check_tidy()
    attic.check_listed("tree")


def overwrite(lab):
    """What differs is replaced, for one peer; a second time nothing is left to be done."""
    attic, desk = _pair(lab)
    tree = _tree(lab, attic)
    attic.knows(desk)
    attic.run("set", "desk", "exists=overwrite")
    check("exists=overwrite" in attic.run("set", "desk").out, "the setting is shown")
    desk.send(attic, tree)
    check_equal(_read(attic.received("tree/sub/differs.txt")), "new", "what differed")
    check_equal(_read(attic.received("tree/same")), "as it wa", "what is the same by size and time")
    check_equal(_read(attic.received("tree/mine")), "mine", "what was not sent")
    inode = os.stat(attic.received("tree/sub/differs.txt")).st_ino
    desk.send(attic, tree)
    check_equal(os.stat(attic.received("tree/sub/differs.txt")).st_ino, inode, "left as it is")
    attic.check_tidy()
    attic.check_listed("tree")
    attic.run("set", "desk", "exists=default")
    desk.send(attic, tree)
    attic.check_listed("tree", "tree (2)")
    compare(tree, attic.received("tree (2)"))


def of_another(lab):
    """A peer that may replace files cannot do so in the directory of another one, by whatever
    path it lies below its own."""
    lan = lab.lan(3)
    attic = lab.node(lan[0], name="attic", config={**QUIET, "exists": "overwrite"})
    desk = lab.node(lan[1], name="desk", config=QUIET)
    attic.knows(lab.node(lan[2], name="other", config=QUIET))
    attic.run("set", "other", "directory=shelf/other")
    _write(lab.path("shelf/other/file"), "new", 2000)
    _write(lab.path("shelf/mine"), "new", 2000)
    _write(attic.received("shelf/other/file"), "theirs", 1000)
    _write(attic.received("shelf/mine"), "older", 1000)
    desk.send(attic, lab.path("shelf"))
    check_equal(_read(attic.received("shelf/mine")), "new", "what differed")
    check_equal(_read(attic.received("shelf/other/file")), "theirs", "what is another peer's")
    check_equal(_read(attic.received("shelf/other (2)/file")), "new", "what came beside it")


def refuse(lab):
    """An offer with a name that exists is refused, and says which; others are taken."""
    attic, desk = _pair(lab, exists="refuse")
    tree = _tree(lab, attic)
    said = desk.send(attic, tree, _write(lab.path("other"), "other"), status=4).said()
    check('"tree" is already there' in said, f"the name is not told:\n{said}")
    check("send it under another name" in said, f"nor what can be done:\n{said}")
    attic.check_listed("tree")
    desk.send(attic, lab.path("other"))
    attic.check_listed("tree", "other")


def _many(lab):
    """More names than an offer tells; of those that it does not tell one will exist."""
    return [_write(lab.path(f"many/{number:03}"), "new") for number in range(70)]


def refuse_unknown(lab):
    """An offer with more names than it tells may have one that exists: it is refused too."""
    attic, desk = _pair(lab, exists="refuse")
    paths = _many(lab)
    _write(attic.received("069"), "older")
    said = desk.send(attic, *paths, status=4).said()
    check("takes nothing that exists" in said, f"it is not said why:\n{said}")
    attic.check_listed("069")
    desk.send(attic, *paths[:64])


def ask_unknown(lab):
    """It waits where somebody is to be asked about names that exist."""
    attic, desk = _pair(lab, exists="ask")
    paths = _many(lab)
    command = desk.command("send", "--json", attic.at, *paths)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    attic.daemon.wait_line("where a name exists: what comes gets another name")
    attic.run("accept", str(_offer(attic)["transfer"]), "--exists", "overwrite")
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")


def ask(lab):
    """An offer with a name that exists waits, also where everything is taken, and says which."""
    attic, desk = _pair(lab, exists="ask")
    tree = _tree(lab, attic)
    desk.send(attic, _write(lab.path("other"), "other"))
    command = desk.command("send", "--json", attic.at, tree, lab.path("other"))
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    attic.daemon.wait_line('"other", "tree" are there already: what comes gets another name')
    offer = _offer(attic)
    check_equal([name.get("exists") for name in offer["names"]], [True, True], "what exists")
    check('exists already: "other", "tree"' in attic.run("transfers").said(), "it is not shown")
    attic.run("accept", str(offer["transfer"]), "--exists", "maybe", status=2)
    attic.run("accept", str(offer["transfer"]))
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    attic.check_listed("tree", "tree (2)", "other", "other (2)")
    compare(tree, attic.received("tree (2)"))


def chosen(lab):
    """Whoever accepts may choose what becomes of what exists, also what the session could not do
    when it began; a restart in between changes nothing."""
    attic, desk = _pair(lab, accept="ask")
    tree = _tree(lab, attic)
    command = desk.command("send", "--json", attic.at, tree)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    attic.restart()
    offer = _offer(attic)
    check_equal([name.get("exists") for name in offer["names"]], [True], "what exists")
    attic.run("accept", str(offer["transfer"]), "--exists", "overwrite")
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    attic.check_listed("tree")
    check_equal(_read(attic.received("tree/sub/differs.txt")), "new", "what differed")
    check_equal(_read(attic.received("tree/mine")), "mine", "what was not sent")


def _versions(lab, count):
    """Trees of one name in which every file says which of them it is."""
    paths = []
    for version in range(count):
        for name in range(40):
            _write(lab.path(f"{version}/tree/{name % 7}/{name}"), f"version {version}",
                   1000 + version)
        paths.append(lab.path(f"{version}/tree"))
    return paths


def _at_once(lab, exists):
    attic, desk = _pair(lab, exists=exists)
    paths = _versions(lab, 4)
    commands = [desk.command("send", attic.at, path) for path in paths]
    for command in commands:
        check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    attic.check_tidy()
    return attic, paths


def at_once_rename(lab):
    """Trees of one name sent at the same time arrive one beside the other, none with a file of
    another."""
    attic, paths = _at_once(lab, "rename")
    attic.check_listed("tree", "tree (2)", "tree (3)", "tree (4)")
    found = sorted(_read(attic.received(f"{name}/0/0")) for name in os.listdir(attic.files))
    check_equal(found, [f"version {version}" for version in range(4)], "one of each")
    for name in os.listdir(attic.files):
        version = int(_read(attic.received(f"{name}/0/0"))[-1])
        compare(paths[version], attic.received(name))


def at_once_skip(lab):
    """Where directories go together each file of each is there, under one name or another."""
    attic, _ = _at_once(lab, "skip")
    attic.check_listed("tree")
    for name in range(40):
        directory = attic.received(f"tree/{name % 7}")
        found = sorted(_read(os.path.join(directory, entry)) for entry in os.listdir(directory)
                       if entry.split(" ")[0] == str(name))
        check_equal(found, [f"version {version}" for version in range(4)], f"versions of {name}")


def at_once_overwrite(lab):
    """Where they replace each other each file is that of one of them, whole. Whoever lets
    everybody do so is told."""
    attic, _ = _at_once(lab, "overwrite")
    attic.daemon.wait_line("and replace those that are there")
    attic.check_listed("tree")
    for name in range(40):
        directory = attic.received(f"tree/{name % 7}")
        check_equal(len(os.listdir(directory)), len(range(name % 7, 40, 7)), "files")
        text = _read(os.path.join(directory, str(name)))
        check(text in [f"version {version}" for version in range(4)], f"{name}: {text}")


def cut_while_placing(lab):
    """The receiver dies while it replaces; the next start completes it, without the sender."""
    attic, desk = _pair(lab, exists="overwrite")
    tree = _tree(lab, attic)
    attic.restart(FXNODE_CRASH="merged")
    command = desk.command("send", attic.at, tree)
    attic.wait_crash()
    check(_read(attic.received("tree/sub/differs.txt")) in ("older", "new"), "it is lost")
    attic.recover()
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    check_equal(_read(attic.received("tree/sub/differs.txt")), "new", "what differed")
    check_equal(_read(attic.received("tree/sub/new")), "new", "what is new")
    check_equal(_read(attic.received("tree/mine")), "mine", "what was not sent")
    attic.check_tidy()
    attic.check_listed("tree")


def _keep(node, directory):
    """The database of a node that is not running, as in a backup."""
    os.mkdir(directory)
    for name in os.listdir(node.state):
        if name.startswith("fxnode.db"):
            shutil.copy2(os.path.join(node.state, name), directory)


def _set_back(node, directory):
    for name in os.listdir(node.state):
        if name.startswith("fxnode.db"):
            os.unlink(os.path.join(node.state, name))
    shutil.copytree(directory, node.state, dirs_exist_ok=True)


def set_back_while_placing(lab):
    """A hard link is placed, what it is linked to is not, and the database is set back to when
    data came: what is placed is not written into, and the rest comes again."""
    attic, desk = _pair(lab, exists="skip")
    tree = lab.path("tree")
    _write(f"{tree}/first", "sent", 1000)
    os.link(f"{tree}/first", f"{tree}/second")
    _write(attic.received("tree/first"), "mine", 1000)
    attic.restart(FXNODE_CRASH="extents-committed")
    command = desk.command("send", attic.at, tree)
    attic.wait_crash()
    attic.kill()
    _keep(attic, lab.path("backup"))
    attic.start(FXNODE_CRASH="merged")
    attic.wait_crash()
    attic.kill()
    placed = os.stat(attic.received("tree/second"))
    check_equal(placed.st_nlink, 2, "names of what is placed, the staged one too")
    _set_back(attic, lab.path("backup"))
    attic.start(FXNODE_CRASH="")
    check_equal(command.wait(), 0, f"status of send\n{command.said()}")
    check_equal(_read(attic.received("tree/first")), "mine", "what was there")
    check_equal(_read(attic.received("tree/second")), "sent", "what was placed")
    check_equal(os.stat(attic.received("tree/second")).st_mtime_ns, placed.st_mtime_ns, "its time")
    attic.check_tidy()
