"""A Bronkhorst instrument: what it measures, what it can be told, how it is made safe.

Knows parameters and their meaning (manual 9.17.023); leaves frames to propar, the wire to the port,
and every decision about when and why to its callers.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from devsup import propar
from devsup.bronkhorst_talk import FAST, VALVE_FULL, Talk
from devsup.bronkhorst_values import Mode, Plate, Reading, mode_name
from devsup.client import Client
from devsup.errors import DeviceError, DeviceFault, Implausible, LineLost
from devsup.health import Health, Manners
from devsup.line import Line
from devsup.port import Priority
from devsup.propar import Parameter, Value
from devsup.propar_bus import ProparBus

__all__ = ["FAST", "VALVE_FULL", "Instrument"]

T = TypeVar("T")

RANGE = (propar.CAPACITY, propar.UNIT, propar.FLUID_NUMBER, propar.FLUID_NAME)
PLATE = (
    propar.IDENTIFICATION,
    propar.DEVICE_TYPE,
    propar.MODEL,
    propar.SERIAL,
    propar.FIRMWARE,
    propar.USER_TAG,
)
UNKNOWN = frozenset({0x03, 0x04, 0x05, 0x11})  # status: no such process, parameter or type; write-only
FLUID_SETTLE_S = 10.0  # a fluid change takes 0.5 to 5 s
FLUID_POLL_S = 0.15


class Instrument:
    """One node of a ProPar line. Coroutines raise devsup.errors; none blocks the event loop."""

    def __init__(self, bus: ProparBus, node: int, name: str, manners: Manners | None = None) -> None:
        self.bus = bus
        self.node = node
        self.name = name
        self._client = Client(bus.port, node, name, manners)
        self.plate = Plate()
        self.zeros = 0  # zeros that were confirmed
        self._talk = Talk(bus, node, name)
        self._fluid = 0  # the one ordered last
        self._last: Reading | None = None

    @property
    def health(self) -> Health:
        return self._client.health

    @property
    def doubts(self) -> int:
        """Readings that were read twice; the very first is one."""
        return self._talk.doubts

    # -- reading ------------------------------------------------------------------------------

    async def poll(self) -> Reading:
        """The fast group in one exchange. A value that jumps is read twice before it is believed."""
        try:
            reading = await self._client.run(self._poll, Priority.POLL)
        except DeviceError as refusal:
            if refusal.status not in UNKNOWN:
                raise
            await self._learn()  # it has not all of these values: ask for those it has
            reading = await self._client.run(self._poll, Priority.POLL)
        self._last = reading
        return reading

    async def identify(self) -> Plate:
        """Range, fluid and name plate, and which values this instrument has at all."""
        await self._learn()
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
        """Capacity, unit and fluid; read twice when they are not what they were."""
        plate = await self._range()
        if plate != self.plate and plate != await self._range():
            raise Implausible(f"{self.name}: range is changing, or was misread")
        self.plate = plate
        return plate

    async def read_counter(self) -> float:
        """Totalised flow, in the instrument's counter unit."""
        (value,) = await self._read((propar.COUNTER,), Priority.BACKGROUND)
        return float(value)

    # -- orders -------------------------------------------------------------------------------

    async def set_flow(self, value: float) -> float:
        """Write the setpoint (capacity units); returns what the instrument reads back.

        Raises DeviceError when it kept another setpoint or is in a control mode that ignores it,
        ValueError for what is no setpoint at all. Orders that wait for the line are superseded by
        newer ones: then the newest value is returned.
        """
        propar.write_request(((propar.FSETPOINT, value),))

        def work(line: Line, deadline: float) -> float:
            return self._talk.set_flow(line, deadline, value, self.plate.capacity)

        confirmed = await self._client.run(work, Priority.COMMAND, key="setpoint")
        if self._last is not None:  # our own change needs no second reading
            self._last = replace(self._last, setpoint=confirmed)
        return confirmed

    async def safe(self) -> None:
        """Setpoint 0, verified, ahead of everything else.

        An instrument that does not obey its setpoint (analog input, valve open …) gets its valve
        closed instead. Raises when zero could not be confirmed; harmless to repeat.
        """
        await self._client.safely(self._talk.make_safe)
        self.zeros += 1

    async def set_mode(self, mode: Mode) -> Mode:
        """Change the control mode, confirmed by reading it back. Returns the newest one ordered."""

        def work(line: Line, deadline: float) -> Mode:
            now = self._talk.set_mode(line, deadline, mode)
            if now != mode:
                raise DeviceError(f"{self.name}: control mode stayed {mode_name(now)}")
            return mode

        return await self._client.run(work, Priority.COMMAND, key="mode")

    async def set_fluid(self, fluid: int) -> Plate:
        """Select fluid 1..8 and wait until the instrument shows its range. Of several orders at a time the
        newest counts, and its range is what all of them return.

        The waiting is between transactions: other nodes of the line are served meanwhile.
        Raises DeviceError when the range has not settled after 10 s, ValueError for other numbers.
        """
        chosen = await self._command(propar.FLUID_NUMBER, fluid - 1, key="fluid")
        self._fluid = int(chosen) + 1
        self.plate = await self._settled()
        return self.plate

    async def set_user_tag(self, text: str) -> str:
        """Write the user tag; returns it as read back."""
        await self._command(propar.USER_TAG, text, key="tag")
        (tag,) = await self._read((propar.USER_TAG,), Priority.COMMAND)
        self.plate = replace(self.plate, user_tag=str(tag).strip())
        return self.plate.user_tag

    async def wink(self, seconds: int = 5) -> None:
        """Let the instrument's lamps flash for 1..9 s. Never repeated by itself."""
        if not 1 <= seconds <= 9:
            raise ValueError(f"{self.name}: wink for 1..9 s, not {seconds}")
        await self._command(propar.WINK, str(seconds), retries=0)

    async def reset_alarm(self) -> None:
        """Acknowledge the instrument's own alarm. Never repeated by itself."""
        await self._client.run(self._talk.reset_alarm, Priority.COMMAND, retries=0)

    # -- in steps -----------------------------------------------------------------------------

    async def _learn(self) -> None:
        """Which values of the fast group does it have?"""
        found = await self._read_some(FAST)
        if not {propar.FMEASURE, propar.FSETPOINT} <= set(found):
            raise DeviceError(f"{self.name}: is no flow instrument, it has no fMeasure or no fSetpoint")
        self._talk.missing = frozenset(FAST) - frozenset(found)

    async def _range(self) -> Plate:
        values = await self._read_some(RANGE)
        capacity = float(values.get(propar.CAPACITY, math.nan))
        if propar.CAPACITY in values and not 0.0 < capacity < math.inf:
            raise Implausible(f"{self.name}: capacity {capacity}")
        return replace(
            self.plate,
            capacity=capacity,
            unit=str(values.get(propar.UNIT, "")).strip(),
            fluid=int(values.get(propar.FLUID_NUMBER, 0)) + 1,
            fluid_name=str(values.get(propar.FLUID_NAME, "")).strip(),
        )

    async def _settled(self) -> Plate:
        """The plate, once it shows the fluid twice running. Instruments are busy, odd or mute meanwhile."""
        before, problem, deadline = None, "", time.monotonic() + FLUID_SETTLE_S
        while time.monotonic() < deadline:
            await asyncio.sleep(FLUID_POLL_S)
            try:
                plate = await self._range()
            except LineLost:
                raise
            except DeviceFault as fault:
                problem = f" ({fault})"
                continue
            if plate == before and plate.fluid == self._fluid and plate.fluid_name:
                return plate
            before = plate
        raise DeviceError(f"{self.name}: fluid {self._fluid} not settled after {FLUID_SETTLE_S:g} s{problem}")

    # -- transactions -------------------------------------------------------------------------

    def _poll(self, line: Line, deadline: float) -> Reading:
        return self._talk.poll(line, deadline, self._last, self.plate.capacity)

    async def _read(self, params: Sequence[Parameter], priority: Priority) -> tuple[Value, ...]:
        def work(line: Line, deadline: float) -> tuple[Value, ...]:
            return self.bus.read(line, deadline, self.node, params)

        return await self._client.run(work, priority)

    async def _read_some(self, params: Sequence[Parameter]) -> dict[Parameter, Value]:
        """Those of `params` that the instrument has: all at once or, if it refuses, one by one."""
        found: dict[Parameter, Value] = {}
        try:
            return dict(zip(params, await self._read(params, Priority.BACKGROUND), strict=True))
        except DeviceError:
            pass
        for item in params:
            try:
                (found[item],) = await self._read((item,), Priority.BACKGROUND)
            except DeviceError as refusal:
                if refusal.status not in UNKNOWN:
                    raise
        return found

    async def _command(
        self, item: Parameter, value: Value, *, key: str | None = None, retries: int | None = None
    ) -> Value:
        """Write one parameter; returns the value of the newest order, which superseded those that waited."""
        propar.write_request(((item, value),))

        def work(line: Line, deadline: float) -> Value:
            self.bus.write(line, deadline, self.node, (item, value))
            return value

        return await self._client.run(work, Priority.COMMAND, key=key, retries=retries)
