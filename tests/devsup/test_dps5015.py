"""A supply's readings and orders, against the simulated one on a line without waiting."""

import asyncio
import math
from collections.abc import Callable
from typing import cast

import pytest

from devsup.dps5015 import STOCK, Supply, SupplyLimits
from devsup.dps5015_values import MODELS
from devsup.errors import ChecksumError, DeviceError, DeviceFault, IdentityError, NoReply
from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.sim.dps5015 import DpsSupply, Resistor
from devsup.sim.faults import Fault
from devsup.sim.modbus_line import ModbusLine
from tests.devsup.sim_line import SimLine, SimPort

LIMITS = SupplyLimits(volts=16.0, amps=10.6, over_voltage=17.0, over_current=12.0)


class Bench:
    """A simulated supply (unit 1), another (unit 2), and the device module for the first."""

    def __init__(self, limits: SupplyLimits | None = LIMITS, model: int = 5015) -> None:
        self.sim = DpsSupply(Resistor(2.0), model=model)
        self.server = ModbusLine({1: self.sim, 2: DpsSupply(Resistor(2.0))}, None, 0.005)
        self.line = SimLine(self.server)
        self.port = SimPort(self.line)
        self.bus = ModbusBus(cast(Port, self.port))
        self.supply = Supply(self.bus, 1, "PSU1", limits=limits)

    def fault(self, fault: Fault, probability: float = 1.0) -> None:
        self.server.set_fault(1, fault, probability)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- identity -----------------------------------------------------------------------------------


async def test_identify_unlocks_and_protects(bench: Bench) -> None:
    bench.sim.write_registers(6, [1])
    plate = await bench.supply.identify()
    assert plate.model is MODELS[5015]
    assert (plate.firmware, plate.protected) == ("1.3", True)
    assert (plate.store.over_voltage, plate.store.over_current) == (17.0, 12.0)
    assert bench.sim.read_holding(0x52, 2) == [1700, 1200]
    assert bench.sim.turn_knob(volts=3.0), "unlocked"
    assert plate is bench.supply.plate


async def test_identify_writes_nothing_where_nothing_differs(bench: Bench) -> None:
    await bench.supply.identify()
    written: list[int] = []
    bench.sim.write_registers = lambda address, values: written.append(address)  # type: ignore[method-assign]
    assert (await bench.supply.identify()).protected
    assert written == []


async def test_identify_moves_nothing(bench: Bench) -> None:
    """A running output beyond the protections would be tripped by them."""
    bench.sim.write_registers(0, [1800, 1500])
    bench.sim.write_registers(9, [1])
    plate = await bench.supply.identify()
    assert not plate.protected
    assert bench.sim.output
    bench.sim.write_registers(0, [1600, 1500])
    bench.sim.step(0.1)
    plate = await bench.supply.identify()
    assert plate.protected
    assert bench.sim.output


async def test_without_limits_protections_are_left_alone() -> None:
    bench = Bench(limits=None)
    plate = await bench.supply.identify()
    assert (plate.protected, plate.store.over_voltage) == (True, 52.0)


async def test_protections_that_are_not_taken_are_a_refusal(bench: Bench) -> None:
    bench.sim.write_registers = lambda address, values: None  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match=r"protections 17 V, 12 A not taken, they read back 52 V, 15\.2 A"):
        await bench.supply.identify()


async def test_who_switches_on_at_power_up_is_told(bench: Bench) -> None:
    bench.sim.write_registers(0x57, [1])
    assert (await bench.supply.identify()).store.on_at_power_up


@pytest.mark.parametrize("model", [3005, 5005, 5205, 8005])
async def test_models_with_finer_currents(model: int) -> None:
    bench = Bench(SupplyLimits(10.0, 2.0, 11.0, 2.5), model)
    assert (await bench.supply.identify()).protected
    now = await bench.supply.set(8.0, 1.234)
    assert now.set_current == 1.234
    assert bench.sim.read_holding(1, 1) == [1234]


async def test_another_kind_of_supply_is_refused(bench: Bench) -> None:
    bench.sim.registers.values[0x0B] = 6006
    with pytest.raises(DeviceError, match="model 6006"):
        await bench.supply.identify()


# -- reading ------------------------------------------------------------------------------------


async def test_a_poll_is_one_exchange(bench: Bench) -> None:
    await bench.supply.output(True)
    before = bench.line.requests
    now = await bench.supply.poll()
    assert bench.line.requests == before + 1
    assert (now.voltage, now.current, now.power) == (2.0, 1.0, 2.0), "5 V, 1 A on 2 ohms"
    assert now.constant_current


# -- orders -------------------------------------------------------------------------------------


async def test_voltage_and_current_go_together(bench: Bench) -> None:
    await bench.supply.identify()
    before = bench.line.requests
    now = await bench.supply.set(15.999, 2.004)
    assert bench.line.requests == before + 2, "one write, one block"
    assert (now.set_voltage, now.set_current) == (16.0, 2.0)
    assert bench.sim.read_holding(0, 2) == [1600, 200]


async def test_the_current_alone_leaves_the_voltage(bench: Bench) -> None:
    await bench.supply.set(16.0, 2.0)
    bench.sim.turn_knob(volts=12.0)
    now = await bench.supply.set_current(2.5)
    assert (now.set_voltage, now.set_current) == (12.0, 2.5)


async def test_before_the_first_order_the_model_is_asked_for(bench: Bench) -> None:
    await bench.supply.set(16.0, 2.0)
    assert bench.line.requests == 3
    await bench.supply.set(16.0, 2.5)
    assert bench.line.requests == 5


async def test_after_a_silence_it_may_be_another_model() -> None:
    """1 A on a model with fine currents would be 10 A on one with coarse ones."""
    bench = Bench(SupplyLimits(16.0, 5.0, 17.0, 6.0), model=5005)
    await bench.supply.set(5.0, 1.0)
    health = bench.supply.health
    health.gave_up(1.0, 0.0)
    bench.server.stations[1].unit = swapped = DpsSupply(Resistor(2.0))
    assert health.lost
    now = await bench.supply.set(5.0, 1.0)
    assert (now.model.name, now.set_current, swapped.set_amps) == ("DPS5015", 1.0, 1.0)


@pytest.mark.parametrize(
    ("voltage", "current"),
    [(16.01, 1.0), (1.0, 10.61), (-0.01, 1.0), (1.0, -0.01), (math.nan, 1.0), (1.0, math.inf)],
)
async def test_what_the_limits_exclude_is_never_sent(bench: Bench, voltage: float, current: float) -> None:
    with pytest.raises(ValueError, match=r"PSU1: .* expected 0\.\."):
        await bench.supply.set(voltage, current)
    assert bench.line.requests == 0
    if 0.0 <= voltage <= 16.0:
        with pytest.raises(ValueError, match="PSU1"):
            await bench.supply.set_current(current)


async def test_what_the_model_cannot_give_is_refused() -> None:
    bench = Bench(limits=None)
    with pytest.raises(DeviceError, match="a DPS5015 cannot put out 5 V, 16 A"):
        await bench.supply.set(5.0, 16.0)
    assert bench.sim.set_amps == 1.0


async def test_the_output_is_switched_and_read_back(bench: Bench) -> None:
    assert (await bench.supply.output(True)).output
    assert bench.sim.output
    assert not (await bench.supply.output(False)).output
    assert not bench.sim.output


def forgetful(bench: Bench, times: float) -> Callable[[int, list[int]], None]:
    """Writes are acknowledged, but have no effect the first `times`."""
    write, done = bench.sim.write_registers, [0]

    def pretend(address: int, values: list[int]) -> None:
        done[0] += 1
        if done[0] > times:
            write(address, values)

    return pretend


async def test_a_write_that_is_not_shown_is_written_once_more(bench: Bench) -> None:
    bench.sim.write_registers = forgetful(bench, 1)  # type: ignore[method-assign]
    assert (await bench.supply.set(16.0, 2.0)).set_current == 2.0


async def test_a_write_counts_only_when_it_is_shown(bench: Bench) -> None:
    bench.sim.write_registers = forgetful(bench, math.inf)  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match="16 V, 2 A not taken, it reads back 5 V, 1 A"):
        await bench.supply.set(16.0, 2.0)
    with pytest.raises(DeviceError, match="2 A not taken"):
        await bench.supply.set_current(2.0)
    with pytest.raises(DeviceError, match="output stayed off"):
        await bench.supply.output(True)


async def test_a_protection_that_trips_at_once_is_the_reason(bench: Bench) -> None:
    bench.sim.write_registers(0x53, [50])
    with pytest.raises(DeviceError, match=r"output stayed off \(protection: over current\)"):
        await bench.supply.output(True)


# -- off ----------------------------------------------------------------------------------------


async def test_safe_is_off_whatever_was(bench: Bench) -> None:
    await bench.supply.output(True)
    before = bench.line.requests
    await bench.supply.safe()
    assert not bench.sim.output
    assert bench.line.requests == before + 2
    await bench.supply.safe()
    assert bench.supply.cuts == 2


async def test_safe_is_repeated_until_it_is_heard(bench: Bench) -> None:
    await bench.supply.output(True)
    bench.fault(Fault.BIT_FLIP, 0.5)
    for _ in range(10):
        bench.sim.write_registers(9, [1])
        try:
            await bench.supply.safe()
        except DeviceFault:
            continue
        assert not bench.sim.output


async def test_safe_needs_no_known_model(bench: Bench) -> None:
    await bench.supply.output(True)
    bench.sim.registers.values[0x0B] = 6006
    await bench.supply.safe()
    assert not bench.sim.output


async def test_who_will_not_be_switched_off_is_set_to_nothing(bench: Bench) -> None:
    await bench.supply.output(True)
    write = bench.sim.write_registers
    bench.sim.write_registers = (  # type: ignore[method-assign]
        lambda address, values: write(address, values) if address != 9 else None
    )
    with pytest.raises(DeviceError, match="output not confirmed off; set points are 0 and 0 counts"):
        await bench.supply.safe()
    assert (bench.sim.set_volts, bench.sim.set_amps) == (0.0, 0.0)
    assert bench.supply.cuts == 0


async def test_safe_of_a_silent_supply_is_not_confirmed(bench: Bench) -> None:
    bench.sim.cut_power()
    with pytest.raises(NoReply):
        await bench.supply.safe()
    assert bench.port.attempts == 1 + len(STOCK.retry_delays_s)


# -- faults of the line -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.DEAD, NoReply),
        (Fault.FOREIGN_NODE, IdentityError),
        (Fault.WRONG_INDEX, IdentityError),
        (Fault.WRONG_SEQUENCE, IdentityError),
        (Fault.ERROR_FRAME, DeviceError),
        (Fault.BIT_FLIP, DeviceFault),
        (Fault.TRUNCATED, DeviceFault),
        (Fault.NOISE_INSIDE, DeviceFault),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_a_fault_is_an_error_and_never_a_value(
    bench: Bench, fault: Fault, kind: type[DeviceFault]
) -> None:
    bench.fault(fault)
    for order in (bench.supply.poll, lambda: bench.supply.set(16.0, 2.0), bench.supply.safe):
        with pytest.raises(kind):
            await order()


async def test_an_echo_of_something_else_is_an_error(bench: Bench) -> None:
    """The write was carried out, but nobody can know: only its read-back would count."""
    await bench.supply.poll()
    bench.fault(Fault.WRONG_INDEX)
    with pytest.raises(IdentityError):
        await bench.supply.output(True)


async def test_a_burst_of_crc_errors_is_survived(bench: Bench) -> None:
    await bench.supply.poll()
    for _ in range(30):
        bench.fault(Fault.BIT_FLIP, 0.3)
        try:
            assert (await bench.supply.poll()).set_voltage == 5.0
        except ChecksumError:
            pass
    bench.fault(Fault.OK)
    assert (await bench.supply.poll()).set_voltage == 5.0


async def test_a_late_reply_never_becomes_a_reading(bench: Bench) -> None:
    await bench.supply.poll()
    for count in range(20, 40):
        bench.fault(Fault.LATE, 0.6)
        try:
            await bench.supply.poll()
        except DeviceFault:
            pass
        bench.sim.turn_knob(volts=count / 10)
        bench.fault(Fault.OK)
        assert (await bench.supply.poll()).set_voltage == count / 10


async def test_the_other_supply_is_not_concerned(bench: Bench) -> None:
    other = Supply(bench.bus, 2, "PSU2", limits=LIMITS)
    bench.fault(Fault.DEAD)
    with pytest.raises(NoReply):
        await bench.supply.poll()
    assert (await other.set(16.0, 3.0)).set_current == 3.0
    assert bench.sim.set_amps == 1.0


async def test_orders_of_a_supply_do_not_lose_each_others_voltage() -> None:
    """An order of both waits; one of the current alone takes its place, and brings the voltage along."""
    bench = Bench()
    await bench.supply.poll()
    run, gate, keys = bench.port.run, asyncio.Event(), []

    async def held(work: object, health: object, *options: object, key: object, **more: object) -> object:
        keys.append(key)
        await gate.wait()
        return await run(work, health, *options, key=key, **more)  # type: ignore[arg-type]

    bench.port.run = held  # type: ignore[assignment,method-assign]
    both = asyncio.create_task(bench.supply.set(16.0, 3.0))
    await asyncio.sleep(0)
    alone = asyncio.create_task(bench.supply.set_current(2.0))
    await asyncio.sleep(0)
    bench.sim.turn_knob(volts=1.0)
    gate.set()
    now = await alone
    await both
    assert keys[0] == keys[1]
    assert (now.set_voltage, now.set_current) == (16.0, 2.0)
