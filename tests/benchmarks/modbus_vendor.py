"""pymodbus' own clients as masters of one line: block reads as fast as they go, and late answers.

Runs in a process of its own: takes a job as JSON, prints what it measured as JSON.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, ModbusSerialClient

from devsup.dps5015_values import BLOCK, BLOCK_SIZE
from tests.benchmarks.runs import Mark, Node, Run, mark

EXCHANGE = 8 + 5 + 2 * BLOCK_SIZE  # bytes of question and answer
TIMEOUT_S = 0.1


class Seen:
    """When each unit was read."""

    def __init__(self, units: Sequence[int]) -> None:
        self.times: dict[Node, list[float]] = {unit: [] for unit in units}

    def read(self, unit: int, answer: Any) -> None:
        assert len(answer.registers) == BLOCK_SIZE
        self.times[unit].append(time.monotonic())

    def mark(self) -> Mark:
        count = sum(map(len, self.times.values()))
        return mark(EXCHANGE * count, count)


def perform(kind: str, url: str, baudrate: float, units: Sequence[int], **job: Any) -> Any:
    """`kind` is "sync", "async" or "late"."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    if kind == "sync":
        return asdict(poll(url, baudrate, units, **job))
    if kind == "async":
        return asdict(asyncio.run(poll_async(url, baudrate, units, **job)))
    return asyncio.run(late(url, baudrate, units[0], **job))


def poll(url: str, baudrate: float, units: Sequence[int], warm_s: float, seconds: float) -> Run:
    client = ModbusSerialClient(url, framer=FramerType.RTU, baudrate=int(baudrate), timeout=1, retries=0)
    seen = Seen(units)

    def around_until(moment: float) -> None:
        while time.monotonic() < moment:
            for unit in units:
                with suppress(ModbusException):  # what it misses costs it time
                    seen.read(unit, client.read_holding_registers(BLOCK, count=BLOCK_SIZE, device_id=unit))

    assert client.connect()
    try:
        around_until(time.monotonic() + warm_s)
        begin = seen.mark()
        around_until(time.monotonic() + seconds)
        return Run(begin, seen.mark(), seen.times)
    finally:
        client.close()


async def poll_async(url: str, baudrate: float, units: Sequence[int], warm_s: float, seconds: float) -> Run:
    client = _async_client(url, baudrate, 1.0)
    seen = Seen(units)

    async def around_until(moment: float) -> None:
        while time.monotonic() < moment:
            for unit in units:
                with suppress(ModbusException):
                    read = await client.read_holding_registers(BLOCK, count=BLOCK_SIZE, device_id=unit)
                    seen.read(unit, read)

    assert await client.connect()
    try:
        await around_until(time.monotonic() + warm_s)
        begin = seen.mark()
        await around_until(time.monotonic() + seconds)
        return Run(begin, seen.mark(), seen.times)
    finally:
        client.close()


async def late(url: str, baudrate: float, unit: int, count: int) -> dict[str, int]:
    """Reads of a unit that counts them, some answered late. Which of them were of an older question?"""
    found = {"right": 0, "wrong": 0, "refused": 0}
    client = _async_client(url, baudrate, TIMEOUT_S)
    assert await client.connect()
    try:
        for asked in range(1, count + 1):
            try:
                read = await client.read_holding_registers(0, count=BLOCK_SIZE, device_id=unit)
                found["right" if read.registers[0] == asked else "wrong"] += 1
            except ModbusException:
                found["refused"] += 1
    finally:
        client.close()
    return found


def _async_client(url: str, baudrate: float, timeout_s: float) -> AsyncModbusSerialClient:
    return AsyncModbusSerialClient(
        url, framer=FramerType.RTU, baudrate=int(baudrate), timeout=timeout_s, retries=0
    )


if __name__ == "__main__":
    json.dump(perform(**json.loads(sys.argv[1])), sys.stdout)
