"""A PV of another server as a client sees it: what an event says, in Python's types.

Knows caproto's responses and the client; what a consumer may make of them is iocs.common.links'.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from iocs.caserver import dbr
from iocs.caserver.alarms import UNDEFINED, AlarmSeverity, AlarmStatus
from iocs.caserver.client import Circuit, Client
from iocs.caserver.wire import ECA_NORMAL

log = logging.getLogger(__name__)

Scalar = float | int | str
Native = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A value with its alarm and its time (UNIX seconds)."""

    value: Native
    status: AlarmStatus
    severity: AlarmSeverity
    stamp: float


class Channel:
    """One PV. Calls `on_event` and `on_connection` in the event loop; both must not block."""

    def __init__(
        self, name: str, on_event: Callable[[Event], None], on_connection: Callable[[bool], None]
    ) -> None:
        self.name = name
        self.units = ""
        self.states: tuple[str, ...] = ()
        self._on_event = on_event
        self._on_connection = on_connection
        self._circuit: Circuit | None = None
        self._values = _Events(self, self._value_came)
        self._properties = _Events(self, self._properties_came)

    @property
    def last_heard(self) -> float | None:
        """Monotonic time of the last byte from its server; None before there was a connection."""
        return None if self._circuit is None else self._circuit.last_tcp_receipt

    async def open(self, client: Client) -> None:
        """Searched for from now on, as long as the client lives."""
        self._circuit = None
        await client.get_pvs(self.name, connection_state_callback=self._connection_changed)

    def _connection_changed(self, pv: Any, state: str) -> None:
        up = state == "connected"
        if up:
            self._circuit = pv.circuit_manager
            pv.circuit_manager.subscribe(pv.channel, self._values, "time", dbr.Mask.VALUE | dbr.Mask.ALARM)
            if pv.channel.native_data_type != dbr.STRING:
                pv.circuit_manager.subscribe(pv.channel, self._properties, "control", dbr.Mask.PROPERTY)
        self._on_connection(up)

    def _value_came(self, response: Any) -> None:
        if response.header.parameter1 != ECA_NORMAL:
            self._on_connection(False)  # no right to read: there is no value, whatever the connection
            return
        metadata = response.metadata
        alarm = _alarm(metadata.status, metadata.severity)
        value = native(response, as_text=self.name.endswith("$"))
        self._on_event(Event(value, *alarm, metadata.timestamp))

    def _properties_came(self, response: Any) -> None:
        if response.header.parameter1 == ECA_NORMAL:
            states = getattr(response.metadata, "enum_strings", ())
            self.states = tuple(dbr.decode_text(state) for state in states)
            self.units = dbr.decode_text(getattr(response.metadata, "units", b""))


class _Events:
    """What a circuit calls with each event of one subscription."""

    def __init__(self, pv: Channel, came: Callable[[Any], None]) -> None:
        self.pv = pv
        self._came = came

    def process(self, response: Any) -> None:
        self._came(response)


def _alarm(status: int, severity: int) -> tuple[AlarmStatus, AlarmSeverity]:
    try:
        return AlarmStatus(status), AlarmSeverity(severity)
    except ValueError:  # a server that is not base: nothing good is meant by it
        return UNDEFINED


def native(response: Any, *, as_text: bool = False) -> Native:
    """One number or text, or a tuple of them; characters become text with `as_text`."""
    data = response.data
    if as_text and response.data_type % 7 == dbr.CHAR:
        return dbr.decode_text(bytes(data))
    values = tuple(dbr.decode_text(v) if isinstance(v, bytes) else v for v in _plain(data))
    return values[0] if response.data_count == 1 and values else values


def _plain(data: Any) -> list[Any]:
    return list(data.tolist()) if hasattr(data, "tolist") else list(data)
