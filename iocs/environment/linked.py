"""PVs of other IOCs as a sensor, and as inputs of interlocks: what cannot be relied on is no reading.

Knows links; knows no chamber.
"""

from collections.abc import Mapping

from devsup.errors import NoReply
from devsup.health import Health, Manners
from devsup.sensors import Feed, Limits, Quantity
from devsup.sensors.values import Sample
from iocs.common.interlock import Sample as InterlockSample
from iocs.common.links import Link


class LinkedFeed(Feed):
    """Quantities from PVs. A value is as old as the last contact with its server."""

    def __init__(self, name: str, links: Mapping[Quantity, Link], limits: Mapping[Quantity, Limits]) -> None:
        super().__init__(name, tuple(links), Health(name, Manners(retry_delays_s=())), limits)
        self._links = dict(links)

    async def sample(self) -> Sample:
        """What the PVs say now. Raises NoReply when one of them cannot be relied on."""
        values, at = {}, float("inf")
        for what, link in self._links.items():
            reading = link.reading
            if not reading.good or not isinstance(reading.value, int | float):
                raise self._missed(reading.reason or f"{link.name} is not a number")
            values[what] = float(reading.value)
            at = min(at, link.at)
        self.health.answered(0.0, at)
        return Sample(at, values)

    def _missed(self, problem: str) -> NoReply:
        self.health.attempt_failed(problem)
        if self.health.spent():
            self.health.gave_up(0.0, 0.0)
        return NoReply(problem)


class LinkedInput:
    """The input of an interlock from a PV of another IOC."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def sample(self, now: float) -> InterlockSample:
        """Its value as number and word; only the problem if it cannot be relied on."""
        reading = self._link.reading
        if not reading.good:
            return InterlockSample(self._link.at, problem=reading.reason)
        number = float(reading.value) if isinstance(reading.value, int | float) else float("nan")
        return InterlockSample(self._link.at, number, self._link.text)
