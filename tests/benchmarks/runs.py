"""What a master did on its line: marks between transactions, and when each node was read.

Shared by the masters that are compared; knows none of them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.wire_time import crossing_s

Node = int | str
"""How an instrument is called on its line."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment between two transactions: clock, CPU time of the process, bytes and exchanges so far."""

    at: float
    cpu_s: float
    moved: int
    exchanges: int


def mark(moved: int, exchanges: int) -> Mark:
    return Mark(time.monotonic(), time.process_time(), moved, exchanges)


@dataclass(frozen=True, slots=True)
class Run:
    """A measured stretch between two marks. `readings`: when each node's values were all there."""

    begin: Mark
    end: Mark
    readings: Mapping[Node, Sequence[float]]

    @property
    def elapsed_s(self) -> float:
        return self.end.at - self.begin.at

    @property
    def sets_per_s(self) -> float:
        """Complete sets of values per second, of all nodes together."""
        return sum(self.rate(node) for node in self.readings)

    @property
    def exchanges_per_s(self) -> float:
        return (self.end.exchanges - self.begin.exchanges) / self.elapsed_s

    @property
    def cpu(self) -> float:
        """Part of one core."""
        return (self.end.cpu_s - self.begin.cpu_s) / self.elapsed_s

    def of_wire_limit(self, baudrate: float, latency_s: float) -> float:
        """The time that bytes and instruments need by themselves, as part of the time it took."""
        exchanges = self.end.exchanges - self.begin.exchanges
        needed_s = crossing_s(self.end.moved - self.begin.moved, baudrate) + exchanges * latency_s
        return needed_s / self.elapsed_s

    def rate(self, node: Node, begin: float | None = None, end: float | None = None) -> float:
        """Readings per second of one node, between two moments or over the whole stretch."""
        begin = self.begin.at if begin is None else begin
        end = self.end.at if end is None else end
        return sum(begin < at <= end for at in self.readings[node]) / (end - begin)


def percentile(ordered: Sequence[float], part: float) -> float:
    """The value that `part` of `ordered` do not exceed."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def run_from(data: Any, node: Callable[[str], Node] = int) -> Run:
    """A run out of the JSON that its process printed, in which every `node` has become text."""
    readings = {node(name): times for name, times in data["readings"].items()}
    return Run(Mark(**data["begin"]), Mark(**data["end"]), readings)
