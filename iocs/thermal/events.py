"""What has happened: the last hundred transitions and the last 300 samples, as arrays and as lines of JSON.

Knows events and records; decides nothing.
"""

import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from iocs.common.memory import Memory
from iocs.thermal.logic.facts import Event, State
from iocs.thermal.logic.history import COLUMNS, History
from iocs.thermal.pvs import EVENTS, LONGEST_EVENT, EventPVs, HistoryPVs

KEY = "events"
LONGEST_REASON = 160


class EventLog(EventPVs):
    """Transitions, oldest first; kept in the memory of the IOC."""

    def __init__(self, prefix: str, memory: Memory) -> None:
        super().__init__(f"{prefix}Event:")
        self._memory = memory
        self._log = logging.getLogger("thermal.events")

    def restore(self) -> None:
        """Those of earlier runs."""
        self._show(self._memory.get(KEY, []))

    def note(self, event: Event, wall: float) -> None:
        """One more; `wall` is UNIX seconds."""
        entry = {
            "time": round(wall, 3),
            "from": event.source.name,
            "to": event.target.name,
            "reason": event.reason[:LONGEST_REASON],
        }
        grave = event.target in (State.THERMAL_FAULT, State.SENSOR_FAULT, State.DPS_DISCONNECTED)
        self._log.log(logging.ERROR if grave else logging.WARNING, "%s", line(entry))
        entries = [*self._memory.get(KEY, []), entry][-EVENTS:]
        self._memory.set(KEY, entries)
        self._show(entries)

    def _show(self, entries: Sequence[dict[str, Any]]) -> None:
        self.time.set_ok(np.array([entry["time"] for entry in entries], dtype=float))
        self.source.set_ok(tuple(entry["from"] for entry in entries))
        self.target.set_ok(tuple(entry["to"] for entry in entries))
        self.reason.set_ok(tuple(entry["reason"][:39] for entry in entries))
        self.lines.set_ok("".join(f"{line(entry)}\n" for entry in entries))
        self.length.set_ok(len(entries))


def line(entry: dict[str, Any]) -> str:
    """An event as a line of JSON, ASCII."""
    return json.dumps(entry)[: LONGEST_EVENT - 1]


class SampleLog(HistoryPVs):
    """The history of the controller as arrays of one length."""

    def __init__(self, prefix: str) -> None:
        super().__init__(f"{prefix}History:")
        self._shown: History | None = None

    def show(self, history: History) -> None:
        """All columns, if there is a new sample. Times become UNIX seconds."""
        if history is self._shown or not len(history.rows):
            return
        self._shown = history
        offset = time.time() - time.monotonic()
        self.time.set_ok(history.column("time") + offset)
        for name in COLUMNS[1:]:
            self.records[name].set_ok(history.column(name))
        self.length.set_ok(len(history.rows))
