"""A cold plate under test: chamber, lines and files that belong to the test and outlive any IOC, the IOC as a
process, a libca client. Times are shortened by configuration only."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from devsup.sim.dps5015 import DpsSupply
from devsup.sim.faults import LineFault
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.sensor_files import SimDs18b20, SimMax31865Iio
from devsup.sim.sysfs import SensorFault, Tree
from devsup.sim.tec_chamber import TecChamber, Thermometer
from devsup.sim.tec_plant import Conditions, Design, TecPlant, steady
from devsup.sim.wire import PtyLine
from iocs.thermal.logic.facts import State
from tests.support.ca import CaClient, Monitor, Refused
from tests.support.network import LOOPBACK, ca_environment
from tests.support.processes import IocProcess
from tests.support.waiting import wait_until

NO_ALARM, MINOR, MAJOR, INVALID = range(4)
STATE, COMM = 7, 9
HOT, AMBIENT = "28-00000000000a", "28-00000000000b"
SUPPLIES = ("PSU1", "PSU2")
OUTPUTS = (0x0000, 0x0001, 0x0009)  # registers that move something: U-SET, I-SET, ONOFF

QUICK: Mapping[str, float] = {
    "startup_hold_duration_ms": 1000,
    "ramp_adjustment_interval_ms": 150,
    "current_evaluation_delay_ms": 1200,
    "steady_state_recheck_interval_ms": 600_000,
    "sensor_recovery_timeout_ms": 2500,
    "init_timeout_ms": 5000,
    "manual_override_grace_ms": 300,
    "emergency_shutdown_step_ms": 50,
    "emergency_ramp_down_rate_a_per_sec": 20,
    "sensor_stale_ms": 800,
    "supply_stale_ms": 800,
    "cooling_rate_window_ms": 600,
    "hot_rate_window_ms": 1000,
    "hot_lookahead_ms": 3000,
    "hot_side_rate_fault_c_per_min": 300,
    "cooling_stall_threshold_c": 25,
}
"""A second for a minute; with a plant that is sixty times as fast, rates are sixty times as steep."""
SPEED = 60.0


@dataclass(frozen=True, slots=True)
class Wire:
    """How the lines and the firmware behind them are: by default without any delay. `patience_s`: how long
    the IOC waits for an answer."""

    baudrate: float | None = None
    latency_s: float = 0.0
    rhythm_s: float = 0.0
    patience_s: float = 0.2


def configuration(
    urls: Sequence[str], wire: Wire, root: Path, parameters: Mapping[str, object], top: Mapping[str, object]
) -> str:
    """db/thermal.yaml for these lines and files."""
    head = {"control_period": 0.05, "history_period": 0.05, "sysfs": root, **top}
    lines = [f"{key}: {value}" for key, value in head.items()]
    lines.append("lines:")
    for number, url in enumerate(urls, 1):
        times = f"response_timeout: {wire.patience_s}, command_timeout: {wire.patience_s}"
        lines += [f"  psu{number}: {{url: {url}, baudrate: {int(wire.baudrate or 9600)}, {times}}}"]
    lines.append("supplies:")
    lines += [f"  PSU{n}: {{line: psu{min(n, len(urls))}, unit: {n}, poll_period: 0.05}}" for n in (1, 2)]
    lines += [
        "sensors:",
        "  ColdPlate: {period: 0.05}",
        f"  HotPlate: {{address: {HOT}, period: 0.05}}",
        f"  ambient: {{Ambient1: {{address: {AMBIENT}, period: 0.2}}}}",
        "ceilings: {hot_side_rate_fault_c_per_min: 10000, cooling_stall_threshold_c: 1000}",
        "parameters:",
        *(f"  {key}: {value}" for key, value in {**QUICK, **parameters}.items()),
    ]
    return "\n".join(lines) + "\n"


class Bench:
    """One chamber, its IOC and a client. Names of PVs are without the prefix."""

    def __init__(
        self, folder: Path, *, amps: float | None = None, speed: float = 1.0, start: bool = True,
        shared_line: bool = False, faults: Sequence[tuple[str, SensorFault]] = (), absent: Sequence[str] = (),
        wire: Wire = Wire(), server: type[ModbusLine] = ModbusLine, **top: object,
    ) -> None:  # fmt: skip
        self.prefix, self.env, self.folder = "T:TEC:", ca_environment(), folder
        plant = TecPlant(conditions=Conditions(ambient_c=22.0, load_w=8.0))
        if amps is not None:
            plant.temperatures = steady(plant.design, plant.conditions, (amps, amps))
        self.wire, self._server = wire, server
        self.chamber = TecChamber(plant, speed, rhythm_s=wire.rhythm_s)
        self.writes: list[tuple[str, int, tuple[int, ...]]] = []
        for name, supply in zip(SUPPLIES, self.chamber.supplies, strict=True):
            self._watch(name, supply)
            if amps is not None:
                self.run_at(supply, amps)
        self._sensors(folder / "sys")
        for sensor, fault in faults:
            getattr(self, sensor).fault = fault
        for name in absent:
            self.supply(name).cut_power()
        self.servers = self._servers(shared_line)
        self.lines = [PtyLine(one, wire.baudrate, name=f"tec{n}") for n, one in enumerate(self.servers)]
        self.top, self.parameters = top, dict[str, object]()
        self.db = folder / "thermal.yaml"
        self._stack = ExitStack()
        self._start = start
        self.ioc: IocProcess
        self.ca: CaClient

    def _watch(self, name: str, supply: DpsSupply) -> None:
        write = supply.write_registers

        def noted(address: int, values: Sequence[int]) -> None:
            self.writes.append((name, address, tuple(values)))
            write(address, values)

        supply.write_registers = noted  # type: ignore[method-assign]

    @staticmethod
    def run_at(supply: DpsSupply, amps: float) -> None:
        """As a controller has left it: 16 V, this current, output on."""
        supply.turn_knob(volts=16.0, amps=amps)
        supply.press_output()

    def _sensors(self, root: Path) -> None:
        self.tree = Tree(root)
        self.cold, self.hot = SimMax31865Iio(self.tree, 0), SimDs18b20(self.tree, HOT)
        self.ambient = SimDs18b20(self.tree, AMBIENT)
        self.chamber.cold.append(Thermometer("cold", self.cold.update, 0.0, 0.01))
        self.chamber.hot.append(Thermometer("hot", self._feel, 1.0, 0.01))
        self.chamber.ambient.append(Thermometer("ambient", self.ambient.update, 0.0, 0.01))

    def _feel(self, celsius: float) -> None:
        """What the sensor of the hot side measures, whether or not its fault lets anybody see it."""
        self.felt_c = celsius
        self.hot.update(celsius)

    def _servers(self, shared: bool) -> list[ModbusLine]:
        units = dict(enumerate(self.chamber.supplies, 1))
        baudrate, latency_s = self.wire.baudrate, self.wire.latency_s
        if shared:
            return [self._server(units, baudrate, latency_s)]
        return [self._server({number: unit}, baudrate, latency_s) for number, unit in units.items()]

    def __enter__(self) -> "Bench":
        self.chamber.start()
        self._stack.callback(self.chamber.stop)
        for line in self.lines:
            self._stack.enter_context(line)
        self.connect()
        self._stack.callback(lambda: self.ca.close())
        self._stack.callback(lambda: self.ioc.__exit__(None, None, None))
        self.start_ioc()
        if self._start:
            self.wait_state(State.OFF)
            self.put("Start", 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def connect(self) -> None:
        self.ca = CaClient(self.env)

    def start_ioc(self) -> None:
        self.ioc = self.spawn().__enter__()

    def start_anew(self) -> None:
        """Starts an IOC again, and looks at it with a fresh client."""
        self.ca.close()
        self.connect()
        self.start_ioc()

    def spawn(self) -> IocProcess:
        urls = [line.url for line in self.lines]
        self.db.write_text(configuration(urls, self.wire, self.tree.root, self.parameters, self.top))
        options = ("--db", str(self.db), "--prefix", self.prefix, "--interfaces", LOOPBACK)
        state = ("--state", str(self.folder))
        return IocProcess("thermal", *options, *state, log=self.folder / "ioc.log", env=self.env)

    # -- what the test does to it --------------------------------------------------------------

    def supply(self, name: str) -> DpsSupply:
        return self.chamber.supplies[SUPPLIES.index(name)]

    def amps(self) -> list[float]:
        """What the supplies themselves are set to; 0 where the output is off."""
        return [supply.set_amps if supply.output else 0.0 for supply in self.chamber.supplies]

    def moves(self) -> list[tuple[str, int, tuple[int, ...]]]:
        """Writes so far that moved something, or could have."""
        return [write for write in self.writes if write[1] in OUTPUTS]

    def heat(self, hot_c: float) -> None:
        """The hot side is as warm as that, at once."""
        self.chamber.settle(self.chamber.cold_c, hot_c)

    @contextmanager
    def sudden(self) -> Iterator[None]:
        """A hot side that may jump without being a runaway."""
        self.put("Config:hot_side_rate_fault_c_per_min", 10_000)
        try:
            yield
        finally:
            self.put("Config:hot_side_rate_fault_c_per_min", QUICK["hot_side_rate_fault_c_per_min"])

    @contextmanager
    def sensor_fault(self, sensor: SimDs18b20 | SimMax31865Iio, fault: SensorFault) -> Iterator[None]:
        sensor.fault = fault
        try:
            yield
        finally:
            sensor.fault = SensorFault.OK

    def calm(self, amps: float = 6.0) -> None:
        """All well, both supplies adopted at this current, whatever the test before has done."""
        for line in self.lines:
            line.set_fault(LineFault.OK)
        for supply in self.chamber.supplies:
            supply.restore_power()
        self.chamber.change(fan=True, ambient_c=22.0, wear=(0.0, 0.0))
        at = steady(Design(), self.chamber.conditions, (amps, amps))
        self.chamber.settle(at.cold_c, at.hot_c)
        self.wait(lambda: abs(self.felt_c - at.hot_c) < 1.0, "the hot side's sensor has followed")
        for sensor in (self.cold, self.hot, self.ambient):
            sensor.fault = SensorFault.OK
        self.wait(lambda: abs(self.get("HotPlate") - at.hot_c) < 1.0, "the hot side is seen as it is")
        self.wait(lambda: self.get("PSU1:Comm") == self.get("PSU2:Comm") == 0, "supplies answer")
        self.put("EStop:Reset", 1)
        self.wait(self._stopped, "stopped")
        self.put("Stop", 1)  # completes when both have been seen off
        for supply in self.chamber.supplies:
            self.run_at(supply, amps)
        self.wait(lambda: self.get("PSU1:Output_RBV") and self.get("PSU2:Output_RBV"), "outputs on")
        self.put("Start", 1)
        self.wait_state(State.STEADY_STATE)

    def _stopped(self) -> bool:
        """Off, by what its state asks for; asked again while it is refused."""
        wish = {State.THERMAL_FAULT: "Rearm", State.MANUAL_OVERRIDE: "Resume"}
        state = State(self.get("State"))
        if state is State.OFF:
            return self.amps() == [0.0, 0.0]
        with contextlib.suppress(Refused):
            self.put(wish.get(state, "Stop"), 1)
        return False

    def wait_saved(self, name: str, value: Any) -> None:
        """Until this is on the disk: what a crash cannot take back."""
        file, read = self.folder / "T-TEC.json", json.JSONDecoder().raw_decode  # its end is marked by more
        self.wait(lambda: read(file.read_text())[0]["values"].get(name) == value, f"{name} is saved")

    # -- Channel Access ------------------------------------------------------------------------

    def pv(self, name: str) -> str:
        return self.prefix + name

    @contextmanager
    def watch(self, name: str) -> Iterator[Monitor]:
        """A subscription that sees every change."""
        monitor = self.ca.monitor(self.pv(name))
        try:
            yield monitor
        finally:
            monitor.close()

    def get(self, name: str) -> Any:
        return self.ca.get(self.pv(name))

    def text(self, name: str) -> str:
        return str(self.ca.get(f"{self.pv(name)}.VAL$", as_string=True))

    def severity(self, name: str) -> int:
        return int(self.ca.read(self.pv(name)).severity)

    def put(self, name: str, value: Any, timeout: float = 20.0) -> None:
        """A put-callback. Raises Refused with what Reason says."""
        try:
            self.ca.put(self.pv(name), value, timeout=timeout)
        except Refused as refused:
            raise Refused(f"{refused}: {self.text('Reason')}") from refused

    def refused(self, name: str, value: Any) -> str:
        """A put that must be refused; returns what Reason says about it."""
        try:
            self.put(name, value)
        except Refused:
            return self.text("Reason")
        raise AssertionError(f"the put of {value!r} to {name} was not refused")

    def wait_state(self, *states: State, timeout: float = 20.0) -> None:
        names = "/".join(state.name for state in states)
        try:
            self.wait(lambda: State(self.get("State")) in states, f"state {names}", timeout)
        except AssertionError as late:
            state, why = State(self.get("State")).name, self.text("StateReason")
            raise AssertionError(f"{late}; it is in {state}: {why}") from late

    def wait_severity(self, name: str, severity: int, timeout: float = 15.0) -> None:
        self.wait(lambda: self.severity(name) == severity, f"severity of {name} is {severity}", timeout)

    def wait(self, condition: Callable[[], Any], what: str, timeout: float = 15.0) -> None:
        wait_until(condition, timeout, what)
