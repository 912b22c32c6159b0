"""Data frames and frame tables of every dialect, as the protocol describes them; and what is none."""

import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsup.alicat import (
    Column,
    Dialect,
    Layout,
    Misshapen,
    Quantity,
    assumed_setpoint,
    egu,
    layout_from,
    parse_frame,
)
from devsup.errors import FramingError

P, T, V, M, S, TOTAL = (
    Quantity.PRESSURE,
    Quantity.TEMPERATURE,
    Quantity.VOLUMETRIC,
    Quantity.MASS,
    Quantity.SETPOINT,
    Quantity.TOTAL,
)
HEADER = "A D00 ID_ NAME______________________ TYPE_______ WIDTH NOTES___________________"
UNIT_ROW = "A D01 700 Unit ID                    string          1"
MODERN = [
    HEADER,
    UNIT_ROW,
    "A D02 002 Abs Press                  s decimal     7/2 010 02 PSIA",
    "A D03 003 Flow Temp                  s decimal     7/2 002 02 `C",
    "A D04 004 Volu Flow                  s decimal     7/2 012 02 CCM",
    "A D05 005 Mass Flow                  s decimal     7/2 012 02 SCCM",
    "A D06 037 Mass Flow Setpt            s decimal     7/2 012 02 SCCM",
    "A D07 703 Gas                        string          6",
    "A D08 701 *Error                     string          3 ADC",
    "A D09 702 *Status                    string          3 OPL",
    "A D10 702 *Status                    string          3 HLD",
    "A D11 702 *Status                    string          3 LCK",
]
LEGACY = [
    "A  D00 NAME_______ TYPE_____ MinVal_  MaxVal_  UNITS__",
    "A  D01 Unit ID     char         A         Z         na",
    "A  D02 Pressure    signed    +000.00  +160.00     PSIA",
    "A  D03 Temperature signed    -010.00  +050.00        C",
    "A  D04 Volumetric  signed    +0000.0  +0500.0      CCM",
    "A  D05 Mass        signed    +0000.0  +0500.0     SCCM",
    "A  D06 SetPoint    signed    +0000.0  +0500.0     SCCM",
    "A  D07 Gas         string        Air       D2       na",
    "A  D08 Error       string         na      ADC       na",
    "A  D09 Status      string         na      LCK       na",
    "A  D10 Status      string         na      MOV       na",
]


def layout_of(*quantities: Quantity, codes: tuple[str, ...] = ("MOV", "HLD", "LCK")) -> Layout:
    return Layout(Dialect.MODERN, tuple(Column(quantity) for quantity in quantities), codes=codes)


CONTROLLER = layout_of(P, T, V, M, S)
METER = layout_of(P, T, V, M)
TOTALIZING = layout_of(P, T, V, M, S, TOTAL)


# -- frames ---------------------------------------------------------------------------------------

FRAMES = {
    "10v20 at rest": (
        CONTROLLER,
        "A +014.62 +021.89 +000.00 +000.00 +078.95     N2",
        {P: 14.62, T: 21.89, V: 0.0, M: 0.0, S: 78.95},
        "N2",
        (),
    ),
    "10v04 meter, three decimals, flow below zero": (
        METER,
        "A +014.633 +022.97 -00.034 -00.034    Air",
        {P: 14.633, T: 22.97, V: -0.034, M: -0.034},
        "Air",
        (),
    ),
    "8v17 as unit B": (
        CONTROLLER,
        "B +014.62 +022.95 +000.00 +000.00 +000.00     N2",
        {P: 14.62, T: 22.95, V: 0.0, M: 0.0, S: 0.0},
        "N2",
        (),
    ),
    "5v12, setpoint without sign": (
        CONTROLLER,
        "A +014.52 +021.50 +0000.1 +0000.2 0116.3      N2",
        {P: 14.52, T: 21.5, V: 0.1, M: 0.2, S: 116.3},
        "N2",
        (),
    ),
    "totalizer before the gas, two codes": (
        TOTALIZING,
        "A +014.62 +021.89 +050.10 +049.98 +050.00 +0021513.0     Ar MOV LCK",
        {P: 14.62, T: 21.89, V: 50.1, M: 49.98, S: 50.0, TOTAL: 21513.0},
        "Ar",
        ("MOV", "LCK"),
    ),
    "dashes for what is not available": (
        TOTALIZING,
        "A +014.62 -- ------- +049.98 +050.00 -------     Ar",
        {P: 14.62, T: None, V: None, M: 49.98, S: 50.0, TOTAL: None},
        "Ar",
        (),
    ),
    "codes that nobody knows": (
        CONTROLLER,
        "A +014.62 +021.89 +000.00 +000.00 +078.95   C-25 P2O XYZ",
        {P: 14.62, T: 21.89, V: 0.0, M: 0.0, S: 78.95},
        "C-25",
        ("P2O", "XYZ"),
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_of_each_kind(name: str) -> None:
    layout, text, values, gas, codes = FRAMES[name]
    frame = parse_frame(text, layout)
    assert (dict(frame.values), frame.gas, frame.codes) == (values, gas, codes)


def test_what_is_absent_is_not_a_number() -> None:
    layout, text, *_ = FRAMES["dashes for what is not available"]
    frame = parse_frame(text, layout)
    assert math.isnan(frame.value(T)) and math.isnan(parse_frame(text, layout).value(Quantity.OTHER))
    assert frame.value(M) == 49.98


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "A +014.62 +021.89 +000.00 +000.00",
        "A +014.62 +021.89 +000.00 +000.00 +078.95",
        "A +014.62 +021.89 +000.00 +000.00 N2",  # a column is lost
        "A +014.62 +021.89 +000.00 +000.00 +078.95 +000.00     N2",  # … or added
        "A +014.62 +021.89 +000.00 +0x0.00 +078.95     N2",
        "A +014.62 +021.89 +000.00 +000.0.0 +078.95     N2",
        "A +014.62 +021.89 +000.00 +000.00 +078.95     N2 HL",
        "A +014.62 +021.89 +000.00 +000.00 +078.95     N2 HLD +00",
        "A +014.62 +021.89 +000.00 +000.00 +078.95     N2 123",
        "A 8 N2 Nitrogen",
        "A +000.00 +050.00 12 SCCM",
        "A   046 = 8",
        "A   1 ---",
    ],
)
def test_what_is_no_frame_of_a_controller(text: str) -> None:
    with pytest.raises(Misshapen):
        parse_frame(text, CONTROLLER)


def test_a_frame_is_as_wide_as_its_shape_says() -> None:
    plain = parse_frame("A +014.62 +021.89 +000.00 +000.00 +078.95     N2", CONTROLLER)
    assert (
        parse_frame("A +014.62 +021.89 +000.00 +000.00 +050.00    Air HLD", CONTROLLER).shape == plain.shape
    )
    for other in (
        "A +014.62 +021.89 +000.00 +000.00 +0178.95     N2",  # a digit more,
        "A +014.62 +021.89 +000.00 +000.00 +07.95     N2",  # one less,
        "A +014.62 +021.89 +000.00 +000.00 +07.895     N2",  # the point elsewhere,
        "A +014.62 +021.89 +000.00 +000.00 +078.95    N2",  # a blank less
    ):
        assert parse_frame(other, CONTROLLER).shape != plain.shape


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.text(alphabet=string.printable, max_size=70))
def test_whatever_comes_is_a_frame_or_misshapen(text: str) -> None:
    try:
        frame = parse_frame(f"A {text}", CONTROLLER)
    except Misshapen:
        return
    assert set(frame.values) == {P, T, V, M, S}


def test_the_setpoint_of_an_unknown_layout_is_the_fifth_number() -> None:
    for name in ("10v20 at rest", "totalizer before the gas, two codes", "5v12, setpoint without sign"):
        _, text, values, *_ = FRAMES[name]
        assert assumed_setpoint(text) == values[S]
    with pytest.raises(Misshapen):
        assumed_setpoint(FRAMES["10v04 meter, three decimals, flow below zero"][1])


# -- tables ---------------------------------------------------------------------------------------


def test_a_modern_table() -> None:
    layout = layout_from(MODERN)
    assert layout.dialect is Dialect.MODERN
    assert [column.quantity for column in layout.columns] == [P, T, V, M, S]
    assert [column.unit for column in layout.columns] == ["psia", "degC", "ccm", "sccm", "sccm"]
    assert layout.has_gas and layout.codes == ("ADC", "OPL", "HLD", "LCK")
    setpoint = layout.column(S)
    assert setpoint is not None and (setpoint.decimals, setpoint.controls) == (2, M)


def test_a_legacy_table_knows_ranges() -> None:
    layout = layout_from(LEGACY)
    assert layout.dialect is Dialect.LEGACY
    assert [column.quantity for column in layout.columns] == [P, T, V, M, S]
    assert layout.codes == ("ADC", "LCK", "MOV") and layout.unit(T) == "degC"
    mass, setpoint = layout.column(M), layout.column(S)
    assert mass is not None and setpoint is not None
    assert (mass.low, mass.high, mass.decimals) == (0.0, 500.0, 1)
    assert setpoint.controls is M, "by its unit: it has no number"


def test_tables_with_a_totalizer_an_unknown_column_and_unsigned_setpoint() -> None:
    rows = [
        *MODERN[:6],
        "A D06 037 Mass Flow Setpt            decimal       6/1 007 02 SLPM",
        "A D07 013 Valve Drive                s decimal     7/2 001 02 %",
        "A D08 009 Mass Total                 s decimal    10/1 012 02 SCC",
        "A D09 703 Gas                        string        7/7",
        "A D10 701 *Error                     string          3 ADC",
    ]
    layout = layout_from(rows)
    assert [column.quantity for column in layout.columns] == [P, T, V, M, S, Quantity.OTHER, TOTAL]
    assert layout.unit(TOTAL) == "scc"
    frame = parse_frame("A +014.62 +021.89 +050.10 +049.98 0050.0 +012.00 +0021513.0     Ar", layout)
    assert frame.values[S] == 50.0 and frame.values[TOTAL] == 21513.0


def test_what_a_setpoint_sets_is_told_by_its_number() -> None:
    for stat, what in ((36, V), (34, P), (38, P), (32, M)):
        row = f"A D06 {stat:03} Some Setpt                 s decimal     7/2 012 02 X"
        setpoint = layout_from([*MODERN[:6], row, *MODERN[7:]]).column(S)
        assert setpoint is not None and setpoint.controls is what


def test_a_meter_has_no_setpoint() -> None:
    rows = [
        *MODERN[:6],
        *(row.replace(row[2:5], f"D{number:02}") for number, row in enumerate(MODERN[7:], 6)),
    ]
    assert layout_from(rows).column(S) is None


@pytest.mark.parametrize("table", [MODERN, LEGACY], ids=["modern", "legacy"])
def test_a_table_with_a_row_lost_twice_or_cut_is_refused(table: list[str]) -> None:
    for at in range(len(table) - 1):
        with pytest.raises(FramingError):
            layout_from(table[:at] + table[at + 1 :])
        with pytest.raises(FramingError):
            layout_from([*table[: at + 1], *table[at:]])
    with pytest.raises(FramingError):
        layout_from([*table[:3], table[3][:20], *table[4:]])
    with pytest.raises(FramingError):
        layout_from([table[0].replace("NAME", "N?ME").replace("ID_", "I"), *table[1:]])


def test_a_table_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(FramingError):
        layout_from([*MODERN[:5], MODERN[5].replace("005", "004"), *MODERN[6:]])


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("SCCM", "sccm"),
        ("`C", "degC"),
        ("C", "degC"),
        ("PSIA", "psia"),
        ("kPaA", "kPaA"),
        ("na", ""),
        ("---", ""),
    ],
)
def test_units_as_engineering_units(label: str, unit: str) -> None:
    assert egu(label) == unit
