"""The rows of a subsystem's interlocks, read from its YAML file.

Knows keys, ranges and defaults; what the actions are, and which quantities exist, the subsystem says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum

from iocs.common.config import NAME, Section
from iocs.common.interlock.rules import Condition, Op, Origin, Quantity, Row, Severity, condition
from iocs.common.scalars import suggestion

PV_NAME = r"[A-Za-z0-9_\-+:\[\]<>;/]{1,60}"
STALE_S = 10.0
BYPASS_MIN = 60.0
NOWHERE = Condition(Op.IS, word="")


def read_rows(
    section: Section, key: str, actions: type[Enum], quantities: Mapping[str, Quantity]
) -> tuple[Row, ...]:
    """The rows below `key`, by their names; the key may be absent. Mistakes are the section's to report."""
    return tuple(_row(name, row, actions, quantities) for name, row in section.mapping(key))


def _row(name: str, section: Section, actions: type[Enum], quantities: Mapping[str, Quantity]) -> Row:
    origin, source = _input(section, quantities)
    known = quantities.get(source, Quantity("")) if origin is Origin.QUANTITY else Quantity("")
    wanted = _condition(section)
    return Row(
        name=name,
        origin=origin,
        source=source,
        condition=wanted,
        action=section.choice("action", actions),
        guidance=section.text("guidance", pattern=r"(?s).+"),
        description=section.text("description", pattern=r".{0,40}", default=known.description[:40]),
        unit=section.text("unit", pattern=r".{0,15}", default=known.unit),
        precision=section.integer("precision", low=0, high=9, default=known.precision),
        delay_s=section.number("delay", low=0, high=3600, unit="s", default=0.0),
        stale_s=_stale_s(section, origin),
        hysteresis=section.number("hysteresis", low=0, default=0.0),
        latch=section.flag("latch", default=True),
        severity=section.choice("severity", Severity, default=Severity.MAJOR),
        bounds=_bounds(section, wanted),
        bypass_max_min=section.number("bypass_max", low=0, high=1440, unit="min", default=BYPASS_MIN),
        where=_where(section),
    )


def _input(section: Section, quantities: Mapping[str, Quantity]) -> tuple[Origin, str]:
    """Exactly one of `quantity`, `pv` and `link`."""
    given = [origin for origin in Origin if section.has(origin.value)]
    if len(given) != 1:
        names = " and ".join(origin.value for origin in given) or "nothing"
        section.error("", f"has {names} for its input; expected one of quantity, pv, link")
        return Origin.QUANTITY, ""
    pattern = NAME if given[0] is Origin.QUANTITY else PV_NAME
    source = section.text(given[0].value, pattern=pattern)
    if given[0] is Origin.QUANTITY and source not in quantities:
        near = suggestion(source, quantities) or f"there are: {', '.join(quantities)}"
        section.error("quantity", f"{source!r} is not known; {near}")
    return given[0], source


def _condition(section: Section) -> Condition:
    text = section.text("condition")
    try:
        return condition(text) if text else NOWHERE
    except ValueError as error:
        section.error("condition", f"{text!r} is not valid; {error}")
        return NOWHERE


def _stale_s(section: Section, origin: Origin) -> float:
    """A PV goes INVALID with its source and a link with its connection; the file may want news as well."""
    default = STALE_S if origin is Origin.QUANTITY else math.inf
    return section.number("stale", low=0.1, high=86400, unit="s", default=default)


def _bounds(section: Section, wanted: Condition) -> tuple[float, float]:
    """How far clients may move the limits: towards the safe side only, unless the file says otherwise."""
    low = section.number("limit_low", default=wanted.low)
    high = section.number("limit_high", default=wanted.high)
    if not wanted.is_numeric:
        for key in ("limit_low", "limit_high", "hysteresis"):
            if section.has(key):
                section.error(key, "a word has no limits")
    elif not low <= wanted.limit <= high or (wanted.has_range and wanted.low < low):
        section.error("condition", f"{wanted.text()!r} is outside limit_low {low:g} to limit_high {high:g}")
    return low, high


def _where(section: Section) -> tuple[str, int]:
    file, _, line = section.where().rpartition(":")
    return file, int(line)
