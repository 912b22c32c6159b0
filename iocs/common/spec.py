"""What is declared once about a PV: everything that lists, trees, tables and checks derive from.

Frozen data. Knows the meaning of a PV to people and tools; knows no instrument and no server.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from iocs.caserver import AlarmSeverity

NAN = math.nan
MAX_DESC = 40
ACCESS_GROUPS = ("DEFAULT", "OPERATE", "CONFIGURE", "SAFETY", "RESTART")
RESERVED = ("RESTART",)
"""Groups whose PVs nobody may write unless access rules say so."""


class Kind(Enum):
    """How a PV is meant; with its being writable this decides the record type."""

    READBACK = "readback"
    SETPOINT = "setpoint"
    COUNTER = "counter"
    INTEGER = "integer"
    CHOICE = "choice"
    FLAG = "flag"
    COMMAND = "command"
    TEXT = "text"
    WAVEFORM = "waveform"
    INTEGERS = "integers"
    TEXTS = "texts"
    CHARACTERS = "characters"


@dataclass(frozen=True)
class Archive:
    """How the archiver samples a PV: at most every `period_s`, on changes beyond `deadband` (ADEL)."""

    period_s: float = 1.0
    deadband: float = 0.0
    method: str = "MONITOR"

    def __post_init__(self) -> None:
        if self.period_s <= 0 or self.deadband < 0 or self.method not in ("MONITOR", "SCAN"):
            raise ValueError(f"archive policy {self}: period > 0, deadband >= 0, MONITOR or SCAN expected")


@dataclass(frozen=True)
class AlarmPolicy:
    """An actionable alarm: what the operator should do, and how the alarm server treats it."""

    guidance: str
    delay_s: float = 0.0
    latching: bool = True
    annunciating: bool = False
    description: str = ""
    filter: str = ""

    def __post_init__(self) -> None:
        if not self.guidance or self.delay_s < 0 or len(self.description) > 80:
            raise ValueError("an alarm policy needs guidance, a delay >= 0 and at most 80 characters of text")


@dataclass(frozen=True)
class Spec:
    """One PV as declared. Limits are NaN where there is none; `name` is without the prefix."""

    kind: Kind
    name: str
    desc: str
    unit: str = ""
    precision: int = 0
    display: tuple[float, float] | None = None
    drive: tuple[float, float] = (NAN, NAN)
    clip: bool = False
    hihi: float = NAN
    high: float = NAN
    low: float = NAN
    lolo: float = NAN
    severities: tuple[AlarmSeverity, ...] = ()
    """Of the states of a choice or flag; of HIHI, HIGH, LOW, LOLO of a number (default MAJOR, MINOR)."""
    cosv: AlarmSeverity = AlarmSeverity.NO_ALARM
    hyst: float = 0.0
    deadband: float = 0.0
    states: tuple[str, ...] = ()
    max_length: int = 39
    source: str = ""
    """What feeds the PV; everything fed by "device" goes INVALID with the instrument."""
    archive: Archive | None = None
    alarm: AlarmPolicy | None = None
    saved: bool = False
    access: str = "DEFAULT"
    heartbeat_s: float = 60.0
    initial: float | int | str | None = None
    writable: bool = False
    """Writable without a `put_` method: the value is stored and that is all."""

    def __post_init__(self) -> None:
        problems = [text for wrong, text in self._rules() if wrong]
        if problems:
            raise ValueError(f"PV {self.name!r}: {'; '.join(problems)}")

    def _rules(self) -> list[tuple[bool, str]]:
        low, high = self.drive
        numbers = [x for x in (self.lolo, self.low, self.high, self.hihi) if not math.isnan(x)]
        return [
            (not self.name or any(c in self.name for c in " .{}$\"'"), "the name is empty or has . { } $"),
            (len(self.desc) > MAX_DESC, f"DESC has {len(self.desc)} characters, {MAX_DESC} are allowed"),
            (not self.desc, "DESC is missing"),
            (self.access not in ACCESS_GROUPS, f"access must be one of {', '.join(ACCESS_GROUPS)}"),
            (low > high, f"the drive range {low:g} to {high:g} is upside down"),
            (numbers != sorted(numbers), "the limits are not in the order LOLO, LOW, HIGH, HIHI"),
            (self.deadband < 0 or self.hyst < 0, "deadband and hysteresis must not be negative"),
            (len(self.unit.encode()) > 15, "the unit is longer than 15 bytes"),
        ]
