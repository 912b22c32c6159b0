"""Tables of arrays and diagrams of states.

A table is filled by a script, since Phoebus shows no columns of waveform PVs by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iocs.common.screens import look
from iocs.common.screens.look import Colour
from iocs.common.screens.tree import Box, Node, Property, Widget, text

FILL = """\
from java.text import SimpleDateFormat
from java.util import Date
from org.csstudio.display.builder.runtime.script import PVUtil

stamp = SimpleDateFormat("yyyy-MM-dd HH:mm:ss")
times, newest_last = {times}, {newest_last}
columns = [list(PVUtil.getStringArray(pv)) for pv in pvs]
rows = [list(row) for row in zip(*columns) if row[-1].strip()]
for row in rows:
    for at in times:
        row[at] = stamp.format(Date(long(1000 * float(row[at]))))
widget.setValue(rows[::-1] if newest_last else rows)
"""


@dataclass(frozen=True)
class Column:
    """A column of a table: an array PV. `time`: its numbers are seconds since 1970."""

    title: str
    pv: str
    width: int
    time: bool = False

    def node(self) -> Node:
        values: dict[str, Property] = {"name": self.title, "width": self.width, "editable": False}
        return Node("column", tuple(text(tag, value) for tag, value in values.items()))


def table(box: Box, name: str, columns: Sequence[Column], *, newest_last: bool = False) -> Widget:
    """Arrays side by side, the newest row first; rows whose last column is empty are left out."""
    times = [at for at, column in enumerate(columns) if column.time]
    code = FILL.format(times=times, newest_last=newest_last)
    waits = (("trigger", "false"),)
    pvs = tuple(
        Node("pv_name", column.pv, () if at == len(columns) - 1 else waits)
        for at, column in enumerate(columns)
    )
    script = Node("script", (Node("text", code), *pvs), (("file", "EmbeddedPy"),))
    properties: dict[str, Property] = {
        "columns": Node("columns", tuple(column.node() for column in columns)),
        "editable": False, "show_toolbar": False, "font": look.SMALL, "foreground_color": look.TEXT,
        "background_color": look.READ, "scripts": Node("scripts", (script,)),
    }  # fmt: skip
    return Widget("table", name, box, properties)


def state(box: Box, words: str, pv: str, value: int, *, lit: Colour = look.LIT) -> Widget:
    """A state of a machine as a box, lit while the PV has that value."""
    properties: dict[str, Property] = {
        "text": words, "font": look.BOLD, "foreground_color": look.LABEL, "background_color": look.PANEL,
        "transparent": False, "horizontal_alignment": 1, "vertical_alignment": 1, "border_width": 1,
        "border_color": look.LABEL,
        "rules": Node(
            "rules",
            (
                _colour_while("Lit", "background_color", pv, value, lit),
                _colour_while("Read", "foreground_color", pv, value, look.HEADER_TEXT),
            ),
        ),
    }  # fmt: skip
    return Widget("label", f"State {words}", box, properties)


def arrow(points: Sequence[tuple[int, int]], name: str) -> Widget:
    """A line with a head at its end, through points of the screen that lie on the grid."""
    left, top = min(x for x, _ in points), min(y for _, y in points)
    wide, high = (
        max(values) - low for values, low in zip(zip(*points, strict=True), (left, top), strict=True)
    )
    box = Box(left, top, max(wide, look.GRID), max(high, look.GRID))
    corners = tuple(
        Node("point", attributes=(("x", f"{x - left:.1f}"), ("y", f"{y - top:.1f}"))) for x, y in points
    )
    properties: dict[str, Property] = {
        "line_width": 2, "line_color": look.LIMIT, "points": Node("points", corners), "arrows": 2,
        "arrow_length": 12,
    }  # fmt: skip
    return Widget("polyline", name, box, properties)


def _colour_while(name: str, prop: str, pv: str, value: int, colour: Colour) -> Node:
    holds = Node("exp", (text("value", colour),), (("bool_exp", f"pvInt0 == {value}"),))
    attributes = (("name", name), ("prop_id", prop), ("out_exp", "false"))
    return Node("rule", (holds, Node("pv_name", pv)), attributes)
