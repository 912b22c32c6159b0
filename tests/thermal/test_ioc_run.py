"""The thermal IOC as a process: a whole run, and what operators do to it."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from iocs.thermal.logic.facts import State
from tests.thermal.bench import MINOR, NO_ALARM, SPEED, Bench


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A run from the start, all of it in this module, in the order of the tests."""
    with Bench(tmp_path_factory.mktemp("run"), speed=SPEED, start=False) as bench:
        yield bench


def test_it_waits_for_start(run: Bench) -> None:
    run.wait_state(State.OFF)
    assert run.text("StateReason") == "hardware ready, outputs off: waiting for Start"
    assert run.moves() == []
    assert run.get("PSU1:Model") == "DPS5015"
    assert (run.get("PSU1:Protected"), run.get("PSU1:OverVoltage_RBV")) == (1, 17.0)
    assert 20.0 < run.get("ColdPlate") < 40.0  # its load warms it
    assert run.get("Ambient1") == pytest.approx(22.0, abs=0.5)


def test_start_completes_when_both_supplies_have_confirmed(run: Bench) -> None:
    run.put("Config:startup_current", 4.0)
    run.put("Start", 1)
    assert run.amps() == [4.0, 4.0]
    assert [supply.set_volts for supply in run.chamber.supplies] == [16.0, 16.0]
    assert "it runs already" in run.refused("Start", 1)


def test_it_ramps_up_and_settles(run: Bench) -> None:
    run.wait_state(State.RAMP_UP)
    run.wait_state(State.STEADY_STATE, timeout=45.0)
    best = run.chamber.best()
    assert run.get("Optimum") > 5.5
    assert run.get("Minimum") == pytest.approx(best.cold_c, abs=3.0)
    assert run.amps() == [pytest.approx(run.get("Current"), abs=0.01)] * 2
    assert run.get("PSU1:SetCurrent") == pytest.approx(run.get("PSU1:SetCurrent_RBV"), abs=0.011)
    assert run.severity("PSU1:SetCurrent_RBV") == NO_ALARM
    assert run.get("NextProbe") > 500.0
    assert (run.get("TC_STATE"), run.get("TC_I1")) == ("STEADY", pytest.approx(run.get("Current"), abs=0.01))


def test_the_history_has_one_length(run: Bench) -> None:
    run.wait(lambda: run.get("History:Length") == 300, "300 samples")
    columns = {name: run.get(f"History:{name}") for name in ("Time", "ColdPlate", "HotPlate", "PSU2:Power")}
    assert {len(column) for column in columns.values()} == {300}
    assert list(columns["Time"]) == sorted(columns["Time"])
    assert np.nanmin(columns["PSU2:Power"]) < 40.0 < np.nanmax(columns["PSU2:Power"])  # NaN before it is read


def test_the_transitions_are_listed(run: Bench) -> None:
    entered = list(run.get("Event:To"))[: run.get("Event:Length")]
    assert entered[-3:] == ["STARTUP", "RAMP_UP", "STEADY_STATE"]
    lines = [json.loads(line) for line in run.ca.get(run.pv("Event:Json"), as_string=True).splitlines()]
    assert [event["from"] for event in lines][-2:] == ["STARTUP", "RAMP_UP"]
    assert lines[-1]["reason"] == run.text("StateReason")
    assert run.get("Event:Length") == len(lines)
    assert lines[-1]["time"] == pytest.approx(run.get("Event:Time")[len(lines) - 1], abs=0.01)


def test_a_parameter_is_live_and_within_its_ceiling(run: Bench) -> None:
    run.put("Config:max_current_per_channel", 5.0)
    run.wait(lambda: run.amps() == [5.0, 5.0], "5 A")
    assert "above DRVH" in run.refused("Config:max_current_per_channel", 10.7)
    why = run.refused("Config:hot_side_alarm_c", 54.0)
    assert "hot_side_warning_c 55 would be above hot_side_alarm_c 54" in why
    assert run.get("Config:hot_side_alarm_c") == 65.0
    run.put("Config:max_current_per_channel", 10.6)


def test_a_worn_stack_shows_as_an_imbalance(run: Bench) -> None:
    run.chamber.change(wear=(0.2, 0.0))
    run.wait_severity("Imbalance:Power", MINOR)
    assert run.get("Imbalance:Count") >= 1
    run.chamber.change(wear=(0.0, 0.0))
    run.wait_severity("Imbalance:Power", NO_ALARM)


def test_stop_completes_when_both_are_confirmed_off(run: Bench) -> None:
    before = len(run.writes)
    run.put("Stop", 1)
    assert run.amps() == [0.0, 0.0]
    assert run.get("State") == State.OFF
    first = [values[-1] for name, address, values in run.writes[before:] if name == "PSU1" and address == 0]
    assert first == sorted(first, reverse=True)
    assert len(first) >= 2
    assert run.get("NotConfirmedOff") == 0


def test_a_restart_after_stop_stays_off_and_remembers(run: Bench, tmp_path: Path) -> None:
    run.put("Config:startup_current", 1.5)
    run.ioc.terminate()
    moves = len(run.moves())
    run.start_anew()
    run.wait(lambda: run.get("PSU1:Comm") == 0 and run.get("PSU2:Comm") == 0, "supplies")
    assert run.get("State") == State.OFF
    assert run.get("Config:startup_current") == 1.5
    assert run.get("Event:To")[run.get("Event:Length") - 1] == "OFF"
    assert run.moves()[moves:] == []
