"""The alarm engine against the rules of EPICS base."""

import math

from hypothesis import given
from hypothesis import strategies as st

from iocs.caserver.alarms import (
    FINE,
    UNDEFINED,
    Alarm,
    AlarmSeverity,
    AlarmStatus,
    Limits,
    StateAlarms,
    changed_beyond,
    worse,
)

MINOR, MAJOR, NONE = AlarmSeverity.MINOR, AlarmSeverity.MAJOR, AlarmSeverity.NO_ALARM


def limits(**more: float) -> Limits:
    return Limits(90, 80, 20, 10, MAJOR, MINOR, MINOR, MAJOR, **more)


def test_each_limit_has_its_alarm_and_is_included() -> None:
    judge = limits().judge
    assert judge(90) == (AlarmStatus.HIHI, MAJOR)
    assert judge(80) == (AlarmStatus.HIGH, MINOR)
    assert judge(50) == FINE
    assert judge(20) == (AlarmStatus.LOW, MINOR)
    assert judge(10) == (AlarmStatus.LOLO, MAJOR)


def test_an_unset_limit_never_alarms() -> None:
    only_high = Limits(high=80, hsv=MINOR)
    assert only_high.judge(-1e300) == FINE
    assert only_high.judge(0) == FINE
    assert Limits(high=80).judge(100) == FINE


def test_nan_is_undefined_and_infinity_is_high() -> None:
    assert limits().judge(math.nan) == UNDEFINED
    assert limits().judge(math.inf).status is AlarmStatus.HIHI


def test_hysteresis_holds_an_alarm_until_the_value_is_clearly_back() -> None:
    judge = limits(hyst=3).judge
    assert [judge(v).status.name for v in (80, 78, 77, 76, 78)] == [
        "HIGH",
        "HIGH",
        "HIGH",
        "NO_ALARM",
        "NO_ALARM",
    ]
    assert [judge(v).status.name for v in (20, 23, 24)] == ["LOW", "LOW", "NO_ALARM"]


def test_the_graver_alarm_wins_and_the_first_of_equals() -> None:
    minor, major = Alarm(AlarmStatus.HIGH, MINOR), Alarm(AlarmStatus.COMM, MAJOR)
    assert worse(minor, major) == worse(major, minor) == major
    assert worse(major, Alarm(AlarmStatus.HIHI, MAJOR)) == major


def test_states_have_severities_and_a_change_can_alarm() -> None:
    alarms = StateAlarms([NONE, MAJOR], cosv=MINOR)
    assert alarms.judge(0) == FINE
    assert alarms.judge(1) == (AlarmStatus.STATE, MAJOR)
    assert alarms.judge(0) == (AlarmStatus.COS, MINOR)
    assert alarms.judge(0) == FINE
    assert StateAlarms([], unsv=MAJOR).judge(3) == (AlarmStatus.STATE, MAJOR)


@given(st.floats(), st.floats(allow_nan=False, min_value=0))
def test_no_change_is_never_beyond_a_deadband(value: float, deadband: float) -> None:
    assert not changed_beyond(value, value, deadband)


def test_a_change_of_finiteness_always_counts() -> None:
    assert changed_beyond(1.0, math.nan, 1e9)
    assert changed_beyond(math.nan, 1.0, 1e9)
    assert changed_beyond(1.0, math.inf, 1e9)
    assert not changed_beyond(1.0, 6.0, 5.0)
