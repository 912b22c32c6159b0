"""The screens of the flow IOC that depend on its configuration: lines, instruments, and the tile.

What one instrument looks like is drawn by hand (opi/flow/mfc.bob). Knows PV names and the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iocs.common.screens import look
from iocs.common.screens.blocks import came_from, lines, tile
from iocs.common.screens.charts import Axis, Trace, trend
from iocs.common.screens.look import PAGE_WIDTH, ROW
from iocs.common.screens.tree import Box, Page, Widget
from iocs.common.screens.widgets import (
    CENTRE,
    Write,
    bar,
    command,
    goto,
    header,
    heading,
    label,
    panel,
    part,
    prose,
    readback,
)
from iocs.flow.config import FlowConfig, InstrumentConfig

FACEPLATE_WIDTH, FACEPLATE_HEIGHT, ACROSS = 380, 240, 4
TREND_HEIGHT = 280
ON_TILE = 6
"""Instruments that have room on the tile."""


def pages(config: FlowConfig) -> tuple[Page, ...]:
    """The page of all lines and the tile for the overview."""
    return installation(config), overview_tile(config)


def details(config: FlowConfig) -> dict[str, str]:
    """The screen of each group of PVs, by what follows the prefix."""
    return {f"{instrument.name}:": "flow/mfc_detail.bob" for instrument in all_instruments(config)}


def installation(config: FlowConfig) -> Page:
    """Lines, what is on them, and their flows."""
    health, height = lines(10, 70, "flow", [line.name for line in config.lines])
    widgets = [header("Flow", "../overview.bob", "../flow/flow.plt"), *health, *whole(height)]
    y = 80 + height
    for line in config.lines:
        widgets += faceplates(y, line.instruments)
        y += -(-len(line.instruments) // ACROSS) * (FACEPLATE_HEIGHT + 10)
    box = Box(10, y, PAGE_WIDTH - 20, TREND_HEIGHT)
    widgets.append(flows(box, all_instruments(config)))
    return Page("flow/flow.bob", "Flow $(P)", PAGE_WIDTH, y + TREND_HEIGHT + 10, tuple(widgets))


def all_instruments(config: FlowConfig) -> list[InstrumentConfig]:
    return [instrument for line in config.lines for instrument in line.instruments]


def whole(height: int) -> tuple[Widget, ...]:
    """What concerns all lines, beside their health."""
    x = 820
    return (
        panel(Box(x - 10, 70, PAGE_WIDTH - x, height), "All instruments"),
        heading(Box(x, 80, 200, ROW), "All instruments"),
        command(Box(x + 650, 80, 110, ROW), "Zero all", [Write("$(P)ZeroAll")]),
        label(Box(x, 110, 120, ROW), "Last decision"),
        prose(Box(x + 130, 110, 630, height - 50), "$(P)Reason"),
    )


def faceplates(y: int, instruments: Sequence[InstrumentConfig]) -> Iterator[Widget]:
    for at, instrument in enumerate(instruments):
        row, column = divmod(at, ACROSS)
        place = (10 + column * (FACEPLATE_WIDTH + 10), y + row * (FACEPLATE_HEIGHT + 10))
        box = Box(*place, FACEPLATE_WIDTH, FACEPLATE_HEIGHT)
        yield part(box, instrument.name, "mfc.bob", {"R": f"{instrument.name}:", "NAME": instrument.name})


def flows(box: Box, instruments: Sequence[InstrumentConfig]) -> Widget:
    """Every flow with its setpoint, on an axis for each unit."""
    units = list(dict.fromkeys(unit_of(instrument) for instrument in instruments))
    traces = []
    for at, instrument in enumerate(instruments):
        pv, axis = f"$(P){instrument.name}:", units.index(unit_of(instrument))
        colours = at % len(look.TRACES)
        traces += [
            Trace(f"{pv}Flow", instrument.name, look.TRACES[colours], axis),
            Trace(f"{pv}Setpoint_RBV", f"{instrument.name} set", look.PALE_TRACES[colours], axis, step=True),
        ]
    return trend(
        box, "Flows and setpoints", [Axis(f"Flow, {unit}" if unit else "Flow") for unit in units], traces
    )


def unit_of(instrument: InstrumentConfig) -> str:
    """The unit its flow is shown in, as far as the configuration knows."""
    return instrument.unit or instrument.simulated.unit


def overview_tile(config: FlowConfig) -> Page:
    """What the overview shows: each instrument, each line, the last decision."""
    widgets: list[Widget] = [
        label(Box(x, 50, width, ROW), name, font=look.SMALL, align=align)
        for x, width, name, align in (
            (10, 90, "Instrument", 0), (100, 120, "Flow", 2), (230, 120, "Setpoint", 2),
            (440, 70, "Link", CENTRE),
        )
    ]  # fmt: skip
    every = all_instruments(config)
    for at, instrument in enumerate(every[:ON_TILE]):
        widgets += instrument_line(70 + at * look.PITCH, instrument)
    if len(every) > ON_TILE:
        widgets.append(label(Box(360, 50, 70, ROW), f"and {len(every) - ON_TILE} more", font=look.SMALL))
    y = 70 + min(len(every), ON_TILE) * look.PITCH + 20
    for at, line in enumerate(config.lines[: (340 - y) // look.PITCH]):
        widgets += line_line(y + at * look.PITCH, line.name)
    widgets += [label(Box(10, 350, 90, ROW), "Last decision"), prose(Box(110, 350, 400, ROW), "$(P)Reason")]
    return tile("flow", "Flow", widgets)


def instrument_line(y: int, instrument: InstrumentConfig) -> tuple[Widget, ...]:
    pv = f"$(P){instrument.name}:"
    return (
        label(Box(10, y, 80, ROW), instrument.description or instrument.name),
        readback(Box(100, y, 120, ROW), f"{pv}Flow"),
        readback(Box(230, y, 120, ROW), f"{pv}Setpoint_RBV"),
        bar(Box(360, y, 70, ROW), f"{pv}Flow"),
        readback(Box(440, y, 70, ROW), f"{pv}Comm", align=CENTRE),
    )


def line_line(y: int, name: str) -> tuple[Widget, ...]:
    pv = f"$(P)PORT:{name}:"
    return (
        goto(
            Box(10, y, 90, ROW),
            name,
            "../common/line.bob",
            {"R": f"PORT:{name}:", "FROM": came_from("flow")},
            target="tab",
        ),
        readback(Box(110, y, 110, ROW), f"{pv}Connected", align=CENTRE),
        label(Box(230, y, 110, ROW), "failed", align=2),
        readback(Box(350, y, 80, ROW), f"{pv}FailRate"),
        readback(Box(440, y, 70, ROW), f"{pv}Utilisation"),
    )
