"""All interlocks of an IOC at work: inputs read, rules applied, trips handed to the subsystem, PVs shown.

Knows rows and PVs; what an action means is the subsystem's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from iocs.caserver import Record
from iocs.common.config import ConfigError, Problem
from iocs.common.group import Group
from iocs.common.interlock import core
from iocs.common.interlock.core import Change, Event, Sample
from iocs.common.interlock.panel import Panel, Summary
from iocs.common.interlock.rules import Origin, Row
from iocs.common.interlock.sources import LocalPV, Reading, Source
from iocs.common.ticks import Ticks

PERIOD_S = 0.1
OnTrip = Callable[[Row, str], None]
Read = Callable[[float], Sample]

log = logging.getLogger(__name__)


class Interlocks:
    """Looks at every row ten times a second, and whenever the subsystem says that there is news.

    `quantities` gives what the subsystem knows by itself, by the names its configuration knows.
    `on_trip(row, reason)` is called once for each trip, first one first; it starts what the row's action
    means and returns at once. `say` takes what is worth an operator's line.
    """

    def __init__(
        self, prefix: str, rows: Sequence[Row], quantities: Mapping[str, Read], on_trip: OnTrip,
        say: Callable[[str], None], clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.rows = tuple(rows)
        self._prefix = prefix
        self._quantities = quantities
        self._on_trip = on_trip
        self._say = say
        self._clock = clock
        self._sources: list[Source] = []
        self._index = {row.name: index for index, row in enumerate(self.rows)}
        self.panels = [Panel(prefix, row, self, index) for index, row in enumerate(self.rows)]
        self.summary = Summary(prefix, self)
        self.groups: list[Group] = [self.summary, *self.panels]
        self.bank = core.begin(self.rows, self._clock())

    # -- for the subsystem ------------------------------------------------------------------------

    def bind(self, pvdb: Mapping[str, Record[Any]], link: Callable[[str], Source]) -> None:
        """Find the inputs, once all records exist. Raises ConfigError for a PV that is not served."""
        problems = []
        for row in self.rows:
            name = self._prefix + row.source
            if row.origin is Origin.PV and name not in pvdb:
                problems.append(Problem(*row.where, f"{row.name}.pv", f"{name} is not a PV of this IOC"))
        if problems:
            raise ConfigError(problems)
        self._sources = [self._source(row, pvdb, link) for row in self.rows]

    def restore(self) -> None:
        """Take over latched trips from the records, into which they have been restored. Bypasses end."""
        self.bank = core.begin(self.rows, self._clock())
        for index, panel in enumerate(self.panels):
            if panel.tripped.value and panel.row.latch:
                cause = panel.reason.value or f"{panel.row.name}: tripped before the restart"
                self.bank = core.latched(self.bank, index, cause)
        self.bank = core.remember_first(self.bank, self.summary.first_out.value)
        self._show(self._clock())

    async def run(self) -> None:
        """Look, for ever."""
        ticks = Ticks(PERIOD_S)
        while True:
            await ticks.next()
            self.look()

    def look(self) -> None:
        """Look at once: something has been read. What trips is acted on before this returns."""
        now = self._clock()
        rows = [panel.live_row() for panel in self.panels]
        samples = [source.sample(now) for source in self._sources]
        self.bank, events = core.step(rows, self.bank, samples, now)
        for event in events:
            self._tell(event)
        for panel, sample in zip(self.panels, samples, strict=True):
            panel.show_input(sample)
        self._show(now)

    def blocking(self, *actions: Enum) -> str:
        """Why nothing guarded by rows with these actions may begin; empty when it may."""
        for row, state in zip(self.rows, self.bank.states, strict=True):
            if row.action in actions and state.blocking:
                return state.cause if state.tripped else state.why
        return ""

    def tripped(self, *actions: Enum) -> str:
        """Why one of the rows with these actions is tripped and not bypassed; empty when none is."""
        for row, state in zip(self.rows, self.bank.states, strict=True):
            if row.action in actions and state.acting:
                return state.cause
        return ""

    def acting(self, *actions: Enum) -> list[Row]:
        """The rows with these actions that are tripped and not bypassed."""
        both = zip(self.rows, self.bank.states, strict=True)
        return [row for row, state in both if row.action in actions and state.acting]

    # -- for the panels ---------------------------------------------------------------------------

    def reset(self, index: int) -> str:
        """Release one trip. Returns why not."""
        self.bank, refusal = core.reset(self.bank, index)
        self._show(self._clock())
        return refusal

    def reset_all(self) -> str:
        """Release every trip that is over. Returns what is not."""
        refusals = [self.reset(index) for index in range(len(self.rows))]
        return "; ".join(refusal for refusal in refusals if refusal)

    def bypass(self, index: int, minutes: float) -> None:
        """Bypass one for so long; 0 ends it."""
        self.bank = core.bypass(self.bank, index, self._clock() + 60.0 * minutes)
        if minutes:
            self._say(f"Interlock {self.rows[index].name} bypassed for {minutes:g} min")
            self._show(self._clock())
        else:
            self.look()

    # -- inside -----------------------------------------------------------------------------------

    def _source(self, row: Row, pvdb: Mapping[str, Record[Any]], link: Callable[[str], Source]) -> Source:
        if row.origin is Origin.QUANTITY:
            return Reading(self._quantities[row.source])
        return LocalPV(pvdb[self._prefix + row.source]) if row.origin is Origin.PV else link(row.source)

    def _tell(self, event: Event) -> None:
        tripped = event.change is Change.TRIPPED
        log.log(logging.WARNING if tripped else logging.INFO, "%s: %s", event.change.value, event.reason)
        if tripped:
            self.panels[self._index[event.row.name]].tripped_now()
            self._on_trip(event.row, event.reason)
        else:
            self._say(f"Interlock {event.reason}")

    def _show(self, now: float) -> None:
        for panel, state in zip(self.panels, self.bank.states, strict=True):
            panel.show(state, self.bank.first_out, now)
        self.summary.show(self.bank)
