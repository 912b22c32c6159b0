"""Our Alicat devices as master of one line, or a bare loop: polls, setpoints, emergency stops.

Runs in a process of its own: takes a job as JSON, prints what it measured as JSON.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from devsup.alicat_bus import AlicatBus
from devsup.alicat_mfc import Alicat
from devsup.line import Line
from tests.benchmarks import bare
from tests.benchmarks.flat_out import identify, open_port, polled, stretch
from tests.benchmarks.runs import Run

T = TypeVar("T")
LONGEST_PAUSE_S = 0.12


class CountingBus(AlicatBus):
    """A bus that counts its exchanges, and how many of them have been begun."""

    exchanges = begun = 0

    def ask(self, line: Line, deadline: float, command: bytes, parse: Callable[[str], T]) -> T:
        self.begun += 1
        try:
            return super().ask(line, deadline, command, parse)
        finally:
            self.exchanges += 1


@dataclass(frozen=True, slots=True)
class Stop:
    """An emergency stop of all units: seconds until each was confirmed, and how many exchanges that took,
    the one in flight included."""

    confirmed_s: tuple[float, ...]
    exchanges: int


def perform(kind: str, url: str, baudrate: float, units: Sequence[str], **job: Any) -> Any:
    """`kind` is "ours", "bare", "orders" or "stops"."""
    if kind == "bare":
        questions = {unit: f"{unit}\r".encode() for unit in units}
        return asdict(bare.poll(url, baudrate, questions, lambda data: data.endswith(b"\r"), **job))
    if kind == "ours":
        return asdict(asyncio.run(poll(url, baudrate, units, **job)))
    if kind == "orders":
        return asyncio.run(give(url, baudrate, units, **job))
    return [asdict(stop) for stop in asyncio.run(stop_often(url, baudrate, units, **job))]


async def poll(url: str, baudrate: float, units: Sequence[str], warm_s: float, seconds: float) -> Run:
    with open_port(url, baudrate) as port:
        bus = CountingBus(port)
        devices = {unit: Alicat(bus, unit, f"unit {unit}") for unit in units}
        return await stretch(port, lambda: bus.exchanges, devices, warm_s, seconds)


@asynccontextmanager
async def busy(url: str, baudrate: float, units: Sequence[str]) -> Any:
    """Bus and devices, all polled flat out."""
    with open_port(url, baudrate) as port:
        bus = CountingBus(port)
        devices = {unit: Alicat(bus, unit, f"unit {unit}") for unit in units}
        await identify(devices)
        async with polled(devices, {unit: [] for unit in units}):
            await asyncio.sleep(0.5)
            yield bus, list(devices.values())


async def give(url: str, baudrate: float, units: Sequence[str], count: int, seed: int) -> list[float]:
    """Seconds from `set_flow` to its return, for `count` setpoints to units by turns, at random moments."""
    chance, times = random.Random(seed), []
    async with busy(url, baudrate, units) as (_, devices):
        for turn in range(count):
            await asyncio.sleep(chance.uniform(0.0, LONGEST_PAUSE_S))
            device = devices[turn % len(devices)]
            wanted = chance.uniform(0.2, 0.8) * device.plate.full_scale
            begin = time.monotonic()
            await device.set_flow(wanted)
            times.append(time.monotonic() - begin)
    return times


async def stop_often(url: str, baudrate: float, units: Sequence[str], count: int, seed: int) -> list[Stop]:
    chance, stops = random.Random(seed), []
    async with busy(url, baudrate, units) as (bus, devices):
        for _ in range(count):
            for device in devices:
                await device.set_flow(0.5 * device.plate.full_scale)
            await asyncio.sleep(chance.uniform(0.0, LONGEST_PAUSE_S))
            stops.append(await _stop(bus, devices))
    return stops


async def _stop(bus: CountingBus, devices: Sequence[Alicat]) -> Stop:
    """Exchanges that had not ended when the stop was called, and had when the last unit was confirmed. The
    worker may have begun the next poll by the time the last caller hears of it: that one is not counted."""
    begin, before = time.monotonic(), bus.exchanges
    times = []

    async def one(device: Alicat) -> None:
        await device.safe()
        times.append(time.monotonic() - begin)

    await asyncio.gather(*(one(device) for device in devices))
    return Stop(tuple(times), bus.exchanges - before)


if __name__ == "__main__":
    json.dump(perform(**json.loads(sys.argv[1])), sys.stdout)
