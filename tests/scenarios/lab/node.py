"""An fxnode node on a host: its daemon, its directories and its commands."""

import os
import time

from .errors import Failure, check
from .isolate import search_path
from .process import PATIENCE
from .watch import wait_gone

PROGRAM = "FXNODE_PROGRAM"
READY = r"^fxnode: (?P<name>.*) \((?P<id>[a-z2-7-]{62})\) is listening on port (?P<port>\d+)$"

# What the programs under test may see of the environment of the one who runs the tests.
PASSED_ON = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH")

BOUND = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def program():
    return os.environ[PROGRAM]


def _arguments(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class Node:
    """One node with a home of its own. `config` holds keys of fxnode.conf, `env` variables that
    its daemon sees, `arguments` more of its command line; `bounded` takes from its daemon the
    right of root to read and write what modes forbid."""

    def __init__(self, host, home, name=None, config=None, env=None, arguments=(),
                 bounded=False):
        self.host = host
        self.name = name or host.name
        self.home = os.path.join(home, self.name)
        self.files = os.path.join(self.home, "files")
        self.runtime = os.path.join(host.run_directory, self.name)
        self.config = {"accept": "all", **(config or {})}
        self.env = env or {}
        self.arguments = list(arguments)
        self.bounded = bounded
        self.through = []  # a program and its options that runs the daemon
        self.daemon = None
        self.id = None
        self.port = None
        for directory in (self.home, self.files, f"{self.home}/config/fxnode"):
            os.makedirs(directory)
        os.mkdir(self.runtime, 0o700)
        self._write_config()

    @property
    def state(self):
        return os.path.join(self.home, "state", "fxnode")

    def _write_config(self):
        keys = {"name": self.name, "files": self.files, **self.config}
        with open(f"{self.home}/config/fxnode/fxnode.conf", "w", encoding="utf-8") as file:
            file.writelines(f"{key} = {value}\n" for key, value in keys.items())

    def environment(self):
        result = {"PATH": search_path(), "LANG": "C.UTF-8", "HOME": self.home,
                  "XDG_STATE_HOME": f"{self.home}/state", "XDG_CONFIG_HOME": f"{self.home}/config",
                  "XDG_RUNTIME_DIR": self.runtime}
        if self.host.bus is not None:
            result["DBUS_SYSTEM_BUS_ADDRESS"] = self.host.bus
        result.update((key, os.environ[key]) for key in PASSED_ON if key in os.environ)
        return result

    def configure(self, **keys):
        """Changes the configuration of the next start."""
        self.config.update(keys)
        self._write_config()

    def launch(self, **env):
        """Starts the daemon without waiting for it."""
        self.daemon = self.host.start(
            [*(BOUND if self.bounded else ()), *self.through, program(), "daemon",
             *self.arguments],
            env={**self.environment(), **self.env, **env}, name=self.name)
        return self.daemon

    def start(self, **env):
        """Starts the daemon and waits until it says that it is ready."""
        self.launch(**env)
        ready = self.daemon.wait_line(READY)
        check(self.id in (None, ready["id"]), f"{self.name}: a restart changed the id")
        self.id = ready["id"]
        self.port = int(ready["port"])
        return self

    def stop(self):
        """Ends the daemon as a person or systemd would; it must say goodbye with status 0."""
        status = self.daemon.stop()
        check(status == 0, f"{self.name}: the daemon ended with {status}\n{self.daemon.said()}")

    def kill(self):
        self.daemon.kill()

    def restart(self, **env):
        self.stop()
        return self.start(**env)

    @property
    def at(self):
        """host:port, for commands of other nodes."""
        return f"{self.host.address}:{self.port}"

    def command(self, *arguments, env=None, **options):
        """Starts `fxnode ARGUMENTS` as a command of this node's user; options are those of
        Process."""
        return self.host.start([program(), *arguments], env={**self.environment(), **(env or {})},
                               name=f"{self.name}-{arguments[0] if arguments else 'fxnode'}",
                               **options)

    def run(self, *arguments, status=0, patience=None, typed=None):
        """Runs a command to its end, with what is typed as its standard input; it must end with
        `status`. Returns the ended process."""
        command = self.command(*arguments, typed=typed is not None)
        if typed is not None:
            command.type(typed, last=True)
        got = command.wait(patience)
        if got != status:
            raise Failure(f"{' '.join(arguments)}: status {got} instead of {status}\n"
                          f"{command.said()}\n{self.daemon.said() if self.daemon else ''}")
        return command

    def send(self, peer, *paths, status=0, patience=None):
        """`fxnode send` to another Node by its address, or to what a string names."""
        return self.run("send", peer if isinstance(peer, str) else peer.at, *paths, status=status,
                        patience=patience)

    def helpers(self, kind=""):
        """Process ids of the daemon's helper processes, or of those of one kind ("session")."""
        pid = self.daemon.popen.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            pids = [int(child) for child in file.read().split()]
        return [pid for pid in pids if kind in _arguments(pid)]

    def wait_crash(self, patience=None):
        """Waits until a process of the node has reached its crash point (base/crash.h)."""
        return self.daemon.wait_line("^fxnode: crash point ", patience=patience)

    def recover(self):
        """Kills what is left of a node with a crash point in it and starts it anew without."""
        self.kill()
        return self.start(FXNODE_CRASH="")

    def transfers(self, *arguments):
        """The open transfers (and all of them with --all), as JSON objects."""
        return [event for event in self.run("transfers", "--json", *arguments).events()
                if event["event"] == "transfer"]

    def wait_transfers(self, wanted, what, *arguments):
        """Asks for transfers (transfers()) until wanted(those listed) is true."""
        deadline = time.monotonic() + PATIENCE
        while not wanted(listed := self.transfers(*arguments)):
            check(time.monotonic() < deadline, f"{self.name}: not {what}: {listed}")

    def peers(self):
        """The peers that are remembered or announced, as JSON objects."""
        return [event for event in self.run("peers", "--json", "--wait", "0").events()
                if event["event"] == "peer"]

    def paired(self):
        """{alias: id} of the paired ones."""
        return {peer["name"]: peer["id"] for peer in self.peers() if peer["paired"] != 0}

    def knows(self, other, alias=None):
        """Makes another node a paired peer of this one, as people do by other means than a code."""
        line = other.run("export").out[0]
        if alias is not None:
            line = " ".join([*line.split(" ")[:2], alias])
        self.run("import", typed=line + "\n")

    def received(self, name):
        return os.path.join(self.files, name)

    def check_tidy(self):
        """Nothing is left in the staging area of received files. The receiver tidies up once it has
        told the sender, so this waits for it."""
        wait_gone(os.path.join(self.files, ".fxnode"))

    def check_listed(self, *names):
        """The directory for received files holds these names and no others."""
        found = sorted(name for name in os.listdir(self.files) if name != ".fxnode")
        check(found == sorted(names), f"{self.files} holds {found}, not {sorted(names)}")
