"""Arrays, always sent in full length: Waveform of doubles, Integers, Texts, and Characters (one long text).

Each says what it can hold and how a client's values are taken; the rest is the base class's.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from iocs.caserver import dbr, tables
from iocs.caserver.published import CHANGED
from iocs.caserver.record import Record
from iocs.caserver.served import Slice

N = dbr.Native
T = TypeVar("T")


class Array(Record[T]):
    """waveform: up to `max_length` elements of one type."""

    fields = tables.WAVEFORM
    record_types = ("waveform", "waveform")
    ftvl: str
    """What .FTVL says of the type of the elements."""

    def __init__(
        self,
        name: str,
        max_length: int,
        *,
        units: str = "",
        precision: int = 3,
        display: tuple[float, float] = (0.0, 0.0),
        **options: Any,
    ) -> None:
        self.elements = max_length
        self.used = 0
        self.units = units
        self.precision = precision
        self.lopr, self.hopr = map(float, display)
        super().__init__(name, self.nothing(), **options)
        self._posted: T | None = None

    @abstractmethod
    def nothing(self) -> T:
        """The value before there is one."""

    @abstractmethod
    def count(self, value: T) -> int:
        """How many elements a value has."""

    def same(self, one: T, other: T) -> bool:
        """Whether two values are equal."""
        return bool(one == other)

    def room_for(self, count: int, what: str = "elements") -> None:
        """Raises ValueError if so many do not fit."""
        if count > self.elements:
            raise ValueError(f"{self.name}: {count} {what}, {self.elements} fit")

    def change_mask(self, new: T) -> int:
        self.used = self.count(new)
        if self._posted is not None and self.same(new, self._posted):
            return 0
        self._posted = new
        self.touch_fields("NORD")
        return CHANGED

    def metadata(self) -> dbr.Metadata:
        nan = math.nan
        limits = (self.hopr, self.lopr, nan, nan, nan, nan, self.hopr, self.lopr)
        return dbr.Metadata(dbr.encode_text(self.units), self.precision, limits)

    def setting(self, key: str) -> float:
        """HOPR or LOPR."""
        value: float = getattr(self, key)
        return value

    def reconfigure(
        self,
        *,
        units: str | None = None,
        precision: int | None = None,
        hopr: float | None = None,
        lopr: float | None = None,
    ) -> None:
        """New units, precision or display range, published as properties."""
        self.units = self.units if units is None else units
        self.precision = self.precision if precision is None else precision
        self.hopr = self.hopr if hopr is None else hopr
        self.lopr = self.lopr if lopr is None else lopr
        self.touch("EGU", "PREC", "HOPR", "LOPR")


class Numbers(Array[NDArray[Any]]):
    """Elements that are numbers."""

    def same(self, one: NDArray[Any], other: NDArray[Any]) -> bool:
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")

    def numbers(self, value: Any) -> NDArray[Any]:
        """What our own code or a client gives, as numbers. Raises TypeError or ValueError."""
        array = np.asarray(value)
        if array.dtype.kind not in "iuf" and array.size:
            raise TypeError(f"{self.name}: {array.dtype} are not numbers")
        if array.ndim > 1:
            raise ValueError(f"{self.name}: shape {array.shape} is not a row of elements")
        self.room_for(array.size)
        return array.ravel()

    def from_client(self, raw: dbr.Value | list[str]) -> NDArray[Any]:
        if isinstance(raw, bytes):
            raw = np.frombuffer(raw, np.uint8)
        if isinstance(raw, str | list):
            raw = np.array([dbr.parse_number(t) for t in ([raw] if isinstance(raw, str) else raw)])
        if not np.isfinite(raw).all():
            raise ValueError("all elements must be finite")
        return self.convert(raw)

    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        values = self.padded() if part is None else self.padded()[slice(*part)]
        return dbr.array_body(values, native, self.precision), len(values)

    @abstractmethod
    def padded(self) -> NDArray[Any]:
        """The value in full length."""


class Waveform(Numbers):
    """Doubles. The value has full length: what is not used is NaN."""

    native = N.DOUBLE
    ftvl = "DOUBLE"

    def nothing(self) -> NDArray[np.float64]:
        return np.full(self.elements, math.nan)

    def count(self, value: NDArray[np.float64]) -> int:
        return self.elements - int(np.isnan(value)[::-1].cumprod().sum())

    def convert(self, value: Any) -> NDArray[np.float64]:
        array = self.numbers(value)
        padded = self.nothing()
        padded[: array.size] = array
        return padded

    def padded(self) -> NDArray[np.float64]:
        return self.value


class Integers(Numbers):
    """Whole numbers of 32 bit. The value has the elements that are used; 0 fills up what is sent."""

    native = N.LONG
    ftvl = "LONG"

    def nothing(self) -> NDArray[np.int32]:
        return np.zeros(0, np.int32)

    def count(self, value: NDArray[np.int32]) -> int:
        return value.size

    def convert(self, value: Any) -> NDArray[np.int32]:
        return _within(self.numbers(value), N.LONG, "a whole number of 32 bit").astype(np.int32)

    def padded(self) -> NDArray[np.int32]:
        return np.pad(self.value, (0, self.elements - self.value.size))


class Texts(Array[tuple[str, ...]]):
    """Texts of up to 39 bytes each, cut to fit where our own code gives more; empty ones fill up."""

    native = N.STRING
    ftvl = "STRING"

    def nothing(self) -> tuple[str, ...]:
        return ()

    def count(self, value: tuple[str, ...]) -> int:
        return len(value)

    def convert(self, value: Any) -> tuple[str, ...]:
        if isinstance(value, str) or not all(isinstance(text, str) for text in value):
            raise TypeError(f"{self.name}: {value!r} is not a row of texts")
        self.room_for(len(value), "texts")
        return tuple(dbr.clip_text(text.replace("\0", ""), dbr.STRING_SIZE - 1) for text in value)

    def from_client(self, raw: dbr.Value | list[str]) -> tuple[str, ...]:
        if isinstance(raw, str | list):
            return self.convert([raw] if isinstance(raw, str) else raw)
        numbers = np.atleast_1d(np.frombuffer(raw, np.int8) if isinstance(raw, bytes) else raw)
        return self.convert([f"{number:.15g}" for number in numbers.tolist()])

    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        texts = (*self.value, *[""] * (self.elements - len(self.value)))
        texts = texts if part is None else texts[slice(*part)]
        return b"".join(dbr.text_body(text, native) for text in texts), len(texts)


class Characters(Array[str]):
    """One long text as characters, for clients that know no lsi; `max_length` bytes, NUL fills up."""

    native = N.CHAR
    ftvl = "CHAR"

    def nothing(self) -> str:
        return ""

    def count(self, value: str) -> int:
        return len(dbr.encode_text(value))

    def convert(self, value: Any) -> str:
        """Text from our own code is cut to fit, between characters."""
        if not isinstance(value, str):
            raise TypeError(f"{self.name}: {value!r} is not a text")
        return dbr.clip_text(value.replace("\0", ""), self.elements)

    def from_client(self, raw: dbr.Value | list[str]) -> str:
        if isinstance(raw, list):
            raw = np.array([dbr.parse_number(text) for text in raw])
        if not isinstance(raw, str | bytes):
            codes = _within(np.atleast_1d(raw), N.CHAR, "a character")
            raw = codes.astype(np.int16).astype(np.uint8).tobytes()
        text = raw if isinstance(raw, str) else dbr.decode_text(raw)
        self.room_for(self.count(text), "bytes")
        return text

    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        if native == N.STRING:
            return dbr.string_field(self.value), 1
        characters = np.frombuffer(dbr.encode_text(self.value).ljust(self.elements, b"\0"), np.int8)
        characters = characters if part is None else characters[slice(*part)]
        return dbr.array_body(characters, native, 0), len(characters)


def _within(numbers: NDArray[Any], native: int, what: str) -> NDArray[Any]:
    """The numbers, if a native type holds them all. Raises ValueError."""
    low, high = dbr.RANGE[native]
    if not (np.isfinite(numbers) & (numbers > low - 1) & (numbers < high + 1)).all():
        raise ValueError(f"not every element is {what}")
    return numbers
