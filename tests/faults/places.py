"""Where a process can be killed: every system call of a recorded round."""

import collections
import itertools
import os
import random

from bench import SIDES
from service import MARK, Fault, read_log

# What the promises rest on: what makes durable, what commits, what gives names and takes them away.
# The database is the only thing that a daemon writes with pwrite64.
DURABLE = {"fdatasync", "fsync", "syncfs", "renameat", "renameat2", "rename", "linkat", "unlink",
           "unlinkat", "mkdirat"}
DATABASE = ("daemon.", "pwrite64")


# Instead of the second fault: one that is drawn of those that there are after the first.
DRAWN = "?"


class Place(collections.namedtuple("Place", "kind side fault then", defaults=(None,))):
    """`then`: a fault of the node that is started again after the first one, DRAWN, or None."""

    def __str__(self):
        then = "" if self.then is None else f"/{self.then}"
        return f"{self.kind}/{self.side}/{self.fault}{then}"

    @classmethod
    def read(cls, text):
        """ValueError for what is none."""
        kind, side, fault, *then = text.split("/")
        if side not in SIDES or len(then) > 1:
            raise ValueError(text)
        place = cls(kind, side, _fault(fault))
        if then and not place.fault.kills_daemon:
            raise ValueError(text)
        return place if not then else place._replace(
            then=DRAWN if then[0] == DRAWN else _fault(then[0]))

    @property
    def faults(self):
        return [fault for fault in (self.fault, self.then) if fault is not None]

    @property
    def program(self):
        return self.fault.process.split(".")[0]

    @property
    def durable(self):
        process, call = DATABASE
        return self.fault.call in DURABLE or (self.fault.process.startswith(process)
                                              and self.fault.call == call)


def _fault(text):
    process, call, n = text.split(":")
    if int(n) < 1:
        raise ValueError(text)
    return Fault(process, call, int(n))


def draw(place, calls, seed):
    """The place with the second fault drawn of these calls: as often one that is durable as not."""
    source = random.Random(f"{seed} {place}")
    durable = source.random() < 0.5
    found = [place._replace(fault=call) for call in calls]
    found = [each for each in found if each.durable == durable] or found
    return place._replace(then=_spread(found, 1, source)[0].fault)


def record(bench, directory, kinds):
    """[Place] of all calls of a round of each of these kinds. What a node does until it is ready
    and what it does to end is the same whatever is done between: it is taken once for nodes that
    know nothing, and once for nodes that know each other."""
    places, starts = [], set()
    for kind in kinds:
        logs = {side: os.path.join(directory, f"{kind}-{side}") for side in SIDES}
        bench.record(kind, logs)
        for side in SIDES:
            calls = read_log(logs[side])
            start = (bench.kinds[kind].knows, tuple(bench.kinds[kind].config.items()))
            if start in starts:
                calls = _between_marks(calls)
            starts.add(start)
            places += [Place(kind, side, call) for call in calls if call is not MARK]
    return [place for place in places
            if place.program in (bench.kinds[place.kind].programs or (place.program,))]


def _between_marks(calls):
    first = calls.index(MARK) + 1
    return calls[first:calls.index(MARK, first)]


def sample(places, count, durable, twice, seed):
    """`count` of them, and `durable` more of those that are so: as many of each kind, side and
    process as of the others, and of their calls as far as they reach; in their order. And `twice`
    with a second fault that is to be drawn."""
    source = random.Random(seed)
    chosen = set(_spread([place for place in places if place.durable], durable, source))
    chosen.update(_spread([place for place in places if place not in chosen], count, source))
    again = _spread([place for place in places if place.fault.kills_daemon], twice, source)
    return [place for place in places if place in chosen] + [
        place._replace(then=DRAWN) for place in again]


def _spread(places, count, source):
    groups = collections.defaultdict(list)
    for place in places:
        groups[place.kind, place.side, place.fault.process].append(place)
    queues = [_by_turns(group, source) for group in groups.values()]
    source.shuffle(queues)
    return _take_turns(queues)[:count]


def _by_turns(places, source):
    """These in an order in which different calls follow each other."""
    calls = collections.defaultdict(list)
    for place in places:
        calls[place.fault.call].append(place)
    queues = list(calls.values())
    for queue in queues:
        source.shuffle(queue)
    source.shuffle(queues)
    return _take_turns(queues)


def _take_turns(queues):
    return [place for turn in itertools.zip_longest(*queues) for place in turn if place is not None]
