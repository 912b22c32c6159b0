"""The cold plate: how many exchanges a cut takes, what a step takes, a day, and where twenty rooms end."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from devsup.sim.modbus_line import ModbusLine
from devsup.sim.tec_plant import Conditions
from devsup.sim.wire import Transmission
from iocs.thermal.logic.controller import Controller
from iocs.thermal.logic.facts import Inputs, Orders, Request, State
from iocs.thermal.logic.parameters import Parameters
from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.runs import percentile
from tests.benchmarks.scene import NEAR_CORE, Urgency, awake, on_core
from tests.benchmarks.wire_time import crossing_s
from tests.thermal.bench import SUPPLIES, Bench, Wire
from tests.thermal.closed_loop import Loop
from tests.thermal.scenario_table import COLUMNS, row
from tests.thermal.scenarios import HOURS, SCENARIOS, Outcome, play

BAUDRATE = 9600
FAST = Wire(BAUDRATE, latency_s=0.005, patience_s=0.3)
STOCK = Wire(BAUDRATE, latency_s=0.005, rhythm_s=0.4, patience_s=1.0)
HOT_C, FAULT_C = 76.0, 70.0
BLOCK, OUTPUT = 31, slice(21, 23)  # bytes of a block's answer, and where its ONOFF stands
STEP_LIMIT_US, DAY_LIMIT_S, GAP_LIMIT_K = 100.0, 30.0, 0.3
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and its answer on a line, monotonic seconds; `off`: the answer shows the output off."""

    began: float
    ended: float
    unit: int
    off: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """From the sample that was too hot: exchanges until the last supply had confirmed, of the line with most
    of them, what was in flight included; seconds."""

    exchanges: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ThermalFigures:
    """`cuts` by layout; `steps`: seconds each, in order of size; `day_s`: logic and physics, for `days`."""

    cuts: Mapping[str, Sequence[Cut]]
    steps: Sequence[float]
    day_s: float
    days: float
    outcomes: Sequence[Outcome]

    def report(self) -> Report:
        tables = (_cut_table(self.cuts), _step_table(self), _outcome_table(self.outcomes))
        return Report(tables, tuple(_targets(self)))


def measure(scale: float = 1.0) -> ThermalFigures:
    """`scale` 1 takes about four minutes."""
    count = max(2, round(8 * scale))
    cuts = {name: _cuts(count, **layout) for name, (layout, _) in LAYOUTS.items()}
    days = min(1.0, scale)
    with on_core(NEAR_CORE, Urgency.FIRST):
        steps, day_s = _day(days)
    scenarios = SCENARIOS[: max(2, round(len(SCENARIOS) * scale))]
    outcomes = [play(one, hours=HOURS * min(1.0, max(scale, 0.1))) for one in scenarios]
    return ThermalFigures(cuts, steps, day_s, days, outcomes)


# -- a cut -----------------------------------------------------------------------------------------

Layout = dict[str, Wire | bool]
LAYOUTS: Mapping[str, tuple[Layout, int]] = {
    "a line each, answers after 5 ms": ({"wire": FAST}, 1 + 2),
    "one line, answers after 5 ms": ({"wire": FAST, "shared_line": True}, 1 + 2 * len(SUPPLIES)),
    "a line each, stock firmware (every 400 ms)": ({"wire": STOCK}, 1 + 2),
}
"""How the supplies are connected, and how many exchanges of a line a cut may take: one that is in flight,
then two for each supply on it."""


class Watched(ModbusLine):
    """Notes every exchange in the time of the line. The answer has crossed it at `ended`."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.exchanges: list[Exchange] = []

    def receive(self, data: bytes, now: float) -> list[Transmission]:
        sent = super().receive(data, now)
        for one in sent:
            ended = now + one.delay_s + crossing_s(len(one.data), BAUDRATE)
            off = len(one.data) == BLOCK and not any(one.data[OUTPUT])
            began = now - crossing_s(len(data), BAUDRATE)
            self.exchanges.append(Exchange(began, ended, one.data[0], off))
        return sent


def _cuts(count: int, **layout: Wire | bool) -> list[Cut]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, awake():
        with Bench(Path(folder), amps=6.0, start=False, server=Watched, **layout) as bench:  # type: ignore[arg-type]
            return [_cut_once(bench) for _ in range(count)]


def _cut_once(bench: Bench) -> Cut:
    """The hot side is too hot within a second; the sample that shows it has the time of its PV."""
    bench.calm()
    with bench.sudden(), bench.watch("HotPlate") as hot:
        bench.heat(HOT_C)
        shown = hot.wait_for(lambda event: event.value >= FAULT_C).timestamp
        bench.wait(lambda: bench.amps() == [0.0, 0.0], "both off")
        bench.wait_state(State.THERMAL_FAULT)
        bench.wait(lambda: not any(bench.get(f"{name}:Output_RBV") for name in SUPPLIES), "confirmed")
    sampled = shown - time.time() + time.monotonic()
    found = [_after(sampled, server) for server in bench.servers if isinstance(server, Watched)]
    return Cut(max(len(ones) for ones in found), max(ones[-1].ended for ones in found) - sampled)


def _after(sampled: float, line: Watched) -> list[Exchange]:
    """What was exchanged after the sample, or was in flight then, up to the last of the confirmations."""
    after = [one for one in line.exchanges if one.ended > sampled]
    units = {one.unit for one in after}
    confirmed = [min(one.ended for one in after if one.unit == unit and one.off) for unit in units]
    return [one for one in after if one.ended <= max(confirmed)]


# -- a day -----------------------------------------------------------------------------------------


class Timed(Loop):
    """A closed loop that notes what each step of the logic takes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.took: list[float] = []

    def decide(self, seen: Inputs) -> tuple[Controller, Orders]:
        begin = time.perf_counter()
        made = super().decide(seen)
        self.took.append(time.perf_counter() - begin)
        return made


def _day(days: float) -> tuple[list[float], float]:
    """From Start, a step every second; the room warms by 12 K and cools again."""
    begin = time.perf_counter()
    loop = Timed(conditions=Conditions(18.0, 8.0))
    loop.run(3).ask(Request.START)
    for part in (0.0, 4.0, 8.0, 12.0, 8.0, 4.0):
        loop.plant.conditions = replace(loop.plant.conditions, ambient_c=18.0 + part)
        loop.run(days * DAY_S / 6)
    return sorted(loop.took), time.perf_counter() - begin


# -- report ----------------------------------------------------------------------------------------


def _targets(figures: ThermalFigures) -> list[Target]:
    targets = []
    for name, cuts in figures.cuts.items():
        most, bound = max(cut.exchanges for cut in cuts), LAYOUTS[name][1]
        what = f"Thermal: exchanges from the sample >= {FAULT_C:g} degC to both off, {name}"
        targets.append(Target(what, f"<= {bound}", str(most), most <= bound))
    step_us, day_s = 1e6 * median(figures.steps), figures.day_s / figures.days
    gap = max(one.gap for one in figures.outcomes)
    hottest, alarm = max(one.hottest_c for one in figures.outcomes), Parameters().hot_side_alarm_c
    return [
        *targets,
        Target("Thermal: one step of the logic, median", f"< {STEP_LIMIT_US:.0f} us", f"{step_us:.0f} us",
               step_us < STEP_LIMIT_US),
        Target("Thermal: a simulated day, physics included", f"< {DAY_LIMIT_S:.0f} s", f"{day_s:.1f} s",
               day_s < DAY_LIMIT_S),
        Target(f"Thermal: final gap to the coldest, worst of {len(figures.outcomes)} rooms",
               f"<= {GAP_LIMIT_K:g} K", f"{gap:.2f} K", gap <= GAP_LIMIT_K),
        Target("Thermal: hottest hot side of them", f"< {alarm:g} degC", f"{hottest:.1f} degC",
               hottest < alarm),
    ]  # fmt: skip


def _cut_table(cuts: Mapping[str, Sequence[Cut]]) -> Table:
    columns = ("9600 baud", "most exchanges of a line", "allowed", "p50, ms", "longest, ms", "cuts")
    rows = []
    for name, each in cuts.items():
        times, most = sorted(1e3 * cut.seconds for cut in each), max(cut.exchanges for cut in each)
        figures = (f"{percentile(times, 0.5):.0f}", f"{times[-1]:.0f}", str(len(each)))
        rows.append((name, str(most), str(LAYOUTS[name][1]), *figures))
    return Table("From the sample that is too hot to both supplies confirmed off:", columns, tuple(rows))


def _step_table(figures: ThermalFigures) -> Table:
    columns = ("a step every second", "steps", "median, us", "p99, us", "logic, s", "with physics, s")
    steps = figures.steps
    row = (
        f"{figures.days:.2g} day", str(len(steps)), f"{1e6 * median(steps):.0f}",
        f"{1e6 * percentile(steps, 0.99):.0f}", f"{sum(steps):.1f}", f"{figures.day_s:.1f}",
    )  # fmt: skip
    return Table("", columns, (row,))


def _outcome_table(outcomes: Sequence[Outcome]) -> Table:
    return Table("Rooms and heat loads, from Start:", COLUMNS, tuple(row(one) for one in outcomes))
