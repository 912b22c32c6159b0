"""A measured value: number, age, quality, and the limits within which it is believed.

Pure: times are passed in. Knows no sensor, no file and no PV.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum


class Quantity(Enum):
    """What can be measured; the value is its unit."""

    TEMPERATURE = "degC"
    HUMIDITY = "%RH"
    CO2 = "ppm"
    LIGHT = "lx"
    RESISTANCE = "Ohm"


class Quality(IntEnum):
    """What the newest reading says of a value. The order is that of a PV's states."""

    GOOD = 0
    DOUBTFUL = 1  # the newest reading was not believed; the value is the last good one
    FAILED = 2  # the newest reading did not come; the value is the last good one
    NONE = 3  # there has been no good reading yet


@dataclass(frozen=True, slots=True)
class Sample:
    """What one reading of a sensor gave, all of the same moment (monotonic seconds)."""

    at: float
    values: Mapping[Quantity, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """The last good value of a quantity, when it was taken, and what the newest reading says of it."""

    value: float = math.nan
    at: float | None = None
    quality: Quality = Quality.NONE
    problem: str = "not read yet"

    def age_s(self, now: float) -> float:
        """Seconds since the last good reading; infinite if there was none."""
        return math.inf if self.at is None else max(0.0, now - self.at)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sensor can mean. A step greater than `step` is believed once the next reading confirms it."""

    low: float = -math.inf
    high: float = math.inf
    step: float = math.inf


class Track:
    """The account of one quantity: what was believed last, and what waits to be confirmed."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.limits = limits
        self.now = Measured()
        self._unconfirmed: float | None = None

    def take(self, value: float, at: float) -> Measured:
        """A reading came: believe it, or say why not."""
        problem = self._doubt(value)
        if problem:
            quality = Quality.NONE if self.now.at is None else Quality.DOUBTFUL
            self.now = Measured(self.now.value, self.now.at, quality, problem)
        else:
            self._unconfirmed = None
            self.now = Measured(value, at, Quality.GOOD, "")
        return self.now

    def miss(self, problem: str) -> Measured:
        """No reading came."""
        quality = Quality.NONE if self.now.at is None else Quality.FAILED
        self.now = Measured(self.now.value, self.now.at, quality, problem)
        return self.now

    def _doubt(self, value: float) -> str:
        """Why this reading is not believed; empty if it is."""
        if not self.limits.low <= value <= self.limits.high:  # NaN as well
            self._unconfirmed = None
            return f"{self.name}: {value:g} is outside {self.limits.low:g} to {self.limits.high:g}"
        if self.now.at is None or abs(value - self.now.value) <= self.limits.step:
            return ""
        if self._unconfirmed is not None and abs(value - self._unconfirmed) <= self.limits.step:
            return ""
        self._unconfirmed = value
        return f"{self.name}: jump from {self.now.value:g} to {value:g} awaits its confirmation"
