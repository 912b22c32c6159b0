"""The parameters as PVs: read where they are used, checked together before one is changed.

Knows records and logic's Parameters; knows no supply and no clock.
"""

import logging
from functools import partial

from iocs.caserver import Refused
from iocs.thermal.config import ThermalConfig
from iocs.thermal.logic.parameters import Parameters, contradiction
from iocs.thermal.pvs import ParameterPVs

log = logging.getLogger("thermal.parameters")


class TecParameters(ParameterPVs):
    """`$(P)Config:`; the file gives the start values, the saved ones outlive it."""

    def __init__(self, prefix: str, config: ThermalConfig) -> None:
        start = config.parameters
        self._start = {name: getattr(start, name) for name in config.bounds}
        super().__init__(prefix, config.bounds, self._start)
        self.symmetric_shutdown.set_ok(int(start.symmetric_shutdown))
        for name, record in self.numbers.items():
            record.putter = partial(self._put, name)

    def now(self) -> Parameters:
        """All of them as they are."""
        values = {name: record.value for name, record in self.numbers.items()}
        return Parameters(**values, symmetric_shutdown=bool(self.symmetric_shutdown.value))

    def mend(self) -> str:
        """After a start: saved values that contradict each other are replaced by those of the file."""
        problem = contradiction({name: record.value for name, record in self.numbers.items()})
        if problem:
            for name, record in self.numbers.items():
                record.set_ok(self._start[name])
            log.error("saved parameters contradict each other (%s): those of the file hold", problem)
        return problem

    async def _put(self, name: str, value: float) -> None:
        """A client changes one of them. Raises Refused if it does not go with the others."""
        values = {other: record.value for other, record in self.numbers.items()}
        if problem := contradiction({**values, name: value}):
            raise Refused(problem)
        log.info("%s: %g, was %g", name, value, values[name])
