"""The laboratory itself: a cut must cut and a counter must count, or scenarios prove nothing."""

from lab import check, check_equal, mdns
from lab.data import MIB, compare, make_file, make_tree
from lab.errors import Failure

LISTEN = """
import socket, sys
server = socket.create_server(("0.0.0.0", 9000))
print("ready", flush=True)
connection, _ = server.accept()
total = 0
while data := connection.recv(1 << 16):
    total += len(data)
    print(total, flush=True)
print("all", total, flush=True)
"""

TALK = """
import socket, sys
connection = socket.create_connection((sys.argv[1], 9000))
print("connected", flush=True)
for _ in range(int(sys.argv[2])):
    connection.sendall(bytes(1 << 16))
connection.close()
print("sent", flush=True)
"""

COUNT = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
server.bind(("0.0.0.0", 9000))
print("ready", flush=True)
count = 0
while server.recv(100) != b"end":
    count += 1
print("count", count, flush=True)
"""

SHOUT = """
import socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for word in [b"one"] * int(sys.argv[2]) + [b"end"] * 64:
    out.sendto(word, (sys.argv[1], 9000))
"""


def _flow(lan, pieces):
    listener = lan[1].start(["python3", "-c", LISTEN], name="listener")
    listener.wait_line("ready", lines=listener.out)
    talker = lan[0].start(["python3", "-c", TALK, lan[1].address, str(pieces)], name="talker")
    talker.wait_line("connected", lines=talker.out)
    return listener, talker


def counts_what_passes(lab):
    """Bytes of a connection are counted where they leave the host."""
    lan = lab.lan(2)
    before = lan[0].bytes_sent()
    listener, talker = _flow(lan, 64)
    listener.wait_line(f"all {4 * MIB}", lines=listener.out)
    check_equal(talker.wait(), 0, "talker")
    sent = lan[0].bytes_sent() - before
    check(4 * MIB <= sent <= 4.3 * MIB, f"{sent} bytes counted for {4 * MIB}")


def cut_and_restored(lab):
    """Nothing passes a cut cable, and what was under way arrives once it is back."""
    lan = lab.lan(2)
    lan[0].limit_rate("20mbit")
    listener, talker = _flow(lan, 64)
    listener.wait_line(r"\d", lines=listener.out)
    lan[0].cut()
    before = lan[0].bytes_sent()
    lan[0].run(["python3", "-c", SHOUT, lan[1].address, "10"])
    check_equal(lan[0].bytes_sent(), before, "bytes through a cut cable")
    lan[0].restore()
    listener.wait_line(f"all {4 * MIB}", lines=listener.out)
    check_equal(talker.wait(), 0, "talker")


def loses_packets(lab):
    """A lossy link loses about what it was told to."""
    lan = lab.lan(2)
    lan[1].lose(50)
    counter = lan[1].start(["python3", "-c", COUNT], name="counter")
    counter.wait_line("ready", lines=counter.out)
    # So few that all fit into the buffer of a counter that does not get to run meanwhile.
    lan[0].run(["python3", "-c", SHOUT, lan[1].address, "200"])
    arrived = int(counter.wait_line(r"count (\d+)", lines=counter.out)[1])
    check(60 <= arrived <= 140, f"{arrived} of 200 arrived where half should be lost")


def kills_connections(lab):
    """A killed connection is an error for who talks on it."""
    lan = lab.lan(2)
    lan[0].limit_rate("20mbit")
    listener, talker = _flow(lan, 4096)
    listener.wait_line(r"\d", lines=listener.out)
    lan[0].kill_connections(9000)
    check(talker.wait() != 0, "the talker noticed nothing")


def avahi_sees_avahi(lab):
    """Two hosts with a real avahi-daemon each: the witness sees what the other one publishes."""
    lan = lab.lan(2)
    first, second = mdns.Avahi(lan[0]), mdns.Avahi(lan[1])
    browse = first.browse()
    second.publish("witness", 4242, "v=1")
    browse.wait_line(r"^=;eth0;IPv4;witness;.*;10\.77\.0\.2;4242;", lines=browse.out)


def compares_trees(lab):
    """A tree equals its twin, and any difference is told."""
    first = make_tree(lab.path("one"), seed=5, files=12)
    second = make_tree(lab.path("two"), seed=5, files=12)
    compare(first, second)
    make_file(f"{second}/deep/er/added", 1)
    try:
        compare(first, second)
    except Failure as failure:
        check("added" in str(failure), "the difference is not named")
        return
    raise Failure("a difference was not seen")
