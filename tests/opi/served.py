"""Every PV that the demo serves, with what is known of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iocs.__main__ import furnished
from iocs.caserver import Record
from iocs.common.pv import merge
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
    return Served(record.spec.kind, record.writable, record.spec.access, record.record_type)


@functools.cache
def demo() -> Mapping[str, Served]:
    """By name, from the definitions with which the demo runs, simulated instruments included."""
    found = {}
    for name in known():
        subsystem = find(name)
        config = subsystem.load(subsystem.database, {})
        groups = furnished(subsystem, config, subsystem.prefix, simulate=True).groups
        found |= {pv: served(record) for pv, record in merge(groups).items()}
    return found
