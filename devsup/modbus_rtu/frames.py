"""Modbus RTU frames in a stream of bytes that may hold noise: where one ends, whether it is whole.

Knows unit, function, size and CRC; must not know what was asked.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsResponse,
    ReadDiscreteInputsResponse,
    WriteMultipleCoilsResponse,
    WriteSingleCoilResponse,
)
from pymodbus.pdu.exceptionresponse import ExceptionResponse
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterResponse,
)

REFUSAL = 0x80  # bit of the function code in an exception
REFUSAL_SIZE: int = ExceptionResponse.rtu_frame_size
CRC_SIZE = 2
LONGEST = 256

EXCEPTION_TEXT: Mapping[int, str] = MappingProxyType({
    0x01: "illegal function", 0x02: "illegal data address", 0x03: "illegal data value",
    0x04: "device failure", 0x05: "acknowledged, still working", 0x06: "device busy",
    0x07: "negative acknowledgement", 0x08: "memory parity error",
    0x0A: "gateway path unavailable", 0x0B: "gateway: target does not answer",
})  # fmt: skip

ANSWERS: Mapping[int, type[ModbusPDU]] = MappingProxyType({
    answer.function_code: answer
    for answer in (
        ReadCoilsResponse,
        ReadDiscreteInputsResponse,
        ReadHoldingRegistersResponse,
        ReadInputRegistersResponse,
        WriteSingleCoilResponse,
        WriteSingleRegisterResponse,
        WriteMultipleCoilsResponse,
        WriteMultipleRegistersResponse,
    )
})  # fmt: skip
_FRAMER = FramerRTU(DecodePDU(False))


def to_wire(message: ModbusPDU) -> bytes:
    """The frame of a message, CRC included."""
    return _FRAMER.buildFrame(message)


def exception_text(code: int) -> str:
    """An exception code in words, also for codes no standard lists."""
    return f"{EXCEPTION_TEXT.get(code, 'unknown exception')} (exception {code})"


def frame_size(data: bytes) -> int:
    """Length of the answer that begins with `data`; 0 if that cannot be told, or is none we know."""
    if len(data) < 2:
        return 0
    if data[1] & REFUSAL:
        return REFUSAL_SIZE if data[1] & ~REFUSAL in ANSWERS else 0
    answer = ANSWERS.get(data[1])
    size = answer.calculateRtuFrameSize(data) if answer is not None else 0
    return size if size <= LONGEST else 0


def is_whole(frame: bytes) -> bool:
    """Does its CRC fit?"""
    body, crc = frame[:-CRC_SIZE], frame[-CRC_SIZE:]
    return len(frame) > CRC_SIZE and FramerRTU.check_CRC(body, int.from_bytes(crc, "big"))


def whole_frames(data: bytes) -> list[bytes]:
    """The answers of anybody that `data` holds among noise, one after the other."""
    found, at = [], 0
    while at < len(data):
        size = frame_size(data[at : at + LONGEST])
        frame = data[at : at + size]
        if size and len(frame) == size and is_whole(frame):
            found.append(frame)
        at += size if found and found[-1] is frame else 1
    return found
