"""The screens of the sonicator IOC that depend on its configuration: board, units, registers, and the tile.

What one sonicator looks like is drawn by hand (opi/sonicator/unit.bob). Knows PV names and the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from devsup.sonicator_map import Register
from iocs.common.screens import look
from iocs.common.screens.blocks import lines, matrix, tile
from iocs.common.screens.charts import Axis, Trace, trend
from iocs.common.screens.look import PAGE_WIDTH, PITCH, ROW
from iocs.common.screens.tree import Box, Page, Widget
from iocs.common.screens.widgets import (
    CENTRE,
    Write,
    bar,
    choice,
    command,
    goto,
    header,
    heading,
    label,
    panel,
    part,
    prose,
    readback,
    staged,
    words,
)
from iocs.sonicator.config import PlantConfig, SonicatorConfig

UNIT_WIDTH, UNIT_HEIGHT, ACROSS = 380, 340, 4
LINE = "board"
REGISTER_WIDTH = 390


def pages(config: PlantConfig) -> tuple[Page, ...]:
    """The page of the board with its sonicators, its registers, its line, and the tile for the overview."""
    return board(config), registers(config), serial_line(), overview_tile(config)


def details(config: PlantConfig) -> dict[str, str]:
    """The screen of each group of PVs, by what follows the prefix."""
    return {f"{unit.name}:": "sonicator/unit_detail.bob" for unit in config.sonicators}


def board(config: PlantConfig) -> Page:
    """Everything about the sonicators at one look."""
    y = 80 + UNIT_HEIGHT
    interlocks, height = (
        matrix(10, y + 270, "sonicator", config.interlocks) if config.interlocks else ((), -10)
    )
    widgets = (
        header("Sonicators", "../overview.bob", "../sonicator/sonicator.plt"),
        *units(config.sonicators[:ACROSS]),
        *whole_board(y),
        powers(Box(610, y, PAGE_WIDTH - 620, 260), config.sonicators),
        *interlocks,
    )
    return Page("sonicator/sonicator.bob", "Sonicators $(P)", PAGE_WIDTH, y + 280 + height, widgets)


def units(sonicators: Sequence[SonicatorConfig]) -> Iterator[Widget]:
    for at, unit in enumerate(sonicators):
        box = Box(10 + at * (UNIT_WIDTH + 10), 70, UNIT_WIDTH, UNIT_HEIGHT)
        yield part(box, unit.name, "unit.bob", {"R": f"{unit.name}:", "NAME": unit.name})


def whole_board(y: int) -> tuple[Widget, ...]:
    """The board before the sonicators, and what concerns all of them."""
    ask = "Change whether the board starts sonicators?"
    return (
        panel(Box(10, y, 590, 260), "Board"),
        heading(Box(20, y + 10, 80, ROW), "Board"),
        command(Box(120, y + 10, 140, ROW), "Stop all", [Write("$(P)StopAll")], font=look.BOLD),
        goto(Box(370, y + 10, 100, ROW), "Registers", "registers.bob", {}, target="tab"),
        goto(Box(480, y + 10, 100, ROW), "Line", "lines.bob", {}, target="tab"),
        *line_of(20, y + 40, "Conversation", "$(P)Comm"),
        *line_of(310, y + 40, "Age of data", "$(P)Comm:Age"),
        *line_of(20, y + 70, "Keep-alives", "$(P)KeepAlive:Rate"),
        *line_of(310, y + 70, "Missed", "$(P)KeepAlive:Missed"),
        label(Box(20, y + 100, 130, ROW), "Status"),
        words(Box(150, y + 100, 140, ROW), "$(P)SystemStatus:Text"),
        *line_of(310, y + 100, "Watchdog", "$(P)Watchdog"),
        *line_of(20, y + 130, "Stopped last by", "$(P)LastShutdownReason"),
        *line_of(310, y + 130, "Raw registers", "$(P)Engineering"),
        label(Box(20, y + 160, 130, ROW), "Board enabled"),
        readback(Box(150, y + 160, 140, ROW), "$(P)GlobalEnable_RBV", align=CENTRE),
        choice(Box(310, y + 160, 270, ROW), "$(P)GlobalEnable", ask=ask),
        label(Box(20, y + 190, 130, ROW), "Amplitude of all"),
        readback(Box(150, y + 190, 140, ROW), "$(P)GlobalAmplitude_RBV"),
        *staged(Box(310, y + 190, 270, ROW), "$(P)GlobalAmplitude", "amplitude of all in %"),
        label(Box(20, y + 220, 130, ROW), "Last error"),
        prose(Box(150, y + 220, 430, ROW), "$(P)Comm:LastError"),
    )


def line_of(x: int, y: int, name: str, pv: str) -> tuple[Widget, ...]:
    return label(Box(x, y, 120, ROW), name), readback(Box(x + 130, y, 140, ROW), pv, align=CENTRE)


def powers(box: Box, sonicators: Sequence[SonicatorConfig]) -> Widget:
    """Power and frequency of each."""
    traces = []
    for unit in sonicators:
        colours = (unit.number - 1) % len(look.TRACES)
        traces += [
            Trace(f"$(P){unit.name}:Power", f"{unit.name} power", look.TRACES[colours]),
            Trace(f"$(P){unit.name}:Frequency", f"{unit.name} frequency", look.PALE_TRACES[colours], axis=1),
        ]
    return trend(box, "Power and frequency", [Axis("Power, W"), Axis("Frequency, Hz")], traces)


def registers(config: PlantConfig) -> Page:
    """Every register as it is on the wire; writable ones where Engineering permits it."""
    known = config.board.map
    ask = "Let raw registers be written, past all checks?"
    widgets: list[Widget] = [
        header("Sonicators: registers", "../sonicator/sonicator.bob", "../sonicator/sonicator.plt"),
        label(Box(20, 80, 250, ROW), "Raw registers may be written", colour=look.TEXT),
        readback(Box(280, 80, 110, ROW), "$(P)Engineering", align=CENTRE),
        choice(Box(400, 80, 150, ROW), "$(P)Engineering", ask=ask),
    ]
    widgets += register_rows(10, 120, "Board", "$(P)", known.board.values(), 0)
    below = 120 + 60 + PITCH * len(known.board)
    for at, unit in enumerate(config.sonicators[:ACROSS]):
        x = 10 + at * (REGISTER_WIDTH + 5)
        widgets += register_rows(
            x, below, unit.name, f"$(P){unit.name}:", known.sonicator.values(), unit.number
        )
    height = below + 60 + PITCH * len(known.sonicator)
    return Page("sonicator/registers.bob", "Registers $(P)", PAGE_WIDTH, height, tuple(widgets))


def register_rows(
    x: int, y: int, title: str, prefix: str, rows: Iterable[Register], number: int
) -> Iterator[Widget]:
    """Address, meaning, value, and a field where it may be written."""
    rows = list(rows)
    wide = REGISTER_WIDTH if number else 2 * REGISTER_WIDTH
    yield panel(Box(x, y, wide, 50 + PITCH * len(rows)), title)
    yield heading(Box(x + 10, y + 10, 200, ROW), title)
    for at, row in enumerate(rows):
        line, pv = y + 40 + at * PITCH, f"{prefix}Reg:{row.of(number) if number else row.address:04X}"
        meaning = row.name.replace("_", " ").lower() if number else row.title
        yield label(Box(x + 10, line, 40, ROW), pv[-4:], font=look.SMALL)
        yield label(Box(x + 50, line, wide - 280, ROW), meaning, font=look.SMALL, colour=look.TEXT)
        yield readback(Box(x + wide - 220, line, 70, ROW), pv)
        if row.writable:
            yield from staged(Box(x + wide - 140, line, 130, ROW), pv, f"register {pv[-4:]}")


def serial_line() -> Page:
    """Health of the serial line."""
    rows, height = lines(10, 70, "sonicator", [LINE])
    widgets = (header("Sonicators: serial line", "../sonicator/sonicator.bob"), *rows)
    return Page(
        "sonicator/lines.bob", "Sonicators: serial line $(P)", look.DETAIL_WIDTH, 80 + height, widgets
    )


def overview_tile(config: PlantConfig) -> Page:
    """What the overview shows: each sonicator, the board, interlocks."""
    heads = (
        (10, 90, "Sonicator", 0),
        (110, 110, "State", CENTRE),
        (230, 90, "Power", 2),
        (430, 80, "Amplitude", 2),
    )
    widgets: list[Widget] = [
        label(Box(x, 50, width, ROW), name, font=look.SMALL, align=align) for x, width, name, align in heads
    ]
    for at, unit in enumerate(config.sonicators[:ACROSS]):
        widgets += unit_line(70 + at * PITCH, unit)
    widgets += [
        label(Box(10, 200, 90, ROW), "Board"),
        readback(Box(110, 200, 110, ROW), "$(P)Comm", align=CENTRE),
        readback(Box(230, 200, 90, ROW), "$(P)KeepAlive:Rate"),
        readback(Box(330, 200, 180, ROW), "$(P)GlobalEnable_RBV", align=CENTRE),
        label(Box(10, 230, 90, ROW), "Status"),
        words(Box(110, 230, 400, ROW), "$(P)SystemStatus:Text"),
        label(Box(10, 260, 90, ROW), "Trips"),
        readback(Box(110, 260, 110, ROW), "$(P)Interlock:Tripped", align=CENTRE),
        words(Box(230, 260, 280, ROW), "$(P)FirstOut"),
        label(Box(10, 290, 90, ROW), "Raw registers"),
        readback(Box(110, 290, 110, ROW), "$(P)Engineering", align=CENTRE),
        label(Box(230, 290, 90, ROW), "Bypassed"),
        readback(Box(330, 290, 90, ROW), "$(P)Interlock:Bypassed", align=CENTRE),
        label(Box(10, 350, 90, ROW), "Last decision"),
        prose(Box(110, 350, 400, ROW), "$(P)Reason"),
    ]
    return tile("sonicator", "Sonicators", widgets)


def unit_line(y: int, unit: SonicatorConfig) -> tuple[Widget, ...]:
    pv = f"$(P){unit.name}:"
    return (
        label(Box(10, y, 90, ROW), unit.description or unit.name),
        readback(Box(110, y, 110, ROW), f"{pv}State", align=CENTRE),
        readback(Box(230, y, 90, ROW), f"{pv}Power"),
        bar(Box(330, y, 90, ROW), f"{pv}Power"),
        readback(Box(430, y, 80, ROW), f"{pv}AmplitudeActual"),
    )
