"""Where values come from, whatever it is: read now and then, booked, asked for the last good value.

Knows how readings are judged; must not know how they are taken.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping

from devsup.errors import DeviceFault
from devsup.health import Health
from devsup.sensors.values import Limits, Measured, Quantity, Sample, Track


class Feed(ABC):
    """Readings of one sensor. `read` is for one caller at a time."""

    def __init__(
        self,
        name: str,
        quantities: tuple[Quantity, ...],
        health: Health,
        limits: Mapping[Quantity, Limits] | None = None,
    ) -> None:
        self.name = name
        self.health = health
        self._tracks = {
            what: Track(f"{name} {what.name.lower()}", (limits or {}).get(what, Limits()))
            for what in quantities
        }
        self._log = logging.getLogger(f"sensor.{name}")
        self._failing = False

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What a reading holds."""
        return tuple(self._tracks)

    def measured(self, quantity: Quantity) -> Measured:
        """The last good value of a quantity, and how it stands."""
        return self._tracks[quantity].now

    async def read(self) -> Mapping[Quantity, Measured]:
        """Read once and book the outcome; never raises for what is wrong with the sensor."""
        try:
            sample = await self.sample()
        except DeviceFault as fault:
            for track in self._tracks.values():
                track.miss(str(fault))
            self._say(str(fault))
        else:
            for what, track in self._tracks.items():
                track.take(sample.values[what], sample.at)
            self._say("")
        return {what: track.now for what, track in self._tracks.items()}

    @abstractmethod
    async def sample(self) -> Sample:
        """One reading, entered in `health`. Raises devsup.errors."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Give back what reading needed; reading again opens it anew."""

    def _say(self, problem: str) -> None:
        """Log the change of state, not the state."""
        if problem and not self._failing:
            self._log.warning("%s: no reading: %s", self.name, problem)
        elif not problem and self._failing:
            self._log.info("%s: readings come", self.name)
        self._failing = bool(problem)
