"""Where the inputs of interlocks come from: a record of this IOC, or a quantity of the subsystem.

Each answers `sample(now)` at once with what it knows. Knows records; knows no interlock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from iocs.caserver import AlarmSeverity, Analog, Choice, Integer, Record
from iocs.common.interlock.core import Sample


class Source(Protocol):
    """An input of an interlock."""

    def sample(self, now: float) -> Sample:
        """What it says at `now` (monotonic seconds)."""


class Reading:
    """A quantity of the subsystem, asked each time; it keeps the age of its samples itself."""

    def __init__(self, read: Callable[[float], Sample]) -> None:
        self._read = read

    def sample(self, now: float) -> Sample:
        return self._read(now)


class LocalPV:
    """A record of this IOC. INVALID counts as missing; its age counts from its last time stamp."""

    def __init__(self, record: Record[Any]) -> None:
        self._record = record
        self._stamp = math.nan
        self._at = -math.inf

    def sample(self, now: float) -> Sample:
        record = self._record
        if record.timestamp != self._stamp:
            self._stamp, self._at = record.timestamp, now
        if record.severity is AlarmSeverity.INVALID:
            return Sample(self._at, problem=f"{record.name} is INVALID ({record.status.name})")
        return Sample(self._at, *number_and_word(record))


def number_and_word(record: Record[Any]) -> tuple[float, str]:
    """The value of a record as a number and as a word."""
    if isinstance(record, Choice):
        return float(record.value), record.label
    if isinstance(record, Analog | Integer):
        return float(record.value), f"{record.value:g}"
    return math.nan, str(record.value)
