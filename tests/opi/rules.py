"""What is asked of every screen. Each rule takes a screen and gives what is wrong with it, in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.opi import widget_table as table
from tests.opi.displays import Display, Element, number, read

GRID, MARGIN = 5, 5
"""In pixels. Phoebus draws the border of an alarm around a widget, and cuts it at the edge of a part."""
BOX = ("x", "y", "width", "height")


def name_of(element: Element) -> str:
    return f"{element.get('type', element.tag)} {element.findtext('name') or ''!r}"


def every_widget(display: Display) -> Iterator[Element]:
    yield from display.root.iter("widget")


# -- what Phoebus knows ---------------------------------------------------------------------------


def types_and_versions(display: Display) -> Iterator[str]:
    if display.root.tag != "display" or display.root.get("version") != "2.0.0":
        yield "is not a display of version 2.0.0"
    for widget in every_widget(display):
        kind = widget.get("type", "")
        if kind not in table.PROPERTIES:
            yield f"{name_of(widget)}: there is no such widget"
        elif widget.get("version") != table.VERSIONS.get(kind, "2.0.0"):
            yield f"{name_of(widget)}: version {widget.get('version')} is not current"


def properties(display: Display) -> Iterator[str]:
    for element in (display.root, *every_widget(display)):
        known = table.PROPERTIES.get(element.get("type", element.tag), frozenset())
        for child in element:
            if child.tag != "widget" and child.tag not in known:
                yield f"{name_of(element)}: there is no property {child.tag}"
        tags = [child.tag for child in element if child.tag != "widget"]
        yield from (f"{name_of(element)}: {tag} stands twice" for tag in set(tags) if tags.count(tag) > 1)
        yield from _parts(element)


def _parts(element: Element) -> Iterator[str]:
    for tag, known in table.PARTS.items():
        for part in _within(element, tag):
            unknown = {child.tag for child in part} - known
            yield from (f"{name_of(element)}: a {tag} has no {name}" for name in unknown)
    for action in element.findall("actions/action"):
        known_of_action = table.ACTIONS.get(action.get("type", ""))
        if known_of_action is None:
            yield f"{name_of(element)}: there is no action {action.get('type')}"
            continue
        unknown = {child.tag for child in action} - known_of_action
        yield from (f"{name_of(element)}: {action.get('type')} has no {name}" for name in unknown)
        if action.findtext("target", "replace") not in table.TARGETS:
            yield f"{name_of(element)}: there is no target {action.findtext('target')}"


def _within(element: Element, tag: str) -> Iterator[Element]:
    """The parts of a widget that are its own, not those of widgets in it."""
    for child in element:
        if child.tag == tag:
            yield child
        if child.tag != "widget":
            yield from _within(child, tag)


def values(display: Display) -> Iterator[str]:
    for element in (display.root, *every_widget(display)):
        kind = element.get("type", "")
        for leaf in _leaves(element):
            if not _fits(kind, leaf.tag, leaf.text or ""):
                yield f"{name_of(element)}: {leaf.tag} cannot be {leaf.text!r}"


def _leaves(element: Element) -> Iterator[Element]:
    for child in element:
        if child.tag in ("widget", "macros", "actions", "scripts"):
            continue
        if len(child):
            yield from _leaves(child)
        else:
            yield child


def _fits(kind: str, tag: str, value: str) -> bool:
    if "$(" in value:
        return True
    if tag == "show_confirm_dialog":
        return (
            value in ("0", "1", "2", "3") if kind in table.ASKS_IN_FOUR_WAYS else value in ("true", "false")
        )
    if tag in table.ENUMS:
        return value.isdecimal() and int(value) < table.ENUMS[tag]
    if tag in table.TRUTHS:
        return value in ("true", "false")
    return tag not in table.NUMBERS or re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", value) is not None


def rules(display: Display) -> Iterator[str]:
    """Rules change a property that there is, and alarms are not drawn by rules."""
    for widget in every_widget(display):
        for rule in widget.findall("rules/rule"):
            prop = rule.get("prop_id", "").partition("[")[0]
            if prop not in table.PROPERTIES.get(widget.get("type", ""), frozenset()):
                yield f"{name_of(widget)}: a rule changes {rule.get('prop_id')}, which it has not"
            if rule.get("out_exp") not in ("true", "false") or not rule.findall("exp"):
                yield f"{name_of(widget)}: rule {rule.get('name')} is not whole"
            if "color" in prop and any("pvSev" in exp.get("bool_exp", "") for exp in rule.findall("exp")):
                yield f"{name_of(widget)}: an alarm is drawn by a rule; Phoebus draws it itself"


# -- the look of the house ------------------------------------------------------------------------


def colours_and_fonts(display: Display, known: dict[str, tuple[int, ...]]) -> Iterator[str]:
    """Named, and beside the name the value it has in color.def."""
    for element in (display.root, *every_widget(display)):
        own = (child for child in element if child.tag != "widget")
        for part in (part for child in own for part in child.iter() if not len(part)):
            if part.tag == "color" and "red" in part.attrib:
                yield from _colour(element, part, known)
            elif part.tag == "font" and "family" in part.attrib:
                if part.get("name") not in table.FONTS_OF_PHOEBUS:
                    yield f"{name_of(element)}: a font without a name"


def _colour(element: Element, colour: Element, known: dict[str, tuple[int, ...]]) -> Iterator[str]:
    name = colour.get("name", "")
    value = tuple(int(colour.get(channel, "0")) for channel in ("red", "green", "blue"))
    if name not in known and name not in table.COLOURS_OF_PHOEBUS:
        yield f"{name_of(element)}: colour {name or value} is not a named one"
    elif known.get(name, value) != value:
        yield f"{name_of(element)}: colour {name} is {value}, in color.def {known[name]}"


def named_colours(color_def: Path) -> dict[str, tuple[int, ...]]:
    """Of color.def."""
    lines = (
        line.partition("=") for line in color_def.read_text(encoding="utf-8").splitlines() if "," in line
    )
    return {
        name.strip(): tuple(int(part) for part in value.split(","))
        for name, equals, value in lines
        if equals and not name.startswith("#")
    }


def titled(display: Display) -> Iterator[str]:
    if (display.root.findtext("name") or "Display") == "Display":
        yield "has no title"
    yield from (
        f"{name_of(w)}: a widget without a name" for w in every_widget(display) if not w.findtext("name")
    )


def on_the_grid(display: Display) -> Iterator[str]:
    for widget in every_widget(display):
        off = [tag for tag in BOX if number(widget, tag) % GRID]
        if off:
            yield f"{name_of(widget)}: {', '.join(off)} off the grid of {GRID}"


def inside(display: Display) -> Iterator[str]:
    """Nothing stands outside its parent, and a part has the room it needs."""
    for parent in (display.root, *display.root.iter("widget")):
        width, height = _room(parent)
        for child in parent.findall("widget"):
            right = number(child, "x") + number(child, "width", 100)
            bottom = number(child, "y") + number(child, "height", 20)
            if number(child, "x") < 0 or number(child, "y") < 0 or right > width or bottom > height:
                yield f"{name_of(child)}: reaches {right}, {bottom}; {name_of(parent)} has {width} x {height}"
    yield from _room_for_parts(display)


def borders_have_room(display: Display) -> Iterator[str]:
    """The border of an alarm is not cut by the edge of the screen or part."""
    width, height = display.size
    for widget in display.root.findall("widget"):
        x, y, wide, high = (number(widget, tag) for tag in BOX)
        if not widget.findtext("pv_name") or widget.get("type") == "action_button":
            continue
        if x < MARGIN or y < MARGIN or x + wide > width - MARGIN or y + high > height - MARGIN:
            yield f"{name_of(widget)}: its border has no room"


def _room(parent: Element) -> tuple[int, int]:
    standard = (800, 600) if parent.tag == "display" else (100, 20)
    return number(parent, "width", standard[0]), number(parent, "height", standard[1])


def _room_for_parts(display: Display) -> Iterator[str]:
    for widget in every_widget(display):
        file = display.file.parent / (widget.findtext("file") or "")
        if widget.get("type") != "embedded" or not file.is_file() or number(widget, "resize"):
            continue
        needed = read(file).size
        room = (number(widget, "width"), number(widget, "height"))
        if needed[0] > room[0] or needed[1] > room[1]:
            yield f"{name_of(widget)}: {room} is too small for {file.name}, which is {needed}"


def nothing_overlaps(display: Display) -> Iterator[str]:
    """Two widgets that read or write PVs, or are parts, never share ground."""
    for parent in (display.root, *display.root.iter("widget")):
        shown = [child for child in parent.findall("widget") if _takes_ground(child)]
        for at, one in enumerate(shown):
            yield from (
                f"{name_of(one)} lies on {name_of(other)}" for other in shown[at + 1 :] if _share(one, other)
            )


def _takes_ground(widget: Element) -> bool:
    drawn = widget.get("type") in ("rectangle", "ellipse", "polyline", "polygon", "picture", "group")
    by_rule = any(rule.get("prop_id") == "visible" for rule in widget.findall("rules/rule"))
    return not drawn and not by_rule


def _share(one: Element, other: Element) -> bool:
    (x, y, w, h), (u, v, p, q) = ([number(widget, tag) for tag in BOX] for widget in (one, other))
    return x < u + p and u < x + w and y < v + q and v < y + h


def setpoints_beside_readbacks(display: Display) -> Iterator[str]:
    """A setpoint and its readback share a line or a column, and its size in that direction."""
    entries = {
        _entered(w): w for w in every_widget(display) if w.get("type") in ("textentry", "combo", "spinner")
    }
    for widget in every_widget(display):
        pv = widget.findtext("pv_name") or ""
        setpoint = entries.get(pv.removesuffix("_RBV"))
        if widget.get("type") != "textupdate" or not pv.endswith("_RBV") or setpoint is None:
            continue
        box, other = ([number(one, tag) for tag in BOX] for one in (widget, setpoint))
        if (box[1], box[3]) != (other[1], other[3]) and box[0] != other[0]:
            yield f"{name_of(widget)}: is not in line with its setpoint"


def _entered(widget: Element) -> str:
    pv = widget.findtext("pv_name") or ""
    return pv.removeprefix("loc://").partition(":Staged")[0]


LOOKS: tuple[Callable[[Display], Iterator[str]], ...] = (
    types_and_versions, properties, values, rules, titled, on_the_grid, inside, borders_have_room,
    nothing_overlaps, setpoints_beside_readbacks,
)  # fmt: skip
