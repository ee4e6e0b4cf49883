"""A relay between two nodes, which sees from outside when they meet and what goes over."""

import selectors
import socket
import threading
import time

STEP = 1 << 18


class Call:
    """One connection. `made` is when (time.monotonic)."""

    def __init__(self):
        self.made = time.monotonic()
        self.passed = []  # (when, bytes towards the target by then)

    def count(self, count):
        self.passed.append((time.monotonic(), self.bytes() + count))

    def bytes(self):
        return self.passed[-1][1] if self.passed else 0

    def reached(self, count):
        """When `count` bytes had gone over; infinite where they never did."""
        return next((when for when, total in self.passed if total >= count), float("inf"))


class Relay:
    """Takes connections on a `port` of its own on to `target`, an (address, port)."""

    def __init__(self, target):
        self.calls = []
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._changed = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def sent(self):
        """Bytes towards the target so far."""
        return sum(call.bytes() for call in self.calls)

    def wait_for(self, count):
        """Until so many went over."""
        with self._changed:
            self._changed.wait_for(lambda: self.sent() >= count)

    def close(self):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            call = Call()
            self.calls.append(call)
            threading.Thread(target=self._pass_on, args=(near, far, call), daemon=True).start()

    def _pass_on(self, near, far, call):
        with near, far, selectors.DefaultSelector() as ready:
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            try:
                while all(self._pass(key, call, near) for key, _ in ready.select()):
                    pass
            except OSError:
                pass  # one of them is gone: so is the other, from here

    def _pass(self, key, call, near):
        """Whether there was something to pass on."""
        data = key.fileobj.recv(STEP)
        key.data.sendall(data)
        if key.fileobj is near:
            with self._changed:
                call.count(len(data))
                self._changed.notify_all()
        return bool(data)
