"""Our port, bus and instruments as master of ProPar nodes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from devsup.bronkhorst import Instrument
from devsup.line import Line
from devsup.propar import Parameter, Value
from devsup.propar_bus import ProparBus
from tests.benchmarks.flat_out import identify, open_port, polled, stretch
from tests.benchmarks.runs import Run


class CountingBus(ProparBus):
    """A bus that counts its reads."""

    exchanges = 0

    def read(self, line: Line, deadline: float, node: int, params: Sequence[Parameter]) -> tuple[Value, ...]:
        self.exchanges += 1
        return super().read(line, deadline, node, params)


def instruments(bus: ProparBus, nodes: Sequence[int]) -> dict[int, Instrument]:
    return {node: Instrument(bus, node, f"node {node}") for node in nodes}


@asynccontextmanager
async def polling(
    url: str, baudrate: float, nodes: Sequence[int]
) -> AsyncIterator[Mapping[int, Sequence[float]]]:
    """Nodes polled flat out during the block; gives when each was read, growing as it goes on."""
    with open_port(url, baudrate) as port:
        devices = instruments(ProparBus(port), nodes)
        readings: dict[int, list[float]] = {node: [] for node in nodes}
        await identify(devices)
        async with polled(devices, readings):
            yield readings


async def poll(url: str, baudrate: float, nodes: Sequence[int], warm_s: float, seconds: float) -> Run:
    """Poll `nodes` flat out. With `warm_s` 0 the stretch begins with the very first question."""
    with open_port(url, baudrate) as port:
        bus = CountingBus(port)
        return await stretch(port, lambda: bus.exchanges, instruments(bus, nodes), warm_s, seconds)
