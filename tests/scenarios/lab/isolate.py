"""Runs a Python file in network, mount and process namespaces of its own, with root rights in them
(a user namespace where we are not root). When the outer process ends, in whatever way, the kernel
takes everything inside away with it."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

from .errors import Skip

INSIDE = "FXNODE_LAB_INSIDE"
WORK = "FXNODE_LAB_WORK"
SKIPPED = 77
PREFIX = "fxnode-lab-"


def inside():
    return INSIDE in os.environ


def work_directory():
    return os.environ[WORK]


def _unshare():
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *user, "--net", "--mount", "--pid",
            "--mount-proc", "--fork", "--kill-child", "--propagation", "private"]


def probe():
    """What keeps namespaces from working here, or None."""
    script = ("mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add probe && "
              "ip link add name br0 type bridge mcast_snooping 0 && "
              "ip link add p1 type veth peer name eth0 netns probe && "
              "ip netns exec probe ip link set lo up")
    try:
        done = subprocess.run([*_unshare(), "sh", "-c", script], capture_output=True, text=True,
                              env={**os.environ, "PATH": search_path()})
    except OSError as error:
        return f"probe: network namespaces: {error}"
    if done.returncode == 0:
        return None
    return f"probe: network namespaces: {(done.stderr or 'failed without a word').strip()}"


def search_path():
    """ip, tc, nft and avahi-daemon are in directories that users do not have in their PATH."""
    return os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"


def remove(directory):
    """Removes a tree, read-only directories included. Another run may do the same."""
    def writable(function, path, failure):
        with contextlib.suppress(FileNotFoundError):
            if isinstance(failure[1], FileNotFoundError):
                return
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IRWXU)
            function(path)
    if os.path.lexists(directory):
        shutil.rmtree(directory, onerror=writable)


def _is_abandoned(entry):
    """A working directory of ours whose process is gone."""
    owner = entry.name.removeprefix(PREFIX).split("-")[0]
    if not entry.name.startswith(PREFIX) or not owner.isdigit():
        return False
    with contextlib.suppress(FileNotFoundError):
        return (entry.stat(follow_symlinks=False).st_uid == os.geteuid()
                and not os.path.exists(f"/proc/{owner}"))
    return False


def _remove_abandoned(parent):
    """Working directories of runs that were killed, which could not tidy up."""
    for entry in os.scandir(parent):
        if _is_abandoned(entry):
            remove(entry.path)


def run_outside(argv, keep):
    """Runs `argv` (a Python file with its arguments) inside; returns its exit status."""
    lacking = probe()
    if lacking:
        raise Skip(lacking)
    parent = os.environ.get("FXNODE_LAB_DIR") or tempfile.gettempdir()
    _remove_abandoned(parent)
    work = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent)
    child = None

    def stop(number, _):
        raise KeyboardInterrupt(signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    try:
        child = subprocess.Popen(
            [*_unshare(), sys.executable, "-S", *argv], stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": search_path(), INSIDE: "1", WORK: work})
        return child.wait()
    except KeyboardInterrupt as interrupt:
        print(f"interrupted ({interrupt})", file=sys.stderr)
        return 130
    finally:
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()
        if keep:
            print(f"kept: {work}")
        else:
            remove(work)


def prepare_inside():
    """A private /run for named network namespaces, sockets and avahi."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)
    for name in ("/run/netns", "/run/lab", "/run/avahi-daemon"):
        os.mkdir(name)
