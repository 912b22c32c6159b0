"""Faulty frames by the hundred thousand from simulated supplies: no wrong value may be believed.

A few in every run, all of them with `-m slow -s`, which prints what became of them.
"""

import random
from collections import Counter
from typing import cast

import pytest

from devsup.dps5015 import Supply, SupplyReading
from devsup.errors import DeviceFault
from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.sim.dps5015 import DpsSupply
from devsup.sim.faults import Fault
from devsup.sim.modbus_line import FAULTS, ModbusLine
from tests.devsup.sim_line import SimLine, SimPort

UNITS = (1, 2)
KINDS = tuple(fault for fault in FAULTS if fault is not Fault.OK)
QUICK, FULL = 60, 9000  # faulty frames of each kind


class Restless(DpsSupply):
    """What it measures is another in every exchange, so that a stale reading is a wrong one."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        super().__init__(lambda volts, amps, dt_s: (self.chance.uniform(0, 16), self.chance.uniform(0, 10)))
        self.write_registers(9, [1])

    def meant(self, reading: SupplyReading) -> bool:
        """Is that what the latest answer said?"""
        block = self.registers.values
        now = self.registers.now
        return [round(100 * value) for value in (reading.voltage, reading.current)] == [
            block[2],
            block[3],
        ] and (
            [round(100 * value) for value in (reading.set_voltage, reading.set_current)] == now[:2]
            and reading.raw_power == block[4]
            and (reading.output, reading.constant_current) == (bool(block[9]), bool(block[8]))
        )


class Bench:
    """Both supplies on one line in memory."""

    def __init__(self, seed: int) -> None:
        self.sims = {unit: Restless(seed + unit) for unit in UNITS}
        self.server = ModbusLine(self.sims, None, 0.005, seed)
        bus = ModbusBus(cast(Port, SimPort(SimLine(self.server))))
        self.supplies = {unit: Supply(bus, unit, f"PSU{unit}") for unit in UNITS}

    @property
    def struck(self) -> int:
        return sum(station.faults.struck for station in self.server.stations.values())


async def campaign(fault: Fault | None, frames: int, seed: int) -> Counter[str]:
    """Polls, set points and cuts in turn until so many answers were faulty; None: all kinds mixed."""
    bench, chance, seen = Bench(seed), random.Random(seed), Counter[str]()
    for supply in bench.supplies.values():
        await supply.identify()
    while bench.struck < frames:
        for unit in UNITS:
            bench.server.set_fault(unit, fault or chance.choice(KINDS), 0.6)
        unit = chance.choice(UNITS)
        seen[await outcome(bench.supplies[unit], bench.sims[unit], chance)] += 1
    seen["frames"] = bench.struck
    return seen


async def outcome(supply: Supply, sim: Restless, chance: random.Random) -> str:
    kind = chance.choices(("poll", "set", "safe"), (8, 1, 1))[0]
    volts, amps = chance.randint(0, 1600), chance.randint(0, 1060)
    try:
        if kind == "poll":
            right = sim.meant(await supply.poll())
        elif kind == "set":
            now = await supply.set(volts / 100, amps / 100)
            right = sim.meant(now) and sim.registers.now[:2] == [volts, amps]
        else:
            sim.write_registers(9, [1])
            await supply.safe()
            right = not sim.output
    except DeviceFault:
        return f"{kind} refused"
    return f"{kind} {'right' if right else 'WRONG'}"


def wrong(seen: Counter[str]) -> int:
    return sum(count for what, count in seen.items() if "WRONG" in what)


@pytest.mark.parametrize("fault", KINDS, ids=lambda fault: fault.name)
async def test_no_fault_brings_a_wrong_value(fault: Fault) -> None:
    seen = await campaign(fault, QUICK, seed=1)
    assert wrong(seen) == 0
    assert seen["frames"] >= QUICK
    assert sum(seen.values()) > QUICK


async def test_a_stale_answer_would_be_noticed() -> None:
    """The campaign can fail: a reading of the exchange before is not what was meant."""
    bench = Bench(1)
    before = await bench.supplies[1].poll()
    await bench.supplies[1].poll()
    assert not bench.sims[1].meant(before)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [*KINDS, None], ids=lambda fault: fault.name if fault else "all of them")
async def test_no_fault_brings_a_wrong_value_in_a_long_campaign(fault: Fault | None) -> None:
    seen = await campaign(fault, FULL, seed=2)
    print(f"{fault.name if fault else 'all of them'}: {dict(seen)}")
    assert wrong(seen) == 0
