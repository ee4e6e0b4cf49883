"""A node that a service manager looks after, with a fault in it, or one in each of its first starts.

    fault = Fault("session.2", "fdatasync", 1)              # killed there
    fault = Fault("daemon.1", "pwrite64", 3, "ENOSPC")      # or that one call fails, or "short"
    service = Service(node, [fault])                        # node: of the laboratory, not started
    service.up()                                            # once it is ready, however often it died
    ... node.command("send", ...) ...
    service.down()                                          # ends it, and it must end well
    service.struck()                                        # of how many the call was made

Each start of the daemon has the next fault in it; when the daemon dies of it, it is started again at
once, as `Restart=on-failure` would, at last without any; `statuses` tells how each run ended. With
`log` every call of the daemon and of what it starts is written down from the first start on that has
no fault: read_log() reads that, with MARK among them where mark() was called. What PROCESS and N
mean, and how a program is traced, says trace.c."""

import collections
import re
import signal
import threading

from lab import Failure, check
from lab.node import READY
from lab.process import PATIENCE
from lab.trace import tracer

SAYS = "fault-trace: "
ENDED = "^fault-trace: ended"
DAEMON = ("fxnode.1", "daemon.1")

MARK = None


class Fault(collections.namedtuple("Fault", "process call n action", defaults=("kill",))):
    def __str__(self):
        return f"{self.process}:{self.call}:{self.n}"

    @property
    def kills_daemon(self):
        """`fxnode` becomes the daemon."""
        return self.action == "kill" and self.process in DAEMON


def read_log(path):
    """The calls in the order in which they began, as faults that kill there; MARK for marks."""
    with open(path, encoding="ascii") as file:
        words = [line.split() for line in file]
    return [MARK if word == ["mark"] else Fault(word[0], word[1], int(word[2])) for word in words]


class Service:
    def __init__(self, node, faults=(), log=None):
        self.node = node
        self.faults = faults
        self.log = log
        self.runs = []  # of the daemon: processes; the last one is the present one
        self.statuses = []  # how they ended, in order
        self._stopping = False
        self._told = []  # the runs that were told to end
        self._ready = 0  # so many runs have become so
        self._failure = None
        self._changed = threading.Condition()
        self._manager = threading.Thread(target=self._manage, daemon=True)

    def start(self):
        """Starts it; see ready()."""
        self._manager.start()
        return self

    def up(self):
        """Starts it, and returns when it is ready."""
        self.start().ready()
        return self

    def ready(self):
        """Waits until the present run of the daemon is ready, and returns it; after a fault that is
        the next one."""
        def settled():
            return self._failure or (self.runs and self._ready == len(self.runs)
                                     and not self._has_ended(self.runs[-1]))
        with self._changed:
            done = self._changed.wait_for(settled, PATIENCE)
        self._check()
        check(done, f"{self.node.name}: it does not get ready")
        return self.runs[-1]

    def down(self):
        """Ends the daemon as systemd would; one that dies of its fault just then is started once
        more, so that it can end well."""
        present = self.ready()
        self._stopping = True
        self._end(present)
        self._manager.join(PATIENCE)
        self._check()
        check(not self._manager.is_alive(), f"{self.node.name}: does not end")

    def abandon(self):
        """Ends what still runs after a failure."""
        self._stopping = True
        for process in self.runs:
            if not process.ended():
                process.kill()
        if self._manager.is_alive():
            self._manager.join(PATIENCE)

    def mark(self):
        """Says where in the log this is, where it began with the first start."""
        if self._is_logged(0):
            self.runs[0].signal(signal.SIGUSR1)

    def struck(self):
        """Of how many faults the call was made, as far as is heard; where something has gone wrong
        that only so many of them excuse, wait_struck() waits to hear it."""
        return sum(map(self._has_struck, range(len(self.faults))))

    def wait_struck(self, count):
        self.runs[count - 1].wait_line(f"^{SAYS}{self.faults[count - 1].process} ")

    def _check(self):
        if self._failure:
            raise self._failure

    def _has_struck(self, number):
        return number < len(self.runs) and any(
            line.startswith(f"{SAYS}{self.faults[number].process} ")
            for line in self.runs[number].err)

    def _through(self):
        """What the next run goes through."""
        number = len(self.runs)
        if number < len(self.faults):
            fault = self.faults[number]
            return [tracer(), "-a", f"{fault.process}:{fault.call}:{fault.n}", "-d", fault.action]
        return [tracer(), "-l", self.log] if self._is_logged(number) else []

    def _is_logged(self, number):
        return self.log and number == len(self.faults)

    def _has_ended(self, process):
        """Or is about to."""
        number = self.runs.index(process)
        killed = (number < len(self.faults) and self.faults[number].kills_daemon
                  and self._has_struck(number))
        return killed or process.ended() or any(map(re.compile(ENDED).search, process.err))

    def _notify(self):
        with self._changed:
            self._changed.notify_all()

    def _end(self, process):
        """Tells a run to end, once: another signal could find it without a handler, almost gone."""
        with self._changed:
            told, self._told = process in self._told, [*self._told, process]
        if not told:
            process.signal(signal.SIGTERM)

    def _run_once(self):
        """One run of the daemon from its start to its end; its status. A log is whole once who writes
        it has ended, too."""
        self.node.through = self._through()
        process = self.node.launch()
        self.runs.append(process)
        line = process.wait_line(f"{READY}|{ENDED}")
        if line.groupdict().get("id"):
            self.node.id, self.node.port = line["id"], int(line["port"])
            self._ready = len(self.runs)
            self._notify()
        if self._stopping:
            self._end(process)
        if self.node.through and not self._is_logged(len(self.runs) - 1):
            process.wait_line(ENDED, patience=threading.TIMEOUT_MAX)
            return int(process.wait_line(f"{ENDED} (.*)$")[1])
        return process.wait(threading.TIMEOUT_MAX)

    def _manage(self):
        try:
            while not self.statuses or self.statuses[-1] != 0:
                status = self._run_once()
                struck = len(self.statuses) < len(self.faults) and self._has_struck(
                    len(self.statuses))
                check(status == 0 or struck, f"{self.node.name}: the daemon ended with {status}")
                self.statuses.append(status)
            check(self._stopping, f"{self.node.name}: the daemon ended by itself")
        except Failure as failure:
            self._failure = failure
        finally:
            self._notify()
