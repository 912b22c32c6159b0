"""Our port, bus and instruments as master: every node polled as fast as the line allows, as an IOC would."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

from devsup.bronkhorst import Instrument
from devsup.errors import DeviceFault
from devsup.health import Health
from devsup.line import Line, LineSettings
from devsup.port import Port, Priority
from devsup.propar import Parameter, Value
from devsup.propar_bus import ProparBus
from tests.benchmarks.runs import Mark, Run, mark

SWITCH_S = 0.0005  # as python -m iocs sets it: a worker gets the interpreter soon after its bytes came


class CountingBus(ProparBus):
    """A bus that counts its reads."""

    exchanges = 0

    def read(self, line: Line, deadline: float, node: int, params: Sequence[Parameter]) -> tuple[Value, ...]:
        self.exchanges += 1
        return super().read(line, deadline, node, params)


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
async def polled(instruments: Sequence[Instrument], readings: dict[int, list[float]]) -> AsyncIterator[None]:
    """Every instrument polled again as soon as it has answered, until the end of the block."""
    tasks = [asyncio.create_task(_poll_on(one, readings[one.node])) for one in instruments]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def polling(
    url: str, baudrate: float, nodes: Sequence[int]
) -> AsyncIterator[Mapping[int, Sequence[float]]]:
    """Nodes polled flat out during the block; gives when each was read, growing as it goes on."""
    with open_port(url, baudrate) as port:
        bus = ProparBus(port)
        instruments = [Instrument(bus, node, f"node {node}") for node in nodes]
        readings: dict[int, list[float]] = {node: [] for node in nodes}
        await identify(instruments)
        async with polled(instruments, readings):
            yield readings


async def poll(url: str, baudrate: float, nodes: Sequence[int], warm_s: float, seconds: float) -> Run:
    """Poll `nodes` flat out. With `warm_s` 0 the stretch begins with the very first question."""
    with open_port(url, baudrate) as port:
        bus = CountingBus(port)
        instruments = [Instrument(bus, node, f"node {node}") for node in nodes]
        readings: dict[int, list[float]] = {node: [] for node in nodes}
        marker = Health("marks")
        if warm_s:
            await identify(instruments)
        begin = await _mark(bus, marker)
        async with polled(instruments, readings):
            if warm_s:
                await asyncio.sleep(warm_s)
                begin = await _mark(bus, marker)
            await asyncio.sleep(seconds)
            end = await _mark(bus, marker)
    return Run(begin, end, readings)


async def identify(instruments: Sequence[Instrument]) -> None:
    for instrument in instruments:
        with suppress(DeviceFault):
            await instrument.identify()


async def _poll_on(instrument: Instrument, times: list[float]) -> None:
    health = instrument.health
    while True:
        if not health.due(now := time.monotonic()):
            await asyncio.sleep(health.next_probe - now)
            continue
        with suppress(DeviceFault):
            reading = await instrument.poll()
            times.append(reading.at)


async def _mark(bus: CountingBus, marker: Health) -> Mark:
    """Taken by the worker itself, so no transaction is cut in two."""

    def work(line: Line, deadline: float) -> Mark:
        return mark(line.bytes_moved, bus.exchanges)

    return await bus.port.run(work, marker, Priority.COMMAND, timeout_s=1.0, retries=0)
