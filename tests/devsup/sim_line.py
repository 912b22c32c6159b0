"""A simulated line without pty, thread or waiting: its own clock under the real instruments."""

import heapq
import struct
from collections.abc import Callable
from typing import TypeVar, cast

from devsup.bronkhorst import Instrument
from devsup.bronkhorst_talk import VALVE_FULL
from devsup.bronkhorst_values import Reading
from devsup.errors import DeviceError, DeviceFault
from devsup.health import Health, Manners
from devsup.line import Line, LineSettings
from devsup.port import Port, Priority
from devsup.propar import Framing
from devsup.propar_bus import ProparBus
from devsup.sim.faults import Fault
from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import ProparNode
from devsup.sim.wire import Server

T = TypeVar("T")
WAIT_S = 0.1  # how long a reply is waited for, on the line's clock
EXCHANGE_S = 0.02
DRAIN_S = 0.05


class SimLine(Line):
    """Line double on which time passes only by asking and by waiting."""

    def __init__(self, server: Server) -> None:
        super().__init__(LineSettings("simulated"))
        self.server = server
        self.now = 0.0
        self.requests = 0
        self._coming: list[tuple[float, int, bytes]] = []
        self._count = 0
        self._after: list[Callable[[], None]] = []

    def send(self, data: bytes) -> None:
        self.requests += 1
        self.now += EXCHANGE_S
        for sent in self.server.receive(data, self.now):
            self._count += 1
            heapq.heappush(self._coming, (self.now + sent.delay_s, self._count, sent.data))
        while self._after:
            self._after.pop()()

    def once_sent(self, happen: Callable[[], None]) -> None:
        """Do something after the next request has been answered."""
        self._after.append(happen)

    def receive(self, deadline: float) -> bytes:
        """What arrives within WAIT_S; for a flush (deadline 0) what has arrived."""
        limit = self.now + (WAIT_S if deadline else 0.0)
        if self._coming and self._coming[0][0] <= limit:
            at, _, data = heapq.heappop(self._coming)
            self.now = max(self.now, at)
            return data
        self.now = limit
        return b""

    def drain(self, quiet_s: float, limit_s: float) -> float | None:
        """As a real line does, on this clock."""
        last, end = None, self.now + quiet_s
        while self._coming and self._coming[0][0] <= end:
            last, _, _ = heapq.heappop(self._coming)
            end = last + quiet_s
        self.now = max(self.now, end)
        return last

    def let_pass(self, seconds: float) -> None:
        self.now += seconds
        self.flush()


class SimPort:
    """Port double: attempts and drain as the real one, no queue, no back-off."""

    def __init__(self, line: SimLine) -> None:
        self.line = line
        self.settings = line.settings
        self.manners = Manners()
        self.attempts = 0

    def device(self, name: str, manners: Manners | None = None) -> Health:
        return Health(name, manners)

    async def run(
        self,
        work: Callable[[Line, float], T],
        device: Health,
        priority: Priority = Priority.POLL,
        *,
        retries: int | None = None,
        **options: object,
    ) -> T:
        left = device.retries() if retries is None else retries
        while True:
            self.line.flush()
            self.attempts += 1
            try:
                result = work(self.line, 1.0)
            except DeviceError as error:
                device.refused(EXCHANGE_S, self.line.now, str(error))
                raise
            except DeviceFault as error:
                device.attempt_failed(str(error))
                self.line.let_pass(DRAIN_S)
                if not (left and error.recoverable):
                    raise
                left -= 1
            else:
                device.answered(EXCHANGE_S, self.line.now)
                return result


class Bench:
    """Simulated nodes and the instruments that stand for them."""

    def __init__(self, *nodes: ProparNode, framing: Framing = Framing.BINARY, seed: int = 0) -> None:
        self.sim = ProparLine(nodes, seed=seed)
        self.line = SimLine(self.sim)
        self.port = SimPort(self.line)
        self.bus = ProparBus(cast(Port, self.port), framing)
        self.instruments = {
            node.config.address: Instrument(self.bus, node.config.address, f"node {node.config.address}")
            for node in nodes
        }

    def set_fault(self, fault: Fault, probability: float = 1.0, delay_s: float | None = None) -> None:
        for address in self.sim.stations:
            self.sim.set_fault(address, fault, probability, delay_s)

    @property
    def struck(self) -> int:
        return sum(station.faults.struck for station in self.sim.stations.values())


def is_true(reading: Reading, node: ProparNode) -> bool:
    """Is the reading what the node meant in its latest answer?"""
    capacity = node.fluid.capacity
    return (
        reading.flow == single(node.reading * capacity)
        and reading.setpoint == single(node.setpoint * capacity)
        and reading.temperature == single(node.temperature_degc)
        and reading.valve == 100.0 * round(node.drive * VALVE_FULL) / VALVE_FULL
        and (reading.alarm, reading.mode) == (node.alarm_info, node.control_mode)
    )


def single(value: float) -> float:
    """As it comes out of four bytes."""
    return float(struct.unpack(">f", struct.pack(">f", value))[0])
