"""A ProPar line in memory: three instruments that answer at once, and a hook that damages what they answer.

Stands in for a Line and a Port, so that ProparBus and Instrument run unchanged, without time or threads.
It knows at every moment which values the last answer meant.
"""

import random
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

from devsup import propar
from devsup.errors import DeviceFault
from devsup.health import Health, Manners
from devsup.line import Line, LineSettings
from devsup.port import Port, Priority
from devsup.propar import Frame, Framing, Parameter, Value

T = TypeVar("T")

CAPACITY = 100.0
NODES = (3, 5, 6)
LONG_S = 60.0  # a deadline that never matters: what has not arrived at once never does
_MORE = 0x80
_ADDRESSED = {
    (item.process, item.number | item.kind.bits): item
    for item in (
        propar.FMEASURE,
        propar.FSETPOINT,
        propar.TEMPERATURE,
        propar.VALVE_OUTPUT,
        propar.ALARM_INFO,
        propar.CONTROL_MODE,
    )
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A frame from an instrument, in pieces: which bytes are values, and of what, and which are not."""

    node: int
    seq: int | None
    pieces: tuple[tuple[bytes, Parameter | None], ...]

    @property
    def data(self) -> bytes:
        return b"".join(piece for piece, _ in self.pieces)

    def encoded(self, framing: Framing) -> bytes:
        return framing.encode(Frame(self.node, self.data, self.seq))

    def owners(self, framing: Framing) -> list[Parameter | None]:
        """For each byte of `encoded`: the parameter whose value it carries, None for all the rest."""
        body = [(byte, owner) for piece, owner in self.pieces for byte in piece]
        if framing is Framing.ASCII:
            inner = [owner for _, owner in body for _ in range(2)]
            return [None] * 5 + inner + [None] * 2
        head = [(byte, None) for byte in (self.seq or 0, self.node, len(body))]
        stuffed = [owner for byte, owner in head + body for _ in range(2 if byte == 0x10 else 1)]
        return [None] * 2 + stuffed + [None] * 2


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question's answer, and the one before it, for a damage to work on."""

    answer: Answer
    previous: Answer
    request: bytes
    framing: Framing
    chance: random.Random


Damage = Callable[[Exchange], tuple[bytes, ...]]


def intact(exchange: Exchange) -> tuple[bytes, ...]:
    return (exchange.answer.encoded(exchange.framing),)


class Truth:
    """The values of one instrument; those that are measured are different in every answer."""

    def __init__(self, node: int) -> None:
        self.setpoint = 10.0 * node
        self.mode = 0
        self._base = 8.0 * node
        self._asked = 0

    def next(self) -> dict[Parameter, Value]:
        self._asked += 1
        return {
            propar.FMEASURE: self._base + self._asked % 1024 / 1024,
            propar.FSETPOINT: self.setpoint,
            propar.TEMPERATURE: 20.0 + self._base / 64 + self._asked % 512 / 512,
            propar.VALVE_OUTPUT: 5_000_000 + self._asked % 4096,
            propar.ALARM_INFO: 0,
            propar.CONTROL_MODE: self.mode,
        }


class MemoryLine(Line):
    """Line double. What a question provokes is there at once; when it is used up, time is over."""

    def __init__(self, framing: Framing, seed: int) -> None:
        super().__init__(LineSettings("memory"))
        self.framing = framing
        self.damage: Damage = intact
        self.damage_request: Callable[[Frame, random.Random], Frame] | None = None
        self.chance = random.Random(seed)
        self.truths = {node: Truth(node) for node in NODES}
        self.meant: dict[Parameter, Value] = {}
        self._arriving: deque[bytes] = deque()
        self._previous = Answer(1, 0, ((b"\x02\x21\x40", None), (b"\x41\xc8\x00\x00", propar.FMEASURE)))

    def send(self, data: bytes) -> None:
        (request,) = self.framing.decoder().feed(data)
        assert isinstance(request, Frame)
        if self.damage_request is not None:
            request = self.damage_request(request, self.chance)
        answer = self._answer(request)
        self._arriving.extend(self.damage(Exchange(answer, self._previous, data, self.framing, self.chance)))
        self._previous = answer

    def receive(self, deadline: float) -> bytes:
        return self._arriving.popleft() if self._arriving else b""

    def flush(self) -> int:
        dropped = sum(map(len, self._arriving))
        self._arriving.clear()
        return dropped

    def _answer(self, request: Frame) -> Answer:
        command, body = request.data[0], request.data[1:]
        if command == 0x04:
            self.meant = self.truths[request.node].next()
            return Answer(request.node, request.seq, ((b"\x02", None), *_values(body, self.meant)))
        self._obey(request.node, body)
        return Answer(request.node, request.seq, ((bytes((0, 0, len(request.data))), None),))

    def _obey(self, node: int, body: bytes) -> None:
        """The only write there is: the setpoint, alone."""
        self.truths[node].setpoint = struct.unpack(">f", body[2:6])[0]


def _values(body: bytes, meant: dict[Parameter, Value]) -> Iterator[tuple[bytes, Parameter | None]]:
    """Labels and values in the order a read request asks for them."""
    at, last_process = 0, False
    while not last_process:
        last_process = not body[at] & _MORE
        yield body[at : at + 1], None
        at, more = at + 1, True
        while more:
            label, process, number = body[at : at + 3]
            item = _ADDRESSED[process, number]
            yield bytes((label,)), None
            yield struct.pack(item.kind.layout, meant[item]), item
            at, more = at + 3, bool(label & _MORE)


class MemoryPort:
    """Port double: one attempt, at once. What a real port drains after a failure is gone here too."""

    def __init__(self, line: MemoryLine) -> None:
        self.line = line

    def device(self, name: str, manners: Manners | None = None) -> Health:
        return Health(name, manners)

    async def run(
        self,
        work: Callable[[Line, float], T],
        device: Health,
        priority: Priority = Priority.POLL,
        **options: object,
    ) -> T:
        self.line.flush()
        try:
            result = work(self.line, time.monotonic() + LONG_S)
        except DeviceFault as error:
            device.attempt_failed(str(error))
            raise
        device.answered(0.01, 0.0)
        return result


def as_port(line: MemoryLine) -> Port:
    """The double in the place of the real one."""
    return cast(Port, MemoryPort(line))
