"""What the supplies are told: only what changes something, never upwards in a fault, off until it is seen."""

from dataclasses import replace

import pytest

from iocs.thermal.logic.controller import Mismatch
from iocs.thermal.logic.facts import Setting, State
from iocs.thermal.logic.orders import unconfirmed
from tests.thermal.situations import NOW, P, after, at, but, controller, inputs, supply, view

STEADY, THERMAL, SENSOR, DPS = (
    State.STEADY_STATE, State.THERMAL_FAULT, State.SENSOR_FAULT, State.DPS_DISCONNECTED,
)  # fmt: skip
OFF = Setting(16.0, 0.0, False)


def test_what_is_as_we_left_it_is_not_written_again() -> None:
    assert after(controller(STEADY))[1].settings == (None, None)


def test_another_voltage_is_written() -> None:
    _, orders = after(controller(STEADY), p=but(tec_voltage_setpoint=15.0))
    assert orders.settings == (Setting(15.0, 6.0, True),) * 2
    assert orders.validate


def test_an_order_that_failed_is_repeated() -> None:
    """What a failed order has left behind is not known, so it is no override either."""
    unsure = supply(confirmed=None, confirmed_at=NOW - 10.0, held=Setting(16.0, 5.5, True))
    c, orders = after(controller(STEADY), inputs(supplies=(unsure, supply())))
    assert orders.settings == (Setting(16.0, 6.0, True), None)
    assert c.mismatches[0] == Mismatch(0, NOW)


def test_a_soft_start_is_ordered_until_it_is_confirmed() -> None:
    c = controller(State.STARTUP, current=2.0, since=NOW - 5.0, entered=NOW - 5.0)
    late = supply(2.0, confirmed_at=NOW - 1.0)
    early = supply(2.0, confirmed_at=NOW - 6.0)
    assert after(c, inputs(supplies=(late, early)))[1].settings == (None, Setting(16.0, 2.0, True))


@pytest.mark.parametrize("state", [State.MANUAL_OVERRIDE, State.INITIALIZING])
def test_nothing_is_ordered_while_a_hand_rules_or_before_all_is_there(state: State) -> None:
    c = controller(state, current=1.0, entered=NOW - 1.0)
    turned = (supply(9.0, confirmed=Setting(16.0, 6.0, True)), supply(at=NOW - 100.0))
    assert after(c, inputs(supplies=turned))[1].settings == (None, None)


# -- down, never up -------------------------------------------------------------------------------


def test_a_knob_turned_down_in_a_ramp_down_is_not_turned_up() -> None:
    c = controller(THERMAL, current=5.0, changed=NOW)
    _, orders = after(c, inputs(supplies=(supply(1.0), supply(6.0))))
    assert orders.settings == (None, Setting(16.0, 5.0, True))


def test_what_a_hand_left_beyond_the_limits_is_ramped_down_within_them() -> None:
    """Orders beyond them the supply's limits exclude: with such an order nothing would come down."""
    turned = supply(12.0, held=Setting(20.0, 12.0, True), confirmed=Setting(16.0, 6.0, True))
    c = controller(State.MANUAL_OVERRIDE)
    c, orders = after(c, inputs(hot=float("nan"), supplies=(turned, supply())))
    assert c.state is THERMAL
    most = P.max_current_per_channel - P.emergency_ramp_down_rate_a_per_sec / 2.0
    assert orders.settings == (Setting(16.0, most, True), None)


def test_a_lower_voltage_is_not_raised_in_a_ramp_down() -> None:
    turned = supply(6.0, held=Setting(12.0, 6.0, True))
    _, orders = after(controller(THERMAL, current=5.0, changed=NOW), inputs(supplies=(turned, supply(1.0))))
    assert orders.settings == (Setting(12.0, 5.0, True), None)


def test_what_is_switched_off_is_not_switched_on() -> None:
    c = controller(SENSOR, current=2.5, entered=NOW - 5.0)
    seen = inputs(cold=float("nan"), supplies=(supply(6.0, on=False), supply(6.0)))
    assert after(c, seen)[1].settings == (None, Setting(16.0, 2.5, True))


def test_a_knob_turned_up_in_a_fault_is_turned_down_again() -> None:
    c = controller(SENSOR, current=2.5, entered=NOW - 5.0)
    up = supply(9.0, confirmed=Setting(16.0, 2.5, True))
    seen = inputs(cold=float("nan"), supplies=(up, supply(2.5)))
    assert after(c, seen)[1].settings == (Setting(16.0, 2.5, True), None)


def test_what_was_just_confirmed_is_not_ordered_again_because_the_reading_is_older() -> None:
    c = controller(SENSOR, current=2.5, entered=NOW - 5.0)
    told = supply(6.0, confirmed=Setting(16.0, 2.5, True), confirmed_at=NOW + 0.1)
    seen = inputs(cold=float("nan"), supplies=(told, supply(2.5)))
    assert after(c, seen)[1].settings == (None, None)


def test_the_supply_that_does_not_answer_is_told_only_to_go_off() -> None:
    lost = supply(at=NOW - 100.0)
    for state, wanted in ((DPS, None), (THERMAL, OFF)):
        c = controller(state, current=4.0, changed=NOW)
        assert after(c, inputs(supplies=(lost, supply(4.0))))[1].settings == (wanted, None)


def test_a_ramp_down_takes_the_voltage_as_it_is() -> None:
    c = controller(THERMAL, current=0.0)
    odd = supply(held=Setting(12.0, 3.0, True))
    assert after(c, inputs(supplies=(odd, odd)))[1].settings == (Setting(12.0, 0.0, False),) * 2


# -- off until it is seen -------------------------------------------------------------------------


def test_off_is_ordered_until_a_reading_shows_it() -> None:
    c = controller(THERMAL, current=0.0, entered=NOW - 10.0, cut=True)
    mute = supply(at=NOW - 11.0)
    seen = inputs(supplies=(mute, supply(0.0, on=False)))
    new, orders = after(c, seen)
    assert orders.settings == (OFF, None)
    assert orders.cut
    assert unconfirmed(new, view(seen)) == ["PSU1"]
    told = replace(mute, confirmed=OFF, confirmed_at=NOW - 1.0)
    seen = inputs(supplies=(told, supply(0.0, on=False)))
    new, orders = after(c, seen)
    assert (orders.settings, orders.cut, unconfirmed(new, view(seen))) == ((None, None), False, [])


def test_a_supply_switched_on_in_a_latched_fault_is_switched_off_again() -> None:
    c = controller(THERMAL, current=0.0)
    on_again = supply(confirmed=OFF, confirmed_at=NOW - 60.0)
    assert after(c, inputs(supplies=(on_again, supply(0.0, on=False))))[1].settings == (OFF, None)


def test_a_supply_switched_on_in_off_is_the_operators() -> None:
    assert after(controller(State.OFF), inputs())[1].settings == (None, None)


def test_above_seventy_degrees_it_is_cut_in_any_state() -> None:
    for state in State:
        c = controller(state, current=0.0 if state in (THERMAL, State.OFF) else 6.0)
        new, orders = after(c, inputs(hot=70.0))
        assert (new.state, orders.cut, orders.settings) == (THERMAL, True, (OFF, OFF))


def test_an_emergency_stop_cuts_and_stays_off() -> None:
    c, orders = after(controller(STEADY), inputs(stopped="emergency stop"))
    assert (c.state, orders.cut, orders.settings) == (State.OFF, True, (OFF, OFF))
    idle = tuple(replace(one, at=NOW + 1.0) for one in at(0.0, on=False))
    c, orders = after(c, inputs(stopped="emergency stop", supplies=idle, now=NOW + 1.0), now=NOW + 1.0)
    assert (c.state, c.released, orders.settings) == (State.OFF, True, (None, None))


def test_a_protection_that_tripped_before_the_start_does_not_hinder_it() -> None:
    tripped = supply(0.0, on=False, tripped="over current")
    c = controller(State.INITIALIZING, entered=NOW - 1.0, wanted=True)
    c, orders = after(c, inputs(supplies=(tripped, tripped)))
    assert (c.state, orders.settings) == (State.STARTUP, (Setting(16.0, 2.0, True),) * 2)
    assert after(c, inputs(supplies=(tripped, tripped)))[0].state is State.STARTUP
