"""Writes the screens that depend on the configuration, into opi/ or into a folder of a site.

A subsystem declares its pages in `iocs/<name>/screens.py`: `pages(config)` gives them. Knows files and names.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from iocs.common.screens import classes
from iocs.common.screens.overview import overview
from iocs.common.screens.plot import plot
from iocs.common.screens.tree import Page

HOME = Path(__file__).resolve().parents[3] / "opi"
"""The screens of this repository."""


def declared(name: str) -> Callable[[Any], Sequence[Page]] | None:
    """What gives the pages of a subsystem; None where it has no screens."""
    module = f"iocs.{name}.screens"
    if importlib.util.find_spec(module) is None:
        return None
    pages: Callable[[Any], Sequence[Page]] = importlib.import_module(module).pages
    return pages


def every_file(configs: Mapping[str, Any], prefixes: Mapping[str, str]) -> dict[str, str]:
    """Text by file: the overview, every page that depends on the configuration, trends, colours, classes."""
    known = {name: pages for name in configs if (pages := declared(name)) is not None}
    own = {name: pages(configs[name]) for name, pages in known.items()}
    top = overview({name: prefixes[name] for name in known})
    every = [top, *(page for pages in own.values() for page in pages)]
    texts = {classes.COLOURS: classes.colours(), classes.CLASSES: classes.classes()}
    texts |= {page.file: page.xml() for page in every}
    return texts | {
        f"{name}/{name}.plt": plot(page, prefixes[name])
        for name, pages in own.items()
        for page in pages
        if page.file == f"{name}/{name}.bob"
    }


def write(texts: Mapping[str, str], folder: Path) -> None:
    """Writes files into a folder of screens; what is drawn by hand is copied there first. Raises OSError."""
    if folder.resolve() != HOME:
        shutil.copytree(HOME, folder, dirs_exist_ok=True)
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def stale(texts: Mapping[str, str], folder: Path) -> list[str]:
    """The files that are missing or not what would be written."""
    return [name for name, text in texts.items() if _text(folder / name) != text]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""
