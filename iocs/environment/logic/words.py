"""The words of the chamber: its relays, modes and losses, and the reason behind every decision.

Frozen data. Everything else in `logic` speaks in these.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Relay(Enum):
    """What can be switched, by the name its PVs have."""

    FAN = "Fan"
    MIST = "Mist"
    LIGHT = "Light"
    HEATER = "Heater"

    __hash__ = object.__hash__  # members are singletons; Enum's own is slow, and they are looked up often


class Mode(IntEnum):
    """Who decides. The order is that of the states of the Mode PV."""

    AUTOMATIC = 0
    MANUAL = 1
    SAFETY = 2


class OnLoss(IntEnum):
    """What a relay does once its sensor is lost. The order is that of the PV's states."""

    OFF = 0
    HOLD = 1
    ON = 2


class Code(IntEnum):
    """Why a relay is as it is. The order is that of the states of the ReasonCode PVs: only append."""

    WITHIN_LIMITS = 0
    TOO_WARM = 1
    CO2_HIGH = 2
    TOO_DRY = 3
    TOO_COLD = 4
    SCHEDULE = 5
    MANUAL = 6
    CONDENSATION = 7
    DUTY = 8
    MINIMUM_TIME = 9
    EXCLUDED = 10
    SENSOR_LOST = 11
    STARTING = 12
    INTERLOCK = 13
    SAFETY = 14
    STOPPED = 15


@dataclass(frozen=True, slots=True)
class Reason:
    """A decision's why: a code to count and archive, and words for the operator."""

    code: Code
    text: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of a relay, and why. `urgent`: off at once, whatever the minimum time says."""

    on: bool
    reason: Reason
    urgent: bool = False


def wish(on: bool, code: Code, text: str, *, urgent: bool = False) -> Wish:
    """A wish in one line."""
    return Wish(on, Reason(code, text), urgent)


def seconds(duration_s: float) -> str:
    """A duration in words: 12 s, 5 min, 2.5 h; `never` for an infinite one."""
    if duration_s < 120.0:
        return f"{duration_s:.0f} s"
    if duration_s < 7200.0:
        return f"{duration_s / 60.0:.0f} min"
    return f"{duration_s / 3600.0:.1f} h" if duration_s != float("inf") else "never"
