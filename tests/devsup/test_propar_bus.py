"""One request, the one reply that answers it; everything else is turned away. Bytes are fed by hand."""

from collections.abc import Callable, Iterable

import pytest

from devsup import propar
from devsup.errors import DeviceError, DeviceFault, FramingError, IdentityError, LineLost, NoReply
from devsup.line import Line, LineSettings
from devsup.propar import ANY_NODE, FMEASURE, FSETPOINT, Frame, Framing, encode_ascii, encode_binary
from devsup.propar_bus import Node, ProparBus
from devsup.sim import propar_talk
from devsup.sim.faults import Fault
from devsup.sim.propar_node import NodeConfig, ProparNode
from tests.devsup.sim_line import Bench

REPLY_25 = bytes.fromhex("02 21 40 41 C8 00 00")  # fMeasure 25.0
REPLY_30 = bytes.fromhex("02 21 40 41 F0 00 00")
OTHER_LABEL = bytes.fromhex("02 21 47 41 BC 00 00")  # temperature
ACK = bytes.fromhex("00 00 07")
REFUSED = bytes.fromhex("00 0D 02")  # read-only

Chunks = Callable[[bytes], Iterable[bytes]]


class ScriptedLine(Line):
    """Answers each request with chunks made from it; then the time is over."""

    def __init__(self, answers: Chunks) -> None:
        super().__init__(LineSettings("scripted"))
        self.sent: list[bytes] = []
        self.left: list[bytes] = []
        self._answers = answers

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.left = list(self._answers(data))

    def receive(self, deadline: float) -> bytes:
        return self.left.pop(0) if self.left else b""


def bus(framing: Framing = Framing.BINARY) -> ProparBus:
    return ProparBus(None, framing)  # type: ignore[arg-type]


def read(answers: Chunks, node: int = 3, framing: Framing = Framing.BINARY) -> tuple[float, ScriptedLine]:
    line = ScriptedLine(answers)
    (value,) = bus(framing).read(line, 0.0, node, (FMEASURE,))
    return float(value), line


def fault_of(answers: Chunks, framing: Framing = Framing.BINARY) -> tuple[DeviceFault, ScriptedLine]:
    line = ScriptedLine(answers)
    with pytest.raises(DeviceFault) as raised:
        bus(framing).read(line, 0.0, 3, (FMEASURE,))
    return raised.value, line


def binary(data: bytes = REPLY_25, node: int = 3, seq: int = 1) -> bytes:
    return encode_binary(Frame(node, data, seq))


def ascii_(data: bytes = REPLY_25, node: int = 3) -> bytes:
    return encode_ascii(Frame(node, data))


def error_frame(code: int, node: int = 3, seq: int = 1) -> bytes:
    return bytes((0x10, 0x02, seq, node, 0, code, 0x10, 0x03))


# -- accepted ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", range(1, len(binary())))
def test_a_reply_may_come_in_pieces(cut: int) -> None:
    value, _ = read(lambda request: [binary()[:cut], binary()[cut:]])
    assert value == 25.0


def test_the_reply_is_found_after_what_is_not_it() -> None:
    value, line = read(
        lambda request: [
            b"\xff\x10\x03noise",
            request,  # a two-wire adapter hears itself
            binary(REPLY_30, node=5),
            binary(REPLY_30, seq=0),
            binary()[:7],
            binary(),
        ]
    )
    assert value == 25.0
    assert line.strays == 2, "whole answers to others; neither noise nor the echo"


def test_what_comes_right_behind_the_answer_is_not_overlooked() -> None:
    """It is somebody's late reply, and tells that he is slow."""
    value, line = read(lambda request: [binary() + binary(REPLY_30, node=5, seq=0)])
    assert value == 25.0
    assert line.strays == 1


def test_any_node_may_answer_where_any_was_asked() -> None:
    assert read(lambda request: [binary(node=42)], node=ANY_NODE)[0] == 25.0


def test_ascii_has_no_sequence_but_node_and_labels() -> None:
    value, line = read(
        lambda request: [request, ascii_(REPLY_30, node=5), ascii_(OTHER_LABEL), ascii_()],
        framing=Framing.ASCII,
    )
    assert value == 25.0
    assert line.sent == [b":06030421402140\r\n"]
    assert line.strays == 2


def test_sequence_numbers_count_and_wrap() -> None:
    line = ScriptedLine(lambda request: [binary(seq=len(line.sent) % 256)])
    it = bus()
    for _ in range(258):
        assert it.read(line, 0.0, 3, (FMEASURE,)) == (25.0,)
    assert [propar.BinaryDecoder().feed(sent)[0].seq for sent in line.sent[254:]] == [255, 0, 1, 2]  # type: ignore[union-attr]


def test_a_write_waits_for_its_acknowledgement() -> None:
    line = ScriptedLine(lambda request: [binary(REPLY_25, seq=0), binary(ACK)])
    bus().write(line, 0.0, 3, (FSETPOINT, 50.0))
    assert line.sent == [bytes.fromhex("10 02 01 03 07 01 21 43 42 48 00 00 10 03")]


# -- turned away ------------------------------------------------------------------------------


def test_silence_is_no_reply() -> None:
    fault, _ = fault_of(lambda request: [])
    assert isinstance(fault, NoReply)
    assert str(fault) == "node 3: no reply"


def test_only_the_echo_is_no_reply() -> None:
    assert isinstance(fault_of(lambda request: [request])[0], NoReply)


@pytest.mark.parametrize("length", range(1, len(binary())))
def test_half_a_reply_is_a_framing_error(length: int) -> None:
    fault, _ = fault_of(lambda request: [binary()[:length]])
    assert isinstance(fault, FramingError)


def test_noise_is_a_framing_error() -> None:
    assert isinstance(fault_of(lambda request: [b"\x55" * 20])[0], FramingError)


@pytest.mark.parametrize(
    "answer",
    [binary(node=5), binary(seq=2), error_frame(9, node=5), error_frame(9, seq=7)],
    ids=["node", "sequence", "error frame for another node", "error frame for another request"],
)
def test_the_answer_to_somebody_else_is_waited_past(answer: bytes) -> None:
    fault, line = fault_of(lambda request: [answer])
    assert isinstance(fault, IdentityError)
    assert line.strays == 1
    assert read(lambda request: [answer, binary()])[0] == 25.0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (binary(OTHER_LABEL), IdentityError),
        (binary(ACK), IdentityError),
        (error_frame(5), NoReply),
        (error_frame(9), NoReply),
        (error_frame(3), FramingError),
        (error_frame(4), FramingError),
        (error_frame(1), DeviceError),
        (binary(REFUSED), DeviceError),
    ],
)
def test_a_wrong_answer_to_our_own_request_ends_the_wait(answer: bytes, kind: type[DeviceFault]) -> None:
    fault, line = fault_of(lambda request: [answer, binary(REPLY_30, seq=9)])
    assert type(fault) is kind
    assert line.left, "nothing else can come under this sequence number"
    assert line.strays == 0


@pytest.mark.parametrize("error", [b":0105\r\n", b":0103\r\n", b":020304\r\n"])
def test_in_ascii_an_error_frame_may_be_about_another_request(error: bytes) -> None:
    assert read(lambda request: [error, ascii_()], framing=Framing.ASCII)[0] == 25.0
    fault, _ = fault_of(lambda request: [error], framing=Framing.ASCII)
    assert isinstance(fault, NoReply | FramingError)


def test_an_error_frame_in_ascii_for_another_node_is_not_ours() -> None:
    fault, line = fault_of(lambda request: [b":020509\r\n"], framing=Framing.ASCII)
    assert isinstance(fault, IdentityError)
    assert line.strays == 1


def test_a_refusal_says_what_and_why() -> None:
    fault, _ = fault_of(lambda request: [binary(REFUSED)])
    assert isinstance(fault, DeviceError)
    assert fault.status == 0x0D
    assert "read-only" in str(fault)


def test_an_acknowledgement_of_another_length_is_not_ours() -> None:
    line = ScriptedLine(lambda request: [binary(bytes.fromhex("00 00 05"))])
    with pytest.raises(IdentityError):
        bus().write(line, 0.0, 3, (FSETPOINT, 50.0))


def test_bytes_that_never_end_do_not_hold_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    line = ScriptedLine(lambda request: [b"\x55"] * 1000)
    with pytest.raises(FramingError):
        bus().read(line, 100.0, 3, (FMEASURE,))
    assert line.left


# -- scan -------------------------------------------------------------------------------------


def bench(*addresses: int) -> Bench:
    return Bench(*(ProparNode(NodeConfig(address)) for address in addresses))


async def test_scan_follows_the_chain_of_addresses() -> None:
    it = bench(3, 5, 6)
    assert await it.bus.scan() == [Node(3, "M22200003A"), Node(5, "M22200005A"), Node(6, "M22200006A")]
    assert it.port.attempts == 3


async def test_scan_asks_everybody_where_there_is_no_chain() -> None:
    it = bench(3, 5)
    it.sim.node(3).next_address = 0
    found = await it.bus.scan(last=10)
    assert [node.address for node in found] == [3, 5]
    assert it.port.attempts == 1 + 9, "node 3 is not asked again"


async def test_scan_finds_a_node_that_does_not_know_all_the_questions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = {place: row for place, row in propar_talk.TABLE.items() if place != (0, 3)}
    monkeypatch.setattr(propar_talk, "TABLE", table)
    assert await bench(3).bus.scan(last=5) == [Node(3, "")]


async def test_scan_of_a_chain_that_bites_its_tail_ends() -> None:
    it = bench(3, 5, 6)
    it.sim.node(6).next_address = 5
    assert [node.address for node in await it.bus.scan()] == [3, 5, 6]


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.WRONG_SEQUENCE, Fault.DEAD, Fault.WRONG_INDEX])
async def test_scan_believes_no_damaged_answer(fault: Fault) -> None:
    it = bench(3)
    it.set_fault(fault)
    assert await it.bus.scan(last=4) == []


async def test_scan_of_a_lost_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    it = bench(3)

    async def lost(*args: object, **options: object) -> None:
        raise LineLost("unplugged")

    monkeypatch.setattr(it.port, "run", lost)
    with pytest.raises(LineLost):
        await it.bus.scan()
