"""ProPar messages <-> values: the data of a frame, as reads, writes and their answers (manual 9.17.027).

Knows commands, chains, labels and value types; must not know how a frame is delimited.
"""

import math
import operator
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import TypeAlias

from devsup.errors import DeviceError, FramingError, IdentityError
from devsup.propar.frames import MAX_DATA
from devsup.propar.parameters import Kind, Parameter

Value: TypeAlias = int | float | str

TEXT_ENCODING = "latin-1"  # lossless for the binary prefix of the ident string
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
        answer += len(label) + (item.kind.size or 1 + max(1, item.length))
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
    try:
        if not isinstance(value, str) and math.isfinite(value):
            return struct.pack(item.kind.layout, value)
    except OverflowError:
        pass
    raise ValueError(f"{item.name}: {value!r} is not a finite number within +-3.4e38")


def _pack_text(item: Parameter, value: Value) -> bytes:
    most = item.length or MAX_DATA
    try:
        if isinstance(value, str) and "\0" not in value and len(value) <= most:
            text = value.encode(TEXT_ENCODING)
            return bytes((item.length,)) + (text.ljust(most) if item.length else text + b"\0")
    except UnicodeEncodeError:
        pass
    raise ValueError(f"{item.name}: {value!r} is not text of at most {most} Latin-1 characters without NUL")


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
