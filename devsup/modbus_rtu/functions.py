"""The Modbus functions that instruments here understand, as questions: 1 to 6, 15 and 16.

Knows addresses, counts and values; must not know a line, a clock or what a register means.
Every builder raises ValueError for what does not fit in its function.
"""

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from devsup.modbus_rtu.frames import ANSWERS, CRC_SIZE, to_wire
from devsup.modbus_rtu.request import Request, T

MAX_REGISTERS, MAX_COILS = 125, 2000  # of one read
MAX_REGISTERS_WRITTEN, MAX_COILS_WRITTEN = 123, 1968
COIL_ON, COIL_OFF = 0xFF00, 0x0000
_REPEATED = 6  # unit, function, address, and value or count: what the answer to a write repeats


class _WriteCoilValue(ModbusPDU):
    """Function 5 with any value: pymodbus itself only knows on and off."""

    function_code = 5

    def encode(self) -> bytes:
        return struct.pack(">HH", self.address, self.registers[0])


# -- reading ----------------------------------------------------------------------------------


def read_holding(unit: int, address: int, count: int) -> Request[tuple[int, ...]]:
    """Function 3."""
    return _read_registers(ReadHoldingRegistersRequest, unit, address, count)


def read_input(unit: int, address: int, count: int) -> Request[tuple[int, ...]]:
    """Function 4."""
    return _read_registers(ReadInputRegistersRequest, unit, address, count)


def read_coils(unit: int, address: int, count: int) -> Request[tuple[bool, ...]]:
    """Function 1."""
    return _read_bits(ReadCoilsRequest, unit, address, count)


def read_discrete_inputs(unit: int, address: int, count: int) -> Request[tuple[bool, ...]]:
    """Function 2."""
    return _read_bits(ReadDiscreteInputsRequest, unit, address, count)


@lru_cache(maxsize=256)  # an instrument is asked the same thing over and over
def _read_registers(kind: type[ModbusPDU], unit: int, address: int, count: int) -> Request[tuple[int, ...]]:
    _check(unit, address, count, MAX_REGISTERS)

    def registers(data: bytes) -> tuple[int, ...]:
        return tuple(_decoded(kind, data).registers)

    return _reading(kind(dev_id=unit, address=address, count=count), 2 * count, registers)


@lru_cache(maxsize=256)
def _read_bits(kind: type[ModbusPDU], unit: int, address: int, count: int) -> Request[tuple[bool, ...]]:
    _check(unit, address, count, MAX_COILS)

    def bits(data: bytes) -> tuple[bool, ...]:
        return tuple(_decoded(kind, data).bits[:count])

    return _reading(kind(dev_id=unit, address=address, count=count), (count + 7) // 8, bits)


def _reading(message: ModbusPDU, size: int, read: Callable[[bytes], T]) -> Request[T]:
    head = bytes((message.dev_id, message.function_code, size))
    return Request(to_wire(message), head, len(head) + size + CRC_SIZE, read)


def _decoded(kind: type[ModbusPDU], data: bytes) -> ModbusPDU:
    answer = ANSWERS[kind.function_code]()
    answer.decode(data)
    return answer


# -- writing ----------------------------------------------------------------------------------


def write_register(unit: int, address: int, value: int) -> Request[None]:
    """Function 6; the answer repeats the value."""
    _check(unit, address, 1, 1)
    _check_words([value])
    return _writing(WriteSingleRegisterRequest(dev_id=unit, address=address, registers=[value]))


def write_registers(unit: int, address: int, values: Sequence[int]) -> Request[None]:
    """Function 16; the answer repeats how many."""
    _check(unit, address, len(values), MAX_REGISTERS_WRITTEN)
    _check_words(values)
    return _writing(WriteMultipleRegistersRequest(dev_id=unit, address=address, registers=list(values)))


def write_coil(unit: int, address: int, on: bool) -> Request[None]:
    """Function 5; the answer repeats the state."""
    return write_coil_value(unit, address, COIL_ON if on else COIL_OFF)


def write_coil_value(unit: int, address: int, value: int) -> Request[None]:
    """Function 5 with a value of the maker's own (toggle, flash); the answer repeats it.

    What depends on the state before must not be retried.
    """
    _check(unit, address, 1, 1)
    _check_words([value])
    return _writing(_WriteCoilValue(dev_id=unit, address=address, registers=[value]))


def write_coils(unit: int, address: int, states: Sequence[bool]) -> Request[None]:
    """Function 15; the answer repeats how many."""
    _check(unit, address, len(states), MAX_COILS_WRITTEN)
    return _writing(WriteMultipleCoilsRequest(dev_id=unit, address=address, bits=list(states)))


def _writing(message: ModbusPDU) -> Request[None]:
    frame = to_wire(message)
    return Request(frame, frame[:_REPEATED], _REPEATED + CRC_SIZE, _nothing)


def _nothing(data: bytes) -> None:
    """An acknowledgement brings no value."""


# -- what fits --------------------------------------------------------------------------------


def _check(unit: int, address: int, count: int, most: int) -> None:
    if not 1 <= unit <= 255:
        raise ValueError(f"unit {unit}: expected 1..255")
    if not 1 <= count <= most:
        raise ValueError(f"unit {unit}: {count} at once, expected 1..{most}")
    if not 0 <= address <= 0x10000 - count:
        raise ValueError(f"unit {unit}: address {address:#06x} and {count - 1} more are not within 16 bits")


def _check_words(values: Sequence[int]) -> None:
    for value in values:
        if not 0 <= value <= 0xFFFF:
            raise ValueError(f"value {value}: expected 0..65535")
