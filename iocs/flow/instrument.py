"""One instrument behind its PVs: readings out, orders in.

Thin: a put asks logic for permission and device support to carry it out; a reading comes back the
same way. Which line the instrument is on, and who else is, is not known here.
"""

import logging
import math
import time
from collections.abc import Awaitable
from typing import TypeVar

from devsup.bronkhorst import Instrument
from devsup.bronkhorst_values import Mode, Plate, Reading
from devsup.errors import DeviceError, DeviceFault
from iocs.caserver import Alarm, AlarmSeverity, AlarmStatus, Refused
from iocs.common.ticks import Ticks
from iocs.flow import logic
from iocs.flow.config import InstrumentConfig
from iocs.flow.guard import Guard
from iocs.flow.pvs import MODES, InstrumentPVs

T = TypeVar("T")
COUNTER_S = 2.0  # the totaliser is housekeeping
PLATE_S = 300.0  # range, fluid and name plate are looked at again this often
RESOLUTION = 1e-4  # smallest change of flow worth an event, in ranges
ARCHIVED = 1e-3  # … and worth archiving


class FlowInstrument(InstrumentPVs):
    """Polls one instrument and carries out what is put to its PVs."""

    def __init__(
        self,
        prefix: str,
        instrument: Instrument,
        config: InstrumentConfig,
        guard: Guard,
    ) -> None:
        super().__init__(f"{prefix}{config.name}:")
        self.instrument = instrument
        self.config = config
        self._guard = guard
        self._log = logging.getLogger(f"flow.{config.name}")
        self._ticks = Ticks(config.poll_period_s)
        self._watch = logic.Watch()
        self._lost = True
        self._adopt = True  # take the setpoint over from the instrument at the next reading
        self._zeros = 0
        self._started = time.monotonic()
        self._due = {self._read_counter: 0.0, self._read_plate: math.inf}
        self.poll_period.set_ok(config.poll_period_s)

    # -- polling ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read and publish, tick by tick, for ever; an instrument that is lost is probed when it is due."""
        while True:
            self.instrument.bus.port.stats.overruns += await self._ticks.next()
            if self.instrument.health.due(time.monotonic()):
                try:
                    await self._refresh()
                except DeviceFault as fault:
                    self._log.debug("%s: %s", self.config.name, fault)
            self._show_link()

    async def _refresh(self) -> None:
        reading = await self.instrument.poll()
        if self._lost:
            await self._welcome()
        self._show(reading)
        for task, due in self._due.items():
            if reading.at >= due:
                await task()

    async def _welcome(self) -> None:
        """It answers, for the first time or again: it may be another one, or freshly powered."""
        await self._guard.pay(self.instrument)
        await self._read_plate()
        self.setpoint.set_ok(self.setpoint.value)
        self._due[self._read_counter] = 0.0
        self._lost = False

    async def _read_plate(self) -> None:
        self._show_plate(await self.instrument.identify())
        self._due[self._read_plate] = time.monotonic() + PLATE_S

    async def _read_counter(self) -> None:
        try:
            self.counter.set_ok(await self.instrument.read_counter())
        except DeviceError:
            self._due[self._read_counter] = math.inf  # this instrument has none
        else:
            self._due[self._read_counter] = time.monotonic() + COUNTER_S

    # -- showing ------------------------------------------------------------------------------

    def _show(self, reading: Reading) -> None:
        stamp = reading.stamp
        if self._adopt or self._zeros != self.instrument.zeros:
            self._adopt, self._zeros = False, self.instrument.zeros
            self.setpoint.set_ok(reading.setpoint, timestamp=stamp)
        self._watch, verdict = logic.watch(
            self._watch, reading, self.setpoint.value, self.capacity.value, self.config.band, reading.at
        )
        self.flow.set_ok(reading.flow, timestamp=stamp)
        self.setpoint_rbv.set_ok(reading.setpoint, timestamp=stamp, alarm=_state(verdict.readback))
        self.deviation.set_ok(verdict.deviation, timestamp=stamp, alarm=_state(verdict.flow))
        if reading.temperature is not None:
            self.temperature.set_ok(reading.temperature, timestamp=stamp)
        if reading.valve is not None:
            self.valve.set_ok(reading.valve, timestamp=stamp)
        if reading.mode is not None:
            self._show_mode(reading.mode, stamp)
        if reading.alarm is not None:
            self._show_alarm(reading.alarm, stamp)

    def _show_mode(self, mode: int, stamp: float) -> None:
        index = mode_index(mode)
        self.control_mode_rbv.set_ok(index, timestamp=stamp)
        if not self.control_mode.updated or self.control_mode.severity:
            self.control_mode.set_ok(index, timestamp=stamp)

    def _show_alarm(self, info: int, stamp: float) -> None:
        self.alarm_info.set_ok(info, timestamp=stamp)
        for name, on in logic.alarm_flags(info).items():
            self.pvdb[f"{self.prefix}AlarmInfo:{name}"].set_ok(int(on), timestamp=stamp)

    def _show_plate(self, plate: Plate) -> None:
        if (plate.capacity, plate.unit) != (self.capacity.value, self.unit.value):
            self._rescale(plate.capacity, plate.unit)
        self.capacity.set_ok(plate.capacity)
        self.unit.set_ok(plate.unit)
        self.fluid.set_ok(plate.fluid_name)
        if 1 <= plate.fluid <= 8:
            self.fluid_index.set_ok(plate.fluid - 1)
        self.model.set_ok(plate.model)
        self.serial.set_ok(plate.serial)
        self.firmware.set_ok(plate.firmware)
        self.user_tag.set_ok(plate.user_tag)

    def _rescale(self, capacity: float, unit: str) -> None:
        """Ranges and units follow the fluid; the operator's own ceiling stays."""
        top = min(capacity, self.config.max_flow or math.inf)
        for record in (self.flow, self.setpoint_rbv, self.capacity, self.deviation):
            record.reconfigure(units=unit, display=(0.0, capacity))
        self.setpoint.reconfigure(units=unit, display=(0.0, capacity), drive=(0.0, top))
        for record in (self.flow, self.deviation):
            record.reconfigure(mdel=capacity * RESOLUTION, adel=capacity * ARCHIVED)

    def _show_link(self) -> None:
        health = self.instrument.health
        if health.lost and not self._lost:
            self._lost = True
            self._log.warning("%s: lost: %s", self.config.name, health.last_error)
        if health.lost:
            self.set_invalid(AlarmStatus.COMM)
        self.comm.set_ok(int(health.link))
        self.comm_age.set_ok(time.monotonic() - (health.last_good or self._started))
        self.comm_errors.set_ok(health.errors)
        self.comm_latency.set_ok(1e3 * health.latency_s)
        self.comm_back_off.set_ok(health.back_off_s)
        self.comm_error.set_ok(health.last_error)
        self.doubts.set_ok(self.instrument.doubts)

    # -- orders -------------------------------------------------------------------------------

    async def put_setpoint(self, value: float) -> float:
        self._permit(logic.refuse_setpoint(self._facts(), value, self.setpoint.drvh))
        confirmed = await self._carry_out(self.instrument.set_flow(value))
        self.setpoint_rbv.set_ok(confirmed)
        self._guard.say(f"{self.config.name}: setpoint {confirmed:g} {self.unit.value}, confirmed")
        return value if math.isclose(value, confirmed, rel_tol=1e-3, abs_tol=1e-6) else confirmed

    async def put_control_mode(self, index: int) -> None:
        mode = list(MODES.values())[index]
        self._permit(logic.refuse_mode(self._facts(), mode))
        assert mode is not None
        await self._carry_out(self.instrument.set_mode(mode))
        self.control_mode_rbv.set_ok(index)
        self._guard.say(f"{self.config.name}: control mode {list(MODES)[index]}, confirmed")

    async def put_fluid_index(self, index: int) -> None:
        self._permit(logic.refuse_order(self._facts()))
        plate = await self._carry_out(self.instrument.set_fluid(index + 1))
        self._show_plate(plate)
        self._adopt = True  # the setpoint is a part of the range, so it changed with it
        what = f"fluid {index + 1} ({plate.fluid_name}), {plate.capacity:g} {plate.unit}"
        self._guard.say(f"{self.config.name}: {what}")

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
        self.setpoint.set_ok(0.0)
        self._guard.say(f"{self.config.name}: setpoint is zero, confirmed")

    async def put_poll_period(self, period_s: float) -> None:
        self._ticks.period_s = period_s

    def _facts(self) -> logic.Facts:
        health = self.instrument.health
        return logic.Facts(
            name=self.config.name,
            link=health.link,
            silent_s=math.inf if health.last_good is None else time.monotonic() - health.last_good,
            capacity=self.capacity.value if self.capacity.updated else math.nan,
            unit=self.unit.value,
            stop=self._guard.stop,
        )

    def _permit(self, refusal: str) -> None:
        if refusal:
            raise Refused(refusal)

    async def _carry_out(self, order: Awaitable[T]) -> T:
        """Wait for the instrument's answer; what it refuses, the client learns."""
        try:
            return await order
        except DeviceFault as fault:
            raise Refused(str(fault)) from fault


def mode_index(mode: int) -> int:
    """The state of ControlMode that stands for a mode; Other for what has no state of its own."""
    known = list(MODES.values())
    return known.index(Mode(mode)) if mode in known else len(known) - 1


def _state(reason: str) -> Alarm | None:
    return Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR) if reason else None
