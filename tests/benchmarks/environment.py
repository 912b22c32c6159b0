"""The chamber: what a decision takes, a week of them, and an order to a relay board against the wire."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from devsup.line import LineSettings
from devsup.modbus_bus import ModbusBus, silence_s
from devsup.port import Port
from devsup.relays import ModbusRelays
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.relay_board import RelayBoard
from devsup.sim.relays import SimRelays
from devsup.sim.wire import PtyLine
from tests.benchmarks.report import Report, Table, Target
from tests.benchmarks.runs import percentile
from tests.benchmarks.wire_time import crossing_s
from tests.environment.chambers import Week

DAY_S, DAYS = 86_400.0, 7
EVERY_S = 5.0
BAUDRATE = 9600
ORDERS = 200
WRITE, READ = 10 + 8, 8 + 6  # bytes of a question and its answer: function 15, function 1
RELAYS = ("Fan", "Mist", "Light", "Heater")
DECISION_LIMIT_US, WEEK_LIMIT_S, ALLOWANCE_S = 50.0, 10.0, 0.005


@dataclass(frozen=True, slots=True)
class EnvironmentFigures:
    """Times in order of size. `week_s`: decisions and physics together, for `days`."""

    decisions: Sequence[float]
    week_s: float
    days: float
    orders: Sequence[float]

    def report(self) -> Report:
        return Report((self._decisions(), self._orders()), tuple(self._targets()))

    def _decisions(self) -> Table:
        columns = ("a decision every 5 s of chamber time", "decisions", "median, us", "p99, us", "all, s")
        thinking_s = sum(self.decisions)
        row = (
            f"{self.days:.1f} days", str(len(self.decisions)), f"{1e6 * median(self.decisions):.0f}",
            f"{1e6 * percentile(self.decisions, 0.99):.0f}", f"{thinking_s:.1f}",
        )  # fmt: skip
        return Table("", columns, (row,))

    def _orders(self) -> Table:
        limit_s = wire_limit_s()
        middle, slow = median(self.orders), percentile(self.orders, 0.99)
        columns = ("an order for four relays, read back", "median, ms", "p99, ms", "wire alone, ms", "ratio")
        row = (
            f"{BAUDRATE} Bd", f"{1e3 * middle:.1f}", f"{1e3 * slow:.1f}", f"{1e3 * limit_s:.1f}",
            f"{limit_s / middle:.2f}",
        )  # fmt: skip
        return Table("", columns, (row,))

    def _targets(self) -> list[Target]:
        median_us, week_s = 1e6 * median(self.decisions), self.week_s * DAYS / self.days
        order_s, limit_s = median(self.orders), wire_limit_s()
        return [
            Target("Environment: a decision, median", f"< {DECISION_LIMIT_US:.0f} us", f"{median_us:.0f} us",
                   median_us < DECISION_LIMIT_US),
            Target("Environment: a simulated week, physics included", f"< {WEEK_LIMIT_S:.0f} s",
                   f"{week_s:.1f} s", week_s < WEEK_LIMIT_S),
            Target("Environment: relays switched and read back, median",
                   f"< wire + {1e3 * ALLOWANCE_S:.0f} ms ({1e3 * (limit_s + ALLOWANCE_S):.1f} ms)",
                   f"{1e3 * order_s:.1f} ms", order_s < limit_s + ALLOWANCE_S),
        ]  # fmt: skip


def wire_limit_s() -> float:
    """Two questions and their answers, a silence before each question."""
    gaps_s = 2 * silence_s(LineSettings("", BAUDRATE))
    return crossing_s(WRITE + READ, BAUDRATE) + gaps_s


def measure(scale: float = 1.0) -> EnvironmentFigures:
    """`scale` 1 takes about half a minute."""
    week, started = Week(), time.perf_counter()
    week.live(scale * DAYS * DAY_S, EVERY_S)
    week_s = time.perf_counter() - started
    orders = asyncio.run(_orders(max(10, round(scale * ORDERS))))
    return EnvironmentFigures(sorted(week.thoughts_s), week_s, scale * DAYS, sorted(orders))


async def _orders(count: int) -> list[float]:
    """Times of orders to a simulated board on a paced line, every one a change."""
    board = RelayBoard(SimRelays(RELAYS), dict(enumerate(RELAYS)))
    with PtyLine(ModbusLine({1: board}, BAUDRATE, latency_s=0.0), BAUDRATE, name="relays") as wire:
        port = Port("relays", LineSettings(wire.url, BAUDRATE))
        bank = ModbusRelays(ModbusBus(port), 1, "relays", {name: n for n, name in enumerate(RELAYS)})
        port.start()
        try:
            return [await _order(bank, bool(number % 2)) for number in range(count)]
        finally:
            port.stop()


async def _order(bank: ModbusRelays, on: bool) -> float:
    started = time.perf_counter()
    await bank.set(dict.fromkeys(RELAYS, on))
    return time.perf_counter() - started
