"""What is measured, and by which way it goes."""

from dataclasses import dataclass

# Of what leaves a host, which is counted with Ethernet's header, TCP's payload is so much.
PAYLOAD = 1448 / 1514
LINE = 1e9 / 8 * PAYLOAD  # bytes a second of a file that 1 Gbit/s can carry


@dataclass(frozen=True)
class Link:
    """A cable of 1 Gbit/s between two hosts."""
    name: str
    title: str
    delay: int  # microseconds, one way
    loss: int   # packets in a million, each way


GIGABIT = Link("gigabit", "1 Gbit/s, round trip 1 ms", 500, 0)
LOSSY = Link("lossy", "1 Gbit/s, round trip 40 ms, 0.1 % lost", 20_000, 1000)


@dataclass(frozen=True)
class Case:
    name: str
    title: str          # {size} is in MiB
    column: str         # the same as the head of a column; {size} as in "2 GiB"
    content: str        # sources.Source knows it
    link: Link = None   # loopback
    part: int = 1       # of --size

    @property
    def is_large(self):
        return self.content in ("file", "text")


_ALL = (
    Case("file", "one file of {size} MiB", "{size}", "file"),
    Case("text", "one file of {size} MiB of text", "{size} of text", "text"),
    Case("tree", "20,000 files of 4 KiB", "20,000 of 4 KiB", "tree"),
    Case("byte", "a file of 1 byte", "1 byte", "byte"),
    Case("empty", "100,000 empty files", "100,000 empty", "empty"),
    Case("source", "80,000 files in 5,000 directories, like the source of Linux", "80,000 files",
         "source"),
    Case("gigabit", "one file of {size} MiB", "{size}, 1 Gbit/s", "file", GIGABIT),
    Case("gigabit-text", "one file of {size} MiB of text", "{size} of text, 1 Gbit/s", "text",
         GIGABIT),
    Case("lossy", "one file of {size} MiB", "{size}, 1 Gbit/s, 40 ms, 0.1 % lost", "file",
         LOSSY, 4),
)
CASES = {case.name: case for case in _ALL}
LOOPBACK = tuple(name for name, case in CASES.items() if case.link is None)
LINKED = tuple(name for name, case in CASES.items() if case.link is not None)
