"""`--simulate`: what stands at the other end of relays, sensors and lines instead of the real things.

The configuration stays the same; only where it leads is replaced.
"""

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from devsup.sim.gpio import SimGpio
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.modbus_talk import Unit
from devsup.sim.relay_board import RelayBoard
from devsup.sim.relays import SimRelays
from devsup.sim.sysfs import Tree
from devsup.sim.wire import PtyLine
from iocs.common.group import Group
from iocs.common.simulated import SimulatedInstrument, SimulatedLine, sim_prefix
from iocs.common.ticks import Ticks
from iocs.environment.config import Backend, EnvironmentConfig, SerialConfig
from iocs.environment.equipment import Stand
from iocs.environment.simulation.living import LivingChamber
from iocs.environment.simulation.pvs import SHOW_S, SimulatedChamber, SimulatedRelay, SimulatedSensor
from iocs.environment.simulation.sensors import Sensors


class Simulation:
    """The other end of everything in a configuration."""

    def __init__(self, config: EnvironmentConfig, prefix: str) -> None:
        prefix = sim_prefix(prefix)
        self._folder = Path(tempfile.gettempdir(), f"sim-chamber-{secrets.token_hex(6)}")
        self._sensors = Sensors(config.sensors, Tree(self._folder))
        self._names = [relay.value for relay in config.relays.places]
        self._relays = SimRelays(self._names)
        self.stand.moved = self._drive
        self.chamber = LivingChamber(config.simulated, self._relays, self._sensors)
        self._truth = SimulatedChamber(prefix, self.chamber)
        self._relay_groups = [SimulatedRelay(prefix, self._relays, name) for name in self._names]
        sensor_groups = [SimulatedSensor(prefix, sensor) for sensor in self._sensors.all]
        self.groups: list[Group] = [self._truth, *self._relay_groups, *sensor_groups]
        self._wires: dict[str, PtyLine] = {}
        for line in config.lines:
            self._add_line(line.name, line.settings.baudrate, self._units(line.name, config), prefix)

    @property
    def stand(self) -> Stand:
        """What sensors and relays are connected to here."""
        return self._sensors.stand

    def config(self, config: EnvironmentConfig) -> EnvironmentConfig:
        """The same chamber, its lines leading here."""
        lines = tuple(self._led_here(line) for line in config.lines)
        if config.relays.backend is Backend.GPIO:
            self.stand.gpiod = self._chip(config)
            config = replace(config, relays=replace(config.relays, chip="/dev/gpiochip0"))
        return replace(config, lines=lines)

    def start(self) -> None:
        for wire in self._wires.values():
            wire.start()
        self.chamber.start()

    def stop(self) -> None:
        self.chamber.stop()
        for wire in self._wires.values():
            wire.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def run(self) -> None:
        """Show the truth about air and contacts, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._truth.run())
            tasks.create_task(self._show_contacts())

    async def _show_contacts(self) -> None:
        ticks = Ticks(SHOW_S)
        while True:
            await ticks.next()
            for group in self._relay_groups:
                group.show()

    def _led_here(self, line: SerialConfig) -> SerialConfig:
        wire = self._wires.get(line.name)
        if wire is None:
            return line
        return replace(line, settings=replace(line.settings, url=wire.url, rs485=False, rtscts=False))

    # -- what is at the other end -------------------------------------------------------------

    def _units(self, line: str, config: EnvironmentConfig) -> dict[int, Unit]:
        units: dict[int, Unit] = dict(self._sensors.units.get(line, {}))
        if config.relays.backend is Backend.MODBUS and config.relays.line == line:
            channels = {int(place): relay.value for relay, place in config.relays.places.items()}
            self.chamber.board = RelayBoard(self._relays, channels, address=config.relays.unit)
            units[config.relays.unit] = self.chamber.board
        return units

    def _add_line(self, name: str, baudrate: int, units: dict[int, Unit], prefix: str) -> None:
        if not units:
            return
        server = ModbusLine(units, baudrate)
        wire = PtyLine(server, baudrate, name=name)
        self._wires[name] = wire
        self.groups.append(SimulatedLine(f"{prefix}PORT:{name}:", wire))
        for address in units:
            self.groups.append(_instrument(f"{prefix}UNIT:{name}:{address}:", server, address))

    def _chip(self, config: EnvironmentConfig) -> SimGpio:
        """Lines by number; a name stands for a number of its own here."""
        lines = {_line(place): relay.value for relay, place in config.relays.places.items()}
        inputs = {_line(place): relay.value for relay, place in config.relays.feedback.items()}
        return SimGpio(self._relays, lines, inputs, wired_low=config.relays.active_low)

    def _drive(self, states: Mapping[str, bool]) -> None:
        for name, on in states.items():
            self._relays.drive(name, on)


def _line(place: str) -> int | str:
    return int(place) if place.isdigit() else place


def _instrument(prefix: str, server: ModbusLine, address: int) -> SimulatedInstrument:
    return SimulatedInstrument(
        prefix, lambda fault, chance, delay_s: server.set_fault(address, fault, chance, delay_s)
    )
