"""The PV factory: what a subsystem's `pvs.py` is written in.

The functions here make the attributes of a Group (group.py). Knows kinds of PVs and their options; knows no
instrument, no configuration and no server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack, cast

from iocs.caserver import (
    AlarmSeverity,
    Analog,
    Characters,
    Choice,
    Flag,
    Integer,
    Integers,
    Text,
    Texts,
    Waveform,
)
from iocs.caserver.states import check_states
from iocs.common.build import limit
from iocs.common.group import Definition
from iocs.common.spec import AlarmPolicy, Archive, Kind, Spec

Range = tuple[float | None, float | None]


class Common(TypedDict, total=False):
    """Options every PV takes."""

    archive: Archive | None
    alarm: AlarmPolicy | None
    saved: bool
    access: str
    heartbeat_s: float
    source: str
    writable: bool


class Numbers(Common, total=False):
    """Options of every number."""

    unit: str
    precision: int
    display: Range | None
    drive: Range | None
    clip: bool
    hihi: float | None
    high: float | None
    low: float | None
    lolo: float | None
    severities: Sequence[AlarmSeverity]
    hyst: float
    deadband: float
    initial: float | None


def _number(kind: Kind, name: str, desc: str, options: Numbers) -> Definition:
    given = cast(dict[str, Any], dict(options))
    for key in ("hihi", "high", "low", "lolo"):
        given[key] = limit(given.get(key))
    given["drive"] = _range(given.get("drive"))
    given["display"] = _range(given["display"]) if given.get("display") else None
    given["severities"] = tuple(given.get("severities", ()))
    return Definition(Spec(kind, name, desc, **given))


def _range(given: Range | None) -> tuple[float, float]:
    low, high = given or (None, None)
    return limit(low), limit(high)


def readback(name: str, desc: str, **options: Unpack[Numbers]) -> Analog:
    """A measured number (ai)."""
    return cast(Analog, _number(Kind.READBACK, name, desc, options))


def setpoint(name: str, desc: str, **options: Unpack[Numbers]) -> Analog:
    """A demanded number (ao). Outside of `drive` it is refused, or clipped with `clip=True`."""
    return cast(Analog, _number(Kind.SETPOINT, name, desc, options))


def counter(name: str, desc: str, **options: Unpack[Numbers]) -> Analog:
    """A count that may pass 32 bit (ai, precision 0)."""
    return cast(Analog, _number(Kind.COUNTER, name, desc, options))


def integer(name: str, desc: str, **options: Unpack[Numbers]) -> Integer:
    """A whole number of 32 bit (longin, longout)."""
    return cast(Integer, _number(Kind.INTEGER, name, desc, options))


def choice(
    name: str,
    desc: str,
    states: Sequence[str],
    *,
    severities: Mapping[str, AlarmSeverity] | None = None,
    cosv: AlarmSeverity = AlarmSeverity.NO_ALARM,
    initial: int | str | None = None,
    **options: Unpack[Common],
) -> Choice:
    """One of up to 16 named states (mbbi, mbbo); `severities` by state name."""
    return cast(Choice, _states(Kind.CHOICE, name, desc, states, severities, cosv, initial, options))


def flag(
    name: str,
    desc: str,
    states: Sequence[str] = ("Off", "On"),
    *,
    severities: Mapping[str, AlarmSeverity] | None = None,
    cosv: AlarmSeverity = AlarmSeverity.NO_ALARM,
    initial: int | str | None = None,
    **options: Unpack[Common],
) -> Flag:
    """Two states (bi, bo)."""
    return cast(Flag, _states(Kind.FLAG, name, desc, states, severities, cosv, initial, options))


def command(name: str, desc: str, label: str = "Do", **options: Unpack[Common]) -> Flag:
    """A button (bo): a put of 1 calls `put_<attribute>` and falls back to 0; a put of 0 does nothing."""
    return cast(
        Flag,
        _states(Kind.COMMAND, name, desc, ("Ready", label), None, AlarmSeverity.NO_ALARM, 0, options),
    )


def _states(
    kind: Kind,
    name: str,
    desc: str,
    states: Sequence[str],
    severities: Mapping[str, AlarmSeverity] | None,
    cosv: AlarmSeverity,
    initial: int | str | None,
    options: Common,
) -> Definition:
    labels = check_states(name, states)
    unknown = set(severities or ()) - set(labels)
    if unknown:
        raise ValueError(f"PV {name!r}: severities of unknown states {', '.join(sorted(unknown))}")
    graded = tuple((severities or {}).get(s, AlarmSeverity.NO_ALARM) for s in labels)
    return Definition(
        Spec(kind, name, desc, states=labels, severities=graded, cosv=cosv, initial=initial, **options)
    )


def text(
    name: str, desc: str, *, max_length: int = 39, initial: str | None = None, **options: Unpack[Common]
) -> Text:
    """Words (stringin, stringout; lsi, lso beyond 39 bytes: whole under `NAME.VAL$`)."""
    return cast(
        Text, Definition(Spec(Kind.TEXT, name, desc, max_length=max_length, initial=initial, **options))
    )


class Arrays(Common, total=False):
    """Options of an array of numbers."""

    unit: str
    precision: int
    display: tuple[float, float] | None


def waveform(name: str, desc: str, max_length: int, **options: Unpack[Arrays]) -> Waveform:
    """An array of doubles, filled up with NaN (waveform, FTVL DOUBLE)."""
    return cast(Waveform, _array(Kind.WAVEFORM, name, desc, max_length, {"precision": 3, **options}))


def integers(name: str, desc: str, max_length: int, **options: Unpack[Arrays]) -> Integers:
    """An array of whole numbers of 32 bit, filled up with 0 for clients (waveform, FTVL LONG)."""
    return cast(Integers, _array(Kind.INTEGERS, name, desc, max_length, options))


def texts(name: str, desc: str, max_length: int, **options: Unpack[Common]) -> Texts:
    """Up to `max_length` texts of 39 bytes each, such as a table of events (waveform, FTVL STRING)."""
    return cast(Texts, _array(Kind.TEXTS, name, desc, max_length, options))


def characters(name: str, desc: str, max_length: int, **options: Unpack[Common]) -> Characters:
    """One text of up to `max_length` bytes as characters (waveform, FTVL CHAR).

    For what must be read without `$`; a `text` is what operators expect otherwise.
    """
    return cast(Characters, _array(Kind.CHARACTERS, name, desc, max_length, options))


def _array(kind: Kind, name: str, desc: str, max_length: int, options: Mapping[str, Any]) -> Definition:
    return Definition(Spec(kind, name, desc, max_length=max_length, **options))
