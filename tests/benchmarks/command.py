"""How long an order takes while three nodes are polled flat out, against what the wire alone would take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devsup import propar
from devsup.bronkhorst import FAST
from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.runs import percentile
from tests.benchmarks.scene import BAUDRATE, Urgency, awake, far_end, run
from tests.benchmarks.wire_time import crossing_s, read_bytes, write_bytes

NODES = (3, 5, 6)
LATENCIES_S = (0.0, 0.002)
ALLOWANCE_S = 0.003
STAGES = {"acknowledged_s": "acknowledged", "returned_s": "acknowledged, read back, returned to the caller"}


@dataclass(frozen=True, slots=True)
class CommandFigures:
    """For each latency of the instruments: the times of each stage of all orders, in order of size."""

    times_s: Mapping[float, Mapping[str, Sequence[float]]]

    def report(self) -> Report:
        targets = tuple(_target(latency_s, stage, times) for latency_s, stage, times in self._stages())
        columns = ("order", "p50, ms", "p95, ms", "p99, ms", "longest, ms", "bound, ms", "orders")
        rows = tuple(_row(latency_s, stage, times) for latency_s, stage, times in self._stages())
        return Report((Table("", columns, rows),), targets)

    def _stages(self) -> list[tuple[float, str, Sequence[float]]]:
        return [
            (latency_s, stage, times)
            for latency_s, stages in self.times_s.items()
            for stage, times in stages.items()
        ]


def measure(scale: float = 1.0, latencies_s: Sequence[float] = LATENCIES_S) -> CommandFigures:
    """`scale` 1 gives 400 orders at each latency; about a minute and a half."""
    count = max(10, round(400 * scale))
    return CommandFigures({latency_s: _times(latency_s, count) for latency_s in latencies_s})


def bound_s(stage: str, latency_s: float) -> float:
    """The longest transaction that may be in flight, the order's own exchanges, and 3 ms for all else."""
    in_flight_s = crossing_s(read_bytes(FAST), BAUDRATE) + latency_s
    own_s = crossing_s(write_bytes((propar.FSETPOINT, 1.0)), BAUDRATE) + latency_s
    if stage == "returned_s":
        back = read_bytes((propar.FSETPOINT, propar.CONTROL_MODE))
        own_s += crossing_s(back, BAUDRATE) + latency_s
    return in_flight_s + own_s + ALLOWANCE_S


def _times(latency_s: float, count: int) -> dict[str, list[float]]:
    with awake(), far_end(NODES, latency_s) as line:
        job: dict[str, Any] = {"url": line.url, "baudrate": BAUDRATE, "nodes": NODES}
        orders = run("orders", Urgency.HARDWARE, count=count, seed=1, **job)
    return {stage: sorted(one[stage] for one in orders) for stage in STAGES}


def _target(latency_s: float, stage: str, times: Sequence[float]) -> Target:
    what = f"p99, {STAGES[stage]}, {1e3 * latency_s:g} ms instruments"
    bound, got = bound_s(stage, latency_s), percentile(times, 0.99)
    return Target(what, f"<= {1e3 * bound:.1f} ms", f"{1e3 * got:.1f} ms", got <= bound)


def _row(latency_s: float, stage: str, times: Sequence[float]) -> tuple[str, ...]:
    parts = [percentile(times, part) for part in (0.5, 0.95, 0.99)] + [times[-1], bound_s(stage, latency_s)]
    name = f"{STAGES[stage]}; instruments answer after {1e3 * latency_s:g} ms"
    return (name, *(f"{1e3 * part:.1f}" for part in parts), str(len(times)))
