"""A node that a service manager looks after, with one fault in it.

    fault = Fault("session.2", "fdatasync", 1)              # killed there
    fault = Fault("daemon.1", "pwrite64", 3, "ENOSPC")      # or that one call fails, or "short"
    service = Service(node, fault=fault)                    # node: of the laboratory, not started
    service.up()                                            # once it is ready, however often it died
    ... node.command("send", ...) ...
    service.down()                                          # ends it, and it must end well
    service.struck()                                        # whether the call was ever made

Only the first start of the daemon has the fault in it; when the daemon dies of it, it is started again
at once, without, as `Restart=on-failure` would; `statuses` tells how each run ended. With `log`
instead of a fault every call of the daemon and of what it starts is written down: read_log() reads
that, with MARK among them where mark() was called. What PROCESS and N mean, and how a program is
traced, says trace.c."""

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

Fault = collections.namedtuple("Fault", "process call n action", defaults=("kill",))
MARK = None


def read_log(path):
    """The calls in the order in which they began, as faults that kill there; MARK for marks."""
    with open(path, encoding="ascii") as file:
        words = [line.split() for line in file]
    return [MARK if word == ["mark"] else Fault(word[0], word[1], int(word[2])) for word in words]


class Service:
    def __init__(self, node, fault=None, log=None):
        self.node = node
        self.fault = fault
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
        """Says where in the log this is."""
        if self.log:
            self.runs[0].signal(signal.SIGUSR1)

    def struck(self):
        """Whether the call of the fault was made, as far as is heard; where something has gone wrong
        that only the fault excuses, wait_struck() waits to hear it."""
        return any(line.startswith(f"{SAYS}{self.fault.process} ") for line in self.runs[0].err)

    def wait_struck(self):
        check(self.fault, f"{self.node.name}: something went wrong without a fault")
        self.runs[0].wait_line(f"^{SAYS}{self.fault.process} ")

    def _check(self):
        if self._failure:
            raise self._failure

    def _through(self):
        if self.runs or not (self.fault or self.log):
            return []
        options = ["-l", self.log] if self.log else []
        if self.fault:
            options += ["-a", f"{self.fault.process}:{self.fault.call}:{self.fault.n}",
                        "-d", self.fault.action]
        return [tracer(), *options]

    def _has_ended(self, process):
        """Or is about to."""
        killed = self.fault and process is self.runs[0] and self._kills_daemon() and self.struck()
        return killed or process.ended() or any(map(re.compile(ENDED).search, process.err))

    def _kills_daemon(self):
        """`fxnode` becomes the daemon."""
        return self.fault.action == "kill" and self.fault.process in ("fxnode.1", "daemon.1")

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
        if self.node.through and not self.log:
            process.wait_line(ENDED, patience=threading.TIMEOUT_MAX)
            return int(process.wait_line(f"{ENDED} (.*)$")[1])
        return process.wait(threading.TIMEOUT_MAX)

    def _manage(self):
        try:
            while not self.statuses or self.statuses[-1] != 0:
                check(len(self.statuses) < 2, f"{self.node.name}: it dies again and again")
                self.statuses.append(self._run_once())
                status = self.statuses[-1]
                check(status == 0 or (self.fault and self.struck()),
                      f"{self.node.name}: the daemon ended with {status}")
            check(self._stopping, f"{self.node.name}: the daemon ended by itself")
        except Failure as failure:
            self._failure = failure
        finally:
            self._notify()
