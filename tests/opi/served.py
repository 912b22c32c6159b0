"""Every PV that the demo serves, with what is known of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iocs.__main__ import furnished
from iocs.caserver import Record
from iocs.common.furnish import Furnished
from iocs.common.group import merge
from iocs.common.spec import Kind
from iocs.common.subsystem import find, known

NUMBERS = (Kind.READBACK, Kind.SETPOINT, Kind.COUNTER, Kind.INTEGER)
STATES = (Kind.CHOICE, Kind.FLAG, Kind.COMMAND)
ARRAYS = (Kind.WAVEFORM, Kind.INTEGERS)


@dataclass(frozen=True)
class Served:
    """One PV."""

    kind: Kind
    writable: bool
    access: str
    record_type: str
    is_archived: bool = False

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    @property
    def has_states(self) -> bool:
        return self.kind in STATES

    @property
    def is_long_text(self) -> bool:
        """Cut to 39 characters unless it is read as `.VAL$`."""
        return self.record_type in ("lsi", "lso")


def served(record: Record[Any]) -> Served:
    return Served(
        record.spec.kind, record.writable, record.spec.access, record.record_type, bool(record.spec.archive)
    )


_KEPT: list[Furnished] = []
"""What was built stays: a simulation may hold a folder until the tests end."""


def of_ioc(name: str, database: Path, prefix: str) -> dict[str, Served]:
    """By name, from the definitions with which an IOC runs, simulated instruments included."""
    subsystem = find(name)
    _KEPT.append(furnished(subsystem, subsystem.load(database, {}), prefix, simulate=True))
    return {pv: served(record) for pv, record in merge(_KEPT[-1].groups).items()}


@functools.cache
def demo() -> Mapping[str, Served]:
    """Everything the demo serves."""
    found = {}
    for name in known():
        subsystem = find(name)
        found |= of_ioc(name, subsystem.database, subsystem.prefix)
    return found
