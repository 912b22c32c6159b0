"""What Analog and Integer share: units, ranges, limits, deadbands, and how a client's number is taken."""

from __future__ import annotations

import math
from typing import Any, Generic, TypeVar

import numpy as np

from iocs.caserver import dbr
from iocs.caserver.alarms import DEFAULT_SEVERITIES, FINE, Alarm, AlarmSeverity, Limits, changed_beyond
from iocs.caserver.puts import Refused
from iocs.caserver.record import Record
from iocs.caserver.served import Slice

T = TypeVar("T", bound=float)

_SEVERITY_OF = {"hihi": "hhsv", "high": "hsv", "low": "lsv", "lolo": "llsv"}
_LIMIT_KEYS = {*_SEVERITY_OF, *_SEVERITY_OF.values(), "hyst"}
_FINITE_KEYS = {"hopr", "lopr", "hyst", "mdel", "adel"}
_OTHER_KEYS = {"units", "precision"}
NAN = math.nan


class Numeric(Record[T], Generic[T]):
    """A number with units, display and drive range, alarm limits and deadbands.

    Limits are NaN when off; a limit given in code without a severity gets the usual one. HOPR and LOPR
    are for display only; DRVH and DRVL refuse a client's put, or clip it where `clip` is set.
    """

    def __init__(
        self,
        name: str,
        value: T,
        *,
        units: str = "",
        precision: int = 0,
        display: tuple[float, float] | None = None,
        drive: tuple[float, float] = (NAN, NAN),
        clip: bool = False,
        hihi: float = NAN,
        high: float = NAN,
        low: float = NAN,
        lolo: float = NAN,
        hhsv: AlarmSeverity | None = None,
        hsv: AlarmSeverity | None = None,
        lsv: AlarmSeverity | None = None,
        llsv: AlarmSeverity | None = None,
        hyst: float = 0.0,
        mdel: float = 0.0,
        adel: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(name, value, **options)
        self.units = units
        self.precision = precision
        self.drvl, self.drvh = map(float, drive)
        shown = display if display is not None else drive
        self.lopr, self.hopr = (0.0 if math.isnan(x) else float(x) for x in shown)
        self.clip = clip
        self.mdel = float(mdel)
        self.adel = float(adel)
        self.limits = Limits(hyst=float(hyst))
        self.quiet = False
        """While set, the limits stay but are not judged: the value means nothing at present."""
        self._mlst: float = value
        self._alst: float = value
        self._set_limits(hihi=hihi, high=high, low=low, lolo=lolo)
        self._set_limits(hhsv=hhsv, hsv=hsv, lsv=lsv, llsv=llsv)

    # -- settings --------------------------------------------------------------------------------

    def reconfigure(
        self,
        *,
        units: str | None = None,
        precision: int | None = None,
        display: tuple[float, float] | None = None,
        drive: tuple[float, float] | None = None,
        hopr: float | None = None,
        lopr: float | None = None,
        drvh: float | None = None,
        drvl: float | None = None,
        hihi: float | None = None,
        high: float | None = None,
        low: float | None = None,
        lolo: float | None = None,
        hhsv: AlarmSeverity | None = None,
        hsv: AlarmSeverity | None = None,
        lsv: AlarmSeverity | None = None,
        llsv: AlarmSeverity | None = None,
        hyst: float | None = None,
        mdel: float | None = None,
        adel: float | None = None,
    ) -> None:
        """Change settings; published as properties, and the present value is judged anew.

        None leaves a setting as it is, NaN switches a limit off.
        """
        given = {k: v for k, v in locals().items() if v is not None and k not in ("self", "__class__")}
        if "display" in given:
            given["lopr"], given["hopr"] = given.pop("display")
        if "drive" in given:
            given["drvl"], given["drvh"] = given.pop("drive")
        for key in _FINITE_KEYS & given.keys():
            if not math.isfinite(given[key]):
                raise ValueError(f"{self.name}: {_field_name(key)} must be finite, not {given[key]}")
        changed = {k: v for k, v in given.items() if not _same(self.setting(k), v)}
        if changed:
            self._set(changed)
            metadata = not changed.keys() <= {"hyst", "mdel", "adel"}
            self.touch(*(_field_name(k) for k in changed), metadata=metadata)

    def _set(self, changed: dict[str, Any]) -> None:
        limits = {k: v for k, v in changed.items() if k in _LIMIT_KEYS}
        self._set_limits(**limits)
        for key in changed.keys() - limits.keys():
            setattr(self, key, changed[key] if key in _OTHER_KEYS else float(changed[key]))

    def _set_limits(self, **given: Any) -> None:
        for key, value in given.items():
            if value is None:
                continue
            previous = getattr(self.limits, key)
            setattr(self.limits, key, value if isinstance(value, AlarmSeverity) else float(value))
            severity = _SEVERITY_OF.get(key)
            if severity and math.isnan(previous) and not math.isnan(value) and severity not in given:
                if not getattr(self.limits, severity):
                    setattr(self.limits, severity, DEFAULT_SEVERITIES[key])

    def setting(self, key: str) -> Any:
        """A setting by the lower-case name of its field (`units` for EGU)."""
        return getattr(self.limits if key in _LIMIT_KEYS else self, key)

    # -- record ----------------------------------------------------------------------------------

    def judge(self) -> Alarm:
        return FINE if self.quiet and not math.isnan(self.value) else self.limits.judge(self.value)

    def change_mask(self, new: T) -> int:
        mask = 0
        if changed_beyond(self._mlst, new, self.mdel):
            self._mlst = new
            mask |= dbr.Mask.VALUE
        if changed_beyond(self._alst, new, self.adel):
            self._alst = new
            mask |= dbr.Mask.LOG
        return mask

    def metadata(self) -> dbr.Metadata:
        limits = self.limits
        return dbr.Metadata(
            dbr.encode_text(self.units),
            self.precision,
            (
                self.hopr,
                self.lopr,
                limits.active("hihi"),
                limits.active("high"),
                limits.active("low"),
                limits.active("lolo"),
                self.hopr if math.isnan(self.drvh) else self.drvh,
                self.lopr if math.isnan(self.drvl) else self.drvl,
            ),
        )

    def body(self, native: int, long: bool, part: Slice | None) -> tuple[bytes, int]:
        return dbr.number_body(self.value, native, self.precision), 1

    def check(self, value: T) -> T:
        for limit, name, beyond in ((self.drvh, "above DRVH", 1), (self.drvl, "below DRVL", -1)):
            if not math.isnan(limit) and (value - limit) * beyond > 0:
                if not self.clip:
                    raise Refused(f"{value:g} {name} {limit:g} {self.units}".rstrip())
                return type(value)(limit)
        return value


def _same(old: Any, new: Any) -> bool:
    return bool(old == new or (old != old and new != new))


def _field_name(key: str) -> str:
    return {"units": "EGU", "precision": "PREC"}.get(key, key.upper())


def number_from_client(raw: dbr.Value | list[str]) -> float | int:
    """One number out of what a client sent. Raises ValueError."""
    if isinstance(raw, list | np.ndarray | bytes):
        if not len(raw):
            raise ValueError("a value is expected")
        raw = raw[0]
    if isinstance(raw, str):
        return dbr.parse_number(raw) if raw.strip() else 0.0
    return raw if isinstance(raw, int) else float(raw)
