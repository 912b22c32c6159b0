"""Instruments on one simulated line, through a real port and pty: who is silent or slow costs little."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from devsup.bronkhorst import Instrument
from devsup.errors import DeviceFault, NoReply
from devsup.health import Health, Link, Manners
from devsup.line import LineSettings
from devsup.port import Port
from devsup.propar import Framing
from devsup.propar_bus import ProparBus
from devsup.sim.faults import Fault
from devsup.sim.propar_line import ProparLine
from devsup.sim.propar_node import Fluid, NodeConfig, ProparNode
from devsup.sim.wire import PtyLine
from tests.devsup.port_rig import running
from tests.support.waiting import until

FLUIDS = (Fluid("N2", 100.0), Fluid("He", 500.0))
NODES = tuple(range(3, 11))
QUICK = Manners(
    response_timeout_s=1.0,
    command_timeout_s=0.2,
    retry_delays_s=(0.01, 0.02, 0.03),
    floor_s=0.1,
    probe_min_s=0.1,
)


@dataclass
class Bench:
    """A line as fast as the machine, and its instruments by node."""

    wire: PtyLine
    sim: ProparLine
    port: Port
    bus: ProparBus
    instruments: dict[int, Instrument]


@pytest.fixture
def bench() -> Iterator[Bench]:
    sim = ProparLine([ProparNode(NodeConfig(node, fluids=FLUIDS)) for node in NODES], latency_s=0.0)
    with PtyLine(sim, baudrate=None) as wire, running(Port("bench", LineSettings(wire.url), QUICK)) as port:
        bus = ProparBus(port)
        yield Bench(wire, sim, port, bus, {node: Instrument(bus, node, f"node {node}") for node in NODES})


@dataclass
class Polling:
    """What came of polling an instrument without a pause, except while it backs off."""

    instrument: Instrument
    begun: float = field(default_factory=time.monotonic)
    good: int = 0
    bad: int = 0

    @property
    def health(self) -> Health:
        return self.instrument.health

    async def run(self) -> None:
        while True:
            await until(lambda: self.health.due(time.monotonic()), timeout=60)
            try:
                await self.instrument.poll()
            except DeviceFault:
                self.bad += 1
            else:
                self.good += 1
            await asyncio.sleep(0)

    def at_most(self, attempts: int) -> bool:
        """Were there no more attempts than `attempts`, and the probes that the back-off has allowed since?"""
        elapsed_s = time.monotonic() - self.begun
        return self.health.errors <= attempts + elapsed_s / self.health.back_off_s


@asynccontextmanager
async def polled(instruments: Sequence[Instrument]) -> AsyncIterator[list[Polling]]:
    pollings = [Polling(instrument) for instrument in instruments]
    tasks = [asyncio.create_task(polling.run()) for polling in pollings]
    try:
        yield pollings
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def all_answer(pollings: Sequence[Polling]) -> None:
    await until(lambda: all(polling.good for polling in pollings), what="everybody has answered")


def more(pollings: Sequence[Polling], count: int) -> Callable[[], bool]:
    """Has each of them brought `count` more readings than now?"""
    wanted = [polling.good + count for polling in pollings]
    return lambda: all(polling.good >= target for polling, target in zip(pollings, wanted, strict=True))


# -- silent neighbours ------------------------------------------------------------------------


async def test_one_that_dies_among_three_is_retried_then_probed_rarely(bench: Bench) -> None:
    async with polled([bench.instruments[node] for node in (3, 5, 6)]) as pollings:
        await all_answer(pollings)
        one, dead, other = pollings
        dead.begun, before = time.monotonic(), dead.health.errors
        bench.sim.set_fault(5, Fault.DEAD)
        await until(lambda: dead.health.lost, what="retries are spent")
        assert dead.health.errors == before + 4
        await until(more([one, other], 300))
        assert dead.at_most(before + 4)
        assert (one.bad, other.bad) == (0, 0)
        assert dead.health.back_off_s >= 0.1 / QUICK.silent_share
        assert (one.health.link, dead.health.link) == (Link.OK, Link.LOST)


async def test_seven_dead_beside_one_live_cost_seven_shares(bench: Bench) -> None:
    for node in NODES[1:]:
        bench.sim.set_fault(node, Fault.DEAD)
    async with polled(list(bench.instruments.values())) as pollings:
        live, *dead = pollings
        await until(lambda: all(one.bad for one in dead), what="everybody was asked")
        await until(more([live], 500), timeout=50)
        elapsed_s = time.monotonic() - live.begun
        assert all(one.at_most(1) for one in dead)
        assert all(one.health.back_off_s >= 0.3 / QUICK.silent_share for one in dead)
        probes = sum(one.health.errors for one in dead)
        assert probes <= 7 * (1 + elapsed_s * QUICK.silent_share / 0.3)
        assert live.bad == 0
        assert bench.port.snapshot().backed_off == 7


async def test_one_that_comes_back_is_found_though_the_line_is_saturated(bench: Bench) -> None:
    manners = Manners(command_timeout_s=0.05, floor_s=0.02, silent_share=0.5, probe_min_s=0.01)
    back = Instrument(bench.bus, 9, "back", manners)
    bench.sim.set_fault(9, Fault.DEAD)
    async with polled([bench.instruments[3], bench.instruments[5], bench.instruments[6], back]) as pollings:
        await until(lambda: pollings[3].bad >= 2, what="it is probed beside three that never pause")
        bench.sim.set_fault(9, Fault.OK)
        await until(lambda: pollings[3].good >= 10, what="it answers again")
    assert back.health.link is not Link.LOST


# -- slow ones --------------------------------------------------------------------------------


@pytest.mark.parametrize("neighbours", [0, 2], ids=["alone", "beside two others"])
async def test_a_slow_instrument_is_learned_and_stays_valid(bench: Bench, neighbours: int) -> None:
    """It takes longer than the command time-out, and less than the response time-out."""
    bench.sim.set_latency(10, 0.45)
    instruments = [bench.instruments[node] for node in (10, 3, 5)[: 1 + neighbours]]
    async with polled(instruments) as pollings:
        slow = pollings[0]
        await until(lambda: slow.good >= 3, what="it is learned")
        assert slow.bad <= 3
        assert not slow.health.lost
    assert await slow.instrument.set_flow(50.0) == 50.0, "two exchanges, each with its own time"
    assert slow.health.latency_s < 0.9


async def test_one_that_becomes_slow_is_not_lost(bench: Bench) -> None:
    async with polled([bench.instruments[3]]) as (polling,):
        await all_answer([polling])
        bench.sim.set_fault(3, Fault.SLOW, delay_s=0.3)
        await until(more([polling], 3), what="it is read though it is slow")
        assert polling.bad == 0, "retries with more patience each"


# -- faults, through everything ---------------------------------------------------------------


@pytest.mark.parametrize("framing", list(Framing))
async def test_a_line_full_of_faults_keeps_its_statistics_in_order(bench: Bench, framing: Framing) -> None:
    bus, manners = ProparBus(bench.port, framing), replace(QUICK, floor_s=0.02)
    outcomes: list[str] = []

    async def forty_times(instrument: Instrument) -> None:
        for _ in range(40):
            try:
                await instrument.poll()
                outcomes.append("good")
            except DeviceFault as fault:
                outcomes.append(fault.kind)

    for node, fault in {3: Fault.TRUNCATED, 5: Fault.NOISE_INSIDE, 6: Fault.FOREIGN_NODE}.items():
        bench.sim.set_fault(node, fault, probability=0.1)
    instruments = [Instrument(bus, node, f"{framing.value} {node}", manners) for node in (3, 5, 6)]
    await asyncio.gather(*map(forty_times, instruments))
    seen = bench.port.snapshot()
    assert (seen.operations, seen.succeeded) == (120, outcomes.count("good"))
    assert seen.failed == 120 - outcomes.count("good")
    assert sum(seen.failures.values()) == seen.retries + seen.failed
    assert seen.failures["framing"] > 0
    assert seen.failures["identity"] > 0
    assert seen.failures["io"] == seen.failures["checksum"] == 0
    assert sum(instrument.health.errors for instrument in instruments) == sum(seen.failures.values())


async def test_a_hang_up_is_survived(bench: Bench) -> None:
    async with polled([bench.instruments[3], bench.instruments[5]]) as pollings:
        await all_answer(pollings)
        bench.wire.hang_up()
        await until(lambda: all(polling.health.lost for polling in pollings), what="both are lost")
        bench.wire.come_back()
        await until(more(pollings, 5), what="both answer again")
    assert bench.port.snapshot().reconnects == 1


# -- orders among polls -----------------------------------------------------------------------


async def test_a_fluid_change_does_not_block_the_others(bench: Bench) -> None:
    await bench.instruments[3].identify()
    async with polled([bench.instruments[5]]) as (other,):
        await all_answer([other])
        change = asyncio.create_task(bench.instruments[3].set_fluid(2))
        await until(more([other], 30))
        assert not change.done(), "a change takes a second"
        assert (await change).fluid_name == "He"
    assert other.bad == 0


async def test_ten_setpoints_at_once_end_with_the_last_and_nobody_is_lied_to(bench: Bench) -> None:
    instrument = bench.instruments[3]
    await instrument.poll()
    results = await asyncio.gather(*(instrument.set_flow(float(n)) for n in range(10)))
    assert results[-1] == 9.0
    assert all(result >= own for own, result in enumerate(results)), "its own value, or a newer one"
    assert (await instrument.poll()).setpoint == 9.0


async def test_superseded_modes_and_fluids_learn_what_became_of_them(bench: Bench) -> None:
    instrument = bench.instruments[3]
    await instrument.identify()
    plates = await asyncio.gather(*(instrument.set_fluid(fluid) for fluid in (1, 2, 1, 2)))
    assert {plate.fluid for plate in plates} == {2}


async def test_a_fluid_ordered_during_a_change_is_what_the_first_caller_learns_too(bench: Bench) -> None:
    instrument = bench.instruments[3]
    await instrument.identify()
    first = asyncio.create_task(instrument.set_fluid(1))
    node = bench.sim.node(3)
    await until(lambda: node.changing_fluid)
    assert (await instrument.set_fluid(2)).fluid == 2
    assert (await first).fluid == 2


async def test_safe_beats_the_setpoints_that_wait(bench: Bench) -> None:
    instrument = bench.instruments[3]
    await instrument.poll()
    setpoints = [asyncio.create_task(instrument.set_flow(float(n))) for n in range(10)]
    await asyncio.sleep(0)
    await instrument.safe()
    results = await asyncio.gather(*setpoints, return_exceptions=True)
    assert all(isinstance(result, float | DeviceFault) for result in results)
    assert bench.sim.node(3).setpoint == 0.0


async def test_a_cancelled_setpoint_leaves_the_line_in_step(bench: Bench) -> None:
    instrument = bench.instruments[3]
    await instrument.poll()
    for turn in range(20):
        task = asyncio.create_task(instrument.set_flow(float(turn)))
        for _ in range(turn):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert (await instrument.poll()).mode == 0
    assert bench.port.snapshot().failed == 0


async def test_wink_is_sent_once_even_if_its_acknowledgement_is_lost(bench: Bench) -> None:
    instrument = bench.instruments[3]
    await instrument.poll()
    bench.sim.set_fault(3, Fault.LATE, delay_s=30.0)
    before = bench.port.snapshot()
    with pytest.raises(NoReply):
        await instrument.wink(9)
    after = bench.port.snapshot()
    assert (after.retries, after.failures["timeout"]) == (before.retries, before.failures["timeout"] + 1)
    assert bench.sim.node(3).wink_s > 0.0


async def test_scan_goes_on_between_the_polls(bench: Bench) -> None:
    async with polled([bench.instruments[3]]) as (polling,):
        await all_answer([polling])
        found = await bench.bus.scan()
    assert [node.address for node in found] == list(NODES)
    assert polling.bad == 0
    assert bench.port.devices == [one.health for one in bench.instruments.values()]
