"""An Alicat flow controller or meter: what it measures, what it can be told, how it is made safe.

Knows what can be ordered and what confirms it; leaves words to alicat, the wire to the port, and every
decision about when and why to its callers.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from devsup import alicat
from devsup.alicat import Misshapen, Source
from devsup.alicat_bus import AlicatBus
from devsup.alicat_learn import Learner
from devsup.alicat_talk import NotTaken, Talk
from devsup.alicat_values import Plate, Reading
from devsup.client import Client
from devsup.errors import DeviceError
from devsup.health import Health, Manners
from devsup.line import Line
from devsup.port import Priority

__all__ = ["Alicat"]

T = TypeVar("T")
OVER_FULL = 1.024  # of the range: the highest setpoint there is (65535 of 64000)
RAMP_WATCH_S, RAMP_LOOK_S = 1.0, 0.1  # how long to look whether a setpoint is on its way, how often
RAMP_DIGITS = 5  # … and by how many of its last digits it must have moved
GAS_SETTLE_S = 0.5
STRANGE = 3  # misshapen frames in a row after which the layout is learned again


class Alicat:
    """One unit of an Alicat line. Coroutines raise devsup.errors; none blocks the event loop."""

    def __init__(self, bus: AlicatBus, unit: str, name: str, manners: Manners | None = None) -> None:
        self.bus = bus
        self.unit = unit
        self.name = name
        self._talk = Talk(bus, unit, name)  # ValueError for what is no unit id
        self._client = Client(bus.port, unit, name, manners)
        self.zeros = 0  # zeros that were confirmed
        self._learner = Learner(self._talk, self.health)
        self._last: Reading | None = None
        self._strange = 0

    @property
    def health(self) -> Health:
        return self._client.health

    @property
    def plate(self) -> Plate:
        return self._talk.plate

    @property
    def doubts(self) -> int:
        """Frames that were read again; the very first is one."""
        return self._talk.doubts

    # -- reading ------------------------------------------------------------------------------

    async def identify(self) -> Plate:
        """Name plate, layout of the frames, range and units. About a second of the line at 19200 baud, in
        portions between which orders are served."""
        await self._learner.learn()
        self._last = None
        self._strange = 0
        return self.plate

    async def poll(self) -> Reading:
        """One frame, one exchange. One that jumps or is misshapen is read again before it is believed.
        The first poll identifies; so does the one after a layout has turned out to be another."""
        if self._talk.layout is None:
            await self.identify()
        try:
            reading = await self._client.run(self._poll, Priority.POLL)
        except Misshapen:
            self._strange += 1
            if self._strange >= STRANGE:
                self._talk.layout = None
            raise
        self._strange = 0
        self._last = reading
        return reading

    async def read_gases(self) -> Plate:
        """The instrument's own list of gases, with the user's mixtures. At 19200 baud it takes 1 s."""
        gases = await self._learner.gases()
        self._talk.plate = replace(self.plate, gases=gases)
        return self.plate

    async def setpoint_source(self) -> Source:
        """Where the setpoint comes from; UNKNOWN before 10v05, which cannot be asked."""
        source = await self._client.run(self._talk.source, Priority.BACKGROUND)
        self._talk.plate = replace(self.plate, source=source)
        return source

    # -- setpoint -----------------------------------------------------------------------------

    async def set_flow(self, value: float) -> float:
        """Write the setpoint (the instrument's units); returns what the instrument confirms.

        Under a ramp that is the setpoint asked for, where firmware tells (9v00), else `value` once the
        setpoint moves there. Raises DeviceError if it is not taken (analog source, locked to another …),
        ValueError beyond 102.4 % of the range. Orders that wait are superseded by newer ones: then the
        newest value is returned.
        """
        self._check(value)

        def work(line: Line, deadline: float) -> float:
            return self._talk.set_flow(line, deadline, value)

        try:
            confirmed = await self._client.run(work, Priority.COMMAND, key="setpoint")
        except NotTaken as refusal:
            if not await self._ramps(value, refusal.shows):
                raise
            return value
        if self._last is not None:  # our own change needs no second reading
            self._last = replace(self._last, setpoint=confirmed)
        return confirmed

    async def safe(self) -> None:
        """Setpoint 0, verified, ahead of everything else; of use before the instrument is identified.

        Where it is not taken (analog source, or a ramp that firmware before 9v00 does not tell from that)
        the valve is held closed instead, until `cancel_hold`. A newer instrument with a ramp goes down
        along it: `close_valve` is at once. Raises when zero could not be confirmed; harmless to repeat.
        """
        await self._client.safely(self._talk.make_safe)
        self.zeros += 1

    async def close_valve(self) -> None:
        """Hold the valve closed, confirmed by its status, ahead of everything else. Since 5v07."""
        await self._client.safely(lambda line, end: self._talk.hold(line, end, closed=True), "close")

    # -- other orders -------------------------------------------------------------------------

    async def hold(self, closed: bool) -> None:
        """Hold the valve closed, or where it is; confirmed by its status. Setpoints are taken meanwhile, but
        not followed."""
        await self._command(lambda line, deadline: self._talk.hold(line, deadline, closed), key="valve")

    async def cancel_hold(self) -> None:
        """Let the valve follow the setpoint again."""
        await self._command(self._talk.cancel_hold, key="valve")

    async def set_gas(self, gas: int | str) -> str:
        """Select a gas by number or name, confirmed by its number; returns its name.

        ValueError for one that is not in the instrument's list. The range is read again.
        """
        if isinstance(gas, str) and gas.strip().casefold() not in map(
            str.casefold, self.plate.gases.values()
        ):
            await self.read_gases()
        number = alicat.number_of(gas, self.plate.gases)
        try:
            name = await self._command(lambda line, end: self._talk.set_gas(line, end, number), key="gas")
        except NotTaken:
            await asyncio.sleep(GAS_SETTLE_S)
            name = await self._command(lambda line, end: self._talk.gas(line, end, number), key="gas")
        self._last = None
        await self._learner.renew_range()
        if isinstance(gas, str) and name.casefold() != gas.strip().casefold():
            raise DeviceError(f"{self.name}: gas {gas} is number {number} of its list, but it shows {name}")
        return name

    async def tare_flow(self) -> None:
        """Make the present flow zero: only without flow. Refused unless the setpoint is 0. Never repeated."""
        await self._command(self._talk.tare_flow, retries=0)
        self._last = None

    async def tare_pressure(self) -> None:
        """Make the present gauge pressure zero: only at ambient pressure. Never repeated."""
        await self._command(self._talk.tare_pressure, retries=0)
        self._last = None

    async def lock(self) -> None:
        """Lock the front panel."""
        await self._command(lambda line, deadline: self._talk.lock(line, deadline, True), key="panel")

    async def unlock(self) -> None:
        await self._command(lambda line, deadline: self._talk.lock(line, deadline, False), key="panel")

    async def reset_total(self) -> None:
        """Zero the totalizer. Since 10v00: before, the same words may tare the flow. Never repeated."""
        if not self.plate.has_total:
            raise DeviceError(f"{self.name}: has no totalizer in its frames")
        await self._command(self._talk.reset_total, retries=0)
        self._last = None

    async def stop_streaming(self) -> None:
        """End the streaming of the only unit of a line; another that streams would get this unit's id."""
        await self._command(self._talk.stop_streaming, retries=0)

    # -- in steps -----------------------------------------------------------------------------

    def _check(self, value: float) -> None:
        full_scale, controls = self.plate.full_scale, self.plate.controls
        if not math.isfinite(value) or abs(value) > OVER_FULL * full_scale:
            raise ValueError(f"{self.name}: setpoint {value:g} is beyond the range of {full_scale:g}")
        if self._talk.layout is not None and not self.plate.has_setpoint:
            raise DeviceError(f"{self.name}: is a meter, it has no setpoint")
        if controls not in ("", alicat.Quantity.MASS.value, alicat.Quantity.VOLUMETRIC.value):
            raise DeviceError(f"{self.name}: its setpoint is no flow, it sets {controls}")

    async def _ramps(self, value: float, begin: float) -> bool:
        """Does the setpoint go from `begin` to `value`, steadily and by more than an analog input flickers?
        For firmware that cannot be asked."""
        firmware = self._talk.commands.firmware
        if firmware.since(9, 0) or not firmware.may_ramp:
            return False
        left, deadline = abs(begin - value), time.monotonic() + RAMP_WATCH_S
        while time.monotonic() < deadline:
            await asyncio.sleep(RAMP_LOOK_S)
            now = abs(await self._client.run(self._talk.setpoint, Priority.COMMAND) - value)
            if now > left:
                return False
            left = now
        return abs(begin - value) - left >= RAMP_DIGITS * self._talk.digit

    # -- transactions -------------------------------------------------------------------------

    def _poll(self, line: Line, deadline: float) -> Reading:
        return self._talk.poll(line, deadline, self._last)

    async def _command(
        self, work: Callable[[Line, float], T], *, key: str | None = None, retries: int | None = None
    ) -> T:
        return await self._client.run(work, Priority.COMMAND, key=key, retries=retries)
