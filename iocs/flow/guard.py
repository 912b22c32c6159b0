"""Zero for all: the emergency stop of the flow IOC, carried out on the instruments.

Knows the latch of logic.Stop and the instruments' safe(); decides nothing itself.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from devsup.bronkhorst import Instrument
from devsup.errors import DeviceFault
from iocs.flow import logic


class Guard:
    """Sends zeros, keeps account of those not confirmed, and says what it did."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.stop = logic.Stop()
        self._instruments = instruments
        self._log = logging.getLogger("flow.guard")
        self.say: Callable[[str], None] = self._log.info

    async def trip(self) -> str:
        """Emergency stop: latch, then zero everything. Returns whose zero is not confirmed."""
        self.stop = logic.trip(self.stop, frozenset(item.name for item in self._instruments))
        self._log.warning("emergency stop")
        return self._report("Emergency stop", await self._zero(self._instruments))

    async def release(self) -> str:
        """Reset of the latch. A zero still owed stays owed."""
        self.stop = logic.released(self.stop)
        owed = ", ".join(sorted(self.stop.owed))
        self._log.warning("emergency stop reset")
        self.say("Emergency stop reset" + (f"; zero still owed by {owed}" if owed else ""))
        return ""

    async def zero_all(self, why: str) -> str:
        """Every setpoint to zero, at top priority, without a latch."""
        return self._report(why, await self._zero(self._instruments))

    async def pay(self, instrument: Instrument) -> None:
        """An instrument came back: zero it if it owes that, or if the stop is on, whatever it woke up with.

        Raises DeviceFault when it fails again.
        """
        if self.stop.active or instrument.name in self.stop.owed:
            await instrument.safe()
            self.stop = logic.zeroed(self.stop, instrument.name)
            self.say(f"{instrument.name}: answers again, emergency zero confirmed")

    async def _zero(self, instruments: Sequence[Instrument]) -> list[str]:
        results = await asyncio.gather(*(item.safe() for item in instruments), return_exceptions=True)
        problems = []
        for item, result in zip(instruments, results, strict=True):
            if result is None:
                self.stop = logic.zeroed(self.stop, item.name)
            elif isinstance(result, DeviceFault):
                problems.append(f"{item.name} not confirmed: {result}")
            else:
                raise result
        return problems

    def _report(self, what: str, problems: list[str]) -> str:
        problem = "; ".join(problems)
        self.say(f"{what}: {problem}" if problems else f"{what}: every setpoint is zero, confirmed")
        if problems:
            self._log.error("%s: %s", what, problem)
        return problem
