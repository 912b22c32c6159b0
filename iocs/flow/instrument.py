"""One instrument behind its PVs: polled, kept an eye on, and told what clients want.

Thin: a put asks logic for permission and device support to carry it out; display.py shows what comes
back. Which line the instrument is on, and who else is, is not known here.
"""

import math
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from devsup.bronkhorst import Instrument
from devsup.bronkhorst_values import OBEYS_SETPOINT
from devsup.errors import DeviceError, DeviceFault, Implausible
from iocs.caserver import Refused
from iocs.common.guard import Guard
from iocs.common.ticks import Ticks
from iocs.flow import logic
from iocs.flow.config import InstrumentConfig
from iocs.flow.display import InstrumentDisplay
from iocs.flow.pvs import MODES

T = TypeVar("T")
COUNTER_S = 2.0  # the totaliser is housekeeping
PLATE_S = 300.0  # range, fluid and name plate are looked at again this often


class FlowInstrument(InstrumentDisplay):
    """Polls one instrument and carries out what is put to its PVs."""

    def __init__(self, prefix: str, instrument: Instrument, config: InstrumentConfig, guard: Guard) -> None:
        super().__init__(prefix, config, instrument.health, instrument.bus.port)
        self.instrument = instrument
        self._guard = guard
        self._changing_fluid = False
        self._counter_due = 0.0
        self._plate_due = math.inf
        self.poll_period.set_ok(config.poll_period_s)
        guard.confirmed[instrument.name] = lambda _: self._zero_confirmed()

    # -- polling ------------------------------------------------------------------------------

    async def keep_house(self) -> None:
        """Counter and name plate, now and then, so that they never hold up a poll."""
        ticks = Ticks(COUNTER_S)
        while True:
            await ticks.next()
            if self.sees:
                await self.attempt(self._read_counter)
                await self.attempt(self._look_again)
            else:
                self._counter_due = 0.0

    def is_needed(self) -> bool:
        return self.wanted or self._guard.must_act(self.instrument)

    def is_excused(self) -> bool:
        return self._changing_fluid

    async def run(self) -> None:
        self.ticks.period_s = self.poll_period.value  # it may have been restored
        await super().run()

    async def poll(self) -> None:
        try:
            await self._read_and_show()
        finally:
            self.doubts.set_ok(self.instrument.doubts)

    async def _read_and_show(self) -> None:
        if not self.sees:
            await self._welcome()
        reading = await self.instrument.poll()
        if self._guard.must_act(self.instrument, logic.at_rest(reading)):
            await self._guard.pay(self.instrument)
            reading = await self.instrument.poll()
        if self._changing_fluid:
            raise Implausible(f"{self.config.name}: the fluid is being changed")  # whose range is it?
        self.show(reading)

    async def _welcome(self) -> None:
        """It may answer, for the first time or again: it may be another one, or freshly powered."""
        try:
            await self.instrument.poll()
        except (DeviceError, Implausible):
            pass  # an answer, if a strange one: a zero can reach it
        if self._guard.must_act(self.instrument):
            await self._guard.pay(self.instrument)
        await self._read_plate()
        self.renew_demands()

    async def _read_plate(self) -> None:
        self.show_plate(await self.instrument.identify())
        self._plate_due = time.monotonic() + PLATE_S

    async def _look_again(self) -> None:
        if time.monotonic() >= self._plate_due and not self._changing_fluid:
            await self._read_plate()

    async def _read_counter(self) -> None:
        if time.monotonic() < self._counter_due:
            return
        try:
            self.counter.set_ok(await self.instrument.read_counter())
        except DeviceError:
            self._counter_due = time.monotonic() + PLATE_S  # it has none, or not now

    # -- orders -------------------------------------------------------------------------------

    async def put_setpoint(self, value: float) -> float:
        self._permit(logic.refuse_setpoint(self._facts(), value, self.setpoint.drvh))
        confirmed = await self._carry_out(self.instrument.set_flow(value))
        self.setpoint_rbv.set_ok(confirmed)
        self._say(f"setpoint {confirmed:g} {self.unit.value}, confirmed")
        return value if math.isclose(value, confirmed, rel_tol=1e-3, abs_tol=1e-6) else confirmed

    async def put_control_mode(self, index: int) -> None:
        mode = list(MODES.values())[index]
        if mode is None:
            raise Refused("Other only shows that the instrument is in a mode without a name here")
        self._permit(logic.refuse_mode(self._facts(), mode))
        await self._carry_out(self.instrument.set_mode(mode))
        self.control_mode_rbv.set_ok(index)
        if self.reading:
            self.reading = replace(self.reading, mode=int(mode))
        self._say(f"control mode {list(MODES)[index]}, confirmed")

    async def put_fluid_index(self, index: int) -> None:
        self._permit(logic.refuse_order(self._facts()))
        self._changing_fluid = True
        self._plate_due = 0.0  # if it takes longer than we wait, it happens nevertheless
        try:
            plate = await self._carry_out(self.instrument.set_fluid(index + 1))
        finally:
            self._changing_fluid = False
        self.show_plate(plate)
        self.adopt_setpoint()  # it is a part of the range, so it has changed
        await self.attempt(self.poll)
        self._say(f"fluid {index + 1} ({plate.fluid_name}), {plate.capacity:g} {plate.unit}")

    async def put_user_tag(self, tag: str) -> str:
        self._permit(logic.refuse_order(self._facts()))
        return await self._carry_out(self.instrument.set_user_tag(tag))

    async def put_wink(self, value: int) -> None:
        self._permit(logic.refuse_order(self._facts()))
        await self._carry_out(self.instrument.wink())

    async def put_reset_alarm(self, value: int) -> None:
        self._permit(logic.refuse_order(self._facts()))
        await self._carry_out(self.instrument.reset_alarm())

    async def put_zero(self, value: int) -> None:
        await self._carry_out(self.instrument.safe())
        self._zero_confirmed()
        self._say("setpoint is zero, confirmed")

    async def put_poll_period(self, period_s: float) -> None:
        self.ticks.period_s = period_s

    def _zero_confirmed(self) -> None:
        self.setpoint.set_ok(0.0)
        if self.reading and self.reading.mode in OBEYS_SETPOINT:  # else the valve was closed instead
            self.setpoint_rbv.set_ok(0.0)

    def _facts(self) -> logic.Facts:
        health = self.instrument.health
        return logic.Facts(
            name=self.config.name,
            link=health.link,
            silent_s=self.silent_s,
            capacity=self.capacity.value if self.capacity.updated else math.nan,
            unit=self.unit.value,
            mode=self.reading.mode if self.reading else None,
            held=self._guard.held(self.config.name),
        )

    def _say(self, what: str) -> None:
        self._guard.say(f"{self.config.name}: {what}")

    def _permit(self, refusal: str) -> None:
        if refusal:
            self.wanted = self.instrument.health.lost  # somebody may just have mended it
            raise Refused(refusal)

    async def _carry_out(self, order: Awaitable[T]) -> T:
        """Wait for the instrument's answer; what it refuses, the client learns."""
        self._guard.orders += 1
        try:
            return await order
        except (DeviceFault, ValueError) as fault:
            raise Refused(str(fault)) from fault
