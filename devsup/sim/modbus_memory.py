"""A Modbus unit that only remembers: registers and coils in dictionaries, for transmitters and tests.

Knows addresses; must not know what any of them means.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from devsup.sim.modbus_talk import ILLEGAL_ADDRESS, Refused, Unit

V = TypeVar("V", int, bool)


class MemoryUnit(Unit):
    """What is not in a dictionary has no address. All four are open to whoever simulates."""

    def __init__(
        self,
        holding: Mapping[int, int] | None = None,
        inputs: Mapping[int, int] | None = None,
        coils: Mapping[int, bool] | None = None,
        discrete: Mapping[int, bool] | None = None,
    ) -> None:
        self.holding = dict(holding or {})
        self.inputs = dict(inputs or {})
        self.coils = dict(coils or {})
        self.discrete = dict(discrete or {})

    def read_holding(self, address: int, count: int) -> Sequence[int]:
        return _some(self.holding, address, count)

    def read_input(self, address: int, count: int) -> Sequence[int]:
        return _some(self.inputs, address, count)

    def read_coils(self, address: int, count: int) -> Sequence[bool]:
        return _some(self.coils, address, count)

    def read_discrete_inputs(self, address: int, count: int) -> Sequence[bool]:
        return _some(self.discrete, address, count)

    def write_registers(self, address: int, values: Sequence[int]) -> None:
        _put(self.holding, address, values)

    def write_coils(self, address: int, states: Sequence[bool]) -> None:
        _put(self.coils, address, states)


class CountingUnit(MemoryUnit):
    """Holding register 0 counts the reads that were answered, so that a stale answer can be told."""

    def read_holding(self, address: int, count: int) -> Sequence[int]:
        self.holding[0] = (self.holding[0] + 1) & 0xFFFF
        return super().read_holding(address, count)


def _some(memory: Mapping[int, V], address: int, count: int) -> list[V]:
    try:
        return [memory[place] for place in range(address, address + count)]
    except KeyError:
        raise Refused(ILLEGAL_ADDRESS) from None


def _put(memory: dict[int, V], address: int, values: Sequence[V]) -> None:
    _some(memory, address, len(values))  # all or nothing
    memory.update(enumerate(values, address))
