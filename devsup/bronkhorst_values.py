"""What a Bronkhorst instrument's values mean, and which of them to believe.

Pure: knows modes, readings and the range of an instrument, no frame, no port, no clock.
"""

import math
from dataclasses import dataclass
from enum import IntEnum

# What may move between two polls before it is read twice: a second reading costs little, so not much.
FLOW_STEP, VALVE_STEP, TEMPERATURE_STEP_K = 0.05, 10.0, 1.0  # of the range; % of full drive; K
# What may move between these two readings: a fast valve moves far in one exchange.
FLOW_GAP, TEMPERATURE_GAP_K = 0.2, 5.0


class Mode(IntEnum):
    """Control modes (DDE 12)."""

    BUS = 0
    ANALOG = 1
    SLAVE = 2
    VALVE_CLOSED = 3
    IDLE = 4
    TEST = 5
    TUNE = 6
    FULL_SCALE = 7
    VALVE_OPEN = 8
    CALIBRATE = 9
    ANALOG_SLAVE = 10
    ZERO = 12
    BUS_ANALOG_SLAVE = 13
    RS232 = 18
    VALVE_STEERING = 20
    ANALOG_STEERING = 21
    VALVE_SAFE = 22


OBEYS_SETPOINT = frozenset({Mode.BUS, Mode.RS232})
STOPS_FLOW = frozenset({Mode.VALVE_CLOSED, Mode.ZERO})


@dataclass(frozen=True, slots=True)
class Reading:
    """One coherent poll. Flow and setpoint in capacity units, temperature degC, valve % of full drive.

    `at` is monotonic, `stamp` UNIX seconds; None is a value this instrument does not have.
    """

    flow: float
    setpoint: float
    temperature: float | None
    valve: float | None
    alarm: int | None
    mode: int | None
    at: float
    stamp: float


@dataclass(frozen=True, slots=True)
class Plate:
    """What changes seldom: the range of the selected fluid, and who the instrument is."""

    capacity: float = math.nan
    unit: str = ""
    fluid: int = 0
    fluid_name: str = ""
    identification: int = 0
    device_type: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    user_tag: str = ""


def mode_name(mode: int) -> str:
    """The mode in words, also for numbers no manual lists."""
    return Mode(mode).name.lower().replace("_", " ") if mode in set(Mode) else f"number {mode}"


def doubt(new: Reading, last: Reading | None, capacity: float) -> str:
    """Why a reading should be confirmed by a second one; empty when it is credible.

    ProPar frames carry no checksum, so a flipped bit in a value arrives as a value.
    `capacity` may be NaN while it is not known.
    """
    if not finite(new):
        return "a value is not a number"
    if abs(new.flow) > 1.5 * capacity or not -0.01 * capacity <= new.setpoint <= 1.4 * capacity:
        if capacity > 0:
            return f"flow {new.flow:g} or setpoint {new.setpoint:g} is beyond the range"
    if (new.valve or 0.0) > 100.0:
        return f"valve {new.valve:g} %"
    return "first reading" if last is None else _change(new, last, capacity)


def _change(new: Reading, last: Reading, capacity: float) -> str:
    if not _same_state(new, last, capacity):
        return "setpoint, alarm or control mode changed"
    if abs(new.flow - last.flow) > FLOW_STEP * capacity:
        return f"flow jumped from {last.flow:g} to {new.flow:g}"
    if _temperature_gap(new, last) > TEMPERATURE_STEP_K:
        return f"temperature jumped from {last.temperature} to {new.temperature}"
    if abs((new.valve or 0.0) - (last.valve or 0.0)) > VALVE_STEP:
        return f"valve jumped from {last.valve} to {new.valve} %"
    return ""


def confirms(second: Reading, first: Reading, capacity: float) -> bool:
    """Does a second reading, taken at once, bear out a doubtful first?"""
    near = math.isnan(capacity) or abs(second.flow - first.flow) <= FLOW_GAP * capacity
    steady = _temperature_gap(second, first) <= TEMPERATURE_GAP_K
    return finite(second) and near and steady and _same_state(second, first, capacity)


def finite(reading: Reading) -> bool:
    """Flow and setpoint are numbers."""
    return math.isfinite(reading.flow) and math.isfinite(reading.setpoint)


def _same_state(one: Reading, two: Reading, capacity: float) -> bool:
    """Same alarms, mode and setpoint. A setpoint from an analog input or a master is never twice the
    same to the last bit."""
    if (one.alarm, one.mode) != (two.alarm, two.mode):
        return False
    if one.mode is None or one.mode in OBEYS_SETPOINT or one.mode in STOPS_FLOW:
        return one.setpoint == two.setpoint
    return math.isnan(capacity) or abs(one.setpoint - two.setpoint) <= FLOW_GAP * capacity


def _temperature_gap(one: Reading, two: Reading) -> float:
    """In K; none between readings that both have no temperature, beyond measure if one has."""
    values = (one.temperature, two.temperature)
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) == 1:
        return math.inf
    return abs(known[0] - known[1]) if known else 0.0
