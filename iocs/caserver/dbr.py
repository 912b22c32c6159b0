"""Channel Access data types: Python values to and from the bytes of a payload.

Pure functions over `struct`; layouts from EPICS base's db_access.h. Knows no record and no socket.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum, IntFlag
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

EPICS_EPOCH = 631152000  # 1990-01-01T00:00:00Z in UNIX seconds
STRING_SIZE = 40
STATE_SIZE = 26
MAX_STATES = 16
UNITS_SIZE = 8


class Native(IntEnum):
    """Field types a value can have on the wire."""

    STRING = 0
    SHORT = 1
    FLOAT = 2
    ENUM = 3
    CHAR = 4
    LONG = 5
    DOUBLE = 6


class Family(IntEnum):
    """What goes in front of the value: dbr_type // 7."""

    PLAIN = 0
    STS = 1
    TIME = 2
    GR = 3
    CTRL = 4


class Mask(IntFlag):
    """Kinds of events (DBE_...)."""

    VALUE = 1
    LOG = 2
    ALARM = 4
    PROPERTY = 8


PUT_ACKT = 35
PUT_ACKS = 36
STSACK_STRING = 37
CLASS_NAME = 38
LAST_TYPE = 38

Value = float | int | str | bytes | NDArray[Any]


class Metadata(NamedTuple):
    """What DBR_GR and DBR_CTRL add. Limits: display hi, lo, HIHI, HIGH, LOW, LOLO, control hi, lo."""

    units: bytes = b""
    precision: int = 0
    limits: tuple[float, ...] = (0.0, 0.0, math.nan, math.nan, math.nan, math.nan, 0.0, 0.0)
    states: tuple[bytes, ...] = ()


_SCALAR = {n: Struct(f">{c}") for n, c in zip(Native, "shfHBid", strict=True) if n}
RANGE = {
    Native.SHORT: (-(2**15), 2**15 - 1),
    Native.ENUM: (0, 2**16 - 1),
    Native.CHAR: (-(2**7), 2**8 - 1),
    Native.LONG: (-(2**31), 2**31 - 1),
}
_DTYPE: dict[Native, np.dtype[Any]] = {
    Native.SHORT: np.dtype(">i2"),
    Native.FLOAT: np.dtype(">f4"),
    Native.ENUM: np.dtype(">u2"),
    Native.CHAR: np.dtype("u1"),
    Native.LONG: np.dtype(">i4"),
    Native.DOUBLE: np.dtype(">f8"),
}
SIZE = {Native.STRING: STRING_SIZE, **{n: d.itemsize for n, d in _DTYPE.items()}}

_STS = [Struct(f) for f in (">hh", ">hh", ">hh", ">hh", ">hhx", ">hh", ">hh4x")]
_TIME = [Struct(f) for f in (">hhII", ">hhII2x", ">hhII", ">hhII2x", ">hhII3x", ">hhII", ">hhII4x")]
_GRAPHIC = {
    Native.SHORT: ">hh8s{n}h",
    Native.FLOAT: ">hhh2x8s{n}f",
    Native.CHAR: ">hh8s{n}Bx",
    Native.LONG: ">hh8s{n}i",
    Native.DOUBLE: ">hhh2x8s{n}d",
}
_STATES = Struct(f">hhh{MAX_STATES * STATE_SIZE}s")
_STSACK = Struct(">hhHH40s")


def head_plain(dbr_type: int, status: int, severity: int, seconds: int, nanoseconds: int) -> bytes:
    """Front of a plain, STS or TIME value."""
    family, native = divmod(dbr_type, 7)
    if family == Family.TIME:
        return _TIME[native].pack(status, severity, seconds, nanoseconds)
    return _STS[native].pack(status, severity) if family else b""


def head_full(dbr_type: int, status: int, severity: int, meta: Metadata) -> bytes:
    """Front of a GR or CTRL value. A string has none but status and severity, as in base."""
    family, native = divmod(dbr_type, 7)
    if native == Native.STRING:
        return _STS[0].pack(status, severity)
    if native == Native.ENUM:
        states = b"".join(s[: STATE_SIZE - 1].ljust(STATE_SIZE, b"\0") for s in meta.states[:MAX_STATES])
        return _STATES.pack(status, severity, min(len(meta.states), MAX_STATES), states)
    count = 8 if family == Family.CTRL else 6
    layout = Struct(_GRAPHIC[Native(native)].format(n=count))
    limits = [_number(x, Native(native)) for x in meta.limits[:count]]
    floating = native in (Native.FLOAT, Native.DOUBLE)
    precision = (meta.precision,) if floating else ()
    return layout.pack(status, severity, *precision, meta.units[: UNITS_SIZE - 1], *limits)


def class_name(record_type: str) -> bytes:
    """DBR_CLASS_NAME."""
    return string_field(record_type)


def stsack(status: int, severity: int, ackt: int, acks: int, text: bytes) -> bytes:
    """DBR_STSACK_STRING."""
    return _STSACK.pack(status, severity, ackt, acks, text[: STRING_SIZE - 1])


def _number(value: float, native: Native) -> float | int:
    if native == Native.FLOAT:
        with np.errstate(over="ignore"):
            return float(np.float32(value))
    if native == Native.DOUBLE:
        return value
    low, high = RANGE[native]
    if isinstance(value, float):
        if math.isnan(value):
            return 0
        value = max(low, min(high, value))
    number = max(low, min(high, int(value)))
    return number & 0xFF if native == Native.CHAR else number


def number_body(value: float | int, native: int, precision: int) -> bytes:
    """One number as any native type; out of range saturates, text honours the precision."""
    if native == Native.DOUBLE:
        return _SCALAR[Native.DOUBLE].pack(value)
    if native == Native.STRING:
        return string_field(number_text(value, precision))
    return _SCALAR[Native(native)].pack(_number(value, Native(native)))


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
    if native == Native.STRING:
        return b"".join(string_field(number_text(v.item(), precision)) for v in values)
    dtype = _DTYPE[Native(native)]
    if dtype.kind == "f" or values.dtype.kind != "f":
        with np.errstate(over="ignore"):
            return values.astype(dtype).tobytes()
    low, high = RANGE[Native(native)]
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
    if native == Native.STRING:
        return string_field(text)
    return number_body(parse_number(text) if text else 0, native, 0)


def blank(dbr_type: int, count: int) -> bytes:
    """What stands for the payload of a read that failed."""
    if dbr_type > LAST_TYPE - 4:
        return bytes(STRING_SIZE)
    full = dbr_type // 7 >= Family.GR
    head = head_full(dbr_type, 0, 0, Metadata()) if full else head_plain(dbr_type, 0, 0, 0, 0)
    return bytes(len(head) + count * SIZE[Native(dbr_type % 7)])


def fit(body: bytes, native: int, have: int, want: int) -> tuple[bytes, int]:
    """Exactly `want` elements: cut, or filled up with zeros. 0 wants what there is."""
    if want in (0, have):
        return body, have
    size = SIZE[Native(native)] * want
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
    if not 0 <= native <= Native.DOUBLE:
        raise ValueError(f"data type {native} cannot be written")
    kind = Native(native)
    size = SIZE[kind] * count
    if kind == Native.STRING and count == 1:
        return decode_text(payload[:STRING_SIZE])
    if as_text and kind == Native.CHAR:
        return bytes(payload[:count])
    if not count or size > len(payload):
        raise ValueError(f"{count} elements announced, {len(payload)} bytes sent")
    if kind == Native.STRING:
        return [decode_text(payload[i : i + STRING_SIZE]) for i in range(0, size, STRING_SIZE)]
    if count == 1:
        value: float | int = _SCALAR[kind].unpack_from(payload)[0]
        return value
    return bytes(payload[:size]) if kind == Native.CHAR else np.frombuffer(payload, _DTYPE[kind], count)


def split_stamp(timestamp: float) -> tuple[int, int]:
    """UNIX seconds to seconds and nanoseconds of the EPICS epoch."""
    seconds, fraction = divmod(timestamp - EPICS_EPOCH, 1.0)
    return max(0, int(seconds)), int(fraction * 1e9)


def state_bytes(states: Sequence[str]) -> tuple[bytes, ...]:
    """State names as bytes."""
    return tuple(encode_text(s) for s in states)
