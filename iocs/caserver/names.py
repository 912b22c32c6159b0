"""From a name a client searches to what is served under it: fields, `$` and channel filters.

Knows caproto's grammar of names and filters. Rejects a foreign name at the cost of two look-ups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from caproto import CaprotoError, parse_record_field
from caproto._utils import RecordModifiers, parse_channel_filter

from iocs.caserver import dbr
from iocs.caserver.record import Record
from iocs.caserver.served import Image, Served, Slice

MAX_KEPT = 20_000


class Deadband(NamedTuple):
    """The `dbnd` filter."""

    relative: bool
    width: float


class Target(NamedTuple):
    """What a channel is connected to."""

    source: Served
    long: bool = False
    part: Slice | None = None
    stamp_now: bool = False
    deadband: Deadband | None = None

    @property
    def native(self) -> dbr.Native:
        """Type announced to the client."""
        return dbr.Native.CHAR if self.long else self.source.native

    @property
    def elements(self) -> int:
        """Number of elements announced to the client."""
        if self.long:
            return self.source.text_capacity
        whole = self.source.elements
        return whole if self.part is None else len(range(*slice(*self.part).indices(whole)))

    def image(self, dbr_type: int, count: int) -> Image:
        """The payload of a read. Raises ValueError or OverflowError if there is none."""
        if dbr_type > dbr.LAST_TYPE or dbr_type in (dbr.PUT_ACKT, dbr.PUT_ACKS):
            raise ValueError(f"data type {dbr_type} cannot be read")
        if count > max(self.elements, 1):
            raise ValueError(f"{count} elements asked, there are {self.elements}")
        return self.source.image(dbr_type, count, self.long, self.part)


class Names:
    """All names that answer."""

    def __init__(self, records: Mapping[str, Record[object]]) -> None:
        self._records = records
        self._targets: dict[str, Target] = {n: Target(r) for n, r in records.items()}

    def find(self, name: str) -> Target | None:
        """What is served under a name; None for a foreign one."""
        found = self._targets.get(name)
        if found is None and name.partition(".")[0] in self._records:
            found = self._resolve(name)
        return found

    def _resolve(self, name: str) -> Target | None:
        try:
            _, record, field, modifiers = parse_record_field(name)
            target = self._target(self._records[record].get_field(field or "VAL"), modifiers)
        except (CaprotoError, KeyError, ValueError, AttributeError, TypeError):
            return None  # no such field, or a filter nobody can parse: the name is not ours
        if target is not None and len(self._targets) < MAX_KEPT:
            self._targets[name] = target
        return target

    @staticmethod
    def _target(source: Served, modifiers: tuple[RecordModifiers, str | None] | None) -> Target | None:
        if modifiers is None:
            return Target(source)
        flags, text = modifiers
        long = RecordModifiers.long_string in flags
        if long and not source.text_capacity:
            return None
        chosen = parse_channel_filter(_plain_deadband(text))
        if chosen.sync is not None:
            return None  # needs named server states, which nothing here has
        return Target(source, long, _slice(chosen.arr), bool(chosen.ts), _deadband(chosen.dbnd))


def _plain_deadband(text: str | None) -> str | None:
    """The documented form of the `dbnd` filter, {"d": 10, "m": "rel"}, as the one that caproto reads."""
    if not text or "dbnd" not in text:
        return text
    filters = json.loads(text)
    given = filters["dbnd"]
    if "d" in given:
        filters["dbnd"] = {given.get("m", "abs"): given["d"]}
    return json.dumps(filters)


def _slice(arr: tuple[int | None, int | None, int | None] | None) -> Slice | None:
    if arr is None:
        return None
    start, step, end = arr  # both ends included, -1 is the last
    stop = None if end in (None, -1) else end + 1
    return start, stop, step or 1


def _deadband(dbnd: tuple[str | float, float] | None) -> Deadband | None:
    return None if dbnd is None else Deadband(dbnd[0] == "rel", dbnd[1])
