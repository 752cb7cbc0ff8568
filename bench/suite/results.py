"""Runs, their medians, and ratios.

The machine drifts between runs, so a ratio is made within one repeat, where the two servers ran shortly after each other, and the
median is of those ratios, never a ratio of medians.
"""

import dataclasses
import statistics

from .workloads import BY_NAME


_FAULTS = {"doubled": "came twice", "out_of_order": "came out of order"}


@dataclasses.dataclass
class Run:
    """One workload on one server, once."""

    workload: str
    server: str
    repeat: int
    figures: dict[str, float]
    told: dict
    error: str = ""
    load_before: float = 0.0


def _dig(told, path):
    for step in path:
        told = told.get(step) if isinstance(told, dict) else None
    return told if isinstance(told, (int, float)) and not isinstance(told, bool) else None


def figures_of(workload, told):
    values = {figure.key: _dig(told, figure.path) for figure in workload.figures}
    return {key: value for key, value in values.items() if value is not None}


class Results:
    def __init__(self, runs=()):
        self.runs = list(runs)

    def add(self, run):
        self.runs.append(run)

    def values(self, workload, server, key):
        """By repeat."""
        return {run.repeat: run.figures[key] for run in self.runs
                if (run.workload, run.server) == (workload, server) and key in run.figures}

    def median(self, workload, server, key):
        values = self.values(workload, server, key)
        return statistics.median(values.values()) if values else None

    def spread(self, workload, server, key):
        values = self.values(workload, server, key).values()
        return (min(values), max(values)) if values else None

    def ratio(self, workload, server, other, key, other_workload=None, other_key=None):
        """`server` over `other`, within each repeat; the median of those."""
        mine = self.values(workload, server, key)
        theirs = self.values(other_workload or workload, other, other_key or key)
        ratios = [mine[repeat] / theirs[repeat] for repeat in mine if theirs.get(repeat)]
        return statistics.median(ratios) if ratios else None

    def difference(self, workload, server, other, key):
        mine, theirs = self.values(workload, server, key), self.values(workload, other, key)
        differences = [mine[repeat] - theirs[repeat] for repeat in mine if repeat in theirs]
        return statistics.median(differences) if differences else None

    def told(self, workload, server, *path):
        """The median of a number that is no figure of the workload."""
        values = [value for run in self.runs if (run.workload, run.server) == (workload, server)
                  and (value := _dig(run.told, path)) is not None]
        return statistics.median(values) if values else None

    def errors(self, workload):
        return [run for run in self.runs if run.workload == workload and run.error]

    def warnings(self, workload):
        """What the client said of its own runs, such as that it was the bottleneck; each once a server."""
        said = {}
        for run in self.runs:
            if run.workload != workload or not isinstance(run.told, dict):
                continue
            for text in run.told.get("warnings") or []:
                said.setdefault((run.server, text), None)
            for key, text in _FAULTS.items():
                if count := run.told.get(key):
                    said.setdefault((run.server, f"{count:,} events {text} (repeat {run.repeat + 1})"), None)
            if run.told.get("bottleneck") == "client":
                said.setdefault((run.server, "the client was the bottleneck"), None)
        return list(said)

    def workloads(self):
        """Those that ran, in the programme's order."""
        ran = {run.workload for run in self.runs}
        return [workload for name, workload in BY_NAME.items() if name in ran]

    def servers(self, workload):
        ran = {run.server for run in self.runs if run.workload == workload.name}
        return [name for name in workload.servers if name in ran]


def as_json(results, machine, versions, settings):
    return {"machine": dataclasses.asdict(machine), "settings": settings, "servers": versions,
            "runs": [dataclasses.asdict(run) for run in results.runs]}


def from_json(told):
    return Results(Run(**run) for run in told["runs"])
