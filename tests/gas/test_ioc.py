"""The gas IOC as a control room meets it: approvals, interlocks, emergency stop, recipes, on real bytes."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devsup.sim.alicat_unit import Condition
from devsup.sim.faults import Fault
from tests.gas.bench import INVALID, MAJOR, NO_ALARM, UNITS, Bench
from tests.support.ca import CaClient, Refused

# -- the design document's four steps ---------------------------------------------------------------


def test_flow_control(bench: Bench) -> None:
    bench.put("Ar:Setpoint", 10)
    assert bench.setpoints()["Ar"] == 10.0
    assert bench.get("Ar:Setpoint_RBV") == 10.0
    bench.wait(lambda: abs(bench.get("Ar:Flow") - 10.0) < 0.5, "argon flows")
    bench.wait(lambda: abs(bench.get("TotalFlow") - 10.0) < 0.5, "the total follows")
    assert (bench.get("Ar:FullScale"), bench.get("Ar:Gas_RBV")) == (200.0, "Ar")
    assert bench.get("Ar:Firmware") == "10v20.0-R24"


@pytest.mark.parametrize(
    ("name", "flow", "reason"),
    [
        ("Ar:Setpoint", 1000, "Ar 1000 sccm is above 200 sccm (Ar:MaxFlow)"),
        ("O2:Setpoint", 60, "O2 would be 37.5 % of total, limit 30 %"),
        ("N2:Setpoint", 151, "N2 151 sccm is above 150 sccm (N2:MaxFlow)"),
    ],
)
def test_what_is_too_much_is_refused_with_the_reason(
    bench: Bench, name: str, flow: float, reason: str
) -> None:
    bench.put("Ar:Setpoint", 100)
    assert bench.refused(name, flow).startswith(reason)
    assert bench.text(f"{name.partition(':')[0]}:Reason").startswith(reason)
    assert bench.setpoints() == {"Ar": 100.0, "O2": 0.0, "N2": 0.0}


def test_less_argon_is_more_oxygen(bench: Bench) -> None:
    bench.put("Ar:Setpoint", 100)
    bench.put("O2:Setpoint", 40)
    assert "of total, limit 30 %" in bench.refused("Ar:Setpoint", 50)
    bench.put("Ar:Setpoint", 0)
    assert bench.setpoints() == {"Ar": 0.0, "O2": 0.0, "N2": 0.0}
    assert "O2 zeroed with it" in bench.text("Reason")


def test_limits_can_be_lowered_and_never_raised_beyond_the_ceiling(bench: Bench) -> None:
    bench.put("MaxTotalFlow", 80)
    assert "total would be 100 sccm, limit 80 sccm" in bench.refused("Ar:Setpoint", 100)
    with pytest.raises(Refused, match="above DRVH 400"):
        bench.put("MaxTotalFlow", 500)


def test_flow_needs_a_chamber_that_has_been_pumped(bench: Bench) -> None:
    bench.gauge("Pressure", 5.0)
    bench.wait_value("Pumped", 0)
    assert "pump to 0.001 Torr before flow starts" in bench.refused("Ar:Setpoint", 10)
    bench.gauge("Pressure", 5e-4)
    bench.wait_value("Pumped", 1)
    bench.put("Ar:Setpoint", 10)


def test_two_clients_that_race_get_nothing_that_one_would_not(bench: Bench) -> None:
    bench.put("MaxTotalFlow", 100)
    with CaClient(bench.env) as rival, ThreadPoolExecutor(2) as both:

        def put(ca: CaClient, name: str) -> bool:
            try:
                ca.put(bench.pv(f"{name}:Setpoint"), 80)
            except Refused:
                return False
            return True

        won = list(both.map(put, (bench.ca, rival), ("Ar", "N2")))
    assert sum(won) == 1
    assert sum(bench.setpoints().values()) == 80.0


# -- interlocks -------------------------------------------------------------------------------------


def test_an_open_door_zeroes_everything_and_latches(bench: Bench) -> None:
    bench.put("Ar:Setpoint", 100)
    bench.put("O2:Setpoint", 20)
    bench.gauge("Door", "Open")
    bench.wait(lambda: bench.setpoints() == {"Ar": 0.0, "O2": 0.0, "N2": 0.0}, "all zero")
    bench.wait_value("Interlock:Door:Tripped", 1)
    assert bench.ca.read(bench.pv("Interlock:Door:Tripped")).severity == MAJOR
    assert bench.get("FirstOut") == "Door"
    assert "must be Closed" in bench.refused("Ar:Setpoint", 10)
    bench.gauge("Door", "Closed")
    bench.wait_value("Interlock:Door:OK", 1)
    bench.refused("Ar:Setpoint", 10)  # latched
    bench.put("Interlock:Door:Reset", 1)
    bench.put("Ar:Setpoint", 10)


def test_failing_water_blocks_increases_and_clears_by_itself(bench: Bench) -> None:
    bench.put("Ar:Setpoint", 100)
    bench.gauge("Water", "Failed")
    bench.wait_value("Interlock:Water:OK", 0)
    assert "must be OK" in bench.refused("Ar:Setpoint", 110)
    bench.put("Ar:Setpoint", 90)
    bench.gauge("Water", "OK")
    bench.wait_value("Interlock:Water:OK", 1)
    bench.put("Ar:Setpoint", 110)


def test_pressure_that_rises_while_gas_flows_trips(bench: Bench) -> None:
    bench.put("Ar:Setpoint", 100)
    bench.wait(lambda: bench.get("Ar:Flow") > 50, "it flows")
    bench.gauge("Pressure", 0.5)
    bench.wait(lambda: bench.setpoints()["Ar"] == 0.0, "zeroed")
    assert bench.get("FirstOut") == "MaxPressureForFlow"


def test_a_bypass_needs_a_reason_is_alarmed_and_ends(bench: Bench) -> None:
    with pytest.raises(Refused, match="write the reason"):
        bench.put("Interlock:Water:Bypass", 1)
    bench.put("Interlock:Water:Bypass:Why", "flow switch is being replaced")
    bench.put("Interlock:Water:Bypass:Minutes", 30)
    bench.put("Interlock:Water:Bypass", 1)
    bench.gauge("Water", "Failed")
    bench.wait_value("Interlock:Water:OK", 0)
    bench.put("Ar:Setpoint", 20)
    assert bench.ca.read(bench.pv("Interlock:Water:Bypass")).severity != NO_ALARM
    assert "@" in bench.get("Interlock:Water:Bypass:By")
    bench.put("Interlock:Water:Bypass", 0)
    bench.refused("Ar:Setpoint", 30)


def test_a_trip_of_what_dilutes_oxygen_takes_the_oxygen_along(bench: Bench) -> None:
    bench.put("Ar:Setpoint", 100)
    bench.put("O2:Setpoint", 30)
    bench.gauge("Cold", "Warm")
    bench.wait(lambda: bench.setpoints() == {"Ar": 0.0, "O2": 0.0, "N2": 0.0}, "both zeroed")
    bench.refused("N2:Setpoint", 10)
    assert bench.text("N2:Reason") == "Cold: Warm, must be OK"


def test_what_is_wrong_for_less_than_its_delay_blocks_and_ends_nothing(bench: Bench) -> None:
    bench.put("Recipe:Select", "Short")
    bench.put("Recipe:Start", 1)
    bench.wait_value("Recipe:Step", 2)
    bench.gauge("Leak", "Found")
    bench.wait_value("Recipe:State", 3)
    assert bench.text("Recipe:Message") == "holding: Leak: Found, must be OK"
    bench.wait_value("Permit", 0)
    bench.gauge("Leak", "OK")
    bench.wait_value("Recipe:State", 2)
    assert bench.get("Interlock:Leak:Tripped") == 0


def test_a_trip_that_zeroes_one_gas_ends_a_recipe_in_its_safe_state(bench: Bench) -> None:
    bench.put("Recipe:Select", "Short")
    bench.put("Recipe:Start", 1)
    bench.wait_value("Recipe:Step", 2)
    bench.wait(lambda: bench.setpoints()["O2"] == 10.0, "it runs")
    bench.gauge("Leak", "Found")
    bench.wait_value("Recipe:State", 7)
    assert "Leak: Found, must be OK" in bench.text("Recipe:Message")
    bench.wait(lambda: bench.setpoints() == {"Ar": 0.0, "O2": 0.0, "N2": 0.0}, "argon too")


def test_oxygen_that_races_with_the_zero_of_argon_does_not_stay_alone(bench: Bench) -> None:
    for _ in range(10):
        bench.put("Ar:Setpoint", 100)
        zero = bench.ca.start_put(bench.pv("Ar:Setpoint"), 0.0)
        oxygen = bench.ca.start_put(bench.pv("O2:Setpoint"), 30.0)
        assert zero.exception(10) is None
        assert oxygen.exception(10) is None or isinstance(oxygen.exception(), Refused)
        assert bench.setpoints() == {"Ar": 0.0, "O2": 0.0, "N2": 0.0}


# -- emergency stop ---------------------------------------------------------------------------------


def test_the_emergency_stop_works_with_one_unit_dead(bench: Bench) -> None:
    bench.put("Ar:Setpoint", 100)
    bench.put("N2:Setpoint", 50)
    with bench.dead("N2"):
        with pytest.raises(Refused, match="N2 not confirmed zero"):
            bench.put("EStop", 1)
        assert bench.setpoints() == {"Ar": 0.0, "O2": 0.0, "N2": 50.0}
        assert bench.ca.read(bench.pv("N2:Flow")).severity == INVALID
        assert bench.text("Ar:Reason") == "Emergency stop: Ar is zero, confirmed"
        assert "emergency stop is active" in bench.refused("Ar:Setpoint", 10)
    bench.wait(lambda: bench.setpoints()["N2"] == 0.0, "zeroed as soon as it answers")
    bench.wait(lambda: bench.text("N2:Reason") == "Emergency stop: N2 is zero, confirmed", "and says why")
    bench.put("EStop:Reset", 1)
    bench.put("Ar:Setpoint", 10)


def test_the_emergency_stop_closes_a_valve_that_is_held_open(bench: Bench) -> None:
    """Its setpoint is zero at once; the gas flows on, because the valve does not follow."""
    bench.put("Ar:Setpoint", 100)
    bench.wait(lambda: bench.get("Ar:Flow") > 90, "it flows")
    bench.put("Ar:ValveHold", "Here")
    bench.wait_value("Ar:ValveHold_RBV", 1)
    bench.put("EStop", 1)
    bench.wait(lambda: bench.unit("Ar").mass_flow < 0.5, "no gas flows")
    bench.put("EStop:Reset", 1)
    assert "is held" in bench.refused("Ar:Setpoint", 10)
    bench.put("Ar:ValveHold", "Off")
    bench.wait_value("Ar:ValveHold_RBV", 0)


def test_a_zero_by_hand_is_owed_by_one_that_does_not_answer(bench: Bench) -> None:
    bench.put("N2:Setpoint", 50)
    with bench.dead("N2"):
        with pytest.raises(Refused, match="N2 not confirmed zero"):
            bench.put("N2:Setpoint", 0)
    bench.wait(lambda: bench.setpoints()["N2"] == 0.0, "zeroed as soon as it answers")


def test_one_that_is_not_in_use_does_not_hold_up_the_emergency_stop(bench: Bench) -> None:
    bench.put("N2:Enable", 0)
    bench.fault("N2", Fault.DEAD)
    try:
        assert "N2 is disabled" in bench.refused("N2:Setpoint", 10)
        bench.put("Ar:Setpoint", 50)
        bench.put("EStop", 1)
        assert bench.setpoints()["Ar"] == 0.0
    finally:
        bench.fault("N2")
        bench.put("N2:Enable", 1)


def test_the_facility_stops_us_too(bench: Bench) -> None:
    bench.put("Ar:Setpoint", 100)
    bench.gauge("Stop", "Pressed")
    bench.wait_value("EStop:Active", 1)
    bench.wait(lambda: bench.setpoints()["Ar"] == 0.0, "zeroed")


# -- instruments ------------------------------------------------------------------------------------


def test_a_lost_unit_is_invalid_at_once_and_comes_back(bench: Bench) -> None:
    with bench.dead("O2"):
        for name in ("Flow", "Setpoint_RBV", "Temperature"):
            assert bench.ca.read(bench.pv(f"O2:{name}")).severity == INVALID
        assert "O2 does not answer" in bench.refused("O2:Setpoint", 5)
        bench.put("Ar:Setpoint", 40)
    bench.wait_severity("O2:Flow", NO_ALARM)


def test_an_analog_setpoint_source_is_noticed(bench: Bench) -> None:
    bench.server.set_condition(UNITS["Ar"][0], Condition.ANALOG_SOURCE)
    try:
        with pytest.raises(Refused, match="analog|source|not taken|kept"):
            bench.put("Ar:Setpoint", 30)
    finally:
        bench.server.set_condition(UNITS["Ar"][0], Condition.OK)


def test_limits_in_sccm_are_not_applied_to_another_unit(tmp_path: Path) -> None:
    """50 of a controller that counts in litres would be 50 000 sccm."""
    with Bench(tmp_path, ar_unit="SLPM") as bench:
        assert bench.get("Ar:Unit") == "slpm"
        assert "Ar counts in slpm, limits are in sccm" in bench.refused("Ar:Setpoint", 0.05)
        bench.put("Ar:Setpoint", 0)
        bench.put("N2:Setpoint", 10)


def test_a_tare_and_another_gas_are_refused_while_gas_flows(bench: Bench) -> None:
    bench.put("Ar:Setpoint", 30)
    for name, value in (("Ar:Tare", 1), ("Ar:Gas", "N2")):
        with pytest.raises(Refused, match="zero the flow"):
            bench.put(name, value)
    bench.put("Ar:Setpoint", 0)
    bench.put("Ar:Gas", "N2")
    assert bench.unit("Ar").gas == 8
    bench.put("Ar:Gas", "Ar")


# -- recipes ----------------------------------------------------------------------------------------


def test_a_recipe_runs_to_its_steps_and_leaves_a_record(bench: Bench) -> None:
    before = bench.records()
    bench.put("Recipe:Select", "Short")
    bench.put("Recipe:Start", 1)
    assert "recipe Short is running" in bench.refused("N2:Setpoint", 5)
    bench.wait_value("Recipe:Step", 2)
    bench.wait(lambda: bench.setpoints() == {"Ar": 40.0, "O2": 10.0, "N2": 0.0}, "the process flows")
    bench.put("Recipe:Skip", 1)
    bench.wait_value("Recipe:State", 5)
    assert bench.setpoints() == {"Ar": 0.0, "O2": 0.0, "N2": 0.0}
    bench.wait(lambda: len(bench.records()) > len(before), "its record")
    record = json.loads(bench.records().splitlines()[-1])
    assert (record["recipe"], record["result"]) == ("Short", "Completed")
    assert [step["name"] for step in record["steps"]] == ["Purge", "Process", "Stop"]
    assert "@" in record["who"]


def test_a_flow_out_of_tolerance_holds_the_clock(bench: Bench) -> None:
    bench.put("Recipe:Select", "Short")
    bench.put("Recipe:Start", 1)
    bench.wait_value("Recipe:Step", 2)
    bench.wait_value("Recipe:State", 2)
    bench.server.set_condition(UNITS["O2"][0], Condition.BOTTLE_EMPTY)
    bench.wait_value("Recipe:State", 3)
    assert "holding: O2 is" in bench.text("Recipe:Message")
    bench.server.set_condition(UNITS["O2"][0], Condition.OK)
    bench.wait_value("Recipe:State", 2)
    bench.put("Recipe:Abort", 1)
    assert bench.setpoints() == {"Ar": 0.0, "O2": 0.0, "N2": 0.0}


def test_a_trip_and_an_emergency_stop_end_a_recipe_with_one_unit_dead(bench: Bench) -> None:
    bench.put("Recipe:Select", "Short")
    bench.put("Recipe:Start", 1)
    bench.wait_value("Recipe:Step", 2)
    bench.wait(lambda: bench.setpoints()["O2"] == 10.0, "it runs")
    bench.fault("O2", Fault.DEAD)
    with pytest.raises(Refused, match="O2 not confirmed zero"):
        bench.put("EStop", 1)
    assert bench.setpoints()["Ar"] == 0.0
    assert bench.get("Recipe:State") == 7
    bench.fault("O2")
    bench.wait(lambda: bench.setpoints()["O2"] == 0.0, "zeroed when it is back")


def test_a_zero_by_hand_pauses_a_recipe(bench: Bench) -> None:
    bench.put("Recipe:Select", "Short")
    bench.put("Recipe:Start", 1)
    bench.wait_value("Recipe:Step", 2)
    bench.put("O2:Setpoint", 0)
    bench.wait_value("Recipe:State", 4)
    assert "O2 zeroed by hand" in bench.text("Recipe:Message")
    assert bench.setpoints()["O2"] == 0.0


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("name: Bad\nsteps: []", "at least 1"),
        ("name: Bad\nsteps: [{name: A, duration: 1, flows: {Xe: 1}}]", "no such gas"),
        ("name: Bad\nsteps: [{name: A, duration: -1}]", "duration"),
    ],
)
def test_a_recipe_that_is_wrong_is_not_kept(bench: Bench, definition: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        bench.put("Recipe:Definition.VAL$", definition)
    assert "Bad" not in bench.get("Recipe:Names")


def test_a_recipe_is_defined_checked_before_the_start_and_deleted(bench: Bench) -> None:
    definition = "name: Rich\nsteps: [{name: Too much, duration: 1, flows: {Ar: 10, O2: 10}}]"
    bench.put("Recipe:Definition.VAL$", definition)
    assert "Rich" in bench.get("Recipe:Names")
    bench.put("Recipe:Select", "Rich")
    reason = bench.refused("Recipe:Start", 1)
    assert reason.startswith("step 1 Too much: O2 would be 50 % of total, limit 30 %")
    bench.put("Recipe:Delete", "Rich")
    assert "Rich" not in bench.get("Recipe:Names")
    assert [file.name for file in bench.recipes.iterdir()] == ["short.yaml"]
