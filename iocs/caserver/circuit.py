"""One client: its channels and subscriptions on one TCP connection.

Knows the frames of Channel Access and how much may wait for a slow client. Events wait per
subscription, the newest replaces the last; a client that sends faster than it reads is not read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING

from iocs.caserver import dbr
from iocs.caserver.names import Target
from iocs.caserver.puts import ECA_NORMAL, Client, Outcome, Put
from iocs.caserver.subscription import Subscription

if TYPE_CHECKING:
    from iocs.caserver.server import Server

log = logging.getLogger(__name__)

HEADER = Struct(">HHHHII")
LONG_SIZES = Struct(">II")
PROTOCOL = 13
CHUNK = 64 * 1024
MAX_BLANK = 1024

VERSION, EVENT_ADD, EVENT_CANCEL, READ, WRITE, SEARCH = 0, 1, 2, 3, 4, 6
EVENTS_OFF, EVENTS_ON, READ_SYNC, ERROR, CLEAR_CHANNEL, NOT_FOUND = 8, 9, 10, 11, 12, 14
READ_NOTIFY, CREATE_CHAN, WRITE_NOTIFY, CLIENT_NAME, HOST_NAME = 15, 18, 19, 20, 21
ACCESS_RIGHTS, ECHO, CREATE_CH_FAIL = 22, 23, 26
SEARCH_WANTS_NO = 10

ECA_BADTYPE, ECA_GETFAIL, ECA_NORDACCESS, ECA_NOWTACCESS = 114, 152, 368, 376


class ProtocolError(Exception):
    """The client broke the protocol; the circuit is closed."""


def frame(command: int, dtype: int, count: int, first: int, second: int, payload: bytes = b"") -> bytes:
    """One message. The payload is padded to 8 bytes; sizes beyond 16 bit get the extended header."""
    payload += b"\0" * (-len(payload) % 8)
    return frame_head(command, dtype, count, first, second, len(payload)) + payload


def frame_head(command: int, dtype: int, count: int, first: int, second: int, size: int) -> bytes:
    """Header of a message with a payload of `size` bytes."""
    if size < 0xFFFF and count <= 0xFFFF:
        return HEADER.pack(command, size, dtype, count, first, second)
    return HEADER.pack(command, 0xFFFF, dtype, 0, first, second) + LONG_SIZES.pack(size, count)


class Channel:
    """One name this client is connected to."""

    __slots__ = ("cid", "sid", "subscriptions", "target")

    def __init__(self, sid: int, cid: int, target: Target) -> None:
        self.sid = sid
        self.cid = cid
        self.target = target
        self.subscriptions: dict[int, Subscription] = {}


class Message:
    """One message as received."""

    __slots__ = ("command", "count", "dtype", "first", "payload", "second")

    def __init__(self, command: int, dtype: int, count: int, first: int, second: int, payload: bytes) -> None:
        self.command = command
        self.dtype = dtype
        self.count = count
        self.first = first
        self.second = second
        self.payload = payload


class Circuit(asyncio.Protocol):
    """A client's connection. Everything runs in the event loop; nothing here awaits."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._channels: dict[int, Channel] = {}
        self._next_sid = 0
        self._user = ""
        self._host = ""
        self._events: deque[Subscription.Event] = deque()
        self._replies: list[bytes] = []
        self._flushing = False
        self._events_off = False
        self._stalled_at: float | None = None
        self.address = ""
        self.lost_events = 0

    # -- connection ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername") or ("?", 0)
        self.address = f"{peer[0]}:{peer[1]}"
        self._server.joined(self)
        self.reply(frame(VERSION, 0, PROTOCOL, 0, 0))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for channel in self._channels.values():
            self._cancel_all(channel)
        self._channels.clear()
        self._events.clear()
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

    @property
    def client(self) -> Client:
        """Who is at the other end."""
        return Client(self._user, self._host, self.address)

    @property
    def channel_count(self) -> int:
        """Connected channels."""
        return len(self._channels)

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
        except (ProtocolError, struct_error, ValueError, KeyError, IndexError) as error:
            self._server.protocol_error(self, error)
            self._buffer.clear()
            self.close(abort=True)
        except Exception as error:  # root of everything a client can cause: it must not end the server
            log.exception("%s: serving this client failed", self.address)
            self._server.protocol_error(self, error)
            self.close(abort=True)
        self._flush()

    def _consume(self) -> None:
        buffer, position = self._buffer, 0
        while len(buffer) - position >= HEADER.size:
            command, size, dtype, count, first, second = HEADER.unpack_from(buffer, position)
            start = position + HEADER.size
            handler = HANDLERS.get(command)
            if handler is None:
                raise ProtocolError(f"command {command} is unknown")
            if size == 0xFFFF and count == 0:
                if len(buffer) - start < LONG_SIZES.size:
                    break
                size, count = LONG_SIZES.unpack_from(buffer, start)
                start += LONG_SIZES.size
            if size > self._server.max_frame:
                raise ProtocolError(f"a message of {size} bytes is announced, {self._server.max_frame} fit")
            if len(buffer) - start < size:
                break
            position = start + size
            handler(self, Message(command, dtype, count, first, second, bytes(buffer[start:position])))
            if self._transport is None or self._transport.is_closing():
                break
        del buffer[:position]

    def _channel(self, sid: int) -> Channel:
        try:
            return self._channels[sid]
        except KeyError:
            raise ProtocolError(f"there is no channel {sid}") from None

    # -- circuit ---------------------------------------------------------------------------------

    def on_nothing(self, message: Message) -> None:
        """VERSION: ours was sent when the client came; any number of theirs is fine."""

    def on_host(self, message: Message) -> None:
        self._host = dbr.decode_text(message.payload)

    def on_client(self, message: Message) -> None:
        self._user = dbr.decode_text(message.payload)

    def on_echo(self, message: Message) -> None:
        self.reply(frame(message.command, message.dtype, message.count, message.first, message.second))

    def on_search(self, message: Message) -> None:
        if self._server.names.find(dbr.decode_text(message.payload)) is not None:
            self.reply(frame(SEARCH, self._server.port, 0, 0xFFFFFFFF, message.second))
        elif message.dtype == SEARCH_WANTS_NO:
            self.reply(frame(NOT_FOUND, message.dtype, PROTOCOL, message.first, message.second))

    def on_events_off(self, message: Message) -> None:
        self._events_off = True

    def on_events_on(self, message: Message) -> None:
        self._events_off = False

    # -- channels --------------------------------------------------------------------------------

    def on_create(self, message: Message) -> None:
        cid = message.first
        target = self._server.names.find(dbr.decode_text(message.payload))
        if target is None:
            self.reply(frame(CREATE_CH_FAIL, 0, 0, cid, 0))
            return
        self._next_sid += 1
        channel = self._channels[self._next_sid] = Channel(self._next_sid, cid, target)
        self.tell_rights(channel)
        self.reply(frame_head(CREATE_CHAN, target.native, target.elements, cid, channel.sid, 0))

    def tell_rights(self, channel: Channel) -> None:
        """Send the present access rights of one channel."""
        rights = 3 if channel.target.source.writable_by(self.client) else 1
        self.reply(HEADER.pack(ACCESS_RIGHTS, 0, 0, 0, channel.cid, rights))

    def push_rights(self) -> None:
        """Send the present access rights of every channel: the rules changed."""
        for channel in self._channels.values():
            self.tell_rights(channel)

    def on_clear(self, message: Message) -> None:
        channel = self._channel(message.first)
        self._cancel_all(channel)
        del self._channels[channel.sid]
        self.reply(frame(CLEAR_CHANNEL, 0, 0, message.first, message.second))

    def _cancel_all(self, channel: Channel) -> None:
        for subscription in channel.subscriptions.values():
            subscription.cancel()
        channel.subscriptions.clear()

    # -- reading ---------------------------------------------------------------------------------

    def on_read(self, message: Message) -> None:
        notify = message.command == READ_NOTIFY
        channel = self._channel(message.first)
        target = channel.target
        try:
            payload, count = self._image(target, message)
        except (ValueError, OverflowError) as error:
            self._read_failed(message, channel, str(error))
            return
        first = ECA_NORMAL if notify else channel.cid
        self.reply(frame_head(message.command, message.dtype, count, first, message.second, len(payload)))
        self.reply(payload)

    def _image(self, target: Target, message: Message) -> tuple[bytes, int]:
        if message.dtype > dbr.LAST_TYPE or message.dtype in (dbr.PUT_ACKT, dbr.PUT_ACKS):
            raise ValueError(f"data type {message.dtype} cannot be read")
        if message.count > max(target.elements, 1) + 1:
            raise ValueError(f"{message.count} elements asked, there are {target.elements}")
        return target.source.image(message.dtype, message.count, target.long, target.part)

    def _read_failed(self, message: Message, channel: Channel, reason: str) -> None:
        if message.command == READ_NOTIFY:
            nothing = dbr.blank(message.dtype, message.count) if message.count < MAX_BLANK else b""
            self.reply(frame(READ_NOTIFY, message.dtype, message.count, ECA_GETFAIL, message.second, nothing))
        else:
            self._complain(message, channel, ECA_GETFAIL, reason)

    def _complain(self, message: Message, channel: Channel, status: int, reason: str) -> None:
        """An exception message: the request's header and words for the user."""
        name = channel.target.source.name
        text = dbr.encode_text(reason if reason.startswith(name) else f"{name}: {reason}")[:200] + b"\0"
        size = len(message.payload) if len(message.payload) < 0xFFFF else 0
        origin = HEADER.pack(
            message.command, size, message.dtype, message.count & 0xFFFF, message.first, message.second
        )
        self.reply(frame(ERROR, 0, 0, channel.cid, status, origin + text))

    # -- writing ---------------------------------------------------------------------------------

    def on_write(self, message: Message) -> None:
        channel = self._channel(message.first)
        answer = self._answer(message, channel)
        source = channel.target.source
        ack = message.dtype in (dbr.PUT_ACKT, dbr.PUT_ACKS)
        if not ack and not source.writable_by(self.client):
            answer(Outcome(ECA_NOWTACCESS, "no write access"))
            return
        waits = message.command == WRITE_NOTIFY
        source.put(Put(self.client, message.dtype, message.count, message.payload, waits, answer))

    def _answer(self, message: Message, channel: Channel) -> Callable[[Outcome], None]:
        def answer(outcome: Outcome) -> None:
            if message.command == WRITE_NOTIFY:
                self.reply(frame(WRITE_NOTIFY, message.dtype, message.count, outcome.status, message.second))
            elif outcome.status != ECA_NORMAL:
                self._complain(message, channel, outcome.status, outcome.reason)

        return answer

    # -- subscriptions ---------------------------------------------------------------------------

    def on_event_add(self, message: Message) -> None:
        channel = self._channel(message.first)
        mask = int.from_bytes(message.payload[12:14], "big")
        if message.dtype > dbr.CLASS_NAME or len(message.payload) < 14 or not mask:
            raise ProtocolError("a subscription without a mask or of an unknown type")
        if message.second in channel.subscriptions:
            raise ProtocolError(f"subscription {message.second} exists already")
        subscription = Subscription(self, channel.target, message.dtype, message.count, message.second, mask)
        channel.subscriptions[message.second] = subscription
        subscription.changed()

    def on_event_cancel(self, message: Message) -> None:
        channel = self._channel(message.first)
        subscription = channel.subscriptions.pop(message.second, None)
        if subscription is None:
            raise ProtocolError(f"there is no subscription {message.second}")
        subscription.cancel()
        self.reply(frame(EVENT_ADD, message.dtype, message.count, message.first, message.second))

    # -- sending ---------------------------------------------------------------------------------

    def reply(self, data: bytes) -> None:
        """Send behind the events that wait, as soon as the loop is free."""
        self._replies.append(data)
        self._flush_soon()

    def queue_event(self, event: Subscription.Event) -> None:
        """Send an event, as soon as the loop is free and the client reads."""
        self._events.append(event)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._server.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        while self._stalled_at is None and self._transport is not None:
            parts = [] if self._events_off else self._take_events()
            if not parts and not self._replies:
                return
            if not parts:
                parts, self._replies = self._replies, []
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


HANDLERS: dict[int, Callable[[Circuit, Message], None]] = {
    VERSION: Circuit.on_nothing,
    HOST_NAME: Circuit.on_host,
    CLIENT_NAME: Circuit.on_client,
    ECHO: Circuit.on_echo,
    READ_SYNC: Circuit.on_echo,
    SEARCH: Circuit.on_search,
    EVENTS_OFF: Circuit.on_events_off,
    EVENTS_ON: Circuit.on_events_on,
    CREATE_CHAN: Circuit.on_create,
    CLEAR_CHANNEL: Circuit.on_clear,
    READ: Circuit.on_read,
    READ_NOTIFY: Circuit.on_read,
    WRITE: Circuit.on_write,
    WRITE_NOTIFY: Circuit.on_write,
    EVENT_ADD: Circuit.on_event_add,
    EVENT_CANCEL: Circuit.on_event_cancel,
}
