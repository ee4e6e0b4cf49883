"""What was sent with --move is removed at the sender once it is delivered: never before, never what
is not there as it was sent, and through all interruptions."""

import contextlib
import os
import shutil
import sqlite3

from lab import check, check_equal
from lab.data import MIB, make_file, snapshot
from lab.watch import unopened, wait_gone


def _write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _tree(root):
    """Files, an empty one, directories, links of both kinds."""
    for name in ("a", "b", "sub/c", "sub/deep/d"):
        _write(os.path.join(root, name), f"this is {name}\n")
    make_file(os.path.join(root, "large"), 2 * MIB + 1)
    make_file(os.path.join(root, "empty-file"), 0)
    os.mkdir(os.path.join(root, "empty"))
    os.link(os.path.join(root, "large"), os.path.join(root, "sub/linked"))
    os.link(os.path.join(root, "large"), os.path.join(root, "sub/deep/linked too"))
    os.symlink("a", os.path.join(root, "link"))
    return root


def _end(command):
    """The last state of the transfer, and what was said to stay, as {path: text}."""
    events = command.events()
    last = [event for event in events if event["event"] == "transfer"][-1]
    stays = {event["path"]: event["text"] for event in events
             if event["event"] == "note" and event.get("path") and " stays: " in event["text"]}
    return last, stays


def _move(node, peer, *paths, status=0):
    return _end(node.run("send", "--json", "--move", peer.at, *paths, status=status))


def everything(lab):
    """A tree and a file go from here to there, and nothing else; without --move nothing goes."""
    desk, attic = lab.pair()
    tree = _tree(lab.path("tree"))
    other = os.link(os.path.join(tree, "b"), lab.path("other-name")) or lab.path("other-name")
    note = _write(lab.path("note"), "a note\n")
    desk.send(attic, tree, note)
    before = snapshot(tree)
    attic.restart()
    shutil.rmtree(attic.files)
    check_equal(snapshot(tree), before, "what stays without --move")
    last, stays = _move(desk, attic, tree, note)
    check_equal(stays, {}, "what stays")
    check_equal((last["moving"], last["moved"], last["stayed"]), ("over", 14, 0), "the sums")
    check(not os.path.exists(tree) and not os.path.exists(note), "it is gone")
    check_equal(snapshot(attic.received("tree")), before, "it is there")
    check_equal(os.listdir(lab.path(".")).count("other-name"), 1, "another name of a file")
    with open(other, encoding="utf-8") as file:
        check_equal(file.read(), "this is b\n", "its content")
    said = desk.run("verify", "--json", str(last["transfer"])).events()
    checked, result = said[-2:]
    check_equal((checked["missing"], checked["removed"]), (0, 14), "verify says so")
    check("14 are removed here" in result["text"], f"in words: {result['text']}")


def what_stays(lab):
    """Between delivery and removal files are changed, replaced and added: those stay, named where the node
    logs, the others go."""
    desk, attic = lab.pair()
    tree = _tree(lab.path("tree"))
    desk.restart(FXNODE_CRASH="move-delivered")
    sending = desk.command("send", "--json", "--move", attic.at, tree)
    desk.wait_crash()
    for name in ("a", "b", "sub/c", "large", "link"):
        check(os.path.lexists(os.path.join(tree, name)), f"{name} is still there")
    _write(os.path.join(tree, "a"), "THIS IS a\n")
    os.rename(os.path.join(tree, "b"), os.path.join(tree, "sub/b"))
    shutil.copy2(os.path.join(tree, "sub/b"), os.path.join(tree, "b"))
    _write(os.path.join(tree, "empty/new"), "new\n")
    os.unlink(os.path.join(tree, "sub/c"))
    os.unlink(os.path.join(tree, "link"))
    os.symlink("b", os.path.join(tree, "link"))
    desk.recover()
    check_equal(sending.wait(), 1, "something stays")
    for name in ("a", "b", "link", "empty", "sub"):
        desk.daemon.wait_line(f"tree/{name} stays: ")
    check_equal(_end(sending)[0]["stayed"], 5, "counted")
    check("5 stayed" in sending.events()[-1]["text"], "said")
    left = {os.path.relpath(os.path.join(at, name), tree) for at, names, files in os.walk(tree)
            for name in names + files}
    check_equal(left, {"a", "b", "link", "empty", "empty/new", "sub", "sub/b"}, "what is there")


def _change_kept(node, change):
    """Has change() make other bytes of what a stopped node keeps of the transfer."""
    with contextlib.closing(sqlite3.connect(os.path.join(node.state, "fxnode.db"))) as database:
        row, kept = database.execute("SELECT rowid, bytes FROM receipt").fetchone()
        with database:
            database.execute("UPDATE receipt SET bytes = ? WHERE rowid = ?", (change(kept), row))


def _inode(path, device=None):
    """How the stamp of a file begins."""
    now = os.lstat(path)
    return (device or now.st_dev).to_bytes(8, "big") + now.st_ino.to_bytes(8, "big")


def _forge(node, path):
    """What is kept of `path` gets the time of change that it has now, as where the clock of the file
    system has not gone on since it was sent."""
    def change(kept):
        inode = _inode(path)
        check_equal(kept.count(inode), 1, "the stamps of it")
        at = kept.index(inode) + len(inode)
        seconds, nanoseconds = divmod(os.lstat(path).st_ctime_ns, 10**9)
        nanoseconds |= kept[at + 8] >> 7 << 31
        stamp = seconds.to_bytes(8, "big") + nanoseconds.to_bytes(4, "big")
        return kept[:at] + stamp + kept[at + len(stamp):]
    _change_kept(node, change)


def renumbered(lab):
    """Interrupted at the removal, and then the disk has another number, as after a restart of the
    machine: it goes on, and what was gone before is known to be. What has another content stays."""
    desk, attic = lab.pair({"env": {"FXNODE_CRASH": "move-delivered"}}, {})
    tree = _tree(lab.path("tree"))
    desk.run("send", "--move", "--detach", attic.at, tree)
    desk.wait_crash()
    desk.kill()
    paths = [tree, *(entry.path for root, _, _ in os.walk(tree) for entry in os.scandir(root))]

    inodes = {_inode(path): _inode(path, device=0x777777) for path in paths}

    def change(kept):
        for now, then in inodes.items():
            check(now in kept, "a stamp")
            kept = kept.replace(now, then)
        return kept
    _change_kept(desk, change)
    for name in ("sub/linked", "sub/deep/linked too", "sub/deep/d"):
        os.unlink(os.path.join(tree, name))
    old = os.stat(os.path.join(tree, "a"))
    _write(os.path.join(tree, "a"), "THIS IS a\n")
    os.utime(os.path.join(tree, "a"), ns=(old.st_atime_ns, old.st_mtime_ns))
    desk.start(FXNODE_CRASH="")
    desk.wait_transfers(lambda listed: listed[0].get("moving") == "over", "moved", "--all")
    last, = desk.transfers("--all")
    left = [os.path.relpath(entry.path, tree) for root, _, _ in os.walk(tree)
            for entry in os.scandir(root)]
    check_equal(left, ["a"], "what stays")
    check_equal((last["moved"], last["stayed"]), (11, 1), "the sums, without directories of what stays")


def within_a_step(lab):
    """Times do not tell that a file was written again, as it was changed just before it was sent: it
    is read again. What is no file is not even opened."""
    desk, attic = lab.pair()
    tree = lab.path("tree")
    for name in ("written", "touched", "pipe"):
        _write(os.path.join(tree, name), f"this is {name}\n")
    os.symlink("written", os.path.join(tree, "link"))
    desk.restart(FXNODE_CRASH="move-delivered")
    sending = desk.command("send", "--json", "--move", attic.at, tree)
    desk.wait_crash()
    for name, text in (("written", "THIS IS written\n"), ("touched", "this is touched\n")):
        path = os.path.join(tree, name)
        before = os.stat(path)
        _write(path, text)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        _forge(desk, path)
    pipe = os.path.join(tree, "pipe")
    os.unlink(pipe)
    os.mkfifo(pipe)
    with unopened(pipe):
        desk.recover()
        check_equal(sending.wait(), 1, "something stays")
    for name in ("written", "pipe"):
        desk.daemon.wait_line(f"tree/{name} stays: ")
    check_equal(sorted(os.listdir(tree)), ["pipe", "written"], "what is there")


def interrupted(lab):
    """Killed before, in the middle of and after the removal: it is done to its end, once."""
    desk, attic = lab.pair({"env": {"FXNODE_CRASH": "move-delivered"}}, {})
    tree = _tree(lab.path("tree"))
    before = snapshot(tree)
    desk.run("send", "--move", "--detach", attic.at, tree)
    desk.wait_crash()
    check_equal(snapshot(attic.received("tree")), before, "it is there before")
    check_equal(snapshot(tree), before, "and here")
    for point in ("move-removed:4", "move-synced"):
        desk.kill()
        desk.start(FXNODE_CRASH=point)
        desk.wait_crash()
        check_equal(os.path.exists(tree), point == "move-removed:4", f"what is here at {point}")
    desk.recover()
    desk.wait_transfers(lambda listed: listed[0].get("moving") == "over", "moved", "--all")
    last, = desk.transfers("--all")
    check_equal((last["moved"], last["stayed"]), (13, 0), "the sums")
    check_equal(snapshot(attic.received("tree")), before, "it is there")
    check_equal(os.listdir(attic.files), ["tree"], "it arrived once")


def queued(lab):
    """The peer is away: nothing goes. When it comes, nobody waits, and it is moved."""
    desk, attic = lab.pair()
    first = _write(lab.path("first"), "first\n")
    desk.send(attic, first)
    attic.stop()
    note = _write(lab.path("note"), "a note\n")
    desk.run("send", "--move", "--detach", attic.at, note)
    desk.restart()
    check(os.path.exists(note), "it is still there")
    listed = desk.run("transfers").out[-1]
    check("to be removed here once delivered" in listed, f"what will become of it: {listed}")
    attic.start()
    wait_gone(note)
    desk.wait_transfers(lambda listed: listed[-1].get("moving") == "over", "moved", "--all")
    listed = desk.run("transfers", "--all").out[-1]
    check("(1 removed here, 0 stayed)" in listed, f"what has become of it: {listed}")
    with open(attic.received("note"), encoding="utf-8") as file:
        check_equal(file.read(), "a note\n", "what arrived")


def last_word(lab):
    """The same send again, with --move or without: what was said last holds."""
    desk, attic = lab.pair()
    desk.send(attic, _write(lab.path("first"), "first\n"))
    attic.stop()
    keep, go = _write(lab.path("keep"), "keep\n"), _write(lab.path("go"), "go\n")
    for path, options in ((keep, ["--move"]), (keep, []), (go, []), (go, ["--move"])):
        desk.run("send", "--detach", *options, attic.at, path)
    attic.start()
    desk.send(attic, keep)
    wait_gone(go)
    check(os.path.exists(keep), "what was not to be removed in the end")


def not_delivered(lab):
    """What the receiver had already, has left out, or what only a symbolic link leads to, stays."""
    desk, attic = lab.pair({}, {"config": {"exists": "skip"}})
    tree = lab.path("tree")
    for name in ("had", "new"):
        _write(os.path.join(tree, name), f"this is {name}\n")
    os.symlink("/elsewhere", os.path.join(tree, "outside"))
    os.makedirs(attic.received("tree"))
    shutil.copy2(os.path.join(tree, "had"), attic.received("tree/had"))
    behind = _write(lab.path("behind"), "behind a link\n")
    os.symlink(behind, lab.path("linked"))
    last, stays = _move(desk, attic, tree, lab.path("linked"), status=1)
    check_equal(set(stays), {"tree/had", "tree/outside", "linked"}, "what stays")
    check_equal(stays["linked"], "linked stays: it is a symbolic link", "why")
    check_equal((last["moved"], last["stayed"]), (1, 3), "the sums")
    check(os.path.exists(behind) and os.path.islink(lab.path("linked")), "link and file")
    check_equal(sorted(os.listdir(tree)), ["had", "outside"], "what is left")


def own_state(lab):
    """A directory that holds the state of the node is moved without it: key and database stay, unread."""
    desk, attic = lab.pair()
    home = os.path.dirname(desk.state)
    _write(os.path.join(home, "note"), "a note\n")
    last, stays = _move(desk, attic, home, status=1)
    name = os.path.basename(home)
    check_equal(snapshot(attic.received(name)).keys(), {"", "note"}, "what arrived")
    check_equal(set(stays), {name}, "what stays")
    check_equal((last["moved"], last["stayed"]), (1, 1), "the sums")
    known = desk.id
    desk.restart()
    check_equal(desk.id, known, "the node is the same one")


def kept_there(lab):
    """While the receiver places, a file of the same size and time appears in a directory that it
    merges with: it keeps that, so nothing goes. What it is sure of goes though it was interrupted."""
    desk, attic = lab.pair({}, {"config": {"exists": "skip"}})
    tree = lab.path("tree")
    _write(os.path.join(tree, "file"), "sent\n")
    os.makedirs(attic.received("tree"))
    attic.restart(FXNODE_CRASH="placing-committed")
    sending = desk.command("send", "--json", "--move", attic.at, tree)
    attic.wait_crash()
    _write(attic.received("tree/file"), "kept\n")
    shutil.copystat(os.path.join(tree, "file"), attic.received("tree/file"))
    attic.recover()
    check_equal(sending.wait(), 1, "something stays")
    stays = _end(sending)[1]
    check_equal(set(stays), {"tree/file"}, "what stays")
    check("exactly what was sent" in stays["tree/file"], "why")
    with open(os.path.join(tree, "file"), encoding="utf-8") as file:
        check_equal(file.read(), "sent\n", "what stays")
    checked = attic.run("verify", "--json", "1").events()
    check("finding" not in [event["event"] for event in checked], "what was there is not damaged")
    check_equal(checked[-2]["unknown"], 1, "but not known either")
    sure = _write(lab.path("sure"), "sure\n")
    attic.restart(FXNODE_CRASH="done-committed")
    sending = desk.command("send", "--json", "--move", attic.at, sure)
    attic.wait_crash()
    attic.recover()
    check_equal(sending.wait(), 0, "nothing stays")
    check(not os.path.exists(sure) and os.path.exists(attic.received("sure")), "it moved")
