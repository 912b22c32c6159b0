"""Channel Access data as libca hands it over: bytes in this machine's order to plain values, and back.

Layouts from db_access.h of EPICS base. Deliberately apart from iocs.caserver: one server's mistake must
not hide in the judge.
"""

import struct
from collections.abc import Sequence
from typing import Any

NATIVES = ("STRING", "SHORT", "FLOAT", "ENUM", "CHAR", "LONG", "DOUBLE")
FAMILIES = ("", "STS_", "TIME_", "GR_", "CTRL_")
TYPES = {family + native: f * 7 + n for f, family in enumerate(FAMILIES) for n, native in enumerate(NATIVES)}
TYPES |= {"PUT_ACKT": 35, "PUT_ACKS": 36, "STSACK_STRING": 37, "CLASS_NAME": 38}
NAMES = {number: name for name, number in TYPES.items()}
READABLE = [name for name in TYPES if not name.startswith("PUT_")]
LIMITS = (
    "upper_disp", "lower_disp", "upper_alarm", "upper_warning", "lower_warning", "lower_alarm",
    "upper_ctrl", "lower_ctrl",
)  # fmt: skip
MASKS = {"V": 1, "L": 2, "A": 4, "P": 8}

_ITEM = {"SHORT": "h", "FLOAT": "f", "ENUM": "H", "CHAR": "B", "LONG": "i", "DOUBLE": "d"}
_STS_PAD = {"CHAR": 1, "DOUBLE": 4}
_TIME_PAD = {"SHORT": 2, "ENUM": 2, "CHAR": 3, "DOUBLE": 4}

Answer = dict[str, Any]


def decode(kind: str, count: int, data: bytes) -> Answer:
    """All members of a DBR structure by name."""
    if kind == "CLASS_NAME":
        return {"value": _text(data[:40])}
    if kind == "STSACK_STRING":
        numbers = struct.unpack_from("=hhHH", data)
        return {
            **dict(zip(("status", "severity", "ackt", "acks"), numbers, strict=True)),
            "value": _text(data[8:48]),
        }
    family, _, native = kind.rpartition("_")
    answer, offset = _HEADS[family](native, data)
    return {**answer, "value": _values(native, count, data[offset:])}


def encode(kind: str, value: Any) -> tuple[int, bytes]:
    """Number of elements and bytes of a value to be put."""
    values = list(value) if isinstance(value, list | tuple | bytes) else [value]
    if kind == "STRING":
        return len(values), b"".join(str(v).encode("latin-1")[:39].ljust(40, b"\0") for v in values)
    if kind in ("PUT_ACKT", "PUT_ACKS"):
        kind = "ENUM"
    return len(values), struct.pack(f"={len(values)}{_ITEM[kind]}", *values)


def _plain(native: str, data: bytes) -> tuple[Answer, int]:
    return {}, 0


def _sts(native: str, data: bytes) -> tuple[Answer, int]:
    status, severity = struct.unpack_from("=hh", data)
    return {"status": status, "severity": severity}, 4 + _STS_PAD.get(native, 0)


def _time(native: str, data: bytes) -> tuple[Answer, int]:
    status, severity, seconds, nanoseconds = struct.unpack_from("=hhII", data)
    stamp = (seconds, nanoseconds)
    return {"status": status, "severity": severity, "stamp": stamp}, 12 + _TIME_PAD.get(native, 0)


def _full(native: str, data: bytes, limits: int) -> tuple[Answer, int]:
    if native == "STRING":
        return _sts(native, data)
    answer, _ = _sts(native, data)
    if native == "ENUM":
        (states,) = struct.unpack_from("=h", data, 4)
        return {
            **answer,
            "states": [_text(data[6 + 26 * i : 32 + 26 * i]) for i in range(states)],
        }, 6 + 16 * 26
    offset = 4
    if native in ("FLOAT", "DOUBLE"):
        (answer["precision"],) = struct.unpack_from("=h", data, 4)
        offset = 8
    answer["units"] = _text(data[offset : offset + 8])
    layout = struct.Struct(f"={limits}{_ITEM[native]}{'x' if native == 'CHAR' else ''}")
    numbers = layout.unpack_from(data, offset + 8)
    return {**answer, **dict(zip(LIMITS, numbers, strict=False))}, offset + 8 + layout.size


_HEADS = {
    "": _plain,
    "STS": _sts,
    "TIME": _time,
    "GR": lambda native, data: _full(native, data, 6),
    "CTRL": lambda native, data: _full(native, data, 8),
}


def _values(native: str, count: int, data: bytes) -> Any:
    if native == "STRING":
        texts = [_text(data[i * 40 : i * 40 + 40]) for i in range(count)]
        return texts[0] if count == 1 else texts
    values: Sequence[Any] = struct.unpack_from(f"={count}{_ITEM[native]}", data)
    if native == "CHAR" and count > 1:
        return bytes(values).decode("latin-1")
    return values[0] if count == 1 else list(values)


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("latin-1")


def size(kind: int, count: int) -> int:
    """Bytes of a structure with so many elements."""
    name = NAMES[kind]
    if name in ("CLASS_NAME", "STSACK_STRING"):
        return 48 if name == "STSACK_STRING" else 40
    family, _, native = name.rpartition("_")
    head = _HEADS[family](native, bytes(512))[1]
    return head + count * (40 if native == "STRING" else struct.calcsize("=" + _ITEM[native]))
