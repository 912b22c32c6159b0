"""A record: its fields, and what becomes of the puts of clients. Knows no socket and no instrument."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from struct import unpack_from
from typing import Any, Generic, TypeVar

from caproto import AccessRights

from iocs.caserver import dbr
from iocs.caserver.alarms import FINE, AlarmSeverity
from iocs.caserver.fields import Field, FieldTable
from iocs.caserver.published import Published
from iocs.caserver.puts import DONE, Client, Job, Outcome, Put, PutQueue, Refused, Report, describe
from iocs.caserver.served import Served
from iocs.caserver.wire import ECA_NOWTACCESS, ECA_PUTFAIL

T = TypeVar("T")

MAX_DESC = 40
NO_ACCESS = "no write access"
EVERYTHING = AccessRights.READ | AccessRights.WRITE


class Record(Published[T], Generic[T]):
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
        super().__init__(name, value, heartbeat_s=heartbeat_s)
        self.desc = desc
        self.writable = writable
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
        self.keep: Callable[[], Awaitable[None]] | None = None
        self.keep_settings: Callable[[], Awaitable[None]] | None = None
        self.rules: Callable[[Client, str], AccessRights] | None = None
        self.on_put: Callable[[Report], None] | None = None
        self._puts: PutQueue | None = None

    # -- reading ---------------------------------------------------------------------------------

    @property
    def record_type(self) -> str:
        return self.record_types[self.writable]

    def acknowledgement(self) -> tuple[int, int]:
        return self.ackt, self.acks

    # -- settings --------------------------------------------------------------------------------

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
