"""Our supplies as masters of one Modbus line, or a bare loop: polls, orders, cuts, late answers.

Runs in a process of its own: takes a job as JSON, prints what it measured as JSON.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, TypeVar

from devsup import modbus_rtu
from devsup.dps5015 import Supply, SupplyLimits
from devsup.dps5015_values import BLOCK, BLOCK_SIZE
from devsup.errors import DeviceFault
from devsup.health import Manners
from devsup.line import Line, LineSettings
from devsup.modbus_bus import ModbusBus
from devsup.modbus_rtu import Request
from devsup.modbus_unit import ModbusUnit
from devsup.port import Port
from tests.benchmarks import bare
from tests.benchmarks.flat_out import identify, open_port, polled, stretch
from tests.benchmarks.runs import Run

T = TypeVar("T")
LONGEST_PAUSE_S = 0.15
LIMITS = SupplyLimits(16.0, 10.6, 17.0, 12.0)
QUICK = Manners(response_timeout_s=1.0, command_timeout_s=0.1, retry_delays_s=(), patience=1.0, floor_s=0.1)


class CountingBus(ModbusBus):
    """A bus that counts its exchanges."""

    exchanges = 0

    def exchange(self, line: Line, deadline: float, request: Request[T]) -> T:
        try:
            return super().exchange(line, deadline, request)
        finally:
            self.exchanges += 1


def perform(kind: str, url: str, baudrate: float, units: Sequence[int], **job: Any) -> Any:
    """`kind` is "ours", "no gap", "bare", "orders", "cuts" or "late"."""
    if kind == "bare":
        questions = {unit: modbus_rtu.read_holding(unit, BLOCK, BLOCK_SIZE).frame for unit in units}
        size = modbus_rtu.read_holding(units[0], BLOCK, BLOCK_SIZE).size
        return asdict(bare.poll(url, baudrate, questions, lambda data: len(data) >= size, **job))
    if kind in ("ours", "no gap"):
        gap_s = 0.0 if kind == "no gap" else None
        return asdict(asyncio.run(poll(url, baudrate, units, gap_s, **job)))
    if kind == "late":
        return asyncio.run(late(url, baudrate, units[0], **job))
    return asyncio.run({"orders": orders, "cuts": cuts}[kind](url, baudrate, units, **job))


async def poll(
    url: str, baudrate: float, units: Sequence[int], gap_s: float | None, warm_s: float, seconds: float
) -> Run:
    with open_port(url, baudrate) as port:
        bus = CountingBus(port, gap_s=gap_s)
        devices = {unit: Supply(bus, unit, f"PSU{unit}") for unit in units}
        return await stretch(port, lambda: bus.exchanges, devices, warm_s, seconds)


@asynccontextmanager
async def busy(url: str, baudrate: float, units: Sequence[int]) -> AsyncIterator[Sequence[Supply]]:
    """All supplies, polled flat out."""
    with open_port(url, baudrate) as port:
        bus = CountingBus(port)
        devices = {unit: Supply(bus, unit, f"PSU{unit}", limits=LIMITS) for unit in units}
        await identify(devices)
        async with polled(devices, {unit: [] for unit in units}):
            await asyncio.sleep(0.5)
            yield list(devices.values())


async def orders(url: str, baudrate: float, units: Sequence[int], count: int, seed: int) -> list[float]:
    """Seconds from `set` to its return, at random moments, to supplies by turns."""
    chance, times = random.Random(seed), []
    async with busy(url, baudrate, units) as supplies:
        for turn in range(count):
            await asyncio.sleep(chance.uniform(0.0, LONGEST_PAUSE_S))
            begin = time.monotonic()
            await supplies[turn % len(supplies)].set(16.0, chance.uniform(2.0, 10.0))
            times.append(time.monotonic() - begin)
    return times


async def cuts(url: str, baudrate: float, units: Sequence[int], count: int, seed: int) -> list[float]:
    """Seconds until all supplies were confirmed off."""
    chance, times = random.Random(seed), []
    async with busy(url, baudrate, units) as supplies:
        for _ in range(count):
            for supply in supplies:
                await supply.output(True)
            await asyncio.sleep(chance.uniform(0.0, LONGEST_PAUSE_S))
            begin = time.monotonic()
            await asyncio.gather(*(supply.safe() for supply in supplies))
            times.append(time.monotonic() - begin)
    return times


async def late(url: str, baudrate: float, unit: int, count: int) -> dict[str, int]:
    """Reads of a unit that counts them, some answered late. Which of them were of an older question?"""
    found = {"right": 0, "wrong": 0, "refused": 0}
    port = Port("bench", LineSettings(url, int(baudrate)), QUICK)
    port.start()
    try:
        bus = CountingBus(port)
        device = ModbusUnit(bus, unit, "counting")
        while bus.exchanges < count:
            try:
                counted = (await device.run(lambda talk: talk.read_holding(0, BLOCK_SIZE)))[0]
                found["right" if counted == bus.exchanges else "wrong"] += 1
            except DeviceFault:
                found["refused"] += 1
    finally:
        port.stop()
    return found


if __name__ == "__main__":
    json.dump(perform(**json.loads(sys.argv[1])), sys.stdout)
