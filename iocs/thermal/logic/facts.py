"""What the controller is told and what it answers: sensors, supplies, requests in; settings and events out.

Pure data; times are monotonic seconds.
"""

import math
from dataclasses import dataclass
from enum import Enum, IntEnum

SUPPLIES = 2
AMPS, VOLTS = 0.005, 0.005  # half of what a DPS5015 resolves: closer is the same


class State(IntEnum):
    """States of the controller. The order is that of the PV."""

    OFF = 0
    INITIALIZING = 1
    STARTUP = 2
    RAMP_UP = 3
    STEADY_STATE = 4
    MANUAL_OVERRIDE = 5
    THERMAL_FAULT = 6
    SENSOR_FAULT = 7
    DPS_DISCONNECTED = 8


class Zone(IntEnum):
    """Of the hot side, with hysteresis."""

    NORMAL = 0
    WARNING = 1
    ALARM = 2


class Trend(IntEnum):
    """Of the cold plate."""

    ANOMALOUS = 0
    COOLING = 1
    WARMING = 2
    STABLE = 3
    OSCILLATING = 4


class Request(Enum):
    """What an operator may ask for."""

    START = "Start"
    STOP = "Stop"
    RESUME = "Resume"
    REARM = "Rearm"


class Latch(IntEnum):
    """What must hold over a restart. The order is that of the PV."""

    NONE = 0
    OFF = 1
    MANUAL_OVERRIDE = 2
    THERMAL_FAULT = 3


LATCHES = {
    State.OFF: Latch.OFF,
    State.MANUAL_OVERRIDE: Latch.MANUAL_OVERRIDE,
    State.THERMAL_FAULT: Latch.THERMAL_FAULT,
}


@dataclass(frozen=True, slots=True)
class Sensed:
    """The last good reading of a sensor, °C, and when it was taken."""

    value: float = math.nan
    at: float = -math.inf


@dataclass(frozen=True, slots=True)
class Setting:
    """What a supply is to do: V, A, output."""

    voltage: float
    current: float
    output: bool

    def is_like(self, other: "Setting | None") -> bool:
        """Would writing one after the other change nothing?"""
        return other is not None and self.output == other.output and self.differs(other, AMPS, VOLTS) == ""

    def differs(self, other: "Setting", amps: float, volts: float) -> str:
        """How it differs from another, in words; empty within the tolerances."""
        if self.output is not other.output:
            return f"output {_on(self.output)} instead of {_on(other.output)}"
        if round(abs(self.current - other.current), 6) > amps:
            return f"{self.current:.2f} A instead of {other.current:.2f} A"
        if round(abs(self.voltage - other.voltage), 6) > volts:
            return f"{self.voltage:.2f} V instead of {other.voltage:.2f} V"
        return ""


@dataclass(frozen=True, slots=True)
class Supply:
    """One supply as it was last read, and what our last confirmed order left it with.

    `held` is what its registers say (the panel's knob turns the same ones), `current` A and `power` W are
    measured, `tripped` names a protection that switched its output off.
    """

    at: float = -math.inf
    held: Setting = Setting(0.0, 0.0, False)
    current: float = 0.0
    power: float = 0.0
    tripped: str = ""
    confirmed: Setting | None = None
    confirmed_at: float = -math.inf
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything the controller sees in one step."""

    cold: Sensed = Sensed()
    hot: Sensed = Sensed()
    ambient: Sensed = Sensed()
    supplies: tuple[Supply, Supply] = (Supply(), Supply())
    request: Request | None = None
    stopped: str = ""
    """Why everything has to be off at once: the emergency stop, an interlock that cuts."""
    tripped: str = ""
    """Why it has to be ramped down: an interlock."""


@dataclass(frozen=True, slots=True)
class Event:
    """A transition, for the log."""

    at: float
    source: State
    target: State
    reason: str


@dataclass(frozen=True, slots=True)
class Orders:
    """What is to be written now, per supply; None leaves it alone.

    `cut`: outputs off ahead of everything, repeated until confirmed. `validate`: look at the supply before
    writing; if it is not as we left it, do not write.
    """

    settings: tuple[Setting | None, Setting | None] = (None, None)
    cut: bool = False
    validate: bool = True


def _on(output: bool) -> str:
    return "on" if output else "off"
