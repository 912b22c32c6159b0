"""Watches the laboratory through Channel Access alone, in a process of its own, and tells what must not be.

Prints a line of JSON for each invariant that is broken, and at SIGTERM one with how much was judged.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from typing import Any

import epics

from tests.soak.invariants import INVARIANTS, Invariant, pvs

INVALID = 3
PERIOD_S = 0.1


class Seen:
    """The latest of every PV."""

    def __init__(self) -> None:
        self.updates = 0
        self._latest: dict[str, float | None] = {}

    def get(self, name: str) -> float | None:
        return self._latest.get(name)

    def take(self, pvname: str = "", value: Any = None, severity: int = INVALID, **_: Any) -> None:
        self.updates += 1
        good = severity < INVALID and value is not None and math.isfinite(value)
        self._latest[pvname] = float(value) if good else None

    def connection(self, pvname: str = "", conn: bool = False, **_: Any) -> None:
        if not conn:
            self._latest[pvname] = None


class Judge:
    """How long each invariant has been untrue."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._told: set[str] = set()
        self.judged = 0

    def look(self, seen: Seen, now: float) -> list[str]:
        """What is broken anew."""
        return [words for invariant in INVARIANTS if (words := self._judge(invariant, seen, now))]

    def _judge(self, invariant: Invariant, seen: Seen, now: float) -> str:
        self.judged += 1
        wrong = invariant.wrong(seen)
        if not wrong:
            self._since.pop(invariant.name, None)
            self._told.discard(invariant.name)
            return ""
        since = self._since.setdefault(invariant.name, now)
        if now - since < invariant.within_s or invariant.name in self._told:
            return ""
        self._told.add(invariant.name)
        return f"{invariant.name}: {wrong}, for {now - since:.1f} s"


def main() -> None:
    seen, judge, ended = Seen(), Judge(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    channels = [
        epics.PV(name, callback=seen.take, connection_callback=seen.connection, form="time") for name in pvs()
    ]
    while not ended.wait(PERIOD_S):
        for words in judge.look(seen, time.monotonic()):
            print(json.dumps({"broken": words, "at": time.strftime("%X")}), flush=True)
    unreached = sum(not channel.connected for channel in channels)
    print(json.dumps({"judged": judge.judged, "updates": seen.updates, "unreached": unreached}), flush=True)


if __name__ == "__main__":
    main()
