"""Real file systems on disks that are files: made, attached to loop devices, mounted. What is not
unmounted goes away with the mount namespace, and its loop devices with it."""

import ctypes
import errno
import fcntl
import os
import shutil
import stat
import struct

from lab import Skip
from lab.process import run

LOOP_CONFIGURE = 0x4C0A
LOOP_CTL_GET_FREE = 0x4C82
AUTOCLEAR = 4
LOOP_MAJOR = 7
# struct loop_config: descriptor, block size, loop_info64 with its flags, reserved.
LOOP_CONFIG = struct.Struct("=II 5Q 3I I 64s 64s 32s 2Q 64x")

MIB = 1 << 20
# name: size of the disk, and the command that makes one
KINDS = {
    "ext4": (48 * MIB, ["mkfs.ext4", "-q", "-F", "-J", "size=4", "-E",
                        "lazy_itable_init=0,lazy_journal_init=0"]),
    "xfs": (300 * MIB, ["mkfs.xfs", "-q", "-f"]),
    "btrfs": (128 * MIB, ["mkfs.btrfs", "-q", "-f"]),
}

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *arguments):
    if function(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}", arguments[0])


def _device(number, directory):
    """A node for a loop device: not every /dev has all of them."""
    path = os.path.join(directory, f"loop{number}")
    if not os.path.exists(path):
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(LOOP_MAJOR, number))
    return path


def _attach(file, directory):
    """(descriptor, device) of a free loop device that is the disk `file` now. It is free again when
    nobody has it open or mounted."""
    config = LOOP_CONFIG.pack(file, 0, 0, 0, 0, 0, 0, 0, 0, 0, AUTOCLEAR, b"", b"", b"", 0, 0)
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        while True:
            device = _device(fcntl.ioctl(control, LOOP_CTL_GET_FREE), directory)
            fd = os.open(device, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(fd, LOOP_CONFIGURE, config)
                return fd, device
            except OSError as error:
                os.close(fd)
                if error.errno != errno.EBUSY:  # somebody else was faster
                    raise
    finally:
        os.close(control)


class Volume:
    """The file system of `kind` on the disk that `file` is, mounted at `place`."""

    def __init__(self, kind, file, place, devices):
        self.place = place
        self.mounted = False
        os.makedirs(place, exist_ok=True)
        fd = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            loop, device = _attach(fd, devices)
        finally:
            os.close(fd)
        try:
            _call(_libc.mount, device.encode(), place.encode(), kind.encode(), 0, None)
        finally:
            os.close(loop)
        self.mounted = True

    def sync(self):
        fd = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _call(_libc.syncfs, fd)
        finally:
            os.close(fd)

    def unmount(self):
        if self.mounted:
            self.mounted = False
            _call(_libc.umount2, self.place.encode(), 0)


def make(kind, path):
    """An empty file system in a new sparse file."""
    size, command = KINDS[kind]
    with open(path, "wb") as file:
        file.truncate(size)
    run([*command, path])


def probe(kind, directory):
    """Mounts one of them, or skips with what this machine lacks."""
    tool = KINDS[kind][1][0]
    if shutil.which(tool) is None:
        raise Skip(f"probe: {tool}: there is none here")
    path = os.path.join(directory, "probe")
    try:
        make(kind, path)
        Volume(kind, path, f"{directory}/mnt", directory).unmount()
    except OSError as error:
        raise Skip(f"probe: {kind} on a loop device: {error}") from error
    finally:
        if os.path.exists(path):
            os.unlink(path)


def probe_fuse():
    if not os.path.exists("/dev/fuse"):
        raise Skip("probe: /dev/fuse: there is none here")
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        raise Skip(f"probe: /dev/fuse: {error}") from error
