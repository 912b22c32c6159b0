"""Questions and answers against bytes from the manuals, damage of every kind, and a second implementation."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devsup import modbus_rtu
from devsup.errors import ChecksumError, DeviceError, FramingError, IdentityError, NoReply
from devsup.modbus_rtu import Request
from devsup.sim import modbus_bytes
from devsup.sim.modbus_memory import MemoryUnit
from devsup.sim.modbus_talk import converse

BLOCK = (1200, 1000, 1199, 250, 2997, 2400, 0, 0, 0, 1, 4, 5015, 13)
BLOCK_FRAME = "01 03 1A 04B0 03E8 04AF 00FA 0BB5 0960 0000 0000 0000 0001 0004 1397 000D EED4"


def frame(text: str) -> bytes:
    return bytes.fromhex(text)


def sealed(text: str) -> bytes:
    return modbus_bytes.sealed(bytes.fromhex(text))


# -- bytes from the manuals ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (modbus_rtu.read_holding(1, 0, 13), "01 03 00 00 00 0D 84 0F"),
        (modbus_rtu.read_holding(1, 0x50, 8), "01 03 00 50 00 08 44 1D"),
        (modbus_rtu.write_register(1, 0, 1200), "01 06 00 00 04 B0 8A BE"),
        (modbus_rtu.write_register(1, 9, 1), "01 06 00 09 00 01 98 08"),
        (modbus_rtu.write_registers(1, 0, (1200, 1000)), "01 10 00 00 00 02 04 04 B0 03 E8 F3 C6"),
        (modbus_rtu.read_coils(1, 0, 8), "01 01 00 00 00 08 3D CC"),
        (modbus_rtu.write_coil(1, 0, True), "01 05 00 00 FF 00 8C 3A"),
        (modbus_rtu.write_coil(1, 0, False), "01 05 00 00 00 00 CD CA"),
        (modbus_rtu.write_coil_value(1, 0, 0x5500), "01 05 00 00 55 00 F2 9A"),
        (modbus_rtu.write_coil_value(1, 0x0200, 7), "01 05 02 00 00 07 8D B0"),
        (modbus_rtu.write_coils(1, 0, [True] * 8), "01 0F 00 00 00 08 01 FF BE D5"),
        (modbus_rtu.read_holding(2, 0x0170, 4), "02 03 01 70 00 04 44 1D"),
        (modbus_rtu.write_register(2, 0x0161, 60), "02 06 01 61 00 3C D9 CA"),
        (modbus_rtu.write_register(2, 0x0011, 1), "02 06 00 11 00 01 18 3C"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_questions_are_those_of_the_manuals(request_: Request[Any], expected: str) -> None:
    assert request_.frame == frame(expected)


@pytest.mark.parametrize(
    ("request_", "answer", "value"),
    [
        (modbus_rtu.read_holding(1, 0, 13), BLOCK_FRAME, BLOCK),
        (modbus_rtu.read_coils(1, 0, 8), "01 01 01 05 91 8B", (True, False, True, *[False] * 5)),
        (modbus_rtu.read_coils(1, 0, 3), "01 01 01 05 91 8B", (True, False, True)),
        (modbus_rtu.write_register(1, 9, 1), "01 06 00 09 00 01 98 08", None),
        (modbus_rtu.write_registers(1, 0, (1200, 1000)), "01 10 00 00 00 02 41 C8", None),
        (modbus_rtu.write_coils(1, 0, [True] * 8), "01 0F 00 00 00 08 54 0D", None),
    ],
)
def test_answers_are_those_of_the_manuals(request_: Request[Any], answer: str, value: object) -> None:
    whole = frame(answer)
    assert request_.size == len(whole)
    assert request_.find(whole) == slice(0, len(whole))
    assert request_.value(whole) == value


def test_input_registers_and_discrete_inputs_have_functions_of_their_own() -> None:
    registers, bits = modbus_rtu.read_input(7, 0x1234, 2), modbus_rtu.read_discrete_inputs(7, 1, 9)
    assert registers.frame == sealed("07 04 1234 0002")
    assert registers.value(sealed("07 04 04 0001 FFFF")) == (1, 65535)
    assert bits.frame == sealed("07 02 0001 0009")
    assert bits.value(sealed("07 02 02 0101")) == (True, *[False] * 7, True)


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ("01 83 02 C0 F1", 2, "illegal data address (exception 2) to function 3"),
        ("01 83 06 C1 32", 6, "device busy (exception 6)"),
        ("01 83 63 01 19", 99, "unknown exception (exception 99)"),
    ],
)
def test_an_exception_is_a_refusal_in_words(answer: str, status: int, words: str) -> None:
    question, whole = modbus_rtu.read_holding(1, 0, 13), frame(answer)
    assert modbus_rtu.is_whole(whole)
    assert question.find(whole) == slice(0, 5)
    with pytest.raises(DeviceError) as refused:
        question.value(whole)
    assert refused.value.status == status
    assert words in str(refused.value)


def test_a_gateway_whose_instrument_is_silent_is_no_refusal() -> None:
    question, whole = modbus_rtu.read_holding(1, 0, 1), sealed("01 83 0B")
    assert question.find(whole)
    with pytest.raises(NoReply, match="target does not answer"):
        question.value(whole)


# -- what fits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda: modbus_rtu.read_holding(0, 0, 1),
        lambda: modbus_rtu.read_holding(256, 0, 1),
        lambda: modbus_rtu.read_holding(1, 0, 0),
        lambda: modbus_rtu.read_holding(1, 0, 126),
        lambda: modbus_rtu.read_input(1, 0xFFFF, 2),
        lambda: modbus_rtu.read_coils(1, 0, 2001),
        lambda: modbus_rtu.read_holding(1, -1, 1),
        lambda: modbus_rtu.write_register(1, 0, 65536),
        lambda: modbus_rtu.write_register(1, 0, -1),
        lambda: modbus_rtu.write_registers(1, 0, []),
        lambda: modbus_rtu.write_registers(1, 0, [0] * 124),
        lambda: modbus_rtu.write_registers(1, 0, [0, 65536]),
        lambda: modbus_rtu.write_coils(1, 0, [True] * 1969),
        lambda: modbus_rtu.write_coil_value(1, 0, 65536),
    ],
)
def test_what_does_not_fit_in_a_frame_is_refused_before_it_is_sent(build: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"expected|not within"):
        build()


def test_the_largest_of_everything_fits() -> None:
    assert modbus_rtu.read_holding(255, 0xFFFF - 124, 125).size == 255
    assert modbus_rtu.read_coils(1, 0, 2000).size == 255
    assert len(modbus_rtu.write_registers(1, 0, [0xFFFF] * 123).frame) == 255
    assert len(modbus_rtu.write_coils(1, 0, [True] * 1968).frame) == 255


# -- a second implementation --------------------------------------------------------------------

WORDS = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=123)
BITS = st.lists(st.booleans(), min_size=1, max_size=300)
UNITS, PLACES = st.integers(1, 255), st.integers(0, 0xFFFF - 300)
QUICK = settings(max_examples=60, deadline=None, derandomize=True)


def answered(request: Request[Any], memory: MemoryUnit) -> Any:
    """What the simulator, which knows nothing of this codec, makes of a request."""
    unit, body = request.frame[0], modbus_bytes.opened(request.frame)
    assert body is not None
    answer = modbus_bytes.sealed(bytes((unit,)) + converse(memory, body[1:]))
    assert request.find(answer) == slice(0, len(answer))
    return request.value(answer)


@QUICK
@given(UNITS, PLACES, WORDS)
def test_registers_come_back_as_they_were_written(unit: int, address: int, values: list[int]) -> None:
    memory = MemoryUnit(dict.fromkeys(range(address, address + len(values)), 0))
    assert answered(modbus_rtu.write_registers(unit, address, values), memory) is None
    assert answered(modbus_rtu.read_holding(unit, address, len(values)), memory) == tuple(values)
    assert answered(modbus_rtu.write_register(unit, address, 4711), memory) is None
    assert memory.holding[address] == 4711
    memory.inputs = memory.holding
    assert answered(modbus_rtu.read_input(unit, address, 1), memory) == (4711,)


@QUICK
@given(UNITS, PLACES, BITS)
def test_coils_come_back_as_they_were_written(unit: int, address: int, states: list[bool]) -> None:
    memory = MemoryUnit(coils=dict.fromkeys(range(address, address + len(states)), False))
    assert answered(modbus_rtu.write_coils(unit, address, states), memory) is None
    assert answered(modbus_rtu.read_coils(unit, address, len(states)), memory) == tuple(states)
    assert answered(modbus_rtu.write_coil(unit, address, not states[0]), memory) is None
    assert memory.coils[address] is not states[0]
    memory.discrete = memory.coils
    assert answered(modbus_rtu.read_discrete_inputs(unit, address, 1), memory) == (not states[0],)


# -- damage -------------------------------------------------------------------------------------

QUESTION, ANSWER = modbus_rtu.read_holding(1, 0, 13), frame(BLOCK_FRAME)


@pytest.mark.parametrize("cut", range(len(ANSWER)))
def test_an_answer_is_found_when_its_last_byte_is_there(cut: int) -> None:
    assert QUESTION.find(ANSWER[:cut]) is None
    assert QUESTION.find(ANSWER) is not None


@QUICK
@given(st.binary(max_size=40), st.binary(max_size=40))
@example(b"\x01", b"")
@example(b"\x01\x03", b"\x01\x03")
@example(ANSWER[:20], b"")
def test_an_answer_is_found_among_noise(before: bytes, after: bytes) -> None:
    place = QUESTION.find(before + ANSWER + after)
    assert place is not None
    assert (before + ANSWER + after)[place] == ANSWER


@pytest.mark.parametrize("bit", range(8 * len(ANSWER)))
def test_no_flipped_bit_goes_unnoticed(bit: int) -> None:
    damaged = bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(ANSWER))
    assert QUESTION.find(damaged) is None
    fault = QUESTION.fault(damaged)
    in_head = bit // 8 < 3
    assert isinstance(fault, FramingError if in_head else ChecksumError)


def test_damage_up_to_two_bytes_wide_never_goes_unnoticed() -> None:
    """A CRC of 16 bits finds every burst that is not longer than itself."""
    for at in range(3, len(ANSWER) - 1):
        for first in range(0, 256, 5):
            for second in range(0, 256, 7):
                if first or second:
                    burst = bytes((ANSWER[at] ^ first, ANSWER[at + 1] ^ second))
                    assert QUESTION.find(ANSWER[:at] + burst + ANSWER[at + 2 :]) is None


def test_nothing_is_no_reply() -> None:
    fault = QUESTION.fault(b"")
    assert isinstance(fault, NoReply)
    assert str(fault) == "unit 1: no reply to function 3"


@pytest.mark.parametrize("length", range(1, len(ANSWER)))
def test_half_an_answer_is_a_framing_error(length: int) -> None:
    assert isinstance(QUESTION.fault(ANSWER[:length]), FramingError)


@pytest.mark.parametrize(
    "answer",
    [
        "02 03 1A" + "00" * 26,  # another unit
        "01 04 1A" + "00" * 26,  # another function
        "01 03 1C" + "00" * 28,  # more registers
        "01 03 18" + "00" * 24,  # fewer
        "01 06 0009 0001",  # the echo of a write
        "02 83 02",  # somebody else's exception
        "01 84 02",  # an exception to another function
    ],
)
def test_somebody_elses_answer_is_recognised_and_not_taken(answer: str) -> None:
    other = sealed(answer)
    assert QUESTION.find(other) is None
    fault = QUESTION.fault(b"\xff" + other + b"\x00")
    assert isinstance(fault, IdentityError)
    assert f"unit {other[0]} function {other[1]}" in str(fault)
    assert modbus_rtu.whole_frames(b"\xff" + other + ANSWER) == [other, ANSWER]


@pytest.mark.parametrize(
    ("request_", "echo"),
    [
        (modbus_rtu.write_register(1, 9, 1), "01 06 0009 0000"),
        (modbus_rtu.write_register(1, 9, 1), "01 06 0008 0001"),
        (modbus_rtu.write_coil(1, 0, True), "01 05 0000 0000"),
        (modbus_rtu.write_coil_value(1, 0, 0x5500), "01 05 0000 FF00"),
        (modbus_rtu.write_registers(1, 0, (1, 2)), "01 10 0000 0001"),
        (modbus_rtu.write_registers(1, 0, (1, 2)), "01 10 0002 0002"),
        (modbus_rtu.write_coils(1, 0, [True]), "01 0F 0001 0001"),
    ],
)
def test_an_echo_of_something_else_is_no_acknowledgement(request_: Request[None], echo: str) -> None:
    assert request_.find(sealed(echo)) is None
    assert isinstance(request_.fault(sealed(echo)), IdentityError)


# -- an import ----------------------------------------------------------------------------------

PROBE = """
import logging, sys, threading
import devsup.modbus_bus
assert threading.enumerate() == [threading.main_thread()]
assert not logging.getLogger().handlers
assert not [name for name in sys.modules if name.startswith(("pymodbus.client", "pymodbus.server"))]
"""


def test_importing_it_starts_and_logs_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
