"""One question, the one answer to it, everything else turned away. Bytes are fed by hand."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

import pytest

from devsup.errors import ChecksumError, DeviceError, DeviceFault, FramingError, IdentityError, NoReply
from devsup.health import Manners
from devsup.line import Line, LineSettings
from devsup.modbus_bus import ModbusBus, silence_s
from devsup.port import Port
from devsup.sim.modbus_bytes import sealed
from tests.devsup.far_end import PATIENCE_S

Chunks = Callable[[bytes], Iterable[bytes]]
QUESTION = sealed(bytes.fromhex("01 03 0000 0002"))
ANSWER = sealed(bytes.fromhex("01 03 04 0007 0008"))
OLD = sealed(bytes.fromhex("01 03 04 0001 0002"))  # an answer of the same shape, from before
OTHERS = sealed(bytes.fromhex("02 03 04 0001 0002"))
REFUSAL = sealed(bytes.fromhex("01 83 02"))
ONE = sealed(bytes.fromhex("01 03 02 0007"))  # the answer to a question for one register


class ScriptedLine(Line):
    """Answers each request with chunks made from it; then the time is over."""

    def __init__(self, answers: Chunks) -> None:
        super().__init__(LineSettings("scripted", 9600))
        self.sent: list[bytes] = []
        self.left: list[bytes] = []
        self.deadlines: list[float] = []
        self.answers = answers

    def send(self, data: bytes) -> None:
        self.sent_at = time.monotonic()
        self.sent.append(data)
        self.left += self.answers(data)

    def receive(self, deadline: float) -> bytes:
        self.deadlines.append(deadline)
        return self.left.pop(0) if self.left else b""

    def flush(self) -> int:
        dropped, self.left = sum(map(len, self.left)), []
        return dropped


@dataclass
class Settings:
    """What a bus asks a port for."""

    settings: LineSettings = field(default_factory=lambda: LineSettings("scripted", 9600))
    manners: Manners = Manners(response_timeout_s=0.03)


def bus(*, gap_s: float | None = None, hears_itself: bool = False) -> ModbusBus:
    return ModbusBus(cast(Port, Settings()), gap_s=gap_s, hears_itself=hears_itself)


def read(answers: Chunks, it: ModbusBus | None = None) -> tuple[tuple[int, ...], ScriptedLine]:
    line = ScriptedLine(answers)
    return (it or bus()).read_holding(line, 0.0, 1, 0, 2), line


def fault_of(answers: Chunks, it: ModbusBus | None = None) -> tuple[DeviceFault, ScriptedLine]:
    line = ScriptedLine(answers)
    with pytest.raises(DeviceFault) as raised:
        (it or bus()).read_holding(line, 0.0, 1, 0, 2)
    return raised.value, line


# -- accepted ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", range(1, len(ANSWER)))
def test_an_answer_may_come_in_pieces(cut: int) -> None:
    values, line = read(lambda request: [ANSWER[:cut], ANSWER[cut:]])
    assert values == (7, 8)
    assert line.sent == [QUESTION]


def test_the_answer_is_found_after_what_is_not_it() -> None:
    values, line = read(lambda request: [b"\x01\x03", OTHERS, sealed(b"\x01\x04\x02\0\1"), b"\xff", ANSWER])
    assert values == (7, 8)
    assert line.strays == 2, "whole answers to others; not the noise"


def test_what_comes_right_behind_the_answer_is_not_overlooked() -> None:
    _, line = read(lambda request: [ANSWER + OTHERS])
    assert line.strays == 1


def test_a_wrong_answer_is_waited_past() -> None:
    values, line = read(lambda request: [OTHERS, ANSWER])
    assert values == (7, 8)
    assert line.strays == 1


def test_an_exception_ends_the_wait() -> None:
    fault, line = fault_of(lambda request: [REFUSAL, b"never heard"])
    assert isinstance(fault, DeviceError)
    assert fault.status == 2
    assert line.left


def test_every_kind_of_write_wants_its_own_echo() -> None:
    it = bus()
    line = ScriptedLine(lambda request: [request])
    it.write_register(line, 0.0, 1, 9, 1)
    it.write_coil(line, 0.0, 1, 0, True)
    it.write_coil_value(line, 0.0, 1, 0, 0x5500)
    line.answers = lambda request: [sealed(request[:6])]
    it.write_registers(line, 0.0, 1, 0, (1, 2))
    it.write_coils(line, 0.0, 1, 0, (True, False))
    line.answers = lambda request: [sealed(request[:5] + b"\x07")]
    with pytest.raises(IdentityError):
        it.write_registers(line, 0.0, 1, 0, (1, 2))
    with pytest.raises(IdentityError):
        it.write_register(line, 0.0, 1, 9, 1)


def test_coils_and_inputs_are_read_as_well() -> None:
    it = bus()
    assert it.read_coils(ScriptedLine(lambda _: [sealed(b"\1\1\1\5")]), 0.0, 1, 0, 3) == (True, False, True)
    assert it.read_discrete_inputs(ScriptedLine(lambda _: [sealed(b"\1\2\1\2")]), 0.0, 1, 0, 2) == (
        False,
        True,
    )
    assert it.read_input(ScriptedLine(lambda _: [sealed(b"\1\4\2\0\5")]), 0.0, 1, 0, 1) == (5,)


# -- turned away ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", NoReply),
        (ANSWER[:-1], FramingError),
        (b"\x55" * 30, FramingError),
        (ANSWER[:4] + b"\xff" + ANSWER[5:], ChecksumError),
        (OTHERS, IdentityError),
        (sealed(bytes.fromhex("01 03 02 0007")), IdentityError),
        (sealed(bytes.fromhex("01 04 04 0007 0008")), IdentityError),
    ],
)
def test_what_is_no_answer_is_called_by_its_name(answer: bytes, kind: type[DeviceFault]) -> None:
    assert type(fault_of(lambda request: [answer] if answer else [])[0]) is kind


def test_a_damaged_answer_is_not_waited_for_any_longer() -> None:
    deadline = time.monotonic() + PATIENCE_S
    line = ScriptedLine(lambda request: [ANSWER[:4] + b"\xff" + ANSWER[5:]])
    with pytest.raises(ChecksumError):
        bus().read_holding(line, deadline, 1, 0, 2)
    first, then = line.deadlines
    assert first > deadline
    assert then < first - PATIENCE_S / 2


def test_the_bytes_own_time_is_not_taken_from_the_patience() -> None:
    """A large block at a low baud rate takes longer than many a time-out."""
    deadline = time.monotonic() + PATIENCE_S
    line = ScriptedLine(lambda request: [])
    with pytest.raises(NoReply):
        bus().read_holding(line, deadline, 1, 0, 125)
    assert line.deadlines[-1] - deadline == pytest.approx((8 + 255) * 10 / 9600, abs=0.1)


def test_a_flood_is_not_listened_to_for_ever() -> None:
    class Flood(ScriptedLine):
        def receive(self, deadline: float) -> bytes:
            return b"\x55"

        def flush(self) -> int:
            return 0

    with pytest.raises(FramingError):
        bus().read_holding(Flood(lambda request: []), 0.0, 1, 0, 2)


# -- the gap between frames ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("baudrate", "gap_s"), [(9600, 0.00401), (19200, 0.002005), (38400, 0.00175), (115200, 0.00175)]
)
def test_frames_are_three_and_a_half_characters_apart(baudrate: int, gap_s: float) -> None:
    assert silence_s(LineSettings("x", baudrate)) == pytest.approx(gap_s, rel=1e-3)


class RestingLine(ScriptedLine):
    """Notes until when it is kept silent; `late` comes while it is."""

    def __init__(self, answers: Chunks, *late: bytes) -> None:
        super().__init__(answers)
        self.late = list(late)
        self.rests: list[float] = []

    def rest(self, until: float) -> None:
        self.rests.append(until - self.heard_at)
        self.heard_at = 0.0
        if self.late:
            self.left.append(self.late.pop())

    def flush(self) -> int:
        if self.left:
            self.heard_at = time.monotonic()
        return super().flush()


def test_the_line_is_silent_before_a_question() -> None:
    line = RestingLine(lambda request: [ANSWER])
    line.heard_at = time.monotonic()
    bus(gap_s=5.0).read_holding(line, 0.0, 1, 0, 2)
    assert line.rests == [pytest.approx(5.0)]
    assert line.strays == 0


def test_what_comes_in_the_gap_is_nobodys_answer_and_begins_it_anew() -> None:
    line = RestingLine(lambda request: [ANSWER], OLD)
    line.heard_at = time.monotonic()
    assert bus(gap_s=5.0).read_holding(line, 0.0, 1, 0, 2) == (7, 8)
    assert line.rests == [pytest.approx(5.0), pytest.approx(5.0)]
    assert line.strays == 1


def test_without_a_gap_nothing_is_waited_for() -> None:
    line = RestingLine(lambda request: [ANSWER])
    line.heard_at = time.monotonic()
    bus(gap_s=0.0).read_holding(line, 0.0, 1, 0, 2)
    assert line.rests == []


# -- an adapter that hears itself ---------------------------------------------------------------


def test_an_echo_is_no_acknowledgement() -> None:
    it = bus(hears_itself=True)
    with pytest.raises(NoReply):
        it.write_register(ScriptedLine(lambda request: [request]), 0.0, 1, 9, 1)
    it.write_register(ScriptedLine(lambda request: [b"\0", request[:3], request[3:] + request]), 0.0, 1, 9, 1)
    assert read(lambda request: [request + ANSWER], it)[0] == (7, 8)


# -- late answers -------------------------------------------------------------------------------


class Slave:
    """Answers a read of `count` registers with `count` times a number that counts its answers."""

    def __init__(self) -> None:
        self.answered = 0
        self.held: list[bytes] = []
        self.late = 0  # answers still to be withheld until the next question

    def __call__(self, request: bytes) -> list[bytes]:
        self.answered += 1
        count = request[5]
        answer = sealed(request[:2] + bytes((2 * count,)) + count * self.answered.to_bytes(2, "big"))
        if request[1] == 6:
            answer = request
        held, self.held = self.held, []
        if self.late:
            self.late -= 1
            self.held = [*held, answer]
            return []
        return [*held, answer]


@pytest.mark.parametrize("late", [1, 2, 3])
def test_a_late_answer_of_the_same_shape_never_becomes_a_reading(late: int) -> None:
    slave, it = Slave(), bus()
    line = ScriptedLine(slave)
    assert it.read_holding(line, 0.0, 1, 0, 8) == (1,) * 8
    slave.late = late
    for _ in range(late):
        with pytest.raises(NoReply):
            it.read_holding(line, 0.0, 1, 0, 8)
    values = it.read_holding(line, 0.0, 1, 0, 8)
    assert values == (slave.answered,) * 8, "the latest answer there is"
    assert it.catch_ups == late
    assert it.read_holding(line, 0.0, 1, 0, 8) == (slave.answered,) * 8
    assert it.catch_ups == late, "nothing is owed any more"


def test_before_the_same_question_comes_one_with_a_different_answer() -> None:
    it = bus()
    fault_of(lambda request: [], it)
    line = ScriptedLine(lambda request: [OLD, ONE] if request[5] == 1 else [ANSWER])
    assert it.read_holding(line, 0.0, 1, 0, 2) == (7, 8)
    assert [request[5] for request in line.sent] == [1, 2]
    assert line.strays == 1


def test_a_refusal_settles_it_as_well() -> None:
    it = bus()
    fault_of(lambda request: [], it)
    line = ScriptedLine(lambda request: [REFUSAL] if request[5] == 1 else [ANSWER])
    assert it.read_holding(line, 0.0, 1, 0, 2) == (7, 8)


def test_other_units_are_not_concerned() -> None:
    it = bus()
    fault_of(lambda request: [], it)
    line = ScriptedLine(lambda request: [OTHERS])
    assert it.read_holding(line, 0.0, 2, 0, 2) == (1, 2)
    assert len(line.sent) == 1


def test_a_damaged_answer_will_not_come_again() -> None:
    it = bus()
    fault_of(lambda request: [ANSWER[:4] + b"\xff" + ANSWER[5:]], it)
    _, line = read(lambda request: [ANSWER], it)
    assert len(line.sent) == 1


def test_an_answer_of_another_shape_is_proof_enough() -> None:
    it = bus()
    fault_of(lambda request: [], it)
    it.write_register(ScriptedLine(lambda request: [request]), 0.0, 1, 9, 1)
    _, line = read(lambda request: [ANSWER], it)
    assert len(line.sent) == 1


def test_an_acknowledgement_that_may_be_old_proves_nothing() -> None:
    it = bus()
    silent = ScriptedLine(lambda request: [])
    for missed in (
        lambda: it.read_holding(silent, 0.0, 1, 0, 2),
        lambda: it.write_register(silent, 0.0, 1, 9, 1),
    ):
        with pytest.raises(NoReply):
            missed()
    it.write_register(ScriptedLine(lambda request: [request]), 0.0, 1, 9, 1)
    line = ScriptedLine(lambda request: [ONE] if request[5] == 1 else [ANSWER])
    it.read_holding(line, 0.0, 1, 0, 2)
    assert [request[5] for request in line.sent] == [1, 2]


def test_where_every_question_is_answered_alike_a_late_answer_is_outwaited() -> None:
    """One register, or coils of one byte: there is no smaller question."""
    it = bus()
    with pytest.raises(NoReply):
        it.read_coils(ScriptedLine(lambda request: []), 0.0, 1, 0, 8)
    late, now = sealed(b"\1\1\1\xff"), sealed(b"\1\1\1\0")
    line = ScriptedLine(lambda request: [now])
    line.left = [late[:3], late[3:]]
    assert it.read_coils(line, 0.0, 1, 0, 8) == (False,) * 8
    assert len(line.sent) == 1


def test_a_late_answer_that_never_comes_is_waited_for_until_it_cannot() -> None:
    it = bus()
    began = time.monotonic()
    with pytest.raises(NoReply):
        it.read_holding(ScriptedLine(lambda request: []), 0.0, 1, 0, 1)
    assert it.read_holding(ScriptedLine(lambda request: [ONE]), 0.0, 1, 0, 1) == (7,)
    assert time.monotonic() - began >= it.longest_reply_s
