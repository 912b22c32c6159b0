"""The trends of a page as a file for Phoebus' Data Browser, where one can go back in time.

Knows strip charts as they are on pages, and the Data Browser's file format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from iocs.common.screens.tree import Node, Page

START = "-8 hours"
STEP, LINE = "SINGLE_LINE", "SINGLE_LINE_DIRECT"
"""As the Data Browser names them: from sample to sample in steps, or straight."""


def plot(page: Page, prefix: str) -> str:
    """All strip charts of a page together, with the prefix for its macro P; empty where it has none."""
    charts = [widget.properties for widget in page.widgets if widget.kind == "stripchart"]
    if not charts:
        return ""
    title = page.title.replace("$(P)", prefix.rstrip(":"))
    root = _tree("databrowser", {"title": title, "grid": "true", "start": START, "end": "now"})
    axes, pvs = ElementTree.SubElement(root, "axes"), ElementTree.SubElement(root, "pvlist")
    for chart in charts:
        first = len(axes)
        axes.extend(_axis(node) for node in _parts(chart["y_axes"]))
        pvs.extend(_pv(node, first, prefix) for node in _parts(chart["traces"]))
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _axis(node: Node) -> ElementTree.Element:
    given = dict(_texts(node))
    return _tree(
        "axis",
        {
            "visible": "true",
            "name": given["title"],
            "use_axis_name": "true",
            "use_trace_names": "false",
            "min": given["minimum"],
            "max": given["maximum"],
            "grid": "true",
            "autoscale": given["autoscale"],
        },
    )


def _pv(node: Node, first_axis: int, prefix: str) -> ElementTree.Element:
    given = dict(_texts(node))
    made = _tree(
        "pv",
        {
            "display_name": given["name"],
            "name": given["y_pv"].replace("$(P)", prefix),
            "axis": str(first_axis + int(given["axis"])),
            "trace_type": STEP if given["trace_type"] == "2" else LINE,
            "linewidth": given["line_width"],
            "period": "0.0",
            "request": "OPTIMIZED",
        },
    )
    made.append(_tree("color", _colour(node)))
    return made


def _colour(node: Node) -> dict[str, str]:
    named = next(part for part in _parts(node) if part.tag == "color")
    return {tag: value for tag, value in _parts(named)[0].attributes if tag != "name"}


def _parts(node: object) -> Sequence[Node]:
    return node.content if isinstance(node, Node) and not isinstance(node.content, str) else ()


def _texts(node: Node) -> Iterator[tuple[str, str]]:
    yield from ((part.tag, part.content) for part in _parts(node) if isinstance(part.content, str))


def _tree(tag: str, texts: dict[str, str]) -> ElementTree.Element:
    made = ElementTree.Element(tag)
    for name, text in texts.items():
        ElementTree.SubElement(made, name).text = text
    return made
