"""What silent instruments cost those that answer, and how soon one that answers again is noticed."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from tests.benchmarks import ours
from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.runs import Run, run_from
from tests.benchmarks.scene import BAUDRATE, FarEnd, awake, begin, far_end, outcome

LATENCY_S = 0.002
START_S = 10.0  # the first seconds, when nobody is known to be silent yet
STEADY_S = 60.0  # long enough for every silent instrument to be asked again
SILENCES_S = (1.0, 12.0, 12.0, 15.0, 20.0, 25.0)
SETTLE_S = 1.0
NOTICE_LIMIT_S = 180.0
MARGIN_S = 60.0  # for a process to start and to end


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who answers, who does not, and the part of their rate that the living should keep."""

    name: str
    live: tuple[int, ...]
    dead: tuple[int, ...]
    wanted: float


ONE_OF_FOUR = Crowd("one dead beside three live", (3, 5, 6), (9,), 0.90)
SEVEN_OF_EIGHT = Crowd("seven dead beside one live", (3,), (11, 12, 13, 14, 15, 16, 17), 0.80)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Readings per second of all live nodes together without the dead ones, and parts of it kept."""

    alone_per_s: float
    first_10_s: float
    after: float
    vendor_alone_per_s: float
    vendor: float


@dataclass(frozen=True, slots=True)
class Outage:
    """How long an instrument was silent, and how long it then answered before anybody asked."""

    silent_s: float
    unnoticed_s: float


@dataclass(frozen=True, slots=True)
class NeighbourFigures:
    """`dying`: part of their rate that three keep in the 10 s after the fourth falls silent."""

    keeping: Mapping[str, Keeping]
    dying: float
    outages: Sequence[Outage]

    def report(self) -> Report:
        crowds = (ONE_OF_FOUR, SEVEN_OF_EIGHT)
        targets = tuple(_target(crowd, self.keeping[crowd.name]) for crowd in crowds)
        columns = (
            "rate kept by the live nodes",
            "alone, sets/s",
            "first 10 s",
            "after that",
            "vendor alone, sets/s",
            "vendor keeps",
        )
        rows = tuple(_row(name, kept) for name, kept in self.keeping.items())
        dying = ("one of four falls silent while polled", "", f"{100 * self.dying:.0f} %", "", "", "")
        back = tuple((f"{one.silent_s:.1f}", f"{one.unnoticed_s:.1f}") for one in self.outages)
        recovery = Table(
            "From the moment an instrument answers again to its first valid reading:",
            ("silent for, s", "noticed after, s"),
            back,
        )
        return Report((Table("", columns, (*rows, dying)), recovery), targets)


def measure(scale: float = 1.0) -> NeighbourFigures:
    """`scale` 1 takes about five minutes: the back-off of a silent instrument is half a minute long."""
    with awake():
        keeping = {crowd.name: _keeping(crowd, scale) for crowd in (ONE_OF_FOUR, SEVEN_OF_EIGHT)}
        alone_per_s = keeping[ONE_OF_FOUR.name].alone_per_s
        dying, outages = asyncio.run(_outages(ONE_OF_FOUR, alone_per_s, scale))
    return NeighbourFigures(keeping, dying, outages)


def _keeping(crowd: Crowd, scale: float) -> Keeping:
    with far_end(crowd.live, LATENCY_S) as line:
        before = _poll(line, "ours", crowd.live, START_S * scale)
        both = _poll(line, "ours", crowd.live + crowd.dead, (START_S + STEADY_S) * scale)
        after = _poll(line, "ours", crowd.live, START_S * scale)
        vendor_alone = _poll(line, "vendor chained", crowd.live, START_S * scale / 2)
        vendor = _poll(line, "vendor chained", crowd.live + crowd.dead, START_S * scale)
    early = both.begin.at + START_S * scale
    alone_per_s = (_rate(before, crowd.live) + _rate(after, crowd.live)) / 2
    return Keeping(
        alone_per_s=alone_per_s,
        first_10_s=_rate(both, crowd.live, end=early) / alone_per_s,
        after=_rate(both, crowd.live, begin=early) / alone_per_s,
        vendor_alone_per_s=_rate(vendor_alone, crowd.live),
        vendor=_rate(vendor, crowd.live) / _rate(vendor_alone, crowd.live),
    )


async def _outages(crowd: Crowd, alone_per_s: float, scale: float) -> tuple[float, list[Outage]]:
    """One instrument falls silent and comes back, longer each time, while all are polled flat out."""
    nodes, node = crowd.live + crowd.dead, crowd.dead[0]
    silences_s = [silent * scale for silent in SILENCES_S]
    with far_end(nodes, LATENCY_S) as line:
        async with ours.polling(line.url, BAUDRATE, nodes) as readings:
            await _next_reading(readings[node])
            moments = [await _outage(line, node, silent_s, readings[node]) for silent_s in silences_s]
    window_s = min(START_S, min(silences_s[1:]))
    kept = [
        sum(gone < at <= gone + window_s for one in crowd.live for at in readings[one]) / window_s
        for gone, _, _ in moments[1:]
    ]
    return mean(kept) / alone_per_s, [Outage(back - gone, noticed - back) for gone, back, noticed in moments]


async def _outage(
    line: FarEnd, node: int, silent_s: float, times: Sequence[float]
) -> tuple[float, float, float]:
    line.throw(f"{node}=DEAD")
    gone = time.monotonic()
    await asyncio.sleep(silent_s)
    line.throw(f"{node}=OK")
    back = time.monotonic()
    noticed = await _next_reading(times)
    await asyncio.sleep(SETTLE_S)
    return gone, back, noticed


async def _next_reading(times: Sequence[float]) -> float:
    """When the next reading comes."""
    so_far = len(times)
    async with asyncio.timeout(NOTICE_LIMIT_S):
        while len(times) == so_far:
            await asyncio.sleep(0.01)
    return times[so_far]


def _poll(line: FarEnd, kind: str, nodes: Sequence[int], seconds: float) -> Run:
    """From the very first question on."""
    process = begin("master", kind=kind, **_job(line, nodes, 0.0, seconds))
    return run_from(outcome(process, seconds + MARGIN_S))


def _job(line: FarEnd, nodes: Sequence[int], warm_s: float, seconds: float) -> dict[str, Any]:
    return {"url": line.url, "baudrate": BAUDRATE, "nodes": nodes, "warm_s": warm_s, "seconds": seconds}


def _rate(run: Run, nodes: Sequence[int], begin: float | None = None, end: float | None = None) -> float:
    return sum(run.rate(node, begin, end) for node in nodes)


def _target(crowd: Crowd, kept: Keeping) -> Target:
    got = f"{100 * kept.after:.0f} % (first 10 s: {100 * kept.first_10_s:.0f} %)"
    return Target(
        f"rate kept, {crowd.name}", f">= {100 * crowd.wanted:.0f} %", got, kept.after >= crowd.wanted
    )


def _row(name: str, kept: Keeping) -> tuple[str, ...]:
    parts = [f"{100 * part:.0f} %" for part in (kept.first_10_s, kept.after, kept.vendor)]
    return (name, f"{kept.alone_per_s:.1f}", *parts[:2], f"{kept.vendor_alone_per_s:.1f}", parts[2])
