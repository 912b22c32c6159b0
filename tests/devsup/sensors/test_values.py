"""What is believed of a reading, and how a value ages."""

import math

from devsup.sensors import Limits, Quality
from devsup.sensors.values import Measured, Track


def test_before_the_first_reading_there_is_no_value_and_its_age_is_infinite() -> None:
    track = Track("T", Limits())
    assert track.now.quality is Quality.NONE
    assert math.isnan(track.now.value)
    assert track.now.age_s(1e9) == math.inf


def test_a_miss_before_the_first_reading_makes_no_value() -> None:
    missed = Track("T", Limits()).miss("gone")
    assert math.isnan(missed.value)
    assert (missed.at, missed.quality, missed.problem) == (None, Quality.NONE, "gone")


def test_age_counts_from_the_last_good_reading_not_from_the_last_change() -> None:
    track = Track("T", Limits())
    for at in range(100):
        track.take(20.0, float(at))
    assert track.now.age_s(99.5) == 0.5
    track.miss("gone")
    assert (track.now.value, track.now.quality, track.now.age_s(109.0)) == (20.0, Quality.FAILED, 10.0)


def test_what_is_outside_the_limits_is_doubted_and_the_last_good_value_stays() -> None:
    track = Track("T", Limits(-10.0, 60.0))
    track.take(20.0, 1.0)
    for wrong in (-10.1, 60.1, math.nan, math.inf):
        doubted = track.take(wrong, 2.0)
        assert (doubted.value, doubted.at, doubted.quality) == (20.0, 1.0, Quality.DOUBTFUL)
        assert "outside -10 to 60" in doubted.problem
    assert track.take(60.0, 3.0).quality is Quality.GOOD


def test_a_jump_is_believed_once_the_next_reading_confirms_it() -> None:
    track = Track("T", Limits(step=2.0))
    track.take(20.0, 1.0)
    assert track.take(40.0, 2.0).quality is Quality.DOUBTFUL
    assert track.take(41.0, 3.0) == Measured(41.0, 3.0, Quality.GOOD, "")


def test_jumps_that_contradict_each_other_are_never_believed() -> None:
    """Software chip-select on a Pi 5 gives 988 and -242 degC at random."""
    track = Track("T", Limits(step=2.0))
    track.take(20.0, 1.0)
    for at, wrong in enumerate((40.0, -30.0, 55.0, 0.0), start=2):
        assert track.take(wrong, float(at)).value == 20.0
    assert track.take(20.5, 9.0).quality is Quality.GOOD


def test_a_slow_drift_is_no_jump() -> None:
    track = Track("T", Limits(step=2.0))
    for at in range(50):
        assert track.take(20.0 + 1.9 * at, float(at)).quality is Quality.GOOD
