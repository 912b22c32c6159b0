"""Lists for facility tools: formats as those tools read them, and every PV of every IOC in them."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from iocs.__main__ import main
from iocs.caserver import AlarmSeverity
from iocs.common import lists
from iocs.common.group import Group
from iocs.common.pv import choice, command, flag, readback, setpoint, text, texts, waveform
from iocs.common.spec import AlarmPolicy, Archive
from iocs.common.subsystem import known

MAJOR = AlarmSeverity.MAJOR
LOAD = """
import sys
from softioc import asyncio_dispatcher, softioc
softioc.dbLoadDatabase(sys.argv[1])
softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher(), enable_pva=False)
print("loaded", flush=True)
"""


class Plant(Group):
    flow = readback(
        "Flow", 'Measured "flow"', unit="sccm", precision=2, hihi=90, high=80, archive=Archive(2.0, 0.5),
        display=(0, 100), alarm=AlarmPolicy("Look at the bottle & regulator.", delay_s=5, filter="A == 1"),
    )  # fmt: skip
    demand = setpoint("Setpoint", "Demand", unit="sccm", drive=(0, 50), writable=True, saved=True)
    demand_rbv = readback("Setpoint_RBV", "Held")
    mode = choice("Mode", "Mode", ["Off", "Fault"], severities={"Fault": MAJOR}, writable=True)
    lamp = flag("Lamp", "Lamp", writable=True, access="SAFETY")
    go = command("Go", "Go", access="OPERATE")
    note = text("Note", "Remark", max_length=100)
    trend = waveform("Trend", "Trend", 20)
    events = texts("Events", "Events", 10)

    async def put_go(self, value: int) -> None: ...


@pytest.fixture
def plant() -> Sequence[Group]:
    return [Plant("X:A:")]


def test_the_archiver_gets_periods_as_text(plant: Sequence[Group]) -> None:
    expected = [{"pv": "X:A:Flow", "samplingmethod": "MONITOR", "samplingperiod": "2"}]
    assert json.loads(lists.archiver(plant)) == expected
    assert lists.archiver_plain(plant) == "X:A:Flow 2 monitor\n"


def test_the_alarm_tree_has_what_somebody_must_act_on_with_guidance(plant: Sequence[Group]) -> None:
    root = ElementTree.fromstring(lists.alarms({"Plant": plant}))
    assert (root.tag, root.get("name"), [branch.get("name") for branch in root]) == (
        *("component", "Plant"),
        ["X:A"],
    )
    (pv,) = root.iter("pv")
    assert pv.get("name") == "X:A:Flow"
    assert {child.tag: child.text for child in pv if child.text and child.text.strip()} == {
        **{"description": 'Measured "flow"', "enabled": "true", "latching": "true"},
        **{"annunciating": "false", "delay": "5", "filter": "A == 1"},
    }
    assert pv.findtext("guidance/details") == "Look at the bottle & regulator."
    assert ElementTree.fromstring(lists.alarms({"A": plant, "B": []})).tag == "config"


def test_save_and_restore_takes_settings_only(plant: Sequence[Group]) -> None:
    rows = list(csv.DictReader(io.StringIO(lists.save_and_restore(plant))))
    assert rows == [
        {"PV": "X:A:Mode", "READBACK": "", "READ_ONLY": "0"},
        {"PV": "X:A:Setpoint", "READBACK": "X:A:Setpoint_RBV", "READ_ONLY": "0"},
    ]


def test_channelfinder_gets_the_tags(plant: Sequence[Group]) -> None:
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(lists.channelfinder(plant, "plant")))}
    assert rows["X:A:Flow"] == {
        **{"name": "X:A:Flow", "iocName": "plant", "recordType": "ai", "recordDesc": 'Measured "flow"'},
        **{"archive": "monitor@2", "alarm": "actionable", "asg": "DEFAULT"},
    }
    assert len(rows) == 9


def load(text: str, folder: Path) -> str:
    """What EPICS base says when it loads a database."""
    file = folder / "all.db"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", LOAD, file], capture_output=True, text=True, timeout=60)
    assert "loaded" in done.stdout, done.stderr
    usual = ("Starting iocInit", "iocRun: All initialization complete")
    return "".join(line for line in done.stderr.splitlines() if line not in usual)


def test_base_reads_the_database_without_a_word(plant: Sequence[Group], tmp_path: Path) -> None:
    assert load(lists.database(plant), tmp_path) == ""


def test_base_reads_the_databases_of_all_iocs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["export", "db"]) == 0
    assert load(capsys.readouterr().out, tmp_path) == ""


@pytest.mark.parametrize(
    "kind", ["archiver", "archiver-plain", "alarms", "save-and-restore", "channelfinder"]
)
def test_every_list_is_made_of_all_iocs(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", kind]) == 0
    written = capsys.readouterr().out
    assert all(f"LAB:{prefix}:" in written for prefix in ("FLOW", "GAS"))
    assert main(["export", kind, known()[0]]) == 0
    assert len(capsys.readouterr().out) < len(written)


def test_every_alarm_of_every_ioc_has_guidance_and_no_pv_stands_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["export", "alarms"])
    pvs = list(ElementTree.fromstring(capsys.readouterr().out).iter("pv"))
    names = [pv.get("name") for pv in pvs]
    assert len(names) == len(set(names)) > 30
    assert all(pv.findtext("guidance/details") and len(pv.findtext("description") or "") <= 80 for pv in pvs)
