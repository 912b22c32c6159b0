"""The beginning and the end of the thermal IOC: adoption, what stays latched, shutdown, a crash."""

from pathlib import Path

import pytest

from devsup.sim.faults import LineFault
from devsup.sim.sysfs import SensorFault
from iocs.thermal.logic.facts import State
from tests.thermal.bench import MAJOR, NO_ALARM, Bench

SLOW = pytest.mark.slow


def crash(bench: Bench) -> int:
    """kill -9; how many writes there had been."""
    bench.ioc.kill()
    return len(bench.moves())


# -- a crash --------------------------------------------------------------------------------------


def test_a_crash_at_six_amperes_moves_nothing(own_bench: Bench) -> None:
    bench = own_bench
    bench.wait_state(State.STEADY_STATE)
    moves = crash(bench)
    assert bench.amps() == [6.0, 6.0], "nobody has stopped them"
    bench.start_anew()
    bench.wait_state(State.STEADY_STATE)
    assert bench.text("StateReason") == "hot reset: found running, 6.00 A adopted"
    bench.wait(lambda: bench.get("TimeInState") > 1.0, "a second")
    assert bench.moves()[moves:] == []
    assert bench.amps() == [6.0, 6.0]
    assert (bench.get("Current"), bench.get("PSU1:SetCurrent"), bench.get("PSU2:Output")) == (6.0, 6.0, 1)


def test_a_low_current_is_adopted_into_the_ramp(tmp_path: Path) -> None:
    with Bench(tmp_path, amps=3.0, start=False) as bench:
        bench.wait_state(State.RAMP_UP, State.STEADY_STATE)
        assert bench.get("PreviousState") in (State.INITIALIZING, State.RAMP_UP)
        assert list(bench.get("Event:To"))[0] == "RAMP_UP"


def test_what_is_found_running_and_too_hot_is_ramped_down_quickly(own_bench: Bench) -> None:
    bench = own_bench
    bench.wait_state(State.STEADY_STATE)
    bench.ioc.kill()
    bench.heat(68.0)
    bench.wait(lambda: abs(bench.felt_c - 68.0) < 2.0, "felt")
    before = len(bench.writes)
    bench.start_anew()
    bench.wait_state(State.THERMAL_FAULT)
    assert "found running with hot side" in bench.text("StateReason")
    bench.wait(lambda: bench.amps() == [0.0, 0.0], "off")
    steps = [values[-1] for name, place, values in bench.writes[before:] if (name, place) == ("PSU1", 0)]
    assert steps == sorted(steps, reverse=True) and len(steps) >= 2, "not in one go"


def test_a_latched_fault_outlives_a_crash_and_its_cause_bars_the_rearm(own_bench: Bench) -> None:
    bench = own_bench
    bench.wait_state(State.STEADY_STATE)
    bench.put("Config:hot_side_rate_fault_c_per_min", 10_000)  # it may jump without being a runaway
    bench.heat(75.0)
    bench.wait_state(State.THERMAL_FAULT)
    bench.wait(lambda: bench.amps() == [0.0, 0.0], "cut")
    bench.wait_saved("Latch", 3)
    moves = crash(bench)
    bench.start_anew()
    bench.wait_state(State.THERMAL_FAULT)
    assert bench.severity("State") == MAJOR
    assert "degC" in bench.text("StateReason"), "the reason is kept as well"
    assert "Rearm first" in bench.refused("Start", 1)
    bench.wait(lambda: bench.get("HotPlate") > 65.0, "still hot")
    assert "hot side is still at" in bench.refused("Rearm", 1)
    assert {(place, values) for _, place, values in bench.moves()[moves:]} <= {(0x0009, (0,))}, "at most cut"
    with bench.sensor_fault(bench.cold, SensorFault.OPEN):
        bench.heat(30.0)
        bench.wait(lambda: bench.get("ColdPlate:Quality") == 2, "the cold plate's sensor is lost")
        bench.wait(lambda: bench.get("ColdPlate:Age") > 1.5, "and stale")
        assert "cold plate sensor is still lost" in bench.refused("Rearm", 1)
    bench.wait(lambda: bench.get("ColdPlate:Quality") == 0 and bench.get("HotPlate") < 40.0, "well again")
    bench.put("Rearm", 1)
    assert (bench.get("State"), bench.amps()) == (State.OFF, [0.0, 0.0])


def test_a_shutdown_that_a_crash_has_interrupted_is_finished(own_bench: Bench) -> None:
    """A latched fault finds its supplies running: it brings them down, softly."""
    bench = own_bench
    bench.wait_state(State.STEADY_STATE)
    for line in bench.lines:
        line.set_fault(LineFault.SILENT)
    bench.wait(lambda: bench.get("PSU1:Comm") == bench.get("PSU2:Comm") == 2, "both lost")
    bench.heat(75.0)
    bench.wait_state(State.THERMAL_FAULT)
    bench.wait_severity("NotConfirmedOff", MAJOR)
    assert bench.get("NotConfirmedOff:Who") == "PSU1 PSU2"
    bench.wait_saved("Latch", 3)
    bench.ioc.kill()
    assert bench.amps() == [6.0, 6.0]
    bench.heat(40.0)
    for line in bench.lines:
        line.set_fault(LineFault.OK)
    bench.start_anew()
    bench.wait(lambda: bench.amps() == [0.0, 0.0], "off")
    bench.wait_severity("NotConfirmedOff", NO_ALARM)
    assert bench.get("State") == State.THERMAL_FAULT


def test_a_manual_override_outlives_a_crash(own_bench: Bench) -> None:
    bench = own_bench
    bench.wait_state(State.STEADY_STATE)
    bench.supply("PSU1").turn_knob(amps=3.0)
    bench.wait_state(State.MANUAL_OVERRIDE)
    bench.wait_saved("Latch", 2)
    moves = crash(bench)
    bench.start_anew()
    bench.wait_state(State.MANUAL_OVERRIDE)
    bench.wait(lambda: bench.get("TimeInState") > 1.0, "a second")
    assert bench.moves()[moves:] == []
    assert bench.amps() == [3.0, 6.0]


def test_a_latched_emergency_stop_outlives_a_crash(own_bench: Bench) -> None:
    bench = own_bench
    bench.wait_state(State.STEADY_STATE)
    bench.put("EStop", 1)
    bench.ioc.kill()
    bench.start_anew()
    assert bench.get("EStop:Active") == 1
    assert "EStop:Reset first" in bench.refused("Start", 1)
    bench.put("EStop:Reset", 1)
    bench.wait_state(State.OFF)


# -- a shutdown -----------------------------------------------------------------------------------


def test_shutdown_is_a_soft_ramp_down(own_bench: Bench) -> None:
    bench = own_bench
    bench.wait_state(State.STEADY_STATE)
    before = len(bench.writes)
    assert bench.ioc.terminate() == 0
    assert bench.amps() == [0.0, 0.0]
    for supply in ("PSU1", "PSU2"):
        steps = [values[-1] for name, place, values in bench.writes[before:] if (name, place) == (supply, 0)]
        assert steps == sorted(steps, reverse=True) and len(steps) >= 3
    bench.start_anew()
    bench.wait_state(State.OFF)
    assert bench.text("StateReason").startswith("hardware ready"), "nobody has decided to stop it"


def test_hold_leaves_both_running(tmp_path: Path) -> None:
    with Bench(tmp_path, amps=6.0, start=False, on_shutdown="hold") as bench:
        bench.wait_state(State.STEADY_STATE)
        moves = len(bench.moves())
        assert bench.ioc.terminate() == 0
        assert (bench.amps(), bench.moves()[moves:]) == ([6.0, 6.0], [])


def test_a_ramp_down_that_has_begun_is_not_held(tmp_path: Path) -> None:
    with Bench(tmp_path, amps=6.0, start=False, on_shutdown="hold") as bench:
        bench.wait_state(State.STEADY_STATE)
        bench.put("Config:emergency_ramp_down_rate_a_per_sec", 3.0)
        bench.ca.put(bench.pv("Stop"), 1, wait=False)
        bench.wait_state(State.OFF)
        assert bench.ioc.terminate() == 0
        assert bench.amps() == [0.0, 0.0]


@SLOW
def test_a_ramp_down_that_takes_too_long_ends_in_a_cut(own_bench: Bench) -> None:
    """The server gives an IOC ten seconds to stop; 6 A at 0.5 A/s would take twelve."""
    bench = own_bench
    bench.wait_state(State.STEADY_STATE)
    bench.put("Config:emergency_ramp_down_rate_a_per_sec", 0.5)
    assert bench.ioc.terminate() == 0
    assert bench.amps() == [0.0, 0.0]
    assert "ramp-down not confirmed within 7.5 s" in bench.ioc.output()


@SLOW
def test_a_shutdown_without_lines_says_so_and_ends(own_bench: Bench) -> None:
    bench = own_bench
    bench.wait_state(State.STEADY_STATE)
    bench.lines[1].set_fault(LineFault.SILENT)
    bench.ioc.terminate()
    assert bench.amps() == [0.0, 6.0]
    assert "PSU2 not confirmed off" in bench.ioc.output()


# -- hardware that is missing at the start --------------------------------------------------------


def test_without_a_sensor_nothing_is_begun(tmp_path: Path) -> None:
    with Bench(tmp_path, start=False, faults=(("hot", SensorFault.DEAD),)) as bench:
        bench.wait_state(State.INITIALIZING)
        bench.wait(lambda: bench.text("Reason") == "waiting for hot side", "it says for what")
        bench.wait_state(State.SENSOR_FAULT)
        assert bench.text("StateReason") == "no hot side sensor"
        bench.hot.fault = SensorFault.OK
        bench.wait_state(State.OFF)
        assert bench.moves() == []


def test_without_a_supply_it_waits_until_both_are_there(tmp_path: Path) -> None:
    with Bench(tmp_path, start=False, absent=("PSU2",)) as bench:
        bench.wait_state(State.DPS_DISCONNECTED)
        assert bench.text("StateReason") == "PSU2 not found"
        bench.supply("PSU2").restore_power()
        bench.wait_state(State.OFF)
        assert bench.moves() == []


# -- other installations --------------------------------------------------------------------------


def test_both_supplies_on_one_line_and_shut_down_together(tmp_path: Path) -> None:
    with Bench(tmp_path, amps=6.0, start=False, shared_line=True) as bench:
        bench.wait_state(State.STEADY_STATE)
        bench.put("Config:symmetric_shutdown", 1)
        bench.supply("PSU2").cut_power()
        bench.wait_state(State.DPS_DISCONNECTED)
        bench.wait(lambda: bench.amps() == [0.0, 0.0], "a cascade does not run on one stack alone")
        bench.supply("PSU2").restore_power()
        bench.wait_state(State.STARTUP, State.RAMP_UP)
        bench.wait(lambda: min(bench.amps()) >= 2.0, "both again")
