"""The simulated Modbus line: its own reading of the standard, silences, and what each fault looks like."""

import pytest

from devsup.sim.faults import Fault
from devsup.sim.modbus_bytes import Receiver, crc, opened, sealed, silence_s
from devsup.sim.modbus_line import FAULTS, ModbusLine
from devsup.sim.modbus_memory import MemoryUnit
from devsup.sim.modbus_talk import Unit, converse

READ = bytes.fromhex("01 03 00 00 00 0D 84 0F")
BYTE_S = 10 / 9600


def memory() -> MemoryUnit:
    return MemoryUnit(
        {place: 100 + place for place in range(16)},
        {0: 7},
        dict.fromkeys(range(8), False),
        {0: True, 1: False},
    )


def line(strict: bool = False, latency_s: float = 0.005, **units: Unit) -> ModbusLine:
    return ModbusLine({1: memory(), 2: memory()} | units, 9600, latency_s, strict=strict)  # type: ignore[arg-type]


def ask(server: ModbusLine, body: str, now: float = 100.0) -> bytes:
    """The answer to a request, CRC checked and taken off; empty if there is none."""
    sent = server.receive(sealed(bytes.fromhex(body)), now)
    if not sent:
        return b""
    answer = opened(sent[-1].data)
    assert answer is not None
    return answer


# -- frames -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    ["01 03 00 00 00 0D 84 0F", "01 05 00 00 FF 00 8C 3A", "01 83 02 C0 F1", "02 06 01 61 00 3C D9 CA"],
)
def test_the_crc_is_that_of_the_manuals(frame: str) -> None:
    whole = bytes.fromhex(frame)
    assert sealed(whole[:-2]) == whole
    assert opened(whole) == whole[:-2]
    assert crc(whole) == b"\0\0", "over a whole frame nothing is left"


@pytest.mark.parametrize("frame", [b"", READ[:-1], READ[:4] + b"\xff" + READ[5:], READ + b"\1", b"\1" * 300])
def test_what_is_no_frame_is_not_opened(frame: bytes) -> None:
    assert opened(frame) is None


def test_a_request_may_come_in_pieces_but_not_with_a_pause() -> None:
    receiver = Receiver(9600)
    assert receiver.feed(READ[:3], 1.0) is None
    assert receiver.feed(READ[3:], 1.0 + 5 * BYTE_S + 0.001) == READ[:-2]
    assert receiver.feed(READ[:3], 2.0) is None
    assert receiver.feed(READ[3:], 2.0 + 5 * BYTE_S + 0.005) is None, "two broken frames"
    assert receiver.feed(READ, 3.0) == READ[:-2]


def test_noise_without_a_silence_after_it_spoils_a_request() -> None:
    receiver = Receiver(9600)
    assert receiver.feed(b"\x55" + READ, 1.0) is None
    assert receiver.feed(READ, 1.0 + 8 * BYTE_S) is None, "no silence in between either"
    assert receiver.feed(READ, 2.0) == READ[:-2]


@pytest.mark.parametrize(("baudrate", "expected"), [(9600, 0.00401), (115200, 0.00175), (None, 0.05)])
def test_silence(baudrate: float | None, expected: float) -> None:
    assert silence_s(baudrate) == pytest.approx(expected, rel=1e-3)


def test_a_strict_unit_misses_what_comes_too_soon_after_an_answer() -> None:
    strict, lenient = line(strict=True), line()
    ends = 100.0 + 0.005 + 31 * BYTE_S
    early = ends + 0.001 + len(READ) * BYTE_S
    for server in (strict, lenient):
        assert len(server.receive(READ, 100.0)) == 1
    assert strict.receive(READ, early) == []
    assert len(lenient.receive(READ, early)) == 1
    assert len(strict.receive(READ, early + 1.0)) == 1


# -- what is answered ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("01 03 0000 0002", "01 03 04 0064 0065"),
        ("01 04 0000 0001", "01 04 02 0007"),
        ("01 01 0000 0008", "01 01 01 00"),
        ("01 02 0000 0002", "01 02 01 01"),
        ("01 05 0003 FF00", "01 05 0003 FF00"),
        ("01 06 0003 1234", "01 06 0003 1234"),
        ("01 0F 0000 0003 01 05", "01 0F 0000 0003"),
        ("01 10 0000 0002 04 0001 0002", "01 10 0000 0002"),
        ("01 05 0003 5500", "01 85 03"),  # toggles are the maker's own
        ("01 03 0000 0000", "01 83 03"),
        ("01 03 0000 007E", "01 83 03"),
        ("01 03 000F 0002", "01 83 02"),
        ("01 03 FFFF 0002", "01 83 02"),
        ("01 04 0001 0001", "01 84 02"),
        ("01 06 0010 0001", "01 86 02"),
        ("01 0F 0000 0003 02 05", "01 8F 03"),
        ("01 0F 0007 0003 01 05", "01 8F 02"),
        ("01 10 0000 0002 02 0001", "01 90 03"),
        ("01 10 000F 0002 04 0001 0002", "01 90 02"),
        ("01 03 0000", "01 83 03"),
        ("01 10 0000 0002", "01 90 03"),
        ("01 17 0000", "01 97 01"),
        ("01 2B 0E0100", "01 AB 01"),
    ],
)
def test_a_unit_answers_as_the_standard_says(request_: str, answer: str) -> None:
    assert ask(line(), request_) == bytes.fromhex(answer)


def test_a_write_takes_effect_or_does_not() -> None:
    server = line()
    unit = server.unit(1)
    assert isinstance(unit, MemoryUnit)
    ask(server, "01 10 0000 0002 04 0001 0002")
    ask(server, "01 0F 0000 0003 01 05", 200.0)
    ask(server, "01 10 000F 0002 04 0009 0009", 300.0)
    assert [unit.holding[place] for place in (0, 1, 15)] == [1, 2, 115], "half a write is no write"
    assert [unit.coils[place] for place in range(3)] == [True, False, True]


def test_a_unit_has_nothing_of_its_own() -> None:
    unit = Unit()
    requests = ["01 0000 0001", "02 0000 0001", "03 0000 0001", "04 0000 0001", "05 0000 FF00",
                "06 0000 0001", "0F 0000 0001 01 01", "10 0000 0001 02 0001"]  # fmt: skip
    answers = [converse(unit, bytes.fromhex(request)) for request in requests]
    assert [answer[1] for answer in answers] == [2] * 8
    unit.functions = frozenset()
    assert [converse(unit, bytes.fromhex(request))[1] for request in requests] == [1] * 8


def test_everybody_obeys_a_broadcast_and_nobody_answers() -> None:
    server = line()
    assert ask(server, "00 06 0000 0007") == b""
    units = [server.unit(address) for address in (1, 2)]
    assert [unit.holding[0] for unit in units if isinstance(unit, MemoryUnit)] == [7, 7]


def test_absent_units_and_damaged_requests_are_silence() -> None:
    server = line()
    assert ask(server, "03 03 0000 0001") == b""
    assert server.receive(READ[:-1] + b"\xff", 200.0) == []
    assert ask(server, "02 03 0000 0001", 300.0) == bytes.fromhex("02 03 02 0064")


@pytest.mark.parametrize("addresses", [[], [0], [256]])
def test_a_line_has_units_with_addresses(addresses: list[int]) -> None:
    with pytest.raises(ValueError, match=r"1\.\.255"):
        ModbusLine({address: memory() for address in addresses})


class Clock(Unit):
    """Notes how time passes; slow, and deaf at first."""

    def __init__(self) -> None:
        self.age_s = 0.0
        self.heard = 0

    def step(self, dt_s: float) -> None:
        self.age_s += dt_s

    def hears(self, now: float) -> bool:
        self.heard += 1
        return self.heard > 1

    def delay_s(self, now: float) -> float:
        return 0.4

    def disturbs(self, now: float) -> bool:
        return self.heard > 2

    def read_holding(self, address: int, count: int) -> list[int]:
        return [0] * count


def test_a_unit_lives_in_the_time_of_its_line() -> None:
    clock = Clock()
    server = ModbusLine({1: clock}, 9600, 0.005)
    assert server.receive(READ, 10.0) == []
    (sent,) = server.receive(READ, 12.5)
    assert (sent.delay_s, clock.age_s) == (0.405, 2.5)
    assert opened(sent.data) is not None
    (sent,) = server.receive(READ, 13.0)
    assert opened(sent.data) is None, "its noise spoils its answer"


# -- faults -----------------------------------------------------------------------------------

BODY = "01 03 0000 0002"
WHOLE = sealed(bytes.fromhex("01 03 04 0064 0065"))


def spoiled(fault: Fault, body: str = BODY, delay_s: float | None = None) -> list[tuple[float, bytes]]:
    server = line()
    server.set_fault(1, fault, 1.0, delay_s)
    sent = server.receive(sealed(bytes.fromhex(body)), 100.0)
    return [(one.delay_s, one.data) for one in sent]


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault.OK, "01 03 04 0064 0065"),
        (Fault.FOREIGN_NODE, "02 03 04 0064 0065"),
        (Fault.WRONG_INDEX, "01 03 06 0064 0065 0000"),
        (Fault.WRONG_SEQUENCE, "01 04 04 0064 0065"),
        (Fault.ERROR_FRAME, "01 83 04"),
    ],
)
def test_faults_with_a_good_crc(fault: Fault, answer: str) -> None:
    assert spoiled(fault) == [(0.005, sealed(bytes.fromhex(answer)))]


@pytest.mark.parametrize(
    ("fault", "answer"),
    [(Fault.WRONG_INDEX, "01 06 0103 0001"), (Fault.WRONG_SEQUENCE, "01 05 0003 0001")],
)
def test_faults_of_an_acknowledgement(fault: Fault, answer: str) -> None:
    expected = "01 06 0002 0001" if fault is Fault.WRONG_INDEX else answer
    assert spoiled(fault, "01 06 0003 0001") == [(0.005, sealed(bytes.fromhex(expected)))]


def test_an_exception_cannot_be_mislabelled_but_misdirected() -> None:
    assert spoiled(Fault.WRONG_INDEX, "01 03 0010 0001")[0][1] == sealed(b"\x01\x83\x02")
    assert spoiled(Fault.WRONG_SEQUENCE, "01 03 0010 0001")[0][1] == sealed(b"\x01\x84\x02")


def test_faults_that_the_crc_shows() -> None:
    for fault in (Fault.BIT_FLIP, Fault.NOISE_INSIDE, Fault.TRUNCATED):
        ((_, data),) = spoiled(fault)
        assert opened(data) is None
    ((_, data),) = spoiled(Fault.NOISE_BEFORE)
    assert data.endswith(WHOLE)
    assert len(data) > len(WHOLE)


def test_faults_of_time() -> None:
    assert spoiled(Fault.DEAD) == []
    assert spoiled(Fault.SLOW) == [(0.505, WHOLE)]
    assert spoiled(Fault.SLOW, delay_s=0.25) == [(0.255, WHOLE)]
    assert spoiled(Fault.LATE, delay_s=0.7) == [(0.7, WHOLE)]
    server = line()
    server.set_fault(1, Fault.LATE)
    assert server.receive(sealed(bytes.fromhex(BODY)), 100.0) == []
    late, answer = server.receive(sealed(bytes.fromhex("02 03 0000 0001")), 101.0)
    assert (late.delay_s, late.data) == (0.0, WHOLE)
    assert answer.data[0] == 2


def test_a_fault_strikes_by_chance_and_is_mended() -> None:
    server = line()
    server.throw("1", "DEAD", 0.5)
    answers = [bool(ask(server, BODY, 100.0 + second)) for second in range(100)]
    assert 20 < answers.count(False) < 80
    assert server.stations[1].faults.struck == answers.count(False)
    server.throw("1", "OK")
    assert ask(server, BODY, 300.0)
    assert server.fault(1).fault is Fault.OK


def test_only_faults_that_a_modbus_unit_can_have() -> None:
    server = line()
    for fault in set(Fault) - set(FAULTS):
        with pytest.raises(ValueError, match="no fault of a Modbus unit"):
            server.set_fault(1, fault)
    with pytest.raises(KeyError):
        server.throw("1", "MELTED")
    with pytest.raises(KeyError):
        server.throw("9", "DEAD")


def test_latency_is_each_units_own() -> None:
    server = line()
    server.set_latency(1, 0.1)
    assert server.receive(sealed(bytes.fromhex(BODY)), 100.0)[0].delay_s == 0.1
