"""What a record shows: value, alarm, time stamp, and when each of them is published.

Publishing is synchronous and atomic: it never suspends, never calls a putter, and refuses a wrong
type before anything is stored. Knows its fields and watchers; knows no client's put.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from iocs.caserver import dbr
from iocs.caserver.alarms import FINE, UNDEFINED, Alarm, AlarmSeverity, AlarmStatus, worse
from iocs.caserver.served import Served

if TYPE_CHECKING:
    from iocs.caserver.fields import Field

T = TypeVar("T")

CHANGED = dbr.Mask.VALUE | dbr.Mask.LOG


class Published(Served, Generic[T]):
    """Base of `Record`. `T` is the Python type of the value; `on_change` is told of every new one."""

    def __init__(self, name: str, value: T, *, heartbeat_s: float) -> None:
        super().__init__(name)
        self.heartbeat_s = heartbeat_s
        self.on_change: Callable[[], None] | None = None
        self.updated = False
        self.ackt = 1
        self.acks = AlarmSeverity.NO_ALARM
        self._value = value
        self._alarm = UNDEFINED
        self._given = FINE
        self._timestamp = float(dbr.EPICS_EPOCH)
        self._last_post = 0.0
        self._fields: dict[str, Field] = {}

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
