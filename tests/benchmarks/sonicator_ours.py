"""Our sonicator board as master of one line: telemetry as fast as it goes, starts and stops at random times.

Runs in a process of its own: takes a job as JSON, prints what it measured as JSON.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from devsup.errors import DeviceFault
from devsup.line import Line
from devsup.modbus_bus import ModbusBus
from devsup.modbus_rtu import Request
from devsup.sonicator_board import Sonicator, SonicatorBoard
from devsup.sonicator_map import DOCUMENTED
from tests.benchmarks.flat_out import open_port, polled, stretch
from tests.benchmarks.runs import Run

T = TypeVar("T")
UNIT, NUMBERS = 2, (1, 2, 3, 4)
KEEP_ALIVE_S, SCAN_S = 0.1, 0.1
LONGEST_PAUSE_S = 0.05
START, STOP = 1, 0


class Witness(ModbusBus):
    """A bus that counts its exchanges, and notes when START_STOP was last acknowledged."""

    exchanges = 0
    acknowledged_at = 0.0

    def exchange(self, line: Line, deadline: float, request: Request[T]) -> T:
        try:
            return super().exchange(line, deadline, request)
        finally:
            self.exchanges += 1

    def write_register(self, line: Line, deadline: float, unit: int, address: int, value: int) -> None:
        super().write_register(line, deadline, unit, address, value)
        if address & 0x1F == 0:
            self.acknowledged_at = time.monotonic()


class Device:
    """A sonicator as whoever polls flat out wants it."""

    def __init__(self, sonicator: Sonicator) -> None:
        self.sonicator = sonicator
        self.health = sonicator.health

    async def poll(self) -> Any:
        return await self.sonicator.poll()

    async def identify(self) -> None:
        await self.sonicator.poll()


@dataclass(frozen=True, slots=True)
class Order:
    """Seconds until the register was acknowledged, and until the call returned, having read it back."""

    acknowledged_s: float
    returned_s: float


def perform(kind: str, url: str, baudrate: float, **job: Any) -> Any:
    """`kind` is "telemetry" or "orders"."""
    if kind == "telemetry":
        return asdict(asyncio.run(telemetry(url, baudrate, **job)))
    return asyncio.run(orders(url, baudrate, **job))


@asynccontextmanager
async def company(board: SonicatorBoard) -> AsyncIterator[None]:
    """The keep-alive and the scan of registers that an IOC has going on beside its polls."""

    async def now_and_then(period_s: float, ask: Any) -> None:
        while True:
            with suppress(DeviceFault):
                await ask()
            await asyncio.sleep(period_s)

    tasks = [
        asyncio.create_task(now_and_then(KEEP_ALIVE_S, board.keep_alive)),
        asyncio.create_task(now_and_then(SCAN_S, lambda: board.read_image(4))),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def telemetry(url: str, baudrate: float, alone: bool, warm_s: float, seconds: float) -> Run:
    """All four as fast as it goes; `alone`, or with keep-alive and scan as in an IOC."""
    with open_port(url, baudrate) as port:
        bus = Witness(port)
        board = SonicatorBoard(bus, UNIT, DOCUMENTED)
        devices = {number: Device(Sonicator(board, number, f"SON{number}")) for number in NUMBERS}
        if alone:
            return await stretch(port, lambda: bus.exchanges, devices, warm_s, seconds)
        async with company(board):
            return await stretch(port, lambda: bus.exchanges, devices, warm_s, seconds)


async def orders(url: str, baudrate: float, count: int, seed: int) -> dict[str, list[dict[str, float]]]:
    """`count` starts and stops of sonicator 4 while everything else goes on."""
    chance = random.Random(seed)
    with open_port(url, baudrate) as port:
        bus = Witness(port)
        board = SonicatorBoard(bus, UNIT, DOCUMENTED)
        sonicators = [Sonicator(board, number, f"SON{number}") for number in NUMBERS]
        devices = {one.number: Device(one) for one in sonicators}
        done: dict[str, list[dict[str, float]]] = {"start": [], "stop": []}
        async with company(board), polled(devices, {number: [] for number in NUMBERS}):
            await asyncio.sleep(0.3)
            for _ in range(count):
                done["start"].append(asdict(await _timed(bus, chance, lambda: sonicators[-1].start(60))))
                done["stop"].append(asdict(await _timed(bus, chance, sonicators[-1].stop)))
    return done


async def _timed(bus: Witness, chance: random.Random, order: Any) -> Order:
    await asyncio.sleep(0.12 + chance.uniform(0.0, LONGEST_PAUSE_S))
    begin = time.monotonic()
    await order()
    return Order(bus.acknowledged_at - begin, time.monotonic() - begin)


if __name__ == "__main__":
    json.dump(perform(**json.loads(sys.argv[1])), sys.stdout)
