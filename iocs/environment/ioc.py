"""The environment IOC, read top to bottom as the data path: sensors -> logic -> relays -> PVs -> safe()."""

import asyncio
from pathlib import Path

from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.relays import CannotClaim
from iocs.caserver import CannotStart, spawn
from iocs.common.estop import Refusals
from iocs.common.group import Group, merge
from iocs.common.guard import Guard, Words
from iocs.common.lines import LinePVs
from iocs.common.links import Links
from iocs.common.memory import Memory
from iocs.common.subsystem import Subsystem
from iocs.environment.assembly import Assembly
from iocs.environment.config import EnvironmentConfig, read
from iocs.environment.equipment import Stand, bank, feeds
from iocs.environment.linked import LinkedInput
from iocs.environment.simulation import Simulation

SHUTDOWN_S = 6.0  # for the last order; the server gives us ten in all


class EnvironmentIoc:
    """Everything one process owns, wired."""

    def __init__(self, config: EnvironmentConfig, prefix: str, simulate: bool) -> None:
        self.simulation = Simulation(config, prefix) if simulate else None
        if self.simulation:
            config = self.simulation.config(config)
        self.config = config
        self.memory = Memory()
        self.links = Links()
        stand = self.simulation.stand if self.simulation else Stand(Path(config.sysfs_root))
        self.ports = [Port(line.name, line.settings, line.manners) for line in config.lines]
        self.lines = [LinePVs(prefix, port) for port in self.ports]
        buses = {port.name: ModbusBus(port) for port in self.ports}
        self.feeds = feeds(config, stand, buses, self.links)
        self.bank = bank(config.relays, stand, buses)
        self.guard = Guard([self.bank], Words("off", "every relay is off"), log="environment.guard")
        self.chamber = Assembly(prefix, config, self.bank, self.feeds, self.guard, self.memory)
        self.groups: list[Group] = [*self.chamber.groups, *self.lines]
        self.groups += self.simulation.groups if self.simulation else []
        self.chamber.interlocks.bind(merge(self.groups), lambda name: LinkedInput(self.links.to(name)))
        for group in self.groups:
            group.hooks = Refusals(self.chamber.plant.say, prefix)
        if self.simulation:
            self.chamber.plant.simulation.set_ok(2)
        self._running = False

    async def start(self) -> None:
        """Everything off, then sensors and control. Raises CannotStart if the relays may not be used."""
        if self.simulation:
            self.simulation.start()
        await asyncio.gather(*(asyncio.to_thread(port.start) for port in self.ports))
        try:
            await self.bank.open()
        except CannotClaim as error:
            raise CannotStart(f"relays: {error}") from error
        self.chamber.begin()
        self._running = True
        if self.chamber.plant.latched:
            self.guard.resume()
        await self.guard.all_safe("Start", insist=True)
        for line in self.lines:
            spawn(line.run(), line.prefix)
        for sensor in self.chamber.sensors:
            spawn(sensor.run(), sensor.prefix)
        spawn(self.links.run, "links", restart_after_s=1.0)
        spawn(self.chamber.interlocks.run(), "interlocks")
        spawn(self.chamber.control.run(self.config.period_s), "control")
        if self.simulation:
            spawn(self.simulation.run(), "simulation")

    async def stop(self) -> None:
        """Everything off, verified, then give back what was claimed."""
        if self._running:
            await self.guard.close(SHUTDOWN_S)
            self.chamber.remember()
        await self.bank.close()
        for feed in self.feeds:
            feed.close()
        await asyncio.gather(*(asyncio.to_thread(port.stop) for port in self.ports))
        if self.simulation:
            self.simulation.stop()


SUBSYSTEM = Subsystem(
    name="environment",
    title="A cultivation chamber kept by fan, mist, light and heater relays",
    prefix="LAB:ENV:",
    read=read,
    build=EnvironmentIoc,
    examples=(
        "caget {P}Temperature {P}Humidity {P}CO2 {P}LightLevel",
        "caget -S {P}Fan:Reason {P}Mist:Reason {P}Light:Reason {P}Heater:Reason",
        "camonitor {P}Fan:State {P}Mist:State {P}Fan:DutyPercent {P}Mist:DutyPercent",
        "caput {P}Humidity:Min 80; caput {P}Mode MANUAL; caput {P}Heater:Command On",
        "caput LAB:SIM:ENV:Lamp BURNT_OUT; caput LAB:SIM:ENV:SENSOR:air:Fault DEAD",
        "caput {P}EStop 1; caput {P}EStop:Reset 1; caput {P}Mode AUTOMATIC",
    ),
)
