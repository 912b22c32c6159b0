"""What the samples say: rates, trend, runaway, swings."""

import math
import random

import numpy as np
import pytest

from iocs.thermal.logic.facts import Trend
from iocs.thermal.logic.history import (
    COLUMNS,
    EMPTY,
    LENGTH,
    History,
    Rows,
    append,
    certain_rise,
    median,
    slope,
    swings,
)
from tests.thermal.situations import NOW, P, past

TIME = np.arange(300.0)


def test_rows_come_in_order_and_the_oldest_goes() -> None:
    history = past(seconds=LENGTH + 20)
    assert history.rows.shape == (LENGTH, len(COLUMNS))
    assert history.latest == NOW
    assert np.all(np.diff(history.column("time")) == 1.0)
    assert EMPTY.latest == -math.inf


def test_the_cooling_rate_is_the_slope_of_half_a_minute() -> None:
    history = past(cold_rate=-3.0)
    assert history.cold_rate == pytest.approx(-3.0)
    for back in range(28):
        history = append(history, (NOW + 1.0 + back, -30.0, 40.0, 22.0, *[6.0] * 6), P)
    assert -0.3 < history.cold_rate < 0.0
    assert append(history, (NOW + 29.0, -30.0, 40.0, 22.0, *[6.0] * 6), P).cold_rate == pytest.approx(0.0)


def test_nothing_is_concluded_from_too_few_samples() -> None:
    assert math.isnan(past(seconds=7).cold_rate)
    assert past(seconds=7).trend is Trend.ANOMALOUS
    assert past(seconds=8).trend is Trend.STABLE
    assert math.isnan(slope(np.zeros(9), np.arange(9.0)))


def test_missing_samples_are_left_out() -> None:
    history = past(cold_rate=-3.0)
    for n in range(20):
        nan = math.nan
        history = append(history, (NOW + 1.0 + n, nan, nan, nan, *[6.0] * 6), P)
    assert history.cold_rate == pytest.approx(-3.0)
    assert math.isnan(history.mean(1, NOW + 1.0))
    assert history.mean(1, NOW - 1.0) == pytest.approx(-30.0)


@pytest.mark.parametrize(
    ("rate", "trend"),
    [
        (-0.51, Trend.COOLING),
        (-0.49, Trend.STABLE),
        (0.0, Trend.STABLE),
        (0.49, Trend.STABLE),
        (0.51, Trend.WARMING),
    ],
)
def test_trend(rate: float, trend: Trend) -> None:
    assert past(cold_rate=rate).trend is trend


# -- oscillation ----------------------------------------------------------------------------------


def series(values: Rows, noise: float = 0.0) -> History:
    chance = random.Random(1)
    history = EMPTY
    for second, value in enumerate(values):
        cold = float(value) + chance.gauss(0.0, noise)
        history = append(history, (NOW + second, cold, 40.0, 22.0, *[6.0] * 6), P)
    return history


@pytest.mark.parametrize("period_s", [20.0, 60.0, 100.0])
def test_a_swing_is_an_oscillation_even_on_a_slope(period_s: float) -> None:
    wave = -30.0 + 0.3 * np.sin(2 * np.pi * TIME / period_s) - TIME / 200.0
    assert series(wave, noise=0.03).trend is Trend.OSCILLATING


@pytest.mark.parametrize(
    "values",
    [
        np.full(300, -30.0),
        -30.0 - TIME / 20.0,
        20.0 - 55.0 * (1.0 - np.exp(-TIME / 120.0)),  # a start
        np.where(TIME < 150, -30.0, -31.0),  # a step
        -30.0 + 0.1 * np.sin(2 * np.pi * TIME / 60.0),  # less than the limit
    ],
)
def test_noise_slopes_and_steps_are_no_oscillation(
    values: Rows,
) -> None:
    assert series(values, noise=0.03).trend is not Trend.OSCILLATING


def test_swings_are_counted_beyond_the_amplitude() -> None:
    wave = np.sin(2 * np.pi * (TIME + 15.0) / 60.0)
    assert swings(TIME, wave, 0.5) == 10
    assert swings(TIME, wave, 1.1) == 0


# -- runaway --------------------------------------------------------------------------------------

WINDOW = [float(second) for second in range(12)]


@pytest.mark.parametrize("rate", [-8.0, 0.0, 4.0, 5.0, 9.0])
def test_a_straight_rise_is_certain(rate: float) -> None:
    assert certain_rise(WINDOW, [40.0 + rate * t / 60.0 for t in WINDOW]) == pytest.approx(rate)


@pytest.mark.parametrize("sigma", [0.03, 0.1, 0.3])
def test_noise_is_no_rise(sigma: float) -> None:
    chance = random.Random(2)
    hours = ([40.0 + chance.gauss(0.0, sigma) for _ in WINDOW] for _ in range(20_000))
    assert max(certain_rise(WINDOW, values) for values in hours) < 5.0


@pytest.mark.parametrize("place", range(12))
@pytest.mark.parametrize("spike", [-60.0, -5.0, 5.0, 29.0])
def test_one_bad_sample_is_no_rise_and_hides_none(place: int, spike: float) -> None:
    calm = [40.0] * 12
    calm[place] += spike
    assert certain_rise(WINDOW, calm) < 5.0
    rising = [40.0 + 9.0 * t / 60.0 for t in WINDOW]
    rising[place] += spike
    assert certain_rise(WINDOW, rising) > 5.0


def test_gaps_leave_less_to_go_by() -> None:
    nan = math.nan
    assert certain_rise(WINDOW, [nan, nan, nan] + [40.0 + 9.0 * t / 60.0 for t in WINDOW[3:]]) > 5.0
    assert math.isnan(certain_rise(WINDOW, [nan] * 5 + [40.0] * 7))


def test_median() -> None:
    assert (median([3.0, 1.0, 2.0]), median([4.0, 1.0, 2.0, 3.0])) == (2.0, 2.5)
