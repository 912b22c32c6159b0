"""What goes wrong with a cold plate, seen by a client: sensors, supplies, knobs, heat, emergency stop."""

from collections.abc import Iterator

import pytest

from devsup.sim.faults import LineFault
from devsup.sim.sysfs import SensorFault
from iocs.thermal.logic.facts import State
from tests.support.ca import Refused
from tests.thermal.bench import COMM, INVALID, MAJOR, MINOR, NO_ALARM, Bench

SLOW = pytest.mark.slow


def test_what_runs_is_adopted(bench: Bench) -> None:
    assert bench.text("StateReason") == "hot reset: found running, 6.00 A adopted"
    assert bench.amps() == [6.0, 6.0]
    assert (bench.get("PSU1:SetCurrent"), bench.get("PSU1:Output")) == (6.0, 1), "as often as it is"
    assert bench.severity("PSU1:SetCurrent_RBV") == NO_ALARM


# -- heat -----------------------------------------------------------------------------------------


@pytest.fixture
def sudden(bench: Bench) -> Iterator[Bench]:
    with bench.sudden():
        yield bench


def test_seventy_degrees_cut_both_outputs(sudden: Bench) -> None:
    bench = sudden
    bench.heat(72.0)
    bench.wait(lambda: bench.amps() == [0.0, 0.0], "both off")
    bench.wait_state(State.THERMAL_FAULT)
    assert "outputs cut" in bench.text("StateReason")
    assert bench.severity("State") == MAJOR
    cut = [write for write in bench.moves() if write[1] == 0x0009][-2:]
    assert sorted(name for name, _, _ in cut) == ["PSU1", "PSU2"]
    bench.wait(lambda: "confirmed" in bench.text("Reason"), "the account of the cut")
    assert "THERMAL_FAULT is latched: Rearm first" in bench.refused("Start", 1)
    assert "hot side is still at" in bench.refused("Rearm", 1)
    bench.heat(40.0)
    bench.wait(lambda: bench.get("HotPlate") < 60.0, "cooled down")
    bench.put("Rearm", 1)
    assert bench.get("State") == State.OFF


def test_a_fan_that_stops_is_a_runaway_that_is_ramped_down(bench: Bench) -> None:
    bench.chamber.speed = 60.0
    try:
        bench.chamber.change(fan=False)
        bench.wait_state(State.THERMAL_FAULT)
        assert "thermal runaway" in bench.text("StateReason")
        bench.wait(lambda: bench.amps() == [0.0, 0.0], "ramped down")
        bench.wait(lambda: bench.get("PSU1:Output") == 0, "shown")
    finally:
        bench.chamber.speed = 1.0


def test_a_warm_hot_side_is_a_zone_with_an_alarm(sudden: Bench) -> None:
    bench = sudden
    bench.heat(58.0)
    bench.wait_severity("HotSide:Zone", MINOR)
    assert bench.severity("HotPlate") == MINOR
    bench.heat(67.0)
    bench.wait_severity("HotSide:Zone", MAJOR)
    bench.wait(lambda: bench.amps()[0] < 6.0, "backed off")
    assert bench.get("State") == State.STEADY_STATE


# -- sensors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        SensorFault.OPEN,
        pytest.param(SensorFault.ZEROS, marks=SLOW),
        pytest.param(SensorFault.DEAD, marks=SLOW),
    ],
)
def test_without_a_cold_plate_the_current_is_reduced_until_it_is_back(
    bench: Bench, fault: SensorFault
) -> None:
    with bench.sensor_fault(bench.cold, fault):
        bench.wait_severity("ColdPlate", INVALID)
        assert bench.get("ColdPlate:Problem")
        bench.wait_state(State.SENSOR_FAULT)
        bench.wait(lambda: bench.amps() == [2.5, 2.5], "2.5 A")
    bench.wait_state(State.STEADY_STATE)
    assert bench.text("StateReason") == "sensors recovered"
    bench.wait(lambda: bench.amps() == [6.0, 6.0], "back at the optimum")
    assert bench.severity("ColdPlate") == NO_ALARM


def test_a_cold_plate_that_stays_away_is_a_latched_fault(bench: Bench) -> None:
    with bench.sensor_fault(bench.cold, SensorFault.EMPTY):
        bench.wait_state(State.THERMAL_FAULT)
        assert bench.text("StateReason") == "sensors did not recover"
        bench.wait(lambda: bench.amps() == [0.0, 0.0], "ramped down")
        assert "cold plate sensor is still lost" in bench.refused("Rearm", 1)


@pytest.mark.parametrize(
    "fault",
    [
        SensorFault.BAD_CRC,
        pytest.param(SensorFault.POWER_ON, marks=SLOW),
        pytest.param(SensorFault.ZEROS, marks=SLOW),
    ],
)
def test_without_a_hot_side_it_is_ramped_down(bench: Bench, fault: SensorFault) -> None:
    with bench.sensor_fault(bench.hot, fault):
        bench.wait_state(State.THERMAL_FAULT)
        assert bench.text("StateReason") == "hot side sensor lost"
        bench.wait(lambda: bench.amps() == [0.0, 0.0], "ramped down")


def test_a_noisy_hot_side_is_no_runaway(bench: Bench) -> None:
    (sensor,) = bench.chamber.hot
    sensor.noise_k = 0.5
    try:
        before = bench.get("Event:Length")
        bench.wait(lambda: bench.get("TimeInState") > 2.0, "two seconds")
        assert (bench.get("State"), bench.get("Event:Length")) == (State.STEADY_STATE, before)
    finally:
        sensor.noise_k = 0.01


def test_a_frozen_sensor_is_not_noticed_by_its_age(bench: Bench) -> None:
    """Which is why the README asks for a thermal cut-off of its own."""
    with bench.sensor_fault(bench.hot, SensorFault.FROZEN):
        bench.heat(80.0)
        bench.wait(lambda: bench.get("TimeInState") > 2.0, "two seconds")
        assert bench.get("State") == State.STEADY_STATE
        assert bench.get("HotPlate:Quality") == 0


# -- supplies -------------------------------------------------------------------------------------


def test_a_power_cut_of_one_supply(bench: Bench) -> None:
    bench.supply("PSU2").cut_power()
    bench.wait_state(State.DPS_DISCONNECTED)
    bench.wait(lambda: bench.amps() == [5.0, 0.0], "5 A on the other")
    for name in ("Voltage_RBV", "Current_RBV", "Power", "SetCurrent_RBV", "Output_RBV", "Mode", "Protect"):
        bench.wait_severity(f"PSU2:{name}", INVALID)
    assert bench.ca.read(bench.pv("PSU2:Current_RBV")).status == COMM
    assert bench.severity("PSU1:Current_RBV") == NO_ALARM
    assert bench.get("PSU2:Comm") == 2
    bench.supply("PSU2").restore_power()
    bench.wait_state(State.STARTUP, State.RAMP_UP)
    bench.wait(lambda: bench.supply("PSU2").output, "on again")
    assert bench.get("PSU2:Comm") < 2


def test_a_line_that_is_unplugged(bench: Bench) -> None:
    bench.lines[0].hang_up()
    bench.wait_state(State.DPS_DISCONNECTED)
    bench.wait(lambda: bench.amps() == [6.0, 5.0], "the other is limited, the lost one goes on")
    bench.wait_severity("PORT:psu1:Connected", MAJOR)
    bench.lines[0].come_back()
    bench.wait(lambda: bench.amps() == [2.0, 2.0], "a soft restart")


def test_a_knob_that_is_turned(bench: Bench) -> None:
    moves = len(bench.moves())
    bench.supply("PSU1").turn_knob(amps=4.0)
    bench.wait_state(State.MANUAL_OVERRIDE)
    assert "PSU1 has 4.00 A instead of 6.00 A" in bench.text("StateReason")
    assert bench.severity("State") == MINOR
    bench.wait_severity("PSU1:SetCurrent_RBV", MINOR)
    assert "no commands are sent" in bench.refused("Stop", 1)
    bench.wait(lambda: bench.get("TimeInState") > 2.0, "two seconds")
    assert bench.moves()[moves:] == []
    bench.put("Resume", 1)
    bench.wait_state(State.RAMP_UP)
    assert "4.00 A adopted" in bench.text("StateReason")
    bench.wait(lambda: bench.amps()[1] == 4.0, "the other follows")


def test_a_hand_is_left_alone_but_watched(bench: Bench) -> None:
    bench.supply("PSU2").press_output()
    bench.wait_state(State.MANUAL_OVERRIDE)
    bench.heat(72.0)
    bench.wait_state(State.THERMAL_FAULT)
    bench.wait(lambda: bench.amps() == [0.0, 0.0], "both off")


def test_what_a_hand_left_above_the_limits_is_ramped_down_all_the_same(bench: Bench) -> None:
    bench.supply("PSU1").turn_knob(volts=20.0)
    bench.wait_state(State.MANUAL_OVERRIDE)
    before = len(bench.writes)
    with bench.sensor_fault(bench.hot, SensorFault.BAD_CRC):
        bench.wait_state(State.THERMAL_FAULT)
        bench.wait(lambda: bench.amps() == [0.0, 0.0], "ramped down")
    told = [values for name, place, values in bench.writes[before:] if (name, place) == ("PSU1", 0)]
    assert len(told) >= 2 and told == sorted(told, reverse=True), "not in one go"
    assert max(volts for volts, _ in told) <= 1600


def test_a_protection_that_trips(bench: Bench) -> None:
    registers = bench.supply("PSU1").registers
    registers.values[0x0007], registers.values[0x0009] = 2, 0
    bench.wait_state(State.THERMAL_FAULT)
    assert bench.text("StateReason") == "PSU1 switched itself off: over current protection"
    bench.wait(lambda: bench.amps() == [0.0, 0.0], "the other as well")
    assert bench.severity("PSU1:Protect") == MAJOR


def test_a_cut_that_reaches_nobody_is_said_and_repeated(sudden: Bench) -> None:
    bench = sudden
    bench.lines[0].set_fault(LineFault.SILENT)
    bench.wait(lambda: bench.get("PSU1:Comm") == 2, "PSU1 lost")
    bench.heat(72.0)
    bench.wait(lambda: bench.amps() == [6.0, 0.0], "only PSU2 is off")
    bench.wait_severity("NotConfirmedOff", MAJOR)
    assert bench.get("NotConfirmedOff:Who") == "PSU1"
    bench.heat(40.0)
    bench.wait(lambda: bench.get("HotPlate") < 60.0, "cooled down")
    assert "not off yet: PSU1" in bench.refused("Rearm", 1)
    bench.lines[0].set_fault(LineFault.OK)
    bench.wait(lambda: bench.amps() == [0.0, 0.0], "cut as soon as it answers")
    bench.wait_severity("NotConfirmedOff", NO_ALARM)


# -- emergency stop -------------------------------------------------------------------------------


def test_an_emergency_stop(bench: Bench) -> None:
    bench.put("EStop", 1)
    assert bench.amps() == [0.0, 0.0]
    assert bench.get("EStop:Active") == 1
    bench.wait_state(State.OFF)
    assert "emergency stop is active: EStop:Reset first" in bench.refused("Start", 1)
    bench.supply("PSU1").press_output()
    bench.wait(lambda: bench.amps() == [0.0, 0.0], "off again, whoever switched it on")
    bench.put("EStop:Reset", 1)
    assert bench.get("State") == State.OFF
    bench.put("Start", 1)
    bench.wait(lambda: bench.amps() == [2.0, 2.0], "a soft start")


def test_an_emergency_stop_with_one_supply_lost(bench: Bench) -> None:
    bench.lines[1].set_fault(LineFault.SILENT)
    bench.wait(lambda: bench.get("PSU2:Comm") == 2, "PSU2 lost")
    with pytest.raises(Refused, match="PSU2 not confirmed off"):
        bench.put("EStop", 1)
    assert bench.supply("PSU1").output is False
    bench.lines[1].set_fault(LineFault.OK)
    bench.wait(lambda: bench.amps() == [0.0, 0.0], "cut as soon as it answers")
