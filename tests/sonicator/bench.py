"""A sonicator installation under test: a simulated board that belongs to the test and outlives any IOC, the
IOC as a process, a libca client."""

import textwrap
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from devsup.sim.faults import Fault
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.sonicator_board import (
    LAYOUTS,
    Ailment,
    Board,
    BoardConfig,
    BoardUnit,
    SonicatorControl,
    State,
    TransducerConfig,
    Trouble,
)
from devsup.sim.wire import PtyLine
from tests.support.ca import CaClient, Refused
from tests.support.network import LOOPBACK, ca_environment
from tests.support.processes import IocProcess
from tests.support.waiting import wait_until

UNIT, BAUD = 2, 115200
NUMBERS = (1, 2, 3, 4)
WIRED = (3, 4)
NO_ALARM, MINOR, MAJOR, INVALID = range(4)
READ, HIHI, STATE, COMM = 1, 3, 7, 9
Reads = Callable[[], Any]


def simulated_board(layout: str = "documented", wired: tuple[int, ...] = WIRED, **config: Any) -> Board:
    return Board(BoardConfig(LAYOUTS[layout], {number: TransducerConfig() for number in wired}, **config))


def configuration(
    url: str, *, layout: str = "documented", each: str = "", top: str = "", board: str = ""
) -> str:
    """db/sonicator.yaml for a line at `url`: 3 and 4 are enabled."""
    lines = [
        f"  SON{number}: {{number: {number}, amplitude: 60, enabled: {str(number in WIRED).lower()}, {each}}}"
        for number in NUMBERS
    ]
    return (
        f"{textwrap.dedent(top)}\nline: {{url: {url}}}\nboard: {{map: {layout}, {board}}}\nsonicators:\n"
        + "\n".join(lines)
    )


class Bench:
    """One board, its IOC and a client. Names of PVs are without the prefix."""

    def __init__(
        self, folder: Path, *, layout: str = "documented", sim: dict[str, Any] | None = None, **db: Any
    ):
        self.prefix = "T:SON:"
        self.env = ca_environment()
        self.folder = folder
        self.board = simulated_board(layout, **(sim or {}))
        self.server = ModbusLine({UNIT: BoardUnit(self.board)}, None, latency_s=0.0)
        self.line = PtyLine(self.server, baudrate=None, name="sontest")
        self.db = folder / "sonicator.yaml"
        self.db.write_text(configuration(self.line.url, layout=layout, **db))
        self._stack = ExitStack()
        self.ioc: IocProcess
        self.ca: CaClient

    def __enter__(self) -> "Bench":
        with ExitStack() as started:
            started.enter_context(self.line)
            self.ca = CaClient(self.env)
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

    def start(self) -> None:
        self.ioc = self.spawn().__enter__()
        self.wait_readings()

    def wait_readings(self) -> None:
        """Until both sonicators have been read."""
        for number in WIRED:
            self.wait_severity(f"SON{number}:Power", NO_ALARM)

    def start_anew(self) -> None:
        """An IOC again, and a fresh client: one that has lost its server searches ever more rarely."""
        self.ca.close()
        self.ca = CaClient(self.env)
        self.start()

    def spawn(self) -> IocProcess:
        """An IOC on this configuration, not waited for. Its state is kept in the bench's folder."""
        options = ("--db", str(self.db), "--prefix", self.prefix, "--interfaces", LOOPBACK)
        state = ("--state", str(self.folder / "state"))
        return IocProcess("sonicator", *options, *state, log=self.folder / "ioc.log", env=self.env)

    # -- what the test does to it --------------------------------------------------------------

    def unit(self, number: int) -> SonicatorControl:
        """The firmware's side of a sonicator."""
        return self.board.units[number]

    def fault(self, fault: Fault = Fault.OK, probability: float = 1.0) -> None:
        self.server.set_fault(UNIT, fault, probability)

    def calm(self) -> None:
        """All well, idle and at 60 %, whatever the test before has done."""
        self.fault()
        self.board.set_trouble(Trouble.OK)
        for number in self.board.transducers:
            self.board.set_ailment(number, Ailment.OK)
            self.board.set_load(number, 1.0)
        self.wait_value("Comm", 0)
        if self.get("EStop:Active"):
            self.put("EStop:Reset", 1)
        self.settle("Engineering", 0)
        self.settle("GlobalEnable", 1)
        for number in WIRED:
            self.wait_severity(f"SON{number}:Power", NO_ALARM)
            self.settle(f"SON{number}:Enabled", 1)
            self.put(f"SON{number}:Stop", 1)
            self.wait(lambda: self.get(f"SON{number}:State") in (0, 4), "at rest")  # noqa: B023
            if self.get(f"SON{number}:State") == 4:
                self.put(f"SON{number}:OverloadReset", 1)
            self.settle(f"SON{number}:Amplitude", 60)
            if self.board.system.amplitude.percent != 60:
                self.put(f"SON{number}:Amplitude", 60)

    def settle(self, name: str, value: float) -> None:
        """A put, if it changes anything."""
        if self.get(name) != value:
            self.put(name, value)

    def run(self, number: int = 4, amplitude: float = 60) -> None:
        """Started, and power is there."""
        self.wait(lambda: self.get(f"SON{number}:State") in (0, 2), "not on its way")
        unit = self.unit(number)
        self.wait(lambda: unit.active or unit.state is State.IDLE, "nor at the board")
        self.settle(f"SON{number}:Amplitude", amplitude)
        self.put(f"SON{number}:Start", 1)
        self.wait_value(f"SON{number}:State", 2)
        self.wait(lambda: self.get(f"SON{number}:Power") > 5 * amplitude, "power")

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

    def wait_severity(self, name: str, severity: int, timeout: float = 30.0) -> None:
        self.wait(lambda: self.alarm(name)[1] == severity, f"severity of {name} is {severity}", timeout)

    def wait(self, condition: Reads, what: str, timeout: float = 30.0) -> None:
        wait_until(condition, timeout, what)
