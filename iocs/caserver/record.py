"""A record: value, alarm, time stamp, and when each of them is published.

Publishing is synchronous and atomic: it never suspends, never calls a putter, and refuses a wrong
type before anything is stored. Knows its fields and watchers; knows no socket and no instrument.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from struct import unpack_from
from typing import Any, Generic, TypeVar

from caproto import AccessRights

from iocs.caserver import dbr
from iocs.caserver.alarms import FINE, UNDEFINED, Alarm, AlarmSeverity, AlarmStatus, worse
from iocs.caserver.fields import Field, FieldTable
from iocs.caserver.puts import DONE, Client, Job, Outcome, Put, PutQueue, Refused, Report, describe
from iocs.caserver.served import Served
from iocs.caserver.wire import ECA_NOWTACCESS, ECA_PUTFAIL

T = TypeVar("T")

MAX_DESC = 40
NO_ACCESS = "no write access"
EVERYTHING = AccessRights.READ | AccessRights.WRITE
CHANGED = dbr.Mask.VALUE | dbr.Mask.LOG


class Record(Served, Generic[T]):
    """Base of all record types. `T` is the Python type of the value.

    Hooks, all optional and called in the event loop: `putter` carries out a client's put and returns
    what to store (None: what was sent); `rules(client, field)` says what a client may do; `on_refused`,
    `on_written` and, of fields, `on_field` report puts, `on_put` all of them; `on_change` is told of every
    new value; `keep` and, of fields, `keep_settings` are awaited before a put-callback is answered;
    `on_scan` takes a new .SCAN; `process` does what .PROC asks.
    """

    fields: FieldTable
    record_types: tuple[str, str]
    """Names of the read-only and of the writable record type."""

    def __init__(
        self, name: str, value: T, *, desc: str = "", writable: bool = False, heartbeat_s: float = 60.0
    ) -> None:
        if len(desc) > MAX_DESC:
            raise ValueError(f"{name}: DESC has {len(desc)} characters, at most {MAX_DESC} are allowed")
        super().__init__(name)
        self.desc = desc
        self.writable = writable
        self.heartbeat_s = heartbeat_s
        self.asg = "DEFAULT"
        self.disp = 0
        self.scan = "Passive" if writable else "I/O Intr"
        self.spec: Any = None
        self.putter: Callable[[T], Awaitable[T | None]] | None = None
        self.process: Callable[[], Awaitable[None]] | None = None
        self.on_scan: Callable[[str], Awaitable[None] | None] | None = None
        self.on_refused: Callable[[str, Any, str, str], None] | None = None
        self.on_written: Callable[[T, T, str, str], None] | None = None
        self.on_field: Callable[[str, Any, Any, str, str], None] | None = None
        self.on_change: Callable[[], None] | None = None
        self.keep: Callable[[], Awaitable[None]] | None = None
        self.keep_settings: Callable[[], Awaitable[None]] | None = None
        self.rules: Callable[[Client, str], AccessRights] | None = None
        self.on_put: Callable[[Report], None] | None = None
        self.updated = False
        self.ackt = 1
        self.acks = AlarmSeverity.NO_ALARM
        self._value = value
        self._alarm = UNDEFINED
        self._given = FINE
        self._timestamp = float(dbr.EPICS_EPOCH)
        self._last_post = 0.0
        self._fields: dict[str, Field] = {}
        self._puts: PutQueue | None = None

    # -- reading ---------------------------------------------------------------------------------

    @property
    def value(self) -> T:
        """The last good value."""
        return self._value

    @property
    def status(self) -> AlarmStatus:
        """Why the record is in alarm."""
        return self._alarm.status

    @property
    def severity(self) -> AlarmSeverity:
        """How grave it is."""
        return self._alarm.severity

    @property
    def timestamp(self) -> float:
        """UNIX seconds of the last value or alarm; the EPICS epoch before the first."""
        return self._timestamp

    @property
    def record_type(self) -> str:
        return self.record_types[self.writable]

    def acknowledgement(self) -> tuple[int, int]:
        return self.ackt, self.acks

    def metadata(self) -> dbr.Metadata:
        return dbr.Metadata()

    # -- publishing ------------------------------------------------------------------------------

    def set_ok(
        self,
        value: T,
        *,
        timestamp: float | None = None,
        alarm: tuple[AlarmStatus, AlarmSeverity] | None = None,
    ) -> None:
        """A good value. `alarm` is merged with the record's own limits by maximum severity.

        Published on a change beyond MDEL or ADEL, on any change of alarm, and after a heartbeat.
        Raises TypeError or ValueError, before anything is stored, for what the record cannot hold.
        """
        new = self.convert(value)
        self._given = Alarm(AlarmStatus(alarm[0]), AlarmSeverity(alarm[1])) if alarm else FINE
        self._take(new, timestamp)

    def set_invalid(self, status: AlarmStatus = AlarmStatus.COMM, *, timestamp: float | None = None) -> None:
        """The source is lost: the last value stays, INVALID for this reason, until the next `set_ok`."""
        self.set_alarm(status, AlarmSeverity.INVALID, timestamp=timestamp)

    def set_alarm(
        self, status: AlarmStatus, severity: AlarmSeverity, *, timestamp: float | None = None
    ) -> None:
        """An alarm of its own, merged with the limits, until the next `set_ok` or `set_alarm`."""
        self._given = Alarm(AlarmStatus(status), AlarmSeverity(severity))
        self._publish(0, timestamp)

    async def write(self, value: T, *, timestamp: float | None = None, **_: Any) -> None:
        """caproto's word for `set_ok`: no putter runs, and the alarm follows from the value."""
        self.set_ok(value, timestamp=timestamp)

    def _take(self, new: T, timestamp: float | None = None) -> None:
        self.updated = True
        self._value = new
        if self.on_change is not None:
            self.on_change()
        self._publish(self.change_mask(new), timestamp)

    def _publish(self, mask: int, timestamp: float | None = None) -> None:
        self._timestamp = time.time() if timestamp is None else timestamp
        mask |= self._settle_alarm()
        if abs(self._timestamp - self._last_post) >= self.heartbeat_s:
            mask |= dbr.Mask.VALUE | dbr.Mask.LOG
        self.forget_images()
        if mask:
            self._last_post = self._timestamp
            self.post(mask)

    def _settle_alarm(self) -> int:
        new = worse(self._given, self.judge() if self.updated else UNDEFINED)
        if new == self._alarm:
            return 0
        old, self._alarm = self._alarm, new
        graver = new.severity != old.severity
        if graver:
            self.touch_fields("SEVR", mask=dbr.Mask.VALUE)
        stat = (dbr.Mask.ALARM if graver else 0) | (dbr.Mask.VALUE if new.status != old.status else 0)
        self.touch_fields("STAT", mask=stat)
        self.touch_fields("UDF", mask=dbr.Mask.VALUE)
        if not self.ackt or new.severity >= self.acks:
            self.acks = new.severity
            self.touch_fields("ACKS", mask=dbr.Mask.VALUE)
        return dbr.Mask.ALARM

    def reassess(self) -> None:
        """Judge the present value again: a limit, a severity or a state changed."""
        mask = self._settle_alarm()
        if mask:
            self._publish(mask)

    @abstractmethod
    def convert(self, value: Any) -> T:
        """The value as this record stores it. Raises TypeError or ValueError."""

    @abstractmethod
    def change_mask(self, new: T) -> int:
        """Kinds of events a new value is worth, by the deadbands; remembers what was posted."""

    def judge(self) -> Alarm:
        """The record's own opinion of its value."""
        return FINE

    # -- settings --------------------------------------------------------------------------------

    def touch(self, *names: str, metadata: bool = True, value: int = 0) -> None:
        """Settings changed: publish their fields and the record's metadata, and judge the value again.

        `value` names kinds of events that this is of the value, too.
        """
        self.forget_images()
        also = dbr.Mask.PROPERTY if metadata else dbr.Mask(0)
        self.post(also | value)
        for name, field in tuple(self._fields.items()):
            field.settings_changed(name in names, also)
        self.reassess()

    def touch_fields(self, *names: str, mask: int = CHANGED) -> None:
        """An event of these fields, where somebody ever asked for them."""
        if self._fields:
            for name in names:
                if name in self._fields:
                    self._fields[name].post(mask)

    def get_field(self, name: str) -> Served:
        """The record itself for VAL, else a field, built now. Raises KeyError."""
        if name in ("", "VAL"):
            return self
        field = self._fields.get(name)
        if field is None:
            field = self._fields[name] = Field(self, name, self.fields[name])
        return field

    def field_names(self) -> Iterable[str]:
        """Every field that answers, besides VAL."""
        return self.fields.keys()

    # -- puts of clients -------------------------------------------------------------------------

    def rights_of(self, client: Client) -> AccessRights:
        granted = self.granted(client, "VAL")
        return granted if self.writable else granted & AccessRights.READ

    def granted(self, client: Client, field: str) -> AccessRights:
        """What the access rules let this client do with this field; everything if there are none."""
        return EVERYTHING if self.rules is None else self.rules(client, field)

    def takes(self, put: Put) -> bool:
        """An alarm may be acknowledged of what only the IOC writes, too."""
        if put.dbr_type in (dbr.PUT_ACKT, dbr.PUT_ACKS):
            return bool(self.granted(put.client, "VAL") & AccessRights.WRITE)
        return self.writable_by(put.client)

    def deny(self, put: Put) -> None:
        self._report(put, NO_ACCESS, None)
        put.answer(Outcome(ECA_NOWTACCESS, NO_ACCESS))

    def put(self, put: Put) -> None:
        if put.dbr_type in (dbr.PUT_ACKT, dbr.PUT_ACKS):
            self._acknowledge(put)
            return
        try:
            raw = dbr.decode(put.dbr_type, put.count, put.payload, put.long)
        except ValueError as error:
            self.refuse(put, str(error), None)
            return
        try:
            value = self.check(self.from_client(raw))
            if self.disp:
                raise Refused(f"{self.name} is disabled for clients (DISP)")
        except (Refused, ValueError, TypeError, OverflowError) as error:
            self.refuse(put, str(error), raw)
            return
        self._start(put, value)

    @abstractmethod
    def from_client(self, raw: dbr.Value | list[str]) -> T:
        """What a client sent, as this record stores it. Raises ValueError with words for the operator."""

    def check(self, value: T) -> T:
        """The value as allowed, clipped where the record says so. Raises Refused."""
        return value

    def _start(self, put: Put, value: T) -> None:
        in_turn = self.putter or (self.keep and put.waits) or (self._puts and not self._puts.idle)
        if not in_turn:
            self._store(put, value)
            put.answer(DONE)
        else:
            self.enqueue(put, lambda: self._carry_out(put, value), value)

    def enqueue(self, put: Put, run: Callable[[], Awaitable[None]], value: Any) -> None:
        """Run behind the puts that came before."""
        if self._puts is None:
            self._puts = PutQueue(self.name)
        self._puts.submit(Job(put, run, lambda reason: self._report(put, reason, value)))

    async def _carry_out(self, put: Put, value: T) -> None:
        stored = await self.putter(value) if self.putter else None
        self._store(put, value if stored is None else self.convert(stored))
        if self.keep is not None and put.waits:
            await self.keep()

    def _store(self, put: Put, value: T) -> None:
        old = self._value
        self._given = FINE
        self._take(value)
        if self.on_written:
            self.on_written(old, value, put.client.user, put.client.host)
        self.log_put(put, old, value)

    def log_put(self, put: Put, old: Any, new: Any, refused: str = "") -> None:
        """Tell the put log, if there is one."""
        if self.on_put is not None:
            self.on_put(Report(put.name, put.client, old, new, refused))

    def refuse(self, put: Put, reason: str, value: Any) -> None:
        """Tell the client and whoever reports refusals; value and alarm stay."""
        self._report(put, reason, value)
        put.answer(Outcome(ECA_PUTFAIL, reason))

    def _report(self, put: Put, reason: str, value: Any) -> None:
        self.log_put(put, self._value, value, reason)
        if self.on_refused is None:
            return
        try:
            self.on_refused(reason, value, put.client.user, put.client.host)
        except Exception as error:  # a hook of the user: it must not cost the client its answer
            describe(error, self.name)

    def _acknowledge(self, put: Put) -> None:
        if len(put.payload) < 2:
            put.answer(Outcome(ECA_PUTFAIL, "an acknowledgement needs a severity"))
            return
        (argument,) = unpack_from(">H", put.payload)
        if put.dbr_type == dbr.PUT_ACKT and argument != self.ackt:
            self.ackt = int(bool(argument))
            if not self.ackt and self.acks > self.severity:
                self.acks = self.severity
            self._acknowledged("ACKT", "ACKS")
        elif put.dbr_type == dbr.PUT_ACKS and argument >= self.acks:
            self.acks = AlarmSeverity.NO_ALARM
            self._acknowledged("ACKS")
        put.answer(DONE)

    def _acknowledged(self, *fields: str) -> None:
        self.forget_images()
        self.touch_fields(*fields, mask=dbr.Mask.VALUE | dbr.Mask.ALARM)
        self.post(dbr.Mask.ALARM)
