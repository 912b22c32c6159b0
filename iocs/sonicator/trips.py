"""The interlocks of this IOC: what they may look at by themselves, and what a trip means here.

Knows rows, sonicators and the board's group; judges nothing itself.
"""

from collections.abc import Callable, Sequence

from devsup.sonicator_values import Reading
from iocs.common.interlock import Interlocks, Row, Sample
from iocs.sonicator.around import Around
from iocs.sonicator.board import SonicatorPlant
from iocs.sonicator.config import Trip
from iocs.sonicator.unit import SonicatorUnit

STOPS, FORBIDS = (Trip.STOP,), (Trip.STOP, Trip.EMERGENCY_STOP)


class Trips(Interlocks):
    """Interlocks over the sonicators of a board."""

    def __init__(
        self,
        prefix: str,
        rows: Sequence[Row],
        plant: SonicatorPlant,
        units: Sequence[SonicatorUnit],
        around: Around,
    ) -> None:
        quantities = {"total_power": self._total_power, "running": self._running}
        super().__init__(prefix, rows, quantities, self._act, plant.say)
        self._plant = plant
        self._units = units
        around.tripped = self._tripped
        around.blocking = lambda: self.blocking(*FORBIDS)

    def _tripped(self) -> str:
        """Why what runs has to stop."""
        return f"interlock {self.blocking(*STOPS)}" if self.acting(*STOPS) else ""

    def _act(self, row: Row, reason: str) -> None:
        self._plant.say(f"Interlock {reason}")
        if row.action is Trip.EMERGENCY_STOP:
            self._plant.trip_because(f"interlock {reason}")
        elif row.action is Trip.STOP:
            for unit in self._units:
                unit.look()

    # -- what the subsystem knows by itself ---------------------------------------------------------

    def _total_power(self, now: float) -> Sample:
        return self._sum(now, lambda reading: reading.power_w)

    def _running(self, now: float) -> Sample:
        return self._sum(now, lambda reading: float(reading.running))

    def _sum(self, now: float, of: Callable[[Reading], float]) -> Sample:
        """Over all enabled sonicators, as old as the oldest reading among them."""
        readings = [unit.reading for unit in self._units if unit.enabled.value]
        known = [reading for reading in readings if reading is not None]
        if len(known) < len(readings):
            return Sample(problem="not every enabled sonicator has been read")
        return Sample(min((reading.at for reading in known), default=now), sum(map(of, known)))
