"""Every screen, as it is reached from the overview with the macros it gets on the way."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import pytest

from iocs.__main__ import main
from tests.opi import pvs_of_screens, rules
from tests.opi.displays import Shown, Walk, follow, read
from tests.opi.parts import with_parts
from tests.opi.served import demo

OPI = Path(__file__).resolve().parents[2] / "opi"
FILES = sorted(OPI.rglob("*.bob"))
CLICKS = 3
ids = [file.relative_to(OPI).as_posix() for file in FILES]
every_file = pytest.mark.parametrize("file", FILES, ids=ids)


@functools.cache
def from_the_overview() -> Walk:
    return follow(Walk([Shown(OPI / "overview.bob", {})]))


def all_problems(found: Iterable[tuple[Shown, str]]) -> list[str]:
    """Sorted, each once, with the file and how it was reached."""
    return sorted({f"{' > '.join((*shown.way, shown.file.name))}: {problem}" for shown, problem in found})


@every_file
def test_phoebus_knows_all_of_it_and_it_has_the_look_of_the_house(file: Path) -> None:
    display = read(file)
    assert [problem for rule in rules.LOOKS for problem in rule(display)] == []
    assert list(rules.colours_and_fonts(display, rules.named_colours(OPI / "color.def"))) == []


def test_every_link_leads_somewhere_and_brings_the_macros_it_needs() -> None:
    assert from_the_overview().problems == []


def test_every_pv_is_served_and_fits_its_widget() -> None:
    found = ((s, p) for s in from_the_overview().shown for p in pvs_of_screens.pv_problems(s, demo()))
    assert all_problems(found) == []


def test_what_starts_something_asks_and_what_stops_does_not() -> None:
    found = ((s, p) for s in from_the_overview().shown for p in pvs_of_screens.question_problems(s, demo()))
    assert all_problems(found) == []


def test_alarms_are_shown_by_everything_that_can() -> None:
    found = ((s, p) for s in from_the_overview().shown for p in pvs_of_screens.border_problems(s))
    assert all_problems(found) == []


def test_no_screen_is_forgotten_and_none_is_further_than_three_clicks() -> None:
    walk = from_the_overview()
    assert {shown.file for shown in walk.shown} == set(FILES)
    assert {file.name: clicks for file, clicks in walk.opened.items() if clicks > CLICKS} == {}


def test_a_screen_of_its_own_needs_p_and_r_only_and_has_the_emergency_stop() -> None:
    for file in from_the_overview().opened:
        if file.name != "overview.bob":
            alone = with_parts(Shown(file, {"P": "LAB:X:", "R": "Y:"}))
            written = {
                use.pv for shown in alone for use in pvs_of_screens.uses(shown) if use.role == "written"
            }
            assert "LAB:X:EStop" in written, file


def test_what_is_written_from_the_configuration_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "opi", "--check"]) == 0, capsys.readouterr().err
