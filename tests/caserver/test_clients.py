"""What libca clients see: values, types, fields, alarms, masks and access."""

import math

import pytest

from tests.caserver.conftest import Served
from tests.support.ca import Refused
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(60)
INVALID, UDF, COMM, HIHI, HIGH = 3, 17, 9, 3, 4


def shut(bench: Served, closed: int) -> None:
    bench.ca.put(bench("Shut"), closed)


# -- alarms --------------------------------------------------------------------------------------


def test_alarm_life_cycle_of_one_pv_leaves_the_others_alone(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("DrivePlain"), 1.0)
    ca.put(bench("Drive"), 50.0)
    flow = ca.monitor(bench("Flow"))
    for value, severity, status in ((85, 1, HIGH), (95, 2, HIHI), (50, 0, 0)):
        ca.put(bench("Drive"), float(value))
        seen = flow.wait_for(lambda e, v=value: e.value == v)
        assert (seen.severity, seen.status) == (severity, status)
        assert ca.read(bench("Plain")).severity == 0


def test_a_lost_instrument_marks_what_it_feeds_and_clears_by_itself(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("Drive"), 42.0)
    ca.put(bench("DrivePlain"), 4.2)
    before = ca.read(bench("Flow"))
    ca.put(bench("Lose"), "COMM")
    for name, value in (("Flow", 42.0), ("Plain", 4.2)):
        lost = ca.read(bench(name))
        assert (lost.value, lost.severity, lost.status) == (value, INVALID, COMM)
        assert lost.timestamp > before.timestamp
    assert ca.read(bench("Setpoint")).severity == 0
    ca.put(bench("Drive"), 42.0)
    assert ca.read(bench("Flow")).severity == 0


def test_limits_and_severities_written_by_a_client_act_at_once(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("Drive"), 50.0)
    flow = ca.monitor(bench("Flow"), mask="A")
    ca.put(bench("Flow.HIHI"), 45.0)
    assert flow.wait_for(lambda e: e.severity == 2).status == HIHI
    ca.put(bench("Flow.HHSV"), "MINOR")
    flow.wait_for(lambda e: e.severity == 1)
    ca.put(bench("Flow.HHSV"), "NO_ALARM")
    flow.wait_for(lambda e: e.severity == 0, after=3)
    assert math.isnan(ca.ctrl(bench("Flow"))["upper_alarm_limit"])
    ca.put(bench("Flow.HIHI"), 90.0)
    ca.put(bench("Flow.HHSV"), "MAJOR")
    assert ca.ctrl(bench("Flow"))["upper_alarm_limit"] == 90.0


def test_hysteresis_over_the_network(bench: Served) -> None:
    ca = bench.ca
    expected = {81: 1, 79: 1, 78: 1, 77: 0, 79.5: 0}
    for value, severity in expected.items():
        ca.put(bench("Drive"), value)
        assert (value, ca.read(bench("Flow")).severity) == (value, severity)


def test_state_alarms(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("Mode"), "Fault")
    assert ca.read(bench("Mode")).severity == 2
    ca.put(bench("Mode"), 0)
    assert ca.read(bench("Mode")).severity == 0
    ca.put(bench("Mode.ZRSV"), "MINOR")
    assert ca.read(bench("Mode")).severity == 1
    ca.put(bench("Mode.ZRSV"), "NO_ALARM")
    assert ca.get(bench("Lamp.OSV"), as_string=True) == "MINOR"


# -- puts ----------------------------------------------------------------------------------------


def test_a_put_callback_ends_when_the_putter_has_ended(bench: Served) -> None:
    done = bench.ca.start_put(bench("Setpoint"), 2.0)
    assert bench.ca.get(bench("Setpoint")) == 1.0
    done.result(10)
    assert bench.ca.get(bench("Setpoint")) == 2.0
    bench.ca.put(bench("Setpoint"), 1.0)


def test_a_putter_may_store_another_value(bench: Served) -> None:
    bench.ca.put(bench("Setpoint"), 3.0)
    assert bench.ca.get(bench("Setpoint")) == 3.5
    bench.ca.put(bench("Setpoint"), 1.0)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (7.0, "seven is not allowed"),
        (8.0, "a bug"),
        (12.0, "12 above DRVH 10 ln/min"),
        (-1.0, "-1 below DRVL 0 ln/min"),
        (math.nan, "nan is not a finite number"),
        (math.inf, "inf is not a finite number"),
        ("lots", "'lots' is not a number"),
    ],
)
def test_a_refused_put_fails_leaves_everything_and_says_why(
    bench: Served, value: float | str, reason: str
) -> None:
    ca = bench.ca
    before = ca.read(bench("Setpoint"))
    with pytest.raises(Refused):
        ca.put(bench("Setpoint"), value)
    assert ca.read(bench("Setpoint")) == before
    assert ca.get(bench("Reason.VAL$"), as_string=True) == reason


def test_puts_are_carried_out_one_by_one_and_waiting_plain_ones_coalesce(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("Setpoint"), 1.0)
    seen = len(ca.get(bench("Log.VAL$"), as_string=True))
    first = ca.start_put(bench("Setpoint"), 4.0)
    wait_until(lambda: ca.get(bench("Log.VAL$"), as_string=True)[seen:] == "4;")
    for value in (5.0, 5.5, 6.0):
        ca.put(bench("Setpoint"), value, wait=False)
    last = ca.start_put(bench("Setpoint"), 9.0)
    for done in (first, last):
        done.result(10)
    assert ca.get(bench("Log.VAL$"), as_string=True)[seen:] == "4;6;9;"
    assert ca.get(bench("Setpoint")) == 9.0
    ca.put(bench("Setpoint"), 1.0)


@pytest.mark.parametrize("value", [5, 3, 65535, "Nowhere", "7"])
def test_an_enum_out_of_range_is_refused_and_stays_readable(bench: Served, value: int | str) -> None:
    with pytest.raises(Refused):
        bench.ca.put(bench("Mode"), value)
    assert bench.ca.get(bench("Mode"), as_string=True) == "Auto"


def test_states_are_taken_by_name_by_number_and_by_number_in_text(bench: Served) -> None:
    for value, label in (("Manual", "Manual"), (0, "Auto"), ("1", "Manual"), ("Auto", "Auto")):
        bench.ca.put(bench("Mode"), value)
        assert bench.ca.get(bench("Mode"), as_string=True) == label


@pytest.mark.parametrize("value", ["99999999999", "-2147483649", "nan", "1e12", "many"])
def test_an_integer_that_does_not_fit_is_refused(bench: Served, value: str) -> None:
    with pytest.raises(Refused):
        bench.ca.put(bench("Number"), value)
    assert bench.ca.get(bench("Number")) == 3


def test_a_setpoint_that_clips_clips(bench: Served) -> None:
    bench.ca.put(bench("Clipped"), 99.0)
    assert bench.ca.get(bench("Clipped")) == 10.0


def test_a_command_falls_back_and_a_zero_does_nothing(bench: Served) -> None:
    ca = bench.ca
    button = ca.monitor(bench("Go"))
    before = ca.get(bench("Log.VAL$"), as_string=True)
    ca.put(bench("Go"), 0)
    ca.put(bench("Go"), 1)
    assert [e.value for e in button.wait_count(3)] == [0, 1, 0]
    assert ca.get(bench("Log.VAL$"), as_string=True) == before + "go;"


def test_disp_locks_clients_out(bench: Served) -> None:
    bench.ca.put(bench("Free.DISP"), 1)
    with pytest.raises(Refused):
        bench.ca.put(bench("Free"), 1.0)
    bench.ca.put(bench("Free.DISP"), 0)
    bench.ca.put(bench("Free"), 0.0)


def test_a_readback_has_no_write_access_but_its_limits_do(bench: Served) -> None:
    assert not bench.ca.info(bench("Flow"))["write"]
    assert bench.ca.info(bench("Flow.HIGH"))["write"]
    assert not bench.ca.info(bench("Flow.STAT"))["write"]
    assert not bench.ca.info(bench("Flow.SCAN"))["write"]


def test_access_rights_are_pushed_when_the_rules_change(bench: Served) -> None:
    ca = bench.ca
    assert ca.info(bench("Guarded"))["write"]
    shut(bench, 1)
    wait_until(lambda: not ca.info(bench("Guarded"))["write"])
    with pytest.raises(Refused):
        ca.put(bench("Guarded"), 1.0)
    shut(bench, 0)
    wait_until(lambda: ca.info(bench("Guarded"))["write"])
    ca.put(bench("Guarded"), 1.0)


# -- types ---------------------------------------------------------------------------------------


def test_text_honours_precision(bench: Served) -> None:
    bench.ca.put(bench("Drive"), 50.0)
    assert bench.ca.get(bench("Flow"), as_string=True) == "50.00"


def test_a_long_text_is_whole_under_dollar_and_padded(bench: Served) -> None:
    ca, words = bench.ca, "long-story;" * 15
    info = ca.info(bench("Essay.VAL$"))
    assert (info["type"].lower().endswith("char"), info["count"]) == (True, 201)
    ca.put(bench("Essay.VAL$"), words)
    assert ca.get(bench("Essay.VAL$"), as_string=True) == words
    assert ca.get(bench("Essay.$"), as_string=True) == words
    assert ca.get(bench("Essay")) == words[:39]
    assert len(ca.read(bench("Essay.VAL$"), form="native").value) == 201
    with pytest.raises(Refused):
        ca.put(bench("Essay.VAL$"), "x" * 201)


def test_short_text(bench: Served) -> None:
    bench.ca.put(bench("Note"), "bonjour à tous")
    assert bench.ca.get(bench("Note")) == "bonjour à tous"
    with pytest.raises(Refused):
        bench.ca.put(bench("Note.VAL$"), "x" * 40)


def test_a_number_in_text_for_a_number(bench: Served) -> None:
    bench.ca.put(bench("Free"), "1.25e1")
    assert bench.ca.get(bench("Free")) == 12.5


def test_a_counter_beyond_32_bit(bench: Served) -> None:
    assert bench.ca.get(bench("Count")) == 5e9


def test_an_array_is_padded_and_counted(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("Wave"), [1.0, 2.0, 3.0])
    values = ca.get(bench("Wave"))
    assert values[:3] == [1.0, 2.0, 3.0]
    assert len(values) == 8
    assert all(math.isnan(v) for v in values[3:])
    assert (ca.get(bench("Wave.NORD")), ca.get(bench("Wave.NELM"))) == (3, 8)
    assert ca.get(bench("Wave"), count=2) == [1.0, 2.0]
    assert ca.get(bench('Wave.{"arr":{"s":1,"e":2}}')) == [2.0, 3.0]


# -- metadata and fields -------------------------------------------------------------------------


def test_metadata_follows_the_fields(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("Plain.PREC"), 4)
    ca.put(bench("Plain.EGU"), "mV")
    ca.put(bench("Plain.HOPR"), 7.0)
    seen = ca.ctrl(bench("Plain"))
    assert (seen["precision"], seen["units"], seen["upper_disp_limit"]) == (4, "mV", 7.0)
    ca.put(bench("Plain.HOPR"), 0.0)


def test_display_limits_do_not_refuse_and_control_limits_follow_drive(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("Free.HOPR"), 4.0)
    ca.put(bench("Free"), 40.0)
    assert ca.get(bench("Free")) == 40.0
    limits = ca.ctrl(bench("Setpoint"))
    assert (limits["upper_ctrl_limit"], limits["lower_ctrl_limit"]) == (10.0, 0.0)
    ca.put(bench("Free"), 0.0)


def test_a_new_capacity_reaches_clients_as_property(bench: Served) -> None:
    ca = bench.ca
    seen = ca.monitor(bench("Setpoint"), mask="P", form="ctrl")
    ca.put(bench("Capacity"), 20.0)
    event = seen.wait_for(lambda e: e.more.get("upper_ctrl_limit") == 20.0)
    assert event.more["units"] == "g/h"
    assert ca.get(bench("Setpoint.DRVH")) == 20.0
    ca.put(bench("Setpoint"), 15.0)
    ca.put(bench("Setpoint"), 1.0)
    ca.put(bench("Capacity"), 10.0)
    ca.put(bench("Setpoint.EGU"), "ln/min")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Flow.RTYP", "ai"),
        ("Setpoint.RTYP", "ao"),
        ("Number.RTYP", "longout"),
        ("Mode.RTYP", "mbbo"),
        ("Lamp.RTYP", "bo"),
        ("Note.RTYP", "stringout"),
        ("Essay.RTYP", "lso"),
        ("Wave.RTYP", "waveform"),
        ("Flow.DESC", "Measured flow"),
        ("Flow.EGU", "ln/min"),
        ("Flow.SCAN", "I/O Intr"),
        ("Mode.ONST", "Manual"),
        ("Mode.FFST", ""),
        ("Lamp.ONAM", "Bright"),
        ("Flow.ASG", "DEFAULT"),
        ("Wave.FTVL", "DOUBLE"),
        ("Flow.HHSV", "MAJOR"),
        ("Plain.HHSV", "NO_ALARM"),
    ],
)
def test_fields_tell_the_truth(bench: Served, field: str, value: str) -> None:
    assert bench.ca.get(bench(field), as_string=True) == value


def test_reading_an_unused_state_adds_none(bench: Served) -> None:
    bench.ca.get(bench("Mode.FFST"))
    assert list(bench.ca.ctrl(bench("Mode"))["enum_strs"]) == ["Auto", "Manual", "Fault"]


def test_name_and_description_with_and_without_dollar(bench: Served) -> None:
    ca = bench.ca
    assert ca.get(bench("Flow.NAME")) == bench("Flow")
    assert ca.get(bench("Flow.NAME$"), as_string=True) == bench("Flow")
    ca.put(bench("Free.DESC"), "x" * 39)
    with pytest.raises(Refused):
        ca.put(bench("Free.DESC$"), "x" * 41)
    assert ca.get(bench("Free.VAL")) == ca.get(bench("Free."))


def test_fields_are_monitored_current_value_first_and_without_side_effect(bench: Served) -> None:
    ca = bench.ca
    value = ca.monitor(bench("Free"))
    value.wait_count(1)
    field = ca.monitor(bench("Free.HIGH"))
    assert math.isnan(field.wait_count(1)[0].value)
    ca.get(bench("Free.HIHI"))
    ca.put(bench("Free.HIGH"), 45.0)
    field.wait_for(lambda e: e.value == 45.0)
    assert len(value.events) == 1


# -- masks ---------------------------------------------------------------------------------------


def test_masks_are_honoured(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("DrivePlain"), 0.0)
    ca.put(bench("Plain.HIHI"), 100.0)
    ca.put(bench("Plain.HHSV"), "NO_ALARM")
    ca.put(bench("Plain.ADEL"), 5.0)
    monitors = {mask: ca.monitor(bench("Plain"), mask=mask) for mask in ("V", "L", "A", "P", "VA")}
    for monitor in monitors.values():
        monitor.wait_count(1)
    for value in (1.0, 2.0, 6.0, 6.0):
        ca.put(bench("DrivePlain"), value)
    ca.put(bench("Plain.HIHI"), 4.0)
    ca.put(bench("Plain.HHSV"), "MAJOR")
    ca.put(bench("DrivePlain"), 3.0)
    monitors["V"].wait_for(lambda e: e.value == 3.0)
    monitors["A"].wait_for(lambda e: e.value == 3.0)
    counts = {mask: len(m.events) - 1 for mask, m in monitors.items()}
    assert counts == {"V": 4, "L": 1, "A": 2, "P": 2, "VA": 5}


def test_an_unchanged_or_nearly_unchanged_value_is_no_event(bench: Served) -> None:
    ca = bench.ca
    ca.put(bench("DriveBanded"), 100.0)
    seen = ca.monitor(bench("Banded"))
    for value in (100.0, 103.0, 105.0, 106.0, 107.0, 120.0):
        ca.put(bench("DriveBanded"), value)
    seen.wait_for(lambda e: e.value == 120.0)
    assert seen.values == [100.0, 106.0, 120.0]
    assert ca.get(bench("Banded")) == 120.0


def test_the_newest_of_a_burst_always_arrives(bench: Served) -> None:
    seen = bench.ca.monitor(bench("Plain"))
    bench.ca.put(bench("Burst"), 5000)
    seen.wait_for(lambda e: e.value == 5000.0)
    assert len(seen.events) < 200
    assert seen.values[1:] == sorted(seen.values[1:])


def test_events_off_and_on_are_survived_by_a_busy_client(bench: Served) -> None:
    first, second = bench.ca.monitor(bench("Flow"), mask="VLA"), bench.ca.monitor(bench("Flow"), mask="VLA")
    bench.ca.put(bench("Drive"), 33.0)
    first.wait_for(lambda e: e.value == 33.0)
    first.close()
    bench.ca.put(bench("Drive"), 34.0)
    second.wait_for(lambda e: e.value == 34.0)
    assert 34.0 not in first.values
