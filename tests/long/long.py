"""The long forms: see run.py."""

import enduring
from lab.growth import Growth

MIB = 1 << 20


def interrupted_200(lab):
    """200 interrupted transfers in a row on one pair of daemons: 120 that both live through, then 40
    in each of which one of them is killed, while the other one may not grow."""
    pair = enduring.make_pair(lab)
    enduring.run_rounds(lab, pair, 20, enduring.SURVIVED)
    phases = ((120, enduring.SURVIVED), (40, enduring.KILLS_RECEIVER), (40, enduring.KILLS_SENDER))
    first = 1000
    for rounds, interruptions in phases:
        growth = Growth(pair)
        enduring.run_rounds(lab, pair, rounds, interruptions, first)
        growth.check(rounds, memory=MIB // 4)
        first += 1000
