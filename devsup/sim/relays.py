"""Simulated relays: coils that somebody drives, contacts that follow unless something is broken.

Knows nothing of who drives the coils; gpio.py and relay_board.py do.
"""

import enum
from collections.abc import Sequence


class RelayFault(enum.Enum):
    """What can be wrong with a relay. The order is that of the states of a fault PV."""

    OK = "the contact follows the coil"
    WELDED = "the contact stays closed once it has been"
    STUCK_OPEN = "the contact does not close"


RELAY_FAULT_NAMES = tuple(fault.name for fault in RelayFault)


class SimRelays:
    """Several relays by name. For any thread: every state is one bool."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.faults = dict.fromkeys(names, RelayFault.OK)
        self.operations = dict.fromkeys(names, 0)
        self._coils = dict.fromkeys(names, False)
        self._welded = dict.fromkeys(names, False)

    def drive(self, name: str, on: bool) -> None:
        """Somebody drives a coil."""
        self.operations[name] += self._coils[name] is not on
        self._coils[name] = on

    def coil(self, name: str) -> bool:
        return self._coils[name]

    def contact(self, name: str) -> bool:
        """Is it closed?"""
        fault, on = self.faults[name], self._coils[name]
        if fault is RelayFault.STUCK_OPEN:
            return False
        self._welded[name] = fault is RelayFault.WELDED and (on or self._welded[name])
        return on or self._welded[name]

    def closed(self) -> set[str]:
        """The names of those whose contacts are closed."""
        return {name for name in self.names if self.contact(name)}
