"""The simulated line: who answers, in which framing, and what every fault does to the bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsup.errors import DeviceError, IdentityError
from devsup.propar import (
    FMEASURE,
    FSETPOINT,
    TEMPERATURE,
    Broken,
    Decoded,
    ErrorFrame,
    Frame,
    Framing,
    check_ack,
    encode_ascii,
    encode_binary,
    read_reply,
    read_request,
    write_request,
)
from devsup.sim.faults import FAULT_NAMES, LINE_FAULT_NAMES, Fault, garble, noise_inside
from devsup.sim.propar_bytes import Receiver
from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import NodeConfig, ProparNode
from devsup.sim.wire import Transmission

FLOW = read_request([FMEASURE])
ASK = encode_binary(Frame(3, FLOW, 9))
ANSWER = bytes.fromhex("10 02 09 03 07 02 21 40 00 00 00 00 10 03")


@pytest.fixture
def line() -> ProparLine:
    return make(3, 5, 6)


def make(*addresses: int, **options: bool) -> ProparLine:
    return ProparLine([ProparNode(NodeConfig(address)) for address in addresses], **options)


def told(line: ProparLine, data: bytes = ASK, now: float = 0.0) -> list[bytes]:
    return [item.data for item in line.receive(data, now)]


def decoded(line: ProparLine, data: bytes = ASK) -> list[Decoded]:
    return Framing.BINARY.decoder().feed(b"".join(told(line, data)))


# ---- who answers -------------------------------------------------------------------------


def test_an_instrument_answers_after_its_latency(line: ProparLine) -> None:
    assert line.receive(ASK, 0.0) == [Transmission(0.002, ANSWER)]
    line.set_latency(3, 0.004)
    assert line.receive(ASK, 0.0) == [Transmission(0.004, ANSWER)]


def test_requests_may_arrive_in_pieces_and_together(line: ProparLine) -> None:
    assert [told(line, bytes((byte,))) for byte in ASK] == [[]] * (len(ASK) - 1) + [[ANSWER]]
    assert told(line, ASK + ASK) == [ANSWER, ANSWER]


def test_both_framings_on_one_port_each_answered_in_its_own(line: ProparLine) -> None:
    assert told(line, b":06030421402140\r\n") == [b":080302214000000000\r\n"]
    assert told(line) == [ANSWER]


def test_lower_case_ascii_is_understood(line: ProparLine) -> None:
    assert told(line, b":0c030421c02140c32143472147\r\n")[0].startswith(b":12030221C0")


def test_absent_nodes_are_silent_unless_a_host_rejects_them(line: ProparLine) -> None:
    assert told(line, encode_binary(Frame(4, FLOW, 1))) == []
    host = make(3, rejects_absent=True)
    assert decoded(host, encode_binary(Frame(4, FLOW, 1))) == [ErrorFrame(5, 4, 1)]
    assert told(host, encode_ascii(Frame(4, FLOW))) == [b":0105\r\n"]


def test_node_0x80_is_the_first_instrument(line: ProparLine) -> None:
    (reply,) = decoded(line, encode_binary(Frame(0x80, b"\x04\x00\x81\x00\x01\x03\x00\x03", 1)))
    assert reply == Frame(0x80, b"\x02\x00\x81\x03\x03\x05", 1)


def test_the_scan_chain_visits_all_nodes_in_order_and_ends() -> None:
    line = make(6, 3, 5)
    assert [line.node(address).next_address for address in (3, 5, 6)] == [5, 6, 0]


def test_a_line_without_instruments_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ProparLine([])


def test_time_moves_the_physics_of_all_nodes(line: ProparLine) -> None:
    told(line, now=100.0)
    for address in (3, 5, 6):
        line.node(address).setpoint = 1.0
    told(line, now=105.0)
    assert all(line.node(address).reading == pytest.approx(1.0) for address in (3, 5, 6))


@given(st.binary(max_size=80))
def test_garbage_is_survived_and_the_second_request_after_it_is_answered(garbage: bytes) -> None:
    line = make(3)
    told(line, garbage)
    told(line, ASK)
    assert told(line, ASK)[-1:] == [ANSWER]


def test_endless_garbage_is_not_kept() -> None:
    receiver = Receiver()
    assert receiver.feed(b"\x10\x02" + b"\x55" * 2000) == [] and receiver.feed(b":" + b"0" * 2000) == []
    assert [message.data for message in receiver.feed(ASK)] == [FLOW]


@pytest.mark.parametrize(
    "bad",
    [
        b":06030421402141X\r\n",
        b":0703042140\r\n",
        b":0603\rX",
        b":0603042140214\r\n",
        ASK.replace(b"\x05", b"\x06"),
        b"\x10\x02\x09\x10\x07",
        b"\x10\x02\x01\x10\x03",
    ],
)
def test_damaged_requests_are_not_answered(line: ProparLine, bad: bytes) -> None:
    assert told(line, bad) == []
    assert told(line) == [ANSWER]


# ---- faults ------------------------------------------------------------------------------


def test_names_of_faults_fit_the_states_of_an_enum_record() -> None:
    assert FAULT_NAMES[0] == LINE_FAULT_NAMES[0] == "OK"
    assert len(FAULT_NAMES) <= 16 and all(len(name) <= 26 for name in FAULT_NAMES + LINE_FAULT_NAMES)


def test_dead_neither_hears_nor_answers_and_its_neighbours_do(line: ProparLine) -> None:
    line.set_fault(3, Fault.DEAD)
    assert told(line, encode_binary(Frame(3, write_request([(FSETPOINT, 500.0)]), 1))) == []
    assert line.node(3).setpoint == 0.0
    assert len(told(line, encode_binary(Frame(5, FLOW, 1)))) == 1
    line.set_fault(3, Fault.OK)
    assert told(line) == [ANSWER]


@pytest.mark.parametrize(("given_s", "expected_s"), [(None, 0.502), (2.5, 2.502)])
def test_slow_answers_later(line: ProparLine, given_s: float | None, expected_s: float) -> None:
    line.set_fault(3, Fault.SLOW, delay_s=given_s)
    assert line.receive(ASK, 0.0) == [Transmission(pytest.approx(expected_s), ANSWER)]


def test_late_answers_with_the_next_request_to_anybody(line: ProparLine) -> None:
    line.set_fault(3, Fault.LATE)
    assert told(line) == []
    late, own = decoded(line, encode_binary(Frame(5, FLOW, 10)))
    assert isinstance(late, Frame) and isinstance(own, Frame)
    assert (late.node, late.seq) == (3, 9) and (own.node, own.seq) == (5, 10)


def test_late_answers_after_its_delay(line: ProparLine) -> None:
    line.set_fault(3, Fault.LATE, delay_s=0.7)
    assert line.receive(ASK, 0.0) == [Transmission(0.7, ANSWER)]


@pytest.mark.parametrize(("addresses", "node"), [((3, 5), 5), ((3,), 4), ((127,), 1)])
def test_foreign_node_carries_another_address(addresses: tuple[int, ...], node: int) -> None:
    line = make(*addresses)
    line.set_fault(addresses[0], Fault.FOREIGN_NODE)
    (reply,) = decoded(line, encode_binary(Frame(addresses[0], FLOW, 9)))
    assert isinstance(reply, Frame) and reply.node == node and reply.seq == 9


def test_wrong_index_is_a_well_formed_reply_with_the_label_of_temperature(line: ProparLine) -> None:
    line.set_fault(3, Fault.WRONG_INDEX)
    (reply,) = decoded(line)
    assert isinstance(reply, Frame) and (reply.node, reply.seq) == (3, 9)
    assert read_reply(reply.data, [TEMPERATURE]) == (0.0,)
    with pytest.raises(IdentityError):
        read_reply(reply.data, [FMEASURE])


def test_wrong_index_of_a_status_acknowledges_another_length(line: ProparLine) -> None:
    line.set_fault(3, Fault.WRONG_INDEX)
    data = write_request([(FSETPOINT, 500.0)])
    (reply,) = decoded(line, encode_binary(Frame(3, data, 1)))
    assert isinstance(reply, Frame)
    with pytest.raises(IdentityError):
        check_ack(reply.data, len(data))
    assert line.node(3).setpoint == 0.5, "the write itself was obeyed"


def test_wrong_sequence_is_never_the_right_one(line: ProparLine) -> None:
    line.set_fault(3, Fault.WRONG_SEQUENCE)
    for _ in range(300):
        (reply,) = decoded(line)
        assert isinstance(reply, Frame) and reply.seq != 9


def test_noise_before_leaves_the_answer_whole(line: ProparLine) -> None:
    line.set_fault(3, Fault.NOISE_BEFORE)
    for _ in range(100):
        (sent,) = told(line)
        assert sent.endswith(ANSWER) and 1 <= len(sent) - len(ANSWER) <= 6


def test_noise_inside_leaves_first_and_last_byte_and_more_between(line: ProparLine) -> None:
    line.set_fault(3, Fault.NOISE_INSIDE)
    for _ in range(100):
        (sent,) = told(line)
        assert sent[:1] == ANSWER[:1] and sent[-1:] == ANSWER[-1:] and len(sent) > len(ANSWER)


def test_truncated_breaks_off(line: ProparLine) -> None:
    line.set_fault(3, Fault.TRUNCATED)
    lengths = set()
    for _ in range(200):
        (sent,) = told(line)
        assert ANSWER.startswith(sent)
        lengths.add(len(sent))
    assert lengths == set(range(1, len(ANSWER)))


def test_error_frames_come_in_both_forms_and_framings(line: ProparLine) -> None:
    line.set_fault(3, Fault.ERROR_FRAME)
    sent = {told(line)[0] for _ in range(50)}
    assert sent == {bytes.fromhex(f"10 02 09 03 {length} 04 10 03") for length in ("00", "01")}
    assert told(line, encode_ascii(Frame(3, FLOW))) == [b":0104\r\n"]


def test_bit_flip_is_the_one_fault_that_the_codec_cannot_see(line: ProparLine) -> None:
    line.set_fault(3, Fault.BIT_FLIP)
    (reply,) = decoded(line)
    assert isinstance(reply, Frame) and read_reply(reply.data, [FMEASURE]) != (0.0,)
    data = write_request([(FSETPOINT, 500.0)])
    (status,) = decoded(line, encode_binary(Frame(3, data, 1)))
    assert isinstance(status, Frame)
    check_ack(status.data, len(data))


def test_physical_faults_reach_the_instrument_and_leave_it(line: ProparLine) -> None:
    line.set_fault(3, Fault.STUCK_VALVE)
    assert line.node(3).stuck_valve and told(line) == [ANSWER]
    line.set_fault(3, Fault.DRIFT)
    assert not line.node(3).stuck_valve and line.node(3).drift_per_s > 0
    assert line.fault(3).fault is Fault.DRIFT
    line.set_fault(3, Fault.OK)
    assert line.node(3).drift_per_s == 0.0


def test_a_fault_with_a_probability_strikes_about_as_often_and_reproducibly() -> None:
    def pattern() -> list[bool]:
        line = make(3)
        line.set_fault(3, Fault.DEAD, probability=0.3)
        return [told(line) == [] for _ in range(400)]

    assert 80 < sum(pattern()) < 160 and pattern() == pattern()


def test_the_switch_counts_how_often_it_struck(line: ProparLine) -> None:
    line.set_fault(3, Fault.TRUNCATED)
    told(line), told(line)
    assert line.stations[3].faults.struck == 2


@pytest.mark.parametrize(
    "fault",
    [Fault.FOREIGN_NODE, Fault.WRONG_INDEX, Fault.WRONG_SEQUENCE, Fault.NOISE_BEFORE, Fault.NOISE_INSIDE,
     Fault.TRUNCATED, Fault.ERROR_FRAME],
)  # fmt: skip
def test_what_protocol_and_codec_can_detect_never_yields_a_wrong_value(fault: Fault) -> None:
    """A master that checks node, sequence and reply gets the true value or nothing."""
    line = make(3, 5)
    line.node(3).reading = 0.25  # no time passes here, so it stays
    line.set_fault(3, fault)
    params = (FMEASURE, FSETPOINT, TEMPERATURE)
    request = read_request(params)
    for seq in range(256):
        for item in decoded(line, encode_binary(Frame(3, request, seq))):
            if isinstance(item, Frame) and (item.node, item.seq) == (3, seq):
                try:
                    values = read_reply(item.data, params)
                except (IdentityError, DeviceError):
                    continue
                assert values == (250.0, 0.0, 23.5)
            else:
                assert isinstance(item, Broken | ErrorFrame | Frame)


def test_noise_keeps_what_it_is_added_to() -> None:
    chance = make(3).stations[3].faults.random
    for _ in range(50):
        for damaged in (garble(ANSWER, chance), noise_inside(ANSWER, chance)):
            extra = len(damaged) - len(ANSWER)
            assert any(damaged[:at] + damaged[at + extra :] == ANSWER for at in range(len(ANSWER) + 1))
