"""A disk that can be taken out of a running machine and put in again: a file system of its own, bound
to a directory. Taken out, the directory is an empty one of the disk below."""

import os

from .process import run


class Disk:
    """`path` is where nodes see it once they are started; `size` as mount(8) takes it."""

    def __init__(self, lab, name, size="256M"):
        self.store, self.path = lab.path(f"{name}-store"), lab.path(name)
        os.mkdir(self.store)
        os.mkdir(self.path)
        run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", self.store])
        run(["mount", "--bind", self.store, self.path])

    @staticmethod
    def _within(node, *argv):
        """Runs a command that sees the file systems which the node sees."""
        run(["nsenter", "--mount", f"--target={node.daemon.popen.pid}", "--", *argv])

    def take_out(self, node=None):
        """Of a node's machine; or of all that are started from now on."""
        argv = ["umount", "--lazy", self.path]
        self._within(node, *argv) if node else run(argv)

    def put_in(self, node):
        self._within(node, "mount", "--bind", self.store, self.path)

    def stored(self, name):
        """A path on the disk, wherever that is."""
        return os.path.join(self.store, name)

    def seen(self, node, name=""):
        """What the node sees in the directory, or in one below it."""
        return os.listdir(f"/proc/{node.daemon.popen.pid}/root{os.path.join(self.path, name)}")
