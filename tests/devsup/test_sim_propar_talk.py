"""What the simulated instrument answers, byte for byte, to the examples of manual and vendor."""

import struct

import pytest

from devsup import propar
from devsup.propar import Kind
from devsup.sim.propar_node import UNLOCKED, Fluid, NodeConfig, ProparNode
from devsup.sim.propar_table import TABLE, Refused, Type
from devsup.sim.propar_talk import TYPE_BITS, converse

KINDS = {Type.CHAR: Kind.CHAR, Type.INT: Kind.INT, Type.LONG: Kind.LONG, Type.FLOAT: Kind.FLOAT,
         Type.TEXT: Kind.STRING}  # fmt: skip


@pytest.fixture
def node() -> ProparNode:
    new = ProparNode(NodeConfig(3, fluids=(Fluid("N2", 100.0, "mln/min"), Fluid("Ar", 140.0, "mln/min"))))
    new.setpoint, new.reading, new.temperature_degc, new.drive = 0.5, 0.25, 23.5, 0x800000 / 0xFFFFFF
    return new


def ask(node: ProparNode, data: str) -> str:
    answer = converse(node, bytes.fromhex(data))
    return "" if answer is None else answer.hex(" ").upper()


EXCHANGES = {
    "205": ("04 21 40 21 40", "02 21 40 41 C8 00 00"),
    "205, 206, 142": (
        "04 21 C0 21 40 C3 21 43 47 21 47",
        "02 21 C0 41 C8 00 00 C3 42 48 00 00 47 41 BC 00 00",
    ),
    "205, 206, 142, 55, 28, 12": (
        "04 A1 C0 21 40 C3 21 43 47 21 47 F2 41 72 41 01 94 01 14 04 01 04",
        "02 A1 C0 41 C8 00 00 C3 42 48 00 00 47 41 BC 00 00 F2 41 00 80 00 00 01 94 00 04 00",
    ),
    "21, 24, 25, 129": (
        "04 01 CD 01 4D 90 01 10 F1 01 71 00 7F 01 7F 00",
        "02 01 CD 42 C8 00 00 90 00 F1 00 4E 32 00 7F 00 6D 6C 6E 2F 6D 69 6E 00",
    ),
    "free labels, fixed text": (
        "04 05 E1 01 7F 07 62 01 71 0A",
        "02 05 E1 07 6D 6C 6E 2F 6D 69 6E 62 0A 4E 32 20 20 20 20 20 20 20 20",
    ),
    "fixed text cuts": ("04 01 7F 01 7F 03", "02 01 7F 03 6D 6C 6E"),
    "write 206 = 50.0": ("01 21 43 42 48 00 00", "00 00 07"),
    "write 9 = 16000": ("01 01 21 3E 80", "00 00 05"),
    "write 12 = 0": ("01 01 04 00", "00 00 04"),
    "write 7 = 64": ("01 00 0A 40", "00 00 04"),
    "write 115 = TAG": ("01 71 66 00 54 41 47 00", "00 00 08"),
    "write without status": ("02 01 21 3E 80", ""),
    "refused write without status": ("02 21 40 00 00 00 00", ""),
    "unknown process": ("04 7E 40 7E 40", "00 03 03"),
    "unknown parameter": ("04 21 5F 21 5F", "00 04 04"),
    "second of a chain unknown": ("04 21 C0 21 40 5F 21 5F", "00 04 07"),
    "wrong type": ("04 21 20 21 20", "00 05 04"),
    "types of label and parameter differ": ("04 21 20 21 40", "00 05 04"),
    "write-only": ("04 73 08 73 08", "00 11 04"),
    "read-only": ("01 21 40 41 C8 00 00", "00 0D 02"),
    "read-only behind another": ("01 21 C3 41 C8 00 00 40 41 C8 00 00", "00 0D 07"),
    "write to unknown process": ("01 7E 40 00", "00 03 01"),
    "write to unknown parameter": ("01 81 04 00 21 5F 00", "00 04 05"),
    "write of a wrong type": ("01 21 23 00 00", "00 05 02"),
    "value not allowed": ("01 01 04 0B", "00 06 03"),
    "setpoint above capacity": ("01 21 43 42 CA 00 00", "00 06 03"),
    "setpoint not a number": ("01 21 43 7F C0 00 00", "00 06 03"),
    "no such fluid": ("01 01 10 02", "00 06 03"),
    "unknown command": ("06 01", "00 02 00"),
    "read cut short": ("04 21 40 21", "00 22 04"),
    "value cut short": ("01 21 43 42", "00 22 04"),
    "text without end": ("01 71 66 00 54", "00 22 05"),
    "bytes left over": ("04 21 40 21 40 99", "00 22 05"),
    "nothing asked": ("04", "00 22 01"),
}


@pytest.mark.parametrize(("request_", "answer"), EXCHANGES.values(), ids=EXCHANGES)
def test_exchange(node: ProparNode, request_: str, answer: str) -> None:
    assert ask(node, request_) == answer


def test_chained_read_of_the_manual(node: ProparNode) -> None:
    """`:1A03...`: labels of the master's choice, text of open and of fixed length."""
    node.serial = "M6212345A"
    request = "04 F1 EC 71 63 00 6D 71 66 00 01 AE 01 20 CF 01 4D F0 01 7F 07 71 01 71 0A"
    expected = (
        b"\x02\xf1\xec\0M6212345A\0\x6d\0USERTAG\0\x01\xae"
        + struct.pack(">H", node.raw_measure)
        + b"\xcf"
        + struct.pack(">f", 100.0)
        + b"\xf0\x07mln/min\x71\x0aN2        "
    )
    assert converse(node, bytes.fromhex(request)) == expected


def test_writes_take_effect_in_order_until_one_is_refused(node: ProparNode) -> None:
    assert ask(node, "01 81 21 1F 40 21 C3 42 C6 00 00 40 00 00 00 00") == "00 0D 0B"
    assert node.setpoint == pytest.approx(0.99)
    node.setpoint = 0.1
    assert ask(node, "02 01 21 3E 80") == "" and node.setpoint == 0.5


def test_secured_parameters_need_the_unlock_and_lock_again(node: ProparNode) -> None:
    speed = "01 72 5E 40 00 00 00"
    assert ask(node, speed) == "00 0D 02"
    assert ask(node, "01 80 0A 40 F2 5E 40 00 00 00 00 0A 52") == "00 00 0D"
    assert node.controller_speed == 2.0
    assert ask(node, speed) == "00 0D 02"
    node.init_reset = UNLOCKED
    assert ask(node, speed) == "00 00 07"
    node.power_up()
    assert ask(node, speed) == "00 0D 02"


def test_valve_steering_by_bus_in_an_idle_mode(node: ProparNode) -> None:
    node.init_reset, node.control_mode = UNLOCKED, 4
    assert ask(node, "01 72 41 00 40 00 00") == "00 00 07"
    node.step(5.0)
    assert node.drive == pytest.approx(0.25, abs=1e-3)


def test_setpoint_is_taken_up_to_a_capacity_that_32_bits_cannot_express() -> None:
    node = ProparNode(NodeConfig(3, fluids=(Fluid("He", 0.1),)))
    assert ask(node, "01 21 43 " + struct.pack(">f", 0.1).hex()) == "00 00 07"


def test_an_analog_instrument_accepts_a_bus_setpoint_and_ignores_it(node: ProparNode) -> None:
    node.control_mode = 1
    assert ask(node, "01 01 21 7D 00") == "00 00 05"
    node.step(5.0)
    assert node.reading == pytest.approx(0.0)


def test_change_of_fluid_shows_when_it_is_complete(node: ProparNode) -> None:
    fluid = "04 01 90 01 10 CD 01 4D 71 01 71 00"
    before = ask(node, fluid)
    assert ask(node, "01 01 10 01") == "00 00 04" and ask(node, fluid) == before
    node.step(1.5)
    assert ask(node, fluid) == "02 01 90 01 CD 43 0C 00 00 71 00 41 72 00"


def test_wink_and_ident_share_their_place(node: ProparNode) -> None:
    assert ask(node, "01 00 60 00 35 00") == "00 00 06" and node.wink_s == 5.0
    assert ask(node, "01 00 60 00 41 00") == "00 06 03"
    reply = converse(node, bytes.fromhex("04 00 60 00 60 00"))
    assert reply is not None and reply[4:-1] == b"\x07\x01\x01" + node.serial.encode()


def test_an_answer_longer_than_a_frame_is_refused(node: ProparNode) -> None:
    node.user_tag = "x" * 100
    chain = "E6 71 66 00 " * 2 + "66 71 66 00"
    assert ask(node, "04 71 " + chain) == "00 1D 0E"


def test_negative_measure_wraps_as_on_the_wire(node: ProparNode) -> None:
    node.reading = -1 / 32000
    assert ask(node, "04 01 20 01 20") == "02 01 20 FF FF"


# ---- the table ---------------------------------------------------------------------------


def test_the_table_agrees_with_the_codec_written_apart_from_it() -> None:
    for item in propar.PARAMETERS.values():
        row = TABLE[item.process, item.number]
        assert KINDS[row.type] is item.kind, item.name
        assert TYPE_BITS[row.type] == item.kind.bits


def test_what_the_codec_holds_for_read_only_or_secured_is_so(node: ProparNode) -> None:
    for item in propar.PARAMETERS.values():
        row = TABLE[item.process, item.number]
        if not item.writable and item is not propar.IDENT:
            with pytest.raises(Refused):
                row.check_access(node)
        elif row.put is not None:
            assert row.secured == item.secured, item.name


def test_every_readable_parameter_can_be_read(node: ProparNode) -> None:
    for (process, number), row in TABLE.items():
        if row.get is not None:
            parameter = number | TYPE_BITS[row.type]
            request = bytes((4, process, parameter, process, parameter)) + (
                b"\0" if row.type is Type.TEXT else b""
            )
            answer = converse(node, request)
            assert answer is not None and answer[0] == 2, (process, number)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((1, 1), 32001),
        ((1, 2), 30001),
        ((97, 3), 4),
        ((0, 10), 7),
        ((104, 1), -1.0),
        ((104, 1), float("inf")),
    ],
)
def test_values_out_of_range_are_refused(node: ProparNode, place: tuple[int, int], value: float) -> None:
    with pytest.raises(Refused):
        TABLE[place].write(node, value)


@pytest.mark.parametrize(
    ("place", "value"), [((97, 1), 16000), ((97, 2), 3200), ((1, 2), 50), ((104, 1), 12.5)]
)
def test_values_in_range_are_kept(node: ProparNode, place: tuple[int, int], value: float) -> None:
    TABLE[place].write(node, value)
    assert TABLE[place].read(node) == value
