"""The screens in the real Phoebus: what its reader says, and whether everything connects in its runtime."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from iocs.__main__ import main
from iocs.common.subsystem import known
from tests.opi import harness
from tests.opi.displays import Shown
from tests.opi.pictures import job, ports, screens, take
from tests.support.plant import plant

BAD = """<?xml version="1.0" encoding="UTF-8"?>
<display version="2.0.0">
  <colour>grey</colour>
  <widget type="stripchart" version="2.0.0"><name>Old</name></widget>
  <widget type="textupdate" version="2.0.0"><pvname>LAB:X</pvname></widget>
  <widget type="lamp" version="2.0.0"><name>None such</name></widget>
  <widget type="led" version="2.0.0"><on_color><color red="1" green="2" blue="x"/></on_color></widget>
</display>
"""


def checked(*files: Path) -> list[str]:
    try:
        return harness.check(files)
    except harness.Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.timeout(400)
def test_phoebus_reads_every_screen_without_a_complaint() -> None:
    assert checked(*sorted(harness.OPI.rglob("*.bob"))) == []


@pytest.mark.timeout(400)
def test_its_data_browser_reads_every_trend_as_it_is_written(tmp_path: Path) -> None:
    trends = sorted(harness.OPI.rglob("*.plt"))
    assert trends
    bad = tmp_path / "bad.plt"
    bad.write_text(trends[0].read_text().replace("SINGLE_LINE_DIRECT", "SINGLE"))
    told = checked(*trends, bad)
    assert told and all(line.startswith(f"{bad}: ") and "not SINGLE" in line for line in told), told


@pytest.mark.timeout(400)
def test_it_finds_file_and_macros_in_the_links_of_alarms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "alarms", *known()]) == 0
    tree = ElementTree.fromstring(capsys.readouterr().out)
    links = sorted({details.text or "" for details in tree.iterfind(".//display/details")})
    assert links
    try:
        found = harness.followed(links)
    except harness.Missing as missing:
        pytest.skip(str(missing))
    for link, (file, *macros) in zip(links, found, strict=True):
        assert Path(file).is_file(), link
        assert sorted(macros) == sorted(urlsplit(link).query.split("&")), link


@pytest.mark.timeout(400)
def test_what_phoebus_would_silently_ignore_is_told(tmp_path: Path) -> None:
    bad = tmp_path / "bad.bob"
    bad.write_text(BAD)
    told = "\n".join(checked(bad))
    for part in (
        "display  has no property colour",
        "stripchart has version 2.1.0, not 2.0.0",
        "textupdate has no property pvname",
        "Unknown widget type 'lamp'",
        'For input string: "x"',
    ):
        assert part in told, told


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_pv_of_every_screen_connects_in_its_runtime(tmp_path: Path) -> None:
    with plant(tmp_path) as running:
        running.start()
        try:
            assert take(running, [job(shown, tmp_path, watch_s=0.0) for shown in screens()]) == []
        except harness.Missing as missing:
            pytest.skip(str(missing))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_apply_asks_for_what_was_entered_and_writes_nothing_else(tmp_path: Path) -> None:
    setpoint = "LAB:GAS:Ar:Setpoint"
    faceplate = job(Shown(harness.OPI / "gas" / "mfc.bob", {"P": "LAB:GAS:", "R": "Ar:"}), tmp_path)
    with plant(tmp_path, "gas") as running:
        running.start()
        names = (f"Apply {setpoint}", f'Enter loc://{setpoint}:Staged("")')
        for entered, question, then in (
            ("", "Nothing has been entered.", 50.0),
            ("42.5", "Ar setpoint: set to 42.5 sccm?", 42.5),
        ):
            try:
                assert harness.pressed(faceplate, *names, entered, ports(running)) == [question]
            except harness.Missing as missing:
                pytest.skip(str(missing))
            assert running.client.get(setpoint) == then
