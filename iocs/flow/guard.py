"""Zero for all: the emergency stop of the flow IOC, carried out on the instruments.

Knows the latch of logic.Stop and the instruments' safe(); decides nothing itself.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from devsup.bronkhorst import Instrument
from devsup.bronkhorst_values import Reading
from devsup.errors import DeviceFault
from iocs.flow import logic

PATIENCE_S = 0.5  # before it is said who has not confirmed its zero yet


class Guard:
    """Sends zeros, keeps account of those not confirmed, and says what it did."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.stop = logic.Stop()
        self.orders = 0  # of clients, since somebody counted them
        self.confirmed: dict[str, Callable[[], None]] = {}  # whom to tell that a zero is confirmed, by name
        self._instruments = instruments
        self._names = frozenset(item.name for item in instruments)
        self._under_way: Counter[str] = Counter()
        self._problems: dict[str, str] = {}
        self._why = ""  # zeros are owed
        self._log = logging.getLogger("flow.guard")
        self.say: Callable[[str], None] = self._log.info

    # -- for everybody at once ----------------------------------------------------------------

    async def trip(self) -> str:
        """Emergency stop: latch, then zero everything. Returns whose zero is not confirmed."""
        self.stop = logic.trip(self.stop, self._names)
        self._log.warning("emergency stop")
        return await self.zero_all("Emergency stop")

    async def release(self) -> str:
        """Reset of the latch. A zero still owed stays owed."""
        self.stop = logic.released(self.stop)
        owed = ", ".join(sorted(self.stop.owed))
        self._log.warning("emergency stop reset")
        self.say("Emergency stop reset" + (f"; zero still owed by {owed}" if owed else ""))
        return ""

    async def zero_all(self, why: str, *, insist: bool = False) -> str:
        """Every setpoint to zero, at top priority, without a latch. Returns what is not confirmed.

        `insist`: an instrument that does not confirm is zeroed when it returns.
        """
        if insist:
            self.stop = logic.owe(self.stop, self._names)
        self._why = why if self.stop.owed else self._why
        problem = "; ".join(await self._zero(self._instruments, why))
        self.say(f"{why}: {problem}" if problem else f"{why}: every setpoint is zero, confirmed")
        if problem:
            self._log.error("%s: %s", why, problem)
        return problem

    async def close(self, deadline_s: float) -> None:
        """Zero for good, on the way out: no put passes afterwards. Gives up after `deadline_s`."""
        self.stop = logic.close(self.stop, self._names)
        try:
            async with asyncio.timeout(deadline_s):
                await self.zero_all("Shutdown")
        except TimeoutError:
            self._log.error("zero not confirmed by %s", ", ".join(sorted(self.stop.owed)))

    # -- for one that was read ----------------------------------------------------------------

    def must_zero(self, instrument: Instrument, reading: Reading | None = None) -> bool:
        """Does it owe a zero that is not under way already? `reading` is its newest, if there is one."""
        under_way = self._under_way[instrument.name] > 0
        return not under_way and logic.must_zero(self.stop, instrument.name, reading)

    async def pay(self, instrument: Instrument) -> None:
        """Zero one instrument that came back, whatever it woke up with, or that moved during the stop."""
        name = instrument.name
        before = self._problems.get(name)
        problem = await self._begin(instrument)
        if problem and problem != before:
            self._log.error("%s", problem)
            self.say(problem)
        elif not problem:
            self._log.warning("%s: zeroed", name)
            self.say(f"{self._why}: {name} is zero now, confirmed")

    # -- carrying it out ----------------------------------------------------------------------

    async def _zero(self, instruments: Iterable[Instrument], why: str) -> list[str]:
        """All at once, those that answer ahead of those that may not. Says for whom it has to wait."""
        order = sorted(instruments, key=lambda item: (item.health.lost, item.health.attempts_failed))
        zeros = {self._begin(item): item.name for item in order}
        try:
            _, pending = await asyncio.wait(zeros, timeout=PATIENCE_S)
            if pending:
                self.say(f"{why}: waiting for {', '.join(sorted(zeros[task] for task in pending))}")
            problems = await asyncio.gather(*zeros)
        finally:
            for task in zeros:
                task.cancel()
        return sorted(problem for problem in problems if problem)

    def _begin(self, instrument: Instrument) -> asyncio.Task[str]:
        """A zero that counts as under way from now on, whenever its task gets its turn."""
        name = instrument.name
        task = asyncio.create_task(self._zero_one(instrument), name=f"zero {name}")
        self._under_way[name] += 1
        task.add_done_callback(lambda _: self._under_way.subtract([name]))
        return task

    async def _zero_one(self, instrument: Instrument) -> str:
        """Its safe(), booked as soon as it is confirmed. Returns what went wrong."""
        name = instrument.name
        try:
            await instrument.safe()
        except Exception as error:  # root of one zero: the others are sent and told of all the same
            if not isinstance(error, DeviceFault):
                self._log.exception("%s: zero failed in our own code", name)
            self._problems[name] = f"{name} not confirmed zero: {error}"
            return self._problems[name]
        self.stop = logic.zeroed(self.stop, name)
        self._problems.pop(name, None)
        self.confirmed[name]()
        return ""
