"""One side alone loses its power, in the middle of a transfer: its processes are killed, its disks are
what may be left of them at this place in the log, and it is started again. The other side lives on
with all that it had in memory, and goes on by itself."""

import contextlib
import random
import signal
import threading
from dataclasses import dataclass

import checks
import recording as recordings
import stations
import trial
import workloads
from disklog import FLUSH, MARK
from lab import Failure, check_equal
from lab.process import run as run_command

FIREWALL = "ip cut"
PORTS = {"receiver": "sport = {receiver} or dport = {sender}",
         "sender": "sport = {sender} or dport = {receiver}"}


@dataclass
class Plan:
    """Which side, when (at the COUNT-th record of a kind after both are ready), what is left on its
    disks, whether the other one hears nothing any more, as from a machine without power, rather than
    that connections are closed, as from one that was reset; and whether somebody else syncs."""

    side: str
    kind: int
    count: int
    choices: dict
    silent: bool
    restless: object

    @classmethod
    def drawn(cls, source, recording, can_be_silent):
        """One like the cuts of a recording of the same."""
        log = recording.log
        side = source.choice(["receiver", "sender"])
        kind = source.choice([0, FLUSH, MARK])
        ready = log.after(MARK, recordings.READY)[-1]
        count = sum(kind in (0, record.kind) for record in log.records[ready:])
        return cls(side, kind, source.randint(1, max(1, count)),
                   trial.choices(source, recording.images, side),
                   source.random() < 0.5 and can_be_silent,
                   random.Random(source.getrandbits(32)) if source.random() < 0.4 else None)


class Network:
    """Between the two. While it is down nothing comes in, and nobody is told."""

    def __init__(self, silent):
        self.silent = silent
        self.is_down = False

    def down(self):
        if self.silent:
            self.is_down = True
            run_command(["nft", "add", "table", *FIREWALL.split()])
            run_command(["nft", "add", "chain", *FIREWALL.split(), "in",
                         "{ type filter hook input priority 0; policy drop; }"])

    def forget(self, side, **ports):
        """What a machine without power would not send any more. `ports`: of each side."""
        if self.silent:
            run_command(["ss", "-K", *PORTS[side].format(**ports).split()])

    def up(self):
        if self.is_down:
            self.is_down = False
            run_command(["nft", "delete", "table", *FIREWALL.split()])


def probe_silence():
    """Whether a machine can be silent here; says so where not."""
    network = Network(True)
    try:
        network.down()
        network.forget("receiver", receiver=1, sender=1)
        return True
    except (Failure, OSError) as failure:
        print(f"nobody falls silent: {failure}", flush=True)
        return False
    finally:
        with contextlib.suppress(Failure, OSError):
            network.up()


class Live:
    """One such case: try_it() fails where something does not hold."""

    def __init__(self, recording, plan, logdisk, env):
        self.base = recording.base
        self.workload = workloads.ALL[recording.workload]
        self.plan = plan
        self.network = Network(plan.silent)
        self.bench = self.base.bench(self.workload.config)
        self.node = getattr(self.bench, plan.side)
        for node in self.bench.nodes:
            node.env.update(env)
        self.run = recordings.Logged(self.bench, self.base.put(), logdisk)
        self.client = None
        self.position = None

    def try_it(self):
        try:
            self._start()
            self._cut()
            self._recover()
        finally:
            self.network.up()
            self.run.close()

    def _start(self):
        for node in (self.bench.receiver, self.bench.sender):
            self.run.start(node)
        self.run.hold(self.plan.kind, self.plan.count)
        self.client = self.workload.begin(self.run)
        threading.Thread(target=self._hold_at_end, daemon=True).start()

    def _hold_at_end(self):
        """Where the place is not reached the end is one."""
        with contextlib.suppress(Failure, OSError):
            self.client.wait(90)
            self.run.hold(MARK, 1)
            self.run.mark("the end")

    def _cut(self):
        restless = self.plan.restless
        other = recordings.Restless(self.bench, restless) if restless is not None else None
        try:
            self.position = self.run.wait_held()
            self.network.down()
            # First: one that finds no node would begin one.
            if self.node is self.bench.sender:
                self.client.signal(signal.SIGKILL)
            stations.end([self.node], self.run.go_on)
        finally:
            self.run.go_on()
            if other is not None:
                other.stop()
        self.network.forget(self.plan.side, **{node.name: node.port for node in self.bench.nodes})
        if self.node is self.bench.sender:
            self.client.kill()

    def _put_back(self):
        """The disks, as they may be. Returns what was promised."""
        log = self.run.log()
        mine = [disk for disk in self.bench.disks if disk in trial.SIDES[self.plan.side]]
        self.bench.unmount(mine)
        paths = recordings.image_paths(f"{disk}-after" for disk in mine)
        for disk, path in zip(mine, paths.values()):
            log.state(self.base.images[disk], disk, self.position, self.plan.choices[disk], path)
        self.node.forget_running()
        self.bench.mount(dict(zip(mine, paths.values())))
        return checks.Promises(log.marks())

    def _recover(self):
        promises = self._put_back()
        found = checks.Found(self.bench, self.workload, promises, [self.node])
        found.check()
        self.network.up()
        again = len(self.run.log())
        self.run.start(self.node)
        check_equal(self.node.id, promises.ids[self.node.name], f"id of the {self.node.name}")
        if self.node is self.bench.receiver:
            check_equal(self.client.wait(90), 0, f"status of send\n{self.client.said()}")
            self.bench.receiver.check_tidy()
        else:
            trial.complete(self.run, self.workload)
        checks.check_end(self.bench, self.workload, self.bench.nodes)
        log = self.run.log()
        before, after = (checks.arrivals(line for name, line in marks if name == "receiver")
                         for marks in (log.marks(again), log.marks(begin=again)))
        self.bench.stop()
        found.check_again(before, after)
        checks.check_stopped(self.bench)
