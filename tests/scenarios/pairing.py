"""Two people, eight digits, one command each; and everybody else, who gets three guesses. The
hostile ones are tests/peer/pairing.py."""

import os
import pty
import re
import signal

from lab import check, check_equal, hostile
from lab.data import compare, make_file
from lab.node import program

QUIET = {"discovery": "off", "accept": "ask"}
BEGIN = ("open", "share", "hear")  # all that tells nothing
KNOCK = ("open", "share", "closed")  # and hears nothing where it is not let in
GUESS = (*BEGIN, "tag", "hear")
AT_ONCE = ("wait", *BEGIN, "wait", "tag", "closed")  # for _begin()
TRIES = 3

# Passes connections on to a node, and on a line of its standard input says once more what the last
# caller said.
RECORDER = """
import socket, sys, threading
server = socket.create_server(("", 42420))
print("ready", flush=True)
recorded = []

def pump(source, target, heard):
    while data := source.recv(4096):
        heard.append(data)
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)

client, _ = server.accept()
out = socket.create_connection((sys.argv[1], int(sys.argv[2])))
back = threading.Thread(target=pump, args=(out, client, []))
back.start()
pump(client, out, recorded)
back.join()
sys.stdin.readline()
again = socket.create_connection((sys.argv[1], int(sys.argv[2])))
again.sendall(b"".join(recorded))
heard = 0
try:
    while data := again.recv(4096):
        heard += len(data)
except ConnectionError:
    pass
print("heard", heard, "for", sum(map(len, recorded)), flush=True)
"""


def _nodes(lab, hosts=2):
    """(lan, the one that is given a code, the one that shows it)"""
    lan = lab.lan(hosts)
    return lan, lab.node(lan[0], name="typist", config=QUIET), \
        lab.node(lan[1], name="shower", config=QUIET)


def _shows(node):
    """(running command, the code that it shows)"""
    window = node.command("pair")
    shown = window.wait_line(r"^(\d{4}) (\d{4})$", lines=window.out)
    return window, shown[1] + shown[2]


def _other(code, by=1):
    return f"{(int(code) + by) % 10**8:08}"


def _plain(node):
    return node.id.replace("-", "")


def _heard(peer):
    check_equal(peer.wait(60), 0, f"status of the hostile peer\n{peer.said()}")
    return [line.removeprefix("heard ") for line in peer.out if line.startswith("heard ")]


def _begin(*peers):
    """Runs begin of peers that wait for it: a run has 10 s, and what is slow on a busy machine, the
    start of programs, is over then."""
    for peer in peers:
        peer.wait_line("^id ", lines=peer.out)
    for peer in peers:
        peer.type("go\n")
    for peer in peers:
        peer.wait_line("^heard share", lines=peer.out)


def _tried(window):
    """How many wrong codes the one who shows it was told of."""
    return sum("wrong code was tried" in line for line in window.err)


def _paired(one, other):
    check_equal(one.paired(), {other.name: _plain(other)}, f"the peers of {one.name}")
    check_equal(other.paired(), {one.name: _plain(one)}, f"the peers of {other.name}")


def _strangers(*nodes):
    for node in nodes:
        check_equal(node.paired(), {}, f"the paired peers of {node.name}")


def _pair_now(typist, shower):
    """Pairing works, whatever was before."""
    window, code = _shows(shower)
    typist.run("pair", shower.at, typed=code + "\n")
    check_equal(window.wait(), 0, f"status of the one who shows it\n{window.said()}")
    _paired(typist, shower)


def by_address(lab):
    """Both commands end well, both nodes list the other as paired, and nothing asks again."""
    _, typist, shower = _nodes(lab)
    window, code = _shows(shower)
    command = typist.run("pair", shower.at, typed=f" {code[:3]}-{code[3:]} \n")
    check_equal(window.wait(), 0, f"status of the one who shows it\n{window.said()}")
    check("paired with shower" in command.said(), command.said())
    check("paired with typist" in window.said(), window.said())
    _paired(typist, shower)
    for sender, receiver in ((typist, shower), (shower, typist)):
        source = make_file(lab.path(f"of {sender.name}"), 1000)
        sender.send(receiver, source)
        compare(source, receiver.received(f"of {sender.name}"))


def _by(lab, name_of):
    """Pairs two nodes that have found each other."""
    lan = lab.lan(2)
    typist, shower = lab.node(lan[0], name="typist"), lab.node(lan[1], name="shower")
    watch = typist.command("peers", "--json", "--watch")
    watch.wait_event(lambda event: event.get("id") == _plain(shower), "they have found each other")
    window, code = _shows(shower)
    typist.run("pair", name_of(shower), typed=code + "\n")
    check_equal(window.wait(), 0, f"status of the one who shows it\n{window.said()}")
    _paired(typist, shower)


def by_name(lab):
    """By the name that the other one announces."""
    _by(lab, lambda node: node.name)


def by_id(lab):
    """By the beginning of its id."""
    _by(lab, lambda node: _plain(node)[:8])


def without_a_daemon(lab):
    """The one who types needs none; the one who shows it is told to start one."""
    _, typist, shower = _nodes(lab)
    typist.stop()
    check("fxnode daemon" in typist.run("pair", status=1).said(), "no way out is named")
    window, code = _shows(shower)
    typist.run("pair", shower.at, typed=code + "\n")
    check_equal(window.wait(), 0, f"status of the one who shows it\n{window.said()}")
    typist.start()
    _paired(typist, shower)


def on_terminals(lab):
    """The code is shown large, with a countdown; the typed one is asked for until it is right."""
    _, typist, shower = _nodes(lab)
    words = f"script -qec '{program()} pair' /dev/null | stdbuf -o0 tr '\\r' '\\n'"
    window = shower.host.start(["sh", "-c", words], name="window",
                               env={**shower.environment(), "TERM": "xterm", "COLUMNS": "80"})
    shown = window.wait_line(r"^ *(\d{4}) (\d{4})$", lines=window.out)
    code = shown[1] + shown[2]
    first = window.wait_line(r"(\S+) left", lines=window.out)[1]
    window.wait_line(rf"(?<!\S)(?!{re.escape(first)})\S+ left", lines=window.out)
    check(any("fxnode pair shower" in line for line in window.out), window.said())
    outer, inner = pty.openpty()
    command = typist.command("pair", shower.at, terminal=inner)
    command.wait_line("type the code that it shows")
    os.write(outer, b"banana\n")
    command.wait_line("A code has 8 digits")
    os.write(outer, _other(code).encode() + b"\n")
    command.wait_line("not the code: 2 tries left")
    os.write(outer, f"{code[:4]} {code[4:]}\n".encode())
    check_equal(command.wait(), 0, f"status of the one who types\n{command.said()}")
    check_equal(window.wait(), 0, f"status of the one who shows it\n{window.said()}")
    _paired(typist, shower)


def wrong_three_times(lab):
    """Three wrong codes burn what is shown: the one who types is stopped with status 6, and the
    right code comes too late."""
    _, typist, shower = _nodes(lab)
    window, code = _shows(shower)
    outer, inner = pty.openpty()
    command = typist.command("pair", shower.at, terminal=inner)
    command.wait_line("type the code")
    for left in (2, 1, 0):
        os.write(outer, _other(code, left + 1).encode() + b"\n")
        if left > 0:
            command.wait_line(f"not the code: {left} tr")
    check_equal(command.wait(), 6, f"status of the one who types\n{command.said()}")
    check_equal(window.wait(), 6, f"status of the one who shows it\n{window.said()}")
    check("fxnode pair" in window.said(), f"no way out is named: {window.said()}")
    typist.run("pair", shower.at, typed=code + "\n", status=3)
    _strangers(typist, shower)
    _pair_now(typist, shower)


def wrong_once(lab):
    """A script has one code; a wrong one costs one try and is status 6. Codes that are none cost
    nothing."""
    _, typist, shower = _nodes(lab)
    window, code = _shows(shower)
    for nonsense in ("", "\n", "1234567\n", "123456789\n", "banana42\n", "1" * 5000):
        typist.run("pair", shower.at, typed=nonsense, status=2)
    check_equal(_tried(window), 0, "tries that nonsense cost")
    typist.run("pair", shower.at, typed=_other(code) + "\n", status=6)
    window.wait_line("wrong code was tried: 2 tries left")
    typist.run("pair", shower.at, typed=code + "\n")
    check_equal(window.wait(), 0, window.said())
    _paired(typist, shower)


def no_code_is_shown(lab):
    """Status 3 says to run fxnode pair there; a code is worth nothing once its command has ended,
    and there is one at a time."""
    _, typist, shower = _nodes(lab)
    said = typist.run("pair", shower.at, typed="12345678\n", status=3).said()
    check("fxnode pair" in said, f"no way out is named: {said}")
    for number, status in ((signal.SIGINT, 5), (signal.SIGKILL, -signal.SIGKILL)):
        window, code = _shows(shower)
        check("one at a time" in shower.run("pair", status=1).said(), "two codes at once")
        window.signal(number)
        check_equal(window.wait(), status, f"status of what was interrupted\n{window.said()}")
        typist.run("pair", shower.at, typed=code + "\n", status=3)
    window, code = _shows(shower)
    shower.restart()
    check(window.wait() != 0, f"the daemon ended and the command went well\n{window.said()}")
    typist.run("pair", shower.at, typed=code + "\n", status=3)
    _strangers(typist, shower)
    _pair_now(typist, shower)


def stopped_runs_cost_nothing(lab):
    """A run that stops before it confirms costs no try and tells nothing, however often; nor do
    points that are none."""
    lan, typist, shower = _nodes(lab, hosts=3)
    window, code = _shows(shower)
    for _ in range(2):
        for steps, heard in ((("open",), []), (("open", "share"), []), (BEGIN, ["share shower"])):
            check_equal(_heard(hostile.guess(lan[2], shower, *steps)), heard, f"what {steps} told")
    for lie in ("share=invalid", "share=neutral"):
        peer = hostile.guess(lan[2], shower, "open", lie, "closed")
        check_equal(_heard(peer), [], f"the answer to {lie}")
    check_equal(_tried(window), 0, "tries that this cost")
    typist.run("pair", shower.at, typed=code + "\n")
    check_equal(window.wait(), 0, window.said())
    _paired(typist, shower)


def three_guesses(lab):
    """Whoever guesses has three tries, and hears zeros for each; then the code is worth nothing."""
    lan, _, shower = _nodes(lab, hosts=4)
    window, code = _shows(shower)
    for host, by, tag in ((lan[2], 1, "tag"), (lan[3], 2, "tag"), (lan[2], 0, "tag=zeros")):
        peer = hostile.guess(host, shower, f"code={_other(code, by)}", *BEGIN, tag, "hear")
        check_equal(_heard(peer), ["share shower", "zeros"], "what a guess brought")
    check_equal(window.wait(), 6, window.said())
    late = hostile.guess(lan[2], shower, f"code={code}", *KNOCK)
    check_equal(_heard(late), [], "what the right code brought")
    _strangers(shower)


def guesses_at_once(lab):
    """Runs that wait for one another get no more than three guesses together, also where one of the
    others has the right code."""
    lan, _, shower = _nodes(lab, hosts=6)
    window, code = _shows(shower)
    peers = [hostile.guess(host, shower, f"code={_other(code, by)}", *AT_ONCE)
             for host, by in zip(lan.hosts[2:] * 2, (1, 2, 3, 4, 5, 6, 7, 0))]
    _begin(*peers)
    for peer in peers[:TRIES]:
        peer.type("go\n")
        peer.wait_line("^heard zeros", lines=peer.out)
    check_equal(window.wait(), 6, window.said())
    for peer in peers[TRIES:]:
        peer.type("go\n")
    check_equal([_heard(peer)[1:] for peer in peers], [["zeros"]] * TRIES + [[]] * 5, "answers")
    check_equal(_tried(window), TRIES - 1, "wrong codes before the last one")
    _strangers(shower)


def not_more_at_once(lab):
    """Two runs of one address and eight of all are let in. Who comes then finds a place all the same
    where others are only in the way: that of the oldest, or of the oldest of its own address; and
    those that came later are not disturbed."""
    lan, _, shower = _nodes(lab, hosts=7)
    window, code = _shows(shower)
    honest = (f"code={code}", *AT_ONCE)
    crowd = [hostile.guess(host, shower, *honest) for host in lan.hosts[2:5] * 2]
    first, second = (hostile.guess(lan[5], shower, *honest) for _ in range(2))
    late = [hostile.guess(host, shower, f"code={code}", "wait", "enter")
            for host in (lan[6], lan[5])]
    _begin(*crowd)
    _begin(first, second)
    for peer, who in zip(late, ("a ninth of all", "a third of one")):
        _begin(peer)
        check_equal(_heard(peer), ["share shower"], who)
    for peer in (first, second):
        peer.type("go\n")
    heard = sorted(_heard(peer)[1:] for peer in (first, second))
    check_equal(heard, [[], ["right"]], "what the two of one address heard")
    check_equal(window.wait(), 0, window.said())
    check_equal(list(shower.paired()), ["hostile"], "who is paired")


def only_the_first(lab):
    """Two that have the right code at the same moment: one of them is paired, the other gets
    nothing."""
    lan, _, shower = _nodes(lab, hosts=4)
    window, code = _shows(shower)
    peers = [hostile.guess(host, shower, f"code={code}", *AT_ONCE, name=name)
             for host, name in ((lan[2], "one"), (lan[3], "two"))]
    _begin(*peers)
    for peer in peers:
        peer.type("go\n")
    heard = [_heard(peer)[1:] for peer in peers]
    check_equal(sorted(heard), [[], ["right"]], "what they heard")
    check_equal(window.wait(), 0, window.said())
    check_equal(list(shower.paired()), ["one" if heard[0] else "two"], "who is paired")


def somebody_in_the_middle(lab):
    """Who ends both channels with a key of its own and passes everything on fails, with the right
    code in both users' hands; and nothing is paired with anybody."""
    lan, typist, shower = _nodes(lab, hosts=3)
    window, code = _shows(shower)
    middle = hostile.show(lan[2], 4242, "open", f"middle={shower.at}")
    typist.run("pair", f"{lan[2].address}:4242", typed=code + "\n", status=6)
    check_equal(middle.wait(), 0, middle.said())
    check_equal([line for line in middle.out if line.startswith("passed")],
                ["passed 32", "passed 96", "passed 64", "passed zeros"], "what was passed on")
    window.wait_line("wrong code was tried: 2 tries left")
    _strangers(typist, shower)
    typist.run("pair", shower.at, typed=code + "\n")
    _paired(typist, shower)


def by_id_nobody_is_in_the_middle(lab):
    """Where an id was named another key does not get as far as the code."""
    lan, typist, shower = _nodes(lab, hosts=3)
    _pair_now(typist, shower)
    shower.stop()
    shower.daemon = None
    impostor = hostile.show(lan[1], shower.port, "open")
    said = typist.run("pair", _plain(shower), typed="12345678\n", status=6).said()
    check("fxnode unpair" in said, f"no way out is named: {said}")
    check(impostor.wait() != 0 and not any(line.startswith("met") for line in impostor.out),
          f"our key was told\n{impostor.said()}")


def replayed(lab):
    """What was said in a run before is worth nothing in another: neither the bytes of the network,
    nor a right confirmation on another connection."""
    lan, typist, shower = _nodes(lab, hosts=4)
    window, code = _shows(shower)
    recorder = lan[2].start(["python3", "-c", RECORDER, lan[1].address, str(shower.port)],
                            name="recorder", typed=True)
    recorder.wait_line("ready", lines=recorder.out)
    typist.run("pair", lan[2].address, typed=_other(code) + "\n", status=6)
    window.wait_line("2 tries left")
    recorder.type("again\n")
    heard = recorder.wait_line(r"heard (\d+) for (\d+)", lines=recorder.out)
    check(int(heard[2]) > 200, f"nothing was recorded: {heard[0]}")
    check_equal(int(heard[1]), 114, "bytes of an answer, beyond the handshake's")
    check_equal(_tried(window), 1, "tries that this cost")
    peer = hostile.guess(lan[3], shower, f"code={code}", *BEGIN, "hold", "open", "share=again",
                         "hear", "tag=again", "hear")
    check_equal(_heard(peer)[-1], "zeros", "the answer to a confirmation of another connection")
    window.wait_line("1 try left")
    _strangers(typist, shower)
    typist.run("pair", shower.at, typed=code + "\n")
    _paired(typist, shower)


def reflected(lab):
    """Who shows no code and sends back what comes does not get our confirmation for its own."""
    lan, typist, _ = _nodes(lab, hosts=3)
    mirror = hostile.show(lan[2], 4242, "open", "hear", "share=reflect", "closed")
    typist.run("pair", f"{lan[2].address}:4242", typed="12345678\n", status=1)
    check_equal(_heard(mirror), ["share"], "what the mirror heard")
    mirror = hostile.show(lan[2], 4243, "open", "hear", "share", "hear", "tag=reflect", "closed")
    typist.run("pair", f"{lan[2].address}:4243", typed="12345678\n", status=6)
    check_equal(_heard(mirror), ["share", "wrong"], "what the other mirror heard")
    zeros = hostile.show(lan[2], 4244, "open", "hear", "share=neutral", "closed")
    typist.run("pair", f"{lan[2].address}:4244", typed="12345678\n", status=1)
    check_equal(_heard(zeros), ["share"], "what the one without a share heard")
    _strangers(typist)


def with_itself(lab):
    """A node does not pair with itself."""
    _, _, shower = _nodes(lab)
    window, code = _shows(shower)
    for peer in (shower.at, f"127.0.0.1:{shower.port}", _plain(shower)):
        command = shower.command("pair", peer, typed=True)
        command.type(code + "\n")
        check(command.wait() in (1, 3, 6), f"status of pairing with {peer}\n{command.said()}")
    _strangers(shower)
    check_equal(_tried(window), 0, "tries that this cost")


def _killed(lab, typist_dies, point, half):
    """One side is killed at a point of its storing. `half` is whether the one that shows the code
    lists the other then; pairing again works in any case."""
    lan = lab.lan(2)
    nodes = [lab.node(host, name=name, start=False, config=QUIET)
             for host, name in zip(lan.hosts, ("typist", "shower"))]
    typist, shower = nodes
    victim = typist if typist_dies else shower
    for node in nodes:
        node.start(**({"FXNODE_CRASH": point} if node is victim else {}))
    window, code = _shows(shower)
    command = typist.command("pair", shower.at, typed=True)
    command.type(code + "\n")
    victim.wait_crash()
    check(command.wait() != 0, f"the one who types was told that it went well\n{command.said()}")
    window.wait()
    victim.recover()
    told = typist_dies and point == "pairing-recorded"
    check_equal(typist.paired(), {"shower": _plain(shower)} if told else {}, "the typist's peers")
    check_equal(shower.paired(), {"typist": _plain(typist)} if half else {}, "the shower's peers")
    if told:
        typist.send("shower", make_file(lab.path("at once"), 1000))
    _pair_now(typist, shower)


def shower_dies_before_storing(lab):
    """Nobody lists anybody."""
    _killed(lab, False, "pairing-proven", half=False)


def shower_dies_after_storing(lab):
    """It lists the one who knew the code, which does not list it."""
    _killed(lab, False, "pairing-recorded", half=True)


def typist_dies_before_storing(lab):
    """It does not list the other one, which lists it."""
    _killed(lab, True, "pairing-proven", half=True)


def typist_dies_after_storing(lab):
    """Both list each other, and it knows where the other one is."""
    _killed(lab, True, "pairing-recorded", half=True)


def paired_again(lab):
    """Who is paired already may pair again: alias and settings stay. Another of the same name gets
    a number."""
    lan, typist, shower = _nodes(lab, hosts=3)
    _pair_now(typist, shower)
    shower.run("rename", "typist", "laptop")
    shower.run("set", "laptop", "accept=ask", "limit=5M")
    window, code = _shows(shower)
    typist.run("pair", "shower", typed=code + "\n")
    check_equal(window.wait(), 0, window.said())
    peer, = [peer for peer in shower.peers() if peer["paired"]]
    check_equal((peer["name"], peer["settings"]["accept"], peer["settings"]["limit"]),
                ("laptop", "ask", 5_000_000), "the peer")
    for name in ("laptop", "la\x1bptop\n"):
        window, code = _shows(shower)
        other = hostile.guess(lan[2], shower, f"code={code}", *GUESS, name=name)
        check_equal(_heard(other)[-1], "right", "what the other one heard")
        check_equal(window.wait(), 0, window.said())
    check_equal(sorted(shower.paired()), ["laptop", "laptop 2", "laptop 3"], "aliases")
