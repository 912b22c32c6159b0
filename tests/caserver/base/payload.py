"""A payload as what it means: padding, what follows a string's NUL, and time stamps are left out."""

import ctypes
import math
from typing import Any

import caproto
import numpy as np

from iocs.caserver import dbr

STS_STRING = 7
TIMES = range(14, 21)
ODD = {21: STS_STRING, 28: STS_STRING}
LEFT_OUT = ("stamp", "strs", "RISC_pad", "RISC_pad0", "RISC_pad1", "value")


def meaning(dbr_type: int, count: int, payload: bytes) -> dict[str, Any]:
    """Status, severity, metadata and values of a DBR payload."""
    if dbr_type == dbr.STSACK_STRING:
        status, severity, ackt, acks = (int.from_bytes(payload[i : i + 2], "big") for i in (0, 2, 4, 6))
        text = [cut(payload[8:48])] if count else []
        return {"status": status, "severity": severity, "ackt": ackt, "acks": acks, "values": text}
    if dbr_type == dbr.CLASS_NAME:
        return {"values": [cut(payload)]}
    head = caproto.DBR_TYPES[ODD.get(dbr_type, dbr_type)] if dbr_type > 6 else None
    size = ctypes.sizeof(head) if head else 0
    told = metadata(head.from_buffer(bytearray(payload[:size]))) if head else {}
    return {**told, "values": values(dbr_type % 7, count, payload[size:])}


def metadata(struct: Any) -> dict[str, Any]:
    """Fields of the structure in front of the values."""
    told = {name: plain(getattr(struct, name)) for name, *_ in struct._fields_ if name not in LEFT_OUT}
    if hasattr(struct, "strs"):
        told["states"] = [cut(bytes(s.raw)) for s in struct.strs][: struct.no_str]
    return told


def values(native: int, count: int, body: bytes) -> list[Any]:
    """The values themselves."""
    if native == dbr.Native.STRING:
        return [cut(body[i * 40 : i * 40 + 40]) for i in range(count)]
    dtype = ["", ">i2", ">f4", ">u2", "u1", ">i4", ">f8"][native]
    return [plain(v.item()) for v in np.frombuffer(body, dtype, count)]


def cut(data: bytes) -> str:
    """Text up to its NUL."""
    return data.partition(b"\0")[0].decode("utf-8", "replace")


def plain(value: Any) -> Any:
    """A value that is equal to itself."""
    return "nan" if isinstance(value, float) and math.isnan(value) else value
