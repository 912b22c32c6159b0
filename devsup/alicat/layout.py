"""What stands where in an instrument's data frames, learned from its own table (`??D*`).

Pure. Two dialects of that table, told apart by the header row and by nothing else: firmware 6v21 and
7v09 already speak the modern one. GP pads the older one with backspaces, which are gone before this.
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass

from devsup.alicat.units import egu
from devsup.errors import FramingError


class Quantity(enum.Enum):
    """What a column of numbers means to us."""

    PRESSURE = "pressure"
    TEMPERATURE = "temperature"
    VOLUMETRIC = "volumetric flow"
    MASS = "mass flow"
    SETPOINT = "setpoint"
    TOTAL = "total"
    OTHER = "other"


class Dialect(enum.Enum):
    """Generation of the frame table, and of the way orders are given."""

    LEGACY = "legacy"
    MODERN = "modern"
    GP = "GP"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers. `unit` as engineering unit; `controls`: what a setpoint sets.
    Range and decimals are None where the table does not tell."""

    quantity: Quantity
    name: str = ""
    unit: str = ""
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    controls: Quantity = Quantity.OTHER


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns in their order between unit id and gas; `codes` are those the instrument can show, in order."""

    dialect: Dialect
    columns: tuple[Column, ...]
    has_gas: bool = True
    codes: tuple[str, ...] = ()

    def column(self, quantity: Quantity) -> Column | None:
        return next((column for column in self.columns if column.quantity is quantity), None)

    def unit(self, quantity: Quantity) -> str:
        """Empty where there is no such column."""
        column = self.column(quantity)
        return column.unit if column else ""


_ROW = re.compile(r"\w\s+D(\d\d)\s+(.*)")
_MODERN = re.compile(
    r"(?P<stat>\d{2,3}) (?P<name>\S.*?)\s+(?P<type>(?:s )?[a-z]+)\s+(?P<width>\d+(?:/\d+)?)"
    r"(?:\s+(?P<notes>.*))?"
)
_LEGACY = re.compile(
    r"(?P<name>\S.*?)\s+(?P<type>char|string|signed|unsigned)\s+(?P<low>\S+)\s+(?P<high>\S+)\s+(?P<unit>\S+)"
)
_STATISTICS = {  # numbers of the modern table
    2: Quantity.PRESSURE,
    3: Quantity.TEMPERATURE,
    4: Quantity.VOLUMETRIC,
    5: Quantity.MASS,
    8: Quantity.TOTAL,
    9: Quantity.TOTAL,
}
_SETPOINTS = {
    32: Quantity.MASS,
    36: Quantity.VOLUMETRIC,
    37: Quantity.MASS,
    34: Quantity.PRESSURE,
    38: Quantity.PRESSURE,
    39: Quantity.PRESSURE,
}
_GAS = 703
_NAMES = {  # beginnings of the names in the older table
    "pressure": Quantity.PRESSURE,
    "temperature": Quantity.TEMPERATURE,
    "volumetric": Quantity.VOLUMETRIC,
    "mass": Quantity.MASS,
    "setpoint": Quantity.SETPOINT,
    "total": Quantity.TOTAL,
}


def layout_from(rows: Sequence[str]) -> Layout:
    """The layout that a whole table describes. FramingError if rows are missing or make no sense."""
    header, *body = _numbered(rows)
    if header.startswith("ID_"):
        return _modern(body)
    if header.startswith("NAME"):
        return _legacy(body)
    raise FramingError(f"frame table begins with {header[:20]!r}")


def _numbered(rows: Sequence[str]) -> list[str]:
    """The rows without their numbers, which must run from 0 on."""
    bodies = []
    for place, text in enumerate(rows):
        found = _ROW.fullmatch(text.strip())
        if found is None or int(found[1]) != place:
            raise FramingError(f"frame table: expected row D{place:02}, got {text[:20]!r}")
        bodies.append(found[2].strip())
    if len(bodies) < 3:
        raise FramingError(f"frame table of {len(bodies)} rows")
    return bodies


def _modern(bodies: Sequence[str]) -> Layout:
    columns: list[Column] = []
    codes: list[str] = []
    has_gas = False
    for body in bodies[1:]:  # the first is the unit id
        found = _MODERN.fullmatch(body)
        if found is None:
            raise FramingError(f"frame table: {body!r}")
        stat, notes = int(found["stat"]), (found["notes"] or "").split()
        if found["name"].startswith("*"):
            codes += notes
        elif "string" in found["type"]:
            has_gas |= stat == _GAS
        else:
            columns.append(_modern_column(stat, found["name"], found["width"], notes))
    return _whole(Layout(Dialect.MODERN, tuple(columns), has_gas, tuple(codes)))


def _modern_column(stat: int, name: str, width: str, notes: Sequence[str]) -> Column:
    quantity = Quantity.SETPOINT if stat in _SETPOINTS else _STATISTICS.get(stat, Quantity.OTHER)
    decimals = int(width.partition("/")[2]) if "/" in width else None
    unit = egu(notes[-1]) if len(notes) >= 3 else ""
    return Column(quantity, name, unit, decimals, controls=_SETPOINTS.get(stat, Quantity.OTHER))


def _legacy(bodies: Sequence[str]) -> Layout:
    columns: list[Column] = []
    codes: list[str] = []
    has_gas = False
    for body in bodies[1:]:
        found = _LEGACY.fullmatch(body)
        if found is None:
            raise FramingError(f"frame table: {body!r}")
        name = found["name"].casefold()
        if "signed" in found["type"]:
            columns.append(_legacy_column(found, columns))
        elif name in ("error", "status"):
            codes.append(found["high"])
        else:
            has_gas |= name == "gas"
    return _whole(Layout(Dialect.LEGACY, tuple(columns), has_gas, tuple(codes)))


def _legacy_column(found: re.Match[str], before: Sequence[Column]) -> Column:
    name, unit = found["name"].casefold(), egu(found["unit"])
    quantity = next((what for begin, what in _NAMES.items() if name.startswith(begin)), Quantity.OTHER)
    try:
        low, high = float(found["low"]), float(found["high"])
    except ValueError:
        raise FramingError(f"frame table: {found[0]!r}") from None
    controls = Quantity.OTHER
    if quantity is Quantity.SETPOINT:  # by its unit: there are no statistic numbers here
        controls = next((one.quantity for one in reversed(before) if one.unit == unit), Quantity.OTHER)
    decimals = len(found["high"].partition(".")[2])
    return Column(quantity, found["name"], unit, decimals, low, high, controls)


def _whole(layout: Layout) -> Layout:
    quantities = [column.quantity for column in layout.columns if column.quantity is not Quantity.OTHER]
    if not layout.columns or len(set(quantities)) < len(quantities):
        raise FramingError(f"frame table: columns {[column.name for column in layout.columns]}")
    return layout
