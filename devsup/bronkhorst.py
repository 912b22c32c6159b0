"""A Bronkhorst instrument: what it measures, what it can be told, how it is made safe.

Knows parameters and their meaning (manual 9.17.023); leaves frames to propar, the wire to the port,
and every decision about when and why to its callers.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from devsup import propar
from devsup.bronkhorst_values import (
    OBEYS_SETPOINT,
    STOPS_FLOW,
    Mode,
    Plate,
    Reading,
    confirms,
    doubt,
    mode_name,
)
from devsup.errors import DeviceError, Implausible
from devsup.health import Health, Manners
from devsup.line import Line
from devsup.port import Priority
from devsup.propar import Parameter, Value
from devsup.propar_bus import ProparBus

T = TypeVar("T")

FAST = (
    propar.FMEASURE,
    propar.FSETPOINT,
    propar.TEMPERATURE,
    propar.VALVE_OUTPUT,
    propar.ALARM_INFO,
    propar.CONTROL_MODE,
)
RANGE = (propar.CAPACITY, propar.UNIT, propar.FLUID_NUMBER, propar.FLUID_NAME)
PLATE = (
    propar.IDENTIFICATION,
    propar.DEVICE_TYPE,
    propar.MODEL,
    propar.SERIAL,
    propar.FIRMWARE,
    propar.USER_TAG,
)
VALVE_FULL = 16777215  # valve output of a fully driven valve
FLUID_SETTLE_S = 10.0  # a fluid change takes 0.5 to 5 s
FLUID_POLL_S = 0.15
SETPOINT_STEP = 1.0 / 32000  # resolution of a setpoint, in capacities


class Instrument:
    """One node of a ProPar line. Coroutines raise devsup.errors; none blocks the event loop."""

    def __init__(self, bus: ProparBus, node: int, name: str, manners: Manners | None = None) -> None:
        self.bus = bus
        self.node = node
        self.name = name
        self.health: Health = bus.port.device(name, manners)
        self.plate = Plate()
        self.doubts = 0  # readings that were read twice
        self.zeros = 0  # zeros that were confirmed
        self._missing: frozenset[Parameter] = frozenset()
        self._last: Reading | None = None

    # -- reading ------------------------------------------------------------------------------

    async def poll(self) -> Reading:
        """The fast group in one exchange. A value that jumps is read twice before it is believed."""
        reading = await self._run(self._poll, Priority.POLL)
        self._last = reading
        return reading

    async def identify(self) -> Plate:
        """Range, fluid and name plate, and which values this instrument has at all."""
        self._missing = frozenset(FAST) - frozenset(await self._read_some(FAST))
        await self.read_range()
        values = await self._read_some(PLATE)
        self.plate = replace(
            self.plate,
            identification=int(values.get(propar.IDENTIFICATION, 0)),
            device_type=str(values.get(propar.DEVICE_TYPE, "")),
            model=str(values.get(propar.MODEL, "")),
            serial=str(values.get(propar.SERIAL, "")),
            firmware=str(values.get(propar.FIRMWARE, "")),
            user_tag=str(values.get(propar.USER_TAG, "")),
        )
        return self.plate

    async def read_range(self) -> Plate:
        """Capacity, unit and fluid."""
        values = await self._read_some(RANGE)
        capacity = float(values.get(propar.CAPACITY, math.nan))
        if math.isinf(capacity) or capacity <= 0:
            raise Implausible(f"{self.name}: capacity {capacity}")
        self.plate = replace(
            self.plate,
            capacity=capacity,
            unit=str(values.get(propar.UNIT, "")).strip(),
            fluid=int(values.get(propar.FLUID_NUMBER, 0)) + 1,
            fluid_name=str(values.get(propar.FLUID_NAME, "")).strip(),
        )
        return self.plate

    async def read_counter(self) -> float:
        """Totalised flow, in the instrument's counter unit."""
        (value,) = await self._read((propar.COUNTER,), Priority.BACKGROUND)
        return float(value)

    # -- orders -------------------------------------------------------------------------------

    async def set_flow(self, value: float) -> float:
        """Write the setpoint (capacity units); returns what the instrument reads back.

        Raises DeviceError when it acknowledged but kept another setpoint. Orders that wait for
        the line are superseded by newer ones: then the newest value is returned.
        """

        def work(line: Line, deadline: float) -> float:
            self._write(line, deadline, (propar.FSETPOINT, value))
            return self._confirm_setpoint(line, deadline, value)

        confirmed = await self._run(work, Priority.COMMAND, key="setpoint")
        if self._last is not None:  # our own change needs no second reading
            self._last = replace(self._last, setpoint=confirmed)
        return confirmed

    async def safe(self) -> None:
        """Setpoint 0, verified, ahead of everything else.

        An instrument that does not obey its setpoint (analog input, valve open …) gets its valve
        closed instead. Raises when zero could not be confirmed; harmless to repeat.
        """
        retries = len(self.health.manners.retry_delays_s)
        await self._run(self._make_safe, Priority.SAFE, key="safe", retries=retries)
        self.zeros += 1

    async def set_mode(self, mode: Mode) -> None:
        """Change the control mode, confirmed by reading it back."""

        def work(line: Line, deadline: float) -> None:
            self._write(line, deadline, (propar.CONTROL_MODE, int(mode)))
            (now,) = self.bus.read(line, deadline, self.node, (propar.CONTROL_MODE,))
            if now != mode:
                raise DeviceError(f"{self.name}: control mode stayed {mode_name(int(now))}")

        await self._run(work, Priority.COMMAND, key="mode")

    async def set_fluid(self, fluid: int) -> Plate:
        """Select fluid 1..8 and wait until the instrument shows its range.

        The waiting is between transactions: other nodes of the line are served meanwhile.
        Raises DeviceError when the range has not settled after 10 s.
        """
        await self._command((propar.FLUID_NUMBER, fluid - 1), key="fluid")
        before, deadline = None, time.monotonic() + FLUID_SETTLE_S
        while time.monotonic() < deadline:
            await asyncio.sleep(FLUID_POLL_S)
            try:
                plate = await self.read_range()
            except DeviceError:
                continue  # busy with the change
            if plate == before and plate.fluid == fluid and plate.fluid_name:
                return plate
            before = plate
        raise DeviceError(f"{self.name}: fluid {fluid} not settled after {FLUID_SETTLE_S:g} s")

    async def set_user_tag(self, text: str) -> str:
        """Write the user tag; returns it as read back."""
        await self._command((propar.USER_TAG, text), key="tag")
        (tag,) = await self._read((propar.USER_TAG,), Priority.COMMAND)
        self.plate = replace(self.plate, user_tag=str(tag).strip())
        return self.plate.user_tag

    async def wink(self, seconds: int = 5) -> None:
        """Let the instrument's lamps flash for 1..9 s. Never repeated by itself."""
        await self._command((propar.WINK, str(seconds)), retries=0)

    async def reset_alarm(self) -> None:
        """Acknowledge the instrument's own alarm. Never repeated by itself."""

        def work(line: Line, deadline: float) -> None:
            self._write(line, deadline, (propar.RESET, 0))
            self._write(line, deadline, (propar.RESET, 2))

        await self._run(work, Priority.COMMAND, retries=0)

    # -- inside a transaction -----------------------------------------------------------------

    def _poll(self, line: Line, deadline: float) -> Reading:
        first = self._fast(line, deadline)
        why = doubt(first, self._last, self.plate.capacity)
        if not why:
            return first
        self.doubts += 1
        second = self._fast(line, deadline)
        if not confirms(second, first, self.plate.capacity):
            raise Implausible(f"{self.name}: {why}; a second reading did not confirm it")
        return second

    def _fast(self, line: Line, deadline: float) -> Reading:
        wanted = [item for item in FAST if item not in self._missing]
        got = dict(zip(wanted, self.bus.read(line, deadline, self.node, wanted), strict=True))
        temperature, valve = got.get(propar.TEMPERATURE), got.get(propar.VALVE_OUTPUT)
        alarm, mode = got.get(propar.ALARM_INFO), got.get(propar.CONTROL_MODE)
        return Reading(
            flow=float(got.get(propar.FMEASURE, math.nan)),
            setpoint=float(got.get(propar.FSETPOINT, math.nan)),
            temperature=None if temperature is None else float(temperature),
            valve=None if valve is None else 100.0 * float(valve) / VALVE_FULL,
            alarm=None if alarm is None else int(alarm),
            mode=None if mode is None else int(mode),
            at=time.monotonic(),
            stamp=time.time(),
        )

    def _write(self, line: Line, deadline: float, *pairs: tuple[Parameter, Value]) -> None:
        self.bus.write(line, deadline, self.node, *pairs)

    def _confirm_setpoint(self, line: Line, deadline: float, wanted: float) -> float:
        asked = [item for item in (propar.FSETPOINT, propar.CONTROL_MODE) if item not in self._missing]
        setpoint, *mode = self.bus.read(line, deadline, self.node, asked)
        step = 2 * SETPOINT_STEP * self.plate.capacity if self.plate.capacity > 0 else 0.0
        if abs(float(setpoint) - wanted) > max(step, 1e-3 * abs(wanted)):
            why = f" (control mode {mode_name(int(mode[0]))})" if mode else ""
            raise DeviceError(f"{self.name}: setpoint {wanted:g} not taken, it reads back {setpoint:g}{why}")
        return float(setpoint)

    def _make_safe(self, line: Line, deadline: float) -> None:
        self._write(line, deadline, (propar.FSETPOINT, 0.0))
        asked = [item for item in (propar.FSETPOINT, propar.CONTROL_MODE) if item not in self._missing]
        setpoint, *modes = self.bus.read(line, deadline, self.node, asked)
        mode = int(modes[0]) if modes else int(Mode.BUS)
        if setpoint == 0.0 and mode in OBEYS_SETPOINT or mode in STOPS_FLOW:
            return
        self._write(line, deadline, (propar.CONTROL_MODE, int(Mode.VALVE_CLOSED)))
        (after,) = self.bus.read(line, deadline, self.node, (propar.CONTROL_MODE,))
        if after != Mode.VALVE_CLOSED:
            raise DeviceError(f"{self.name}: zero not confirmed, control mode {mode_name(int(after))}")

    # -- transactions -------------------------------------------------------------------------

    async def _read(self, params: Sequence[Parameter], priority: Priority) -> tuple[Value, ...]:
        def work(line: Line, deadline: float) -> tuple[Value, ...]:
            return self.bus.read(line, deadline, self.node, params)

        return await self._run(work, priority)

    async def _read_some(self, params: Sequence[Parameter]) -> dict[Parameter, Value]:
        """Those of `params` that the instrument has: all at once or, if it refuses, one by one."""
        try:
            values = await self._read(params, Priority.BACKGROUND)
            return dict(zip(params, values, strict=True))
        except DeviceError:
            found = {}
        for item in params:
            with suppress(DeviceError):
                (found[item],) = await self._read((item,), Priority.BACKGROUND)
        return found

    async def _command(
        self, pair: tuple[Parameter, Value], *, key: str | None = None, retries: int | None = None
    ) -> None:
        def work(line: Line, deadline: float) -> None:
            self._write(line, deadline, pair)

        await self._run(work, Priority.COMMAND, key=key, retries=retries)

    async def _run(
        self,
        work: Callable[[Line, float], T],
        priority: Priority,
        *,
        key: str | None = None,
        retries: int | None = None,
    ) -> T:
        patience_s = self.health.wait_s()
        if priority <= Priority.COMMAND and not self.health.lost:
            patience_s = max(patience_s, self.health.manners.command_timeout_s)
        return await self.bus.port.run(
            work,
            self.health,
            priority,
            timeout_s=patience_s if priority <= Priority.COMMAND else None,
            retries=retries,
            key=None if key is None else (self.node, key),
            label=f"{self.name} {key or priority.name.lower()}",
        )
