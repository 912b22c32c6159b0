"""When an interlock trips, releases, is bypassed: rows and samples in, states and reasons out."""

import enum
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iocs.common.interlock import core
from iocs.common.interlock.core import GRACE_S, Bank, Change, Event, Sample
from iocs.common.interlock.rules import Condition, Op, Origin, Row, condition


class Action(enum.Enum):
    STOP = "stop"


PRESSURE = Row(
    "Pressure", Origin.QUANTITY, "pressure", condition("at most 5"), Action.STOP, "Close it.", unit="Pa"
)
DOOR = replace(PRESSURE, name="Door", source="door", condition=condition("is Closed"), unit="")
GOOD = Sample(0.0, 1.0, "Closed")


def pressure(value: float, at: float = 0.0) -> Sample:
    return Sample(at, value, f"{value:g}")


class Play:
    """Rows, and what happens to them as time goes by."""

    def __init__(self, *rows: Row, start: float = 0.0) -> None:
        self.rows = rows
        self.bank = core.begin(rows, start)
        self.events: list[Event] = []

    def see(self, now: float, *samples: Sample) -> list[str]:
        """One step; what happened, as `change reason`."""
        fresh = [replace(sample, at=now) if sample.at == 0.0 else sample for sample in samples]
        self.bank, events = core.step(self.rows, self.bank, fresh, now)
        self.events += events
        return [f"{event.change.value} {event.reason}" for event in events]

    def tripped(self) -> list[str]:
        return [row.name for row, state in zip(self.rows, self.bank.states, strict=True) if state.acting]


# Conditions


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("at most 5", [5, -1e9], [5.001, 1e9]),
        ("<= 5", [5], [5.001]),
        ("below 5", [4.999], [5]),
        ("<5", [4.999], [5]),
        ("at least -2.5", [-2.5, 0], [-2.6]),
        (">= 1e-3", [0.001], [0.0009]),
        ("above 0", [1e-9], [0, -1]),
        ("> .5", [0.6], [0.5]),
        ("in 1 to 5", [1, 3, 5], [0.99, 5.01]),
        ("in range 1 .. 5", [1, 5], [0.99, 5.01]),
    ],
)
def test_a_condition_on_numbers(text: str, good: list[float], bad: list[float]) -> None:
    wanted = condition(text)
    assert [value for value in good if not wanted.holds(value, "")] == []
    assert [value for value in bad if wanted.holds(value, "")] == []
    assert condition(wanted.text()) == wanted
    assert not wanted.holds(math.nan, "")


@pytest.mark.parametrize(
    ("text", "number", "word", "holds"),
    [
        ("is Closed", 1.0, "Closed", True),
        ("is Closed", 0.0, "Open", False),
        ("is Closed", 1.0, "closed", False),
        ("is not Open", 1.0, "Closed", True),
        ("is not Open", 0.0, "Open", False),
        ("is 1", 1.0, "Closed", True),
        ("is 1", 0.0, "Open", False),
        ("is Not connected", 0.0, "Not connected", True),
    ],
)
def test_a_condition_on_words(text: str, number: float, word: str, holds: bool) -> None:
    assert condition(text).holds(number, word) is holds


def test_what_is_demanded_in_words() -> None:
    texts = ("is Closed", "is not Open", "in 1 to 5", "below 5")
    assert [condition(text).demand("V") for text in texts] == [
        "must be Closed", "must not be Open", "must be in 1 to 5 V", "must be < 5 V",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "5", "=> 5", "at most five", "in 5 to 1", "in 1", "is", "x > 5", "at most 5 Pa"]
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected 'at most 5'|upside down"):
        condition(text)


def test_limits_can_be_replaced() -> None:
    assert condition("at least 5").with_limits(3) == condition("at least 3")
    assert condition("below 5").with_limits(3) == condition("below 3")
    assert condition("in 1 to 5").with_limits(4, 2) == Condition(Op.WITHIN, 2, 4)


# Delay, latch, hysteresis


def test_it_trips_after_its_delay_and_says_what_was_wrong() -> None:
    play = Play(replace(PRESSURE, delay_s=2.0))
    assert play.see(0, pressure(1)) == []
    assert play.see(10, pressure(9)) == []
    assert play.bank.states[0].blocking
    assert play.see(11.9, pressure(8)) == []
    assert play.see(12.0, pressure(7)) == ["tripped Pressure: 7 Pa, must be <= 5 Pa"]


def test_a_short_violation_starts_the_delay_anew() -> None:
    play = Play(replace(PRESSURE, delay_s=2.0))
    for now, value in ((0, 1), (10, 9), (11, 1), (11.5, 9), (13, 9)):
        assert play.see(now, pressure(value)) == []
    assert play.see(13.5, pressure(9)) != []


def test_a_latched_one_stays_until_it_is_reset_and_cannot_be_reset_while_it_is_wrong() -> None:
    play = Play(PRESSURE)
    play.see(0, pressure(1))
    play.see(1, pressure(9))
    assert core.reset(play.bank, 0)[1] == "Pressure: 9 Pa, must be <= 5 Pa"
    assert play.see(2, pressure(1)) == []
    assert (play.tripped(), play.bank.states[0].ok) == (["Pressure"], True)
    assert play.bank.states[0].cause == "Pressure: 9 Pa, must be <= 5 Pa"
    play.bank, refusal = core.reset(play.bank, 0)
    assert (refusal, play.tripped()) == ("", [])
    assert play.see(3, pressure(1)) == []


def test_one_without_latch_clears_by_itself() -> None:
    play = Play(replace(PRESSURE, latch=False))
    play.see(0, pressure(1))
    assert len(play.see(1, pressure(9))) == 1
    assert play.see(2, pressure(5)) == ["cleared Pressure: <= 5 Pa again"]
    assert play.tripped() == []


def test_hysteresis_keeps_it_from_chattering() -> None:
    play = Play(replace(PRESSURE, latch=False, hysteresis=0.5))
    assert play.see(0, pressure(4.9)) == []
    assert len(play.see(1, pressure(5.1))) == 1
    assert play.see(2, pressure(4.9)) == []
    assert play.bank.states[0].why == "Pressure: 4.9 Pa, must be <= 5 Pa (by 0.5)"
    assert play.see(3, pressure(4.5)) == ["cleared Pressure: <= 5 Pa again"]
    assert play.see(4, pressure(4.9)) == []


# An input that is not there


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (Sample(1.0, problem="LAB:VAC:P1 is disconnected"), "LAB:VAC:P1 is disconnected"),
        (Sample(1.0, math.nan, ""), "pressure is not a number"),
        (Sample(-29.0, 1.0, "1"), "pressure is stale, 30.0 s old"),
    ],
)
def test_an_input_that_is_not_there_counts_as_wrong(sample: Sample, reason: str) -> None:
    play = Play(replace(PRESSURE, stale_s=10.0))
    play.see(0, pressure(1))
    assert play.see(1, sample) == [f"tripped Pressure: {reason}"]


def test_after_the_start_an_input_may_take_a_moment_to_appear() -> None:
    play = Play(PRESSURE)
    missing = Sample(problem="not connected yet")
    assert play.see(0, missing) == play.see(GRACE_S - 0.1, missing) == []
    assert play.bank.states[0].blocking
    assert play.see(GRACE_S, missing) == ["tripped Pressure: not connected yet"]


def test_the_grace_is_over_with_the_first_good_input() -> None:
    play = Play(PRESSURE)
    play.see(0.1, pressure(1))
    assert len(play.see(0.2, Sample(problem="gone"))) == 1


# First out


def test_the_one_that_fell_due_first_is_the_first_out() -> None:
    play = Play(replace(PRESSURE, delay_s=1.0), DOOR)
    play.see(0, pressure(1), GOOD)
    play.see(9, pressure(9), GOOD)
    names = [
        event.row.name
        for event in core.step(play.rows, play.bank, [pressure(9), Sample(20, 0, "Open")], 20)[1]
    ]
    assert names == ["Pressure", "Door"]
    play.see(20, pressure(9), Sample(20, 0, "Open"))
    assert play.bank.first_out == "Pressure"


def test_the_first_out_stays_until_another_is_first() -> None:
    play = Play(PRESSURE, DOOR)
    play.see(0, pressure(1), GOOD)
    play.see(1, pressure(1), Sample(1, 0, "Open"))
    play.see(2, pressure(9), Sample(2, 0, "Open"))
    assert play.bank.first_out == "Door"
    play.see(3, pressure(1), GOOD)
    for index in range(2):
        play.bank, _ = core.reset(play.bank, index)
    assert play.bank.first_out == "Door"
    play.see(4, pressure(9), GOOD)
    assert play.bank.first_out == "Pressure"


# Bypass


def test_a_bypassed_one_does_not_act_and_its_bypass_ends_by_itself() -> None:
    play = Play(PRESSURE)
    play.see(0, pressure(1))
    play.bank = core.bypass(play.bank, 0, until=60.0)
    assert play.see(10, pressure(9)) == []
    assert (play.bank.states[0].ok, play.bank.states[0].blocking, play.tripped()) == (False, False, [])
    assert play.see(59.9, pressure(9)) == []
    assert play.see(60.0, pressure(9)) == [
        "tripped Pressure: 9 Pa, must be <= 5 Pa",
        "bypass over Pressure: the bypass has ended",
    ]


def test_a_tripped_one_can_be_bypassed_and_acts_again_when_that_is_over() -> None:
    play = Play(PRESSURE)
    play.see(0, pressure(1))
    play.see(1, pressure(9))
    play.bank = core.bypass(play.bank, 0, until=60.0)
    assert play.see(2, pressure(1)) == []
    assert (play.tripped(), play.bank.states[0].tripped) == ([], True)
    play.bank = core.bypass(play.bank, 0, until=3.0)
    assert play.see(3, pressure(1))[0] == "tripped Pressure: 9 Pa, must be <= 5 Pa"


def test_a_bypassed_one_can_be_reset_while_it_is_wrong_and_trips_anew() -> None:
    play = Play(PRESSURE)
    play.see(0, pressure(1))
    play.see(1, pressure(9))
    play.bank = core.bypass(play.bank, 0, until=60.0)
    play.bank, refusal = core.reset(play.bank, 0)
    assert (refusal, play.bank.states[0].tripped) == ("", False)
    assert play.see(60, pressure(8))[0] == "tripped Pressure: 8 Pa, must be <= 5 Pa"


# Restart


def test_a_latched_trip_outlives_a_restart_without_acting_again() -> None:
    play = Play(PRESSURE)
    play.bank = core.remember_first(core.latched(play.bank, 0, "Pressure: 9 Pa"), "Pressure")
    assert play.see(0, pressure(1)) == []
    assert (play.tripped(), play.bank.states[0].cause, play.bank.first_out) == (
        ["Pressure"],
        "Pressure: 9 Pa",
        "Pressure",
    )


# Whatever happens

step_kinds = st.sampled_from(["good", "bad", "missing", "stale", "reset", "bypass", "end"])


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.tuples(step_kinds, st.floats(0.01, 4.0)), max_size=40), st.booleans(), st.floats(0, 3))
def test_invariants(steps: list[tuple[str, float]], latch: bool, delay_s: float) -> None:
    """A latched trip ends by a reset only; what is wrong longer than its delay acts unless bypassed."""
    play = Play(replace(PRESSURE, latch=latch, delay_s=delay_s, stale_s=1.0))
    play.see(0.0, pressure(1))
    now, wrong_since = 0.0, math.inf
    for kind, pause in steps:
        now += pause
        before = play.bank.states[0]
        if kind == "reset":
            play.bank, _ = core.reset(play.bank, 0)
            continue
        if kind in ("bypass", "end"):
            play.bank = core.bypass(play.bank, 0, now + 5.0 if kind == "bypass" else now)
            continue
        sample = {
            "good": Sample(now, 1.0), "bad": Sample(now, 9.0), "missing": Sample(now, problem="gone"),
            "stale": Sample(now - 1.5, 1.0),
        }[kind]  # fmt: skip
        happened = play.see(now, sample)
        state = play.bank.states[0]
        wrong_since = math.inf if kind == "good" else min(wrong_since, now)
        assert state.ok is (kind == "good")
        if latch and before.tripped:
            assert state.tripped
        if now - wrong_since >= delay_s:
            assert state.acting or state.bypassed
        if state.acting and not before.acting:
            assert happened[0].startswith("tripped")


def test_a_row_says_what_it_does() -> None:
    assert replace(PRESSURE, delay_s=2).does == "stop after 2 s, until Reset"
    assert replace(PRESSURE, latch=False).does == "stop, while it lasts"


def test_events_know_their_kind() -> None:
    play = Play(PRESSURE)
    play.see(0, pressure(1))
    play.see(1, pressure(9))
    assert [event.change for event in play.events] == [Change.TRIPPED]
    assert Bank().acting is False
