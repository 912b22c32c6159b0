"""The flow IOC, read top to bottom as the data path: ports -> instruments -> logic -> PVs -> safe()."""

import asyncio

from devsup.bronkhorst import Instrument
from devsup.port import Port
from devsup.propar_bus import ProparBus
from iocs.caserver import current_server, spawn
from iocs.common.estop import Refusals
from iocs.common.group import Group
from iocs.common.guard import Guard
from iocs.common.subsystem import Subsystem
from iocs.flow.config import FlowConfig, OnLoss, read
from iocs.flow.instrument import FlowInstrument
from iocs.flow.line import FlowLine
from iocs.flow.plant import FlowPlant
from iocs.flow.simulation import Simulation

SHUTDOWN_S = 6.0  # for the zeros of on_shutdown; the server gives us ten in all


class FlowIoc:
    """Everything one process owns, wired."""

    def __init__(self, config: FlowConfig, prefix: str, simulate: bool) -> None:
        self.config = config
        self.simulation = Simulation(config.lines, prefix) if simulate else None
        if self.simulation:
            config = self.simulation.config(config)
        self.ports = [Port(line.name, line.settings, line.manners) for line in config.lines]
        self.lines = [
            FlowLine(prefix, ProparBus(port, line.framing), line)
            for port, line in zip(self.ports, config.lines, strict=True)
        ]
        devices = [
            (Instrument(line.bus, node.node, node.name, node.manners), node)
            for line in self.lines
            for node in line.config.instruments
        ]
        self.guard = Guard([device for device, _ in devices], log="flow.guard")
        self.instruments = [FlowInstrument(prefix, device, node, self.guard) for device, node in devices]
        self.plant = FlowPlant(prefix, self.guard, config, lambda: current_server().client_count)
        simulated = self.simulation.groups if self.simulation else []
        self.groups: list[Group] = [self.plant, *self.instruments, *self.lines, *simulated]
        for group in self.groups:
            group.hooks = Refusals(self.plant.say, prefix)
        self._running = False

    async def start(self) -> None:
        """Claim the lines and begin to poll. Raises PortInUse when a line belongs to somebody else."""
        if self.simulation:
            self.simulation.start()
        started = (asyncio.to_thread(port.start) for port in self.ports)  # a host may take its time
        for problem in await asyncio.gather(*started, return_exceptions=True):
            if problem:
                raise problem
        self._running = True
        if self.plant.latched:
            self.guard.resume()
        for instrument in self.instruments:
            spawn(instrument.run(), instrument.prefix)
            spawn(instrument.keep_house(), f"{instrument.prefix} housekeeping")
        for line in self.lines:
            spawn(line.run(), line.prefix)
        spawn(self.plant.run(), self.plant.prefix)

    async def stop(self) -> None:
        """What the configuration wants at shutdown, then give the lines back.

        An IOC that did not get all its lines has not taken over and leaves every flow alone.
        """
        if self.config.on_shutdown is OnLoss.ZERO and self._running:
            await self.guard.close(SHUTDOWN_S)
        await asyncio.gather(*(asyncio.to_thread(port.stop) for port in self.ports))
        if self.simulation:
            self.simulation.stop()


SUBSYSTEM = Subsystem(
    name="flow",
    title="Bronkhorst instruments sharing serial lines",
    prefix="LAB:FLOW:",
    read=read,
    build=FlowIoc,
    examples=(
        "caget {P}N2:Flow {P}N2:Setpoint {P}N2:Comm",
        "caput -c {P}N2:Setpoint 5",
        "camonitor {P}N2:Flow {P}Air:Flow {P}He:Flow",
        "caput LAB:SIM:FLOW:PORT:bench1:Fault HUNG_UP    (unplug the line; OK plugs it back)",
        "caput {P}EStop 1; caput {P}EStop:Reset 1",
    ),
)
