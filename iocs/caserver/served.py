"""Anything that has a name on the network: what a circuit may ask of a record or a field.

Knows how a value, its alarm and its metadata become one payload, encoded once and kept until the
next change. Knows no socket; watchers are told that something changed, nothing more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

from iocs.caserver import dbr
from iocs.caserver.alarms import Alarm
from iocs.caserver.puts import Client, Put

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


class Served(ABC):
    """Base of records and their fields."""

    native: dbr.Native
    elements = 1
    parts_end_with_nul = True
    """Whether a part of a text asked for under `$` is a text; base does not do it for lsi and lso."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._watchers: list[Watcher] = []
        self._images: dict[tuple[int, int, bool, Slice | None], Image] = {}

    @property
    @abstractmethod
    def alarm(self) -> Alarm:
        """Alarm state that goes with the value."""

    @property
    @abstractmethod
    def timestamp(self) -> float:
        """UNIX seconds that go with the value."""

    @property
    @abstractmethod
    def record_type(self) -> str:
        """Record type as .RTYP and DBR_CLASS_NAME say it."""

    @property
    def text_capacity(self) -> int:
        """Bytes offered under the name with `$`; 0 where that makes no sense."""
        return 0

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
    def writable_by(self, client: Client) -> bool:
        """Whether this client has write access."""

    @abstractmethod
    def put(self, put: Put) -> None:
        """Take a client's put; `put.answer` is called once, now or later."""

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
        for watcher in tuple(self._watchers) if self._watchers else ():
            if watcher.mask & mask:
                watcher.changed()

    def image(self, dbr_type: int, count: int, long: bool, part: Slice | None = None) -> Image:
        """The payload of any DBR type. Raises ValueError if the value cannot be told so."""
        key = (dbr_type, count, long, part)
        found = self._images.get(key)
        if found is None:
            found = self._images[key] = self._encode(dbr_type, count, long, part)
        return found

    def _encode(self, dbr_type: int, count: int, long: bool, part: Slice | None) -> Image:
        status, severity = self.alarm
        if dbr_type == dbr.CLASS_NAME:
            return Image(dbr.class_name(self.record_type), 1)
        if dbr_type == dbr.STSACK_STRING:
            text = self.body(dbr.Native.STRING, False, None)[0]
            return Image(dbr.stsack(status, severity, *self.acknowledgement(), text), 1)
        family, native = divmod(dbr_type, 7)
        if family >= dbr.Family.GR:
            head = dbr.head_full(dbr_type, status, severity, self.metadata())
        else:
            stamp = dbr.split_stamp(self.timestamp)
            head = dbr.head_plain(dbr_type, status, severity, *stamp)
        body, have = dbr.fit(*self._counted(native, long, part), count)
        if long and native == dbr.Native.CHAR and self.parts_end_with_nul:
            body = body[:-1] + b"\0"  # a part of a text is a text
        payload = head + body
        return Image(payload + b"\0" * (-len(payload) % 8), have)

    def _counted(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int, int]:
        body, have = self.body(native, long, part)
        return body, native, have
