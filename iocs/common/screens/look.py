"""How every screen looks: named colours and fonts, the grid, the sizes of pages.

The names stand in opi/color.def and in Phoebus itself; the values beside them serve a site that lacks
the names. Neutral grey throughout: a saturated colour means that something is not as it should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GRID = 10
"""Every position and size is a multiple of this, in pixels; half of it where a border needs room."""
ROW, PITCH = 20, 30
"""Height of a line of text or a field, and from one line to the next."""
PAGE_WIDTH = 1600
DETAIL_WIDTH = 1000
HEADER_HEIGHT = 60


VERSIONS = {
    "action_button": "3.0.0",
    "textentry": "3.0.0",
    "group": "3.0.0",
    "xyplot": "3.0.0",
    "stripchart": "2.1.0",
}
"""What Phoebus 5 writes; every other widget is 2.0.0. An older or missing one is read as a legacy file."""


def version(kind: str) -> str:
    """The version of a type of widget."""
    return VERSIONS.get(kind, "2.0.0")


@dataclass(frozen=True)
class Colour:
    """A named colour with the value it has here."""

    name: str
    red: int
    green: int
    blue: int


@dataclass(frozen=True)
class Font:
    """A named font with the value it has here."""

    name: str
    size: float
    style: str = "REGULAR"
    family: str = "Liberation Sans"


GROUND = Colour("Screen_Background", 220, 220, 220)
PANEL = Colour("Panel", 232, 232, 232)
PANEL_LINE = Colour("Panel_Line", 190, 190, 190)
TEXT = Colour("Text", 40, 40, 40)
LABEL = Colour("Label", 90, 90, 90)
READ = Colour("Read_Background", 240, 240, 240)
WRITE = Colour("Write_Background", 255, 255, 240)
BUTTON = Colour("Button_Background", 205, 208, 212)
HEADER = Colour("Header_Background", 72, 80, 88)
HEADER_TEXT = Colour("Header_Text", 255, 255, 255)
ON = Colour("Lamp_On", 255, 255, 255)
OFF = Colour("Lamp_Off", 150, 150, 150)
LIT = Colour("Lit", 60, 100, 140)
STOP = Colour("STOP", 190, 0, 0)
MINOR = Colour("MINOR", 255, 128, 0)
MAJOR = Colour("MAJOR", 255, 0, 0)
BAR = Colour("Bar", 110, 125, 140)
BAR_EMPTY = Colour("Bar_Empty", 222, 225, 228)
LIMIT = Colour("Limit", 120, 120, 120)
TRACES = (
    Colour("Trace_1", 30, 80, 150),
    Colour("Trace_2", 150, 90, 20),
    Colour("Trace_3", 0, 110, 110),
    Colour("Trace_4", 110, 60, 140),
    Colour("Trace_5", 90, 90, 90),
    Colour("Trace_6", 110, 110, 0),
)
PALE_TRACES = (
    Colour("Trace_1_Pale", 140, 170, 210),
    Colour("Trace_2_Pale", 210, 175, 130),
    Colour("Trace_3_Pale", 120, 185, 185),
    Colour("Trace_4_Pale", 185, 155, 205),
    Colour("Trace_5_Pale", 175, 175, 175),
    Colour("Trace_6_Pale", 190, 190, 120),
)
"""The setpoint beside the reading of the same number."""

NORMAL = Font("Default", 14.0)
BOLD = Font("Default Bold", 14.0, "BOLD")
TITLE = Font("Header 1", 22.0, "BOLD")
SECTION = Font("Header 3", 16.0, "BOLD")
BIG = Font("Header 2", 18.0, "BOLD")
SMALL = Font("Fine Print", 12.0)

CLASSES: Mapping[str, tuple[str, Mapping[str, Colour | Font]]] = {
    "LAB_PANEL": ("rectangle", {"background_color": PANEL, "line_color": PANEL_LINE}),
    "LAB_LABEL": ("label", {"font": NORMAL, "foreground_color": LABEL}),
    "LAB_SECTION": ("label", {"font": SECTION, "foreground_color": TEXT}),
    "LAB_READBACK": ("textupdate", {"font": NORMAL, "foreground_color": TEXT, "background_color": READ}),
    "LAB_ENTRY": ("textentry", {"foreground_color": TEXT, "background_color": WRITE}),
    "LAB_CHOICE": ("combo", {"foreground_color": TEXT, "background_color": WRITE}),
    "LAB_COMMAND": ("action_button", {"foreground_color": TEXT, "background_color": BUTTON}),
    "LAB_STOP": ("action_button", {"foreground_color": HEADER_TEXT, "background_color": STOP}),
}
"""Widget classes: the type of widget each is for, and what a site's class file may impose (opi/lab.bcf)."""
