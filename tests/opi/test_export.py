"""Screens for the configuration of a site: more instruments, other prefixes, a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from iocs.__main__ import main
from tests.opi import pvs_of_screens, rules
from tests.opi.displays import Shown, Walk, follow, read
from tests.opi.served import Served, of_ioc

DB = Path(__file__).resolve().parents[2] / "db"
COPIED = "gas/mfc.bob"


def more_gases(site: dict) -> None:
    mfcs = site["gas_control"]["mfcs"]
    for at, unit in enumerate("DEFG"):
        mfcs[f"Gas{unit}"] = {**mfcs["Ar"], "unit_id": unit, "serial_port": f"/dev/ttyUSB{5 + at // 2}"}
    site["interlocks"]["Range"] = {**site["interlocks"]["Deviation"], "condition": "in 0 to 4"}


def more_instruments(site: dict) -> None:
    first = site["lines"]["bench1"]
    for number in (2, 3):
        instruments = {f"{name}{number}": {**one} for name, one in first["instruments"].items()}
        for extra in range(2):
            instruments[f"Extra{number}{extra}"] = {**first["instruments"]["N2"], "node": 20 + extra}
        url = f"/dev/ttyUSB{10 + number}"
        site["lines"][f"bench{number}"] = {**first, "url": url, "instruments": instruments}


def fewest_instruments(site: dict) -> None:
    instruments = site["lines"]["bench1"]["instruments"]
    site["lines"]["bench1"]["instruments"] = {"N2": instruments["N2"]}


SITES = [("gas", more_gases), ("flow", more_instruments), ("flow", fewest_instruments)]


@pytest.mark.parametrize(("name", "change"), SITES, ids=[change.__name__ for _, change in SITES])
def test_a_site_gets_screens_that_match_its_instruments(name: str, change, tmp_path: Path) -> None:
    site = yaml.safe_load((DB / f"{name}.yaml").read_text(encoding="utf-8"))
    change(site)
    file = tmp_path / f"{name}.yaml"
    file.write_text(yaml.safe_dump(site, sort_keys=False), encoding="utf-8")
    opi = tmp_path / "opi"
    prefix = ["--prefix", "SITE:X:"]
    assert main(["export", "opi", name, "--db", str(file), *prefix, "--to", str(opi)]) == 0
    pvs = of_ioc(name, file, "SITE:X:")
    walk = follow(Walk([Shown(opi / "overview.bob", {})]))
    assert walk.problems == []
    assert [problem for shown in walk.shown for problem in problems(shown, pvs)] == []
    assert opi / name / f"{name}.bob" in walk.opened
    assert main(["export", "opi", name, "--db", str(file), *prefix, "--to", str(opi), "--check"]) == 0
    (opi / name / "tile.bob").unlink()
    assert main(["export", "opi", name, "--db", str(file), *prefix, "--to", str(opi), "--check"]) == 1


def problems(shown: Shown, pvs: dict[str, Served]) -> list[str]:
    display = read(shown.file)
    looks = [problem for rule in rules.LOOKS for problem in rule(display)]
    return [f"{shown.file.name}: {p}" for p in (*looks, *pvs_of_screens.pv_problems(shown, pvs))]


def test_what_is_drawn_by_hand_comes_along(tmp_path: Path) -> None:
    assert main(["export", "opi", "gas", "--to", str(tmp_path)]) == 0
    assert (tmp_path / COPIED).read_text() == (DB.parent / "opi" / COPIED).read_text()
