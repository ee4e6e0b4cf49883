"""What Linux keeps of a file beside its content: hard links and extended attributes."""

import errno
import os

from lab import Skip, check, check_equal
from lab.data import MIB, attributes, compare, make_file, same_files
from lab.process import run
from lab.tree_compare import compare_trees

LONG = 120


def _make_linked(lab, size=20_000):
    """Three top-level items with files that have names in several directories and items, in modes
    that only root could search: [paths]."""
    first, second = lab.path("first"), lab.path("second")
    alone = lab.path("top")
    os.makedirs(f"{first}/a/b")
    os.makedirs(f"{second}/closed")
    make_file(f"{first}/a/one", size, seed=1)
    make_file(f"{first}/a/b/two", 0, seed=2)
    make_file(f"{first}/single", 100, seed=3)
    os.link(f"{first}/a/one", f"{first}/a/b/one again")
    os.link(f"{first}/a/one", f"{second}/closed/one")
    os.link(f"{first}/a/one", alone)
    os.link(f"{first}/a/b/two", f"{first}/two")
    os.link(f"{first}/single", lab.path("not sent"))
    os.chmod(f"{first}/a/one", 0o440)
    os.chmod(f"{first}/a", 0o511)
    os.chmod(f"{second}/closed", 0o500)
    return [first, second, alone]


def _check_linked(receiver, sources):
    arrived = [receiver.received(os.path.basename(source)) for source in sources]
    for source, copy in zip(sources, arrived):
        compare(source, copy)
    wanted = same_files(*sources)
    check_equal([len(group) for group in wanted], [4, 2], "hard links that are sent")
    check_equal(same_files(*arrived), wanted, "hard links that arrived")
    check_equal(os.stat(arrived[2]).st_nlink, 4, "names of one file")
    receiver.check_listed(*map(os.path.basename, sources))
    receiver.check_tidy()


def hard_links(lab):
    """Files with names in several directories and top-level items arrive as that, once each."""
    sender, receiver = lab.pair({"config": {"lanes": 2}}, {"config": {"lanes": 2}})
    sources = _make_linked(lab, 3 * MIB + 7)
    sender.send(receiver, *sources)
    _check_linked(receiver, sources)
    sent = sender.host.bytes_sent()
    check(sent < 4 * MIB, f"{sent} bytes sent for a file of 3 MiB with four names")


def _crash(lab, point):
    sender, receiver = lab.pair({}, {"env": {"FXNODE_CRASH": point}})
    sources = _make_linked(lab, 5 * MIB)
    command = sender.command("send", receiver.at, *sources)
    receiver.wait_crash(LONG)
    receiver.recover()
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    _check_linked(receiver, sources)


def hard_links_cut_in_the_content(lab):
    """The receiver dies when part of the content is recorded."""
    _crash(lab, "extents-committed")


def hard_links_cut_when_made(lab):
    """The receiver dies when the links are made and it is not recorded yet that they are placed."""
    _crash(lab, "finished")


def hard_links_cut_in_the_placing(lab):
    """The receiver dies between the placing of two items that have one file in common."""
    _crash(lab, "renamed")


def hard_links_to_what_changes(lab):
    """A file that changes after it was offered fails under all its names; the others arrive."""
    sender, receiver = lab.pair({}, {"config": {"accept": "ask"}})
    source = lab.path("tree")
    os.makedirs(f"{source}/sub")
    make_file(f"{source}/changes", 5000, seed=1)
    make_file(f"{source}/stays", 5000, seed=2)
    os.link(f"{source}/changes", f"{source}/sub/other name")
    os.link(f"{source}/stays", f"{source}/sub/stays too")
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    make_file(f"{source}/changes", 6000, seed=3)
    receiver.run("accept", str(receiver.transfers()[0]["transfer"]))
    check_equal(command.wait(LONG), 1, f"status of send\n{command.said()}")
    said = command.said()
    check("tree/changes" in said, said)
    check("tree/sub/other name is another name of tree/changes, which was not sent" in said, said)
    arrived = receiver.received("tree")
    check_equal(sorted(os.listdir(arrived)), ["stays", "sub"], "what arrived")
    check_equal(os.listdir(f"{arrived}/sub"), ["stays too"], "what arrived below")
    check_equal(same_files(arrived), [[(0, "stays"), (0, "sub/stays too")]], "links")


def _delivered_in_part(lab, point):
    """A file with two names and the target of a symbolic link change after they were offered, and the
    receiver dies at `point`: what did not arrive is not forgotten over it."""
    sender, receiver = lab.pair({}, {"config": {"accept": "ask"}, "env": {"FXNODE_CRASH": point}})
    source = lab.path("tree")
    os.makedirs(source)
    make_file(f"{source}/changes", 5000, seed=1)
    make_file(f"{source}/stays", 5000, seed=2)
    os.link(f"{source}/changes", f"{source}/other name")
    os.symlink("stays", f"{source}/points")
    os.mkdir(receiver.received("tree"))
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    make_file(f"{source}/changes", 6000, seed=3)
    os.unlink(f"{source}/points")
    os.symlink("changes", f"{source}/points")
    receiver.run("accept", str(receiver.transfers()[0]["transfer"]))
    receiver.wait_crash(LONG)
    receiver.recover()
    check_equal(command.wait(LONG), 1, f"status of send\n{command.said()}")
    check_equal(os.listdir(receiver.received("tree (2)")), ["stays"], "what arrived")
    for node in (sender, receiver):
        told = node.transfers("--all")[0]
        check_equal((told["state"], told["failed"], told["names"][0]["name"]),
                    ("delivered", 3, "tree (2)"), f"what {node.name} tells")


def failed_and_cut_before_the_renames(lab):
    """The names are recorded, and nothing is renamed yet."""
    _delivered_in_part(lab, "placing-committed")


def failed_and_cut_after_the_renames(lab):
    """Everything has its name, which is not recorded yet."""
    _delivered_in_part(lab, "renamed")


def failed_and_cut_before_it_is_told(lab):
    """All is recorded, and the sender has not heard of it."""
    _delivered_in_part(lab, "done-committed")


def _set(path, **values):
    try:
        for name, value in values.items():
            os.setxattr(path, f"user.{name}", value)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        raise Skip(f"probe: no extended attributes in {os.path.dirname(path)}") from error


def extended_attributes(lab):
    """Those of users arrive with files and directories, also where the mode forbids writing."""
    sender, receiver = lab.pair()
    source = lab.path("tagged")
    os.makedirs(f"{source}/sub")
    for name, mode in (("plain", 0o644), ("closed", 0o400), ("sub/linked", 0o644)):
        make_file(f"{source}/{name}", 3000, seed=name)
        _set(f"{source}/{name}", mime=b"text/plain", empty=b"", bytes=bytes(range(256)))
        os.chmod(f"{source}/{name}", mode)
    make_file(f"{source}/without", 10)
    os.link(f"{source}/sub/linked", f"{source}/name")
    _set(f"{source}/sub", of="a directory".encode(), **{"ü\n": b"odd name"})
    _set(source, top=b"level")
    os.chmod(f"{source}/sub", 0o555)
    os.chmod(source, 0o555)
    sender.send(receiver, source)
    compare(source, receiver.received("tagged"))
    check_equal(same_files(receiver.received("tagged")), same_files(source), "hard links")
    check_equal(len(attributes(receiver.received("tagged/closed"))), 3, "attributes")
    # The owner may write there again, for the clean-up.
    for root in (source, receiver.received("tagged")):
        os.chmod(root, 0o755)
        os.chmod(f"{root}/sub", 0o755)


def attributes_left_out(lab):
    """More than fit into an entry: they are named and nothing is said to be missing; a file that lacks
    some stays."""
    sender, receiver = lab.pair(sender={"start": False})
    os.mkdir(lab.path("memory"))
    run(["mount", "-t", "tmpfs", "tmpfs", lab.path("memory")])  # it takes more than other file systems
    source = lab.path("memory/tagged")
    os.mkdir(source)
    for name in ("large", "plain"):
        make_file(f"{source}/{name}", 10)
    _set(f"{source}/large", **{name: bytes(60_000) for name in "abcd"})
    os.mkfifo(f"{source}/pipe")
    sender.start()
    command = sender.send(receiver, f"{source}/plain", f"{source}/large", status=1)
    check_equal(sum("tagged/large is sent without its attribute user." in line
                    for line in set(command.err)), 2 * 2, f"named, twice:\n{command.said()}")
    check_equal(command.err[-1], "fxnode: 1 entry was sent without some of its attributes",
                "what is said at the end")
    command = sender.send(receiver, "--move", source, status=1)
    check_equal(command.err[-1], "fxnode: 1 entry was not sent; 1 entry was sent without some of its "
                "attributes; 1 entry is removed here, 1 stayed", "what is said at the end")
    check_equal(sorted(os.listdir(source)), ["large", "pipe"], "what stays")


def attributes_on_a_full_disk(lab):
    """Content fits and attributes do not: it waits for room instead of leaving them out."""
    sender, receiver = lab.pair(receiver={"start": False})
    # Attributes in memory are counted as inodes, a KiB for one.
    run(["mount", "-t", "tmpfs", "-o", "size=64M,nr_inodes=70", "tmpfs", receiver.files])
    _set(receiver.files, probe=b"")
    receiver.start()
    source = lab.path("tagged")
    os.mkdir(source)
    for number in range(20):
        make_file(f"{source}/{number}", 1000, seed=number)
        _set(f"{source}/{number}", large=bytes(3000))
    command = sender.command("send", "--json", receiver.at, source)
    waiting = command.wait_event(lambda event: event.get("state") == "waiting", "it waits", LONG)
    check("full" in waiting.get("reason", ""), f"no clear reason: {waiting}")
    receiver.check_listed()
    run(["mount", "-o", "remount,nr_inodes=1000", receiver.files])
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    for number in range(20):
        check_equal(attributes(receiver.received(f"tagged/{number}")),
                    attributes(f"{source}/{number}"), "attributes")


def _make_links(lab):
    """A tree with a link of each kind that leads outside, and one that does not: (tree, the names of
    those that do, where one of them leads)."""
    source, elsewhere = lab.path("linked"), lab.path("elsewhere")
    os.makedirs(f"{source}/sub")
    os.mkdir(elsewhere)
    make_file(f"{elsewhere}/theirs", 100, seed=1)
    make_file(f"{source}/file", 5000, seed=2)
    os.symlink("../file", f"{source}/sub/inside")
    targets = {"absolute": elsewhere, "sub/up": "../../elsewhere/theirs", "long": "/" + "x/" * 2047,
               "odd": b"/\xff\n", "nowhere": "/nowhere"}
    for name, target in targets.items():
        os.symlink(target, os.path.join(os.fsencode(source), os.fsencode(name))
                   if isinstance(target, bytes) else f"{source}/{name}")
        os.utime(f"{source}/{name}", ns=(0, 10**18 + 1), follow_symlinks=False)
    return source, sorted(targets), elsewhere


def links_left_out(lab):
    """Links that lead outside are offered and not wanted: each is named, and the status says so."""
    sender, receiver = lab.pair()
    source, names, _ = _make_links(lab)
    command = sender.command("send", receiver.at, source)
    check_equal(command.wait(LONG), 1, f"status of send\n{command.said()}")
    for name in names:
        check(f"linked/{name} is left out" in command.said(), command.said())
    check("`links = all`" in command.said(), command.said())
    check("5 entries were not delivered" in command.said(), command.said())
    check("delivered in part: linked (part of " in command.said(), command.said())
    check_equal([node.transfers("--all")[0]["failed"] for node in (sender, receiver)], [5, 0],
                "entries that were not delivered, to either side")
    for name in names:
        os.unlink(f"{source}/{name}")
    os.utime(f"{source}/sub", ns=(0, os.stat(receiver.received("linked/sub")).st_mtime_ns))
    os.utime(source, ns=(0, os.stat(receiver.received("linked")).st_mtime_ns))
    compare_trees(source, receiver.received("linked"))
    receiver.check_tidy()


def links_kept(lab):
    """They arrive as they are where the receiver wants that; what comes next does not go through."""
    sender, receiver = lab.pair(receiver={"config": {"links": "all", "exists": "overwrite"}})
    source, names, elsewhere = _make_links(lab)
    sender.send(receiver, source)
    compare_trees(source, receiver.received("linked"))
    os.unlink(f"{source}/absolute")
    os.mkdir(f"{source}/absolute")
    make_file(f"{source}/absolute/evil", 100, seed=3)
    os.unlink(f"{source}/sub/up")
    make_file(f"{source}/sub/up", 100, seed=4)
    sender.send(receiver, source)
    check_equal(os.listdir(elsewhere), ["theirs"], "what is where a link leads")
    with open(f"{elsewhere}/theirs", "rb") as file, \
            open(make_file(lab.path("again"), 100, seed=1), "rb") as same:
        check_equal(file.read(), same.read(), "the file where a link leads")
    check_equal(os.readlink(receiver.received("linked/absolute")), elsewhere, "the link")
    compare_trees(f"{source}/absolute", receiver.received("linked/absolute (2)"))
    compare_trees(f"{source}/sub/up", receiver.received("linked/sub/up (2)"))
    check_equal(len(names), 5, "links")
    receiver.check_tidy()


def _change_of_mind(lab, point, **config):
    sender, receiver = lab.pair({}, {"config": {"links": "all"}, "env": {"FXNODE_CRASH": point}})
    source, names, _ = _make_links(lab)
    command = sender.command("send", receiver.at, source)
    receiver.wait_crash(LONG)
    receiver.configure(**config)
    receiver.recover()
    status = command.wait(LONG)
    arrived = [name for name in names if os.path.lexists(receiver.received(f"linked/{name}"))]
    return status, arrived, names


def links_not_wanted_after_all(lab):
    """The setting changes before anything is placed: links that were staged do not arrive."""
    status, arrived, _ = _change_of_mind(lab, "finished", links="inside")
    check_equal((status, arrived), (1, []), "status and links")


def links_were_wanted(lab):
    """The setting changes when they are placed, and the sender has not heard of that."""
    status, arrived, names = _change_of_mind(lab, "done-committed", links="inside")
    check_equal((status, arrived), (0, names), "status and links")
