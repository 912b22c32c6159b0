"""Every constant of the design document at its boundary: nothing happens on this side, something on that."""

from dataclasses import replace

import pytest

from iocs.thermal.logic.controller import Controller, Mismatch, Search, Trial
from iocs.thermal.logic.facts import Sensed, Setting, State, Zone
from iocs.thermal.logic.look import imbalance_of, zone
from iocs.thermal.logic.parameters import Parameters
from tests.thermal.situations import NOW, P, after, at, but, controller, inputs, past, supply

STEADY, RAMP, STARTUP = State.STEADY_STATE, State.RAMP_UP, State.STARTUP
OFF = at(0.0, on=False)


def state_after(c: Controller, p: Parameters = P, **seen: object) -> State:
    return after(c, inputs(**seen), p)[0].state  # type: ignore[arg-type]


# -- hot side -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "hot", "now"),
    [
        (Zone.NORMAL, 54.9, Zone.NORMAL),
        (Zone.NORMAL, 55.0, Zone.WARNING),
        (Zone.NORMAL, 65.0, Zone.ALARM),
        (Zone.WARNING, 64.9, Zone.WARNING),
        (Zone.WARNING, 65.0, Zone.ALARM),
        (Zone.WARNING, 50.0, Zone.WARNING),
        (Zone.WARNING, 49.9, Zone.NORMAL),
        (Zone.ALARM, 60.0, Zone.ALARM),
        (Zone.ALARM, 59.9, Zone.WARNING),
        (Zone.ALARM, 49.9, Zone.NORMAL),
    ],
)
def test_zones_of_the_hot_side(before: Zone, hot: float, now: Zone) -> None:
    assert zone(before, hot, P) is now


@pytest.mark.parametrize(("hot", "state"), [(69.9, STEADY), (70.0, State.THERMAL_FAULT)])
def test_hot_side_fault(hot: float, state: State) -> None:
    c, orders = after(controller(STEADY), inputs(hot=hot))
    assert c.state is state
    assert orders.cut is (state is State.THERMAL_FAULT)


@pytest.mark.parametrize(("rate", "state"), [(4.95, STEADY), (5.05, State.THERMAL_FAULT)])
def test_runaway(rate: float, state: State) -> None:
    c, orders = after(controller(STEADY, history=past(hot_rate=rate)))
    assert (c.state, orders.cut) == (state, False)


@pytest.mark.parametrize(("hot", "step"), [(54.9, 0.5), (55.0, 0.25)])
def test_half_steps_in_the_warning_zone(hot: float, step: float) -> None:
    c, _ = after(controller(RAMP, history=past(hot=hot)), inputs(hot=hot))
    assert c.current == pytest.approx(6.0 + step)


@pytest.mark.parametrize("hot", [65.0, 66.0, 69.0])
def test_no_increase_in_the_alarm_zone(hot: float) -> None:
    c, _ = after(controller(RAMP, changed=NOW - 30.0), inputs(hot=hot))
    assert (c.state, c.current) == (STEADY, 6.0)


# -- times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("held_s", "state"), [(59.9, STARTUP), (60.0, RAMP)])
def test_soft_start(held_s: float, state: State) -> None:
    assert state_after(controller(STARTUP, entered=NOW - held_s)) is state


@pytest.mark.parametrize(("rested_s", "current"), [(19.9, 6.0), (20.0, 6.5)])
def test_time_between_steps(rested_s: float, current: float) -> None:
    assert after(controller(RAMP, changed=NOW - rested_s))[0].current == current


@pytest.mark.parametrize(("waited_s", "state"), [(59.9, RAMP), (60.0, STEADY)])
def test_evaluation_delay(waited_s: float, state: State) -> None:
    trial = Trial(NOW - waited_s, 5.5, -31.0, 22.0, -2.0)
    assert state_after(controller(RAMP, changed=trial.at, search=Search(5.5, trial=trial))) is state


@pytest.mark.parametrize(("rested_s", "current"), [(899.9, 6.0), (900.0, 6.25)])
def test_recheck_interval(rested_s: float, current: float) -> None:
    search = Search(optimum=6.0, rest_from=NOW - rested_s)
    assert after(controller(STEADY, search=search))[0].current == current


@pytest.mark.parametrize(("hot", "current"), [(49.9, 6.25), (50.0, 6.0)])
def test_no_probe_without_headroom(hot: float, current: float) -> None:
    search = Search(optimum=6.0, rest_from=NOW - 900.0)
    c = controller(STEADY, search=search, history=past(hot=hot))
    assert after(c, inputs(hot=hot))[0].current == current


@pytest.mark.parametrize(("away_s", "state"), [(59.9, State.SENSOR_FAULT), (60.0, State.THERMAL_FAULT)])
def test_sensor_recovery_timeout(away_s: float, state: State) -> None:
    c = controller(State.SENSOR_FAULT, current=2.5, entered=NOW - away_s)
    assert state_after(c, cold=float("nan")) is state


@pytest.mark.parametrize(("waited_s", "state"), [(29.9, State.INITIALIZING), (30.0, State.SENSOR_FAULT)])
def test_initialisation_timeout(waited_s: float, state: State) -> None:
    c = controller(State.INITIALIZING, entered=NOW - waited_s)
    assert state_after(c, cold=float("nan"), supplies=OFF) is state


@pytest.mark.parametrize(("age_s", "state"), [(5.0, STEADY), (5.1, State.SENSOR_FAULT)])
def test_a_cold_reading_is_stale(age_s: float, state: State) -> None:
    assert state_after(controller(STEADY), cold=0.0) is STEADY
    c, _ = after(controller(STEADY), replace(inputs(), cold=Sensed(-30.0, NOW - age_s)))
    assert c.state is state


@pytest.mark.parametrize(("age_s", "state"), [(5.0, STEADY), (5.1, State.THERMAL_FAULT)])
def test_a_hot_reading_is_stale(age_s: float, state: State) -> None:
    c, _ = after(controller(STEADY), replace(inputs(), hot=Sensed(40.0, NOW - age_s)))
    assert c.state is state


@pytest.mark.parametrize(("age_s", "state"), [(5.0, STEADY), (5.1, State.DPS_DISCONNECTED)])
def test_a_supply_is_disconnected(age_s: float, state: State) -> None:
    assert state_after(controller(STEADY), supplies=(supply(), supply(at=NOW - age_s))) is state


@pytest.mark.parametrize(
    ("cold", "state"),
    [(-60.1, State.SENSOR_FAULT), (-60.0, STEADY), (80.0, STEADY), (80.1, State.SENSOR_FAULT)],
)
def test_what_a_cold_plate_can_be(cold: float, state: State) -> None:
    assert state_after(controller(STEADY), cold=cold) is state


@pytest.mark.parametrize(("hot", "state"), [(-20.1, State.THERMAL_FAULT), (-20.0, STEADY)])
def test_what_a_hot_side_can_be(hot: float, state: State) -> None:
    assert state_after(controller(STEADY), hot=hot) is state


# -- currents -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "then", "state"), [(10.0, 10.5, RAMP), (10.5, 10.6, RAMP), (10.6, 10.6, STEADY)]
)
def test_the_highest_current(now: float, then: float, state: State) -> None:
    c, _ = after(controller(RAMP, current=now, history=past(hot=30.0)), inputs(hot=30.0, supplies=at(now)))
    assert (round(c.current, 6), c.state) == (then, state)


def test_lowering_the_highest_current_lowers_the_current() -> None:
    c, orders = after(controller(STEADY), p=but(max_current_per_channel=5.5))
    assert (c.current, c.search.optimum) == (5.5, 5.5)
    assert orders.settings == (Setting(16.0, 5.5, True),) * 2


def test_the_lowest_current_bounds_what_is_backed_off() -> None:
    c = controller(STEADY, current=0.7, zone=Zone.ALARM)
    assert after(c, inputs(hot=66.0, supplies=at(0.7)))[0].current == 0.5


@pytest.mark.parametrize(
    ("amps", "state"), [(2.0, STARTUP), (2.01, RAMP), (4.99, RAMP), (5.0, STEADY), (10.6, STEADY)]
)
def test_a_hot_reset_goes_by_the_current(amps: float, state: State) -> None:
    c, orders = after(controller(State.INITIALIZING, entered=NOW - 1.0), inputs(supplies=at(amps)))
    assert (c.state, c.current) == (state, amps)
    assert state is STARTUP or orders.settings == (None, None)


def test_a_soft_start_begins_at_two_amperes_and_sixteen_volts() -> None:
    c = controller(State.INITIALIZING, entered=NOW - 1.0, wanted=True)
    assert after(c, inputs(supplies=OFF))[1].settings == (Setting(16.0, 2.0, True),) * 2


def test_without_a_sensor_half_the_degraded_current_is_left() -> None:
    c = controller(State.SENSOR_FAULT, current=2.7, entered=NOW - 5.0, changed=NOW - 0.5)
    c, orders = after(c, inputs(cold=float("nan"), supplies=at(2.7)))
    assert c.current == 2.5
    assert orders.settings == (Setting(16.0, 2.5, True),) * 2


@pytest.mark.parametrize(("symmetric", "left"), [(False, 5.0), (True, 4.5)])
def test_with_one_supply_the_degraded_current_is_left(symmetric: bool, left: float) -> None:
    c = controller(State.DPS_DISCONNECTED, current=5.5, changed=NOW - 0.5)
    seen = inputs(supplies=(supply(5.5), supply(5.5, at=NOW - 100.0)))
    c, orders = after(c, seen, but(symmetric_shutdown=symmetric))
    assert orders.settings == (Setting(16.0, left, True), None)


def test_with_one_supply_a_symmetric_shutdown_ends_off() -> None:
    c = controller(State.DPS_DISCONNECTED, current=0.5, changed=NOW - 0.5)
    seen = inputs(supplies=(supply(0.5), supply(5.5, at=NOW - 100.0)))
    _, orders = after(c, seen, but(symmetric_shutdown=True))
    assert orders.settings == (Setting(16.0, 0.0, False), None)


# -- verdicts of the ramp -------------------------------------------------------------------------


def judged(
    cold_rate: float, before: float = -29.0, rate_before: float = -0.1, cold: float = -30.0
) -> Controller:
    """A step whose evaluation delay is over. The mean of a straight line lags by half its window."""
    trial = Trial(NOW - 60.0, 5.5, before, 22.0, rate_before)
    history = past(cold_rate=cold_rate)
    return after(controller(RAMP, search=Search(5.5, trial=trial), history=history, changed=NOW - 60.0))[0]


@pytest.mark.parametrize(("rate", "state"), [(-0.49, STEADY), (-0.51, RAMP)])
def test_stall(rate: float, state: State) -> None:
    c = judged(rate)
    assert c.state is state
    assert c.current == (5.5 if state is STEADY else 6.5)
    assert c.search.optimum == (5.5 if state is STEADY else 6.0)


@pytest.mark.parametrize(("warmer", "why"), [(0.30, "stalled"), (0.31, "inflection")])
def test_warming(warmer: float, why: str) -> None:
    c = judged(0.0, before=-30.0 - warmer)
    assert (c.state, c.current) == (STEADY, 5.5)
    assert why in c.reason


@pytest.mark.parametrize(("before", "state"), [(-1.99, RAMP), (-2.01, STEADY)])
def test_degradation_of_the_cooling_rate(before: float, state: State) -> None:
    c = judged(-1.0, rate_before=before)
    assert c.state is state
    assert state is RAMP or "degraded" in c.reason


def test_a_step_that_only_warms_a_little_does_not_pay() -> None:
    c = judged(-0.6, before=-30.0)
    assert (c.state, c.current) == (STEADY, 5.5)
    assert "no improvement" in c.reason


# -- manual override ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "by_hand"),
    [
        (Setting(16.0, 6.15, True), False),
        (Setting(16.0, 6.16, True), True),
        (Setting(16.0, 5.85, True), False),
        (Setting(16.0, 5.84, True), True),
        (Setting(16.15, 6.0, True), False),
        (Setting(16.16, 6.0, True), True),
        (Setting(15.85, 6.0, True), False),
        (Setting(15.84, 6.0, True), True),
        (Setting(16.0, 6.0, False), True),
    ],
)
def test_tolerance_of_the_override(held: Setting, by_hand: bool) -> None:
    c = controller(STEADY, mismatches=(Mismatch(2, NOW - 1.0), Mismatch()))
    seen = inputs(supplies=(supply(held=held), supply()))
    assert (after(c, seen)[0].state is State.MANUAL_OVERRIDE) is by_hand


@pytest.mark.parametrize(("count", "by_hand"), [(1, False), (2, True)])
def test_three_mismatches_in_a_row(count: int, by_hand: bool) -> None:
    c = controller(STEADY, mismatches=(Mismatch(count, NOW - 1.0), Mismatch()))
    seen = inputs(supplies=(supply(held=Setting(16.0, 4.0, True)), supply()))
    assert (after(c, seen)[0].state is State.MANUAL_OVERRIDE) is by_hand


def test_a_reading_counts_once_and_a_match_begins_anew() -> None:
    turned = inputs(supplies=(supply(held=Setting(16.0, 4.0, True)), supply()))
    c = after(controller(STEADY), turned)[0]
    assert c.mismatches[0].count == 1
    assert after(c, turned, now=NOW + 1.0)[0].mismatches[0].count == 1
    later = inputs(now=NOW + 1.0)
    assert after(c, later, now=NOW + 1.0)[0].mismatches[0].count == 0


@pytest.mark.parametrize(("since_s", "counts"), [(3.0, 0), (3.1, 1)])
def test_grace_after_our_own_command(since_s: float, counts: int) -> None:
    turned = supply(
        held=Setting(16.0, 4.0, True), confirmed=Setting(16.0, 6.0, True), confirmed_at=NOW - since_s
    )
    c, _ = after(controller(STEADY), inputs(supplies=(turned, supply())))
    assert c.mismatches[0].count == counts


def test_no_mismatch_counts_while_a_command_is_pending() -> None:
    turned = supply(held=Setting(16.0, 4.0, True), pending=True)
    assert after(controller(STEADY), inputs(supplies=(turned, supply())))[0].mismatches[0].count == 0


# -- imbalance ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("current", "power", "too_much"),
    [
        (1.0, 5.0, False),
        (-1.0, -5.0, False),
        (1.01, 0.0, True),
        (-1.01, 0.0, True),
        (0.0, 5.01, True),
        (0.0, -5.01, True),
    ],
)
def test_imbalance(current: float, power: float, too_much: bool) -> None:
    assert bool(imbalance_of(current, power, P)) is too_much


# -- soft ramp-down -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passed_s", "current"), [(0.49, 6.0), (0.5, 5.0), (0.99, 5.0), (1.0, 4.0), (9.0, 0.0)]
)
def test_two_amperes_a_second_in_steps_of_half_a_second(passed_s: float, current: float) -> None:
    c = controller(State.THERMAL_FAULT, changed=NOW - passed_s)
    assert after(c)[0].current == pytest.approx(current)


def test_the_quick_ramp_down_takes_a_second() -> None:
    c = controller(State.INITIALIZING, entered=NOW - 1.0)
    seen = inputs(hot=66.0, supplies=at(8.0))
    c, first = after(c, seen)
    assert c.fall == pytest.approx(8.0)
    assert first.settings == (Setting(16.0, 4.0, True),) * 2
    c, second = after(c, inputs(hot=66.0, supplies=at(4.0), now=NOW + 0.5), now=NOW + 0.5)
    assert second.settings == (Setting(16.0, 0.0, False),) * 2
