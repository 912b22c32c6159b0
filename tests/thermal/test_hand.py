"""The hand on a supply: what it does when something comes between an order and its end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from devsup.dps5015 import Supply, SupplyLimits, SupplyReading
from devsup.errors import DeviceFault
from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.sim.dps5015 import DpsSupply, Resistor
from devsup.sim.modbus_line import ModbusLine
from iocs.thermal.hand import Hand
from iocs.thermal.logic.facts import Setting
from tests.devsup.sim_line import SimLine, SimPort

LIMITS = SupplyLimits(volts=16.0, amps=10.6, over_voltage=17.0, over_current=12.0)
RUN = Setting(16.0, 3.0, True)


class Bench:
    """A simulated supply, its hand, and a place after each exchange where something can come between."""

    def __init__(self) -> None:
        self.sim = DpsSupply(Resistor(2.0))
        self.line = SimLine(ModbusLine({1: self.sim}, None, 0.005))
        self.supply = Supply(ModbusBus(cast(Port, SimPort(self.line))), 1, "PSU1", limits=LIMITS)
        self.readings: list[SupplyReading] = []
        self.failures: list[str] = []
        self.hand = Hand(self.supply, self.readings.append, self._attempt)

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> str:
        try:
            await work()
        except DeviceFault as fault:
            self.failures.append(str(fault))
            return str(fault)
        return ""

    async def obey(self, setting: Setting = RUN, *, validate: bool = True) -> None:
        """Until the order is done with."""
        self.hand.order(setting, validate=validate)
        while self.hand.pending:
            await asyncio.sleep(0)

    def between(self, happens: Callable[[], Awaitable[object]]) -> None:
        """Something happens when the set points have been written, before the output is switched."""
        write = self.supply.set

        async def interrupted(voltage: float, current: float) -> SupplyReading:
            reading = await write(voltage, current)
            await happens()
            return reading

        self.supply.set = interrupted  # type: ignore[method-assign]


@asynccontextmanager
async def at_work() -> AsyncIterator[Bench]:
    bench = Bench()
    await bench.supply.poll()
    task = asyncio.create_task(bench.hand.run())
    try:
        yield bench
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_supply_at_rest_is_set_and_switched_on() -> None:
    async with at_work() as bench:
        await bench.obey()
        assert (bench.sim.output, bench.sim.set_volts, bench.sim.set_amps) == (True, 16.0, 3.0)
        assert bench.hand.confirmed == RUN


async def test_a_cut_between_set_points_and_output_leaves_it_off() -> None:
    async with at_work() as bench:
        bench.between(bench.supply.safe)
        await bench.obey()
        assert not bench.sim.output
        assert bench.hand.confirmed is None, "the order has confirmed nothing"


async def test_an_order_that_waited_during_a_cut_is_void() -> None:
    async with at_work() as bench:
        bench.hand.order(RUN, validate=True)
        await bench.supply.safe()
        while bench.hand.pending:
            await asyncio.sleep(0)
        assert not bench.sim.output
        await bench.obey()
        assert bench.sim.output, "a new one holds"


async def test_what_was_running_and_went_off_is_not_switched_on() -> None:
    async with at_work() as bench:
        await bench.obey()

        async def key() -> None:
            bench.sim.press_output()

        poll = bench.supply.poll

        async def pressed() -> SupplyReading:
            reading = await poll()
            await key()
            return reading

        bench.supply.poll = pressed  # type: ignore[method-assign]
        await bench.obey(Setting(16.0, 3.5, True))
        assert not bench.sim.output


async def test_a_reduction_never_switches_on() -> None:
    async with at_work() as bench:
        await bench.obey(Setting(16.0, 2.5, True), validate=False)
        assert not bench.sim.output
        assert bench.sim.set_amps == 2.5


async def test_off_is_confirmed_as_off() -> None:
    async with at_work() as bench:
        await bench.obey()
        await bench.obey(Setting(16.0, 0.0, False), validate=False)
        assert not bench.sim.output
        assert bench.hand.confirmed == Setting(16.0, 0.0, False)


async def test_what_a_hand_has_touched_is_not_written_to() -> None:
    async with at_work() as bench:
        bench.hand.touched = lambda: "PSU1 has 4 A"
        await bench.obey()
        assert not bench.sim.output and bench.sim.set_amps != 3.0


async def test_what_failed_has_left_nothing_known() -> None:
    async with at_work() as bench:
        await bench.obey()
        bench.sim.cut_power()
        await bench.obey(Setting(16.0, 3.5, True))
        assert bench.failures and bench.hand.confirmed is None
