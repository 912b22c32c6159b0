"""Alicat units: how fast they can be polled, how soon a setpoint is confirmed, and all of them at zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.benchmarks import peer
from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.runs import Run, percentile, run_from
from tests.benchmarks.scene import FarEnd, Urgency, awake, run, simulated
from tests.benchmarks.wire_time import crossing_s

BAUDRATE = 19200
ONE, THREE = ("A",), ("A", "B", "C")
LATENCIES_S = (0.0, 0.002)
NOISE = 0.002  # parts of the range: flows that never stand still
FRAME = len(b"A +034.70 +022.00 +000.00 +000.00 +000.00     N2\r")
POLL, ORDER = len(b"A\r") + FRAME, len(b"AS100.00\r") + FRAME
ALLOWANCE_S = 0.003
WANTED_HZ = 12.0  # of each of three units; the wire allows 12.5
STOP_EXCHANGES = 4  # one in flight, one for each unit
MASTERS = {"ours": "ours: asyncio, port thread, every check", "bare": "bare loop, nothing checked"}


@dataclass(frozen=True, slots=True)
class Pace:
    """Medians over the rounds of one master on one line."""

    hz_each: float
    of_wire_limit: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Peer:
    """The `alicat` package where answers take no time: polls per second of one unit alone, of each of three,
    and of each of two beside a dead third; and a setpoint while nobody polls."""

    one: float
    three: float
    beside_dead: float
    setpoint_s: float


@dataclass(frozen=True, slots=True)
class Orders:
    """Times of setpoints in order of size; of emergency stops the time to the last unit, in order of size,
    and the most exchanges one took."""

    setpoint_s: Sequence[float]
    stop_s: Sequence[float]
    exchanges: int


@dataclass(frozen=True, slots=True)
class AlicatFigures:
    """`paces`: for units on the line and their latency, each master's. `beside_dead`: our polls per second of
    each of two units, the third of which is dead."""

    paces: Mapping[tuple[int, float], Mapping[str, Pace]]
    beside_dead: float
    orders: Mapping[float, Orders]
    peer: Peer | None

    def report(self) -> Report:
        notes = (_peer_note(self.peer),)
        return Report((_pace_table(self), _order_table(self.orders)), tuple(_targets(self)), notes)


def measure(scale: float = 1.0, latencies_s: Sequence[float] = LATENCIES_S) -> AlicatFigures:
    """`scale` 1 takes about five minutes."""
    scenes = [(units, latency_s) for units in (ONE, THREE) for latency_s in latencies_s]
    return AlicatFigures(
        {(len(units), latency_s): _paces(units, latency_s, scale) for units, latency_s in scenes},
        _beside_dead(scale),
        {latency_s: _orders(latency_s, scale) for latency_s in latencies_s},
        _peer(scale) if peer.is_there("alicat") else None,
    )


# -- measuring -------------------------------------------------------------------------------------


def _line(units: Sequence[str], latency_s: float) -> Any:
    return simulated(
        "alicat", "--units", ",".join(units), "--noise", NOISE, baudrate=BAUDRATE, latency_s=latency_s
    )


def _paces(units: Sequence[str], latency_s: float, scale: float) -> dict[str, Pace]:
    """Masters in turns; as long for each unit, whose readings are counted whole."""
    rounds, seconds = max(1, round(3 * scale)), max(0.6, min(3.0, 3.0 * scale)) * len(units)
    runs: dict[str, list[Run]] = {kind: [] for kind in MASTERS}
    with awake(), _line(units, latency_s) as line:
        for _ in range(rounds):
            for kind, done in runs.items():
                done.append(_poll(kind, line, units, seconds))
    return {kind: _pace(done, units, latency_s) for kind, done in runs.items()}


def _poll(kind: str, line: FarEnd, units: Sequence[str], seconds: float) -> Run:
    job: dict[str, Any] = {"url": line.url, "baudrate": BAUDRATE, "units": units}
    return run_from(run("alicat_ours", kind=kind, warm_s=0.5, seconds=seconds, **job), str)


def _beside_dead(scale: float) -> float:
    with awake(), _line(THREE, 0.0) as line:
        line.throw(f"{THREE[-1]}=DEAD")
        found = _poll("ours", line, THREE, max(2.0, 10.0 * scale))
    return min(found.rate(unit) for unit in THREE[:-1])


def _pace(runs: Sequence[Run], units: Sequence[str], latency_s: float) -> Pace:
    return Pace(
        median(min(one.rate(unit) for unit in units) for one in runs),
        median(one.of_wire_limit(BAUDRATE, latency_s) for one in runs),
        median(one.cpu for one in runs),
    )


def _orders(latency_s: float, scale: float) -> Orders:
    with awake(), _line(THREE, latency_s) as line:
        job: dict[str, Any] = {"url": line.url, "baudrate": BAUDRATE, "units": THREE, "seed": 1}
        count = max(9, round(200 * scale))
        times = run("alicat_ours", Urgency.HARDWARE, kind="orders", count=count, **job)
        stops = run("alicat_ours", Urgency.HARDWARE, kind="stops", count=max(3, round(60 * scale)), **job)
    last = sorted(max(one["confirmed_s"]) for one in stops)
    return Orders(sorted(times), last, max(one["exchanges"] for one in stops))


def _peer(scale: float) -> Peer:
    seconds, setpoints = max(1.0, 10.0 * scale), max(2, round(20 * scale))
    with awake(), _line(THREE, 0.0) as line:
        one = _ask_peer(line, ONE, seconds, setpoints)
        three = _ask_peer(line, THREE, seconds, 0)
        line.throw(f"{THREE[-1]}=DEAD")
        beside = _ask_peer(line, THREE, seconds, 0)
    return Peer(
        one["polls_per_s"][ONE[0]],
        min(three["polls_per_s"].values()),
        min(beside["polls_per_s"][unit] for unit in THREE[:-1]),
        median(one["setpoint_s"]),
    )


def _ask_peer(line: FarEnd, units: Sequence[str], seconds: float, setpoints: int) -> Any:
    job: dict[str, Any] = {"url": line.url, "units": units, "seconds": seconds, "setpoints": setpoints}
    return peer.run("alicat", "alicat_peer.py", **job)


# -- bounds ----------------------------------------------------------------------------------------


def setpoint_bound_s(latency_s: float) -> float:
    """The poll that may be in flight, the order's own exchange, and 3 ms for all else."""
    return crossing_s(POLL + ORDER, BAUDRATE) + 2 * latency_s + ALLOWANCE_S


def stop_bound_s(latency_s: float) -> float:
    """The poll that may be in flight, an exchange for each of three units, and 3 ms for all else."""
    return crossing_s(POLL + 3 * ORDER, BAUDRATE) + 4 * latency_s + ALLOWANCE_S


# -- report ----------------------------------------------------------------------------------------


def _targets(figures: AlicatFigures) -> list[Target]:
    ours = {scene: paces["ours"] for scene, paces in figures.paces.items()}
    worst = min(pace.of_wire_limit for pace in ours.values())
    hz = min(pace.hz_each for (units, latency_s), pace in ours.items() if units == 3 and latency_s == 0.0)
    targets = [
        Target("Alicat: part of the wire limit", ">= 0.96", f"{worst:.3f}", worst >= 0.96),
        Target(
            "Alicat: each of three units on 19200 baud",
            f">= {WANTED_HZ:g} Hz",
            f"{hz:.2f} Hz",
            hz >= WANTED_HZ,
        ),
    ]
    for latency_s, orders in figures.orders.items():
        p99, bound = percentile(orders.setpoint_s, 0.99), setpoint_bound_s(latency_s)
        what = f"Alicat: p99 of a setpoint confirmed, {1e3 * latency_s:g} ms units"
        targets.append(Target(what, f"<= {1e3 * bound:.1f} ms", f"{1e3 * p99:.1f} ms", p99 <= bound))
    most = max(orders.exchanges for orders in figures.orders.values())
    what = "Alicat: transactions until three units on a saturated line are at zero"
    targets.append(Target(what, f"<= {STOP_EXCHANGES}", str(most), most <= STOP_EXCHANGES))
    return targets


def _pace_table(figures: AlicatFigures) -> Table:
    columns = ("units, master", "Hz each", "part of the wire limit", "CPU, % of a core")
    rows = [
        (
            f"{units} x {1e3 * latency_s:g} ms, {MASTERS[kind]}",
            f"{pace.hz_each:.2f}",
            f"{pace.of_wire_limit:.3f}",
            f"{100 * pace.cpu:.0f}",
        )
        for (units, latency_s), paces in figures.paces.items()
        for kind, pace in paces.items()
    ]
    rows.append(("2 x 0 ms beside a dead third, ours", f"{figures.beside_dead:.2f}", "", ""))
    if figures.peer:
        rows += [
            (name, f"{hz:.2f}", part and f"{units * hz * crossing_s(POLL, BAUDRATE):.3f}", "")
            for name, units, hz, part in (
                ("1 x 0 ms, the `alicat` package", 1, figures.peer.one, True),
                ("3 x 0 ms, the `alicat` package", 3, figures.peer.three, True),
                ("2 x 0 ms beside a dead third, the `alicat` package", 2, figures.peer.beside_dead, ""),
            )
        ]
    return Table("Polled as fast as it goes, 19200 baud; answers after so long:", columns, tuple(rows))


def _peer_note(found: Peer | None) -> str:
    if found is None:
        return f"The `alicat` package: {peer.HOW_TO}."
    return f"A setpoint with the `alicat` package while nobody polls: {1e3 * found.setpoint_s:.0f} ms."


def _order_table(orders: Mapping[float, Orders]) -> Table:
    columns = ("order, units answer after", "p50, ms", "p99, ms", "longest, ms", "bound, ms", "orders")
    rows = []
    for latency_s, found in orders.items():
        after = f"{1e3 * latency_s:g} ms"
        rows.append(_order_row(f"setpoint confirmed; {after}", found.setpoint_s, setpoint_bound_s(latency_s)))
        rows.append(_order_row(f"all three at zero; {after}", found.stop_s, stop_bound_s(latency_s)))
    return Table("While all three are polled as fast as it goes:", columns, tuple(rows))


def _order_row(name: str, times: Sequence[float], bound_s: float) -> tuple[str, ...]:
    parts = (percentile(times, 0.5), percentile(times, 0.99), times[-1], bound_s)
    return (name, *(f"{1e3 * part:.1f}" for part in parts), str(len(times)))
