"""A PV of another IOC as the input of an interlock. Knows links and samples; knows no interlock."""

from __future__ import annotations

from iocs.common.interlock.core import Sample
from iocs.common.links import Link


class LinkedPV:
    """What is not GOOD is a problem, whose age does not matter; a value that does not change is not stale."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def sample(self, now: float) -> Sample:
        reading = self._link.reading
        if not reading.good:
            return Sample(problem=reading.reason)
        value = reading.value
        if isinstance(value, int | float):
            return Sample(now - reading.age_s, float(value), self._link.text)
        return Sample(now - reading.age_s, word=self._link.text)
