"""A flow installation under test: simulated lines that belong to the test and outlive any IOC, the IOC as a
process, a libca client."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from devsup.sim.faults import Fault
from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import Fluid, NodeConfig, ProparNode
from devsup.sim.wire import PtyLine
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK, ca_environment
from tests.support.processes import IocProcess
from tests.support.waiting import wait_until

NODES = {"N2": 3, "Air": 5, "He": 6}
FLUIDS = {
    "N2": (Fluid("N2", 20.0, "ln/min"), Fluid("Air", 10.0, "ln/min"), Fluid("Ar", 500.0, "mln/min")),
    "Air": (Fluid("Air", 10.0, "ln/min"), Fluid("N2", 10.0, "ln/min")),
    "He": (Fluid("He", 500.0, "mln/min"),),
}
QUICK = {"response_timeout": 0.2, "command_timeout": 0.2, "poll_period": 0.05}
"""Line settings with which silence is noticed, and its end as well, in seconds rather than minutes."""
NO_ALARM, MINOR, MAJOR, INVALID = range(4)
READ, HIHI, HIGH, STATE, COMM, UDF = 1, 3, 4, 7, 9, 17
Reads = Callable[[], Any]


def simulated_line(**changes: Any) -> ProparLine:
    """N2, Air and He as in db/flow.yaml, quick and exact."""
    common: dict[str, Any] = {"tau_s": 0.02, "fluid_change_s": 0.2, **changes}
    return ProparLine(
        [
            ProparNode(NodeConfig(address, FLUIDS[name], user_tag=name, **common))
            for name, address in NODES.items()
        ],
        latency_s=0.0,
    )


def configuration(
    url: str, *, line: Mapping[str, object] = QUICK, top: str = "", each: str = "settle: 0.3"
) -> str:
    """db/flow.yaml for a line at `url`."""
    settings = "\n".join(f"    {key}: {value}" for key, value in line.items())
    nodes = "\n".join(
        f"      {name}: {{node: {node}, description: Gas {name}, {each}}}" for name, node in NODES.items()
    )
    return f"{textwrap.dedent(top)}\nlines:\n  bench1:\n    url: {url}\n{settings}\n    instruments:\n{nodes}"


class Bench:
    """One line, its IOC and a client. Names of PVs are without the prefix."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.prefix = "T:FLOW:"
        self.env = ca_environment()
        self.folder = folder
        self.server = simulated_line()
        self.line = PtyLine(self.server, baudrate=None, name="flowtest")
        self.db = folder / "flow.yaml"
        self.configure(**settings)
        self._stack = ExitStack()
        self.ioc: IocProcess
        self.ca: CaClient

    def configure(self, **settings: Any) -> None:
        """Writes the configuration that the next start reads."""
        self.db.write_text(configuration(self.line.url, **settings))

    def __enter__(self) -> "Bench":
        with ExitStack() as started:
            started.enter_context(self.line)
            self.connect()
            started.callback(lambda: self.ca.close())
            self.ioc = self.spawn().__enter__()
            started.callback(lambda: self.ioc.__exit__(None, None, None))
            self.wait_readings()
            self._stack = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def connect(self) -> None:
        """A client; an earlier one must have been closed."""
        self.ca = CaClient(self.env)

    def start_anew(self) -> None:
        """Starts an IOC again, and looks at it with a fresh client: a client that has lost one searches
        ever more rarely."""
        self.ca.close()
        self.connect()
        self.ioc = self.spawn().__enter__()

    def start(self) -> None:
        self.ioc = self.spawn().__enter__()
        self.wait_readings()

    def wait_readings(self) -> None:
        """Until every instrument has been read."""
        for name in NODES:
            self.wait_severity(f"{name}:Flow", NO_ALARM)

    def spawn(self) -> IocProcess:
        """An IOC on this configuration, not waited for."""
        options = ("--db", str(self.db), "--prefix", self.prefix, "--interfaces", LOOPBACK)
        options += ("--state", str(self.folder / "state"))
        return IocProcess("flow", *options, log=self.folder / "ioc.log", env=self.env)

    # -- what the test does to it --------------------------------------------------------------

    def node(self, name: str) -> ProparNode:
        """A simulated instrument, to look into and to tamper with."""
        return self.server.node(NODES[name])

    def fault(self, name: str, fault: Fault = Fault.OK, probability: float = 1.0) -> None:
        self.server.set_fault(NODES[name], fault, probability)

    def revive(self, name: str) -> None:
        """It answers again, and an order lets the IOC ask it at once, not at the end of its back-off."""
        self.fault(name)
        if self.get(f"{name}:Comm") == 2:
            self.ca.put(self.pv(f"{name}:Wink"), 1, wait=False)

    def calm(self) -> None:
        """All well and at zero, whatever the test before has done."""
        for name in NODES:
            self.revive(name)
        for name in NODES:
            self.wait_severity(f"{name}:Flow", NO_ALARM)
        self.put("EStop:Reset", 1)
        for name, node in NODES.items():
            if self.server.node(node).control_mode:
                self.put(f"{name}:ControlMode", 0)
            if self.server.node(node).fluid_index:
                self.put(f"{name}:FluidIndex", 0)
            self.put(f"{name}:Setpoint", 0)

    def setpoints(self) -> list[float]:
        """What the instruments themselves have, in their units."""
        nodes = map(self.node, NODES)
        return [round(node.setpoint * node.fluid.capacity, 3) for node in nodes]

    @contextmanager
    def dead(self, name: str) -> Iterator[None]:
        """An instrument that has died and is known to be lost; it lives again afterwards."""
        self.fault(name, Fault.DEAD)
        try:
            self.wait_value(f"{name}:Comm", 2)
            yield
        finally:
            self.revive(name)

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

    def put(self, name: str, value: Any, timeout: float = 30.0) -> None:
        """A put-callback. Raises Refused with what Reason says."""
        try:
            self.ca.put(self.pv(name), value, timeout=timeout)
        except Refused as refused:
            raise Refused(f"{refused}: {self.text('Reason')}") from refused

    def refused(self, name: str, value: Any, timeout: float = 30.0) -> str:
        """A put that must be refused, and change nothing; returns what Reason says about it."""
        before = self.get(name)
        try:
            self.put(name, value, timeout)
        except Refused:
            assert self.get(name) == before, f"{name} changed although the put was refused"
            return self.text("Reason")
        raise AssertionError(f"the put of {value!r} to {name} was not refused")

    def wait_value(self, name: str, value: Any, timeout: float = 30.0) -> None:
        self.wait(lambda: self.get(name) == value, f"{name} is {value!r}", timeout)

    def wait_near(self, name: str, value: float, within: float = 1e-3, timeout: float = 30.0) -> None:
        self.wait(lambda: abs(self.get(name) - value) <= within, f"{name} is about {value:g}", timeout)

    def wait_severity(self, name: str, severity: int, timeout: float = 30.0) -> None:
        self.wait(lambda: self.alarm(name)[1] == severity, f"severity of {name} is {severity}", timeout)

    def wait(self, condition: Reads, what: str, timeout: float = 30.0) -> None:
        wait_until(condition, timeout, what)
