"""One sensor, read off the event loop: several are read in parallel, and none holds up the IOC.

A reading has a thread of its own. One that never comes back (a locked-up bus) costs that thread
and nothing else: the sensor counts as failed, and is not asked again before it has returned.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from typing import Protocol

from devsup.errors import DeviceFault, NoReply
from devsup.health import Health, Manners
from devsup.sensors.values import Limits, Measured, Quantity, Sample, Track


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


class Sensor:
    """A source and the account of what it has said. `read` is for one caller at a time."""

    def __init__(
        self,
        name: str,
        source: Source,
        limits: Mapping[Quantity, Limits] | None = None,
        timeout_s: float = 10.0,
        manners: Manners | None = None,
    ) -> None:
        self.name = name
        self.source = source
        self.timeout_s = timeout_s
        self.health = Health(name, manners or Manners(response_timeout_s=timeout_s))
        self._tracks = {
            what: Track(f"{name} {what.name.lower()}", (limits or {}).get(what, Limits()))
            for what in source.quantities
        }
        self._busy = False  # a thread reads
        self._since = 0.0
        self._log = logging.getLogger(f"sensor.{name}")
        self._failing = False

    def measured(self, quantity: Quantity) -> Measured:
        """The last good value of a quantity, and how it stands."""
        return self._tracks[quantity].now

    async def read(self) -> Mapping[Quantity, Measured]:
        """Read once and book the outcome; never raises for what is wrong with the sensor."""
        started = time.monotonic()
        try:
            sample = await self._attempt(started)
        except DeviceFault as fault:
            self._missed(str(fault), time.monotonic() - started)
        else:
            self.health.answered(time.monotonic() - started, time.monotonic())
            for what, track in self._tracks.items():
                track.take(sample.values[what], sample.at)
            self._say("")
        return {what: track.now for what, track in self._tracks.items()}

    def close(self) -> None:
        """Give the source back, unless a reading that never returned still holds it."""
        if not self._busy:
            self.source.close()

    async def _attempt(self, started: float) -> Sample:
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
        try:
            sample = self.source.read()
        except DeviceFault as fault:
            self._hand_over(loop, answer, None, fault)
        except Exception as error:  # a mistake of our own must not look like a value, nor end the IOC
            self._log.exception("%s: reading failed in our own code", self.name)
            self._hand_over(loop, answer, None, DeviceFault(f"{self.name}: {error}"))
        else:
            self._hand_over(loop, answer, sample, None)

    def _hand_over(
        self,
        loop: asyncio.AbstractEventLoop,
        answer: "asyncio.Future[Sample]",
        sample: Sample | None,
        fault: DeviceFault | None,
    ) -> None:
        def settle() -> None:
            if answer.done():  # nobody waits any more
                return
            if sample is not None:
                answer.set_result(sample)
            elif fault is not None:
                answer.set_exception(fault)

        self._busy = False
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(settle)

    def _missed(self, problem: str, cost_s: float) -> None:
        self.health.attempt_failed(problem)
        if self.health.spent():
            self.health.gave_up(cost_s, time.monotonic())
        for track in self._tracks.values():
            track.miss(problem)
        self._say(problem)

    def _say(self, problem: str) -> None:
        """Log the change of state, not the state."""
        if problem and not self._failing:
            self._log.warning("%s: no reading: %s", self.name, problem)
        elif not problem and self._failing:
            self._log.info("%s: readings come", self.name)
        self._failing = bool(problem)
