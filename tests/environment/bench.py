"""A chamber under test: relay board and transmitter on a simulated line, thermometer and photoresistor in a
folder, all of which outlive any IOC; the IOC as a process; a libca client."""

import textwrap
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from devsup.sim.faults import Fault
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.modbus_memory import MemoryUnit
from devsup.sim.relay_board import RelayBoard
from devsup.sim.relays import RelayFault, SimRelays
from devsup.sim.sensor_files import SimAds1115, SimDs18b20
from devsup.sim.sysfs import SensorFault, Tree
from devsup.sim.wire import PtyLine
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK, ca_environment
from tests.support.processes import IocProcess
from tests.support.waiting import wait_until

RELAYS = ("Fan", "Mist", "Light", "Heater")
BOARD, AIR = 1, 3
ADDRESS = "28-00000a1b2c3d"
NO_ALARM, MINOR, MAJOR, INVALID = range(4)
READ, STATE, COMM = 1, 7, 9
COMFORT = {"t": 21.0, "rh": 90.0, "ppm": 600.0, "lux": 0.0}
QUICK = """
    period: 0.1
    sensor_timeout: 2
    fan_minimum: 0
    mist_minimum: 0
    heater_minimum: 0
    light_minimum: 0
    condensation_duration: 0.01
    light_verification_delay: 0.5
    light_verification_repeat: 1
"""

CONFIGURATION = """
lines:
  bus: {{url: {url}, baudrate: 9600, response_timeout: 0.3, command_timeout: 0.3}}
relays:
  backend: modbus
  line: bus
  unit: 1
  lines: {{Fan: 0, Mist: 1, Light: 2, Heater: 3}}
  feedback: {{Fan: 0, Mist: 1, Light: 2, Heater: 3}}
sysfs_root: {root}
sensors:
  thermometer: {{kind: ds18b20, address: {address}, period: 0.1}}
  air:
    kind: modbus
    line: bus
    unit: 3
    period: 0.2
    registers:
      humidity: {{address: 0, scale: 0.1}}
      co2: {{address: 1}}
  photo: {{kind: ads1115, period: 0.1}}
values:
  temperature: {{sensor: thermometer, plausible_step: 100, low: 5, high: 40}}
  humidity: {{sensor: air, plausible_step: 100}}
  co2: {{sensor: air, plausible_step: 10000}}
  light: {{sensor: photo}}
control: {control}
interlocks:
  Glare:
    pv: LightLevel
    condition: at most 5000
    action: all off
    guidance: Close the door.
"""


class Chamber:
    """The hardware, for a test to rule over. What the IOC does to it shows in `relays`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.relays = SimRelays(RELAYS)
        self.board = RelayBoard(self.relays, dict(enumerate(RELAYS)))
        self.air = MemoryUnit(inputs={0: 900, 1: 600})
        self.server = ModbusLine({BOARD: self.board, AIR: self.air}, baudrate=None, latency_s=0.0)
        self.line = PtyLine(self.server, baudrate=None, name="chamber")
        tree = Tree(self.root)
        self.thermometer = SimDs18b20(tree, ADDRESS)
        self.photo = SimAds1115(tree, 0)
        self.values = dict(COMFORT)

    def feel(self, **changes: float) -> None:
        """The air is like this from now on."""
        self.values |= changes
        self.thermometer.update(self.values["t"])
        self.photo.update(self.values["lux"])
        self.air.inputs[0] = round(10 * self.values["rh"])
        self.air.inputs[1] = round(self.values["ppm"])

    def on(self) -> set[str]:
        """Which contacts are really closed."""
        return self.relays.closed()

    def mend(self) -> None:
        """Nothing is broken, and the air is comfortable."""
        self.thermometer.fault = self.photo.fault = SensorFault.OK
        self.relays.faults = dict.fromkeys(RELAYS, RelayFault.OK)
        for unit in (BOARD, AIR):
            self.server.set_fault(unit, Fault.OK)
        self.feel(**COMFORT)


class Bench:
    """A chamber, its IOC and a client. Names of PVs are without the prefix."""

    def __init__(self, folder: Path, control: str = QUICK, more: str = "") -> None:
        self.prefix = "T:ENV:"
        self.env = ca_environment()
        self.folder = folder
        self.state = folder / "state"
        self.chamber = Chamber(folder)
        self.db = folder / "environment.yaml"
        inline = "{" + ", ".join(line.strip() for line in textwrap.dedent(control).strip().splitlines()) + "}"
        text = CONFIGURATION.format(
            url=self.chamber.line.url, root=self.chamber.root, address=ADDRESS, control=inline
        )
        self.db.write_text(text + more)
        self._stack = ExitStack()
        self.ioc: IocProcess
        self.ca: CaClient

    def __enter__(self) -> "Bench":
        with ExitStack() as stack:
            stack.enter_context(self.chamber.line)
            self.chamber.mend()
            self.ca = CaClient(self.env)
            stack.callback(lambda: self.ca.close())
            self.ioc = self.spawn().__enter__()
            stack.callback(lambda: self.ioc.__exit__(None, None, None))
            self.wait_readings()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def spawn(self) -> IocProcess:
        """An IOC on this configuration, not waited for."""
        options = ("--db", str(self.db), "--prefix", self.prefix, "--interfaces", LOOPBACK)
        keeps = ("--state", str(self.state))
        return IocProcess("environment", *options, *keeps, log=self.folder / "ioc.log", env=self.env)

    def start(self) -> None:
        """Starts an IOC and waits for its first readings."""
        self.ioc = self.spawn().__enter__()
        self.wait_readings()

    def start_again(self) -> None:
        """After an end: another IOC, looked at with a fresh client, for one that has lost an IOC searches
        ever more rarely."""
        self.ca.close()
        self.ca = CaClient(self.env)
        self.start()

    def wait_readings(self) -> None:
        for name in ("Temperature", "Humidity", "CO2", "LightLevel"):
            self.wait_value(f"{name}:Quality", 0)

    def calm(self) -> None:
        """All well, whatever the test before has done."""
        self.chamber.mend()
        self.wait_readings()
        self.wait(lambda: abs(self.get("Temperature") - COMFORT["t"]) < 0.1, "the old air is forgotten")
        self.wait_value("Humidity", COMFORT["rh"])
        self.wait_value("RELAYS:Comm", 0)
        self.wait_value("Interlock:NotOK", 0)
        self.put("EStop:Reset", 1)
        self.put("Interlock:Reset", 1)
        self.put("Mode", "AUTOMATIC")
        for name, value in (("Light:Mode", 0), ("Temperature:Min", 18.0), ("Temperature:Max", 24.0)):
            self.put(name, value)
        for relay in RELAYS:
            self.put(f"{relay}:MinimumTime", 0)
            self.put(f"{relay}:DutyLimit", 100)
        self.wait_on(set())

    # -- Channel Access ------------------------------------------------------------------------

    def pv(self, name: str) -> str:
        return self.prefix + name

    def get(self, name: str) -> Any:
        return self.ca.get(self.pv(name))

    def text(self, name: str) -> str:
        """A text, all of it: DBR_STRING would end after 39 characters."""
        return str(self.ca.get(f"{self.pv(name)}.VAL$", as_string=True))

    def alarm(self, name: str) -> tuple[int, int]:
        """Status and severity."""
        reading = self.ca.read(self.pv(name))
        return reading.status, reading.severity

    def put(self, name: str, value: Any, timeout: float = 15.0) -> None:
        """A put-callback. Raises Refused with what Reason says."""
        try:
            self.ca.put(self.pv(name), value, timeout=timeout)
        except Refused as refused:
            raise Refused(f"{refused}: {self.text('Reason')}") from refused

    def refused(self, name: str, value: Any, timeout: float = 15.0) -> str:
        """A put that must be refused, and change nothing; returns what Reason says about it."""
        before = self.get(name)
        try:
            self.put(name, value, timeout)
        except Refused:
            assert self.get(name) == before, f"{name} changed although the put was refused"
            return self.text("Reason")
        raise AssertionError(f"the put of {value!r} to {name} was not refused")

    def wait_value(self, name: str, value: Any, timeout: float = 15.0) -> None:
        self.wait(lambda: self.get(name) == value, f"{name} is {value!r}", timeout)

    def wait_severity(self, name: str, severity: int, timeout: float = 15.0) -> None:
        self.wait(lambda: self.alarm(name)[1] == severity, f"severity of {name} is {severity}", timeout)

    def wait_reason(self, relay: str, words: str, timeout: float = 15.0) -> None:
        self.wait(lambda: words in self.text(f"{relay}:Reason"), f"{relay} because of {words!r}", timeout)

    def wait_on(self, relays: set[str], timeout: float = 15.0) -> None:
        """Until exactly these contacts are closed."""
        self.wait(lambda: self.chamber.on() == relays, f"{relays or 'nothing'} is on", timeout)

    def wait(self, condition: Callable[[], Any], what: str, timeout: float = 15.0) -> None:
        wait_until(condition, timeout, what)
