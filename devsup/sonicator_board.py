"""The sonicator board and its sonicators: what they measure, what they can be told, how they are made safe.

Knows which order goes how; leaves addresses to sonicator_map, frames to modbus_rtu, the wire to the port, and
every decision about when and why to its callers.

The board goes deaf for good, or stops everybody, when nobody asks it for 1 or 2 s: `keep_alive` has its own
priority, before everything but orders. One transaction reads the fast values of one sonicator (4 registers);
all four in one would be 120 registers, twice what fits into the deployed firmware's buffer and slower than
four short ones, and two sonicators in one (36 registers) are slower as well.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from devsup import sonicator_talk
from devsup.health import Health, Manners
from devsup.modbus_bus import ModbusBus
from devsup.modbus_unit import ModbusTalk, ModbusUnit
from devsup.port import Priority
from devsup.sonicator_map import RegisterMap
from devsup.sonicator_talk import BoardTalk
from devsup.sonicator_values import AMPLITUDE_MAX, AMPLITUDE_MIN, BoardControl, BoardStatus, Reading, Settings

__all__ = ["PATIENT", "Sonicator", "SonicatorBoard"]

T = TypeVar("T")
PULSE_S = 0.020  # of RESET, where the board does not end it by itself
# It answers within 100 ms (design document) and has its line for itself: silent, it may be asked often.
PATIENT = Manners(
    response_timeout_s=0.2,
    command_timeout_s=0.1,
    retry_delays_s=(0.02, 0.05, 0.1),
    floor_s=0.1,
    probe_min_s=0.2,
    probe_max_s=0.2,
)


class SonicatorBoard:
    """The board as a whole. Coroutines raise devsup.errors; none blocks the event loop."""

    def __init__(
        self,
        bus: ModbusBus,
        unit: int,
        register_map: RegisterMap,
        name: str = "board",
        manners: Manners | None = None,
    ) -> None:
        self.bus = bus
        self.unit = unit
        self.map = register_map
        self.name = name
        self.manners = manners or PATIENT
        self._link = ModbusUnit(bus, unit, name, self.manners)

    @property
    def health(self) -> Health:
        return self._link.health

    async def keep_alive(self) -> BoardStatus:
        """Ask it for its status. Before every poll; not repeated, because the next one is due soon."""
        return await self.run(BoardTalk.status, Priority.KEEP_ALIVE, retries=0)

    async def read_image(self, number: int = 0) -> Mapping[int, int]:
        """Every register of one sonicator, or of the board itself, by address."""
        return await self.run(lambda talk: talk.image(number), Priority.BACKGROUND, retries=0)

    def control(self, image: Mapping[int, int]) -> BoardControl:
        """What an image of the board means."""
        return sonicator_talk.control(self.map, image)

    def settings(self, image: Mapping[int, int], number: int) -> Settings:
        """What an image of a sonicator means."""
        return sonicator_talk.settings(self.map, image, number)

    async def write_raw(self, address: int, raw: int) -> int:
        """Any register, once; returns what it reads back."""
        return await self.run(lambda talk: talk.raw(address, raw), Priority.COMMAND, retries=0)

    async def enable(self, on: bool) -> None:
        """GLOBAL_ENABLE. Off stops every sonicator, ahead of everything else."""
        priority = Priority.COMMAND if on else Priority.SAFE
        await self.run(lambda talk: talk.set("GLOBAL_ENABLE", int(on)), priority, key="enable")

    async def set_amplitude(self, percent: float) -> float:
        """The amplitude of all, per cent; returns what it reads back. ValueError outside 20 to 100."""
        raw = checked_amplitude(self.name, percent)
        name = "GLOBAL_AMPLITUDE" if "GLOBAL_AMPLITUDE" in self.map.board else "AMPLITUDE_SP"
        return float(await self.run(lambda talk: talk.set(name, raw), Priority.COMMAND, key="amplitude"))

    async def safe(self) -> None:
        """The board's emergency stop, confirmed; where it has none that works there is nothing to do,
        because each sonicator is stopped by itself. Harmless to repeat."""
        if self.map.stop_latches:
            await self.run(BoardTalk.emergency_stop, Priority.SAFE, key="safe", retries=0)

    async def release(self) -> None:
        """End of the board's emergency stop, confirmed."""
        if self.map.stop_latches:
            await self.run(lambda talk: talk.set("EMERGENCY_STOP", 0), Priority.COMMAND, key="release")

    async def run(
        self,
        work: Callable[[BoardTalk], T],
        priority: Priority,
        key: str | None = None,
        retries: int | None = None,
    ) -> T:
        """`work` as one transaction, booked on the board."""
        return await self._link.run(self.transaction(work), priority, key=key, retries=retries)

    def transaction(self, work: Callable[[BoardTalk], T]) -> Callable[[ModbusTalk], T]:
        return lambda talk: work(BoardTalk(talk, self.map))


class Sonicator:
    """One sonicator of a board (number 1..4). Coroutines raise devsup.errors; none blocks the event loop.

    Orders are booked on a health of its own, so that a stop overrules the orders for this sonicator and for
    no other; readings are booked on the board's, because who answers is the board.
    """

    def __init__(self, board: SonicatorBoard, number: int, name: str) -> None:
        self.board = board
        self.number = number
        self.name = name
        self.stops = 0  # that were confirmed
        self._link = ModbusUnit(board.bus, board.unit, name, board.manners)

    @property
    def health(self) -> Health:
        return self._link.health

    async def poll(self) -> Reading:
        """The fast values, in one exchange; not repeated, because the next poll is due soon."""

        def work(talk: BoardTalk) -> Reading:
            reading = talk.reading(self.number)
            self.health.answered(self.board.health.slowest_s, reading.at)
            return reading

        return await self.board.run(work, Priority.POLL, retries=0)

    async def start(self, percent: float) -> None:
        """Amplitude (20 to 100 %), then START, both read back. START is never sent twice: when it is not
        confirmed this raises, and the sonicator should be stopped."""
        raw = checked_amplitude(self.name, percent)
        await self._run(
            lambda talk: talk.start(self.number, raw), Priority.COMMAND, key=f"start {self.number}", retries=0
        )

    async def set_amplitude(self, percent: float, *, retries: int | None = None) -> float:
        """Per cent, read back. Of several orders that wait the newest is sent, and answers for all.
        ValueError outside 20 to 100."""
        raw = checked_amplitude(self.name, percent)

        def work(talk: BoardTalk) -> int:
            return talk.set("AMPLITUDE_SP", raw, self.number)

        return float(await self._run(work, Priority.COMMAND, f"amplitude {self.number}", retries))

    async def stop(self) -> None:
        """START off, read back, ahead of everything else; harmless to repeat."""
        stop = self.board.transaction(lambda talk: talk.stop(self.number))
        await self._link.safely(stop, f"stop {self.number}")
        self.stops += 1

    async def safe(self) -> None:
        """START off, then the amplitude at its minimum, both read back; harmless to repeat."""

        def work(talk: BoardTalk) -> None:
            talk.stop(self.number)
            talk.set("AMPLITUDE_SP", AMPLITUDE_MIN, self.number)

        await self._link.safely(self.board.transaction(work), f"safe {self.number}")
        self.stops += 1

    async def reset(self) -> None:
        """A pulse on RESET. Never repeated by itself; whether it has helped, the flags say."""
        key = f"reset {self.number}"
        await self._run(lambda talk: talk.pulse(self.number), Priority.COMMAND, key=key, retries=0)
        if not self.board.map.reset_clears:
            await asyncio.sleep(PULSE_S)
            await self._run(lambda talk: talk.set("OVERLOAD_RESET", 0, self.number), Priority.COMMAND)

    async def _run(
        self,
        work: Callable[[BoardTalk], T],
        priority: Priority,
        key: str | None = None,
        retries: int | None = None,
    ) -> T:
        return await self._link.run(self.board.transaction(work), priority, key=key, retries=retries)


def checked_amplitude(name: str, percent: float) -> int:
    """As the register holds it. Raises ValueError outside 20 to 100 %."""
    if not AMPLITUDE_MIN <= percent <= AMPLITUDE_MAX:
        raise ValueError(f"{name}: amplitude {percent:g}, expected {AMPLITUDE_MIN}..{AMPLITUDE_MAX} %")
    return round(percent)
