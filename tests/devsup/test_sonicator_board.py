"""The sonicator board on a simulated line: readings and orders through both maps, faults of the wire."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from devsup.errors import DeviceError, DeviceFault, NoReply
from devsup.line import LineSettings
from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.sim.faults import Fault
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.sonicator_board import (
    LAYOUTS,
    Board,
    BoardConfig,
    BoardUnit,
    State,
    TransducerConfig,
    Trouble,
)
from devsup.sim.wire import PtyLine
from devsup.sonicator_board import PATIENT, Sonicator, SonicatorBoard
from devsup.sonicator_map import DEPLOYED, DOCUMENTED, FAST, LONGEST_READ, MAPS, block
from devsup.sonicator_values import Flag, Reading, Status, shutdown_text
from tests.support.waiting import until

UNIT = 2
QUICK = replace(PATIENT, response_timeout_s=0.15, command_timeout_s=0.15)
RESONANCE_HZ = {1: 21000.0, 4: 20000.0}
"""Who answers can be told from the frequency, running or not."""
WIRED = {number: TransducerConfig(resonance_hz=own) for number, own in RESONANCE_HZ.items()}
Start = Callable[..., Awaitable["Rig"]]


class Recorder(BoardUnit):
    """Remembers what was written, taken or not."""

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self.written: list[tuple[int, int]] = []
        self.asked = 0

    def hears(self, now: float) -> bool:
        self.asked += 1
        return super().hears(now)

    def write_registers(self, address: int, values: object) -> None:
        self.written.append((address, values[0]))  # type: ignore[index]
        super().write_registers(address, values)  # type: ignore[arg-type]


class Rig:
    """A board, its line and our side of it. `son` is sonicator 4."""

    def __init__(self, layout: str = "documented", **config: object) -> None:
        self.map = MAPS[layout]
        self.sim = Board(BoardConfig(LAYOUTS[layout], wired=WIRED, **config))  # type: ignore[arg-type]
        self.far = Recorder(self.sim)
        self.line = ModbusLine({UNIT: self.far}, None, latency_s=0.0)
        self.wire = PtyLine(self.line, None, name="sonboard")
        self.port = Port("son", LineSettings(self.wire.url, 115200))
        self.bus = ModbusBus(self.port, gap_s=0.0)
        self.board = SonicatorBoard(self.bus, UNIT, self.map, manners=QUICK)
        self.son = Sonicator(self.board, 4, "SON4")
        self.other = Sonicator(self.board, 1, "SON1")

    async def start(self) -> "Rig":
        self.wire.start()
        self.port.start()
        await self.board.keep_alive()
        await self.son.poll()
        return self

    async def stop(self) -> None:
        await asyncio.to_thread(self.port.stop)
        self.wire.stop()

    def fault(self, fault: Fault, probability: float = 1.0) -> None:
        self.line.set_fault(UNIT, fault, probability)

    async def seen(self, condition: Callable[[Reading], object], what: str) -> Reading:
        """The first reading that meets the condition."""
        readings = [await self.son.poll()]

        async def ask() -> None:
            while not condition(readings[-1]):
                readings[-1] = await self.son.poll()

        task = asyncio.create_task(ask())
        await until(task.done, what=what)
        await task
        return readings[-1]

    def writes(self, name: str, number: int = 4) -> list[int]:
        address = self.map.register(name).of(number)
        return [value for place, value in self.far.written if place == address]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    rigs: list[Rig] = []

    async def make(*args: object, **config: object) -> Rig:
        rigs.append(Rig(*args, **config))  # type: ignore[arg-type]
        return await rigs[-1].start()

    yield make
    for rig in rigs:
        await rig.stop()


# The maps


@pytest.mark.parametrize("version", MAPS.values(), ids=list(MAPS))
def test_a_map_is_one_block_per_purpose(version: object) -> None:
    assert isinstance(version, type(DOCUMENTED))
    for number in (1, 2, 3, 4):
        assert block([version.sonicator[name] for name in FAST], number)[1] == len(FAST)
        first, count = block(list(version.sonicator.values()), number)
        assert first == 0x0100 + 0x20 * (number - 1)
        assert count <= LONGEST_READ
    assert block(list(version.board.values()))[1] <= LONGEST_READ


def test_the_documented_addresses_are_the_design_documents() -> None:
    son4 = {name: row.of(4) for name, row in DOCUMENTED.sonicator.items()}
    assert [son4[name] for name in ("START_STOP", "AMPLITUDE_SP", "OVERLOAD_RESET")] == [0x160, 0x161, 0x162]
    assert [son4[name] for name in FAST] == [0x170, 0x171, 0x172, 0x173]
    assert DOCUMENTED.board["EMERGENCY_STOP"].address == 0x11


def test_flags_mean_the_same_in_both_maps() -> None:
    assert DOCUMENTED.decode_flags(0x10) is Flag.FAULT
    assert DEPLOYED.decode_flags(0x20) is Flag.FAULT
    assert DEPLOYED.decode_flags(0x10) is Flag.OVER_TEMP
    assert DOCUMENTED.decode_flags(0xFFE0) is Flag.NONE


# Reading and ordering


@pytest.mark.parametrize("layout", MAPS)
async def test_a_sonicator_is_started_watched_and_stopped(start: Start, layout: str) -> None:
    rig = await start(layout)
    await rig.son.start(60)
    assert rig.sim.units[4].state is State.STARTING
    reading = await rig.seen(lambda seen: seen.power_w > 358, "power")
    assert reading.power_w == pytest.approx(360, abs=3)
    assert (reading.frequency_hz, reading.amplitude) == (pytest.approx(20000, abs=10), 60)
    assert reading.flags == Flag.RUNNING | Flag.FREQ_LOCK
    await rig.son.stop()
    assert rig.sim.units[4].state is State.STOPPING
    assert (await rig.seen(lambda seen: seen.power_w < 1, "no power")).flags == Flag.FREQ_LOCK
    assert rig.son.stops == 1


@pytest.mark.parametrize("layout", MAPS)
async def test_the_amplitude_is_read_back_and_safe_takes_it_to_its_minimum(start: Start, layout: str) -> None:
    rig = await start(layout)
    assert await rig.son.set_amplitude(73.4) == 73.0
    assert rig.sim.system.amplitude.percent == 73
    assert await rig.board.set_amplitude(50) == 50.0
    await rig.son.start(80)
    await rig.son.safe()
    assert (rig.sim.units[4].active, rig.sim.system.amplitude.percent) == (False, 20)
    for order in (rig.son.set_amplitude, rig.son.start, rig.board.set_amplitude):
        for value in (19.0, 101.0, float("nan")):
            with pytest.raises(ValueError, match=r"expected 20\.\.100"):
                await order(value)


@pytest.mark.parametrize("layout", MAPS)
async def test_a_reset_is_one_pulse(start: Start, layout: str) -> None:
    rig = await start(layout)
    rig.sim.set_load(4, 3.0)
    await rig.son.start(100)
    await rig.seen(lambda seen: Flag.OVERLOAD in seen.flags, "overload")
    rig.sim.set_load(4, 1.0)
    for _ in range(2):
        await rig.son.reset()
    await rig.seen(lambda seen: seen.flags == Flag.FREQ_LOCK, "all well")
    assert rig.writes("OVERLOAD_RESET") == ([1, 1] if layout == "documented" else [1, 0, 1, 0])


async def test_the_board_tells_of_itself(start: Start) -> None:
    rig = await start()
    status = await rig.board.keep_alive()
    assert (status.status, status.active_mask, status.watchdog) == (Status.OK, 0, 1)
    await rig.board.enable(False)
    control = rig.board.control(await rig.board.read_image())
    assert (control.enabled, control.stopped, control.inhibit_mask) == (False, False, 0)
    assert (control.amplitude, shutdown_text(status.shutdown), shutdown_text(9)) == (80, "normal", "number 9")
    with pytest.raises(DeviceError):
        await rig.son.start(60)
    await rig.board.enable(True)
    await rig.son.start(60)
    settings = rig.board.settings(await rig.board.read_image(4), 4)
    assert (settings.start, settings.amplitude, settings.persisted_amplitude) == (True, 60, 60)


async def test_an_image_has_every_register_by_address(start: Start) -> None:
    rig = await start()
    image = await rig.board.read_image(4)
    assert sorted(image) == [*range(0x160, 0x163), *range(0x170, 0x178)]
    assert image[0x161] == 80
    assert sorted(await rig.board.read_image()) == [*range(7), *range(0x10, 0x15)]
    deployed = await start("deployed")
    assert sorted(await deployed.board.read_image(4)) == [0x160, 0x161, *range(0x16F, 0x177)]
    settings = deployed.board.settings(await deployed.board.read_image(4), 4)
    assert settings.amplitude != settings.amplitude, "it is the board's"
    assert deployed.board.control(await deployed.board.read_image()).amplitude == 80


async def test_the_emergency_stop_is_the_boards_where_it_has_one(start: Start) -> None:
    rig = await start()
    await rig.son.start(60)
    await rig.board.safe()
    assert rig.sim.units[4].state is State.FAULT
    assert Status.EMERGENCY_STOP in (await rig.board.keep_alive()).status
    await rig.board.release()
    assert Status.EMERGENCY_STOP not in (await rig.board.keep_alive()).status
    deployed = await start("deployed")
    before = list(deployed.far.written)
    await deployed.board.safe()
    await deployed.board.release()
    assert deployed.far.written == before


async def test_a_raw_register_shows_what_it_reads_back(start: Start) -> None:
    rig = await start()
    assert await rig.board.write_raw(0x161, 45) == 45
    assert await rig.board.write_raw(0x162, 1) == 0, "it clears itself"
    with pytest.raises(DeviceError) as refusal:
        await rig.board.write_raw(0x172, 1)
    assert refusal.value.status == 2


# What the board refuses


async def test_a_start_that_the_board_refuses_is_not_repeated(start: Start) -> None:
    rig = await start()
    rig.sim.system.inhibit_mask = 0b1000
    with pytest.raises(DeviceError) as refusal:
        await rig.son.start(60)
    assert refusal.value.status == 4
    assert rig.writes("START_STOP") == [1]


async def test_a_value_that_does_not_stay_is_written_twice_and_reported(start: Start) -> None:
    rig = await start()
    rig.far.write_registers = lambda address, values: rig.far.written.append((address, values[0]))  # type: ignore
    with pytest.raises(DeviceError, match="AMPLITUDE_SP = 60 not taken, it reads back 80"):
        await rig.son.set_amplitude(60)
    assert rig.writes("AMPLITUDE_SP") == [60, 60]


# Faults of the wire


async def test_a_start_whose_answer_is_lost_is_found_taken_and_not_sent_again(start: Start) -> None:
    rig = await start()
    rig.line.set_fault(UNIT, Fault.OK)
    original = rig.far.write_registers

    def write(address: int, values: object) -> None:
        original(address, values)
        rig.fault(Fault.DEAD if address == 0x160 else Fault.OK)

    def hears(now: float) -> bool:
        if rig.line.fault(UNIT).fault is Fault.DEAD:
            rig.fault(Fault.OK)
        return rig.sim.hears(now)

    rig.far.write_registers = write  # type: ignore[method-assign]
    rig.far.hears = hears  # type: ignore[method-assign]
    rig.line.set_latency(UNIT, 0.0)
    await rig.son.start(60)
    assert rig.writes("START_STOP") == [1]
    assert rig.sim.units[4].active


@pytest.mark.parametrize(
    "fault",
    [
        Fault.DEAD, Fault.BIT_FLIP, Fault.TRUNCATED, Fault.FOREIGN_NODE, Fault.WRONG_INDEX,
        Fault.WRONG_SEQUENCE, Fault.ERROR_FRAME,
    ],
)  # fmt: skip
async def test_start_reset_and_emergency_stop_are_never_repeated_blindly(start: Start, fault: Fault) -> None:
    rig = await start()
    rig.fault(fault)
    orders = (lambda: rig.son.start(60), rig.son.reset, rig.board.safe)
    for order in orders:
        with pytest.raises(DeviceFault):
            await order()
    assert rig.writes("START_STOP") in ([], [1])
    assert rig.writes("OVERLOAD_RESET") in ([], [1])
    stops = rig.writes("EMERGENCY_STOP")
    assert stops in ([], [1]) or fault is Fault.ERROR_FRAME, "a refusal is an answer"


@pytest.mark.parametrize(
    "fault", [Fault.NOISE_BEFORE, Fault.SLOW, Fault.BIT_FLIP, Fault.TRUNCATED, Fault.DEAD]
)
async def test_a_stop_gets_through_a_line_that_is_bad_now_and_then(start: Start, fault: Fault) -> None:
    rig = await start()
    await rig.son.start(60)
    rig.line.set_fault(UNIT, fault, 0.15, 0.005)
    for _ in range(3):
        await rig.son.stop()
        assert not rig.sim.units[4].active


RARE = [
    pytest.param(fault, marks=pytest.mark.slow)
    for fault in (Fault.WRONG_INDEX, Fault.WRONG_SEQUENCE, Fault.BIT_FLIP)
]


@pytest.mark.parametrize("fault", [Fault.LATE, Fault.FOREIGN_NODE, *RARE])
async def test_no_reading_is_ever_somebody_elses(start: Start, fault: Fault) -> None:
    """Each has a frequency of its own: what is read must be the one's that was asked."""
    rig = await start()
    await rig.son.start(60)
    await rig.seen(lambda seen: seen.power_w > 355, "power")
    rig.fault(fault, 0.3)
    good = 0
    for _ in range(40):
        for sonicator in (rig.son, rig.other):
            try:
                reading = await sonicator.poll()
            except DeviceFault:
                continue
            good += 1
            assert reading.frequency_hz == pytest.approx(RESONANCE_HZ[sonicator.number], abs=400)
    assert good > 10


async def test_a_deaf_board_is_told_from_one_that_refuses(start: Start) -> None:
    rig = await start(deaf_after_s=1.0)
    rig.sim.set_trouble(Trouble.DEAF)
    with pytest.raises(NoReply):
        await rig.board.keep_alive()
    rig.sim.set_trouble(Trouble.OK)
    await rig.board.keep_alive()


async def test_a_board_that_was_reset_while_it_ran_is_stopped_and_says_so(start: Start) -> None:
    rig = await start()
    await rig.son.start(60)
    rig.sim.power_cycle()
    assert not (await rig.son.poll()).running
    status = await rig.board.keep_alive()
    assert shutdown_text(status.shutdown) == "power loss"


async def test_the_keep_alive_goes_before_polls_and_after_orders(start: Start) -> None:
    rig = await start()
    done: list[str] = []

    async def note(name: str, order: Awaitable[object]) -> None:
        await order
        done.append(name)

    rig.line.set_latency(UNIT, 0.02)
    before = rig.far.asked
    jobs = [asyncio.create_task(note("first", rig.other.poll()))]
    await until(lambda: rig.far.asked > before, what="first on the wire")
    jobs += [
        asyncio.create_task(note("poll", rig.son.poll())),
        asyncio.create_task(note("image", rig.board.read_image())),
        asyncio.create_task(note("keep-alive", rig.board.keep_alive())),
        asyncio.create_task(note("amplitude", rig.son.set_amplitude(50))),
        asyncio.create_task(note("stop", rig.other.stop())),
    ]
    await asyncio.gather(*jobs)
    assert done == ["first", "stop", "amplitude", "keep-alive", "poll", "image"]
