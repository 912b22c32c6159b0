"""A Modbus RTU transmitter by table: which registers hold which quantity, and how.

Knows registers; leaves frames to the bus and the turn to the port. Registers that adjoin are read at once.
"""

import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from devsup.errors import FramingError
from devsup.health import Manners
from devsup.modbus_bus import ModbusBus
from devsup.modbus_unit import ModbusTalk, ModbusUnit
from devsup.port import Priority
from devsup.sensors.feed import Feed
from devsup.sensors.values import Limits, Quantity, Sample


class Kind(Enum):
    """How a number is written: struct's letter; the longer ones take two registers."""

    U16 = "H"
    S16 = "h"
    U32 = "I"
    S32 = "i"
    F32 = "f"

    @property
    def count(self) -> int:
        """Registers it takes."""
        return struct.calcsize(self.value) // 2


@dataclass(frozen=True, slots=True)
class Register:
    """Value = raw x scale + offset. `low_first`: of two registers, the first is the less significant."""

    address: int
    kind: Kind = Kind.U16
    scale: float = 1.0
    offset: float = 0.0
    low_first: bool = False

    @property
    def places(self) -> range:
        """The addresses it takes."""
        return range(self.address, self.address + self.kind.count)

    def value(self, words: Mapping[int, int]) -> float:
        """The value in registers by address. Raises FramingError for what is no number."""
        order = reversed(self.places) if self.low_first else self.places
        data = b"".join(struct.pack(">H", words[place]) for place in order)
        (raw,) = struct.unpack(f">{self.kind.value}", data)
        if raw != raw:
            raise FramingError(f"register {self.address} holds no number")
        return float(raw) * self.scale + self.offset


class Transmitter(Feed):
    """One unit on a Modbus line. `holding`: function 3 instead of 4."""

    def __init__(
        self,
        name: str,
        bus: ModbusBus,
        unit: int,
        registers: Mapping[Quantity, Register],
        *,
        holding: bool = False,
        limits: Mapping[Quantity, Limits] | None = None,
        manners: Manners | None = None,
    ) -> None:
        self._unit = ModbusUnit(bus, unit, name, manners)
        super().__init__(name, tuple(registers), self._unit.health, limits)
        self._registers = dict(registers)
        self._holding = holding
        self._blocks = blocks(place for register in registers.values() for place in register.places)

    async def sample(self) -> Sample:
        words = await self._unit.run(self._read, Priority.POLL)
        at = time.monotonic()
        return Sample(at, {what: register.value(words) for what, register in self._registers.items()})

    def _read(self, talk: ModbusTalk) -> dict[int, int]:
        read = talk.read_holding if self._holding else talk.read_input
        words: dict[int, int] = {}
        for block in self._blocks:
            words.update(zip(block, read(block.start, len(block)), strict=True))
        return words


def blocks(places: Iterable[int]) -> list[range]:
    """Addresses in as few unbroken ranges as there are."""
    found: list[range] = []
    for place in sorted(set(places)):
        if found and found[-1].stop == place:
            found[-1] = range(found[-1].start, place + 1)
        else:
            found.append(range(place, place + 1))
    return found
