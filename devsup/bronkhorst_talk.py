"""What is said to one Bronkhorst instrument within one transaction, and how its answers are checked.

Runs in the thread of the port, on the line it is given; knows no queue, no priority and no event loop.
"""

import math
import time

from devsup import propar
from devsup.bronkhorst_values import (
    OBEYS_SETPOINT,
    STOPS_FLOW,
    Mode,
    Reading,
    confirms,
    doubt,
    mode_name,
)
from devsup.errors import DeviceError, Implausible
from devsup.line import Line
from devsup.propar import Parameter, Value
from devsup.propar_bus import ProparBus

FAST = (
    propar.FMEASURE,
    propar.FSETPOINT,
    propar.TEMPERATURE,
    propar.VALVE_OUTPUT,
    propar.ALARM_INFO,
    propar.CONTROL_MODE,
)
VALVE_FULL = 16777215  # valve output of a fully driven valve
SETPOINT_STEP = 1.0 / 32000  # resolution of a setpoint, in capacities


class Talk:
    """One instrument's side of the line. Every method raises devsup.errors.

    `missing` are the values of the fast group that this instrument does not have.
    """

    def __init__(self, bus: ProparBus, node: int, name: str) -> None:
        self.bus = bus
        self.node = node
        self.name = name
        self.missing: frozenset[Parameter] = frozenset()
        self.doubts = 0

    def poll(self, line: Line, deadline: float, last: Reading | None, capacity: float) -> Reading:
        """The fast group; what is new or jumps is read twice. Raises Implausible if that does not agree,
        GaveWay if an order wants the line before the second reading."""
        first = self._fast(line, deadline)
        why = doubt(first, last, capacity)
        if not why:
            return first
        line.give_way()
        self.doubts += 1
        second = self._fast(line, deadline)
        if not confirms(second, first, capacity):
            raise Implausible(f"{self.name}: {why}; a second reading did not confirm it")
        return second

    def set_flow(self, line: Line, deadline: float, value: float, capacity: float) -> float:
        """Write the setpoint and read it back; both twice if they differ, because a request may have been
        damaged on its way. Raises DeviceError if it is not taken, or if the control mode does not obey it."""
        tolerance = max(2 * SETPOINT_STEP * capacity if capacity > 0 else 0.0, 1e-3 * abs(value))
        for _ in range(2):
            self._write(line, deadline, propar.FSETPOINT, value)
            setpoint, mode = self._setpoint_and_mode(line, deadline)
            if abs(setpoint - value) <= tolerance:
                self._check_obeys(mode, value)
                return setpoint
        raise DeviceError(
            f"{self.name}: setpoint {value:g} not taken, it reads back {setpoint:g}"
            f" (control mode {mode_name(mode)})"
        )

    def make_safe(self, line: Line, deadline: float) -> None:
        """Setpoint 0 or, where that is refused or not obeyed, the valve closed; verified."""
        if self._zeroed(line, deadline):
            return
        after = self.set_mode(line, deadline, Mode.VALVE_CLOSED)
        if after != Mode.VALVE_CLOSED:
            raise DeviceError(f"{self.name}: zero not confirmed, control mode {mode_name(after)}")

    def set_mode(self, line: Line, deadline: float, mode: Mode) -> int:
        """Write the control mode; returns the one it reads back."""
        self._write(line, deadline, propar.CONTROL_MODE, int(mode))
        (now,) = self.bus.read(line, deadline, self.node, (propar.CONTROL_MODE,))
        return int(now)

    def reset_alarm(self, line: Line, deadline: float) -> None:
        """The manual wants a 0 before the code."""
        self._write(line, deadline, propar.RESET, 0)
        self._write(line, deadline, propar.RESET, 2)

    def _zeroed(self, line: Line, deadline: float) -> bool:
        try:
            self._write(line, deadline, propar.FSETPOINT, 0.0)
            setpoint, mode = self._setpoint_and_mode(line, deadline)
        except DeviceError:
            return False  # it will not be told a setpoint; it may still close its valve
        return mode in STOPS_FLOW or (setpoint == 0.0 and mode in OBEYS_SETPOINT)

    def _check_obeys(self, mode: int, value: float) -> None:
        if mode not in OBEYS_SETPOINT and not (value == 0.0 and mode in STOPS_FLOW):
            name = mode_name(mode)
            raise DeviceError(f"{self.name}: control mode {name} does not obey the setpoint of {value:g}")

    def _setpoint_and_mode(self, line: Line, deadline: float) -> tuple[float, int]:
        asked = [item for item in (propar.FSETPOINT, propar.CONTROL_MODE) if item not in self.missing]
        setpoint, *mode = self.bus.read(line, deadline, self.node, asked)
        return float(setpoint), int(mode[0]) if mode else int(Mode.BUS)

    def _write(self, line: Line, deadline: float, item: Parameter, value: Value) -> None:
        self.bus.write(line, deadline, self.node, (item, value))

    def _fast(self, line: Line, deadline: float) -> Reading:
        wanted = [item for item in FAST if item not in self.missing]
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
