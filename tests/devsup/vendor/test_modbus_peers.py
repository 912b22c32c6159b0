"""Our master and a slave of pymodbus; our simulator and masters of pymodbus: independent readings agree."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, ModbusSerialClient
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from devsup.errors import DeviceError
from devsup.health import Manners
from devsup.line import LineSettings
from devsup.modbus_bus import ModbusBus
from devsup.modbus_unit import ModbusTalk, ModbusUnit
from devsup.port import Port, Priority
from devsup.sim.modbus_line import ModbusLine
from devsup.sim.modbus_memory import MemoryUnit
from devsup.sim.wire import PtyLine
from tests.devsup.cable import Cable

BAUDRATE = 115200
PATIENCE_S = 10.0
PATIENT = Manners(response_timeout_s=PATIENCE_S, floor_s=PATIENCE_S, retry_delays_s=())
RTU: Any = {"framer": FramerType.RTU, "baudrate": BAUDRATE, "timeout": PATIENCE_S, "retries": 0}


@contextmanager
def unit_at(url: str, number: int) -> Iterator[ModbusUnit]:
    port = Port("peer", LineSettings(url, BAUDRATE), PATIENT)
    port.start()
    try:
        yield ModbusUnit(ModbusBus(port), number, "peer")
    finally:
        port.stop()


def device(number: int) -> SimDevice:
    return SimDevice(
        id=number,
        simdata=(
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[True, False] * 8, datatype=DataType.BITS)],
            [SimData(0, values=[100 * number + place for place in range(20)], datatype=DataType.REGISTERS)],
            [SimData(0, values=[7, 8, 9], datatype=DataType.REGISTERS)],
        ),
    )


@asynccontextmanager
async def pymodbus_slave(url: str, *numbers: int) -> AsyncIterator[None]:
    server = ModbusSerialServer(
        [device(number) for number in numbers], framer=FramerType.RTU, port=url, baudrate=BAUDRATE
    )
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()


async def test_a_slave_of_pymodbus_understands_our_master() -> None:
    def everything(talk: ModbusTalk) -> None:
        assert talk.read_holding(0, 13) == tuple(range(100, 113))
        assert talk.read_input(0, 3) == (7, 8, 9)
        assert talk.read_discrete_inputs(0, 3) == (True, False, True)
        talk.write_registers(2, (1, 65535, 3))
        talk.write_register(0, 4711)
        assert talk.read_holding(0, 5) == (4711, 101, 1, 65535, 3)
        talk.write_coils(1, (True, True, False, True))
        talk.write_coil(8, True)
        assert talk.read_coils(0, 9) == (False, True, True, False, True, False, False, False, True)

    with Cable() as cable:
        async with pymodbus_slave(cable.far, 1, 2):
            with unit_at(cable.near, 1) as unit:
                await unit.run(everything, Priority.COMMAND)
                other = ModbusUnit(unit.bus, 2, "other")
                assert await other.run(lambda talk: talk.read_holding(0, 2)) == (200, 201)
                with pytest.raises(DeviceError, match="illegal data address"):
                    await other.run(lambda talk: talk.read_holding(15, 10))


async def test_a_slave_of_pymodbus_is_polled_without_a_failure() -> None:
    with Cable() as cable:
        async with pymodbus_slave(cable.far, 1):
            with unit_at(cable.near, 1) as unit:
                for _ in range(200):
                    assert await unit.run(lambda talk: talk.read_holding(0, 13)) == tuple(range(100, 113))
                assert unit.bus.port.stats.failures == {}


def memory() -> MemoryUnit:
    return MemoryUnit(
        {place: 100 + place for place in range(20)},
        {0: 7, 1: 8},
        dict.fromkeys(range(16), False),
        dict.fromkeys(range(8), True),
    )


@contextmanager
def simulated() -> Iterator[str]:
    with PtyLine(ModbusLine({1: memory(), 2: memory()}, BAUDRATE, 0.0), BAUDRATE) as wire:
        yield wire.url


async def test_our_simulator_understands_the_async_master_of_pymodbus() -> None:
    with simulated() as url:
        client = AsyncModbusSerialClient(url, **RTU)
        assert await client.connect()
        try:
            read = await client.read_holding_registers(0, count=13, device_id=1)
            assert read.registers == list(range(100, 113))
            assert (await client.read_input_registers(0, count=2, device_id=2)).registers == [7, 8]
            assert (await client.read_discrete_inputs(0, count=8, device_id=2)).bits == [True] * 8
            assert not (await client.write_registers(3, [1, 2], device_id=1)).isError()
            assert not (await client.write_register(5, 65535, device_id=1)).isError()
            assert (await client.read_holding_registers(3, count=3, device_id=1)).registers == [1, 2, 65535]
            assert not (await client.write_coils(0, [True, False, True], device_id=1)).isError()
            assert not (await client.write_coil(7, True, device_id=1)).isError()
            bits = (await client.read_coils(0, count=8, device_id=1)).bits
            assert bits == [True, False, True, False, False, False, False, True]
            refused = await client.read_holding_registers(19, count=2, device_id=1)
            assert (refused.isError(), refused.exception_code) == (True, 2)
        finally:
            client.close()


async def test_our_simulator_understands_the_sync_master_of_pymodbus() -> None:
    def converse(url: str) -> list[int]:
        client = ModbusSerialClient(url, **RTU)
        assert client.connect()
        try:
            assert not client.write_registers(0, [5, 6, 7], device_id=2).isError()
            return list(client.read_holding_registers(0, count=4, device_id=2).registers)
        finally:
            client.close()

    with simulated() as url:
        assert await asyncio.to_thread(converse, url) == [5, 6, 7, 103]
