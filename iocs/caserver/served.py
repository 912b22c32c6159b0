"""Anything that has a name on the network: caproto's ChannelData, published at once and encoded once.

A value, its alarm and its metadata become one payload per data type, kept until the next change.
Knows no socket; watchers are told that something changed, nothing more.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Any, NamedTuple, Protocol

from caproto import AccessRights as AccessRights
from caproto import ChannelData, ChannelType, Forbidden
from caproto._commands import data_payload, extract_data

from iocs.caserver import dbr
from iocs.caserver.alarms import FINE, Alarm
from iocs.caserver.puts import Client, Outcome, Put, Refused
from iocs.caserver.wire import ECA_NORMAL

Slice = tuple[int | None, int | None, int]


class Watcher(Protocol):
    """A subscription."""

    mask: int

    def changed(self) -> None:
        """The value, alarm or metadata that the mask asked for is new."""


class Image(NamedTuple):
    """A payload and the number of elements in it."""

    payload: bytes
    elements: int


class Served(ChannelData):
    """Base of records and their fields."""

    native: dbr.Native
    elements = 1
    parts_end_with_nul = True
    """Whether a part of a text asked for under `$` is a text; base does not do it for lsi and lso."""

    def __init__(self, name: str) -> None:
        super().__init__(alarm=FINE, value=0, timestamp=(0, 0))
        self.name = name
        self._watchers: list[Watcher] = []
        self._images: dict[tuple[int, int, bool, Slice | None], Image] = {}

    @property
    def alarm(self) -> Alarm:
        """Alarm state that goes with the value: a value itself, not caproto's shared object."""
        return self._alarm

    @alarm.setter
    def alarm(self, alarm: Alarm) -> None:
        self._alarm = alarm

    @property
    def status(self) -> int:
        return self.alarm.status

    @property
    def severity(self) -> int:
        return self.alarm.severity

    @property
    def text_capacity(self) -> int:
        """Bytes offered under the name with `$`; 0 where that makes no sense."""
        return 0

    @property
    @abstractmethod
    def value(self) -> Any:
        """The present value."""

    @property
    @abstractmethod
    def timestamp(self) -> float:
        """UNIX seconds that go with the value."""

    @property
    @abstractmethod
    def record_type(self) -> str:
        """Record type as .RTYP and DBR_CLASS_NAME say it."""

    @abstractmethod
    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        """The value as `native`, and how many elements. Raises ValueError if it cannot be told so."""

    @abstractmethod
    def metadata(self) -> dbr.Metadata:
        """Units, precision, limits and states."""

    @abstractmethod
    def acknowledgement(self) -> tuple[int, int]:
        """ACKT and ACKS."""

    @abstractmethod
    def rights_of(self, client: Client) -> AccessRights:
        """What this client may do."""

    def takes(self, put: Put) -> bool:
        """Whether the client of this put may write."""
        return self.writable_by(put.client)

    @abstractmethod
    def deny(self, put: Put) -> None:
        """Answer a put of a client that may not write."""

    @abstractmethod
    def put(self, put: Put) -> None:
        """Take a client's put; `put.answer` is called once, now or later."""

    # -- publishing ------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` of every change its mask asks for."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Stop telling it."""
        self._watchers.remove(watcher)

    def forget_images(self) -> None:
        """The state changed: encode anew when next asked."""
        if self._images:
            self._images.clear()

    def post(self, mask: int) -> None:
        """An event of these kinds to everyone who asked for one of them."""
        bits = int(mask)  # a flag's own `&` costs more than all the rest of an event
        for watcher in tuple(self._watchers) if self._watchers else ():
            if watcher.mask & bits:
                watcher.changed()
        if self._queues:  # of a stock caproto server
            asyncio.get_running_loop().create_task(self.publish(mask))

    def image(self, dbr_type: int, count: int, long: bool, part: Slice | None = None) -> Image:
        """The payload of any DBR type. Raises ValueError if the value cannot be told so."""
        key = (dbr_type, count, long, part)
        found = self._images.get(key)
        if found is None:
            found = self._images[key] = self._encode(dbr_type, count, long, part)
        return found

    def _encode(self, dbr_type: int, count: int, long: bool, part: Slice | None) -> Image:
        head, body, have = self._parts(dbr_type, long, part)
        if dbr_type < dbr.PUT_ACKT:
            body, have = dbr.fit(body, dbr_type % 7, have, count)
            if long and dbr_type % 7 == dbr.CHAR and self.parts_end_with_nul:
                body = body[:-1] + b"\0"  # a part of a text is a text
        payload = bytes(head) + body
        return Image(payload + b"\0" * (-len(payload) % 8), have)

    def _parts(self, dbr_type: int, long: bool, part: Slice | None = None) -> tuple[Any, bytes, int]:
        """What goes before the value, the value, and its elements."""
        status, severity = self.alarm
        if dbr_type == dbr.CLASS_NAME:
            return b"", dbr.class_name(self.record_type), 1
        if dbr_type == dbr.STSACK_STRING:
            text = self.body(dbr.STRING, False, None)[0]
            return b"", dbr.stsack(status, severity, *self.acknowledgement(), text), 1
        meta = self.metadata() if dbr_type // 7 >= dbr.GR else None
        head = dbr.head(dbr_type, status, severity, self.timestamp, meta)
        return head, *self.body(dbr_type % 7, long, part)

    # -- as caproto calls it ---------------------------------------------------------------------

    @property
    def data_type(self) -> ChannelType:
        return self.native

    @property
    def max_length(self) -> int:
        return self.elements

    @property
    def long_string_max_length(self) -> int:
        return self.text_capacity

    async def _read(self, data_type: ChannelType) -> tuple[Any, Any]:
        """Metadata and data as a stock caproto server sends them."""
        head, body, count = self._parts(data_type, not isinstance(data_type, ChannelType))
        if data_type >= dbr.PUT_ACKT:
            return body, b""
        return head, extract_data(body, ChannelType(data_type % 7), count)

    def _is_eligible(self, spec: Any) -> bool:
        return spec.channel_filter.sync is None

    def check_access(self, hostname: str, username: str) -> AccessRights:
        """Rights of a client by what it says of itself."""
        return self.rights_of(Client(username, hostname, ""))

    def writable_by(self, client: Client) -> bool:
        """Whether this client has write access."""
        return bool(self.rights_of(client) & AccessRights.WRITE)

    async def auth_write(
        self,
        hostname: str,
        username: str,
        data: Any,
        data_type: ChannelType,
        metadata: Any,
        *,
        flags: int = 0,
        user_address: tuple[str, int] = ("", 0),
    ) -> None:
        """A client's put, carried out in its turn. Raises Forbidden or Refused."""
        client = Client(username, hostname, f"{user_address[0]}:{user_address[1]}")
        if not self.writable_by(client):
            raise Forbidden(f"{username}@{hostname} may not write {self.name}")
        _, *parts = data_payload(data, metadata, data_type, len(data))
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.put(Put(client, int(data_type), len(data), b"".join(map(bytes, parts)), True, done.set_result))
        outcome = await done
        if outcome.status != ECA_NORMAL:
            raise Refused(outcome.reason)
