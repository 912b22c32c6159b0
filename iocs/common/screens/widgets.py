"""The widgets our screens are made of, in the look of the house.

What reads the state of the plant is a `readback`; what changes it is an `entry`, a `choice` or a
`command`. Numbers that can hurt are `staged`: entered, then applied by a button that asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from iocs.common.screens import look
from iocs.common.screens.look import Colour, Font
from iocs.common.screens.tree import Box, Macros, Node, Property, Widget, macros

LEFT, CENTRE, RIGHT = 0, 1, 2
MIDDLE = 1
ENTERED = "pvStr0"
NUMBER = 'pvStr0 if pvStr0 else "nothing"'
NOTHING = "Nothing has been entered."
MACRO_R = '" + widget.getEffectiveMacros().getValue("R").rstrip(":") + "'
"""Within a text of a rule, where Phoebus expands no macros."""
STRING = 6
"""Format of an array of characters that is a text."""


def label(
    box: Box, words: str, *, font: Font = look.NORMAL, colour: Colour = look.LABEL, align: int = LEFT
) -> Widget:
    """Words that never change."""
    properties: dict[str, Property] = {"text": words, "font": font, "foreground_color": colour}
    style = "LAB_SECTION" if font is look.SECTION else "LAB_LABEL"
    return Widget("label", f"Label {words}", box, properties | _aligned(align), style)


def heading(box: Box, words: str) -> Widget:
    """The title of a panel."""
    return label(box, words, font=look.SECTION, colour=look.TEXT)


def panel(box: Box, name: str) -> Widget:
    """The ground on which things that belong together stand. Comes before them."""
    properties: dict[str, Property] = {
        "background_color": look.PANEL, "line_color": look.PANEL_LINE, "line_width": 1,
    }  # fmt: skip
    return Widget("rectangle", f"Panel {name}", box, properties, "LAB_PANEL")


def readback(box: Box, pv: str, *, font: Font = look.NORMAL, align: int = RIGHT, **more: Property) -> Widget:
    """A value with unit and precision from its PV, and its alarm as a border."""
    properties: dict[str, Property] = {
        "pv_name": pv, "font": font, "foreground_color": look.TEXT, "background_color": look.READ,
        "wrap_words": False,
    }  # fmt: skip
    return Widget("textupdate", f"Read {pv}", box, properties | _aligned(align) | more, "LAB_READBACK")


def words(box: Box, pv: str, **more: Property) -> Widget:
    """A text PV, in lines if the box has room for several."""
    several = box.height > look.ROW
    lines: dict[str, Property] = {"wrap_words": True, "vertical_alignment": 0} if several else {}
    made = readback(box, pv, align=LEFT)
    return replace(made, properties={**made.properties, **lines, **more})


def prose(box: Box, pv: str, **more: Property) -> Widget:
    """A long text PV, whole: as a plain string it would end after 39 characters."""
    whole: dict[str, Property] = {"format": STRING, "tooltip": f"{pv}\n$(pv_value)"}
    return words(box, f"{pv}.VAL$", **(whole | more))


def entry(box: Box, pv: str, **more: Property) -> Widget:
    """A field to enter a value that may be wrong without harm: it is written as it is entered."""
    properties: dict[str, Property] = {
        "pv_name": pv, "foreground_color": look.TEXT, "background_color": look.WRITE,
        "horizontal_alignment": RIGHT,
    }  # fmt: skip
    return Widget("textentry", f"Enter {pv}", box, properties | more, "LAB_ENTRY")


def write_up(box: Box, pv: str, **more: Property) -> Widget:
    """A field for a long text."""
    whole: dict[str, Property] = {"format": STRING, "horizontal_alignment": LEFT, "tooltip": pv}
    return entry(box, f"{pv}.VAL$", **(whole | more))


def lamp(box: Box, pv: str, *, on: Colour = look.ON, off: Colour = look.OFF, **more: Property) -> Widget:
    """A state that is on or off: bright or dark, never red or green. Put the word beside it."""
    properties: dict[str, Property] = {
        "pv_name": pv, "off_color": off, "on_color": on, "line_color": look.LABEL, "square": True,
    }  # fmt: skip
    return Widget("led", f"Lamp {pv}", box, properties | more)


def bar(box: Box, pv: str, *, horizontal: bool = True, limits: tuple[float, float] | None = None) -> Widget:
    """A number as the length of a bar, over the display range of its PV unless `limits` are given."""
    properties: dict[str, Property] = {
        "pv_name": pv, "fill_color": look.BAR, "background_color": look.BAR_EMPTY, "horizontal": horizontal,
    }  # fmt: skip
    if limits:
        properties |= {"limits_from_pv": False, "minimum": limits[0], "maximum": limits[1]}
    return Widget("progressbar", f"Bar {pv}", box, properties)


def bar_to_limit(box: Box, pv: str, limit: str) -> Widget:
    """A bar that is full when the number is at its limit, which is another PV."""
    made = bar(box, pv, limits=(0.0, 100.0))
    rule = _rule("Full at the limit", "maximum", "pv0", [limit])
    return replace(made, properties={**made.properties, "rules": Node("rules", (rule,))})


# -- what is written ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Write:
    """A value for a PV when a button is pressed."""

    pv: str
    value: str = "1"

    def node(self) -> Node:
        parts = (Node("description", f"Write {self.pv}"), Node("pv_name", self.pv), Node("value", self.value))
        return Node("action", parts, (("type", "write_pv"),))


def command(box: Box, words: str, writes: Sequence[Write], *, ask: str = "", **more: Property) -> Widget:
    """A button that writes, after the question `ask` if there is one. Stops have none."""
    actions = Node("actions", tuple(write.node() for write in writes), (("execute_as_one", "true"),))
    properties: dict[str, Property] = {
        "text": words, "actions": actions, "foreground_color": look.TEXT, "background_color": look.BUTTON,
    }  # fmt: skip
    if len(writes) == 1:
        properties["pv_name"] = writes[0].pv
    if ask:
        properties |= {"show_confirm_dialog": True, "confirm_message": ask}
    return Widget(
        "action_button", f"Command {words}", box, properties | {"tooltip": words} | more, "LAB_COMMAND"
    )


def stop(box: Box, words: str, pvs: Sequence[str], *, font: Font = look.BOLD) -> Widget:
    """The emergency stop: red, one click, no question."""
    made = command(box, words, [Write(pv) for pv in pvs])
    colours: dict[str, Property] = {"foreground_color": look.HEADER_TEXT, "background_color": look.STOP}
    return replace(made, properties={**made.properties, **colours, "font": font}, style="LAB_STOP")


def staged(
    box: Box, pv: str, what: str, *, unit: str = "", button: int = 60, text_pv: bool = False
) -> tuple[Widget, ...]:
    """What can hurt: entered into a PV of the screen, written to `pv` by Apply, which asks first.

    `what` names it in the question, $(R) in it becomes the instrument; `unit`: name of a text PV, or empty;
    `text_pv`: it is no number. Rules bring what was entered into the button, the question last. What is
    entered is a text, so that it is empty at first, and Apply then writes a word that an IOC refuses: a
    number, and an empty text too (as in EPICS base), would be a 0 that nobody wanted.
    """
    local = f'loc://{pv}:Staged("")'
    field = Box(box.x, box.y, box.width - button - look.GRID, box.height)
    place = Box(box.x + box.width - button, box.y, button, box.height)
    named = f'"{what}"'.replace("$(R)", MACRO_R)
    question = f'{named} + ": set to " + {ENTERED}' + (' + " " + pvStr1' if unit else "") + ' + "?"'
    rules = Node(
        "rules",
        (
            _rule("What is written", "tooltip", ENTERED if text_pv else NUMBER, [local]),
            _rule(
                "What is asked",
                "confirm_message",
                f'{question} if {ENTERED} else "{NOTHING}"',
                [local, *([unit] if unit else [])],
            ),
        ),
    )
    apply = command(place, "Apply", [Write(pv, "$(tooltip)")], ask=NOTHING, rules=rules)
    return (
        entry(field, local, border_alarm_sensitive=False, tooltip=f"{what}: what Apply will set"),
        replace(apply, name=f"Apply {pv}", properties={**apply.properties, "tooltip": ""}),
    )


def choice(box: Box, pv: str, *, ask: str = "", items: Sequence[str] = (), **more: Property) -> Widget:
    """One of the states of a PV, from a list that drops down. `items` for a text PV."""
    properties: dict[str, Property] = {
        "pv_name": pv, "foreground_color": look.TEXT, "background_color": look.WRITE,
    }  # fmt: skip
    if items:
        properties |= {
            "items_from_pv": False,
            "items": Node("items", tuple(Node("item", item) for item in items)),
        }
    if ask:
        properties |= {"show_confirm_dialog": True, "confirm_message": ask}
    return Widget("combo", f"Choose {pv}", box, properties | more, "LAB_CHOICE")


# -- where one goes -----------------------------------------------------------------------------


def goto(
    box: Box, words: str, file: str, given: Macros, *, target: str = "replace", **more: Property
) -> Widget:
    """A button that opens another screen, named relative to the screen it is on: replace, tab or window."""
    parts = (
        Node("description", words),
        Node("file", file),
        *([macros(given)] if given else []),
        Node("target", target),
    )
    actions = Node("actions", (Node("action", parts, (("type", "open_display"),)),))
    properties: dict[str, Property] = {
        "text": words, "actions": actions, "foreground_color": look.TEXT, "background_color": look.BUTTON,
        "tooltip": words,
    }  # fmt: skip
    return Widget("action_button", f"Open {words}", box, properties | more, "LAB_COMMAND")


def open_file(box: Box, words: str, file: str, **more: Property) -> Widget:
    """A button that opens a file with whatever in Phoebus it is for, such as a trend in the Data Browser."""
    parts = (Node("description", words), Node("file", file))
    actions = Node("actions", (Node("action", parts, (("type", "open_file"),)),))
    properties: dict[str, Property] = {
        "text": words, "actions": actions, "foreground_color": look.TEXT, "background_color": look.BUTTON,
        "tooltip": words,
    }  # fmt: skip
    return Widget("action_button", f"Open {words}", box, properties | more, "LAB_COMMAND")


def part(box: Box, name: str, file: str, given: Macros) -> Widget:
    """Another screen as a part of this one, in its own size."""
    properties: dict[str, Property] = {"file": file, "transparent": True}
    if given:
        properties["macros"] = macros(given)
    return Widget("embedded", name, box, properties)


def header(title: str, up: str, trends: str = "") -> Widget:
    """The head of a screen with macro P: title, prefix, clock, Home, Up, emergency stop.

    `up`: file that the Up button opens, relative to opi/common. A page has `trends`, a file for the Data
    Browser; without it is the narrower head of a detail.
    """
    given = {"TITLE": title, "UP": up}
    if not trends:
        box = Box(0, 0, look.DETAIL_WIDTH, look.HEADER_HEIGHT)
        return part(box, "Header", "../common/header_small.bob", given)
    box = Box(0, 0, look.PAGE_WIDTH, look.HEADER_HEIGHT)
    return part(box, "Header", "../common/header.bob", given | {"TRENDS": trends})


# -- rules --------------------------------------------------------------------------------------


def shown_when(condition: str, pvs: Sequence[str]) -> Node:
    """A rule for the property `rules`: the widget is there while the condition holds (`pv0 == 1`)."""
    hidden = Node("exp", (Node("value", "false"),), (("bool_exp", f"!({condition})"),))
    names = tuple(Node("pv_name", pv) for pv in pvs)
    attributes = (("name", "Shown when"), ("prop_id", "visible"), ("out_exp", "false"))
    return Node("rules", (Node("rule", (hidden, *names), attributes),))


def _rule(name: str, prop: str, expression: str, pvs: Sequence[str]) -> Node:
    always = Node("exp", (Node("expression", expression),), (("bool_exp", "true"),))
    names = tuple(Node("pv_name", pv) for pv in pvs)
    return Node("rule", (always, *names), (("name", name), ("prop_id", prop), ("out_exp", "true")))


def _aligned(align: int) -> dict[str, Property]:
    horizontal: dict[str, Property] = {"horizontal_alignment": align} if align else {}
    return horizontal | {"vertical_alignment": MIDDLE}
