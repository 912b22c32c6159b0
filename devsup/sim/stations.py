"""What simulated lines of any protocol have in common: instruments at their places, each with its latency
and its fault switch, and one clock.

Knows who is late and who is dead; must not know a protocol, physics or ptys.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from devsup.sim.faults import Fault, FaultSwitch, Setting
from devsup.sim.wire import Transmission

SLOW_S = 0.5
DRIFT_PER_S = 0.005


@dataclass(slots=True)
class Station(ABC):
    """An instrument at its place on the line."""

    faults: FaultSwitch
    latency_s: float

    @abstractmethod
    def step(self, elapsed_s: float) -> None:
        """Its physics."""

    @abstractmethod
    def suffer(self, fault: Fault) -> None:
        """Faults of the instrument itself, as opposed to those of its answers."""


Who = TypeVar("Who", int, str)
AnyStation = TypeVar("AnyStation", bound=Station)


class Stations(Generic[Who, AnyStation]):
    """Base of the server of a line. A protocol adds `receive`, and what faults do to its answers."""

    def __init__(self, stations: Mapping[Who, AnyStation]) -> None:
        self.stations: dict[Who, AnyStation] = dict(stations)
        self._withheld: list[bytes] = []
        self._last: float | None = None
        self._lock = threading.RLock()  # physics and switches; a unit may throw its own

    # ---- for whoever breaks and mends -----------------------------------------------------

    def fault(self, who: Who) -> Setting:
        return self.stations[who].faults.setting

    def set_fault(
        self, who: Who, fault: Fault, probability: float = 1.0, delay_s: float | None = None
    ) -> None:
        """Throw the switch of one instrument; it stays until thrown again.

        `delay_s`: SLOW answers so much later (0.5 s by default); LATE answers after so long, by default
        when the next request arrives.
        """
        station = self.stations[who]
        with self._lock:
            station.faults.setting = Setting(fault, probability, delay_s)
            station.suffer(fault)

    def set_latency(self, who: Who, latency_s: float) -> None:
        self.stations[who].latency_s = latency_s

    # ---- for the protocol: under the lock ---------------------------------------------------

    def _advance(self, now: float) -> None:
        elapsed_s = now - self._last if self._last is not None else 0.0
        self._last = now
        for station in self.stations.values():
            station.step(elapsed_s)

    def _overdue(self) -> list[Transmission]:
        """Answers that were withheld until the next request."""
        sent = [Transmission(0.0, late) for late in self._withheld]
        self._withheld.clear()
        return sent

    def _delay_s(self, setting: Setting, wire: bytes, latency_s: float) -> float | None:
        """When the answer `wire` is due; None for one that is withheld."""
        if setting.fault is Fault.SLOW:
            return latency_s + (SLOW_S if setting.delay_s is None else setting.delay_s)
        if setting.fault is not Fault.LATE:
            return latency_s
        if setting.delay_s is None:
            self._withheld.append(wire)
        return setting.delay_s
