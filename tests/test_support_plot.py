"""The plots of the READMEs: whole pictures, gaps where there are no values, round numbers at the axes."""

import math
from xml.etree import ElementTree

import pytest

from tests.support.plot import MOST_POINTS, Line, Panel, svg, ticks

HOURS = [n / 100.0 for n in range(2401)]


def paths(picture: str) -> list[str]:
    root = ElementTree.fromstring(picture)
    return [item.attrib["d"] for item in root.iter() if item.attrib.get("stroke-width")]


def test_a_picture_has_its_panels_lines_limits_and_marks() -> None:
    panels = [
        Panel("degC", [Line("air & wall", HOURS, HOURS)], limits={"alarm": 30.0}),
        Panel("A", [Line("fan", HOURS, HOURS, steps=True)]),
    ]
    picture = svg("A day", "hours", panels, {6.0: "light on"})
    words = [item.text for item in ElementTree.fromstring(picture).iter() if item.text and item.text.strip()]
    assert {"A day", "hours", "degC", "A", "air & wall", "fan", "alarm", "light on"} <= set(words)
    straight, stepped = paths(picture)
    assert straight.count("L") <= MOST_POINTS + 1
    assert "H" in stepped and "L" not in stepped


def test_what_is_missing_is_a_gap() -> None:
    (path,) = paths(svg("x", "s", [Panel("V", [Line("u", [0, 1, 2, 3], [1.0, 2.0, math.nan, 4.0])])]))
    assert (path.count("M"), path.count("L")) == (2, 1)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 10.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        (-36.1, 22.0, [-40.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0]),
        (5.0, 5.0, [5.0, 5.2]),
        (0.0, 0.07, [0.0, 0.02, 0.04, 0.06, 0.08]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected
