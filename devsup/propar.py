"""Bronkhorst ProPar: frames <-> bytes and parameters <-> values, as pure functions.

Knows the protocol and its parameters (manuals 9.17.027 RS-232 interface, 9.17.023 multibus
instruments); must not know a port, a clock or the state of an instrument. Longer than most
modules because table, frames and messages are one protocol and are read side by side.

What ProPar cannot detect: it has no checksum. A frame is refused when its stuffing, hex digits
or length do not add up, and a reply when node, sequence, labels, types or sizes are not those
asked for; a flipped bit inside a value passes. Callers must judge plausibility.
"""

import enum
import math
import operator
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import TypeAlias

from devsup.errors import DeviceError, FramingError, IdentityError

Value: TypeAlias = int | float | str

MAX_DATA = 255
MAX_ASCII_DATA = 254  # LEN counts the node as well
ANY_NODE = 0x80  # "this instrument" on a point-to-point link
TEXT_ENCODING = "latin-1"  # lossless for the binary prefix of the ident string
FULL_SCALE = 32000  # raw measure and setpoint at 100 %

STATUS, WRITE, WRITE_QUIET, REQUEST = 0x00, 0x01, 0x02, 0x04
MORE = 0x80  # chain bit of process and parameter bytes

STATUS_TEXT: Mapping[int, str] = MappingProxyType({
    0x00: "ok", 0x01: "process claimed", 0x02: "unknown command", 0x03: "unknown process",
    0x04: "unknown parameter", 0x05: "wrong parameter type", 0x06: "value not allowed",
    0x07: "network not active", 0x08: "time-out of start character", 0x09: "time-out of serial line",
    0x0A: "hardware memory error", 0x0B: "node number error", 0x0C: "communication error",
    0x0D: "read-only", 0x0E: "PC communication error", 0x0F: "no RS-232 connection",
    0x10: "PC out of memory", 0x11: "write-only", 0x12: "system configuration unknown",
    0x13: "no free node address", 0x14: "wrong interface type", 0x15: "serial port error",
    0x16: "error opening port", 0x17: "communication failed", 0x18: "bus master error",
    0x19: "time-out of answer", 0x1A: "no start character", 0x1B: "error in first digit",
    0x1C: "host buffer overflow", 0x1D: "buffer overflow", 0x1E: "no answer found",
    0x1F: "error closing port", 0x20: "synchronisation error", 0x21: "send error",
    0x22: "protocol error", 0x23: "module buffer overflow",
})  # fmt: skip

ERROR_TEXT: Mapping[int, str] = MappingProxyType({
    0x01: "general error", 0x02: "general error", 0x03: "protocol error", 0x04: "protocol or CRC error",
    0x05: "node address rejected", 0x08: "general error", 0x09: "no response from the node",
})  # fmt: skip


class Kind(enum.Enum):
    """Type of a value on the wire: its type bits and its `struct` format."""

    CHAR = (0x00, ">B")
    INT = (0x20, ">H")
    LONG = (0x40, ">I")
    FLOAT = (0x40, ">f")
    STRING = (0x60, "")

    def __init__(self, bits: int, layout: str) -> None:
        self.bits = bits
        self.layout = layout
        self.size = struct.calcsize(layout)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an instrument: its FlowDDE number and its address on the wire.

    `length` is for strings: 0 = zero-terminated, n = n characters padded with blanks.
    `secured` parameters take a write only after INIT_RESET = 64. `maximum` is the largest
    integer the manual allows, where that is less than the type holds.
    """

    name: str
    dde: int
    process: int
    number: int
    kind: Kind
    length: int = 0
    writable: bool = False
    secured: bool = False
    maximum: int | None = None


FMEASURE = Parameter("fMeasure", 205, 33, 0, Kind.FLOAT)
FSETPOINT = Parameter("fSetpoint", 206, 33, 3, Kind.FLOAT, writable=True)
MEASURE = Parameter("measure", 8, 1, 0, Kind.INT)  # see signed_measure()
SETPOINT = Parameter("setpoint", 9, 1, 1, Kind.INT, writable=True, maximum=FULL_SCALE)
SETPOINT_SLOPE = Parameter("setpoint slope", 10, 1, 2, Kind.INT, writable=True, maximum=30000)  # 0.1 s
ANALOG_INPUT = Parameter("analog input", 11, 1, 3, Kind.INT)
CONTROL_MODE = Parameter("control mode", 12, 1, 4, Kind.CHAR, writable=True)
CAPACITY = Parameter("capacity 100 %", 21, 1, 13, Kind.FLOAT, writable=True, secured=True)
SENSOR_TYPE = Parameter("sensor type", 22, 1, 14, Kind.CHAR, writable=True, secured=True)
UNIT_INDEX = Parameter("capacity unit index", 23, 1, 15, Kind.CHAR, writable=True, secured=True)
FLUID_NUMBER = Parameter("fluid number", 24, 1, 16, Kind.CHAR, writable=True, maximum=7)
FLUID_NAME = Parameter("fluid name", 25, 1, 17, Kind.STRING, length=10, writable=True, secured=True)
ALARM_INFO = Parameter("alarm info", 28, 1, 20, Kind.CHAR)
UNIT = Parameter("capacity unit", 129, 1, 31, Kind.STRING, length=7, writable=True, secured=True)
VALVE_OUTPUT = Parameter("valve output", 55, 114, 1, Kind.LONG, writable=True, secured=True, maximum=0xFFFFFF)
IO_STATUS = Parameter("IO status", 86, 114, 11, Kind.CHAR, writable=True, secured=True)
CONTROLLER_SPEED = Parameter("controller speed", 254, 114, 30, Kind.FLOAT, writable=True, secured=True)
DEVICE_TYPE = Parameter("device type", 90, 113, 1, Kind.STRING)
MODEL = Parameter("model number", 91, 113, 2, Kind.STRING)
SERIAL = Parameter("serial number", 92, 113, 3, Kind.STRING)
FIRMWARE = Parameter("firmware version", 105, 113, 5, Kind.STRING)
USER_TAG = Parameter("user tag", 115, 113, 6, Kind.STRING, writable=True)
IDENTIFICATION = Parameter("identification number", 175, 113, 12, Kind.CHAR)
RESET = Parameter("reset", 114, 115, 8, Kind.CHAR, writable=True)  # write-only
VALVE_SAFE_STATE = Parameter("valve safe state", 301, 115, 31, Kind.CHAR, writable=True, secured=True)
COUNTER = Parameter("counter value", 122, 104, 1, Kind.FLOAT, writable=True)
SLAVE_FACTOR = Parameter("slave factor", 139, 33, 1, Kind.FLOAT, writable=True)
MASS_FLOW = Parameter("mass flow", 198, 33, 4, Kind.FLOAT)
TEMPERATURE = Parameter("temperature", 142, 33, 7, Kind.FLOAT)  # degC
PRESSURE = Parameter("pressure", 143, 33, 8, Kind.FLOAT)
DENSITY = Parameter("density", 170, 33, 21, Kind.FLOAT)
CAPACITY_0 = Parameter("capacity 0 %", 183, 33, 22, Kind.FLOAT, writable=True, secured=True)
IDENT = Parameter("ident string", 1, 0, 0, Kind.STRING)  # three prefix bytes, then the serial number
WINK = Parameter("wink", 1, 0, 0, Kind.STRING, writable=True)  # "1".."9" seconds; shares 0/0 with IDENT
NODE_ADDRESS = Parameter("node address", 2, 0, 1, Kind.CHAR)
NEXT_NODE = Parameter("next node address", 4, 0, 3, Kind.CHAR)
INIT_RESET = Parameter("init reset", 7, 0, 10, Kind.CHAR, writable=True)  # 64 unlocks, 82 locks

PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {name: item for name, item in tuple(globals().items()) if isinstance(item, Parameter)}
)
BY_DDE: Mapping[int, Parameter] = MappingProxyType(
    {item.dde: item for item in PARAMETERS.values() if item is not WINK}
)


def signed_measure(raw: int) -> int:
    """Meaning of DDE 8 (`MEASURE`): 0..41942 = 0..131.07 %, 41943..65535 = -73.73..-0.003 %."""
    return raw if raw <= 41942 else raw - 65536


def percent_of_raw(raw: int) -> float:
    """Measure or setpoint as read from the wire, in % of capacity."""
    return signed_measure(raw) * 100.0 / FULL_SCALE


# ---- frames ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """One message to or from a node. `seq` is None in ASCII, which has no sequence number."""

    node: int
    data: bytes
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """The interface refused a message. What the framing does not carry is None."""

    code: int
    node: int | None = None
    seq: int | None = None

    @property
    def text(self) -> str:
        return f"{ERROR_TEXT.get(self.code, 'unknown error')} (error 0x{self.code:02X})"


@dataclass(frozen=True, slots=True)
class Broken:
    """Received bytes that are no frame, and why. One burst of noise may come in several pieces."""

    reason: str
    raw: bytes


Decoded: TypeAlias = Frame | ErrorFrame | Broken


def encode_binary(frame: Frame) -> bytes:
    """Bytes of a frame with start, end and every 0x10 inside doubled. ValueError if it cannot be one."""
    _check_frame(frame, MAX_DATA)
    if frame.seq is None or not 0 <= frame.seq <= 255:
        raise ValueError(f"a binary frame needs a sequence number 0..255, not {frame.seq}")
    body = bytes((frame.seq, frame.node, len(frame.data))) + frame.data
    return b"\x10\x02" + body.replace(b"\x10", b"\x10\x10") + b"\x10\x03"


def encode_ascii(frame: Frame) -> bytes:
    """Bytes of a frame as hex digits; its sequence number is not sent. ValueError if it cannot be one."""
    _check_frame(frame, MAX_ASCII_DATA)
    body = bytes((len(frame.data) + 1, frame.node)) + frame.data
    return b":" + body.hex().upper().encode() + b"\r\n"


def _check_frame(frame: Frame, longest: int) -> None:
    if not 0 <= frame.node <= 255:
        raise ValueError(f"node {frame.node} is not 0..255")
    if not 2 <= len(frame.data) <= longest:  # one byte of data would be an error frame
        raise ValueError(f"a frame carries 2..{longest} bytes of data, not {len(frame.data)}")


class _Decoder:
    """Finds frames in a stream of bytes; looks for the next start inside whatever proves to be no frame.

    A frame is lost only where damage and frame together happen to be well-formed.
    """

    _start: bytes
    _body: re.Pattern[bytes]  # everything between start and end
    _end: bytes
    _longest: int  # body of the longest frame, as received

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def pending(self) -> bytes:
        """Bytes of an unfinished frame."""
        return self._buffer

    def clear(self) -> None:
        """Forget an unfinished frame, as after a flush of the line."""
        self._buffer = b""

    def feed(self, chunk: bytes) -> list[Decoded]:
        """Everything that `chunk` completes, in order. Never raises; keeps what may still become a frame."""
        self._buffer += chunk
        found: list[Decoded] = []
        while (item := self._take()) is not None:
            found.append(item)
        return found

    def _take(self) -> Decoded | None:
        at = self._buffer.find(self._start)
        if at < 0:
            return self._drop("noise", len(self._buffer) - self._held())
        if at > 0:
            return self._drop("noise", at)
        return self._take_frame()

    def _take_frame(self) -> Decoded | None:
        begin = len(self._start)
        match = self._body.match(self._buffer, begin)
        stop = match.end() if match else begin
        rest = self._buffer[stop : stop + len(self._end)]
        if rest == self._end:
            return self._finish(self._buffer[begin:stop], stop + len(self._end))
        if stop - begin > self._longest:
            return self._abandon("longer than a frame can be", stop)
        if self._end.startswith(rest):
            return None  # wait for more
        return self._abandon("impossible byte in a frame", stop + 1)

    def _finish(self, body: bytes, end: int) -> Decoded | None:
        item = self._parse(body)
        if isinstance(item, str):
            return self._abandon(item, end)
        self._buffer = self._buffer[end:]
        return item

    def _abandon(self, reason: str, end: int) -> Decoded | None:
        inner = self._buffer.find(self._start, 1, end + 1)
        return self._drop(reason, inner if inner > 0 else end)

    def _drop(self, reason: str, count: int) -> Decoded | None:
        raw, self._buffer = self._buffer[:count], self._buffer[count:]
        return Broken(reason, raw) if raw else None

    def _held(self) -> int:
        """Bytes at the end of the buffer that may be the first half of a start."""
        return int(len(self._start) > 1 and self._buffer.endswith(self._start[:1]))

    def _parse(self, body: bytes) -> Frame | ErrorFrame | str:
        """The frame, or in words why it is none."""
        raise NotImplementedError


class BinaryDecoder(_Decoder):
    """Decoder of 0x10-framed messages. Takes both forms of the error frame (LEN 0 and LEN 1)."""

    _start, _end = b"\x10\x02", b"\x10\x03"
    _body = re.compile(rb"(?:[^\x10]|\x10\x10)*", re.DOTALL)
    _longest = 2 * (3 + MAX_DATA)

    def _parse(self, body: bytes) -> Frame | ErrorFrame | str:
        plain = body.replace(b"\x10\x10", b"\x10")
        if len(plain) < 4:
            return "too short"
        seq, node, length, data = plain[0], plain[1], plain[2], plain[3:]
        if len(data) == 1 and length <= 1:
            return ErrorFrame(data[0], node, seq)
        if len(data) != length:
            return f"announces {length} bytes of data, holds {len(data)}"
        return Frame(node, data, seq)


class AsciiDecoder(_Decoder):
    """Decoder of hex-digit messages (":" to CR LF); accepts lower case."""

    _start, _end = b":", b"\r\n"
    _body = re.compile(rb"[0-9A-Fa-f]*")
    _longest = 2 * (2 + MAX_ASCII_DATA)

    def _parse(self, body: bytes) -> Frame | ErrorFrame | str:
        if len(body) % 2 or len(body) < 4:
            return "too short or half a byte"
        length, *rest = bytes.fromhex(body.decode())
        if len(rest) != length:
            return f"announces {length} bytes, holds {len(rest)}"
        if len(rest) <= 2:  # code alone as the manual has it, or after a node
            return ErrorFrame(rest[-1], rest[0] if len(rest) == 2 else None)
        return Frame(rest[0], bytes(rest[1:]))


class Framing(enum.Enum):
    """The two dialects of a ProPar line."""

    BINARY = "binary"
    ASCII = "ascii"

    def encode(self, frame: Frame) -> bytes:
        return encode_binary(frame) if self is Framing.BINARY else encode_ascii(frame)

    def decoder(self) -> BinaryDecoder | AsciiDecoder:
        return BinaryDecoder() if self is Framing.BINARY else AsciiDecoder()


# ---- messages: the data of a frame -------------------------------------------------------


def read_request(params: Sequence[Parameter]) -> bytes:
    """Data that asks for `params` in one transaction.

    Labels are the real process and parameter numbers. ValueError if there are none, or if
    request or reply would be longer than 255 bytes (254 in ASCII, which `encode_ascii` checks).
    """
    data = bytearray((REQUEST,))
    answer = 1
    for label, item in _labelled(_by_process(params)):
        data += label + bytes((item.process, item.number | item.kind.bits))
        data += bytes((item.length,)) if item.kind is Kind.STRING else b""
        answer += len(label) + (item.kind.size or item.length + 1)
    return _fitting(bytes(data), max(len(data), answer))


def read_reply(data: bytes, params: Sequence[Parameter]) -> tuple[Value, ...]:
    """Values of `params`, in the order given, from the answer to `read_request(params)`.

    DeviceError if the instrument refused; IdentityError if this is the answer to anything else.
    """
    _expect(data, WRITE_QUIET, "a read")
    values: dict[Parameter, Value] = {}
    at = 1
    for label, item in _labelled(_by_process(params)):
        seen = data[at : at + len(label)]
        if seen != label:
            raise IdentityError(f"{item.name}: label {label.hex(' ')} expected at byte {at}, "
                                f"{seen.hex(' ') or 'nothing'} received")  # fmt: skip
        values[item], at = _unpack(data, at + len(label), item)
    if at != len(data):
        raise IdentityError(f"{len(data) - at} bytes after the last value asked for: {data[at:].hex(' ')}")
    return tuple(values[item] for item in params)


def write_request(pairs: Sequence[tuple[Parameter, Value]], acknowledge: bool = True) -> bytes:
    """Data that writes `pairs`, strictly in the order given (an unlock must precede what it unlocks).

    ValueError names the parameter and its range when a value does not fit.
    """
    data = bytearray((WRITE if acknowledge else WRITE_QUIET,))
    for (label, item), (_, value) in zip(_labelled([p for p, _ in pairs]), pairs, strict=True):
        if not item.writable:
            raise ValueError(f"{item.name} is read-only")
        data += label + _pack(item, value)
    return _fitting(bytes(data), len(data))


def check_ack(data: bytes, sent_length: int) -> None:
    """Accept the status that acknowledges a write of `sent_length` bytes of data, and nothing else.

    DeviceError with the instrument's words; IdentityError if it acknowledges another length or is no status.
    """
    _expect(data, STATUS, "a write")
    if data[2] != sent_length:
        raise IdentityError(f"acknowledges {data[2]} bytes, {sent_length} were sent")


def _expect(data: bytes, command: int, what: str) -> None:
    """Raise unless `data` is a `command`; a status of refusal is a DeviceError whatever was expected."""
    if not data:
        raise FramingError(f"empty answer to {what}")
    if data[0] == STATUS and len(data) != 3:
        raise FramingError(f"status of {len(data)} bytes instead of 3: {data.hex(' ')}")
    if data[0] == STATUS and data[1]:
        text = STATUS_TEXT.get(data[1], "unknown status")
        message = f"instrument refused {what}: {text} (status 0x{data[1]:02X}) at byte {data[2]}"
        raise DeviceError(message, data[1])
    if data[0] != command:
        raise IdentityError(f"answer to {what} begins with command 0x{data[0]:02X}, not 0x{command:02X}")


def _fitting(data: bytes, longest: int) -> bytes:
    if len(data) < 2:
        raise ValueError("no parameters given")
    if longest > MAX_DATA:
        raise ValueError(f"chain needs {longest} bytes of data, a frame holds {MAX_DATA}: split it")
    return data


def _by_process(params: Sequence[Parameter]) -> list[Parameter]:
    """Parameters of one process next to each other, processes in order of first mention."""
    first: dict[int, int] = {}
    for item in params:
        first.setdefault(item.process, len(first))
    return sorted(params, key=lambda item: first[item.process])


def _labelled(params: Sequence[Parameter]) -> Iterator[tuple[bytes, Parameter]]:
    """Each parameter with the index bytes that announce it; they carry the chain bits."""
    left = len(params)
    for process, members in groupby(params, key=lambda item: item.process):
        group = list(members)
        left -= len(group)
        head = bytes((process | (MORE if left else 0),))
        for item in group:
            more = 0 if item is group[-1] else MORE
            yield head + bytes((item.number | item.kind.bits | more,)), item
            head = b""


def _pack(item: Parameter, value: Value) -> bytes:
    if item.kind is Kind.STRING:
        return _pack_text(item, value)
    if item.kind is Kind.FLOAT:
        return _pack_float(item, value)
    top = item.maximum if item.maximum is not None else 256**item.kind.size - 1
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if not 0 <= number <= top:
        raise ValueError(f"{item.name}: {value!r} is not a whole number 0..{top}")
    return struct.pack(item.kind.layout, number)


def _pack_float(item: Parameter, value: Value) -> bytes:
    problem = ValueError(f"{item.name}: {value!r} is not a finite number within +-3.4e38")
    if isinstance(value, str) or not math.isfinite(value):
        raise problem
    try:
        return struct.pack(item.kind.layout, value)
    except OverflowError:
        raise problem from None


def _pack_text(item: Parameter, value: Value) -> bytes:
    problem = ValueError(f"{item.name}: {value!r} is not text of at most {item.length or 'any number of'} "
                         "Latin-1 characters without NUL")  # fmt: skip
    if not isinstance(value, str) or "\0" in value or 0 < item.length < len(value):
        raise problem
    try:
        text = value.encode(TEXT_ENCODING)
    except UnicodeEncodeError:
        raise problem from None
    return bytes((item.length,)) + (text.ljust(item.length) if item.length else text + b"\0")


def _unpack(data: bytes, at: int, item: Parameter) -> tuple[Value, int]:
    """The value that starts at byte `at`, and where the next one starts."""
    if item.kind is Kind.STRING:
        return _unpack_text(data, at, item)
    end = at + item.kind.size
    if end > len(data):
        raise IdentityError(f"{item.name}: {item.kind.size} bytes needed at byte {at}, {len(data) - at} left")
    value: Value = struct.unpack(item.kind.layout, data[at:end])[0]
    return value, end


def _unpack_text(data: bytes, at: int, item: Parameter) -> tuple[str, int]:
    """Fixed text comes padded with blanks, other text ends at NUL; the padding is not part of the value."""
    length = data[at] if at < len(data) else 0
    end = at + 1 + length if length else data.find(b"\0", at + 1)
    if not at < end <= len(data) or 0 < item.length < length:
        raise IdentityError(f"{item.name}: no text of {item.length or 'any number of'} bytes at byte {at}")
    text = data[at + 1 : end].decode(TEXT_ENCODING)
    return text.rstrip(" \0"), end if length else end + 1
