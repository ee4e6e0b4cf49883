"""Interruptions of every kind: the transfer goes on by itself from what is durable, and no more
than one batch travels twice for each of them (counted on the interface)."""

import os
import signal
import time

from lab import Skip, check, check_equal, trace
from lab.process import run
from lab.data import MIB, compare, make_file, make_tree
from lab.watch import wait_for

# What a crash point is half-way through, and what is interrupted from outside.
BIG = 512 * MIB
LARGE = 128 * MIB
SMALL = 3 * MIB

# What the connections hold when they break, in the kernels of both hosts and between them: it was
# sent and is in no batch. It comes on top of the batch.
UNDER_WAY = 8 * MIB

# What a byte of content takes on the interface: 66 bytes of headers for each 1448 of a segment, and
# what seals it. Content that is sent again takes as much.
ON_THE_WIRE = 1.048

# How long the cable is out is what that scenario is about, not a way to wait for something.
CUT_SECONDS = 3

# Long enough for all of it on a machine that does other things too.
LONG = 180

# LARGE takes five seconds, of which more than half are left when it is cut.
RATE = "200mbit"
SHARE, LATER_SHARE = 0.4, 0.7


def _batch(size):
    """Of a file with so many bytes: a part of what is done when the interruption comes."""
    return 32 * MIB if size == BIG else 16 * MIB


def _config(size):
    return {"lanes": 2, "batch": f"{_batch(size) // MIB}M"}


def _pair(lab, size=LARGE, **crash):
    """Two nodes with two lanes; crash={"sender" or "receiver": crash point}."""
    config = _config(size)
    options = [{"config": dict(config)}, {"config": dict(config)}]
    for number, side in enumerate(("sender", "receiver")):
        if side in crash:
            options[number]["env"] = {"FXNODE_CRASH": crash[side]}
    return lab.pair(*options)


def _check_once(sender, receiver, source, cuts):
    """Delivered once, whole, without litter, and with no more than a batch repeated for a cut."""
    name = os.path.basename(source)
    compare(source, receiver.received(name))
    receiver.check_listed(name)
    receiver.check_tidy()
    size = os.path.getsize(source)
    allowed = (size + max(cuts, 1) * UNDER_WAY + cuts * _batch(size)) * ON_THE_WIRE
    sent = sender.host.bytes_sent()
    check(sent <= allowed, f"{sent} bytes sent for a file of {size}: more than {int(allowed)}")


def _finish(sender, command):
    """The command has followed the transfer to its end, through restarts of its own daemon too.
    Nothing is to be cut any more, so it may be quick."""
    sender.host.limit_rate(None)
    status = command.wait(LONG)
    check_equal(status, 0, f"status of send\n{command.said()}")


def _crash(lab, side, point, size):
    sender, receiver = _pair(lab, size, **{side: point})
    source = make_file(lab.path("data"), size)
    victim = sender if side == "sender" else receiver
    command = sender.command("send", receiver.at, source)
    victim.wait_crash(LONG)
    victim.recover()
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=1)


def sender_recorded(lab):
    """The sender dies when it has the transfer in its queue, and has done nothing else since."""
    _crash(lab, "sender", "recorded", SMALL)


def sender_offered(lab):
    """The sender dies when its offer has left."""
    _crash(lab, "sender", "offered", SMALL)


def sender_accepted(lab):
    """The sender dies when it hears that its offer is accepted."""
    _crash(lab, "sender", "accepted", SMALL)


def receiver_offered(lab):
    """The receiver dies when it has read the offer."""
    _crash(lab, "receiver", "offered", SMALL)


def receiver_accepted(lab):
    """The receiver dies when it has accepted."""
    _crash(lab, "receiver", "accepted", SMALL)


def receiver_manifest_synced(lab):
    """The receiver dies with the manifest on its disk and nothing else."""
    _crash(lab, "receiver", "manifest-synced", SMALL)


def receiver_batch_written(lab):
    """The receiver dies between writing a batch and syncing it, half-way through a large file."""
    _crash(lab, "receiver", "batch-written:8", BIG)


def receiver_batch_synced(lab):
    """The receiver dies between syncing a batch and committing it, half-way through a large file."""
    _crash(lab, "receiver", "batch-synced:8", BIG)


def receiver_extents_committed(lab):
    """The receiver dies between committing a batch and telling it, half-way through a large file."""
    _crash(lab, "receiver", "extents-committed:8", BIG)


def receiver_placing_committed(lab):
    """The receiver dies when it has promised itself the final name, before the rename."""
    _crash(lab, "receiver", "placing-committed", SMALL)


def receiver_renamed(lab):
    """The receiver dies after the rename and before it is recorded as done."""
    _crash(lab, "receiver", "renamed", SMALL)


def receiver_done_committed(lab):
    """The last answer is lost: delivered is delivered once."""
    _crash(lab, "receiver", "done-committed", SMALL)


def receiver_session_done_asked(lab):
    """The receiver's session dies when everything is in its place and it has asked the node to record
    that; the node alone tidies up behind it."""
    sender, receiver = _pair(lab, SMALL, receiver="done-asked")
    source = make_file(lab.path("data"), SMALL)
    sender.send(receiver, source, patience=LONG)
    receiver.wait_crash()
    _check_once(sender, receiver, source, cuts=1)


def _progress(command, share):
    """Waits until `share` of the file is durable at the receiver."""
    command.wait_event(lambda event: event.get("done", 0) >= share * LARGE, f"{share:.0%}", LONG)


def _under_way(lab):
    """A transfer that is partly done, over a link slow enough to be cut in the middle."""
    sender, receiver = _pair(lab)
    source = make_file(lab.path("data"), LARGE)
    sender.host.limit_rate(RATE)
    command = sender.command("send", "--json", receiver.at, source)
    _progress(command, SHARE)
    return sender, receiver, source, command


def cut_for_seconds(lab):
    """The cable is out for three seconds: nobody gives up."""
    sender, receiver, source, command = _under_way(lab)
    receiver.host.cut()
    before = sender.host.bytes_sent()
    time.sleep(CUT_SECONDS)
    check(sender.host.bytes_sent() - before < 16 * MIB, "the cut did not cut")
    receiver.host.restore()
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=1)


def cut_until_given_up(lab):
    """The cable is out until both sides hold the connection for dead."""
    sender, receiver, source, command = _under_way(lab)
    receiver.host.cut()
    command.wait_event(lambda event: event.get("state") == "waiting", "it waits", 90)
    receiver.host.restore()
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=1)


def connection_killed(lab):
    """All connections are reset at once, twice."""
    sender, receiver, source, command = _under_way(lab)
    sender.host.kill_connections(receiver.port)
    _progress(command, LATER_SHARE)
    sender.host.kill_connections(receiver.port)
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=2)


def sender_killed(lab):
    """kill -9 of the sender's daemon; a new one goes on by itself."""
    sender, receiver, source, command = _under_way(lab)
    sender.kill()
    sender.start()
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=1)


def sender_killed_command_late(lab):
    """The new daemon delivers before the command has come back to it: nothing is sent twice, and
    the command tells of that delivery."""
    sender, receiver, source, command = _under_way(lab)
    command.signal(signal.SIGSTOP)
    sender.kill()
    sender.start()
    wait_for(receiver.received("data"), LONG)
    command.signal(signal.SIGCONT)
    _finish(sender, command)
    receiver.check_listed("data")
    check_equal(len(sender.transfers("--all")), 1, "transfers of the sender")
    _check_once(sender, receiver, source, cuts=1)


def receiver_killed(lab):
    """kill -9 of the receiver's daemon; the sender waits for a new one."""
    sender, receiver, source, command = _under_way(lab)
    receiver.kill()
    receiver.start()
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=1)


def both_killed(lab):
    """kill -9 of both."""
    sender, receiver, source, command = _under_way(lab)
    sender.kill()
    receiver.kill()
    sender.start()
    receiver.start()
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=1)


def sessions_killed(lab):
    """kill -9 of the sessions alone, first the sender's, then the receiver's."""
    sender, receiver, source, command = _under_way(lab)
    for share, node in ((SHARE, sender), (LATER_SHARE, receiver)):
        _progress(command, share)
        for pid in node.helpers("session"):
            os.kill(pid, signal.SIGKILL)
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=2)


def address_changed(lab):
    """The receiver gets another address; discovery tells the sender where it went."""
    lan = lab.lan(2)
    sender, receiver = (lab.node(host, config=_config(LARGE)) for host in lan.hosts)
    source = make_file(lab.path("data"), LARGE)
    sender.host.limit_rate(RATE)
    command = sender.command("send", "--json", receiver.at, source)
    _progress(command, SHARE)
    receiver.host.readdress(77)
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=1)


def name_moved(lab):
    """The name that was typed gets another address while the transfer runs: it is looked up again."""
    hosts = lab.path("hosts")
    if not os.path.exists("/etc/hosts"):
        raise Skip("probe: no /etc/hosts to put another one in the place of")

    def call_it(address):
        with open(hosts, "w", encoding="ascii") as file:
            file.write(f"127.0.0.1 localhost\n{address} attic.lab\n")

    # Before the hosts get views of their own of the file system.
    call_it("10.77.0.2")
    run(["mount", "--bind", hosts, "/etc/hosts"])
    sender, receiver = _pair(lab)
    source = make_file(lab.path("data"), LARGE)
    sender.host.limit_rate(RATE)
    command = sender.command("send", "--json", f"attic.lab:{receiver.port}", source)
    _progress(command, SHARE)
    receiver.host.readdress(77)
    call_it(receiver.host.address)
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=1)


def both_restarted(lab):
    """Both daemons are stopped and started the friendly way."""
    sender, receiver, source, command = _under_way(lab)
    receiver.restart()
    sender.restart()
    _finish(sender, command)
    _check_once(sender, receiver, source, cuts=2)


def receiver_database_lost(lab):
    """The receiver has lost its database and gives a number again under which a part of another
    tree is staged: nothing of that gets into the new one."""
    sender, receiver = _pair(lab, receiver="extents-committed")
    sources = [make_tree(os.path.join(lab.path(place), "data"), seed)
               for seed, place in enumerate(("before", "after"))]
    command = sender.command("send", receiver.at, sources[0])
    receiver.wait_crash(LONG)
    receiver.kill()
    sender.run("cancel", str(sender.transfers()[0]["transfer"]))
    command.wait(LONG)
    check(os.listdir(receiver.received(".fxnode")), "nothing is staged")
    for name in os.listdir(receiver.state):
        if name.startswith("fxnode.db"):
            os.unlink(os.path.join(receiver.state, name))
    receiver.start(FXNODE_CRASH="")
    sender.send(receiver, sources[1], patience=LONG)
    compare(sources[1], receiver.received("data"))
    receiver.check_listed("data")
    receiver.check_tidy()


def interrupted_and_repeated(lab):
    """Ctrl-C pauses and says how to go on; the same command again goes on."""
    sender, receiver, source, command = _under_way(lab)
    command.signal(signal.SIGINT)
    check_equal(command.wait(), 5, "status after Ctrl-C")
    sender.send(receiver, source, patience=LONG)
    _check_once(sender, receiver, source, cuts=1)


def paused_and_resumed(lab):
    """`pause` stops it, `resume` lets it go on."""
    sender, receiver, source, command = _under_way(lab)
    number = str(sender.transfers()[0]["transfer"])
    sender.run("pause", number)
    check_equal(command.wait(), 5, "status of the paused send")
    sender.run("resume", number)
    wait_for(receiver.received("data"), LONG)
    _check_once(sender, receiver, source, cuts=1)


def scan_killed(lab):
    """kill -9 of the session that looks at what is to be sent: another one does."""
    sender, receiver = _pair(lab, SMALL)
    sender.stop()
    sender.through = trace.struck("session.1", "fsync", 1)
    sender.start()
    source = make_file(lab.path("data"), SMALL)
    sender.send(receiver, source, patience=LONG)
    check(any(line.startswith("fault-trace:") for line in sender.daemon.err), "nothing was killed")
    _check_once(sender, receiver, source, cuts=0)


def client_lost(lab):
    """kill -9 of the command changes nothing."""
    sender, receiver, source, command = _under_way(lab)
    command.kill()
    wait_for(receiver.received("data"), LONG)
    # As if it had been cut once: on a slow link with a short queue TCP repeats some percent itself.
    _check_once(sender, receiver, source, cuts=1)


def source_changed(lab):
    """The source changes while the transfer is interrupted: never a mix of old and new."""
    sender, receiver, source, command = _under_way(lab)
    receiver.kill()
    command.wait_event(lambda event: event.get("state") == "waiting", "it waits", LONG)
    with open(source, "r+b") as file:
        file.write(b"changed")
    receiver.start()
    check_equal(command.wait(LONG), 1, "status of send")
    receiver.check_listed()
    sender.send(receiver, source, patience=LONG)
    compare(source, receiver.received("data"))
    receiver.check_listed("data")


def source_replaced(lab):
    """Another file of the same size and time takes the source's place: its content tells."""
    sender, receiver, source, command = _under_way(lab)
    receiver.kill()
    command.wait_event(lambda event: event.get("state") == "waiting", "it waits", LONG)
    os.rename(make_file(lab.path("other"), LARGE, seed=99), source)
    receiver.start()
    check_equal(command.wait(LONG), 1, "status of send")
    receiver.check_listed()


def an_area_that_a_session_left(lab):
    """A receiving session that is killed before its transfer is recorded leaves the staging area,
    empty and known to nobody: the next start removes it."""
    lan = lab.lan(1)
    attic = lab.node(lan[0], name="attic", config={"discovery": "off"})
    attic.kill()
    os.mkdir(attic.received(".fxnode"), 0o700)
    attic.start()
    attic.check_tidy()
