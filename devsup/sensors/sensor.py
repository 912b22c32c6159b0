"""A sensor behind blocking files, read off the event loop: several in parallel, none holds up the IOC.

A reading has a thread of its own. One that never comes back (a locked-up bus) costs that thread
and nothing else: the sensor counts as failed, and is not asked again before it has returned.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping
from typing import Protocol

from devsup.errors import DeviceFault, NoReply
from devsup.health import Health, Manners
from devsup.sensors.feed import Feed
from devsup.sensors.values import Limits, Quantity, Sample


class Source(Protocol):
    """Something that can be read. `read` may block; it raises devsup.errors."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What a reading holds."""
        ...

    def read(self) -> Sample:
        """One reading, all quantities of the same moment."""
        ...

    def close(self) -> None:
        """Give back what reading needed. Never raises; reading again opens it anew."""
        ...


class Sensor(Feed):
    """A source and the account of what it has said."""

    def __init__(
        self,
        name: str,
        source: Source,
        limits: Mapping[Quantity, Limits] | None = None,
        timeout_s: float = 10.0,
        manners: Manners | None = None,
    ) -> None:
        health = Health(name, manners or Manners(response_timeout_s=timeout_s))
        super().__init__(name, source.quantities, health, limits)
        self.source = source
        self.timeout_s = timeout_s
        self._busy = False  # a thread reads
        self._since = 0.0

    async def sample(self) -> Sample:
        started = time.monotonic()
        try:
            sample = await self._in_thread(started)
        except DeviceFault as fault:
            now = time.monotonic()
            self.health.attempt_failed(str(fault))
            if self.health.spent():
                self.health.gave_up(now - started, now)
            raise
        now = time.monotonic()
        self.health.answered(now - started, now)
        return sample

    def close(self) -> None:
        """Give the source back, unless a reading that never returned still holds it."""
        if not self._busy:
            self.source.close()

    async def _in_thread(self, started: float) -> Sample:
        if self._busy:
            raise NoReply(f"{self.name}: a reading hangs since {started - self._since:.0f} s")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sample] = loop.create_future()
        self._busy, self._since = True, started
        name = f"sensor-{self.name}"
        threading.Thread(target=self._work, args=(loop, answer), name=name, daemon=True).start()
        try:
            async with asyncio.timeout(self.timeout_s):
                return await answer
        except TimeoutError:
            raise NoReply(f"{self.name}: no reading within {self.timeout_s:g} s") from None

    def _work(self, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Sample]") -> None:
        """Root of the thread: whatever happens is the answer."""
        outcome: Sample | DeviceFault
        try:
            outcome = self.source.read()
        except DeviceFault as fault:
            outcome = fault
        except Exception as error:  # a mistake of our own must not look like a value, nor end the IOC
            self._log.exception("%s: reading failed in our own code", self.name)
            outcome = DeviceFault(f"{self.name}: {error}")
        self._busy = False
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(_settle, answer, outcome)


def _settle(answer: "asyncio.Future[Sample]", outcome: Sample | DeviceFault) -> None:
    if answer.done():  # nobody waits any more
        return
    if isinstance(outcome, Sample):
        answer.set_result(outcome)
    else:
        answer.set_exception(outcome)
