"""One controller behind its PVs: polled, shown, told what has been approved.

Thin: flows.py asks logic for approval, devsup carries out. Which other gases there are is not known here.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from devsup.alicat import HELD, Source
from devsup.alicat_values import Plate, Reading
from devsup.errors import DeviceError, DeviceFault
from iocs.caserver import Alarm, AlarmSeverity, AlarmStatus, Refused
from iocs.common.guard import Guard
from iocs.common.polled import Polled
from iocs.common.ticks import Ticks
from iocs.gas.config import GasConfig
from iocs.gas.display import HOLD_CLOSED, HOLD_OFF, SOURCES, GasDisplay
from iocs.gas.logic import measured, setpoints
from iocs.gas.logic.approval import Gas
from iocs.gas.safe import SafeGas

T = TypeVar("T")
SCCM = ("SCCM", "SML/M")  # one and the same
HOUSE_S = 30.0


class Desk(Protocol):
    """Where setpoints are approved and carried out."""

    async def put(self, name: str, flow: float) -> str:
        """Returns what an operator should know. Raises Refused."""

    def seen(self) -> None:
        """A gas has been read."""


class GasChannel(Polled, GasDisplay):
    """Polls one controller and carries out what is put to its PVs."""

    def __init__(self, prefix: str, config: GasConfig, safe: SafeGas, guard: Guard, period_s: float) -> None:
        device = safe.device
        log = logging.getLogger(f"gas.{config.name}")
        port = device.bus.port
        super().__init__(f"{prefix}{config.name}:", config.name, device.health, port, period_s, log)
        self.describe(config.description)
        self.config = config
        self.device = device
        self.safe = safe
        safe.stuck_open, safe.in_use = self._is_stuck_open, lambda: self.enabled
        self.account = setpoints.Account()
        self.reading: Reading | None = None
        self.auto_reconnect = True
        self.desk: Desk
        self._guard = guard
        self._shown = Plate()
        self._moved_at = time.monotonic()
        self.enable.set_ok(int(config.enabled))
        self.max_flow.reconfigure(drive=(0.0, config.max_flow))
        self.max_flow.set_ok(config.max_flow)
        self.tolerance.set_ok(config.tolerance)
        guard.confirmed[config.name] = self.zero_confirmed
        guard.doubtful[config.name] = self._zero_doubtful

    # -- for the desk -------------------------------------------------------------------------

    @property
    def enabled(self) -> bool:
        return self.enable.value == 1

    def as_gas(self) -> Gas:
        """What approval has to reckon with."""
        scale, possible = self._full_scale(), self.account.possible
        if not self.enabled:
            return Gas(self.name, 0.0, 0.0, 0.0, scale, self.config.oxygen, f"{self.name} is disabled")
        unknown = self.config.max_flow if math.isnan(scale) else scale
        low, high = (min(possible), max(possible)) if possible else (0.0, unknown)
        may_be_zero = self.health.lost or not self.sees or self._guard.is_settling(self.name)
        return Gas(
            self.name, 0.0 if may_be_zero else max(low, 0.0), max(high, 0.0), self.max_flow.value, scale,
            self.config.oxygen, self._trouble(),
        )  # fmt: skip

    def _full_scale(self) -> float:
        return self.device.plate.full_scale

    def _trouble(self) -> str:
        """Why it could not follow a setpoint."""
        if self.health.lost or not self.sees:
            heard = f"silent for {self.silent_s:.0f} s" if math.isfinite(self.silent_s) else "never heard"
            return f"{self.name} does not answer ({heard})"
        if held := self._guard.held(self.name):
            return held
        if (unit := self.unit.value) and unit.upper() not in SCCM:
            return f"{self.name} counts in {unit}, limits are in sccm: set its unit to sccm"
        if self.source.value == SOURCES[Source.ANALOG]:
            return f"{self.name} takes its setpoint from its analog input"
        if self.reading and HELD in self.reading.codes:
            return f"the valve of {self.name} is held: ValveHold to Off first"
        return ""

    async def set_flow(self, flow: float) -> float:
        """Carry out what has been approved and booked. Raises Refused; the account says what may be."""
        try:
            held = await self.device.set_flow(flow)
        except (DeviceFault, ValueError) as fault:
            self.account = setpoints.failed(self.account, flow, time.monotonic())
            raise Refused(str(fault)) from fault
        except asyncio.CancelledError:  # it may be on the wire already
            self.account = setpoints.failed(self.account, flow, time.monotonic())
            raise
        self.account = setpoints.confirmed(self.account, flow, held)
        self._moved_at = time.monotonic()
        self.setpoint.set_ok(held)
        self.setpoint_rbv.set_ok(held)
        return held

    def zero_confirmed(self, why: str) -> None:
        self.account = setpoints.zeroed(self.account)
        self._moved_at = time.monotonic()
        self.setpoint.set_ok(0.0)
        self.setpoint_rbv.set_ok(0.0)
        self.say(f"{why}: {self.name} is zero, confirmed")

    def _zero_doubtful(self) -> None:
        """A zero was not confirmed; it may have arrived all the same."""
        self.account = setpoints.failed(self.account, 0.0, time.monotonic())

    def _is_stuck_open(self) -> bool:
        """Its valve is held, and gas flows."""
        reading = self.reading
        return reading is not None and HELD in reading.codes and not self._is_at_rest(reading)

    def _is_at_rest(self, reading: Reading) -> bool:
        return measured.at_rest(reading.setpoint, reading.flow, HELD in reading.codes, self._full_scale())

    def deviation_percent(self, now: float) -> float:
        """Of full scale; 0 while it has time to settle, or is not in use."""
        if not self.enabled or self.reading is None or self.reading.setpoint is None:
            return 0.0
        if now - self._moved_at < self.config.settle_s:
            return 0.0
        return 100.0 * abs(self.reading.flow - self.reading.setpoint) / self._full_scale()

    def say(self, words: str) -> None:
        self.reason.set_ok(words[:159])

    # -- polling ------------------------------------------------------------------------------

    def is_due(self) -> bool:
        if not self.enabled:
            self.set_invalid(AlarmStatus.DISABLE)
            return False
        if self.health.lost and self.sees is not None and not self.auto_reconnect:
            return self.is_needed()
        return super().is_due()

    def is_needed(self) -> bool:
        return self.wanted or self._guard.must_act(self.safe)

    async def poll(self) -> None:
        if not self.sees:
            await self._welcome()
        reading = await self.device.poll()
        if self._guard.must_act(self.safe, self._is_at_rest(reading)):
            self.reading = reading
            await self._guard.pay(self.safe)
            reading = await self.device.poll()
        self.show(reading)
        self.desk.seen()

    async def keep_house(self) -> None:
        """Ask now and then whether somebody has turned the setpoint over to the analog input."""
        ticks = Ticks(HOUSE_S)
        while True:
            await ticks.next()
            if self.sees:
                await self.attempt(self._look_at_source)

    async def _look_at_source(self) -> None:
        with contextlib.suppress(DeviceError):  # firmware before 10v05 cannot be asked
            await self.device.setpoint_source()

    async def _welcome(self) -> None:
        """It may answer, for the first time or again: it may be another one, or freshly powered."""
        if self._guard.must_act(self.safe):
            await self._guard.pay(self.safe)
        self.show_plate(await self.device.identify())
        self._moved_at = time.monotonic()

    # -- showing ------------------------------------------------------------------------------

    def show(self, reading: Reading) -> None:
        """A good reading."""
        stamp = reading.stamp
        if reading.setpoint is not None:
            self.account = setpoints.read(self.account, reading.setpoint, reading.at)
            if not self.setpoint.updated or self.setpoint.severity is AlarmSeverity.INVALID:
                self.setpoint.set_ok(self.account.demand, timestamp=stamp)  # taken over, or back
            self.setpoint_rbv.set_ok(reading.setpoint, timestamp=stamp)
        for record, value in (
            (self.flow, reading.flow),
            (self.volumetric, reading.volumetric),
            (self.pressure, reading.pressure),
            (self.temperature, reading.temperature),
            (self.total, reading.total),
        ):
            if value is not None and math.isfinite(value):
                record.set_ok(value, timestamp=stamp)
        self.reading, self.read_at = reading, reading.at
        self.show_status(reading, self.device.plate.source)
        self._judge(reading)
        self.doubts.set_ok(self.device.doubts)

    def _judge(self, reading: Reading) -> None:
        if reading.setpoint is None:
            return
        off = self.deviation_percent(reading.at) > self.tolerance.value
        alarm = Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR) if off else None
        self.deviation.set_ok(reading.flow - reading.setpoint, timestamp=reading.stamp, alarm=alarm)

    # -- orders -------------------------------------------------------------------------------

    async def put_setpoint(self, value: float) -> float:
        try:
            self.say(await self.desk.put(self.name, value))
        except Refused as refusal:
            self.wanted = self.health.lost  # somebody may just have mended it
            self.say(str(refusal))
            raise
        return self.account.demand

    async def put_zero(self, value: int) -> None:
        self.say(await self.desk.put(self.name, 0.0))

    async def put_gas(self, gas: str) -> str:
        if self.account.possible and max(self.account.possible) > 0.0:
            raise Refused(f"{self.name}: zero the flow before the gas is changed")
        chosen = await self._carry_out(self.device.set_gas(int(gas) if gas.isdecimal() else gas))
        self.gas_rbv.set_ok(chosen)
        return chosen

    async def put_valve_hold(self, index: int) -> None:
        if index == HOLD_OFF:
            if held := self._guard.held(self.name):
                raise Refused(held)
            await self._carry_out(self.device.cancel_hold())
        else:
            await self._carry_out(self.device.hold(index == HOLD_CLOSED))
        self.wanted = True

    async def put_tare(self, value: int) -> None:
        if self.account.possible and max(self.account.possible) > 0.0:
            raise Refused(f"{self.name}: zero the flow before it is tared")
        await self._carry_out(self.device.tare_flow())

    async def put_lock(self, index: int) -> None:
        await self._carry_out(self.device.lock() if index else self.device.unlock())

    async def put_reset_total(self, value: int) -> None:
        await self._carry_out(self.device.reset_total())

    async def put_enable(self, index: int) -> None:
        if not index and self.account.possible and max(self.account.possible) > 0.0:
            raise Refused(f"{self.name}: zero its flow before it is disabled")

    async def put_max_flow(self, value: float) -> None:
        """Judged from the next setpoint on."""

    async def put_tolerance(self, value: float) -> None:
        """Judged from the next reading on."""

    async def _carry_out(self, order: Awaitable[T]) -> T:
        """Wait for the instrument's answer; what it refuses, the client learns."""
        try:
            return await order
        except (DeviceFault, ValueError) as fault:
            raise Refused(str(fault)) from fault
