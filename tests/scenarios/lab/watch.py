"""Waiting for what happens in a directory, told by the kernel (inotify(7))."""

import contextlib
import ctypes
import os
import select
import time

from .errors import Failure
from .process import patient

IN_OPEN = 0x20
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200
_libc = ctypes.CDLL(None, use_errno=True)


def wait_until(directory, holds, what, patience=None):
    """Waits until holds() is true, asked again whenever a name in `directory` comes or goes."""
    deadline = time.monotonic() + patient(patience)
    descriptor = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    try:
        mask = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM
        if _libc.inotify_add_watch(descriptor, os.fsencode(directory), mask) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch", directory)
        while not holds():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise Failure(f"{directory}: {what} did not come to pass; it holds "
                              f"{os.listdir(directory)}")
            os.read(descriptor, 1 << 16)
    finally:
        os.close(descriptor)


def wait_for(path, patience=None):
    """Waits until `path` exists; its directory has to exist already."""
    name = os.path.basename(path)
    wait_until(os.path.dirname(path), lambda: os.path.lexists(path), f"{name!r} is there", patience)


def wait_gone(path, patience=None):
    """Waits until `path` does not exist."""
    name = os.path.basename(path)
    wait_until(os.path.dirname(path), lambda: not os.path.lexists(path), f"{name!r} is gone",
               patience)


@contextlib.contextmanager
def unopened(path):
    """Nobody opens `path` meanwhile."""
    descriptor = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    try:
        if _libc.inotify_add_watch(descriptor, os.fsencode(path), IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch", path)
        yield
        if select.select([descriptor], [], [], 0)[0]:
            raise Failure(f"{path} was opened")
    finally:
        os.close(descriptor)
