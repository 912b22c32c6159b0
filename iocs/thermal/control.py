"""The controller at work: inputs gathered, one step of logic, orders handed out, operators answered.

Knows when to step and whom to tell; what is decided, logic decides.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from iocs.caserver import Refused, spawn
from iocs.common.guard import Guard
from iocs.common.ticks import Ticks
from iocs.thermal.config import ThermalConfig
from iocs.thermal.events import EventLog, SampleLog
from iocs.thermal.logic import orders as ordering
from iocs.thermal.logic.controller import NAMES, Controller, View
from iocs.thermal.logic.facts import LATCHES, Inputs, Latch, Orders, Request, Sensed, State
from iocs.thermal.logic.override import touched
from iocs.thermal.logic.requests import refuse
from iocs.thermal.logic.step import begin, step
from iocs.thermal.parameters import TecParameters
from iocs.thermal.show import ControllerDisplay
from iocs.thermal.supply import TecSupply
from iocs.thermal.thermometer import Thermometer

STOPPED = "emergency stop is active: EStop:Reset first"
SHUTDOWN = "shutdown of the IOC"
START_S = 8.0  # for a soft start to be confirmed by both supplies
OFF_S = 30.0  # for a stop to be confirmed by both supplies
CLOSING_TICK_S = 0.1


class Control(ControllerDisplay):
    """Steps the controller at every tick and at every reading of the hot side."""

    def __init__(
        self, prefix: str, config: ThermalConfig, supplies: Sequence[TecSupply],
        thermometers: Sequence[Thermometer], parameters: TecParameters, guard: Guard, events: EventLog,
        samples: SampleLog,
    ) -> None:  # fmt: skip
        super().__init__(prefix, self._trip, guard.release)
        self._config = config
        self._supplies = supplies
        self._cold, self._hot, *self._ambients = thermometers
        self._parameters = parameters
        self._guard = guard
        self._events = events
        self._samples = samples
        self._log = logging.getLogger("thermal.control")
        self._closing = False
        self._stepped = asyncio.Event()
        self.c = Controller()
        self.blocked: Callable[[], str] = str  # why an interlock wants it stopped
        self.cut_by: Callable[[], str] = str  # … or cut
        guard.say = self.say
        for index, supply in enumerate(supplies):
            supply.hand.touched = lambda index=index: self._touched(index)  # type: ignore[misc]

    # -- stepping -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Where the last run has left off: what was latched holds."""
        self._events.restore()
        problem = self._parameters.mend()
        latch = Latch(self.latch.value)
        self.c = begin(latch, self.latch_reason.value, time.monotonic(), auto_start=self._config.auto_start)
        self.say(f"Started; {latch.name} was latched: {self.c.reason}" if latch else "Started")
        if problem:
            self.say(f"saved parameters contradict each other ({problem}): those of the file hold")
        if self.latched:
            self._guard.resume()

    async def run(self) -> None:
        """Step, tick by tick, for ever."""
        ticks = Ticks(self._config.control_period_s)
        while True:
            await ticks.next()
            self.step()

    def step(self, request: Request | None = None) -> None:
        """Look and decide, now. Never waits."""
        now, p = time.monotonic(), self._parameters.now()
        seen = self._inputs(request)
        since, (self.c, given) = self.c.since, step(self.c, seen, p, now, self._config.history_period_s)
        if self.c.since != since:
            self._show_adopted()
        self._carry_out(given)
        for event in self.c.events:
            self._events.note(event, time.time())
        if self.c.imbalance.report:
            self._log.warning("imbalance: %s", self.c.imbalance.report)
        self._keep_latch()
        self._samples.show(self.c.history)
        self.show(self.c, p, now)
        self.show_not_off(self._not_off(View(now, p, seen)), now)
        for record, supply in zip((self.line_i1, self.line_i2), self._supplies, strict=True):
            record.set_ok(supply.set_current.value)
        self._stepped.set()

    def _inputs(self, request: Request | None = None) -> Inputs:
        first, second = (supply.seen() for supply in self._supplies)
        return Inputs(
            cold=self._cold.sensed(),
            hot=self._hot.sensed(),
            ambient=mean([one.sensed() for one in self._ambients]),
            supplies=(first, second),
            request=request,
            stopped=STOPPED if self.latched or self._guard.stop.active else self.cut_by(),
            tripped=SHUTDOWN if self._closing else self.blocked(),
        )

    def _carry_out(self, given: Orders) -> None:
        if given.cut:
            self._cut(given)
            return
        for supply, setting in zip(self._supplies, given.settings, strict=True):
            if setting is not None:
                supply.order(setting, validate=given.validate)

    def _show_adopted(self) -> None:
        """What the supplies were found with counts as commanded from now on."""
        for supply, setting in zip(self._supplies, self.c.found, strict=True):
            if setting is not None:
                supply.show_order(setting)

    def _cut(self, given: Orders) -> None:
        """Off at top priority. Who owes it already is asked again by its own poll, until it has confirmed."""
        both = zip(self._supplies, given.settings, strict=True)
        due = [supply for supply, setting in both if setting is not None]
        for supply, setting in zip(self._supplies, given.settings, strict=True):
            if setting is not None:
                supply.show_order(setting)
        if all(supply.name in self._guard.stop.owed for supply in due) or self.latched:
            return
        spawn(self._make_safe(self.c.reason), "cut")

    async def _make_safe(self, why: str) -> None:
        await self._guard.all_safe(why, insist=True)

    def _touched(self, index: int) -> str:
        """Has somebody else changed this supply? Asked with a fresh reading, before it is written to."""
        fresh = replace(self._supplies[index].seen(), pending=False)  # the order that asks is ours
        return touched(self.c, View(time.monotonic(), self._parameters.now(), Inputs()), index, fresh)

    def _not_off(self, v: View) -> list[str]:
        names = {*ordering.unconfirmed(self.c, v), *self._guard.stop.owed}
        return [name for name in NAMES if name in names]

    def _keep_latch(self) -> None:
        """What has to hold over a restart. A shutdown of the IOC is nobody's decision to stop."""
        if self._closing and self.c.state is State.OFF:
            return
        latch = LATCHES.get(self.c.state, Latch.NONE)
        self.latch.set_ok(int(latch))
        self.latch_reason.set_ok(self.c.reason[:159] if latch else "")

    # -- operators ----------------------------------------------------------------------------

    async def put_start(self, value: int) -> None:
        """Completes when both supplies have confirmed the soft start. One that is not confirmed while a
        client would wait is taken back: nothing may start after its put has been refused."""
        self._ask(Request.START)
        try:
            await self._until(self._begun, START_S, f"not confirmed within {START_S:g} s")
            if self.c.state in (State.STARTUP, State.RAMP_UP, State.STEADY_STATE):
                return
            why = f"{self.c.state.name}: {self.c.reason}"
        except Refused as error:
            why = f"{error} ({self.c.decision})"
        with suppress(Refused):  # a thermal fault or a hand: those do not start anything
            self._ask(Request.STOP)
        raise Refused(f"{why}; the start is taken back")

    async def put_halt(self, value: int) -> None:
        """Completes when both supplies are confirmed off."""
        self._ask(Request.STOP)
        await self._until(
            lambda: self.c.released or self.c.state is not State.OFF, OFF_S, "not confirmed off"
        )

    async def put_resume(self, value: int) -> None:
        self._ask(Request.RESUME)

    async def put_rearm(self, value: int) -> None:
        self._ask(Request.REARM)

    def _ask(self, request: Request) -> None:
        v = View(time.monotonic(), self._parameters.now(), self._inputs(request))
        if why := refuse(request, self.c, v):
            raise Refused(why)
        self.step(request)

    def _begun(self) -> bool:
        if self.c.state is State.STARTUP:
            return all(supply.hand.confirmed_at > self.c.since for supply in self._supplies)
        return self.c.state is not State.INITIALIZING

    async def _until(self, condition: Callable[[], bool], patience_s: float, problem: str) -> None:
        try:
            async with asyncio.timeout(patience_s):
                while not condition():
                    self._stepped.clear()
                    await self._stepped.wait()
        except TimeoutError:
            raise Refused(problem) from None

    async def _trip(self) -> str:
        """Emergency stop: both off at once, and the controller with them."""
        self.step()
        return await self._guard.trip()

    # -- the end ------------------------------------------------------------------------------

    @property
    def owes_off(self) -> bool:
        """A ramp-down or a cut is under way. It is brought to its end, whatever a shutdown would hold."""
        return self.c.state in ordering.FINAL and (self.c.current > 0.0 or bool(self._pending()))

    async def close(self, deadline_s: float) -> bool:
        """The soft ramp-down, whatever the state. Whether both are confirmed off within `deadline_s`."""
        self._closing = True
        self.say(SHUTDOWN)
        until = time.monotonic() + deadline_s
        while time.monotonic() < until:
            self.step()
            if self.c.state in ordering.FINAL and self.c.current <= 0.0 and not self._pending():
                return True
            await asyncio.sleep(CLOSING_TICK_S)
        self._log.error("ramp-down not confirmed within %g s", deadline_s)
        return False

    def _pending(self) -> list[str]:
        return self._not_off(View(time.monotonic(), self._parameters.now(), self._inputs()))


def mean(sensed: Sequence[Sensed]) -> Sensed:
    """Several ambient sensors as one: the mean of those read last within a minute of the newest."""
    newest = max((one.at for one in sensed), default=-float("inf"))
    good = [one.value for one in sensed if one.at > newest - 60.0]
    return Sensed(sum(good) / len(good), newest) if good else Sensed()
