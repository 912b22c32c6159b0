"""`--simulate`: Alicat units on pseudo-terminals, a chamber to be pumped, vented and opened, faults as PVs.

The configuration stays the same; only what is at the other end of each line and link is replaced.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from devsup.alicat import GASES, number_of
from devsup.sim.alicat_line import AlicatLine
from devsup.sim.alicat_unit import CONDITION_NAMES, AlicatUnit, Condition, UnitConfig
from devsup.sim.wire import PtyLine
from iocs.caserver import Record
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.interlock import Sample, Source
from iocs.common.interlock.sources import LocalPV
from iocs.common.simulated import SimulatedInstrument, SimulatedLine, Throw, sim_prefix
from iocs.common.ticks import Ticks
from iocs.gas.config import ChamberConfig, GasConfig

PERIOD_S = 0.5
PUMP_TAU_S = 0.7  # of the simulated pump
BASE_TORR, VENTED_TORR = 2e-6, 760.0
TORR_PER_SCCM = 1e-4  # what a flow does to the pressure of the pumped chamber


class SimulatedUnit(SimulatedInstrument):
    """What the trainer can do to one simulated controller."""

    condition = pv.choice("Condition", "What is the matter with the unit", CONDITION_NAMES, initial=0)

    def __init__(self, prefix: str, throw: Throw, line: AlicatLine, unit: str) -> None:
        super().__init__(prefix, throw)
        self._line_server = line
        self._unit = unit

    async def put_condition(self, index: int) -> None:
        self._line_server.set_condition(self._unit, list(Condition)[index])


class SimulatedChamber(Group):
    """What the trainer can do to the chamber. Its pressure follows pump, vent and flow."""

    pump = pv.flag("Chamber:Pump", "Pump", initial=1)
    vent = pv.flag("Chamber:Vent", "Vent valve", states=("Closed", "Open"), initial=0)
    pressure = pv.readback(
        "Chamber:Pressure", "Chamber pressure", unit="Torr", precision=6, initial=BASE_TORR, source="gauge"
    )
    gauge = pv.flag("Chamber:Gauge", "Pressure gauge", states=("Dead", "OK"), initial=1)
    door = pv.flag("Chamber:Door", "Door", states=("Open", "Closed"), initial=1, writable=True)
    water = pv.flag("Chamber:Water", "Cooling water", states=("Failed", "OK"), initial=1, writable=True)
    stop = pv.flag("FacilityStop", "Emergency stop", states=("Pressed", "Ready"), initial=1, writable=True)

    def __init__(self, prefix: str, units: Sequence[AlicatUnit]) -> None:
        super().__init__(prefix)
        self._units = units
        self._torr = BASE_TORR

    async def put_pump(self, value: int) -> None:
        """Seen by the next step."""

    async def put_vent(self, value: int) -> None:
        """Seen by the next step."""

    async def put_gauge(self, value: int) -> None:
        """Seen by the next step."""

    async def run(self) -> None:
        """Pressure as time goes by."""
        ticks = Ticks(PERIOD_S)
        while True:
            await ticks.next()
            self.step(PERIOD_S)
            if self.gauge.value:
                self.pressure.set_ok(self._torr)
            else:
                self.set_invalid(source="gauge")

    def step(self, dt_s: float) -> None:
        """On a logarithmic scale, as chambers are pumped."""
        flow = sum(max(unit.mass_flow, 0.0) for unit in self._units)
        target = VENTED_TORR if self.vent.value else BASE_TORR + TORR_PER_SCCM * flow
        if not self.vent.value and not self.pump.value:
            target = max(self._torr, BASE_TORR + 1e-3 * flow)
        part = 1.0 - math.exp(-dt_s / PUMP_TAU_S)
        self._torr = math.exp(math.log(self._torr) + part * math.log(target / self._torr))


class Live:
    """A record of the simulation as an input: known now, unless it is INVALID."""

    def __init__(self, record: Record[Any]) -> None:
        self._source = LocalPV(record)

    def sample(self, now: float) -> Sample:
        return replace(self._source.sample(now), at=now)


class Simulation:
    """The other end of every line and link of an installation."""

    def __init__(self, config: ChamberConfig, prefix: str) -> None:
        self._wires: dict[str, PtyLine] = {}
        self.groups: list[Group] = []
        units: list[AlicatUnit] = []
        for line in config.lines:
            here = [gas for gas in config.gases if gas.line == line.name]
            made = [AlicatUnit(_unit(gas)) for gas in here]
            units += made
            server = AlicatLine(made)
            wire = self._wires[line.name] = PtyLine(server, line.settings.baudrate, name=line.name)
            self.groups.append(SimulatedLine(f"{sim_prefix(prefix)}PORT:{line.name}:", wire))
            self.groups += [
                SimulatedUnit(
                    f"{sim_prefix(prefix)}{gas.name}:", partial(server.set_fault, gas.unit), server, gas.unit
                )
                for gas in here
            ]
        self.chamber = SimulatedChamber(sim_prefix(prefix), units)
        self.groups.append(self.chamber)

    def config(self, config: ChamberConfig) -> ChamberConfig:
        """The same installation with its lines leading here."""
        lines = tuple(
            replace(
                line,
                settings=replace(line.settings, url=self._wires[line.name].url, rs485=False, rtscts=False),
            )
            for line in config.lines
        )
        return replace(config, lines=lines)

    def inputs(self) -> Mapping[str, Source]:
        """Pressure, door, water and facility stop, without Channel Access in between."""
        chamber = self.chamber
        records: dict[str, Record[Any]] = {
            "pressure": chamber.pressure, "door": chamber.door, "water": chamber.water,
            "facility_stop": chamber.stop,
        }  # fmt: skip
        return {name: Live(record) for name, record in records.items()}

    async def start(self) -> None:
        for wire in self._wires.values():
            await asyncio.to_thread(wire.start)

    async def stop(self) -> None:
        for wire in self._wires.values():
            await asyncio.to_thread(wire.stop)


def _unit(gas: GasConfig) -> UnitConfig:
    simulated = gas.simulated
    return UnitConfig(
        gas.unit,
        full_scale=simulated.full_scale,
        firmware=simulated.firmware,
        gas=number_of(gas.gas_type, GASES),
        totalizer=simulated.totalizer,
        tau_s=simulated.tau_s,
        noise=2e-4,
        seed=ord(gas.unit),
    )
