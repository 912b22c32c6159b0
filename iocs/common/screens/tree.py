"""Widgets as values, and the file they become: Phoebus' own XML, in its current versions.

Knows the shape of the format; which widgets there are is in widgets.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from xml.etree import ElementTree

from iocs.common.screens.look import CLASSES, GROUND, Colour, Font, version


class Box(NamedTuple):
    """Where a widget is in its parent, in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Node:
    """One XML element: a text, or elements in it."""

    tag: str
    content: str | tuple[Node, ...] = ""
    attributes: tuple[tuple[str, str], ...] = ()

    def element(self) -> ElementTree.Element:
        made = ElementTree.Element(self.tag, dict(self.attributes))
        if isinstance(self.content, str):
            made.text = self.content
        else:
            made.extend(node.element() for node in self.content)
        return made


Property = str | int | float | bool | Colour | Font | Node
Macros = Mapping[str, str]


def text(tag: str, value: Property) -> Node:
    """A property with a value, as Phoebus writes it."""
    if isinstance(value, Colour):
        rgb = tuple((channel, str(getattr(value, channel))) for channel in ("red", "green", "blue"))
        return Node(tag, (Node("color", attributes=(("name", value.name), *rgb)),))
    if isinstance(value, Font):
        kind = (("family", value.family), ("style", value.style), ("size", f"{value.size:.1f}"))
        return Node(tag, (Node("font", attributes=(("name", value.name), *kind)),))
    if isinstance(value, Node):
        return value
    return Node(tag, str(value).lower() if isinstance(value, bool) else str(value))


def macros(given: Macros) -> Node:
    return Node("macros", tuple(Node(name, value) for name, value in given.items()))


@dataclass(frozen=True)
class Widget:
    """One widget. Whatever is left out has Phoebus' default, as in files it writes itself.

    `style`: its widget class, by which a site's class file may change it. A class imposes all it has, so a
    widget that differs in anything is not of the class.
    """

    kind: str
    name: str
    box: Box
    properties: Mapping[str, Property] = field(default_factory=dict)
    style: str = ""
    children: tuple[Widget, ...] = ()

    def element(self) -> ElementTree.Element:
        made = ElementTree.Element("widget", type=self.kind, version=version(self.kind))
        imposed = CLASSES[self.style][1] if self.style else {}
        of_class = bool(imposed) and all(self.properties.get(tag) == value for tag, value in imposed.items())
        given: dict[str, Property] = {"name": self.name}
        given |= {"class": self.style} if of_class else {}
        given |= {**self.box._asdict(), **self.properties}
        for tag, value in given.items():
            made.append(text(tag, value).element())
            if of_class and tag in imposed:
                made[-1].set("use_class", "true")
        made.extend(child.element() for child in self.children)
        return made


@dataclass(frozen=True)
class Page:
    """A screen: a file below opi/, its title, its size and what is on it."""

    file: str
    title: str
    width: int
    height: int
    widgets: tuple[Widget, ...]

    def xml(self) -> str:
        """The file, which ends with a newline."""
        root = ElementTree.Element("display", version="2.0.0")
        head = (
            ("name", self.title),
            ("width", self.width),
            ("height", self.height),
            ("background_color", GROUND),
        )
        root.extend(text(tag, value).element() for tag, value in head)
        root.extend(widget.element() for widget in self.widgets)
        ElementTree.indent(root)
        body = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def moved(widgets: Iterable[Widget], x: int, y: int) -> tuple[Widget, ...]:
    """The same widgets further right and down."""
    return tuple(replace(w, box=w.box._replace(x=w.box.x + x, y=w.box.y + y)) for w in widgets)
