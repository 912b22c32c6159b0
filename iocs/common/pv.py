"""The PV factory: what a subsystem's `pvs.py` is written in.

A Group is a class whose attributes are PVs; a method `put_<attribute>` makes a PV writable. Knows
records and specs; knows no instrument, no configuration and no server.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypedDict, Unpack, cast

from iocs.caserver import (
    AlarmSeverity,
    AlarmStatus,
    Analog,
    Characters,
    Choice,
    Flag,
    Integer,
    Integers,
    Record,
    Text,
    Texts,
    Waveform,
)
from iocs.caserver.states import check_states
from iocs.common.build import build, limit
from iocs.common.spec import AlarmPolicy, Archive, Kind, Spec

log = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class Definition:
    """A PV as a class attribute, before its Group gives it a name and a record."""

    spec: Spec


class Hooks(Protocol):
    """What an IOC does with every put of every group."""

    def refused(self, record: Record[Any], reason: str, value: Any, user: str, host: str) -> None:
        """A put was refused."""

    def written(self, record: Record[Any], old: Any, new: Any, user: str, host: str) -> None:
        """A put was carried out."""


class NoHooks:
    """Refusals are logged."""

    def refused(self, record: Record[Any], reason: str, value: Any, user: str, host: str) -> None:
        """Log it."""
        log.info("%s: put of %r by %s@%s refused: %s", record.name, value, user, host, reason)

    def written(self, record: Record[Any], old: Any, new: Any, user: str, host: str) -> None:
        """Nothing to do."""


# -- definitions ---------------------------------------------------------------------------------


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


# -- groups --------------------------------------------------------------------------------------


class Group:
    """PVs under one prefix, declared as class attributes.

        class Channel(Group):
            flow = readback("Flow", "Measured flow", unit="ln/min", source="device")
            setpoint = setpoint("Setpoint", "Demanded flow", unit="ln/min", drive=(0, 10))

            async def put_setpoint(self, value: float) -> float | None: ...

    `put_<attribute>` gets the checked value (a float, int or str; the index of a state), raises Refused
    to refuse, and returns what to store or None for the value as sent. (An attribute named like a
    factory, `setpoint = setpoint(...)`, would hide the factory from the lines below it.)
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        names = [d.spec.name for _, d in _definitions(cls)]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise ValueError(f"{cls.__name__}: defined twice: {', '.join(sorted(twice))}")

    def __init__(self, prefix: str, *, hooks: Hooks | None = None) -> None:
        self.prefix = prefix
        self.hooks: Hooks = hooks or NoHooks()
        self.records: dict[str, Record[Any]] = {}
        self.pvdb: dict[str, Record[Any]] = {}
        for attribute, definition in _definitions(type(self)):
            setattr(self, attribute, self.add(attribute, definition))

    def add(self, attribute: str, definition: Any, **changes: Any) -> Any:
        """One more PV, made by a factory function above, with some options of its Spec changed.

        For what only configuration knows. Its put method, if any, is looked up as for the others.
        """
        spec = replace(definition.spec, **changes)
        putter = getattr(self, f"put_{attribute}", None)
        record = build(spec, self.prefix + spec.name, writable=putter is not None or spec.writable)
        if record.name in self.pvdb:
            raise ValueError(f"{record.name} exists already")
        record.putter = putter
        self._wire(record)
        self.records[attribute] = self.pvdb[record.name] = record
        return record

    def _wire(self, record: Record[Any]) -> None:
        record.on_refused = lambda *what: self.refused(record, *what)
        record.on_written = lambda *what: self.written(record, *what)

    def refused(self, record: Record[Any], reason: str, value: Any, user: str, host: str) -> None:
        """A put was refused; say so where operators look."""
        self.hooks.refused(record, reason, value, user, host)

    def written(self, record: Record[Any], old: Any, new: Any, user: str, host: str) -> None:
        """A put was carried out."""
        self.hooks.written(record, old, new, user, host)

    def set_invalid(
        self,
        status: AlarmStatus = AlarmStatus.COMM,
        *,
        source: str = "device",
        timestamp: float | None = None,
    ) -> None:
        """Mark every PV that `source` feeds; the values stay."""
        for record in self.records.values():
            if record.spec.source == source:
                record.set_invalid(status, timestamp=timestamp)

    @property
    def specs(self) -> dict[str, Spec]:
        """Full name to Spec."""
        return {name: record.spec for name, record in self.pvdb.items()}


def _definitions(cls: type) -> Iterator[tuple[str, Definition]]:
    """Those of a class before those it inherits, so that a table begins with what is particular."""
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        for name, value in vars(base).items():
            found.setdefault(name, value)
    return ((name, value) for name, value in found.items() if isinstance(value, Definition))


def merge(groups: Iterable[Group]) -> dict[str, Record[Any]]:
    """One table of all PVs. Raises ValueError for a name that two groups serve."""
    pvdb: dict[str, Record[Any]] = {}
    for group in groups:
        twice = pvdb.keys() & group.pvdb.keys()
        if twice:
            raise ValueError(f"served twice: {', '.join(sorted(twice))}")
        pvdb.update(group.pvdb)
    return pvdb
