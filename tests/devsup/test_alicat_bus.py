"""The bus: which line of text answers which question; what is turned away, and as what."""

import time
from collections.abc import Callable

import pytest

from devsup.alicat import FeatureMissing, Misshapen, NotUnderstood, setpoints_from
from devsup.alicat_bus import AlicatBus
from devsup.errors import DeviceFault, FramingError, IdentityError, NoReply
from devsup.line import Line, LineSettings
from devsup.port import Port

LONG_S = 60.0  # what has not arrived at once never does


class Script(Line):
    """Line double: what is to arrive after a question, in portions; then the time is over."""

    def __init__(self, *portions: bytes) -> None:
        super().__init__(LineSettings("script"))
        self.portions = list(portions)
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def receive(self, deadline: float) -> bytes:
        return self.portions.pop(0) if self.portions else b""


BUS = AlicatBus(Port("bench", LineSettings("script")))


def ask(*portions: bytes, command: bytes = b"A\r", parse: Callable[[str], object] = str) -> object:
    return BUS.ask(Script(*portions), time.monotonic() + LONG_S, command, parse)


def table(*portions: bytes, complete: Callable[[list[str]], bool] = lambda rows: False) -> list[str]:
    return BUS.table(Script(*portions), time.monotonic() + LONG_S, b"A??D*\r", complete)


@pytest.mark.parametrize(
    "portions",
    [
        (b"A +014.62 N2\r",),
        (b"A", b" +014.62", b" N2", b"\r"),
        (b"A\r", b"A +014.62 N2\r"),  # a two-wire adapter that hears itself
        (b"A\rA +014.62 N2\r",),
        (b"\r", b"A +014.62 N2\r"),
        (b"B +001.00 Ar\r", b"A +014.62 N2\r"),  # somebody else's late answer, then ours
        (b"B +001.00 Ar\rA +014.62 N2\r",),
        (b"\x00\xff\r", b"A +014.62 N2\r"),
        (b" +001.00 Ar\r", b"A +014.62 N2\r"),  # somebody streams
    ],
)
def test_the_answer_is_found(portions: tuple[bytes, ...]) -> None:
    assert ask(*portions) == "A +014.62 N2"


@pytest.mark.parametrize(
    ("portions", "error"),
    [
        ((), NoReply),
        ((b"\r",), NoReply),
        ((b"A\r",), NoReply),
        ((b"A +014.62",), FramingError),
        ((b"A +01\x004.62 N2\r",), FramingError),
        ((b"\xe7A +014.62 N2\r",), FramingError),
        ((b"zA +014.62 N2\r",), IdentityError),
        ((b"B +014.62 N2\r",), IdentityError),
        ((b" +014.62 N2\r",), IdentityError),
        ((b"?\r",), NotUnderstood),
        ((b"\r?\r",), NotUnderstood),
        ((b"\r", b"?\r"), NotUnderstood),
        ((b"A   Feature Not Enabled\r",), FeatureMissing),
        ((b"A +014.62 N2\rA +014.62 N2\r",), IdentityError),  # one of them is an old one
        ((b"A +014.62 N2\rA +0",), IdentityError),
    ],
)
def test_what_is_no_answer(portions: tuple[bytes, ...], error: type[DeviceFault]) -> None:
    with pytest.raises(error):
        ask(*portions)


def test_an_answer_of_ours_to_another_question_is_not_the_one() -> None:
    frame, answer = b"A +014.62 +021.89 +000.00 +000.00 +050.00     N2\r", b"A +000.00 +050.00 12 SCCM\r"
    found = ask(frame, answer, command=b"ALS\r", parse=setpoints_from)
    assert found == setpoints_from(answer.decode().strip())
    with pytest.raises(FramingError):
        ask(frame, command=b"ALS\r", parse=setpoints_from)


def test_a_misshapen_frame_of_ours_is_known_at_once() -> None:
    def parse(text: str) -> object:
        raise Misshapen(text)

    line = Script(b"A +014.62\r", b"rest")
    with pytest.raises(Misshapen):
        BUS.ask(line, time.monotonic() + LONG_S, b"A\r", parse)
    assert line.portions == [b"rest"], "not waited for"


def test_answers_of_others_are_counted_as_strays() -> None:
    line = Script(b"B +001.00 Ar\r", b"A +014.62 N2\r")
    BUS.ask(line, time.monotonic() + LONG_S, b"A\r", str)
    assert line.strays == 1 and line.sent == [b"A\r"]


def test_bytes_without_end_are_not_listened_to_for_ever() -> None:
    class Flood(Script):
        def receive(self, deadline: float) -> bytes:
            return b"B +001.00 Ar\r"

    with pytest.raises(IdentityError):
        BUS.ask(Flood(), time.monotonic() + 0.01, b"A\r", str)


# -- tables ----------------------------------------------------------------------------------------


def test_a_table_ends_with_silence_or_with_its_last_row() -> None:
    assert table(b"A D00 x\rA D", b"01 y\r", b"A D02 z\r") == ["A D00 x", "A D01 y", "A D02 z"]
    rows = table(b"A D00 x\r", b"A D01 y\r", b"unread", complete=lambda rows: rows[-1].endswith("y"))
    assert rows == ["A D00 x", "A D01 y"]
    assert table(b"A??D*\r", b"\r", b"A D00 x\r") == ["A D00 x"]


def test_a_table_all_on_one_line_without_an_end() -> None:
    assert table(b"A G00 Air A G", b"01 Ar") == ["A G00 Air A G01 Ar"]


@pytest.mark.parametrize(
    ("portions", "error"),
    [
        ((), NoReply),
        ((b"\r",), NoReply),
        ((b"?\r",), NotUnderstood),
        ((b"A D00 x\r", b"B D01 y\r"), IdentityError),
        ((b"A D00 x\r", b"A D\x0001 y\r"), FramingError),
        ((b"A D00 x\r", b"\xff"), FramingError),
    ],
)
def test_what_is_no_table(portions: tuple[bytes, ...], error: type[DeviceFault]) -> None:
    with pytest.raises(error):
        table(*portions)
