"""What was measured, as a table of tab-separated values: a line for each run."""

import os
import statistics
from dataclasses import astuple, dataclass, fields

from meter import Cost


@dataclass(frozen=True)
class Run:
    case: str
    place: str      # kind of file system
    size: int       # MiB, of cases with one file
    contender: str
    round: int
    wall: float     # seconds
    cpu: float      # seconds of both ends
    peak: int       # bytes
    rest: float     # processors

    @staticmethod
    def of(case, place, size, contender, number, cost: Cost):
        return Run(case, place, size, contender, number, *astuple(cost))


class Results:
    """Kept in a file as they come, so that what was measured survives an interruption."""

    def __init__(self, path):
        self.path = path
        self.notes = []
        self.runs = []
        if os.path.exists(path) and os.path.getsize(path) > 0:
            self._read()

    @staticmethod
    def begin(path, notes):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"# {note}\n" for note in notes)
            file.write("\t".join(field.name for field in fields(Run)) + "\n")
        return Results(path)

    def _read(self):
        with open(self.path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.notes = [line[2:] for line in lines if line.startswith("# ")]
        for line in lines[len(self.notes) + 1:]:
            self.runs.append(Run(*(field.type(value)
                                   for field, value in zip(fields(Run), line.split("\t")))))

    def add(self, run):
        self.runs.append(run)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("\t".join(f"{value:.6g}" if isinstance(value, float) else str(value)
                                 for value in astuple(run)) + "\n")

    def groups(self):
        """[(case, place)] in the order in which they were measured."""
        return list(dict.fromkeys((run.case, run.place) for run in self.runs))

    def of(self, case, place):
        """{contender: [Run]}"""
        found = {}
        for run in self.runs:
            if (run.case, run.place) == (case, place):
                found.setdefault(run.contender, []).append(run)
        return found


def wall(runs):
    return statistics.median(run.wall for run in runs)


def cpu(runs):
    return statistics.median(run.cpu for run in runs)
