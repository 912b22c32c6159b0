"""Safe for everything: the emergency stop of an IOC, carried out on its instruments.

Knows the latch of stop.py and the instruments' safe(); decides nothing itself, knows no PV and no protocol.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from devsup.errors import DeviceFault
from devsup.health import Health
from iocs.common import stop

PATIENCE_S = 0.5  # before it is said who has not confirmed yet


class Safe(Protocol):
    """An instrument that can be made safe."""

    @property
    def name(self) -> str: ...

    @property
    def health(self) -> Health: ...

    async def safe(self) -> None:
        """Verified, ahead of everything else, harmless to repeat. Raises when it could not be confirmed."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the safe state of one instrument, and of all of them, is called."""

    one: str = "zero"
    all: str = "every setpoint is zero"


class Guard:
    """Makes instruments safe, keeps account of those that have not confirmed it, and says what it did."""

    def __init__(self, instruments: Sequence[Safe], words: Words | None = None, log: str = "guard") -> None:
        self.words = words or Words()
        self.stop = stop.Stop()
        self.orders = 0  # of clients, since somebody counted them
        self.confirmed: dict[str, Callable[[str], None]] = {}  # whom to tell that it is, and why, by name
        self.doubtful: dict[str, Callable[[], None]] = {}  # … or that it is not, and may be so all the same
        self._instruments = instruments
        self._names = frozenset(item.name for item in instruments)
        self._under_way: Counter[str] = Counter()
        self._problems: dict[str, str] = {}
        self._why = ""  # they are owed
        self._log = logging.getLogger(log)
        self.say: Callable[[str], None] = self._log.info

    # -- for everybody at once ----------------------------------------------------------------

    async def trip(self) -> str:
        """Emergency stop: latch, then make everything safe. Returns what is not confirmed."""
        self.stop = stop.trip(self.stop, self._names)
        self._log.warning("emergency stop")
        return await self.all_safe("Emergency stop")

    def resume(self) -> None:
        """The latch was set when the IOC ended: it holds, and everything owes its safe state anew."""
        self.stop = stop.trip(self.stop, self._names)
        self._why = "Emergency stop"
        self._log.warning("emergency stop is still latched from before the start")

    async def release(self) -> str:
        """Reset of the latch. What is still owed stays owed."""
        self.stop = stop.released(self.stop)
        owed = ", ".join(sorted(self.stop.owed))
        self._log.warning("emergency stop reset")
        self.say("Emergency stop reset" + (f"; {self.words.one} still owed by {owed}" if owed else ""))
        return ""

    async def all_safe(self, why: str, *, insist: bool = False) -> str:
        """Everything safe, at top priority, without a latch. Returns what is not confirmed.

        `insist`: an instrument that does not confirm is made safe when it returns.
        """
        return await self._make_safe(self._instruments, why, self.words.all, insist)

    async def some_safe(self, names: Sequence[str], why: str, *, insist: bool = False) -> str:
        """As `all_safe`, for the instruments of these names."""
        some = [item for item in self._instruments if item.name in names]
        done = f"{' and '.join(item.name for item in some)} {self.words.one}"
        return await self._make_safe(some, why, done, insist)

    async def _make_safe(self, some: Sequence[Safe], why: str, done: str, insist: bool) -> str:
        if insist:
            self.stop = stop.owe(self.stop, frozenset(item.name for item in some))
        self._why = why if self.stop.owed else self._why
        problem = "; ".join(await self._settle(some, why))
        self.say(f"{why}: {problem}" if problem else f"{why}: {done}, confirmed")
        if problem:
            self._log.error("%s: %s", why, problem)
        return problem

    async def close(self, deadline_s: float) -> None:
        """Safe for good, on the way out: no put passes afterwards. Gives up after `deadline_s`."""
        self.stop = stop.close(self.stop, self._names)
        try:
            async with asyncio.timeout(deadline_s):
                await self.all_safe("Shutdown")
        except TimeoutError:
            self._log.error("%s not confirmed by %s", self.words.one, ", ".join(sorted(self.stop.owed)))

    # -- for one that was read ----------------------------------------------------------------

    def held(self, name: str) -> str:
        """Why an instrument has to stay in its safe state; empty when it has not."""
        return stop.held(self.stop, name, self.words.one)

    def is_settling(self, name: str) -> bool:
        """Its safe state is on its way, or owed: it may be in it at any moment."""
        return self._under_way[name] > 0 or name in self.stop.owed

    def must_act(self, instrument: Safe, at_rest: bool | None = None) -> bool:
        """Does it owe its safe state, and is that not under way already? `at_rest`: whether its newest
        reading is; None if there is none."""
        under_way = self._under_way[instrument.name] > 0
        return not under_way and stop.must_act(self.stop, instrument.name, at_rest)

    async def pay(self, instrument: Safe) -> None:
        """Make one safe that came back, whatever it woke up with, or that moved during the stop."""
        name = instrument.name
        before = self._problems.get(name)
        problem = await self._begin(instrument, self._why)
        if problem and problem != before:
            self._log.error("%s", problem)
            self.say(problem)
        elif not problem:
            self._log.warning("%s: %s again", name, self.words.one)
            self.say(f"{self._why}: {name} is {self.words.one} now, confirmed")

    # -- carrying it out ----------------------------------------------------------------------

    async def _settle(self, instruments: Iterable[Safe], why: str) -> list[str]:
        """All at once, those that answer ahead of those that may not. Says for whom it has to wait."""
        order = sorted(instruments, key=lambda item: (item.health.lost, item.health.attempts_failed))
        tasks = {self._begin(item, why): item.name for item in order}
        try:
            _, pending = await asyncio.wait(tasks, timeout=PATIENCE_S)
            if pending:
                self.say(f"{why}: waiting for {', '.join(sorted(tasks[task] for task in pending))}")
            problems = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return sorted(problem for problem in problems if problem)

    def _begin(self, instrument: Safe, why: str) -> asyncio.Task[str]:
        """It counts as under way from now on, whenever its task gets its turn."""
        name = instrument.name
        task = asyncio.create_task(self._settle_one(instrument, why), name=f"safe {name}")
        self._under_way[name] += 1
        task.add_done_callback(lambda _: self._under_way.subtract([name]))
        return task

    async def _settle_one(self, instrument: Safe, why: str) -> str:
        """Its safe(), booked as soon as it is confirmed. Returns what went wrong."""
        name = instrument.name
        try:
            await instrument.safe()
        except asyncio.CancelledError:
            self._doubt(name)
            raise
        except Exception as error:  # root of one order: the others are sent and told of all the same
            if not isinstance(error, DeviceFault):
                self._log.exception("%s: safe() failed in our own code", name)
            self._doubt(name)
            self._problems[name] = f"{name} not confirmed {self.words.one}: {error}"
            return self._problems[name]
        self.stop = stop.settled(self.stop, name)
        self._problems.pop(name, None)
        if name in self.confirmed:
            self.confirmed[name](why)
        return ""

    def _doubt(self, name: str) -> None:
        if name in self.doubtful:
            self.doubtful[name]()
