"""What a node meets at its start and from strangers: it says so, and nothing is lost."""

import hashlib
import os
import re
import signal

from lab import check, check_equal
from lab.data import MIB, compare, make_file
from lab.process import run

QUIET = {"discovery": "off"}

# A stranger: connects, sends what its argument says in hex, and waits until the node hangs up.
STRANGER = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
try:
    connection.sendall(bytes.fromhex(sys.argv[3]))
    while connection.recv(4096):
        pass
except ConnectionError:
    pass
print("dropped", flush=True)
"""

# Passes connections on; in the n-th, the byte at the n-th offset towards the server is damaged.
PROXY = """
import socket, sys, threading
offsets = [int(number) for number in sys.argv[3:]]
server = socket.create_server(("0.0.0.0", 42420))
print("ready", flush=True)

def pump(source, target, offset):
    passed = 0
    try:
        while data := source.recv(1 << 16):
            if offset is not None and passed <= offset < passed + len(data):
                at = offset - passed
                data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
                print("damaged", offset, flush=True)
            passed += len(data)
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

while True:
    client, _ = server.accept()
    out = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    offset = offsets.pop(0) if offsets else None
    threading.Thread(target=pump, args=(client, out, offset), daemon=True).start()
    threading.Thread(target=pump, args=(out, client, None), daemon=True).start()
"""

LISTEN = """
import socket
server = socket.create_server(("0.0.0.0", 42420))
print("ready", flush=True)
server.accept()
"""


def _refuses_to_start(node, *words):
    """The daemon ends with status 1 and a line that holds `words`."""
    daemon = node.launch()
    check_equal(daemon.wait(), 1, f"status\n{daemon.said()}")
    said = "\n".join(daemon.err)
    for word in words:
        check(re.search(word, said), f"{word!r} is not in what was said: {daemon.said()}")
    node.daemon = None


def second_daemon(lab):
    """Another daemon on the same state directory is turned away; the first one is unharmed."""
    lan = lab.lan(1)
    node = lab.node(lan[0], config=QUIET)
    first = node.daemon
    _refuses_to_start(node, "^fxnode: ")
    node.daemon = first
    node.run("transfers")


def port_in_use(lab):
    """The program's own port is taken: any other will do. One that was asked for will not."""
    lan = lab.lan(2)
    squatter = lan[0].start(["python3", "-c", LISTEN], name="squatter")
    squatter.wait_line("ready", lines=squatter.out)
    node = lab.node(lan[0], config=QUIET)
    check(node.port != 42420, "two programs on one port")
    port = node.port
    check_equal(node.restart().port, port, "port after a restart")
    sender = lab.node(lan[1], config=QUIET)
    source = make_file(lab.path("file"), 10)
    sender.send(node, source)
    node.stop()
    node.configure(listen="0.0.0.0:42420")
    _refuses_to_start(node, "42420", "in use")


def read_only_state(lab):
    """A state directory on a read-only disk."""
    lan = lab.lan(1)
    node = lab.node(lan[0], start=False, config=QUIET)
    os.mkdir(f"{node.home}/state")
    run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", f"{node.home}/state"])
    _refuses_to_start(node, "Read-only file system")


def _damage(path):
    with open(path, "r+b") as file:
        file.write(b"this is no database and no key " * 16)


def _digests(directory):
    return {name: hashlib.sha256(open(os.path.join(directory, name), "rb").read()).hexdigest()
            for name in os.listdir(directory)
            if name != "lock" and os.path.isfile(os.path.join(directory, name))}


def _damaged(lab, pattern):
    lan = lab.lan(1)
    node = lab.node(lan[0], config=QUIET)
    node.stop()
    names = [name for name in os.listdir(node.state) if re.search(pattern, name)]
    check_equal(len(names), 1, f"files like {pattern!r} in {os.listdir(node.state)}")
    _damage(os.path.join(node.state, names[0]))
    before = _digests(node.state)
    _refuses_to_start(node, names[0])
    check_equal(_digests(node.state), before, "the state directory")


def damaged_database(lab):
    """A damaged database is named and left alone."""
    _damaged(lab, r"\.(db|sqlite)$|^database$|^store$")


def damaged_identity(lab):
    """A damaged identity is named and left alone; no new one takes its place."""
    _damaged(lab, r"identity|key")


def wrong_configuration(lab):
    """An unknown key and a wrong value are named with the file and the line."""
    lan = lab.lan(1)
    node = lab.node(lan[0], start=False, config={**QUIET, "banana": "1"})
    daemon = node.launch()
    check(daemon.wait() in (1, 2), f"started anyway\n{daemon.said()}")
    check("banana" in "\n".join(daemon.err), daemon.said())
    node.daemon = None


def garbage(lab):
    """Strangers that send nonsense are hung up on; the next transfer works."""
    lan = lab.lan(2)
    receiver = lab.node(lan[0], config=QUIET)
    sender = lab.node(lan[1], config=QUIET)
    hello = b"FXNODE\0"
    nonsense = [b"GET / HTTP/1.1\r\n\r\n", bytes(4096), hello + b"\xff" * 200,
                hello + b"\x01\x00\x00\x00" + b"\xff\xff" + bytes(65535),
                hello + b"\x01\x09\x00\x00", hello + b"\x01\x00\x00\x00\x00\x20" + bytes(32)]
    for sent in nonsense:
        stranger = lan[1].start(["python3", "-c", STRANGER, lan[0].address, str(receiver.port),
                                 sent[:2000].hex()], name="stranger")
        stranger.wait_line("dropped", lines=stranger.out)
    source = make_file(lab.path("file"), MIB)
    sender.send(receiver, source)
    compare(source, receiver.received("file"))


def silent_strangers(lab):
    """Strangers that say nothing are hung up on and do not keep a peer out meanwhile."""
    lan = lab.lan(2)
    receiver = lab.node(lan[0], config=QUIET)
    sender = lab.node(lan[1], config=QUIET)
    strangers = [lan[0].start(["python3", "-c", STRANGER, lan[0].address, str(receiver.port), ""],
                              name=f"stranger{number}") for number in range(4)]
    source = make_file(lab.path("file"), MIB)
    sender.send(receiver, source)
    compare(source, receiver.received("file"))
    for stranger in strangers:
        stranger.wait_line("dropped", lines=stranger.out)


def _frozen(lab, sender_freezes):
    sender, receiver = lab.pair()
    source = make_file(lab.path("data"), 96 * MIB)
    sender.host.limit_rate("60mbit")
    command = sender.command("send", "--json", receiver.at, source)
    command.wait_event(lambda event: event.get("done", 0) > 0, "a part is durable")
    frozen, other = (sender, receiver) if sender_freezes else (receiver, sender)
    family = [*frozen.helpers(), frozen.daemon.popen.pid]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        other.run("transfers")
        if not sender_freezes:
            command.wait_event(lambda event: event.get("state") == "waiting", "it waits", 90)
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)
    sender.host.limit_rate(None)
    check_equal(command.wait(90), 0, f"status of send\n{command.said()}")
    compare(source, receiver.received("data"))
    receiver.check_listed("data")


def receiver_freezes(lab):
    """A receiver that stops without closing anything is given up on, and found again."""
    _frozen(lab, sender_freezes=False)


def sender_freezes(lab):
    """A sender that stops for a moment goes on; the receiver's daemon answers meanwhile."""
    _frozen(lab, sender_freezes=True)


def damaged_on_the_way(lab):
    """One bit is flipped in the offer, the handshake and the data: each time the connection ends,
    nothing wrong is kept, and the transfer goes on by itself."""
    lan = lab.lan(3)
    # All content on the one connection whose bytes are counted.
    sender = lab.node(lan[0], config={**QUIET, "lanes": 1})
    receiver = lab.node(lan[1], config=QUIET)
    # 199 bytes of the sender are the handshake; its first connection gets past it, so that the
    # peer is known from then on.
    offsets = [260, 20, 100, 70_000, 3 * MIB]
    proxy = lan[2].start(["python3", "-c", PROXY, lan[1].address, str(receiver.port),
                          *map(str, offsets)], name="proxy")
    proxy.wait_line("ready", lines=proxy.out)
    source = make_file(lab.path("fragile"), 8 * MIB)
    command = sender.command("send", lan[2].address, source)
    check_equal(command.wait(120), 0, f"status of send\n{command.said()}")
    check_equal(sum(line.startswith("damaged") for line in proxy.out), len(offsets), "damages")
    compare(source, receiver.received("fragile"))
    receiver.check_listed("fragile")
    receiver.check_tidy()


def sender_disk_full(lab):
    """No room for the sender's own records: it says so, and works once there is."""
    sender, receiver = lab.pair({"start": False})
    os.mkdir(f"{sender.home}/state")
    run(["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", f"{sender.home}/state"])
    sender.start()
    filler = make_file(f"{sender.home}/state/filler", 0)
    with open(filler, "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    source = make_file(lab.path("data"), 3 * MIB)
    command = sender.command("send", receiver.at, source)
    command.wait_line("room|space", patience=60)
    os.unlink(filler)
    if command.wait(90) != 0:
        sender.send(receiver, source)
    compare(source, receiver.received("data"))
    receiver.check_listed("data")
