"""Commands as bytes and replies as values; above all, what is never said to which firmware."""

from collections.abc import Callable

import pytest

from devsup.alicat import (
    GASES,
    UNKNOWN,
    Commands,
    FeatureMissing,
    Firmware,
    LineDecoder,
    NotSupported,
    NotUnderstood,
    Setpoints,
    Source,
    firmware_in,
    full_scale_from,
    full_scale_in,
    gas_register_from,
    gases_from,
    maker_complete,
    maker_from,
    number_of,
    own,
    selected_gas_from,
    setpoints_from,
    source_from,
    version_from,
)
from devsup.errors import DeviceError, FramingError, IdentityError


def made(text: str) -> Commands:
    return Commands("A", firmware_in(text) or UNKNOWN)


OLD = ("5v12", "6v21", "7v09", "GP", "")
ALL = (*OLD, "8v17", "8v30", "9v05", "10v04", "10v20")


# -- firmware --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Software Revision 10v20.0-R24", Firmware("10v20.0-R24", (10, 20))),
        ("A   8v17.0-R23 Nov 27 2019,15:28:45", Firmware("8v17.0-R23", (8, 17))),
        ("Rev GP07R100", Firmware("GP07R100", gp=True)),
        ("A GP", Firmware("GP", gp=True)),
        ("Serial Number 122161", None),
        ("MC-500SCCM-D", None),
    ],
)
def test_firmware_in_a_text(text: str, expected: Firmware | None) -> None:
    assert firmware_in(text) == expected


def test_what_is_not_known_is_not_new() -> None:
    assert not UNKNOWN.since(1, 0) and not Firmware("GP", gp=True).since(1, 0)
    assert made("10v05").firmware.since(10, 5) and not made("10v04").firmware.since(10, 5)
    assert [made(text).firmware.may_ramp for text in ("", "GP", "7v09", "7v11", "8v30")] == [
        True, False, False, True, True,
    ]  # fmt: skip


# -- commands --------------------------------------------------------------------------------------


def test_questions_as_bytes() -> None:
    commands = made("10v20")
    assert commands.poll() == b"A\r"
    assert commands.frame_table() == b"A??D*\r"
    assert commands.maker_table() == b"A??M*\r"
    assert commands.gas_table() == b"A??G*\r"
    assert commands.version() == b"AVE\r"
    assert commands.full_scale() == b"AFPF 5\r"
    assert commands.setpoints() == b"ALS\r"
    assert commands.setpoint_source() == b"ALSS\r"
    assert commands.selected_gas() == b"A$$R46\r"
    assert commands.stop_streaming() == b"@@ A\r"


def test_orders_as_bytes() -> None:
    commands = made("10v20")
    assert commands.setpoint(50.0, 1) == b"AS50.0\r"
    assert commands.hold(closed=True) == b"AHC\r"
    assert commands.hold(closed=False) == b"AHP\r"
    assert commands.cancel_hold() == b"AC\r"
    assert commands.select_gas(8) == b"AGS 8\r"
    assert made("8v30").select_gas(8) == b"AG 8\r"
    assert (commands.lock(), commands.unlock()) == (b"AL\r", b"AU\r")
    assert (commands.tare_flow(), commands.tare_pressure()) == (b"AV\r", b"AP\r")
    assert commands.reset_total() == b"AT 1\r"


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(0.0, 2, b"AS0.00\r"), (-0.0, 2, b"AS0.00\r"), (12.345, 3, b"AS12.345\r"), (1e-9, 2, b"AS0.00\r"),
     (-0.001, 2, b"AS0.00\r"), (-5.0, 1, b"AS-5.0\r"), (1234567.0, 0, b"AS1234567\r")],
)  # fmt: skip
def test_a_setpoint_has_the_digits_that_the_instrument_shows(
    value: float, decimals: int, text: bytes
) -> None:
    assert made("10v20").setpoint(value, decimals) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_setpoint(value: float) -> None:
    with pytest.raises(ValueError, match="setpoint"):
        made("10v20").setpoint(value, 2)


def test_gp_takes_orders_behind_dollars_and_questions_without() -> None:
    commands = made("GP07R100")
    assert commands.setpoint(50.0, 1) == b"A$$S50.0\r"
    assert commands.select_gas(8) == b"A$$G 8\r"
    assert commands.cancel_hold() == b"A$$C\r"
    assert commands.hold(closed=False) == b"A$$H\r"
    assert commands.tare_flow() == b"A$$V\r"
    assert (commands.poll(), commands.frame_table(), commands.selected_gas()) == (
        b"A\r",
        b"A??D*\r",
        b"AR46\r",
    )


GATED: dict[str, tuple[Callable[[Commands], bytes], tuple[str, ...]]] = {
    "LS": (Commands.setpoints, ("9v05", "10v04", "10v20")),
    "LSS": (Commands.setpoint_source, ("10v20",)),
    "FPF": (Commands.full_scale, ("6v21", "7v09", "8v17", "8v30", "9v05", "10v04", "10v20")),
    "HC": (lambda commands: commands.hold(closed=True), tuple(set(ALL) - {"GP", ""})),
    "T 1": (Commands.reset_total, ("10v04", "10v20")),
    "T": (Commands.tare_flow_new, ("10v20",)),
    "TP": (Commands.tare_pressure_new, ("10v20",)),
}


@pytest.mark.parametrize("word", GATED)
@pytest.mark.parametrize("text", ALL)
def test_a_word_is_for_firmware_where_its_meaning_is_certain(word: str, text: str) -> None:
    say, where = GATED[word]
    if text in where:
        assert say(made(text)).startswith(b"A")
    else:
        with pytest.raises(NotSupported, match="firmware"):
            say(made(text))


@pytest.mark.parametrize("text", OLD)
def test_nothing_but_a_lock_begins_with_l_for_what_locks_its_panel_by_it(text: str) -> None:
    commands, said = made(text), []
    for name in dir(Commands):
        if name.startswith("_") or name in ("unit", "firmware"):
            continue
        for arguments in ((), (1.0, 1), (8,), (True,), (False,)):
            try:
                said.append((name, getattr(commands, name)(*arguments)))
            except (TypeError, DeviceError):
                continue
    words = {name: command.decode()[1:].removeprefix("$$") for name, command in said}
    assert len(words) > 10
    assert {name for name, word in words.items() if word.startswith("L")} == {"lock"}
    assert {name for name, word in words.items() if word.startswith("T")} == set(), (
        "a bare T has two meanings"
    )


@pytest.mark.parametrize("unit", ["", "a", "AB", "1", "*", "@"])
def test_units_are_called_a_to_z(unit: str) -> None:
    with pytest.raises(ValueError, match="unit id"):
        Commands(unit)


# -- replies ---------------------------------------------------------------------------------------


def test_lines_come_in_any_portions() -> None:
    whole = b"A +014.62\r\rA\x08\x08 M4 Mdl\x08\r\n?\r"
    for at in range(len(whole)):
        decoder = LineDecoder()
        assert decoder.feed(whole[:at]) + decoder.feed(whole[at:]) == ["A +014.62", "", "A M4 Mdl", "?"]
        assert decoder.pending == ""
    decoder = LineDecoder()
    assert decoder.feed(b"A +0") == [] and decoder.pending == "A +0"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("?", NotUnderstood),
        (" ?", NotUnderstood),
        ("B +014.62", IdentityError),
        (" +014.62 +021.89", IdentityError),  # a unit that streams
        ("+014.63 +000.06", IdentityError),
        ("AA +014.62", IdentityError),
        ("A   Feature Not Enabled", FeatureMissing),
        ("A +0\x0014.62", FramingError),
        ("A +0\xff14.62", FramingError),
    ],
)
def test_what_is_no_answer_of_unit_a(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        own(text, "A")


def test_single_values() -> None:
    assert setpoints_from("A +000.00 +050.00 12 SCCM") == Setpoints(0.0, 50.0, "sccm")
    assert full_scale_from("A +500.00 12 SCCM") == (500.0, "sccm")
    assert [source_from(f"A {letter}") for letter in "SUA"] == [
        Source.SAVED,
        Source.UNSAVED,
        Source.ANALOG,
    ]
    assert gas_register_from("A   046 = 8") == 8
    assert gas_register_from("A   046 = 520") == 8, "bits above the ninth are flags"
    assert selected_gas_from("A 8 N2 Nitrogen") == (8, "N2")
    assert version_from("A   10v20.0-R24 Jan  9 2025,15:04:07").version == (10, 20)


@pytest.mark.parametrize(
    "parse",
    [setpoints_from, full_scale_from, source_from, gas_register_from, selected_gas_from, version_from],
)
@pytest.mark.parametrize(
    "text", ["A +014.62 +021.89 +000.00 +000.00 +078.95     N2", "A   1 ---", "A", "A ", "A   021 = 1234"]
)
def test_an_answer_to_something_else_is_not_taken(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(FramingError):
        parse(text)


def test_a_statistic_that_is_not_there() -> None:
    with pytest.raises(FeatureMissing):
        full_scale_from("A +0 1 ---")


MAKER = [
    "A  M00 ALICAT SCIENTIFIC",
    "A  M02 Ph   520-290-6060",
    "A  M04 Model Number MC-500SCCM-D",
    "A  M05 Serial Number 521641",
    "A  M06 Date Manufactured 03/02/2025",
    "A  M09 Software Revision 10v20.0-R24",
]


def test_a_name_plate_whatever_its_rows_are_called() -> None:
    maker = maker_from(MAKER)
    assert (maker.model, maker.serial, maker.firmware.version) == ("MC-500SCCM-D", "521641", (10, 20))
    assert maker_complete(MAKER) and not maker_complete(MAKER[:-1])
    gp = maker_from(
        ["A  M0 ALICAT SCIENTIFIC", "A  M4 Mdl MC-100SCCM-D", "A  M5 S/N 68874", "A  M8 Rev GP07R100"]
    )
    assert (gp.model, gp.serial, gp.firmware.gp) == ("MC-100SCCM-D", "68874", True)
    assert not maker_from(["A  M00 ALICAT SCIENTIFIC"]).firmware.known
    for rows in ([], ["A D00 x"], [*MAKER, "A +014.62"]):
        with pytest.raises(FramingError):
            maker_from(rows)


def test_full_scale_in_a_model_number() -> None:
    assert full_scale_in("MC-500SCCM-D") == (500.0, "sccm")
    assert full_scale_in("MCR-0.5SLPM-D/5M") == (0.5, "slpm")
    assert full_scale_in("") is None


def test_gas_lists_in_rows_or_all_in_one() -> None:
    expected = {0: "Air", 1: "Ar", 140: "C-15", 236: "MyMix"}
    assert gases_from(["A G00      Air", "A G01       Ar", "A G140    C-15", "A G236   MyMix"]) == expected
    assert gases_from(["A G00 Air A G01 Ar A G140 C-15 A G236 MyMix"]) == expected
    with pytest.raises(FramingError):
        gases_from(["A +014.62 +021.89"])


def test_gases_by_number_and_name() -> None:
    assert [number_of(gas, GASES) for gas in (8, "N2", "n2", " Ar ", 250, "C-25")] == [8, 8, 8, 1, 250, 20]
    assert (GASES[25], GASES[26], GASES[16], GASES[30]) == ("He-25", "He-75", "iC4H10", "NO")
    for gas in (-1, 256, "Nitrogen", ""):
        with pytest.raises(ValueError, match="gas"):
            number_of(gas, GASES)
