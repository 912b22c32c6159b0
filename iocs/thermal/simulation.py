"""`--simulate`: chamber, supplies on pseudo-terminals, sensors as files; what can go wrong as PVs.

The configuration stays the same; only what is at the other end of each line, and below /sys, is replaced.
"""

import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from devsup.sim.dps5015 import DpsSupply, SwitchingNoise
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.sensor_files import SimDs18b20, SimMax31865Iio
from devsup.sim.sysfs import FAULT_NAMES, SensorFault, Tree
from devsup.sim.tec_chamber import LAG_S, TecChamber, Thermometer
from devsup.sim.tec_plant import Conditions, TecPlant
from devsup.sim.wire import PtyLine
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.simulated import SimulatedInstrument, SimulatedLine, sim_prefix
from iocs.common.ticks import Ticks
from iocs.thermal.config import LineConfig, SupplyConfig, ThermalConfig
from iocs.thermal.sensor_config import COLD, HOT, Kind, SensorConfig

SHOW_S = 1.0
SimFile = SimDs18b20 | SimMax31865Iio


class SimulatedSupply(SimulatedInstrument):
    """What the trainer can do to one supply, on its wire and at its panel."""

    power = pv.flag("Power", "Mains of the supply", ("Cut", "On"), initial=1)
    knob_current = pv.setpoint("KnobCurrent", "Turn the knob: current", unit="A", drive=(0, 15), precision=2)
    knob_voltage = pv.setpoint("KnobVoltage", "Turn the knob: voltage", unit="V", drive=(0, 50), precision=2)
    output_key = pv.command("OutputKey", "Press the key of its output")
    noise = pv.flag("SwitchingNoise", "Bursts of damaged answers under load", initial=0)

    def __init__(self, prefix: str, line: ModbusLine, unit: int, supply: DpsSupply) -> None:
        super().__init__(prefix, partial(line.set_fault, unit))
        self._supply = supply

    async def put_power(self, value: int) -> None:
        if value:
            self._supply.restore_power()
        else:
            self._supply.cut_power()

    async def put_knob_current(self, value: float) -> None:
        self._supply.turn_knob(amps=value)

    async def put_knob_voltage(self, value: float) -> None:
        self._supply.turn_knob(volts=value)

    async def put_output_key(self, value: int) -> None:
        self._supply.press_output()

    async def put_noise(self, value: int) -> None:
        self._supply.noise = SwitchingNoise() if value else None


class SimulatedSensor(Group):
    """What the trainer can do to one sensor. OPEN and ZEROS are a broken and a shorted wire."""

    fault = pv.choice("Fault", "What is wrong with the sensor", FAULT_NAMES, initial=0)
    noise = pv.setpoint("Noise", "Noise of the sensor", unit="K", precision=2, drive=(0, 20))

    def __init__(self, prefix: str, files: SimFile, thermometer: Thermometer) -> None:
        super().__init__(prefix)
        self._files = files
        self._thermometer = thermometer
        self.noise.set_ok(thermometer.noise_k)

    async def put_fault(self, index: int) -> None:
        self._files.fault = list(SensorFault)[index]

    async def put_noise(self, value: float) -> None:
        self._thermometer.noise_k = value


class SimulatedChamber(Group):
    """What the trainer can do to the chamber, and what nobody else can see."""

    fan = pv.flag("Fan", "Fan of the heat sink", ("Stopped", "Running"), initial=1)
    ambient = pv.setpoint("AmbientTemperature", "The room", unit="degC", precision=1, drive=(-20, 50))
    load = pv.setpoint("HeatLoad", "Heat load on the plate", unit="W", precision=1, drive=(0, 100))
    dust = pv.setpoint("Dust", "Part of the sink that dust takes", precision=2, drive=(0, 0.95), initial=0.0)
    wear_1 = pv.setpoint("PSU1:Wear", "Wear of its stack", precision=2, drive=(0, 0.95), initial=0.0)
    wear_2 = pv.setpoint("PSU2:Wear", "Wear of its stack", precision=2, drive=(0, 0.95), initial=0.0)
    speed = pv.setpoint("Speed", "Seconds of the plant per second", precision=1, drive=(0.1, 1000))
    cold = pv.readback("ColdPlate:True", "Cold plate, exactly", unit="degC", precision=3)
    hot = pv.readback("HotPlate:True", "Hot side, exactly", unit="degC", precision=3)
    best_current = pv.readback("Best:Current", "Optimal current of the plant", unit="A", precision=2)
    best_cold = pv.readback("Best:ColdPlate", "Coldest plate there can be", unit="degC", precision=2)

    def __init__(self, prefix: str, chamber: TecChamber) -> None:
        super().__init__(prefix)
        self._chamber = chamber
        self._best_for: Conditions | None = None
        self.ambient.set_ok(chamber.conditions.ambient_c)
        self.load.set_ok(chamber.conditions.load_w)
        self.speed.set_ok(chamber.speed)

    async def put_fan(self, value: int) -> None:
        self._chamber.change(fan=bool(value))

    async def put_ambient(self, value: float) -> None:
        self._chamber.change(ambient_c=value)

    async def put_load(self, value: float) -> None:
        self._chamber.change(load_w=value)

    async def put_dust(self, value: float) -> None:
        self._chamber.change(dust=value)

    async def put_wear_1(self, value: float) -> None:
        self._chamber.change(wear=(value, self._chamber.conditions.wear[1]))

    async def put_wear_2(self, value: float) -> None:
        self._chamber.change(wear=(self._chamber.conditions.wear[0], value))

    async def put_speed(self, value: float) -> None:
        self._chamber.speed = value

    async def run(self) -> None:
        """Show what is true, second by second, for ever."""
        ticks = Ticks(SHOW_S)
        while True:
            await ticks.next()
            self.cold.set_ok(self._chamber.cold_c)
            self.hot.set_ok(self._chamber.hot_c)
            if self._chamber.conditions != self._best_for:
                self._best_for = self._chamber.conditions
                found = self._chamber.best()
                self.best_current.set_ok(found.current)
                self.best_cold.set_ok(found.cold_c)


class Simulation:
    """The chamber behind the lines and files of an installation."""

    def __init__(self, config: ThermalConfig, prefix: str) -> None:
        how, root = config.simulated, sim_prefix(prefix)
        plant = TecPlant(conditions=Conditions(how.ambient_c, how.load_w))
        self.chamber = TecChamber(plant, how.speed, rhythm_s=how.rhythm_s)
        folder = tempfile.mkdtemp(prefix="tec-sys-")
        self._tidy = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)  # started or not
        self._tree = Tree(Path(folder))
        self._panel = SimulatedChamber(root, self.chamber)
        self.groups: list[Group] = [self._panel]
        self._wires = [self._line(line, config.supplies, root) for line in config.lines]
        for number, sensor in enumerate(config.sensors):
            self.groups.append(self._sensor(number, sensor, how.noise_k, f"{root}{sensor.name}:"))
        self.run = self._panel.run

    def config(self, config: ThermalConfig) -> ThermalConfig:
        """The same installation with its lines and files leading here."""
        lines = tuple(
            replace(line, settings=replace(line.settings, url=wire.url, rs485=False, rtscts=False))
            for line, wire in zip(config.lines, self._wires, strict=True)
        )
        sensors = tuple(replace(one, device="") for one in config.sensors)
        return replace(config, lines=lines, sensors=sensors, sysfs=self._tree.root)

    def start(self) -> None:
        self.chamber.start()
        for wire in self._wires:
            wire.start()

    def stop(self) -> None:
        for wire in self._wires:
            wire.stop()
        self.chamber.stop()
        self._tidy()

    def _line(self, line: LineConfig, supplies: tuple[SupplyConfig, ...], root: str) -> PtyLine:
        here = {
            one.unit: (one, supply)
            for one, supply in zip(supplies, self.chamber.supplies, strict=True)
            if one.line == line.name
        }
        server = ModbusLine({unit: supply for unit, (_, supply) in here.items()}, line.settings.baudrate)
        wire = PtyLine(server, line.settings.baudrate, name=line.name)
        self.groups.append(SimulatedLine(f"{root}PORT:{line.name}:", wire))
        for unit, (one, supply) in here.items():
            self.groups.append(SimulatedSupply(f"{root}{one.name}:", server, unit, supply))
        return wire

    def _sensor(self, number: int, config: SensorConfig, noise_k: float, prefix: str) -> SimulatedSensor:
        files = self._files(number, config)
        show: Callable[[float], None] = files.update
        lag_s = 0.0 if config.name == COLD else LAG_S
        thermometer = Thermometer(config.name, show, lag_s, noise_k, seed=number)
        places = {COLD: self.chamber.cold, HOT: self.chamber.hot}
        places.get(config.name, self.chamber.ambient).append(thermometer)
        return SimulatedSensor(prefix, files, thermometer)

    def _files(self, number: int, config: SensorConfig) -> SimFile:
        if config.kind is Kind.DS18B20:
            return SimDs18b20(self._tree, config.address)
        where = config.where or f"spi0.{number}"
        return SimMax31865Iio(self._tree, number, where, config.reference_ohm)
