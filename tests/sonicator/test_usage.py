"""Maximum run time, duty limit and totals of a sonicator."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsup.sonicator_values import Flag, Reading
from iocs.sonicator.logic import Limits, Totals, Usage, account, exhausted

DUTY = Limits(duty=0.5, window_s=100.0)


def run(usage: Usage, limits: Limits, *stretches: tuple[float, float], until: float) -> Usage:
    """Accounted every second; it runs inside the stretches."""
    now = 0.0
    while now <= until:
        usage = account(usage, any(start <= now < end for start, end in stretches), limits, now)
        now += 1.0
    return usage


def test_the_run_time_counts_from_the_start_without_a_pause() -> None:
    limits = Limits(max_run_s=10.0)
    usage = run(Usage(), limits, (5.0, 99.0), until=14.0)
    assert (usage.run_s(14.0), exhausted(usage, limits, 14.0)) == (9.0, "")
    assert exhausted(usage, limits, 15.0) == "maximum run time of 10 s"
    usage = account(usage, False, limits, 15.0)
    assert exhausted(usage, limits, 15.0) == "", "it may be started again"


def test_off_is_off() -> None:
    usage = run(Usage(), Limits(), (0.0, 1e9), until=500.0)
    assert exhausted(usage, Limits(), 500.0) == ""


def test_the_duty_limit_stops_one_that_runs_and_keeps_it_stopped_until_the_window_has_moved_on() -> None:
    usage = run(Usage(), DUTY, (0.0, 1e9), until=49.0)
    assert exhausted(usage, DUTY, 49.0) == ""
    usage = account(usage, True, DUTY, 50.0)
    assert exhausted(usage, DUTY, 50.0) == "duty limit of 50 % in 100 s"
    usage = account(usage, False, DUTY, 50.0)
    for now in (51.0, 99.0, 100.0):
        assert exhausted(account(usage, False, DUTY, now), DUTY, now) != ""
    usage = account(usage, False, DUTY, 101.0)
    assert exhausted(usage, DUTY, 101.0) == ""


def test_a_run_longer_than_the_window_keeps_the_limit() -> None:
    """A window that forgets a stretch because it began before it would let everything through."""
    usage = run(Usage(), DUTY, (0.0, 1e9), until=1000.0)
    assert usage.used_s(100.0, 1000.0) == 100.0
    assert exhausted(usage, DUTY, 1000.0)


@settings(max_examples=60, derandomize=True)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 30.0)), max_size=60))
def test_used_time_is_what_was_run_in_the_window(course: list[tuple[bool, float]]) -> None:
    usage, now, ran = Usage(), 0.0, []
    for running, seconds in course:
        usage = account(usage, running, DUTY, now)
        if running:
            ran.append((now, now + seconds))
        now += seconds
    usage = account(usage, bool(course) and course[-1][0], DUTY, now)
    expected = sum(max(0.0, end - max(start, now - 100.0)) for start, end in ran)
    assert usage.used_s(100.0, now) == pytest.approx(expected, abs=1e-6)
    assert 0.0 <= usage.used_s(100.0, now) <= 100.0 + 1e-6
    assert len(usage.stretches) <= 1 + sum(end > now - 100.0 for _, end in ran)


def reading(at: float, power_w: float, running: bool = True) -> Reading:
    return Reading(power_w, 20000.0, Flag.RUNNING if running else Flag.NONE, 60.0, at, at)


def test_energy_and_run_time_add_up_between_readings() -> None:
    totals = Totals(energy_wh=1.0, run_s=10.0)
    for tick in range(0, 361):
        totals = totals.add(reading(tick / 10, 100.0))
    assert totals.energy_wh == pytest.approx(2.0)
    assert totals.run_s == pytest.approx(46.0)


def test_gaps_and_repetitions_count_nothing() -> None:
    totals = Totals().add(reading(0.0, 100.0)).add(reading(0.0, 100.0)).add(reading(5.0, 100.0))
    assert (totals.energy_wh, totals.run_s) == (0.0, 0.0)
    totals = totals.add(reading(5.5, 100.0, running=False))
    assert totals.energy_wh == pytest.approx(50.0 / 3600)
    assert totals.run_s == 0.0
