"""Screens as they are read: files, widgets, and what is shown when one opens another with its macros.

Expands macros as Phoebus does: what a screen opens or embeds inherits everything, what is given goes first.
"""

from __future__ import annotations

import functools
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

Element = ElementTree.Element
Macros = Mapping[str, str]
MACRO = re.compile(r"\$[({]([A-Za-z_][\w.]*)(?:=((?:[^(){}]|\$[({][^(){}]*[)}])*))?[)}]")
PROPERTIES_AS_MACROS = frozenset(
    ("pv_name", "pv_value", "actions", "tooltip", "name", "text", "DID", "DNAME")
)


class Undefined(Exception):
    """A macro has no value."""


def expand(words: str, macros: Macros) -> str:
    """With macros replaced, by their defaults where they have no value. Raises Undefined, naming them."""
    missing = []

    def value(found: re.Match[str]) -> str:
        name, default = found.groups()
        if name in macros:
            return macros[name]
        if default is None and name not in PROPERTIES_AS_MACROS:
            missing.append(name)
        return default if default is not None else found.group(0)

    for _ in range(5):
        again = MACRO.sub(value, words)
        if again == words or missing:
            break
        words = again
    if missing:
        raise Undefined(", ".join(sorted(set(missing))))
    return words


@functools.cache
def asked_for(file: Path) -> frozenset[str]:
    """The macros that a screen with everything embedded in it expects from whoever opens it."""
    root = read(file).root
    text = ElementTree.tostring(root, encoding="unicode")
    names = {found.group(1) for found in MACRO.finditer(text)} - PROPERTIES_AS_MACROS
    for widget in root.iter("widget"):
        part = file.parent / (widget.findtext("file") or "")
        if widget.get("type") == "embedded" and part.is_file():
            names |= asked_for(part.resolve()) - {macro.tag for macro in widget.findall("macros/*")}
    return frozenset(names)


@dataclass(frozen=True)
class Display:
    """A file, parsed."""

    file: Path
    root: Element

    @property
    def size(self) -> tuple[int, int]:
        return number(self.root, "width", 800), number(self.root, "height", 600)


@dataclass(frozen=True)
class Placed:
    """A widget with what stands around it."""

    element: Element
    parent: Element
    macros: Macros
    problems: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return self.element.get("type", "")

    @property
    def name(self) -> str:
        return self.element.findtext("name") or "?"

    def own(self, tag: str, otherwise: str = "") -> str:
        return self.element.findtext(tag) or otherwise


@dataclass(frozen=True)
class Shown:
    """A screen as it is shown somewhere: the file with the macros it has there, and how it was reached."""

    file: Path
    macros: Macros
    way: tuple[str, ...] = ()
    clicks: int = 0


@dataclass
class Walk:
    """Everything that can be reached from some screens."""

    start: list[Shown]
    shown: list[Shown] = field(default_factory=list)
    opened: dict[Path, int] = field(default_factory=dict)
    """Files that are opened as screens of their own, with the fewest clicks it takes."""
    files: set[Path] = field(default_factory=set)
    """Whatever else is opened."""
    problems: list[str] = field(default_factory=list)


def number(element: Element, tag: str, otherwise: int = 0) -> int:
    text = element.findtext(tag)
    return int(float(text)) if text else otherwise


def read(file: Path) -> Display:
    """Raises ElementTree.ParseError."""
    return _parsed(file, file.stat().st_mtime_ns)


@functools.cache
def _parsed(file: Path, changed: int) -> Display:
    return Display(file, ElementTree.fromstring(file.read_text(encoding="utf-8")))


def given(element: Element, around: Macros) -> dict[str, str]:
    """The macros an element defines, expanded in what stands around it, with all of that."""
    made = dict(around)
    for macro in element.findall("macros/*"):
        made[macro.tag] = expand(macro.text or "", made)
    return made


def widgets(root: Element, macros: Macros) -> Iterator[Placed]:
    """Every widget of a screen, with the macros that hold for it."""
    waiting = [(root, given(root, macros))]
    while waiting:
        parent, around = waiting.pop()
        for child in parent.findall("widget"):
            inner = given(child, around) if child.get("type") == "group" else around
            yield Placed(child, parent, inner)
            waiting.append((child, inner))


def follow(walk: Walk) -> Walk:
    """Opens and embeds whatever can be, until nothing is new."""
    waiting = deque(walk.start)
    for first in walk.start:
        walk.opened[first.file] = 0
    seen = set()
    while waiting:
        now = waiting.popleft()
        key = (now.file, tuple(sorted(now.macros.items())))
        if key in seen:
            continue
        seen.add(key)
        walk.shown.append(now)
        for later in _next(walk, now):  # parts before other screens: those take a click more
            (waiting.append if later.clicks > now.clicks else waiting.appendleft)(later)
    return walk


def _next(walk: Walk, now: Shown) -> Iterator[Shown]:
    for placed in widgets(read(now.file).root, now.macros):
        if placed.kind == "embedded":
            yield from _target(walk, now, placed, placed.element, opens=False)
        for action in placed.element.findall("actions/action[@type='open_file']"):
            walk.files |= {shown.file for shown in _target(walk, now, placed, action, opens=False)}
        for action in placed.element.findall("actions/action[@type='open_display']"):
            yield from _target(walk, now, placed, action, opens=True)


def _target(walk: Walk, now: Shown, placed: Placed, link: Element, *, opens: bool) -> Iterator[Shown]:
    where = f"{' > '.join((*now.way, now.file.name))}: {placed.name}"
    try:
        macros = given(link, placed.macros)
        file = (now.file.parent / expand(link.findtext("file") or "", macros)).resolve()
    except Undefined as error:
        walk.problems.append(f"{where}: macro {error} has no value")
        return
    if not file.is_file():
        walk.problems.append(f"{where}: there is no {link.findtext('file')}")
        return
    clicks = now.clicks + opens
    if opens:
        walk.opened[file] = min(clicks, walk.opened.get(file, clicks))
        macros = {name: value for name, value in macros.items() if name in asked_for(file)}
    yield Shown(file, macros, (*now.way, now.file.name)[-4:], clicks)
