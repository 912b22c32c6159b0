"""The smallest whole subsystem: two channels that keep what they are given."""

import asyncio
from dataclasses import dataclass

from iocs.caserver import AlarmSeverity, Refused, spawn
from iocs.common.config import Section
from iocs.common.pv import Group, command, flag, readback, setpoint
from iocs.common.subsystem import Subsystem


@dataclass(frozen=True)
class ToyConfig:
    """Channels by name with their highest level; `dies` after a put to Die, `stubborn` never stops."""

    channels: dict[str, float]
    stubborn: bool


def read(section: Section) -> ToyConfig:
    channels = section.mapping("channels", at_least=1)
    return ToyConfig(
        channels={name: channel.number("highest", low=0, high=100, unit="V") for name, channel in channels},
        stubborn=section.flag("stubborn", default=False),
    )


class Channel(Group):
    level = readback("Level", "Level", unit="V", precision=1, hihi=90, display=(0, 100))
    demand = setpoint("Setpoint", "Demanded | level", unit="V", drive=(0, 100), access="OPERATE")
    lamp = flag("Lamp", "Lamp", severities={"On": AlarmSeverity.MINOR})

    async def put_demand(self, value: float) -> None:
        if value == 13:
            raise Refused("13 is never good")
        self.level.set_ok(value)


class Plant(Group):
    die = command("Die", "End the IOC")

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.dying = asyncio.Event()

    async def put_die(self, value: int) -> None:
        self.dying.set()

    async def run(self) -> None:
        await self.dying.wait()
        raise RuntimeError("as asked")


class Toy:
    def __init__(self, config: ToyConfig, prefix: str, simulate: bool) -> None:
        self.config = config
        self.plant = Plant(prefix)
        self.channels = [Channel(f"{prefix}{name}:") for name in config.channels]
        self.groups: list[Group] = [self.plant, *self.channels]

    async def start(self) -> None:
        spawn(self.plant.run(), "plant")
        for channel in self.channels:
            channel.level.set_ok(0.0)

    async def stop(self) -> None:
        if self.config.stubborn:
            await asyncio.Event().wait()


SUBSYSTEM = Subsystem(
    name="toy", title="Toys", prefix="LAB:TOY:", read=read, build=Toy, examples=("caget {P}A:Level",)
)
