"""What every Modbus instrument has in common: a unit id on a line, and a way to be talked to.

Knows priorities and patience; must not know what a register means.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from devsup.client import Client
from devsup.health import Health, Manners
from devsup.line import Line
from devsup.modbus_bus import ModbusBus
from devsup.port import Priority

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModbusTalk:
    """One unit within one transaction. Methods are those of ModbusBus, and raise the same."""

    bus: ModbusBus
    line: Line
    deadline: float
    unit: int

    def read_holding(self, address: int, count: int = 1) -> tuple[int, ...]:
        return self.bus.read_holding(self.line, self.deadline, self.unit, address, count)

    def read_input(self, address: int, count: int = 1) -> tuple[int, ...]:
        return self.bus.read_input(self.line, self.deadline, self.unit, address, count)

    def read_coils(self, address: int, count: int = 1) -> tuple[bool, ...]:
        return self.bus.read_coils(self.line, self.deadline, self.unit, address, count)

    def read_discrete_inputs(self, address: int, count: int = 1) -> tuple[bool, ...]:
        return self.bus.read_discrete_inputs(self.line, self.deadline, self.unit, address, count)

    def write_register(self, address: int, value: int) -> None:
        self.bus.write_register(self.line, self.deadline, self.unit, address, value)

    def write_registers(self, address: int, values: Sequence[int]) -> None:
        self.bus.write_registers(self.line, self.deadline, self.unit, address, values)

    def write_coil(self, address: int, on: bool) -> None:
        self.bus.write_coil(self.line, self.deadline, self.unit, address, on)

    def write_coil_value(self, address: int, value: int) -> None:
        self.bus.write_coil_value(self.line, self.deadline, self.unit, address, value)

    def write_coils(self, address: int, states: Sequence[bool]) -> None:
        self.bus.write_coils(self.line, self.deadline, self.unit, address, states)

    def give_way(self) -> None:
        """Between two questions: let a more urgent order go first, and begin anew. Raises GaveWay."""
        self.line.give_way()


class ModbusUnit:
    """One unit of a Modbus line. `run` is a coroutine that raises devsup.errors; it never blocks the loop."""

    def __init__(self, bus: ModbusBus, unit: int, name: str, manners: Manners | None = None) -> None:
        if not 1 <= unit <= 255:
            raise ValueError(f"{name}: unit {unit}: expected 1..255")
        self.bus = bus
        self.unit = unit
        self.name = name
        self._client = Client(bus.port, unit, name, manners)

    @property
    def health(self) -> Health:
        return self._client.health

    async def run(
        self,
        work: Callable[[ModbusTalk], T],
        priority: Priority = Priority.POLL,
        *,
        key: str | None = None,
        retries: int | None = None,
    ) -> T:
        """Do `work` as one transaction; `key` and `retries` as of Client."""
        return await self._client.run(self._transaction(work), priority, key=key, retries=retries)

    async def safely(self, work: Callable[[ModbusTalk], T], key: str = "safe") -> T:
        """As `Client.safely`: before everything else."""
        return await self._client.safely(self._transaction(work), key)

    def _transaction(self, work: Callable[[ModbusTalk], T]) -> Callable[[Line, float], T]:
        return lambda line, deadline: work(ModbusTalk(self.bus, line, deadline, self.unit))
