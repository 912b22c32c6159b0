"""A Modbus transmitter by table, on a simulated line."""

import contextlib
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from devsup.errors import FramingError
from devsup.health import Manners
from devsup.line import LineSettings
from devsup.modbus_bus import ModbusBus
from devsup.port import Port
from devsup.sensors import Limits, Quality, Quantity
from devsup.sensors.transmitter import Kind, Register, Transmitter, blocks
from devsup.sim.faults import Fault
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.modbus_memory import MemoryUnit
from devsup.sim.wire import PtyLine

T, RH, PPM = Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.CO2
TABLE = {T: Register(1, Kind.S16, 0.1), RH: Register(0, Kind.U16, 0.1), PPM: Register(5, Kind.U16)}
QUICK = Manners(response_timeout_s=0.2, command_timeout_s=0.2, retry_delays_s=(0.01,))
HIGH, LOW = struct.unpack(">HH", struct.pack(">f", 21.5))


@pytest.mark.parametrize(
    ("register", "words", "value"),
    [
        (Register(7, Kind.U16), {7: 65535}, 65535.0),
        (Register(7, Kind.S16, 0.1), {7: 0xFF85}, -12.3),
        (Register(7, Kind.U16, 0.1, -40.0), {7: 650}, 25.0),
        (Register(7, Kind.U32), {7: 1, 8: 2}, 65538.0),
        (Register(7, Kind.U32, low_first=True), {7: 1, 8: 2}, 131073.0),
        (Register(7, Kind.S32), {7: 0xFFFF, 8: 0xFFFE}, -2.0),
        (Register(7, Kind.F32), {7: HIGH, 8: LOW}, 21.5),
        (Register(7, Kind.F32, low_first=True), {7: LOW, 8: HIGH}, 21.5),
    ],
)
def test_how_numbers_are_written(register: Register, words: dict[int, int], value: float) -> None:
    assert register.value(words) == pytest.approx(value)


def test_what_is_no_number() -> None:
    with pytest.raises(FramingError):
        Register(0, Kind.F32).value({0: 0x7FC0, 1: 0})


def test_registers_that_adjoin_are_read_at_once() -> None:
    assert blocks([5, 0, 1, 6, 6, 9]) == [range(0, 2), range(5, 7), range(9, 10)]


@contextlib.asynccontextmanager
async def rig(unit: MemoryUnit, **options: Any) -> AsyncIterator[tuple[Transmitter, ModbusLine]]:
    server = ModbusLine({3: unit}, baudrate=None, latency_s=0.0)
    with PtyLine(server, baudrate=None, name="air") as wire:
        port = Port("air", LineSettings(wire.url, 9600), QUICK)
        transmitter = Transmitter("air", ModbusBus(port), 3, TABLE, **options)
        port.start()
        try:
            yield transmitter, server
        finally:
            port.stop()


REGISTERS = {0: 915, 1: 0xFF85, 5: 1215}


@pytest.mark.parametrize("holding", [False, True])
async def test_input_and_holding_registers(holding: bool) -> None:
    unit = MemoryUnit(holding=REGISTERS if holding else {}, inputs={} if holding else REGISTERS)
    async with rig(unit, holding=holding) as (air, _):
        values = {what: measured.value for what, measured in (await air.read()).items()}
        assert values == pytest.approx({T: -12.3, RH: 91.5, PPM: 1215.0})


async def test_silence_and_nonsense_keep_the_last_good_values() -> None:
    unit = MemoryUnit(inputs=REGISTERS)
    async with rig(unit, limits={T: Limits(-20.0, 60.0)}) as (air, server):
        await air.read()
        server.set_fault(3, Fault.DEAD)
        measured = (await air.read())[T]
        assert (measured.value, measured.quality) == (pytest.approx(-12.3), Quality.FAILED)
        assert air.health.lost
        server.set_fault(3, Fault.OK)
        unit.inputs[1] = 9999
        measured = (await air.read())[T]
        assert (measured.value, measured.quality) == (pytest.approx(-12.3), Quality.DOUBTFUL)
        assert air.measured(PPM).quality is Quality.GOOD


async def test_a_register_that_is_not_there_is_no_reading() -> None:
    async with rig(MemoryUnit(inputs={0: 1, 1: 1})) as (air, _):
        assert (await air.read())[PPM].quality is Quality.NONE
        assert not air.health.lost, "it answers"
