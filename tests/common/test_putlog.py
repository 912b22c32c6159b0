"""The put log: what stands in it, and that no disk and no server holds up a put."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iocs.caserver.puts import Client, Report
from iocs.common import putlog
from iocs.common.group import Group
from iocs.common.putlog import PutLog, line
from iocs.common.pv import setpoint
from tests.support.waiting import until

ANN = Client("ann", "desk", "127.0.0.1:1")


def report(new: Any = 2.0, old: Any = 1.0, refused: str = "") -> Report:
    return Report("X:Setpoint", ANN, old, new, refused)


@asynccontextmanager
async def running(log: PutLog) -> AsyncIterator[PutLog]:
    task = asyncio.create_task(log.run())
    await asyncio.sleep(0)
    try:
        yield log
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_has_the_fields_of_caputlog() -> None:
    entry = json.loads(line(report(), 1_700_000_000.25))
    assert entry | {"date": "", "time": entry["time"][-4:]} == {
        **{"date": "", "time": ".250", "host": "desk", "user": "ann", "pv": "X:Setpoint"},
        **{"new": 2.0, "old": 1.0},
    }


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (1, 1),
        (2.5, 2.5),
        ("Grüße", "Grüße"),
        (b"text\0junk", "text"),
        (float("nan"), "Nan"),
        (float("-inf"), "-Infinity"),
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        (None, None),
        ("x" * 1000, "x" * 400),
    ],
)
def test_values_as_json(value: Any, plain: Any) -> None:
    assert json.loads(line(report(new=value), 0.0))["new"] == plain


def test_a_refusal_says_why() -> None:
    assert json.loads(line(report(refused="the door is open"), 0.0))["refused"] == "the door is open"


async def test_lines_go_to_the_file_in_order_and_all_of_them_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log" / "puts.json"
    async with running(PutLog("X:", {}, path)) as log:
        for value in range(200):
            log.note(report(new=value))
    assert [entry["new"] for entry in entries(path)] == list(range(200))


async def test_a_file_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(putlog, "FILE_BYTES", 2000)
    path = tmp_path / "puts.json"
    async with running(PutLog("X:", {}, path)) as log:
        for value in range(300):
            log.note(report(new=value))
    files = sorted(tmp_path.iterdir())
    assert len(files) == putlog.FILES + 1
    assert all(file.stat().st_size <= 2000 for file in files)
    assert entries(path)[-1]["new"] == 299


async def test_a_disk_that_fails_costs_lines_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(putlog, "PERIOD_S", 0.01)
    folder = tmp_path / "log"
    folder.write_text("in the way")
    async with running(PutLog("X:", {}, folder / "puts.json")) as log:
        log.note(report())
        await until(lambda: log.dropped.value == 1, what="it is counted")
        assert log.error.value.startswith("puts.json: ")
        assert log.dropped.severity
        folder.unlink()
        log.note(report(new=7))
        await until(lambda: log.written.value == 1, what="written again")
        assert log.error.value == ""
    assert [entry["new"] for entry in entries(folder / "puts.json")] == [7]


async def test_a_full_disk_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full refuses every byte, as a disk without room does."""
    monkeypatch.setattr(putlog, "PERIOD_S", 0.01)
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    async with running(PutLog("X:", {}, Path("/dev/full"))) as log:
        log.note(report())
        await until(lambda: log.dropped.value == 1, what="it is counted")
        assert "No space left" in log.error.value


async def test_what_nobody_takes_is_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(putlog, "MOST_WAITING", 5)
    log = PutLog("X:", {}, tmp_path / "puts.json", ("127.0.0.1", 9))  # nobody runs it
    for _ in range(8):
        log.note(report())
    monkeypatch.setattr(putlog, "PERIOD_S", 0.01)
    async with running(log):
        await until(lambda: log.dropped.value >= 6, what="three by the file, three by the server")


class Collector:
    """A log server."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.server: asyncio.Server | None = None
        self.writers: list[asyncio.StreamWriter] = []

    async def start(self, port: int = 0) -> int:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port)
        found: int = self.server.sockets[0].getsockname()[1]
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while text := await reader.readline():
            self.lines.append(json.loads(text))

    async def stop(self) -> None:
        assert self.server
        self.server.close()
        for writer in self.writers:
            writer.close()
        await self.server.wait_closed()


async def test_a_log_server_may_go_and_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(putlog, "RETRY_S", 0.05)
    monkeypatch.setattr(putlog, "PERIOD_S", 0.01)
    first = Collector()
    port = await first.start()
    async with running(PutLog("X:", {}, None, ("127.0.0.1", port))) as log:
        log.note(report(new=1))
        await until(lambda: first.lines, what="the first line")
        await first.stop()
        await until(lambda: log.error.value, what="the server is missed")
        log.note(report(new=2))
        second = Collector()
        await second.start(port)
        await until(lambda: second.lines, what="what waited is sent")
        assert (first.lines[0]["new"], second.lines[0]["new"]) == (1, 2)
        await until(lambda: not log.error.value, what="all is well")
        await second.stop()


async def test_puts_to_records_reach_the_log(tmp_path: Path) -> None:
    class Channel(Group):
        demand = setpoint("Setpoint", "Demand", writable=True)

    channel = Channel("X:")
    log = PutLog("X:", channel.pvdb, tmp_path / "puts.json")
    assert channel.demand.on_put is not None
    async with running(log):
        channel.demand.on_put(report())
    assert len(entries(tmp_path / "puts.json")) == 1


def test_without_file_and_server_nothing_is_done() -> None:
    class Channel(Group):
        demand = setpoint("Setpoint", "Demand", writable=True)

    channel = Channel("X:")
    PutLog("X:", channel.pvdb)
    assert channel.demand.on_put is None
