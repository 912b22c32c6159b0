"""Modbus units on a real port and a paced pseudo-terminal: gaps, silences, late answers, orders."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from devsup.errors import DeviceError, DeviceFault, GaveWay, LineLost
from devsup.health import Link, Manners
from devsup.line import LineSettings
from devsup.modbus_bus import ModbusBus
from devsup.modbus_unit import ModbusTalk, ModbusUnit
from devsup.port import Port, Priority
from devsup.sim.faults import Fault, LineFault
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.modbus_memory import MemoryUnit
from devsup.sim.modbus_talk import Unit
from devsup.sim.wire import PtyLine
from tests.support.waiting import until

QUICK = Manners(
    response_timeout_s=0.25, command_timeout_s=0.1, retry_delays_s=(0.01, 0.02, 0.03), floor_s=0.05
)
COUNT = 6


class Counter(Unit):
    """Every read brings a number that was never there before; coils are toggled by 0x5500."""

    def __init__(self) -> None:
        self.reads = 0
        self.toggles = 0
        self.memory = MemoryUnit({0: 0, 1: 0})

    def read_holding(self, address: int, count: int) -> Sequence[int]:
        self.reads += 1
        return [self.reads & 0xFFFF] * count

    def read_coils(self, address: int, count: int) -> Sequence[bool]:
        return [self.toggles % 2 == 1] * count

    def write_coil_value(self, address: int, value: int) -> None:
        self.toggles += 1

    def write_registers(self, address: int, values: Sequence[int]) -> None:
        self.memory.write_registers(address, values)


class Bench:
    """Two counting units on one strict line, and a port with its bus."""

    def __init__(self, baudrate: int, strict: bool, gap_s: float | None) -> None:
        self.counters = {1: Counter(), 2: Counter()}
        self.server = ModbusLine(self.counters, baudrate, 0.002, strict=strict)
        self.wire = PtyLine(self.server, baudrate, name="modbus")
        self.port = Port("bench", LineSettings(self.wire.url, baudrate), QUICK)
        self.bus = ModbusBus(self.port, gap_s=gap_s)
        self.one, self.two = (ModbusUnit(self.bus, unit, f"unit {unit}") for unit in (1, 2))

    @property
    def now(self) -> int:
        """What unit 1 counted in its latest answer."""
        return self.counters[1].reads


@contextmanager
def bench_of(baudrate: int = 57600, strict: bool = True, gap_s: float | None = None) -> Iterator[Bench]:
    bench = Bench(baudrate, strict, gap_s)
    with ExitStack() as stack:
        stack.enter_context(bench.wire)
        bench.port.start()
        stack.callback(bench.port.stop)
        yield bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    with bench_of() as it:
        yield it


def block(talk: ModbusTalk) -> tuple[int, ...]:
    return talk.read_holding(0, COUNT)


async def current(bench: Bench) -> bool:
    """Is a reading of unit 1 the latest there is?"""
    values = await bench.one.run(block)
    assert len(set(values)) == 1
    return values[0] == bench.now


# -- the gap ----------------------------------------------------------------------------------


async def test_units_that_insist_on_silence_hear_every_question() -> None:
    with bench_of(9600) as bench:
        for _ in range(20):
            await bench.one.run(lambda talk: talk.read_holding(0))
            await bench.two.run(lambda talk: talk.read_holding(0))
        assert bench.port.snapshot().failures["timeout"] == 0
        assert bench.port.stats.succeeded == 40


async def test_without_the_gap_they_would_not() -> None:
    with bench_of(9600, gap_s=0.0) as bench:
        for _ in range(4):
            await bench.one.run(lambda talk: talk.read_holding(0))
        assert bench.port.snapshot().failures["timeout"] > 0


# -- late answers -------------------------------------------------------------------------------


async def test_a_late_answer_never_becomes_a_reading(bench: Bench) -> None:
    """Withheld until the next question, and then sent at once, in the shape of its answer."""
    assert await current(bench)
    for _ in range(6):
        bench.server.set_fault(1, Fault.LATE, 0.7)
        try:
            assert await current(bench)
        except DeviceFault:
            pass
        bench.server.set_fault(1, Fault.OK)
        assert await current(bench)
    assert bench.bus.catch_ups > 0


async def test_an_answer_that_comes_while_the_next_is_awaited_is_turned_away(bench: Bench) -> None:
    assert await current(bench)
    before = bench.now
    bench.server.set_fault(1, Fault.LATE, 1.0, delay_s=0.12)
    waiting = asyncio.create_task(bench.one.run(block))
    await until(lambda: bench.now > before)
    bench.server.set_fault(1, Fault.OK)
    values = await waiting
    assert values[0] == bench.now > before + 1
    assert bench.port.snapshot().late_replies > 0


async def test_a_slow_unit_is_learnt_to_be_slow(bench: Bench) -> None:
    assert await current(bench)
    bench.server.set_latency(1, 0.2)
    assert await current(bench)
    retries = bench.port.stats.retries
    assert await current(bench)
    assert bench.port.stats.retries == retries


# -- faults -----------------------------------------------------------------------------------

SHOWN = {
    Fault.DEAD: "timeout",
    Fault.FOREIGN_NODE: "identity",
    Fault.WRONG_INDEX: "identity",
    Fault.WRONG_SEQUENCE: "identity",
    Fault.TRUNCATED: "framing",
    Fault.ERROR_FRAME: "device",
}


@pytest.mark.parametrize("fault", SHOWN, ids=lambda fault: fault.name)
async def test_every_fault_is_counted_under_its_name_and_mends(bench: Bench, fault: Fault) -> None:
    assert await current(bench)
    bench.server.set_fault(1, fault)
    with pytest.raises(DeviceFault):
        await bench.one.run(block)
    assert bench.port.snapshot().failures[SHOWN[fault]] > 0
    bench.server.set_fault(1, Fault.OK)
    assert await current(bench)
    assert bench.one.health.link is not Link.LOST


@pytest.mark.parametrize(
    "fault", [Fault.BIT_FLIP, Fault.NOISE_BEFORE, Fault.NOISE_INSIDE], ids=lambda fault: fault.name
)
async def test_what_the_crc_shows_is_asked_again(bench: Bench, fault: Fault) -> None:
    bench.server.set_fault(1, fault, 0.4)
    for _ in range(15):
        try:
            assert await current(bench)
        except DeviceFault:
            pass
    assert bench.server.stations[1].faults.struck > 0


async def test_a_dead_unit_leaves_its_neighbour_alone(bench: Bench) -> None:
    assert await current(bench)
    bench.server.set_fault(2, Fault.DEAD)
    with pytest.raises(DeviceFault):
        await bench.two.run(block)
    assert bench.two.health.link is Link.LOST
    assert not bench.two.health.due(time.monotonic()), "its next question has to wait, not the neighbour's"
    assert await current(bench)
    bench.server.set_fault(2, Fault.OK)
    await bench.two.run(block, Priority.COMMAND)
    assert bench.two.health.link is Link.OK


async def test_unplugged_and_back(bench: Bench) -> None:
    assert await current(bench)
    bench.wire.set_fault(LineFault.HUNG_UP)
    with pytest.raises(LineLost):
        await bench.one.run(block, retries=0)
    bench.wire.set_fault(LineFault.OK)
    await until(lambda: bench.port.connected)
    assert await current(bench)


# -- orders -----------------------------------------------------------------------------------


async def test_what_must_not_be_repeated_is_sent_once(bench: Bench) -> None:
    """Its acknowledgement is lost, so nobody knows; a second toggle would undo the first."""
    bench.server.set_fault(1, Fault.TRUNCATED)
    with pytest.raises(DeviceFault):
        await bench.one.run(lambda talk: talk.write_coil_value(0, 0x5500), Priority.COMMAND, retries=0)
    assert bench.counters[1].toggles == 1


async def test_what_may_be_repeated_is(bench: Bench) -> None:
    assert await current(bench)
    bench.server.set_fault(1, Fault.TRUNCATED, 0.5)
    for value in range(5):
        await bench.one.run(lambda talk, value=value: talk.write_register(0, value), Priority.COMMAND)
        assert bench.counters[1].memory.holding[0] == value


async def test_the_newest_of_several_orders_counts(bench: Bench) -> None:
    orders = [
        bench.one.run(
            lambda talk, value=value: talk.write_registers(0, (value, 0)), Priority.COMMAND, key="set"
        )
        for value in range(20)
    ]
    await asyncio.gather(*orders)
    assert bench.counters[1].memory.holding[0] == 19
    assert bench.port.stats.operations < 20


async def test_a_refusal_is_an_answer(bench: Bench) -> None:
    with pytest.raises(DeviceError, match=r"unit 1: illegal data address \(exception 2\) to function 6"):
        await bench.one.run(lambda talk: talk.write_register(9, 1), Priority.COMMAND)
    assert bench.port.stats.retries == 0


async def test_between_two_questions_an_order_may_go_first(bench: Bench) -> None:
    asked = []

    def patient(talk: ModbusTalk) -> None:
        talk.read_holding(0)
        asked.append(talk)
        if len(asked) == 1:
            bench.port.submit(lambda line, deadline: None, bench.two.health, Priority.COMMAND)
        talk.give_way()

    await bench.one.run(patient)
    assert len(asked) == 2, "begun anew"
    talk = asked[0]
    talk.line.is_wanted = lambda: True
    with pytest.raises(GaveWay):
        talk.give_way()


async def test_everything_a_unit_can_be_asked() -> None:
    memory = MemoryUnit({0: 1}, {0: 2}, {0: True}, {0: False})
    server = ModbusLine({7: memory}, None)
    with PtyLine(server, None) as wire:
        port = Port("all", LineSettings(wire.url, 115200), QUICK)
        port.start()
        try:
            unit = ModbusUnit(ModbusBus(port), 7, "all")

            def everything(talk: ModbusTalk) -> tuple[object, ...]:
                talk.write_coil(0, False)
                talk.write_coils(0, (True,))
                return (
                    talk.read_holding(0),
                    talk.read_input(0),
                    talk.read_coils(0),
                    talk.read_discrete_inputs(0),
                )

            assert await unit.run(everything) == ((1,), (2,), (True,), (False,))
        finally:
            port.stop()


async def test_a_unit_has_an_address(bench: Bench) -> None:
    with pytest.raises(ValueError, match="unit 0"):
        ModbusUnit(bench.bus, 0, "broadcast")
