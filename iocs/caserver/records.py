"""Records of one number or one text: Analog, Integer and Text.

Each says what it can hold, when a change counts, and how a client's value is taken. Publishing,
alarms and the order of puts are the base class's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from iocs.caserver import dbr, tables
from iocs.caserver.alarms import FINE, Alarm
from iocs.caserver.numeric import Numeric, number_from_client
from iocs.caserver.published import CHANGED
from iocs.caserver.record import Record
from iocs.caserver.served import Slice

N = dbr.Native
SHORT_TEXT = dbr.STRING_SIZE - 1


class Analog(Numeric[float]):
    """ai/ao: a double. Counters beyond 32 bit are Analog with precision 0 (exact up to 2**53)."""

    native = N.DOUBLE
    fields = tables.ANALOG
    record_types = ("ai", "ao")

    def __init__(self, name: str, value: float = 0.0, **options: Any) -> None:
        super().__init__(name, float(value), **options)

    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TypeError(f"{self.name}: {value!r} is not a number")
        return float(value)

    def from_client(self, raw: dbr.Value | list[str]) -> float:
        number = number_from_client(raw)
        if not math.isfinite(number):
            raise ValueError(f"{number} is not a finite number")
        return float(number)


class Integer(Numeric[int]):
    """longin/longout: 32 bit, signed."""

    native = N.LONG
    fields = tables.INTEGER
    record_types = ("longin", "longout")

    def __init__(self, name: str, value: int = 0, **options: Any) -> None:
        super().__init__(name, int(value), **options)

    def convert(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TypeError(f"{self.name}: {value!r} is not a number")
        return self._whole(value)

    def from_client(self, raw: dbr.Value | list[str]) -> int:
        return self._whole(number_from_client(raw))

    def _whole(self, number: Any) -> int:
        if not math.isfinite(number):
            raise ValueError(f"{self.name}: {number} is not a finite number")
        whole = int(number)
        if not -(2**31) <= whole < 2**31:
            raise ValueError(f"{self.name}: {whole} does not fit into 32 bit")
        return whole


class Text(Record[str]):
    """stringin/stringout up to 39 bytes; lsi/lso beyond, whole under `NAME.VAL$` or `NAME.$`."""

    native = N.STRING

    def __init__(self, name: str, value: str = "", *, max_length: int = SHORT_TEXT, **options: Any) -> None:
        self.longest = max_length
        long = max_length > SHORT_TEXT
        self.parts_end_with_nul = not long
        self.fields = tables.LONG_TEXT if long else tables.TEXT
        self.record_types = ("lsi", "lso") if long else ("stringin", "stringout")
        super().__init__(name, value, **options)
        self._posted = value

    @property
    def text_capacity(self) -> int:
        return self.longest + 1

    def convert(self, value: Any) -> str:
        """Text from our own code is cut to fit, between characters."""
        if not isinstance(value, str):
            raise TypeError(f"{self.name}: {value!r} is not a text")
        return dbr.clip_text(value.replace("\0", ""), self.longest)

    def from_client(self, raw: dbr.Value | list[str]) -> str:
        if isinstance(raw, list):
            raw = raw[0]
        text = dbr.decode_text(raw) if isinstance(raw, bytes) else str(raw)
        if len(dbr.encode_text(text)) > self.longest:
            raise ValueError(f"{len(text)} characters sent, {self.longest} fit")
        return text

    def change_mask(self, new: str) -> int:
        if new == self._posted:
            return 0
        self._posted = new
        return CHANGED

    def judge(self) -> Alarm:
        return FINE

    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        if long and native == N.CHAR:
            size = self.text_capacity
            return dbr.encode_text(self.value).ljust(size, b"\0"), size
        if native == N.ENUM and self.longest <= SHORT_TEXT:
            raise ValueError("a string is not one of several states")
        return dbr.text_body(self.value, native), 1
