"""What a simulated ProPar instrument answers: chained reads and writes over its table of parameters.

Knows the data of messages (manual 9.17.027); must not know framing, lines, time or faults.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from devsup.sim.propar_node import ProparNode
from devsup.sim.propar_table import PROCESSES, TABLE, Reading, Refused, Row, Type

OK, COMMAND, PROCESS, PARAMETER, TYPE, BUFFER, PROTOCOL = 0x00, 0x02, 0x03, 0x04, 0x05, 0x1D, 0x22
SEND_STATUS, SEND_WITH_STATUS, SEND, REQUEST = 0x00, 0x01, 0x02, 0x04
CHAINED = 0x80
TYPE_BITS = {Type.CHAR: 0x00, Type.INT: 0x20, Type.LONG: 0x40, Type.FLOAT: 0x40, Type.TEXT: 0x60}
LAYOUT = {Type.CHAR: ">B", Type.INT: ">H", Type.LONG: ">I", Type.FLOAT: ">f"}
LATIN = "latin-1"


class Complaint(Exception):
    """Why a message is refused: status, and the byte of its data that offends."""

    def __init__(self, status: int, position: int) -> None:
        super().__init__(status, position)
        self.status = status
        self.position = position


def converse(node: ProparNode, data: bytes) -> bytes | None:
    """Answer of `node` to the data of a request; None where there is none (write without status)."""
    try:
        match data[0]:
            case 0x04:
                return answer_read(node, data)
            case 0x01:
                obey_write(node, data)
                return bytes((SEND_STATUS, OK, len(data)))
            case 0x02:
                obey_write(node, data)
                return None
            case _:
                return bytes((SEND_STATUS, COMMAND, 0))
    except Complaint as refusal:
        silent = data[0] == SEND
        return None if silent else bytes((SEND_STATUS, refusal.status, min(refusal.position, 255)))


@dataclass(slots=True)
class Cursor:
    """A place in the data of a message; running off its end is a protocol error."""

    data: bytes
    at: int = 1

    def take(self, count: int = 1) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) < count:
            raise Complaint(PROTOCOL, len(self.data))
        self.at += count
        return piece

    def byte(self) -> int:
        return self.take()[0]

    def labels(self) -> Iterator[tuple[bytes, int, int]]:
        """Index bytes of each parameter of a chain: those to echo, process byte, parameter byte."""
        more_processes = True
        while more_processes:
            process = self.byte()
            more_processes, more = bool(process & CHAINED), True
            echo = bytes((process,))
            while more:
                parameter = self.byte()
                more = bool(parameter & CHAINED)
                yield echo + bytes((parameter,)), process, parameter
                echo = b""
        if self.at != len(self.data):
            raise Complaint(PROTOCOL, self.at)


def look_up(process: int, parameter: int, process_at: int, parameter_at: int) -> Row:
    """Row of the table for a process and a parameter byte, type bits included."""
    place = (process & 0x7F, parameter & 0x1F)
    if place[0] not in PROCESSES:
        raise Complaint(PROCESS, process_at)
    if place not in TABLE:
        raise Complaint(PARAMETER, parameter_at)
    row = TABLE[place]
    if TYPE_BITS[row.type] != parameter & 0x60:
        raise Complaint(TYPE, parameter_at)
    return row


# ---- reading -----------------------------------------------------------------------------


def answer_read(node: ProparNode, data: bytes) -> bytes:
    cursor = Cursor(data)
    reply = bytearray((SEND,))
    for echo, _, index in cursor.labels():
        reply += echo + read_one(node, cursor, index)
    if len(reply) > 255:
        raise Complaint(BUFFER, len(data))
    return bytes(reply)


def read_one(node: ProparNode, cursor: Cursor, index: int) -> bytes:
    """Value of the parameter that stands at the cursor, in the type of its index byte."""
    at = cursor.at
    process, parameter = cursor.take(2)
    row = look_up(process, parameter, at, at + 1)
    if (index ^ parameter) & 0x60:
        raise Complaint(TYPE, at + 1)
    length = cursor.byte() if row.type is Type.TEXT else 0
    try:
        return pack(row.type, row.read(node), length)
    except Refused as refusal:
        raise Complaint(refusal.status, at + 1) from None


def pack(type_: Type, value: Reading, length: int) -> bytes:
    if type_ is not Type.TEXT:
        return struct.pack(LAYOUT[type_], value)
    text = str(value).encode(LATIN, "replace")
    return bytes((length,)) + (text[:length].ljust(length) if length else text + b"\0")


# ---- writing -----------------------------------------------------------------------------


def obey_write(node: ProparNode, data: bytes) -> None:
    """Writes take effect one after the other; what precedes an error stays written."""
    cursor = Cursor(data)
    process_at = 1
    for echo, process, parameter in cursor.labels():
        parameter_at = cursor.at - 1
        process_at = parameter_at - 1 if len(echo) == 2 else process_at
        row = look_up(process, parameter, process_at, parameter_at)
        write_one(node, cursor, row, parameter_at)


def write_one(node: ProparNode, cursor: Cursor, row: Row, parameter_at: int) -> None:
    value_at = cursor.at
    try:
        row.check_access(node)
    except Refused as refusal:
        raise Complaint(refusal.status, parameter_at) from None
    value = unpack(row.type, cursor)
    try:
        row.write(node, value)
    except Refused as refusal:
        raise Complaint(refusal.status, value_at) from None


def unpack(type_: Type, cursor: Cursor) -> Reading:
    if type_ is Type.TEXT:
        return unpack_text(cursor)
    layout = LAYOUT[type_]
    value: Reading = struct.unpack(layout, cursor.take(struct.calcsize(layout)))[0]
    return value


def unpack_text(cursor: Cursor) -> str:
    length = cursor.byte()
    if length:
        return cursor.take(length).decode(LATIN).rstrip(" ")
    end = cursor.data.find(b"\0", cursor.at)
    if end < 0:
        raise Complaint(PROTOCOL, len(cursor.data))
    return cursor.take(end + 1 - cursor.at)[:-1].decode(LATIN)
