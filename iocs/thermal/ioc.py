"""The thermal IOC, read from top to bottom as the data path: ports -> supplies -> logic -> PVs -> safe()."""

import asyncio

from devsup.dps5015 import Supply
from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.sensors import Sysfs
from iocs.caserver import spawn
from iocs.common.estop import Refusals
from iocs.common.group import Group, merge
from iocs.common.guard import Guard, Words
from iocs.common.interlock.linked import LinkedPV
from iocs.common.lines import LinePVs
from iocs.common.links import Links
from iocs.common.memory import Memory
from iocs.common.subsystem import Subsystem
from iocs.thermal.config import OnShutdown, ThermalConfig, read
from iocs.thermal.control import Control
from iocs.thermal.events import EventLog, SampleLog
from iocs.thermal.parameters import TecParameters
from iocs.thermal.simulation import Simulation
from iocs.thermal.supply import TecSupply
from iocs.thermal.thermometer import Thermometer
from iocs.thermal.trips import build_trips

RAMP_S, CUT_S = 7.5, 1.5  # for the ramp-down and for a cut if it fails; the server gives us ten in all


class ThermalIoc:
    """Everything one process owns, wired."""

    def __init__(self, config: ThermalConfig, prefix: str, simulate: bool) -> None:
        self.config = config
        self.memory = Memory()
        self.simulation = Simulation(config, prefix) if simulate else None
        if self.simulation:
            config = self.simulation.config(config)
        self.ports = {line.name: Port(line.name, line.settings, line.manners) for line in config.lines}
        self.lines = [LinePVs(prefix, port) for port in self.ports.values()]
        buses = {name: ModbusBus(port) for name, port in self.ports.items()}
        devices = [
            Supply(buses[one.line], one.unit, one.name, one.manners, one.limits) for one in config.supplies
        ]
        self.guard = Guard(devices, Words("off", "both outputs are off"), log="thermal.guard")
        self.supplies = [
            TecSupply(prefix, device, self.ports[one.line], one, self.guard)
            for device, one in zip(devices, config.supplies, strict=True)
        ]
        sysfs = Sysfs(config.sysfs)
        self.thermometers = [Thermometer(prefix, one, sysfs) for one in config.sensors]
        self.parameters = TecParameters(prefix, config)
        self.events, self.samples = EventLog(prefix, self.memory), SampleLog(prefix)
        self.control = Control(
            prefix, config, self.supplies, self.thermometers, self.parameters, self.guard, self.events,
            self.samples,
        )  # fmt: skip
        self.thermometers[1].on_news = self.control.step  # what is too hot is cut at once
        self.trips = build_trips(prefix, config.interlocks, self.control, self.thermometers)
        simulated = self.simulation.groups if self.simulation else []
        self.groups: list[Group] = [
            self.control, *self.supplies, *self.thermometers, self.parameters, self.samples, self.events,
            *self.lines, *self.trips.groups, *simulated,
        ]  # fmt: skip
        self.links = Links()
        self.trips.bind(merge(self.groups), lambda name: LinkedPV(self.links.to(name)))
        for group in self.groups:
            group.hooks = Refusals(self.control.say, prefix)
        self._running = False

    async def start(self) -> None:
        """Claim the lines and begin to read. Raises PortInUse when a line belongs to somebody else."""
        if self.simulation:
            self.simulation.start()
            spawn(self.simulation.run(), "simulation")
        self.trips.restore()
        started = (asyncio.to_thread(port.start) for port in self.ports.values())  # a host may take its time
        for problem in await asyncio.gather(*started, return_exceptions=True):
            if problem:
                raise problem
        self.control.begin()
        self._running = True
        for supply in self.supplies:
            spawn(supply.run(), supply.prefix)
            spawn(supply.hand.run(), f"{supply.prefix} orders")
        for thermometer in self.thermometers:
            spawn(thermometer.run(), thermometer.config.name)
        for line in self.lines:
            spawn(line.run(), line.prefix)
        spawn(self.control.run(), "control")
        spawn(self.trips.run(), "interlocks")
        spawn(self.links.run, "links", restart_after_s=1.0)

    async def stop(self) -> None:
        """The soft ramp-down unless the configuration wants the outputs held, then give the lines back. A
        ramp-down that takes too long ends in a cut; one that has begun is not held.

        An IOC that did not get its lines has not taken over and leaves everything alone.
        """
        safe = self.config.on_shutdown is OnShutdown.SAFE
        if self._running and (safe or self.control.owes_off):
            if not await self.control.close(RAMP_S):
                await self.guard.close(CUT_S)
        await asyncio.gather(*(asyncio.to_thread(port.stop) for port in self.ports.values()))
        for thermometer in self.thermometers:
            thermometer.sensor.close()
        if self.simulation:
            self.simulation.stop()


SUBSYSTEM = Subsystem(
    name="thermal",
    title="A TEC-cooled cold plate on two DPS5015 supplies",
    prefix="LAB:TEC:",
    read=read,
    build=ThermalIoc,
    examples=(
        "caput {P}Start 1; camonitor {P}State {P}ColdPlate {P}HotPlate {P}Current",
        "caget -S {P}StateReason.VAL$ {P}Reason.VAL$",
        "caget {P}CoolingRate {P}Trend {P}Optimum {P}PSU1:Current_RBV {P}PSU2:Current_RBV",
        "caput LAB:SIM:TEC:Fan Stopped    (runaway; then Running, caput {P}Rearm 1, caput {P}Start 1)",
        "caput LAB:SIM:TEC:PSU1:KnobCurrent 4    (manual override; then caput {P}Resume 1)",
    ),
)
