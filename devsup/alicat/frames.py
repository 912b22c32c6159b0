"""Data frames: the one line in which an instrument tells everything it measures.

Pure. Read by token, because digits and decimals differ from device to device and with its settings.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from devsup.alicat.layout import Layout, Quantity
from devsup.errors import FramingError

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_ABSENT = re.compile(r"-+")
_CODE = re.compile(r"[A-Z0-9]{3}")
CODE_COLUMNS = 4  # a blank and three letters

MEANINGS: Mapping[str, str] = {
    "ADC": "internal communication or sensor error",
    "OPL": "over-pressure limit, valve closed",
    "POV": "pressure over range",
    "TOV": "temperature over range",
    "VOV": "volumetric flow over range",
    "MOV": "mass flow over range",
    "TMF": "totalizer missed flow",
    "OVR": "totalizer rolled over",
    "HLD": "valve held",
    "EXH": "exhaust",
    "LCK": "front panel locked",
}
"""Status codes whose meaning is certain. Others (P2O, COM, GTA, VTM …) are passed on as they are."""
HELD, LOCKED = "HLD", "LCK"


class Misshapen(FramingError):
    """A whole line that is no frame of this instrument: wrong number of columns, or no numbers in them."""


@dataclass(frozen=True, slots=True)
class DataFrame:
    """One frame. `values` has an entry for each column; None for dashes.

    `shape`: width and decimals of each number, and the width of all but the codes. It changes only when
    somebody changes units or decimals, so it shows what was lost or added on the way.
    """

    values: Mapping[Quantity, float | None]
    gas: str
    codes: tuple[str, ...]
    shape: tuple[int, ...]
    decimals: Mapping[Quantity, int]

    def value(self, quantity: Quantity) -> float:
        """NaN for dashes and for what the instrument does not have."""
        found = self.values.get(quantity)
        return math.nan if found is None else found


def parse_frame(text: str, layout: Layout) -> DataFrame:
    """The frame in a line of text that begins with the unit id. Raises Misshapen."""
    _, *tokens = text.split()
    count = len(layout.columns)
    numbers, rest = tokens[:count], tokens[count:]
    if len(numbers) < count or len(rest) < layout.has_gas:
        raise Misshapen(f"frame of {len(tokens)} words, expected {count + layout.has_gas}: {text!r}")
    values = [_number(token, text) for token in numbers]
    gas, codes = (rest[0], rest[1:]) if layout.has_gas else ("", rest)
    if _NUMBER.fullmatch(gas) or not all(_CODE.fullmatch(code) and not code.isdigit() for code in codes):
        raise Misshapen(f"frame with {count} numbers expected: {text!r}")
    places = [len(token.partition(".")[2]) for token in numbers]
    quantities = [column.quantity for column in layout.columns]
    return DataFrame(
        values=dict(zip(quantities, values, strict=True)),
        gas=gas,
        codes=tuple(codes),
        shape=(*map(len, numbers), *places, len(text.rstrip()) - CODE_COLUMNS * len(codes)),
        decimals=dict(zip(quantities, places, strict=True)),
    )


def assumed_setpoint(text: str) -> float:
    """The setpoint in a frame whose layout has not been learned: the fifth number of any flow controller.

    (BASIS has its valve drive there: zero is as good.) Raises Misshapen.
    """
    tokens = text.split()[1:6]
    if len(tokens) < 5 or (value := _number(tokens[4], text)) is None:
        raise Misshapen(f"no setpoint in {text!r}")
    return value


def _number(token: str, text: str) -> float | None:
    if _NUMBER.fullmatch(token):
        return float(token)
    if _ABSENT.fullmatch(token):
        return None
    raise Misshapen(f"{token!r} is no number in {text!r}")
