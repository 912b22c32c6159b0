"""The alarm tree opens the screen on which the PV in alarm is to be seen."""

from __future__ import annotations

import functools
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest

from iocs.__main__ import main
from iocs.common.subsystem import known
from tests.opi.displays import Shown
from tests.opi.parts import with_parts
from tests.opi.pvs_of_screens import uses

ELSEWHERE = "http://screens.site/opi"
OF_THE_SIMULATION = "LAB:SIM:"


@functools.cache
def seen(file: Path, macros: frozenset[tuple[str, str]]) -> frozenset[str]:
    """The records on a screen and on everything in it. Raises Undefined, FileNotFoundError."""
    return frozenset(use.record for part in with_parts(Shown(file, dict(macros))) for use in uses(part))


def links(subsystem: str, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, str]:
    """The screen of each PV of the exported tree."""
    assert main(["export", "alarms", subsystem, *options]) == 0
    tree = ElementTree.fromstring(capsys.readouterr().out)
    return {pv.get("name", ""): pv.findtext("display/details") or "" for pv in tree.iter("pv")}


@pytest.mark.parametrize("subsystem", known())
def test_each_alarm_opens_a_screen_that_shows_it(subsystem: str, capsys: pytest.CaptureFixture[str]) -> None:
    lost = []
    for pv, url in links(subsystem, capsys).items():
        parts = urlsplit(url)
        if pv not in seen(Path(parts.path), frozenset(parse_qsl(parts.query))):
            lost.append(f"{pv} is not on {Path(parts.path).name}?{parts.query}")
    assert lost == []


def test_the_screens_may_be_elsewhere_and_prefixes_others(capsys: pytest.CaptureFixture[str]) -> None:
    found = links("gas", capsys, "--opi", f"{ELSEWHERE}/", "--prefix", "SITE:G:")
    assert found["SITE:G:Ar:Comm"] == f"{ELSEWHERE}/gas/mfc_detail.bob?P=SITE:G:&R=Ar:"
    assert found["SITE:G:EStop:Active"] == f"{ELSEWHERE}/gas/gas.bob?P=SITE:G:"
