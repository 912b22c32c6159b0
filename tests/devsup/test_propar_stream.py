"""Properties of the ProPar decoders and of reply checking, on streams that hypothesis invents.

ProPar has no checksum, so the strongest possible claim is: every frame that comes out stood in
the stream byte for byte, and damage costs no frame but those it touches.
"""

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsup.errors import DeviceError, FramingError, IdentityError
from devsup.propar import (
    PARAMETERS,
    Broken,
    Decoded,
    ErrorFrame,
    Frame,
    Framing,
    Kind,
    Parameter,
    Value,
    read_reply,
    read_request,
    write_request,
)

BYTE = st.one_of(st.sampled_from([0x10, 0x10, 0x02, 0x03]), st.integers(0, 255))
ASCII_BYTE = st.one_of(st.sampled_from(b":\r\n0123456789ABCDEF"), st.integers(0, 255))
NOISE = {Framing.BINARY: st.lists(BYTE, max_size=40).map(bytes),
         Framing.ASCII: st.lists(ASCII_BYTE, max_size=40).map(bytes)}  # fmt: skip
DATA = st.lists(BYTE, min_size=2, max_size=254).map(bytes)
SHORT = st.lists(BYTE, min_size=2, max_size=12).map(bytes)


def frames(framing: Framing, data: st.SearchStrategy[bytes] = SHORT) -> st.SearchStrategy[Frame]:
    seq = BYTE if framing is Framing.BINARY else st.none()
    return st.builds(Frame, BYTE, data, seq)


def pieces(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[a:b] for a, b in zip(edges, edges[1:], strict=False)]


def decode(framing: Framing, stream: bytes, cuts: Iterable[int] = ()) -> list[Decoded]:
    decoder = framing.decoder()
    found = [item for piece in pieces(stream, cuts) for item in decoder.feed(piece)]
    return found + ([Broken("unfinished", decoder.pending)] if decoder.pending else [])


def good(items: Iterable[Decoded]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def stood_in(item: Frame, framing: Framing, stream: bytes) -> bool:
    whole = framing.encode(item)
    return whole in (stream.upper() if framing is Framing.ASCII else stream)


both = pytest.mark.parametrize("framing", Framing)
CUTS = st.lists(st.integers(0, 10_000), max_size=20)


@both
@given(st.data(), CUTS)
def test_what_is_encoded_is_decoded_however_it_arrives(
    framing: Framing, data: st.DataObject, cuts: list[int]
) -> None:
    sent = data.draw(st.lists(frames(framing, DATA), max_size=4))
    stream = b"".join(framing.encode(frame) for frame in sent)
    assert decode(framing, stream, cuts) == sent


@both
@given(st.data(), CUTS)
def test_every_byte_is_accounted_for_and_frames_do_not_depend_on_chunks(
    framing: Framing, data: st.DataObject, cuts: list[int]
) -> None:
    parts = data.draw(st.lists(st.one_of(NOISE[framing], frames(framing).map(framing.encode)), max_size=6))
    stream = b"".join(parts)
    whole, chunked = decode(framing, stream), decode(framing, stream, cuts)
    assert [x for x in whole if not isinstance(x, Broken)] == [
        x for x in chunked if not isinstance(x, Broken)
    ]
    kept = sum(len(framing.encode(x)) for x in good(chunked)) + sum(
        len(x.raw) for x in chunked if isinstance(x, Broken)
    )
    if not any(isinstance(x, ErrorFrame) for x in chunked):
        assert kept == len(stream)


@both
@given(st.data())
def test_only_frames_that_stood_in_the_stream_come_out(framing: Framing, data: st.DataObject) -> None:
    """Truncated, bit-flipped, spliced, interleaved: whatever the line does."""
    one, two = (bytearray(framing.encode(data.draw(frames(framing)))) for _ in range(2))
    cut, splice = data.draw(st.integers(0, len(one))), data.draw(st.integers(0, len(two)))
    stream = one[:cut] + two[splice:] + data.draw(NOISE[framing]) + one + two[:splice]
    for at in data.draw(st.lists(st.integers(0, len(stream) - 1), max_size=3)) if stream else ():
        stream[at] ^= 1 << data.draw(st.integers(0, 7))
    assert all(stood_in(item, framing, bytes(stream)) for item in good(decode(framing, bytes(stream))))


@both
@given(st.data())
def test_after_any_garbage_a_good_frame_is_lost_only_inside_another_well_formed_one(
    framing: Framing, data: st.DataObject
) -> None:
    garbage, first, second = data.draw(NOISE[framing]), *(data.draw(frames(framing)) for _ in range(2))
    stream = garbage + framing.encode(first) + framing.encode(second)
    found = [item for item in decode(framing, stream) if not isinstance(item, Broken)]
    assert found[-1] == second, "the frame after it always arrives"
    if found[-2:-1] != [first]:  # then what came instead ends where `first` ends, and is well-formed
        thief = found[-2]
        assert isinstance(thief, ErrorFrame) or (garbage + framing.encode(first)).upper().endswith(
            framing.encode(thief)
        )


@both
@given(st.data())
def test_a_truncated_frame_never_costs_the_next_one(framing: Framing, data: st.DataObject) -> None:
    frame, follower = data.draw(frames(framing)), data.draw(frames(framing))
    whole = framing.encode(frame)
    head = whole[: data.draw(st.integers(0, len(whole) - 1))]
    if not head.endswith(b"\x10"):  # else its last byte and the next start read as a stuffed byte
        assert good(decode(framing, head + framing.encode(follower))) == [follower]


# ---- values ------------------------------------------------------------------------------

ITEMS = [item for name, item in PARAMETERS.items() if name not in ("WINK", "IDENT")]
CHAIN = st.lists(st.sampled_from(ITEMS), min_size=1, max_size=8, unique=True)


def value_of(item: Parameter) -> st.SearchStrategy[Value]:
    if item.kind is Kind.FLOAT:
        return st.floats(width=32, allow_nan=False, allow_infinity=False)
    if item.kind is Kind.STRING:
        letters = st.characters(min_codepoint=1, max_codepoint=255)
        return st.text(letters, max_size=item.length or 16).map(lambda text: text.rstrip(" "))
    return st.integers(0, 256**item.kind.size - 1 if item.maximum is None else item.maximum)


def answer(params: list[Parameter], values: list[Value]) -> bytes:
    """The reply of an honest instrument: a quiet write of the same chain, in wire order."""
    first = {item.process: n for n, item in reversed(list(enumerate(params)))}
    pairs = sorted(zip(params, values, strict=True), key=lambda pair: first[pair[0].process])
    return write_request([(as_writable(item), value) for item, value in pairs], acknowledge=False)


def as_writable(item: Parameter) -> Parameter:
    return Parameter(item.name, 0, item.process, item.number, item.kind, item.length, writable=True)


@given(st.data(), CHAIN)
def test_values_written_as_a_reply_are_read_back(data: st.DataObject, params: list[Parameter]) -> None:
    values = [data.draw(value_of(item)) for item in params]
    assert read_reply(answer(params, values), params) == tuple(values)
    assert len(read_request(params)) <= 255


@given(st.data(), CHAIN, CHAIN)
def test_the_reply_to_another_chain_is_refused(
    data: st.DataObject, asked: list[Parameter], answered: list[Parameter]
) -> None:
    reply = answer(answered, [data.draw(value_of(item)) for item in answered])
    if read_request(asked) != read_request(answered):
        with pytest.raises(IdentityError):
            read_reply(reply, asked)


@given(st.data(), CHAIN)
def test_a_shortened_or_lengthened_reply_is_refused(data: st.DataObject, params: list[Parameter]) -> None:
    reply = answer(params, [data.draw(value_of(item)) for item in params])
    cut = data.draw(st.integers(1, len(reply) - 1))
    for damaged in (reply[:cut], reply + data.draw(st.binary(min_size=1, max_size=4))):
        with pytest.raises(IdentityError):
            read_reply(damaged, params)


@given(st.binary(max_size=60), CHAIN)
def test_arbitrary_data_is_read_or_refused_but_never_crashes(data: bytes, params: list[Parameter]) -> None:
    try:
        values = read_reply(data, params)
    except (IdentityError, FramingError, DeviceError):
        return
    assert len(values) == len(params)


@given(st.data(), CHAIN)
def test_a_flipped_bit_is_refused_unless_it_hits_a_value(
    data: st.DataObject, params: list[Parameter]
) -> None:
    """The limit of the protocol, stated: only values (and the length of open text) may change unnoticed."""
    numbers = [item for item in params if item.kind is not Kind.STRING]
    if not numbers:
        return
    reply = bytearray(answer(numbers, [data.draw(value_of(item)) for item in numbers]))
    at, bit = data.draw(st.integers(0, len(reply) - 1)), data.draw(st.integers(0, 7))
    reply[at] ^= 1 << bit
    if at in value_bytes(numbers):
        read_reply(bytes(reply), numbers)
    else:
        with pytest.raises((IdentityError, FramingError, DeviceError)):
            read_reply(bytes(reply), numbers)


def value_bytes(params: list[Parameter]) -> set[int]:
    """Positions in a reply that hold values."""
    zero, ones = (answer(params, [filled(item, fill) for item in params]) for fill in (0x00, 0x7E))
    return {n for n, (a, b) in enumerate(zip(zero, ones, strict=True)) if a != b}


def filled(item: Parameter, fill: int) -> Value:
    value: Value = struct.unpack(item.kind.layout, bytes([fill]) * item.kind.size)[0]
    return value
