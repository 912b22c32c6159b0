"""The gas IOC, read top to bottom as the data path: ports -> controllers -> approval -> PVs -> safe()."""

import asyncio

from devsup.alicat_bus import AlicatBus
from devsup.alicat_mfc import Alicat
from devsup.port import Port
from iocs.caserver import spawn
from iocs.common.estop import Refusals
from iocs.common.group import Group, merge
from iocs.common.guard import Guard
from iocs.common.lines import LinePVs
from iocs.common.links import Links
from iocs.common.memory import Memory
from iocs.common.subsystem import Subsystem
from iocs.gas.chamber import Chamber
from iocs.gas.config import QUANTITIES, ChamberConfig, OnShutdown, read
from iocs.gas.cook import Cook
from iocs.gas.gas import GasChannel
from iocs.gas.inputs import Linked, linked_inputs
from iocs.gas.recipes.store import Store
from iocs.gas.safe import SafeGas
from iocs.gas.simulation import Simulation

SHUTDOWN_S = 6.0  # for the zeros of on_shutdown; the server gives us ten in all


class GasIoc:
    """Everything one process owns, wired."""

    def __init__(self, config: ChamberConfig, prefix: str, simulate: bool) -> None:
        self.simulation = Simulation(config, prefix) if simulate else None
        self.config = config = self.simulation.config(config) if self.simulation else config
        self.ports = {line.name: Port(line.name, line.settings, line.manners) for line in config.lines}
        self.lines = [LinePVs(prefix, port) for port in self.ports.values()]
        buses = {name: AlicatBus(port) for name, port in self.ports.items()}
        devices = {gas.name: Alicat(buses[gas.line], gas.unit, gas.name) for gas in config.gases}
        by_oxygen = sorted(config.gases, key=lambda gas: -gas.oxygen)  # zeroed in this order
        safes = {gas.name: SafeGas(devices[gas.name], gas.close_valve) for gas in by_oxygen}
        self.guard = Guard(list(safes.values()), log="gas.guard")
        self.gases = [
            GasChannel(prefix, gas, safes[gas.name], self.guard, config.read_interval_s)
            for gas in config.gases
        ]
        self.links = Links()
        inputs = self.simulation.inputs() if self.simulation else linked_inputs(config.inputs, self.links)
        self.chamber = Chamber(prefix, config, self.gases, self.guard, inputs)
        store = Store(config.recipes, tuple(gas.name for gas in config.gases), QUANTITIES)
        self.memory = Memory()
        self.cook = Cook(prefix, self.chamber, store, config.run_records, self.memory)
        simulated = self.simulation.groups if self.simulation else []
        interlocks = self.chamber.interlocks
        self.groups: list[Group] = [
            self.chamber, *self.gases, self.cook, *interlocks.groups, *self.lines, *simulated
        ]  # fmt: skip
        for group in self.groups:
            group.hooks = Refusals(self.chamber.say, prefix)
        for gas in self.gases:
            gas.desk, gas.auto_reconnect = self.chamber, config.auto_reconnect
        interlocks.bind(merge(self.groups), lambda name: Linked(self.links.to(name)))
        self._running = False

    async def start(self) -> None:
        """Claim the lines and begin to poll. Raises PortInUse when a line belongs to somebody else."""
        if self.simulation:
            await self.simulation.start()
            spawn(self.simulation.chamber.run(), "simulated chamber")
        started = (asyncio.to_thread(port.start) for port in self.ports.values())
        for problem in await asyncio.gather(*started, return_exceptions=True):
            if problem:
                raise problem
        self._running = True
        self.chamber.interlocks.restore()
        if self.chamber.latched:
            self.guard.resume()
        self.cook.begin()
        spawn(self.links.run, "links", restart_after_s=1.0)
        for gas in self.gases:
            gas.ticks.period_s = self.chamber.read_interval.value
            spawn(gas.run(), gas.prefix)
            spawn(gas.keep_house(), f"{gas.prefix} housekeeping")
        for line in self.lines:
            spawn(line.run(), line.prefix)
        for job, name in (
            (self.chamber.run(), "chamber"),
            (self.chamber.interlocks.run(), "interlocks"),
            (self.cook.run(), "recipes"),
        ):
            spawn(job, name)

    async def stop(self) -> None:
        """End a recipe in its safe state, zero the flows as the configuration wants, give the lines back.

        An IOC that did not get all its lines has not taken over and leaves every flow alone.
        """
        if self._running:
            await self.cook.close()
        if self._running and self.config.on_shutdown is OnShutdown.SAFE:
            await self.guard.close(SHUTDOWN_S)
        await asyncio.gather(*(asyncio.to_thread(port.stop) for port in self.ports.values()))
        if self.simulation:
            await self.simulation.stop()


SUBSYSTEM = Subsystem(
    name="gas",
    title="Alicat mass flow controllers of a sputter chamber",
    prefix="LAB:GAS:",
    read=read,
    build=GasIoc,
    examples=(
        "caput -c {P}Ar:Setpoint 50; caget {P}Ar:Flow {P}TotalFlow {P}OxygenPercent",
        "caput -c {P}O2:Setpoint 40     (refused: caget -S {P}O2:Reason)",
        "caput {P}Recipe:Select 'Sputtering Process'; caput {P}Recipe:Start 1",
        "caput LAB:SIM:GAS:Chamber:Door Open     (trips; Closed, then {P}Interlock:Door:Reset)",
    ),
)
