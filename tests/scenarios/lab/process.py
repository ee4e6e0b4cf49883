"""Started programs. Their output is read as it comes, so that a scenario waits for a line and
never for a time; every one is stopped by its own process id when the scenario ends."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time

from .errors import Failure, Late

# Sanitizers and busy machines need more patience; no test depends on a deadline being short.
_FACTOR = float(os.environ.get("FXNODE_LAB_PATIENCE", "1"))
PATIENCE = 60.0 * _FACTOR


def patient(seconds):
    """How long to wait for what takes so long on a quiet machine at most; None: not for long."""
    return max(PATIENCE, _FACTOR * (seconds or 0))


# A fault in a helper process is one, too: its node says by which signal it ended.
DAMAGE = re.compile(r"ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:|Assertion .* failed|"
                    r"killed by signal (4|6|7|8|11)\b")

_started = []


class Process:
    """A running program with its lines: `out` of standard output, `err` of standard error. Its
    standard input is `terminal`, a pipe with `typed` (see type()), or empty."""

    def __init__(self, argv, env=None, name=None, cwd=None, terminal=None, typed=False):
        self.name = name or os.path.basename(argv[0])
        self.argv = argv
        self.out = []
        self.err = []
        self._changed = threading.Condition()
        self._open = 2
        self.popen = subprocess.Popen(
            argv, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.PIPE if typed else terminal or subprocess.DEVNULL)
        _started.append(self)
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.popen.stdout, self.out), (self.popen.stderr, self.err))]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe, lines):
        for raw in pipe:
            with self._changed:
                lines.append(raw.decode("utf-8", "surrogateescape").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _wait_for(self, found, what, patience):
        """Waits until found() gives something; fails when the output or the patience ends."""
        deadline = time.monotonic() + patient(patience)
        with self._changed:
            while True:
                result = found()
                if result:
                    return result
                left = deadline - time.monotonic()
                if self._open == 0 or left <= 0:
                    failure, why = ((Failure, "ended") if self._open == 0
                                    else (Late, "said nothing more"))
                    raise failure(f"{self.name}: {why} before {what}\n{self.said()}")
                self._changed.wait(left)

    def wait_line(self, pattern, lines=None, patience=None, after=0):
        """The match of the first line at or after index `after` (of standard error unless told
        otherwise)."""
        compiled = re.compile(pattern)
        source = self.err if lines is None else lines

        def found():
            return next(filter(None, map(compiled.search, source[after:])), None)
        return self._wait_for(found, f"a line like {pattern!r}", patience)

    def type(self, text, last=False):
        """Writes to the standard input of a program that was started with `typed`, and ends it with
        the `last` text. A program that has ended without reading it says why by itself."""
        try:
            self.popen.stdin.write(text.encode())
            self.popen.stdin.flush()
            if last:
                self.popen.stdin.close()
        except BrokenPipeError:
            pass

    def events(self):
        """The JSON objects on standard output so far."""
        result = []
        for line in list(self.out):
            try:
                result.append(json.loads(line))
            except ValueError as error:
                raise Failure(f"{self.name}: not JSON: {line!r}: {error}") from error
        return result

    def wait_event(self, wanted, what, patience=None, after=0):
        """The first JSON object at or after line `after` of standard output for which wanted(object)
        is true."""
        seen = after

        def found():
            nonlocal seen
            while seen < len(self.out):
                seen += 1
                event = json.loads(self.out[seen - 1])
                if wanted(event):
                    return event
            return None
        return self._wait_for(found, what, patience)

    def wait(self, patience=None):
        """The exit status (negative: the signal) once it has ended and all is read."""
        try:
            status = self.popen.wait(patient(patience))
        except subprocess.TimeoutExpired:
            raise Late(f"{self.name}: still running\n{self.said()}") from None
        for reader in self._readers:
            reader.join(PATIENCE)
        self._look_for_damage()
        return status

    def ended(self):
        return self.popen.poll() is not None

    def signal(self, number):
        if not self.ended():
            self.popen.send_signal(number)

    def stop(self):
        """SIGTERM, then SIGKILL for one that does not listen, which is a failure."""
        if self.ended():
            return self.wait()
        self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except Failure:
            self.kill()
            raise

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.popen.wait()

    def _look_for_damage(self):
        if any(DAMAGE.search(line) for line in self.err):
            raise Failure(f"{self.name}: a sanitizer or an assertion spoke\n{self.said()}")

    def said(self):
        lines = [f"  {self.name}> {line}" for line in self.out[-15:]]
        lines += [f"  {self.name}! {line}" for line in self.err[-40:]]
        return "\n".join(lines)


def stop_all():
    """Ends whatever still runs, the last one started first."""
    while _started:
        process = _started.pop()
        if not process.ended():
            process.kill()


def forget_ended():
    """Lets go of those that have ended, which keep their pipes: for those who start thousands. Any
    thread; another one may have let go of the same one."""
    for process in list(_started):
        if process.ended():
            with contextlib.suppress(ValueError):
                _started.remove(process)


def said_by_all():
    return "\n".join(filter(None, (process.said() for process in _started)))


def run(argv, env=None, patience=None, accept=(0,)):
    """Runs a program to its end; returns its standard output."""
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=patient(patience))
    if done.returncode not in accept:
        raise Failure(f"{' '.join(argv)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout
