"""Fields of a record: live views of its settings, built when somebody asks for one.

Knows how a setting is told and taken on the wire. Holds no state of its own but its watchers.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from caproto import AccessRights

from iocs.caserver import dbr
from iocs.caserver.alarms import Alarm
from iocs.caserver.puts import DONE, Client, Put, Refused
from iocs.caserver.served import Served, Slice

if TYPE_CHECKING:
    from iocs.caserver.record import Record


@dataclass(frozen=True, slots=True)
class FieldDef:
    """One row of a field table: type on the wire, how to read the setting, how to change it."""

    native: dbr.Native
    get: Callable[[Any], Any]
    put: Callable[[Any, Any], None] | None = None
    menu: tuple[str, ...] = ()
    capacity: int = dbr.STRING_SIZE
    later: Callable[[Any, Any], Awaitable[None]] | None = None
    """Instead of `put`: carried out in turn with the puts of the record."""
    permitted: Callable[[Any], bool] = lambda record: True

    @property
    def settable(self) -> bool:
        """Whether any client may ever write it."""
        return self.put is not None or self.later is not None


FieldTable = Mapping[str, FieldDef]


class Field(Served):
    """A field of one record, with the record's time stamp and alarm."""

    def __init__(self, record: Record[Any], name: str, definition: FieldDef) -> None:
        super().__init__(f"{record.name}.{name}")
        self._record = record
        self._name = name
        self._definition = definition
        self.native = definition.native

    @property
    def alarm(self) -> Alarm:
        return self._record.alarm

    @alarm.setter
    def alarm(self, alarm: Alarm) -> None:
        """The record's it is, whatever the base class starts with."""

    @property
    def value(self) -> Any:
        return self._definition.get(self._record)

    @property
    def timestamp(self) -> float:
        return self._record.timestamp

    @property
    def record_type(self) -> str:
        return self._record.record_type

    @property
    def text_capacity(self) -> int:
        return self._definition.capacity if self.native == dbr.Native.STRING else 0

    def acknowledgement(self) -> tuple[int, int]:
        return self._record.acknowledgement()

    def image(self, *args: Any, **kwargs: Any) -> Any:
        """Never kept: alarm and time stamp are the record's."""
        self.forget_images()
        return super().image(*args, **kwargs)

    def settings_changed(self, this_one: bool, also: int) -> None:
        """This field, or only metadata of its record, is new. Base merges the two events of a text."""
        if this_one and self.native == dbr.Native.STRING:
            self.post(dbr.Mask.VALUE | dbr.Mask.LOG | also)
            return
        if this_one:
            self.post(dbr.Mask.VALUE | dbr.Mask.LOG)
        self.post(also)

    def metadata(self) -> dbr.Metadata:
        if self._definition.menu:
            return dbr.Metadata(states=dbr.state_bytes(self._definition.menu))
        if self.native not in (dbr.Native.DOUBLE, dbr.Native.LONG):
            return dbr.Metadata()
        own = self._record.metadata()
        return own._replace(limits=(*own.limits[:2], *dbr.Metadata().limits[2:6], *own.limits[6:]))

    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        value = self._definition.get(self._record)
        if self.native == dbr.Native.STRING:
            return self._text_body(str(value), native, long)
        if self.native == dbr.Native.ENUM and native == dbr.Native.STRING:
            return dbr.string_field(self._definition.menu[int(value)]), 1
        return dbr.number_body(value, native, self._record.metadata().precision), 1

    def _text_body(self, text: str, native: int, long: bool) -> tuple[bytes, int]:
        if not long or native != dbr.Native.CHAR:
            return dbr.text_body(text, native), 1
        size = self._definition.capacity
        return dbr.encode_text(text)[: size - 1].ljust(size, b"\0"), size

    def rights_of(self, client: Client) -> AccessRights:
        definition = self._definition
        granted = self._record.granted(client, self._name)
        settable = definition.settable and definition.permitted(self._record)
        return granted if settable else granted & AccessRights.READ

    def deny(self, put: Put) -> None:
        self._record.deny(put)

    def put(self, put: Put) -> None:
        try:
            raw = dbr.decode(put.dbr_type, put.count, put.payload, put.long)
        except ValueError as error:
            self._record.refuse(put, str(error), None)
            return
        try:
            self._apply(put, self._from_client(raw))
        except (Refused, ValueError, TypeError, OverflowError) as error:
            self._record.refuse(put, f"{self.name}: {error}", raw)

    def _apply(self, put: Put, value: Any) -> None:
        definition, record = self._definition, self._record
        if record.disp and self._name != "DISP":
            raise Refused("disabled for clients (DISP)")
        if definition.later is not None:
            later = definition.later
            record.enqueue(put, lambda: later(record, value), value)
        elif definition.put is not None:
            self._set(put, value)
            if record.keep_settings is not None and put.waits:
                record.enqueue(put, record.keep_settings, value)
            else:
                put.answer(DONE)
        else:
            raise Refused("this field cannot be written")

    def _set(self, put: Put, value: Any) -> None:
        definition, record = self._definition, self._record
        assert definition.put is not None
        before = definition.get(record)
        definition.put(record, value)
        after = definition.get(record)
        if after == before:
            self.post(dbr.Mask.VALUE | dbr.Mask.LOG)  # base sends an event for every write of a field
        record.log_put(put, before, after)
        if record.on_field is not None:
            record.on_field(self._name, before, after, put.client.user, put.client.host)

    def _from_client(self, raw: Any) -> Any:
        if isinstance(raw, list):
            raw = raw[0]
        if self.native == dbr.Native.STRING:
            return dbr.decode_text(raw) if isinstance(raw, bytes) else str(raw)
        if isinstance(raw, str):
            return self._from_text(raw) if raw else self._checked(0)
        if not isinstance(raw, int | float):
            raise ValueError("one value is expected")
        return self._checked(raw)

    def _from_text(self, text: str) -> float | int:
        if text in self._definition.menu:
            return self._definition.menu.index(text)
        return self._checked(dbr.parse_number(text))

    def _checked(self, number: float) -> float | int:
        if self.native == dbr.Native.DOUBLE:
            return float(number)
        if not math.isfinite(number):
            raise ValueError("a finite number is expected")
        index = int(number)
        low, high = dbr.RANGE[self.native]
        if not low <= index <= high:
            raise ValueError(f"{index} does not fit, {low} to {high} do")
        if self._definition.menu and not 0 <= index < len(self._definition.menu):
            raise ValueError(f"{index} is not one of its {len(self._definition.menu)} choices")
        return index
