"""What is known of the chamber now: measured values that are fresh enough, and since when others are not.

Stale is age, never an unchanged value. Before the first reading, age counts from the start.
"""

from dataclasses import dataclass

from devsup.sensors.values import Measured


@dataclass(frozen=True, slots=True)
class Readings:
    """The last good value of each quantity, by whatever sensor."""

    temperature: Measured = Measured()
    humidity: Measured = Measured()
    co2: Measured = Measured()
    light: Measured = Measured()

    @property
    def complete(self) -> bool:
        """Has everything that relays depend on been read once?"""
        return None not in (self.temperature.at, self.humidity.at, self.co2.at)


@dataclass(frozen=True, slots=True)
class Known:
    """One quantity: its value, None if it is lost or was never there. `silent_s`: without a good reading."""

    name: str
    value: float | None
    silent_s: float

    @property
    def lost(self) -> bool:
        return self.value is None


def known(name: str, measured: Measured, lost_after_s: float, started: float, now: float) -> Known:
    """What a measured value is worth at `now`."""
    since = started if measured.at is None else max(measured.at, started)
    silent_s = now - since
    fresh = measured.at is not None and silent_s <= lost_after_s
    return Known(name, measured.value if fresh else None, silent_s)


def is_lost(what: Known, lost_after_s: float) -> bool:
    """Silent for too long. Not so while the first reading may still come."""
    return what.value is None and what.silent_s > lost_after_s
