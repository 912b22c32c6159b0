"""Structures filled as EPICS base fills them; conversions against the rules of EPICS base."""

import math

import caproto
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iocs.caserver import dbr

META = dbr.Metadata(b"ln/min", 3, (100.0, -100.0, 90.0, 80.0, 20.0, 10.0, 99.0, 1.0), (b"Off", b"On"))
STAMP_S = dbr.EPICS_EPOCH + 123456.5
FULL = [t for t in range(21, 35) if t % 7 != dbr.Native.STRING]


@pytest.mark.parametrize("dbr_type", range(7, 21))
def test_plain_heads_have_the_layout_of_db_access(dbr_type: int) -> None:
    read = caproto.DBR_TYPES[dbr_type].from_buffer(bytearray(dbr.head(dbr_type, 3, 2, STAMP_S)))
    assert (read.status, read.severity) == (3, 2)
    if dbr_type >= 14:
        assert tuple(read.stamp) == (123456, 500000000)


@pytest.mark.parametrize("dbr_type", FULL)
def test_full_heads_have_the_layout_of_db_access(dbr_type: int) -> None:
    struct = caproto.DBR_TYPES[dbr_type]
    read = struct.from_buffer(bytearray(dbr.head(dbr_type, 4, 1, 0, META)))
    assert (read.status, read.severity) == (4, 1)
    if dbr_type % 7 == dbr.Native.ENUM:
        assert read.enum_strings == META.states
        return
    assert read.units == b"ln/min"
    names = ("upper_disp", "lower_disp", "upper_alarm", "upper_warning", "lower_warning", "lower_alarm")
    if dbr_type % 7 != dbr.Native.CHAR:
        assert [getattr(read, f"{n}_limit") for n in names] == list(META.limits[:6])
    if dbr_type >= 28 and dbr_type % 7 != dbr.Native.CHAR:
        assert (read.upper_ctrl_limit, read.lower_ctrl_limit) == META.limits[6:]


@pytest.mark.parametrize("dbr_type", [21, 28])
def test_a_string_has_no_more_than_status_and_severity(dbr_type: int) -> None:
    assert bytes(dbr.head(dbr_type, 9, 3, 0, META)) == b"\0\x09\0\x03"


def test_unset_limits_are_nan_for_doubles_and_zero_for_integers() -> None:
    meta = dbr.Metadata(limits=(math.nan,) * 8)
    double = caproto.DBR_TYPES[34].from_buffer(bytearray(dbr.head(34, 0, 0, 0, meta)))
    long = caproto.DBR_TYPES[33].from_buffer(bytearray(dbr.head(33, 0, 0, 0, meta)))
    assert math.isnan(double.upper_alarm_limit)
    assert long.upper_alarm_limit == 0


@pytest.mark.parametrize(
    ("value", "precision", "text"),
    [(50.0, 3, "50.000"), (50.0, 0, "50"), (2e7, 5, "20000000.000"), (1e17, 2, " 1.00e+17"), (5, 3, "5")],
)
def test_a_number_is_printed_as_base_does(value: float, precision: int, text: str) -> None:
    assert dbr.number_text(value, precision) == text


@pytest.mark.parametrize(("value", "kept"), [(1e12, 2**31 - 1), (-1e12, -(2**31)), (math.nan, 0), (2.9, 2)])
def test_a_number_that_does_not_fit_saturates(value: float, kept: int) -> None:
    assert int.from_bytes(dbr.number_body(value, dbr.Native.LONG, 0), "big", signed=True) == kept


@given(st.floats(), st.sampled_from(list(dbr.Native)[:7]))
def test_every_number_can_be_told_as_every_type(value: float, native: dbr.Native) -> None:
    assert len(dbr.number_body(value, native, 3)) == dbr.SIZE[native]
    assert len(dbr.array_body(np.array([value]), native, 3)) == dbr.SIZE[native]


@given(st.text(max_size=60))
def test_text_is_cut_to_forty_bytes_with_a_nul(text: str) -> None:
    field = dbr.string_field(text.replace("\ud800", ""))
    assert len(field) == 40
    assert field[-1] == 0


@pytest.mark.parametrize(("have", "want", "bytes_"), [(1, 0, 8), (1, 3, 24), (3, 1, 8)])
def test_exactly_the_elements_asked_for_are_sent(have: int, want: int, bytes_: int) -> None:
    body, count = dbr.fit(bytes(8 * have), dbr.Native.DOUBLE, have, want)
    assert (len(body), count) == (bytes_, want or have)


@pytest.mark.parametrize("text", ["", "abc", "1,5", "0xzz"])
def test_a_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        dbr.parse_number(text)


def test_numbers_in_text() -> None:
    assert [dbr.parse_number(t) for t in (" 1e3 ", "0x1F", "-2")] == [1000.0, 31, -2.0]


@given(st.integers(0, 40), st.integers(0, 10), st.binary(max_size=64))
def test_decoding_garbage_raises_nothing_but_value_errors(native: int, count: int, payload: bytes) -> None:
    try:
        dbr.decode(native, count, payload)
    except ValueError:
        pass
