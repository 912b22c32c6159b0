"""Looking for the optimum: probes and their verdicts, backing off, climbing back, where the hot side goes."""

from dataclasses import replace

import pytest

from iocs.thermal.logic.controller import Controller, Search, Trial
from iocs.thermal.logic.facts import Sensed, State, Zone
from iocs.thermal.logic.search import hot_ahead, refuse_increase
from tests.thermal.situations import NOW, after, at, but, controller, inputs, past, supply, view

STEADY, RAMP = State.STEADY_STATE, State.RAMP_UP
RECHECK_S = 900.0


def probing(origin: float, cold_before: float, **changes: object) -> Controller:
    """A probe from `origin` to 6 A, the plate at -30 °C now."""
    given = {"at": NOW - 60.0, "kept": False, "ambient": 22.0, "upwards": True, "rest": NOW - 60.0, **changes}
    trial = Trial(given["at"], origin, cold_before, given["ambient"], -0.1, given["kept"])  # type: ignore[arg-type]
    search = Search(6.0 if given["kept"] else origin, -40.0, 0.0, trial, given["upwards"], given["rest"])  # type: ignore[arg-type]
    return controller(STEADY, search=search)


# -- the first verdict, after a minute ------------------------------------------------------------


@pytest.mark.parametrize(("before", "kept"), [(-29.94, True), (-29.96, False), (-30.5, False)])
def test_a_probe_upwards_must_bring_something(before: float, kept: bool) -> None:
    c, _ = after(probing(5.75, before))
    assert c.current == (6.0 if kept else 5.75)
    assert c.search.optimum == c.current
    assert (c.search.trial is not None) is kept
    assert ("kept" if kept else "brought") in c.decision
    assert c.search.upwards is kept


def test_it_is_not_judged_before_its_time() -> None:
    c, _ = after(probing(5.75, -31.0, at=NOW - 59.9))
    assert c.current == 6.0


def test_a_probe_downwards_waits_for_the_hot_side() -> None:
    c, _ = after(probing(6.25, -31.0, upwards=False))
    assert (c.current, c.search.trial is not None) == (6.0, True)


@pytest.mark.parametrize(("ambient", "kept"), [(21.0, True), (22.0, False)])
def test_a_probe_is_judged_against_ambient(ambient: float, kept: bool) -> None:
    """The plate is half a kelvin warmer; if ambient has risen by one, that is an improvement."""
    c, _ = after(probing(5.75, -30.5, ambient=ambient))
    assert (c.current == 6.0) is kept


def test_without_a_cold_plate_nothing_is_kept() -> None:
    c = replace(probing(5.75, -29.0), history=past(cold=float("nan")))
    assert after(c)[0].current == 5.75


# -- the last word, at the next recheck -----------------------------------------------------------


@pytest.mark.parametrize(("before", "kept"), [(-29.9, True), (-30.1, False)])
@pytest.mark.parametrize("origin", [5.75, 6.25])
def test_the_last_word_falls_when_all_has_settled(origin: float, before: float, kept: bool) -> None:
    c, _ = after(probing(origin, before, kept=True, rest=NOW - RECHECK_S, upwards=origin < 6.0))
    direction = 0.25 if origin < 6.0 else -0.25
    assert c.current == (6.0 + direction if kept else origin)
    assert c.search.optimum == (6.0 if kept else origin)


def test_a_probe_that_failed_turns_round() -> None:
    c, _ = after(probing(5.75, -31.0))
    assert not c.search.upwards
    now = NOW + RECHECK_S
    c, _ = after(replace(c, history=past(now=now)), inputs(supplies=at(5.75, now=now), now=now), now=now)
    assert c.current == 5.5


def test_a_return_upwards_needs_the_hot_sides_consent() -> None:
    c = probing(6.25, -31.0, kept=True, rest=NOW - RECHECK_S, upwards=False)
    c, _ = after(replace(c, history=past(hot=64.5)), inputs(hot=64.5))
    assert (c.current, c.search.trial) == (6.0, None)


def test_no_probe_beyond_the_ends() -> None:
    for current, upwards in ((10.6, True), (0.5, False)):
        search = Search(current, rest_from=NOW - RECHECK_S, upwards=upwards)
        c, _ = after(controller(STEADY, current=current, search=search), inputs(supplies=at(current)))
        assert (c.current, c.search.trial, c.search.upwards) == (current, None, not upwards)


def test_no_probe_upwards_above_fifty_degrees_and_why() -> None:
    search = Search(6.0, rest_from=NOW - RECHECK_S)
    c, _ = after(controller(STEADY, search=search, history=past(hot=52.0)), inputs(hot=52.0))
    assert c.decision == "no probe upwards: hot side 52.0 degC, headroom below 50"
    assert (c.current, c.search.upwards) == (6.0, False)


# -- what the hot side allows ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"cold": float("nan")}, "a sensor is missing"),
        ({"hot": 65.0}, "hot side 65.0 degC is in the alarm zone"),
        ({"hot": 62.0}, "hot side would reach 68.9 degC, alarm at 65"),
    ],
)
def test_an_increase_is_refused_with_its_reason(changes: dict[str, float], why: str) -> None:
    assert refuse_increase(controller(RAMP), view(inputs(**changes)), 0.5) == why  # type: ignore[arg-type]


def test_in_the_alarm_zone_nothing_rises_before_it_is_left() -> None:
    c = controller(RAMP, zone=Zone.ALARM)
    assert "alarm zone" in refuse_increase(c, view(inputs(hot=61.0)), 0.1)


def test_the_hot_side_is_extrapolated_and_the_step_added() -> None:
    rising = controller(RAMP, history=past(hot_rate=2.0))
    assert hot_ahead(rising, view(), 0.0) == pytest.approx(46.0)
    assert hot_ahead(controller(RAMP), view(), 0.6) == pytest.approx(22.0 + 18.0 * 1.21)
    unknown = replace(inputs(), ambient=Sensed())
    assert hot_ahead(controller(RAMP), view(unknown), 0.6) == pytest.approx(10.0 + 30.0 * 1.21)
    assert hot_ahead(controller(RAMP, current=0.0), view(), 0.6) == 40.0


def test_the_ramp_waits_while_the_hot_side_rises_and_settles_when_it_does_not() -> None:
    seen = inputs(hot=59.0)
    rising = controller(RAMP, history=past(hot=59.0, hot_rate=3.0), changed=NOW - 30.0, zone=Zone.WARNING)
    c, _ = after(rising, seen)
    assert (c.state, c.current) == (RAMP, 6.0)
    assert c.decision.startswith("waiting: hot side would reach")
    settled = controller(RAMP, history=past(hot=62.0), changed=NOW - 30.0, zone=Zone.WARNING)
    assert after(settled, inputs(hot=62.0))[0].state is STEADY


def test_in_the_alarm_zone_the_steady_state_backs_off_step_by_step() -> None:
    c, _ = after(controller(STEADY, zone=Zone.ALARM), inputs(hot=66.0))
    assert (c.current, c.search.optimum) == (5.5, 5.5)
    c, _ = after(c, inputs(hot=66.0, supplies=at(5.5, now=NOW + 59.0), now=NOW + 59.0), now=NOW + 59.0)
    assert c.current == 5.5
    c, _ = after(c, inputs(hot=66.0, supplies=at(5.5, now=NOW + 60.0), now=NOW + 60.0), now=NOW + 60.0)
    assert c.current == 5.0


def test_at_the_alarm_a_ramp_takes_its_last_step_back() -> None:
    trial = Trial(NOW - 10.0, 5.5, -29.0, 22.0, -2.0)
    c, _ = after(controller(RAMP, search=Search(5.5, trial=trial)), inputs(hot=65.0))
    assert (c.state, c.current) == (STEADY, 5.5)


# -- back to the optimum --------------------------------------------------------------------------


@pytest.mark.parametrize("state", [STEADY, RAMP])
def test_after_a_reduction_it_climbs_back_by_steps(state: State) -> None:
    low = at(2.5)
    c = controller(state, current=2.5, changed=NOW - 20.0, search=Search(3.2, rest_from=NOW))
    c, _ = after(c, inputs(supplies=low))
    assert (c.current, c.search.trial) == (3.0, None)
    later = NOW + 19.0
    assert after(c, inputs(supplies=at(2.5, now=later), now=later), now=later)[0].current == 3.0
    c, _ = after(c, inputs(supplies=at(2.5, now=NOW + 20.0), now=NOW + 20.0), now=NOW + 20.0)
    assert c.current == 3.2


def test_it_does_not_climb_into_the_alarm() -> None:
    c = controller(STEADY, current=5.0, search=Search(7.0), history=past(hot=64.0))
    c, _ = after(c, inputs(hot=64.0, supplies=at(5.0)))
    assert c.current == 5.0
    assert c.decision.startswith("waiting: hot side would reach")


# -- the minimum ----------------------------------------------------------------------------------


def test_the_coldest_is_remembered_with_its_time() -> None:
    c, _ = after(controller(STEADY, search=Search(6.0, -29.0, 1.0)))
    assert (c.search.minimum, c.search.minimum_at) == (pytest.approx(-30.0), NOW)
    c, _ = after(controller(STEADY, search=Search(6.0, -31.0, 1.0)))
    assert (c.search.minimum, c.search.minimum_at) == (-31.0, 1.0)


def test_an_improvement_is_the_new_optimum_and_the_next_step_follows() -> None:
    trial = Trial(NOW - 60.0, 5.5, -29.0, 22.0, -1.2)
    c = controller(RAMP, search=Search(5.5, trial=trial), history=past(cold_rate=-1.0), changed=NOW - 60.0)
    c, orders = after(c)
    assert (c.search.optimum, c.current) == (6.0, 6.5)
    assert "improved" in c.decision
    assert orders.settings[0] is not None and orders.settings[0].current == 6.5


def test_the_ramp_needs_a_cooling_rate() -> None:
    c = controller(RAMP, history=past(seconds=5))
    assert after(c)[0].current == 6.0


def test_a_ramp_with_a_lowered_ceiling_comes_down() -> None:
    c, _ = after(controller(RAMP), inputs(supplies=(supply(), supply())), but(max_current_per_channel=4.0))
    assert c.current == 4.0
