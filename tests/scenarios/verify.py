"""What was delivered is read again, on either side, and what is no longer as it was is named."""

import contextlib
import os
import shutil
import sqlite3

from lab import check, check_equal
from lab.data import MIB, make_file

def _write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _tree(lab):
    """Files of no byte, of a few, of some chunks, with a hole; links of both kinds; a name that has
    to be escaped."""
    tree = lab.path("tree")
    os.makedirs(os.path.join(tree, "empty"))
    for name in ("empty-file", "note", "gone", "sub/edited", "sub/shorter", "sub/other"):
        _write(os.path.join(tree, name), "" if name == "empty-file" else f"this is {name}\n")
    make_file(os.path.join(tree, "large"), 3 * MIB + 5)
    with open(os.path.join(tree, "holes"), "wb") as file:
        file.truncate(9 * MIB)
        file.seek(4 * MIB)
        file.write(b"in the middle")
    _write(os.path.join(tree, "odd\n\x1b[31mname"), "odd\n")
    os.link(os.path.join(tree, "large"), os.path.join(tree, "linked"))
    os.symlink("note", os.path.join(tree, "link"))
    return tree


def _newest(node):
    """The number of the transfer that was delivered last."""
    return max(event["transfer"] for event in node.transfers("--all"))


def _verify(node, status=0, number=None):
    """Verifies; what was found as {path: event}, and the sums."""
    done = node.run("verify", "--json", str(number or _newest(node)), status=status)
    events = done.events()
    found = {event["path"]: event for event in events if event["event"] == "finding"}
    checked, = [event for event in events if event["event"] == "checked"]
    return found, checked


def _flip(path, offset):
    """Changes one byte as a disk might, without a trace in the times."""
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))
        os.fsync(file.fileno())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _harm(root):
    _flip(os.path.join(root, "large"), 2 * MIB + 7)
    _flip(os.path.join(root, "holes"), 8 * MIB)
    _flip(os.path.join(root, "odd\n\x1b[31mname"), 0)
    _write(os.path.join(root, "sub/edited"), "THIS IS sub/edited\n")
    with open(os.path.join(root, "sub/shorter"), "r+b") as file:
        file.truncate(3)
    os.unlink(os.path.join(root, "gone"))
    os.unlink(os.path.join(root, "sub/other"))
    os.mkdir(os.path.join(root, "sub/other"))
    os.unlink(os.path.join(root, "link"))
    os.symlink("large", os.path.join(root, "link"))
    os.rmdir(os.path.join(root, "empty"))
    os.utime(os.path.join(root, "note"))  # touched, and the same


def _check_found(found):
    def what(name):
        return found[f"tree/{name}"]["what"]

    check_equal(set(found), {f"tree/{name}" for name in (
        "large", "linked", "holes", "odd\n\x1b[31mname", "sub/edited", "sub/shorter", "gone",
        "sub/other", "link", "empty")}, "what differs")
    for name, offset in (("large", 2 * MIB), ("linked", 2 * MIB), ("holes", 8 * MIB)):
        check_equal(what(name), "content", name)
        check_equal(found[f"tree/{name}"]["offset"], offset, f"where {name} differs")
        check(not found[f"tree/{name}"]["modified"], f"{name} is damaged")
    check(found["tree/sub/edited"]["modified"], "who edits is no damage")
    check_equal(what("sub/edited"), "content", "edited")
    check_equal(what("sub/shorter"), "size", "shorter")
    check_equal(found["tree/sub/shorter"]["now"], 3, "as it is")
    check_equal(what("gone"), "missing", "gone")
    check_equal(what("empty"), "missing", "a directory")
    check_equal(what("sub/other"), "type", "another type")
    check_equal(what("link"), "target", "a link")
    for event in found.values():
        check(all(" " <= letter <= "~" for letter in event["text"]), event["text"])


def both_sides(lab):
    """All is well on both sides; then harm is done on each, and each finds its own."""
    desk, attic = lab.pair()
    tree = _tree(lab)
    desk.send(attic, tree)
    attic.check_tidy()
    for node in (desk, attic):
        found, checked = _verify(node)
        check(not found, "nothing differs")
        check_equal(checked["damaged"] + checked["missing"] + checked["unknown"], 0, "no sums")
        check(checked["bytes"] > 12 * MIB, "all of it was read, holes included")
    _harm(attic.received("tree"))
    found, checked = _verify(attic, status=1)
    _check_found(found)
    check_equal(checked["damaged"], 4, "damaged")
    said = attic.run("verify", str(_newest(attic)), status=1)
    check(any("is damaged: its content differs in the MiB that begins at offset 2097152" in line
              for line in said.out), "damage is named so")
    check(any("10 of " in line for line in said.err), f"a sum: {said.err}")
    check(not any("\x1b" in line for line in said.out), "names are escaped")
    check(not _verify(desk)[0], "the sender's are as they were")
    _harm(tree)
    attic.restart()
    desk.restart()
    _check_found(_verify(desk, status=1)[0])
    check_equal(_verify(attic, status=1)[1], checked, "the same after a restart")


def other_names(lab):
    """What got another name is looked for under that: a file, a tree, what went beside in a merge;
    and what was there already is known by its size only."""
    desk, attic = lab.pair({}, {"config": {"exists": "skip"}})
    tree = lab.path("tree")
    for name in ("same", "differs", "sub/inner"):
        _write(os.path.join(tree, name), f"this is {name}\n")
    shutil.copytree(tree, attic.received("tree"))
    _write(attic.received("tree/differs"), "mine\n")
    shutil.rmtree(attic.received("tree/sub"))
    _write(attic.received("tree/sub"), "no directory\n")
    desk.send(attic, tree)
    found, checked = _verify(attic)
    check(not found, f"all is where it went: {found}")
    check_equal(checked["unknown"], 1, "one was there already")
    _flip(attic.received("tree/differs (2)"), 0)
    _flip(attic.received("tree/sub (2)/inner"), 0)
    _write(attic.received("tree/differs"), "still mine, and of no interest\n")
    found, _ = _verify(attic, status=1)
    check_equal(set(found), {"tree/differs", "tree/sub/inner"}, "by the names they were sent under")
    for name, here in (("tree/differs", "tree/differs (2)"), ("tree/sub/inner", "tree/sub (2)/inner")):
        check(found[name]["text"].startswith(f"{here}, sent as {name}, is damaged: "),
              f"both names: {found[name]['text']}")
    found, checked = _verify(desk)
    check(not found, "the sender's are as they were")
    check_equal(checked["unknown"], 1, "what was not sent was not read")


def replaced_later(lab):
    """A later transfer that replaces a file is a change like any other; its own is as it was."""
    desk, attic = lab.pair({}, {"config": {"exists": "overwrite"}})
    source = lab.path("report")
    _write(source, "first\n")
    desk.send(attic, source)
    first = _newest(attic)
    _write(source, "second\n")
    os.utime(source, (2000, 2000))
    desk.send(attic, source)
    check(not _verify(attic)[0], "the second is there")
    found, _ = _verify(attic, status=1, number=first)
    check(found["report"]["modified"], "the first was replaced")
    check_equal(set(_verify(desk, status=1, number=first)[0]), {"report"}, "at the sender too")


def after_interruptions(lab):
    """What is kept is there whenever the transfer is delivered, wherever either side was killed."""
    nodes = desk, attic = lab.pair()
    for side, point in ((1, "placing-committed"), (1, "renamed"), (1, "done-committed"),
                        (0, "accepted")):
        tree = lab.path(f"tree-{point}")
        _write(os.path.join(tree, "a"), "this is a\n")
        make_file(os.path.join(tree, "b"), MIB + 1)
        nodes[side].restart(FXNODE_CRASH=point)
        sending = desk.command("send", attic.at, tree)
        nodes[side].wait_crash()
        nodes[side].recover()
        check_equal(sending.wait(), 0, f"delivered after {point}")
        for node in nodes:
            found, checked = _verify(node)
            check(not found, f"nothing differs after {point}: {found}")
            check_equal(checked["bytes"], MIB + 11, f"all was read after {point}")


def directory_is_gone(lab):
    """A disk that is not mounted, perhaps: what is not there is named, and no file is missing."""
    desk, attic = lab.pair()
    source = lab.path("note")
    _write(source, "a note\n")
    desk.send(attic, source)
    os.rename(attic.files, lab.path("elsewhere"))
    said = attic.run("verify", "1", status=1)
    check(attic.files in said.err[0], f"named: {said.err}")
    check(not said.out, f"nothing is said of the files: {said.out}")


def nothing_to_verify(lab):
    """No such transfer, one that waits, one that came to nothing, one that nothing is kept of."""
    desk, attic = lab.pair()
    said = attic.run("verify", "7", status=2)
    check("no transfer 7" in said.err[0], f"named: {said.err}")
    source = lab.path("note")
    _write(source, "a note\n")
    desk.send(attic, source)
    attic.stop()
    _write(source, "another note\n")
    desk.run("send", "--wait", "0", attic.at, source, status=5)
    said = desk.run("verify", str(_newest(desk)), status=1)
    check("not delivered yet" in said.err[0], f"it waits: {said.err}")
    desk.run("cancel", str(_newest(desk)))
    said = desk.run("verify", str(_newest(desk)), status=1)
    check("came to nothing" in said.err[0], f"cancelled: {said.err}")
    with contextlib.closing(sqlite3.connect(os.path.join(attic.state, "fxnode.db"))) as database:
        with database:
            database.execute("UPDATE transfer SET receipt_length = 0")  # as when it is old
    attic.start()
    said = attic.run("verify", "1", status=1)
    check("nothing is kept any more" in said.err[0], f"expired: {said.err}")
    shutil.rmtree(attic.files)
    check_equal(_verify(desk, number=1, status=1)[0]["note"]["modified"], True, "the sender's own")
