"""The sonicator board: telemetry of four, starts and stops, an overload, a step of the logic, keep-alives."""

import timeit
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from devsup.sonicator_values import Flag, Reading
from iocs.sonicator.logic import Inputs, Machine, Tuning, adopt, born, step
from tests.benchmarks import sonicator_ioc
from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.runs import percentile, run_from
from tests.benchmarks.scene import Urgency, awake, run, simulated
from tests.benchmarks.sonicator_ioc import BAUDRATE, Endurance
from tests.benchmarks.wire_time import crossing_s

LATENCIES_S = (0.0, 0.001)
GAP_S = 0.00175  # t3.5 above 19200 baud: the silence that separates two frames
READ, WRITE = 8 + 5, 8 + 8  # bytes of a question and its answer, without registers
FAST, STATUS, IMAGE = READ + 2 * 4, READ + 2 * 7, READ + 2 * 24
BACK = READ + 2
ALLOWANCE_S = 0.003
WANTED_HZ = 50.0
POLL_S = 0.02
STEP_LIMIT_US = 20.0
NUMBERS = (1, 2, 3, 4)
SCENES = {"alone": "telemetry alone", "as in the IOC": "with keep-alive and register scan, as in the IOC"}


@dataclass(frozen=True, slots=True)
class Pace:
    """Medians over the rounds: cycles of four per second, part of the wire limit with and without gaps."""

    hz: float
    transactions_per_s: float
    of_limit: float
    of_bytes: float
    cpu: float


@dataclass(frozen=True, slots=True)
class SonicatorFigures:
    """Times in order of size. `orders`: for latency, order and stage; `puts`: for latency and order."""

    paces: Mapping[tuple[float, str], Pace]
    orders: Mapping[float, Mapping[tuple[str, str], Sequence[float]]]
    puts: Mapping[float, Mapping[str, Sequence[float]]]
    overloads: Sequence[float]
    step_us: float

    def report(self) -> Report:
        return Report((_pace_table(self.paces), _order_table(self)), tuple(_targets(self)))


@dataclass(frozen=True, slots=True)
class EnduranceFigures:
    """The keep-alive under four clients."""

    found: Endurance

    def report(self) -> Report:
        found = self.found
        table = Table(
            "Four clients put at random; the board goes deaf after 1 s without a request:",
            ("duration, s", "puts", "refused", "keep-alives missed", "keep-alives/s, end", "board deaf"),
            (
                (
                    f"{found.seconds:.0f}", str(found.puts), str(found.refused), str(found.missed),
                    f"{found.rate_hz:.1f}", "yes" if found.deaf else "no",
                ),
            ),
        )  # fmt: skip
        met = found.missed == 0 and not found.deaf
        what = f"Sonicators: keep-alives missed in {found.seconds:.0f} s, four clients putting at random"
        return Report((table,), (Target(what, "0", str(found.missed), met),))


def measure(scale: float = 1.0, latencies_s: Sequence[float] = LATENCIES_S) -> SonicatorFigures:
    """`scale` 1 takes about three minutes."""
    rounds, seconds = max(1, round(3 * scale)), max(0.5, min(3.0, 3.0 * scale))
    count = max(5, round(100 * scale))
    return SonicatorFigures(
        {
            (latency_s, kind): _pace(latency_s, kind, rounds, seconds)
            for latency_s in latencies_s
            for kind in SCENES
        },
        {latency_s: _orders(latency_s, count) for latency_s in latencies_s},
        {latency_s: _puts(latency_s, max(3, round(100 * scale))) for latency_s in latencies_s[:1]},
        sonicator_ioc.overload_times(max(2, round(40 * scale)), POLL_S, 0.0),
        step_us(),
    )


def measure_endurance(scale: float = 1.0) -> EnduranceFigures:
    """`scale` 1 takes ten minutes."""
    return EnduranceFigures(sonicator_ioc.endurance(max(2.0, 600.0 * scale)))


# -- measuring -------------------------------------------------------------------------------------


def _line(latency_s: float) -> Any:
    wired = ",".join(map(str, NUMBERS))
    return simulated("sonicator", "--wired", wired, baudrate=BAUDRATE, latency_s=latency_s)


def _pace(latency_s: float, kind: str, rounds: int, seconds: float) -> Pace:
    job: dict[str, Any] = {"baudrate": BAUDRATE, "alone": kind == "alone", "warm_s": 0.3, "seconds": seconds}
    with awake(), _line(latency_s) as line:
        runs = [run_from(run("sonicator_ours", kind="telemetry", url=line.url, **job)) for _ in range(rounds)]
    return Pace(
        median(min(one.rate(number) for number in NUMBERS) for one in runs),
        median(one.exchanges_per_s for one in runs),
        median(one.of_wire_limit(BAUDRATE, latency_s + GAP_S) for one in runs),
        median(one.of_wire_limit(BAUDRATE, latency_s) for one in runs),
        median(one.cpu for one in runs),
    )


def _orders(latency_s: float, count: int) -> dict[tuple[str, str], list[float]]:
    with awake(), _line(latency_s) as line:
        job: dict[str, Any] = {"url": line.url, "baudrate": BAUDRATE, "count": count, "seed": 1}
        done = run("sonicator_ours", Urgency.HARDWARE, kind="orders", **job)
    return {
        (order, stage): sorted(one[f"{stage}_s"] for one in times)
        for order, times in done.items()
        for stage in ("acknowledged", "returned")
    }


def _puts(latency_s: float, count: int) -> dict[str, list[float]]:
    return sonicator_ioc.put_times(count, latency_s)


def step_us() -> float:
    """One step of the state machine with a fresh reading, running, nothing wrong; the best of many."""
    tuning, now = Tuning(), 0.0
    reading = Reading(300.0, 20000.0, Flag.RUNNING | Flag.FREQ_LOCK, 60.0, now, now)
    machine: Machine = adopt(born(now), reading, now)

    def one() -> None:
        nonlocal machine, now, reading
        now += POLL_S
        reading = replace(reading, at=now)
        machine, _ = step(machine, Inputs(reading), tuning, now)

    return 1e6 * min(timeit.repeat(one, number=2000, repeat=10)) / 2000


# -- bounds ----------------------------------------------------------------------------------------


def bound_s(order: str, stage: str, latency_s: float) -> float:
    """The longest transaction that may be in flight (a register image), the order's own exchanges with the
    gaps that Modbus wants before them, and 3 ms for everything else."""
    own = [WRITE] if order == "stop" else [WRITE, BACK, WRITE]
    own += [BACK] if stage == "returned" else []
    return crossing_s(IMAGE + sum(own), BAUDRATE) + (1 + len(own)) * (latency_s + GAP_S) + ALLOWANCE_S


def put_bound_s(order: str, latency_s: float, puts: Mapping[str, Sequence[float]]) -> float:
    """The same for a client, plus what a put usually takes that asks nothing of the board."""
    return bound_s(order, "returned", latency_s) + percentile(puts["neither"], 0.5)


def overload_bound_s() -> float:
    """One poll period, the longest transaction in flight when the poll is due, the poll itself, the order."""
    return POLL_S + crossing_s(IMAGE + FAST + 8, BAUDRATE) + 3 * GAP_S + ALLOWANCE_S


# -- report ----------------------------------------------------------------------------------------


def _targets(figures: SonicatorFigures) -> list[Target]:
    latency_s = min(latency_s for latency_s, _ in figures.paces)
    hz = figures.paces[latency_s, "as in the IOC"].hz
    what = f"Sonicators: cycles of four with keep-alive and scan beside them, {1e3 * latency_s:g} ms board"
    targets = [Target(what, f">= {WANTED_HZ:g} Hz", f"{hz:.1f} Hz", hz >= WANTED_HZ)]
    for latency_s, orders in figures.orders.items():
        for order in ("start", "stop"):
            got = percentile(orders[order, "acknowledged"], 0.99)
            what = f"Sonicators: p99 of a {order} acknowledged, saturated line, {1e3 * latency_s:g} ms board"
            targets.append(_below(what, got, bound_s(order, "acknowledged", latency_s)))
    for latency_s, puts in figures.puts.items():
        for order in ("start", "stop"):
            what = f"Sonicators: p99 of {order.capitalize()} put to put-callback, read back"
            targets.append(_below(what, percentile(puts[order], 0.99), put_bound_s(order, latency_s, puts)))
    targets.append(
        _below(
            "Sonicators: overload flag to stop on the wire, longest",
            figures.overloads[-1],
            overload_bound_s(),
        )
    )
    us = figures.step_us
    targets.append(
        Target(
            "Sonicators: one step of the logic", f"< {STEP_LIMIT_US:g} us", f"{us:.1f} us", us < STEP_LIMIT_US
        )
    )
    return targets


def _below(what: str, got_s: float, bound: float) -> Target:
    return Target(what, f"<= {1e3 * bound:.1f} ms", f"{1e3 * got_s:.1f} ms", got_s <= bound)


def _pace_table(paces: Mapping[tuple[float, str], Pace]) -> Table:
    columns = (
        "board answers after", "cycles of four/s", "transactions/s", "part of the wire limit, t3.5 included",
        "… of bytes alone", "CPU, % of a core",
    )  # fmt: skip
    rows = tuple(
        (
            f"{1e3 * latency_s:g} ms, {SCENES[kind]}",
            f"{pace.hz:.1f}",
            f"{pace.transactions_per_s:.0f}",
            f"{pace.of_limit:.3f}",
            f"{pace.of_bytes:.3f}",
            f"{100 * pace.cpu:.0f}",
        )
        for (latency_s, kind), pace in paces.items()
    )
    return Table(
        "Four sonicators, one transaction of 4 registers each per cycle, 115200 baud:", columns, rows
    )


def _order_table(figures: SonicatorFigures) -> Table:
    columns = ("order", "p50, ms", "p99, ms", "longest, ms", "bound, ms", "orders")
    rows = [
        _row(
            f"{order} {stage}; board answers after {1e3 * latency_s:g} ms",
            times,
            bound_s(order, stage, latency_s),
        )
        for latency_s, orders in figures.orders.items()
        for (order, stage), times in orders.items()
    ]
    for latency_s, puts in figures.puts.items():
        for order in ("start", "stop"):
            name = f"{order.capitalize()}: put to put-callback at a client"
            rows.append(_row(name, puts[order], put_bound_s(order, latency_s, puts)))
        rows.append(
            (
                *_row("put that asks nothing of the board", puts["neither"], 0.0)[:4],
                "",
                str(len(puts["neither"])),
            )
        )
    rows.append(_row("overload flag to stop on the wire", figures.overloads, overload_bound_s()))
    return Table(
        "While all four are polled as fast as it goes (overload: every 20 ms):", columns, tuple(rows)
    )


def _row(name: str, times: Sequence[float], bound: float) -> tuple[str, ...]:
    parts = (percentile(times, 0.5), percentile(times, 0.99), times[-1], bound)
    return (name, *(f"{1e3 * part:.1f}" for part in parts), str(len(times)))
