"""Simulated Alicat units byte by byte, as the serial primer has it; what every fault does to the bytes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsup.sim.alicat_firmware import GENERATIONS
from devsup.sim.alicat_line import AlicatLine
from devsup.sim.alicat_unit import AlicatUnit, Condition, Hold, UnitConfig
from devsup.sim.faults import Fault
from devsup.sim.wire import Talker, Transmission

REST = b"A +034.70 +022.00 +000.00 +000.00 +000.00     N2\r"


def made(firmware: str = "10v20", **config: object) -> AlicatLine:
    return AlicatLine([AlicatUnit(UnitConfig("A", 500.0, firmware=firmware, **config))])


def three() -> AlicatLine:
    return AlicatLine([AlicatUnit(UnitConfig(name)) for name in "ABC"])


def told(line: AlicatLine, text: str, now: float = 0.0) -> bytes:
    return b"".join(item.data for item in line.receive(text.encode() + b"\r", now))


# -- data frames ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("firmware", "config", "frame"),
    [
        ("10v20", {}, REST),
        ("8v17", {"gas": 1}, b"A +034.70 +022.00 +000.00 +000.00 +000.00     Ar\r"),
        ("7v09", {}, b"A +034.70 +022.00 +000.00 +000.00 000.00      N2\r"),
        ("6v21", {"decimals": 1}, b"A +034.70 +022.00 +0000.0 +0000.0 0000.0      N2\r"),
        ("5v12", {}, b"A +034.70 +022.00 +0000.0 +0000.0 0000.0      N2\r"),
        ("GP", {"gas": 0}, b"A +034.70 +022.00 +0000.0 +0000.0 0000.0     Air\r"),
        ("10v04", {"meter": True}, b"A +034.700 +022.00 +00.000 +00.000     N2\r"),
        ("10v20", {"totalizer": True},
         b"A +034.70 +022.00 +000.00 +000.00 +000.00 +0000000.0     N2\r"),
    ],
)  # fmt: skip
def test_a_frame_of_each_generation(firmware: str, config: dict[str, object], frame: bytes) -> None:
    assert told(made(firmware, **config), "A") == frame


def test_codes_come_in_the_order_of_the_table() -> None:
    line = made()
    unit = line.unit("A")
    unit.locked, unit.hold, unit.condition = True, Hold.CLOSED, Condition.SENSOR_ERROR
    assert told(line, "A") == REST.replace(b"\r", b" ADC HLD LCK\r")


def test_a_firmware_shows_the_codes_that_it_has() -> None:
    line = made("5v12")
    line.unit("A").hold = Hold.CLOSED
    line.unit("A").locked = True
    assert told(line, "A").endswith(b"N2 LCK\r")


# -- tables -----------------------------------------------------------------------------------


def test_the_modern_frame_table() -> None:
    rows = told(made(), "A??D*").split(b"\r")
    assert rows[:9] == [
        b"A D00 ID_ NAME______________________ TYPE_______ WIDTH NOTES___________________",
        b"A D01 700 Unit ID                    string          1",
        b"A D02 002 Abs Press                  s decimal     7/2 010 02 PSIA",
        b"A D03 003 Flow Temp                  s decimal     7/2 002 02 `C",
        b"A D04 004 Volu Flow                  s decimal     7/2 012 02 CCM",
        b"A D05 005 Mass Flow                  s decimal     7/2 012 02 SCCM",
        b"A D06 037 Mass Flow Setpt            s decimal     7/2 012 02 SCCM",
        b"A D07 703 Gas                        string          6",
        b"A D08 701 *Error                     string          3 ADC",
    ]
    assert rows[9] == b"A D09 702 *Status                    string          3 OPL"
    assert rows[-2:] == [b"A D21 702 *Status                    string          3 LCK", b""]


def test_the_legacy_frame_table() -> None:
    rows = told(made("5v12"), "A??D*").split(b"\r")
    assert rows[:10] == [
        b"A  D00 NAME_______ TYPE_____ MinVal_  MaxVal_  UNITS__",
        b"A  D01 Unit ID     char            A        Z       na",
        b"A  D02 Pressure    signed    +000.00  +160.00     PSIA",
        b"A  D03 Temperature signed    -010.00  +050.00        C",
        b"A  D04 Volumetric  signed    +0000.0  +0500.0      CCM",
        b"A  D05 Mass        signed    +0000.0  +0500.0     SCCM",
        b"A  D06 SetPoint    signed    +0000.0  +0500.0     SCCM",
        b"A  D07 Gas         string        Air       D2       na",
        b"A  D08 Error       string         na      ADC       na",
        b"A  D09 Status      string         na      LCK       na",
    ]


def test_the_name_plate() -> None:
    rows = told(made(serial="521641"), "A??M*").split(b"\r")
    assert len(rows) == 11
    assert rows[4:6] == [b"A  M04 Model Number MC-500SCCM-D", b"A  M05 Serial Number 521641"]
    assert rows[9] == b"A  M09 Software Revision 10v20.0-R24"
    assert told(made(), "A??M9") == b"A  M09 Software Revision 10v20.0-R24\r"
    assert told(made(), "AVE").startswith(b"A   10v20.0-R24 ")


def test_gp_pads_its_texts_and_tells_its_gases_all_at_once() -> None:
    line = made("GP")
    assert told(line, "A??M*").count(b"\x08") > 10
    assert told(line, "A??D*").count(b"\x08") > 10
    gases = told(line, "A??G*")
    assert b"\r" not in gases and gases.startswith(b"A G00      Air A G01       Ar")
    assert told(line, "AVE") == b"", "which it does not know"


def test_a_table_comes_row_by_row() -> None:
    sent = made().receive(b"A??M*\r", 0.0)
    assert len(sent) == 10 and all(item.data.endswith(b"\r") for item in sent)


# -- commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["AS250.0", "AS 250.0", "as250", "A32000"])
def test_a_setpoint_in_each_form(text: str) -> None:
    line = made()
    assert told(line, text) == REST.replace(b"+000.00     N2", b"+250.00     N2")
    assert line.unit("A").setpoint == 0.5


@pytest.mark.parametrize("text", ["AS-1", "AS600", "A65600", "AS", "ASx", "AS1e2"])
def test_what_is_no_setpoint_is_not_understood(text: str) -> None:
    line = made()
    assert told(line, text) == b"?\r"
    assert line.unit("A").setpoint == 0.0


def test_the_newer_words_of_10v20() -> None:
    line = made()
    assert told(line, "ALS 100.0") == b"A +100.00 +100.00 12 SCCM\r"
    assert told(line, "ALS") == b"A +100.00 +100.00 12 SCCM\r"
    assert (told(line, "ALSS"), told(line, "ALSS A")) == (b"A S\r", b"A A\r")
    assert told(line, "AGS 1") == b"A 1 Ar Argon\r"
    assert told(line, "AFPF 5") == b"A +500.00 12 SCCM\r"
    assert told(line, "AFPF 15") == b"A +0 1 ---\r"
    assert told(line, "A$$R46") == b"A   046 = 513\r", "number in the lower nine bits"
    assert told(line, "A$$W46=8") == b"A   046 = 520\r"
    assert told(line, "ALV") == b"A 37\r"
    assert told(line, "AR122") == b"A   122 = 37\r"
    assert (told(line, "AW21=1200"), told(line, "A$$R21")) == (b"A   021 = 1200\r",) * 2
    assert told(line, "AR99") == b"?\r"
    assert told(line, "AVD") == b"A 000.00 000.00 000.00 000.00\r"


def test_values_alone_carry_no_unit_id() -> None:
    line = made()
    assert told(line, "ADV 500 2 5") == b"+034.70 +000.00\r"
    assert told(line, "ADV 2 99") == b"--\r"
    assert {told(line, text) for text in ("ADV", "ADV 1", "ADV 0 2")} == {b"?\r"}


@pytest.mark.parametrize("firmware", ["5v12", "6v21", "7v09"])
@pytest.mark.parametrize("text", ["ALS", "ALS 50.0", "ALSS", "ALV", "AL"])
def test_old_firmware_takes_whatever_begins_with_l_for_a_lock(firmware: str, text: str) -> None:
    line = made(firmware)
    assert told(line, text).endswith(b"LCK\r")
    assert line.unit("A").setpoint == 0.0
    told(line, "AU")
    assert not line.unit("A").locked


def test_words_that_are_not_known_yet_are_answered_in_many_ways() -> None:
    assert told(made("8v30"), "ALS") == REST
    assert told(made("10v04", meter=True), "ALS") == b"A   1 ---\r"
    assert told(made("5v12"), "AZCA") == b"A   Feature Not Enabled\r"
    assert told(made("6v21"), "AFPF 344") == b"\r?\r"
    assert told(made("10v20"), "AXYZ") == b"?\r"
    assert told(made("8v17"), "AVE") == b""


def test_gp_takes_orders_behind_dollars_only_and_questions_without() -> None:
    line = made("GP")
    assert told(line, "AS100") == told(line, "AG 1") == told(line, "ALS") == told(line, "A$$") == b""
    assert b" 0100.0 " not in told(line, "A") and told(line, "A$$S100").count(b"100.0") == 1
    assert told(line, "A$$G 1").endswith(b"Ar\r")


def test_a_bare_t_resets_the_total_of_the_old_and_tares_the_new() -> None:
    for firmware, resets in (("5v12", True), ("7v09", True), ("8v30", False), ("10v20", False)):
        line = made(firmware, totalizer=True)
        unit = line.unit("A")
        unit.total, unit.zero_offset = 100.0, 0.01
        told(line, "AT")
        assert (unit.total == 0.0, unit.tare_offset != 0.0) == (resets, not resets)
        unit.total, unit.tare_offset = 100.0, 0.0
        told(line, "AT 1")
        assert unit.total == 0.0 and unit.tare_offset == 0.0


def test_hold_cancel_and_their_older_spelling() -> None:
    line = made()
    said = {"AHC": Hold.CLOSED, "AC": Hold.NONE, "AHP": Hold.PRESENT, "A$$C": Hold.NONE, "A$$H": Hold.PRESENT}
    for text, hold in said.items():
        shown = told(line, text)
        assert line.unit("A").hold is hold
        assert (b"HLD" in shown) is (hold is not Hold.NONE)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.sampled_from(list(GENERATIONS)),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
)
def test_whatever_is_said_it_goes_on(firmware: str, text: str) -> None:
    line = made(firmware)
    told(line, f"A{text}")
    if line.stations["A"].called == "A":
        assert re.fullmatch(rb"A [+\d. ]+ \w\S*( \w{3})*\r", told(line, "A"))


# -- who answers ------------------------------------------------------------------------------


def test_only_who_is_called_answers_after_its_latency() -> None:
    line = three()
    (answer,) = line.receive(b"B\r", 0.0)
    assert answer.delay_s == 0.002 and answer.data.startswith(b"B ")
    line.set_latency("B", 0.004)
    assert line.receive(b"B\r", 0.0)[0].delay_s == 0.004
    assert told(line, "D") == b"" and told(line, "") == b""
    assert told(line, "*S0").count(b"\r") == 3, "everybody"


def test_requests_in_portions_and_several_at_once() -> None:
    line = three()
    assert line.receive(b"A", 0.0) == []
    assert [item.data[:1] for item in line.receive(b"\rB\rC", 0.0)] == [b"A", b"B"]
    assert [item.data[:1] for item in line.receive(b"\r", 0.0)] == [b"C"]


def test_a_unit_may_be_called_otherwise() -> None:
    line = three()
    assert told(line, "A@ D").startswith(b"D ")
    assert told(line, "A") == b"" and told(line, "D").startswith(b"D ")


@pytest.mark.parametrize(("start", "stop"), [("A@ @", "@@ A"), ("A@=@", "@@=A")])
def test_a_unit_that_streams_says_no_id_and_hears_no_question(start: str, stop: str) -> None:
    line = made()
    assert isinstance(line, Talker)
    assert line.speaks_at() is None and told(line, start) == b""
    assert line.speaks_at() == 0.0
    sent = line.unasked(0.0)
    assert [item.data for item in sent] == [b" " + REST[1:]]
    assert line.speaks_at() == 0.05 and line.unasked(0.04) == []
    assert told(line, "A", 0.06) == b""
    told(line, stop, 0.1)
    assert told(line, "A", 0.2) == REST and line.speaks_at() is None


# -- faults -----------------------------------------------------------------------------------


def fault(kind: Fault, **options: object) -> AlicatLine:
    line = three()
    line.set_fault("A", kind, **options)
    return line


def test_dead_is_silent_and_does_nothing() -> None:
    line = fault(Fault.DEAD)
    assert told(line, "AS50") == b"" and line.unit("A").setpoint == 0.0
    assert told(line, "B").startswith(b"B ")


def test_slow_and_late() -> None:
    assert fault(Fault.SLOW).receive(b"A\r", 0.0)[0].delay_s == pytest.approx(0.502)
    assert fault(Fault.LATE, delay_s=3.0).receive(b"A\r", 0.0)[0].delay_s == 3.0
    line = fault(Fault.LATE)
    assert told(line, "A") == b""
    first, second = line.receive(b"B\r", 0.0)
    assert first.data.startswith(b"A ") and second.data.startswith(b"B ")


def test_what_each_fault_does_to_the_bytes() -> None:
    plain = told(three(), "A")
    assert told(fault(Fault.FOREIGN_NODE), "A") == b"B" + plain[1:]
    assert told(fault(Fault.ERROR_FRAME), "A") == b"?\r"
    assert told(fault(Fault.WRONG_INDEX), "A") == b"A   046 = 520\r"
    assert told(fault(Fault.WRONG_INDEX), "ALS") == plain
    assert told(fault(Fault.NOISE_BEFORE), "A").endswith(plain)
    noisy = told(fault(Fault.NOISE_INSIDE), "A")
    assert len(plain) < len(noisy) <= len(plain) + 6 and noisy[:1] == b"A"
    cut = told(fault(Fault.TRUNCATED), "A")
    assert plain.startswith(cut) and 0 < len(cut) < len(plain)
    assert told(fault(Fault.WRONG_SEQUENCE), "A") == plain, "there is none"


def test_a_flipped_bit_makes_another_digit_of_one() -> None:
    plain, seen = told(three(), "A"), set()
    line = fault(Fault.BIT_FLIP)
    for _ in range(200):
        wire = told(line, "A")
        (at,) = [place for place, (one, two) in enumerate(zip(wire, plain, strict=True)) if one != two]
        assert chr(wire[at]).isdigit() and bin(wire[at] ^ plain[at]).count("1") == 1
        seen.add(at)
    assert len(seen) > 20
    line.set_condition("A", Condition.OK)
    assert told(fault(Fault.BIT_FLIP), "ALSS") == b"A S\r", "nothing to flip"


def test_faults_of_the_valve_and_the_sensor() -> None:
    line = fault(Fault.STUCK_VALVE)
    assert line.unit("A").stuck_valve
    line.set_fault("A", Fault.DRIFT)
    assert not line.unit("A").stuck_valve and line.unit("A").drift_per_s > 0.0


def test_a_fault_strikes_as_often_as_it_should() -> None:
    line = fault(Fault.DEAD, probability=0.3)
    silent = sum(told(line, "A") == b"" for _ in range(1000))
    assert 230 < silent < 370 and line.stations["A"].faults.struck == silent


def test_faults_and_conditions_by_name() -> None:
    line = three()
    line.throw("A", "DEAD", 0.5)
    assert line.fault("A").fault is Fault.DEAD and line.fault("A").probability == 0.5
    line.throw("A", "BOTTLE_EMPTY")
    assert line.unit("A").condition is Condition.BOTTLE_EMPTY and line.fault("A").fault is Fault.DEAD
    line.throw("A", "OK")
    assert line.unit("A").condition is Condition.OK and line.fault("A").fault is Fault.OK
    for who, what in (("Q", "DEAD"), ("Q", "HOT"), ("A", "NONSENSE")):
        with pytest.raises(KeyError):
            line.throw(who, what)


def test_time_passes_between_requests() -> None:
    line = made()
    told(line, "AS250", 0.0)
    assert b"+250.00 +250.00     N2" in told(line, "A", 10.0)


def test_an_answer_is_one_transmission() -> None:
    assert three().receive(b"A\r", 0.0) == [Transmission(0.002, told(three(), "A"))]
