"""The screens of the gas IOC that depend on its configuration: the chamber with its gases, and its tile.

What one gas looks like is drawn by hand (opi/gas/mfc.bob). Knows PV names and the configuration.
"""

from __future__ import annotations

from collections.abc import Sequence

from iocs.common.screens import look
from iocs.common.screens.blocks import lines_page, matrix, tile
from iocs.common.screens.charts import Axis, Trace, trend
from iocs.common.screens.look import PAGE_WIDTH, ROW
from iocs.common.screens.tree import Box, Page, Widget
from iocs.common.screens.widgets import (
    CENTRE,
    Write,
    bar,
    bar_to_limit,
    command,
    goto,
    header,
    heading,
    label,
    panel,
    part,
    prose,
    readback,
    words,
)
from iocs.gas.config import ChamberConfig, GasConfig

FACEPLATE_WIDTH, FACEPLATE_HEIGHT, ACROSS = 380, 240, 3
SIDE, SIDE_WIDTH = 1180, 410
ON_TILE = 3
"""Gases that have room on the tile."""


def pages(config: ChamberConfig) -> tuple[Page, ...]:
    """The page of the chamber, that of its serial lines, and the tile for the overview."""
    health = lines_page("gas", "Gas", [line.name for line in config.lines])
    return chamber(config), health, overview_tile(config)


def details(config: ChamberConfig) -> dict[str, str]:
    """The screen of each group of PVs, by what follows the prefix."""
    return {"Recipe:": "gas/recipe.bob"} | {f"{gas.name}:": "gas/mfc_detail.bob" for gas in config.gases}


def chamber(config: ChamberConfig) -> Page:
    """Everything about the gases at one look."""
    rows = -(-len(config.gases) // ACROSS)
    below = 70 + rows * (FACEPLATE_HEIGHT + 10)
    under = max(below + 260, 580)
    interlocks, height = matrix(10, under, "gas", config.rows)
    widgets = (
        header("Gas", "../overview.bob", "../gas/gas.plt"),
        *[faceplate(at, gas) for at, gas in enumerate(config.gases)],
        flows(Box(10, below, SIDE - 20, under - below - 10), config.gases),
        *supervision(70),
        *recipe(380),
        *interlocks,
    )
    return Page("gas/gas.bob", "Gas $(P)", PAGE_WIDTH, under + height + 10, widgets)


def faceplate(at: int, gas: GasConfig) -> Widget:
    row, column = divmod(at, ACROSS)
    box = Box(
        10 + column * (FACEPLATE_WIDTH + 10),
        70 + row * (FACEPLATE_HEIGHT + 10),
        FACEPLATE_WIDTH,
        FACEPLATE_HEIGHT,
    )
    return part(box, gas.name, "mfc.bob", {"R": f"{gas.name}:", "NAME": gas.name})


def flows(box: Box, gases: Sequence[GasConfig]) -> Widget:
    """Every flow with its setpoint."""
    traces = []
    for at, gas in enumerate(gases):
        colours = at % len(look.TRACES)
        traces += [
            Trace(f"$(P){gas.name}:Flow", gas.name, look.TRACES[colours]),
            Trace(f"$(P){gas.name}:Setpoint_RBV", f"{gas.name} set", look.PALE_TRACES[colours], step=True),
        ]
    return trend(
        box, "Flows and setpoints", [Axis("Flow, sccm", (0.0, max(gas.max_flow for gas in gases)))], traces
    )


def supervision(y: int) -> tuple[Widget, ...]:
    """Totals against their limits, the chamber, and whether gas may flow."""
    x, value = SIDE + 10, SIDE + 110
    return (
        panel(Box(SIDE, y, SIDE_WIDTH, 300), "Chamber"),
        heading(Box(x, y + 10, 100, ROW), "Chamber"),
        command(Box(value, y + 10, 90, ROW), "Zero all", [Write("$(P)ZeroAll")]),
        goto(Box(value + 100, y + 10, 90, ROW), "Limits", "limits.bob", {}, target="tab"),
        goto(Box(value + 200, y + 10, 90, ROW), "Lines", "lines.bob", {}, target="tab"),
        *against_limit(x, y + 40, "Total flow", "$(P)TotalFlow", "$(P)MaxTotalFlow"),
        *against_limit(x, y + 70, "Oxygen", "$(P)OxygenPercent", "$(P)MaxOxygenPercent"),
        label(Box(x, y + 100, 90, ROW), "Pressure"),
        readback(Box(value, y + 100, 140, ROW), "$(P)ChamberPressure"),
        readback(Box(value + 150, y + 100, 140, ROW), "$(P)Pumped", align=CENTRE),
        label(Box(x, y + 130, 90, ROW), "Door"),
        words(Box(value, y + 130, 140, ROW), "$(P)Door"),
        label(Box(x, y + 160, 90, ROW), "Water"),
        words(Box(value, y + 160, 140, ROW), "$(P)Water"),
        label(Box(x, y + 190, 90, ROW), "Facility stop"),
        words(Box(value, y + 190, 140, ROW), "$(P)FacilityStop"),
        label(Box(x, y + 220, 90, ROW), "Flow may rise"),
        readback(Box(value, y + 220, 140, ROW), "$(P)Permit", align=CENTRE),
        prose(Box(value, y + 250, 290, 40), "$(P)Permit:Reason"),
    )


def against_limit(x: int, y: int, name: str, pv: str, limit: str) -> tuple[Widget, ...]:
    """A number, as a bar that is full at its limit, and the limit."""
    return (
        label(Box(x, y, 90, ROW), name),
        readback(Box(x + 100, y, 100, ROW), pv),
        bar_to_limit(Box(x + 210, y, 80, ROW), pv, limit),
        readback(Box(x + 300, y, 90, ROW), limit),
    )


def recipe(y: int) -> tuple[Widget, ...]:
    """The recipe that runs, in short."""
    x, value = SIDE + 10, SIDE + 110
    return (
        panel(Box(SIDE, y, SIDE_WIDTH, 190), "Recipe"),
        heading(Box(x, y + 10, 100, ROW), "Recipe"),
        goto(Box(value + 200, y + 10, 90, ROW), "Recipes", "recipe.bob", {}, target="tab"),
        readback(Box(value, y + 10, 140, ROW), "$(P)Recipe:State", align=CENTRE),
        label(Box(x, y + 40, 90, ROW), "Name"),
        words(Box(value, y + 40, 290, ROW), "$(P)Recipe:Running"),
        label(Box(x, y + 70, 90, ROW), "Step"),
        words(Box(value, y + 70, 140, ROW), "$(P)Recipe:StepName"),
        bar(Box(value + 150, y + 70, 140, ROW), "$(P)Recipe:StepProgress"),
        label(Box(x, y + 100, 90, ROW), "All"),
        readback(Box(value, y + 100, 140, ROW), "$(P)Recipe:Remaining"),
        bar(Box(value + 150, y + 100, 140, ROW), "$(P)Recipe:Progress"),
        prose(Box(value, y + 130, 290, 50), "$(P)Recipe:Message"),
    )


def overview_tile(config: ChamberConfig) -> Page:
    """What the overview shows: each gas, the limits, permit, recipe, interlocks."""
    widgets: list[Widget] = [
        label(Box(x, 50, width, ROW), name, font=look.SMALL, align=align)
        for x, width, name, align in (
            (10, 90, "Gas", 0), (100, 120, "Flow", 2), (230, 120, "Setpoint", 2), (440, 70, "Link", CENTRE),
        )
    ]  # fmt: skip
    for at, gas in enumerate(config.gases[:ON_TILE]):
        widgets += gas_line(70 + at * look.PITCH, gas)
    if more := len(config.gases) - ON_TILE:
        widgets.append(label(Box(360, 50, 70, ROW), f"and {more} more" if more > 0 else " ", font=look.SMALL))
    return tile("gas", "Gas", [*widgets, *whole_chamber(170)])


def gas_line(y: int, gas: GasConfig) -> tuple[Widget, ...]:
    pv = f"$(P){gas.name}:"
    return (
        label(Box(10, y, 80, ROW), gas.description or gas.name),
        readback(Box(100, y, 120, ROW), f"{pv}Flow"),
        readback(Box(230, y, 120, ROW), f"{pv}Setpoint_RBV"),
        bar(Box(360, y, 70, ROW), f"{pv}Flow"),
        readback(Box(440, y, 70, ROW), f"{pv}Comm", align=CENTRE),
    )


def whole_chamber(y: int) -> tuple[Widget, ...]:
    return (
        *against_limit(10, y, "Total flow", "$(P)TotalFlow", "$(P)MaxTotalFlow"),
        *against_limit(10, y + 30, "Oxygen", "$(P)OxygenPercent", "$(P)MaxOxygenPercent"),
        label(Box(10, y + 60, 90, ROW), "Pressure"),
        readback(Box(110, y + 60, 110, ROW), "$(P)ChamberPressure"),
        readback(Box(230, y + 60, 100, ROW), "$(P)Pumped", align=CENTRE),
        label(Box(10, y + 90, 90, ROW), "Flow may rise"),
        readback(Box(110, y + 90, 50, ROW), "$(P)Permit", align=CENTRE),
        prose(Box(170, y + 90, 340, ROW), "$(P)Permit:Reason"),
        label(Box(10, y + 120, 90, ROW), "Recipe"),
        readback(Box(110, y + 120, 110, ROW), "$(P)Recipe:State", align=CENTRE),
        words(Box(230, y + 120, 170, ROW), "$(P)Recipe:Running"),
        bar(Box(410, y + 120, 100, ROW), "$(P)Recipe:Progress"),
        label(Box(10, y + 150, 90, ROW), "Trips"),
        readback(Box(110, y + 150, 50, ROW), "$(P)Interlock:Tripped", align=CENTRE),
        words(Box(170, y + 150, 220, ROW), "$(P)FirstOut"),
        label(Box(400, y + 150, 70, ROW), "Bypassed"),
        readback(Box(480, y + 150, 30, ROW), "$(P)Interlock:Bypassed", align=CENTRE),
        label(Box(10, y + 180, 90, ROW), "Last decision"),
        prose(Box(110, y + 180, 400, ROW), "$(P)Reason"),
    )
