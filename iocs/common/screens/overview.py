"""The plant at one look: a tile for each subsystem, the emergency stop of all of them.

Knows subsystems by name and prefix only; what a tile shows is drawn by the subsystem (opi/<name>/tile.bob).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from iocs.common.screens import look
from iocs.common.screens.tree import Box, Page, Property, Widget
from iocs.common.screens.widgets import label, panel, part, stop

FILE = "overview.bob"
TILE_WIDTH, TILE_HEIGHT, COLUMNS = 520, 390, 3
GAP = look.GRID


@dataclass(frozen=True)
class Place:
    """One subsystem on the overview: its PVs begin with the macro of its name in capitals."""

    name: str
    prefix: str

    @property
    def macro(self) -> str:
        return f"$({self.name.upper()}={self.prefix})"


def overview(prefixes: Mapping[str, str]) -> Page:
    """The top of all screens. `prefixes`: of each subsystem by name, where no macro says otherwise."""
    places = [Place(name, prefix) for name, prefix in prefixes.items()]
    widgets = [*_header(), _stop_all(places)]
    for at, place in enumerate(places):
        widgets.append(part(_tile(at), f"Tile {place.name}", f"{place.name}/tile.bob", {"P": place.macro}))
    widgets += _hosts(_tile(len(places)), places)
    rows = (len(places) + COLUMNS) // COLUMNS
    height = look.HEADER_HEIGHT + GAP + rows * (TILE_HEIGHT + GAP)
    return Page(FILE, "Plant overview", look.PAGE_WIDTH, height, tuple(widgets))


def _header() -> list[Widget]:
    ground = panel(Box(0, 0, look.PAGE_WIDTH, look.HEADER_HEIGHT), "Header")
    colours: dict[str, Property] = {"background_color": look.HEADER, "line_color": look.HEADER}
    title = label(Box(10, 0, 600, 40), "Plant overview", font=look.TITLE, colour=look.HEADER_TEXT)
    whose = label(Box(10, 40, 600, 20), "Process laboratory", font=look.SMALL, colour=look.HEADER_TEXT)
    return [replace(ground, properties={**ground.properties, **colours}), title, whose]


def _stop_all(places: list[Place]) -> Widget:
    box = Box(look.PAGE_WIDTH - 250, 10, 240, 40)
    return stop(box, "EMERGENCY STOP: ALL", [f"{place.macro}EStop" for place in places], font=look.SECTION)


def _tile(at: int) -> Box:
    row, column = divmod(at, COLUMNS)
    top = look.HEADER_HEIGHT + GAP
    return Box(GAP + column * (TILE_WIDTH + GAP), top + row * (TILE_HEIGHT + GAP), TILE_WIDTH, TILE_HEIGHT)


def _hosts(box: Box, places: list[Place]) -> list[Widget]:
    """The IOCs themselves, a line each, in the place after the last tile."""
    ground = panel(Box(box.x, box.y, TILE_WIDTH, TILE_HEIGHT), "IOCs")
    head = part(Box(box.x, box.y, TILE_WIDTH, 60), "IOCs", "common/ioc_rows.bob", {})
    rows = [
        part(
            Box(box.x, box.y + 65 + at * 30, TILE_WIDTH, 30), f"IOC {place.name}", "common/ioc_row.bob",
            {"P": place.macro, "NAME": place.name},
        )
        for at, place in enumerate(places)
    ]  # fmt: skip
    return [ground, head, *rows]
