"""What programs have in common that are peers and do what their command line says, one step after
the other. Each line on standard output is something that happened: `id`, our own; `called`, by a
node; `met`, the id of a node after the handshake; `closed`, the node has hung up.

Steps of all of them:
    open            makes a connection, or waits for one; one that is there already is closed
    serve           takes any number of calls, and hears nothing but the handshake
    stranger        another key from now on
    wait            waits for a line on standard input
    closed          hears whatever comes until the node has hung up"""

import argparse
import os
import socket
import sys
import time

from opening import CONTROL_CONNECTION, Closed, node_id, open_as_initiator, open_as_responder
from primitives import BASE, x25519
from sealed import Sealed

PATIENCE = 60
LATER = 0.05  # seconds to a new try where the node closed the connection without a word


def say(*words):
    print(*words, flush=True)


class Steps:
    """A peer that calls HOST:PORT, or waits on :PORT. A step is a method that is named in `steps`;
    what follows `=` is its argument."""

    purpose = CONTROL_CONNECTION
    steps = ()
    common = ("open", "serve", "stranger", "wait", "closed")

    def __init__(self, arguments):
        host, _, port = arguments.address.rpartition(":")
        self.address = (host, int(port))
        self.listening = None if host else socket.create_server(self.address)
        self.secret = bytes.fromhex(arguments.key) if arguments.key else os.urandom(32)
        self.name = arguments.name.encode()
        self.sealed = None

    @property
    def public(self):
        return x25519(self.secret, BASE)

    @property
    def calls(self):
        return self.listening is None

    def open(self):
        if self.sealed is not None:
            self.sealed.connection.close()
        if self.calls:
            connection = socket.create_connection(self.address, PATIENCE)
            opened = open_as_initiator(connection, self.secret, self.name, self.purpose)
        else:
            connection, _ = self.listening.accept()
            connection.settimeout(PATIENCE)
            say("called")
            opened = open_as_responder(connection, self.secret, self.purpose)
        say("met", node_id(opened.peer))
        self.sealed = Sealed(connection, opened)

    def until_let_in(self, *steps):
        """Does these steps, of which the first opens a connection, again as long as the node closes
        it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                for step in steps:
                    step()
                return
            except (Closed, ConnectionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(LATER)

    def serve(self):
        while True:
            try:
                self.open()
            except (Closed, ConnectionError):
                say("closed")

    def stranger(self):
        self.secret = os.urandom(32)

    def wait(self):
        sys.stdin.readline()

    def closed(self):
        try:
            while True:
                self.hear()
        except (Closed, ConnectionError):
            say("closed")

    def hear(self):
        """Hears one message and says which."""
        raise NotImplementedError

    def run(self, steps):
        say("id", node_id(self.public))
        for step in steps:
            name, _, value = step.partition("=")
            if name not in (*self.common, *self.steps):
                raise SystemExit(f"there is no step {name!r}")
            getattr(self, name)(*([value] if value else []))


def arguments(description):
    """A parser of what all of these programs are given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--key", help="secret key in hexadecimal; random without it")
    parser.add_argument("--name", default="hostile", help="what it calls itself")
    parser.add_argument("address", help="HOST:PORT to call, :PORT to be called")
    parser.add_argument("step", nargs="+")
    return parser
