"""Three Alicat units on one simulated line, through a real port and pty: who waits for whom."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from devsup.alicat_bus import AlicatBus
from devsup.alicat_mfc import Alicat
from devsup.errors import DeviceFault, NoReply
from devsup.health import Link, Manners
from devsup.line import LineSettings
from devsup.port import Port
from devsup.sim.alicat_line import AlicatLine
from devsup.sim.alicat_unit import AlicatUnit, Condition, Hold
from devsup.sim.faults import Fault
from devsup.sim.wire import PtyLine, Transmission
from tests.devsup.alicat_bench import CHAMBER, is_true
from tests.devsup.port_rig import running
from tests.support.waiting import until

QUICK = Manners(
    response_timeout_s=1.0,
    command_timeout_s=0.2,
    retry_delays_s=(0.01, 0.02, 0.03),
    floor_s=0.1,
    probe_min_s=0.1,
)


class Heard(AlicatLine):
    """A line that remembers what was said on it."""

    def __init__(self, units: Sequence[AlicatUnit], latency_s: float = 0.0) -> None:
        super().__init__(units, latency_s)
        self.commands: list[str] = []

    def receive(self, data: bytes, now: float) -> list[Transmission]:
        self.commands += data.decode().split("\r")[:-1]
        return super().receive(data, now)


@dataclass
class Bench:
    wire: PtyLine
    sim: Heard
    port: Port
    devices: dict[str, Alicat]

    @property
    def all(self) -> list[Alicat]:
        return list(self.devices.values())

    def flows(self) -> list[float]:
        return [self.sim.unit(name).setpoint for name in self.devices]


@contextlib.contextmanager
def installation(baudrate: float | None) -> Iterator[Bench]:
    sim = Heard([AlicatUnit(config) for config in CHAMBER])
    with PtyLine(sim, baudrate) as wire, running(Port("bench", LineSettings(wire.url), QUICK)) as port:
        bus = AlicatBus(port)
        devices = {config.unit: Alicat(bus, config.unit, f"unit {config.unit}") for config in CHAMBER}
        yield Bench(wire, sim, port, devices)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A line as fast as the machine."""
    with installation(None) as made:
        for device in made.all:
            await device.identify()
        yield made


@dataclass
class Polling:
    """What came of polling a device without a pause, except while it backs off."""

    device: Alicat
    begun: float = field(default_factory=time.monotonic)
    good: int = 0
    bad: int = 0

    async def run(self) -> None:
        while True:
            await until(lambda: self.device.health.due(time.monotonic()), timeout=60)
            try:
                await self.device.poll()
            except DeviceFault:
                self.bad += 1
            else:
                self.good += 1
            await asyncio.sleep(0)


@asynccontextmanager
async def polled(devices: Sequence[Alicat]) -> AsyncIterator[list[Polling]]:
    pollings = [Polling(device) for device in devices]
    tasks = [asyncio.create_task(polling.run()) for polling in pollings]
    try:
        await until(lambda: all(polling.good or polling.bad for polling in pollings))
        yield pollings
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def more(pollings: Sequence[Polling], count: int) -> Callable[[], bool]:
    """Has each of them brought `count` more readings than now?"""
    wanted = [polling.good + count for polling in pollings]
    return lambda: all(polling.good >= target for polling, target in zip(pollings, wanted, strict=True))


# -- silent neighbours ------------------------------------------------------------------------


async def test_one_that_dies_beside_two_is_retried_then_probed_rarely(bench: Bench) -> None:
    async with polled(bench.all) as pollings:
        one, dead, other = pollings
        health, before = dead.device.health, dead.device.health.errors
        begun = time.monotonic()
        bench.sim.set_fault("B", Fault.DEAD)
        await until(lambda: health.lost, what="retries are spent")
        assert health.errors == before + 4
        await until(more([one, other], 300))
        assert health.errors <= before + 4 + (time.monotonic() - begun) / health.back_off_s
        assert (one.bad, other.bad) == (0, 0)
        assert (one.device.health.link, health.link) == (Link.OK, Link.LOST)


async def test_one_that_comes_back_is_found_and_true(bench: Bench) -> None:
    manners = Manners(command_timeout_s=0.05, floor_s=0.02, silent_share=0.5, probe_min_s=0.01)
    back = Alicat(bench.devices["A"].bus, "B", "back", manners)
    bench.sim.set_fault("B", Fault.DEAD)
    async with polled([bench.devices["A"], bench.devices["C"], back]) as pollings:
        await until(lambda: pollings[2].bad >= 2, what="it is probed beside two that never pause")
        bench.sim.set_fault("B", Fault.OK)
        await until(lambda: pollings[2].good >= 10, what="it answers again")
    assert back.health.link is not Link.LOST and back.plate.serial == "120066"
    assert is_true(await back.poll(), bench.sim.unit("B"))


async def test_one_that_was_never_there_is_found_when_it_comes() -> None:
    with installation(None) as bench:
        bench.sim.set_fault("A", Fault.DEAD)
        device = bench.devices["A"]
        with pytest.raises(NoReply):
            await device.poll()
        assert device.health.lost and not bench.port.snapshot().succeeded
        bench.sim.set_fault("A", Fault.OK)
        assert is_true(await device.poll(), bench.sim.unit("A"))
        assert device.health.link is Link.OK
        assert device.health.slowest_s < 0.1, "long tables are not its reply time"


async def test_a_hang_up_is_survived(bench: Bench) -> None:
    async with polled(bench.all) as pollings:
        bench.wire.hang_up()
        await until(lambda: all(one.device.health.lost for one in pollings), what="all are lost")
        bench.wire.come_back()
        await until(more(pollings, 5), what="all answer again")
    assert bench.port.snapshot().reconnects == 1


# -- orders among polls -----------------------------------------------------------------------


def after(bench: Bench, mark: int) -> list[str]:
    """What was said on the line since, without what identified anybody."""
    return bench.sim.commands[mark:]


async def test_an_order_waits_for_the_transaction_in_flight_and_no_more() -> None:
    with installation(115200) as bench:
        async with polled(bench.all) as pollings:
            await until(more(pollings, 5))
            for turn in range(15):
                await until(more(pollings, 1))
                device, mark = bench.all[turn % 3], len(bench.sim.commands)
                await device.set_flow(20.0 + turn)
                said = after(bench, mark)
                # The one in flight when it was ordered; the next one is on the wire before the answer is out.
                place = said.index(f"{device.unit}S{20 + turn}.00")
                assert place <= 1, said
            assert sum(polling.bad for polling in pollings) == 0


async def test_an_emergency_stop_takes_one_exchange_each_behind_the_one_in_flight() -> None:
    with installation(115200) as bench:
        async with polled(bench.all) as pollings:
            await until(more(pollings, 5))
            for _ in range(5):
                for device in bench.all:
                    await device.set_flow(60.0)
                mark = len(bench.sim.commands)
                await asyncio.gather(*(device.safe() for device in bench.all))
                zeros = [place for place, text in enumerate(after(bench, mark)) if text[1:] == "S0.00"]
                assert len(zeros) == 3 and max(zeros) <= 3
                assert bench.flows() == [0.0, 0.0, 0.0]


async def test_safe_with_one_dead_stops_the_others_first_and_says_who_is_not(bench: Bench) -> None:
    for device in bench.all:
        await device.set_flow(60.0)
    bench.sim.set_fault("A", Fault.DEAD)
    dead, *others = bench.all
    failing = asyncio.create_task(dead.safe())
    await asyncio.gather(*(device.safe() for device in others))
    assert not failing.done(), "it is still being tried"
    assert bench.flows()[1:] == [0.0, 0.0]
    with pytest.raises(NoReply):
        await failing
    assert (dead.zeros, others[0].zeros) == (0, 1)
    bench.sim.set_fault("A", Fault.OK)
    await dead.safe()
    assert bench.flows() == [0.0, 0.0, 0.0]


async def test_the_valves_close_with_one_dead(bench: Bench) -> None:
    bench.sim.set_fault("C", Fault.DEAD)
    closing = [asyncio.create_task(device.close_valve()) for device in bench.all]
    done = await asyncio.gather(*closing, return_exceptions=True)
    assert isinstance(done[2], NoReply) and done[:2] == [None, None]
    assert [bench.sim.unit(name).hold for name in "ABC"] == [Hold.CLOSED, Hold.CLOSED, Hold.NONE]


async def test_safe_beats_the_setpoints_that_wait(bench: Bench) -> None:
    device = bench.devices["A"]
    setpoints = [asyncio.create_task(device.set_flow(float(n))) for n in range(10)]
    await asyncio.sleep(0)
    await device.safe()
    results = await asyncio.gather(*setpoints, return_exceptions=True)
    assert all(isinstance(result, float | DeviceFault) for result in results)
    assert bench.flows()[0] == 0.0


async def test_ten_setpoints_at_once_end_with_the_last_and_nobody_is_lied_to(bench: Bench) -> None:
    device = bench.devices["A"]
    results = await asyncio.gather(*(device.set_flow(float(n)) for n in range(10)))
    assert results[-1] == 9.0
    assert all(result >= own for own, result in enumerate(results)), "its own value, or a newer one"
    assert (await device.poll()).setpoint == 9.0


async def test_an_identification_lets_orders_in_between_its_tables() -> None:
    with installation(115200) as bench:
        await bench.devices["A"].identify()
        mark = len(bench.sim.commands)
        identifying = asyncio.create_task(bench.devices["B"].identify())
        await until(lambda: "B??M*" in after(bench, mark))
        await bench.devices["A"].set_flow(10.0)
        assert not identifying.done()
        await identifying
        said = after(bench, mark)
        assert said.index("B??M*") < said.index("AS10.00") < said.index("B??D*")


async def test_what_must_not_be_repeated_is_said_once_even_if_its_answer_is_lost(bench: Bench) -> None:
    device, mark = bench.devices["A"], len(bench.sim.commands)
    bench.sim.set_fault("A", Fault.LATE, delay_s=30.0)
    with pytest.raises(NoReply):
        await device.tare_pressure()
    assert after(bench, mark) == ["AP"]


async def test_a_cancelled_setpoint_leaves_the_line_in_step(bench: Bench) -> None:
    device = bench.devices["A"]
    await device.poll()
    for turn in range(20):
        task = asyncio.create_task(device.set_flow(float(turn)))
        for _ in range(turn):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert is_true(await device.poll(), bench.sim.unit("A"))
    assert bench.port.snapshot().failed == 0


# -- faults, through everything ---------------------------------------------------------------


async def test_a_line_full_of_faults_keeps_its_statistics_in_order(bench: Bench) -> None:
    outcomes: list[str] = []
    before = bench.port.snapshot()

    async def forty_times(device: Alicat) -> None:
        for _ in range(40):
            try:
                reading = await device.poll()
                outcomes.append("good" if is_true(reading, bench.sim.unit(device.unit)) else "WRONG")
            except DeviceFault as fault:
                outcomes.append(fault.kind)

    for name, fault in {"A": Fault.TRUNCATED, "B": Fault.NOISE_INSIDE, "C": Fault.FOREIGN_NODE}.items():
        bench.sim.set_fault(name, fault, probability=0.1)
    await asyncio.gather(*map(forty_times, bench.all))
    seen = bench.port.snapshot()
    assert "WRONG" not in outcomes
    assert seen.operations - before.operations == 120
    assert seen.failed - before.failed == 120 - outcomes.count("good")
    assert seen.failures["framing"] > 0 and seen.failures["identity"] > 0
    assert seen.failures["io"] == seen.failures["checksum"] == 0


async def test_one_that_streams_is_believed_by_nobody_until_it_is_told_to_stop() -> None:
    with installation(19200) as bench:
        once = replace(QUICK, retry_delays_s=())
        device = Alicat(bench.devices["A"].bus, "A", "streams", once)
        await device.identify()
        bench.sim.set_condition("A", Condition.STREAMING)
        with pytest.raises(DeviceFault):
            await device.poll()
        await until(lambda: bench.port.snapshot().late_replies > 0, what="its frames are noticed")
        bench.sim.unit("A").condition = Condition.OK
        await device.stop_streaming()
        assert is_true(await device.poll(), bench.sim.unit("A"))
