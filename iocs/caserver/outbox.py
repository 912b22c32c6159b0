"""What waits for one client: answers, and the events of its subscriptions.

Written as the client reads. Knows the client's socket; knows no channel and no record.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from iocs.caserver.subscription import Event
from iocs.caserver.wire import HEADER

CHUNK = 64 * 1024
"""Bytes of events handed to the socket at once."""


class Outbox:
    """In place of caproto's queue of events, which a client that does not read fills for everybody.

    While `events_on` is not set, events wait and answers go out.
    """

    def __init__(self, writer: asyncio.StreamWriter, events_on: asyncio.Event) -> None:
        self._writer = writer
        self._events_on = events_on
        self._events: deque[Event] = deque()
        self._answers: list[bytes] = []
        self._news = asyncio.Event()
        self._draining: list[float] = []
        self.lost_events = 0
        self.answers_follow = False
        """Whether whoever gives the answers will send them: waking this task costs as much as a get."""

    def stalled_for(self, now: float) -> float:
        """Seconds since the client stopped reading; 0 while it reads."""
        return now - min(self._draining) if self._draining else 0.0

    @property
    def unsent_bytes(self) -> int:
        """What waits for this client to read."""
        waiting = sum(len(e.payload) for e in self._events)
        return waiting + self._writer.transport.get_write_buffer_size()

    def queue_event(self, event: Event) -> None:
        """Send an event, as soon as the loop is free and the client reads."""
        self._events.append(event)
        self._news.set()

    def answer(self, *data: bytes) -> None:
        """Send as soon as the loop is free, or with `send_answers` where that is about to be called."""
        self._answers += data
        if not self.answers_follow:
            self._news.set()

    def wake(self) -> None:
        """Look again: events may be on."""
        self._news.set()

    async def run(self) -> None:
        """Send what waits, until the connection is lost."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._events and self._events_on.is_set():
                await self._write(self._take_events())
            await self.send_answers()

    def flush_answers(self) -> None:
        """Give the answers that wait to the socket, now."""
        if self._answers:
            self._writer.write(b"".join(self._answers))
            self._answers = []

    async def send_answers(self) -> None:
        """Send the answers that wait, as the client reads. Raises OSError."""
        if self._answers:
            data, self._answers = b"".join(self._answers), []
            await self._write(data)

    def _take_events(self) -> bytes:
        parts: list[bytes] = []
        events, size = self._events, 0
        while events and size < CHUNK:
            event = events.popleft()
            event.owner.sent(event)
            if event.owner.alive:
                parts += event.head, event.payload
                size += len(event.payload) + HEADER.size
        return b"".join(parts)

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        if not self._writer.transport.get_write_buffer_size():
            return
        since = time.monotonic()
        self._draining.append(since)
        try:
            await self._writer.drain()
        finally:
            self._draining.remove(since)
