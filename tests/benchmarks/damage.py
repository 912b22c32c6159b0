"""The ways in which an answer on a ProPar line goes wrong, each as a function from an exchange to its bytes.

`TELLING` contradict the question or the rules of a frame, so that a master can tell. `SILENT` do not:
ProPar has no checksum, and nothing in such a frame is wrong but the value.
"""

import random
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from devsup.propar import Frame, Framing, Parameter
from tests.benchmarks.memory_line import Answer, Damage, Exchange, intact

# -- faults of issue 2, section 4 that show --------------------------------------------------------


def dead(exchange: Exchange) -> tuple[bytes, ...]:
    return ()


def late(exchange: Exchange) -> tuple[bytes, ...]:
    """The answer to the question before, about another node, arrives now; perhaps the right one follows."""
    stale = exchange.previous.encoded(exchange.framing)
    return (stale, *intact(exchange)) if exchange.chance.random() < 0.5 else (stale,)


def foreign_node(exchange: Exchange) -> tuple[bytes, ...]:
    """Another node answers with the right sequence number and labels, and values of its own."""
    others = [node for node in range(1, 128) if node != exchange.answer.node]
    answer = replace(_other_values(exchange), node=exchange.chance.choice(others))
    return (answer.encoded(exchange.framing),)


def wrong_index(exchange: Exchange) -> tuple[bytes, ...]:
    """One of the index bytes is that of another parameter; so are the values."""
    pieces = list(_other_values(exchange).pieces)
    at = exchange.chance.choice([n for n, (_, owner) in enumerate(pieces) if owner is None][1:])
    label = pieces[at][0][0]
    pieces[at] = (bytes((label ^ exchange.chance.randint(1, 255),)), None)
    return (replace(exchange.answer, pieces=tuple(pieces)).encoded(exchange.framing),)


def wrong_sequence(exchange: Exchange) -> tuple[bytes, ...]:
    answer = exchange.answer
    assert answer.seq is not None, "ASCII has none"
    seq = (answer.seq + exchange.chance.randint(1, 255)) % 256
    return (replace(_other_values(exchange), seq=seq).encoded(exchange.framing),)


def noise_before(exchange: Exchange) -> tuple[bytes, ...]:
    return (_noise(exchange) + exchange.answer.encoded(exchange.framing),)


def noise_inside(exchange: Exchange) -> tuple[bytes, ...]:
    frame = exchange.answer.encoded(exchange.framing)
    at = exchange.chance.randrange(1, len(frame))
    return (frame[:at] + _noise(exchange) + frame[at:],)


def truncated(exchange: Exchange) -> tuple[bytes, ...]:
    frame = exchange.answer.encoded(exchange.framing)
    return (frame[: exchange.chance.randrange(1, len(frame))],)


def bytes_missing(exchange: Exchange) -> tuple[bytes, ...]:
    """An overrun: a run of bytes is lost from within."""
    frame = exchange.answer.encoded(exchange.framing)
    begin = exchange.chance.randrange(len(frame))
    end = begin + exchange.chance.randint(1, 4)
    return (frame[:begin] + frame[end:],)


def collision(exchange: Exchange) -> tuple[bytes, ...]:
    """Two nodes speak at once, and the adapter delivers a byte of one and a byte of the other."""
    other = replace(exchange.answer, node=exchange.answer.node + 1).encoded(exchange.framing)
    ours = exchange.answer.encoded(exchange.framing)
    return (bytes(byte for pair in zip(ours, other, strict=False) for byte in pair),)


def error_frame(exchange: Exchange) -> tuple[bytes, ...]:
    code, answer = exchange.chance.choice((3, 4, 5, 9)), exchange.answer
    if exchange.framing is Framing.ASCII:
        return (f":01{code:02X}\r\n".encode(),)
    length = exchange.chance.choice((0, 1))  # manual and vendor disagree
    body = bytes((answer.seq or 0, answer.node, length, code)).replace(b"\x10", b"\x10\x10")
    return (b"\x10\x02" + body + b"\x10\x03",)


def refusal(exchange: Exchange) -> tuple[bytes, ...]:
    """A status other than ok."""
    status = bytes((0, exchange.chance.randint(1, 0x23), 1))
    return (replace(exchange.answer, pieces=((status, None),)).encoded(exchange.framing),)


def wrong_kind(exchange: Exchange) -> tuple[bytes, ...]:
    """The acknowledgement of a write where values were asked for."""
    status = bytes((0, 0, exchange.chance.randint(0, 255)))
    return (replace(exchange.answer, pieces=((status, None),)).encoded(exchange.framing),)


def echo(exchange: Exchange) -> tuple[bytes, ...]:
    """The adapter hears itself, and nobody else."""
    return (exchange.request,)


def flip_outside_values(exchange: Exchange) -> tuple[bytes, ...]:
    """One wrong bit in delimiters, sequence number, node, length, command or labels."""
    owners = exchange.answer.owners(exchange.framing)
    return _flipped(exchange, [at for at, owner in enumerate(owners) if owner is None])


TELLING: Mapping[str, Damage] = MappingProxyType({
    "no answer": dead,
    "late answer to the question before": late,
    "answer of a foreign node": foreign_node,
    "wrong index byte": wrong_index,
    "wrong sequence number": wrong_sequence,
    "noise before the frame": noise_before,
    "noise inside the frame": noise_inside,
    "truncated frame": truncated,
    "bytes missing inside": bytes_missing,
    "two nodes at once": collision,
    "error frame": error_frame,
    "status of refusal": refusal,
    "acknowledgement instead of values": wrong_kind,
    "own echo only": echo,
    "bit flip outside the values": flip_outside_values,
})  # fmt: skip


# -- faults that nothing in the frame shows --------------------------------------------------------


class FlipIn:
    """One wrong bit in the value of `item`."""

    def __init__(self, item: Parameter) -> None:
        self.item = item

    def __call__(self, exchange: Exchange) -> tuple[bytes, ...]:
        owners = exchange.answer.owners(exchange.framing)
        return _flipped(exchange, [at for at, owner in enumerate(owners) if owner is self.item])


def burst_in_values(exchange: Exchange) -> tuple[bytes, ...]:
    """Up to four neighbouring bytes of the values replaced by noise."""
    frame = bytearray(exchange.answer.encoded(exchange.framing))
    owners = exchange.answer.owners(exchange.framing)
    begin = exchange.chance.choice([at for at, owner in enumerate(owners) if owner])
    end = begin + exchange.chance.randint(1, 4)
    for at in range(begin, min(end, len(frame))):
        if owners[at] is not None:
            frame[at] = _noise_byte(exchange)
    return (bytes(frame),)


def stale_same_question(exchange: Exchange) -> tuple[bytes, ...]:
    """The answer that the same node gave, or still owed, to the same question before."""
    return (exchange.previous.encoded(exchange.framing),)


# -- on the way to the instrument ------------------------------------------------------------------


def flip_in_setpoint(request: Frame, chance: random.Random) -> Frame:
    """One wrong bit in the value of a write request; the instrument cannot know."""
    if request.data[0] != 0x01:
        return request
    data = bytearray(request.data)
    bit = chance.randrange(32)
    data[3 + bit // 8] ^= 1 << bit % 8
    return replace(request, data=bytes(data))


def _other_values(exchange: Exchange) -> Answer:
    """The same answer about something else."""
    pieces = tuple(
        (piece if owner is None else exchange.chance.randbytes(len(piece)), owner)
        for piece, owner in exchange.answer.pieces
    )
    return replace(exchange.answer, pieces=pieces)


def _flipped(exchange: Exchange, places: list[int]) -> tuple[bytes, ...]:
    frame = bytearray(exchange.answer.encoded(exchange.framing))
    frame[exchange.chance.choice(places)] ^= 1 << exchange.chance.randrange(8)
    return (bytes(frame),)


def _noise(exchange: Exchange) -> bytes:
    return exchange.chance.randbytes(exchange.chance.randint(1, 12))


def _noise_byte(exchange: Exchange) -> int:
    """In ASCII a hex digit, or the noise would show."""
    if exchange.framing is Framing.ASCII:
        return exchange.chance.choice(b"0123456789ABCDEF")
    return exchange.chance.randrange(256)
