"""The picture in the README is of the chamber as it is now."""

import xml.etree.ElementTree as ElementTree

from tests.environment.plot_day import FILE, live, render


def test_the_picture_is_up_to_date() -> None:
    """If not: python -m tests.environment.plot_day"""
    day = live()
    assert len(day.felt) == 721
    assert FILE.read_text(encoding="utf-8") == render(day)


def test_it_is_a_picture() -> None:
    root = ElementTree.parse(FILE).getroot()
    assert root.tag.endswith("svg")
    assert len(root.findall(".//{http://www.w3.org/2000/svg}polyline")) == 3
