"""Whatever happens, in whatever order: what must never be ordered is never ordered."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devsup.sim.tec_plant import Conditions, steady
from iocs.thermal.logic.facts import Request, Setting, State, Zone
from iocs.thermal.logic.override import OPERATIONAL
from iocs.thermal.logic.parameters import Parameters
from tests.thermal.closed_loop import Loop

P = Parameters(
    startup_hold_duration_ms=5_000,
    ramp_adjustment_interval_ms=3_000,
    current_evaluation_delay_ms=12_000,
    steady_state_recheck_interval_ms=60_000,
    sensor_recovery_timeout_ms=20_000,
    init_timeout_ms=10_000,
    hot_side_warning_c=40.0,
    hot_side_warning_exit_c=38.0,
    hot_side_alarm_c=45.0,
    hot_side_alarm_exit_c=43.0,
    probe_hot_side_c=38.0,
    hot_side_fault_c=50.0,
    hot_side_rate_fault_c_per_min=12.0,
)
"""Quick, and with a hot side that reaches its limits: the logic is the same."""

REDUCED = {State.THERMAL_FAULT, State.SENSOR_FAULT, State.DPS_DISCONNECTED, State.OFF}

Action = Callable[[Loop], None]


def knob(supply: int, **turned: float) -> Action:
    def turn(loop: Loop) -> None:
        to = {name: round(value, 2) for name, value in turned.items()}
        loop.supplies[supply].held = replace(loop.supplies[supply].held, **to)  # type: ignore[arg-type]

    return turn


def key(supply: int) -> Action:
    def press(loop: Loop) -> None:
        held = loop.supplies[supply].held
        loop.supplies[supply].held = replace(held, output=not held.output)

    return press


def trip(supply: int) -> Action:
    def overload(loop: Loop) -> None:
        one = loop.supplies[supply]
        one.held, one.tripped = replace(one.held, output=False), "over current"

    return overload


def power(supply: int, on: bool) -> Action:
    def switch(loop: Loop) -> None:
        one = loop.supplies[supply]
        one.powered, one.held = on, replace(one.held, output=one.held.output and on)

    return switch


def line(supply: int, works: bool) -> Action:
    return lambda loop: setattr(loop.supplies[supply], "answers", works)


def sensor(name: str, works: bool) -> Action:
    return lambda loop: setattr(loop, name, works)


def room(**changes: object) -> Action:
    def change(loop: Loop) -> None:
        loop.plant.conditions = replace(loop.plant.conditions, **changes)  # type: ignore[arg-type]

    return change


def ask(request: Request) -> Action:
    return lambda loop: setattr(loop, "request", request)


def stop(on: bool) -> Action:
    return lambda loop: setattr(loop, "stopped", "emergency stop" if on else "")


def parameter(**changes: object) -> Action:
    def put(loop: Loop) -> None:
        loop.p = replace(loop.p, **changes)  # type: ignore[arg-type]

    return put


ONE = st.sampled_from((0, 1))
FLAG = st.booleans()
ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.builds(lambda one, amps: knob(one, current=amps), ONE, st.floats(0.0, 15.0)),
    st.builds(lambda one, volts: knob(one, voltage=volts), ONE, st.floats(0.0, 50.0)),
    st.builds(key, ONE),
    st.builds(trip, ONE),
    st.builds(power, ONE, FLAG),
    st.builds(line, ONE, FLAG),
    st.builds(sensor, st.sampled_from(("cold", "hot", "ambient")), FLAG),
    st.builds(lambda fan: room(fan=fan), FLAG),
    st.builds(lambda ambient: room(ambient_c=ambient), st.floats(5.0, 45.0)),
    st.builds(lambda dust: room(dust=dust), st.floats(0.0, 0.8)),
    st.builds(lambda wear: room(wear=(wear, 0.0)), st.floats(0.0, 0.5)),
    st.builds(ask, st.sampled_from(Request)),
    st.builds(stop, FLAG),
    st.builds(lambda amps: parameter(max_current_per_channel=amps), st.floats(2.0, 10.6)),
    st.builds(lambda both: parameter(symmetric_shutdown=both), FLAG),
)
HISTORIES = st.lists(st.tuples(ACTIONS, st.integers(1, 60)), min_size=3, max_size=25)
BEGINNINGS = st.tuples(FLAG, st.floats(0.0, 10.0), st.floats(10.0, 40.0))


class Watch:
    """Looks at every tick of a loop for what must not happen."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.since_hot = 0

    def tick(self) -> None:
        loop, before = self.loop, self.loop.c
        asked = loop.request
        held = [supply.held for supply in loop.supplies]
        answers = [supply.answers and supply.powered for supply in loop.supplies]
        loop.tick()
        for was, now, heard in zip(held, loop.orders.settings, answers, strict=True):
            if now is not None:
                self.order(was, now, heard)
        self.latch(before.state, asked)
        self.cut(answers)

    def order(self, was: Setting, now: Setting, heard: bool) -> None:
        c, p = self.loop.c, self.loop.p
        raises = now.output and (not was.output or now.current > was.current + 1e-9)
        assert now.current <= p.max_current_per_channel + 1e-9 or not raises
        if now.output:  # what the limits of the supplies exclude, they are not told
            assert now.voltage <= P.tec_voltage_setpoint
            assert now.current <= P.max_current_per_channel + 1e-9
        if c.state in OPERATIONAL:
            assert now.current <= p.max_current_per_channel + 1e-9
            assert now.voltage == p.tec_voltage_setpoint
        if c.state in REDUCED and heard:
            assert not raises, f"{c.state.name}: {was} -> {now}"
        if c.zone is Zone.ALARM and heard:
            assert not raises, f"alarm zone: {was} -> {now}"
        assert c.state not in (State.MANUAL_OVERRIDE, State.INITIALIZING)

    def latch(self, before: State, asked: Request | None) -> None:
        if before is State.THERMAL_FAULT and self.loop.c.state is not State.THERMAL_FAULT:
            assert asked is Request.REARM
        targets = [event.target for event in self.loop.c.events]
        if before is State.MANUAL_OVERRIDE and targets and targets[0] is not State.THERMAL_FAULT:
            assert asked is Request.RESUME or self.loop.stopped

    def cut(self, answers: list[bool]) -> None:
        """Above the fault limit, whatever answers is off two ticks later."""
        sensed = self.loop.sensed["hot"]
        hot = sensed.at == self.loop.now and sensed.value >= self.loop.p.hot_side_fault_c
        self.since_hot = self.since_hot + 1 if hot else 0
        if self.since_hot > 2:
            on = [s.held.output for s, heard in zip(self.loop.supplies, answers, strict=True) if heard]
            assert not any(on)


def begin(beginning: tuple[bool, float, float]) -> Loop:
    """At rest, or found running; in some room."""
    runs, amps, ambient = beginning
    loop = Loop(p=P, conditions=Conditions(ambient, 8.0))
    if runs:
        for supply in loop.supplies:
            supply.held = Setting(16.0, round(amps, 2), True)
        loop.plant.temperatures = steady(loop.design, loop.conditions, (amps, amps))
        loop.bore_c = loop.plant.temperatures.hot_c
    else:
        loop.run(3)
        loop.request = Request.START
    return loop


def play(beginning: tuple[bool, float, float], history: list[tuple[Action, int]]) -> Loop:
    loop = begin(beginning)
    watch = Watch(loop)
    for _ in range(10):
        watch.tick()
    for action, ticks in history:
        action(loop)
        for _ in range(ticks):
            watch.tick()
    return loop


@settings(max_examples=60, derandomize=True, deadline=None)
@given(BEGINNINGS, HISTORIES)
def test_nothing_forbidden_is_ordered(
    beginning: tuple[bool, float, float], history: list[tuple[Action, int]]
) -> None:
    play(beginning, history)


@pytest.mark.slow
@pytest.mark.timeout(120)
@settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BEGINNINGS, HISTORIES)
def test_nothing_forbidden_is_ordered_in_a_long_campaign(
    beginning: tuple[bool, float, float], history: list[tuple[Action, int]]
) -> None:
    play(beginning, history)


def test_with_one_supply_the_degraded_current_is_kept() -> None:
    loop = begin((True, 6.0, 22.0))
    Watch(loop).loop.run(10)
    line(0, False)(loop)
    loop.run(20)
    assert loop.c.state is State.DPS_DISCONNECTED
    for _ in range(300):
        loop.tick()
        assert loop.supplies[1].held.current <= P.degraded_mode_current
