"""An instrument that is polled for ever: at its pace, seldom while it is silent, and never in others' way.

Knows ticks, a port and a Health; knows no protocol, no reading and no subsystem.
"""

import logging
import math
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable

from devsup.errors import DeviceFault
from devsup.health import Health
from devsup.port import Port
from iocs.common.comm import CommPVs
from iocs.common.ticks import Ticks

STALE_S = 1.0  # an instrument that answers, but refuses to be read, shows its last values this long
PAUSE_S = 2.0  # between two attempts to get along with one that answers strangely, or is wanted


class Polled(CommPVs):
    """Base of a group that shows one instrument. `poll` reads and shows it, or raises."""

    def __init__(
        self, prefix: str, name: str, health: Health, port: Port, period_s: float, log: logging.Logger
    ) -> None:
        super().__init__(prefix)
        self.name = name
        self.health = health
        self.log = log
        self.ticks = Ticks(period_s)
        self.read_at: float | None = None  # of the last reading shown (monotonic seconds)
        self.wanted = False  # somebody waits for it: ask at once, even if it was silent
        self.sees: bool | None = None  # readings come; None: not tried yet
        self._port = port
        self._next = 0.0

    @abstractmethod
    async def poll(self) -> None:
        """Read and show, once. What it raises is shown and counted."""

    def is_needed(self) -> bool:
        """Has a silent one to be asked more often than its line can afford?"""
        return self.wanted

    def is_excused(self) -> bool:
        """Is there a reason for its last reading to be old?"""
        return False

    async def run(self) -> None:
        """Read and show, tick by tick, for ever; an instrument that is lost is probed when it is due."""
        while True:
            missed = await self.ticks.next()
            self._port.stats.overruns += missed  # not in one line: others count there as well
            if self.is_due():
                await self._turn()
            if self.health.lost:
                self._stand(False, self.health.last_error)
            self.show_link(self.health, sees=bool(self.sees))

    def is_due(self) -> bool:
        """Is it its turn? A silent one is asked as often as its line can afford, or when it is needed."""
        now, health = time.monotonic(), self.health
        if health.lost and health.due(now):
            return True
        if now < self._next:
            return False
        return not health.lost or self.is_needed()

    async def attempt(self, work: Callable[[], Awaitable[None]]) -> str:
        """Root of everything done with one instrument: what goes wrong with it concerns no other.

        Returns what that was; a mistake of our own is logged unless it is the one shown already.
        """
        try:
            await work()
        except DeviceFault as fault:
            problem = str(fault)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            if problem != self.comm_error.value:
                self.log.exception("%s: failed in our own code", self.name)
        else:
            return ""
        self.show_error(problem)
        return problem

    async def _turn(self) -> None:
        self.wanted = False
        if not (problem := await self.attempt(self.poll)):
            self._stand(True)
        elif self._is_stale():
            self._stand(False, problem)
            self._next = time.monotonic() + PAUSE_S

    def _is_stale(self) -> bool:
        """May the last reading not be shown as good any longer?"""
        if self.health.lost or self.read_at is None:
            return True
        age_s = time.monotonic() - self.read_at
        return age_s > max(STALE_S, 1.5 * self.ticks.period_s) and not self.is_excused()

    def _stand(self, sees: bool, why: str = "") -> None:
        """Readings come, or do not. Logged when that changes."""
        if sees is not self.sees:
            if sees:
                self.log.info("%s: readings come", self.name)
            else:
                self.log.warning("%s: no readings: %s", self.name, why)
        self.sees = sees

    @property
    def silent_s(self) -> float:
        """Since its last answer; infinite before any."""
        last = self.health.last_good
        return math.inf if last is None else time.monotonic() - last
