"""The screens in the real Phoebus: what its reader says, and whether everything connects in its runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.opi import harness
from tests.opi.pictures import job, screens, take
from tests.opi.plant import plant

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
