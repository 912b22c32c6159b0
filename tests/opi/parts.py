"""A screen with everything that is embedded in it."""

from __future__ import annotations

from tests.opi.displays import Shown, expand, given, read, widgets


def with_parts(shown: Shown) -> list[Shown]:
    """The screen and its parts, with the macros they get. Raises Undefined."""
    found = [shown]
    for placed in widgets(read(shown.file).root, shown.macros):
        if placed.kind == "embedded":
            macros = given(placed.element, placed.macros)
            file = (shown.file.parent / expand(placed.own("file"), macros)).resolve()
            found += with_parts(Shown(file, macros))
    return found
