"""The sonicator IOC, read top to bottom as the data path: port -> board -> logic -> PVs -> safe()."""

import asyncio

from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.sonicator_board import Sonicator, SonicatorBoard
from iocs.caserver import spawn
from iocs.common.estop import Refusals
from iocs.common.group import Group, merge
from iocs.common.guard import Guard
from iocs.common.interlock.linked import LinkedPV
from iocs.common.lines import LinePVs
from iocs.common.links import Links
from iocs.common.memory import Memory
from iocs.common.subsystem import Subsystem
from iocs.sonicator.around import STOPPED, Around
from iocs.sonicator.board import BoardStop, SonicatorPlant
from iocs.sonicator.config import OnShutdown, PlantConfig, read
from iocs.sonicator.registers import RegisterBank
from iocs.sonicator.simulation import Simulation
from iocs.sonicator.trips import Trips
from iocs.sonicator.unit import SonicatorUnit

SHUTDOWN_S = 6.0  # for the last stops; the server gives us ten in all


class SonicatorIoc:
    """Everything one process owns, wired."""

    def __init__(self, config: PlantConfig, prefix: str, simulate: bool) -> None:
        self.config = config
        self.memory = Memory()
        self.simulation = Simulation(config, prefix) if simulate else None
        if self.simulation:
            config = self.simulation.config(config)
        self.port = Port("board", config.settings, config.manners)
        board = SonicatorBoard(
            ModbusBus(self.port), config.board.unit, config.board.map, manners=config.manners
        )
        devices = [Sonicator(board, one.number, one.name) for one in config.sonicators]
        stop = BoardStop(board)
        self.guard = Guard([stop, *devices], STOPPED, log="sonicator.guard")
        around = stop.around = Around(self.guard, shared_amplitude=config.board.shared_amplitude)
        self.units = [
            SonicatorUnit(prefix, device, one, around, self.memory)
            for device, one in zip(devices, config.sonicators, strict=True)
        ]
        places = {0: prefix} | {unit.device.number: unit.prefix for unit in self.units}
        banks = {number: RegisterBank(place, board, number) for number, place in places.items()}
        self.plant = SonicatorPlant(prefix, board, stop, self.units, banks, around, config.board)
        self.line = LinePVs(prefix, self.port)
        self.trips = Trips(prefix, config.interlocks, self.plant, self.units, around)
        simulated = self.simulation.groups if self.simulation else []
        self.groups: list[Group] = [
            self.plant, *self.units, *banks.values(), self.line, *self.trips.groups, *simulated,
        ]  # fmt: skip
        self.links = Links()
        self.trips.bind(merge(self.groups), lambda name: LinkedPV(self.links.to(name)))
        for group in self.groups:
            group.hooks = Refusals(self.plant.say, prefix)
        self._running = False

    async def start(self) -> None:
        """Claim the line and begin to talk. Raises PortInUse when the line belongs to somebody else."""
        if self.simulation:
            self.simulation.start()
            spawn(self.simulation.run(), "simulation")
        self.plant.begin()
        self.trips.restore()
        await asyncio.to_thread(self.port.start)  # a host may take its time
        self._running = True
        spawn(self.plant.keep_alive(), "keep-alive")
        for unit in self.units:
            spawn(unit.run(), unit.prefix)
            spawn(unit.watch(), f"{unit.prefix} watch")
        spawn(self.plant.scan(), "registers")
        spawn(self.line.run(), self.line.prefix)
        spawn(self.trips.run(), "interlocks")
        spawn(self.links.run, "links", restart_after_s=1.0)

    async def stop(self) -> None:
        """Stop what runs, unless the configuration wants it to go on, then give the line back.

        An IOC that did not get its line has not taken over and leaves everything alone.
        """
        if self.config.on_shutdown is OnShutdown.SAFE and self._running:
            await self.guard.close(SHUTDOWN_S)
        for unit in self.units:
            unit.use.keep_now()
        await asyncio.to_thread(self.port.stop)
        if self.simulation:
            self.simulation.stop()


SUBSYSTEM = Subsystem(
    name="sonicator",
    title="Sonicators behind a Modbus RTU board",
    prefix="LAB:SON:",
    read=read,
    build=SonicatorIoc,
    examples=(
        "caget {P}SON4:State {P}SON4:Power {P}SON4:Frequency {P}SystemStatus",
        "caput -c {P}SON4:Amplitude 60; caput -c {P}SON4:Start 1",
        "camonitor {P}SON4:State {P}SON4:StateReason {P}SON4:Power",
        "caput LAB:SIM:SON:SON4:Fault OVERLOAD    (OK, then caput {P}SON4:OverloadReset 1)",
        "caput {P}EStop 1; caput {P}EStop:Reset 1",
    ),
)
