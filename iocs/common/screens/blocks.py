"""Parts of pages that repeat with the configuration: interlocks, serial lines, the frame of a tile.

Knows the shared PVs of iocs.common; knows no subsystem.
"""

from __future__ import annotations

from collections.abc import Sequence

from iocs.common.interlock.rules import Row
from iocs.common.screens import look
from iocs.common.screens.overview import TILE_HEIGHT, TILE_WIDTH
from iocs.common.screens.tree import Box, Page, Widget, moved
from iocs.common.screens.widgets import (
    CENTRE,
    Write,
    command,
    goto,
    header,
    heading,
    label,
    panel,
    part,
    readback,
    staged,
    stop,
    words,
)

MATRIX_WIDTH = 1580
ROW_OF_INTERLOCK, ROW_OF_LINE = 1330, 770
EDGE = 5
"""Ground above what is in a row, for the border of an alarm."""


def matrix(x: int, y: int, name: str, rows: Sequence[Row]) -> tuple[tuple[Widget, ...], int]:
    """The interlocks of a subsystem, one a line, with their limits; and the height this takes."""
    height = 80 + look.PITCH * sum(1 + row.condition.has_range for row in rows)
    widgets = [
        panel(Box(0, 0, MATRIX_WIDTH, height), "Interlocks"),
        heading(Box(10, 10, 120, look.ROW), "Interlocks"),
        label(Box(580, 10, 140, look.ROW), "Tripped first", align=2),
        words(Box(730, 10, 190, look.ROW), "$(P)FirstOut"),
        label(Box(950, 10, 80, look.ROW), "Tripped", align=2),
        readback(Box(1040, 10, 60, look.ROW), "$(P)Interlock:Tripped", align=CENTRE),
        label(Box(1110, 10, 60, look.ROW), "Not OK", align=2),
        readback(Box(1180, 10, 60, look.ROW), "$(P)Interlock:NotOK", align=CENTRE),
        label(Box(1250, 10, 80, look.ROW), "Bypassed", align=2),
        readback(Box(1340, 10, 60, look.ROW), "$(P)Interlock:Bypassed", align=CENTRE),
    ]
    return (*moved(widgets, x, y), *moved(_reset_all(), x, y), *moved(_rows(name, rows), x, y)), height


def _reset_all() -> tuple[Widget, ...]:
    ask = "Release every trip that is over? What they stopped may start again."
    return (command(Box(1420, 10, 150, look.ROW), "Reset all", [Write("$(P)Interlock:Reset")], ask=ask),)


def _rows(name: str, rows: Sequence[Row]) -> list[Widget]:
    top = 50
    found = [
        part(Box(10, top - 10, ROW_OF_INTERLOCK, look.ROW), "Columns", "../common/interlock_rows.bob", {}),
        label(Box(1340, top - 10, 80, look.ROW), "Limit", font=look.SMALL, align=2),
    ]
    y = top + 20
    for row in rows:
        given = {"NAME": row.name, "R": f"Interlock:{row.name}:", "FROM": came_from(name)}
        box = Box(10, y - EDGE, ROW_OF_INTERLOCK, look.PITCH)
        found.append(part(box, row.name, "../common/interlock_row.bob", given))
        if row.condition.is_numeric:
            found += _limit(y, row.name, "Limit", "limit")
        if row.condition.has_range:
            y += look.PITCH
            found += _limit(y, row.name, "LimitLow", "low limit")
        y += look.PITCH
    return found


def _limit(y: int, name: str, field: str, words: str) -> tuple[Widget, ...]:
    """A limit, and what it is to be: a number that can hurt."""
    pv = f"$(P)Interlock:{name}:{field}"
    return (
        readback(Box(1340, y, 80, look.ROW), pv, show_units=False),
        *staged(Box(1430, y, 140, look.ROW), pv, f"{words} of {name}"),
    )


def lines(x: int, y: int, name: str, lines: Sequence[str]) -> tuple[tuple[Widget, ...], int]:
    """The serial lines of a subsystem, one a line, in a panel; and the height this takes."""
    height = 80 + look.PITCH * len(lines)
    widgets = [
        panel(Box(0, 0, ROW_OF_LINE + 20, height), "Lines"),
        heading(Box(10, 10, 200, look.ROW), "Serial lines"),
        part(Box(10, 40, ROW_OF_LINE, look.ROW), "Columns", "../common/line_rows.bob", {}),
    ]
    for at, line in enumerate(lines):
        box = Box(10, 70 + at * look.PITCH - EDGE, ROW_OF_LINE, look.PITCH)
        given = {"NAME": line, "R": f"PORT:{line}:", "FROM": came_from(name)}
        widgets.append(part(box, line, "../common/line_row.bob", given))
    return moved(widgets, x, y), height


def lines_page(name: str, title: str, names: Sequence[str]) -> Page:
    """A page of the health of a subsystem's serial lines."""
    rows, height = lines(10, 70, name, names)
    widgets = (header(f"{title}: serial lines", came_from(name)), *rows)
    return Page(f"{name}/lines.bob", f"{title}: serial lines $(P)", look.DETAIL_WIDTH, 80 + height, widgets)


def came_from(name: str) -> str:
    """The page of a subsystem as details in common/ see it, for their Up button."""
    return f"../{name}/{name}.bob"


def tile(name: str, title: str, widgets: Sequence[Widget]) -> Page:
    """The tile of a subsystem on the overview. `widgets` have the ground from 60 down to 370."""
    frame = (
        panel(Box(0, 0, TILE_WIDTH, TILE_HEIGHT), title),
        goto(Box(10, 10, 200, 30), title, f"{name}.bob", {}, font=look.BIG),
        readback(Box(220, 10, 140, 30), "$(P)EStop:Active", align=CENTRE),
        stop(Box(370, 10, 140, 30), "EMERGENCY STOP", ["$(P)EStop"]),
    )
    return Page(f"{name}/tile.bob", f"{title}: tile", TILE_WIDTH, TILE_HEIGHT, (*frame, *widgets))
