"""Alarm states and the rules by which a value gets one, as EPICS base has them.

Pure: knows numbers, limits and severities. Knows no record, no network and no clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple


class AlarmStatus(IntEnum):
    """Why a record is in alarm (menuAlarmStat of EPICS base)."""

    NO_ALARM = 0
    READ = 1
    WRITE = 2
    HIHI = 3
    HIGH = 4
    LOLO = 5
    LOW = 6
    STATE = 7
    COS = 8
    COMM = 9
    TIMEOUT = 10
    HWLIMIT = 11
    CALC = 12
    SCAN = 13
    LINK = 14
    SOFT = 15
    BAD_SUB = 16
    UDF = 17
    DISABLE = 18
    SIMM = 19
    READ_ACCESS = 20
    WRITE_ACCESS = 21


class AlarmSeverity(IntEnum):
    """How bad it is (menuAlarmSevr of EPICS base)."""

    NO_ALARM = 0
    MINOR = 1
    MAJOR = 2
    INVALID = 3


class Alarm(NamedTuple):
    """One alarm state."""

    status: AlarmStatus
    severity: AlarmSeverity


FINE = Alarm(AlarmStatus.NO_ALARM, AlarmSeverity.NO_ALARM)
UNDEFINED = Alarm(AlarmStatus.UDF, AlarmSeverity.INVALID)

# Severity a limit gets when it is defined in code without one.
DEFAULT_SEVERITIES = {
    "hihi": AlarmSeverity.MAJOR,
    "high": AlarmSeverity.MINOR,
    "low": AlarmSeverity.MINOR,
    "lolo": AlarmSeverity.MAJOR,
}


def worse(first: Alarm, second: Alarm) -> Alarm:
    """The graver of two alarms; the first one where they are equally grave (recGblSetSevr)."""
    return second if second.severity > first.severity else first


@dataclass(slots=True)
class Limits:
    """Four limits with severities and hysteresis. A NaN limit or a NO_ALARM severity is off."""

    hihi: float = math.nan
    high: float = math.nan
    low: float = math.nan
    lolo: float = math.nan
    hhsv: AlarmSeverity = AlarmSeverity.NO_ALARM
    hsv: AlarmSeverity = AlarmSeverity.NO_ALARM
    lsv: AlarmSeverity = AlarmSeverity.NO_ALARM
    llsv: AlarmSeverity = AlarmSeverity.NO_ALARM
    hyst: float = 0.0
    last_level: float = math.nan
    """Limit that is in alarm, or the last value when none is (LALM): what hysteresis is measured from."""

    def judge(self, value: float) -> Alarm:
        """Alarm of `value`; remembers the level for the hysteresis of the next call."""
        if math.isnan(value):
            return UNDEFINED
        for limit, severity, status, above in self._by_gravity():
            if severity and self._beyond(value, limit, above):
                self.last_level = limit
                return Alarm(status, severity)
        self.last_level = value
        return FINE

    def _by_gravity(self) -> tuple[tuple[float, AlarmSeverity, AlarmStatus, bool], ...]:
        return (
            (self.hihi, self.hhsv, AlarmStatus.HIHI, True),
            (self.lolo, self.llsv, AlarmStatus.LOLO, False),
            (self.high, self.hsv, AlarmStatus.HIGH, True),
            (self.low, self.lsv, AlarmStatus.LOW, False),
        )

    def _beyond(self, value: float, limit: float, above: bool) -> bool:
        margin = self.hyst if self.last_level == limit else 0.0
        return value >= limit - margin if above else value <= limit + margin

    def active(self, limit: str) -> float:
        """The limit as clients draw it: NaN while its severity is NO_ALARM."""
        severity = {"hihi": self.hhsv, "high": self.hsv, "low": self.lsv, "lolo": self.llsv}[limit]
        value: float = getattr(self, limit)
        return value if severity else math.nan


@dataclass(slots=True)
class StateAlarms:
    """One severity per state, one for a value without a state, one for any change (COSV)."""

    severities: list[AlarmSeverity] = field(default_factory=list)
    unsv: AlarmSeverity = AlarmSeverity.NO_ALARM
    cosv: AlarmSeverity = AlarmSeverity.NO_ALARM
    last_index: int | None = None

    def judge(self, index: int) -> Alarm:
        """Alarm of a state index; a change of state is remembered for COSV."""
        known = 0 <= index < len(self.severities)
        severity = self.severities[index] if known else self.unsv
        alarm = Alarm(AlarmStatus.STATE, severity) if severity else FINE
        if self.last_index not in (None, index):
            alarm = worse(alarm, Alarm(AlarmStatus.COS, self.cosv))
        self.last_index = index
        return alarm


def changed_beyond(old: float, new: float, deadband: float) -> bool:
    """EPICS' deadband rule (recGblCheckDeadband): a change of finiteness always counts."""
    if math.isfinite(old) and math.isfinite(new):
        return abs(new - old) > deadband
    if math.isnan(old) or math.isnan(new):
        return math.isnan(old) != math.isnan(new)
    return old != new
