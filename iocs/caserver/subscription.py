"""One subscription: which events it wants, its filters, and how many may wait.

At most a few events of one subscription wait for a slow client; then the newest replaces the last.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from struct import Struct, unpack_from
from typing import TYPE_CHECKING, Protocol

from iocs.caserver import dbr
from iocs.caserver.names import Target
from iocs.caserver.wire import ECA_GETFAIL, ECA_NORDACCESS, ECA_NORMAL, EVENT_ADD, frame_head

if TYPE_CHECKING:
    from iocs.caserver.served import Image

MAX_WAITING = 32
"""Events of one subscription that may wait for a slow client."""
MAX_WAITING_BYTES = 256 * 1024
_STAMP = Struct(">II")


class Sender(Protocol):
    """Where events go."""

    lost_events: int

    def queue_event(self, event: Event) -> None:
        """Send when the client reads."""


@dataclass(slots=True, eq=False)
class Event:
    """One update, ready to be sent."""

    owner: Subscription
    head: bytes
    payload: bytes


class Subscription:
    """One subscription of one client to one channel."""

    __slots__ = (
        "_count",
        "_dbr_type",
        "_head",
        "_last",
        "_permitted",
        "_sender",
        "_shape",
        "_tail",
        "_target",
        "_waiting",
        "alive",
        "mask",
        "subid",
    )

    def __init__(
        self, sender: Sender, target: Target, dbr_type: int, count: int, subid: int, mask: int
    ) -> None:
        self.mask = mask
        self.subid = subid
        self.alive = True
        self._sender = sender
        self._target = target
        self._dbr_type = dbr_type
        self._count = count
        self._waiting = 0
        self._tail: Event | None = None
        self._shape: tuple[int, int] | None = None
        self._head = b""
        self._last: float | None = None
        self._permitted = True
        target.source.watch(self)

    def cancel(self) -> None:
        """No event from here on, not even one that waits."""
        self.alive = False
        self._target.source.unwatch(self)

    def begin(self, permitted: bool) -> None:
        """The first event, also after a change of rights: the value, or that it may not be read."""
        self._permitted = permitted
        self.changed() if permitted else self._say_forbidden()

    def _say_forbidden(self) -> None:
        nothing = dbr.blank(self._dbr_type, self._count or self._target.elements)
        count = self._count or self._target.elements
        self._queue(self._header(len(nothing), count, ECA_NORDACCESS), nothing)

    def changed(self) -> None:
        """Send the present value."""
        target = self._target
        if not self._permitted:
            return
        if target.deadband is not None and not self._beyond_deadband(target):
            return
        try:
            image = target.source.image(self._dbr_type, self._count, target.long, target.part)
        except (ValueError, OverflowError):
            head = self._header(dbr.STRING_SIZE, max(self._count, 1), ECA_GETFAIL)
            self._queue(head, bytes(dbr.STRING_SIZE))
            return
        payload = self._restamped(image.payload) if target.stamp_now else image.payload
        self._queue(self._header_of(image), payload)

    def sent(self, event: Event) -> None:
        """One event left the queue."""
        self._waiting -= 1
        if event is self._tail:
            self._tail = None

    def _header_of(self, image: Image) -> bytes:
        shape = (len(image.payload), image.elements)
        if shape != self._shape:
            self._head = self._header(*shape, ECA_NORMAL)
            self._shape = shape
        return self._head

    def _header(self, size: int, count: int, status: int) -> bytes:
        return frame_head(EVENT_ADD, self._dbr_type, count, status, self.subid, size)

    def _queue(self, head: bytes, payload: bytes) -> None:
        tail = self._tail
        if tail is not None and self._waiting >= max(1, min(MAX_WAITING, MAX_WAITING_BYTES // len(payload))):
            tail.head, tail.payload = head, payload
            self._sender.lost_events += 1
            return
        self._tail = event = Event(self, head, payload)
        self._waiting += 1
        self._sender.queue_event(event)

    def _restamped(self, payload: bytes) -> bytes:
        if self._dbr_type // 7 != dbr.TIME:
            return payload
        return payload[:4] + _STAMP.pack(*dbr.split_stamp(time.time())) + payload[12:]

    def _beyond_deadband(self, target: Target) -> bool:
        band = target.deadband
        assert band is not None
        (value,) = unpack_from(">d", target.source.body(dbr.Native.DOUBLE, False, None)[0])
        last = self._last
        if last is not None:
            width = band.width / 100 * abs(last) if band.relative else band.width
            if abs(value - last) <= width:
                return False
        self._last = value
        return True
