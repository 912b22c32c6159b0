"""How fast three nodes can be polled: our master, the vendor's and a bare loop, in turns on one line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.runs import Run, run_from
from tests.benchmarks.scene import BAUDRATE, awake, far_end, run

NODES = (3, 5, 6)
LATENCIES_S = (0.0, 0.002)
MASTERS = {
    "ours": "ours: six values in one chain, checked",
    "vendor single": "vendor: one parameter per call",
    "vendor chained": "vendor: chained `read_parameters`",
    "bare": "bare loop, nothing checked",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """Medians over the rounds of one master."""

    sets_per_s: float
    exchanges_per_s: float
    of_wire_limit: float
    cpu: float


@dataclass(frozen=True, slots=True)
class PollingFigures:
    """For each latency of the instruments (seconds): each master's pace."""

    paces: Mapping[float, Mapping[str, Pace]]

    def report(self) -> Report:
        ratios = {latency_s: paces["ours"].of_wire_limit for latency_s, paces in self.paces.items()}
        gains = {
            latency_s: paces["ours"].sets_per_s / paces["vendor single"].sets_per_s
            for latency_s, paces in self.paces.items()
        }
        targets = (
            Target("part of the wire limit", ">= 0.96", _each(ratios, ".3f"), min(ratios.values()) >= 0.96),
            Target(
                "times the vendor's library, one parameter per call",
                ">= 2",
                _each(gains, ".2f"),
                min(gains.values()) >= 2,
            ),
        )
        return Report(tuple(_table(latency_s, paces) for latency_s, paces in self.paces.items()), targets)


def measure(scale: float = 1.0, latencies_s: Sequence[float] = LATENCIES_S) -> PollingFigures:
    """All masters in turns, several short rounds each; `scale` 1 takes about three minutes."""
    rounds, seconds = max(1, round(9 * scale)), max(0.3, min(2.0, 2.0 * scale))
    return PollingFigures({latency_s: _paces(latency_s, rounds, seconds) for latency_s in latencies_s})


def _paces(latency_s: float, rounds: int, seconds: float) -> dict[str, Pace]:
    runs: dict[str, list[Run]] = {kind: [] for kind in MASTERS}
    with awake(), far_end(NODES, latency_s) as line:
        for _ in range(rounds):
            for kind, done in runs.items():
                done.append(_run(kind, line.url, seconds))
    return {kind: _pace(done, latency_s) for kind, done in runs.items()}


def _run(kind: str, url: str, seconds: float) -> Run:
    job: dict[str, Any] = {"url": url, "baudrate": BAUDRATE, "nodes": NODES}
    return run_from(run("master", kind=kind, warm_s=seconds / 4, seconds=seconds, **job))


def _pace(runs: Sequence[Run], latency_s: float) -> Pace:
    return Pace(
        median(one.sets_per_s for one in runs),
        median(one.exchanges_per_s for one in runs),
        median(one.of_wire_limit(BAUDRATE, latency_s) for one in runs),
        median(one.cpu for one in runs),
    )


def _each(values: Mapping[float, float], form: str) -> str:
    return ", ".join(f"{value:{form}} ({1e3 * latency_s:g} ms)" for latency_s, value in values.items())


def _table(latency_s: float, paces: Mapping[str, Pace]) -> Table:
    columns = ("master", "sets/s", "transactions/s", "part of its wire limit", "CPU, % of a core")
    rows = tuple(
        (
            MASTERS[kind],
            f"{pace.sets_per_s:.1f}",
            f"{pace.exchanges_per_s:.1f}",
            f"{pace.of_wire_limit:.3f}",
            f"{100 * pace.cpu:.0f}",
        )
        for kind, pace in paces.items()
    )
    scene = f"Three nodes, six values each, {BAUDRATE} baud, answers after {1e3 * latency_s:g} ms:"
    return Table(scene, columns, rows)
