"""Physics of a simulated Alicat unit: flow, ramp, hold, bottle, totalizer, status. Time is an argument."""

import math

import pytest

from devsup.sim.alicat_unit import CONDITION_NAMES, AlicatUnit, Condition, Hold, UnitConfig


def made(**config: object) -> AlicatUnit:
    return AlicatUnit(UnitConfig("A", 100.0, **config))


def flowing(setpoint: float = 0.5, **config: object) -> AlicatUnit:
    unit = made(**config)
    assert unit.order(setpoint)
    unit.step(5.0)
    return unit


def test_the_flow_follows_the_setpoint_within_its_time() -> None:
    unit = made(tau_s=0.1)
    unit.order(0.5)
    unit.step(0.1)
    assert unit.mass_flow == pytest.approx(50.0 * (1 - math.exp(-1)), rel=0.02)
    unit.step(3.0)
    assert unit.mass_flow == pytest.approx(50.0)


def test_any_length_of_a_step_comes_to_the_same() -> None:
    one, many = flowing(), flowing()
    one.order(0.1)
    many.order(0.1)
    one.step(0.4)
    for _ in range(40):
        many.step(0.01)
    assert one.mass_flow == pytest.approx(many.mass_flow, rel=0.02)
    one.step(1e6)
    assert one.mass_flow == pytest.approx(10.0)


@pytest.mark.parametrize("setpoint", [-0.01, 1.03])
def test_there_is_no_such_setpoint(setpoint: float) -> None:
    unit = flowing()
    assert not unit.order(setpoint)
    assert unit.setpoint == 0.5


def test_volumetric_flow_is_that_of_the_gas_as_it_is() -> None:
    unit = flowing(supply_psia=29.392, ambient_degc=25.0)
    assert unit.volumetric_flow == pytest.approx(25.0, rel=0.01), "twice the pressure, half the volume"


def test_a_ramp_limits_how_fast_the_setpoint_moves() -> None:
    unit = made(ramp_per_s=0.1)
    unit.order(0.8)
    unit.step(2.0)
    assert unit.demand == pytest.approx(0.2) and unit.setpoint == 0.8
    unit.step(20.0)
    assert unit.mass_flow == pytest.approx(80.0)


def test_hold_closed_and_hold_where_it_is() -> None:
    unit = flowing()
    unit.hold = Hold.CLOSED
    unit.step(5.0)
    assert unit.mass_flow == pytest.approx(0.0, abs=1e-9) and "HLD" in unit.status
    unit.hold = Hold.NONE
    unit.step(5.0)
    unit.hold = Hold.PRESENT
    unit.order(0.9)
    unit.step(5.0)
    assert unit.mass_flow == pytest.approx(50.0) and unit.demand == 0.9


def test_a_stuck_valve_stays_whatever_is_ordered() -> None:
    unit = flowing()
    unit.stuck_valve = True
    unit.order(0.0)
    unit.step(5.0)
    assert unit.mass_flow == pytest.approx(50.0) and unit.demand == 0.0


def test_an_empty_bottle_leaves_no_flow_and_an_open_valve() -> None:
    unit = flowing()
    unit.befall(Condition.BOTTLE_EMPTY)
    unit.step(30.0)
    assert unit.mass_flow < 0.1 and unit.pressure_psia < 0.1 and unit.drive_percent == 100.0
    unit.befall(Condition.OK)
    unit.step(10.0)
    assert unit.mass_flow == pytest.approx(50.0)


def test_a_surge_is_over_the_range_and_the_totalizer_misses_flow() -> None:
    unit = flowing(totalizer=True)
    unit.befall(Condition.SURGE)
    unit.step(5.0)
    assert {"MOV", "TMF"} <= unit.status
    assert unit.mass_flow == pytest.approx(128.0), "no sensor shows more"


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (Condition.HOT, "TOV"),
        (Condition.SENSOR_ERROR, "ADC"),
        (Condition.HELD, "HLD"),
        (Condition.PANEL_LOCKED, "LCK"),
    ],
)
def test_what_is_the_matter_shows_and_is_mended(condition: Condition, code: str) -> None:
    unit = flowing()
    unit.befall(condition)
    unit.step(20.0)
    assert unit.status == {code}
    unit.befall(Condition.OK)
    unit.step(200.0)
    assert unit.status == set()


def test_mending_one_thing_leaves_what_others_have_ordered() -> None:
    unit = flowing()
    unit.hold, unit.locked = Hold.CLOSED, True
    unit.befall(Condition.SURGE)
    unit.befall(Condition.OK)
    assert unit.hold is Hold.CLOSED and unit.locked


def test_an_analog_source_ignores_what_the_line_orders() -> None:
    unit = flowing()
    unit.analog_input = 0.2
    unit.befall(Condition.ANALOG_SOURCE)
    assert unit.order(0.7), "and does not say so"
    unit.step(5.0)
    assert unit.setpoint == 0.5 and unit.mass_flow == pytest.approx(20.0)
    unit.befall(Condition.OK)
    unit.step(5.0)
    assert unit.source == "S" and unit.mass_flow == pytest.approx(50.0)


def test_the_total_is_flow_times_time_and_rolls_over() -> None:
    unit = made(totalizer=True)
    unit.order(0.5)
    for _ in range(60):
        unit.step(1.0)
    assert unit.total == pytest.approx(50.0, rel=0.01)
    unit.total = 9_999_998.9
    unit.step(5.0)
    assert unit.total < 10.0 and "OVR" in unit.status
    unit.reset_total()
    assert unit.total == 0.0 and unit.status == set()


def test_tare_takes_the_present_flow_for_zero() -> None:
    unit = made()
    unit.zero_offset = 0.02
    unit.step(1.0)
    assert unit.mass_flow == pytest.approx(2.0)
    unit.tare_flow()
    unit.step(1.0)
    assert unit.mass_flow == pytest.approx(0.0)


def test_a_drift_creeps() -> None:
    unit = made()
    unit.drift_per_s = 0.01
    unit.step(2.0)
    assert unit.mass_flow == pytest.approx(2.0)


def test_noise_is_the_same_every_time() -> None:
    one, two = (made(noise=0.01, seed=3) for _ in range(2))
    for _ in range(20):
        one.step(0.1)
        two.step(0.1)
    assert one.mass_flow == two.mass_flow != 0.0


def test_a_meter_passes_what_comes_and_takes_no_setpoint() -> None:
    unit = made(meter=True)
    assert not unit.order(0.1)
    unit.step(5.0)
    assert unit.mass_flow == pytest.approx(50.0) and unit.drive_percent == 0.0


def test_conditions_fit_into_an_enumeration_of_channel_access() -> None:
    assert len(CONDITION_NAMES) <= 16 and CONDITION_NAMES[0] == "OK"
    assert max(map(len, CONDITION_NAMES)) < 26
