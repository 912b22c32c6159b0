"""Setpoints given at random moments while every node is polled flat out: how long each took.

Runs in a process of its own: takes a job as JSON, prints the times as JSON.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from devsup.bronkhorst import Instrument
from devsup.line import Line
from devsup.propar import Parameter, Value
from devsup.propar_bus import ProparBus
from tests.benchmarks.flat_out import identify, open_port, polled
from tests.benchmarks.ours import instruments

LONGEST_PAUSE_S = 0.08


@dataclass(frozen=True, slots=True)
class Order:
    """Seconds from the call of `set_flow` until the instrument's acknowledgement was understood,
    and until the call returned with the setpoint read back."""

    acknowledged_s: float
    returned_s: float


class WitnessBus(ProparBus):
    """A bus that notes when the latest write was acknowledged."""

    acknowledged_at = 0.0

    def write(self, line: Line, deadline: float, node: int, *pairs: tuple[Parameter, Value]) -> None:
        super().write(line, deadline, node, *pairs)
        self.acknowledged_at = time.monotonic()


async def give(url: str, baudrate: float, nodes: Sequence[int], count: int, seed: int) -> list[Order]:
    """`count` setpoints to instruments by turns, at random phases of the polling."""
    chance = random.Random(seed)
    with open_port(url, baudrate) as port:
        bus = WitnessBus(port)
        devices = instruments(bus, nodes)
        await identify(devices)
        async with polled(devices, {node: [] for node in nodes}):
            await asyncio.sleep(0.2)
            return [await _give_one(bus, devices[nodes[n % len(nodes)]], chance) for n in range(count)]


async def _give_one(bus: WitnessBus, instrument: Instrument, chance: random.Random) -> Order:
    await asyncio.sleep(chance.uniform(0.0, LONGEST_PAUSE_S))
    wanted = chance.uniform(0.2, 0.8) * instrument.plate.capacity
    begin = time.monotonic()
    await instrument.set_flow(wanted)
    return Order(bus.acknowledged_at - begin, time.monotonic() - begin)


if __name__ == "__main__":
    json.dump([asdict(one) for one in asyncio.run(give(**json.loads(sys.argv[1])))], sys.stdout)
