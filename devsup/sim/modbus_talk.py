"""What a simulated Modbus unit answers: functions 1 to 6, 15 and 16 over what the unit is made of.

Knows the data of messages (Modbus application protocol V1.1b3); must not know CRCs, lines, time or
faults.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
COIL_ON, COIL_OFF = 0xFF00, 0x0000
READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16


class Refused(Exception):
    """A unit will not or cannot: `code` is that of the exception it answers."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Unit:
    """A unit on a Modbus line. A simulated instrument overrides what it has, and lists the functions it
    understands. Methods raise Refused."""

    functions: frozenset[int] = frozenset({1, 2, 3, 4, 5, 6, 15, 16})
    most_registers = 125
    most_coils = 2000

    def step(self, dt_s: float) -> None:
        """Let time pass. Called before each request."""

    def hears(self, now: float) -> bool:
        """Does it notice a request to it that ends now? Called once for each."""
        return True

    def disturbs(self, now: float) -> bool:
        """Does it make so much noise that its answer comes out wrong?"""
        return False

    def delay_s(self, now: float) -> float:
        """How much longer than its latency it takes to answer a request that ends now."""
        return 0.0

    def read_coils(self, address: int, count: int) -> Sequence[bool]:
        raise Refused(ILLEGAL_ADDRESS)

    def read_discrete_inputs(self, address: int, count: int) -> Sequence[bool]:
        raise Refused(ILLEGAL_ADDRESS)

    def read_holding(self, address: int, count: int) -> Sequence[int]:
        raise Refused(ILLEGAL_ADDRESS)

    def read_input(self, address: int, count: int) -> Sequence[int]:
        raise Refused(ILLEGAL_ADDRESS)

    def write_coils(self, address: int, states: Sequence[bool]) -> None:
        raise Refused(ILLEGAL_ADDRESS)

    def write_registers(self, address: int, values: Sequence[int]) -> None:
        raise Refused(ILLEGAL_ADDRESS)

    def write_coil_value(self, address: int, value: int) -> None:
        """Function 5. Values other than on and off are the maker's own."""
        if value not in (COIL_ON, COIL_OFF):
            raise Refused(ILLEGAL_VALUE)
        self.write_coils(address, [value == COIL_ON])


def converse(unit: Unit, request: bytes) -> bytes:
    """The answer to function and data of a request."""
    function = request[0]
    try:
        if function not in unit.functions or function not in ANSWERS:
            raise Refused(ILLEGAL_FUNCTION)
        return bytes((function,)) + ANSWERS[function](unit, request[1:])
    except Refused as refusal:
        return bytes((function | 0x80, refusal.code))


def _words(data: bytes) -> tuple[int, int]:
    """Address, and value or count, where they are all there is."""
    if len(data) != 4:
        raise Refused(ILLEGAL_VALUE)
    first, second = struct.unpack(">HH", data)
    return first, second


def _span(data: bytes, most: int) -> tuple[int, int]:
    address, count = _words(data)
    if not 1 <= count <= most:
        raise Refused(ILLEGAL_VALUE)
    if address + count > 0x10000:
        raise Refused(ILLEGAL_ADDRESS)
    return address, count


def _bits_to_bytes(bits: Sequence[bool]) -> bytes:
    packed = sum(bool(bit) << place for place, bit in enumerate(bits))
    return packed.to_bytes((len(bits) + 7) // 8, "little")


def _read_coils(unit: Unit, data: bytes) -> bytes:
    packed = _bits_to_bytes(unit.read_coils(*_span(data, unit.most_coils)))
    return bytes((len(packed),)) + packed


def _read_discrete(unit: Unit, data: bytes) -> bytes:
    packed = _bits_to_bytes(unit.read_discrete_inputs(*_span(data, unit.most_coils)))
    return bytes((len(packed),)) + packed


def _read_holding(unit: Unit, data: bytes) -> bytes:
    values = unit.read_holding(*_span(data, unit.most_registers))
    return bytes((2 * len(values),)) + struct.pack(f">{len(values)}H", *values)


def _read_input(unit: Unit, data: bytes) -> bytes:
    values = unit.read_input(*_span(data, unit.most_registers))
    return bytes((2 * len(values),)) + struct.pack(f">{len(values)}H", *values)


def _write_coil(unit: Unit, data: bytes) -> bytes:
    unit.write_coil_value(*_words(data))
    return data


def _write_register(unit: Unit, data: bytes) -> bytes:
    address, value = _words(data)
    unit.write_registers(address, [value])
    return data


def _write_coils(unit: Unit, data: bytes) -> bytes:
    address, count = _span(data[:4], unit.most_coils)
    if len(data) < 5 or data[4] != (count + 7) // 8 or len(data) != 5 + data[4]:
        raise Refused(ILLEGAL_VALUE)
    packed = int.from_bytes(data[5:], "little")
    unit.write_coils(address, [bool(packed >> place & 1) for place in range(count)])
    return data[:4]


def _write_registers(unit: Unit, data: bytes) -> bytes:
    address, count = _span(data[:4], unit.most_registers)
    if len(data) < 5 or data[4] != 2 * count or len(data) != 5 + data[4]:
        raise Refused(ILLEGAL_VALUE)
    unit.write_registers(address, struct.unpack(f">{count}H", data[5:]))
    return data[:4]


ANSWERS: Mapping[int, Callable[[Unit, bytes], bytes]] = MappingProxyType({
    READ_COILS: _read_coils,
    READ_DISCRETE: _read_discrete,
    READ_HOLDING: _read_holding,
    READ_INPUT: _read_input,
    WRITE_COIL: _write_coil,
    WRITE_REGISTER: _write_register,
    WRITE_COILS: _write_coils,
    WRITE_REGISTERS: _write_registers,
})  # fmt: skip
