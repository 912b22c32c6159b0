"""Strip charts: PVs over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iocs.common.screens import look
from iocs.common.screens.look import Colour
from iocs.common.screens.tree import Box, Node, Property, Widget, text


@dataclass(frozen=True)
class Trace:
    """A PV over time; a step for what is set."""

    pv: str
    name: str
    colour: Colour
    axis: int = 0
    step: bool = False

    def node(self) -> Node:
        values = (
            ("name", self.name), ("y_pv", self.pv), ("axis", self.axis),
            ("trace_type", 2 if self.step else 1), ("color", self.colour),
            ("line_width", 1 if self.step else 2),
        )  # fmt: skip
        return Node("trace", tuple(text(tag, value) for tag, value in values))


@dataclass(frozen=True)
class Axis:
    """An axis with its title and unit; without limits it follows the values."""

    title: str
    limits: tuple[float, float] | None = None

    def node(self) -> Node:
        low, high = self.limits or (0.0, 100.0)
        values = (
            ("title", self.title), ("autoscale", self.limits is None), ("minimum", low), ("maximum", high),
            ("show_grid", True), ("visible", True),
        )  # fmt: skip
        return Node("y_axis", tuple(text(tag, value) for tag, value in values))


def trend(
    box: Box, name: str, axes: Sequence[Axis], traces: Sequence[Trace], *, start: str = "10 minutes"
) -> Widget:
    """A strip chart of the last `start`, with its legend."""
    properties: dict[str, Property] = {
        "background_color": look.PANEL, "title_font": look.BOLD, "label_font": look.SMALL,
        "scale_font": look.SMALL, "show_toolbar": False, "show_legend": True, "start": start,
        "y_axes": Node("y_axes", tuple(axis.node() for axis in axes)),
        "traces": Node("traces", tuple(trace.node() for trace in traces)),
    }  # fmt: skip
    return Widget("stripchart", name, box, properties)
