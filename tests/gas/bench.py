"""A chamber under test: simulated controllers that belong to the test and outlive any IOC, its gauges served
by EPICS base, the gas IOC as a process, a libca client."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from devsup.sim.alicat_line import AlicatLine
from devsup.sim.alicat_unit import AlicatUnit, UnitConfig
from devsup.sim.faults import Fault
from devsup.sim.wire import PtyLine
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK, ca_environment
from tests.support.processes import IocProcess, Process
from tests.support.waiting import wait_until

UNITS = {"Ar": ("A", 200.0, 1), "O2": ("B", 100.0, 11), "N2": ("C", 150.0, 8)}
NO_ALARM, MINOR, MAJOR, INVALID = range(4)
DATABASE = """
on_shutdown: {on_shutdown}
recipes: {recipes}
run_records: {records}
gas_control:
  reconnect_interval: 0.5
  read_interval: 0.1
  lines: {{bench: {{url: {url}, response_timeout: 0.3, command_timeout: 0.3}}}}
  mfcs:
    Ar: {{unit_id: A, serial_port: {url}, max_flow: 200, settle: 0.3}}
    O2: {{unit_id: B, serial_port: {url}, max_flow: 100, settle: 0.3}}
    N2: {{unit_id: C, serial_port: {url}, max_flow: 150, settle: 0.3}}
inputs: {{chamber_pressure: G:Pressure, door: G:Door, water: G:Water, facility_stop: G:Stop}}
interlocks:
  Door: {{quantity: door, condition: is Closed, action: zero all, guidance: Close it.}}
  Water: {{quantity: water, condition: is OK, action: block increases, latch: false, guidance: Look.}}
  Cold: {{link: "G:Cold", condition: is OK, action: zero Ar, guidance: Look.}}
  Leak: {{link: "G:Leak", condition: is OK, action: zero O2, delay: 1.5, guidance: Look.}}
"""
RECIPE = """
name: Short
description: A short one
steps:
  - {name: Purge, duration: 0.5, flows: {Ar: 50}}
  - {name: Process, duration: 30, flows: {Ar: 40, O2: 10}, tolerance: 5, settle_timeout: 20}
  - {name: Stop, duration: 0.5, flows: {}}
"""


class Bench:
    """Three controllers on one line, the chamber's gauges, the IOC, a client. Names without the prefix."""

    def __init__(self, folder: Path, on_shutdown: str = "safe", ar_unit: str = "SCCM") -> None:
        self.prefix, self.folder = "T:GAS:", folder
        self.env = ca_environment()
        units = [
            AlicatUnit(
                UnitConfig(
                    unit, full_scale=full, gas=gas, tau_s=0.02, seed=ord(unit),
                    flow_unit=ar_unit if name == "Ar" else "SCCM",
                )
            )
            for name, (unit, full, gas) in UNITS.items()
        ]  # fmt: skip
        self.server = AlicatLine(units, latency_s=0.0)
        self.line = PtyLine(self.server, baudrate=None, name="gastest")
        self.recipes = folder / "recipes"
        self.recipes.mkdir()
        (self.recipes / "short.yaml").write_text(textwrap.dedent(RECIPE))
        self.db = folder / "gas.yaml"
        self.db.write_text(
            DATABASE.format(
                url=self.line.url, recipes=self.recipes, records=folder / "runs", on_shutdown=on_shutdown
            )
        )
        self._stack = ExitStack()
        self.ioc: IocProcess
        self.ca: CaClient

    def __enter__(self) -> "Bench":
        self._stack.enter_context(self.line)
        gauges_env = ca_environment()
        self.env["EPICS_CA_ADDR_LIST"] += f" {LOOPBACK}:{gauges_env['EPICS_CAS_SERVER_PORT']}"
        self._stack.enter_context(gauges(self.folder, gauges_env))
        self.ca = CaClient(self.env)
        self._stack.callback(lambda: self.ca.close())
        self._stack.callback(lambda: self.ioc.__exit__(None, None, None))
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def spawn(self) -> IocProcess:
        options = ("--db", str(self.db), "--prefix", self.prefix, "--interfaces", LOOPBACK)
        options += ("--state", str(self.folder / "state"))
        return IocProcess("gas", *options, log=self.folder / "ioc.log", env=self.env)

    def start(self) -> None:
        self.ioc = self.spawn().__enter__()
        self.wait_readings()

    def start_anew(self) -> None:
        """Starts an IOC again, and looks at it with a fresh client."""
        self.ca.close()
        self.connect()
        self.start()

    def connect(self) -> None:
        """A client; an earlier one must have been closed."""
        self.ca = CaClient(self.env)

    def wait_readings(self) -> None:
        for name in UNITS:
            self.wait_severity(f"{name}:Flow", NO_ALARM)
        self.wait_value("Pumped", 1)

    # -- what the test does to it --------------------------------------------------------------

    def unit(self, name: str) -> AlicatUnit:
        return self.server.unit(UNITS[name][0])

    def fault(self, name: str, fault: Fault = Fault.OK) -> None:
        self.server.set_fault(UNITS[name][0], fault)

    @contextmanager
    def dead(self, name: str) -> Iterator[None]:
        """A unit that has died and is known to be lost; it lives again afterwards."""
        self.fault(name, Fault.DEAD)
        try:
            self.wait_value(f"{name}:Comm", 2)
            yield
        finally:
            self.fault(name)
            self.wait_value(f"{name}:Comm", 0)

    def setpoints(self) -> dict[str, float]:
        """What the units themselves have."""
        return {name: round(self.unit(name).setpoint * UNITS[name][1], 2) for name in UNITS}

    def gauge(self, name: str, value: Any) -> None:
        self.ca.put(f"G:{name}", value)

    def calm(self) -> None:
        """All well and at zero, whatever the test before has done."""
        fine = {"Door": "Closed", "Water": "OK", "Stop": "Ready", "Cold": "OK", "Leak": "OK"}
        for name, value in {"Pressure": 1e-4, **fine}.items():
            self.gauge(name, value)
        for name in UNITS:
            self.fault(name)
        for name in UNITS:
            self.wait_severity(f"{name}:Flow", NO_ALARM)
        self.wait_value("Pumped", 1)
        if self.get("Recipe:State") in (2, 3, 4):
            self.put("Recipe:Abort", 1)
        self.put("ZeroAll", 1)
        self.put("EStop:Reset", 1)
        for name in UNITS:
            self.wait(lambda name=name: self.unit(name).mass_flow < 0.2, "no gas flows")
            self.wait(lambda name=name: self.get(f"{name}:Flow") < 0.4, "and that is read")
        self.wait_reset()
        for name, most in {"MaxTotalFlow": 400, "MaxOxygenPercent": 30}.items():
            self.put(name, most)
        self.wait_value("Permit", 1)

    def wait_reset(self) -> None:
        """Interlocks follow their inputs a moment later."""

        def reset() -> bool:
            try:
                self.put("Interlock:Reset", 1)
            except Refused:
                return False
            return True

        self.wait(reset, "interlocks reset")

    # -- Channel Access ------------------------------------------------------------------------

    def pv(self, name: str) -> str:
        return self.prefix + name

    def get(self, name: str) -> Any:
        return self.ca.get(self.pv(name))

    def text(self, name: str) -> str:
        return str(self.ca.get(f"{self.pv(name)}.VAL$", as_string=True))

    def put(self, name: str, value: Any, timeout: float = 15.0) -> None:
        """A put-callback. Raises Refused with what Reason says."""
        try:
            self.ca.put(self.pv(name), value, timeout=timeout)
        except Refused as refused:
            raise Refused(f"{refused}: {self.text('Reason')}") from refused

    def refused(self, name: str, value: Any) -> str:
        """A put that must be refused, and change nothing; returns what Reason says about it."""
        before = self.get(name)
        try:
            self.put(name, value)
        except Refused:
            assert self.get(name) == before, f"{name} changed although the put was refused"
            return self.text("Reason")
        raise AssertionError(f"the put of {value!r} to {name} was not refused")

    def wait(self, condition: Callable[[], Any], what: str, timeout: float = 15.0) -> None:
        wait_until(condition, timeout, what)

    def wait_value(self, name: str, value: Any) -> None:
        self.wait(lambda: self.get(name) == value, f"{name} is {value!r}")

    def wait_severity(self, name: str, severity: int) -> None:
        def reached() -> bool:
            return bool(self.ca.read(self.pv(name)).severity == severity)

        self.wait(reached, f"severity of {name} is {severity}")

    def state(self) -> str:
        """What the IOC has put aside for its next start."""
        return "".join(file.read_text() for file in (self.folder / "state").glob("*") if file.is_file())

    def records(self) -> str:
        """What runs have left behind."""
        return "".join(file.read_text() for file in sorted((self.folder / "runs").glob("*.json")))


@contextmanager
def gauges(folder: Path, env: dict[str, str]) -> Iterator[None]:
    """Pressure, door, water and the facility's stop, served by EPICS base."""
    process = Process([sys.executable, "-m", "tests.gas.gauges"], folder / "gauges.log", env)
    with process:
        process.wait_for("ready")
        yield
