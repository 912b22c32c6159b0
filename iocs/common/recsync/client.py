"""The conversation with a RecCeiver: be called, connect, tell everything, stay; begin anew when it ends.

Off unless asked for. Knows sockets and its own PVs; nothing waits for it and it stops nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import Mapping
from itertools import islice
from typing import Any

from iocs.caserver import Record, current_server
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.recsync import wire
from iocs.common.recsync.entries import Entry, entries, ioc_infos
from iocs.common.recsync.wire import Announcement, Message
from iocs.common.spec import Archive

GREETING_S = 20.0
"""How long a server may let a client wait; it does so while others upload."""
SILENCE_S = 80.0
"""A server that has not pinged for so long is gone."""
HOLD_OFF_S = 10.0
"""Up to so long a lost client waits, that not all IOCs of a facility come back at once."""
RECORDS_AT_ONCE = 50
MAX_DATAGRAM = 64
CHUNK = 4096
OFF, LISTENING, CONNECTING, UPLOADING, DONE = range(5)

log = logging.getLogger(__name__)


class RecSyncPVs(Group):
    """`$(P)IOC:RecSync:`: whether ChannelFinder knows the IOC."""

    state = pv.choice(
        "State",
        "How far ChannelFinder has been told",
        states=["Off", "Listening", "Connecting", "Uploading", "Done"],
        archive=Archive(),
        initial=OFF,
    )
    message = pv.text("Message", "The same in words", max_length=120, initial="not asked for")


class RecSync(RecSyncPVs):
    """Tells RecCeivers that announce themselves at `listen` (address and UDP port) of `records`."""

    def __init__(
        self,
        prefix: str,
        name: str,
        records: Mapping[str, Record[Any]],
        listen: tuple[str, int] | None,
        *,
        hold_off_s: float = HOLD_OFF_S,
        silence_s: float = SILENCE_S,
        greeting_s: float = GREETING_S,
    ) -> None:
        super().__init__(f"{prefix}IOC:RecSync:")
        self._name = name
        self._records = records
        self._listen = listen
        self._hold_off_s = hold_off_s
        self._silence_s = silence_s
        self._greeting_s = greeting_s

    async def run(self) -> None:
        """Serve one RecCeiver after the other, for ever."""
        while self._listen is not None:
            try:
                found = await self._announced(*self._listen)
                await self._serve(found)
            except TimeoutError:
                self._lost("it has fallen silent")
            except (OSError, ValueError, EOFError) as error:
                self._lost(str(error) or "it has closed the connection")
            await asyncio.sleep(random.uniform(0.0, self._hold_off_s))

    def _lost(self, why: str) -> None:
        if self.state.value != LISTENING:
            log.info("recsync: %s", why)
        self._show(LISTENING, why)

    def _show(self, state: int, words: str) -> None:
        self.state.set_ok(state)
        self.message.set_ok(words[:119])

    # -- being called --------------------------------------------------------------------------

    async def _announced(self, address: str, port: int) -> Announcement:
        """The next announcement. The port is shared with every other IOC of the host."""
        if self.state.value != LISTENING:
            self._show(LISTENING, f"listening on {address}:{port}")
        loop = asyncio.get_running_loop()
        with contextlib.closing(_shared_socket(address, port)) as sock:
            while True:
                data, sender = await loop.sock_recvfrom(sock, MAX_DATAGRAM)
                if found := wire.announcement(data, sender[0]):
                    return found

    # -- the conversation ----------------------------------------------------------------------

    async def _serve(self, found: Announcement) -> None:
        """Until the connection ends. Raises TimeoutError, OSError, EOFError or ValueError then."""
        where = f"{found.host}:{found.port}"
        self._show(CONNECTING, where)
        async with asyncio.timeout(self._greeting_s):
            reader, writer = await asyncio.open_connection(found.host, found.port)
        try:
            messages = Incoming(reader)
            writer.write(wire.greeting(found.key))
            while (await messages.next(self._greeting_s)).kind != wire.SERVER_GREETING:
                pass
            self._show(UPLOADING, where)
            await self._upload(writer)
            self._show(DONE, f"{len(self._records)} records as {self._name} at {where}")
            log.info("recsync: %d records told to %s", len(self._records), where)
            await self._stay(messages, writer)
        finally:
            writer.transport.abort()

    async def _upload(self, writer: asyncio.StreamWriter) -> None:
        facts = ioc_infos(self._name, current_server().port)
        writer.writelines(wire.add_info(wire.WHOLE_IOC, key, value) for key, value in facts.items())
        numbered = enumerate(entries(self._records), start=1)
        while some := list(islice(numbered, RECORDS_AT_ONCE)):
            writer.writelines(_told(number, entry) for number, entry in some)
            async with asyncio.timeout(self._silence_s):
                await writer.drain()
            await asyncio.sleep(0)
        writer.write(wire.upload_done())

    async def _stay(self, messages: Incoming, writer: asyncio.StreamWriter) -> None:
        while True:
            message = await messages.next(self._silence_s)
            if message.kind == wire.PING and len(message.body) >= wire.NONCE_SIZE:
                writer.write(wire.pong(message.body))


class Incoming:
    """The messages of a server, one by one."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._reader = wire.Reader()
        self._waiting: list[Message] = []

    async def next(self, timeout_s: float) -> Message:
        """The next one. Raises TimeoutError, EOFError at the end, ValueError for what is no recsync."""
        async with asyncio.timeout(timeout_s):
            while not self._waiting:
                data = await self._stream.read(CHUNK)
                if not data:
                    raise EOFError("it has closed the connection")
                self._waiting += self._reader.feed(data)
        return self._waiting.pop(0)


def _told(number: int, entry: Entry) -> bytes:
    """One record, with its facts, as bytes."""
    infos = (wire.add_info(number, key, value) for key, value in entry.infos.items() if value)
    return wire.add_record(number, entry.record_type, entry.name) + b"".join(infos)


def _shared_socket(address: str, port: int) -> socket.socket:
    """A socket that hears announcements beside those of other programs."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock
