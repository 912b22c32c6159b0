"""The smallest whole subsystem: two channels that keep what they are given."""

import asyncio
import logging
import time
from dataclasses import dataclass

from iocs.caserver import AlarmSeverity, Refused, spawn
from iocs.common.config import Section
from iocs.common.group import Group
from iocs.common.pv import command, flag, readback, setpoint
from iocs.common.subsystem import Subsystem


@dataclass(frozen=True)
class ToyConfig:
    """Channels by name, with their highest level in V."""

    channels: dict[str, float]


def read(section: Section) -> ToyConfig:
    channels = section.mapping("channels", at_least=1)
    return ToyConfig(
        {name: channel.number("highest", low=0, high=100, unit="V") for name, channel in channels}
    )


class Channel(Group):
    level = readback("Level", "Level", unit="V", precision=1, hihi=90, display=(0, 100))
    demand = setpoint("Setpoint", "Demanded | level", unit="V", drive=(0, 100), access="OPERATE")
    lamp = flag("Lamp", "Lamp", severities={"On": AlarmSeverity.MINOR})

    def __init__(self, prefix: str, highest: float) -> None:
        super().__init__(prefix)
        self.highest = highest

    async def put_demand(self, value: float) -> None:
        if value > self.highest:
            raise Refused(f"{value:g} V is above {self.highest:g} V")
        self.level.set_ok(value)


class Plant(Group):
    die = command("Die", "End the IOC")
    block = setpoint("Block", "Keep the event loop busy for so long", unit="s", drive=(0, 10))

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.dying = asyncio.Event()

    async def put_die(self, value: int) -> None:
        self.dying.set()

    async def put_block(self, value: float) -> None:
        time.sleep(value)

    async def run(self) -> None:
        await self.dying.wait()
        raise RuntimeError("as asked")


class Toy:
    def __init__(self, config: ToyConfig, prefix: str, simulate: bool) -> None:
        self.plant = Plant(prefix)
        self.channels = [Channel(f"{prefix}{name}:", highest) for name, highest in config.channels.items()]
        self.groups: list[Group] = [self.plant, *self.channels]

    async def start(self) -> None:
        spawn(self.plant.run(), "plant")
        for channel in self.channels:
            channel.level.set_ok(0.0)

    async def stop(self) -> None:
        await asyncio.sleep(0.3)
        logging.getLogger("toy").info("the toys are put away")


SUBSYSTEM = Subsystem(
    name="toy", title="Toys", prefix="LAB:TOY:", read=read, build=Toy, examples=("caget {P}A:Level",)
)
