"""Files for the Data Browser: the trends of every subsystem, of PVs that are archived."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from iocs.common.subsystem import known
from tests.opi.displays import Shown, Walk, follow
from tests.opi.served import demo

OPI = Path(__file__).resolve().parents[2] / "opi"
PV_TAGS = {"display_name", "name", "axis", "trace_type", "linewidth", "period", "request", "color"}
AXIS_TAGS = {"visible", "name", "use_axis_name", "use_trace_names", "min", "max", "grid", "autoscale"}


def test_every_subsystem_has_one_and_a_button_for_it() -> None:
    walk = follow(Walk([Shown(OPI / "overview.bob", {})]))
    assert walk.files == {OPI / name / f"{name}.plt" for name in known()} == set(OPI.rglob("*.plt"))


@pytest.mark.parametrize("name", known())
def test_its_pvs_are_numbers_that_are_archived_on_axes_that_are_there(name: str) -> None:
    root = ElementTree.parse(OPI / name / f"{name}.plt").getroot()
    axes = root.findall("axes/axis")
    assert axes and all({tag.tag for tag in axis} == AXIS_TAGS for axis in axes)
    for pv in root.findall("pvlist/pv"):
        assert {tag.tag for tag in pv} == PV_TAGS
        shown = demo()[pv.findtext("name") or ""]
        assert shown.is_number and shown.is_archived, pv.findtext("name")
        assert int(pv.findtext("axis") or "") < len(axes)
        assert pv.findtext("trace_type") in ("SINGLE_LINE", "SINGLE_LINE_DIRECT")
