"""The ProPar codec against byte-exact examples: vendor's builder (node 3, seq 1) and manual 9.17.027."""

from dataclasses import replace

import pytest

from devsup import propar
from devsup.errors import DeviceError, FramingError, IdentityError
from devsup.propar import (
    ALARM_INFO,
    CAPACITY,
    CONTROL_MODE,
    CONTROLLER_SPEED,
    DEVICE_TYPE,
    FIRMWARE,
    FLUID_NAME,
    FLUID_NUMBER,
    FMEASURE,
    FSETPOINT,
    INIT_RESET,
    MEASURE,
    MODEL,
    SERIAL,
    SETPOINT,
    TEMPERATURE,
    UNIT,
    USER_TAG,
    VALVE_OUTPUT,
    AsciiDecoder,
    BinaryDecoder,
    Broken,
    ErrorFrame,
    Frame,
    Framing,
    Kind,
    Parameter,
    Value,
    check_ack,
    encode_ascii,
    encode_binary,
    read_reply,
    read_request,
    write_request,
)

ANY_NAME = replace(FLUID_NAME, length=0)
ANY_UNIT = replace(UNIT, length=0)
FAST = (FMEASURE, FSETPOINT, TEMPERATURE)

READS: dict[str, tuple[tuple[Parameter, ...], str]] = {
    "205": ((FMEASURE,), "10 02 01 03 05 04 21 40 21 40 10 03"),
    "8": ((MEASURE,), "10 02 01 03 05 04 01 20 01 20 10 03"),
    "92": ((SERIAL,), "10 02 01 03 06 04 71 63 71 63 00 10 03"),
    "205, 206, 142": (FAST, "10 02 01 03 0B 04 21 C0 21 40 C3 21 43 47 21 47 10 03"),
    "205, 206, 142, 55": (
        (*FAST, VALVE_OUTPUT),
        "10 02 01 03 0F 04 A1 C0 21 40 C3 21 43 47 21 47 72 41 72 41 10 03",
    ),
    "205, 206, 142, 55, 28, 12": (
        (*FAST, VALVE_OUTPUT, ALARM_INFO, CONTROL_MODE),
        "10 02 01 03 16 04 A1 C0 21 40 C3 21 43 47 21 47 F2 41 72 41 01 94 01 14 04 01 04 10 03",
    ),
    "21, 24, 25, 129": (
        (CAPACITY, FLUID_NUMBER, ANY_NAME, ANY_UNIT),
        "10 02 01 03 10 10 04 01 CD 01 4D 90 01 10 10 F1 01 71 00 7F 01 7F 00 10 03",
    ),
    "91, 92, 90, 105, 115": (
        (MODEL, SERIAL, DEVICE_TYPE, FIRMWARE, USER_TAG),
        "10 02 01 03 16 04 71 E2 71 62 00 E3 71 63 00 E1 71 61 00 E5 71 65 00 66 71 66 00 10 03",
    ),
}

REPLIES: dict[str, tuple[tuple[Parameter, ...], str, tuple[Value, ...]]] = {
    "205": ((FMEASURE,), "10 02 01 03 07 02 21 40 41 C8 00 00 10 03", (25.0,)),
    "8": ((MEASURE,), "10 02 01 03 05 02 01 20 3E 80 10 03", (16000,)),
    "205, 206, 142": (
        FAST,
        "10 02 01 03 11 02 21 C0 41 C8 00 00 C3 42 48 00 00 47 41 BC 00 00 10 03",
        (25.0, 50.0, 23.5),
    ),
    "205, 206, 142, 55": (
        (*FAST, VALVE_OUTPUT),
        "10 02 01 03 17 02 A1 C0 41 C8 00 00 C3 42 48 00 00 47 41 BC 00 00 72 41 00 80 00 00 10 03",
        (25.0, 50.0, 23.5, 0x800000),
    ),
    "205, 206, 142, 55, 28, 12": (
        (*FAST, VALVE_OUTPUT, ALARM_INFO, CONTROL_MODE),
        "10 02 01 03 1C 02 A1 C0 41 C8 00 00 C3 42 48 00 00 47 41 BC 00 00 F2 41 00 80 00 00 "
        "01 94 00 04 00 10 03",
        (25.0, 50.0, 23.5, 0x800000, 0, 0),
    ),
    "21, 24, 25, 129": (
        (CAPACITY, FLUID_NUMBER, ANY_NAME, ANY_UNIT),
        "10 02 01 03 18 02 01 CD 42 C8 00 00 90 00 F1 00 4E 32 00 7F 00 6D 6C 6E 2F 6D 69 6E 00 10 03",
        (100.0, 0, "N2", "mln/min"),
    ),
}

WRITES: dict[str, tuple[tuple[Parameter, Value], str, int]] = {
    "206 = 50.0": ((FSETPOINT, 50.0), "10 02 01 03 07 01 21 43 42 48 00 00 10 03", 1),
    "9 = 16000": ((SETPOINT, 16000), "10 02 01 03 05 01 01 21 3E 80 10 03", 1),
    "12 = 0": ((CONTROL_MODE, 0), "10 02 01 03 04 01 01 04 00 10 03", 1),
    "7 = 64": ((INIT_RESET, 64), "10 02 01 03 04 01 00 0A 40 10 03", 1),
    "115 = TAG": ((USER_TAG, "TAG"), "10 02 01 03 08 01 71 66 00 54 41 47 00 10 03", 1),
    "stuffing everywhere": (
        (replace(FLUID_NUMBER, maximum=None), 16),
        "10 02 10 10 03 04 01 01 10 10 10 10 10 03",
        16,
    ),
    "206 = 2.25": ((FSETPOINT, 2.25), "10 02 01 03 07 01 21 43 40 10 10 00 00 10 03", 1),
}

ASCII: dict[str, str] = {  # ASCII line -> binary frame of the same message
    ":06030421402140": "10 02 01 03 05 04 21 40 21 40 10 03",
    ":080302214041C80000": "10 02 01 03 07 02 21 40 41 C8 00 00 10 03",
    ":06030401200120": "10 02 01 03 05 04 01 20 01 20 10 03",
    ":06030201203E80": "10 02 01 03 05 02 01 20 3E 80 10 03",
    ":080301214342480000": "10 02 01 03 07 01 21 43 42 48 00 00 10 03",
    ":0403000007": "10 02 01 03 03 00 00 07 10 03",
    ":06030101213E80": "10 02 01 03 05 01 01 21 3E 80 10 03",
    ":050301010400": "10 02 01 03 04 01 01 04 00 10 03",
    ":050301000A40": "10 02 01 03 04 01 00 0A 40 10 03",
    ":0C030421C02140C32143472147": "10 02 01 03 0B 04 21 C0 21 40 C3 21 43 47 21 47 10 03",
    ":12030221C041C80000C3424800004741BC0000": (
        "10 02 01 03 11 02 21 C0 41 C8 00 00 C3 42 48 00 00 47 41 BC 00 00 10 03"
    ),
    ":0703047163716300": "10 02 01 03 06 04 71 63 71 63 00 10 03",
    ":0403000403": "10 02 01 03 03 00 04 03 10 03",
    ":0403000D02": "10 02 01 03 03 00 0D 02 10 03",
}

MANUAL_LINES = [
    ":0403000005",
    ":06030401210121",
    ":06030201213E80",
    ":1A0304F1EC7163006D71660001AE0120CF014DF0017F077101710A",
    ":370302F1EC004D3632313233343541006D00555345525441470001AE1CD8CF3F800000F0076D6C6E2F6D696E"
    "710A4E322020202020202020",
    ":1D0301800A4081C500000000C63F800000C7000000004800000000000A52",
    ":040300001C",
    ":06030468416841",
    ":0803026841459CFFAE",
]


def unframed(text: str) -> Frame:
    """The one frame that these binary bytes are."""
    (item,) = BinaryDecoder().feed(bytes.fromhex(text))
    assert isinstance(item, Frame)
    return item


def packed(params: tuple[Parameter, ...], *values: bytes) -> bytes:
    """Data of a reply that carries raw values for parameters of one process."""
    data = bytes((2, params[0].process))
    for item, value in zip(params, values, strict=True):
        data += bytes((item.number | item.kind.bits | (0 if item is params[-1] else 0x80),)) + value
    return data


# ---- the vectors -------------------------------------------------------------------------


@pytest.mark.parametrize(("params", "wire"), READS.values(), ids=READS)
def test_read_requests_match_the_vectors(params: tuple[Parameter, ...], wire: str) -> None:
    assert encode_binary(Frame(3, read_request(params), 1)) == bytes.fromhex(wire)
    assert unframed(wire) == Frame(3, read_request(params), 1)


@pytest.mark.parametrize(("params", "wire", "values"), REPLIES.values(), ids=REPLIES)
def test_read_replies_match_the_vectors(
    params: tuple[Parameter, ...], wire: str, values: tuple[Value, ...]
) -> None:
    frame = unframed(wire)
    assert (frame.node, frame.seq) == (3, 1)
    assert read_reply(frame.data, params) == values
    assert encode_binary(frame) == bytes.fromhex(wire)


@pytest.mark.parametrize(("pair", "wire", "seq"), WRITES.values(), ids=WRITES)
def test_write_requests_match_the_vectors(pair: tuple[Parameter, Value], wire: str, seq: int) -> None:
    frame = Frame(3, write_request([pair]), seq)
    assert encode_binary(frame) == bytes.fromhex(wire)
    assert unframed(wire) == frame


@pytest.mark.parametrize(("line", "wire"), ASCII.items())
def test_ascii_lines_match_the_vectors(line: str, wire: str) -> None:
    frame = replace(unframed(wire), seq=None)
    assert encode_ascii(frame) == line.encode() + b"\r\n"
    assert AsciiDecoder().feed(line.encode() + b"\r\n") == [frame]


@pytest.mark.parametrize("line", MANUAL_LINES)
def test_lines_of_the_manual_survive_decoding_and_encoding(line: str) -> None:
    (frame,) = AsciiDecoder().feed(line.encode() + b"\r\n")
    assert isinstance(frame, Frame) and frame.node == 3
    assert encode_ascii(frame) == line.encode() + b"\r\n"


def test_chained_write_of_the_manual_keeps_its_order_around_the_unlock() -> None:
    sensor = [Parameter(f"polynomial {n}", 0, 1, n, Kind.FLOAT, writable=True) for n in (5, 6, 7, 8)]
    values = zip(sensor, (0.0, 1.0, 0.0, 0.0), strict=True)
    data = write_request([(INIT_RESET, 64), *values, (INIT_RESET, 82)])
    assert (
        encode_ascii(Frame(3, data)) == b":1D0301800A4081C500000000C63F800000C7000000004800000000000A52\r\n"
    )
    check_ack(bytes.fromhex("00001C"), len(data))


def test_counter_of_the_manual() -> None:
    (value,) = read_reply(bytes.fromhex("026841459CFFAE"), [propar.COUNTER])
    assert value == pytest.approx(5023.96, abs=0.005)


# ---- requests ----------------------------------------------------------------------------


def test_values_come_in_the_order_asked_for_though_the_wire_groups_processes() -> None:
    asked = (VALVE_OUTPUT, FMEASURE, CONTROLLER_SPEED, TEMPERATURE)
    request = read_request(asked)
    assert request.hex(" ") == "04 f2 c1 72 41 5e 72 5e 21 c0 21 40 47 21 47"
    reply = bytes.fromhex("02 F2C1 00800000 5E 3F800000 21C0 41C80000 47 41BC0000")
    assert read_reply(reply, asked) == (0x800000, 25.0, 1.0, 23.5)


def test_fixed_text_asks_for_its_length_and_loses_its_padding() -> None:
    assert read_request([UNIT]).hex(" ") == "04 01 7f 01 7f 07"
    assert read_reply(b"\x02\x01\x7f\x07ls/min ", [UNIT]) == ("ls/min",)
    assert read_reply(b"\x02\x01\x7f\x00ls/min\0", [UNIT]) == ("ls/min",)


def test_fixed_text_is_written_padded() -> None:
    assert write_request([(UNIT, "ls/min")]) == b"\x01\x01\x7f\x07ls/min "


def test_text_is_lossless_beyond_ascii() -> None:
    data = write_request([(USER_TAG, "5 µm")], acknowledge=False)
    assert data == b"\x02\x71\x66\x005 \xb5m\0"
    assert read_reply(data, [USER_TAG]) == ("5 µm",)


def test_a_write_without_acknowledgement_has_its_own_command() -> None:
    assert write_request([(SETPOINT, 0)], acknowledge=False)[0] == 0x02


@pytest.mark.parametrize("build", [read_request, write_request])
def test_an_empty_chain_is_refused(build: object) -> None:
    assert callable(build)
    with pytest.raises(ValueError, match="no parameters"):
        build([])


def test_a_chain_too_long_for_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="split it"):
        read_request([FMEASURE] * 90)
    with pytest.raises(ValueError, match="split it"):  # here only the reply is too long
        read_request([replace(USER_TAG, length=130)] * 2)
    with pytest.raises(ValueError, match="split it"):
        write_request([(USER_TAG, "x" * 250)] * 2)


@pytest.mark.parametrize(
    ("item", "value", "complaint"),
    [
        (SETPOINT, 32001, "setpoint: 32001 is not a whole number 0..32000"),
        (SETPOINT, -1, "0..32000"),
        (SETPOINT, 1.5, "1.5 is not a whole number"),
        (SETPOINT, "1", "'1' is not a whole number"),
        (replace(MEASURE, writable=True), 65536, "0..65535"),
        (CONTROL_MODE, 256, "control mode: 256 is not a whole number 0..255"),
        (FLUID_NUMBER, 8, "0..7"),
        (VALVE_OUTPUT, 1 << 24, "0..16777215"),
        (replace(VALVE_OUTPUT, maximum=None), 1 << 32, "0..4294967295"),
        (FSETPOINT, float("nan"), "fSetpoint: nan is not a finite number"),
        (FSETPOINT, float("-inf"), "finite"),
        (FSETPOINT, 1e39, "3.4e38"),
        (FSETPOINT, 10**400, "fSetpoint"),
        (FSETPOINT, "50", "fSetpoint"),
        (UNIT, "too long", "capacity unit: 'too long' is not text of at most 7"),
        (USER_TAG, "a\0b", "without NUL"),
        (USER_TAG, "\u20ac", "Latin-1"),
        (USER_TAG, 7, "not text"),
        (FMEASURE, 1.0, "fMeasure is read-only"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_range(
    item: Parameter, value: Value, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint.replace(".", r"\.")):
        write_request([(item, value)])


# ---- answers -----------------------------------------------------------------------------

FOREIGN: dict[str, str] = {
    "temperature for flow": "02 21 47 41BC0000",
    "another process": "02 22 40 41C80000",
    "another type": "02 21 20 41C8",
    "the longer chain": "02 21 C0 41C80000 43 42480000",
    "bytes left over": "02 21 40 41C80000 00",
    "value cut short": "02 21 40 41C8",
    "label missing": "02 21",
    "a read request": "04 21 40 21 40",
    "acknowledgement of a write": "00 00 07",
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_the_answer_to_another_request_is_refused(data: str) -> None:
    with pytest.raises(IdentityError):
        read_reply(bytes.fromhex(data), [FMEASURE])


def test_the_right_values_in_another_order_are_refused() -> None:
    swapped = packed((FSETPOINT, FMEASURE), b"\x42\x48\0\0", b"\x41\xc8\0\0")
    with pytest.raises(IdentityError, match="fMeasure: label c0 expected|label 21 c0 expected"):
        read_reply(swapped, [FMEASURE, FSETPOINT])


@pytest.mark.parametrize(
    "data",
    [b"\x02\x71\x66", b"\x02\x71\x66\x00no end", b"\x02\x71\x66\x09short"],
    ids=["no length", "no terminator", "cut short"],
)
def test_text_that_does_not_end_where_it_should_is_refused(data: bytes) -> None:
    with pytest.raises(IdentityError, match="user tag"):
        read_reply(data, [USER_TAG])


def test_text_longer_than_asked_for_is_refused() -> None:
    with pytest.raises(IdentityError, match="capacity unit"):
        read_reply(b"\x02\x01\x7f\x08ls/min  ", [UNIT])


def test_a_refusal_becomes_a_device_error_with_its_words() -> None:
    with pytest.raises(
        DeviceError, match=r"refused a read: unknown parameter \(status 0x04\) at byte 3"
    ) as seen:
        read_reply(b"\0\x04\x03", [FMEASURE])
    assert seen.value.status == 4
    with pytest.raises(DeviceError, match=r"refused a write: read-only \(status 0x0D\) at byte 2"):
        check_ack(b"\0\x0d\x02", 7)
    with pytest.raises(DeviceError, match="unknown status"):
        check_ack(b"\0\x77\x02", 7)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0", b"\0\0\x07\0"])
def test_a_status_of_the_wrong_size_is_no_answer(data: bytes) -> None:
    with pytest.raises(FramingError):
        check_ack(data, 7)
    with pytest.raises(FramingError):
        read_reply(data, [FMEASURE])


def test_an_acknowledgement_must_fit_what_was_sent() -> None:
    check_ack(b"\0\0\x07", 7)
    with pytest.raises(IdentityError, match="acknowledges 5 bytes, 7 were sent"):
        check_ack(b"\0\0\x05", 7)
    with pytest.raises(IdentityError, match="command 0x02"):
        check_ack(bytes.fromhex("02214041C80000"), 7)


# ---- frames ------------------------------------------------------------------------------


@pytest.mark.parametrize("length", ["00", "01"])
def test_both_forms_of_the_binary_error_frame(length: str) -> None:
    frame = bytes.fromhex(f"10 02 07 03 {length} 05 10 03")
    assert BinaryDecoder().feed(frame) == [ErrorFrame(5, 3, 7)]


def test_ascii_error_frames_with_and_without_node() -> None:
    assert AsciiDecoder().feed(b":0109\r\n:020309\r\n") == [ErrorFrame(9), ErrorFrame(9, 3)]


def test_an_error_frame_speaks() -> None:
    assert ErrorFrame(9).text == "no response from the node (error 0x09)"
    assert ErrorFrame(0x42).text == "unknown error (error 0x42)"


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (Frame(256, b"\4\1", 1), "node 256"),
        (Frame(3, b"", 1), "not 0"),
        (Frame(3, b"\4", 1), "not 1"),
        (Frame(3, bytes(256), 1), "2..255"),
        (Frame(3, b"\4\1", 256), "sequence"),
        (Frame(3, b"\4\1"), "sequence"),
    ],
)
def test_what_is_no_frame_is_not_encoded(frame: Frame, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        encode_binary(frame)


def test_ascii_holds_one_byte_less_because_length_counts_the_node() -> None:
    longest = Frame(3, bytes(254))
    assert AsciiDecoder().feed(encode_ascii(longest)) == [longest]
    with pytest.raises(ValueError, match="2..254"):
        encode_ascii(Frame(3, bytes(255)))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("10 02 01 10 03", "too short"),
        ("10 02 01 03 05 04 21 40 21 10 03", "announces 5 bytes of data, holds 4"),
        ("10 02 01 03 00 10 03", "too short"),
        ("10 02 01 03 00 01 02 10 03", "announces 0"),
        ("10 02 01 03 05 04 10", "impossible"),
        ("55 AA", "noise"),
    ],
)
def test_broken_binary_frames_are_reported_with_their_bytes(raw: str, reason: str) -> None:
    bad, good = bytes.fromhex(raw), Frame(3, b"\4\1", 9)
    first, *rest = BinaryDecoder().feed(
        bad + (b"\x55" if reason == "impossible" else b"") + encode_binary(good)
    )
    assert isinstance(first, Broken) and reason in first.reason and first.raw.startswith(bad[:2])
    assert rest[-1] == good


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b":\r\n", "too short"),
        (b":0603042140214\r\n", "half a byte"),
        (b":0703042140\r\n", "announces 7 bytes, holds 4"),
        (b":0603G4", "impossible"),
        (b":0603\rX", "impossible"),
        (b"\r\n", "noise"),
    ],
)
def test_broken_ascii_lines_are_reported_with_their_bytes(raw: bytes, reason: str) -> None:
    good = Frame(3, b"\4\1")
    first, *rest = AsciiDecoder().feed(raw + encode_ascii(good))
    assert isinstance(first, Broken) and reason in first.reason
    assert rest[-1] == good


@pytest.mark.parametrize("framing", Framing)
def test_a_frame_without_end_does_not_grow_for_ever(framing: Framing) -> None:
    decoder = framing.decoder()
    endless = b"\x10\x02" + b"\x33" * 600 if framing is Framing.BINARY else b":" + b"33" * 600
    assert any(isinstance(item, Broken) and "longer" in item.reason for item in decoder.feed(endless))
    assert decoder.pending == b""


def test_an_unfinished_frame_can_be_seen_and_forgotten() -> None:
    decoder = Framing.BINARY.decoder()
    whole = encode_binary(Frame(3, b"\4\1", 1))
    assert decoder.feed(whole[:6]) == [] and decoder.pending == whole[:6]
    decoder.clear()
    assert decoder.pending == b""
    assert decoder.feed(whole) == [Frame(3, b"\4\1", 1)]


# ---- parameters --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "meaning"), [(0, 0), (32000, 32000), (41942, 41942), (41943, -23593), (65535, -1)]
)
def test_measure_is_signed_the_vendors_way(raw: int, meaning: int) -> None:
    assert propar.signed_measure(raw) == meaning


def test_percent_of_raw_has_the_range_of_the_manual() -> None:
    assert propar.percent_of_raw(16000) == 50.0
    assert propar.percent_of_raw(41942) == pytest.approx(131.07, abs=0.005)
    assert propar.percent_of_raw(41943) == pytest.approx(-73.73, abs=0.005)


def test_every_parameter_is_found_by_name_and_by_number() -> None:
    assert propar.PARAMETERS["FMEASURE"] is FMEASURE
    assert propar.BY_DDE[205] is FMEASURE and propar.BY_DDE[1] is propar.IDENT
    assert len(propar.BY_DDE) == len(propar.PARAMETERS) - 1  # WINK shares DDE 1 with IDENT
    assert set(propar.PARAMETERS) <= set(propar.__all__)


def test_no_two_parameters_share_a_place_on_the_wire() -> None:
    places = {(item.process, item.number) for item in propar.PARAMETERS.values() if item is not propar.WINK}
    assert len(places) == len(propar.BY_DDE)
    assert all(0 <= process <= 127 and 0 <= number <= 31 for process, number in places)
