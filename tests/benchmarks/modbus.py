"""Modbus supplies: block reads against the wire and pymodbus' clients, orders and cuts, late answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from devsup.line import LineSettings
from devsup.modbus_bus import silence_s
from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.runs import Run, percentile, run_from
from tests.benchmarks.scene import FarEnd, Urgency, awake, run, simulated
from tests.benchmarks.wire_time import crossing_s

BAUDRATES = (9600, 115200)
UNITS = (1, 2)
BLOCK, PAIR, SWITCH = 8 + 31, 13 + 8, 8 + 8  # bytes of a block read, of FC16 with two values, of FC06
ORDER_LATENCY_S = 0.005
ALLOWANCE_S = 0.003
LATE_SHARE = 0.2
WANTED = 0.95
MASTERS = {
    "ours": "ours: t3.5 kept, every check",
    "no gap": "ours: no gap, every check",
    "async": "pymodbus async client (keeps no gap)",
    "sync": "pymodbus sync client",
    "bare": "bare loop, no gap, nothing checked",
}
KEEPS_GAP = ("ours", "sync")


@dataclass(frozen=True, slots=True)
class Pace:
    """Medians over the rounds: reads per second; parts of the time bytes need, without and with t3.5."""

    reads_per_s: float
    of_bytes: float
    of_frames: float
    cpu: float


@dataclass(frozen=True, slots=True)
class ModbusFigures:
    """`paces`: each master's by baud rate; `orders`, `cuts`: seconds in order of size, by baud rate; `late`:
    of ours and of pymodbus, what became of reads when one answer in five was late."""

    paces: Mapping[int, Mapping[str, Pace]]
    orders: Mapping[int, Sequence[float]]
    cuts: Mapping[int, Sequence[float]]
    late: Mapping[str, Mapping[str, int]]

    def report(self) -> Report:
        tables = (_pace_table(self.paces), _order_table(self), _late_table(self.late))
        return Report(tables, tuple(_targets(self)))


def measure(scale: float = 1.0, baudrates: Sequence[int] = BAUDRATES) -> ModbusFigures:
    """`scale` 1 takes about three minutes."""
    count = max(5, round(100 * scale))
    return ModbusFigures(
        {baudrate: _paces(baudrate, scale) for baudrate in baudrates},
        {baudrate: _times("orders", baudrate, count) for baudrate in baudrates},
        {baudrate: _times("cuts", baudrate, max(3, count // 2)) for baudrate in baudrates},
        _late(max(40, round(500 * scale))),
    )


# -- measuring -------------------------------------------------------------------------------------


def _line(baudrate: int, latency_s: float = 0.0) -> Any:
    return simulated("dps5015", "--units", ",".join(map(str, UNITS)), baudrate=baudrate, latency_s=latency_s)


def _paces(baudrate: int, scale: float) -> dict[str, Pace]:
    """All masters in turns, on one line with two supplies, which each of them asks in turn."""
    rounds, seconds = max(1, round(3 * scale)), max(0.6, min(3.0, 3.0 * scale))
    runs: dict[str, list[Run]] = {kind: [] for kind in MASTERS}
    with awake(), _line(baudrate) as line:
        for _ in range(rounds):
            for kind, done in runs.items():
                done.append(_poll(kind, line, baudrate, seconds))
    return {kind: _pace(done, baudrate) for kind, done in runs.items()}


def _poll(kind: str, line: FarEnd, baudrate: int, seconds: float) -> Run:
    job: dict[str, Any] = {"url": line.url, "baudrate": baudrate, "units": UNITS}
    module = "modbus_vendor" if kind in ("sync", "async") else "modbus_ours"
    return run_from(run(module, kind=kind, warm_s=seconds / 4, seconds=seconds, **job))


def _pace(runs: Sequence[Run], baudrate: int) -> Pace:
    return Pace(
        median(one.exchanges_per_s for one in runs),
        median(one.of_wire_limit(baudrate, 0.0) for one in runs),
        median(one.of_wire_limit(baudrate, _gap_s(baudrate)) for one in runs),
        median(one.cpu for one in runs),
    )


def _times(kind: str, baudrate: int, count: int) -> list[float]:
    with awake(), _line(baudrate, ORDER_LATENCY_S) as line:
        job: dict[str, Any] = {"url": line.url, "baudrate": baudrate, "units": UNITS, "seed": 1}
        return sorted(run("modbus_ours", Urgency.HARDWARE, kind=kind, count=count, **job))


def _late(count: int) -> dict[str, Mapping[str, int]]:
    found = {}
    for name, module in (("ours", "modbus_ours"), ("pymodbus", "modbus_vendor")):
        with awake(), simulated("modbus", "--units", 1, "--counting", baudrate=BAUDRATES[-1]) as line:
            line.throw(f"1=LATE:{LATE_SHARE}")
            job: dict[str, Any] = {"url": line.url, "baudrate": BAUDRATES[-1], "units": [1]}
            found[name] = run(module, kind="late", count=count, **job)
    return found


# -- bounds ----------------------------------------------------------------------------------------


def _gap_s(baudrate: int) -> float:
    return silence_s(LineSettings("", baudrate))


def order_bound_s(baudrate: int) -> float:
    """The block that may be in flight, the order, the block that confirms it, and 3 ms for all else."""
    return _exchanges_s(baudrate, BLOCK, PAIR, BLOCK) + ALLOWANCE_S


def cut_bound_s(baudrate: int) -> float:
    """The block that may be in flight, then for each of two supplies the order and the block."""
    return _exchanges_s(baudrate, BLOCK, *(SWITCH, BLOCK) * len(UNITS)) + ALLOWANCE_S


def _exchanges_s(baudrate: int, *sizes: int) -> float:
    return crossing_s(sum(sizes), baudrate) + len(sizes) * (ORDER_LATENCY_S + _gap_s(baudrate))


# -- report ----------------------------------------------------------------------------------------


def _targets(figures: ModbusFigures) -> list[Target]:
    targets = []
    for baudrate, paces in figures.paces.items():
        for what, part in (
            ("the bytes' limit, no gap", paces["no gap"].of_bytes),
            ("the limit with t3.5, gap kept", paces["ours"].of_frames),
        ):
            name = f"Modbus: block read at {baudrate} baud, part of {what}"
            targets.append(Target(name, f">= {WANTED}", f"{part:.3f}", part >= WANTED))
    for name, all_times, bound in (
        ("p99 of both set points confirmed", figures.orders, order_bound_s),
        ("p99 of both supplies confirmed off", figures.cuts, cut_bound_s),
    ):
        for baudrate, times in all_times.items():
            got, limit = percentile(times, 0.99), bound(baudrate)
            what = f"Modbus: {name}, saturated line, {baudrate} baud"
            targets.append(Target(what, f"<= {1e3 * limit:.1f} ms", f"{1e3 * got:.1f} ms", got <= limit))
    wrong = figures.late["ours"]["wrong"]
    targets.append(Target("Modbus: late answers taken for readings", "0", str(wrong), wrong == 0))
    return targets


def _pace_table(paces: Mapping[int, Mapping[str, Pace]]) -> Table:
    columns = ("master", "reads/s", "part of bytes' limit", "part of limit with t3.5", "CPU, % of a core")
    rows = tuple(
        (
            f"{baudrate} baud, {MASTERS[kind]}",
            f"{pace.reads_per_s:.1f}",
            f"{pace.of_bytes:.3f}",
            f"{pace.of_frames:.3f}" if kind in KEEPS_GAP else "",
            f"{100 * pace.cpu:.0f}",
        )
        for baudrate, each in paces.items()
        for kind, pace in each.items()
    )
    return Table(
        "Two supplies in turn, 13 registers in one read (39 bytes), as fast as it goes:", columns, rows
    )


def _order_table(figures: ModbusFigures) -> Table:
    columns = ("order", "p50, ms", "p99, ms", "longest, ms", "bound, ms", "orders")
    rows = [
        (f"{name}, {baudrate} baud", *_parts(times, bound(baudrate)), str(len(times)))
        for name, all_times, bound in (
            ("both set points, read back", figures.orders, order_bound_s),
            ("both supplies off, read back", figures.cuts, cut_bound_s),
        )
        for baudrate, times in all_times.items()
    ]
    scene = (
        f"While two supplies, which answer after {1e3 * ORDER_LATENCY_S:g} ms, are polled as fast as it goes:"
    )
    return Table(scene, columns, tuple(rows))


def _parts(times: Sequence[float], bound_s: float) -> tuple[str, ...]:
    parts = (percentile(times, 0.5), percentile(times, 0.99), times[-1], bound_s)
    return tuple(f"{1e3 * part:.1f}" for part in parts)


def _late_table(late: Mapping[str, Mapping[str, int]]) -> Table:
    rows = tuple(
        (name, *(str(found[kind]) for kind in ("right", "refused", "wrong"))) for name, found in late.items()
    )
    scene = (
        f"Every read is answered, but {LATE_SHARE:.0%} of the answers only when the next question has come:"
    )
    return Table(scene, ("master", "right values", "refused", "values of an older question"), rows)
