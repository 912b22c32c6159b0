"""The simulated other end of every sensor in the configuration: files, chips, registers.

Knows which simulator stands for which kind; knows no PV and no physics.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devsup.sensors import Quantity
from devsup.sensors.transmitter import Register
from devsup.sim.chamber_sensors import Felt
from devsup.sim.modbus_memory import MemoryUnit
from devsup.sim.sensor_chips import SimMax31865Chip, SimScd4xChip
from devsup.sim.sensor_files import SimAds1115, SimDs18b20, SimMax31865Iio, SimScd4xIio
from devsup.sim.sysfs import SensorFault, Tree
from iocs.environment import sensor_config as kinds
from iocs.environment.equipment import Stand
from iocs.environment.sensor_config import SensorConfig


@dataclass(slots=True)
class Simulated:
    """One sensor: what the chamber tells it, how it is broken, how it is given up."""

    name: str
    feel: Callable[[Felt], None]
    set_fault: Callable[[SensorFault], None]
    close: Callable[[], None] = lambda: None


class Sensors:
    """All of them. Fills in what `stand` needs to lead to them; `units`: Modbus units by line and address."""

    def __init__(self, sensors: tuple[SensorConfig, ...], tree: Tree) -> None:
        self.stand = Stand(tree.root)
        self.units: dict[str, dict[int, MemoryUnit]] = {}
        self._tree = tree
        self._index = 0
        made = (self._make(sensor) for sensor in sensors)
        self.all = [item for item in made if item is not None]

    def _make(self, sensor: SensorConfig) -> Simulated | None:
        source, name = sensor.source, sensor.name
        match source:
            case kinds.Scd4x():
                return self._scd4x(name, source)
            case kinds.Scd4xI2c():
                return self._scd4x_chip(name, source)
            case kinds.Ads1115():
                return self._ads1115(name, source)
            case kinds.Ds18b20():
                ds = SimDs18b20(self._tree, source.address)
                return Simulated(name, lambda f: ds.update(f.celsius), lambda x: setattr(ds, "fault", x))
            case kinds.Max31865():
                return self._max31865(name, source)
            case kinds.Modbus():
                return self._modbus(name, source)
        return None  # a PV of another IOC stays what it is

    def _next(self) -> int:
        self._index += 1
        return self._index - 1

    def _scd4x(self, name: str, source: kinds.Scd4x) -> Simulated:
        scd = SimScd4xIio(self._tree, self._next(), source.where or "1-0062", source.trigger)
        return Simulated(
            name,
            lambda f: scd.update(f.ppm, f.celsius, f.humidity),
            lambda fault: setattr(scd, "fault", fault),
            scd.close,
        )

    def _scd4x_chip(self, name: str, source: kinds.Scd4xI2c) -> Simulated:
        chip = SimScd4xChip()
        self.stand.i2c = {**self.stand.i2c, source.bus: chip}
        return Simulated(
            name,
            lambda f: chip.update(f.ppm, f.celsius, f.humidity),
            lambda fault: setattr(chip, "fault", fault),
        )

    def _ads1115(self, name: str, source: kinds.Ads1115) -> Simulated:
        ads = SimAds1115(self._tree, self._next(), source.where or "1-0048", source.channel)
        ads.supply_mv, ads.fixed_ohm = source.divider.supply_mv, source.divider.fixed_ohm
        ads.grounded = source.divider.grounded
        ads.r10_ohm, ads.gamma = source.divider.r10_ohm, source.divider.gamma
        return Simulated(name, lambda f: ads.update(f.lux), lambda fault: setattr(ads, "fault", fault))

    def _max31865(self, name: str, source: kinds.Max31865) -> Simulated:
        if source.device:
            chip = SimMax31865Chip(source.reference_ohm)
            self.stand.spi = {**self.stand.spi, source.device: chip}
            return Simulated(
                name, lambda f: setattr(chip, "celsius", f.celsius), lambda x: setattr(chip, "fault", x)
            )
        rtd = SimMax31865Iio(self._tree, self._next(), source.where or "spi0.0", source.reference_ohm)
        return Simulated(name, lambda f: rtd.update(f.celsius), lambda x: setattr(rtd, "fault", x))

    def _modbus(self, name: str, source: kinds.Modbus) -> Simulated:
        unit = MemoryUnit()
        self.units.setdefault(source.line, {})[source.unit] = unit
        memory = unit.holding if source.holding else unit.inputs
        transmitter = SimTransmitter(source.registers, memory)
        transmitter.feel(Felt(20.0, 50.0, 400.0, 0.0))
        return Simulated(name, transmitter.feel, lambda fault: setattr(transmitter, "fault", fault))


class SimTransmitter:
    """Registers that hold what is felt. Its bus has faults of its own: here it is dead, frozen or zero."""

    def __init__(self, registers: Mapping[Quantity, Register], memory: dict[int, int]) -> None:
        self.fault = SensorFault.OK
        self._registers = registers
        self._memory = memory

    def feel(self, felt: Felt) -> None:
        """Write down the newest values; without registers it answers that there are none."""
        if self.fault in (SensorFault.DEAD, SensorFault.EMPTY):
            self._memory.clear()
            return
        if self.fault is SensorFault.FROZEN and self._memory:
            return
        for quantity, register in self._registers.items():
            value = 0.0 if self.fault is SensorFault.ZEROS else VALUES[quantity](felt)
            self._memory.update(zip(register.places, _words(register, value), strict=True))


VALUES: Mapping[Quantity, Callable[[Felt], float]] = {
    Quantity.TEMPERATURE: lambda felt: felt.celsius,
    Quantity.HUMIDITY: lambda felt: felt.humidity,
    Quantity.CO2: lambda felt: felt.ppm,
    Quantity.LIGHT: lambda felt: felt.lux,
}


def _words(register: Register, value: float) -> list[int]:
    raw = (value - register.offset) / register.scale
    number = raw if register.kind.value == "f" else round(raw)
    data = struct.pack(f">{register.kind.value}", number)
    words = [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]
    return words[::-1] if register.low_first else words
