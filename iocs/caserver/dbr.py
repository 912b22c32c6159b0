"""Channel Access data types: Python values to and from payloads, in caproto's DBR structures.

Pure functions. What caproto converts otherwise than EPICS base does is done here: PREC in text,
saturation instead of wrapping, DBR_CTRL_STRING, unset limits. Knows no record and no socket.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from enum import IntFlag
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from caproto import DBR_TYPES, ChannelType, TimeStamp
from numpy.typing import NDArray

EPICS_EPOCH = 631152000  # 1990-01-01T00:00:00Z in UNIX seconds
STRING_SIZE = 40
STATE_SIZE = 26
MAX_STATES = 16
UNITS_SIZE = 8

Native = ChannelType
PUT_ACKT, PUT_ACKS = int(ChannelType.PUT_ACKT), int(ChannelType.PUT_ACKS)
STSACK_STRING, CLASS_NAME = int(ChannelType.STSACK_STRING), int(ChannelType.CLASS_NAME)
LAST_TYPE = CLASS_NAME
STRING, CHAR, ENUM = ChannelType.STRING, ChannelType.CHAR, ChannelType.ENUM
STS, TIME, GR = 1, 2, 3
"""What goes in front of the value: dbr_type // 7."""

Value = float | int | str | bytes | NDArray[Any]


class Mask(IntFlag):
    """Kinds of events (DBE_...)."""

    VALUE = 1
    LOG = 2
    ALARM = 4
    PROPERTY = 8


class Metadata(NamedTuple):
    """What DBR_GR and DBR_CTRL add. Limits: display hi, lo, HIHI, HIGH, LOW, LOLO, control hi, lo."""

    units: bytes = b""
    precision: int = 0
    limits: tuple[float, ...] = (0.0, 0.0, math.nan, math.nan, math.nan, math.nan, 0.0, 0.0)
    states: tuple[bytes, ...] = ()


_SCALAR = {n: Struct(f">{c}") for n, c in enumerate("-hfHBid") if n}
RANGE = {
    ChannelType.INT: (-(2**15), 2**15 - 1),
    ChannelType.ENUM: (0, 2**16 - 1),
    ChannelType.CHAR: (-(2**7), 2**8 - 1),
    ChannelType.LONG: (-(2**31), 2**31 - 1),
}
_DTYPE = {n: np.dtype(t) for n, t in enumerate(("S40", ">i2", ">f4", ">u2", "u1", ">i4", ">f8"))}
SIZE = {n: d.itemsize for n, d in _DTYPE.items()}


def head(dbr_type: int, status: int, severity: int, timestamp: float, meta: Metadata | None = None) -> Any:
    """caproto's structure in front of a value, filled; empty bytes for a plain one."""
    family, native = divmod(dbr_type, 7)
    if family == TIME:
        return DBR_TYPES[dbr_type](status, severity, TimeStamp(*split_stamp(timestamp)))
    if family == 0:
        return b""
    if native == STRING:  # caproto has TIME_STRING for CTRL_STRING; base has STS_STRING for both
        return DBR_TYPES[ChannelType.STS_STRING](status, severity)
    struct = DBR_TYPES[dbr_type](status, severity)
    if family >= GR and meta is not None:
        _fill(struct, native, meta)
    return struct


def _fill(struct: Any, native: int, meta: Metadata) -> None:
    if native == ENUM:
        struct.enum_strings = meta.states[:MAX_STATES]
        return
    struct.units = meta.units[: UNITS_SIZE - 1]
    if native in (ChannelType.FLOAT, ChannelType.DOUBLE):
        struct.precision = meta.precision
    for name, limit in zip(struct.graphic_fields + struct.control_fields, meta.limits, strict=True):
        if hasattr(struct, name):
            number = _number(limit, native)
            setattr(struct, name, bytes((int(number),)) if native == CHAR else number)


def class_name(record_type: str) -> bytes:
    """DBR_CLASS_NAME."""
    return string_field(record_type)


def stsack(status: int, severity: int, ackt: int, acks: int, text: bytes) -> bytes:
    """DBR_STSACK_STRING."""
    return bytes(DBR_TYPES[ChannelType.STSACK_STRING](status, severity, ackt, acks, text[: STRING_SIZE - 1]))


def blank(dbr_type: int, count: int) -> bytes:
    """What stands for the payload of a read that failed."""
    if dbr_type >= PUT_ACKT:
        return bytes(STRING_SIZE)
    empty = head(dbr_type, 0, 0, EPICS_EPOCH)
    return bytes((ctypes.sizeof(empty) if dbr_type > 6 else 0) + count * SIZE[dbr_type % 7])


def _number(value: float, native: int) -> float | int:
    if native == ChannelType.FLOAT:
        with np.errstate(over="ignore"):
            return float(np.float32(value))
    if native == ChannelType.DOUBLE:
        return value
    low, high = RANGE[native]
    if isinstance(value, float):
        if math.isnan(value):
            return 0
        value = max(low, min(high, value))
    number = max(low, min(high, int(value)))
    return number & 0xFF if native == CHAR else number


def number_body(value: float | int, native: int, precision: int) -> bytes:
    """One number as any native type; out of range saturates, text honours the precision."""
    if native == ChannelType.DOUBLE:
        return _SCALAR[native].pack(value)
    if native == STRING:
        return string_field(number_text(value, precision))
    return _SCALAR[native].pack(_number(value, native))


def number_text(value: float | int, precision: int) -> str:
    """As base prints a number into a string (cvtDoubleToString)."""
    if isinstance(value, int) or math.isnan(value):
        return str(value)
    precision = max(0, precision)
    if precision > 8 or abs(value) > 1e16:
        digits = min(precision, 17)
        return f"{value:{digits + 7}.{digits}e}" if math.isfinite(value) else str(value)
    return f"{value:.{min(precision, 3)}f}" if abs(value) > 1e7 else _rounded_up(value, precision)


def _rounded_up(value: float, precision: int) -> str:
    """Base's own way: the digit behind the last one decides, and a five goes up."""
    scale = 10**precision
    whole, part = divmod(abs(value), 1.0)
    digits = (int(part * scale * 10) + 5) // 10
    carry, digits = divmod(digits, scale)
    text = f"{int(whole) + carry}.{digits:0{precision}d}" if precision else str(int(whole) + carry)
    return f"-{text}" if value < 0 else text


def array_body(values: NDArray[Any], native: int, precision: int) -> bytes:
    """An array as any native type."""
    if native == STRING:
        return b"".join(string_field(number_text(v.item(), precision)) for v in values)
    dtype = _DTYPE[native]
    if dtype.kind == "f" or values.dtype.kind != "f":
        with np.errstate(over="ignore"):
            return values.astype(dtype).tobytes()
    low, high = RANGE[native]
    clipped: NDArray[Any] = np.clip(np.nan_to_num(values), low, high)
    return clipped.astype(np.int64).astype(dtype).tobytes()


def encode_text(text: str) -> bytes:
    """Text as bytes: UTF-8, and bytes that were never text survive a round trip."""
    return text.encode("utf-8", "surrogateescape")


def decode_text(data: bytes) -> str:
    """Bytes up to the first NUL as text."""
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def clip_text(text: str, size: int) -> str:
    """At most `size` bytes of text, cut between characters."""
    return encode_text(text)[:size].decode("utf-8", "ignore")


def string_field(text: str) -> bytes:
    """A 40-byte string with at least one NUL."""
    return encode_text(text)[: STRING_SIZE - 1].ljust(STRING_SIZE, b"\0")


def text_body(text: str, native: int) -> bytes:
    """A text as any native type. Raises ValueError where the text is not a number."""
    if native == STRING:
        return string_field(text)
    return number_body(parse_number(text) if text else 0, native, 0)


def fit(body: bytes, native: int, have: int, want: int) -> tuple[bytes, int]:
    """Exactly `want` elements: cut, or filled up with zeros. 0 wants what there is."""
    if want in (0, have):
        return body, have
    size = SIZE[native] * want
    return body[:size].ljust(size, b"\0"), want


def parse_number(text: str) -> float:
    """Text to number as base does it: decimal, exponent or 0x. Raises ValueError."""
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return int(text, 16) if text.lower().lstrip("+-").startswith("0x") else float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


def decode(native: int, count: int, payload: bytes, as_text: bool = False) -> Value | list[str]:
    """Values of a put: a scalar for one element, else bytes, a list of strings or an array.

    With `as_text` characters are bytes however few there are. Raises ValueError for an unknown type,
    no elements or a payload that is too short.
    """
    if not 0 <= native <= ChannelType.DOUBLE:
        raise ValueError(f"data type {native} cannot be written")
    size = SIZE[native] * count
    if native == STRING and count == 1:
        return decode_text(payload[:STRING_SIZE])
    if as_text and native == CHAR:
        return bytes(payload[:count])
    if not count or size > len(payload):
        raise ValueError(f"{count} elements announced, {len(payload)} bytes sent")
    if native == STRING:
        return [decode_text(payload[i : i + STRING_SIZE]) for i in range(0, size, STRING_SIZE)]
    if count == 1:
        value: float | int = _SCALAR[native].unpack_from(payload)[0]
        return value
    return bytes(payload[:size]) if native == CHAR else np.frombuffer(payload, _DTYPE[native], count)


def split_stamp(timestamp: float) -> tuple[int, int]:
    """UNIX seconds to seconds and nanoseconds of the EPICS epoch."""
    seconds, fraction = divmod(timestamp - EPICS_EPOCH, 1.0)
    return max(0, int(seconds)), int(fraction * 1e9)


def state_bytes(states: Sequence[str]) -> tuple[bytes, ...]:
    """State names as bytes."""
    return tuple(encode_text(s) for s in states)
