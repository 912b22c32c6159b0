"""The parts of a decision in detail: duty, lost sensors, exclusion, priorities, light, settings."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iocs.environment.logic import (
    Blocks,
    Code,
    GuardSettings,
    LightMode,
    LightSettings,
    Limits,
    Mode,
    OnLoss,
    RelaySettings,
    Seen,
    Settings,
    contradiction,
    refuse_command,
    refuse_mode,
)
from iocs.environment.logic.duty import Duty, free_in, is_spent, on_seconds, share, switched
from iocs.environment.logic.settings import default_relays
from iocs.environment.logic.words import seconds
from tests.environment.chambers import FAN, HEATER, LIGHT, MIST, Trial

WINDOW = 1800.0
CYCLE = LightSettings(mode=LightMode.CYCLE, on_s=12 * 3600.0, off_s=8 * 3600.0)


# Duty


@pytest.mark.parametrize("minutes", [29, 30, 31, 120])
def test_a_relay_that_is_always_on_has_a_full_share_also_beyond_the_windows_edge(minutes: int) -> None:
    duty = switched(Duty(), True, 0.0)
    assert share(duty, WINDOW, 60.0 * minutes) == pytest.approx(min(1.0, minutes / 30))
    assert is_spent(duty, 0.6, WINDOW, 60.0 * minutes)


def test_a_share_shrinks_as_a_run_leaves_the_window() -> None:
    duty = switched(switched(Duty(), True, 0.0), False, 600.0)
    assert share(duty, WINDOW, 1800.0) == pytest.approx(600 / 1800)
    assert share(duty, WINDOW, 2100.0) == pytest.approx(300 / 1800)
    assert share(duty, WINDOW, 2400.0) == 0.0


def test_what_no_window_can_see_is_forgotten() -> None:
    duty = Duty()
    for at in range(0, 100_000, 200):
        duty = switched(switched(duty, True, float(at)), False, at + 100.0)
    assert len(duty.runs) == 72
    assert duty.runs[0][1] > 99_900.0 - 4 * 3600.0


def test_to_be_switched_on_twice_is_to_be_on() -> None:
    duty = switched(Duty(), True, 0.0)
    assert switched(duty, True, 5.0) == duty
    assert switched(switched(duty, False, 6.0), False, 7.0) == Duty(((0.0, 6.0),))


def test_when_it_may_run_again() -> None:
    duty = switched(switched(Duty(), True, 0.0), False, 1080.0)  # 60 %
    # free when a run of 30 s (and 2 s of nobody looking) fits in: when as much has left the window
    assert free_in(duty, 0.6, WINDOW, 30.0, 1080.0) == pytest.approx(720.0)
    assert free_in(duty, 0.6, WINDOW, 30.0, 1750.0) == pytest.approx(50.0)
    assert free_in(duty, 0.6, WINDOW, 30.0, 1801.0) == 0.0


@pytest.mark.parametrize(("limit", "wait"), [(1.0, 0.0), (0.0, math.inf), (0.01, math.inf)])
def test_limits_that_need_no_arithmetic(limit: float, wait: float) -> None:
    assert free_in(switched(Duty(), True, 0.0), limit, WINDOW, 30.0, 1e4) == wait


runs = st.lists(st.tuples(st.floats(1.0, 400.0), st.floats(1.0, 400.0)), max_size=12)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(runs, st.floats(0.05, 0.95), st.floats(0.0, 600.0))
def test_the_promise_to_be_free_is_kept_and_not_a_second_too_late(
    pairs: list[tuple[float, float]], limit: float, later: float
) -> None:
    duty, at = Duty(), 0.0
    for on_s, off_s in pairs:
        duty = switched(switched(duty, True, at), False, at + on_s)
        at += on_s + off_s
    now, run_s = at + later, 32.0
    wait = free_in(duty, limit, WINDOW, 30.0, now)
    if math.isinf(wait):
        assert limit * WINDOW < run_s
        return
    end = now + wait + run_s
    used = on_seconds(duty, end - WINDOW, now) + run_s
    assert used <= limit * WINDOW + 1e-6
    if wait > 1.0:
        assert on_seconds(duty, end - 1.0 - WINDOW, now) + run_s > limit * WINDOW - 1e-6


def test_a_lowered_limit_switches_off_and_says_so() -> None:
    chamber = Trial()
    chamber.run(700.0, t=26.0)
    relays = {**default_relays(), FAN: RelaySettings(0.2)}
    chamber.settings = replace(chamber.settings, relays=relays)
    orders = chamber.run(1.0, t=26.0)
    assert orders[FAN].reason.text.startswith("duty 20 % reached, free again in ")


def test_a_limit_too_small_for_a_minimum_time_says_so() -> None:
    chamber = Trial(Settings(relays={**default_relays(), FAN: RelaySettings(0.01)}))
    orders = chamber.run(40.0, t=26.0)
    assert orders[FAN].reason.text == "duty 1 % reached, too little for a minimum time"


def test_the_guard_runs_the_fan_beyond_its_duty() -> None:
    chamber = Trial()
    chamber.run(4000.0, 5.0, rh=97.0)
    assert chamber.on() == {FAN}
    assert share(chamber.state.contacts[FAN].duty, WINDOW, chamber.now) == pytest.approx(1.0)
    orders = chamber.run(1.0, t=26.0)
    assert orders[FAN].reason.code is Code.DUTY


# Sensors


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        (OnLoss.OFF, True, False),
        (OnLoss.OFF, False, False),
        (OnLoss.HOLD, True, True),
        (OnLoss.HOLD, False, False),
        (OnLoss.ON, True, True),
        (OnLoss.ON, False, True),
    ],
)
def test_what_a_relay_does_without_its_sensor(action: OnLoss, before: bool, after: bool) -> None:
    chamber = Trial(Settings(relays={**default_relays(), HEATER: RelaySettings(1.0, 30.0, action)}))
    chamber.run(40.0, t=17.0 if before else 21.0)
    assert (HEATER in chamber.on()) is before
    for _ in range(61):
        chamber.now += 1.0
        chamber.read_only(rh=90.0, ppm=600.0).decide()
        if chamber.now <= 100.0:
            assert (HEATER in chamber.on()) is before, "it is not lost yet"
    assert (HEATER in chamber.on()) is after
    order = chamber.decision.orders[HEATER]
    assert order.reason.code is Code.SENSOR_LOST
    assert order.held is (action is OnLoss.OFF)


def test_a_lost_sensor_switches_off_within_the_minimum_time() -> None:
    chamber = Trial()
    chamber.run(40.0, t=17.0)
    chamber.blocks = Blocks(interlocks={HEATER: "Door: Open"})
    chamber.decide(1.0)
    chamber.blocks = Blocks()
    chamber.decide(54.0)
    assert HEATER in chamber.on() and chamber.now == 95.0
    chamber.decide(6.0)
    assert HEATER not in chamber.on()


def test_the_fan_goes_on_for_the_sensor_that_is_left() -> None:
    chamber = Trial()
    chamber.run(40.0)
    chamber.read(ppm=1200.0, t=26.0).decide()
    for _ in range(30):
        chamber.now += 5.0
        chamber.read_only(ppm=1200.0, rh=90.0).decide()
    assert FAN in chamber.on()
    chamber.now += 1.0
    orders = chamber.read_only(ppm=800.0, rh=90.0).decide()
    assert FAN not in chamber.on()
    assert orders[FAN].reason.text.startswith("temperature lost for")


def test_stale_is_age_not_a_value_that_stays() -> None:
    chamber = Trial()
    chamber.run(5000.0, 5.0, t=17.5)
    assert HEATER in chamber.on()


def test_in_manual_a_relay_runs_as_long_as_one_of_its_sensors_is_there() -> None:
    chamber = Trial(mode=Mode.MANUAL, commands={FAN: True, MIST: True})
    chamber.run(40.0)
    assert chamber.on() == {FAN, MIST}
    for _ in range(20):
        chamber.now += 5.0
        chamber.read_only(ppm=600.0).decide()
    assert chamber.on() == {FAN}
    for _ in range(20):
        chamber.decide(5.0)
    assert chamber.on() == set()


# Exclusion


def test_a_fan_that_is_still_cooling_makes_the_heater_wait() -> None:
    chamber = Trial()
    chamber.run(40.0)
    chamber.run(1.0, t=25.0)
    orders = chamber.run(5.0, t=17.0)
    assert chamber.on() == {FAN}
    assert orders[HEATER].reason.code is Code.EXCLUDED
    assert orders[HEATER].reason.text == "waits for the fan; wants temperature 17.0 degC <= 18"
    chamber.run(30.0, t=17.0)
    assert chamber.on() == {HEATER}


def test_a_heater_that_is_still_on_makes_the_cooling_wait() -> None:
    chamber = Trial()
    chamber.run(40.0)
    chamber.run(1.0, t=17.0)
    orders = chamber.run(5.0, t=25.0)
    assert chamber.on() == {HEATER}
    assert orders[FAN].reason.text.startswith("waits for the heater; wants temperature 25.0")
    chamber.run(30.0, t=25.0)
    assert chamber.on() == {FAN}


def test_the_fan_may_run_for_co2_while_it_is_heated() -> None:
    chamber = Trial()
    chamber.run(40.0)
    chamber.run(60.0, t=17.0, ppm=1300.0)
    assert chamber.on() == {FAN, HEATER}


@pytest.mark.parametrize("mode", [Mode.AUTOMATIC, Mode.MANUAL])
def test_a_fan_that_ends_leaves_the_heater_on(mode: Mode) -> None:
    chamber = Trial(mode=mode, commands={FAN: True, HEATER: True})
    chamber.run(40.0)
    chamber.run(60.0, t=17.0, ppm=1300.0)
    assert chamber.on() == {FAN, HEATER}
    chamber.commands[FAN] = False
    for _ in range(40):
        chamber.run(1.0, t=17.0, ppm=700.0)
        assert HEATER in chamber.on()
    assert chamber.on() == {HEATER}


def test_a_chamber_without_a_heater() -> None:
    relays = {relay: how for relay, how in default_relays().items() if relay is not HEATER}
    chamber = Trial(Settings(relays=relays))
    chamber.run(60.0, t=10.0, rh=80.0)
    assert chamber.on() == {MIST}


# What outranks what


def blocks_of(**changes: object) -> Blocks:
    return Blocks(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("blocks", "code", "off"),
    [
        (Blocks(stopped="emergency stop"), Code.STOPPED, {FAN, MIST, LIGHT}),
        (Blocks(interlocks={MIST: "Door: Open, must be Closed"}), Code.INTERLOCK, {MIST}),
    ],
)
def test_stops_and_interlocks_act_at_once(blocks: Blocks, code: Code, off: set[object]) -> None:
    chamber = Trial(Settings(light=LightSettings(mode=LightMode.ON)))
    chamber.run(40.0)
    chamber.run(1.0, t=26.0, rh=80.0)
    before = chamber.on()
    assert before == {FAN, MIST, LIGHT}
    chamber.blocks = blocks
    orders = chamber.run(1.0, t=26.0, rh=80.0)
    assert before - chamber.on() == off
    assert all(orders[relay].reason.code is code and orders[relay].held for relay in off)  # type: ignore[index]


def test_an_emergency_stop_outranks_safety_mode_in_the_reason() -> None:
    chamber = Trial(mode=Mode.SAFETY, blocks=Blocks(stopped="emergency stop is active"))
    assert chamber.run(1.0)[FAN].reason.code is Code.STOPPED


def test_after_a_stop_the_minimum_time_counts_from_the_stop() -> None:
    chamber = Trial()
    chamber.run(40.0)
    chamber.run(1.0, t=26.0)
    chamber.blocks = Blocks(stopped="emergency stop")
    chamber.run(1.0, t=26.0)
    chamber.blocks = Blocks()
    orders = chamber.run(1.0, t=26.0)
    assert orders[FAN].reason.text.startswith("minimum time, 29 s left; then on")


# The guard and its sensor


def lose_humidity(chamber: Trial, duration: float, every: float = 5.0) -> None:
    for _ in range(int(duration / every)):
        chamber.now += every
        chamber.read_only(t=21.0, ppm=600.0).decide()


def test_without_humidity_the_guard_keeps_the_mist_off_but_does_not_run_the_fan() -> None:
    relays = {**default_relays(), MIST: RelaySettings(0.4, 0.0, OnLoss.ON)}
    chamber = Trial(Settings(relays=relays))
    chamber.run(310.0, rh=96.0)
    assert chamber.on() == {FAN}
    lose_humidity(chamber, 100.0)
    assert chamber.state.guard.active and chamber.on() == set()
    chamber.run(1.0, rh=90.0)
    assert not chamber.state.guard.active


def test_the_guards_timer_runs_on_through_a_gap_in_the_readings() -> None:
    chamber = Trial()
    chamber.run(200.0, rh=96.0)
    lose_humidity(chamber, 90.0)
    chamber.run(11.0, rh=96.0)
    assert chamber.state.guard.active


# Light


def test_a_cycle_keeps_its_phase_when_the_clock_is_set_while_it_runs() -> None:
    chamber = Trial(Settings(light=CYCLE))
    chamber.wall_offset = 0.0
    chamber.run(11 * 3600.0, 60.0)
    chamber.wall_offset += 3 * 3600.0
    chamber.run(30 * 60.0, 60.0)
    assert LIGHT in chamber.on(), "by the new clock it would be dark"
    chamber.run(31 * 60.0, 60.0)
    assert LIGHT not in chamber.on()
    assert chamber.state.light.anchor == 3 * 3600.0, "and after a restart it goes on like this"


def test_shortly_after_the_start_a_step_sets_the_clock_right() -> None:
    chamber = Trial(Settings(light=CYCLE))
    chamber.wall_offset = 0.0
    chamber.run(300.0, 5.0)
    chamber.wall_offset += 13 * 3600.0  # the time server has answered
    chamber.run(60.0)
    assert LIGHT not in chamber.on()
    assert chamber.state.light.anchor == 0.0


def test_a_drifting_clock_is_followed() -> None:
    chamber = Trial(Settings(light=CYCLE))
    for _ in range(2000):
        chamber.wall_offset += 1.5
        chamber.run(5.0, 5.0)
    assert chamber.state.light.anchor == 0.0


@pytest.mark.parametrize(
    ("on_s", "off_s", "phase", "on", "left"),
    [
        (3600.0, 7200.0, 0.0, True, 3600.0),
        (3600.0, 7200.0, 3599.0, True, 1.0),
        (3600.0, 7200.0, 3600.0, False, 7200.0),
        (3600.0, 7200.0, 10799.0, False, 1.0),
        (0.0, 7200.0, 100.0, False, math.inf),
        (3600.0, 0.0, 100.0, True, math.inf),
    ],
)
def test_when_the_light_changes_next(on_s: float, off_s: float, phase: float, on: bool, left: float) -> None:
    light = LightSettings(mode=LightMode.CYCLE, on_s=on_s, off_s=off_s)
    chamber = Trial(Settings(light=light), now=phase)
    chamber.wall_offset = 0.0
    chamber.decide()
    assert chamber.decision.orders[LIGHT].demand is on
    assert chamber.decision.light_left_s == left


def test_a_lamp_that_burns_out_while_it_is_on_is_noticed() -> None:
    chamber = Trial(Settings(light=LightSettings(mode=LightMode.ON)))
    chamber.run(600.0, lux=800.0)
    assert chamber.state.light.verdict.name == "VERIFIED"
    chamber.run(301.0, lux=5.0)
    assert chamber.state.light.verdict.name == "FAILED"
    assert "lamp or relay" in chamber.state.light.problem
    chamber.run(301.0, lux=800.0)
    assert (chamber.state.light.verdict.name, chamber.state.light.failures) == ("VERIFIED", 1)


def test_a_light_sensor_that_is_gone_is_no_failure_of_the_light() -> None:
    chamber = Trial(Settings(light=LightSettings(mode=LightMode.ON)))
    chamber.run(120.0, lux=None)
    assert (chamber.state.light.verdict.name, chamber.state.light.failures) == ("NO_READING", 0)


def test_only_a_reading_after_the_change_counts() -> None:
    chamber = Trial(Settings(light=LightSettings(mode=LightMode.ON)))
    chamber.run(30.0, lux=5.0)
    for _ in range(10):
        chamber.decide(1.0)
    assert chamber.state.light.verdict.name == "PENDING", "the reading came before this moment"
    chamber.now += 1.0
    chamber.read_only(lux=800.0).decide()
    assert chamber.state.light.verdict.name == "VERIFIED"


# Settings


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (Settings(limits=Limits(temperature_min=24.0)), "temperature minimum 24 is not below maximum 24"),
        (Settings(limits=Limits(temperature_hysteresis=3.1)), "temperature hysteresis 3.1 overlaps"),
        (Settings(limits=Limits(humidity_hysteresis=0.0)), "hysteresis must be above 0"),
        (Settings(limits=Limits(humidity_min=93.0)), "beyond the condensation threshold 95"),
        (Settings(limits=Limits(co2_max=100.0)), "CO2 hysteresis is not below the maximum"),
        (Settings(guard=GuardSettings(hysteresis=0.0)), "hysteresis must be above 0"),
        (Settings(light=LightSettings(on_s=0.0, off_s=0.0)), "needs a time on or a time off"),
        (Settings(light=LightSettings(dark=200.0)), "light is dark at 200 but bright at 200"),
    ],
)
def test_settings_that_contradict_themselves(changed: Settings, why: str) -> None:
    assert why in contradiction(changed)


def test_the_defaults_and_their_extremes_do_not() -> None:
    assert contradiction(Settings()) == ""
    assert contradiction(Settings(limits=Limits(temperature_hysteresis=3.0))) == ""


# What operators may do


def test_a_command_is_refused_with_the_reason_of_the_gate() -> None:
    chamber = Trial(mode=Mode.MANUAL)
    chamber.run(40.0, rh=96.0)
    chamber.run(300.0, rh=96.0)
    seen = Seen(chamber.seen, Mode.MANUAL)

    def refused(relay: object, on: bool, mode: Mode = Mode.MANUAL) -> str:
        return refuse_command(
            chamber.state,
            replace(seen, mode=mode),
            chamber.settings,
            relay,
            on,
            chamber.now,  # type: ignore[arg-type]
        )

    assert refused(LIGHT, True) == ""
    assert refused(MIST, True).startswith("condensation guard")
    assert refused(MIST, False) == ""
    assert refused(LIGHT, True, Mode.AUTOMATIC) == "mode is AUTOMATIC: Mode MANUAL first"
    assert refused(LIGHT, False, Mode.SAFETY) == "mode is SAFETY: Mode MANUAL first"


@pytest.mark.parametrize("wanted", list(Mode))
def test_safety_is_left_by_the_operator_once_nothing_stops_him(wanted: Mode) -> None:
    stopped = Blocks(stopped="emergency stop is active: EStop:Reset first")
    assert refuse_mode(Mode.SAFETY, wanted, Blocks()) == ""
    assert bool(refuse_mode(Mode.SAFETY, wanted, stopped)) is (wanted is not Mode.SAFETY)
    assert refuse_mode(Mode.AUTOMATIC, Mode.SAFETY, stopped) == ""


@pytest.mark.parametrize(
    ("duration", "words"),
    [(12.4, "12 s"), (119.0, "119 s"), (600.0, "10 min"), (9000.0, "2.5 h"), (math.inf, "never")],
)
def test_durations_in_words(duration: float, words: str) -> None:
    assert seconds(duration) == words


def test_a_shorter_time_between_verifications_takes_effect_at_once() -> None:
    chamber = Trial(Settings(light=LightSettings(mode=LightMode.ON)))
    chamber.run(60.0, lux=800.0)
    chamber.settings = replace(chamber.settings, light=replace(chamber.settings.light, verify_every_s=5.0))
    chamber.run(6.0, lux=3.0)
    assert chamber.state.light.verdict.name == "FAILED"
