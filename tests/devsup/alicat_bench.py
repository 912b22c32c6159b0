"""Simulated Alicat units on a line without pty, thread or waiting, and the devices that stand for them."""

from dataclasses import replace
from typing import cast

from devsup.alicat_bus import AlicatBus
from devsup.alicat_mfc import Alicat
from devsup.alicat_values import Reading
from devsup.port import Port
from devsup.sim.alicat_frame import columns, gas_name, generation
from devsup.sim.alicat_line import AlicatLine
from devsup.sim.alicat_unit import AlicatUnit, UnitConfig
from devsup.sim.faults import Fault
from tests.devsup.sim_line import SimLine, SimPort

CHAMBER = (UnitConfig("A", 200.0, gas=1), UnitConfig("B", 100.0, gas=11), UnitConfig("C", 150.0, gas=8))
READINGS = {2: "pressure", 3: "temperature", 4: "volumetric", 5: "flow", 37: "setpoint", 9: "total"}


class Bench:
    """`devices` by unit id. One unit of each config, all on one line."""

    def __init__(self, *configs: UnitConfig, seed: int = 0) -> None:
        units = [AlicatUnit(config) for config in configs or CHAMBER]
        self.sim = AlicatLine(units, seed=seed)
        self.line = SimLine(self.sim)
        self.port = SimPort(self.line)
        self.bus = AlicatBus(cast(Port, self.port))
        self.devices = {
            unit.config.unit: Alicat(self.bus, unit.config.unit, f"unit {unit.config.unit}") for unit in units
        }

    @property
    def device(self) -> Alicat:
        """The only one, or the first."""
        return next(iter(self.devices.values()))

    @property
    def unit(self) -> AlicatUnit:
        return self.sim.unit(self.device.unit)

    def let_pass(self, seconds: float) -> None:
        """Time for the physics, in which nobody asks."""
        self.line.let_pass(seconds)
        self.sim.receive(b"", self.line.now)

    def set_fault(self, fault: Fault, probability: float = 1.0, delay_s: float | None = None) -> None:
        for name in self.sim.stations:
            self.sim.set_fault(name, fault, probability, delay_s)

    @property
    def struck(self) -> int:
        return sum(station.faults.struck for station in self.sim.stations.values())


def single(firmware: str, **config: object) -> Bench:
    """One unit of a generation of firmware."""
    given = replace(UnitConfig("A", 100.0, firmware=firmware, meter=firmware == "10v04"), **config)
    return Bench(given)


def meant(unit: AlicatUnit) -> dict[str, object]:
    """What a true reading of its latest answer says: what it measured, in the digits that it shows."""
    values = {READINGS[column.stat]: float(column.text) for column in columns(unit)}
    codes = tuple(code for code in ("ADC", *generation(unit).codes) if code in unit.status)
    return {**dict.fromkeys(READINGS.values()), **values, "gas": gas_name(unit), "codes": codes}


def error_of(reading: Reading, unit: AlicatUnit) -> dict[str, float]:
    """How far each value is off, flows in parts of the range; 1 for a wrong gas or status."""
    truth, full = meant(unit), unit.config.full_scale
    scales = {"flow": full, "volumetric": full, "setpoint": full, "pressure": 1.0, "temperature": 1.0}
    errors = {
        name: abs((getattr(reading, name) or 0.0) - float(cast(float, truth[name] or 0.0))) / scale
        for name, scale in scales.items()
    }
    errors["gas"] = float(reading.gas != truth["gas"])
    errors["codes"] = float(reading.codes != truth["codes"])
    return errors


def is_true(reading: Reading, unit: AlicatUnit) -> bool:
    return all(getattr(reading, name) == value for name, value in meant(unit).items())
