"""Screens of the chamber's settings: its limits and margins, interlocks, sensors and relays on their lines.

Knows PV names and the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iocs.common.screens import look
from iocs.common.screens.blocks import lines, matrix
from iocs.common.screens.look import PAGE_WIDTH, PITCH, ROW
from iocs.common.screens.tree import Box, Page, Widget
from iocs.common.screens.widgets import (
    CENTRE,
    choice,
    entry,
    header,
    heading,
    label,
    panel,
    part,
    readback,
    staged,
    words,
)
from iocs.environment.config import EnvironmentConfig
from iocs.environment.display import NAMES

LIMITS = (
    ("Temperature:Min", "Heater on at or below", "Temperature"),
    ("Temperature:Max", "Fan on at or above", "Temperature"),
    ("Humidity:Min", "Mist on at or below", "Humidity"),
    ("CO2:Max", "Fan on at or above", "CO2"),
)
MAIN, TRENDS = "../environment/environment.bob", "../environment/environment.plt"
MARGINS = (
    ("Temperature:Hysteresis", "Temperature: how far back before they let go"),
    ("Humidity:Hysteresis", "Humidity: how far back before it lets go"),
    ("CO2:Hysteresis", "CO2: how far back before it lets go"),
    ("SensorTimeout", "Age at which a sensor counts as lost"),
    ("DutyWindow", "Window over which the duty is counted"),
)


def values_of(config: EnvironmentConfig) -> list[str]:
    """The PVs of what is measured."""
    return [NAMES[value.quantity][0] for value in config.values]


def limits(config: EnvironmentConfig) -> Page:
    """Between which values the chamber is kept, and how."""
    widgets: list[Widget] = [
        header("Environment: limits", MAIN),
        panel(Box(10, 70, 980, 170), "Limits"),
        heading(Box(20, 80, 300, ROW), "The chamber is kept between"),
    ]
    for at, (name, meaning, what) in enumerate(LIMITS):
        y, pv = 110 + at * PITCH, f"$(P){name}"
        widgets += [
            label(Box(20, y, 130, ROW), what, colour=look.TEXT),
            label(Box(150, y, 200, ROW), meaning),
            readback(Box(360, y, 110, ROW), pv),
            *staged(Box(480, y, 160, ROW), pv, f"{what}, {meaning[0].lower()}{meaning[1:]}"),
        ]
    fields = [*MARGINS, *((f"{name}:Offset", f"{name}: correction added") for name in values_of(config))]
    widgets += [
        panel(Box(10, 250, 980, 50 + PITCH * len(fields)), "Settings"),
        heading(Box(20, 260, 300, ROW), "Margins and corrections"),
    ]
    for at, (name, meaning) in enumerate(fields):
        y = 290 + at * PITCH
        widgets += [label(Box(20, y, 330, ROW), meaning), entry(Box(360, y, 110, ROW), f"$(P){name}")]
    bottom = 310 + PITCH * len(fields)
    widgets += without_sensor(550, 290, [relay.value for relay in config.relays.places])
    return Page(
        "environment/limits.bob", "Environment: limits $(P)", look.DETAIL_WIDTH, bottom, tuple(widgets)
    )


def without_sensor(x: int, y: int, relays: Sequence[str]) -> Iterator[Widget]:
    """What each relay that follows a sensor does without it."""
    yield label(Box(x, y - 30, 400, ROW), "Without its sensor a relay is", colour=look.TEXT)
    for at, name in enumerate(name for name in relays if name != "Light"):
        pv, line = f"$(P){name}:OnSensorLoss", y + at * PITCH
        yield label(Box(x, line, 90, ROW), name)
        yield readback(Box(x + 100, line, 110, ROW), pv, align=CENTRE)
        ask = f"Change what {name} does without its sensor?"
        yield choice(Box(x + 220, line, 160, ROW), pv, ask=ask)


def interlocks(config: EnvironmentConfig) -> Page:
    """The interlocks of the chamber."""
    rows, height = matrix(10, 70, "environment", config.interlocks)
    widgets = (
        header("Environment: interlocks", MAIN, TRENDS),
        *rows,
    )
    return Page(
        "environment/interlocks.bob", "Environment: interlocks $(P)", PAGE_WIDTH, height + 80, widgets
    )


def sensors(config: EnvironmentConfig) -> Page:
    """The conversation with the relays and with every sensor, and the serial lines if there are any."""
    parts = [("Relays", "RELAYS:"), *((sensor.name, f"SENSOR:{sensor.name}:") for sensor in config.sensors)]
    widgets: list[Widget] = [
        header(
            "Environment: sensors and relays",
            MAIN,
            TRENDS,
        )
    ]
    for at, (name, r) in enumerate(parts):
        row, column = divmod(at, 3)
        x, y = 10 + column * 500, 70 + row * 300
        kind = f"$(P){r}Backend" if r == "RELAYS:" else f"$(P){r}Kind"
        widgets += [
            heading(Box(x, y, 200, ROW), name),
            words(Box(x + 210, y, 280, ROW), kind),
            part(Box(x, y + 30, 490, 250), f"Conversation {name}", "../common/comm.bob", {"R": r}),
        ]
    bottom = 70 + -(-len(parts) // 3) * 300
    if config.lines:
        rows, height = lines(10, bottom, "environment", [line.name for line in config.lines])
        widgets, bottom = [*widgets, *rows], bottom + height + 10
    return Page("environment/sensors.bob", "Environment: sensors $(P)", PAGE_WIDTH, bottom, tuple(widgets))
