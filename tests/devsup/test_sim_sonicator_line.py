"""The simulated board on a line, asked by masters that are not ours: pymodbus' client, and raw bytes."""

import asyncio
import os
import select
from collections.abc import Iterator

import pytest
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException

from devsup.sim.modbus_line import ModbusLine
from devsup.sim.sonicator_board import Board, BoardConfig, BoardUnit
from devsup.sim.wire import PtyLine
from tests.support.waiting import until

UNIT, BAUD = 2, 115200


@pytest.fixture
def board() -> Board:
    return Board(BoardConfig())


@pytest.fixture
def wire(board: Board) -> Iterator[PtyLine]:
    with PtyLine(ModbusLine({UNIT: BoardUnit(board)}, BAUD, latency_s=0.0), BAUD, name="sonline") as line:
        yield line


async def test_an_independent_client_starts_watches_and_stops_a_sonicator(
    wire: PtyLine, board: Board
) -> None:
    client = AsyncModbusSerialClient(wire.url, baudrate=BAUD, timeout=0.5, retries=0)
    assert await client.connect()
    try:
        written = await client.write_register(0x0161, 60, device_id=UNIT)
        assert not written.isError()
        assert not (await client.write_register(0x0160, 1, device_id=UNIT)).isError()

        async def telemetry() -> list[int]:
            reply = await client.read_holding_registers(0x0170, count=4, device_id=UNIT)
            return list(reply.registers)

        seen = await _until_telemetry(telemetry, lambda values: values[0] > 350)
        assert seen[1:] == [20000, 5, 60]
        assert (await client.write_register(0x0161, 19, device_id=UNIT)).exception_code == 3
        assert (await client.write_register(0x0172, 1, device_id=UNIT)).exception_code == 2
        assert (await client.write_registers(0x0160, [0, 20], device_id=UNIT)).exception_code == 1
        assert (await client.read_coils(0, count=1, device_id=UNIT)).exception_code == 1
        with pytest.raises(ModbusIOException):
            await client.read_holding_registers(0x0170, count=4, device_id=UNIT + 1)
        await client.write_register(0x0160, 0, device_id=UNIT)
        assert (await _until_telemetry(telemetry, lambda values: values[0] == 0))[2] & 1 == 0
    finally:
        client.close()


async def _until_telemetry(read, enough) -> list[int]:  # type: ignore[no-untyped-def]
    seen: list[list[int]] = []

    async def ask() -> None:
        while not seen or not enough(seen[-1]):
            seen.append(await read())

    task = asyncio.create_task(ask())
    await until(task.done, what="telemetry")
    await task
    return seen[-1]


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        ("02 06 01 61 00 3C D9 CA", "02 06 01 61 00 3C D9 CA"),
        ("02 06 01 62 00 01 E8 1B", "02 06 01 62 00 01 E8 1B"),
        ("02 06 00 11 00 01 18 3C", "02 06 00 11 00 01 18 3C"),
        ("02 03 01 60 00 03 04 1A", "02 03 06 00 00 00 50 00 00"),
        ("02 03 00 00 00 07 04 3B", "02 03 0E 00 01"),
    ],
)
def test_bytes_as_they_stand_in_the_protocol_notes(wire: PtyLine, request_hex: str, answer_hex: str) -> None:
    descriptor = os.open(wire.url, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(descriptor, bytes.fromhex(request_hex))
        answer = b""
        while len(answer) < len(bytes.fromhex(answer_hex)) and select.select([descriptor], [], [], 2.0)[0]:
            answer += os.read(descriptor, 256)
        assert answer.startswith(bytes.fromhex(answer_hex))
    finally:
        os.close(descriptor)
