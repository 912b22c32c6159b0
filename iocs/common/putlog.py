"""Who put what, granted or refused: a line of JSON for every put, to a file and to a log server.

The fields are those of caPutLog's JSON, and `refused` with the reason where there is one. Never holds up a
put: what the writers cannot take is dropped and counted. Knows reports of puts; knows no subsystem.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import logging.handlers
import math
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iocs.caserver import Record
from iocs.caserver.puts import Report
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.spec import AlarmPolicy
from iocs.common.ticks import Ticks

MOST_WAITING = 10_000
FILE_BYTES, FILES = 10_000_000, 5
RETRY_S = 5.0
PERIOD_S = 1.0
LONGEST_TEXT = 400

log = logging.getLogger(__name__)


class PutLogPVs(Group):
    """How the log itself is."""

    written = pv.counter("PutLog:Written", "Puts logged")
    dropped = pv.readback(
        "PutLog:Dropped", "Puts that could not be logged", precision=0, high=1.0,
        alarm=AlarmPolicy("Puts are not being logged: see PutLog:Error; check the disk and the log server."),
    )  # fmt: skip
    error = pv.text("PutLog:Error", "What is wrong with the log", max_length=120, initial="")


class PutLog(PutLogPVs):
    """Logs the puts to some records. `file`: rotated at 10 MB, five kept; `server`: host and TCP port."""

    def __init__(
        self,
        prefix: str,
        records: Mapping[str, Record[Any]],
        file: Path | None = None,
        server: tuple[str, int] | None = None,
    ) -> None:
        super().__init__(f"{prefix}IOC:")
        self._writer = _FileWriter(file) if file else None
        self._sender = _Sender(*server) if server else None
        if self._writer or self._sender:
            for record in records.values():
                record.on_put = self.note

    def note(self, report: Report) -> None:
        """One put. Returns at once."""
        text = line(report, time.time())
        if self._writer is not None:
            self._writer.take(text)
        if self._sender is not None:
            self._sender.take(text)

    async def run(self) -> None:
        """Write, send and count, for ever; what waits is written at the end."""
        ends = [end for end in (self._writer, self._sender) if end is not None]
        async with contextlib.AsyncExitStack() as stack:
            for end in ends:
                await stack.enter_async_context(end.running())
            ticks = Ticks(PERIOD_S)
            while True:
                await ticks.next()
                self.written.set_ok(max((end.done for end in ends), default=0))
                self.dropped.set_ok(sum(end.dropped for end in ends))
                self.error.set_ok("; ".join(end.error for end in ends if end.error)[:119])


def line(report: Report, now: float) -> str:
    """One put as JSON, without a newline."""
    date, clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)).split()
    entry = {
        "date": date,
        "time": f"{clock}.{int(now % 1 * 1000):03d}",
        "host": report.client.host,
        "user": report.client.user,
        "pv": report.name,
        "new": _plain(report.new),
        "old": _plain(report.old),
    }
    if report.refused:
        entry["refused"] = report.refused
    return json.dumps(entry, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """As JSON: numbers, texts and lists of them; caPutLog writes "Nan" and "Infinity" as text."""
    if isinstance(value, bytes):
        value = value.split(b"\0")[0].decode("latin-1")
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if value is None or isinstance(value, bool):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value[:LONGEST_TEXT]]
    number = float(value)
    if not math.isfinite(number):
        return "Nan" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return int(value) if isinstance(value, int) else number


class _FileWriter:
    """A thread that appends lines to a rotated file. A full disk costs lines, nothing else."""

    def __init__(self, path: Path) -> None:
        self.done = self.dropped = 0
        self.error = ""
        self._path = path
        self._lines: queue.Queue[str | None] = queue.Queue(MOST_WAITING)

    def take(self, text: str) -> None:
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self.dropped += 1

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        thread = threading.Thread(target=self._work, name="putlog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self._lines.put, None)
            await asyncio.to_thread(thread.join)

    def _work(self) -> None:
        handler: _Handler | None = None
        while (text := self._lines.get()) is not None:
            try:
                handler = handler or _Handler(self._path)
                handler.emit(logging.makeLogRecord({"msg": text}))
            except OSError as error:
                self._lost(error)
                _close(handler)  # with what it could not write
                handler = None
            else:
                self.done += 1
                self.error = ""
        _close(handler)

    def _lost(self, error: OSError) -> None:
        self.dropped += 1
        if not self.error:
            log.error("puts cannot be logged to %s: %s", self._path, error.strerror or error)
        self.error = f"{self._path.name}: {error.strerror or error}"


def _close(handler: logging.Handler | None) -> None:
    if handler is not None:
        with contextlib.suppress(OSError):
            handler.close()


class _Handler(logging.handlers.RotatingFileHandler):
    """Rotation as the standard library does it; errors are the caller's."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the library's name)
        raise


class _Sender:
    """Lines to a TCP log server, which may be away: connects by itself, drops what it cannot send."""

    def __init__(self, host: str, port: int) -> None:
        self.done = self.dropped = 0
        self.error = ""
        self._address = (host, port)
        self._lines: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)

    def take(self, text: str) -> None:
        try:
            self._lines.put_nowait(text)
        except asyncio.QueueFull:
            self.dropped += 1

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        task = asyncio.create_task(self._work(), name="putlog server")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _work(self) -> None:
        while True:
            try:
                async with asyncio.timeout(RETRY_S):
                    reader, writer = await asyncio.open_connection(*self._address)
                await self._serve(reader, writer)
            except (OSError, TimeoutError) as error:
                self._say(str(error) or "no answer")
                await asyncio.sleep(RETRY_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send until the server goes, which is noticed by its end of the connection."""
        self.error = ""
        gone = asyncio.create_task(reader.read(), name="putlog server gone")
        try:
            while not gone.done():
                await self._send(writer, gone)
            raise ConnectionError("the log server has closed the connection")
        finally:
            gone.cancel()
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await gone

    async def _send(self, writer: asyncio.StreamWriter, gone: asyncio.Task[bytes]) -> None:
        text = asyncio.create_task(self._lines.get())
        try:
            await asyncio.wait([text, gone], return_when=asyncio.FIRST_COMPLETED)
            if not text.done():
                return
            writer.write(text.result().encode() + b"\n")
            async with asyncio.timeout(RETRY_S):
                await writer.drain()
            self.done += 1
        finally:
            text.cancel()

    def _say(self, why: str) -> None:
        words = f"log server {self._address[0]}:{self._address[1]}: {why}"
        if not self.error:
            log.warning("%s", words)
        self.error = words
