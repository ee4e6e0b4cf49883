"""What fxnode wants to reach, and whether it did."""

from cases import LINE
from lab.data import MIB
from results import cpu, wall

FXNODE = "fxnode"


def _fastest(found, names):
    return min((name for name in names if name in found), key=lambda name: wall(found[name]),
               default=None)


def _times(found, peer, wanted):
    """As many times as fast as a peer."""
    if peer in found:
        ratio = wall(found[peer]) / wall(found[FXNODE])
        yield f"{wanted} times as fast as {peer}", f"{ratio:.2f}", ratio >= wanted


def _file_in_memory(found, secret):
    ratio = wall(found["limit"]) / wall(found[FXNODE]) if "limit" in found else None
    if ratio is not None:
        yield "85 % of the limit", f"{ratio:.1%}", ratio >= 0.85
    yield from _times(found, "rsync over ssh", 4.0)
    peer = _fastest(found, secret)
    if peer:
        yield from _times(found, peer, 1.0)
        least = min((name for name in secret if name in found), key=lambda name: cpu(found[name]))
        share = cpu(found[FXNODE]) / cpu(found[least])
        yield f"less processor time than {least}", f"{share:.2f} of it", share < 1


def _file_on_disk(found, secret):
    peer = _fastest(found, secret)
    if peer:
        yield from _times(found, peer, 1.5)


def _of_line(found, wanted):
    runs = found[FXNODE]
    share = runs[0].size * MIB / wall(runs) / LINE
    yield f"{wanted:.0%} of the line", f"{share:.1%}", share >= wanted


def _of_plain(found, wanted):
    if "plain TCP" in found:
        share = wall(found["plain TCP"]) / wall(found[FXNODE])
        yield f"{wanted:.0%} of plain TCP", f"{share:.1%}", share >= wanted


def check(case, in_memory, found, secret):
    """Yields (goal, figure, whether it is met) for what `found` allows; `secret` names the peers
    that encrypt."""
    if FXNODE not in found:
        return
    if case == "file":
        yield from (_file_in_memory if in_memory else _file_on_disk)(found, secret)
    elif case in ("tree", "empty", "source"):
        yield from _times(found, "rsync aes128-gcm" if in_memory else "rsync aes128-gcm --fsync",
                          2.5 if case == "tree" else 2.0)
    elif case == "gigabit":
        yield from _of_plain(found, 0.97)
    elif case == "gigabit-text":
        yield from _of_line(found, 5.0)
    elif case == "lossy":
        yield from _of_line(found, 0.88)
