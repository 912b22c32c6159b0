"""One TCP connection: bytes in, frames out, and what happens when the client does not read.

Events wait per subscription and the newest replaces the last; a client that does not read is not
read either. Knows no channel and no record: requests are the session's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from struct import error as struct_error
from typing import TYPE_CHECKING

from iocs.caserver.session import HANDLERS, Session
from iocs.caserver.subscription import Event
from iocs.caserver.wire import HEADER, LONG_SIZES, PROTOCOL, VERSION, Message, ProtocolError, frame

if TYPE_CHECKING:
    from iocs.caserver.server import Server

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
"""Bytes of events handed to the socket at once."""


class Circuit(asyncio.Protocol):
    """A client's connection. Everything runs in the event loop; nothing here awaits."""

    session: Session

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._events: deque[Event] = deque()
        self._replies: list[bytes] = []
        self._flushing = False
        self._held = False
        self._stalled_at: float | None = None
        self.address = ""
        self.lost_events = 0

    # -- connection ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        host, port = (transport.get_extra_info("peername") or ("?", 0))[:2]
        self.address = f"{host}:{port}"
        self.session = Session(self._server.names, self._server.port, self, self.address)
        self._server.joined(self)
        self.reply(frame(VERSION, 0, PROTOCOL, 0, 0))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.session.end()
        self._events.clear()
        self._replies.clear()
        self._server.left(self)

    def pause_writing(self) -> None:
        self._stalled_at = time.monotonic()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._stalled_at = None
        if self._transport is not None:
            self._transport.resume_reading()
        self._flush()

    def close(self, *, abort: bool = False) -> None:
        """End the connection; `abort` does not wait for a client that does not read."""
        if self._transport is not None:
            self._transport.abort() if abort else self._transport.close()

    def stalled_for(self, now: float) -> float:
        """Seconds since the client stopped reading; 0 while it reads."""
        return 0.0 if self._stalled_at is None else now - self._stalled_at

    @property
    def unsent_bytes(self) -> int:
        """What waits for this client to read."""
        waiting = sum(len(e.payload) for e in self._events)
        return waiting + (self._transport.get_write_buffer_size() if self._transport else 0)

    # -- receiving -------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            self._consume()
        except (ProtocolError, struct_error, ValueError) as error:
            self._hang_up(error)
        except Exception as error:  # root of everything a client can cause: it must not end the server
            log.exception("%s: serving this client failed", self.address)
            self._hang_up(error)
        self._flush()

    def _hang_up(self, error: Exception) -> None:
        self._server.protocol_error(self, error)
        self._buffer.clear()
        self.close(abort=True)

    def _consume(self) -> None:
        position = 0
        while self._transport is not None and not self._transport.is_closing():
            found = self._next_message(position)
            if found is None:
                break
            message, position = found
            self.session.handle(message)
        del self._buffer[:position]

    def _next_message(self, position: int) -> tuple[Message, int] | None:
        """The message at a position of the buffer and where the next one starts, if it is complete."""
        buffer = self._buffer
        if len(buffer) - position < HEADER.size:
            return None
        command, size, dtype, count, first, second = HEADER.unpack_from(buffer, position)
        if command not in HANDLERS:
            raise ProtocolError(f"command {command} is unknown")
        start = position + HEADER.size
        if size == 0xFFFF and count == 0:
            if len(buffer) - start < LONG_SIZES.size:
                return None
            size, count = LONG_SIZES.unpack_from(buffer, start)
            start += LONG_SIZES.size
        if size > self._server.max_frame:
            raise ProtocolError(f"a message of {size} bytes is announced, {self._server.max_frame} fit")
        end = start + size
        if len(buffer) < end:
            return None
        return Message(command, dtype, count, first, second, bytes(buffer[start:end])), end

    # -- sending ---------------------------------------------------------------------------------

    def reply(self, data: bytes) -> None:
        """Send behind the events that wait, as soon as the loop is free."""
        if self._transport is not None:
            self._replies.append(data)
            self._flush_soon()

    def queue_event(self, event: Event) -> None:
        """Send an event, as soon as the loop is free and the client reads."""
        self._events.append(event)
        self._flush_soon()

    def hold_events(self, hold: bool) -> None:
        """EVENTS_OFF and EVENTS_ON: the client is busy and wants only answers."""
        self._held = hold
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._server.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        while self._stalled_at is None and self._transport is not None:
            parts = [] if self._held else self._take_events()
            if not parts:
                parts, self._replies = self._replies, []
            if not parts:
                return
            self._transport.write(b"".join(parts))

    def _take_events(self) -> list[bytes]:
        parts: list[bytes] = []
        events, size = self._events, 0
        while events and size < CHUNK:
            event = events.popleft()
            owner = event.owner
            owner.sent(event)
            if owner.alive:
                parts.append(event.head)
                parts.append(event.payload)
                size += len(event.payload) + HEADER.size
        return parts
