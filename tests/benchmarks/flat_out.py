"""Our devices polled as fast as the line allows, as an IOC would: what every protocol's master shares.

Knows ports and whatever can be polled; knows no protocol.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Protocol, TypeVar

from devsup.errors import DeviceFault
from devsup.health import Health
from devsup.line import Line, LineSettings
from devsup.port import Port, Priority
from tests.benchmarks.runs import Mark, Node, Run, mark

SWITCH_S = 0.0005  # as python -m iocs sets it: a worker gets the interpreter soon after its bytes came
N = TypeVar("N", bound=Node)


class Polled(Protocol):
    """A device. Its readings carry the time at which they were whole (`at`, monotonic seconds)."""

    @property
    def health(self) -> Health: ...

    async def poll(self) -> Any: ...

    async def identify(self) -> Any: ...


@contextmanager
def open_port(url: str, baudrate: float) -> Iterator[Port]:
    sys.setswitchinterval(SWITCH_S)
    port = Port("bench", LineSettings(url, int(baudrate)))
    port.start()
    try:
        yield port
    finally:
        port.stop()


@asynccontextmanager
async def polled(devices: Mapping[N, Polled], readings: Mapping[N, list[float]]) -> AsyncIterator[None]:
    """Every device polled again as soon as it has answered, until the end of the block."""
    tasks = [asyncio.create_task(_poll_on(device, readings[node])) for node, device in devices.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stretch(
    port: Port, exchanges: Callable[[], int], devices: Mapping[N, Polled], warm_s: float, seconds: float
) -> Run:
    """Poll `devices` flat out. `exchanges`: how many there have been so far.
    With `warm_s` 0 the stretch begins with the very first question."""
    readings: dict[N, list[float]] = {node: [] for node in devices}
    marker = Health("marks")
    if warm_s:
        await identify(devices)
    begin = await _mark(port, exchanges, marker)
    async with polled(devices, readings):
        if warm_s:
            await asyncio.sleep(warm_s)
            begin = await _mark(port, exchanges, marker)
        await asyncio.sleep(seconds)
        end = await _mark(port, exchanges, marker)
    return Run(begin, end, readings)


async def identify(devices: Mapping[N, Polled]) -> None:
    for device in devices.values():
        with suppress(DeviceFault):
            await device.identify()


async def _poll_on(device: Polled, times: list[float]) -> None:
    health = device.health
    while True:
        if not health.due(now := time.monotonic()):
            await asyncio.sleep(health.next_probe - now)
            continue
        with suppress(DeviceFault):
            reading = await device.poll()
            times.append(reading.at)


async def _mark(port: Port, exchanges: Callable[[], int], marker: Health) -> Mark:
    """Taken by the worker itself, so no transaction is cut in two."""

    def work(line: Line, deadline: float) -> Mark:
        return mark(line.bytes_moved, exchanges())

    return await port.run(work, marker, Priority.COMMAND, timeout_s=1.0, retries=0)
