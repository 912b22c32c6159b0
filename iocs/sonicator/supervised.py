"""One sonicator under supervision: polled, and its state machine stepped with every reading.

Thin: logic decides, device support carries out, display.py shows. What else there is on the board is only
known through Around.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from devsup.errors import DeviceFault, NoReply
from devsup.sonicator_board import Sonicator
from devsup.sonicator_values import AMPLITUDE_MAX, AMPLITUDE_MIN, Reading
from iocs.caserver import AlarmStatus
from iocs.common.memory import Memory
from iocs.common.ticks import Ticks
from iocs.sonicator import logic
from iocs.sonicator.around import Around
from iocs.sonicator.config import SonicatorConfig
from iocs.sonicator.display import SonicatorDisplay
from iocs.sonicator.logic import Action, Cause, Command, Do, Inputs, Machine, State
from iocs.sonicator.use import Use

IDLE_PERIOD_S = 0.5  # between readings of one that is disabled
SILENT_AFTER = 2  # attempts in vain: then only the keep-alive asks
WATCH_S = 0.1  # between steps while no readings come
STALE_S = 0.3  # without a reading for so long, its PVs are INVALID
Orders = tuple[Action, ...]


class SupervisedSonicator(SonicatorDisplay):
    """What happens to one sonicator without anybody asking for it."""

    def __init__(
        self, prefix: str, device: Sonicator, config: SonicatorConfig, around: Around, memory: Memory
    ) -> None:
        super().__init__(prefix, config)
        self.device = device
        self.use = Use(config.name, memory)
        self.machine = logic.born(time.monotonic())
        self.reading: Reading | None = None
        self.poll_period_s = IDLE_PERIOD_S
        self.log = logging.getLogger(f"sonicator.{config.name}")
        self.around = around
        self.news = asyncio.Event()  # set by every step
        self._ticks = Ticks(self.poll_period_s)
        self._sees = False
        self._under_way: dict[str, asyncio.Task[None]] = {}
        around.followers.append(self.follow)
        around.guard.confirmed[config.name] = lambda _: self._stop_confirmed()
        self.show_machine(self.machine)

    def begin(self) -> None:
        """The saved PVs and the memory are there; from now on silence counts."""
        self.use.restore()
        self.machine = logic.born(time.monotonic())

    async def run(self) -> None:
        """Poll, and step with every reading, tick by tick, for ever. While the board does not answer, only
        the keep-alive asks it, so that its return is noticed soon."""
        while True:
            period_s = self.poll_period_s if self.enabled.value else IDLE_PERIOD_S
            if period_s != self._ticks.period_s:
                self._ticks.period_s = period_s
            self.device.board.bus.port.stats.overruns += await self._ticks.next()
            board = self.device.board.health
            if board.attempts_failed < SILENT_AFTER and not board.lost and await self._poll():
                self.look()
                self._show()

    async def watch(self) -> None:
        """Step and show as well while no readings come, for ever: a step must not wait for an answer."""
        ticks = Ticks(WATCH_S)
        while True:
            await ticks.next()
            self.look()
            self._show()
            self.show_use(self.use.usage, self.use.totals, self.limits, time.monotonic())

    async def _poll(self) -> bool:
        """Has it been read?"""
        try:
            reading = await self.device.poll()
        except DeviceFault as fault:
            self.log.debug("%s", fault)
            return False
        now = time.monotonic()
        if self.reading is None and self.machine.state is State.IDLE:
            self._adopt(reading, now)
        self.reading = reading
        self.use.book(reading, self.limits, now)
        guard = self.around.guard
        if guard.must_act(self.device, not reading.running):
            self.in_background("pay", lambda: guard.pay(self.device))
        return True

    def _adopt(self, reading: Reading, now: float) -> None:
        """The first reading: what runs goes on, at the amplitude it has."""
        self.machine = logic.adopt(self.machine, reading, now)
        if reading.running:
            self.amplitude.set_ok(min(max(reading.amplitude, AMPLITUDE_MIN), AMPLITUDE_MAX))
            self.log.warning("found running, and left so")

    # -- the machine --------------------------------------------------------------------------

    def look(self, inputs: Inputs | None = None) -> Orders:
        """One step. What a command brings is returned; what the machine wants by itself is sent."""
        before = self.machine
        given = self.inputs() if inputs is None else inputs
        self.machine, orders = logic.step(before, given, self.config.tuning, time.monotonic())
        self.around.active[self.config.name] = self.machine.state in (State.STARTING, State.RUNNING)
        self._tell(before)
        self.news.set()
        if orders and given.command is Command.NONE:
            self.send(orders)
            return ()
        return orders

    def inputs(
        self, command: Command = Command.NONE, why: str = "", amplitude: float | None = None
    ) -> Inputs:
        """What is known now, and what is wanted."""
        around, name = self.around, self.config.name
        hold = "" if self.enabled.value else "disabled: Enabled first"
        return Inputs(
            reading=self.reading,
            amplitude=self.amplitude.value if amplitude is None else amplitude,
            command=command,
            why=why,
            hold=hold or around.hold(name) or logic.exhausted(self.use.usage, self.limits, time.monotonic()),
            forbid=around.forbid(self.config.number) if command is Command.START else "",
            stop=around.stop,
            others_run=around.others_run(name),
        )

    def _tell(self, before: Machine) -> None:
        """What has changed, where people look."""
        now = self.machine
        self.show_machine(now)
        if now.state is before.state and now.reason == before.reason:
            return
        grave = now.state is State.FAULT and before.state is not State.FAULT
        self.log.log(logging.WARNING if grave else logging.INFO, "%s: %s", now.state.name, now.reason)
        if now.reason != before.reason and Cause.EMERGENCY_STOP not in now.causes | before.causes:
            self.around.say(f"{self.config.name}: {now.reason}")

    def follow(self, who: str, value: float, demanded: bool) -> None:
        """The amplitude that all share has been set for another: what runs follows, and what rests will
        start with it if an operator wanted it so."""
        active = self.machine.state in (State.STARTING, State.RUNNING)
        if who == self.config.name or not (active or demanded):
            return
        self.amplitude.set_ok(value)
        if active:
            before = self.machine
            self.machine = replace(before, reason=f"amplitude {value:g} %, set by {who}: one PWM drives all")
            self._tell(before)

    # -- orders -------------------------------------------------------------------------------

    def send(self, orders: Orders) -> None:
        """Orders that nobody waits for."""
        if orders == (logic.MINIMUM,):
            self.in_background("rest", self._rest)
            return
        self.in_background(" ".join(action.do.value for action in orders), lambda: self.carry_out(orders))

    async def carry_out(self, orders: Orders) -> None:
        """Tell the board; returns when it has confirmed. Raises devsup.errors."""
        deeds, device = tuple(action.do for action in orders), self.device
        amplitude = next((action.value for action in orders if action.do is Do.AMPLITUDE), None)
        if deeds == (Do.STOP,):
            await device.stop()
            self._stop_confirmed()
        elif deeds == (Do.RESET,):
            await device.reset()
        elif amplitude is not None and deeds == (Do.STOP, Do.AMPLITUDE):
            await device.safe()
            self._stop_confirmed()
            self._amplitude_is(amplitude, demanded=False)
        elif amplitude is not None and deeds == (Do.AMPLITUDE, Do.START):
            await device.start(amplitude)
            self._amplitude_is(amplitude, demanded=True)
        elif amplitude is not None and deeds == (Do.AMPLITUDE,):
            await device.set_amplitude(amplitude)
            self._amplitude_is(amplitude, demanded=True)

    def _stop_confirmed(self) -> None:
        self.machine = logic.stopped(self.machine, time.monotonic())

    def _amplitude_is(self, amplitude: float, *, demanded: bool) -> None:
        """The board has confirmed it."""
        held = float(round(amplitude))
        if demanded:
            self.amplitude.set_ok(held)
        self.show_amplitude(held)
        self.around.amplitude_set(self.config.name, held, demanded=demanded)

    async def _rest(self) -> None:
        """The amplitude to its minimum after a stop, unless it is somebody's by then: an attempt that failed
        must not reach one that was started meanwhile."""
        for _ in self.device.health.manners.retry_delays_s:
            shared = self.around.shared_amplitude and self.around.others_run(self.config.name)
            if self.machine.state is not State.IDLE or shared:
                return
            with contextlib.suppress(DeviceFault):
                self.show_amplitude(await self.device.set_amplitude(AMPLITUDE_MIN, retries=0))
                return
        raise NoReply(f"{self.config.name}: amplitude not at its minimum after the stop")

    def in_background(self, key: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work that nobody waits for; the same is not begun twice at a time."""
        if key not in self._under_way or self._under_way[key].done():
            name = f"{self.config.name} {key}"
            self._under_way[key] = asyncio.create_task(self._reported(work()), name=name)

    async def _reported(self, work: Coroutine[Any, Any, None]) -> None:
        """Root of work that nobody waits for."""
        try:
            await work
        except DeviceFault as fault:
            self.log.warning("not confirmed: %s", fault)
            self.around.say(f"{self.config.name}: not confirmed: {fault}")
        except Exception:
            self.log.exception("an order failed in our own code")

    # -- showing ------------------------------------------------------------------------------

    def _show(self) -> None:
        """The newest reading, or that there is none."""
        now, reading = time.monotonic(), self.reading
        lost = self.device.board.health.lost
        fresh_s = max(STALE_S, 1.5 * self._ticks.period_s)
        sees = reading is not None and now - reading.at <= fresh_s and not lost
        if sees and reading is not None:
            self.show_reading(reading, self.machine.state)
        elif (status := AlarmStatus.COMM if lost else AlarmStatus.READ) is not self.power.status:
            self.show_blind(status)
        if sees is not self._sees:
            self.log.info("readings %s", "come" if sees else "have stopped")
        self._sees = sees

    def show_image(self, image: Mapping[int, int], shared: float | None) -> None:
        """The control registers, read now and then; `shared` is an amplitude setpoint that is the board's."""
        if self._sees:
            settings = self.device.board.settings(image, self.device.number)
            self.show_amplitude(settings.amplitude if shared is None else shared)
