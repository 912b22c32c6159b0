"""CALC expressions of access rules: parsed once, then a number for given inputs. Nothing is executed.

The operators, precedences and functions of EPICS base's calc records, but no assignments, no bit
shifts and no random numbers. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

INPUTS = "ABCDEFGHIJKLMNOPQRSTU"
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:E[-+]?\d+)?)|(?P<name>[A-Z][A-Z0-9]*)"
    r"|(?P<sign>\*\*|&&|\|\||<=|>=|!=|==|[-+*/%^&|~!<>=#?:(),]))",
    re.IGNORECASE,
)
CONSTANTS = {"PI": math.pi, "D2R": math.pi / 180.0, "R2D": 180.0 / math.pi}

Numbers = Sequence[float]
Node = Callable[[Numbers], float]


def _word(value: float) -> int:
    """A number as the 32 bit that base's bit operators work on."""
    whole = int(value) if math.isfinite(value) else 0
    return (whole + 2**31) % 2**32 - 2**31


def _divide(a: float, b: float) -> float:
    if b:
        return a / b
    return math.nan if not a or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


def _remainder(a: float, b: float) -> float:
    divisor = _word(b)
    return math.fmod(_word(a), divisor) if divisor else math.nan


def _power(a: float, b: float) -> float:
    try:
        result = a**b
    except (ZeroDivisionError, OverflowError):
        return math.inf
    return result if isinstance(result, float) else math.nan


BINARY: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "|": (1, lambda a, b: float(_word(a) | _word(b))),
    "OR": (1, lambda a, b: float(_word(a) | _word(b))),
    "XOR": (1, lambda a, b: float(_word(a) ^ _word(b))),
    "||": (1, lambda a, b: float(bool(a) or bool(b))),
    "&": (2, lambda a, b: float(_word(a) & _word(b))),
    "AND": (2, lambda a, b: float(_word(a) & _word(b))),
    "&&": (2, lambda a, b: float(bool(a) and bool(b))),
    "<": (3, lambda a, b: float(a < b)),
    "<=": (3, lambda a, b: float(a <= b)),
    ">": (3, lambda a, b: float(a > b)),
    ">=": (3, lambda a, b: float(a >= b)),
    "=": (3, lambda a, b: float(a == b)),
    "==": (3, lambda a, b: float(a == b)),
    "!=": (3, lambda a, b: float(a != b)),
    "#": (3, lambda a, b: float(a != b)),
    "+": (4, lambda a, b: a + b),
    "-": (4, lambda a, b: a - b),
    "*": (5, lambda a, b: a * b),
    "/": (5, _divide),
    "%": (5, _remainder),
    "**": (6, _power),
    "^": (6, _power),
}
PREFIX: dict[str, Callable[[float], float]] = {
    "-": lambda a: -a,
    "!": lambda a: float(not a),
    "~": lambda a: float(~_word(a)),
    "NOT": lambda a: float(~_word(a)),
}
FUNCTIONS: dict[str, tuple[int, int, Callable[..., float]]] = {  # fewest and most arguments
    "ABS": (1, 1, abs),
    "CEIL": (1, 1, lambda a: float(math.ceil(a))),
    "FLOOR": (1, 1, lambda a: float(math.floor(a))),
    "NINT": (1, 1, lambda a: float(_word(a + math.copysign(0.5, a)))),
    "SQRT": (1, 1, lambda a: math.sqrt(a) if a >= 0 else math.nan),
    "SQR": (1, 1, lambda a: math.sqrt(a) if a >= 0 else math.nan),
    "MIN": (1, 99, lambda *all: min(all)),
    "MAX": (1, 99, lambda *all: max(all)),
    "ISNAN": (1, 99, lambda *all: float(any(map(math.isnan, all)))),
    "ISINF": (1, 1, lambda a: float(math.isinf(a))),
    "FINITE": (1, 99, lambda *all: float(all_finite(all))),
}


def all_finite(numbers: Numbers) -> bool:
    return all(map(math.isfinite, numbers))


@dataclass(frozen=True)
class Calc:
    """An expression, the inputs it uses (0 for A), and its value for numbers of all inputs."""

    text: str
    inputs: frozenset[int]
    value: Node

    def holds(self, numbers: Numbers) -> bool:
        """What an access rule asks: is it 1? A value that cannot be computed is none."""
        try:
            return 0.99 < self.value(numbers) < 1.01
        except (ValueError, OverflowError):
            return False


def parse(text: str) -> Calc:
    """An expression. Raises ValueError with words for what is wrong with it."""
    parser = _Parser(text)
    value = parser.choice()
    parser.end()
    return Calc(text, frozenset(parser.inputs), value)


class _Parser:
    """Operators by precedence, all from left to right, as base reads them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self.inputs: set[int] = set()

    def choice(self) -> Node:
        """`condition ? yes : no`, or anything simpler."""
        condition = self._binary(1)
        if not self._take("?"):
            return condition
        yes = self.choice()
        self._expect(":")
        no = self.choice()
        return lambda numbers: yes(numbers) if condition(numbers) else no(numbers)

    def end(self) -> None:
        if self._tokens:
            raise ValueError(f"{self._text!r}: {self._tokens[0]!r} is not expected")

    def _binary(self, lowest: int) -> Node:
        left = self._prefixed()
        while self._tokens and BINARY.get(self._tokens[0], (0,))[0] >= lowest:
            rank, operate = BINARY[self._tokens.pop(0)]
            left = _joined(operate, left, self._binary(rank + 1))
        return left

    def _prefixed(self) -> Node:
        if self._tokens and self._tokens[0] in PREFIX:
            operate = PREFIX[self._tokens.pop(0)]
            operand = self._prefixed()
            return lambda numbers: operate(operand(numbers))
        return self._operand()

    def _operand(self) -> Node:
        if not self._tokens:
            raise ValueError(f"{self._text!r} ends too early")
        token = self._tokens.pop(0)
        if token == "(":
            inside = self.choice()
            self._expect(")")
            return inside
        if token in FUNCTIONS:
            return self._call(token)
        if len(token) == 1 and token in INPUTS:
            index = INPUTS.index(token)
            self.inputs.add(index)
            return lambda numbers: numbers[index]
        constant = CONSTANTS[token] if token in CONSTANTS else _number(token, self._text)
        return lambda numbers: constant

    def _call(self, name: str) -> Node:
        fewest, most, function = FUNCTIONS[name]
        self._expect("(")
        arguments = [self.choice()]
        while self._take(","):
            arguments.append(self.choice())
        self._expect(")")
        if not fewest <= len(arguments) <= most:
            raise ValueError(f"{self._text!r}: {name} takes {fewest} to {most} arguments")
        return lambda numbers: function(*(argument(numbers) for argument in arguments))

    def _take(self, sign: str) -> bool:
        if self._tokens and self._tokens[0] == sign:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise ValueError(f"{self._text!r}: {sign!r} is missing")


def _joined(operate: Callable[[float, float], float], left: Node, right: Node) -> Node:
    return lambda numbers: operate(left(numbers), right(numbers))


def _tokens(text: str) -> list[str]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"{text!r}: {text[at:].strip()[:1]!r} is not understood")
        found.append(match.group().strip().upper())
        at = match.end()
    return found


def _number(token: str, text: str) -> float:
    try:
        return float(token)
    except ValueError:
        raise ValueError(f"{text!r}: {token!r} is not understood") from None
