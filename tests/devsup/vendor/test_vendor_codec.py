"""The vendor's library (bronkhorst-propar, MIT, test only) builds what we build and reads what we send."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import propar as vendor
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devsup.propar import (
    BY_DDE,
    PARAMETERS,
    AsciiDecoder,
    BinaryDecoder,
    Frame,
    Kind,
    Parameter,
    Value,
    encode_ascii,
    encode_binary,
    read_reply,
    read_request,
    write_request,
)
from tests.support.waiting import wait_until

# The vendor asks for all text zero-terminated.
OPEN = [replace(item, length=0, maximum=None, writable=True) for item in BY_DDE.values()]
VENDOR_TYPES = {Kind.CHAR: 0x00, Kind.INT: 0x20, Kind.LONG: 0x40, Kind.FLOAT: 0x41, Kind.STRING: 0x60}

BUILDER = vendor._propar_builder()  # noqa: SLF001 - the vendor's builder is not public
DATABASE = vendor.database()


def vendors(item: Parameter, value: Value | None = None) -> dict[str, Any]:
    """The parameter as the vendor describes it to its builder."""
    size = {Kind.CHAR: 1, Kind.INT: 2, Kind.LONG: 4, Kind.FLOAT: 4, Kind.STRING: 0}[item.kind]
    return {
        "proc_nr": item.process, "proc_index": item.process, "parm_nr": item.number,
        "parm_index": item.number, "parm_type": VENDOR_TYPES[item.kind], "parm_size": size, "data": value,
    }  # fmt: skip


def values() -> st.SearchStrategy[list[tuple[Parameter, Value]]]:
    def pair(item: Parameter) -> st.SearchStrategy[tuple[Parameter, Value]]:
        return st.tuples(st.just(item), value_of(item))

    return st.lists(
        st.sampled_from(OPEN).flatmap(pair), min_size=1, max_size=6, unique_by=lambda pair: pair[0].dde
    )


def value_of(item: Parameter) -> st.SearchStrategy[Value]:
    if item.kind is Kind.FLOAT:
        return st.floats(width=32, allow_nan=False, allow_infinity=False)
    if item.kind is Kind.STRING:
        return st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
    return st.integers(0, 256**item.kind.size - 1)


class Wire:
    """A serial port that the vendor's receiver reads from and its sender writes to."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.incoming, self.sent = b"", b""

    @property
    def in_waiting(self) -> int:
        return len(self.incoming)

    def read(self, count: int) -> bytes:
        piece, self.incoming = self.incoming[:count], self.incoming[count:]
        return piece

    def write(self, data: bytes) -> None:
        self.sent += data


@pytest.fixture(params=[0, 1], ids=["binary", "ascii"])
def provider(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The vendor's framer in one of its modes; its thread is ended again."""
    new = vendor._propar_provider(38400, "nowhere", mode=request.param, serial_class=Wire)  # noqa: SLF001
    new.last_seq = 9
    yield new
    new.run = False
    new.serial_read_thread.join()


def received(provider: Any, data: bytes) -> dict[str, Any]:
    provider.serial.incoming = data
    message: dict[str, Any] = wait_until(provider.read_propar_message)
    return message


# ---- parameters --------------------------------------------------------------------------


@pytest.mark.parametrize("item", PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_are_where_the_vendors_table_has_them(item: Parameter) -> None:
    theirs = DATABASE.get_parameter(item.dde)
    assert (theirs["proc_nr"], theirs["parm_nr"]) == (item.process, item.number)
    assert theirs["parm_type"] & 0x60 == item.kind.bits
    assert (theirs["parm_type"] == 0x41) == (item.kind is Kind.FLOAT)


# ---- messages ----------------------------------------------------------------------------


@given(st.lists(st.sampled_from(OPEN), min_size=1, max_size=12, unique=True))
def test_read_requests_are_the_vendors_byte_for_byte(params: list[Parameter]) -> None:
    """Our chains group processes; given them grouped, the vendor builds the same bytes."""
    grouped = sorted(params, key=lambda item: [other.process for other in params].index(item.process))
    theirs = BUILDER.build_pp_request_parameter_message({"seq": 1, "node": 3}, [vendors(p) for p in grouped])
    assert bytes(theirs["data"]) == read_request(params)


@given(values(), st.booleans())
def test_write_requests_are_the_vendors_byte_for_byte(
    pairs: list[tuple[Parameter, Value]], acknowledge: bool
) -> None:
    theirs = BUILDER.build_pp_send_parameter_message(
        {"seq": 1, "node": 3}, [vendors(*pair) for pair in pairs], 1 if acknowledge else 2
    )
    assert bytes(theirs["data"]) == write_request(pairs, acknowledge)


@given(values())
def test_the_vendor_reads_the_values_that_we_write(pairs: list[tuple[Parameter, Value]]) -> None:
    data = write_request(pairs, acknowledge=False)
    theirs = BUILDER.read_pp_send_parameter_message({"len": len(data), "data": list(data)})
    assert [parameter["status"] for parameter in theirs] == [0] * len(pairs)
    for parameter, (item, value) in zip(theirs, pairs, strict=True):
        if item.kind is not Kind.FLOAT:
            assert parameter["data"] == value


@given(values())
def test_we_read_the_replies_that_the_vendor_builds(pairs: list[tuple[Parameter, Value]]) -> None:
    first = {item.process: place for place, (item, _) in reversed(list(enumerate(pairs)))}
    ordered = sorted(pairs, key=lambda pair: first[pair[0].process])
    theirs = BUILDER.build_pp_send_parameter_message(
        {"seq": 1, "node": 3}, [vendors(*pair) for pair in ordered]
    )
    ours = read_reply(bytes(theirs["data"]), [item for item, _ in pairs])
    assert ours == tuple(value for _, value in pairs)


# ---- frames ------------------------------------------------------------------------------

FRAMES = st.builds(Frame, st.integers(0, 255), st.binary(min_size=2, max_size=60), st.integers(0, 255))
HARD = Frame(0x10, b"\x10\x02\x10\x03\x10\x10", 0x10)


def test_frames_pass_between_their_framer_and_ours(provider: Any) -> None:
    @settings(max_examples=40, deadline=None)
    @given(FRAMES)
    def both_ways(frame: Frame) -> None:
        check(provider, frame)

    check(provider, HARD)
    both_ways()


def check(provider: Any, frame: Frame) -> None:
    binary = provider.mode == 0
    ours = encode_binary(frame) if binary else encode_ascii(frame)
    provider.serial.sent = b""
    length, data = len(frame.data), list(frame.data)
    provider.write_propar_message({"seq": frame.seq, "node": frame.node, "len": length, "data": data})
    assert provider.serial.sent == ours
    decoder = BinaryDecoder() if binary else AsciiDecoder()
    assert decoder.feed(ours) == [frame if binary else replace(frame, seq=None)]
    message = received(provider, ours)
    assert (message["node"], message["len"], message["data"]) == (frame.node, length, data)
    assert message["seq"] == frame.seq


def test_error_messages_of_the_vendor_are_error_frames_to_us(provider: Any) -> None:
    provider.write_propar_message(BUILDER.create_pp_error_message({"seq": 7, "node": 3}, 5))
    (seen,) = (BinaryDecoder() if provider.mode == 0 else AsciiDecoder()).feed(provider.serial.sent)
    assert (seen.code, seen.node, seen.seq) == (5, 3, 7 if provider.mode == 0 else None)
