"""What a scalar of a configuration file may mean: text, number, flag, word of a list.

Each kind says what it expects, in words, and reads a scalar or raises ValueError. YAML's own guesses
(`on` is true, `010` is eight, `3:5` is 185) are not used. Knows no file and no key.
"""

from __future__ import annotations

import difflib
import enum
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from iocs.common.yamltree import Scalar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
INTEGER = re.compile(r"[-+]?(0|[1-9]\d*)|0[xX][0-9a-fA-F]+")
FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Kind(Protocol[T_co]):
    """A kind of value: what is expected, and what stands in for a value that is missing or wrong."""

    @property
    def wanted(self) -> str: ...

    @property
    def stand_in(self) -> T_co: ...

    def read(self, scalar: Scalar) -> T_co:
        """The value. Raises ValueError, with a hint or empty, for a scalar that is not one."""


@dataclass(frozen=True)
class Text:
    """Text, all of which matches a regular expression."""

    pattern: str
    stand_in = ""

    @property
    def wanted(self) -> str:
        return "text" if self.pattern == ".*" else f"text that matches {self.pattern}"

    def read(self, scalar: Scalar) -> str:
        if not re.fullmatch(self.pattern, scalar.text):
            raise ValueError
        return scalar.text


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`, in `unit`."""

    low: float
    high: float
    unit: str

    @property
    def wanted(self) -> str:
        return "a number" + _range(self.low, self.high, self.unit)

    @property
    def stand_in(self) -> float:
        return min(max(0.0, self.low), self.high)

    def read(self, scalar: Scalar) -> float:
        _check_plain(scalar, NUMBER)
        value = float(scalar.text)
        if not self.low <= value <= self.high or math.isinf(value):
            raise ValueError
        return value


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`, in `unit`; decimal, or hexadecimal as 0x…"""

    low: float
    high: float
    unit: str

    @property
    def wanted(self) -> str:
        return "a whole number" + _range(self.low, self.high, self.unit)

    @property
    def stand_in(self) -> int:
        return int(min(max(0, self.low), self.high))

    def read(self, scalar: Scalar) -> int:
        _check_plain(scalar, INTEGER)
        value = int(scalar.text, 16 if scalar.text[:2] in ("0x", "0X") else 10)
        if not self.low <= value <= self.high:
            raise ValueError
        return value


@dataclass(frozen=True)
class Flag:
    """true or false; yes, no, on and off do as well."""

    wanted = "true or false"
    stand_in = False

    def read(self, scalar: Scalar) -> bool:
        if not scalar.plain or scalar.text.lower() not in FLAGS:
            raise ValueError("quoted, it is text" if scalar.text.lower() in FLAGS else "")
        return FLAGS[scalar.text.lower()]


@dataclass(frozen=True)
class Choice(Generic[T]):
    """One of several words, each with its meaning."""

    words: Mapping[str, T]

    @property
    def wanted(self) -> str:
        return f"one of {', '.join(self.words)}"

    @property
    def stand_in(self) -> T:
        return next(iter(self.words.values()))

    def read(self, scalar: Scalar) -> T:
        if scalar.text not in self.words:
            raise ValueError(suggestion(scalar.text, self.words))
        return self.words[scalar.text]


def words_of(options: Iterable[T] | Mapping[str, T]) -> Mapping[str, T]:
    """Words with their meanings: as given, or each option's own (an enum's text value or lower-case name)."""
    if isinstance(options, Mapping):
        return options
    return {_word(option): option for option in options}


def _word(option: object) -> str:
    if isinstance(option, enum.Enum):
        return option.value if isinstance(option.value, str) else option.name.lower()
    return str(option)


def suggestion(given: str, known: Iterable[str]) -> str:
    """`did you mean …?` with the nearest known word, or nothing."""
    near = difflib.get_close_matches(given, known, n=1)
    return f"did you mean {near[0]}?" if near else ""


def _check_plain(scalar: Scalar, form: re.Pattern[str]) -> None:
    """Raises ValueError unless the scalar has the form of a number and stands without quotes."""
    if not form.fullmatch(scalar.text):
        raise ValueError("a leading zero could mean octal" if re.fullmatch(r"[-+]?0\d+", scalar.text) else "")
    if not scalar.plain:
        raise ValueError("quoted, it is text")


def _range(low: float, high: float, unit: str) -> str:
    """` from 1 to 8 s`, ` of at least 1 s`, ` of at most 8 s` or ` in s`."""
    unit = unit and f" {unit}"
    if math.isfinite(low) and math.isfinite(high):
        return f" from {low:.12g} to {high:.12g}{unit}"
    if math.isfinite(low):
        return f" of at least {low:.12g}{unit}"
    if math.isfinite(high):
        return f" of at most {high:.12g}{unit}"
    return unit and f" in{unit}"
