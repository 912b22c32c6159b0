"""Which fields each record type has, and what reading and writing them means.

Tables only; types and menus as in the .dbd files of EPICS base.
"""

from __future__ import annotations

import math
from typing import Any

from iocs.caserver import dbr
from iocs.caserver.alarms import AlarmSeverity, AlarmStatus
from iocs.caserver.fields import FieldDef
from iocs.caserver.puts import Refused
from iocs.caserver.record import MAX_DESC

N = dbr.Native
SCAN_MENU = (
    *("Passive", "Event", "I/O Intr", "10 second", "5 second", "2 second", "1 second"),
    *(".5 second", ".2 second", ".1 second"),
)
SEVERITY_MENU = tuple(s.name for s in AlarmSeverity)
STATUS_MENU = tuple(s.name for s in AlarmStatus)
FTYPE_MENU = (
    "STRING",
    "CHAR",
    "UCHAR",
    "SHORT",
    "USHORT",
    "LONG",
    "ULONG",
    "INT64",
    "UINT64",
    "FLOAT",
    "DOUBLE",
    "ENUM",
)
MAX_UNITS = 15
STATE_NAMES = ("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV", "EI", "NI", "TE", "EL", "TV", "TT", "FT", "FF")


def _set_desc(record: Any, text: str) -> None:
    if len(dbr.encode_text(text)) > MAX_DESC:
        raise Refused(f"DESC takes at most {MAX_DESC} characters")
    record.desc = text
    record.touch("DESC", metadata=False)


def _set_plain(attribute: str, field: str) -> Any:
    def put(record: Any, value: Any) -> None:
        setattr(record, attribute, value)
        record.touch(field, metadata=False)

    return put


async def _scan(record: Any, index: int) -> None:
    if record.on_scan is None:
        raise Refused("SCAN of this record is fixed")
    waiting = record.on_scan(SCAN_MENU[index])
    if waiting is not None:
        await waiting
    record.scan = SCAN_MENU[index]
    record.touch("SCAN", metadata=False)


async def _process(record: Any, value: int) -> None:
    if record.process is not None:
        await record.process()
    else:
        record.reassess()


def _double(name: str) -> FieldDef:
    key = name.lower()
    return FieldDef(N.DOUBLE, lambda r: r.setting(key), lambda r, v: r.reconfigure(**{key: v}))


def _long(name: str) -> FieldDef:
    key = name.lower()

    def get(record: Any) -> float | int:
        value = record.setting(key)
        return 0 if math.isnan(value) else value

    return FieldDef(N.LONG, get, lambda r, v: r.reconfigure(**{key: v}))


def _severity(name: str) -> FieldDef:
    key = name.lower()
    return FieldDef(
        N.ENUM,
        lambda r: r.setting(key),
        lambda r, v: r.reconfigure(**{key: AlarmSeverity(v)}),
        SEVERITY_MENU,
    )


COMMON = {
    "NAME": FieldDef(N.STRING, lambda r: r.name, capacity=61),
    "RTYP": FieldDef(N.STRING, lambda r: r.record_type),
    "DESC": FieldDef(N.STRING, lambda r: r.desc, _set_desc, capacity=41),
    "ASG": FieldDef(N.STRING, lambda r: r.asg, capacity=29),
    "SCAN": FieldDef(
        N.ENUM,
        lambda r: SCAN_MENU.index(r.scan),
        menu=SCAN_MENU,
        later=_scan,
        permitted=lambda r: r.on_scan is not None,
    ),
    "PROC": FieldDef(N.CHAR, lambda r: 0, later=_process),
    "DISP": FieldDef(N.CHAR, lambda r: r.disp, _set_plain("disp", "DISP")),
    "UDF": FieldDef(N.CHAR, lambda r: int(r.status == AlarmStatus.UDF)),
    "STAT": FieldDef(N.ENUM, lambda r: r.status, menu=STATUS_MENU),
    "SEVR": FieldDef(N.ENUM, lambda r: r.severity, menu=SEVERITY_MENU),
    "ACKS": FieldDef(N.ENUM, lambda r: r.acks, menu=SEVERITY_MENU),
    "ACKT": FieldDef(N.ENUM, lambda r: r.ackt, menu=("NO", "YES")),
}

_EGU = FieldDef(
    N.STRING, lambda r: r.units, lambda r, v: r.reconfigure(units=dbr.clip_text(v, MAX_UNITS)), capacity=16
)
_PREC = FieldDef(N.INT, lambda r: r.precision, lambda r, v: r.reconfigure(precision=v))
_BOUNDS = ("HOPR", "LOPR", "DRVH", "DRVL", "HIHI", "HIGH", "LOW", "LOLO", "HYST", "MDEL", "ADEL")
_SEVERITIES = {n: _severity(n) for n in ("HHSV", "HSV", "LSV", "LLSV")}

ANALOG = {**COMMON, "EGU": _EGU, "PREC": _PREC, **{n: _double(n) for n in _BOUNDS}, **_SEVERITIES}
INTEGER = {**COMMON, "EGU": _EGU, **{n: _long(n) for n in _BOUNDS}, **_SEVERITIES}


def _state_name(index: int) -> FieldDef:
    return FieldDef(
        N.STRING,
        lambda r: r.state_name(index),
        lambda r, v: r.rename_state(index, v),
        capacity=dbr.STATE_SIZE,
    )


def _state_severity(index: int) -> FieldDef:
    return FieldDef(
        N.ENUM,
        lambda r: r.state_severity(index),
        lambda r, v: r.set_state_severity(index, AlarmSeverity(v)),
        SEVERITY_MENU,
    )


_COSV = _severity("COSV")

FLAG = {
    **COMMON,
    "ZNAM": _state_name(0),
    "ONAM": _state_name(1),
    "ZSV": _state_severity(0),
    "OSV": _state_severity(1),
    "COSV": _COSV,
}
CHOICE = {
    **COMMON,
    **{f"{n}ST": _state_name(i) for i, n in enumerate(STATE_NAMES)},
    **{f"{n}SV": _state_severity(i) for i, n in enumerate(STATE_NAMES)},
    "COSV": _COSV,
    "UNSV": _severity("UNSV"),
}
TEXT = COMMON
LONG_TEXT = {
    **COMMON,
    "SIZV": FieldDef(N.LONG, lambda r: r.longest + 1),
    "LEN": FieldDef(N.DOUBLE, lambda r: len(dbr.encode_text(r.value)) + 1 if r.updated else 0),
}
WAVEFORM = {
    **COMMON,
    "EGU": _EGU,
    "PREC": _PREC,
    "HOPR": _double("HOPR"),
    "LOPR": _double("LOPR"),
    "NELM": FieldDef(N.DOUBLE, lambda r: r.elements),
    "NORD": FieldDef(N.DOUBLE, lambda r: r.used),
    "FTVL": FieldDef(N.ENUM, lambda r: FTYPE_MENU.index(r.ftvl), menu=FTYPE_MENU),
}
