"""What operators ask for: what is refused, and why; what is granted, and where it leads."""

from dataclasses import replace

import pytest

from iocs.thermal.logic.controller import Controller, Mismatch
from iocs.thermal.logic.facts import Inputs, Latch, Request, Setting, State
from iocs.thermal.logic.requests import refuse
from iocs.thermal.logic.step import begin
from tests.thermal.situations import NOW, after, at, controller, inputs, past, supply, view

START, STOP, RESUME, REARM = Request.START, Request.STOP, Request.RESUME, Request.REARM
OFF, HAND, THERMAL = State.OFF, State.MANUAL_OVERRIDE, State.THERMAL_FAULT
IDLE = at(0.0, on=False)
ENDED = controller(THERMAL, current=0.0, reason="hot side 71.0 degC, limit 70: outputs cut")


@pytest.mark.parametrize(
    ("request_", "c", "seen", "why"),
    [
        (START, controller(OFF), inputs(supplies=IDLE), ""),
        (START, controller(OFF), inputs(stopped="emergency stop is active"), "emergency stop is active"),
        (START, controller(OFF), inputs(tripped="Coolant: 0.5 l/min"), "Coolant: 0.5 l/min"),
        (START, controller(State.INITIALIZING), inputs(), ""),
        (START, controller(State.RAMP_UP), inputs(), "it runs already: RAMP_UP"),
        (START, controller(State.SENSOR_FAULT), inputs(), "it runs already: SENSOR_FAULT"),
        (START, controller(HAND), inputs(), "MANUAL_OVERRIDE: Resume first"),
        (
            START,
            ENDED,
            inputs(),
            "THERMAL_FAULT is latched: Rearm first (hot side 71.0 degC, limit 70: outputs cut)",
        ),
        (STOP, controller(State.RAMP_UP), inputs(), ""),
        (STOP, controller(OFF), inputs(), ""),
        (STOP, controller(State.DPS_DISCONNECTED), inputs(), ""),
        (STOP, ENDED, inputs(), "THERMAL_FAULT shuts down by itself: Rearm, when its cause is gone"),
        (
            STOP,
            controller(HAND),
            inputs(),
            "MANUAL_OVERRIDE: no commands are sent; Resume first, or EStop",
        ),
        (RESUME, controller(HAND), inputs(), ""),
        (RESUME, controller(State.RAMP_UP), inputs(), "RAMP_UP: nobody has overridden it"),
        (REARM, ENDED, inputs(supplies=IDLE), ""),
        (REARM, controller(State.RAMP_UP), inputs(), "RAMP_UP: nothing is latched"),
        (REARM, ENDED, inputs(hot=float("nan"), supplies=IDLE), "hot side sensor is still lost"),
        (REARM, ENDED, inputs(cold=float("nan"), supplies=IDLE), "cold plate sensor is still lost"),
        (REARM, ENDED, inputs(hot=59.9, supplies=IDLE), ""),
        (REARM, ENDED, inputs(hot=60.0, supplies=IDLE), "hot side is still at 60.0 degC, must be below 60"),
        (REARM, ENDED, inputs(), "not off yet: PSU1 and PSU2"),
        (REARM, ENDED, inputs(supplies=(supply(0.0, on=False), supply())), "not off yet: PSU2"),
        (REARM, controller(THERMAL, current=3.0), inputs(), "not off yet: the ramp-down"),
        (
            REARM,
            controller(THERMAL, current=0.0, history=past(hot_rate=8.0)),
            inputs(supplies=IDLE),
            "thermal runaway: hot side rises by 8.0 K/min, limit 5",
        ),
    ],
)
def test_a_request_is_refused_with_its_reason(
    request_: Request, c: Controller, seen: Inputs, why: str
) -> None:
    assert refuse(request_, c, view(seen)) == why


def test_start_waits_for_a_ramp_down_to_end() -> None:
    falling = controller(OFF, released=False)
    assert refuse(START, replace(falling, current=3.0), view()) == "still ramping down"


def test_what_is_refused_changes_nothing() -> None:
    c, orders = after(controller(HAND), inputs(request=STOP))
    assert (c.state, c.events, orders.settings) == (HAND, (), (None, None))


def test_start_begins_with_the_hardware_and_soft() -> None:
    c, orders = after(controller(OFF), inputs(supplies=IDLE, request=START))
    assert [event.target for event in c.events] == [State.INITIALIZING, State.STARTUP]
    assert orders.settings == (Setting(16.0, 2.0, True),) * 2


def test_stop_ramps_down_and_switches_off() -> None:
    c, orders = after(controller(State.STEADY_STATE), inputs(request=STOP))
    assert (c.state, c.current, c.wanted) == (OFF, 5.0, False)
    assert orders.settings == (Setting(16.0, 5.0, True),) * 2
    assert not orders.cut
    now, amps = NOW, 5.0
    while amps > 0.0:
        now += 0.5
        c, orders = after(c, inputs(supplies=at(amps), now=now), now=now)
        amps = c.current
    assert orders.settings == (Setting(16.0, 0.0, False),) * 2
    assert now == NOW + 2.5
    c, orders = after(c, inputs(supplies=at(0.0, False, now + 1), now=now + 1), now=now + 1)
    assert (c.released, orders.settings) == (True, (None, None))


def test_resume_takes_over_what_the_hand_has_set() -> None:
    c, orders = after(controller(HAND), inputs(supplies=at(7.0), request=RESUME))
    assert (c.state, c.current) == (State.STEADY_STATE, 7.0)
    assert orders.settings == (None, None)
    assert "7.00 A adopted" in c.reason


def test_rearm_does_not_start() -> None:
    c, orders = after(ENDED, inputs(supplies=IDLE, request=REARM))
    assert (c.state, c.wanted, c.cut) == (OFF, False, False)
    assert orders.settings == (None, None)
    assert after(c, inputs(supplies=IDLE))[0].state is OFF


# -- after a restart ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latch", "state"),
    [
        (Latch.NONE, State.INITIALIZING),
        (Latch.OFF, OFF),
        (Latch.MANUAL_OVERRIDE, HAND),
        (Latch.THERMAL_FAULT, THERMAL),
    ],
)
def test_a_latch_holds_over_a_restart(latch: Latch, state: State) -> None:
    c, orders = after(begin(latch, "before", NOW - 1.0), inputs(supplies=IDLE))
    assert c.state is state or (latch is Latch.NONE and c.state is OFF)
    assert orders.settings == (None, None) or latch is Latch.THERMAL_FAULT
    if latch is not Latch.NONE:
        assert c.reason == "before"


@pytest.mark.parametrize(("auto", "state"), [(False, OFF), (True, State.STARTUP)])
def test_it_starts_by_itself_only_where_configured(auto: bool, state: State) -> None:
    c = begin(Latch.NONE, "", NOW - 1.0, auto_start=auto)
    assert after(c, inputs(supplies=IDLE))[0].state is state


def test_it_does_not_start_by_itself_what_had_been_stopped() -> None:
    c = begin(Latch.OFF, "Stop", NOW - 1.0, auto_start=True)
    assert after(c, inputs(supplies=IDLE))[0].state is OFF


def test_what_was_stopped_and_runs_is_somebodys() -> None:
    c, orders = after(begin(Latch.OFF, "Stop", NOW - 1.0), inputs())
    assert (c.state, orders.settings) == (HAND, (None, None))


def test_an_overridden_supply_is_left_alone_after_a_restart() -> None:
    c, orders = after(begin(Latch.MANUAL_OVERRIDE, "knob", NOW - 1.0), inputs(supplies=at(9.0)))
    assert (c.state, orders.settings) == (HAND, (None, None))


def test_a_resume_before_the_next_reading_does_not_count_the_old_ones() -> None:
    c = controller(HAND, mismatches=(Mismatch(3, NOW), Mismatch()))
    c, _ = after(c, inputs(request=Request.RESUME))
    c, _ = after(c, inputs(), now=NOW + 0.1)
    assert c.state in (State.RAMP_UP, State.STEADY_STATE)


@pytest.mark.parametrize(("since_s", "state"), [(5.0, HAND), (5.1, State.THERMAL_FAULT)])
def test_after_a_restart_the_hot_side_has_time_to_be_read(since_s: float, state: State) -> None:
    """What a hand has set is not taken down because the first reading takes a second."""
    c = begin(Latch.MANUAL_OVERRIDE, "knob", NOW - since_s)
    c, _ = after(c, inputs(hot=float("nan"), supplies=at(9.0)))
    assert c.state is state


def test_a_latched_fault_found_running_is_ramped_down_once_it_is_seen() -> None:
    c = begin(Latch.THERMAL_FAULT, "hot", NOW - 1.0)
    absent = (supply(at=float("-inf")), supply())
    c, orders = after(c, inputs(supplies=absent))
    assert orders.settings == (None, None)
    c, orders = after(c, inputs(now=NOW + 1.0), now=NOW + 1.0)
    assert orders.settings == (Setting(16.0, 5.0, True),) * 2


def test_a_latched_fault_does_not_wait_for_ever_for_a_supply() -> None:
    c = begin(Latch.THERMAL_FAULT, "hot", NOW - 30.0)
    absent = (supply(at=float("-inf"), held=Setting(0.0, 0.0, False)), supply())
    _, orders = after(c, inputs(supplies=absent))
    assert orders.settings == (Setting(0.0, 0.0, False), Setting(16.0, 5.0, True))


def test_a_restart_at_six_amperes_moves_nothing() -> None:
    c, orders = after(begin(Latch.NONE, "", NOW - 1.0), inputs())
    assert (c.state, c.current) == (State.STEADY_STATE, 6.0)
    for second in range(1, 100):
        c, orders = after(c, inputs(now=NOW + second), now=NOW + second)
        assert orders.settings == (None, None)
    assert c.state is State.STEADY_STATE


def test_of_two_that_run_apart_the_lower_is_adopted() -> None:
    c, orders = after(begin(Latch.NONE, "", NOW - 1.0), inputs(supplies=(supply(6.0), supply(5.5))))
    assert c.current == 5.5
    assert orders.settings == (Setting(16.0, 5.5, True), None)


def test_what_the_voltage_limits_is_adopted_as_measured() -> None:
    limited = supply(10.0, current=8.2)
    c, _ = after(begin(Latch.NONE, "", NOW - 1.0), inputs(supplies=(limited, limited)))
    assert c.current == 8.2


def test_running_blind_waits_a_little_for_the_sensors() -> None:
    c = begin(Latch.NONE, "", NOW - 4.9)
    c, _ = after(c, inputs(cold=float("nan")))
    assert c.state is State.INITIALIZING
    assert c.decision == "found running, waiting for cold plate"
    seen = inputs(now=NOW + 0.2, cold=float("nan"))
    assert after(c, seen, now=NOW + 0.2)[0].state is THERMAL


def test_a_start_waits_for_a_reading_of_both_supplies() -> None:
    """One that has just been unplugged was fine in its last reading, and that is not old yet."""
    before = (supply(0.0, on=False), supply(0.0, on=False, at=NOW - 0.4))
    c, orders = after(controller(OFF), inputs(supplies=before, request=START))
    assert (c.state, c.decision) == (State.INITIALIZING, "waiting for a reading of PSU2")
    assert orders.settings == (None, None)
    later = NOW + 0.4
    c, orders = after(c, inputs(now=later, supplies=at(0.0, on=False, now=later)), now=later)
    assert c.state is State.STARTUP
    assert None not in orders.settings
