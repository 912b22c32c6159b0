"""The board behind its PVs: kept alive, scanned for its registers, told what concerns every sonicator.

Thin, as unit.py: what is decided about one sonicator is decided there.
"""

import asyncio
import itertools
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from devsup.errors import DeviceFault
from devsup.health import Health
from devsup.sonicator_board import SonicatorBoard
from devsup.sonicator_values import BoardControl, BoardStatus, Status
from iocs.caserver import Alarm, AlarmSeverity, AlarmStatus, Refused
from iocs.common.ticks import Ticks
from iocs.sonicator.around import Around
from iocs.sonicator.config import BoardConfig
from iocs.sonicator.pvs import SHUTDOWNS, BoardPVs
from iocs.sonicator.registers import RegisterBank
from iocs.sonicator.supervised import SILENT_AFTER
from iocs.sonicator.unit import SonicatorUnit

T = TypeVar("T")
SCAN_S = 0.1  # between two images; each sonicator has its turn
RATE_S = 2.0  # over which the rate of keep-alives is taken
MISSED_S = 60.0  # how long a missed keep-alive is in alarm
MISSED = Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR)


class BoardStop:
    """The board's emergency stop, for the guard: set while ours is latched, never by a mere shutdown."""

    name = "board"

    def __init__(self, board: SonicatorBoard) -> None:
        self.around: Around | None = None
        self._board = board

    @property
    def health(self) -> Health:
        return self._board.health

    async def safe(self) -> None:
        if self.around is not None and self.around.guard.stop.active:
            await self._board.safe()


class SonicatorPlant(BoardPVs):
    """The board and all of its sonicators."""

    def __init__(
        self,
        prefix: str,
        board: SonicatorBoard,
        stop: BoardStop,
        units: Sequence[SonicatorUnit],
        banks: Mapping[int, RegisterBank],
        around: Around,
        config: BoardConfig,
    ) -> None:
        super().__init__(prefix, self._trip, self._release)
        self.board = board
        self.config = config
        self.log = logging.getLogger("sonicator.board")
        self._stop = stop
        self._units = units
        self._banks = banks
        self._around = around
        self._answers: deque[float] = deque()
        self._missed_at = float("-inf")
        self._released_at = 0.0
        self._held: float | None = None  # amplitude setpoint, where it is the board's
        self._tasks: set[asyncio.Task[str]] = set()
        for bank in banks.values():
            bank.unlocked = lambda: self.engineering.value == 1
        self.poll_period.set_ok(config.poll_period_s)
        self.keep_alive_missed.set_ok(0)
        around.guard.say = around.say = self.say
        self.say("Started; nothing is started or stopped by that")

    def begin(self) -> None:
        """The saved PVs are there."""
        for unit in self._units:
            unit.poll_period_s = self.poll_period.value
            unit.begin()
        if self.latched:
            self._around.guard.resume()

    # -- keep-alive ---------------------------------------------------------------------------

    async def keep_alive(self) -> None:
        """Ask the board for its status, steadily, for ever, whatever else happens."""
        ticks = Ticks(1.0 / self.config.keep_alive_hz)
        while True:
            self._count_missed(await ticks.next())
            try:
                self._answered(await self.board.keep_alive())
            except DeviceFault:
                self._count_missed(1)
            self._show_keep_alive()

    def _count_missed(self, count: int) -> None:
        if count:
            self._missed_at = time.monotonic()
            self.keep_alive_missed.set_ok(self.keep_alive_missed.value + count, alarm=MISSED)

    def _answered(self, status: BoardStatus) -> None:
        self._answers.append(status.at)
        stopped = self.board.map.stop_latches and Status.EMERGENCY_STOP in status.status
        self._around.board_stopped = stopped and status.at > self._released_at
        if self._around.board_stopped and not self._around.guard.stop.active:
            self.trip_because("The board's own emergency stop")
        elif self._around.guard.must_act(self._stop, stopped or not self.board.map.stop_latches):
            self._tasks.add(task := asyncio.create_task(self._pay(), name="stop the board"))
            task.add_done_callback(self._tasks.discard)
        self._show_status(status)

    async def _pay(self) -> str:
        await self._around.guard.pay(self._stop)
        return ""

    def trip_because(self, why: str) -> None:
        """Emergency stop by something that is no put: an interlock, the board itself."""
        self.log.warning("%s", why)
        self.active.set_ok(1)
        task = asyncio.create_task(self._trip(), name="emergency stop")
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._tripped(done, why))

    def _tripped(self, done: "asyncio.Task[str]", why: str) -> None:
        self._tasks.discard(done)
        if not done.cancelled():
            self.say(f"Emergency stop: {why}" + (f"; but {done.result()}" if done.result() else ""))

    def _show_keep_alive(self) -> None:
        now = time.monotonic()
        while self._answers and self._answers[0] < now - RATE_S:
            self._answers.popleft()
        self.keep_alive_rate.set_ok(len(self._answers) / RATE_S)
        if now - self._missed_at > MISSED_S:
            self.keep_alive_missed.set_ok(self.keep_alive_missed.value)
        health = self.board.health
        self.show_link(health, sees=not health.lost)
        if health.lost:
            for bank in self._banks.values():
                bank.set_invalid(AlarmStatus.COMM)

    def _show_status(self, status: BoardStatus) -> None:
        stamp = status.stamp
        for record, value in (
            (self.system_status, int(status.status)),
            (self.active_count, status.active_count),
            (self.active_mask, status.active_mask),
            (self.watchdog, status.watchdog),
            (self.previous_mask, status.previous_mask),
        ):
            record.set_ok(value, timestamp=stamp)
        words = ", ".join(flag.name or "" for flag in Status if flag in status.status)
        self.status_text.set_ok(words.replace("_", " ").lower()[:39], timestamp=stamp)
        self.comm_errors.set_ok(status.comm_errors, timestamp=stamp)
        self.shutdown.set_ok(min(status.shutdown, len(SHUTDOWNS) - 1), timestamp=stamp)

    # -- registers ----------------------------------------------------------------------------

    async def scan(self) -> None:
        """Read every register now and then, one image after the other, for ever."""
        ticks = Ticks(SCAN_S)
        for number in itertools.cycle(self._banks):
            await ticks.next()
            health = self.board.health
            if health.lost or health.attempts_failed >= SILENT_AFTER:
                continue
            try:
                image = await self.board.read_image(number)
            except DeviceFault as fault:
                self.show_error(str(fault))
                continue
            self._banks[number].show(image)
            self._show_image(number, image)

    def _show_image(self, number: int, image: Mapping[int, int]) -> None:
        if number == 0:
            self._show_control(self.board.control(image))
        for unit in self._units:
            if unit.device.number == number:
                unit.show_image(image, self._held)

    def _show_control(self, control: BoardControl) -> None:
        if not self.global_enable.updated:
            self.global_enable.set_ok(int(control.enabled))
        self.global_enable_rbv.set_ok(int(control.enabled))
        if not self.global_amplitude.updated and not math.isnan(control.amplitude):
            self.global_amplitude.set_ok(control.amplitude)
        self.global_amplitude_rbv.set_ok(control.amplitude)
        self._held = control.amplitude if "AMPLITUDE_SP" in self.board.map.board else None
        self._around.board_enabled = control.enabled
        self._around.inhibit_mask = control.inhibit_mask or 0

    # -- orders -------------------------------------------------------------------------------

    async def _trip(self) -> str:
        """The board's own stop and each sonicator's; their machines do not wait for the next reading."""
        stopping = asyncio.ensure_future(self._around.guard.trip())
        await asyncio.sleep(0)
        for unit in self._units:
            unit.look()
        return await stopping

    async def _release(self) -> str:
        """End of the emergency stop: the board's first, then ours, then each sonicator's FAULT."""
        try:
            await self.board.release()
        except DeviceFault as fault:
            return f"the board has not released its emergency stop: {fault}"
        self._released_at = time.monotonic()
        self._around.board_stopped = False
        await self._around.guard.release()
        return await self._each(unit.leave_stop() for unit in self._units)

    async def put_stop_all(self, value: int) -> None:
        if problem := await self._each(unit.stop_now("stop all") for unit in self._units):
            raise Refused(problem)
        self.say("Every sonicator is stopped, confirmed")

    async def put_global_enable(self, value: int) -> None:
        await self._confirmed(self.board.enable(bool(value)))
        self._around.board_enabled = bool(value)
        self.global_enable_rbv.set_ok(value)
        for unit in self._units:
            unit.look()

    async def put_global_amplitude(self, value: float) -> float:
        if self._around.stop:
            raise Refused("emergency stop is active: EStop:Reset first")
        held = await self._confirmed(self.board.set_amplitude(value))
        self.global_amplitude_rbv.set_ok(held)
        for unit in self._units:
            unit.follow("GlobalAmplitude", held, True)
        return held

    async def put_poll_period(self, value: float) -> None:
        for unit in self._units:
            unit.poll_period_s = value

    async def put_engineering(self, value: int) -> None:
        self.say(f"Raw registers may {'now' if value else 'no longer'} be written")

    async def _each(self, orders: Iterable[Coroutine[Any, Any, None]]) -> str:
        """All at once; what was refused."""
        results = await asyncio.gather(*orders, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, Refused):
                raise result
        return "; ".join(str(result) for result in results if result is not None)

    async def _confirmed(self, order: Awaitable[T]) -> T:
        try:
            return await order
        except (DeviceFault, ValueError) as fault:
            raise Refused(str(fault)) from fault
