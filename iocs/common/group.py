"""PVs under one prefix, declared as a class: from definitions to records.

A method `put_<attribute>` makes a PV writable. Knows records and specs; knows no instrument, no configuration
and no server.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from iocs.caserver import AlarmStatus, Record
from iocs.common.build import build
from iocs.common.spec import Spec

log = logging.getLogger(__name__)


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
