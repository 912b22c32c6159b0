"""The screens of the environment IOC that depend on its configuration: the chamber and its tile.

One relay, the light schedule and the guard are drawn by hand (opi/environment); limits and sensors are in
settings_screens.py. Knows PV names and the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iocs.common.screens import look
from iocs.common.screens.blocks import tile
from iocs.common.screens.charts import Axis, Trace, trend
from iocs.common.screens.diagrams import arrow
from iocs.common.screens.look import PAGE_WIDTH, PITCH, ROW
from iocs.common.screens.tree import Box, Page, Widget, moved
from iocs.common.screens.widgets import (
    CENTRE,
    choice,
    goto,
    header,
    heading,
    label,
    lamp,
    panel,
    part,
    prose,
    readback,
    words,
)
from iocs.environment.config import EnvironmentConfig
from iocs.environment.settings_screens import interlocks, limits, sensors, values_of

RELAY_WIDTH, RELAY_HEIGHT = 380, 210
PLACES = {"Fan": (20, 180), "Mist": (640, 180), "Light": (200, 70), "Heater": (200, 300)}
"""Where a relay stands around the chamber."""
STREAMS = {
    "Fan": ((140, 200), (190, 200)),
    "Mist": ((640, 200), (590, 200)),
    "Light": ((220, 110), (220, 130)),
    "Heater": ((220, 300), (220, 280)),
}


def pages(config: EnvironmentConfig) -> tuple[Page, ...]:
    """The page of the chamber, its limits, interlocks, sensors, and the tile for the overview."""
    return chamber(config), limits(config), interlocks(config), sensors(config), overview_tile(config)


def details(config: EnvironmentConfig) -> dict[str, str]:
    """The screen of each group of PVs, by what follows the prefix."""
    sources = ["RELAYS:", *(f"SENSOR:{sensor.name}:" for sensor in config.sensors)]
    relays = {f"{name}:": "environment/relay_detail.bob" for name in relays_of(config) if name != "Light"}
    return relays | dict.fromkeys(sources, "environment/sensors.bob")


def relays_of(config: EnvironmentConfig) -> list[str]:
    return [relay.value for relay in config.relays.places]


def chamber(config: EnvironmentConfig) -> Page:
    """Everything about the chamber at one look."""
    measured = values_of(config)
    faceplates = [
        part(
            Box(10 + at * (RELAY_WIDTH + 10), 430, RELAY_WIDTH, RELAY_HEIGHT), name, "relay.bob",
            {"R": f"{name}:", "NAME": name},
        )
        for at, name in enumerate(relays_of(config))
    ]  # fmt: skip
    widgets = (
        header("Environment", "../overview.bob", "../environment/environment.plt"),
        *moved(mimic(relays_of(config), measured), 10, 70),
        *trends(measured),
        *faceplates,
        part(Box(10, 650, 580, 240), "Light", "light.bob", {}),
        part(Box(600, 650, 320, 240), "Guard", "guard.bob", {}),
        *measurements(Box(930, 650, 660, 240), measured),
    )
    return Page("environment/environment.bob", "Environment $(P)", PAGE_WIDTH, 900, widgets)


def mimic(relays: Sequence[str], measured: Sequence[str]) -> tuple[Widget, ...]:
    """The chamber as a picture: what is measured in it, what acts on it."""
    ask = "Change who decides? In MANUAL the relays follow the buttons."
    frame = (
        panel(Box(0, 0, 780, 350), "Chamber"),
        heading(Box(10, 10, 100, 30), "Chamber"),
        readback(Box(120, 10, 150, 30), "$(P)Mode", font=look.BIG, align=CENTRE),
        choice(Box(280, 10, 150, 30), "$(P)Mode", ask=ask),
        prose(Box(440, 10, 330, 30), "$(P)SafetyReason"),
        Widget("rectangle", "The chamber", Box(190, 130, 400, 150), {
            "background_color": look.READ, "line_color": look.LABEL, "line_width": 2,
        }),
    )  # fmt: skip
    inside = [widget for at, name in enumerate(measured) for widget in measured_in(at, name)]
    around = [widget for name in relays for widget in equipment(name)]
    rest = (
        label(Box(440, 70, 110, ROW), "Not real"),
        readback(Box(550, 70, 220, ROW), "$(P)Simulation", align=CENTRE),
        label(Box(440, 310, 110, ROW), "Guard acts"),
        readback(Box(550, 310, 80, ROW), "$(P)CondensationGuard:Active", align=CENTRE),
    )
    return (*frame, *inside, *around, *rest)


def measured_in(at: int, name: str) -> tuple[Widget, ...]:
    row, column = divmod(at, 2)
    x, y = 200 + column * 195, 150 + row * 70
    return label(Box(x, y, 85, 30), name), readback(Box(x + 85, y, 105, 30), f"$(P){name}", font=look.BIG)


def equipment(name: str) -> tuple[Widget, ...]:
    """A relay as a lamp with its state, and what goes from it into the chamber."""
    x, y = PLACES[name]
    return (
        lamp(Box(x, y, 40, 40), f"$(P){name}:State"),
        label(Box(x + 50, y, 70, ROW), name, colour=look.TEXT),
        readback(Box(x + 50, y + 20, 70, ROW), f"$(P){name}:State", align=CENTRE),
        arrow(STREAMS[name], f"From {name}"),
    )


def trends(measured: Sequence[str]) -> Iterator[Widget]:
    """What is measured, with the limits at which relays act."""
    temperature = [
        Trace("$(P)Temperature:Min", "Heater below", look.PALE_TRACES[0], step=True),
        Trace("$(P)Temperature:Max", "Fan above", look.PALE_TRACES[1], step=True),
    ]
    air = [
        Trace("$(P)Humidity:Min", "Mist below", look.PALE_TRACES[0], step=True),
        Trace("$(P)CO2:Max", "Fan above", look.PALE_TRACES[1], axis=1, step=True),
    ]
    if "Temperature" in measured:
        temperature.insert(0, Trace("$(P)Temperature", "Temperature", look.TRACES[0]))
    if "Humidity" in measured:
        air.insert(0, Trace("$(P)Humidity", "Humidity", look.TRACES[0]))
    if "CO2" in measured:
        air.append(Trace("$(P)CO2", "CO2", look.TRACES[1], axis=1))
    axes = [Axis("Humidity, %RH"), Axis("CO2, ppm")]
    yield trend(Box(800, 70, 790, 170), "Temperature", [Axis("degC")], temperature, start="2 hours")
    yield trend(Box(800, 250, 790, 170), "Humidity and CO2", axes, air, start="2 hours")


def measurements(box: Box, measured: Sequence[str]) -> Iterator[Widget]:
    """How good the readings are, and the way to what lies behind."""
    yield panel(box, "Readings")
    yield heading(Box(box.x + 10, box.y + 10, 100, ROW), "Readings")
    for at, name in enumerate(measured):
        place = Box(box.x + 10, box.y + 40 + at * PITCH - 5, 480, 30)
        yield part(place, name, "value.bob", {"R": name})
    x = box.x + 520
    links = (
        ("Limits", "limits.bob"),
        ("History", "history.bob"),
        ("Sensors", "sensors.bob"),
        ("Interlocks", "interlocks.bob"),
    )
    for at, (title, file) in enumerate(links):
        yield goto(Box(x, box.y + 40 + at * PITCH, 130, ROW), title, file, {}, target="tab")
    y = box.y + 170
    yield label(Box(box.x + 10, y, 100, ROW), "Trips")
    yield readback(Box(box.x + 110, y, 60, ROW), "$(P)Interlock:Tripped", align=CENTRE)
    yield words(Box(box.x + 180, y, 310, ROW), "$(P)FirstOut")
    yield label(Box(box.x + 510, y, 70, ROW), "Bypassed")
    yield readback(Box(box.x + 590, y, 60, ROW), "$(P)Interlock:Bypassed", align=CENTRE)
    yield label(Box(box.x + 10, y + 30, 100, ROW), "Last action")
    yield prose(Box(box.x + 110, y + 30, 540, ROW), "$(P)History:Last")


def overview_tile(config: EnvironmentConfig) -> Page:
    """What the overview shows: who decides, what is measured, what each relay does and why."""
    widgets: list[Widget] = [
        readback(Box(10, 50, 150, 30), "$(P)Mode", font=look.BIG, align=CENTRE),
        prose(Box(170, 50, 340, 30), "$(P)SafetyReason"),
    ]
    for at, name in enumerate(values_of(config)):
        row, column = divmod(at, 2)
        x, y = 10 + column * 260, 90 + row * PITCH
        widgets += [
            label(Box(x, y, 85, ROW), name),
            readback(Box(x + 85, y, 85, ROW), f"$(P){name}"),
            readback(Box(x + 180, y, 60, ROW), f"$(P){name}:Quality", align=CENTRE),
        ]
    for at, name in enumerate(relays_of(config)):
        widgets += relay_line(160 + at * PITCH, name)
    widgets += [
        label(Box(10, 290, 90, ROW), "Guard acts"),
        readback(Box(100, 290, 50, ROW), "$(P)CondensationGuard:Active", align=CENTRE),
        label(Box(170, 290, 100, ROW), "Light verified"),
        readback(Box(270, 290, 100, ROW), "$(P)Light:Verified", align=CENTRE),
        label(Box(390, 290, 60, ROW), "Trips"),
        readback(Box(450, 290, 60, ROW), "$(P)Interlock:Tripped", align=CENTRE),
        label(Box(10, 320, 90, ROW), "Relays"),
        readback(Box(100, 320, 100, ROW), "$(P)RELAYS:Comm", align=CENTRE),
        words(Box(210, 320, 300, ROW), "$(P)FirstOut"),
        label(Box(10, 350, 90, ROW), "Last decision"),
        prose(Box(100, 350, 410, ROW), "$(P)Reason"),
    ]
    return tile("environment", "Environment", widgets)


def relay_line(y: int, name: str) -> tuple[Widget, ...]:
    return (
        lamp(Box(10, y, 20, 20), f"$(P){name}:State"),
        label(Box(40, y, 60, ROW), name),
        readback(Box(100, y, 50, ROW), f"$(P){name}:State", align=CENTRE),
        prose(Box(160, y, 350, ROW), f"$(P){name}:Reason"),
    )
