"""Known peers and what they may do: taken unasked, within their settings, under the alias that is
theirs alone, until they are unpaired."""

import os
import re

from lab import check, check_equal, hostile, mdns
from lab.data import MIB, compare, make_file
from lab.watch import wait_for

QUIET = {"discovery": "off"}
ASK = {**QUIET, "accept": "ask"}

# 48 MiB take ten seconds: time for what is to be done in the middle, on a busy machine too.
SLOW = "40mbit"


def _friends(lab, config=None, hosts=2):
    """(lan, sender, receiver): each paired with the other, under the names of their hosts; offers
    of others are asked about."""
    lan = lab.lan(hosts)
    sender = lab.node(lan[0], name="sender", config={**ASK, **(config or {})})
    receiver = lab.node(lan[1], name="receiver", config={**ASK, **(config or {})})
    sender.knows(receiver)
    receiver.knows(sender)
    return lan, sender, receiver


def _says(command, *words):
    said = "\n".join(command.err)
    for word in words:
        check(re.search(word, said), f"{word!r} is not in what was said: {command.said()}")


def _is_asked_about(sender, receiver, source):
    """Starts a send and waits until the receiver's user is asked. Returns the command and the
    transfer's number there."""
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("state") == "offered", "somebody is asked")
    name = os.path.basename(source)
    offer, = [offer for offer in receiver.transfers()
              if offer["state"] == "offered" and offer["names"][0]["name"] == name]
    return command, str(offer["transfer"])


def _ended(command, status=0):
    check_equal(command.wait(60), status, f"status of {' '.join(command.argv)}\n{command.said()}")


def taken_unasked(lab):
    """From a paired peer files are taken without asking, also after both daemons were restarted,
    and without a warning at the sender."""
    _, sender, receiver = _friends(lab)
    source = make_file(lab.path("first"), 1000)
    command = sender.send(receiver, source)
    check("paired" not in command.said(), f"a warning: {command.said()}")
    compare(source, receiver.received("first"))
    sender.restart()
    receiver.restart()
    check_equal(sender.paired(), {"receiver": receiver.id.replace("-", "")}, "the sender's peers")
    check_equal(receiver.paired(), {"sender": sender.id.replace("-", "")}, "the receiver's peers")
    source = make_file(lab.path("second"), 1000)
    sender.send("receiver", source)
    compare(source, receiver.received("second"))


def strangers_are_warned_of(lab):
    """What is sent to a peer that is not paired goes with a warning, and the peer is listed as one
    that was only seen."""
    lan = lab.lan(2)
    sender = lab.node(lan[0], config=QUIET)
    receiver = lab.node(lan[1], config=QUIET)
    source = make_file(lab.path("file"), 100)
    first = sender.send(receiver, source)
    _says(first, f"{re.escape(receiver.at)} .* is not paired: whoever answers to that name gets")
    second = sender.send(receiver, make_file(lab.path("other"), 100))
    _says(second, "is not paired: it is only known from before")
    peer, = sender.peers()
    check_equal((peer["id"], peer["known"], peer["paired"]),
                (receiver.id.replace("-", ""), True, 0), "the peer")


def only_paired(lab):
    """accept = paired: others are refused with status 4, and leave nothing."""
    lan, sender, receiver = _friends(lab, {"accept": "paired"}, hosts=3)
    stranger = lab.node(lan[2], name="stranger", config=QUIET)
    refused = stranger.send(receiver, make_file(lab.path("unwanted"), 100), status=4)
    _says(refused, "takes offers of paired peers only: pair with it")
    check_equal(receiver.transfers("--all"), [], "transfers")
    check_equal(os.listdir(receiver.files), [], "files")
    sender.send(receiver, make_file(lab.path("wanted"), 100))
    receiver.check_listed("wanted")


def asked_about_one_peer(lab):
    """accept=ask and accept=off of one peer; `accept --always` ends the asking."""
    _, sender, receiver = _friends(lab)
    receiver.run("set", "sender", "accept=ask")
    command, number = _is_asked_about(sender, receiver, make_file(lab.path("one"), 100))
    receiver.run("accept", number)
    _ended(command)
    command, number = _is_asked_about(sender, receiver, make_file(lab.path("two"), 100))
    receiver.run("accept", "--always", number)
    _ended(command)
    sender.send(receiver, make_file(lab.path("three"), 100))
    receiver.run("set", "sender", "accept=off")
    refused = sender.send(receiver, make_file(lab.path("four"), 100), status=4)
    _says(refused, "takes no offers of this node")
    receiver.check_listed("one", "two", "three")


def always_is_for_paired_ones(lab):
    """`accept --always` of a stranger's offer is refused, and the offer still waits."""
    lan = lab.lan(2)
    sender = lab.node(lan[0], config=QUIET)
    receiver = lab.node(lan[1], config=ASK)
    command, number = _is_asked_about(sender, receiver, make_file(lab.path("file"), 100))
    refused = receiver.command("accept", "--always", number)
    check(refused.wait() in (1, 2, 6), refused.said())
    _says(refused, "paired")
    check_equal([offer["state"] for offer in receiver.transfers()], ["offered"], "the offer")
    receiver.run("reject", number)
    _ended(command, 4)


def limits(lab):
    """What is larger than the peer's limit, or more than that of a day, is asked about."""
    _, sender, receiver = _friends(lab)
    receiver.run("set", "sender", "limit=10k", "day-limit=15k")
    sender.send(receiver, make_file(lab.path("ten"), 10_000))
    command, number = _is_asked_about(sender, receiver, make_file(lab.path("large"), 10_001))
    receiver.run("reject", number)
    _ended(command, 4)
    command, number = _is_asked_about(sender, receiver, make_file(lab.path("day"), 5_001))
    receiver.run("reject", number)
    _ended(command, 4)
    sender.send(receiver, make_file(lab.path("five"), 5_000))
    receiver.restart()
    command, number = _is_asked_about(sender, receiver, make_file(lab.path("byte"), 1))
    receiver.run("accept", number)
    _ended(command)
    receiver.run("set", "sender", "limit=none", "day-limit=none")
    sender.send(receiver, make_file(lab.path("any"), 20_000))
    receiver.check_listed("ten", "five", "byte", "any")


def two_at_once(lab):
    """Offers that come together do not share the rest of a day: one is taken, the other asked
    about."""
    _, sender, receiver = _friends(lab)
    receiver.run("set", "sender", "day-limit=15k")
    commands = [sender.command("send", "--json", receiver.at, make_file(lab.path(name), 10_000))
                for name in ("one", "two")]
    ends = {"delivered", "offered"}
    states = sorted(command.wait_event(lambda event: event.get("state") in ends, "an answer")
                    ["state"] for command in commands)
    check_equal(states, ["delivered", "offered"], "what became of them")
    offer, = [offer for offer in receiver.transfers() if offer["state"] == "offered"]
    always = receiver.command("accept", "--always", str(offer["transfer"]))
    check_equal(always.wait(), 1, always.said())
    _says(always, "within its limits is accepted always")
    receiver.run("accept", str(offer["transfer"]))
    for command in commands:
        _ended(command)
    receiver.check_listed("one", "two")


def directory_of_a_peer(lab):
    """Each peer may have a directory of its own, below that for received files and nowhere else."""
    lan, sender, receiver = _friends(lab, hosts=3)
    other = lab.node(lan[2], name="other", config=QUIET)
    receiver.knows(other)
    receiver.run("set", "sender", "directory=from/sender")
    for wrong in ("..", "../else", "/tmp/else", ".fxnode", "a/../../b"):
        check(receiver.command("set", "sender", f"directory={wrong}").wait() in (1, 2),
              f"{wrong!r} was taken")
    source = make_file(lab.path("mine"), 3 * MIB)
    sender.send(receiver, source)
    other.send(receiver, make_file(lab.path("others"), 100))
    compare(source, receiver.received("from/sender/mine"))
    receiver.check_listed("from", "others")
    check_equal(sorted(os.listdir(receiver.received("from/sender"))), ["mine"], "its directory")
    receiver.check_tidy()


def directory_changes_meanwhile(lab):
    """A transfer goes on where it began, after restarts too; what is offered later goes to the
    directory of then."""
    _, sender, receiver = _friends(lab)
    begun = []
    for number, directory in enumerate(("first", "")):
        receiver.run("set", "sender", f"directory={directory}")
        source = make_file(lab.path(f"file{number}"), 6 * MIB, seed=number)
        command = sender.command("send", "--json", "--limit", "2M", receiver.at, source)
        command.wait_event(lambda event: event.get("done", 0) > 0, "some of it is there")
        begun.append((command, source, os.path.join(directory, f"file{number}")))
    receiver.run("set", "sender", "directory=second")
    receiver.restart()
    for command, source, name in begun:
        _ended(command)
        compare(source, receiver.received(name))
    source = make_file(lab.path("late"), 100)
    sender.send(receiver, source)
    compare(source, receiver.received("second/late"))
    receiver.check_listed("file1", "first", "second")
    receiver.check_tidy()


def directory_is_a_link(lab):
    """A link in the place of a peer's directory is not followed out of that for received files."""
    _, sender, receiver = _friends(lab)
    os.mkdir(lab.path("outside"))
    os.symlink(lab.path("outside"), receiver.received("from"))
    receiver.run("set", "sender", "directory=from")
    command = sender.command("send", "--json", receiver.at, make_file(lab.path("file"), 100))
    command.wait_event(lambda event: event.get("state") in ("waiting", "failed"), "it fails")
    check_equal(os.listdir(lab.path("outside")), [], "what got out")


def aliases(lab):
    """A paired peer has one name that is its own: it can be changed, and belongs to nobody else."""
    lan, sender, receiver = _friends(lab, hosts=3)
    other = lab.node(lan[2], name="other", config=QUIET)
    sender.send(receiver, make_file(lab.path("one"), 100))
    sender.knows(other)
    sender.run("rename", "receiver", "attic")
    check_equal(sender.paired(), {"attic": receiver.id.replace("-", ""),
                                  "other": other.id.replace("-", "")}, "the peers")
    for wrong in ("other", "", "-x", "10.0.0.7", receiver.id, "new\nline"):
        check(sender.command("rename", "attic", wrong).wait() in (1, 2), f"{wrong!r} was taken")
    check(sender.command("rename", "nobody", "name").wait() != 0, "nobody was renamed")
    sender.send("attic", make_file(lab.path("two"), 100))
    receiver.check_listed("one", "two")
    check_equal(sender.restart().paired().keys(), {"attic", "other"}, "after a restart")


def alias_before_announced_names(lab):
    """Whoever announces itself under the name of a paired peer gets nothing, neither while that is
    there nor after it has gone; that one gets its files as soon as it answers where it was."""
    lan = lab.lan(3)
    receiver = lab.node(lan[1], name="receiver", config={"accept": "ask"})
    sender = lab.node(lan[0], name="sender")
    sender.knows(receiver, "attic")
    receiver.knows(sender)
    impostor = hostile.answer(lan[2], 4242, "serve")
    key = impostor.wait_line("^id (.*)", lines=impostor.out)[1]
    mdns.Avahi(lan[2]).publish("attic", 4242, "v=1", f"id={key}")
    watch = sender.command("peers", "--json", "--watch")
    paired = receiver.id.replace("-", "")
    watch.wait_event(lambda event: event.get("id") == key and event["online"], "it is seen")
    watch.wait_event(lambda event: event.get("id") == paired and event["online"], "and the other")
    sender.send("attic", make_file(lab.path("one"), 100))
    receiver.check_listed("one")
    seen = len(watch.out)
    receiver.stop()
    watch.wait_event(lambda event: event.get("id") == paired and not event["online"], "it goes",
                     after=seen)
    command = sender.send("attic", make_file(lab.path("two"), 100), status=6)
    _says(command, "fxnode unpair attic", "fxnode pair attic")
    receiver.configure(discovery="off")
    receiver.start()
    source = make_file(lab.path("three"), 100)
    sender.send("attic", source)
    compare(source, receiver.received("three"))
    receiver.check_listed("one", "three")
    check("called" not in impostor.out, f"it was called\n{impostor.said()}")


def lines_of_text(lab):
    """Peers as lines: all of them are taken or none, and nothing is read into them."""
    lan = lab.lan(3)
    nodes = [lab.node(host, config=QUIET) for host in lan.hosts]
    lines = [node.run("export").out[0] for node in nodes]
    for node, line in zip(nodes, lines):
        check_equal(line.replace("-", ""), f"fxnode-peer {node.id} {node.name}".replace("-", ""),
                    "the line")
    first, second, third = nodes
    broken = lines[2].replace(lines[2].split(" ")[1][:8], "aaaaaaaa")
    for wrong in ("", "nonsense\n", broken + "\n", f"{lines[1]}\n{broken}\n", lines[0] + "\n",
                  f"{lines[1]}\n{lines[1].rsplit(' ', 1)[0]} twice\n",
                  f"{lines[1]}\n{lines[2].rsplit(' ', 1)[0]} {second.name}\n",
                  lines[1] + "\x1b[2J\n"):
        command = first.command("import", typed=True)
        command.type(wrong, last=True)
        check(command.wait() in (1, 2), f"{wrong!r} was taken\n{command.said()}")
        check_equal(first.paired(), {}, f"peers after {wrong!r}")
    path = lab.path("lines")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"# friends\n{lines[1]}\n\n{lines[2]} 2\n")
    first.run("import", path)
    check_equal(first.paired(), {second.name: second.id.replace("-", ""),
                                 f"{third.name} 2": third.id.replace("-", "")}, "the peers")
    check_equal(first.run("export", second.name).out, [lines[1]], "a peer's line")
    check_equal(first.run("export", f"{third.name} 2").out, [lines[2] + " 2"], "a peer's line")


def key_has_changed(lab):
    """Another key where a paired peer was, or under its name: status 6, told what it means and what
    to do, and the impostor gets neither files nor our key. Once it is unpaired it is a stranger."""
    lan, sender, receiver = _friends(lab)
    sender.send(receiver, make_file(lab.path("one"), 100))
    address = receiver.at
    receiver.stop()
    receiver.daemon = None
    impostor = hostile.answer(lan[1], receiver.port, "serve")
    impostor.wait_line("^id ", lines=impostor.out)
    source = make_file(lab.path("two"), 100)
    for peer in ("receiver", address):
        command = sender.run("send", peer, source, status=6)
        _says(command, "fxnode unpair", "fxnode pair")
    check(not any(line.startswith("met") for line in impostor.out), impostor.said())
    impostor.kill()
    sender.run("unpair", "receiver")
    other = lab.node(lan[1], name="other", config=QUIET, arguments=["--listen", address])
    sender.send(other, source)
    other.check_listed("two")


def send_to(lab):
    """send-to = paired, and known: to others nothing is sent, and nothing is told about us."""
    lan, sender, receiver = _friends(lab, {"send-to": "paired"}, hosts=3)
    source = make_file(lab.path("file"), 100)
    stranger = hostile.answer(lan[2], 4242, "serve")
    stranger.wait_line("^id ", lines=stranger.out)
    for level in ("paired", "known"):
        sender.configure(**{"send-to": level})
        sender.restart()
        command = sender.run("send", f"{lan[2].address}:4242", source, status=6)
        _says(command, "fxnode pair")
        check(not any(line.startswith("met") for line in stranger.out), stranger.said())
    sender.send(receiver, source)
    receiver.run("unpair", "sender")
    receiver.configure(**{"send-to": "known", "accept": "all"})
    sender.configure(accept="all")
    receiver.restart()
    sender.restart()
    _says(receiver.send(sender, source, status=6), "fxnode pair")


def _by_a_code(shows, enters):
    shown = shows.command("pair", "--json")
    code = shown.wait_event(lambda event: event["event"] == "pair-code", "a code")["code"]
    enters.run("pair", shows.at, typed=f"{code}\n")
    _ended(shown)


def queued_until_paired(lab):
    """What send-to keeps back starts by itself when its peer becomes paired: by a code that either
    side shows, or by a line of text."""
    lan = lab.lan(2)
    for name, how in (("typed", lambda sender, receiver: _by_a_code(receiver, sender)),
                      ("shown", _by_a_code),
                      ("imported", lambda sender, receiver: sender.knows(receiver))):
        sender = lab.node(lan[0], name=f"sender-{name}", config=QUIET)
        receiver = lab.node(lan[1], name=f"receiver-{name}", config=QUIET)
        sender.send(receiver, make_file(lab.path(f"before-{name}"), 100))
        receiver.stop()
        sender.run("send", "--detach", receiver.at, make_file(lab.path(name), 100))
        sender.configure(**{"send-to": "paired"})
        receiver.start()
        sender.restart()
        sender.wait_transfers(lambda kept: "send-to" in kept[0].get("reason", ""), "kept back")
        how(sender, receiver)
        wait_for(receiver.received(name))


def what_was_typed_is_no_name(lab):
    """Neither an address nor the beginning of an id is remembered as what a peer calls itself."""
    lan = lab.lan(2)
    sender, receiver = (lab.node(host, config=QUIET) for host in lan.hosts)
    for number, peer in enumerate((receiver.at, receiver.id[:12])):
        sender.send(peer, make_file(lab.path(f"file {number}"), 100))
        known, = sender.peers()
        check_equal(known["name"], "", "the name")


def queued_until_known(lab):
    """What send-to = known keeps back starts by itself once its peer is known, here because
    somebody took what it offered."""
    lan = lab.lan(2)
    sender = lab.node(lan[0], name="sender", config={"accept": "ask"})
    receiver = lab.node(lan[1], name="receiver")
    sender.send(receiver, make_file(lab.path("before"), 100))
    receiver.stop()
    sender.run("send", "--detach", receiver.id[:12], make_file(lab.path("kept"), 100))
    kept, = sender.transfers()
    sender.run("unpair", receiver.id[:12])
    sender.configure(**{"send-to": "known"})
    sender.restart()
    sender.run("resume", str(kept["transfer"]))
    watch = sender.command("peers", "--watch", "--json")
    receiver.start()
    wanted = receiver.id.replace("-", "")
    watch.wait_event(lambda event: event.get("online") and event.get("id") == wanted,
                     "the receiver is announced")
    watch.stop()
    command, number = _is_asked_about(receiver, sender, make_file(lab.path("offered"), 100))
    sender.wait_transfers(lambda listed: any("send-to" in each.get("reason", "") for each in listed),
                          "kept back")
    sender.run("accept", number)
    _ended(command)
    wait_for(receiver.received("kept"))


def unpaired_by_the_receiver(lab):
    """unpair stops what comes in; nothing of the peer is taken unasked from then on."""
    lan, sender, receiver = _friends(lab)
    running = make_file(lab.path("running"), 48 * MIB)
    lan[0].limit_rate(SLOW)
    command = sender.command("send", "--json", receiver.at, running)
    command.wait_event(lambda event: event.get("done", 0) > 0, "a part is durable")
    receiver.run("set", "sender", "accept=ask")
    waiting, number = _is_asked_about(sender, receiver, make_file(lab.path("waiting"), 100))
    receiver.run("unpair", "sender")
    lan[0].limit_rate(None)
    _ended(waiting, 4)
    command.wait_event(lambda event: event.get("state") == "waiting", "it waits")
    check_equal(receiver.paired(), {}, "paired peers")
    check_equal([(each["names"][0]["name"], each["state"]) for each in receiver.transfers()],
                [("running", "paused")], "transfers")
    receiver.check_listed()
    asked, number = _is_asked_about(sender, receiver, make_file(lab.path("later"), 100))
    receiver.run("reject", number)
    _ended(asked, 4)
    receiver.run("resume", str(receiver.transfers()[0]["transfer"]))
    _ended(command)
    compare(running, receiver.received("running"))


def unpaired_by_the_sender(lab):
    """unpair stops what goes out and what is queued; it is not sent until somebody says so."""
    lan, sender, receiver = _friends(lab)
    sender.send(receiver, make_file(lab.path("before"), 100))
    source = make_file(lab.path("running"), 48 * MIB)
    lan[0].limit_rate(SLOW)
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("done", 0) > 0, "a part is durable")
    sender.run("unpair", "receiver")
    lan[0].limit_rate(None)
    _ended(command, 5)
    check_equal([each["state"] for each in sender.transfers()], ["paused"], "transfers")
    sender.knows(receiver)
    sender.run("cancel", str(sender.transfers()[0]["transfer"]))
    receiver.run("cancel", str(receiver.transfers()[0]["transfer"]))
    sender.send(receiver, make_file(lab.path("between"), 100))
    receiver.stop()
    sender.run("send", "--detach", "receiver", make_file(lab.path("queued"), 100))
    sender.run("unpair", "receiver")
    check_equal([each["state"] for each in sender.transfers()], ["paused"], "transfers")
    receiver.start()
    sender.restart()
    receiver.check_listed("before", "between")
    check_equal([each["state"] for each in sender.transfers()], ["paused"], "after a restart")
    check_equal(sender.paired(), {}, "paired peers")


def not_crowded_out(lab):
    """Strangers that fill the list of offers do not keep a paired peer's out."""
    lan, sender, receiver = _friends(lab, hosts=10)
    for host in lan.hosts[2:]:
        peer = hostile.call(host, receiver, *["stranger", "ask"] * 4)
        check_equal(peer.wait(60), 0, peer.said())
    late = hostile.call(lan[0], receiver, "ask")
    late.wait_line("^heard BUSY", lines=late.out)
    sender.send(receiver, make_file(lab.path("unasked"), 100))
    receiver.run("set", "sender", "accept=ask")
    command, number = _is_asked_about(sender, receiver, make_file(lab.path("asked"), 100))
    receiver.run("accept", number)
    _ended(command)
    receiver.check_listed("unasked", "asked")
