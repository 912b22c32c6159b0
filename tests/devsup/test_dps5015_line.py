"""Two supplies on one real port and a paced line, in the rhythm of the stock firmware, eight times faster."""

import asyncio
import math
import time
from collections.abc import AsyncIterator

import pytest

from devsup.dps5015 import Supply, SupplyLimits
from devsup.errors import DeviceFault, NoReply, Overruled
from devsup.health import Link, Manners
from devsup.line import LineSettings
from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.sim.dps5015 import DpsSupply, Resistor, SwitchingNoise
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.wire import PtyLine
from tests.support.waiting import until

BAUDRATE = 19200
RHYTHM_S = 0.05
LIMITS = SupplyLimits(volts=16.0, amps=10.6, over_voltage=17.0, over_current=12.0)
MANNERS = Manners(
    response_timeout_s=0.3,
    command_timeout_s=0.3,
    retry_delays_s=(0.02, 0.05),
    floor_s=0.3,
    probe_min_s=0.1,
    probe_max_s=0.2,
)


class Bench:
    """Both supplies, simulated and as devices."""

    def __init__(self) -> None:
        self.sims = {unit: DpsSupply(Resistor(2.0), rhythm_s=RHYTHM_S, seed=unit) for unit in (1, 2)}
        self.wire = PtyLine(ModbusLine(self.sims, BAUDRATE, 0.003, strict=True), BAUDRATE, name="dps")
        self.port = Port("psu", LineSettings(self.wire.url, BAUDRATE), MANNERS)
        bus = ModbusBus(self.port)
        self.one, self.two = (Supply(bus, unit, f"PSU{unit}", MANNERS, LIMITS) for unit in (1, 2))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    it = Bench()
    with it.wire:
        it.port.start()
        try:
            await it.one.identify()
            await it.two.identify()
            yield it
        finally:
            it.port.stop()


async def test_a_cycle_of_both_supplies_in_the_rhythm_of_their_firmware(bench: Bench) -> None:
    for sim, supply in zip(bench.sims.values(), (bench.one, bench.two), strict=True):
        await supply.set(12.0, 3.0)
        now = await supply.output(True)
        assert (now.output, sim.output) == (True, True)
        now = await supply.poll()
        assert (now.voltage, now.current, now.constant_current) == (6.0, 3.0, True)
    assert bench.port.snapshot().failed == 0


async def test_a_hand_on_the_knob_shows_in_the_next_poll(bench: Bench) -> None:
    bench.sims[1].turn_knob(volts=7.5, amps=1.25)
    now = await bench.one.poll()
    assert (now.set_voltage, now.set_current) == (7.5, 1.25)


async def test_the_newest_order_counts(bench: Bench) -> None:
    orders = [bench.one.set_current(step / 10) for step in range(1, 30)]
    confirmed = await asyncio.gather(*orders)
    assert confirmed[-1].set_current == 2.9
    assert bench.sims[1].set_amps == pytest.approx(2.9)
    assert bench.port.stats.operations < 29


async def test_off_overtakes_everything_and_waits_for_one_transaction(bench: Bench) -> None:
    """The polls and orders that wait stand back; orders of the same supply are overruled."""
    await bench.one.output(True)
    polls = [asyncio.ensure_future(supply.poll()) for supply in (bench.one, bench.two) * 4]
    orders = [asyncio.ensure_future(bench.one.set(16.0, 5.0)), asyncio.ensure_future(bench.one.output(True))]
    await asyncio.sleep(0)  # they have all been asked for
    moment = bench.port.stats.operations
    await asyncio.gather(bench.one.safe(), bench.two.safe())
    assert bench.port.stats.operations - moment <= 3, "what was in flight, and both cuts"
    assert not bench.sims[1].output
    results = await asyncio.gather(*polls, *orders, return_exceptions=True)
    assert not any(isinstance(result, BaseException) for result in results[:-2])
    assert isinstance(results[-1], Overruled)
    assert not bench.sims[1].output, "nothing that waited has switched it on again"


async def test_power_cut_and_back(bench: Bench) -> None:
    await bench.one.output(True)
    bench.sims[1].cut_power()
    with pytest.raises(NoReply):
        await bench.one.poll()
    assert bench.one.health.link is Link.LOST
    await bench.two.poll()
    bench.sims[1].restore_power()
    await until(lambda: bench.one.health.due(time.monotonic()))
    now = await bench.one.poll()
    assert not now.output
    assert bench.one.health.link is not Link.LOST


async def test_switching_noise_is_ridden_out(bench: Bench) -> None:
    """Two answers in five come out wrong; no reading is."""
    await bench.one.set(10.0, 4.0)
    await bench.one.output(True)
    bench.sims[1].noise = SwitchingNoise(period_s=1.0, burst_s=1.0, probability=0.4)
    good = 0
    for _ in range(12):
        try:
            now = await bench.one.poll()
        except DeviceFault:
            continue
        good += 1
        assert (now.set_voltage, now.set_current, now.voltage, now.current) == (10.0, 4.0, 8.0, 4.0)
    assert good > 6
    assert bench.port.stats.retries > 0
    bench.sims[1].noise = SwitchingNoise(probability=0.0, amps=math.inf)
    await bench.one.safe()
    assert not bench.sims[1].output
