"""One client: caproto's VirtualCircuit without queues that a slow client can fill.

Commands are answered as they come; caproto parses them and keeps the state of circuit and channels.
Reads, writes and events, which make the traffic, go past its state machine. Events wait per
subscription, the newest replaces the last; a client that sends faster than it reads is not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import caproto as ca
from caproto.asyncio.server import VirtualCircuit
from caproto.server.common import DisconnectedCircuit

from iocs.caserver import dbr
from iocs.caserver.names import Target
from iocs.caserver.outbox import Outbox
from iocs.caserver.puts import Client, Outcome, Put
from iocs.caserver.subscription import Subscription
from iocs.caserver.wire import (
    ACCESS_RIGHTS,
    CREATE_CHAN,
    ECA_GETFAIL,
    ECA_NORDACCESS,
    ECA_NORMAL,
    ECHO,
    ERROR,
    HEADER,
    READ,
    READ_NOTIFY,
    READ_SYNC,
    WRITE,
    WRITE_NOTIFY,
    Message,
    frame,
    frame_head,
    messages,
    whole,
)

if TYPE_CHECKING:
    from iocs.caserver.server import Server

CHUNK = 64 * 1024
MAX_BLANK = 1024
"""Elements of a read that failed for which zeros are sent."""
CONNECTED = {ca.CLIENT: ca.CONNECTED, ca.SERVER: ca.CONNECTED}
BROKEN = (ca.CaprotoError, ValueError, KeyError, IndexError, AttributeError)
"""What caproto raises where a client breaks the protocol."""


class Circuit(VirtualCircuit):
    """A client's connection."""

    context: Server

    def __init__(self, circuit: ca.VirtualCircuit, client: Any, context: Server) -> None:
        super().__init__(circuit, client, context)
        self._buffer = bytearray()
        self._targets: dict[int, Target] = {}
        self._granted: dict[int, ca.AccessRights] = {}
        self._subscriptions: dict[int, tuple[int, Subscription]] = {}
        self.outbox = Outbox(client.writer, self.events_on)
        self._answer = self.outbox.answer
        self._busy = False
        self._transport = client.writer.transport
        client.reader.offer = self._done_at_once
        self.address = "{}:{}".format(*circuit.address[:2])
        self.events_on.set()

    @property
    def who(self) -> Client:
        """Who is at the other end."""
        return Client(self.client_username or "", self.client_hostname or "", self.address)

    @property
    def channel_count(self) -> int:
        """Connected channels."""
        return len(self._targets)

    def close(self, *, abort: bool = False) -> None:
        """End the connection; `abort` does not wait for a client that does not read."""
        self._transport.abort() if abort else self._transport.close()

    # -- life, as caproto calls it ---------------------------------------------------------------

    async def run(self) -> None:
        self._sub_task = self.tasks.create(self.subscription_queue_loop())

    async def subscription_queue_loop(self) -> None:
        try:
            await self.outbox.run()
        except (asyncio.CancelledError, OSError):
            return  # caproto waits for this end; who lost the connection is noticed by `recv`

    async def _on_disconnect(self) -> None:
        for subid in tuple(self._subscriptions):
            self._cancel(subid)
        await super()._on_disconnect()

    async def recv(self) -> None:
        try:
            data = await self.client.recv(CHUNK)
            if not data:
                raise DisconnectedCircuit
            self._buffer += data
            self._busy = self.outbox.answers_follow = True
            try:
                await self._consume()
            finally:
                self.outbox.answers_follow = False
            await self.outbox.send_answers()
            self._busy = False
        except (DisconnectedCircuit, OSError):
            await self._hang_up()
        except Exception as error:  # root of everything a client can cause: it must not end the server
            self.context.protocol_error(self, error, expected=isinstance(error, BROKEN))
            await self._hang_up()

    def _done_at_once(self, data: bytes) -> bool:
        """Requests that came whole, from a client that reads: done before our task would be awake."""
        if self._busy or self._buffer or self._transport.get_write_buffer_size():
            return False
        requests = whole(data, self.context.max_frame)
        if not requests or not all(message.command in HANDLERS for message in requests):
            return False
        self.outbox.answers_follow = True
        try:
            for message in requests:
                HANDLERS[message.command](self, message)
        except Exception as error:  # as in `recv`, which learns of it by the end of the connection
            self.context.protocol_error(self, error, expected=isinstance(error, BROKEN))
            self.close(abort=True)
        finally:
            self.outbox.answers_follow = False
        self.outbox.flush_answers()
        return True

    async def _hang_up(self) -> None:
        self.close(abort=True)
        await self._on_disconnect()
        raise DisconnectedCircuit

    # -- receiving -------------------------------------------------------------------------------

    async def _consume(self) -> None:
        for message, raw in messages(self._buffer, self.context.max_frame):
            handler = HANDLERS.get(message.command)
            if handler is not None:
                handler(self, message)
                continue
            for command in self.circuit.recv(raw)[0]:
                answers = await self._command_queue_iteration(command)
                self._answer(*self.circuit.send(*answers))

    async def _command_queue_iteration(self, command: Any) -> list[Any]:
        if isinstance(command, ca.VersionRequest) and self.circuit.priority is not None:
            return []  # a name server's clients send it again; caproto takes that for an error
        self.circuit.process_command(command)
        return await self._process_command(command)

    async def _process_command(self, command: Any) -> list[Any]:
        if isinstance(command, ca.EventAddRequest):
            self._subscribe(command)
        elif isinstance(command, ca.EventsOffRequest):
            self.events_on.clear()
        elif isinstance(command, ca.EventsOnRequest):
            self.events_on.set()
            self.outbox.wake()
        else:
            if isinstance(command, ca.EventCancelRequest):
                self._cancel(command.subscriptionid)
            elif isinstance(command, ca.ClearChannelRequest):
                self._forget(command.sid)
            answers: list[Any] = await super()._process_command(command)
            return answers
        return []

    # -- channels --------------------------------------------------------------------------------

    def on_create(self, message: Message) -> None:
        """Past caproto's state machine, which takes 190 us for a channel: a client has thousands."""
        cid, name = message.first, dbr.decode_text(message.payload)
        target = self.context.names.find(name)
        if target is None:
            self._answer(bytes(ca.CreateChFailResponse(cid=cid)))
            return
        channel = ca.ServerChannel(target.source.name, self.circuit, cid)  # filters are the target's
        channel.sid = sid = self.circuit.new_channel_id()
        channel.states.states.update(CONNECTED)
        self.circuit.channels_sid[sid] = channel
        self._targets[sid] = target
        self._tell_rights(sid, target)
        self._answer(frame_head(CREATE_CHAN, target.native, target.elements, cid, sid, 0))

    def _tell_rights(self, sid: int, target: Target) -> None:
        self._granted[sid] = rights = target.source.rights_of(self.who)
        self._answer(HEADER.pack(ACCESS_RIGHTS, 0, 0, 0, self.circuit.channels_sid[sid].cid, rights))

    def push_rights(self) -> None:
        """Tell of every channel whose rights changed, and as base does send its monitors an event."""
        changed = set()
        for sid, target in self._targets.items():
            if target.source.rights_of(self.who) != self._granted[sid]:
                self._tell_rights(sid, target)
                changed.add(sid)
        for sid, subscription in tuple(self._subscriptions.values()):
            if sid in changed:
                subscription.begin(self._readable(sid))

    def _readable(self, sid: int) -> bool:
        return bool(self._granted[sid] & ca.AccessRights.READ)

    def _forget(self, sid: int) -> None:
        self._targets.pop(sid, None)
        self._granted.pop(sid, None)
        for subid, (owner, _) in tuple(self._subscriptions.items()):
            if owner == sid:
                self._cancel(subid)
                self.circuit.event_add_commands.pop(subid, None)

    # -- reading and writing ---------------------------------------------------------------------

    def on_read(self, message: Message) -> None:
        command, dtype, count, sid, ioid, _ = message
        target = self._targets[sid]
        if not self._readable(sid):
            self._read_failed(message, target, "no read access", ECA_NORDACCESS)
            return
        try:
            image, have = target.image(dtype, count)
        except (ValueError, OverflowError) as error:
            self._read_failed(message, target, str(error))
            return
        first = ECA_NORMAL if command == READ_NOTIFY else self.circuit.channels_sid[sid].cid
        self._answer(frame_head(command, dtype, have, first, ioid, len(image)), image)

    def _read_failed(self, message: Message, target: Target, reason: str, status: int = ECA_GETFAIL) -> None:
        command, dtype, count, _, ioid, _ = message
        if command == READ_NOTIFY:
            nothing = dbr.blank(dtype, count) if count < MAX_BLANK else b""
            self._answer(frame(command, dtype, count, status, ioid, nothing))
        else:
            self._complain(message, target, status, reason)

    def on_write(self, message: Message) -> None:
        command, dtype, count, sid, ioid, payload = message
        target, who = self._targets[sid], self.who

        def answer(outcome: Outcome) -> None:
            if command == WRITE_NOTIFY:
                self._answer(frame(command, dtype, count, outcome.status, ioid))
            elif outcome.status != ECA_NORMAL:
                self._complain(message, target, outcome.status, outcome.reason)

        waits, name = command == WRITE_NOTIFY, target.source.name
        put = Put(who, dtype, count, payload, waits, answer, target.long, name)
        if target.source.takes(put):
            target.source.put(put)
        else:
            target.source.deny(put)

    def _complain(self, message: Message, target: Target, status: int, reason: str) -> None:
        """An exception message: the request's header and words for the user."""
        command, dtype, count, sid, second, payload = message
        name = target.source.name
        words = dbr.encode_text(reason if reason.startswith(name) else f"{name}: {reason}")[:200] + b"\0"
        size = len(payload) if len(payload) < 0xFFFF else 0
        origin = HEADER.pack(command, size, dtype, count & 0xFFFF, sid, second)
        if sid in self._targets:
            self._answer(frame(ERROR, 0, 0, self.circuit.channels_sid[sid].cid, status, origin + words))

    def on_echo(self, message: Message) -> None:
        self._answer(frame(*message[:5]))

    # -- subscriptions ---------------------------------------------------------------------------

    def _subscribe(self, command: Any) -> None:
        subid = command.subscriptionid
        if not command.mask or subid in self._subscriptions:
            raise ValueError(f"subscription {subid} has no mask or exists already")
        target = self._targets[command.sid]
        dtype, count = int(command.data_type), command.data_count
        if count > max(target.elements, 1):
            raise ValueError(f"{count} elements asked, there are {target.elements}")
        subscription = Subscription(self.outbox, target, dtype, count, subid, int(command.mask))
        self._subscriptions[subid] = (command.sid, subscription)
        subscription.begin(self._readable(command.sid))

    def _cancel(self, subid: int) -> None:
        if subid in self._subscriptions:
            self._subscriptions.pop(subid)[1].cancel()


HANDLERS: dict[int, Callable[[Circuit, Message], None]] = {
    CREATE_CHAN: Circuit.on_create,
    READ: Circuit.on_read,
    READ_NOTIFY: Circuit.on_read,
    WRITE: Circuit.on_write,
    WRITE_NOTIFY: Circuit.on_write,
    ECHO: Circuit.on_echo,
    READ_SYNC: Circuit.on_echo,
}
