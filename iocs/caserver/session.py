"""What one client has of this server: its name, its channels and their subscriptions.

Knows the meaning of every request of Channel Access; how bytes come and go is the link's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from iocs.caserver import dbr
from iocs.caserver.names import Names, Target
from iocs.caserver.puts import Client, Outcome, Put
from iocs.caserver.subscription import Sender, Subscription
from iocs.caserver.wire import (
    ACCESS_RIGHTS,
    CLEAR_CHANNEL,
    CLIENT_NAME,
    CREATE_CH_FAIL,
    CREATE_CHAN,
    ECA_GETFAIL,
    ECA_NORMAL,
    ECA_NOWTACCESS,
    ECHO,
    ERROR,
    EVENT_ADD,
    EVENT_CANCEL,
    EVENTS_OFF,
    EVENTS_ON,
    HEADER,
    HERE,
    HOST_NAME,
    NOT_FOUND,
    PROTOCOL,
    READ,
    READ_NOTIFY,
    READ_SYNC,
    SEARCH,
    SEARCH_WANTS_NO,
    VERSION,
    WRITE,
    WRITE_NOTIFY,
    Message,
    ProtocolError,
    frame,
    frame_head,
)

MAX_BLANK = 1024
"""Elements of a read that failed for which zeros are sent."""


class Link(Sender, Protocol):
    """The client's connection."""

    def reply(self, data: bytes) -> None:
        """Send behind the events that wait."""

    def hold_events(self, hold: bool) -> None:
        """Whether events wait because the client asked for it."""


class Channel:
    """One name this client is connected to."""

    __slots__ = ("cid", "sid", "subscriptions", "target")

    def __init__(self, sid: int, cid: int, target: Target) -> None:
        self.sid = sid
        self.cid = cid
        self.target = target
        self.subscriptions: dict[int, Subscription] = {}


class Session:
    """Requests of one client, answered."""

    def __init__(self, names: Names, port: int, link: Link, address: str) -> None:
        self._names = names
        self._port = port
        self._link = link
        self._reply = link.reply
        self._channels: dict[int, Channel] = {}
        self._next_sid = 0
        self._client = Client("", "", address)

    @property
    def channel_count(self) -> int:
        """Connected channels."""
        return len(self._channels)

    def end(self) -> None:
        """The client is gone."""
        for channel in self._channels.values():
            self._cancel_all(channel)
        self._channels.clear()

    def handle(self, message: Message) -> None:
        """Answer one request. Raises ProtocolError or ValueError for one that makes no sense."""
        HANDLERS[message.command](self, message)

    def _channel(self, sid: int) -> Channel:
        try:
            return self._channels[sid]
        except KeyError:
            raise ProtocolError(f"there is no channel {sid}") from None

    # -- circuit ---------------------------------------------------------------------------------

    def on_nothing(self, message: Message) -> None:
        """VERSION: ours was sent when the client came; any number of theirs is fine."""

    def on_host(self, message: Message) -> None:
        self._client = self._client._replace(host=dbr.decode_text(message.payload))

    def on_client(self, message: Message) -> None:
        self._client = self._client._replace(user=dbr.decode_text(message.payload))

    def on_echo(self, message: Message) -> None:
        self._reply(frame(message.command, message.dtype, message.elements, message.first, message.second))

    def on_search(self, message: Message) -> None:
        if self._names.find(dbr.decode_text(message.payload)) is not None:
            self._reply(frame(SEARCH, self._port, 0, HERE, message.second))
        elif message.dtype == SEARCH_WANTS_NO:
            self._reply(frame(NOT_FOUND, message.dtype, PROTOCOL, message.first, message.second))

    def on_events_off(self, message: Message) -> None:
        self._link.hold_events(True)

    def on_events_on(self, message: Message) -> None:
        self._link.hold_events(False)

    # -- channels --------------------------------------------------------------------------------

    def on_create(self, message: Message) -> None:
        cid = message.first
        target = self._names.find(dbr.decode_text(message.payload))
        if target is None:
            self._reply(frame(CREATE_CH_FAIL, 0, 0, cid, 0))
            return
        self._next_sid += 1
        channel = self._channels[self._next_sid] = Channel(self._next_sid, cid, target)
        self.tell_rights(channel)
        self._reply(frame_head(CREATE_CHAN, target.native, target.elements, cid, channel.sid, 0))

    def tell_rights(self, channel: Channel) -> None:
        """Send the present access rights of one channel."""
        rights = 3 if channel.target.source.writable_by(self._client) else 1
        self._reply(HEADER.pack(ACCESS_RIGHTS, 0, 0, 0, channel.cid, rights))

    def push_rights(self) -> None:
        """Send the present access rights of every channel: the rules changed."""
        for channel in self._channels.values():
            self.tell_rights(channel)

    def on_clear(self, message: Message) -> None:
        channel = self._channel(message.first)
        self._cancel_all(channel)
        del self._channels[channel.sid]
        self._reply(frame(CLEAR_CHANNEL, 0, 0, message.first, message.second))

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
        self._reply(frame_head(message.command, message.dtype, count, first, message.second, len(payload)))
        self._reply(payload)

    def _image(self, target: Target, message: Message) -> tuple[bytes, int]:
        if message.dtype > dbr.LAST_TYPE or message.dtype in (dbr.PUT_ACKT, dbr.PUT_ACKS):
            raise ValueError(f"data type {message.dtype} cannot be read")
        if message.elements > max(target.elements, 1):
            raise ValueError(f"{message.elements} elements asked, there are {target.elements}")
        return target.source.image(message.dtype, message.elements, target.long, target.part)

    def _read_failed(self, message: Message, channel: Channel, reason: str) -> None:
        if message.command == READ_NOTIFY:
            nothing = dbr.blank(message.dtype, message.elements) if message.elements < MAX_BLANK else b""
            self._reply(
                frame(READ_NOTIFY, message.dtype, message.elements, ECA_GETFAIL, message.second, nothing)
            )
        else:
            self._complain(message, channel, ECA_GETFAIL, reason)

    def _complain(self, message: Message, channel: Channel, status: int, reason: str) -> None:
        """An exception message: the request's header and words for the user."""
        name = channel.target.source.name
        text = dbr.encode_text(reason if reason.startswith(name) else f"{name}: {reason}")[:200] + b"\0"
        size = len(message.payload) if len(message.payload) < 0xFFFF else 0
        origin = HEADER.pack(
            message.command, size, message.dtype, message.elements & 0xFFFF, message.first, message.second
        )
        self._reply(frame(ERROR, 0, 0, channel.cid, status, origin + text))

    # -- writing ---------------------------------------------------------------------------------

    def on_write(self, message: Message) -> None:
        channel = self._channel(message.first)
        answer = self._answer(message, channel)
        source = channel.target.source
        ack = message.dtype in (dbr.PUT_ACKT, dbr.PUT_ACKS)
        if not ack and not source.writable_by(self._client):
            answer(Outcome(ECA_NOWTACCESS, "no write access"))
            return
        waits = message.command == WRITE_NOTIFY
        long = channel.target.long
        source.put(Put(self._client, message.dtype, message.elements, message.payload, waits, answer, long))

    def _answer(self, message: Message, channel: Channel) -> Callable[[Outcome], None]:
        def answer(outcome: Outcome) -> None:
            if message.command == WRITE_NOTIFY:
                self._reply(
                    frame(WRITE_NOTIFY, message.dtype, message.elements, outcome.status, message.second)
                )
            elif outcome.status != ECA_NORMAL:
                self._complain(message, channel, outcome.status, outcome.reason)

        return answer

    # -- subscriptions ---------------------------------------------------------------------------

    def on_event_add(self, message: Message) -> None:
        channel = self._channel(message.first)
        mask = int.from_bytes(message.payload[12:14], "big")
        if message.dtype > dbr.CLASS_NAME or len(message.payload) < 14 or not mask:
            raise ProtocolError("a subscription without a mask or of an unknown type")
        target = channel.target
        if message.elements > max(target.elements, 1):
            raise ProtocolError(f"{message.elements} elements asked, there are {target.elements}")
        if message.second in channel.subscriptions:
            raise ProtocolError(f"subscription {message.second} exists already")
        subscription = Subscription(self._link, target, message.dtype, message.elements, message.second, mask)
        channel.subscriptions[message.second] = subscription
        subscription.changed()

    def on_event_cancel(self, message: Message) -> None:
        channel = self._channel(message.first)
        subscription = channel.subscriptions.pop(message.second, None)
        if subscription is None:
            raise ProtocolError(f"there is no subscription {message.second}")
        subscription.cancel()
        self._reply(frame(EVENT_ADD, message.dtype, message.elements, message.first, message.second))


HANDLERS: dict[int, Callable[[Session, Message], None]] = {
    VERSION: Session.on_nothing,
    HOST_NAME: Session.on_host,
    CLIENT_NAME: Session.on_client,
    ECHO: Session.on_echo,
    READ_SYNC: Session.on_echo,
    SEARCH: Session.on_search,
    EVENTS_OFF: Session.on_events_off,
    EVENTS_ON: Session.on_events_on,
    CREATE_CHAN: Session.on_create,
    CLEAR_CHANNEL: Session.on_clear,
    READ: Session.on_read,
    READ_NOTIFY: Session.on_read,
    WRITE: Session.on_write,
    WRITE_NOTIFY: Session.on_write,
    EVENT_ADD: Session.on_event_add,
    EVENT_CANCEL: Session.on_event_cancel,
}
