"""A transfer that replaces another one, since what is sent has changed, takes over what is there:
only what is new or was missing travels, counted on the interface."""

import os
import shutil

from lab import check, check_equal
from lab.data import MIB, compare, make_file, make_many
from lab.watch import wait_for

SMALL = 700
BIG = 24 * MIB
TOTAL = BIG + 2 * SMALL * 4096
LONG = 180
FREE, RATE = TOTAL * 2 // 3, "1mbit"


def _tree(lab):
    """Small files, then one large one, then small files again."""
    root = lab.path("tree")
    make_many(f"{root}/before", SMALL)
    make_file(f"{root}/large", BIG)
    make_many(f"{root}/later", SMALL, seed=2)
    return root


def _pair(lab, **receiver):
    config = {"lanes": 2, "batch": "4M"}
    return lab.pair({"config": dict(config)}, {"config": dict(config), **receiver})


def _begin(lab, sender, receiver):
    """Half of the tree is durable, and the rest will take minutes, however late we are. What is not
    yet durable is in no way kept."""
    root = _tree(lab)
    sender.host.limit_rate(RATE, free=FREE)
    command = sender.command("send", "--json", receiver.at, root)
    event = command.wait_event(lambda event: event.get("done", 0) >= TOTAL / 2, "half of it", LONG)
    return root, command, event["transfer"]


def _pause(sender, command, number):
    sender.run("pause", str(number))
    check_equal(command.wait(LONG), 5, f"status of send\n{command.said()}")
    sender.host.limit_rate(None)


def _change(root):
    """Some of what was there, and of what was not yet, changes, goes or is new. Returns the bytes
    that are new."""
    small = sorted(os.listdir(f"{root}/before/0003"))
    for name in small[:20]:
        with open(f"{root}/before/0003/{name}", "r+b") as file:
            file.write(b"changed")
    for name in small[20:30]:
        os.unlink(f"{root}/before/0003/{name}")
    os.unlink(f"{root}/later/0000/000007")
    make_many(f"{root}/added", 20, seed=3)
    os.chmod(f"{root}/before/0001/000106", 0o400)
    os.setxattr(f"{root}/before/0001/000107", "user.new", b"value")
    return 40 * 4096


def _check_delivered(sender, receiver, root):
    compare(root, receiver.received("tree"))
    receiver.check_listed("tree")
    receiver.check_tidy()
    ends = sorted(f"{transfer['state']} {transfer.get('reason', '')}".strip()
                  for transfer in receiver.transfers("--all"))
    check(len(ends) == 2 and ends[0].startswith("cancelled replaced by transfer") and
          ends[1] == "delivered", f"transfers of the receiver: {ends}")


def tree_changed(lab):
    """A tree that changed while it was paused: what is equal does not travel again."""
    sender, receiver = _pair(lab)
    root, command, number = _begin(lab, sender, receiver)
    _pause(sender, command, number)
    new = _change(root)
    before = sender.host.bytes_sent()
    again = sender.send(receiver, root, patience=LONG)
    sent = sender.host.bytes_sent() - before
    allowed = (TOTAL / 2 + new) * 1.06 + 2 * MIB
    check(sent <= allowed, f"{sent} bytes sent, {int(allowed)} at most were to be")
    check("which this one replaces" in again.said(), f"what the command said: {again.said()}")
    check("MB from the transfer that this one replaces" in again.said(),
          f"what the command said: {again.said()}")
    _check_delivered(sender, receiver, root)


def _rewrite(path):
    """Another content under the same size and time."""
    kept = os.stat(path)
    with open(path, "r+b") as file:
        file.write(b"another content of the same size and time")
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def same_size_and_time(lab):
    """Content that is new under an old size and time is found by its digest, and sent: the small
    file that was there whole, and the large one of which a part was."""
    sender, receiver = _pair(lab)
    root, command, number = _begin(lab, sender, receiver)
    _pause(sender, command, number)
    _rewrite(f"{root}/before/0001/000105")
    _rewrite(f"{root}/large")
    make_many(f"{root}/added", 1, seed=3)
    sender.send(receiver, root, patience=LONG)
    _check_delivered(sender, receiver, root)


def while_it_runs(lab):
    """The sources change and are sent again while the transfer goes on: the new one comes in its
    place, and the old one is over at both ends."""
    sender, receiver = _pair(lab)
    root, command, _ = _begin(lab, sender, receiver)
    new = _change(root)
    before = sender.host.bytes_sent()
    again = sender.command("send", receiver.at, root)
    check_equal(command.wait(LONG), 1, f"status of the first send\n{command.said()}")
    sender.host.limit_rate(None)
    check_equal(again.wait(LONG), 0, f"status of the second send\n{again.said()}")
    sent = sender.host.bytes_sent() - before
    # What was not yet durable when the old one was ended travels again.
    allowed = (TOTAL / 2 + new) * 1.06 + 12 * MIB
    check(sent <= allowed, f"{sent} bytes sent, {int(allowed)} at most were to be")
    _check_delivered(sender, receiver, root)


def nothing_in_common(lab):
    """All of it has changed: nothing is taken over, and nothing stays behind."""
    sender, receiver = _pair(lab)
    root, command, number = _begin(lab, sender, receiver)
    _pause(sender, command, number)
    shutil.rmtree(root)
    make_many(root, 5, seed=4)
    sender.send(receiver, root, patience=LONG)
    _check_delivered(sender, receiver, root)


def refused(lab):
    """The one that comes in its place is refused: nothing is left of either."""
    sender, receiver = _pair(lab)
    root, command, number = _begin(lab, sender, receiver)
    _pause(sender, command, number)
    _change(root)
    receiver.configure(accept="paired")
    receiver.restart()
    sender.send(receiver, root, status=4, patience=LONG)
    receiver.check_listed()
    receiver.check_tidy()


def while_somebody_is_asked(lab):
    """What replaces an accepted transfer is asked about as any other, and while it waits for the
    answer yet another one comes: that one has what the first one left."""
    sender, receiver = _pair(lab)
    root, command, number = _begin(lab, sender, receiver)
    _pause(sender, command, number)
    receiver.configure(accept="ask")
    receiver.restart()
    new = _change(root)
    asked = sender.command("send", "--json", receiver.at, root)
    asked.wait_event(lambda event: event.get("state") == "offered", "somebody is asked", LONG)
    make_many(f"{root}/more", 20, seed=5)
    before = sender.host.bytes_sent()
    last = sender.command("send", "--json", receiver.at, root)
    last.wait_event(lambda event: event.get("state") == "offered", "somebody is asked", LONG)
    offers = [offer["transfer"] for offer in receiver.transfers() if offer["state"] == "offered"]
    check_equal(len(offers), 1, "offers that wait for an answer")
    receiver.run("accept", str(offers[0]))
    check_equal(last.wait(LONG), 0, f"status of send\n{last.said()}")
    sent = sender.host.bytes_sent() - before
    allowed = (TOTAL / 2 + new + 20 * 4096) * 1.06 + 2 * MIB
    check(sent <= allowed, f"{sent} bytes sent, {int(allowed)} at most were to be")
    compare(root, receiver.received("tree"))
    receiver.check_listed("tree")
    receiver.check_tidy()


def _crash(lab, point):
    """The receiver dies at a point of the taking over, and the transfer goes on by itself."""
    sender, receiver = _pair(lab, env={"FXNODE_CRASH": point})
    root, command, number = _begin(lab, sender, receiver)
    _pause(sender, command, number)
    _change(root)
    command = sender.command("send", receiver.at, root)
    receiver.wait_crash(LONG)
    receiver.recover()
    check_equal(command.wait(LONG), 0, f"status of send\n{command.said()}")
    _check_delivered(sender, receiver, root)


def receiver_forgotten(lab):
    """The receiver dies when the old record has forgotten files that have not moved."""
    _crash(lab, "inherit-forgotten")


def receiver_moved(lab):
    """The receiver dies when files have moved and nothing of that is durable."""
    _crash(lab, "inherit-moved")


def receiver_claimed(lab):
    """The receiver dies when the new record claims the first files, and the old one the others."""
    _crash(lab, "inherit-claimed")


def one_that_never_began(lab):
    """Replaced twice while the peer is away: the last one has what the first one left."""
    sender, receiver = _pair(lab)
    root, command, number = _begin(lab, sender, receiver)
    _pause(sender, command, number)
    receiver.stop()
    new = _change(root)
    peer = receiver.id[:12]
    sender.run("send", "--detach", peer, root)
    make_many(f"{root}/more", 20, seed=5)
    sender.run("send", "--detach", peer, root)
    before = sender.host.bytes_sent()
    receiver.start()
    wait_for(receiver.received("tree"), LONG)
    receiver.check_tidy()
    sent = sender.host.bytes_sent() - before
    allowed = (TOTAL / 2 + new + 20 * 4096) * 1.06 + 2 * MIB
    check(sent <= allowed, f"{sent} bytes sent, {int(allowed)} at most were to be")
    _check_delivered(sender, receiver, root)
