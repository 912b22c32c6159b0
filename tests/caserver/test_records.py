"""Records without a network: what is stored, what is refused, and when an event is worth sending."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from iocs.caserver import (
    AlarmSeverity,
    AlarmStatus,
    Analog,
    Characters,
    Choice,
    Flag,
    Integer,
    Integers,
    Record,
    Text,
    Texts,
    Waveform,
)
from iocs.caserver.dbr import EPICS_EPOCH, Mask

MAJOR, INVALID = AlarmSeverity.MAJOR, AlarmSeverity.INVALID


class Listener:
    """Counts events of one mask."""

    def __init__(self, record: Record[Any], mask: int) -> None:
        self.mask = mask
        self.count = 0
        record.watch(self)

    def changed(self) -> None:
        self.count += 1


def listeners(record: Record[Any]) -> dict[str, Listener]:
    return {m.name: Listener(record, m) for m in Mask if m.name}


def counts(found: dict[str, Listener]) -> dict[str, int]:
    return {name: one.count for name, one in found.items() if one.count}


def test_a_record_is_undefined_until_its_first_value() -> None:
    record = Analog("X", desc="x")
    assert (record.status, record.severity, record.updated) == (AlarmStatus.UDF, INVALID, False)
    assert record.timestamp == EPICS_EPOCH
    record.set_ok(1.5, timestamp=EPICS_EPOCH + 10)
    assert (record.value, record.severity, record.updated) == (1.5, 0, True)
    assert record.timestamp == EPICS_EPOCH + 10


def test_a_lost_source_keeps_the_value_and_moves_the_time_stamp() -> None:
    record = Analog("X")
    record.set_ok(5.0, timestamp=1e9)
    seen = listeners(record)
    for second in range(3):
        record.set_invalid(timestamp=1e9 + second + 1)
    assert (record.value, record.status, record.severity) == (5.0, AlarmStatus.COMM, INVALID)
    assert record.timestamp == 1e9 + 3
    assert counts(seen) == {"ALARM": 1}
    record.set_ok(5.0, timestamp=1e9 + 4)
    assert record.severity == 0
    assert counts(seen) == {"ALARM": 2}


def test_an_alarm_of_the_source_is_merged_by_severity() -> None:
    record = Analog("X", high=10)
    record.set_ok(11, alarm=(AlarmStatus.HWLIMIT, MAJOR))
    assert record.alarm == (AlarmStatus.HWLIMIT, MAJOR)
    record.set_ok(11)
    assert record.alarm == (AlarmStatus.HIGH, AlarmSeverity.MINOR)
    record.set_alarm(AlarmStatus.STATE, MAJOR)
    record.reconfigure(high=20)
    assert record.alarm == (AlarmStatus.STATE, MAJOR)


def test_deadbands_apply_to_their_own_kind_of_event() -> None:
    record = Analog("X", mdel=2, adel=5, heartbeat_s=1e12)
    record.set_ok(0)
    seen = listeners(record)
    for value in range(1, 11):
        record.set_ok(value)
    assert counts(seen) == {"VALUE": 3, "LOG": 1}


def test_an_unchanged_value_is_published_by_the_heartbeat_only() -> None:
    record = Analog("X", heartbeat_s=60)
    record.set_ok(1, timestamp=1e9)
    seen = listeners(record)
    for second in range(1, 130):
        record.set_ok(1, timestamp=1e9 + second)
    assert counts(seen) == {"VALUE": 2, "LOG": 2}


def test_the_limits_of_a_quiet_record_stay_and_are_not_judged() -> None:
    record = Analog("X", desc="x", low=18000.0, high=22000.0)
    record.quiet = True
    record.set_ok(0.0)
    assert (record.severity, record.limits.low) == (AlarmSeverity.NO_ALARM, 18000.0)
    record.set_ok(math.nan)
    assert record.severity is INVALID
    record.quiet = False
    record.set_ok(0.0)
    assert record.status is AlarmStatus.LOW


def test_limits_are_live() -> None:
    record = Analog("X")
    record.set_ok(50)
    seen = listeners(record)
    record.reconfigure(hihi=40)
    assert record.alarm == (AlarmStatus.HIHI, MAJOR)
    record.reconfigure(hihi=math.nan)
    assert record.severity == 0
    assert counts(seen) == {"ALARM": 2, "PROPERTY": 2}
    record.reconfigure(hihi=math.nan)
    assert counts(seen)["PROPERTY"] == 2


@pytest.mark.parametrize(
    ("record", "value", "error"),
    [
        (lambda: Analog("X"), "abc", TypeError),
        (lambda: Analog("X"), None, TypeError),
        (lambda: Analog("X"), b"1", TypeError),
        (lambda: Analog("X"), True, TypeError),
        (lambda: Integer("X"), 2**31, ValueError),
        (lambda: Integer("X"), math.nan, ValueError),
        (lambda: Integer("X"), "1", TypeError),
        (lambda: Choice("X", ["A", "B"]), 2, ValueError),
        (lambda: Choice("X", ["A", "B"]), -1, ValueError),
        (lambda: Choice("X", ["A", "B"]), "C", ValueError),
        (lambda: Choice("X", ["A", "B"]), 0.5, TypeError),
        (lambda: Text("X"), 5, TypeError),
        (lambda: Waveform("X", 2), [1, 2, 3], ValueError),
        (lambda: Waveform("X", 2), ["a"], TypeError),
        (lambda: Waveform("X", 9), [[1], [2]], ValueError),
        (lambda: Integers("X", 2), [1, 2, 3], ValueError),
        (lambda: Integers("X", 2), [2**31], ValueError),
        (lambda: Integers("X", 2), [math.nan], ValueError),
        (lambda: Integers("X", 2), ["1"], TypeError),
        (lambda: Texts("X", 2), ["a", "b", "c"], ValueError),
        (lambda: Texts("X", 2), "ab", TypeError),
        (lambda: Texts("X", 2), ["a", 1], TypeError),
        (lambda: Characters("X", 9), b"bytes", TypeError),
    ],
)
def test_what_a_record_cannot_hold_is_refused_before_anything_is_stored(
    record: Callable[[], Record[Any]], value: Any, error: type[Exception]
) -> None:
    made = record()
    before = made.value
    with pytest.raises(error):
        made.set_ok(value)
    assert not made.updated
    assert np.array_equal(made.value, before, equal_nan=isinstance(made, Waveform))


def test_states_go_by_name_or_index() -> None:
    record = Choice("X", ["Auto", "Manual"], severities=[AlarmSeverity.NO_ALARM, MAJOR])
    record.set_ok("Manual")
    assert (record.value, record.label, record.severity) == (1, "Manual", MAJOR)
    record.set_state_severity(1, AlarmSeverity.NO_ALARM)
    assert record.severity == 0
    record.rename_state(1, "Hand")
    assert record.label == "Hand"


@pytest.mark.parametrize("states", [[], ["A", "A"], [""], ["x" * 26], [str(i) for i in range(17)]], ids=str)
def test_impossible_states_are_refused_at_definition(states: list[str]) -> None:
    with pytest.raises(ValueError, match="X: "):
        Choice("X", states)


def test_a_flag_has_two_states() -> None:
    with pytest.raises(ValueError, match="two states"):
        Flag("X", ["A", "B", "C"])


def test_text_of_our_own_is_cut_between_characters() -> None:
    record = Text("X")
    record.set_ok("ä" * 30)
    assert record.value == "ä" * 19
    assert record.record_type == "stringin"
    assert Text("X", max_length=100, writable=True).record_type == "lso"


def test_a_waveform_is_always_full_length_and_knows_what_is_used() -> None:
    record = Waveform("X", 5)
    record.set_ok([1, 2])
    seen = listeners(record)
    record.set_ok(np.array([1, 2]))
    assert record.used == 2
    assert len(record.value) == 5
    assert np.isnan(record.value[2:]).all()
    assert not counts(seen)


@pytest.mark.parametrize(
    ("record", "given", "kept"),
    [
        (Integers("X", 5), [1, -2.0], [1, -2]),
        (Texts("X", 5), ["a" * 60, "ä" * 30], ("a" * 39, "ä" * 19)),
        (Characters("X", 5), "häßlich", "häß"),
    ],
)
def test_arrays_of_other_types_keep_what_they_were_given(record: Any, given: Any, kept: Any) -> None:
    record.set_ok(given)
    seen = listeners(record)
    record.set_ok(given)
    assert not counts(seen)
    assert np.array_equal(record.value, kept)
    assert record.used == (5 if isinstance(record, Characters) else 2)
    assert record.image(int(record.native), 0, False).elements == 5
    record.set_ok(given[:1])
    assert counts(seen) == {"VALUE": 1, "LOG": 1}


def test_nan_of_the_source_is_undefined_not_an_error() -> None:
    record = Analog("X", low=0)
    record.set_ok(math.nan)
    assert record.alarm == (AlarmStatus.UDF, INVALID)


def test_a_long_description_is_refused() -> None:
    with pytest.raises(ValueError, match="DESC has 41"):
        Analog("X", desc="x" * 41)


def test_a_field_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        Analog("X").get_field("NOPE")
