"""The IOC as a process: thresholds, modes, commands, emergency stop, sensors and relays that fail."""

import pytest

from devsup.sim.faults import Fault
from devsup.sim.relays import RelayFault
from devsup.sim.sysfs import SensorFault
from tests.environment.bench import (
    AIR,
    BOARD,
    COMM,
    INVALID,
    MAJOR,
    MINOR,
    NO_ALARM,
    RELAYS,
    Bench,
)


def manual(bench: Bench, *relays: str) -> None:
    """MANUAL, with these relays on."""
    bench.put("Mode", "MANUAL")
    for relay in relays:
        bench.put(f"{relay}:Command", "On")
    bench.wait_on(set(relays))


# What the air asks for


def test_the_air_is_followed_and_every_relay_says_why(bench: Bench) -> None:
    bench.chamber.feel(t=26.0, rh=82.0, ppm=1215.0)
    bench.wait_on({"Fan", "Mist"})
    bench.wait_value("Fan:State", 1)
    bench.wait_reason("Fan", "CO2 1215 ppm >= 1000")
    bench.wait_reason("Mist", "humidity 82.0 %RH <= 85")
    assert bench.get("Fan:ReasonCode") == 2
    assert bench.get("Fan:Demand") == 1
    bench.chamber.feel(t=22.0, rh=90.0, ppm=600.0)
    bench.wait_on(set())
    bench.wait_reason("Fan", "within limits")


def test_values_have_age_and_quality(bench: Bench) -> None:
    assert bench.get("Temperature") == pytest.approx(21.0, abs=0.1)
    assert bench.get("Humidity") == pytest.approx(90.0)
    assert bench.get("CO2") == 600.0
    assert bench.get("Temperature:Age") < 2.0
    assert bench.ca.ctrl(bench.pv("Humidity"))["units"] == "%RH"
    bench.chamber.feel(t=41.0)
    bench.wait_severity("Temperature", MINOR)


def test_a_threshold_takes_effect_at_once(bench: Bench) -> None:
    bench.put("Temperature:Max", 20.5)
    bench.wait_on({"Fan"})
    bench.wait_reason("Fan", "temperature 21.0 degC >= 20.5")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Temperature:Min", 24.0, "temperature minimum 24 is not below maximum 24"),
        ("Temperature:Hysteresis", 3.5, "overlaps"),
        ("Temperature:Hysteresis", 0.0, "hysteresis must be above 0"),
        ("Humidity:Min", 94.0, "beyond the condensation threshold"),
        ("CondensationGuard:Threshold", 87.0, "beyond the condensation threshold 87"),
        ("Temperature:Max", 99.0, "DRVH 60"),
        ("Temperature:Max", float("nan"), ""),
        ("Light:OffThreshold", 200.0, "dark at 200 but bright at 200"),
        ("Light:Anchor", "25:00", "expected HH:MM"),
        ("Fan:DutyLimit", 101.0, "DRVH 100"),
        ("Fan:OnSensorLoss", 7, ""),
        ("Mode", 5, ""),
    ],
)
def test_contradictions_and_nonsense_are_refused_with_a_reason(
    bench: Bench, name: str, value: object, why: str
) -> None:
    assert why in bench.refused(name, value)


def test_a_spent_duty_switches_off_and_says_when_it_is_free(bench: Bench) -> None:
    bench.chamber.feel(t=26.0)
    bench.wait_on({"Fan"})
    bench.put("Fan:DutyLimit", 0)
    bench.wait_on(set())
    bench.wait_reason("Fan", "duty 0 % reached")
    bench.put("Fan:DutyLimit", 100)
    bench.wait_on({"Fan"})
    bench.wait(lambda: bench.get("Fan:DutyPercent") > 0.0, "the time on counts")


# Light


def test_a_lamp_that_does_not_light_is_noticed(bench: Bench) -> None:
    bench.put("Light:Mode", "ON")
    bench.wait_on({"Light"})
    bench.chamber.feel(lux=800.0)
    bench.wait_value("Light:Verified", 1)
    bench.put("Light:ResetFailures", 1)
    bench.chamber.feel(lux=3.0)
    bench.wait_value("Light:Verified", 2)
    assert bench.alarm("Light:Verified")[1] == MAJOR
    bench.wait(lambda: bench.get("Light:VerifyFailures") >= 2, "failures are counted")
    bench.wait(lambda: "lamp or relay?" in bench.text("Reason"), "it is reported")
    bench.chamber.feel(lux=800.0)
    bench.wait_value("Light:Verified", 1)
    assert bench.alarm("Light:Verified")[1] == NO_ALARM


def test_a_cycle_tells_its_next_change(bench: Bench) -> None:
    bench.put("Light:Mode", "CYCLE")
    bench.wait(lambda: bench.text("Light:NextChange").startswith("20"), "there is a next change")
    assert 0.0 < bench.get("Light:TimeToChange") <= 43_200.0
    bench.put("Light:Mode", "OFF")
    bench.wait(lambda: bench.text("Light:NextChange") == "never", "there is none")


# Condensation


def test_the_condensation_guard_overrides_everything(bench: Bench) -> None:
    manual(bench, "Mist")
    bench.chamber.feel(rh=97.0)
    bench.wait_on({"Fan"})
    bench.wait_value("CondensationGuard:Active", 1)
    assert bench.alarm("CondensationGuard:Active")[1] == MINOR
    assert bench.get("CondensationGuard:Elapsed") > 0.5
    bench.wait_reason("Mist", "condensation guard: humidity 97.0 %RH, until <= 92")
    bench.chamber.feel(rh=91.0)
    bench.wait_value("CondensationGuard:Active", 0)
    bench.wait_on({"Mist"})


# Manual


def test_manual_takes_the_relays_over_as_they_are(bench: Bench) -> None:
    bench.chamber.feel(t=26.0)
    bench.wait_on({"Fan"})
    bench.put("Mode", "MANUAL")
    assert bench.get("Fan:Command") == 1
    bench.chamber.feel(t=21.0, ppm=2000.0)
    bench.wait(lambda: bench.get("Temperature") < 24.0, "it has cooled down")
    bench.put("Heater:Command", "On")
    bench.wait_on({"Fan", "Heater"})
    bench.put("Fan:Command", "Off")
    assert bench.chamber.on() == {"Heater"}, "the put is complete when the contact is open"


def test_commands_are_for_manual(bench: Bench) -> None:
    assert "mode is AUTOMATIC: Mode MANUAL first" in bench.refused("Fan:Command", "On")


def test_the_minimum_time_holds_for_the_operator_as_well(bench: Bench) -> None:
    manual(bench, "Fan")
    bench.put("Fan:MinimumTime", 600)
    bench.put("Fan:Command", "Off")
    bench.wait_reason("Fan", "minimum time, ")
    assert bench.chamber.on() == {"Fan"}
    bench.put("Fan:MinimumTime", 0)
    bench.wait_on(set())
    bench.put("Fan:MinimumTime", 600)
    assert "minimum time" in bench.refused("Fan:Command", "On")


# Emergency stop and safety


def test_the_emergency_stop(bench: Bench) -> None:
    manual(bench, "Fan", "Light", "Heater")
    for relay in RELAYS:
        bench.put(f"{relay}:MinimumTime", 600)
    bench.put("EStop", 1)
    assert bench.chamber.on() == set(), "confirmed when the put is complete"
    assert [bench.get(f"{relay}:State") for relay in RELAYS] == [0] * len(RELAYS), "and shown"
    assert bench.get("EStop:Active") == 1 and bench.get("Mode") == 2
    assert bench.text("SafetyReason") == "emergency stop"
    assert bench.get("Fan:Command") == 0
    bench.wait_reason("Heater", "emergency stop is active")
    assert "emergency stop is active" in bench.refused("Mode", "AUTOMATIC")
    assert "Mode MANUAL first" in bench.refused("Fan:Command", "On")
    bench.put("EStop:Reset", 1)
    assert bench.get("Mode") == 2, "an operator has to leave SAFETY"
    bench.put("Mode", "AUTOMATIC")
    assert bench.text("SafetyReason") == ""


def test_safety_mode_is_everybodys(bench: Bench) -> None:
    manual(bench, "Fan", "Light")
    bench.put("Mode", "SAFETY")
    bench.wait_on(set())
    assert bench.alarm("Mode")[1] == MAJOR
    bench.wait_value("Fan:Interlocked", 1)


def test_an_interlock_switches_off_at_once_and_says_so(bench: Bench) -> None:
    manual(bench, "Fan", "Light")
    bench.chamber.feel(lux=6000.0)
    bench.wait_on(set())
    bench.wait_reason("Light", "interlock Glare: ")
    bench.wait_value("Light:ReasonCode", 13)
    bench.chamber.feel(lux=300.0)
    bench.wait_value("Interlock:NotOK", 0)
    assert bench.chamber.on() == set(), "it is latched"
    bench.put("Interlock:Glare:Reset", 1)
    bench.wait_on({"Fan", "Light"})


# Sensors that fail


def test_a_thermometer_that_is_unplugged_and_comes_back(bench: Bench) -> None:
    bench.chamber.feel(t=17.0)
    bench.wait_on({"Heater"})
    value = bench.get("Temperature")
    bench.chamber.thermometer.fault = SensorFault.DEAD
    bench.chamber.feel()
    bench.wait_severity("Temperature", INVALID, 2.0)
    assert bench.alarm("Temperature") == (COMM, INVALID)
    assert bench.get("Temperature") == value, "the last good value stays"
    assert bench.chamber.on() == {"Heater"}, "it is not lost yet"
    bench.wait_on(set(), 10.0)
    bench.wait_reason("Heater", "temperature lost for")
    bench.wait_value("Heater:ReasonCode", 11)
    bench.wait_value("SENSOR:thermometer:Comm", 2)
    assert "is not there" in bench.text("Temperature:Problem")
    assert bench.alarm("Humidity")[1] == NO_ALARM
    bench.chamber.thermometer.fault = SensorFault.OK
    bench.chamber.feel()
    bench.wait_on({"Heater"})
    assert bench.alarm("Temperature")[1] == NO_ALARM


def test_a_transmitter_that_is_silent(bench: Bench) -> None:
    bench.chamber.feel(rh=80.0)
    bench.wait_on({"Mist"})
    bench.chamber.server.set_fault(AIR, Fault.DEAD)
    bench.wait_severity("Humidity", INVALID)
    bench.wait_severity("CO2", INVALID)
    bench.wait_on(set(), 12.0)
    bench.wait_value("Mist:ReasonCode", 11)


@pytest.mark.parametrize("fault", [SensorFault.EMPTY, SensorFault.BAD_CRC, SensorFault.POWER_ON])
def test_a_reading_that_is_none_does_not_move_a_relay(bench: Bench, fault: SensorFault) -> None:
    bench.chamber.thermometer.fault = fault
    bench.chamber.feel(t=30.0)
    bench.wait_value("Temperature:Quality", 2)
    assert bench.get("Temperature") == pytest.approx(21.0, abs=0.1)
    assert bench.chamber.on() == set()


# Relays that fail


def test_a_board_that_is_gone_and_comes_back(bench: Bench) -> None:
    manual(bench, "Fan")
    bench.chamber.server.set_fault(BOARD, Fault.DEAD)
    bench.wait_severity("Fan:State", INVALID)
    assert bench.alarm("Fan:State") == (COMM, INVALID)
    assert "no reply" in bench.refused("Light:Command", "On")
    assert bench.get("Light:Command") == 0
    assert "not confirmed off" in bench.refused("EStop", 1)
    assert bench.get("EStop:Active") == 1
    assert bench.chamber.on() == {"Fan"}, "a board without its dead man keeps its relays"
    bench.chamber.server.set_fault(BOARD, Fault.OK)
    bench.wait_on(set())
    bench.wait_severity("Fan:State", NO_ALARM)
    bench.wait(lambda: "confirmed" in bench.text("Reason"), "it is said that it is off now")


def test_a_welded_contact_is_seen(bench: Bench) -> None:
    manual(bench, "Heater")
    bench.chamber.relays.faults["Heater"] = RelayFault.WELDED
    bench.chamber.relays.closed()
    bench.put("Heater:Command", "Off")
    bench.wait_value("Heater:ContactFault", 1)
    assert bench.alarm("Heater:ContactFault")[1] == MAJOR
    assert bench.get("Heater:State") == 1


def test_a_contact_that_does_not_close_is_seen(bench: Bench) -> None:
    bench.chamber.relays.faults["Fan"] = RelayFault.STUCK_OPEN
    bench.put("Mode", "MANUAL")
    bench.put("Fan:Command", "On")
    bench.wait_value("Fan:ContactFault", 1)
    assert bench.get("Fan:State") == 0


def test_somebody_else_who_drives_a_relay_is_overruled_and_told_of(bench: Bench) -> None:
    bench.chamber.board.write_coils(0, [True])
    bench.wait_on(set())
    bench.wait(lambda: "not ordered" in str(bench.get("History:Reason")), "it is in the history")


# History


def test_what_relays_have_done_is_listed_newest_first(bench: Bench) -> None:
    manual(bench, "Fan")
    switches = bench.get("Fan:Switches")
    bench.put("Fan:Command", "Off")
    bench.put("Fan:Command", "On")
    bench.wait_value("Fan:Switches", switches + 1)
    times, relays, states, codes = (
        list(bench.get(f"History:{column}"))[:2] for column in ("Time", "Relay", "State", "Code")
    )
    assert relays == ["Fan", "Fan"] and states == ["On", "Off"] and codes == [6, 6]
    assert times[0] >= times[1] > 1.7e9
    assert "Fan on: manual on" in bench.text("History:Last")
    assert bench.text("Fan:LastChange").startswith("20")
    lines = (bench.state / "T-ENV-history.jsonl").read_text().splitlines()
    assert '"relay": "Fan", "on": true' in lines[-1]
