"""What an interlock is: a row of data. Input, condition, delay, action, latch, severity, guidance.

Frozen data and the words for it. Knows no PV, no clock and no file; carries no code (nothing is evaluated).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from enum import Enum

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
ORDER = re.compile(rf"(<=|>=|<|>|at most|at least|below|above)\s*({NUMBER})")
RANGE = re.compile(rf"in\s+(?:range\s+)?({NUMBER})\s*(?:to|\.\.)\s*({NUMBER})")
WORD = re.compile(r"(is not|is)\s+(\S.*)")
FORMS = "'at most 5', 'at least 5', 'below 5', 'above 5', '<= 5', 'in 1 to 5', 'is Closed' or 'is not Open'"


class Op(Enum):
    """How an input is compared."""

    AT_MOST = "<="
    AT_LEAST = ">="
    BELOW = "<"
    ABOVE = ">"
    WITHIN = "in"
    IS = "is"
    IS_NOT = "is not"


_IN_WORDS = {"at most": Op.AT_MOST, "at least": Op.AT_LEAST, "below": Op.BELOW, "above": Op.ABOVE}
_UPPER = (Op.AT_MOST, Op.BELOW)
_LOWER = (Op.AT_LEAST, Op.ABOVE)


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold for all to be well. `low` and `high` where it compares numbers, else `word`."""

    op: Op
    low: float = -math.inf
    high: float = math.inf
    word: str = ""

    @property
    def is_numeric(self) -> bool:
        """Compares numbers, and so has limits that may be changed."""
        return self.op not in (Op.IS, Op.IS_NOT)

    @property
    def has_range(self) -> bool:
        """Has two limits."""
        return self.op is Op.WITHIN

    @property
    def limit(self) -> float:
        """The upper limit, or the only one."""
        return self.low if self.op in _LOWER else self.high

    def with_limits(self, limit: float, low: float = -math.inf) -> Condition:
        """The same comparison with other limits: `limit` the upper or only one, `low` that of a range."""
        if self.op in _LOWER:
            return replace(self, low=limit)
        return replace(self, high=limit, low=low if self.has_range else self.low)

    def holds(self, number: float, word: str, margin: float = 0.0) -> bool:
        """Does it hold? `margin` is how far inside its limits a number has to be (hysteresis)."""
        if not self.is_numeric:
            return (_same(self.word, number, word)) is (self.op is Op.IS)
        if self.op is Op.BELOW:
            return number < self.high - margin
        if self.op is Op.ABOVE:
            return number > self.low + margin
        return self.low + margin <= number <= self.high - margin

    def text(self, unit: str = "") -> str:
        """In words: `<= 0.05 Torr`, `in 1 to 5 V`, `is Closed`."""
        if not self.is_numeric:
            return f"{self.op.value} {self.word}"
        numbers = f"{self.low:g} to {self.high:g}" if self.has_range else f"{self.limit:g}"
        return f"{self.op.value} {numbers} {unit}".rstrip()

    def demand(self, unit: str = "") -> str:
        """What is asked of the input: `must be <= 0.05 Torr`, `must not be Open`."""
        if self.op is Op.IS_NOT:
            return f"must not be {self.word}"
        return f"must be {self.word}" if self.op is Op.IS else f"must be {self.text(unit)}"


def _same(wanted: str, number: float, word: str) -> bool:
    """`is 1` means the number as well as the word."""
    if wanted == word:
        return True
    return bool(re.fullmatch(NUMBER, wanted)) and float(wanted) == number


def condition(text: str) -> Condition:
    """A condition as it stands in a file. Raises ValueError, with the forms there are."""
    text = " ".join(text.split())
    if found := ORDER.fullmatch(text):
        op = _IN_WORDS[found[1]] if found[1] in _IN_WORDS else Op(found[1])
        return Condition(op).with_limits(float(found[2]))
    if found := RANGE.fullmatch(text):
        low, high = float(found[1]), float(found[2])
        if low > high:
            raise ValueError(f"{low:g} to {high:g} is upside down")
        return Condition(Op.WITHIN, low, high)
    if found := WORD.fullmatch(text):
        return Condition(Op(found[1]), word=found[2])
    raise ValueError(f"expected {FORMS}")


class Origin(Enum):
    """Where an input comes from."""

    QUANTITY = "quantity"
    """Something the subsystem knows by itself."""
    PV = "pv"
    """A PV of the same IOC, its name without the prefix."""
    LINK = "link"
    """A PV of any other IOC, over Channel Access."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something a subsystem knows by itself and offers as an input."""

    description: str
    unit: str = ""
    precision: int = 3


class Severity(Enum):
    """How grave a trip is."""

    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class Row:
    """One interlock. `condition` is what has to hold; `action` is what the subsystem does when it does not.

    `delay_s`: how long it may fail to hold. `stale_s`: how old a good input may be (infinite: as old as
    it likes while it is connected). `bounds`: how far clients may move the limits. `bypass_max_min`: longest
    bypass in minutes, 0 for an interlock that nobody may bypass. `where`: file and line.
    """

    name: str
    origin: Origin
    source: str
    condition: Condition
    action: Enum
    guidance: str
    description: str = ""
    unit: str = ""
    precision: int = 3
    delay_s: float = 0.0
    stale_s: float = math.inf
    hysteresis: float = 0.0
    latch: bool = True
    severity: Severity = Severity.MAJOR
    bounds: tuple[float, float] = (-math.inf, math.inf)
    bypass_max_min: float = 60.0
    where: tuple[str, int] = ("", 0)

    @property
    def does(self) -> str:
        """What happens, in words: `zero all after 2 s, until Reset`."""
        after = f" after {self.delay_s:g} s" if self.delay_s else ""
        return f"{self.action.value}{after}, {'until Reset' if self.latch else 'while it lasts'}"
