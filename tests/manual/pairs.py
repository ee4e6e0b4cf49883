#!/usr/bin/env python3
"""Another program that pairs, written from fxnode-protocol(7) and not from its code, does so with a
real node: as the one that types a code, and as the one that shows it.

    tests/manual/pairs.py PROGRAM"""

import os
import socket
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "peer"), os.path.join(HERE, "..", "scenarios")]

from lab import Failure, check_equal  # noqa: E402
from lab import process  # noqa: E402
from lab.network import Loopback  # noqa: E402
from lab.node import PROGRAM, Node  # noqa: E402
from opening import node_id  # noqa: E402
from primitives import BASE, x25519  # noqa: E402

PEER = os.path.join(HERE, "..", "peer", "pairing.py")
HONEST_CALL = ("open", "share", "hear", "tag", "hear")
HONEST_ANSWER = ("open", "hear", "share", "hear", "tag")


def peer(node, secret, name, address, *steps):
    return node.host.start([sys.executable, "-B", PEER, "--key", secret.hex(), "--name", name,
                            address, *steps], name=name)


def ended(program, status=0):
    check_equal(program.wait(), status, f"the status\n{program.said()}")
    return program.out


def other_code(code):
    return f"{(int(code) + 1) % 10**8:08}"


def heard(lines):
    return [line for line in lines if line.startswith("heard ")]


def the_node_shows(node, secret):
    """A wrong code costs a try and tells nothing, a run that stops costs none; the right one
    pairs."""
    window = node.command("pair")
    shown = window.wait_line(r"^(\d{4}) (\d{4})$", window.out)
    code = shown[1] + shown[2]
    wrong = peer(node, secret, "typist", node.at, f"code={other_code(code)}",
                 *HONEST_CALL, "closed")
    check_equal(heard(ended(wrong)), ["heard share attic", "heard zeros"], "a wrong code")
    ended(peer(node, secret, "typist", node.at, f"code={other_code(code)}",
               *3 * ("open", "share", "hear")))
    right = peer(node, secret, "typist", node.at, f"code={code}", *HONEST_CALL, "closed")
    check_equal(heard(ended(right)), ["heard share attic", "heard right"], "the right code")
    ended(window)
    tried = [line for line in window.err if "wrong code" in line]
    check_equal(len(tried), 1, f"wrong codes that were counted\n{window.said()}")
    check_equal(node.paired(), {"typist": node_id(x25519(secret, BASE))}, "who is paired")


def no_code_is_shown(node, secret):
    """Then the connection is closed after the handshake."""
    late = peer(node, secret, "late", node.at, "open", "closed")
    check_equal(ended(late)[1:], [f"met {node.id.replace('-', '')}", "closed"], "a late one")


def the_node_asks(node, secret, typed, status, tag):
    """`tag` is what the peer finds Ta to be."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shows = peer(node, secret, "shower", f":{port}", "code=04711815", *HONEST_ANSWER, "closed")
    shows.wait_line("^id ", shows.out)
    node.run("pair", f"127.0.0.1:{port}", status=status, typed=typed)
    check_equal(heard(ended(shows)), ["heard share", tag], "what the peer heard")


def main():
    os.environ[PROGRAM] = os.path.abspath(sys.argv[1])
    first, second = os.urandom(32), os.urandom(32)
    with tempfile.TemporaryDirectory(prefix="fxnode-pairs-") as directory:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        node = Node(Loopback("attic", os.path.join(directory, "run")), directory,
                    config={"discovery": "off", "listen": f"127.0.0.1:{port}"})
        try:
            node.start()
            the_node_shows(node, first)
            no_code_is_shown(node, second)
            the_node_asks(node, second, "0471 1816\n", 6, "heard wrong")
            the_node_asks(node, second, "0471 1815\n", 0, "heard right")
            check_equal(node.paired()["shower"], node_id(x25519(second, BASE)), "who is paired")
            node.stop()
        except (Failure, OSError) as failure:
            print(f"FAILED: {failure!r}\n{process.said_by_all()}")
            return 1
        finally:
            process.stop_all()
    print("paired both ways, and with the right code only")
    return 0


if __name__ == "__main__":
    sys.exit(main())
