"""Random trees sent over random trees of the same name: what becomes of each name is known before,
and while it is placed, cut off anywhere, every name has what it had or what it is to have."""

import os
import random

from lab import check, check_equal
from lab.data import SOME_TIME_NS

NAMES = ("a", "a (2)", "a (3)", "b.txt", "b (2).txt", "c", "L" * 255, "L" * 251 + " (2)")
LINK = "->"
ROUNDS = 6


def _file(source):
    """(text, age): the same by size and time where both numbers are."""
    return str(source.randrange(10**8)).zfill(source.randrange(8, 10)), source.randrange(3)


def _draw(source, depth=0):
    """A directory: {name: what it is}, a directory, a link (LINK, target) or a file."""
    result = {}
    for name in source.sample(NAMES, source.randrange(3, 8)):
        kind = source.random()
        if kind < 0.3 and depth < 2:
            result[name] = _draw(source, depth + 1)
        elif kind < 0.5:
            result[name] = (LINK, source.choice(("a", "c")))
        else:
            result[name] = _file(source)
    return result


def _draw_over(source, old):
    """A directory most of whose names are those of another, and of the same kind."""
    result = _draw(source)
    for name, thing in old.items():
        if isinstance(thing, dict) and source.random() < 0.7:
            result[name] = _draw_over(source, thing)
        elif _is_file(thing) and source.random() < 0.7:
            result[name] = source.choice((thing, _file(source), _file(source)))
    return result


def _make(path, tree):
    os.mkdir(path)
    for name, thing in tree.items():
        inner = os.path.join(path, name)
        if isinstance(thing, dict):
            _make(inner, thing)
        elif thing[0] == LINK:
            os.symlink(thing[1], inner)
        else:
            with open(inner, "w", encoding="ascii") as file:
                file.write(thing[0])
            os.utime(inner, ns=(0, SOME_TIME_NS + thing[1]))


def _read(path):
    result = {}
    for entry in os.scandir(path):
        if entry.is_symlink():
            result[entry.name] = (LINK, os.readlink(entry.path))
        elif entry.is_dir():
            result[entry.name] = _read(entry.path)
        else:
            with open(entry.path, encoding="ascii") as file:
                result[entry.name] = (file.read(), os.stat(entry.path).st_mtime_ns - SOME_TIME_NS)
    return result


def _is_file(thing):
    return not isinstance(thing, dict) and thing[0] != LINK


def _is_same(one, other):
    if _is_file(one) and _is_file(other):
        return (len(one[0]), one[1]) == (len(other[0]), other[1])
    return not isinstance(one, dict) and one == other


def _beside(name, thing, taken):
    stem, ending = name, ""
    if not isinstance(thing, dict) and name.endswith(".txt"):
        stem, ending = name[:-4], ".txt"
    for number in range(2, 100):
        tail = f" ({number}){ending}"
        if stem[:255 - len(tail)] + tail not in taken:
            return stem[:255 - len(tail)] + tail
    raise AssertionError(name)


def _placed(old, sent, replaces, moves):
    """What `old` is to become; `moves` learns the names that something moves to."""
    result = dict(old)
    for name in sorted(sent):
        there, thing = result.get(name), sent[name]
        if isinstance(there, dict) and isinstance(thing, dict):
            result[name] = _placed(there, thing, replaces, moves)
        elif there is None or not _is_same(there, thing):
            fits = there is None or replaces and _is_file(there) and _is_file(thing)
            target = name if fits else _beside(name, thing, result.keys() | sent.keys())
            result[target] = thing
            moves.append(target)
    return result


def _flat(tree, path=""):
    result = {}
    for name, thing in tree.items():
        result[f"{path}/{name}"] = "directory" if isinstance(thing, dict) else thing
        if isinstance(thing, dict):
            result.update(_flat(thing, f"{path}/{name}"))
    return result


def _check_between(old, new, found, when):
    old, new, found = _flat(old), _flat(new), _flat(found)
    for path, thing in found.items():
        check(thing in (old.get(path), new.get(path)), f"{when}: {path} is {thing}")
    for path in old:
        check(path in found, f"{when}: {path} is gone")


def _round(lab, nodes, number, replaces):
    attic, desk = nodes
    source = random.Random(f"{number}/{replaces}")
    old, moves = _draw(source), []
    sent = _draw_over(source, old)
    name = f"tree {number}"
    _make(lab.path(name), sent)
    _make(attic.received(name), old)
    new = _placed(old, sent, replaces, moves)
    point = source.choice(["placing-committed", "merge-synced", "done-committed",
                           *(f"merged:{n + 1}" for n in range(len(moves)))])
    attic.restart(FXNODE_CRASH=point)
    command = desk.command("send", attic.at, lab.path(name))
    attic.wait_crash()
    attic.kill()
    when = f"round {number} at {point}"
    _check_between(old, new, _read(attic.received(name)), when)
    attic.start(FXNODE_CRASH="")
    check_equal(command.wait(), 0, f"{when}: status of send\n{command.said()}")
    check_equal(_read(attic.received(name)), new, when)
    attic.check_tidy()


def _rounds(lab, exists):
    lan = lab.lan(2)
    config = {"discovery": "off"}
    nodes = (lab.node(lan[0], name="attic", config={**config, "exists": exists}),
             lab.node(lan[1], name="desk", config=config))
    for number in range(ROUNDS):
        _round(lab, nodes, number, exists == "overwrite")
    nodes[0].check_listed(*(f"tree {number}" for number in range(ROUNDS)))


def skip(lab):
    """Nothing that is there changes, and all that came is there."""
    _rounds(lab, "skip")


def overwrite(lab):
    """A file has the old content or the new at every moment."""
    _rounds(lab, "overwrite")
