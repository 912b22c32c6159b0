"""What is said to one Alicat instrument within one transaction, and how its answers are checked.

Runs in the thread of the port, on the line it is given; knows no queue, no priority and no event loop.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from devsup import alicat
from devsup.alicat import Commands, DataFrame, Firmware, Layout, Misshapen, NotUnderstood, Quantity, Source
from devsup.alicat_bus import AlicatBus
from devsup.alicat_values import Plate, Reading, confirms, doubt, reading_from
from devsup.errors import DeviceError, IdentityError, Implausible, NoReply
from devsup.line import Line

T = TypeVar("T")
SETPOINT_SHARE = 1e-3  # of its value: how near a setpoint must be to what was ordered,
SETPOINT_DIGITS = 1.5  # … but at least so many of the last digit shown
USUAL_DECIMALS = 2
QUIET_S, QUIET_LIMIT_S = 0.02, 0.2  # after a misshapen frame: is more of it still coming?


class NotTaken(DeviceError):
    """An order was acknowledged and not carried out. `shows`: what the instrument has instead."""

    def __init__(self, message: str, shows: float) -> None:
        super().__init__(message)
        self.shows = shows


class Talk:
    """One instrument's side of the line. Every method raises devsup.errors.

    `layout` is None until it has been learned.
    """

    def __init__(self, bus: AlicatBus, unit: str, name: str) -> None:
        self.bus = bus
        self.name = name
        self.commands = Commands(unit)
        self.layout: Layout | None = None
        self.plate = Plate()
        self.shape: tuple[int, ...] = ()  # of the frames; empty while it is not known
        self.doubts = 0

    # -- reading ------------------------------------------------------------------------------

    def poll(self, line: Line, deadline: float, last: Reading | None) -> Reading:
        """One frame; what is new, jumps or is misshapen is read again at once. Raises Implausible if that
        does not bear it out, GaveWay if an order wants the line before it."""
        reading = self._believed(line, deadline, last)
        self.shape = reading.shape
        return reading

    def _believed(self, line: Line, deadline: float, last: Reading | None) -> Reading:
        first: Reading | None = None
        try:
            first = self._reading(line, deadline)
            why = doubt(first, last, self.plate)
        except Misshapen as fault:
            why = str(fault)
        if first is not None and not why:
            return first
        line.give_way()
        self.doubts += 1
        if first is None:
            line.drain(QUIET_S, QUIET_LIMIT_S)
            first = self._reading(line, deadline)
            if not doubt(first, last, self.plate):
                return first
        reshaped = last is not None and first.shape != last.shape  # bytes lost or added look like this too
        return self._confirmed(line, deadline, first, why, 2 if reshaped else 1)

    def _confirmed(self, line: Line, deadline: float, first: Reading, why: str, times: int) -> Reading:
        for _ in range(times):
            line.give_way()
            if line.flush():
                raise IdentityError(f"{self.name}: more came behind its answer")
            second = self._reading(line, deadline)
            if not confirms(second, first, self.plate):
                raise Implausible(f"{self.name}: {why}; a second reading did not confirm it")
            first = second
        return first

    def _reading(self, line: Line, deadline: float) -> Reading:
        return reading_from(self.frame(line, deadline, self.commands.poll()), time.monotonic(), time.time())

    def frame(self, line: Line, deadline: float, command: bytes) -> DataFrame:
        """The data frame that answers `command`."""
        layout = self.layout
        if layout is None:
            raise DeviceError(f"{self.name}: layout of its frames is not known yet")
        return self.ask(line, deadline, command, lambda text: alicat.parse_frame(text, layout))

    def ask(self, line: Line, deadline: float, command: bytes, parse: Callable[[str], T]) -> T:
        """As the bus does. A `?` is believed only the second time: it does not say who could not understand,
        and the request may have been damaged on its way. Nothing was carried out, so it can be repeated."""
        try:
            return self.bus.ask(line, deadline, command, parse)
        except NotUnderstood:
            line.flush()
            return self.bus.ask(line, deadline, command, parse)

    # -- setpoint -----------------------------------------------------------------------------

    def set_flow(self, line: Line, deadline: float, value: float) -> float:
        """Order the setpoint; what the instrument shows, or under a ramp what it has been asked for.
        Raises NotTaken."""
        shows = self._order_twice(line, deadline, value)
        if self._is(shows, value):
            return shows
        source = self.source(line, deadline)
        why = (
            "is its setpoint source analog?" if source is Source.UNKNOWN else f"its source is {source.value}"
        )
        raise NotTaken(f"{self.name}: setpoint {value:g} not taken, it shows {shows:g}; {why}", shows)

    def setpoint(self, line: Line, deadline: float) -> float:
        """The one it shows now."""
        return self._order(line, deadline, self.commands.poll())

    def make_safe(self, line: Line, deadline: float) -> None:
        """Setpoint 0 or, where that is refused or not obeyed, the valve held closed; verified. A meter is."""
        if self.layout is not None and self.layout.column(Quantity.SETPOINT) is None:
            return
        try:
            shows = self._order_twice(line, deadline, 0.0)
            refusal = DeviceError(f"setpoint 0 not taken, it shows {shows:g}")
        except DeviceError as error:
            shows, refusal = math.nan, error
        if not self._is(shows, 0.0):
            self._close_instead(line, deadline, refusal)

    def _close_instead(self, line: Line, deadline: float, refusal: DeviceError) -> None:
        try:
            self.hold(line, deadline, closed=True)
        except DeviceError as second:
            raise DeviceError(f"{self.name}: zero not confirmed: {refusal}; {second}") from refusal

    def _order_twice(self, line: Line, deadline: float, value: float) -> float:
        """The setpoint as it is after the order; ordered again if it is another, because the order may have
        been damaged on its way."""
        shows = self._order_and_look(line, deadline, value)
        return shows if self._is(shows, value) else self._order_and_look(line, deadline, value)

    def _order_and_look(self, line: Line, deadline: float, value: float) -> float:
        shows = self._order_setpoint(line, deadline, value)
        if self._is(shows, value) or not self.commands.firmware.since(9, 0):
            return shows
        asked = self.ask(line, deadline, self.commands.setpoints(), alicat.setpoints_from).requested
        ignored = self._is(asked, value) and self.source(line, deadline) is Source.ANALOG
        return shows if ignored else asked

    def _order_setpoint(self, line: Line, deadline: float, value: float) -> float:
        command = self.commands.setpoint(value, self._decimals())
        try:
            return self._order(line, deadline, command)
        except (NotUnderstood, NoReply):
            if self.commands.firmware.known:
                raise
        as_gp = replace(self.commands, firmware=Firmware("GP", gp=True))  # not identified yet: it may be one
        return self._order(line, deadline, as_gp.setpoint(value, self._decimals()))

    def _order(self, line: Line, deadline: float, command: bytes) -> float:
        """The setpoint in the frame that answers `command`."""
        if self.layout is None:
            return self.ask(line, deadline, command, alicat.assumed_setpoint)
        frame = self.frame(line, deadline, command)
        if self.shape and frame.shape != self.shape:  # bytes may have come in between
            again = self.frame(line, deadline, self.commands.poll())
            if again.shape != frame.shape:
                raise Misshapen(f"{self.name}: columns are not as wide as before")
            frame = again
        shows = frame.values.get(Quantity.SETPOINT)
        if shows is None:
            raise DeviceError(f"{self.name}: shows no setpoint")
        return shows

    def _is(self, shows: float, value: float) -> bool:
        if value == 0.0:
            return abs(shows) < 0.5 * self.digit
        return abs(shows - value) <= max(SETPOINT_DIGITS * self.digit, SETPOINT_SHARE * abs(value))

    @property
    def digit(self) -> float:
        """The last digit of a setpoint."""
        return float(10.0 ** -self._decimals())

    def _decimals(self) -> int:
        column = self.layout.column(Quantity.SETPOINT) if self.layout else None
        return USUAL_DECIMALS if column is None or column.decimals is None else column.decimals

    # -- other orders -------------------------------------------------------------------------

    def hold(self, line: Line, deadline: float, closed: bool) -> None:
        """Raises NotTaken if the instrument does not show it, DeviceError if it has no status to show it."""
        self._show(line, deadline, self.commands.hold(closed), alicat.HELD, True)
        if alicat.HELD not in self.plate.shows:
            raise DeviceError(f"{self.name}: told to hold its valve, but it has no status that confirms it")

    def cancel_hold(self, line: Line, deadline: float) -> None:
        self._show(line, deadline, self.commands.cancel_hold(), alicat.HELD, False)

    def lock(self, line: Line, deadline: float, locked: bool) -> None:
        command = self.commands.lock() if locked else self.commands.unlock()
        self._show(line, deadline, command, alicat.LOCKED, locked)

    def _show(self, line: Line, deadline: float, command: bytes, code: str, wanted: bool) -> None:
        """Order something that a status code shows, where there is that code; else its frame must do."""
        for _ in range(2):
            shown = code in self.frame(line, deadline, command).codes
            if shown is wanted or code not in self.plate.shows:
                return
        raise NotTaken(f"{self.name}: {code} is {'not ' if wanted else 'still '}shown", float(not wanted))

    def tare_flow(self, line: Line, deadline: float) -> None:
        """Raises DeviceError, before anything is done, while the setpoint is not zero."""
        if self.layout is not None and self.layout.column(Quantity.SETPOINT):
            if not self._is(setpoint := self.setpoint(line, deadline), 0.0):
                raise DeviceError(f"{self.name}: no tare while the setpoint is {setpoint:g}")
        self._tare(line, deadline, self.commands.tare_flow(), self.commands.tare_flow_new)

    def tare_pressure(self, line: Line, deadline: float) -> None:
        self._tare(line, deadline, self.commands.tare_pressure(), self.commands.tare_pressure_new)

    def _tare(self, line: Line, deadline: float, old: bytes, new: Callable[[], bytes]) -> None:
        """With the letter that means it everywhere; with the new one only where that is refused."""
        try:
            self.frame(line, deadline, old)
        except NotUnderstood:
            self.frame(line, deadline, new())

    def reset_total(self, line: Line, deadline: float) -> None:
        """Raises NotSupported where it could mean something else, NotTaken if the total stays."""
        command = self.commands.reset_total()
        before = self.frame(line, deadline, self.commands.poll()).value(Quantity.TOTAL)
        after = self.frame(line, deadline, command).value(Quantity.TOTAL)
        if after >= before > 0.0:
            raise NotTaken(f"{self.name}: total stays at {after:g}", after)

    def set_gas(self, line: Line, deadline: float, number: int) -> str:
        """Returns the name the instrument gives it. Raises NotTaken if it does not show the number."""
        command = self.commands.select_gas(number)
        if not self.commands.firmware.since(10, 5):
            self.frame(line, deadline, command)
            return self.gas(line, deadline, number)
        shows, name = self.ask(line, deadline, command, alicat.selected_gas_from)
        if shows != number:
            raise NotTaken(f"{self.name}: gas {number} not taken, it shows number {shows}", shows)
        return name

    def gas(self, line: Line, deadline: float, number: int) -> str:
        """The name of the selected gas, if that is `number`. Raises NotTaken if it is another."""
        shows = self.ask(line, deadline, self.commands.selected_gas(), alicat.gas_register_from)
        if shows != number:
            raise NotTaken(f"{self.name}: gas {number} not taken, it shows number {shows}", shows)
        return self.frame(line, deadline, self.commands.poll()).gas

    def source(self, line: Line, deadline: float) -> Source:
        """Where its setpoint comes from; UNKNOWN where the firmware cannot be asked."""
        if not self.commands.firmware.since(10, 5):
            return Source.UNKNOWN
        return self.ask(line, deadline, self.commands.setpoint_source(), alicat.source_from)

    def stop_streaming(self, line: Line, deadline: float) -> None:
        """Whoever streams gets this unit's id and falls silent; then it must answer."""
        line.renewed(deadline)  # the answer has as long as if nothing went before
        line.send(self.commands.stop_streaming())
        line.drain(QUIET_LIMIT_S, QUIET_LIMIT_S * 5)
        self.ask(line, deadline, self.commands.poll(), str)
