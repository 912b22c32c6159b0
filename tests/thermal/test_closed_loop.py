"""The controller on the plant, in simulated time: runs, faults, a day, and twenty rooms."""

import time
from dataclasses import replace

import pytest

from devsup.sim.tec_plant import Conditions, best, steady
from iocs.thermal.logic.facts import Latch, Request, Setting, State, Trend, Zone
from iocs.thermal.logic.parameters import Parameters
from tests.thermal.closed_loop import Loop
from tests.thermal.scenarios import DUSTY, SCENARIOS, Outcome, play

P = Parameters()
QUICK = replace(P, startup_hold_duration_ms=5_000)


def cold(amps: float = 7.5, **settings: object) -> Loop:
    """A loop that was found running at its optimum, settled."""
    loop = Loop(**settings)  # type: ignore[arg-type]
    for supply in loop.supplies:
        supply.held = Setting(P.tec_voltage_setpoint, amps, True)
    loop.plant.temperatures = steady(loop.design, loop.conditions, (amps, amps))
    loop.bore_c = loop.plant.temperatures.hot_c
    return loop.run(40)


def events(loop: Loop, seconds: float) -> list[State]:
    """States entered within a time."""
    entered: list[State] = []
    for _ in range(round(seconds / loop.period_s)):
        loop.tick()
        entered += [event.target for event in loop.c.events]
    return entered


# -- a run ----------------------------------------------------------------------------------------


def test_from_start_to_steady_state() -> None:
    loop = Loop().run(3).ask(Request.START)
    assert events(loop, 3600) == [State.RAMP_UP, State.STEADY_STATE]
    goal = best(loop.design, loop.conditions)
    assert loop.plant.temperatures.cold_c == pytest.approx(goal.cold_c, abs=0.3)
    assert loop.c.search.minimum < goal.cold_c + 0.3
    assert loop.c.history.trend is Trend.STABLE


def test_it_waits_for_start_and_stops_softly() -> None:
    loop = Loop().run(60)
    assert (loop.c.state, loop.supplies[0].held.output) == (State.OFF, False)
    loop.ask(Request.START).run(300).ask(Request.STOP)
    falling = [loop.supplies[0].held.current]
    while loop.supplies[0].held.output:
        loop.tick()
        falling.append(loop.supplies[0].held.current)
    assert max(a - b for a, b in zip(falling, falling[1:], strict=False)) <= 2.0 * loop.period_s + 1e-9
    assert loop.c.state is State.OFF


@pytest.mark.parametrize("conditions", [SCENARIOS[0], SCENARIOS[-1]])
def test_coldest_and_warmest_room(conditions: Conditions) -> None:
    check(play(conditions, hours=1.5))


@pytest.mark.slow
@pytest.mark.parametrize("conditions", [*SCENARIOS, *DUSTY[:2]], ids=str)
def test_every_room_and_load(conditions: Conditions) -> None:
    check(play(conditions, hours=2.0))


def check(outcome: Outcome) -> None:
    assert outcome.state is State.STEADY_STATE
    assert outcome.gap < 0.3
    assert outcome.hottest_c < P.hot_side_alarm_c
    assert outcome.ninety_s < 900.0


def test_a_dusty_sink_in_a_hot_room_keeps_below_the_alarm() -> None:
    outcome = play(DUSTY[-1], hours=1.5)
    assert outcome.state is State.STEADY_STATE
    assert outcome.hottest_c < P.hot_side_alarm_c
    assert outcome.gap < 0.6


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_day_takes_less_than_half_a_minute_and_follows_the_room() -> None:
    began = time.process_time()
    loop = Loop(conditions=Conditions(18.0, 8.0)).run(3).ask(Request.START)
    gaps = []
    for hour in range(24):
        ambient = 18.0 + 12.0 * min(1.0, max(0.0, (hour - 6) / 6)) - 8.0 * max(0.0, (hour - 16) / 8)
        loop.plant.conditions = replace(loop.plant.conditions, ambient_c=ambient)
        loop.run(3600)
        goal = best(loop.design, loop.plant.conditions, resolution=0.05)
        gaps.append(loop.plant.temperatures.cold_c - goal.cold_c)
    assert time.process_time() - began < 30.0
    assert loop.c.state is State.STEADY_STATE
    assert max(gaps) < 0.4


# -- what goes wrong ------------------------------------------------------------------------------


def test_a_fan_that_stops_is_noticed_within_15_seconds_and_far_from_the_limit() -> None:
    loop = cold()
    loop.plant.conditions = replace(loop.plant.conditions, fan=False)
    began = loop.now
    loop.run(60, until=lambda loop: loop.c.state is State.THERMAL_FAULT)
    assert loop.now - began <= 15.0
    assert "runaway" in loop.c.reason
    loop.run(10)
    assert not any(supply.held.output for supply in loop.supplies)
    assert loop.plant.temperatures.hot_c < 45.0


def test_hours_of_noise_are_no_runaway() -> None:
    loop = cold(seed=7)
    assert events(loop, 7200) == []


def test_warming_above_the_limit_cuts_at_once() -> None:
    loop = cold(p=replace(P, hot_side_rate_fault_c_per_min=1e9, hot_side_alarm_c=69.9))
    loop.plant.conditions = replace(loop.plant.conditions, fan=False)
    loop.run(900, until=lambda loop: loop.c.cut)
    assert loop.plant.temperatures.hot_c < 71.0
    assert not any(supply.held.output for supply in loop.supplies)
    assert loop.c.state is State.THERMAL_FAULT


def test_in_the_alarm_zone_the_current_goes_down() -> None:
    loop = cold(p=replace(P, hot_side_alarm_c=38.0, hot_side_alarm_exit_c=37.0, probe_hot_side_c=30.0))
    before, demands = loop.c.current, []
    loop.plant.conditions = replace(loop.plant.conditions, ambient_c=26.0)
    for _ in range(1200):
        loop.tick()
        demands.append((loop.c.zone, loop.c.current))
    rises = [
        b for (_, a), (zone, b) in zip(demands, demands[1:], strict=False) if b > a and zone is Zone.ALARM
    ]
    assert rises == []
    assert loop.c.current < before - 1.0
    assert loop.plant.temperatures.hot_c < 38.0


def test_a_sensor_that_comes_back_resumes_step_by_step() -> None:
    loop = cold(7.5)
    loop.cold = False
    assert events(loop, 20) == [State.SENSOR_FAULT]
    assert loop.supplies[1].held.current == 2.5
    loop.cold = True
    assert events(loop, 2) == [State.STEADY_STATE]
    currents = []
    for _ in range(300):
        loop.tick()
        currents.append(loop.supplies[0].held.current)
    assert max(b - a for a, b in zip(currents, currents[1:], strict=False)) <= 0.5 + 1e-9
    assert currents[-1] == 7.5


def test_a_sensor_that_stays_away_ends_in_a_latched_shutdown() -> None:
    loop = cold()
    loop.cold = False
    assert events(loop, 90) == [State.SENSOR_FAULT, State.THERMAL_FAULT]
    assert not any(supply.held.output for supply in loop.supplies)
    loop.cold = True
    assert events(loop, 600) == []
    loop.ask(Request.REARM)
    assert loop.c.state is State.OFF
    loop.ask(Request.START)
    assert loop.c.state is State.STARTUP


def test_a_lost_hot_side_sensor_ramps_down() -> None:
    loop = cold()
    loop.hot = False
    assert events(loop, 20) == [State.THERMAL_FAULT]
    assert not any(supply.held.output for supply in loop.supplies)


def test_with_one_supply_the_other_is_limited_and_both_restart_softly() -> None:
    loop = cold()
    loop.supplies[1].powered = False
    assert events(loop, 20) == [State.DPS_DISCONNECTED]
    assert loop.supplies[0].held.current == 5.0
    loop.supplies[1].held = replace(loop.supplies[1].held, output=False)
    loop.supplies[1].powered = True
    assert events(loop, 3) == [State.STARTUP]
    assert [supply.held for supply in loop.supplies] == [Setting(16.0, 2.0, True)] * 2


def test_a_dead_stack_is_a_heat_bridge() -> None:
    """Why one may want symmetric shutdown: the plate is far warmer with one stack, and the dead one leaks."""
    one = steady(Loop().design, Conditions(), (5.0, 0.0)).cold_c
    both = steady(Loop().design, Conditions(), (5.0, 5.0)).cold_c
    assert both < -28.0 < -8.0 < one


def test_symmetric_shutdown_takes_both_off() -> None:
    loop = cold(p=replace(P, symmetric_shutdown=True))
    loop.supplies[1].answers = False
    loop.run(20)
    assert (loop.c.state, loop.supplies[0].held.output) == (State.DPS_DISCONNECTED, False)


def test_a_cut_that_cannot_be_heard_is_repeated_until_it_is() -> None:
    loop = cold()
    loop.supplies[0].answers = False
    loop.plant.conditions = replace(loop.plant.conditions, fan=False)
    loop.run(120, until=lambda loop: loop.c.state is State.THERMAL_FAULT)
    loop.run(30)
    assert [supply.held.output for supply in loop.supplies] == [True, False]
    assert loop.orders.settings[0] is not None and loop.orders.settings[1] is None
    loop.supplies[0].answers = True
    loop.run(2)
    assert not loop.supplies[0].held.output
    assert loop.orders.settings == (None, None)


def test_a_knob_that_is_turned_ends_all_commands_until_resume() -> None:
    loop = cold()
    loop.supplies[0].held = replace(loop.supplies[0].held, current=4.0)
    assert events(loop, 3) == [State.MANUAL_OVERRIDE]
    held = [supply.held for supply in loop.supplies]
    for _ in range(1200):
        loop.tick()
        assert loop.orders.settings == (None, None)
    assert [supply.held for supply in loop.supplies] == held
    loop.ask(Request.RESUME)
    assert (loop.c.state, loop.c.current) == (State.RAMP_UP, 4.0)


def test_safety_goes_on_under_a_hand() -> None:
    loop = cold()
    loop.supplies[0].held = replace(loop.supplies[0].held, current=10.0)
    loop.run(3)
    loop.plant.conditions = replace(loop.plant.conditions, fan=False)
    assert events(loop, 60) == [State.THERMAL_FAULT]
    assert not any(supply.held.output for supply in loop.supplies)


def test_a_worn_stack_is_reported_once_a_minute() -> None:
    loop = cold()
    loop.plant.conditions = replace(loop.plant.conditions, wear=(0.3, 0.0))
    loop.run(185)
    assert "PSU1 takes" in loop.c.imbalance.problem
    assert loop.c.imbalance.reports == 4
    loop.plant.conditions = replace(loop.plant.conditions, wear=(0.0, 0.0))
    loop.run(2)
    assert (loop.c.imbalance.problem, loop.c.imbalance.reports) == ("", 4)


def test_the_current_of_a_crashed_ioc_is_taken_over() -> None:
    loop = cold(6.0)
    assert [supply.confirmed for supply in loop.supplies] == [None, None]
    assert (loop.c.state, loop.c.current) == (State.STEADY_STATE, 6.0)


def test_a_crash_in_a_latched_fault_does_not_hold_up_the_shutdown() -> None:
    loop = cold(6.0, latch=Latch.THERMAL_FAULT)
    assert loop.c.state is State.THERMAL_FAULT
    assert not any(supply.held.output for supply in loop.supplies)


def test_without_ambient_it_finds_the_optimum_as_well() -> None:
    loop = Loop(p=QUICK)
    loop.ambient = False
    loop.run(3).ask(Request.START).run(5400)
    goal = best(loop.design, loop.conditions)
    assert loop.plant.temperatures.cold_c == pytest.approx(goal.cold_c, abs=0.3)
