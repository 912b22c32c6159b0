"""The screens of the thermal IOC that depend on its configuration: plate and supplies, parameters, the tile.

States, search and one supply are drawn by hand (opi/thermal). Knows PV names and the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from iocs.common.screens import look
from iocs.common.screens.blocks import lines_page, matrix, tile
from iocs.common.screens.charts import Axis, Trace, trend
from iocs.common.screens.look import PAGE_WIDTH, PITCH, ROW
from iocs.common.screens.tree import Box, Page, Widget
from iocs.common.screens.widgets import (
    CENTRE,
    bar,
    choice,
    entry,
    goto,
    header,
    heading,
    label,
    panel,
    part,
    prose,
    readback,
    staged,
)
from iocs.thermal.config import ThermalConfig
from iocs.thermal.logic.parameters import Bounds

SENSOR_HEIGHT = 60
SENSORS_ON_PAGE = 3
CAN_HURT = ("A", "V", "degC")
"""Parameters in these units decide how much heat is pumped and when it is stopped: staged."""
SHUTDOWN = "symmetric_shutdown"
TRENDS = "../thermal/thermal.plt"
COLUMN = 740


def pages(config: ThermalConfig) -> tuple[Page, ...]:
    """The page of the plate, its parameters, its serial lines, and the tile for the overview."""
    health = lines_page("thermal", "Thermal", [line.name for line in config.lines])
    return plate(config), parameters(config.bounds), health, overview_tile(config)


def details(config: ThermalConfig) -> dict[str, str]:
    """The screen of each group of PVs, by what follows the prefix."""
    return {f"{supply.name}:": "thermal/supply_detail.bob" for supply in config.supplies}


def plate(config: ThermalConfig) -> Page:
    """Everything about the plate at one look."""
    names = [supply.name for supply in config.supplies]
    interlocks, height = matrix(10, 880, "thermal", config.interlocks) if config.interlocks else ((), -10)
    widgets = (
        header("Thermal", "../overview.bob", TRENDS),
        part(Box(10, 70, 780, 310), "States", "states.bob", {}),
        part(Box(1190, 70, 400, 310), "Search", "search.bob", {}),
        *sensors(Box(800, 70, 380, 310), [sensor.name for sensor in config.sensors]),
        *[
            part(Box(10 + at * 390, 390, 380, 240), name, "supply.bob", {"R": f"{name}:", "NAME": name})
            for at, name in enumerate(names)
        ],
        temperatures(Box(790, 390, 800, 240), [sensor.name for sensor in config.sensors]),
        currents(Box(10, 640, 770, 230), names),
        rates(Box(790, 640, 800, 230)),
        *interlocks,
    )
    return Page("thermal/thermal.bob", "Thermal $(P)", PAGE_WIDTH, 890 + height, widgets)


def sensors(box: Box, names: list[str]) -> Iterator[Widget]:
    """The plates and the room, and the way to what lies behind."""
    yield panel(box, "Temperatures")
    yield heading(Box(box.x + 10, box.y + 10, 120, ROW), "Temperatures")
    x = box.x + 10
    for at, name in enumerate(names[:SENSORS_ON_PAGE]):
        place = Box(x, box.y + 40 + at * SENSOR_HEIGHT, 360, 60)
        yield part(place, name, "sensor.bob", {"R": name})
    y = box.y + box.height - 30
    yield label(Box(x, y - 40, 50, ROW), "Trips")
    yield readback(Box(x + 50, y - 40, 40, ROW), "$(P)Interlock:Tripped", align=CENTRE)
    yield readback(Box(x + 100, y - 40, 130, ROW), "$(P)FirstOut", align=CENTRE)
    yield label(Box(x + 240, y - 40, 70, ROW), "Bypassed")
    yield readback(Box(x + 310, y - 40, 50, ROW), "$(P)Interlock:Bypassed", align=CENTRE)
    for at, (words, file) in enumerate(
        (("Parameters", "config.bob"), ("Transitions", "events.bob"), ("Lines", "lines.bob"))
    ):
        yield goto(Box(x + at * 120, y, 110, ROW), words, file, {}, target="tab")


def temperatures(box: Box, names: list[str]) -> Widget:
    traces = [Trace(f"$(P){name}", name, look.TRACES[at % len(look.TRACES)]) for at, name in enumerate(names)]
    return trend(box, "Temperatures", [Axis("Temperature, degC")], traces, start="30 minutes")


def currents(box: Box, names: list[str]) -> Widget:
    """What each supply gives, and what it was told."""
    traces = []
    for at, name in enumerate(names):
        traces += [
            Trace(f"$(P){name}:Current_RBV", name, look.TRACES[at]),
            Trace(f"$(P){name}:SetCurrent_RBV", f"{name} set", look.PALE_TRACES[at], step=True),
        ]
    return trend(box, "Currents", [Axis("Current, A")], traces, start="30 minutes")


def rates(box: Box) -> Widget:
    traces = [
        Trace("$(P)CoolingRate", "Cold plate", look.TRACES[0]),
        Trace("$(P)HotRate", "Hot side", look.TRACES[1]),
    ]
    return trend(box, "Rates", [Axis("Rate, K/min")], traces, start="30 minutes")


def parameters(bounds: Mapping[str, Bounds]) -> Page:
    """Every number the controller decides by, in two columns: what it means, its value, its unit."""
    half = -(-len(bounds) // 2)
    widgets: list[Widget] = [header("Thermal: parameters", "../thermal/thermal.bob", TRENDS)]
    for at, (name, known) in enumerate(bounds.items()):
        column, line = divmod(at, half)
        widgets += parameter(20 + column * (COLUMN + 60), 80 + line * PITCH, name, known)
    bottom = 80 + half * PITCH
    pv = f"$(P)Config:{SHUTDOWN}"
    ask = "Change what happens when one supply is lost?"
    widgets += [
        label(Box(20, bottom, 250, ROW), "Without one supply, both go off", colour=look.TEXT),
        readback(Box(280, bottom, 110, ROW), pv, align=CENTRE),
        choice(Box(400, bottom, 150, ROW), pv, ask=ask),
        label(Box(560, bottom, 220, ROW), SHUTDOWN, font=look.SMALL),
    ]
    return Page("thermal/config.bob", "Thermal: parameters $(P)", PAGE_WIDTH, bottom + PITCH, tuple(widgets))


def parameter(x: int, y: int, name: str, known: Bounds) -> tuple[Widget, ...]:
    """A line: in words, value, a field for a new one; its name, which is that of `config.h`."""
    pv = f"$(P)Config:{name}"
    box = Box(x + 380, y, 150, ROW)
    field = staged(box, pv, known.text) if known.unit in CAN_HURT else (entry(box._replace(width=80), pv),)
    return (
        label(Box(x, y, 250, ROW), known.text, colour=look.TEXT),
        readback(Box(x + 260, y, 110, ROW), pv),
        *field,
        label(Box(x + 540, y, 220, ROW), name, font=look.SMALL),
    )


def overview_tile(config: ThermalConfig) -> Page:
    """What the overview shows: state and reason, plates, the search, supplies."""
    widgets: list[Widget] = [
        readback(Box(10, 50, 200, 30), "$(P)State", font=look.BIG, align=CENTRE),
        prose(Box(220, 50, 290, 40), "$(P)StateReason"),
        *pair(10, 100, "Cold plate", "$(P)ColdPlate", big=True),
        *pair(270, 100, "Hot side", "$(P)HotPlate", big=True),
        *pair(10, 140, "Cooling rate", "$(P)CoolingRate"),
        *pair(270, 140, "Hot zone", "$(P)HotSide:Zone"),
        *pair(10, 170, "Current", "$(P)Current"),
        *pair(270, 170, "Best", "$(P)Optimum"),
    ]
    for at, supply in enumerate(config.supplies):
        widgets += supply_line(200 + at * PITCH, supply.name)
    y = 200 + len(config.supplies) * PITCH
    widgets += [
        label(Box(10, y, 100, ROW), "Outputs"),
        readback(Box(120, y, 190, ROW), "$(P)NotConfirmedOff", align=CENTRE),
        readback(Box(320, y, 190, ROW), "$(P)NotConfirmedOff:Who"),
        label(Box(10, y + 30, 100, ROW), "Latch"),
        readback(Box(120, y + 30, 190, ROW), "$(P)Latch", align=CENTRE),
        label(Box(320, y + 30, 80, ROW), "Trips"),
        readback(Box(400, y + 30, 110, ROW), "$(P)Interlock:Tripped", align=CENTRE),
        label(Box(10, 350, 100, ROW), "Last decision"),
        prose(Box(120, 350, 390, ROW), "$(P)Reason"),
    ]
    return tile("thermal", "Thermal", widgets)


def pair(x: int, y: int, name: str, pv: str, *, big: bool = False) -> tuple[Widget, ...]:
    font = look.BIG if big else look.NORMAL
    height = 30 if big else ROW
    return label(Box(x, y, 100, height), name), readback(Box(x + 110, y, 130, height), pv, font=font)


def supply_line(y: int, name: str) -> tuple[Widget, ...]:
    pv = f"$(P){name}:"
    return (
        label(Box(10, y, 100, ROW), name),
        readback(Box(120, y, 90, ROW), f"{pv}Current_RBV"),
        bar(Box(220, y, 90, ROW), f"{pv}Current_RBV"),
        readback(Box(320, y, 70, ROW), f"{pv}Output_RBV", align=CENTRE),
        readback(Box(400, y, 110, ROW), f"{pv}Comm", align=CENTRE),
    )
